/*
 * libcurl's easy interface, with a pool of idle handles: a handle keeps its connections, TLS sessions and resolved
 * names, and goes preferably to a request for the origin it last spoke to. HTTP/2 is not asked for: one request at a
 * time per connection gains nothing from it.
 *
 * Limits stand in the callbacks: the header callback counts the head, the write callback the decompressed bytes, the
 * progress callback (libcurl calls it at least once a second) looks at the cancel flag and at the rate of arrival.
 * libcurl's own low-speed rule would also count the time in which a server thinks, and a log query may think for
 * minutes.
 *
 * Sockets are made by a callback, so that the last descriptors of the process stay for its journal and for those who ask it; and so
 * that a lack of ours is told as ours (ERR_IO), not as a fault of the endpoint.
 *
 * Texts name host and port, never the rest of a URL, which may carry a token.
 */
#include "collector/net/http_client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/clock.h"
#include "collector/base/memory.h"
#include "collector/net/http_gunzip.h"
#include "collector/net/sockets.h"

#ifndef TREFOIL_VERSION
#define TREFOIL_VERSION "0"
#endif

enum {
    TIMEOUT_MS_DEFAULT = 60000,
    CONNECT_TIMEOUT_MS = 10000,
    HEAD_LIMIT = 256 << 10,
    IDLE_MAX = 32,
    IDLE_ALL_MAX = 128, /* handles that all clients together keep, each with at most CONNECTIONS_OF_IDLE */
    CONNECTIONS_OF_IDLE = 2,
    DESCRIPTORS_KEPT = 64, /* for files and for whoever asks us; a quarter where the limit is low */
    ORIGIN_MAX = 300,
    SLOW_BYTES_PER_S = 100,
    SLOW_S = 20,
};

static const int64_t retry_after_most_ms = INT64_C(7) * 24 * 3600 * 1000;

struct idle {
    CURL *curl;
    char origin[ORIGIN_MAX];
};

struct http_client {
    char *ca_file, *proxy, *user_agent;
    bool allow_plain;
    int64_t slow_ms;
    struct curl_slist *resolve;
    _Atomic bool cancelled;

    pthread_mutex_t lock; /* guards the next two */
    struct idle idle[IDLE_MAX];
    unsigned n_idle;
};

/* One request under way; of one thread. */
struct transfer {
    struct http_client *client;
    const struct http_request *request;
    struct http_response *response;
    CURL *curl;
    struct curl_slist *headers;
    char origin[ORIGIN_MAX];
    struct buf url; /* terminated */
    char problem[CURL_ERROR_SIZE];
    struct http_gunzip *gunzip; /* made with the first piece of a gzipped body */
    int local_errno;            /* why this machine could not make a socket; 0: it could */
    bool head_ended, body_begun, too_large, slow, badly_packed;
    size_t body_limit;
    size_t arrived; /* body bytes, as libcurl counts them, and head bytes */
    size_t arrived_at_mark;
    int64_t mark_ms;
};

static _Atomic unsigned idle_of_all;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int64_t real_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* The client. */

static bool copy_text(const char *from, char **to)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

struct http_client *http_client_new(const struct http_client_options *o, struct err *e)
{
    struct http_client *c;

    pthread_once(&once, init_curl);
    if (o->ca_file && access(o->ca_file, R_OK)) {
        err_sys(e, "ca_file %s", o->ca_file);
        if (e)
            e->code = ERR_CONFIG;
        return NULL;
    }
    c = calloc(1, sizeof *c);
    if (!c || !copy_text(o->ca_file, &c->ca_file) || !copy_text(o->proxy, &c->proxy) ||
        !copy_text(o->user_agent ? o->user_agent : "trefoil/" TREFOIL_VERSION, &c->user_agent)) {
        err_set(e, ERR_LIMIT, "out of memory");
        http_client_free(c);
        return NULL;
    }
    c->allow_plain = o->allow_plain;
    c->slow_ms = o->slow_ms ? o->slow_ms : SLOW_S * 1000;
    c->resolve = o->resolve ? curl_slist_append(NULL, o->resolve) : NULL;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    idle_of_all -= c->n_idle;
    for (unsigned i = 0; i < c->n_idle; i++)
        curl_easy_cleanup(c->idle[i].curl);
    pthread_mutex_destroy(&c->lock);
    curl_slist_free_all(c->resolve);
    free(c->ca_file);
    free(c->proxy);
    free(c->user_agent);
    free(c);
}

