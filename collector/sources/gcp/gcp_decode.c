/*
 * Pages of time series, each point a measure.
 *
 * Points come newest first and a series may go on on the next page, or come twice in one answer; so each is looked for by
 * its key before it counts: of two figures of one minute the greater is the later one. What a minute holds is told by the end of
 * its point, (end - 60 s, end]; so it is with the hours of a control read. A label that is missing is empty: one metric's series differ in which labels they have.
 *
 * A distribution goes into the record by its buckets that hold something: an empty one gives its bound away to the next, which
 * changes nothing that is known and leaves out most of the layout.
 */
#include <math.h>

#include "collector/base/clock.h"
#include "collector/model/canonical.h"
#include "collector/model/key.h"
#include "collector/sources/gcp/gcp.h"

/* A double holds every whole number below this. */
#define FIGURE_MAX 9007199254740992.0

enum { PAIRS_MAX = 32 }; /* labels of a series */

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "gcp: frame is full");
}

void gcp_answer_init(struct gcp_answer *a, const struct gcp_context *c)
{
    *a = (struct gcp_answer){ .c = c };
    map_init(&a->seen, 0);
}

void gcp_answer_done(struct gcp_answer *a)
{
    map_done(&a->seen);
}

/* ---- One series ---- */

struct series {
    const struct gcp_metric *metric; /* NULL: of a quota */
    const struct gcp_quota *quota;
    sv name;              /* of its measures */
    sv label[GCP_LABELS]; /* empty: not told */
    struct batch *batch;
    struct key_value *pairs;
    size_t n_pairs;
    uint64_t key;
    bool gauge;
    sym deployment, model, operation, tier, code, part, unit;
};

static bool take_type(struct series *s, sv type)
{
    int metric = gcp_metric_find(type);
    sv leaf = SV_NONE;

    s->metric = metric >= 0 ? &gcp_metrics[metric] : NULL;
    s->quota = s->metric ? NULL : gcp_quota_find(type, &leaf);
    if (s->metric)
        s->name = sv_of(s->metric->type);
    else if (s->quota && (sv_eq(leaf, SV("usage")) || sv_eq(leaf, SV("limit"))))
        s->name = sv_eq(leaf, SV("usage")) ? SV("quota/usage") : SV("quota/limit");
    /* By what the metric is: the answer's metricKind is that of the aligned series, which may be GAUGE for a sum of deltas
     * (gcp.md 2.4). */
    s->gauge = s->quota && sv_eq(leaf, SV("limit"));
    return s->name.len > 0;
}

static unsigned groups_of(const struct series *s)
{
    return s->metric ? s->metric->labels : GCP_QUOTA_LABELS;
}

static bool are_short(json labels)
{
    struct json_iter it = json_members(labels);
    sv name;
    json v;

    while (json_member(&it, &name, &v))
        if (name.len > GCP_NAME_MAX || json_sv(v).len > GCP_NAME_MAX)
            return false;
    return json_count(labels) <= PAIRS_MAX / 2;
}

/* False: a hostile series, which must not look like a frame that is full. */
static bool take_labels(struct series *s, json v)
{
    json metric = json_path(v, "metric/labels"), resource = json_path(v, "resource/labels");

    for (int i = 0; i < GCP_LABELS; i++) {
        s->label[i] = SV_NONE;
        if (groups_of(s) & GCP_BIT(i))
            s->label[i] = json_sv(json_get(gcp_labels[i].resource ? resource : metric, gcp_labels[i].name));
    }
    return are_short(metric) && are_short(resource);
}

/* REASON_NONE: it is ours. */
static enum reason wanted(const struct series *s, json v, const struct gcp_context *c)
{
    bool endpoint = groups_of(s) & GCP_BIT(GCP_ENDPOINT);
    sv latency = json_sv(json_path(v, "metric/labels/latency_type"));

    if (s->metric && s->metric->latency && latency.len && !sv_eq(latency, sv_of(s->metric->latency)))
        return REASON_NOT_INFERENCE; /* "overhead": a part of what `model` or `total` tells */

