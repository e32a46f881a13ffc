/*
 * Google's credentials end to end against loopback: each flow, its failures, renewal, refusal, projects. The clock is the
 * test's own.
 */
#include "collector/base/json.h"

#include "tests/collector/sources/gcp/google_server.h"
#include "tests/tap.h"

static struct err problem;

/* The bearer; empty: problem tells. */
static const char *get(struct google_server *s, struct gcp_auth *a)
{
    sv bearer = SV_NONE;

    problem = (struct err){ 0 };
    if (gcp_auth_token(a, &s->memory, &bearer, &problem))
        return "";
    return arena_copy(&s->memory, bearer).at;
}

static bool is(const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        printf("# got '%s', %s\n", a, problem.text);
    return strcmp(a, b) == 0;
}

static bool has(const char *text, const char *part)
{
    if (!strstr(text, part))
        printf("# no '%s' in '%s'\n", part, text);
    return strstr(text, part) != NULL;
}

static struct gcp_auth *open_auth(struct google_server *s)
{
    struct gcp_auth *a = google_auth(s, &problem);

    if (!a)
        printf("# %s\n", problem.text);
    return a;
}

/* ---- A service account's key ---- */

static void a_key_signs_its_own_tokens_without_a_call(void)
{
    struct google_server s;
    struct gcp_auth *a;
    const char *first;
    sv jwt;

    OK(google_start(&s) && google_write_key(&s));
    a = open_auth(&s);
    first = get(&s, a);
    jwt = sv_of(first);
    OK(sv_starts(jwt, SV("eyJ")) && sv_find(jwt, '.') < jwt.len && is(get(&s, a), first));
    clock_advance(3600 * NANO_PER_S - 200 * NANO_PER_S);
    OK(!sv_eq(sv_of(get(&s, a)), jwt) && s.tokens + s.metadata == 0);
    OK(sv_eq(gcp_auth_about(a)->kind, SV("service account key")) &&
       sv_eq(gcp_auth_about(a)->principal, SV("reader@key-project.iam.gserviceaccount.com")) &&
       !gcp_auth_about(a)->is_user);
    gcp_auth_free(a);
    google_stop(&s);
}

static int64_t issued_at(const char *bearer)
{
    unsigned char claims[2048];
    sv rest = sv_of(bearer), text;
    int64_t s = 0;

    (void)sv_cut(&rest, '.');
    text = sv_make(claims, google_decode64(sv_cut(&rest, '.'), claims));
    while (text.len && !sv_starts(text, SV("\"iat\":")))
        text = sv_skip(text, 1);
    text = sv_skip(text, 6);
    return sv_to_i64(sv_cut(&text, ','), &s) ? s : 0;
}

/* A refusal's Date header has taught the server's time by then. */
static void a_refused_bearer_is_signed_again_by_the_servers_clock(void)
{
    struct google_server s;
    struct gcp_auth *a;
    const char *first;

    OK(google_start(&s) && google_write_key(&s));
    a = open_auth(&s);
    first = get(&s, a);
    OK(issued_at(first) == clock_now() / NANO_PER_S);
    source_stats_date(s.env.stats, clock_now() + NANO_PER_H);
    gcp_auth_refused(a, sv_of(first));
    OK(issued_at(get(&s, a)) == clock_now() / NANO_PER_S + 3600);
    gcp_auth_free(a);
    google_stop(&s);
}

static void a_key_may_be_exchanged_instead(void)
{
    struct google_server s;
    struct gcp_auth_config c;
    struct gcp_auth *a;

    OK(google_start(&s) && google_write_key(&s));
    c = google_config(&s);
    c.exchange_key = true;
    a = gcp_auth_new(&c, &s.env, &problem);
    OK(is(get(&s, a), "ya29.t1") && is(get(&s, a), "ya29.t1") && s.tokens == 1);
    OK(has(s.seen, "/token grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ") &&
       s.authorization[0] == '\0');
    s.status = 400;
    s.failures = -1;
    s.body = "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}";
    clock_advance(2 * NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "service account key: token refused") &&
       has(problem.text, "make a new key file"));
    gcp_auth_free(a);
    google_stop(&s);
}

