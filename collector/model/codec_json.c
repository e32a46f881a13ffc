/*
 * Frame to JSON lines, for people and for tests: one object per record, its own fields first, then its batch's. Driven
 * by the rows of codec_fields.h; no generated name is needed. 64-bit keys are hexadecimal text, since JSON readers
 * round numbers beyond 2^53; other integers are written as such.
 */
#include <math.h>

#include "collector/model/codec.h"
#include "collector/model/codec_fields.h"

enum { NANO_PER_MS = 1000000 };

struct writer {
    struct buf *out;
    const struct batch *batch;
};

static void put_name(const struct writer *w, const char *name)
{
    buf_put(w->out, SV(",\""));
    buf_put(w->out, sv_of(name));
    buf_put(w->out, SV("\":"));
}

static void put_text(const struct writer *w, const char *name, sv value)
{
    if (value.len == 0)
        return;
    put_name(w, name);
    buf_json(w->out, value);
}

static void put_int(const struct writer *w, const char *name, int64_t value)
{
    put_name(w, name);
    buf_i64(w->out, value);
}

static void put_key(const struct writer *w, const char *name, uint64_t value)
{
    if (value == 0)
        return;
    put_name(w, name);
    buf_printf(w->out, "\"%016llx\"", (unsigned long long)value);
}

/* Infinity has no number in JSON. */
static void put_f64(struct buf *out, double value)
{
    const char *quote = isfinite(value) ? "" : "\"";

    buf_put(out, sv_of(quote));
    buf_f64(out, value);
    buf_put(out, sv_of(quote));
}

static void put_real(const struct writer *w, const char *name, double value)
{
    if (isnan(value))
        return;
    put_name(w, name);
    put_f64(w->out, value);
}

static void put_time(const struct writer *w, const char *name, int64_t unix_nano)
{
    if (unix_nano == 0)
        return;
    put_name(w, name);
    buf_putc(w->out, '"');
    buf_time(w->out, unix_nano, unix_nano % NANO_PER_MS ? 9 : 3);
    buf_putc(w->out, '"');
}

static void put_pairs(const struct writer *w, const char *name, const struct key_value *pairs, size_t n)
{
    if (n == 0)
        return;
    put_name(w, name);
    for (size_t i = 0; i < n; i++) {
        buf_putc(w->out, i ? ',' : '{');
        buf_json(w->out, batch_sv(w->batch, pairs[i].name));
        buf_putc(w->out, ':');
        buf_json(w->out, pairs[i].value);
    }
    buf_putc(w->out, '}');
}

static void put_buckets(const struct writer *w, const struct measure *m)
{
    if (m->n_buckets == 0)
        return;
    put_name(w, "bounds");
    buf_putc(w->out, '[');
    for (size_t i = 0; i + 1 < m->n_buckets; i++) {
        if (i)
            buf_putc(w->out, ',');
        put_f64(w->out, m->bounds[i]);
    }
    buf_putc(w->out, ']');
    put_name(w, "buckets");
    buf_putc(w->out, '[');
    for (size_t i = 0; i < m->n_buckets; i++) {
        if (i)
            buf_putc(w->out, ',');
        buf_i64(w->out, m->buckets[i]);
    }
    buf_putc(w->out, ']');
}

static const char *const measure_kinds[] = {
    [MEASURE_COUNT] = "count",
    [MEASURE_GAUGE] = "gauge",
    [MEASURE_DISTRIBUTION] = "distribution",
    [MEASURE_SUMMARY] = "summary",
};

#define PUT(kind, ...)       PUT_##kind(__VA_ARGS__)
#define PUT_KEY(m)           put_key(w, #m, r->m);
#define PUT_SYM(m)           put_text(w, #m, batch_sv(w->batch, r->m));
#define PUT_IDENT(m, uuid)   put_text(w, #m, r->m);
#define PUT_TEXT(m)          put_text(w, #m, r->m);
#define PUT_TIME(m, base)    put_time(w, #m, r->m##_unix_nano);
#define PUT_ENUM(m, n, name) put_text(w, #m, sv_of(name(r->m)));
#define PUT_REAL(m)          put_real(w, #m, r->m);
#define PUT_PAIRS(m, n)      put_pairs(w, #m, r->m, r->n);
#define PUT_MKIND(m)         put_text(w, #m, sv_of(measure_kinds[r->m]));
#define PUT_BOUNDS(m)
#define PUT_BUCKETS(m) put_buckets(w, r);
#define PUT_NUM(m)                                                                                                     \
    if (r->m != NONE)                                                                                                  \
        put_int(w, #m, r->m);
#define PUT_COUNTER(m)                                                                                                 \
    if (r->m != 0)                                                                                                     \
        put_int(w, #m, r->m);
#define PUT_FLAG(m)                                                                                                    \
    if (r->m) {                                                                                                        \
        put_name(w, #m);                                                                                               \
        buf_put(w->out, SV("true"));                                                                                   \
    }

static void put_batch(const struct writer *w)
{
    const struct origin *r = &w->batch->origin;

    ORIGIN_FIELDS(PUT)
    put_time(w, "observed", w->batch->observed_unix_nano);
    if (w->batch->mapping_version)
        put_int(w, "mapping_version", w->batch->mapping_version);
    buf_put(w->out, SV("}\n"));
}

#define LINES(things, thing, FIELDS)                                                                                   \
    for (size_t i = 0; i < b->n_##things; i++) {                                                                       \
        const struct thing *r = &b->things[i];                                                                         \
                                                                                                                       \
        buf_put(out, SV("{\"record\":\"" #thing "\""));                                                                \
        FIELDS(PUT)                                                                                                    \
        put_batch(w);                                                                                                  \
    }

void frame_to_json(const struct frame *f, struct buf *out)
{
    for (const struct batch *b = f->batches; b; b = b->next) {
        const struct writer *w = &(struct writer){ .out = out, .batch = b };

        LINES(calls, call, CALL_FIELDS)
        LINES(measures, measure, MEASURE_FIELDS)
        LINES(audits, audit, AUDIT_FIELDS)
        LINES(charges, charge, CHARGE_FIELDS)
        LINES(gaps, gap, GAP_FIELDS)
    }
}
