/*
 * Buf: one growing piece of bytes with a maximum, for what is written piece by piece.
 *
 * Appending never fails loudly: once the limit is reached or memory is out, `failed` is set, further appends do
 * nothing, and the caller checks once at the end. The bytes always stand before BUF_PADDING spare ones, which
 * parsers with wide loads need.
 *
 * Ownership:     struct buf is the caller's; buf_done frees the bytes. Views of it die with the next append.
 * Thread-safety: none; one buf, one thread.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "collector/base/err.h"
#include "collector/base/sv.h"

enum { BUF_PADDING = 64, BUF_LIMIT_DEFAULT = 64 << 20 };

struct buf {
    char *at;
    size_t len, cap;
    size_t limit_bytes; /* 0 takes BUF_LIMIT_DEFAULT */
    bool failed;
};

void buf_init(struct buf *b, size_t limit_bytes);
void buf_clear(struct buf *b);
void buf_done(struct buf *b);

static inline sv buf_sv(const struct buf *b)
{
    return sv_make(b->at, b->len);
}

/* Makes room for `n` more bytes and returns where they go; buf_added() then counts them. NULL when it failed. */
char *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

void buf_put(struct buf *b, sv s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);

/* The shortest text that reads back as the same double ("0.1", "1e+30"); +Inf, -Inf, NaN as Prometheus spells them. */
void buf_f64(struct buf *b, double v);

/* value * 10^-digits without rounding: buf_decimal(b, 1500, 3) writes "1.5", with 0 digits "1500". */
void buf_decimal(struct buf *b, int64_t value, unsigned digits);

/* JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void buf_json(struct buf *b, sv s);

/* "2026-11-20T10:00:03.215Z": as many fraction digits (0 to 9) as asked for. */
void buf_time(struct buf *b, int64_t unix_nano, unsigned fraction_digits);

/* Little-endian integers and a varint, for our own binary formats. */
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);

/* A whole file. Over `limit` bytes is ERR_LIMIT. */
MUST_USE enum err_code buf_read_file(struct buf *b, const char *path, size_t limit, struct err *e);

#endif
