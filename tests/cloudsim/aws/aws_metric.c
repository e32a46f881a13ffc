/* The table of metrics, and how samples and statistics are made of calls. */
#include "tests/cloudsim/aws/aws_metric.h"

#include <stdlib.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/rng.h"

#define RUNTIME_LEVELS (1 << LEVEL_NONE | 1 << LEVEL_MODEL | 1 << LEVEL_TIERS | 1 << LEVEL_CONTEXT)
#define NO_TIERS       (1 << LEVEL_NONE | 1 << LEVEL_MODEL)
#define FOUR           (1 << LEVEL_NONE | 1 << LEVEL_MODEL | 1 << LEVEL_PROJECT | 1 << LEVEL_PAIR)
#define AGGREGATES     (1 << LEVEL_NONE | 1 << LEVEL_MODEL | 1 << LEVEL_PROJECT)

/* clang-format off */
const char *const aws_namespaces[2] = { "AWS/Bedrock", "AWS/BedrockMantle" };
const struct aws_metric aws_metrics[AWS_METRICS] = {
    { "Invocations",            "Count",        AWS_RUNTIME, FIG_INVOCATIONS,   RUNTIME_LEVELS },
    { "InvocationLatency",      "Milliseconds", AWS_RUNTIME, FIG_LATENCY,       RUNTIME_LEVELS },
    { "TimeToFirstToken",       "Milliseconds", AWS_RUNTIME, FIG_FIRST_TOKEN,   RUNTIME_LEVELS },
    { "InvocationClientErrors", "Count",        AWS_RUNTIME, FIG_CLIENT_ERRORS, NO_TIERS },
    { "InvocationServerErrors", "Count",        AWS_RUNTIME, FIG_SERVER_ERRORS, NO_TIERS },
    { "InvocationThrottles",    "Count",        AWS_RUNTIME, FIG_THROTTLES,     NO_TIERS },
    { "InputTokenCount",        "Count",        AWS_RUNTIME, FIG_INPUT,         RUNTIME_LEVELS },
    { "OutputTokenCount",       "Count",        AWS_RUNTIME, FIG_OUTPUT,        RUNTIME_LEVELS },
    { "CacheReadInputTokens",   "Count",        AWS_RUNTIME, FIG_CACHE_READ,    RUNTIME_LEVELS },
    { "CacheWriteInputTokens",  "Count",        AWS_RUNTIME, FIG_CACHE_WRITE,   RUNTIME_LEVELS },
    { "EstimatedTPMQuotaUsage", "Count",        AWS_RUNTIME, FIG_QUOTA,         NO_TIERS },
    { "ModelInvocationLogsCloudWatchDeliverySuccess", "Count", AWS_RUNTIME, FIG_DELIVERED, 1 << LEVEL_NONE },
    { "Inferences",             "Count",        AWS_MANTLE,  FIG_INFERENCES,    FOUR },
    { "InferenceClientErrors",  "Count",        AWS_MANTLE,  FIG_MANTLE_ERRORS, FOUR },
    { "TotalInputTokens",       "Count",        AWS_MANTLE,  FIG_INPUT,         AGGREGATES },
    { "TotalOutputTokens",      "Count",        AWS_MANTLE,  FIG_OUTPUT,        AGGREGATES },
    { "InputTokens",            "Count",        AWS_MANTLE,  FIG_INPUT,         1 << LEVEL_PAIR },
    { "OutputTokens",           "Count",        AWS_MANTLE,  FIG_OUTPUT,        1 << LEVEL_PAIR },
};

static const struct { enum aws_plane plane; enum aws_level level; size_t n; const char *names[3]; } levels[] = {
    { AWS_RUNTIME, LEVEL_NONE,    0, { NULL } },
    { AWS_RUNTIME, LEVEL_MODEL,   1, { "ModelId" } },
    { AWS_RUNTIME, LEVEL_TIERS,   3, { "ModelId", "ServiceTier", "ResolvedServiceTier" } },
    { AWS_RUNTIME, LEVEL_CONTEXT, 2, { "ModelId", "ContextWindow" } },
    { AWS_MANTLE,  LEVEL_NONE,    0, { NULL } },
    { AWS_MANTLE,  LEVEL_MODEL,   1, { "Model" } },
    { AWS_MANTLE,  LEVEL_PROJECT, 1, { "Project" } },
    { AWS_MANTLE,  LEVEL_PAIR,    2, { "Project", "Model" } },
};
/* clang-format on */

enum { LEVEL_ROWS = sizeof levels / sizeof levels[0], BASE_DELAY_S = 60, BASE_SPREAD_S = 30, FINAL_S = 15 * 60 };
static const char long_context[] = "long";

/* ---- which series ---- */

static bool covers(const struct aws_series *s, const struct aws_deployment *d)
{
    return d->plane == s->metric->plane && (!s->model.len || sv_eq(s->model, d->model_id)) &&
           (!s->project.len || sv_eq(s->project, d->project));
}

static bool tier_named(sv value, unsigned *out)
{
    for (unsigned i = 0; i < AWS_TIERS; i++) {
        *out = i;
        if (sv_eq(value, sv_of(aws_tiers[i])))
            return true;
    }
    return false;
}