    if (c->env && !source_wants_publisher(c->env, s->label[GCP_PUBLISHER]))
        return REASON_PUBLISHER;
    if (endpoint && c->endpoint_models &&
        !gcp_is_ours(c->endpoint_models, s->label[GCP_MODEL_NAME], s->label[GCP_ENDPOINT_NAME]))
        return REASON_PUBLISHER;
    return REASON_NONE;
}

static sv model_of(const struct series *s)
{
    const enum gcp_label from[] = { GCP_MODEL, GCP_MODEL_NAME, GCP_BASE_MODEL };

    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++)
        if (s->label[from[i]].len)
            return s->label[from[i]];
    return SV_NONE;
}

/* What a series may or may not tell beside its project, which is the origin's as the location is (gcp.md 1.2). */
static bool is_of_origin(sv label)
{
    return sv_eq(label, gcp_labels[GCP_LOCATION].name) || sv_eq(label, SV("resource_container")) ||
           sv_eq(label, SV("project_id"));
}

/* All other labels that are told make the identity: a raw page has more of them than we group by. */
static void add_pairs(struct series *s, json labels)
{
    struct json_iter it = json_members(labels);
    struct batch *b = s->batch;
    sv name;
    json v;

    while (json_member(&it, &name, &v)) {
        sv value = json_sv(v);

        if (value.len && !is_of_origin(name))
            s->pairs[s->n_pairs++] = (struct key_value){ batch_sym(b, name), batch_sv(b, batch_sym(b, value)) };
    }
}

static bool take_pairs(struct series *s, json v)
{
    struct batch *b = s->batch;

    s->pairs = ARENA_ARRAY(b->arena, struct key_value, PAIRS_MAX + 1);
    if (!s->pairs)
        return false;
    add_pairs(s, json_path(v, "metric/labels"));
    add_pairs(s, json_path(v, "resource/labels"));
    if (s->quota) /* a pool may have two: of requests and of tokens */
        s->pairs[s->n_pairs++] =
            (struct key_value){ batch_sym(b, SV("quota")), batch_sv(b, batch_sym(b, sv_of(s->quota->name))) };
    s->key = key_series(b, PLATFORM_VERTEX_AI, batch_sv(b, b->origin.resource_id), s->name, s->pairs, s->n_pairs);
    return !batch_symbols_full(b);
}

static bool name_series(struct series *s)
{
    struct batch *b = s->batch;
    sv model = model_canonical(b->arena, model_of(s)), operation = gcp_operation(b->arena, s->label[GCP_METHOD]);

    if (!model.at || !operation.at)
        return false;
    s->deployment = batch_sym(b, s->label[GCP_DEPLOYED_MODEL]);
    s->model = batch_sym(b, model);
    s->operation = batch_sym(b, operation);
    s->tier = batch_sym(b, s->label[GCP_REQUEST_TYPE]);
    s->code = batch_sym(b, s->label[GCP_RESPONSE_CODE]);
    s->part = batch_sym(b, s->label[GCP_TOKEN_TYPE]);
    s->unit = batch_sym(b, s->quota ? sv_of(s->quota->unit) : SV_NONE);
    return !batch_symbols_full(b);
}

/* Who asked knows; a file does not. */
static sv project_of(const struct gcp_context *c, json v)
{
    sv id = json_sv(json_path(v, "resource/labels/project_id"));

    if (c->project.len)
        return c->project;
    return id.len ? id : json_sv(json_path(v, "resource/labels/resource_container"));
}

static bool open_series(struct series *s, json v, struct gcp_answer *a, struct frame *out)
{
    const struct gcp_origin o = { project_of(a->c, v), s->label[GCP_LOCATION], s->label[GCP_ENDPOINT],
                                  s->quota ? sv_of(s->quota->pool) : SV_NONE };

    s->batch = gcp_batch_of(out, &o, a->c->source, a->c->observed_unix_nano);
    if (!s->batch || !take_pairs(s, v) || !name_series(s))
        return false;
    if (s->metric && a->c->met)
        a->c->met(a->c->ctx, s->label[GCP_LOCATION], s->label[GCP_ENDPOINT], s->label[GCP_DEPLOYED_MODEL], model_of(s));
    return true;
}

