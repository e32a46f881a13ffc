/*
 * The static rows bind into struct bound, the sources' lists behind them; what a row cannot say (a scalar or a mapping,
 * ids unique across sections, the conditions of the testing block) is checked afterwards, on bound values and, where a
 * place is to be named or keys are not ours, on the tree.
 *
 * testing.clock makes time run faster than the world's. Beside a real cloud that would burn its quota and falsify every
 * window, so it is refused unless each endpoint that any configured source calls is given and is loopback. Which these
 * are comes from the source's own option table: the texts of its `endpoints` section, except audiences (names, not
 * addresses) and files. One that is missing would have a cloud as its default, so missing means no.
 */
#include "collector/core/settings.h"

#include <arpa/inet.h>

#include "collector/base/log.h"
#include "collector/config/config_node.h"
#include "collector/journal/journal.h"
#include "collector/sources/jobs.h"

enum { SOURCES_MAX = 16 }; /* kinds of sources, not instances */

struct clock_options {
    int64_t anchor, origin;
    double speed;
};

struct testing {
    struct clock_options clock;
};

/* Where the table's offsets point. */
struct bound {
    struct settings s;
    const struct config_node *caller;
    struct testing testing;
    struct section_list lists[SOURCES_MAX];
};

const char *const settings_log_levels[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
    NULL,
};
const char *const settings_log_formats[] = { [LOG_FORMAT_LOGFMT] = "logfmt", [LOG_FORMAT_JSON] = "json", NULL };
static const char *const when_full_choices[] = { [JOURNAL_KEEP] = "keep", [JOURNAL_DROP_OLDEST] = "drop_oldest", NULL };
static const char *const content_choices[] = { [PRIVACY_DROP] = "drop", NULL };

#define MIB(n) ((n)*1048576.0)

/* clang-format off */
#define SELF(field)    offsetof(struct bound, s.field)
#define JOURNAL(field) offsetof(struct settings_journal, field)

static const struct option privacy_options[] = {
    { .name = "content", .type = OPT_CHOICE, .offset = offsetof(struct bound, s.privacy.content) - SELF(privacy), .dflt = "drop", .choices = content_choices, .help = "What becomes of prompts and answers." },
    { .name = "caller",  .type = OPT_ANY,    .offset = offsetof(struct bound, caller) - SELF(privacy),            .dflt = "drop", .help = "What becomes of callers' names and addresses: drop, keep, or {pseudonymize: \"file:KEY\"}." },
    { .name = "caller_series", .type = OPT_BOOL, .offset = offsetof(struct bound, s.privacy.caller_series) - SELF(privacy), .dflt = "false", .help = "Whether /metrics counts calls and tokens by caller; wants caller to be kept or pseudonymized." },
    { 0 },
};

static const struct option caller_options[] = {
    { .name = "pseudonymize", .type = OPT_SECRET, .offset = 0, .required = true, .help = "the key of the pseudonyms as file:PATH or env:NAME" },
    { 0 },
};

static const struct option journal_options[] = {
    { .name = "segment",   .type = OPT_SIZE,     .offset = JOURNAL(segment_bytes), .dflt = "64MiB", .min = MIB(1),  .max = MIB(1024),  .help = "A new file is begun above this size." },
    { .name = "max_bytes", .type = OPT_SIZE,     .offset = JOURNAL(max_bytes),     .dflt = "8GiB",  .min = MIB(64), .help = "Oldest files go above this total, once every reader is past them. A file is at most a quarter of it." },
    { .name = "retention", .type = OPT_DURATION, .offset = JOURNAL(retention_ms),  .dflt = "7d",    .min = 3600000, .max = DAYS(3660), .help = "Files are kept at least this long unless the total is above max_bytes or the disk is full." },
    { .name = "when_full", .type = OPT_CHOICE,   .offset = JOURNAL(when_full),     .dflt = "keep",  .choices = when_full_choices, .help = "What happens at max_bytes or on a full disk while a reader still needs the oldest file: keep takes in nothing more until it has moved on (the clouds are read later), drop_oldest deletes that file unread and counts its frames." },
    { 0 },
};

