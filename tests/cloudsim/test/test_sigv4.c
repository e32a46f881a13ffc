/* The signature as the server computes it, against the published vectors and requests that AWS's own client signed. */
#include <stdlib.h>

#include "collector/base/buf.h"
#include "collector/base/json.h"

#include "tests/cloudsim/sigv4.h"
#include "tests/tap.h"

static struct arena arena;

static json load(struct json_parser *p, const char *path)
{
    struct buf file = { .at = NULL };
    struct err e = { .code = ERR_OK };
    json v = { .tape = NULL };

    if (buf_read_file(&file, path, 1 << 20, &e) || json_parse(p, buf_sv(&file), &v, &e)) {
        printf("Bail out! %s\n", e.text);
        exit(1);
    }
    buf_done(&file);
    return v;
}

static sv text_of(json v, const char *path)
{
    return json_sv(json_path(v, path));
}

/* A raw request into its parts; a line that begins with a blank goes on with the header before. */
static size_t split(sv raw, struct sigv4_request *q, struct sigv4_header *headers, sv *body)
{
    sv line = sv_cut(&raw, '\n'), rest;
    size_t n = 0;

    q->method = sv_cut(&line, ' ');
    q->target = sv_first(line, sv_find_last(line, ' '));
    while (raw.len && raw.at[0] != '\n') {
        line = sv_cut(&raw, '\n');
        if (line.at[0] == ' ')
            headers[n - 1].value =
                sv_make(headers[n - 1].value.at, (size_t)(line.at + line.len - headers[n - 1].value.at));
        else {
            rest = line;
            headers[n].name = sv_cut(&rest, ':');
            headers[n++].value = rest;
        }
    }
    *body = sv_skip(raw, 1);
    return n;
}

static bool vector_good(sv name, json v)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    struct sigv4_request q = { .headers = headers };
    struct sigv4_auth auth = { .missing = "all" };
    sv body, date = SV_NONE, canonical, to_sign, signature;
    bool normalize = true;

    /* The signed request is what a server gets. */
    q.n_headers = split(text_of(v, "header-signed-request"), &q, headers, &body);
    json_bool(json_path(v, "context/normalize"), &normalize);
    q.raw_path = !normalize;
    q.payload = sigv4_sha256_hex(&arena, body);
    for (size_t i = 0; i < q.n_headers; i++) {
        if (sv_eq_nocase(headers[i].name, SV("Authorization")) && !sigv4_auth_read(headers[i].value, &auth))
            return false;
        if (sv_eq_nocase(headers[i].name, SV("X-Amz-Date")))
            date = headers[i].value;
    }
    canonical = sigv4_canonical_request(&arena, &q, auth.signed_headers, NULL);
    to_sign = sigv4_string_to_sign(&arena, date, auth.scope, canonical);
    signature = sigv4_signature(&arena, text_of(v, "context/credentials/secret_access_key"), auth.date, auth.region,
                                auth.service, to_sign);
    if (auth.missing || !sv_eq(canonical, text_of(v, "header-canonical-request")) ||
        !sv_eq(to_sign, text_of(v, "header-string-to-sign")) || !sv_eq(signature, text_of(v, "header-signature")) ||
        !sv_eq(auth.signature, signature)) {
        printf("# %.*s:\n# got  %.*s\n# want %.*s\n", SV_ARG(name), SV_ARG(canonical),
               SV_ARG(text_of(v, "header-canonical-request")));
        return false;
    }
    return true;
}

static void all_published_vectors_are_reproduced(void)
{
    struct json_parser *p = json_parser_new(0);
    struct json_iter it = json_members(load(p, "tests/data/aws/sigv4/aws-c-auth-v4-suite.json"));
    unsigned good = 0, all = 0;
    sv name;
    json v;

    while (json_member(&it, &name, &v)) {
        all++;
        good += vector_good(name, v);
    }
    OK(all == 38);
    OK(good == all);
    json_parser_free(p);
}

