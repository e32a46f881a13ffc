/* Small series for what no file shows: layouts of buckets, what one series is, what one minute is, hostile sizes. */
#include <math.h>

#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp.h"

#include "tests/tap.h"

#define SERVING "aiplatform.googleapis.com/publisher/online_serving/"
#define AT      "2026-11-23T21:20:00Z"

static struct json_parser *parser;
static struct arena arena;
static struct err e;
static struct gcp_context context = { .source = { "test", 4 }, .project = { "p0", 2 }, .observed_unix_nano = 1 };

static struct frame *frame(void)
{
    arena_reset(&arena);
    return frame_new(&arena, SV("test"), SV("project:p0"));
}

/* One page after the other of one answer. */
static enum err_code read_pages(struct frame *f, const char *const *pages, size_t n)
{
    struct gcp_answer a;
    enum err_code code = ERR_OK;

    gcp_answer_init(&a, &context);
    for (size_t i = 0; i < n && code == ERR_OK; i++) {
        json root = { 0 };
        sv next;

        code = json_parse(parser, sv_of(pages[i]), &root, &e);
        code = code ? code : gcp_decode_time_series(root, &a, f, &next, &e);
    }
    gcp_answer_done(&a);
    return code;
}

static sv series(const char *type, const char *metric, const char *resource, const char *kind, const char *points)
{
    return arena_printf(
        &arena,
        "{\"metric\":{\"type\":\"%s\",\"labels\":{%s}},\"resource\":{\"labels\":{\"location\":\"eu\"%s%s}},"
        "\"valueType\":\"%s\",\"points\":[%s]}",
        type, metric, *resource ? "," : "", resource, kind, points);
}

static struct frame *read_series(const char *type, const char *metric, const char *kind, const char *points)
{
    struct frame *f = frame();
    sv one = series(type, metric, "\"model_user_id\":\"gpt-oss-20b-maas\"", kind, points);

    OK(read_pages(f, &one.at, 1) == ERR_OK);
    return f;
}

static const struct measure *only(const struct frame *f)
{
    static const struct measure none;

    return f->batches && f->batches->n_measures == 1 ? f->batches->measures : &none;
}

/* ---- Distributions ---- */

static bool has_buckets(const struct measure *m, const double *bounds, const int64_t *counts, size_t n)
{
    bool same = m->n_buckets == n && m->kind == MEASURE_DISTRIBUTION;

    for (size_t i = 0; same && i < n; i++)
        same = m->buckets[i] == counts[i] && (i + 1 == n || fabs(m->bounds[i] - bounds[i]) < 1e-9);
    return same;
}

static void each_layout_is_read_with_short_or_no_counts(void)
{
    /* clang-format off */
    static const struct { const char *distribution; size_t n; double bounds[3]; int64_t counts[4]; double sum; } rows[] = {
        { "\"count\":\"3\",\"mean\":2,\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[1,5,10]}},\"bucketCounts\":[\"1\",\"2\"]",
          3, { 1, 5 }, { 1, 2, 0 }, 6 },
        { "\"count\":\"3\",\"mean\":20,\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[1,5,10]}},\"bucketCounts\":[\"0\",\"1\",\"0\",\"2\"]",
          2, { 5 }, { 1, 2 }, 60 },
        { "\"count\":\"2\",\"mean\":3,\"bucketOptions\":{\"linearBuckets\":{\"numFiniteBuckets\":4,\"width\":2,\"offset\":1}},\"bucketCounts\":[\"0\",\"1\",\"1\"]",
          3, { 3, 5 }, { 1, 1, 0 }, 6 },
        { "\"count\":\"2\",\"mean\":3,\"bucketOptions\":{\"exponentialBuckets\":{\"numFiniteBuckets\":64,\"growthFactor\":1.4,\"scale\":1}},\"bucketCounts\":[\"1\",\"0\",\"1\"]",
          3, { 1, 1.96 }, { 1, 1, 0 }, 6 },
        { "\"count\":\"7\",\"mean\":2,\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[1,5]}}", 1, { 0 }, { 7 }, 14 },
        { "\"count\":\"7\",\"mean\":2",                                                             1, { 0 }, { 7 }, 14 },
        { "\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[1,5]}}",                             1, { 0 }, { 0 }, 0 },
        { "",                                                                                       1, { 0 }, { 0 }, 0 },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char point[512];
        const struct measure *m;

        snprintf(point, sizeof point, "{\"interval\":{\"endTime\":\"" AT "\"},\"value\":{\"distributionValue\":{%s}}}",
                 rows[i].distribution);
        m = only(read_series(SERVING "first_token_latencies", "", "DISTRIBUTION", point));
        if (!OK(has_buckets(m, rows[i].bounds, rows[i].counts, rows[i].n) && m->sum == rows[i].sum))
            printf("# row %zu: %zu buckets\n", i, m->n_buckets);
    }
}

