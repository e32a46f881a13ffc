/*
 * Signature Version 4, the receiving side (aws.md 4.1). The canonical request is built from the bytes that came: the
 * path is cleaned of dots and double slashes and encoded once more, the query is decoded, encoded and sorted, of the
 * headers those that the client says it signed, in its order, which must be sorted as it is.
 */
#include "tests/cloudsim/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "collector/base/buf.h"

enum { DIGEST_BYTES = 32, SEGMENTS_MAX = 256, PARAMETERS_MAX = 256 };

static bool read_credential(sv credential, struct sigv4_auth *out)
{
    /* An access key id never holds a slash, the scope always three. */
    out->key_id = sv_cut(&credential, '/');
    out->scope = credential;
    out->date = sv_cut(&credential, '/');
    out->region = sv_cut(&credential, '/');
    out->service = sv_cut(&credential, '/');
    out->terminator = credential;
    return out->key_id.len && out->date.len && out->region.len && out->service.len && out->terminator.len;
}

bool sigv4_auth_read(sv authorization, struct sigv4_auth *out)
{
    sv rest = sv_trim(authorization), scheme = sv_cut(&rest, ' '), credential = SV_NONE;

    *out = (struct sigv4_auth){ .key_id = SV_NONE };
    if (!sv_eq(scheme, SV("AWS4-HMAC-SHA256")))
        return false;
    while (rest.len) {
        sv value = sv_trim(sv_cut(&rest, ',')), name = sv_cut(&value, '=');

        if (sv_eq(name, SV("Credential")))
            credential = value;
        else if (sv_eq(name, SV("SignedHeaders")))
            out->signed_headers = value;
        else if (sv_eq(name, SV("Signature")))
            out->signature = value;
    }
    if (!read_credential(credential, out))
        out->missing = "Credential";
    else if (!out->signature.len)
        out->missing = "Signature";
    else if (!out->signed_headers.len)
        out->missing = "SignedHeaders";
    return true;
}

static sv hex_of(struct arena *a, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *out = arena_alloc(a, 2 * n + 1);

    if (!out)
        return SV_NONE;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return sv_make(out, 2 * n);
}

sv sigv4_sha256_hex(struct arena *a, sv bytes)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    EVP_Digest(bytes.at, bytes.len, digest, &n, EVP_sha256(), NULL);
    return hex_of(a, digest, n);
}

static bool unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

static void put_encoded(struct buf *b, sv s, bool keep_slash)
{
    for (size_t i = 0; i < s.len; i++)
        if (unreserved(s.at[i]) || (keep_slash && s.at[i] == '/'))
            buf_putc(b, s.at[i]);
        else
            buf_printf(b, "%%%02X", (unsigned char)s.at[i]);
}

static sv take(struct arena *a, struct buf *b)
{
    sv out = b->failed ? SV_NONE : arena_copy(a, buf_sv(b));

    buf_done(b);
    return out;
}

/* Without empty and dot segments; a slash at the end stays one. */
static sv normalized(struct arena *a, sv path)
{
    bool slash = sv_ends(path, SV("/")) || sv_ends(path, SV("/.")) || sv_ends(path, SV("/.."));
    sv segments[SEGMENTS_MAX];
    struct buf out = { .at = NULL };
    size_t n = 0;

    while (path.len) {
        sv s = sv_cut(&path, '/');

        if (sv_eq(s, SV("..")))
            n -= n > 0;
        else if (s.len && !sv_eq(s, SV(".")) && n < SEGMENTS_MAX)
            segments[n++] = s;
    }
    for (size_t i = 0; i < n; i++) {
        buf_putc(&out, '/');
        buf_put(&out, segments[i]);
    }
    if (slash || n == 0)
        buf_putc(&out, '/');
    return take(a, &out);
}

