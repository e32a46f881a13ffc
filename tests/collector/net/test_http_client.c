/* The client against our own server over loopback, plain and TLS, and against canned answers that no server of ours
 * gives. */
#include <zlib.h>

#include "collector/base/clock.h"
#include "collector/net/http_body.h"
#include "collector/net/http_client.h"

#include "tests/collector/net/loop.h"
#include "tests/tap.h"

static struct http_client *plain; /* a client that most tests share */
static struct http_response r;
static struct err e;

static void on_echo(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx;
    buf_printf(&a->body, "%.*s %.*s\n", SV_ARG(q->method), SV_ARG(http_server_raw_target(q)));
    buf_put(&a->body, q->body);
}

static void on_headers(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    static const char *const names[] = { "User-Agent", "Content-Type", "Accept-Encoding", "X-Empty", "Expect" };

    (void)ctx;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        buf_printf(&a->body, "%s=%.*s\n", names[i], SV_ARG(http_server_header(q, names[i])));
}

/* As many bytes as the query asks for. */
static void on_large(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    uint64_t n = 0;

    (void)ctx;
    sv_to_u64(http_server_query(q, "n"), &n);
    for (uint64_t i = 0; i < n; i++)
        buf_putc(&a->body, (char)('a' + i % 26));
}

/* 64 MiB of zeros, gzipped to some 64 KiB. */
static void on_bomb(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    static unsigned char zeros[1 << 16];
    z_stream z = { 0 };

    (void)ctx, (void)q;
    deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_out = (Bytef *)buf_reserve(&a->body, 1 << 20);
    z.avail_out = 1 << 20;
    for (int i = 0; i < 1024; i++) {
        z.next_in = zeros;
        z.avail_in = sizeof zeros;
        deflate(&z, i == 1023 ? Z_FINISH : Z_NO_FLUSH);
    }
    buf_added(&a->body, z.total_out);
    deflateEnd(&z);
    http_server_set_header(a, SV("Content-Encoding"), SV("gzip"));
}

static const struct http_route routes[] = {
    { .method = "*", .path = "/echo", .body_limit_bytes = 1000, .handle = on_echo },
    { .method = "*", .path = "/headers", .body_limit_bytes = 10, .handle = on_headers },
    { .method = "GET", .path = "/large", .handle = on_large },
    { .method = "GET", .path = "/bomb", .handle = on_bomb },
    { 0 },
};

/* One request to a canned answer. */
static enum err_code ask(sv answer, struct http_request *q)
{
    struct canned k;
    enum err_code code;

    if (!canned_start(&k, answer, false))
        return ERR_INTERNAL;
    code = loop_get(plain, k.port, q, &r, &e);
    canned_stop(&k);
    return code;
}

static enum err_code ask_url(struct http_client *c, const char *url)
{
    struct http_request q = { .method = "GET", .url = sv_of(url) };

    e.text[0] = '\0';
    return http_do(c, &q, &r, &e);
}

static bool says(const char *part)
{
    return sv_has(sv_of(e.text), sv_of(part)) || (printf("# text: %s\n", e.text), false);
}

static void a_page_comes_over_plain_and_tls(void)
{
    for (int tls = 0; tls < 2; tls++) {
        struct http_server *s = loop_server(routes, NULL, tls);
        struct http_client *c = loop_client(tls ? "ca.pem" : NULL);
        struct http_request q = { 0 }, p = { .method = "POST", .body = SV("hello") }, d = { .method = "DELETE" };

        OK(s && c);
        OK(loop_do(c, s, tls, "/echo?a=%20b", &q, &r, &e) == ERR_OK);
        OK(r.status == 200);
        OK(sv_eq(buf_sv(&r.body), SV("GET /echo?a=%20b\n")));
        OK(sv_eq(http_response_header(&r, SV("content-type")), SV("text/plain; charset=utf-8")));
        OK(loop_do(c, s, tls, "/echo", &p, &r, &e) == ERR_OK);
        OK(sv_eq(buf_sv(&r.body), SV("POST /echo\nhello")));
        OK(loop_do(c, s, tls, "/echo/../echo", &d, &r, &e) == ERR_OK && r.status == 404);
        OK(loop_do(c, s, tls, "/echo", &d, &r, &e) == ERR_OK);
        OK(sv_eq(buf_sv(&r.body), SV("DELETE /echo\n")));
        http_client_free(c);
        http_server_stop(s);
    }
}

