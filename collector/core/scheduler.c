/*
 * One lock around a list of tasks; a worker takes the one due longest. Lists are hundreds long, so a linear look is right.
 */
#include "collector/core/scheduler.h"

#include <pthread.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/log.h"
#include "collector/core/memory.h"
#include "collector/core/pace.h"
#include "collector/core/purse.h"

/* A poll that failed after as long as source_call has patience has missed its deadline: it held its thread for nothing. */
enum {
    SICK_AFTER = 2,
    DEADLINE_MS = 20 * 1000,
    AGAIN_SOON_MS = 100,
    CONTROL_AGAIN_MS = 60 * 60 * 1000, /* an hour that fails is not worth more, and one that waits no longer */
    ASK_JOBS_EVERY_MS = 60 * 1000,
    TASKS_MAX = 100000,
    APART_MS = 100,         /* between the first polls of many jobs */
    FROZEN_MS = 120 * 1000, /* who wakes so much too late was stopped */
};

/* What the tasks of a scope, or of a source (scope empty), know of each other. Each time it is found sick is an episode. */
struct health {
    struct health *next;
    const struct instance *instance;
    char *scope;
    unsigned strikes, episode;
};

struct scheduler {
    struct spine *spine;
    struct instance *const *instances;
    size_t n_instances;
    pthread_t *workers;
    unsigned threads, n_workers; /* wanted, started */
    pthread_mutex_t lock;        /* guards what follows */
    pthread_cond_t changed;
    struct task **tasks;
    size_t n_tasks, cap_tasks;
    struct health *healths;
    struct purse *purses; /* of the instances */
    unsigned sick_running, backlog_running;
    uint64_t changes;
    bool going, stopping;
};

/* ---- health ---- */

static struct health *health_of(struct scheduler *s, const struct instance *in, sv scope)
{
    struct health *h;

    for (h = s->healths; h; h = h->next)
        if (h->instance == in && sv_eq(sv_of(h->scope), scope))
            return h;
    h = calloc(1, sizeof *h);
    if (h && !(h->scope = strndup(scope.len ? scope.at : "", scope.len))) {
        free(h);
        h = NULL;
    }
    if (!h)
        return NULL;
    h->instance = in;
    h->next = s->healths;
    s->healths = h;
    return h;
}

static bool is_sick_in(const struct task *t, enum task_turn turn)
{
    bool sick = (turn == TURN_BACKLOG   ? &t->behind_retry
                 : turn == TURN_CONTROL ? &t->control_retry
                                        : &t->retry)
                    ->failures >= SICK_AFTER;

    for (int k = 0; k < HEALTHS; k++)
        sick |= t->trusted[k] != t->health[k]->episode;
    return sick;
}

static bool is_sick(const struct task *t)
{
    return is_sick_in(t, TURN_LIVE);
}

/* A strike of a scope is a missed deadline, one of a source a scope that has become sick. True: an episode begins. */
static bool strike(struct health *h)
{
    if (++h->strikes < SICK_AFTER)
        return false;
    h->strikes = 0;
    h->episode++;
    return true;
}

/* What happens in the lane is known there: it neither adds to a sickness nor ends that of the others. */
static void note_health(struct task *t, enum err_code code, bool late)
{
    for (int k = 0; code == ERR_OK && k < HEALTHS; k++) {
        t->trusted[k] = t->health[k]->episode;
        t->health[k]->strikes = t->in_lane ? t->health[k]->strikes : 0;
    }
    if (code && late && !t->in_lane && strike(t->health[HEALTH_SCOPE]))
        (void)strike(t->health[HEALTH_SOURCE]);
}

/* ---- budgets ---- */

static struct purse *purse_of(const struct scheduler *s, const struct instance *in)
{
    for (size_t i = 0; i < s->n_instances; i++)
        if (s->instances[i] == in)
            return &s->purses[i];
    return NULL;
}

