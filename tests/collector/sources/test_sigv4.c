/*
 * The signer against AWS's published suite (38 cases, header form), against the seven requests that this product sends
 * (every intermediate text), and on the wire: what a server receives is what was signed.
 */
#include <ctype.h>

#include "collector/base/clock.h"
#include "collector/sources/sigv4.h"

#include "tests/collector/net/loop.h"
#include "tests/collector/sources/aws/data.h"
#include "tests/tap.h"

enum { HEADERS = 40 };

static const char empty_sha256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static sv text_of(json object, const char *key)
{
    return json_sv(json_get(object, sv_of(key)));
}

static sv value_of(const struct http_request *q, const char *name)
{
    for (size_t i = 0; i < q->n_headers; i++)
        if (sv_eq_nocase(q->headers[i].name, sv_of(name)))
            return q->headers[i].value;
    return SV_NONE;
}

/* ---- The suite: raw requests; folded header lines belong to the one before ---- */

struct raw {
    char method[16];
    sv target, body;
    struct http_header headers[HEADERS];
    size_t n;
};

static void read_raw(sv text, struct raw *r)
{
    sv line = sv_cut(&text, '\n'), method = sv_cut(&line, ' ');

    *r = (struct raw){ 0 };
    snprintf(r->method, sizeof r->method, "%.*s", SV_ARG(method));
    r->target = sv_first(line, sv_find_last(line, ' '));
    while (text.len && text.at[0] != '\n') {
        line = sv_cut(&text, '\n');
        if (line.at[0] == ' ' && r->n) { /* the value goes on: both stand in one piece of the text */
            struct http_header *h = &r->headers[r->n - 1];

            h->value.len = (size_t)(line.at + line.len - h->value.at);
            continue;
        }
        r->headers[r->n].name = sv_cut(&line, ':');
        r->headers[r->n++].value = line;
    }
    r->body = sv_skip(text, 1);
}

static sv sha_of(sv body, struct arena *a)
{
    struct sigv4_credentials c = { SV("x"), SV("x"), SV_NONE };
    struct http_request q = { .method = "PUT", .url = SV("https://h/"), .body = body };
    struct sigv4_signer *s = sigv4_signer_new();

    OK(sigv4_sign(s, &c, SV("r"), SV("s3"), 0, a, &q, NULL) == ERR_OK);
    sigv4_signer_free(s);
    return value_of(&q, "x-amz-content-sha256");
}

/* The canonical request alone: these cases hold bytes and headers that our client would not send. */
static bool canonical_fits(json c, const struct raw *r, struct arena *a)
{
    json context = json_get(c, SV("context"));
    sv token = json_sv(json_path(context, "credentials/token")), target = r->target;
    bool normalize = true, sign_body = false, omit = false;
    struct http_header headers[HEADERS + 4];
    struct sigv4_input in = { .method = r->method, .headers = headers, .n_headers = r->n };
    struct buf canonical, names;
    bool same;

    (void)json_bool(json_get(context, SV("normalize")), &normalize);
    (void)json_bool(json_get(context, SV("sign_body")), &sign_body);
    (void)json_bool(json_get(context, SV("omit_session_token")), &omit);
    memcpy(headers, r->headers, sizeof r->headers);
    in.payload_sha256 = r->body.len ? sha_of(r->body, a) : sv_of(empty_sha256);
    headers[in.n_headers++] = (struct http_header){ SV("X-Amz-Date"), SV("20150830T123600Z") };
    if (token.len && !omit)
        headers[in.n_headers++] = (struct http_header){ SV("X-Amz-Security-Token"), token };
    if (sign_body)
        headers[in.n_headers++] = (struct http_header){ SV("x-amz-content-sha256"), in.payload_sha256 };
    in.keep_path = !normalize;
    in.path = sv_cut(&target, '?');
    in.query = target;
    buf_init(&canonical, 0);
    buf_init(&names, 0);
    same = sigv4_canonical(&in, &canonical, &names, NULL) == ERR_OK &&
           sv_eq(buf_sv(&canonical), text_of(c, "header-canonical-request"));
    if (!same)
        printf("# got %.*s\n", SV_ARG(buf_sv(&canonical)));
    buf_done(&canonical);
    buf_done(&names);
    return same;
}

