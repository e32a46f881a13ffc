/*
 * The parser: a hand-written descent over tokens. Types are checked as Kusto does it (a datetime is not compared with a
 * string), since a collector that gets away with less here would fail in the cloud. Names are compared with case.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/cloudsim/azure/kql_expr.h"

enum token_kind { T_END, T_NAME, T_STRING, T_LONG, T_REAL, T_SPAN, T_MARK };

struct token {
    enum token_kind kind;
    sv text; /* of a string: its content */
    int64_t i;
    double d;
};

struct parser {
    sv rest;
    struct token t; /* the one before us */
    struct arena *arena;
    struct kql_query *q;
    struct kql_error *e;
    const struct kql_column *table;
    int64_t now;
    unsigned depth;
    bool failed;
};

enum { DEPTH_MAX = 64, ARGS_MAX = 64 };

static void *fail(struct parser *p, const char *code, const char *format, ...) PRINTF_LIKE(3, 4);

static void *fail(struct parser *p, const char *code, const char *format, ...)
{
    va_list ap;

    if (!p->failed) {
        p->e->code = code;
        va_start(ap, format);
        vsnprintf(p->e->text, sizeof p->e->text, format, ap);
        va_end(ap);
    }
    p->failed = true;
    return NULL;
}

static void *syntax(struct parser *p)
{
    return fail(p, "SyntaxError", "Query could not be parsed at '%.*s'", SV_ARG(sv_first(p->t.text, 40)));
}

/* ---- tokens ---- */

