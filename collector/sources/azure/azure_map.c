/*
 * Azure's mapping: tables, and look-ups in them. A reader who knows the cloud but not C can review this file.
 *
 * An AIServices account shows one and the same traffic in both metric families: the rules of a family count only where
 * the authority of (fact, resource) has chosen it, and they are never added. RAI metrics exist once, so they ask no
 * authority. Names and units: azure.md 1.1; log names: 1.4; SKUs: discovery.md 5.3; clouds: azure.md 4.4.
 */
#include "collector/model/region.h"
#include "collector/sources/azure/azure.h"

#define AZ(name)                                                                                                       \
    {                                                                                                                  \
        (name), sizeof(name) - 1                                                                                       \
    }
#define REQUESTS       AZ("genai_requests_total")
#define TOKENS         AZ("genai_tokens_total")
#define USED           AZ("genai_rate_used")
#define FILTERED       AZ("genai_filtered_requests_total")
#define REPORTED       AZ("genai_request_duration_reported_seconds")
#define MEAN           AZ("genai_request_duration_mean_seconds")
#define FIRST_REPORTED AZ("genai_time_to_first_token_reported_seconds")
#define FIRST_MEAN     AZ("genai_time_to_first_token_mean_seconds")
#define UTILIZED       AZ("genai_provisioned_utilization_ratio")
#define BY_OUTCOME                                                                                                     \
    AZ("outcome=success,code=200;outcome=throttled,code=429;outcome=client_error,code=400;outcome=server_error,code="  \
       "500")
#define NO     AZ("")
#define AOAI   AZ("azure_openai")
#define MODELS AZ("models")
#define P      PLATFORM_AZURE_OPENAI

