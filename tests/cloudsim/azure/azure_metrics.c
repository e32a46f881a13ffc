/*
 * metricDefinitions, metrics per resource, metrics:getBatch (azure.md 2.1, 2.2): parse and check the request, let
 * metric_data.c compute, write the answer. What bites collectors is kept: `top` of 10 that cuts silently, per-metric
 * errors inside a 200, an error body without wrapper, points without a value, dimension names in lower case.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/azure/azure.h"
#include "tests/cloudsim/azure/metric.h"
#include "tests/cloudsim/rng.h"

enum { METRICS_MAX = 20, BATCH_RESOURCES_MAX = 50, TOP_DEFAULT = 10, ARENA_BYTES = 1 << 30 };

struct metric_request {
    const struct metric_row *rows[METRICS_MAX];
    unsigned n_rows;
    struct filter filter;
    bool filtered, metadata_only, by_total;
    unsigned aggregations; /* 0: each metric's primary one */
    size_t top;
    sv interval;
    int64_t start, end, step;
    bool batch;
};

struct grain {
    const char *name;
    int64_t step;
};

/* clang-format off */
static const struct grain grains[] = {
    { "PT1M", NANO_PER_MIN },      { "PT5M", 5 * NANO_PER_MIN }, { "PT15M", 15 * NANO_PER_MIN }, { "PT30M", 30 * NANO_PER_MIN },
    { "PT1H", NANO_PER_H },        { "PT6H", 6 * NANO_PER_H },   { "PT12H", 12 * NANO_PER_H },   { "P1D", 24 * NANO_PER_H },
    { "FULL", 0 },
};
/* clang-format on */

/* The per-resource API tells errors without the error wrapper, the batch API with it. */
#define BAD(x, m, ...)                                                                                                 \
    ((m)->batch ? reply_error((x), 400, "BadRequest", __VA_ARGS__)                                                     \
                : reply_bare_error((x), 400, "BadRequest", __VA_ARGS__))

static bool parse_names(struct exchange *x, struct metric_request *m)
{
    sv rest = query_of(x, "metricnames"), space = query_of(x, "metricnamespace");

    if (space.len && !sv_eq_nocase(space, SV("Microsoft.CognitiveServices/accounts"))) {
        BAD(x, m, "Metric namespace %.*s is not supported for this resource type.", SV_ARG(space));
        return false;
    }
    if (!rest.len || (m->batch && !space.len)) {
        BAD(x, m, "The parameters metricnames and metricnamespace are required.");
        return false;
    }
    while (rest.len) {
        sv name = sv_trim(sv_cut(&rest, ','));
        const struct metric_row *row = metric_find(name);

        if (!row) {
            BAD(x, m,
                "Failed to find metric configuration for provider: Microsoft.CognitiveServices, resource Type: "
                "accounts, "
                "metric: %.*s, Valid metrics: AzureOpenAIRequests,ProcessedPromptTokens,GeneratedTokens",
                SV_ARG(name));
            return false;
        }
        if (m->n_rows == METRICS_MAX) {
            BAD(x, m, "Requested metrics count: more than %d bigger than allowed max: %d", METRICS_MAX, METRICS_MAX);
            return false;
        }
        m->rows[m->n_rows++] = row;
    }
    return true;
}

static bool parse_aggregations(struct exchange *x, struct metric_request *m)
{
    for (sv rest = query_of(x, "aggregation"); rest.len;) {
        sv name = sv_trim(sv_cut(&rest, ','));
        unsigned i = 0;

        while (i < AGG_KINDS && !sv_eq_nocase(name, sv_of(aggregation_names[i])))
            i++;
        if (i == AGG_KINDS) {
            BAD(x, m, "Invalid aggregation type: %.*s", SV_ARG(name));
            return false;
        }
        m->aggregations |= 1u << i;
    }
    return true;
}

