/*
 * Metric answers of both APIs as measures.
 *
 * One walk serves metrics list ({value:[metric]}) and metrics:getBatch ({values:[{resourceid, value:[metric]}]}). Each
 * (resource, metric) is judged on its own as a cell: missing (getBatch has been seen to answer another metric than
 * asked for), failed (HTTP 200 carries errorCode per metric), truncated (as many series as `top` allows: the rest was
 * lost silently), or whole. Only whole cells append anything, so that a failed metric can never look like zero; the
 * caller asks again for the others.
 *
 * A point with only timeStamp is no value and no zero; 0.0 is a value. Dimension names come back in lower case.
 * "__Empty" is Azure's word for "no value". Averages are kept as the cloud states them; with `count` they become a sum
 * and a count.
 */
#include <math.h>

#include "collector/base/clock.h"
#include "collector/model/canonical.h"
#include "collector/model/key.h"
#include "collector/model/region.h"
#include "collector/sources/azure/azure.h"

enum { DIMENSIONS_MAX = 16 };

/* Dimensions that become labels. */
enum dimension { DIM_DEPLOYMENT, DIM_MODEL, DIM_VERSION, DIM_OPERATION, DIM_STATUS, DIM_TIER, DIM_CATEGORY, DIMS };
static const char *const dimension_names[DIMS] = {
    [DIM_DEPLOYMENT] = "ModelDeploymentName",
    [DIM_MODEL] = "ModelName",
    [DIM_VERSION] = "ModelVersion",
    [DIM_OPERATION] = "OperationName",
    [DIM_STATUS] = "StatusCode",
    [DIM_TIER] = "ServiceTierResponse",
    [DIM_CATEGORY] = "Category",
};

/* One metric of one resource while it is walked. */
struct walk {
    const struct azure_metric_context *c;
    struct frame *out;
    sv resource_id; /* lower case */
    sv metric;
    const struct azure_group *group; /* NULL: a metric that we do not read ourselves */
    int64_t interval_ms;
    struct batch *batch;
};

struct series {
    sv at[DIMS];
    struct key_value *dimensions;
    size_t n_dimensions;
    uint64_t key;
};

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "no room for the answer's records");
}

int64_t azure_parse_duration(sv s)
{
    static const struct {
        char unit;
        bool time;
        int64_t ms;
    } units[] = { { 'D', false, 86400000 }, { 'H', true, 3600000 }, { 'M', true, 60000 }, { 'S', true, 1000 } };
    int64_t total = 0, n = 0;
    bool time = false, digits = false;

    if (s.len < 3 || s.at[0] != 'P')
        return 0;
    for (size_t i = 1; i < s.len; i++) {
        size_t u = 0;

        if (s.at[i] == 'T' && !time && !digits) {
            time = true;
            continue;
        }
        if (s.at[i] >= '0' && s.at[i] <= '9') {
            n = n * 10 + (s.at[i] - '0');
            digits = true;
            if (n > 100000)
                return 0;
            continue;
        }
        while (u < 4 && (units[u].unit != s.at[i] || units[u].time != time))
            u++;
        if (u == 4 || !digits)
            return 0;
        total += n * units[u].ms;
        n = 0;
        digits = false;
    }
    return digits ? 0 : total;
}

/* ---- names and ids ---- */

/* The resource in ".../accounts/NAME/providers/Microsoft.Insights/metrics/NAME". */
static sv resource_of_metric(sv id)
{
    static const char marker[] = "/providers/Microsoft.Insights/metrics/";

    for (size_t i = 0; i + sizeof marker <= id.len; i++)
        if (sv_starts_nocase(sv_skip(id, i), SV("/providers/Microsoft.Insights/metrics/")))
            return sv_first(id, i);
    return SV_NONE;
}

static sv last_segment(sv path)
{
    size_t slash = sv_find_last(path, '/');

    return slash < path.len ? sv_skip(path, slash + 1) : path;
}

static sv metric_name(json metric)
{
    sv name = json_sv(json_path(metric, "name/value"));

    return name.len ? name : last_segment(json_sv(json_get(metric, SV("id"))));
}

static sv not_empty(sv value)
{
    return sv_eq_nocase(value, SV("__Empty")) ? SV_NONE : value;
}

/* ---- batches ---- */

static struct batch *batch_find(const struct frame *out, sv resource_id)
{
    for (struct batch *b = out->batches; b; b = b->next)
        if (sv_eq(batch_sv(b, b->origin.resource_id), resource_id))
            return b;
    return NULL;
}

