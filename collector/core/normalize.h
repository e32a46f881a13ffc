/*
 * normalize: raw cloud payloads to unified records, without a daemon.
 *
 * Formats are those of the registered sources. A record that cannot be mapped is told on standard error with its place and does
 * not stop the rest.
 */
#ifndef CORE_NORMALIZE_H
#define CORE_NORMALIZE_H

#include "collector/base/err.h"

enum { NORMALIZE_INPUT_MAX = 256 << 20 };

struct normalize_options {
    const char *from;         /* format name, or "auto" */
    const char *to;           /* "json" (a record a line), "pb" (length-delimited trefoil.v1.Frame) */
    const char *output;       /* file; NULL or "-": standard output */
    const char *const *files; /* "-": standard input */
    int n_files;              /* 0: standard input */
};

/* ERR_OK also when single records were set aside. ERR_CONFIG: unknown format; ERR_PARSE: nothing of a file could be read. */
MUST_USE enum err_code normalize(const struct normalize_options *o, struct err *e);

#endif
