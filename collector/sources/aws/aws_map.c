/*
 * AWS's mapping: tables, and look-ups in them. A reader who knows the cloud but not C can review this file.
 *
 * CloudWatch publishes one call at several overlapping levels: no dimension, ModelId, ModelId with tiers or context
 * window on the runtime plane; none, Project, Model, Project and Model on mantle. A row of aws_metrics names one exact
 * dimension set; series of any other are not asked for, so nothing is counted twice (aws.md 1.3, 1.4).
 *
 * What `Invocations` counts is told in two ways by AWS's own documents: successes, or all accepted requests (then less
 * the two errors is the successes). Measures carry the reading as their family, and each reading has rules of its own.
 */
#include "collector/sources/aws/aws.h"

#define AWS(name)                                                                                                      \
    {                                                                                                                  \
        (name), sizeof(name) - 1                                                                                       \
    }
#define REQUESTS AWS("genai_requests_total")
#define TOKENS   AWS("genai_tokens_total")
#define PARTS    AWS("genai_token_parts_total")
#define D_MEAN   AWS("genai_request_duration_mean_seconds")
#define D_REP    AWS("genai_request_duration_reported_seconds")
#define F_MEAN   AWS("genai_time_to_first_token_mean_seconds")
#define F_REP    AWS("genai_time_to_first_token_reported_seconds")
#define LIMIT    AWS("genai_rate_limit")
#define NO       AWS("")
#define SUCC     AWS("successes")
#define ACPT     AWS("accepted")
#define VALUE    AWS("value")
#define FOUR     AWS("outcome=success;outcome=throttled;outcome=client_error;outcome=server_error")
#define TWO      AWS("outcome=success;outcome=client_error")
#define B        PLATFORM_BEDROCK
#define M        PLATFORM_BEDROCK_MANTLE

