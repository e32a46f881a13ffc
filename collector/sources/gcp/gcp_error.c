/* What is known of reasons and statuses stands in tables; everything else goes by the status line. */
#include "collector/sources/gcp/gcp_error.h"

#include <ctype.h>
#include <stdio.h>

#include "collector/base/json.h"

enum { ERROR_BYTES_MAX = 64 << 10 };

/* clang-format off */
/* ErrorInfo.reason, or `reason` of the older form. */
static const struct { const char *reason; enum err_code code; const char *remedy; } reasons[] = {
    { "ACCESS_TOKEN_SCOPE_INSUFFICIENT", ERR_DENIED,    "give the credential the scope cloud-platform.read-only (on a virtual machine: its access scopes)" },
    { "BILLING_DISABLED",                ERR_DENIED,    "enable billing" },
    { "SERVICE_DISABLED",                ERR_DENIED,    "enable the API (gcloud services enable)" },
    { "USER_PROJECT_DENIED",             ERR_DENIED,    "grant roles/serviceusage.serviceUsageConsumer on the quota project, or configure another quota_project" },
    { "IAM_PERMISSION_DENIED",           ERR_DENIED,    NULL },
    { "RATE_LIMIT_EXCEEDED",             ERR_THROTTLED, NULL },
    { "RESOURCE_QUOTA_EXCEEDED",         ERR_THROTTLED, NULL },
    { "rateLimitExceeded",               ERR_THROTTLED, NULL },
    { "userRateLimitExceeded",           ERR_THROTTLED, NULL },
    { "backendError",                    ERR_RETRY,     NULL },
};

/* google.rpc names (gcp.md 2.5). */
static const struct { const char *status; enum err_code code; } statuses[] = {
    { "ABORTED",            ERR_RETRY },   { "DATA_LOSS",          ERR_RETRY },     { "DEADLINE_EXCEEDED", ERR_RETRY },
    { "INTERNAL",           ERR_RETRY },   { "INVALID_ARGUMENT",   ERR_REFUSED },   { "NOT_FOUND",         ERR_GONE },
    { "PERMISSION_DENIED",  ERR_DENIED },  { "RESOURCE_EXHAUSTED", ERR_THROTTLED }, { "UNAUTHENTICATED",   ERR_AUTH },
    { "UNAVAILABLE",        ERR_RETRY },   { "UNKNOWN",            ERR_RETRY },     { "UNIMPLEMENTED",     ERR_REFUSED },
    { "FAILED_PRECONDITION", ERR_REFUSED }, { "OUT_OF_RANGE",      ERR_REFUSED },   { "ALREADY_EXISTS",    ERR_REFUSED },
};

static const struct { int http; enum err_code code; } by_http[] = {
    { 401, ERR_AUTH }, { 403, ERR_DENIED }, { 404, ERR_GONE }, { 408, ERR_RETRY }, { 409, ERR_RETRY }, { 429, ERR_THROTTLED },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void take_name(char to[GCP_ERROR_NAME_MAX + 1], sv from)
{
    size_t n = 0;

    while (n < from.len && n < GCP_ERROR_NAME_MAX && (isalnum((unsigned char)from.at[n]) || strchr("_.-:", from.at[n])))
        n++;
    memcpy(to, from.at, n);
    to[n] = '\0';
}

static bool is_type(json detail, const char *name)
{
    return sv_ends(json_sv(json_get(detail, SV("@type"))), sv_of(name));
}

static void take_delay(struct gcp_error *out, sv text)
{
    double seconds;

    if (sv_ends(text, SV("s")) && sv_to_f64(sv_first(text, text.len - 1), &seconds) && seconds > 0 && seconds < 86400)
        out->retry_ms = (int64_t)(seconds * 1000) + 1;
}

static void take_info(struct gcp_error *out, json info)
{
    json metadata = json_get(info, SV("metadata"));
    sv consumer = json_sv(json_get(metadata, SV("consumer"))), kind = SV("projects/");

    take_name(out->reason, json_sv(json_get(info, SV("reason"))));
    take_name(out->service, json_sv(json_get(metadata, SV("service"))));
    take_name(out->consumer, sv_starts(consumer, kind) ? sv_skip(consumer, kind.len) : SV_NONE);
}

static void read_error(json error, struct gcp_error *out)
{
    json detail;

    take_name(out->status, json_sv(json_get(error, SV("status"))));
    sv_plain(json_sv(json_get(error, SV("message"))), out->message, GCP_ERROR_TEXT_MAX);
    for (struct json_iter it = json_items(json_get(error, SV("details"))); json_item(&it, &detail);) {
        if (is_type(detail, "google.rpc.ErrorInfo"))
            take_info(out, detail);
        if (is_type(detail, "google.rpc.RetryInfo"))
            take_delay(out, json_sv(json_get(detail, SV("retryDelay"))));
    }
    for (struct json_iter it = json_items(json_get(error, SV("errors"))); !out->reason[0] && json_item(&it, &detail);)
        take_name(out->reason, json_sv(json_get(detail, SV("reason"))));
}

static enum err_code judge(int http, const struct gcp_error *said)
{
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (strcmp(said->reason, reasons[i].reason) == 0)
            return reasons[i].code;
    for (size_t i = 0; i < COUNT(statuses); i++)
        if (strcmp(said->status, statuses[i].status) == 0)
            return statuses[i].code;
    for (size_t i = 0; i < COUNT(by_http); i++)
        if (by_http[i].http == http)
            return by_http[i].code;
    return http >= 500 ? ERR_RETRY : ERR_REFUSED;
}

void gcp_error_read(const struct http_response *r, struct gcp_error *out)
{
    sv body = sv_first(sv_trim(buf_sv(&r->body)), ERROR_BYTES_MAX);
    struct json_parser *p = sv_starts(body, SV("{")) ? json_parser_new(ERROR_BYTES_MAX) : NULL;
    json root = { 0 };

    *out = (struct gcp_error){ 0 };
    if (p && json_parse(p, body, &root, NULL) == ERR_OK)
        read_error(json_get(root, SV("error")), out);
    json_parser_free(p);
    out->code = judge(r->status, out);
}

enum err_code gcp_judge(const struct http_response *r)
{
    struct gcp_error said;

    gcp_error_read(r, &said);
    return said.code;
}

int64_t gcp_wait(const struct http_response *r)
{
    struct gcp_error said;

    gcp_error_read(r, &said);
    return said.retry_ms;
}

enum err_code gcp_explain(const struct http_response *r, const char *api, const char *project, const char *remedy,
                          enum err_code code, struct err *e)
{
    struct gcp_error said;

    char command[96 + 2 * GCP_ERROR_NAME_MAX];

    if (!e || r->status == 0 || code != ERR_DENIED)
        return code;
    gcp_error_read(r, &said);
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (reasons[i].remedy && strcmp(said.reason, reasons[i].reason) == 0)
            remedy = reasons[i].remedy;
    if (strcmp(said.reason, "SERVICE_DISABLED") == 0 && said.service[0]) {
        snprintf(command, sizeof command, "enable the API: gcloud services enable %s --project %s", said.service,
                 said.consumer[0] ? said.consumer : project);
        remedy = command;
    }
    return err_set(e, ERR_DENIED, "%s: %s of %s: http %d %s: %s", remedy, api, project, r->status,
                   said.reason[0] ? said.reason : said.status, said.message);
}
