/*
 * Choice of the way to a token, as Microsoft's own libraries choose (azure.md 4.1, 4.2), and the requests.
 *
 * Managed identity has one endpoint per kind of host, found by environment variables: a table, first fit wins. Azure ML
 * knows only client ids, Cloud Shell only the user who is logged in; asking them for more is an error instead of a
 * token of another identity.
 */
#include "collector/sources/azure/azure_identity.h"

#include <unistd.h>

#include "collector/sources/credential.h"

enum { ARC_KEY_BYTES_MAX = 4096, ASSERTION_BYTES_MAX = 32 << 10, URL_BYTES_MAX = 8 << 10 };

/* clang-format off */
static const struct azure_way ways[] = {
    { .name = "managed identity (Service Fabric)", .needs = { "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT" },
      .unsupported = true },
    { .name = "managed identity (App Service)", .needs = { "IDENTITY_ENDPOINT", "IDENTITY_HEADER" },
      .method = "GET", .endpoint = "IDENTITY_ENDPOINT", .api_version = "2019-08-01",
      .header = "X-IDENTITY-HEADER", .header_from = "IDENTITY_HEADER",
      .by_client_id = "client_id", .by_object_id = "object_id", .by_resource_id = "mi_res_id" },
    { .name = "managed identity (Azure ML)", .needs = { "MSI_ENDPOINT", "MSI_SECRET" },
      .method = "GET", .endpoint = "MSI_ENDPOINT", .api_version = "2017-09-01",
      .header = "secret", .header_from = "MSI_SECRET", .by_client_id = "clientid" },
    { .name = "managed identity (Cloud Shell)", .needs = { "MSI_ENDPOINT" },
      .method = "POST", .endpoint = "MSI_ENDPOINT", .header = "Metadata" },
    { .name = "managed identity (Azure Arc)", .needs = { "IDENTITY_ENDPOINT", "IMDS_ENDPOINT" }, .file = "/opt/azcmagent/bin/himds",
      .method = "GET", .endpoint = "IDENTITY_ENDPOINT", .url = "http://127.0.0.1:40342/metadata/identity/oauth2/token",
      .api_version = "2020-06-01", .header = "Metadata", .challenge = true,
      .by_client_id = "client_id", .by_object_id = "object_id", .by_resource_id = "msi_res_id" },
    { .name = "managed identity (IMDS)",
      .method = "GET", .url = "http://169.254.169.254", .api_version = "2018-02-01", .header = "Metadata", .wakes_up = true,
      .by_client_id = "client_id", .by_object_id = "object_id", .by_resource_id = "msi_res_id" },
};
/* clang-format on */
static const struct azure_way *const imds = &ways[sizeof ways / sizeof *ways - 1];

static const char *environment(const struct azure_auth_config *c, const char *name)
{
    return credential_environment(c->environment, name);
}

/* The configured value, else the environment's. */
static const char *either(const struct azure_auth_config *c, const char *value, const char *name)
{
    return value && *value ? value : environment(c, name);
}

static bool fits(const struct azure_way *w, const struct azure_auth_config *c)
{
    bool all = w->needs[0] != NULL;

    for (size_t i = 0; i < sizeof w->needs / sizeof *w->needs && w->needs[i]; i++)
        all = all && environment(c, w->needs[i]);
    return all || w == imds || (w->file && access(w->file, F_OK) == 0);
}

static const struct azure_way *way_here(const struct azure_auth_config *c)
{
    const struct azure_way *w = ways;

    while (!fits(w, c))
        w++;
    return w;
}

static enum err_code choose_managed(struct azure_identity *id, const struct azure_auth_config *c, const char *client_id,
                                    struct err *e)
{
    const struct azure_way *w = c->imds_url ? imds : way_here(c);
    const char *url = w->endpoint && environment(c, w->endpoint) ? environment(c, w->endpoint) : w->url;
    sv base = sv_of(w == imds && c->imds_url ? c->imds_url : url);

    if (w->unsupported)
        return err_set(e, ERR_CONFIG, "%s is not supported: use workload_identity or client_secret", w->name);
    id->way = w;
    id->client_id = client_id && *client_id ? client_id : NULL;
    id->object_id = c->identity_object_id && *c->identity_object_id ? c->identity_object_id : NULL;
    id->resource_id = c->identity_resource_id && *c->identity_resource_id ? c->identity_resource_id : NULL;
    if (id->object_id || id->resource_id) {
        if ((id->object_id && id->resource_id) || (c->client_id && *c->client_id))
            return err_set(e, ERR_CONFIG,
                           "managed identity: name it by client id, object id or resource id, not by several");
        id->client_id = NULL;
    }
    if ((id->client_id && !w->by_client_id) || (id->object_id && !w->by_object_id) ||
        (id->resource_id && !w->by_resource_id))
        return err_set(e, ERR_CONFIG, "%s cannot select a user-assigned identity this way: leave the selector out",
                       w->name);
    id->header_value = w->header_from ? environment(c, w->header_from) : "true";
    id->arc_key_directory = c->arc_key_directory ? c->arc_key_directory : "/var/opt/azcmagent/tokens";
    while (w == imds && sv_ends(base, SV("/")))
        base.len--;
    buf_put(&id->url, base);
    if (w == imds)
        buf_put(&id->url, SV("/metadata/identity/oauth2/token"));
    return ERR_OK;
}

