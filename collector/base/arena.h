/*
 * Arena: many small objects, one lifetime.
 *
 * Use it for whatever dies together: a poll's records, a request's headers, a configuration. Objects are
 * never freed alone; arena_reset() forgets them all and keeps the first block for the next round.
 *
 * Ownership:     the caller owns struct arena; everything returned is borrowed from it.
 * Errors:        allocation returns NULL once `limit_bytes` is reached or memory is out, and keeps returning NULL.
 * Thread-safety: none; one arena, one thread.
 *
 * With -fsanitize=address every object gets a malloc of its own, so that the sanitizer sees each one.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdalign.h>

#include "collector/base/sv.h"

struct arena_block;

struct arena {
    struct arena_block *head; /* newest block */
    size_t limit_bytes;       /* 0 takes ARENA_LIMIT_DEFAULT */
    size_t used_bytes;        /* handed out since the last reset */
    bool failed;              /* something was refused since then: all later requests are, too */
};

enum { ARENA_LIMIT_DEFAULT = 64 << 20 };

void arena_init(struct arena *a, size_t limit_bytes);
void arena_reset(struct arena *a);
void arena_done(struct arena *a);

/* Bytes that it has of the heap, used or not. */
size_t arena_held(const struct arena *a);

/* Zeroed memory, aligned for any object. */
void *arena_alloc(struct arena *a, size_t size);
#define ARENA_NEW(arena, type)      ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_array((arena), (n), sizeof(type)))
void *arena_array(struct arena *a, size_t n, size_t size);

/* A copy that lives as long as the arena, terminated for the benefit of C interfaces (the NUL is not counted).
 * On failure: an empty view whose `at` is NULL. */
sv arena_copy(struct arena *a, sv s);
sv arena_lower(struct arena *a, sv s);
sv arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Grows an arena array to hold at least n+1 items of `size` (doubling, old items copied). NULL at the limit, and
 * then *cap and the old array stay as they were. */
void *arena_grow(struct arena *a, void *items, size_t n, size_t *cap, size_t size);

#endif