static void skip_blank(struct parser *p)
{
    for (;;) {
        while (p->rest.len && isspace((unsigned char)p->rest.at[0]))
            p->rest = sv_skip(p->rest, 1);
        if (!sv_starts(p->rest, SV("//")))
            return;
        p->rest = sv_skip(p->rest, sv_find(p->rest, '\n'));
    }
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void take_string(struct parser *p, bool verbatim)
{
    char quote = p->rest.at[0], *out = arena_alloc(p->arena, p->rest.len + 1);
    size_t n = 0, i = 1;

    for (; out && i < p->rest.len && p->rest.at[i] != quote; i++) {
        char c = p->rest.at[i];

        if (c == '\\' && !verbatim && i + 1 < p->rest.len) {
            c = p->rest.at[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        out[n++] = c;
    }
    if (!out || i >= p->rest.len) {
        fail(p, "SyntaxError", "Query could not be parsed: a string literal is not closed");
        return;
    }
    p->t = (struct token){ .kind = T_STRING, .text = sv_make(out, n) };
    p->rest = sv_skip(p->rest, i + 1);
}

static int64_t span_unit(sv s)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = { { "d", INT64_C(86400000000000) },
                  { "h", INT64_C(3600000000000) },
                  { "m", INT64_C(60000000000) },
                  { "s", 1000000000 },
                  { "ms", 1000000 },
                  { "microsecond", 1000 },
                  { "tick", 100 } };

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (sv_eq(s, sv_of(units[i].name)))
            return units[i].ns;
    return 0;
}

static void take_number(struct parser *p)
{
    size_t n = 0, end;
    sv digits, unit;
    int64_t scale;

    while (n < p->rest.len && (isdigit((unsigned char)p->rest.at[n]) || (p->rest.at[n] == '.' && n + 1 < p->rest.len &&
                                                                         isdigit((unsigned char)p->rest.at[n + 1]))))
        n++;
    for (end = n; end < p->rest.len && name_char(p->rest.at[end]);)
        end++;
    digits = sv_first(p->rest, n);
    unit = sv_skip(sv_first(p->rest, end), n);
    p->t = (struct token){ .kind = T_LONG, .text = sv_first(p->rest, end) };
    p->rest = sv_skip(p->rest, end);
    scale = span_unit(unit);
    if (unit.len && scale && sv_to_f64(digits, &p->t.d)) {
        p->t.kind = T_SPAN;
        p->t.i = (int64_t)(p->t.d * (double)scale);
    } else if (unit.len || !sv_to_f64(digits, &p->t.d)) {
        syntax(p);
    } else if (!sv_to_i64(digits, &p->t.i)) {
        p->t.kind = T_REAL;
    }
}

static void take_mark(struct parser *p)
{
    static const char *const marks[] = { "==", "!=", "=~", "!~", "<=", ">=", "..", "<",
                                         ">",  "=",  "(",  ")",  ",",  "|",  "+",  "-" };

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        sv m = sv_of(marks[i]);

        if (!sv_starts(p->rest, m))
            continue;
        p->t = (struct token){ .kind = T_MARK, .text = m };
        p->rest = sv_skip(p->rest, m.len);
        return;
    }
    p->t.text = p->rest;
    syntax(p);
}

static void next(struct parser *p)
{
    size_t n = 0;

    if (p->failed)
        return;
    skip_blank(p);
    p->t = (struct token){ .kind = T_END, .text = SV("end of query") };
    if (!p->rest.len)
        return;
    if (p->rest.at[0] == '"' || p->rest.at[0] == '\'') {
        take_string(p, false);
    } else if (sv_starts(p->rest, SV("@\"")) || sv_starts(p->rest, SV("@'"))) {
        p->rest = sv_skip(p->rest, 1);
        take_string(p, true);
    } else if (isdigit((unsigned char)p->rest.at[0])) {
        take_number(p);
    } else if (name_char(p->rest.at[0]) ||
               (p->rest.at[0] == '!' && p->rest.len > 1 && isalpha((unsigned char)p->rest.at[1]))) {
        n = p->rest.at[0] == '!';
        while (n < p->rest.len && name_char(p->rest.at[n]))
            n++;
        if (sv_starts(sv_skip(p->rest, n), SV("~")) && (sv_eq(sv_first(p->rest, n), SV("in"))))
            n++;
        p->t = (struct token){ .kind = T_NAME, .text = sv_first(p->rest, n) };
        p->rest = sv_skip(p->rest, n);
        /* project-away is one word */
        if (sv_eq(p->t.text, SV("project")) && sv_starts(p->rest, SV("-away"))) {
            p->t.text = SV("project-away");
            p->rest = sv_skip(p->rest, 5);
        }
    } else {
        take_mark(p);
    }
}

static bool is(const struct parser *p, const char *text)
{
    return (p->t.kind == T_NAME || p->t.kind == T_MARK) && sv_eq(p->t.text, sv_of(text));
}

static bool accept(struct parser *p, const char *text)
{
    if (p->failed || !is(p, text))
        return false;
    next(p);
    return true;
}

static bool expect(struct parser *p, const char *text)
{
    if (accept(p, text))
        return true;
    syntax(p);
    return false;
}

/* ---- nodes ---- */

static struct kql_expr *node(struct parser *p, enum kql_node kind, enum kql_type type)
{
    struct kql_expr *e = ARENA_NEW(p->arena, struct kql_expr);

    if (!e)
        return fail(p, "SyntaxError", "Query is too large");
    e->node = kind;
    e->type = type;
    return e;
}

static struct kql_expr *with_args(struct parser *p, enum kql_node kind, enum kql_type type, struct kql_expr **args,
                                  unsigned n)
{
    struct kql_expr *e = node(p, kind, type);

    if (!e)
        return NULL;
    e->args = ARENA_ARRAY(p->arena, struct kql_expr *, n + 1);
    if (!e->args)
        return fail(p, "SyntaxError", "Query is too large");
    memcpy(e->args, args, n * sizeof *args);
    e->n_args = n;
    return e;
}

static struct kql_expr *pair(struct parser *p, enum kql_node kind, enum kql_type type, struct kql_expr *a,
                             struct kql_expr *b)
{
    struct kql_expr *args[2] = { a, b };

    return a && b ? with_args(p, kind, type, args, 2) : NULL;
}

static struct kql_expr *literal(struct parser *p, struct kql_value v)
{
    struct kql_expr *e = node(p, N_LITERAL, v.type);

    if (e)
        e->literal = v;
    return e;
}

static struct kql_out *find_column(struct parser *p, sv name)
{
    for (unsigned i = 0; i < p->q->n_columns; i++)
        if (sv_eq(p->q->columns[i].name, name))
            return &p->q->columns[i];
    return NULL;
}

static bool number(enum kql_type t)
{
    return t == KQL_LONG || t == KQL_REAL;
}

static bool comparable(enum kql_type a, enum kql_type b)
{
    bool text_a = a == KQL_STRING || a == KQL_GUID, text_b = b == KQL_STRING || b == KQL_GUID;

    return a == b || a == KQL_DYNAMIC || b == KQL_DYNAMIC || (number(a) && number(b)) || (text_a && text_b);
}

static struct kql_expr *parse_expr(struct parser *p);

/* ---- functions ---- */

enum returns { R_STRING, R_LONG, R_REAL, R_BOOL, R_FIRST, R_SECOND };
enum takes { A_ANY, A_TEXT, A_BOOL };

/* clang-format off */
static const struct function {
    const char *name;
    enum kql_node node;
    unsigned least, most;
    enum takes first;
    enum returns returns;
} functions[] = {
    { "not",        N_NOT,          1, 1,        A_BOOL, R_BOOL },
    { "tolower",    N_LOWER,        1, 1,        A_TEXT, R_STRING },
    { "toupper",    N_UPPER,        1, 1,        A_TEXT, R_STRING },
    { "tostring",   N_TO_STRING,    1, 1,        A_ANY,  R_STRING },
    { "tolong",     N_TO_LONG,      1, 1,        A_ANY,  R_LONG },
    { "toint",      N_TO_LONG,      1, 1,        A_ANY,  R_LONG },
    { "todouble",   N_TO_REAL,      1, 1,        A_ANY,  R_REAL },
    { "toreal",     N_TO_REAL,      1, 1,        A_ANY,  R_REAL },
    { "isempty",    N_IS_EMPTY,     1, 1,        A_ANY,  R_BOOL },
    { "isnotempty", N_IS_NOT_EMPTY, 1, 1,        A_ANY,  R_BOOL },
    { "isnull",     N_IS_NULL,      1, 1,        A_ANY,  R_BOOL },
    { "isnotnull",  N_IS_NOT_NULL,  1, 1,        A_ANY,  R_BOOL },
    { "strcat",     N_STRCAT,       1, ARGS_MAX, A_ANY,  R_STRING },
    { "coalesce",   N_COALESCE,     2, ARGS_MAX, A_ANY,  R_FIRST },
    { "iff",        N_IFF,          3, 3,        A_BOOL, R_SECOND },
    { "iif",        N_IFF,          3, 3,        A_BOOL, R_SECOND },
    { "strlen",     N_STRLEN,       1, 1,        A_TEXT, R_LONG },
    { "bin",        N_BIN,          2, 2,        A_ANY,  R_FIRST },
};
/* clang-format on */

static unsigned parse_args(struct parser *p, struct kql_expr *args[ARGS_MAX])
{
    unsigned n = 0;

    if (accept(p, ")"))
        return 0;
    do {
        if (n == ARGS_MAX) {
            syntax(p);
            return 0;
        }
        args[n++] = parse_expr(p);
    } while (accept(p, ","));
    expect(p, ")");
    return p->failed ? 0 : n;
}

static struct kql_expr *call_function(struct parser *p, const struct function *f)
{
    struct kql_expr *args[ARGS_MAX];
    unsigned n = parse_args(p, args);
    enum kql_type type;

    if (p->failed)
        return NULL;
    if (n < f->least || n > f->most)
        return fail(p, "SemanticError", "%s(): wrong number of arguments", f->name);
    if ((f->first == A_TEXT && args[0]->type != KQL_STRING && args[0]->type != KQL_DYNAMIC) ||
        (f->first == A_BOOL && args[0]->type != KQL_BOOL))
        return fail(p, "SemanticError", "%s(): argument #1 has an invalid type", f->name);
    type = f->returns == R_FIRST ? args[0]->type : f->returns == R_SECOND ? args[1]->type : (enum kql_type)f->returns;
    return with_args(p, f->node, type, args, n);
}

/* column_ifexists("name", default): resolved now. */
static struct kql_expr *if_exists(struct parser *p)
{
    sv name = p->t.text;
    struct kql_expr *other;
    struct kql_out *c;

    if (p->t.kind != T_STRING)
        return fail(p, "SemanticError", "column_ifexists(): argument #1 must be a string literal");
    next(p);
    if (!expect(p, ","))
        return NULL;
    other = parse_expr(p);
    if (!expect(p, ")"))
        return NULL;
    c = find_column(p, name);
    return c ? c->e : other;
}

/* now(), now(-1h), ago(1h) */
static struct kql_expr *instant(struct parser *p, bool ago)
{
    struct kql_value v = { .type = KQL_DATETIME, .i = p->now };
    bool minus = accept(p, "-");

    if (p->t.kind == T_SPAN) {
        v.i += (minus != ago ? -1 : 1) * p->t.i;
        next(p);
    } else if (ago || minus) {
        return syntax(p);
    }
    return expect(p, ")") ? literal(p, v) : NULL;
}

/* datetime(2026-11-20T10:00:00Z), long(null), dynamic(null), timespan(1h)...: the text between the brackets is raw. */
static struct kql_expr *typed_literal(struct parser *p, enum kql_type type)
{
    size_t end = sv_find(p->rest, ')');
    sv raw = sv_trim(sv_first(p->rest, end));
    struct kql_value v = { .type = type };
    bool ok = true;

    if (end == p->rest.len)
        return syntax(p);
    if (raw.len > 1 && (raw.at[0] == '"' || raw.at[0] == '\''))
        raw = sv_make(raw.at + 1, raw.len - 2);
    p->rest = sv_skip(p->rest, end + 1);
    if (sv_eq(raw, SV("null")))
        v.null = true;
    else if (type == KQL_DATETIME)
        ok = sv_to_time(raw, &v.i);
    else if (type == KQL_LONG)
        ok = sv_to_i64(raw, &v.i);
    else if (type == KQL_REAL)
        ok = sv_to_f64(raw, &v.d);
    else if (type == KQL_BOOL)
        ok = sv_eq(raw, SV("true")) || sv_eq(raw, SV("false")), v.i = sv_eq(raw, SV("true"));
    else
        v.s = arena_copy(p->arena, raw), ok = type == KQL_GUID || type == KQL_DYNAMIC;
    if (!ok)
        return fail(p, "SyntaxError", "Query could not be parsed at '%s(%.*s)'", kql_type_names[type],
                    SV_ARG(sv_first(raw, 60)));
    next(p);
    return literal(p, v);
}

static bool type_named(sv name, enum kql_type *out)
{
    for (unsigned i = 0; i < KQL_TYPES; i++) {
        if (i == KQL_STRING || !sv_eq(name, sv_of(kql_type_names[i])))
            continue;
        *out = (enum kql_type)i;
        return true;
    }
    *out = sv_eq(name, SV("int")) ? KQL_LONG : sv_eq(name, SV("double")) ? KQL_REAL : KQL_STRING;
    return *out != KQL_STRING;
}

static struct kql_expr *parse_call(struct parser *p, sv name)
{
    enum kql_type type;

    /* The token after the name is "(", and p->rest stands behind it. */
    if (type_named(name, &type))
        return typed_literal(p, type);
    next(p);
    if (sv_eq(name, SV("column_ifexists")))
        return if_exists(p);
    if (sv_eq(name, SV("ingestion_time")))
        return expect(p, ")") ? node(p, N_INGESTED, KQL_DATETIME) : NULL;
    if (sv_eq(name, SV("now")) || sv_eq(name, SV("ago")))
        return instant(p, sv_eq(name, SV("ago")));
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (sv_eq(name, sv_of(functions[i].name)))
            return call_function(p, &functions[i]);
    return fail(p, "SemanticError", "Unknown function: '%.*s'.", SV_ARG(sv_first(name, 60)));
}

/* ---- expressions, from the tightest binding to the loosest ---- */

static struct kql_expr *parse_name(struct parser *p)
{
    sv name = p->t.text;
    struct kql_out *c;

    next(p);
    if (is(p, "("))
        return parse_call(p, name);
    if (sv_eq(name, SV("true")) || sv_eq(name, SV("false")))
        return literal(p, (struct kql_value){ .type = KQL_BOOL, .i = sv_eq(name, SV("true")) });
    c = find_column(p, name);
    if (!c)
        return fail(p, "SemanticError", "Failed to resolve scalar expression named '%.*s'", SV_ARG(sv_first(name, 60)));
    return c->e;
}

static struct kql_expr *parse_primary(struct parser *p)
{
    struct token t = p->t;
    struct kql_expr *e;

    if (p->failed)
        return NULL;
    if (accept(p, "(")) {
        e = parse_expr(p);
        return expect(p, ")") ? e : NULL;
    }
    switch (t.kind) {
    case T_NAME:
        return parse_name(p);
    case T_STRING:
        next(p);
        return literal(p, (struct kql_value){ .type = KQL_STRING, .s = t.text });
    case T_LONG:
        next(p);
        return literal(p, (struct kql_value){ .type = KQL_LONG, .i = t.i });
    case T_REAL:
        next(p);
        return literal(p, (struct kql_value){ .type = KQL_REAL, .d = t.d });
    case T_SPAN:
        next(p);
        return literal(p, (struct kql_value){ .type = KQL_TIMESPAN, .i = t.i });
    case T_MARK:
    case T_END:
        break;
    }
    return syntax(p);
}

/* A sum of constants is a constant: bounds are found through it. */
static struct kql_expr *folded(struct parser *p, struct kql_expr *e)
{
    struct kql_row none = { .scratch = p->arena };

    if (!e || e->args[0]->node != N_LITERAL || e->args[1]->node != N_LITERAL)
        return e;
    return literal(p, kql_eval(e, &none));
}

static struct kql_expr *parse_sum(struct parser *p)
{
    struct kql_expr *a = parse_primary(p), *b;

    while (!p->failed && (is(p, "+") || is(p, "-"))) {
        enum kql_node op = is(p, "+") ? N_ADD : N_SUB;
        enum kql_type type;

        next(p);
        b = parse_primary(p);
        if (p->failed)
            return NULL;
        type = a->type == KQL_REAL || b->type == KQL_REAL ? KQL_REAL : a->type;
        if (a->type == KQL_DATETIME && b->type == KQL_DATETIME && op == N_SUB)
            type = KQL_TIMESPAN;
        else if (!(a->type == KQL_DATETIME && b->type == KQL_TIMESPAN) && !(number(a->type) && number(b->type)) &&
                 !(a->type == KQL_TIMESPAN && b->type == KQL_TIMESPAN))
            return fail(p, "SemanticError", "Scalar types %s and %s cannot be added or subtracted",
                        kql_type_names[a->type], kql_type_names[b->type]);
        a = folded(p, pair(p, op, type, a, b));
    }
    return a;
}

/* clang-format off */
static const struct { const char *mark; enum kql_node node; bool text_only, negated; } relations[] = {
    { "==", N_EQ, false, false },           { "!=", N_NE, false, false },      { "<", N_LT, false, false },
    { "<=", N_LE, false, false },           { ">", N_GT, false, false },       { ">=", N_GE, false, false },
    { "=~", N_EQ_NOCASE, true, false },     { "!~", N_NE_NOCASE, true, false },
    { "contains", N_CONTAINS, true, false }, { "!contains", N_CONTAINS, true, true },
    { "has", N_HAS, true, false },          { "!has", N_HAS, true, true },
    { "startswith", N_STARTS, true, false }, { "!startswith", N_STARTS, true, true },
    { "endswith", N_ENDS, true, false },    { "!endswith", N_ENDS, true, true },
};
/* clang-format on */

static struct kql_expr *parse_list(struct parser *p, struct kql_expr *first, enum kql_node op)
{
    struct kql_expr *args[ARGS_MAX + 1] = { first };
    unsigned n;

    if (!expect(p, "("))
        return NULL;
    n = parse_args(p, args + 1);
    for (unsigned i = 1; i <= n; i++)
        if (!comparable(first->type, args[i]->type))
            return fail(p, "SemanticError", "Cannot compare values of types %s and %s. Try adding explicit casts",
                        kql_type_names[first->type], kql_type_names[args[i]->type]);
    return p->failed ? NULL : with_args(p, op, KQL_BOOL, args, n + 1);
}

static struct kql_expr *parse_between(struct parser *p, struct kql_expr *first)
{
    struct kql_expr *args[3] = { first };

    if (!expect(p, "("))
        return NULL;
    args[1] = parse_sum(p);
    if (!expect(p, ".."))
        return NULL;
    args[2] = parse_sum(p);
    if (!expect(p, ")"))
        return NULL;
    if (!comparable(first->type, args[1]->type) || !comparable(first->type, args[2]->type))
        return fail(p, "SemanticError", "between(): arguments have incompatible types");
    return with_args(p, N_BETWEEN, KQL_BOOL, args, 3);
}

static struct kql_expr *parse_relation(struct parser *p)
{
    struct kql_expr *a = parse_sum(p), *b, *e;

    if (p->failed)
        return NULL;
    if (accept(p, "in"))
        return parse_list(p, a, N_IN);
    if (accept(p, "in~"))
        return parse_list(p, a, N_IN_NOCASE);
    if (accept(p, "!in"))
        return parse_list(p, a, N_NOT_IN);
    if (accept(p, "between"))
        return parse_between(p, a);
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        if (!accept(p, relations[i].mark))
            continue;
        b = parse_sum(p);
        if (p->failed)
            return NULL;
        if (!comparable(a->type, b->type) || (relations[i].text_only && (number(a->type) || a->type == KQL_DATETIME)))
            return fail(p, "SemanticError", "Cannot compare values of types %s and %s. Try adding explicit casts",
                        kql_type_names[a->type], kql_type_names[b->type]);
        e = pair(p, relations[i].node, KQL_BOOL, a, b);
        return e && relations[i].negated ? with_args(p, N_NOT, KQL_BOOL, &e, 1) : e;
    }
    return a;
}

