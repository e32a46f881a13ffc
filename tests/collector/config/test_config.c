/*
 * Configuration files, good and bad: what is bound, and the exact words that an operator reads.
 */
#include <stdlib.h>

#include "collector/config/config.h"
#include "collector/config/config_node.h"
#include "collector/config/config_value.h"
#include "collector/config/secret.h"

#include "tests/tap.h"

struct logs {
    struct string_list workspaces;
    bool on;
    int64_t every_ms;
};

struct cloud {
    const char *id;
    int64_t poll_interval_ms;
    struct secret key;
    struct logs logs;
};

struct conf {
    struct section_list azure;
    struct string_list models;
    int64_t threads, bytes, wait_ms;
    double ratio;
    int level;
    bool quick, secret_switch;
    const struct config_node *rest;
    struct {
        const char *token;
    } must;
};

static const char *const levels[] = { "debug", "info", "warn", NULL };

/* clang-format off */
static const struct option logs_options[] = {
    { .name = "workspaces", .type = OPT_STRINGS,  .offset = offsetof(struct logs, workspaces), .help = "Workspace ids." },
    { .name = "on",         .type = OPT_BOOL,     .offset = offsetof(struct logs, on), .dflt = "true", .help = "Whether logs are read." },
    { .name = "every",      .type = OPT_DURATION, .offset = offsetof(struct logs, every_ms), .dflt = "2m", .min = 10000, .max = 3600000, .help = "Between reads." },
    { 0 },
};

static const struct option cloud_options[] = {
    { .name = "id",            .type = OPT_STRING,   .offset = offsetof(struct cloud, id), .required = true, .help = "a name of your choice" },
    { .name = "poll_interval", .type = OPT_DURATION, .offset = offsetof(struct cloud, poll_interval_ms), .dflt = "60s", .help = "Between polls." },
    { .name = "key",           .type = OPT_SECRET,   .offset = offsetof(struct cloud, key), .help = "The key." },
    { .name = "logs",          .type = OPT_SECTION,  .offset = offsetof(struct cloud, logs), .sub = logs_options, .help = "Logs." },
    { 0 },
};

static const struct option must_options[] = {
    { .name = "token", .type = OPT_STRING, .offset = 0, .required = true, .help = "the token" },
    { 0 },
};

static const struct option options[] = {
    { .name = "azure",   .type = OPT_SECTIONS, .offset = offsetof(struct conf, azure), .sub = cloud_options, .sub_size = sizeof(struct cloud), .help = "Azure." },
    { .name = "models",  .type = OPT_STRINGS,  .offset = offsetof(struct conf, models), .dflt = "openai, other", .help = "Publishers." },
    { .name = "threads", .type = OPT_INT,      .offset = offsetof(struct conf, threads), .dflt = "4", .min = 1, .max = 64, .unit = "threads", .help = "Threads." },
    { .name = "bytes",   .type = OPT_SIZE,     .offset = offsetof(struct conf, bytes), .dflt = "64MiB", .min = 4096, .help = "Bytes." },
    { .name = "wait",    .type = OPT_DURATION, .offset = offsetof(struct conf, wait_ms), .help = "Wait." },
    { .name = "ratio",   .type = OPT_FLOAT,    .offset = offsetof(struct conf, ratio), .dflt = "0.5", .max = 1, .help = "Ratio." },
    { .name = "level",   .type = OPT_CHOICE,   .offset = offsetof(struct conf, level), .dflt = "info", .choices = levels, .help = "Level." },
    { .name = "quick",   .type = OPT_BOOL,     .offset = offsetof(struct conf, quick), .help = "Quick." },
    { .name = "secretly", .type = OPT_BOOL,    .offset = offsetof(struct conf, secret_switch), .hidden = true, .help = "Hidden." },
    { .name = "rest",    .type = OPT_ANY,      .offset = offsetof(struct conf, rest), .help = "Anything." },
    { .name = "must",    .type = OPT_SECTION,  .offset = offsetof(struct conf, must), .sub = must_options, .help = "Has a required key." },
    { 0 },
};
/* clang-format on */

