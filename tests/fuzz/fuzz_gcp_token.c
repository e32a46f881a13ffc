/* Credential files and answers of token endpoints: URLs that may be asked, tokens that a header can hold, lives within
 * their limits, failures that are failures. */
#include "collector/sources/credential.h"
#include "collector/sources/gcp/gcp_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now = INT64_C(1795168800000000000);

static bool admitted(sv url)
{
    char origin[512];

    return url.len == 0 || (http_origin(url, origin, sizeof origin) && sv_ends(sv_of(origin), SV(".googleapis.com")) &&
                            sv_starts(sv_of(origin), SV("https://")));
}

static void check_file(sv bytes, struct arena *a)
{
    const struct gcp_hosts h = { .universe = SV("googleapis.com") };
    struct gcp_credential c = { 0 };

    if (gcp_credential_parse(bytes, &h, true, a, &c, NULL))
        return;
    if (!admitted(c.token_url) || !admitted(c.impersonation.url) || (c.source && !admitted(c.source->token_url)))
        __builtin_trap();
    if (c.quota_project.len && !credential_is_word(c.quota_project))
        __builtin_trap();
    gcp_credential_wipe(&c);
    if (c.key.len || c.refresh_token.len || c.client_secret.len)
        __builtin_trap();
}

static void check_token(const struct gcp_token *t)
{
    int64_t renew = gcp_token_renew_ms(t->life_ms);

    if (!credential_is_word(t->token) || t->life_ms < CREDENTIAL_LIFE_MIN_S * 1000 ||
        t->life_ms > GCP_TOKEN_LIFE_MAX_S * 1000LL || renew <= 0 || renew >= t->life_ms)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = { 302, 400, 401, 403, 429, 500 };
    sv bytes = sv_make(data, size), subject;
    struct gcp_token t;
    struct arena memory;

    arena_init(&memory, 4 << 20);
    check_file(bytes, &memory);
    if (gcp_token_decode(bytes, &memory, &t, NULL) == ERR_OK)
        check_token(&t);
    if (gcp_token_decode_impersonated(bytes, now, &memory, &t, NULL) == ERR_OK)
        check_token(&t);
    if (gcp_token_subject(bytes, size % 2 ? SV("access_token") : SV_NONE, &memory, &subject, NULL) == ERR_OK &&
        !credential_is_word(subject))
        __builtin_trap();
    if (gcp_token_error(bytes, statuses[size % 6], NULL) == ERR_OK ||
        gcp_token_impersonation_error(bytes, statuses[size % 6], SV("x"), NULL) == ERR_OK)
        __builtin_trap();
    arena_done(&memory);
    return 0;
}
