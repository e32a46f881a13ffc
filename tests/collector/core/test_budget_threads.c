/*
 * S-24: a source that costs more than its budget is polled as often as the budget allows, and says so. A day passes in some
 * seconds; each poll is one call of one cent.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "collector/core/status.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

enum { SPEED = 15000, BUDGET = 100, CENT = 10000000 };

#define BEGIN (INT64_C(1795168800) * NANO_PER_S)

static const struct policy keep = { .identity = POLICY_KEEP };
static char dir[32];
static struct spine *spine;
static struct fake fake;
static struct instance in;
static struct instance *const all[] = { &in };
static struct scheduler *scheduler;
static _Atomic bool failing;

static enum err_code a_cent(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    source_stats_call(in.stats, &(struct api_call){ .name = "api", .units = 1, .usd_nano = CENT });
    return failing ? err_set(e, ERR_REFUSED, "no") : fake_one_a_minute(f, w, out, e);
}

static void prepare(const struct source_budget *budget)
{
    fake_init(&fake, &in, "f");
    fake.answer = a_cent;
    fake.job.retention_ms = 3600000; /* no backlog: what waits too long is given up */
    in.limits = in.env.limits = rate_limits_new();
    in.budget = *budget;
    scheduler = scheduler_new(spine, all, 1, 2, NULL);
}

static void go(const struct source_budget *budget)
{
    prepare(budget);
    scheduler_go(scheduler);
}

static void halt(void)
{
    scheduler_free(scheduler);
    source_stats_free(in.stats);
    rate_limits_free(in.limits);
}

static void begin(const struct source_budget *budget)
{
    clock_set_scale((struct clock_scale){ clock_now(), BEGIN, SPEED });
    spine = fake_spine(dir, &keep);
    failing = false;
    go(budget);
}

static void end(void)
{
    halt();
    spine_close(spine);
    fake_remove(dir);
    clock_set_system();
}

