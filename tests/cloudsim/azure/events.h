/*
 * What happens besides model calls: operations on the control plane (Activity Log), keys listed (Audit category), and
 * rows of the log workspace that are no inference: lists and gets of the data plane, another service's audit rows. Pure
 * functions of (world, place, minute), like the workload, and bounded by the same first and last minute.
 *
 * Promises: an Activity Log event is visible 3 to 20 min after it happened; these log rows arrive within 10 min.
 * Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_EVENTS_H
#define CLOUDSIM_EVENTS_H

#include "tests/cloudsim/azure/workload.h"

enum activity_status { ACT_STARTED, ACT_ACCEPTED, ACT_SUCCEEDED, ACT_FAILED, ACT_ACTIVE, ACT_NONE, ACT_STATUSES };
enum activity_outcome { AUDIT_STARTED, AUDIT_SUCCESS, AUDIT_FAILURE, AUDIT_UNKNOWN, AUDIT_OUTCOMES };
enum { ACTIVITY_OPS = 14, ACTIVITY_COUNTED = 9, EVENTS_PER_MINUTE_MAX = 64, NOISE_OPS = 8 };

struct activity_op {
    const char *provider, *operation, *type, *suffix; /* suffix: below the account's id */
};
extern const struct activity_op
    activity_ops[ACTIVITY_OPS]; /* the first ACTIVITY_COUNTED are of the three audited providers */
extern const char *const activity_status_values[ACT_STATUSES]; /* NULL: value is null */
extern const enum activity_outcome activity_outcomes[ACT_STATUSES];
extern const char *const activity_outcome_names[AUDIT_OUTCOMES];

struct activity {
    int64_t at, visible;
    unsigned op, account;
    enum activity_status status;
    bool begins;
    uint8_t caller;
    uint64_t id_hi, id_lo, group_hi, group_lo; /* eventDataId; correlationId of the operation */
};

/* Events whose operation began in that minute; they may end up to a minute later. */
unsigned activity_of(const struct world *w, const struct workload *l, unsigned sub, int64_t minute,
                     struct activity out[EVENTS_PER_MINUTE_MAX]);

struct audit_row {
    int64_t at, arrives, again_at;
    uint8_t caller;
    uint64_t id_hi, id_lo;
};
/* At most one a minute for each account that exports the Audit category. */
bool audit_of(const struct world *w, const struct workload *l, unsigned account, int64_t minute, struct audit_row *out);

extern const char *const noise_ops[NOISE_OPS];
struct noise_row {
    int64_t at, arrives;
    uint8_t op, caller;
    unsigned status;
    uint32_t duration_ms;
    uint64_t id_hi, id_lo;
};
uint32_t noise_count(const struct world *w, const struct workload *l, unsigned account, int64_t minute);
void noise_of(const struct world *w, unsigned account, int64_t minute, uint32_t k, struct noise_row *out);

/* Rows of a key vault that shares the workspace: none, or one a minute. */
bool foreign_of(const struct world *w, const struct workload *l, unsigned workspace, int64_t minute,
                struct noise_row *out);

#endif
