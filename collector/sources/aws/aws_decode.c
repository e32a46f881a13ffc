/*
 * Answers of CloudWatch: which series there are, and their periods (minutes, of a control read hours) as measures.
 *
 * GetMetricData answers one statistic an entry, over several pages, and the same Id may come again with more minutes. So
 * an answer is gathered first, in a grid of series, periods and statistics, and becomes measures when it is whole: every
 * entry there and Complete. Nothing of an answer that is not whole is told, since a missing entry would look like
 * silence. A minute without a datapoint is no value and no zero.
 *
 * Quirks (aws.md 2.1, 2.3): timestamps are seconds with or without fraction or exponent; "NaN" and "Infinity" come as
 * strings; a wrong dimension set is an empty, successful result.
 */
#include <math.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/model/key.h"
#include "collector/sources/aws/aws.h"

#define SECONDS_MAX 9e9 /* nanoseconds of it still fit */

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "no room for the answer");
}

/* ---- ListMetrics ---- */

/* The values of exactly this metric's level; false: another level. */
static bool read_level(const struct aws_metric *m, json dimensions, sv value[AWS_LEVEL_MAX])
{
    unsigned seen = 0;
    json d;

    for (unsigned i = 0; i < AWS_LEVEL_MAX; i++)
        value[i] = SV_NONE;
    for (struct json_iter it = json_items(dimensions); json_item(&it, &d);)
        for (unsigned i = 0; i < AWS_LEVEL_MAX && m->level[i]; i++)
            if (sv_eq(json_sv(json_get(d, SV("Name"))), sv_of(m->level[i])) && value[i].len == 0) {
                value[i] = json_sv(json_get(d, SV("Value")));
                seen += value[i].len > 0;
            }
    return seen == aws_level(m);
}

static uint64_t series_hash_of(const struct aws_series *s)
{
    const struct aws_metric *m = &aws_metrics[s->metric];
    uint64_t h = hash_part(hash64(sv_of(m->ns)), sv_of(m->name));

    for (unsigned i = 0; i < AWS_LEVEL_MAX; i++)
        h = hash_part(h, s->value[i]);
    return h;
}

static enum err_code read_metric(json v, struct items *items, struct err *e)
{
    json dimensions = json_get(v, SV("Dimensions"));
    int row = aws_metric_find(json_sv(json_get(v, SV("Namespace"))), json_sv(json_get(v, SV("MetricName"))),
                              (unsigned)json_count(dimensions));
    sv value[AWS_LEVEL_MAX];
    struct aws_series *s;

    if (row < 0 || !read_level(&aws_metrics[row], dimensions, value))
        return ERR_OK;
    s = item_add(items, sizeof *s);
    if (!s)
        return full(e);
    s->metric = (uint16_t)row;
    for (unsigned i = 0; i < AWS_LEVEL_MAX; i++) {
        s->value[i] = arena_copy(items->arena, value[i]);
        if (!s->value[i].at)
            return full(e);
    }
    s->hash = series_hash_of(s);
    return ERR_OK;
}

enum err_code aws_decode_list_metrics(json root, struct items *items, sv *next, struct err *e)
{
    json metrics = json_get(root, SV("Metrics")), v;
    bool ok = true;

    if (json_type(metrics) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no array \"Metrics\"");
    for (struct json_iter it = json_items(metrics); json_item(&it, &v);)
        if (read_metric(v, items, e))
            return ERR_LIMIT;
    *next = item_text(items, json_get(root, SV("NextToken")), &ok);
    return ok ? ERR_OK : full(e);
}

/* ---- GetMetricData: the grid ---- */

enum err_code aws_answer_init(struct aws_answer *a, struct arena *arena, const struct aws_query *q, struct err *e)
{
    size_t cells;

    *a = (struct aws_answer){ .q = q, .arena = arena };
    a->periods = (size_t)((q->to_unix_nano - q->from_unix_nano) / aws_period_nano(q->asking));
    cells = q->n_series * a->periods * AWS_STATS;
    a->cells = ARENA_ARRAY(arena, double, cells + 1);
    a->entries = ARENA_ARRAY(arena, struct aws_entry, q->n_series * AWS_STATS + 1);
    if (!a->cells || !a->entries)
        return err_set(e, ERR_LIMIT, "no room for %zu periods of %zu series", a->periods, q->n_series);
    for (size_t i = 0; i < cells; i++)
        a->cells[i] = NAN;
    for (size_t i = 0; i < q->n_series; i++)
        for (unsigned s = 0; s < AWS_STATS; s++)
            if (aws_stats(&aws_metrics[q->series[i]->metric], q->asking) & AWS_STAT_BIT(s))
                a->entries[a->n_entries++] = (struct aws_entry){ (uint32_t)i, (uint8_t)s, AWS_ENTRY_MISSING };
    return ERR_OK;
}

static double *cell(const struct aws_answer *a, size_t series, size_t period, unsigned stat)
{
    return &a->cells[(series * a->periods + period) * AWS_STATS + stat];
}

