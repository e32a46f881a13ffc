/*
 * STS, the instance metadata and a container agent on loopback, with counters and switches; a source_env that reaches
 * them; an environment and shared files of the test's own.
 */
#ifndef TESTS_AWS_STS_SERVER_H
#define TESTS_AWS_STS_SERVER_H

#include <sys/stat.h>
#include <time.h>

#include "collector/sources/aws/aws_auth.h"

#include "tests/collector/sources/auth_loop.h"

#define OWN_ACCOUNT "111111111111"

struct sts_server {
    struct http_server *http;
    struct source_env env;
    struct arena memory;
    atomic_int assumed, web, callers, imds, containers; /* calls */
    atomic_int failures; /* the next so many STS answers are `status` and `body`; -1: all */
    atomic_int status;
    const char *body;
    const char *only; /* failures and holds only for requests that have this */
    struct test_hold hold;
    atomic_int life_s; /* 0: 3600 */
    atomic_int imds_life_s;
    const char *role_list;                /* NULL: one role */
    atomic_int imds_status;               /* of the PUT; 0: 200 */
    char form[4096], authorization[1024]; /* of the last STS request */
    char token[256];                      /* X-Amz-Security-Token of it, Authorization of a container's */
    char base[64];
    char folder[64], credentials[96], config[96], web_token[96];
};

/* Real time, as the Date header has it. */
static inline void sts_expiration(struct buf *b, int life_s)
{
    buf_time(b, ((int64_t)time(NULL) + life_s) * NANO_PER_S, 0);
}

static inline void sts_credentials(struct sts_server *s, const char *operation, int n, sv form,
                                   struct http_server_response *r)
{
    char account[13] = OWN_ACCOUNT;
    const char *at = form.len ? memmem(form.at, form.len, "iam%3A%3A", 9) : NULL;

    if (at)
        snprintf(account, sizeof account, "%.12s", at + 9);
    buf_printf(&r->body,
               "<%sResponse><%sResult><Credentials><AccessKeyId>ASIA%s%d</AccessKeyId><SecretAccessKey>sEcReT%d"
               "</SecretAccessKey><SessionToken>tOkEn%d</SessionToken><Expiration>",
               operation, operation, account, n, n, n);
    sts_expiration(&r->body, s->life_s ? s->life_s : 3600);
    buf_printf(&r->body, "</Expiration></Credentials></%sResult></%sResponse>", operation, operation);
}

static inline void on_sts(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct sts_server *s = ctx;
    bool meant = !s->only || sv_has(q->body, sv_of(s->only));
    int left = s->failures, n = 0;

    snprintf(s->form, sizeof s->form, "%.*s", SV_ARG(q->body));
    snprintf(s->authorization, sizeof s->authorization, "%.*s", SV_ARG(http_server_header(q, "authorization")));
    snprintf(s->token, sizeof s->token, "%.*s", SV_ARG(http_server_header(q, "x-amz-security-token")));
    if (sv_has(q->body, SV("Action=AssumeRole&")))
        n = ++s->assumed;
    if (sv_has(q->body, SV("Action=AssumeRoleWithWebIdentity&")))
        n = ++s->web;
    if (sv_has(q->body, SV("Action=GetCallerIdentity&")))
        s->callers++;
    test_hold(&s->hold, meant);
    r->content_type = "text/xml";
    if (meant && left != 0) {
        s->failures = left > 0 ? left - 1 : left;
        r->status = s->status;
        buf_put(&r->body, sv_of(s->body));
    } else if (sv_has(q->body, SV("GetCallerIdentity"))) {
        buf_put(&r->body, SV("<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::" OWN_ACCOUNT
                             ":user/collector</Arn><Account>" OWN_ACCOUNT
                             "</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"));
    } else {
        sts_credentials(s, sv_has(q->body, SV("WebIdentityToken")) ? "AssumeRoleWithWebIdentity" : "AssumeRole", n,
                        q->body, r);
    }
}

static inline void sts_document(struct sts_server *s, const char *id, int n, struct http_server_response *r)
{
    buf_printf(&r->body,
               "{\"Code\":\"Success\",\"AccessKeyId\":\"%s%d\",\"SecretAccessKey\":\"sEcReT\",\"Token\":\"tOkEn\","
               "\"Expiration\":\"",
               id, n);
    sts_expiration(&r->body, s->imds_life_s ? s->imds_life_s : 6 * 3600);
    buf_put(&r->body, SV("\"}"));
}

