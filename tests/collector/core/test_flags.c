/* The command line, as a table of lines and what becomes of them; help that fits a screen. */
#include <stdlib.h>

#include "collector/base/log.h"
#include "collector/core/flags.h"

#include "tests/tap.h"

enum { WORDS_MAX = 16 };

/* A line cut at blanks, as a shell would. The words live until the next line. */
struct line {
    char text[512];
    char *argv[WORDS_MAX];
    int argc;
};

static struct line *line_of(const char *text)
{
    static struct line l;
    char *rest = l.text;

    snprintf(l.text, sizeof l.text, "%s", text);
    l.argc = 0;
    for (char *word; (word = strsep(&rest, " ")) && l.argc < WORDS_MAX - 1;)
        l.argv[l.argc++] = word;
    l.argv[l.argc] = NULL;
    return &l;
}

static enum err_code parse(const char *text, struct flags *f, struct err *e)
{
    struct line *l = line_of(text);

    return flags_parse(f, l->argc, l->argv, e);
}

/* clang-format off */
static const struct { const char *line, *message; } bad[] = {
    { "trefoil --confg.file=x",               "unknown flag --confg.file, did you mean --config.file?" },
    { "trefoil run --storage x",              "unknown flag --storage, did you mean --storage.path?" },
    { "trefoil --verison",                    "unknown flag --verison, did you mean --version?" },
    { "trefoil --listen-address=:1",          "unknown flag --listen-address, did you mean --web.listen-address?" },
    { "trefoil --zzz",                        "unknown flag --zzz" },
    { "trefoil --=x",                         "unknown flag --" },
    { "trefoil -config.file x",               "unknown flag -config.file, did you mean --config.file?" },
    { "trefoil -x",                           "unknown flag -x" },
    { "trefoil -hx",                          "unknown flag -hx" },
    { "trefoil chekc",                        "unknown command 'chekc', did you mean check?" },
    { "trefoil zebra",                        "unknown command 'zebra'" },
    { "trefoil run now",                      "run: 'now' is one argument too many" },
    { "trefoil explain",                      "explain: want SERIES" },
    { "trefoil explain a b",                  "explain: 'b' is one argument too many" },
    { "trefoil --config.file",                "--config.file: want FILE after it" },
    { "trefoil --config.file --log.level=info", "--config.file: want FILE after it" },
    { "trefoil --config.file=",               "--config.file: empty, want FILE" },
    { "trefoil normalize -o",                 "-o: want FILE after it" },
    { "trefoil --log.level=verbose",          "--log.level: want debug, info, warn or error, found 'verbose'" },
    { "trefoil --log.level=inof",             "--log.level: want debug, info, warn or error, found 'inof', did you mean info?" },
    { "trefoil --log.level=debgu",            "--log.level: want debug, info, warn or error, found 'debgu', did you mean debug?" },
    { "trefoil --log.format xml",             "--log.format: want logfmt or json, found 'xml'" },
    { "trefoil normalize --to archive",       "--to: want json or pb (default json), found 'archive'" },
    { "trefoil check --connect=maybe",        "--connect: want no value, true or false, found 'maybe'" },
    { "trefoil explain a --at yesterday",     "--at: want a time such as 2026-11-20T10:00:00Z, found 'yesterday'" },
    { "trefoil --connect",                    "--connect is a flag of check, not of run" },
    { "trefoil --connect run",                "--connect is a flag of check, not of run" },
    { "trefoil check -o x",                   "-o is a flag of normalize, not of check" },
    { "trefoil normalize --web.config.file x", "--web.config.file is a flag of run, not of normalize" },
    { "trefoil --log.level info --log.level=debug", "--log.level: given twice" },
    { "trefoil normalize -o a --output b",    "--output: given twice" },
};
/* clang-format on */

static void every_wrong_line_is_refused_in_its_own_words(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct flags f;
        struct err e = { 0 };

        if (!OK(parse(bad[i].line, &f, &e) == ERR_CONFIG && strcmp(e.text, bad[i].message) == 0))
            printf("# of:   %s\n# want: %s\n# got:  %s\n", bad[i].line, bad[i].message, e.text);
    }
}

static void no_words_mean_run(void)
{
    struct flags f;
    struct err e = { 0 };

    OK(parse("trefoil", &f, &e) == ERR_OK);
    OK(f.verb == VERB_RUN && !f.verb_given && !f.help && f.n_args == 0);
    OK(strcmp(f.config_file, "trefoil.yaml") == 0 && !f.storage_path && !f.enable_lifecycle);
}

static void both_ways_to_give_a_value_are_the_same(void)
{
    struct flags f;
    struct err e = { 0 };

    OK(parse("trefoil --config.file=a.yaml --log.level debug run --storage.path /d --web.enable-lifecycle", &f, &e) ==
       ERR_OK);
    OK(strcmp(f.config_file, "a.yaml") == 0 && strcmp(f.log_level, "debug") == 0 && strcmp(f.storage_path, "/d") == 0);
    OK(f.verb == VERB_RUN && f.verb_given && f.enable_lifecycle == FLAG_YES);
    OK(parse("trefoil --config.file=--odd --web.enable-lifecycle=false", &f, &e) == ERR_OK);
    OK(strcmp(f.config_file, "--odd") == 0 && f.enable_lifecycle == FLAG_NO);
}

