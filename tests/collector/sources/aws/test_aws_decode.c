/* Answers of CloudWatch: the samples, and what may be wrong with them. */
#include <math.h>

#include "collector/base/clock.h"
#include "collector/sources/aws/aws.h"

#include "tests/collector/sources/aws/data.h"
#include "tests/tap.h"

static struct arena arena;

static struct aws_series series_of(const char *metric, const char *model)
{
    int row = aws_metric_find(SV("AWS/Bedrock"), sv_of(metric), 1);

    OK(row >= 0);
    return (struct aws_series){ .metric = (uint16_t)row, .value = { sv_of(model), SV_NONE }, .hash = 1 };
}

static void a_listing_gives_series_of_our_levels_alone(void)
{
    struct items items = { .arena = &arena };
    struct data_json d;
    struct err e;
    sv next;

    OK(data_json("cloudwatch/list-metrics.response.awsjson.json", &d));
    OK(aws_decode_list_metrics(d.root, &items, &next, &e) == ERR_OK);
    OK(items.n == 3 && sv_eq(next, SV("EXAMPLE-opaque-next-token==")));
    for (size_t i = 0; i < items.n; i++) {
        const struct aws_series *s = ITEM(&items, struct aws_series, i);
        const struct aws_metric *m = &aws_metrics[s->metric];

        printf("# %s %s %.*s %.*s\n", m->ns, m->name, SV_ARG(s->value[0]), SV_ARG(s->value[1]));
        OK(aws_level(m) == 1 ? s->value[1].len == 0 : s->value[1].len > 0);
    }
    OK(sv_eq(ITEM(&items, struct aws_series, 2)->value[0], SV("proj_example1")) &&
       sv_eq(ITEM(&items, struct aws_series, 2)->value[1], SV("openai.gpt-6-sol")));
    data_done(&d);
}

/* The order of dimensions is no part of a series; their names are. */
static void the_same_series_has_one_hash(void)
{
    static const char text[] =
        "{\"Metrics\":["
        "{\"Namespace\":\"AWS/BedrockMantle\",\"MetricName\":\"Inferences\",\"Dimensions\":[{\"Name\":\"Project\","
        "\"Value\":\"a\"},{\"Name\":\"Model\",\"Value\":\"b\"}]},"
        "{\"Namespace\":\"AWS/BedrockMantle\",\"MetricName\":\"Inferences\",\"Dimensions\":[{\"Name\":\"Model\","
        "\"Value\":\"b\"},{\"Name\":\"Project\",\"Value\":\"a\"}]},"
        "{\"Namespace\":\"AWS/BedrockMantle\",\"MetricName\":\"Inferences\",\"Dimensions\":[{\"Name\":\"Project\","
        "\"Value\":\"b\"},{\"Name\":\"Model\",\"Value\":\"a\"}]},"
        "{\"Namespace\":\"AWS/BedrockMantle\",\"MetricName\":\"Inferences\",\"Dimensions\":[{\"Name\":\"Project\","
        "\"Value\":\"b\"},{\"Name\":\"Project\",\"Value\":\"a\"}]},"
        "{\"Namespace\":\"AWS/Bedrock\",\"MetricName\":\"Inferences\",\"Dimensions\":[]},7,null]}";
    struct json_parser *p = json_parser_new(0);
    struct items items = { .arena = &arena };
    struct err e;
    json root;
    sv next;

    OK(json_parse(p, SV(text), &root, &e) == ERR_OK && aws_decode_list_metrics(root, &items, &next, &e) == ERR_OK);
    OK(items.n == 3 && next.len == 0);
    OK(ITEM(&items, struct aws_series, 0)->hash == ITEM(&items, struct aws_series, 1)->hash);
    OK(ITEM(&items, struct aws_series, 0)->hash != ITEM(&items, struct aws_series, 2)->hash);
    json_parser_free(p);
}

/* One question to which the two sample pages are an answer: m0 a sum, m1 to m5 a latency, and so on to m10. */
static const struct aws_series *asked[3];
static struct aws_series kept[3];
static struct aws_query question;

static void ask_for_the_sample(void)
{
    kept[0] = series_of("Invocations", "openai.gpt-oss-120b-1:0");
    kept[1] = series_of("InvocationLatency", "openai.gpt-oss-120b-1:0");
    kept[2] = series_of("TimeToFirstToken", "us.openai.gpt-6-sol");
    for (size_t i = 0; i < 3; i++)
        asked[i] = &kept[i];
    question = (struct aws_query){ .series = asked,
                                   .n_series = 3,
                                   .from_unix_nano = INT64_C(1789999740) * NANO_PER_S,
                                   .to_unix_nano = INT64_C(1790000040) * NANO_PER_S };
}

