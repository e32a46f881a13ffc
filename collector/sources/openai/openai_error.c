/*
 * Names to what to do: one table, read from the operator's side (openai.md 7). A name that it does not hold is judged by
 * x-should-retry, as the official clients do, and then by the status. The body may be a proxy's: no JSON, or a number for a code.
 */
#include "collector/sources/openai/openai_error.h"

#include <ctype.h>
#include <stdio.h>

#include "collector/base/json.h"

enum { ERROR_BYTES_MAX = 64 << 10, KEY_AGAIN_MS = 60 * 1000 };

static const char missing_scope[] = "missing_scope";

/* clang-format off */
static const struct row {
    const char *name;
    enum err_code code;
    const char *remedy;
} rows[] = {
    { "invalid_api_key",     ERR_AUTH,      NULL }, /* told by openai_explain, which knows where the key is */
    { "incorrect_hostname",  ERR_CONFIG,    NULL },
    { missing_scope,         ERR_DENIED,    NULL },
    { "insufficient_quota",  ERR_DENIED,    "the organization is out of quota, which no waiting mends: see its billing settings" },
    { "rate_limit_exceeded", ERR_THROTTLED, NULL },
};

static const struct { int status; enum err_code code; } statuses[] = {
    { 401, ERR_AUTH }, { 403, ERR_DENIED }, { 404, ERR_GONE }, { 408, ERR_RETRY }, { 409, ERR_RETRY }, { 410, ERR_GONE },
    { 413, ERR_LIMIT }, { 429, ERR_THROTTLED },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct row *find_row(const char *name)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (sv_eq(sv_of(rows[i].name), sv_of(name)))
            return &rows[i];
    return NULL;
}

/* ---- What it says ---- */

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* The name's bytes at the front, nothing else. */
static void take_name(char *to, size_t max, sv from)
{
    size_t n = 0;

    while (n < from.len && n < max && is_name_byte(from.at[n]))
        n++;
    memcpy(to, from.at, n);
    to[n] = '\0';
}

/* "Missing scopes: api.usage.read." */
static void take_scope(struct openai_error *out, sv message)
{
    static const char mark[] = "issing scopes: ";
    const char *at = message.len ? memmem(message.at, message.len, mark, sizeof mark - 1) : NULL;
    size_t n;

    if (!at)
        return;
    snprintf(out->name, sizeof out->name, "%s", missing_scope);
    take_name(out->scope, OPENAI_ERROR_NAME_MAX, sv_skip(message, (size_t)(at - message.at) + sizeof mark - 1));
    for (n = strlen(out->scope); n && out->scope[n - 1] == '.'; n--)
        out->scope[n - 1] = '\0';
}

/* "... Please make your request to us.api.openai.com": believed only of a host of OpenAI's. */
static void take_host(struct openai_error *out, sv message)
{
    static const sv theirs = SVT(".openai.com");

    while (message.len) {
        sv word = sv_cut(&message, ' ');

        word = sv_starts(word, SV("https://")) ? sv_skip(word, strlen("https://")) : word;
        take_name(out->host, OPENAI_ERROR_HOST_MAX, word);
        for (size_t n = strlen(out->host); n && out->host[n - 1] == '.'; n--)
            out->host[n - 1] = '\0';
        if (sv_ends(sv_of(out->host), theirs) && out->host[0] != '.')
            return;
    }
    out->host[0] = '\0';
}

/* A 429 names its kind in `type` at times; of the other statuses `type` says nothing ("server_error" for a scope). */
static void read_error(json error, struct openai_error *out)
{
    sv message = json_sv(json_get(error, SV("message"))), type = json_sv(json_get(error, SV("type")));

    take_name(out->name, OPENAI_ERROR_NAME_MAX, json_sv(json_get(error, SV("code"))));
    if (!out->name[0] && sv_eq(type, SV("insufficient_quota")))
        take_name(out->name, OPENAI_ERROR_NAME_MAX, type);
    sv_plain(message, out->message, OPENAI_ERROR_TEXT_MAX);
    take_scope(out, message);
    if (sv_eq(sv_of(out->name), SV("incorrect_hostname")))
        take_host(out, message);
}

/* ---- What to do ---- */

static enum err_code by_status(int status)
{
    for (size_t i = 0; i < COUNT(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].code;
    return status >= 500 ? ERR_RETRY : ERR_REFUSED;
}

static enum err_code judge(const struct http_response *r, const char *name)
{
    const struct row *row = find_row(name);
    sv again = http_response_header(r, SV("x-should-retry"));
    enum err_code code = by_status(r->status);

    if (row)
        return row->code;
    if (code == ERR_RETRY && r->status == 503 && r->retry_after_ms)
        code = ERR_THROTTLED;
    if (sv_eq_nocase(again, SV("true")))
        return code == ERR_THROTTLED ? code : ERR_RETRY;
    return sv_eq_nocase(again, SV("false")) && code == ERR_RETRY ? ERR_REFUSED : code;
}

void openai_error_read(const struct http_response *r, struct openai_error *out)
{
    sv body = sv_first(sv_trim(buf_sv(&r->body)), ERROR_BYTES_MAX);
    struct json_parser *p = sv_starts(body, SV("{")) ? json_parser_new(ERROR_BYTES_MAX) : NULL;
    json root = { 0 };

    *out = (struct openai_error){ 0 };
    if (p && json_parse(p, body, &root, NULL) == ERR_OK)
        read_error(json_get(root, SV("error")), out);
    json_parser_free(p);
    out->code = judge(r, out->name);
}

enum err_code openai_judge(const struct http_response *r)
{
    struct openai_error error;

    openai_error_read(r, &error);
    return error.code;
}

/* ---- What to tell ---- */

static void tell(const struct openai_error *said, const struct http_response *r, const char *api, const char *key,
                 struct err *e)
{
    const struct row *row = find_row(said->name);

    if (said->code == ERR_AUTH)
        err_set(e, ERR_AUTH, "put a valid admin key (sk-admin-...) of an organization owner into %s: %s: http %d %s",
                key, api, r->status, said->name);
    else if (said->code == ERR_CONFIG)
        err_set(e, ERR_CONFIG,
                "set endpoints.url to https://%s/v1: %s: http %d: this host does not serve the organization",
                said->host[0] ? said->host : "REGION.api.openai.com", api, r->status);
    else if (said->code == ERR_DENIED && said->scope[0])
        err_set(e, ERR_DENIED, "use an admin key (sk-admin-...) that has the scope %s, at least to read: %s: http %d",
                said->scope, api, r->status);
    else if (row && row->remedy)
        err_set(e, said->code, "%s: %s: http %d", row->remedy, api, r->status);
    else if (said->code == ERR_DENIED)
        err_wrap(e, "use an admin key (sk-admin-...) that may read this");
}

enum err_code openai_explain(const struct http_response *r, const char *api, const char *key, struct err *e)
{
    sv id = http_response_header(r, SV("x-request-id"));
    struct openai_error said;
    size_t len;

    openai_error_read(r, &said);
    if (!e)
        return said.code;
    tell(&said, r, api, key, e);
    if (said.code == ERR_AUTH) /* it comes back at once only when somebody changes it */
        e->retry_after_ms = KEY_AGAIN_MS;
    len = strlen(e->text);
    if (id.len && id.len <= OPENAI_ERROR_NAME_MAX)
        snprintf(e->text + len, sizeof e->text - len, " (request %.*s)", SV_ARG(id));
    return said.code;
}
