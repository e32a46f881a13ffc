/*
 * Binding: one row of the option table at a time, each type by a row of `types`.
 *
 * A default goes through the same parser as what the operator wrote, so it cannot be something that he could not write.
 * Every field of `out` is set, absent ones to zero. Keys of the file that no row names are looked for afterwards, with
 * the nearest name of this table as suggestion. A secret's text is never repeated in a message: it may have been pasted
 * there.
 */
#include "collector/config/config.h"

#include <stdio.h>

#include "collector/config/config_node.h"
#include "collector/config/config_value.h"
#include "collector/config/secret.h"
#include "collector/config/suggest.h"

/* One value on its way into its field. */
struct bind {
    struct config_file *f;
    const char *where; /* "azure.logs" */
    const struct option *o;
    const struct config_node *node;
    struct err *e;
};

static enum err_code wrong(const struct bind *b, const char *wanted)
{
    return config_err(b->f, b->node->line, b->where, b->e, "%s: want %s, found %s", b->o->name, wanted,
                      config_found(b->node).text);
}

static enum err_code out_of_memory(const struct bind *b)
{
    return err_set(b->e, ERR_LIMIT, "%s: out of memory", b->f->path);
}

/* ---- limits ---- */

/* `max` 0 beside a `min` above 0 is no upper limit. */
static enum err_code in_limits(const struct bind *b, double v)
{
    const struct option *o = b->o;
    bool low = v<o->min, high = o->max> o->min && v > o->max;
    struct buf text;
    enum err_code code;

    if ((o->min == 0 && o->max == 0) || (!low && !high))
        return ERR_OK;
    buf_init(&text, 256);
    buf_printf(&text, "at %s ", low ? "least" : "most");
    config_number_put(&text, o, low ? o->min : o->max);
    buf_putc(&text, '\0');
    code = wrong(b, text.failed ? "a value within its limits" : text.at);
    buf_done(&text);
    return code;
}

/* ---- scalars ---- */

static enum err_code bind_bool(const struct bind *b, void *field)
{
    bool yes = sv_eq_nocase(b->node->text, SV("true"));

    if (!yes && !sv_eq_nocase(b->node->text, SV("false")))
        return wrong(b, "true or false");
    *(bool *)field = yes;
    return ERR_OK;
}

static enum err_code bind_int(const struct bind *b, void *field)
{
    int64_t v;

    if (!sv_to_i64(b->node->text, &v))
        return wrong(b, "a whole number such as 4");
    if (in_limits(b, (double)v))
        return ERR_CONFIG;
    *(int64_t *)field = v;
    return ERR_OK;
}

static enum err_code bind_float(const struct bind *b, void *field)
{
    double v;

    if (!sv_to_f64(b->node->text, &v))
        return wrong(b, "a number such as 0.5");
    if (in_limits(b, v))
        return ERR_CONFIG;
    *(double *)field = v;
    return ERR_OK;
}

static enum err_code bind_duration(const struct bind *b, void *field)
{
    int64_t v;

    if (!config_duration_parse(b->node->text, &v))
        return wrong(b, "a duration such as 500ms, 90s, 5m, 2h or 7d");
    if (in_limits(b, (double)v))
        return ERR_CONFIG;
    *(int64_t *)field = v;
    return ERR_OK;
}

static enum err_code bind_size(const struct bind *b, void *field)
{
    int64_t v;

    if (!config_size_parse(b->node->text, &v))
        return wrong(b, "a size such as 900KiB, 64MiB or 1GB");
    if (in_limits(b, (double)v))
        return ERR_CONFIG;
    *(int64_t *)field = v;
    return ERR_OK;
}

static enum err_code bind_string(const struct bind *b, void *field)
{
    *(const char **)field = b->node->text.at;
    return ERR_OK;
}

static enum err_code bind_secret(const struct bind *b, void *field)
{
    if (!secret_reference_ok(b->node->text.at))
        return config_err(b->f, b->node->line, b->where, b->e,
                          "%s: want file:PATH or env:NAME; a secret itself must not stand in the configuration",
                          b->o->name);
    ((struct secret *)field)->reference = b->node->text.at;
    return ERR_OK;
}

static enum err_code bind_choice(const struct bind *b, void *field)
{
    struct suggestion near = { .word = b->node->text };
    struct buf text;
    enum err_code code;

