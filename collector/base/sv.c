/*
 * Views and the parsers of numbers and times that every decoder needs.
 *
 * strtod needs a terminated string, so sv_to_f64 copies into a small stack buffer: a number longer than
 * that is refused, which no producer of telemetry has ever needed. Times are computed by civil-day
 * arithmetic (no timegm: no locale, no zone, no global state).
 */
#include "collector/base/sv.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

int sv_cmp(sv a, sv b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.at, b.at, n) : 0;

    return c ? c : (a.len > b.len) - (a.len < b.len);
}

bool sv_eq_nocase(sv a, sv b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

bool sv_starts(sv s, sv prefix)
{
    return s.len >= prefix.len && sv_eq(sv_first(s, prefix.len), prefix);
}

bool sv_starts_nocase(sv s, sv prefix)
{
    return s.len >= prefix.len && sv_eq_nocase(sv_first(s, prefix.len), prefix);
}

bool sv_ends(sv s, sv suffix)
{
    return s.len >= suffix.len && sv_eq(sv_skip(s, s.len - suffix.len), suffix);
}

bool sv_ends_nocase(sv s, sv suffix)
{
    return s.len >= suffix.len && sv_eq_nocase(sv_skip(s, s.len - suffix.len), suffix);
}

sv sv_skip(sv s, size_t n)
{
    n = n < s.len ? n : s.len;
    return n ? (sv){ s.at + n, s.len - n } : s; /* s.at may be NULL then */
}

sv sv_first(sv s, size_t n)
{
    return (sv){ s.at, n < s.len ? n : s.len };
}

sv sv_trim(sv s)
{
    while (s.len && isspace((unsigned char)s.at[0]))
        s = sv_skip(s, 1);
    while (s.len && isspace((unsigned char)s.at[s.len - 1]))
        s.len--;
    return s;
}

size_t sv_find(sv s, char c)
{
    const char *p = s.len ? memchr(s.at, c, s.len) : NULL;

    return p ? (size_t)(p - s.at) : s.len;
}

size_t sv_find_last(sv s, char c)
{
    const char *p = s.len ? memrchr(s.at, c, s.len) : NULL;

    return p ? (size_t)(p - s.at) : s.len;
}

bool sv_has(sv s, sv needle)
{
    return needle.len == 0 || (s.len && memmem(s.at, s.len, needle.at, needle.len));
}

void sv_plain(sv s, char *out, size_t max)
{
    s = sv_first(sv_trim(s), max);
    for (size_t i = 0; i < s.len; i++)
        out[i] = (unsigned char)s.at[i] < 0x20 || (unsigned char)s.at[i] == 0x7f ? ' ' : s.at[i];
    out[s.len] = '\0';
}

sv sv_cut(sv *s, char c)
{
    size_t n = sv_find(*s, c);
    sv head = sv_first(*s, n);

    *s = sv_skip(*s, n + 1);
    return head;
}

sv sv_path_value(sv path, sv key)
{
    while (path.len)
        if (sv_eq_nocase(sv_cut(&path, '/'), key))
            return sv_cut(&path, '/');
    return SV_NONE;
}

size_t sv_utf8(sv s)
{
    unsigned char c = s.len ? (unsigned char)s.at[0] : 0xff;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    if (n == 0 || s.len < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s.at[i] & 0xc0) != 0x80)
            return 0;
    if (n > 2) {
        unsigned char d = (unsigned char)s.at[1];

        if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f))
            return 0;
    }
    return n;
}

bool sv_to_u64(sv s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned d = (unsigned char)s.at[i] - (unsigned)'0';

        if (d > 9 || __builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, (uint64_t)d, &v))
            return false;
    }
    *out = v;
    return true;
}

