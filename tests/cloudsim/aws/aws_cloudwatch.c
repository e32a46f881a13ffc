/*
 * CloudWatch: ListMetrics and GetMetricData. What is asked wrongly is refused; what does not exist, or exists only with
 * another dimension set, is an empty answer that says Complete, as in life.
 */
#include <ctype.h>
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/aws/aws_metric.h"
#include "tests/cloudsim/aws/aws_page.h"

enum {
    LIST_PAGE = 200, /* AWS says at most 500; so that one account has pages */
    QUERIES_MAX = 500,
    DATAPOINTS_MAX = 100800,
    PAGE_DATAPOINTS = 1000, /* smaller than AWS's, so that a test of an hour has pages */
    ID_BYTES_MAX = 255,
    EMPTY_ONE_IN = 12,
    DAY_MIN = 1440,
};

/* ---- dimensions ---- */

static bool read_dimensions(json list, struct aws_dimension out[AWS_DIMENSIONS_MAX], size_t *n)
{
    json item;

    *n = 0;
    for (struct json_iter it = json_items(list); json_item(&it, &item);) {
        if (*n == AWS_DIMENSIONS_MAX)
            return false;
        out[*n] = (struct aws_dimension){ json_sv(json_get(item, SV("Name"))), json_sv(json_get(item, SV("Value"))) };
        (*n)++;
    }
    return true;
}

