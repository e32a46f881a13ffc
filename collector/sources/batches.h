/*
 * Batches of the frame at hand by a key of their origin: a page holds rows of many resources in any order, and walking the
 * frame's list for each row would be quadratic.
 *
 * Ownership: the array lives in the frame's arena; batches_begin starts with an empty one. Thread-safety: none.
 */
#ifndef SOURCES_BATCHES_H
#define SOURCES_BATCHES_H

#include "collector/base/map.h"
#include "collector/model/record.h"

struct batches {
    struct map by_key;
    struct batch **at;
    size_t n, cap;
};

void batches_init(struct batches *b);
void batches_done(struct batches *b);
void batches_begin(struct batches *b);

/* True when the key is known; *out may be NULL then: whose rows are not wanted. */
bool batches_find(const struct batches *b, uint64_t key, struct batch **out);
/* False at a limit. */
bool batches_add(struct batches *b, struct arena *arena, uint64_t key, struct batch *batch);

#endif
