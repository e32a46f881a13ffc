/* E-08: 1,000 accounts with 50 deployments each: what a series costs is bounded, and no account is polled less than another. */
#include <malloc.h>
#include <time.h>

#include "collector/core/memory.h"
#include "collector/core/scheduler.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

enum { ACCOUNTS = 1000, DEPLOYMENTS = 50, ROUNDS = 3, DEADLINE_S = 100, SERIES_BYTES_MAX = 3072, JOB_BYTES_MAX = 8192 };

static const struct policy keep = { .identity = POLICY_KEEP };
static _Atomic unsigned polls[ACCOUNTS], total;

static enum err_code many_jobs(struct source *self, struct job_list *out, struct err *e)
{
    (void)e;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        struct source_job *j = job_list_add(out);

        *j = ((const struct fake *)self)->job;
        j->scope = arena_printf(out->arena, "%u", i);
    }
    return ERR_OK;
}

static void add_request(struct batch *b, unsigned account, unsigned deployment, int64_t at)
{
    sv id = arena_printf(b->arena, "/accounts/%u/%u", account, deployment);
    struct measure *m = batch_add_measure(b);

    m->series = key_series(b, PLATFORM_AZURE_OPENAI, id, SV("Requests"), NULL, 0);
    m->key = key_measure(m->series, at);
    m->name = batch_sym(b, SV("Requests"));
    m->deployment = batch_sym(b, arena_printf(b->arena, "deployment-%u", deployment));
    m->start_unix_nano = at;
    m->end_unix_nano = at + NANO_PER_MIN;
    m->value = 1;
}

static enum err_code poll_account(struct source *self, const struct source_job *job, struct window *w,
                                  struct frame *out, struct err *e)
{
    struct batch *b = frame_add_batch(out);
    int64_t account = 0, at = w->to_unix_nano - NANO_PER_MIN;

    (void)self;
    (void)e;
    (void)sv_to_i64(job->scope, &account);
    b->origin =
        (struct origin){ .cloud = CLOUD_AZURE,
                         .platform = PLATFORM_AZURE_OPENAI,
                         .account = batch_sym(b, job->scope),
                         .resource_id = batch_sym(b, arena_printf(b->arena, "/accounts/%lld", (long long)account)) };
    for (unsigned d = 0; d < DEPLOYMENTS; d++)
        add_request(b, (unsigned)account, d, at);
    out->tally.received = DEPLOYMENTS;
    w->read_at_unix_nano = clock_now();
    polls[account]++;
    total++;
    return ERR_OK;
}

static unsigned least(void)
{
    unsigned n = UINT32_MAX;

    for (int i = 0; i < ACCOUNTS; i++)
        n = polls[i] < n ? polls[i] : n;
    return n;
}

static unsigned most(void)
{
    unsigned n = 0;

    for (int i = 0; i < ACCOUNTS; i++)
        n = polls[i] > n ? polls[i] : n;
    return n;
}

static void a_thousand_accounts_are_polled_alike_within_bounds(void)
{
    struct source_ops ops = fake_ops;
    struct instance in;
    struct instance *const all[] = { &in };
    struct fake fake;
    struct ledger_sizes sizes;
    struct scheduler *s;
    char dir[32];
    struct spine *spine;
    int64_t before, jobs, after;

    /* A minute passes in two seconds, in which four threads do not poll all: the fair thing is to take turns. */
    clock_set_scale((struct clock_scale){ clock_now(), INT64_C(1795168800) * NANO_PER_S, 30 });
    spine = fake_spine(dir, &keep);
    ops.jobs = many_jobs;
    ops.poll = poll_account;
    fake_init(&fake, &in, "f");
    fake.base.ops = in.ops = &ops;
    fake.job.lookback_ms = 60000;
    fake.job.settle_ms = 60000;
    in.initial_window_ms = 600000;
    in.limits = in.env.limits = rate_limits_new();
    malloc_trim(0);
    before = memory_system.resident();
    s = scheduler_new(spine, all, 1, 4, NULL);
    jobs = memory_system.resident();
    scheduler_go(s);
    for (int i = 0; i < DEADLINE_S * 50 && least() < ROUNDS; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    printf("# %u polls, of an account %u to %u\n", total, least(), most());
    OK(least() >= ROUNDS);
    OK(most() <= least() + 3);
    scheduler_stop(s);
    malloc_trim(0);
    after = memory_system.resident();
    ledger_read_lock(spine_ledger(spine));
    ledger_sizes(spine_ledger(spine), &sizes);
    ledger_read_unlock(spine_ledger(spine));
    printf("# %zu series; resident %lld KiB, %lld bytes a job, %lld bytes a series with its buckets (estimate %zu)\n",
           sizes.natives, (long long)(after >> 10), (long long)((jobs - before) / ACCOUNTS),
           (long long)((after - jobs) / (ACCOUNTS * DEPLOYMENTS)), sizes.bytes / (ACCOUNTS * DEPLOYMENTS));
    OK(sizes.natives == ACCOUNTS * DEPLOYMENTS);
#ifndef __SANITIZE_ADDRESS__
    OK(jobs - before < (int64_t)ACCOUNTS * JOB_BYTES_MAX);
    OK(after - jobs < (int64_t)ACCOUNTS * DEPLOYMENTS * SERIES_BYTES_MAX);
#endif
    scheduler_free(s);
    spine_close(spine);
    rate_limits_free(in.limits);
    source_stats_free(in.stats);
    fake_remove(dir);
    clock_set_system();
}

int main(void)
{
    RUN(a_thousand_accounts_are_polled_alike_within_bounds);
    return tap_done();
}