static void read_point(struct aws_answer *a, size_t series, enum aws_stat stat, json time, json value)
{
    const struct aws_query *q = a->q;
    double seconds, v;
    int64_t at, period = aws_period_nano(q->asking);

    if (!json_f64(time, &seconds) || !(seconds > 0 && seconds < SECONDS_MAX)) {
        a->rejected[REASON_MALFORMED]++;
        return;
    }
    at = llround(seconds) * NANO_PER_S;
    a->off_grid |= (at - q->from_unix_nano) % period != 0;
    if (at < q->from_unix_nano || at >= q->to_unix_nano || (at - q->from_unix_nano) % period) {
        a->rejected[REASON_OUT_OF_RANGE]++;
        return;
    }
    if (!json_f64(value, &v) || !isfinite(v)) {
        a->rejected[REASON_NO_VALUE]++;
        return;
    }
    if (v < 0) {
        a->rejected[REASON_OUT_OF_RANGE]++;
        return;
    }
    *cell(a, series, (size_t)((at - q->from_unix_nano) / period), stat) = v;
}

/* clang-format off */
static const struct { const char *name; enum aws_entry_state state; } statuses[] = {
    { "Complete", AWS_ENTRY_COMPLETE }, { "PartialData", AWS_ENTRY_PARTIAL },
    { "InternalError", AWS_ENTRY_FAILED }, { "Forbidden", AWS_ENTRY_FORBIDDEN },
};
/* clang-format on */

static enum aws_entry_state state_of(sv status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (sv_eq(status, sv_of(statuses[i].name)))
            return statuses[i].state;
    return AWS_ENTRY_FAILED;
}

/* The entry that an Id names, "m17"; NULL: it was not asked for. */
static struct aws_entry *entry_of(const struct aws_answer *a, sv id)
{
    uint64_t n;

    return sv_starts(id, SV("m")) && sv_to_u64(sv_skip(id, 1), &n) && n < a->n_entries ? &a->entries[n] : NULL;
}

static enum err_code read_result(struct aws_answer *a, json result, struct err *e)
{
    json times = json_get(result, SV("Timestamps")), values = json_get(result, SV("Values")), t, v;
    sv id = json_sv(json_get(result, SV("Id")));
    struct json_iter it = json_items(times), iv = json_items(values);
    struct aws_entry *entry = entry_of(a, id);

    if (!entry)
        return err_set(e, ERR_PARSE, "an answer for Id %.*s, which was not asked for", SV_ARG(sv_first(id, 32)));
    if (json_count(times) != json_count(values))
        return err_set(e, ERR_PARSE, "Id %.*s: %zu timestamps, %zu values", SV_ARG(id), json_count(times),
                       json_count(values));
    entry->state = (uint8_t)state_of(json_sv(json_get(result, SV("StatusCode"))));
    while (json_item(&it, &t) && json_item(&iv, &v))
        read_point(a, entry->series, (enum aws_stat)entry->stat, t, v);
    return ERR_OK;
}

enum err_code aws_decode_metric_data(json root, struct aws_answer *a, sv *next, struct err *e)
{
    json results = json_get(root, SV("MetricDataResults")), v;
    sv token = arena_copy(a->arena, json_sv(json_get(root, SV("NextToken"))));

    if (json_type(results) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no array \"MetricDataResults\"");
    for (struct json_iter it = json_items(results); json_item(&it, &v);) {
        enum err_code code = read_result(a, v, e);

        if (code)
            return code;
    }
    if (!token.at)
        return full(e);
    *next = token;
    return ERR_OK;
}

/* clang-format off */
static const struct { enum err_code code; const char *text; } verdicts[] = {
    [AWS_ENTRY_MISSING]   = { ERR_RETRY,   "the answer lacks it" },
    [AWS_ENTRY_COMPLETE]  = { ERR_OK,      "" },
    [AWS_ENTRY_PARTIAL]   = { ERR_PARTIAL, "only a part came" },
    [AWS_ENTRY_FAILED]    = { ERR_RETRY,   "InternalError" },
    [AWS_ENTRY_FORBIDDEN] = { ERR_DENIED,  "Forbidden: allow cloudwatch:GetMetricData" },
};
/* clang-format on */

enum err_code aws_answer_whole(const struct aws_answer *a, struct err *e)
{
    if (a->q->asking == AWS_CONTROL && a->off_grid)
        return err_set(e, ERR_PARSE, "datapoints between the hours that were asked for");
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct aws_entry *x = &a->entries[i];
        const struct aws_series *s = a->q->series[x->series];

        if (x->state != AWS_ENTRY_COMPLETE)
            return err_set(e, verdicts[x->state].code, "%s %s of %.*s: %s", aws_metrics[s->metric].name,
                           aws_stat_names[x->stat], SV_ARG(sv_first(s->value[0], 80)), verdicts[x->state].text);
    }
    return ERR_OK;
}

/* ---- GetMetricData: measures ---- */

