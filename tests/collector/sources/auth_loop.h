/*
 * What tests of every cloud's credentials stand on: an environment of their own, small files, a source_env that reaches
 * loopback, and threads that all want one credential at the same time.
 */
#ifndef TESTS_SOURCES_AUTH_LOOP_H
#define TESTS_SOURCES_AUTH_LOOP_H

#include <sched.h>
#include <stdatomic.h>

#include "collector/base/clock.h"
#include "collector/sources/source.h"
#include "collector/sources/stats.h"

#include "tests/collector/net/loop.h"

/* ---- Environment variables: none but these. Name, value, name, value, ... ---- */

static const char *test_environment[24];

static inline const char *test_getenv(const char *name)
{
    for (size_t i = 0; i + 1 < sizeof test_environment / sizeof *test_environment && test_environment[i]; i += 2)
        if (strcmp(test_environment[i], name) == 0)
            return test_environment[i + 1];
    return NULL;
}

static inline void test_setenv(const char *name, const char *value)
{
    size_t i = 0;

    while (test_environment[i] && strcmp(test_environment[i], name) != 0)
        i += 2;
    test_environment[i] = name;
    test_environment[i + 1] = value;
}

static inline bool test_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    return f && fputs(text, f) >= 0 && fclose(f) == 0;
}

/* ---- A source_env ---- */

static inline bool test_env_start(struct source_env *env, sv id)
{
    memset(test_environment, 0, sizeof test_environment);
    *env = (struct source_env){
        .id = id, .http = loop_client(NULL), .limits = rate_limits_new(), .stats = source_stats_new()
    };
    return env->http && env->limits && env->stats;
}

static inline void test_env_stop(struct source_env *env)
{
    http_client_free(env->http);
    rate_limits_free(env->limits);
    source_stats_free(env->stats);
}

/* ---- A handler that can be held up, so that a flight stays in the air ---- */

struct test_hold {
    atomic_int on; /* waits while set */
    atomic_int waiting;
};

static inline void test_hold(struct test_hold *h, bool meant)
{
    h->waiting++;
    while (meant && h->on)
        sched_yield();
    h->waiting--;
}

/* Until the condition holds, ten seconds at most. */
#define UNTIL(cond)                                                                                                    \
    do {                                                                                                               \
        for (int tries = 0; !(cond) && tries < 10000; tries++)                                                         \
            usleep(1000);                                                                                              \
        OK(cond);                                                                                                      \
    } while (0)

/* ---- Threads that want ---- */

enum { THREADS = 8 };

struct want {
    enum err_code (*ask)(void *from, sv name, struct arena *memory, sv *got, struct err *e);
    void *from;
    const char *name;
    atomic_bool begun, done;
    enum err_code code;
    char got[64], text[400];
};

static inline void *want_run(void *arg)
{
    struct want *w = arg;
    struct arena memory;
    struct err e = { 0 };
    sv got = SV_NONE;

    arena_init(&memory, 0);
    w->begun = true;
    w->code = w->ask(w->from, sv_of(w->name), &memory, &got, &e);
    snprintf(w->got, sizeof w->got, "%.*s", SV_ARG(got));
    snprintf(w->text, sizeof w->text, "%s", e.text);
    w->done = true;
    arena_done(&memory);
    return NULL;
}

/* Eight times what `like` wants. The first one flies and is held until the others have had time to pile up behind it.
 * Returns whether one alone was waiting, and how many of them got `got` with `code`. */
static inline bool want_together(const struct want *like, struct test_hold *hold, enum err_code code, const char *got,
                                 int *n)
{
    static struct want w[THREADS];
    pthread_t t[THREADS];
    bool alone;

    hold->on = 1;
    for (int i = 0; i < THREADS; i++) {
        w[i].ask = like->ask, w[i].from = like->from, w[i].name = like->name;
        w[i].begun = w[i].done = false;
        pthread_create(&t[i], NULL, want_run, &w[i]);
    }
    for (int i = 0, tries = 0; i < THREADS && tries < 10000;)
        if (w[i].begun && hold->waiting > 0)
            i++;
        else
            usleep(1000), tries++;
    usleep(2000); /* from the door to the wait; too short could only hide a fault, not show one */
    alone = hold->waiting == 1;
    hold->on = 0;
    *n = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        *n += w[i].code == code && strcmp(w[i].got, got) == 0;
    }
    return alone;
}

#endif
