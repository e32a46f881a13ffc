/* The client against our own server over loopback, plain and TLS. */
#include "collector/net/http_client.h"

#include "tests/collector/net/loop.h"
#include "tests/tap.h"

static void on_echo(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    (void)ctx;
    buf_printf(&r->body, "%.*s %.*s\n", SV_ARG(q->method), SV_ARG(http_server_raw_target(q)));
    buf_put(&r->body, q->body);
}

static const struct http_route routes[] = {
    { .method = "GET", .path = "/echo", .handle = on_echo },
    { .method = "POST", .path = "/echo", .body_limit_bytes = 1000, .handle = on_echo },
    { 0 },
};

static void a_page_comes_over_plain_and_tls(void)
{
    for (int tls = 0; tls < 2; tls++) {
        struct http_server *s = loop_server(routes, NULL, tls);
        struct http_client *c = loop_client(tls ? "ca.pem" : NULL);
        struct http_request q = { 0 }, p = { .method = "POST", .body = SV("hello") };
        struct http_response r = { 0 };
        struct err e = { 0 };

        OK(s && c);
        OK(loop_do(c, s, tls, "/echo?a=%20b", &q, &r, &e) == ERR_OK);
        OK(r.status == 200);
        OK(sv_eq(buf_sv(&r.body), SV("GET /echo?a=%20b\n")));
        OK(loop_do(c, s, tls, "/echo", &p, &r, &e) == ERR_OK);
        OK(sv_eq(buf_sv(&r.body), SV("POST /echo\nhello")));
        printf("# %s\n", e.text);
        http_response_done(&r);
        http_client_free(c);
        http_server_stop(s);
    }
}

int main(void)
{
    OK(loop_certificates());
    RUN(a_page_comes_over_plain_and_tls);
    loop_cleanup();
    return tap_done();
}