static void pages_are_gathered_and_judged_as_one(void)
{
    struct aws_answer a;
    struct data_json one, two;
    struct frame *f = frame_new(&arena, SV("aws"), SV("s"));
    struct aws_metric_context c = { .source = SV("aws"), .account = SV("111122223333"), .region = SV("us-east-1") };
    struct err e = { 0 };
    sv next;

    ask_for_the_sample();
    OK(aws_answer_init(&a, &arena, &question, &e) == ERR_OK && a.periods == 5 && a.n_entries == 11);
    OK(data_json("cloudwatch/get-metric-data.response.page1.awsjson.json", &one) &&
       data_json("cloudwatch/get-metric-data.response.page2.awsjson.json", &two));
    OK(aws_decode_metric_data(one.root, &a, &next, &e) == ERR_OK && sv_eq(next, SV("EXAMPLE-opaque-next-token==")));
    OK(a.entries[1].state == AWS_ENTRY_PARTIAL);
    OK(aws_decode_metric_data(two.root, &a, &next, &e) == ERR_OK && next.len == 0);
    OK(a.entries[0].state == AWS_ENTRY_COMPLETE && a.entries[1].state == AWS_ENTRY_COMPLETE);
    OK(a.entries[9].state == AWS_ENTRY_FORBIDDEN && a.entries[10].state == AWS_ENTRY_FAILED);
    OK(a.entries[3].state == AWS_ENTRY_MISSING);
    OK(aws_answer_whole(&a, &e) == ERR_RETRY); /* the first that is not whole: one that is missing */
    for (size_t i = 0; i < a.n_entries; i++)
        a.entries[i].state = AWS_ENTRY_COMPLETE;
    OK(aws_answer_whole(&a, &e) == ERR_OK && aws_emit_answer(&a, &c, f, &e) == ERR_OK);
    OK(f->batches && f->batches->n_measures == 6 && f->tally.received == 6);
    OK(f->batches->measures[0].value == 12 && f->batches->measures[2].value == 31 &&
       f->batches->measures[2].start_unix_nano == INT64_C(1789999920) * NANO_PER_S);
    OK(f->batches->measures[3].kind == MEASURE_SUMMARY && f->batches->measures[3].sum == 2417.25 &&
       isnan(f->batches->measures[3].count) && isnan(f->batches->measures[3].value));
    OK(f->batches->measures[5].sum == 3051.0);
    OK(sv_eq(batch_sv(f->batches, f->batches->measures[0].model), SV("gpt-oss-120b")) &&
       f->batches->measures[0].deployment == 0 &&
       sv_eq(batch_sv(f->batches, f->batches->measures[0].family), SV("successes")));
    data_done(&one);
    data_done(&two);
}

static enum err_code decode(const char *text, struct aws_answer *a, struct err *e)
{
    struct json_parser *p = json_parser_new(0);
    enum err_code code;
    json root;
    sv next;

    ask_for_the_sample();
    OK(aws_answer_init(a, &arena, &question, e) == ERR_OK);
    OK(json_parse(p, sv_of(text), &root, e) == ERR_OK);
    code = aws_decode_metric_data(root, a, &next, e);
    json_parser_free(p);
    return code;
}

#define RESULT(id, times, values)                                                                                      \
    "{\"MetricDataResults\":[{\"Id\":\"" id "\",\"StatusCode\":\"Complete\",\"Timestamps\":[" times                    \
    "],\"Values\":[" values "]}]}"

static void answers_to_other_questions_are_refused(void)
{
    struct aws_answer a;
    struct err e;

    OK(decode("{}", &a, &e) == ERR_PARSE);
    OK(decode("{\"MetricDataResults\":{}}", &a, &e) == ERR_PARSE);
    OK(decode(RESULT("m11", "", ""), &a, &e) == ERR_PARSE && decode(RESULT("x0", "", ""), &a, &e) == ERR_PARSE);
    OK(decode(RESULT("m-1", "", ""), &a, &e) == ERR_PARSE && decode(RESULT("m", "", ""), &a, &e) == ERR_PARSE);
    OK(decode(RESULT("m0", "1789999740", ""), &a, &e) == ERR_PARSE);
    OK(decode("{\"MetricDataResults\":[]}", &a, &e) == ERR_OK && aws_answer_whole(&a, &e) == ERR_RETRY);
}

/* A control read: Sum of Invocations, Sum and SampleCount of the two latencies, by the hour. */
static enum err_code decode_hours(const char *results, struct aws_answer *a, struct err *e)
{
    struct json_parser *p = json_parser_new(0);
    enum err_code code;
    json root;
    sv next;

    ask_for_the_sample();
    question.asking = AWS_CONTROL;
    question.from_unix_nano = INT64_C(1789999200) * NANO_PER_S; /* 14:00 */
    question.to_unix_nano = question.from_unix_nano + 3 * NANO_PER_H;
    OK(aws_answer_init(a, &arena, &question, e) == ERR_OK && a->periods == 3 && a->n_entries == 5);
    OK(json_parse(p, sv_of(results), &root, e) == ERR_OK);
    code = aws_decode_metric_data(root, a, &next, e);
    for (size_t i = 0; i < a->n_entries; i++)
        a->entries[i].state = AWS_ENTRY_COMPLETE;
    json_parser_free(p);
    return code ? code : aws_answer_whole(a, e);
}

