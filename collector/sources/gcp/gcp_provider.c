/*
 * A token is got in one or two steps: the credential's own token, and where a service account is impersonated, that
 * one's with it. Between two renewals nothing is kept; an external account's proof (gcp_subject.c) is got for each.
 *
 * What is plain http by nature (the metadata server, subject tokens on this machine) goes through a client of its own;
 * everything else through the source's, which knows the endpoints' certificates.
 */
#include "collector/sources/gcp/gcp_provider.h"

#include "collector/base/clock.h"
#include "collector/config/secret.h"
#include "collector/sources/credential.h"

enum {
    TOKEN_TIMEOUT_MS = 30000,
    METADATA_TIMEOUT_MS = 3000,
    FORM_BYTES_MAX = 512 << 10,
    PROJECT_ID_MAX = 64,
};

/* No limits are published; a token is asked for once an hour. */
static const struct api oauth2_api = { .name = "oauth2:token", .burst = 10, .per_s = 2 };
static const struct api sts_api = { .name = "sts:token", .burst = 10, .per_s = 2 };
static const struct api impersonate_api = { .name = "iamcredentials:generateAccessToken", .burst = 10, .per_s = 2 };
static const struct api metadata_api = { .name = "metadata:token", .burst = 20, .per_s = 5 };

static bool is_plain(sv url)
{
    return !sv_starts_nocase(url, SV("https:"));
}

enum err_code gcp_provider_call(const struct gcp_provider *p, const struct api *api, bool local, struct http_request *q,
                                struct arena *a, struct http_response *r, struct err *e)
{
    struct source_env env = *p->env;
    const struct source_request call = { .api = api,
                                         .quota = arena_printf(a, "%.*s:%s", SV_ARG(env.id), api->name),
                                         .http = q };

    q->body_limit_bytes = GCP_TOKEN_BYTES_MAX;
    if (!call.quota.at)
        return err_set(e, ERR_LIMIT, "no memory left");
    if (local && is_plain(q->url))
        env.http = p->plain;
    return source_call(&env, &call, r, e);
}

/* ---- Token endpoints ---- */

/* `basic`: the client is told in a header. */
static enum err_code post_form(const struct gcp_provider *p, const struct api *api, const struct gcp_credential *c,
                               bool basic, const struct buf *form, struct arena *a, struct gcp_token *out,
                               struct err *e)
{
    struct http_request q = {
        .method = "POST", .url = c->token_url, .body = buf_sv(form), .timeout_ms = TOKEN_TIMEOUT_MS
    };
    struct http_response r = { 0 };
    struct buf client;
    enum err_code code = ERR_OK;

    buf_init(&client, FORM_BYTES_MAX);
    if (basic)
        gcp_token_basic(&client, c->client_id, c->client_secret);
    if (form->failed || client.failed ||
        !http_request_header(&q, SV("Content-Type"), SV("application/x-www-form-urlencoded")) ||
        (basic && !http_request_header(&q, SV("Authorization"), buf_sv(&client))))
        code = err_set(e, ERR_LIMIT, "the request is too large");
    if (!code)
        code = gcp_provider_call(p, api, false, &q, a, &r, e);
    if (r.status >= 300)
        code = gcp_token_error(buf_sv(&r.body), r.status, e);
    else if (!code)
        code = gcp_token_decode(buf_sv(&r.body), a, out, e);
    secret_wipe(&client);
    credential_response_wipe(&r);
    return code;
}

/* The audience of an assertion is oauth2's own URL, wherever the assertion is sent. */
static enum err_code by_key(const struct gcp_provider *p, const struct gcp_identity *id, const struct gcp_credential *c,
                            sv scope, struct arena *a, struct gcp_token *out, struct err *e)
{
    sv audience = p->exchange_key ? arena_printf(a, "https://oauth2.%.*s/token", SV_ARG(id->hosts.universe)) : SV_NONE;
    struct buf jwt, form;
    enum err_code code;

    buf_init(&jwt, FORM_BYTES_MAX);
    buf_init(&form, FORM_BYTES_MAX);
    code = gcp_token_sign(c, scope, audience, source_server_now(p->env), &jwt, e);
    if (!code && p->exchange_key) {
        gcp_token_assertion_form(&form, buf_sv(&jwt));
        code = post_form(p, &oauth2_api, c, false, &form, a, out, e);
    } else if (!code) {
        *out = (struct gcp_token){ arena_copy(a, buf_sv(&jwt)), GCP_ASSERTION_LIFE_S * 1000 };
        code = out->token.at ? ERR_OK : err_set(e, ERR_LIMIT, "no memory left");
    }
    secret_wipe(&jwt);
    secret_wipe(&form);
    return code;
}