static void a_rotated_key_file_is_found(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s) && google_write_key(&s));
    a = open_auth(&s);
    OK(sv_starts(sv_of(get(&s, a)), SV("eyJ")));
    OK(google_write(&s, "%s", GOOGLE_USER));
    gcp_auth_refused(a, sv_of(get(&s, a)));
    OK(is(get(&s, a), "ya29.t1"));
    unlink(s.file);
    clock_advance(2 * NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "cannot be read") &&
       has(problem.text, s.file));
    gcp_auth_free(a);
    google_stop(&s);
}

/* ---- Logins ---- */

static void a_login_is_refreshed_and_billed_to_its_quota_project(void)
{
    struct http_request q = { .method = "GET" };
    struct google_server s;
    struct gcp_auth *a;
    sv used = SV_NONE;

    OK(google_start(&s) && google_write(&s, "%s", GOOGLE_USER));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1"));
    OK(has(s.seen, "/token grant_type=refresh_token&client_id=the-client&client_secret=s3cr3t%26&refresh_token="
                   "1%2F%2Fr3fresh"));
    OK(gcp_auth_prepare(a, &s.memory, &q, &used, &problem) == ERR_OK && sv_eq(used, SV("ya29.t1")));
    OK(q.n_headers == 2 && sv_eq(q.headers[0].value, SV("Bearer ya29.t1")) &&
       sv_eq(q.headers[1].name, SV("x-goog-user-project")) && sv_eq(q.headers[1].value, SV("quota-1")));
    OK(gcp_auth_about(a)->is_user);
    gcp_auth_free(a);
    google_stop(&s);
}

static void a_workforce_login_tells_its_client_in_a_header(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s) &&
       google_write(&s, "{\"type\":\"external_account_authorized_user\",\"audience\":\"//iam.googleapis.com/w\","
                        "\"client_id\":\"c&1\",\"client_secret\":\"s=2\",\"refresh_token\":\"r\","
                        "\"token_url\":\"https://sts.googleapis.com/v1/oauthtoken\"}"));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1") && is(s.seen, "/v1/oauthtoken grant_type=refresh_token&refresh_token=r") &&
       is(s.authorization, "Basic YyYxOnM9Mg=="));
    gcp_auth_free(a);
    google_stop(&s);
}

/* ---- Federation ---- */

static bool write_external(struct google_server *s, const char *source, const char *more)
{
    return google_write(s,
                        "{\"type\":\"external_account\",\"audience\":\"" POOL
                        "\",\"subject_token_type\":\"urn:ietf:params:oauth:token-type:jwt\",\"token_url\":"
                        "\"https://sts.googleapis.com/v1/token\",\"credential_source\":%s%s}",
                        source, more);
}

static void a_subject_token_file_is_read_for_every_renewal(void)
{
    struct google_server s;
    struct gcp_auth *a;
    char source[160];

    OK(google_start(&s) && test_file(s.subject_file, "jwt.one\n"));
    snprintf(source, sizeof source, "{\"file\":\"%s\"}", s.subject_file);
    OK(write_external(&s, source, ""));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1") && has(s.seen, "&subject_token=jwt.one&") &&
       has(s.seen, "&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fmonitoring.read%20") &&
       s.authorization[0] == '\0');
    OK(test_file(s.subject_file, "jwt.two\n"));
    gcp_auth_refused(a, SV("ya29.t1"));
    OK(is(get(&s, a), "ya29.t2") && has(s.seen, "&subject_token=jwt.two&") && s.impersonated == 0);
    unlink(s.subject_file);
    clock_advance(2 * NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, s.subject_file) && s.tokens == 2);
    gcp_auth_free(a);
    google_stop(&s);
}

