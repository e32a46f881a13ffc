/* The definitions of azure.md 1.1, row by row. */
#include "tests/cloudsim/azure/metric.h"

#define D(x) (1u << DIM_##x)

/* clang-format off */
#define BASE   (D(REGION) | D(DEPLOYMENT) | D(MODEL) | D(VERSION))
#define CALL   (BASE | D(API) | D(OPERATION) | D(STREAM))
#define TIERS_ (D(SPILLOVER) | D(TIER_ASKED) | D(TIER_SERVED))
#define TOKENS (D(API) | D(DEPLOYMENT) | D(FEATURE) | D(CHANNEL) | D(REGION) | D(VERSION)) /* no ModelName */
#define SAFETY (BASE | D(API))
#define T      AGG_TOTAL
#define AVG    (AGG_AVERAGE | AGG_MINIMUM | AGG_MAXIMUM)
#define TIMED  (AVG | AGG_COUNT)

const char *const dimension_names[DIMENSIONS] = {
    "ApiName", "OperationName", "Region", "StreamType", "ModelDeploymentName", "ModelName", "ModelVersion", "StatusCode", "IsSpillover",
    "ServiceTierRequest", "ServiceTierResponse", "FeatureName", "UsageChannel", "TextType", "Category", "Severity", "ContextLength",
};
const char *const aggregation_names[AGG_KINDS] = { "total", "average", "minimum", "maximum", "count" };
const char *const aggregation_titles[AGG_KINDS] = { "Total", "Average", "Minimum", "Maximum", "Count" };

