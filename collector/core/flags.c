/*
 * Two tables, commands and flags; parsing, help and suggestions walk them.
 *
 * Flags may stand before the command, so they are taken first and it is checked at the end whether each belongs to it.
 * A name means one thing for all commands that have it.
 */
#include "collector/core/flags.h"

#include <stdio.h>

#include "collector/config/suggest.h"

enum { HELP_COLUMN = 33 };

struct verb_row {
    const char *name, *arguments;
    size_t args_min, args_max;
    const char *help;
};

enum flag_type { FLAG_SWITCH, FLAG_TEXT, FLAG_CHOICE, FLAG_TIME };

struct flag_row {
    const char *name;
    char letter; /* -o; 0: none */
    enum flag_type type;
    size_t offset;
    unsigned verbs;
    const char *value; /* in help */
    const char *help;
    const char *const *choices;
};

static const char *const outputs[] = { "json", "pb", NULL };

#define ANY SIZE_MAX

/* clang-format off */
static const struct verb_row verbs[VERBS] = {
    [VERB_RUN]       = { "run",       "",           0, 0,   "collect and serve (the default)" },
    [VERB_CHECK]     = { "check",     "",           0, 0,   "check the configuration, forecast API calls and their price" },
    [VERB_NORMALIZE] = { "normalize", " [FILE...]", 0, ANY, "turn raw cloud payloads into unified records (-: stdin)" },
    [VERB_EXPLAIN]   = { "explain",   " SERIES",    1, 1,   "recompute a number of /metrics from the journal" },
    [VERB_VERSION]   = { "version",   "",           0, 0,   "print version and revision" },
};

enum {
    RUN = 1 << VERB_RUN, CHECK = 1 << VERB_CHECK, NORMALIZE = 1 << VERB_NORMALIZE, EXPLAIN = 1 << VERB_EXPLAIN,
    ALL = (1 << VERBS) - 1,
};

