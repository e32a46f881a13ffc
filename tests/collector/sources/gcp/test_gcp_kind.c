/* What kind a measure is of is a matter of the metric, whatever kind the aligned series is told to have. */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp.h"

#include "tests/tap.h"

static struct arena arena;

static int64_t level;

/* The one measure of an answer with one point; NULL: there is none. */
static const struct measure *decoded(const char *type, const char *kind, const char *interval)
{
    struct frame *f = frame_new(&arena, SV("gcp"), SV("s"));
    struct gcp_context c = { .source = SV("gcp"), .project = SV("p"), .level_nano = level };
    struct json_parser *p = json_parser_new(0);
    struct gcp_answer a;
    struct err e = { 0 };
    sv text, next;
    json root;

    text = arena_printf(&arena,
                        "{\"timeSeries\":[{\"metric\":{\"type\":\"aiplatform.googleapis.com/%s\",\"labels\":{\"type\":"
                        "\"input\",\"base_model\":\"m\"}},\"resource\":{\"labels\":{\"location\":\"eu\","
                        "\"publisher\":\"openai\",\"model_user_id\":\"m\"}},\"metricKind\":\"%s\",\"valueType\":"
                        "\"INT64\",\"points\":[{\"interval\":{%s\"endTime\":\"2026-11-24T10:01:00Z\"},\"value\":{"
                        "\"int64Value\":\"7\"}}]}]}",
                        type, kind, interval);
    gcp_answer_init(&a, &c);
    OK(json_parse(p, text, &root, &e) == ERR_OK && gcp_decode_time_series(root, &a, f, &next, &e) == ERR_OK);
    gcp_answer_done(&a);
    json_parser_free(p);
    return f->batches && f->batches->n_measures == 1 ? &f->batches->measures[0] : NULL;
}

static void a_sum_of_deltas_told_as_a_gauge_is_a_count(void)
{
    const char *type = "publisher/online_serving/token_count";
    const struct measure *delta = decoded(type, "DELTA", "\"startTime\":\"2026-11-24T10:00:00Z\","),
                         *gauge = decoded(type, "GAUGE", "\"startTime\":\"2026-11-24T10:01:00Z\",");

    OK(delta && delta->kind == MEASURE_COUNT && delta->value == 7);
    OK(gauge && gauge->kind == MEASURE_COUNT && gauge->value == 7);
    OK(delta && gauge && delta->key == gauge->key && delta->start_unix_nano == gauge->start_unix_nano &&
       delta->end_unix_nano == gauge->start_unix_nano + NANO_PER_MIN);
}

static void a_limit_is_a_gauge(void)
{
    const struct measure *m = decoded("quota/online_prediction_requests_per_base_model/limit", "GAUGE", "");

    OK(m && m->kind == MEASURE_GAUGE && m->value == 7);
    OK(m && m->end_unix_nano == m->start_unix_nano + NANO_PER_MIN);
}

/* Limits are read once an hour: a bucket of a minute would not be shown for most of it. */
static void a_limit_stands_until_it_is_asked_for_again(void)
{
    const struct measure *m;

    level = NANO_PER_H;
    m = decoded("quota/online_prediction_requests_per_base_model/limit", "GAUGE", "");
    OK(m && m->end_unix_nano == m->start_unix_nano + NANO_PER_H && m->start_unix_nano % NANO_PER_H == 0);
    m = decoded("publisher/online_serving/token_count", "DELTA", "\"startTime\":\"2026-11-24T10:00:00Z\",");
    OK(m && m->end_unix_nano == m->start_unix_nano + NANO_PER_MIN);
    level = 0;
}

int main(void)
{
    arena_init(&arena, 0);
    RUN(a_sum_of_deltas_told_as_a_gauge_is_a_count);
    RUN(a_limit_is_a_gauge);
    RUN(a_limit_stands_until_it_is_asked_for_again);
    arena_done(&arena);
    return tap_done();
}
