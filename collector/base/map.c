/* At most three quarters full. Pruning builds the table anew, which costs what a hundred look-ups per entry cost and happens
 * once in a while; so there are no single removals and no tombstones. */
#include "collector/base/map.h"

#include <stdlib.h>

#include "collector/base/memory.h"

enum { FIRST_CAP = 64 };

void map_init(struct map *m, size_t limit)
{
    *m = (struct map){ .limit = limit };
}

void map_done(struct map *m)
{
    free(m->slots);
    *m = (struct map){ .limit = m->limit };
}

void map_clear(struct map *m)
{
    map_done(m);
}

static size_t home(uint64_t key, size_t cap)
{
    /* Multiplying spreads keys that are small numbers as well. */
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (cap - 1);
}

uint32_t *map_find(const struct map *m, uint64_t key)
{
    if (m->n == 0)
        return NULL;
    for (size_t i = home(key, m->cap); m->slots[i].used; i = (i + 1) & (m->cap - 1))
        if (m->slots[i].key == key)
            return &m->slots[i].value;
    return NULL;
}

static void insert(struct map_slot *slots, size_t cap, uint64_t key, uint32_t value)
{
    size_t i = home(key, cap);

    while (slots[i].used)
        i = (i + 1) & (cap - 1);
    slots[i] = (struct map_slot){ key, value, 1 };
}

static bool resize(struct map *m, size_t cap)
{
    struct map_slot *slots = memory_zeroed(cap, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].used)
            insert(slots, cap, m->slots[i].key, m->slots[i].value);
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return true;
}

bool map_reserve(struct map *m, size_t n)
{
    size_t cap = m->cap ? m->cap : FIRST_CAP;

    while (cap / 4 * 3 < n)
        cap *= 2;
    return cap == m->cap || resize(m, cap);
}

bool map_put(struct map *m, uint64_t key, uint32_t value)
{
    uint32_t *there = map_find(m, key);

    if (there) {
        *there = value;
        return true;
    }
    if (m->limit && m->n >= m->limit)
        return false;
    if ((m->n + 1) * 4 > m->cap * 3 && !resize(m, m->cap ? m->cap * 2 : FIRST_CAP))
        return false;
    insert(m->slots, m->cap, key, value);
    m->n++;
    return true;
}

bool map_prune(struct map *m, bool (*keep)(uint64_t key, uint32_t value, void *ctx), void *ctx)
{
    struct map kept = { .limit = m->limit };

    if (m->n && !resize(&kept, m->cap))
        return false;
    for (size_t i = 0; i < kept.cap; i++)
        if (m->slots[i].used && keep(m->slots[i].key, m->slots[i].value, ctx)) {
            insert(kept.slots, kept.cap, m->slots[i].key, m->slots[i].value);
            kept.n++;
        }
    map_done(m);
    *m = kept;
    return true;
}

bool map_next(const struct map *m, size_t *at, uint64_t *key, uint32_t *value)
{
    for (; *at < m->cap; ++*at)
        if (m->slots[*at].used) {
            *key = m->slots[*at].key;
            *value = m->slots[*at].value;
            ++*at;
            return true;
        }
    return false;
}
