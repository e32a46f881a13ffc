/* Each call has a random stream of its own, named by (deployment, minute, number); a minute's calls are kept whole. */
#include "tests/cloudsim/gcp/gcp_calls.h"

#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/rng.h"

/* clang-format off */
const struct gcp_method_row gcp_methods[GCP_METHODS] = {
    [GCP_CHAT]            = { "ChatCompletions",       "chat",             false },
    [GCP_GENERATE]        = { "GenerateContent",       "generate_content", false },
    [GCP_STREAM_GENERATE] = { "StreamGenerateContent", "generate_content", true  },
    [GCP_RAW]             = { "RawPredict",            "rawpredict",       false },
    [GCP_STREAM_RAW]      = { "StreamRawPredict",      "streamrawpredict", true  },
    [GCP_EMBED]           = { "EmbedContent",          "embeddings",       false },
    [GCP_PREDICT]         = { "Predict",               "predict",          false },
};

const struct gcp_status_row gcp_statuses[GCP_STATUSES] = {
    { 200, OUTCOME_SUCCESS,      0,  "",         "" },
    { 429, OUTCOME_THROTTLED,    8,  "capacity", "Resource exhausted, please try again later." },
    { 400, OUTCOME_CLIENT_ERROR, 3,  "user",     "Request contains an invalid argument." },
    { 403, OUTCOME_CLIENT_ERROR, 7,  "user",     "Permission 'aiplatform.endpoints.predict' denied." },
    { 404, OUTCOME_CLIENT_ERROR, 5,  "user",     "Publisher Model was not found." },
    { 409, OUTCOME_CLIENT_ERROR, 10, "user",     "The operation was aborted." },
    { 499, OUTCOME_CLIENT_ERROR, 1,  "user",     "The operation was cancelled." },
    { 500, OUTCOME_SERVER_ERROR, 13, "system",   "Internal error encountered." },
    { 503, OUTCOME_SERVER_ERROR, 14, "system",   "The service is currently unavailable." },
    { 504, OUTCOME_SERVER_ERROR, 4,  "system",   "Deadline expired before operation could complete." },
};
enum { S_OK, S_THROTTLED, S_INVALID, S_DENIED, S_NOT_FOUND, S_ABORTED, S_CANCELLED, S_INTERNAL, S_UNAVAILABLE, S_DEADLINE };

const char *const gcp_tiers[GCP_TIERS] = { "shared", "dedicated", "flex" };
const char *const gcp_token_types[GCP_TOKEN_TYPES] = {
    "input", "cache_read_input", "cache_write_input", "cache_write_1h_input", "tool_use_input", "output",
};

#define VERTEX  "aiplatform.googleapis.com"
#define ENDPOINTS "google.cloud.aiplatform.v1.EndpointService."
#define SINKS   "google.logging.v2.ConfigServiceV2."
#define USAGE   "google.api.serviceusage.v1.ServiceUsage."
const struct gcp_event_name gcp_event_names[GCP_EVENT_NAMES] = {
    { VERTEX, ENDPOINTS "CreateEndpoint",                                                     true  },
    { VERTEX, ENDPOINTS "DeployModel",                                                        true  },
    { VERTEX, ENDPOINTS "UndeployModel",                                                      true  },
    { VERTEX, "google.cloud.aiplatform.v1beta1.EndpointService.SetPublisherModelConfig",      true  },
    { VERTEX, ENDPOINTS "DeleteEndpoint",                                                     false },
    { "cloudresourcemanager.googleapis.com", "SetIamPolicy",                                  false },
    { "iam.googleapis.com",          "google.iam.admin.v1.CreateServiceAccountKey",           false },
    { "logging.googleapis.com",      SINKS "UpdateSink",                                      false },
    { "logging.googleapis.com",      SINKS "DeleteSink",                                      false },
    { "logging.googleapis.com",      SINKS "UpdateBucket",                                    false },
    { "logging.googleapis.com",      SINKS "CreateExclusion",                                 false },
    { "serviceusage.googleapis.com", USAGE "EnableService",                                   true  },
    { "serviceusage.googleapis.com", USAGE "DisableService",                                  true  },
    { "apikeys.googleapis.com",      "google.api.apikeys.v2.ApiKeys.CreateKey",               true  },
    /* Not counted: other services, and other methods of those above. */
    { "storage.googleapis.com",      "storage.buckets.update",                                false },
    { "compute.googleapis.com",      "v1.compute.instances.insert",                           true  },
    { "iam.googleapis.com",          "google.iam.admin.v1.CreateServiceAccount",              false },
    { "logging.googleapis.com",      SINKS "CreateView",                                      false },
};
const struct gcp_event_name gcp_noise_names[GCP_NOISE_NAMES] = {
    { VERTEX, "google.cloud.aiplatform.v1.ModelService.ListModels",             false },
    { VERTEX, "google.cloud.aiplatform.v1.EndpointService.ListEndpoints",       false },
    { VERTEX, "google.cloud.aiplatform.v1beta1.LlmUtilityService.CountTokens",  false },
    { "bigquery.googleapis.com",   "google.cloud.bigquery.v2.JobService.InsertJob", false },
    { "monitoring.googleapis.com", "google.monitoring.v3.MetricService.ListTimeSeries", false },
};
/* clang-format on */

