/*
 * Signed JWTs under a key made from the seed, so that a token is believed again after a restart and nothing is stored.
 */
#include "tests/cloudsim/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "tests/cloudsim/rng.h"
#include "tests/cloudsim/story.h"

enum { MAC_BYTES = 32 };

bool secret_is(sv given, sv want)
{
    return given.len == want.len && CRYPTO_memcmp(given.at, want.at, want.len) == 0;
}

sv base64_text(struct arena *a, sv bytes)
{
    char *out = arena_alloc(a, bytes.len / 3 * 4 + 8);

    return out ? sv_make(out,
                         (size_t)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes.at, (int)bytes.len))
               : SV_NONE;
}

sv base64url_text(struct arena *a, sv bytes)
{
    sv text = base64_text(a, bytes);
    char *out = (char *)(uintptr_t)text.at;
    size_t n = text.len;

    while (n > 0 && out[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return sv_make(out, n);
}

sv base64_bytes(struct arena *a, sv text)
{
    size_t padded = (text.len + 3) / 4 * 4;
    char *in = arena_alloc(a, padded + 1), *out = arena_alloc(a, padded + 4);
    size_t filled = text.len;
    int n;

    if (!in || !out)
        return SV_NONE;
    while (filled > 0 && text.at[filled - 1] == '=')
        filled--;
    memset(in, '=', padded);
    for (size_t i = 0; i < filled; i++)
        in[i] = text.at[i] == '-' ? '+' : text.at[i] == '_' ? '/' : text.at[i];
    n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)in, (int)padded);
    return n < (int)(padded - filled) ? SV_NONE : sv_make(out, (size_t)n - (padded - filled));
}

static sv mac_of(const struct sim *s, struct arena *a, sv text)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    HMAC(EVP_sha256(), s->token_key, sizeof s->token_key, (const unsigned char *)text.at, text.len, mac, &n);
    return base64url_text(a, sv_make(mac, MAC_BYTES));
}

/* All tokens name Azure's tenant, which they were first made for. */
static sv tenant_of(const struct sim *s, struct arena *a)
{
    uint64_t stream = rng_name(s->seed, 't');
    char text[36];

    uuid_text(rng_name(stream, 1), rng_name(stream, 2), text);
    return arena_copy(a, sv_make(text, sizeof text));
}

sv token_mint(const struct sim *s, struct arena *a, sv audience, sv principal, int64_t now, int64_t life_s)
{
    sv tenant = tenant_of(s, a);
    long long iat = (long long)(now / NANO_PER_S);
    sv claims = arena_printf(
        a,
        "{\"aud\":\"%.*s\",\"iss\":\"https://sts.windows.net/%.*s/\",\"iat\":%lld,\"iat_ns\":%lld,\"nbf\":%lld,"
        "\"exp\":%lld,\"appid\":\"%.*s\",\"oid\":\"%.*s\",\"tid\":\"%.*s\",\"ver\":\"1.0\"}",
        SV_ARG(audience), SV_ARG(tenant), iat, (long long)now, iat, iat + (long long)life_s, SV_ARG(principal),
        SV_ARG(principal), SV_ARG(tenant));
    sv head = base64url_text(a, SV("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    sv body = arena_printf(a, "%.*s.%.*s", SV_ARG(head), SV_ARG(base64url_text(a, claims)));

    return arena_printf(a, "%.*s.%.*s", SV_ARG(body), SV_ARG(mac_of(s, a, body)));
}

bool token_read(struct exchange *x, sv token, struct token_claims *out)
{
    size_t dot = sv_find_last(token, '.');
    sv body = sv_first(token, dot), mac = sv_skip(token, dot + 1), want = mac_of(x->sim, &x->arena, body);
    struct json_parser *p;
    bool ok = false;
    json v;

    if (dot == token.len || mac.len != want.len || CRYPTO_memcmp(mac.at, want.at, want.len) != 0)
        return false;
    sv_cut(&body, '.');
    p = json_parser_new(0);
    if (p && json_parse(p, base64_bytes(&x->arena, body), &v, NULL) == ERR_OK) {
        out->audience = arena_copy(&x->arena, json_sv(json_get(v, SV("aud"))));
        out->principal = arena_copy(&x->arena, json_sv(json_get(v, SV("appid"))));
        ok = json_i64(json_get(v, SV("iat_ns")), &out->issued) && json_i64(json_get(v, SV("exp")), &out->expires);
        out->expires *= NANO_PER_S;
    }
    json_parser_free(p);
    return ok;
}
