/*
 * The cache of credentials: an entry for our own set, one for who we are, one for each further account, and one renewal
 * in flight per entry.
 *
 * The lock is never held over a call. Who finds a set that must be renewed marks the entry as `flying`, asks without the
 * lock and then wakes those who wait; who finds `flying` uses the old set while it is valid. An account's flight gets our
 * own set first, through the same door; our own flight waits for nobody, so there is no circle. Life is measured on the
 * monotonic clock from the moment of the answer.
 *
 * A failure is kept with the time before which nobody asks again: ten jobs of an account without the role are one
 * AssumeRole an hour and not ten a minute. Cancelling is not kept. Files are read and the chain is walked anew for each
 * renewal of our own set, since both may have changed.
 *
 * Threads: everything in struct entry, the list, caller and region are guarded by aws_auth.lock; the rest is fixed.
 */
#include "collector/sources/aws/aws_auth.h"

#include <ctype.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/sources/aws/aws_identity.h"
#include "collector/sources/aws/aws_provider.h"

enum {
    ACCOUNTS_MAX = 10000,
    ADVISORY_MS = 15 * 60 * 1000,     /* renewed so long before the end, failures tolerated */
    MANDATORY_MS = 10 * 60 * 1000,    /* from here on failures are tried again soon */
    NO_END_RENEW_MS = 60 * 60 * 1000, /* keys without an end: files are looked at again */
    FAILURE_PAUSE_MS = 2000,          /* doubled up to the next */
    FAILURE_PAUSE_MAX_MS = 5 * 60 * 1000,
    MANDATORY_PAUSE_MAX_MS = 60 * 1000,
    CONFIG_PAUSE_MS = 60 * 1000,
    DENIED_PAUSE_MS = 60 * 60 * 1000,
    FORCED_APART_MS = 5 * 60 * 1000,
    STALE_RENEW_MS = 2 * 60 * 1000, /* to five times that */
    SCRATCH_BYTES_MAX = 4 << 20,
};

/* In place of an account's number: GetCallerIdentity. */
static const char caller_name[] = "caller";

struct entry {
    struct entry *next;
    char *account;   /* "": our own */
    struct buf keys; /* id, secret and token one behind the other */
    size_t id_len, secret_len;
    bool good; /* there is a set (or a caller) */
    int64_t renew_mono, must_mono, end_mono;
    bool flying;
    unsigned failures;        /* in a row */
    int64_t retry_mono;       /* no attempt before */
    struct err failure;       /* of the last attempt, while failures > 0 */
    int64_t last_forced_mono; /* when a refusal last made us drop a set; 0 never */
};

struct aws_auth {
    const struct source_env *env;
    struct aws_auth_config config;
    struct aws_endpoint_options endpoints;
    struct http_client *metadata;
    struct aws_signer *signer;
    struct arena texts; /* kind, quota; caller and region when they are known */
    sv quota;
    const char *kind;
    bool imds; /* our keys come from there */
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct entry *entries;
    size_t n_entries;
    struct aws_caller caller;
    sv region; /* empty: not known yet */
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

struct aws_auth *aws_auth_new(const struct aws_auth_config *c, const struct source_env *env, struct err *e)
{
    struct http_client_options plain = { .allow_plain = true };
    struct aws_auth *a = calloc(1, sizeof *a);

