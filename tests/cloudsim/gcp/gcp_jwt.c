/*
 * Keys are made by OpenSSL at the first start and kept beside the configuration: a client that has read the key file
 * stays valid over our restart. Reading a token and believing it are two steps, since an endpoint tells a caller which
 * claim is wrong only after it knows the issuer.
 */
#include "tests/cloudsim/gcp/gcp_jwt.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "tests/cloudsim/token.h"

enum { KEY_BITS = 2048, PART_BYTES_MAX = 16 << 10 };

/* ---- keys ---- */

static EVP_PKEY *read_key(const char *dir, const char *name)
{
    char path[4096];
    EVP_PKEY *k;
    FILE *f;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return NULL;
    f = fopen(path, "re");
    if (!f)
        return NULL;
    k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    return k;
}

static sv pem_of(EVP_PKEY *k, struct arena *a)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    sv out = SV_NONE;
    long n;

    if (b && PEM_write_bio_PKCS8PrivateKey(b, k, NULL, NULL, 0, NULL, NULL)) {
        n = BIO_get_mem_data(b, &text);
        out = arena_copy(a, sv_make(text, (size_t)n));
    }
    BIO_free(b);
    return out;
}

static sv id_of(EVP_PKEY *k, struct arena *a)
{
    unsigned char *der = NULL, hash[SHA256_DIGEST_LENGTH];
    int n = i2d_PUBKEY(k, &der);
    char text[41];

    if (n <= 0)
        return SV_NONE;
    SHA256(der, (size_t)n, hash);
    OPENSSL_free(der);
    for (unsigned i = 0; i < 20; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return arena_copy(a, sv_make(text, 40));
}

enum err_code gcp_key_open(struct gcp_key *k, const char *dir, const char *name, struct arena *a, struct err *e)
{
    EVP_PKEY *old = read_key(dir, name);

    *k = (struct gcp_key){ .pkey = old ? old : EVP_RSA_gen(KEY_BITS) };
    if (k->pkey) {
        k->pem = pem_of(k->pkey, a);
        k->id = id_of(k->pkey, a);
    }
    if (!k->pem.len || !k->id.len)
        return err_set(e, ERR_INTERNAL, "openssl could not make %s", name);
    return old ? ERR_OK : file_write(dir, name, 0600, k->pem, e);
}

void gcp_key_done(struct gcp_key *k)
{
    EVP_PKEY_free(k->pkey);
    *k = (struct gcp_key){ .pkey = NULL };
}

/* ---- tokens ---- */

/* The URL's alphabet only, and no padding: that is how the parts of a token are written. */
static bool read_part(struct arena *a, sv text, sv *out)
{
    if (!text.len || text.len > PART_BYTES_MAX || text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    *out = base64_bytes(a, text);
    return out->len > 0;
}

static sv text_of(struct arena *a, json object, const char *name)
{
    return arena_copy(a, json_sv(json_get(object, sv_of(name))));
}

/* Times are numbers; a fraction is cut off. */
static int64_t seconds_of(json object, const char *name)
{
    json v = json_get(object, sv_of(name));
    double n;

    return json_type(v) != JSON_STRING && json_f64(v, &n) && n > 0 && n < 1e12 ? (int64_t)n : 0;
}

static bool read_head(struct arena *a, struct json_parser *p, sv text, struct gcp_jwt *out)
{
    json v;

    if (json_parse(p, text, &v, NULL) || json_type(v) != JSON_OBJECT)
        return false;
    out->alg = text_of(a, v, "alg");
    out->kid = text_of(a, v, "kid");
    return true;
}

static bool read_claims(struct arena *a, struct json_parser *p, sv text, struct gcp_jwt *out)
{
    json v;

    if (json_parse(p, text, &v, NULL) || json_type(v) != JSON_OBJECT)
        return false;
    out->iss = text_of(a, v, "iss");
    out->sub = text_of(a, v, "sub");
    out->aud = text_of(a, v, "aud");
    out->scope = text_of(a, v, "scope");
    out->target_audience = text_of(a, v, "target_audience");
    out->iat = seconds_of(v, "iat");
    out->exp = seconds_of(v, "exp");
    return true;
}

bool gcp_jwt_read(struct arena *a, sv token, struct gcp_jwt *out)
{
    sv rest = token, head, claims, signature;
    struct json_parser *p;
    bool ok;

    *out = (struct gcp_jwt){ .signed_part = sv_first(token, sv_find_last(token, '.')) };
    if (!read_part(a, sv_cut(&rest, '.'), &head) || !read_part(a, sv_cut(&rest, '.'), &claims) ||
        !read_part(a, rest, &signature))
        return false;
    out->signature = signature;
    p = json_parser_new(0);
    ok = p && read_head(a, p, head, out) && read_claims(a, p, claims, out);
    json_parser_free(p);
    return ok;
}

bool gcp_jwt_signed_by(const struct gcp_jwt *t, const struct gcp_key *k)
{
    EVP_MD_CTX *c;
    bool ok;

    if (!sv_eq(t->alg, SV("RS256")) || (t->kid.len && !sv_eq(t->kid, k->id)))
        return false;
    c = EVP_MD_CTX_new();
    ok = c && EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
         EVP_DigestVerify(c, (const unsigned char *)t->signature.at, t->signature.len,
                          (const unsigned char *)t->signed_part.at, t->signed_part.len) == 1;
    EVP_MD_CTX_free(c);
    return ok;
}

static sv signature_of(struct arena *a, EVP_PKEY *k, sv text)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t n = (size_t)EVP_PKEY_get_size(k);
    unsigned char *out = arena_alloc(a, n);
    bool ok = c && out && EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, k) == 1 &&
              EVP_DigestSign(c, out, &n, (const unsigned char *)text.at, text.len) == 1;

    EVP_MD_CTX_free(c);
    return ok ? sv_make(out, n) : SV_NONE;
}

sv gcp_jwt_sign(struct arena *a, const struct gcp_key *k, sv claims)
{
    sv head = arena_printf(a, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%.*s\"}", SV_ARG(k->id));
    sv text = arena_printf(a, "%.*s.%.*s", SV_ARG(base64url_text(a, head)), SV_ARG(base64url_text(a, claims)));
    sv signature = signature_of(a, k->pkey, text);

    return signature.len ? arena_printf(a, "%.*s.%.*s", SV_ARG(text), SV_ARG(base64url_text(a, signature))) : SV_NONE;
}
