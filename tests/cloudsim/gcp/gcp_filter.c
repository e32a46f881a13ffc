/* A recursive descent over the text; what cannot be read is an error that says where, as the services do. */
#include "tests/cloudsim/gcp/gcp_filter.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <strings.h>

struct reader {
    struct arena *arena;
    sv text;
    size_t at;
    unsigned depth;
    struct err *e;
};

enum { VALUES_MAX = 200 };

static const struct gcp_filter *fail(struct reader *r, const char *what)
{
    if (r->e->code == ERR_OK)
        (void)err_set(r->e, ERR_PARSE, "Unparseable filter: syntax error at line 1, column %zu, %s", r->at + 1, what);
    return NULL;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->text.len && isspace((unsigned char)r->text.at[r->at]))
        r->at++;
}

static char peek(struct reader *r)
{
    skip_blanks(r);
    return r->at < r->text.len ? r->text.at[r->at] : '\0';
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("_./@-+*%", c));
}

/* The word that stands next, without taking it. */
static sv next_word(struct reader *r)
{
    size_t end;

    skip_blanks(r);
    for (end = r->at; end < r->text.len && is_word(r->text.at[end]); end++)
        ;
    return sv_make(r->text.at + r->at, end - r->at);
}

static bool take_word(struct reader *r, const char *word)
{
    if (!sv_eq(next_word(r), sv_of(word)))
        return false;
    r->at += strlen(word);
    return true;
}

static bool take(struct reader *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

/* "..." with backslashes before quotes and backslashes. */
static bool take_quoted(struct reader *r, sv *out)
{
    char *copy = arena_alloc(r->arena, r->text.len + 1);
    size_t n = 0;

    if (!copy || !take(r, '"'))
        return false;
    for (; r->at < r->text.len; r->at++) {
        char c = r->text.at[r->at];

        if (c == '"') {
            r->at++;
            *out = sv_make(copy, n);
            return true;
        }
        if (c == '\\' && r->at + 1 < r->text.len)
            c = r->text.at[++r->at];
        copy[n++] = c;
    }
    return false;
}

/* Words and quoted segments up to an operator: protoPayload."@type", resource.labels.project_id. */
static bool take_field(struct reader *r, sv *out)
{
    char *name = arena_alloc(r->arena, r->text.len + 1);
    size_t n = 0;

    skip_blanks(r);
    while (name && r->at < r->text.len) {
        sv quoted;

        if (is_word(r->text.at[r->at])) {
            name[n++] = r->text.at[r->at++];
        } else if (r->text.at[r->at] == '"' && take_quoted(r, &quoted)) {
            memcpy(name + n, quoted.at, quoted.len);
            n += quoted.len;
        } else {
            break;
        }
    }
    *out = sv_make(name, n);
    return n > 0;
}

static bool take_compare(struct reader *r, enum gcp_compare *out)
{
    /* clang-format off */
    static const struct { const char *text; enum gcp_compare compare; } rows[] = {
        { "!=", GCP_NE }, { "<=", GCP_LE }, { ">=", GCP_GE }, { "=~", GCP_MATCH }, { "!~", GCP_NO_MATCH },
        { "=",  GCP_EQ }, { "<",  GCP_LT }, { ">",  GCP_GT }, { ":",  GCP_HAS },
    };
    /* clang-format on */

    skip_blanks(r);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!sv_starts(sv_skip(r->text, r->at), sv_of(rows[i].text)))
            continue;
        r->at += strlen(rows[i].text);
        *out = rows[i].compare;
        return true;
    }
    return false;
}

static bool take_value(struct reader *r, sv *out)
{
    if (peek(r) == '"')
        return take_quoted(r, out);
    *out = next_word(r);
    r->at += out->len;
    return out->len > 0;
}

/* ("a" OR "b") of a list, or (a, b) of a function: what stands between values is `between`. */
static bool take_values(struct reader *r, const char *between, struct gcp_filter *f)
{
    sv *values = ARENA_ARRAY(r->arena, sv, VALUES_MAX);

    if (!values || !take(r, '('))
        return false;
    f->values = values;
    while (f->n_values < VALUES_MAX) {
        if (!take_value(r, &values[f->n_values++]))
            return false;
        if (take(r, ')'))
            return true;
        if (between[0] == ',' ? !take(r, ',') : !take_word(r, between))
            return false;
    }
    return false;
}

