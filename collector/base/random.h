/*
 * The one source of randomness of what is not TLS: ids of journal segments, keys, the seed of the jitter. Behind a
 * table, so that a test gets the same ids again or none at all.
 *
 * Thread-safety: all from any thread; random_set belongs into start-up or tests.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "collector/base/err.h"

struct random_source {
    int (*bytes)(void *out, size_t n); /* all of them, or -1 and errno */
};

extern const struct random_source random_system;

/* NULL: the system's. Borrowed. */
void random_set(const struct random_source *s);

/* Fit for secrets. False: there was none, and `out` is not to be used. */
MUST_USE bool random_bytes(void *out, size_t n);

/* Never 0, never fails (without randomness the clock has to do): for ids that must only differ. */
uint64_t random_id(void);

#endif