static void hours_are_measures_of_the_same_series(void)
{
    const struct aws_metric_context c = { .source = SV("aws"), .account = SV("1"), .region = SV("us-east-1") };
    struct frame *f = frame_new(&arena, SV("aws"), SV("s"));
    struct aws_answer a;
    struct err e = { 0 };
    const struct measure *m;

    OK(decode_hours(
           "{\"MetricDataResults\":[{\"Id\":\"m0\",\"StatusCode\":\"Complete\",\"Timestamps\":[1789999200,1790006400],"
           "\"Values\":[12,7]},{\"Id\":\"m1\",\"StatusCode\":\"Complete\",\"Timestamps\":[1790002800],\"Values\":[250."
           "5]},"
           "{\"Id\":\"m2\",\"StatusCode\":\"Complete\",\"Timestamps\":[1790002800],\"Values\":[3]}]}",
           &a, &e) == ERR_OK);
    OK(aws_emit_answer(&a, &c, f, &e) == ERR_OK && f->batches && f->batches->n_measures == 3);
    m = f->batches->measures;
    OK(m[0].value == 12 && m[0].end_unix_nano - m[0].start_unix_nano == NANO_PER_H && m[1].value == 7 &&
       m[1].start_unix_nano == INT64_C(1790006400) * NANO_PER_S);
    OK(m[2].kind == MEASURE_SUMMARY && m[2].sum == 250.5 && m[2].count == 3 && isnan(m[2].p50) && isnan(m[2].max));
    OK(m[0].series == aws_series_key(&kept[0], &c, f) && m[2].series == aws_series_key(&kept[1], &c, f));
}

static void minutes_are_not_taken_for_hours(void)
{
    struct aws_answer a;
    struct err e = { 0 };

    OK(decode_hours(RESULT("m0", "1789999200,1789999260", "1,2"), &a, &e) == ERR_PARSE);
    OK(decode_hours(RESULT("m0", "1789999200", "-1"), &a, &e) == ERR_OK); /* a figure that is none, not another grain */
}

static void times_and_values_come_in_every_form_of_a_double(void)
{
    static const struct {
        const char *times, *values;
        double want;
        enum reason rejected;
    } rows[] = {
        { "1789999740", "1", 1, REASON_NONE },
        { "1.78999974E9", "1.5e1", 15, REASON_NONE },
        { "1789999740.0", "\"2\"", 2, REASON_NONE },
        { "1789999740", "0.0", 0, REASON_NONE },
        { "1789999740", "\"NaN\"", NAN, REASON_NO_VALUE },
        { "1789999740", "\"Infinity\"", NAN, REASON_NO_VALUE },
        { "1789999740", "null", NAN, REASON_NO_VALUE },
        { "1789999740", "-1", NAN, REASON_OUT_OF_RANGE },
        { "1789999741", "1", NAN, REASON_OUT_OF_RANGE },
        { "1789999680", "1", NAN, REASON_OUT_OF_RANGE },
        { "1790000040", "1", NAN, REASON_OUT_OF_RANGE },
        { "null", "1", NAN, REASON_MALFORMED },
        { "1e300", "1", NAN, REASON_MALFORMED },
        { "9718999920", "1", NAN, REASON_MALFORMED },
        { "-5", "1", NAN, REASON_MALFORMED },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        struct aws_answer a;
        struct err e;

        snprintf(text, sizeof text, RESULT("m0", "%s", "%s"), rows[i].times, rows[i].values);
        OK(decode(text, &a, &e) == ERR_OK);
        if (!OK(isnan(rows[i].want) ? isnan(a.cells[0]) : a.cells[0] == rows[i].want))
            printf("# %s\n", text);
        OK(rows[i].rejected == REASON_NONE || a.rejected[rows[i].rejected] == 1);
    }
}

static void a_value_that_comes_again_is_the_last_one(void)
{
    struct aws_answer a;
    struct err e;

    OK(decode(RESULT("m0", "1789999740,1789999740", "1,2"), &a, &e) == ERR_OK && a.cells[0] == 2);
}

int main(void)
{
    arena_init(&arena, 0);
    RUN(a_listing_gives_series_of_our_levels_alone);
    RUN(the_same_series_has_one_hash);
    RUN(pages_are_gathered_and_judged_as_one);
    RUN(answers_to_other_questions_are_refused);
    RUN(hours_are_measures_of_the_same_series);
    RUN(minutes_are_not_taken_for_hours);
    RUN(times_and_values_come_in_every_form_of_a_double);
    RUN(a_value_that_comes_again_is_the_last_one);
    arena_done(&arena);
    return tap_done();
}
