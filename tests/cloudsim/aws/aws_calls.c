/*
 * Each call has a random stream of its own, named by (deployment, minute, number). The calls of a minute are kept whole
 * in the cache, as every statistic that CloudWatch knows, percentiles too, is made of them.
 */
#include "tests/cloudsim/aws/aws_calls.h"

#include <stdlib.h>

#include "tests/cloudsim/rng.h"

/* clang-format off */
const struct aws_op_row aws_op_rows[AWS_OPS] = {
    /*                       name                             other                            label                            streams native */
    [AWS_INVOKE]          = { "InvokeModel",                   "InvokeModel",                   "invokemodel",                   false, true  },
    [AWS_INVOKE_STREAM]   = { "InvokeModelWithResponseStream", "InvokeModelWithResponseStream", "invokemodelwithresponsestream", true,  true  },
    [AWS_CONVERSE]        = { "Converse",                      "Converse",                      "chat",                          false, true  },
    [AWS_CONVERSE_STREAM] = { "ConverseStream",                "ConverseStream",                "chat",                          true,  true  },
    [AWS_CHAT]            = { "ChatCompletions",               "CreateChatCompletion",          "chat",                          false, false },
    [AWS_RESPONSES]       = { "Responses",                     "CreateResponse",                "chat",                          false, false },
};
/* ModelErrorException is the model's fault with status 424: no server error by its code. */
const struct aws_error_row aws_error_rows[AWS_ERRORS] = {
    { NULL,                            OUTCOME_SUCCESS,      200 },
    { "ThrottlingException",           OUTCOME_THROTTLED,    429 },
    { "ServiceQuotaExceededException", OUTCOME_THROTTLED,    400 },
    { "ModelNotReadyException",        OUTCOME_THROTTLED,    429 },
    { "ValidationException",           OUTCOME_CLIENT_ERROR, 400 },
    { "AccessDeniedException",         OUTCOME_CLIENT_ERROR, 403 },
    { "ModelErrorException",           OUTCOME_CLIENT_ERROR, 424 },
    { "InternalServerException",       OUTCOME_SERVER_ERROR, 500 },
    { "ServiceUnavailableException",   OUTCOME_SERVER_ERROR, 503 },
};
enum { E_NONE, E_THROTTLE, E_QUOTA, E_NOT_READY, E_VALIDATION, E_DENIED, E_MODEL, E_INTERNAL, E_UNAVAILABLE };
const char *const aws_tiers[AWS_TIERS] = { "default", "priority", "flex", "reserved" };

#define BEDROCK "bedrock.amazonaws.com"
#define MANTLE  "bedrock-mantle.amazonaws.com"
const struct aws_event_name aws_event_names[AWS_EVENT_NAMES] = {
    { BEDROCK, "PutModelInvocationLoggingConfiguration",    false },
    { BEDROCK, "DeleteModelInvocationLoggingConfiguration", false },
    { BEDROCK, "CreateInferenceProfile",                    false },
    { BEDROCK, "DeleteInferenceProfile",                    false },
    { BEDROCK, "UpdateGuardrail",                           false },
    { BEDROCK, "CreateFoundationModelAgreement",            false },
    { BEDROCK, "TagResource",                               false },
    { MANTLE,  "CreateProject",                             false },
    { MANTLE,  "DeleteProject",                             false },
    /* Not counted: reads, and other services. */
    { BEDROCK, "ListInferenceProfiles",                     true  },
    { BEDROCK, "GetModelInvocationLoggingConfiguration",    true  },
    { MANTLE,  "GetProject",                                true  },
    { "iam.amazonaws.com",   "AttachRolePolicy",            false },
    { "ec2.amazonaws.com",   "RunInstances",                false },
    { "s3.amazonaws.com",    "PutBucketPolicy",             false },
    { "sts.amazonaws.com",   "AssumeRole",                  true  },
};
/* clang-format on */

struct aws_workload {
    const struct aws_world *world;
    double rate;
    int64_t first, last;
    struct minute_cache *cache;
};

static bool inside(const struct aws_workload *l, int64_t minute)
{
    return minute >= l->first && minute < l->last;
}

