/*
 * Signature Version 4 (aws.md 4.1), by our own hands: Debian 12's libcurl signs a query as it is spelled, sorts header
 * lines instead of names, and cannot be told another time than its own, so neither the published vectors nor a wrong
 * clock can be handled with it.
 *
 * The order is the specification's: canonical request, string to sign, derived key, header. A derived key serves one
 * access key, day, region and service; it is kept in a table with one place per hash, where a newer one evicts an
 * older. The place also holds a fingerprint of the secret, so that a corrected secret is not served by the wrong one's
 * key.
 *
 * Threads: the table is guarded by sigv4_signer.lock.
 */
#include "collector/sources/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"

enum {
    KEYS = 512, /* a dozen accounts, regions and services; two that fall together only cost time */
    KEY_NAME_MAX = 192,
    DIGEST_BYTES = 32,
    DIGEST_HEX = 2 * DIGEST_BYTES,
    CANONICAL_BYTES_MAX = 1 << 20,
    SIGNED_HEADERS_MAX = 64,
    ORIGIN_MAX = 300,
    AMZ_DATE_SIZE = 17, /* 20260921T141400Z */
    DATE_LEN = 8,
};

/* ---- Hashes ---- */

static bool sha256(sv s, unsigned char out[DIGEST_BYTES])
{
    return EVP_Digest(s.at, s.len, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool hmac(const unsigned char *key, size_t key_len, sv s, unsigned char out[DIGEST_BYTES])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (!HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)s.at, s.len, mac, &len) || len != DIGEST_BYTES)
        return false;
    memcpy(out, mac, DIGEST_BYTES);
    return true;
}

static sv hex(const unsigned char digest[DIGEST_BYTES], char out[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    return sv_make(out, DIGEST_HEX);
}

/* ---- Path and query ---- */

static int nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static sv decode(struct arena *a, sv s)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;

    if (!out)
        return SV_NONE;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '%' && i + 2 < s.len && nibble(s.at[i + 1]) >= 0 && nibble(s.at[i + 2]) >= 0) {
            out[n++] = (char)(nibble(s.at[i + 1]) << 4 | nibble(s.at[i + 2]));
            i += 2;
        } else {
            out[n++] = s.at[i];
        }
    }
    return sv_make(out, n);
}

/* Without dot segments and doubled slashes. A slash at the end stays. */
static sv normal_path(struct arena *a, sv path)
{
    char *out = arena_alloc(a, path.len + 2);
    bool ends_open = sv_ends(path, SV("/"));
    size_t n = 0;

    if (!out)
        return SV_NONE;
    while (path.len) {
        sv segment = sv_cut(&path, '/');

        if (segment.len == 0 || sv_eq(segment, SV(".")))
            continue;
        if (sv_eq(segment, SV(".."))) {
            while (n > 0 && out[--n] != '/')
                ;
            continue;
        }
        out[n++] = '/';
        memcpy(out + n, segment.at, segment.len);
        n += segment.len;
    }
    if (n == 0 || ends_open)
        out[n++] = '/';
    return sv_make(out, n);
}

static void put_path(struct buf *b, const struct sigv4_input *in, struct arena *scratch)
{
    sv path = in->path.len ? in->path : SV("/");

    if (in->s3)
        path = decode(scratch, path);
    else if (!in->keep_path)
        path = normal_path(scratch, path);
    http_escape_path(b, path);
}

struct pair {
    sv name, value;
};

static int by_name_and_value(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = sv_cmp(x->name, y->name);

    return order ? order : sv_cmp(x->value, y->value);
}

/* Decoded and encoded again: one spelling for both sides, whatever the URL's was. */
static sv respell(struct arena *a, sv s)
{
    struct buf b;
    sv out;

    buf_init(&b, CANONICAL_BYTES_MAX);
    http_escape(&b, decode(a, s));
    out = arena_copy(a, buf_sv(&b));
    buf_done(&b);
    return out;
}

static void put_query(struct buf *b, sv query, struct arena *scratch)
{
    size_t n = 0, most = 1;
    struct pair *pairs;

    for (size_t i = 0; i < query.len; i++)
        most += query.at[i] == '&';
    pairs = ARENA_ARRAY(scratch, struct pair, most);
    while (pairs && query.len) {
        sv value = sv_cut(&query, '&'), name = sv_cut(&value, '=');

        if (name.len || value.len)
            pairs[n++] = (struct pair){ respell(scratch, name), respell(scratch, value) };
    }
    if (n)
        qsort(pairs, n, sizeof *pairs, by_name_and_value);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(b, '&');
        buf_put(b, pairs[i].name);
        buf_putc(b, '=');
        buf_put(b, pairs[i].value);
    }
}

