/* The table of Azure's APIs, and what all simulated APIs share. Handlers live in azure_*.c; AWS's table is aws_api.c. */
#include "tests/cloudsim/api.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/aws_api.h"

#define SUB       "/subscriptions/{}"
#define COGNITIVE "/providers/Microsoft.CognitiveServices"
#define ACCOUNT   SUB "/resourceGroups/{}" COGNITIVE "/accounts/{}"
#define INSIGHTS  "/providers/Microsoft.Insights"

/* Metric queries over the free allowance are listed at 0.01 USD a thousand [unverified]; the other calls are free. */
#define METRIC_CALL_USD 0.00001

/* clang-format off */
static const struct api_row rows[] = {
    { "token",                "POST", "/{}/oauth2/v2.0/token",                     AUD_NONE, QUOTA_NONE, 0, azure_token },
    { "openid",               "GET",  "/{}/v2.0/.well-known/openid-configuration", AUD_NONE, QUOTA_NONE, 0, azure_openid },
    { "openid",               "GET",  "/common/discovery/instance",                AUD_NONE, QUOTA_NONE, 0, azure_instance },
    { "subscriptions.list",   "GET",  "/subscriptions",                            AUD_ARM, QUOTA_ARM, 0, azure_subscriptions },
    { "locations.list",       "GET",  SUB "/locations",                            AUD_ARM, QUOTA_ARM, 0, azure_locations },
    { "descendants.list",     "GET",  "/providers/Microsoft.Management/managementGroups/{}/descendants", AUD_ARM, QUOTA_ARM, 0, azure_descendants },
    { "accounts.list",        "GET",  SUB COGNITIVE "/accounts",                   AUD_ARM, QUOTA_ARM, 0, azure_accounts },
    { "accounts.get",         "GET",  ACCOUNT,                                     AUD_ARM, QUOTA_ARM, 0, azure_account },
    { "deployments.list",     "GET",  ACCOUNT "/deployments",                      AUD_ARM, QUOTA_ARM, 0, azure_deployments },
    { "settings.list",        "GET",  ACCOUNT INSIGHTS "/diagnosticSettings",      AUD_ARM, QUOTA_ARM, 0, azure_settings },
    { "settings.list",        "GET",  SUB INSIGHTS "/diagnosticSettings",          AUD_ARM, QUOTA_ARM, 0, azure_subscription_settings },
    { "usages.location",      "GET",  SUB COGNITIVE "/locations/{}/usages",        AUD_ARM, QUOTA_ARM, 0, azure_location_usages },
    { "usages.account",       "GET",  ACCOUNT "/usages",                           AUD_ARM, QUOTA_ARM, 0, azure_account_usages },
    { "workspaces.get",       "GET",  SUB "/resourceGroups/{}/providers/Microsoft.OperationalInsights/workspaces/{}", AUD_ARM, QUOTA_ARM, 0, azure_workspace },
    { "graph",                "POST", "/providers/Microsoft.ResourceGraph/resources", AUD_ARM, QUOTA_GRAPH, 0, azure_graph },
    { "metrics.definitions",  "GET",  ACCOUNT INSIGHTS "/metricDefinitions",       AUD_ARM, QUOTA_DEFINITIONS, 0, azure_definitions },
    { "metrics.list",         "GET",  ACCOUNT INSIGHTS "/metrics",                 AUD_ARM, QUOTA_ARM, METRIC_CALL_USD, azure_metrics },
    { "metrics.batch",        "POST", SUB "/metrics:getBatch",                     AUD_METRICS, QUOTA_NONE, METRIC_CALL_USD, azure_metrics_batch },
    { "metrics.batch",        "POST", "/{}" SUB "/metrics:getBatch",               AUD_METRICS, QUOTA_NONE, METRIC_CALL_USD, azure_metrics_batch },
    { "activity.list",        "GET",  SUB INSIGHTS "/eventtypes/management/values", AUD_ARM, QUOTA_ARM, 0, azure_activity },
    { "logs.query",           "POST", "/v1/workspaces/{}/query",                   AUD_LOGS, QUOTA_LOGS, 0, azure_logs },
    { "imds.token",           "GET",  "/metadata/identity/oauth2/token",           AUD_PLAIN, QUOTA_NONE, 0, azure_imds },
    { "app_identity.token",   "GET",  "/msi/token",                                AUD_PLAIN, QUOTA_NONE, 0, azure_app_identity },
    { NULL, NULL, NULL, AUD_NONE, QUOTA_NONE, 0, NULL },
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof rows[0] - 1 };
_Static_assert((int)ROWS + (int)AWS_ROWS_MAX <= (int)API_ROWS_MAX, "API_ROWS_MAX is too small");

const struct api_row *api_row_at(unsigned i)
{
    return i < ROWS ? &rows[i] : aws_row_at(i - ROWS);
}

const char *api_cloud(const struct api_row *row)
{
    return row >= rows && row < rows + ROWS ? "azure" : "aws";
}

