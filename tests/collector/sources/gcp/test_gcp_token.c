/*
 * Assertions verified with the public key, forms, answers in all spellings, failures with their remedy.
 */
#include "collector/sources/credential.h"
#include "collector/sources/gcp/gcp_token.h"

#include "tests/collector/sources/gcp/google_server.h"
#include "tests/tap.h"

static const int64_t now = INT64_C(1795168800500000000);
static struct arena memory;
static EVP_PKEY *key;

/* ---- Signed JWTs ---- */

struct jwt {
    unsigned char head[512], claims[2048], signature[512];
    size_t n_head, n_claims, n_signature;
    bool verified;
};

static void read_jwt(sv token, EVP_PKEY *public_key, struct jwt *out)
{
    sv rest = token, signed_part = sv_first(token, sv_find_last(token, '.'));
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    *out = (struct jwt){ 0 };
    out->n_head = google_decode64(sv_cut(&rest, '.'), out->head);
    out->n_claims = google_decode64(sv_cut(&rest, '.'), out->claims);
    out->n_signature = google_decode64(rest, out->signature);
    out->verified = EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, public_key) == 1 &&
                    EVP_DigestVerify(c, out->signature, out->n_signature, (const unsigned char *)signed_part.at,
                                     signed_part.len) == 1;
    EVP_MD_CTX_free(c);
}

static bool is(const unsigned char *at, size_t len, const char *want)
{
    if (!sv_eq(sv_make(at, len), sv_of(want)))
        printf("# got  %.*s\n# want %s\n", (int)len, at, want);
    return sv_eq(sv_make(at, len), sv_of(want));
}

static sv pem_of(EVP_PKEY *k)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *at = NULL;
    sv out = SV_NONE;

    if (b && PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(b, &at);

        out = arena_copy(&memory, sv_make(at, (size_t)len));
    }
    BIO_free(b);
    return out;
}

static void a_bearer_of_ones_own_has_scopes_and_no_audience(void)
{
    struct gcp_credential c = { .email = SV("a@b.iam.gserviceaccount.com"), .key_id = SV("kid-1"), .key = pem_of(key) };
    struct err e = { 0 };
    struct jwt t;
    struct buf b;

    buf_init(&b, 0);
    OK(gcp_token_sign(&c, gcp_read_scopes, SV_NONE, now, &b, &e) == ERR_OK && credential_is_word(buf_sv(&b)));
    read_jwt(buf_sv(&b), key, &t);
    OK(t.verified && !memchr(b.at, '=', b.len));
    OK(is(t.head, t.n_head, "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"kid-1\"}"));
    OK(is(t.claims, t.n_claims,
          "{\"iss\":\"a@b.iam.gserviceaccount.com\",\"sub\":\"a@b.iam.gserviceaccount.com\",\"scope\":"
          "\"https://www.googleapis.com/auth/monitoring.read https://www.googleapis.com/auth/logging.read "
          "https://www.googleapis.com/auth/cloud-platform.read-only\",\"iat\":1795168800,\"exp\":1795172400}"));
    buf_done(&b);
}

static void an_assertion_is_for_the_token_endpoint(void)
{
    struct gcp_credential c = { .email = SV("a\"b"), .key = pem_of(key) };
    struct err e = { 0 };
    EVP_PKEY *other = EVP_RSA_gen(2048);
    struct jwt t;
    struct buf b;

    buf_init(&b, 0);
    OK(gcp_token_sign(&c, SV("s"), SV("https://oauth2.googleapis.com/token"), now, &b, &e) == ERR_OK);
    read_jwt(buf_sv(&b), key, &t);
    OK(t.verified && is(t.head, t.n_head, "{\"typ\":\"JWT\",\"alg\":\"RS256\"}"));
    OK(is(t.claims, t.n_claims,
          "{\"iss\":\"a\\\"b\",\"aud\":\"https://oauth2.googleapis.com/token\",\"scope\":\"s\",\"iat\":1795168800,"
          "\"exp\":1795172400}"));
    read_jwt(buf_sv(&b), other, &t);
    OK(!t.verified);
    EVP_PKEY_free(other);
    buf_done(&b);
}

