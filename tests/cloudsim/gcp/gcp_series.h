/*
 * Time series of one metric type as they are shown at an instant: raw ones made of the calls, then aligned and reduced
 * as Monitoring does it. Each step really computes; nothing is looked up in the truth.
 *
 * Ownership:     everything lives in the arena that was given.
 * Thread-safety: none needed; one query, one thread.
 */
#ifndef CLOUDSIM_GCP_SERIES_H
#define CLOUDSIM_GCP_SERIES_H

#include "tests/cloudsim/gcp/gcp_filter.h"
#include "tests/cloudsim/gcp/gcp_metric.h"

enum { GCP_SERIES_BYTES_MAX = 512 << 20, GCP_GROUP_FIELDS_MAX = 16 };

/* What a point holds; INT64: `count` alone; DOUBLE: `sum` alone. */
struct gcp_point {
    int64_t start, end; /* unix nanoseconds; equal for gauges */
    uint64_t count;
    double sum, squares;             /* of the values of a distribution */
    const struct gcp_layout *layout; /* of a distribution */
    uint32_t *buckets;
};

struct gcp_series {
    sv labels[GCP_LABELS];
    struct gcp_point *points; /* oldest first */
    size_t n_points, cap;
    struct gcp_series *next; /* in the order of the answer */
};

enum gcp_aligner {
    GCP_ALIGN_NONE,
    GCP_ALIGN_SUM,
    GCP_ALIGN_DELTA,
    GCP_ALIGN_RATE,
    GCP_ALIGN_MEAN,
    GCP_ALIGN_MAX,
    GCP_ALIGN_NEXT_OLDER,
    GCP_ALIGNERS,
};
enum gcp_reducer { GCP_REDUCE_NONE, GCP_REDUCE_SUM, GCP_REDUCE_MAX, GCP_REDUCERS };

struct gcp_query {
    const struct gcp_metric *metric;
    const struct gcp_project *project;
    const struct gcp_filter *filter;
    int64_t from, to, now; /* points whose end is in (from, to], as they are at `now` */
    enum gcp_aligner aligner;
    enum gcp_reducer reducer;
    int64_t period;    /* of alignment; nanoseconds */
    uint64_t group_by; /* bits 1 << label; REDUCE_NONE: not looked at */
};

struct gcp_result {
    struct gcp_series *first;
    size_t n;
    enum gcp_kind kind; /* as aligned */
    enum gcp_value value;
    bool failed; /* memory is out */
};
void gcp_series_find(struct sim *s, const struct gcp_query *q, struct arena *a, struct gcp_result *out);

/* The label that a filter or a group names: "resource.labels.location", "metric.label.type"; -1: none that exists. */
int gcp_label_named(sv field);

#endif