/* Takes the value of a dimension of that name; false when it is not in the set, or means nothing. */
static bool take_dimension(struct aws_series *s, const char *name, const struct aws_dimension *dims, size_t n)
{
    sv value = SV_NONE;

    for (size_t i = 0; i < n; i++)
        if (sv_eq(dims[i].name, sv_of(name)))
            value = dims[i].value;
    if (!value.len)
        return false;
    if (!strcmp(name, "ServiceTier"))
        return tier_named(value, &s->tier);
    if (!strcmp(name, "ResolvedServiceTier"))
        return tier_named(value, &s->served);
    if (!strcmp(name, "ContextWindow"))
        return sv_eq(value, sv_of(long_context));
    *(strcmp(name, "Project") ? &s->model : &s->project) = value;
    return true;
}

static bool take_level(struct aws_series *s, unsigned row, const struct aws_dimension *dims, size_t n)
{
    bool good = levels[row].plane == s->metric->plane && levels[row].n == n;

    good = good && s->metric->levels >> levels[row].level & 1;
    s->level = levels[row].level;
    s->model = s->project = SV_NONE;
    for (size_t i = 0; good && i < n; i++)
        good = take_dimension(s, levels[row].names[i], dims, n);
    return good;
}

bool aws_series_find(const struct sim *s, const struct aws_place *place, sv namespace_, sv metric,
                     const struct aws_dimension *dims, size_t n, struct aws_series *out)
{
    bool there = false;

    *out = (struct aws_series){ .place = place };
    for (unsigned i = 0; place && i < AWS_METRICS && !out->metric; i++)
        if (sv_eq(metric, sv_of(aws_metrics[i].name)) && sv_eq(namespace_, sv_of(aws_namespaces[aws_metrics[i].plane])))
            out->metric = &aws_metrics[i];
    for (unsigned row = 0; out->metric && row < LEVEL_ROWS && !there; row++)
        there = take_level(out, row, dims, n);
    if (!there)
        return false;
    for (unsigned i = 0; i < place->n_deployments; i++)
        if (covers(out, &aws_of(s)->world.deployments[place->first_deployment + i]))
            return true;
    return false;
}

size_t aws_series_dimensions(const struct aws_series *s, struct aws_dimension out[3])
{
    unsigned row = 0;

    while (levels[row].plane != s->metric->plane || levels[row].level != s->level)
        row++;
    for (size_t i = 0; i < levels[row].n; i++) {
        const char *name = levels[row].names[i];

        out[i] = (struct aws_dimension){ sv_of(name), s->model };
        if (!strcmp(name, "Project"))
            out[i].value = s->project;
        else if (!strcmp(name, "ServiceTier"))
            out[i].value = sv_of(aws_tiers[s->tier]);
        else if (!strcmp(name, "ResolvedServiceTier"))
            out[i].value = sv_of(aws_tiers[s->served]);
        else if (!strcmp(name, "ContextWindow"))
            out[i].value = sv_of(long_context);
    }
    return levels[row].n;
}

/* ---- samples ---- */

double aws_figure_of(const struct sim *s, const struct aws_deployment *d, const struct aws_call *c,
                     enum aws_figure figure)
{
    enum aws_logging logging = aws_of(s)->world.places[d->place].logging;
    enum outcome o = aws_outcome(c);

    if (figure == FIG_DELIVERED)
        return c->logged_at && (logging == AWS_LOG_GROUP || logging == AWS_LOG_BOTH);
    if (d->plane == AWS_RUNTIME && !aws_op_rows[c->op].native && s->options.switches[SW_RUNTIME_OPENAI])
        return 0;
    switch (figure) {
    case FIG_INVOCATIONS:
        return o == OUTCOME_SUCCESS || (s->options.switches[SW_INVOCATIONS] && o != OUTCOME_THROTTLED);
    case FIG_INFERENCES:
        return o == OUTCOME_SUCCESS;
    case FIG_CLIENT_ERRORS:
        return o == OUTCOME_CLIENT_ERROR;
    case FIG_MANTLE_ERRORS: /* 429 is a client error there */
        return o == OUTCOME_CLIENT_ERROR || o == OUTCOME_THROTTLED;
    case FIG_SERVER_ERRORS:
        return o == OUTCOME_SERVER_ERROR;
    case FIG_THROTTLES:
        return o == OUTCOME_THROTTLED;
    case FIG_LATENCY:
        return o == OUTCOME_SUCCESS ? c->latency_ms : 0;
    case FIG_FIRST_TOKEN:
        return c->ttft_ms;
    case FIG_INPUT:
        return c->input;
    case FIG_OUTPUT:
        return c->output;
    case FIG_CACHE_READ:
        return c->cache_read;
    case FIG_CACHE_WRITE:
        return c->cache_write;
    case FIG_QUOTA: /* cache reads do not count against the quota */
        return (double)c->input + c->cache_write + c->output;
    case FIG_DELIVERED:
        break;
    }
    return 0;
}

