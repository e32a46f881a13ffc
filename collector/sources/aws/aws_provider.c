/*
 * Metadata services are asked over plain http on a link-local address with a second's patience: where there is none, a
 * connection hangs. An instance's stands in sources/imds.h.
 *
 * STS is asked at its regional endpoint. AssumeRoleWithWebIdentity is the one call without a signature: its token is the
 * proof.
 */
#include "collector/sources/aws/aws_provider.h"

#include "collector/base/clock.h"
#include "collector/sources/aws/aws_error.h"
#include "collector/sources/credential.h"
#include "collector/sources/imds.h"

enum {
    METADATA_TIMEOUT_MS = 2000,
    STS_TIMEOUT_MS = 30000,
    FORM_BYTES_MAX = 128 << 10,
    URL_BYTES_MAX = 8 << 10,
    WEB_TOKEN_BYTES_MAX = 20000,
};

/* STS publishes a limit of hundreds a second for an account; metadata services none. */
static const struct api sts_api = { .name = "sts", .burst = 40, .per_s = 20 };
static const struct api metadata_api = { .name = "metadata", .burst = 20, .per_s = 5 };

/* ---- STS ---- */

struct sts_call {
    const struct aws_provider *p;
    const struct sigv4_credentials *by; /* NULL: not signed */
    sv region;
    struct arena *arena;
};

static enum err_code sign(void *ctx, struct http_request *q, struct err *e)
{
    const struct sts_call *c = ctx;

    return c->by ? sigv4_sign(c->p->signer, c->by, c->region, SV("sts"), source_server_now(c->p->env), c->arena, q, e)
                 : ERR_OK;
}

static enum err_code sts(const struct aws_provider *p, const struct sigv4_credentials *by, const struct buf *form,
                         sv what, sv account, struct arena *a, struct http_response *r, struct err *e)
{
    struct sts_call ctx = { .p = p, .by = by, .arena = a };
    struct http_request q = {
        .method = "POST", .body = buf_sv(form), .timeout_ms = STS_TIMEOUT_MS, .body_limit_bytes = AWS_TOKEN_BYTES_MAX
    };
    struct source_request call = { .api = &sts_api,
                                   .quota = p->quota,
                                   .account = account,
                                   .http = &q,
                                   .prepare = sign,
                                   .judge = aws_judge,
                                   .ctx = &ctx };
    struct aws_endpoint at;
    struct buf url;
    enum err_code code;

    buf_init(&url, URL_BYTES_MAX);
    code = aws_endpoint(p->endpoints, SV("sts"), p->region, &at, &url, e);
    buf_putc(&url, '/');
    ctx.region = at.signing_region;
    q.url = buf_sv(&url);
    if (!code && (url.failed || form->failed ||
                  !http_request_header(&q, SV("Content-Type"), SV("application/x-www-form-urlencoded; charset=utf-8"))))
        code = err_set(e, ERR_LIMIT, "the request is too large");
    if (!code) {
        code = source_call(p->env, &call, r, e);
        if (r->status >= 300)
            code = aws_token_error(r, what, e);
        else if (code)
            err_wrap(e, "%.*s", SV_ARG(sv_first(what, 120)));
    }
    buf_done(&url);
    return code;
}

/* Form, call, answer. */
static enum err_code role_call(const struct aws_provider *p, const struct sigv4_credentials *by, struct buf *form,
                               sv what, sv account, struct arena *a, struct aws_token_answer *out, struct err *e)
{
    struct http_response r = { 0 };
    enum err_code code = sts(p, by, form, what, account, a, &r, e);

    if (!code && aws_token_sts(buf_sv(&r.body), credential_server_time(p->env, &r), a, out, e))
        code = err_wrap(e, "%.*s", SV_ARG(what));
    credential_response_wipe(&r);
    return code;
}

enum err_code aws_provide_role(const struct aws_provider *p, const struct sigv4_credentials *by,
                               const struct aws_role *role, sv account, struct arena *a, struct aws_token_answer *out,
                               struct err *e)
{
    struct buf form;
    enum err_code code;

    buf_init(&form, FORM_BYTES_MAX);
    aws_token_assume_form(&form, role);
    code = role_call(p, by, &form, arena_printf(a, "AssumeRole %.*s", SV_ARG(role->arn)), account, a, out, e);
    secret_wipe(&form);
    return code;
}

enum err_code aws_provide_caller(const struct aws_provider *p, const struct sigv4_credentials *by, struct arena *a,
                                 sv *account, sv *arn, struct err *e)
{
    const sv what = SV("GetCallerIdentity");
    struct http_response r = { 0 };
    struct buf form;
    enum err_code code;

    buf_init(&form, FORM_BYTES_MAX);
    aws_token_caller_form(&form);
    code = sts(p, by, &form, what, SV_NONE, a, &r, e);
    if (!code && aws_token_caller(buf_sv(&r.body), a, account, arn, e))
        code = err_wrap(e, "%.*s", SV_ARG(what));
    buf_done(&form);
    credential_response_wipe(&r);
    return code;
}

static enum err_code by_web_identity(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                                     struct aws_token_answer *out, struct err *e)
{
    struct buf bytes, form;
    sv token;
    enum err_code code;