static const struct option storage_options[] = {
    { .name = "path",    .type = OPT_STRING,  .offset = offsetof(struct settings_storage, path),    .dflt = "./data", .help = "Directory of all that is kept." },
    { .name = "reserve", .type = OPT_SIZE,    .offset = offsetof(struct settings_storage, reserve_bytes), .dflt = "16MiB", .max = MIB(16384), .help = "Space set apart, so that a snapshot and the last frames before the end can be written on a full disk; grows with the snapshot, 0 sets none apart." },
    { .name = "journal", .type = OPT_SECTION, .offset = offsetof(struct settings_storage, journal), .sub = journal_options, .help = "The log that all data goes through." },
    { 0 },
};

static const struct option web_options[] = {
    { .name = "listen_address",   .type = OPT_STRING, .offset = offsetof(struct settings_web, listen_address),   .dflt = "127.0.0.1:13300", .help = "Address and port of pages and /metrics." },
    { .name = "enable_lifecycle", .type = OPT_BOOL,   .offset = offsetof(struct settings_web, enable_lifecycle), .dflt = "false", .help = "Whether POST /-/reload is answered." },
    { .name = "config_file",      .type = OPT_STRING, .offset = offsetof(struct settings_web, config_file),      .help = "File with TLS and users, in the exporter-toolkit's format." },
    { 0 },
};

static const struct option log_options[] = {
    { .name = "level",  .type = OPT_CHOICE, .offset = offsetof(struct settings_log, level),  .dflt = "info",   .choices = settings_log_levels,  .help = "The least severe lines that are written." },
    { .name = "format", .type = OPT_CHOICE, .offset = offsetof(struct settings_log, format), .dflt = "logfmt", .choices = settings_log_formats, .help = "How lines look." },
    { 0 },
};

static const struct option limits_options[] = {
    { .name = "series", .type = OPT_INT,  .offset = offsetof(struct settings_limits, series),       .dflt = "200000", .min = 1000, .max = 10000000, .unit = "series", .help = "Series on /metrics; further ones are counted, not shown." },
    { .name = "callers", .type = OPT_INT, .offset = offsetof(struct settings_limits, callers),      .dflt = "1000",   .min = 1, .max = 100000, .unit = "callers", .help = "Callers with series of their own, in order of appearance; calls of further ones are counted together." },
    { .name = "memory", .type = OPT_SIZE, .offset = offsetof(struct settings_limits, memory_bytes), .dflt = "0B", .help = "Resident memory: at 80 % backlogs and control reads wait, at 95 % all polls; 0B: the container's limit, else half of the machine." },
    { .name = "series_expiry", .type = OPT_DURATION, .offset = offsetof(struct settings_limits, series_expiry_ms), .dflt = "30d", .min = 3600000, .max = DAYS(3660), .help = "A counter that has not changed for so long leaves /metrics; it returns, at 0 first, when it changes." },
    { 0 },
};

static const struct option clock_options[] = {
    { .name = "anchor", .type = OPT_INT,   .offset = offsetof(struct clock_options, anchor), .required = true, .help = "a real instant in unix nanoseconds" },
    { .name = "origin", .type = OPT_INT,   .offset = offsetof(struct clock_options, origin), .required = true, .help = "what the clock showed at that instant, in unix nanoseconds" },
    { .name = "speed",  .type = OPT_FLOAT, .offset = offsetof(struct clock_options, speed),  .dflt = "1", .min = 0.001, .max = 100000, .help = "How many seconds pass in a real one." },
    { 0 },
};

static const struct option testing_options[] = {
    { .name = "clock", .type = OPT_SECTION, .offset = offsetof(struct testing, clock), .sub = clock_options, .required = true, .help = "the time of a simulation" },
    { 0 },
};