/* ---- Headers ---- */

/* What proxies and libraries change on the way. */
static const sv unsigned_headers[] = {
    SVT("authorization"), SVT("connection"),        SVT("expect"),  SVT("keep-alive"), SVT("te"),
    SVT("trailer"),       SVT("transfer-encoding"), SVT("upgrade"), SVT("user-agent"), SVT("x-amzn-trace-id"),
};

static bool is_signed(sv lower_name)
{
    for (size_t i = 0; i < sizeof unsigned_headers / sizeof *unsigned_headers; i++)
        if (sv_eq(lower_name, unsigned_headers[i]))
            return false;
    return !sv_starts(lower_name, SV("proxy-"));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Trimmed, inner runs of blanks as one. */
static void put_value(struct buf *b, sv value)
{
    bool gap = false, begun = false;

    for (size_t i = 0; i < value.len; i++) {
        if (is_blank(value.at[i])) {
            gap = begun;
            continue;
        }
        if (gap)
            buf_putc(b, ' ');
        buf_putc(b, value.at[i]);
        gap = false;
        begun = true;
    }
}

/* Sorted by name; headers of one name stay in their order. */
static size_t sort_headers(const struct sigv4_input *in, struct arena *scratch, struct http_header *out)
{
    size_t n = 0;

    for (size_t i = 0; i < in->n_headers && n < SIGNED_HEADERS_MAX; i++) {
        struct http_header h = { arena_lower(scratch, in->headers[i].name), in->headers[i].value };
        size_t at = n;

        if (!h.name.at || !is_signed(h.name))
            continue;
        for (; at > 0 && sv_cmp(out[at - 1].name, h.name) > 0; at--)
            out[at] = out[at - 1];
        out[at] = h;
        n++;
    }
    return n;
}

static void put_headers(struct buf *b, struct buf *names, const struct http_header *sorted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool again = i > 0 && sv_eq(sorted[i].name, sorted[i - 1].name);

        if (again) {
            buf_putc(b, ',');
        } else {
            if (i) {
                buf_putc(b, '\n');
                buf_putc(names, ';');
            }
            buf_put(b, sorted[i].name);
            buf_putc(b, ':');
            buf_put(names, sorted[i].name);
        }
        put_value(b, sorted[i].value);
    }
    if (n)
        buf_putc(b, '\n');
}

enum err_code sigv4_canonical(const struct sigv4_input *in, struct buf *canonical, struct buf *names, struct err *e)
{
    struct http_header sorted[SIGNED_HEADERS_MAX];
    struct arena scratch;
    bool failed;

    if (in->n_headers > SIGNED_HEADERS_MAX)
        return err_set(e, ERR_LIMIT, "signature: more than %d headers", SIGNED_HEADERS_MAX);
    arena_init(&scratch, 4 * CANONICAL_BYTES_MAX);
    buf_printf(canonical, "%s\n", in->method);
    put_path(canonical, in, &scratch);
    buf_putc(canonical, '\n');
    put_query(canonical, in->query, &scratch);
    buf_putc(canonical, '\n');
    put_headers(canonical, names, sorted, sort_headers(in, &scratch, sorted));
    buf_putc(canonical, '\n');
    buf_put(canonical, buf_sv(names));
    buf_putc(canonical, '\n');
    buf_put(canonical, in->payload_sha256);
    failed = scratch.failed || canonical->failed || names->failed;
    arena_done(&scratch);
    return failed ? err_set(e, ERR_LIMIT, "signature: the request is too large") : ERR_OK;
}

/* ---- Keys ---- */

struct key {
    char name[KEY_NAME_MAX];            /* access key id/date/region/service */
    size_t name_len;                    /* 0: empty place */
    unsigned char secret[DIGEST_BYTES]; /* fingerprint */
    unsigned char key[DIGEST_BYTES];
};

struct sigv4_signer {
    pthread_mutex_t lock;
    struct key keys[KEYS]; /* guarded by it */
};

struct sigv4_signer *sigv4_signer_new(void)
{
    struct sigv4_signer *s = calloc(1, sizeof *s);

