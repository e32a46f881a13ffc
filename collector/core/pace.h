/*
 * Pace: when a source may be polled next, so that what it spends stays within its budget.
 *
 * Each call takes its share of the day: of 100 calls a day one takes 14.4 minutes. What was not spent is saved up for the rest of
 * the hour, no longer. All is computed from what the journal says was spent in the last 25 hours, so a restart grants nothing,
 * and another budget holds from its first reading on. What a single poll costs is known after it: a source that is over its
 * budget waits until that is paid off, though never longer than a day: it stretches and does not stop.
 *
 * Thread-safety: pure.
 */
#ifndef CORE_PACE_H
#define CORE_PACE_H

#include "collector/ledger/ledger.h"
#include "collector/sources/source.h"

bool pace_is_set(const struct source_budget *b);

/* How much of the day such a cost takes, in nanoseconds; 0 without a budget. */
int64_t pace_cost(const struct source_budget *b, int64_t calls, int64_t usd_nano);

/* The instant; it lies in the past by as much as is saved up. INT64_MIN without a budget. */
int64_t pace_next(const struct source_budget *b, const struct spent hours[SPENT_HOURS], int64_t now_unix_nano);

/* What was spent in the last 24 hours (by whole hours, of the oldest one the part that is not over). */
struct pace_sum {
    double calls, usd;
};
struct pace_sum pace_spent(const struct spent hours[SPENT_HOURS], int64_t now_unix_nano);

#endif
