/*
 * The one way in which a source talks to a cloud. Quota, count, clock and the meaning of a status are the same for all
 * clouds, so they stand here; what differs (credentials, signatures, bodies) stays in the cloud's folder.
 */
#include "collector/sources/source.h"

#include <pthread.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/ledger/ledger.h"
#include "collector/net/retry.h"
#include "collector/sources/stats.h"

/* ---- stats ---- */

enum { SKEW_IGNORED_S = 2 };

struct source_stats {
    pthread_mutex_t lock; /* guards all below */
    struct api_stats apis[STATS_APIS_MAX];
    size_t n;
    int64_t skew_nano;
};

struct source_stats *source_stats_new(void)
{
    struct source_stats *s = calloc(1, sizeof *s);

    if (s)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

void source_stats_free(struct source_stats *s)
{
    if (s)
        pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct api_stats *api_row(struct source_stats *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (sv_eq(sv_of(s->apis[i].name), sv_of(name)))
            return &s->apis[i];
    if (s->n == STATS_APIS_MAX)
        return &s->apis[STATS_APIS_MAX - 1];
    s->apis[s->n].name = name;
    return &s->apis[s->n++];
}

void source_stats_call(struct source_stats *s, const char *name, enum err_code end, size_t wire_bytes, int64_t usd_nano)
{
    struct api_stats *row;

    pthread_mutex_lock(&s->lock);
    row = api_row(s, name);
    row->calls++;
    row->ends[end]++;
    row->received_bytes += wire_bytes;
    row->usd_nano += usd_nano;
    pthread_mutex_unlock(&s->lock);
}

size_t source_stats_apis(struct source_stats *s, struct api_stats *out, size_t max)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n < max ? s->n : max;
    memcpy(out, s->apis, n * sizeof *out);
    pthread_mutex_unlock(&s->lock);
    return n;
}

void source_stats_date(struct source_stats *s, int64_t server_unix_nano, int64_t our_unix_nano)
{
    /* A Date of 12:00:05 was written between :05.0 and :06.0. */
    int64_t skew = server_unix_nano + NANO_PER_S / 2 - our_unix_nano;
    /* A faster clock widens what the answer's way takes. */
    int64_t ignored = (int64_t)(SKEW_IGNORED_S * NANO_PER_S * clock_speed());

    pthread_mutex_lock(&s->lock);
    s->skew_nano = llabs(skew) < ignored ? 0 : skew;
    pthread_mutex_unlock(&s->lock);
}

int64_t source_stats_skew(struct source_stats *s)
{
    int64_t skew;

    pthread_mutex_lock(&s->lock);
    skew = s->skew_nano;
    pthread_mutex_unlock(&s->lock);
    return skew;
}

int64_t source_server_now(const struct source_env *env)
{
    return clock_now() + source_stats_skew(env->stats);
}

/* ---- the call ---- */

enum {
    ATTEMPTS = 3,
    PATIENCE_MS = 20 * 1000,
    QUOTA_WAIT_MS = 5 * 60 * 1000,
    SAID_MAX = 160,
    RETRY_AFTER_MAX_MS = 60 * 60 * 1000
};

/* clang-format off */
static const struct { int status; enum err_code code; } statuses[] = {
    { 401, ERR_AUTH }, { 403, ERR_DENIED }, { 404, ERR_GONE }, { 408, ERR_RETRY }, { 410, ERR_GONE }, { 413, ERR_LIMIT },
    { 429, ERR_THROTTLED }, { 529, ERR_THROTTLED },
};
/* clang-format on */

static enum err_code code_of(const struct http_response *r)
{
    if (r->status >= 200 && r->status < 300)
        return ERR_OK;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == r->status)
            return statuses[i].code;
    if (r->status == 503 && r->retry_after_ms)
        return ERR_THROTTLED;
    return r->status >= 500 ? ERR_RETRY : ERR_REFUSED;
}

/* The answer's first words on one line, for the message. */
static void said(const struct http_response *r, char out[SAID_MAX + 1])
{
    sv body = sv_first(sv_trim(buf_sv(&r->body)), SAID_MAX);

    for (size_t i = 0; i < body.len; i++)
        out[i] = (unsigned char)body.at[i] < 0x20 || (unsigned char)body.at[i] == 0x7f ? ' ' : body.at[i];
    out[body.len] = '\0';
}

