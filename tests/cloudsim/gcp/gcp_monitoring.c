/*
 * timeSeries.list: reads the parameters, refuses what Monitoring refuses, and cuts what gcp_series.c finds into pages of
 * points. The series of an answer are fixed by the first page's instant, so a page is the points from number `at` on.
 *
 * Quirks: points newest first; a series goes on in the next page; a series may stand there twice [observed]; 64-bit
 * numbers are strings; bucketCounts end with the last one that is not 0; executionErrors come with HTTP 200.
 */
#include "tests/cloudsim/gcp/gcp_monitoring.h"

#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/gcp/gcp_series.h"
#include "tests/cloudsim/rng.h"

/* "At most 100 000 points per page"; fewer may come. */
enum { POINTS_MAX = 100000, POINTS_USUAL = 3000, TWICE_ONE_IN = 9, LEFT_OUT_ONE_IN = 3 };

/* An enum's value by name, or by the number that it has in Google's definition: their libraries send numbers. */
struct choice {
    const char *name, *number;
};

/* clang-format off */
static const struct choice aligners[GCP_ALIGNERS] = {
    { "ALIGN_NONE", "0" }, { "ALIGN_SUM", "14" }, { "ALIGN_DELTA", "1" },      { "ALIGN_RATE", "2" },
    { "ALIGN_MEAN", "12" }, { "ALIGN_MAX", "11" }, { "ALIGN_NEXT_OLDER", "4" },
};
static const struct choice reducers[GCP_REDUCERS] = { { "REDUCE_NONE", "0" }, { "REDUCE_SUM", "4" }, { "REDUCE_MAX", "3" } };
static const struct choice views[] = { { "FULL", "0" }, { "HEADERS", "1" } };
static const char *const kinds[] = { "DELTA", "GAUGE" }, *const values[] = { "INT64", "DISTRIBUTION", "DOUBLE" };
/* clang-format on */

struct listing {
    struct gcp_query q;
    struct page page;
    struct gcp_result found;
    struct arena arena; /* of the series */
    bool headers;
    uint64_t limit; /* of points; with HEADERS of series */
};

/* ---- parameters ---- */

static bool refuse(struct exchange *x, const char *field, const char *text)
{
    gcp_refuse(x, "INVALID_ARGUMENT", field, "Field %s had an invalid value: %s", field, text);
    return false;
}

static bool named(sv value, const struct choice *of, unsigned n, unsigned *out)
{
    for (unsigned i = 0; i < n; i++)
        if (sv_eq(value, sv_of(of[i].name)) || sv_eq(value, sv_of(of[i].number))) {
            *out = i;
            return true;
        }
    return value.len == 0;
}

/* "60s", "3600.5s". */
static bool seconds_of(sv text, int64_t *nano)
{
    double s;

    if (!sv_ends(text, SV("s")) || !sv_to_f64(sv_first(text, text.len - 1), &s) || s < 0 || s > 1e9)
        return false;
    *nano = (int64_t)(s * 1e9);
    return true;
}

struct filter_check {
    unsigned types;
    sv type;
    const char *wrong;
};

/* "Exactly one metric.type = ..."; other fields must be there for the type. */
static void check_test(void *self, const struct gcp_filter *test, bool must)
{
    struct filter_check *c = self;

    if (sv_eq(test->field, SV("metric.type"))) {
        c->types += must && test->compare == GCP_EQ && !test->function.len && test->n_values == 1 ? 1 : 2;
        c->type = test->values[0];
        return;
    }
    if (test->function.len && !gcp_filter_function_known(test->function))
        c->wrong = "the function is unknown";
    else if (test->compare == GCP_MATCH || test->compare == GCP_NO_MATCH)
        c->wrong = "operators =~ and !~ are not supported";
    else if (!sv_eq(test->field, SV("resource.type")) && !sv_eq(test->field, SV("project")) &&
             gcp_label_named(test->field) < 0)
        c->wrong = "the field is unknown";
}

static bool read_filter(struct exchange *x, const struct gcp_parameters *p, struct listing *l)
{
    struct filter_check c = { .types = 0 };
    struct err e;

    if (gcp_filter_parse(&x->arena, gcp_parameter(p, "filter"), &l->q.filter, &e))
        return refuse(x, "filter", e.text);
    gcp_filter_walk(l->q.filter, check_test, &c);
    if (c.types != 1)
        return refuse(x, "filter", "must specify a single metric type");
    if (c.wrong)
        return refuse(x, "filter", c.wrong);
    l->q.metric = gcp_metric_find(c.type);
    if (l->q.metric)
        return true;
    gcp_refuse(x, "NOT_FOUND", NULL, "Cannot find metric(s) that match type = \"%.*s\".", SV_ARG(c.type));
    return false;
}

