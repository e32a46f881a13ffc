/*
 * Control reads: hours that are read again, coarsely, long after their fine buckets were given up.
 */
#include "collector/ledger/internal.h"

/* The first two find what comes within the day, by few hours at once so that it is seen soon. */
const struct control_age control_ages[CONTROL_AGES] = {
    { "1h", 1, 1 },
    { "6h", 6, 6 },
    { "24h", 24, 24 },
    { "72h", 72, 24 },
};