static const struct gcp_filter *take_test(struct reader *r)
{
    struct gcp_filter *f = ARENA_NEW(r->arena, struct gcp_filter);
    sv one, *values;

    if (!f)
        return fail(r, "filter too long");
    f->kind = GCP_FILTER_TEST;
    if (!take_field(r, &f->field))
        return fail(r, "a comparison was expected");
    if (peek(r) == '(') {
        f->function = f->field;
        f->field = SV_NONE;
        return take_values(r, ",", f) ? f : fail(r, "a list of arguments was expected");
    }
    if (!take_compare(r, &f->compare))
        return fail(r, "an operator was expected");
    if (peek(r) == '(')
        return take_values(r, "OR", f) ? f : fail(r, "a list of values was expected");
    if (!take_value(r, &one))
        return fail(r, "a value was expected");
    if (r->at < r->text.len && r->text.at[r->at] == '(') { /* at once: after a blank it is the next comparison */
        f->function = one;
        return take_values(r, ",", f) ? f : fail(r, "a list of arguments was expected");
    }
    values = ARENA_ARRAY(r->arena, sv, 1);
    if (!values)
        return fail(r, "filter too long");
    values[0] = one;
    f->values = values;
    f->n_values = 1;
    return f;
}

static const struct gcp_filter *node(struct reader *r, enum gcp_filter_kind kind, const struct gcp_filter *left,
                                     const struct gcp_filter *right)
{
    struct gcp_filter *f = left ? ARENA_NEW(r->arena, struct gcp_filter) : NULL;

    if (!f)
        return fail(r, "filter too long");
    *f = (struct gcp_filter){ .kind = kind, .left = left, .right = right };
    return f;
}

static const struct gcp_filter *take_all(struct reader *r);

static const struct gcp_filter *take_unary(struct reader *r)
{
    const struct gcp_filter *f;

    if (r->depth++ >= GCP_FILTER_DEPTH_MAX)
        return fail(r, "nested too deeply");
    if (take_word(r, "NOT") || take(r, '-')) {
        f = take_unary(r);
        f = f ? node(r, GCP_FILTER_NOT, f, NULL) : NULL;
    } else if (take(r, '(')) {
        f = take_all(r);
        if (f && !take(r, ')'))
            f = fail(r, "a closing parenthesis was expected");
    } else {
        f = take_test(r);
    }
    r->depth--;
    return f;
}

static const struct gcp_filter *take_any(struct reader *r)
{
    const struct gcp_filter *f = take_unary(r);

    while (f && take_word(r, "OR")) {
        const struct gcp_filter *right = take_unary(r);

        f = right ? node(r, GCP_FILTER_OR, f, right) : NULL;
    }
    return f;
}

static const struct gcp_filter *take_all(struct reader *r)
{
    const struct gcp_filter *f = take_any(r);

    while (f && peek(r) && peek(r) != ')') {
        const struct gcp_filter *right;

        take_word(r, "AND");
        right = take_any(r);
        f = right ? node(r, GCP_FILTER_AND, f, right) : NULL;
    }
    return f;
}

enum err_code gcp_filter_parse(struct arena *a, sv text, const struct gcp_filter **out, struct err *e)
{
    struct err own;
    struct reader r = { .arena = a, .text = text, .e = e ? e : &own };

    *r.e = (struct err){ .code = ERR_OK };
    *out = NULL;
    if (!peek(&r))
        return ERR_OK;
    *out = take_all(&r);
    if (*out && peek(&r))
        *out = fail(&r, "the end was expected");
    return *out ? ERR_OK : r.e->code;
}