/* "Reads are half-open (start, end]"; without a start it is the end, an instant. */
static bool read_interval(struct exchange *x, const struct gcp_parameters *p, struct listing *l)
{
    sv start = gcp_parameter(p, "interval.startTime"), end = gcp_parameter(p, "interval.endTime");

    if (!sv_to_time(end, &l->q.to))
        return refuse(x, "interval.endTime", "Must be set to a timestamp.");
    l->q.from = l->q.to - NANO_PER_MIN;
    if (start.len && !sv_to_time(start, &l->q.from))
        return refuse(x, "interval.startTime", "Must be a timestamp.");
    return l->q.from <= l->q.to || refuse(x, "interval.startTime", "The start time must be before the end time.");
}

static bool read_groups(struct exchange *x, const struct gcp_parameters *p, struct listing *l)
{
    for (size_t i = 0; i < p->n; i++) {
        int label;

        if (!sv_eq(p->at[i].name, SV("aggregation.groupByFields")))
            continue;
        label = gcp_label_named(p->at[i].value);
        /* The types are the same for all series of an answer. */
        if (label < 0 && !sv_eq(p->at[i].value, SV("metric.type")) && !sv_eq(p->at[i].value, SV("resource.type")))
            return refuse(x, "aggregation.groupByFields", "the field is unknown");
        if (label >= 0)
            l->q.group_by |= UINT64_C(1) << label;
    }
    return true;
}

static bool read_aggregation(struct exchange *x, const struct gcp_parameters *p, struct listing *l)
{
    sv period = gcp_parameter(p, "aggregation.alignmentPeriod");
    unsigned aligner = 0, reducer = 0;

    if (!named(gcp_parameter(p, "aggregation.perSeriesAligner"), aligners, GCP_ALIGNERS, &aligner))
        return refuse(x, "aggregation.perSeriesAligner", "the aligner is unknown");
    if (!named(gcp_parameter(p, "aggregation.crossSeriesReducer"), reducers, GCP_REDUCERS, &reducer))
        return refuse(x, "aggregation.crossSeriesReducer", "the reducer is unknown");
    l->q.aligner = aligner;
    l->q.reducer = reducer;
    if (reducer && !aligner)
        return refuse(x, "aggregation.perSeriesAligner",
                      "must be specified and not ALIGN_NONE when a cross-series reducer is specified");
    if (aligner && (!seconds_of(period, &l->q.period) || l->q.period < NANO_PER_MIN))
        return refuse(x, "aggregation.alignmentPeriod", "must be at least 60 seconds");
    if (l->q.metric->kind == GCP_GAUGE && (aligner == GCP_ALIGN_DELTA || aligner == GCP_ALIGN_RATE))
        return refuse(x, "aggregation.perSeriesAligner", "the aligner does not fit metrics of kind GAUGE");
    if (l->q.metric->value == GCP_DISTRIBUTION && (aligner >= GCP_ALIGN_RATE || reducer == GCP_REDUCE_MAX))
        return refuse(x, "aggregation.perSeriesAligner", "the aligner does not fit values of type DISTRIBUTION");
    return read_groups(x, p, l);
}

static bool read_view(struct exchange *x, const struct gcp_parameters *p, struct listing *l)
{
    sv size = gcp_parameter(p, "pageSize");
    int64_t n = 0;
    unsigned view = 0;

    if (gcp_parameter(p, "orderBy").len)
        return refuse(x, "orderBy", "must be left blank");
    if (!named(gcp_parameter(p, "view"), views, 2, &view))
        return refuse(x, "view", "must be FULL or HEADERS");
    if (size.len && (!sv_to_i64(size, &n) || n < 0 || n > INT32_MAX))
        return refuse(x, "pageSize", "must be a positive number");
    l->headers = view;
    l->limit = n > 0 && n < POINTS_USUAL ? (uint64_t)n : POINTS_USUAL;
    return true;
}

/* All but the size and token of the page. */
static uint64_t request_hash(sv project, const struct gcp_parameters *p)
{
    uint64_t h = hash_part(0, project);

    for (size_t i = 0; i < p->n; i++)
        if (!sv_eq(p->at[i].name, SV("pageToken")) && !sv_eq(p->at[i].name, SV("pageSize")))
            h = hash_part(hash_part(h, p->at[i].name), p->at[i].value);
    return h;
}

static bool read_listing(struct exchange *x, sv query, struct listing *l)
{
    struct gcp_parameters p;

    gcp_parameters_read(x, query, &p);
    if (!read_filter(x, &p, l) || !read_interval(x, &p, l) || !read_aggregation(x, &p, l) || !read_view(x, &p, l))
        return false;
    if (!gcp_page_read(x, gcp_parameter(&p, "pageToken"), request_hash(l->q.project->id, &p), &l->page))
        return refuse(x, "pageToken", "the token is invalid or was made for other parameters");
    l->q.now = l->page.now;
    return true;
}