static const struct option common[] = {
    { .name = "models",         .type = OPT_STRINGS,  .offset = SELF(models),            .dflt = "openai",       .help = "Publishers whose models are collected." },
    { .name = "privacy",        .type = OPT_SECTION,  .offset = SELF(privacy),           .sub = privacy_options, .help = "What is kept of personal data and of content." },
    { .name = "storage",        .type = OPT_SECTION,  .offset = SELF(storage),           .sub = storage_options, .help = "Where and how much is kept." },
    { .name = "web",            .type = OPT_SECTION,  .offset = SELF(web),               .sub = web_options,     .help = "Pages and /metrics." },
    { .name = "log",            .type = OPT_SECTION,  .offset = SELF(log),               .sub = log_options,     .help = "The log on standard error." },
    { .name = "limits",         .type = OPT_SECTION,  .offset = SELF(limits),            .sub = limits_options,  .help = "Bounds of this process." },
    { .name = "poll_threads",   .type = OPT_INT,      .offset = SELF(poll_threads),      .dflt = "4",  .min = 1, .max = 64, .unit = "threads", .help = "Polls that run at once." },
    { .name = "initial_window", .type = OPT_DURATION, .offset = SELF(initial_window_ms), .dflt = "0s", .max = DAYS(93), .help = "How far before the first start counting begins." },
    { .name = "testing",        .type = OPT_SECTION,  .offset = offsetof(struct bound, testing), .sub = testing_options, .hidden = true, .help = "Simulated time; loopback only." },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

static size_t count_sources(const struct source_ops *const *registry)
{
    size_t n = 0;

    while (n < SOURCES_MAX && registry[n])
        n++;
    return n;
}

/* A source's section is a list or one mapping. */
static struct option source_row(const struct source_ops *ops, size_t i)
{
    return (struct option){ .name = ops->name,
                            .type = OPT_SECTIONS,
                            .offset = offsetof(struct bound, lists) + i * sizeof(struct section_list),
                            .sub = ops->options,
                            .sub_size = ops->config_size,
                            .help = "A source, or a list of several, each with an id of its own." };
}

typedef struct option table_of_all[COUNT(common) + SOURCES_MAX + 1];

static void build_table(table_of_all table, const struct source_ops *const *registry)
{
    size_t n = COUNT(common), n_sources = count_sources(registry);

    memcpy(table, common, sizeof common);
    for (size_t i = 0; i < n_sources; i++)
        table[n++] = source_row(registry[i], i);
    table[n] = (struct option){ .name = NULL };
}

void settings_reference(struct buf *out, const struct source_ops *const *registry)
{
    table_of_all table;

    build_table(table, registry);
    config_reference(out, table, 0);
}

/* ---- After binding: sections of our own ---- */

static enum err_code lower_models(struct settings *s, struct err *e)
{
    const char **at = ARENA_ARRAY(&s->file.arena, const char *, s->models.n);

    if (s->models.n == 0)
        return config_err(&s->file, config_line(config_find(s->file.root, SV("models"))), NULL, e,
                          "models: want at least one publisher such as openai");
    for (size_t i = 0; at && i < s->models.n; i++) {
        at[i] = arena_lower(&s->file.arena, sv_of(s->models.at[i])).at;
        if (!at[i])
            at = NULL;
    }
    if (!at)
        return err_set(e, ERR_LIMIT, "%s: out of memory", s->file.path);
    s->models.at = at;
    return ERR_OK;
}

static enum err_code bind_caller(struct settings *s, const struct config_node *n, struct err *e)
{
    if (n->kind == CONFIG_MAPPING) {
        s->privacy.caller = PRIVACY_PSEUDONYMIZE;
        return config_bind(&s->file, n, "privacy.caller", caller_options, &s->privacy.caller_key, e);
    }
    s->privacy.caller_key = (struct secret){ NULL };
    s->privacy.caller = n->kind == CONFIG_SCALAR && sv_eq(n->text, SV("keep")) ? PRIVACY_KEEP : PRIVACY_DROP;
    if (s->privacy.caller == PRIVACY_KEEP || (n->kind == CONFIG_SCALAR && sv_eq(n->text, SV("drop"))))
        return ERR_OK;
    return config_err(&s->file, n->line, "privacy", e,
                      "caller: want drop, keep or {pseudonymize: \"file:KEY\"}, found %s", config_found(n).text);
}

static enum err_code check_caller_series(const struct settings *s, struct err *e)
{
    if (!s->privacy.caller_series || s->privacy.caller != PRIVACY_DROP)
        return ERR_OK;
    return config_err(&s->file, config_line(config_find(s->file.root, SV("privacy"))), "privacy", e,
                      "caller_series wants callers: set caller to keep or {pseudonymize: \"file:KEY\"}");
}

/* ---- Sources ---- */

static const struct option *find_option(const struct option *table, const char *name)
{
    for (; table && table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

/* What the source's own table calls `id`; its kind's name when that is absent. */
static const char *source_id(const struct source_ops *ops, const char *config)
{
    const struct option *o = find_option(ops->options, "id");
    const char *id = NULL;

    if (o && o->type == OPT_STRING)
        memcpy(&id, config + o->offset, sizeof id);
    return id ? id : ops->name;
}

static struct source_budget source_budget(const struct source_ops *ops, const char *config)
{
    const struct option *o = find_option(ops->options, "budget");
    struct source_budget budget = { 0 };

    if (o && o->sub == budget_options)
        memcpy(&budget, config + o->offset, sizeof budget);
    return budget;
}

static bool is_id(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return n >= 1 && n <= SOURCE_ID_MAX && id[n] == '\0';
}

static enum err_code check_id(const struct settings *s, const struct settings_source *src, struct err *e)
{
    const char *kind = src->ops->name;

    if (!is_id(src->id))
        return config_err(&s->file, src->line, kind, e, "id: want 1 to %d letters, digits, '.', '_' or '-'",
                          SOURCE_ID_MAX);
    for (const struct settings_source *other = s->sources; other < src; other++)
        if (strcmp(other->id, src->id) == 0)
            return config_err(&s->file, src->line, kind, e,
                              "id '%s' is that of the source in line %d: give each its own", src->id, other->line);
    return ERR_OK;
}

static enum err_code collect_sources(struct settings *s, const struct section_list *lists,
                                     const struct source_ops *const *registry, struct err *e)
{
    struct settings_source *all;
    size_t n = 0, n_kinds = count_sources(registry);

    for (size_t k = 0; k < n_kinds; k++)
        n += lists[k].n;
    all = ARENA_ARRAY(&s->file.arena, struct settings_source, n);
    if (n && !all)
        return err_set(e, ERR_LIMIT, "%s: out of memory", s->file.path);
    s->sources = all;
    for (size_t k = 0; k < n_kinds; k++)
        for (size_t i = 0; i < lists[k].n; i++) {
            const char *config = (const char *)lists[k].at + i * registry[k]->config_size;
            struct settings_source *src = &all[s->n_sources];

            *src = (struct settings_source){ registry[k], config, source_id(registry[k], config), lists[k].lines[i],
                                             source_budget(registry[k], config) };
            if (check_id(s, src, e))
                return ERR_CONFIG;
            s->n_sources++;
        }
    return ERR_OK;
}

/* ---- The testing block ---- */

static bool is_loopback_host(sv host)
{
    char text[64];
    struct in_addr a;

    if (sv_eq_nocase(host, SV("localhost")) || sv_eq(host, SV("[::1]")))
        return true;
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

/* Only what every reader of URLs splits in the same way: a user, a backslash or a strange port is not told apart but
 * refused. */
bool settings_url_is_loopback(sv url)
{
    sv rest, host;
    size_t n = 0;
    uint64_t port;

    if (!sv_starts(url, SV("http://")) && !sv_starts(url, SV("https://")))
        return false;
    rest = sv_skip(url, sv_find(url, ':') + 3);
    while (n < rest.len && !memchr("/?#", rest.at[n], 3))
        n++;
    rest = sv_first(rest, n);
    host = sv_first(rest, sv_starts(rest, SV("[")) ? sv_find(rest, ']') + 1 : sv_find(rest, ':'));
    rest = sv_skip(rest, host.len);
    if (rest.len && (rest.at[0] != ':' || !sv_to_u64(sv_skip(rest, 1), &port) || port > 65535))
        return false;
    return is_loopback_host(host);
}

static bool is_called(const struct option *o)
{
    return o->type == OPT_STRING && !sv_ends(sv_of(o->name), SV("audience")) && !sv_ends(sv_of(o->name), SV("file"));
}

static enum err_code only_loopback(const struct settings *s, const struct source_ops *ops,
                                   const struct config_node *section, struct err *e)
{
    const struct option *row = find_option(ops->options, "endpoints");
    const struct config_node *given = config_find(section, SV("endpoints"));

    if (!row || !row->sub)
        return config_err(&s->file, section->line, ops->name, e,
                          "testing.clock is refused beside a source without endpoints");
    for (const struct option *o = row->sub; o->name; o++) {
        const struct config_node *n = config_find(given, sv_of(o->name));

        if (!is_called(o))
            continue;
        if (!n || config_is_null(n))
            return config_err(&s->file, given ? given->line : section->line, ops->name, e,
                              "testing.clock wants every endpoint on loopback, endpoints.%s is not given", o->name);
        if (!settings_url_is_loopback(n->text))
            return config_err(&s->file, n->line, ops->name, e,
                              "testing.clock wants every endpoint on loopback, endpoints.%s is %s", o->name,
                              config_found(n).text);
    }
    return ERR_OK;
}

static enum err_code take_testing(struct settings *s, const struct clock_options *c,
                                  const struct source_ops *const *registry, struct err *e)
{
    const struct config_node *testing = config_find(s->file.root, SV("testing"));

    if (!testing || config_is_null(testing))
        return ERR_OK;
    for (size_t k = 0; registry[k]; k++) {
        const struct config_node *n = config_find(s->file.root, sv_of(registry[k]->name));

        for (n = n && n->kind == CONFIG_LIST ? n->first : n; n; n = n->key.len ? NULL : n->next)
            if (n->kind == CONFIG_MAPPING && only_loopback(s, registry[k], n, e))
                return ERR_CONFIG;
    }
    s->scaled = true;
    s->clock = (struct clock_scale){ c->anchor, c->origin, c->speed };
    return ERR_OK;
}

/* ---- All of it ---- */

/* Binds what is in `f` and takes it over. */
static enum err_code take_over(struct settings *s, struct config_file *f, const struct source_ops *const *registry,
                               struct err *e)
{
    struct bound b;
    table_of_all table;
    enum err_code code;

    memset(&b, 0, sizeof b);
    build_table(table, registry);
    code = config_bind(f, f->root, NULL, table, &b, e);
    *s = b.s;
    s->file = *f;
    if (!code)
        code = lower_models(s, e);
    if (!code)
        code = bind_caller(s, b.caller, e);
    if (!code)
        code = check_caller_series(s, e);
    if (!code)
        code = collect_sources(s, b.lists, registry, e);
    if (!code)
        code = take_testing(s, &b.testing.clock, registry, e);
    if (code)
        settings_done(s);
    return code;
}

enum err_code settings_load(struct settings *s, const char *path, const struct source_ops *const *registry,
                            struct err *e)
{
    struct config_file f;
    enum err_code code = config_load(&f, path, e);

    *s = (struct settings){ .sources = NULL };
    return code ? code : take_over(s, &f, registry, e);
}

enum err_code settings_parse(struct settings *s, const char *name, sv text, const struct source_ops *const *registry,
                             struct err *e)
{
    struct config_file f;
    enum err_code code = config_parse(&f, name, text, e);

    *s = (struct settings){ .sources = NULL };
    return code ? code : take_over(s, &f, registry, e);
}

void settings_done(struct settings *s)
{
    config_done(&s->file);
    *s = (struct settings){ .sources = NULL };
}
