/*
 * A cloudsim inside the test program, and a client that speaks to it as a collector would: over TLS, with tokens. The
 * clock is the test's own (manual), so that answers are of one instant.
 */
#ifndef CLOUDSIM_TEST_CLIENT_H
#define CLOUDSIM_TEST_CLIENT_H

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/net/http_client.h"

#include "tests/cloudsim/azure/azure.h"
#include "tests/tap.h"

static struct sim sim;
static struct http_client *client;
static struct http_response answer;
static struct json_parser *parser;
static struct arena arena;
static char dir[] = "/tmp/cloudsim-test-XXXXXX";

/* 2026-11-24T10:00:00Z: a busy hour of a Tuesday. */
#define ORIGIN INT64_C(1795514400000000000)

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    printf("Bail out! %s\n", what);
    exit(1);
}

static inline void start_sim(struct sim_options o)
{
    struct http_client_options http = { .allow_plain = true };
    static char ca[64];
    struct err e = { .code = ERR_OK };

    must(mkdtemp(dir) != NULL, "mkdtemp");
    o.listen = "127.0.0.1:0";
    o.dir = dir;
    o.speed = 1;
    o.origin_unix_nano = ORIGIN;
    o.clouds = o.clouds ? o.clouds : CLOUD_AZURE;
    for (const struct cloud *const *c = clouds; *c; c++)
        o.count[(*c)->id] = o.count[(*c)->id] ? o.count[(*c)->id] : (*c)->count.dflt;
    must(sim_open(&sim, &o, &e) == ERR_OK, e.text);
    clock_set_manual(ORIGIN);
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    http.ca_file = ca;
    client = http_client_new(&http, &e);
    must(client != NULL, e.text);
    parser = json_parser_new(256 << 20);
    arena_init(&arena, 0);
}

/* Flat: cloudsim writes no folders. */
static inline void remove_dir(void)
{
    DIR *d = opendir(dir);
    char path[512];

    for (const struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d)) {
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        if (f->d_name[0] != '.')
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static inline void stop_sim(void)
{
    http_response_done(&answer);
    http_client_free(client);
    json_parser_free(parser);
    arena_done(&arena);
    sim_close(&sim);
    remove_dir();
}

static inline sv tls_origin(void)
{
    return arena_printf(&arena, "https://127.0.0.1:%u", http_server_port(sim.tls));
}

/* Sends and returns the status, 0 when no answer came; the body stands in `answer`. */
static inline int send_to(const char *method, sv url, sv bearer, const char *type, sv body)
{
    struct http_request q = { .method = method, .url = url, .body = body, .body_limit_bytes = 256 << 20 };
    struct err e;

    if (bearer.len)
        http_request_header(&q, SV("Authorization"), arena_printf(&arena, "Bearer %.*s", SV_ARG(bearer)));
    if (type)
        http_request_header(&q, SV("Content-Type"), sv_of(type));
    return http_do(client, &q, &answer, &e) ? 0 : answer.status;
}

static inline json parsed(void)
{
    json v = { .tape = NULL };

    if (json_parse(parser, buf_sv(&answer.body), &v, NULL))
        v.tape = NULL;
    return v;
}

static inline int post_token(const char *secret, const char *scope)
{
    const struct world *w = &azure_of(&sim)->world;
    sv url = arena_printf(&arena, "%.*s/%.*s/oauth2/v2.0/token", SV_ARG(tls_origin()), SV_ARG(w->tenant_id));
    struct buf body = { .at = NULL };
    int status;

    buf_printf(&body, "grant_type=client_credentials&client_id=%.*s&client_secret=", SV_ARG(w->client_id));
    http_escape(&body, secret ? sv_of(secret) : w->client_secret);
    buf_put(&body, SV("&scope="));
    http_escape(&body, sv_of(scope));
    status = send_to("POST", url, SV_NONE, "application/x-www-form-urlencoded", buf_sv(&body));
    buf_done(&body);
    return status;
}

static inline sv token_for(const char *audience)
{
    char scope[128];

    snprintf(scope, sizeof scope, "%s/.default", audience);
    must(post_token(NULL, scope) == 200, "no token");
    return arena_copy(&arena, json_sv(json_get(parsed(), SV("access_token"))));
}

static inline sv arm_token(void)
{
    return token_for("https://management.azure.com");
}

/* GET below the origin; `path` is percent-encoded already. */
static inline int get(sv bearer, const char *path)
{
    return send_to("GET", arena_printf(&arena, "%.*s%s", SV_ARG(tls_origin()), path), bearer, NULL, SV_NONE);
}

static inline sv error_code(void)
{
    return json_sv(json_path(parsed(), "error/code"));
}

static inline int control(const char *method, const char *path, const char *body)
{
    sv url = arena_printf(&arena, "http://127.0.0.1:%u%s", http_server_port(sim.control), path);

    return send_to(method, url, SV_NONE, body ? "application/json" : NULL, sv_of(body));
}

static inline const char *format(const char *text, ...) PRINTF_LIKE(1, 2);
static inline const char *format(const char *text, ...)
{
    char out[4096];
    va_list ap;

    va_start(ap, text);
    vsnprintf(out, sizeof out, text, ap);
    va_end(ap);
    return arena_copy(&arena, sv_of(out)).at;
}

#endif
