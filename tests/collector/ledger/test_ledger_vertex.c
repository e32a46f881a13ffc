/*
 * What Google's metrics ask of the fold: distributions whose layout differs between series and between points of one series,
 * revised downward cell by cell; siblings that are born with a class of codes; tokens by a type that may be new; logs
 * that name no model.
 */
#include "tests/collector/ledger/log_fixture.h"

#define V .platform = PLATFORM_VERTEX_AI

static struct arena arena;
static struct ledger *l;

/* clang-format off */
static const struct rule rules[] = {
    { V, .theirs = SVT("latencies"), .ours = SVT("genai_request_duration_seconds"), .stat = SVT("distribution"), .weight = 0.001 },
    { V, .theirs = SVT("responses"), .ours = SVT("genai_requests_total"), .stat = SVT("value"), .weight = 1,
      .born = SVT("outcome=success,code=2xx;outcome=client_error,code=4xx;outcome=server_error,code=5xx") },
    { V, .theirs = SVT("invocations"), .ours = SVT("genai_requests_total"), .stat = SVT("value"), .weight = 1 },
    { V, .theirs = SVT("DataAccess"), .ours = SVT("genai_logged_calls_total"), .stat = SVT("call"), .weight = 1 },
};
/* clang-format on */

static void begin(void)
{
    struct frame *f;

    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
    f = fixture_frame(&arena, T0, T0);
    fixture_epoch(f, EPOCH_MAPPING, 0, SV("gcp"), SV(""));
    f->epochs[0].rules = (struct rule *)(uintptr_t)rules;
    f->epochs[0].n_rules = sizeof rules / sizeof *rules;
    f->epochs[0].hash = 8;
    ledger_fold(l, f);
}

static struct batch *of_google(struct frame *f)
{
    struct batch *b = fixture_batch(f);

    b->origin = (struct origin){ .cloud = CLOUD_GCP,
                                 .platform = PLATFORM_VERTEX_AI,
                                 .account = batch_sym(b, SV("p1")),
                                 .cloud_region = batch_sym(b, SV("global")) };
    return b;
}

struct layout {
    double bounds[6];
    size_t n;
};

/* One point: counts of `n + 1` buckets in milliseconds. */
static void observe(sv series, int minute, const struct layout *x, const int64_t *counts, double sum_ms)
{
    struct frame *f = fixture_frame(&arena, T0 + minute * NANO_PER_MIN, T0 + (minute + 1) * NANO_PER_MIN);
    struct measure *m = fixture_measure(of_google(f), SV("latencies"), series, T0 + minute * NANO_PER_MIN, (double)NAN);

    m->deployment = 0;
    m->kind = MEASURE_DISTRIBUTION;
    m->sum = sum_ms;
    m->count = 0;
    m->n_buckets = x->n + 1;
    m->bounds = (double *)(uintptr_t)x->bounds;
    m->buckets = (int64_t *)(uintptr_t)counts;
    for (size_t i = 0; i <= x->n; i++)
        m->count += (double)counts[i];
    ledger_fold(l, f);
}

static const struct layout fine = { { 10, 20, 40, 1280 }, 4 }, coarse = { { 35, 3000 }, 2 }, one = { { 700 }, 1 };

static struct series_view durations(void)
{
    struct series_view v = { 0 };

    OK(fixture_find(l, "genai_request_duration_seconds", LABEL_MODEL, "gpt-5-mini", &v));
    return v;
}

/* 10 ms is cell 0, 20 1, 40 2, 1280 7, and 35 goes up to 40, 3000 to 5120 (9), 700 to 1280, the rest to +Inf (17). */
static void series_of_any_layout_meet_in_ours(void)
{
    struct series_view v;
    int64_t sum = 0;

    begin();
    observe(SV("a"), 0, &fine, (int64_t[]){ 1, 2, 3, 4, 5 }, 10000);
    observe(SV("b"), 0, &coarse, (int64_t[]){ 10, 20, 30 }, 500);
    v = durations();
    OK(v.value[0] == 1 && v.value[1] == 2 && v.value[2] == 3 + 10 && v.value[7] == 4 && v.value[9] == 20);
    OK(v.value[HISTOGRAM_BOUNDS] == 35 && v.value[HISTOGRAM_CELLS - 1] == INT64_C(10500000000));
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
        sum += v.value[i];
    OK(sum == 75);
}

static void the_layout_of_a_series_may_change_from_point_to_point(void)
{
    struct series_view v;

    for (int with = 0; with < 2; with++) {
        begin();
        observe(SV("a"), 0, &fine, (int64_t[]){ 1, 2, 3, 4, 5 }, 1000);
        if (with)
            l = fixture_restart(l);
        observe(SV("a"), 1, &one, (int64_t[]){ 6, 7 }, 1000);
        v = durations();
        OK(v.value[0] == 1 && v.value[7] == 4 + 6 && v.value[HISTOGRAM_BOUNDS] == 5 + 7);
        /* The same point again in another layout: what it added in the first one goes. */
        observe(SV("a"), 0, &one, (int64_t[]){ 10, 5 }, 1000);
        v = durations();
        OK(v.value[0] == 0 && v.value[1] == 0 && v.value[2] == 0 && v.value[7] == 10 + 6);
        OK(v.value[HISTOGRAM_BOUNDS] == 12 && v.value[HISTOGRAM_CELLS - 1] == 2 * NANO_PER_S);
    }
}

