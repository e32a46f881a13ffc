/*
 * The table of AWS's operations and how a request finds its row: by X-Amz-Target, by the Action of a form, or by method
 * and path. One port serves all services and regions; the credential scope says which are meant, so the row's service
 * and the scope's must agree (aws_access.c).
 */
#include "tests/cloudsim/aws/aws_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/aws/aws_metric.h"

#define GRANITE "GraniteServiceVersion20100801."
#define LOGS    "Logs_20140328."
#define ORG     "AWSOrganizationsV20161128."
#define TRAIL   "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."
#define META    "/latest/meta-data/"
/* Calls a minute come on top of Azure's. */
#define SHARE    0.5
#define CALL_USD 0.00001 /* 0.01 a thousand: ListMetrics by calls, GetMetricData by metrics */

/* A second's worth at once; the last two are not published, taken low. */
static const struct quota metric_data = { 500, 500 }, metric_list = { 25, 25 }, log_groups = { 10, 10 },
                          trail = { 2, 2 }, identity = { 100, 50 }, control = { 20, 10 };
const struct quota aws_quota_log_events = { 10, 10 }, aws_quota_log_events_most = { 25, 25 },
                   aws_quota_log_events_least = { 5, 5 };

/* clang-format off */
#define POST(name, quota, price, handle) { name, "POST", "/", AUD_AWS, quota, price, handle }
#define REST(name, method, path, handle) { name, method, path, AUD_AWS, &control, 0, handle }
#define PLAIN(name, method, path, handle) { name, method, path, AUD_PLAIN, NULL, 0, handle }