static void a_subject_token_may_stand_in_a_field_of_a_file(void)
{
    struct google_server s;
    struct gcp_auth *a;
    char source[256];

    OK(google_start(&s) && test_file(s.subject_file, "{\"id_token\":\"jwt.three\"}"));
    snprintf(source, sizeof source,
             "{\"file\":\"%s\",\"format\":{\"type\":\"json\",\"subject_token_field_name\":\"id_token\"}}",
             s.subject_file);
    OK(write_external(&s, source, ",\"client_id\":\"c\",\"client_secret\":\"s\""));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1") && has(s.seen, "&subject_token=jwt.three&") && is(s.authorization, "Basic Yzpz"));
    OK(test_file(s.subject_file, "{\"other\":\"s3cr3t\"}"));
    clock_advance(2 * NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_PARSE && has(problem.text, "field id_token") &&
       !strstr(problem.text, "s3cr3t"));
    gcp_auth_free(a);
    google_stop(&s);
}

#define SUBJECT_URL "{\"url\":\"%s/subject/%s\",\"headers\":{\"X-Proof\":\"pr00f\"}%s}"

static void a_subject_token_comes_from_a_url(void)
{
    struct google_server s;
    struct gcp_auth *a;
    char source[256];

    OK(google_start(&s));
    snprintf(source, sizeof source, SUBJECT_URL, s.base, "text", "");
    OK(write_external(&s, source, ""));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1") && has(s.seen, "&subject_token=jwt-1&") && is(s.subject_header, "pr00f"));
    clock_advance(2 * NANO_PER_H);
    OK(is(get(&s, a), "ya29.t2") && has(s.seen, "&subject_token=jwt-2&"));
    s.only = "/subject/";
    s.status = 403;
    s.failures = -1;
    s.body = "s3cr3t words";
    clock_advance(2 * NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "http 403: check credential_source") &&
       !strstr(problem.text, "s3cr3t"));
    s.status = 204; /* only a 200 holds a token */
    clock_advance(2 * NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && s.tokens == 2);
    gcp_auth_free(a);
    google_stop(&s);
}

static void a_federated_token_may_only_be_the_way_to_a_service_account(void)
{
    struct google_server s;
    struct gcp_auth *a;
    char source[256];

    OK(google_start(&s));
    snprintf(source, sizeof source, SUBJECT_URL, s.base, "json",
             ",\"format\":{\"type\":\"json\",\"subject_token_field_name\":\"id_token\"}");
    OK(write_external(&s, source,
                      ",\"service_account_impersonation_url\":\"https://iamcredentials.googleapis.com/v1/projects/-/"
                      "serviceAccounts/t@p:generateAccessToken\",\"service_account_impersonation\":{\"token_lifetime_"
                      "seconds\":2800}"));
    s.life_s = 2800;
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.i1") && s.tokens == 1 && s.impersonated == 1);
    OK(has(s.seen, "&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform&"));
    OK(is(s.impersonation, "/v1/projects/-/serviceAccounts/t@p:generateAccessToken {\"delegates\":[],\"scope\":["
                           "\"https://www.googleapis.com/auth/monitoring.read\","
                           "\"https://www.googleapis.com/auth/logging.read\","
                           "\"https://www.googleapis.com/auth/cloud-platform.read-only\"],\"lifetime\":\"2800s\"}"));
    OK(is(s.impersonation_bearer, "Bearer ya29.t1") && sv_eq(gcp_auth_about(a)->principal, SV("t@p")));
    clock_advance(2600 * NANO_PER_S);
    OK(is(get(&s, a), "ya29.i2") && s.tokens == 2);
    gcp_auth_free(a);
    google_stop(&s);
}

static void a_denied_impersonation_is_tried_once_an_hour(void)
{
    struct google_server s;
    struct gcp_auth *a;
    char source[256];

    OK(google_start(&s));
    snprintf(source, sizeof source, SUBJECT_URL, s.base, "text", "");
    OK(write_external(&s, source,
                      ",\"service_account_impersonation_url\":\"https://iamcredentials.googleapis.com/v1/projects/-/"
                      "serviceAccounts/t@p:generateAccessToken\""));
    s.only = "/serviceAccounts/";
    s.status = 403;
    s.failures = -1;
    s.body = "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"message\":\"denied\"}}";
    a = open_auth(&s);
    OK(is(get(&s, a), "") && problem.code == ERR_DENIED && s.impersonated == 1);
    OK(has(problem.text, "workload identity federation: impersonating t@p refused") &&
       has(problem.text, "roles/iam.serviceAccountTokenCreator"));
    clock_advance(59 * NANO_PER_MIN);
    OK(is(get(&s, a), "") && problem.code == ERR_DENIED && s.impersonated == 1);
    s.failures = 0;
    clock_advance(2 * NANO_PER_MIN);
    OK(is(get(&s, a), "ya29.i2"));
    gcp_auth_free(a);
    google_stop(&s);
}

