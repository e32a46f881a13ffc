/*
 * One lock around a list of tasks; a worker takes the one due longest. Lists are hundreds long, so a linear look is right.
 */
#include "collector/core/scheduler.h"

#include <pthread.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/log.h"

enum { SICK_AFTER = 2, AGAIN_SOON_MS = 100, TASKS_MAX = 100000 };

struct scheduler {
    struct spine *spine;
    struct instance *const *instances;
    size_t n_instances;
    pthread_t *workers;
    unsigned n_workers;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct task **tasks;
    size_t n_tasks, cap_tasks;
    unsigned sick_running;
    uint64_t changes;
    bool stopping;
};

/* ---- the list ---- */

static void task_free(struct task *t)
{
    if (t)
        arena_done(&t->names);
    free(t);
}

static struct task *task_new(struct instance *in, const struct source_job *job)
{
    struct task *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    arena_init(&t->names, 64 << 10);
    t->instance = in;
    t->job = *job;
    t->job.scope = arena_copy(&t->names, job->scope);
    t->job.group = arena_copy(&t->names, job->group);
    t->job.signal = arena_copy(&t->names, job->signal);
    t->retry.base_ms = 2000;
    t->retry.cap_ms = job->interval_ms > 300000 ? job->interval_ms : 300000;
    /* A little apart, so that a start is no storm. */
    t->due_mono = clock_mono() + (int64_t)(clock_random() * 1000) * NANO_PER_MS;
    return t;
}

static struct task *find(struct scheduler *s, const struct instance *in, const struct source_job *job)
{
    for (size_t i = 0; i < s->n_tasks; i++)
        if (s->tasks[i]->instance == in && sv_eq(s->tasks[i]->job.scope, job->scope) &&
            sv_eq(s->tasks[i]->job.group, job->group))
            return s->tasks[i];
    return NULL;
}

static bool add(struct scheduler *s, struct instance *in, const struct source_job *job)
{
    struct task *t;

    if (s->n_tasks == s->cap_tasks) {
        size_t cap = s->cap_tasks ? s->cap_tasks * 2 : 64;
        struct task **p = cap <= TASKS_MAX ? realloc(s->tasks, cap * sizeof(struct task *)) : NULL;

        if (!p)
            return false;
        s->tasks = p;
        s->cap_tasks = cap;
    }
    t = task_new(in, job);
    if (!t)
        return false;
    s->tasks[s->n_tasks++] = t;
    return true;
}

/* The views of a known job stay its own; the numbers are taken over. */
static void update(struct task *t, const struct source_job *job)
{
    struct source_job own = *job;

    own.scope = t->job.scope;
    own.group = t->job.group;
    own.signal = t->job.signal;
    t->job = own;
    t->gone = false;
}

static void drop_gone(struct scheduler *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_tasks; i++)
        if (s->tasks[i]->gone && !s->tasks[i]->status.running)
            task_free(s->tasks[i]);
        else
            s->tasks[n++] = s->tasks[i];
    s->n_tasks = n;
}

/* Asks a source for its jobs and brings the list in step. Takes the lock only for that. */
static enum err_code refresh(struct scheduler *s, struct instance *in, struct err *e)
{
    struct arena arena;
    struct job_list list = { .arena = &arena };
    enum err_code code;

    arena_init(&arena, 32 << 20);
    code = in->ops->jobs(in->source, &list, e);
    if (code) {
        arena_done(&arena);
        return code;
    }
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_tasks; i++)
        s->tasks[i]->gone |= s->tasks[i]->instance == in;
    for (size_t i = 0; i < list.n; i++) {
        struct task *t = find(s, in, &list.at[i]);

        if (t)
            update(t, &list.at[i]);
        else if (!add(s, in, &list.at[i]))
            code = err_set(e, ERR_LIMIT, "more than %d jobs", TASKS_MAX);
    }
    drop_gone(s);
    s->changes++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    arena_done(&arena);
    return code;
}

/* ---- the workers ---- */

static bool sick_lane_full(const struct scheduler *s)
{
    unsigned quarter = s->n_workers / 4;

    return s->sick_running >= (quarter ? quarter : 1);
}

/* The task due longest that may run now; *wake gets when to look again. Under the lock. */
static struct task *pick(struct scheduler *s, int64_t now, int64_t *wake)
{
    struct task *best = NULL;

    *wake = now + 60 * NANO_PER_S;
    for (size_t i = 0; i < s->n_tasks; i++) {
        struct task *t = s->tasks[i];

        if (t->status.running || t->gone || (t->status.sick && sick_lane_full(s)))
            continue;
        if (t->due_mono > now)
            *wake = t->due_mono < *wake ? t->due_mono : *wake;
        else if (!best || t->due_mono < best->due_mono)
            best = t;
    }
    return best;
}

static void log_end(const struct task *t, const struct task_status *was, const struct task_status *is)
{
    const char *cloud = t->instance->ops->name;

    if (is->state == TASK_FAILING)
        log_warn(cloud, "%s", is->error.text);
    else if (was->state == TASK_FAILING)
        log_info(cloud, "%.*s: %.*s: %.*s: works again", SV_ARG(t->instance->env.id), SV_ARG(t->job.scope),
                 SV_ARG(t->job.group));
}