static struct kql_expr *parse_logic(struct parser *p, const char *word)
{
    bool is_or = word[0] == 'o';
    struct kql_expr *a = is_or ? parse_logic(p, "and") : parse_relation(p), *b;

    while (!p->failed && accept(p, word)) {
        b = is_or ? parse_logic(p, "and") : parse_relation(p);
        if (p->failed)
            return NULL;
        if (a->type != KQL_BOOL || b->type != KQL_BOOL)
            return fail(p, "SemanticError", "Operator '%s' wants operands of type bool", word);
        a = pair(p, is_or ? N_OR : N_AND, KQL_BOOL, a, b);
    }
    return a;
}

static struct kql_expr *parse_expr(struct parser *p)
{
    struct kql_expr *e;

    if (p->failed)
        return NULL;
    if (++p->depth > DEPTH_MAX)
        return fail(p, "SyntaxError", "Query is nested too deeply");
    e = parse_logic(p, "or");
    p->depth--;
    return p->failed ? NULL : e;
}

/* ---- steps ---- */

static struct kql_step *add_step(struct parser *p, enum kql_op op)
{
    struct kql_step *s = &p->q->steps[p->q->n_steps];

    if (p->q->n_steps == KQL_STEPS_MAX)
        return fail(p, "SyntaxError", "Query has too many operators");
    *s = (struct kql_step){ .op = op };
    p->q->n_steps++;
    return s;
}