/* clang-format off */
const struct rule aws_rules[AWS_RULES] = {
    /*   family fact theirs                               part ours       stat            weight labels                     born */
    { B, NO,   NO, AWS("CacheReadInputTokens"),             NO, PARTS,     VALUE,           1,    AWS("part=cache_read"),     NO },
    { B, NO,   NO, AWS("CacheReadInputTokens"),             NO, TOKENS,    VALUE,           1,    AWS("direction=input"),     NO },
    { B, NO,   NO, AWS("CacheWriteInputTokens"),            NO, PARTS,     VALUE,           1,    AWS("part=cache_write"),    NO },
    { B, NO,   NO, AWS("CacheWriteInputTokens"),            NO, TOKENS,    VALUE,           1,    AWS("direction=input"),     NO },
    { B, NO,   NO, AWS("EstimatedTPMQuotaUsage"), NO, AWS("genai_rate_used"), VALUE,        1,    AWS("unit=tokens"),         NO },
    { B, NO,   NO, AWS("InputTokenCount"),                  NO, TOKENS,    VALUE,           1,    AWS("direction=input"),     NO },
    { B, NO,   NO, AWS("InvocationClientErrors"),           NO, REQUESTS,  VALUE,           1,    AWS("outcome=client_error"), FOUR },
    { B, ACPT, NO, AWS("InvocationClientErrors"),           NO, REQUESTS,  VALUE,          -1,    AWS("outcome=success"),     FOUR },
    { B, NO,   NO, AWS("InvocationLatency"),                NO, D_MEAN,    AWS("count"),    1,    NO,                         NO },
    { B, NO,   NO, AWS("InvocationLatency"),                NO, D_MEAN,    AWS("sum"),      0.001, NO,                        NO },
    { B, NO,   NO, AWS("InvocationLatency"),                NO, D_REP,     AWS("max"),      0.001, AWS("stat=max"),           NO },
    { B, NO,   NO, AWS("InvocationLatency"),                NO, D_REP,     AWS("mean"),     0.001, AWS("stat=mean"),          NO },
    { B, NO,   NO, AWS("InvocationLatency"),                NO, D_REP,     AWS("p50"),      0.001, AWS("stat=p50"),           NO },
    { B, NO,   NO, AWS("InvocationLatency"),                NO, D_REP,     AWS("p95"),      0.001, AWS("stat=p95"),           NO },
    { B, NO,   NO, AWS("InvocationLatency"),                NO, D_REP,     AWS("p99"),      0.001, AWS("stat=p99"),           NO },
    { B, NO,   NO, AWS("InvocationServerErrors"),           NO, REQUESTS,  VALUE,           1,    AWS("outcome=server_error"), FOUR },
    { B, ACPT, NO, AWS("InvocationServerErrors"),           NO, REQUESTS,  VALUE,          -1,    AWS("outcome=success"),     FOUR },
    { B, NO,   NO, AWS("InvocationThrottles"),              NO, REQUESTS,  VALUE,           1,    AWS("outcome=throttled"),   FOUR },
    { B, ACPT, NO, AWS("Invocations"),                      NO, REQUESTS,  VALUE,           1,    AWS("outcome=success"),     FOUR },
    { B, SUCC, NO, AWS("Invocations"),                      NO, REQUESTS,  VALUE,           1,    AWS("outcome=success"),     FOUR },
    { B, NO,   NO, AWS("OutputTokenCount"),                 NO, TOKENS,    VALUE,           1,    AWS("direction=output"),    NO },
    { B, NO,   NO, AWS("TimeToFirstToken"),                 NO, F_MEAN,    AWS("count"),    1,    NO,                         NO },
    { B, NO,   NO, AWS("TimeToFirstToken"),                 NO, F_MEAN,    AWS("sum"),      0.001, NO,                        NO },
    { B, NO,   NO, AWS("TimeToFirstToken"),                 NO, F_REP,     AWS("max"),      0.001, AWS("stat=max"),           NO },
    { B, NO,   NO, AWS("TimeToFirstToken"),                 NO, F_REP,     AWS("mean"),     0.001, AWS("stat=mean"),          NO },
    { B, NO,   NO, AWS("TimeToFirstToken"),                 NO, F_REP,     AWS("p50"),      0.001, AWS("stat=p50"),           NO },
    { B, NO,   NO, AWS("TimeToFirstToken"),                 NO, F_REP,     AWS("p95"),      0.001, AWS("stat=p95"),           NO },
    { B, NO,   NO, AWS("TimeToFirstToken"),                 NO, F_REP,     AWS("p99"),      0.001, AWS("stat=p99"),           NO },
    { M, NO,   NO, AWS("InferenceClientErrors"),            NO, REQUESTS,  VALUE,           1,    AWS("outcome=client_error"), TWO },
    { M, NO,   NO, AWS("Inferences"),                       NO, REQUESTS,  VALUE,           1,    AWS("outcome=success"),     TWO },
    { M, NO,   NO, AWS("InputTokens"),                      NO, TOKENS,    VALUE,           1,    AWS("direction=input"),     NO },
    { M, NO,   NO, AWS("OutputTokens"),                     NO, TOKENS,    VALUE,           1,    AWS("direction=output"),    NO },
    /* Logs. Throttled calls may be missing in them; the time of a call is the metrics' to tell. */
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_caller_calls_total"),       AWS("call"),               1, NO, NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_caller_tokens_total"),      AWS("input_tokens"),       1, NO, NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_caller_tokens_total"),      AWS("output_tokens"),      1, NO, NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_logged_calls_total"),       AWS("call"),               1, NO, NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_logged_token_parts_total"), AWS("cache_read_tokens"),  1, AWS("part=cache_read"),  NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_logged_token_parts_total"), AWS("cache_write_tokens"), 1, AWS("part=cache_write"), NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_logged_tokens_total"),      AWS("input_tokens"),       1, AWS("direction=input"),  NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_logged_tokens_total"),      AWS("output_tokens"),      1, AWS("direction=output"), NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_served_calls_total"),       AWS("call"),               1, NO, NO },
    { B, NO,   NO, AWS("ModelInvocationLog"), NO, AWS("genai_time_to_first_token_seconds"), AWS("time_to_first_token"), 1, NO, NO },
    { M, NO,   NO, AWS("CloudTrail"),         NO, AWS("genai_caller_calls_total"),       AWS("call"),               1, NO, NO },
    { M, NO,   NO, AWS("CloudTrail"),         NO, AWS("genai_logged_calls_total"),       AWS("call"),               1, AWS("operation="), NO }, /* whichever API it was is not told */
    { B, NO,   NO, AWS("audit"),              NO, AWS("genai_audit_events_total"),       AWS("event"),              1, NO, NO },
    { M, NO,   NO, AWS("audit"),              NO, AWS("genai_audit_events_total"),       AWS("event"),              1, NO, NO },
    /* Figures that are no metric there; the name says where they stand. */
    { B, NO,   NO, AWS("logging.modelinvocations"), NO, AWS("genai_logging_enabled"),    VALUE,                     1, NO, NO },
    { B, NO,   NO, AWS("servicequotas.requests"),   NO, LIMIT,     VALUE,                                           1, AWS("unit=requests"), NO },
    { B, NO,   NO, AWS("servicequotas.tokens"),     NO, LIMIT,     VALUE,                                           1, AWS("unit=tokens"),   NO },
    { M, NO,   NO, AWS("servicequotas.tokens"),     NO, LIMIT,     VALUE,                                           1, AWS("unit=tokens"),   NO },
};