/* "2026-11-20T10:00:00Z" to whole minutes, the start down and the end up. */
static bool parse_span(struct exchange *x, struct metric_request *m)
{
    sv rest = query_of(x, "timespan"), from = sv_cut(&rest, '/');
    enum { DAYS_MAX = 31 };

    if (m->batch) {
        from = query_of(x, "starttime");
        rest = query_of(x, "endtime");
        if (rest.len && !from.len) {
            BAD(x, m, "endtime needs starttime.");
            return false;
        }
    }
    m->end = x->now;
    m->start = x->now - NANO_PER_H;
    if ((from.len && !sv_to_time(from, &m->start)) || (rest.len && !sv_to_time(rest, &m->end)) || m->start >= m->end) {
        BAD(x, m, "Detected invalid time interval input: start and end must be ISO 8601 with start before end.");
        return false;
    }
    m->start -= m->start % NANO_PER_MIN;
    m->end += (NANO_PER_MIN - m->end % NANO_PER_MIN) % NANO_PER_MIN;
    if (m->end - m->start > DAYS_MAX * 24 * NANO_PER_H)
        m->start = m->end - DAYS_MAX * 24 * NANO_PER_H; /* silently */
    return true;
}

static bool parse_interval(struct exchange *x, struct metric_request *m)
{
    const struct grain *g = grains, *end = grains + sizeof grains / sizeof grains[0];
    sv text = query_of(x, "interval");

    m->interval = text.len ? text : SV("PT1M");
    while (g < end && !sv_eq_nocase(m->interval, sv_of(g->name)))
        g++;
    if (g == end || (g->step == NANO_PER_MIN && m->end - m->start > 7 * 24 * NANO_PER_H)) {
        BAD(x, m,
            "Commonly allowed time grains: 00:01:00,00:05:00,00:15:00,00:30:00,01:00:00,06:00:00,12:00:00 between "
            "metrics: %s, can not support requested time grain: %.*s please adjust your interval parameter to use one "
            "of "
            "the common grains, TraceId: {00000000-0000-0000-0000-0000000000c9}",
            m->rows[0]->name, SV_ARG(m->interval));
        return false;
    }
    m->step = g->step ? g->step : m->end - m->start;
    if (g->step > NANO_PER_MIN)
        m->start -= m->start % m->step;
    return true;
}

/* ---- filter: A eq 'x' or A eq 'y', and B eq '*' ---- */

static void skip_space(sv *s)
{
    while (s->len && isspace((unsigned char)s->at[0]))
        *s = sv_skip(*s, 1);
}

static bool take_word(sv *s, const char *word)
{
    sv w = sv_of(word);

    skip_space(s);
    if (!sv_starts_nocase(*s, w) ||
        (s->len > w.len && (isalnum((unsigned char)s->at[w.len]) && isalpha((unsigned char)word[0]))))
        return false;
    *s = sv_skip(*s, w.len);
    return true;
}

static sv take_name(sv *s)
{
    size_t n = 0;

    skip_space(s);
    while (n < s->len && (isalnum((unsigned char)s->at[n]) || s->at[n] == '_'))
        n++;
    *s = sv_skip(*s, n);
    return sv_make(s->at - n, n);
}

/* A quoted value; a quote inside is doubled. */
static bool take_value(struct arena *a, sv *s, sv *out)
{
    size_t n = 0;
    char *to;

    skip_space(s);
    if (!s->len || s->at[0] != '\'')
        return false;
    to = arena_alloc(a, s->len + 1);
    for (size_t i = 1; to && i < s->len; i++) {
        if (s->at[i] == '\'' && !(i + 1 < s->len && s->at[i + 1] == '\'')) {
            *out = sv_make(to, n);
            *s = sv_skip(*s, i + 1);
            return true;
        }
        i += s->at[i] == '\'';
        to[n++] = s->at[i];
    }
    return false;
}

static bool find_dimension(sv name, enum dimension *out)
{
    for (unsigned i = 0; i < DIMENSIONS; i++) {
        if (!sv_eq_nocase(name, sv_of(dimension_names[i])))
            continue;
        *out = (enum dimension)i;
        return true;
    }
    return false;
}