    if (!a) {
        err_set(e, ERR_LIMIT, "no memory left");
        return NULL;
    }
    a->env = env;
    a->config = *c;
    if (!a->config.environment)
        a->config.environment = process_environment;
    pthread_mutex_init(&a->lock, NULL);
    clock_cond_init(&a->landed);
    arena_init(&a->texts, 1 << 20);
    a->quota = arena_printf(&a->texts, "%.*s:sts", SV_ARG(env->id));
    a->signer = aws_signer_new();
    a->metadata = http_client_new(&plain, e);
    if (!a->metadata || !a->signer || look(a, e)) {
        aws_auth_free(a);
        return NULL;
    }
    return a;
}

void aws_auth_cancel(struct aws_auth *a)
{
    http_client_cancel(a->metadata);
}

static void drop_keys(struct entry *t)
{
    secret_wipe(&t->keys);
    buf_init(&t->keys, SCRATCH_BYTES_MAX);
    t->id_len = t->secret_len = 0;
    t->good = false;
}

void aws_auth_free(struct aws_auth *a)
{
    if (!a)
        return;
    while (a->entries) {
        struct entry *t = a->entries;

        a->entries = t->next;
        secret_wipe(&t->keys);
        free(t->account);
        free(t);
    }
    aws_signer_free(a->signer);
    http_client_free(a->metadata);
    arena_done(&a->texts);
    pthread_cond_destroy(&a->landed);
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

/* ---- Entries; with the lock ---- */

static struct entry *find_entry(struct aws_auth *a, sv account)
{
    struct entry *t = a->entries;

    while (t && !sv_eq(sv_of(t->account), account))
        t = t->next;
    return t;
}

static struct entry *need_entry(struct aws_auth *a, sv account, struct err *e)
{
    struct entry *t = find_entry(a, account);

    if (t)
        return t;
    t = a->n_entries < ACCOUNTS_MAX ? calloc(1, sizeof *t) : NULL;
    if (t)
        t->account = strndup(account.at, account.len);
    if (!t || !t->account) {
        free(t);
        err_set(e, ERR_LIMIT, "no room for credentials of one more account (limit %d)", ACCOUNTS_MAX);
        return NULL;
    }
    buf_init(&t->keys, SCRATCH_BYTES_MAX);
    t->next = a->entries;
    a->entries = t;
    a->n_entries++;
    return t;
}

static struct aws_credentials keys_of(const struct entry *t)
{
    sv all = buf_sv(&t->keys);

    return (struct aws_credentials){ sv_first(all, t->id_len), sv_first(sv_skip(all, t->id_len), t->secret_len),
                                     sv_skip(all, t->id_len + t->secret_len) };
}

/* ---- One renewal, without the lock ---- */

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
    struct aws_credentials *k = &out->keys;
    enum err_code code = ERR_OK;

    if (id->n_roles || id->way == AWS_WAY_WEB_IDENTITY)
        code = aws_auth_region(a, &p.region, e);
    if (!code)
        code = aws_provide(&p, id, scratch, out, e);
    if (code)
        return code;
    /* Some views point into the identity. */
    *k = (struct aws_credentials){ arena_copy(scratch, k->access_key_id), arena_copy(scratch, k->secret_access_key),
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

/* With our own set, and once more with a fresh one when it is refused. */
static enum err_code with_own(struct aws_auth *a, struct arena *scratch, void *ctx,
                              enum err_code (*ask)(struct aws_auth *a, const struct aws_credentials *own,
                                                   struct arena *scratch, void *ctx, struct err *e),
                              struct err *e)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < 2; i++) {
        struct aws_credentials own;

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

static enum err_code ask_caller(struct aws_auth *a, const struct aws_credentials *own, struct arena *scratch, void *ctx,
                                struct err *e)
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

static enum err_code ask_role(struct aws_auth *a, const struct aws_credentials *own, struct arena *scratch, void *ctx,
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

/* ---- What comes of it, with the lock ---- */

static bool is_caller(const struct entry *t)
{
    return strcmp(t->account, caller_name) == 0;
}

static enum err_code keep_caller(struct aws_auth *a, struct entry *t, const struct aws_caller *got, struct err *e)
{
    struct aws_caller kept = { arena_copy(&a->texts, got->account), arena_copy(&a->texts, got->partition),
                               arena_copy(&a->texts, got->arn) };

    if (a->texts.failed)
        return err_set(e, ERR_LIMIT, "no memory left");
    a->caller = kept;
    t->good = true;
    t->renew_mono = t->must_mono = t->end_mono = INT64_MAX;
    return ERR_OK;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static enum err_code keep_keys(struct entry *t, const struct aws_token_answer *got, struct err *e)
{
    int64_t now = clock_mono(), life = got->life_ms;
    int64_t renew = life ? later(life - ADVISORY_MS, life / 2) : NO_END_RENEW_MS;
    int64_t must = life ? later(life - MANDATORY_MS, life / 4 * 3) : NO_END_RENEW_MS;

    if (got->stale)
        renew = STALE_RENEW_MS + (int64_t)(4 * STALE_RENEW_MS * clock_random());
    drop_keys(t);
    buf_put(&t->keys, got->keys.access_key_id);
    buf_put(&t->keys, got->keys.secret_access_key);
    buf_put(&t->keys, got->keys.session_token);
    if (t->keys.failed)
        return err_set(e, ERR_LIMIT, "credentials: no memory left");
    t->id_len = got->keys.access_key_id.len;
    t->secret_len = got->keys.secret_access_key.len;
    t->good = true;
    t->end_mono = life ? now + life * NANO_PER_MS : INT64_MAX;
    t->must_mono = now + must * NANO_PER_MS;
    /* Up to a twentieth earlier, so that a hundred accounts read together do not renew together. */
    t->renew_mono = now + (int64_t)((double)(renew * NANO_PER_MS) * (1.0 - clock_random() / 20));
    return ERR_OK;
}

static void landed_well(struct entry *t)
{
    t->failures = 0;
    t->retry_mono = 0;
}

static void landed_badly(struct entry *t, const struct err *e)
{
    int64_t now = clock_mono(), most = FAILURE_PAUSE_MAX_MS, pause_ms = FAILURE_PAUSE_MS;

    if (e->code == ERR_CANCELLED)
        return;
    if (e->code == ERR_CONFIG)
        pause_ms = CONFIG_PAUSE_MS;
    for (unsigned n = 0; n < t->failures && pause_ms < most; n++)
        pause_ms *= 2;
    pause_ms = pause_ms > most ? most : pause_ms;
    if (e->code == ERR_DENIED)
        pause_ms = DENIED_PAUSE_MS;
    if (t->good && now >= t->must_mono && pause_ms > MANDATORY_PAUSE_MAX_MS)
        pause_ms = MANDATORY_PAUSE_MAX_MS;
    if (e->retry_after_ms > pause_ms)
        pause_ms = e->retry_after_ms;
    t->failures++;
    t->failure = *e;
    t->retry_mono = now + pause_ms * NANO_PER_MS;
}

/* Called with the lock, returns with it. */
static enum err_code fly(struct aws_auth *a, struct entry *t, struct err *e)
{
    struct arena scratch;
    struct aws_token_answer got = { 0 };
    struct aws_caller who = { 0 };
    struct err mine = { 0 };
    enum err_code code;

    t->flying = true;
    pthread_mutex_unlock(&a->lock);
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    if (is_caller(t))
        code = with_own(a, &scratch, &who, ask_caller, &mine);
    else if (t->account[0])
        code = renew_role(a, sv_of(t->account), &scratch, &got, &mine);
    else
        code = renew_own(a, &scratch, &got, &mine);
    pthread_mutex_lock(&a->lock);
    if (!code)
        code = is_caller(t) ? keep_caller(a, t, &who, &mine) : keep_keys(t, &got, &mine);
    if (code)
        landed_badly(t, &mine);
    else
        landed_well(t);
    arena_done(&scratch);
    t->flying = false;
    pthread_cond_broadcast(&a->landed);
    if (code && e)
        *e = mine;
    return code;
}

static bool is_valid(const struct entry *t)
{
    return t->good && clock_mono() < t->end_mono;
}

static bool may_fly(const struct entry *t)
{
    return !t->flying && clock_mono() >= t->retry_mono;
}

/* With the lock: until the entry is valid, or why it is not. */
static enum err_code settle(struct aws_auth *a, struct entry *t, struct err *e)
{
    enum err_code code = ERR_OK;

    if (is_valid(t) && clock_mono() >= t->renew_mono && may_fly(t))
        (void)fly(a, t, NULL); /* while it fails, the old set serves */
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
    enum err_code code = ERR_LIMIT;
    struct entry *t;

    pthread_mutex_lock(&a->lock);
    t = need_entry(a, sv_of(caller_name), e);
    if (t)
        code = settle(a, t, e);
    if (!code)
        *out = a->caller;
    pthread_mutex_unlock(&a->lock);
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

static enum err_code copy_out(const struct entry *t, struct arena *arena, struct aws_credentials *out, struct err *e)
{
    struct aws_credentials k = keys_of(t);
    sv all = arena_copy(arena, buf_sv(&t->keys));

    if (!all.at)
        return err_set(e, ERR_LIMIT, "credentials: no memory left");
    *out = (struct aws_credentials){ sv_first(all, k.access_key_id.len),
                                     sv_first(sv_skip(all, k.access_key_id.len), k.secret_access_key.len),
                                     sv_skip(all, k.access_key_id.len + k.secret_access_key.len) };
    return ERR_OK;
}

enum err_code aws_auth_get(struct aws_auth *a, sv account, struct arena *arena, struct aws_credentials *out,
                           struct err *e)
{
    struct err local;
    struct err *why = e ? e : &local;
    enum err_code code = whose(a, &account, why);
    struct entry *t;

    if (code)
        return code;
    pthread_mutex_lock(&a->lock);
    t = need_entry(a, account, why);
    code = t ? settle(a, t, why) : ERR_LIMIT;
    if (!code)
        code = copy_out(t, arena, out, why);
    pthread_mutex_unlock(&a->lock);
    return code;
}

enum err_code aws_auth_sign(struct aws_auth *a, sv account, sv region, sv service, struct arena *arena,
                            struct http_request *q, sv *used, struct err *e)
{
    struct aws_credentials c;
    enum err_code code = aws_auth_get(a, account, arena, &c, e);

    if (code)
        return code;
    *used = c.access_key_id;
    return aws_sign(a->signer, &c, region, service, source_server_now(a->env), arena, q, e);
}

void aws_auth_refused(struct aws_auth *a, sv account, sv access_key_id)
{
    int64_t now = clock_mono();
    struct entry *t;

    pthread_mutex_lock(&a->lock);
    if (a->caller.account.len && sv_eq(a->caller.account, account))
        account = SV_NONE;
    t = find_entry(a, account);
    /* Another thread may have renewed since: then this refusal is about the past. */
    if (t && t->good && !is_caller(t) && sv_eq(keys_of(t).access_key_id, access_key_id) &&
        (!t->last_forced_mono || now - t->last_forced_mono > FORCED_APART_MS * NANO_PER_MS)) {
        drop_keys(t);
        t->last_forced_mono = now;
    }
    pthread_mutex_unlock(&a->lock);
}
