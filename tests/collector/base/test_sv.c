/* Views, numbers and times: what is taken, what is refused, and that a refusal touches nothing. */
#include <stdlib.h>

#include "collector/base/sv.h"

#include "tests/tap.h"

static void pieces_never_leave_the_text(void)
{
    sv s = SV("a/b/c"), none = { NULL, 0 };

    OK(sv_eq(sv_skip(s, 2), SV("b/c")) && sv_skip(s, 9).len == 0 && sv_eq(sv_first(s, 9), s));
    OK(sv_find(s, '/') == 1 && sv_find_last(s, '/') == 3 && sv_find(s, 'x') == 5 && sv_find_last(s, 'x') == 5);
    OK(sv_skip(none, 3).len == 0 && sv_first(none, 3).len == 0 && sv_trim(none).len == 0 && sv_find(none, 'a') == 0);
    OK(sv_eq(none, SV("")) && sv_cmp(none, SV("")) == 0 && !sv_has(none, SV("a")) && sv_has(none, none));
    OK(sv_of(NULL).len == 0 && sv_of(NULL).at && sv_make(NULL, 7).len == 0);
    OK(sv_eq(sv_trim(SV(" \t a b\r\n")), SV("a b")) && sv_trim(SV(" \n")).len == 0);
}

static void comparison_is_bytewise_or_without_case(void)
{
    OK(sv_cmp(SV("a"), SV("ab")) < 0 && sv_cmp(SV("b"), SV("ab")) > 0 && sv_cmp(SV("\xff"), SV("a")) > 0);
    OK(sv_eq_nocase(SV("aZ-9"), SV("Az-9")) && !sv_eq_nocase(SV("a"), SV("ab")) && !sv_eq(SV("a"), SV("A")));
    OK(sv_starts(SV("abc"), SV("ab")) && !sv_starts(SV("a"), SV("ab")) && sv_starts_nocase(SV("ABc"), SV("ab")));
    OK(sv_ends(SV("abc"), SV("bc")) && !sv_ends(SV("c"), SV("bc")) && sv_ends_nocase(SV("aBC"), SV("bc")));
    OK(sv_has(SV("abc"), SV("bc")) && !sv_has(SV("abc"), SV("cb")) && sv_has(SV("abc"), SV("")));
}

static void cutting_consumes_the_separator(void)
{
    sv s = SV("a,,b");

    OK(sv_eq(sv_cut(&s, ','), SV("a")) && sv_eq(s, SV(",b")));
    OK(sv_eq(sv_cut(&s, ','), SV("")) && sv_eq(s, SV("b")));
    OK(sv_eq(sv_cut(&s, ','), SV("b")) && s.len == 0);
    OK(sv_cut(&s, ',').len == 0);
}

static void ids_are_read_by_segment(void)
{
    sv id = SV("/SUBSCRIPTIONS/00AA/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/oai");

    OK(sv_eq(sv_path_value(id, SV("subscriptions")), SV("00AA")));
    OK(sv_eq(sv_path_value(id, SV("resourcegroups")), SV("rg")));
    OK(sv_eq(sv_path_value(id, SV("Accounts")), SV("oai")));
    OK(sv_path_value(id, SV("account")).len == 0 && sv_path_value(SV(""), SV("a")).len == 0);
    OK(sv_path_value(SV("/accounts"), SV("accounts")).len == 0);
}

static bool i64_is(const char *s, int64_t want)
{
    int64_t v = ~want;

    return sv_to_i64(sv_of(s), &v) && v == want;
}

static bool refused(sv s)
{
    int64_t i = 4711;
    uint64_t u = 4711;

    return !sv_to_i64(s, &i) && i == 4711 && !sv_to_u64(s, &u) && u == 4711;
}

static void integers_are_exact_or_refused(void)
{
    int64_t i = 5;
    uint64_t u = 5;

    OK(i64_is("0", 0) && i64_is("-0", 0) && i64_is("007", 7) &&
       i64_is("638481757794854611", INT64_C(638481757794854611)));
    OK(i64_is("9223372036854775807", INT64_MAX) && i64_is("-9223372036854775808", INT64_MIN));
    OK(!sv_to_i64(SV("9223372036854775808"), &i) && !sv_to_i64(SV("-9223372036854775809"), &i) && i == 5);
    OK(sv_to_u64(SV("18446744073709551615"), &u) && u == UINT64_MAX);
    OK(!sv_to_u64(SV("18446744073709551616"), &u) && !sv_to_u64(SV("-1"), &u) && u == UINT64_MAX);
    OK(refused(SV("")) && refused(SV("-")) && refused(SV("+1")) && refused(SV(" 1")) && refused(SV("1 ")) &&
       refused(SV("1.0")) && refused(SV("0x1")) && refused(SV("--1")) && refused(SV("1\0")) && refused(SV("1e3")));
}