static void parse_where(struct parser *p)
{
    struct kql_expr *e = parse_expr(p);
    struct kql_step *s;

    if (!e)
        return;
    if (e->type != KQL_BOOL) {
        fail(p, "SemanticError", "where operator: the predicate must be of type bool");
        return;
    }
    s = add_step(p, KQL_WHERE);
    if (s)
        s->where = e;
}

static void set_column(struct parser *p, struct kql_out *columns, unsigned *n, sv name, struct kql_expr *e,
                       bool replace)
{
    for (unsigned i = 0; replace && i < *n; i++) {
        if (!sv_eq(columns[i].name, name))
            continue;
        columns[i] = (struct kql_out){ name, e->type, e };
        return;
    }
    for (unsigned i = 0; i < *n; i++) {
        if (!sv_eq(columns[i].name, name))
            continue;
        fail(p, "SemanticError", "A column with the name '%.*s' stands twice", SV_ARG(name));
        return;
    }
    if (*n == KQL_COLUMNS_MAX) {
        fail(p, "SemanticError", "Query has too many columns");
        return;
    }
    columns[(*n)++] = (struct kql_out){ name, e->type, e };
}

/* One item of a list: NAME = EXPR, or a bare column whose name stays. */
static struct kql_expr *parse_item(struct parser *p, sv *name, unsigned number_of)
{
    struct parser before = *p;
    bool bare_name = p->t.kind == T_NAME;