static void what_is_no_rsa_key_is_told_without_it(void)
{
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    const sv keys[] = { SV(""), SV("s3cr3t"), SV("-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n"),
                        pem_of(ec) };

    OK(keys[3].len > 100);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct gcp_credential c = { .email = SV("a"), .key = keys[i] };
        struct err e = { 0 };
        struct buf b;

        buf_init(&b, 0);
        OK(gcp_token_sign(&c, SV("s"), SV_NONE, now, &b, &e) == ERR_CONFIG && b.len == 0);
        OK(strstr(e.text, "private_key") && !strstr(e.text, "s3cr3t"));
        buf_done(&b);
    }
    EVP_PKEY_free(ec);
}

/* ---- Forms ---- */

static void forms_are_encoded(void)
{
    struct gcp_credential c = { .type = GCP_AUTHORIZED_USER,
                                .client_id = SV("c&1"),
                                .client_secret = SV("s=2"),
                                .refresh_token = SV("1//r"),
                                .audience = SV("//iam/x"),
                                .subject_type = SV("urn:t") };
    struct buf b;

    buf_init(&b, 0);
    gcp_token_assertion_form(&b, SV("a.b.c"));
    OK(is((unsigned char *)b.at, b.len,
          "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c"));
    buf_clear(&b);
    gcp_token_refresh_form(&b, &c);
    OK(is((unsigned char *)b.at, b.len,
          "grant_type=refresh_token&client_id=c%261&client_secret=s%3D2&refresh_token=1%2F%2Fr"));
    buf_clear(&b);
    c.type = GCP_EXTERNAL_USER; /* its client is told in a header */
    gcp_token_refresh_form(&b, &c);
    OK(is((unsigned char *)b.at, b.len, "grant_type=refresh_token&refresh_token=1%2F%2Fr"));
    buf_clear(&b);
    gcp_token_basic(&b, c.client_id, c.client_secret);
    OK(is((unsigned char *)b.at, b.len, "Basic YyYxOnM9Mg=="));
    buf_clear(&b);
    gcp_token_exchange_form(&b, &c, SV("s1 s2"), SV("t.t"));
    OK(is((unsigned char *)b.at, b.len,
          "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=%2F%2Fiam%2Fx&scope=s1%20s2&"
          "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token=t.t&"
          "subject_token_type=urn%3At"));
    buf_clear(&b);
    c.client_id = SV_NONE;
    c.workforce = SV("p");
    gcp_token_exchange_form(&b, &c, SV("s"), SV("t"));
    OK(sv_ends(buf_sv(&b), SV("&options=%7B%22userProject%22%3A%22p%22%7D")));
    buf_done(&b);
}

static void an_impersonation_lists_delegates_and_scopes(void)
{
    struct gcp_impersonation i = { .life_s = 2800, .delegates = { SV("d1"), SV("d\"2") }, .n_delegates = 2 };
    struct buf b;

    buf_init(&b, 0);
    gcp_token_impersonation_body(&b, &i, SV("s1 s2"));
    OK(is((unsigned char *)b.at, b.len,
          "{\"delegates\":[\"d1\",\"d\\\"2\"],\"scope\":[\"s1\",\"s2\"],\"lifetime\":\"2800s\"}"));
    i.n_delegates = 0;
    buf_clear(&b);
    gcp_token_impersonation_body(&b, &i, SV("s"));
    OK(is((unsigned char *)b.at, b.len, "{\"delegates\":[],\"scope\":[\"s\"],\"lifetime\":\"2800s\"}"));
    buf_done(&b);
}

/* ---- Answers ---- */

static void answers_in_all_spellings_are_understood(void)
{
    /* clang-format off */
    static const struct { const char *body; int64_t life_s; } rows[] = {
        { "{\"access_token\":\"ya29.T\",\"expires_in\":3599,\"token_type\":\"Bearer\"}", 3599 },
        { "{\"access_token\":\"ya29.T\",\"expires_in\":\"3599\"}", 3599 },
        { "{\"access_token\":\"ya29.T\"}", GCP_TOKEN_LIFE_UNTOLD_S },
        { "{\"access_token\":\"ya29.T\",\"expires_in\":\"soon\"}", GCP_TOKEN_LIFE_UNTOLD_S },
        { "{\"access_token\":\"ya29.T\",\"expires_in\":-5}", CREDENTIAL_LIFE_MIN_S },
        { "{\"access_token\":\"ya29.T\",\"expires_in\":99999999}", GCP_TOKEN_LIFE_MAX_S },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gcp_token t = { 0 };
        struct err e = { 0 };

        printf("# %s\n", rows[i].body);
        OK(gcp_token_decode(sv_of(rows[i].body), &memory, &t, &e) == ERR_OK);
        OK(sv_eq(t.token, SV("ya29.T")) && t.life_ms == rows[i].life_s * 1000);
        OK(gcp_token_renew_ms(t.life_ms) > 0 && gcp_token_renew_ms(t.life_ms) < t.life_ms);
    }
    OK(gcp_token_renew_ms(3600 * 1000) == (3600 - 225) * 1000);
}

