/*
 * Both halves of net on loopback for tests: certificates of a throw-away authority in a folder of their own, a server
 * with the routes given, and one-line requests. For what our own server would never say there is struct canned, a
 * thread that answers everything with the same bytes, and loop_raw, which sends bytes that our client would never send.
 */
#ifndef TESTS_NET_LOOP_H
#define TESTS_NET_LOOP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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

static inline struct sockaddr_in loop_address(unsigned port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static inline int loop_connect(unsigned port)
{
    struct sockaddr_in a = loop_address(port);
    struct timeval patience = { .tv_sec = 10 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Sends `bytes` as they are and reads until the server closes (10 s at most). */
static inline sv loop_raw(unsigned port, sv bytes, struct buf *out)
{
    int fd = loop_connect(port);
    ssize_t n;

    buf_clear(out);
    if (fd < 0)
        return SV_NONE;
    while (bytes.len && (n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL)) > 0)
        bytes = sv_skip(bytes, (size_t)n);
    for (;;) {
        char *to = buf_reserve(out, 4096);

        n = to ? recv(fd, to, 4096, 0) : 0;
        if (n <= 0)
            break;
        buf_added(out, (size_t)n);
    }
    close(fd);
    return buf_sv(out);
}

struct canned {
    sv answer;
    bool hold; /* keep the connection open after the answer */
    int fd;
    unsigned port;
    pthread_t thread;
    _Atomic unsigned accepted, answered;
    _Atomic int peer; /* the connection being served, -1: none */
};

static inline bool canned_read_request(int fd)
{
    char bytes[4096];
    size_t len = 0;
    ssize_t n;

    while (len < sizeof bytes && (n = recv(fd, bytes + len, sizeof bytes - len, 0)) > 0) {
        len += (size_t)n;
        if (sv_has(sv_make(bytes, len), SV("\r\n\r\n")))
            return true;
    }
    return false;
}

static inline void *canned_run(void *arg)
{
    struct canned *k = arg;
    int fd;

    while ((fd = accept(k->fd, NULL, NULL)) >= 0) {
        k->accepted++;
        k->peer = fd;
        do {
            sv left = k->answer;
            ssize_t n;

            if (!canned_read_request(fd))
                break;
            k->answered++;
            while (left.len && (n = send(fd, left.at, left.len, MSG_NOSIGNAL)) > 0)
                left = sv_skip(left, (size_t)n);
        } while (k->hold);
        k->peer = -1;
        close(fd);
    }
    return NULL;
}

static inline bool canned_start(struct canned *k, sv answer, bool hold)
{
    struct sockaddr_in a = loop_address(0);
    socklen_t len = sizeof a;

    *k = (struct canned){ .answer = answer, .hold = hold, .peer = -1 };
    k->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (k->fd < 0 || bind(k->fd, (const struct sockaddr *)&a, sizeof a) || listen(k->fd, 8) ||
        getsockname(k->fd, (struct sockaddr *)&a, &len))
        return false;
    k->port = ntohs(a.sin_port);
    return pthread_create(&k->thread, NULL, canned_run, k) == 0;
}

static inline void canned_stop(struct canned *k)
{
    int peer = k->peer;

    shutdown(k->fd, SHUT_RDWR);
    if (peer >= 0)
        shutdown(peer, SHUT_RDWR);
    pthread_join(k->thread, NULL);
    close(k->fd);
}

/* A GET of "/" from a canned server at `port`. */
static inline enum err_code loop_get(struct http_client *c, unsigned port, struct http_request *q,
                                     struct http_response *r, struct err *e)
{
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    q->url = sv_of(url);
    q->method = q->method ? q->method : "GET";
    e->text[0] = '\0';
    return http_do(c, q, r, e);
}

#endif