/* Whole, through sigv4_sign, where the case is a request that our client can send. */
static bool is_sendable(json c, const struct raw *r)
{
    bool normalize = true, flag = false;

    (void)json_bool(json_path(c, "context/normalize"), &normalize);
    (void)json_bool(json_path(c, "context/sign_body"), &flag);
    for (size_t i = 0; i < r->target.len; i++)
        if ((unsigned char)r->target.at[i] <= ' ' || (unsigned char)r->target.at[i] >= 0x7f)
            return false;
    for (size_t i = 0; i < r->n; i++)
        if (sv_find(r->headers[i].value, '\n') < r->headers[i].value.len)
            return false;
    return normalize && !flag;
}

static bool signature_fits(json c, const struct raw *r, struct sigv4_signer *s, struct arena *a)
{
    json context = json_get(c, SV("context")), keys = json_get(context, SV("credentials"));
    bool omit = false;
    struct sigv4_credentials set = { text_of(keys, "access_key_id"), text_of(keys, "secret_access_key"), SV_NONE };
    struct http_request q = { .method = r->method, .body = r->body };
    sv tail;
    int64_t now = 0;
    enum err_code code;

    (void)json_bool(json_get(context, SV("omit_session_token")), &omit);
    set.session_token = omit ? SV_NONE : text_of(keys, "token");
    q.url = arena_printf(a, "https://example.amazonaws.com%.*s", SV_ARG(r->target));
    for (size_t i = 0; i < r->n; i++)
        if (!http_request_header(&q, r->headers[i].name, r->headers[i].value))
            return false;
    if (!json_time(json_get(context, SV("timestamp")), &now))
        return false;
    code = sigv4_sign(s, &set, text_of(context, "region"), text_of(context, "service"), now, a, &q, NULL);
    tail = arena_printf(a, "Signature=%.*s", SV_ARG(text_of(c, "header-signature")));
    return code == ERR_OK && sv_ends(value_of(&q, "authorization"), tail);
}

static void the_published_suite_is_reproduced(void)
{
    struct sigv4_signer *s = sigv4_signer_new();
    struct data_json d;
    struct json_iter it;
    struct arena a;
    json c;
    sv name;
    int n = 0, canonical = 0, whole = 0, sendable = 0;

    arena_init(&a, 0);
    OK(s && data_json("sigv4/aws-c-auth-v4-suite.json", &d));
    it = json_members(d.root);
    while (json_member(&it, &name, &c)) {
        struct raw r;
        bool fits;

        read_raw(text_of(c, "request"), &r);
        fits = canonical_fits(c, &r, &a);
        canonical += fits;
        n++;
        if (!fits)
            printf("# %.*s: canonical request\n", SV_ARG(name));
        if (!is_sendable(c, &r))
            continue;
        sendable++;
        fits = signature_fits(c, &r, s, &a);
        whole += fits;
        if (!fits)
            printf("# %.*s: signature\n", SV_ARG(name));
    }
    OK(n == 38 && canonical == 38);
    OK(sendable >= 24 && whole == sendable);
    printf("# %d signed through sigv4_sign\n", whole);
    data_done(&d);
    sigv4_signer_free(s);
    arena_done(&a);
}

/* ---- What this product sends ---- */

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c ? strchr(digits, c) : NULL;

    return p ? (int)(p - digits) : -1;
}

static sv base64(sv s, struct arena *a)
{
    char *out = arena_alloc(a, s.len + 1);
    unsigned bits = 0, value = 0;
    size_t n = 0;

    for (size_t i = 0; i < s.len && base64_digit(s.at[i]) >= 0; i++) {
        value = value << 6 | (unsigned)base64_digit(s.at[i]);
        bits += 6;
        if (bits >= 8)
            out[n++] = (char)(value >> (bits -= 8));
    }
    return sv_make(out, n);
}