#define AT(field) offsetof(struct flags, field)
static const struct flag_row rows[] = {
    { "config.file",          0,   FLAG_TEXT,   AT(config_file),      RUN | CHECK | EXPLAIN, "FILE",   "configuration (default trefoil.yaml)",       NULL },
    { "storage.path",         0,   FLAG_TEXT,   AT(storage_path),     RUN | CHECK | EXPLAIN, "DIR",    "directory of all that is kept",              NULL },
    { "web.listen-address",   0,   FLAG_TEXT,   AT(listen_address),   RUN | CHECK,           "ADDR",   "address of pages and /metrics",              NULL },
    { "web.enable-lifecycle", 0,   FLAG_SWITCH, AT(enable_lifecycle), RUN | CHECK,           NULL,     "answer POST /-/reload",                      NULL },
    { "web.config.file",      0,   FLAG_TEXT,   AT(web_config_file),  RUN | CHECK,           "FILE",   "TLS and users (exporter-toolkit's format)",  NULL },
    { "log.level",            0,   FLAG_CHOICE, AT(log_level),        RUN | CHECK | EXPLAIN, "LEVEL",  "debug, info, warn or error",                 settings_log_levels },
    { "log.format",           0,   FLAG_CHOICE, AT(log_format),       RUN | CHECK | EXPLAIN, "FORMAT", "logfmt or json",                             settings_log_formats },
    { "connect",              0,   FLAG_SWITCH, AT(connect),          CHECK,                 NULL,     "try each credential and permission",         NULL },
    { "from",                 0,   FLAG_TEXT,   AT(from),             NORMALIZE,             "FORMAT", "default auto; a wrong one lists all",       NULL },
    { "to",                   0,   FLAG_CHOICE, AT(to),               NORMALIZE,             "FORMAT", "json or pb (default json)",                  outputs },
    { "output",               'o', FLAG_TEXT,   AT(output),           NORMALIZE,             "FILE",   "where to write (default standard output)",   NULL },
    { "at",                   0,   FLAG_TIME,   AT(at_unix_nano),     EXPLAIN,               "TIME",   "as of then, such as 2026-11-20T10:00:00Z",   NULL },
    { "help",                 'h', FLAG_SWITCH, AT(help),             ALL,                   NULL,     "print this",                                 NULL },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* One flag as it stands on the command line. */
struct given {
    const struct flag_row *row;
    const char *spelled; /* "--web.listen-address", "-o" */
    const char *value;   /* behind '='; NULL: none */
};

struct parse {
    struct flags *f;
    char **argv;
    int argc, at;                     /* the next word */
    const char *spelled[COUNT(rows)]; /* of each row that was given, by its index */
    char texts[COUNT(rows)][32];      /* what they point to, for long ones */
    struct err *e;
};

const char *verb_name(enum verb v)
{
    return (unsigned)v < VERBS ? verbs[v].name : "";
}

static enum err_code unknown_flag(const struct parse *p, sv name)
{
    struct suggestion near = { .word = name };

    for (size_t i = 0; i < COUNT(rows); i++)
        suggest_offer(&near, rows[i].name);
    suggest_offer(&near, "version");
    return err_set(p->e, ERR_CONFIG, near.best ? "unknown flag --%.*s, did you mean --%s?" : "unknown flag --%.*s",
                   (int)(name.len < 100 ? name.len : 100), name.at, near.best);
}

static const struct flag_row *by_name(sv name)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (sv_eq(name, sv_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

static const struct flag_row *by_letter(char letter)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (letter && rows[i].letter == letter)
            return &rows[i];
    return NULL;
}

static enum err_code store_choice(const struct parse *p, const struct given *g, void *field)
{
    struct suggestion near = { .word = sv_of(g->value) };

    for (const char *const *c = g->row->choices; *c; c++) {
        if (strcmp(*c, g->value) == 0) {
            *(const char **)field = *c;
            return ERR_OK;
        }
        suggest_offer(&near, *c);
    }
    return err_set(p->e, ERR_CONFIG,
                   near.best ? "%s: want %s, found '%.60s', did you mean %s?" : "%s: want %s, found '%.60s'",
                   g->spelled, g->row->help, g->value, near.best);
}

static enum err_code store(const struct parse *p, const struct given *g)
{
    void *field = (char *)p->f + g->row->offset;

    switch (g->row->type) {
    case FLAG_SWITCH:
        if (g->value && strcmp(g->value, "true") != 0 && strcmp(g->value, "false") != 0)
            return err_set(p->e, ERR_CONFIG, "%s: want no value, true or false, found '%.60s'", g->spelled, g->value);
        *(enum flag_state *)field = g->value && g->value[0] == 'f' ? FLAG_NO : FLAG_YES;
        return ERR_OK;
    case FLAG_TEXT:
        *(const char **)field = g->value;
        return g->value[0] ? ERR_OK : err_set(p->e, ERR_CONFIG, "%s: empty, want %s", g->spelled, g->row->value);
    case FLAG_CHOICE:
        return store_choice(p, g, field);
    case FLAG_TIME:
        if (sv_to_time(sv_of(g->value), field))
            return ERR_OK;
        return err_set(p->e, ERR_CONFIG, "%s: want a time such as 2026-11-20T10:00:00Z, found '%.60s'", g->spelled,
                       g->value);
    }
    return ERR_OK;
}

/* A value that looks like a flag is a forgotten value; whoever means it writes --name=--value. */
static enum err_code take_flag(struct parse *p, struct given *g)
{
    const struct flag_row *row = g->row;
    const char *next = p->at < p->argc ? p->argv[p->at] : NULL;

    if (p->spelled[row - rows])
        return err_set(p->e, ERR_CONFIG, "%s: given twice", g->spelled);
    p->spelled[row - rows] = g->spelled;
    if (!g->value && row->type != FLAG_SWITCH) {
        if (!next || (next[0] == '-' && next[1]))
            return err_set(p->e, ERR_CONFIG, "%s: want %s after it", g->spelled, row->value);
        g->value = next;
        p->at++;
    }
    return store(p, g);
}

static enum err_code take_long(struct parse *p, const char *word)
{
    sv name = sv_of(word + 2);
    size_t eq = sv_find(name, '=');
    struct given g = { .value = eq < name.len ? name.at + eq + 1 : NULL };

    name = sv_first(name, eq);
    if (sv_eq(name, SV("version")) && !g.value) {
        p->f->verb = VERB_VERSION;
        p->f->verb_given = true;
        return ERR_OK;
    }
    g.row = by_name(name);
    if (!g.row)
        return unknown_flag(p, name);
    g.spelled = p->texts[g.row - rows];
    snprintf(p->texts[g.row - rows], sizeof p->texts[0], "--%s", g.row->name);
    return take_flag(p, &g);
}

static enum err_code take_short(struct parse *p, const char *word)
{
    static const char *const letters[] = { ['h'] = "-h", ['o'] = "-o" };
    struct given g = { .row = by_letter(word[1]) };

    if (!g.row || (word[2] && g.row->type == FLAG_SWITCH)) {
        const struct flag_row *meant = by_name(sv_of(word + 1));

        return err_set(p->e, ERR_CONFIG, meant ? "unknown flag %.60s, did you mean --%s?" : "unknown flag %.60s", word,
                       meant ? meant->name : "");
    }
    g.spelled = letters[(unsigned char)word[1]];
    g.value = word[2] ? word + 2 + (word[2] == '=') : NULL;
    return take_flag(p, &g);
}

static enum err_code take_verb(struct parse *p, const char *word)
{
    struct suggestion near = { .word = sv_of(word) };

    for (int v = 0; v < VERBS; v++) {
        if (strcmp(word, verbs[v].name) == 0) {
            p->f->verb = (enum verb)v;
            p->f->verb_given = true;
            return ERR_OK;
        }
        suggest_offer(&near, verbs[v].name);
    }
    return err_set(p->e, ERR_CONFIG,
                   near.best ? "unknown command '%.60s', did you mean %s?" : "unknown command '%.60s'", word,
                   near.best);
}

static enum err_code take_words(struct parse *p)
{
    bool flags_ended = false;

    while (p->at < p->argc) {
        char *word = p->argv[p->at++];
        bool flag = !flags_ended && word[0] == '-' && word[1];
        enum err_code code = ERR_OK;

        if (flag && strcmp(word, "--") == 0)
            flags_ended = true;
        else if (flag)
            code = word[1] == '-' ? take_long(p, word) : take_short(p, word);
        else if (!p->f->verb_given)
            code = take_verb(p, word);
        else
            p->f->args[p->f->n_args++] = word; /* never ahead of `at` */
        if (code)
            return code;
    }
    return ERR_OK;
}

static enum err_code check_flags(const struct parse *p)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned v = 0;

        if (!p->spelled[i] || rows[i].verbs & 1U << p->f->verb)
            continue;
        while (!(rows[i].verbs & 1U << v))
            v++;
        return err_set(p->e, ERR_CONFIG, "%s is a flag of %s, not of %s", p->spelled[i], verbs[v].name,
                       verbs[p->f->verb].name);
    }
    return ERR_OK;
}