static bool request_good(json v)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    sv query = text_of(v, "query"), date = text_of(v, "amz_date"), want = text_of(v, "expect/authorization"), canonical;
    struct sigv4_request q = { .method = text_of(v, "method"),
                               .headers = headers,
                               .payload = text_of(v, "expect/payload_sha256") };
    struct json_iter it = json_items(json_get(v, SV("headers"))), pair;
    struct sigv4_auth auth;
    json h, one;

    while (json_item(&it, &h)) {
        pair = json_items(h);
        json_item(&pair, &one);
        headers[q.n_headers].name = json_sv(one);
        json_item(&pair, &one);
        headers[q.n_headers++].value = json_sv(one);
    }
    q.target = arena_printf(&arena, "%.*s%s%.*s", SV_ARG(text_of(v, "path")), query.len ? "?" : "", SV_ARG(query));
    if (!sigv4_auth_read(want, &auth) || auth.missing)
        return false;
    canonical = sigv4_canonical_request(&arena, &q, auth.signed_headers, NULL);
    return sv_eq(canonical, text_of(v, "expect/canonical_request")) &&
           sv_eq(auth.signature,
                 sigv4_signature(&arena, text_of(v, "secret_access_key"), auth.date, auth.region, auth.service,
                                 sigv4_string_to_sign(&arena, date, auth.scope, canonical)));
}

static void requests_of_each_service_are_reproduced(void)
{
    struct json_parser *p = json_parser_new(0);
    json all = json_get(load(p, "tests/data/aws/sigv4/constructed-service-requests.json"), SV("vectors")), v;
    struct json_iter it = json_items(all);
    unsigned good = 0;

    while (json_item(&it, &v))
        good += request_good(v);
    OK(json_count(all) == 7);
    OK(good == 7);
    json_parser_free(p);
}

static void a_header_that_lacks_a_part_names_it(void)
{
    struct sigv4_auth auth;

    OK(!sigv4_auth_read(SV("Bearer abc"), &auth));
    OK(!sigv4_auth_read(SV(""), &auth));
    OK(sigv4_auth_read(SV("AWS4-HMAC-SHA256 Credential=A/20260101/r/s/aws4_request, SignedHeaders=host"), &auth) &&
       !strcmp(auth.missing, "Signature"));
    OK(sigv4_auth_read(SV("AWS4-HMAC-SHA256 Credential=A/20260101/r, SignedHeaders=host, Signature=0"), &auth) &&
       !strcmp(auth.missing, "Credential"));
    OK(sigv4_auth_read(SV("AWS4-HMAC-SHA256 Signature=0,Credential=A/20260101/r/s/aws4_request"), &auth) &&
       !strcmp(auth.missing, "SignedHeaders"));
    OK(sigv4_auth_read(SV("AWS4-HMAC-SHA256 Credential=A/20260101/r/s/aws4_request,SignedHeaders=a;b,Signature=0f"),
                       &auth) &&
       !auth.missing && sv_eq(auth.scope, SV("20260101/r/s/aws4_request")) && sv_eq(auth.service, SV("s")));
}

static void a_signed_header_that_was_not_sent_is_named(void)
{
    struct sigv4_header host = { SVT("Host"), SVT("example.com") };
    struct sigv4_request q = {
        .method = SV("GET"), .target = SV("/"), .payload = SV("x"), .headers = &host, .n_headers = 1
    };
    sv absent = SV_NONE;

    OK(sigv4_canonical_request(&arena, &q, SV("expect;host"), &absent).len == 0 && sv_eq(absent, SV("expect")));
}

int main(void)
{
    arena_init(&arena, 0);
    RUN(all_published_vectors_are_reproduced);
    RUN(requests_of_each_service_are_reproduced);
    RUN(a_header_that_lacks_a_part_names_it);
    RUN(a_signed_header_that_was_not_sent_is_named);
    arena_done(&arena);
    return tap_done();
}
