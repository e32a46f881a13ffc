/* Data, and three look-ups. The bounds are those of OpenTelemetry's duration metrics, doubled three times more, since
 * reasoning models need longer than 82 s. */
#include "collector/ledger/family.h"

#include <stdlib.h>

#define B(l)  LABEL_BIT(LABEL_##l)
#define IDENT LABELS_IDENTITY

/* clang-format off */
const struct family families[] = {
    { "genai_audit_events_total", FAMILY_COUNTER, B(CLOUD) | B(ACCOUNT) | B(ACTION) | B(OUTCOME), 0,
      "Recorded actions on the service and its settings, from the clouds' audit logs." },
    { "genai_billed_cost", FAMILY_BILLED, IDENT | B(DIRECTION) | B(CURRENCY) | B(DAY_OFFSET), 9,
      "Cost of a UTC day as the cloud bills it, restated for days; day_offset 0 is today, 1 yesterday. Not to be added up over time." },
    { "genai_caller_calls_total", FAMILY_COUNTER, B(CLOUD) | B(ACCOUNT) | B(MODEL) | B(CALLER), 0,
      "Logged calls by who made them; a caller beyond the limit is counted in trefoil_caller_calls_refused_total." },
    { "genai_caller_tokens_total", FAMILY_COUNTER, B(CLOUD) | B(ACCOUNT) | B(MODEL) | B(CALLER), 0,
      "Input and output tokens by who used them, of those calls whose log row tells both." },
    { "genai_capacity_allocated", FAMILY_GAUGE, IDENT | B(UNIT), 0,
      "Part of a quota that deployments hold; resource names the quota pool." },
    { "genai_capacity_limit", FAMILY_GAUGE, IDENT | B(UNIT), 0,
      "Quota of an account in a region that deployments can be given; resource names the quota pool." },
    { "genai_filtered_requests_total", FAMILY_COUNTER, IDENT | B(CATEGORY) | B(ACTION), 0,
      "Requests that a content filter detected or blocked; part of, never added to, genai_requests_total." },
    { "genai_logged_calls_total", FAMILY_COUNTER, IDENT | B(OPERATION) | B(OUTCOME), 0,
      "Model calls that the request logs tell of." },
    { "genai_logged_token_parts_total", FAMILY_COUNTER, IDENT | B(PART), 0,
      "Parts of the logged tokens, such as cache reads; contained in genai_logged_tokens_total." },
    { "genai_logged_tokens_total", FAMILY_COUNTER, IDENT | B(DIRECTION), 0,
      "Tokens that the request logs tell of; input includes cached, output includes reasoning tokens." },
    { "genai_logging_enabled", FAMILY_GAUGE, B(CLOUD) | B(ACCOUNT) | B(CLOUD_REGION) | B(PLATFORM) | B(RESOURCE), 0,
      "Whether the cloud records calls of this resource (1 yes, 0 no, absent: not allowed to look)." },
    { "genai_provisioned_units", FAMILY_GAUGE, IDENT, 0, "Provisioned throughput units bought for the deployment." },
    { "genai_provisioned_utilization_ratio", FAMILY_GAUGE, IDENT, 0, "Used share of the provisioned throughput, 0 to 1." },
    { "genai_rate_limit", FAMILY_GAUGE, IDENT | B(UNIT), 0, "What the deployment accepts in a minute." },
    { "genai_rate_used", FAMILY_PEAK, IDENT | B(UNIT), 0,
      "Tokens or requests of the busiest among the last 15 minutes that the cloud's metrics told of; against genai_rate_limit." },
    { "genai_request_duration_mean_seconds", FAMILY_SUMMARY, IDENT, 9,
      "Request duration where the cloud tells only sum and count." },
    { "genai_request_duration_reported_seconds", FAMILY_GAUGE, IDENT | B(STAT), 0,
      "Request duration of the newest settled minute as the cloud states it; not to be aggregated." },
    { "genai_request_duration_seconds", FAMILY_HISTOGRAM, IDENT, 9, "Duration of calls, from logs or distributions." },
    { "genai_requests_total", FAMILY_COUNTER, IDENT | B(OPERATION) | B(TIER) | B(OUTCOME) | B(CODE), 0,
      "Requests by outcome, as the cloud's own metrics count them." },
    { "genai_served_calls_total", FAMILY_COUNTER, B(CLOUD) | B(PLATFORM) | B(MODEL) | B(SERVED_REGION) | B(SERVED_JURISDICTION), 0,
      "Logged calls by where the cloud says that they were processed; empty where a log does not tell." },
    { "genai_time_to_first_token_mean_seconds", FAMILY_SUMMARY, IDENT, 9,
      "Time to the first token where the cloud tells only sum and count." },
    { "genai_time_to_first_token_reported_seconds", FAMILY_GAUGE, IDENT | B(STAT), 0,
      "Time to the first token of the newest settled minute as the cloud states it; not to be aggregated." },
    { "genai_time_to_first_token_seconds", FAMILY_HISTOGRAM, IDENT, 9, "Time to the first token of streamed calls." },
    { "genai_token_parts_total", FAMILY_COUNTER, IDENT | B(TIER) | B(PART), 0,
      "Parts of the tokens, such as cache reads or reasoning; contained in genai_tokens_total." },
    { "genai_tokens_total", FAMILY_COUNTER, IDENT | B(TIER) | B(DIRECTION), 0,
      "Tokens as the cloud's own metrics count them; input includes cached, output includes reasoning tokens." },
};

