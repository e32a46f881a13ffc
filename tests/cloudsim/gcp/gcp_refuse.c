/*
 * Errors of Google's APIs: google.rpc.Status as JSON, with the details that say what a caller should do (gcp.md 2.5).
 * Resource Manager, Monitoring and Logging tell an exhausted quota in two ways: with the limit's name and a link, or
 * with the time to wait.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tests/cloudsim/gcp/gcp_api.h"

#define TYPE "\"@type\":\"type.googleapis.com/google.rpc."

static void put_failure(struct exchange *x, const char *status, sv details, const char *format, va_list ap)
{
    struct buf *b = &x->r->body;
    char text[1024];

    vsnprintf(text, sizeof text, format, ap);
    gcp_refuse(x, status, NULL, "%s", text);
    b->len -= strlen("}}");
    buf_printf(b, ",\"details\":[%.*s]}}", SV_ARG(details));
}

static void refuse_with(struct exchange *x, const char *status, sv details, const char *format, ...) PRINTF_LIKE(4, 5);
static void refuse_with(struct exchange *x, const char *status, sv details, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    put_failure(x, status, details, format, ap);
    va_end(ap);
}

static sv quoted(struct exchange *x, sv text)
{
    struct buf b = { .at = NULL };
    sv out;

    buf_json(&b, text);
    out = arena_copy(&x->arena, buf_sv(&b));
    buf_done(&b);
    return out;
}

static sv info(struct exchange *x, const char *reason, const char *domain, sv metadata)
{
    return arena_printf(&x->arena,
                        "{" TYPE "ErrorInfo\",\"reason\":\"%s\",\"domain\":\"%s\",\"metadata\":{"
                        "\"service\":\"%s.googleapis.com\",\"method\":\"%s\"%s%.*s}}",
                        reason, domain, gcp_row_of(x)->service, gcp_row_of(x)->method, metadata.len ? "," : "",
                        SV_ARG(metadata));
}

void gcp_refuse_info(struct exchange *x, const char *status, const char *reason, const char *domain, sv metadata,
                     const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    put_failure(x, status, info(x, reason, domain, metadata), format, ap);
    va_end(ap);
}

/* ---- what every service refuses alike ---- */

static void challenge(struct exchange *x, const char *error)
{
    reply_header(x, "WWW-Authenticate", "Bearer realm=\"https://accounts.google.com/\"%s%s%s",
                 error ? ", error=\"" : "", error ? error : "", error ? "\"" : "");
}

void gcp_refuse_credentials(struct exchange *x, const char *reason)
{
    bool missing = !strcmp(reason, "CREDENTIALS_MISSING");

    challenge(x, missing ? NULL : "invalid_token");
    gcp_refuse_info(x, "UNAUTHENTICATED", reason, "googleapis.com", SV_NONE,
                    "%s. Expected OAuth 2 access token, login cookie or other valid authentication credential. See "
                    "https://developers.google.com/identity/sign-in/web/devconsole-project.",
                    missing ? "Request is missing required authentication credential"
                            : "Request had invalid authentication credentials");
}

void gcp_refuse_scope(struct exchange *x)
{
    challenge(x, "insufficient_scope");
    gcp_refuse_info(x, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", SV_NONE,
                    "Request had insufficient authentication scopes.");
}

void gcp_refuse_permission(struct exchange *x, sv resource)
{
    sv metadata = arena_printf(&x->arena, "\"resource\":%.*s,\"permission\":\"%s\"", SV_ARG(quoted(x, resource)),
                               gcp_row_of(x)->permission);

    gcp_refuse_info(x, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED",
                    arena_printf(&x->arena, "%s.googleapis.com", gcp_row_of(x)->service).at, metadata,
                    "Permission '%s' denied on resource '//%s.googleapis.com/%.*s' (or it may not exist).",
                    gcp_row_of(x)->permission, gcp_row_of(x)->service, SV_ARG(resource));
}

const struct quota gcp_quota_series = { 6000, 100 }, gcp_quota_descriptors = { 6000, 100 },
                   gcp_quota_entries = { 60, 1 }, gcp_quota_control = { 600, 10 };

/* clang-format off */
static const struct limit { const struct quota *quota; const char *what, *metric, *limit, *value; bool retry_info; } limits[] = {
    { &gcp_quota_series,      "Time series queries",         "query_requests",        "QueryRequestsPerMinutePerProject",       "6000", false },
    { &gcp_quota_descriptors, "Metric descriptor requests",  "descriptor_requests",   "DescriptorRequestsPerMinutePerProject",  "6000", false },
    { &gcp_quota_entries,     "Read requests",               "read_requests",         "ReadRequestsPerMinutePerProject",        "60",   true },
    { &gcp_quota_control,     "Read requests",               "default_read_requests", "DefaultReadRequestsPerMinutePerProject", "600",  true },
};
/* clang-format on */

enum { LIMITS = sizeof limits / sizeof limits[0] };

