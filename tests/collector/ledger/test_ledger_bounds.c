/* What the ledger keeps is bounded: each limit, what happens at it, and that a restart changes nothing about it. */
#include "tests/collector/ledger/log_fixture.h"

static struct arena arena;
static struct ledger *l;

static void begin(void)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
}

static struct ledger_sizes sizes(void)
{
    struct ledger_sizes s;

    ledger_sizes(l, &s);
    return s;
}

static int64_t requests_of(const char *deployment)
{
    struct series_view v;

    return fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, deployment, &v) ? v.value[0] : -1;
}

static int64_t calls_of(const char *deployment)
{
    struct series_view v;

    return fixture_find(l, "genai_logged_calls_total", LABEL_DEPLOYMENT, deployment, &v) ? v.value[0] : -1;
}

/* A minute of one deployment, with a model of its own. */
static void tell(sv deployment, sv model, int minute, double value)
{
    struct frame *f = fixture_frame(&arena, T0 + (minute - 30) * NANO_PER_MIN, T0 + (minute + 1) * NANO_PER_MIN);
    struct batch *b = fixture_batch(f);

    fixture_measure(b, SV("Requests"), deployment, T0 + minute * NANO_PER_MIN, value)->model = batch_sym(b, model);
    ledger_fold(l, f);
}

static void row(enum lane lane, sv id, sv deployment, int minute)
{
    struct frame *f = fixture_log_frame(&arena, minute, minute + 5, 0);

    f->lane = lane;
    f->tally = (struct tally){ .received = 1, .stored = 1 };
    fixture_call(fixture_batch(f), SV("RequestResponse"), id, deployment, T0 + minute * NANO_PER_MIN, 1);
    ledger_filter(l, f);
    ledger_fold(l, f);
}

/* ---- native series ---- */

enum { DAYS_4 = 4 * 24 * 60 };

static void an_idle_native_series_is_dropped_after_days_and_begins_anew(void)
{
    begin();
    for (int i = 0; i < 20; i++)
        tell(arena_printf(&arena, "idle-%d", i), SV("m"), 0, 1);
    for (int m = 0; m < 400; m++)
        tell(SV("busy"), SV("m"), m, 1);
    OK(sizes().natives == 21 && sizes().buckets < 150);
    for (int m = DAYS_4 + 10; m < DAYS_4 + 210; m++)
        tell(SV("busy"), SV("m"), m, 1);
    OK(sizes().natives == 1);
    OK(requests_of("busy") == 600 && requests_of("idle-7") == 1);
    l = fixture_restart(l);
    tell(SV("idle-7"), SV("m"), DAYS_4 + 210, 5);
    OK(requests_of("idle-7") == 6 && sizes().natives == 2);
    tell(SV("idle-7"), SV("m"), DAYS_4 + 210, 4);
    OK(requests_of("idle-7") == 5);
    tell(SV("idle-7"), SV("m"), 0, 1); /* told before it was dropped: late, not counted again */
    OK(requests_of("idle-7") == 5);
}

static void what_is_dropped_in_the_middle_leaves_the_others_found(void)
{
    begin();
    for (int i = 0; i < 9; i++)
        for (int m = 0; m < 9; m++)
            tell(arena_printf(&arena, "d-%d", i), SV("m"), m, 1);
    for (int m = 9; m < 40; m++) /* the others settle */
        tell(SV("d-0"), SV("m"), m, 0);
    for (int m = DAYS_4 + 10; m < DAYS_4 + 210; m++)
        for (int i = 0; i < 9; i += 3)
            tell(arena_printf(&arena, "d-%d", i), SV("m"), m, 1);
    OK(sizes().natives == 3);
    for (int i = 0; i < 9; i++)
        OK(requests_of(arena_printf(&arena, "d-%d", i).at) == (i % 3 == 0 ? 209 : 9));
    tell(SV("d-6"), SV("m"), DAYS_4 + 209, 3);
    OK(requests_of("d-6") == 211);
}

static void a_native_series_beyond_the_limit_is_refused_and_counted(void)
{
    begin();
    fixture_limits(l, &arena, "natives=2");
    tell(SV("a"), SV("m"), 0, 1);
    tell(SV("b"), SV("m"), 0, 1);
    tell(SV("c"), SV("m"), 0, 1);
    OK(requests_of("a") == 1 && requests_of("c") == -1);
    OK(sizes().natives == 2 && sizes().natives_limit == 2 && sizes().refused == 1);
    l = fixture_restart(l);
    tell(SV("a"), SV("m"), 1, 1);
    tell(SV("c"), SV("m"), 1, 1);
    OK(requests_of("a") == 2 && requests_of("c") == -1 && sizes().refused == 2);
}

/* A deployment whose model changes every minute: revisions still go home. */
static void generations_without_buckets_are_forgotten(void)
{
    struct series_view v;

    begin();
    for (int m = 0; m < 3000; m++) {
        tell(SV("d"), arena_printf(&arena, "m-%d", m), m, 1);
        if (m % 500 == 0)
            arena_reset(&arena);
    }
    OK(sizes().refused == 0);
    OK(fixture_find(l, "genai_requests_total", LABEL_MODEL, "m-2999", &v) && v.value[0] == 1);
    tell(SV("d"), SV("other"), 2990, 7);
    OK(fixture_find(l, "genai_requests_total", LABEL_MODEL, "m-2990", &v) && v.value[0] == 7);
    OK(!fixture_find(l, "genai_requests_total", LABEL_MODEL, "other", &v));
}