static void a_cell_that_falls_is_owed_and_repaid_by_that_cell(void)
{
    struct series_view v;

    begin();
    observe(SV("a"), 0, &fine, (int64_t[]){ 4, 0, 0, 1, 0 }, 100);
    fixture_bear(l, &arena);
    observe(SV("a"), 0, &fine, (int64_t[]){ 1, 0, 0, 3, 0 }, 50); /* three were slower than first told */
    v = durations();
    OK(v.value[0] == 1 && v.shown[0] == 4 && v.value[7] == 3 && v.shown[7] == 3);
    OK(v.value[HISTOGRAM_CELLS - 1] == 50 * NANO_PER_MS && v.shown[HISTOGRAM_CELLS - 1] == 100 * NANO_PER_MS);
    observe(SV("a"), 1, &fine, (int64_t[]){ 2, 0, 0, 0, 0 }, 70);
    v = durations();
    OK(v.value[0] == 3 && v.shown[0] == 4);
    observe(SV("a"), 2, &fine, (int64_t[]){ 2, 0, 0, 0, 0 }, 1);
    v = durations();
    OK(v.value[0] == 5 && v.shown[0] == 5 && v.shown[HISTOGRAM_CELLS - 1] == 121 * NANO_PER_MS);
}

/* A point without a bucket tells nothing new. */
static void an_empty_distribution_takes_nothing_away(void)
{
    struct series_view v;
    struct frame *f;

    begin();
    observe(SV("a"), 0, &fine, (int64_t[]){ 4, 0, 0, 1, 0 }, 100);
    f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    fixture_measure(of_google(f), SV("latencies"), SV("a"), T0, (double)NAN)->kind = MEASURE_DISTRIBUTION;
    ledger_fold(l, f);
    v = durations();
    OK(v.value[0] == 4 && v.value[7] == 1 && v.value[HISTOGRAM_CELLS - 1] == 100 * NANO_PER_MS);
}

static void siblings_are_born_with_their_class_of_code(void)
{
    struct series_view v;
    struct frame *f;
    struct batch *b;
    struct measure *m;

    begin();
    f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    b = of_google(f);
    m = fixture_measure(b, SV("responses"), SV("d"), T0, 5);
    m->code = batch_sym(b, SV("2xx"));
    m->operation = 0;
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "2xx", &v) && v.value[0] == 5);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "4xx", &v) && v.value[0] == 0);
    OK(sv_eq(sv_of(v.labels[LABEL_OUTCOME]), SV("client_error")) && sv_eq(sv_of(v.labels[LABEL_DEPLOYMENT]), SV("d")));
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "5xx", &v) && v.value[0] == 0);
    OK(!fixture_find(l, "genai_requests_total", LABEL_CODE, "3xx", &v) && ledger_series_count(l) == 3);
}

/* Requests know their model, the entries of chats do not: both sides meet in the project's location. */
static void logs_without_a_model_cover_requests_with_one(void)
{
    struct log_coverage_view v;
    size_t shown = 0;

    begin();
    for (int hour = 0; hour < 7; hour++) {
        struct frame *f = fixture_frame(&arena, T0 + hour * NANO_PER_H, T0 + hour * NANO_PER_H + NANO_PER_MIN);
        struct batch *b = of_google(f);

        fixture_measure(b, SV("invocations"), SV("a"), T0 + hour * NANO_PER_H, 8);
        for (int i = 0; i < 2; i++) {
            sv id = arena_printf(&arena, "%d-%d", hour, i);

            fixture_call(b, SV("DataAccess"), id, SV(""), T0 + hour * NANO_PER_H + NANO_PER_MIN, 1);
        }
        ledger_fold(l, f);
    }
    for (size_t i = 0; i < ledger_log_coverage_count(l); i++)
        if (ledger_log_coverage(l, i, &v)) {
            shown++;
            OK(v.ratio == 0.25 && sv_eq(v.labels[3], SV("vertex_ai")) && v.labels[4].len == 0);
        }
    OK(shown == 1);
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(series_of_any_layout_meet_in_ours);
    RUN(the_layout_of_a_series_may_change_from_point_to_point);
    RUN(a_cell_that_falls_is_owed_and_repaid_by_that_cell);
    RUN(an_empty_distribution_takes_nothing_away);
    RUN(siblings_are_born_with_their_class_of_code);
    RUN(logs_without_a_model_cover_requests_with_one);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
