/* Values of expressions. Null compares with nothing; strings are never null. */
#include <ctype.h>
#include <string.h>

#include "tests/cloudsim/azure/kql_expr.h"

const char *const kql_type_names[KQL_TYPES] = { "string",   "long",     "real",    "bool",
                                                "datetime", "timespan", "dynamic", "guid" };

enum kql_type kql_expr_type(const struct kql_expr *e)
{
    return e->type;
}

static struct kql_value boolean(bool v)
{
    return (struct kql_value){ .type = KQL_BOOL, .i = v };
}

static struct kql_value text(sv s)
{
    return (struct kql_value){ .type = KQL_STRING, .s = s };
}

static struct kql_value null_of(enum kql_type t)
{
    return (struct kql_value){ .type = t, .null = t != KQL_STRING };
}

static bool is_text(enum kql_type t)
{
    return t == KQL_STRING || t == KQL_GUID || t == KQL_DYNAMIC;
}

int kql_compare(const struct kql_value *a, const struct kql_value *b)
{
    if (a->null || b->null)
        return (int)b->null - (int)a->null;
    if (is_text(a->type) || is_text(b->type))
        return sv_cmp(a->s, b->s);
    if (a->type == KQL_REAL || b->type == KQL_REAL) {
        double x = a->type == KQL_REAL ? a->d : (double)a->i, y = b->type == KQL_REAL ? b->d : (double)b->i;

        return x < y ? -1 : x > y;
    }
    return a->i < b->i ? -1 : a->i > b->i;
}

static bool contains(sv s, sv part)
{
    for (size_t i = 0; i + part.len <= s.len; i++)
        if (sv_starts_nocase(sv_skip(s, i), part))
            return true;
    return false;
}

/* `has`: the part stands between characters that are no letters or digits. */
static bool has_term(sv s, sv part)
{
    for (size_t i = 0; i + part.len <= s.len; i++) {
        bool before = i == 0 || !isalnum((unsigned char)s.at[i - 1]);
        bool after = i + part.len == s.len || !isalnum((unsigned char)s.at[i + part.len]);

        if (before && after && sv_starts_nocase(sv_skip(s, i), part))
            return true;
    }
    return false;
}

static bool relation(enum kql_node node, const struct kql_value *a, const struct kql_value *b)
{
    if (a->null || b->null)
        return false;
    switch (node) {
    case N_EQ:
        return kql_compare(a, b) == 0;
    case N_NE:
        return kql_compare(a, b) != 0;
    case N_LT:
        return kql_compare(a, b) < 0;
    case N_LE:
        return kql_compare(a, b) <= 0;
    case N_GT:
        return kql_compare(a, b) > 0;
    case N_GE:
        return kql_compare(a, b) >= 0;
    case N_EQ_NOCASE:
        return sv_eq_nocase(a->s, b->s);
    case N_NE_NOCASE:
        return !sv_eq_nocase(a->s, b->s);
    case N_CONTAINS:
        return contains(a->s, b->s);
    case N_HAS:
        return has_term(a->s, b->s);
    case N_STARTS:
        return sv_starts_nocase(a->s, b->s);
    case N_ENDS:
        return sv_ends_nocase(a->s, b->s);
    default:
        return false;
    }
}

static struct kql_value in_list(const struct kql_expr *e, struct kql_row *r)
{
    struct kql_value v = kql_eval(e->args[0], r);

    for (unsigned i = 1; i < e->n_args; i++) {
        struct kql_value x = kql_eval(e->args[i], r);

        if (relation(e->node == N_IN_NOCASE ? N_EQ_NOCASE : N_EQ, &v, &x))
            return boolean(e->node != N_NOT_IN);
    }
    return boolean(e->node == N_NOT_IN);
}

static struct kql_value arithmetic(const struct kql_expr *e, struct kql_row *r)
{
    struct kql_value a = kql_eval(e->args[0], r), b = kql_eval(e->args[1], r);
    int sign = e->node == N_SUB ? -1 : 1;

    if (a.null || b.null)
        return null_of(e->type);
    if (e->type == KQL_REAL)
        return (struct kql_value){ .type = KQL_REAL,
                                   .d = (a.type == KQL_REAL ? a.d : (double)a.i) +
                                        sign * (b.type == KQL_REAL ? b.d : (double)b.i) };
    return (struct kql_value){ .type = e->type, .i = a.i + sign * b.i };
}

static struct kql_value changed_case(struct kql_value v, struct kql_row *r, bool up)
{
    sv copy = arena_copy(r->scratch, v.s);

    for (size_t i = 0; i < copy.len; i++)
        ((char *)(uintptr_t)copy.at)[i] =
            (char)(up ? toupper((unsigned char)v.s.at[i]) : tolower((unsigned char)v.s.at[i]));
    return text(copy);
}

static struct kql_value to_text(struct kql_value v, struct kql_row *r)
{
    if (v.null)
        return text(SV_NONE);
    if (is_text(v.type))
        return text(v.s);
    if (v.type == KQL_BOOL)
        return text(v.i ? SV("true") : SV("false"));
    if (v.type == KQL_REAL)
        return text(arena_printf(r->scratch, "%.17g", v.d));
    return text(arena_printf(r->scratch, "%lld", (long long)v.i));
}

static struct kql_value to_number(struct kql_value v, enum kql_type t)
{
    struct kql_value out = { .type = t, .i = v.i, .d = v.type == KQL_REAL ? v.d : (double)v.i };

