/*
 * The workload on Google Cloud: which calls each minute of each deployment saw, and what administrators did. Pure
 * functions of (world, place, minute, number), as the workloads of the other clouds; only the calls of a minute are
 * cached (bounded).
 *
 * Promises that truth and collectors rely on: an audit entry is received at most 5 min after its timestamp and can be
 * read at most 3 min after that; the last entry of a call or of an operation is timed at most 5 min after its begin.
 *
 * Instants: unix nanoseconds. Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_GCP_CALLS_H
#define CLOUDSIM_GCP_CALLS_H

#include "tests/cloudsim/gcp/gcp.h"
#include "tests/cloudsim/minute_cache.h"
#include "tests/cloudsim/story.h"

enum gcp_method {
    GCP_CHAT,
    GCP_GENERATE,
    GCP_STREAM_GENERATE,
    GCP_RAW,
    GCP_STREAM_RAW,
    GCP_EMBED,
    GCP_PREDICT,
    GCP_METHODS,
};
struct gcp_method_row {
    const char *name;  /* label `method`, and the end of methodName */
    const char *label; /* operation of the unified schema */
    bool streams;      /* always; ChatCompletions may */
};
extern const struct gcp_method_row gcp_methods[GCP_METHODS];

enum { GCP_STATUSES = 10, GCP_TIERS = 3 };
struct gcp_status_row {
    unsigned http; /* label response_code */
    enum outcome outcome;
    unsigned rpc;         /* status.code of the audit entry */
    const char *category; /* label error_category; "" of success */
    const char *message;
};
extern const struct gcp_status_row gcp_statuses[GCP_STATUSES]; /* [0] is success */
extern const char *const gcp_tiers[GCP_TIERS];                 /* label request_type */

/* Values of label `type`; what they are worth is the call's own. */
enum gcp_token_type {
    GCP_INPUT,
    GCP_CACHE_READ,
    GCP_CACHE_WRITE,
    GCP_CACHE_WRITE_1H,
    GCP_TOOL_USE, /* a type that nobody documents: no part of input or output */
    GCP_OUTPUT,
    GCP_TOKEN_TYPES,
};
extern const char *const gcp_token_types[GCP_TOKEN_TYPES];

/* When an audit entry is timed, received, and readable; all 0: there is none. */
struct gcp_times {
    int64_t at, received, visible;
};

/* How entries tell of a stream: one entry without `operation`, one that is first and last, or one of each. */
enum gcp_operation { GCP_WHOLE, GCP_FIRST_AND_LAST, GCP_TWO_ENTRIES };

struct gcp_call {
    int64_t at;
    struct gcp_times first, last; /* first: only of GCP_TWO_ENTRIES; last: the one that has the status */
    uint64_t id_hi, id_lo;
    uint32_t latency_ms, overhead_ms, ttft_ms; /* ttft: of streams that succeeded, else 0 */
    uint32_t tokens[GCP_TOKEN_TYPES];          /* 0 when it failed */
    uint8_t method, status, tier, caller, operation;
    bool console; /* made in the console: in no metric, and named `.internal.` in the audit log */
    bool cached;  /* told to cache explicitly */
    bool v1beta1; /* of two versions of the API */
};

struct gcp_minute {
    struct cached cached; /* place: the deployment */
    uint32_t n;
    struct gcp_call calls[];
};

/* Calls exist in minutes [first, last). NULL when memory is out. */
MUST_USE struct gcp_workload *gcp_workload_new(const struct gcp_world *w, double calls_per_minute, int64_t first,
                                               int64_t last);
void gcp_workload_free(struct gcp_workload *l);
int64_t gcp_workload_first(const struct gcp_workload *l);
int64_t gcp_workload_last(const struct gcp_workload *l);

/* NULL when memory is out, and outside of the workload; unref when done (NULL is fine). */
const struct gcp_minute *gcp_minute(struct gcp_workload *l, unsigned deployment, int64_t number);
void gcp_minute_unref(const struct gcp_minute *m);

static inline enum outcome gcp_outcome(const struct gcp_call *c)
{
    return gcp_statuses[c->status].outcome;
}

/* ---- administration (log activity), and reads by others (log data_access) ---- */

enum { GCP_EVENT_NAMES = 18, GCP_EVENTS_COUNTED = 14, GCP_EVENTS_MAX = 32, GCP_NOISE_NAMES = 5 };
struct gcp_event_name {
    const char *service, *method; /* "aiplatform.googleapis.com"; whole methodName */
    bool slow;                    /* an operation that takes time: an entry when it begins, one when it ends */
};
/* The first GCP_EVENTS_COUNTED are of those that are audited. */
extern const struct gcp_event_name gcp_event_names[GCP_EVENT_NAMES], gcp_noise_names[GCP_NOISE_NAMES];

struct gcp_event {
    struct gcp_times first, last; /* first: all 0 when there is one entry only */
    uint64_t id_hi, id_lo;
    uint8_t name, caller;
    bool failed, with_last; /* with_last: the one entry is marked first and last */
};
/* Events of a project that began in that minute, in no order; returns how many. */
unsigned gcp_events(const struct gcp_world *w, const struct gcp_workload *l, unsigned project, int64_t minute,
                    struct gcp_event out[GCP_EVENTS_MAX]);
/* Reads that are no predictions; `name` is in gcp_noise_names. */
unsigned gcp_noise(const struct gcp_world *w, const struct gcp_workload *l, unsigned project, int64_t minute,
                   struct gcp_event out[GCP_EVENTS_MAX]);

#endif
