/* The server, asked by our own client and, where that one is too polite, over a bare socket. */
#include <crypt.h>
#include <errno.h>

#include "collector/net/http_auth.h"
#include "collector/net/http_body.h"
#include "collector/net/http_server.h"

#include "tests/collector/net/loop.h"
#include "tests/tap.h"

static struct http_server *server;
static struct http_client *client;
static struct http_response r;
static struct buf raw;
static struct err e;
static struct http_body *page; /* shared by many answers */
static _Atomic unsigned handled;

static void on_request(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx;
    handled++;
    buf_printf(&a->body, "method=%.*s path=%.*s target=%.*s a=%.*s%s peer=%.*s x=%.*s body=%.*s\n", SV_ARG(q->method),
               SV_ARG(q->path), SV_ARG(http_server_raw_target(q)), SV_ARG(http_server_query(q, "a")),
               http_server_has_query(q, "b") ? " b" : "", SV_ARG(q->peer), SV_ARG(http_server_header(q, "x-test")),
               SV_ARG(q->body));
}

static void on_named(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx, (void)q;
    a->status = 201;
    a->content_type = "application/json";
    buf_put(&a->body, SV("{}"));
    OK(http_server_set_header(a, SV("X-Named"), SV("yes")));
    OK(!http_server_set_header(a, SV("X-Evil"), SV("a\r\nb: c")));
    OK(!http_server_set_header(a, SV("X Evil"), SV("a")));
    OK(!http_server_set_header(a, SV(""), SV("a")));
}

static void on_shared(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx, (void)q;
    a->shared = http_body_ref(page);
}

static void on_packed(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx, (void)q;
    http_gzip(http_body_sv(page), &a->body, 9);
    while (a->body.len < 4096)
        http_gzip(http_body_sv(page), &a->body, 9);
    http_server_set_header(a, SV("content-encoding"), SV("gzip"));
}

static void on_too_much(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx, (void)q;
    buf_put(&a->body, SV("half of "));
    a->body.limit_bytes = 10;
    buf_put(&a->body, SV("an answer"));
}

static void on_prefix(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx, (void)q;
    buf_put(&a->body, SV("prefix"));
}

static const struct http_route routes[] = {
    { .method = "GET", .path = "/v1/*", .handle = on_prefix },
    { .method = "GET", .path = "/v1/long/*", .handle = on_request },
    { .method = "POST", .path = "/v1/long/exact", .body_limit_bytes = 100, .handle = on_named },
    { .method = "GET", .path = "/r", .handle = on_request },
    { .method = "POST", .path = "/r", .body_limit_bytes = 1000, .handle = on_request },
    { .method = "GET", .path = "/shared", .handle = on_shared },
    { .method = "GET", .path = "/packed", .handle = on_packed },
    { .method = "GET", .path = "/too-much", .handle = on_too_much },
    { .method = "GET", .path = "/open", .open = true, .handle = on_prefix },
    { .method = "POST", .path = "/large", .body_limit_bytes = 8 << 20, .handle = on_request },
    { 0 },
};

static int get(const char *path)
{
    struct http_request q = { 0 };

    return loop_do(client, server, false, path, &q, &r, &e) ? -1 : r.status;
}

static int post(const char *path, sv body)
{
    struct http_request q = { .method = "POST", .body = body };

    return loop_do(client, server, false, path, &q, &r, &e) ? -1 : r.status;
}

static bool body_has(const char *part)
{
    return sv_has(buf_sv(&r.body), sv_of(part)) ||
           (printf("# body: %.*s\n", SV_ARG(sv_first(buf_sv(&r.body), 300))), false);
}

static sv send_raw(const char *bytes)
{
    return loop_raw(http_server_port(server), sv_of(bytes), &raw);
}

static void unknown_paths_and_methods_are_told_apart(void)
{
    struct http_request q = { .method = "DELETE" };

    OK(get("/nothing") == 404);
    OK(loop_do(client, server, false, "/r", &q, &r, &e) == ERR_OK && r.status == 405);
    OK(sv_eq(http_response_header(&r, SV("allow")), SV("GET, HEAD, POST")));
    OK(post("/nothing", SV("x")) == 404);
    OK(get("/r/") == 404);
    OK(get("/r%00") == 404);
    OK(get("") == 404); /* "/" */
}

