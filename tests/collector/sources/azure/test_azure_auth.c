/*
 * Tokens: the pure parts over tables and recorded answers; then choice, cache and failures against a token endpoint on
 * loopback, with the clock moved by hand.
 */
#include "tests/collector/sources/azure/token_server.h"
#include "tests/tap.h"

static struct arena memory;
static const int64_t now = INT64_C(1795168800000000000); /* 2026-11-20T10:00:00Z */

static sv file(const char *path, struct buf *b)
{
    struct err e = { 0 };

    buf_clear(b);
    if (buf_read_file(b, path, 1 << 20, &e))
        printf("# %s\n", e.text);
    return buf_sv(b);
}

/* ---- Pure ---- */

static void answers_in_all_dialects_are_understood(void)
{
    /* clang-format off */
    static const struct { const char *file, *body; int64_t life_s, renew_s; } rows[] = {
        { "synthetic_token_v2.json",                  NULL, 3599,  3299 },
        { "synthetic_token_v2_refresh_in.json",       NULL, 86399, 43199 },
        { "synthetic_token_appservice.json",          NULL, 3600,  3300 },
        { "synthetic_token_appservice_text_date.json", NULL, 3600, 3300 },
        { NULL, "{\"access_token\":\"t\",\"expires_in\":\"3600\"}",                                    3600, 3300 },
        { NULL, "{\"access_token\":\"t\",\"expires_in\":28800}",                                       28800, 14400 }, /* half-life above 2 h */
        { NULL, "{\"access_token\":\"t\",\"expires_in\":400}",                                         400, 200 },
        { NULL, "{\"access_token\":\"t\",\"expires_on\":1795172400,\"expires_in\":\"99\"}",            3600, 3300 },
        { NULL, "{\"access_token\":\"t\",\"expires_on\":\"2026-11-20 11:00:00\"}",                     3600, 3300 },
        { NULL, "{\"access_token\":\"t\",\"expires_on\":\"2026-11-20T11:00:00Z\"}",                    3600, 3300 },
        { NULL, "{\"access_token\":\"t\",\"expires_on\":\"2026-11-20T12:00:00+01:00\"}",               3600, 3300 },
        { NULL, "{\"access_token\":\"t\",\"expires_on\":\"11/20/2026 11:00:00 +00:00\"}",              3600, 3300 },
        { NULL, "{\"access_token\":\"t\",\"expires_on\":\"tomorrow\",\"expires_in\":1800}",            1800, 1500 },
        { NULL, "{\"access_token\":\"t\"}",                                                            300, 150 },
        { NULL, "{\"access_token\":\"t\",\"expires_on\":1}",                                           30, 15 },      /* over already */
        { NULL, "{\"access_token\":\"t\",\"expires_in\":9000000000}",                                  86400, 43200 },
        { NULL, "{\"access_token\":\"t\",\"expires_on\":9223372036854775807,\"expires_in\":60}",       60, 30 },
        { NULL, "{\"access_token\":\"t\",\"expires_in\":3600,\"refresh_in\":7200}",                    3600, 3300 },
    };
    /* clang-format on */
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct azure_token_answer t = { 0 };
        struct err e = { 0 };
        char path[200];

        snprintf(path, sizeof path, "tests/data/azure/%s", rows[i].file ? rows[i].file : "");
        printf("# %s\n", rows[i].file ? rows[i].file : rows[i].body);
        OK(azure_token_decode(rows[i].file ? file(path, &b) : sv_of(rows[i].body), now, &memory, &t, &e) == ERR_OK);
        OK(t.token.len && t.life_ms == rows[i].life_s * 1000 && t.renew_ms == rows[i].renew_s * 1000);
    }
    buf_done(&b);
}

static void what_is_no_token_is_an_error_without_its_text(void)
{
    static const char *const bodies[] = { "",
                                          "{}",
                                          "[]",
                                          "null",
                                          "<html>SECRET</html>",
                                          "{\"access_token\":5}",
                                          "{\"access_token\":\"\"}",
                                          "{\"access_token\":\"SECRET\\r\\nX: y\"}",
                                          "{\"access_token\":\"SECRET\",",
                                          "\"SECRET\"" };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct azure_token_answer t = { 0 };
        struct err e = { 0 };

        OK(azure_token_decode(sv_of(bodies[i]), now, &memory, &t, &e) == ERR_PARSE);
        OK(t.token.at == NULL && e.text[0] && !strstr(e.text, "SECRET"));
    }
}