static inline void on_imds(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct sts_server *s = ctx;
    sv target = http_server_raw_target(q);

    if (sv_eq(q->method, SV("PUT"))) {
        r->status = s->imds_status ? s->imds_status : 200;
        if (http_server_header(q, "x-aws-ec2-metadata-token-ttl-seconds").len == 0)
            r->status = 400;
        buf_put(&r->body, SV("session-1"));
    } else if (!sv_eq(http_server_header(q, "x-aws-ec2-metadata-token"), SV("session-1"))) {
        r->status = 401;
    } else if (sv_ends(target, SV("/security-credentials/"))) {
        if (s->role_list && !*s->role_list)
            r->status = 404;
        buf_put(&r->body, sv_of(s->role_list ? s->role_list : "the-role\n"));
    } else if (sv_ends(target, SV("/security-credentials/the-role"))) {
        sts_document(s, "ASIAIMDS", ++s->imds, r);
    } else if (sv_ends(target, SV("/placement/region"))) {
        buf_put(&r->body, SV("eu-north-1"));
    } else {
        r->status = 404;
    }
}

static inline void on_container(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct sts_server *s = ctx;

    snprintf(s->token, sizeof s->token, "%.*s", SV_ARG(http_server_header(q, "authorization")));
    sts_document(s, "ASIATASK", ++s->containers, r);
}

static const struct http_route sts_routes[] = {
    { .method = "POST", .path = "/", .body_limit_bytes = 65536, .handle = on_sts },
    { .method = "PUT", .path = "/latest/api/token", .body_limit_bytes = 64, .handle = on_imds },
    { .method = "GET", .path = "/latest/meta-data/*", .handle = on_imds },
    { .method = "GET", .path = "/task/*", .handle = on_container },
    { 0 },
};

static inline bool sts_server_start(struct sts_server *s)
{
    *s = (struct sts_server){ .body = "" };
    s->http = loop_server(sts_routes, s, false);
    if (!s->http)
        return false;
    snprintf(s->base, sizeof s->base, "http://127.0.0.1:%u", http_server_port(s->http));
    snprintf(s->folder, sizeof s->folder, "/tmp/trefoil-aws-XXXXXX");
    if (!mkdtemp(s->folder))
        return false;
    snprintf(s->credentials, sizeof s->credentials, "%s/credentials", s->folder);
    snprintf(s->config, sizeof s->config, "%s/config", s->folder);
    snprintf(s->web_token, sizeof s->web_token, "%s/token", s->folder);
    arena_init(&s->memory, 0);
    return test_env_start(&s->env, SV("aws-test")) && test_file(s->credentials, "") && test_file(s->config, "") &&
           test_file(s->web_token, "");
}

static inline void sts_server_stop(struct sts_server *s)
{
    http_server_stop(s->http);
    test_env_stop(&s->env);
    arena_done(&s->memory);
    unlink(s->credentials);
    unlink(s->config);
    unlink(s->web_token);
    rmdir(s->folder);
}

/* Static keys in the shared file, a role in the other accounts. */
static inline struct aws_auth_config sts_config(const struct sts_server *s)
{
    return (struct aws_auth_config){ .shared_credentials_file = s->credentials,
                                     .config_file = s->config,
                                     .region = "eu-central-1",
                                     .role_arn = "arn:{partition}:iam::{account}:role/trefoil-read",
                                     .external_id = { "env:TEST_AWS_EXTERNAL_ID" },
                                     .session_name = "trefoil-test",
                                     .endpoint_url = s->base,
                                     .imds_url = s->base,
                                     .environment = test_getenv };
}

static inline struct aws_auth *sts_auth(struct sts_server *s)
{
    struct aws_auth_config c = sts_config(s);
    struct err e = { 0 };
    struct aws_auth *a;

    if (!test_file(s->credentials, "[default]\naws_access_key_id = AKIAOWN\naws_secret_access_key = sEcReTown\n"))
        return NULL;
    a = aws_auth_new(&c, &s->env, &e);
    if (!a)
        printf("# %s\n", e.text);
    return a;
}

/* struct want's ask. */
static inline enum err_code sts_ask(void *from, sv account, struct arena *memory, sv *got, struct err *e)
{
    struct sigv4_credentials c;
    enum err_code code = aws_auth_get(from, account, memory, &c, e);

    if (!code)
        *got = c.access_key_id;
    return code;
}

#endif
