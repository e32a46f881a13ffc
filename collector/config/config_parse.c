/*
 * From libyaml's events to nodes with lines.
 *
 * Events are copied into the arena and deleted at once, so nothing of libyaml outlives next(). The tree is built by
 * recursion, which CONFIG_DEPTH_MAX bounds; size, nodes and depth are checked while reading, so hostile files end
 * early. Refused, since a configuration needs none of it and each has surprised somebody: anchors and aliases (a
 * "billion laughs" file is built of them), tags, several documents, keys that are no plain text, a key twice, a key
 * without a value (a file that was cut off ends in one more often than not; `null` says "default" explicitly).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "collector/config/config_node.h"

struct loader {
    struct config_file *f;
    yaml_parser_t yaml;
    sv text;
    size_t nodes;
    struct err *e;
};

struct token {
    yaml_event_type_t type;
    int line;
    bool quoted;
    sv text;
};

enum err_code config_err(const struct config_file *f, int line, const char *where, struct err *e, const char *format,
                         ...)
{
    char text[320];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    err_set(e, ERR_CONFIG, "%s", text);
    if (where && *where)
        err_wrap(e, "%s", where);
    if (line > 0)
        err_wrap(e, "%s:%d", f->path, line);
    else
        err_wrap(e, "%s", f->path);
    return ERR_CONFIG;
}

bool config_is_null(const struct config_node *n)
{
    return n->kind == CONFIG_SCALAR && !n->quoted && (sv_eq(n->text, SV("~")) || sv_eq(n->text, SV("null")));
}

const struct config_node *config_find(const struct config_node *n, sv key)
{
    if (!n || n->kind != CONFIG_MAPPING)
        return NULL;
    for (const struct config_node *c = n->first; c; c = c->next)
        if (sv_eq(c->key, key))
            return c;
    return NULL;
}

int config_line(const struct config_node *node)
{
    return node ? node->line : 0;
}

struct config_found config_found(const struct config_node *n)
{
    static const char *const kinds[] = { [CONFIG_LIST] = "a list", [CONFIG_MAPPING] = "a mapping" };
    struct config_found out;
    size_t len;

    if (n->kind != CONFIG_SCALAR) {
        snprintf(out.text, sizeof out.text, "%s", kinds[n->kind]);
        return out;
    }
    len = n->text.len < 64 ? n->text.len : 64;
    snprintf(out.text, sizeof out.text, "'%.*s%s'", (int)len, n->text.at, len < n->text.len ? "..." : "");
    for (char *p = out.text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    return out;
}

/* libyaml's reader reports an offset, its scanner and parser a mark. */
static int problem_line(const struct loader *l)
{
    int line = 1;

    if (l->yaml.error != YAML_READER_ERROR)
        return (int)l->yaml.problem_mark.line + 1;
    for (size_t i = 0; i < l->yaml.problem_offset && i < l->text.len; i++)
        line += l->text.at[i] == '\n';
    return line;
}

static enum err_code syntax_error(const struct loader *l)
{
    const char *problem = l->yaml.problem ? l->yaml.problem : "out of memory";
    char context[128] = "";
    const char *hint = "";

    if (l->yaml.context)
        snprintf(context, sizeof context, " (%s that begins in line %zu)", l->yaml.context,
                 l->yaml.context_mark.line + 1);
    if (strstr(problem, "cannot start any token"))
        hint = "; indent with spaces, not tabs, and put quotes around text that begins with @ ` or %";
    return config_err(l->f, problem_line(l), NULL, l->e, "not valid YAML: %s%s%s", problem, context, hint);
}