/* ---- the answer ---- */

static void put_labels(struct buf *b, const sv labels[GCP_LABELS], unsigned first, unsigned last)
{
    bool any = false;

    for (unsigned i = first; i < last; i++) {
        if (!labels[i].at)
            continue;
        buf_put(b, any ? SV(",") : SV(",\"labels\":{"));
        put_member(b, gcp_label_names[i], labels[i]);
        any = true;
    }
    if (any)
        buf_putc(b, '}');
}

static void put_options(struct buf *b, const struct gcp_layout *l)
{
    buf_put(b, SV(",\"bucketOptions\":{"));
    if (l->kind == GCP_EXPONENTIAL) {
        buf_printf(b, "\"exponentialBuckets\":{\"numFiniteBuckets\":%u,\"growthFactor\":", l->finite);
        buf_f64(b, l->growth);
        buf_put(b, SV(",\"scale\":"));
        buf_f64(b, l->scale);
    } else if (l->kind == GCP_LINEAR) {
        buf_printf(b, "\"linearBuckets\":{\"numFiniteBuckets\":%u,\"width\":", l->finite);
        buf_f64(b, l->width);
        if (l->offset != 0) {
            buf_put(b, SV(",\"offset\":"));
            buf_f64(b, l->offset);
        }
    } else {
        buf_put(b, SV("\"explicitBuckets\":{\"bounds\":["));
        for (unsigned i = 0; i <= l->finite; i++) {
            buf_put(b, i ? SV(",") : SV_NONE);
            buf_f64(b, l->bounds[i]);
        }
        buf_putc(b, ']');
    }
    buf_put(b, SV("}}"));
}

static void put_exemplar(struct buf *b, const struct gcp_point *p)
{
    buf_put(b, SV(",\"exemplars\":[{\"value\":"));
    buf_f64(b, p->sum / (double)p->count);
    buf_put(b, SV(",\"timestamp\":\""));
    buf_time(b, p->end - 17 * NANO_PER_S - 100 * NANO_PER_MS, 3);
    buf_put(b,
            SV("\",\"attachments\":[{\"@type\":\"type.googleapis.com/google.monitoring.v3.SpanContext\",\"spanName\":"
               "\"projects/example/traces/6a4ff0a7376921a0eb18291d8618302c/spans/2d84b769bfe8de6d\"}]}]"));
}

/* "mean and others absent = 0"; "bucketCounts may be shorter than N". */
static void put_distribution(struct buf *b, const struct gcp_point *p)
{
    unsigned n = gcp_layout_buckets(p->layout);
    double mean = p->count ? p->sum / (double)p->count : 0;

    buf_printf(b, "{\"distributionValue\":{\"count\":\"%llu\"", (unsigned long long)p->count);
    if (p->count) {
        buf_put(b, SV(",\"mean\":"));
        buf_f64(b, mean);
        buf_put(b, SV(",\"sumOfSquaredDeviation\":"));
        buf_f64(b, p->squares > mean * p->sum ? p->squares - mean * p->sum : 0);
    }
    put_options(b, p->layout);
    while (n && !p->buckets[n - 1])
        n--;
    for (unsigned i = 0; i < n; i++)
        buf_printf(b, "%s\"%u\"", i ? "," : ",\"bucketCounts\":[", p->buckets[i]);
    buf_put(b, n ? SV("]") : SV_NONE);
    if (p->count && p->end / NANO_PER_MIN % 5 == 0)
        put_exemplar(b, p);
    buf_put(b, SV("}}"));
}

static void put_point(struct buf *b, const struct gcp_result *found, const struct gcp_point *p)
{
    buf_put(b, SV("{\"interval\":{\"startTime\":\""));
    buf_time(b, p->start, 0);
    buf_put(b, SV("\",\"endTime\":\""));
    buf_time(b, p->end, 0);
    buf_put(b, SV("\"},\"value\":"));
    if (found->value == GCP_DISTRIBUTION) {
        put_distribution(b, p);
    } else if (found->value == GCP_DOUBLE) {
        buf_put(b, SV("{\"doubleValue\":"));
        buf_f64(b, p->sum);
        buf_putc(b, '}');
    } else {
        buf_printf(b, "{\"int64Value\":\"%llu\"}", (unsigned long long)p->count);
    }
    buf_putc(b, '}');
}