/* Parses and binds as the daemon does. The file is left open on success only. */
static enum err_code load(const char *text, struct config_file *f, struct conf *c, struct err *e)
{
    enum err_code code = config_parse(f, "trefoil.yaml", sv_of(text), e);

    memset(c, 0xa5, sizeof *c);
    if (code)
        return code;
    code = config_bind(f, f->root, "", options, c, e);
    if (code)
        config_done(f);
    return code;
}

/* clang-format off */
static const struct {
    const char *text, *message;
} bad[] = {
    /* keys */
    { "azure:\n  id: a\n  polling: 5m\n", "trefoil.yaml:3: azure: unknown key 'polling', did you mean 'poll_interval'?" },
    { "azure:\n  id: a\n  pollInterval: 5m\n", "trefoil.yaml:3: azure: unknown key 'pollInterval', did you mean 'poll_interval'?" },
    { "azure:\n  - id: a\n  - id: b\n    logs: {workspace: x}\n", "trefoil.yaml:4: azure.logs: unknown key 'workspace', did you mean 'workspaces'?" },
    { "azrue: {}\n", "trefoil.yaml:1: unknown key 'azrue', did you mean 'azure'?" },
    { "zebra: 1\n", "trefoil.yaml:1: unknown key 'zebra'" },
    { "secretl: true\n", "trefoil.yaml:1: unknown key 'secretl'" }, /* hidden ones are not suggested */
    { "quick: true\nlevel: info\nquick: false\n", "trefoil.yaml:3: key 'quick' stands twice, first in line 1" },
    { "azure: {poll_interval: 5m}\n", "trefoil.yaml:1: azure: id is required: a name of your choice" },
    { "quick: true\nmust: {}\n", "trefoil.yaml:2: must: token is required: the token" },
    { "<<: {quick: true}\n", "trefoil.yaml:1: unknown key '<<'" },
    { "? [a, b]\n: c\n", "trefoil.yaml:1: a key must be text" },
    { "azure:\n", "trefoil.yaml:1: 'azure' has no value: give one, write null for the default, or delete the line" },
    { "models: [a, ]\nrest: [b,\n  c\n,]\nthreads:\n\n", "trefoil.yaml:5: 'threads' has no value: give one, write null for the default, or delete the line" },
    { "models:\n  -\n", "trefoil.yaml:2: the list item has no value: give one, write null for the default, or delete the line" },
    /* types */
    { "threads: many\n", "trefoil.yaml:1: threads: want a whole number such as 4, found 'many'" },
    { "threads: 4.5\n", "trefoil.yaml:1: threads: want a whole number such as 4, found '4.5'" },
    { "threads: [4]\n", "trefoil.yaml:1: threads: want a whole number such as 4, found a list" },
    { "ratio: half\n", "trefoil.yaml:1: ratio: want a number such as 0.5, found 'half'" },
    { "ratio: .nan\n", "trefoil.yaml:1: ratio: want a number such as 0.5, found '.nan'" },
    { "wait: 5\n", "trefoil.yaml:1: wait: want a duration such as 500ms, 90s, 5m, 2h or 7d, found '5'" },
    { "wait: -5m\n", "trefoil.yaml:1: wait: want a duration such as 500ms, 90s, 5m, 2h or 7d, found '-5m'" },
    { "bytes: 64 megs\n", "trefoil.yaml:1: bytes: want a size such as 900KiB, 64MiB or 1GB, found '64 megs'" },
    { "quick: yes\n", "trefoil.yaml:1: quick: want true or false, found 'yes'" },
    { "level: inof\n", "trefoil.yaml:1: level: want one of debug, info, warn, found 'inof', did you mean 'info'?" },
    { "models: {a: b}\n", "trefoil.yaml:1: models: want text or a list of texts such as [one, two], found a mapping" },
    { "models:\n  - a\n  - [b]\n", "trefoil.yaml:3: models: want text or a list of texts such as [one, two], found a list" },
    { "azure: true\n", "trefoil.yaml:1: azure: want a section (key: value lines) or a list of sections, found 'true'" },
    { "azure:\n  - {id: a}\n  - b\n", "trefoil.yaml:3: azure: want a section (key: value lines) or a list of sections, found 'b'" },
    { "azure: {id: a, logs: [x]}\n", "trefoil.yaml:1: azure: logs: want a section (key: value lines), found a list" },
    { "azure: {id: {a: b}}\n", "trefoil.yaml:1: azure: id: want text, found a mapping" },
    { "azure: {id: a, key: hunter2}\n", "trefoil.yaml:1: azure: key: want file:PATH or env:NAME; a secret itself must not stand in the configuration" },
    { "azure: {id: a, key: \"env:A B\"}\n", "trefoil.yaml:1: azure: key: want file:PATH or env:NAME; a secret itself must not stand in the configuration" },
    { "azure: {id: a, key: \"file:\"}\n", "trefoil.yaml:1: azure: key: want file:PATH or env:NAME; a secret itself must not stand in the configuration" },
    { "threads: \"a\\tb\\n\"\n", "trefoil.yaml:1: threads: want a whole number such as 4, found 'a?b?'" },
    /* limits */
    { "threads: 0\n", "trefoil.yaml:1: threads: want at least 1 threads, found '0'" },
    { "threads: 65\n", "trefoil.yaml:1: threads: want at most 64 threads, found '65'" },
    { "bytes: 1KiB\n", "trefoil.yaml:1: bytes: want at least 4KiB, found '1KiB'" },
    { "ratio: 1.5\n", "trefoil.yaml:1: ratio: want at most 1, found '1.5'" },
    { "ratio: -1\n", "trefoil.yaml:1: ratio: want at least 0, found '-1'" },
    { "azure: {id: a, logs: {every: 5s}}\n", "trefoil.yaml:1: azure.logs: every: want at least 10s, found '5s'" },
    { "azure: {id: a, logs: {every: 90m}}\n", "trefoil.yaml:1: azure.logs: every: want at most 1h, found '90m'" },
    { "wait: 40000d\n", "trefoil.yaml:1: wait: want a duration such as 500ms, 90s, 5m, 2h or 7d, found '40000d'" },
    /* YAML itself */
    { "quick\n", "trefoil.yaml:1: want a mapping (key: value), found 'quick'" },
    { "- quick\n", "trefoil.yaml:1: want a mapping (key: value), found a list" },
    { "quick: true\n---\nquick: false\n", "trefoil.yaml:2: a second document begins here: one file is one document" },
    { "rest: &a [1]\nmodels: *a\n", "trefoil.yaml:1: anchors and aliases (& and *) are not supported: write the value out, and put quotes around text that begins with & or *" },
    { "models: *a\n", "trefoil.yaml:1: anchors and aliases (& and *) are not supported: write the value out, and put quotes around text that begins with & or *" },
    { "models: !!str a\n", "trefoil.yaml:1: tags (!) are not supported: leave it out, and put quotes around text that begins with !" },
    { "models: [a, b\nquick: true\n", "trefoil.yaml:2: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence that begins in line 1)" },
    { "azure:\n\tid: a\n", "trefoil.yaml:2: not valid YAML: found character that cannot start any token (while scanning for the next token that begins in line 2); indent with spaces, not tabs, and put quotes around text that begins with @ ` or %" },
    { "models: \"a\\0b\"\n", "trefoil.yaml:1: a NUL character inside text" },
    { "quick: true\nmodels: a\x01z\n", "trefoil.yaml:2: not valid YAML: control characters are not allowed" },
    { "quick: true\nmodels: a\xff\n", "trefoil.yaml:2: not valid YAML: invalid leading UTF-8 octet" },
    { "quick: true\nmodels: \xed\xa0\x80\n", "trefoil.yaml:2: not valid YAML: invalid Unicode character" },
};
/* clang-format on */