static void failures_name_code_trace_and_remedy(void)
{
    struct err e = { 0 };
    struct buf b;

    buf_init(&b, 0);
    OK(azure_token_error(file("tests/data/azure/synthetic_token_error_invalid_client.json", &b), 401, &e) ==
       ERR_CONFIG);
    OK(strstr(e.text, "AADSTS7000215") && strstr(e.text, "00000000-0000-0000-0000-0000000000c3") &&
       strstr(e.text, "not its id"));
    OK(azure_token_error(file("tests/data/azure/synthetic_token_error_imds_no_identity.json", &b), 400, &e) ==
       ERR_CONFIG);
    OK(strstr(e.text, "assigned to this machine"));
    OK(azure_token_error(
           SV("{\"error\":\"invalid_request\",\"error_description\":\"AADSTS70021: No matching federated identity "
              "record found. Assertion Subject: 'system:SECRET'\\r\\nTrace ID: x\"}"),
           400, &e) == ERR_CONFIG);
    OK(strstr(e.text, "AADSTS70021") && strstr(e.text, "federated credential") && !strstr(e.text, "SECRET"));
    OK(azure_token_error(SV("<html>502 SECRET"), 502, &e) == ERR_RETRY);
    OK(!strstr(e.text, "SECRET"));
    OK(azure_token_error(SV(""), 429, &e) == ERR_THROTTLED);
    OK(azure_token_error(SV("{\"error\":\"temporarily_unavailable\"}"), 400, &e) == ERR_RETRY);
    OK(azure_token_error(SV("{\"error\":{\"code\":\"x\"},\"trace_id\":7,\"error_codes\":\"no\"}"), 403, &e) ==
       ERR_CONFIG);
    buf_done(&b);
}

static void forms_are_encoded(void)
{
    struct buf b;

    buf_init(&b, 0);
    azure_token_form(&b, SV("id"), SV("a+b&c=~/"), SV_NONE, SV("https://x.y/"));
    OK(sv_eq(buf_sv(&b), SV("grant_type=client_credentials&client_id=id&client_secret=a%2Bb%26c%3D~%2F&scope=https%3A%"
                            "2F%2Fx.y%2F%2F.default")));
    buf_clear(&b);
    azure_token_form(&b, SV("id"), SV_NONE, SV("e.y.J"), SV("https://x.y"));
    OK(sv_eq(buf_sv(&b), SV("grant_type=client_credentials&client_id=id&client_assertion_type=urn%3Aietf%3Aparams%"
                            "3Aoauth%3Aclient-assertion-"
                            "type%3Ajwt-bearer&client_assertion=e.y.J&scope=https%3A%2F%2Fx.y%2F.default")));
    buf_done(&b);
}

static void only_arcs_own_key_files_are_opened(void)
{
    static const struct {
        const char *header;
        bool good;
    } rows[] = {
        { "Basic realm=/var/opt/azcmagent/tokens/00000000-0000-0000-0000-0000000000cc.key", true },
        { "basic realm=\"/var/opt/azcmagent/tokens/a.key\"", true },
        { "Basic realm=/var/opt/azcmagent/tokens/../../../etc/shadow.key", false },
        { "Basic realm=/var/opt/azcmagent/tokens/sub/a.key", false },
        { "Basic realm=/var/opt/azcmagent/tokens/a.txt", false },
        { "Basic realm=/var/opt/azcmagent/tokens/.key", false },
        { "Basic realm=/var/opt/azcmagent/tokens2/a.key", false },
        { "Basic realm=/etc/shadow", false },
        { "Bearer realm=/var/opt/azcmagent/tokens/a.key", false },
        { "Basic realm=", false },
        { "", false },
    };
    sv path;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        OK(azure_arc_key_file(sv_of(rows[i].header), SV("/var/opt/azcmagent/tokens"), &path) == rows[i].good);
}

/* ---- Choice ---- */