/* How long its budget made it wait, or makes it. */
static int64_t held_ms(const struct task *t, int64_t now)
{
    int64_t waits = t->held ? (now - t->due_mono) / NANO_PER_MS : 0;

    return waits > t->held_ms ? waits : t->held_ms;
}

static void begin_spending(struct task *t, int64_t now)
{
    purse_begin(t->purse, t->turn);
    if (turn_is_behind(t->turn))
        return;
    t->held_ms = t->held ? (now - t->due_mono) / NANO_PER_MS : 0;
    t->held = false;
}

/* ---- the list ---- */

static void task_free(struct task *t)
{
    if (t)
        arena_done(&t->names);
    free(t);
}

static struct task *task_new(struct scheduler *s, struct instance *in, const struct source_job *job)
{
    struct task *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->health[HEALTH_SCOPE] = health_of(s, in, job->scope);
    t->health[HEALTH_SOURCE] = health_of(s, in, SV_NONE);
    if (!t->health[HEALTH_SCOPE] || !t->health[HEALTH_SOURCE]) {
        free(t);
        return NULL;
    }
    arena_init(&t->names, 64 << 10);
    t->instance = in;
    t->purse = purse_of(s, in);
    t->job = *job;
    t->job.scope = arena_copy(&t->names, job->scope);
    t->job.group = arena_copy(&t->names, job->group);
    t->job.signal = arena_copy(&t->names, job->signal);
    t->retry.base_ms = 2000;
    t->retry.cap_ms = job->interval_ms > 300000 ? job->interval_ms : 300000;
    t->behind_retry = t->control_retry = t->retry;
    t->control_retry.cap_ms = CONTROL_AGAIN_MS;
    return t;
}

/* Apart over as long as it takes for about ten a second, so that neither a start nor the end of a standstill is a storm. */
static void spread(const struct scheduler *s, struct task *t)
{
    int64_t over_ms = 1000 + (int64_t)s->n_tasks * APART_MS;

    over_ms = over_ms < t->job.interval_ms || t->job.interval_ms < 1000 ? over_ms : t->job.interval_ms;
    t->due_mono = clock_mono() + (int64_t)(clock_random() * (double)over_ms) * NANO_PER_MS;
}

static struct task *find(struct scheduler *s, const struct instance *in, const struct source_job *job)
{
    for (size_t i = 0; i < s->n_tasks; i++)
        if (s->tasks[i]->instance == in && sv_eq(s->tasks[i]->job.scope, job->scope) &&
            sv_eq(s->tasks[i]->job.group, job->group))
            return s->tasks[i];
    return NULL;
}

static struct task *add(struct scheduler *s, struct instance *in, const struct source_job *job)
{
    struct task *t;

    if (s->n_tasks == s->cap_tasks) {
        size_t cap = s->cap_tasks ? s->cap_tasks * 2 : 64;
        struct task **p = cap <= TASKS_MAX ? realloc(s->tasks, cap * sizeof(struct task *)) : NULL;

        if (!p)
            return NULL;
        s->tasks = p;
        s->cap_tasks = cap;
    }
    t = task_new(s, in, job);
    if (t)
        s->tasks[s->n_tasks++] = t;
    return t;
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

static enum err_code take_jobs(struct scheduler *s, struct instance *in, const struct job_list *list, struct err *e)
{
    enum err_code code = ERR_OK;
    size_t known = s->n_tasks;

