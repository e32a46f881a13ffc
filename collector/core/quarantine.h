/*
 * What the quarantine may take: so many bytes of each source and hour. Beyond that an item keeps its place, its reason and its
 * count, but not its bytes, so that an error storm cannot push data out of the journal.
 *
 * Thread-safety: pure.
 */
#ifndef CORE_QUARANTINE_H
#define CORE_QUARANTINE_H

#include "collector/ledger/ledger.h"

enum { QUARANTINE_BYTES_PER_H = 4 << 20 };

/* `hours`: what the source has spent; how many items lost their bytes. */
size_t quarantine_bound(struct frame *f, const struct spent hours[SPENT_HOURS], int64_t now_unix_nano);

#endif