static const char *kind_of(const struct azure_auth_config *c, struct err *e)
{
    static char text[100];
    struct azure_auth *a = azure_auth_new(c, NULL, e);

    snprintf(text, sizeof text, "%s", a ? azure_auth_kind(a) : "none");
    azure_auth_free(a);
    return text;
}

static void the_environment_decides(void)
{
    /* clang-format off */
    static const struct { const char *kind, *vars[9]; } rows[] = {
        { "client secret",     { "AZURE_CLIENT_SECRET", "s", "AZURE_TENANT_ID", "t", "AZURE_CLIENT_ID", "c", "AZURE_FEDERATED_TOKEN_FILE", "f" } },
        { "workload identity", { "AZURE_TENANT_ID", "t", "AZURE_CLIENT_ID", "c", "AZURE_FEDERATED_TOKEN_FILE", "f" } },
        { "none",              { "AZURE_CLIENT_ID", "c", "AZURE_FEDERATED_TOKEN_FILE", "f" } },
        { "none",              { "AZURE_TENANT_ID", "a/b", "AZURE_CLIENT_ID", "c", "AZURE_FEDERATED_TOKEN_FILE", "f" } },
        { "none",              { "AZURE_CLIENT_CERTIFICATE_PATH", "p" } },
        { "managed identity (App Service)", { "IDENTITY_ENDPOINT", "http://x", "IDENTITY_HEADER", "h" } },
        { "none",              { "IDENTITY_ENDPOINT", "http://x", "IDENTITY_HEADER", "h", "IDENTITY_SERVER_THUMBPRINT", "t" } },
        { "managed identity (Azure ML)",    { "MSI_ENDPOINT", "http://x", "MSI_SECRET", "h" } },
        { "managed identity (Cloud Shell)", { "MSI_ENDPOINT", "http://x" } },
        { "none",                           { "MSI_ENDPOINT", "http://x", "AZURE_CLIENT_ID", "c" } }, /* cannot be selected there */
        { "managed identity (Azure Arc)",   { "IDENTITY_ENDPOINT", "http://x", "IMDS_ENDPOINT", "h" } },
        { "managed identity (IMDS)",        { "AZURE_CLIENT_ID", "c" } },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct azure_auth_config c = { .environment = test_getenv };
        struct err e = { 0 };

        memset(test_environment, 0, sizeof test_environment);
        memcpy(test_environment, rows[i].vars, sizeof rows[i].vars);
        printf("# %s\n", rows[i].kind);
        OK(strcmp(kind_of(&c, &e), rows[i].kind) == 0);
        OK(strcmp(rows[i].kind, "none") != 0 || (e.code == ERR_CONFIG && e.text[0]));
    }
    memset(test_environment, 0, sizeof test_environment);
}

/* ---- Against a server ---- */

static enum err_code get(struct token_server *s, struct azure_auth *a, sv *bearer, struct err *e)
{
    *e = (struct err){ 0 };
    return azure_token(a, token_audience, &s->memory, bearer, e);
}

static bool got(struct token_server *s, struct azure_auth *a, const char *want)
{
    struct err e;
    sv bearer = SV_NONE;
    enum err_code code = get(s, a, &bearer, &e);

    if (code || !sv_eq(bearer, sv_of(want)))
        printf("# %s %.*s %s\n", err_name(code), SV_ARG(bearer), e.text);
    return code == ERR_OK && sv_eq(bearer, sv_of(want));
}

static void a_token_is_kept_per_audience_and_renewed_ahead(void)
{
    struct token_server s;
    struct azure_auth *a;
    struct err e = { 0 };
    sv other;

    OK(token_server_start(&s));
    a = token_auth(&s);
    OK(got(&s, a, "token-1") && got(&s, a, "token-1") && s.calls == 1);
    OK(strstr(s.seen, "client_secret=s3cr3t%26") &&
       strstr(s.seen, "scope=https%3A%2F%2Fmanagement.azure.com%2F.default"));
    OK(azure_token(a, SV("https://api.loganalytics.io"), &s.memory, &other, &e) == ERR_OK &&
       sv_eq(other, SV("token-2")));
    OK(got(&s, a, "token-1") && s.calls == 2);
    clock_advance((3300 - 166) * NANO_PER_S); /* a twentieth earlier at most */
    OK(got(&s, a, "token-1"));
    clock_advance(167 * NANO_PER_S);
    OK(got(&s, a, "token-3") && s.calls == 3);
    azure_auth_free(a);
    token_server_stop(&s);
}

