/*
 * Frames for tests: one with every field set to a value of its own, and equality.
 *
 * The full records are initialized by position, so that a field added to model/record.h does not compile here
 * (-Wmissing-field-initializers) until it is given a value; and equality compares all bytes of a record but its
 * pointers, so that a field which the codec forgets is seen without any list of fields. Numbers come from __COUNTER__:
 * all differ, and always the same ones, as the golden file needs.
 */
#ifndef TESTS_MODEL_FRAMES_H
#define TESTS_MODEL_FRAMES_H

#include <math.h>
#include <stdio.h>

#include "collector/model/record.h"

enum { FULL_SYMBOLS = 300 };

#define T0        INT64_C(1795521600123456700)
#define A_KEY     (UINT64_C(0x9e3779b97f4a7c15) * (__COUNTER__ + 1))
#define A_TIME    (T0 + 1000003 * (int64_t)(__COUNTER__ + 1))
#define A_SYM     ((sym)(__COUNTER__ + 1))
#define A_NUM     ((int64_t)(__COUNTER__ + 1) * 997)
#define A_REAL    ((double)(__COUNTER__ + 1) / 8)
#define A_UUID(d) SV(#d "f0e1d2c-3b4a-4596-8778-695a4b3c2d1e")

static struct key_value full_pairs[] = {
    { 290, { "one", 3 } },
    { 291, { "symbol \xc3\xa9 299", 13 } }, /* travels as a number */
    { 0, { "nameless", 8 } },
    { 292, { "", 0 } },
};
static double full_bounds[] = { 0.5, 1, 2.5, 1e300 };
static int64_t full_buckets[] = { 3, 0, 7, 1, INT64_MAX };

/* clang-format off */
static inline struct call full_call(void)
{
    return (struct call){
        A_KEY, A_KEY, A_TIME, A_TIME, A_SYM, A_UUID(1), SV("chatcmpl-1"), A_UUID(2),
        A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, OUTCOME_CLIENT_ERROR, A_SYM, A_SYM, A_SYM,
        A_NUM, A_NUM, A_NUM, A_NUM, A_NUM, A_NUM, A_NUM, A_NUM, A_NUM, A_NUM, A_NUM, A_NUM, A_NUM,
        A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, SV("what was asked"), SV("what was answered"),
        full_pairs, 4, full_pairs, 2 };
}

static inline struct measure full_measure(void)
{
    return (struct measure){
        A_KEY, A_KEY, A_SYM, A_SYM, A_TIME, A_TIME, MEASURE_DISTRIBUTION, A_SYM, A_REAL,
        A_REAL, A_REAL, A_REAL, A_REAL, A_REAL, A_REAL, A_REAL, full_bounds, full_buckets, 5,
        A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, OUTCOME_THROTTLED, A_SYM, A_SYM, A_SYM, full_pairs, 4, 4000000000U };
}

static inline struct audit full_audit(void)
{
    return (struct audit){ A_KEY, A_TIME, A_UUID(3), A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, full_pairs, 1 };
}

static inline struct charge full_charge(void)
{
    return (struct charge){ A_KEY, A_TIME, A_TIME, -A_NUM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_SYM, A_REAL, true,
                            full_pairs, 2 };
}

static inline struct gap full_gap(void)
{
    return (struct gap){ A_KEY, A_TIME, A_TIME, A_SYM, A_SYM, SV("nothing before 90 days") };
}

static inline struct window full_window(void)
{
    return (struct window){ SV("azure-1"), SV("sub-1"), SV("requests"), A_TIME, A_TIME, A_TIME, A_TIME, A_TIME, true, true };
}

static struct rule full_rules[] = {
    { PLATFORM_AZURE_OPENAI, { "models", 6 }, { "requests", 8 }, { "ModelRequests", 13 }, { "", 0 }, { "genai_requests_total", 20 },
      { "value", 5 }, 1, { "direction=input", 15 }, { "outcome=success", 15 } },
    { PLATFORM_BEDROCK, { "", 0 }, { "", 0 }, { "Invocations", 11 }, { "cache_read", 10 }, { "x", 1 }, { "sum", 3 }, 0.001, { "", 0 }, { "", 0 } },
};

static struct inventory_item full_items[] = {
    { { "dep", 3 }, { "gpt-5-mini", 10 }, { "2025-08-07", 10 }, { "gpt-5-mini-c", 12 }, { "openai", 6 }, { "GlobalStandard", 14 },
      { "global", 6 }, { "eu", 2 }, { "team-a", 6 }, { "owner-b", 7 }, { "cc-1", 4 }, { "prod", 4 }, 125.5, { "tokens", 6 },
      T0 + 17 },
};