static bool takes(const struct aws_series *s, const struct aws_call *c)
{
    if (s->level == LEVEL_TIERS)
        return c->tier == s->tier && c->tier_served == s->served;
    return s->level != LEVEL_CONTEXT || c->long_context;
}

/* A share of datapoints is late (missing), a share is too low at first: half of the calls have not come in. */
enum shown { SHOWN_NOTHING, SHOWN_HALF, SHOWN_ALL };

static enum shown shown_at(const struct sim *s, const struct aws_series *of, int64_t minute, int64_t now)
{
    uint64_t name = hash_part(hash_part(hash64(sv_of(of->metric->name)), of->model), of->project);
    uint64_t h = rng_name(rng_name(rng_name(of->place->stream, name), of->level), (uint64_t)minute);
    int64_t end = (minute + 1) * NANO_PER_MIN;
    int64_t base = end + (int64_t)(BASE_DELAY_S + h % BASE_SPREAD_S) * NANO_PER_S;
    double u = rng_as_unit(rng_mix(h + 1)), span = FINAL_S - BASE_DELAY_S - BASE_SPREAD_S;
    int64_t final = base + (int64_t)(span * rng_as_unit(rng_mix(h + 2)) * 1e9);

    if (now < base)
        return SHOWN_NOTHING;
    if (now < control_settles(&s->options, h, end))
        return h & 64 ? SHOWN_NOTHING : SHOWN_HALF;
    if (now >= final || u >= s->options.late + s->options.revise)
        return SHOWN_ALL;
    return u < s->options.late ? SHOWN_NOTHING : SHOWN_HALF;
}

static void add_value(struct aws_values *v, double value)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : 64;
        double *more = realloc(v->at, cap * sizeof *more);

        v->failed |= !more;
        if (!more)
            return;
        v->at = more;
        v->cap = cap;
    }
    v->at[v->n++] = value;
}

void aws_values_done(struct aws_values *v)
{
    free(v->at);
}

void aws_series_samples(struct sim *s, const struct aws_series *of, int64_t minute, int64_t now, struct aws_values *out)
{
    enum shown shown = shown_at(s, of, minute, now);

    if (shown == SHOWN_NOTHING || minute < aws_workload_first(aws_of(s)->workload) ||
        minute >= aws_workload_last(aws_of(s)->workload))
        return;
    for (unsigned i = 0; i < of->place->n_deployments; i++) {
        const struct aws_deployment *d = &aws_of(s)->world.deployments[of->place->first_deployment + i];
        const struct aws_minute *m = covers(of, d) ? aws_minute(aws_of(s)->workload, d->index, minute) : NULL;

        for (uint32_t k = 0; m && k < m->n; k++) {
            const struct aws_call *c = &m->calls[k];
            double value = takes(of, c) ? aws_figure_of(s, d, c, of->metric->figure) : 0;

            if (value > 0 && (shown == SHOWN_ALL || c->id_lo & 1))
                add_value(out, value);
        }
        aws_minute_unref(m);
    }
}

/* ---- statistics ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double percentile(struct aws_values *v, double p)
{
    double at = p / 100 * (double)(v->n - 1);
    size_t low = (size_t)at;

    qsort(v->at, v->n, sizeof v->at[0], ascending);
    return low + 1 < v->n ? v->at[low] + (at - (double)low) * (v->at[low + 1] - v->at[low]) : v->at[v->n - 1];
}

static bool percentile_named(sv stat, double *p)
{
    return sv_starts(stat, SV("p")) && sv_to_f64(sv_skip(stat, 1), p) && *p >= 0 && *p <= 100;
}

enum stat { STAT_COUNT, STAT_SUM, STAT_AVERAGE, STAT_MINIMUM, STAT_MAXIMUM, STATS };
static const sv stat_names[STATS] = { SVT("SampleCount"), SVT("Sum"), SVT("Average"), SVT("Minimum"), SVT("Maximum") };

static enum stat stat_named(sv stat)
{
    unsigned i = 0;

    while (i < STATS && !sv_eq(stat, stat_names[i]))
        i++;
    return (enum stat)i;
}

bool aws_statistic_known(sv stat)
{
    double p;

    return stat_named(stat) < STATS || percentile_named(stat, &p);
}

bool aws_statistic(sv stat, struct aws_values *v, double *out)
{
    double sum = 0, least = v->at[0], most = v->at[0], p;

    if (percentile_named(stat, &p)) {
        *out = percentile(v, p);
        return true;
    }
    for (size_t i = 0; i < v->n; i++) {
        sum += v->at[i];
        least = fmin(least, v->at[i]);
        most = fmax(most, v->at[i]);
    }
    switch (stat_named(stat)) {
    case STAT_COUNT:
        *out = (double)v->n;
        return true;
    case STAT_SUM:
        *out = sum;
        return true;
    case STAT_AVERAGE:
        *out = sum / (double)v->n;
        return true;
    case STAT_MINIMUM:
        *out = least;
        return true;
    case STAT_MAXIMUM:
        *out = most;
        return true;
    case STATS:
        break;
    }
    return false;
}
