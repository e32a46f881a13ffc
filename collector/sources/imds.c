/*
 * Sessions are short, since each renewal of credentials opens one and is done with it.
 */
#include "collector/sources/imds.h"

#include "collector/base/json.h"
#include "collector/sources/credential.h"

enum { TIMEOUT_MS = 2000, ROLE_NAME_MAX = 128 };

static const char no_role[] = "no role is attached to this instance: attach an instance profile";

static enum err_code call(struct imds *m, struct http_request *q, struct http_response *r, struct err *e)
{
    struct source_env env = *m->env;
    const struct source_request call = { .api = m->api, .quota = m->quota, .http = q };
    enum err_code code;

    q->timeout_ms = TIMEOUT_MS;
    q->body_limit_bytes = IMDS_BYTES_MAX;
    if (!sv_starts_nocase(q->url, SV("https:")))
        env.http = m->plain;
    code = source_call(&env, &call, r, e);
    m->told_now = credential_server_time(m->env, r);
    return code;
}

static enum err_code open_session(struct imds *m, struct err *e)
{
    struct http_request q = { .method = "PUT", .url = m->session_url };
    struct http_response r = { 0 };
    enum err_code code;

    if (!http_request_header(&q, SV("X-aws-ec2-metadata-token-ttl-seconds"), SV("300")))
        return err_set(e, ERR_LIMIT, "no memory left");
    code = call(m, &q, &r, e);
    if (!r.status && code != ERR_CANCELLED)
        err_wrap(e, "no answer (in a container the instance's hop limit must be 2; elsewhere there is none, and "
                    "credentials are missing)");
    else if (r.status >= 300)
        code = credential_refusal(code, r.status, "IMDSv2 is not offered here: turn the instance's metadata service on",
                                  e);
    if (!code) {
        m->session = arena_copy(m->arena, sv_trim(buf_sv(&r.body)));
        code = m->session.len ? ERR_OK : err_set(e, ERR_PARSE, "an empty session token");
    }
    credential_response_wipe(&r);
    return code;
}

enum err_code imds_get(struct imds *m, sv url, const char *missing, sv *out, struct err *e)
{
    struct http_request q = { .method = "GET", .url = url };
    struct http_response r = { 0 };
    enum err_code code = m->session.len ? ERR_OK : open_session(m, e);

    if (code)
        return code;
    if (!http_request_header(&q, SV("X-aws-ec2-metadata-token"), m->session))
        return err_set(e, ERR_PARSE, "a session token that no header can hold");
    code = call(m, &q, &r, e);
    if (r.status >= 300)
        code =
            credential_refusal(code, r.status, r.status == 404 ? missing : "check the instance's metadata service", e);
    if (!code) {
        *out = arena_copy(m->arena, sv_trim(buf_sv(&r.body)));
        code = out->at ? ERR_OK : err_set(e, ERR_LIMIT, "no memory left");
    }
    credential_response_wipe(&r);
    return code;
}

/* As IAM allows names of roles; anything else would change the URL. */
static bool is_role_name(sv s)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-";

    for (size_t i = 0; i < s.len; i++)
        if (!memchr(legal, s.at[i], sizeof legal - 1))
            return false;
    return s.len > 0 && s.len <= ROLE_NAME_MAX;
}

enum err_code imds_role_keys(struct imds *m, sv url, sv *document, struct err *e)
{
    sv list = SV_NONE, role;
    enum err_code code = imds_get(m, url, no_role, &list, e);

    if (code)
        return code;
    role = sv_trim(sv_cut(&list, '\n'));
    if (!is_role_name(role))
        return err_set(e, ERR_PARSE, "the list of roles holds no role");
    while (sv_ends(url, SV("/")))
        url.len--;
    url = arena_printf(m->arena, "%.*s/%.*s", SV_ARG(url), SV_ARG(role));
    return url.at ? imds_get(m, url, no_role, document, e) : err_set(e, ERR_LIMIT, "no memory left");
}

/* ---- Documents ---- */

enum { CODE, ID, SECRET, TOKEN, EXPIRATION, FIELDS };
static const sv fields[FIELDS] = {
    [CODE] = SVT("Code"),   [ID] = SVT("AccessKeyId"),        [SECRET] = SVT("SecretAccessKey"),
    [TOKEN] = SVT("Token"), [EXPIRATION] = SVT("Expiration"),
};

static enum err_code take(json root, struct arena *a, struct sigv4_credentials *out, int64_t *ends, struct err *e)
{
    json v[FIELDS];
    struct sigv4_credentials k;

    json_pick(root, fields, FIELDS, v);
    if (json_sv(v[CODE]).len && !sv_eq(json_sv(v[CODE]), SV("Success")))
        return err_set(e, ERR_CONFIG,
                       "no credentials there: %.*s: check the role that is attached and its trust policy",
                       SV_ARG(sv_first(json_sv(v[CODE]), 60)));
    k = (struct sigv4_credentials){ arena_copy(a, json_sv(v[ID])), arena_copy(a, json_sv(v[SECRET])),
                                    arena_copy(a, json_sv(v[TOKEN])) };
    if (a->failed)
        return err_set(e, ERR_LIMIT, "no memory left");
    if (!credential_is_word(k.access_key_id) || !credential_is_word(k.secret_access_key))
        return err_set(e, ERR_PARSE, "the answer holds no usable access key");
    if (k.session_token.len && !credential_is_word(k.session_token))
        return err_set(e, ERR_PARSE, "the answer holds no usable session token");
    *out = k;
    if (!json_time(v[EXPIRATION], ends))
        *ends = 0;
    return ERR_OK;
}

enum err_code imds_keys(sv document, struct arena *a, struct sigv4_credentials *out, int64_t *ends_unix_nano,
                        struct err *e)
{
    struct json_parser *p = json_parser_new(IMDS_BYTES_MAX);
    enum err_code code;
    json root;

    if (!p)
        return err_set(e, ERR_LIMIT, "no memory left");
    code = json_parse(p, document, &root, NULL); /* the parser's words may quote it */
    if (code)
        err_set(e, code, "the answer of %zu bytes is no JSON", document.len);
    else
        code = take(root, a, out, ends_unix_nano, e);
    json_parser_free(p);
    return code;
}