static uint32_t calls_of(const struct aws_workload *l, const struct aws_deployment *d, int64_t minute)
{
    struct rng r = { rng_name(rng_name(d->stream, 'n'), (uint64_t)minute) };

    return inside(l, minute) ? rng_poisson(&r, l->rate * d->share * workload_rhythm(minute)) : 0;
}

static enum aws_op pick_op(const struct aws_deployment *d, struct rng *r)
{
    double u = rng_unit(r);

    if (d->plane == AWS_MANTLE || !d->invoke) /* newer models speak Converse and OpenAI's own APIs */
        return d->plane == AWS_MANTLE ? (u < 0.3 ? AWS_CHAT : AWS_RESPONSES)
               : u < 0.25             ? AWS_CONVERSE
               : u < 0.6              ? AWS_CONVERSE_STREAM
               : u < 0.75             ? AWS_CHAT
                                      : AWS_RESPONSES;
    return u < 0.2 ? AWS_INVOKE : u < 0.55 ? AWS_INVOKE_STREAM : u < 0.75 ? AWS_CONVERSE : AWS_CONVERSE_STREAM;
}

static unsigned pick_error(struct rng *r, double busy)
{
    double u = rng_unit(r), throttled = 0.02 * busy;

    if (u < throttled)
        return u < 0.8 * throttled ? E_THROTTLE : u < 0.9 * throttled ? E_QUOTA : E_NOT_READY;
    u = (u - throttled) / (1.0 - throttled);
    return u < 0.010   ? E_VALIDATION
           : u < 0.012 ? E_DENIED
           : u < 0.014 ? E_MODEL
           : u < 0.018 ? E_INTERNAL
           : u < 0.020 ? E_UNAVAILABLE
                       : E_NONE;
}

/* Cached tokens are beside `input`, not inside it. */
static void make_tokens(struct rng *r, struct aws_call *c)
{
    double input = rng_lognormal(r, 900, 1.0), cached = rng_unit(r);

    c->input = 1 + (uint32_t)(input > 200000 ? 200000 : input);
    c->output = 1 + (uint32_t)fmin(rng_lognormal(r, 180, 0.9), 16000);
    if (cached < 0.35)
        c->cache_read = 128 * (uint32_t)(1 + rng_below(r, 400));
    if (cached > 0.3 && cached < 0.45)
        c->cache_write = 128 * (uint32_t)(1 + rng_below(r, 40));
    c->long_context = c->input + c->cache_read > 30000;
}

static void make_times(struct rng *r, struct aws_call *c)
{
    double first = fmin(rng_lognormal(r, 350, 0.6), 20000);

    if (c->error) {
        c->latency_ms = 2 + (uint32_t)rng_below(r, 60);
        return;
    }
    c->latency_ms = 1 + (uint32_t)fmin(first + c->output * 14.0, 280000);
    if (aws_op_rows[c->op].streams)
        c->ttft_ms = 1 + (uint32_t)first;
}

/* Where a call was served: the profile's regions, in-region otherwise. */
static uint8_t pick_region(const struct aws_world *w, const struct aws_deployment *d, struct rng *r)
{
    const struct aws_region *at = w->places[d->place].region;

    if (d->profile >= 0) {
        const struct aws_profile *p = &w->profiles[d->profile];
        unsigned i = rng_unit(r) < 0.5 ? 0 : (unsigned)rng_below(r, p->n_regions);

        at = aws_profile_region(w, p, i);
    }
    return (uint8_t)(at - aws_regions);
}

static int64_t whole_ms(double seconds)
{
    return (int64_t)(seconds * 1e3) * NANO_PER_MS;
}

static void make_arrivals(const struct aws_deployment *d, struct rng *r, struct aws_call *c)
{
    int64_t end = c->at + c->latency_ms * NANO_PER_MS;
    bool late = rng_unit(r) < 0.02;

    c->logged_at = end + whole_ms(late ? 60 + 535 * rng_unit(r) : 2 + 25 * rng_unit(r));
    c->trailed_at = c->at + whole_ms(rng_unit(r) < 0.03 ? 400 + 495 * rng_unit(r) : 60 + 240 * rng_unit(r));
    if (d->plane == AWS_MANTLE || aws_outcome(c) == OUTCOME_THROTTLED)
        c->logged_at = 0;
}