static void distributions_that_contradict_themselves_are_set_aside(void)
{
    /* clang-format off */
    static const char *const rows[] = {
        "\"count\":\"4\",\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[1,5]}},\"bucketCounts\":[\"1\",\"2\"]",
        "\"count\":\"3\",\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[1]}},\"bucketCounts\":[\"1\",\"1\",\"1\"]",
        "\"count\":\"2\",\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[5,1]}},\"bucketCounts\":[\"1\",\"1\"]",
        "\"count\":\"2\",\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[5,\"x\"]}},\"bucketCounts\":[\"1\",\"1\"]",
        "\"count\":\"2\",\"bucketOptions\":{\"linearBuckets\":{\"numFiniteBuckets\":3}},\"bucketCounts\":[\"1\",\"1\"]",
        "\"count\":\"2\",\"bucketOptions\":{\"linearBuckets\":{\"numFiniteBuckets\":4000000000,\"width\":1}},\"bucketCounts\":[\"1\",\"1\"]",
        "\"count\":\"2\",\"bucketOptions\":{\"tensorBuckets\":{}},\"bucketCounts\":[\"1\",\"1\"]",
        "\"count\":\"0\",\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[1]}},\"bucketCounts\":[\"-1\",\"1\"]",
        "\"count\":\"-1\",\"bucketOptions\":{\"explicitBuckets\":{\"bounds\":[1]}}",
        "\"count\":\"1\",\"mean\":1e308,\"bucketCounts\":[\"1\"]",
        "\"count\":\"9223372036854775807\",\"mean\":1",
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char point[512];
        struct frame *f;

        snprintf(point, sizeof point, "{\"interval\":{\"endTime\":\"" AT "\"},\"value\":{\"distributionValue\":{%s}}}",
                 rows[i]);
        f = read_series(SERVING "first_token_latencies", "", "DISTRIBUTION", point);
        if (!OK(f->n_quarantined == 1 && frame_records(f) == 0))
            printf("# row %zu\n", i);
    }
}

/* ---- What one minute is ---- */

static void a_point_is_of_the_minute_that_ends_with_it(void)
{
    /* clang-format off */
    static const struct { const char *interval; bool good; } rows[] = {
        { "\"startTime\":\"2026-11-23T21:19:00Z\",\"endTime\":\"" AT "\"",         true },
        { "\"startTime\":\"2026-11-23T21:19:00.001Z\",\"endTime\":\"" AT "\"",     true },
        { "\"startTime\":\"" AT "\",\"endTime\":\"" AT "\"",                       true }, /* aligned, told as a gauge */
        { "\"endTime\":\"" AT "\"",                                                true },
        { "\"startTime\":\"2026-11-23T21:15:00Z\",\"endTime\":\"" AT "\"",         false }, /* five minutes are not one */
        { "\"startTime\":\"2026-11-23T21:21:00Z\",\"endTime\":\"" AT "\"",         false },
        { "\"startTime\":\"2026-11-23T21:18:30Z\",\"endTime\":\"2026-11-23T21:19:30Z\"", false },
        { "\"startTime\":\"2026-11-23T21:19:00Z\"",                                false },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char point[256];
        struct frame *f;

        snprintf(point, sizeof point, "{\"interval\":{%s},\"value\":{\"int64Value\":\"9007199254740991\"}}",
                 rows[i].interval);
        f = read_series(SERVING "token_count", "\"type\":\"input\"", "INT64", point);
        if (!OK((only(f)->value == 9007199254740991.0) == rows[i].good && f->n_quarantined == !rows[i].good))
            printf("# row %zu\n", i);
        OK(!rows[i].good || only(f)->start_unix_nano + NANO_PER_MIN == only(f)->end_unix_nano);
    }
}

