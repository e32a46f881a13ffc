/*
 * The files that Google's tools write (gcp.md 4.2 to 4.6): one JSON object, its `type` says which of six. Each type has a
 * row in a table with the fields that it must have and the function that takes them.
 *
 * What a daemon should not do is refused by name instead of being passed over: to run a program that a file names, to
 * send what a file holds to any host, to belong to another universe than the operator said.
 */
#include "collector/sources/gcp/gcp_credential.h"

#include "collector/base/json.h"
#include "collector/sources/credential.h"

enum { LIFE_MIN_S = 600, LIFE_S = 3600, LIFE_MAX_S = 43200, TYPE_MAX = 40 };

struct reader {
    const struct gcp_hosts *hosts;
    bool exchange_key;
    struct arena *arena;
    struct err *e;
};

typedef bool take_fn(const struct reader *r, json v, struct gcp_credential *c);

static bool refuse(const struct reader *r, const char *what)
{
    err_set(r->e, ERR_CONFIG, "%s", what);
    return false;
}

static sv text(const struct reader *r, json object, const char *name)
{
    return arena_copy(r->arena, json_sv(json_get(object, sv_of(name))));
}

/* What becomes a header or a part of a form. */
static bool word(const struct reader *r, json object, const char *name, sv *out)
{
    *out = text(r, object, name);
    if (out->len && !credential_is_word(*out)) {
        err_set(r->e, ERR_CONFIG, "%s holds blanks or control bytes", name);
        return false;
    }
    return true;
}

static bool url(const struct reader *r, json object, const char *name, sv fallback, sv *out)
{
    sv told = json_sv(json_get(object, sv_of(name)));

    return gcp_hosts_admit(r->hosts, name, told.len ? told : fallback, r->arena, out, r->e) == ERR_OK;
}

/* "https://oauth2.<universe>/token" */
static sv own_url(const struct reader *r, const char *service, const char *path)
{
    return arena_printf(r->arena, "https://%s.%.*s%s", service, SV_ARG(r->hosts->universe), path);
}

/* ---- Keys and logins ---- */

static bool take_service_account(const struct reader *r, json v, struct gcp_credential *c)
{
    c->key = text(r, v, "private_key");
    return word(r, v, "client_email", &c->email) && word(r, v, "private_key_id", &c->key_id) &&
           word(r, v, "project_id", &c->project_id) &&
           (!r->exchange_key || url(r, v, "token_uri", own_url(r, "oauth2", "/token"), &c->token_url));
}

static bool take_client(const struct reader *r, json v, struct gcp_credential *c)
{
    c->client_secret = text(r, v, "client_secret");
    c->refresh_token = text(r, v, "refresh_token");
    return word(r, v, "client_id", &c->client_id);
}

static bool take_user(const struct reader *r, json v, struct gcp_credential *c)
{
    return take_client(r, v, c) && url(r, v, "token_uri", own_url(r, "oauth2", "/token"), &c->token_url);
}

static bool take_external_user(const struct reader *r, json v, struct gcp_credential *c)
{
    return take_client(r, v, c) && word(r, v, "audience", &c->audience) &&
           url(r, v, "token_url", own_url(r, "sts", "/v1/oauthtoken"), &c->token_url);
}

/* ---- Impersonation ---- */

/* ".../v1/projects/-/serviceAccounts/EMAIL:generateAccessToken" */
static bool take_impersonation_url(const struct reader *r, json v, struct gcp_impersonation *i)
{
    static const char before[] = "/serviceAccounts/", after[] = ":generateAccessToken";
    const char *at;
    sv email;

    if (!url(r, v, "service_account_impersonation_url", SV_NONE, &i->url))
        return false;
    at = memmem(i->url.at, i->url.len, before, sizeof before - 1);
    email = at ? sv_skip(i->url, (size_t)(at - i->url.at) + sizeof before - 1) : SV_NONE;
    if (!at || !sv_ends(email, sv_of(after)) || email.len == sizeof after - 1)
        return refuse(r, "service_account_impersonation_url is not .../serviceAccounts/EMAIL:generateAccessToken");
    i->email = sv_first(email, email.len - (sizeof after - 1));
    i->life_s = LIFE_S;
    return true;
}

