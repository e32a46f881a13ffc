/* Scopes, access tokens, and the times of signed assertions. */
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "tests/cloudsim/gcp/gcp_api.h"

enum { MAC_BYTES = 32, SUBJECT_LIFE_S = 3600 };

#define AUTH "https://www.googleapis.com/auth/"

/* clang-format off */
static const struct { sv name; unsigned bit; } scopes[] = {
    { SVT(AUTH "cloud-platform"),           GCP_SCOPE_PLATFORM },
    { SVT(AUTH "cloud-platform.read-only"), GCP_SCOPE_PLATFORM_READ },
    { SVT(AUTH "monitoring"),               GCP_SCOPE_MONITORING },
    { SVT(AUTH "monitoring.read"),          GCP_SCOPE_MONITORING_READ },
    { SVT(AUTH "logging.admin"),            GCP_SCOPE_LOGGING_ADMIN },
    { SVT(AUTH "logging.read"),             GCP_SCOPE_LOGGING_READ },
    { SVT(AUTH "iam"),                      GCP_SCOPE_IAM },
    { SVT(AUTH "monitoring.write"),         GCP_SCOPE_OTHER },
    { SVT(AUTH "logging.write"),            GCP_SCOPE_OTHER },
    { SVT(AUTH "pubsub"),                   GCP_SCOPE_OTHER },
    { SVT(AUTH "userinfo.email"),           GCP_SCOPE_OTHER },
    { SVT("email"),                         GCP_SCOPE_OTHER },
    { SVT("openid"),                        GCP_SCOPE_OTHER },
};
/* clang-format on */

enum { SCOPES = sizeof scopes / sizeof scopes[0] };

static bool read_scope(sv name, unsigned *bits)
{
    for (unsigned i = 0; i < SCOPES; i++)
        if (sv_eq(name, scopes[i].name)) {
            *bits |= scopes[i].bit;
            return true;
        }
    return name.len == 0;
}

bool gcp_scopes_read(sv names, unsigned *out)
{
    unsigned bits = 0;

    while (names.len) {
        sv word = sv_cut(&names, ' ');

        while (word.len)
            if (!read_scope(sv_cut(&word, ','), &bits))
                return false;
    }
    *out = bits;
    return true;
}

sv gcp_scopes_text(struct arena *a, unsigned bits)
{
    sv out = SV_NONE;

    for (unsigned i = 0; i < SCOPES; i++)
        if (bits & scopes[i].bit && scopes[i].bit != GCP_SCOPE_OTHER)
            out = arena_printf(a, "%.*s%s%.*s", SV_ARG(out), out.len ? " " : "", SV_ARG(scopes[i].name));
    return out;
}

/* ---- access tokens ---- */

static sv mac_of(const struct sim *s, struct arena *a, sv text)
{
    sv named = arena_printf(a, "gcp:%.*s", SV_ARG(text));
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    HMAC(EVP_sha256(), s->token_key, sizeof s->token_key, (const unsigned char *)named.at, named.len, mac, &n);
    return arena_copy(a, sv_make(mac, MAC_BYTES));
}

sv gcp_token_make(const struct sim *s, struct arena *a, const struct gcp_grant *g)
{
    bool federated = g->who >= GCP_SUBJECT;
    sv body =
        arena_printf(a, "%u|%x|%lld|%lld", (unsigned)g->who, g->scopes, (long long)g->issued, (long long)g->expires);
    sv mac = mac_of(s, a, body);

    return arena_printf(a, "ya29.%s%.*s-%.*s", federated ? "d." : "c.", SV_ARG(base64url_text(a, mac)),
                        SV_ARG(base64url_text(a, body)));
}

static bool read_body(sv body, struct gcp_grant *out)
{
    uint64_t who, scopes_ = 0;
    sv word;

    if (!sv_to_u64(sv_cut(&body, '|'), &who) || who >= GCP_WHOS)
        return false;
    word = sv_cut(&body, '|');
    for (size_t i = 0; i < word.len; i++)
        scopes_ = scopes_ << 4 | (uint64_t)(word.at[i] <= '9' ? word.at[i] - '0' : word.at[i] - 'a' + 10);
    out->who = (enum gcp_who)who;
    out->scopes = (unsigned)scopes_;
    return sv_to_i64(sv_cut(&body, '|'), &out->issued) && sv_to_i64(body, &out->expires);
}

bool gcp_token_read(struct exchange *x, sv token, struct gcp_grant *out)
{
    enum { PREFIX = sizeof "ya29.c." - 1, MAC_TEXT = 43 };
    struct arena *a = &x->arena;
    sv mac = sv_first(sv_skip(token, PREFIX), MAC_TEXT), body = sv_skip(token, PREFIX + MAC_TEXT + 1);

    if (!sv_starts(token, SV("ya29.")) || mac.len != MAC_TEXT || !body.len)
        return false;
    body = base64_bytes(a, body);
    return body.len && secret_is(base64_bytes(a, mac), mac_of(x->sim, a, body)) && read_body(body, out);
}

/* ---- assertions ---- */

const char *gcp_jwt_times(const struct gcp_jwt *t, int64_t now)
{
    int64_t now_s = now / NANO_PER_S;

    if (!t->iat || !t->exp || t->exp - t->iat > GCP_TOKEN_LIFE_S || t->exp <= t->iat || t->iat > now_s + GCP_SKEW_S ||
        t->exp + GCP_SKEW_S < now_s)
        return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your "
               "iat and exp values in the JWT claim.";
    return NULL;
}

sv gcp_subject_token(const struct sim *s, struct arena *a, enum gcp_who who, int64_t now)
{
    const struct gcp_access *g = gcp_of(s)->access;
    int64_t iat = now / NANO_PER_S;
    sv claims = arena_printf(a, "{\"iss\":\"%.*s\",\"sub\":\"%.*s\",\"aud\":\"https:%.*s\",\"iat\":%lld,\"exp\":%lld}",
                             SV_ARG(g->issuer), SV_ARG(g->who[who].subject), SV_ARG(g->audience), (long long)iat,
                             (long long)iat + SUBJECT_LIFE_S);

    return gcp_jwt_sign(a, &g->provider_key, claims);
}
