/*
 * Everything of net that several threads share, at once: one client in many threads against one server (TLS, users, a
 * shared body that is packed by whoever comes first), one set of rate limits, and a cancel in the middle.
 */
#include <crypt.h>

#include "collector/net/rate_limit.h"

#include "tests/collector/net/loop.h"
#include "tests/tap.h"

enum { THREADS = 6, REQUESTS = 25 };

static struct http_server *server;
static struct http_client *client;
static struct http_body *page;
static struct rate_limits *limits;

static void on_shared(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx, (void)q;
    a->shared = http_body_ref(page);
}

static void on_echo(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx;
    buf_put(&a->body, q->body);
}

static const struct http_route routes[] = {
    { .method = "GET", .path = "/shared", .handle = on_shared },
    { .method = "POST", .path = "/echo", .body_limit_bytes = 1 << 20, .handle = on_echo },
    { 0 },
};

static bool echoes(unsigned id, struct http_response *r)
{
    struct http_request q = { .method = "POST" };
    char text[2000];
    struct err e;

    memset(text, (int)('a' + id), sizeof text);
    q.body = sv_make(text, sizeof text);
    return http_request_header(&q, SV("Authorization"), SV("Basic cHJvbWV0aGV1czpzZWNyZXQ=")) &&
           loop_do(client, server, true, "/echo", &q, r, &e) == ERR_OK && r->status == 200 &&
           sv_eq(buf_sv(&r->body), q.body);
}

static bool reads_the_page(struct http_response *r)
{
    struct http_request q = { .method = "GET" };
    struct err e;

    return http_request_header(&q, SV("Authorization"), SV("Basic cHJvbWV0aGV1czpzZWNyZXQ=")) &&
           loop_do(client, server, true, "/shared", &q, r, &e) == ERR_OK && r->status == 200 &&
           sv_eq(buf_sv(&r->body), http_body_sv(page));
}

static void *work(void *arg)
{
    unsigned *good = arg;
    unsigned id = *good;
    struct http_response r = { 0 };

    *good = 0;
    for (unsigned i = 0; i < REQUESTS; i++) {
        *good += rate_take(limits, SV("shared quota"), 5, 2000, 60000, NULL) == ERR_OK;
        *good += i % 2 ? echoes(id, &r) : reads_the_page(&r);
    }
    http_response_done(&r);
    return NULL;
}

static void many_threads_share_one_client_and_one_server(void)
{
    pthread_t threads[THREADS];
    unsigned good[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        good[i] = i;
        OK(pthread_create(&threads[i], NULL, work, &good[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        OK(good[i] == 2 * REQUESTS);
    }
}

static _Atomic unsigned seen_cancelled;

static void *work_until_cancelled(void *arg)
{
    struct http_response r = { 0 };
    struct http_request q = { .method = "GET" };
    enum err_code code;
    struct err e;

    (void)arg;
    do
        code = loop_do(client, server, true, "/shared", &q, &r, &e);
    while (code == ERR_OK);
    seen_cancelled += code == ERR_CANCELLED;
    seen_cancelled += rate_take(limits, SV("a"), 1, 0.001, 3600000, &e) == ERR_CANCELLED;
    http_response_done(&r);
    return NULL;
}

static void cancel_reaches_every_thread(void)
{
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++)
        OK(pthread_create(&threads[i], NULL, work_until_cancelled, NULL) == 0);
    http_client_cancel(client);
    rate_limits_cancel(limits);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    OK(seen_cancelled == 2 * THREADS);
}

static bool start(void)
{
    static char hash[CRYPT_OUTPUT_SIZE];
    static struct http_user user = { "prometheus", hash };
    struct crypt_data d = { 0 };
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], cert[96], key[96];
    struct http_server_options o = { .listen = "127.0.0.1:0", .threads = 3, .users = &user, .n_users = 1 };
    struct err e;
    struct buf b;

    if (!loop_certificates() || !crypt_gensalt_rn("$2b$", 4, "0123456789abcdef", 16, setting, sizeof setting))
        return false;
    snprintf(hash, sizeof hash, "%s", crypt_r("secret", setting, &d));
    buf_init(&b, 0);
    for (int i = 0; i < 3000; i++)
        buf_printf(&b, "genai_requests_total{n=\"%d\"} %d\n", i, i * 7);
    page = http_body_new(&b);
    o.tls_cert_file = loop_path("server.pem", cert);
    o.tls_key_file = loop_path("server.key", key);
    server = http_server_start(&o, routes, NULL, &e);
    client = loop_client("ca.pem");
    limits = rate_limits_new();
    return page && server && client && limits;
}

int main(void)
{
    OK(start());
    RUN(many_threads_share_one_client_and_one_server);
    RUN(cancel_reaches_every_thread);
    http_client_free(client);
    http_server_stop(server);
    http_body_unref(page);
    rate_limits_free(limits);
    loop_cleanup();
    return tap_done();
}
