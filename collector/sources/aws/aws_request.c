/*
 * What to ask, as body or path. Pure, so that each form can be read in a test beside AWS's own documentation.
 *
 * CloudWatch is asked in awsJson1.0: the smallest of its three protocols (aws.md 2.1). GetMetricData is asked with
 * explicit MetricStat entries, one statistic each; those of one metric stand together, since up to five of them in one
 * request are one metric on the bill. `Unit` is never sent: a mismatch gives no data.
 */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws.h"

#define JSON10 "application/x-amz-json-1.0"
#define JSON11 "application/x-amz-json-1.1"
#define CW     "GraniteServiceVersion20100801."
#define ORG    "AWSOrganizationsV20161128."

/* Quotas are those of aws.md 2.5, 2.8 and discovery.md 2; where none is published we stay modest. Tools share them, so
 * each is taken at most to a fifth. FilterLogEvents: 5 a second in the slowest regions. LookupEvents: 2 a second,
 * which nobody should take whole. Prices: 0.01 USD per 1000 metrics
 * requested (units of a call), and per 1000 of ListMetrics. */
/* clang-format off */
const struct aws_operation aws_operations[AWS_APIS] = {
    /*                              name                     burst per_s usd_nano   service          target                            content  method global */
    [AWS_API_CALLER_IDENTITY]   = { { "GetCallerIdentity",       10,  2,  0 },     "sts",            NULL,                             NULL,   "POST", false },
    [AWS_API_ASSUME_ROLE]       = { { "AssumeRole",              10,  2,  0 },     "sts",            NULL,                             NULL,   "POST", false },
    [AWS_API_LIST_ACCOUNTS]     = { { "ListAccountsForParent",    4,  1,  0 },     "organizations",  ORG "ListAccountsForParent",      JSON11, "POST", true },
    [AWS_API_LIST_UNITS]        = { { "ListOrganizationalUnitsForParent", 4, 1, 0 }, "organizations", ORG "ListOrganizationalUnitsForParent", JSON11, "POST", true },
    [AWS_API_LIST_REGIONS]      = { { "ListRegions",              4,  1,  0 },     "account",        NULL,                             "application/json", "POST", true },
    [AWS_API_LIST_METRICS]      = { { "ListMetrics",             10,  5,  10000 }, "monitoring",     CW "ListMetrics",                 JSON10, "POST", false },
    [AWS_API_GET_METRIC_DATA]   = { { "GetMetricData",           20, 10,  10000 }, "monitoring",     CW "GetMetricData",               JSON10, "POST", false },
    [AWS_API_LOGGING]           = { { "GetModelInvocationLoggingConfiguration", 5, 2, 0 }, "bedrock", NULL,                             NULL,   "GET",  false },
    [AWS_API_LIST_PROFILES]     = { { "ListInferenceProfiles",    5,  2,  0 },     "bedrock",        NULL,                             NULL,   "GET",  false },
    [AWS_API_GET_PROFILE]       = { { "GetInferenceProfile",      5,  2,  0 },     "bedrock",        NULL,                             NULL,   "GET",  false },
    [AWS_API_LIST_TAGS]         = { { "ListTagsForResource",      5,  2,  0 },     "bedrock",        NULL,                             "application/json", "POST", false },
    [AWS_API_LIST_QUOTAS]       = { { "ListServiceQuotas",        5,  1,  0 },     "servicequotas",  "ServiceQuotasV20190624.ListServiceQuotas", JSON11, "POST", false },
    [AWS_API_FILTER_LOG_EVENTS] = { { "FilterLogEvents",          5,  2,  0 },     "logs",           "Logs_20140328.FilterLogEvents",  JSON11, "POST", false },
    [AWS_API_LOOKUP_EVENTS]     = { { "LookupEvents",           1,  1.5,  0 },     "cloudtrail",     "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", JSON11, "POST", false },
};

static const char *const permissions[AWS_APIS] = {
    [AWS_API_CALLER_IDENTITY]   = "sts:GetCallerIdentity",
    [AWS_API_ASSUME_ROLE]       = "sts:AssumeRole",
    [AWS_API_LIST_ACCOUNTS]     = "organizations:ListAccountsForParent",
    [AWS_API_LIST_UNITS]        = "organizations:ListOrganizationalUnitsForParent",
    [AWS_API_LIST_REGIONS]      = "account:ListRegions",
    [AWS_API_LIST_METRICS]      = "cloudwatch:ListMetrics",
    [AWS_API_GET_METRIC_DATA]   = "cloudwatch:GetMetricData",
    [AWS_API_LOGGING]           = "bedrock:GetModelInvocationLoggingConfiguration",
    [AWS_API_LIST_PROFILES]     = "bedrock:ListInferenceProfiles",
    [AWS_API_GET_PROFILE]       = "bedrock:GetInferenceProfile",
    [AWS_API_LIST_TAGS]         = "bedrock:ListTagsForResource",
    [AWS_API_LIST_QUOTAS]       = "servicequotas:ListServiceQuotas",
    [AWS_API_FILTER_LOG_EVENTS] = "logs:FilterLogEvents",
    [AWS_API_LOOKUP_EVENTS]     = "cloudtrail:LookupEvents",
};
/* clang-format on */