/* ---- Proofs of AWS ---- */

static bool write_aws(struct google_server *s)
{
    char source[512];

    snprintf(source, sizeof source,
             "{\"environment_id\":\"aws1\",\"region_url\":\"%s/latest/meta-data/placement/availability-zone\","
             "\"url\":\"%s/latest/meta-data/iam/security-credentials\",\"imdsv2_session_token_url\":"
             "\"%s/latest/api/token\",\"regional_cred_verification_url\":"
             "\"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15\"}",
             s->base, s->base, s->base);
    return write_external(s, source, "");
}

/* What the form's subject_token says, both encodings taken off: JSON. */
static sv proof_of(struct google_server *s)
{
    const char *at = strstr(s->seen, "&subject_token=");
    sv text = sv_of(at ? at + 15 : "");

    text = sv_first(text, sv_find(text, '&'));
    for (int twice = 0; twice < 2; twice++) {
        char *out = arena_alloc(&s->memory, text.len + 1);
        size_t n = 0;

        for (size_t i = 0; i < text.len; i++) {
            char hex[3] = { i + 2 < text.len ? text.at[i + 1] : '0', i + 2 < text.len ? text.at[i + 2] : '0', 0 };

            if (text.at[i] == '%') {
                out[n++] = (char)strtol(hex, NULL, 16);
                i += 2;
            } else {
                out[n++] = text.at[i];
            }
        }
        text = sv_make(out, n);
    }
    return text;
}

static sv header_of(json proof, const char *name)
{
    json h;

    for (struct json_iter it = json_items(json_get(proof, SV("headers"))); json_item(&it, &h);)
        if (sv_eq(json_sv(json_get(h, SV("key"))), sv_of(name)))
            return json_sv(json_get(h, SV("value")));
    return SV_NONE;
}

static void a_request_that_an_instance_signed_is_a_proof(void)
{
    struct json_parser *p = json_parser_new(0);
    struct google_server s;
    struct gcp_auth *a;
    json proof = { 0 };

    OK(google_start(&s) && write_aws(&s));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1") && s.aws == 4); /* session, zone, role, keys */
    OK(json_parse(p, proof_of(&s), &proof, &problem) == ERR_OK);
    OK(sv_eq(json_sv(json_get(proof, SV("url"))),
             SV("https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15")) &&
       sv_eq(json_sv(json_get(proof, SV("method"))), SV("POST")));
    OK(sv_eq(header_of(proof, "host"), SV("sts.eu-west-1.amazonaws.com")) &&
       sv_eq(header_of(proof, "x-amz-security-token"), SV("t0ken")) &&
       sv_eq(header_of(proof, "x-goog-cloud-target-resource"), SV(POOL)) && header_of(proof, "x-amz-date").len == 16);
    OK(sv_starts(header_of(proof, "Authorization"), SV("AWS4-HMAC-SHA256 Credential=ASIA1/")) &&
       sv_has(header_of(proof, "Authorization"),
              SV("/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;"
                 "x-goog-cloud-target-resource, Signature=")));
    OK(!strstr(s.seen, "s3cr3t"));
    gcp_auth_free(a);
    json_parser_free(p);
    google_stop(&s);
}

