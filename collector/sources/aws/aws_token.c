/*
 * STS speaks the query protocol: a form out, a small XML document back (aws.md 4.4). Metadata services answer with JSON
 * (4.3). Lives are measured against the server's own time and held within limits, so that a wrong clock on either side
 * neither makes us ask without end nor keep a dead set.
 *
 * What AWS says in a refusal is told up to the end of its first line; the rest may hold the signed request.
 */
#include "collector/sources/aws/aws_token.h"

#include <ctype.h>

#include "collector/base/clock.h"
#include "collector/sources/aws/aws_error.h"
#include "collector/sources/aws/aws_xml.h"
#include "collector/sources/credential.h"
#include "collector/sources/imds.h"

/* ---- Forms ---- */

static void put(struct buf *b, const char *name, sv value)
{
    buf_printf(b, "&%s=", name);
    http_escape(b, value);
}

static void begin(struct buf *b, const char *action)
{
    buf_printf(b, "Action=%s&Version=2011-06-15", action);
}

static void put_role(struct buf *b, const struct aws_role *role)
{
    put(b, "RoleArn", role->arn);
    put(b, "RoleSessionName", role->session_name);
    buf_printf(b, "&DurationSeconds=%lld", (long long)role->duration_s);
}

void aws_token_assume_form(struct buf *out, const struct aws_role *role)
{
    begin(out, "AssumeRole");
    put_role(out, role);
    if (role->external_id.len)
        put(out, "ExternalId", role->external_id);
}

void aws_token_web_form(struct buf *out, const struct aws_role *role, sv token)
{
    begin(out, "AssumeRoleWithWebIdentity");
    put_role(out, role);
    put(out, "WebIdentityToken", token);
}

void aws_token_caller_form(struct buf *out)
{
    begin(out, "GetCallerIdentity");
}

void aws_role_arn(struct buf *out, sv template, sv partition, sv account)
{
    while (template.len) {
        if (sv_starts(template, SV("{partition}"))) {
            buf_put(out, partition);
            template = sv_skip(template, 11);
        } else if (sv_starts(template, SV("{account}"))) {
            buf_put(out, account);
            template = sv_skip(template, 9);
        } else {
            buf_putc(out, template.at[0]);
            template = sv_skip(template, 1);
        }
    }
}

/* ---- Answers ---- */

static int64_t life_ms(int64_t ends_unix_nano, int64_t now_unix_nano)
{
    return credential_life_ms(ends_unix_nano / NANO_PER_S - now_unix_nano / NANO_PER_S, AWS_TOKEN_LIFE_MAX_S);
}

/* Documented examples break a token over several lines. */
static sv joined(struct arena *a, sv s)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;

    for (size_t i = 0; out && i < s.len; i++)
        if (!isspace((unsigned char)s.at[i]))
            out[n++] = s.at[i];
    return sv_make(out, n);
}

static enum err_code take(struct aws_token_answer *t, struct err *e)
{
    if (!credential_is_word(t->keys.access_key_id) || !credential_is_word(t->keys.secret_access_key))
        return err_set(e, ERR_PARSE, "the answer holds no usable access key");
    if (t->keys.session_token.len && !credential_is_word(t->keys.session_token))
        return err_set(e, ERR_PARSE, "the answer holds no usable session token");
    return ERR_OK;
}

enum err_code aws_token_sts(sv body, int64_t now_unix_nano, struct arena *a, struct aws_token_answer *out,
                            struct err *e)
{
    const sv credentials = SV("Credentials");
    struct aws_token_answer t = { 0 };
    sv ends = SV_NONE, token = SV_NONE;
    int64_t at = 0;

    if (body.len > AWS_TOKEN_BYTES_MAX)
        return err_set(e, ERR_PARSE, "the answer is too large");
    if (!aws_xml_text(body, credentials, SV("AccessKeyId"), a, &t.keys.access_key_id) ||
        !aws_xml_text(body, credentials, SV("SecretAccessKey"), a, &t.keys.secret_access_key) ||
        !aws_xml_text(body, credentials, SV("SessionToken"), a, &token) ||
        !aws_xml_text(body, credentials, SV("Expiration"), a, &ends))
        return err_set(e, ERR_PARSE, "the answer of %zu bytes holds no credentials", body.len);
    t.keys.session_token = joined(a, token);
    if (!t.keys.session_token.len || !sv_to_time(ends, &at))
        return err_set(e, ERR_PARSE, "the answer's credentials have no token or no end");
    t.life_ms = life_ms(at, now_unix_nano);
    if (take(&t, e))
        return ERR_PARSE;
    *out = t;
    return ERR_OK;
}