static bool f64_is(const char *s, double want)
{
    double v = -77;

    return sv_to_f64(sv_of(s), &v) && v >= want && v <= want;
}

static void doubles_are_decimal_and_finite(void)
{
    const sv bad[] = { SV(""),       SV("1x"),   SV(" 1"),    SV("1 "),      SV("inf"), SV("-Infinity"),
                       SV("nan"),    SV("0x10"), SV("0X1p3"), SV("1e999"),   SV("."),   SV("1\0"),
                       SV("1\0abc"), SV("--1"),  SV("e5"),    SV("1.7e308.") };
    double v = -77;

    OK(f64_is("0.1", 0.1) && f64_is("-1.5e3", -1500) && f64_is("5", 5) && f64_is("1e-999", 0) && f64_is(".5", 0.5));
    OK(f64_is("1.7976931348623157e308", 1.7976931348623157e308));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(!sv_to_f64(bad[i], &v));
    OK(v <= -77 && v >= -77);
    OK(!sv_to_f64(SV("0.0000000000000000000000000000000000000000000000000000000000000001"), &v)); /* 66 characters */
}

static void times_are_read_as_the_clouds_write_them(void)
{
    /* clang-format off */
    static const struct { const char *text; int64_t s, nano; } rows[] = {
        { "1970-01-01T00:00:00Z",              0,          0 },
        { "2026-11-20T10:00:03Z",              1795168803, 0 },
        { "2026-11-20T10:00:03.215Z",          1795168803, 215000000 },
        { "2026-11-20T10:00:03.2154611Z",      1795168803, 215461100 }, /* .NET: seven digits */
        { "2026-11-20T10:00:03.215461123999Z", 1795168803, 215461123 },
        { "2026-11-20T10:00:03,5Z",            1795168803, 500000000 },
        { "2026-11-20t10:00:03z",              1795168803, 0 },
        { "2026-11-20 10:00:03",               1795168803, 0 },         /* no zone: UTC */
        { "2026-11-20T10:00:03.2154611",       1795168803, 215461100 },
        { "2026-11-20T11:30:03+01:30",         1795168803, 0 },
        { "2026-11-20T04:00:03-0600",          1795168803, 0 },
        { "2026-11-20T12:00:03+02",            1795168803, 0 },
        { "2016-12-31T23:59:60Z",              1483228800, 0 },         /* a leap second is the next midnight */
        { "2024-02-29T00:00:00Z",              1709164800, 0 },
        { "2000-02-29T12:00:00Z",              951825600,  0 },
        { "1969-12-31T23:59:59.25Z",           -1,         250000000 },
        { "2262-04-11T23:47:16.854775807Z",    9223372036, 854775807 },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t t = 1;

        printf("# %s\n", rows[i].text);
        OK(sv_to_time(sv_of(rows[i].text), &t) && t == rows[i].s * INT64_C(1000000000) + rows[i].nano);
    }
}

