/*
 * An external account's own proof (gcp.md 4.4, 4.5): a token in a file, behind a URL of the workload's platform, or a
 * request to AWS's STS that the machine's own keys have signed and that Google will send. Got anew for every renewal,
 * since all of them run out.
 */
#include "collector/config/secret.h"
#include "collector/sources/credential.h"
#include "collector/sources/gcp/gcp_provider.h"

enum {
    URL_TIMEOUT_MS = 30000,
    METADATA_TIMEOUT_MS = 3000,
    SUBJECT_BYTES_MAX = 64 << 10,
    REGION_MAX = 40,
    ROLE_MAX = 128
};

static const struct api subject_api = { .name = "subject:token", .burst = 10, .per_s = 2 };

/* ---- Files and URLs ---- */

static enum err_code subject_of_file(const struct gcp_subject *s, struct arena *a, sv *out, struct err *e)
{
    struct buf bytes;
    sv text;
    enum err_code code;

    buf_init(&bytes, SUBJECT_BYTES_MAX);
    code = credential_read_file("subject token file", s->file.at, SUBJECT_BYTES_MAX, &bytes, &text, e);
    if (!code && gcp_token_subject(text, s->field, a, out, e))
        code = err_wrap(e, "subject token file %s", s->file.at);
    secret_wipe(&bytes);
    return code;
}

static enum err_code subject_of_url(const struct gcp_provider *p, const struct gcp_subject *s, struct arena *a, sv *out,
                                    struct err *e)
{
    struct http_request q = { .method = "GET", .url = s->url, .timeout_ms = URL_TIMEOUT_MS };
    struct http_response r = { 0 };
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < s->n_headers; i++)
        if (!http_request_header(&q, s->headers[i].name, s->headers[i].value))
            code = err_set(e, ERR_CONFIG, "headers that no request can hold");
    if (!code)
        code = gcp_provider_call(p, &subject_api, true, &q, a, &r, e);
    if (r.status && r.status != 200) /* its words may be anything: not repeated */
        code = err_set(e, code == ERR_THROTTLED || code == ERR_RETRY ? code : ERR_CONFIG,
                       "http %d: check credential_source and its headers", r.status);
    else if (!code)
        code = gcp_token_subject(buf_sv(&r.body), s->field, a, out, e);
    credential_response_wipe(&r);
    return code ? err_wrap(e, "subject token of %.*s", SV_ARG(sv_first(s->url, 100))) : ERR_OK;
}

/* ---- AWS ---- */

struct machine {
    const struct gcp_provider *p;
    const struct gcp_subject *s;
    struct arena *arena;
    sv session; /* of the metadata service's second version; empty: it is not asked for one */
};

/* The trimmed text of an answer of the instance's metadata. */
static enum err_code ask_machine(const struct machine *m, const char *method, sv url, sv name, sv value, sv *out,
                                 struct err *e)
{
    struct http_request q = { .method = method, .url = url, .timeout_ms = METADATA_TIMEOUT_MS };
    struct http_response r = { 0 };
    enum err_code code = ERR_OK;

    if (value.len && !http_request_header(&q, name, value))
        return err_set(e, ERR_PARSE, "AWS's metadata: a session token that no header can hold");
    code = gcp_provider_call(m->p, &subject_api, true, &q, m->arena, &r, e);
    if (r.status >= 300) /* its words may be anything: not repeated */
        code = err_set(e, code == ERR_THROTTLED || code == ERR_RETRY ? code : ERR_CONFIG,
                       "http %d: check that a role is attached to this machine", r.status);
    if (!code) {
        *out = arena_copy(m->arena, sv_trim(buf_sv(&r.body)));
        code = out->len ? ERR_OK : err_set(e, ERR_PARSE, "an empty answer");
    }
    credential_response_wipe(&r);
    return code ? err_wrap(e, "AWS's metadata") : ERR_OK;
}

static enum err_code get_machine(const struct machine *m, sv url, sv *out, struct err *e)
{
    return ask_machine(m, "GET", url, SV("X-aws-ec2-metadata-token"), m->session, out, e);
}

static const char *environment(const struct machine *m, const char *name)
{
    return credential_environment(m->p->environment, name);
}

/* Asked for once, and only when something has to be asked of the metadata. */
static enum err_code open_session(struct machine *m, struct err *e)
{
    if (m->session.len || !m->s->aws_session_url.len)
        return ERR_OK;
    return ask_machine(m, "PUT", m->s->aws_session_url, SV("X-aws-ec2-metadata-token-ttl-seconds"), SV("300"),
                       &m->session, e);
}