    for (size_t i = 0; i < s->n_tasks; i++)
        s->tasks[i]->gone |= s->tasks[i]->instance == in;
    for (size_t i = 0; i < list->n; i++) {
        struct task *t = find(s, in, &list->at[i]);

        if (t)
            update(t, &list->at[i]);
        else if (!add(s, in, &list->at[i]))
            code = err_set(e, ERR_LIMIT, "more than %d jobs", TASKS_MAX);
    }
    for (size_t i = known; i < s->n_tasks; i++)
        spread(s, s->tasks[i]);
    drop_gone(s);
    return code;
}

/* The jobs that are known go on; a task that shows the failure asks again until there is an answer. */
static void ask_jobs_later(struct scheduler *s, struct instance *in, const struct err *e)
{
    const struct source_job job = {
        .kind = JOB_SNAPSHOT, .group = SV("jobs"), .signal = SV("inventory"), .interval_ms = ASK_JOBS_EVERY_MS
    };
    struct task *t = find(s, in, &job);

    if (t) {
        t->gone = false;
        return;
    }
    t = add(s, in, &job);
    if (!t)
        return;
    t->asks_jobs = true;
    t->status.state = TASK_FAILING;
    t->status.failures = 1;
    t->status.last_attempt_unix_nano = clock_now();
    t->status.error = *e;
    t->due_mono = clock_mono() + retry_after_failure(&t->retry, e) * NANO_PER_MS;
    t->status.next_unix_nano = clock_now() + (t->due_mono - clock_mono());
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
        e->code = code;
        err_wrap(e, "%.*s: jobs", SV_ARG(in->env.id));
    }
    pthread_mutex_lock(&s->lock);
    if (code == ERR_OK)
        code = take_jobs(s, in, &list, e);
    if (code && code != ERR_CANCELLED)
        ask_jobs_later(s, in, e);
    s->changes++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    arena_done(&arena);
    return code;
}

/* ---- the workers ---- */

static bool sick_lane_full(const struct scheduler *s)
{
    unsigned quarter = s->threads / 4;

    return s->sick_running >= (quarter ? quarter : 1);
}

static bool backlog_lane_full(const struct scheduler *s)
{
    return s->backlog_running >= (s->threads > 1 ? s->threads / 2 : 1);
}

/* When the task may run next; INT64_MAX: not now, whatever the time is. */
static int64_t turn_due(const struct scheduler *s, const struct task *t, enum task_turn turn)
{
    if (t->status.running || t->gone || (is_sick_in(t, turn) && sick_lane_full(s)))
        return INT64_MAX;
    if (turn == TURN_BACKLOG)
        return t->behind && !backlog_lane_full(s) ? purse_due(t->purse, turn, t->behind_due_mono) : INT64_MAX;
    if (turn == TURN_CONTROL)
        return t->status.control_waits && !backlog_lane_full(s) ? purse_due(t->purse, turn, t->control_due_mono)
                                                                : INT64_MAX;
    return purse_due(t->purse, turn, t->due_mono);
}

/* In the lane those first who did not fail themselves: they may leave it. */
static bool goes_first(const struct task *a, const struct task *b, bool lane)
{
    if (lane && a->retry.failures != b->retry.failures)
        return a->retry.failures < b->retry.failures;
    return a->due_mono < b->due_mono;
}

/* The task due longest that may run now; *wake gets when to look again. Under the lock. */
static struct task *pick_live(const struct scheduler *s, int64_t now, int64_t *wake)
{
    struct task *best[2] = { NULL, NULL }; /* the well one, the sick one */

    for (size_t i = 0; i < s->n_tasks; i++) {
        struct task *t = s->tasks[i];
        int64_t due = turn_due(s, t, TURN_LIVE);
        bool sick = is_sick(t);

        t->held |= due > now && due < INT64_MAX && t->due_mono <= now;
        if (due > now)
            *wake = due < *wake ? due : *wake;
        else if (!best[sick] || goes_first(t, best[sick], sick))
            best[sick] = t;
    }
    if (!best[0] || !best[1])
        return best[0] ? best[0] : best[1];
    return best[1]->due_mono < best[0]->due_mono ? best[1] : best[0];
}

static struct task *pick_turn(const struct scheduler *s, enum task_turn turn, bool owed, int64_t now, int64_t *wake)
{
    struct task *best = NULL;
    int64_t longest = INT64_MAX;

    for (size_t i = 0; i < s->n_tasks; i++) {
        struct task *t = s->tasks[i];
        int64_t due = turn_due(s, t, turn);

        if (due > now) {
            *wake = due < *wake ? due : *wake;
        } else if ((!owed || purse_owes_backlog(t->purse)) && due < longest) {
            best = t;
            longest = due;
        }
    }
    if (best)
        best->turn = turn;
    return best;
}

