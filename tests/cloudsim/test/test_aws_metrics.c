/* CloudWatch as cloudsim plays it: its levels, its pages, its delays, and that all of it adds up to the truth. */
#include <math.h>

#include "tests/cloudsim/aws/aws_metric.h"
#include "tests/cloudsim/test/aws_client.h"

#define SETTLED (ORIGIN + 40 * NANO_PER_MIN)
enum { FIRST_S = (int)(ORIGIN / NANO_PER_S) - 7200, LAST_S = (int)(ORIGIN / NANO_PER_S) + 600 };

static const char *dims_text(const struct aws_series *s)
{
    struct aws_dimension d[3];
    size_t n = aws_series_dimensions(s, d);
    struct buf b = { .at = NULL };
    const char *out;

    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s{\"Name\":\"%.*s\",\"Value\":\"%.*s\"}", i ? "," : "", SV_ARG(d[i].name), SV_ARG(d[i].value));
    out = arena_copy(&arena, buf_sv(&b)).at;
    buf_done(&b);
    return out;
}

static const char *one_query(const struct aws_series *s, const char *stat, int from_s, int until_s, int period)
{
    return format("{\"StartTime\":%d,\"EndTime\":%d,\"MetricDataQueries\":[{\"Id\":\"q\",\"MetricStat\":{\"Metric\":"
                  "{\"Namespace\":\"%s\",\"MetricName\":\"%s\",\"Dimensions\":[%s]},\"Period\":%d,\"Stat\":\"%s\"}}]}",
                  from_s, until_s, aws_namespaces[s->metric->plane], s->metric->name, dims_text(s), period, stat);
}

/* All pages of one query added up; *points how many there were. */
static double total(const struct aws_place *p, const char *body, int64_t now, unsigned *points)
{
    sv token = SV_NONE;
    double sum = 0, v;
    json item, value, a;

    *points = 0;
    do {
        a = call_in(aws_get_metric_data, p, now, with_token(body, "NextToken", token));
        for (struct json_iter it = json_items(json_get(a, SV("MetricDataResults"))); json_item(&it, &item);)
            for (struct json_iter k = json_items(json_get(item, SV("Values"))); json_item(&k, &value); ++*points)
                sum += json_f64(value, &v) ? v : NAN;
        token = arena_copy(&arena, json_sv(json_get(a, SV("NextToken"))));
    } while (token.len);
    return sum;
}

static const struct aws_metric *metric_named(const char *name)
{
    for (unsigned i = 0; i < AWS_METRICS; i++)
        if (!strcmp(aws_metrics[i].name, name))
            return &aws_metrics[i];
    must(false, name);
    return NULL;
}

static double series_total(const char *metric, const struct aws_place *p, enum aws_level level, sv model, sv project,
                           const char *stat)
{
    struct aws_series s = {
        .metric = metric_named(metric), .place = p, .level = level, .model = model, .project = project
    };
    unsigned points;

    return total(p, one_query(&s, stat, FIRST_S, LAST_S, 60), SETTLED, &points);
}

static double of_deployment(const char *metric, const struct aws_deployment *d, const char *stat)
{
    return series_total(metric, &aws_of(&sim)->world.places[d->place],
                        d->plane == AWS_MANTLE ? LEVEL_PAIR : LEVEL_MODEL, d->model_id, d->project, stat);
}

static double truth_of(json truth, const char *family, const struct aws_deployment *d, const char *name, const char *v)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[d->place];
    const struct want want[] = { { "account", aws_of(&sim)->world.accounts[p->account].id },
                                 { "cloud_region", p->region->name },
                                 { "platform", d->plane == AWS_MANTLE ? SV("bedrock_mantle") : SV("bedrock") },
                                 { "resource", d->project },
                                 { "deployment", d->label_deployment },
                                 { "model", d->label_model },
                                 { name, sv_of(v) },
                                 { NULL, SV_NONE } };

    return truth_sum(truth, family, want);
}