bool gcp_filter_holds(const struct gcp_filter *f, gcp_filter_test test, void *self)
{
    if (!f)
        return true;
    switch (f->kind) {
    case GCP_FILTER_AND:
        return gcp_filter_holds(f->left, test, self) && gcp_filter_holds(f->right, test, self);
    case GCP_FILTER_OR:
        return gcp_filter_holds(f->left, test, self) || gcp_filter_holds(f->right, test, self);
    case GCP_FILTER_NOT:
        return !gcp_filter_holds(f->left, test, self);
    case GCP_FILTER_TEST:
        break;
    }
    return test(self, f);
}

static void walk(const struct gcp_filter *f, bool must,
                 void (*each)(void *self, const struct gcp_filter *test, bool must), void *self)
{
    if (f->kind == GCP_FILTER_TEST) {
        each(self, f, must);
        return;
    }
    walk(f->left, must && f->kind == GCP_FILTER_AND, each, self);
    if (f->right)
        walk(f->right, must && f->kind == GCP_FILTER_AND, each, self);
}

void gcp_filter_walk(const struct gcp_filter *f, void (*each)(void *self, const struct gcp_filter *test, bool must),
                     void *self)
{
    if (f)
        walk(f, true, each, self);
}

/* ---- text ---- */

static bool has_nocase(sv text, sv part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (!strncasecmp(text.at + i, part.at, part.len))
            return true;
    return false;
}

/* RE2's usual part is POSIX's extended one. */
static bool matches(sv text, sv pattern, bool whole)
{
    char re[512], subject[2048];
    regex_t compiled;
    bool found;

    if (pattern.len + 5 > sizeof re || text.len >= sizeof subject)
        return false;
    snprintf(re, sizeof re, whole ? "^(%.*s)$" : "%.*s", SV_ARG(pattern));
    snprintf(subject, sizeof subject, "%.*s", SV_ARG(text));
    if (regcomp(&compiled, re, REG_EXTENDED | REG_NOSUB))
        return false;
    found = !regexec(&compiled, subject, 0, NULL, 0);
    regfree(&compiled);
    return found;
}

static bool f_starts(sv value, sv argument)
{
    return sv_starts(value, argument);
}

static bool f_ends(sv value, sv argument)
{
    return sv_ends(value, argument);
}

static bool f_has(sv value, sv argument)
{
    return sv_has(value, argument);
}

static bool f_matches(sv value, sv argument)
{
    return matches(value, argument, true);
}

static bool f_equals(sv value, sv argument)
{
    return sv_eq(value, argument);
}

static const struct {
    const char *name;
    bool (*holds)(sv value, sv argument);
} functions[] = {
    { "starts_with", f_starts }, { "ends_with", f_ends },
    { "has_substring", f_has },  { "monitoring.regex.full_match", f_matches },
    { "one_of", f_equals },
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

bool gcp_filter_function_known(sv name)
{
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (sv_eq(name, sv_of(functions[i].name)))
            return true;
    return false;
}

static bool by_function(sv name, sv value, sv argument)
{
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (sv_eq(name, sv_of(functions[i].name)))
            return functions[i].holds(value, argument);
    return false;
}

/* NOT (a OR b) of a list is what `!=` says. */
static bool negates(enum gcp_compare c)
{
    return c == GCP_NE || c == GCP_NO_MATCH;
}

static bool one_holds(const struct gcp_filter *test, sv value, sv wanted)
{
    int order;

    if (test->function.len)
        return by_function(test->function, value, wanted);
    switch (test->compare) {
    case GCP_EQ:
    case GCP_NE:
        return sv_eq(value, wanted);
    case GCP_HAS:
        return has_nocase(value, wanted);
    case GCP_MATCH:
    case GCP_NO_MATCH:
        return matches(value, wanted, false);
    case GCP_LT:
    case GCP_LE:
    case GCP_GT:
    case GCP_GE:
        break;
    }
    order = sv_cmp(value, wanted);
    return (order < 0 && test->compare <= GCP_LE) || (order > 0 && test->compare >= GCP_GT) ||
           (order == 0 && (test->compare == GCP_LE || test->compare == GCP_GE));
}

bool gcp_filter_text(const struct gcp_filter *test, sv value)
{
    bool any = false;

    for (size_t i = 0; i < test->n_values && !any; i++)
        any = one_holds(test, value, test->values[i]);
    return any != negates(test->compare);
}
