/*
 * Google's mapping: tables, and look-ups in them. A reader who knows the cloud but not C can review this file.
 *
 * Managed models and self-deployed endpoints have metrics of their own; the model is on the resource, not on the metric
 * (gcp.md 1.2). token_count tells the parts of the input beside `input`, not in it. Any other type than those known is a
 * part of its own name, since a value that nobody knows must not be folded into a known one.
 */
#include "collector/sources/gcp/gcp.h"

#define T(name)                                                                                                        \
    {                                                                                                                  \
        (name), sizeof(name) - 1                                                                                       \
    }
#define REQUESTS T("genai_requests_total")
#define TOKENS   T("genai_tokens_total")
#define PARTS    T("genai_token_parts_total")
#define DURATION T("genai_request_duration_seconds")
#define FIRST    T("genai_time_to_first_token_seconds")
#define NO       T("")
#define VALUE    T("value")
#define DIST     T("distribution")
#define V        PLATFORM_VERTEX_AI
#define SERVING  "publisher/online_serving/"
#define ONLINE   "prediction/online/"
#define BY_CODE                                                                                                        \
    T("outcome=success,code=200;outcome=throttled,code=429;outcome=client_error,code=400;outcome=server_error,code="   \
      "500")
#define BY_CLASS T("outcome=success,code=2xx;outcome=client_error,code=4xx;outcome=server_error,code=5xx")

/* clang-format off */
const struct rule gcp_rules[GCP_RULES] = {
    /*   family fact theirs                                part                       ours      stat  weight labels             born */
    { V, NO, NO, T(SERVING "model_invocation_count"),     NO,                        REQUESTS, VALUE, 1,     NO,                    BY_CODE },
    { V, NO, NO, T(ONLINE "response_count"),              NO,                        REQUESTS, VALUE, 1,     NO,                    BY_CLASS },
    { V, NO, NO, T(SERVING "token_count"),                T("input"),                TOKENS,   VALUE, 1,     T("direction=input"),  NO },
    { V, NO, NO, T(SERVING "token_count"),                T("cache_read_input"),     TOKENS,   VALUE, 1,     T("direction=input"),  NO },
    { V, NO, NO, T(SERVING "token_count"),                T("cache_write_input"),    TOKENS,   VALUE, 1,     T("direction=input"),  NO },
    { V, NO, NO, T(SERVING "token_count"),                T("cache_write_1h_input"), TOKENS,   VALUE, 1,     T("direction=input"),  NO },
    { V, NO, NO, T(SERVING "token_count"),                T("output"),               TOKENS,   VALUE, 1,     T("direction=output"), NO },
    { V, NO, NO, T(SERVING "token_count"),                T("cache_read_input"),     PARTS,    VALUE, 1,     T("part=cache_read"),  NO },
    { V, NO, NO, T(SERVING "token_count"),                T("cache_write_input"),    PARTS,    VALUE, 1,     T("part=cache_write"), NO },
    { V, NO, NO, T(SERVING "token_count"),                T("cache_write_1h_input"), PARTS,    VALUE, 1,     T("part=cache_write"), NO },
    { V, NO, NO, T(SERVING "token_count"),                T("*"),                    PARTS,    VALUE, 1,     NO,                    NO },
    { V, NO, NO, T(SERVING "model_invocation_latencies"), NO,                        DURATION, DIST,  0.001, NO,                    NO },
    { V, NO, NO, T(ONLINE "prediction_latencies"),        NO,                        DURATION, DIST,  0.001, NO,                    NO },
    { V, NO, NO, T(SERVING "first_token_latencies"),      NO,                        FIRST,    DIST,  0.001, NO,                    NO },
    /* Quotas: the unit is the measure's, the resource names the pool. */
    { V, NO, NO, T("quota/usage"),            NO, T("genai_rate_used"),          VALUE,      1, NO, NO },
    { V, NO, NO, T("quota/limit"),            NO, T("genai_rate_limit"),         VALUE,      1, NO, NO },
    /* Logs. DataAccess.first (a stream's first entry) and DataAccess.console have no rule. */
    { V, NO, NO, T("DataAccess"),             NO, T("genai_logged_calls_total"), T("call"),  1, NO, NO },
    { V, NO, NO, T("DataAccess"),             NO, T("genai_caller_calls_total"), T("call"),  1, NO, NO },
    { V, NO, NO, T("audit"),                  NO, T("genai_audit_events_total"), T("event"), 1, NO, NO },
    /* A setting that is no metric there; the name says where it stands. */
    { V, NO, NO, T("auditConfigs.DATA_READ"), NO, T("genai_logging_enabled"),    VALUE,      1, NO, NO },
};

