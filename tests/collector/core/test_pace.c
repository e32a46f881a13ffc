/* S-24: when a source may go on, from what was spent by the hour. */
#include "collector/base/clock.h"
#include "collector/core/pace.h"

#include "tests/tap.h"

#define H0                 INT64_C(498658) /* 2026-11-20T10 */
#define AT(hours, minutes) ((H0 + (hours)) * NANO_PER_H + (minutes)*NANO_PER_MIN)

static const struct source_budget calls = { .calls_per_day = 96 }; /* one in 15 minutes */
static const struct source_budget money = { .usd_per_day = 2.4 };  /* a dime an hour */
static struct spent hours[SPENT_HOURS];

static void spend(int64_t hour, int64_t n, int64_t usd_nano)
{
    struct spent *s = &hours[(H0 + hour) % SPENT_HOURS];

    if (s->hour != H0 + hour)
        *s = (struct spent){ .hour = H0 + hour };
    s->calls += n;
    s->usd_nano += usd_nano;
}

static void nothing(void)
{
    memset(hours, 0, sizeof hours);
}

static int64_t next(const struct source_budget *b, int64_t now)
{
    return (pace_next(b, hours, now) - AT(0, 0)) / NANO_PER_MIN;
}

static void without_a_budget_nothing_waits(void)
{
    nothing();
    spend(0, 1000000, INT64_MAX);
    OK(pace_next(&(struct source_budget){ 0 }, hours, AT(0, 5)) == INT64_MIN);
    OK(!pace_is_set(&(struct source_budget){ 0 }) && pace_is_set(&calls) && pace_is_set(&money));
}

static void each_call_takes_its_share_of_the_day(void)
{
    nothing();
    OK(next(&calls, AT(0, 20)) == 0);
    spend(0, 1, 0);
    OK(next(&calls, AT(0, 20)) == 15);
    spend(0, 3, 0);
    OK(next(&calls, AT(0, 20)) == 60);
    OK(pace_cost(&calls, 1, 0) == 15 * NANO_PER_MIN);
}

static void money_is_paced_alike_and_the_scarcer_decides(void)
{
    const struct source_budget both = { 96, 2.4 };

    nothing();
    spend(0, 1, 50000000); /* a nickel: half an hour */
    OK(next(&money, AT(0, 1)) == 30);
    OK(next(&both, AT(0, 1)) == 30);
    spend(0, 5, 0);
    OK(next(&both, AT(0, 1)) == 90);
}

static void what_an_hour_leaves_ends_with_it(void)
{
    nothing();
    spend(-3, 1, 0);
    OK(next(&calls, AT(0, 30)) == 0);
    spend(0, 1, 0);
    OK(next(&calls, AT(0, 30)) == 15);
}

static void a_debt_goes_on_into_the_next_hours(void)
{
    nothing();
    spend(-2, 10, 0); /* two and a half hours */
    OK(next(&calls, AT(0, 0)) == 30);
    spend(-1, 2, 0);
    OK(next(&calls, AT(0, 0)) == 60);
}

static void nobody_waits_longer_than_a_day(void)
{
    nothing();
    spend(0, INT64_MAX, INT64_MAX);
    OK(next(&calls, AT(0, 7)) == 24 * 60 + 7);
    OK(next(&money, AT(0, 7)) == 24 * 60 + 7);
    OK(next(&calls, AT(25, 0)) == 25 * 60); /* and then it is forgotten */
}

/* C-01, C-02: hours that lie ahead were spent, but nobody waits for them to come. */
static void a_clock_that_was_set_back_holds_nothing_up(void)
{
    nothing();
    spend(8766, 2, 0);
    OK(next(&calls, AT(0, 10)) == 30);
    spend(1, 1, 0);
    OK(next(&calls, AT(0, 10)) == 45);
}

static void the_sum_is_that_of_a_day(void)
{
    nothing();
    spend(0, 1, 0);
    spend(-23, 10, 2000000000);
    spend(-24, 100, 0);
    spend(-25, 1000, 0); /* the place of this hour */
    spend(0, 1, 0);
    OK(pace_spent(hours, AT(0, 0)).calls == 111);
    OK(pace_spent(hours, AT(0, 30)).calls == 61);
    OK(pace_spent(hours, AT(0, 30)).usd == 2);
}

int main(void)
{
    RUN(without_a_budget_nothing_waits);
    RUN(each_call_takes_its_share_of_the_day);
    RUN(money_is_paced_alike_and_the_scarcer_decides);
    RUN(what_an_hour_leaves_ends_with_it);
    RUN(a_debt_goes_on_into_the_next_hours);
    RUN(nobody_waits_longer_than_a_day);
    RUN(a_clock_that_was_set_back_holds_nothing_up);
    RUN(the_sum_is_that_of_a_day);
    return tap_done();
}
