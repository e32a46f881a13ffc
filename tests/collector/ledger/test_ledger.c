/* The fold: exact sums through late and revised buckets, shown and debt, joins of log rows, coverage, epochs, snapshot. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/collector/ledger/log_fixture.h"

static struct arena arena;
static struct ledger *l;

static void begin(void)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
}

static void fold_one(sv name, sv deployment, int minute, double value, int window_from, int window_to)
{
    struct frame *f = fixture_frame(&arena, T0 + window_from * NANO_PER_MIN, T0 + window_to * NANO_PER_MIN);

    fixture_measure(fixture_batch(f), name, deployment, T0 + minute * NANO_PER_MIN, value);
    ledger_fold(l, f);
}

static void a_new_series_shows_zero_until_it_is_born(void)
{
    struct series_view v;

    begin();
    fold_one(SV("Requests"), SV("d"), 0, 5, 0, 1);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 5 && v.shown[0] == 0);
    fixture_bear(l, &arena);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.shown[0] == 5);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "429", &v) && v.value[0] == 0);
}

static void a_revision_adds_the_difference_and_never_lowers_what_was_shown(void)
{
    struct series_view v;

    begin();
    fold_one(SV("Requests"), SV("d"), 0, 5, 0, 1);
    fixture_bear(l, &arena);
    fold_one(SV("Requests"), SV("d"), 0, 9, 0, 2);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 9 && v.shown[0] == 9);
    fold_one(SV("Requests"), SV("d"), 0, 6, 0, 3);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 6 && v.shown[0] == 9);
    fold_one(SV("Requests"), SV("d"), 1, 2, 0, 3);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 8 && v.shown[0] == 9);
    fold_one(SV("Requests"), SV("d"), 2, 4, 0, 4);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 12 && v.shown[0] == 12);
}

static void buckets_before_counting_began_are_history(void)
{
    struct series_view v;
    struct source_totals t;

    begin();
    fold_one(SV("Requests"), SV("d"), -1, 5, -2, 1);
    OK(!fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v));
    for (size_t i = 0; i < ledger_source_count(l); i++) {
        ledger_source(l, i, &t);
        OK(!sv_eq(t.source, SV("az")) || t.history == 1);
    }
}

/* The limits of a day are told in a bucket that began before the first start of that day. */
static void a_gauge_whose_bucket_lasts_is_shown(void)
{
    struct series_view v;
    struct frame *f;
    struct measure *m;

    for (int lasts = 0; lasts < 2; lasts++) {
        begin();
        f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
        m = fixture_measure(fixture_batch(f), SV("Utilization"), SV("d"), T0 - NANO_PER_H, 150);
        m->kind = MEASURE_GAUGE;
        m->end_unix_nano = lasts ? T0 + NANO_PER_MIN : T0;
        ledger_fold(l, f);
        OK(fixture_find(l, "genai_provisioned_utilization_ratio", LABEL_DEPLOYMENT, "d", &v) == (lasts == 1));
    }
}

static void a_backfill_is_never_counted(void)
{
    struct series_view v;
    struct frame *f;

    begin();
    f = fixture_frame(&arena, T0, T0 + NANO_PER_H);
    f->lane = LANE_BACKFILL;
    fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), T0, 5);
    ledger_fold(l, f);
    OK(!fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v));
    fold_one(SV("Requests"), SV("d"), 0, 5, 0, 1);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 5);
}

static void a_remodelled_deployment_starts_a_new_series_and_revisions_go_home(void)
{
    struct frame *f;
    struct series_view v;
    struct batch *b;

    begin();
    fold_one(SV("Requests"), SV("d"), 0, 5, 0, 1);
    f = fixture_frame(&arena, T0, T0 + 2 * NANO_PER_MIN);
    b = fixture_batch(f);
    fixture_measure(b, SV("Requests"), SV("d"), T0, 7)->model = batch_sym(b, SV("gpt-6-sol"));
    fixture_measure(b, SV("Requests"), SV("d"), T0 + NANO_PER_MIN, 3)->model = batch_sym(b, SV("gpt-6-sol"));
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_requests_total", LABEL_MODEL, "gpt-5-mini", &v) && v.value[0] == 7);
    OK(fixture_find(l, "genai_requests_total", LABEL_MODEL, "gpt-6-sol", &v) && v.value[0] == 3);
}

