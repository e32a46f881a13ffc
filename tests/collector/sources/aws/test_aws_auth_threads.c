/*
 * Several threads want one account's set: STS is asked once, also after a refusal, and who we are is asked once; an account
 * whose STS answer does not come delays no other. What the cache does for all clouds is in test_credentials_threads.c.
 */
#include "tests/collector/sources/aws/sts_server.h"
#include "tests/tap.h"

static void eight_threads_make_one_request(void)
{
    struct want like = { .ask = sts_ask, .name = "222222222222" };
    struct sts_server s;
    int good;

    OK(sts_server_start(&s));
    like.from = sts_auth(&s);
    OK(want_together(&like, &s.hold, ERR_OK, "ASIA2222222222221", &good));
    OK(good == THREADS && s.assumed == 1 && s.callers == 1);
    for (int i = 0; i < THREADS; i++)
        aws_auth_refused(like.from, SV("222222222222"), SV("ASIA2222222222221"));
    OK(want_together(&like, &s.hold, ERR_OK, "ASIA2222222222222", &good));
    OK(good == THREADS && s.assumed == 2 && s.callers == 1);
    aws_auth_free(like.from);
    sts_server_stop(&s);
}

static void all_who_wait_hear_of_the_one_refusal(void)
{
    struct want like = { .ask = sts_ask, .name = "222222222222" };
    struct sts_server s;
    int told;

    OK(sts_server_start(&s));
    like.from = sts_auth(&s);
    s.status = 403;
    s.failures = -1;
    s.only = "AssumeRole";
    s.body = "<Error><Code>AccessDenied</Code></Error>";
    OK(want_together(&like, &s.hold, ERR_DENIED, "", &told));
    OK(told == THREADS && s.assumed == 1);
    aws_auth_free(like.from);
    sts_server_stop(&s);
}

static void an_account_that_hangs_delays_no_other(void)
{
    struct want hanging = { .ask = sts_ask, .name = "222222222222" },
                other = { .ask = sts_ask, .name = "333333333333" };
    struct sts_server s;
    pthread_t t;

    OK(sts_server_start(&s));
    hanging.from = other.from = sts_auth(&s);
    s.only = "222222222222";
    s.hold.on = 1;
    pthread_create(&t, NULL, want_run, &hanging);
    UNTIL(s.assumed == 1);
    want_run(&other);
    OK(!hanging.done && other.code == ERR_OK && strncmp(other.got, "ASIA333333333333", 16) == 0);
    s.hold.on = 0;
    pthread_join(t, NULL);
    OK(hanging.code == ERR_OK);
    aws_auth_free(hanging.from);
    sts_server_stop(&s);
}

int main(void)
{
    int64_t now = clock_now();

    setenv("TEST_AWS_EXTERNAL_ID", "ext-1", 1);
    clock_set_manual(now);
    RUN(eight_threads_make_one_request);
    RUN(all_who_wait_hear_of_the_one_refusal);
    RUN(an_account_that_hangs_delays_no_other);
    return tap_done();
}