static void a_record_whose_name_finds_no_room_is_no_other_series(void)
{
    size_t n;

    begin();
    tell(SV("a"), SV("m"), 0, 1);
    fixture_limits(l, &arena, "series=1000");
    n = sizes().names;
    fixture_limits(l, &arena, arena_printf(&arena, "names=%zu", n).at);
    tell(SV("b"), SV("m"), 0, 5);
    row(LANE_LIVE, SV("c1"), SV("b"), 1);
    OK(requests_of("b") == -1 && requests_of("") == -1 && calls_of("") == -1);
    OK(sizes().names == n && sizes().names_limit == n && sizes().refused == 2);
    tell(SV("a"), SV("m"), 1, 1);
    OK(requests_of("a") == 2);
    l = fixture_restart(l);
    tell(SV("b"), SV("m"), 1, 5);
    OK(requests_of("b") == -1 && sizes().refused == 3);
}

/* ---- logs ---- */

static void an_envelope_that_may_not_wait_counts_at_once(void)
{
    begin();
    fixture_limits(l, &arena, "envelopes=2");
    row(LANE_LIVE, SV("c1"), SV(""), 1);
    row(LANE_LIVE, SV("c2"), SV(""), 1);
    OK(calls_of("") == 0 && sizes().envelopes == 2);
    l = fixture_restart(l);
    row(LANE_LIVE, SV("c3"), SV(""), 2);
    OK(calls_of("") == 1 && sizes().envelopes == 2 && sizes().envelopes_limit == 2);
    ledger_fold(l, fixture_log_frame(&arena, 5, 10, 4));
    OK(calls_of("") == 3 && sizes().envelopes == 0);
}

static void a_row_that_a_backfill_saw_counts_when_it_is_live(void)
{
    struct source_totals t;

    for (int with = 0; with < 2; with++) {
        begin();
        row(LANE_LIVE, SV("c0"), SV("d"), 1);
        row(LANE_BACKFILL, SV("c1"), SV("d"), 2);
        row(LANE_BACKFILL, SV("c0"), SV("d"), 1); /* a repetition of a live row */
        row(LANE_BACKFILL, SV("c1"), SV("d"), 2); /* and of a backfilled one */
        OK(calls_of("d") == 1);
        if (with)
            l = fixture_restart(l);
        row(LANE_LIVE, SV("c1"), SV("d"), 2);
        OK(calls_of("d") == 2);
        row(LANE_LIVE, SV("c1"), SV("d"), 2);
        OK(calls_of("d") == 2);
        for (size_t i = 0; i < ledger_source_count(l); i++) {
            ledger_source(l, i, &t);
            if (sv_eq(t.source, SV("az")))
                OK(t.tally.received == 6 && t.tally.stored == 3 && t.tally.duplicate == 3);
        }
    }
}

static void the_horizon_grows_again_by_an_hour_each_hour(void)
{
    int64_t least;

    begin();
    fixture_limits(l, &arena, "dedup_keys=40,dedup_hours=8");
    for (int h = 0; h < 10; h++)
        for (int i = 0; i < 10; i++)
            row(LANE_LIVE, arena_printf(&arena, "h%d-%d", h, i), SV("d"), 60 * h + i);
    least = sizes().horizon_ms / 3600000;
    OK(least < 5 && sizes().keys <= sizes().keys_limit);
    for (int h = 10; h < 13; h++)
        row(LANE_LIVE, arena_printf(&arena, "h%d", h), SV("d"), 60 * h);
    OK(sizes().horizon_ms / 3600000 <= least + 3);
    l = fixture_restart(l);
    for (int h = 13; h < 30; h++)
        row(LANE_LIVE, arena_printf(&arena, "h%d", h), SV("d"), 60 * h);
    OK(sizes().horizon_ms / 3600000 == 8);
    row(LANE_LIVE, SV("h23"), SV("d"), 60 * 23);
    OK(calls_of("d") == 100 + 20);
}

/* A new deployment in every record (P-13): `n` of them, a thousand a frame. */
static void flood(unsigned from, unsigned n)
{
    struct arena own;

    arena_init(&own, 16 << 20);
    for (unsigned done = 0; done < n; done += 1000) {
        struct frame *f;
        struct batch *b;

        arena_reset(&own);
        f = fixture_frame(&own, T0, T0 + NANO_PER_MIN);
        b = fixture_batch(f);
        for (unsigned i = 0; i < 1000; i++)
            fixture_measure(b, SV("Requests"), arena_printf(&own, "d%u", from + done + i), T0, 1);
        ledger_fold(l, f);
    }
    arena_done(&own);
}

static void a_million_names_take_no_more_memory_than_ten_thousand(void)
{
    struct ledger_sizes few, many;

    begin();
    fixture_limits(l, &arena, "series=1000,natives=2000,names=5000");
    flood(0, 10000);
    ledger_sizes(l, &few);
    flood(10000, 1000000);
    ledger_sizes(l, &many);
    OK(many.bytes == few.bytes && many.names <= 5000 && many.natives <= 2000 && many.series <= 1000);
    OK(many.refused - few.refused == 1000000); /* each one is told */
}

int main(void)
{
    arena_init(&arena, 256 << 20);
    RUN(an_idle_native_series_is_dropped_after_days_and_begins_anew);
    RUN(what_is_dropped_in_the_middle_leaves_the_others_found);
    RUN(a_native_series_beyond_the_limit_is_refused_and_counted);
    RUN(generations_without_buckets_are_forgotten);
    RUN(a_record_whose_name_finds_no_room_is_no_other_series);
    RUN(an_envelope_that_may_not_wait_counts_at_once);
    RUN(a_row_that_a_backfill_saw_counts_when_it_is_live);
    RUN(the_horizon_grows_again_by_an_hour_each_hour);
    RUN(a_million_names_take_no_more_memory_than_ten_thousand);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