    if (s)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

void sigv4_signer_free(struct sigv4_signer *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    explicit_bzero(s->keys, sizeof s->keys);
    free(s);
}

static bool derive(sv secret, sv date, sv region, sv service, unsigned char key[DIGEST_BYTES])
{
    struct buf first;
    bool good;

    buf_init(&first, CANONICAL_BYTES_MAX);
    buf_put(&first, SV("AWS4"));
    buf_put(&first, secret);
    good = !first.failed && hmac((unsigned char *)first.at, first.len, date, key) &&
           hmac(key, DIGEST_BYTES, region, key) && hmac(key, DIGEST_BYTES, service, key) &&
           hmac(key, DIGEST_BYTES, SV("aws4_request"), key);
    if (first.at)
        explicit_bzero(first.at, first.len);
    buf_done(&first);
    return good;
}

static bool is_kept(const struct key *k, sv name, const unsigned char secret[DIGEST_BYTES])
{
    return k->name_len && sv_eq(sv_make(k->name, k->name_len), name) && memcmp(k->secret, secret, DIGEST_BYTES) == 0;
}

/* `name` is the scope with the access key id before it. */
static bool signing_key(struct sigv4_signer *s, sv name, sv secret, sv date, sv region, sv service,
                        unsigned char key[DIGEST_BYTES])
{
    struct key *place = &s->keys[hash64(name) % KEYS];
    unsigned char fingerprint[DIGEST_BYTES];
    bool found;

    if (!sha256(secret, fingerprint))
        return false;
    pthread_mutex_lock(&s->lock);
    found = is_kept(place, name, fingerprint);
    if (found)
        memcpy(key, place->key, DIGEST_BYTES);
    pthread_mutex_unlock(&s->lock);
    if (found)
        return true;
    if (!derive(secret, date, region, service, key))
        return false;
    if (name.len > KEY_NAME_MAX)
        return true;
    pthread_mutex_lock(&s->lock);
    memcpy(place->name, name.at, name.len);
    place->name_len = name.len;
    memcpy(place->secret, fingerprint, DIGEST_BYTES);
    memcpy(place->key, key, DIGEST_BYTES);
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* ---- The request ---- */

/* Where a URL's path and query stand. */
static void split_url(sv url, sv *path, sv *query)
{
    size_t at = 0;
    sv rest;

    while (at + 2 < url.len && memcmp(url.at + at, "://", 3) != 0)
        at++;
    rest = sv_skip(url, at + 3);
    rest = sv_cut(&rest, '#');
    at = sv_find(rest, '/');
    if (sv_find(rest, '?') < at)
        at = sv_find(rest, '?');
    *query = sv_skip(rest, at);
    *path = sv_cut(query, '?');
}

static bool is_ours(sv name)
{
    static const sv ours[] = { SVT("host"), SVT("x-amz-date"), SVT("x-amz-security-token"), SVT("x-amz-content-sha256"),
                               SVT("authorization") };

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (sv_eq_nocase(name, ours[i]))
            return true;
    return false;
}

static void drop_ours(struct http_request *q)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_headers; i++)
        if (!is_ours(q->headers[i].name))
            q->headers[n++] = q->headers[i];
    q->n_headers = n;
}

static bool amz_date(int64_t unix_nano, char out[AMZ_DATE_SIZE])
{
    time_t at = (time_t)(unix_nano / NANO_PER_S);
    struct tm tm;

    return unix_nano >= 0 && gmtime_r(&at, &tm) &&
           strftime(out, AMZ_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm) == AMZ_DATE_SIZE - 1;
}

struct signing {
    const struct sigv4_credentials *credentials;
    sv region, service, amz_date, date, payload_sha256;
    struct arena *arena;
};

static enum err_code add_ours(const struct signing *s, struct http_request *q, struct err *e)
{
    char origin[ORIGIN_MAX];
    sv host;

    if (!http_origin(q->url, origin, sizeof origin))
        return err_set(e, ERR_CONFIG, "signature: not a valid http(s) URL");
    host = sv_of(origin);
    host = arena_copy(s->arena, sv_skip(host, sv_starts(host, SV("https")) ? 8 : 7));
    if (!host.at || q->n_headers + 5 > HTTP_HEADERS_MAX)
        return err_set(e, ERR_LIMIT, "signature: too many headers");
    if (!http_request_header(q, SV("Host"), host) || !http_request_header(q, SV("X-Amz-Date"), s->amz_date) ||
        (sv_eq(s->service, SV("s3")) && !http_request_header(q, SV("X-Amz-Content-Sha256"), s->payload_sha256)) ||
        (s->credentials->session_token.len &&
         !http_request_header(q, SV("X-Amz-Security-Token"), s->credentials->session_token)))
        return err_set(e, ERR_CONFIG, "signature: the session token holds bytes that no header can: read it anew");
    return ERR_OK;
}

