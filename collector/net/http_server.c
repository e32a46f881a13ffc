/*
 * libmicrohttpd in its own threads (epoll), one struct exchange per request.
 *
 * The exchange is made in the URI callback, the only place where the target stands as it was sent, and freed in the
 * completion callback, which comes for every exchange whatever became of it. The verdict (route, user, size) is reached
 * when the headers are in. A refusal is sent at once to a client that asked first (Expect: 100-continue) or sends
 * nothing more; otherwise the rest of the body is read and dropped up to DRAIN_BYTES, because closing a connection with
 * unread bytes resets it and the client would never see the answer.
 *
 * The listening socket is ours, so that a taken port is told by name and errno.
 */
#include "collector/net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/base/log.h"
#include "collector/net/http_auth.h"
#include "collector/net/http_body.h"

enum {
    PEM_LIMIT = 1 << 20,
    CONNECTION_MEMORY = 64 << 10, /* head of a request and of its answer */
    DRAIN_BYTES = 4 << 20,
    SINGLE_LEVEL = 1, /* gzip of an answer that is sent once */
    ALLOW_MAX = 128,
};

struct http_server {
    const struct http_route *routes;
    void *ctx;
    const char *headers;
    struct http_auth *auth;
    struct MHD_Daemon *daemon;
    struct buf cert, key;
    unsigned port;
    _Atomic bool started;
    char start_problem[200]; /* MHD's own words until `started` */
};

struct exchange {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct buf target; /* as sent */
    struct buf path;   /* decoded */
    char peer[INET6_ADDRSTRLEN];
    const struct http_route *route; /* NULL: refused */
    unsigned refusal;               /* the status to answer with, 0: none */
    char allow[ALLOW_MAX];
    bool seen; /* the headers were looked at */
    struct buf body;
    size_t dropped_bytes;
};

/* The request as sent. */

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static void put_decoded(struct buf *b, sv s)
{
    while (s.len) {
        int hi = s.len > 2 && s.at[0] == '%' ? hex_of(s.at[1]) : -1;
        int lo = hi >= 0 ? hex_of(s.at[2]) : -1;

        buf_putc(b, lo >= 0 ? (char)(unsigned char)(hi * 16 + lo) : s.at[0]);
        s = sv_skip(s, lo >= 0 ? 3 : 1);
    }
}

static void peer_of(struct MHD_Connection *connection, char *out, size_t size)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info ? info->client_addr : NULL;

    out[0] = '\0';
    if (a && a->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, out, (socklen_t)size);
    if (a && a->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, out, (socklen_t)size);
    if (sv_starts(sv_of(out), SV("::ffff:")) && strchr(out, '.'))
        memmove(out, out + 7, strlen(out + 7) + 1);
}

static void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    buf_done(&x->target);
    buf_done(&x->path);
    buf_done(&x->body);
    free(x);
}

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct exchange *x = calloc(1, sizeof *x);
    sv rest = sv_of(target);

    if (!x)
        return NULL;
    x->server = cls;
    x->connection = connection;
    buf_init(&x->target, CONNECTION_MEMORY);
    buf_init(&x->path, CONNECTION_MEMORY);
    buf_put(&x->target, rest);
    put_decoded(&x->path, sv_cut(&rest, '?'));
    if (x->target.failed || x->path.failed) {
        exchange_free(x);
        return NULL;
    }
    peer_of(connection, x->peer, sizeof x->peer);
    return x;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how)
{
    (void)cls, (void)connection, (void)how;
    exchange_free(*context);
    *context = NULL;
}

static sv lookup(struct MHD_Connection *connection, enum MHD_ValueKind kind, const char *name, bool *found)
{
    const char *value = NULL;
    size_t len = 0;

    *found = MHD_lookup_connection_value_n(connection, kind, name, strlen(name), &value, &len) == MHD_YES;
    return sv_make(value, len);
}

sv http_server_header(const struct http_server_request *q, const char *name)
{
    const struct exchange *x = q->impl;
    bool found;

    return lookup(x->connection, MHD_HEADER_KIND, name, &found);
}

sv http_server_query(const struct http_server_request *q, const char *name)
{
    const struct exchange *x = q->impl;
    bool found;

    return lookup(x->connection, MHD_GET_ARGUMENT_KIND, name, &found);
}

bool http_server_has_query(const struct http_server_request *q, const char *name)
{
    const struct exchange *x = q->impl;
    bool found;

    lookup(x->connection, MHD_GET_ARGUMENT_KIND, name, &found);
    return found;
}

