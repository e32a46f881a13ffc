/* Cloud Monitoring as cloudsim plays it: raw and aggregated, its answers add up to the truth. */
#include "tests/cloudsim/test/gcp_reader.h"

/* ---- truth ---- */

static double truth_of(json truth, const char *family, const struct gcp_deployment *d, const char *name, const char *v)
{
    const struct want want[] = { { "account", world()->projects[d->project].id },
                                 { "cloud_region", d->location->name },
                                 { "platform", SV("vertex_ai") },
                                 { "resource", d->label_resource },
                                 { "deployment", d->label_deployment },
                                 { "model", d->label_model },
                                 { name, sv_of(v) },
                                 { NULL, SV_NONE } };

    return truth_sum(truth, family, want);
}

static const char *at_location(const struct gcp_deployment *d)
{
    return format("|location=%.*s|", SV_ARG(d->location->name));
}

static const char *at_model(const struct gcp_deployment *d)
{
    return format("model_user_id=%.*s|", SV_ARG(d->model_user_id));
}

/* For each managed deployment of OpenAI's: requests of two codes and one tier, from rows that were read. */
static unsigned wrong_requests(json truth, unsigned project)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < world()->n_deployments; i++) {
        const struct gcp_deployment *d = &world()->deployments[i];
        const char *family = "genai_requests_total", *where = at_location(d), *what = at_model(d);

        if (d->project != project || d->kind != GCP_MANAGED || !d->openai)
            continue;
        wrong += SUM(where, what) != truth_of(truth, family, d, NULL, NULL);
        wrong += SUM(where, what, "response_code=429|") != truth_of(truth, family, d, "code", "429");
        wrong += SUM(where, what, "request_type=flex|") != truth_of(truth, family, d, "tier", "flex");
        wrong += SUM(where, what, "method=ChatCompletions|") != truth_of(truth, family, d, "operation", "chat");
        wrong += SUM(where, what) == 0;
    }
    return wrong;
}

static void requests_add_up(void)
{
    json truth = truth_now();

    for (unsigned p = 0; p < world()->n_members; p++) {
        size_t raw;
        bool ordered = true;

        read_all(world()->projects[p].id, SETTLED,
                 format("%s%s", filter(PUBLISHER "model_invocation_count", OPENAI), ALL_TIME));
        OK(wrong_requests(truth, p) == 0);
        for (const struct row *r = rows; r; r = r->next)
            ordered &= r->ordered;
        OK(ordered && n_twice > 0);
        raw = n_rows();
        read_all(world()->projects[p].id, SETTLED,
                 format("%s%s%s%s%s%s%s%s", filter(PUBLISHER "model_invocation_count", OPENAI), ALL_TIME, SUMMED,
                        BY("resource.labels.location"), BY("resource.labels.model_user_id"),
                        BY("metric.labels.response_code"), BY("metric.labels.request_type"),
                        BY("metric.labels.method")));
        OK(wrong_requests(truth, p) == 0);
        OK(n_rows() < raw / 2);
    }
}

/* Google's libraries send the values of enums as the numbers that they have in its definitions. */
static void enums_may_be_numbers(void)
{
    const char *ask = format("%s%s", filter(PUBLISHER "model_invocation_count", OPENAI), ALL_TIME);
    double by_name;

    read_all(world()->projects[0].id, SETTLED, format("%s%s", ask, SUMMED));
    by_name = SUM("|");
    read_all(world()->projects[0].id, SETTLED,
             format("%s&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner=14&"
                    "aggregation.crossSeriesReducer=4&view=0",
                    ask));
    OK(n_rows() == 1 && by_name > 0 && SUM("|") == by_name);
}

/* ---- tokens ---- */

static unsigned wrong_tokens(json truth, unsigned project)
{
    const char *tokens = "genai_tokens_total", *parts = "genai_token_parts_total";
    unsigned wrong = 0;

    for (unsigned i = 0; i < world()->n_deployments; i++) {
        const struct gcp_deployment *d = &world()->deployments[i];
        const char *at = at_location(d), *of = at_model(d);
        double read, written, output;

        if (d->project != project || d->kind != GCP_MANAGED || !d->openai)
            continue;
        read = SUM(at, of, "|type=cache_read_input|");
        written = SUM(at, of, "|type=cache_write_input|") + SUM(at, of, "|type=cache_write_1h_input|");
        output = SUM(at, of, "|type=output|");
        wrong += SUM(at, of, "|type=input|") + read + written != truth_of(truth, tokens, d, "direction", "input");
        wrong += output != truth_of(truth, tokens, d, "direction", "output");
        wrong += read != truth_of(truth, parts, d, "part", "cache_read");
        wrong += written != truth_of(truth, parts, d, "part", "cache_write");
        wrong += SUM(at, of, "|type=tool_use_input|") != truth_of(truth, parts, d, "part", "tool_use_input");
        wrong += read == 0 || written == 0 || output == 0;
    }
    return wrong;
}

