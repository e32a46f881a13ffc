/*
 * String view: pointer and length, not terminated, borrowed, passed by value.
 *
 * Print with "%.*s" and SV_ARG(s). Parsers take views and return views into their input; arena_copy()
 * is the only way to make one outlive its source. Number parsers say whether all was consumed.
 *
 * Thread-safety: pure functions.
 */
#ifndef BASE_SV_H
#define BASE_SV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sv {
    const char *at;
    size_t len;
} sv;

/* SV("text") of a literal, SVT("text") the same in a static table; sv_of() of a terminated string (NULL gives the empty view). */
#define SV(literal) ((sv){ (literal), sizeof(literal) - 1 })
/* clang-format off */
#define SVT(literal) { (literal), sizeof(literal) - 1 }
/* clang-format on */
#define SV_NONE   ((sv){ "", 0 })
#define SV_ARG(s) (int)(s).len, (s).at

static inline sv sv_of(const char *s)
{
    return s ? (sv){ s, strlen(s) } : SV_NONE;
}

static inline sv sv_make(const void *at, size_t len)
{
    return (sv){ at ? (const char *)at : "", at ? len : 0 };
}

static inline bool sv_eq(sv a, sv b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Bytewise order, a prefix before the longer one: <0, 0, >0. */
int sv_cmp(sv a, sv b);

/* ASCII letters compare equal whatever their case. */
bool sv_eq_nocase(sv a, sv b);
bool sv_starts(sv s, sv prefix);
bool sv_starts_nocase(sv s, sv prefix);
bool sv_ends(sv s, sv suffix);
bool sv_ends_nocase(sv s, sv suffix);

/* The part from byte `n` on (empty if shorter), and the first `n` bytes. */
sv sv_skip(sv s, size_t n);
sv sv_first(sv s, size_t n);
sv sv_trim(sv s);

/* Position of the first / last `c`, or s.len when there is none. */
size_t sv_find(sv s, char c);
size_t sv_find_last(sv s, char c);
bool sv_has(sv s, sv needle);

/* The first `max` bytes for a message: without blanks around them, on one line, ended by NUL (out holds max + 1). */
void sv_plain(sv s, char *out, size_t max);

/* Takes what stands before the first `c` off the front of *s and the `c` with it; the rest stays in *s. */
sv sv_cut(sv *s, char c);

/* The segment after `key` in a path of key/value segments ("/subscriptions/ID/...": key "subscriptions"),
 * found without regard to case as Azure's and AWS's ids need; empty when absent. */
sv sv_path_value(sv path, sv key);

/* Length of the well-formed UTF-8 sequence at the front, 0 if there is none. */
size_t sv_utf8(sv s);

/* Whole-string numbers: false leaves *out untouched (empty input, trailing text, out of range). */
bool sv_to_i64(sv s, int64_t *out);
bool sv_to_u64(sv s, uint64_t *out);
bool sv_to_f64(sv s, double *out);
/* "1.2e-05" times 10^digits as JSON writes numbers, rounded half away from zero and exact else, however long the text is: money.
 * Magnitudes above INT64_MAX are out of range. buf_decimal writes it back. */
bool sv_to_decimal(sv s, unsigned digits, int64_t *out);

/* "2026-11-20T10:00:03.215Z", with or without fraction, zone `Z`, `+hh:mm` or none (read as UTC; some of
 * Azure's fields lack it). Second 60 is accepted. Out: nanoseconds since 1970, UTC. */
bool sv_to_time(sv s, int64_t *unix_nano);

#endif