/* What was never read, oldest first; then what is read once more, unless that has waited for long. */
static struct task *pick_behind(const struct scheduler *s, bool owed, int64_t now, int64_t *wake)
{
    struct task *control = pick_turn(s, TURN_CONTROL, owed, now, wake), *backlog;

    if (control && now - control->control_due_mono > CONTROL_AGAIN_MS * NANO_PER_MS)
        return control;
    backlog = pick_turn(s, TURN_BACKLOG, owed, now, wake);
    if (backlog)
        return backlog;
    if (control)
        control->turn = TURN_CONTROL;
    return control;
}

/* What is new goes before what is old, but where a budget would leave nothing to the old for ever. */
static struct task *pick(struct scheduler *s, int64_t now, int64_t *wake)
{
    enum memory_stage memory = memory_stage();
    int64_t soon = now + (int64_t)((double)NANO_PER_S * clock_speed()); /* real time, as memory's readings */
    struct task *owed, *t;

    if (memory != MEMORY_FREE)
        *wake = soon < *wake ? soon : *wake;
    if (memory == MEMORY_FULL)
        return NULL;
    owed = memory == MEMORY_FREE ? pick_behind(s, true, now, wake) : NULL;
    t = owed ? NULL : pick_live(s, now, wake);
    if (t || memory == MEMORY_TIGHT) {
        if (!t)
            return NULL;
        t->turn = t->job.kind == JOB_WINDOWED ? TURN_LIVE : TURN_ALL;
        return t;
    }
    return owed ? owed : pick_behind(s, false, now, wake);
}

static void log_end(const struct task *t, const struct task_status *was, const struct task_status *is)
{
    const char *cloud = t->instance->ops->name;

    if (t->turn == TURN_CONTROL) {
        if (is->control_error.code)
            log_warn(cloud, "%s", is->control_error.text);
    } else if (is->state == TASK_FAILING)
        log_warn(cloud, "%s", is->error.text);
    else if (was->state == TASK_FAILING)
        log_info(cloud, "%.*s: %.*s: %.*s: works again", SV_ARG(t->instance->env.id), SV_ARG(t->job.scope),
                 SV_ARG(t->job.group));
}

/* When the turn that just ended comes again. */
static void plan_turn(struct retry *retry, int64_t *due, enum err_code code, const struct err *e, int64_t wait_ms)
{
    if (code)
        wait_ms = retry_after_failure(retry, e);
    else
        retry_success(retry);
    *due = clock_mono() + wait_ms * NANO_PER_MS;
}

/* A backlog or a control read that fails does not hold up what is live. */
static void plan_next(struct task *t, struct task_status *is, enum err_code code, bool more)
{
    int64_t soon = clock_mono() + AGAIN_SOON_MS * NANO_PER_MS, next;
    bool waited = t->status.control_waits;

    if (t->turn == TURN_CONTROL) {
        plan_turn(&t->control_retry, &t->control_due_mono, code, &is->control_error, AGAIN_SOON_MS);
    } else {
        if (t->turn == TURN_BACKLOG)
            plan_turn(&t->behind_retry, &t->behind_due_mono, code, &is->error, AGAIN_SOON_MS);
        else
            plan_turn(&t->retry, &t->due_mono, code, &is->error, t->job.interval_ms);
        if (code == ERR_OK && more && !t->behind)
            t->behind_due_mono = soon;
        t->behind = code ? t->behind : more;
        if (!waited)
            t->control_due_mono = soon;
    }
    next = t->behind && t->behind_due_mono < t->due_mono ? t->behind_due_mono : t->due_mono;
    is->next_unix_nano = clock_now() + (next - clock_mono());
    is->catch_up_nano = progress_note(&t->progress, is->backlog_nano, clock_mono());
}

static enum err_code ask_jobs(struct scheduler *s, const struct task *t, struct task_status *status)
{
    struct err e = { 0 };
    enum err_code code;