static void tokens_add_up(void)
{
    json truth = truth_now();

    for (unsigned p = 0; p < world()->n_members; p++) {
        read_all(world()->projects[p].id, SETTLED, format("%s%s", filter(PUBLISHER "token_count", OPENAI), ALL_TIME));
        OK(wrong_tokens(truth, p) == 0);
        read_all(world()->projects[p].number, SETTLED,
                 format("%s%s%s%s%s%s%s", filter(PUBLISHER "token_count", OPENAI), ALL_TIME, SUMMED,
                        BY("resource.labels.location"), BY("resource.labels.model_user_id"), BY("metric.labels.type"),
                        BY("metric.labels.request_type")));
        OK(wrong_tokens(truth, p) == 0);
    }
}

/* ---- distributions ---- */

static bool buckets_agree(json truth, const struct gcp_deployment *d, const char *family, const char *const *parts)
{
    uint64_t n = 0;
    char le[32];
    bool good = true;

    for (unsigned i = 0; i < BUCKETS; i++) {
        sv bound = truth_bound(i, le);

        for (const struct row *r = rows; r; r = r->next) {
            bool mine = true;

            for (const char *const *p = parts; *p; p++)
                mine &= sv_has(r->key, sv_of(*p));
            n += mine ? r->buckets[i] : 0;
        }
        good &= (double)n == truth_of(truth, format("%s_bucket", family), d, "le", arena_copy(&arena, bound).at);
    }
    return good && n > 0 && (double)n == truth_of(truth, format("%s_count", family), d, NULL, NULL) &&
           sum_of(true, parts) == (double)n;
}

static unsigned wrong_buckets(json truth, const struct gcp_project *p, const char *family, bool managed)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < p->n_deployments; i++) {
        const struct gcp_deployment *d = &world()->deployments[p->first_deployment + i];
        const char *const parts[] = { at_location(d), managed ? at_model(d) : d->endpoint_id.at, NULL };

        if (d->openai && (d->kind == GCP_MANAGED) == managed)
            wrong += !buckets_agree(truth, d, family, parts);
    }
    return wrong;
}

static void distributions_add_up(void)
{
    json truth = truth_now();
    const char *const grouped = SUMMED BY("resource.labels.location") BY("resource.labels.model_user_id");

    for (unsigned i = 0; i < world()->n_members; i++) {
        const struct gcp_project *p = &world()->projects[i];
        const char *model = " AND metric.labels.latency_type%3D%22model%22";
        const char *whole = filter(PUBLISHER "model_invocation_latencies", model),
                   *first = filter(PUBLISHER "first_token_latencies", "");

        read_all(p->id, SETTLED, format("%s%s", whole, ALL_TIME));
        OK(wrong_buckets(truth, p, "genai_request_duration_seconds", true) == 0);
        read_all(p->id, SETTLED, format("%s%s%s", whole, ALL_TIME, grouped));
        OK(wrong_buckets(truth, p, "genai_request_duration_seconds", true) == 0);
        read_all(p->id, SETTLED, format("%s%s", first, ALL_TIME));
        OK(wrong_buckets(truth, p, "genai_time_to_first_token_seconds", true) == 0);
        read_all(p->id, SETTLED, format("%s%s%s", first, ALL_TIME, grouped));
        OK(wrong_buckets(truth, p, "genai_time_to_first_token_seconds", true) == 0);
    }
}