static void every_bad_file_is_refused_in_its_own_words(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct config_file f;
        struct conf c;
        struct err e = { 0 };
        enum err_code code = load(bad[i].text, &f, &c, &e);

        if (!OK(code == ERR_CONFIG && strcmp(e.text, bad[i].message) == 0))
            printf("# of:   %s# want: %s\n# got:  %s\n", bad[i].text, bad[i].message, code ? e.text : "success");
        if (!code)
            config_done(&f);
    }
}

static void an_empty_file_takes_all_defaults(void)
{
    static const char *const empty[] = { "",   "\n",   "# only a comment\n", "---\n", "---\n...\n",
                                         "{}", "null", "\xEF\xBB\xBF" };

    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        struct config_file f;
        struct conf c;
        struct err e = { 0 };

        if (!OK(load(empty[i], &f, &c, &e) == ERR_OK)) {
            printf("# %zu: %s\n", i, e.text);
            continue;
        }
        OK(c.azure.n == 0 && c.models.n == 2 && strcmp(c.models.at[0], "openai") == 0 &&
           strcmp(c.models.at[1], "other") == 0);
        OK(c.threads == 4 && c.bytes == 64 << 20 && c.wait_ms == 0 && c.ratio == 0.5 && c.level == 1);
        OK(!c.quick && !c.rest && !c.must.token);
        config_done(&f);
    }
}

