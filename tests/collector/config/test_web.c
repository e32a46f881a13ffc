/* The exporter-toolkit's web configuration: what is taken, what is refused and why, and that a server obeys it. */
#include "collector/config/web.h"

#include "tests/collector/net/loop.h"
#include "tests/tap.h"

#define HASH "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW" /* of "secret" */

/* clang-format off */
static const struct { const char *text, *message; } bad[] = {
    { "tls_server_config: {cert_file: a.pem}\n", "etc/web.yaml:1: tls_server_config: both cert_file and key_file are needed" },
    { "tls_server_config: {}\n", "etc/web.yaml:1: tls_server_config: both cert_file and key_file are needed" },
    { "tls_server_config:\n  cert_file: a\n  key_flie: b\n", "etc/web.yaml:3: tls_server_config: unknown key 'key_flie', did you mean 'key_file'?" },
    { "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAndVerifyClientCert\n", "etc/web.yaml:4: tls_server_config: client_auth_type: client certificates are not checked here: use basic_auth_users, or a proxy in front" },
    { "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_ca_file: c\n", "etc/web.yaml:4: tls_server_config: client_ca_file: client certificates are not checked here: use basic_auth_users, or a proxy in front" },
    { "tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS10\n", "etc/web.yaml:4: tls_server_config: min_version: TLS 1.2 and 1.3 are spoken and nothing else: leave it out" },
    { "tls_server_config:\n  key: |\n    -----BEGIN\n", "etc/web.yaml:2: tls_server_config: key: write it to a file and name that in key_file" },
    { "http_server_config: {http2: true}\n", "etc/web.yaml:1: http_server_config: http2: only HTTP/1.1 is spoken: set it to false or leave it out" },
    { "http_server_config:\n  headers:\n    X-Frame-Option: deny\n", "etc/web.yaml:3: http_server_config.headers: unknown key 'X-Frame-Option', did you mean 'X-Frame-Options'?" },
    { "http_server_config: {headers: {X-Frame-Options: \"a\\r\\nSet-Cookie: b\"}}\n", "etc/web.yaml: http_server_config.headers: X-Frame-Options: want plain ASCII on one line" },
    { "rate_limit: {interval: 1s, burst: 2}\n", "etc/web.yaml:1: rate_limit: not supported, connections are limited by themselves: leave it out" },
    { "basic_auth_user: {joe: x}\n", "etc/web.yaml:1: unknown key 'basic_auth_user', did you mean 'basic_auth_users'?" },
    { "basic_auth_users: [joe]\n", "etc/web.yaml:1: basic_auth_users: want at most 1000 lines NAME: BCRYPT_HASH, found a list" },
    { "basic_auth_users:\n  joe: secret\n", "etc/web.yaml:2: basic_auth_users: 'joe': want a bcrypt hash: make one with htpasswd -nBC 10 NAME" },
    { "basic_auth_users:\n  joe: $2b$04$tooshort\n", "etc/web.yaml:2: basic_auth_users: 'joe': want a bcrypt hash: make one with htpasswd -nBC 10 NAME" },
    { "basic_auth_users:\n  joe: [" HASH "]\n", "etc/web.yaml:2: basic_auth_users: 'joe': want a bcrypt hash: make one with htpasswd -nBC 10 NAME" },
    { "basic_auth_users:\n  joe: $6$abcdefgh$0123456789012345678901234567890123456789012345678\n", "etc/web.yaml:2: basic_auth_users: 'joe': want a bcrypt hash: make one with htpasswd -nBC 10 NAME" },
    { "basic_auth_users:\n  joe: $2y$15$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n", "etc/web.yaml:2: basic_auth_users: 'joe': a bcrypt cost of 15 takes seconds for each check, want at most 14: make one with htpasswd -nBC 10 NAME" },
    { "basic_auth_users:\n  \"a:b\": " HASH "\n", "etc/web.yaml:2: basic_auth_users: 'a:b': a user name cannot hold a colon" },
};
/* clang-format on */

static void what_we_cannot_do_is_refused_with_the_reason(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct web_config w;
        struct err e = { 0 };

        if (!OK(web_parse(&w, "etc/web.yaml", sv_of(bad[i].text), &e) == ERR_CONFIG &&
                strcmp(e.text, bad[i].message) == 0))
            printf("# got  %s\n# want %s\n", e.text, bad[i].message);
        OK(!w.users && !w.tls_cert_file && !w.headers);
        web_done(&w);
    }
}

