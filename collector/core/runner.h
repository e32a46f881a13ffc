/*
 * The runner: what every source would repeat. It plans the window of a job from what the ledger has seen, polls, halves a window
 * that is too large, makes the frame durable, and knows how the job is doing.
 *
 * Ownership:     a task is its scheduler's; the instance it polls outlives it.
 * Thread-safety: task_poll from one thread per task at a time; the rest under the scheduler's lock.
 */
#ifndef CORE_RUNNER_H
#define CORE_RUNNER_H

#include "collector/base/heartbeat.h"
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
    struct source_budget budget;
};

enum task_state { TASK_NEW, TASK_OK, TASK_CATCHING_UP, TASK_FAILING };

/* What is known of a task; copied out for pages and metrics. */
struct task_status {
    enum task_state state;
    bool sick, running;
    int64_t last_success_unix_nano, last_attempt_unix_nano, next_unix_nano;
    int64_t complete_until_unix_nano, server_now_unix_nano;
    int64_t read_until_unix_nano; /* the newest that was read, be there holes behind it */
    int64_t backlog_nano;         /* span behind the live one that is still to be read */
    int64_t catch_up_nano;        /* how long that will take, as the last minutes went; 0: unknown */
    int64_t poll_real_ms;
    uint64_t polls, failures, records;
    bool backlog_fails; /* `error` is that of the backlog; what is live goes on */
    struct err error;   /* of the last failure; code 0 when the last poll succeeded */

    /* control reads, which say nothing about the rest */
    bool control_waits; /* one is due */
    int64_t control_until_unix_nano[CONTROL_AGES];
    struct err control_error;
};

/* What a poll is to read. What is older never holds up what is new, so that the scheduler gives them turns of their own. TURN_SPARSE is
 * a live one of polls that are far apart: it takes along what is behind, when one window holds that too. */
enum task_turn { TURN_ALL, TURN_LIVE, TURN_BACKLOG, TURN_CONTROL, TURN_SPARSE };
static inline bool turn_is_behind(enum task_turn turn)
{
    return turn == TURN_BACKLOG || turn == TURN_CONTROL;
}

/* How the backlog was at the ends of the last polls, a quarter of a minute apart. */
enum { PROGRESS_POINTS = 20 };
struct progress {
    struct {
        int64_t mono, backlog_nano;
    } at[PROGRESS_POINTS];
    unsigned n;
};

enum { HEALTH_SCOPE, HEALTH_SOURCE, HEALTHS };
struct health;
struct purse;

struct task {
    struct instance *instance;
    struct source_job job; /* its views point into `names` */
    struct arena names;
    struct retry retry;
    struct task_status status;
    int64_t due_mono;
    bool gone; /* no longer among the source's jobs */
    enum task_turn turn;

    /* the backlog's turns */
    bool behind;
    int64_t behind_due_mono;
    struct retry behind_retry;
    struct progress progress;

    /* those of control reads */
    int64_t control_due_mono;
    struct retry control_retry;
    bool asks_jobs; /* stands for a source whose jobs() failed: asks again */

    struct heart heart; /* of the poll that runs */
    bool held;          /* it was due and had to wait for its source's budget */
    int64_t held_ms;    /* how long it had to before it ran last */

    /* the scheduler's: what it shares with others, and up to which episode of theirs it has shown to be well itself */
    struct health *health[HEALTHS];
    unsigned trusted[HEALTHS];
    struct purse *purse; /* its source's */
    bool in_lane;        /* while it runs */
};

/* Polls once (several windows when behind) what the task's turn is, and updates *status. Blocks. *more: there is a backlog. */
enum err_code task_poll(struct spine *s, const struct task *t, struct task_status *status, bool *more);

/* The window that a job would read at server time `now`; false: nothing to read yet. Pure but for what the ledger says. */
bool window_plan(struct ledger *l, sv source, const struct source_job *job, enum task_turn turn, int64_t count_from,
                 int64_t now, struct window *out);

/* The hours that a job would read once more at server time `now`, and at which age; false: none yet. */
bool control_plan(struct ledger *l, sv source, const struct source_job *job, int64_t count_from, int64_t now,
                  struct window *out, int *age);

/* Takes a point and tells how long the rest will take: 0 when nothing is left or nobody knows. */
int64_t progress_note(struct progress *p, int64_t backlog_nano, int64_t mono);

const char *task_state_name(enum task_state s);

#endif