const struct metric_row metric_rows[] = {
    { "AzureOpenAIRequests",                       "Azure OpenAI Requests",                  "Count",        T,       CALL | D(STATUS) | TIERS_, FAMILY_OPENAI, SRC_CALLS },
    { "AzureOpenAIAvailabilityRate",               "Azure OpenAI AvailabilityRate",          "Percent",      AVG,     CALL,              FAMILY_OPENAI, SRC_AVAILABLE },
    { "AzureOpenAITimeToResponse",                 "Time to Response",                       "MilliSeconds", TIMED,   CALL | D(STATUS),  FAMILY_OPENAI, SRC_RESPONSE },
    { "AzureOpenAINormalizedTTFTInMS",             "Normalized Time to First Byte",          "MilliSeconds", TIMED,   BASE,              FAMILY_OPENAI, SRC_FIRST_TOKEN },
    { "AzureOpenAINormalizedTBTInMS",              "Normalized Time Between Tokens",         "MilliSeconds", TIMED,   BASE,              FAMILY_OPENAI, SRC_BETWEEN },
    { "AzureOpenAITTLTInMS",                       "Time to Last Byte",                      "MilliSeconds", TIMED,   BASE,              FAMILY_OPENAI, SRC_LAST_TOKEN },
    { "AzureOpenAITokenPerSecond",                 "Tokens per Second",                      "Count",        TIMED,   BASE,              FAMILY_OPENAI, SRC_SPEED },
    { "ProcessedPromptTokens",                     "Processed Prompt Tokens",                "Count",        T,       TOKENS,            FAMILY_OPENAI, SRC_INPUT },
    { "GeneratedTokens",                           "Generated Completion Tokens",            "Count",        T,       TOKENS,            FAMILY_OPENAI, SRC_OUTPUT },
    { "TokenTransaction",                          "Processed Inference Tokens",             "Count",        T,       TOKENS,            FAMILY_OPENAI, SRC_TOKENS },
    { "ActiveTokens",                              "Active Tokens",                          "Count",        T | AVG, BASE,              FAMILY_OPENAI, SRC_ACTIVE },
    { "AzureOpenAIContextTokensCacheMatchRate",    "Prompt Token Cache Match Rate",          "Percent",      AVG,     BASE,              FAMILY_OPENAI, SRC_CACHE_RATE },
    { "AzureOpenAIProvisionedManagedUtilizationV2","Provisioned-managed Utilization V2",     "Percent",      AVG,     BASE | D(STREAM),  FAMILY_OPENAI, SRC_UTILIZATION },
    { "AzureOpenAIProvisionedManagedUtilization",  "Provisioned-managed Utilization",        "Percent",      AVG,     BASE | D(STREAM),  FAMILY_OPENAI, SRC_UTILIZATION },
    { "AudioPromptTokens",                         "Audio Prompt Tokens",                    "Count",        T,       BASE,              FAMILY_OPENAI, SRC_NOTHING },
    { "AudioCompletionTokens",                     "Audio Completion Tokens",                "Count",        T,       BASE,              FAMILY_OPENAI, SRC_NOTHING },
    { "FineTunedTrainingHours",                    "Processed FineTuned Training Hours",     "Count",        T,       D(API) | D(DEPLOYMENT) | D(FEATURE) | D(CHANNEL) | D(REGION), FAMILY_OPENAI, SRC_NOTHING },
    { "ModelRequests",                             "Model Requests",                         "Count",        T,       CALL | D(STATUS) | TIERS_, FAMILY_MODELS, SRC_CALLS },
    { "ModelAvailabilityRate",                     "Model Availability Rate",                "Percent",      AVG,     BASE,              FAMILY_MODELS, SRC_AVAILABLE },
    { "TimeToResponse",                            "Time To Response",                       "MilliSeconds", TIMED,   CALL | D(STATUS),  FAMILY_MODELS, SRC_RESPONSE },
    { "NormalizedTimeToFirstToken",                "Normalized Time to First Token",         "MilliSeconds", TIMED,   CALL,              FAMILY_MODELS, SRC_FIRST_TOKEN },
    { "NormalizedTimeBetweenTokens",               "Normalized Time Between Tokens",         "MilliSeconds", TIMED,   CALL,              FAMILY_MODELS, SRC_BETWEEN },
    { "TimeToLastByte",                            "Time To Last Byte",                      "MilliSeconds", TIMED,   CALL,              FAMILY_MODELS, SRC_LAST_TOKEN },
    { "TokensPerSecond",                           "Tokens Per Second",                      "Count",        TIMED,   CALL,              FAMILY_MODELS, SRC_SPEED },
    { "InputTokens",                               "Input Tokens",                           "Count",        T,       BASE | D(API),     FAMILY_MODELS, SRC_INPUT },
    { "OutputTokens",                              "Output Tokens",                          "Count",        T,       BASE | D(API),     FAMILY_MODELS, SRC_OUTPUT },
    { "TotalTokens",                               "Total Tokens",                           "Count",        T,       BASE | D(API),     FAMILY_MODELS, SRC_TOKENS },
    { "AudioInputTokens",                          "Audio Input Tokens",                     "Count",        T,       BASE,              FAMILY_MODELS, SRC_NOTHING },
    { "AudioOutputTokens",                         "Audio Output Tokens",                    "Count",        T,       BASE,              FAMILY_MODELS, SRC_NOTHING },
    { "cacheReadInputTokens",                      "Cache Read Input Tokens",                "Count",        T,       BASE | D(API) | D(CONTEXT), FAMILY_MODELS, SRC_NOTHING },
    { "ProvisionedUtilization",                    "Provisioned Utilization",                "Percent",      AVG,     BASE,              FAMILY_MODELS, SRC_UTILIZATION },
    { "RAITotalRequests",                          "Content Safety Total Requests",          "Count",        T,       SAFETY,            FAMILY_SAFETY, SRC_RAI_TOTAL },
    { "RAIRejectedRequests",                       "Content Safety Blocked Requests",        "Count",        T,       SAFETY | D(TEXT_TYPE) | D(CATEGORY), FAMILY_SAFETY, SRC_RAI_BLOCKED },
    { "RAIHarmfulRequests",                        "Content Safety Harmful Requests",        "Count",        T,       SAFETY | D(TEXT_TYPE) | D(CATEGORY) | D(SEVERITY), FAMILY_SAFETY, SRC_RAI_HARMFUL },
    { "TotalCalls",                                "Total Calls",                            "Count",        T,       D(API) | D(OPERATION) | D(REGION), FAMILY_LEGACY, SRC_CALLS },
    { "Latency",                                   "Latency",                                "MilliSeconds", TIMED,   D(API) | D(OPERATION) | D(REGION), FAMILY_LEGACY, SRC_DURATION },
};
/* clang-format on */

const unsigned metric_rows_n = sizeof metric_rows / sizeof metric_rows[0];

const struct metric_row *metric_find(sv name)
{
    for (unsigned i = 0; i < metric_rows_n; i++)
        if (sv_eq_nocase(name, sv_of(metric_rows[i].name)))
            return &metric_rows[i];
    return NULL;
}