struct gcp_workload {
    const struct gcp_world *world;
    double rate;
    int64_t first, last;
    struct minute_cache *cache;
};

static bool inside(const struct gcp_workload *l, int64_t minute)
{
    return minute >= l->first && minute < l->last;
}

static uint32_t calls_of(const struct gcp_workload *l, const struct gcp_deployment *d, int64_t minute)
{
    struct rng r = { rng_name(rng_name(d->stream, 'n'), (uint64_t)minute) };

    return inside(l, minute) ? rng_poisson(&r, l->rate * d->share * workload_rhythm(minute)) : 0;
}

/* OpenAI's managed models speak ChatCompletions; the rest is what clients do all the same. */
static enum gcp_method pick_method(const struct gcp_deployment *d, struct rng *r)
{
    double u = rng_unit(r);

    if (d->kind == GCP_ENDPOINT)
        return u < 0.5 ? GCP_CHAT : u < 0.8 ? GCP_RAW : u < 0.9 ? GCP_STREAM_RAW : GCP_PREDICT;
    if (!d->openai)
        return u < 0.4 ? GCP_RAW : GCP_STREAM_RAW;
    return u < 0.72   ? GCP_CHAT
           : u < 0.80 ? GCP_RAW
           : u < 0.88 ? GCP_STREAM_RAW
           : u < 0.93 ? GCP_GENERATE
           : u < 0.97 ? GCP_STREAM_GENERATE
                      : GCP_EMBED;
}

static unsigned pick_status(struct rng *r, double busy)
{
    double u = rng_unit(r), throttled = 0.025 * busy;

    if (u < throttled)
        return S_THROTTLED;
    u = (u - throttled) / (1.0 - throttled);
    return u < 0.008   ? S_INVALID
           : u < 0.010 ? S_DENIED
           : u < 0.011 ? S_NOT_FOUND
           : u < 0.012 ? S_ABORTED
           : u < 0.014 ? S_CANCELLED
           : u < 0.017 ? S_INTERNAL
           : u < 0.020 ? S_UNAVAILABLE
           : u < 0.021 ? S_DEADLINE
                       : S_OK;
}