void http_client_cancel(struct http_client *c)
{
    atomic_store(&c->cancelled, true);
}

static CURL *handle_take(struct http_client *c, const char *origin)
{
    CURL *curl = NULL;

    pthread_mutex_lock(&c->lock);
    if (c->n_idle) {
        unsigned at = c->n_idle - 1;

        for (unsigned i = 0; i < c->n_idle; i++)
            if (strcmp(c->idle[i].origin, origin) == 0)
                at = i;
        curl = c->idle[at].curl;
        c->idle[at] = c->idle[--c->n_idle];
        idle_of_all--;
    }
    pthread_mutex_unlock(&c->lock);
    return curl ? curl : curl_easy_init();
}

static void handle_give(struct http_client *c, CURL *curl, const char *origin)
{
    bool kept = false;

    curl_easy_reset(curl);
    pthread_mutex_lock(&c->lock);
    if (c->n_idle < IDLE_MAX && idle_of_all < IDLE_ALL_MAX) {
        struct idle *slot = &c->idle[c->n_idle++];

        slot->curl = curl;
        snprintf(slot->origin, sizeof slot->origin, "%s", origin);
        idle_of_all++;
        kept = true;
    }
    pthread_mutex_unlock(&c->lock);
    if (!kept)
        curl_easy_cleanup(curl);
}

/* What libcurl calls while it works. */

/* The number of a new descriptor says how many are open, about: it is the lowest that is free. */
static bool leaves_enough(int fd)
{
    struct rlimit r;
    rlim_t kept = DESCRIPTORS_KEPT;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == RLIM_INFINITY)
        return true;
    kept = r.rlim_cur / 4 < kept ? r.rlim_cur / 4 : kept;
    return (rlim_t)fd < r.rlim_cur - kept;
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct transfer *t = ctx;
    int fd = sockets()->open(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

    (void)purpose;
    if (fd < 0) {
        /* A family that this machine does not speak is tried by libcurl on its own, beside others. */
        t->local_errno = errno == EAFNOSUPPORT ? t->local_errno : errno;
        return CURL_SOCKET_BAD;
    }
    if (leaves_enough(fd)) {
        t->local_errno = 0;
        return fd;
    }
    sockets()->close(fd);
    t->local_errno = EMFILE;
    return CURL_SOCKET_BAD;
}

/* The connection may outlive the transfer, so there is no context. */
static int on_close(void *ctx, curl_socket_t fd)
{
    (void)ctx;
    return sockets()->close(fd);
}

/* False when the encoding is one that was not asked for. */
static bool begin_body(struct transfer *t)
{
    sv encoding = http_response_header(t->response, SV("content-encoding"));

    if (encoding.len == 0 || sv_eq_nocase(encoding, SV("identity")))
        return true;
    if (sv_eq_nocase(encoding, SV("gzip")) || sv_eq_nocase(encoding, SV("x-gzip")))
        t->gunzip = http_gunzip_new();
    return t->gunzip;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *cls)
{
    struct transfer *t = cls;
    struct buf *body = &t->response->body;
    enum http_gunzip_result unpacked = HTTP_GUNZIP_OK;

    (void)one;
    if (!t->body_begun && !begin_body(t))
        unpacked = HTTP_GUNZIP_BROKEN;
    else if (t->gunzip)
        unpacked = http_gunzip_piece(t->gunzip, sv_make(bytes, n), body);
    else
        buf_put(body, sv_make(bytes, n));
    t->body_begun = true;
    t->too_large = body->failed || unpacked == HTTP_GUNZIP_FULL;
    t->badly_packed = unpacked == HTTP_GUNZIP_BROKEN;
    return t->too_large || t->badly_packed ? 0 : n;
}