/* `n` points of a series from number `from` on, counted from the newest. */
static void put_series(struct buf *b, const struct listing *l, const struct gcp_series *s, size_t from, size_t n)
{
    buf_put(b, SV("\n{\"metric\":{"));
    put_member(b, "type", sv_of(l->q.metric->type));
    put_labels(b, s->labels, GCP_RESOURCE_LABELS, GCP_LABELS);
    buf_put(b, SV("},\"resource\":{"));
    put_member(b, "type", sv_of(gcp_resource_names[l->q.metric->resource]));
    put_labels(b, s->labels, 0, GCP_RESOURCE_LABELS);
    buf_printf(b, "},\"metricKind\":\"%s\",\"valueType\":\"%s\"", kinds[l->found.kind], values[l->found.value]);
    for (size_t i = 0; i < n; i++) {
        buf_put(b, i ? SV(",") : SV(",\"points\":["));
        put_point(b, &l->found, &s->points[s->n_points - 1 - from - i]);
    }
    buf_put(b, n ? SV("]}") : SV("}"));
}

static uint64_t dice(const struct listing *l, const struct gcp_series *s)
{
    uint64_t h = rng_name(l->page.request, (uint64_t)l->page.now);

    for (unsigned i = 0; i < GCP_LABELS; i++)
        h = s->labels[i].at ? hash_part(h, s->labels[i]) : h;
    return h;
}

/* Some series are followed by themselves; when the answer is partial, some are not there. */
static void repeat_and_leave_out(struct exchange *x, struct listing *l)
{
    bool partial = x->fault && !strcmp(x->fault, "partial");

    for (struct gcp_series **at = &l->found.first; *at;) {
        struct gcp_series *s = *at, *again;
        uint64_t h = dice(l, s);

        at = &s->next;
        if (partial && h % LEFT_OUT_ONE_IN == 0) {
            s->n_points /= 2;
        } else if (h % TWICE_ONE_IN == 0 && (again = ARENA_NEW(&l->arena, struct gcp_series)) != NULL) {
            *again = *s;
            s->next = again;
            at = &again->next;
        }
    }
}

/* Puts what the page holds; *at becomes where the next one begins. False: it was the last. */
static bool put_page(struct buf *b, const struct listing *l, uint64_t *at)
{
    uint64_t left = l->limit, skip = *at;
    bool any = false, more = false;

    for (const struct gcp_series *s = l->found.first; s && !more; s = s->next) {
        uint64_t own = l->headers ? 1 : s->n_points, n = own > skip ? own - skip : 0;

        n = n < left ? n : left;
        more = own > skip && skip + n < own;
        if (n) {
            buf_put(b, any ? SV(",") : SV("\"timeSeries\":["));
            put_series(b, l, s, l->headers ? 0 : skip, l->headers ? 0 : n);
            any = true;
        }
        *at += n;
        left -= n;
        skip = skip > own ? skip - own : 0;
    }
    buf_put(b, any ? SV("]") : SV_NONE);
    return more;
}

static void answer(struct exchange *x, struct listing *l)
{
    bool partial = x->fault && !strcmp(x->fault, "partial"), more;
    struct buf *b = gcp_reply(x);
    uint64_t at = l->page.at;

    buf_putc(b, '{');
    more = put_page(b, l, &at);
    if (more) {
        buf_put(b, b->at[b->len - 1] == '{' ? SV_NONE : SV(","));
        put_member(b, "nextPageToken", gcp_page_token(x, &l->page, at));
    }
    if (partial) {
        buf_put(b, b->at[b->len - 1] == '{' ? SV_NONE : SV(","));
        buf_put(b, SV("\"executionErrors\":[{\"code\":14,\"message\":\"Some of the data could not be read.\"}]"));
    }
    buf_put(b, b->at[b->len - 1] == '{' ? SV_NONE : SV(","));
    put_member(b, "unit",
               l->found.kind == GCP_GAUGE && l->q.aligner == GCP_ALIGN_RATE ? SV("1/s") : sv_of(l->q.metric->unit));
    buf_putc(b, '}');
    if (b->failed)
        gcp_refuse(x, "INTERNAL", NULL, "out of memory");
}

void gcp_time_series_of(struct exchange *x, sv project, sv query)
{
    struct listing l = { .page = { 0 } };

    l.q.project = gcp_readable_project(x, project);
    if (!l.q.project || !read_listing(x, query, &l))
        return;
    arena_init(&l.arena, GCP_SERIES_BYTES_MAX);
    gcp_series_find(x->sim, &l.q, &l.arena, &l.found);
    repeat_and_leave_out(x, &l);
    if (l.found.failed)
        gcp_refuse(x, "INTERNAL", NULL, "out of memory");
    else
        answer(x, &l);
    arena_done(&l.arena);
}

void gcp_time_series(struct exchange *x)
{
    gcp_time_series_of(x, x->captures[0], gcp_query(x));
}