static inline struct epoch full_epoch(enum epoch_kind kind)
{
    return (struct epoch){ kind, A_TIME, SV("requests /sub/1"), SV("models"), A_KEY, full_rules, 2, full_items, 1 };
}
/* clang-format on */

/* Every byte of the value, padding too. */
#define PUT_FULL(slot, thing)                                                                                          \
    do {                                                                                                               \
        void *to_ = (slot);                                                                                            \
        memset(to_, 0, sizeof(thing));                                                                                 \
        *(__typeof__(thing) *)to_ = (thing);                                                                           \
    } while (0)

static inline struct frame *full_frame(struct arena *a)
{
    struct frame *f = frame_new(a, SV("azure-1"), SV("00000000-0000-0000-0000-000000000001"));
    struct batch *b = frame_add_batch(f);

    for (unsigned i = 1; i <= FULL_SYMBOLS; i++)
        (void)batch_sym(b, arena_printf(a, "symbol \xc3\xa9 %u", i));
    b->origin = (struct origin){ CLOUD_AZURE, PLATFORM_AZURE_OPENAI, 280, 281, 282, 283, 284, 285 };
    b->observed_unix_nano = T0 + 5;
    b->mapping_version = 77;
    PUT_FULL(batch_add_call(b), full_call());
    PUT_FULL(batch_add_measure(b), full_measure());
    PUT_FULL(batch_add_audit(b), full_audit());
    PUT_FULL(batch_add_charge(b), full_charge());
    PUT_FULL(batch_add_gap(b), full_gap());
    (void)batch_add_call(b); /* nothing set */
    (void)batch_add_measure(b);
    (void)batch_add_audit(b);
    (void)batch_add_charge(b);
    (void)batch_add_gap(b);
    (void)frame_add_batch(f);
    f->lane = LANE_BACKFILL;
    f->written_unix_nano = T0 + 9;
    PUT_FULL(frame_add_window(f), full_window());
    (void)frame_add_window(f);
    f->tally = (struct tally){ 1000, 500, 20, { 0, 1, 2, 3, 4, 5, 6, 7 }, { 100, 0, 10, 20, 30, 40, 50, 60 } };
    (void)frame_add_quarantine(f, REASON_MALFORMED, SV("row 7"), SV("{\"broken\xff"));
    f->quarantined->truncated = true;
    for (int kind = EPOCH_MAPPING; kind < EPOCH_KINDS; kind++)
        PUT_FULL(frame_add_epoch(f), full_epoch((enum epoch_kind)kind));
    (void)frame_add_epoch(f);
    for (int kind = MARK_BORN; kind < MARK_KINDS; kind++)
        *frame_add_mark(f) = (struct mark){ (enum mark_kind)kind, 0xfeedU + (unsigned)kind };
    *frame_add_spend(f) =
        (struct spend){ SV("metrics:getBatch"), SV("11111111-1111-1111-1111-111111111111"), INT64_MAX, 40, INT64_MIN };
    (void)frame_add_spend(f);
    return f;
}

/* What differed, on the TAP stream. */
static inline bool frames_differ(const char *what, size_t i)
{
    printf("# differs: %s %zu\n", what, i);
    return false;
}

#define SAME_VIEW(m) (sv_eq(x.m, y.m) ? (x.m = y.m = SV_NONE, true) : frames_differ(#m, i))

static inline bool same_pairs(const struct key_value *x, const struct key_value *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i].name != y[i].name || !sv_eq(x[i].value, y[i].value))
            return frames_differ("pair", i);
    return true;
}
#define SAME_PAIRS(m)                                                                                                  \
    (x.n_##m == y.n_##m && same_pairs(x.m, y.m, x.n_##m) ? (x.m = y.m = NULL, true) : frames_differ(#m, i))

static inline bool same_numbers(const struct measure *x, const struct measure *y)
{
    const size_t n = x->n_buckets;

    return n == y->n_buckets && (n < 2 || memcmp(x->bounds, y->bounds, (n - 1) * sizeof(double)) == 0) &&
           (n < 1 || memcmp(x->buckets, y->buckets, n * sizeof(int64_t)) == 0);
}

/* Arrays of n things: what points is compared by content and blanked, the rest byte by byte. */
#define SAME(things, thing, pointers)                                                                                  \
    static inline bool same_##things(const struct thing *a, const struct thing *b, size_t n)                           \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            struct thing x, y;                                                                                         \
            memcpy(&x, &a[i], sizeof x);                                                                               \
            memcpy(&y, &b[i], sizeof y);                                                                               \
            if (!(pointers))                                                                                           \
                return false;                                                                                          \
            if (memcmp(&x, &y, sizeof x) != 0)                                                                         \
                return frames_differ(#thing, i);                                                                       \
        }                                                                                                              \
        return true;                                                                                                   \
    }