static void what_is_no_time_is_refused(void)
{
    const sv rows[] = {
        SV(""),
        SV("2026-11-20"),
        SV("2026-11-20T10:00Z"),
        SV("2026-13-20T10:00:03Z"),
        SV("2026-00-20T10:00:03Z"),
        SV("2026-11-00T10:00:03Z"),
        SV("2026-11-31T10:00:03Z"),
        SV("2026-02-29T10:00:03Z"),
        SV("2100-02-29T10:00:03Z"),
        SV("2026-11-20T24:00:00Z"),
        SV("2026-11-20T10:60:00Z"),
        SV("2026-11-20T10:00:61Z"),
        SV("2026-11-20T10:00:03.Z"),
        SV("2026-11-20T10:00:03Z "),
        SV("2026-11-20T10:00:03ZZ"),
        SV("2026-11-20T10:00:03+24:00"),
        SV("2026-11-20T10:00:03+01:"),
        SV("2026-11-20T10:00:03+1"),
        SV("2026-11-20T10:00:03 UTC"),
        SV("2026-11-20\0"
           "10:00:03Z"),
        SV("2026-11-20T10:00:03\0"),
        SV("-026-11-20T10:00:03Z"),
        SV("2026-1--20T10:00:03Z"),
        SV("1795168803"),
        SV("2262-04-11T23:47:16.854775808Z"),
        SV("9999-12-31T23:59:59Z"),
        SV("0001-01-01T00:00:00Z"), /* .NET's "no time" */
    };
    int64_t t = 1;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("# %.*s\n", SV_ARG(rows[i]));
        OK(!sv_to_time(rows[i], &t));
    }
    OK(t == 1);
}

static void every_beginning_of_a_time_is_refused(void)
{
    sv whole = SV("2026-11-20T10:00:03.2154611+01:00");
    unsigned taken = 0;

    for (size_t n = 0; n < whole.len; n++) {
        char *copy = malloc(n ? n : 1); /* exactly as long as the view, for the sanitizer */
        int64_t t;

        memcpy(copy, whole.at, n);
        taken += sv_to_time((sv){ copy, n }, &t);
        free(copy);
    }
    /* Right without its fraction, with one to seven digits of it, and with the hours of its zone. */
    OK(taken == 1 + 7 + 1);
}

static void decimals_are_exact(void)
{
    static const struct {
        const char *text;
        unsigned digits;
        int64_t want;
    } rows[] = {
        { "0", 9, 0 },
        { "0.06", 9, 60000000 },
        { "0.0612345678901234", 9, 61234568 },
        { "1.2e-05", 9, 12000 },
        { "1.2E+3", 2, 120000 },
        { "-0.5", 9, -500000000 },
        { "0.0000000005", 9, 1 }, /* half away from zero */
        { "-0.0000000005", 9, -1 },
        { "0.00000000049999999999999999999999999999999999999999999999999999999999999999999", 9, 0 },
        { "0.1", 0, 0 },
        { "0.5", 0, 1 },
        { "123456789012345678", 0, 123456789012345678 }, /* a double would lose its end */
        { "1234567890.123456789", 9, 1234567890123456789 },
        { "9223372036.854775807", 9, INT64_MAX },
        { "-9223372036.854775807", 9, -INT64_MAX },
        { "000123e-2", 0, 1 },
        { "0e999999999", 9, 0 },
        { "1e-999999999", 9, 0 },
        { "0.00e5", 9, 0 },
        { "5e-1", 0, 1 },
    };
    static const char *const refused[] = { "",    "-",   ".5",           "5.",
                                           "1e",  "1e+", "+1",           " 1",
                                           "1 ",  "0x1", "1.2.3",        "1e5x",
                                           "--1", "nan", "1e9999999999", "9223372036.8547758075",
                                           "1e99" };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t v = 42;

        if (!OK(sv_to_decimal(sv_of(rows[i].text), rows[i].digits, &v) && v == rows[i].want))
            printf("# %s: %lld\n", rows[i].text, (long long)v);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        int64_t v = 42;

        if (!OK(!sv_to_decimal(sv_of(refused[i]), 9, &v) && v == 42))
            printf("# %s: %lld\n", refused[i], (long long)v);
    }
}

static void plain_words_are_one_line_and_end(void)
{
    char out[6];

    sv_plain(SV(" a\nb\x7f"
                "cdef "),
             out, 5);
    OK(strcmp(out, "a b c") == 0);
    sv_plain(SV_NONE, out, 5);
    OK(out[0] == '\0');
}

int main(void)
{
    RUN(plain_words_are_one_line_and_end);
    RUN(pieces_never_leave_the_text);
    RUN(comparison_is_bytewise_or_without_case);
    RUN(cutting_consumes_the_separator);
    RUN(ids_are_read_by_segment);
    RUN(integers_are_exact_or_refused);
    RUN(doubles_are_decimal_and_finite);
    RUN(times_are_read_as_the_clouds_write_them);
    RUN(what_is_no_time_is_refused);
    RUN(every_beginning_of_a_time_is_refused);
    RUN(decimals_are_exact);
    return tap_done();
}