/* A control read: the same series, by the hour; a point between hours means that we were not understood. */
static void a_point_is_of_the_hour_that_was_asked_for(void)
{
    uint64_t minute;
    struct frame *f = read_series(SERVING "token_count", "\"type\":\"input\"", "INT64",
                                  "{\"interval\":{\"endTime\":\"" AT "\"},\"value\":{\"int64Value\":\"1\"}}");
    sv one;

    minute = only(f)->series;
    context.grain_nano = NANO_PER_H;
    f = read_series(SERVING "token_count", "\"type\":\"input\"", "INT64",
                    "{\"interval\":{\"startTime\":\"2026-11-23T21:00:00Z\",\"endTime\":\"2026-11-23T22:00:00Z\"},"
                    "\"value\":{\"int64Value\":\"77\"}}");
    OK(only(f)->value == 77 && only(f)->end_unix_nano - only(f)->start_unix_nano == NANO_PER_H);
    OK(only(f)->end_unix_nano % NANO_PER_H == 0 && only(f)->series == minute);
    f = frame();
    one = series(SERVING "token_count", "\"type\":\"input\"", "\"model_user_id\":\"gpt-oss-20b-maas\"", "INT64",
                 "{\"interval\":{\"startTime\":\"2026-11-23T21:19:00Z\",\"endTime\":\"" AT
                 "\"},\"value\":{\"int64Value\":\"1\"}}");
    OK(read_pages(f, &one.at, 1) == ERR_PARSE);
    context.grain_nano = 0;
}

/* ---- What one series is ---- */

#define POINT(v)                                                                                                       \
    "{\"interval\":{\"startTime\":\"2026-11-23T21:19:00Z\",\"endTime\":\"" AT "\"},\"value\":{\"int64Value\":\"" v     \
    "\"}}"

static size_t records_of(const char *type, const char *first, const char *first_at, const char *second,
                         const char *second_at)
{
    struct frame *f = frame();
    sv a = series(type, first, first_at, "INT64", POINT("1")), b = series(type, second, second_at, "INT64", POINT("2"));
    const char *pages[] = { a.at, b.at };

    OK(read_pages(f, pages, 2) == ERR_OK);
    return frame_records(f);
}

static void a_raw_page_has_more_series_than_we_have(void)
{
    const char *type = SERVING "model_invocation_count", *code = "\"response_code\":\"200\"";

    OK(records_of(type, code, "", code, "") == 1);
    OK(records_of(type, code, "", "\"response_code\":\"200\",\"input_token_size\":\"0-1k\"", "") == 2);
    OK(records_of(type, code, "", "\"response_code\":\"200\",\"explicit_caching\":\"\"", "") == 1);
    /* Live series may name their project or not, by two names. */
    OK(records_of(type, code, "", code, "\"resource_container\":\"123\"") == 1);
    OK(records_of(type, code, "\"project_id\":\"p0\"", code, "\"resource_container\":\"123\"") == 1);
}

/* online_prediction has a quota of requests and one of tokens: what one uses is no revision of the other. */
static void two_quotas_of_one_pool_are_two_series(void)
{
    struct frame *f = frame();
    const char *model = "\"base_model\":\"gpt-oss-120b\"";
    sv requests = series("aiplatform.googleapis.com/quota/online_prediction_requests_per_base_model/usage", model, "",
                         "INT64", POINT("5"));
    sv tokens = series("aiplatform.googleapis.com/quota/online_prediction_tokens_per_minute_per_base_model/usage",
                       model, "", "INT64", POINT("5000"));
    const char *pages[] = { requests.at, tokens.at };
    const struct measure *m;

    OK(read_pages(f, pages, 2) == ERR_OK && f->batches && !f->batches->next && f->batches->n_measures == 2);
    m = f->batches->measures;
    OK(m[0].series != m[1].series && m[0].key != m[1].key && m[0].value == 5 && m[1].value == 5000);
    OK(sv_eq(batch_sv(f->batches, m[0].unit), SV("requests")) && sv_eq(batch_sv(f->batches, m[1].unit), SV("tokens")));
}

