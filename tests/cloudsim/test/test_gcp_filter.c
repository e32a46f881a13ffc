/* The filter language: what holds, what does not, and what is refused. */
#include <stdio.h>

#include "tests/cloudsim/gcp/gcp_filter.h"
#include "tests/tap.h"

static struct arena arena;
static struct err e;

/* Fields of one letter are what they are called: a=a holds. */
static bool letter_holds(void *self, const struct gcp_filter *test)
{
    (void)self;
    return gcp_filter_text(test, test->field);
}

static bool holds(const char *text)
{
    const struct gcp_filter *f;

    if (gcp_filter_parse(&arena, sv_of(text), &f, &e)) {
        printf("# %s: %s\n", text, e.text);
        return false;
    }
    return gcp_filter_holds(f, letter_holds, NULL);
}

static bool refused(const char *text)
{
    const struct gcp_filter *f;

    return gcp_filter_parse(&arena, sv_of(text), &f, &e) == ERR_PARSE && sv_has(sv_of(e.text), SV("column"));
}

static void or_binds_tighter_than_and(void)
{
    OK(!holds("a=a OR b=b AND c=x")); /* (a OR b) AND c */
    OK(holds("(a=a) OR (b=b AND c=x)"));
    OK(!holds("c=x AND b=b OR a=a"));
    OK(holds("a=x OR b=b AND c=c"));
}

static void not_binds_tightest(void)
{
    OK(holds("NOT a=x AND b=b"));
    OK(!holds("NOT (a=a OR b=x)"));
    OK(holds("-a=x"));
    OK(holds("NOT NOT a=a"));
    OK(!holds("NOT a=a OR b=x"));
}

static void comparisons_side_by_side_are_joined_by_and(void)
{
    OK(holds("a=a b=b"));
    OK(!holds("a=a b=x"));
    OK(holds("a=a\n\tb=b (c=c OR c=x)"));
}

static void values_may_be_quoted_and_listed(void)
{
    OK(holds("a=\"a\""));
    OK(holds("\"a.b\"=\"a.b\""));
    OK(holds("a.\"@b\"=a.@b"));
    OK(holds("a=(\"x\" OR \"a\")"));
    OK(!holds("a=(\"x\" OR \"y\")"));
    OK(!holds("a!=(\"x\" OR \"a\")")); /* != negates the whole list */
    OK(holds("\"a\\\"b\"=\"a\\\"b\""));
}

static void comparators_compare_text(void)
{
    OK(holds("b<c") && !holds("b<b") && holds("b<=b") && holds("b>=b") && holds("b>a") && !holds("b>b"));
    OK(holds("abc:B") && !holds("abc:x") && !holds("abc=ABC"));
    OK(holds("abc=~\"^a.c$\"") && !holds("abc=~\"^b\"") && holds("abc!~\"^b\""));
}

static void functions_stand_on_either_side(void)
{
    OK(holds("abc=starts_with(\"ab\")") && !holds("abc=starts_with(\"b\")"));
    OK(holds("abc=ends_with(\"bc\")") && holds("abc=has_substring(\"b\")"));
    OK(holds("abc=one_of(\"x\",\"abc\")") && !holds("abc=one_of(\"x\", \"ab\")"));
    OK(holds("abc=monitoring.regex.full_match(\"a.*\")") && !holds("abc=monitoring.regex.full_match(\"b\")"));
    OK(holds("abc!=starts_with(\"x\")"));
    OK(!holds("abc=no_such(\"abc\")"));
    OK(gcp_filter_function_known(SV("one_of")) && !gcp_filter_function_known(SV("no_such")));
}

static void what_cannot_be_read_is_refused_with_its_place(void)
{
    static const char *const bad[] = { "a",         "a=",          "=a",         "a=a AND",
                                       "a=a OR",    "(a=a",        "a=a)",       "a==a",
                                       "a=\"x",     "NOT",         "a=(b",       "a=(\"b\" AND \"c\")",
                                       "a=f(\"b\"", "a=a and b=b", "a=a or b=b", "log_id()",
                                       "()" };
    char deep[300];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        tap_ok(refused(bad[i]), bad[i], __FILE__, __LINE__);
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    OK(refused(deep));
}

static void an_empty_filter_holds(void)
{
    OK(holds("") && holds("  \n"));
}

static void note(void *self, const struct gcp_filter *test, bool must)
{
    char *seen = self;

    seen[strlen(seen)] = must ? (char)(test->field.at[0] - 'a' + 'A') : test->field.at[0];
}

static void a_walk_tells_what_must_hold(void)
{
    const struct gcp_filter *f;
    char seen[16] = "";

    OK(gcp_filter_parse(&arena, SV("a=1 AND (b=2 OR c=3) AND NOT d=4 AND (e=5 AND f=6)"), &f, &e) == ERR_OK);
    gcp_filter_walk(f, note, seen);
    OK(!strcmp(seen, "AbcdEF"));
}

int main(void)
{
    arena_init(&arena, 0);
    RUN(or_binds_tighter_than_and);
    RUN(not_binds_tightest);
    RUN(comparisons_side_by_side_are_joined_by_and);
    RUN(values_may_be_quoted_and_listed);
    RUN(comparators_compare_text);
    RUN(functions_stand_on_either_side);
    RUN(what_cannot_be_read_is_refused_with_its_place);
    RUN(an_empty_filter_holds);
    RUN(a_walk_tells_what_must_hold);
    arena_done(&arena);
    return tap_done();
}