static void only_the_authority_of_a_fact_counts(void)
{
    struct frame *f;
    struct series_view v;
    struct batch *b;

    begin();
    f = fixture_frame(&arena, T0, T0 + 3 * NANO_PER_MIN);
    fixture_epoch(f, EPOCH_AUTHORITY, 0, SV("tokens /s1/acc"), SV("models"));
    fixture_epoch(f, EPOCH_AUTHORITY, T0 + 2 * NANO_PER_MIN, SV("tokens /s1/acc"), SV("azure_openai"));
    b = fixture_batch(f);
    fixture_measure(b, SV("In"), SV("d"), T0, 100)->family = batch_sym(b, SV("models"));
    fixture_measure(b, SV("In"), SV("e"), T0, 999)->family = batch_sym(b, SV("azure_openai"));
    fixture_measure(b, SV("In"), SV("d"), T0 + 2 * NANO_PER_MIN, 1000)->family = batch_sym(b, SV("models"));
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_tokens_total", LABEL_DIRECTION, "input", &v) && v.value[0] == 100);
    OK(!fixture_find(l, "genai_tokens_total", LABEL_DEPLOYMENT, "e", &v));
}

static void typed(sv part, sv family, double value)
{
    struct frame *f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    struct batch *b = fixture_batch(f);
    struct measure *m =
        fixture_measure(b, SV("Typed"), arena_printf(&arena, "%.*s %.*s", SV_ARG(part), SV_ARG(family)), T0, value);

    m->part = batch_sym(b, part);
    m->family = batch_sym(b, family);
    m->deployment = batch_sym(b, SV("d"));
    ledger_fold(l, f);
}

static int64_t parts_of(const char *part)
{
    struct series_view v;

    return fixture_find(l, "genai_token_parts_total", LABEL_PART, part, &v) ? v.value[0] : -1;
}

static void a_rule_counts_the_part_that_it_names_and_the_star_all_others(void)
{
    struct series_view v;

    for (int with = 0; with < 2; with++) {
        begin();
        typed(SV("input"), SV(""), 100);
        typed(SV("cache_read_input"), SV(""), 30);
        if (with)
            l = fixture_restart(l);
        typed(SV("never_seen_before"), SV(""), 5);
        typed(SV("never_seen_before"), SV(""), 4); /* a revision */
        typed(SV("reasoning"), SV(""), 7);         /* named by a row of another family alone */
        typed(SV("reasoning"), SV("models"), 11);
        typed(SV(""), SV(""), 1000); /* it is not known what it is */
        OK(fixture_find(l, "genai_tokens_total", LABEL_DIRECTION, "input", &v) && v.value[0] == 130);
        OK(parts_of("cache_read") == 30 && parts_of("cache_read_input") == -1 && parts_of("input") == -1);
        OK(parts_of("never_seen_before") == 4 && parts_of("") == -1);
        OK(parts_of("of_models") == 11 && parts_of("reasoning") == 18);
    }
}

static void sums_are_kept_in_nanoseconds(void)
{
    struct frame *f;
    struct series_view v;
    struct measure *m;

    begin();
    f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    m = fixture_measure(fixture_batch(f), SV("Latency"), SV("d"), T0, NAN);
    m->sum = 1801.5 * 3;
    m->count = 3;
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_request_duration_mean_seconds", LABEL_DEPLOYMENT, "d", &v));
    OK(v.value[0] == INT64_C(5404500000) && v.value[1] == 3);
}

static void a_gauge_shows_its_newest_bucket_and_a_limit(void)
{
    struct series_view v;

    begin();
    fold_one(SV("Utilization"), SV("d"), 1, 55, 0, 2);
    fold_one(SV("Utilization"), SV("d"), 0, 11, 0, 2);
    OK(fixture_find(l, "genai_provisioned_utilization_ratio", LABEL_DEPLOYMENT, "d", &v));
    OK(fabs(v.gauge - 0.55) < 1e-12 && v.gauge_end_unix_nano == T0 + 2 * NANO_PER_MIN);
    OK(v.gauge_until_unix_nano > v.gauge_end_unix_nano + 3 * NANO_PER_MIN);
}

