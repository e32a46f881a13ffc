/*
 * Several threads want one token of Google's: the endpoint is asked once, also after a refusal. What the cache does for all
 * clouds is in test_credentials_threads.c.
 */
#include "tests/collector/sources/gcp/google_server.h"
#include "tests/tap.h"

static void eight_threads_make_one_request(void)
{
    struct want like = { .ask = google_ask, .name = "" };
    struct google_server s;
    struct err e;
    int good;

    OK(google_start(&s) && google_write(&s, "%s", GOOGLE_USER));
    like.from = google_auth(&s, &e);
    OK(want_together(&like, &s.hold, ERR_OK, "ya29.t1", &good));
    OK(good == THREADS && s.tokens == 1);
    for (int i = 0; i < THREADS; i++)
        gcp_auth_refused(like.from, SV("ya29.t1"));
    OK(want_together(&like, &s.hold, ERR_OK, "ya29.t2", &good));
    OK(good == THREADS && s.tokens == 2);
    gcp_auth_free(like.from);
    google_stop(&s);
}

static void all_who_wait_hear_of_the_one_failure(void)
{
    struct want like = { .ask = google_ask, .name = "" };
    struct google_server s;
    struct err e;
    int told;

    OK(google_start(&s) && google_write(&s, "%s", GOOGLE_USER));
    like.from = google_auth(&s, &e);
    s.status = 400;
    s.failures = -1;
    s.body = "{\"error\":\"invalid_grant\"}";
    OK(want_together(&like, &s.hold, ERR_CONFIG, "", &told));
    OK(told == THREADS && s.tokens == 1);
    gcp_auth_free(like.from);
    google_stop(&s);
}

/* struct want's ask, for the project. */
static enum err_code ask_project(void *from, sv name, struct arena *memory, sv *got, struct err *e)
{
    (void)name;
    return gcp_auth_project(from, memory, got, e);
}

static void the_project_is_the_same_for_all(void)
{
    struct want like = { .ask = ask_project, .name = "" };
    struct google_server s;
    struct gcp_auth_config c;
    struct err e = { 0 };
    struct test_hold nobody = { 0 };
    int good;

    OK(google_start(&s));
    c = google_config(&s);
    c.credentials_file = NULL;
    like.from = gcp_auth_new(&c, &s.env, &e);
    nobody.waiting = 1;
    (void)want_together(&like, &nobody, ERR_OK, "meta-project", &good);
    OK(good == THREADS && s.metadata >= 1 && s.metadata <= THREADS);
    gcp_auth_free(like.from);
    google_stop(&s);
}

int main(void)
{
    clock_set_manual((int64_t)time(NULL) * NANO_PER_S);
    RUN(eight_threads_make_one_request);
    RUN(all_who_wait_hear_of_the_one_failure);
    RUN(the_project_is_the_same_for_all);
    return tap_done();
}
