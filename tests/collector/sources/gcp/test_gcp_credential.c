/*
 * Credential files: what each type must have, which hosts may be asked, what is refused and with which words. And which
 * file it is.
 */
#include <sys/stat.h>

#include "collector/sources/gcp/gcp_identity.h"

#include "tests/collector/sources/auth_loop.h"
#include "tests/tap.h"

static struct arena memory;
static struct err problem;

static const struct gcp_hosts google = { .universe = SVT("googleapis.com") };

static enum err_code parse(const struct gcp_hosts *h, const char *text, struct gcp_credential *c)
{
    problem = (struct err){ 0 };
    *c = (struct gcp_credential){ 0 };
    return gcp_credential_parse(sv_of(text), h, true, &memory, c, &problem);
}

/* ---- Types ---- */

#define EXTERNAL(source)                                                                                               \
    "{\"type\":\"external_account\",\"audience\":\"//iam.googleapis.com/p\",\"subject_token_type\":\"urn:x\","         \
    "\"credential_source\":" source "}"
#define STS "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
#define URL_OF(email)                                                                                                  \
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" email ":generateAccessToken"

static void a_key_file_is_taken_whole(void)
{
    struct gcp_credential c;

    OK(parse(&google,
             "{\"type\":\"service_account\",\"project_id\":\"p\",\"private_key_id\":\"k\",\"private_key\":\"pem\\n\","
             "\"client_email\":\"a@b\",\"quota_project_id\":\"q\",\"universe_domain\":\"googleapis.com\"}",
             &c) == ERR_OK);
    OK(c.type == GCP_SERVICE_ACCOUNT && sv_eq(c.email, SV("a@b")) && sv_eq(c.key_id, SV("k")) &&
       sv_eq(c.key, SV("pem\n")) && sv_eq(c.project_id, SV("p")) && sv_eq(c.quota_project, SV("q")));
    OK(sv_eq(c.token_url, SV("https://oauth2.googleapis.com/token")));
    gcp_credential_wipe(&c);
    OK(c.key.len == 0);
}

static void logins_have_their_own_endpoints(void)
{
    struct gcp_credential c;

    OK(parse(&google,
             "{\"type\":\"authorized_user\",\"client_id\":\"i\",\"client_secret\":\"s\",\"refresh_token\":\"r\"}",
             &c) == ERR_OK);
    OK(c.type == GCP_AUTHORIZED_USER && sv_eq(c.token_url, SV("https://oauth2.googleapis.com/token")));
    OK(parse(&google,
             "{\"type\":\"external_account_authorized_user\",\"client_id\":\"i\",\"client_secret\":\"s\","
             "\"refresh_token\":\"r\",\"audience\":\"//iam\"}",
             &c) == ERR_OK);
    OK(c.type == GCP_EXTERNAL_USER && sv_eq(c.token_url, SV("https://sts.googleapis.com/v1/oauthtoken")));
}

static void an_external_account_has_one_source(void)
{
    struct gcp_credential c;

    OK(parse(&google, EXTERNAL("{\"file\":\"/run/token\"}"), &c) == ERR_OK);
    OK(sv_eq(c.subject.file, SV("/run/token")) && !c.subject.field.len && !c.impersonation.url.len &&
       sv_eq(c.token_url, SV("https://sts.googleapis.com/v1/token")));
    OK(parse(&google,
             EXTERNAL("{\"url\":\"http://169.254.169.254/x\",\"headers\":{\"Metadata\":\"True\"},\"format\":{\"type\":"
                      "\"json\",\"subject_token_field_name\":\"f\"}},\"service_account_impersonation_url\":\"" URL_OF(
                          "t@p") "\",\"service_account_impersonation\":{\"token_lifetime_seconds\":2800}"),
             &c) == ERR_OK);
    OK(sv_eq(c.subject.url, SV("http://169.254.169.254/x")) && sv_eq(c.subject.field, SV("f")) &&
       c.subject.n_headers == 1 && sv_eq(c.subject.headers[0].value, SV("True")));
    OK(sv_eq(c.impersonation.email, SV("t@p")) && c.impersonation.life_s == 2800);
}

