/*
 * Single flight: eight threads want one token, the endpoint is asked once; while a renewal is in the air, others go on
 * with the old token instead of waiting.
 */
#include "tests/collector/sources/azure/token_server.h"
#include "tests/tap.h"

enum { THREADS = 8 };

struct want {
    struct token_server *s;
    struct azure_auth *a;
    enum err_code code;
    char token[32], text[400];
    atomic_bool *done;
};

static void *get_token(void *arg)
{
    struct want *w = arg;
    struct arena memory;
    struct err e = { 0 };
    sv bearer = SV_NONE;

    arena_init(&memory, 0);
    w->code = azure_token(w->a, token_audience, &memory, &bearer, &e);
    snprintf(w->token, sizeof w->token, "%.*s", SV_ARG(bearer));
    snprintf(w->text, sizeof w->text, "%s", e.text);
    if (w->done)
        *w->done = true;
    arena_done(&memory);
    return NULL;
}

/* Until the condition holds, ten seconds at most. */
#define UNTIL(cond)                                                                                                    \
    do {                                                                                                               \
        for (int tries = 0; !(cond) && tries < 10000; tries++)                                                         \
            usleep(1000);                                                                                              \
        OK(cond);                                                                                                      \
    } while (0)

/* The first flies; the server holds its answer until all the others had time to pile up behind it. */
static void together(struct token_server *s, struct azure_auth *a, struct want w[THREADS])
{
    pthread_t t[THREADS];

    s->hold = 1;
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct want){ .s = s, .a = a };
        pthread_create(&t[i], NULL, get_token, &w[i]);
    }
    UNTIL(s->waiting == 1);
    s->hold = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}

static void eight_threads_make_one_request(void)
{
    struct want w[THREADS];
    struct token_server s;
    struct azure_auth *a;
    int good = 0;

    OK(token_server_start(&s));
    a = token_auth(&s);
    together(&s, a, w);
    for (int i = 0; i < THREADS; i++)
        good += w[i].code == ERR_OK && strcmp(w[i].token, "token-1") == 0;
    OK(good == THREADS && s.calls == 1);
    azure_auth_free(a);
    token_server_stop(&s);
}

static void all_who_wait_hear_of_the_one_failure(void)
{
    struct want w[THREADS];
    struct token_server s;
    struct azure_auth *a;
    int told = 0;

    OK(token_server_start(&s));
    a = token_auth(&s);
    s.status = 401;
    s.failures = -1;
    s.body = "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}";
    together(&s, a, w);
    for (int i = 0; i < THREADS; i++)
        told += w[i].code == ERR_CONFIG && strstr(w[i].text, "AADSTS7000215") != NULL;
    OK(told == THREADS && s.calls == 1);
    azure_auth_free(a);
    token_server_stop(&s);
}

static void a_renewal_in_the_air_delays_nobody(void)
{
    atomic_bool done = false;
    struct token_server s;
    struct want first, flying, other;
    pthread_t t;

    OK(token_server_start(&s));
    first = (struct want){ .s = &s, .a = token_auth(&s) };
    get_token(&first);
    clock_advance(3400 * NANO_PER_S);
    s.hold = 1;
    flying = (struct want){ .s = &s, .a = first.a, .done = &done };
    pthread_create(&t, NULL, get_token, &flying);
    UNTIL(s.waiting == 1);
    other = (struct want){ .s = &s, .a = first.a };
    get_token(&other);
    OK(!done && other.code == ERR_OK && strcmp(other.token, "token-1") == 0);
    s.hold = 0;
    pthread_join(t, NULL);
    OK(flying.code == ERR_OK && strcmp(flying.token, "token-2") == 0 && s.calls == 2);
    azure_auth_free(first.a);
    token_server_stop(&s);
}

static void refusals_from_all_sides_cost_one_renewal(void)
{
    struct want w[THREADS];
    struct token_server s;
    struct azure_auth *a;
    int good = 0;

    OK(token_server_start(&s));
    a = token_auth(&s);
    w[0] = (struct want){ .s = &s, .a = a };
    get_token(&w[0]);
    for (int i = 0; i < THREADS; i++)
        azure_token_refused(a, token_audience, SV("token-1"));
    together(&s, a, w);
    for (int i = 0; i < THREADS; i++)
        good += w[i].code == ERR_OK && strcmp(w[i].token, "token-2") == 0;
    OK(good == THREADS && s.calls == 2);
    azure_auth_free(a);
    token_server_stop(&s);
}

int main(void)
{
    setenv("TEST_AZURE_SECRET", "s3cr3t", 1);
    clock_set_manual(INT64_C(1795168800000000000));
    RUN(eight_threads_make_one_request);
    RUN(all_who_wait_hear_of_the_one_failure);
    RUN(a_renewal_in_the_air_delays_nobody);
    RUN(refusals_from_all_sides_cost_one_renewal);
    return tap_done();
}