/* Cached tokens are beside "input", not inside it. */
static void make_tokens(struct rng *r, struct gcp_call *c)
{
    double cached = rng_unit(r);

    c->tokens[GCP_INPUT] = 1 + (uint32_t)fmin(rng_lognormal(r, 800, 1.0), 120000);
    c->tokens[GCP_OUTPUT] = 1 + (uint32_t)fmin(rng_lognormal(r, 160, 0.9), 8000);
    if (c->method == GCP_EMBED)
        c->tokens[GCP_OUTPUT] = 0;
    if (cached < 0.3)
        c->tokens[GCP_CACHE_READ] = 64 * (uint32_t)(1 + rng_below(r, 300));
    if (cached > 0.25 && cached < 0.36)
        c->tokens[GCP_CACHE_WRITE] = 64 * (uint32_t)(1 + rng_below(r, 60));
    if (cached > 0.34 && cached < 0.38)
        c->tokens[GCP_CACHE_WRITE_1H] = 64 * (uint32_t)(1 + rng_below(r, 60));
    if (cached > 0.93)
        c->tokens[GCP_TOOL_USE] = 1 + (uint32_t)rng_below(r, 500);
    c->cached = c->tokens[GCP_CACHE_WRITE] || c->tokens[GCP_CACHE_WRITE_1H];
}

static bool streams(const struct gcp_call *c)
{
    return gcp_methods[c->method].streams || (c->method == GCP_CHAT && c->id_hi & 1);
}

static void make_times(struct rng *r, struct gcp_call *c)
{
    double first = fmin(rng_lognormal(r, 280, 0.7), 20000);

    c->overhead_ms = 1 + (uint32_t)rng_below(r, 40);
    c->latency_ms = 2 + (uint32_t)rng_below(r, 60);
    if (c->status)
        return;
    c->latency_ms = 1 + (uint32_t)fmin(first + c->tokens[GCP_OUTPUT] * 11.0, 240000);
    if (streams(c))
        c->ttft_ms = 1 + (uint32_t)first;
}

static int64_t seconds(double s)
{
    return (int64_t)(s * 1e9);
}

/* Most are there within seconds; some are received up to 5 min late, and some cannot be read for 3 min more. */
static struct gcp_times arrival(struct rng *r, int64_t at)
{
    struct gcp_times t = { .at = at };
    double late = rng_unit(r), slow = rng_unit(r);

    t.received = at + seconds(late < 0.04 ? 20 + 275 * rng_unit(r) : 0.2 + 2.5 * rng_unit(r));
    t.visible = t.received + seconds(slow < 0.08 ? 15 + 160 * rng_unit(r) : 0.5 + 8 * rng_unit(r));
    return t;
}

static void make_entries(struct rng *r, struct gcp_call *c)
{
    double u = rng_unit(r);

    c->operation = !streams(c) || c->status == S_DENIED ? GCP_WHOLE : u < 0.15 ? GCP_FIRST_AND_LAST : GCP_TWO_ENTRIES;
    c->last = arrival(r, c->at);
    if (c->operation != GCP_TWO_ENTRIES)
        return;
    c->first = c->last;
    c->last = arrival(r, c->at + (c->latency_ms + c->overhead_ms) * NANO_PER_MS);
}

static void make_call(const struct gcp_deployment *d, int64_t minute, uint32_t k, struct gcp_call *out)
{
    uint64_t name = rng_name(rng_name(rng_name(d->stream, 'k'), (uint64_t)minute), k);
    struct rng r = { name };
    struct gcp_call c = { .at = minute * NANO_PER_MIN + (int64_t)rng_below(&r, (uint64_t)NANO_PER_MIN) };
    double tier = rng_unit(&r);

    c.id_hi = rng_name(name, 1);
    c.id_lo = rng_name(name, 2);
    c.method = (uint8_t)pick_method(d, &r);
    c.status = (uint8_t)pick_status(&r, workload_rhythm(minute));
    c.caller = (uint8_t)rng_below(&r, GCP_CALLERS);
    c.tier = tier < 0.85 ? 0 : tier < 0.9 ? 1 : 2;
    c.console = d->kind == GCP_MANAGED && rng_unit(&r) < 0.03;
    c.v1beta1 = rng_unit(&r) < 0.2;
    if (!c.status)
        make_tokens(&r, &c);
    make_times(&r, &c);
    make_entries(&r, &c);
    *out = c;
}

static struct cached *build(void *workload, unsigned deployment, int64_t number)
{
    const struct gcp_workload *l = workload;
    const struct gcp_deployment *d = &l->world->deployments[deployment];
    uint32_t n = calls_of(l, d, number);
    struct gcp_minute *m = malloc(sizeof *m + n * sizeof m->calls[0]);

