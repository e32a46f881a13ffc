/*
 * A leaky bucket, run over the hours in their order: at the end of each, what was paid for reaches to
 *     max(where it reached, begin of the hour) + its cost,
 * so that what an hour left unspent ends with it. An hour that lies ahead (the clock was set back) counts as the present one.
 */
#include "collector/core/pace.h"

#include "collector/base/clock.h"

#define DAY_NANO (24 * (double)NANO_PER_H)

bool pace_is_set(const struct source_budget *b)
{
    return b->calls_per_day > 0 || b->usd_per_day > 0;
}

static double share(const struct source_budget *b, double calls, double usd_nano)
{
    double by_calls = b->calls_per_day > 0 ? calls / (double)b->calls_per_day : 0;
    double by_usd = b->usd_per_day > 0 ? usd_nano / (b->usd_per_day * 1e9) : 0;

    return by_calls > by_usd ? by_calls : by_usd;
}

int64_t pace_cost(const struct source_budget *b, int64_t calls, int64_t usd_nano)
{
    double days = share(b, (double)calls, (double)usd_nano);

    return (int64_t)((days < 1 ? days : 1) * DAY_NANO);
}

/* The place of the oldest hour that is not before `from`; SPENT_HOURS when there is none. */
static int oldest(const struct spent hours[SPENT_HOURS], int64_t from)
{
    int found = SPENT_HOURS;

    for (int i = 0; i < SPENT_HOURS; i++)
        if (hours[i].hour >= from && (found == SPENT_HOURS || hours[i].hour < hours[found].hour))
            found = i;
    return found;
}

int64_t pace_next(const struct source_budget *b, const struct spent hours[SPENT_HOURS], int64_t now)
{
    int64_t hour = now / NANO_PER_H, from = hour - SPENT_HOURS + 1, longest;
    double reached = -DAY_NANO; /* against the begin of the present hour: a double has no room for an instant */

    if (!pace_is_set(b))
        return INT64_MIN;
    for (int i; (i = oldest(hours, from)) < SPENT_HOURS; from = hours[i].hour + 1) {
        int64_t of = hours[i].hour < hour ? hours[i].hour : hour;
        double begin = (double)(of - hour) * (double)NANO_PER_H;

        reached = reached > begin ? reached : begin;
        reached += share(b, (double)hours[i].calls, (double)hours[i].usd_nano) * DAY_NANO;
    }
    reached = reached > 0 ? reached : 0;
    longest = now + (int64_t)DAY_NANO - hour * NANO_PER_H;
    return hour * NANO_PER_H + (reached < (double)longest ? (int64_t)reached : longest);
}

struct pace_sum pace_spent(const struct spent hours[SPENT_HOURS], int64_t now)
{
    int64_t hour = now / NANO_PER_H;
    double left = 1 - (double)(now % NANO_PER_H) / (double)NANO_PER_H;
    struct pace_sum sum = { 0 };

    for (int i = 0; i < SPENT_HOURS; i++) {
        double part = hours[i].hour == hour - SPENT_HOURS + 1 ? left : hours[i].hour > hour - SPENT_HOURS + 1 ? 1 : 0;

        sum.calls += part * (double)hours[i].calls;
        sum.usd += part * (double)hours[i].usd_nano / 1e9;
    }
    return sum;
}