static void plan_next(struct task *t, struct task_status *is, enum err_code code, bool more)
{
    int64_t wait_ms = more ? AGAIN_SOON_MS : t->job.interval_ms;

    if (code) {
        wait_ms = retry_after_failure(&t->retry, &is->error);
    } else {
        retry_success(&t->retry);
    }
    is->sick = t->retry.failures >= SICK_AFTER;
    t->due_mono = clock_mono() + wait_ms * NANO_PER_MS;
    is->next_unix_nano = clock_now() + wait_ms * NANO_PER_MS;
}

/* Runs one task without the lock, on a copy: a discovery that ends meanwhile may change the numbers of its job. */
static void run(struct scheduler *s, struct task *t)
{
    const struct task polled = *t;
    struct task_status was = t->status, is = t->status;
    int64_t began = clock_mono();
    struct err e = { 0 };
    enum err_code code;
    bool more;

    pthread_mutex_unlock(&s->lock);
    code = task_poll(s->spine, &polled, &is, &more);
    is.poll_real_ms = (int64_t)((double)(clock_mono() - began) / 1e6 / clock_speed());
    if (code == ERR_OK && polled.job.discovers && refresh(s, t->instance, &e))
        log_warn(t->instance->ops->name, "%.*s: jobs: %s", SV_ARG(t->instance->env.id), e.text);
    pthread_mutex_lock(&s->lock);
    if (code != ERR_CANCELLED)
        log_end(t, &was, &is);
    plan_next(t, &is, code, more);
    is.running = false;
    s->sick_running -= was.sick;
    t->status = is;
    s->changes++;
    if (t->gone)
        drop_gone(s);
    pthread_cond_broadcast(&s->changed);
}

static void *worker(void *arg)
{
    struct scheduler *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        int64_t wake;
        struct task *t = pick(s, clock_mono(), &wake);

        if (!t) {
            (void)clock_wait(&s->changed, &s->lock, wake);
            continue;
        }
        s->sick_running += t->status.sick;
        t->status.running = true;
        run(s, t);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- start and end ---- */

struct scheduler *scheduler_start(struct spine *spine, struct instance *const *instances, size_t n, unsigned threads,
                                  struct err *e)
{
    struct scheduler *s = calloc(1, sizeof *s);

    if (s)
        s->workers = calloc(threads, sizeof *s->workers);
    if (!s || !s->workers) {
        free(s);
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    s->spine = spine;
    s->instances = instances;
    s->n_instances = n;
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->changed);
    for (size_t i = 0; i < n; i++)
        if (instances[i]->source && refresh(s, instances[i], e)) {
            scheduler_stop(s);
            return NULL;
        }
    for (; s->n_workers < threads; s->n_workers++)
        if (pthread_create(&s->workers[s->n_workers], NULL, worker, s) != 0) {
            err_set(e, ERR_LIMIT, "cannot start poll thread %u of %u", s->n_workers + 1, threads);
            scheduler_stop(s);
            return NULL;
        }
    return s;
}

void scheduler_stop(struct scheduler *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < s->n_instances; i++)
        if (s->instances[i]->source) {
            if (s->instances[i]->ops->cancel)
                s->instances[i]->ops->cancel(s->instances[i]->source);
            rate_limits_cancel(s->instances[i]->env.limits);
        }
    for (unsigned i = 0; i < s->n_workers; i++)
        pthread_join(s->workers[i], NULL);
    for (size_t i = 0; i < s->n_tasks; i++)
        task_free(s->tasks[i]);
    free(s->tasks);
    free(s->workers);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- views ---- */

static struct task_view view_of(const struct task *t, struct arena *a)
{
    return (struct task_view){ .source = arena_copy(a, t->instance->env.id),
                               .cloud = sv_of(t->instance->ops->name),
                               .scope = arena_copy(a, t->job.scope),
                               .group = arena_copy(a, t->job.group),
                               .signal = arena_copy(a, t->job.signal),
                               .kind = t->job.kind,
                               .interval_ms = t->job.interval_ms,
                               .expected_lag_ms =
                                   t->job.delay_ms + t->job.interval_ms +
                                   (t->job.settle_ms > t->job.delay_ms ? t->job.settle_ms - t->job.delay_ms : 0),
                               .status = t->status };
}

struct task_view *scheduler_tasks(struct scheduler *s, struct arena *arena, size_t *n)
{
    struct task_view *out;

    pthread_mutex_lock(&s->lock);
    out = ARENA_ARRAY(arena, struct task_view, s->n_tasks + 1);
    *n = out ? s->n_tasks : 0;
    for (size_t i = 0; i < *n; i++)
        out[i] = view_of(s->tasks[i], arena);
    pthread_mutex_unlock(&s->lock);
    return out;
}

uint64_t scheduler_changes(struct scheduler *s)
{
    uint64_t n;

    pthread_mutex_lock(&s->lock);
    n = s->changes;
    pthread_mutex_unlock(&s->lock);
    return n;
}