/* ---- Values ---- */

struct value {
    double number; /* a distribution's count */
    double sum;
    double *bounds;
    int64_t *buckets;
    size_t n_buckets;
};

/* The upper bound of bucket i, for i < n - 1. */
static double bound_of(json options, json bounds, size_t i)
{
    json linear = json_get(options, SV("linearBuckets")), growth = json_get(options, SV("exponentialBuckets"));
    double width = 0, offset = 0, factor = 0, scale = 0, bound = NAN;

    if (!json_is_absent(linear)) {
        (void)json_f64(json_get(linear, SV("width")), &width);
        (void)json_f64(json_get(linear, SV("offset")), &offset);
        return offset + width * (double)i;
    }
    if (!json_is_absent(growth)) {
        (void)json_f64(json_get(growth, SV("growthFactor")), &factor);
        (void)json_f64(json_get(growth, SV("scale")), &scale);
        return scale * pow(factor, (double)i);
    }
    (void)json_f64(bounds, &bound);
    return bound;
}

/* How many buckets the layout has; 0: none that we know. */
static size_t layout_size(json options)
{
    json explicit = json_path(options, "explicitBuckets/bounds");
    int64_t finite = 0;

    if (!json_is_absent(json_get(options, SV("explicitBuckets"))))
        return json_count(explicit) + 1;
    if (json_i64(json_path(options, "linearBuckets/numFiniteBuckets"), &finite) ||
        json_i64(json_path(options, "exponentialBuckets/numFiniteBuckets"), &finite))
        return finite > 0 && finite <= GCP_BUCKETS_MAX - 2 ? (size_t)finite + 2 : 0;
    return 0;
}

/* Room for the buckets that are told and one above them. */
static bool make_buckets(struct arena *arena, size_t told, struct value *out)
{
    out->bounds = ARENA_ARRAY(arena, double, told + 1);
    out->buckets = ARENA_ARRAY(arena, int64_t, told + 1);
    if (!out->bounds || !out->buckets)
        return false;
    out->buckets[0] = 0;
    return true;
}

/* Counts of the buckets that hold something, with their upper bounds; missing counts at the end are 0. */
static bool take_buckets(json v, size_t n, struct value *out)
{
    json options = json_get(v, SV("bucketOptions")), count, bound = { 0 };
    struct json_iter counts = json_items(json_get(v, SV("bucketCounts")));
    struct json_iter bounds = json_items(json_path(options, "explicitBuckets/bounds"));
    double before = -INFINITY;
    int64_t total = 0;

    for (size_t i = 0; json_item(&counts, &count); i++) {
        int64_t held = 0;
        double upper = INFINITY;

        if (!json_i64(count, &held) || held < 0 || held > INT64_MAX - total)
            return false;
        if (i + 1 < n) {
            (void)json_item(&bounds, &bound);
            upper = bound_of(options, bound, i);
        }
        if (!(upper > before))
            return false;
        before = upper;
        if (held == 0)
            continue;
        total += held;
        if (i + 1 < n)
            out->bounds[out->n_buckets] = upper;
        out->buckets[out->n_buckets++] = held;
        if (i + 1 == n)
            return (double)total == out->number;
    }
    out->buckets[out->n_buckets++] = 0; /* the overflow */
    return (double)total == out->number;
}

static bool take_distribution(struct arena *arena, json v, struct value *out)
{
    double mean = 0;
    size_t n = layout_size(json_get(v, SV("bucketOptions"))), told = json_count(json_get(v, SV("bucketCounts")));
    int64_t count = 0;

    (void)json_i64(json_get(v, SV("count")), &count);
    (void)json_f64(json_get(v, SV("mean")), &mean);
    out->number = (double)count;
    out->sum = mean * out->number;
    if (count < 0 || told > n || n > GCP_BUCKETS_MAX || !isfinite(out->sum) || !make_buckets(arena, told, out))
        return false;
    if (told)
        return take_buckets(v, n, out);
    out->buckets[out->n_buckets++] = count; /* no histogram is told: it lies below no bound that we know */
    return true;
}

