/*
 * The scheduler: which task is polled when, by a small pool of threads.
 *
 * Tasks are what the sources' jobs() tell, asked again after each discovery; a source whose jobs() fails has one task that
 * says so and asks again.
 *
 * The sick lane: sick tasks together get at most a quarter of the threads (but one) until they succeed, so that no dead endpoint
 * delays the others. Sick is a task that has failed twice in a row. When two polls of one (source, scope) have missed their
 * deadline, every task of that scope counts as sick until it has succeeded itself; so do all tasks of the source when
 * two of its scopes have come to that and nothing of it succeeded in between.
 *
 * A source with a budget is polled as its pace allows (pace.h): its jobs wait for their turn, those that are due longest first,
 * and what is live before a backlog, which has every other poll while the budget is scarce, and one to some dozens while threads are, so that it ends some day.
 *
 * Ownership:     instances are the caller's and outlive the scheduler.
 * Thread-safety: all functions, any thread.
 *
 * Threads: `threads` workers, started by scheduler_new, ended by scheduler_stop.
 */
#ifndef CORE_SCHEDULER_H
#define CORE_SCHEDULER_H

#include "collector/core/runner.h"

struct scheduler;

/* Ready to go, but nothing is polled before scheduler_go. A source whose jobs() fails is a task that fails, no error. */
MUST_USE struct scheduler *scheduler_new(struct spine *s, struct instance *const *instances, size_t n, unsigned threads,
                                         struct err *e);
void scheduler_go(struct scheduler *s);

/* Cancels running calls and waits for the workers; a source that does not let itself be cancelled keeps it waiting. What
 * scheduler_tasks tells stays as it was. */
void scheduler_stop(struct scheduler *s);

/* Stops it if need be. NULL is fine. */
void scheduler_free(struct scheduler *s);

struct task_view {
    sv source, cloud, scope, group, signal;
    enum job_kind kind;
    int64_t interval_ms, expected_lag_ms; /* the lag with what the budget adds to it */
    double stretch;                       /* actual over configured interval, 1 when no budget stretches it */
    struct task_status status;
    const char *stage; /* what its poll is about now; NULL: none runs */
    int64_t silent_ms; /* since when that is so */
};

/* Quota, retries and the slowest answer together keep a step of a poll for less than this: what takes longer does not end any
 * more, and only a restart frees its thread. */
enum { TASK_STUCK_MS = 30 * 60 * 1000 };
bool task_is_stuck(const struct task_view *t);
/* A line for each that is: whose it is, and its stage; no scope, since health is told to everybody. False: none. */
bool scheduler_tell_stuck(struct scheduler *s, struct buf *out);

/* Copies of all tasks into `arena`. NULL and 0 when memory is out. */
struct task_view *scheduler_tasks(struct scheduler *s, struct arena *arena, size_t *n);

/* How a source is doing with its budget: what was spent in 24 hours, and the largest stretch of its jobs. */
struct budget_view {
    double calls, usd, stretch;
};
struct budget_view scheduler_budget(struct ledger *l, sv source, const struct task_view *tasks, size_t n);

/* Grows when any task's state changed. */
uint64_t scheduler_changes(struct scheduler *s);

#endif