    for (int i = 0; b->o->choices[i]; i++) {
        if (sv_eq(b->node->text, sv_of(b->o->choices[i]))) {
            *(int *)field = i;
            return ERR_OK;
        }
        suggest_offer(&near, b->o->choices[i]);
    }
    buf_init(&text, 256);
    for (int i = 0; b->o->choices[i]; i++)
        buf_printf(&text, "%s%s", i ? ", " : b->o->choices[1] ? "one of " : "", b->o->choices[i]);
    buf_putc(&text, '\0');
    code = wrong(b, text.failed ? "another word" : text.at);
    buf_done(&text);
    if (near.best && b->e)
        snprintf(b->e->text + strlen(b->e->text), sizeof b->e->text - strlen(b->e->text), ", did you mean '%s'?",
                 near.best);
    return code;
}

/* ---- lists and sections ---- */

static enum err_code bind_strings(const struct bind *b, void *field)
{
    struct string_list *list = field;
    const struct config_node *item = b->node->kind == CONFIG_LIST ? b->node->first : b->node;
    size_t n = b->node->kind == CONFIG_LIST ? b->node->n_items : 1;
    const char **at = ARENA_ARRAY(&b->f->arena, const char *, n);

    if (n && !at)
        return out_of_memory(b);
    for (size_t i = 0; i < n; i++, item = item->next) {
        struct bind one = *b;

        one.node = item;
        if (item->kind != CONFIG_SCALAR || config_is_null(item))
            return wrong(&one, "text or a list of texts such as [one, two]");
        at[i] = item->text.at;
    }
    *list = (struct string_list){ at, n };
    return ERR_OK;
}

static enum err_code bind_table(struct config_file *f, const struct config_node *node, const char *where,
                                const struct option *table, void *out, bool asked_for, struct err *e);

static const char *below(const struct bind *b)
{
    if (!b->where || !*b->where)
        return b->o->name;
    return arena_printf(&b->f->arena, "%s.%s", b->where, b->o->name).at;
}

static enum err_code bind_section(const struct bind *b, void *field)
{
    const char *where = below(b);

    return where ? bind_table(b->f, b->node, where, b->o->sub, field, true, b->e) : out_of_memory(b);
}

static enum err_code bind_sections(const struct bind *b, void *field)
{
    struct section_list *list = field;
    const struct config_node *item = b->node->kind == CONFIG_LIST ? b->node->first : b->node;
    size_t n = b->node->kind == CONFIG_LIST ? b->node->n_items : 1;
    char *at = arena_array(&b->f->arena, n, b->o->sub_size);
    int *lines = ARENA_ARRAY(&b->f->arena, int, n);
    const char *where = below(b);
    enum err_code code;

    if ((n && (!at || !lines)) || !where)
        return out_of_memory(b);
    for (size_t i = 0; i < n; i++, item = item->next) {
        struct bind one = *b;

        one.node = item;
        if (item->kind != CONFIG_MAPPING)
            return wrong(&one, "a section (key: value lines) or a list of sections");
        code = bind_table(b->f, item, where, b->o->sub, at + i * b->o->sub_size, true, b->e);
        if (code)
            return code;
        lines[i] = item->line;
    }
    *list = (struct section_list){ at, n, lines };
    return ERR_OK;
}

static enum err_code bind_any(const struct bind *b, void *field)
{
    *(const struct config_node **)field = b->node;
    return ERR_OK;
}

enum shape { SCALAR = 1 << CONFIG_SCALAR, LIST = 1 << CONFIG_LIST, MAPPING = 1 << CONFIG_MAPPING };

/* clang-format off */
static const struct {
    enum err_code (*bind)(const struct bind *b, void *field);
    size_t size; /* of the field, to be cleared */
    unsigned shapes;
    const char *wanted; /* when it has another shape */
} types[] = {
    [OPT_BOOL]     = { bind_bool,     sizeof(bool),                       SCALAR,                  "true or false" },
    [OPT_INT]      = { bind_int,      sizeof(int64_t),                    SCALAR,                  "a whole number such as 4" },
    [OPT_FLOAT]    = { bind_float,    sizeof(double),                     SCALAR,                  "a number such as 0.5" },
    [OPT_DURATION] = { bind_duration, sizeof(int64_t),                    SCALAR,                  "a duration such as 500ms, 90s, 5m, 2h or 7d" },
    [OPT_SIZE]     = { bind_size,     sizeof(int64_t),                    SCALAR,                  "a size such as 900KiB, 64MiB or 1GB" },
    [OPT_STRING]   = { bind_string,   sizeof(const char *),               SCALAR,                  "text" },
    [OPT_SECRET]   = { bind_secret,   sizeof(struct secret),              SCALAR,                  "file:PATH or env:NAME" },
    [OPT_CHOICE]   = { bind_choice,   sizeof(int),                        SCALAR,                  "one word" },
    [OPT_STRINGS]  = { bind_strings,  sizeof(struct string_list),         SCALAR | LIST,           "text or a list of texts such as [one, two]" },
    [OPT_SECTION]  = { bind_section,  0,                                  MAPPING,                 "a section (key: value lines)" },
    [OPT_SECTIONS] = { bind_sections, sizeof(struct section_list),        LIST | MAPPING,          "a section (key: value lines) or a list of sections" },
    [OPT_ANY]      = { bind_any,      sizeof(const struct config_node *), SCALAR | LIST | MAPPING, "" },
};
/* clang-format on */