const struct gcp_label_row gcp_labels[GCP_LABELS] = {
    [GCP_LOCATION]       = { true,  SVT("location") },
    [GCP_PUBLISHER]      = { true,  SVT("publisher") },
    [GCP_MODEL]          = { true,  SVT("model_user_id") },
    [GCP_ENDPOINT]       = { true,  SVT("endpoint_id") },
    [GCP_DEPLOYED_MODEL] = { false, SVT("deployed_model_id") },
    [GCP_MODEL_NAME]     = { false, SVT("model_display_name") },
    [GCP_ENDPOINT_NAME]  = { false, SVT("endpoint_display_name") },
    [GCP_RESPONSE_CODE]  = { false, SVT("response_code") },
    [GCP_REQUEST_TYPE]   = { false, SVT("request_type") },
    [GCP_METHOD]         = { false, SVT("method") },
    [GCP_TOKEN_TYPE]     = { false, SVT("type") },
    [GCP_BASE_MODEL]     = { false, SVT("base_model") },
};

#define L(name) GCP_BIT(GCP_##name)
#define MANAGED (L(LOCATION) | L(PUBLISHER) | L(MODEL))
#define OWN     (L(LOCATION) | L(ENDPOINT) | L(DEPLOYED_MODEL) | L(MODEL_NAME) | L(ENDPOINT_NAME))

const struct gcp_metric gcp_metrics[] = {
    { SERVING "model_invocation_count",     "metrics/requests",           NULL, MANAGED | L(RESPONSE_CODE) | L(REQUEST_TYPE) | L(METHOD) },
    { SERVING "token_count",                "metrics/tokens",             NULL, MANAGED | L(TOKEN_TYPE) | L(REQUEST_TYPE) },
    { SERVING "model_invocation_latencies", "metrics/duration",           "model", MANAGED },
    { SERVING "first_token_latencies",      "metrics/first_token",        NULL, MANAGED },
    { ONLINE "response_count",              "metrics/endpoint_responses", NULL, OWN | L(RESPONSE_CODE) },
    { ONLINE "prediction_latencies",        "metrics/endpoint_duration",  "total", OWN },
};
const size_t n_gcp_metrics = sizeof gcp_metrics / sizeof gcp_metrics[0];

const struct gcp_quota gcp_quotas[] = {
    { "flex_requests_per_minute_per_project_per_base_model",                   "flex",                     "requests" },
    { "global_online_prediction_input_tokens_per_minute_per_base_model",       "global_input",             "tokens" },
    { "global_online_prediction_output_tokens_per_minute_per_base_model",      "global_output",            "tokens" },
    { "online_prediction_input_tokens_per_minute_per_base_model",              "online_prediction_input",  "tokens" },
    { "online_prediction_output_tokens_per_minute_per_base_model",             "online_prediction_output", "tokens" },
    { "online_prediction_requests_per_base_model",                             "online_prediction",        "requests" },
    { "online_prediction_tokens_per_minute_per_base_model",                    "online_prediction",        "tokens" },
    { "us_multi_region_online_prediction_requests_per_base_model",             "us_multi_region",          "requests" },
    { "us_multi_region_online_prediction_input_tokens_per_minute_per_base_model",  "us_multi_region_input",  "tokens" },
    { "us_multi_region_online_prediction_output_tokens_per_minute_per_base_model", "us_multi_region_output", "tokens" },
    { "eu_multi_region_online_prediction_requests_per_base_model",             "eu_multi_region",          "requests" },
    { "eu_multi_region_online_prediction_input_tokens_per_minute_per_base_model",  "eu_multi_region_input",  "tokens" },
    { "eu_multi_region_online_prediction_output_tokens_per_minute_per_base_model", "eu_multi_region_output", "tokens" },
};
const size_t n_gcp_quotas = sizeof gcp_quotas / sizeof gcp_quotas[0];

static const struct { sv method, operation, api_type; } operations[] = {
    { SVT("ChatCompletions"),       SVT("chat"),             SVT("chat_completions") },
    { SVT("EmbedContent"),          SVT("embeddings"),       SVT("embed_content") },
    { SVT("Embeddings"),            SVT("embeddings"),       SVT("embeddings") },
    { SVT("GenerateContent"),       SVT("generate_content"), SVT("generate_content") },
    { SVT("StreamGenerateContent"), SVT("generate_content"), SVT("generate_content") },
};

/* google.rpc codes and what HTTP makes of them (gcp.md 2.5). */
static const struct gcp_rpc rpc_codes[] = {
    [0]  = { "OK",                  200, OUTCOME_SUCCESS },
    [1]  = { "CANCELLED",           499, OUTCOME_CLIENT_ERROR },
    [2]  = { "UNKNOWN",             500, OUTCOME_SERVER_ERROR },
    [3]  = { "INVALID_ARGUMENT",    400, OUTCOME_CLIENT_ERROR },
    [4]  = { "DEADLINE_EXCEEDED",   504, OUTCOME_SERVER_ERROR },
    [5]  = { "NOT_FOUND",           404, OUTCOME_CLIENT_ERROR },
    [6]  = { "ALREADY_EXISTS",      409, OUTCOME_CLIENT_ERROR },
    [7]  = { "PERMISSION_DENIED",   403, OUTCOME_CLIENT_ERROR },
    [8]  = { "RESOURCE_EXHAUSTED",  429, OUTCOME_THROTTLED },
    [9]  = { "FAILED_PRECONDITION", 400, OUTCOME_CLIENT_ERROR },
    [10] = { "ABORTED",             409, OUTCOME_CLIENT_ERROR },
    [11] = { "OUT_OF_RANGE",        400, OUTCOME_CLIENT_ERROR },
    [12] = { "UNIMPLEMENTED",       501, OUTCOME_SERVER_ERROR },
    [13] = { "INTERNAL",            500, OUTCOME_SERVER_ERROR },
    [14] = { "UNAVAILABLE",         503, OUTCOME_SERVER_ERROR },
    [15] = { "DATA_LOSS",           500, OUTCOME_SERVER_ERROR },
    [16] = { "UNAUTHENTICATED",     401, OUTCOME_CLIENT_ERROR },
};

