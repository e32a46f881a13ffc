/*
 * How large it is. Memory is measured, not reckoned: everything that hangs on the ledger is walked through, and the allocator is asked
 * how much each piece holds. So no formula can fall behind what the structures became. The walk costs some tens of milliseconds per
 * million buckets, so it is taken now and then by the fold thread, beside readers, and the last result is what is told.
 */
#include <malloc.h>

#include "collector/ledger/internal.h"

static size_t held(const void *p)
{
    return malloc_usable_size((void *)(uintptr_t)p);
}

static size_t held_map(const struct map *m)
{
    return held(m->slots);
}

static size_t of_series(const struct ledger *l)
{
    const struct registry *r = &l->series;
    size_t bytes = held(r->at) + held(r->touched) + held_map(&r->by_hash) + held_map(&r->by_ids);

    for (size_t i = 0; i < r->n; i++)
        bytes += held(r->at[i].cells);
    return bytes;
}

static size_t of_names(const struct ledger *l)
{
    size_t bytes = held(l->names.at) + held(l->names.len) + held_map(&l->names.by_hash);

    for (size_t i = 0; i < l->names.n; i++)
        bytes += held(l->names.at[i]);
    return bytes;
}

static size_t of_natives(const struct ledger *l)
{
    size_t bytes = held(l->natives) + held_map(&l->native_by_key);

    for (size_t i = 0; i < l->n_natives; i++)
        bytes += held(l->natives[i].generations);
    return bytes;
}

static size_t of_buckets(const struct ledger *l)
{
    size_t bytes = 0;

    for (size_t i = 0; i < l->n_natives; i++) {
        const struct native *n = &l->natives[i];

        bytes += held(n->buckets);
        for (uint32_t k = 0; k < n->n_buckets; k++)
            bytes += held(n->buckets[k].amounts);
    }
    return bytes;
}

static size_t of_hour_sums(const struct ledger *l)
{
    size_t bytes = 0;

    for (size_t i = 0; i < l->n_natives; i++) {
        const struct native *n = &l->natives[i];

        bytes += held(n->sums);
        for (uint32_t k = 0; k < n->n_sums; k++)
            bytes += n->sums[k].words > 1 ? held(n->sums[k].many) : 0;
    }
    return bytes;
}

static size_t of_keys(const struct ledger *l)
{
    return held_map(&l->keys.rows) + held_map(&l->keys.calls);
}

static size_t of_coverage(const struct ledger *l)
{
    size_t bytes = held(l->coverages) + held_map(&l->coverage_by_key);

    for (size_t i = 0; i < l->n_coverages; i++) {
        const struct coverage *c = &l->coverages[i];

        bytes += held(c->read.at) + held(c->settled.at) + held(c->envelopes);
    }
    return bytes;
}

static size_t of_epochs(const struct ledger *l)
{
    size_t bytes = held(l->rulesets) + held(l->authorities) + held_map(&l->authority_by_key) + held(l->inventories) +
                   held_map(&l->inventory_by_key);

    for (size_t i = 0; i < l->n_rulesets; i++)
        bytes += arena_held(&l->rulesets[i].arena) + held_map(&l->rulesets[i].by_name);
    for (size_t i = 0; i < l->n_inventories; i++)
        bytes += arena_held(&l->inventories[i].arena);
    return bytes;
}

static size_t of_charges(const struct ledger *l)
{
    const struct charges *c = &l->charges;

    return held(c->at) + held(c->sums) + held_map(&c->by_key) + held_map(&c->sum_by_key);
}

static size_t of_sources(const struct ledger *l)
{
    size_t bytes = held(l) + held(l->sources) + held(l->hours) + held_map(&l->hours_by_key) +
                   held_map(&l->callers.admitted) + held(l->controls) + held(l->gaps.at) + held(l->gaps.sums) +
                   held_map(&l->gaps.by_key);

    for (size_t i = 0; i < l->gaps.n; i++)
        bytes += held(l->gaps.at[i].told.at);
    return bytes;
}

static const struct {
    const char *name;
    size_t (*bytes)(const struct ledger *l);
} kinds[MEMORY_KINDS] = {
    [MEMORY_SERIES] = { "series", of_series },          [MEMORY_NAMES] = { "names", of_names },
    [MEMORY_NATIVES] = { "natives", of_natives },       [MEMORY_BUCKETS] = { "buckets", of_buckets },
    [MEMORY_HOUR_SUMS] = { "hour_sums", of_hour_sums }, [MEMORY_KEYS] = { "keys", of_keys },
    [MEMORY_COVERAGE] = { "coverage", of_coverage },    [MEMORY_EPOCHS] = { "epochs", of_epochs },
    [MEMORY_CHARGES] = { "charges", of_charges },       [MEMORY_SOURCES] = { "sources", of_sources },
};

const char *ledger_memory_name(enum ledger_memory kind)
{
    return kinds[kind].name;
}

void ledger_measure(struct ledger *l)
{
    size_t bytes[MEMORY_KINDS];

    ledger_read_lock(l);
    for (int i = 0; i < MEMORY_KINDS; i++)
        bytes[i] = kinds[i].bytes(l);
    ledger_read_unlock(l);
    pthread_rwlock_wrlock(&l->lock);
    memcpy(l->memory, bytes, sizeof l->memory);
    pthread_rwlock_unlock(&l->lock);
}

void ledger_sizes(const struct ledger *l, struct ledger_sizes *out)
{
    *out = (struct ledger_sizes){
        .series = l->series.n,
        .series_limit = l->series.limit,
        .series_refused = l->series.refused,
        .natives = l->n_natives,
        .natives_limit = l->natives_limit,
        .envelopes = l->n_envelopes,
        .envelopes_limit = l->envelopes_limit,
        .refused = l->refused,
        .buckets = l->n_buckets,
        .keys = l->keys.rows.n + l->keys.calls.n,
        .keys_limit = l->keys.rows.limit + l->keys.calls.limit,
        .names = l->names.n,
        .names_limit = l->names.limit,
        .buckets_limit = l->buckets_limit,
        .hour_sums = l->n_sums,
        .hour_sums_bytes = l->sums_bytes,
        .hour_sums_limit_bytes = l->sums_limit_bytes,
        .horizon_ms = (int64_t)l->keys.horizon_hours * 3600000,
        .charges = l->charges.n,
        .charges_limit = CHARGES_MAX,
        .callers = l->callers.admitted.n,
        .callers_limit = l->callers.limit,
        .caller_calls_refused = l->callers.refused,
        .expired = l->series.expired,
    };
    memcpy(out->memory, l->memory, sizeof out->memory);
    for (int i = 0; i < MEMORY_KINDS; i++)
        out->bytes += out->memory[i];
    memcpy(out->restarts, l->restarts, sizeof out->restarts);
}
