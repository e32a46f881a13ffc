/* Each way to prove to Google who one is, good and each way it can be wrong. */
#include "tests/cloudsim/test/gcp_access_client.h"

#define EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"

static int exchange(sv token)
{
    return POST_FORM("/token", "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", token.at);
}

static int search(sv token)
{
    return get(token, "/v3/projects:search");
}

static int series(sv token)
{
    return get(token, format("/v3/projects/%.*s/timeSeries?filter=metric.type%%3D%%22aiplatform.googleapis.com%%2F"
                             "publisher%%2Fonline_serving%%2Ftoken_count%%22&interval.startTime=2026-11-24T09:00:00Z&"
                             "interval.endTime=2026-11-24T09:10:00Z",
                             SV_ARG(project(0)->id)));
}

static sv account_token(const char *scope)
{
    must(exchange(assertion((struct claims){ .aud = TOKEN_URL, .scope = scope })) == 200, "no token");
    return token_in("access_token");
}

/* ---- the token endpoint ---- */

static void a_signed_assertion_becomes_a_token(void)
{
    int64_t life = 0;

    OK(exchange(assertion((struct claims){ .aud = TOKEN_URL, .scope = PLATFORM })) == 200);
    OK(json_i64(json_get(parsed(), SV("expires_in")), &life) && life == 3599);
    OK(sv_eq(json_sv(json_get(parsed(), SV("token_type"))), SV("Bearer")));
    OK(search(token_in("access_token")) == 200);
}

static void an_assertion_is_refused_for_what_is_wrong_with_it(void)
{
    const struct claims good = { .aud = TOKEN_URL, .scope = AUTH "monitoring.read" };
    struct claims c = good;
    sv token;

    c.key = &g->provider_key;
    OK(exchange(assertion(c)) == 400 && oauth_said("invalid_grant", "Invalid JWT Signature."));
    c = good, c.aud = "https://127.0.0.1/token";
    OK(exchange(assertion(c)) == 400 && oauth_said("invalid_grant", "audience"));
    c = good, c.iss = "nobody@example.iam.gserviceaccount.com";
    OK(exchange(assertion(c)) == 400 && oauth_said("invalid_grant", "account not found"));
    c = good, c.life_s = 3601;
    OK(exchange(assertion(c)) == 400 && oauth_said("invalid_grant", "short-lived"));
    c = good, c.early_s = 4000;
    OK(exchange(assertion(c)) == 400 && oauth_said("invalid_grant", "short-lived"));
    c = good, c.early_s = -900;
    OK(exchange(assertion(c)) == 400 && oauth_said("invalid_grant", "short-lived"));
    c = good, c.scope = "https://example.com/all";
    OK(exchange(assertion(c)) == 400 && oauth_said("invalid_scope", "Invalid OAuth scope"));
    c = good, c.scope = NULL;
    OK(exchange(assertion(c)) == 400 && oauth_said("invalid_scope", "Empty or missing scope"));
    c = good, c.sub = "ops@example.com";
    OK(exchange(assertion(c)) == 401 && oauth_said("unauthorized_client", "unauthorized"));
    token = assertion(good);
    ((char *)(uintptr_t)token.at)[sv_find_last(token, '.') - 3] ^= 1;
    OK(exchange(token) == 400 && sv_starts(json_sv(json_get(parsed(), SV("error"))), SV("invalid_")));
    OK(exchange(SV("a.b")) == 400 && oauth_said("invalid_request", "Bad JWT"));
}

/* "alg":"none" and HMAC under the public key are the oldest tricks. */
static void only_rs256_is_believed(void)
{
    static const char *const algs[] = { "none", "HS256", "RS512", "rs256" };
    sv token = assertion((struct claims){ .aud = TOKEN_URL, .scope = PLATFORM }), rest = token;
    sv claims;

    sv_cut(&rest, '.');
    claims = sv_cut(&rest, '.');
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        sv head = arena_printf(&arena, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", algs[i]);

        token =
            arena_printf(&arena, "%.*s.%.*s.%.*s", SV_ARG(base64url_text(&arena, head)), SV_ARG(claims), SV_ARG(rest));
        OK(exchange(token) == 400 && oauth_said("invalid_grant", "Signature"));
    }
}

