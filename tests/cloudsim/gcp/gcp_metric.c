/* The table of types, and how a call becomes samples of them. */
#include "tests/cloudsim/gcp/gcp_metric.h"

#include <string.h>

#define PUBLISHER  "aiplatform.googleapis.com/publisher/online_serving/"
#define PREDICTION "aiplatform.googleapis.com/prediction/online/"
#define QUOTA      "aiplatform.googleapis.com/quota/"

/* clang-format off */
const char *const gcp_label_names[GCP_LABELS] = {
    [R_CONTAINER] = "resource_container", [R_PROJECT_ID] = "project_id", [R_LOCATION] = "location",
    [R_PUBLISHER] = "publisher", [R_MODEL] = "model_user_id", [R_VERSION] = "model_version_id",
    [R_ENDPOINT] = "endpoint_id",
    [M_INPUT_SIZE] = "input_token_size", [M_OUTPUT_SIZE] = "output_token_size", [M_MAX_SIZE] = "max_token_size",
    [M_CODE] = "response_code", [M_REQUEST_TYPE] = "request_type", [M_METHOD] = "method",
    [M_CATEGORY] = "error_category", [M_CACHING] = "explicit_caching", [M_SOURCE] = "source",
    [M_LATENCY] = "latency_type", [M_TYPE] = "type", [M_MODALITY] = "modality",
    [M_DEPLOYED] = "deployed_model_id", [M_SPOT] = "spot", [M_MODEL_NAME] = "model_display_name",
    [M_ENDPOINT_NAME] = "endpoint_display_name", [M_LIMIT] = "limit_name", [M_BASE_MODEL] = "base_model",
};
const char *const gcp_resource_names[GCP_RESOURCES] = {
    "aiplatform.googleapis.com/PublisherModel", "aiplatform.googleapis.com/Endpoint", "aiplatform.googleapis.com/Location",
};

#define BIT(l)   (1U << (l))
#define SIZES    (BIT(M_INPUT_SIZE) | BIT(M_OUTPUT_SIZE) | BIT(M_MAX_SIZE))
#define ENDPOINT (BIT(M_DEPLOYED) | BIT(M_SPOT) | BIT(M_MODEL_NAME) | BIT(M_ENDPOINT_NAME))
#define INVOKED  (SIZES | BIT(M_CODE) | BIT(M_REQUEST_TYPE) | BIT(M_METHOD) | BIT(M_CATEGORY) | BIT(M_CACHING) | BIT(M_SOURCE))
#define TOKENS   (BIT(M_MAX_SIZE) | BIT(M_TYPE) | BIT(M_REQUEST_TYPE) | BIT(M_CACHING) | BIT(M_MODALITY) | BIT(M_SOURCE))
#define QUOTAS   (BIT(M_LIMIT) | BIT(M_BASE_MODEL))

#define PM GCP_PUBLISHER_MODEL
#define EP GCP_ENDPOINT_RESOURCE
#define LO GCP_LOCATION_RESOURCE
#define POOL(name, reach_, what) \
    { QUOTA name "/usage",    "1", LO, GCP_DELTA, GCP_INT64, GCP_FIG_QUOTA_USED,     1, QUOTAS, 150, reach_, what }, \
    { QUOTA name "/limit",    "1", LO, GCP_GAUGE, GCP_INT64, GCP_FIG_QUOTA_LIMIT,    1, QUOTAS, 150, reach_, what }, \
    { QUOTA name "/exceeded", "1", LO, GCP_DELTA, GCP_INT64, GCP_FIG_QUOTA_EXCEEDED, 1, QUOTAS, 150, reach_, what }