static void the_most_specific_route_wins(void)
{
    OK(get("/v1/") == 200 && body_has("prefix"));
    OK(get("/v1/a/b") == 200 && body_has("prefix"));
    OK(get("/v1/long/a") == 200 && body_has("path=/v1/long/a"));
    OK(get("/v1/long/exact") == 405);
    OK(sv_eq(http_response_header(&r, SV("allow")), SV("POST")));
    OK(post("/v1/long/exact", SV("{}")) == 201);
    OK(sv_eq(http_response_header(&r, SV("content-type")), SV("application/json")));
    OK(sv_eq(http_response_header(&r, SV("x-named")), SV("yes")));
    OK(http_response_header(&r, SV("x-evil")).len == 0);
}

static void a_handler_sees_the_request_decoded_and_raw(void)
{
    struct http_request q = { .method = "GET" };

    OK(http_request_header(&q, SV("X-Test"), SV("header value")));
    OK(loop_do(client, server, false, "/v1/long/%41%2fb%zz%4?a=x%20y%26&b&a=2", &q, &r, &e) == ERR_OK);
    OK(body_has("method=GET path=/v1/long/A/b%zz%4 target=/v1/long/%41%2fb%zz%4?a=x%20y%26&b&a=2 a=x y& b "
                "peer=127.0.0.1 x=header value body=\n"));
    OK(get("/r?c=1") == 200 && body_has(" a= peer="));
}