static void a_refresh_token_becomes_a_token_of_a_person(void)
{
    const char *id = g->client_id.at, *secret = g->client_secret.at, *refresh = g->refresh_token.at;

    OK(POST_FORM("/token", "grant_type", "refresh_token", "client_id", id, "client_secret", secret, "refresh_token",
                 refresh) == 200);
    OK(token_in("access_token").len && token_in("scope").len);
    OK(POST_FORM("/token", "grant_type", "refresh_token", "client_id", id, "client_secret", secret, "refresh_token",
                 "1//0old") == 400 &&
       oauth_said("invalid_grant", "expired or revoked"));
    OK(POST_FORM("/token", "grant_type", "refresh_token", "client_id", id, "client_secret", "x", "refresh_token",
                 refresh) == 401 &&
       oauth_said("invalid_client", "secret"));
    OK(POST_FORM("/token", "grant_type", "refresh_token", "client_id", "x", "client_secret", secret, "refresh_token",
                 refresh) == 401 &&
       oauth_said("invalid_client", "not found"));
    OK(POST_FORM("/token", "grant_type", "password") == 400 && oauth_said("unsupported_grant_type", "password"));
    OK(POST_FORM("/token", "x", "y") == 400 && oauth_said("invalid_request", "grant_type"));
}

/* Calls of a person are charged to a project that has to be named. */
static void a_person_needs_a_quota_project(void)
{
    sv url = arena_printf(&arena, "%.*s/v3/projects/%.*s", SV_ARG(tls_origin()), SV_ARG(project(0)->id));
    struct http_request q = { .method = "GET", .url = url, .body_limit_bytes = 1 << 20 };
    struct err e;
    sv token;

    OK(POST_FORM("/token", "grant_type", "refresh_token", "client_id", g->client_id.at, "client_secret",
                 g->client_secret.at, "refresh_token", g->refresh_token.at) == 200);
    token = token_in("access_token");
    OK(refused(series(token), 403, "PERMISSION_DENIED", "SERVICE_DISABLED"));
    http_request_header(&q, SV("Authorization"), arena_printf(&arena, "Bearer %.*s", SV_ARG(token)));
    http_request_header(&q, SV("x-goog-user-project"), project(0)->id);
    OK(http_do(client, &q, &answer, &e) == ERR_OK && answer.status == 200);
    q = (struct http_request){ .method = "GET", .url = url, .body_limit_bytes = 1 << 20 };
    http_request_header(&q, SV("Authorization"), arena_printf(&arena, "Bearer %.*s", SV_ARG(token)));
    http_request_header(&q, SV("x-goog-user-project"), SV("somebody-elses"));
    OK(http_do(client, &q, &answer, &e) == ERR_OK &&
       refused(answer.status, 403, "PERMISSION_DENIED", "USER_PROJECT_DENIED"));
}

/* ---- tokens at the APIs ---- */