static void a_full_file_is_bound(void)
{
    static const char text[] = "\xEF\xBB\xBF# ours\r\n"
                               "azure:\r\n"
                               "  - id: one\r\n"
                               "    poll_interval: 1h30m\r\n"
                               "    key: file:/run/secrets/a\r\n"
                               "    logs: {workspaces: w1, on: false, every: 10s}\r\n"
                               "  - {id: \"two\", key: \"env:KEY_2\", logs: {workspaces: [w2, \"w3\"]}}\r\n"
                               "models: [openai, mistral]\r\n"
                               "threads: 64\r\n"
                               "bytes: 1GB\r\n"
                               "wait: 500ms\r\n"
                               "ratio: 1\r\n"
                               "level: warn\r\n"
                               "quick: True\r\n"
                               "secretly: true\r\n"
                               "must: {token: \"\"}\r\n"
                               "rest: {a: [1, {b: null}]}\r\n";
    struct config_file f;
    struct conf c;
    struct err e = { 0 };
    const struct cloud *azure;

    if (!OK(load(text, &f, &c, &e) == ERR_OK)) {
        printf("# %s\n", e.text);
        return;
    }
    azure = c.azure.at;
    OK(c.azure.n == 2 && c.azure.lines[0] == 3 && c.azure.lines[1] == 7);
    OK(strcmp(azure[0].id, "one") == 0 && azure[0].poll_interval_ms == 5400000);
    OK(strcmp(azure[0].key.reference, "file:/run/secrets/a") == 0);
    OK(azure[0].logs.workspaces.n == 1 && !azure[0].logs.on && azure[0].logs.every_ms == 10000);
    OK(strcmp(azure[1].id, "two") == 0 && azure[1].poll_interval_ms == 60000 && azure[1].logs.on);
    OK(azure[1].logs.workspaces.n == 2 && strcmp(azure[1].logs.workspaces.at[1], "w3") == 0);
    OK(c.models.n == 2 && c.threads == 64 && c.bytes == 1000000000 && c.wait_ms == 500 && c.ratio == 1 && c.level == 2);
    OK(c.quick && c.secret_switch && c.must.token && c.must.token[0] == '\0');
    OK(c.rest && c.rest->kind == CONFIG_MAPPING && config_find(c.rest, SV("a"))->n_items == 2);
    config_done(&f);
}

static void null_means_the_default(void)
{
    struct config_file f;
    struct conf c;
    struct err e = { 0 };

    OK(load("threads: null\nmodels: ~\nazure: null\nmust: ~\nrest: 'null'\n", &f, &c, &e) == ERR_OK);
    OK(c.threads == 4 && c.models.n == 2 && c.azure.n == 0 && c.rest && !config_is_null(c.rest));
    config_done(&f);
}

int main(void)
{
    RUN(every_bad_file_is_refused_in_its_own_words);
    RUN(an_empty_file_takes_all_defaults);
    RUN(a_full_file_is_bound);
    RUN(null_means_the_default);
    return tap_done();
}