static bool is_region(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] != '-' && !(s.at[i] >= 'a' && s.at[i] <= 'z') && !(s.at[i] >= '0' && s.at[i] <= '9'))
            return false;
    return s.len > 0 && s.len <= REGION_MAX;
}

/* Names of roles, as IAM allows them; anything else would change the URL. */
static bool is_role(sv s)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-";

    for (size_t i = 0; i < s.len; i++)
        if (!memchr(legal, s.at[i], sizeof legal - 1))
            return false;
    return s.len > 0 && s.len <= ROLE_MAX;
}

/* "eu-west-1b", the zone, without its letter. */
static enum err_code find_region(struct machine *m, sv *region, struct err *e)
{
    const char *told = environment(m, "AWS_REGION");
    enum err_code code;

    told = told ? told : environment(m, "AWS_DEFAULT_REGION");
    *region = sv_of(told);
    if (!told) {
        if (!m->s->aws_region_url.len)
            return err_set(e, ERR_CONFIG, "no region: set AWS_REGION");
        code = open_session(m, e);
        if (!code)
            code = get_machine(m, m->s->aws_region_url, region, e);
        if (code)
            return code;
        region->len--;
    }
    return is_region(*region) ? ERR_OK : err_set(e, ERR_CONFIG, "what is told is no region of AWS's: set AWS_REGION");
}

static enum err_code find_keys(struct machine *m, struct sigv4_credentials *k, struct err *e)
{
    sv role = SV_NONE, url, keys = SV_NONE;
    enum err_code code;

    *k = (struct sigv4_credentials){ sv_of(environment(m, "AWS_ACCESS_KEY_ID")),
                                     sv_of(environment(m, "AWS_SECRET_ACCESS_KEY")),
                                     sv_of(environment(m, "AWS_SESSION_TOKEN")) };
    if (k->access_key_id.len && k->secret_access_key.len)
        return ERR_OK;
    if (!m->s->aws_keys_url.len)
        return err_set(e, ERR_CONFIG, "no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    code = open_session(m, e);
    if (!code)
        code = get_machine(m, m->s->aws_keys_url, &role, e);
    if (code)
        return code;
    url = arena_printf(m->arena, "%.*s%s%.*s", SV_ARG(m->s->aws_keys_url),
                       sv_ends(m->s->aws_keys_url, SV("/")) ? "" : "/", SV_ARG(role));
    if (!is_role(role) || !url.at)
        return err_set(e, ERR_PARSE, "AWS's metadata: what is told is no role");
    code = get_machine(m, url, &keys, e);
    if (!code && gcp_token_aws_keys(keys, m->arena, k, e))
        code = err_wrap(e, "AWS's metadata");
    explicit_bzero((void *)(uintptr_t)keys.at, keys.len);
    return code;
}

/* The verification URL with its {region}. */
static sv regional(sv url, sv region, struct arena *a)
{
    static const char mark[] = "{region}";
    const char *at = memmem(url.at, url.len, mark, sizeof mark - 1);
    size_t before = at ? (size_t)(at - url.at) : 0;

    return at ? arena_printf(a, "%.*s%.*s%.*s", SV_ARG(sv_first(url, before)), SV_ARG(region),
                             SV_ARG(sv_skip(url, before + sizeof mark - 1)))
              : url;
}

static enum err_code subject_of_aws(const struct gcp_provider *p, const struct gcp_credential *c, struct arena *a,
                                    sv *out, struct err *e)
{
    struct machine m = { .p = p, .s = &c->subject, .arena = a };
    struct http_request q = { .method = "POST" };
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_credentials keys;
    sv region;
    enum err_code code = find_region(&m, &region, e);

    if (!code)
        code = find_keys(&m, &keys, e);
    if (!code) {
        q.url = regional(c->subject.aws_verification_url, region, a);
        if (!signer || !q.url.at || !http_request_header(&q, SV("x-goog-cloud-target-resource"), c->audience))
            code = err_set(e, ERR_LIMIT, "no memory left");
    }
    if (!code)
        code = sigv4_sign(signer, &keys, region, SV("sts"), source_server_now(p->env), a, &q, e);
    if (!code)
        code = gcp_token_aws_subject(&q, a, out, e);
    sigv4_signer_free(signer);
    return code;
}

enum err_code gcp_subject_token(const struct gcp_provider *p, const struct gcp_credential *c, struct arena *a, sv *out,
                                struct err *e)
{
    if (c->subject.aws)
        return subject_of_aws(p, c, a, out, e);
    return c->subject.file.len ? subject_of_file(&c->subject, a, out, e) : subject_of_url(p, &c->subject, a, out, e);
}
