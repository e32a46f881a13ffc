/* What buf writes, byte for byte, and what it does at its limit. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/buf.h"

#include "tests/tap.h"

static struct buf b;

/* Compares and empties. */
static bool wrote(const char *want)
{
    bool good = sv_eq(buf_sv(&b), sv_of(want)) && !b.failed;

    if (!good)
        printf("# got %.*s\n", SV_ARG(buf_sv(&b)));
    buf_clear(&b);
    return good;
}

static void numbers_are_written_whole(void)
{
    buf_u64(&b, 0);
    OK(wrote("0"));
    buf_u64(&b, UINT64_MAX);
    OK(wrote("18446744073709551615"));
    buf_i64(&b, INT64_MIN);
    OK(wrote("-9223372036854775808"));
    buf_i64(&b, INT64_MAX);
    OK(wrote("9223372036854775807"));
}

static void decimals_are_never_rounded(void)
{
    /* clang-format off */
    static const struct { int64_t value; unsigned digits; const char *want; } rows[] = {
        { 1500, 3, "1.5" }, { 1500, 0, "1500" }, { 0, 9, "0" }, { 1, 9, "0.000000001" }, { -1, 2, "-0.01" },
        { -1500, 3, "-1.5" }, { 1000, 3, "1" }, { 1050, 3, "1.05" },
        { INT64_MAX, 9, "9223372036.854775807" }, { INT64_MIN, 9, "-9223372036.854775808" },
        { INT64_MIN, 19, "-0.9223372036854775808" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_decimal(&b, rows[i].value, rows[i].digits);
        OK(wrote(rows[i].want));
    }
}

static void doubles_have_their_short_form(void)
{
    /* clang-format off */
    static const struct { double value; const char *want; } rows[] = {
        { 0, "0" }, { -0.0, "-0" }, { 0.1, "0.1" }, { 1, "1" }, { -2.5, "-2.5" }, { 1e30, "1e+30" }, { 123456789, "123456789" },
        { 1e14, "100000000000000" }, { 1.0 / 3, "0.3333333333333333" }, { 0.1 + 0.2, "0.30000000000000004" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_f64(&b, rows[i].value);
        OK(wrote(rows[i].want));
    }
    buf_f64(&b, (double)INFINITY);
    buf_f64(&b, (double)-INFINITY);
    buf_f64(&b, (double)NAN);
    OK(wrote("+Inf-InfNaN"));
}

static void doubles_read_back_as_they_were(void)
{
    static const double edges[] = { DBL_MAX,  -DBL_MAX,           DBL_MIN, DBL_TRUE_MIN, DBL_EPSILON, 1e15,
                                    1e15 + 1, 9007199254740993.0, -1e18,   1e300 };
    uint64_t bits = 88172645463325252u;
    unsigned bad = 0;

    for (unsigned i = 0; i < 100000; i++) {
        double v, back;

        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&v, &bits, sizeof v);
        v = i < sizeof edges / sizeof *edges ? edges[i] : v;
        if (!isfinite(v))
            continue;
        buf_clear(&b);
        buf_f64(&b, v);
        buf_putc(&b, '\0');
        back = strtod(b.at, NULL);
        bad += memcmp(&back, &v, sizeof v) != 0;
    }
    OK(bad == 0);
    buf_clear(&b);
}

static void json_strings_are_always_valid(void)
{
    /* clang-format off */
    const struct { sv in; const char *want; } rows[] = {
        { SV(""), "\"\"" },
        { SV("a\"b\\c/"), "\"a\\\"b\\\\c/\"" },
        { SV("\b\f\n\r\t\x01\x1f\0"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\"" },
        { SV("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\x80"), "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\x80\"" },
        { SV("\x80"), "\"\xef\xbf\xbd\"" },                                 /* continuation without a start */
        { SV("\xc3"), "\"\xef\xbf\xbd\"" },                                 /* cut off */
        { SV("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { SV("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
        { SV("\xe0\x80\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { SV("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* surrogate */
        { SV("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { SV("a\xff" "b"), "\"a\xef\xbf\xbd" "b\"" },
        { SV("\xc3" "a"), "\"\xef\xbf\xbd" "a\"" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_json(&b, rows[i].in);
        OK(wrote(rows[i].want));
    }
}

static void times_have_as_many_digits_as_asked_for(void)
{
    buf_time(&b, INT64_C(1795168803215461123), 0);
    OK(wrote("2026-11-20T10:00:03Z"));
    buf_time(&b, INT64_C(1795168803215461123), 3);
    OK(wrote("2026-11-20T10:00:03.215Z"));
    buf_time(&b, INT64_C(1795168803215461123), 12);
    OK(wrote("2026-11-20T10:00:03.215461123Z"));
    buf_time(&b, 0, 1);
    OK(wrote("1970-01-01T00:00:00.0Z"));
    buf_time(&b, -1, 9);
    OK(wrote("1969-12-31T23:59:59.999999999Z"));
    buf_time(&b, INT64_MIN, 9);
    OK(wrote("1677-09-21T00:12:43.145224192Z"));
    buf_time(&b, INT64_MAX, 9);
    OK(wrote("2262-04-11T23:47:16.854775807Z"));
}

/* Hours that a zone skips or has twice, the end of 32 bits, and a time that only 64 hold. */
static void times_are_utc_whatever_the_zone_says(void)
{
    static const char *const zones[] = {
        "", "UTC0", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "XXX5YYY,M3.2.0,M11.1.0", ":nowhere"
    };
    static const struct {
        int64_t s;
        const char *text;
    } rows[] = {
        { 1772953200, "2026-03-08T07:00:00Z" }, { 1772956800, "2026-03-08T08:00:00Z" },
        { 1793509200, "2026-11-01T05:00:00Z" }, { 1793512800, "2026-11-01T06:00:00Z" },
        { 1774746000, "2026-03-29T01:00:00Z" }, { 2147483647, "2038-01-19T03:14:07Z" },
        { 2147483648, "2038-01-19T03:14:08Z" }, { 4294967296, "2106-02-07T06:28:16Z" },
        { 7258118400, "2200-01-01T00:00:00Z" },
    };
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        setenv("TZ", zones[z], 1);
        tzset();
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            int64_t back = 0;

            buf_clear(&b);
            buf_time(&b, rows[i].s * INT64_C(1000000000), 0);
            OK(sv_eq(buf_sv(&b), sv_of(rows[i].text)));
            OK(sv_to_time(sv_of(rows[i].text), &back) && back == rows[i].s * INT64_C(1000000000));
        }
    }
    unsetenv("TZ");
}

static void times_read_back_as_they_were(void)
{
    unsigned bad = 0;

    for (int64_t t = INT64_MIN / 2, n = 0; n < 20000; n++, t += INT64_C(461168601842738)) {
        int64_t back = 0;

        buf_clear(&b);
        buf_time(&b, t, 9);
        bad += !sv_to_time(buf_sv(&b), &back) || back != t;
    }
    OK(bad == 0);
    buf_clear(&b);
}

static void little_endian_is_little_endian(void)
{
    buf_le32(&b, 0x01020304);
    buf_le64(&b, UINT64_C(0x1122334455667788));
    OK(sv_eq(buf_sv(&b), SV("\x04\x03\x02\x01\x88\x77\x66\x55\x44\x33\x22\x11")));
    buf_clear(&b);
}

static void the_limit_is_exact_and_failing_sticks(void)
{
    struct buf l;

    buf_init(&l, 5);
    buf_printf(&l, "%s", "abcde");
    OK(!l.failed && l.len == 5);
    buf_putc(&l, 'f');
    OK(l.failed && sv_eq(buf_sv(&l), SV("abcde")));
    buf_clear(&l);
    OK(!l.failed);
    buf_put(&l, SV("abc"));
    buf_put(&l, SV("def"));
    buf_put(&l, SV("g")); /* would fit, but the text would have a hole */
    OK(l.failed && sv_eq(buf_sv(&l), SV("abc")));
    OK(buf_reserve(&l, 0) == NULL);
    buf_clear(&l);
    OK(buf_reserve(&l, SIZE_MAX) == NULL && l.failed);
    buf_done(&l);
    OK(l.at == NULL && l.limit_bytes == 5);
    buf_put(&l, SV("again"));
    OK(!l.failed && l.len == 5);
    buf_done(&l);
}

static void bytes_stand_before_padding(void)
{
    unsigned bad = 0;

    for (int i = 0; i < 3000; i++) {
        buf_putc(&b, 'x');
        for (int p = 0; p < BUF_PADDING; p++)
            bad += b.at[b.cap + (size_t)p] != 0;
    }
    OK(bad == 0);
    buf_clear(&b);
}

static void a_file_is_read_up_to_its_limit(void)
{
    char path[] = "/tmp/trefoil-buf-XXXXXX";
    int fd = mkstemp(path);
    struct err e = { 0 };

    OK(fd >= 0 && write(fd, "0123456789", 10) == 10);
    close(fd);
    buf_put(&b, SV("<"));
    OK(buf_read_file(&b, path, 10, &e) == ERR_OK);
    OK(wrote("<0123456789"));
    OK(buf_read_file(&b, path, 9, &e) == ERR_LIMIT && e.code == ERR_LIMIT && sv_has(sv_of(e.text), sv_of(path)));
    buf_clear(&b);
    OK(buf_read_file(&b, path, 100, &e) == ERR_OK);
    buf_putc(&b, '!'); /* the buffer's own limit is back */
    OK(wrote("0123456789!"));
    unlink(path);
    OK(buf_read_file(&b, path, 10, &e) == ERR_IO && e.sys == 2 && sv_has(sv_of(e.text), sv_of(path)));
    OK(buf_read_file(&b, "/", 10, NULL) == ERR_IO);
    buf_clear(&b);
}

int main(void)
{
    RUN(numbers_are_written_whole);
    RUN(decimals_are_never_rounded);
    RUN(doubles_have_their_short_form);
    RUN(doubles_read_back_as_they_were);
    RUN(json_strings_are_always_valid);
    RUN(times_have_as_many_digits_as_asked_for);
    RUN(times_are_utc_whatever_the_zone_says);
    RUN(times_read_back_as_they_were);
    RUN(little_endian_is_little_endian);
    RUN(the_limit_is_exact_and_failing_sticks);
    RUN(bytes_stand_before_padding);
    RUN(a_file_is_read_up_to_its_limit);
    buf_done(&b);
    return tap_done();
}