/* GUID or domain name; anything else would change the URL's meaning. */
static bool is_tenant(const char *s)
{
    return s && *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] == 0;
}

static enum err_code choose_entra(struct azure_identity *id, const struct azure_auth_config *c, bool federated,
                                  struct err *e)
{
    const char *authority = either(c, c->authority_url, "AZURE_AUTHORITY_HOST");
    sv base = sv_of(authority ? authority : "https://login.microsoftonline.com");

    id->tenant_id = either(c, c->tenant_id, "AZURE_TENANT_ID");
    id->client_id = either(c, c->client_id, "AZURE_CLIENT_ID");
    if (!is_tenant(id->tenant_id))
        return err_set(e, ERR_CONFIG, "tenant_id is %s: set it (or AZURE_TENANT_ID) to the tenant's GUID or domain",
                       id->tenant_id ? "no tenant" : "missing");
    if (!id->client_id)
        return err_set(e, ERR_CONFIG, "client_id is missing: set it (or AZURE_CLIENT_ID) to the application's id");
    if (federated)
        id->federated_token_file = either(c, c->federated_token_file, "AZURE_FEDERATED_TOKEN_FILE");
    else
        id->secret = secret_is_set(c->client_secret) ? c->client_secret : (struct secret){ "env:AZURE_CLIENT_SECRET" };
    if (federated && !id->federated_token_file)
        return err_set(e, ERR_CONFIG,
                       "federated_token_file is missing: set it, or AZURE_FEDERATED_TOKEN_FILE as the workload "
                       "identity webhook does");
    while (sv_ends(base, SV("/")))
        base.len--;
    if (!sv_has(base, SV("://")))
        buf_put(&id->url, SV("https://"));
    buf_put(&id->url, base);
    buf_putc(&id->url, '/');
    buf_put(&id->url, sv_of(id->tenant_id));
    buf_put(&id->url, SV("/oauth2/v2.0/token"));
    return ERR_OK;
}

static enum err_code choose_by_environment(struct azure_identity *id, const struct azure_auth_config *c, struct err *e)
{
    if (secret_is_set(c->client_secret) || environment(c, "AZURE_CLIENT_SECRET"))
        return choose_entra(id, c, false, e);
    if (either(c, c->federated_token_file, "AZURE_FEDERATED_TOKEN_FILE"))
        return choose_entra(id, c, true, e);
    if (environment(c, "AZURE_CLIENT_CERTIFICATE_PATH"))
        return err_set(e, ERR_CONFIG,
                       "AZURE_CLIENT_CERTIFICATE_PATH: certificates are not supported: use a client secret, workload "
                       "identity or managed identity");
    return choose_managed(id, c, either(c, c->client_id, "AZURE_CLIENT_ID"), e);
}

enum err_code azure_identity_choose(struct azure_identity *id, const struct azure_auth_config *c, struct err *e)
{
    enum err_code code = ERR_INTERNAL;

    *id = (struct azure_identity){ 0 };
    buf_init(&id->url, URL_BYTES_MAX);
    switch (c->credential) {
    case AZURE_CREDENTIAL_ENVIRONMENT:
        code = choose_by_environment(id, c, e);
        break;
    case AZURE_CREDENTIAL_CLIENT_SECRET:
        code = choose_entra(id, c, false, e);
        break;
    case AZURE_CREDENTIAL_WORKLOAD_IDENTITY:
        code = choose_entra(id, c, true, e);
        break;
    case AZURE_CREDENTIAL_MANAGED_IDENTITY:
        code = choose_managed(id, c, c->client_id, e);
        break;
    }
    if (!code && id->url.failed)
        code = err_set(e, ERR_CONFIG, "token endpoint: URL too long");
    if (code)
        azure_identity_done(id);
    return code;
}

void azure_identity_done(struct azure_identity *id)
{
    buf_done(&id->url);
    *id = (struct azure_identity){ 0 };
}

/* ---- Requests ---- */

static void put_parameter(struct buf *b, const char *name, const char *value)
{
    if (!name || !value)
        return;
    buf_printf(b, "&%s=", name);
    http_escape(b, sv_of(value));
}

static enum err_code managed_request(const struct azure_identity *id, sv audience, struct azure_token_request *r)
{
    const struct azure_way *w = id->way;
    bool post = strcmp(w->method, "POST") == 0;
    struct buf *b = post ? &r->body : &r->url;

