/*
 * The metric types of Vertex AI in Cloud Monitoring: which there are, with which labels, and what a call adds to them.
 * Truth does not look here.
 *
 * Promises: a point of a minute is missing at first, then may be too low or too high, and is final 8 min after the
 * minute ended; up to 60 h if it is one of --control-late.
 *
 * Thread-safety: pure functions and constant tables.
 */
#ifndef CLOUDSIM_GCP_METRIC_H
#define CLOUDSIM_GCP_METRIC_H

#include "tests/cloudsim/gcp/gcp_calls.h"
#include "tests/cloudsim/gcp/gcp_layout.h"

enum gcp_label {
    /* of the resource */
    R_CONTAINER,
    R_PROJECT_ID,
    R_LOCATION,
    R_PUBLISHER,
    R_MODEL,
    R_VERSION,
    R_ENDPOINT,
    GCP_RESOURCE_LABELS,
    /* of the metric */
    M_INPUT_SIZE = GCP_RESOURCE_LABELS,
    M_OUTPUT_SIZE,
    M_MAX_SIZE,
    M_CODE,
    M_REQUEST_TYPE,
    M_METHOD,
    M_CATEGORY,
    M_CACHING,
    M_SOURCE,
    M_LATENCY,
    M_TYPE,
    M_MODALITY,
    M_DEPLOYED,
    M_SPOT,
    M_MODEL_NAME,
    M_ENDPOINT_NAME,
    M_LIMIT,
    M_BASE_MODEL,
    GCP_LABELS,
};
extern const char *const gcp_label_names[GCP_LABELS];

enum gcp_resource { GCP_PUBLISHER_MODEL, GCP_ENDPOINT_RESOURCE, GCP_LOCATION_RESOURCE, GCP_RESOURCES };
extern const char *const gcp_resource_names[GCP_RESOURCES];

enum gcp_kind { GCP_DELTA, GCP_GAUGE };
enum gcp_value { GCP_INT64, GCP_DISTRIBUTION, GCP_DOUBLE };

enum gcp_figure {
    GCP_FIG_NONE, /* never has data */
    GCP_FIG_CALLS,
    GCP_FIG_LATENCY,
    GCP_FIG_FIRST_TOKEN,
    GCP_FIG_TOKENS,
    GCP_FIG_THROUGHPUT,
    GCP_FIG_PREDICTIONS,
    GCP_FIG_ERRORS,
    GCP_FIG_RESPONSES,
    GCP_FIG_ENDPOINT_LATENCY,
    GCP_FIG_REPLICAS,
    GCP_FIG_QUOTA_USED,
    GCP_FIG_QUOTA_LIMIT,
    GCP_FIG_QUOTA_EXCEEDED,
};
/* What a quota counts, and where. */
enum gcp_quota { GCP_QUOTA_REQUESTS, GCP_QUOTA_TOKENS, GCP_QUOTA_IN, GCP_QUOTA_OUT };

struct gcp_metric {
    const char *type, *unit;
    enum gcp_resource resource;
    enum gcp_kind kind;
    enum gcp_value value;
    enum gcp_figure figure;
    unsigned variants;       /* samples that a call may give, each a series of its own */
    unsigned labels;         /* of the metric: bits 1 << M_ */
    unsigned ingest_delay_s; /* 0: the descriptor has no metadata */
    enum gcp_reach reach;    /* of a quota */
    enum gcp_quota quota;
};
const struct gcp_metric *gcp_metric_at(unsigned i); /* NULL at the end */
const struct gcp_metric *gcp_metric_find(sv type);  /* NULL: none */

/* What one call, or for a gauge one minute, adds to one series. A label whose `at` is NULL is not there. */
struct gcp_sample {
    sv labels[GCP_LABELS];
    double value;
};
/* `c` NULL: of a gauge. False: it adds nothing. */
bool gcp_sample_of(const struct gcp_world *w, const struct gcp_metric *m, const struct gcp_deployment *d,
                   const struct gcp_call *c, unsigned variant, struct gcp_sample *out);
/* Whether a deployment can have series of this type. */
bool gcp_metric_fits(const struct gcp_metric *m, const struct gcp_deployment *d);

#endif
