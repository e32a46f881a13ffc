/*
 * Configuration: one YAML file, bound to plain structs through option tables.
 *
 * Every key stands in one table (name, type, default, limits, unit, one sentence); help, checks and documentation come
 * from it. Unknown keys are refused with line and suggestion. A missing file section takes its defaults.
 *
 * Ownership:     config_load gives a file that owns everything bound from it (strings, lists): free it when the
 *                structs are no longer used.
 * Errors:        ERR_CONFIG with "FILE:LINE: ..." and the remedy; ERR_IO when the file cannot be read.
 * Thread-safety: loading and binding from one thread; bound structs are read-only afterwards.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "collector/base/arena.h"
#include "collector/base/buf.h"
#include "collector/base/err.h"

enum { CONFIG_FILE_MAX = 1 << 20, CONFIG_DEPTH_MAX = 16, CONFIG_NODES_MAX = 100000 };

struct config_node; /* one YAML value with its line */

struct config_file {
    struct arena arena;
    const char *path;
    struct config_node *root; /* a mapping; NULL for an empty file */
};

MUST_USE enum err_code config_load(struct config_file *f, const char *path, struct err *e);
/* The same from memory; `name` stands in messages. */
MUST_USE enum err_code config_parse(struct config_file *f, const char *name, sv text, struct err *e);
void config_done(struct config_file *f);

enum option_type {
    OPT_BOOL,     /* bool */
    OPT_INT,      /* int64_t */
    OPT_FLOAT,    /* double */
    OPT_DURATION, /* int64_t milliseconds: 500ms, 90s, 5m, 2h, 7d */
    OPT_SIZE,     /* int64_t bytes: 64MiB, 900KiB, 1GB */
    OPT_STRING,   /* const char *; NULL when absent without default */
    OPT_SECRET,   /* struct secret (secret.h): only file:PATH or env:NAME */
    OPT_CHOICE,   /* int: index into choices */
    OPT_STRINGS,  /* struct string_list; a single scalar is a list of one */
    OPT_SECTION,  /* a struct bound by `sub` in place */
    OPT_SECTIONS, /* struct section_list of structs of sub_size: a list of mappings, or one mapping for a list of one */
    OPT_ANY,      /* const struct config_node *: bound later by its owner */
};

struct string_list {
    const char **at;
    size_t n;
};

struct section_list {
    void *at; /* n structs of the option's sub_size */
    size_t n;
    const int *lines; /* where each begins */
};

/* One row; a table ends with a zero row. */
struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    const char *dflt; /* as it would be written, a list without brackets; NULL: absent */
    double min, max;  /* both 0: no limits; in the type's base unit */
    const char *unit; /* "ms", "bytes", ... for the reference */
    const char *help; /* one sentence */
    const char *const *choices;
    const struct option *sub;
    size_t sub_size;
    bool hidden;   /* not in help and documentation */
    bool required; /* its absence is an error */
};

/* Fills `out` from `node` (NULL: all defaults), which must be a mapping. `where` names the section in messages. */
MUST_USE enum err_code config_bind(struct config_file *f, const struct config_node *node, const char *where,
                                   const struct option *table, void *out, struct err *e);

int config_line(const struct config_node *node);

/* The commented reference of a table in YAML: every key with help, unit and default, commented out. */
void config_reference(struct buf *out, const struct option *table, unsigned indent);

#endif