    if (!m)
        return NULL;
    m->cached = (struct cached){ .place = deployment, .minute = number, .refs = 1 };
    m->n = n;
    for (uint32_t k = 0; k < n; k++)
        make_call(d, number, k, &m->calls[k]);
    return &m->cached;
}

const struct gcp_minute *gcp_minute(struct gcp_workload *l, unsigned deployment, int64_t number)
{
    if (!inside(l, number))
        return NULL;
    return (const struct gcp_minute *)minute_cache_get(l->cache, deployment, number, build, l);
}

void gcp_minute_unref(const struct gcp_minute *m)
{
    cached_unref((struct cached *)(uintptr_t)m);
}

struct gcp_workload *gcp_workload_new(const struct gcp_world *w, double calls_per_minute, int64_t first, int64_t last)
{
    struct gcp_workload *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    *l = (struct gcp_workload){ .world = w, .rate = calls_per_minute, .first = first, .last = last };
    l->cache = minute_cache_new(minute_cache_slots(sizeof(struct gcp_minute),
                                                   w->n_deployments ? calls_per_minute / w->n_deployments : 0,
                                                   sizeof(struct gcp_call)));
    if (l->cache)
        return l;
    free(l);
    return NULL;
}

void gcp_workload_free(struct gcp_workload *l)
{
    if (!l)
        return;
    minute_cache_free(l->cache);
    free(l);
}

int64_t gcp_workload_first(const struct gcp_workload *l)
{
    return l->first;
}

int64_t gcp_workload_last(const struct gcp_workload *l)
{
    return l->last;
}

/* ---- what is no call ---- */

static struct gcp_event make_event(struct rng *r, int64_t minute, unsigned names)
{
    struct gcp_event e = { .name = (uint8_t)rng_below(r, names), .caller = (uint8_t)rng_below(r, GCP_CALLERS) };

    e.last = arrival(r, minute * NANO_PER_MIN + (int64_t)rng_below(r, (uint64_t)NANO_PER_MIN));
    e.failed = rng_unit(r) < 0.15;
    e.id_hi = rng_next(r);
    e.id_lo = rng_next(r);
    return e;
}

unsigned gcp_events(const struct gcp_world *w, const struct gcp_workload *l, unsigned project, int64_t minute,
                    struct gcp_event out[GCP_EVENTS_MAX])
{
    struct rng r = { rng_name(rng_name(w->projects[project].stream, 'e'), (uint64_t)minute) };
    uint32_t n = inside(l, minute) && project < w->n_members ? rng_poisson(&r, 0.8) : 0;

    n = n < GCP_EVENTS_MAX ? n : GCP_EVENTS_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct gcp_event *e = &out[i];
        double how = rng_unit(&r);

        *e = make_event(&r, minute, GCP_EVENT_NAMES);
        e->with_last = gcp_event_names[e->name].slow && how < 0.1;
        /* One that is refused at once has no operation. */
        if (!gcp_event_names[e->name].slow || e->with_last || (e->failed && how < 0.5))
            continue;
        e->first = e->last;
        e->last = arrival(&r, e->first.at + seconds(2 + 250 * rng_unit(&r)));
    }
    return n;
}

unsigned gcp_noise(const struct gcp_world *w, const struct gcp_workload *l, unsigned project, int64_t minute,
                   struct gcp_event out[GCP_EVENTS_MAX])
{
    struct rng r = { rng_name(rng_name(w->projects[project].stream, 'x'), (uint64_t)minute) };
    uint32_t n = inside(l, minute) && w->projects[project].logs ? rng_poisson(&r, 1.5) : 0;

    n = n < GCP_EVENTS_MAX ? n : GCP_EVENTS_MAX;
    for (uint32_t i = 0; i < n; i++)
        out[i] = make_event(&r, minute, GCP_NOISE_NAMES);
    return n;
}
