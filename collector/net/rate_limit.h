/*
 * Token buckets by quota name: all who draw on one quota slow down together.
 *
 * A quota ("arm:<subscription>", "loganalytics:<principal>") is made when first named. rate_take waits (by
 * base/clock.h) until a token is there. After a throttling answer rate_penalize closes the bucket for everybody until
 * the server's time is over. The number of quotas is bounded; above it, new names share one bucket.
 *
 * Thread-safety: all functions, any thread.
 */
#ifndef NET_RATE_LIMIT_H
#define NET_RATE_LIMIT_H

#include "collector/base/err.h"
#include "collector/base/sv.h"

enum { RATE_QUOTAS_MAX = 4096 };

struct rate_limits;

MUST_USE struct rate_limits *rate_limits_new(void);
void rate_limits_free(struct rate_limits *r);

/* Takes one token of `quota`, which holds at most `burst` and regains `per_s` a second. Waits at most `max_wait_ms`:
 * then ERR_THROTTLED with retry_after_ms set. ERR_CANCELLED after rate_limits_cancel. */
MUST_USE enum err_code rate_take(struct rate_limits *r, sv quota, double burst, double per_s, int64_t max_wait_ms,
                                 struct err *e);
void rate_penalize(struct rate_limits *r, sv quota, int64_t penalty_ms);
void rate_limits_cancel(struct rate_limits *r);

#endif
