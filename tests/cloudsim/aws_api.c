/*
 * The table of AWS's operations and how a request finds its row: by X-Amz-Target, by the Action of a form, or by method
 * and path. One port serves all services and regions; the credential scope says which are meant, so the row's service
 * and the scope's must agree (aws_access.c).
 */
#include "tests/cloudsim/aws_api.h"

#include <stdio.h>
#include <string.h>

#define GRANITE  "GraniteServiceVersion20100801."
#define LOGS     "Logs_20140328."
#define ORG      "AWSOrganizationsV20161128."
#define TRAIL    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."
#define META     "/latest/meta-data/"
#define CALL_USD 0.00001 /* 0.01 a thousand: ListMetrics by calls, GetMetricData by metrics */

/* clang-format off */
#define POST(name, quota, price, handle) { name, "POST", "/", AUD_AWS, quota, price, handle }
#define REST(name, method, path, handle) { name, method, path, AUD_AWS, QUOTA_AWS_CONTROL, 0, handle }
#define PLAIN(name, method, path, handle) { name, method, path, AUD_PLAIN, QUOTA_NONE, 0, handle }

static const struct aws_row rows[] = {
    /* IAM's action                           quota                   USD       handler                          protocol      right          service         target */
    { POST("cloudwatch:ListMetrics",          QUOTA_AWS_METRIC_LIST,  CALL_USD, aws_list_metrics),               AWS_JSON_1_0, AWS_READER,    "monitoring",    GRANITE "ListMetrics", false },
    { POST("cloudwatch:GetMetricData",        QUOTA_AWS_METRIC_DATA,  CALL_USD, aws_get_metric_data),            AWS_JSON_1_0, AWS_READER,    "monitoring",    GRANITE "GetMetricData", false },
    { POST("logs:FilterLogEvents",            QUOTA_AWS_LOG_EVENTS,   0,        aws_filter_log_events),          AWS_JSON_1_1, AWS_READER,    "logs",          LOGS "FilterLogEvents", false },
    { POST("logs:DescribeLogGroups",          QUOTA_AWS_LOG_GROUPS,   0,        aws_describe_log_groups),        AWS_JSON_1_1, AWS_READER,    "logs",          LOGS "DescribeLogGroups", false },
    { POST("cloudtrail:LookupEvents",         QUOTA_AWS_TRAIL,        0,        aws_lookup_events),              AWS_JSON_1_1, AWS_READER,    "cloudtrail",    TRAIL "LookupEvents", false },
    { POST("cloudtrail:DescribeTrails",       QUOTA_AWS_CONTROL,      0,        aws_describe_trails),            AWS_JSON_1_1, AWS_READER,    "cloudtrail",    TRAIL "DescribeTrails", false },
    { POST("cloudtrail:GetTrailStatus",       QUOTA_AWS_CONTROL,      0,        aws_get_trail_status),           AWS_JSON_1_1, AWS_READER,    "cloudtrail",    TRAIL "GetTrailStatus", false },
    { POST("organizations:ListAccounts",      QUOTA_AWS_CONTROL,      0,        aws_list_accounts),              AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListAccounts", true },
    { POST("organizations:ListAccountsForParent", QUOTA_AWS_CONTROL,  0,        aws_list_accounts_for_parent),   AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListAccountsForParent", true },
    { POST("organizations:ListOrganizationalUnitsForParent", QUOTA_AWS_CONTROL, 0, aws_list_ous_for_parent),     AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListOrganizationalUnitsForParent", true },
    { POST("organizations:ListRoots",         QUOTA_AWS_CONTROL,      0,        aws_list_roots),                 AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListRoots", true },
    { POST("organizations:ListParents",       QUOTA_AWS_CONTROL,      0,        aws_list_parents),               AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListParents", true },
    { POST("organizations:ListTagsForResource", QUOTA_AWS_CONTROL,    0,        aws_list_account_tags),          AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListTagsForResource", true },
    { POST("organizations:DescribeOrganization", QUOTA_AWS_CONTROL,   0,        aws_describe_organization),      AWS_JSON_1_1, AWS_READER,    "organizations", ORG "DescribeOrganization", true },
    { POST("servicequotas:ListServiceQuotas", QUOTA_AWS_CONTROL,      0,        aws_list_service_quotas),        AWS_JSON_1_1, AWS_READER,    "servicequotas", "ServiceQuotasV20190624.ListServiceQuotas", false },
    { POST("sts:AssumeRole",                  QUOTA_AWS_IDENTITY,     0,        aws_assume_role),                AWS_QUERY,    AWS_SIGNED,    "sts",           "AssumeRole", false },
    { POST("sts:AssumeRoleWithWebIdentity",   QUOTA_AWS_IDENTITY,     0,        aws_assume_role_with_web_identity), AWS_QUERY, AWS_ANYONE,    "sts",           "AssumeRoleWithWebIdentity", false },
    { POST("sts:GetCallerIdentity",           QUOTA_AWS_IDENTITY,     0,        aws_get_caller_identity),        AWS_QUERY,    AWS_SIGNED,    "sts",           "GetCallerIdentity", false },
    { REST("account:ListRegions",             "POST", "/listRegions",                   aws_list_regions),       AWS_REST,     AWS_READER,    "account",       NULL, true },
    { REST("bedrock:GetModelInvocationLoggingConfiguration", "GET", "/logging/modelinvocations", aws_get_logging), AWS_REST,   AWS_READER,    "bedrock",       NULL, false },
    { REST("bedrock:ListInferenceProfiles",   "GET",  "/inference-profiles",            aws_list_profiles),      AWS_REST,     AWS_READER,    "bedrock",       NULL, false },
    { REST("bedrock:GetInferenceProfile",     "GET",  "/inference-profiles/{}",         aws_get_profile),        AWS_REST,     AWS_READER,    "bedrock",       NULL, false },
    { REST("bedrock:ListTagsForResource",     "POST", "/listTagsForResource",           aws_list_tags),          AWS_REST,     AWS_READER,    "bedrock",       NULL, false },
    { REST("bedrock:ListFoundationModels",    "GET",  "/foundation-models",             aws_list_models),        AWS_REST,     AWS_READER,    "bedrock",       NULL, false },
    { REST("bedrock:ListProvisionedModelThroughputs", "GET", "/provisioned-model-throughputs", aws_list_provisioned), AWS_REST, AWS_READER,   "bedrock",       NULL, false },
    { PLAIN("imds:token",                     "PUT",  "/latest/api/token",                      aws_imds_token), AWS_METADATA, AWS_ANYONE,    "",              NULL, false },
    { PLAIN("imds:credentials",               "GET",  META "iam/security-credentials",          aws_imds_roles), AWS_METADATA, AWS_ANYONE,    "",              NULL, false },
    { PLAIN("imds:credentials",               "GET",  META "iam/security-credentials/{}", aws_imds_credentials), AWS_METADATA, AWS_ANYONE,    "",              NULL, false },
    { PLAIN("imds:region",                    "GET",  META "placement/region",                 aws_imds_region), AWS_METADATA, AWS_ANYONE,    "",              NULL, false },
    { PLAIN("container:credentials",          "GET",  "/v2/credentials/{}",          aws_container_credentials), AWS_METADATA, AWS_ANYONE,    "",              NULL, false },
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof rows[0] };
_Static_assert(sizeof rows / sizeof rows[0] <= (size_t)AWS_ROWS_MAX, "AWS_ROWS_MAX is too small");

const struct api_row *aws_row_at(unsigned i)
{
    return i < ROWS ? &rows[i].row : NULL;
}

/* Newer libraries leave a service's package out: "CloudTrail_20131101.LookupEvents" names it as well. */
static bool target_is(sv whole, sv target)
{
    bool tail = target.len < whole.len && sv_has(target, SV(".")) && sv_ends(whole, target);

    return sv_eq(whole, target) || (tail && whole.at[whole.len - target.len - 1] == '.');
}

static const struct aws_row *by_target(sv target, bool form)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].target && (rows[i].protocol == AWS_QUERY) == form && target_is(sv_of(rows[i].target), target))
            return &rows[i];
    return NULL;
}

/* Paths are matched as sent: an ARN in one segment keeps its slashes encoded. */
static const struct aws_row *by_path(struct exchange *x, bool plain)
{
    sv rest = http_server_raw_target(x->q), path = sv_cut(&rest, '?');

    for (unsigned i = 0; i < ROWS; i++) {
        const struct aws_row *r = &rows[i];

        if (r->target || plain != (r->row.audience == AUD_PLAIN) || !sv_eq(sv_of(r->row.method), x->q->method) ||
            !api_path_matches(r->row.path, path, x))
            continue;
        for (unsigned c = 0; c < x->n_captures; c++)
            x->captures[c] = exchange_decode(x, x->captures[c]);
        return r;
    }
    return NULL;
}

static const struct aws_row *route_post(struct exchange *x, sv target)
{
    sv type = http_server_header(x->q, "Content-Type");

    if (target.len) {
        x->aws.protocol = sv_starts(type, SV("application/x-amz-json-1.0")) ? AWS_JSON_1_0 : AWS_JSON_1_1;
        return by_target(target, false);
    }
    if (!sv_starts_nocase(type, SV("application/x-www-form-urlencoded")) || !form_of(x, "Action").len)
        return NULL;
    x->aws.protocol = AWS_QUERY;
    return by_target(form_of(x, "Action"), true);
}

const struct api_row *aws_route(struct exchange *x, bool plain)
{
    bool signed_so = sv_starts(http_server_header(x->q, "Authorization"), SV("AWS4-"));
    sv target = http_server_header(x->q, "X-Amz-Target");
    const struct aws_row *r = NULL;

    if (x->sim->aws.n_accounts == 0)
        return NULL;
    if (!plain && sv_eq(x->q->path, SV("/")) && sv_eq(x->q->method, SV("POST")))
        r = route_post(x, target);
    else
        r = by_path(x, plain);
    /* What the operation is spoken in decides its answer, whatever type the client wrote on its body. */
    if (r)
        x->aws.protocol = r->protocol;
    else if (!x->aws.protocol && signed_so)
        x->aws.protocol = AWS_REST;
    return r ? &r->row : NULL;
}

void aws_unknown(struct exchange *x)
{
    if (x->aws.protocol == AWS_QUERY)
        aws_fail(x, AWS_FAIL_OPERATION, 0, "Could not find operation %.*s for version %.*s",
                 SV_ARG(form_of(x, "Action")), SV_ARG(form_of(x, "Version")));
    else
        aws_fail(x, AWS_FAIL_OPERATION, 0, "%s", "");
}

/* ---- for handlers ---- */

sv aws_text(const struct exchange *x, const char *member)
{
    return json_sv(json_get(x->aws.body, sv_of(member)));
}

sv aws_next(struct exchange *x, const char *name, unsigned offset)
{
    return base64_text(&x->arena, arena_printf(&x->arena, "{\"v\":1,\"of\":\"%s\",\"at\":\"%06u\"}", name, offset));
}

bool aws_offset(struct exchange *x, sv token, const char *name, const char *code, unsigned *out)
{
    uint64_t at = 0;

    *out = 0;
    if (!token.len)
        return true;
    sv_to_u64(
        sv_first(sv_skip(base64_bytes(&x->arena, token), strlen(name) + strlen("{\"v\":1,\"of\":\"\",\"at\":\"")), 6),
        &at);
    *out = (unsigned)at;
    if (sv_eq(token, aws_next(x, name, *out)))
        return true;
    aws_refuse(x, code, "The provided pagination token is not valid.");
    return false;
}

void put_xml(struct buf *b, sv text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (c == '<' || c == '>' || c == '&' || c == '"')
            buf_put(b, c == '<' ? SV("&lt;") : c == '>' ? SV("&gt;") : c == '&' ? SV("&amp;") : SV("&quot;"));
        else
            buf_putc(b, c);
    }
}