    buf_init(&bytes, WEB_TOKEN_BYTES_MAX);
    buf_init(&form, FORM_BYTES_MAX);
    code =
        credential_read_file("web identity token file", id->web_token_file.at, WEB_TOKEN_BYTES_MAX, &bytes, &token, e);
    if (!code) {
        aws_token_web_form(&form, &id->web, token);
        code = role_call(p, NULL, &form, arena_printf(a, "AssumeRoleWithWebIdentity %.*s", SV_ARG(id->web.arn)),
                         SV_NONE, a, out, e);
    }
    if (code == ERR_AUTH) { /* no set of ours was refused that could be renewed: the file has to change */
        code = ERR_CONFIG;
        if (e)
            e->code = code;
    }
    secret_wipe(&bytes);
    secret_wipe(&form);
    return code;
}

/* ---- Metadata services ---- */

static enum err_code metadata(const struct aws_provider *p, struct http_request *q, struct http_response *r,
                              struct err *e)
{
    struct source_env env = *p->env;
    struct source_request call = { .api = &metadata_api, .quota = SV("metadata"), .http = q };

    q->timeout_ms = METADATA_TIMEOUT_MS;
    q->body_limit_bytes = AWS_TOKEN_BYTES_MAX;
    if (!sv_starts_nocase(q->url, SV("https:")))
        env.http = p->metadata;
    return source_call(&env, &call, r, e);
}

static enum err_code by_container(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                                  struct aws_token_answer *out, struct err *e)
{
    struct http_request q = { .method = "GET", .url = id->url };
    struct http_response r = { 0 };
    struct buf bytes;
    sv token = sv_trim(id->auth_token);
    enum err_code code = ERR_OK;

    buf_init(&bytes, SECRET_BYTES_MAX);
    if (id->auth_token_file.len)
        code = credential_read_file("container authorization token file", id->auth_token_file.at, SECRET_BYTES_MAX,
                                    &bytes, &token, e);
    if (!code && token.len && !http_request_header(&q, SV("Authorization"), token))
        code = err_set(e, ERR_CONFIG, "the container's authorization token holds line ends or control bytes");
    if (!code)
        code = metadata(p, &q, &r, e);
    if (r.status >= 400 && r.status < 500 && r.status != 429)
        code = err_set(e, ERR_CONFIG, "http %d: check the task's or pod's role and its authorization token", r.status);
    if (!code)
        code = aws_token_metadata(buf_sv(&r.body), credential_server_time(p->env, &r), a, out, e);
    secret_wipe(&bytes);
    credential_response_wipe(&r);
    return code ? err_wrap(e, "container") : ERR_OK;
}

static enum err_code imds_of(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                             struct imds *out, struct err *e)
{
    *out =
        (struct imds){ .env = p->env, .plain = p->metadata, .api = &metadata_api, .quota = SV("metadata"), .arena = a };
    out->session_url = arena_printf(a, "%.*s/latest/api/token", SV_ARG(id->url));
    return out->session_url.at ? ERR_OK : err_set(e, ERR_LIMIT, "no memory left");
}

/* Of the latest version. */
static sv imds_url(const struct aws_identity *id, const char *path, struct arena *a)
{
    return arena_printf(a, "%.*s/latest/meta-data/%s", SV_ARG(id->url), path);
}

static enum err_code by_imds(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                             struct aws_token_answer *out, struct err *e)
{
    struct imds m;
    sv document = SV_NONE;
    enum err_code code = imds_of(p, id, a, &m, e);

    if (!code)
        code = imds_role_keys(&m, imds_url(id, "iam/security-credentials/", a), &document, e);
    if (!code)
        code = aws_token_metadata(document, m.told_now, a, out, e);
    return code ? err_wrap(e, "instance metadata") : ERR_OK;
}

enum err_code aws_provide_region(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                                 sv *region, struct err *e)
{
    struct imds m;
    sv name = SV_NONE;
    enum err_code code = imds_of(p, id, a, &m, e);

    if (!code)
        code = imds_get(&m, imds_url(id, "placement/region", a), "no region there: set region", &name, e);
    if (!code && !aws_region_ok(name))
        code = err_set(e, ERR_PARSE, "no region there");
    if (!code)
        *region = name;
    return code ? err_wrap(e, "instance metadata") : ERR_OK;
}

/* ---- Our own set ---- */

static enum err_code by_keys(const struct aws_provider *p, const struct aws_identity *id, struct aws_token_answer *out,
                             struct err *e)
{
    int64_t left = id->ends_unix_nano ? id->ends_unix_nano - source_server_now(p->env) : 0;

    if (left < 0)
        return err_set(
            e, ERR_CONFIG,
            "the environment's keys have ended (AWS_CREDENTIAL_EXPIRATION): a process cannot get new ones that "
            "way, start it again or use a profile");
    *out = (struct aws_token_answer){ .keys = id->keys, .life_ms = left / NANO_PER_MS };
    return ERR_OK;
}

static enum err_code first_keys(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                                struct aws_token_answer *out, struct err *e)
{
    switch (id->way) {
    case AWS_WAY_ENVIRONMENT:
    case AWS_WAY_FILE:
        return by_keys(p, id, out, e);
    case AWS_WAY_WEB_IDENTITY:
        return by_web_identity(p, id, a, out, e);
    case AWS_WAY_CONTAINER:
        return by_container(p, id, a, out, e);
    case AWS_WAY_IMDS:
        return by_imds(p, id, a, out, e);
    }
    return err_set(e, ERR_INTERNAL, "credentials without a way");
}

enum err_code aws_provide(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                          struct aws_token_answer *out, struct err *e)
{
    struct aws_token_answer t = { 0 };
    enum err_code code = first_keys(p, id, a, &t, e);

    for (size_t i = 0; !code && i < id->n_roles; i++)
        code = aws_provide_role(p, &t.keys, &id->roles[i], SV_NONE, a, &t, e);
    if (!code)
        *out = t;
    return code;
}