#define SUM    AWS_STAT_BIT(AWS_SUM)
#define MODEL  { "ModelId", NULL }
#define LEVEL  { "Project", "Model" }
#define TIMES  (SUM | AWS_STAT_BIT(AWS_COUNT) | AWS_STAT_BIT(AWS_P50) | AWS_STAT_BIT(AWS_P95) | AWS_STAT_BIT(AWS_P99))

/* Level is the exact dimension set. Not more than five statistics: that is one price (aws.md 2.5). */
const struct aws_metric aws_metrics[] = {
    /*          namespace            metric                   level   stats  counts */
    { B, "AWS/Bedrock",       "CacheReadInputTokens",   MODEL, SUM,   true  },
    { B, "AWS/Bedrock",       "CacheWriteInputTokens",  MODEL, SUM,   true  },
    { B, "AWS/Bedrock",       "EstimatedTPMQuotaUsage", MODEL, SUM,   false },
    { B, "AWS/Bedrock",       "InputTokenCount",        MODEL, SUM,   true  },
    { B, "AWS/Bedrock",       "InvocationClientErrors", MODEL, SUM,   true  },
    { B, "AWS/Bedrock",       "InvocationLatency",      MODEL, TIMES, true  },
    { B, "AWS/Bedrock",       "InvocationServerErrors", MODEL, SUM,   true  },
    { B, "AWS/Bedrock",       "InvocationThrottles",    MODEL, SUM,   true  },
    { B, "AWS/Bedrock",       "Invocations",            MODEL, SUM,   true  },
    { B, "AWS/Bedrock",       "OutputTokenCount",       MODEL, SUM,   true  },
    { B, "AWS/Bedrock",       "TimeToFirstToken",       MODEL, TIMES, true  },
    { M, "AWS/BedrockMantle", "InferenceClientErrors",  LEVEL, SUM,   true  },
    { M, "AWS/BedrockMantle", "Inferences",             LEVEL, SUM,   true  },
    { M, "AWS/BedrockMantle", "InputTokens",            LEVEL, SUM,   true  },
    { M, "AWS/BedrockMantle", "OutputTokens",           LEVEL, SUM,   true  },
};
const size_t n_aws_metrics = sizeof aws_metrics / sizeof aws_metrics[0];

const char *const aws_namespaces[AWS_NAMESPACES] = { "AWS/Bedrock", "AWS/BedrockMantle" };

const char *const aws_stat_names[AWS_STATS] = {
    [AWS_SUM] = "Sum", [AWS_COUNT] = "SampleCount", [AWS_P50] = "p50", [AWS_P95] = "p95", [AWS_P99] = "p99", [AWS_MAX] = "Maximum",
};