static void while_renewal_fails_the_old_token_serves(void)
{
    struct token_server s;
    struct azure_auth *a;
    struct err e;
    sv bearer;

    OK(token_server_start(&s));
    a = token_auth(&s);
    OK(got(&s, a, "token-1"));
    s.status = 400;
    s.failures = -1;
    s.body = "{\"error\":\"invalid_client\",\"error_codes\":[7000222],\"trace_id\":\"t-1\",\"error_description\":"
             "\"s3cr3t&\"}";
    clock_advance(3400 * NANO_PER_S);
    OK(got(&s, a, "token-1") && s.calls == 2);
    OK(got(&s, a, "token-1") && s.calls == 2); /* not asked again at once */
    clock_advance(61 * NANO_PER_S);
    OK(got(&s, a, "token-1") && s.calls == 3);
    clock_advance(200 * NANO_PER_S);
    OK(get(&s, a, &bearer, &e) == ERR_CONFIG && s.calls == 4); /* over */
    OK(strstr(e.text, "AADSTS7000222") && strstr(e.text, "t-1") && strstr(e.text, "client secret") &&
       !strstr(e.text, "s3cr3t"));
    OK(get(&s, a, &bearer, &e) == ERR_CONFIG && s.calls == 4 && strstr(e.text, "AADSTS7000222"));
    s.failures = 0;
    clock_advance(301 * NANO_PER_S);
    OK(got(&s, a, "token-5"));
    azure_auth_free(a);
    token_server_stop(&s);
}

static void a_refused_token_is_renewed_once(void)
{
    struct token_server s;
    struct azure_auth *a;

    OK(token_server_start(&s));
    a = token_auth(&s);
    OK(got(&s, a, "token-1"));
    azure_token_refused(a, token_audience, SV("token-0")); /* somebody's old one */
    OK(got(&s, a, "token-1"));
    azure_token_refused(a, SV("https://elsewhere"), SV("token-1"));
    OK(got(&s, a, "token-1"));
    azure_token_refused(a, token_audience, SV("token-1"));
    OK(got(&s, a, "token-2"));
    azure_token_refused(a, token_audience, SV("token-2"));
    OK(got(&s, a, "token-2") && s.calls == 2); /* the token is not what is wrong */
    clock_advance(301 * NANO_PER_S);
    azure_token_refused(a, token_audience, SV("token-2"));
    OK(got(&s, a, "token-3"));
    azure_auth_free(a);
    token_server_stop(&s);
}

static void throttling_waits_as_long_as_told(void)
{
    struct token_server s;
    struct azure_auth *a;
    struct err e;
    sv bearer;

    OK(token_server_start(&s));
    a = token_auth(&s);
    s.status = 429;
    s.failures = 1;
    s.body = "{\"error\":\"temporarily_unavailable\",\"error_description\":\"try again after '17' seconds\"}";
    OK(get(&s, a, &bearer, &e) == ERR_THROTTLED && e.retry_after_ms == 17000);
    clock_advance(16 * NANO_PER_S);
    OK(get(&s, a, &bearer, &e) == ERR_THROTTLED && s.calls == 1);
    clock_advance(2 * NANO_PER_S);
    OK(got(&s, a, "token-2"));
    azure_auth_free(a);
    token_server_stop(&s);
}

static void a_dead_endpoint_is_passing_and_html_is_not(void)
{
    struct token_server s;
    struct azure_auth *a;
    struct err e;
    sv bearer;

    OK(token_server_start(&s));
    a = token_auth(&s);
    s.status = 500;
    s.failures = 3;
    s.body = "<html>";
    OK(get(&s, a, &bearer, &e) == ERR_RETRY && s.calls == 3);
    clock_advance(3 * NANO_PER_S);
    s.status = 404;
    s.failures = 1;
    OK(get(&s, a, &bearer, &e) == ERR_CONFIG && strstr(e.text, "authority"));
    clock_advance(NANO_PER_H);
    s.status = 200;
    s.failures = 1;
    OK(get(&s, a, &bearer, &e) == ERR_PARSE);
    azure_auth_free(a);
    token_server_stop(&s);
}