static enum err_code by_refresh_token(const struct gcp_provider *p, const struct gcp_credential *c, struct arena *a,
                                      struct gcp_token *out, struct err *e)
{
    bool external = c->type == GCP_EXTERNAL_USER;
    struct buf form;
    enum err_code code;

    buf_init(&form, FORM_BYTES_MAX);
    gcp_token_refresh_form(&form, c);
    code = post_form(p, external ? &sts_api : &oauth2_api, c, external, &form, a, out, e);
    secret_wipe(&form);
    return code;
}

static enum err_code by_subject(const struct gcp_provider *p, const struct gcp_credential *c, sv scope, struct arena *a,
                                struct gcp_token *out, struct err *e)
{
    sv subject = SV_NONE;
    struct buf form;
    enum err_code code = gcp_subject_token(p, c, a, &subject, e);

    if (code)
        return code;
    buf_init(&form, FORM_BYTES_MAX);
    gcp_token_exchange_form(&form, c, scope, subject);
    code = post_form(p, &sts_api, c, c->client_id.len > 0, &form, a, out, e);
    secret_wipe(&form);
    explicit_bzero((void *)(uintptr_t)subject.at, subject.len);
    return code;
}

/* ---- The metadata server ---- */

/* "http://169.254.169.254/computeMetadata/v1/PATH". Who does not say that he is one may be anybody. */
static enum err_code metadata(const struct gcp_provider *p, sv base, const char *path, struct arena *a,
                              struct http_response *r, struct err *e)
{
    struct http_request q = { .method = "GET", .timeout_ms = METADATA_TIMEOUT_MS };
    enum err_code code;

    q.url = arena_printf(a, "%.*s/computeMetadata/v1/%s", SV_ARG(base), path);
    if (!q.url.at || !http_request_header(&q, SV("Metadata-Flavor"), SV("Google")))
        return err_set(e, ERR_LIMIT, "no memory left");
    code = gcp_provider_call(p, &metadata_api, true, &q, a, r, e);
    if (!r->status)
        return code == ERR_CANCELLED ? code
                                     : err_wrap(e, "no answer (outside of Google Cloud there is none: set "
                                                   "credentials_file or GOOGLE_APPLICATION_CREDENTIALS)");
    if (!sv_eq_nocase(http_response_header(r, SV("metadata-flavor")), SV("Google")))
        return err_set(e, ERR_CONFIG,
                       "what answers there is no metadata server of Google's (no Metadata-Flavor: Google): set "
                       "credentials_file or GOOGLE_APPLICATION_CREDENTIALS");
    return code;
}

/* "https://a https://b" to "https%3A%2F%2Fa,https%3A%2F%2Fb" */
static sv scopes_query(sv scopes, struct arena *a)
{
    struct buf b;
    sv out;

    buf_init(&b, FORM_BYTES_MAX);
    buf_put(&b, SV("instance/service-accounts/default/token?scopes="));
    for (bool first = true; scopes.len; first = false) {
        buf_put(&b, first ? SV_NONE : SV(","));
        http_escape(&b, sv_cut(&scopes, ' '));
    }
    out = arena_copy(a, buf_sv(&b));
    buf_done(&b);
    return out;
}

static enum err_code by_metadata(const struct gcp_provider *p, sv base, sv scope, struct arena *a,
                                 struct gcp_token *out, struct err *e)
{
    sv path = scopes_query(scope, a);
    struct http_response r = { 0 };
    enum err_code code = path.at ? metadata(p, base, path.at, a, &r, e) : err_set(e, ERR_LIMIT, "no memory left");