const char *const aws_invocations_names[] = { [AWS_INVOCATIONS_SUCCESSES] = "successes", [AWS_INVOCATIONS_ACCEPTED] = "accepted", NULL };

/* Names of quotas in their spellings over time (discovery.md 2.5); the model follows. The longer of two that fit stands
 * first. */
static const struct quota_row {
    const char *prefix;
    enum platform platform;
    const char *pool, *unit;
} quota_rows[] = {
    { "On-demand InvokeModel tokens per minute for ",                       B, "on_demand",    "tokens" },
    { "On-demand InvokeModel requests per minute for ",                     B, "on_demand",    "requests" },
    { "On-demand model inference tokens per minute for ",                   B, "on_demand",    "tokens" },
    { "On-demand model inference requests per minute for ",                 B, "on_demand",    "requests" },
    { "Cross-Region InvokeModel tokens per minute for ",                    B, "cross_region", "tokens" },
    { "Cross-Region InvokeModel requests per minute for ",                  B, "cross_region", "requests" },
    { "Cross-region model inference tokens per minute for ",                B, "cross_region", "tokens" },
    { "Cross-region model inference requests per minute for ",              B, "cross_region", "requests" },
    { "Global cross-Region InvokeModel tokens per minute for ",             B, "global",       "tokens" },
    { "Global cross-region model inference tokens per minute for ",         B, "global",       "tokens" },
    { "Global cross-region model inference requests per minute for ",       B, "global",       "requests" },
    { "Bedrock Mantle input tokens per minute for ",                        M, "mantle_input",  "tokens" },
    { "Bedrock Mantle output tokens per minute for ",                       M, "mantle_output", "tokens" },
};
/* clang-format on */

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

enum { STATS_A_UNIT = 5 };

unsigned aws_level(const struct aws_metric *m)
{
    return m->level[0] == NULL ? 0 : m->level[1] == NULL ? 1 : 2;
}

static sv dimension(const struct aws_series *s, const char *name)
{
    const struct aws_metric *m = &aws_metrics[s->metric];

    for (unsigned i = 0; i < aws_level(m); i++)
        if (sv_eq(sv_of(m->level[i]), sv_of(name)))
            return s->value[i];
    return SV_NONE;
}

struct aws_name aws_series_name(const struct aws_series *s)
{
    enum platform p = aws_metrics[s->metric].platform;

    return (struct aws_name){ p, dimension(s, "Project"), dimension(s, p == PLATFORM_BEDROCK ? "ModelId" : "Model") };
}

int aws_metric_find(sv ns, sv name, unsigned level)
{
    for (size_t i = 0; i < n_aws_metrics; i++)
        if (sv_eq(name, sv_of(aws_metrics[i].name)) && sv_eq(ns, sv_of(aws_metrics[i].ns)) &&
            aws_level(&aws_metrics[i]) == level)
            return (int)i;
    return -1;
}

bool aws_is_read_two_ways(const struct aws_metric *m)
{
    sv family = sv_of(aws_invocations_names[AWS_INVOCATIONS_ACCEPTED]);

    for (size_t i = 0; i < AWS_RULES; i++)
        if (aws_rules[i].platform == m->platform && sv_eq(aws_rules[i].theirs, sv_of(m->name)) &&
            sv_eq(aws_rules[i].family, family))
            return true;
    return false;
}

unsigned aws_price_units(const struct aws_metric *m, enum aws_asking asking)
{
    return (aws_entries(m, asking) + STATS_A_UNIT - 1) / STATS_A_UNIT;
}

bool aws_quota_name(sv name, struct aws_quota *out)
{
    for (size_t i = 0; i < ROWS(quota_rows); i++) {
        const struct quota_row *r = &quota_rows[i];
        sv prefix = sv_of(r->prefix);

        if (!sv_starts_nocase(name, prefix))
            continue;
        *out = (struct aws_quota){ r->platform, sv_of(r->pool), sv_of(r->unit), sv_trim(sv_skip(name, prefix.len)) };
        return out->model.len > 0;
    }
    return false;
}
