/*
 * What was read: per (source, scope, group) the union of windows, as sorted disjoint spans. In the steady state that is one
 * span, so insertion by linear search is right.
 */
#include <stdlib.h>

#include "collector/ledger/internal.h"

bool spans_add(struct spans *s, int64_t from, int64_t to)
{
    size_t at = 0, end;
    struct span *p;

    if (from >= to)
        return true;
    while (at < s->n && s->at[at].to < from)
        at++;
    for (end = at; end < s->n && s->at[end].from <= to; end++) {
        from = s->at[end].from < from ? s->at[end].from : from;
        to = s->at[end].to > to ? s->at[end].to : to;
    }
    if (end == at) {
        p = grow(s->at, s->n, &s->cap, sizeof *p);
        if (!p)
            return false;
        s->at = p;
        memmove(&p[at + 1], &p[at], (s->n - at) * sizeof *p);
        s->n++;
    } else {
        memmove(&s->at[at + 1], &s->at[end], (s->n - end) * sizeof *s->at);
        s->n -= end - at - 1;
    }
    s->at[at] = (struct span){ from, to };
    return true;
}

bool spans_has(const struct spans *s, int64_t t)
{
    for (size_t i = s->n; i-- > 0;)
        if (t >= s->at[i].from)
            return t < s->at[i].to;
    return false;
}

/* Whether the state of a bucket at `t` may be given up: snapshots (no spans) hold nothing that could be read again, and what was
 * read too early to be settled will be, however long an outage comes between. */
bool coverage_has(const struct coverage *c, int64_t t)
{
    return c->read.n == 0 || spans_has(&c->settled, t);
}

static uint64_t key_of(sv source, sv scope, sv group)
{
    return hash_part(hash_part(hash64(source), scope), group);
}

uint32_t coverage_for(struct ledger *l, sv source, sv scope, sv group, bool create)
{
    uint64_t key = key_of(source, scope, group);
    uint32_t *there = map_find(&l->coverage_by_key, key);
    struct coverage *c;

    if (there || !create)
        return there ? *there : UINT32_MAX;
    c = grow(l->coverages, l->n_coverages, &l->cap_coverages, sizeof *c);
    if (!c)
        return UINT32_MAX;
    l->coverages = c;
    if (!map_put(&l->coverage_by_key, key, (uint32_t)l->n_coverages))
        return UINT32_MAX;
    l->coverages[l->n_coverages] = (struct coverage){ .source = names_add(&l->names, source),
                                                      .scope = names_add(&l->names, scope),
                                                      .group = names_add(&l->names, group) };
    return (uint32_t)l->n_coverages++;
}

void coverage_fold(struct fold *f, const struct window *w)
{
    struct coverage *c;

    if (f->coverage == UINT32_MAX || w->to_unix_nano == 0)
        return;
    c = &f->l->coverages[f->coverage];
    spans_add(&c->read, w->from_unix_nano, w->to_unix_nano);
    spans_add(&c->settled, w->from_unix_nano, w->settled_to_unix_nano);
    if (w->to_unix_nano > c->newest_to)
        c->newest_to = w->to_unix_nano;
    if (w->read_at_unix_nano > c->last_read_at)
        c->last_read_at = w->read_at_unix_nano;
    if (w->decide_to_unix_nano)
        envelopes_decide(f, c, w->decide_to_unix_nano);
}

void coverage_done(struct coverage *c)
{
    free(c->read.at);
    free(c->settled.at);
    free(c->envelopes);
}

/* The end of what is settled without a hole since counting began; 0 when that is nothing. */
static int64_t complete_until(const struct ledger *l, const struct coverage *c)
{
    int64_t from = 0, at;

    for (size_t i = 0; i < l->n_sources; i++)
        if (l->sources[i].source == c->source)
            from = l->sources[i].count_from;
    at = from ? from : c->settled.n ? c->settled.at[0].from : 0;
    for (size_t i = 0; i < c->settled.n && c->settled.at[i].from <= at; i++)
        if (c->settled.at[i].to > at)
            at = c->settled.at[i].to;
    return at > from ? at : 0;
}

/* Where the first part begins that was not read since counting began; INT64_MAX when nothing is missing before the newest. */
int64_t coverage_hole(const struct ledger *l, const struct coverage *c)
{
    for (size_t i = 0; i < l->n_sources && c->read.n; i++)
        if (l->sources[i].source == c->source && l->sources[i].count_from &&
            l->sources[i].count_from < c->read.at[0].from)
            return l->sources[i].count_from;
    return c->read.n > 1 ? c->read.at[0].to : INT64_MAX;
}

bool ledger_complete_until(struct ledger *l, sv source, sv scope, sv group, int64_t *unix_nano)
{
    uint32_t n;

    ledger_read_lock(l);
    n = coverage_for(l, source, scope, group, false);
    *unix_nano = n == UINT32_MAX ? 0 : complete_until(l, &l->coverages[n]);
    ledger_read_unlock(l);
    return *unix_nano != 0;
}

bool ledger_read_until(struct ledger *l, sv source, sv scope, sv group, int64_t *unix_nano)
{
    uint32_t n;

    ledger_read_lock(l);
    n = coverage_for(l, source, scope, group, false);
    *unix_nano = n == UINT32_MAX ? 0 : l->coverages[n].newest_to;
    ledger_read_unlock(l);
    return *unix_nano != 0;
}

/* The first part of [from, to) that is not in `s`. */
static bool first_gap(const struct spans *s, int64_t from, int64_t to, struct window *gap)
{
    for (size_t i = 0; i < s->n && from < to; i++) {
        struct span p = s->at[i];

        if (p.to <= from)
            continue;
        if (p.from > from) {
            to = p.from < to ? p.from : to;
            break;
        }
        from = p.to;
    }
    gap->from_unix_nano = from;
    gap->to_unix_nano = to;
    return from < to;
}

bool ledger_first_hole(struct ledger *l, sv source, sv scope, sv group, int64_t from, int64_t to, struct window *hole)
{
    const struct spans none = { 0 };
    uint32_t n;
    bool there;

    ledger_read_lock(l);
    n = coverage_for(l, source, scope, group, false);
    there = first_gap(n == UINT32_MAX ? &none : &l->coverages[n].read, from, to, hole);
    ledger_read_unlock(l);
    return there;
}

bool ledger_first_unsettled(struct ledger *l, sv source, sv scope, sv group, int64_t from, int64_t to,
                            struct window *hole)
{
    const struct spans none = { 0 };
    uint32_t n;
    bool there;

    ledger_read_lock(l);
    n = coverage_for(l, source, scope, group, false);
    there = first_gap(n == UINT32_MAX ? &none : &l->coverages[n].settled, from, to, hole);
    ledger_read_unlock(l);
    return there;
}

size_t ledger_coverage_count(const struct ledger *l)
{
    return l->n_coverages;
}

void ledger_coverage(const struct ledger *l, size_t number, struct coverage_view *out)
{
    const struct coverage *c = &l->coverages[number];

    *out = (struct coverage_view){ .source = names_sv(&l->names, c->source),
                                   .scope = names_sv(&l->names, c->scope),
                                   .group = names_sv(&l->names, c->group),
                                   .complete_until_unix_nano = complete_until(l, c),
                                   .newest_to_unix_nano = c->newest_to,
                                   .last_read_at_unix_nano = c->last_read_at,
                                   .holes = c->read.n ? c->read.n - 1 : 0 };
}
