/*
 * The exposed metric families: one table of names, types, helps, labels and units (design: names are promises).
 *
 * Amounts are kept as int64 in units of 10^-digits of the family's unit (nanoseconds for seconds, nano-units for money),
 * so that sums are exact and the same on every machine.
 */
#ifndef LEDGER_FAMILY_H
#define LEDGER_FAMILY_H

#include "collector/base/sv.h"

/* In the order in which they are written. The first seven are the identity labels. */
enum label {
    LABEL_CLOUD,
    LABEL_ACCOUNT,
    LABEL_CLOUD_REGION,
    LABEL_PLATFORM,
    LABEL_RESOURCE,
    LABEL_DEPLOYMENT,
    LABEL_MODEL,
    LABEL_OPERATION,
    LABEL_TIER,
    LABEL_OUTCOME,
    LABEL_CODE,
    LABEL_DIRECTION,
    LABEL_PART,
    LABEL_CATEGORY,
    LABEL_ACTION,
    LABEL_STAT,
    LABEL_UNIT,
    LABEL_SERVED_REGION,
    LABEL_SERVED_JURISDICTION,
    LABEL_CALLER,
    LABEL_CURRENCY,
    LABEL_DAY_OFFSET,
    LABELS,
};

#define LABEL_BIT(l)    (UINT32_C(1) << (l))
#define LABELS_IDENTITY (LABEL_BIT(LABEL_OPERATION) - 1)

/* A peak is a gauge that the ledger makes: the amounts of all native series of a minute are added, and the busiest of the last
 * PEAK_MINUTES minutes that were told is shown. What is billed is a gauge of exact amounts, one for each of the last BILLED_DAYS
 * days (ledger_billed), which no rule adds to. */
enum family_type {
    FAMILY_COUNTER,
    FAMILY_HISTOGRAM,
    FAMILY_SUMMARY,
    FAMILY_GAUGE,
    FAMILY_PEAK,
    FAMILY_BILLED,
    FAMILY_TYPES
};
enum { PEAK_MINUTES = 15, BILLED_DAYS = 4 };

struct family {
    const char *name;
    enum family_type type;
    uint32_t labels; /* bits of enum label */
    unsigned digits; /* amounts are in 10^-digits; gauges are doubles and have none */
    const char *help;
};

/* Sorted by name; a family is addressed by its index. Indexes are not stored anywhere: names are. */
extern const struct family families[];
extern const size_t n_families;

int family_find(sv name); /* -1 when there is none */
int label_find(sv name);  /* -1 */
const char *label_name(enum label l);

/* The one histogram layout of the product: OpenTelemetry's duration bounds, extended. In seconds, without +Inf. */
enum { HISTOGRAM_BOUNDS = 17, HISTOGRAM_CELLS = HISTOGRAM_BOUNDS + 2 /* buckets with +Inf, then the sum */ };
extern const double histogram_bounds[HISTOGRAM_BOUNDS];

/* Index of the bucket that holds `value` (upper bounds inclusive). */
unsigned histogram_bucket(double value);

/* Cells of a series of this family: counter 1, summary 2 (sum, count), histogram HISTOGRAM_CELLS, gauge and peak 0. */
unsigned family_cells(int family);

#endif