static bool runtime_agrees(json truth, const struct aws_deployment *d)
{
    bool accepted = sim.options.switches[SW_INVOCATIONS];
    double refused = of_deployment("InvocationClientErrors", d, "Sum"),
           server = of_deployment("InvocationServerErrors", d, "Sum"),
           success = of_deployment("Invocations", d, "Sum") - (accepted ? refused + server : 0);
    double read = of_deployment("CacheReadInputTokens", d, "Sum"),
           write = of_deployment("CacheWriteInputTokens", d, "Sum");
    const char *requests = "genai_requests_total", *tokens = "genai_tokens_total", *parts = "genai_token_parts_total";

    return success == truth_of(truth, requests, d, "outcome", "success") &&
           refused == truth_of(truth, requests, d, "outcome", "client_error") &&
           server == truth_of(truth, requests, d, "outcome", "server_error") &&
           of_deployment("InvocationThrottles", d, "Sum") == truth_of(truth, requests, d, "outcome", "throttled") &&
           of_deployment("InputTokenCount", d, "Sum") + read + write ==
               truth_of(truth, tokens, d, "direction", "input") &&
           of_deployment("OutputTokenCount", d, "Sum") == truth_of(truth, tokens, d, "direction", "output") &&
           read == truth_of(truth, parts, d, "part", "cache_read") &&
           write == truth_of(truth, parts, d, "part", "cache_write") &&
           of_deployment("InvocationLatency", d, "SampleCount") ==
               truth_of(truth, "genai_request_duration_mean_seconds_count", d, NULL, NULL) &&
           fabs(of_deployment("InvocationLatency", d, "Sum") / 1000 -
                truth_of(truth, "genai_request_duration_mean_seconds_sum", d, NULL, NULL)) < 1e-6 &&
           of_deployment("TimeToFirstToken", d, "SampleCount") ==
               truth_of(truth, "genai_time_to_first_token_mean_seconds_count", d, NULL, NULL);
}

static bool mantle_agrees(json truth, const struct aws_deployment *d)
{
    return of_deployment("Inferences", d, "Sum") == truth_of(truth, "genai_requests_total", d, "outcome", "success") &&
           of_deployment("InferenceClientErrors", d, "Sum") ==
               truth_of(truth, "genai_requests_total", d, "outcome", "client_error") &&
           of_deployment("InputTokens", d, "Sum") == truth_of(truth, "genai_tokens_total", d, "direction", "input") &&
           of_deployment("OutputTokens", d, "Sum") == truth_of(truth, "genai_tokens_total", d, "direction", "output");
}

/* Every `step`-th deployment: truth is searched anew for each figure. */
static void deployments_add_up_to_the_truth(void)
{
    json truth = truth_now();
    unsigned wrong = 0, seen = 0, busy = 0;

    for (unsigned i = 0; i < aws_of(&sim)->world.n_deployments; i += 3) {
        const struct aws_deployment *d = &aws_of(&sim)->world.deployments[i];

        if (!d->openai)
            continue;
        wrong += d->plane == AWS_MANTLE ? !mantle_agrees(truth, d) : !runtime_agrees(truth, d);
        busy += truth_of(truth, "genai_requests_total", d, "outcome", "success") > 0;
        seen++;
    }
    OK(wrong == 0);
    OK(seen > 40 && busy > seen * 9 / 10);
}

static void other_publishers_are_not_in_the_truth(void)
{
    json truth = truth_now();
    double others = 0;

    for (unsigned i = 0; i < aws_of(&sim)->world.n_deployments; i++) {
        const struct aws_deployment *d = &aws_of(&sim)->world.deployments[i];

        others += d->openai ? 0 : truth_of(truth, "genai_requests_total", d, NULL, NULL);
    }
    OK(others == 0);
}

static double sum_of_deployments(const struct aws_place *p, const char *metric)
{
    double sum = 0;

    for (unsigned i = 0; i < p->n_deployments; i++) {
        const struct aws_deployment *d = &aws_of(&sim)->world.deployments[p->first_deployment + i];

        if (d->plane == metric_named(metric)->plane)
            sum += of_deployment(metric, d, "Sum");
    }
    return sum;
}

static void levels_overlap(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[1];
    double tiers = 0, model = 0;

    OK(sum_of_deployments(p, "Invocations") > 0);
    OK(sum_of_deployments(p, "Invocations") == series_total("Invocations", p, LEVEL_NONE, SV_NONE, SV_NONE, "Sum"));
    for (unsigned i = 0; i < p->n_deployments; i++) {
        const struct aws_deployment *d = &aws_of(&sim)->world.deployments[p->first_deployment + i];
        struct aws_series s = {
            .metric = metric_named("OutputTokenCount"), .place = p, .level = LEVEL_TIERS, .model = d->model_id
        };
        unsigned points;

        if (d->plane != AWS_RUNTIME)
            continue;
        model += of_deployment("OutputTokenCount", d, "Sum");
        for (unsigned t = 0; t < AWS_TIERS * AWS_TIERS; t++) {
            s.tier = t / AWS_TIERS;
            s.served = t % AWS_TIERS;
            tiers += total(p, one_query(&s, "Sum", FIRST_S, LAST_S, 60), SETTLED, &points);
        }
    }
    OK(tiers > 0 && tiers == model);
    OK(sum_of_deployments(p, "Inferences") == series_total("Inferences", p, LEVEL_NONE, SV_NONE, SV_NONE, "Sum"));
    OK(sum_of_deployments(p, "InputTokens") > 0);
    OK(sum_of_deployments(p, "InputTokens") ==
       series_total("TotalInputTokens", p, LEVEL_NONE, SV_NONE, SV_NONE, "Sum"));
}

