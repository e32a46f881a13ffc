/*
 * HTTP client over libcurl: one blocking request, bounded in time and size.
 *
 * TLS is always verified (system roots, or `ca_file` alone when given). Redirects are never followed, proxies come from
 * the options only (the environment is ignored), plain http is refused unless the options allow it. Answers are
 * decompressed with the size limit applied to the decompressed bytes while they arrive.
 *
 * A request ends by its total timeout, or when, once its first byte is there, fewer than 100 bytes/s arrive for 20 s (a
 * server may think for longer than that). Timeouts are real time even when
 * the process clock is scaled.
 *
 * Idle connections are kept, in at most 128 handles of all clients together. No request takes one of the process's last descriptors.
 *
 * Ownership:     the client owns its connections; a response is the caller's (http_response_done) and can be reused.
 * Errors:        http_do fails only when no HTTP answer came: ERR_RETRY (network, DNS, TLS handshake cut, timeout),
 *                ERR_CONFIG (certificate not trusted, bad URL, host not allowed, unreadable ca_file), ERR_LIMIT (too
 *                large), ERR_IO (no descriptor or port of this machine is left), ERR_CANCELLED. An HTTP status of 400 and more is an answer, not an error.
 * Thread-safety: one client serves any number of threads; one response, one thread.
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "collector/base/buf.h"
#include "collector/base/err.h"

enum { HTTP_BODY_LIMIT_DEFAULT = 16 << 20, HTTP_HEADERS_MAX = 32 };

struct http_client;

struct http_client_options {
    const char *ca_file;    /* PEM; NULL: the system's roots */
    const char *proxy;      /* URL; NULL: none */
    const char *user_agent; /* NULL: trefoil/<version> */
    bool allow_plain;       /* http:// too: metadata services, tests */
    /* For tests: how long an answer may trickle (0: 20 s), and one name with the addresses that it has, "HOST:PORT:ADDRESS,..." */
    int64_t slow_ms;
    const char *resolve;
};

struct http_header {
    sv name, value;
};

struct http_request {
    const char *method; /* "GET", "POST", ... */
    sv url;             /* absolute, already percent-encoded; used verbatim */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t n_headers;
    sv body;
    size_t body_limit_bytes; /* of the answer; 0 takes HTTP_BODY_LIMIT_DEFAULT */
    int timeout_ms;          /* 0 takes 60 s */
};

struct http_response {
    int status;
    struct buf body;
    struct buf head;        /* "name: value\n" lines, names in lower case */
    int64_t date_unix_nano; /* the server's Date header, 0 if none: the only clock that windows may trust */
    int64_t retry_after_ms; /* retry-after-ms, else Retry-After as seconds or as a date against `date`, 0 if none */
    size_t wire_bytes;      /* received, headers and compressed body */
    int64_t elapsed_real_ms;
};

MUST_USE struct http_client *http_client_new(const struct http_client_options *o, struct err *e);
void http_client_free(struct http_client *c);

/* Makes every running and later http_do return ERR_CANCELLED soon. Any thread. */
void http_client_cancel(struct http_client *c);

void http_response_done(struct http_response *r);
MUST_USE enum err_code http_do(struct http_client *c, const struct http_request *q, struct http_response *r,
                               struct err *e);

/* Value of a header of the answer (name in lower case), empty if absent. */
sv http_response_header(const struct http_response *r, sv name);

/* Adds a header to a request; false when HTTP_HEADERS_MAX is reached or the value holds control bytes. */
bool http_request_header(struct http_request *q, sv name, sv value);

/* Percent-encoding (RFC 3986 unreserved characters stay). http_escape_path leaves '/' too. */
void http_escape(struct buf *b, sv s);
void http_escape_path(struct buf *b, sv s);

/* "https://host:port" of an absolute URL in lower case, default ports left out, into a static-size text. False when it
 * is no http(s) URL. Two URLs of one origin compare equal. */
bool http_origin(sv url, char *out, size_t size);

#endif
