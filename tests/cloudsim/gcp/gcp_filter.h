/*
 * The filter language of Cloud Logging and Cloud Monitoring, as far as both share it (AIP-160): comparisons joined by
 * AND, OR, NOT and `-`, parentheses, values in double quotes or bare, lists f=("a" OR "b"), functions on either side:
 * log_id("x"), f = starts_with("x"). What a field means is the caller's.
 *
 * OR binds tighter than AND, and NOT tighter than both: `a OR b AND c` is `(a OR b) AND c`. Comparisons side by side are
 * joined by AND. The operators are in capitals; `and` is a word like any other, and no comparison.
 *
 * Ownership:     a filter lives in the arena that it was parsed with.
 * Thread-safety: pure functions.
 */
#ifndef CLOUDSIM_GCP_FILTER_H
#define CLOUDSIM_GCP_FILTER_H

#include "collector/base/arena.h"
#include "collector/base/err.h"

enum { GCP_FILTER_BYTES_MAX = 20000, GCP_FILTER_DEPTH_MAX = 32 };

enum gcp_filter_kind { GCP_FILTER_AND, GCP_FILTER_OR, GCP_FILTER_NOT, GCP_FILTER_TEST };
enum gcp_compare { GCP_EQ, GCP_NE, GCP_LT, GCP_LE, GCP_GT, GCP_GE, GCP_HAS, GCP_MATCH, GCP_NO_MATCH };

struct gcp_filter {
    enum gcp_filter_kind kind;
    const struct gcp_filter *left, *right; /* right: of AND and OR */
    /* Of a test: */
    sv field;    /* quotes of segments taken away; empty: a function that stands alone */
    sv function; /* on the value's side, or alone; empty: none */
    enum gcp_compare compare;
    const sv *values; /* one or more: a list is an OR of equal comparisons, or a function's arguments */
    size_t n_values;
};

/* An empty text gives NULL with ERR_OK: all. ERR_PARSE tells where it went wrong. */
MUST_USE enum err_code gcp_filter_parse(struct arena *a, sv text, const struct gcp_filter **out, struct err *e);

/* Whether it holds, given the answer to each test. NULL holds. */
typedef bool (*gcp_filter_test)(void *self, const struct gcp_filter *test);
bool gcp_filter_holds(const struct gcp_filter *f, gcp_filter_test test, void *self);

/* Calls `each` for every test; `must` is true for those that hold whenever the whole does (joined by AND alone). */
void gcp_filter_walk(const struct gcp_filter *f, void (*each)(void *self, const struct gcp_filter *test, bool must),
                     void *self);

/* A value compared as text, by the test's comparator, list and function; a function that is not known is false. */
bool gcp_filter_text(const struct gcp_filter *test, sv value);
/* The functions of Monitoring on the value's side: starts_with, ends_with, has_substring, one_of,
 * monitoring.regex.full_match. */
bool gcp_filter_function_known(sv name);

#endif