static int64_t amz_time(sv s)
{
    char iso[24];
    int64_t at = 0;

    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", s.at, s.at + 4, s.at + 6, s.at + 9, s.at + 11,
             s.at + 13);
    OK(sv_to_time(sv_of(iso), &at));
    return at;
}

static bool request_of(json v, struct http_request *q, char method[16], struct arena *a)
{
    struct json_iter it = json_items(json_get(v, SV("headers")));
    json pair;

    snprintf(method, 16, "%.*s", SV_ARG(text_of(v, "method")));
    *q = (struct http_request){ .method = method, .body = base64(text_of(v, "body_base64"), a) };
    q->url = arena_printf(a, "https://%.*s%.*s", SV_ARG(text_of(v, "host")), SV_ARG(text_of(v, "path")));
    while (json_item(&it, &pair)) {
        struct json_iter both = json_items(pair);
        json name, value;

        if (!json_item(&both, &name) || !json_item(&both, &value) ||
            !http_request_header(q, json_sv(name), json_sv(value)))
            return false;
    }
    return q->url.at != NULL;
}

static struct sigv4_credentials credentials_of(json v)
{
    return (struct sigv4_credentials){ text_of(v, "access_key_id"), text_of(v, "secret_access_key"),
                                       text_of(v, "session_token") };
}

static void the_seven_service_requests_are_reproduced(void)
{
    struct sigv4_signer *s = sigv4_signer_new();
    struct data_json d;
    struct json_iter it;
    struct arena a;
    json v;
    int n = 0, same = 0;

    arena_init(&a, 0);
    OK(data_json("sigv4/constructed-service-requests.json", &d));
    it = json_items(json_get(d.root, SV("vectors")));
    while (json_item(&it, &v)) {
        struct sigv4_credentials c = credentials_of(v);
        struct http_request q;
        char method[16];
        bool fits = request_of(v, &q, method, &a);

        /* Twice: the second time the key comes from the table and the headers of the first are replaced. */
        for (int i = 0; i < 2; i++)
            fits = fits &&
                   sigv4_sign(s, &c, text_of(v, "region"), text_of(v, "service"), amz_time(text_of(v, "amz_date")), &a,
                              &q, NULL) == ERR_OK &&
                   sv_eq(value_of(&q, "authorization"), json_sv(json_path(v, "expect/authorization")));
        n++;
        same += fits;
        if (!fits)
            printf("# %.*s: %.*s\n", SV_ARG(text_of(v, "name")), SV_ARG(value_of(&q, "authorization")));
    }
    OK(n == 7 && same == 7);
    data_done(&d);
    sigv4_signer_free(s);
    arena_done(&a);
}

/* ---- Rules that no vector shows ---- */

static sv signature(struct sigv4_signer *s, const char *url, const char *service, const char *secret, int64_t now,
                    struct arena *a)
{
    struct sigv4_credentials c = { SV("AKIDEXAMPLE"), sv_of(secret), SV_NONE };
    struct http_request q = { .method = "GET", .url = sv_of(url) };

    return sigv4_sign(s, &c, SV("us-east-1"), sv_of(service), now, a, &q, NULL) == ERR_OK
               ? value_of(&q, "authorization")
               : SV_NONE;
}