struct batch *azure_batch_of(struct frame *out, sv resource_id, const struct azure_account_facts *facts, sv source,
                             int64_t observed_unix_nano)
{
    struct batch *b = batch_find(out, resource_id);
    sv subscription = arena_lower(out->arena, sv_path_value(resource_id, SV("subscriptions")));

    if (b)
        return b;
    b = frame_add_batch(out);
    if (!b || !subscription.at)
        return NULL;
    b->observed_unix_nano = observed_unix_nano;
    b->origin = (struct origin){ .cloud = CLOUD_AZURE,
                                 .platform = PLATFORM_AZURE_OPENAI,
                                 .account = batch_sym(b, subscription),
                                 .cloud_region = batch_sym(b, facts->location),
                                 .resource = batch_sym(b, facts->name),
                                 .resource_id = batch_sym(b, resource_id),
                                 .jurisdiction = batch_sym(b, facts->jurisdiction),
                                 .source = batch_sym(b, source) };
    return b;
}

static bool open_batch(struct walk *w, sv told_region)
{
    struct azure_account_facts facts = { 0 };

    if (!w->c->account || !w->c->account(w->c->ctx, w->resource_id, &facts))
        facts = (struct azure_account_facts){ .name = last_segment(w->resource_id),
                                              .location = told_region,
                                              .jurisdiction = region_jurisdiction(CLOUD_AZURE, told_region) };
    w->batch = azure_batch_of(w->out, w->resource_id, &facts, w->c->source, w->c->observed_unix_nano);
    return w->batch != NULL;
}

/* ---- one series ---- */

static void dimension(struct series *s, sv name, sv value)
{
    for (int d = 0; d < DIMS; d++)
        if (sv_eq_nocase(name, sv_of(dimension_names[d])))
            s->at[d] = not_empty(value);
}

/* Labels only; what the scan for unknown deployments needs. */
static void read_labels(json series, struct series *s)
{
    json item;

    *s = (struct series){ 0 };
    for (int d = 0; d < DIMS; d++)
        s->at[d] = SV_NONE;
    for (struct json_iter it = json_items(json_get(series, SV("metadatavalues"))); json_item(&it, &item);)
        dimension(s, json_sv(json_path(item, "name/value")), json_sv(json_get(item, SV("value"))));
}

static bool read_dimensions(struct walk *w, json series, struct series *s)
{
    json values = json_get(series, SV("metadatavalues")), item;
    size_t n = json_count(values);

    n = n > DIMENSIONS_MAX ? DIMENSIONS_MAX : n;
    s->dimensions = n ? ARENA_ARRAY(w->out->arena, struct key_value, n) : NULL;
    if (n && !s->dimensions)
        return false;
    for (struct json_iter it = json_items(values); json_item(&it, &item) && s->n_dimensions < n;) {
        struct key_value *kv = &s->dimensions[s->n_dimensions++];

        kv->name = batch_sym(w->batch, json_sv(json_path(item, "name/value")));
        kv->value = arena_copy(w->out->arena, json_sv(json_get(item, SV("value"))));
        if (!kv->value.at)
            return false;
    }
    s->key = key_series(w->batch, PLATFORM_AZURE_OPENAI, w->resource_id, w->metric, s->dimensions, s->n_dimensions);
    return true;
}

static bool wants(const struct azure_metric_context *c, sv publisher)
{
    return !c->publisher || c->publisher(c->ctx, publisher);
}

/* Labels of the series as symbols, into a measure that serves as the pattern of its points. */
static bool label(struct walk *w, const struct series *s, sv model, struct measure *m)
{
    struct arena *a = w->out->arena;
    sv operation = SV_NONE, tier = arena_lower(a, s->at[DIM_TIER]);
    sv category = arena_lower(a, s->at[DIM_CATEGORY]), canonical = model_canonical(a, model);

    if (s->at[DIM_OPERATION].len)
        (void)azure_operation(s->at[DIM_OPERATION], &operation, a);
    if (!tier.at || !category.at || !canonical.at || !operation.at)
        return false;
    m->name = batch_sym(w->batch, w->metric);
    m->family = w->group ? batch_sym(w->batch, sv_of(w->group->family)) : 0;
    m->deployment = batch_sym(w->batch, s->at[DIM_DEPLOYMENT]);
    m->model = batch_sym(w->batch, canonical);
    m->operation = batch_sym(w->batch, operation);
    m->tier = batch_sym(w->batch, tier);
    m->part = batch_sym(w->batch, category);
    m->code = batch_sym(w->batch, s->at[DIM_STATUS]);
    m->outcome = s->at[DIM_STATUS].len ? azure_outcome(s->at[DIM_STATUS]) : OUTCOME_NONE;
    m->dimensions = s->dimensions;
    m->n_dimensions = s->n_dimensions;
    m->series = s->key;
    return true;
}

static double figure(json point, sv name)
{
    double v;

    return json_f64(json_get(point, name), &v) && isfinite(v) ? v : NAN;
}

