/*
 * A request whose every allocation and every socket is refused, once and for good: it fails as a whole, says that the trouble is
 * this machine's, leaks nothing, never gives half a body, and the next one succeeds.
 */
#include <errno.h>
#include <zlib.h>

#include "collector/base/clock.h"
#include "collector/net/http_client.h"
#include "collector/net/sockets.h"

#include "tests/collector/net/loop.h"
#include "tests/torture.h"

enum { BODY = 300000 };

static struct http_server *server;
static struct http_client *client;

static void on_large(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx, (void)q;
    for (int i = 0; i < BODY; i++)
        buf_putc(&a->body, (char)('a' + i % 26));
}

static const struct http_route routes[] = { { .method = "GET", .path = "/large", .handle = on_large }, { 0 } };

static bool whole(const struct http_response *r)
{
    if (r->status != 200 || r->body.len != BODY)
        return false;
    for (size_t i = 0; i < BODY; i++)
        if (r->body.at[i] != (char)('a' + i % 26))
            return false;
    return true;
}

static enum err_code ask(struct http_response *r, struct err *e)
{
    struct http_request q = { .method = "GET", .timeout_ms = 10000 };
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/large", http_server_port(server));
    q.url = sv_of(url);
    (void)http_request_header(&q, SV("x-more"), SV("one"));
    return http_do(client, &q, r, e);
}

/* ---- memory ---- */

static bool request(void *ctx)
{
    struct http_client_options o = { .allow_plain = true };
    struct http_response r = { 0 };
    struct err e = { 0 };
    enum err_code code = ERR_LIMIT;
    bool good;

    (void)ctx;
    torture_begin();
    client = http_client_new(&o, &e);
    if (client)
        code = ask(&r, &e);
    torture_end();
    good = code == ERR_OK ? whole(&r) : torture_was_refused() && (code == ERR_LIMIT || code == ERR_RETRY);
    if (client)
        good = good && ask(&r, &e) == ERR_OK && whole(&r);
    http_response_done(&r);
    http_client_free(client);
    return good;
}

/* ---- sockets ---- */

/* clang-format off */
static const int refusals[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM, ENETUNREACH, EACCES };
/* clang-format on */

static struct {
    int nth, calls, error, open;
    bool for_good;
} net;

static int refusing_open(int family, int type, int protocol)
{
    int fd;

    net.calls++;
    if (net.nth && (net.calls == net.nth || (net.calls > net.nth && net.for_good))) {
        errno = net.error;
        return -1;
    }
    fd = sockets_system.open(family, type, protocol);
    net.open += fd >= 0;
    return fd;
}

static int counting_close(int fd)
{
    net.open--;
    return sockets_system.close(fd);
}

static const struct sockets refusing = { refusing_open, counting_close };

/* Three requests of three clients: each needs a socket of its own. */
static bool three_requests(int nth, bool for_good, int error)
{
    struct http_client_options o = { .allow_plain = true };
    bool good = true;

    memset(&net, 0, sizeof net);
    net.nth = nth;
    net.for_good = for_good;
    net.error = error;
    for (int i = 1; i <= 3; i++) {
        bool refused = i == nth || (i > nth && for_good);
        struct http_response r = { 0 };
        struct err e = { 0 };
        enum err_code code;

        client = http_client_new(&o, &e);
        code = ask(&r, &e);
        good = good && (refused ? code == ERR_IO && e.sys == error && r.body.len == 0 && r.status == 0
                                : code == ERR_OK && whole(&r));
        http_response_done(&r);
        http_client_free(client);
    }
    return good && net.calls >= 3 && net.open == 0;
}

static void a_socket_that_is_not_given_is_this_machines_trouble(void)
{
    unsigned bad = 0;

    sockets_set(&refusing);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        for (int nth = 1; nth <= 3; nth++)
            for (int good = 0; good < 2; good++)
                bad += !three_requests(nth, good, refusals[i]);
    sockets_set(NULL);
    OK(bad == 0);
}

static void a_server_that_is_not_there_is_not(void)
{
    struct http_client_options o = { .allow_plain = true };
    struct http_request q = { .method = "GET", .url = SV("http://127.0.0.1:1/"), .timeout_ms = 5000 };
    struct http_response r = { 0 };
    struct err e = { 0 };

    client = http_client_new(&o, &e);
    OK(http_do(client, &q, &r, &e) == ERR_RETRY);
    http_response_done(&r);
    http_client_free(client);
}

int main(void)
{
    server = loop_server(routes, NULL, false);
    if (OK(server != NULL)) {
        torture("a_request_is_answered_whole_or_fails", request, NULL);
        RUN(a_socket_that_is_not_given_is_this_machines_trouble);
        RUN(a_server_that_is_not_there_is_not);
    }
    http_server_stop(server);
    printf("# %lu allocations refused\n", torture_total);
    return tap_done();
}