static bool take_life(const struct reader *r, json v, struct gcp_impersonation *i)
{
    json told = json_path(v, "service_account_impersonation/token_lifetime_seconds");

    if (json_is_absent(told))
        return true;
    if (!json_i64(told, &i->life_s) || i->life_s < LIFE_MIN_S || i->life_s > LIFE_MAX_S)
        return refuse(r, "token_lifetime_seconds is not within 600 and 43200");
    return true;
}

static bool take_delegates(const struct reader *r, json v, struct gcp_impersonation *i)
{
    json item;

    for (struct json_iter it = json_items(json_get(v, SV("delegates"))); json_item(&it, &item);) {
        if (i->n_delegates == GCP_DELEGATES_MAX)
            return refuse(r, "delegates: more than 8");
        i->delegates[i->n_delegates++] = arena_copy(r->arena, json_sv(item));
    }
    return true;
}

static bool take(const struct reader *r, json v, unsigned allowed, struct gcp_credential *c);

static bool take_impersonated(const struct reader *r, json v, struct gcp_credential *c)
{
    const unsigned sources =
        1U << GCP_SERVICE_ACCOUNT | 1U << GCP_AUTHORIZED_USER | 1U << GCP_EXTERNAL_USER | 1U << GCP_EXTERNAL_ACCOUNT;

    c->source = ARENA_NEW(r->arena, struct gcp_credential);
    if (!c->source || !take_impersonation_url(r, v, &c->impersonation) || !take_life(r, v, &c->impersonation) ||
        !take_delegates(r, v, &c->impersonation))
        return false;
    if (!take(r, json_get(v, SV("source_credentials")), sources, c->source)) {
        err_wrap(r->e, "source_credentials");
        return false;
    }
    return true;
}

/* ---- External accounts ---- */

static bool take_headers(const struct reader *r, json source, struct gcp_subject *s)
{
    sv name;
    json value;

    for (struct json_iter it = json_members(json_get(source, SV("headers"))); json_member(&it, &name, &value);) {
        struct http_request probe = { 0 };

        if (s->n_headers == GCP_HEADERS_MAX)
            return refuse(r, "credential_source.headers: more than 8");
        s->headers[s->n_headers].name = arena_copy(r->arena, name);
        s->headers[s->n_headers].value = arena_copy(r->arena, json_sv(value));
        if (!credential_is_word(name) || sv_find(name, ':') < name.len ||
            !http_request_header(&probe, name, json_sv(value)))
            return refuse(r, "credential_source.headers: what no header can hold");
        s->n_headers++;
    }
    return true;
}

static bool take_format(const struct reader *r, json source, struct gcp_subject *s)
{
    sv type = json_sv(json_path(source, "format/type"));

    if (type.len == 0 || sv_eq(type, SV("text")))
        return true;
    s->field = text(r, json_get(source, SV("format")), "subject_token_field_name");
    if (!sv_eq(type, SV("json")) || s->field.len == 0)
        return refuse(r, "credential_source.format is neither text nor json with subject_token_field_name");
    return true;
}

/* Subject tokens come from anywhere, but what they come in must not be read or changed on its way. */
static bool take_subject_url(const struct reader *r, json source, const char *name, sv *out)
{
    static const char *const metadata_hosts[] = { "169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal",
                                                  NULL };

    *out = text(r, source, name);
    if (out->len == 0 || credential_url_ok(*out, metadata_hosts))
        return true;
    err_set(r->e, ERR_CONFIG,
            "credential_source.%s is neither https nor, with plain http, on this machine (loopback, 169.254.169.254)",
            name);
    return false;
}

/* What is signed is called by Google: nothing but "who am I", and nobody but AWS's STS. */
static bool is_verification_url(sv url)
{
    static const char query[] = "?Action=GetCallerIdentity&Version=2011-06-15";
    sv host = sv_skip(url, 8);

    if (!sv_starts(url, SV("https://")) || !sv_ends(host, sv_of(query)))
        return false;
    host.len -= sizeof query - 1;
    if (sv_ends(host, SV("/")))
        host.len--;
    return sv_eq(host, SV("sts.{region}.amazonaws.com")) || sv_eq(host, SV("sts.{region}.amazonaws.com.cn")) ||
           sv_eq(host, SV("sts.amazonaws.com"));
}

