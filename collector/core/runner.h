/*
 * The runner: what every source would repeat. It plans the window of a job from what the ledger has seen, polls, halves a window
 * that is too large, makes the frame durable, and knows how the job is doing.
 *
 * Ownership:     a task is its scheduler's; the instance it polls outlives it.
 * Thread-safety: task_poll from one thread per task at a time; the rest under the scheduler's lock.
 */
#ifndef CORE_RUNNER_H
#define CORE_RUNNER_H

#include "collector/core/spine.h"
#include "collector/net/retry.h"
#include "collector/sources/source.h"
#include "collector/sources/stats.h"

/* One configured source. */
struct instance {
    const struct source_ops *ops;
    struct source *source; /* NULL: it could not be opened, open_error says why */
    struct err open_error;
    struct source_env env;
    struct source_stats *stats;
    struct rate_limits *limits;
    int64_t initial_window_ms;
};

enum task_state { TASK_NEW, TASK_OK, TASK_CATCHING_UP, TASK_FAILING };

/* What is known of a task; copied out for pages and metrics. */
struct task_status {
    enum task_state state;
    bool sick, running;
    int64_t last_success_unix_nano, last_attempt_unix_nano, next_unix_nano;
    int64_t complete_until_unix_nano, server_now_unix_nano;
    int64_t poll_real_ms;
    uint64_t polls, failures, records;
    struct err error; /* of the last failure; code 0 when the last poll succeeded */
};

enum { HEALTH_SCOPE, HEALTH_SOURCE, HEALTHS };
struct health;

struct task {
    struct instance *instance;
    struct source_job job; /* its views point into `names` */
    struct arena names;
    struct retry retry;
    struct task_status status;
    int64_t due_mono;
    bool gone;      /* no longer among the source's jobs */
    bool asks_jobs; /* stands for a source whose jobs() failed: asks again */

    /* the scheduler's: what it shares with others, and up to which episode of theirs it has shown to be well itself */
    struct health *health[HEALTHS];
    unsigned trusted[HEALTHS];
    bool in_lane; /* while it runs */
};

/* Polls once (several windows when behind) and updates *status. Blocks. *more: there is a backlog, poll again soon. */
enum err_code task_poll(struct spine *s, const struct task *t, struct task_status *status, bool *more);

/* The window that a job would read at server time `now`; false: nothing to read yet. Pure but for what the ledger says. */
bool window_plan(struct ledger *l, sv source, const struct source_job *job, int64_t count_from, int64_t now,
                 struct window *out);

const char *task_state_name(enum task_state s);

#endif
