/* Discovery renews the jobs while others of the same source are polled. */
#include <time.h>

#include "collector/core/scheduler.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

static const struct policy keep = { .identity = POLICY_KEEP };

static enum err_code two_jobs(struct source *self, struct job_list *out, struct err *e)
{
    const struct fake *f = (const struct fake *)self;

    (void)e;
    for (int i = 0; i < 2; i++) {
        struct source_job *j = job_list_add(out);

        *j = f->job;
        j->group = i ? SV("snapshot") : SV("discovery");
        j->kind = JOB_SNAPSHOT;
        j->discovers = i == 0;
        j->interval_ms = 1;
    }
    return ERR_OK;
}

/* Takes its time, so that discoveries end meanwhile. */
static enum err_code slowly(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                            struct err *e)
{
    struct fake *f = (struct fake *)self;

    (void)job;
    (void)w;
    (void)out;
    (void)e;
    nanosleep(&(struct timespec){ .tv_nsec = 3000000 * (long)(f->polls++ % 5) }, NULL);
    return ERR_OK;
}

static void jobs_may_change_while_they_are_polled(void)
{
    struct source_ops ops = fake_ops;
    struct instance in;
    struct instance *const all[] = { &in };
    struct fake fake;
    struct scheduler *s;
    struct err e = { 0 };
    char dir[32];
    struct spine *spine = fake_spine(dir, &keep);

    ops.jobs = two_jobs;
    ops.poll = slowly;
    fake_init(&fake, &in, "f");
    fake.base.ops = &ops;
    in.ops = &ops;
    in.limits = in.env.limits = rate_limits_new();
    s = scheduler_new(spine, all, 1, 3, &e);
    OK(s != NULL);
    scheduler_go(s);
    for (int i = 0; s && i < 1000 && fake.polls < 60; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    OK(fake.polls >= 60);
    scheduler_free(s);
    spine_close(spine);
    rate_limits_free(in.limits);
    source_stats_free(in.stats);
    fake_remove(dir);
}

/* ---- a source that hangs ---- */

enum { THREADS = 8, ENDS = 24 };

static struct {
    unsigned scopes, jobs_each;
    _Atomic unsigned running, ended, at_once; /* at_once: the most after the sickness could be known */
    _Atomic bool over;
    unsigned known_after;
} hang;

static enum err_code many_jobs(struct source *self, struct job_list *out, struct err *e)
{
    (void)e;
    for (unsigned i = 0; i < hang.scopes * hang.jobs_each; i++) {
        struct source_job *j = job_list_add(out);

        *j = ((const struct fake *)self)->job;
        j->kind = JOB_SNAPSHOT;
        j->scope = arena_printf(out->arena, "scope %u", i / hang.jobs_each);
        j->group = arena_printf(out->arena, "job %u", i % hang.jobs_each);
    }
    return ERR_OK;
}

/* 30 s of a clock that is a thousand times as fast. */
static enum err_code hang_poll(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                               struct err *e)
{
    unsigned now = ++hang.running, most = hang.at_once;

    (void)self;
    (void)job;
    (void)w;
    (void)out;
    if (hang.ended >= hang.known_after)
        while (now > most && !atomic_compare_exchange_weak(&hang.at_once, &most, now))
            ;
    for (int i = 0; i < 30 && !hang.over; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    hang.ended++;
    hang.running--;
    return err_set(e, ERR_RETRY, "no answer");
}

static void hang_cancel(struct source *self)
{
    (void)self;
    hang.over = true;
}

/* How many polls of the hanging source run at once when it can be known that it hangs. */
static unsigned run_hanging(unsigned scopes, unsigned jobs_each, unsigned known_after)
{
    struct source_ops ops = fake_ops;
    struct instance in, well_in;
    struct instance *const all[] = { &in, &well_in };
    struct fake fake, well;
    struct scheduler *s;
    char dir[32];
    struct spine *spine;

    clock_set_scale((struct clock_scale){ clock_now(), INT64_C(1795168800) * NANO_PER_S, 1000 });
    spine = fake_spine(dir, &keep);
    hang.scopes = scopes;
    hang.jobs_each = jobs_each;
    hang.known_after = known_after;
    hang.running = hang.ended = hang.at_once = 0;
    hang.over = false;
    ops.jobs = many_jobs;
    ops.poll = hang_poll;
    ops.cancel = hang_cancel;
    fake_init(&fake, &in, "hangs");
    fake_init(&well, &well_in, "well");
    fake.base.ops = in.ops = &ops;
    in.limits = in.env.limits = rate_limits_new();
    well_in.limits = well_in.env.limits = rate_limits_new();
    s = scheduler_new(spine, all, 2, THREADS, NULL);
    scheduler_go(s);
    for (int i = 0; i < 2000 && hang.ended < known_after + ENDS; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    OK(hang.ended >= known_after + ENDS);
    scheduler_free(s);
    spine_close(spine);
    for (size_t i = 0; i < 2; i++) {
        rate_limits_free(all[i]->limits);
        source_stats_free(all[i]->stats);
    }
    fake_remove(dir);
    clock_set_system();
    return hang.at_once;
}

/* All eight threads may have taken one of its jobs before the first deadline passed, and one more each until the second did. */
static void a_scope_that_hangs_is_sick_as_a_whole_after_two_missed_deadlines(void)
{
    OK(run_hanging(1, 60, 2 * THREADS) <= THREADS / 4);
}

/* Two in each of two scopes, and what was begun meanwhile. */
static void a_source_that_hangs_in_every_scope_is_sick_as_a_whole(void)
{
    OK(run_hanging(60, 2, 4 * THREADS) <= THREADS / 4);
}

/* ---- a source that cannot tell its jobs ---- */

static _Atomic unsigned asked;

static enum err_code no_jobs_yet(struct source *self, struct job_list *out, struct err *e)
{
    if (++asked <= 2)
        return err_set(e, ERR_IO, "no idea yet");
    return fake_jobs(self, out, e);
}

static bool has_error(struct scheduler *s, const char *text)
{
    struct arena arena;
    size_t n;
    struct task_view *tasks;
    bool found = false;

    arena_init(&arena, 1 << 20);
    tasks = scheduler_tasks(s, &arena, &n);
    for (size_t i = 0; i < n; i++)
        found |= sv_eq(sv_of(tasks[i].status.error.text), sv_of(text));
    arena_done(&arena);
    return found;
}

static void a_source_that_cannot_tell_its_jobs_is_shown_and_asked_again(void)
{
    struct source_ops ops = fake_ops;
    struct instance in, well_in;
    struct instance *const all[] = { &in, &well_in };
    struct fake fake, well;
    struct scheduler *s;
    struct err e = { 0 };
    char dir[32];
    struct spine *spine;

    clock_set_scale((struct clock_scale){ clock_now(), INT64_C(1795168800) * NANO_PER_S, 100 });
    spine = fake_spine(dir, &keep);
    ops.jobs = no_jobs_yet;
    fake_init(&fake, &in, "ill");
    fake_init(&well, &well_in, "well");
    fake.base.ops = in.ops = &ops;
    in.limits = in.env.limits = rate_limits_new();
    well_in.limits = well_in.env.limits = rate_limits_new();
    s = scheduler_new(spine, all, 2, 2, &e);
    OK(s != NULL);
    if (!s)
        return;
    OK(has_error(s, "ill: jobs: no idea yet"));
    scheduler_go(s);
    for (int i = 0; i < 1000 && (well.polls == 0 || fake.polls == 0); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    OK(well.polls > 0 && fake.polls > 0 && asked >= 3);
    OK(!has_error(s, "ill: jobs: no idea yet"));
    scheduler_free(s);
    spine_close(spine);
    for (size_t i = 0; i < 2; i++) {
        rate_limits_free(all[i]->limits);
        source_stats_free(all[i]->stats);
    }
    fake_remove(dir);
    clock_set_system();
}

int main(void)
{
    RUN(jobs_may_change_while_they_are_polled);
    RUN(a_scope_that_hangs_is_sick_as_a_whole_after_two_missed_deadlines);
    RUN(a_source_that_hangs_in_every_scope_is_sick_as_a_whole);
    RUN(a_source_that_cannot_tell_its_jobs_is_shown_and_asked_again);
    return tap_done();
}