static const struct gcp_metric metrics[] = {
    { PUBLISHER "model_invocation_count",     "1",  PM, GCP_DELTA, GCP_INT64,        GCP_FIG_CALLS,       1, INVOKED, 240, 0, 0 },
    { PUBLISHER "model_invocation_latencies", "ms", PM, GCP_DELTA, GCP_DISTRIBUTION, GCP_FIG_LATENCY,     2,
      SIZES | BIT(M_LATENCY) | BIT(M_REQUEST_TYPE) | BIT(M_CACHING), 240, 0, 0 },
    { PUBLISHER "first_token_latencies",      "ms", PM, GCP_DELTA, GCP_DISTRIBUTION, GCP_FIG_FIRST_TOKEN, 1,
      SIZES | BIT(M_REQUEST_TYPE) | BIT(M_CACHING), 0, 0, 0 },
    { PUBLISHER "token_count",                "1",  PM, GCP_DELTA, GCP_INT64,        GCP_FIG_TOKENS,      GCP_TOKEN_TYPES, TOKENS, 240, 0, 0 },
    { PUBLISHER "tokens",                     "1",  PM, GCP_DELTA, GCP_DISTRIBUTION, GCP_FIG_TOKENS,      GCP_TOKEN_TYPES, TOKENS & ~BIT(M_CACHING), 240, 0, 0 },
    { PUBLISHER "consumed_token_throughput",  "1",  PM, GCP_DELTA, GCP_INT64,        GCP_FIG_THROUGHPUT,  1, BIT(M_REQUEST_TYPE) | BIT(M_MODALITY), 240, 0, 0 },
    { PUBLISHER "dedicated_gsu_limit",        "1",  PM, GCP_GAUGE, GCP_INT64,        GCP_FIG_NONE,        1, 0, 240, 0, 0 },
    { PUBLISHER "dedicated_token_limit",      "1/s", PM, GCP_GAUGE, GCP_INT64,       GCP_FIG_NONE,        1, 0, 240, 0, 0 },
    { PREDICTION "prediction_count",          "1",  EP, GCP_DELTA, GCP_INT64,        GCP_FIG_PREDICTIONS, 1, ENDPOINT, 0, 0, 0 },
    { PREDICTION "error_count",               "1",  EP, GCP_DELTA, GCP_INT64,        GCP_FIG_ERRORS,      1, ENDPOINT, 0, 0, 0 },
    { PREDICTION "response_count",            "1",  EP, GCP_DELTA, GCP_INT64,        GCP_FIG_RESPONSES,   1, ENDPOINT | BIT(M_CODE), 0, 0, 0 },
    { PREDICTION "prediction_latencies",      "ms", EP, GCP_DELTA, GCP_DISTRIBUTION, GCP_FIG_ENDPOINT_LATENCY, 3, ENDPOINT | BIT(M_LATENCY), 240, 0, 0 },
    { PREDICTION "replicas",                  "1",  EP, GCP_GAUGE, GCP_INT64,        GCP_FIG_REPLICAS,    1, ENDPOINT, 120, 0, 0 },
    POOL("online_prediction_requests_per_base_model",                 GCP_REGION, GCP_QUOTA_REQUESTS),
    POOL("online_prediction_tokens_per_minute_per_base_model",        GCP_REGION, GCP_QUOTA_TOKENS),
    POOL("online_prediction_input_tokens_per_minute_per_base_model",  GCP_REGION, GCP_QUOTA_IN),
    POOL("online_prediction_output_tokens_per_minute_per_base_model", GCP_REGION, GCP_QUOTA_OUT),
    POOL("global_online_prediction_input_tokens_per_minute_per_base_model",  GCP_GLOBAL, GCP_QUOTA_IN),
    POOL("global_online_prediction_output_tokens_per_minute_per_base_model", GCP_GLOBAL, GCP_QUOTA_OUT),
    POOL("eu_multi_region_online_prediction_requests_per_base_model",        GCP_MULTI_REGION, GCP_QUOTA_REQUESTS),
    POOL("eu_multi_region_online_prediction_input_tokens_per_minute_per_base_model",  GCP_MULTI_REGION, GCP_QUOTA_IN),
    POOL("eu_multi_region_online_prediction_output_tokens_per_minute_per_base_model", GCP_MULTI_REGION, GCP_QUOTA_OUT),
};

/* Upper ends of the sizes that the labels speak of. */
static const struct { uint32_t below; sv name; } sizes[] = {
    { 1000, SVT("0-1k") }, { 4000, SVT("1k-4k") }, { 16000, SVT("4k-16k") }, { 64000, SVT("16k-64k") },
    { UINT32_MAX, SVT("64k+") },
};
/* clang-format on */

enum { METRICS = sizeof metrics / sizeof metrics[0] };

const struct gcp_metric *gcp_metric_at(unsigned i)
{
    return i < METRICS ? &metrics[i] : NULL;
}