/* Segment by segment; "{}" takes any one that is not empty. */
bool api_path_matches(const char *pattern, sv path, struct exchange *x)
{
    sv want = sv_of(pattern);

    x->n_captures = 0;
    sv_cut(&want, '/');
    sv_cut(&path, '/');
    while (want.len && path.len) {
        sv w = sv_cut(&want, '/'), p = sv_cut(&path, '/');

        if (sv_eq(w, SV("{}")) && p.len && x->n_captures < CAPTURES_MAX)
            x->captures[x->n_captures++] = p;
        else if (!sv_eq_nocase(w, p))
            return false;
    }
    return want.len == 0 && path.len == 0;
}

static const struct api_row *find_row(struct exchange *x, bool *other_method)
{
    for (unsigned i = 0; rows[i].name; i++) {
        if (!api_path_matches(rows[i].path, x->q->path, x))
            continue;
        if (sv_eq(sv_of(rows[i].method), x->q->method))
            return &rows[i];
        *other_method = true;
    }
    return NULL;
}

struct buf *reply_json(struct exchange *x, int status)
{
    x->r->status = status;
    x->r->content_type = "application/json; charset=utf-8";
    return &x->r->body;
}

void put_member(struct buf *b, const char *name, sv value)
{
    buf_json(b, sv_of(name));
    buf_putc(b, ':');
    buf_json(b, value);
}