static enum err_code copy_event(struct loader *l, const yaml_event_t *ev, struct token *t)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;

    *t = (struct token){ .type = ev->type, .line = (int)ev->start_mark.line + 1 };
    switch (ev->type) {
    case YAML_ALIAS_EVENT:
        anchor = ev->data.alias.anchor;
        break;
    case YAML_SCALAR_EVENT:
        anchor = ev->data.scalar.anchor;
        tag = ev->data.scalar.tag;
        t->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        t->text = arena_copy(&l->f->arena, sv_make(ev->data.scalar.value, ev->data.scalar.length));
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = ev->data.sequence_start.anchor;
        tag = ev->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = ev->data.mapping_start.anchor;
        tag = ev->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        return config_err(l->f, t->line, NULL, l->e,
                          "anchors and aliases (& and *) are not supported: write the value out, and put quotes around "
                          "text that begins with & or *");
    if (tag)
        return config_err(l->f, t->line, NULL, l->e,
                          "tags (!) are not supported: leave it out, and put quotes around text that begins with !");
    if (ev->type == YAML_SCALAR_EVENT && !t->text.at)
        return err_set(l->e, ERR_LIMIT, "%s: larger than %zu bytes in memory", l->f->path, l->f->arena.limit_bytes);
    if (memchr(t->text.len ? t->text.at : "x", '\0', t->text.len ? t->text.len : 1))
        return config_err(l->f, t->line, NULL, l->e, "a NUL character inside text");
    return ERR_OK;
}

static enum err_code next(struct loader *l, struct token *t)
{
    yaml_event_t ev;
    enum err_code code;

    if (!yaml_parser_parse(&l->yaml, &ev))
        return syntax_error(l);
    code = copy_event(l, &ev, t);
    yaml_event_delete(&ev);
    return code;
}

