/*
 * The command line: a command, its flags, and what is left.
 *
 * Flags are --name=VALUE or --name VALUE, in any order, before or after the command; -- ends them and - is a file. Help
 * is made of the same table that is parsed from. No command means run.
 *
 * Ownership:     all texts are argv's; the arguments left over are moved to its front.
 * Errors:        ERR_CONFIG with a text for the operator; the caller exits with EXIT_USAGE.
 * Thread-safety: main's.
 */
#ifndef CORE_FLAGS_H
#define CORE_FLAGS_H

#include "collector/base/buf.h"
#include "collector/core/settings.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum verb { VERB_RUN, VERB_CHECK, VERB_NORMALIZE, VERB_EXPLAIN, VERB_VERSION, VERBS };

enum flag_state { FLAG_UNSET, FLAG_NO, FLAG_YES };

/* NULL, UNSET and 0: not given. */
struct flags {
    enum verb verb;
    bool verb_given;
    enum flag_state help;

    /* those of run and check; explain has the first two */
    const char *config_file; /* "trefoil.yaml" when not given */
    const char *storage_path, *listen_address, *web_config_file, *log_level, *log_format;
    enum flag_state enable_lifecycle;

    enum flag_state connect; /* check */

    const char *from, *to, *output; /* normalize; "auto", "json", NULL for standard output */

    int64_t at_unix_nano; /* explain */

    /* What is no flag: explain's SERIES, normalize's files. */
    char **args;
    size_t n_args;
};

MUST_USE enum err_code flags_parse(struct flags *f, int argc, char **argv, struct err *e);

/* The help that was asked for: of the command if one was given, else of the program. At most 24 lines of 80 columns. */
void flags_help(const struct flags *f, struct buf *out);

/* What was given on the command line wins over the file. */
void flags_apply(const struct flags *f, struct settings *s);

const char *verb_name(enum verb v);

#endif