static void the_federated_token_is_read_for_every_request(void)
{
    char path[] = "/tmp/trefoil-token-XXXXXX";
    int fd = mkstemp(path);
    struct token_server s;
    struct err e = { 0 };
    struct azure_auth *a;
    sv bearer;

    OK(fd >= 0 && write(fd, "first.one\n", 10) == 10 && token_server_start(&s));
    test_environment[0] = "AZURE_FEDERATED_TOKEN_FILE", test_environment[1] = path;
    test_environment[2] = "AZURE_AUTHORITY_HOST", test_environment[3] = s.base;
    test_environment[4] = "AZURE_CLIENT_ID", test_environment[5] = "the-client";
    test_environment[6] = "AZURE_TENANT_ID", test_environment[7] = "the-tenant";
    a = azure_auth_new(&(struct azure_auth_config){ .environment = test_getenv }, &s.env, &e);
    OK(a && got(&s, a, "token-1") && strstr(s.seen, "client_assertion=first.one&"));
    OK(ftruncate(fd, 0) == 0 && pwrite(fd, "second.one", 10, 0) == 10);
    azure_token_refused(a, token_audience, SV("token-1"));
    OK(got(&s, a, "token-2") && strstr(s.seen, "client_assertion=second.one&"));
    unlink(path);
    clock_advance(NANO_PER_H);
    OK(get(&s, a, &bearer, &e) == ERR_CONFIG && strstr(e.text, path) && s.calls == 2);
    close(fd);
    azure_auth_free(a);
    token_server_stop(&s);
}