static void another_dimension_set_is_complete_and_empty(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    const char *body = format("{\"StartTime\":%d,\"EndTime\":%d,\"MetricDataQueries\":[{\"Id\":\"q\",\"MetricStat\":"
                              "{\"Metric\":{\"Namespace\":\"AWS/BedrockMantle\",\"MetricName\":\"InputTokens\","
                              "\"Dimensions\":[{\"Name\":\"Model\",\"Value\":\"openai.gpt-oss-120b\"}]},\"Period\":60,"
                              "\"Stat\":\"Sum\"}}]}",
                              FIRST_S, LAST_S);
    unsigned points;

    total(p, body, SETTLED, &points);
    OK(points == 0 && reply.status == 200);
    OK(sv_has(buf_sv(&reply.body), SV("\"Complete\"")));
    OK(of_deployment("InputTokens", &aws_of(&sim)->world.deployments[p->first_deployment + p->n_deployments - 1],
                     "Sum") >= 0);
}

/* Reads one minute of a series again and again: never falls, final in time; returns whether it was ever short. */
static bool grows(const struct aws_deployment *d, int minute_s, bool *good)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[d->place];
    struct aws_series s = {
        .metric = metric_named("InputTokenCount"), .place = p, .level = LEVEL_MODEL, .model = d->model_id
    };
    const char *body = one_query(&s, "Sum", minute_s, minute_s + 60, 60);
    double last = 0, final, v;
    bool short_once = false;
    unsigned points;

    final = total(p, body, SETTLED, &points);
    for (int after = 0; after <= 20; after++) {
        v = total(p, body, (minute_s + 60 + after * 60) * NANO_PER_S, &points);
        *good &= v >= last && v <= final && (after < 15 || v == final) && (after > 0 || v == 0);
        short_once |= after >= 3 && v < final;
        last = v;
    }
    return short_once;
}

static void values_rise_and_are_final_in_fifteen_minutes(void)
{
    bool good = true;
    unsigned late = 0, tried = 0;

    for (unsigned i = 0; i < aws_of(&sim)->world.n_deployments && tried < 40; i += 2) {
        if (aws_of(&sim)->world.deployments[i].plane != AWS_RUNTIME)
            continue;
        late += grows(&aws_of(&sim)->world.deployments[i], FIRST_S + 3600 + 60 * (int)(i % 10), &good);
        tried++;
    }
    OK(good);
    OK(late > 0 && late < tried);
}

static size_t list(const struct aws_place *p, const char *body, int64_t now, unsigned *pages)
{
    sv token = SV_NONE;
    size_t n = 0, here;
    json a;

    *pages = 0;
    do {
        a = call_in(aws_list_metrics, p, now, with_token(body, "NextToken", token));
        here = json_count(json_get(a, SV("Metrics")));
        must(here <= 500, "a page of more than 500");
        n += here;
        ++*pages;
        token = arena_copy(&arena, json_sv(json_get(a, SV("NextToken"))));
    } while (token.len);
    return n;
}

static void listing_pages_and_filters(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    unsigned pages;
    size_t all = list(p, "{}", SETTLED, &pages), runtime, mantle;

    OK(pages >= 3 && all > 400);
    runtime = list(p, "{\"Namespace\":\"AWS/Bedrock\",\"RecentlyActive\":\"PT3H\"}", SETTLED, &pages);
    mantle = list(p, "{\"Namespace\":\"AWS/BedrockMantle\"}", SETTLED, &pages);
    OK(runtime + mantle == all && mantle > 10);
    OK(list(p, "{\"Namespace\":\"AWS/Bedrock\",\"MetricName\":\"Invocations\",\"Dimensions\":[{\"Name\":\"ModelId\"}]}",
            SETTLED,
            &pages) == list(p, "{\"Namespace\":\"AWS/Bedrock\",\"MetricName\":\"Invocations\"}", SETTLED, &pages) - 1);
    OK(list(p, "{\"RecentlyActive\":\"PT3H\"}", SETTLED + 5 * NANO_PER_H, &pages) == 0);
    OK(list(p, "{}", SETTLED + 5 * NANO_PER_H, &pages) == all);
    call_in(aws_list_metrics, p, SETTLED, "{\"RecentlyActive\":\"PT1H\"}");
    OK(reply.status == 400);
    OK(json_count(
           json_get(call_at(aws_list_metrics, &aws_of(&sim)->world.accounts[2], SV("eu-central-1"), SETTLED, "{}"),
                    SV("Metrics"))) == 0);
}

