/*
 * A token endpoint on loopback, as Entra's and as the metadata service's, with counters and switches; and a source_env
 * that reaches it.
 */
#ifndef TESTS_AZURE_TOKEN_SERVER_H
#define TESTS_AZURE_TOKEN_SERVER_H

#include "collector/sources/azure/azure_auth.h"

#include "tests/collector/sources/auth_loop.h"

struct token_server {
    struct http_server *http;
    struct source_env env;
    struct arena memory;
    atomic_int calls;
    atomic_int status;   /* 0: 200 */
    atomic_int failures; /* answer `status` this often, then 200; -1: for ever */
    atomic_int life_s;   /* 0: 3600 */
    struct test_hold hold;
    const char *body;     /* of failures */
    const char *identity; /* further members of a good answer */
    char seen[4096];      /* last request: method, target, body */
    char header[256];     /* and one of its headers */
    const char *header_name;
    char base[64];
};

static inline void on_token(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct token_server *s = ctx;
    int n = atomic_fetch_add(&s->calls, 1) + 1, left = s->failures;

    test_hold(&s->hold, true);
    snprintf(s->seen, sizeof s->seen, "%.*s %.*s %.*s", SV_ARG(q->method), SV_ARG(http_server_raw_target(q)),
             SV_ARG(q->body));
    if (s->header_name)
        snprintf(s->header, sizeof s->header, "%.*s", SV_ARG(http_server_header(q, s->header_name)));
    r->content_type = "application/json";
    if (left != 0) {
        s->failures = left > 0 ? left - 1 : left;
        r->status = s->status;
        buf_put(&r->body, sv_of(s->body));
        return;
    }
    buf_printf(&r->body, "{\"token_type\":\"Bearer\",\"expires_in\":%d,\"access_token\":\"token-%d\"%s}",
               s->life_s ? s->life_s : 3600, n, s->identity ? s->identity : "");
}

/* The Arc agent: a challenge first, then the token for who knows the key. */
static inline void on_arc(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct token_server *s = ctx;

    if (http_server_header(q, "authorization").len == 0) {
        r->status = 401;
        buf_printf(&r->headers, "WWW-Authenticate: Basic realm=%s\n", s->body);
        return;
    }
    on_token(ctx, q, r);
}

static const struct http_route token_routes[] = {
    { .method = "POST", .path = "/the-tenant/oauth2/v2.0/token", .body_limit_bytes = 65536, .handle = on_token },
    { .method = "GET", .path = "/metadata/identity/oauth2/token", .handle = on_token },
    { .method = "GET", .path = "/arc", .handle = on_arc },
    { .method = "*", .path = "/msi/*", .body_limit_bytes = 65536, .handle = on_token },
    { 0 },
};

static inline bool token_server_start(struct token_server *s)
{
    *s = (struct token_server){ .body = "{}" };
    s->http = loop_server(token_routes, s, false);
    if (!s->http)
        return false;
    snprintf(s->base, sizeof s->base, "http://127.0.0.1:%u", http_server_port(s->http));
    arena_init(&s->memory, 0);
    return test_env_start(&s->env, SV("azure-test"));
}

static inline void token_server_stop(struct token_server *s)
{
    http_server_stop(s->http);
    test_env_stop(&s->env);
    arena_done(&s->memory);
}

/* By client secret, which stands in the process's own environment. */
static inline struct azure_auth *token_auth(struct token_server *s)
{
    struct azure_auth_config c = { .credential = AZURE_CREDENTIAL_CLIENT_SECRET,
                                   .tenant_id = "the-tenant",
                                   .client_id = "the-client",
                                   .client_secret = { "env:TEST_AZURE_SECRET" },
                                   .authority_url = s->base,
                                   .environment = test_getenv };
    struct err e = { 0 };
    struct azure_auth *a = azure_auth_new(&c, &s->env, &e);

    if (!a)
        printf("# %s\n", e.text);
    return a;
}

static const sv token_audience = { "https://management.azure.com", 28 };

/* struct want's ask. */
static inline enum err_code token_ask(void *from, sv name, struct arena *memory, sv *got, struct err *e)
{
    return azure_token(from, name, memory, got, e);
}

#endif
