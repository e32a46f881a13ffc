/*
 * The token cache: one entry per audience, one renewal in flight per entry.
 *
 * The lock is never held over a call. Who finds a token that must be renewed marks the entry as `flying`, asks without
 * the lock and then wakes those who wait; who finds `flying` uses the old token while it is valid. Life is measured on
 * the monotonic clock from the moment of the answer, so that neither our wall clock nor theirs matters (expires_on is
 * taken against the answer's own Date).
 *
 * A failure is kept with the time before which nobody asks again: ten jobs of a source with a wrong secret are one
 * request a minute and not ten. Cancelling is not kept.
 *
 * Threads: everything in struct entry and the list is guarded by azure_auth.lock; identity and env are fixed.
 */
#include "collector/sources/azure/azure_auth.h"

#include <pthread.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/sources/azure/azure_identity.h"

enum {
    AUDIENCES_MAX = 64,
    WAKE_TRIES = 3,          /* for endpoints whose 404 and 410 pass (IMDS) */
    WAKE_PAUSE_MS = 1000,    /* doubled each time */
    FAILURE_PAUSE_MS = 2000, /* doubled up to the next */
    FAILURE_PAUSE_MAX_MS = 5 * 60 * 1000,
    CONFIG_PAUSE_MS = 60 * 1000,
    FORCED_APART_MS = 5 * 60 * 1000,
};

struct entry {
    struct entry *next;
    char *audience;
    char *token; /* NULL: none */
    int64_t renew_mono, end_mono;
    bool flying;
    unsigned failures;        /* in a row */
    int64_t retry_mono;       /* no attempt before */
    struct err failure;       /* of the last attempt, while failures > 0 */
    int64_t last_forced_mono; /* when a refusal last made us drop a token; 0 never */
};

struct azure_auth {
    const struct source_env *env;
    struct azure_identity identity;
    struct buf quota;
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct entry *entries;
    size_t n_entries;
};

/* No published limit; a token is asked for a few times an hour. */
static const struct api token_api = { .name = "token", .burst = 10, .per_s = 2 };

struct azure_auth *azure_auth_new(const struct azure_auth_config *c, const struct source_env *env, struct err *e)
{
    struct azure_auth *a = calloc(1, sizeof *a);

    if (!a) {
        err_set(e, ERR_LIMIT, "no memory left");
        return NULL;
    }
    a->env = env;
    pthread_mutex_init(&a->lock, NULL);
    clock_cond_init(&a->landed);
    buf_init(&a->quota, 4096);
    if (azure_identity_choose(&a->identity, c, e)) {
        azure_auth_free(a);
        return NULL;
    }
    if (a->identity.way)
        buf_put(&a->quota, SV("entra:managed_identity"));
    else
        buf_printf(&a->quota, "entra:%s", a->identity.tenant_id);
    return a;
}

static void drop_token(struct entry *t)
{
    if (t->token)
        explicit_bzero(t->token, strlen(t->token));
    free(t->token);
    t->token = NULL;
}

void azure_auth_free(struct azure_auth *a)
{
    if (!a)
        return;
    while (a->entries) {
        struct entry *t = a->entries;

        a->entries = t->next;
        drop_token(t);
        free(t->audience);
        free(t);
    }
    azure_identity_done(&a->identity);
    buf_done(&a->quota);
    pthread_cond_destroy(&a->landed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

const char *azure_auth_kind(const struct azure_auth *a)
{
    if (a->identity.way)
        return a->identity.way->name;
    return a->identity.federated_token_file ? "workload identity" : "client secret";
}

static struct entry *find_entry(struct azure_auth *a, sv audience)
{
    struct entry *t = a->entries;

    while (t && !sv_eq(sv_of(t->audience), audience))
        t = t->next;
    return t;
}

static struct entry *need_entry(struct azure_auth *a, sv audience, struct err *e)
{
    struct entry *t = find_entry(a, audience);

    if (t)
        return t;
    t = a->n_entries < AUDIENCES_MAX ? calloc(1, sizeof *t) : NULL;
    if (t)
        t->audience = strndup(audience.at, audience.len);
    if (!t || !t->audience) {
        free(t);
        err_set(e, ERR_LIMIT, "no room for one more token audience (limit %d)", AUDIENCES_MAX);
        return NULL;
    }
    t->next = a->entries;
    a->entries = t;
    a->n_entries++;
    return t;
}

/* ---- One renewal, without the lock ---- */

static int64_t server_time(const struct azure_auth *a, const struct http_response *r)
{
    return r->date_unix_nano ? r->date_unix_nano : source_server_now(a->env);
}

static enum err_code call(const struct azure_auth *a, struct azure_token_request *q, struct http_response *r,
                          struct err *e)
{
    const struct source_request ask = { .api = &token_api, .quota = buf_sv(&a->quota), .http = &q->q };
    const struct azure_way *w = a->identity.way;
    enum err_code code = source_call(a->env, &ask, r, e);

    for (int n = 1; w && w->wakes_up && n < WAKE_TRIES && (r->status == 404 || r->status == 410); n++) {
        clock_sleep_ms((int64_t)WAKE_PAUSE_MS << (n - 1));
        code = source_call(a->env, &ask, r, e);
    }
    if (w && w->challenge && r->status == 401 && q->authorization.len == 0) {
        code = azure_token_request_answer(&a->identity, http_response_header(r, SV("www-authenticate")), q, e);
        if (!code)
            code = source_call(a->env, &ask, r, e);
        else
            r->status = 0; /* the text is already ours */
    }
    return code;
}

static enum err_code renew(const struct azure_auth *a, sv audience, struct arena *scratch,
                           struct azure_token_answer *out, struct err *e)
{
    struct azure_token_request q;
    struct http_response r = { 0 };
    enum err_code code = azure_token_request(&a->identity, audience, &q, e);

    if (!code) {
        code = call(a, &q, &r, e);
        if (r.status >= 400)
            code = azure_token_error(buf_sv(&r.body), r.status, e);
        else if (!code)
            code = azure_token_decode(buf_sv(&r.body), server_time(a, &r), scratch, out, e);
        if (!code && !azure_identity_is_echoed(&a->identity, out))
            code = err_set(e, ERR_CONFIG,
                           "the agent answered for another identity than the selected one: update the Arc agent");
    }
    if (r.body.at)
        explicit_bzero(r.body.at, r.body.len);
    http_response_done(&r);
    azure_token_request_done(&q);
    return code ? err_wrap(e, "%s for %.*s", azure_auth_kind(a), SV_ARG(audience)) : ERR_OK;
}

/* ---- What comes of it, with the lock ---- */

static enum err_code landed_well(struct entry *t, const struct azure_token_answer *got, struct err *e)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): an answer that is no error has a token */
    char *token = strndup(got->token.at, got->token.len);
    int64_t now = clock_mono();

    if (!token)
        return err_set(e, ERR_LIMIT, "token: no memory left");
    drop_token(t);
    t->token = token;
    t->end_mono = now + got->life_ms * NANO_PER_MS;
    /* Up to a twentieth earlier, so that many daemons started together do not renew together. */
    t->renew_mono = now + (int64_t)((double)(got->renew_ms * NANO_PER_MS) * (1.0 - clock_random() / 20));
    t->failures = 0;
    t->retry_mono = 0;
    return ERR_OK;
}

