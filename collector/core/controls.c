/*
 * When which hours are read once more. Each age has its own windows in the ledger, so that a restart goes on where they end. Hours
 * that are old enough for the next age already (after an outage, or a long start) are left to that one: each hour is asked for as
 * often as it tells something new. All jobs are a little apart, or each full hour would be a storm.
 */
#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/core/runner.h"

enum { SPREAD_MS = 10 * 60 * 1000 };

static int64_t next_hour(int64_t unix_nano)
{
    return clock_floor(unix_nano + NANO_PER_H - 1, NANO_PER_H);
}

static int64_t apart_nano(sv source, const struct source_job *job)
{
    uint64_t h = hash_part(hash_part(hash64(source), job->scope), job->group);

    return (int64_t)(h % SPREAD_MS) * NANO_PER_MS;
}

/* Whole spans that end here or before are old enough for this age: and nothing of them is read finely any more. */
static int64_t end_of(sv source, const struct source_job *job, int age, int64_t now)
{
    int64_t open = (job->lookback_ms + job->settle_ms) * NANO_PER_MS, old = control_ages[age].age_hours * NANO_PER_H;

    now -= job->delay_ms * NANO_PER_MS + (open > old ? open : old) + apart_nano(source, job);
    return clock_floor(now, control_ages[age].span_hours * NANO_PER_H);
}

static bool plan_age(struct ledger *l, sv source, const struct source_job *job, int age, int64_t oldest, int64_t now,
                     struct window *out)
{
    char room[CONTROL_GROUP_MAX];
    sv group = control_group(job->group, age, room);
    int64_t from = age + 1 < CONTROL_AGES ? end_of(source, job, age + 1, now) : oldest;
    int64_t to = end_of(source, job, age, now), span = control_ages[age].span_hours * NANO_PER_H;
    struct window w = { 0 }, unread;

    from = from > oldest ? from : oldest;
    if (from >= to || !ledger_first_hole(l, source, job->scope, group, from, to, &w))
        return false;
    span += clock_floor(w.from_unix_nano, span);
    w.to_unix_nano = w.to_unix_nano < span ? w.to_unix_nano : span;
    if (ledger_first_unsettled(l, source, job->scope, job->group, w.from_unix_nano, w.to_unix_nano, &unread))
        return false;
    out->from_unix_nano = w.from_unix_nano;
    out->to_unix_nano = w.to_unix_nano;
    out->control = true;
    return true;
}

bool control_plan(struct ledger *l, sv source, const struct source_job *job, int64_t count_from, int64_t now,
                  struct window *out, int *age)
{
    int64_t kept = job->retention_ms ? now - job->retention_ms * NANO_PER_MS : 0;
    int64_t oldest = next_hour(kept > count_from ? kept : count_from);

    if (!job->controls || job->kind != JOB_WINDOWED)
        return false;
    for (*age = 0; *age < CONTROL_AGES; ++*age)
        if (plan_age(l, source, job, *age, oldest, now, out))
            return true;
    return false;
}