/* A figure that is not told at all is 0 of its type (proto3). */
static bool take_value(struct arena *arena, json v, bool distribution, struct value *out)
{
    json one = json_get(v, SV("distributionValue")), number = json_get(v, SV("int64Value"));

    *out = (struct value){ .number = 0, .sum = NAN };
    if (distribution)
        return take_distribution(arena, one, out) && out->number >= 0 && out->number < FIGURE_MAX;
    if (json_is_absent(number))
        number = json_get(v, SV("doubleValue"));
    return (json_is_absent(number) || json_f64(number, &out->number)) && out->number >= 0 && out->number < FIGURE_MAX;
}

/* ---- Points ---- */

static struct measure *measure_at(const struct gcp_answer *a, uint64_t key)
{
    const uint32_t *number = map_find(&a->seen, key);

    return number ? &a->at[*number].batch->measures[a->at[*number].number] : NULL;
}

static bool remember(struct gcp_answer *a, struct arena *arena, struct batch *b, uint64_t key)
{
    struct gcp_point *at = arena_grow(arena, a->at, a->n, &a->cap, sizeof *at);

    if (!at)
        return false;
    a->at = at;
    a->at[a->n] = (struct gcp_point){ b, b->n_measures - 1 };
    return map_put(&a->seen, key, (uint32_t)a->n++);
}

static void fill(struct measure *m, const struct value *v, bool distribution)
{
    m->value = distribution ? NAN : v->number;
    m->sum = v->sum;
    m->count = distribution ? v->number : NAN;
    m->bounds = v->bounds;
    m->buckets = v->buckets;
    m->n_buckets = v->n_buckets;
}

static enum err_code emit(struct gcp_answer *a, const struct series *s, struct frame *out, int64_t start, int64_t end,
                          const struct value *v, bool distribution, struct err *e)
{
    uint64_t key = key_measure(s->key, start);
    struct measure *m = measure_at(a, key);

    if (m) {
        out->tally.duplicate++;
        if (!s->gauge && v->number > (distribution ? m->count : m->value)) /* of a gauge the newest came first */
            fill(m, v, distribution);
        return ERR_OK;
    }
    m = batch_add_measure(s->batch);
    if (!m || !remember(a, out->arena, s->batch, key))
        return full(e);
    m->key = key;
    m->series = s->key;
    m->name = batch_sym(s->batch, s->name);
    m->start_unix_nano = start;
    m->end_unix_nano = end;
    m->kind = distribution ? MEASURE_DISTRIBUTION : s->gauge ? MEASURE_GAUGE : MEASURE_COUNT;
    m->unit = s->unit;
    m->deployment = s->deployment;
    m->model = s->model;
    m->operation = s->operation;
    m->tier = s->tier;
    m->code = s->code;
    m->outcome = s->code ? gcp_outcome_of_code(s->label[GCP_RESPONSE_CODE]) : OUTCOME_NONE;
    m->part = s->part;
    m->dimensions = s->pairs;
    m->n_dimensions = s->n_pairs;
    fill(m, v, distribution);
    return batch_symbols_full(s->batch) ? full(e) : ERR_OK;
}

static enum err_code quarantine(struct frame *out, const struct series *s, sv when, struct err *e)
{
    sv bytes = arena_printf(out->arena, "%.*s at %.*s", SV_ARG(s->name), SV_ARG(sv_first(when, GCP_NAME_MAX)));

    return bytes.at && frame_add_quarantine(out, REASON_MALFORMED, SV("point of a time series"), bytes) ? ERR_OK
                                                                                                        : full(e);
}

static bool is_outside(const struct gcp_context *c, int64_t start)
{
    return (c->from_unix_nano || c->to_unix_nano) && (start < c->from_unix_nano || start >= c->to_unix_nano);
}

