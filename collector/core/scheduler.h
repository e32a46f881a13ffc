/*
 * The scheduler: which task is polled when, by a small pool of threads.
 *
 * Tasks are what the sources' jobs() tell, asked again after each discovery. A task that has failed twice in a row is sick: sick
 * tasks together get at most a quarter of the threads (but one) until they succeed, so that no dead endpoint delays the others.
 *
 * Ownership:     instances are the caller's and outlive the scheduler.
 * Thread-safety: all functions, any thread.
 *
 * Threads: `threads` workers, started by scheduler_start, ended by scheduler_stop.
 */
#ifndef CORE_SCHEDULER_H
#define CORE_SCHEDULER_H

#include "collector/core/runner.h"

struct scheduler;

MUST_USE struct scheduler *scheduler_start(struct spine *s, struct instance *const *instances, size_t n,
                                           unsigned threads, struct err *e);

/* Cancels running calls and waits for the workers. NULL is fine. */
void scheduler_stop(struct scheduler *s);

struct task_view {
    sv source, cloud, scope, group, signal;
    enum job_kind kind;
    int64_t interval_ms, expected_lag_ms;
    struct task_status status;
};

/* Copies of all tasks into `arena`. NULL and 0 when memory is out. */
struct task_view *scheduler_tasks(struct scheduler *s, struct arena *arena, size_t *n);

/* Grows when any task's state changed. */
uint64_t scheduler_changes(struct scheduler *s);

#endif