static void head_has_no_body_and_put_has_one(void)
{
    struct http_server *s = loop_server(routes, NULL, false);
    struct http_request h = { .method = "HEAD", .body_limit_bytes = 10 };
    struct http_request p = { .method = "PUT", .body = SV("x\0y") }, empty = { .method = "POST" };

    OK(loop_do(plain, s, false, "/large?n=2000", &h, &r, &e) == ERR_OK);
    OK(r.status == 200 && r.body.len == 0);
    OK(sv_eq(http_response_header(&r, SV("content-length")), SV("2000")) ||
       sv_eq(http_response_header(&r, SV("content-encoding")), SV("gzip")));
    OK(loop_do(plain, s, false, "/echo", &p, &r, &e) == ERR_OK);
    OK(sv_eq(buf_sv(&r.body), SV("PUT /echo\nx\0y")));
    OK(loop_do(plain, s, false, "/echo", &empty, &r, &e) == ERR_OK);
    OK(sv_eq(buf_sv(&r.body), SV("POST /echo\n")));
    http_server_stop(s);
}

static void only_the_callers_headers_are_sent(void)
{
    struct http_server *s = loop_server(routes, NULL, false);
    struct http_request q = { .method = "POST", .body = SV("{}") };

    OK(http_request_header(&q, SV("X-Empty"), SV("")));
    OK(loop_do(plain, s, false, "/headers", &q, &r, &e) == ERR_OK);
    OK(sv_has(buf_sv(&r.body), SV("User-Agent=trefoil/")));
    OK(sv_has(buf_sv(&r.body), SV("\nContent-Type=\nAccept-Encoding=gzip\nX-Empty=\nExpect=\n")));
    OK(http_request_header(&q, SV("content-type"), SV("application/json")));
    OK(loop_do(plain, s, false, "/headers", &q, &r, &e) == ERR_OK);
    OK(sv_has(buf_sv(&r.body), SV("\nContent-Type=application/json\n")));
    http_server_stop(s);
}

static void a_header_cannot_be_smuggled_in(void)
{
    struct http_request q = { .method = "GET", .url = SV("http://127.0.0.1:1/") };

    OK(!http_request_header(&q, SV("a"), SV("b\r\nc: d")));
    OK(!http_request_header(&q, SV("a b"), SV("c")));
    OK(!http_request_header(&q, SV(""), SV("c")));
    OK(!http_request_header(&q, SV("a\0"), SV("c")));
    OK(q.n_headers == 0);
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        OK(http_request_header(&q, SV("a"), SV("b")));
    OK(!http_request_header(&q, SV("a"), SV("b")));
    q.n_headers = 1;
    q.headers[0].value = SV("b\nc");
    OK(http_do(plain, &q, &r, &e) == ERR_CONFIG);
    OK(http_do(plain, &q, &r, NULL) == ERR_CONFIG);
}

static void the_head_is_read_in_lower_case_without_interim_answers(void)
{
    struct http_request q = { 0 };

    OK(ask(SV("HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\nHTTP/1.1 503 no\r\nX-ThinG:  a: b \r\nContent-Length: 2\r\n"
              "Date: Fri, 20 Nov 2026 10:00:03 GMT\r\nRetry-After: 17\r\nX-Thing: second\r\n\r\nno"),
           &q) == ERR_OK);
    OK(r.status == 503);
    OK(sv_eq(buf_sv(&r.body), SV("no")));
    OK(sv_eq(http_response_header(&r, SV("x-thing")), SV("a: b")));
    OK(http_response_header(&r, SV("x-early")).len == 0);
    OK(http_response_header(&r, SV("x")).len == 0);
    OK(r.date_unix_nano == INT64_C(1795168803) * NANO_PER_S);
    OK(r.retry_after_ms == 17000);
    OK(r.wire_bytes > 100);
}

