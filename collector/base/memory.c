/* One counter per thread beside the C library's functions: a lock or a callback would be more than the question needs. */
#include "collector/base/memory.h"

#include <stdlib.h>

static _Thread_local uint64_t refusals;

static void *noted(void *p)
{
    refusals += p == NULL;
    return p;
}

void *memory_raw(size_t bytes)
{
    return noted(malloc(bytes));
}

void *memory_zeroed(size_t n, size_t size)
{
    return noted(calloc(n, size));
}

void *memory_resized(void *p, size_t bytes)
{
    return noted(realloc(p, bytes));
}

void memory_note_refusal(void)
{
    refusals++;
}

uint64_t memory_refusals(void)
{
    return refusals;
}