static void keys_of_the_environment_need_no_metadata(void)
{
    struct json_parser *p = json_parser_new(0);
    struct google_server s;
    struct gcp_auth *a;
    json proof = { 0 };

    OK(google_start(&s) && write_aws(&s));
    test_setenv("AWS_DEFAULT_REGION", "us-east-2");
    test_setenv("AWS_ACCESS_KEY_ID", "AKIA1");
    test_setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t");
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1") && s.aws == 0);
    OK(json_parse(p, proof_of(&s), &proof, &problem) == ERR_OK && header_of(proof, "x-amz-security-token").len == 0 &&
       sv_has(header_of(proof, "Authorization"), SV("/us-east-2/sts/")));
    test_setenv("AWS_DEFAULT_REGION", "evil.example/");
    clock_advance(2 * NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "no region of AWS's"));
    gcp_auth_free(a);
    json_parser_free(p);
    google_stop(&s);
}

static void an_instance_without_a_role_is_told_so(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s) && write_aws(&s));
    a = open_auth(&s);
    s.only = "/security-credentials";
    s.status = 404;
    s.failures = -1;
    s.body = "s3cr3t words";
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "attach an instance profile") &&
       !strstr(problem.text, "s3cr3t"));
    s.failures = 0;
    s.aws_role = "../../user-data";
    clock_advance(NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_PARSE && s.tokens == 0);
    gcp_auth_free(a);
    google_stop(&s);
}

/* ---- Impersonation of its own ---- */

static void an_impersonated_account_stands_on_a_login(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s) &&
       google_write(&s, "{\"type\":\"impersonated_service_account\",\"delegates\":[\"projects/-/serviceAccounts/d\"],"
                        "\"service_account_impersonation_url\":\"https://iamcredentials.googleapis.com/v1/projects/-/"
                        "serviceAccounts/t@p:generateAccessToken\",\"source_credentials\":" GOOGLE_USER "}"));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.i1") && s.tokens == 1 && is(s.impersonation_bearer, "Bearer ya29.t1"));
    OK(has(s.impersonation, "{\"delegates\":[\"projects/-/serviceAccounts/d\"],") &&
       has(s.impersonation, "\"lifetime\":\"3600s\"}"));
    OK(sv_eq(gcp_auth_about(a)->kind, SV("impersonated service account")) && gcp_auth_about(a)->is_user);
    gcp_auth_free(a);
    google_stop(&s);
}

static void an_impersonated_account_stands_on_a_key(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s) &&
       google_write(&s,
                    "{\"type\":\"impersonated_service_account\",\"service_account_impersonation_url\":\"https://"
                    "iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/t@p:generateAccessToken\","
                    "\"source_credentials\":{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":"
                    "\"%s\"}}",
                    s.pem));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.i1") && s.tokens == 0 && has(s.impersonation_bearer, "Bearer eyJ"));
    gcp_auth_free(a);
    google_stop(&s);
}

/* ---- The metadata server ---- */

static struct gcp_auth *metadata_auth(struct google_server *s)
{
    struct gcp_auth_config c = google_config(s);

    c.credentials_file = NULL;
    return gcp_auth_new(&c, &s->env, &problem);
}

static void the_metadata_server_is_asked_with_its_flavor(void)
{
    struct google_server s;
    struct gcp_auth *a;
    sv project = SV_NONE;

    OK(google_start(&s));
    a = metadata_auth(&s);
    OK(is(get(&s, a), "ya29.m1") &&
       is(s.metadata_seen, "/computeMetadata/v1/instance/service-accounts/default/token?scopes="
                           "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fmonitoring.read,"
                           "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Flogging.read,"
                           "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform.read-only"));
    OK(sv_eq(gcp_auth_about(a)->kind, SV("metadata server")));
    OK(gcp_auth_project(a, &s.memory, &project, &problem) == ERR_OK && sv_eq(project, SV("meta-project")));
    OK(gcp_auth_project(a, &s.memory, &project, &problem) == ERR_OK && s.metadata == 2); /* asked once */
    gcp_auth_free(a);
    s.life_s = 200; /* what the server's own cache has left */
    a = metadata_auth(&s);
    OK(is(get(&s, a), "ya29.m3"));
    clock_advance(90 * NANO_PER_S);
    OK(is(get(&s, a), "ya29.m3"));
    clock_advance(11 * NANO_PER_S);
    OK(is(get(&s, a), "ya29.m4"));
    gcp_auth_free(a);
    google_stop(&s);
}