/* ---- logs ---- */

static int64_t calls_of(const char *deployment)
{
    struct series_view v;

    return fixture_find(l, "genai_logged_calls_total", LABEL_DEPLOYMENT, deployment, &v) ? v.value[0] : -1;
}

static void a_call_counts_once_whichever_row_comes_first(void)
{
    struct frame *f;
    struct batch *b;
    struct series_view v;

    begin();
    f = fixture_log_frame(&arena, 0, 10, 0);
    b = fixture_batch(f);
    fixture_call(b, SV("RequestResponse"), SV("c1"), SV(""), T0 + 5 * NANO_PER_MIN, 1);
    fixture_call(b, SV("RequestResponse"), SV("c2"), SV("d"), T0 + 5 * NANO_PER_MIN, 2)->duration_nano = 1500000000;
    fixture_call(b, SV("RequestResponse"), SV("c2"), SV(""), T0 + 5 * NANO_PER_MIN, 3);
    fixture_call(b, SV("RequestResponse"), SV("c3"), SV(""), T0 + 6 * NANO_PER_MIN, 4);
    ledger_fold(l, f);
    OK(calls_of("d") == 1 && calls_of("") == 0);
    f = fixture_log_frame(&arena, 10, 200, 0);
    fixture_call(fixture_batch(f), SV("RequestResponse"), SV("c1"), SV("d"), T0 + 190 * NANO_PER_MIN, 5);
    ledger_fold(l, f);
    OK(calls_of("d") == 2);
    ledger_fold(l, fixture_log_frame(&arena, 200, 250, 10));
    OK(calls_of("d") == 2 && calls_of("") == 1);
    OK(fixture_find(l, "genai_request_duration_seconds", LABEL_DEPLOYMENT, "d", &v) &&
       v.value[histogram_bucket(1.5)] == 1);
    f = fixture_log_frame(&arena, 250, 260, 10);
    fixture_call(fixture_batch(f), SV("RequestResponse"), SV("c3"), SV("d"), T0 + 255 * NANO_PER_MIN, 6);
    ledger_fold(l, f);
    OK(calls_of("d") == 2 && calls_of("") == 1); /* too late: archived, counted as late */
}

static void a_repeated_row_changes_nothing(void)
{
    struct frame *f;
    struct batch *b;
    struct series_view v;

    begin();
    for (int i = 0; i < 3; i++) {
        f = fixture_log_frame(&arena, i, i + 1, 0);
        b = fixture_batch(f);
        fixture_call(b, SV("RequestResponse"), SV("c1"), SV("d"), T0 + NANO_PER_MIN, 1);
        fixture_call(b, SV("Usage"), SV("c1"), SV("d"), T0 + NANO_PER_MIN, 2)->input_tokens = 70;
        f->tally = (struct tally){ .received = 2, .stored = 2 };
        if (i == 2) {
            ledger_filter(l, f);
            OK(frame_records(f) == 0 && f->tally.stored == 0 && f->tally.duplicate == 2);
        }
        ledger_fold(l, f);
    }
    OK(calls_of("d") == 1);
    OK(fixture_find(l, "genai_logged_tokens_total", LABEL_DIRECTION, "input", &v) && v.value[0] == 70);
    for (size_t i = 0; i < ledger_source_count(l); i++) {
        struct source_totals t;

        ledger_source(l, i, &t);
        OK(t.tally.received == t.tally.stored + t.tally.duplicate);
    }
}

static void audit_events_count_by_action_and_outcome(void)
{
    struct frame *f;
    struct batch *b;
    struct series_view v;

    begin();
    f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    b = fixture_batch(f);
    for (uint64_t i = 0; i < 3; i++) {
        struct audit *a = batch_add_audit(b);

        a->key = i / 2 + 1; /* one event twice */
        a->time_unix_nano = T0 + 1;
        a->action = batch_sym(b, SV("listkey"));
        a->outcome = batch_sym(b, SV("success"));
    }
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_audit_events_total", LABEL_ACTION, "listkey", &v) && v.value[0] == 2);
}