/* Whether what a point tells is of the minute (hour) that ends with it: not of a longer time, nor of one that crosses two. Of a
 * gauge the instant is told, which need not be a whole minute; the start may be missing, or be the end of an aligned one. */
static bool is_of_a_grain(const struct series *s, json interval, int64_t end, int64_t grain)
{
    int64_t start = end;

    if (s->gauge)
        return true;
    (void)json_time(json_get(interval, SV("startTime")), &start);
    return end % grain == 0 && start <= end && start >= end - grain;
}

static enum err_code take_point(struct gcp_answer *a, const struct series *s, struct frame *out, json point,
                                bool distribution, struct err *e)
{
    json interval = json_get(point, SV("interval")), when = json_get(interval, SV("endTime"));
    int64_t grain = a->c->grain_nano ? a->c->grain_nano : NANO_PER_MIN, end, start;
    int64_t span = s->gauge && a->c->level_nano ? a->c->level_nano : grain;
    struct value v;

    out->tally.received++;
    if (grain > NANO_PER_MIN && json_time(when, &end) && end % grain)
        return err_set(e, ERR_PARSE, "a point that ends at %.*s where whole hours were asked for",
                       SV_ARG(sv_first(json_sv(when), 40)));
    if (!json_time(when, &end) || !is_of_a_grain(s, interval, end, grain) ||
        !take_value(out->arena, json_get(point, SV("value")), distribution, &v))
        return out->arena->failed ? full(e) : quarantine(out, s, json_sv(when), e);
    start = clock_floor(end - 1, span);
    if (is_outside(a->c, start)) {
        out->tally.rejected[REASON_OUT_OF_RANGE]++;
        return ERR_OK;
    }
    a->newest_unix_nano = end > a->newest_unix_nano ? end : a->newest_unix_nano;
    return emit(a, s, out, start, start + span, &v, distribution, e);
}

static enum err_code reject(struct frame *out, json points, enum reason why)
{
    int64_t n = (int64_t)json_count(points);

    out->tally.received += n;
    out->tally.rejected[why] += n;
    return ERR_OK;
}

static enum err_code take_series(struct gcp_answer *a, struct frame *out, json v, struct err *e)
{
    struct series s = { .name = SV_NONE };
    json points = json_get(v, SV("points")), point;
    bool distribution = sv_eq(json_sv(json_get(v, SV("valueType"))), SV("DISTRIBUTION"));
    enum err_code code = ERR_OK;
    enum reason why;

    if (!take_type(&s, json_sv(json_path(v, "metric/type"))))
        return reject(out, points, REASON_NOT_INFERENCE);
    if (!take_labels(&s, v))
        return reject(out, points, REASON_LIMIT);
    why = wanted(&s, v, a->c);
    if (why)
        return reject(out, points, why);
    if (!open_series(&s, v, a, out))
        return full(e);
    for (struct json_iter it = json_items(points); code == ERR_OK && json_item(&it, &point);)
        code = take_point(a, &s, out, point, distribution, e);
    return code;
}

enum err_code gcp_decode_time_series(json root, struct gcp_answer *a, struct frame *out, sv *next, struct err *e)
{
    json errors = json_get(root, SV("executionErrors")), first = { 0 }, v;
    struct json_iter it = json_items(errors);
    enum err_code code = ERR_OK;

    if (json_type(root) != JSON_OBJECT)
        return err_set(e, ERR_PARSE, "no object in the answer");
    if (json_item(&it, &first))
        return err_set(e, ERR_RETRY, "the answer is incomplete: %.*s",
                       SV_ARG(sv_first(json_sv(json_get(first, SV("message"))), 200)));
    if (!json_is_absent(json_get(root, SV("metric"))))
        code = take_series(a, out, root, e);
    for (it = json_items(json_get(root, SV("timeSeries"))); code == ERR_OK && json_item(&it, &v);)
        code = take_series(a, out, v, e);
    *next = code ? SV_NONE : arena_copy(out->arena, json_sv(json_get(root, SV("nextPageToken"))));
    return code || next->at ? code : full(e);
}