sv http_server_raw_target(const struct http_server_request *q)
{
    const struct exchange *x = q->impl;

    return buf_sv(&x->target);
}

/* Routes. */

/* How well a route's path fits: 0 not at all, a longer prefix better, the whole path best. */
static size_t fit(const struct http_route *r, sv path)
{
    sv want = sv_of(r->path);

    if (want.len && want.at[want.len - 1] == '*')
        return sv_starts(path, sv_first(want, want.len - 1)) ? want.len : 0;
    return sv_eq(path, want) ? SIZE_MAX : 0;
}

static bool takes(const struct http_route *r, sv method)
{
    sv want = sv_of(r->method);

    return sv_eq(want, method) || sv_eq(want, SV("*")) || (sv_eq(method, SV("HEAD")) && sv_eq(want, SV("GET")));
}

static void add_allowed(char *allow, const char *method)
{
    size_t used = strlen(allow);

    snprintf(allow + used, ALLOW_MAX - used, "%s%s%s", used ? ", " : "", method, strcmp(method, "GET") ? "" : ", HEAD");
}

static void find_route(struct exchange *x, sv method)
{
    size_t best = 0;

    for (const struct http_route *r = x->server->routes; r->path; r++) {
        size_t n = fit(r, buf_sv(&x->path));

        best = n > best ? n : best;
    }
    for (const struct http_route *r = x->server->routes; r->path && best; r++) {
        if (fit(r, buf_sv(&x->path)) != best)
            continue;
        if (!x->route && takes(r, method))
            x->route = r;
        add_allowed(x->allow, r->method);
    }
    if (!x->route)
        x->refusal = best ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
}

/* Users. */

static unsigned refusal_of(struct http_auth *auth, sv credentials)
{
    enum { LONGEST = 1024 };
    unsigned char text[LONGEST];
    enum http_auth_verdict v = HTTP_AUTH_BAD;
    int n;
    sv password;

    if (!sv_starts_nocase(credentials, SV("Basic ")))
        return MHD_HTTP_UNAUTHORIZED;
    credentials = sv_trim(sv_skip(credentials, 6));
    if (credentials.len == 0 || credentials.len % 4 || credentials.len > LONGEST)
        return MHD_HTTP_UNAUTHORIZED;
    n = EVP_DecodeBlock(text, (const unsigned char *)credentials.at, (int)credentials.len);
    n -= sv_ends(credentials, SV("==")) ? 2 : sv_ends(credentials, SV("=")) ? 1 : 0;
    if (n > 0) {
        password = sv_make(text, (size_t)n);
        if (sv_find(password, ':') < password.len) {
            sv name = sv_cut(&password, ':');

            v = http_auth_check(auth, name, password);
        }
    }
    OPENSSL_cleanse(text, sizeof text);
    return v == HTTP_AUTH_GOOD ? 0 : v == HTTP_AUTH_BUSY ? MHD_HTTP_TOO_MANY_REQUESTS : MHD_HTTP_UNAUTHORIZED;
}

/* Answers. */

static bool wants_gzip(struct MHD_Connection *connection)
{
    bool found;
    sv list = lookup(connection, MHD_HEADER_KIND, "Accept-Encoding", &found);

    while (list.len) {
        sv item = sv_cut(&list, ',');
        sv name = sv_trim(sv_cut(&item, ';'));
        sv q = sv_trim(item);
        double weight = 1;

        if (!sv_eq_nocase(name, SV("gzip")) && !sv_eq_nocase(name, SV("x-gzip")) && !sv_eq(name, SV("*")))
            continue;
        if (sv_starts_nocase(q, SV("q=")) && !sv_to_f64(sv_skip(q, 2), &weight))
            weight = 0;
        return weight > 0;
    }
    return false;
}

static void free_shared(void *body)
{
    http_body_unref(body);
}

static struct MHD_Response *response_of(struct buf *b)
{
    struct MHD_Response *m = MHD_create_response_from_buffer(b->len, b->at, MHD_RESPMEM_MUST_FREE);

    if (m)
        *b = (struct buf){ .limit_bytes = b->limit_bytes };
    return m;
}

static struct MHD_Response *shared_response(struct http_body *body, bool gzip, bool *gzipped)
{
    sv bytes = http_body_sv(body);
    struct MHD_Response *m;

