/*
 * Map from 64-bit hashes to 32-bit numbers: open addressing, linear probing, no tombstones.
 *
 * Keys are hashes already, so they are used as they are; key 0 is valid. The number of entries has a maximum.
 *
 * Ownership:     struct map is the caller's; map_done frees.
 * Errors:        map_put returns false when the maximum is reached or memory is out; nothing changes then.
 * Thread-safety: none.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key;
    uint32_t value;
    uint32_t used;
};

struct map {
    struct map_slot *slots;
    size_t cap, n;
    size_t limit; /* 0: none but memory */
};

void map_init(struct map *m, size_t limit);
void map_done(struct map *m);
void map_clear(struct map *m);

/* NULL when absent; the pointer lives until the next put or removal. */
uint32_t *map_find(const struct map *m, uint64_t key);
bool map_put(struct map *m, uint64_t key, uint32_t value);

/* Makes room for `n` entries. Before many are put in the order in which another map holds them: in a smaller table they
 * would all begin at one end of it and stand in each other's way. */
bool map_reserve(struct map *m, size_t n);

/* Removes every entry for which keep() says no. False (and nothing removed) when memory is out. */
bool map_prune(struct map *m, bool (*keep)(uint64_t key, uint32_t value, void *ctx), void *ctx);

/* Walks all entries: for (size_t at = 0; map_next(m, &at, &key, &value);) ... */
bool map_next(const struct map *m, size_t *at, uint64_t *key, uint32_t *value);

#endif
