/*
 * A list of blocks, each twice as large as the one before up to 1 MiB; an object larger than a block gets one of
 * its own. Reset keeps one block, so that a poll that repeats allocates nothing.
 */
#include "collector/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/base/memory.h"

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

#if defined(__SANITIZE_ADDRESS__)
#define ONE_BY_ONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BY_ONE 1
#endif
#endif
#ifndef ONE_BY_ONE
#define ONE_BY_ONE 0
#endif

struct arena_block {
    struct arena_block *older;
    size_t size, used;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *a, size_t limit_bytes)
{
    *a = (struct arena){ .limit_bytes = limit_bytes };
}

void arena_reset(struct arena *a)
{
    while (a->head && (a->head->older || ONE_BY_ONE)) {
        struct arena_block *b = a->head;

        a->head = b->older;
        free(b);
    }
    if (a->head)
        a->head->used = 0;
    a->used_bytes = 0;
    a->failed = false;
}

void arena_done(struct arena *a)
{
    arena_reset(a);
    free(a->head);
    *a = (struct arena){ .limit_bytes = a->limit_bytes };
}

size_t arena_held(const struct arena *a)
{
    size_t bytes = 0;

    for (const struct arena_block *b = a->head; b; b = b->older)
        bytes += sizeof *b + b->size;
    return bytes;
}

static struct arena_block *add_block(struct arena *a, size_t need)
{
    size_t size = a->head ? a->head->size * 2 : FIRST_BLOCK;
    struct arena_block *b;

    size = size > LARGEST_BLOCK ? LARGEST_BLOCK : size;
    size = ONE_BY_ONE || size < need ? need : size;
    b = memory_raw(sizeof *b + size);
    if (!b)
        return NULL;
    b->older = a->head;
    b->size = size;
    b->used = 0;
    a->head = b;
    return b;
}

static void *refuse(struct arena *a)
{
    a->failed = true;
    return NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t limit = a->limit_bytes ? a->limit_bytes : ARENA_LIMIT_DEFAULT;
    struct arena_block *b = a->head;
    void *p;

    if (a->failed || size > limit || a->used_bytes > limit - size)
        return refuse(a);
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    size = size ? size : alignof(max_align_t);
    if (!b || ONE_BY_ONE || b->size - b->used < size)
        b = add_block(a, size);
    if (!b)
        return refuse(a);
    p = b->bytes + b->used;
    b->used += size;
    a->used_bytes += size;
    return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? refuse(a) : arena_alloc(a, bytes);
}

sv arena_copy(struct arena *a, sv s)
{
    char *p = arena_alloc(a, s.len + 1);

    if (!p)
        return (sv){ NULL, 0 };
    if (s.len)
        memcpy(p, s.at, s.len);
    return (sv){ p, s.len };
}

sv arena_lower(struct arena *a, sv s)
{
    sv copy = arena_copy(a, s);
    char *p = (char *)(uintptr_t)copy.at;

    for (size_t i = 0; i < copy.len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + ('a' - 'A'));
    return copy;
}

sv arena_printf(struct arena *a, const char *format, ...)
{
    va_list ap;
    int n;
    char *p;

    va_start(ap, format);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (!p)
        return (sv){ NULL, 0 };
    va_start(ap, format);
    vsnprintf(p, (size_t)n + 1, format, ap);
    va_end(ap);
    return (sv){ p, (size_t)n };
}

void *arena_grow(struct arena *a, void *items, size_t n, size_t *cap, size_t size)
{
    size_t want = *cap ? *cap * 2 : 16;
    void *p;

    if (n < *cap)
        return items;
    p = arena_array(a, want, size);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, items, n * size);
    *cap = want;
    return p;
}