    *gzipped = gzip && http_body_gzip(body, &bytes);
    m = MHD_create_response_from_buffer_with_free_callback_cls(bytes.len, (void *)(uintptr_t)bytes.at, free_shared,
                                                               body);
    if (!m)
        http_body_unref(body);
    return m;
}

static struct MHD_Response *own_response(struct buf *body, bool gzip, bool *gzipped)
{
    struct buf small;
    struct MHD_Response *m = NULL;

    buf_init(&small, 2 * body->len + 1024);
    *gzipped = gzip && http_gzip(buf_sv(body), &small, SINGLE_LEVEL);
    m = response_of(*gzipped ? &small : body);
    buf_done(&small);
    buf_done(body);
    return m;
}

static void add_headers(struct MHD_Response *m, sv lines)
{
    char name[128], value[4096];

    while (lines.len) {
        sv line = sv_cut(&lines, '\n');
        sv head = sv_cut(&line, ':');

        line = sv_trim(line);
        if (snprintf(name, sizeof name, "%.*s", SV_ARG(head)) >= (int)sizeof name ||
            snprintf(value, sizeof value, "%.*s", SV_ARG(line)) >= (int)sizeof value ||
            MHD_add_response_header(m, name, value) != MHD_YES)
            log_warn("http", "an answer's header %.40s was left out: too long or malformed", name);
    }
}

static bool is_packed(sv headers)
{
    while (headers.len)
        if (sv_starts_nocase(sv_cut(&headers, '\n'), SV("Content-Encoding:")))
            return true;
    return false;
}

static enum MHD_Result send_response(struct exchange *x, struct http_server_response *r)
{
    sv plain = r->shared ? http_body_sv(r->shared) : buf_sv(&r->body);
    bool large = plain.len >= HTTP_GZIP_LEAST_BYTES && !is_packed(buf_sv(&r->headers));
    bool gzip = large && wants_gzip(x->connection);
    bool gzipped = false;
    enum MHD_Result sent = MHD_NO;
    struct MHD_Response *m;

    m = r->shared ? shared_response(r->shared, gzip, &gzipped) : own_response(&r->body, gzip, &gzipped);
    if (m) {
        MHD_add_response_header(m, "Content-Type", r->content_type ? r->content_type : "text/plain; charset=utf-8");
        if (gzipped)
            MHD_add_response_header(m, "Content-Encoding", "gzip");
        if (large)
            MHD_add_response_header(m, "Vary", "Accept-Encoding");
        add_headers(m, sv_of(x->server->headers));
        add_headers(m, buf_sv(&r->headers));
        sent = MHD_queue_response(x->connection, r->status ? (unsigned)r->status : MHD_HTTP_OK, m);
        MHD_destroy_response(m);
    }
    buf_done(&r->body);
    buf_done(&r->headers);
    return sent;
}

bool http_server_set_header(struct http_server_response *r, sv name, sv value)
{
    if (name.len == 0 || memchr(name.at, ':', name.len))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] <= ' ' || (unsigned char)name.at[i] >= 127)
            return false;
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.at[i] < ' ' || value.at[i] == 127)
            return false;
    buf_printf(&r->headers, "%.*s: %.*s\n", SV_ARG(name), SV_ARG(value));
    return !r->headers.failed;
}

static enum MHD_Result refuse(struct exchange *x)
{
    /* clang-format off */
    static const struct { unsigned status; const char *text; } texts[] = {
        { MHD_HTTP_UNAUTHORIZED,          "401 a user name and password are needed\n" },
        { MHD_HTTP_NOT_FOUND,             "404 no such page\n" },
        { MHD_HTTP_METHOD_NOT_ALLOWED,    "405 this page takes other methods, see Allow\n" },
        { MHD_HTTP_CONTENT_TOO_LARGE,     "413 the body is larger than this page takes\n" },
        { MHD_HTTP_TOO_MANY_REQUESTS,     "429 too many unknown passwords, try again in a moment\n" },
        { MHD_HTTP_INTERNAL_SERVER_ERROR, "500 the answer did not fit into memory\n" },
    };
    /* clang-format on */
    struct http_server_response r = { .status = (int)x->refusal };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == x->refusal)
            buf_put(&r.body, sv_of(texts[i].text));
    if (x->refusal == MHD_HTTP_UNAUTHORIZED)
        http_server_set_header(&r, SV("WWW-Authenticate"), SV("Basic realm=\"trefoil\", charset=\"UTF-8\""));
    if (x->refusal == MHD_HTTP_METHOD_NOT_ALLOWED)
        http_server_set_header(&r, SV("Allow"), sv_of(x->allow));
    if (x->refusal == MHD_HTTP_TOO_MANY_REQUESTS)
        http_server_set_header(&r, SV("Retry-After"), SV("1"));
    return send_response(x, &r);
}

