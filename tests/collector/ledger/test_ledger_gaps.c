/* What was not told: spans add up once, survive a restart; logs that are silent; rows of calls on both sides of a hole. */
#include "tests/collector/ledger/log_fixture.h"

static struct arena arena;
static struct ledger *l;

static void begin(void)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
}

static struct frame *gap_frame(int from, int to, sv resource, sv cause)
{
    struct frame *f = fixture_frame(&arena, T0 + from * NANO_PER_MIN, T0 + to * NANO_PER_MIN);
    struct batch *b = fixture_batch(f);
    struct gap *g = batch_add_gap(b);

    b->origin.resource_id = batch_sym(b, resource);
    *g = (struct gap){ .start_unix_nano = f->windows[0].from_unix_nano,
                       .end_unix_nano = f->windows[0].to_unix_nano,
                       .signal = batch_sym(b, SV("metrics")),
                       .cause = batch_sym(b, cause) };
    f->tally.received = f->tally.stored = 1;
    return f;
}

static int64_t gap_minutes(sv cause)
{
    struct gap_view v;
    int64_t sum = 0;

    for (size_t i = 0; i < ledger_gap_count(l); i++) {
        ledger_gap(l, i, &v);
        sum += sv_eq(v.source, SV("az")) && sv_eq(v.signal, SV("metrics")) && sv_eq(v.cause, cause)
                   ? v.nano / NANO_PER_MIN
                   : 0;
    }
    return sum;
}

/* A window that looks back tells most of the last one's gap again. */
static void a_span_that_is_told_again_adds_what_is_new_of_it(void)
{
    begin();
    ledger_fold(l, gap_frame(0, 30, SV("/a"), SV("denied")));
    ledger_fold(l, gap_frame(1, 31, SV("/a"), SV("denied")));
    ledger_fold(l, gap_frame(5, 10, SV("/a"), SV("denied")));
    OK(gap_minutes(SV("denied")) == 31);
    ledger_fold(l, gap_frame(1, 31, SV("/b"), SV("denied"))); /* another resource is another gap */
    ledger_fold(l, gap_frame(1, 31, SV("/a"), SV("gone")));
    OK(gap_minutes(SV("denied")) == 61 && gap_minutes(SV("gone")) == 30);
}

static void a_gap_that_is_known_is_a_repetition(void)
{
    struct frame *f;

    begin();
    ledger_fold(l, gap_frame(0, 30, SV("/a"), SV("denied")));
    f = gap_frame(10, 20, SV("/a"), SV("denied"));
    ledger_filter(l, f);
    OK(f->batches->n_gaps == 0 && f->tally.stored == 0 && f->tally.duplicate == 1);
    f = gap_frame(10, 31, SV("/a"), SV("denied"));
    ledger_filter(l, f);
    OK(f->batches->n_gaps == 1 && f->tally.stored == 1);
}

static void gaps_survive_a_restart(void)
{
    begin();
    ledger_fold(l, gap_frame(0, 30, SV("/a"), SV("denied")));
    l = fixture_restart(l);
    OK(gap_minutes(SV("denied")) == 30);
    ledger_fold(l, gap_frame(0, 40, SV("/a"), SV("denied")));
    OK(gap_minutes(SV("denied")) == 40);
}

static void nonsense_spans_are_no_gap(void)
{
    struct frame *f;

    begin();
    ledger_fold(l, gap_frame(30, 0, SV("/a"), SV("denied")));
    f = gap_frame(0, 1, SV("/a"), SV("denied"));
    f->batches->gaps->start_unix_nano = INT64_MIN;
    ledger_fold(l, f);
    OK(gap_minutes(SV("denied")) == 0);
    f = gap_frame(0, 1, SV("/a"), SV("denied"));
    f->batches->gaps->end_unix_nano = INT64_MAX;
    ledger_fold(l, f);
    ledger_fold(l, gap_frame(0, 1, SV("/b"), SV("denied")));
    OK(gap_minutes(SV("denied")) > 0);
}

/* ---- logs that are silent ---- */

static void requests(int hour)
{
    struct frame *f = fixture_frame(&arena, T0 + hour * NANO_PER_H, T0 + (hour + 1) * NANO_PER_H);

    fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), T0 + hour * NANO_PER_H, 5);
    ledger_fold(l, f);
}

static void logs_read_to(int hour, bool with_a_call)
{
    struct frame *f = fixture_log_frame(&arena, 0, hour * 60, 0);

    f->windows[0].group = SV("calls");
    f->windows[0].settled_to_unix_nano = f->windows[0].to_unix_nano;
    if (with_a_call)
        fixture_call(fixture_batch(f), SV("RequestResponse"), SV("c1"), SV("d"), T0 + 5 * NANO_PER_MIN, 1);
    ledger_fold(l, f);
}