    *name = p->t.text;
    if (bare_name) {
        next(p);
        if (accept(p, "="))
            return parse_expr(p);
        bare_name = !is(p, "(") && find_column(p, *name);
        *p = before;
    }
    if (!bare_name)
        *name = arena_printf(p->arena, "Column%u", number_of);
    return parse_expr(p);
}

static void parse_columns(struct parser *p, bool extend)
{
    struct kql_out columns[KQL_COLUMNS_MAX];
    unsigned n = 0;

    if (extend) {
        memcpy(columns, p->q->columns, sizeof columns);
        n = p->q->n_columns;
    }
    do {
        sv name;
        struct kql_expr *e = parse_item(p, &name, n + 1);

        if (!e)
            return;
        set_column(p, columns, &n, name, e, extend);
    } while (accept(p, ","));
    memcpy(p->q->columns, columns, sizeof columns);
    p->q->n_columns = n;
}

static void parse_away(struct parser *p)
{
    do {
        struct kql_out *c = p->t.kind == T_NAME ? find_column(p, p->t.text) : NULL;
        size_t at;

        if (!c) {
            fail(p, "SemanticError", "project-away: Failed to resolve column named '%.*s'",
                 SV_ARG(sv_first(p->t.text, 60)));
            return;
        }
        at = (size_t)(c - p->q->columns);
        memmove(c, c + 1, (p->q->n_columns - at - 1) * sizeof *c);
        p->q->n_columns--;
        next(p);
    } while (accept(p, ","));
}

