/*
 * What every source does alike with its jobs, its client and its opening; what differs stays in the cloud's folder.
 *
 * Ownership: texts of jobs live in the list's arena or are constants. Errors: false or NULL at the arena's limit (a view
 * without `at` is one that found no room), to be told by jobs_listed. Thread-safety: none.
 */
#ifndef SOURCES_JOBS_H
#define SOURCES_JOBS_H

#include <pthread.h>

#include "collector/sources/source.h"

/* What a section of the configuration says of one windowed reading; members that it has no key for are 0. */
struct timings {
    int64_t interval_ms, delay_ms, lookback_ms, settle_ms;
    bool control; /* counts are asked for once more by the hour */
};

/* What the cloud sets: whole buckets, how much one window may hold, how long it is kept. */
struct reach {
    int64_t grain_ms, span_ms, retention_ms;
};
#define SECONDS(n) ((int64_t)(n)*1000)
#define MINUTES(n) SECONDS((n)*60)
#define HOURS(n)   MINUTES((n)*60)
#define DAYS(n)    HOURS((n)*24)

/* Rows of an option table. `at`: the struct that the table fills; its member `when` is a struct timings. */
#define OPTION_MS(at, member, key, otherwise, least, most, says)                                                       \
    {                                                                                                                  \
        .name = (key), .type = OPT_DURATION, .offset = offsetof(struct at, member), .dflt = (otherwise),               \
        .min = (least), .max = (most), .unit = "ms", .help = (says)                                                    \
    }
#define OPTION_INTERVAL(at, otherwise, least, most, says)                                                              \
    OPTION_MS(at, when.interval_ms, "interval", otherwise, least, most, says)
#define OPTION_DELAY(at, otherwise, least, says) OPTION_MS(at, when.delay_ms, "delay", otherwise, least, 36e5, says)
#define OPTION_LOOKBACK(at, otherwise, says)     OPTION_MS(at, when.lookback_ms, "lookback", otherwise, 6e4, 864e5, says)
#define OPTION_SETTLE(at, otherwise, says)       OPTION_MS(at, when.settle_ms, "settle", otherwise, 6e4, 864e5, says)

#define OPTION_CONTROL(at, says)                                                                                       \
    {                                                                                                                  \
        .name = "control", .type = OPT_BOOL, .offset = offsetof(struct at, when.control), .dflt = "true",              \
        .help = (says)                                                                                                 \
    }

/* The row `budget` of every source's table; the struct has a member `budget` of struct source_budget. */
extern const struct option budget_options[];
#define OPTION_BUDGET(at)                                                                                              \
    {                                                                                                                  \
        .name = "budget", .type = OPT_SECTION, .offset = offsetof(struct at, budget), .sub = budget_options,           \
        .help = "What the calls to this source may cost: above it polling is stretched, and never stops."              \
    }

/* A snapshot's group is its signal. */
struct source_job *job_snapshot(struct job_list *l, sv scope, const char *group, int64_t interval_ms, bool discovers);
/* The span is never shorter than the look-back and one bucket more: a window that is cut leaves out its newest part. */
struct source_job *job_windowed(struct job_list *l, sv scope, sv group, const char *signal, const struct timings *when,
                                const struct reach *reach);
/* Says that a job's counts can be asked for by the hour, as job_windowed does by its timings. NULL gives NULL. */
struct source_job *job_controlled(struct source_job *j);
/* What a discovery has found before is gone when three in a row do not find it: a passing fault may be answered with a list that is
 * short or empty, and what is dropped loses its state. */
void listed_again(bool *listed, unsigned *missed, bool found);

/* How a list of jobs ends. */
MUST_USE enum err_code jobs_listed(bool ok, struct err *e);

/* Spans that fall out of the look-back before they are settled would never be complete. `section`: "metrics". */
MUST_USE enum err_code timings_check(const struct timings *when, const char *section, struct err *e);

/* A client of our own, which trusts what our endpoints' section names, put into *env as well. */
MUST_USE enum err_code source_client(const char *ca_file, bool allow_plain, struct source_env *env,
                                     struct http_client **out, struct err *e);

/* How open() begins: a zeroed instance of `size`, whose first member is its struct source. NULL when memory is out. */
void *source_new(size_t size, const struct source_ops *ops, const struct source_env *env, struct err *e);

/* How close() ends. */
void source_free(void *instance, struct http_client *http, pthread_mutex_t *lock);

/* How open() ends: with the source, or with its close() and an error that names it. */
struct source *source_opened(struct source *s, enum err_code code, struct err *e);

#endif
