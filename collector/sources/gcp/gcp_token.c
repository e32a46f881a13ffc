/*
 * Google's token endpoints speak OAuth 2.0: a form out, a small JSON object back (gcp.md 4.2 to 4.6); iamcredentials is one
 * of Google's own APIs and speaks JSON both ways.
 *
 * A signed JWT is RS256 by OpenSSL. The same claims serve as bearer (iss, sub and scope, no audience) and as assertion
 * (audience oauth2's own, wherever it is sent to).
 *
 * Failures are told by `error` and by a remedy from a table of what Google is known to say; the description itself is
 * not repeated, since nothing promises that it holds no secret.
 */
#include "collector/sources/gcp/gcp_token.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "collector/base/clock.h"
#include "collector/base/json.h"
#include "collector/config/secret.h"
#include "collector/net/http_client.h"
#include "collector/sources/credential.h"

enum { RENEW_BEFORE_END_MS = 225 * 1000, ERROR_BYTES_MAX = 64 << 10, SIGNATURE_BYTES_MAX = 2048, WORD_MAX = 40 };

#define AUTH "https://www.googleapis.com/auth/"
const sv gcp_read_scopes = SVT(AUTH "monitoring.read " AUTH "logging.read " AUTH "cloud-platform.read-only");
const sv gcp_platform_scope = SVT(AUTH "cloud-platform");

int64_t gcp_token_renew_ms(int64_t life_ms)
{
    return life_ms > 2 * RENEW_BEFORE_END_MS ? life_ms - RENEW_BEFORE_END_MS : life_ms / 2;
}

/* ---- Assertions ---- */

static void put_base64(struct buf *out, sv bytes, bool url)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *digits = url ? safe : plain;

    for (size_t i = 0; i < bytes.len; i += 3) {
        const unsigned char *p = (const unsigned char *)bytes.at + i;
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

        for (size_t k = 0; k < 4; k++)
            if (k <= n)
                buf_putc(out, digits[v >> (18 - 6 * k) & 63]);
            else if (!url)
                buf_putc(out, '=');
    }
}

static int no_passphrase(char *to, int size, int writing, void *ctx)
{
    (void)to, (void)size, (void)writing, (void)ctx;
    return 0;
}