static void log_coverage_compares_one_hour_of_both_sides(void)
{
    struct frame *f;
    struct batch *b;
    struct log_coverage_view v;

    begin();
    f = fixture_log_frame(&arena, 0, 400, 0);
    b = fixture_batch(f);
    fixture_measure(b, SV("Requests"), SV("d"), T0 + 10 * NANO_PER_MIN, 4);
    OK(ledger_log_coverage_count(l) == 0);
    for (uint64_t i = 0; i < 3; i++)
        fixture_call(b, SV("RequestResponse"), arena_printf(&arena, "c%d", (int)i), SV("d"), T0 + 20 * NANO_PER_MIN, i);
    ledger_fold(l, f);
    OK(ledger_log_coverage_count(l) == 1 && !ledger_log_coverage(l, 0, &v)); /* too fresh */
    fold_one(SV("Requests"), SV("d"), 310, 9, 300, 311);
    OK(ledger_log_coverage(l, 0, &v) && v.ratio == 0.75 && v.hour_unix_nano == T0);
    l = fixture_restart(l);
    OK(ledger_log_coverage(l, 0, &v) && v.ratio == 0.75 && sv_eq(v.labels[4], SV("acc")));
}

static void what_one_side_cannot_know_is_on_neither(void)
{
    static const struct rule rules[] = {
        { .platform = PLATFORM_BEDROCK,
          .theirs = SVT("Invocations"),
          .ours = SVT("genai_requests_total"),
          .stat = SVT("value"),
          .weight = 1 },
        { .platform = PLATFORM_BEDROCK,
          .theirs = SVT("Log"),
          .ours = SVT("genai_logged_calls_total"),
          .stat = SVT("call"),
          .weight = 1 },
        { .platform = PLATFORM_BEDROCK_MANTLE,
          .theirs = SVT("Inferences"),
          .ours = SVT("genai_requests_total"),
          .stat = SVT("value"),
          .weight = 1 },
        { .platform = PLATFORM_BEDROCK_MANTLE,
          .theirs = SVT("Trail"),
          .ours = SVT("genai_logged_calls_total"),
          .stat = SVT("call"),
          .weight = 1 },
    };
    struct frame *f;
    struct batch *b;
    struct log_coverage_view v;

    begin();
    f = fixture_frame(&arena, T0, T0 + 320 * NANO_PER_MIN);
    f->source = SV("aws");
    fixture_epoch(f, EPOCH_MAPPING, 0, SV("aws"), SV(""));
    f->epochs[0].rules = (struct rule *)(uintptr_t)rules;
    f->epochs[0].n_rules = 4;
    b = fixture_batch(f);
    b->origin.platform = PLATFORM_BEDROCK;
    fixture_measure(b, SV("Invocations"), SV("d"), T0, 4);
    fixture_measure(b, SV("Invocations"), SV("e"), T0, 100)->outcome = OUTCOME_THROTTLED;
    fixture_measure(b, SV("Invocations"), SV("d"), T0 + 310 * NANO_PER_MIN, 1);
    for (uint64_t i = 0; i < 3; i++)
        fixture_call(b, SV("Log"), arena_printf(&arena, "t%d", (int)i), SV("d"), T0 + NANO_PER_MIN, 50 + i)->outcome =
            i == 2 ? OUTCOME_THROTTLED : OUTCOME_SUCCESS;
    b = fixture_batch(f);
    b->origin.platform = PLATFORM_BEDROCK_MANTLE;
    fixture_measure(b, SV("Inferences"), SV("d"), T0, 2);
    fixture_measure(b, SV("Inferences"), SV("d"), T0 + 310 * NANO_PER_MIN, 1);
    for (uint64_t i = 0; i < 3; i++)
        fixture_call(b, SV("Trail"), arena_printf(&arena, "m%d", (int)i), SV("d"), T0 + NANO_PER_MIN, 60 + i)->outcome =
            i == 2 ? OUTCOME_SERVER_ERROR : OUTCOME_THROTTLED;
    ledger_fold(l, f);
    OK(ledger_log_coverage_count(l) == 2 && ledger_log_coverage(l, 0, &v) && v.ratio == 0.5);
    OK(ledger_log_coverage(l, 1, &v) && v.ratio == 1);
}

