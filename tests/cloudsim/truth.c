/*
 * Truth: the sums that a collector must show when all has settled, computed by each cloud from what happened there and
 * from nothing that its simulated APIs answer. Outcomes that a platform can report are there at 0 as soon as their
 * siblings are.
 */
#include "tests/cloudsim/truth.h"

#include <math.h>
#include <string.h>

#include "tests/cloudsim/cloud.h"
#include "tests/cloudsim/story.h"

void truth_begin(struct truth_writer *w, const char *family, const char *cloud)
{
    buf_put(w->out, w->any ? SV(",\n{\"family\":\"") : SV("\n{\"family\":\""));
    buf_put(w->out, sv_of(family));
    buf_put(w->out, SV("\",\"labels\":{\"cloud\":\""));
    buf_put(w->out, sv_of(cloud));
    buf_putc(w->out, '"');
    w->any = true;
}

void truth_label(struct truth_writer *w, const char *name, sv value)
{
    buf_putc(w->out, ',');
    buf_json(w->out, sv_of(name));
    buf_putc(w->out, ':');
    buf_json(w->out, value);
}

void truth_end(struct truth_writer *w, uint64_t value)
{
    truth_end_decimal(w, value, 0);
}

void truth_end_decimal(struct truth_writer *w, uint64_t value, unsigned digits)
{
    buf_put(w->out, SV("},\"value\":"));
    if (digits)
        buf_decimal(w->out, (int64_t)value, digits);
    else
        buf_u64(w->out, value);
    buf_putc(w->out, '}');
}

sv truth_bound(unsigned bucket, char out[32])
{
    struct buf b = { .at = NULL };
    size_t n;

    buf_f64(&b, bucket + 1 < BUCKETS ? (double)bucket_bounds_us[bucket] / 1e6 : INFINITY);
    n = b.len < 32 ? b.len : 0;
    if (n)
        memcpy(out, b.at, n);
    buf_done(&b);
    return sv_make(out, n);
}

struct span sim_span(const struct sim *s, int64_t from, int64_t until)
{
    int64_t first = from <= 0 ? 0 : (from + NANO_PER_MIN - 1) / NANO_PER_MIN, last = until / NANO_PER_MIN;

    return (struct span){ first < s->first ? s->first : first, last > s->last ? s->last : last };
}

void truth_write(struct sim *s, int64_t from, int64_t until, struct buf *out)
{
    struct truth_writer w = { .out = out };

    buf_put(out, SV("{\"from\":\""));
    buf_time(out, from, 3);
    buf_put(out, SV("\",\"until\":\""));
    buf_time(out, until, 3);
    buf_put(out, SV("\",\"series\":["));
    for (const struct cloud *const *c = clouds; *c; c++)
        if (cloud_is_open(s, *c))
            (*c)->truth(s, &w, from, until);
    buf_put(out, SV("\n]}\n"));
}