static void an_empty_file_is_plain_http_for_all(void)
{
    struct web_config w;
    struct err e = { 0 };

    OK(web_parse(&w, "web.yaml", SV_NONE, &e) == ERR_OK);
    OK(!w.tls_cert_file && !w.tls_key_file && w.n_users == 0 && !w.headers);
    web_done(&w);
}

static void a_full_file_is_taken(void)
{
    static const char text[] = "tls_server_config:\n"
                               "  cert_file: server.pem\n"
                               "  key_file: /abs/server.key\n"
                               "  client_auth_type: NoClientCert\n"
                               "  min_version: TLS12\n"
                               "http_server_config:\n"
                               "  http2: false\n"
                               "  headers: {X-Frame-Options: deny, X-Content-Type-Options: nosniff}\n"
                               "basic_auth_users:\n"
                               "  joe: " HASH "\n"
                               "  \"jo hn\": '$2y$10$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'\n";
    struct web_config w;
    struct err e = { 0 };

    if (!OK(web_parse(&w, "etc/web.yaml", SV(text), &e) == ERR_OK)) {
        printf("# %s\n", e.text);
        return;
    }
    OK(strcmp(w.tls_cert_file, "etc/server.pem") == 0);
    OK(strcmp(w.tls_key_file, "/abs/server.key") == 0);
    OK(strcmp(w.headers, "X-Content-Type-Options: nosniff\nX-Frame-Options: deny\n") == 0);
    OK(w.n_users == 2 && strcmp(w.users[0].name, "joe") == 0 && strcmp(w.users[0].crypt_hash, HASH) == 0);
    OK(strcmp(w.users[1].name, "jo hn") == 0);
    web_done(&w);
}

static void say_hello(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    (void)ctx;
    (void)q;
    buf_put(&r->body, SV("hello"));
}

static const struct http_route routes[] = { { .method = "GET", .path = "/", .handle = say_hello }, { 0 } };

/* From the file to the wire: TLS, user, header. */
static void a_server_obeys_it(void)
{
    char path[96];
    struct web_config w;
    struct http_server_options o = { .listen = "127.0.0.1:0" };
    struct http_request q = { 0 };
    struct http_response r = { 0 };
    struct http_server *s;
    struct http_client *c;
    struct err e = { 0 };
    FILE *f;

    f = loop_certificates() ? fopen(loop_path("bad.pem", path), "w") : NULL;
    if (!OK(f != NULL))
        return;
    fputs("tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
          "http_server_config: {headers: {X-Frame-Options: deny}}\n"
          "basic_auth_users: {joe: \"" HASH "\"}\n",
          f);
    fclose(f);
    if (!OK(web_load(&w, path, &e) == ERR_OK))
        printf("# %s\n", e.text);
    o.tls_cert_file = w.tls_cert_file;
    o.tls_key_file = w.tls_key_file;
    o.users = w.users;
    o.n_users = w.n_users;
    o.headers = w.headers;
    s = http_server_start(&o, routes, NULL, &e);
    c = loop_client("ca.pem");
    if (OK(s && c)) {
        OK(loop_do(c, s, true, "/", &q, &r, &e) == ERR_OK && r.status == 401);
        OK(sv_eq(http_response_header(&r, SV("x-frame-options")), SV("deny")));
        OK(http_request_header(&q, SV("Authorization"), SV("Basic am9lOnNlY3JldA==")));
        OK(loop_do(c, s, true, "/", &q, &r, &e) == ERR_OK && r.status == 200);
        OK(sv_eq(buf_sv(&r.body), SV("hello")));
        OK(sv_eq(http_response_header(&r, SV("x-frame-options")), SV("deny")));
    }
    http_response_done(&r);
    http_client_free(c);
    http_server_stop(s);
    web_done(&w);
    loop_cleanup();
}

int main(void)
{
    RUN(what_we_cannot_do_is_refused_with_the_reason);
    RUN(an_empty_file_is_plain_http_for_all);
    RUN(a_full_file_is_taken);
    RUN(a_server_obeys_it);
    return tap_done();
}
