/* A map of numbers, since a map holds no pointers. */
#include "collector/sources/batches.h"

enum { BATCHES_MAX = 100000 };

void batches_init(struct batches *b)
{
    *b = (struct batches){ .at = NULL };
    map_init(&b->by_key, BATCHES_MAX);
}

void batches_done(struct batches *b)
{
    map_done(&b->by_key);
}

void batches_begin(struct batches *b)
{
    map_clear(&b->by_key);
    b->at = NULL;
    b->n = b->cap = 0;
}

bool batches_find(const struct batches *b, uint64_t key, struct batch **out)
{
    const uint32_t *known = map_find(&b->by_key, key);

    *out = known ? b->at[*known] : NULL;
    return known != NULL;
}

bool batches_add(struct batches *b, struct arena *arena, uint64_t key, struct batch *batch)
{
    struct batch **at = arena_grow(arena, b->at, b->n, &b->cap, sizeof *at);

    if (!at)
        return false;
    b->at = at;
    if (!map_put(&b->by_key, key, (uint32_t)b->n))
        return false;
    b->at[b->n++] = batch;
    return true;
}
