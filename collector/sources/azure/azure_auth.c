/*
 * One renewal of a token: the request, its repetitions and Arc's second one, the answer. What is remembered between two
 * renewals, and how callers share one, is sources/credentials.h's.
 */
#include "collector/sources/azure/azure_auth.h"

#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/sources/azure/azure_identity.h"
#include "collector/sources/credentials.h"

enum {
    AUDIENCES_MAX = 64,
    WAKE_TRIES = 3,       /* for endpoints whose 404 and 410 pass (IMDS) */
    WAKE_PAUSE_MS = 1000, /* doubled each time */
};

struct azure_auth {
    const struct source_env *env;
    struct azure_identity identity;
    struct buf quota;
    struct credentials *tokens; /* by audience */
};

/* No published limit; a token is asked for a few times an hour. */
static const struct api token_api = { .name = "token", .burst = 10, .per_s = 2 };

const char *azure_auth_kind(const struct azure_auth *a)
{
    if (a->identity.way)
        return a->identity.way->name;
    return a->identity.federated_token_file ? "workload identity" : "client secret";
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

static enum err_code renew(void *ctx, sv audience, struct arena *scratch, struct credential *out, struct err *e)
{
    const struct azure_auth *a = ctx;
    struct azure_token_request q;
    struct azure_token_answer got;
    struct http_response r = { 0 };
    enum err_code code = azure_token_request(&a->identity, audience, &q, e);

    if (!code) {
        code = call(a, &q, &r, e);
        if (r.status >= 400)
            code = azure_token_error(buf_sv(&r.body), r.status, e);
        else if (!code)
            code = azure_token_decode(buf_sv(&r.body), credential_server_time(a->env, &r), scratch, &got, e);
        if (!code && !azure_identity_is_echoed(&a->identity, &got))
            code = err_set(e, ERR_CONFIG,
                           "the agent answered for another identity than the selected one: update the Arc agent");
    }
    if (!code)
        *out = (struct credential){ .part = { got.token }, .life_ms = got.life_ms, .renew_ms = got.renew_ms };
    credential_response_wipe(&r);
    azure_token_request_done(&q);
    return code ? err_wrap(e, "%s for %.*s", azure_auth_kind(a), SV_ARG(audience)) : ERR_OK;
}

struct azure_auth *azure_auth_new(const struct azure_auth_config *c, const struct source_env *env, struct err *e)
{
    struct azure_auth *a = calloc(1, sizeof *a);
    const struct credentials_config tokens = {
        .what = "token audience", .names_max = AUDIENCES_MAX, .renew = renew, .ctx = a
    };

    if (!a) {
        err_set(e, ERR_LIMIT, "no memory left");
        return NULL;
    }
    a->env = env;
    buf_init(&a->quota, 4096);
    a->tokens = credentials_new(&tokens, e);
    if (!a->tokens || azure_identity_choose(&a->identity, c, e)) {
        azure_auth_free(a);
        return NULL;
    }
    if (a->identity.way)
        buf_put(&a->quota, SV("entra:managed_identity"));
    else
        buf_printf(&a->quota, "entra:%s", a->identity.tenant_id);
    return a;
}

void azure_auth_free(struct azure_auth *a)
{
    if (!a)
        return;
    credentials_free(a->tokens);
    azure_identity_done(&a->identity);
    buf_done(&a->quota);
    free(a);
}

enum err_code azure_token(struct azure_auth *a, sv audience, struct arena *arena, sv *bearer, struct err *e)
{
    struct credential token;
    enum err_code code = credentials_get(a->tokens, audience, arena, &token, e);

    if (!code)
        *bearer = token.part[0];
    return code;
}

void azure_token_refused(struct azure_auth *a, sv audience, sv bearer)
{
    credentials_refused(a->tokens, audience, bearer);
}
