/*
 * Single flight: eight threads want one account's set, STS is asked once; a renewal in the air delays nobody; an account
 * whose STS answer does not come delays no other account.
 */
#include "tests/collector/sources/aws/sts_server.h"
#include "tests/tap.h"

enum { THREADS = 8 };

struct want {
    struct aws_auth *a;
    const char *account;
    enum err_code code;
    char id[64];
    atomic_bool *done;
};

static void *get_keys(void *arg)
{
    struct want *w = arg;
    struct aws_credentials c = { 0 };
    struct arena memory;
    struct err e = { 0 };

    arena_init(&memory, 0);
    w->code = aws_auth_get(w->a, sv_of(w->account), &memory, &c, &e);
    snprintf(w->id, sizeof w->id, "%.*s", SV_ARG(c.access_key_id));
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

/* The first flies; the server holds its answer until the others have had time to pile up behind it. */
static void together(struct sts_server *s, struct aws_auth *a, struct want w[THREADS])
{
    pthread_t t[THREADS];

    s->hold = 1;
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct want){ .a = a, .account = "222222222222" };
        pthread_create(&t[i], NULL, get_keys, &w[i]);
    }
    UNTIL(s->waiting == 1);
    s->hold = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}

static void eight_threads_make_one_request(void)
{
    struct want w[THREADS];
    struct sts_server s;
    struct aws_auth *a;
    int good = 0;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    together(&s, a, w);
    for (int i = 0; i < THREADS; i++)
        good += w[i].code == ERR_OK && strcmp(w[i].id, "ASIA2222222222221") == 0;
    OK(good == THREADS && s.assumed == 1 && s.callers == 1);
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void all_who_wait_hear_of_the_one_refusal(void)
{
    struct want w[THREADS];
    struct sts_server s;
    struct aws_auth *a;
    int told = 0;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    s.status = 403;
    s.failures = -1;
    s.only = "AssumeRole";
    s.body = "<Error><Code>AccessDenied</Code></Error>";
    together(&s, a, w);
    for (int i = 0; i < THREADS; i++)
        told += w[i].code == ERR_DENIED;
    OK(told == THREADS && s.assumed == 1);
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_renewal_in_the_air_delays_nobody(void)
{
    atomic_bool done = false;
    struct sts_server s;
    struct want first, flying, other;
    pthread_t t;

    OK(sts_server_start(&s));
    first = (struct want){ .a = sts_auth(&s), .account = "222222222222" };
    get_keys(&first);
    clock_advance(46 * NANO_PER_MIN);
    s.hold = 1;
    flying = (struct want){ .a = first.a, .account = "222222222222", .done = &done };
    pthread_create(&t, NULL, get_keys, &flying);
    UNTIL(s.waiting == 1);
    other = (struct want){ .a = first.a, .account = "222222222222" };
    get_keys(&other);
    OK(!done && other.code == ERR_OK && strcmp(other.id, "ASIA2222222222221") == 0);
    s.hold = 0;
    pthread_join(t, NULL);
    OK(flying.code == ERR_OK && strcmp(flying.id, "ASIA2222222222222") == 0 && s.assumed == 2);
    aws_auth_free(first.a);
    sts_server_stop(&s);
}

static void an_account_that_hangs_delays_no_other(void)
{
    atomic_bool done = false;
    struct sts_server s;
    struct want hanging, other;
    pthread_t t;

    OK(sts_server_start(&s));
    hanging = (struct want){ .a = sts_auth(&s), .account = "222222222222", .done = &done };
    s.only = "222222222222";
    s.hold = 1;
    pthread_create(&t, NULL, get_keys, &hanging);
    UNTIL(s.assumed == 1);
    other = (struct want){ .a = hanging.a, .account = "333333333333" };
    get_keys(&other);
    OK(!done && other.code == ERR_OK && strncmp(other.id, "ASIA333333333333", 16) == 0);
    s.hold = 0;
    pthread_join(t, NULL);
    OK(hanging.code == ERR_OK);
    aws_auth_free(hanging.a);
    sts_server_stop(&s);
}

static void refusals_from_all_sides_cost_one_renewal(void)
{
    struct want w[THREADS];
    struct sts_server s;
    struct aws_auth *a;
    int good = 0;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    w[0] = (struct want){ .a = a, .account = "222222222222" };
    get_keys(&w[0]);
    for (int i = 0; i < THREADS; i++)
        aws_auth_refused(a, SV("222222222222"), SV("ASIA2222222222221"));
    together(&s, a, w);
    for (int i = 0; i < THREADS; i++)
        good += w[i].code == ERR_OK && strcmp(w[i].id, "ASIA2222222222222") == 0;
    OK(good == THREADS && s.assumed == 2);
    aws_auth_free(a);
    sts_server_stop(&s);
}

int main(void)
{
    int64_t now = clock_now();

    setenv("TEST_AWS_EXTERNAL_ID", "ext-1", 1);
    clock_set_manual(now);
    RUN(eight_threads_make_one_request);
    RUN(all_who_wait_hear_of_the_one_refusal);
    RUN(a_renewal_in_the_air_delays_nobody);
    RUN(an_account_that_hangs_delays_no_other);
    RUN(refusals_from_all_sides_cost_one_renewal);
    return tap_done();
}
