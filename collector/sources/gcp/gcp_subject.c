/*
 * An external account's own proof (gcp.md 4.4, 4.5): a token in a file, behind a URL of the workload's platform, or a
 * request to AWS's STS that the machine's own keys have signed and that Google will send. Got anew for every renewal,
 * since all of them run out.
 */
#include "collector/config/secret.h"
#include "collector/sources/credential.h"
#include "collector/sources/gcp/gcp_provider.h"
#include "collector/sources/imds.h"

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
    if (r.status && r.status != 200)
        code = credential_refusal(code, r.status, "check credential_source and its headers", e);
    else if (!code)
        code = gcp_token_subject(buf_sv(&r.body), s->field, a, out, e);
    credential_response_wipe(&r);
    return code ? err_wrap(e, "subject token of %.*s", SV_ARG(sv_first(s->url, 100))) : ERR_OK;
}

/* ---- AWS ---- */

struct machine {
    const struct gcp_provider *p;
    const struct gcp_subject *s;
    struct imds imds;
};

static const char *environment(const struct machine *m, const char *name)
{
    return credential_environment(m->p->environment, name);
}

static bool is_region(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] != '-' && !(s.at[i] >= 'a' && s.at[i] <= 'z') && !(s.at[i] >= '0' && s.at[i] <= '9'))
            return false;
    return s.len > 0 && s.len <= REGION_MAX;
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
        code = imds_get(&m->imds, m->s->aws_region_url, "no zone there: set AWS_REGION", region, e);
        if (code)
            return err_wrap(e, "AWS's metadata");
        region->len -= region->len > 0;
    }
    return is_region(*region) ? ERR_OK : err_set(e, ERR_CONFIG, "what is told is no region of AWS's: set AWS_REGION");
}

static enum err_code find_keys(struct machine *m, struct sigv4_credentials *k, struct err *e)
{
    sv document = SV_NONE;
    int64_t ends;
    enum err_code code;

    *k = (struct sigv4_credentials){ sv_of(environment(m, "AWS_ACCESS_KEY_ID")),
                                     sv_of(environment(m, "AWS_SECRET_ACCESS_KEY")),
                                     sv_of(environment(m, "AWS_SESSION_TOKEN")) };
    if (k->access_key_id.len && k->secret_access_key.len)
        return ERR_OK;
    if (!m->s->aws_keys_url.len)
        return err_set(e, ERR_CONFIG, "no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    code = imds_role_keys(&m->imds, m->s->aws_keys_url, &document, e);
    if (!code)
        code = imds_keys(document, m->imds.arena, k, &ends, e);
    explicit_bzero((void *)(uintptr_t)document.at, document.len);
    return code ? err_wrap(e, "AWS's metadata") : ERR_OK;
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
    struct machine m = { .p = p,
                         .s = &c->subject,
                         .imds = { .env = p->env,
                                   .plain = p->plain,
                                   .api = &subject_api,
                                   .quota = SV("metadata"),
                                   .session_url = c->subject.aws_session_url,
                                   .arena = a } };
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
