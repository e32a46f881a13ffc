/*
 * Many sources at once: what is due together is spread, runs no more than the threads there are, and what is new never waits for
 * what is old. By a clock that is four hundred times as fast; nothing is asserted that a slow machine could not keep.
 */
#include <pthread.h>
#include <time.h>

#include "collector/core/scheduler.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

enum { JOBS = 200, THREADS = 8, STARTS_MAX = 100000, SPEED = 400 };

static const struct policy keep = { .identity = POLICY_KEEP };

/* What the polls saw. */
static struct {
    pthread_mutex_t lock;
    bool down;
    int64_t starts_mono[STARTS_MAX];
    bool was_live[STARTS_MAX];
    size_t n;
    _Atomic int running, most, backlog_running, most_backlog;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static enum err_code two_hundred_jobs(struct source *self, struct job_list *out, struct err *e)
{
    (void)e;
    for (int i = 0; i < JOBS; i++) {
        struct source_job *j = job_list_add(out);

        *j = ((const struct fake *)self)->job;
        j->scope = arena_printf(out->arena, "scope %d", i);
    }
    return ERR_OK;
}

static void begun(bool live)
{
    pthread_mutex_lock(&seen.lock);
    if (seen.n < STARTS_MAX) {
        seen.starts_mono[seen.n] = clock_mono();
        seen.was_live[seen.n++] = live;
    }
    seen.most = ++seen.running > seen.most ? seen.running : seen.most;
    seen.backlog_running += !live;
    seen.most_backlog = seen.backlog_running > seen.most_backlog ? seen.backlog_running : seen.most_backlog;
    pthread_mutex_unlock(&seen.lock);
}

static void ended(bool live)
{
    pthread_mutex_lock(&seen.lock);
    seen.running--;
    seen.backlog_running -= !live;
    pthread_mutex_unlock(&seen.lock);
}

static enum err_code storm_poll(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                                struct err *e)
{
    bool live = w->to_unix_nano + 10 * NANO_PER_MIN > clock_now(), down;