static void make_call(const struct aws_workload *l, const struct aws_deployment *d, int64_t minute, uint32_t k,
                      struct aws_call *out)
{
    uint64_t name = rng_name(rng_name(rng_name(d->stream, 'k'), (uint64_t)minute), k);
    struct rng r = { name };
    struct aws_call c = { .at = minute * NANO_PER_MIN + (int64_t)rng_below(&r, 60000) * NANO_PER_MS };

    c.id_hi = rng_name(name, 1);
    c.id_lo = rng_name(name, 2);
    c.op = (uint8_t)pick_op(d, &r);
    c.error = (uint8_t)pick_error(&r, workload_rhythm(minute));
    c.caller = (uint8_t)rng_below(&r, AWS_CALLERS);
    c.served = pick_region(l->world, d, &r);
    c.tier = (uint8_t)(rng_unit(&r) < 0.7 ? 0 : rng_below(&r, AWS_TIERS));
    c.tier_served = c.error ? AWS_TIERS : c.tier && rng_unit(&r) < 0.3 ? 0 : c.tier;
    if (!c.error)
        make_tokens(&r, &c);
    make_times(&r, &c);
    make_arrivals(d, &r, &c);
    *out = c;
}

static struct cached *build(void *workload, unsigned deployment, int64_t number)
{
    const struct aws_workload *l = workload;
    const struct aws_deployment *d = &l->world->deployments[deployment];
    uint32_t n = calls_of(l, d, number);
    struct aws_minute *m = malloc(sizeof *m + n * sizeof m->calls[0]);

    if (!m)
        return NULL;
    m->cached = (struct cached){ .place = deployment, .minute = number, .refs = 1 };
    m->n = n;
    for (uint32_t k = 0; k < n; k++)
        make_call(l, d, number, k, &m->calls[k]);
    return &m->cached;
}

const struct aws_minute *aws_minute(struct aws_workload *l, unsigned deployment, int64_t number)
{
    return (const struct aws_minute *)minute_cache_get(l->cache, deployment, number, build, l);
}

void aws_minute_unref(const struct aws_minute *m)
{
    cached_unref((struct cached *)(uintptr_t)m);
}

struct aws_workload *aws_workload_new(const struct aws_world *w, double calls_per_minute, int64_t first, int64_t last)
{
    struct aws_workload *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    *l = (struct aws_workload){ .world = w, .rate = calls_per_minute, .first = first, .last = last };
    l->cache = minute_cache_new(minute_cache_slots(sizeof(struct aws_minute),
                                                   w->n_deployments ? calls_per_minute / w->n_deployments : 0,
                                                   sizeof(struct aws_call)));
    if (l->cache)
        return l;
    free(l);
    return NULL;
}

void aws_workload_free(struct aws_workload *l)
{
    if (!l)
        return;
    minute_cache_free(l->cache);
    free(l);
}

int64_t aws_workload_first(const struct aws_workload *l)
{
    return l->first;
}

int64_t aws_workload_last(const struct aws_workload *l)
{
    return l->last;
}

unsigned aws_events(const struct aws_world *w, const struct aws_workload *l, unsigned place, int64_t minute,
                    struct aws_event out[AWS_EVENTS_MAX])
{
    struct rng r = { rng_name(rng_name(w->places[place].stream, 'e'), (uint64_t)minute) };
    uint32_t n = inside(l, minute) ? rng_poisson(&r, 0.8) : 0;

    n = n < AWS_EVENTS_MAX ? n : AWS_EVENTS_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct aws_event *e = &out[i];

        *e = (struct aws_event){ .name = (uint8_t)rng_below(&r, AWS_EVENT_NAMES),
                                 .caller = (uint8_t)rng_below(&r, AWS_CALLERS) };
        e->at = minute * NANO_PER_MIN + (int64_t)rng_below(&r, 60) * NANO_PER_S; /* CloudTrail knows whole seconds */
        e->visible = e->at + whole_ms(30 + 865 * rng_unit(&r));
        e->failed = rng_unit(&r) < 0.15;
        e->id_hi = rng_next(&r);
        e->id_lo = rng_next(&r);
    }
    return n;
}
