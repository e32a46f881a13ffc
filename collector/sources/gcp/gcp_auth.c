/*
 * One token, kept by sources/credentials.h; here stands how it is renewed and what callers see of it.
 *
 * The credential file is read and the search order walked anew for each renewal, since keys rotate. What is told about
 * it (about, endpoints, quota project) stays as it was found first: a file that turns into another identity under a
 * running daemon shows at its next start.
 *
 * Threads: project is guarded by gcp_auth.lock; the rest is fixed.
 */
#include "collector/sources/gcp/gcp_auth.h"

#include <pthread.h>
#include <stdlib.h>

#include "collector/sources/credentials.h"
#include "collector/sources/gcp/gcp_provider.h"

enum { SCRATCH_BYTES_MAX = 4 << 20, TEXTS_BYTES_MAX = 1 << 20 };

struct gcp_auth {
    const struct source_env *env;
    struct gcp_auth_config config;
    struct http_client *plain;
    struct credentials *tokens; /* one, without a name */
    struct arena texts;
    struct gcp_hosts hosts;
    struct gcp_auth_about about;
    sv metadata_url; /* empty: it is not our credential */
    pthread_mutex_t lock;
    sv project; /* empty: not known yet */
};

static struct gcp_provider provider(const struct gcp_auth *a)
{
    return (struct gcp_provider){
        .env = a->env, .plain = a->plain, .exchange_key = a->config.exchange_key, .environment = a->config.environment
    };
}

static enum err_code renew(void *ctx, sv name, struct arena *scratch, struct credential *out, struct err *e)
{
    struct gcp_auth *a = ctx;
    struct gcp_provider p = provider(a);
    struct gcp_identity id;
    struct gcp_token t;
    enum err_code code = gcp_identity_choose(&id, &a->config, e);

    (void)name;
    if (!code && gcp_provide(&p, &id, scratch, &t, e))
        code = err_wrap(e, "%s", gcp_type_name(id.credential.type));
    if (!code)
        *out =
            (struct credential){ .part = { t.token }, .life_ms = t.life_ms, .renew_ms = gcp_token_renew_ms(t.life_ms) };
    gcp_identity_done(&id);
    return code;
}

/* ---- Making ---- */

/* Who the credential is, as far as it tells. */
static sv principal_of(const struct gcp_credential *c)
{
    if (c->impersonation.email.len)
        return c->impersonation.email;
    return c->type == GCP_SERVICE_ACCOUNT ? c->email : c->audience;
}

/* A token that nobody has looked at yet is refused where it is used, not where it is made. */
static const char *remedy_of(const struct gcp_auth *a, const struct gcp_credential *c)
{
    return c->type == GCP_SERVICE_ACCOUNT && !a->config.exchange_key
               ? "the key's signature is not accepted: check that account and key are enabled, and this machine's clock"
               : "a fresh token is not accepted: check that the account is enabled";
}

static enum err_code look(struct gcp_auth *a, struct err *e)
{
    struct gcp_identity id;
    enum err_code code = gcp_identity_choose(&id, &a->config, e);
    const struct gcp_credential *source = id.credential.source ? id.credential.source : &id.credential;

    if (!code) {
        bool metadata = id.credential.type == GCP_METADATA;

        a->hosts = (struct gcp_hosts){ a->config.endpoint_url, arena_copy(&a->texts, id.hosts.universe) };
        a->metadata_url = metadata ? arena_copy(&a->texts, id.metadata_url) : SV_NONE;
        a->project = arena_copy(&a->texts, id.project_id);
        a->about = (struct gcp_auth_about){
            .kind = sv_of(gcp_type_name(id.credential.type)),
            .from = arena_copy(&a->texts, id.from),
            .principal = arena_copy(&a->texts, principal_of(&id.credential)),
            .quota_project = arena_copy(&a->texts, id.quota_project),
            .universe = a->hosts.universe,
            .remedy = remedy_of(a, &id.credential),
            .is_user = source->type == GCP_AUTHORIZED_USER || source->type == GCP_EXTERNAL_USER,
        };
        if (a->texts.failed)
            code = err_set(e, ERR_LIMIT, "no memory left");
    }
    gcp_identity_done(&id);
    return code;
}

