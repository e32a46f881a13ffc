/* Errors as google.rpc.Status tells them in HTTP: {"error":{"code","message","status","details"}}. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/cloudsim/api.h"
#include "tests/cloudsim/gcp/gcp.h"

/* clang-format off */
static const struct { const char *status; int http; } statuses[] = {
    { "INVALID_ARGUMENT",    400 }, { "FAILED_PRECONDITION", 400 }, { "OUT_OF_RANGE",      400 },
    { "UNAUTHENTICATED",     401 }, { "PERMISSION_DENIED",   403 }, { "NOT_FOUND",         404 },
    { "ABORTED",             409 }, { "ALREADY_EXISTS",      409 }, { "RESOURCE_EXHAUSTED", 429 },
    { "INTERNAL",            500 }, { "UNKNOWN",             500 }, { "DATA_LOSS",         500 },
    { "UNIMPLEMENTED",       501 }, { "UNAVAILABLE",         503 }, { "DEADLINE_EXCEEDED", 504 },
};
/* clang-format on */

static int http_of(const char *status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (!strcmp(statuses[i].status, status))
            return statuses[i].http;
    return 500;
}

struct buf *gcp_reply(struct exchange *x)
{
    return reply_json(x, 200);
}

/* Up to the end of "status": details may follow, then two braces. */
static struct buf *begin(struct exchange *x, const char *status, const char *format, va_list ap)
{
    struct buf *b = reply_json(x, http_of(status));
    char text[1024];
    int n = vsnprintf(text, sizeof text, format, ap);

    buf_clear(b);
    buf_printf(b, "{\"error\":{\"code\":%d,", http_of(status));
    put_member(b, "message", sv_make(text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
    buf_putc(b, ',');
    put_member(b, "status", sv_of(status));
    return b;
}

static struct buf *begin_with(struct exchange *x, const char *status, const char *format, ...) PRINTF_LIKE(3, 4);
static struct buf *begin_with(struct exchange *x, const char *status, const char *format, ...)
{
    struct buf *b;
    va_list ap;

    va_start(ap, format);
    b = begin(x, status, format, ap);
    va_end(ap);
    return b;
}

void gcp_refuse(struct exchange *x, const char *status, const char *field, const char *format, ...)
{
    struct buf *b;
    va_list ap;

    va_start(ap, format);
    b = begin(x, status, format, ap);
    va_end(ap);
    if (field) {
        buf_put(b, SV(",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":[{"));
        put_member(b, "field", sv_of(field));
        buf_put(b, SV(",\"description\":\"invalid value\"}]}]"));
    }
    buf_put(b, SV("}}"));
}

static void put_reason(struct buf *b, const char *reason, const char *service)
{
    buf_put(b, SV(",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","));
    put_member(b, "reason", sv_of(reason));
    buf_put(b, SV(",\"domain\":\"googleapis.com\",\"metadata\":{"));
    put_member(b, "service", sv_of(service));
}

void gcp_refuse_reason(struct exchange *x, const char *status, const char *reason, const char *service,
                       const char *format, ...)
{
    struct buf *b;
    va_list ap;

    va_start(ap, format);
    b = begin(x, status, format, ap);
    va_end(ap);
    put_reason(b, reason, service);
    buf_put(b, SV("}}]}}"));
}

void gcp_refuse_quota(struct exchange *x, const char *service, const char *metric, const char *limit, sv project_number,
                      unsigned seconds)
{
    struct buf *b = begin_with(
        x, "RESOURCE_EXHAUSTED",
        "Quota exceeded for quota metric '%s' and limit '%s' of service '%s' for consumer 'project_number:%.*s'.",
        metric, limit, service, SV_ARG(project_number));

    put_reason(b, "RATE_LIMIT_EXCEEDED", service);
    buf_putc(b, ',');
    put_member(b, "quota_metric", sv_of(metric));
    buf_putc(b, ',');
    put_member(b, "quota_limit", sv_of(limit));
    buf_printf(b,
               ",\"consumer\":\"projects/%.*s\"}},{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
               "\"retryDelay\":\"%us\"}]}}",
               SV_ARG(project_number), seconds);
    x->throttled = true;
}