static enum MHD_Result answer(struct exchange *x, sv method)
{
    struct http_server_request q = {
        .method = method, .path = buf_sv(&x->path), .body = buf_sv(&x->body), .peer = sv_of(x->peer), .impl = x
    };
    struct http_server_response r = { .status = 0 };

    x->route->handle(x->server->ctx, &q, &r);
    if (r.drop) {
        http_body_unref(r.shared);
        buf_done(&r.body);
        buf_done(&r.headers);
        return MHD_NO;
    }
    if (!r.shared && r.body.failed) {
        buf_done(&r.body);
        buf_done(&r.headers);
        x->refusal = MHD_HTTP_INTERNAL_SERVER_ERROR;
        return refuse(x);
    }
    return send_response(x, &r);
}

/* The life of a request: headers, pieces of the body, the end. */

static enum MHD_Result on_headers(struct exchange *x, sv method)
{
    bool has_length, asks;
    uint64_t length = 0;
    sv length_text = lookup(x->connection, MHD_HEADER_KIND, "Content-Length", &has_length);
    sv expect = lookup(x->connection, MHD_HEADER_KIND, "Expect", &asks);
    bool huge;

    x->seen = true;
    find_route(x, method);
    if (x->route && x->server->auth && !x->route->open) {
        bool found;

        x->refusal = refusal_of(x->server->auth, lookup(x->connection, MHD_HEADER_KIND, "Authorization", &found));
    }
    if (has_length && !sv_to_u64(length_text, &length))
        length = UINT64_MAX;
    if (!x->refusal && length > x->route->body_limit_bytes)
        x->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    buf_init(&x->body, x->route && x->route->body_limit_bytes ? x->route->body_limit_bytes : 1);
    huge = length > DRAIN_BYTES;
    return x->refusal && (huge || (asks && sv_eq_nocase(expect, SV("100-continue")))) ? refuse(x) : MHD_YES;
}

static enum MHD_Result on_piece(struct exchange *x, sv piece)
{
    if (!x->refusal && piece.len > x->route->body_limit_bytes - x->body.len)
        x->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    if (!x->refusal) {
        buf_put(&x->body, piece);
        return x->body.failed ? MHD_NO : MHD_YES;
    }
    buf_done(&x->body);
    x->dropped_bytes += piece.len;
    return x->dropped_bytes > DRAIN_BYTES ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **context)
{
    struct exchange *x = *context;

    (void)cls, (void)connection, (void)url, (void)version;
    if (!x)
        return MHD_NO;
    if (!x->seen)
        return on_headers(x, sv_of(method));
    if (*upload_len) {
        sv piece = sv_make(upload, *upload_len);

        *upload_len = 0;
        return on_piece(x, piece);
    }
    return x->refusal ? refuse(x) : answer(x, sv_of(method));
}

/* Start and stop. */

static void on_log(void *cls, const char *format, va_list ap)
{
    struct http_server *s = cls;
    char text[200];

    vsnprintf(text, sizeof text, format, ap);
    text[strcspn(text, "\r\n")] = '\0';
    if (!atomic_load(&s->started))
        memcpy(s->start_problem, text, sizeof text);
    else
        log_debug("http", "%s", text);
}

static void on_panic(void *cls, const char *file, unsigned line, const char *reason)
{
    (void)cls;
    log_error("http", "libmicrohttpd: %s:%u: %s", file ? file : "?", line, reason ? reason : "broken assumption");
    abort();
}

/* "host:port", "[v6]:port", ":port" (all addresses). */
static enum err_code split_listen(const char *text, char *host, size_t size, const char **port, struct err *e)
{
    sv all = sv_of(text);
    size_t colon = sv_find_last(all, ':');
    sv name = sv_first(all, colon);

    if (name.len > 1 && name.at[0] == '[' && name.at[name.len - 1] == ']')
        name = sv_skip(sv_first(name, name.len - 1), 1);
    if (colon == all.len || colon + 1 == all.len || name.len >= size)
        return err_set(e, ERR_CONFIG, "listen address \"%s\": want HOST:PORT, [IPV6]:PORT or :PORT", text ? text : "");
    memcpy(host, name.at, name.len);
    host[name.len] = '\0';
    *port = all.at + colon + 1;
    return ERR_OK;
}

