/*
 * HTTP server over libmicrohttpd: routes in a table, bounded in everything.
 *
 * Handlers run in the server's threads, must not block for long and must not call a cloud. The body of a request is
 * complete when the handler is called (limit per route; above it 413 before it is buffered). GET routes answer HEAD
 * too. Unknown path 404, known path with another method 405 with Allow. Answers are gzipped on request when larger than
 * 1 KiB (never twice: a handler that set content_encoding did it itself).
 *
 * With `tls_cert_file` set it speaks TLS only. With users set, every route but those marked `open` wants basic
 * authentication (compared in constant time, hashes by crypt(3), verdicts cached).
 *
 * Ownership:     the request is the server's; the response's `body` is the handler's to fill and the server's to free,
 *                or it hands over a shared body (http_body_*), which is reference-counted.
 * Thread-safety: start/stop from one thread; handlers on several.
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "collector/base/buf.h"
#include "collector/base/err.h"

struct http_server;

struct http_server_request {
    sv method, path; /* path percent-decoded, without the query */
    sv body;
    sv peer; /* textual address */
    void *impl;
};

/* An immutable body that many answers can share. */
struct http_body;
struct http_body *http_body_new(struct buf *take); /* takes the bytes; NULL when memory is out */
struct http_body *http_body_ref(struct http_body *b);
void http_body_unref(struct http_body *b);
sv http_body_sv(const struct http_body *b);

struct http_server_response {
    int status;               /* 200 unless set */
    const char *content_type; /* "text/plain; charset=utf-8" unless set */
    struct buf body;
    struct http_body *shared; /* used instead of `body` when set; the reference moves to the server */
    struct buf headers;       /* further "Name: value\n" lines */
    bool drop;                /* cuts the connection instead of answering: for servers that play faults */
};

/* Adds a header to the answer; false when the name is no token or the value holds control bytes. */
bool http_server_set_header(struct http_server_response *r, sv name, sv value);

/* Value of a query parameter (percent-decoded) / of a header; empty if absent. Valid while the handler runs. */
sv http_server_query(const struct http_server_request *q, const char *name);
bool http_server_has_query(const struct http_server_request *q, const char *name);
sv http_server_header(const struct http_server_request *q, const char *name);

/* The raw path and query as sent, for servers that verify signatures over them. */
sv http_server_raw_target(const struct http_server_request *q);

struct http_route {
    const char *method;      /* "GET", "POST", ...; "*" any */
    const char *path;        /* exact, or a prefix when it ends in '*' */
    size_t body_limit_bytes; /* 0: no body accepted */
    bool open;               /* needs no user */
    void (*handle)(void *ctx, const struct http_server_request *q, struct http_server_response *r);
};

struct http_user {
    const char *name, *crypt_hash; /* bcrypt or any other form that crypt(3) reads */
};

struct http_server_options {
    const char *listen;        /* "127.0.0.1:13300", "[::1]:0", ":9000" (all addresses) */
    const char *tls_cert_file; /* PEM chain and key; NULL: plain HTTP */
    const char *tls_key_file;
    const struct http_user *users; /* borrowed until stop; none: no authentication */
    size_t n_users;
    const char *headers;        /* further "Name: value\n" lines of every answer, borrowed until stop; may be NULL */
    unsigned threads;           /* 0: 2 */
    unsigned max_connections;   /* 0: 256 */
    unsigned idle_timeout_s;    /* 0: 30 */
    bool thread_per_connection; /* instead of `threads`: a handler may then block, and only its own client waits */
};

/* `routes` ends with a zero row and outlives the server, as does ctx. The most specific route wins. */
MUST_USE struct http_server *http_server_start(const struct http_server_options *o, const struct http_route *routes,
                                               void *ctx, struct err *e);
void http_server_stop(struct http_server *s);

/* The port it listens on (useful after port 0). */
unsigned http_server_port(const struct http_server *s);

#endif