static void wait_hours(double hours)
{
    int64_t until = clock_now() + (int64_t)(hours * (double)NANO_PER_H);

    while (clock_now() < until)
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static struct task_view task_now(void)
{
    struct arena arena;
    struct task_view v = { 0 };
    size_t n;
    struct task_view *tasks;

    arena_init(&arena, 1 << 20);
    tasks = scheduler_tasks(scheduler, &arena, &n);
    if (n)
        v = tasks[0];
    arena_done(&arena);
    return v;
}

static bool says(struct buf *b, const char *text)
{
    return memmem(b->at, b->len, text, strlen(text)) != NULL;
}

/* Its pages, its metrics. */
static void it_is_told(const struct source_budget *budget)
{
    struct status status = { .spine = spine, .scheduler = scheduler, .instances = all, .n_instances = 1 };
    bool by_calls = budget->calls_per_day > 0;
    struct buf b;

    buf_init(&b, 4 << 20);
    status_metrics(&status, &b);
    OK(says(&b, "trefoil_budget_limit{source=\"f\",unit=\"calls\"} ") && says(&b, "trefoil_budget_spent{source=\"f\""));
    OK(says(&b, by_calls ? "unit=\"calls\"} 100\n" : "unit=\"usd\"} 1\n"));
    OK(says(&b, "trefoil_budget_stretch_ratio{source=\"f\"} ") &&
       !says(&b, "trefoil_budget_stretch_ratio{source=\"f\"} 1\n"));
    buf_clear(&b);
    status_json(&status, &b);
    OK(says(&b, by_calls ? "\"calls_per_day\":100,\"usd_spent\"" : "\"usd_per_day\":1,\"stretch_ratio\""));
    buf_clear(&b);
    status_page(&status, &b);
    OK(says(&b, by_calls ? " of 100 calls" : " of 1 USD") && says(&b, " times</td>"));
    buf_done(&b);
}

/* All that was ever journalled of it. */
static int64_t calls_spent(void)
{
    struct spent hours[SPENT_HOURS];
    int64_t n = 0;

    ledger_spent(spine_ledger(spine), SV("f"), hours);
    for (int i = 0; i < SPENT_HOURS; i++)
        n += hours[i].calls;
    return n;
}

static bool stays_within(unsigned polls, double hours)
{
    /* The hours' share, what is saved up in one, and the poll that finds out. */
    double most = (hours + 1) * BUDGET / 24 + 1;

    printf("# %u calls in %.1f h, at most %.1f\n", polls, hours, most);
    return polls <= most && polls >= hours * BUDGET / 24 / 2;
}

/* It changes with each poll. */
static bool is_stretched(void)
{
    struct task_view t = task_now();

    return t.stretch > 7 && t.stretch < 60 && t.expected_lag_ms > 7 * 60000 + 660000;
}

static void it_stretches_and_never_stops(const struct source_budget *budget)
{
    double hours;

    begin(budget);
    wait_hours(24);
    hours = (double)(clock_now() - BEGIN) / (double)NANO_PER_H;
    OK(stays_within(fake.polls, hours));
    /* A minute has become nearly a quarter of an hour. */
    for (int i = 0; i < 5000 && !is_stretched(); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    OK(is_stretched());
    it_is_told(budget);
    scheduler_stop(scheduler);
    OK(calls_spent() == fake.polls);
    OK(fake_total(spine_ledger(spine)) > 23 * 60 / 2);
    end();
}

static void a_budget_of_calls_stretches_polling(void)
{
    it_stretches_and_never_stops(&(struct source_budget){ .calls_per_day = BUDGET });
}

static void a_budget_of_money_stretches_polling(void)
{
    it_stretches_and_never_stops(&(struct source_budget){ .usd_per_day = BUDGET / 100.0 });
}

static void without_a_budget_nothing_is_stretched(void)
{
    begin(&(struct source_budget){ 0 });
    for (int i = 0; i < 5000 && fake.polls < 150; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    OK(fake.polls >= 150);
    OK(task_now().stretch == 1);
    end();
}

static void what_fails_costs_as_much(void)
{
    double hours;

    begin(&(struct source_budget){ .calls_per_day = BUDGET });
    failing = true;
    wait_hours(12);
    hours = (double)(clock_now() - BEGIN) / (double)NANO_PER_H;
    OK(stays_within(fake.polls, hours));
    scheduler_stop(scheduler);
    OK(calls_spent() == fake.polls);
    end();
}

static void another_budget_holds_at_once(void)
{
    unsigned before;

    begin(&(struct source_budget){ .calls_per_day = BUDGET });
    wait_hours(6);
    halt(); /* as a reload does */
    before = fake.polls;
    go(&(struct source_budget){ .calls_per_day = 24 * BUDGET });
    wait_hours(4);
    printf("# %u calls before, %u with the larger budget in two thirds of the time\n", before, fake.polls);
    OK(fake.polls > 2 * before);
    end();
}

/* ---- kill -9 ---- */

/* Runs until it is killed, and tells each poll down the pipe before it is made. */
static enum err_code tells(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    if (write(STDOUT_FILENO, ".", 1) != 1)
        _exit(1);
    return a_cent(f, w, out, e);
}

static pid_t start_child(int out, struct clock_scale clock)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    dup2(out, STDOUT_FILENO);
    clock_set_scale(clock);
    spine = spine_open(&(struct spine_options){ .dir = dir }, NULL);
    spine_set_policy(spine, &keep);
    prepare(&(struct source_budget){ .calls_per_day = BUDGET });
    fake.answer = tells;
    scheduler_go(scheduler);
    for (;;)
        pause();
}

static void a_kill_grants_no_new_day(void)
{
    enum { KILLS = 8 };
    const struct clock_scale clock = { clock_now(), BEGIN, SPEED };
    char told[4096];
    ssize_t polls;
    int ends[2];
    double hours;

    clock_set_scale(clock);
    spine = fake_spine(dir, &keep);
    spine_close(spine);
    OK(pipe(ends) == 0);
    fflush(stdout);
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = start_child(ends[1], clock);

        wait_hours(3);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    hours = (double)(clock_now() - BEGIN) / (double)NANO_PER_H;
    close(ends[1]);
    polls = read(ends[0], told, sizeof told);
    close(ends[0]);
    /* A kill may take the cost of a poll with it that was not durable yet. */
    printf("# %zd calls in %.1f h with %d kills\n", polls, hours, KILLS);
    OK(polls > KILLS && (double)polls <= (hours + 1) * BUDGET / 24 + 1 + KILLS);
    fake_remove(dir);
    clock_set_system();
}

int main(void)
{
    RUN(a_budget_of_calls_stretches_polling);
    RUN(a_budget_of_money_stretches_polling);
    RUN(without_a_budget_nothing_is_stretched);
    RUN(what_fails_costs_as_much);
    RUN(another_budget_holds_at_once);
    RUN(a_kill_grants_no_new_day);
    return tap_done();
}