const char *aws_permission(enum aws_api api)
{
    return permissions[api];
}

static void put(struct buf *out, const char *text)
{
    buf_put(out, sv_of(text));
}

static void member(struct buf *out, const char *before, sv value)
{
    put(out, before);
    buf_json(out, value);
}

static void next_token(struct buf *out, const char *name, sv next)
{
    if (next.len) {
        put(out, ",\"");
        put(out, name);
        member(out, "\":", next);
    }
}

void aws_body_list_accounts(struct buf *out, sv parent, sv next)
{
    member(out, "{\"ParentId\":", parent);
    put(out, ",\"MaxResults\":20"); /* more is refused */
    next_token(out, "NextToken", next);
    put(out, "}");
}

void aws_body_list_regions(struct buf *out, sv next)
{
    put(out, "{\"RegionOptStatusContains\":[\"ENABLED\",\"ENABLED_BY_DEFAULT\"],\"MaxResults\":50");
    next_token(out, "NextToken", next);
    put(out, "}");
}

void aws_body_list_metrics(struct buf *out, sv ns, bool recent, sv next)
{
    member(out, "{\"Namespace\":", ns);
    if (recent)
        put(out, ",\"RecentlyActive\":\"PT3H\"");
    next_token(out, "NextToken", next);
    put(out, "}");
}

void aws_body_list_tags(struct buf *out, sv arn)
{
    member(out, "{\"resourceARN\":", arn);
    put(out, "}");
}

void aws_body_list_quotas(struct buf *out, sv next)
{
    put(out, "{\"ServiceCode\":\"bedrock\",\"MaxResults\":100");
    next_token(out, "NextToken", next);
    put(out, "}");
}

void aws_path_profiles(struct buf *out, const char *type, sv next)
{
    put(out, "/inference-profiles?maxResults=1000");
    if (next.len) {
        put(out, "&nextToken=");
        http_escape(out, next);
    }
    put(out, "&type=");
    put(out, type);
}

void aws_path_profile(struct buf *out, sv id)
{
    put(out, "/inference-profiles/");
    http_escape(out, id);
}

/* ---- GetMetricData ---- */

enum { DATAPOINTS_A_PAGE = 100800 }; /* more is refused; what is beyond has a NextToken */

/* Ids number the entries: "m0", "m1", ... */
static void entry(struct buf *out, const struct aws_series *s, size_t number, enum aws_stat stat, int64_t period_nano)
{
    const struct aws_metric *m = &aws_metrics[s->metric];

    buf_printf(out, "{\"Id\":\"m%zu\",\"MetricStat\":{\"Metric\":{", number);
    member(out, "\"Namespace\":", sv_of(m->ns));
    member(out, ",\"MetricName\":", sv_of(m->name));
    put(out, ",\"Dimensions\":[");
    for (unsigned d = 0; d < aws_level(m); d++) {
        member(out, d ? ",{\"Name\":" : "{\"Name\":", sv_of(m->level[d]));
        member(out, ",\"Value\":", s->value[d]);
        put(out, "}");
    }
    buf_printf(out, "]},\"Period\":%lld,\"Stat\":", (long long)(period_nano / NANO_PER_S));
    buf_json(out, sv_of(aws_stat_names[stat]));
    put(out, "}}");
}

int64_t aws_period_nano(enum aws_asking asking)
{
    return asking == AWS_CONTROL ? NANO_PER_H : NANO_PER_MIN;
}

unsigned aws_stats(const struct aws_metric *m, enum aws_asking asking)
{
    if (asking == AWS_CONTROL)
        return m->counts ? m->stats & (AWS_STAT_BIT(AWS_SUM) | AWS_STAT_BIT(AWS_COUNT)) : 0;
    return m->stats | (asking == AWS_MAXIMUM && (m->stats & AWS_STAT_BIT(AWS_P50)) ? AWS_STAT_BIT(AWS_MAX) : 0);
}

unsigned aws_entries(const struct aws_metric *m, enum aws_asking asking)
{
    return (unsigned)__builtin_popcount(aws_stats(m, asking));
}

void aws_body_metric_data(struct buf *out, const struct aws_query *q, sv next)
{
    size_t n = 0;

    buf_printf(out,
               "{\"StartTime\":%lld,\"EndTime\":%lld,\"MaxDatapoints\":%d,\"ScanBy\":\"TimestampAscending\","
               "\"MetricDataQueries\":[",
               (long long)(q->from_unix_nano / NANO_PER_S), (long long)(q->to_unix_nano / NANO_PER_S),
               DATAPOINTS_A_PAGE);
    for (size_t i = 0; i < q->n_series; i++) {
        unsigned stats = aws_stats(&aws_metrics[q->series[i]->metric], q->asking);

        for (unsigned s = 0; s < AWS_STATS; s++) {
            if (!(stats & AWS_STAT_BIT(s)))
                continue;
            if (n)
                put(out, ",");
            entry(out, q->series[i], n++, (enum aws_stat)s, aws_period_nano(q->asking));
        }
    }
    put(out, "]");
    next_token(out, "NextToken", next);
    put(out, "}");
}
