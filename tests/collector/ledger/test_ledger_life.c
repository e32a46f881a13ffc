/*
 * Life of series: born, expired, returned, restarted. The last test is by chance: births, changes, expiries, restarts of the process
 * and snapshots in any order, and a scraper that believes what it sees.
 *     SEED=n ROUNDS=n build/plain/tests/collector/ledger/test_ledger_life
 */
#include <stdio.h>
#include <stdlib.h>

#include "collector/base/hash.h"

#include "tests/collector/ledger/log_fixture.h"

enum { MINUTE = 1, HOUR = 60, DAY = 24 * HOUR };

static struct arena arena;
static struct ledger *l;
static int now_min; /* of the frames, since T0 */

static struct frame *program_frame(sv scope)
{
    struct frame *f = frame_new(&arena, SV("trefoil"), scope);

    f->written_unix_nano = T0 + now_min * NANO_PER_MIN;
    return f;
}

static void fold(struct frame *f)
{
    f->written_unix_nano = T0 + now_min * NANO_PER_MIN;
    ledger_fold(l, f);
    arena_reset(&arena);
}

static void begin(const char *limits)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
    fixture_limits(l, &arena, limits);
    now_min = 0;
}

/* `n` more for a deployment's requests, of the current minute; all series that differ in outcome are its company. */
static void add(sv deployment, double n)
{
    struct frame *f = fixture_frame(&arena, T0 + now_min * NANO_PER_MIN, T0 + (now_min + 1) * NANO_PER_MIN);

    fixture_measure(fixture_batch(f), SV("Requests"), deployment, T0 + now_min * NANO_PER_MIN, n);
    fold(f);
}

/* Time passes with frames that say nothing; a step counts for ten minutes at most. */
static void pass(int minutes)
{
    for (int to = now_min + minutes; now_min < to;) {
        now_min += 10;
        fold(fixture_frame(&arena, 0, 0));
    }
}

static size_t bear(void)
{
    struct frame *f = program_frame(SV("births"));
    size_t n = ledger_births(l, UINT64_MAX, INT64_MAX, 100000, f);

    fold(f);
    return n;
}

static size_t let_expire(void)
{
    struct frame *f = program_frame(SV("expiries"));
    size_t n = ledger_expiries(l, 100000, f);

    fold(f);
    return n;
}

/* Of the requests with this code; -1: not shown. */
static int64_t shown(const char *deployment, const char *code)
{
    static const char *labels[LABELS];
    struct series_view v;

    for (size_t i = 0; i < ledger_series_count(l); i++) {
        ledger_series(l, i, &v, labels);
        if (v.family == family_find(SV("genai_requests_total")) &&
            sv_eq(sv_of(labels[LABEL_DEPLOYMENT]), sv_of(deployment)) && sv_eq(sv_of(labels[LABEL_CODE]), sv_of(code)))
            return v.expired ? -1 : v.shown[0];
    }
    return -1;
}

static void a_counter_that_does_not_change_expires_and_returns_at_0(void)
{
    begin("series_expiry_s=86400");
    add(SV("a"), 5);
    bear();
    OK(shown("a", "200") == 5);
    pass(DAY - 20 * MINUTE);
    OK(let_expire() == 0 && shown("a", "200") == 5);
    pass(30 * MINUTE);
    OK(let_expire() == 2 && shown("a", "200") == -1 && shown("a", "429") == -1);
    OK(let_expire() == 0);
    add(SV("a"), 3);
    OK(shown("a", "200") == 0);
    add(SV("a"), 4); /* the minute is revised upward by 1 */
    OK(shown("a", "200") == 0);
    bear();
    OK(shown("a", "200") == 4);
    pass(10);
    add(SV("a"), 2);
    OK(shown("a", "200") == 6);
}

static void one_that_changes_keeps_its_company(void)
{
    begin("series_expiry_s=86400");
    add(SV("a"), 5);
    add(SV("b"), 1);
    bear();
    for (int i = 0; i < 30; i++) {
        pass(HOUR);
        add(SV("a"), 1);
    }
    OK(let_expire() == 2 && shown("a", "200") == 35 && shown("a", "429") == 0 && shown("b", "200") == -1);
}