    buf_put(&r->url, buf_sv(&id->url));
    if (!post)
        buf_printf(b, "%capi-version=%s&", sv_find(buf_sv(&id->url), '?') < id->url.len ? '&' : '?', w->api_version);
    buf_put(b, SV("resource="));
    http_escape(b, audience);
    put_parameter(b, w->by_client_id, id->client_id);
    put_parameter(b, w->by_object_id, id->object_id);
    put_parameter(b, w->by_resource_id, id->resource_id);
    r->q.method = w->method;
    return http_request_header(&r->q, sv_of(w->header), sv_of(id->header_value)) ? ERR_OK : ERR_CONFIG;
}

static enum err_code entra_request(const struct azure_identity *id, sv audience, struct azure_token_request *r,
                                   struct err *e)
{
    bool federated = id->federated_token_file != NULL;
    struct buf key;
    sv assertion = SV_NONE;
    enum err_code code;

    buf_init(&key, SECRET_BYTES_MAX);
    code = federated ? credential_read_file("federated token file", id->federated_token_file, ASSERTION_BYTES_MAX, &key,
                                            &assertion, e)
                     : secret_read(id->secret, &key, e);
    if (!code && key.len == 0)
        code = err_set(e, ERR_CONFIG, "client secret %s is empty", id->secret.reference);
    if (!code)
        azure_token_form(&r->body, sv_of(id->client_id), federated ? SV_NONE : buf_sv(&key), assertion, audience);
    secret_wipe(&key);
    buf_put(&r->url, buf_sv(&id->url));
    r->q.method = "POST";
    return code;
}

enum err_code azure_token_request(const struct azure_identity *id, sv audience, struct azure_token_request *r,
                                  struct err *e)
{
    enum err_code code;

    *r = (struct azure_token_request){ .q = { .timeout_ms = 30000, .body_limit_bytes = AZURE_TOKEN_BYTES_MAX * 2 } };
    buf_init(&r->url, URL_BYTES_MAX);
    buf_init(&r->body, 4 * SECRET_BYTES_MAX);
    buf_init(&r->authorization, ARC_KEY_BYTES_MAX + 64);
    code = id->way ? managed_request(id, audience, r) : entra_request(id, audience, r, e);
    if (!code && r->body.len &&
        !http_request_header(&r->q, SV("Content-Type"), SV("application/x-www-form-urlencoded")))
        code = err_set(e, ERR_INTERNAL, "token request: too many headers");
    if (!code && (r->url.failed || r->body.failed))
        code = err_set(e, ERR_LIMIT, "token request too long");
    if (code == ERR_CONFIG && id->way)
        err_set(e, code, "%s: %s is not fit for a header", id->way->name,
                id->way->header_from ? id->way->header_from : id->way->header);
    r->q.url = buf_sv(&r->url);
    r->q.body = buf_sv(&r->body);
    return code;
}

enum err_code azure_token_request_answer(const struct azure_identity *id, sv www_authenticate,
                                         struct azure_token_request *r, struct err *e)
{
    sv path;
    struct buf key;
    enum err_code code;

    if (!azure_arc_key_file(www_authenticate, sv_of(id->arc_key_directory), &path))
        return err_set(e, ERR_CONFIG,
                       "%s: the challenge names no key file in %s: check that the endpoint is the agent's",
                       id->way->name, id->arc_key_directory);
    buf_put(&r->authorization, path);
    buf_putc(&r->authorization, 0);
    buf_init(&key, ARC_KEY_BYTES_MAX);
    code = r->authorization.failed ? ERR_LIMIT : buf_read_file(&key, r->authorization.at, ARC_KEY_BYTES_MAX, e);
    if (code) {
        err_set(e, ERR_CONFIG, "%s: key file %.*s cannot be read: add this user to the group himds", id->way->name,
                SV_ARG(path));
        code = ERR_CONFIG;
    }
    buf_clear(&r->authorization);
    buf_put(&r->authorization, SV("Basic "));
    buf_put(&r->authorization, sv_trim(buf_sv(&key)));
    secret_wipe(&key);
    if (!code &&
        (r->authorization.failed || !http_request_header(&r->q, SV("Authorization"), buf_sv(&r->authorization))))
        code = err_set(e, ERR_CONFIG, "%s: key file holds what is no key", id->way->name);
    return code;
}

void azure_token_request_done(struct azure_token_request *r)
{
    buf_done(&r->url);
    secret_wipe(&r->body);
    secret_wipe(&r->authorization);
}

static bool echoes(const char *wanted, sv told)
{
    return !wanted || sv_eq_nocase(sv_of(wanted), told);
}

bool azure_identity_is_echoed(const struct azure_identity *id, const struct azure_token_answer *t)
{
    return !id->way || !id->way->challenge ||
           (echoes(id->client_id, t->client_id) && echoes(id->object_id, t->object_id) &&
            echoes(id->resource_id, t->resource_id));
}
