/*
 * Credentials without a cloud: renewals that are counted, held up, refused, and told how long to live.
 */
#ifndef TESTS_SOURCES_MINT_H
#define TESTS_SOURCES_MINT_H

#include "collector/sources/credentials.h"

#include "tests/collector/sources/auth_loop.h"

struct mint {
    struct credentials *c;
    struct arena memory;
    struct test_hold hold;
    const char *held; /* the one name that is held up; NULL: all */
    atomic_int made;
    atomic_int failure;        /* an err_code; 0: none */
    int64_t retry_after_ms;    /* of failures */
    int64_t life_ms, renew_ms; /* 0: no end; never */
};

/* Parts: "NAME-N", "secret-N", and an empty one. */
static inline enum err_code mint_renew(void *ctx, sv name, struct arena *scratch, struct credential *out, struct err *e)
{
    struct mint *m = ctx;
    int n = atomic_fetch_add(&m->made, 1) + 1, failure;

    test_hold(&m->hold, !m->held || sv_eq(sv_of(m->held), name));
    failure = m->failure;
    if (failure) {
        err_set(e, (enum err_code)failure, "refused %d", n);
        e->retry_after_ms = m->retry_after_ms;
        return (enum err_code)failure;
    }
    *out = (struct credential){
        .part = { arena_printf(scratch, "%.*s-%d", SV_ARG(name), n), arena_printf(scratch, "secret-%d", n), SV_NONE },
        .life_ms = m->life_ms,
        .renew_ms = m->renew_ms,
    };
    return ERR_OK;
}

/* An hour, renewed after fifty minutes; four names. */
static inline bool mint_start(struct mint *m)
{
    const struct credentials_config c = { .what = "name", .names_max = 4, .renew = mint_renew, .ctx = m };
    struct err e = { 0 };

    *m = (struct mint){ .life_ms = 60 * 60 * 1000, .renew_ms = 50 * 60 * 1000 };
    arena_init(&m->memory, 0);
    m->c = credentials_new(&c, &e);
    return m->c != NULL;
}

static inline void mint_stop(struct mint *m)
{
    credentials_free(m->c);
    arena_done(&m->memory);
}

/* struct want's ask. */
static inline enum err_code mint_ask(void *from, sv name, struct arena *memory, sv *got, struct err *e)
{
    struct mint *m = from;
    struct credential set;
    enum err_code code = credentials_get(m->c, name, memory, &set, e);

    if (!code)
        *got = set.part[0];
    return code;
}

#endif