static void company_returns_with_the_first(void)
{
    begin("series_expiry_s=86400");
    add(SV("a"), 5);
    bear();
    pass(DAY + HOUR);
    let_expire();
    add(SV("a"), 1);
    OK(shown("a", "200") == 0 && shown("a", "429") == -1);
    OK(let_expire() == 1 && shown("a", "429") == 0);
    bear();
    OK(shown("a", "200") == 1 && shown("a", "429") == 0);
    OK(let_expire() == 0);
}

static void what_it_owed_it_owes_when_it_returns(void)
{
    begin("series_expiry_s=86400");
    add(SV("a"), 5);
    bear();
    add(SV("a"), 3); /* 2 too many were shown */
    pass(DAY + HOUR);
    let_expire();
    add(SV("a"), 10);
    bear();
    OK(shown("a", "200") == 8);
}

static void a_clock_that_jumps_ages_nobody(void)
{
    begin("series_expiry_s=86400");
    add(SV("a"), 5);
    bear();
    now_min += 400 * DAY;
    fold(fixture_frame(&arena, 0, 0));
    OK(let_expire() == 0);
    now_min -= 400 * DAY;
    fold(fixture_frame(&arena, 0, 0));
    OK(let_expire() == 0 && shown("a", "200") == 5);
}

static void expired_ones_make_room_within_the_limit(void)
{
    struct ledger_sizes sizes;

    begin("series_expiry_s=86400,series=4");
    add(SV("a"), 1);
    add(SV("b"), 1); /* each with its company: 4 */
    add(SV("c"), 1);
    bear();
    OK(shown("b", "200") == 1 && shown("c", "200") == -1);
    pass(DAY + HOUR);
    let_expire();
    add(SV("d"), 7);
    add(SV("e"), 7);
    bear();
    ledger_sizes(l, &sizes);
    OK(shown("d", "200") == 7 && shown("e", "200") == 7 && sizes.series == 8 && sizes.expired == 4);
    /* There is no room to return into, and nothing is forgotten. */
    add(SV("a"), 9);
    OK(shown("a", "200") == -1);
    pass(DAY + HOUR);
    let_expire(); /* d and e go */
    OK(shown("d", "200") == -1);
    let_expire();
    OK(shown("a", "200") == 0);
    bear();
    OK(shown("a", "200") == 9);
}

static void there_is_an_end_to_how_many_there_ever_were(void)
{
    struct ledger_sizes sizes;

    begin("series_expiry_s=86400,series=2");
    for (int i = 0; i < 10; i++) {
        char name[8];

        snprintf(name, sizeof name, "d%d", i);
        add(sv_of(name), 1);
        bear();
        pass(DAY + HOUR);
        let_expire();
    }
    ledger_sizes(l, &sizes);
    OK(sizes.series == 8 && sizes.expired == 8 && sizes.series_refused > 0);
}

static void a_restart_begins_at_0_and_says_why(void)
{
    struct ledger_sizes sizes;
    struct frame *f;
    struct damage d = { DAMAGE_MISSING, 3, 9 }, back;
    struct source_totals t;

    begin("series_expiry_s=86400");
    add(SV("a"), 5);
    bear();
    f = damage_frame(&arena);
    OK(damage_add(f, &d, SV("bytes")) && damage_read(f->quarantined[0].what, &back) && back.cause == d.cause &&
       back.from == 3 && back.to == 9 && sv_eq(f->quarantined[0].bytes, SV("bytes")));
    *frame_add_mark(f) = (struct mark){ MARK_RESTARTED, 0 };
    fold(f);
    OK(shown("a", "200") == 0);
    add(SV("a"), 7); /* was 5: the bucket's state is still there */
    OK(shown("a", "200") == 0);
    bear();
    OK(shown("a", "200") == 2);
    ledger_sizes(l, &sizes);
    OK(sizes.restarts[DAMAGE_MISSING] == 1);
    ledger_source(l, 0, &t);
    OK(t.tally.received == 0);
}

/* ---- by chance ---- */

enum { DEPLOYMENTS = 6 };

/* What a scraper made of one series. */
struct belief {
    bool seen; /* at the last scrape */
    int64_t last, sum;
};