    (void)self;
    (void)job;
    (void)out;
    begun(live);
    nanosleep(&(struct timespec){ .tv_nsec = 300000 }, NULL); /* a tenth of a second of that clock */
    pthread_mutex_lock(&seen.lock);
    down = seen.down;
    pthread_mutex_unlock(&seen.lock);
    ended(live);
    return down ? err_set(e, ERR_RETRY, "connection refused") : ERR_OK;
}

struct scene {
    struct source_ops ops;
    struct instance in;
    struct instance *all[1];
    struct fake fake;
    struct scheduler *s;
    struct spine *spine;
    char dir[32];
};

static void open_scene(struct scene *c, int64_t initial_window_ms)
{
    clock_set_scale((struct clock_scale){ clock_now(), INT64_C(1795168800) * NANO_PER_S, SPEED });
    seen.n = 0;
    seen.running = seen.most = seen.backlog_running = seen.most_backlog = 0;
    seen.down = false;
    c->spine = fake_spine(c->dir, &keep);
    c->ops = fake_ops;
    c->ops.jobs = two_hundred_jobs;
    c->ops.poll = storm_poll;
    fake_init(&c->fake, &c->in, "many");
    c->fake.base.ops = c->in.ops = &c->ops;
    c->in.initial_window_ms = initial_window_ms;
    c->in.limits = c->in.env.limits = rate_limits_new();
    c->all[0] = &c->in;
    c->s = scheduler_new(c->spine, c->all, 1, THREADS, NULL);
    OK(c->s != NULL);
    scheduler_go(c->s);
}

static void close_scene(struct scene *c)
{
    scheduler_free(c->s);
    spine_close(c->spine);
    rate_limits_free(c->in.limits);
    source_stats_free(c->in.stats);
    fake_remove(c->dir);
    clock_set_system();
}

static void sleep_s(double s) /* of that clock */
{
    int64_t until = clock_mono() + (int64_t)(s * 1e9);

    while (clock_mono() < until)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static size_t starts(void)
{
    size_t n;

    pthread_mutex_lock(&seen.lock);
    n = seen.n;
    pthread_mutex_unlock(&seen.lock);
    return n;
}

/* The most polls that began within `window_s` of [from, ...). */
static size_t peak(size_t from, double window_s)
{
    size_t most = 0, n = starts(), tail = from;

    for (size_t i = from; i < n; i++) {
        while (seen.starts_mono[i] - seen.starts_mono[tail] > (int64_t)(window_s * 1e9))
            tail++;
        most = i - tail + 1 > most ? i - tail + 1 : most;
    }
    return most;
}

/* Ten a second at most, as it were; on a slow machine what was held up comes closer together. */
static void first_polls_are_spread(void)
{
    struct scene c;

    open_scene(&c, 600000);
    for (int i = 0; i < 8000 && starts() < JOBS; i++)
        sleep_s(1);
    OK(starts() >= JOBS);
    OK(seen.starts_mono[JOBS - 1] - seen.starts_mono[0] > 10 * NANO_PER_S); /* over twenty seconds */
    OK(seen.most <= THREADS);
    close_scene(&c);
}

/* Half an hour nobody answers. What failed waits for random times of up to five minutes, so that its end is no storm. */
static void the_end_of_an_outage_is_no_storm(void)
{
    struct scene c;
    size_t before, after;

    open_scene(&c, 600000);
    sleep_s(120);
    pthread_mutex_lock(&seen.lock);
    seen.down = true;
    pthread_mutex_unlock(&seen.lock);
    sleep_s(1800);
    pthread_mutex_lock(&seen.lock);
    seen.down = false;
    pthread_mutex_unlock(&seen.lock);
    before = starts();
    for (int i = 0; i < 100; i++) { /* ten minutes, and more on a busy machine */
        sleep_s(60);
        if (i >= 10 && starts() - before > JOBS)
            break;
    }
    after = starts();
    printf("# peak of %zu polls in ten seconds, %zu in ten minutes or more, %d at once\n", peak(before, 10),
           after - before, seen.most);
    OK(after - before > JOBS);           /* they are back */
    OK(peak(before, 10) < JOBS * 3 / 4); /* and did not come together: 33 are the mean */
    OK(seen.most <= THREADS);
    close_scene(&c);
}

/* Three days behind: twelve long windows for each of the two hundred jobs. */
static void what_is_old_has_a_share_and_what_is_new_goes_first(void)
{
    struct scene c;
    size_t live = 0, old = 0, n;
    struct arena arena;
    struct task_view *tasks;
    size_t n_tasks, live_too = 0, behind = 0;

    open_scene(&c, INT64_C(72) * 3600000);
    /* The first time that all were read live: how much of the backlog was read by then? */
    for (int i = 0; i < 20000 && live < JOBS; i++) {
        sleep_s(1);
        n = starts();
        for (size_t k = live = old = 0; k < n; k++)
            seen.was_live[k] ? live++ : old++;
    }
    arena_init(&arena, 8 << 20);
    tasks = scheduler_tasks(c.s, &arena, &n_tasks);
    for (size_t i = 0; tasks && i < n_tasks; i++) {
        behind += tasks[i].status.backlog_nano > 0;
        live_too += tasks[i].status.backlog_nano > 0 && tasks[i].status.read_until_unix_nano > 0;
    }
    printf("# when all %zu were live %zu were still behind; %zu old windows were read by then\n", n_tasks, behind, old);
    OK(n_tasks == JOBS && behind > JOBS / 2 && live_too > JOBS / 2);
    arena_done(&arena);
    /* The backlog ends all the same, and never had more than its share. */
    for (int i = 0; i < 4000 && behind; i++) {
        sleep_s(10);
        arena_init(&arena, 8 << 20);
        tasks = scheduler_tasks(c.s, &arena, &n_tasks);
        for (size_t k = behind = 0; tasks && k < n_tasks; k++)
            behind += tasks[k].status.backlog_nano > 0;
        arena_done(&arena);
    }
    OK(behind == 0);
    OK(seen.most_backlog <= THREADS / 2 && seen.most_backlog > 0 && seen.most <= THREADS);
    close_scene(&c);
}

int main(void)
{
    RUN(first_polls_are_spread);
    RUN(the_end_of_an_outage_is_no_storm);
    RUN(what_is_old_has_a_share_and_what_is_new_goes_first);
    return tap_done();
}