/* Kind and figures of a point; false when it holds none. */
static bool figures(json point, struct measure *m)
{
    double total = figure(point, SV("total")), average = figure(point, SV("average"));

    m->count = figure(point, SV("count"));
    m->min = figure(point, SV("minimum"));
    m->max = figure(point, SV("maximum"));
    m->sum = NAN;
    m->kind = MEASURE_GAUGE;
    m->value = average;
    if (!isnan(average) && !isnan(m->count)) {
        m->kind = MEASURE_SUMMARY;
        m->sum = average * m->count;
    } else if (isnan(average) && !isnan(total)) {
        m->kind = MEASURE_COUNT;
        m->value = total;
    }
    return !(isnan(m->value) && isnan(m->count) && isnan(m->min) && isnan(m->max));
}

static enum reason point_refused(const struct walk *w, int64_t start, const struct measure *m)
{
    const struct azure_metric_context *c = w->c;

    if (start == 0)
        return REASON_MALFORMED;
    if (c->to_unix_nano && (start < c->from_unix_nano || start >= c->to_unix_nano))
        return REASON_OUT_OF_RANGE;
    return m->kind == MEASURE_COUNT && m->value < 0 ? REASON_OUT_OF_RANGE : REASON_NONE;
}

static enum err_code decode_point(struct walk *w, json point, const struct measure *pattern, enum reason refused,
                                  struct azure_cell *cell, struct err *e)
{
    struct tally *t = &w->out->tally;
    struct measure seen = *pattern, *m;
    int64_t start = 0;

    if (!figures(point, &seen))
        return ERR_OK;
    t->received++;
    (void)json_time(json_get(point, SV("timeStamp")), &start);
    if (refused == REASON_NONE)
        refused = point_refused(w, start, &seen);
    if (refused != REASON_NONE) {
        t->rejected[refused]++;
        return ERR_OK;
    }
    m = batch_add_measure(w->batch);
    if (!m)
        return full(e);
    seen.start_unix_nano = start;
    seen.end_unix_nano = start + w->interval_ms * NANO_PER_MS;
    seen.key = key_measure(seen.series, start);
    *m = seen;
    if (m->kind == MEASURE_COUNT)
        cell->total += m->value;
    return ERR_OK;
}

static enum err_code decode_series(struct walk *w, json series, sv unit, struct azure_cell *cell, struct err *e)
{
    const struct azure_metric_context *c = w->c;
    struct azure_deployment_facts facts = { SV_NONE, SV_NONE, SV_NONE };
    struct measure pattern = { .p50 = NAN, .p95 = NAN, .p99 = NAN };
    struct series s;
    enum reason refused;
    json point;

    read_labels(series, &s);
    if (s.at[DIM_DEPLOYMENT].len && c->deployment)
        (void)c->deployment(c->ctx, w->resource_id, s.at[DIM_DEPLOYMENT], s.at[DIM_VERSION], &facts);
    refused = wants(c, facts.publisher) ? REASON_NONE : REASON_PUBLISHER;
    if (!read_dimensions(w, series, &s) || !label(w, &s, s.at[DIM_MODEL].len ? s.at[DIM_MODEL] : facts.model, &pattern))
        return full(e);
    pattern.unit = batch_sym(w->batch, unit);
    for (struct json_iter it = json_items(json_get(series, SV("data"))); json_item(&it, &point);)
        if (decode_point(w, point, &pattern, refused, cell, e))
            return ERR_LIMIT;
    return ERR_OK;
}

/* ---- metrics and resources ---- */

static struct azure_cell *cell_of(const struct azure_metric_context *c, sv resource_id, sv metric)
{
    for (size_t r = 0; r < c->n_resources; r++) {
        if (!sv_eq_nocase(c->resource_ids[r], resource_id))
            continue;
        for (size_t m = 0; m < c->n_metrics; m++)
            if (sv_eq_nocase(c->metrics[m], metric))
                return &c->cells[r * c->n_metrics + m];
    }
    return NULL;
}

/* What the answer says of this metric before its series are looked at. */
static enum azure_cell_state judge(const struct walk *w, json metric, struct azure_cell *cell)
{
    sv code = json_sv(json_get(metric, SV("errorCode")));

    cell->n_series = json_count(json_get(metric, SV("timeseries")));
    if (code.len && azure_metric_error(code) != ERR_OK) {
        cell->error = arena_copy(w->out->arena, sv_first(code, 64));
        return AZURE_CELL_FAILED;
    }
    return w->c->top && cell->n_series >= w->c->top ? AZURE_CELL_TRUNCATED : AZURE_CELL_OK;
}

static enum err_code decode_metric(struct walk *w, json metric, sv told_region, struct err *e)
{
    struct azure_cell spare = { 0 }, *cell = &spare;
    sv unit = json_sv(json_get(metric, SV("unit")));
    json series;