static void retry_after_takes_seconds_or_a_date_against_the_servers_clock(void)
{
    /* clang-format off */
    static const struct { const char *value; int64_t ms; } rows[] = {
        { "0", 0 },
        { "3", 3000 },
        { "1.5", 1500 },
        { "-5", 0 },
        { "soon", 0 },
        { "5 apples", 0 },
        { "99999999999999999999999", INT64_C(7) * 24 * 3600 * 1000 },
        { "Fri, 20 Nov 2026 10:02:03 GMT", 120000 },
        { "Fri, 20 Nov 2026 09:00:00 GMT", 0 },
        { "Friday, 20-Nov-26 10:00:04 GMT", 1000 },
        { "3\r\nRetry-After-Ms: 250", 250 },
        { "3\r\nRetry-After-Ms: soon", 3000 },
        { "3\r\nRetry-After-Ms: 99999999999", INT64_C(7) * 24 * 3600 * 1000 },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_request q = { 0 };
        char answer[300];

        snprintf(answer, sizeof answer,
                 "HTTP/1.1 429 slow\r\nDate: Fri, 20 Nov 2026 10:00:03 GMT\r\nRetry-After: %s\r\n"
                 "Content-Length: 0\r\n\r\n",
                 rows[i].value);
        printf("# Retry-After: %s\n", rows[i].value);
        OK(ask(sv_of(answer), &q) == ERR_OK && r.retry_after_ms == rows[i].ms);
    }
}

static void a_retry_date_without_the_servers_date_is_held_against_our_clock(void)
{
    struct http_request q = { 0 };

    clock_set_manual(INT64_C(1795168803) * NANO_PER_S);
    OK(ask(SV("HTTP/1.1 429 x\r\nRetry-After: Fri, 20 Nov 2026 10:00:13 GMT\r\nContent-Length: 0\r\n\r\n"), &q) ==
       ERR_OK);
    clock_set_system();
    OK(r.date_unix_nano == 0 && r.retry_after_ms == 10000);
}

static void an_answer_over_the_limit_is_refused(void)
{
    struct http_server *s = loop_server(routes, NULL, false);
    struct http_request exact = { .body_limit_bytes = 5000 }, small = { .body_limit_bytes = 4999 };

    OK(loop_do(plain, s, false, "/large?n=5000", &exact, &r, &e) == ERR_OK && r.body.len == 5000);
    OK(loop_do(plain, s, false, "/large?n=5000", &small, &r, &e) == ERR_LIMIT);
    OK(r.body.len <= 4999);
    OK(says("larger than 4999 bytes"));
    OK(loop_do(plain, s, false, "/large?n=5000", &exact, &r, &e) == ERR_OK && r.body.len == 5000);
    http_server_stop(s);
}

static void a_chunked_answer_over_the_limit_is_refused(void)
{
    struct http_request q = { .body_limit_bytes = 7 };

    OK(ask(SV("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n"), &q) ==
       ERR_LIMIT);
    q.body_limit_bytes = 8;
    OK(ask(SV("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n"), &q) ==
       ERR_OK);
    OK(sv_eq(buf_sv(&r.body), SV("abcdefgh")));
}

