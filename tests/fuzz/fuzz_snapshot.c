/* Any bytes as the body of a snapshot: refused, or a ledger that can be looked at, folded into and written again. */
#include "collector/ledger/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct ledger *l)
{
    const char *labels[LABELS];
    struct ledger_sizes sizes;

    ledger_sizes(l, &sizes);
    for (size_t i = 0; i < ledger_series_count(l); i++) {
        struct series_view v;

        ledger_series(l, i, &v, labels);
    }
    for (size_t i = 0; i < ledger_coverage_count(l); i++) {
        struct coverage_view v;

        ledger_coverage(l, i, &v);
    }
    for (size_t i = 0; i < ledger_inventory_count(l); i++) {
        struct inventory_view v;

        ledger_inventory(l, i, &v);
        for (size_t k = 0; k < v.n_items; k++)
            (void)hash64(v.items[k].deployment);
    }
    for (size_t i = 0; i < ledger_log_coverage_count(l); i++) {
        struct log_coverage_view v;

        (void)ledger_log_coverage(l, i, &v);
    }
    for (size_t i = 0; i < ledger_billed_count(l); i++) {
        struct billed_view v;

        ledger_billed(l, i, &v);
    }
}

/* The first charge once more, a day after: days are forgotten, and what is kept is restated. */
static void bill(const struct ledger *l, struct frame *f)
{
    struct batch *b = frame_add_batch(f);
    struct charge *c = b && l->charges.n ? batch_add_charge(b) : NULL;

    if (!c)
        return;
    c->key = l->charges.at[0].key;
    c->start_unix_nano = (l->charges.at[0].day % 100000) * 24 * NANO_PER_H;
    c->cost_nano = INT64_MAX;
    b->observed_unix_nano = c->start_unix_nano + 24 * NANO_PER_H;
}

/* Envelopes are decided, buckets pruned, days of the bill forgotten. */
static void fold(struct ledger *l)
{
    struct arena arena;
    struct frame *f;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < l->n_coverages && i < 8; i++) {
        const struct coverage *c = &l->coverages[i];
        struct window *w;

        f = frame_new(&arena, names_sv(&l->names, c->source), names_sv(&l->names, c->scope));
        w = f ? frame_add_window(f) : NULL;
        if (!w)
            break;
        *w = (struct window){ .source = f->source,
                              .scope = f->scope,
                              .group = names_sv(&l->names, c->group),
                              .from_unix_nano = 1,
                              .to_unix_nano = INT64_MAX / 2,
                              .decide_to_unix_nano = INT64_MAX / 2 };
        bill(l, f);
        ledger_fold(l, f);
    }
    arena_done(&arena);
}

/* Its first hour is told once more, then all hours are settled for good. */
static void control(struct ledger *l, const struct native *n)
{
    const struct coverage *c = n->coverage < l->n_coverages ? &l->coverages[n->coverage] : NULL;
    char room[CONTROL_GROUP_MAX];
    struct arena arena;
    struct frame *f = NULL;
    struct window *w;
    struct batch *b;
    struct measure *m;

    arena_init(&arena, 1 << 20);
    if (c && n->n_sums)
        f = frame_new(&arena, names_sv(&l->names, c->source), names_sv(&l->names, c->scope));
    w = f ? frame_add_window(f) : NULL;
    b = w ? frame_add_batch(f) : NULL;
    m = b ? batch_add_measure(b) : NULL;
    if (m) {
        *w = (struct window){ .source = f->source,
                              .scope = f->scope,
                              .group = control_group(names_sv(&l->names, c->group), CONTROL_AGES - 1, room),
                              .control = true,
                              .from_unix_nano = 1,
                              .to_unix_nano = INT64_MAX / 2 };
        m->series = n->key;
        m->start_unix_nano = n->sums[0].hour % 1000000 * NANO_PER_H;
        m->end_unix_nano = m->start_unix_nano + NANO_PER_H;
        m->value = m->sum = m->count = 1e18;
        (void)control_known(l, m);
        ledger_fold(l, f);
    }
    arena_done(&arena);
}

static void read_as(uint64_t version, sv body)
{
    struct ledger *l = ledger_new(NULL);
    struct buf cursor;

    buf_init(&cursor, 256);
    if (l && snapshot_decode(l, body, version, &cursor)) {
        look(l);
        for (size_t i = 0; i < l->n_natives && i < 8; i++)
            control(l, &l->natives[i]);
        fold(l);
        look(l);
    }
    buf_done(&cursor);
    ledger_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(SNAPSHOT_VERSION, sv_make(data, size));
    read_as(SNAPSHOT_VERSION - 1, sv_make(data, size));
    return 0;
}
