/* A reader of Cloud Monitoring that makes no mistakes: all pages, each series once, each point once. */
#ifndef CLOUDSIM_TEST_GCP_READER_H
#define CLOUDSIM_TEST_GCP_READER_H

#include <math.h>

#include "tests/cloudsim/test/gcp_client.h"

#define PUBLISHER "aiplatform.googleapis.com/publisher/online_serving/"
#define ENDPOINT  "aiplatform.googleapis.com/prediction/online/"
#define SUMMED                                                                                                         \
    "&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner=ALIGN_SUM&aggregation.crossSeriesReducer=REDUCE_"   \
    "SUM"
#define BY(field) "&aggregation.groupByFields=" field

/* One series of an answer, by all its labels. */
struct row {
    sv key; /* "|type=input|location=eu|..." in the order of the answer */
    int64_t last;
    double sum, count;
    uint64_t buckets[BUCKETS]; /* of ours: each of Google's is in the one that holds its upper bound */
    size_t points;
    bool ordered;
    struct row *next;
};
static struct row *rows;
static unsigned n_twice, n_cut, n_pages;

static void add_labels(struct buf *b, json labels)
{
    json value;
    sv key;

    for (struct json_iter it = json_members(labels); json_member(&it, &key, &value);)
        buf_printf(b, "%.*s=%.*s|", SV_ARG(key), SV_ARG(json_sv(value)));
}

static struct row *row_of(json series)
{
    struct buf b = { .at = NULL };
    struct row *r;

    buf_putc(&b, '|');
    add_labels(&b, json_path(series, "metric/labels"));
    add_labels(&b, json_path(series, "resource/labels"));
    for (r = rows; r && !sv_eq(r->key, buf_sv(&b)); r = r->next)
        ;
    if (!r) {
        r = ARENA_NEW(&arena, struct row);
        *r = (struct row){ .key = arena_copy(&arena, buf_sv(&b)), .last = INT64_MAX, .ordered = true, .next = rows };
        rows = r;
    }
    buf_done(&b);
    return r;
}

/* Upper bound of Google's bucket i in milliseconds. */
static double bound_of(json options, unsigned i)
{
    json exponential = json_get(options, SV("exponentialBuckets")), linear = json_get(options, SV("linearBuckets")),
         bound;
    double a = NAN, b = 0, n = 0;

    if (json_f64(json_get(exponential, SV("growthFactor")), &a) && json_f64(json_get(exponential, SV("scale")), &b)) {
        json_f64(json_get(exponential, SV("numFiniteBuckets")), &n);
        return i <= n ? b * pow(a, i) : INFINITY;
    }
    if (json_f64(json_get(linear, SV("width")), &a)) {
        json_f64(json_get(linear, SV("offset")), &b);
        json_f64(json_get(linear, SV("numFiniteBuckets")), &n);
        return i <= n ? b + a * i : INFINITY;
    }
    for (struct json_iter it = json_items(json_path(options, "explicitBuckets/bounds")); json_item(&it, &bound);)
        if (i-- == 0)
            return json_f64(bound, &a) ? a : NAN;
    return INFINITY;
}

static void add_buckets(struct row *r, json distribution)
{
    json options = json_get(distribution, SV("bucketOptions")), count;
    unsigned i = 0;

    for (struct json_iter it = json_items(json_get(distribution, SV("bucketCounts"))); json_item(&it, &count); i++) {
        double bound = bound_of(options, i) * 1000;
        unsigned ours = 0;
        int64_t n = 0;

        while (ours + 1 < BUCKETS && (double)bucket_bounds_us[ours] < bound - 1e-3)
            ours++;
        r->buckets[ours] += json_i64(count, &n) ? (uint64_t)n : 0;
    }
}

static double value_of(json point, double *count)
{
    json value = json_get(point, SV("value")), d = json_get(value, SV("distributionValue"));
    double v = NAN, mean = 0;

    if (json_f64(json_get(value, SV("int64Value")), &v) || json_f64(json_get(value, SV("doubleValue")), &v))
        return *count = v;
    json_f64(json_get(d, SV("count")), count);
    json_f64(json_get(d, SV("mean")), &mean);
    return mean * *count;
}

/* Points that were met already are the same series again. */
static void add_series(json series)
{
    struct row *r = row_of(series);
    int64_t before = INT64_MAX;
    bool first = true;
    json point;

    for (struct json_iter it = json_items(json_get(series, SV("points"))); json_item(&it, &point); first = false) {
        double count = 0, v = value_of(point, &count);
        int64_t end = 0;

        json_time(json_path(point, "interval/endTime"), &end);
        if (first && r->points)
            ++*(end >= r->last ? &n_twice : &n_cut);
        r->ordered &= end < before;
        before = end;
        if (end >= r->last)
            continue;
        add_buckets(r, json_path(point, "value/distributionValue"));
        r->last = end;
        r->sum += v;
        r->count += count;
        r->points++;
    }
}

/* All pages of a query. */
static void read_all(sv project, int64_t now, const char *query)
{
    sv token = SV_NONE;
    json a, series;

    rows = NULL;
    n_twice = n_cut = n_pages = 0;
    do {
        a = list_at(gcp_time_series_of, project, now,
                    token.len ? format("%s&pageToken=%.*s", query, SV_ARG(token)) : query);
        must(reply.status == 200, reply.body.at);
        for (struct json_iter it = json_items(json_get(a, SV("timeSeries"))); json_item(&it, &series);)
            add_series(series);
        token = arena_copy(&arena, json_sv(json_get(a, SV("nextPageToken"))));
        n_pages++;
    } while (token.len);
}

/* Sum over the rows whose key has all these parts (up to a NULL). */
static double sum_of(bool counts, const char *const *parts)
{
    double sum = 0;

    for (const struct row *r = rows; r; r = r->next) {
        bool good = true;

        for (const char *const *p = parts; *p; p++)
            good &= sv_has(r->key, sv_of(*p));
        sum += good ? counts ? r->count : r->sum : 0;
    }
    return sum;
}
#define SUM(...)   sum_of(false, (const char *const[]){ __VA_ARGS__, NULL })
#define COUNT(...) sum_of(true, (const char *const[]){ __VA_ARGS__, NULL })

static size_t n_rows(void)
{
    size_t n = 0;

    for (const struct row *r = rows; r; r = r->next)
        n++;
    return n;
}

static const char *filter(const char *type, const char *more)
{
    return format("filter=metric.type%%3D%%22%s%%22%s", type, more);
}
#define OPENAI " AND resource.labels.publisher%3Done_of(%22openai%22)"

#endif
