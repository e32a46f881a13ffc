/* One table of units for each kind, largest first; reading and writing walk the same rows. */
#include "collector/config/config_value.h"

#include <stdio.h>

struct unit {
    const char *name;
    int64_t factor;
    bool shown; /* used when writing */
};

/* clang-format off */
static const struct unit durations[] = {
    { "d",  86400000, true },
    { "h",  3600000,  true },
    { "m",  60000,    true },
    { "s",  1000,     true },
    { "ms", 1,        true },
};

static const struct unit sizes[] = {
    { "TiB", INT64_C(1) << 40,        true  },
    { "TB",  INT64_C(1000000000000),  false },
    { "GiB", INT64_C(1) << 30,        true  },
    { "GB",  1000000000,              false },
    { "MiB", 1 << 20,                 true  },
    { "MB",  1000000,                 false },
    { "KiB", 1 << 10,                 true  },
    { "kB",  1000,                    false },
    { "B",   1,                       true  },
};
/* clang-format on */

/* A century, so that every duration also fits into nanoseconds. */
static const int64_t duration_max_ms = INT64_C(36525) * 86400000;

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* Takes digits and a unit off the front; the row's index, or -1. */
static int take(sv *s, const struct unit *table, size_t n_rows, int64_t *product)
{
    size_t digits = 0, letters = 0;
    int64_t n;

    while (digits < s->len && s->at[digits] >= '0' && s->at[digits] <= '9')
        digits++;
    while (digits + letters < s->len && (s->at[digits + letters] < '0' || s->at[digits + letters] > '9'))
        letters++;
    if (!sv_to_i64(sv_first(*s, digits), &n))
        return -1;
    for (size_t i = 0; i < n_rows; i++)
        if (sv_eq(sv_first(sv_skip(*s, digits), letters), sv_of(table[i].name))) {
            *s = sv_skip(*s, digits + letters);
            return __builtin_mul_overflow(n, table[i].factor, product) ? -1 : (int)i;
        }
    return -1;
}

bool config_duration_parse(sv text, int64_t *ms)
{
    int64_t sum = 0, part;
    int last = -1;

    if (sv_eq(text, SV("0"))) {
        *ms = 0;
        return true;
    }
    if (text.len == 0)
        return false;
    while (text.len) {
        int row = take(&text, durations, COUNT(durations), &part);

        if (row <= last || part > duration_max_ms - sum)
            return false;
        sum += part;
        last = row;
    }
    *ms = sum;
    return true;
}

bool config_size_parse(sv text, int64_t *bytes)
{
    int64_t n;

    if (text.len && text.at[0] != '-' && sv_to_i64(text, bytes))
        return true;
    if (take(&text, sizes, COUNT(sizes), &n) < 0 || text.len)
        return false;
    *bytes = n;
    return true;
}

static void put(struct buf *out, const struct unit *table, size_t n_rows, int64_t v)
{
    size_t i = 0;

    while (i + 1 < n_rows && (!table[i].shown || v % table[i].factor || v == 0))
        i++;
    buf_i64(out, v / table[i].factor);
    buf_put(out, sv_of(table[i].name));
}

void config_duration_put(struct buf *out, int64_t ms)
{
    if (ms == 0)
        buf_put(out, SV("0s"));
    else
        put(out, durations, COUNT(durations), ms);
}

void config_size_put(struct buf *out, int64_t bytes)
{
    put(out, sizes, COUNT(sizes), bytes);
}

void config_number_put(struct buf *out, const struct option *o, double v)
{
    if (o->type == OPT_DURATION)
        config_duration_put(out, (int64_t)v);
    else if (o->type == OPT_SIZE)
        config_size_put(out, (int64_t)v);
    else
        buf_f64(out, v);
    if (o->unit && (o->type == OPT_INT || o->type == OPT_FLOAT))
        buf_printf(out, " %s", o->unit);
}
