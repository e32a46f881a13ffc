/*
 * Reserve: space that is set apart while there is some, so that what must be written on a full disk can be.
 *
 * A file of blocks named "reserve". Lending truncates it; keeping makes it anew as large as the disk allows (all, or a
 * half, a quarter, ...), so it comes back by itself. While it is lent nobody else should write: ask reserve_is_lent.
 *
 * Ownership:     reserve_open's result is the caller's. NULL is a reserve of nothing to all functions.
 * Thread-safety: all from any thread.
 */
#ifndef BASE_RESERVE_H
#define BASE_RESERVE_H

#include <stdint.h>

#include "collector/base/err.h"

struct reserve;

/* In an existing directory. A disk that is full or does not let us write now is no error. NULL: no memory. */
MUST_USE struct reserve *reserve_open(const char *dir, uint64_t bytes);
void reserve_close(struct reserve *r); /* the file stays */

/* Gives the space up. False: there was none. */
bool reserve_lend(struct reserve *r);
bool reserve_is_lent(struct reserve *r);

/* Ends the lending, and tries to have the whole again; without a lending at most every few seconds. */
void reserve_keep(struct reserve *r);

/* From now on at least that much is wanted. */
void reserve_want(struct reserve *r, uint64_t bytes);

/* What is set apart now. */
uint64_t reserve_bytes(struct reserve *r);

#endif
