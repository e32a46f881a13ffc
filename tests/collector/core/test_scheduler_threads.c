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
    s = scheduler_start(spine, all, 1, 3, &e);
    OK(s != NULL);
    for (int i = 0; s && i < 1000 && fake.polls < 60; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    OK(fake.polls >= 60);
    scheduler_stop(s);
    spine_close(spine);
    rate_limits_free(in.limits);
    source_stats_free(in.stats);
    fake_remove(dir);
}

int main(void)
{
    RUN(jobs_may_change_while_they_are_polled);
    return tap_done();
}
