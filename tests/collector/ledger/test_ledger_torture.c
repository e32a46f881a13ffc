/*
 * Memory runs out in the ledger, at every call. What must hold: a frame is counted whole or not at all to be seen (starved, and
 * nothing after it), no counter is ever above the truth, no series appears that the truth does not know, what is filtered is
 * counted as such, no snapshot is written of half a fold and none is taken for damaged, and the same frames folded once more without
 * want give the exact numbers.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "collector/ledger/internal.h"

#include "tests/collector/ledger/log_fixture.h"
#include "tests/torture.h"

enum { FRAMES_MAX = 32 };

static struct arena arena;
static struct frame *frames[FRAMES_MAX];
static size_t n_frames;
static struct ledger *truth;
static char dir[] = "/tmp/trefoil-test-XXXXXX";

/* ---- the frames: all kinds of records and epochs, revisions, repetitions, a debt, births ---- */

static struct frame *next(int minute)
{
    struct frame *f = fixture_log_frame(&arena, minute, minute + 5, 0);

    f->tally = (struct tally){ .received = 7, .stored = 5, .duplicate = 2 };
    frames[n_frames++] = f;
    return f;
}

static void first_frame(void)
{
    struct frame *f = next(0);

    fixture_mapping(f, 0);
    fixture_epoch(f, EPOCH_COUNT_FROM, 0, SV("az"), arena_printf(&arena, "%lld", (long long)T0));
    fixture_epoch(f, EPOCH_LIMITS, 0, SV(""), SV("callers=2"));
    fixture_epoch(f, EPOCH_AUTHORITY, 0, SV("tokens /s1/acc"), SV("models"));
}

static void inventory(void)
{
    static struct inventory_item item = {
        .deployment = SVT("d"), .model = SVT("gpt-5-mini"), .sku = SVT("S"), .team = SVT("t")
    };
    struct frame *f = next(0);
    struct epoch *e = frame_add_epoch(f);

    (void)fixture_batch(f);
    *e = (struct epoch){ .kind = EPOCH_INVENTORY, .subject = SV("/s1/acc"), .hash = 3, .items = &item, .n_items = 1 };
}

static void measures(int minute, double value)
{
    struct frame *f = next(minute);
    struct batch *b = fixture_batch(f);
    int64_t at = T0 + minute * NANO_PER_MIN;

    for (int i = 0; i < 3; i++) {
        sv deployment = arena_printf(&arena, "d%d", i);

        fixture_measure(b, SV("Requests"), deployment, at, value + i);
        fixture_measure(b, SV("In"), deployment, at, value * 10)->family = batch_sym(b, SV("models"));
        fixture_measure(b, SV("Latency"), deployment, at, NAN)->sum = 1500;
        fixture_measure(b, SV("Utilization"), deployment, at, 50);
        fixture_measure(b, SV("Out"), deployment, at, value);
        fixture_measure(b, SV("Accepted"), deployment, at, value)->family = batch_sym(b, SV("accepted"));
        fixture_measure(b, SV("Failed"), deployment, at, 1)->family = batch_sym(b, SV("accepted"));
        fixture_measure(b, SV("UsedBy"), deployment, at, value)->caller = batch_sym(b, arena_printf(&arena, "u%d", i));
    }
}

static void calls(int minute)
{
    struct frame *f = next(minute);
    struct batch *b = fixture_batch(f);
    int64_t at = T0 + minute * NANO_PER_MIN;

    for (int i = 0; i < 4; i++) {
        struct call *c = fixture_call(b, SV("RequestResponse"), arena_printf(&arena, "c%d-%d", minute, i),
                                      i % 2 ? SV("d1") : SV(""), at, 1);

        c->caller_principal = batch_sym(b, arena_printf(&arena, "u%d", i));
        c->duration_nano = NANO_PER_S;
        c = fixture_call(b, SV("Usage"), arena_printf(&arena, "c%d-%d", minute, i), SV("d1"), at, 2);
        c->input_tokens = 5;
    }
    for (int i = 0; i < 2; i++) {
        struct audit *a = batch_add_audit(b);

        a->key = (uint64_t)minute * 100 + (uint64_t)i;
        a->time_unix_nano = at;
        a->action = batch_sym(b, SV("keys/list"));
        a->outcome = batch_sym(b, SV("success"));
    }
}

static void money(int64_t nano)
{
    struct batch *b = fixture_batch(next(0));

    for (unsigned i = 0; i < 3; i++) {
        struct charge *c = batch_add_charge(b);

        c->key = i;
        c->start_unix_nano = T0;
        c->cost_nano = nano;
        c->model = batch_sym(b, arena_printf(&arena, "m%u", i));
        c->currency = batch_sym(b, SV("USD"));
    }
}

