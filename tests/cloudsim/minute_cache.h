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
    void (*free)(struct cached *c);
    _Atomic unsigned refs;
};

struct minute_cache;

/* NULL when memory is out. */
struct minute_cache *minute_cache_new(size_t slots);
void minute_cache_free(struct minute_cache *c);

/* A new reference to the item, NULL when it is not there. */
MUST_USE struct cached *minute_cache_find(struct minute_cache *c, unsigned place, int64_t minute);
/* Keeps a reference of its own; the caller keeps his. */
void minute_cache_put(struct minute_cache *c, struct cached *item);

void cached_unref(struct cached *item); /* NULL is fine */

#endif