static void who_is_no_metadata_server_is_not_believed(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s));
    s.no_flavor = true;
    a = metadata_auth(&s);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "no metadata server of Google's"));
    s.failures = 1;
    s.status = 404;
    clock_advance(NANO_PER_H);
    OK(is(get(&s, a), "") && has(problem.text, "no metadata server of Google's"));
    s.no_flavor = false;
    s.failures = 1;
    clock_advance(NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "no service account is attached"));
    s.failures = 1;
    s.status = 403;
    clock_advance(NANO_PER_H);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "access scopes"));
    gcp_auth_free(a);
    google_stop(&s);
}

static void without_a_metadata_server_credentials_are_missing(void)
{
    struct google_server s;
    struct gcp_auth_config c;
    struct gcp_auth *a;
    char nobody[64];

    OK(google_start(&s));
    snprintf(nobody, sizeof nobody, "%s", s.base);
    http_server_stop(s.http);
    c = google_config(&s);
    c.credentials_file = NULL;
    c.metadata_url = nobody;
    clock_set_system(); /* three attempts, half a second and a second apart */
    clock_set_scale(
        (struct clock_scale){ .anchor_unix_nano = clock_now(), .origin_unix_nano = clock_now(), .speed = 50 });
    a = gcp_auth_new(&c, &s.env, &problem);
    OK(is(get(&s, a), "") && problem.code == ERR_RETRY && has(problem.text, "set credentials_file"));
    gcp_auth_cancel(a);
    clock_sleep_ms(3000);
    OK(is(get(&s, a), "") && problem.code == ERR_CANCELLED);
    gcp_auth_free(a);
    s.http = NULL;
    google_stop(&s);
    clock_set_manual(clock_now());
}

/* ---- What all have in common ---- */

static void while_renewal_fails_the_old_token_serves(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s) && google_write(&s, "%s", GOOGLE_USER));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1"));
    clock_advance((3600 - 225 - 170) * NANO_PER_S); /* a twentieth earlier at most */
    OK(is(get(&s, a), "ya29.t1") && s.tokens == 1);
    s.status = 400;
    s.failures = -1;
    s.body = "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}";
    clock_advance(171 * NANO_PER_S);
    OK(is(get(&s, a), "ya29.t1") && is(get(&s, a), "ya29.t1") && s.tokens == 2);
    clock_advance(225 * NANO_PER_S);
    OK(is(get(&s, a), "") && problem.code == ERR_CONFIG && has(problem.text, "gcloud auth application-default login"));
    OK(is(get(&s, a), "") && s.tokens == 3); /* told again without a call */
    gcp_auth_free(a);
    google_stop(&s);
}

static void a_refused_token_is_renewed_once(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s) && google_write(&s, "%s", GOOGLE_USER));
    a = open_auth(&s);
    OK(is(get(&s, a), "ya29.t1"));
    gcp_auth_refused(a, SV("ya29.t0"));
    OK(is(get(&s, a), "ya29.t1"));
    gcp_auth_refused(a, SV("ya29.t1"));
    OK(is(get(&s, a), "ya29.t2"));
    gcp_auth_refused(a, SV("ya29.t2"));
    OK(is(get(&s, a), "ya29.t2") && s.tokens == 2);
    gcp_auth_free(a);
    google_stop(&s);
}

static void throttling_waits_as_long_as_told(void)
{
    struct google_server s;
    struct gcp_auth *a;

    OK(google_start(&s) && google_write(&s, "%s", GOOGLE_USER));
    a = open_auth(&s);
    s.status = 429;
    s.failures = 1;
    s.body = "{\"error\":\"rate_limit_exceeded\"}";
    OK(is(get(&s, a), "") && problem.code == ERR_THROTTLED && has(problem.text, "http=429"));
    OK(is(get(&s, a), "") && s.tokens == 1);
    clock_advance(3 * NANO_PER_S);
    OK(is(get(&s, a), "ya29.t2"));
    gcp_auth_free(a);
    google_stop(&s);
}

