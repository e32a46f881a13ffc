/*
 * The buckets of Google's distributions. A model's layout differs from another's, and changes at whole hours.
 *
 * Thread-safety: pure functions and constant tables.
 */
#ifndef CLOUDSIM_GCP_LAYOUT_H
#define CLOUDSIM_GCP_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/cloudsim/gcp/gcp.h"

enum gcp_layout_kind { GCP_EXPLICIT, GCP_EXPONENTIAL, GCP_LINEAR };
enum { GCP_BUCKETS_MAX = 80, GCP_BOUNDS_MAX = 20 };

struct gcp_layout {
    enum gcp_layout_kind kind;
    unsigned finite; /* numFiniteBuckets; explicit: how many bounds less one */
    double growth, scale, width, offset;
    double bounds[GCP_BOUNDS_MAX];
};

/* Of the latencies (`first_token`: of first_token_latencies) of a model in a minute. */
const struct gcp_layout *gcp_layout_of(const struct gcp_deployment *d, bool first_token, int64_t minute);
/* Of distributions of tokens. */
const struct gcp_layout *gcp_layout_of_tokens(void);

/* Number of buckets, underflow and overflow among them. */
static inline unsigned gcp_layout_buckets(const struct gcp_layout *l)
{
    return l->finite + 2;
}
/* Upper bound of bucket i, which is the last finite one at most: "the upper bound of bucket i (0 <= i < N-1)". */
double gcp_layout_bound(const struct gcp_layout *l, unsigned i);
/* The bucket that holds a value: lower bounds belong to it, upper ones do not. */
unsigned gcp_layout_bucket(const struct gcp_layout *l, double value);

#endif
