/*
 * Temporary credentials. The session token carries account, role, session name and times under a code made with our
 * key; the access key and its secret are made from the token. So nothing is stored, and what was issued is believed
 * again after a restart. Tokens are as long as the real ones: whoever keeps them in a small buffer is found out.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/cloudsim/aws/aws_api.h"
#include "tests/cloudsim/rng.h"

enum { MAC_BYTES = 32, FILLER_WORDS = 60 };

static void mac_of(const struct sim *s, const char *purpose, sv text, unsigned char out[EVP_MAX_MD_SIZE])
{
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    HMAC(EVP_sha256(), s->token_key, sizeof s->token_key, (const unsigned char *)purpose, strlen(purpose), key, &n);
    HMAC(EVP_sha256(), key, MAC_BYTES, (const unsigned char *)text.at, text.len, out, &n);
}

/* "ASIA" and the like, then 16 characters. */
static sv id_of(const struct sim *s, struct arena *a, const char *prefix, sv text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned char mac[EVP_MAX_MD_SIZE];
    char out[17] = "";

    mac_of(s, prefix, text, mac);
    for (unsigned i = 0; i < 16; i++)
        out[i] = letters[mac[i] % 32];
    return arena_printf(a, "%s%s", prefix, out);
}

static struct aws_keys keys_of(const struct sim *s, struct arena *a, sv token)
{
    unsigned char mac[EVP_MAX_MD_SIZE];

    mac_of(s, "secret", token, mac);
    return (struct aws_keys){ .token = token,
                              .key_id = id_of(s, a, "ASIA", token),
                              .secret = sv_first(base64_text(a, sv_make(mac, 30)), 40) };
}

struct aws_keys aws_session_make(const struct sim *s, struct arena *a, const struct aws_session *session)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    struct buf b = { .at = NULL };
    struct aws_keys keys;

    buf_printf(&b, "%.*s|%.*s|%.*s|%lld|%lld|", SV_ARG(session->account), SV_ARG(session->role), SV_ARG(session->name),
               (long long)session->issued, (long long)session->expires);
    for (uint64_t i = 0; i < FILLER_WORDS; i++)
        buf_le64(&b, rng_name((uint64_t)session->issued, i));
    mac_of(s, "token", buf_sv(&b), mac);
    buf_put(&b, sv_make(mac, MAC_BYTES));
    keys = keys_of(s, a, base64_text(a, buf_sv(&b)));
    buf_done(&b);
    return keys;
}

bool aws_session_read(struct exchange *x, sv token, struct aws_session *out, struct aws_keys *keys)
{
    sv bytes = base64_bytes(&x->arena, token), body, mac;
    unsigned char want[EVP_MAX_MD_SIZE];

    if (bytes.len <= MAC_BYTES)
        return false;
    body = sv_first(bytes, bytes.len - MAC_BYTES);
    mac = sv_skip(bytes, body.len);
    mac_of(x->sim, "token", body, want);
    if (CRYPTO_memcmp(mac.at, want, MAC_BYTES) != 0)
        return false;
    out->account = sv_cut(&body, '|');
    out->role = sv_cut(&body, '|');
    out->name = sv_cut(&body, '|');
    *keys = keys_of(x->sim, &x->arena, token);
    return sv_to_i64(sv_cut(&body, '|'), &out->issued) && sv_to_i64(sv_cut(&body, '|'), &out->expires);
}

sv aws_role_id(const struct sim *s, struct arena *a, sv account, sv role)
{
    return id_of(s, a, "AROA", arena_printf(a, "%.*s/%.*s", SV_ARG(account), SV_ARG(role)));
}

sv aws_user_id(const struct sim *s, struct arena *a)
{
    return id_of(s, a, "AIDA", SV(AWS_COLLECTOR_USER));
}
