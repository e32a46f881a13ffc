/*
 * trefoil.yaml as a whole: the top-level option table and what was bound from it.
 *
 * The table is a static part plus one row for each registered source, so a new cloud is known here by being registered.
 * Keys of later issues are unknown keys, not ignored ones.
 *
 * Ownership:     settings own all that they point to, sources' configurations too: settings_done after the sources are
 * closed. Errors:        ERR_CONFIG with "FILE:LINE: ..." and the remedy; ERR_IO when the file cannot be read.
 * Thread-safety: loading from one thread; read-only afterwards.
 */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include "collector/base/clock.h"
#include "collector/config/config.h"
#include "collector/config/secret.h"
#include "collector/sources/source.h"

enum { SOURCE_ID_MAX = 64 };

struct settings_journal {
    int64_t segment_bytes, max_bytes, retention_ms;
    int when_full; /* enum journal_when_full */
};

struct settings_storage {
    const char *path;
    int64_t reserve_bytes;
    struct settings_journal journal;
};

struct settings_web {
    const char *listen_address;
    bool enable_lifecycle;
    const char *config_file; /* NULL: none */
};

enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
extern const char *const settings_log_levels[];  /* by enum log_level, ends with NULL */
extern const char *const settings_log_formats[]; /* by enum log_format, ends with NULL */

struct settings_log {
    int level;  /* enum log_level */
    int format; /* enum log_format */
};

enum privacy_caller { PRIVACY_DROP, PRIVACY_KEEP, PRIVACY_PSEUDONYMIZE };

struct settings_privacy {
    int content; /* PRIVACY_DROP, the only choice so far */
    enum privacy_caller caller;
    struct secret caller_key; /* with PRIVACY_PSEUDONYMIZE */
    bool caller_series;
};

struct settings_limits {
    int64_t series, callers, series_expiry_ms, memory_bytes;
};

/* One configured source. `id` is unique among all. */
struct settings_source {
    const struct source_ops *ops;
    const void *config; /* of ops->config_size */
    const char *id;
    int line;
    struct source_budget budget;
};

struct settings {
    struct string_list models; /* publishers, lower case, at least one */
    struct settings_privacy privacy;
    struct settings_storage storage;
    struct settings_web web;
    struct settings_log log;
    struct settings_limits limits;
    int64_t poll_threads, initial_window_ms;

    const struct settings_source *sources;
    size_t n_sources;

    bool scaled; /* testing.clock was given: `clock` is to be set */
    struct clock_scale clock;

    struct config_file file;
};

/* `registry` ends with NULL (source_registry). On failure *s is empty and needs no settings_done (which accepts it). */
MUST_USE enum err_code settings_load(struct settings *s, const char *path, const struct source_ops *const *registry,
                                     struct err *e);
MUST_USE enum err_code settings_parse(struct settings *s, const char *name, sv text,
                                      const struct source_ops *const *registry, struct err *e);
void settings_done(struct settings *s);

/* The commented file with every key of the product and of the registered sources. */
void settings_reference(struct buf *out, const struct source_ops *const *registry);

/* Whether nothing but this machine can answer at an http(s) URL: localhost, 127.0.0.0/8, [::1]. */
bool settings_url_is_loopback(sv url);

#endif
