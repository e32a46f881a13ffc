/* E-01: near the limit of memory what can wait waits, in two stages, and goes on by itself; R-09: a poll that hangs is noticed. */
#include <time.h>

#include "collector/core/memory.h"
#include "collector/core/status.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

enum { MIB = 1 << 20, LIMIT_MIB = 1000 };

static const struct policy keep = { .identity = POLICY_KEEP };
static _Atomic int64_t used_mib, group_mib;

static int64_t used(void)
{
    return used_mib < 0 ? -1 : used_mib * MIB;
}

static int64_t group(void)
{
    return group_mib < 0 ? -1 : group_mib * MIB;
}

static int64_t machine(void)
{
    return INT64_C(4000) * MIB;
}

static const struct memory_source fake_memory = { used, group, machine, 0 };

static bool is_at(int64_t mib, enum memory_stage stage)
{
    used_mib = mib;
    return memory_stage() == stage;
}

static void each_stage_has_its_own_beginning_and_end(void)
{
    memory_set_source(&fake_memory);
    memory_set_limit((int64_t)LIMIT_MIB * MIB);
    OK(memory_limit() == (int64_t)LIMIT_MIB * MIB);
    OK(is_at(799, MEMORY_FREE) && is_at(801, MEMORY_TIGHT) && is_at(760, MEMORY_TIGHT));
    OK(is_at(951, MEMORY_FULL) && is_at(910, MEMORY_FULL) && is_at(899, MEMORY_TIGHT));
    OK(is_at(-1, MEMORY_TIGHT)); /* unknown changes nothing */
    OK(is_at(749, MEMORY_FREE) && is_at(2000, MEMORY_FULL) && is_at(1, MEMORY_FREE));
    memory_set_source(&memory_system);
}

static void without_an_option_the_container_or_the_machine_sets_the_limit(void)
{
    memory_set_source(&fake_memory);
    group_mib = 512;
    memory_set_limit(0);
    OK(memory_limit() == INT64_C(512) * MIB);
    group_mib = INT64_MAX / MIB; /* "no limit" as version 1 of control groups says it */
    memory_set_limit(0);
    OK(memory_limit() == INT64_C(2000) * MIB);
    group_mib = -1;
    memory_set_limit(0);
    OK(memory_limit() == INT64_C(2000) * MIB);
    memory_set_source(&memory_system);
    memory_set_limit(0);
    OK(memory_limit() > 64 * MIB && memory_system.resident() > MIB &&
       memory_system.machine() > memory_system.resident());
}

/* ---- the scheduler ---- */

static struct spine *spine;
static struct fake fake;
static struct instance in;
static struct instance *const all[] = { &in };
static struct scheduler *scheduler;
static char dir[32];
static _Atomic bool hang;
static _Atomic unsigned old_windows, new_windows;

static enum err_code count_windows(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    (void)f;
    (void)out;
    (void)e;
    if (w->to_unix_nano < clock_now() - NANO_PER_H)
        old_windows++;
    else
        new_windows++;
    heartbeat("asking the fake");
    while (hang)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    w->read_at_unix_nano = clock_now();
    return ERR_OK;
}

static void begin(double speed, int64_t initial_window_ms)
{
    clock_set_scale((struct clock_scale){ clock_now(), INT64_C(1795168800) * NANO_PER_S, speed });
    spine = fake_spine(dir, &keep);
    old_windows = new_windows = 0;
    fake_init(&fake, &in, "f");
    fake.answer = count_windows;
    fake.job.span_max_ms = 3600000;
    in.initial_window_ms = initial_window_ms;
    in.limits = in.env.limits = rate_limits_new();
    scheduler = scheduler_new(spine, all, 1, 2, NULL);
    scheduler_go(scheduler);
}

static void end(void)
{
    scheduler_free(scheduler);
    source_stats_free(in.stats);
    rate_limits_free(in.limits);
    spine_close(spine);
    fake_remove(dir);
    clock_set_system();
}

static bool grows(const _Atomic unsigned *n, unsigned by)
{
    unsigned from = *n;

    for (int i = 0; i < 2000 && *n < from + by; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    return *n >= from + by;
}

static bool reaches(const _Atomic unsigned *n, unsigned at_least)
{
    return *n >= at_least || grows(n, at_least - *n);
}

static bool metrics_say(const char *text)
{
    struct status status = { .spine = spine, .scheduler = scheduler, .instances = all, .n_instances = 1 };
    struct buf b;
    bool said;

    buf_init(&b, 4 << 20);
    status_metrics(&status, &b);
    said = memmem(b.at, b.len, text, strlen(text)) != NULL;
    buf_done(&b);
    return said;
}

static void what_is_old_waits_first_then_all_of_it_and_then_it_goes_on(void)
{
    unsigned old, polls;

    memory_set_source(&fake_memory);
    memory_set_limit((int64_t)LIMIT_MIB * MIB);
    used_mib = 850;
    begin(600, INT64_C(2000) * 3600 * 1000); /* 2000 old windows */
    OK(grows(&new_windows, 4));
    OK(old_windows == 0 && metrics_say("\ntrefoil_memory_stage 1\n"));
    used_mib = 990;
    OK(memory_stage() == MEMORY_FULL);
    nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL); /* what runs may end */
    polls = fake.polls;
    nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL); /* 5 minutes of that clock */
    OK(fake.polls == polls && metrics_say("\ntrefoil_memory_stage 2\n"));
    OK(metrics_say("\ntrefoil_memory_limit_bytes 1048576000\n") ||
       metrics_say("\ntrefoil_memory_limit_bytes 1.048576e+09\n"));
    used_mib = 10;
    old = old_windows;
    OK(grows(&old_windows, 3) && old == 0 && grows(&new_windows, 2));
    end();
    memory_set_source(&memory_system);
    memory_set_limit(0);
}

/* ---- the watchdog ---- */

static bool told(struct buf *out)
{
    buf_clear(out);
    return scheduler_tell_stuck(scheduler, out);
}

static void a_poll_that_hangs_is_told_with_its_stage_until_it_ends(void)
{
    struct buf out;

    buf_init(&out, 4096);
    hang = true;
    begin(6000, 3600000);
    OK(reaches(&fake.polls, 1) && !told(&out));
    for (int i = 0; i < 2000 && !told(&out); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    OK(told(&out) && sv_starts(buf_sv(&out), SV("f: a poll has been stuck for 3")));
    OK(sv_ends(buf_sv(&out), SV(" minutes: asking the fake\n")));
    OK(metrics_say("\ntrefoil_poll_stuck{source=\"f\"} 1\n"));
    hang = false;
    for (int i = 0; i < 2000 && told(&out); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    OK(!told(&out) && metrics_say("\ntrefoil_poll_stuck{source=\"f\"} 0\n") && grows(&fake.polls, 3));
    buf_done(&out);
    end();
}

int main(void)
{
    RUN(each_stage_has_its_own_beginning_and_end);
    RUN(without_an_option_the_container_or_the_machine_sets_the_limit);
    RUN(what_is_old_waits_first_then_all_of_it_and_then_it_goes_on);
    RUN(a_poll_that_hangs_is_told_with_its_stage_until_it_ends);
    return tap_done();
}