static void a_series_is_listed_late_but_can_be_read(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    const struct aws_deployment *d = &aws_of(&sim)->world.deployments[p->first_deployment];
    struct aws_series s = {
        .metric = metric_named("Invocations"), .place = p, .level = LEVEL_MODEL, .model = d->model_id
    };
    int64_t early = FIRST_S * NANO_PER_S + 8 * NANO_PER_MIN, minute;
    const char *body = "{\"Namespace\":\"AWS/Bedrock\"}";
    unsigned points, pages;
    size_t before, after;

    OK(total(p, one_query(&s, "Sum", FIRST_S, FIRST_S + 300, 60), early, &points) > 0);
    before = list(p, body, early, &pages);
    /* What had data in the first two minutes is listed 15 min later; more has come meanwhile. */
    after = list(p, body, FIRST_S * NANO_PER_S + 18 * NANO_PER_MIN, &pages);
    OK(before < after);
    minute = FIRST_S / 60;
    OK(list(p, body, (minute + 1) * NANO_PER_MIN, &pages) == 0);
}

static const char *many_queries(const struct aws_place *p, unsigned n, const char *more)
{
    static const char *const stats[] = { "Sum", "SampleCount", "p50", "p95", "p99", "Maximum" };
    const struct aws_deployment *d = &aws_of(&sim)->world.deployments[p->first_deployment];
    struct buf b = { .at = NULL };
    const char *out;

    buf_printf(&b, "{\"StartTime\":%d,\"EndTime\":%d%s,\"MetricDataQueries\":[", FIRST_S, LAST_S, more);
    for (unsigned i = 0; i < n; i++)
        buf_printf(&b,
                   "%s{\"Id\":\"q%u\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/Bedrock\",\"MetricName\":"
                   "\"InvocationLatency\",\"Dimensions\":[{\"Name\":\"ModelId\",\"Value\":\"%.*s\"}]},\"Period\":60,"
                   "\"Stat\":\"%s\"}}",
                   i ? "," : "", i, SV_ARG(d->model_id), stats[i % 6]);
    buf_put(&b, SV("]}"));
    out = arena_copy(&arena, buf_sv(&b)).at;
    buf_done(&b);
    return out;
}

static void pages_hold_all_points_once(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    const char *small = many_queries(p, 4, ",\"MaxDatapoints\":7,\"ScanBy\":\"TimestampAscending\"");
    unsigned whole, paged;
    double a = total(p, many_queries(p, 4, ""), SETTLED, &whole), b = total(p, small, SETTLED, &paged);
    sv token;
    json first;

    OK(whole > 40 && whole == paged);
    OK(fabs(a - b) < 1e-3);
    first = call_in(aws_get_metric_data, p, SETTLED, small);
    token = arena_copy(&arena, json_sv(json_get(first, SV("NextToken"))));
    call_in(aws_get_metric_data, p, SETTLED, with_token(many_queries(p, 3, ""), "NextToken", token));
    OK(reply.status == 400 && sv_has(buf_sv(&reply.body), SV("InvalidNextToken")));
    first = call_in(aws_get_metric_data, p, SETTLED, with_token(small, "NextToken", token));
    OK(reply.status == 200 && sv_has(buf_sv(&reply.body), SV("PartialData")));
    call_in(aws_get_metric_data, &aws_of(&sim)->world.places[2], SETTLED, with_token(small, "NextToken", token));
    OK(reply.status == 400);
}

static void a_part_of_an_answer_may_fail(void)
{
    fault_in_force = "partial";
    call_in(aws_get_metric_data, &aws_of(&sim)->world.places[0], SETTLED,
            many_queries(&aws_of(&sim)->world.places[0], 3, ""));
    fault_in_force = NULL;
    OK(reply.status == 200 && sv_has(buf_sv(&reply.body), SV("InternalError")) &&
       sv_has(buf_sv(&reply.body), SV("Complete")));
}