/* The default of a list as a table writes it: "one, two". */
static bool split(const struct bind *b, struct config_node *list)
{
    sv rest = list->text;
    struct config_node **end = &list->first;

    *list = (struct config_node){ .kind = CONFIG_LIST };
    while (rest.len) {
        sv word = arena_copy(&b->f->arena, sv_trim(sv_cut(&rest, ',')));
        struct config_node *n = ARENA_NEW(&b->f->arena, struct config_node);

        if (!n || !word.at)
            return false;
        *n = (struct config_node){ .kind = CONFIG_SCALAR, .quoted = true, .text = word };
        *end = n;
        end = &n->next;
        list->n_items++;
    }
    return true;
}

static enum err_code bind_default(struct bind *b, void *field)
{
    struct config_node *n;

    if (!b->o->dflt)
        return ERR_OK;
    n = ARENA_NEW(&b->f->arena, struct config_node);
    if (!n)
        return out_of_memory(b);
    *n = (struct config_node){ .kind = CONFIG_SCALAR, .quoted = true, .text = sv_of(b->o->dflt) };
    if (b->o->type == OPT_STRINGS && !split(b, n))
        return out_of_memory(b);
    b->node = n;
    if (types[b->o->type].bind(b, field))
        return err_set(b->e, ERR_INTERNAL, "default of option %s is not one of its values: %s", b->o->name, b->o->dflt);
    return ERR_OK;
}

static enum err_code bind_option(struct bind *b, bool asked_for, void *field)
{
    const struct option *o = b->o;

    if (b->node && config_is_null(b->node))
        b->node = NULL;
    if (b->node) {
        if (!(types[o->type].shapes & 1u << b->node->kind))
            return wrong(b, types[o->type].wanted);
        if (types[o->type].size)
            memset(field, 0, types[o->type].size);
        return types[o->type].bind(b, field);
    }
    if (o->required && asked_for)
        return ERR_GONE;
    if (o->type == OPT_SECTION)
        return bind_table(b->f, NULL, b->where, o->sub, field, false, b->e);
    memset(field, 0, types[o->type].size);
    return bind_default(b, field);
}

static enum err_code no_unknown_key(const struct config_file *f, const struct config_node *node, const char *where,
                                    const struct option *table, struct err *e)
{
    for (const struct config_node *c = node->first; c; c = c->next) {
        struct suggestion near = { .word = c->key };
        struct config_node as_text = { .text = c->key };
        const struct option *o = table;

        while (o->name && !sv_eq(c->key, sv_of(o->name))) {
            if (!o->hidden)
                suggest_offer(&near, o->name);
            o++;
        }
        if (!o->name)
            return config_err(f, c->line, where, e, near.best ? "unknown key %s, did you mean '%s'?" : "unknown key %s",
                              config_found(&as_text).text, near.best);
    }
    return ERR_OK;
}

/* `asked_for`: the operator wrote this section, so what is required in it must be there. */
static enum err_code bind_table(struct config_file *f, const struct config_node *node, const char *where,
                                const struct option *table, void *out, bool asked_for, struct err *e)
{
    if (node && no_unknown_key(f, node, where, table, e))
        return ERR_CONFIG;
    for (const struct option *o = table; o->name; o++) {
        struct bind b = { f, where, o, config_find(node, sv_of(o->name)), e };
        enum err_code code = bind_option(&b, asked_for, (char *)out + o->offset);

        if (code == ERR_GONE)
            return config_err(f, config_line(node), where, e, "%s is required: %s", o->name, o->help ? o->help : "");
        if (code)
            return code;
    }
    return ERR_OK;
}

enum err_code config_bind(struct config_file *f, const struct config_node *node, const char *where,
                          const struct option *table, void *out, struct err *e)
{
    if (node && node->kind != CONFIG_MAPPING)
        return config_err(f, node->line, where, e, "want a section (key: value lines), found %s",
                          config_found(node).text);
    return bind_table(f, node, where, table, out, true, e);
}