static void a_token_is_refused_for_what_is_wrong_with_it(void)
{
    sv token = account_token(AUTH "monitoring.read"), spoilt = arena_copy(&arena, token);

    ((char *)(uintptr_t)spoilt.at)[spoilt.len - 2] ^= 1;
    OK(refused(search(SV_NONE), 401, "UNAUTHENTICATED", "CREDENTIALS_MISSING"));
    OK(http_response_header(&answer, SV("www-authenticate")).len > 0);
    OK(refused(search(spoilt), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    OK(refused(search(SV("ya29.c.short")), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    OK(refused(search(token), 403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"));
    OK(series(token) != 401 && series(token) != 403);
    clock_advance(3601 * NANO_PER_S);
    OK(refused(series(token), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"));
    clock_set_manual(ORIGIN);
}

static void a_self_signed_token_is_a_bearer_token(void)
{
    sv mine = assertion((struct claims){ .sub = "", .aud = "https://cloudresourcemanager.googleapis.com/" });

    OK(search(mine) == 200);
    OK(refused(series(mine), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    OK(search(assertion((struct claims){ .sub = "", .scope = AUTH "cloud-platform.read-only" })) == 200);
    OK(refused(search(assertion((struct claims){ .sub = "", .scope = AUTH "monitoring.read" })), 403,
               "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"));
}

static void a_self_signed_token_is_refused_for_what_is_wrong_with_it(void)
{
    const struct claims good = { .sub = "", .scope = PLATFORM };
    struct claims c = good;

    c.key = &g->provider_key;
    OK(refused(search(assertion(c)), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    c = good, c.iss = g->who[GCP_READER].name.at;
    OK(refused(search(assertion(c)), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    c = good, c.sub = NULL;
    OK(refused(search(assertion(c)), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    c = good, c.sub = "ops@example.com";
    OK(refused(search(assertion(c)), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    c = good, c.life_s = 7200;
    OK(refused(search(assertion(c)), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    c = good, c.early_s = 3700;
    OK(refused(search(assertion(c)), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"));
    c = good, c.scope = NULL;
    OK(refused(search(assertion(c)), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"));
}

static void revoking_ends_every_token(void)
{
    sv token = account_token(PLATFORM), mine = assertion((struct claims){ .sub = "", .scope = PLATFORM });

    clock_advance(5 * NANO_PER_S);
    OK(control("POST", "/faults", "{\"kind\":\"expire_tokens\"}") == 200);
    OK(refused(search(token), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"));
    OK(refused(search(mine), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"));
    OK(search(account_token(PLATFORM)) == 200);
    OK(search(assertion((struct claims){ .sub = "", .scope = PLATFORM })) == 200);
    atomic_store(&sim.tokens_valid_from, 0);
    clock_set_manual(ORIGIN);
}

/* ---- the metadata server ---- */

static int metadata(const char *path, const char *flavor)
{
    sv url = arena_printf(&arena, "http://127.0.0.1:%u/computeMetadata/v1/%s", http_server_port(sim.control), path);
    struct http_request q = { .method = "GET", .url = url, .body_limit_bytes = 1 << 20 };
    struct err e;

    if (flavor)
        http_request_header(&q, SV("Metadata-Flavor"), sv_of(flavor));
    return http_do(client, &q, &answer, &e) ? 0 : answer.status;
}

static void the_metadata_server_hands_out_tokens(void)
{
    OK(metadata("instance/service-accounts/default/token?scopes=" AUTH "monitoring.read," AUTH
                "cloud-platform.read-only",
                "Google") == 200);
    OK(sv_eq(http_response_header(&answer, SV("metadata-flavor")), SV("Google")));
    OK(search(token_in("access_token")) == 200);
    OK(metadata("instance/service-accounts/default/email", "Google") == 200 &&
       sv_eq(buf_sv(&answer.body), g->who[GCP_ACCOUNT].name));
    OK(metadata("project/project-id", "Google") == 200 && sv_eq(buf_sv(&answer.body), project(0)->id));
    OK(metadata("project/numeric-project-id", "Google") == 200 && sv_eq(buf_sv(&answer.body), project(0)->number));
    OK(metadata("universe/universe-domain", "Google") == 404);
    OK(metadata("instance", "Google") == 200);
}

static void the_metadata_server_demands_its_header(void)
{
    OK(metadata("instance/service-accounts/default/token", NULL) == 403);
    OK(sv_eq(http_response_header(&answer, SV("metadata-flavor")), SV("Google")));
    OK(metadata("instance/service-accounts/default/token", "google") == 403);
    OK(metadata("instance/service-accounts/other/token", "Google") == 404);
    OK(metadata("instance/service-accounts/default/token?scopes=nonsense", "Google") == 400);
    OK(metadata("nothing/here", "Google") == 404);
    OK(get(SV_NONE, "/computeMetadata/v1/project/project-id") == 404);
}

static void the_metadata_server_caches_its_tokens(void)
{
    int64_t first = 0, later = 0;
    sv a, b;

    clock_set_manual(clock_floor(ORIGIN, 3300 * NANO_PER_S) + 1000 * NANO_PER_S);
    OK(metadata("instance/service-accounts/default/token", "Google") == 200);
    json_i64(json_get(parsed(), SV("expires_in")), &first);
    a = token_in("access_token");
    clock_advance(2000 * NANO_PER_S);
    OK(metadata("instance/service-accounts/default/token", "Google") == 200);
    json_i64(json_get(parsed(), SV("expires_in")), &later);
    b = token_in("access_token");
    OK(sv_eq(a, b) && first == 2600 && later == 600);
    clock_advance(400 * NANO_PER_S);
    OK(metadata("instance/service-accounts/default/token", "Google") == 200 && !sv_eq(token_in("access_token"), b));
    clock_set_manual(ORIGIN);
}

/* ---- federation ---- */

static int federate(const char *audience, const char *type, sv subject, const char *scope, const char *options)
{
    return POST_FORM("/v1/token", "grant_type", EXCHANGE, "audience", audience, "scope", scope, "requested_token_type",
                     "urn:ietf:params:oauth:token-type:access_token", "subject_token", subject.at, "subject_token_type",
                     type, "options", options);
}
#define JWT_TYPE "urn:ietf:params:oauth:token-type:jwt"

static int federate_as(enum gcp_who who)
{
    return federate(g->audience.at, JWT_TYPE, gcp_subject_token(&sim, &arena, who, clock_now()), PLATFORM, "");
}

static int impersonate(sv token, sv email, const char *body)
{
    sv url = arena_printf(&arena, "%.*s/v1/projects/-/serviceAccounts/%.*s:generateAccessToken", SV_ARG(tls_origin()),
                          SV_ARG(email));

    return send_to("POST", url, token, "application/json", sv_of(body));
}
#define WANT "{\"scope\":[\"" AUTH "cloud-platform\"],\"lifetime\":\"3600s\"}"

static void a_subject_impersonates_the_reader(void)
{
    sv federated;

    OK(federate_as(GCP_SUBJECT) == 200);
    OK(sv_eq(token_in("issued_token_type"), SV("urn:ietf:params:oauth:token-type:access_token")));
    federated = token_in("access_token");
    OK(refused(series(federated), 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"));
    OK(impersonate(federated, g->who[GCP_READER].name, WANT) == 200);
    OK(sv_eq(token_in("expireTime"), SV("2026-11-24T11:00:00Z")));
    OK(series(token_in("accessToken")) != 403 && answer.status != 401);
}

static void a_subject_with_roles_reads_by_itself(void)
{
    OK(federate_as(GCP_DIRECT) == 200);
    OK(search(token_in("access_token")) == 200);
    OK(federate_as(GCP_DIRECT) == 200);
    OK(refused(impersonate(token_in("access_token"), g->who[GCP_READER].name, WANT), 403, "PERMISSION_DENIED",
               "IAM_PERMISSION_DENIED"));
}

static sv subject_with(const char *iss, const char *aud, const char *sub, int64_t age_s, const struct gcp_key *key)
{
    long long iat = (long long)(clock_now() / NANO_PER_S - age_s);

    return gcp_jwt_sign(&arena, key,
                        arena_printf(&arena, "{\"iss\":\"%s\",\"aud\":\"%s\",\"sub\":\"%s\",\"iat\":%lld,\"exp\":%lld}",
                                     iss, aud, sub, iat, iat + 3600));
}

static void a_subject_token_is_refused_for_what_is_wrong_with_it(void)
{
    const char *iss = g->issuer.at, *aud = g->audience.at, *sub = g->who[GCP_SUBJECT].subject.at;
    const struct gcp_key *key = &g->provider_key;
    sv good = gcp_subject_token(&sim, &arena, GCP_SUBJECT, clock_now());

    OK(federate(aud, JWT_TYPE, subject_with(iss, aud, sub, 0, key), PLATFORM, "") == 200);
    OK(federate(aud, JWT_TYPE, subject_with(iss, aud, sub, 0, &g->key), PLATFORM, "") == 400 &&
       oauth_said("invalid_grant", "signature"));
    OK(federate(aud, JWT_TYPE, subject_with("https://evil.example", aud, sub, 0, key), PLATFORM, "") == 400 &&
       oauth_said("invalid_grant", "issuer"));
    OK(federate(aud, JWT_TYPE, subject_with(iss, "sts.amazonaws.com", sub, 0, key), PLATFORM, "") == 400 &&
       oauth_said("invalid_grant", "audience"));
    OK(federate(aud, JWT_TYPE, subject_with(iss, aud, sub, 3600, key), PLATFORM, "") == 400 &&
       oauth_said("invalid_grant", "stale"));
    OK(federate(aud, JWT_TYPE, subject_with(iss, aud, "system:serviceaccount:x:y", 0, key), PLATFORM, "") == 400 &&
       oauth_said("unauthorized_client", "attribute condition"));
    OK(federate("//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/x/providers/y", JWT_TYPE, good,
                PLATFORM, "") == 400 &&
       oauth_said("invalid_target", "audience"));
    OK(federate(aud, "urn:ietf:params:oauth:token-type:saml2", good, PLATFORM, "") == 400 &&
       oauth_said("invalid_request", "subject_token_type"));
    OK(federate(aud, JWT_TYPE, good, "nonsense", "") == 400 && oauth_said("invalid_scope", ""));
    OK(federate(aud, JWT_TYPE, SV("no-token"), PLATFORM, "") == 400 && oauth_said("invalid_request", "JWT"));
    OK(federate(aud, JWT_TYPE, good, PLATFORM, "%7B%22userProject%22%3A%22p%22%7D") == 200);
    OK(federate(aud, JWT_TYPE, good, PLATFORM, "{\"userProject\":\"p\"}") == 200);
    OK(federate(aud, JWT_TYPE, good, PLATFORM, "userProject") == 400 && oauth_said("invalid_request", "options"));
    OK(POST_FORM("/v1/token", "grant_type", "authorization_code") == 400 && oauth_said("unsupported_grant_type", ""));
}

static void basic_authentication_of_a_client_has_to_be_right(void)
{
    sv token = gcp_subject_token(&sim, &arena, GCP_SUBJECT, clock_now());
    sv pair = arena_printf(&arena, "%.*s:%.*s", SV_ARG(g->client_id), SV_ARG(g->client_secret));
    const char *const pairs[] = { "grant_type",
                                  EXCHANGE,
                                  "audience",
                                  g->audience.at,
                                  "scope",
                                  PLATFORM,
                                  "requested_token_type",
                                  "urn:ietf:params:oauth:token-type:access_token",
                                  "subject_token",
                                  token.at,
                                  "subject_token_type",
                                  JWT_TYPE,
                                  NULL };

    OK(post_form("/v1/token", arena_printf(&arena, "Basic %.*s", SV_ARG(base64_text(&arena, pair))), pairs) == 200);
    OK(post_form("/v1/token", SV("Basic bm86Ym9keQ=="), pairs) == 401 && oauth_said("invalid_client", ""));
}

static void the_provider_gives_its_token_by_url(void)
{
    sv url = arena_printf(&arena, "http://127.0.0.1:%u/gcp/subject-token", http_server_port(sim.control));
    struct http_request q = { .method = "GET", .url = url, .body_limit_bytes = 1 << 20 };
    struct err e;

    OK(http_do(client, &q, &answer, &e) == ERR_OK && answer.status == 400);
    http_request_header(&q, SV("Metadata"), SV("True"));
    OK(http_do(client, &q, &answer, &e) == ERR_OK && answer.status == 200);
    OK(federate(g->audience.at, JWT_TYPE, token_in("access_token"), PLATFORM, "") == 200);
}

/* ---- impersonation ---- */

static void impersonation_has_its_limits(void)
{
    sv token = account_token(PLATFORM), reader = g->who[GCP_READER].name;

    OK(impersonate(token, reader, WANT) == 200);
    OK(refused(impersonate(token, SV("other@example.iam.gserviceaccount.com"), WANT), 403, "PERMISSION_DENIED",
               "IAM_PERMISSION_DENIED"));
    OK(impersonate(token, reader, "{\"scope\":[],\"lifetime\":\"3600s\"}") == 400);
    OK(impersonate(token, reader, "{\"scope\":[\"" AUTH "cloud-platform\"],\"lifetime\":\"3601s\"}") == 400 &&
       sv_eq(status_name(), SV("INVALID_ARGUMENT")));
    OK(impersonate(token, reader, "{\"scope\":[\"" AUTH "cloud-platform\"],\"lifetime\":\"1h\"}") == 400);
    OK(impersonate(token, reader, "{\"scope\":[\"nonsense\"]}") == 400);
    OK(impersonate(token, reader, "{\"scope\":[\"" AUTH "monitoring.read\"]}") == 200);
    OK(refused(search(token_in("accessToken")), 403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"));
    OK(refused(impersonate(account_token(AUTH "monitoring.read"), reader, WANT), 403, "PERMISSION_DENIED",
               "ACCESS_TOKEN_SCOPE_INSUFFICIENT"));
    OK(impersonate(token, reader, "no json") == 400);
}

static void a_short_life_is_a_short_life(void)
{
    sv token;

    OK(impersonate(account_token(PLATFORM), g->who[GCP_READER].name,
                   "{\"scope\":[\"" AUTH "cloud-platform\"],\"lifetime\":\"60s\"}") == 200);
    token = token_in("accessToken");
    OK(search(token) == 200);
    clock_advance(61 * NANO_PER_S);
    OK(refused(search(token), 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"));
    clock_set_manual(ORIGIN);
}

/* The subject may be the account, and the account the reader. */
static void delegates_are_followed(void)
{
    sv reader = g->who[GCP_READER].name, federated;
    const char *chain =
        format("{\"scope\":[\"" AUTH "cloud-platform\"],\"delegates\":[\"projects/-/serviceAccounts/%.*s\"]}",
               SV_ARG(g->who[GCP_ACCOUNT].name));

    OK(federate_as(GCP_SUBJECT) == 200);
    federated = token_in("access_token");
    OK(impersonate(federated, reader, chain) == 200);
    OK(impersonate(federated, reader, "{\"scope\":[\"" AUTH "cloud-platform\"],\"delegates\":[\"me\"]}") == 400);
    OK(federate_as(GCP_DIRECT) == 200);
    OK(refused(impersonate(token_in("access_token"), reader, chain), 403, "PERMISSION_DENIED",
               "IAM_PERMISSION_DENIED"));
}

/* ---- what is written ---- */

static json file_json(const char *name)
{
    struct buf b = { .at = NULL };
    char text[8192];
    json v = { .tape = NULL };
    size_t n;
    FILE *f = fopen(format("%s/%s", dir, name), "re");

    must(f != NULL, name);
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    buf_put(&b, sv_make(text, n));
    must(json_parse(parser, arena_copy(&arena, buf_sv(&b)), &v, NULL) == ERR_OK, name);
    buf_done(&b);
    return v;
}

static bool file_says(const char *name, const char *path, sv want)
{
    return sv_eq(json_sv(json_path(file_json(name), path)), want);
}

static void credential_files_hold_what_their_flow_needs(void)
{
    sv reader = arena_printf(&arena, "%.*s/v1/projects/-/serviceAccounts/%.*s:generateAccessToken",
                             SV_ARG(tls_origin()), SV_ARG(g->who[GCP_READER].name));
    struct err e = { .code = ERR_OK };

    OK(gcp_secrets_write(&sim, dir, &e) == ERR_OK);
    OK(file_says("gcp-key.json", "type", SV("service_account")) &&
       file_says("gcp-key.json", "private_key_id", g->key.id) && file_says("gcp-key.json", "private_key", g->key.pem));
    OK(file_says("gcp-user.json", "type", SV("authorized_user")) &&
       file_says("gcp-user.json", "refresh_token", g->refresh_token) &&
       file_says("gcp-user.json", "quota_project_id", project(0)->id));
    OK(file_says("gcp-impersonated.json", "service_account_impersonation_url", reader) &&
       file_says("gcp-impersonated.json", "source_credentials/type", SV("authorized_user")));
    OK(file_says("gcp-external-file.json", "service_account_impersonation_url", reader) &&
       file_says("gcp-external-file.json", "audience", g->audience) &&
       file_says("gcp-external-file.json", "credential_source/file", sv_of(format("%s/gcp-subject-token", dir))));
    OK(file_says("gcp-external-direct.json", "service_account_impersonation_url", SV_NONE) &&
       file_says("gcp-external-direct.json", "type", SV("external_account")));
    OK(file_says("gcp-external-url.json", "credential_source/format/type", SV("json")));
}

/* A client that has read the key file stays valid when cloudsim is killed and started again. */
static void a_restart_keeps_the_keys(void)
{
    struct err e = { .code = ERR_OK };
    struct gcp_access *again = gcp_access_new(&gcp_of(&sim)->world, dir, &e);

    OK(again && sv_eq(again->key.id, g->key.id) && sv_eq(again->provider_key.id, g->provider_key.id));
    OK(again && sv_eq(again->refresh_token, g->refresh_token) && sv_eq(again->client_secret, g->client_secret));
    OK(!sv_eq(g->key.id, g->provider_key.id));
    gcp_access_free(again);
}

int main(void)
{
    start_gcp();
    RUN(a_signed_assertion_becomes_a_token);
    RUN(an_assertion_is_refused_for_what_is_wrong_with_it);
    RUN(only_rs256_is_believed);
    RUN(a_refresh_token_becomes_a_token_of_a_person);
    RUN(a_person_needs_a_quota_project);
    RUN(a_token_is_refused_for_what_is_wrong_with_it);
    RUN(a_self_signed_token_is_a_bearer_token);
    RUN(a_self_signed_token_is_refused_for_what_is_wrong_with_it);
    RUN(revoking_ends_every_token);
    RUN(the_metadata_server_hands_out_tokens);
    RUN(the_metadata_server_demands_its_header);
    RUN(the_metadata_server_caches_its_tokens);
    RUN(a_subject_impersonates_the_reader);
    RUN(a_subject_with_roles_reads_by_itself);
    RUN(a_subject_token_is_refused_for_what_is_wrong_with_it);
    RUN(basic_authentication_of_a_client_has_to_be_right);
    RUN(the_provider_gives_its_token_by_url);
    RUN(impersonation_has_its_limits);
    RUN(a_short_life_is_a_short_life);
    RUN(delegates_are_followed);
    RUN(credential_files_hold_what_their_flow_needs);
    RUN(a_restart_keeps_the_keys);
    stop_sim();
    return tap_done();
}