static void five_statistics_have_one_price_or_five(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];

    call_in(aws_get_metric_data, p, SETTLED, many_queries(p, 5, ""));
    OK(metrics_charged == 1);
    call_in(aws_get_metric_data, p, SETTLED, many_queries(p, 6, ""));
    OK(metrics_charged == 2);
    sim.options.switches[SW_PRICE] = true;
    call_in(aws_get_metric_data, p, SETTLED, many_queries(p, 6, ""));
    OK(metrics_charged == 6);
    sim.options.switches[SW_PRICE] = false;
}

static void wrong_requests_are_refused(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    struct aws_series s = { .metric = metric_named("Invocations"), .place = p };
    unsigned points;

    call_in(aws_get_metric_data, p, SETTLED, many_queries(p, 501, ""));
    OK(reply.status == 400 && sv_has(buf_sv(&reply.body), SV("ValidationError")));
    call_in(aws_get_metric_data, p, SETTLED, one_query(&s, "Sum", FIRST_S, FIRST_S, 60));
    OK(reply.status == 400);
    call_in(aws_get_metric_data, p, SETTLED, one_query(&s, "Sum", FIRST_S, LAST_S, 90));
    OK(reply.status == 400);
    call_in(aws_get_metric_data, p, SETTLED, one_query(&s, "Median", FIRST_S, LAST_S, 60));
    OK(reply.status == 400);
    call_in(aws_get_metric_data, p, SETTLED, "{\"StartTime\":1,\"EndTime\":2,\"MetricDataQueries\":[{\"Id\":\"Q\"}]}");
    OK(reply.status == 400);
    /* The end is not included: minutes [0, 2) have at most two points. */
    total(p, one_query(&s, "Sum", FIRST_S, FIRST_S + 120, 60), SETTLED, &points);
    OK(points <= 2);
    /* Minutes are not kept for 16 days. */
    total(p, one_query(&s, "Sum", FIRST_S, LAST_S, 60), SETTLED + 16 * 24 * NANO_PER_H, &points);
    OK(points == 0);
    total(p, one_query(&s, "Sum", FIRST_S, LAST_S, 300), SETTLED + 16 * 24 * NANO_PER_H, &points);
    OK(points > 20 && points <= 27);
}

static void statistics_are_of_the_same_samples(void)
{
    const struct aws_deployment *d = &aws_of(&sim)->world.deployments[0];
    struct aws_series s = { .metric = metric_named("InvocationLatency"),
                            .place = &aws_of(&sim)->world.places[0],
                            .level = LEVEL_MODEL,
                            .model = d->model_id };
    static const char *const stats[] = { "Minimum", "p50", "p95", "Maximum", "Average", "Sum", "SampleCount" };
    double v[7];
    unsigned points;

    for (unsigned i = 0; i < 7; i++)
        v[i] = total(s.place, one_query(&s, stats[i], FIRST_S, FIRST_S + 3600, 3600), SETTLED, &points);
    OK(points == 2 || points == 1);
    OK(v[0] <= v[1] && v[1] <= v[2] && v[2] <= v[3] && v[0] < v[3]);
    OK(points == 2 || fabs(v[5] / v[6] - v[4]) < 1e-6);
}

static void accepted_calls_hold_errors_and_no_throttles(void)
{
    json truth = truth_now();
    unsigned wrong = 0;

    sim.options.switches[SW_INVOCATIONS] = true;
    for (unsigned i = 0; i < aws_of(&sim)->world.n_deployments; i += 9)
        if (aws_of(&sim)->world.deployments[i].plane == AWS_RUNTIME && aws_of(&sim)->world.deployments[i].openai)
            wrong += !runtime_agrees(truth, &aws_of(&sim)->world.deployments[i]);
    sim.options.switches[SW_INVOCATIONS] = false;
    OK(wrong == 0);
}

int main(void)
{
    start_aws((struct sim_options){ .seed = 3,
                                    .calls_per_minute = 2400,
                                    .history_ms = 2 * 3600 * 1000,
                                    .duration_ms = 600 * 1000,
                                    .late = 0.2,
                                    .revise = 0.2 });
    RUN(a_series_is_listed_late_but_can_be_read);
    RUN(deployments_add_up_to_the_truth);
    RUN(other_publishers_are_not_in_the_truth);
    RUN(levels_overlap);
    RUN(another_dimension_set_is_complete_and_empty);
    RUN(values_rise_and_are_final_in_fifteen_minutes);
    RUN(listing_pages_and_filters);
    RUN(pages_hold_all_points_once);
    RUN(a_part_of_an_answer_may_fail);
    RUN(five_statistics_have_one_price_or_five);
    RUN(wrong_requests_are_refused);
    RUN(statistics_are_of_the_same_samples);
    RUN(accepted_calls_hold_errors_and_no_throttles);
    stop_aws();
    return tap_done();
}