static void landed_badly(struct entry *t, const struct err *e)
{
    int64_t pause_ms = e->code == ERR_CONFIG ? CONFIG_PAUSE_MS : FAILURE_PAUSE_MS;

    if (e->code == ERR_CANCELLED)
        return;
    for (unsigned n = 0; n < t->failures && pause_ms < FAILURE_PAUSE_MAX_MS; n++)
        pause_ms *= 2;
    pause_ms = pause_ms > FAILURE_PAUSE_MAX_MS ? FAILURE_PAUSE_MAX_MS : pause_ms;
    if (e->retry_after_ms > pause_ms)
        pause_ms = e->retry_after_ms;
    t->failures++;
    t->failure = *e;
    t->retry_mono = clock_mono() + pause_ms * NANO_PER_MS;
}

/* Called with the lock, returns with it. */
static enum err_code fly(struct azure_auth *a, struct entry *t, struct err *e)
{
    struct arena scratch;
    struct azure_token_answer got = { 0 };
    struct err mine = { 0 };
    enum err_code code;

    t->flying = true;
    pthread_mutex_unlock(&a->lock);
    arena_init(&scratch, 4 * AZURE_TOKEN_BYTES_MAX);
    code = renew(a, sv_of(t->audience), &scratch, &got, &mine);
    pthread_mutex_lock(&a->lock);
    if (!code)
        code = landed_well(t, &got, &mine);
    if (code)
        landed_badly(t, &mine);
    if (got.token.len)
        explicit_bzero((void *)(uintptr_t)got.token.at, got.token.len);
    arena_done(&scratch);
    t->flying = false;
    pthread_cond_broadcast(&a->landed);
    if (code && e)
        *e = mine;
    return code;
}

static bool is_valid(const struct entry *t)
{
    return t->token && clock_mono() < t->end_mono;
}

static bool may_fly(const struct entry *t)
{
    return !t->flying && clock_mono() >= t->retry_mono;
}

enum err_code azure_token(struct azure_auth *a, sv audience, struct arena *arena, sv *bearer, struct err *e)
{
    enum err_code code = ERR_OK;
    struct entry *t;
    sv copy;

    pthread_mutex_lock(&a->lock);
    t = need_entry(a, audience, e);
    if (!t)
        code = ERR_LIMIT;
    else if (is_valid(t) && clock_mono() >= t->renew_mono && may_fly(t))
        (void)fly(a, t, NULL); /* while it fails, the old one serves */
    while (!code && !is_valid(t)) {
        if (may_fly(t)) {
            code = fly(a, t, e);
        } else if (t->flying) {
            pthread_cond_wait(&a->landed, &a->lock);
        } else {
            code = t->failure.code;
            if (e)
                *e = t->failure;
        }
    }
    if (!code) {
        copy = arena_copy(arena, sv_of(t->token));
        if (copy.at)
            *bearer = copy;
        else
            code = err_set(e, ERR_LIMIT, "token: no memory left");
    }
    pthread_mutex_unlock(&a->lock);
    return code;
}

void azure_token_refused(struct azure_auth *a, sv audience, sv bearer)
{
    struct entry *t;
    int64_t now = clock_mono();

    pthread_mutex_lock(&a->lock);
    t = find_entry(a, audience);
    /* Another thread may have renewed since: then this refusal is about the past. */
    if (t && t->token && sv_eq(sv_of(t->token), bearer) &&
        (!t->last_forced_mono || now - t->last_forced_mono > FORCED_APART_MS * NANO_PER_MS)) {
        drop_token(t);
        t->last_forced_mono = now;
    }
    pthread_mutex_unlock(&a->lock);
}