static size_t on_head_line(char *bytes, size_t one, size_t n, void *cls)
{
    struct transfer *t = cls;
    struct buf *head = &t->response->head;
    sv line = sv_make(bytes, n);
    sv name;

    (void)one;
    t->arrived += n;
    if (sv_starts(line, SV("HTTP/"))) {
        buf_clear(head); /* an interim answer (100) came before */
        t->head_ended = false;
        return n;
    }
    t->head_ended |= sv_trim(line).len == 0;
    if (sv_find(line, ':') == n || isspace((unsigned char)bytes[0]))
        return n;
    name = sv_trim(sv_cut(&line, ':'));
    for (size_t i = 0; i < name.len; i++)
        buf_putc(head, (char)tolower((unsigned char)name.at[i]));
    buf_put(head, SV(": "));
    buf_put(head, sv_trim(line));
    buf_putc(head, '\n');
    t->too_large = head->failed;
    return t->too_large ? 0 : n;
}

static int on_progress(void *cls, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct transfer *t = cls;
    size_t arrived = t->arrived + (size_t)down;
    int64_t now = real_ms();

    (void)down_total, (void)up_total, (void)up;
    if (atomic_load(&t->client->cancelled))
        return 1;
    if (arrived == 0)
        t->mark_ms = now; /* nothing has come yet: the server thinks */
    if (now - t->mark_ms < t->client->slow_ms)
        return 0;
    t->slow = (int64_t)(arrived - t->arrived_at_mark) * 1000 < SLOW_BYTES_PER_S * t->client->slow_ms;
    t->arrived_at_mark = arrived;
    t->mark_ms = now;
    return t->slow;
}

/* The request. */

static bool is_token(sv name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.at[i]) && !memchr("!#$%&'*+-.^_`|~", name.at[i], 15))
            return false;
    return name.len > 0;
}

static bool has_control(sv value)
{
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 127)
            return true;
    return false;
}

bool http_request_header(struct http_request *q, sv name, sv value)
{
    if (q->n_headers >= HTTP_HEADERS_MAX || !is_token(name) || has_control(value))
        return false;
    q->headers[q->n_headers++] = (struct http_header){ name, value };
    return true;
}

static bool add_line(struct transfer *t, const char *line)
{
    struct curl_slist *more = curl_slist_append(t->headers, line);

    t->headers = more ? more : t->headers;
    return more;
}

static enum err_code add_header(struct transfer *t, const struct http_header *h, struct err *e)
{
    struct buf line;
    bool added;

    if (!is_token(h->name) || has_control(h->value))
        return err_set(e, ERR_CONFIG, "request header %.*s: its value holds control bytes",
                       SV_ARG(sv_first(h->name, 40)));
    buf_init(&line, 1 << 20);
    buf_put(&line, h->name);
    buf_put(&line, h->value.len ? SV(": ") : SV(";")); /* libcurl's spelling of an empty value */
    buf_put(&line, h->value);
    buf_putc(&line, '\0');
    added = !line.failed && add_line(t, line.at);
    buf_done(&line);
    return added ? ERR_OK : err_set(e, ERR_LIMIT, "request header %.*s: too long", SV_ARG(sv_first(h->name, 40)));
}

static enum err_code set_headers(struct transfer *t, struct err *e)
{
    const struct http_request *q = t->request;
    bool has_type = false;

    for (size_t i = 0; i < q->n_headers && i < HTTP_HEADERS_MAX; i++) {
        enum err_code code = add_header(t, &q->headers[i], e);

        if (code)
            return code;
        has_type |= sv_eq_nocase(q->headers[i].name, SV("Content-Type"));
    }
    /* libcurl would wait a second for 100-continue and call every body a form. */
    if (!add_line(t, "Accept-Encoding: gzip") || !add_line(t, "Expect:") ||
        (!has_type && !add_line(t, "Content-Type:")))
        return err_set(e, ERR_LIMIT, "out of memory");
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
    return ERR_OK;
}

