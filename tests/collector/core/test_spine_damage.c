/*
 * Damage (D-06 to D-11, INV-3, 9, 11, 12): random frames, random damage, and what is shown then: either everything as it was, or
 * every counter begins at 0 and counts what comes from there. Never a little lower; and who opens again finds nothing to do.
 *     SEED=n ROUNDS=n build/plain/tests/collector/core/test_spine_damage
 */
#include "collector/base/log.h"
#include "collector/core/explain.h"
#include "collector/model/codec.h"
#include "exporters/prometheus/prometheus.h"

#include "tests/collector/core/spine_runs.h"

enum { PHASES = 4, PHASE_FRAMES = 8, AFTER = 8, FRAMES = PHASES * PHASE_FRAMES };

static char root[64], whole[80], hurt[80], reference[80];

static void snapshot_path(char *out, size_t size, const char *dir, int phase)
{
    snprintf(out, size, phase < 0 ? "%s/ledger.snapshot" : "%s/snapshot-%d", dir, phase);
}

/* A run in `whole`, closed and opened between the phases; the snapshot of each is kept. */
static void run_whole(uint64_t seed)
{
    char from[128], to[128];

    runs_shell("rm -rf %s", whole, "");
    for (int p = 0; p < PHASES; p++) {
        struct spine *s = runs_open(whole);

        runs_frames(s, seed, p * PHASE_FRAMES, (p + 1) * PHASE_FRAMES, 0);
        spine_close(s);
        snapshot_path(from, sizeof from, whole, -1);
        snapshot_path(to, sizeof to, whole, p);
        runs_shell("cp %s %s", from, to);
    }
}

/* -1: none at all. */
static void take_snapshot(const char *dir, int phase)
{
    char from[128], to[128];

    snapshot_path(from, sizeof from, dir, phase);
    snapshot_path(to, sizeof to, dir, -1);
    runs_shell("rm -f %s %1$s.previous", to, "");
    if (phase >= 0)
        runs_shell("cp %s %s", from, to);
}

/* ---- exact ---- */

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void shown(void *ctx, uint64_t generation)
{
    (void)ctx;
    (void)generation;
}

static void no_metrics(void *ctx, struct buf *out)
{
    (void)ctx;
    (void)out;
}

static void expose(struct spine *s, struct buf *out)
{
    struct exporter_env env = {
        .ledger = spine_ledger(s), .ready = always, .shown = shown, .self_metrics = no_metrics, .ctx = s
    };
    struct exporter *p = prometheus_exporter_ops.open(NULL, &env, NULL);
    struct http_server_response r = { 0 };

    p->ops->scrape(p, NULL, &r);
    buf_init(out, 8 << 20);
    if (OK(r.shared != NULL))
        buf_put(out, http_body_sv(r.shared));
    http_body_unref(r.shared);
    p->ops->close(p);
}

static void any_snapshot_and_the_frames_behind_it_show_the_same_bytes(void)
{
    struct buf want, now;

    run_whole(runs_seed(7));
    for (int phase = PHASES - 1; phase >= -1; phase--) {
        struct spine *s;

        runs_copy(whole, hurt);
        take_snapshot(hurt, phase);
        s = runs_open(hurt);
        expose(s, &now);
        if (phase == PHASES - 1)
            want = now;
        OK(runs_restarts(s) == 0 && sv_has(buf_sv(&now), SV("genai_requests_total{")) &&
           sv_eq(buf_sv(&want), buf_sv(&now)));
        if (phase != PHASES - 1)
            buf_done(&now);
        spine_close(s);
    }
    buf_done(&want);
}

/* ---- damage by chance ---- */

/* What stands behind all frames of the newest segment was never acknowledged as far as a disk can tell, unless a snapshot
 * has seen it: only then that segment is hurt. */
static void hurt_journal(uint64_t *chance, bool newest_too)
{
    char path[512] = "";
    int n, i;
    off_t size;

    runs_segment(hurt, 0, path, sizeof path, &n);
    if (n < 2)
        return;
    i = (int)runs_below(chance, (uint64_t)n - !newest_too);
    runs_segment(hurt, i, path, sizeof path, &n);
    size = runs_size(path);
    switch (runs_below(chance, 3)) {
    case 0:
        runs_flip(path, (off_t)runs_below(chance, (uint64_t)size), (unsigned char)(1 + runs_below(chance, 255)));
        break;
    case 1:
        if (truncate(path, (off_t)runs_below(chance, (uint64_t)size)) != 0)
            puts("# truncate");
        break;
    default:
        unlink(path);
    }
}