static void parse_keys(struct parser *p, struct kql_step *s)
{
    if (!s || !expect(p, "by"))
        return;
    do {
        struct kql_expr *e = parse_expr(p);

        if (!e)
            return;
        if (s->n_keys == KQL_KEYS_MAX) {
            syntax(p);
            return;
        }
        s->keys[s->n_keys].e = e;
        s->keys[s->n_keys].descending = !accept(p, "asc"); /* descending unless told */
        if (s->keys[s->n_keys].descending)
            accept(p, "desc");
        s->n_keys++;
        if (accept(p, "nulls") && !accept(p, "first"))
            expect(p, "last");
    } while (accept(p, ","));
}

static void parse_take(struct parser *p, bool top)
{
    struct kql_step *s;
    uint64_t n = (uint64_t)p->t.i;

    if (p->t.kind != T_LONG) {
        syntax(p);
        return;
    }
    next(p);
    if (top)
        parse_keys(p, add_step(p, KQL_SORT));
    s = p->failed ? NULL : add_step(p, KQL_TAKE);
    if (s)
        s->take = n;
}

/* After this the table is what summarize makes: one column per sum, in order. */
static void end_summarize(struct parser *p, struct kql_step *s, const sv *names, const enum kql_type *types)
{
    p->q->n_columns = 0;
    for (unsigned i = 0; i < s->n_sums; i++) {
        struct kql_expr *e = node(p, N_COLUMN, types[i]);

        if (!e)
            return;
        e->column = i;
        set_column(p, p->q->columns, &p->q->n_columns, names[i], e, false);
    }
}