static void put_path(struct arena *a, struct buf *b, sv path, bool raw)
{
    if (!path.len)
        path = SV("/");
    put_encoded(b, raw ? path : normalized(a, path), true);
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static sv recoded(struct arena *a, sv s)
{
    struct buf plain = { .at = NULL }, out = { .at = NULL };

    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '%' && i + 2 < s.len && hex_value(s.at[i + 1]) >= 0 && hex_value(s.at[i + 2]) >= 0) {
            buf_putc(&plain, (char)(hex_value(s.at[i + 1]) << 4 | hex_value(s.at[i + 2])));
            i += 2;
        } else {
            buf_putc(&plain, s.at[i]);
        }
    }
    put_encoded(&out, buf_sv(&plain), false);
    buf_done(&plain);
    return take(a, &out);
}

struct parameter {
    sv name, value;
};

static int by_name_and_value(const void *x, const void *y)
{
    const struct parameter *p = x, *q = y;
    int order = sv_cmp(p->name, q->name);

    return order ? order : sv_cmp(p->value, q->value);
}

static void put_query(struct arena *a, struct buf *b, sv query)
{
    struct parameter all[PARAMETERS_MAX];
    size_t n = 0;

    while (query.len && n < PARAMETERS_MAX) {
        sv value = sv_cut(&query, '&'), name = sv_cut(&value, '=');

        if (name.len || value.len)
            all[n++] = (struct parameter){ recoded(a, name), recoded(a, value) };
    }
    qsort(all, n, sizeof all[0], by_name_and_value);
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%s%.*s=%.*s", i ? "&" : "", SV_ARG(all[i].name), SV_ARG(all[i].value));
}

/* Trimmed, each run of blanks inside one blank. */
static void put_value(struct buf *b, sv value)
{
    bool blank = false;

    value = sv_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        bool is_blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';

        if (!is_blank || !blank)
            buf_putc(b, is_blank ? ' ' : c);
        blank = is_blank;
    }
}

static bool put_header(struct buf *b, const struct sigv4_request *q, sv name)
{
    bool any = false;

    buf_put(b, name);
    buf_putc(b, ':');
    for (size_t i = 0; i < q->n_headers; i++) {
        if (!sv_eq_nocase(q->headers[i].name, name))
            continue;
        if (any)
            buf_putc(b, ',');
        put_value(b, q->headers[i].value);
        any = true;
    }
    buf_putc(b, '\n');
    return any;
}

sv sigv4_canonical_request(struct arena *a, const struct sigv4_request *q, sv signed_headers, sv *absent)
{
    struct buf b = { .at = NULL };
    sv query = q->target, path = sv_cut(&query, '?'), rest = signed_headers;

    buf_put(&b, q->method);
    buf_putc(&b, '\n');
    put_path(a, &b, path, q->raw_path);
    buf_putc(&b, '\n');
    put_query(a, &b, query);
    buf_putc(&b, '\n');
    while (rest.len) {
        sv name = sv_cut(&rest, ';');

        if (put_header(&b, q, name))
            continue;
        if (absent)
            *absent = name;
        buf_done(&b);
        return SV_NONE;
    }
    buf_printf(&b, "\n%.*s\n%.*s", SV_ARG(signed_headers), SV_ARG(q->payload));
    return take(a, &b);
}

sv sigv4_string_to_sign(struct arena *a, sv amz_date, sv scope, sv canonical_request)
{
    return arena_printf(a, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%.*s", SV_ARG(amz_date), SV_ARG(scope),
                        SV_ARG(sigv4_sha256_hex(a, canonical_request)));
}

/* key := HMAC(key, text), in place. */
static void chain(unsigned char key[DIGEST_BYTES], sv text)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    HMAC(EVP_sha256(), key, DIGEST_BYTES, (const unsigned char *)text.at, text.len, out, &n);
    memcpy(key, out, DIGEST_BYTES);
}

sv sigv4_signature(struct arena *a, sv secret, sv date, sv region, sv service, sv string_to_sign)
{
    sv first = arena_printf(a, "AWS4%.*s", SV_ARG(secret));
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    HMAC(EVP_sha256(), first.at, (int)first.len, (const unsigned char *)date.at, date.len, key, &n);
    chain(key, region);
    chain(key, service);
    chain(key, SV("aws4_request"));
    chain(key, string_to_sign);
    return hex_of(a, key, DIGEST_BYTES);
}