/* clang-format off */
const struct rule azure_rules[AZURE_RULES] = {
    /*    family  fact            theirs                                          part ours      stat        weight labels           born */
    { P, NO,     NO,             AZ("AzureOpenAIProvisionedManagedUtilizationV2"),  NO, UTILIZED, AZ("value"), 0.01,  NO,                    NO },
    { P, NO,     NO,             AZ("AzureOpenAIRequestUsage"), NO, AZ("genai_logged_token_parts_total"), AZ("cache_read_tokens"), 1, AZ("part=cache_read"), NO },
    { P, NO,     NO,             AZ("AzureOpenAIRequestUsage"), NO, AZ("genai_logged_tokens_total"), AZ("input_tokens"), 1, AZ("direction=input"), NO },
    { P, NO,     NO,             AZ("AzureOpenAIRequestUsage"), NO, AZ("genai_logged_tokens_total"), AZ("output_tokens"), 1, AZ("direction=output"), NO },
    { P, NO,     NO,             AZ("AzureOpenAIRequestUsage"), NO, AZ("genai_time_to_first_token_seconds"), AZ("streamed_time_to_first_token"), 1, NO, NO },
    { P, AOAI,   AZ("requests"), AZ("AzureOpenAIRequests"),                         NO, USED,     AZ("value"), 1,     AZ("unit=requests"),   NO },
    { P, AOAI,   AZ("requests"), AZ("AzureOpenAIRequests"),                         NO, REQUESTS, AZ("value"), 1,     NO,                    BY_OUTCOME },
    { P, NO,     NO,             AZ("AzureOpenAITTLTInMS"),                      NO, MEAN,     AZ("count"), 1,     NO,                    NO },
    { P, NO,     NO,             AZ("AzureOpenAITTLTInMS"),                      NO, MEAN,     AZ("sum"),   0.001, NO,                    NO },
    { P, NO,     NO,             AZ("AzureOpenAITTLTInMS"),                      NO, REPORTED, AZ("max"),   0.001, AZ("stat=max"),        NO },
    { P, NO,     NO,             AZ("AzureOpenAITTLTInMS"),                      NO, REPORTED, AZ("mean"),  0.001, AZ("stat=mean"),       NO },
    { P, NO,     NO,             AZ("AzureOpenAITimeToResponse"),                NO, FIRST_MEAN, AZ("count"), 1,     NO,                    NO },
    { P, NO,     NO,             AZ("AzureOpenAITimeToResponse"),                NO, FIRST_MEAN, AZ("sum"),   0.001, NO,                    NO },
    { P, NO,     NO,             AZ("AzureOpenAITimeToResponse"),                NO, FIRST_REPORTED, AZ("max"),   0.001, AZ("stat=max"),        NO },
    { P, NO,     NO,             AZ("AzureOpenAITimeToResponse"),                NO, FIRST_REPORTED, AZ("mean"),  0.001, AZ("stat=mean"),       NO },
    { P, AOAI,   AZ("tokens"),   AZ("GeneratedTokens"),                             NO, USED,     AZ("value"), 1,     AZ("unit=tokens"),     NO },
    { P, AOAI,   AZ("tokens"),   AZ("GeneratedTokens"),                             NO, TOKENS,   AZ("value"), 1,     AZ("direction=output"), NO },
    { P, MODELS, AZ("tokens"),   AZ("InputTokens"),                                 NO, USED,     AZ("value"), 1,     AZ("unit=tokens"),     NO },
    { P, MODELS, AZ("tokens"),   AZ("InputTokens"),                                 NO, TOKENS,   AZ("value"), 1,     AZ("direction=input"), NO },
    { P, MODELS, AZ("requests"), AZ("ModelRequests"),                               NO, USED,     AZ("value"), 1,     AZ("unit=requests"),   NO },
    { P, MODELS, AZ("requests"), AZ("ModelRequests"),                               NO, REQUESTS, AZ("value"), 1,     NO,                    BY_OUTCOME },
    { P, MODELS, AZ("tokens"),   AZ("OutputTokens"),                                NO, USED,     AZ("value"), 1,     AZ("unit=tokens"),     NO },
    { P, MODELS, AZ("tokens"),   AZ("OutputTokens"),                                NO, TOKENS,   AZ("value"), 1,     AZ("direction=output"), NO },
    { P, AOAI,   AZ("tokens"),   AZ("ProcessedPromptTokens"),                       NO, USED,     AZ("value"), 1,     AZ("unit=tokens"),     NO },
    { P, AOAI,   AZ("tokens"),   AZ("ProcessedPromptTokens"),                       NO, TOKENS,   AZ("value"), 1,     AZ("direction=input"), NO },
    { P, NO,     NO,             AZ("ProvisionedUtilization"),                      NO, UTILIZED, AZ("value"), 0.01,  NO,                    NO },
    { P, NO,     NO,             AZ("RAIHarmfulRequests"),                          NO, FILTERED, AZ("value"), 1,     AZ("action=detected"), NO },
    { P, NO,     NO,             AZ("RAIRejectedRequests"),                         NO, FILTERED, AZ("value"), 1,     AZ("action=blocked"),  NO },
    { P, NO,     NO,             AZ("RequestResponse"),         NO, AZ("genai_caller_calls_total"), AZ("call"), 1,    NO,                    NO },
    { P, NO,     NO,             AZ("RequestResponse"),         NO, AZ("genai_caller_tokens_total"), AZ("input_tokens"), 1, NO,               NO },
    { P, NO,     NO,             AZ("RequestResponse"),         NO, AZ("genai_caller_tokens_total"), AZ("output_tokens"), 1, NO,              NO },
    { P, NO,     NO,             AZ("RequestResponse"),         NO, AZ("genai_logged_calls_total"), AZ("call"), 1,    NO,                    NO },
    { P, NO,     NO,             AZ("RequestResponse"),  NO, AZ("genai_request_duration_seconds"), AZ("duration"), 1, NO,                    NO },
    { P, NO,     NO,             AZ("TimeToLastByte"),                           NO, MEAN,     AZ("count"), 1,     NO,                    NO },
    { P, NO,     NO,             AZ("TimeToLastByte"),                           NO, MEAN,     AZ("sum"),   0.001, NO,                    NO },
    { P, NO,     NO,             AZ("TimeToLastByte"),                           NO, REPORTED, AZ("max"),   0.001, AZ("stat=max"),        NO },
    { P, NO,     NO,             AZ("TimeToLastByte"),                           NO, REPORTED, AZ("mean"),  0.001, AZ("stat=mean"),       NO },
    { P, NO,     NO,             AZ("TimeToResponse"),                           NO, FIRST_MEAN, AZ("count"), 1,     NO,                    NO },
    { P, NO,     NO,             AZ("TimeToResponse"),                           NO, FIRST_MEAN, AZ("sum"),   0.001, NO,                    NO },
    { P, NO,     NO,             AZ("TimeToResponse"),                           NO, FIRST_REPORTED, AZ("max"),   0.001, AZ("stat=max"),        NO },
    { P, NO,     NO,             AZ("TimeToResponse"),                           NO, FIRST_REPORTED, AZ("mean"),  0.001, AZ("stat=mean"),       NO },
    { P, NO,     NO,             AZ("audit"),                   NO, AZ("genai_audit_events_total"), AZ("event"), 1,   NO,                    NO },
    /* Figures that are no metric there; the name says where they stand. Standard capacity is thousands of tokens. */
    { P, NO,     NO,             AZ("deployments.sku.capacity.provisioned"), NO, AZ("genai_provisioned_units"), AZ("value"), 1, NO, NO },
    { P, NO,     NO,             AZ("deployments.sku.capacity.standard"),    NO, AZ("genai_rate_limit"), AZ("value"), 1000, NO, NO },
    { P, NO,     NO,             AZ("diagnosticSettings.RequestResponse"),   NO, AZ("genai_logging_enabled"), AZ("value"), 1, NO, NO },
    { P, NO,     NO,             AZ("usages.currentValue.provisioned"), NO, AZ("genai_capacity_allocated"), AZ("value"), 1, NO, NO },
    { P, NO,     NO,             AZ("usages.currentValue.standard"),    NO, AZ("genai_capacity_allocated"), AZ("value"), 1000, NO, NO },
    { P, NO,     NO,             AZ("usages.limit.provisioned"),        NO, AZ("genai_capacity_limit"), AZ("value"), 1, NO, NO },
    { P, NO,     NO,             AZ("usages.limit.standard"),           NO, AZ("genai_capacity_limit"), AZ("value"), 1000, NO, NO },
};