    if (r.status >= 300 && code != ERR_CONFIG)
        code = credential_refusal(code, r.status,
                                  r.status == 404 ? "no service account is attached here: attach one"
                                                  : "check the access scopes of the machine, or on GKE the service "
                                                    "account's annotation and its workloadIdentityUser role",
                                  e);
    else if (!code)
        code = gcp_token_decode(buf_sv(&r.body), a, out, e);
    credential_response_wipe(&r);
    return code;
}

enum err_code gcp_provide_project(const struct gcp_provider *p, sv metadata_url, struct arena *a, sv *project,
                                  struct err *e)
{
    struct http_response r = { 0 };
    enum err_code code = metadata(p, metadata_url, "project/project-id", a, &r, e);
    sv name;

    if (!code) {
        name = arena_copy(a, sv_trim(buf_sv(&r.body)));
        if (!credential_is_word(name) || name.len > PROJECT_ID_MAX)
            code = err_set(e, ERR_PARSE, "no project there");
        else
            *project = name;
    }
    credential_response_wipe(&r);
    return code ? err_wrap(e, "metadata server") : ERR_OK;
}

/* ---- One renewal ---- */

static enum err_code impersonate(const struct gcp_provider *p, const struct gcp_impersonation *i, sv bearer, sv scope,
                                 struct arena *a, struct gcp_token *out, struct err *e)
{
    struct http_request q = { .method = "POST", .url = i->url, .timeout_ms = TOKEN_TIMEOUT_MS };
    struct http_response r = { 0 };
    struct buf body, authorization;
    enum err_code code = ERR_OK;

    buf_init(&body, FORM_BYTES_MAX);
    buf_init(&authorization, FORM_BYTES_MAX);
    gcp_token_impersonation_body(&body, i, scope);
    buf_put(&authorization, SV("Bearer "));
    buf_put(&authorization, bearer);
    q.body = buf_sv(&body);
    if (body.failed || authorization.failed || !http_request_header(&q, SV("Content-Type"), SV("application/json")) ||
        !http_request_header(&q, SV("Authorization"), buf_sv(&authorization)))
        code = err_set(e, ERR_LIMIT, "the request is too large");
    if (!code)
        code = gcp_provider_call(p, &impersonate_api, false, &q, a, &r, e);
    if (r.status >= 300)
        code = gcp_token_impersonation_error(buf_sv(&r.body), r.status, i->email, e);
    else if (!code)
        code = gcp_token_decode_impersonated(buf_sv(&r.body), credential_server_time(p->env, &r), a, out, e);
    buf_done(&body);
    secret_wipe(&authorization);
    credential_response_wipe(&r);
    return code;
}

static enum err_code own_token(const struct gcp_provider *p, const struct gcp_identity *id,
                               const struct gcp_credential *c, sv scope, struct arena *a, struct gcp_token *out,
                               struct err *e)
{
    switch (c->type) {
    case GCP_METADATA:
        return by_metadata(p, id->metadata_url, scope, a, out, e);
    case GCP_SERVICE_ACCOUNT:
        return by_key(p, id, c, scope, a, out, e);
    case GCP_AUTHORIZED_USER:
    case GCP_EXTERNAL_USER:
        return by_refresh_token(p, c, a, out, e);
    case GCP_EXTERNAL_ACCOUNT:
        return by_subject(p, c, scope, a, out, e);
    case GCP_IMPERSONATED:
        break; /* has no token of its own, and its source is none */
    }
    return err_set(e, ERR_INTERNAL, "credentials without a way");
}

enum err_code gcp_provide(const struct gcp_provider *p, const struct gcp_identity *id, struct arena *a,
                          struct gcp_token *out, struct err *e)
{
    const struct gcp_credential *c = &id->credential, *source = c->source ? c->source : c;
    struct gcp_token t = { 0 };
    bool twice = source->impersonation.url.len > 0;
    sv scope = c->source || twice ? gcp_platform_scope : gcp_read_scopes;
    enum err_code code = own_token(p, id, source, scope, a, &t, e);

    if (!code && twice)
        code = impersonate(p, &source->impersonation, t.token, c->source ? scope : gcp_read_scopes, a, &t, e);
    if (!code && c->source)
        code = impersonate(p, &c->impersonation, t.token, gcp_read_scopes, a, &t, e);
    if (!code)
        *out = t;
    return code;
}