static void each_command_has_flags_of_its_own(void)
{
    struct flags f;
    struct err e = { 0 };

    OK(parse("trefoil check --connect", &f, &e) == ERR_OK && f.verb == VERB_CHECK && f.connect == FLAG_YES);
    OK(parse("trefoil explain --at=1970-01-01T00:00:01Z genai_requests_total{cloud=\"azure\"}", &f, &e) == ERR_OK);
    OK(f.verb == VERB_EXPLAIN && f.at_unix_nano == 1000000000 && f.n_args == 1);
    OK(strcmp(f.args[0], "genai_requests_total{cloud=\"azure\"}") == 0);
    OK(parse("trefoil version", &f, &e) == ERR_OK && f.verb == VERB_VERSION);
    OK(parse("trefoil --version", &f, &e) == ERR_OK && f.verb == VERB_VERSION);
}

static void files_are_kept_in_order(void)
{
    struct flags f;
    struct err e = { 0 };

    OK(parse("trefoil normalize a --from x b - -oout --to pb -- -c --from", &f, &e) == ERR_OK);
    OK(strcmp(f.from, "x") == 0 && strcmp(f.to, "pb") == 0 && strcmp(f.output, "out") == 0);
    if (!OK(f.n_args == 5))
        return;
    OK(strcmp(f.args[0], "a") == 0 && strcmp(f.args[1], "b") == 0 && strcmp(f.args[2], "-") == 0);
    OK(strcmp(f.args[3], "-c") == 0 && strcmp(f.args[4], "--from") == 0);
    OK(parse("trefoil normalize -o=x -", &f, &e) == ERR_OK && strcmp(f.output, "x") == 0 && f.n_args == 1);
    OK(strcmp(f.from, "auto") == 0 && strcmp(f.to, "json") == 0);
}

/* 24 lines of 80 columns, whatever was asked. */
static bool fits(const char *line, const char *holds)
{
    struct flags f;
    struct err e = { 0 };
    struct buf b = { 0 };
    size_t lines = 0, widest = 0;
    bool found;

    if (parse(line, &f, &e) || f.help != FLAG_YES) {
        printf("# %s: %s\n", line, e.text);
        return false;
    }
    flags_help(&f, &b);
    found = sv_has(buf_sv(&b), sv_of(holds));
    for (sv rest = buf_sv(&b); rest.len; lines++) {
        size_t n = sv_cut(&rest, '\n').len;

        widest = n > widest ? n : widest;
    }
    if (lines > 24 || widest > 80 || !found)
        printf("# %zu lines, %zu columns, found %d:\n%.*s", lines, widest, found, SV_ARG(buf_sv(&b)));
    buf_done(&b);
    return lines <= 24 && widest <= 80 && found;
}

static void help_fits_a_screen(void)
{
    OK(fits("trefoil --help", "commands (trefoil COMMAND --help tells more):\n  run "));
    OK(fits("trefoil -h", "  --web.listen-address=ADDR "));
    OK(fits("trefoil run --help", "usage: trefoil run [flags]\n"));
    OK(fits("trefoil --help check", "  --connect "));
    OK(fits("trefoil normalize -h", "usage: trefoil normalize [flags] [FILE...]\n"));
    OK(fits("trefoil normalize -h", "  -o, --output=FILE "));
    OK(fits("trefoil explain --help", "usage: trefoil explain [flags] SERIES\n"));
    OK(fits("trefoil version --help", "  -h, --help "));
}

static const struct source_ops *const no_sources[] = { NULL };

static void the_command_line_wins_over_the_file(void)
{
    struct settings s;
    struct flags f;
    struct err e = { 0 };

    OK(settings_parse(&s, "t.yaml",
                      SV("storage: {path: /file}\nweb: {enable_lifecycle: true, listen_address: \":1\"}\n"), no_sources,
                      &e) == ERR_OK);
    OK(parse("trefoil", &f, &e) == ERR_OK);
    flags_apply(&f, &s);
    OK(strcmp(s.storage.path, "/file") == 0 && s.web.enable_lifecycle && strcmp(s.web.listen_address, ":1") == 0);
    OK(s.log.level == LOG_LEVEL_INFO && s.log.format == LOG_FORMAT_LOGFMT && !s.web.config_file);
    OK(parse("trefoil --storage.path=/flag --web.listen-address=:2 --web.enable-lifecycle=false --web.config.file w "
             "--log.level "
             "error --log.format json",
             &f, &e) == ERR_OK);
    flags_apply(&f, &s);
    OK(strcmp(s.storage.path, "/flag") == 0 && !s.web.enable_lifecycle && strcmp(s.web.listen_address, ":2") == 0);
    OK(s.log.level == LOG_LEVEL_ERROR && s.log.format == LOG_FORMAT_JSON && strcmp(s.web.config_file, "w") == 0);
    settings_done(&s);
}

int main(void)
{
    RUN(every_wrong_line_is_refused_in_its_own_words);
    RUN(no_words_mean_run);
    RUN(both_ways_to_give_a_value_are_the_same);
    RUN(each_command_has_flags_of_its_own);
    RUN(files_are_kept_in_order);
    RUN(help_fits_a_screen);
    RUN(the_command_line_wins_over_the_file);
    return tap_done();
}
