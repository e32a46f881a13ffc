/*
 * Figures that appear or change hours and days late (--control-late), read in each cloud by the minute and by the hour: both
 * grains tell the same at every instant, each age of a reader who looks again finds some, and after 60 h nothing changes.
 */
#include "collector/base/hash.h"

#include "tests/cloudsim/aws/aws_cloud.h"
#include "tests/cloudsim/gcp/gcp_api.h"
#include "tests/cloudsim/gcp/gcp_calls.h"
#include "tests/cloudsim/gcp/gcp_monitoring.h"
#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/test/client.h"

/* The two hours of history, [08:00, 10:00). */
#define FROM_S 1795507200
#define TO_S   1795514400

static struct http_server_response reply;
static struct json_parser *body_parser;

static double azure_figure(bool coarse, int64_t now)
{
    double sum = 0, v;
    json metric, s, point;

    (void)now;
    for (unsigned i = 0; i < azure_of(&sim)->world.n_accounts; i++) {
        const char *path =
            format("%.*s/providers/Microsoft.Insights/metrics?api-version=2024-02-01&interval=%s&top=1000&metricnames="
                   "AzureOpenAIRequests&aggregation=total&timespan=2026-11-24T08%%3A00%%3A00Z%%2F2026-11-24T10%%3A00%%"
                   "3A00Z&%%24filter=ModelDeploymentName%%20eq%%20'*'",
                   SV_ARG(azure_of(&sim)->world.accounts[i].id), coarse ? "PT1H" : "PT1M");

        must(get(arm_token(), path) == 200, "metrics");
        for (struct json_iter it = json_items(json_get(parsed(), SV("value"))); json_item(&it, &metric);)
            for (struct json_iter at = json_items(json_get(metric, SV("timeseries"))); json_item(&at, &s);) {
                must(json_count(json_get(s, SV("data"))) == (coarse ? 2 : 120), "buckets of Azure");
                for (struct json_iter in = json_items(json_get(s, SV("data"))); json_item(&in, &point);)
                    sum += json_f64(json_get(point, SV("total")), &v) ? v : 0;
            }
    }
    return sum;
}

static double aws_figure(bool coarse, int64_t now)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    struct aws_request own = { .account = &aws_of(&sim)->world.accounts[p->account], .region = p->region->name };
    double sum = 0, v;
    sv token = SV_NONE;
    json root, result, value;

    do {
        struct exchange x = { .sim = &sim, .r = &reply, .now = now, .own = &own };
        const char *body =
            format("{\"StartTime\":%d,\"EndTime\":%d,\"MetricDataQueries\":[{\"Id\":\"m0\",\"MetricStat\":{\"Metric\":{"
                   "\"Namespace\":\"AWS/Bedrock\",\"MetricName\":\"OutputTokenCount\",\"Dimensions\":[]},\"Period\":%d,"
                   "\"Stat\":\"Sum\"}}]%s%.*s%s}",
                   FROM_S, TO_S, coarse ? 3600 : 60, token.len ? ",\"NextToken\":\"" : "", SV_ARG(token),
                   token.len ? "\"" : "");

        must(json_parse(body_parser, sv_of(body), &own.body, NULL) == ERR_OK, body);
        buf_clear(&reply.body);
        arena_init(&x.arena, 0);
        aws_get_metric_data(&x);
        arena_done(&x.arena);
        must(json_parse(parser, buf_sv(&reply.body), &root, NULL) == ERR_OK, "the answer is no JSON");
        for (struct json_iter it = json_items(json_get(root, SV("MetricDataResults"))); json_item(&it, &result);) {
            must(json_count(json_get(result, SV("Values"))) <= (coarse ? 2 : 120), "periods of CloudWatch");
            for (struct json_iter in = json_items(json_get(result, SV("Values"))); json_item(&in, &value);)
                sum += json_f64(value, &v) ? v : 0;
        }
        token = arena_copy(&arena, json_sv(json_get(root, SV("NextToken"))));
    } while (token.len);
    return sum;
}

/* Of a series that comes twice, the first. */
static double gcp_sum(const char *type, const char *member, bool coarse, int64_t now)
{
    struct exchange x = { .sim = &sim, .r = &reply, .now = now };
    double sum = 0, v;
    struct json_iter it;
    json root = { .tape = NULL }, series = { .tape = NULL }, point;

    buf_clear(&reply.body);
    arena_init(&x.arena, 0);
    gcp_time_series_of(
        &x, gcp_of(&sim)->world.projects[0].id,
        sv_of(format("filter=metric.type%%3D%%22aiplatform.googleapis.com/publisher/online_serving/%s%%22&interval."
                     "startTime=2026-11-24T08:00:00Z&interval.endTime=2026-11-24T10:00:00Z&aggregation.alignmentPeriod="
                     "%ds&aggregation.perSeriesAligner=ALIGN_SUM&aggregation.crossSeriesReducer=REDUCE_SUM",
                     type, coarse ? 3600 : 60)));
    arena_done(&x.arena);
    must(reply.status == 200 && json_parse(parser, buf_sv(&reply.body), &root, NULL) == ERR_OK, "Monitoring");
    it = json_items(json_get(root, SV("timeSeries")));
    if (!json_item(&it, &series))
        return 0;
    must(json_count(json_get(series, SV("points"))) <= (coarse ? 2 : 120), "periods of Monitoring");
    for (struct json_iter in = json_items(json_get(series, SV("points"))); json_item(&in, &point);) {
        int64_t start = 0, end = 0;

        json_time(json_path(point, "interval/startTime"), &start);
        json_time(json_path(point, "interval/endTime"), &end);
        must(end - start == (coarse ? NANO_PER_H : NANO_PER_MIN) && end % (end - start) == 0, "a whole period");
        sum += json_f64(json_path(point, member), &v) ? v : 0;
    }
    return sum;
}

