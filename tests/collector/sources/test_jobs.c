/* Jobs from timings; how opening ends. */
#include "collector/sources/jobs.h"

#include "tests/tap.h"

static const struct timings when = { MINUTES(5), MINUTES(3), HOURS(6), HOURS(5), true };
static const struct reach reach = { MINUTES(1), HOURS(3), DAYS(14) };

static void a_window_holds_the_lookback(void)
{
    struct arena arena;
    struct job_list l = { .arena = &arena };
    const struct source_job *j;
    const struct timings brief = { MINUTES(1), 0, MINUTES(10), MINUTES(5), false };

    arena_init(&arena, 1 << 20);
    j = job_windowed(&l, SV("project:p"), SV("metrics/requests"), "metrics", &when, &reach);
    OK(j && j->kind == JOB_WINDOWED && j->span_max_ms == HOURS(6) + MINUTES(1));
    OK(j && j->interval_ms == MINUTES(5) && j->delay_ms == MINUTES(3) && j->lookback_ms == HOURS(6));
    OK(j && j->settle_ms == HOURS(5) && j->grain_ms == MINUTES(1) && j->retention_ms == DAYS(14) && !j->discovers);
    OK(j && j->controls && j->control_grain_ms == HOURS(1));
    OK(sv_eq(j->scope, SV("project:p")));
    OK(sv_eq(j->group, SV("metrics/requests")));
    OK(sv_eq(j->signal, SV("metrics")));
    j = job_windowed(&l, SV("s"), SV("audit"), "audit", &brief, &reach);
    OK(j && j->span_max_ms == HOURS(3) && !j->controls);
    j = job_snapshot(&l, SV("s"), "inventory", 7, true);
    OK(j && j->kind == JOB_SNAPSHOT && j->interval_ms == 7 && j->discovers);
    OK(sv_eq(j->signal, SV("inventory")));
    OK(l.n == 3);
    arena_done(&arena);
}

static void what_found_no_room_is_told(void)
{
    struct arena arena;
    struct job_list l = { .arena = &arena };
    struct err e = { 0 };

    arena_init(&arena, 1 << 20);
    OK(!job_snapshot(&l, (sv){ NULL, 0 }, "inventory", 7, true));
    OK(!job_windowed(&l, SV("s"), (sv){ NULL, 0 }, "metrics", &when, &reach));
    OK(l.n == 0);
    OK(jobs_listed(true, &e) == ERR_OK);
    OK(jobs_listed(false, &e) == ERR_LIMIT);
    OK(strcmp(e.text, "no room for the list of jobs") == 0);
    arena_done(&arena);
}

static void what_settles_falls_not_out_of_the_lookback(void)
{
    struct timings t = { .lookback_ms = MINUTES(10), .settle_ms = MINUTES(10) };
    struct err e = { 0 };

    OK(timings_check(&t, "logs", &e) == ERR_OK);
    t.settle_ms++;
    OK(timings_check(&t, "logs", &e) == ERR_CONFIG);
    OK(strcmp(e.text, "logs.settle must not exceed logs.lookback") == 0);
}

struct closing {
    struct source base;
    bool closed;
};

static void on_close(struct source *s)
{
    ((struct closing *)s)->closed = true;
}

static void a_failed_opening_is_closed_and_named(void)
{
    static const struct source_ops ops = { .name = "one", .close = on_close };
    const struct source_env env = { .id = SV("mine") };
    struct closing c = { .base = { &ops, &env } };
    struct err e = { 0 };

    OK(source_opened(&c.base, ERR_OK, &e) == &c.base && !c.closed);
    OK(source_opened(&c.base, err_set(&e, ERR_CONFIG, "no key"), &e) == NULL && c.closed);
    OK(strcmp(e.text, "mine: no key") == 0);
}

static void a_client_needs_its_authorities(void)
{
    struct source_env env = { .id = SV("mine") };
    struct http_client *own;
    struct err e = { 0 };

    OK(source_client(NULL, true, &env, &own, &e) == ERR_OK && own && env.http == own);
    http_client_free(own);
    OK(source_client("/no/such/file.pem", false, &env, &own, &e) == ERR_CONFIG && !own && !env.http);
}

int main(void)
{
    RUN(a_window_holds_the_lookback);
    RUN(what_found_no_room_is_told);
    RUN(what_settles_falls_not_out_of_the_lookback);
    RUN(a_failed_opening_is_closed_and_named);
    RUN(a_client_needs_its_authorities);
    return tap_done();
}
