/* A recursive descent into a small tree; AND binds closer than OR, parentheses as one expects. */
#include "tests/cloudsim/aws/aws_filter.h"

#include <ctype.h>

enum node_kind { NODE_AND, NODE_OR, NODE_COMPARE, NODE_IS_NULL, NODE_NOT_EXISTS, NODE_IS_BOOL };
enum relation { REL_EQ, REL_NE, REL_GT, REL_LT, REL_GE, REL_LE };
enum { DEPTH_MAX = 24, WORDS_MAX = 32 };

struct node {
    enum node_kind kind;
    const struct node *left, *right;
    sv path; /* "a.b" without "$." */
    enum relation relation;
    sv text;
    double number;
    bool is_number, flag;
};

struct aws_filter {
    const struct node *root; /* NULL: words */
    struct {
        sv text;
        bool absent;
    } words[WORDS_MAX];
    size_t n_words;
};

struct parser {
    sv rest;
    struct arena *arena;
    unsigned depth;
    bool failed;
};

static void skip_space(struct parser *p)
{
    while (p->rest.len && isspace((unsigned char)p->rest.at[0]))
        p->rest = sv_skip(p->rest, 1);
}

static bool take(struct parser *p, sv token)
{
    skip_space(p);
    if (!sv_starts(p->rest, token))
        return false;
    p->rest = sv_skip(p->rest, token.len);
    return true;
}

static bool take_word(struct parser *p, sv word)
{
    skip_space(p);
    if (!sv_starts_nocase(p->rest, word) || (p->rest.len > word.len && isalnum((unsigned char)p->rest.at[word.len])))
        return false;
    p->rest = sv_skip(p->rest, word.len);
    return true;
}

static sv take_while(struct parser *p, bool (*good)(char c))
{
    size_t n = 0;
    sv out;

    skip_space(p);
    while (n < p->rest.len && good(p->rest.at[n]))
        n++;
    out = sv_first(p->rest, n);
    p->rest = sv_skip(p->rest, n);
    return out;
}