/* clang-format off */
static const struct { const char *name; enum kql_aggregate how; bool argument; } aggregates[] = {
    { "count", KQL_COUNT, false }, { "sum", KQL_SUM, true }, { "min", KQL_MIN, true }, { "max", KQL_MAX, true },
};
/* clang-format on */

struct summary {
    sv names[KQL_KEYS_MAX];
    enum kql_type types[KQL_KEYS_MAX];
};

static void add_sum(struct parser *p, struct kql_step *s, struct summary *m, sv name, enum kql_aggregate how,
                    struct kql_expr *e, enum kql_type type)
{
    if (s->n_sums == KQL_KEYS_MAX) {
        syntax(p);
        return;
    }
    s->sums[s->n_sums].how = how;
    s->sums[s->n_sums].e = e;
    m->names[s->n_sums] = name;
    m->types[s->n_sums++] = type;
}

static void parse_aggregate(struct parser *p, struct kql_step *s, struct summary *m)
{
    sv name = p->t.text, given = SV_NONE;
    struct kql_expr *e = NULL;

    if (p->t.kind != T_NAME) {
        syntax(p);
        return;
    }
    next(p);
    if (accept(p, "=")) {
        given = name;
        name = p->t.text;
        next(p);
    }
    for (size_t i = 0; i < sizeof aggregates / sizeof aggregates[0]; i++) {
        if (!sv_eq(name, sv_of(aggregates[i].name)))
            continue;
        if (!expect(p, "("))
            return;
        if (aggregates[i].argument)
            e = parse_expr(p);
        if (!expect(p, ")"))
            return;
        add_sum(p, s, m, given.len ? given : arena_printf(p->arena, "%s_", aggregates[i].name), aggregates[i].how, e,
                aggregates[i].how == KQL_COUNT ? KQL_LONG : e->type);
        return;
    }
    fail(p, "SemanticError", "summarize operator: Unknown aggregation '%.*s'", SV_ARG(sv_first(name, 60)));
}