static int listen_at(const struct addrinfo *a, bool all)
{
    int on = 1, off = 0;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (all && a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 128)) {
        int sys = errno;

        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
}

static unsigned port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = { .v6 = { .sin6_port = 0 } };
    socklen_t len = sizeof a;

    if (getsockname(fd, &a.any, &len))
        return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

static enum err_code open_listen(const char *text, int *out, struct err *e)
{
    /* For "all addresses" one IPv6 socket that takes IPv4 too, else plain IPv4 where the machine has no IPv6. */
    static const int families[] = { AF_INET6, AF_INET };
    char host[256];
    const char *port = NULL;
    int fd = -1, rc = 0;

    if (split_listen(text, host, sizeof host, &port, e))
        return ERR_CONFIG;
    for (size_t i = 0; i < 2 && fd < 0; i++) {
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
        struct addrinfo *list = NULL;

        hints.ai_family = host[0] ? AF_UNSPEC : families[i];
        rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
        for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
            fd = listen_at(a, !host[0]);
        if (list)
            freeaddrinfo(list);
        if (host[0] || (fd < 0 && errno == EADDRINUSE))
            break;
    }
    if (fd < 0)
        return rc ? err_set(e, ERR_CONFIG, "listen address \"%s\": %s", text, gai_strerror(rc))
                  : err_sys(e, "cannot listen on %s", text);
    *out = fd;
    return ERR_OK;
}

static enum err_code read_pem(struct buf *b, const char *path, struct err *e)
{
    if (!path)
        return err_set(e, ERR_CONFIG, "tls: both cert_file and key_file are needed");
    if (buf_read_file(b, path, PEM_LIMIT, e))
        return err_wrap(e, "tls");
    buf_putc(b, '\0');
    return ERR_OK;
}

static enum err_code start_daemon(struct http_server *s, const struct http_server_options *o, int fd, struct err *e)
{
    unsigned threads = o->thread_per_connection ? 1 : o->threads ? o->threads : 2;
    unsigned model = o->thread_per_connection
                         ? MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL
                         : MHD_USE_EPOLL_INTERNAL_THREAD;
    unsigned flags = model | MHD_USE_ITC | MHD_USE_ERROR_LOG | (s->cert.len ? MHD_USE_TLS : 0U);
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert.at },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, s->key.at },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem pool[] = {
        { MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };

    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_CONNECTION_LIMIT, o->max_connections ? o->max_connections : 256U, MHD_OPTION_CONNECTION_TIMEOUT,
        o->idle_timeout_s ? o->idle_timeout_s : 30U, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_ARRAY, s->cert.len ? tls : none, MHD_OPTION_ARRAY, threads > 1 ? pool : none, MHD_OPTION_END);
    if (!s->daemon) {
        close(fd);
        return err_set(e, ERR_CONFIG, "http server: %s%s", s->start_problem,
                       s->cert.len ? " (are the TLS files PEM, and do certificate and key belong together?)" : "");
    }
    atomic_store(&s->started, true);
    return ERR_OK;
}

struct http_server *http_server_start(const struct http_server_options *o, const struct http_route *routes, void *ctx,
                                      struct err *e)
{
    struct http_server *s = calloc(1, sizeof *s);
    int fd;

    if (!s) {
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    s->routes = routes;
    s->ctx = ctx;
    s->headers = o->headers;
    snprintf(s->start_problem, sizeof s->start_problem, "libmicrohttpd did not start");
    MHD_set_panic_func(on_panic, NULL);
    if (o->n_users) {
        s->auth = http_auth_new(o->users, o->n_users, e);
        if (!s->auth)
            goto fail;
    }
    if ((o->tls_cert_file || o->tls_key_file) &&
        (read_pem(&s->cert, o->tls_cert_file, e) || read_pem(&s->key, o->tls_key_file, e)))
        goto fail;
    if (open_listen(o->listen, &fd, e))
        goto fail;
    s->port = port_of(fd);
    if (start_daemon(s, o, fd, e))
        goto fail;
    return s;
fail:
    http_server_stop(s);
    return NULL;
}

void http_server_stop(struct http_server *s)
{
    if (!s)
        return;
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    http_auth_free(s->auth);
    buf_done(&s->cert);
    if (s->key.at)
        OPENSSL_cleanse(s->key.at, s->key.len);
    buf_done(&s->key);
    free(s);
}

unsigned http_server_port(const struct http_server *s)
{
    return s->port;
}