static const struct aws_row rows[] = {
    /* IAM's action                           quota                   USD       handler                          protocol      right          service         target */
    { POST("cloudwatch:ListMetrics",          &metric_list,  CALL_USD, aws_list_metrics),               AWS_JSON_1_0, AWS_READER,    "monitoring",    GRANITE "ListMetrics", false },
    { POST("cloudwatch:GetMetricData",        &metric_data,  CALL_USD, aws_get_metric_data),            AWS_JSON_1_0, AWS_READER,    "monitoring",    GRANITE "GetMetricData", false },
    { POST("logs:FilterLogEvents",            &aws_quota_log_events,   0,        aws_filter_log_events),          AWS_JSON_1_1, AWS_READER,    "logs",          LOGS "FilterLogEvents", false },
    { POST("logs:DescribeLogGroups",          &log_groups,   0,        aws_describe_log_groups),        AWS_JSON_1_1, AWS_READER,    "logs",          LOGS "DescribeLogGroups", false },
    { POST("cloudtrail:LookupEvents",         &trail,        0,        aws_lookup_events),              AWS_JSON_1_1, AWS_READER,    "cloudtrail",    TRAIL "LookupEvents", false },
    { POST("cloudtrail:DescribeTrails",       &control,      0,        aws_describe_trails),            AWS_JSON_1_1, AWS_READER,    "cloudtrail",    TRAIL "DescribeTrails", false },
    { POST("cloudtrail:GetTrailStatus",       &control,      0,        aws_get_trail_status),           AWS_JSON_1_1, AWS_READER,    "cloudtrail",    TRAIL "GetTrailStatus", false },
    { POST("organizations:ListAccounts",      &control,      0,        aws_list_accounts),              AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListAccounts", true },
    { POST("organizations:ListAccountsForParent", &control,  0,        aws_list_accounts_for_parent),   AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListAccountsForParent", true },
    { POST("organizations:ListOrganizationalUnitsForParent", &control, 0, aws_list_ous_for_parent),     AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListOrganizationalUnitsForParent", true },
    { POST("organizations:ListRoots",         &control,      0,        aws_list_roots),                 AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListRoots", true },
    { POST("organizations:ListParents",       &control,      0,        aws_list_parents),               AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListParents", true },
    { POST("organizations:ListTagsForResource", &control,    0,        aws_list_account_tags),          AWS_JSON_1_1, AWS_DELEGATED, "organizations", ORG "ListTagsForResource", true },
    { POST("organizations:DescribeOrganization", &control,   0,        aws_describe_organization),      AWS_JSON_1_1, AWS_READER,    "organizations", ORG "DescribeOrganization", true },
    { POST("servicequotas:ListServiceQuotas", &control,      0,        aws_list_service_quotas),        AWS_JSON_1_1, AWS_READER,    "servicequotas", "ServiceQuotasV20190624.ListServiceQuotas", false },
    { POST("sts:AssumeRole",                  &identity,     0,        aws_assume_role),                AWS_QUERY,    AWS_SIGNED,    "sts",           "AssumeRole", false },
    { POST("sts:AssumeRoleWithWebIdentity",   &identity,     0,        aws_assume_role_with_web_identity), AWS_QUERY, AWS_ANYONE,    "sts",           "AssumeRoleWithWebIdentity", false },
    { POST("sts:GetCallerIdentity",           &identity,     0,        aws_get_caller_identity),        AWS_QUERY,    AWS_SIGNED,    "sts",           "GetCallerIdentity", false },
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

static const struct api_row *row_at(unsigned i)
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
        aws_request(x)->protocol = sv_starts(type, SV("application/x-amz-json-1.0")) ? AWS_JSON_1_0 : AWS_JSON_1_1;
        return by_target(target, false);
    }
    if (!sv_starts_nocase(type, SV("application/x-www-form-urlencoded")) || !form_of(x, "Action").len)
        return NULL;
    aws_request(x)->protocol = AWS_QUERY;
    return by_target(form_of(x, "Action"), true);
}

static bool route(struct exchange *x, bool plain)
{
    bool signed_so = sv_starts(http_server_header(x->q, "Authorization"), SV("AWS4-"));
    sv target = http_server_header(x->q, "X-Amz-Target");
    const struct aws_row *r = NULL;

    if (!plain && sv_eq(x->q->path, SV("/")) && sv_eq(x->q->method, SV("POST")))
        r = route_post(x, target);
    else
        r = by_path(x, plain);
    /* What the operation is spoken in decides its answer, whatever type the client wrote on its body. */
    if (r)
        aws_request(x)->protocol = r->protocol;
    else if (!aws_request(x)->protocol && signed_so)
        aws_request(x)->protocol = AWS_REST;
    x->row = r ? &r->row : NULL;
    return aws_request(x)->protocol != AWS_NONE;
}

static void unknown(struct exchange *x)
{
    if (aws_request(x)->protocol == AWS_QUERY)
        aws_fail(x, AWS_FAIL_OPERATION, 0, "Could not find operation %.*s for version %.*s",
                 SV_ARG(form_of(x, "Action")), SV_ARG(form_of(x, "Version")));
    else
        aws_fail(x, AWS_FAIL_OPERATION, 0, "%s", "");
}

static void headers(struct exchange *x)
{
    reply_header(x, "x-amzn-RequestId", "%.*s", SV_ARG(x->request_id));
}

static bool has_account(const struct sim *s, sv account)
{
    return aws_account_find(&aws_of(s)->world, account) != NULL;
}

static bool has_region(const struct sim *s, sv region)
{
    (void)s;
    return aws_region_find(region) != NULL;
}

static unsigned accounts(const struct sim *s)
{
    return aws_of(s)->world.n_accounts;
}

static sv account_name(const struct sim *s, unsigned i)
{
    return aws_of(s)->world.accounts[i].id;
}

static void close_world(void *own)
{
    struct aws *a = own;

    aws_listing_free(a->listing);
    aws_workload_free(a->workload);
    aws_world_done(&a->world);
    free(a);
}

static enum err_code open_world(struct sim *s, void **own, struct err *e)
{
    struct aws *a = calloc(1, sizeof *a);

    if (!a || aws_world_init(&a->world, s->options.seed, s->options.count[AWS], e)) {
        free(a);
        return a ? e->code : err_set(e, ERR_LIMIT, "out of memory");
    }
    a->workload = aws_workload_new(&a->world, s->options.calls_per_minute * SHARE, s->first, s->last);
    a->listing = aws_listing_new(a->world.n_deployments);
    if (a->workload && a->listing) {
        *own = a;
        return ERR_OK;
    }
    close_world(a);
    return err_set(e, ERR_LIMIT, "out of memory");
}

const struct cloud aws_cloud = {
    .name = "aws",
    .id = AWS,
    .count = { "--accounts", "how many AWS has, 0: no AWS", 12, 0, AWS_ACCOUNTS_MAX },
    .exchange_bytes = sizeof(struct aws_request),
    .checks_time = true,
    .open = open_world,
    .close = close_world,
    .row_at = row_at,
    .route = route,
    .identify = aws_identify,
    .admit = aws_admit,
    .unknown = unknown,
    .dialect = aws_dialect,
    .headers = headers,
    .has_account = has_account,
    .has_region = has_region,
    .accounts = accounts,
    .account_name = account_name,
    .truth = aws_truth_write,
    .config = aws_config_write,
    .secrets = aws_access_write,
    .renew = aws_web_token_write,
};

/* ---- for handlers ---- */

sv aws_text(const struct exchange *x, const char *member)
{
    return json_sv(json_get(aws_request(x)->body, sv_of(member)));
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
