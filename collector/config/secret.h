/*
 * Secrets: references in the configuration, bytes only while they are needed.
 *
 * A secret is written as `file:/path` (read anew for each use, since files rotate; refused when its group or others may
 * read it, unless it lies in a directory that the platform mounts read-only such as /run/secrets or /var/run/secrets)
 * or `env:NAME`. There is no print path: no format takes a struct secret, no dump shows one.
 *
 * Thread-safety: secret_read from any thread.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include "collector/base/buf.h"
#include "collector/base/err.h"

enum { SECRET_BYTES_MAX = 64 << 10 };

struct secret {
    const char *reference; /* NULL: none configured */
};

static inline bool secret_is_set(struct secret s)
{
    return s.reference != NULL;
}

/* Puts the secret's bytes into *out (a byte-order mark and a trailing line end are cut off). ERR_CONFIG names the
 * reference and the remedy, never the content. secret_wipe overwrites before it frees. */
MUST_USE enum err_code secret_read(struct secret s, struct buf *out, struct err *e);
void secret_wipe(struct buf *b);

/* Whether the reference has one of the two forms; used when configuration is bound. */
bool secret_reference_ok(const char *reference);

#endif