static void an_impersonated_token_ends_by_the_servers_clock(void)
{
    struct gcp_token t = { 0 };
    struct err e = { 0 };

    OK(gcp_token_decode_impersonated(SV("{\"accessToken\":\"ya29.I\",\"expireTime\":\"2026-11-20T11:00:00Z\"}"),
                                     INT64_C(1795168800) * NANO_PER_S, &memory, &t, &e) == ERR_OK);
    OK(sv_eq(t.token, SV("ya29.I")) && t.life_ms == 3600 * 1000);
    OK(gcp_token_decode_impersonated(SV("{\"accessToken\":\"x\"}"), now, &memory, &t, &e) == ERR_OK &&
       t.life_ms == GCP_TOKEN_LIFE_UNTOLD_S * 1000);
    OK(gcp_token_decode_impersonated(SV("{\"access_token\":\"x\"}"), now, &memory, &t, &e) == ERR_PARSE);
}

static void what_is_no_token_is_an_error_without_its_text(void)
{
    static const char *const bodies[] = { "",
                                          "<html>s3cr3t",
                                          "{\"access_token\":\"a s3cr3t\"}",
                                          "{\"access_token\":7}",
                                          "{\"access_token\":\"\"}",
                                          "[\"s3cr3t\"]",
                                          "{\"access_token\":\"a\\r\\nX: s3cr3t\"}" };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct gcp_token t;
        struct err e = { 0 };

        OK(gcp_token_decode(sv_of(bodies[i]), &memory, &t, &e) == ERR_PARSE && !strstr(e.text, "s3cr3t"));
    }
}

static void subject_tokens_are_text_or_a_field(void)
{
    struct err e = { 0 };
    sv t;

    OK(gcp_token_subject(SV(" a.b.c\n"), SV_NONE, &memory, &t, &e) == ERR_OK && sv_eq(t, SV("a.b.c")));
    OK(gcp_token_subject(SV("{\"id\":\"a.b\"}"), SV("id"), &memory, &t, &e) == ERR_OK && sv_eq(t, SV("a.b")));
    OK(gcp_token_subject(SV("{\"id\":\"a.b\"}"), SV("it"), &memory, &t, &e) == ERR_PARSE && strstr(e.text, "field it"));
    OK(gcp_token_subject(SV("a.b"), SV("it"), &memory, &t, &e) == ERR_PARSE);
    OK(gcp_token_subject(SV("a b"), SV_NONE, &memory, &t, &e) == ERR_PARSE);
    OK(gcp_token_subject(SV(" "), SV_NONE, &memory, &t, &e) == ERR_PARSE);
}

/* ---- Failures ---- */