static void a_head_without_end_is_refused(void)
{
    struct http_request q = { 0 };
    struct buf b;

    buf_init(&b, 0);
    buf_put(&b, SV("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i < 20000; i++)
        buf_printf(&b, "x-filler-%d: 0123456789012345678901234567890123456789\r\n", i);
    buf_put(&b, SV("Content-Length: 0\r\n\r\n"));
    OK(ask(buf_sv(&b), &q) != ERR_OK);
    OK(r.head.len < 300 << 10);
    buf_done(&b);
}

static void answers_are_compressed_on_the_wire(void)
{
    struct http_server *s = loop_server(routes, NULL, false);
    struct http_request q = { 0 };

    OK(loop_do(plain, s, false, "/large?n=100000", &q, &r, &e) == ERR_OK);
    OK(r.body.len == 100000);
    OK(r.body.at[27] == 'b' && r.body.at[99999] == (char)('a' + 99999 % 26));
    OK(sv_eq(http_response_header(&r, SV("content-encoding")), SV("gzip")));
    OK(r.wire_bytes < 5000);
    http_server_stop(s);
}

static void a_decompression_bomb_is_stopped_at_the_limit(void)
{
    struct http_server *s = loop_server(routes, NULL, false);
    struct http_request q = { .body_limit_bytes = 1 << 20 };

    OK(loop_do(plain, s, false, "/bomb", &q, &r, &e) == ERR_LIMIT);
    OK(r.body.len <= 1 << 20);
    OK(r.body.cap <= 2 << 20);
    http_server_stop(s);
}

/* The gzip form of `in`, `n` times in a row, cut by `cut` bytes at the end, as a canned answer. */
static enum err_code ask_gzip(sv in, int n, size_t cut, struct http_request *q)
{
    struct buf packed, answer;
    enum err_code code;

    buf_init(&packed, 0);
    buf_init(&answer, 0);
    for (int i = 0; i < n; i++)
        OK(http_gzip(in, &packed, 6));
    packed.len -= cut;
    buf_printf(&answer, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", packed.len);
    buf_put(&answer, buf_sv(&packed));
    code = ask(buf_sv(&answer), q);
    buf_done(&packed);
    buf_done(&answer);
    return code;
}

static void a_gzip_stream_that_stops_early_is_no_answer(void)
{
    struct http_request q = { 0 };

    OK(ask_gzip(SV("one two three"), 1, 0, &q) == ERR_OK && sv_eq(buf_sv(&r.body), SV("one two three")));
    OK(ask_gzip(SV("one two three"), 2, 0, &q) == ERR_OK && r.body.len == 26);
    for (size_t cut = 1; cut < 30; cut += 7) {
        OK(ask_gzip(SV("one two three"), 1, cut, &q) == ERR_RETRY);
        OK(says("content-encoding is broken"));
    }
    OK(ask(SV("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"), &q) == ERR_OK);
}

static void the_limit_counts_unpacked_bytes_exactly(void)
{
    struct http_request q = { .body_limit_bytes = 13 };

    OK(ask_gzip(SV("one two three"), 1, 0, &q) == ERR_LIMIT); /* the wire form is larger already */
    q.body_limit_bytes = 52;
    OK(ask_gzip(SV("one two three one two three one two three one two th"), 1, 0, &q) == ERR_OK);
    q.body_limit_bytes = 51;
    OK(ask_gzip(SV("one two three one two three one two three one two th"), 1, 0, &q) == ERR_LIMIT);
}

static void a_broken_answer_is_worth_a_retry(void)
{
    /* clang-format off */
    static const char *const rows[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\nabcdefghijklmnopqrst",
        "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
        "220 mail.example ESMTP\r\n",
        "",
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_request q = { 0 };

        printf("# row %zu\n", i);
        OK(ask(sv_of(rows[i]), &q) == ERR_RETRY);
        OK(says("http://127.0.0.1:"));
    }
}

static void an_error_status_is_an_answer_and_redirects_are_not_followed(void)
{
    struct http_request q = { 0 };

    OK(ask(SV("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), &q) == ERR_OK);
    OK(r.status == 302);
    OK(sv_eq(http_response_header(&r, SV("location")), SV("http://127.0.0.1:1/")));
    OK(ask(SV("HTTP/1.1 529 busy\r\nContent-Length: 1\r\n\r\nx"), &q) == ERR_OK);
    OK(r.status == 529 && r.body.len == 1);
}

static void connections_are_kept(void)
{
    struct canned k;
    struct http_request q = { 0 };

    OK(canned_start(&k, SV("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), true));
    for (int i = 0; i < 5; i++)
        OK(loop_get(plain, k.port, &q, &r, &e) == ERR_OK);
    OK(k.accepted == 1 && k.answered == 5);
    canned_stop(&k);
}

static void a_server_that_never_answers_runs_into_the_timeout(void)
{
    struct canned k;
    struct http_request q = { .timeout_ms = 300 };

    OK(canned_start(&k, SV(""), true));
    OK(loop_get(plain, k.port, &q, &r, &e) == ERR_RETRY);
    OK(r.elapsed_real_ms >= 290 && r.elapsed_real_ms < 5000);
    OK(says("no complete answer within"));
    canned_stop(&k);
}

static void *cancel_when_asked(void *arg)
{
    struct canned *k = ((void **)arg)[0];

    while (k->answered == 0)
        sched_yield();
    http_client_cancel(((void **)arg)[1]);
    return NULL;
}

static void cancel_ends_a_running_request_and_all_later_ones(void)
{
    struct canned k;
    struct http_request q = { 0 };
    struct http_client *c = loop_client(NULL);
    void *arg[] = { &k, c };
    pthread_t other;

    OK(canned_start(&k, SV(""), true));
    OK(pthread_create(&other, NULL, cancel_when_asked, arg) == 0);
    OK(loop_get(c, k.port, &q, &r, &e) == ERR_CANCELLED);
    OK(r.elapsed_real_ms < 10000);
    pthread_join(other, NULL);
    OK(loop_get(c, k.port, &q, &r, &e) == ERR_CANCELLED);
    OK(k.answered == 1);
    canned_stop(&k);
    http_client_free(c);
}

static void a_dead_port_is_told_with_the_address(void)
{
    struct canned k;
    struct http_request q = { 0 };

    OK(canned_start(&k, SV(""), false));
    canned_stop(&k);
    OK(loop_get(plain, k.port, &q, &r, &e) == ERR_RETRY);
    OK(says("no connection; check address") && says("127.0.0.1"));
}

static void a_name_that_does_not_resolve_says_so(void)
{
    /* A label of 64 letters fails in the resolver itself, without a network. */
    OK(ask_url(plain, "https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example/") ==
       ERR_RETRY);
    OK(says("does not resolve"));
}

static void an_untrusted_certificate_is_a_matter_of_configuration(void)
{
    struct http_server *s = loop_server(routes, NULL, true);
    struct http_client *c = loop_client("other.pem");
    struct http_request q = { 0 };

    OK(loop_do(c, s, true, "/echo?sig=secret", &q, &r, &e) == ERR_CONFIG);
    OK(says("https://127.0.0.1:") && says("set ca_file"));
    OK(!sv_has(sv_of(e.text), SV("secret")));
    OK(loop_do(plain, s, true, "/echo", &q, &r, &e) == ERR_CONFIG);
    http_client_free(c);
    http_server_stop(s);
}

static void a_certificate_for_another_name_is_not_trusted(void)
{
    char cert[96], key[96], url[64];
    struct http_server_options o = { .listen = "127.0.0.2:0",
                                     .tls_cert_file = loop_path("server.pem", cert),
                                     .tls_key_file = loop_path("server.key", key) };
    struct http_server *s = http_server_start(&o, routes, NULL, &e);
    struct http_client *c = loop_client("ca.pem");

    OK(s != NULL);
    snprintf(url, sizeof url, "https://127.0.0.2:%u/echo", http_server_port(s));
    OK(ask_url(c, url) == ERR_CONFIG);
    OK(says("127.0.0.2"));
    http_client_free(c);
    http_server_stop(s);
}

static void tls_to_a_plain_server_is_worth_a_retry(void)
{
    struct http_server *s = loop_server(routes, NULL, false);
    struct http_request q = { 0 };

    OK(loop_do(plain, s, true, "/echo", &q, &r, &e) == ERR_RETRY);
    OK(says("TLS handshake"));
    http_server_stop(s);
}

static void an_unreadable_ca_file_is_told_at_once(void)
{
    char path[96];
    struct http_client_options o = { .ca_file = "/nonexistent/ca.pem" };
    struct http_client *c;
    FILE *f = fopen(loop_path("bad.pem", path), "w");

    OK(http_client_new(&o, &e) == NULL);
    OK(e.code == ERR_CONFIG && says("/nonexistent/ca.pem"));
    OK(f && fputs("no certificate\n", f) >= 0 && fclose(f) == 0);
    c = loop_client("bad.pem");
    OK(ask_url(c, "https://127.0.0.1:1/") == ERR_RETRY || e.code == ERR_CONFIG);
    http_client_free(c);
}

static void only_https_urls_are_taken_unless_allowed(void)
{
    static const char *const bad[] = { "",
                                       "127.0.0.1",
                                       "ftp://127.0.0.1/",
                                       "file:///etc/passwd",
                                       "https://",
                                       "https://a b/",
                                       "https://a/\r\nx: y",
                                       "https://a\\@b/",
                                       "https://a:99999/",
                                       "https://user:pw@127.0.0.1:1/" };
    struct http_client_options o = { 0 };
    struct http_client *c = http_client_new(&o, &e);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        printf("# %s\n", bad[i]);
        OK(ask_url(c, bad[i]) == ERR_CONFIG);
        OK(!sv_has(sv_of(e.text), SV("pw")));
    }
    OK(ask_url(c, "http://127.0.0.1:1/") == ERR_CONFIG);
    OK(says("plain http is refused"));
    http_client_free(c);
}

static void the_environment_names_no_proxy_but_the_options_do(void)
{
    struct canned k;
    struct http_request q = { 0 };
    char proxy[64];
    struct http_client_options o = { .allow_plain = true, .proxy = proxy };
    struct http_client *c;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    OK(ask(SV("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), &q) == ERR_OK);
    setenv("no_proxy", "*", 1);
    OK(canned_start(&k, SV("HTTP/1.1 218 proxy\r\nContent-Length: 0\r\n\r\n"), false));
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", k.port);
    c = http_client_new(&o, &e);
    OK(ask_url(c, "http://192.0.2.1/") == ERR_OK && r.status == 218);
    canned_stop(&k);
    OK(canned_start(&k, SV("HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n"), false));
    http_client_free(c);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", k.port);
    c = http_client_new(&o, &e);
    OK(ask_url(c, "https://192.0.2.1/") == ERR_CONFIG);
    OK(says("the proxy refuses"));
    canned_stop(&k);
    http_client_free(c);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    unsetenv("no_proxy");
}

static bool origin_is(const char *url, const char *want)
{
    char out[128] = "";

    return http_origin(sv_of(url), out, sizeof out) ? strcmp(out, want) == 0 : *want == '\0';
}

static void origins_compare_as_they_connect(void)
{
    char tiny[8];

    OK(origin_is("HTTPS://Management.Azure.COM:443/a?b", "https://management.azure.com"));
    OK(origin_is("https://a.example", "https://a.example"));
    OK(origin_is("http://a.example:80/", "http://a.example"));
    OK(origin_is("http://a.example:443/", "http://a.example:443"));
    OK(origin_is("https://[::1]:8443/x", "https://[::1]:8443"));
    OK(origin_is("https://good.example@evil.example/", "https://evil.example"));
    OK(origin_is("https://evil.example#@good.example/", "https://evil.example"));
    OK(origin_is("https://evil.example\\@good.example/", ""));
    OK(origin_is("//a.example/", ""));
    OK(origin_is("javascript:alert(1)", ""));
    OK(!http_origin(SV("https://a.example/"), tiny, sizeof tiny));
}

static void escaping_leaves_unreserved_bytes(void)
{
    struct buf b;

    buf_init(&b, 0);
    http_escape(&b, SV("aZ09-._~ /?\xc3\xa9\0%"));
    OK(sv_eq(buf_sv(&b), SV("aZ09-._~%20%2F%3F%C3%A9%00%25")));
    buf_clear(&b);
    http_escape_path(&b, SV("/a b/\0"));
    OK(sv_eq(buf_sv(&b), SV("/a%20b/%00")));
    buf_done(&b);
}

int main(void)
{
    OK(loop_certificates());
    plain = loop_client(NULL);
    OK(plain != NULL);
    RUN(a_page_comes_over_plain_and_tls);
    RUN(head_has_no_body_and_put_has_one);
    RUN(only_the_callers_headers_are_sent);
    RUN(a_header_cannot_be_smuggled_in);
    RUN(the_head_is_read_in_lower_case_without_interim_answers);
    RUN(retry_after_takes_seconds_or_a_date_against_the_servers_clock);
    RUN(a_retry_date_without_the_servers_date_is_held_against_our_clock);
    RUN(an_answer_over_the_limit_is_refused);
    RUN(a_chunked_answer_over_the_limit_is_refused);
    RUN(a_head_without_end_is_refused);
    RUN(answers_are_compressed_on_the_wire);
    RUN(a_decompression_bomb_is_stopped_at_the_limit);
    RUN(a_gzip_stream_that_stops_early_is_no_answer);
    RUN(the_limit_counts_unpacked_bytes_exactly);
    RUN(a_broken_answer_is_worth_a_retry);
    RUN(an_error_status_is_an_answer_and_redirects_are_not_followed);
    RUN(connections_are_kept);
    RUN(a_server_that_never_answers_runs_into_the_timeout);
    RUN(cancel_ends_a_running_request_and_all_later_ones);
    RUN(a_dead_port_is_told_with_the_address);
    RUN(a_name_that_does_not_resolve_says_so);
    RUN(an_untrusted_certificate_is_a_matter_of_configuration);
    RUN(a_certificate_for_another_name_is_not_trusted);
    RUN(tls_to_a_plain_server_is_worth_a_retry);
    RUN(an_unreadable_ca_file_is_told_at_once);
    RUN(only_https_urls_are_taken_unless_allowed);
    RUN(the_environment_names_no_proxy_but_the_options_do);
    RUN(origins_compare_as_they_connect);
    RUN(escaping_leaves_unreserved_bytes);
    http_response_done(&r);
    http_client_free(plain);
    loop_cleanup();
    return tap_done();
}