static EVP_PKEY *read_key(sv pem)
{
    BIO *b = pem.len < GCP_FILE_BYTES_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;

    BIO_free(b);
    if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static bool put_signature(struct buf *out, EVP_PKEY *key, sv text)
{
    unsigned char signature[SIGNATURE_BYTES_MAX];
    size_t len = sizeof signature;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = c && EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(c, signature, &len, (const unsigned char *)text.at, text.len) == 1;

    EVP_MD_CTX_free(c);
    if (good)
        put_base64(out, sv_make(signature, len), true);
    return good;
}

static void put_member(struct buf *b, const char *name, sv value)
{
    buf_printf(b, "%c\"%s\":", b->len ? ',' : '{', name);
    buf_json(b, value);
}

static void put_claims(struct buf *jwt, const struct gcp_credential *c, sv scope, sv audience, int64_t now_s)
{
    struct buf b;

    buf_init(&b, GCP_FILE_BYTES_MAX);
    put_member(&b, "typ", SV("JWT"));
    put_member(&b, "alg", SV("RS256"));
    if (c->key_id.len)
        put_member(&b, "kid", c->key_id);
    buf_putc(&b, '}');
    put_base64(jwt, buf_sv(&b), true);
    buf_putc(jwt, '.');
    buf_clear(&b);
    put_member(&b, "iss", c->email);
    if (audience.len)
        put_member(&b, "aud", audience);
    else
        put_member(&b, "sub", c->email);
    put_member(&b, "scope", scope);
    buf_printf(&b, ",\"iat\":%lld,\"exp\":%lld}", (long long)now_s, (long long)(now_s + GCP_ASSERTION_LIFE_S));
    put_base64(jwt, buf_sv(&b), true);
    jwt->failed = jwt->failed || b.failed;
    buf_done(&b);
}

enum err_code gcp_token_sign(const struct gcp_credential *c, sv scope, sv audience, int64_t now_unix_nano,
                             struct buf *jwt, struct err *e)
{
    EVP_PKEY *key = read_key(c->key);
    struct buf text; /* signed while the signature is appended elsewhere */
    bool good;

    if (!key)
        return err_set(
            e, ERR_CONFIG,
            "private_key is no RSA key in PEM: make a new key file (a copied key often loses its line ends)");
    buf_init(&text, GCP_FILE_BYTES_MAX);
    put_claims(&text, c, scope, audience, now_unix_nano / NANO_PER_S);
    buf_put(jwt, buf_sv(&text));
    buf_putc(jwt, '.');
    good = put_signature(jwt, key, buf_sv(&text)) && !text.failed && !jwt->failed;
    buf_done(&text);
    EVP_PKEY_free(key);
    return good ? ERR_OK : err_set(e, ERR_CONFIG, "private_key cannot sign: make a new key file");
}

/* ---- Forms ---- */

static void put(struct buf *b, const char *name, sv value)
{
    if (b->len)
        buf_putc(b, '&');
    buf_printf(b, "%s=", name);
    http_escape(b, value);
}

void gcp_token_assertion_form(struct buf *out, sv jwt)
{
    put(out, "grant_type", SV("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    put(out, "assertion", jwt);
}

void gcp_token_refresh_form(struct buf *out, const struct gcp_credential *c)
{
    put(out, "grant_type", SV("refresh_token"));
    if (c->type != GCP_EXTERNAL_USER) {
        put(out, "client_id", c->client_id);
        put(out, "client_secret", c->client_secret);
    }
    put(out, "refresh_token", c->refresh_token);
}

void gcp_token_exchange_form(struct buf *out, const struct gcp_credential *c, sv scope, sv subject_token)
{
    put(out, "grant_type", SV("urn:ietf:params:oauth:grant-type:token-exchange"));
    put(out, "audience", c->audience);
    put(out, "scope", scope);
    put(out, "requested_token_type", SV("urn:ietf:params:oauth:token-type:access_token"));
    put(out, "subject_token", subject_token);
    put(out, "subject_token_type", c->subject_type);
    if (c->workforce.len && !c->client_id.len) { /* the client tells the project where there is one */
        struct buf b;

        buf_init(&b, GCP_FILE_BYTES_MAX);
        put_member(&b, "userProject", c->workforce);
        buf_putc(&b, '}');
        put(out, "options", buf_sv(&b));
        buf_done(&b);
    }
}

void gcp_token_basic(struct buf *out, sv client_id, sv client_secret)
{
    struct buf b;

    buf_init(&b, GCP_FILE_BYTES_MAX);
    buf_put(&b, client_id);
    buf_putc(&b, ':');
    buf_put(&b, client_secret);
    buf_put(out, SV("Basic "));
    put_base64(out, buf_sv(&b), false);
    secret_wipe(&b);
}

void gcp_token_impersonation_body(struct buf *out, const struct gcp_impersonation *i, sv scope)
{
    buf_put(out, SV("{\"delegates\":["));
    for (size_t n = 0; n < i->n_delegates; n++) {
        buf_put(out, n ? SV(",") : SV_NONE);
        buf_json(out, i->delegates[n]);
    }
    buf_put(out, SV("],\"scope\":["));
    for (bool first = true; scope.len; first = false) {
        buf_put(out, first ? SV_NONE : SV(","));
        buf_json(out, sv_cut(&scope, ' '));
    }
    buf_printf(out, "],\"lifetime\":\"%llds\"}", (long long)i->life_s);
}

/* ---- Answers ---- */

static enum err_code parse(sv body, struct json_parser **p, json *root, struct err *e)
{
    *p = json_parser_new(GCP_TOKEN_BYTES_MAX);
    if (!*p)
        return err_set(e, ERR_LIMIT, "no memory left");
    if (json_parse(*p, body, root, NULL) == ERR_OK) /* the parser's words may quote it */
        return ERR_OK;
    json_parser_free(*p);
    *p = NULL;
    return err_set(e, ERR_PARSE, "the answer of %zu bytes is no JSON", body.len);
}

static enum err_code take_token(json v, int64_t life_s, struct arena *a, struct gcp_token *out, struct err *e)
{
    sv token = json_sv(v);

    if (!credential_is_word(token))
        return err_set(e, ERR_PARSE, "the answer holds no usable token");
    token = arena_copy(a, token);
    if (!token.at)
        return err_set(e, ERR_LIMIT, "no memory left");
    *out = (struct gcp_token){ token, credential_life_ms(life_s, GCP_TOKEN_LIFE_MAX_S) };
    return ERR_OK;
}

enum err_code gcp_token_decode(sv body, struct arena *a, struct gcp_token *out, struct err *e)
{
    int64_t life_s = GCP_TOKEN_LIFE_UNTOLD_S;
    struct json_parser *p;
    json root;
    enum err_code code = parse(body, &p, &root, e);

    if (code)
        return code;
    (void)json_i64(json_get(root, SV("expires_in")), &life_s); /* a number or a string of one */
    code = take_token(json_get(root, SV("access_token")), life_s, a, out, e);
    json_parser_free(p);
    return code;
}

enum err_code gcp_token_decode_impersonated(sv body, int64_t now_unix_nano, struct arena *a, struct gcp_token *out,
                                            struct err *e)
{
    int64_t end, life_s = GCP_TOKEN_LIFE_UNTOLD_S;
    struct json_parser *p;
    json root;
    enum err_code code = parse(body, &p, &root, e);

    if (code)
        return code;
    if (json_time(json_get(root, SV("expireTime")), &end))
        life_s = end / NANO_PER_S - now_unix_nano / NANO_PER_S;
    code = take_token(json_get(root, SV("accessToken")), life_s, a, out, e);
    json_parser_free(p);
    return code;
}

enum err_code gcp_token_subject(sv text, sv field, struct arena *a, sv *out, struct err *e)
{
    struct json_parser *p = NULL;
    sv token = sv_trim(text);
    json root;

    if (field.len) {
        enum err_code code = parse(text, &p, &root, e);

        if (code)
            return code;
        token = json_sv(json_get(root, field));
    }
    token = credential_is_word(token) ? arena_copy(a, token) : SV_NONE;
    json_parser_free(p);
    if (token.len == 0)
        return err_set(e, ERR_PARSE, field.len ? "holds no token in the field %.*s" : "holds no token%.*s",
                       SV_ARG(sv_first(field, 60)));
    *out = token;
    return ERR_OK;
}

/* ---- Proofs of AWS ---- */

static void put_header(struct buf *b, sv name, sv value)
{
    buf_put(b, sv_ends(buf_sv(b), SV("[")) ? SV_NONE : SV(","));
    buf_put(b, SV("{\"key\":"));
    buf_json(b, name);
    buf_put(b, SV(",\"value\":"));
    buf_json(b, value);
    buf_putc(b, '}');
}

enum err_code gcp_token_aws_subject(const struct http_request *q, struct arena *a, sv *out, struct err *e)
{
    struct buf text, encoded;
    sv copy = { 0 };

    buf_init(&text, GCP_FILE_BYTES_MAX);
    buf_init(&encoded, 4 * GCP_FILE_BYTES_MAX);
    buf_put(&text, SV("{\"headers\":["));
    for (size_t i = 0; i < q->n_headers; i++) {
        bool as_is = sv_eq_nocase(q->headers[i].name, SV("Authorization"));

        put_header(&text, as_is ? SV("Authorization") : arena_lower(a, q->headers[i].name), q->headers[i].value);
    }
    buf_printf(&text, "],\"method\":\"%s\",\"url\":", q->method);
    buf_json(&text, q->url);
    buf_putc(&text, '}');
    http_escape(&encoded, buf_sv(&text));
    if (!text.failed && !encoded.failed && !a->failed)
        copy = arena_copy(a, buf_sv(&encoded));
    secret_wipe(&text);
    secret_wipe(&encoded);
    if (!copy.at)
        return err_set(e, ERR_LIMIT, "no memory left");
    *out = copy;
    return ERR_OK;
}

/* ---- Failures ---- */

/* The first row whose error and part of the description fit; NULL: any. */
/* clang-format off */
static const struct {
    const char *error, *says;
    enum err_code code;
    const char *remedy;
} oauth_errors[] = {
    { "invalid_grant", "Invalid JWT Signature",      ERR_CONFIG, "the key was deleted or disabled, or belongs to another account: make a new key file" },
    { "invalid_grant", "short-lived token",          ERR_CONFIG, "this machine's clock is wrong: set it" },
    { "invalid_grant", "account not found",          ERR_CONFIG, "the service account was deleted or disabled" },
    { "invalid_grant", "does not match the expected audience", ERR_CONFIG, "the subject token is for another audience: let its issuer put the pool provider's one in" },
    { "invalid_grant", "stale to sign-in",           ERR_CONFIG, "the subject token is over: check that what writes it runs" },
    { "invalid_grant", "issuer",                     ERR_CONFIG, "the pool's provider does not trust the subject token's issuer: check its issuer and keys" },
    { "invalid_grant", "reauth",                     ERR_CONFIG, "the login is over: gcloud auth application-default login, or use a service account" },
    { "invalid_grant", "expired or revoked",         ERR_CONFIG, "the login was revoked: gcloud auth application-default login, or use a service account" },
    { "invalid_grant", NULL,                         ERR_CONFIG, "the credential is not accepted: check that account and key are enabled, and this machine's clock" },
    { "invalid_target", NULL,                        ERR_CONFIG, "the pool or its provider does not exist or is disabled: check audience" },
    { "invalid_client", NULL,                        ERR_CONFIG, "client_id or client_secret is wrong" },
    { "invalid_scope", NULL,                         ERR_CONFIG, "the identity may not have the scopes monitoring.read, logging.read and cloud-platform.read-only" },
    { "unauthorized_client", "attribute condition",  ERR_CONFIG, "the pool provider's attribute condition refuses this workload" },
    { "unauthorized_client", NULL,                   ERR_CONFIG, "the identity may not ask for tokens this way" },
    { "access_denied", NULL,                         ERR_CONFIG, "a policy of the organization refuses it" },
    { "invalid_request", NULL,                       ERR_CONFIG, "check the credential file" },
    { "internal_failure", NULL,                      ERR_RETRY,  "passing" },
    { "server_error", NULL,                          ERR_RETRY,  "passing" },
    { "temporarily_unavailable", NULL,               ERR_RETRY,  "passing" },
};
/* clang-format on */

static enum err_code code_of_status(int status)
{
    return status == 429 ? ERR_THROTTLED : status == 408 || status >= 500 ? ERR_RETRY : ERR_CONFIG;
}

static json read_error(struct json_parser *p, sv body)
{
    json root = { 0 };

    if (!p || json_parse(p, sv_first(body, ERROR_BYTES_MAX), &root, NULL))
        root = (json){ 0 };
    return root;
}

/* Keeps the server's word on when to come again. */
static enum err_code told(struct err *e, enum err_code code, int64_t retry_after_ms)
{
    if (e && code == ERR_THROTTLED)
        e->retry_after_ms = retry_after_ms;
    return code;
}

enum err_code gcp_token_error(sv body, int status, struct err *e)
{
    struct json_parser *p = json_parser_new(ERROR_BYTES_MAX);
    json root = read_error(p, body);
    sv error = credential_error_word(json_sv(json_get(root, SV("error"))), WORD_MAX);
    sv says = json_sv(json_get(root, SV("error_description")));
    enum err_code code = code_of_status(status);
    const char *remedy = code == ERR_CONFIG ? "check the credential and its token endpoint" : "passing";
    int64_t retry_after_ms = e ? e->retry_after_ms : 0;

    for (size_t i = 0; code == ERR_CONFIG && i < sizeof oauth_errors / sizeof *oauth_errors; i++)
        if (sv_eq(error, sv_of(oauth_errors[i].error)) &&
            (!oauth_errors[i].says || sv_has(says, sv_of(oauth_errors[i].says)))) {
            code = oauth_errors[i].code;
            remedy = oauth_errors[i].remedy;
            break;
        }
    code =
        err_set(e, code, "token refused: http=%d error=%.*s: %s", status, SV_ARG(error.len ? error : SV("?")), remedy);
    json_parser_free(p);
    return told(e, code, retry_after_ms);
}

/* clang-format off */
static const struct {
    const char *status, *says; /* anywhere in the body */
    enum err_code code;
    const char *remedy;
} impersonation_errors[] = {
    { "PERMISSION_DENIED", "SERVICE_DISABLED", ERR_CONFIG, "enable the IAM Service Account Credentials API (iamcredentials.googleapis.com) in the caller's project" },
    { "PERMISSION_DENIED", NULL, ERR_DENIED, "grant the caller roles/iam.serviceAccountTokenCreator on it (for a pool's principal roles/iam.workloadIdentityUser does)" },
    { "NOT_FOUND", NULL,         ERR_CONFIG, "there is no such service account" },
    { "UNAUTHENTICATED", NULL,   ERR_CONFIG, "the token of source credentials was not accepted" },
    { "INVALID_ARGUMENT", "lifetime", ERR_CONFIG, "more than 3600 s need the organization policy iam.allowServiceAccountCredentialLifetimeExtension: lower token_lifetime_seconds" },
    { "INVALID_ARGUMENT", NULL,  ERR_CONFIG, "check delegates and service_account_impersonation_url" },
};
/* clang-format on */

static bool is_status(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] != '_' && (s.at[i] < 'A' || s.at[i] > 'Z'))
            return false;
    return s.len > 0 && s.len <= WORD_MAX;
}

enum err_code gcp_token_impersonation_error(sv body, int status, sv email, struct err *e)
{
    struct json_parser *p = json_parser_new(ERROR_BYTES_MAX);
    sv word = json_sv(json_path(read_error(p, body), "error/status"));
    enum err_code code = code_of_status(status);
    const char *remedy = code == ERR_CONFIG ? "check service_account_impersonation_url" : "passing";
    int64_t retry_after_ms = e ? e->retry_after_ms : 0;

    for (size_t i = 0; code == ERR_CONFIG && i < sizeof impersonation_errors / sizeof *impersonation_errors; i++)
        if (sv_eq(word, sv_of(impersonation_errors[i].status)) &&
            (!impersonation_errors[i].says || sv_has(body, sv_of(impersonation_errors[i].says)))) {
            code = impersonation_errors[i].code;
            remedy = impersonation_errors[i].remedy;
            break;
        }
    code = err_set(e, code, "impersonating %.*s refused: http=%d %.*s: %s", SV_ARG(sv_first(email, 100)), status,
                   SV_ARG(is_status(word) ? word : SV("?")), remedy);
    json_parser_free(p);
    return told(e, code, retry_after_ms);
}