/* Its dimensions, and what is made of them. */
static bool identify(struct batch *b, const struct aws_series *s, struct measure *m)
{
    const struct aws_metric *metric = &aws_metrics[s->metric];
    struct key_value *dims = ARENA_ARRAY(b->arena, struct key_value, AWS_LEVEL_MAX);

    for (unsigned i = 0; dims && i < aws_level(metric); i++) {
        dims[i] = (struct key_value){ batch_sym(b, sv_of(metric->level[i])), arena_copy(b->arena, s->value[i]) };
        if (!dims[i].value.at)
            return false;
    }
    m->dimensions = dims;
    m->n_dimensions = aws_level(metric);
    if (dims)
        m->series = key_series(b, metric->platform, batch_sv(b, b->origin.resource_id), sv_of(metric->name), dims,
                               m->n_dimensions);
    return dims != NULL;
}

static struct batch *batch_of(const struct aws_series *s, const struct aws_metric_context *c, struct frame *out)
{
    struct aws_name name = aws_series_name(s);
    struct aws_origin o = { name.platform, c->account, c->region, name.project };

    return aws_batch_of(out, &o, c->source, c->observed_unix_nano);
}

uint64_t aws_series_key(const struct aws_series *s, const struct aws_metric_context *c, struct frame *scratch)
{
    struct batch *b = batch_of(s, c, scratch);
    struct measure m = { 0 };

    return b && identify(b, s, &m) ? m.series : 0;
}

/* Labels of a series as a pattern of its periods. */
static enum err_code label(const struct aws_series *s, const struct aws_metric_context *c, struct batch *b,
                           struct measure *m, struct err *e)
{
    const struct aws_metric *metric = &aws_metrics[s->metric];
    bool mantle = metric->platform == PLATFORM_BEDROCK_MANTLE;
    struct aws_model model;
    enum err_code code = aws_model_of(mantle ? NULL : c->profiles, aws_series_name(s).model_id, b->arena, &model, e);

    if (code || !identify(b, s, m))
        return code ? code : full(e);
    m->name = batch_sym(b, sv_of(metric->name));
    m->family = aws_is_read_two_ways(metric) ? batch_sym(b, sv_of(aws_invocations_names[c->invocations])) : 0;
    m->deployment = mantle ? 0 : batch_sym(b, model.deployment);
    m->model = batch_sym(b, model.model);
    m->unit = metric->stats & AWS_STAT_BIT(AWS_COUNT) ? batch_sym(b, SV("ms")) : 0;
    return ERR_OK;
}

/* Figures of one period; false when there are none. */
static bool figures(const double *at, const struct aws_metric *metric, struct measure *m)
{
    bool any = false;

    for (unsigned s = 0; s < AWS_STATS; s++)
        any = any || !isnan(at[s]);
    if (metric->stats & AWS_STAT_BIT(AWS_COUNT)) {
        m->kind = MEASURE_SUMMARY;
        m->value = NAN;
        m->sum = at[AWS_SUM];
        m->count = at[AWS_COUNT];
        m->p50 = at[AWS_P50];
        m->p95 = at[AWS_P95];
        m->p99 = at[AWS_P99];
        m->max = at[AWS_MAX];
    } else {
        m->kind = MEASURE_COUNT;
        m->value = at[AWS_SUM];
    }
    return any;
}

static enum err_code emit_series(const struct aws_answer *a, size_t i, const struct aws_metric_context *c,
                                 struct frame *out, struct err *e)
{
    const struct aws_series *s = a->q->series[i];
    const struct aws_metric *metric = &aws_metrics[s->metric];
    struct measure pattern = {
        .value = NAN, .sum = NAN, .count = NAN, .min = NAN, .max = NAN, .p50 = NAN, .p95 = NAN, .p99 = NAN
    };
    struct batch *b = NULL;

    for (size_t period = 0; period < a->periods; period++) {
        struct measure *m;

        if (!figures(cell(a, i, period, 0), metric, &pattern))
            continue;
        if (!b) {
            enum err_code code;

            b = batch_of(s, c, out);
            code = b ? label(s, c, b, &pattern, e) : full(e);
            if (code)
                return code;
        }
        m = batch_add_measure(b);
        if (!m)
            return full(e);
        *m = pattern;
        m->start_unix_nano = a->q->from_unix_nano + (int64_t)period * aws_period_nano(a->q->asking);
        m->end_unix_nano = m->start_unix_nano + aws_period_nano(a->q->asking);
        m->key = key_measure(m->series, m->start_unix_nano);
        out->tally.received++;
    }
    return ERR_OK;
}

enum err_code aws_emit_answer(const struct aws_answer *a, const struct aws_metric_context *c, struct frame *out,
                              struct err *e)
{
    for (size_t i = 0; i < a->q->n_series; i++) {
        enum err_code code = emit_series(a, i, c, out, e);

        if (code)
            return code;
    }
    for (int r = 0; r < REASONS; r++) {
        out->tally.received += a->rejected[r];
        out->tally.rejected[r] += a->rejected[r];
    }
    return ERR_OK;
}