/* What of other services an auditor asks for (discovery.md 3.4): who may, keys, where logs go, which API is on. */
static const struct { sv service, method; } audited[] = {
    { SVT("apikeys.googleapis.com"),              SVT("CreateKey") },
    { SVT("cloudresourcemanager.googleapis.com"), SVT("SetIamPolicy") },
    { SVT("iam.googleapis.com"),                  SVT("CreateServiceAccountKey") },
    { SVT("logging.googleapis.com"),              SVT("CreateExclusion") },
    { SVT("logging.googleapis.com"),              SVT("DeleteSink") },
    { SVT("logging.googleapis.com"),              SVT("UpdateBucket") },
    { SVT("logging.googleapis.com"),              SVT("UpdateSink") },
    { SVT("serviceusage.googleapis.com"),         SVT("DisableService") },
    { SVT("serviceusage.googleapis.com"),         SVT("EnableService") },
};

/* Locations that are more than one region. */
static const sv wide[] = { SVT("global"), SVT("us"), SVT("eu") };
/* clang-format on */

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static sv without_service(sv type)
{
    return sv_starts(type, SV(GCP_SERVICE "/")) ? sv_skip(type, sizeof GCP_SERVICE) : type;
}

int gcp_metric_find(sv type)
{
    type = without_service(type);
    for (size_t i = 0; i < n_gcp_metrics; i++)
        if (sv_eq(type, sv_of(gcp_metrics[i].type)))
            return (int)i;
    return -1;
}

const struct gcp_quota *gcp_quota_find(sv type, sv *leaf)
{
    type = without_service(type);
    *leaf = SV_NONE;
    if (!sv_eq(sv_cut(&type, '/'), SV("quota")))
        return NULL;
    for (size_t i = 0; i < n_gcp_quotas; i++) {
        sv rest = type;

        if (!sv_eq(sv_cut(&rest, '/'), sv_of(gcp_quotas[i].name)))
            continue;
        *leaf = rest;
        return &gcp_quotas[i];
    }
    return NULL;
}

sv gcp_api_type(sv method)
{
    for (size_t i = 0; i < ROWS(operations); i++)
        if (sv_eq(method, operations[i].method))
            return operations[i].api_type;
    return SV_NONE;
}

sv gcp_operation(struct arena *a, sv method)
{
    for (size_t i = 0; i < ROWS(operations); i++)
        if (sv_eq(method, operations[i].method))
            return operations[i].operation;
    return arena_lower(a, method);
}

enum outcome gcp_outcome_of_code(sv code)
{
    int64_t status;

    if (code.len == 3 && sv_ends(code, SV("xx")) && code.at[0] >= '0' && code.at[0] <= '9')
        return outcome_of_status((code.at[0] - '0') * 100);
    return sv_to_i64(code, &status) ? outcome_of_status(status) : OUTCOME_UNKNOWN;
}

const struct gcp_rpc *gcp_rpc_find(int64_t code)
{
    return code >= 0 && code < (int64_t)ROWS(rpc_codes) ? &rpc_codes[code] : NULL;
}

enum outcome gcp_outcome_of_rpc(int64_t code)
{
    const struct gcp_rpc *rpc = gcp_rpc_find(code);

    return rpc ? rpc->outcome : OUTCOME_UNKNOWN;
}

bool gcp_audits(sv service, sv method_last)
{
    if (sv_eq(service, SV(GCP_SERVICE)))
        return true;
    for (size_t i = 0; i < ROWS(audited); i++)
        if (sv_eq(service, audited[i].service) && sv_eq(method_last, audited[i].method))
            return true;
    return false;
}

sv gcp_processing(sv location)
{
    for (size_t i = 0; i < ROWS(wide); i++)
        if (sv_eq(location, wide[i]))
            return wide[i];
    return location.len ? SV("region") : SV("unknown");
}

static bool has_nocase(sv s, sv part)
{
    for (size_t i = 0; i + part.len <= s.len; i++)
        if (sv_starts_nocase(sv_skip(s, i), part))
            return true;
    return false;
}

bool gcp_is_ours(const struct string_list *patterns, sv model_name, sv endpoint_name)
{
    for (size_t i = 0; i < patterns->n; i++) {
        sv pattern = sv_of(patterns->at[i]);

        if (sv_eq(pattern, SV("*")) ||
            (pattern.len && (has_nocase(model_name, pattern) || has_nocase(endpoint_name, pattern))))
            return true;
    }
    return false;
}