static bool is_account(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isdigit((unsigned char)s.at[i]))
            return false;
    return s.len == 12;
}

enum err_code aws_token_caller(sv body, struct arena *a, sv *account, sv *arn, struct err *e)
{
    const sv result = SV("GetCallerIdentityResult");
    sv id, name;

    if (body.len > AWS_TOKEN_BYTES_MAX || !aws_xml_text(body, result, SV("Account"), a, &id) || !is_account(id) ||
        !aws_xml_text(body, result, SV("Arn"), a, &name) || !credential_is_word(name) || !sv_starts(name, SV("arn:")))
        return err_set(e, ERR_PARSE, "the answer of %zu bytes names no account", body.len);
    *account = id;
    *arn = name;
    return ERR_OK;
}

enum err_code aws_token_metadata(sv body, int64_t now_unix_nano, struct arena *a, struct aws_token_answer *out,
                                 struct err *e)
{
    struct aws_token_answer t = { 0 };
    int64_t ends;
    enum err_code code = imds_keys(body, a, &t.keys, &ends, e);

    if (code)
        return code;
    t.stale = ends && ends <= now_unix_nano;
    if (ends)
        t.life_ms = t.stale ? AWS_TOKEN_STALE_S * 1000LL : life_ms(ends, now_unix_nano);
    *out = t;
    return ERR_OK;
}

/* ---- Failures ---- */

/* clang-format off */
static const struct {
    const char *name;
    enum err_code code; /* 0: as aws_error has it */
    const char *remedy;
} remedies[] = {
    { "AccessDenied",            0,          "check that the role exists, that its trust policy names us and this ExternalId, and that we may sts:AssumeRole on it" },
    { "AccessDeniedException",   0,          "check that the role exists, that its trust policy names us and this ExternalId, and that we may sts:AssumeRole on it" },
    { "ExpiredTokenException",   0,          "the token has ended: check that what writes it runs" },
    { "ExpiredToken",            0,          "the credentials have ended: check that what renews them runs" },
    { "InvalidIdentityToken",    ERR_CONFIG, "no identity provider of this account fits the token: check its issuer and audience" },
    { "IDPRejectedClaim",        ERR_CONFIG, "the identity provider refuses the token: check the role's trust policy" },
    { "RegionDisabledException", ERR_CONFIG, "STS is off in this region: activate it in IAM, or set another region" },
    { "InvalidClientTokenId",    0,          "the access key is unknown here: check that it is active, and the region's partition" },
    { "UnrecognizedClientException", 0,      "the access key is unknown here: check that it is active, and the region's partition" },
    { "SignatureDoesNotMatch",   ERR_CONFIG, "the secret access key does not belong to this access key id" },
    { "InvalidSignatureException", ERR_CONFIG, "the secret access key does not belong to this access key id" },
    { "ValidationError",         ERR_CONFIG, "check role_arn, external_id and session_name" },
    { "ValidationException",     ERR_CONFIG, "check role_arn, external_id and session_name" },
    { "MalformedPolicyDocument", ERR_CONFIG, "check the role" },
    { "PackedPolicyTooLarge",    ERR_CONFIG, "check the role's session tags" },
};
/* clang-format on */

static const char *of_code(enum err_code code)
{
    return code == ERR_DENIED   ? "check the permissions of this identity"
           : code == ERR_CONFIG ? "check the credentials"
           : code == ERR_AUTH   ? "check the credentials"
                                : "passing";
}

enum err_code aws_token_error(const struct http_response *r, sv what, struct err *e)
{
    int64_t retry_after_ms = e ? e->retry_after_ms : 0;
    struct aws_error error;
    const char *remedy = NULL;
    enum err_code code;
    sv message;

    aws_error_read(r, &error);
    message = sv_of(error.message);
    while (sv_ends(message, SV(".")))
        message.len--;
    code = error.code == ERR_OK ? ERR_RETRY : error.code;
    for (size_t i = 0; error.fault != AWS_FAULT_SKEW && i < sizeof remedies / sizeof *remedies; i++)
        if (strcmp(remedies[i].name, error.name) == 0) {
            remedy = remedies[i].remedy;
            code = remedies[i].code ? remedies[i].code : code;
        }
    if (error.fault == AWS_FAULT_SKEW)
        remedy = "this machine's clock is wrong: set it";
    code = err_set(e, code, "%.*s: http %d %s: %.*s: %s", SV_ARG(sv_first(what, 120)), r->status,
                   error.name[0] ? error.name : "?", SV_ARG(sv_first(message, 100)), remedy ? remedy : of_code(code));
    if (e && code == ERR_THROTTLED)
        e->retry_after_ms = retry_after_ms;
    return code;
}