static bool take_aws(const struct reader *r, json source, struct gcp_subject *s)
{
    s->aws = true;
    s->aws_verification_url = text(r, source, "regional_cred_verification_url");
    if (!sv_eq(json_sv(json_get(source, SV("environment_id"))), SV("aws1")))
        return refuse(r, "credential_source.environment_id is not aws1");
    if (!is_verification_url(s->aws_verification_url))
        return refuse(r, "credential_source.regional_cred_verification_url is not "
                         "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
    if (json_sv(json_get(source, SV("url"))).len && !json_sv(json_get(source, SV("imdsv2_session_token_url"))).len)
        return refuse(r, "credential_source.imdsv2_session_token_url is missing: the first version of AWS's metadata "
                         "service is not asked");
    return take_subject_url(r, source, "region_url", &s->aws_region_url) &&
           take_subject_url(r, source, "url", &s->aws_keys_url) &&
           take_subject_url(r, source, "imdsv2_session_token_url", &s->aws_session_url);
}

static bool take_source(const struct reader *r, json v, struct gcp_credential *c)
{
    static const char *const ways[] = { "file", "url", "environment_id", "executable", "certificate" };
    enum { FILE_WAY, URL_WAY, AWS_WAY, EXECUTABLE_WAY, CERTIFICATE_WAY, WAYS };
    json source = json_get(v, SV("credential_source"));
    bool has[WAYS];
    int n = 0;

    for (size_t i = 0; i < WAYS; i++) {
        has[i] = !json_is_absent(json_get(source, sv_of(ways[i])));
        n += has[i];
    }
    if (has[AWS_WAY]) /* whose `url` is no way of its own */
        n -= has[URL_WAY];
    if (n != 1)
        return refuse(r, n ? "credential_source names more than one way"
                           : "credential_source names neither file nor url nor environment_id");
    if (has[AWS_WAY])
        return take_aws(r, source, &c->subject);
    if (has[EXECUTABLE_WAY])
        return refuse(r, "credential_source.executable would run a program as us, which is not done: let it write its "
                         "token to a file, and name that in credential_source.file");
    if (has[CERTIFICATE_WAY])
        return refuse(r, "credential_source.certificate (mutual TLS) is not supported: use a file or url source");
    c->subject.file = text(r, source, "file");
    return take_subject_url(r, source, "url", &c->subject.url) && take_format(r, source, &c->subject) &&
           take_headers(r, source, &c->subject) &&
           (c->subject.file.len || c->subject.url.len || refuse(r, "credential_source.file or url is empty"));
}

static bool take_external(const struct reader *r, json v, struct gcp_credential *c)
{
    if (!take_client(r, v, c) || !word(r, v, "audience", &c->audience) ||
        !word(r, v, "subject_token_type", &c->subject_type) ||
        !word(r, v, "workforce_pool_user_project", &c->workforce) ||
        !url(r, v, "token_url", own_url(r, "sts", "/v1/token"), &c->token_url) || !take_source(r, v, c))
        return false;
    if (json_is_absent(json_get(v, SV("service_account_impersonation_url"))))
        return true;
    return take_impersonation_url(r, v, &c->impersonation) && take_life(r, v, &c->impersonation);
}

/* ---- One file ---- */

enum { FIELDS_MAX = 4 };

/* clang-format off */
static const struct {
    const char *type, *name;
    take_fn *take;
    const char *needs[FIELDS_MAX];
} types[] = {
    [GCP_METADATA]         = { NULL, "metadata server", NULL, { NULL } },
    [GCP_SERVICE_ACCOUNT]  = { "service_account", "service account key", take_service_account,
                               { "client_email", "private_key" } },
    [GCP_AUTHORIZED_USER]  = { "authorized_user", "user login", take_user,
                               { "client_id", "client_secret", "refresh_token" } },
    [GCP_EXTERNAL_ACCOUNT] = { "external_account", "workload identity federation", take_external,
                               { "audience", "subject_token_type" } },
    [GCP_EXTERNAL_USER]    = { "external_account_authorized_user", "workforce login", take_external_user,
                               { "client_id", "client_secret", "refresh_token" } },
    [GCP_IMPERSONATED]     = { "impersonated_service_account", "impersonated service account", take_impersonated,
                               { "service_account_impersonation_url" } },
};
/* clang-format on */
enum { TYPES = sizeof types / sizeof *types };

const char *gcp_type_name(enum gcp_type type)
{
    return types[type].name;
}

static bool find_type(const struct reader *r, json v, unsigned allowed, enum gcp_type *out)
{
    sv type = json_sv(json_get(v, SV("type")));

    for (unsigned i = GCP_SERVICE_ACCOUNT; i < TYPES; i++)
        if (sv_eq(type, sv_of(types[i].type)) && allowed & 1U << i) {
            *out = (enum gcp_type)i;
            return true;
        }
    if (sv_eq(type, SV("gdch_service_account")))
        return refuse(r, "gdch_service_account: a Google Distributed Cloud without a connection has none of the "
                         "services that are read here");
    type = credential_error_word(type, TYPE_MAX);
    err_set(r->e, ERR_CONFIG,
            "type is %.*s: want service_account, authorized_user, external_account, external_account_authorized_user "
            "or impersonated_service_account",
            SV_ARG(type.len ? type : SV("missing or unknown")));
    return false;
}

/* Absent is Google's own, but for the operator who says that there is another one. */
static bool universe_fits(const struct reader *r, json v)
{
    sv told = json_sv(json_get(v, SV("universe_domain")));

    if (told.len == 0 || sv_eq(told, r->hosts->universe))
        return true;
    err_set(r->e, ERR_CONFIG,
            "universe_domain is another one than %.*s: if that is meant, say so in GOOGLE_CLOUD_UNIVERSE_DOMAIN",
            SV_ARG(sv_first(r->hosts->universe, 80)));
    return false;
}

static bool take(const struct reader *r, json v, unsigned allowed, struct gcp_credential *c)
{
    if (!find_type(r, v, allowed, &c->type) || !universe_fits(r, v))
        return false;
    for (size_t i = 0; i < FIELDS_MAX && types[c->type].needs[i]; i++)
        if (json_sv(json_get(v, sv_of(types[c->type].needs[i]))).len == 0) {
            err_set(r->e, ERR_CONFIG, "%s: %s is missing", types[c->type].type, types[c->type].needs[i]);
            return false;
        }
    return types[c->type].take(r, v, c) && word(r, v, "quota_project_id", &c->quota_project);
}

enum err_code gcp_credential_parse(sv bytes, const struct gcp_hosts *h, bool exchange_key, struct arena *a,
                                   struct gcp_credential *out, struct err *e)
{
    struct json_parser *p = json_parser_new(GCP_FILE_BYTES_MAX);
    struct gcp_credential c = { 0 };
    struct err local = { 0 };
    const struct reader r = { h, exchange_key, a, e ? e : &local };
    json root;
    bool good;

    if (!p)
        return err_set(e, ERR_LIMIT, "no memory left");
    if (json_parse(p, bytes, &root, NULL) || json_type(root) != JSON_OBJECT) /* the parser's words may quote it */
        good = refuse(&r, "is no JSON object");
    else
        good = take(&r, root, ~0U, &c);
    json_parser_free(p);
    if (a->failed)
        return err_set(e, ERR_LIMIT, "no memory left");
    if (!good) {
        gcp_credential_wipe(&c);
        return r.e->code;
    }
    *out = c;
    return ERR_OK;
}

static void wipe(sv *s)
{
    if (s->len)
        explicit_bzero((void *)(uintptr_t)s->at, s->len);
    *s = SV_NONE;
}

void gcp_credential_wipe(struct gcp_credential *c)
{
    wipe(&c->key);
    wipe(&c->client_secret);
    wipe(&c->refresh_token);
    for (size_t i = 0; i < c->subject.n_headers; i++)
        wipe(&c->subject.headers[i].value);
    if (c->source)
        gcp_credential_wipe(c->source);
}