SAME(calls, call,
     SAME_VIEW(request_id) && SAME_VIEW(response_id) && SAME_VIEW(trace_id) && SAME_VIEW(content_input) &&
         SAME_VIEW(content_output) && SAME_PAIRS(metadata) && SAME_PAIRS(extra))
SAME(measures, measure,
     same_numbers(&x, &y) && SAME_PAIRS(dimensions) && (x.bounds = y.bounds = NULL, x.buckets = y.buckets = NULL, true))
SAME(audits, audit, SAME_VIEW(event_id) && SAME_PAIRS(extra))
SAME(charges, charge, SAME_PAIRS(extra))
SAME(gaps, gap, SAME_VIEW(detail))
SAME(windows, window, SAME_VIEW(source) && SAME_VIEW(scope) && SAME_VIEW(group))
SAME(quarantines, quarantine, SAME_VIEW(what) && SAME_VIEW(bytes))
SAME(rules, rule,
     SAME_VIEW(family) && SAME_VIEW(fact) && SAME_VIEW(theirs) && SAME_VIEW(part) && SAME_VIEW(ours) &&
         SAME_VIEW(stat) && SAME_VIEW(labels) && SAME_VIEW(born))
SAME(items, inventory_item,
     SAME_VIEW(deployment) && SAME_VIEW(model_id) && SAME_VIEW(model_version) && SAME_VIEW(model) &&
         SAME_VIEW(publisher) && SAME_VIEW(sku) && SAME_VIEW(processing) && SAME_VIEW(jurisdiction) &&
         SAME_VIEW(team) && SAME_VIEW(owner) && SAME_VIEW(cost_center) && SAME_VIEW(env) && SAME_VIEW(capacity_unit))
SAME(epochs, epoch,
     SAME_VIEW(subject) && SAME_VIEW(value) && x.n_rules == y.n_rules && x.n_items == y.n_items &&
         same_rules(x.rules, y.rules, x.n_rules) && same_items(x.items, y.items, x.n_items) &&
         (x.rules = y.rules = NULL, x.items = y.items = NULL, true))
SAME(marks, mark, true)
SAME(spends, spend, SAME_VIEW(api) && SAME_VIEW(account))

#define SAME_LIST(things, n) (a->n == b->n ? same_##things(a->things, b->things, a->n) : frames_differ(#n, a->n))

static inline bool same_batches(const struct batch *a, const struct batch *b)
{
    if (memcmp(&a->origin, &b->origin, sizeof a->origin) != 0 || a->observed_unix_nano != b->observed_unix_nano ||
        a->mapping_version != b->mapping_version || batch_symbols(a) != batch_symbols(b))
        return frames_differ("batch", 0);
    for (sym s = 1; s <= batch_symbols(a); s++)
        if (!sv_eq(batch_sv(a, s), batch_sv(b, s)))
            return frames_differ("symbol", s);
    return SAME_LIST(calls, n_calls) && SAME_LIST(measures, n_measures) && SAME_LIST(audits, n_audits) &&
           SAME_LIST(charges, n_charges) && SAME_LIST(gaps, n_gaps);
}

static inline bool same_frames(const struct frame *a, const struct frame *b)
{
    const struct batch *x = a->batches, *y = b->batches;

    for (; x && y; x = x->next, y = y->next)
        if (!same_batches(x, y))
            return false;
    if (x || y || a->lane != b->lane || !sv_eq(a->source, b->source) || !sv_eq(a->scope, b->scope) ||
        a->written_unix_nano != b->written_unix_nano || memcmp(&a->tally, &b->tally, sizeof a->tally) != 0 ||
        a->n_quarantined != b->n_quarantined)
        return frames_differ("frame", 0);
    return SAME_LIST(windows, n_windows) && same_quarantines(a->quarantined, b->quarantined, a->n_quarantined) &&
           SAME_LIST(epochs, n_epochs) && SAME_LIST(marks, n_marks) && SAME_LIST(spends, n_spends);
}

#endif
