/*
 * What AWS's credentials are made of: a set for ourselves, one for who we are, one for each further account. The cache is
 * sources/credentials.h's; here stands how each is renewed.
 *
 * An account's renewal gets our own set first, through the same door; our own renewal waits for nobody, so there is no
 * circle. Files are read and the chain is walked anew for each renewal of our own set, since both may have changed. Who
 * we are is asked once and stays.
 *
 * Threads: caller and region are guarded by aws_auth.lock; the rest is fixed.
 */
#include "collector/sources/aws/aws_auth.h"

#include <ctype.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/sources/aws/aws_identity.h"
#include "collector/sources/aws/aws_provider.h"
#include "collector/sources/credentials.h"

enum {
    ACCOUNTS_MAX = 10000,
    ADVISORY_MS = 15 * 60 * 1000,     /* renewed so long before the end */
    NO_END_RENEW_MS = 60 * 60 * 1000, /* keys without an end: files are looked at again */
    STALE_RENEW_MS = 2 * 60 * 1000,   /* to five times that */
    SCRATCH_BYTES_MAX = 4 << 20,
};

/* In place of an account's number: GetCallerIdentity. Its parts: account, partition, ARN. */
static const char caller_name[] = "caller";

struct aws_auth {
    const struct source_env *env;
    struct aws_auth_config config;
    struct aws_endpoint_options endpoints;
    struct http_client *metadata;
    struct sigv4_signer *signer;
    struct arena texts; /* kind, quota; caller and region when they are known */
    sv quota;
    const char *kind;
    bool imds;                /* our keys come from there */
    struct credentials *sets; /* by account; "": our own */
    pthread_mutex_t lock;
    struct aws_caller caller; /* account empty: not known yet */
    sv region;                /* empty: not known yet */
};

/* ---- Making ---- */

static enum err_code look(struct aws_auth *a, struct err *e)
{
    struct aws_identity id;
    enum err_code code = aws_identity_choose(&id, &a->config, e);

    if (!code) {
        sv kind = arena_copy(&a->texts, id.kind);

        a->kind = kind.at ? kind.at : "";
        a->region = arena_copy(&a->texts, id.region);
        a->imds = id.way == AWS_WAY_IMDS;
        a->endpoints = (struct aws_endpoint_options){ .url = a->config.endpoint_url,
                                                      .environment = a->config.environment,
                                                      .fips = id.fips,
                                                      .dual_stack = id.dual_stack,
                                                      .sts_global = id.sts_global };
        if (a->config.fips)
            a->endpoints.fips = true;
        if (a->config.dual_stack)
            a->endpoints.dual_stack = true;
    }
    aws_identity_done(&id);
    return code;
}

static const char *process_environment(const char *name)
{
    return getenv(name);
}

static enum err_code renew(void *ctx, sv account, struct arena *scratch, struct credential *out, struct err *e);

struct aws_auth *aws_auth_new(const struct aws_auth_config *c, const struct source_env *env, struct err *e)
{
    struct http_client_options plain = { .allow_plain = true };
    struct aws_auth *a = calloc(1, sizeof *a);
    const struct credentials_config sets = {
        .what = "account with credentials", .names_max = ACCOUNTS_MAX, .renew = renew, .ctx = a
    };

    if (!a) {
        err_set(e, ERR_LIMIT, "no memory left");
        return NULL;
    }
    a->env = env;
    a->config = *c;
    if (!a->config.environment)
        a->config.environment = process_environment;
    pthread_mutex_init(&a->lock, NULL);
    arena_init(&a->texts, 1 << 20);
    a->quota = arena_printf(&a->texts, "%.*s:sts", SV_ARG(env->id));
    a->signer = sigv4_signer_new();
    a->metadata = http_client_new(&plain, e);
    a->sets = credentials_new(&sets, e);
    if (!a->metadata || !a->signer || !a->sets || look(a, e)) {
        aws_auth_free(a);
        return NULL;
    }
    return a;
}

void aws_auth_cancel(struct aws_auth *a)
{
    http_client_cancel(a->metadata);
}