const struct gcp_metric *gcp_metric_find(sv type)
{
    for (unsigned i = 0; i < METRICS; i++)
        if (sv_eq(type, sv_of(metrics[i].type)))
            return &metrics[i];
    return NULL;
}

bool gcp_metric_fits(const struct gcp_metric *m, const struct gcp_deployment *d)
{
    if (m->figure == GCP_FIG_NONE || (d->kind == GCP_ENDPOINT) != (m->resource == GCP_ENDPOINT_RESOURCE))
        return false;
    return m->resource != GCP_LOCATION_RESOURCE || d->location->reach == m->reach;
}

static sv size_of(uint32_t tokens)
{
    unsigned i = 0;

    while (tokens >= sizes[i].below)
        i++;
    return sizes[i].name;
}

static uint32_t input_of(const struct gcp_call *c)
{
    return c->tokens[GCP_INPUT] + c->tokens[GCP_CACHE_READ] + c->tokens[GCP_CACHE_WRITE] +
           c->tokens[GCP_CACHE_WRITE_1H];
}

/* "resource_container: live series may name this label project_id or leave it out" [observed]. */
static void put_resource(const struct gcp_world *w, const struct gcp_metric *m, const struct gcp_deployment *d,
                         sv labels[GCP_LABELS])
{
    sv number = w->projects[d->project].number;

    if (d->location->reach == GCP_REGION)
        labels[R_CONTAINER] = number;
    else if (d->location->reach == GCP_GLOBAL)
        labels[R_PROJECT_ID] = number;
    labels[R_LOCATION] = d->location->name;
    if (m->resource == GCP_PUBLISHER_MODEL) {
        labels[R_PUBLISHER] = d->publisher;
        labels[R_MODEL] = d->model_user_id;
        labels[R_VERSION] = SV("");
    } else if (m->resource == GCP_ENDPOINT_RESOURCE) {
        labels[R_CONTAINER] = number;
        labels[R_ENDPOINT] = d->endpoint_id;
    }
}

/* All that a call may tell; the caller keeps what the type has. Some are missing where they say nothing [observed]. */
static void put_call(const struct gcp_deployment *d, const struct gcp_call *c, sv labels[GCP_LABELS])
{
    const struct gcp_status_row *status = &gcp_statuses[c->status];
    sv out = size_of(c->tokens[GCP_OUTPUT]), in = size_of(input_of(c));

    labels[M_INPUT_SIZE] = in;
    labels[M_OUTPUT_SIZE] = c->status ? (sv){ NULL, 0 } : out;
    labels[M_MAX_SIZE] = input_of(c) > c->tokens[GCP_OUTPUT] ? in : out;
    labels[M_REQUEST_TYPE] = sv_of(gcp_tiers[c->tier]);
    labels[M_METHOD] = sv_of(gcp_methods[c->method].name);
    if (c->status)
        labels[M_CATEGORY] = sv_of(status->category);
    if (c->cached || c->method == GCP_CHAT)
        labels[M_CACHING] = c->cached ? SV("true") : SV("false");
    labels[M_SOURCE] = d->location->name;
    labels[M_MODALITY] = SV("text");
}

static sv code_of(const struct gcp_call *c, bool class_alone)
{
    /* clang-format off */
    static const char *const exact[] = { "200", "429", "400", "403", "404", "409", "499", "500", "503", "504" };
    static const char *const classes[] = { "2xx", "4xx", "4xx", "4xx", "4xx", "4xx", "4xx", "5xx", "5xx", "5xx" };
    /* clang-format on */
    _Static_assert(sizeof exact / sizeof exact[0] == GCP_STATUSES, "a code for each status");

    return sv_of(class_alone ? classes[c->status] : exact[c->status]);
}

static void put_endpoint(const struct gcp_deployment *d, sv labels[GCP_LABELS])
{
    labels[M_DEPLOYED] = d->deployed_model_id;
    labels[M_SPOT] = SV("false");
    labels[M_MODEL_NAME] = d->model_name;
    labels[M_ENDPOINT_NAME] = d->endpoint_name;
}

/* "prediction_latencies: total always present"; the two others where there was a model that answered. */
static double endpoint_latency(const struct gcp_call *c, unsigned variant, sv *name)
{
    static const char *const names[] = { "total", "model", "overhead" };

    *name = sv_of(names[variant]);
    if (variant == 0)
        return c->latency_ms + c->overhead_ms;
    return c->status ? -1.0 : variant == 1 ? c->latency_ms : c->overhead_ms;
}