    w->metric = metric_name(metric);
    w->group = azure_group_of_metric(w->metric);
    if (w->c->resource_ids)
        cell = cell_of(w->c, w->resource_id, w->metric);
    if (!cell || cell->state == AZURE_CELL_OK)
        return ERR_OK; /* nobody asked for it, or it stands here twice */
    cell->state = judge(w, metric, cell);
    if (cell->state != AZURE_CELL_OK || cell->n_series == 0)
        return ERR_OK;
    if (!open_batch(w, told_region))
        return full(e);
    for (struct json_iter it = json_items(json_get(metric, SV("timeseries"))); json_item(&it, &series);)
        if (decode_series(w, series, unit, cell, e))
            return err_wrap(e, "metric %.*s", SV_ARG(w->metric));
    return ERR_OK;
}

/* Sets what the walk knows of this resource. Without `interval` there are no points that one could place. */
static enum err_code enter(struct walk *w, json resource, struct err *e)
{
    sv id = json_sv(json_get(resource, SV("resourceid"))), grain = json_sv(json_get(resource, SV("interval")));
    struct json_iter first = json_items(json_get(resource, SV("value")));
    json metric;

    if (!id.len)
        id = w->c->resource_id;
    if (!id.len && json_item(&first, &metric))
        id = resource_of_metric(json_sv(json_get(metric, SV("id"))));
    w->resource_id = arena_lower(w->out->arena, id);
    if (!w->resource_id.at)
        return full(e);
    w->interval_ms = azure_parse_duration(grain);
    if (grain.len && w->c->interval_ms && w->interval_ms != w->c->interval_ms)
        return err_set(e, ERR_PARSE, "asked for a grain of %lld ms, the answer has interval=%.*s",
                       (long long)w->c->interval_ms, SV_ARG(sv_first(grain, 32)));
    if (!w->interval_ms)
        w->interval_ms = w->c->interval_ms ? w->c->interval_ms : 60000;
    return ERR_OK;
}

static enum err_code decode_resource(struct walk *w, json resource, struct err *e)
{
    sv region = json_sv(json_get(resource, SV("resourceregion")));
    json metric;

    if (json_type(json_get(resource, SV("value"))) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "not a metrics answer: no array \"value\"");
    if (enter(w, resource, e))
        return e ? e->code : ERR_PARSE;
    for (struct json_iter it = json_items(json_get(resource, SV("value"))); json_item(&it, &metric);)
        if (decode_metric(w, metric, region, e))
            return ERR_LIMIT;
    return ERR_OK;
}

enum err_code azure_decode_metrics(json root, const struct azure_metric_context *c, struct frame *out, struct err *e)
{
    struct walk w = { .c = c, .out = out };
    json values = json_get(root, SV("values")), resource;
    struct err own;
    enum err_code code;
    int n = 0;

    e = e ? e : &own;
    if (json_type(values) != JSON_ARRAY)
        return decode_resource(&w, root, e);
    for (struct json_iter it = json_items(values); json_item(&it, &resource); n++) {
        code = decode_resource(&w, resource, e);
        if (code)
            return err_wrap(e, "resource %d of the answer", n);
    }
    return ERR_OK;
}

/* ---- which deployments are unknown ---- */

static void scan_metric(json metric, const struct azure_metric_context *c, sv resource_id,
                        void (*unknown)(void *ctx, sv resource_id, sv deployment))
{
    struct azure_deployment_facts facts;
    struct series s;
    json series;

    for (struct json_iter it = json_items(json_get(metric, SV("timeseries"))); json_item(&it, &series);) {
        read_labels(series, &s);
        if (s.at[DIM_DEPLOYMENT].len &&
            !c->deployment(c->ctx, resource_id, s.at[DIM_DEPLOYMENT], s.at[DIM_VERSION], &facts))
            unknown(c->ctx, resource_id, s.at[DIM_DEPLOYMENT]);
    }
}

static void scan_resource(json resource, const struct azure_metric_context *c, struct arena *a,
                          void (*unknown)(void *ctx, sv resource_id, sv deployment))
{
    sv id = json_sv(json_get(resource, SV("resourceid")));
    json metric;

    id = arena_lower(a, id.len ? id : c->resource_id);
    if (!id.at)
        return;
    for (struct json_iter it = json_items(json_get(resource, SV("value"))); json_item(&it, &metric);)
        scan_metric(metric, c, id, unknown);
}

void azure_metrics_unknown(json root, const struct azure_metric_context *c, struct arena *a,
                           void (*unknown)(void *ctx, sv resource_id, sv deployment))
{
    json values = json_get(root, SV("values")), resource;

    if (!c->deployment)
        return;
    if (json_type(values) != JSON_ARRAY)
        scan_resource(root, c, a, unknown);
    for (struct json_iter it = json_items(values); json_item(&it, &resource);)
        scan_resource(resource, c, a, unknown);
}
