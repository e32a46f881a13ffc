/*
 * The two namespaces of Bedrock in CloudWatch: which metrics there are at which levels, which series exist, and their
 * values as shown at an instant. All levels are made of the same calls, so that they overlap as AWS's do.
 *
 * Promises: a datapoint exists only where there was something to count; it is missing or too low at first, and final
 * 15 min after its minute ended, or up to 60 h if it is one of --control-late. ListMetrics shows a series at most 15 min after its first datapoint's minute ended.
 *
 * Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_AWS_METRIC_H
#define CLOUDSIM_AWS_METRIC_H

#include "tests/cloudsim/aws/aws_cloud.h"

enum aws_level {
    LEVEL_NONE,    /* no dimension: all models of the account in the region */
    LEVEL_MODEL,   /* {ModelId}; on mantle {Model} */
    LEVEL_TIERS,   /* {ModelId, ServiceTier, ResolvedServiceTier} */
    LEVEL_CONTEXT, /* {ModelId, ContextWindow}: calls with a long context alone */
    LEVEL_PROJECT, /* {Project} */
    LEVEL_PAIR,    /* {Project, Model} */
    AWS_LEVELS,
};

enum aws_figure {
    FIG_INVOCATIONS,
    FIG_LATENCY,
    FIG_FIRST_TOKEN,
    FIG_CLIENT_ERRORS,
    FIG_SERVER_ERRORS,
    FIG_THROTTLES,
    FIG_INPUT,
    FIG_OUTPUT,
    FIG_CACHE_READ,
    FIG_CACHE_WRITE,
    FIG_QUOTA,
    FIG_DELIVERED,
    FIG_INFERENCES,
    FIG_MANTLE_ERRORS,
};

struct aws_metric {
    const char *name, *unit;
    enum aws_plane plane;
    enum aws_figure figure;
    unsigned levels; /* 1 << LEVEL_ bits */
};
enum { AWS_METRICS = 18 };
extern const struct aws_metric aws_metrics[AWS_METRICS];
extern const char *const aws_namespaces[2]; /* by plane */

/* One series by its exact dimension set. */
struct aws_series {
    const struct aws_metric *metric;
    const struct aws_place *place;
    enum aws_level level;
    sv model, project;     /* of the levels that have them */
    unsigned tier, served; /* of LEVEL_TIERS */
};

struct aws_dimension {
    sv name, value;
};
enum { AWS_DIMENSIONS_MAX = 30 };

/* The series of a metric with exactly these dimensions; false when there is no such level or no such model. */
bool aws_series_find(const struct sim *s, const struct aws_place *place, sv namespace_, sv metric,
                     const struct aws_dimension *dims, size_t n, struct aws_series *out);
/* Its dimensions as CloudWatch names them; returns how many. */
size_t aws_series_dimensions(const struct aws_series *s, struct aws_dimension out[3]);

/* What a call adds to a figure; 0: no sample. */
double aws_figure_of(const struct sim *s, const struct aws_deployment *d, const struct aws_call *c,
                     enum aws_figure figure);

struct aws_values {
    double *at; /* from malloc */
    size_t n, cap;
    bool failed;
};
void aws_values_done(struct aws_values *v);
/* Appends the samples of one minute that are shown at `now`. */
void aws_series_samples(struct sim *s, const struct aws_series *of, int64_t minute, int64_t now,
                        struct aws_values *out);
/* A statistic of samples (sorted in place); false when there is no such statistic. n > 0. */
bool aws_statistic(sv stat, struct aws_values *v, double *out);
bool aws_statistic_known(sv stat);

/* ---- which series exist (aws_listing.c) ---- */

struct aws_listing;
MUST_USE struct aws_listing *aws_listing_new(unsigned deployments);
void aws_listing_free(struct aws_listing *l);

struct aws_series_list {
    struct aws_series *at; /* in the arena */
    size_t n, cap;
};
/* What ListMetrics shows at `now` of a place, in a fixed order. */
bool aws_listing_find(struct sim *s, const struct aws_place *place, int64_t now, bool recent, struct arena *a,
                      struct aws_series_list *out);

#endif
