/*
 * Several threads want one token of Entra's: the endpoint is asked once, also after a refusal. What the cache does for all
 * clouds is in test_credentials_threads.c.
 */
#include "tests/collector/sources/azure/token_server.h"
#include "tests/tap.h"

static void eight_threads_make_one_request(void)
{
    struct want like = { .ask = token_ask, .name = token_audience.at };
    struct token_server s;
    int good;

    OK(token_server_start(&s));
    like.from = token_auth(&s);
    OK(want_together(&like, &s.hold, ERR_OK, "token-1", &good));
    OK(good == THREADS && s.calls == 1);
    for (int i = 0; i < THREADS; i++)
        azure_token_refused(like.from, token_audience, SV("token-1"));
    OK(want_together(&like, &s.hold, ERR_OK, "token-2", &good));
    OK(good == THREADS && s.calls == 2);
    azure_auth_free(like.from);
    token_server_stop(&s);
}

static void all_who_wait_hear_of_the_one_failure(void)
{
    struct want like = { .ask = token_ask, .name = token_audience.at };
    struct token_server s;
    int told;

    OK(token_server_start(&s));
    like.from = token_auth(&s);
    s.status = 401;
    s.failures = -1;
    s.body = "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}";
    OK(want_together(&like, &s.hold, ERR_CONFIG, "", &told));
    OK(told == THREADS && s.calls == 1);
    azure_auth_free(like.from);
    token_server_stop(&s);
}

int main(void)
{
    setenv("TEST_AZURE_SECRET", "s3cr3t", 1);
    clock_set_manual(INT64_C(1795168800000000000));
    RUN(eight_threads_make_one_request);
    RUN(all_who_wait_hear_of_the_one_failure);
    return tap_done();
}