static int by_key(const void *a, const void *b)
{
    const struct config_node *x = *(const struct config_node *const *)a, *y = *(const struct config_node *const *)b;
    int c = sv_cmp(x->key, y->key);

    return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* Sorted rather than each against each: a file may hold fifty thousand keys. */
static enum err_code no_key_twice(struct loader *l, const struct config_node *mapping)
{
    const struct config_node **all;
    size_t n = 0;

    if (mapping->n_items < 2)
        return ERR_OK;
    all = ARENA_ARRAY(&l->f->arena, const struct config_node *, mapping->n_items);
    if (!all)
        return err_set(l->e, ERR_LIMIT, "%s: out of memory", l->f->path);
    for (const struct config_node *c = mapping->first; c; c = c->next)
        all[n++] = c;
    qsort(all, n, sizeof *all, by_key);
    for (size_t i = 1; i < n; i++)
        if (sv_eq(all[i - 1]->key, all[i]->key)) {
            struct config_node as_text = { .text = all[i]->key };

            return config_err(l->f, all[i]->line, NULL, l->e, "key %s stands twice, first in line %d",
                              config_found(&as_text).text, all[i - 1]->line);
        }
    return ERR_OK;
}

static enum err_code read_node(struct loader *l, const struct token *t, sv key, int depth, struct config_node **out);

static enum err_code read_items(struct loader *l, struct config_node *parent, int depth)
{
    struct config_node **tail = &parent->first;

    for (;;) {
        struct token t;
        sv key = SV_NONE;

        if (next(l, &t))
            return l->e->code;
        if (t.type == YAML_SEQUENCE_END_EVENT || t.type == YAML_MAPPING_END_EVENT)
            return parent->kind == CONFIG_MAPPING ? no_key_twice(l, parent) : ERR_OK;
        if (parent->kind == CONFIG_MAPPING) {
            if (t.type != YAML_SCALAR_EVENT || t.text.len == 0)
                return config_err(l->f, t.line, NULL, l->e, "a key must be text");
            key = t.text;
            if (next(l, &t))
                return l->e->code;
        }
        if (read_node(l, &t, key, depth + 1, tail))
            return l->e->code;
        tail = &(*tail)->next;
        parent->n_items++;
    }
}

static enum err_code read_node(struct loader *l, const struct token *t, sv key, int depth, struct config_node **out)
{
    struct config_node *n;

    if (++l->nodes > CONFIG_NODES_MAX)
        return config_err(l->f, t->line, NULL, l->e, "more than %d values", CONFIG_NODES_MAX);
    n = ARENA_NEW(&l->f->arena, struct config_node);
    if (!n)
        return err_set(l->e, ERR_LIMIT, "%s: out of memory", l->f->path);
    *n = (struct config_node){ .quoted = t->quoted, .line = t->line, .key = key, .text = t->text };
    *out = n;
    if (t->type == YAML_SCALAR_EVENT) {
        struct config_node as_text = { .text = key };

        if (t->text.len == 0 && !t->quoted && depth > 0)
            return config_err(l->f, t->line, NULL, l->e,
                              "%s has no value: give one, write null for the default, or delete the line",
                              key.len ? config_found(&as_text).text : "the list item");
        return ERR_OK;
    }
    n->kind = t->type == YAML_MAPPING_START_EVENT ? CONFIG_MAPPING : CONFIG_LIST;
    if (depth >= CONFIG_DEPTH_MAX)
        return config_err(l->f, t->line, NULL, l->e, "nested deeper than %d levels", CONFIG_DEPTH_MAX);
    return read_items(l, n, depth);
}

static enum err_code read_stream(struct loader *l)
{
    struct config_node *root = NULL;
    struct token t = { 0 };

    do {
        if (next(l, &t))
            return l->e->code;
    } while (t.type == YAML_STREAM_START_EVENT || t.type == YAML_DOCUMENT_START_EVENT);
    if (t.type == YAML_STREAM_END_EVENT)
        return ERR_OK;
    if (read_node(l, &t, SV_NONE, 0, &root) || next(l, &t) || next(l, &t))
        return l->e->code;
    if (t.type != YAML_STREAM_END_EVENT)
        return config_err(l->f, t.line, NULL, l->e, "a second document begins here: one file is one document");
    if (!root || (root->kind == CONFIG_SCALAR && ((root->text.len == 0 && !root->quoted) || config_is_null(root))))
        return ERR_OK;
    if (root->kind != CONFIG_MAPPING)
        return config_err(l->f, root->line, NULL, l->e, "want a mapping (key: value), found %s",
                          config_found(root).text);
    l->f->root = root;
    return ERR_OK;
}

enum err_code config_parse(struct config_file *f, const char *name, sv text, struct err *e)
{
    struct err own;
    struct loader l = { .f = f, .text = text, .e = e ? e : &own };
    enum err_code code;

    *f = (struct config_file){ .path = "" };
    arena_init(&f->arena, 0);
    f->path = arena_copy(&f->arena, sv_of(name)).at;
    if (!f->path || !yaml_parser_initialize(&l.yaml)) {
        config_done(f);
        return err_set(e, ERR_LIMIT, "%s: out of memory", name);
    }
    if (sv_starts(l.text, SV("\xEF\xBB\xBF")))
        l.text = sv_skip(l.text, 3);
    /* Named, so that libyaml does not take a leading FF FE for UTF-16, whose offsets would be another text's. */
    yaml_parser_set_encoding(&l.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&l.yaml, (const unsigned char *)l.text.at, l.text.len);
    code = l.text.len > CONFIG_FILE_MAX ? err_set(l.e, ERR_LIMIT, "%s: larger than %d bytes", name, CONFIG_FILE_MAX)
                                        : read_stream(&l);
    yaml_parser_delete(&l.yaml);
    if (code)
        config_done(f);
    return code;
}

enum err_code config_load(struct config_file *f, const char *path, struct err *e)
{
    struct buf text;
    enum err_code code;

    *f = (struct config_file){ .path = "" };
    buf_init(&text, 0);
    code = buf_read_file(&text, path, CONFIG_FILE_MAX, e);
    if (!code)
        code = config_parse(f, path, buf_sv(&text), e);
    buf_done(&text);
    return code;
}

void config_done(struct config_file *f)
{
    arena_done(&f->arena);
    f->root = NULL;
    f->path = "";
}