void aws_auth_free(struct aws_auth *a)
{
    if (!a)
        return;
    credentials_free(a->sets);
    sigv4_signer_free(a->signer);
    http_client_free(a->metadata);
    arena_done(&a->texts);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

const char *aws_auth_kind(const struct aws_auth *a)
{
    return a->kind;
}

const struct aws_endpoint_options *aws_auth_endpoints(const struct aws_auth *a)
{
    return &a->endpoints;
}

/* ---- Our own set ---- */

static struct aws_provider provider(const struct aws_auth *a)
{
    return (struct aws_provider){
        .env = a->env, .metadata = a->metadata, .signer = a->signer, .endpoints = &a->endpoints, .quota = a->quota
    };
}

/* The region is only asked for where STS is: instance metadata may have none. */
static enum err_code provide(struct aws_auth *a, const struct aws_identity *id, struct arena *scratch,
                             struct aws_token_answer *out, struct err *e)
{
    struct aws_provider p = provider(a);
    struct sigv4_credentials *k = &out->keys;
    enum err_code code = ERR_OK;

    if (id->n_roles || id->way == AWS_WAY_WEB_IDENTITY)
        code = aws_auth_region(a, &p.region, e);
    if (!code)
        code = aws_provide(&p, id, scratch, out, e);
    if (code)
        return code;
    /* Some views point into the identity. */
    *k = (struct sigv4_credentials){ arena_copy(scratch, k->access_key_id), arena_copy(scratch, k->secret_access_key),
                                     arena_copy(scratch, k->session_token) };
    return scratch->failed ? err_set(e, ERR_LIMIT, "no memory left") : ERR_OK;
}

static enum err_code renew_own(struct aws_auth *a, struct arena *scratch, struct aws_token_answer *out, struct err *e)
{
    struct aws_identity id;
    enum err_code code = aws_identity_choose(&id, &a->config, e);

    if (!code)
        code = provide(a, &id, scratch, out, e);
    if (code && id.kind.len && !sv_has(sv_of(e->text), id.kind))
        err_wrap(e, "%.*s", SV_ARG(id.kind));
    aws_identity_done(&id);
    return code;
}

/* ---- What our own set gets ---- */

/* With our own set, and once more with a fresh one when it is refused. */
static enum err_code with_own(struct aws_auth *a, struct arena *scratch, void *ctx,
                              enum err_code (*ask)(struct aws_auth *a, const struct sigv4_credentials *own,
                                                   struct arena *scratch, void *ctx, struct err *e),
                              struct err *e)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < 2; i++) {
        struct sigv4_credentials own;

        code = aws_auth_get(a, SV_NONE, scratch, &own, e);
        if (code)
            return code;
        code = ask(a, &own, scratch, ctx, e);
        if (code != ERR_AUTH)
            break;
        aws_auth_refused(a, SV_NONE, own.access_key_id);
    }
    return code;
}

static enum err_code ask_caller(struct aws_auth *a, const struct sigv4_credentials *own, struct arena *scratch,
                                void *ctx, struct err *e)
{
    struct aws_caller *out = ctx;
    struct aws_provider p = provider(a);
    sv rest;

    if (aws_auth_region(a, &p.region, e) || aws_provide_caller(&p, own, scratch, &out->account, &out->arn, e))
        return e->code;
    rest = sv_skip(out->arn, 4);
    out->partition = sv_cut(&rest, ':');
    return ERR_OK;
}

struct role_ask {
    struct aws_role role;
    sv account;
    struct aws_token_answer *out;
};

static enum err_code ask_role(struct aws_auth *a, const struct sigv4_credentials *own, struct arena *scratch, void *ctx,
                              struct err *e)
{
    struct role_ask *ask = ctx;
    struct aws_provider p = provider(a);

    if (aws_auth_region(a, &p.region, e))
        return e->code;
    return aws_provide_role(&p, own, &ask->role, ask->account, scratch, ask->out, e);
}

static enum err_code renew_role(struct aws_auth *a, sv account, struct arena *scratch, struct aws_token_answer *out,
                                struct err *e)
{
    struct role_ask ask = { .account = account, .out = out };
    struct aws_caller who;
    struct buf arn, external_id;
    enum err_code code = aws_auth_account(a, &who, e);

    if (code)
        return code;
    buf_init(&arn, SECRET_BYTES_MAX);
    buf_init(&external_id, SECRET_BYTES_MAX);
    aws_role_arn(&arn, sv_of(a->config.role_arn), who.partition, account);
    if (secret_is_set(a->config.external_id))
        code = secret_read(a->config.external_id, &external_id, e);
    if (!code) {
        ask.role = (struct aws_role){ .arn = buf_sv(&arn),
                                      .session_name = aws_session_name(a->config.session_name, scratch),
                                      .external_id = sv_trim(buf_sv(&external_id)),
                                      .duration_s = AWS_ROLE_SECONDS };
        code = with_own(a, scratch, &ask, ask_role, e);
    }
    buf_done(&arn);
    secret_wipe(&external_id);
    return code;
}

/* ---- One renewal ---- */

static int64_t renew_after(const struct aws_token_answer *t)
{
    int64_t ahead = t->life_ms - ADVISORY_MS, half = t->life_ms / 2;

    if (t->stale)
        return STALE_RENEW_MS + (int64_t)(4 * STALE_RENEW_MS * clock_random());
    if (!t->life_ms)
        return NO_END_RENEW_MS;
    return ahead > half ? ahead : half;
}

static enum err_code renew_keys(struct aws_auth *a, sv account, struct arena *scratch, struct credential *out,
                                struct err *e)
{
    struct aws_token_answer got = { 0 };
    enum err_code code = account.len ? renew_role(a, account, scratch, &got, e) : renew_own(a, scratch, &got, e);