static void failures_name_the_error_and_the_remedy(void)
{
    /* clang-format off */
    static const struct { int status; const char *body; enum err_code code; const char *says; } rows[] = {
        { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}", ERR_CONFIG, "make a new key file" },
        { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.\"}", ERR_CONFIG, "clock is wrong" },
        { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid grant: account not found\"}", ERR_CONFIG, "deleted or disabled" },
        { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}", ERR_CONFIG, "gcloud auth application-default login" },
        { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"reauth related error (invalid_rapt)\"}", ERR_CONFIG, "gcloud auth application-default login" },
        { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"ID Token issued at 1 is stale to sign-in.\"}", ERR_CONFIG, "what writes it runs" },
        { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"The audience in ID Token [x] does not match the expected audience.\"}", ERR_CONFIG, "another audience" },
        { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"s3cr3t\"}", ERR_CONFIG, "not accepted" },
        { 400, "{\"error\":\"invalid_target\",\"error_description\":\"s3cr3t\"}", ERR_CONFIG, "pool or its provider" },
        { 400, "{\"error\":\"unauthorized_client\",\"error_description\":\"The given credential is rejected by the attribute condition.\"}", ERR_CONFIG, "attribute condition" },
        { 401, "{\"error\":\"invalid_client\",\"error_description\":\"s3cr3t\"}", ERR_CONFIG, "client_secret is wrong" },
        { 400, "{\"error\":\"internal_failure\"}", ERR_RETRY, "passing" },
        { 400, "{\"error\":\"server_error\"}", ERR_RETRY, "passing" },
        { 400, "{\"error\":\"temporarily_unavailable\"}", ERR_RETRY, "passing" },
        { 400, "{\"error\":\"never seen s3cr3t\"}", ERR_CONFIG, "error=?" },
        { 408, "", ERR_RETRY, "passing" },
        { 429, "{\"error\":\"rate_limit_exceeded\"}", ERR_THROTTLED, "error=rate_limit_exceeded" },
        { 500, "<html>s3cr3t", ERR_RETRY, "http=500" },
        { 503, "", ERR_RETRY, "passing" },
        { 302, "", ERR_CONFIG, "http=302" },
        { 404, "<html>s3cr3t", ERR_CONFIG, "token endpoint" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = { .retry_after_ms = 7 };
        enum err_code code = gcp_token_error(sv_of(rows[i].body), rows[i].status, &e);

        printf("# %s\n", e.text);
        OK(code == rows[i].code && e.code == code && strstr(e.text, rows[i].says) && !strstr(e.text, "s3cr3t"));
        OK(code != ERR_THROTTLED || e.retry_after_ms == 7);
    }
}

static void a_refused_impersonation_names_the_role(void)
{
    /* clang-format off */
    static const struct { int status; const char *body; enum err_code code; const char *says; } rows[] = {
        { 403, "{\"error\":{\"code\":403,\"message\":\"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).\",\"status\":\"PERMISSION_DENIED\"}}", ERR_DENIED, "roles/iam.serviceAccountTokenCreator" },
        { 403, "{\"error\":{\"status\":\"PERMISSION_DENIED\",\"details\":[{\"reason\":\"SERVICE_DISABLED\"}]}}", ERR_CONFIG, "iamcredentials.googleapis.com" },
        { 400, "{\"error\":{\"status\":\"INVALID_ARGUMENT\",\"message\":\"The token lifetime cannot exceed 1 hour\"}}", ERR_CONFIG, "token_lifetime_seconds" },
        { 400, "{\"error\":{\"status\":\"INVALID_ARGUMENT\",\"message\":\"s3cr3t\"}}", ERR_CONFIG, "delegates" },
        { 401, "{\"error\":{\"status\":\"UNAUTHENTICATED\"}}", ERR_CONFIG, "source credentials" },
        { 404, "{\"error\":{\"status\":\"NOT_FOUND\"}}", ERR_CONFIG, "no such service account" },
        { 429, "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", ERR_THROTTLED, "RESOURCE_EXHAUSTED" },
        { 503, "", ERR_RETRY, "passing" },
        { 400, "{\"error\":{\"status\":\"s3cr3t of theirs\"}}", ERR_CONFIG, "http=400 ?" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = { 0 };
        enum err_code code = gcp_token_impersonation_error(sv_of(rows[i].body), rows[i].status, SV("t@p"), &e);

        printf("# %s\n", e.text);
        OK(code == rows[i].code && strstr(e.text, rows[i].says) && strstr(e.text, "t@p") && !strstr(e.text, "s3cr3t"));
    }
}

int main(void)
{
    arena_init(&memory, 0);
    key = EVP_RSA_gen(2048);
    RUN(a_bearer_of_ones_own_has_scopes_and_no_audience);
    RUN(an_assertion_is_for_the_token_endpoint);
    RUN(what_is_no_rsa_key_is_told_without_it);
    RUN(forms_are_encoded);
    RUN(an_impersonation_lists_delegates_and_scopes);
    RUN(answers_in_all_spellings_are_understood);
    RUN(an_impersonated_token_ends_by_the_servers_clock);
    RUN(what_is_no_token_is_an_error_without_its_text);
    RUN(subject_tokens_are_text_or_a_field);
    RUN(failures_name_the_error_and_the_remedy);
    RUN(a_refused_impersonation_names_the_role);
    EVP_PKEY_free(key);
    arena_done(&memory);
    return tap_done();
}