/* ---- coverage ---- */

static void complete_until_is_the_start_of_the_first_hole(void)
{
    struct window hole = { 0 };
    int64_t until;

    begin();
    ledger_fold(l, fixture_frame(&arena, T0, T0 + 30 * NANO_PER_MIN));
    ledger_fold(l, fixture_frame(&arena, T0 + 60 * NANO_PER_MIN, T0 + 90 * NANO_PER_MIN));
    OK(ledger_complete_until(l, SV("az"), SV("sub"), SV("g"), &until) && until == T0 + 20 * NANO_PER_MIN);
    OK(ledger_first_hole(l, SV("az"), SV("sub"), SV("g"), T0, T0 + 120 * NANO_PER_MIN, &hole));
    OK(hole.from_unix_nano == T0 + 30 * NANO_PER_MIN && hole.to_unix_nano == T0 + 60 * NANO_PER_MIN);
    ledger_fold(l, fixture_frame(&arena, T0 + 15 * NANO_PER_MIN, T0 + 75 * NANO_PER_MIN));
    OK(ledger_complete_until(l, SV("az"), SV("sub"), SV("g"), &until) && until == T0 + 80 * NANO_PER_MIN);
    OK(!ledger_first_hole(l, SV("az"), SV("sub"), SV("g"), T0, T0 + 90 * NANO_PER_MIN, &hole));
}

/* ---- the laws as properties ---- */

static int64_t shown_total(struct ledger *of)
{
    int64_t sum = 0;

    for (size_t i = 0; i < ledger_series_count(of); i++) {
        struct series_view v;

        ledger_series(of, i, &v, NULL);
        for (unsigned c = 0; c < family_cells(v.family); c++)
            sum = (int64_t)((uint64_t)sum * 31 + (uint64_t)v.shown[c] + 7 * (uint64_t)v.value[c]);
    }
    return sum;
}

enum { MINUTES = 90, SERIES = 4 };

/* Buckets come late, are revised up and down, are read again and again; at the end value == truth, shown never fell. */
static void random_lives_end_at_the_truth(unsigned seed)
{
    static const char *const names[SERIES] = { "a", "b", "c", "d" };
    double now[SERIES][MINUTES] = { 0 };
    int64_t last[SERIES] = { 0 }, truth;
    struct series_view v;
    bool fell = false, equal = true;

    srandom(seed);
    begin();
    for (int m = 1; m < MINUTES + 30; m++) {
        struct frame *f = fixture_frame(&arena, T0 + (m > 30 ? m - 30 : 0) * NANO_PER_MIN, T0 + m * NANO_PER_MIN);
        struct batch *b = fixture_batch(f);

        for (int s = 0; s < SERIES; s++)
            for (int k = m > 30 ? m - 30 : 0; k < m && k < MINUTES; k++) {
                if (m - k < 25 && random() % 4 == 0)
                    now[s][k] = (double)(random() % 50);
                if (now[s][k] > 0 || random() % 2)
                    fixture_measure(b, SV("Requests"), sv_of(names[s]), T0 + k * NANO_PER_MIN, now[s][k]);
            }
        ledger_filter(l, f);
        ledger_fold(l, f);
        if (random() % 5 == 0)
            fixture_bear(l, &arena);
        if (random() % 40 == 0)
            l = fixture_restart(l);
        for (int s = 0; s < SERIES; s++)
            if (fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, names[s], &v)) {
                fell |= v.shown[0] < last[s] || (v.born && v.shown[0] < v.value[0]);
                last[s] = v.shown[0];
            }
        arena_reset(&arena);
    }
    for (int s = 0; s < SERIES; s++) {
        truth = 0;
        for (int k = 0; k < MINUTES; k++)
            truth += (int64_t)now[s][k];
        equal &= fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, names[s], &v) && v.value[0] == truth;
    }
    OK(!fell);
    OK(equal);
}

static void any_life_ends_at_the_truth(void)
{
    for (unsigned i = 0; i < 10; i++) {
        printf("# seed %u\n", 20261124 + i);
        random_lives_end_at_the_truth(20261124 + i);
    }
}