#define BY_MODEL "ModelDeploymentName", "ModelName", "ModelVersion"
#define STREAMED "StreamType=Streaming"
#define BY_CALL  BY_MODEL, "OperationName", "StatusCode", "ServiceTierResponse"

/* All metrics of a row have its dimensions and aggregations: asking for one that a metric lacks fails the whole call, or
 * the metric inside a 200. Utilization and latency exist for some deployments only.
 * Time to Response is the time until the first of the response is there, as the gateway measures it: of a streamed call its first
 * token, of any other the whole answer, which is why only the former are asked for
 * (https://learn.microsoft.com/azure/ai-foundry/openai/monitor-openai-reference). Time to Last Byte is the duration. */
const struct azure_group azure_groups[] = {
    { "metrics/azure_openai/duration",    "azure_openai", { "AzureOpenAITTLTInMS" },                        { BY_MODEL }, "average,maximum,minimum", true, false, "average,count" },
    { "metrics/azure_openai/first_token", "azure_openai", { "AzureOpenAITimeToResponse" },                  { BY_MODEL, STREAMED }, "average,maximum,minimum", true, false, "average,count" },
    { "metrics/azure_openai/requests",    "azure_openai", { "AzureOpenAIRequests" },                        { BY_CALL },  "total", false, false, "total" },
    { "metrics/azure_openai/tokens",      "azure_openai", { "ProcessedPromptTokens", "GeneratedTokens" },   { "ModelDeploymentName", "ModelVersion" }, "total", false, false, "total" },
    { "metrics/azure_openai/utilization", "azure_openai", { "AzureOpenAIProvisionedManagedUtilizationV2" }, { BY_MODEL }, "average,maximum", false, true, NULL },
    { "metrics/content_safety/filtered",  "",             { "RAIRejectedRequests", "RAIHarmfulRequests" },  { BY_MODEL, "Category" }, "total", false, false, "total" },
    { "metrics/models/duration",          "models",       { "TimeToLastByte" },                             { BY_MODEL }, "average,maximum,minimum", true, false, "average,count" },
    { "metrics/models/first_token",       "models",       { "TimeToResponse" },                             { BY_MODEL, STREAMED }, "average,maximum,minimum", true, false, "average,count" },
    { "metrics/models/requests",          "models",       { "ModelRequests" },                              { BY_CALL },  "total", false, false, "total" },
    { "metrics/models/tokens",            "models",       { "InputTokens", "OutputTokens" },                { BY_MODEL }, "total", false, false, "total" },
    { "metrics/models/utilization",       "models",       { "ProvisionedUtilization" },                     { BY_MODEL }, "average,maximum", false, true, NULL },
    { 0 },
};

/* Whether kind OpenAI fills the Models family too is unverified: the inventory asks both before it chooses. */
const struct azure_family azure_families[AZURE_FAMILIES] = {
    { "azure_openai", "OpenAI",     "AzureOpenAIRequests" },
    { "models",       "AIServices", "ModelRequests" },
};

const struct azure_cloud azure_clouds[] = {
    { "public", "https://login.microsoftonline.com", "https://management.azure.com", "https://management.azure.com",
      "https://{region}.metrics.monitor.azure.com", "https://metrics.monitor.azure.com",
      "https://api.loganalytics.azure.com", "https://api.loganalytics.io" },
    /* The metrics hosts of the two sovereign clouds are unverified. */
    { "usgov", "https://login.microsoftonline.us", "https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net",
      "https://{region}.metrics.monitor.azure.us", "https://metrics.monitor.azure.us",
      "https://api.loganalytics.us", "https://api.loganalytics.us" },
    { "china", "https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn",
      "https://{region}.metrics.monitor.azure.cn", "https://metrics.monitor.azure.cn",
      "https://api.loganalytics.azure.cn", "https://api.loganalytics.azure.cn" },
};
const char *const azure_cloud_names[] = { "public", "usgov", "china", NULL };

