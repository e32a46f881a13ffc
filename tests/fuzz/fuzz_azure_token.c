/* Answers and failures of token endpoints. A life is within its limits and renewed before its end, whatever the bytes
 * say. */
#include "collector/sources/azure/azure_auth.h"
#include "collector/sources/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct azure_token_answer t = { 0 };
    sv bytes = sv_make(data, size), path;
    struct arena memory;
    int64_t at;

    arena_init(&memory, 1 << 20);
    if (azure_token_decode(bytes, INT64_C(1795172400000000000), &memory, &t, NULL) == ERR_OK &&
        (t.token.len == 0 || t.life_ms < CREDENTIAL_LIFE_MIN_S * 1000 || t.life_ms > AZURE_TOKEN_LIFE_MAX_S * 1000LL ||
         t.renew_ms <= 0 || t.renew_ms >= t.life_ms))
        __builtin_trap();
    if (azure_token_error(bytes, 400, NULL) == ERR_OK)
        __builtin_trap();
    (void)azure_expires_on(bytes, &at);
    (void)azure_arc_key_file(bytes, SV("/var/opt/azcmagent/tokens"), &path);
    arena_done(&memory);
    return 0;
}
