/*
 * Text format 0.0.4, piece by piece: one family after the other, each with HELP and TYPE once, samples of it together.
 *
 * Label values are escaped, names are trusted (they come from tables). Thread-safety: pure over the buffer.
 */
#ifndef EXPORTERS_PROMETHEUS_EXPOSITION_H
#define EXPORTERS_PROMETHEUS_EXPOSITION_H

#include "collector/base/buf.h"

void exposition_family(struct buf *out, const char *name, const char *type, const char *help);

/* Escaped label value: backslash, quote and line feed; other control bytes become spaces, invalid UTF-8 U+FFFD. */
void exposition_value(struct buf *out, sv value);

struct exposition_label {
    const char *name;
    sv value;
};

/* name{labels} value. Labels with an empty value are left out, which Prometheus reads as the same. */
void exposition_i64(struct buf *out, const char *name, const struct exposition_label *labels, size_t n, int64_t value);
/* value * 10^-digits, exactly. */
void exposition_decimal(struct buf *out, const char *name, const struct exposition_label *labels, size_t n,
                        int64_t value, unsigned digits);
void exposition_f64(struct buf *out, const char *name, const struct exposition_label *labels, size_t n, double value);

#endif
