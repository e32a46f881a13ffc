/* argv to verbs, verbs to exit codes; nothing else. */
#include <stdio.h>

#include "collector/core/check.h"
#include "collector/core/daemon.h"
#include "collector/core/explain.h"
#include "collector/core/flags.h"
#include "collector/core/normalize.h"
#include "collector/core/process.h"

static enum err_code print(struct buf *b, struct err *e)
{
    enum err_code code = ERR_OK;

    if (b->failed || fwrite(b->at, 1, b->len, stdout) != b->len || fflush(stdout) != 0)
        code = err_set(e, ERR_IO, "cannot write to standard output");
    buf_done(b);
    return code;
}

static enum err_code run_run(const struct flags *f, struct err *e)
{
    return daemon_run(f, e);
}

static enum err_code run_check(const struct flags *f, struct err *e)
{
    return check(f, e);
}

static enum err_code run_normalize(const struct flags *f, struct err *e)
{
    return normalize(&(struct normalize_options){ .from = f->from,
                                                  .to = f->to,
                                                  .output = f->output,
                                                  .files = (const char *const *)f->args,
                                                  .n_files = (int)f->n_args },
                     e);
}

static enum err_code run_explain(const struct flags *f, struct err *e)
{
    const char *dir = f->storage_path;
    struct settings s = { 0 };
    struct buf out;
    enum err_code code = ERR_OK;

    /* Without --storage.path the configuration says where the journal is. */
    if (!dir) {
        code = daemon_settings(f, &s, e);
        dir = s.storage.path;
    }
    buf_init(&out, (size_t)1 << 30);
    if (code == ERR_OK)
        code = explain(dir, sv_of(f->args[0]), f->at_unix_nano, &out, e);
    /* What was found before it failed (several series that match) is shown too. */
    if (out.len) {
        struct err ignored;

        (void)print(&out, code ? &ignored : e);
    }
    buf_done(&out);
    settings_done(&s);
    return code;
}

static enum err_code run_version(const struct flags *f, struct err *e)
{
    (void)f;
    return printf("trefoil %s (%s)\n", TREFOIL_VERSION, TREFOIL_REVISION) < 0
               ? err_set(e, ERR_IO, "cannot write to standard output")
               : ERR_OK;
}

static enum err_code (*const verbs[VERBS])(const struct flags *f, struct err *e) = {
    [VERB_RUN] = run_run,         [VERB_CHECK] = run_check,     [VERB_NORMALIZE] = run_normalize,
    [VERB_EXPLAIN] = run_explain, [VERB_VERSION] = run_version,
};

int main(int argc, char **argv)
{
    struct flags f;
    struct err e = { 0 };

    if (process_guard_stdio(&e))
        return EXIT_FAILED; /* and nobody to tell */
    if (flags_parse(&f, argc, argv, &e)) {
        fprintf(stderr, "trefoil: %s (trefoil --help)\n", e.text);
        return EXIT_USAGE;
    }
    if (f.help == FLAG_YES) {
        struct buf help;

        buf_init(&help, 64 << 10);
        flags_help(&f, &help);
        return print(&help, &e) ? EXIT_FAILED : EXIT_FINE;
    }
    if (verbs[f.verb](&f, &e)) {
        fprintf(stderr, "trefoil: %s\n", e.text);
        return EXIT_FAILED;
    }
    return EXIT_FINE;
}
