/*
 * Both halves of net on loopback for tests: certificates of a throw-away authority in a folder of their own, a server
 * with the routes given, and one-line requests.
 */
#ifndef TESTS_NET_LOOP_H
#define TESTS_NET_LOOP_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/net/http_client.h"
#include "collector/net/http_server.h"

static char loop_dir[64];

static inline const char *loop_path(const char *name, char out[96])
{
    snprintf(out, 96, "%s/%s", loop_dir, name);
    return out;
}

/* An authority "ca.pem", another one "other.pem", and server.pem + server.key for localhost and 127.0.0.1. */
static inline bool loop_certificates(void)
{
    static const char script[] =
        "cd \"$1\" && exec >log 2>&1 && "
        "for a in ca other; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $a.key "
        "-out $a.pem -days 2 -subj /CN=$a -addext basicConstraints=critical,CA:TRUE || exit 1; done && "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr "
        "-subj /CN=localhost && printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >ext && "
        "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out "
        "server.pem";
    int status = -1;
    pid_t pid;

    snprintf(loop_dir, sizeof loop_dir, "/tmp/trefoil-net-XXXXXX");
    if (!mkdtemp(loop_dir))
        return false;
    pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", script, "sh", loop_dir, (char *)NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline void loop_cleanup(void)
{
    static const char *const files[] = { "log",        "ca.key",     "ca.pem", "other.key", "other.pem", "server.key",
                                         "server.csr", "server.pem", "ext",    "ca.srl",    "bad.pem" };
    char path[96];

    if (!loop_dir[0])
        return;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(loop_path(files[i], path));
    rmdir(loop_dir);
}

static inline struct http_server *loop_server(const struct http_route *routes, void *ctx, bool tls)
{
    struct http_server_options o = { .listen = "127.0.0.1:0" };
    char cert[96], key[96];
    struct err e = { 0 };
    struct http_server *s;

    if (tls) {
        o.tls_cert_file = loop_path("server.pem", cert);
        o.tls_key_file = loop_path("server.key", key);
    }
    s = http_server_start(&o, routes, ctx, &e);
    if (!s)
        printf("# server: %s\n", e.text);
    return s;
}

static inline struct http_client *loop_client(const char *ca)
{
    char path[96];
    struct http_client_options o = { .ca_file = ca ? loop_path(ca, path) : NULL, .allow_plain = true };
    struct err e = { 0 };
    struct http_client *c = http_client_new(&o, &e);

    if (!c)
        printf("# client: %s\n", e.text);
    return c;
}

/* A request to the server under test; `q` may hold headers, body and limits already. */
static inline enum err_code loop_do(struct http_client *c, const struct http_server *s, bool tls, const char *path,
                                    struct http_request *q, struct http_response *r, struct err *e)
{
    char url[2048];

    snprintf(url, sizeof url, "%s://127.0.0.1:%u%s", tls ? "https" : "http", http_server_port(s), path);
    q->url = sv_of(url);
    q->method = q->method ? q->method : "GET";
    e->text[0] = '\0';
    return http_do(c, q, r, e);
}

#endif