static enum err_code check_args(const struct parse *p)
{
    const struct verb_row *v = &verbs[p->f->verb];

    if (p->f->n_args > v->args_max)
        return err_set(p->e, ERR_CONFIG, "%s: '%.60s' is one argument too many", v->name, p->f->args[v->args_max]);
    if (p->f->n_args < v->args_min)
        return err_set(p->e, ERR_CONFIG, "%s: want%s", v->name, v->arguments);
    return ERR_OK;
}

enum err_code flags_parse(struct flags *f, int argc, char **argv, struct err *e)
{
    struct parse p = { .f = f, .argv = argv, .argc = argc, .at = 1, .e = e };
    enum err_code code;

    *f = (struct flags){ .verb = VERB_RUN, .config_file = "trefoil.yaml", .from = "auto", .to = "json", .args = argv };
    code = take_words(&p);
    if (!code && f->help != FLAG_YES) {
        code = check_flags(&p);
        if (!code)
            code = check_args(&p);
    }
    return code;
}

static void put_flags(struct buf *out, unsigned mask)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        char left[64];

        if (!(rows[i].verbs & mask))
            continue;
        snprintf(left, sizeof left, "  %s%.*s%s--%s%s%s", rows[i].letter ? "-" : "", rows[i].letter != 0,
                 &rows[i].letter, rows[i].letter ? ", " : "", rows[i].name, rows[i].value ? "=" : "",
                 rows[i].value ? rows[i].value : "");
        buf_printf(out, "%-*s %s\n", HELP_COLUMN, left, rows[i].help);
    }
}

void flags_help(const struct flags *f, struct buf *out)
{
    if (f->verb_given) {
        const struct verb_row *v = &verbs[f->verb];

        buf_printf(out, "usage: trefoil %s [flags]%s\n\n%s\n\n", v->name, v->arguments, v->help);
        put_flags(out, 1U << f->verb);
        return;
    }
    buf_put(out, SV("Trefoil: one view of the OpenAI models that run on several clouds.\n\n"
                    "usage: trefoil [command] [flags] [arguments]\n\ncommands (trefoil COMMAND --help tells more):\n"));
    for (int v = 0; v < VERBS; v++)
        buf_printf(out, "  %-10s %s\n", verbs[v].name, verbs[v].help);
    buf_put(out, SV("\nflags of run:\n"));
    put_flags(out, RUN);
    buf_put(out, SV("exit status: 0 fine, 1 failed, 2 wrong usage\n"));
}

static int index_of(const char *const *choices, const char *name)
{
    int i = 0;

    while (choices[i] && strcmp(choices[i], name) != 0)
        i++;
    return i;
}

void flags_apply(const struct flags *f, struct settings *s)
{
    if (f->storage_path)
        s->storage.path = f->storage_path;
    if (f->listen_address)
        s->web.listen_address = f->listen_address;
    if (f->web_config_file)
        s->web.config_file = f->web_config_file;
    if (f->enable_lifecycle)
        s->web.enable_lifecycle = f->enable_lifecycle == FLAG_YES;
    if (f->log_level)
        s->log.level = index_of(settings_log_levels, f->log_level);
    if (f->log_format)
        s->log.format = index_of(settings_log_formats, f->log_format);
}