static void the_same_frames_give_the_same_numbers_with_and_without_a_snapshot(void)
{
    int64_t sums[2];

    for (int with = 0; with < 2; with++) {
        begin();
        srandom(5);
        for (int m = 1; m < 60; m++) {
            fold_one(SV("Requests"), SV("d"), m - 1 - (int)(random() % 3), (double)(random() % 9), m > 30 ? m - 30 : 0,
                     m);
            if (m == 20)
                fixture_bear(l, &arena);
            if (with && m % 17 == 0)
                l = fixture_restart(l);
        }
        sums[with] = shown_total(l);
    }
    OK(sums[0] == sums[1]);
}

static void the_series_limit_refuses_and_counts(void)
{
    struct frame *f;
    struct ledger_sizes z;
    struct batch *b;

    begin();
    f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    fixture_epoch(f, EPOCH_LIMITS, 0, SV(""), SV("series=10"));
    b = fixture_batch(f);
    for (int i = 0; i < 50; i++)
        fixture_measure(b, SV("Requests"), arena_printf(&arena, "d%d", i), T0, 1);
    ledger_fold(l, f);
    ledger_sizes(l, &z);
    OK(z.series == 10 && z.series_limit == 10 && z.series_refused > 0);
}

static void a_figure_that_the_cloud_does_not_tell_is_no_zero(void)
{
    struct series_view v;
    struct frame *f;
    struct measure *m;

    begin();
    f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    m = fixture_measure(fixture_batch(f), SV("Latency"), SV("chat"), T0, 150);
    m->kind = MEASURE_GAUGE; /* an average without a count */
    ledger_fold(l, f);
    OK(!fixture_find(l, "genai_request_duration_mean_seconds", LABEL_DEPLOYMENT, "chat", &v));
    f = fixture_frame(&arena, T0 + NANO_PER_MIN, T0 + 2 * NANO_PER_MIN);
    m = fixture_measure(fixture_batch(f), SV("Latency"), SV("chat"), T0 + NANO_PER_MIN, 150);
    m->kind = MEASURE_SUMMARY;
    m->sum = 600;
    m->count = 4;
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_request_duration_mean_seconds", LABEL_DEPLOYMENT, "chat", &v) && v.value[1] == 4);
}

static void a_figure_that_comes_with_a_revision_counts(void)
{
    struct series_view v;
    struct frame *f;
    struct measure *m;

    begin();
    f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    m = fixture_measure(fixture_batch(f), SV("Latency"), SV("d"), T0, 150);
    m->kind = MEASURE_GAUGE;
    ledger_fold(l, f);
    f = fixture_frame(&arena, T0, T0 + 2 * NANO_PER_MIN);
    m = fixture_measure(fixture_batch(f), SV("Latency"), SV("d"), T0, 150);
    m->sum = 600;
    m->count = 4;
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_request_duration_mean_seconds", LABEL_DEPLOYMENT, "d", &v) && v.value[1] == 4);
    /* And one that a revision does not tell any more stays what it was: absent is not 0. */
    f = fixture_frame(&arena, T0, T0 + 3 * NANO_PER_MIN);
    fixture_measure(fixture_batch(f), SV("Latency"), SV("d"), T0, 140);
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_request_duration_mean_seconds", LABEL_DEPLOYMENT, "d", &v) && v.value[1] == 4 &&
       v.value[0] == 600 * NANO_PER_MS);
}

/* After an outage the newest is read first; what had not settled before it is read again all the same. */
static void what_has_not_settled_is_not_given_up(void)
{
    struct series_view v;

    begin();
    fold_one(SV("Requests"), SV("d"), 55, 5, 0, 60);
    fold_one(SV("Requests"), SV("d"), 1259, 1, 1230, 1260);
    fold_one(SV("Requests"), SV("d"), 55, 7, 50, 1230);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 8);
}

/* A look-back longer than bucket states are kept by default. */
static void what_is_read_again_and_again_is_not_given_up(void)
{
    struct series_view v;

    begin();
    for (int minute = 60; minute <= 480; minute += 20)
        fold_one(SV("Requests"), SV("d"), 5, minute, 0, minute);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 480);
}