/* A series that goes on on the next page, which repeats its last point. */
static void a_series_that_is_cut_across_pages_is_one(void)
{
    struct frame *f = frame();
    const char *labels = "\"type\":\"input\"", *type = SERVING "token_count";
    sv newer = series(type, labels, "", "INT64",
                      POINT("7") ",{\"interval\":{\"endTime\":\"2026-11-23T21:19:00Z\"},\"value\":{\"int64Value\":6}}");
    sv older = series(type, labels, "", "INT64",
                      "{\"interval\":{\"endTime\":\"2026-11-23T21:19:00Z\"},\"value\":{\"int64Value\":\"6\"}},"
                      "{\"interval\":{\"endTime\":\"2026-11-23T21:18:00Z\"},\"value\":{\"int64Value\":\"5\"}}");
    const char *pages[] = { newer.at, older.at };
    const struct measure *m;

    OK(read_pages(f, pages, 2) == ERR_OK && frame_records(f) == 3 && f->tally.duplicate == 1);
    m = f->batches->measures;
    OK(m[0].value == 7 && m[1].value == 6 && m[2].value == 5 && m[0].series == m[2].series);
}

static void a_file_tells_the_project_itself(void)
{
    const sv asked = context.project;
    struct frame *f = frame();
    sv one = series(SERVING "token_count", "\"type\":\"input\"", "\"resource_container\":\"123\",\"project_id\":\"p9\"",
                    "INT64", POINT("1"));

    context.project = SV_NONE;
    OK(read_pages(f, &one.at, 1) == ERR_OK);
    context.project = asked;
    OK(f->batches && sv_eq(batch_sv(f->batches, f->batches->origin.account), SV("p9")));
}

/* A label of a kilobyte, or a hundred of them: rejected, or the window would be halved for ever. */
static void hostile_labels_are_rejected(void)
{
    struct buf b;
    struct frame *f;

    buf_init(&b, 0);
    buf_put(&b, SV("\"type\":\"input\""));
    for (int i = 0; i < 100; i++)
        buf_printf(&b, ",\"l%d\":\"v\"", i);
    buf_putc(&b, '\0');
    f = read_series(SERVING "token_count", b.at, "INT64", POINT("1"));
    OK(frame_records(f) == 0 && f->tally.rejected[REASON_LIMIT] == 1 && f->tally.received == 1);
    buf_clear(&b);
    buf_put(&b, SV("\"type\":\"input\",\"source\":\""));
    for (int i = 0; i <= GCP_NAME_MAX; i++)
        buf_putc(&b, 'x');
    buf_put(&b, SV("\"\0"));
    f = read_series(SERVING "token_count", b.at, "INT64", POINT("1"));
    OK(frame_records(f) == 0 && f->tally.rejected[REASON_LIMIT] == 1);
    buf_done(&b);
}

int main(void)
{
    arena_init(&arena, 0);
    parser = json_parser_new(0);
    RUN(each_layout_is_read_with_short_or_no_counts);
    RUN(distributions_that_contradict_themselves_are_set_aside);
    RUN(a_point_is_of_the_minute_that_ends_with_it);
    RUN(a_point_is_of_the_hour_that_was_asked_for);
    RUN(a_raw_page_has_more_series_than_we_have);
    RUN(two_quotas_of_one_pool_are_two_series);
    RUN(a_series_that_is_cut_across_pages_is_one);
    RUN(a_file_tells_the_project_itself);
    RUN(hostile_labels_are_rejected);
    json_parser_free(parser);
    arena_done(&arena);
    return tap_done();
}
