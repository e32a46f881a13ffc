/* Strings as numbers, so that a label set is a handful of integers. A hash collision (64 bits) would fold two strings into
 * one: the text is compared, and the second string then stays absent rather than wrong. */
#include <stdlib.h>

#include "collector/ledger/internal.h"

bool names_init(struct names *n)
{
    *n = (struct names){ 0 };
    map_init(&n->by_hash, 0);
    n->at = memory_zeroed(16, sizeof *n->at);
    n->len = memory_zeroed(16, sizeof *n->len);
    if (!n->at || !n->len)
        return false;
    n->at[0] = strdup("");
    n->n = 1;
    n->limit = NAMES_MAX;
    n->cap = 16;
    return n->at[0] != NULL;
}

void names_done(struct names *n)
{
    for (size_t i = 0; i < n->n; i++)
        free(n->at[i]);
    free(n->at);
    free(n->len);
    map_done(&n->by_hash);
}

sv names_sv(const struct names *n, name_id id)
{
    return id < n->n ? (sv){ n->at[id], n->len[id] } : SV_NONE;
}

name_id names_find(const struct names *n, sv s)
{
    uint32_t *id = s.len ? map_find(&n->by_hash, hash64(s)) : NULL;

    return id && sv_eq(names_sv(n, *id), s) ? *id : 0;
}

static bool names_grow(struct names *n)
{
    size_t cap = n->cap * 2;
    char **at = memory_resized(n->at, cap * sizeof *at);
    uint32_t *len;

    if (!at)
        return false;
    n->at = at;
    len = memory_resized(n->len, cap * sizeof *len);
    if (!len)
        return false;
    n->len = len;
    n->cap = cap;
    return true;
}

name_id names_add(struct names *n, sv s)
{
    name_id id = names_find(n, s);
    char *copy;

    if (id || s.len == 0 || map_find(&n->by_hash, hash64(s)))
        return id;
    if (n->n >= n->limit) {
        n->refused++;
        return 0;
    }
    if (n->n == n->cap && !names_grow(n)) {
        n->refused++;
        return 0;
    }
    copy = memory_raw(s.len + 1);
    if (!copy || !map_put(&n->by_hash, hash64(s), (uint32_t)n->n)) {
        free(copy);
        n->refused++;
        return 0;
    }
    memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    n->at[n->n] = copy;
    n->len[n->n] = (uint32_t)s.len;
    return (name_id)n->n++;
}

void *grow(void *items, size_t n, size_t *cap, size_t size)
{
    /* What is large mostly stays alone: a native series has one generation as a rule. */
    size_t first = size < 64 ? 16 : 1, want = *cap ? *cap * 2 : first;
    void *p;

    if (n < *cap)
        return items;
    p = memory_resized(items, want * size);
    if (!p)
        return NULL;
    memset((char *)p + *cap * size, 0, (want - *cap) * size);
    *cap = want;
    return p;
}