/* "try again after '17' seconds": how some of Azure's providers say it when Retry-After is missing. */
static int64_t wait_in_text(const struct http_response *r)
{
    static const char mark[] = "after '";
    sv body = buf_sv(&r->body);
    const char *p = body.len ? memmem(body.at, body.len, mark, sizeof mark - 1) : NULL;
    int64_t s;

    if (!p)
        return 0;
    body = sv_skip(body, (size_t)(p - body.at) + sizeof mark - 1);
    return sv_to_i64(sv_cut(&body, '\''), &s) && s > 0 && s <= 3600 ? s * 1000 : 0;
}

static enum err_code judge(const struct api *api, const struct http_response *r, struct err *e)
{
    enum err_code code = code_of(r);
    char words[SAID_MAX + 1];
    int64_t wait;

    if (code == ERR_OK)
        return ERR_OK;
    said(r, words);
    err_set(e, code, "%s: http %d: %s", api->name, r->status, words[0] ? words : "(empty body)");
    if (code != ERR_THROTTLED)
        return code;
    wait = r->retry_after_ms ? r->retry_after_ms : wait_in_text(r);
    if (e)
        e->retry_after_ms = wait < RETRY_AFTER_MAX_MS ? wait : RETRY_AFTER_MAX_MS;
    return code;
}

static enum err_code attempt(const struct source_env *env, const struct api *api, sv quota,
                             const struct http_request *q, struct http_response *r, struct err *e)
{
    enum err_code code = rate_take(env->limits, quota, api->burst, api->per_s, QUOTA_WAIT_MS, e);

    if (code)
        return err_wrap(e, "%s", api->name);
    code = http_do(env->http, q, r, e);
    if (code == ERR_OK) {
        if (r->date_unix_nano)
            source_stats_date(env->stats, r->date_unix_nano, clock_now());
        code = judge(api, r, e);
    } else {
        err_wrap(e, "%s", api->name);
    }
    source_stats_call(env->stats, api->name, code, r->wire_bytes, api->usd_nano);
    if (code == ERR_THROTTLED)
        rate_penalize(env->limits, quota, e && e->retry_after_ms ? e->retry_after_ms : 1000);
    return code;
}

enum err_code source_call(const struct source_env *env, const struct api *api, sv quota, const struct http_request *q,
                          struct http_response *r, struct err *e)
{
    struct retry backoff = { .base_ms = 500, .cap_ms = 10000 };
    struct err local;
    struct err *why = e ? e : &local;
    enum err_code code = ERR_OK;

    for (int i = 0; i < ATTEMPTS; i++) {
        int64_t began = clock_mono();
        bool hung;

        code = attempt(env, api, quota, q, r, why);
        /* What hung is not asked again at once: it would hold its poll thread, which the others wait for. */
        hung = r->status == 0 && clock_mono() - began > PATIENCE_MS * NANO_PER_MS;
        if (code != ERR_RETRY || i + 1 == ATTEMPTS || hung)
            break;
        clock_sleep_ms(retry_after_failure(&backoff, why));
    }
    return code;
}

/* ---- small helps ---- */

sv source_authority(const struct source_env *env, sv fact, sv resource_id, struct arena *arena)
{
    return env->ledger ? ledger_authority(env->ledger, fact, resource_id, arena) : SV_NONE;
}

bool source_wants_publisher(const struct source_env *env, sv publisher)
{
    if (publisher.len == 0 || !env->publishers || env->publishers->n == 0)
        return true;
    for (size_t i = 0; i < env->publishers->n; i++)
        if (sv_eq_nocase(publisher, sv_of(env->publishers->at[i])))
            return true;
    return false;
}

struct source_job *job_list_add(struct job_list *l)
{
    struct source_job *at = arena_grow(l->arena, l->at, l->n, &l->cap, sizeof *at);

    if (!at)
        return NULL;
    l->at = at;
    at[l->n] = (struct source_job){ 0 };
    return &at[l->n++];
}