static void births(struct ledger *so_far)
{
    struct frame *f = frame_new(&arena, SV("trefoil"), SV("births"));

    ledger_births(so_far, UINT64_MAX, INT64_MAX, 1000, f);
    frames[n_frames++] = f;
}

static struct ledger *folded(size_t n)
{
    struct ledger *l = ledger_new(NULL);

    for (size_t i = 0; i < n; i++)
        ledger_fold(l, frames[i]);
    return l;
}

static void make_frames(void)
{
    struct ledger *so_far;

    first_frame();
    inventory();
    measures(0, 100);
    calls(0);
    money(5);
    so_far = folded(n_frames);
    births(so_far);
    ledger_free(so_far);
    measures(0, 90); /* a revision that leaves a debt */
    measures(5, 7);
    calls(5);
    calls(5); /* repeated */
    money(9);
    frames[n_frames++] = fixture_log_frame(&arena, 10, 15, 20); /* envelopes become calls of their own */
    truth = folded(n_frames);
}

/* ---- what is compared ---- */

static bool same_cells(const struct series_view *a, const struct series_view *b, unsigned n)
{
    return memcmp(a->value, b->value, n * sizeof(int64_t)) == 0 && memcmp(a->shown, b->shown, n * sizeof(int64_t)) == 0;
}

static bool same_series(struct ledger *l, struct ledger *as)
{
    if (ledger_series_count(l) != ledger_series_count(as))
        return false;
    for (size_t i = 0; i < ledger_series_count(l); i++) {
        struct series_view a, b;
        unsigned n;

        ledger_series(l, i, &a, NULL);
        ledger_series(as, i, &b, NULL);
        n = family_cells(a.family);
        if (a.hash != b.hash || a.born != b.born || memcmp(&a.gauge, &b.gauge, sizeof a.gauge) != 0 ||
            a.gauge_end_unix_nano != b.gauge_end_unix_nano || (n && !same_cells(&a, &b, n)))
            return false;
    }
    return true;
}

static bool same_rest(struct ledger *l, struct ledger *as)
{
    struct ledger_sizes a, b;
    bool same = ledger_source_count(l) == ledger_source_count(as) && ledger_billed_count(l) == ledger_billed_count(as);

    ledger_sizes(l, &a);
    ledger_sizes(as, &b);
    same &= a.keys == b.keys && a.natives == b.natives && a.buckets == b.buckets && a.refused == b.refused &&
            a.envelopes == b.envelopes && a.callers == b.callers && a.horizon_ms == b.horizon_ms &&
            a.caller_calls_refused == b.caller_calls_refused && a.charges == b.charges;
    for (size_t i = 0; same && i < ledger_source_count(l); i++) {
        struct source_totals x, y;

        ledger_source(l, i, &x);
        ledger_source(as, i, &y);
        same = memcmp(&x.tally, &y.tally, sizeof x.tally) == 0 && x.late == y.late && x.frames == y.frames &&
               x.history == y.history;
    }
    for (size_t i = 0; same && i < ledger_billed_count(l); i++) {
        struct billed_view x, y;

        ledger_billed(l, i, &x);
        ledger_billed(as, i, &y);
        same = x.hash == y.hash && x.nano == y.nano;
    }
    return same;
}

static bool exact(struct ledger *l)
{
    return same_series(l, truth) && same_rest(l, truth);
}

/* Every series of `l` is one of the truth, and shows no more than was shown there. */
static bool below_truth(struct ledger *l)
{
    for (size_t i = 0; i < ledger_series_count(l); i++) {
        struct series_view a, b = { 0 };
        size_t at = 0;

        ledger_series(l, i, &a, NULL);
        for (at = 0; at < ledger_series_count(truth); at++) {
            ledger_series(truth, at, &b, NULL);
            if (a.hash == b.hash)
                break;
        }
        if (at == ledger_series_count(truth))
            return false;
        for (unsigned k = 0; k < family_cells(a.family); k++)
            if (a.shown[k] > b.shown[k])
                return false;
    }
    return true;
}

/* received = stored + duplicate + ..., whatever was folded. */
static bool conserved(struct ledger *l)
{
    for (size_t i = 0; i < ledger_source_count(l); i++) {
        struct source_totals t;

        ledger_source(l, i, &t);
        if (t.tally.received != t.tally.stored + t.tally.duplicate)
            return false;
    }
    return true;
}

/* ---- the scenarios ---- */

