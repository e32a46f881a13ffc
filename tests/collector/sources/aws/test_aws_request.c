/* Bodies and paths as AWS's documents and the sample requests have them. */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws.h"

#include "tests/collector/sources/aws/data.h"
#include "tests/tap.h"

static struct buf out;

static bool is(const char *want)
{
    bool same = sv_eq(buf_sv(&out), sv_of(want));

    if (!same)
        printf("# %.*s\n", SV_ARG(buf_sv(&out)));
    buf_clear(&out);
    return same;
}

static void listings_ask_with_and_without_a_token(void)
{
    aws_body_list_accounts(&out, SV("ou-1"), SV_NONE);
    OK(is("{\"ParentId\":\"ou-1\",\"MaxResults\":20}"));
    aws_body_list_accounts(&out, SV("ou-1"), SV("a\"b"));
    OK(is("{\"ParentId\":\"ou-1\",\"MaxResults\":20,\"NextToken\":\"a\\\"b\"}"));
    aws_body_list_regions(&out, SV_NONE);
    OK(is("{\"RegionOptStatusContains\":[\"ENABLED\",\"ENABLED_BY_DEFAULT\"],\"MaxResults\":50}"));
    aws_body_list_metrics(&out, SV("AWS/Bedrock"), true, SV("t"));
    OK(is("{\"Namespace\":\"AWS/Bedrock\",\"RecentlyActive\":\"PT3H\",\"NextToken\":\"t\"}"));
    aws_body_list_quotas(&out, SV_NONE);
    OK(is("{\"ServiceCode\":\"bedrock\",\"MaxResults\":100}"));
    aws_body_list_tags(&out, SV("arn:x"));
    OK(is("{\"resourceARN\":\"arn:x\"}"));
    aws_path_profiles(&out, "APPLICATION", SV_NONE);
    OK(is("/inference-profiles?maxResults=1000&type=APPLICATION"));
    aws_path_profiles(&out, "APPLICATION", SV("a+/=")); /* in the order that the signature sorts */
    OK(is("/inference-profiles?maxResults=1000&nextToken=a%2B%2F%3D&type=APPLICATION"));
    aws_path_profile(&out, SV("arn:aws:bedrock:r:1:application-inference-profile/x")); /* one segment */
    OK(is("/inference-profiles/arn%3Aaws%3Abedrock%3Ar%3A1%3Aapplication-inference-profile%2Fx"));
}

/* The sample's entries, up to those statistics that we ask for beside them. */
static void a_question_has_the_form_of_the_sample(void)
{
    struct aws_series series[] = {
        { .metric = (uint16_t)aws_metric_find(SV("AWS/Bedrock"), SV("Invocations"), 1),
          .value = { SV("openai.gpt-oss-120b-1:0"), SV_NONE } },
        { .metric = (uint16_t)aws_metric_find(SV("AWS/BedrockMantle"), SV("InputTokens"), 2),
          .value = { SV("p"), SV("openai.gpt-oss-120b") } },
    };
    const struct aws_series *list[] = { &series[0], &series[1] };
    struct aws_query q = { .series = list,
                           .n_series = 2,
                           .from_unix_nano = INT64_C(1789999740) * NANO_PER_S,
                           .to_unix_nano = INT64_C(1790000040) * NANO_PER_S };
    struct json_parser *p = json_parser_new(0);
    struct data_json sample;
    json root, ours, theirs;
    struct json_iter a, b;
    int64_t t;

    aws_body_metric_data(&out, &q, SV("n"));
    OK(data_json("cloudwatch/get-metric-data.request.awsjson.json", &sample));
    OK(json_parse(p, buf_sv(&out), &root, NULL) == ERR_OK);
    OK(json_i64(json_get(root, SV("StartTime")), &t) && t == 1789999740);
    OK(json_i64(json_get(root, SV("EndTime")), &t) && t == 1790000040);
    OK(json_i64(json_get(root, SV("MaxDatapoints")), &t) && t == 100800);
    OK(sv_eq(json_sv(json_get(root, SV("ScanBy"))), SV("TimestampAscending")) &&
       sv_eq(json_sv(json_get(root, SV("NextToken"))), SV("n")));
    a = json_items(json_get(root, SV("MetricDataQueries")));
    b = json_items(json_get(sample.root, SV("MetricDataQueries")));
    OK(json_item(&a, &ours) && json_item(&b, &theirs));
    for (size_t i = 0; i < 4; i++) {
        static const char *const paths[] = { "Id", "MetricStat/Metric/Namespace", "MetricStat/Metric/MetricName",
                                             "MetricStat/Stat" };

        OK(json_sv(json_path(ours, paths[i])).len > 0 &&
           sv_eq(json_sv(json_path(ours, paths[i])), json_sv(json_path(theirs, paths[i]))));
    }
    OK(json_i64(json_path(ours, "MetricStat/Period"), &t) && t == 60);
    OK(json_item(&a, &ours) && sv_eq(json_sv(json_get(ours, SV("Id"))), SV("m1")));
    OK(json_count(json_path(ours, "MetricStat/Metric/Dimensions")) == 2 && !json_item(&a, &ours));
    json_parser_free(p);
    data_done(&sample);
    buf_clear(&out);
}

static void the_largest_question_fits_its_buffer(void)
{
    struct aws_series one = { .metric = (uint16_t)aws_metric_find(SV("AWS/BedrockMantle"), SV("InputTokens"), 2),
                              .value = { SV("project"), SV("openai.gpt-oss-120b") } };
    const struct aws_series *list[AWS_ENTRIES_MAX];
    struct aws_query q = { .series = list, .n_series = AWS_ENTRIES_MAX };

    for (size_t i = 0; i < AWS_ENTRIES_MAX; i++)
        list[i] = &one;
    aws_body_metric_data(&out, &q, SV_NONE);
    OK(!out.failed && out.len < 1 << 20);
    buf_clear(&out);
}

int main(void)
{
    buf_init(&out, 4 << 20);
    RUN(listings_ask_with_and_without_a_token);
    RUN(a_question_has_the_form_of_the_sample);
    RUN(the_largest_question_fits_its_buffer);
    buf_done(&out);
    return tap_done();
}
