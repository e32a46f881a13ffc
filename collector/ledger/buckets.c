/*
 * The buckets of a native series, in order, whatever their grain.
 *
 * A cloud that was asked for minutes may answer in steps of five, for a while or from now on (S-14). No time is counted twice: a longer
 * bucket takes the place of the shorter ones inside it, and what they added is what it added so far; a shorter one inside a
 * longer that is known adds nothing (what it is a part of was counted); one that crosses the edge of another cannot be reconciled and is
 * refused. What is missed by that is found by the next control read.
 */
#include <stdlib.h>

#include "collector/ledger/internal.h"

/* Position of the bucket, or where it would be inserted. */
static uint32_t position(const struct native *n, int64_t start)
{
    uint32_t lo = 0, hi = n->n_buckets;

    if (hi && n->buckets[hi - 1].start < start)
        return hi; /* the usual case: a newer bucket */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (n->buckets[mid].start < start)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct bucket *bucket_find(const struct native *n, int64_t start)
{
    uint32_t at = position(n, start);

    return at < n->n_buckets && n->buckets[at].start == start ? &n->buckets[at] : NULL;
}

static uint16_t minutes_of(const struct measure *m)
{
    int64_t minutes = m->end_unix_nano > m->start_unix_nano
                          ? (m->end_unix_nano - m->start_unix_nano + NANO_PER_MIN - 1) / NANO_PER_MIN
                          : 0;

    return minutes < UINT16_MAX ? (uint16_t)minutes : UINT16_MAX;
}

struct bucket *bucket_add(struct fold *f, struct native *n, const struct measure *m)
{
    uint32_t at = position(n, m->start_unix_nano);
    size_t cap = n->cap_buckets;
    bool room = f->l->n_buckets < f->l->buckets_limit;
    struct bucket *b = room ? grow(n->buckets, n->n_buckets, &cap, sizeof *b) : NULL;

    if (!b) {
        f->l->refused++;
        return NULL;
    }
    n->buckets = b;
    n->cap_buckets = (uint32_t)cap;
    memmove(&b[at + 1], &b[at], (n->n_buckets - at) * sizeof *b);
    n->n_buckets++;
    f->l->n_buckets++;
    b[at] = (struct bucket){ .start = m->start_unix_nano, .generation = NOT_COUNTED, .minutes = minutes_of(m) };
    return &b[at];
}

/* A bucket of unknown length is its start alone. */
static int64_t end_of(const struct bucket *b)
{
    return b->minutes ? b->start + b->minutes * NANO_PER_MIN : b->start + 1;
}

bool bucket_holds(const struct native *n, const struct measure *m)
{
    uint32_t at = position(n, m->start_unix_nano);
    const struct bucket *b = at < n->n_buckets && n->buckets[at].start == m->start_unix_nano ? &n->buckets[at]
                             : at > 0                                                        ? &n->buckets[at - 1]
                                                                                             : NULL;

    return b && m->kind != MEASURE_GAUGE && b->minutes > minutes_of(m) && end_of(b) >= m->end_unix_nano;
}

static bool same_length(const struct bucket *b, const struct measure *m)
{
    return b->minutes == 0 || m->kind == MEASURE_GAUGE || b->minutes == minutes_of(m);
}

/* Whether [at, end) went to one generation, so that their sum can be carried on. */
static bool are_alike(const struct native *n, uint32_t at, uint32_t end)
{
    for (uint32_t i = at + 1; i < end; i++)
        if (n->buckets[i].generation != n->buckets[at].generation)
            return false;
    return true;
}

static void take_amounts(struct bucket *to, struct bucket *from)
{
    if (!to->amounts) {
        to->amounts = from->amounts;
        to->width = from->width;
    } else if (from->amounts) {
        for (unsigned k = 0; k < to->width; k++)
            to->amounts[k] += from->amounts[k];
        free(from->amounts);
    }
}

/* Buckets [at, end) become the one that `m` is of. */
static struct bucket *merge(struct ledger *l, struct native *n, uint32_t at, uint32_t end, const struct measure *m)
{
    struct bucket *b = &n->buckets[at];

    for (uint32_t i = at + 1; i < end; i++)
        take_amounts(b, &n->buckets[i]);
    memmove(b + 1, &n->buckets[end], (n->n_buckets - end) * sizeof *b);
    n->n_buckets -= end - at - 1;
    l->n_buckets -= end - at - 1;
    b->start = m->start_unix_nano;
    b->minutes = minutes_of(m);
    return b;
}

struct bucket *bucket_for(struct fold *f, struct native *n, const struct measure *m, bool *crosses)
{
    uint32_t at = position(n, m->start_unix_nano), end = at;
    struct bucket *b = n->buckets;
    bool before = m->start_unix_nano < f->source->count_from;

    *crosses = false;
    if (at < n->n_buckets && b[at].start == m->start_unix_nano && same_length(&b[at], m)) {
        b[at].minutes = minutes_of(m);
        return &b[at];
    }
    if (m->kind == MEASURE_GAUGE)
        return NULL;
    while (end < n->n_buckets && b[end].start < m->end_unix_nano)
        end++;
    *crosses = (at > 0 && end_of(&b[at - 1]) > m->start_unix_nano) ||
               (end > at && (end_of(&b[end - 1]) > m->end_unix_nano || !are_alike(n, at, end) ||
                             m->start_unix_nano <= n->pruned_to || (before && b[at].generation != NOT_COUNTED)));
    return *crosses || end == at ? NULL : merge(f->l, n, at, end, m);
}
