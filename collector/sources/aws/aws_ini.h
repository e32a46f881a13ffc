/*
 * AWS's shared files ("config" and "credentials"): sections of key = value lines.
 *
 * Read as the SDKs read them: keys without regard to case, blanks around '=' dropped, '#' and ';' begin a comment at the
 * start of a line and behind a blank, a later value wins, indented lines belong to a nested value and are left out, as
 * are sections that are no profile. In a config file profiles are [default] and [profile NAME], NAME perhaps quoted.
 *
 * Ownership:     everything lives in the arena given to aws_ini_read.
 * Errors:        ERR_CONFIG with file and line, never with the line's text, which may be a secret.
 * Thread-safety: none; one struct, one thread.
 */
#ifndef AWS_INI_H
#define AWS_INI_H

#include "collector/base/arena.h"
#include "collector/base/err.h"

enum { AWS_INI_BYTES_MAX = 1 << 20 };

struct aws_ini_line {
    sv profile, key, value; /* an empty key: the profile's header */
};

struct aws_ini {
    struct aws_ini_line *at;
    size_t n, cap;
};

enum aws_ini_kind { AWS_INI_CONFIG, AWS_INI_CREDENTIALS };

/* `file` is its name in messages. */
MUST_USE enum err_code aws_ini_parse(struct aws_ini *ini, enum aws_ini_kind kind, const char *file, sv bytes,
                                     struct arena *a, struct err *e);

/* A file that is not there is an empty one unless `needed`. */
MUST_USE enum err_code aws_ini_read(struct aws_ini *ini, enum aws_ini_kind kind, const char *file, bool needed,
                                    struct arena *a, struct err *e);

bool aws_ini_has(const struct aws_ini *ini, sv profile);
sv aws_ini_get(const struct aws_ini *ini, sv profile, sv key); /* key in lower case; empty when absent */

#endif
