/*
 * Backoff with full jitter: the n-th wait is uniform in [0, min(cap, base * 2^n)], or the server's Retry-After plus up
 * to a tenth of it. Durations of base/clock.h.
 *
 * Thread-safety: none; one struct belongs to one task.
 */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "collector/base/err.h"

struct retry {
    int64_t base_ms, cap_ms; /* 0: 1 s and 5 min */
    unsigned failures;       /* in a row */
};

/* The wait before the next attempt after failure `e`; counts it. ERR_DENIED waits at least 5 min, ERR_CONFIG too. */
int64_t retry_after_failure(struct retry *r, const struct err *e);
void retry_success(struct retry *r);

#endif