static void put_dimensions(struct buf *b, const struct aws_series *s)
{
    struct aws_dimension dims[3];
    size_t n = aws_series_dimensions(s, dims);

    buf_put(b, SV("\"Dimensions\":["));
    for (size_t i = 0; i < n; i++) {
        buf_put(b, i ? SV(",{") : SV("{"));
        put_member(b, "Name", dims[i].name);
        buf_putc(b, ',');
        put_member(b, "Value", dims[i].value);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

/* ---- ListMetrics ---- */

struct list_filter {
    sv namespace_, metric;
    struct aws_dimension dims[AWS_DIMENSIONS_MAX];
    size_t n;
};

/* A metric needs at least the dimensions of the filter, with these values where it names one. */
static bool passes(const struct list_filter *f, const struct aws_series *s)
{
    struct aws_dimension has[3];
    size_t n = aws_series_dimensions(s, has);

    if (f->namespace_.len && !sv_eq(f->namespace_, sv_of(aws_namespaces[s->metric->plane])))
        return false;
    if (f->metric.len && !sv_eq(f->metric, sv_of(s->metric->name)))
        return false;
    for (size_t i = 0; i < f->n; i++) {
        bool found = false;

        for (size_t k = 0; k < n; k++)
            found |=
                sv_eq(has[k].name, f->dims[i].name) && (!f->dims[i].value.len || sv_eq(has[k].value, f->dims[i].value));
        if (!found)
            return false;
    }
    return true;
}

static void put_metric(struct buf *b, const struct aws_series *s)
{
    buf_put(b, SV("\n{"));
    put_member(b, "Namespace", sv_of(aws_namespaces[s->metric->plane]));
    buf_putc(b, ',');
    put_member(b, "MetricName", sv_of(s->metric->name));
    buf_putc(b, ',');
    put_dimensions(b, s);
    buf_putc(b, '}');
}

static void put_list_page(struct exchange *x, const struct list_filter *f, const struct aws_series_list *all,
                          struct page *page)
{
    struct buf *b = aws_reply(x);
    size_t matched = 0, put = 0;
    bool more = aws_page_empty(page, EMPTY_ONE_IN);

    buf_put(b, SV("{\"Metrics\":["));
    for (size_t i = 0; i < all->n && !more; i++) {
        if (!passes(f, &all->at[i]) || matched++ < page->at)
            continue;
        more = put == LIST_PAGE;
        if (more)
            break;
        if (put++)
            buf_putc(b, ',');
        put_metric(b, &all->at[i]);
    }
    buf_putc(b, ']');
    page->at += put;
    if (more) {
        buf_putc(b, ',');
        put_member(b, "NextToken", aws_page_token(x, page));
    }
    buf_putc(b, '}');
}

void aws_list_metrics(struct exchange *x)
{
    const struct aws_place *place =
        aws_place_find(&aws_of(x->sim)->world, aws_request(x)->account, aws_request(x)->region);
    sv recent = json_sv(json_get(aws_request(x)->body, SV("RecentlyActive")));
    struct aws_series_list all = { .n = 0 };
    struct list_filter f = { .namespace_ = json_sv(json_get(aws_request(x)->body, SV("Namespace"))),
                             .metric = json_sv(json_get(aws_request(x)->body, SV("MetricName"))) };
    struct page page;

    if (recent.len && !sv_eq(recent, SV("PT3H")))
        aws_refuse(x, "InvalidParameterValueException", "The value %.*s for parameter RecentlyActive is not supported.",
                   SV_ARG(recent));
    else if (!read_dimensions(json_get(aws_request(x)->body, SV("Dimensions")), f.dims, &f.n) || f.n > 10)
        aws_refuse(x, "InvalidParameterValueException", "The parameter Dimensions has more than 10 members.");
    else if (!aws_page_read(x, "NextToken", &page))
        aws_refuse(x, "InvalidParameterValueException", "Invalid nextToken");
    else if (place && !aws_listing_find(x->sim, place, page.now, recent.len > 0, &x->arena, &all))
        aws_refuse(x, "InternalServiceFault", "out of memory");
    else
        put_list_page(x, &f, &all, &page);
}

/* ---- GetMetricData: the request ---- */

struct query {
    sv id, label, stat, unit;
    bool there, returned; /* there: the series exists */
    struct aws_series series;
    int64_t period_s;
    uint64_t price_group; /* hash of (namespace, metric, dimensions, period) */
    bool forbidden;
};
struct data_request {
    int64_t first, last; /* minutes [first, last) */
    bool ascending;
    uint64_t datapoints_max;
    struct query *at;
    size_t n;
};

static bool id_is_good(sv id)
{
    bool good = id.len > 0 && id.len <= ID_BYTES_MAX && islower((unsigned char)id.at[0]);

    for (size_t i = 0; good && i < id.len; i++)
        good = isalnum((unsigned char)id.at[i]) || id.at[i] == '_';
    return good;
}

static bool read_query(struct exchange *x, const struct aws_place *place, json item, size_t number, struct query *q)
{
    json stat = json_get(item, SV("MetricStat")), metric = json_get(stat, SV("Metric"));
    struct aws_dimension dims[AWS_DIMENSIONS_MAX];
    sv namespace_ = json_sv(json_get(metric, SV("Namespace"))), name = json_sv(json_get(metric, SV("MetricName")));
    sv account = json_sv(json_get(item, SV("AccountId")));
    size_t n;

    *q = (struct query){ .id = json_sv(json_get(item, SV("Id"))),
                         .label = json_sv(json_get(item, SV("Label"))),
                         .stat = json_sv(json_get(stat, SV("Stat"))),
                         .unit = json_sv(json_get(stat, SV("Unit"))),
                         .returned = true };
    json_bool(json_get(item, SV("ReturnData")), &q->returned);
    if (!id_is_good(q->id)) {
        aws_refuse(x, "ValidationError",
                   "The value %.*s for parameter MetricDataQueries.member.%zu.Id is not matching the expected pattern "
                   "^[a-z][A-Za-z0-9_]*$.",
                   SV_ARG(q->id), number);
        return false;
    }
    if (json_is_absent(stat)) {
        aws_refuse(x, "ValidationError", "Error in expression '%.*s': this simulation knows MetricStat alone.",
                   SV_ARG(q->id));
        return false;
    }
    if (!json_i64(json_get(stat, SV("Period")), &q->period_s) || q->period_s < 1 ||
        (q->period_s % 60 != 0 && q->period_s != 1 && q->period_s != 5 && q->period_s != 10 && q->period_s != 30)) {
        aws_refuse(x, "ValidationError",
                   "Invalid value for parameter MetricDataQueries.member.%zu.MetricStat.Period: must be 1, 5, 10, 30, "
                   "or any multiple of 60.",
                   number);
        return false;
    }
    if (!name.len || !namespace_.len || !aws_statistic_known(q->stat)) {
        aws_refuse(x, "ValidationError",
                   "The value %.*s for parameter MetricDataQueries.member.%zu.MetricStat.Stat is not valid.",
                   SV_ARG(q->stat), number);
        return false;
    }
    if (!read_dimensions(json_get(metric, SV("Dimensions")), dims, &n)) {
        aws_refuse(x, "ValidationError", "The parameter Dimensions has more than 30 members.");
        return false;
    }
    q->forbidden = account.len && !sv_eq(account, aws_request(x)->account->id);
    q->there = aws_series_find(x->sim, place, namespace_, name, dims, n, &q->series) && !q->forbidden;
    q->there = q->there && (!q->unit.len || sv_eq(q->unit, sv_of(q->series.metric->unit)));
    q->price_group = hash_u64(hash_part(hash64(namespace_), name), (uint64_t)q->period_s);
    for (size_t i = 0; i < n; i++) {
        uint64_t pair = hash_part(hash64(dims[i].name), dims[i].value);

        q->price_group += pair; /* whatever their order */
    }
    if (!q->label.len)
        q->label = n ? arena_printf(&x->arena, "%.*s %.*s", SV_ARG(dims[0].value), SV_ARG(name)) : name;
    return true;
}

static bool read_queries(struct exchange *x, struct data_request *r)
{
    const struct aws_place *place =
        aws_place_find(&aws_of(x->sim)->world, aws_request(x)->account, aws_request(x)->region);
    json list = json_get(aws_request(x)->body, SV("MetricDataQueries")), item;
    size_t n = json_count(list);

    if (n == 0 || n > QUERIES_MAX) {
        aws_refuse(
            x, "ValidationError",
            "The collection MetricDataQueries must have a size greater than or equal to 1 and less than or equal "
            "to %d.",
            QUERIES_MAX);
        return false;
    }
    r->at = ARENA_ARRAY(&x->arena, struct query, n);
    if (!r->at) {
        aws_refuse(x, "InternalServiceFault", "out of memory");
        return false;
    }
    for (struct json_iter it = json_items(list); json_item(&it, &item);) {
        if (!read_query(x, place, item, r->n + 1, &r->at[r->n]))
            return false;
        for (size_t i = 0; i < r->n; i++) {
            if (!sv_eq(r->at[i].id, r->at[r->n].id))
                continue;
            aws_refuse(x, "ValidationError", "The values for parameter id in MetricDataQueries are not unique.");
            return false;
        }
        r->n++;
    }
    return true;
}

static bool read_times(struct exchange *x, struct data_request *r)
{
    sv order = json_sv(json_get(aws_request(x)->body, SV("ScanBy")));
    double start, end, max = DATAPOINTS_MAX;

    r->ascending = sv_eq(order, SV("TimestampAscending"));
    if (order.len && !r->ascending && !sv_eq(order, SV("TimestampDescending"))) {
        aws_refuse(x, "ValidationError", "The value %.*s for parameter ScanBy is not valid.", SV_ARG(order));
        return false;
    }
    if (!json_f64(json_get(aws_request(x)->body, SV("StartTime")), &start) ||
        !json_f64(json_get(aws_request(x)->body, SV("EndTime")), &end)) {
        aws_refuse(x, "ValidationError", "The parameters StartTime and EndTime must be present.");
        return false;
    }
    if (!(start < end) || start < 0 || end > 9e9) {
        aws_refuse(x, "ValidationError", "The parameter StartTime must be less than the parameter EndTime.");
        return false;
    }
    json_f64(json_get(aws_request(x)->body, SV("MaxDatapoints")), &max);
    if (!(max >= 1 && max <= DATAPOINTS_MAX)) {
        aws_refuse(x, "ValidationError", "The parameter MaxDatapoints must be between 1 and %d.", DATAPOINTS_MAX);
        return false;
    }
    r->datapoints_max = max < PAGE_DATAPOINTS ? (uint64_t)max : PAGE_DATAPOINTS;
    r->first = (int64_t)start / 60; /* rounded down; the end is not included */
    r->last = ((int64_t)end + ((double)(int64_t)end < end) + 59) / 60;
    return true;
}

/* One to five statistics of one metric are one metric requested, or each entry is: assumptions of a switch. */
static uint64_t metrics_requested(const struct sim *s, const struct data_request *r)
{
    uint64_t sum = 0;

    if (s->options.switches[SW_PRICE])
        return r->n;
    for (size_t i = 0; i < r->n; i++) {
        unsigned before = 0;

        for (size_t k = 0; k < i; k++)
            before += r->at[k].price_group == r->at[i].price_group;
        sum += before % 5 == 0;
    }
    return sum;
}

/* ---- GetMetricData: the answer ---- */

/* Minutes of a period as old as `start` that CloudWatch still has: 60 s for 15 days, 300 s for 63, then hours. */
static bool period_is_kept(int64_t period_s, int64_t start_minute, int64_t now)
{
    int64_t age = now / NANO_PER_MIN - start_minute;
    int64_t unit = age <= 15 * DAY_MIN ? 60 : age <= 63 * DAY_MIN ? 300 : 3600;

    return period_s % unit == 0 && age <= 455 * DAY_MIN;
}

struct points {
    double *values;
    int64_t *times; /* seconds */
    size_t n;
};

/* All datapoints of a query in time order. */
static bool compute(struct exchange *x, const struct data_request *r, const struct query *q, int64_t now,
                    struct points *out)
{
    int64_t step = q->period_s / 60, first;
    struct aws_values v = { .at = NULL };
    size_t cap;

    *out = (struct points){ .n = 0 };
    if (!q->there || step == 0 || !period_is_kept(q->period_s, r->first, now))
        return true;
    first = r->first / step * step;
    cap = r->last > first ? (size_t)((r->last - first) / step + 1) : 1;
    if (cap > DATAPOINTS_MAX)
        cap = DATAPOINTS_MAX;
    out->values = ARENA_ARRAY(&x->arena, double, cap);
    out->times = ARENA_ARRAY(&x->arena, int64_t, cap);
    if (!out->values || !out->times)
        return false;
    for (int64_t t = first; t < r->last && out->n < cap; t += step) {
        v.n = 0;
        for (int64_t m = t; m < t + step; m++)
            aws_series_samples(x->sim, &q->series, m, now, &v);
        if (!v.n)
            continue;
        out->times[out->n] = t * 60;
        if (aws_statistic(q->stat, &v, &out->values[out->n]))
            out->n++;
    }
    aws_values_done(&v);
    return !v.failed;
}

/* Points [from, from + n) of the order asked for. */
static void put_points(struct buf *b, const struct data_request *r, const struct points *p, size_t from, size_t n)
{
    buf_put(b, SV(",\"Timestamps\":["));
    for (size_t i = from; i < from + n; i++) {
        size_t k = r->ascending ? i : p->n - 1 - i;

        if (i > from)
            buf_putc(b, ',');
        if (k % 7 == 3) /* numbers may have an exponent */
            buf_printf(b, "%lld.%09lldE9", (long long)(p->times[k] / 1000000000),
                       (long long)(p->times[k] % 1000000000));
        else
            buf_i64(b, p->times[k]);
    }
    buf_put(b, SV("],\"Values\":["));
    for (size_t i = from; i < from + n; i++) {
        double v = p->values[r->ascending ? i : p->n - 1 - i];

        if (i > from)
            buf_putc(b, ',');
        if (v == (double)(int64_t)v) /* a double, also when it is whole */
            buf_printf(b, "%lld.0", (long long)v);
        else
            buf_f64(b, v);
    }
    buf_putc(b, ']');
}

static void put_result(struct buf *b, const struct data_request *r, const struct query *q, const struct points *p,
                       size_t from, size_t n, const char *status)
{
    buf_put(b, SV("\n{"));
    put_member(b, "Id", q->id);
    buf_putc(b, ',');
    put_member(b, "Label", q->label);
    put_points(b, r, p, from, n);
    buf_putc(b, ',');
    put_member(b, "StatusCode", sv_of(status));
    if (q->forbidden)
        buf_put(b, SV(",\"Messages\":[{\"Code\":\"Forbidden\",\"Value\":\"Authentication too complex to retrieve "
                      "cross account data\"}]"));
    buf_putc(b, '}');
}

static const char *status_of(const struct query *q, bool more)
{
    return q->forbidden ? "Forbidden" : more ? "PartialData" : "Complete";
}

/* Writes results from (page->at, page->within) on until the page is full; true when something is left. */
static bool put_results(struct exchange *x, struct buf *b, const struct data_request *r, struct page *page)
{
    uint64_t room = r->datapoints_max;
    bool any = false;

    for (; page->at < r->n; page->at++, page->within = 0) {
        const struct query *q = &r->at[page->at];
        size_t from = (size_t)page->within, n;
        struct points p;

        if (!q->returned)
            continue;
        if (!compute(x, r, q, page->now, &p)) {
            b->failed = true;
            return false;
        }
        from = from < p.n ? from : p.n;
        n = p.n - from < room ? p.n - from : (size_t)room;
        if (room == 0 && p.n > from)
            return true;
        if (any)
            buf_putc(b, ',');
        any = true;
        if (x->fault && !strcmp(x->fault, "partial") && page->at % 3 == 0) {
            put_result(b, r, q, &p, from, 0, "InternalError"); /* the others are fine */
            continue;
        }
        put_result(b, r, q, &p, from, n, status_of(q, from + n < p.n));
        room -= n;
        if (from + n < p.n) {
            page->within = from + n;
            return true;
        }
    }
    return false;
}

void aws_get_metric_data(struct exchange *x)
{
    struct data_request r = { .n = 0 };
    struct page page;
    struct buf *b;
    bool more;

    if (!read_times(x, &r) || !read_queries(x, &r))
        return;
    if (!aws_page_read(x, "NextToken", &page)) {
        aws_refuse(x, "InvalidNextToken", "The next token specified is invalid.");
        return;
    }
    x->units = metrics_requested(x->sim, &r);
    b = aws_reply(x);
    buf_put(b, SV("{\"Messages\":[],\"MetricDataResults\":["));
    more = aws_page_empty(&page, EMPTY_ONE_IN) || put_results(x, b, &r, &page);
    buf_putc(b, ']');
    if (more) {
        buf_putc(b, ',');
        put_member(b, "NextToken", aws_page_token(x, &page));
    }
    buf_putc(b, '}');
    if (b->failed)
        aws_refuse(x, "InternalServiceFault", "out of memory");
}