    status->last_attempt_unix_nano = clock_now();
    status->polls++;
    code = refresh(s, t->instance, &e);
    status->failures += code != ERR_OK;
    status->error = e;
    status->state = code ? TASK_FAILING : TASK_OK;
    return code;
}

static enum err_code poll_and_discover(struct scheduler *s, const struct task *t, struct task_status *status,
                                       bool *more)
{
    struct err e = { 0 };
    enum err_code code = task_poll(s->spine, t, status, more);

    if (code == ERR_OK && t->job.discovers && refresh(s, t->instance, &e))
        log_warn(t->instance->ops->name, "%s", e.text);
    return code;
}

/* Runs one task without the lock, on a copy: a discovery that ends meanwhile may change the numbers of its job. */
static void run(struct scheduler *s, struct task *t)
{
    const struct task polled = *t;
    struct task_status was = t->status, is = t->status;
    int64_t began = clock_mono(), took;
    struct purse_reading before, after;
    enum err_code code;
    bool more = false;

    pthread_mutex_unlock(&s->lock);
    heartbeat_wear(&t->heart);
    heartbeat("beginning");
    before = purse_read(polled.instance, s->spine);
    code = polled.asks_jobs ? ask_jobs(s, &polled, &is) : poll_and_discover(s, &polled, &is, &more);
    took = clock_mono() - began;
    after = purse_read(polled.instance, s->spine);
    heartbeat_wear(NULL);
    is.poll_real_ms = (int64_t)((double)took / 1e6 / clock_speed());
    pthread_mutex_lock(&s->lock);
    if (code == ERR_CANCELLED) {
        is = was; /* we are ending, which says nothing about it */
    } else {
        log_end(t, &was, &is);
        plan_next(t, &is, code, more);
        if (t->turn != TURN_CONTROL)
            note_health(t, code, took >= DEADLINE_MS * NANO_PER_MS);
    }
    purse_end(t->purse, &polled.instance->budget, &before, &after);
    is.running = false;
    s->sick_running -= t->in_lane;
    s->backlog_running -= turn_is_behind(t->turn);
    t->status = is;
    s->changes++;
    if (t->gone)
        drop_gone(s);
    pthread_cond_broadcast(&s->changed);
}

/* The process stood still while all became due. */
static void spread_overdue(struct scheduler *s)
{
    int64_t now = clock_mono();

    for (size_t i = 0; i < s->n_tasks; i++)
        if (s->tasks[i]->due_mono < now && !s->tasks[i]->status.running && !s->tasks[i]->held)
            spread(s, s->tasks[i]);
}

