/*
 * Tokens of Entra and of managed identities (azure.md 4.1, 4.2). A token is a signed JWT under a key made from the
 * seed, so it is believed again after a restart and nothing is stored. Audiences must match exactly; a slash at the end
 * is another audience, of which Resource Manager takes both.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/api.h"
#include "tests/cloudsim/rng.h"

enum { LIFE_S = 3599, IDENTITY_LIFE_S = 86399, MAC_BYTES = 32 };

/* clang-format off */
static const char *const audiences[AUDIENCES][4] = {
    [AUD_NONE]    = { NULL },
    [AUD_ARM]     = { "https://management.azure.com", "https://management.azure.com/", "https://management.core.windows.net/", NULL },
    [AUD_METRICS] = { "https://metrics.monitor.azure.com", "https://metrics.monitor.azure.com/", NULL },
    [AUD_LOGS]    = { "https://api.loganalytics.io", "https://api.loganalytics.azure.com", NULL },
    [AUD_PLAIN]   = { NULL },
    [AUD_AWS]     = { NULL },
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

sv base64_text(struct arena *a, sv bytes)
{
    char *out = arena_alloc(a, bytes.len / 3 * 4 + 8);

    return out ? sv_make(out,
                         (size_t)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes.at, (int)bytes.len))
               : SV_NONE;
}

/* Base64 for URLs, without padding. */
static sv base64url(struct arena *a, sv bytes)
{
    sv text = base64_text(a, bytes);
    char *out = (char *)(uintptr_t)text.at;
    size_t n = text.len;

    while (n > 0 && out[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return sv_make(out, n);
}

/* Both alphabets, with or without padding. */
sv base64_bytes(struct arena *a, sv text)
{
    size_t padded = (text.len + 3) / 4 * 4;
    char *in = arena_alloc(a, padded + 1), *out = arena_alloc(a, padded + 4);
    size_t filled = text.len;
    int n;

    if (!in || !out)
        return SV_NONE;
    while (filled > 0 && text.at[filled - 1] == '=')
        filled--;
    memset(in, '=', padded);
    for (size_t i = 0; i < filled; i++)
        in[i] = text.at[i] == '-' ? '+' : text.at[i] == '_' ? '/' : text.at[i];
    n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)in, (int)padded);
    return n < (int)(padded - filled) ? SV_NONE : sv_make(out, (size_t)n - (padded - filled));
}

static sv mac_of(const struct sim *s, struct arena *a, sv text)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    HMAC(EVP_sha256(), s->token_key, sizeof s->token_key, (const unsigned char *)text.at, text.len, mac, &n);
    return base64url(a, sv_make(mac, MAC_BYTES));
}

sv token_mint(const struct sim *s, struct arena *a, sv audience, sv principal, int64_t now, int64_t life_s)
{
    const struct world *w = &s->world;
    long long iat = (long long)(now / NANO_PER_S);
    sv claims = arena_printf(
        a,
        "{\"aud\":\"%.*s\",\"iss\":\"https://sts.windows.net/%.*s/\",\"iat\":%lld,\"iat_ns\":%lld,\"nbf\":%lld,"
        "\"exp\":%lld,\"appid\":\"%.*s\",\"oid\":\"%.*s\",\"tid\":\"%.*s\",\"ver\":\"1.0\"}",
        SV_ARG(audience), SV_ARG(w->tenant_id), iat, (long long)now, iat, iat + (long long)life_s, SV_ARG(principal),
        SV_ARG(principal), SV_ARG(w->tenant_id));
    sv head = base64url(a, SV("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    sv body = arena_printf(a, "%.*s.%.*s", SV_ARG(head), SV_ARG(base64url(a, claims)));

    return arena_printf(a, "%.*s.%.*s", SV_ARG(body), SV_ARG(mac_of(s, a, body)));
}

bool token_read(struct exchange *x, sv token, struct token_claims *out)
{
    size_t dot = sv_find_last(token, '.');
    sv body = sv_first(token, dot), mac = sv_skip(token, dot + 1), want = mac_of(x->sim, &x->arena, body);
    struct json_parser *p;
    bool ok = false;
    json v;

    if (dot == token.len || mac.len != want.len || CRYPTO_memcmp(mac.at, want.at, want.len) != 0)
        return false;
    sv_cut(&body, '.');
    p = json_parser_new(0);
    if (p && json_parse(p, base64_bytes(&x->arena, body), &v, NULL) == ERR_OK) {
        out->audience = arena_copy(&x->arena, json_sv(json_get(v, SV("aud"))));
        out->principal = arena_copy(&x->arena, json_sv(json_get(v, SV("appid"))));
        ok = json_i64(json_get(v, SV("iat_ns")), &out->issued) && json_i64(json_get(v, SV("exp")), &out->expires);
        out->expires *= NANO_PER_S;
    }
    json_parser_free(p);
    return ok;
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

bool secret_is(sv given, sv want)
{
    return given.len == want.len && CRYPTO_memcmp(given.at, want.at, want.len) == 0;
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
    const struct world *w = &x->sim->world;
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
    put_member(b, "access_token", token_mint(x->sim, &x->arena, audience, x->sim->world.client_id, x->now, LIFE_S));
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
        SV_ARG(origin), SV_ARG(x->sim->world.tenant_id), SV_ARG(host), SV_ARG(host), SV_ARG(host));
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
    const struct world *w = &x->sim->world;
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
    if (!secret_is(http_server_header(x->q, "X-IDENTITY-HEADER"), x->sim->world.client_secret))
        identity_refuse(x, 401, "invalid_request", "The identity header is missing or wrong");
    else
        identity_token(x);
}
