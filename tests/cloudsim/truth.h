/*
 * Truth as JSON: what the parts of the clouds write into one document, series after series.
 * truth_begin, any number of truth_label, truth_end.
 */
#ifndef CLOUDSIM_TRUTH_H
#define CLOUDSIM_TRUTH_H

#include "tests/cloudsim/sim.h"

struct truth_writer {
    struct buf *out;
    bool any;
};

void truth_begin(struct truth_writer *w, const char *family, const char *cloud);
void truth_label(struct truth_writer *w, const char *name, sv value);
void truth_end(struct truth_writer *w, uint64_t value);
void truth_end_decimal(struct truth_writer *w, uint64_t value, unsigned digits); /* value * 10^-digits */

/* Upper bound of a bucket as label `le` spells it. */
sv truth_bound(unsigned bucket, char out[32]);

#endif
