/*
 * Azure Monitor's platform metrics of a model account: their definitions, and their figures as shown at an instant.
 *
 * Ownership:     results live in the given arena.
 * Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_METRIC_H
#define CLOUDSIM_METRIC_H

#include "tests/cloudsim/azure/azure.h"

enum dimension {
    DIM_API,
    DIM_OPERATION,
    DIM_REGION,
    DIM_STREAM,
    DIM_DEPLOYMENT,
    DIM_MODEL,
    DIM_VERSION,
    DIM_STATUS,
    DIM_SPILLOVER,
    DIM_TIER_ASKED,
    DIM_TIER_SERVED,
    DIM_FEATURE,
    DIM_CHANNEL,
    DIM_TEXT_TYPE,
    DIM_CATEGORY,
    DIM_SEVERITY,
    DIM_CONTEXT,
    DIMENSIONS,
};
extern const char *const dimension_names[DIMENSIONS];

enum { AGG_TOTAL = 1, AGG_AVERAGE = 2, AGG_MINIMUM = 4, AGG_MAXIMUM = 8, AGG_COUNT = 16, AGG_KINDS = 5 };
extern const char *const aggregation_names[AGG_KINDS];  /* "total", as in answers; bit i is name i */
extern const char *const aggregation_titles[AGG_KINDS]; /* "Total", as in definitions */

enum metric_family { FAMILY_OPENAI, FAMILY_MODELS, FAMILY_SAFETY, FAMILY_LEGACY };

enum metric_source {
    SRC_CALLS,
    SRC_INPUT,
    SRC_OUTPUT,
    SRC_TOKENS,
    SRC_ACTIVE,
    SRC_DURATION,
    SRC_RESPONSE,
    SRC_FIRST_TOKEN,
    SRC_LAST_TOKEN,
    SRC_BETWEEN,
    SRC_SPEED,
    SRC_AVAILABLE,
    SRC_UTILIZATION,
    SRC_CACHE_RATE,
    SRC_RAI_TOTAL,
    SRC_RAI_BLOCKED,
    SRC_RAI_HARMFUL,
    SRC_NOTHING,
};

struct metric_row {
    const char *name, *title, *unit;
    unsigned aggregations, dimensions; /* AGG_ bits; 1 << DIM_ bits */
    enum metric_family family;
    enum metric_source source;
};
extern const struct metric_row metric_rows[];
extern const unsigned metric_rows_n;
const struct metric_row *metric_find(sv name); /* case does not count */

/* One clause of a filter: a dimension split ("*") or narrowed to values. */
struct clause {
    enum dimension dim;
    bool any, folded; /* folded by rollupby: narrows, does not split */
    sv values[64];
    unsigned n_values;
};
struct filter {
    struct clause clauses[8];
    unsigned n;
};

struct point {
    double sum, min, max; /* sum: of what `total` and `average` are made */
    uint64_t count;
    bool there;
};
struct series {
    uint64_t key;
    sv values[8]; /* by clause of the filter */
    struct point *points;
    double order; /* total over all points */
};
struct series_list {
    struct series *at;
    size_t n, cap;
};

struct metric_query {
    const struct account *account;
    struct filter filter;
    int64_t start, end, step; /* unix ns; buckets begin at start + i * step */
    size_t n_points;
    int64_t now;
};

/* False when the arena is exhausted. */
bool metric_series(struct sim *s, const struct metric_query *q, const struct metric_row *row, struct arena *a,
                   struct series_list *out);

#endif
