/*
 * Tokens of Entra and of managed identities (azure.md 4.1, 4.2). A token is a signed JWT under a key made from the
 * seed, so it is believed again after a restart and nothing is stored. Audiences must match exactly; a slash at the end
 * is another audience, of which Resource Manager takes both.
 */
#include <stdatomic.h>

#include "tests/cloudsim/azure/azure.h"

enum { LIFE_S = 3599, IDENTITY_LIFE_S = 86399 };

/* clang-format off */
static const char *const audiences[AUDIENCES][4] = {
    [AUD_NONE]    = { NULL },
    [AUD_ARM]     = { "https://management.azure.com", "https://management.azure.com/", "https://management.core.windows.net/", NULL },
    [AUD_METRICS] = { "https://metrics.monitor.azure.com", "https://metrics.monitor.azure.com/", NULL },
    [AUD_LOGS]    = { "https://api.loganalytics.io", "https://api.loganalytics.azure.com", NULL },
    [AUD_PLAIN]   = { NULL },
};
/* clang-format on */

static bool audience_is(enum audience of, sv text)
{
    for (unsigned i = 0; audiences[of][i]; i++)
        if (sv_eq(text, sv_of(audiences[of][i])))
            return true;
    return false;
}

static bool audience_known(sv text)
{
    return audience_is(AUD_ARM, text) || audience_is(AUD_METRICS, text) || audience_is(AUD_LOGS, text);
}

enum token_verdict token_verify(struct exchange *x, enum audience want)
{
    sv header = http_server_header(x->q, "Authorization");
    struct token_claims c = { .issued = 0 };

    if (!header.len)
        return TOKEN_NONE;
    if (!sv_starts_nocase(header, SV("Bearer ")) || !token_read(x, sv_trim(sv_skip(header, 7)), &c))
        return TOKEN_BAD;
    if (x->now >= c.expires || c.issued < atomic_load(&x->sim->tokens_valid_from))
        return TOKEN_EXPIRED;
    if (!audience_is(want, c.audience))
        return TOKEN_AUDIENCE;
    x->principal = c.principal;
    return TOKEN_GOOD;
}

/* ---- token endpoint ---- */

void entra_refuse(struct exchange *x, int status, const char *error, unsigned code, const char *text)
{
    struct buf *b = reply_json(x, status);
    struct buf when = { .at = NULL };

    buf_time(&when, x->now, 0);
    buf_putc(b, '{');
    put_member(b, "error", sv_of(error));
    buf_printf(b,
               ",\"error_description\":\"AADSTS%u: %s Trace ID: 00000000-0000-0000-0000-0000000000c3 Correlation ID: "
               "00000000-0000-0000-0000-0000000000c4 Timestamp: %.10s %.8sZ\",\"error_codes\":[%u],",
               code, text, when.at, when.at + 11, code);
    buf_printf(
        b,
        "\"timestamp\":\"%.10s %.8sZ\",\"trace_id\":\"00000000-0000-0000-0000-0000000000c3\",\"correlation_id\":"
        "\"00000000-0000-0000-0000-0000000000c4\",\"error_uri\":\"https://login.microsoftonline.com/error?code=%u\"}",
        when.at, when.at + 11, code);
    buf_done(&when);
}

/* The assertion must be a token of ours for the exchange audience, as the file beside the configuration holds one. */
static bool assertion_good(struct exchange *x, sv assertion)
{
    struct token_claims c = { .issued = 0 };

    if (!sv_eq(form_of(x, "client_assertion_type"), SV("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")))
        entra_refuse(x, 400, "invalid_request", 900144,
                     "The request body must contain the following parameter: 'client_assertion_type'.");
    else if (!token_read(x, assertion, &c) || !sv_eq(c.audience, SV("api://AzureADTokenExchange")))
        entra_refuse(x, 401, "invalid_client", 70021,
                     "No matching federated identity record found for presented assertion.");
    else if (x->now >= c.expires)
        entra_refuse(x, 401, "invalid_client", 700024, "Client assertion is not within its valid time range.");
    else
        return true;
    return false;
}