static void hurt_snapshot(uint64_t *chance, int *phase)
{
    char path[128];

    *phase = PHASES - 1;
    switch (runs_below(chance, 4)) {
    case 0:
        *phase = (int)runs_below(chance, PHASES) - 1;
        take_snapshot(hurt, *phase);
        break;
    case 1:
        *phase = -1;
        snapshot_path(path, sizeof path, hurt, -1);
        runs_flip(path, (off_t)runs_below(chance, (uint64_t)runs_size(path)), 0x10);
        break;
    default:
        break;
    }
}

static bool all_at_0(struct spine *s)
{
    struct series_view v;

    for (size_t i = 0; i < ledger_series_count(spine_ledger(s)); i++) {
        ledger_series(spine_ledger(s), i, &v, NULL);
        for (unsigned c = 0; c < family_cells(v.family); c++)
            if (v.value[c] || v.shown[c] || v.born)
                return false;
    }
    return true;
}

/* Whether every counter of `s` holds what those of `r` have gained since `before`. */
static bool counted_the_difference(struct spine *s, struct spine *r, sv before)
{
    while (before.len) {
        sv line = sv_cut(&before, '\n');
        uint64_t hash = strtoull(line.at, NULL, 16);
        struct series_view now, mine = { 0 };
        bool there;

        (void)sv_cut(&line, ' ');
        if (!runs_series(r, hash, &now))
            continue; /* a source's line */
        there = runs_series(s, hash, &mine);
        (void)sv_cut(&line, ' ');
        for (unsigned c = 0; c < family_cells(now.family); c++) {
            sv cell = sv_cut(&line, ' '), value = sv_cut(&cell, '/');
            int64_t then = 0;

            if (!sv_to_i64(value, &then) || now.value[c] - then != (there ? mine.value[c] : 0))
                return false;
            if (there && mine.born && mine.shown[c] < mine.value[c])
                return false;
        }
    }
    return true;
}

static void opens_again_as_it_was(void)
{
    struct buf was;
    struct spine *s = runs_open(hurt);
    uint64_t restarts = runs_restarts(s), durable = journal_durable(spine_journal(s)).sequence;

    runs_look(s, &was);
    for (int i = 0; i < 2; i++) {
        spine_close(s);
        s = runs_open(hurt);
        OK(runs_restarts(s) == restarts && journal_durable(spine_journal(s)).sequence == durable &&
           runs_looks_like(s, buf_sv(&was)));
    }
    buf_done(&was);
    spine_close(s);
}

/* Both count on; the whole one tells what there was to be counted. */
static void count_on(struct spine *s, struct spine *r, uint64_t seed)
{
    struct buf before;

    runs_look(r, &before);
    runs_frames(s, seed, FRAMES, FRAMES + AFTER, FRAMES);
    runs_frames(r, seed, FRAMES, FRAMES + AFTER, FRAMES);
    OK(counted_the_difference(s, r, buf_sv(&before)));
    buf_done(&before);
}

static bool a_round(uint64_t seed)
{
    uint64_t chance = hash_u64(seed, 1);
    struct spine *s, *r;
    struct buf want;
    int phase;
    bool restarted;

    runs_copy(whole, hurt);
    runs_copy(whole, reference);
    r = runs_open(reference);
    runs_look(r, &want);
    hurt_snapshot(&chance, &phase);
    for (uint64_t n = 1 + runs_below(&chance, 3); n > 0; n--)
        hurt_journal(&chance, phase == PHASES - 1);
    s = runs_open(hurt);
    if (!OK(s != NULL))
        return false;
    restarted = runs_restarts(s) > 0;
    if (restarted) {
        OK(all_at_0(s));
        count_on(s, r, seed);
    } else {
        OK(runs_looks_like(s, buf_sv(&want)));
    }
    buf_done(&want);
    spine_close(s);
    spine_close(r);
    opens_again_as_it_was();
    return restarted;
}

static void damage_by_chance_restarts_everything_or_changes_nothing(void)
{
    const char *given = getenv("ROUNDS");
    int rounds = given ? (int)strtol(given, NULL, 10) : 16, restarts = 0;
    uint64_t seed = runs_seed(20261124);

    for (int i = 0; i < rounds; i++) {
        int failed = tap_failed;

        if (i % 8 == 0)
            run_whole(hash_u64(seed, (uint64_t)i));
        restarts += a_round(hash_u64(seed, 1000 + (uint64_t)i));
        if (tap_failed > failed)
            printf("# in round %d\n", i);
    }
    printf("# %d rounds, %d restarts\n", rounds, restarts);
    OK(restarts >= rounds / 6 && rounds - restarts >= rounds / 12); /* else it was too tame */
}

/* ---- what is read again, and what explain tells ---- */

