/*
 * explain: where a number comes from. Folds the journal anew, read-only, and prints what changed the series: which frame, which
 * metric or log, which bucket, by how much. Works beside a running daemon.
 */
#ifndef CORE_EXPLAIN_H
#define CORE_EXPLAIN_H

#include "collector/base/arena.h"
#include "collector/base/buf.h"
#include "collector/base/err.h"

/* `series` as Prometheus writes it: family, or family{label="value",...} with as many labels as needed. `at` (unix
 * nanoseconds, 0: no limit): as of the frames written until then. Prints to `out`.
 * ERR_CONFIG: no such series, or more than one (they are listed). */
MUST_USE enum err_code explain(const char *storage_dir, sv series, int64_t at, struct buf *out, struct err *e);

/* "name{a=\"b\",c=\"d\"}" in parts (fuzzed). */
enum { MATCHERS_MAX = 32 };
struct matcher {
    sv label, value;
};
MUST_USE enum err_code series_parse(sv text, struct arena *a, sv *name, struct matcher out[MATCHERS_MAX], size_t *n,
                                    struct err *e);

#endif