static bool client_good(struct exchange *x)
{
    const struct world *w = &azure_of(x->sim)->world;
    sv assertion = form_of(x, "client_assertion");

    if (!sv_eq_nocase(x->captures[0], w->tenant_id))
        entra_refuse(x, 400, "invalid_request", 90002,
                     "Tenant not found. Check to make sure you have the correct tenant ID.");
    else if (!sv_eq(form_of(x, "grant_type"), SV("client_credentials")))
        entra_refuse(x, 400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.");
    else if (!sv_eq_nocase(form_of(x, "client_id"), w->client_id))
        entra_refuse(x, 400, "unauthorized_client", 700016, "Application was not found in the directory.");
    else if (assertion.len)
        return assertion_good(x, assertion);
    else if (!secret_is(form_of(x, "client_secret"), w->client_secret))
        entra_refuse(x, 401, "invalid_client", 7000215,
                     "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                     "value, not "
                     "the client secret ID.");
    else
        return true;
    return false;
}

void azure_token(struct exchange *x)
{
    sv scope = form_of(x, "scope"), audience = scope;
    struct buf *b;

    if (!client_good(x))
        return;
    /* Scopes that libraries add by themselves stand beside the one that names the audience. */
    for (sv rest = scope; rest.len;) {
        sv one = sv_cut(&rest, ' ');

        if (sv_ends(one, SV("/.default")))
            audience = sv_first(one, one.len - 9);
    }
    if (!sv_has(scope, SV("/.default"))) {
        entra_refuse(x, 400, "invalid_scope", 1002012,
                     "The provided value for scope is not valid. Client credential flows must have "
                     "a scope value with /.default suffixed to the resource identifier.");
        return;
    }
    if (!audience_known(audience)) {
        entra_refuse(x, 400, "invalid_resource", 500011, "The resource principal was not found in the tenant.");
        return;
    }
    b = reply_json(x, 200);
    buf_printf(b, "{\"token_type\":\"Bearer\",\"expires_in\":%d,\"ext_expires_in\":%d,", LIFE_S, LIFE_S);
    put_member(b, "access_token",
               token_mint(x->sim, &x->arena, audience, azure_of(x->sim)->world.client_id, x->now, LIFE_S));
    buf_putc(b, '}');
}

void azure_openid(struct exchange *x)
{
    sv origin = exchange_origin(x);
    struct buf *b = reply_json(x, 200);

    buf_printf(
        b,
        "{\"token_endpoint\":\"%.*s/%.*s/oauth2/v2.0/token\",\"issuer\":\"%.*s/%.*s/v2.0\",\"authorization_endpoint\":"
        "\"%.*s/%.*s/oauth2/v2.0/authorize\",\"jwks_uri\":\"%.*s/%.*s/discovery/v2.0/keys\","
        "\"response_types_supported\":[\"code\"],\"subject_types_supported\":[\"pairwise\"]}",
        SV_ARG(origin), SV_ARG(x->captures[0]), SV_ARG(origin), SV_ARG(x->captures[0]), SV_ARG(origin),
        SV_ARG(x->captures[0]), SV_ARG(origin), SV_ARG(x->captures[0]));
}

void azure_instance(struct exchange *x)
{
    sv host = http_server_header(x->q, "Host"), origin = exchange_origin(x);
    struct buf *b = reply_json(x, 200);

    buf_printf(
        b,
        "{\"tenant_discovery_endpoint\":\"%.*s/%.*s/v2.0/.well-known/openid-configuration\",\"api-version\":\"1.1\","
        "\"metadata\":[{\"preferred_network\":\"%.*s\",\"preferred_cache\":\"%.*s\",\"aliases\":[\"%.*s\"]}]}",
        SV_ARG(origin), SV_ARG(azure_of(x->sim)->world.tenant_id), SV_ARG(host), SV_ARG(host), SV_ARG(host));
}

/* ---- managed identities ---- */

void identity_refuse(struct exchange *x, int status, const char *error, const char *text)
{
    struct buf *b = reply_json(x, status);

    buf_putc(b, '{');
    put_member(b, "error", sv_of(error));
    buf_putc(b, ',');
    put_member(b, "error_description", sv_of(text));
    buf_putc(b, '}');
}

static void identity_token(struct exchange *x)
{
    sv resource = query_of(x, "resource"), selector = query_of(x, "client_id");
    const struct world *w = &azure_of(x->sim)->world;
    long long now = (long long)(x->now / NANO_PER_S);
    struct buf *b;

    if (!query_of(x, "api-version").len || !resource.len) {
        identity_refuse(x, 400, "invalid_request", "Required query variable is missing");
        return;
    }
    if ((selector.len && !sv_eq_nocase(selector, w->identity_id)) || query_of(x, "object_id").len ||
        query_of(x, "msi_res_id").len) {
        identity_refuse(x, 400, "invalid_request", "Identity not found");
        return;
    }
    if (!audience_known(resource)) {
        identity_refuse(x, 400, "invalid_request", "AADSTS500011: The resource principal was not found in the tenant.");
        return;
    }
    b = reply_json(x, 200);
    /* Numbers as strings: that is how this endpoint sends them. */
    buf_putc(b, '{');
    put_member(b, "access_token", token_mint(x->sim, &x->arena, resource, w->identity_id, x->now, IDENTITY_LIFE_S));
    buf_printf(
        b,
        ",\"refresh_token\":\"\",\"client_id\":\"%.*s\",\"expires_in\":\"%d\",\"expires_on\":\"%lld\",\"not_before\":"
        "\"%lld\",\"token_type\":\"Bearer\",",
        SV_ARG(w->identity_id), IDENTITY_LIFE_S, now + IDENTITY_LIFE_S, now - 300);
    put_member(b, "resource", resource);
    buf_putc(b, '}');
}

void azure_imds(struct exchange *x)
{
    if (!sv_eq_nocase(http_server_header(x->q, "Metadata"), SV("true")) ||
        http_server_header(x->q, "X-Forwarded-For").len)
        identity_refuse(x, 400, "invalid_request", "Required metadata header not specified");
    else
        identity_token(x);
}

/* App Service, Functions, Container Apps: the header carries IDENTITY_HEADER, here the client secret. */
void azure_app_identity(struct exchange *x)
{
    if (!secret_is(http_server_header(x->q, "X-IDENTITY-HEADER"), azure_of(x->sim)->world.client_secret))
        identity_refuse(x, 401, "invalid_request", "The identity header is missing or wrong");
    else
        identity_token(x);
}