    if (v.type == KQL_REAL)
        out.i = (int64_t)v.d;
    if (is_text(v.type))
        out.null = t == KQL_REAL ? !sv_to_f64(v.s, &out.d) : !sv_to_i64(v.s, &out.i);
    out.null = out.null || v.null;
    return out;
}

static bool empty(const struct kql_value *v)
{
    return v->null || (is_text(v->type) && v->s.len == 0);
}

static struct kql_value joined(const struct kql_expr *e, struct kql_row *r)
{
    sv all = SV_NONE;

    for (unsigned i = 0; i < e->n_args; i++)
        all = arena_printf(r->scratch, "%.*s%.*s", SV_ARG(all), SV_ARG(to_text(kql_eval(e->args[i], r), r).s));
    return text(all);
}

static struct kql_value coalesced(const struct kql_expr *e, struct kql_row *r)
{
    for (unsigned i = 0; i < e->n_args; i++) {
        struct kql_value v = kql_eval(e->args[i], r);

        if (!empty(&v))
            return v;
    }
    return null_of(e->type);
}

static struct kql_value call(const struct kql_expr *e, struct kql_row *r)
{
    struct kql_value v = e->n_args ? kql_eval(e->args[0], r) : null_of(KQL_STRING);

    switch (e->node) {
    case N_NOT:
        return boolean(!v.i);
    case N_LOWER:
        return changed_case(v, r, false);
    case N_UPPER:
        return changed_case(v, r, true);
    case N_TO_STRING:
        return to_text(v, r);
    case N_TO_LONG:
        return to_number(v, KQL_LONG);
    case N_TO_REAL:
        return to_number(v, KQL_REAL);
    case N_IS_EMPTY:
        return boolean(empty(&v));
    case N_IS_NOT_EMPTY:
        return boolean(!empty(&v));
    case N_IS_NULL:
        return boolean(v.null);
    case N_IS_NOT_NULL:
        return boolean(!v.null);
    case N_STRLEN:
        return (struct kql_value){ .type = KQL_LONG, .i = (int64_t)v.s.len };
    case N_IFF:
        return kql_eval(e->args[v.i ? 1 : 2], r);
    case N_BIN: {
        struct kql_value step = kql_eval(e->args[1], r);

        if (!v.null && step.i > 0)
            v.i -= v.i % step.i;
        return v;
    }
    default:
        return null_of(e->type);
    }
}

struct kql_value kql_eval(const struct kql_expr *e, struct kql_row *r)
{
    struct kql_value a, b;

    switch (e->node) {
    case N_LITERAL:
        return e->literal;
    case N_COLUMN:
        return r->value(r, e->column);
    case N_INGESTED:
        return (struct kql_value){ .type = KQL_DATETIME, .i = r->ingested };
    case N_AND:
        return boolean(kql_true(e->args[0], r) && kql_true(e->args[1], r));
    case N_OR:
        return boolean(kql_true(e->args[0], r) || kql_true(e->args[1], r));
    case N_ADD:
    case N_SUB:
        return arithmetic(e, r);
    case N_IN:
    case N_NOT_IN:
    case N_IN_NOCASE:
        return in_list(e, r);
    case N_BETWEEN:
        a = kql_eval(e->args[0], r);
        b = kql_eval(e->args[1], r);
        if (!relation(N_GE, &a, &b))
            return boolean(false);
        b = kql_eval(e->args[2], r);
        return boolean(relation(N_LE, &a, &b));
    case N_STRCAT:
        return joined(e, r);
    case N_COALESCE:
        return coalesced(e, r);
    default:
        break;
    }
    if (e->node >= N_EQ && e->node <= N_ENDS) {
        a = kql_eval(e->args[0], r);
        b = kql_eval(e->args[1], r);
        return boolean(relation(e->node, &a, &b));
    }
    return call(e, r);
}

bool kql_true(const struct kql_expr *e, struct kql_row *r)
{
    struct kql_value v = kql_eval(e, r);

    return !v.null && v.i != 0;
}

/* ---- bounds ---- */

struct bounds {
    unsigned time_column;
    int64_t *from[2], *to[2]; /* [0] ingestion time, [1] the column */
};

static void narrow(struct bounds *b, const struct kql_expr *e)
{
    enum kql_node node = e->node;
    const struct kql_expr *left = e->n_args > 0 ? e->args[0] : NULL, *right = e->n_args > 1 ? e->args[1] : NULL;
    int which;
    int64_t v;

    if (node == N_AND) {
        narrow(b, left);
        narrow(b, right);
        return;
    }
    if (node < N_EQ || node > N_GE || node == N_NE || right->node != N_LITERAL || right->type != KQL_DATETIME ||
        right->literal.null)
        return;
    which = left->node == N_INGESTED ? 0 : left->node == N_COLUMN && left->column == b->time_column ? 1 : -1;
    if (which < 0)
        return;
    v = right->literal.i;
    if (node == N_GT || node == N_GE || node == N_EQ) {
        v += node == N_GT;
        *b->from[which] = v > *b->from[which] ? v : *b->from[which];
    }
    v = right->literal.i;
    if (node == N_LT || node == N_LE || node == N_EQ) {
        v -= node == N_LT;
        *b->to[which] = v < *b->to[which] ? v : *b->to[which];
    }
}

void kql_bounds(const struct kql_query *q, unsigned time_column, int64_t *ingested_from, int64_t *ingested_to,
                int64_t *time_from, int64_t *time_to)
{
    struct bounds b = { time_column, { ingested_from, time_from }, { ingested_to, time_to } };

    for (unsigned i = 0; i < q->n_steps && q->steps[i].op == KQL_WHERE; i++)
        narrow(&b, q->steps[i].where);
}
