/*
 * Runs of a spine for tests: frames that follow from a seed, a look at every counter, copies of its folder, damage. A test prints
 * its seed and takes SEED.
 */
#ifndef TESTS_SPINE_RUNS_H
#define TESTS_SPINE_RUNS_H

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base/hash.h"
#include "collector/core/spine.h"

#include "tests/collector/ledger/log_fixture.h"

static const struct policy runs_policy = { .identity = POLICY_KEEP };
static struct arena runs_arena;

/* ---- chance ---- */

static inline uint64_t runs_next(uint64_t *state)
{
    *state = hash_u64(*state, 0x9e3779b97f4a7c15U);
    return *state >> 11;
}

static inline uint64_t runs_below(uint64_t *state, uint64_t n)
{
    return runs_next(state) % n;
}

static inline uint64_t runs_seed(uint64_t otherwise)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : otherwise;

    printf("# SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* ---- life of a spine ---- */

static inline struct spine *runs_open_told(const char *dir, void (*on_fold)(void *ctx, uint64_t sequence), void *ctx)
{
    struct err e = { 0 };
    struct spine_options o = { .dir = dir, .journal = { .segment_bytes = 2000 }, .on_fold = on_fold, .ctx = ctx };
    struct spine *s = spine_open(&o, &e);

    if (s)
        spine_set_policy(s, &runs_policy);
    else
        printf("# %s: %s\n", dir, e.text);
    return s;
}

static inline struct spine *runs_open(const char *dir)
{
    return runs_open_told(dir, NULL, NULL);
}

static inline uint64_t runs_restarts(struct spine *s)
{
    struct ledger_sizes sizes;
    uint64_t n = 0;

    ledger_sizes(spine_ledger(s), &sizes);
    for (int i = 0; i < DAMAGE_CAUSES; i++)
        n += sizes.restarts[i];
    return n;
}

static inline uint64_t runs_restarts_by(struct spine *s, enum damage_cause cause)
{
    struct ledger_sizes sizes;

    ledger_sizes(spine_ledger(s), &sizes);
    return sizes.restarts[cause];
}

static inline void runs_commit(struct spine *s, struct frame *f)
{
    struct err e = { 0 };

    f->tally.stored = f->tally.received = (int64_t)frame_records(f);
    if (spine_commit(s, f, &e))
        printf("# commit: %s\n", e.text);
    arena_reset(&runs_arena);
}

/* All that is not born has been shown at 0. */
static inline void runs_bear(struct spine *s)
{
    struct frame *f = frame_new(&runs_arena, SV("trefoil"), SV("births"));

    ledger_births(spine_ledger(s), UINT64_MAX, INT64_MAX, 100000, f);
    runs_commit(s, f);
}

static const char *const runs_deployments[] = { "red", "green", "blue" };

static inline void runs_measures(struct batch *b, uint64_t *chance, int minute)
{
    for (size_t d = 0; d < 3; d++) {
        sv deployment = sv_of(runs_deployments[d]);
        int64_t start = T0 + minute * NANO_PER_MIN;

        if (runs_below(chance, 3) == 0)
            continue;
        fixture_measure(b, SV("Requests"), deployment, start, (double)runs_below(chance, 1000));
        if (runs_below(chance, 2)) {
            struct measure *m = fixture_measure(b, SV("Latency"), deployment, start, NAN);

            m->sum = (double)runs_below(chance, 100000);
            m->count = (double)runs_below(chance, 100);
        }
    }
}

/* Frame number `k` of a run. Minutes before `oldest` are not told again. */
static inline void runs_frame(struct spine *s, uint64_t seed, int k, int oldest)
{
    uint64_t chance = hash_u64(seed, (uint64_t)k);
    struct frame *f = fixture_frame(&runs_arena, T0 + k * NANO_PER_MIN, T0 + (k + 1) * NANO_PER_MIN);
    struct batch *b = fixture_batch(f);

    fixture_mapping(f, 0);
    runs_measures(b, &chance, k);
    if (k > oldest && runs_below(&chance, 2)) /* revised: up or down */
        runs_measures(b, &chance, k - 1);
    for (uint64_t n = runs_below(&chance, 3); n > 0; n--)
        fixture_call(b, SV("RequestResponse"), arena_printf(&runs_arena, "call-%d-%d", k, (int)n), SV("red"),
                     T0 + k * NANO_PER_MIN, 1)
            ->duration_nano = (int64_t)runs_below(&chance, 5) * NANO_PER_S;
    runs_commit(s, f);
}

static inline void runs_frames(struct spine *s, uint64_t seed, int from, int to, int oldest)
{
    for (int k = from; k < to; k++) {
        runs_frame(s, seed, k, oldest);
        if (k % 5 == 4)
            runs_bear(s);
    }
}

/* ---- what it shows ---- */

/* Every counter: one line each, in order of appearance; then what is counted of the sources. */
static inline void runs_look(struct spine *s, struct buf *out)
{
    struct ledger *l = spine_ledger(s);

    buf_init(out, 4 << 20);
    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_series_count(l); i++) {
        struct series_view v;

        ledger_series(l, i, &v, NULL);
        buf_printf(out, "%016llx %s%s", (unsigned long long)v.hash, v.born ? "born" : "new", v.expired ? " gone" : "");
        for (unsigned c = 0; c < family_cells(v.family); c++)
            buf_printf(out, " %lld/%lld", (long long)v.value[c], (long long)v.shown[c]);
        buf_putc(out, '\n');
    }
    for (size_t i = 0; i < ledger_source_count(l); i++) {
        struct source_totals t;

        ledger_source(l, i, &t);
        buf_printf(out, "%.*s %lld %lld %lld %lld\n", SV_ARG(t.source), (long long)t.tally.received,
                   (long long)t.tally.stored, (long long)t.tally.duplicate, (long long)t.late);
    }
    ledger_read_unlock(l);
}

