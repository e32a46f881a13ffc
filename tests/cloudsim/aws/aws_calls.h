/*
 * The workload on AWS: which calls each minute of each deployment saw, and what an administrator did. Pure functions of
 * (world, place, minute, number), as the workload of Azure; only the calls of a minute are cached (bounded).
 *
 * Promises that truth and collectors rely on: a call is in the invocation log within 10 min of its end, in CloudTrail
 * within 15 min of its start; so are management events.
 *
 * Instants: unix nanoseconds in whole milliseconds. Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_AWS_CALLS_H
#define CLOUDSIM_AWS_CALLS_H

#include "tests/cloudsim/aws/aws.h"
#include "tests/cloudsim/minute_cache.h"
#include "tests/cloudsim/story.h"

enum aws_op {
    AWS_INVOKE,
    AWS_INVOKE_STREAM,
    AWS_CONVERSE,
    AWS_CONVERSE_STREAM,
    AWS_CHAT,
    AWS_RESPONSES,
    AWS_OPS, /* of runtime; a mantle call has AWS_CHAT or AWS_RESPONSES and tells neither */
};
struct aws_op_row {
    const char *name, *other_name; /* as the invocation log and CloudTrail spell it; the switch's second spelling */
    const char *label;             /* operation of the unified schema */
    bool streams, native;          /* native: of the four whose metrics are documented */
};
extern const struct aws_op_row aws_op_rows[AWS_OPS];

enum { AWS_ERRORS = 9, AWS_TIERS = 4 };
struct aws_error_row {
    const char *code; /* errorCode; NULL for success */
    enum outcome outcome;
    unsigned status;
};
extern const struct aws_error_row aws_error_rows[AWS_ERRORS]; /* [0] is success */
extern const char *const aws_tiers[AWS_TIERS];

struct aws_call {
    int64_t at;
    int64_t logged_at, trailed_at; /* when the invocation record and the CloudTrail event can be read; 0: never */
    uint64_t id_hi, id_lo;         /* request id */
    uint32_t latency_ms, ttft_ms;  /* ttft: of native streams that succeeded, else 0 */
    uint32_t input, output, cache_read, cache_write; /* 0 when it failed */
    uint8_t op, error, caller, served;               /* served: index in aws_regions */
    uint8_t tier, tier_served;                       /* the latter AWS_TIERS when it failed */
    bool long_context;
};

struct aws_minute {
    struct cached cached; /* place: the deployment */
    uint32_t n;
    struct aws_call calls[];
};

struct aws_workload;

/* Calls exist in minutes [first, last). NULL when memory is out. */
MUST_USE struct aws_workload *aws_workload_new(const struct aws_world *w, double calls_per_minute, int64_t first,
                                               int64_t last);
void aws_workload_free(struct aws_workload *l);
int64_t aws_workload_first(const struct aws_workload *l);
int64_t aws_workload_last(const struct aws_workload *l);

/* Never NULL unless memory is out; unref when done. */
const struct aws_minute *aws_minute(struct aws_workload *l, unsigned deployment, int64_t number);
void aws_minute_unref(const struct aws_minute *m);

static inline enum outcome aws_outcome(const struct aws_call *c)
{
    return aws_error_rows[c->error].outcome;
}

/* ---- management events ---- */

enum { AWS_EVENT_NAMES = 16, AWS_EVENTS_COUNTED = 9, AWS_EVENTS_MAX = 32 };
struct aws_event_name {
    const char *source, *name; /* "bedrock.amazonaws.com" */
    bool read_only;
};
/* The first AWS_EVENTS_COUNTED are writes of the two audited sources. */
extern const struct aws_event_name aws_event_names[AWS_EVENT_NAMES];

struct aws_event {
    int64_t at, visible;
    uint64_t id_hi, id_lo;
    uint8_t name, caller;
    bool failed;
};
/* Events of a place in that minute, in no order; returns how many. */
unsigned aws_events(const struct aws_world *w, const struct aws_workload *l, unsigned place, int64_t minute,
                    struct aws_event out[AWS_EVENTS_MAX]);

#endif
