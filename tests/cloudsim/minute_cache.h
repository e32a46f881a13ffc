/*
 * A bounded cache of what a minute of one place held: a table of slots, in which a newer item takes an older one's
 * place. Items are counted references, so that whoever reads one keeps it while another takes its slot.
 *
 * Ownership:     an item belongs to its references; the cache holds one of each item it keeps.
 * Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_MINUTE_CACHE_H
#define CLOUDSIM_MINUTE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "collector/base/err.h"

/* First member of what is cached; born with refs = 1, the maker's. */
struct cached {
    unsigned place;
    int64_t minute;
    void (*free)(struct cached *c); /* NULL: it is one block of memory */
    _Atomic unsigned refs;
};

struct minute_cache;

/* NULL when memory is out. */
struct minute_cache *minute_cache_new(size_t slots);
void minute_cache_free(struct minute_cache *c);

/* How many slots for items of `head` bytes and so many calls of `call` bytes: fewer when a minute holds many. */
size_t minute_cache_slots(size_t head, double calls, size_t call);

/* A new reference to the item, which `make` makes when it is not there (born with refs = 1); NULL when that fails. */
typedef struct cached *minute_maker(void *workload, unsigned place, int64_t minute);
MUST_USE struct cached *minute_cache_get(struct minute_cache *c, unsigned place, int64_t minute, minute_maker *make,
                                         void *workload);

void cached_unref(struct cached *item); /* NULL is fine */

#endif