static const char *const label_names[LABELS] = {
    [LABEL_CLOUD] = "cloud",         [LABEL_ACCOUNT] = "account",     [LABEL_CLOUD_REGION] = "cloud_region",
    [LABEL_PLATFORM] = "platform",   [LABEL_RESOURCE] = "resource",   [LABEL_DEPLOYMENT] = "deployment",
    [LABEL_MODEL] = "model",         [LABEL_OPERATION] = "operation", [LABEL_TIER] = "tier",
    [LABEL_OUTCOME] = "outcome",     [LABEL_CODE] = "code",           [LABEL_DIRECTION] = "direction",
    [LABEL_PART] = "part",           [LABEL_CATEGORY] = "category",   [LABEL_ACTION] = "action",
    [LABEL_STAT] = "stat",           [LABEL_UNIT] = "unit",
    [LABEL_SERVED_REGION] = "served_region", [LABEL_SERVED_JURISDICTION] = "served_jurisdiction",
    [LABEL_CALLER] = "caller",       [LABEL_CURRENCY] = "currency",   [LABEL_DAY_OFFSET] = "day_offset",
};
/* clang-format on */

const size_t n_families = sizeof families / sizeof families[0];

const double histogram_bounds[HISTOGRAM_BOUNDS] = { 0.01, 0.02,  0.04,  0.08,  0.16,  0.32,   0.64,   1.28,  2.56,
                                                    5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36 };

static int compare(const void *name, const void *family)
{
    return sv_cmp(*(const sv *)name, sv_of(((const struct family *)family)->name));
}

int family_find(sv name)
{
    const struct family *f = bsearch(&name, families, n_families, sizeof families[0], compare);

    return f ? (int)(f - families) : -1;
}

int label_find(sv name)
{
    for (int i = 0; i < LABELS; i++)
        if (sv_eq(name, sv_of(label_names[i])))
            return i;
    return -1;
}

const char *label_name(enum label l)
{
    return label_names[l];
}

unsigned histogram_bucket(double value)
{
    unsigned i = 0;

    while (i < HISTOGRAM_BOUNDS && value > histogram_bounds[i])
        i++;
    return i;
}

unsigned family_cells(int family)
{
    static const unsigned cells[FAMILY_TYPES] = {
        [FAMILY_COUNTER] = 1, [FAMILY_HISTOGRAM] = HISTOGRAM_CELLS, [FAMILY_SUMMARY] = 2
    };

    return cells[families[family].type];
}