static void layouts_are_of_all_kinds_and_change(void)
{
    const char *const kinds[] = { "exponentialBuckets", "explicitBuckets", "linearBuckets" };
    unsigned seen[3] = { 0 }, changes = 0, shorter = 0;
    json series, point, a;

    for (unsigned i = 0; i < world()->n_members; i++) {
        a = list_at(gcp_time_series_of, world()->projects[i].id, SETTLED,
                    format("%s%s%s", filter(PUBLISHER "model_invocation_latencies", ""), ALL_TIME,
                           SUMMED BY("resource.labels.location") BY("resource.labels.model_user_id")));
        for (struct json_iter it = json_items(json_get(a, SV("timeSeries"))); json_item(&it, &series);) {
            uint64_t before = 0;

            for (struct json_iter k = json_items(json_get(series, SV("points"))); json_item(&k, &point);) {
                json options = json_path(point, "value/distributionValue/bucketOptions");
                json counts = json_path(point, "value/distributionValue/bucketCounts");

                for (unsigned m = 0; m < 3; m++)
                    seen[m] += !json_is_absent(json_get(options, sv_of(kinds[m])));
                changes += before && before != json_hash(0, options);
                before = json_hash(0, options);
                shorter += json_count(counts) < 15;
            }
        }
    }
    OK(seen[0] && seen[1] && seen[2]);
    OK(changes > 0);
    OK(shorter > 0);
}

/* ---- endpoints ---- */

static void endpoints_add_up(void)
{
    json truth = truth_now();
    const char *latency = filter(ENDPOINT "prediction_latencies", " AND metric.labels.latency_type%3D%22total%22");
    unsigned ours = 0, others = 0;

    for (unsigned i = 0; i < world()->n_deployments; i++) {
        const struct gcp_deployment *d = &world()->deployments[i];
        const struct gcp_project *p = &world()->projects[d->project];
        const char *id = format("endpoint_id=%.*s|", SV_ARG(d->endpoint_id));

        if (d->kind != GCP_ENDPOINT)
            continue;
        read_all(p->id, SETTLED, format("%s%s", filter(ENDPOINT "response_count", ""), ALL_TIME));
        OK(SUM(id, "response_code=2xx|") > 0 && SUM(id) > SUM(id, "response_code=2xx|"));
        OK(!d->openai || SUM(id, "response_code=4xx|") == truth_of(truth, "genai_requests_total", d, "code", "4xx"));
        OK(!d->openai || SUM(id) == truth_of(truth, "genai_requests_total", d, "operation", ""));
        OK(d->openai || truth_of(truth, "genai_requests_total", d, NULL, NULL) == 0);
        *(d->openai ? &ours : &others) += 1;
        read_all(p->id, SETTLED, format("%s%s", latency, ALL_TIME));
        OK(wrong_buckets(truth, p, "genai_request_duration_seconds", false) == 0);
    }
    OK(ours == 2 && others == 1);
}

/* ---- quotas ---- */

static void quotas_are_used_and_limited(void)
{
    const char *pool = "aiplatform.googleapis.com/quota/online_prediction_requests_per_base_model/";
    sv project = world()->projects[0].id;
    double used;
    json a, point;
    int64_t start = 0, end = 1;

    read_all(project, SETTLED, format("%s%s", filter(format("%susage", pool), ""), ALL_TIME));
    used = SUM("base_model=gpt-oss-120b|", "location=us-central1|");
    OK(used > 100);
    read_all(project, SETTLED, format("%s%s", filter(PUBLISHER "model_invocation_count", ""), ALL_TIME));
    OK(used == SUM("model_user_id=gpt-oss-120b-maas|", "location=us-central1|") -
                   SUM("model_user_id=gpt-oss-120b-maas|", "location=us-central1|", "response_code=429|"));
    a = list_at(gcp_time_series_of, project, SETTLED,
                format("%s&interval.startTime=2026-11-24T09:40:00Z&interval.endTime=2026-11-24T09:50:00Z",
                       filter(format("%slimit", pool), " AND metric.labels.base_model%3D%22gpt-oss-120b%22")));
    for (struct json_iter it = json_items(json_get(a, SV("timeSeries"))); json_item(&it, &a);) {
        OK(json_count(json_get(a, SV("points"))) == 10 && sv_eq(json_sv(json_get(a, SV("metricKind"))), SV("GAUGE")));
        for (struct json_iter k = json_items(json_get(a, SV("points"))); json_item(&k, &point);)
            must(json_time(json_path(point, "interval/startTime"), &start) &&
                     json_time(json_path(point, "interval/endTime"), &end),
                 "an interval");
        OK(start == end && start == ORIGIN - 19 * NANO_PER_MIN);
    }
}

int main(void)
{
    start_gcp((struct sim_options){ .seed = 7, .late = 0.1, .revise = 0.1 });
    RUN(requests_add_up);
    RUN(enums_may_be_numbers);
    RUN(tokens_add_up);
    RUN(distributions_add_up);
    RUN(layouts_are_of_all_kinds_and_change);
    RUN(endpoints_add_up);
    RUN(quotas_are_used_and_limited);
    stop_gcp();
    return tap_done();
}