    if (!code)
        *out =
            (struct credential){ .part = { got.keys.access_key_id, got.keys.secret_access_key, got.keys.session_token },
                                 .life_ms = got.life_ms,
                                 .renew_ms = renew_after(&got) };
    return code;
}

static enum err_code renew(void *ctx, sv account, struct arena *scratch, struct credential *out, struct err *e)
{
    struct aws_auth *a = ctx;
    struct aws_caller who = { 0 };
    enum err_code code;

    if (!sv_eq(account, sv_of(caller_name)))
        return renew_keys(a, account, scratch, out, e);
    code = with_own(a, scratch, &who, ask_caller, e);
    if (!code)
        *out = (struct credential){ .part = { who.account, who.partition, who.arn } };
    return code;
}

/* ---- The doors ---- */

enum err_code aws_auth_region(struct aws_auth *a, sv *region, struct err *e)
{
    struct aws_provider p = { .env = a->env, .metadata = a->metadata };
    struct aws_identity id;
    struct arena scratch;
    sv told = SV_NONE;
    enum err_code code;

    pthread_mutex_lock(&a->lock);
    *region = a->region;
    pthread_mutex_unlock(&a->lock);
    if (region->len)
        return ERR_OK;
    *region = SV("us-east-1");
    if (!a->imds)
        return ERR_OK;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    code = aws_identity_choose(&id, &a->config, e);
    if (!code && id.way == AWS_WAY_IMDS)
        code = aws_provide_region(&p, &id, &scratch, &told, e);
    pthread_mutex_lock(&a->lock);
    if (!code && !a->region.len && told.len)
        a->region = arena_copy(&a->texts, told);
    if (a->region.len)
        *region = a->region;
    pthread_mutex_unlock(&a->lock);
    aws_identity_done(&id);
    arena_done(&scratch);
    return code;
}

enum err_code aws_auth_account(struct aws_auth *a, struct aws_caller *out, struct err *e)
{
    struct arena scratch;
    struct credential who = { 0 };
    enum err_code code;

    arena_init(&scratch, SCRATCH_BYTES_MAX);
    code = credentials_get(a->sets, sv_of(caller_name), &scratch, &who, e);
    pthread_mutex_lock(&a->lock);
    if (!code && !a->caller.account.len) {
        struct aws_caller kept = { arena_copy(&a->texts, who.part[0]), arena_copy(&a->texts, who.part[1]),
                                   arena_copy(&a->texts, who.part[2]) };

        if (a->texts.failed)
            code = err_set(e, ERR_LIMIT, "no memory left");
        else
            a->caller = kept;
    }
    if (!code)
        *out = a->caller;
    pthread_mutex_unlock(&a->lock);
    arena_done(&scratch);
    return code;
}

static bool is_account(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isdigit((unsigned char)s.at[i]))
            return false;
    return s.len == 12;
}

/* "" for our own account; ERR_CONFIG when there is no way into another. */
static enum err_code whose(struct aws_auth *a, sv *account, struct err *e)
{
    struct aws_caller who;

    if (account->len == 0)
        return ERR_OK;
    if (!is_account(*account))
        return err_set(e, ERR_CONFIG, "'%.*s' is no account: want 12 digits", SV_ARG(sv_first(*account, 40)));
    if (aws_auth_account(a, &who, e))
        return e ? e->code : ERR_AUTH;
    if (sv_eq(who.account, *account))
        *account = SV_NONE;
    else if (!a->config.role_arn || !*a->config.role_arn)
        return err_set(e, ERR_CONFIG, "account %.*s is not ours (%.*s): set role_arn to the role to assume there",
                       SV_ARG(*account), SV_ARG(who.account));
    return ERR_OK;
}

enum err_code aws_auth_get(struct aws_auth *a, sv account, struct arena *arena, struct sigv4_credentials *out,
                           struct err *e)
{
    struct err local;
    struct err *why = e ? e : &local;
    struct credential set;
    enum err_code code = whose(a, &account, why);

    if (!code)
        code = credentials_get(a->sets, account, arena, &set, why);
    if (!code)
        *out = (struct sigv4_credentials){ set.part[0], set.part[1], set.part[2] };
    return code;
}

enum err_code aws_auth_sign(struct aws_auth *a, sv account, sv region, sv service, struct arena *arena,
                            struct http_request *q, sv *used, struct err *e)
{
    struct sigv4_credentials c;
    enum err_code code = aws_auth_get(a, account, arena, &c, e);

    if (code)
        return code;
    *used = c.access_key_id;
    return sigv4_sign(a->signer, &c, region, service, source_server_now(a->env), arena, q, e);
}

void aws_auth_refused(struct aws_auth *a, sv account, sv access_key_id)
{
    bool own;

    pthread_mutex_lock(&a->lock);
    own = a->caller.account.len && sv_eq(a->caller.account, account);
    pthread_mutex_unlock(&a->lock);
    credentials_refused(a->sets, own ? SV_NONE : account, access_key_id);
}