static bool take_comparison(struct exchange *x, sv *s, struct clause *c, bool first)
{
    sv name = take_name(s), value;
    enum dimension dim;

    if (!find_dimension(name, &dim) || (!first && dim != c->dim) || !take_word(s, "eq") ||
        !take_value(&x->arena, s, &value))
        return false;
    c->dim = dim;
    if (sv_eq(value, SV("*")))
        c->any = true;
    else if (c->n_values < sizeof c->values / sizeof c->values[0])
        c->values[c->n_values++] = value;
    else
        return false;
    return true;
}

static bool take_clause(struct exchange *x, sv *s, struct clause *c)
{
    bool open = take_word(s, "(");

    if (!take_comparison(x, s, c, true))
        return false;
    while (take_word(s, "or"))
        if (!take_comparison(x, s, c, false))
            return false;
    return !open || take_word(s, ")");
}

static bool parse_filter(struct exchange *x, struct metric_request *m)
{
    sv text = query_of(x, m->batch ? "filter" : "$filter"), rest = text, roll = query_of(x, "rollupby");
    bool lenient = sv_eq_nocase(query_of(x, "ValidateDimensions"), SV("false"));
    bool ok = true;

    skip_space(&rest);
    m->filtered = rest.len > 0;
    while (ok && rest.len) {
        ok = m->filter.n < 8 && take_clause(x, &rest, &m->filter.clauses[m->filter.n]);
        m->filter.n += ok;
        skip_space(&rest);
        if (ok && rest.len)
            ok = take_word(&rest, "and");
    }
    if (!ok) {
        BAD(x, m, "Invalid filter: %.*s", SV_ARG(text));
        return false;
    }
    while (roll.len) {
        sv name = sv_trim(sv_cut(&roll, ','));

        for (unsigned i = 0; i < m->filter.n; i++)
            m->filter.clauses[i].folded |= sv_eq_nocase(name, sv_of(dimension_names[m->filter.clauses[i].dim]));
    }
    for (unsigned r = 0; r < m->n_rows && !lenient; r++) {
        for (unsigned i = 0; i < m->filter.n; i++) {
            if (m->rows[r]->dimensions >> m->filter.clauses[i].dim & 1)
                continue;
            BAD(x, m, "Metric: %s does not support requested dimension combination: %s", m->rows[r]->name,
                dimension_names[m->filter.clauses[i].dim]);
            return false;
        }
    }
    return true;
}

static bool parse_request(struct exchange *x, struct metric_request *m)
{
    sv top = query_of(x, "top"), order = query_of(x, "orderby");
    uint64_t n = TOP_DEFAULT;

    if (top.len && !sv_to_u64(top, &n)) {
        BAD(x, m, "Invalid top: %.*s", SV_ARG(top));
        return false;
    }
    m->top = (size_t)n;
    m->by_total = order.len > 0;
    m->metadata_only = sv_eq_nocase(query_of(x, "resultType"), SV("Metadata"));
    return parse_names(x, m) && parse_aggregations(x, m) && parse_span(x, m) && parse_interval(x, m) &&
           parse_filter(x, m);
}

/* ---- answer ---- */

static void put_number(struct buf *b, double v)
{
    buf_f64(b, v);
    if (v == (double)(int64_t)v && v < 1e15 && v > -1e15)
        buf_put(b, SV(".0"));
}

static void put_point(struct buf *b, const struct point *p, unsigned aggregations)
{
    /* clang-format off */
    const double values[AGG_KINDS] = {
        p->sum, p->count ? p->sum / (double)p->count : 0, p->min, p->max, (double)p->count,
    };
    /* clang-format on */
    for (unsigned i = 0; i < AGG_KINDS; i++) {
        if (!(aggregations >> i & 1))
            continue;
        buf_printf(b, ",\"%s\":", aggregation_names[i]);
        put_number(b, values[i]);
    }
}