static bool is_path(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static bool is_bare(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' || c == '*';
}

/* What stands between quotes; a backslash keeps the next character as it is (and stays in the text). */
static bool take_quoted(struct parser *p, sv *out)
{
    size_t n = 0;

    if (!take(p, SV("\"")))
        return false;
    while (n < p->rest.len && p->rest.at[n] != '"')
        n += p->rest.at[n] == '\\' ? 2 : 1;
    if (n >= p->rest.len)
        p->failed = true;
    *out = sv_first(p->rest, n);
    p->rest = sv_skip(p->rest, n + 1);
    return true;
}

static const struct node *parse_or(struct parser *p);

static bool take_relation(struct parser *p, enum relation *out)
{
    static const struct {
        sv text;
        enum relation relation;
    } rows[] = { { SVT("!="), REL_NE }, { SVT(">="), REL_GE }, { SVT("<="), REL_LE },
                 { SVT("="), REL_EQ },  { SVT(">"), REL_GT },  { SVT("<"), REL_LT } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *out = rows[i].relation;
        if (take(p, rows[i].text))
            return true;
    }
    return false;
}

static void take_value(struct parser *p, struct node *n)
{
    n->kind = NODE_COMPARE;
    if (!take_relation(p, &n->relation)) {
        p->failed = true;
        return;
    }
    if (take_quoted(p, &n->text))
        return;
    n->text = take_while(p, is_bare);
    n->is_number = sv_to_f64(n->text, &n->number);
    p->failed |= n->text.len == 0;
}

static const struct node *parse_term(struct parser *p)
{
    struct node *n;

    if (take(p, SV("("))) {
        const struct node *inner = parse_or(p);

        p->failed |= !take(p, SV(")"));
        return inner;
    }
    n = ARENA_NEW(p->arena, struct node);
    p->failed |= !n || !take(p, SV("$."));
    if (p->failed)
        return n;
    n->path = take_while(p, is_path);
    p->failed |= n->path.len == 0;
    if (take_word(p, SV("NOT"))) {
        n->kind = NODE_NOT_EXISTS;
        p->failed |= !take_word(p, SV("EXISTS"));
    } else if (take_word(p, SV("IS"))) {
        n->flag = take_word(p, SV("TRUE"));
        n->kind = n->flag || take_word(p, SV("FALSE")) ? NODE_IS_BOOL : NODE_IS_NULL;
        p->failed |= n->kind == NODE_IS_NULL && !take_word(p, SV("NULL"));
    } else {
        take_value(p, n);
    }
    return n;
}

static const struct node *joined(struct parser *p, enum node_kind kind, const struct node *left,
                                 const struct node *right)
{
    struct node *n = ARENA_NEW(p->arena, struct node);

    p->failed |= !n;
    if (n)
        *n = (struct node){ .kind = kind, .left = left, .right = right };
    return n;
}

static const struct node *parse_and(struct parser *p)
{
    const struct node *n = parse_term(p);

    while (!p->failed && take(p, SV("&&")))
        n = joined(p, NODE_AND, n, parse_term(p));
    return n;
}

static const struct node *parse_or(struct parser *p)
{
    const struct node *n = NULL;

    p->failed |= ++p->depth > DEPTH_MAX;
    if (!p->failed)
        n = parse_and(p);
    while (!p->failed && take(p, SV("||")))
        n = joined(p, NODE_OR, n, parse_and(p));
    p->depth--;
    return n;
}

static bool not_space(char c)
{
    return !isspace((unsigned char)c);
}

static void parse_words(struct parser *p, struct aws_filter *f)
{
    for (skip_space(p); p->rest.len && !p->failed; skip_space(p)) {
        bool absent = take(p, SV("-"));
        sv word;

        if (!take_quoted(p, &word))
            word = take_while(p, not_space);
        p->failed |= f->n_words == WORDS_MAX;
        if (p->failed)
            return;
        f->words[f->n_words].text = word;
        f->words[f->n_words++].absent = absent;
    }
}

bool aws_filter_parse(sv pattern, struct arena *a, const struct aws_filter **out)
{
    struct aws_filter *f = ARENA_NEW(a, struct aws_filter);
    struct parser p = { .rest = pattern, .arena = a };

    *out = f;
    if (!f)
        return false;
    if (!take(&p, SV("{"))) {
        parse_words(&p, f);
        return !p.failed;
    }
    f->root = parse_or(&p);
    p.failed |= !take(&p, SV("}"));
    skip_space(&p);
    return !p.failed && p.rest.len == 0;
}

/* ---- matching ---- */

/* '*' stands for anything. */
static bool wild(sv pattern, sv text)
{
    size_t star = sv_find(pattern, '*');
    sv rest;

    if (star == pattern.len)
        return sv_eq(pattern, text);
    if (!sv_starts(text, sv_first(pattern, star)))
        return false;
    rest = sv_skip(pattern, star + 1);
    text = sv_skip(text, star);
    for (size_t i = 0; i <= text.len; i++)
        if (wild(rest, sv_skip(text, i)))
            return true;
    return false;
}

static json at_path(json root, sv path)
{
    while (path.len && !json_is_absent(root))
        root = json_get(root, sv_cut(&path, '.'));
    return root;
}

static bool compare_numbers(enum relation r, double a, double b)
{
    switch (r) {
    case REL_EQ:
        return a == b;
    case REL_NE:
        return a != b;
    case REL_GT:
        return a > b;
    case REL_LT:
        return a < b;
    case REL_GE:
        return a >= b;
    case REL_LE:
        return a <= b;
    }
    return false;
}

static bool compare(const struct node *n, json v)
{
    double number;

    if (json_is_absent(v))
        return false;
    if (n->is_number && json_type(v) != JSON_STRING)
        return json_f64(v, &number) && compare_numbers(n->relation, number, n->number);
    if (json_type(v) != JSON_STRING || n->relation > REL_NE)
        return false;
    return wild(n->text, json_sv(v)) == (n->relation == REL_EQ);
}

static bool holds(const struct node *n, json root)
{
    json v = n->kind > NODE_OR ? at_path(root, n->path) : root;
    bool flag;

    switch (n->kind) {
    case NODE_AND:
        return holds(n->left, root) && holds(n->right, root);
    case NODE_OR:
        return holds(n->left, root) || holds(n->right, root);
    case NODE_COMPARE:
        return compare(n, v);
    case NODE_IS_NULL:
        return json_type(v) == JSON_NULL;
    case NODE_NOT_EXISTS:
        return json_is_absent(v);
    case NODE_IS_BOOL:
        return json_bool(v, &flag) && flag == n->flag;
    }
    return false;
}

bool aws_filter_match(const struct aws_filter *f, sv message, struct json_parser *p)
{
    json root;

    if (f->root)
        return json_parse(p, message, &root, NULL) == ERR_OK && holds(f->root, root);
    for (size_t i = 0; i < f->n_words; i++)
        if (sv_has(message, f->words[i].text) == f->words[i].absent)
            return false;
    return true;
}
