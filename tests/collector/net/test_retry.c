/* Backoff: bounds, growth and the server's own word. */
#include "collector/base/clock.h"
#include "collector/net/retry.h"

#include "tests/tap.h"

static const struct err passing = { .code = ERR_RETRY };

static void waits_stay_under_a_ceiling_that_doubles(void)
{
    int64_t ceiling = 1000;
    bool inside = true, spread = false;

    for (unsigned n = 0; n < 12; n++, ceiling = ceiling * 2 < 300000 ? ceiling * 2 : 300000) {
        int64_t most = 0;

        for (int i = 0; i < 400; i++) {
            struct retry r = { .failures = n };
            int64_t ms = retry_after_failure(&r, &passing);

            inside = inside && ms >= 0 && ms <= ceiling && r.failures == n + 1;
            most = ms > most ? ms : most;
        }
        spread = most > ceiling * 9 / 10;
        OK(inside && spread);
    }
}

static void jitter_is_full(void)
{
    int64_t sum = 0;
    unsigned low = 0;

    for (int i = 0; i < 1000; i++) {
        struct retry r = { .base_ms = 100, .failures = 3 };
        int64_t ms = retry_after_failure(&r, &passing);

        sum += ms;
        low += ms < 200;
    }
    OK(sum > 350 * 1000 && sum < 450 * 1000);
    OK(low > 180 && low < 320);
}

static void own_bounds_are_kept(void)
{
    struct retry r = { .base_ms = 10, .cap_ms = 40 };
    struct retry odd = { .base_ms = 500, .cap_ms = 40 };
    bool inside = true;

    for (int i = 0; i < 5000; i++)
        inside = inside && retry_after_failure(&r, &passing) <= 40 && retry_after_failure(&odd, &passing) <= 40;
    OK(inside);
    OK(r.failures <= 5000);
    retry_success(&r);
    OK(r.failures == 0 && retry_after_failure(&r, &passing) <= 10);
}

static void the_servers_word_is_kept_plus_up_to_a_tenth(void)
{
    struct err throttled = { .code = ERR_THROTTLED, .retry_after_ms = 60000 };
    bool inside = true;
    int64_t most = 0;

    for (int i = 0; i < 200; i++) {
        struct retry r = { .cap_ms = 10 };
        int64_t ms = retry_after_failure(&r, &throttled);

        inside = inside && ms >= 60000 && ms <= 66000;
        most = ms > most ? ms : most;
    }
    OK(inside);
    OK(most > 63000);
}

static void what_a_person_must_mend_waits_five_minutes(void)
{
    static const enum err_code codes[] = { ERR_DENIED, ERR_CONFIG };

    for (int i = 0; i < 2; i++) {
        struct retry r = { .base_ms = 1 };
        struct err e = { .code = codes[i] };
        int64_t ms = retry_after_failure(&r, &e);

        OK(ms >= 300000 && ms <= 330000);
    }
}

int main(void)
{
    clock_seed(7);
    RUN(waits_stay_under_a_ceiling_that_doubles);
    RUN(jitter_is_full);
    RUN(own_bounds_are_kept);
    RUN(the_servers_word_is_kept_plus_up_to_a_tenth);
    RUN(what_a_person_must_mend_waits_five_minutes);
    return tap_done();
}
