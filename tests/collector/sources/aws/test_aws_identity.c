/*
 * Which credentials win: a table of environments and files with the way that they lead to, or the words of the error.
 * No call is made.
 */
#include "collector/sources/aws/aws_identity.h"

#include "tests/collector/sources/aws/sts_server.h"
#include "tests/tap.h"

#define KEYS "aws_access_key_id=k\naws_secret_access_key=s\n"

/* clang-format off */
static const struct row {
    const char *what;
    const char *variables[6];
    const char *profile, *config, *credentials;
    const char *kind;  /* NULL: an error with these words */
    const char *words;
    size_t roles;
} rows[] = {
    { "nothing at all", { 0 }, NULL, "", "", "instance metadata", NULL, 0 },
    { "credentials before config", { 0 }, NULL, "[default]\naws_access_key_id=c\naws_secret_access_key=c\n", "[default]\n" KEYS, "profile default", NULL, 0 },
    { "config alone", { 0 }, NULL, "[default]\n" KEYS, "", "profile default", NULL, 0 },
    { "half a key", { 0 }, NULL, "", "[default]\naws_access_key_id=k\n", NULL, "aws_secret_access_key is missing", 0 },
    { "half an environment", { "AWS_ACCESS_KEY_ID", "k" }, NULL, "", "", NULL, "AWS_SECRET_ACCESS_KEY is not", 0 },
    { "profile of nowhere", { 0 }, "nope", "", "[default]\n" KEYS, NULL, "profile nope is in neither file", 0 },
    { "AWS_PROFILE of nowhere", { "AWS_PROFILE", "nope" }, NULL, "", "", NULL, "profile nope is in neither file", 0 },
    { "SSO", { 0 }, "w", "[profile w]\nsso_session = x\n", "", NULL, "SSO", 0 },
    { "SSO beside keys", { 0 }, "w", "[profile w]\nsso_session = x\n", "[w]\n" KEYS, "profile w", NULL, 0 },
    { "a command", { 0 }, "w", "[profile w]\ncredential_process = /bin/x\n", "", NULL, "no command is run", 0 },
    { "web identity of a profile", { 0 }, "w", "[profile w]\nrole_arn=arn:aws:iam::1:role/r\nweb_identity_token_file=/t\n", "", "web identity", NULL, 0 },
    { "web identity without a role", { "AWS_WEB_IDENTITY_TOKEN_FILE", "/t" }, NULL, "", "", NULL, "AWS_ROLE_ARN", 0 },
    { "container before metadata", { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x" }, NULL, "", "", "container", NULL, 0 },
    { "a profile's region alone", { 0 }, "w", "[profile w]\nregion=eu-west-1\n", "", "instance metadata", NULL, 0 },
    { "a bad region", { "AWS_REGION", "evil.example/" }, NULL, "", "[default]\n" KEYS, NULL, "is no region", 0 },

    { "role by keys", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=b\n", "[b]\n" KEYS, "profile r", NULL, 1 },
    { "role of itself by its keys", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=r\n", "[r]\n" KEYS, "profile r", NULL, 1 },
    { "role by role by keys", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=b\n[profile b]\nrole_arn=b\nsource_profile=c\n", "[c]\n" KEYS, "profile r", NULL, 2 },
    { "role by web identity", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=w\n[profile w]\nrole_arn=b\nweb_identity_token_file=/t\n", "", "profile r", NULL, 1 },
    { "role by container", { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x" }, "r", "[profile r]\nrole_arn=a\ncredential_source=EcsContainer\n", "", "profile r", NULL, 1 },
    { "role by no container", { 0 }, "r", "[profile r]\nrole_arn=a\ncredential_source=EcsContainer\n", "", NULL, "has no credentials here", 0 },
    { "role by environment", { "AWS_ACCESS_KEY_ID", "k", "AWS_SECRET_ACCESS_KEY", "s" }, "r", "[profile r]\nrole_arn=a\ncredential_source=Environment\n", "", "profile r", NULL, 1 },
    { "role by metadata", { 0 }, "r", "[profile r]\nrole_arn=a\ncredential_source=Ec2InstanceMetadata\n", "", "profile r", NULL, 1 },
    { "unknown credential_source", { 0 }, "r", "[profile r]\nrole_arn=a\ncredential_source=X\n", "", NULL, "credential_source is none of", 0 },
    { "both sources", { 0 }, "r", "[profile r]\nrole_arn=a\ncredential_source=Environment\nsource_profile=b\n", "[b]\n" KEYS, NULL, "leave one out", 0 },
    { "neither source", { 0 }, "r", "[profile r]\nrole_arn=a\n", "", NULL, "neither source_profile nor", 0 },
    { "a loop", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=b\n[profile b]\nrole_arn=b\nsource_profile=r\n", "", NULL, "leads back to itself", 0 },
    { "a role of itself without keys", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=r\n", "", NULL, "leads back to itself", 0 },
    { "six roles", { 0 }, "a", "[profile a]\nrole_arn=a\nsource_profile=b\n[profile b]\nrole_arn=b\nsource_profile=c\n[profile c]\nrole_arn=c\nsource_profile=d\n[profile d]\nrole_arn=d\nsource_profile=e\n[profile e]\nrole_arn=e\nsource_profile=f\n[profile f]\nrole_arn=f\nsource_profile=g\n", "[g]\n" KEYS, NULL, "roles in a row", 0 },
    { "a source of nowhere", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=b\n", "", NULL, "source_profile b is in neither file", 0 },
    { "a source without credentials", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=b\n[profile b]\nregion=x\n", "", NULL, "has no credentials", 0 },
    { "a second factor", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=b\nmfa_serial=m\n", "[b]\n" KEYS, NULL, "mfa_serial", 0 },
    { "too short a session", { 0 }, "r", "[profile r]\nrole_arn=a\nsource_profile=b\nduration_seconds=60\n", "[b]\n" KEYS, NULL, "duration_seconds", 0 },
    { "a broken file", { 0 }, NULL, "[default]\nx\n", "", NULL, "/config:2: ", 0 },
};
/* clang-format on */

static bool fits(const struct row *r, struct sts_server *s)
{
    struct aws_auth_config c = sts_config(s);
    struct aws_identity id;
    struct err e = { 0 };
    enum err_code code;
    bool good;

    memset(test_environment, 0, sizeof test_environment);
    for (size_t i = 0; i + 1 < 6 && r->variables[i]; i += 2)
        test_setenv(r->variables[i], r->variables[i + 1]);
    c.profile = r->profile;
    c.region = NULL;
    if (!test_file(s->config, r->config) || !test_file(s->credentials, r->credentials))
        return false;
    code = aws_identity_choose(&id, &c, &e);
    if (r->kind)
        good = code == ERR_OK && sv_eq(id.kind, sv_of(r->kind)) && id.n_roles == r->roles;
    else
        good = code == ERR_CONFIG && strstr(e.text, r->words);
    if (!good)
        printf("# %s: %.*s, %zu roles, %s\n", r->what, SV_ARG(id.kind), id.n_roles, e.text);
    aws_identity_done(&id);
    return good;
}

static void the_chain_ends_where_the_table_says(void)
{
    struct sts_server s;
    size_t good = 0, n = sizeof rows / sizeof *rows;

    OK(sts_server_start(&s));
    for (size_t i = 0; i < n; i++)
        good += fits(&rows[i], &s);
    OK(good == n);
    sts_server_stop(&s);
}

static void the_samples_lead_to_their_ways(void)
{
    struct aws_auth_config c = { .config_file = "tests/data/aws/credentials/constructed/shared-config.ini",
                                 .shared_credentials_file =
                                     "tests/data/aws/credentials/constructed/shared-credentials.ini",
                                 .environment = test_getenv };
    struct aws_identity id;
    struct err e = { 0 };

    memset(test_environment, 0, sizeof test_environment);
    c.profile = "prod";
    OK(aws_identity_choose(&id, &c, &e) == ERR_OK && id.n_roles == 1 && id.way == AWS_WAY_FILE);
    OK(sv_eq(id.roles[0].external_id, SV("example-external-id")) && sv_eq(id.roles[0].session_name, SV("collector-1")));
    OK(sv_eq(id.keys.access_key_id, SV("AKIAEXAMPLEEXAMPLE02")) && sv_eq(id.keys.session_token, SV("EXAMPLEtoken")));
    aws_identity_done(&id);
    c.profile = "irsa";
    OK(aws_identity_choose(&id, &c, &e) == ERR_OK && id.way == AWS_WAY_WEB_IDENTITY &&
       sv_eq(id.web_token_file, SV("/var/run/secrets/example/token")));
    aws_identity_done(&id);
    c.profile = NULL;
    OK(aws_identity_choose(&id, &c, &e) == ERR_OK && sv_eq(id.keys.access_key_id, SV("AKIAEXAMPLEEXAMPLE01")) &&
       sv_eq(id.region, SV("us-east-1")));
    aws_identity_done(&id);
    test_setenv("AWS_REGION", "eu-west-3");
    test_setenv("AWS_USE_FIPS_ENDPOINT", "TRUE");
    test_setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy");
    OK(aws_identity_choose(&id, &c, &e) == ERR_OK && sv_eq(id.region, SV("eu-west-3")) && id.fips && id.sts_global &&
       !id.dual_stack);
    aws_identity_done(&id);
    c.config_file = "build/no/such/file";
    OK(aws_identity_choose(&id, &c, &e) == ERR_CONFIG && strstr(e.text, "build/no/such/file"));
    aws_identity_done(&id);
}

static void files_lie_in_the_home_folder(void)
{
    struct aws_auth_config c = { .environment = test_getenv };
    struct aws_identity id;
    struct sts_server s;
    char folder[128], path[256];

    OK(sts_server_start(&s));
    snprintf(folder, sizeof folder, "%s/.aws", s.folder);
    snprintf(path, sizeof path, "%s/credentials", folder);
    test_setenv("HOME", s.folder);
    OK(mkdir(folder, 0700) == 0 && test_file(path, "[default]\n" KEYS));
    OK(aws_identity_choose(&id, &c, NULL) == ERR_OK && id.way == AWS_WAY_FILE);
    aws_identity_done(&id);
    unlink(path);
    rmdir(folder);
    sts_server_stop(&s);
}

static void container_tokens_go_to_no_stranger(void)
{
    OK(aws_container_host_ok(SV("https://any.example/x")) && aws_container_host_ok(SV("http://127.1.2.3:80/x")));
    OK(aws_container_host_ok(SV("http://localhost/x")) && aws_container_host_ok(SV("http://[::1]:8/x")));
    OK(aws_container_host_ok(SV("http://169.254.170.2/x")) && aws_container_host_ok(SV("http://169.254.170.23/x")));
    OK(aws_container_host_ok(SV("http://[fd00:ec2::23]/v1/credentials")));
    OK(!aws_container_host_ok(SV("http://127.0.0.1.evil.example/")) &&
       !aws_container_host_ok(SV("http://evil.example/")));
    OK(!aws_container_host_ok(SV("http://localhost@evil.example/")) && !aws_container_host_ok(SV("ftp://127.0.0.1/")));
    OK(!aws_container_host_ok(SV("http://169.254.169.254/")) && !aws_container_host_ok(SV("")));
}

static void session_names_fit(void)
{
    struct arena a;

    arena_init(&a, 0);
    OK(sv_eq(aws_session_name("a b/c@d", &a), SV("a-b-c@d")) && sv_eq(aws_session_name("x", &a), SV("trefoil")));
    OK(sv_starts(aws_session_name(NULL, &a), SV("trefoil-")) || sv_eq(aws_session_name(NULL, &a), SV("trefoil")));
    OK(aws_session_name("1234567890123456789012345678901234567890123456789012345678901234567890", &a).len == 64);
    arena_done(&a);
}

int main(void)
{
    RUN(the_chain_ends_where_the_table_says);
    RUN(the_samples_lead_to_their_ways);
    RUN(files_lie_in_the_home_folder);
    RUN(container_tokens_go_to_no_stranger);
    RUN(session_names_fit);
    return tap_done();
}