static void managed_identities_are_asked_in_their_own_ways(void)
{
    /* clang-format off */
    static const struct { const char *vars[8], *client, *object, *resource, *header, *value, *seen; } rows[] = {
        { { NULL }, NULL, NULL, NULL, "Metadata", "true",
          "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com " },
        { { NULL }, "c", NULL, NULL, "Metadata", "true",
          "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com&client_id=c " },
        { { NULL }, NULL, NULL, "/sub/x", "Metadata", "true",
          "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com&msi_res_id=%2Fsub%2Fx " },
        { { "IDENTITY_ENDPOINT", "/msi/token", "IDENTITY_HEADER", "h-1" }, NULL, NULL, "/sub/x", "X-IDENTITY-HEADER", "h-1",
          "GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com&mi_res_id=%2Fsub%2Fx " },
        { { "IDENTITY_ENDPOINT", "/msi/token?x=1", "IDENTITY_HEADER", "h-1" }, NULL, "o", NULL, "X-IDENTITY-HEADER", "h-1",
          "GET /msi/token?x=1&api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com&object_id=o " },
        { { "MSI_ENDPOINT", "/msi/ml", "MSI_SECRET", "m-1" }, "c", NULL, NULL, "secret", "m-1",
          "GET /msi/ml?api-version=2017-09-01&resource=https%3A%2F%2Fmanagement.azure.com&clientid=c " },
        { { "MSI_ENDPOINT", "/msi/shell" }, NULL, NULL, NULL, "Metadata", "true",
          "POST /msi/shell resource=https%3A%2F%2Fmanagement.azure.com" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct azure_auth_config c = { .credential = AZURE_CREDENTIAL_MANAGED_IDENTITY,
                                       .client_id = rows[i].client,
                                       .identity_object_id = rows[i].object,
                                       .identity_resource_id = rows[i].resource,
                                       .environment = test_getenv };
        struct token_server s;
        struct err e = { 0 };
        struct azure_auth *a;
        char url[128];

        OK(token_server_start(&s));
        memcpy(test_environment, rows[i].vars, sizeof rows[i].vars);
        snprintf(url, sizeof url, "%s%s", s.base, rows[i].vars[1] ? rows[i].vars[1] : "");
        if (rows[i].vars[0])
            test_environment[1] = url;
        else
            c.imds_url = s.base;
        s.header_name = rows[i].header;
        a = azure_auth_new(&c, &s.env, &e);
        OK(a && got(&s, a, "token-1"));
        OK(strcmp(s.seen, rows[i].seen) == 0 && strcmp(s.header, rows[i].value) == 0);
        printf("# %s | %s\n", s.seen, s.header);
        azure_auth_free(a);
        token_server_stop(&s);
    }
}

static struct azure_auth *arc_auth(struct token_server *s, const char *directory, const char *client, char url[128])
{
    struct azure_auth_config c = { .credential = AZURE_CREDENTIAL_MANAGED_IDENTITY,
                                   .client_id = client,
                                   .arc_key_directory = directory,
                                   .environment = test_getenv };
    struct err e = { 0 };

    snprintf(url, 128, "%s/arc", s->base);
    test_environment[0] = "IDENTITY_ENDPOINT", test_environment[1] = url;
    test_environment[2] = "IMDS_ENDPOINT", test_environment[3] = s->base;
    s->header_name = "authorization";
    return azure_auth_new(&c, &s->env, &e);
}

static void arc_is_answered_with_its_key(void)
{
    char directory[] = "/tmp/trefoil-arc-XXXXXX", path[64], url[128];
    struct token_server s;
    struct azure_auth *a;
    struct err e;
    sv bearer;
    FILE *f;

    OK(mkdtemp(directory) && token_server_start(&s));
    snprintf(path, sizeof path, "%s/a.key", directory);
    f = fopen(path, "w");
    OK(f && fputs("k3y", f) >= 0 && fclose(f) == 0);
    s.body = path;
    a = arc_auth(&s, directory, NULL, url);
    OK(a && got(&s, a, "token-1") && strcmp(s.header, "Basic k3y") == 0);
    azure_auth_free(a);
    a = arc_auth(&s, directory, "wanted", url); /* an old agent answers without looking at the selector */
    OK(get(&s, a, &bearer, &e) == ERR_CONFIG && strstr(e.text, "another identity"));
    s.identity = ",\"client_id\":\"WANTED\"";
    clock_advance(NANO_PER_H);
    OK(got(&s, a, "token-3"));
    azure_auth_free(a);
    s.body = "/etc/passwd";
    a = arc_auth(&s, directory, NULL, url);
    OK(get(&s, a, &bearer, &e) == ERR_CONFIG && strstr(e.text, "names no key file") && s.calls == 3);
    azure_auth_free(a);
    unlink(path);
    rmdir(directory);
    token_server_stop(&s);
}

static void a_service_that_wakes_up_is_waited_for(void)
{
    struct azure_auth_config c = { .credential = AZURE_CREDENTIAL_MANAGED_IDENTITY, .environment = test_getenv };
    struct token_server s;
    struct err e = { 0 };
    struct azure_auth *a;

    clock_set_system();
    clock_set_scale((struct clock_scale){ .anchor_unix_nano = clock_now(), .origin_unix_nano = now, .speed = 100 });
    OK(token_server_start(&s));
    c.imds_url = s.base;
    s.status = 404;
    s.failures = 2;
    a = azure_auth_new(&c, &s.env, &e);
    OK(a && got(&s, a, "token-3"));
    azure_auth_free(a);
    token_server_stop(&s);
    clock_set_manual(now);
}

int main(void)
{
    setenv("TEST_AZURE_SECRET", "s3cr3t&", 1);
    arena_init(&memory, 0);
    clock_set_manual(now);
    RUN(answers_in_all_dialects_are_understood);
    RUN(what_is_no_token_is_an_error_without_its_text);
    RUN(failures_name_code_trace_and_remedy);
    RUN(forms_are_encoded);
    RUN(only_arcs_own_key_files_are_opened);
    RUN(the_environment_decides);
    RUN(a_token_is_kept_per_audience_and_renewed_ahead);
    RUN(while_renewal_fails_the_old_token_serves);
    RUN(a_refused_token_is_renewed_once);
    RUN(throttling_waits_as_long_as_told);
    RUN(a_dead_endpoint_is_passing_and_html_is_not);
    RUN(the_federated_token_is_read_for_every_request);
    RUN(managed_identities_are_asked_in_their_own_ways);
    RUN(arc_is_answered_with_its_key);
    RUN(a_service_that_wakes_up_is_waited_for);
    arena_done(&memory);
    return tap_done();
}