static void an_impersonated_account_has_a_source_of_its_own(void)
{
    struct gcp_credential c;

    OK(parse(&google,
             "{\"type\":\"impersonated_service_account\",\"delegates\":[\"d1\",\"d2\"],"
             "\"service_account_impersonation_url\":\"" URL_OF(
                 "t@p") "\",\"source_credentials\":{\"type\":"
                        "\"authorized_user\",\"client_id\":\"i\",\"client_secret\":\"s\",\"refresh_token\":\"r\"}}",
             &c) == ERR_OK);
    OK(c.type == GCP_IMPERSONATED && c.source && c.source->type == GCP_AUTHORIZED_USER);
    OK(c.impersonation.n_delegates == 2 && sv_eq(c.impersonation.delegates[1], SV("d2")) &&
       c.impersonation.life_s == 3600);
    gcp_credential_wipe(&c);
    OK(c.source->refresh_token.len == 0);
}

static void what_cannot_be_used_says_why(void)
{
    /* clang-format off */
    static const struct { const char *text, *says; } rows[] = {
        { "", "is no JSON object" },
        { "[]", "is no JSON object" },
        { "{\"private_key\":\"s3cr3t\"", "is no JSON object" },
        { "{}", "type is missing or unknown" },
        { "{\"type\":\"s3cr3t X\"}", "type is missing or unknown" },
        { "{\"type\":\"gdch_service_account\"}", "Distributed Cloud" },
        { "{\"type\":\"service_account\",\"client_email\":\"a\"}", "private_key is missing" },
        { "{\"type\":\"service_account\",\"client_email\":\"a b\",\"private_key\":\"s3cr3t\"}", "client_email holds blanks" },
        { "{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"k\",\"token_uri\":\"https://evil.example/token\"}", "token_uri leads to https://evil.example" },
        { "{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"k\",\"token_uri\":\"nonsense\"}", "token_uri" },
        { "{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"k\",\"universe_domain\":\"evil.example\"}", "GOOGLE_CLOUD_UNIVERSE_DOMAIN" },
        { "{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"k\",\"quota_project_id\":\"a\\nb\"}", "quota_project_id holds" },
        { "{\"type\":\"authorized_user\",\"client_id\":\"i\",\"client_secret\":\"s3cr3t\"}", "refresh_token is missing" },
        { EXTERNAL("{}"), "neither file nor url" },
        { EXTERNAL("{\"file\":\"\"}"), "is empty" },
        { EXTERNAL("{\"file\":\"a\",\"url\":\"https://b\"}"), "more than one way" },
        { EXTERNAL("{\"environment_id\":\"aws1\",\"file\":\"a\"}"), "more than one way" },
        { EXTERNAL("{\"environment_id\":\"aws2\",\"regional_cred_verification_url\":\"" STS "\"}"), "is not aws1" },
        { EXTERNAL("{\"environment_id\":\"aws1\"}"), "regional_cred_verification_url is not" },
        { EXTERNAL("{\"environment_id\":\"aws1\",\"regional_cred_verification_url\":\"https://evil.example?Action=GetCallerIdentity&Version=2011-06-15\"}"), "regional_cred_verification_url is not" },
        { EXTERNAL("{\"environment_id\":\"aws1\",\"regional_cred_verification_url\":\"https://sts.{region}.amazonaws.com?Action=AssumeRole\"}"), "regional_cred_verification_url is not" },
        { EXTERNAL("{\"environment_id\":\"aws1\",\"url\":\"http://169.254.169.254/x\",\"regional_cred_verification_url\":\"" STS "\"}"), "imdsv2_session_token_url is missing" },
        { EXTERNAL("{\"environment_id\":\"aws1\",\"imdsv2_session_token_url\":\"http://169.254.169.254/\",\"url\":\"http://evil.example\",\"regional_cred_verification_url\":\"" STS "\"}"), "credential_source.url is neither" },
        { EXTERNAL("{\"executable\":{\"command\":\"/bin/s3cr3t\"}}"), "credential_source.executable" },
        { EXTERNAL("{\"certificate\":{}}"), "credential_source.certificate" },
        { EXTERNAL("{\"url\":\"http://evil.example/\"}"), "neither https nor" },
        { EXTERNAL("{\"url\":\"file:///etc/shadow\"}"), "neither https nor" },
        { EXTERNAL("{\"file\":\"a\",\"format\":{\"type\":\"json\"}}"), "credential_source.format" },
        { EXTERNAL("{\"file\":\"a\",\"format\":{\"type\":\"xml\"}}"), "credential_source.format" },
        { EXTERNAL("{\"url\":\"https://b\",\"headers\":{\"A\":\"s3cr3t\\r\\nB: c\"}}"), "credential_source.headers" },
        { EXTERNAL("{\"url\":\"https://b\",\"headers\":{\"A: s3cr3t\":\"x\"}}"), "credential_source.headers" },
        { EXTERNAL("{\"file\":\"a\"},\"token_url\":\"http://sts.googleapis.com/v1/token\""), "token_url leads to http://sts" },
        { EXTERNAL("{\"file\":\"a\"},\"service_account_impersonation_url\":\"https://iamcredentials.googleapis.com/x\""), "service_account_impersonation_url is not" },
        { EXTERNAL("{\"file\":\"a\"},\"service_account_impersonation_url\":\"" URL_OF("t") "\",\"service_account_impersonation\":{\"token_lifetime_seconds\":5}"), "within 600 and 43200" },
        { "{\"type\":\"impersonated_service_account\",\"service_account_impersonation_url\":\"" URL_OF("t") "\"}", "source_credentials: type is missing" },
        { "{\"type\":\"impersonated_service_account\",\"service_account_impersonation_url\":\"" URL_OF("t") "\",\"source_credentials\":{\"type\":\"impersonated_service_account\"}}", "source_credentials: type is impersonated" },
        { "{\"type\":\"impersonated_service_account\",\"service_account_impersonation_url\":\"" URL_OF("t") "\",\"delegates\":[1,2,3,4,5,6,7,8,9]}", "delegates: more than 8" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gcp_credential c;
        enum err_code code = parse(&google, rows[i].text, &c);

        if (code != ERR_CONFIG || !strstr(problem.text, rows[i].says))
            printf("# %s\n# -> %s\n", rows[i].text, problem.text);
        OK(code == ERR_CONFIG && strstr(problem.text, rows[i].says) && !strstr(problem.text, "s3cr3t"));
    }
}

/* ---- Hosts ---- */

static void only_googles_token_services_are_asked(void)
{
    /* clang-format off */
    static const struct { const char *url; bool good; } rows[] = {
        { "https://sts.googleapis.com/v1/token", true },
        { "https://sts.us-east1.googleapis.com/v1/token", true },
        { "https://oauth2.googleapis.com:443/token", true },
        { "https://OAUTH2.googleapis.com/token", true },
        { "https://iamcredentials.googleapis.com/v1/x", true },
        { "http://sts.googleapis.com/v1/token", false },
        { "https://sts.googleapis.com:8443/v1/token", false },
        { "https://storage.googleapis.com/bucket", false },
        { "https://evilsts.googleapis.com/", false },
        { "https://sts.a.b.googleapis.com/", false },
        { "https://sts.evilgoogleapis.com/", false },
        { "https://googleapis.com/", false },
        { "https://sts.googleapis.com.evil.example/", false },
        { "https://sts.googleapis.com@evil.example/", false },
        { "https://evil.example/sts.googleapis.com", false },
        { "https://evil.example\\.sts.googleapis.com/", false },
        { "sts.googleapis.com", false },
        { "file:///sts.googleapis.com", false },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sv out = SV_NONE;
        bool good = gcp_hosts_admit(&google, "token_url", sv_of(rows[i].url), &memory, &out, &problem) == ERR_OK;

        printf("# %s\n", rows[i].url);
        OK(good == rows[i].good && (!good || sv_eq(out, sv_of(rows[i].url))));
    }
}

static void the_operators_endpoint_takes_googles_place(void)
{
    /* clang-format off */
    static const struct { const char *own, *url, *want; } rows[] = {
        { "https://127.0.0.1:9/", "https://sts.googleapis.com/v1/token?x=1", "https://127.0.0.1:9/v1/token?x=1" },
        { "https://127.0.0.1:9", "https://127.0.0.1:9/v1/token", "https://127.0.0.1:9/v1/token" },
        { "https://127.0.0.1:9", "https://127.0.0.1:10/v1/token", NULL },
        { "https://127.0.0.1:9", "http://127.0.0.1:9/v1/token", NULL },
        { "https://{service}.psc.example", "https://sts.googleapis.com/v1/token", "https://sts.psc.example/v1/token" },
        { "https://{service}.psc.example", "https://oauth2.psc.example/token", "https://oauth2.psc.example/token" },
        { "https://{service}.psc.example", "https://other.psc.example/token", NULL },
        { "https://a.example/{service}/{x}", "https://sts.googleapis.com", "https://a.example/sts/{x}" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct gcp_hosts h = { rows[i].own, SV("googleapis.com") };
        sv out = SV_NONE;
        bool good = gcp_hosts_admit(&h, "token_url", sv_of(rows[i].url), &memory, &out, &problem) == ERR_OK;

        printf("# %s in place of %s: %.*s\n", rows[i].own, rows[i].url, SV_ARG(out));
        OK(good == (rows[i].want != NULL) && (!good || sv_eq(out, sv_of(rows[i].want))));
    }
}

static void another_universe_has_other_hosts(void)
{
    const struct gcp_hosts h = { .universe = SV("apis.example") };
    struct gcp_credential c;
    struct buf b;

    buf_init(&b, 0);
    gcp_endpoint(&h, SV("monitoring"), &b);
    OK(sv_eq(buf_sv(&b), SV("https://monitoring.apis.example")));
    buf_done(&b);
    OK(parse(&h, EXTERNAL("{\"file\":\"a\"},\"universe_domain\":\"apis.example\""), &c) == ERR_OK &&
       sv_eq(c.token_url, SV("https://sts.apis.example/v1/token")));
    OK(parse(&h, EXTERNAL("{\"file\":\"a\"},\"universe_domain\":\"googleapis.com\""), &c) == ERR_CONFIG);
    OK(parse(&h, EXTERNAL("{\"file\":\"a\"},\"token_url\":\"https://sts.googleapis.com/v1/token\""), &c) == ERR_CONFIG);
    OK(gcp_universe_ok(SV("a-1.example")) && !gcp_universe_ok(SV("")) && !gcp_universe_ok(SV("a..b")) &&
       !gcp_universe_ok(SV(".a")) && !gcp_universe_ok(SV("a.")) && !gcp_universe_ok(SV("a/b")) &&
       !gcp_universe_ok(SV("a@b")));
}

/* ---- Which file ---- */

struct home {
    char folder[64], gcloud[128], own[128], named[128], file[192];
};

static void write_user(const char *path, const char *client)
{
    char text[256];

    snprintf(text, sizeof text,
             "{\"type\":\"authorized_user\",\"client_id\":\"%s\",\"client_secret\":\"s\",\"refresh_token\":\"r\","
             "\"quota_project_id\":\"file-quota\"}",
             client);
    OK(test_file(path, text));
}

static void make_home(struct home *h)
{
    memset(test_environment, 0, sizeof test_environment);
    snprintf(h->folder, sizeof h->folder, "/tmp/trefoil-adc-XXXXXX");
    OK(mkdtemp(h->folder) != NULL);
    snprintf(h->gcloud, sizeof h->gcloud, "%s/.config", h->folder);
    OK(mkdir(h->gcloud, 0700) == 0);
    snprintf(h->gcloud, sizeof h->gcloud, "%s/.config/gcloud", h->folder);
    OK(mkdir(h->gcloud, 0700) == 0);
    snprintf(h->file, sizeof h->file, "%s/application_default_credentials.json", h->gcloud);
    snprintf(h->own, sizeof h->own, "%s/own.json", h->folder);
    snprintf(h->named, sizeof h->named, "%s/named.json", h->folder);
    write_user(h->file, "gcloud");
    write_user(h->named, "named");
    write_user(h->own, "own");
    test_setenv("HOME", h->folder);
}

static void remove_home(struct home *h)
{
    char config[128];

    snprintf(config, sizeof config, "%s/.config", h->folder);
    unlink(h->file);
    unlink(h->own);
    unlink(h->named);
    rmdir(h->gcloud);
    rmdir(config);
    rmdir(h->folder);
}

/* The client id, "metadata", or the problem. */
static const char *chosen(const struct gcp_auth_config *c)
{
    static char text[400];
    struct gcp_identity id;

    problem = (struct err){ 0 };
    if (gcp_identity_choose(&id, c, &problem))
        snprintf(text, sizeof text, "%s", problem.text);
    else if (id.credential.type == GCP_METADATA)
        snprintf(text, sizeof text, "metadata %.*s", SV_ARG(id.metadata_url));
    else
        snprintf(text, sizeof text, "%.*s quota=%.*s project=%.*s", SV_ARG(id.credential.client_id),
                 SV_ARG(id.quota_project), SV_ARG(id.project_id));
    gcp_identity_done(&id);
    printf("# %s\n", text);
    return text;
}

static bool begins(const char *text, const char *with)
{
    return sv_starts(sv_of(text), sv_of(with));
}

static void the_search_order_is_googles(void)
{
    struct gcp_auth_config c = { .environment = test_getenv };
    struct home h;

    make_home(&h);
    c.credentials_file = h.own;
    test_setenv("GOOGLE_APPLICATION_CREDENTIALS", h.named);
    OK(begins(chosen(&c), "own "));
    c.credentials_file = "";
    OK(begins(chosen(&c), "named "));
    test_setenv("GOOGLE_APPLICATION_CREDENTIALS", "");
    OK(begins(chosen(&c), "gcloud "));
    test_setenv("HOME", "/nonexistent");
    test_setenv("CLOUDSDK_CONFIG", h.gcloud);
    OK(begins(chosen(&c), "gcloud "));
    test_setenv("CLOUDSDK_CONFIG", "/nonexistent");
    OK(strcmp(chosen(&c), "metadata http://metadata.google.internal") == 0);
    test_setenv("GCE_METADATA_IP", "10.0.0.3");
    OK(strcmp(chosen(&c), "metadata http://10.0.0.3") == 0);
    test_setenv("GCE_METADATA_HOST", "127.0.0.1:9");
    OK(strcmp(chosen(&c), "metadata http://127.0.0.1:9") == 0);
    c.metadata_url = "http://127.0.0.1:8/";
    OK(strcmp(chosen(&c), "metadata http://127.0.0.1:8") == 0);
    c.metadata_url = NULL;
    test_setenv("NO_GCE_CHECK", "true");
    OK(begins(chosen(&c), "no credentials: ") && problem.code == ERR_CONFIG);
    remove_home(&h);
}

static void a_file_that_is_named_is_never_passed_over(void)
{
    struct gcp_auth_config c = { .environment = test_getenv };
    struct home h;

    make_home(&h);
    test_setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/a.json");
    OK(begins(chosen(&c), "GOOGLE_APPLICATION_CREDENTIALS /nonexistent/a.json: cannot be read") &&
       problem.code == ERR_CONFIG);
    c.credentials_file = "/nonexistent/b.json";
    OK(begins(chosen(&c), "credentials_file /nonexistent/b.json: cannot be read"));
    OK(test_file(h.file, "{\"type\":\"authorized_user\"}"));
    c.credentials_file = NULL;
    test_setenv("GOOGLE_APPLICATION_CREDENTIALS", "");
    OK(begins(chosen(&c), "gcloud's ") && strstr(problem.text, "client_id is missing"));
    remove_home(&h);
}

static void the_environment_overrules_the_files_projects(void)
{
    struct gcp_auth_config c = { .environment = test_getenv };
    struct home h;

    make_home(&h);
    c.credentials_file = h.own;
    OK(strcmp(chosen(&c), "own quota=file-quota project=") == 0);
    test_setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "env-quota");
    test_setenv("GCLOUD_PROJECT", "env-2");
    OK(strcmp(chosen(&c), "own quota=env-quota project=env-2") == 0);
    test_setenv("GOOGLE_CLOUD_PROJECT", "env-1");
    c.quota_project = "own-quota";
    OK(strcmp(chosen(&c), "own quota=own-quota project=env-1") == 0);
    c.quota_project = "a b";
    OK(strstr(chosen(&c), "quota project") != NULL);
    c.quota_project = NULL;
    test_setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "a/b");
    OK(strstr(chosen(&c), "GOOGLE_CLOUD_UNIVERSE_DOMAIN is no domain") != NULL);
    remove_home(&h);
}

int main(void)
{
    arena_init(&memory, 0);
    RUN(a_key_file_is_taken_whole);
    RUN(logins_have_their_own_endpoints);
    RUN(an_external_account_has_one_source);
    RUN(an_impersonated_account_has_a_source_of_its_own);
    RUN(what_cannot_be_used_says_why);
    RUN(only_googles_token_services_are_asked);
    RUN(the_operators_endpoint_takes_googles_place);
    RUN(another_universe_has_other_hosts);
    RUN(the_search_order_is_googles);
    RUN(a_file_that_is_named_is_never_passed_over);
    RUN(the_environment_overrules_the_files_projects);
    arena_done(&memory);
    return tap_done();
}