/* CloudWatch lists a series late: by then its first minutes may be older than the states that are kept. */
static void a_new_series_counts_from_its_beginning_however_old(void)
{
    struct series_view v;

    begin();
    fold_one(SV("Requests"), SV("old"), 0, 5, 0, 60);
    fold_one(SV("Requests"), SV("old"), 599, 1, 60, 600); /* states of the first hours are given up */
    fold_one(SV("Requests"), SV("old"), 0, 9, 560, 610);  /* a revision that comes too late */
    fold_one(SV("Requests"), SV("old"), 1, 9, 560, 610);
    OK(fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, "old", &v) && v.value[0] == 6 + 9);
    fold_one(SV("Requests"), SV("new"), 100, 7, 560, 611);
    fold_one(SV("Requests"), SV("new"), 20, 3, 560, 611);
    OK(fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, "new", &v) && v.value[0] == 10);
    fold_one(SV("Requests"), SV("new"), 20, 3, 560, 612); /* read again by a process that started anew */
    OK(fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, "new", &v) && v.value[0] == 10);
    fold_one(SV("Requests"), SV("new"), 1199, 1, 612, 1200); /* now they are given up too */
    fold_one(SV("Requests"), SV("new"), 20, 3, 1190, 1201);
    OK(fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, "new", &v) && v.value[0] == 11);
}

static void fold_reading(sv name, int minute, double value, int at)
{
    struct frame *f = fixture_frame(&arena, T0 + at * NANO_PER_MIN, T0 + (at + 1) * NANO_PER_MIN);
    struct batch *b = fixture_batch(f);
    struct measure *m = fixture_measure(b, name, SV("d"), T0 + minute * NANO_PER_MIN, value);

    m->family = batch_sym(b, SV("accepted"));
    ledger_fold(l, f);
}

static void what_a_reading_takes_away_never_lowers_what_was_shown(void)
{
    struct series_view v;

    begin();
    fold_reading(SV("Failed"), 0, 4, 0); /* before the accepted ones: below zero */
    fixture_bear(l, &arena);
    OK(fixture_find(l, "genai_requests_total", LABEL_OUTCOME, "success", &v) && v.value[0] == -4 && v.shown[0] == 0);
    fold_reading(SV("Accepted"), 0, 10, 1);
    OK(fixture_find(l, "genai_requests_total", LABEL_OUTCOME, "success", &v) && v.value[0] == 6 && v.shown[0] == 6);
    fold_reading(SV("Accepted"), 1, 5, 2);
    OK(fixture_find(l, "genai_requests_total", LABEL_OUTCOME, "success", &v) && v.value[0] == 11 && v.shown[0] == 11);
    fold_reading(SV("Failed"), 1, 2, 3); /* known later: debt, until more comes */
    OK(fixture_find(l, "genai_requests_total", LABEL_OUTCOME, "success", &v) && v.value[0] == 9 && v.shown[0] == 11);
    fold_reading(SV("Accepted"), 2, 3, 4);
    OK(fixture_find(l, "genai_requests_total", LABEL_OUTCOME, "success", &v) && v.value[0] == 12 && v.shown[0] == 12);
    fold_one(SV("Failed"), SV("d"), 3, 7, 5, 6); /* by another reading nothing is taken away */
    fold_one(SV("Silent"), SV("d"), 3, 7, 5, 6); /* nor by a rule that is no reading: it is not taken at all */
    OK(fixture_find(l, "genai_requests_total", LABEL_OUTCOME, "success", &v) && v.value[0] == 12);
    OK(!fixture_find(l, "genai_requests_total", LABEL_OUTCOME, "unknown", &v));
}

static void fold_call(sv deployment, int minute, uint64_t row, int decide)
{
    struct frame *f = fixture_log_frame(&arena, minute, minute + 1, decide);

    (void)fixture_call(fixture_batch(f), SV("RequestResponse"),
                       arena_printf(&arena, "c%llu", (unsigned long long)row / 10), deployment,
                       T0 + minute * NANO_PER_MIN, row);
    ledger_fold(l, f);
}

