/*
 * Memory: malloc's kin for what must know afterwards whether memory was out.
 *
 * Most code only needs the NULL. Who does many things in a row, and must not take a state with a piece missing for a whole one (a
 * fold, a snapshot), compares memory_refusals() before and after. Arenas, bufs and maps allocate through here.
 *
 * Ownership:     the caller's, given back with free().
 * Thread-safety: any thread; refusals are counted per thread.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

void *memory_raw(size_t bytes);              /* as malloc */
void *memory_zeroed(size_t n, size_t size);  /* as calloc */
void *memory_resized(void *p, size_t bytes); /* as realloc */

/* A library that this thread called was refused some. */
void memory_note_refusal(void);

/* How often this thread was refused memory by or beside the functions above, since it began. */
uint64_t memory_refusals(void);

#endif