static void s3_paths_are_signed_as_they_are_sent(void)
{
    struct sigv4_input in = {
        .method = "GET", .path = SV("/a//b/../c%20d%2Fe=1"), .s3 = true, .payload_sha256 = SV("-")
    };
    struct buf canonical, names;

    buf_init(&canonical, 0);
    buf_init(&names, 0);
    OK(sigv4_canonical(&in, &canonical, &names, NULL) == ERR_OK);
    OK(sv_starts(buf_sv(&canonical), SV("GET\n/a//b/../c%20d/e%3D1\n\n")));
    buf_clear(&canonical);
    buf_clear(&names);
    in.s3 = false;
    OK(sigv4_canonical(&in, &canonical, &names, NULL) == ERR_OK);
    OK(sv_starts(buf_sv(&canonical), SV("GET\n/a/c%2520d%252Fe%3D1\n\n")));
    buf_done(&canonical);
    buf_done(&names);
}

static void another_day_region_or_secret_is_another_key(void)
{
    struct sigv4_signer *s = sigv4_signer_new();
    int64_t now = INT64_C(1790000040) * NANO_PER_S;
    struct arena a;
    sv first;

    arena_init(&a, 0);
    first = signature(s, "https://h/", "logs", "secret", now, &a);
    OK(first.len && sv_eq(first, signature(s, "https://h/", "logs", "secret", now, &a)));
    OK(!sv_eq(first, signature(s, "https://h/", "logs", "Secret", now, &a)));
    OK(!sv_eq(first, signature(s, "https://h/", "sts", "secret", now, &a)));
    OK(!sv_eq(first, signature(s, "https://h/", "logs", "secret", now + 24 * NANO_PER_H, &a)));
    OK(sv_eq(first, signature(s, "https://h/", "logs", "secret", now, &a)));
    OK(!sv_eq(first, signature(s, "https://h/?a", "logs", "secret", now, &a)));
    OK(sv_eq(signature(s, "https://h/?b=2&a=%7e&c", "logs", "secret", now, &a),
             signature(s, "https://h?c=&a=~&b=2#x", "logs", "secret", now, &a)));
    sigv4_signer_free(s);
    arena_done(&a);
}

static void what_no_header_can_hold_is_refused(void)
{
    struct sigv4_signer *s = sigv4_signer_new();
    struct sigv4_credentials c = { SV("AKID"), SV("secret"), SV("line\nbreak") };
    struct http_request q = { .method = "GET", .url = SV("https://h/") };
    struct err e = { 0 };
    struct arena a;

    arena_init(&a, 0);
    OK(sigv4_sign(s, &c, SV("r"), SV("s"), 0, &a, &q, &e) == ERR_CONFIG && !strstr(e.text, "line"));
    c.session_token = SV_NONE;
    q.url = SV("ftp://h/");
    OK(sigv4_sign(s, &c, SV("r"), SV("s"), 0, &a, &q, &e) == ERR_CONFIG);
    q.url = SV("https://h/");
    while (http_request_header(&q, SV("X-Many"), SV("1")))
        ;
    OK(sigv4_sign(s, &c, SV("r"), SV("s"), 0, &a, &q, &e) == ERR_LIMIT);
    sigv4_signer_free(s);
    arena_done(&a);
}

/* ---- On the wire ---- */

struct received {
    char authorization[600], canonical[2000];
};

/* Puts the request together again from what arrived, with the headers that SignedHeaders names. */
static void on_request(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct received *got = ctx;
    sv target = http_server_raw_target(q), names = http_server_header(q, "authorization"), list;
    struct http_header headers[HEADERS];
    struct sigv4_input in = { .headers = headers, .payload_sha256 = SV("-") };
    struct buf canonical, put;
    char method[16];

    snprintf(got->authorization, sizeof got->authorization, "%.*s", SV_ARG(names));
    names = sv_of(strstr(got->authorization, "SignedHeaders=") + 14);
    list = sv_cut(&names, ',');
    while (list.len) {
        sv name = sv_cut(&list, ';');
        char text[64];

        snprintf(text, sizeof text, "%.*s", SV_ARG(name));
        headers[in.n_headers++] = (struct http_header){ name, http_server_header(q, text) };
    }
    snprintf(method, sizeof method, "%.*s", SV_ARG(q->method));
    in.method = method;
    in.path = sv_cut(&target, '?');
    in.query = target;
    buf_init(&canonical, 0);
    buf_init(&put, 0);
    if (sigv4_canonical(&in, &canonical, &put, NULL) == ERR_OK)
        snprintf(got->canonical, sizeof got->canonical, "%.*s", SV_ARG(buf_sv(&canonical)));
    buf_done(&canonical);
    buf_done(&put);
    buf_put(&r->body, SV("{}"));
}