static inline bool runs_looks_like(struct spine *s, sv want)
{
    struct buf now;
    bool same;

    runs_look(s, &now);
    same = sv_eq(buf_sv(&now), want);
    buf_done(&now);
    return same;
}

/* A cell of the series, 0 where there is none; false when it is not there. */
static inline bool runs_series(struct spine *s, uint64_t hash, struct series_view *out)
{
    for (size_t i = 0; i < ledger_series_count(spine_ledger(s)); i++) {
        ledger_series(spine_ledger(s), i, out, NULL);
        if (out->hash == hash)
            return true;
    }
    return false;
}

/* ---- its folder ---- */

/* A fresh folder in TMPDIR or /tmp. */
static inline bool runs_root(char *out, size_t size)
{
    const char *temp = getenv("TMPDIR");

    snprintf(out, size, "%s/trefoil-runs-XXXXXX", temp ? temp : "/tmp");
    return mkdtemp(out) != NULL;
}

static inline void runs_shell(const char *format, const char *a, const char *b)
{
    char command[512];

    snprintf(command, sizeof command, format, a, b);
    if (system(command) != 0)
        printf("# failed: %s\n", command);
}

static inline void runs_copy(const char *from, const char *to)
{
    runs_shell("rm -rf %2$s && cp -r %1$s %2$s", from, to);
}

static inline int runs_is_segment(const struct dirent *d)
{
    return sv_ends(sv_of(d->d_name), SV(".journal"));
}

/* Path of segment `number` of `*n` (from the oldest on; negative: from the newest back). */
static inline void runs_segment(const char *dir, int number, char *path, size_t size, int *n)
{
    char journal[256];
    struct dirent **names;

    snprintf(journal, sizeof journal, "%s/journal", dir);
    *n = scandir(journal, &names, runs_is_segment, alphasort);
    number = number < 0 ? *n + number : number;
    for (int i = 0; i < *n; i++) {
        if (i == number)
            snprintf(path, size, "%s/%s", journal, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

static inline off_t runs_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

static inline void runs_flip(const char *path, off_t at, unsigned char mask)
{
    FILE *f = fopen(path, "r+b");
    int c;

    if (!f)
        return;
    fseek(f, (long)at, SEEK_SET);
    c = fgetc(f);
    fseek(f, (long)at, SEEK_SET);
    fputc(c ^ mask, f);
    fclose(f);
}

#endif