struct gcp_auth *gcp_auth_new(const struct gcp_auth_config *c, const struct source_env *env, struct err *e)
{
    const struct http_client_options plain = { .allow_plain = true };
    struct gcp_auth *a = calloc(1, sizeof *a);
    const struct credentials_config tokens = { .what = "token", .names_max = 1, .renew = renew, .ctx = a };

    if (!a) {
        err_set(e, ERR_LIMIT, "no memory left");
        return NULL;
    }
    a->env = env;
    a->config = *c;
    pthread_mutex_init(&a->lock, NULL);
    arena_init(&a->texts, TEXTS_BYTES_MAX);
    a->tokens = credentials_new(&tokens, e);
    a->plain = a->tokens ? http_client_new(&plain, e) : NULL;
    if (!a->plain || look(a, e)) {
        gcp_auth_free(a);
        return NULL;
    }
    return a;
}

void gcp_auth_cancel(struct gcp_auth *a)
{
    http_client_cancel(a->plain);
}

void gcp_auth_free(struct gcp_auth *a)
{
    if (!a)
        return;
    credentials_free(a->tokens);
    http_client_free(a->plain);
    arena_done(&a->texts);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* ---- The doors ---- */

enum err_code gcp_auth_token(struct gcp_auth *a, struct arena *arena, sv *bearer, struct err *e)
{
    struct credential token;
    enum err_code code = credentials_get(a->tokens, SV_NONE, arena, &token, e);

    if (!code)
        *bearer = token.part[0];
    return code;
}

enum err_code gcp_auth_prepare(struct gcp_auth *a, struct arena *arena, struct http_request *q, sv *used, struct err *e)
{
    sv bearer, value;
    enum err_code code = gcp_auth_token(a, arena, &bearer, e);

    if (code)
        return code;
    value = arena_printf(arena, "Bearer %.*s", SV_ARG(bearer));
    if (!value.at || !http_request_header(q, SV("Authorization"), value) ||
        (a->about.quota_project.len && !http_request_header(q, SV("x-goog-user-project"), a->about.quota_project)))
        return err_set(e, ERR_LIMIT, "too many headers, or no memory left");
    *used = bearer;
    return ERR_OK;
}

void gcp_auth_refused(struct gcp_auth *a, sv bearer)
{
    credentials_refused(a->tokens, SV_NONE, bearer);
}

void gcp_auth_endpoint(const struct gcp_auth *a, sv service, struct buf *url)
{
    gcp_endpoint(&a->hosts, service, url);
}

const struct gcp_auth_about *gcp_auth_about(const struct gcp_auth *a)
{
    return &a->about;
}

static enum err_code ask_project(struct gcp_auth *a, sv *project, struct err *e)
{
    struct gcp_provider p = provider(a);
    struct arena scratch;
    sv told;
    enum err_code code;

    arena_init(&scratch, SCRATCH_BYTES_MAX);
    code = gcp_provide_project(&p, a->metadata_url, &scratch, &told, e);
    pthread_mutex_lock(&a->lock);
    if (!code && !a->project.len)
        a->project = arena_copy(&a->texts, told);
    *project = a->project;
    pthread_mutex_unlock(&a->lock);
    arena_done(&scratch);
    return code;
}

enum err_code gcp_auth_project(struct gcp_auth *a, struct arena *arena, sv *project, struct err *e)
{
    enum err_code code = ERR_OK;
    sv known, copy;

    pthread_mutex_lock(&a->lock);
    known = a->project;
    pthread_mutex_unlock(&a->lock);
    if (!known.len && !a->metadata_url.len)
        return err_set(e, ERR_CONFIG,
                       "no project: the credential names none: set gcp.projects, or GOOGLE_CLOUD_PROJECT");
    if (!known.len)
        code = ask_project(a, &known, e);
    if (code)
        return code;
    copy = arena_copy(arena, known);
    if (!copy.at)
        return err_set(e, ERR_LIMIT, "no memory left");
    *project = copy;
    return ERR_OK;
}