static void head_is_get_without_the_body(void)
{
    sv answer = send_raw("HEAD /r HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

    OK(sv_starts(answer, SV("HTTP/1.1 200 OK\r\n")));
    OK(sv_has(answer, SV("Content-Length: ")) && sv_ends(answer, SV("\r\n\r\n")));
    answer = send_raw("HEAD /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    OK(sv_starts(answer, SV("HTTP/1.1 405 ")));
}

static char filler[6 << 20];

static void a_body_over_its_limit_is_refused_and_the_client_is_told(void)
{
    unsigned before = handled;

    memset(filler, 'f', sizeof filler);
    OK(post("/r", sv_make(filler, 1001)) == 413);
    OK(post("/r", sv_make(filler, 3 << 20)) == 413); /* drained, so that the answer arrives */
    OK(post("/shared", SV("x")) == 405);
    OK(post("/nothing", sv_make(filler, 3 << 20)) == 404);
    OK(handled == before);
    OK(post("/r", sv_make(filler, 1000)) == 200);
    OK(post("/large", sv_make(filler, sizeof filler)) == 200 && r.body.len > sizeof filler);
    OK(handled == before + 2);
}

static void a_get_with_a_body_is_refused(void)
{
    OK(sv_starts(send_raw("GET /r HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"),
                 SV("HTTP/1.1 413 ")));
}

static void a_chunked_body_over_its_limit_is_refused(void)
{
    struct buf b;

    buf_init(&b, 0);
    buf_put(&b, SV("POST /r HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 30; i++)
        buf_printf(&b, "64\r\n%.100s\r\n", filler);
    buf_put(&b, SV("0\r\n\r\n"));
    OK(sv_starts(loop_raw(http_server_port(server), buf_sv(&b), &raw), SV("HTTP/1.1 413 ")));
    buf_done(&b);
}

static void who_asks_first_is_refused_without_sending(void)
{
    OK(sv_starts(send_raw("POST /r HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"),
                 SV("HTTP/1.1 413 ")));
    OK(sv_starts(send_raw("POST /r HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"),
                 SV("HTTP/1.1 4")));
    OK(sv_starts(send_raw("POST /r HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\n"),
                 SV("HTTP/1.1 413 ")));
}

static void the_connection_survives_a_refusal(void)
{
    sv answer = send_raw("POST /r HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                         "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"
                         "GET /r HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

    OK(sv_starts(answer, SV("HTTP/1.1 200 ")));
    OK(sv_has(answer, SV("HTTP/1.1 404 ")));
    OK(sv_has(answer, SV("method=GET path=/r ")));
}

static sv with_encoding(const char *path, const char *accept)
{
    char text[300];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: %s\r\n\r\n", path,
             accept);
    return send_raw(text);
}

static void gzip_is_given_to_who_takes_it(void)
{
    /* clang-format off */
    static const struct { const char *accept; bool gzip; } rows[] = {
        { "gzip", true },
        { "deflate, GZIP;q=0.5, br", true },
        { "x-gzip", true },
        { "*", true },
        { "gzip;q=0", false },
        { "gzip; q=0.0, *", false },
        { "gzip;q=nonsense", false },
        { "deflate, br", false },
        { "gzipped", false },
        { "", false },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sv answer = with_encoding("/shared", rows[i].accept);

        printf("# Accept-Encoding: %s\n", rows[i].accept);
        OK(sv_has(answer, SV("Content-Encoding: gzip\r\n")) == rows[i].gzip);
        OK(sv_has(answer, SV("Vary: Accept-Encoding\r\n")));
        OK(sv_ends(answer, http_body_sv(page)) != rows[i].gzip);
    }
    OK(!sv_has(with_encoding("/r", "gzip"), SV("Content-Encoding"))); /* too small to pay */
    OK(get("/shared") == 200 && sv_eq(buf_sv(&r.body), http_body_sv(page)));
    OK(r.wire_bytes < r.body.len / 2);
}

static void what_the_handler_packed_is_not_packed_again(void)
{
    sv answer = with_encoding("/packed", "gzip");
    size_t first = 0;

    while (first + 17 < answer.len && !sv_starts_nocase(sv_skip(answer, first), SV("content-encoding:")))
        first++;
    OK(first + 17 < answer.len);
    OK(!sv_has(sv_skip(answer, first + 1), SV("Content-Encoding")));
    OK(get("/packed") == 200 && sv_starts(buf_sv(&r.body), http_body_sv(page)));
}

static void a_shared_body_is_packed_once(void)
{
    sv one, two;

    OK(http_body_gzip(page, &one) && http_body_gzip(page, &two));
    OK(one.at == two.at && one.len == two.len && one.len < http_body_sv(page).len);
}

static void a_failed_buffer_is_no_body(void)
{
    struct buf b;

    buf_init(&b, 2);
    buf_put(&b, SV("abc"));
    OK(http_body_new(&b) == NULL);
    buf_done(&b);
    OK(get("/too-much") == 500 && !sv_has(buf_sv(&r.body), SV("half")));
    http_body_unref(NULL);
    OK(http_body_ref(NULL) == NULL);
}

static void nonsense_does_not_harm(void)
{
    static const char *const rows[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET /r HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
        "GET /r HTTP/1.1\r\nHost x\r\n\r\n",
        "POST /r HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /r HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nzz\r\n",
    };
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = loop_connect(http_server_port(server));

        OK(fd >= 0 && send(fd, rows[i], strlen(rows[i]), MSG_NOSIGNAL) == (ssize_t)strlen(rows[i]));
        close(fd);
    }
    buf_put(&b, SV("GET /r HTTP/1.1\r\nX: "));
    buf_put(&b, sv_make(filler, 200000));
    buf_put(&b, SV("\r\n\r\n"));
    loop_raw(http_server_port(server), buf_sv(&b), &raw);
    OK(raw.len == 0 || sv_starts(buf_sv(&raw), SV("HTTP/1.1 4")));
    buf_done(&b);
    OK(get("/r") == 200);
}

/* Users. */

static char hash_of_secret[CRYPT_OUTPUT_SIZE];

static bool make_hash(void)
{
    struct crypt_data d = { 0 };
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash = crypt_gensalt_rn("$2b$", 4, "0123456789abcdef", 16, setting, sizeof setting)
                           ? crypt_r("secret", setting, &d)
                           : NULL;

    snprintf(hash_of_secret, sizeof hash_of_secret, "%s", hash ? hash : "");
    return hash && hash[0] == '$';
}

static int get_as(struct http_server *s, const char *path, const char *authorization)
{
    struct http_request q = { 0 };

    if (authorization)
        OK(http_request_header(&q, SV("Authorization"), sv_of(authorization)));
    return loop_do(client, s, false, path, &q, &r, &e) ? -1 : r.status;
}

static void users_are_asked_for_their_password(void)
{
    struct http_user users[] = { { "root", hash_of_secret }, { "prometheus", hash_of_secret } };
    struct http_server_options o = { .listen = "127.0.0.1:0", .users = users, .n_users = 2 };
    struct http_server *s = http_server_start(&o, routes, NULL, &e);

    OK(s != NULL);
    OK(get_as(s, "/r", NULL) == 401);
    OK(sv_starts(http_response_header(&r, SV("www-authenticate")), SV("Basic realm=")));
    OK(get_as(s, "/r", "Basic cHJvbWV0aGV1czpzZWNyZXQ=") == 200); /* prometheus:secret */
    OK(get_as(s, "/r", "basic cm9vdDpzZWNyZXQ=") == 200);         /* root:secret */
    OK(get_as(s, "/r", "Basic cHJvbWV0aGV1czpzZWNyZXQy") == 401); /* prometheus:secret2 */
    OK(get_as(s, "/r", "Basic bm9ib2R5OnNlY3JldA==") == 401);     /* nobody:secret */
    OK(get_as(s, "/r", "Basic bm9ib2R5") == 401);                 /* nobody */
    OK(get_as(s, "/r", "Basic ====") == 401);
    OK(get_as(s, "/r", "Basic not-base64!") == 401);
    OK(get_as(s, "/r", "Basic") == 401);
    OK(get_as(s, "/r", "Bearer cHJvbWV0aGV1czpzZWNyZXQ=") == 401);
    OK(get_as(s, "/open", NULL) == 200);
    OK(get_as(s, "/nothing", NULL) == 404);
    http_server_stop(s);
}

static void guessing_is_slowed_down_but_known_users_pass(void)
{
    struct http_user user = { "prometheus", hash_of_secret };
    struct http_auth *a = http_auth_new(&user, 1, &e);
    unsigned busy = 0;

    OK(http_auth_check(a, SV("prometheus"), SV("secret")) == HTTP_AUTH_GOOD);
    for (int i = 0; i < 200; i++) {
        char guess[16];

        snprintf(guess, sizeof guess, "guess%d", i);
        enum http_auth_verdict v = http_auth_check(a, SV("prometheus"), sv_of(guess));

        busy += v == HTTP_AUTH_BUSY;
        if (v == HTTP_AUTH_GOOD)
            OK(false);
    }
    OK(busy > 100);
    OK(http_auth_check(a, SV("prometheus"), SV("secret")) == HTTP_AUTH_GOOD);
    OK(http_auth_check(a, SV("prometheus"), sv_make(filler, 300)) == HTTP_AUTH_BAD);
    http_auth_free(a);
}

static void a_hash_of_unknown_kind_is_told_at_start(void)
{
    struct http_user users[] = { { "a", hash_of_secret }, { "b", "plain text!" } };
    struct http_server_options o = { .listen = "127.0.0.1:0", .users = users, .n_users = 2 };

    OK(http_server_start(&o, routes, NULL, &e) == NULL);
    OK(e.code == ERR_CONFIG && sv_has(sv_of(e.text), SV("user 2")));
    OK(!sv_has(sv_of(e.text), SV("plain text")));
}

/* Listening. */

static void it_listens_where_it_is_told(void)
{
    static const char *const good[] = { "127.0.0.1:0", "[::1]:0", ":0", "localhost:0" };
    static const char *const hosts[] = { "127.0.0.1", "[::1]", "127.0.0.1", "localhost" };
    static const char *const bad[] = {
        "", "13300", "127.0.0.1:", "127.0.0.1:http!", "[::1:0", "300.1.2.3:0", "[zz]:0"
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct http_server_options o = { .listen = good[i], .threads = 1 };
        struct http_server *s = http_server_start(&o, routes, NULL, &e);
        struct http_request q = { .method = "GET" };
        char url[64];

        printf("# %s\n", good[i]);
        if (!s && sv_has(sv_of(good[i]), SV("::1")) && e.sys == EADDRNOTAVAIL)
            continue; /* a machine without IPv6 */
        OK(s && http_server_port(s) > 0);
        snprintf(url, sizeof url, "http://%s:%u/r", hosts[i], http_server_port(s));
        q.url = sv_of(url);
        OK(http_do(client, &q, &r, &e) == ERR_OK && r.status == 200);
        /* "localhost" is ::1 on one machine and 127.0.0.1 on the other. */
        OK(body_has(good[i][0] == '[' ? "peer=::1 " : "peer=127.0.0.1 ") ||
           (good[i][0] == 'l' && body_has("peer=::1 ")));
        http_server_stop(s);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_server_options o = { .listen = bad[i] };

        printf("# %s\n", bad[i]);
        OK(http_server_start(&o, routes, NULL, &e) == NULL && e.code == ERR_CONFIG);
    }
}

static void a_taken_port_is_named(void)
{
    char listen_at[32];
    struct http_server_options o = { .listen = listen_at };

    snprintf(listen_at, sizeof listen_at, "127.0.0.1:%u", http_server_port(server));
    OK(http_server_start(&o, routes, NULL, &e) == NULL);
    OK(e.code == ERR_IO && e.sys == EADDRINUSE && sv_has(sv_of(e.text), sv_of(listen_at)));
}

static void bad_certificates_are_told_at_start(void)
{
    char cert[96], key[96];
    struct http_server_options o = { .listen = "127.0.0.1:0", .tls_cert_file = loop_path("server.pem", cert) };

    OK(http_server_start(&o, routes, NULL, &e) == NULL && e.code == ERR_CONFIG);
    o.tls_key_file = "/nonexistent.key";
    OK(http_server_start(&o, routes, NULL, &e) == NULL && sv_has(sv_of(e.text), SV("/nonexistent.key")));
    o.tls_key_file = loop_path("ca.key", key); /* another's key */
    OK(http_server_start(&o, routes, NULL, &e) == NULL && e.code == ERR_CONFIG);
    printf("# %s\n", e.text);
    o.tls_cert_file = loop_path("log", cert);
    OK(http_server_start(&o, routes, NULL, &e) == NULL && e.code == ERR_CONFIG);
    printf("# %s\n", e.text);
}

static void idle_connections_make_room(void)
{
    struct http_server_options o = { .listen = "127.0.0.1:0", .threads = 1, .max_connections = 2, .idle_timeout_s = 1 };
    struct http_server *s = http_server_start(&o, routes, NULL, &e);
    int one = loop_connect(http_server_port(s)), two = loop_connect(http_server_port(s));
    char byte;

    OK(one >= 0 && two >= 0);
    OK(send(one, "GET /r", 6, MSG_NOSIGNAL) == 6 && send(two, "GET /r", 6, MSG_NOSIGNAL) == 6);
    OK(recv(one, &byte, 1, 0) <= 0 && errno != EAGAIN);
    OK(recv(two, &byte, 1, 0) <= 0 && errno != EAGAIN);
    OK(get_as(s, "/r", NULL) == 200);
    close(one);
    close(two);
    http_server_stop(s);
    http_server_stop(NULL);
}

int main(void)
{
    struct buf b;

    OK(loop_certificates() && make_hash());
    buf_init(&b, 0);
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "genai_requests_total{n=\"%d\"} %d\n", i, i * 7);
    page = http_body_new(&b);
    server = loop_server(routes, NULL, false);
    client = loop_client(NULL);
    OK(page && server && client);
    RUN(unknown_paths_and_methods_are_told_apart);
    RUN(the_most_specific_route_wins);
    RUN(a_handler_sees_the_request_decoded_and_raw);
    RUN(head_is_get_without_the_body);
    RUN(a_body_over_its_limit_is_refused_and_the_client_is_told);
    RUN(a_get_with_a_body_is_refused);
    RUN(a_chunked_body_over_its_limit_is_refused);
    RUN(who_asks_first_is_refused_without_sending);
    RUN(the_connection_survives_a_refusal);
    RUN(gzip_is_given_to_who_takes_it);
    RUN(what_the_handler_packed_is_not_packed_again);
    RUN(a_shared_body_is_packed_once);
    RUN(a_failed_buffer_is_no_body);
    RUN(nonsense_does_not_harm);
    RUN(users_are_asked_for_their_password);
    RUN(guessing_is_slowed_down_but_known_users_pass);
    RUN(a_hash_of_unknown_kind_is_told_at_start);
    RUN(it_listens_where_it_is_told);
    RUN(a_taken_port_is_named);
    RUN(bad_certificates_are_told_at_start);
    RUN(idle_connections_make_room);
    http_client_free(client);
    http_server_stop(server);
    http_body_unref(page);
    http_response_done(&r);
    buf_done(&raw);
    loop_cleanup();
    return tap_done();
}