static double gcp_figure(bool coarse, int64_t now)
{
    return gcp_sum("token_count", "value/int64Value", coarse, now);
}

static double gcp_distribution(bool coarse, int64_t now)
{
    return gcp_sum("first_token_latencies", "value/distributionValue/count", coarse, now);
}

static double openai_figure(bool coarse, int64_t now)
{
    double sum = 0, v;
    unsigned buckets = 0;
    json bucket, r;

    (void)now;
    must(get(openai_of(&sim)->world.admin_key,
             format("/v1/organization/usage/completions?start_time=%d&end_time=%d&bucket_width=%s&limit=120", FROM_S,
                    TO_S, coarse ? "1h" : "1m")) == 200,
         "usage");
    for (struct json_iter it = json_items(json_get(parsed(), SV("data"))); json_item(&it, &bucket); buckets++)
        for (struct json_iter in = json_items(json_get(bucket, SV("results"))); json_item(&in, &r);)
            sum += json_f64(json_get(r, SV("input_tokens")), &v) ? v : 0;
    must(buckets <= (coarse ? 2 : 120), "buckets of OpenAI");
    return sum;
}

static const struct {
    const char *name;
    double (*figure)(bool coarse, int64_t now);
} read_by[] = { { "azure", azure_figure },
                { "aws", aws_figure },
                { "gcp", gcp_figure },
                { "gcp distribution", gcp_distribution },
                { "openai", openai_figure } };
enum { READERS = sizeof read_by / sizeof read_by[0] };

static void by_the_hour_is_told_what_is_told_by_the_minute(void)
{
    static const double hours[] = { 0.75, 2.1, 7.1, 25.1, 61 };

    for (unsigned c = 0; c < READERS; c++) {
        unsigned wrong = 0;

        for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
            int64_t now = ORIGIN + (int64_t)(hours[i] * 3600e9);

            clock_set_manual(now);
            wrong += read_by[c].figure(true, now) != read_by[c].figure(false, now);
        }
        if (!OK(wrong == 0))
            printf("# %s: %u\n", read_by[c].name, wrong);
    }
}

static void each_age_of_a_second_look_finds_some_and_sixty_hours_end_it(void)
{
    static const double hours[] = { 0.75, 2.1, 7.1, 25.1, 61, 240 };

    for (unsigned c = 0; c < READERS; c++) {
        double v[6];

        for (unsigned i = 0; i < 6; i++) {
            clock_set_manual(ORIGIN + (int64_t)(hours[i] * 3600e9));
            v[i] = read_by[c].figure(true, clock_now());
        }
        if (!OK(v[0] != v[1] && v[1] != v[2] && v[2] != v[3] && v[3] != v[4] && v[4] == v[5] && v[4] > 0))
            printf("# %s: %g %g %g %g %g %g\n", read_by[c].name, v[0], v[1], v[2], v[3], v[4], v[5]);
    }
}

static void shares_are_as_asked_and_spread_over_the_ages(void)
{
    static const double until[] = { 1.5, 6, 24, 60 };
    struct sim_options o = { .control_late = 0.2 };
    unsigned n[4] = { 0 }, none = 0, outside = 0;

    for (uint64_t i = 0; i < 40000; i++) {
        int64_t at = control_settles(&o, hash_u64(7, i), ORIGIN);
        double h = (double)(at - ORIGIN) / 3600e9;
        unsigned k = 0;

        none += at == 0;
        outside += at && (h < 1 || h > 60);
        while (at && k < 3 && h > until[k])
            k++;
        n[k] += at != 0;
    }
    OK(none > 31500 && none < 32500 && outside == 0);
    OK(n[0] > 1800 && n[1] > 1800 && n[2] > 1800 && n[3] > 1800);
    o.control_within_ms = 6 * 3600 * 1000;
    for (uint64_t i = outside = 0; i < 40000; i++)
        outside += control_settles(&o, hash_u64(7, i), ORIGIN) > ORIGIN + 6 * NANO_PER_H;
    OK(outside == 0);
    o.control_late = 0;
    OK(control_settles(&o, 12345, ORIGIN) == 0);
}

int main(void)
{
    start_sim((struct sim_options){ .seed = 13,
                                    .clouds = CLOUD_AZURE | CLOUD_AWS | CLOUD_GCP | CLOUD_OPENAI,
                                    .calls_per_minute = 400,
                                    .history_ms = 2 * 3600 * 1000,
                                    .late = 0.05,
                                    .revise = 0.05,
                                    .control_late = 0.2 });
    arena.limit_bytes = 1 << 30;
    body_parser = json_parser_new(0);
    RUN(shares_are_as_asked_and_spread_over_the_ages);
    RUN(by_the_hour_is_told_what_is_told_by_the_minute);
    RUN(each_age_of_a_second_look_finds_some_and_sixty_hours_end_it);
    json_parser_free(body_parser);
    buf_done(&reply.body);
    buf_done(&reply.headers);
    stop_sim();
    return tap_done();
}
