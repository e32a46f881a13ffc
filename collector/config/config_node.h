/*
 * The YAML tree behind config.h, for the few who look at it without an option table (OPT_ANY, checks across sections).
 *
 * Scalars keep their text; what type it is, the option table says. Children of a list or mapping are chained in the
 * order of the file; in a mapping each child knows its key, and no key stands twice.
 *
 * Ownership:     nodes live in their file's arena.
 * Thread-safety: read-only once parsed.
 */
#ifndef CONFIG_CONFIG_NODE_H
#define CONFIG_CONFIG_NODE_H

#include "collector/config/config.h"

enum config_kind { CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAPPING };

struct config_node {
    enum config_kind kind;
    bool quoted; /* a scalar in quotes or as a block: never null */
    int line;
    sv key;         /* in a mapping; empty elsewhere */
    sv text;        /* of a scalar, terminated, without a NUL inside */
    size_t n_items; /* of a list or mapping */
    struct config_node *first, *next;
};

/* `null`, `~`: written as "take the default". */
bool config_is_null(const struct config_node *n);

/* The member of a mapping; NULL when absent or when `n` is NULL or no mapping. */
const struct config_node *config_find(const struct config_node *n, sv key);

/* ERR_CONFIG with "FILE:LINE: WHERE: " in front; line 0 and empty `where` are left out. */
enum err_code config_err(const struct config_file *f, int line, const char *where, struct err *e, const char *format,
                         ...) PRINTF_LIKE(5, 6);

/* What stands there, for "found ...": 'text', shortened and without control bytes, or "a list". At most 80 bytes. */
struct config_found {
    char text[96];
};
struct config_found config_found(const struct config_node *n);

#endif
