/* Growth by doubling; the limit counts what was asked for, not the spare capacity. */
#include "collector/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/memory.h"

void buf_init(struct buf *b, size_t limit_bytes)
{
    *b = (struct buf){ .limit_bytes = limit_bytes };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

void buf_done(struct buf *b)
{
    free(b->at);
    *b = (struct buf){ .limit_bytes = b->limit_bytes };
}

char *buf_reserve(struct buf *b, size_t n)
{
    size_t limit = b->limit_bytes ? b->limit_bytes : BUF_LIMIT_DEFAULT;
    size_t cap = b->cap ? b->cap : 256;
    char *p;

    if (b->failed || n > limit || b->len > limit - n) {
        b->failed = true;
        return NULL;
    }
    if (b->at && b->cap - b->len >= n)
        return b->at + b->len;
    while (cap - b->len < n)
        cap *= 2;
    p = memory_resized(b->at, cap + BUF_PADDING);
    if (!p) {
        b->failed = true;
        return NULL;
    }
    b->at = p;
    b->cap = cap;
    memset(p + cap, 0, BUF_PADDING);
    return b->at + b->len;
}

void buf_added(struct buf *b, size_t n)
{
    b->len += n;
}

void buf_put(struct buf *b, sv s)
{
    char *p = buf_reserve(b, s.len);

    if (!p)
        return;
    if (s.len)
        memcpy(p, s.at, s.len);
    b->len += s.len;
}

void buf_putc(struct buf *b, char c)
{
    buf_put(b, (sv){ &c, 1 });
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap;
    int n;
    char *p;

    va_start(ap, format);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    p = n < 0 ? NULL : buf_reserve(b, (size_t)n); /* the NUL goes into the padding */
    if (!p) {
        b->failed = true;
        return;
    }
    va_start(ap, format);
    vsnprintf(p, (size_t)n + 1, format, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void buf_u64(struct buf *b, uint64_t v)
{
    char text[20];
    size_t at = sizeof text;

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_put(b, (sv){ text + at, sizeof text - at });
}

void buf_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_putc(b, '-');
    buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_f64(struct buf *b, double v)
{
    char text[32];

    if (isnan(v) || isinf(v)) {
        buf_put(b, isnan(v) ? SV("NaN") : v > 0 ? SV("+Inf") : SV("-Inf"));
        return;
    }
    if (v == 0) {
        buf_put(b, signbit(v) ? SV("-0") : SV("0"));
        return;
    }
    if (fabs(v) < 1e15 && v == trunc(v)) {
        buf_i64(b, (int64_t)v);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_put(b, sv_of(text));
}

void buf_decimal(struct buf *b, int64_t value, unsigned digits)
{
    uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t unit = 1;
    char text[24];
    int n;

    for (unsigned i = 0; i < digits; i++)
        unit *= 10;
    if (digits == 0) {
        buf_i64(b, value);
        return;
    }
    if (value < 0)
        buf_putc(b, '-');
    buf_u64(b, v / unit);
    if (v % unit == 0)
        return;
    n = snprintf(text, sizeof text, ".%0*" PRIu64, (int)digits, v % unit);
    while (text[n - 1] == '0')
        n--;
    buf_put(b, (sv){ text, (size_t)n });
}

static void json_escape(struct buf *b, unsigned char c)
{
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i + 1 < sizeof names; i += 2)
        if (c == (unsigned char)names[i]) {
            buf_putc(b, '\\');
            buf_putc(b, names[i + 1]);
            return;
        }
    buf_printf(b, "\\u%04x", c);
}

void buf_json(struct buf *b, sv s)
{
    buf_putc(b, '"');
    while (s.len) {
        size_t run = 0;

        while (run < s.len && (unsigned char)s.at[run] >= 0x20 && (unsigned char)s.at[run] < 0x80 && s.at[run] != '"' &&
               s.at[run] != '\\')
            run++;
        buf_put(b, sv_first(s, run));
        s = sv_skip(s, run);
        if (s.len == 0)
            break;
        if ((unsigned char)s.at[0] < 0x80) {
            json_escape(b, (unsigned char)s.at[0]);
            s = sv_skip(s, 1);
        } else {
            size_t n = sv_utf8(s);

            buf_put(b, n ? sv_first(s, n) : SV("\xef\xbf\xbd"));
            s = sv_skip(s, n ? n : 1);
        }
    }
    buf_putc(b, '"');
}

void buf_time(struct buf *b, int64_t unix_nano, unsigned fraction_digits)
{
    int64_t nano = unix_nano % 1000000000;
    time_t sec;
    struct tm tm;
    char text[16];

    sec = (time_t)(unix_nano / 1000000000) - (nano < 0 ? 1 : 0);
    nano += nano < 0 ? 1000000000 : 0;
    gmtime_r(&sec, &tm);
    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
               tm.tm_sec);
    if (fraction_digits) {
        snprintf(text, sizeof text, ".%09" PRId64, nano);
        buf_put(b, (sv){ text, 1 + (fraction_digits < 9 ? fraction_digits : 9) });
    }
    buf_putc(b, 'Z');
}

void buf_le32(struct buf *b, uint32_t v)
{
    unsigned char c[4] = { (unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
                           (unsigned char)(v >> 24) };

    buf_put(b, sv_make(c, sizeof c));
}

void buf_le64(struct buf *b, uint64_t v)
{
    buf_le32(b, (uint32_t)v);
    buf_le32(b, (uint32_t)(v >> 32));
}

enum err_code buf_read_file(struct buf *b, const char *path, size_t limit, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t limit_before = b->limit_bytes;
    enum err_code code = ERR_OK;

    if (fd < 0)
        return err_sys(e, "%s", path);
    b->limit_bytes = b->len + limit;
    for (;;) {
        char *p = buf_reserve(b, 1);
        size_t left = b->limit_bytes - b->len;
        ssize_t n;

        if (!p) {
            char extra;

            /* Full exactly at the limit is fine when nothing follows. */
            n = read(fd, &extra, 1);
            b->failed = n > 0;
            code = n > 0 ? err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", path, limit) : ERR_OK;
            break;
        }
        n = read(fd, p, left < b->cap - b->len ? left : b->cap - b->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            code = err_sys(e, "%s", path);
        if (n <= 0)
            break;
        buf_added(b, (size_t)n);
    }
    close(fd);
    b->limit_bytes = limit_before;
    return code;
}