static double quota_of(const struct gcp_metric *m, const struct gcp_call *c)
{
    uint32_t in = input_of(c), out = c->tokens[GCP_OUTPUT];

    switch (m->quota) {
    case GCP_QUOTA_REQUESTS:
        return c->status != 1; /* what is refused uses nothing */
    case GCP_QUOTA_TOKENS:
        return (double)in + out;
    case GCP_QUOTA_IN:
        return in;
    case GCP_QUOTA_OUT:
        return out;
    }
    return 0;
}

/* "The value of base_model for gpt-oss is [unverified]": the id of the model as its publisher has it. */
static sv base_model_of(const struct gcp_deployment *d)
{
    sv id = d->model_user_id;

    return sv_ends(id, SV("-maas")) ? sv_first(id, id.len - strlen("-maas")) : id;
}

static double limit_of(const struct gcp_metric *m, const struct gcp_deployment *d)
{
    static const double limits[] = { 650, 910000, 790000, 120000 };
    bool small = sv_has(d->model_user_id, SV("20b"));

    return limits[m->quota] * (small ? 2 : 1);
}

/* The value, -1 when there is none; labels that belong to the variant. */
static double value_of(const struct gcp_metric *m, const struct gcp_deployment *d, const struct gcp_call *c,
                       unsigned variant, sv labels[GCP_LABELS])
{
    switch (m->figure) {
    case GCP_FIG_CALLS:
    case GCP_FIG_RESPONSES:
        labels[M_CODE] = code_of(c, m->figure == GCP_FIG_RESPONSES);
        return 1;
    case GCP_FIG_PREDICTIONS:
        return c->status == 0 ? 1 : -1.0;
    case GCP_FIG_ERRORS:
        return c->status ? 1 : -1.0;
    case GCP_FIG_LATENCY:
        labels[M_LATENCY] = variant ? SV("overhead") : SV("model");
        return c->status ? -1.0 : variant ? c->overhead_ms : c->latency_ms;
    case GCP_FIG_ENDPOINT_LATENCY:
        return endpoint_latency(c, variant, &labels[M_LATENCY]);
    case GCP_FIG_FIRST_TOKEN:
        return c->ttft_ms ? c->ttft_ms : -1.0;
    case GCP_FIG_TOKENS:
        labels[M_TYPE] = sv_of(gcp_token_types[variant]);
        return c->tokens[variant] ? c->tokens[variant] : -1.0;
    case GCP_FIG_THROUGHPUT:
        return c->status ? -1.0 : input_of(c) + 4.0 * c->tokens[GCP_OUTPUT];
    case GCP_FIG_QUOTA_USED:
        return quota_of(m, c) > 0 ? quota_of(m, c) : -1.0;
    case GCP_FIG_QUOTA_EXCEEDED:
        return c->status == 1 && m->quota == GCP_QUOTA_REQUESTS ? 1 : -1.0;
    case GCP_FIG_QUOTA_LIMIT:
        return limit_of(m, d);
    case GCP_FIG_REPLICAS:
        return 2;
    case GCP_FIG_NONE:
        break;
    }
    return -1;
}

bool gcp_sample_of(const struct gcp_world *w, const struct gcp_metric *m, const struct gcp_deployment *d,
                   const struct gcp_call *c, unsigned variant, struct gcp_sample *out)
{
    sv all[GCP_LABELS];

    if ((c && c->console) || !gcp_metric_fits(m, d))
        return false;
    memset(all, 0, sizeof all);
    out->value = value_of(m, d, c, variant, all);
    if (out->value < 0)
        return false;
    memset(out->labels, 0, sizeof out->labels);
    put_resource(w, m, d, all);
    if (c)
        put_call(d, c, all);
    put_endpoint(d, all);
    all[M_LIMIT] = SV("PerMinutePerProjectPerRegionPerBaseModel");
    all[M_BASE_MODEL] = base_model_of(d);
    for (unsigned i = 0; i < GCP_LABELS; i++)
        if (i < GCP_RESOURCE_LABELS || m->labels >> i & 1)
            out->labels[i] = all[i];
    return true;
}
