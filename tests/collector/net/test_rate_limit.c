/* Token buckets on a clock that the test moves; only the waiting ones run on the system's. */
#include <pthread.h>

#include "collector/base/clock.h"
#include "collector/net/rate_limit.h"

#include "tests/tap.h"

static const int64_t start = INT64_C(1795168803) * NANO_PER_S;
static struct err e;

static enum err_code take(struct rate_limits *r, const char *quota, int64_t max_wait_ms)
{
    return rate_take(r, sv_of(quota), 3, 2, max_wait_ms, &e);
}

static void a_burst_passes_and_then_the_rate_holds(void)
{
    struct rate_limits *r = rate_limits_new();

    clock_set_manual(start);
    for (int i = 0; i < 3; i++)
        OK(take(r, "a", 0) == ERR_OK);
    OK(take(r, "a", 0) == ERR_THROTTLED && e.retry_after_ms == 500);
    OK(sv_has(sv_of(e.text), SV("quota a")));
    OK(take(r, "a", 499) == ERR_THROTTLED); /* would wait longer than it may */
    clock_advance(499 * NANO_PER_MS);
    OK(take(r, "a", 0) == ERR_THROTTLED && e.retry_after_ms == 1);
    clock_advance(NANO_PER_MS);
    OK(take(r, "a", 0) == ERR_OK);
    OK(take(r, "a", 0) == ERR_THROTTLED);
    clock_advance(NANO_PER_H);
    for (int i = 0; i < 3; i++)
        OK(take(r, "a", 0) == ERR_OK);
    OK(take(r, "a", 0) == ERR_THROTTLED); /* never more than the burst */
    rate_limits_free(r);
}

static void many_small_steps_lose_no_token(void)
{
    struct rate_limits *r = rate_limits_new();
    int taken = 0;

    clock_set_manual(start);
    for (int i = 0; i < 100000; i++) {
        taken += take(r, "a", 0) == ERR_OK;
        clock_advance(NANO_PER_MS);
    }
    OK(taken >= 202 && taken <= 203); /* burst 3, then 2/s for 100 s */
    rate_limits_free(r);
}

static void quotas_do_not_touch_each_other(void)
{
    struct rate_limits *r = rate_limits_new();

    clock_set_manual(start);
    for (int i = 0; i < 3; i++)
        OK(take(r, "arm:one", 0) == ERR_OK);
    OK(take(r, "arm:one", 0) == ERR_THROTTLED);
    OK(take(r, "arm:two", 0) == ERR_OK);
    rate_penalize(r, SV("arm:two"), 1000);
    OK(take(r, "arm:two", 0) == ERR_THROTTLED);
    OK(take(r, "arm:three", 0) == ERR_OK);
    rate_limits_free(r);
}

static void a_penalty_closes_for_everybody_and_opens_with_one_token(void)
{
    struct rate_limits *r = rate_limits_new();

    clock_set_manual(start);
    rate_penalize(r, SV("a"), 10000);
    OK(take(r, "a", 9999) == ERR_THROTTLED && e.retry_after_ms == 10000);
    rate_penalize(r, SV("a"), 2000); /* a shorter one does not open earlier */
    rate_penalize(r, SV("a"), -1);
    clock_advance(9999 * NANO_PER_MS);
    OK(take(r, "a", 0) == ERR_THROTTLED && e.retry_after_ms == 1);
    clock_advance(NANO_PER_MS);
    OK(take(r, "a", 0) == ERR_OK);
    OK(take(r, "a", 0) == ERR_THROTTLED && e.retry_after_ms == 500);
    clock_advance(500 * NANO_PER_MS);
    OK(take(r, "a", 0) == ERR_OK);
    rate_limits_free(r);
}

static void extreme_figures_do_not_overflow(void)
{
    struct rate_limits *r = rate_limits_new();

    clock_set_manual(start);
    OK(rate_take(r, SV("never"), 1, 0, INT64_MAX, &e) == ERR_OK);
    OK(rate_take(r, SV("never"), 1, 0, 1000, &e) == ERR_THROTTLED && e.retry_after_ms > 0);
    OK(rate_take(r, SV("small"), 0.1, 1, 0, &e) == ERR_OK); /* a bucket holds one token at least */
    OK(rate_take(r, SV("small"), 0.1, 1, -5, NULL) == ERR_THROTTLED);
    rate_penalize(r, SV("long"), INT64_MAX);
    OK(rate_take(r, SV("long"), 1, 1, 1000, &e) == ERR_THROTTLED && e.retry_after_ms <= INT64_C(604800000));
    rate_limits_free(r);
}

static void above_the_maximum_new_names_share_one_bucket(void)
{
    struct rate_limits *r = rate_limits_new();
    int good = 0;

    clock_set_manual(start);
    for (int i = 0; i < RATE_QUOTAS_MAX; i++) {
        char name[32];

        snprintf(name, sizeof name, "q%d", i);
        good += rate_take(r, sv_of(name), 1, 1, 0, &e) == ERR_OK;
    }
    OK(good == RATE_QUOTAS_MAX);
    OK(rate_take(r, SV("one more"), 1, 1, 0, &e) == ERR_OK);
    OK(rate_take(r, SV("another"), 1, 1, 0, &e) == ERR_THROTTLED);
    OK(rate_take(r, SV("q7"), 1, 1, 0, &e) == ERR_THROTTLED);
    clock_advance(NANO_PER_S);
    OK(rate_take(r, SV("q7"), 1, 1, 0, &e) == ERR_OK);
    rate_limits_free(r);
}

static void who_may_wait_gets_a_token_in_time(void)
{
    struct rate_limits *r = rate_limits_new();
    int64_t begun;

    clock_set_system();
    begun = clock_mono();
    for (int i = 0; i < 6; i++)
        OK(rate_take(r, SV("a"), 1, 50, 5000, &e) == ERR_OK);
    OK(clock_mono() - begun >= 99 * NANO_PER_MS);
    rate_limits_free(r);
}

static void *wait_long(void *r)
{
    static enum err_code code;

    code = rate_take(r, SV("a"), 1, 0.001, 3600000, NULL);
    return &code;
}

static void cancel_wakes_the_waiters(void)
{
    struct rate_limits *r = rate_limits_new();
    pthread_t waiter;
    void *code = NULL;
    int64_t begun;

    clock_set_system();
    begun = clock_mono();
    OK(rate_take(r, SV("a"), 1, 0.001, 0, &e) == ERR_OK);
    OK(pthread_create(&waiter, NULL, wait_long, r) == 0);
    rate_limits_cancel(r);
    pthread_join(waiter, &code);
    OK(code && *(enum err_code *)code == ERR_CANCELLED);
    OK(rate_take(r, SV("b"), 1, 1, 0, &e) == ERR_CANCELLED);
    OK(clock_mono() - begun < 60 * NANO_PER_S);
    rate_limits_free(r);
    rate_limits_free(NULL);
}

int main(void)
{
    RUN(a_burst_passes_and_then_the_rate_holds);
    RUN(many_small_steps_lose_no_token);
    RUN(quotas_do_not_touch_each_other);
    RUN(a_penalty_closes_for_everybody_and_opens_with_one_token);
    RUN(extreme_figures_do_not_overflow);
    RUN(above_the_maximum_new_names_share_one_bucket);
    RUN(who_may_wait_gets_a_token_in_time);
    RUN(cancel_wakes_the_waiters);
    return tap_done();
}
