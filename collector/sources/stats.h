/*
 * What a source's calls cost and how they ended, and what its servers' clocks say. One per source instance.
 *
 * Thread-safety: all functions, any thread.
 */
#ifndef SOURCES_STATS_H
#define SOURCES_STATS_H

#include "collector/base/err.h"
#include "collector/base/sv.h"

enum { STATS_APIS_MAX = 64 };

struct api_stats {
    const char *name;
    uint64_t calls;           /* requests sent, repeats included */
    uint64_t ends[ERR_CODES]; /* how they ended */
    uint64_t received_bytes;  /* on the wire */
    int64_t usd_nano;         /* list price */
};

struct source_stats;

MUST_USE struct source_stats *source_stats_new(void);
void source_stats_free(struct source_stats *s);

/* Counts one request. `name` is a constant that outlives the stats. */
void source_stats_call(struct source_stats *s, const char *name, enum err_code end, size_t wire_bytes,
                       int64_t usd_nano);

/* Copies at most `max` rows, in order of first use. */
size_t source_stats_apis(struct source_stats *s, struct api_stats *out, size_t max);

/* The server's Date (whole seconds) against our clock at that moment. */
void source_stats_date(struct source_stats *s, int64_t server_unix_nano, int64_t our_unix_nano);
int64_t
source_stats_skew(struct source_stats *s); /* server minus ours; 0 when it is within the Date header's resolution */

#endif