static void projects_come_from_the_file_or_from_nobody(void)
{
    struct google_server s;
    struct gcp_auth *a;
    struct buf url;
    sv project = SV_NONE;

    OK(google_start(&s) && google_write_key(&s));
    a = open_auth(&s);
    OK(gcp_auth_project(a, &s.memory, &project, &problem) == ERR_OK && sv_eq(project, SV("key-project")));
    buf_init(&url, 0);
    gcp_auth_endpoint(a, SV("monitoring"), &url);
    OK(sv_eq(buf_sv(&url), sv_of(s.base)));
    buf_done(&url);
    gcp_auth_free(a);
    OK(google_write(&s, "%s", GOOGLE_USER));
    a = open_auth(&s);
    OK(gcp_auth_project(a, &s.memory, &project, &problem) == ERR_CONFIG && has(problem.text, "GOOGLE_CLOUD_PROJECT"));
    gcp_auth_free(a);
    OK(google_write(&s, "{\"type\":\"authorized_user\"}"));
    OK(!google_auth(&s, &problem) && problem.code == ERR_CONFIG && has(problem.text, "credentials_file ") &&
       has(problem.text, "client_id is missing"));
    google_stop(&s);
}

static void no_text_holds_a_secret(void)
{
    static const char *const answers[] = { "", "ya29.s3cr3t", "{\"access_token\":\"ya29 s3cr3t\"}",
                                           "{\"error\":\"s3cr3t&\",\"error_description\":\"1//r3fresh s3cr3t&\"}",
                                           "{\"error\":{\"status\":\"s3cr3t\",\"message\":\"1//r3fresh\"}}" };
    static const int statuses[] = { 200, 302, 400, 401, 403 };
    bool clean = true;

    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 5; k++) {
            struct google_server s;
            struct gcp_auth *a;

            clean = clean && google_start(&s) && google_write(&s, "%s", GOOGLE_USER);
            a = open_auth(&s);
            s.failures = -1;
            s.status = statuses[k];
            s.body = answers[i];
            clean = clean && get(&s, a)[0] == '\0' && problem.code && problem.text[0] &&
                    !strstr(problem.text, "s3cr3t") && !strstr(problem.text, "r3fresh");
            if (!clean)
                printf("# %d %s -> %s\n", statuses[k], answers[i], problem.text);
            gcp_auth_free(a);
            google_stop(&s);
        }
    OK(clean);
}

int main(void)
{
    clock_set_manual((int64_t)time(NULL) * NANO_PER_S);
    RUN(a_key_signs_its_own_tokens_without_a_call);
    RUN(a_refused_bearer_is_signed_again_by_the_servers_clock);
    RUN(a_key_may_be_exchanged_instead);
    RUN(a_rotated_key_file_is_found);
    RUN(a_login_is_refreshed_and_billed_to_its_quota_project);
    RUN(a_workforce_login_tells_its_client_in_a_header);
    RUN(a_subject_token_file_is_read_for_every_renewal);
    RUN(a_subject_token_may_stand_in_a_field_of_a_file);
    RUN(a_subject_token_comes_from_a_url);
    RUN(a_federated_token_may_only_be_the_way_to_a_service_account);
    RUN(a_denied_impersonation_is_tried_once_an_hour);
    RUN(a_request_that_an_instance_signed_is_a_proof);
    RUN(keys_of_the_environment_need_no_metadata);
    RUN(an_instance_without_a_role_is_told_so);
    RUN(an_impersonated_account_stands_on_a_login);
    RUN(an_impersonated_account_stands_on_a_key);
    RUN(the_metadata_server_is_asked_with_its_flavor);
    RUN(who_is_no_metadata_server_is_not_believed);
    RUN(without_a_metadata_server_credentials_are_missing);
    RUN(while_renewal_fails_the_old_token_serves);
    RUN(a_refused_token_is_renewed_once);
    RUN(throttling_waits_as_long_as_told);
    RUN(projects_come_from_the_file_or_from_nobody);
    RUN(no_text_holds_a_secret);
    return tap_done();
}