static bool arrives_as_signed(struct http_client *client, struct received *got, struct http_request *q)
{
    struct sigv4_signer *s = sigv4_signer_new();
    struct sigv4_credentials c = { SV("AKIDEXAMPLE"), SV("secret"), SV("the/token==") };
    struct http_response r = { 0 };
    struct sigv4_input in = { .method = q->method, .payload_sha256 = SV("-"), .headers = q->headers };
    struct buf canonical, names;
    sv rest;
    struct arena a;
    bool same;

    arena_init(&a, 0);
    buf_init(&canonical, 0);
    buf_init(&names, 0);
    same = sigv4_sign(s, &c, SV("us-east-1"), SV("monitoring"), clock_now(), &a, q, NULL) == ERR_OK &&
           http_do(client, q, &r, NULL) == ERR_OK && r.status == 200;
    rest = sv_skip(q->url, 8);
    rest = sv_skip(rest, sv_find(rest, '/'));
    in.n_headers = q->n_headers;
    in.path = sv_cut(&rest, '?');
    in.query = rest;
    same = same && sigv4_canonical(&in, &canonical, &names, NULL) == ERR_OK &&
           sv_eq(buf_sv(&canonical), sv_of(got->canonical));
    if (!same)
        printf("# sent %.*s\n# came %s\n", SV_ARG(buf_sv(&canonical)), got->canonical);
    buf_done(&canonical);
    buf_done(&names);
    http_response_done(&r);
    sigv4_signer_free(s);
    arena_done(&a);
    return same;
}

static void what_arrives_is_what_was_signed(void)
{
    static const struct http_route routes[] = {
        { .method = "*", .path = "/*", .body_limit_bytes = 65536, .handle = on_request }, { 0 }
    };
    struct received got = { 0 };
    struct http_server *server = loop_server(routes, &got, false);
    struct http_client *client = loop_client(NULL);
    char url[128];
    struct http_request post = { .method = "POST", .body = SV("{\"a\":1}") }, get = { .method = "GET" },
                        empty = { .method = "POST" };

    OK(server && client);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", http_server_port(server));
    post.url = sv_of(url);
    OK(http_request_header(&post, SV("Content-Type"), SV("application/x-amz-json-1.0")));
    OK(http_request_header(&post, SV("X-Amz-Target"), SV("GraniteServiceVersion20100801.ListMetrics")));
    OK(arrives_as_signed(client, &got, &post));
    OK(strstr(got.authorization, "content-type;host;x-amz-date;x-amz-security-token;x-amz-target,"));
    snprintf(url, sizeof url, "http://127.0.0.1:%u/inference-profiles/a%%2Fb?type=APPLICATION&maxResults=1000",
             http_server_port(server));
    get.url = sv_of(url);
    OK(arrives_as_signed(client, &got, &get));
    snprintf(url, sizeof url, "http://LOCALHOST:%u//x/../y/", http_server_port(server));
    empty.url = sv_of(url);
    OK(arrives_as_signed(client, &got, &empty));
    OK(strstr(got.canonical, "host:localhost:"));
    http_client_free(client);
    http_server_stop(server);
}

int main(void)
{
    RUN(the_published_suite_is_reproduced);
    RUN(the_seven_service_requests_are_reproduced);
    RUN(s3_paths_are_signed_as_they_are_sent);
    RUN(another_day_region_or_secret_is_another_key);
    RUN(what_no_header_can_hold_is_refused);
    RUN(what_arrives_is_what_was_signed);
    return tap_done();
}