static void *worker(void *arg)
{
    struct scheduler *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        int64_t wake = clock_mono() + 60 * NANO_PER_S;
        struct task *t = s->going ? pick(s, clock_mono(), &wake) : NULL;

        if (!t) {
            (void)clock_wait(&s->changed, &s->lock, wake);
            if (clock_mono() - wake > FROZEN_MS * NANO_PER_MS)
                spread_overdue(s);
            continue;
        }
        begin_spending(t, clock_mono());
        t->in_lane = is_sick_in(t, t->turn);
        s->sick_running += t->in_lane;
        s->backlog_running += turn_is_behind(t->turn);
        t->status.running = true;
        run(s, t);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- start and end ---- */

struct scheduler *scheduler_new(struct spine *spine, struct instance *const *instances, size_t n, unsigned threads,
                                struct err *e)
{
    struct scheduler *s = calloc(1, sizeof *s);

    if (s) {
        s->workers = calloc(threads, sizeof *s->workers);
        s->purses = calloc(n + 1, sizeof *s->purses);
    }
    if (!s || !s->workers || !s->purses) {
        if (s) {
            free(s->workers);
            free(s->purses);
        }
        free(s);
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    s->spine = spine;
    s->instances = instances;
    s->n_instances = n;
    s->threads = threads;
    for (size_t i = 0; i < n; i++)
        purse_init(&s->purses[i], instances[i], spine);
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->changed);
    for (size_t i = 0; i < n; i++)
        if (instances[i]->source) {
            struct err why = { 0 };

            if (refresh(s, instances[i], &why))
                log_warn(instances[i]->ops->name, "%s", why.text);
        }
    for (; s->n_workers < threads; s->n_workers++)
        if (pthread_create(&s->workers[s->n_workers], NULL, worker, s) != 0) {
            err_set(e, ERR_LIMIT, "cannot start poll thread %u of %u", s->n_workers + 1, threads);
            scheduler_free(s);
            return NULL;
        }
    return s;
}

void scheduler_go(struct scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    s->going = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void scheduler_stop(struct scheduler *s)
{
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
    for (; s->n_workers > 0; s->n_workers--)
        pthread_join(s->workers[s->n_workers - 1], NULL);
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    scheduler_stop(s);
    for (size_t i = 0; i < s->n_tasks; i++)
        task_free(s->tasks[i]);
    for (struct health *h = s->healths, *next; h; h = next) {
        next = h->next;
        free(h->scope);
        free(h);
    }
    free(s->tasks);
    free(s->workers);
    free(s->purses);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- views ---- */

static struct task_view view_of(const struct task *t, struct arena *a)
{
    int64_t held = held_ms(t, clock_mono());
    struct task_view v = { .source = arena_copy(a, t->instance->env.id),
                           .cloud = sv_of(t->instance->ops->name),
                           .scope = arena_copy(a, t->job.scope),
                           .group = arena_copy(a, t->job.group),
                           .signal = arena_copy(a, t->job.signal),
                           .kind = t->job.kind,
                           .interval_ms = t->job.interval_ms,
                           /* Whole buckets are settled: the one that is not yet adds its length. */
                           .expected_lag_ms =
                               t->job.delay_ms + t->job.interval_ms + held + t->job.grain_ms +
                               (t->job.settle_ms > t->job.delay_ms ? t->job.settle_ms - t->job.delay_ms : 0),
                           .stretch = t->job.interval_ms > 0 ? 1 + (double)held / (double)t->job.interval_ms : 1,
                           .status = t->status };

    v.silent_ms = heartbeat_age(&t->heart, &v.stage) / NANO_PER_MS;
    v.status.sick = is_sick(t);
    return v;
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
    if (arena->failed) { /* names would be missing */
        *n = 0;
        return NULL;
    }
    return out;
}

struct budget_view scheduler_budget(struct ledger *l, sv source, const struct task_view *tasks, size_t n)
{
    struct spent hours[SPENT_HOURS];
    struct budget_view v = { .stretch = 1 };
    struct pace_sum sum;

    ledger_spent(l, source, hours);
    sum = pace_spent(hours, clock_now());
    v.calls = sum.calls;
    v.usd = sum.usd;
    for (size_t i = 0; i < n; i++)
        if (sv_eq(tasks[i].source, source) && tasks[i].stretch > v.stretch)
            v.stretch = tasks[i].stretch;
    return v;
}

bool task_is_stuck(const struct task_view *t)
{
    return t->silent_ms >= TASK_STUCK_MS;
}

bool scheduler_tell_stuck(struct scheduler *s, struct buf *out)
{
    bool any = false;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_tasks; i++) {
        const struct task *t = s->tasks[i];
        const char *stage;
        int64_t silent_ms = heartbeat_age(&t->heart, &stage) / NANO_PER_MS;

        if (silent_ms < TASK_STUCK_MS)
            continue;
        buf_printf(out, "%.*s: a poll has been stuck for %lld minutes: %s\n", SV_ARG(t->instance->env.id),
                   (long long)(silent_ms / 60000), stage);
        any = true;
    }
    pthread_mutex_unlock(&s->lock);
    return any;
}

uint64_t scheduler_changes(struct scheduler *s)
{
    uint64_t n;

    pthread_mutex_lock(&s->lock);
    n = s->changes;
    pthread_mutex_unlock(&s->lock);
    return n;
}
