/*
 * The pure half of Entra tokens: request bodies, answers, failures.
 *
 * Answers come in two dialects: v2 with numbers, and v1 / managed identity with numbers in strings and expires_on in
 * several spellings (azure.md 4.1, 4.2). A lifetime is clamped, so that a wrong clock on the other side neither makes
 * us ask without end nor keep a dead token for weeks. Failures are told by `error`, the AADSTS code and the trace id;
 * the description is not repeated, since nothing promises that it holds no secret.
 */
#include <stdio.h>

#include "collector/base/clock.h"
#include "collector/base/json.h"
#include "collector/sources/azure/azure_auth.h"
#include "collector/sources/credential.h"

enum { RENEW_BEFORE_END_S = 300, HALF_LIFE_ABOVE_S = 2 * 3600, ERROR_BYTES_MAX = 64 << 10 };

void azure_token_form(struct buf *out, sv client_id, sv secret, sv assertion, sv audience)
{
    buf_put(out, SV("grant_type=client_credentials&client_id="));
    http_escape(out, client_id);
    if (secret.len) {
        buf_put(out, SV("&client_secret="));
        http_escape(out, secret);
    } else {
        buf_put(out, SV("&client_assertion_type="));
        http_escape(out, SV("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        buf_put(out, SV("&client_assertion="));
        http_escape(out, assertion);
    }
    buf_put(out, SV("&scope="));
    http_escape(out, audience);
    http_escape(out, SV("/.default"));
}

/* "MM/dd/yyyy HH:mm:ss" and what may follow ("AM", "+00:00") to an instant. App Service has written it so. */
static bool american_date(sv s, int64_t *unix_nano)
{
    char iso[20];

    if (s.len < 19 || s.at[2] != '/' || s.at[5] != '/' || s.at[10] != ' ' ||
        !(s.len == 19 || sv_eq(sv_skip(s, 19), SV(" +00:00"))))
        return false;
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.8s", s.at + 6, s.at, s.at + 3, s.at + 11);
    return sv_to_time(sv_make(iso, 19), unix_nano);
}

bool azure_expires_on(sv text, int64_t *unix_nano)
{
    int64_t seconds;

    text = sv_trim(text);
    if (sv_to_i64(text, &seconds))
        return seconds > 0 && !__builtin_mul_overflow(seconds, NANO_PER_S, unix_nano);
    return sv_to_time(text, unix_nano) || american_date(text, unix_nano);
}

static bool seconds_of(json v, int64_t *s)
{
    return json_i64(v, s) && *s > 0;
}

/* Seconds from `now` until the token ends, as the answer tells; expires_on first, since expires_in may have been
 * counted from the moment at which a proxy put the token into its cache. */
static int64_t told_life_s(json expires_on, json expires_in, int64_t now)
{
    int64_t at, s;

    if (json_i64(expires_on, &s) && s > 0 && !__builtin_mul_overflow(s, NANO_PER_S, &at))
        return at / NANO_PER_S - now / NANO_PER_S;
    if (azure_expires_on(json_sv(expires_on), &at))
        return at / NANO_PER_S - now / NANO_PER_S;
    return seconds_of(expires_in, &s) ? s : AZURE_TOKEN_LIFE_UNTOLD_S;
}

static int64_t renew_after_s(int64_t life_s, json refresh_in)
{
    int64_t s;

    if (seconds_of(refresh_in, &s) && s < life_s)
        return s;
    if (life_s > HALF_LIFE_ABOVE_S)
        return life_s / 2;
    return life_s > 2 * RENEW_BEFORE_END_S ? life_s - RENEW_BEFORE_END_S : life_s / 2;
}

enum { TOKEN, EXPIRES_ON, EXPIRES_IN, REFRESH_IN, CLIENT_ID, OBJECT_ID, MSI_RES_ID, MI_RES_ID, FIELDS };
static const sv token_fields[FIELDS] = {
    [TOKEN] = { "access_token", 12 },    [EXPIRES_ON] = { "expires_on", 10 }, [EXPIRES_IN] = { "expires_in", 10 },
    [REFRESH_IN] = { "refresh_in", 10 }, [CLIENT_ID] = { "client_id", 9 },    [OBJECT_ID] = { "object_id", 9 },
    [MSI_RES_ID] = { "msi_res_id", 10 }, [MI_RES_ID] = { "mi_res_id", 9 },
};

static enum err_code take_answer(json root, int64_t now, struct arena *a, struct azure_token_answer *out, struct err *e)
{
    json v[FIELDS];
    struct azure_token_answer t = { 0 };

    json_pick(root, token_fields, FIELDS, v);
    if (!credential_is_word(json_sv(v[TOKEN])))
        return err_set(e, ERR_PARSE, "token answer without a usable access_token");
    t.life_ms = credential_life_ms(told_life_s(v[EXPIRES_ON], v[EXPIRES_IN], now), AZURE_TOKEN_LIFE_MAX_S);
    t.renew_ms = renew_after_s(t.life_ms / 1000, v[REFRESH_IN]) * 1000;
    t.token = arena_copy(a, json_sv(v[TOKEN]));
    t.client_id = arena_copy(a, json_sv(v[CLIENT_ID]));
    t.object_id = arena_copy(a, json_sv(v[OBJECT_ID]));
    t.resource_id = arena_copy(a, json_sv(json_is_absent(v[MSI_RES_ID]) ? v[MI_RES_ID] : v[MSI_RES_ID]));
    if (!t.token.at || !t.client_id.at || !t.object_id.at || !t.resource_id.at)
        return err_set(e, ERR_LIMIT, "token answer: no memory left");
    *out = t;
    return ERR_OK;
}

enum err_code azure_token_decode(sv body, int64_t now_unix_nano, struct arena *a, struct azure_token_answer *out,
                                 struct err *e)
{
    struct json_parser *p = json_parser_new(AZURE_TOKEN_BYTES_MAX * 2);
    enum err_code code;
    json root;

    if (!p)
        return err_set(e, ERR_LIMIT, "token answer: no memory left");
    code = json_parse(p, body, &root, e);
    if (code)
        err_set(e, code, "token answer of %zu bytes is no JSON", body.len); /* the parser's words may quote it */
    else
        code = take_answer(root, now_unix_nano, a, out, e);
    json_parser_free(p);
    return code;
}

/* ---- Failures ---- */

/* clang-format off */
static const struct {
    int64_t aadsts;
    const char *remedy;
} by_code[] = {
    { 50034,   "the account does not exist in this tenant: check tenant_id" },
    { 70021,   "no federated credential of this application fits the presented token: check its issuer, subject and audience" },
    { 90002,   "unknown tenant: check tenant_id and the authority of this cloud" },
    { 500011,  "this tenant does not know the audience: check the cloud's audience setting" },
    { 700016,  "unknown application: check client_id and tenant_id" },
    { 700024,  "the federated token is outside its time: check the clock and that the file is renewed" },
    { 700211,  "no federated credential with this issuer: check the application's federated credentials" },
    { 700213,  "no federated credential with this subject: check the application's federated credentials" },
    { 7000215, "client_secret is wrong: give the secret's value, not its id" },
    { 7000222, "client_secret has expired: make a new one" },
};

static const struct {
    const char *error;
    enum err_code code;
    const char *remedy;
} by_error[] = {
    { "invalid_client",          ERR_CONFIG, "check client_id and the secret or federated credential" },
    { "unauthorized_client",     ERR_CONFIG, "the application may not ask for tokens this way: check it in Entra" },
    { "invalid_request",         ERR_CONFIG, "check tenant_id, client_id and the identity's assignment" },
    { "invalid_resource",        ERR_CONFIG, "check the audience" },
    { "invalid_scope",           ERR_CONFIG, "check the audience" },
    { "invalid_grant",           ERR_CONFIG, "check the credential" },
    { "access_denied",           ERR_CONFIG, "a policy of the tenant refuses this application" },
    { "temporarily_unavailable", ERR_RETRY,  "passing" },
    { "server_error",            ERR_RETRY,  "passing" },
};
/* clang-format on */

static const char *remedy_of(int64_t aadsts)
{
    for (size_t i = 0; i < sizeof by_code / sizeof *by_code; i++)
        if (by_code[i].aadsts == aadsts)
            return by_code[i].remedy;
    return NULL;
}

static int64_t aadsts_of(json root)
{
    struct json_iter it = json_items(json_get(root, SV("error_codes")));
    sv text = json_sv(json_get(root, SV("error_description")));
    json first;
    int64_t n = 0;

    if (json_item(&it, &first) && json_i64(first, &n))
        return n;
    if (sv_starts(text, SV("AADSTS"))) {
        text = sv_skip(text, 6);
        (void)sv_to_i64(sv_cut(&text, ':'), &n);
    }
    return n;
}

static enum err_code code_of_status(int status)
{
    return status == 429 ? ERR_THROTTLED : status >= 500 ? ERR_RETRY : ERR_CONFIG;
}

static enum err_code tell(json root, int status, struct err *e)
{
    int64_t aadsts = aadsts_of(root), retry_after_ms = e ? e->retry_after_ms : 0;
    enum err_code code = code_of_status(status);
    sv error = credential_error_word(json_sv(json_get(root, SV("error"))), 40);
    sv trace = credential_error_word(json_sv(json_get(root, SV("trace_id"))), 40);
    const char *remedy = remedy_of(aadsts);
    char number[32] = "";

    for (size_t i = 0; code == ERR_CONFIG && i < sizeof by_error / sizeof *by_error; i++)
        if (sv_eq(error, sv_of(by_error[i].error))) {
            code = by_error[i].code;
            remedy = remedy ? remedy : by_error[i].remedy;
            break;
        }
    if (sv_has(json_sv(json_get(root, SV("error_description"))), SV("Identity not found")))
        remedy = "no such managed identity is assigned to this machine: assign it, or correct the client, object or "
                 "resource id";
    if (aadsts > 0)
        snprintf(number, sizeof number, " AADSTS%lld", (long long)aadsts);
    code = err_set(e, code, "token refused: http=%d error=%.*s%s%s%.*s: %s", status,
                   SV_ARG(error.len ? error : SV("?")), number, trace.len ? " trace_id=" : "", SV_ARG(trace),
                   remedy               ? remedy
                   : code == ERR_CONFIG ? "check authority, tenant_id and client_id"
                                        : "passing");
    if (e && code == ERR_THROTTLED)
        e->retry_after_ms = retry_after_ms;
    return code;
}

enum err_code azure_token_error(sv body, int status, struct err *e)
{
    struct json_parser *p = json_parser_new(ERROR_BYTES_MAX);
    json root = { 0 };
    enum err_code code;

    if (!p || json_parse(p, sv_first(body, ERROR_BYTES_MAX), &root, NULL))
        root = (json){ 0 };
    code = tell(root, status, e);
    json_parser_free(p);
    return code;
}

/* ---- Azure Arc ---- */

bool azure_arc_key_file(sv www_authenticate, sv directory, sv *file)
{
    sv s = sv_trim(www_authenticate), name;

    if (!sv_starts_nocase(s, SV("Basic realm=")))
        return false;
    s = sv_skip(s, 12);
    if (s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"')
        s = sv_make(s.at + 1, s.len - 2);
    if (!sv_starts(s, directory))
        return false;
    name = sv_skip(s, directory.len);
    if (!sv_starts(name, SV("/")) || sv_find(sv_skip(name, 1), '/') != name.len - 1 || memchr(s.at, 0, s.len))
        return false;
    if (!sv_ends(name, SV(".key")) || name.len <= 5)
        return false;
    *file = s;
    return true;
}