static struct world {
    struct belief beliefs[DEPLOYMENTS][2]; /* by code: 200, 429 */
    int64_t truth[DEPLOYMENTS];
    int expiries, returns, falls, begins_above_0;
    uint64_t chance;
} w;

static uint64_t below(uint64_t n)
{
    w.chance = hash_u64(w.chance, 77);
    return (w.chance >> 11) % n;
}

static const char *deployment(size_t i)
{
    static const char *const names[DEPLOYMENTS] = { "a", "b", "c", "d", "e", "f" };

    return names[i];
}

static void scrape(void)
{
    static const char *const codes[] = { "200", "429" };

    for (size_t d = 0; d < DEPLOYMENTS; d++)
        for (int c = 0; c < 2; c++) {
            struct belief *b = &w.beliefs[d][c];
            int64_t v = shown(deployment(d), codes[c]);

            w.begins_above_0 += !b->seen && v > 0;
            w.falls += b->seen && v >= 0 && v < b->last;
            if (v >= 0)
                b->sum += v - (b->seen ? b->last : 0);
            w.expiries += b->seen && v < 0;
            w.returns += !b->seen && v >= 0;
            b->seen = v >= 0;
            b->last = v;
        }
}

static void step(void)
{
    size_t d = below(DEPLOYMENTS);

    switch (below(8)) {
    case 0:
    case 1:
    case 2: {
        int64_t n = (int64_t)below(50);

        pass(10);
        add(sv_of(deployment(d)), (double)n);
        w.truth[d] += n;
        if (below(3) == 0) { /* revised; what is too much is repaid later */
            int64_t again = (int64_t)below(50);

            add(sv_of(deployment(d)), (double)again);
            w.truth[d] += again - n;
        }
        break;
    }
    case 3:
        pass((int)below(20) * HOUR);
        break;
    case 4:
        let_expire();
        break;
    case 5:
        l = fixture_restart(l);
        break;
    default: /* only what a scraper saw is born by it */
        scrape();
        bear();
        break;
    }
    scrape();
}

/* Until nothing is owed. */
static void settle(void)
{
    for (size_t d = 0; d < DEPLOYMENTS; d++) {
        pass(10);
        add(sv_of(deployment(d)), 100);
        w.truth[d] += 100;
        scrape();
    }
    bear();
    scrape();
}

static void a_round(uint64_t seed)
{
    w = (struct world){ .chance = seed };
    begin("series_expiry_s=86400");
    for (int i = 0; i < 300; i++)
        step();
    settle();
    OK(w.falls == 0 && w.begins_above_0 == 0);
    for (size_t d = 0; d < DEPLOYMENTS; d++)
        OK(w.beliefs[d][0].sum == w.truth[d] && w.beliefs[d][1].sum == 0);
}

static void a_scraper_sees_each_begin_at_0_never_fall_and_sum_to_the_truth(void)
{
    const char *seed_given = getenv("SEED"), *rounds_given = getenv("ROUNDS");
    uint64_t seed = seed_given ? strtoull(seed_given, NULL, 0) : 20261124;
    int rounds = rounds_given ? (int)strtol(rounds_given, NULL, 10) : 12, expiries = 0, returns = 0;

    for (int i = 0; i < rounds; i++) {
        printf("# SEED=%llu\n", (unsigned long long)seed + (unsigned)i);
        a_round(seed + (unsigned)i);
        expiries += w.expiries;
        returns += w.returns;
    }
    printf("# %d expiries, %d appearances\n", expiries, returns);
    OK(expiries > 5 * rounds && returns > expiries); /* else it was too tame */
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(a_counter_that_does_not_change_expires_and_returns_at_0);
    RUN(one_that_changes_keeps_its_company);
    RUN(company_returns_with_the_first);
    RUN(what_it_owed_it_owes_when_it_returns);
    RUN(a_clock_that_jumps_ages_nobody);
    RUN(expired_ones_make_room_within_the_limit);
    RUN(there_is_an_end_to_how_many_there_ever_were);
    RUN(a_restart_begins_at_0_and_says_why);
    RUN(a_scraper_sees_each_begin_at_0_never_fall_and_sum_to_the_truth);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
