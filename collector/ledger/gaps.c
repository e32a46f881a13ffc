/*
 * Gaps: spans that a source could not or did not tell, as their records say. What is told again (a window that looks back over
 * the last one) adds only what is new of it, so each gap keeps the spans that it has been told of; the sums of one (source,
 * signal, cause) are what is published. An hour in which metrics show traffic and the logs none is found here too, but it is
 * for the runner to make a record of it: nothing but frames changes the ledger.
 */
#include <stdlib.h>

#include "collector/ledger/internal.h"

enum { GAPS_MAX = 1 << 16, GAP_SUMS_MAX = 4096, GAP_SPANS_MAX = 64 };

static sv group_of(const struct frame *f)
{
    return f->n_windows ? f->windows[0].group : SV_NONE;
}

static uint64_t state_key(const struct frame *f, const struct batch *b, const struct gap *g)
{
    const struct origin *o = &b->origin;
    const sv parts[] = { f->source,
                         f->scope,
                         group_of(f),
                         batch_sv(b, o->account),
                         batch_sv(b, o->cloud_region),
                         batch_sv(b, o->resource),
                         batch_sv(b, o->resource_id),
                         sv_of(platform_name(o->platform)),
                         batch_sv(b, g->signal),
                         batch_sv(b, g->cause) };
    uint64_t h = 1;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        h = hash_part(h, parts[i]);
    return h;
}

/* Unsigned: a snapshot may hold anything. */
static uint64_t length_of(const struct spans *s)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s->n; i++)
        sum += (uint64_t)s->at[i].to - (uint64_t)s->at[i].from;
    return sum;
}

static bool is_sane(const struct gap *g)
{
    return g->start_unix_nano >= 0 && g->end_unix_nano > g->start_unix_nano && g->end_unix_nano < COUNT_MAX;
}

struct gap_sum *gap_sum_for(struct ledger *l, name_id source, name_id signal, name_id cause)
{
    struct gaps *all = &l->gaps;
    struct gap_sum *p;

    for (size_t i = 0; i < all->n_sums; i++)
        if (all->sums[i].source == source && all->sums[i].signal == signal && all->sums[i].cause == cause)
            return &all->sums[i];
    p = all->n_sums < GAP_SUMS_MAX ? grow(all->sums, all->n_sums, &all->cap_sums, sizeof *p) : NULL;
    if (!p)
        return NULL;
    all->sums = p;
    all->sums[all->n_sums] = (struct gap_sum){ .source = source, .signal = signal, .cause = cause };
    return &all->sums[all->n_sums++];
}

struct gap_state *gap_add(struct ledger *l, uint64_t key)
{
    struct gaps *all = &l->gaps;
    struct gap_state *p = all->n < GAPS_MAX ? grow(all->at, all->n, &all->cap, sizeof *p) : NULL;

    if (!p)
        return NULL;
    all->at = p;
    if (!map_put(&all->by_key, key, (uint32_t)all->n))
        return NULL;
    all->at[all->n] = (struct gap_state){ .key = key };
    return &all->at[all->n++];
}

/* What of it is new. Beyond the limits all of it is: rather too much than nothing. */
static int64_t newly_told(struct ledger *l, uint64_t key, const struct gap *g)
{
    uint32_t *there = map_find(&l->gaps.by_key, key);
    struct gap_state *s = there ? &l->gaps.at[*there] : gap_add(l, key);
    uint64_t before;
    int64_t more;

    if (!s)
        return g->end_unix_nano - g->start_unix_nano;
    before = length_of(&s->told);
    if (!spans_add(&s->told, g->start_unix_nano, g->end_unix_nano))
        return 0;
    more = (int64_t)(length_of(&s->told) - before);
    if (s->told.n > GAP_SPANS_MAX) /* the oldest is forgotten: nobody tells it again */
        memmove(&s->told.at[0], &s->told.at[1], --s->told.n * sizeof s->told.at[0]);
    return more;
}

void gap_fold(struct fold *f, const struct gap *g)
{
    struct gap_sum *sum;
    int64_t nano;

    if (f->frame->lane != LANE_LIVE || !is_sane(g))
        return;
    nano = newly_told(f->l, state_key(f->frame, f->batch, g), g);
    sum = gap_sum_for(f->l, f->source->source, fold_name(f, g->signal), fold_name(f, g->cause));
    if (!sum || nano <= 0)
        return;
    sum->nano = count_of(sum->nano, nano);
    sum->newest_from = g->start_unix_nano;
    sum->newest_to = g->end_unix_nano;
}

bool gap_known(const struct ledger *l, const struct frame *f, const struct batch *b, const struct gap *g)
{
    const uint32_t *there = map_find(&l->gaps.by_key, state_key(f, b, g));
    const struct spans *told = there ? &l->gaps.at[*there].told : NULL;

    for (size_t i = 0; told && i < told->n; i++)
        if (told->at[i].from <= g->start_unix_nano && told->at[i].to >= g->end_unix_nano)
            return true;
    return false;
}

void gaps_done(struct gaps *all)
{
    for (size_t i = 0; i < all->n; i++)
        free(all->at[i].told.at);
    free(all->at);
    free(all->sums);
    map_done(&all->by_key);
}

size_t ledger_gap_count(const struct ledger *l)
{
    return l->gaps.n_sums;
}

void ledger_gap(const struct ledger *l, size_t number, struct gap_view *out)
{
    const struct gap_sum *s = &l->gaps.sums[number];

    *out = (struct gap_view){ .source = names_sv(&l->names, s->source),
                              .signal = names_sv(&l->names, s->signal),
                              .cause = names_sv(&l->names, s->cause),
                              .nano = s->nano,
                              .newest_from_unix_nano = s->newest_from,
                              .newest_to_unix_nano = s->newest_to };
}