static bool fold(void *ctx)
{
    struct ledger *l = ledger_new(NULL);
    struct err e = { 0 };
    bool good;
    uint64_t generation;

    (void)ctx;
    torture_begin();
    for (size_t i = 0; i < n_frames; i++)
        ledger_fold(l, frames[i]);
    torture_end();
    if (!ledger_starved(l)) {
        good = exact(l);
        ledger_free(l);
        return good;
    }
    generation = ledger_generation(l);
    ledger_fold(l, frames[2]);
    good = torture_was_refused() && below_truth(l) && conserved(l) && ledger_generation(l) == generation &&
           ledger_snapshot_write(l, dir, SV("x"), &e) == ERR_LIMIT;
    ledger_free(l);
    l = folded(n_frames);
    good = good && exact(l);
    ledger_free(l);
    return good;
}

static bool begin(void *ctx)
{
    struct ledger *l;
    struct err e = { 0 };
    bool good;

    (void)ctx;
    torture_begin();
    l = ledger_new(&e);
    torture_end();
    good = l ? !torture_was_refused() : e.code == ERR_LIMIT;
    ledger_free(l);
    return good;
}

/* A record that finds no memory to be compared stays, or goes as a duplicate: both are counted. */
static bool filter(void *ctx)
{
    struct arena own;
    struct frame *f;
    struct batch *b;
    size_t left;
    bool good;

    (void)ctx;
    arena_init(&own, 0);
    f = fixture_frame(&own, T0, T0 + NANO_PER_MIN);
    b = fixture_batch(f);
    fixture_measure(b, SV("Requests"), SV("d0"), T0, 90); /* known */
    fixture_measure(b, SV("Requests"), SV("d0"), T0, 91);
    for (unsigned i = 0; i < 100; i++)
        fixture_call(b, SV("RequestResponse"), arena_printf(&own, "c0-%u", i), SV("d1"), T0, 1);
    f->tally = (struct tally){ .received = 102, .stored = 102 };
    torture_begin();
    ledger_filter(truth, f);
    torture_end();
    left = b->n_measures + b->n_calls;
    good = f->tally.received == f->tally.stored + f->tally.duplicate && f->tally.stored == (int64_t)left;
    good = good && left == 97; /* what the ledger itself knows goes in any case */
    arena_done(&own);
    return good;
}

static bool write_snapshot(void *ctx)
{
    struct ledger *l = ledger_new(NULL);
    struct buf cursor;
    struct err e = { 0 };
    bool found, good;
    enum err_code code;

    (void)ctx;
    buf_init(&cursor, 256);
    torture_begin();
    code = ledger_snapshot_write(truth, dir, SV("cursor"), &e);
    torture_end();
    good = code == (torture_was_refused() ? ERR_LIMIT : ERR_OK);
    /* The one from before stands. */
    good = good && ledger_snapshot_read(l, dir, &cursor, &found, &e) == ERR_OK && found && exact(l);
    ledger_free(l);
    buf_done(&cursor);
    return good;
}

static bool read_snapshot(void *ctx)
{
    struct ledger *l = ledger_new(NULL);
    struct buf cursor;
    struct err e = { 0 };
    struct stat there;
    char path[64];
    bool found = false, good;
    enum err_code code;

    (void)ctx;
    buf_init(&cursor, 256);
    torture_begin();
    code = ledger_snapshot_read(l, dir, &cursor, &found, &e);
    torture_end();
    good = code == ERR_OK ? found && exact(l) && sv_eq(buf_sv(&cursor), SV("cursor")) : code == ERR_LIMIT && !found;
    snprintf(path, sizeof path, "%s/ledger.snapshot", dir);
    good = good && stat(path, &there) == 0; /* nothing is wrong with it: it is not set aside */
    ledger_free(l);
    buf_done(&cursor);
    return good;
}

static void a_snapshot_is_there(void)
{
    struct err e = { 0 };

    OK(mkdtemp(dir) && ledger_snapshot_write(truth, dir, SV("cursor"), &e) == ERR_OK);
}

static void remove_files(void)
{
    char path[64];

    snprintf(path, sizeof path, "%s/ledger.snapshot", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/ledger.snapshot.previous", dir);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    clock_set_manual(T0 + NANO_PER_H);
    make_frames();
    RUN(a_snapshot_is_there);
    torture("a_ledger_begins", begin, NULL);
    torture("a_frame_is_counted_whole_or_not_seen", fold, NULL);
    torture("a_filter_counts_what_it_takes", filter, NULL);
    torture("a_snapshot_is_written_whole_or_the_old_one_stands", write_snapshot, NULL);
    torture("a_snapshot_is_read_whole_and_never_set_aside_for_want_of_memory", read_snapshot, NULL);
    remove_files();
    ledger_free(truth);
    arena_done(&arena);
    printf("# %lu allocations refused\n", torture_total);
    return tap_done();
}
