/*
 * Which format some bytes are, for `normalize --from auto`: decided on the names that occur as keys ("name": or "name" :) in
 * their beginning, so that a document that is cut off or broken is recognized all the same.
 *
 * Thread-safety: pure.
 */
#ifndef SOURCES_DETECT_H
#define SOURCES_DETECT_H

#include "collector/base/sv.h"

enum { FORMAT_KEYS = 3 };

/* A row fits when every one of its keys occurs. */
struct format_keys {
    const char *format;
    const char *keys[FORMAT_KEYS];
};

/* The first row that fits; empty when none does or the bytes do not begin as JSON. */
sv detect_format(sv bytes, const struct format_keys *rows, size_t n);

#endif
