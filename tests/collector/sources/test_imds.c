/*
 * An EC2 instance's metadata on loopback: a session first, what is missing in words, no word of its own repeated.
 */
#include "collector/sources/imds.h"

#include "tests/collector/sources/auth_loop.h"
#include "tests/tap.h"

struct instance {
    struct http_server *http;
    struct source_env env;
    struct arena memory;
    struct imds m;
    int session_status, status; /* 0: 200 */
    const char *session, *body;
    atomic_int sessions, gets;
    char seen[128], base[64], url[128];
};

static const struct api api = { .name = "metadata", .burst = 100, .per_s = 100 };

static void on_session(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct instance *i = ctx;

    i->sessions++;
    r->status = i->session_status ? i->session_status : 200;
    if (http_server_header(q, "x-aws-ec2-metadata-token-ttl-seconds").len == 0)
        r->status = 400;
    buf_put(&r->body, sv_of(i->session));
}

static void on_get(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct instance *i = ctx;

    i->gets++;
    snprintf(i->seen, sizeof i->seen, "%.*s", SV_ARG(http_server_raw_target(q)));
    r->status = i->status ? i->status : 200;
    if (!sv_eq(http_server_header(q, "x-aws-ec2-metadata-token"), sv_of(i->session)))
        r->status = 401;
    buf_put(&r->body, sv_of(i->body));
}

static const struct http_route routes[] = {
    { .method = "PUT", .path = "/latest/api/token", .body_limit_bytes = 64, .handle = on_session },
    { .method = "GET", .path = "/latest/meta-data/*", .handle = on_get },
    { 0 },
};

static bool start(struct instance *i, sv url)
{
    *i = (struct instance){ .session = "session-1", .body = " text\n" };
    i->http = loop_server(routes, i, false);
    if (!i->http || !test_env_start(&i->env, SV("imds-test")))
        return false;
    arena_init(&i->memory, 0);
    snprintf(i->base, sizeof i->base, "http://127.0.0.1:%u", http_server_port(i->http));
    snprintf(i->url, sizeof i->url, "%s/latest/meta-data/%.*s", i->base, SV_ARG(url));
    i->m = (struct imds){ .env = &i->env, .plain = i->env.http, .api = &api, .quota = SV("q"), .arena = &i->memory };
    i->m.session_url = arena_printf(&i->memory, "%s/latest/api/token", i->base);
    return true;
}

static void stop(struct instance *i)
{
    http_server_stop(i->http);
    test_env_stop(&i->env);
    arena_done(&i->memory);
}

static void a_session_is_opened_once(void)
{
    struct instance i;
    struct err e = { 0 };
    sv text = SV_NONE;

    OK(start(&i, SV("placement/region")));
    OK(imds_get(&i.m, sv_of(i.url), "nothing", &text, &e) == ERR_OK && sv_eq(text, SV("text")));
    OK(imds_get(&i.m, sv_of(i.url), "nothing", &text, &e) == ERR_OK && i.sessions == 1 && i.gets == 2);
    OK(llabs(i.m.told_now - clock_now()) < NANO_PER_MIN);
    stop(&i);
}

static void failures_are_told_in_our_words(void)
{
    /* clang-format off */
    static const struct { int session_status, status; const char *session; enum err_code code; const char *says; } rows[] = {
        { 403, 0,   "s3cr3t",      ERR_CONFIG,    "http 403: IMDSv2 is not offered here" },
        { 404, 0,   "s3cr3t",      ERR_CONFIG,    "http 404: IMDSv2 is not offered here" },
        { 429, 0,   "s3cr3t",      ERR_THROTTLED, "http 429: passing" },
        { 0,   0,   "",            ERR_PARSE,     "an empty session token" },
        { 0,   0,   "s3cr3t\nB:c", ERR_PARSE,     "a session token that no header can hold" },
        { 0,   404, "session-1",   ERR_CONFIG,    "http 404: nothing of the kind" },
        { 0,   401, "session-1",   ERR_CONFIG,    "http 401: check the instance's metadata service" },
        { 0,   302, "session-1",   ERR_CONFIG,    "http 302" },
    };
    /* clang-format on */

    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct instance i;
        struct err e = { 0 };
        sv text;

        OK(start(&i, SV("x")));
        i.session_status = rows[n].session_status;
        i.status = rows[n].status;
        i.session = rows[n].session;
        i.body = "s3cr3t";
        OK(imds_get(&i.m, sv_of(i.url), "nothing of the kind", &text, &e) == rows[n].code);
        printf("# %s\n", e.text);
        OK(strstr(e.text, rows[n].says) && !strstr(e.text, "s3cr3t"));
        stop(&i);
    }
}

static void keys_are_those_of_the_first_role(void)
{
    struct instance i;
    struct err e = { 0 };
    sv document = SV_NONE;

    OK(start(&i, SV("iam/security-credentials/")));
    i.body = "the-role\nanother";
    OK(imds_role_keys(&i.m, sv_of(i.url), &document, &e) == ERR_OK && sv_eq(document, SV("the-role\nanother")));
    OK(strcmp(i.seen, "/latest/meta-data/iam/security-credentials/the-role") == 0 && i.gets == 2);
    i.body = "../../user-data";
    OK(imds_role_keys(&i.m, sv_of(i.url), &document, &e) == ERR_PARSE && i.gets == 3);
    i.body = "";
    OK(imds_role_keys(&i.m, sv_of(i.url), &document, &e) == ERR_PARSE);
    i.status = 404;
    OK(imds_role_keys(&i.m, sv_of(i.url), &document, &e) == ERR_CONFIG && strstr(e.text, "instance profile"));
    stop(&i);
}

static void documents_are_whole_or_refused(void)
{
    /* clang-format off */
    static const struct { const char *text; enum err_code code; const char *says; } rows[] = {
        { "{\"Code\":\"Success\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"t\",\"Expiration\":\"2026-11-20T10:00:00Z\"}", ERR_OK, "" },
        { "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", ERR_OK, "" },
        { "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"s3cr3t\"}", ERR_CONFIG, "AssumeRoleUnauthorizedAccess" },
        { "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"s3cr3t b\"}", ERR_PARSE, "access key" },
        { "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"s3cr3t\\nt\"}", ERR_PARSE, "session token" },
        { "{\"SecretAccessKey\":\"s3cr3t", ERR_PARSE, "no JSON" },
        { "{}", ERR_PARSE, "access key" },
    };
    /* clang-format on */
    struct arena a;

    arena_init(&a, 0);
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct sigv4_credentials k = { 0 };
        struct err e = { 0 };
        int64_t ends = 1;

        OK(imds_keys(sv_of(rows[n].text), &a, &k, &ends, &e) == rows[n].code && strstr(e.text, rows[n].says) &&
           !strstr(e.text, "s3cr3t"));
        OK(rows[n].code || (sv_eq(k.access_key_id, SV("a")) && (k.session_token.len > 0) == (ends > 0)));
    }
    arena_done(&a);
}

int main(void)
{
    RUN(a_session_is_opened_once);
    RUN(failures_are_told_in_our_words);
    RUN(keys_are_those_of_the_first_role);
    RUN(documents_are_whole_or_refused);
    return tap_done();
}