static size_t unlogged(struct unlogged_view *first)
{
    struct unlogged_view v[4];
    size_t n = ledger_unlogged(l, SV("az"), v, 4);

    *first = n ? v[0] : (struct unlogged_view){ .requests = 0 };
    return n;
}

static void traffic_without_a_log_is_found_when_both_can_know(void)
{
    struct unlogged_view v;

    begin();
    for (int hour = 0; hour < 6; hour++)
        requests(hour);
    OK(unlogged(&v) == 0); /* nobody reads logs here: that is no gap */
    logs_read_to(0, false);
    OK(unlogged(&v) == 0); /* they are not read that far yet */
    logs_read_to(1, false);
    OK(unlogged(&v) == 1 && v.hour_unix_nano == T0 && v.requests == 5 && sv_eq(v.labels[4], SV("acc")));
    l = fixture_restart(l);
    OK(unlogged(&v) == 1 && v.hour_unix_nano == T0);
    OK(ledger_unlogged(l, SV("other"), &v, 1) == 0);
}

static void a_log_that_tells_of_calls_is_not_off(void)
{
    struct unlogged_view v;

    begin();
    for (int hour = 0; hour < 6; hour++)
        requests(hour);
    logs_read_to(1, true);
    OK(unlogged(&v) == 0);
    requests(6);
    logs_read_to(2, false);
    OK(unlogged(&v) == 1 && v.hour_unix_nano == T0 + NANO_PER_H); /* it was switched off then */
}

/* ---- what is newer is read first ---- */

static int64_t logged_calls(void)
{
    struct series_view v;
    int64_t sum = 0;
    const char *labels[LABELS];

    for (size_t i = 0; i < ledger_series_count(l); i++) {
        ledger_series(l, i, &v, labels);
        sum += v.family == family_find(SV("genai_logged_calls_total")) ? v.value[0] : 0;
    }
    return sum;
}

static void row(sv id, sv deployment, int at, int from, int to, int decide)
{
    struct frame *f = fixture_log_frame(&arena, from, to, decide);

    fixture_call(fixture_batch(f), SV("RequestResponse"), id, deployment, T0 + at * NANO_PER_MIN,
                 deployment.len ? 2 : 1);
    ledger_fold(l, f);
}

/* After 72 h away the newest hour is read, then the old ones, while new ones come: the horizon of 24 h is that of what is open. */
static void keys_live_on_while_a_hole_behind_them_is_read(void)
{
    enum { NOW = 72 * 60 };

    begin();
    row(SV("new"), SV("d"), NOW - 30, NOW - 60, NOW, 1);
    row(SV("old"), SV("d"), 59, 0, 60, 1);                 /* the backlog's first hour */
    row(SV("newer"), SV("d"), NOW + 30, NOW, NOW + 60, 1); /* live goes on, an hour has passed */
    row(SV("newest"), SV("d"), NOW + 90, NOW + 60, NOW + 120, 1);
    row(SV("old"), SV(""), 61, 60, 120, 1); /* the envelope of the same call */
    row(SV("last"), SV("d"), NOW - 61, 120, NOW - 60, NOW + 120);
    OK(logged_calls() == 5);
}

static void audited(int event, int from, int to, uint64_t key)
{
    struct frame *f = fixture_log_frame(&arena, from, to, 0);
    struct batch *b = fixture_batch(f);
    struct audit *a = batch_add_audit(b);

    b->observed_unix_nano = T0 + 80 * NANO_PER_H;
    a->key = key;
    a->time_unix_nano = T0 + event * NANO_PER_MIN;
    a->action = batch_sym(b, SV("listkey"));
    ledger_fold(l, f);
}

/* A log is read by arrival: an event from before its window is as new as the others, however old it is. */
static void old_events_of_a_log_count_when_their_window_is_new(void)
{
    struct series_view v;

    begin();
    audited(30, 0, 60, 1);
    audited(59, 60, 120, 2); /* it arrived after the hour had ended, and the hour has been read */
    OK(fixture_find(l, "genai_audit_events_total", LABEL_ACTION, "listkey", &v) && v.value[0] == 2);
    audited(31, 0, 60, 3); /* the window has been read before: whether it was counted nobody knows */
    audited(58, 60, 120, 4);
    OK(fixture_find(l, "genai_audit_events_total", LABEL_ACTION, "listkey", &v) && v.value[0] == 2);
}

int main(void)
{
    arena_init(&arena, 16 << 20);
    RUN(a_span_that_is_told_again_adds_what_is_new_of_it);
    RUN(a_gap_that_is_known_is_a_repetition);
    RUN(gaps_survive_a_restart);
    RUN(nonsense_spans_are_no_gap);
    RUN(traffic_without_a_log_is_found_when_both_can_know);
    RUN(a_log_that_tells_of_calls_is_not_off);
    RUN(old_events_of_a_log_count_when_their_window_is_new);
    RUN(keys_live_on_while_a_hole_behind_them_is_read);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