static const struct limit *limit_of(const struct exchange *x)
{
    for (size_t i = 0; i < LIMITS; i++)
        if (limits[i].quota == x->row->quota)
            return &limits[i];
    return &limits[LIMITS - 1];
}

static sv quota_metadata(struct exchange *x, const struct limit *l, sv consumer)
{
    const char *service = gcp_row_of(x)->service;

    return arena_printf(
        &x->arena,
        "\"quota_metric\":\"%s.googleapis.com/%s\",\"quota_location\":\"global\",\"quota_limit\":\"%s\","
        "\"quota_limit_value\":\"%s\",\"consumer\":\"projects/%.*s\"",
        service, l->metric, l->limit, l->value, SV_ARG(consumer));
}

void gcp_refuse_rate(struct exchange *x, unsigned seconds)
{
    const struct limit *l = limit_of(x);
    const char *service = gcp_row_of(x)->service;
    sv consumer = gcp_consumer(x), details;

    details = info(x, "RATE_LIMIT_EXCEEDED", "googleapis.com", quota_metadata(x, l, consumer));
    if (l->retry_info)
        details = arena_printf(&x->arena,
                               "%.*s,{" TYPE "RetryInfo\",\"retryDelay\":\"%us\"},{" TYPE
                               "QuotaFailure\",\"violations\":[{\"subject\":\"project:%.*s\",\"description\":\"%s\","
                               "\"apiService\":\"%s.googleapis.com\",\"quotaMetric\":\"%s.googleapis.com/%s\","
                               "\"quotaId\":\"%s\",\"quotaValue\":\"%s\"}]}",
                               SV_ARG(details), seconds, SV_ARG(consumer), l->what, service, service, l->metric,
                               l->limit, l->value);
    else
        details = arena_printf(&x->arena,
                               "%.*s,{" TYPE "Help\",\"links\":[{\"description\":\"Request a higher quota limit.\","
                               "\"url\":\"https://cloud.google.com/docs/quotas/help/request_increase\"}]}",
                               SV_ARG(details));
    x->throttled = true;
    refuse_with(x, "RESOURCE_EXHAUSTED", details,
                "Quota exceeded for quota metric '%s' and limit '%s per minute' of service '%s.googleapis.com' for "
                "consumer 'project_number:%.*s'.",
                l->what, l->what, service, SV_ARG(consumer));
}

/* ---- faults, in the words of each kind of service ---- */

static void rpc_throttled(struct exchange *x, unsigned seconds)
{
    gcp_refuse_rate(x, seconds);
}

static void rpc_failed(struct exchange *x, int status)
{
    if (status == 500)
        gcp_refuse(x, "INTERNAL", NULL, "Internal error encountered.");
    else if (status == 504)
        gcp_refuse(x, "DEADLINE_EXCEEDED", NULL, "Deadline expired before operation could complete.");
    else
        gcp_refuse(x, "UNAVAILABLE", NULL, "The service is currently unavailable.");
    x->r->status = status;
}

static void rpc_denied(struct exchange *x)
{
    gcp_refuse_info(x, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED", "googleapis.com", SV_NONE,
                    "The caller does not have permission");
}

static void rpc_expired(struct exchange *x)
{
    gcp_refuse_credentials(x, "ACCESS_TOKEN_EXPIRED");
}

static void oauth_throttled(struct exchange *x, unsigned seconds)
{
    reply_header(x, "Retry-After", "%u", seconds);
    gcp_oauth_refuse(x, 429, "rate_limit_exceeded", "Rate limit exceeded.");
}

static void oauth_failed(struct exchange *x, int status)
{
    gcp_oauth_refuse(x, status, status == 503 ? "temporarily_unavailable" : "internal_failure", "Backend error");
}

static void oauth_denied(struct exchange *x)
{
    gcp_oauth_refuse(x, 400, "invalid_grant", "Account has been deleted or disabled");
}

static void oauth_expired(struct exchange *x)
{
    gcp_oauth_refuse(x, 400, "invalid_grant", "Token has been expired or revoked.");
}

static void metadata_throttled(struct exchange *x, unsigned seconds)
{
    (void)seconds;
    gcp_metadata_refuse(x, 429, "Too many requests.");
}

static void metadata_failed(struct exchange *x, int status)
{
    gcp_metadata_refuse(x, status, "The server is not available.");
}

static void metadata_denied(struct exchange *x)
{
    gcp_metadata_refuse(x, 403, "The service account is disabled.");
}

const struct dialect *gcp_dialect_of(const struct exchange *x)
{
    static const struct dialect dialects[] = {
        [GCP_RPC] = { rpc_throttled, rpc_failed, rpc_denied, rpc_expired, NULL },
        [GCP_OAUTH] = { oauth_throttled, oauth_failed, oauth_denied, oauth_expired, NULL },
        [GCP_METADATA] = { metadata_throttled, metadata_failed, metadata_denied, metadata_denied, NULL },
    };

    return &dialects[gcp_row_of(x)->dialect];
}