static void put_code_message(struct buf *b, const char *code, const char *format, va_list ap)
{
    char text[1024];
    int n = vsnprintf(text, sizeof text, format, ap);

    buf_putc(b, '{');
    put_member(b, "code", sv_of(code));
    buf_putc(b, ',');
    put_member(b, "message", sv_make(text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
    buf_putc(b, '}');
}

void reply_error(struct exchange *x, int status, const char *code, const char *format, ...)
{
    struct buf *b = reply_json(x, status);
    va_list ap;

    buf_clear(b);
    buf_put(b, SV("{\"error\":"));
    va_start(ap, format);
    put_code_message(b, code, format, ap);
    va_end(ap);
    buf_putc(b, '}');
}

void reply_bare_error(struct exchange *x, int status, const char *code, const char *format, ...)
{
    struct buf *b = reply_json(x, status);
    va_list ap;

    buf_clear(b);
    va_start(ap, format);
    put_code_message(b, code, format, ap);
    va_end(ap);
}

void reply_header(struct exchange *x, const char *name, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    buf_printf(&x->r->headers, "%s: %s\n", name, text);
}

sv exchange_origin(struct exchange *x)
{
    return arena_printf(&x->arena, "https://%.*s", SV_ARG(http_server_header(x->q, "Host")));
}

sv query_of(const struct exchange *x, const char *name)
{
    return http_server_query(x->q, name);
}

bool exchange_json(struct exchange *x, json *root)
{
    if (!x->parser)
        x->parser = json_parser_new(0);
    return x->parser && json_parse(x->parser, x->q->body, root, NULL) == ERR_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

static sv form_decode(struct arena *a, sv s)
{
    sv out = arena_copy(a, s);
    char *to = (char *)(uintptr_t)out.at;
    size_t n = 0;

    for (size_t i = 0; i < out.len; i++) {
        bool escaped = s.at[i] == '%' && i + 2 < s.len && hex_digit(s.at[i + 1]) >= 0 && hex_digit(s.at[i + 2]) >= 0;

        int c = escaped ? hex_digit(s.at[i + 1]) << 4 | hex_digit(s.at[i + 2]) : s.at[i] == '+' ? ' ' : s.at[i];

        to[n++] = (char)c;
        i += escaped ? 2 : 0;
    }
    return sv_make(out.at, n);
}

sv exchange_decode(struct exchange *x, sv percent_encoded)
{
    return form_decode(&x->arena, percent_encoded);
}

sv form_of(struct exchange *x, const char *name)
{
    sv rest = x->q->body;

    while (rest.len) {
        sv pair = sv_cut(&rest, '&'), key = sv_cut(&pair, '=');

        if (sv_eq(form_decode(&x->arena, key), sv_of(name)))
            return form_decode(&x->arena, pair);
    }
    return SV_NONE;
}

const struct account *exchange_account(struct exchange *x, sv group, sv name)
{
    for (unsigned i = 0; i < x->sub->n_accounts; i++) {
        const struct account *a = &x->sim->world.accounts[x->sub->first_account + i];

        if (sv_eq_nocase(a->group, group) && sv_eq_nocase(a->name, name))
            return a;
    }
    reply_error(
        x, 404, "ResourceNotFound",
        "The Resource 'Microsoft.CognitiveServices/accounts/%.*s' under resource group '%.*s' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
        SV_ARG(name), SV_ARG(group));
    return NULL;
}

/* The capture that stands after "subscriptions", if the row has one. */
static bool find_subscription(struct exchange *x)
{
    sv id = sv_path_value(x->q->path, SV("subscriptions"));

    if (!strstr(x->row->path, SUB))
        return true;
    x->sub = world_subscription(&x->sim->world, id);
    if (x->sub)
        return true;
    reply_error(x, 404, "SubscriptionNotFound", "The subscription '%.*s' could not be found.", SV_ARG(id));
    return false;
}

static bool let_in(struct exchange *x)
{
    bool logs = x->row->audience == AUD_LOGS;
    enum token_verdict v;

    if (x->row->audience == AUD_NONE || x->row->audience == AUD_PLAIN)
        return true;
    v = token_verify(x, x->row->audience);
    if (v == TOKEN_GOOD)
        return true;
    if (v == TOKEN_NONE)
        reply_error(x, 401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.");
    else if (v == TOKEN_EXPIRED)
        reply_error(x, 401, "ExpiredAuthenticationToken",
                    "The access token expiry UTC time is earlier than current UTC time.");
    else if (v == TOKEN_AUDIENCE)
        reply_error(
            x, logs ? 403 : 401, "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource. It should exactly match with one of "
            "the allowed audiences '%s'.",
            logs ? "https://api.loganalytics.io" : "https://management.azure.com/','https://management.azure.com");
    else
        reply_error(x, 401, "InvalidAuthenticationToken", "The access token is invalid.");
    return false;
}

static bool within_quota(struct exchange *x)
{
    unsigned left = 0, wait = 0;
    sv name = x->row->quota == QUOTA_LOGS || !x->sub ? x->principal : x->sub->id;
    bool ok = quotas_take(x->sim->quotas, x->row->quota, name, x->now, &left, &wait);

    if (x->row->audience == AUD_ARM) {
        reply_header(x, "x-ms-ratelimit-remaining-subscription-reads", "%u", left);
        reply_header(x, "x-ms-ratelimit-remaining-subscription-global-reads", "%u", 3500 + left);
    }
    if (!ok)
        reply_throttled(x, wait);
    return ok;
}

static bool api_version_told(struct exchange *x)
{
    if ((x->row->audience != AUD_ARM && x->row->audience != AUD_METRICS) || query_of(x, "api-version").len)
        return true;
    reply_error(x, 400, "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.");
    return false;
}

static void answer(struct exchange *x)
{
    /* Faults come before the token: a gateway that is ill does not ask who calls. */
    if (strstr(x->row->path, SUB))
        x->sub = world_subscription(&x->sim->world, sv_path_value(x->q->path, SV("subscriptions")));
    if (x->aws.protocol)
        aws_identify(x);
    if (fault_play(x))
        return;
    if (x->aws.protocol ? !aws_admit(x)
                        : !let_in(x) || !api_version_told(x) || !find_subscription(x) || !within_quota(x))
        return;
    x->row->handle(x);
    if (x->fault && !strcmp(x->fault, "cut"))
        x->r->body.len /= 2;
}

static void common_headers(struct exchange *x)
{
    struct buf date = { .at = NULL };

    /* The server's clock is the simulated one: windows of collectors are derived from it. */
    put_http_date(&date, x->now + x->aws.skew_ns);
    reply_header(x, "Date", "%.*s", (int)date.len, date.at);
    buf_done(&date);
    if (x->aws.protocol) {
        reply_header(x, "x-amzn-RequestId", "%.*s", SV_ARG(x->request_id));
        return;
    }
    reply_header(x, "x-ms-request-id", "%.*s", SV_ARG(x->request_id));
    reply_header(x, "x-ms-correlation-request-id", "%.*s", SV_ARG(x->request_id));
}

static void serve(struct sim *s, const struct http_server_request *q, struct http_server_response *r, bool plain)
{
    struct exchange x = { .sim = s, .q = q, .r = r, .now = clock_now() };
    bool other_method = false;
    char id[36];

    arena_init(&x.arena, 0);
    uuid_text((uint64_t)x.now, (uint64_t)(uintptr_t)&x, id);
    x.request_id = sv_make(id, sizeof id);
    x.row = aws_route(&x, plain);
    if (!x.row && !x.aws.protocol)
        x.row = find_row(&x, &other_method);
    if (x.row && plain != (x.row->audience == AUD_PLAIN))
        x.row = NULL; /* metadata services speak plain HTTP, all others TLS */
    if (x.row) {
        answer(&x);
        requests_count(s->requests, &x);
    } else if (x.aws.protocol) {
        aws_unknown(&x);
    } else if (other_method) {
        reply_error(&x, 405, "MethodNotAllowed", "The method is not allowed for this path.");
    } else {
        reply_error(&x, 404, "PathNotFoundError", "The requested path does not exist");
    }
    if (!plain)
        common_headers(&x);
    json_parser_free(x.parser);
    arena_done(&x.arena);
}

void api_serve(void *sim, const struct http_server_request *q, struct http_server_response *r)
{
    serve(sim, q, r, false);
}

void api_serve_plain(void *sim, const struct http_server_request *q, struct http_server_response *r)
{
    serve(sim, q, r, true);
}
