/* One table, a few locks: each guards the slots whose number is its own modulo LOCKS. */
#include "tests/cloudsim/minute_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/cloudsim/rng.h"

enum { LOCKS = 64, SLOTS_MAX = 1 << 15, SLOTS_MIN = 1 << 10, BYTES = 96 << 20 };

struct minute_cache {
    size_t n_slots;
    struct cached **slots;
    pthread_mutex_t locks[LOCKS];
};

struct minute_cache *minute_cache_new(size_t slots)
{
    struct minute_cache *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->n_slots = slots;
    c->slots = calloc(slots, sizeof(*c->slots));
    if (!c->slots) {
        free(c);
        return NULL;
    }
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&c->locks[i], NULL);
    return c;
}

void minute_cache_free(struct minute_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_slots; i++)
        cached_unref(c->slots[i]);
    free(c->slots);
    free(c);
}

void cached_unref(struct cached *item)
{
    if (!item || atomic_fetch_sub(&item->refs, 1) != 1)
        return;
    if (item->free)
        item->free(item);
    else
        free(item);
}

static size_t slot_of(const struct minute_cache *c, unsigned place, int64_t minute)
{
    return (size_t)(rng_name(place, (uint64_t)minute) % c->n_slots);
}

static struct cached *find(struct minute_cache *c, unsigned place, int64_t minute)
{
    size_t slot = slot_of(c, place, minute);
    pthread_mutex_t *lock = &c->locks[slot % LOCKS];
    struct cached *item;

    pthread_mutex_lock(lock);
    item = c->slots[slot];
    if (item && (item->place != place || item->minute != minute))
        item = NULL;
    if (item)
        atomic_fetch_add(&item->refs, 1);
    pthread_mutex_unlock(lock);
    return item;
}

/* Keeps a reference of its own; the caller keeps his. */
static void put(struct minute_cache *c, struct cached *item)
{
    size_t slot = slot_of(c, item->place, item->minute);
    pthread_mutex_t *lock = &c->locks[slot % LOCKS];
    struct cached *old;

    atomic_fetch_add(&item->refs, 1);
    pthread_mutex_lock(lock);
    old = c->slots[slot];
    c->slots[slot] = item;
    pthread_mutex_unlock(lock);
    cached_unref(old);
}

struct cached *minute_cache_get(struct minute_cache *c, unsigned place, int64_t minute, minute_maker *make,
                                void *workload)
{
    struct cached *item = find(c, place, minute);

    if (item)
        return item;
    item = make(workload, place, minute);
    if (item)
        put(c, item);
    return item;
}

size_t minute_cache_slots(size_t head, double calls, size_t call)
{
    double slots = BYTES / ((double)head + (calls + 1) * (double)call);

    return slots > SLOTS_MAX ? SLOTS_MAX : slots < SLOTS_MIN ? SLOTS_MIN : (size_t)slots;
}