/* "AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...": empty at the arena's limit. */
static enum err_code authorization(struct sigv4_signer *signer, const struct signing *s, sv canonical, sv names,
                                   sv *header, struct err *e)
{
    sv id = s->credentials->access_key_id;
    sv name = arena_printf(s->arena, "%.*s/%.*s/%.*s/%.*s", SV_ARG(id), SV_ARG(s->date), SV_ARG(s->region),
                           SV_ARG(s->service));
    unsigned char digest[DIGEST_BYTES], key[DIGEST_BYTES];
    char text[DIGEST_HEX];
    sv to_sign;
    bool good;

    if (!name.at || !sha256(canonical, digest))
        return err_set(e, ERR_LIMIT, "signature: no memory left");
    to_sign = arena_printf(s->arena, "AWS4-HMAC-SHA256\n%.*s\n%.*s/aws4_request\n%.*s", SV_ARG(s->amz_date),
                           SV_ARG(sv_skip(name, id.len + 1)), SV_ARG(hex(digest, text)));
    good = to_sign.at &&
           signing_key(signer, name, s->credentials->secret_access_key, s->date, s->region, s->service, key) &&
           hmac(key, sizeof key, to_sign, digest);
    explicit_bzero(key, sizeof key);
    if (!good)
        return err_set(e, ERR_LIMIT, "signature: no memory left");
    *header =
        arena_printf(s->arena, "AWS4-HMAC-SHA256 Credential=%.*s/aws4_request, SignedHeaders=%.*s, Signature=%.*s",
                     SV_ARG(name), SV_ARG(names), SV_ARG(hex(digest, text)));
    return header->at ? ERR_OK : err_set(e, ERR_LIMIT, "signature: no memory left");
}

static enum err_code sign_prepared(struct sigv4_signer *signer, const struct signing *s, struct http_request *q,
                                   struct err *e)
{
    struct sigv4_input in = { .method = q->method,
                              .headers = q->headers,
                              .n_headers = q->n_headers,
                              .payload_sha256 = s->payload_sha256,
                              .s3 = sv_eq(s->service, SV("s3")) };
    struct buf canonical, names;
    enum err_code code;
    sv header = SV_NONE;

    split_url(q->url, &in.path, &in.query);
    buf_init(&canonical, CANONICAL_BYTES_MAX);
    buf_init(&names, CANONICAL_BYTES_MAX);
    code = sigv4_canonical(&in, &canonical, &names, e);
    if (!code)
        code = authorization(signer, s, buf_sv(&canonical), buf_sv(&names), &header, e);
    if (!code && !http_request_header(q, SV("Authorization"), header))
        code = err_set(e, ERR_CONFIG, "signature: the access key id holds bytes that no header can");
    if (canonical.at)
        explicit_bzero(canonical.at, canonical.len); /* the session token is in it */
    buf_done(&canonical);
    buf_done(&names);
    return code;
}

enum err_code sigv4_sign(struct sigv4_signer *signer, const struct sigv4_credentials *c, sv region, sv service,
                         int64_t now_unix_nano, struct arena *arena, struct http_request *q, struct err *e)
{
    struct signing s = { .credentials = c, .region = region, .service = service, .arena = arena };
    unsigned char digest[DIGEST_BYTES];
    char date[AMZ_DATE_SIZE], text[DIGEST_HEX];
    enum err_code code;

    if (!amz_date(now_unix_nano, date))
        return err_set(e, ERR_INTERNAL, "signature: no such time");
    if (!sha256(q->body, digest))
        return err_set(e, ERR_LIMIT, "signature: no memory left");
    s.amz_date = arena_copy(arena, sv_of(date));
    s.date = sv_first(s.amz_date, DATE_LEN);
    s.payload_sha256 = arena_copy(arena, hex(digest, text));
    if (!s.amz_date.at || !s.payload_sha256.at)
        return err_set(e, ERR_LIMIT, "signature: no memory left");
    drop_ours(q);
    code = add_ours(&s, q, e);
    return code ? code : sign_prepared(signer, &s, q, e);
}