/* A minute without calls is sometimes a zero and sometimes a point with a time alone. */
static bool shown_as_zero(const struct metric_request *m, const struct series *s, const struct metric_row *row,
                          int64_t at, int64_t now)
{
    return row->aggregations == AGG_TOTAL && at + m->step + 2 * NANO_PER_MIN < now &&
           rng_name(s->key, (uint64_t)at) % 3 == 0;
}

static void put_points(struct exchange *x, const struct metric_request *m, const struct metric_row *row,
                       const struct series *s, size_t n_points, unsigned aggregations)
{
    struct buf *b = &x->r->body;
    const struct point zero = { .sum = 0 };

    buf_put(b, SV(",\"data\":["));
    for (size_t i = 0; i < n_points; i++) {
        int64_t at = m->start + (int64_t)i * m->step;

        buf_put(b, i ? SV(",{\"timeStamp\":\"") : SV("{\"timeStamp\":\""));
        buf_time(b, at, 0);
        buf_putc(b, '"');
        if (s->points[i].there)
            put_point(b, &s->points[i], aggregations);
        else if (shown_as_zero(m, s, row, at, x->now))
            put_point(b, &zero, aggregations);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void put_series(struct exchange *x, const struct metric_request *m, const struct metric_row *row,
                       const struct series *s, size_t n_points, unsigned aggregations)
{
    struct buf *b = &x->r->body;
    bool any = false;

    buf_put(b, SV("{\"metadatavalues\":["));
    for (unsigned i = 0; i < m->filter.n; i++) {
        const char *name = dimension_names[m->filter.clauses[i].dim];

        if (m->filter.clauses[i].folded)
            continue;
        buf_put(b, any ? SV(",{\"name\":{\"value\":\"") : SV("{\"name\":{\"value\":\""));
        for (unsigned twice = 0; twice < 2; twice++) {
            for (const char *c = name; *c; c++)
                buf_putc(b, (char)tolower((unsigned char)*c)); /* not as it was asked for */
            buf_put(b, twice ? SV("\"},\"value\":") : SV("\",\"localizedValue\":\""));
        }
        buf_json(b, s->values[i]);
        buf_putc(b, '}');
        any = true;
    }
    buf_putc(b, ']');
    if (!m->metadata_only)
        put_points(x, m, row, s, n_points, aggregations);
    buf_putc(b, '}');
}

static int by_order(const void *a, const void *b)
{
    double x = ((const struct series *)a)->order, y = ((const struct series *)b)->order;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* One metric of one resource. An aggregation that the metric lacks is an error of this metric inside the 200. */
static void put_metric(struct exchange *x, const struct metric_request *m, const struct account *a,
                       const struct metric_row *row, bool fails)
{
    unsigned aggregations = m->aggregations ? m->aggregations : row->aggregations & AGG_TOTAL ? AGG_TOTAL : AGG_AVERAGE;
    struct metric_query q = { .account = a, .filter = m->filter, .start = m->start, .end = m->end, .step = m->step };
    struct series_list list = { .at = NULL };
    bool unsupported = (aggregations & ~row->aggregations) != 0;
    struct buf *b = &x->r->body;

    q.n_points = (size_t)((m->end - m->start + m->step - 1) / m->step);
    q.now = x->now;
    buf_printf(
        b,
        "{\"id\":\"%.*s/providers/Microsoft.Insights/metrics/%s\",\"type\":\"Microsoft.Insights/metrics\",\"name\":"
        "{\"value\":\"%s\",\"localizedValue\":\"%s\"},\"displayDescription\":\"%s\",\"unit\":\"%s\",\"timeseries\":[",
        SV_ARG(a->id), row->name, row->name, row->title, row->title, row->unit);
    if (!unsupported && !fails && !metric_series(x->sim, &q, row, &x->arena, &list))
        b->failed = true;
    if (m->by_total && list.n > 1)
        qsort(list.at, list.n, sizeof *list.at, by_order);
    for (size_t i = 0; i < list.n && (!m->filtered || i < m->top); i++) {
        if (i)
            buf_putc(b, ',');
        put_series(x, m, row, &list.at[i], q.n_points, aggregations);
    }
    if (unsupported)
        buf_printf(b,
                   "],\"errorMessage\":\"Sampling type is not found. "
                   "Metric:CognitiveServices,AzureMonitor,%s.\",\"errorCode\":"
                   "\"InvalidSamplingType\"}",
                   row->name);
    else if (fails)
        buf_put(b, SV("],\"errorMessage\":\"Query was throttled.\",\"errorCode\":\"Throttled\"}"));
    else
        buf_put(b, SV("],\"errorCode\":\"Success\"}"));
}

static void put_metrics(struct exchange *x, const struct metric_request *m, const struct account *a)
{
    buf_put(&x->r->body, SV("\"value\":["));
    for (unsigned i = 0; i < m->n_rows; i++) {
        if (i)
            buf_putc(&x->r->body, ',');
        if (x->fault && !strcmp(x->fault, "wrong_metric") && i == 0) { /* another metric than asked for, and empty */
            struct metric_request none = *m;

            none.start = none.end - m->step;
            put_metric(x, &none, a, metric_find(SV("AudioPromptTokens")), false);
            continue;
        }
        put_metric(x, m, a, m->rows[i], x->fault && !strcmp(x->fault, "partial") && i == 0);
    }
    buf_printf(&x->r->body, "],\"namespace\":\"microsoft.cognitiveservices/accounts\",\"resourceregion\":\"%.*s\"",
               SV_ARG(a->location));
}

void azure_metrics(struct exchange *x)
{
    struct metric_request m = { .batch = false };
    const struct account *a = exchange_account(x, x->captures[1], x->captures[2]);
    struct buf *b;

    x->arena.limit_bytes = ARENA_BYTES;
    if (!a || !parse_request(x, &m))
        return;
    b = reply_json(x, 200);
    buf_printf(b, "{\"cost\":%lld,\"timespan\":\"", (long long)((m.end - m.start) / NANO_PER_MIN * m.n_rows));
    buf_time(b, m.start, 0);
    buf_putc(b, '/');
    buf_time(b, m.end, 0);
    buf_printf(b, "\",\"interval\":\"%.*s\",", SV_ARG(m.interval));
    put_metrics(x, &m, a);
    buf_putc(b, '}');
}

/* ---- batch ---- */

struct batch_ids {
    const struct account *at[BATCH_RESOURCES_MAX];
    unsigned n;
};

/* All of one subscription and one region, at most 50, each once. */
static bool batch_accounts(struct exchange *x, struct batch_ids *out)
{
    sv region = x->n_captures > 1 ? x->captures[0] : SV_NONE;
    json root, id;

    if (!exchange_json(x, &root) || json_type(json_get(root, SV("resourceids"))) != JSON_ARRAY) {
        reply_error(x, 400, "BadRequest", "The request body must contain the array resourceids.");
        return false;
    }
    for (struct json_iter it = json_items(json_get(root, SV("resourceids"))); json_item(&it, &id);) {
        const struct account *a = world_account(&azure_of(x->sim)->world, json_sv(id));
        const char *wrong = NULL;

        if (!a)
            wrong = "is not a known resource";
        else if (&azure_of(x->sim)->world.subs[a->sub] != azure_request(x)->sub)
            wrong = "is of another subscription";
        else if (out->n && !sv_eq(a->location, out->at[0]->location))
            wrong = "is of another region than the first";
        else if (region.len && !sv_ends_nocase(region, a->location))
            wrong = "is not served by this region's endpoint";
        for (unsigned i = 0; !wrong && i < out->n; i++)
            wrong = out->at[i] == a ? "stands twice" : NULL;
        if (!wrong && out->n == BATCH_RESOURCES_MAX)
            wrong = "is one too many: at most 50 resources";
        if (wrong) {
            reply_error(x, 400, "BadRequest", "Resource %.*s %s.", SV_ARG(json_sv(id)), wrong);
            return false;
        }
        out->at[out->n++] = a;
    }
    if (!out->n)
        reply_error(x, 400, "BadRequest", "resourceids is empty.");
    return out->n > 0;
}

void azure_metrics_batch(struct exchange *x)
{
    struct metric_request m = { .batch = true };
    struct batch_ids ids = { .n = 0 };
    struct buf *b;

    x->arena.limit_bytes = ARENA_BYTES;
    if (x->sim->options.switches[SW_GETBATCH]) {
        reply_error(x, 400, "BadRequest",
                    "Resource type microsoft.cognitiveservices/accounts is not enabled for batch metrics.");
        return;
    }
    if (!parse_request(x, &m) || !batch_accounts(x, &ids))
        return;
    b = reply_json(x, 200);
    buf_put(b, SV("{\"values\":["));
    for (unsigned i = 0; i < ids.n; i++) {
        buf_put(b, i ? SV(",{\"starttime\":\"") : SV("{\"starttime\":\""));
        buf_time(b, m.start, 3);
        buf_put(b, SV("\",\"endtime\":\""));
        buf_time(b, m.end, 3);
        buf_printf(b, "\",\"interval\":\"%.*s\",", SV_ARG(m.interval));
        put_metrics(x, &m, ids.at[i]);
        buf_printf(b, ",\"resourceid\":\"%.*s\"}", SV_ARG(ids.at[i]->id));
    }
    buf_put(b, SV("]}"));
}

/* ---- definitions ---- */

static void put_definition(struct buf *b, const struct account *a, const struct metric_row *row)
{
    static const char *const categories[] = { "Azure OpenAI - HTTP Requests", "Models - HTTP Requests",
                                              "ContentSafety - Risks&Safety", "Cognitive Services - HTTP Requests" };
    bool any = false;

    buf_printf(
        b,
        "{\"id\":\"%.*s/providers/Microsoft.Insights/metricdefinitions/%s\",\"resourceId\":\"%.*s\",\"namespace\":"
        "\"Microsoft.CognitiveServices/"
        "accounts\",\"category\":\"%s\",\"name\":{\"value\":\"%s\",\"localizedValue\":\"%s\"},"
        "\"isDimensionRequired\":false,\"unit\":\"%s\",\"primaryAggregationType\":\"%s\",\"supportedAggregationTypes\":"
        "[",
        SV_ARG(a->id), row->name, SV_ARG(a->id), categories[row->family], row->name, row->title, row->unit,
        row->aggregations & AGG_TOTAL ? "Total" : "Average");
    for (unsigned i = 0; i < AGG_KINDS; i++) {
        if (!(row->aggregations >> i & 1))
            continue;
        buf_printf(b, "%s\"%s\"", any ? "," : "", aggregation_titles[i]);
        any = true;
    }
    buf_put(b, SV("],\"metricAvailabilities\":["));
    for (size_t i = 0; grains[i].step; i++)
        buf_printf(b, "%s{\"timeGrain\":\"%s\",\"retention\":\"P93D\"}", i ? "," : "", grains[i].name);
    buf_put(b, SV("],\"dimensions\":["));
    any = false;
    for (unsigned i = 0; i < DIMENSIONS; i++) {
        if (!(row->dimensions >> i & 1))
            continue;
        buf_printf(b, "%s{\"value\":\"%s\",\"localizedValue\":\"%s\"}", any ? "," : "", dimension_names[i],
                   dimension_names[i]);
        any = true;
    }
    buf_put(b, SV("]}"));
}

void azure_definitions(struct exchange *x)
{
    const struct account *a = exchange_account(x, x->captures[1], x->captures[2]);
    struct buf *b;

    if (!a)
        return;
    b = reply_json(x, 200);
    buf_put(b, SV("{\"value\":["));
    for (unsigned i = 0; i < metric_rows_n; i++) {
        if (i)
            buf_putc(b, ',');
        put_definition(b, a, &metric_rows[i]);
    }
    buf_put(b, SV("]}"));
}