/* A name that is not here is judged by its prefix only. `zone`: us or eu by the account's region. */
static const struct sku_row {
    const char *name, *processing;
    bool provisioned;
} skus[] = {
    { "Batch",                      "region", false },
    { "DataZoneBatch",              "zone",   false },
    { "DataZoneProvisionedManaged", "zone",   true  },
    { "DataZoneStandard",           "zone",   false },
    { "DeveloperTier",              "global", false },
    { "GlobalBatch",                "global", false },
    { "GlobalProvisionedManaged",   "global", true  },
    { "GlobalStandard",             "global", false },
    { "ProvisionedManaged",         "region", true  },
    { "Standard",                   "region", false },
};

static const struct {
    const char *word;
    enum outcome outcome;
} status_words[] = {
    { "success",      OUTCOME_SUCCESS      },
    { "successful",   OUTCOME_SUCCESS      },
    { "2xx",          OUTCOME_SUCCESS      },
    { "throttled",    OUTCOME_THROTTLED    },
    { "client error", OUTCOME_CLIENT_ERROR },
    { "clienterror",  OUTCOME_CLIENT_ERROR },
    { "client errors", OUTCOME_CLIENT_ERROR },
    { "clienterrors", OUTCOME_CLIENT_ERROR },
    { "4xx",          OUTCOME_CLIENT_ERROR },
    { "server error", OUTCOME_SERVER_ERROR },
    { "servererror",  OUTCOME_SERVER_ERROR },
    { "server errors", OUTCOME_SERVER_ERROR },
    { "servererrors", OUTCOME_SERVER_ERROR },
    { "5xx",          OUTCOME_SERVER_ERROR },
};

/* Codes inside a 200. One that is not here may pass. */
static const struct {
    const char *code;
    enum err_code means;
} metric_errors[] = {
    { "Success",             ERR_OK        },
    { "BadRequest",          ERR_REFUSED   },
    { "InvalidMetric",       ERR_REFUSED   },
    { "InvalidSamplingType", ERR_REFUSED   },
    { "Throttled",           ERR_THROTTLED },
};
/* clang-format on */

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

const struct azure_group *azure_group_find(sv name)
{
    for (const struct azure_group *g = azure_groups; g->name; g++)
        if (sv_eq(name, sv_of(g->name)))
            return g;
    return NULL;
}

const struct azure_group *azure_group_of_metric(sv metric)
{
    for (const struct azure_group *g = azure_groups; g->name; g++)
        for (size_t i = 0; g->metrics[i]; i++)
            if (sv_eq_nocase(metric, sv_of(g->metrics[i])))
                return g;
    return NULL;
}

int azure_family_of_kind(sv kind)
{
    for (int i = 0; i < AZURE_FAMILIES; i++)
        if (sv_eq_nocase(kind, sv_of(azure_families[i].kind)))
            return i;
    return -1;
}

int azure_family_find(sv name)
{
    for (int i = 0; i < AZURE_FAMILIES; i++)
        if (sv_eq(name, sv_of(azure_families[i].name)))
            return i;
    return -1;
}

/* The EU data zone is Microsoft's EU Data Boundary, which includes Norway and Switzerland. */
static sv zone_of(sv region)
{
    sv j = region_jurisdiction(CLOUD_AZURE, region);

    if (sv_eq(j, SV("us")))
        return SV("us");
    return sv_eq(j, SV("eu")) || sv_eq(j, SV("no")) || sv_eq(j, SV("ch")) ? SV("eu") : SV("unknown");
}

static const struct sku_row *sku_find(sv sku)
{
    for (size_t i = 0; i < ROWS(skus); i++)
        if (sv_eq_nocase(sku, sv_of(skus[i].name)))
            return &skus[i];
    return NULL;
}

sv azure_processing(sv sku, sv region)
{
    const struct sku_row *row = sku_find(sku);
    sv where = row ? sv_of(row->processing) : SV_NONE;

    if (!row && sv_starts_nocase(sku, SV("Global")))
        where = SV("global");
    if (!row && sv_starts_nocase(sku, SV("DataZone")))
        where = SV("zone");
    if (sv_eq(where, SV("zone")))
        return zone_of(region);
    return where.len ? where : SV("unknown");
}

bool azure_sku_is_provisioned(sv sku)
{
    const struct sku_row *row = sku_find(sku);

    return row ? row->provisioned : sv_has(sku, SV("Provisioned"));
}

enum outcome azure_outcome(sv status)
{
    int64_t code;

    if (sv_to_i64(status, &code))
        return outcome_of_status(code);
    for (size_t i = 0; i < ROWS(status_words); i++)
        if (sv_eq_nocase(status, sv_of(status_words[i].word)))
            return status_words[i].outcome;
    return OUTCOME_UNKNOWN;
}

enum err_code azure_metric_error(sv code)
{
    for (size_t i = 0; i < ROWS(metric_errors); i++)
        if (sv_eq_nocase(code, sv_of(metric_errors[i].code)))
            return metric_errors[i].means;
    return ERR_RETRY;
}