enum { MINUTES = 20 };

static void a_minute(struct spine *s, int minute)
{
    struct frame *f = fixture_frame(&runs_arena, T0 + minute * NANO_PER_MIN, T0 + (minute + 1) * NANO_PER_MIN);

    fixture_mapping(f, 0);
    fixture_measure(fixture_batch(f), SV("Requests"), SV("red"), T0 + minute * NANO_PER_MIN, minute + 1);
    runs_commit(s, f);
}

static int64_t requests(struct spine *s, bool shown)
{
    struct series_view v;

    return fixture_find(spine_ledger(s), "genai_requests_total", LABEL_CODE, "200", &v)
               ? (shown ? v.shown[0] : v.value[0])
               : -1;
}

static struct spine *open_without_a_middle_segment(void)
{
    char path[512];
    int n;
    struct spine *s;

    runs_shell("rm -rf %s", hurt, "");
    s = runs_open(hurt);
    for (int k = 0; k < MINUTES; k++)
        a_minute(s, k);
    runs_bear(s);
    OK(requests(s, true) == MINUTES * (MINUTES + 1) / 2);
    spine_close(s);
    take_snapshot(hurt, -1);
    runs_segment(hurt, 1, path, sizeof path, &n);
    OK(n > 2 && unlink(path) == 0);
    return runs_open(hurt);
}

static void windows_of_lost_frames_are_holes_and_read_again(void)
{
    struct spine *s = open_without_a_middle_segment();
    struct window hole;
    int64_t again = 0;
    int holes = 0;

    OK(runs_restarts_by(s, DAMAGE_MISSING) == 1 && requests(s, false) == 0);
    while (ledger_first_hole(spine_ledger(s), SV("az"), SV("sub"), SV("g"), T0, T0 + MINUTES * NANO_PER_MIN, &hole) &&
           holes++ < MINUTES)
        for (int64_t t = hole.from_unix_nano; t < hole.to_unix_nano; t += NANO_PER_MIN) {
            int minute = (int)((t - T0) / NANO_PER_MIN);

            a_minute(s, minute);
            again += minute + 1;
        }
    OK(holes == 1 && again > 0 && requests(s, false) == again);
    a_minute(s, 0); /* known from before: nothing new */
    OK(requests(s, false) == again && requests(s, true) == 0);
    runs_bear(s);
    OK(requests(s, true) == again);
    spine_close(s);
}

static void explain_tells_of_the_restart(void)
{
    struct buf out;
    struct err e = { 0 };

    spine_close(open_without_a_middle_segment());
    buf_init(&out, 1 << 20);
    OK(explain(hurt, SV("genai_requests_total{code=\"200\"}"), 0, &out, &e) == ERR_OK);
    OK(sv_has(buf_sv(&out), SV("  restarted at 0  ")) &&
       sv_has(buf_sv(&out), SV("value 0, shown 0 (not yet shown at 0)")));
    buf_done(&out);
}

/* The journal behind the snapshot is gone: nobody knows what was shown after it. */
static void a_journal_that_ends_before_its_snapshot_restarts(void)
{
    char path[512];
    int n;
    struct spine *s;

    run_whole(3);
    runs_copy(whole, hurt);
    runs_segment(hurt, -1, path, sizeof path, &n);
    unlink(path);
    s = runs_open(hurt);
    OK(runs_restarts_by(s, DAMAGE_CUT) == 1 && all_at_0(s));
    spine_close(s);
    opens_again_as_it_was();
    runs_copy(whole, hurt);
    runs_shell("rm -f %s/journal/*.journal", hurt, "");
    s = runs_open(hurt);
    OK(runs_restarts_by(s, DAMAGE_CUT) == 1 && all_at_0(s));
    spine_close(s);
    opens_again_as_it_was();
}

int main(void)
{
    arena_init(&runs_arena, 64 << 20);
    log_set(LOG_LEVEL_ERROR, false);
    if (!runs_root(root, sizeof root))
        return 1;
    snprintf(whole, sizeof whole, "%s/whole", root);
    snprintf(hurt, sizeof hurt, "%s/hurt", root);
    snprintf(reference, sizeof reference, "%s/reference", root);
    RUN(any_snapshot_and_the_frames_behind_it_show_the_same_bytes);
    RUN(windows_of_lost_frames_are_holes_and_read_again);
    RUN(explain_tells_of_the_restart);
    RUN(a_journal_that_ends_before_its_snapshot_restarts);
    RUN(damage_by_chance_restarts_everything_or_changes_nothing);
    runs_shell("rm -rf %s", root, "");
    arena_done(&runs_arena);
    return tap_done();
}