static void parse_groups(struct parser *p, struct kql_step *s, struct summary *m)
{
    do {
        sv name;
        struct kql_expr *e = parse_item(p, &name, s->n_sums + 1);

        if (!e)
            return;
        add_sum(p, s, m, name, KQL_BY, e, e->type);
    } while (!p->failed && accept(p, ","));
}

/* Kusto puts the groups before the sums. */
static void groups_first(struct kql_step *s, struct summary *m, unsigned n_aggregates)
{
    struct kql_step old = *s;
    struct summary old_m = *m;

    for (unsigned i = 0; i < s->n_sums; i++) {
        unsigned from = (i + n_aggregates) % s->n_sums;

        s->sums[i] = old.sums[from];
        m->names[i] = old_m.names[from];
        m->types[i] = old_m.types[from];
    }
}

static void parse_summarize(struct parser *p, bool distinct)
{
    struct kql_step *s = add_step(p, KQL_SUMMARIZE);
    struct summary m = { .types = { KQL_STRING } };
    unsigned n;

    if (!s)
        return;
    if (distinct) {
        parse_groups(p, s, &m);
    } else {
        do
            parse_aggregate(p, s, &m);
        while (!p->failed && accept(p, ","));
        n = s->n_sums;
        if (accept(p, "by"))
            parse_groups(p, s, &m);
        if (!p->failed)
            groups_first(s, &m, n);
    }
    if (!p->failed)
        end_summarize(p, s, m.names, m.types);
}

static void parse_count(struct parser *p)
{
    struct kql_step *s = add_step(p, KQL_SUMMARIZE);
    struct summary m = { .types = { KQL_STRING } };

    if (!s)
        return;
    add_sum(p, s, &m, SV("Count"), KQL_COUNT, NULL, KQL_LONG);
    end_summarize(p, s, m.names, m.types);
}

static void parse_step(struct parser *p)
{
    if (accept(p, "where") || accept(p, "filter"))
        parse_where(p);
    else if (accept(p, "extend"))
        parse_columns(p, true);
    else if (accept(p, "project"))
        parse_columns(p, false);
    else if (accept(p, "project-away"))
        parse_away(p);
    else if (accept(p, "order") || accept(p, "sort"))
        parse_keys(p, add_step(p, KQL_SORT));
    else if (accept(p, "take") || accept(p, "limit"))
        parse_take(p, false);
    else if (accept(p, "top"))
        parse_take(p, true);
    else if (accept(p, "count"))
        parse_count(p);
    else if (accept(p, "summarize"))
        parse_summarize(p, false);
    else if (accept(p, "distinct"))
        parse_summarize(p, true);
    else
        syntax(p);
}

static void add_table_columns(struct parser *p)
{
    for (unsigned i = 0; p->table[i].name; i++) {
        struct kql_expr *e = node(p, N_COLUMN, p->table[i].type);

        if (!e)
            return;
        e->column = i;
        set_column(p, p->q->columns, &p->q->n_columns, sv_of(p->table[i].name), e, false);
    }
}

bool kql_compile(sv text, const char *table, const struct kql_column *columns, struct arena *a, int64_t now,
                 struct kql_query *out, struct kql_error *e)
{
    struct parser p = { .rest = text, .arena = a, .q = out, .e = e, .table = columns, .now = now };

    out->n_steps = out->n_columns = 0;
    next(&p);
    if (p.t.kind != T_NAME)
        syntax(&p);
    else if (!sv_eq(p.t.text, sv_of(table)))
        fail(&p, "SemanticError", "Failed to resolve table or column expression named '%.*s'",
             SV_ARG(sv_first(p.t.text, 60)));
    out->table = p.t.text;
    add_table_columns(&p);
    next(&p);
    while (!p.failed && p.t.kind != T_END)
        if (expect(&p, "|"))
            parse_step(&p);
    return !p.failed;
}