bool sv_to_i64(sv s, int64_t *out)
{
    bool minus = s.len && s.at[0] == '-';
    uint64_t v;

    if (!sv_to_u64(sv_skip(s, minus), &v) || v > (uint64_t)INT64_MAX + minus)
        return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool sv_to_f64(sv s, double *out)
{
    char text[64];
    char *end;
    double v;

    /* strtod would also take blanks, hexadecimal, "inf" and "nan". Too large comes out as infinity, too small as zero.
     */
    if (s.len == 0 || s.len >= sizeof text || isspace((unsigned char)s.at[0]) || sv_find(s, 'x') < s.len ||
        sv_find(s, 'X') < s.len)
        return false;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    v = strtod(text, &end);
    if (end != text + s.len || v != v || v - v != 0)
        return false;
    *out = v;
    return true;
}

/* The digits of a decimal number without its point, and where the point stands when it was moved. */
struct decimal {
    bool minus;
    sv whole, fraction;
    int64_t point; /* digits before it; may lie before the first or behind the last */
};

static sv take_digits(sv *s)
{
    size_t n = 0;

    while (n < s->len && isdigit((unsigned char)s->at[n]))
        n++;
    *s = sv_skip(*s, n);
    return sv_make(s->at - n, n);
}

static bool take_exponent(sv *s, int64_t *out)
{
    bool minus;
    sv digits;

    if (s->len == 0 || (s->at[0] != 'e' && s->at[0] != 'E'))
        return s->len == 0;
    *s = sv_skip(*s, 1);
    minus = s->len && s->at[0] == '-';
    *s = sv_skip(*s, s->len && (s->at[0] == '-' || s->at[0] == '+'));
    digits = take_digits(s);
    *out = INT32_MAX; /* one with more digits than a number has */
    (void)sv_to_i64(sv_first(digits, 9), out);
    *out = minus ? -*out : *out;
    return digits.len > 0 && digits.len <= 9 && s->len == 0;
}

static bool read_decimal(sv s, unsigned digits, struct decimal *d)
{
    int64_t exponent = 0;

    *d = (struct decimal){ .minus = s.len && s.at[0] == '-', .fraction = SV_NONE };
    s = sv_skip(s, d->minus);
    d->whole = take_digits(&s);
    if (s.len && s.at[0] == '.') {
        s = sv_skip(s, 1);
        d->fraction = take_digits(&s);
        if (d->fraction.len == 0)
            return false;
    }
    if (d->whole.len == 0 || !take_exponent(&s, &exponent))
        return false;
    d->point = (int64_t)d->whole.len + exponent + (int64_t)digits;
    return true;
}

static unsigned digit(const struct decimal *d, int64_t i)
{
    size_t at = (size_t)i;

    if (i < 0 || at >= d->whole.len + d->fraction.len)
        return 0;
    return (unsigned)((at < d->whole.len ? d->whole.at[at] : d->fraction.at[at - d->whole.len]) - '0');
}

bool sv_to_decimal(sv s, unsigned digits, int64_t *out)
{
    struct decimal d;
    int64_t v = 0, all;

    if (!read_decimal(s, digits, &d))
        return false;
    all = (int64_t)(d.whole.len + d.fraction.len);
    for (int64_t i = 0; i < d.point && (v || i < all); i++) /* zeros behind a 0 are 0 */
        if (__builtin_mul_overflow(v, INT64_C(10), &v) || __builtin_add_overflow(v, (int64_t)digit(&d, i), &v))
            return false;
    if (d.point >= 0 && digit(&d, d.point) >= 5 && __builtin_add_overflow(v, INT64_C(1), &v))
        return false;
    *out = d.minus ? -v : v;
    return true;
}

/* Days since 1970-01-01 of a civil date (proleptic Gregorian). */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    int64_t era, yoe, doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t days_in(int64_t y, int64_t m)
{
    return m == 12 ? 31 : days_of(y, m + 1, 1) - days_of(y, m, 1);
}

static bool digits(sv *s, size_t n, int64_t *out)
{
    int64_t v;

    if (s->len < n || s->at[0] == '-' || !sv_to_i64(sv_first(*s, n), &v))
        return false;
    *s = sv_skip(*s, n);
    *out = v;
    return true;
}

static bool sign(sv *s, const char *set)
{
    if (s->len == 0 || s->at[0] == '\0' || !strchr(set, s->at[0]))
        return false;
    *s = sv_skip(*s, 1);
    return true;
}

/* Fraction of a second: any number of digits, the tenth and later cut off. */
static bool fraction(sv *s, int64_t *out)
{
    int64_t nano = 0, unit = 100000000;
    size_t before = s->len;

    while (s->len && isdigit((unsigned char)s->at[0])) {
        nano += (s->at[0] - '0') * unit;
        unit /= 10;
        *s = sv_skip(*s, 1);
    }
    *out = nano;
    return s->len < before;
}

static bool zone(sv *s, int64_t *offset_s)
{
    bool west = s->len && s->at[0] == '-';
    int64_t h, m = 0;

    *offset_s = 0;
    if (s->len == 0 || sign(s, "Zz"))
        return true;
    if (!sign(s, "+-") || !digits(s, 2, &h))
        return false;
    if ((sign(s, ":") || s->len) && !digits(s, 2, &m))
        return false;
    if (h > 23 || m > 59)
        return false;
    *offset_s = (west ? -1 : 1) * (h * 3600 + m * 60);
    return true;
}

bool sv_to_time(sv s, int64_t *unix_nano)
{
    int64_t y, mo, d, h, mi, sec, nano = 0, offset, t;

    if (!digits(&s, 4, &y) || !sign(&s, "-") || !digits(&s, 2, &mo) || !sign(&s, "-") || !digits(&s, 2, &d) ||
        !sign(&s, "Tt ") || !digits(&s, 2, &h) || !sign(&s, ":") || !digits(&s, 2, &mi) || !sign(&s, ":") ||
        !digits(&s, 2, &sec))
        return false;
    if (mo < 1 || mo > 12 || d < 1 || d > days_in(y, mo) || h > 23 || mi > 59 || sec > 60)
        return false;
    if (sign(&s, ".,") && !fraction(&s, &nano))
        return false;
    if (!zone(&s, &offset) || s.len)
        return false;
    t = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec - offset;
    if (__builtin_mul_overflow(t, (int64_t)1000000000, &t) || __builtin_add_overflow(t, nano, &t))
        return false;
    *unix_nano = t;
    return true;
}