/* Even when envelopes wait for longer than keys are kept. */
static void a_call_whose_envelope_waits_for_days_counts_once(void)
{
    begin();
    fold_call(SV(""), 0, 10, 0);
    fold_call(SV("d"), 1, 11, 0);
    fold_call(SV(""), 2, 20, 0);
    fold_call(SV("d"), 30 * 60, 31, 0);
    fold_call(SV("d"), 32 * 60, 41, 10);
    OK(calls_of("d") == 3 && calls_of("") == 1);
}

static void a_row_from_the_future_makes_nothing_forgotten(void)
{
    begin();
    fold_call(SV("d"), 1, 11, 0);
    OK(calls_of("d") == 1);
    {
        struct frame *f = fixture_log_frame(&arena, 1, 2, 0);

        (void)fixture_call(fixture_batch(f), SV("RequestResponse"), SV("x"), SV("d"), T0 + 40 * 365 * 24 * NANO_PER_H,
                           99);
        ledger_fold(l, f);
    }
    fold_call(SV("d"), 1, 11, 0);
    OK(calls_of("d") == 2);
}

static void fold_audit(int at, int from, int to)
{
    struct frame *f = fixture_frame(&arena, T0 + from * NANO_PER_MIN, T0 + to * NANO_PER_MIN);
    struct batch *b = fixture_batch(f);
    struct audit *a = batch_add_audit(b);

    a->key = 4711 + (uint64_t)at;
    a->time_unix_nano = T0 + at * NANO_PER_MIN;
    a->action = batch_sym(b, SV("key.read"));
    ledger_fold(l, f);
}

/* After an outage of more than the horizon, what had not settled before it is read again. */
static void a_repetition_from_beyond_the_horizon_is_late(void)
{
    struct series_view v;
    struct source_totals t;

    begin();
    fold_audit(55, 0, 60);
    fold_audit(30 * 60 - 1, 29 * 60, 30 * 60);
    fold_audit(55, 50, 29 * 60);
    OK(fixture_find(l, "genai_audit_events_total", LABEL_ACTION, "key.read", &v) && v.value[0] == 2);
    ledger_source(l, 0, &t);
    OK(t.late == 1);
}

int main(void)
{
    clock_set_manual(T0);
    arena_init(&arena, 0);
    RUN(a_new_series_shows_zero_until_it_is_born);
    RUN(a_revision_adds_the_difference_and_never_lowers_what_was_shown);
    RUN(buckets_before_counting_began_are_history);
    RUN(a_gauge_whose_bucket_lasts_is_shown);
    RUN(a_backfill_is_never_counted);
    RUN(a_remodelled_deployment_starts_a_new_series_and_revisions_go_home);
    RUN(only_the_authority_of_a_fact_counts);
    RUN(a_rule_counts_the_part_that_it_names_and_the_star_all_others);
    RUN(sums_are_kept_in_nanoseconds);
    RUN(a_gauge_shows_its_newest_bucket_and_a_limit);
    RUN(a_call_counts_once_whichever_row_comes_first);
    RUN(a_repeated_row_changes_nothing);
    RUN(audit_events_count_by_action_and_outcome);
    RUN(log_coverage_compares_one_hour_of_both_sides);
    RUN(what_one_side_cannot_know_is_on_neither);
    RUN(complete_until_is_the_start_of_the_first_hole);
    RUN(any_life_ends_at_the_truth);
    RUN(the_same_frames_give_the_same_numbers_with_and_without_a_snapshot);
    RUN(the_series_limit_refuses_and_counts);
    RUN(a_figure_that_the_cloud_does_not_tell_is_no_zero);
    RUN(a_figure_that_comes_with_a_revision_counts);
    RUN(what_has_not_settled_is_not_given_up);
    RUN(what_is_read_again_and_again_is_not_given_up);
    RUN(a_new_series_counts_from_its_beginning_however_old);
    RUN(what_a_reading_takes_away_never_lowers_what_was_shown);
    RUN(a_call_whose_envelope_waits_for_days_counts_once);
    RUN(a_row_from_the_future_makes_nothing_forgotten);
    RUN(a_repetition_from_beyond_the_horizon_is_late);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
