/* How OpenAI refuses: one form for all, and what its official clients look for in headers. */
#include <stdarg.h>
#include <stdio.h>

#include "tests/cloudsim/openai/openai.h"

#define INVALID "invalid_request_error"

static void put_optional(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, ",\"%s\":", name);
    if (value)
        buf_json(b, sv_of(value));
    else
        buf_put(b, SV("null"));
}

void openai_refuse(struct exchange *x, int status, const char *type, const char *code, const char *param,
                   const char *format, ...)
{
    struct buf *b = reply_json(x, status);
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    buf_clear(b);
    buf_put(b, SV("{\"error\":{"));
    put_member(b, "message", sv_of(text));
    put_optional(b, "type", type);
    put_optional(b, "param", param);
    put_optional(b, "code", code);
    buf_put(b, SV("}}"));
}

/* A key is told by its ends alone. */
void openai_refuse_key(struct exchange *x, sv key)
{
    if (!key.len)
        openai_refuse(
            x, 401, INVALID, NULL, NULL,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using "
            "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).");
    else
        openai_refuse(x, 401, INVALID, "invalid_api_key", NULL, "Incorrect API key provided: %.*s*****%.*s.",
                      SV_ARG(sv_first(key, key.len < 20 ? 0 : 8)),
                      SV_ARG(sv_skip(key, key.len < 20 ? key.len : key.len - 4)));
}

/* 403 of usage, 401 of the others: which of the two is not documented. */
void openai_refuse_scope(struct exchange *x)
{
    sv name = sv_of(x->row->name);
    bool usage = sv_starts(name, SV("usage.")) || sv_eq(name, SV("costs"));

    openai_refuse(x, usage ? 403 : 401, "server_error", NULL, NULL,
                  "You have insufficient permissions for this operation. Missing scopes: %s. Check that you have the "
                  "correct role in your organization, and if you're using a restricted API key, that it has the "
                  "necessary scopes.",
                  usage                                ? "api.usage.read"
                  : sv_eq(name, SV("audit_logs.list")) ? "api.audit_logs.read"
                                                       : "api.management.read");
}

static void throttled(struct exchange *x, unsigned seconds)
{
    reply_header(x, "retry-after-ms", "%u", seconds * 1000);
    reply_header(x, "Retry-After", "%u", seconds);
    openai_refuse(x, 429, "requests", "rate_limit_exceeded", NULL, "Rate limit reached for organization %.*s.",
                  SV_ARG(openai_of(x->sim)->world.organization));
}

/* Fault "status" with 429 is the one that waiting does not help. */
static void failed(struct exchange *x, int status)
{
    if (status == 429)
        openai_refuse(x, status, "insufficient_quota", "insufficient_quota", NULL,
                      "You exceeded your current quota, please check your plan and billing details.");
    else if (status == 404)
        openai_refuse(x, status, INVALID, NULL, NULL, "Invalid URL (%.*s %.*s)", SV_ARG(x->q->method),
                      SV_ARG(x->q->path));
    else if (status < 500)
        openai_refuse(x, status, INVALID, NULL, NULL, "The request was refused.");
    else
        openai_refuse(x, status, "server_error", NULL, NULL,
                      "The server had an error while processing your request. Sorry about that!");
}

static void denied(struct exchange *x)
{
    openai_refuse_scope(x);
}

static void expired(struct exchange *x)
{
    openai_refuse_key(x, x->principal);
}

const struct dialect *openai_dialect(const struct exchange *x)
{
    static const struct dialect one = { throttled, failed, denied, expired, expired };

    (void)x;
    return &one;
}