static void set_method(struct transfer *t)
{
    const struct http_request *q = t->request;
    bool sends = q->body.len || strcmp(q->method, "POST") == 0 || strcmp(q->method, "PUT") == 0 ||
                 strcmp(q->method, "PATCH") == 0;

    if (sends) {
        curl_easy_setopt(t->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
        curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, q->body.len ? q->body.at : "");
    }
    if (strcmp(q->method, "HEAD") == 0)
        curl_easy_setopt(t->curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(t->curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->body_limit);
    if (strcmp(q->method, sends ? "POST" : "GET") != 0)
        curl_easy_setopt(t->curl, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_bounds(struct transfer *t)
{
    long timeout_ms = t->request->timeout_ms > 0 ? t->request->timeout_ms : TIMEOUT_MS_DEFAULT;

    curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS,
                     timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS);
    curl_easy_setopt(t->curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(t->curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(t->curl, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(t->curl, CURLOPT_MAXCONNECTS, (long)CONNECTIONS_OF_IDLE);
    curl_easy_setopt(t->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(t->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(t->curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(t->curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, t->problem);
}

static void set_policy(struct transfer *t)
{
    const struct http_client *c = t->client;

    curl_easy_setopt(t->curl, CURLOPT_PROTOCOLS_STR, c->allow_plain ? "http,https" : "https");
    curl_easy_setopt(t->curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(t->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(t->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(t->curl, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(t->curl, CURLOPT_USERAGENT, c->user_agent);
    /* An empty proxy and an empty exception list keep libcurl from reading the environment's. */
    curl_easy_setopt(t->curl, CURLOPT_PROXY, c->proxy ? c->proxy : "");
    curl_easy_setopt(t->curl, CURLOPT_NOPROXY, "");
    curl_easy_setopt(t->curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (c->resolve)
        curl_easy_setopt(t->curl, CURLOPT_RESOLVE, c->resolve);
    curl_easy_setopt(t->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->ca_file) {
        curl_easy_setopt(t->curl, CURLOPT_CAINFO, c->ca_file);
        curl_easy_setopt(t->curl, CURLOPT_CAPATH, NULL);
    }
}

static enum err_code prepare(struct transfer *t, struct err *e)
{
    buf_put(&t->url, t->request->url);
    buf_putc(&t->url, '\0');
    if (t->url.failed)
        return err_set(e, ERR_LIMIT, "url too long");
    t->curl = handle_take(t->client, t->origin);
    if (!t->curl)
        return err_set(e, ERR_LIMIT, "out of memory");
    set_policy(t);
    set_bounds(t);
    set_method(t);
    curl_easy_setopt(t->curl, CURLOPT_URL, t->url.at);
    return set_headers(t, e);
}

/* The answer. */

sv http_response_header(const struct http_response *r, sv name)
{
    sv head = buf_sv(&r->head);

    while (head.len) {
        sv line = sv_cut(&head, '\n');

        if (sv_eq(sv_cut(&line, ':'), name))
            return sv_trim(line);
    }
    return SV_NONE;
}

void http_response_done(struct http_response *r)
{
    buf_done(&r->body);
    buf_done(&r->head);
    *r = (struct http_response){ .status = 0 };
}

/* Seconds since 1970 of an HTTP date, 0 if it is none. */
static int64_t http_date(sv s)
{
    char text[64];
    time_t at;

    if (s.len == 0 || s.len >= sizeof text)
        return 0;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    at = curl_getdate(text, NULL);
    return at > 0 ? (int64_t)at : 0;
}

/* OpenAI and those who speak like it say milliseconds in a header of their own, which is the finer one. */
static int64_t retry_after(const struct http_response *r)
{
    sv s = http_response_header(r, SV("retry-after")), fine = http_response_header(r, SV("retry-after-ms"));
    int64_t now = r->date_unix_nano ? r->date_unix_nano : clock_now();
    double seconds;
    int64_t ms = 0;

    if (sv_to_f64(fine, &seconds) && seconds > 0)
        ms = seconds > 1e9 ? retry_after_most_ms : (int64_t)seconds;
    else if (s.len && isdigit((unsigned char)s.at[0]))
        ms = !sv_to_f64(s, &seconds) ? 0 : seconds > 1e6 ? retry_after_most_ms : (int64_t)(seconds * 1000);
    else if (http_date(s))
        ms = http_date(s) * 1000 - now / NANO_PER_MS;
    return ms < 0 ? 0 : ms > retry_after_most_ms ? retry_after_most_ms : ms;
}

static void read_head(struct transfer *t)
{
    struct http_response *r = t->response;
    long status = 0;
    curl_off_t body = 0;
    long head = 0;

    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->curl, CURLINFO_SIZE_DOWNLOAD_T, &body);
    curl_easy_getinfo(t->curl, CURLINFO_HEADER_SIZE, &head);
    r->status = (int)status;
    r->wire_bytes = (size_t)body + (size_t)head;
    r->date_unix_nano = http_date(http_response_header(r, SV("date"))) * NANO_PER_S;
    r->retry_after_ms = retry_after(r);
}

/* Failures. */

/* clang-format off */
static const struct {
    CURLcode curl;
    enum err_code code;
    const char *remedy; /* behind libcurl's own words */
} failures[] = {
    { CURLE_PEER_FAILED_VERIFICATION, ERR_CONFIG, ": its certificate is not trusted; set ca_file to the authority that signed it" },
    { CURLE_SSL_CACERT_BADFILE,       ERR_CONFIG, ": ca_file holds no readable PEM certificate" },
    { CURLE_URL_MALFORMAT,            ERR_CONFIG, ": not a valid URL" },
    { CURLE_UNSUPPORTED_PROTOCOL,     ERR_RETRY,  ": what answers there does not speak HTTP" }, /* schemes were checked */
    { CURLE_LOGIN_DENIED,             ERR_CONFIG, ": a URL may not carry a user name" },
    { CURLE_COULDNT_RESOLVE_HOST,     ERR_RETRY,  ": the name does not resolve; check its spelling and this machine's DNS" },
    { CURLE_COULDNT_RESOLVE_PROXY,    ERR_RETRY,  ": the proxy's name does not resolve; check proxy" },
    { CURLE_COULDNT_CONNECT,          ERR_RETRY,  ": no connection; check address, port and firewall" },
    { CURLE_SSL_CONNECT_ERROR,        ERR_RETRY,  ": the TLS handshake failed" },
    { CURLE_FILESIZE_EXCEEDED,        ERR_LIMIT,  "" },
    { CURLE_OUT_OF_MEMORY,            ERR_LIMIT,  "" },
};
/* clang-format on */

/* 0: it is not for want of anything here. No port is told by connect, a descriptor by our callback. */
static int local_want(const struct transfer *t, CURLcode rc)
{
    long os = 0;

    if (t->local_errno)
        return t->local_errno;
    curl_easy_getinfo(t->curl, CURLINFO_OS_ERRNO, &os);
    return rc == CURLE_COULDNT_CONNECT && (os == EADDRNOTAVAIL || os == ENOBUFS || os == ENOMEM || os == EAGAIN)
               ? (int)os
               : 0;
}

static enum err_code explain(const struct transfer *t, CURLcode rc, int64_t timeout_ms, struct err *e)
{
    const char *words = t->problem[0] ? t->problem : curl_easy_strerror(rc);
    long connect_status = 0;

    if (atomic_load(&t->client->cancelled))
        return err_set(e, ERR_CANCELLED, "%s: cancelled", t->origin);
    if (t->too_large || rc == CURLE_FILESIZE_EXCEEDED)
        return err_set(e, ERR_LIMIT, "%s: the answer is larger than %zu bytes", t->origin, t->body_limit);
    if (t->badly_packed)
        return err_set(e, ERR_RETRY, "%s: the answer's content-encoding is broken or was not asked for", t->origin);
    if (t->slow)
        return err_set(e, ERR_RETRY, "%s: fewer than %d bytes/s for %lld ms", t->origin, SLOW_BYTES_PER_S,
                       (long long)t->client->slow_ms);
    if (local_want(t, rc)) {
        errno = local_want(t, rc);
        return err_sys(e, "%s: not asked: this machine has no connection left to make", t->origin);
    }
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, ERR_RETRY, "%s: no complete answer within %lld ms: %s", t->origin, (long long)timeout_ms,
                       words);
    curl_easy_getinfo(t->curl, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (connect_status >= 400 && connect_status < 500)
        return err_set(e, ERR_CONFIG, "%s: the proxy refuses to connect (%ld); check proxy", t->origin, connect_status);
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        if (failures[i].curl == rc)
            return err_set(e, failures[i].code, "%s%s: %s", t->origin, failures[i].remedy, words);
    return err_set(e, ERR_RETRY, "%s: %s", t->origin, words);
}

static enum err_code perform(struct transfer *t, struct err *e)
{
    int64_t begun = real_ms();
    CURLcode rc;

    t->mark_ms = begun;
    rc = curl_easy_perform(t->curl);
    t->response->elapsed_real_ms = real_ms() - begun;
    t->badly_packed |= rc == CURLE_OK && t->gunzip && !http_gunzip_ended(t->gunzip);
    if (rc == CURLE_OK && !t->head_ended) /* libcurl takes a head that is cut off for an answer without a body */
        return err_set(e, ERR_RETRY, "%s: the answer ends within its head", t->origin);
    if (rc != CURLE_OK || t->badly_packed)
        return explain(t, rc, t->response->elapsed_real_ms, e);
    read_head(t);
    return ERR_OK;
}

static void reset(struct http_response *r, size_t body_limit)
{
    buf_clear(&r->body);
    buf_clear(&r->head);
    r->body.limit_bytes = body_limit;
    r->head.limit_bytes = HEAD_LIMIT;
    r->status = 0;
    r->date_unix_nano = r->retry_after_ms = r->elapsed_real_ms = 0;
    r->wire_bytes = 0;
}

static enum err_code check_url(const struct http_client *c, sv url, char *origin, size_t size, struct err *e)
{
    const uint64_t refusals = memory_refusals();
    const bool valid = http_origin(url, origin, size);

    if (!valid && memory_refusals() != refusals)
        return err_set(e, ERR_LIMIT, "out of memory"); /* nothing is wrong with the configuration */
    if (!valid)
        return err_set(e, ERR_CONFIG, "not a valid http(s) URL");
    if (!c->allow_plain && sv_starts(sv_of(origin), SV("http:")))
        return err_set(e, ERR_CONFIG, "%s: plain http is refused here, use https", origin);
    return ERR_OK;
}

enum err_code http_do(struct http_client *c, const struct http_request *q, struct http_response *r, struct err *e)
{
    struct transfer t = { .client = c, .request = q, .response = r };
    enum err_code code;

    t.body_limit = q->body_limit_bytes ? q->body_limit_bytes : HTTP_BODY_LIMIT_DEFAULT;
    reset(r, t.body_limit);
    if (atomic_load(&c->cancelled))
        return err_set(e, ERR_CANCELLED, "cancelled");
    code = check_url(c, q->url, t.origin, sizeof t.origin, e);
    if (code)
        return code;
    code = prepare(&t, e);
    if (code == ERR_OK)
        code = perform(&t, e);
    if (t.curl)
        handle_give(c, t.curl, t.origin);
    http_gunzip_free(t.gunzip);
    curl_slist_free_all(t.headers);
    buf_done(&t.url);
    return code;
}
