/*
 * Pages of usage and of costs: buckets of results, each result a set of dimensions and some figures.
 *
 * Every figure of a result is a measure of its own, named as OpenAI spells it, with the kind of usage as its family: the set of
 * figures grows without notice, and what nobody counts yet is in the archive when it is wanted. Which members are dimensions is a
 * table, since only those that were asked for are told. A measure's key is made of kind, width of the bucket, its start and all
 * dimensions, so that the newest value takes the place of the one before; users and keys are in the key alone, and one of
 * them in `caller`, which policy guards.
 *
 * A result that is no result (a dimension of another type, a figure below 0) is set aside; the others count.
 */
#include <math.h>

#include "collector/base/clock.h"
#include "collector/model/canonical.h"
#include "collector/model/key.h"
#include "collector/sources/openai/openai.h"

/* A double holds every whole number below this; nobody uses more in a minute. */
#define FIGURE_MAX 9007199254740992.0

enum { FIGURES_MAX = 64, WIDTH_TEXT = 24 };

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "openai: frame is full");
}

sv openai_resource_id(struct arena *a, sv organization, sv project)
{
    return arena_printf(a, "openai:%.*s", SV_ARG(project.len ? project : organization));
}

/* ---- Batches ---- */

static bool is_of(const struct batch *b, const struct openai_origin *o)
{
    const struct origin *is = &b->origin;

    return sv_eq(batch_sv(b, is->resource), o->project) && sv_eq(batch_sv(b, is->cloud_region), o->region) &&
           sv_eq(batch_sv(b, is->account), o->organization);
}

struct batch *openai_batch_of(struct frame *out, const struct openai_origin *o, sv source, int64_t observed_unix_nano)
{
    sv id = openai_resource_id(out->arena, o->organization, o->project);
    struct batch *b;

    for (b = out->batches; b; b = b->next)
        if (is_of(b, o))
            return b;
    b = id.at ? frame_add_batch(out) : NULL;
    if (!b)
        return NULL;
    b->observed_unix_nano = observed_unix_nano;
    b->origin = (struct origin){ .cloud = CLOUD_OPENAI,
                                 .platform = PLATFORM_OPENAI_API,
                                 .account = batch_sym(b, o->organization),
                                 .cloud_region = batch_sym(b, o->region),
                                 .resource = batch_sym(b, o->project),
                                 .resource_id = batch_sym(b, id),
                                 .source = batch_sym(b, source) };
    return b;
}

/* ---- One result ---- */

struct walk {
    const struct openai_context *c;
    struct frame *out;
    int64_t start, end; /* of the bucket */
    struct batch *batch;
};

struct result {
    const struct openai_kind *kind; /* NULL: one that we do not know */
    sv family;
    sv at[OPENAI_DIMENSIONS]; /* empty: not told, or not grouped by */
    struct key_value *pairs;  /* what the key is made of */
    size_t n_pairs, n_hidden; /* the first n_hidden of them stay out of the record */
    sym model, operation, tier, caller;
};

static bool take_dimension(struct result *r, int d, json v)
{
    bool yes;

    if (json_type(v) == JSON_NULL)
        return true;
    if (d == OPENAI_BATCH) {
        if (!json_bool(v, &yes))
            return false;
        r->at[d] = yes ? SV("true") : SV("false");
        return true;
    }
    r->at[d] = json_sv(v);
    return json_type(v) == JSON_STRING && r->at[d].len <= OPENAI_NAME_MAX;
}

static bool take_dimensions(struct result *r, json result)
{
    json at[OPENAI_DIMENSIONS];
    bool ok = true;

    json_pick(result, openai_dimension_names, OPENAI_DIMENSIONS, at);
    for (int d = 0; d < OPENAI_DIMENSIONS; d++) {
        r->at[d] = SV_NONE;
        ok = ok && (json_is_absent(at[d]) || take_dimension(r, d, at[d]));
    }
    return ok;
}

/* "organization.usage.completions.result" -> "completions", also of a kind that we do not know. */
static sv family_of(sv object)
{
    static const sv before = SVT("organization.usage."), behind = SVT(".result");

    if (!sv_starts(object, before) || !sv_ends(object, behind) || object.len <= before.len + behind.len)
        return SV_NONE;
    return sv_first(sv_skip(object, before.len), object.len - before.len - behind.len);
}

static bool take_kind(const struct walk *w, struct result *r, json result)
{
    sv object = json_sv(json_get(result, SV("object")));
    int known = openai_kind_of_object(object);

    r->kind = w->c->kind ? w->c->kind : known >= 0 ? &openai_kinds[known] : NULL;
    r->family = r->kind ? sv_of(r->kind->name) : family_of(object);
    return r->family.len > 0 && r->family.len <= OPENAI_NAME_MAX;
}

static bool pair(struct walk *w, struct result *r, sv name, sv value)
{
    struct key_value *kv = &r->pairs[r->n_pairs++];

    kv->name = batch_sym(w->batch, name);
    kv->value = batch_sv(w->batch, batch_sym(w->batch, value)); /* interned: it repeats */
    return kv->name != 0;
}

/* Hidden from the record, though not from the key, is who it was. */
static bool take_pairs(struct walk *w, struct result *r)
{
    static const int hidden[] = { OPENAI_USER, OPENAI_KEY };
    int64_t width = w->c->series_width_nano ? w->c->series_width_nano : w->end - w->start;
    bool ok;

    r->pairs = ARENA_ARRAY(w->out->arena, struct key_value, OPENAI_DIMENSIONS + 2);
    if (!r->pairs)
        return false;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (r->at[hidden[i]].len) {
            sv value = arena_copy(w->out->arena, r->at[hidden[i]]);

            r->pairs[r->n_pairs++] =
                (struct key_value){ .name = batch_sym(w->batch, openai_dimension_names[hidden[i]]), .value = value };
            if (!value.at)
                return false;
        }
    ok = pair(w, r, SV("kind"), r->family) &&
         pair(w, r, SV("bucket_width"), arena_printf(w->out->arena, "%lld", (long long)(width / NANO_PER_S)));
    r->n_hidden = r->n_pairs;
    for (int d = OPENAI_MODEL; d < OPENAI_DIMENSIONS; d++)
        if (r->at[d].len)
            ok = ok && pair(w, r, openai_dimension_names[d], r->at[d]);
    return ok && !batch_symbols_full(w->batch);
}

static bool take_labels(struct walk *w, struct result *r)
{
    sv model = model_canonical(w->out->arena, r->at[OPENAI_MODEL]);

    if (!model.at)
        return false;
    r->model = batch_sym(w->batch, model);
    r->operation = batch_sym(w->batch, r->kind ? sv_of(r->kind->operation) : SV_NONE);
    r->tier = batch_sym(w->batch, sv_eq(r->at[OPENAI_BATCH], SV("true")) ? SV("batch") : r->at[OPENAI_TIER]);
    r->caller = batch_sym(w->batch, r->at[OPENAI_USER].len ? r->at[OPENAI_USER] : r->at[OPENAI_KEY]);
    return !batch_symbols_full(w->batch);
}

static bool open_batch(struct walk *w, const struct result *r)
{
    const struct openai_context *c = w->c;
    struct openai_origin o = { c->organization, r->at[OPENAI_PROJECT], SV_NONE };

    if (c->region && o.project.len)
        o.region = c->region(c->ctx, o.project);
    w->batch = openai_batch_of(w->out, &o, c->source, c->observed_unix_nano);
    return w->batch != NULL;
}

/* ---- Figures ---- */

static bool is_number(json v)
{
    enum json_type t = json_type(v);

    return t == JSON_INT || t == JSON_UINT || t == JSON_DOUBLE;
}

static enum err_code quarantine(struct walk *w, enum reason why, const char *what, sv name, double value, struct err *e)
{
    sv bytes = arena_printf(w->out->arena, "%.*s %.17g", SV_ARG(sv_first(name, OPENAI_NAME_MAX)), value);

    return bytes.at && frame_add_quarantine(w->out, why, sv_of(what), bytes) ? ERR_OK : full(e);
}

static enum err_code emit(struct walk *w, const struct result *r, sv name, double value, struct err *e)
{
    struct measure *m = batch_add_measure(w->batch);
    struct batch *b = w->batch;

    if (!m)
        return full(e);
    m->name = batch_sym(b, name);
    m->family = batch_sym(b, r->family);
    m->start_unix_nano = w->start;
    m->end_unix_nano = w->end;
    m->kind = openai_is_level(name) ? MEASURE_GAUGE : MEASURE_COUNT;
    m->value = value;
    m->model = r->model;
    m->operation = r->operation;
    m->tier = r->tier;
    m->caller = r->caller;
    m->dimensions = r->pairs + r->n_hidden;
    m->n_dimensions = r->n_pairs - r->n_hidden;
    m->series = key_series(b, PLATFORM_OPENAI_API, batch_sv(b, b->origin.resource_id), name, r->pairs, r->n_pairs);
    m->key = key_measure(m->series, w->start);
    return batch_symbols_full(b) ? full(e) : ERR_OK;
}

static enum err_code take_figure(struct walk *w, const struct result *r, sv name, json v, struct err *e)
{
    double value = NAN;

    w->out->tally.received++;
    if (name.len == 0 || name.len > OPENAI_NAME_MAX || !json_f64(v, &value) || value < 0)
        return quarantine(w, REASON_MALFORMED, "figure of a result", name, value, e);
    if (value >= FIGURE_MAX)
        return quarantine(w, REASON_OUT_OF_RANGE, "figure of a result", name, value, e);
    return emit(w, r, name, value, e);
}

static enum err_code take_figures(struct walk *w, const struct result *r, json result, struct err *e)
{
    enum err_code code = ERR_OK;
    struct json_iter it = json_members(result);
    unsigned n = 0;
    sv name;
    json v;

    while (code == ERR_OK && json_member(&it, &name, &v))
        if (is_number(v) && n++ < FIGURES_MAX)
            code = take_figure(w, r, name, v, e);
    if (n > FIGURES_MAX) {
        w->out->tally.received += n - FIGURES_MAX;
        w->out->tally.rejected[REASON_LIMIT] += n - FIGURES_MAX;
    } else if (n == 0) {
        w->out->tally.received++;
        w->out->tally.rejected[REASON_NO_VALUE]++;
    }
    return code;
}

static enum err_code take_result(struct walk *w, json result, struct err *e)
{
    struct result r = { 0 };

    if (json_type(result) != JSON_OBJECT || !take_kind(w, &r, result) || !take_dimensions(&r, result)) {
        w->out->tally.received++;
        return quarantine(w, REASON_MALFORMED, "result of usage", SV("bucket"), (double)w->start / 1e9, e);
    }
    if (!open_batch(w, &r) || !take_pairs(w, &r) || !take_labels(w, &r))
        return full(e);
    if (w->c->met && r.at[OPENAI_MODEL].len)
        w->c->met(w->c->ctx, r.at[OPENAI_PROJECT], r.at[OPENAI_MODEL]);
    return take_figures(w, &r, result, e);
}

/* ---- Buckets ---- */

static bool seconds(json v, int64_t *nano)
{
    int64_t s;

    if (!json_i64(v, &s) || s <= 0 || s > INT64_MAX / NANO_PER_S)
        return false;
    *nano = s * NANO_PER_S;
    return true;
}

static bool is_wanted(const struct walk *w)
{
    const struct openai_context *c = w->c;

    return (c->from_unix_nano == 0 && c->to_unix_nano == 0) ||
           (w->start >= c->from_unix_nano && w->start < c->to_unix_nano);
}

typedef enum err_code take_fn(struct walk *w, json result, struct err *e);

static enum err_code take_bucket(struct walk *w, json bucket, take_fn *take, struct err *e)
{
    json results = json_get(bucket, SV("results")), result;
    enum err_code code = ERR_OK;

    if (!seconds(json_get(bucket, SV("start_time")), &w->start) ||
        !seconds(json_get(bucket, SV("end_time")), &w->end) || w->end <= w->start)
        return err_set(e, ERR_PARSE, "a bucket without start_time and end_time");
    if (w->c->width_nano && w->end - w->start != w->c->width_nano)
        return err_set(e, ERR_PARSE, "a bucket of %lld s where %lld s were asked for",
                       (long long)((w->end - w->start) / NANO_PER_S), (long long)(w->c->width_nano / NANO_PER_S));
    if (!is_wanted(w)) {
        w->out->tally.received += (int64_t)json_count(results);
        w->out->tally.rejected[REASON_OUT_OF_RANGE] += (int64_t)json_count(results);
        return ERR_OK;
    }
    for (struct json_iter it = json_items(results); code == ERR_OK && json_item(&it, &result);)
        code = take(w, result, e);
    return code;
}

/* ---- Costs ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the string that begins here, with both quotation marks; 0: it does not end. */
static size_t string_length(sv s)
{
    for (size_t i = 1; i < s.len; i++)
        if (s.at[i] == '\\')
            i++;
        else if (s.at[i] == '"')
            return i + 1;
    return 0;
}

static size_t number_length(sv s)
{
    size_t n = 0;

    if (s.len == 0 || (s.at[0] != '-' && !is_digit(s.at[0])))
        return 0;
    while (n < s.len && (is_digit(s.at[n]) || sv_find(SV("+-.eE"), s.at[n]) < 5))
        n++;
    return n;
}

/* Puts numbers that are the value of "value" between quotation marks, so that they reach us as they are written. What is
 * no number is refused by sv_to_decimal instead of the parser. */
static void quote_amounts(sv body, struct buf *out)
{
    while (body.len) {
        size_t before = sv_find(body, '"'), key, gap, number;
        sv rest;

        buf_put(out, sv_first(body, before));
        body = sv_skip(body, before);
        key = string_length(body);
        rest = sv_trim(sv_skip(body, key));
        if (key == 0 || !sv_eq(sv_first(body, key), SV("\"value\"")) || !sv_starts(rest, SV(":"))) {
            buf_put(out, key ? sv_first(body, key) : body);
            body = key ? sv_skip(body, key) : SV_NONE;
            continue;
        }
        rest = sv_trim(sv_skip(rest, 1));
        gap = (size_t)(rest.at - body.at);
        number = number_length(rest);
        buf_put(out, sv_first(body, gap));
        body = sv_skip(body, gap);
        if (number) {
            buf_putc(out, '"');
            buf_put(out, sv_first(body, number));
            buf_putc(out, '"');
        }
        body = sv_skip(body, number);
    }
}

struct openai_line_item openai_line_item(sv text)
{
    static const struct {
        sv theirs, ours;
    } rows[] = {
        { SVT("input"), SVT("input") },        { SVT("cached input"), SVT("input") },
        { SVT("cached_input"), SVT("input") }, { SVT("cache write"), SVT("input") },
        { SVT("output"), SVT("output") },
    };
    struct openai_line_item none = { SV_NONE, SV_NONE };
    size_t comma = sv_find_last(text, ',');
    sv model = sv_first(text, comma);

    if (model.len == 0 || !sv_starts(sv_skip(text, comma), SV(", ")) || sv_find(model, ' ') < model.len)
        return none;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sv_eq(sv_skip(text, comma + 2), rows[i].theirs))
            return (struct openai_line_item){ model, rows[i].ours };
    return none;
}

struct cost {
    sv project, item, key, unit, currency;
    json amount;
    int64_t nano;
    double quantity;
};

/* A string or nothing. */
static bool name_or_null(json v, sv *out)
{
    *out = json_sv(v);
    return (json_is_absent(v) || json_type(v) == JSON_NULL || json_type(v) == JSON_STRING) &&
           out->len <= OPENAI_NAME_MAX;
}

static bool read_cost(json result, struct cost *c)
{
    json amount = json_get(result, SV("amount"));

    *c = (struct cost){ .amount = json_get(amount, SV("value")), .quantity = NAN };
    (void)json_f64(json_get(result, SV("quantity")), &c->quantity);
    return json_type(result) == JSON_OBJECT && name_or_null(json_get(result, SV("project_id")), &c->project) &&
           name_or_null(json_get(result, SV("line_item")), &c->item) &&
           name_or_null(json_get(result, SV("api_key_id")), &c->key) &&
           name_or_null(json_get(result, SV("quantity_unit")), &c->unit) &&
           name_or_null(json_get(amount, SV("currency")), &c->currency) &&
           (json_is_absent(c->amount) || json_type(c->amount) == JSON_NULL || c->currency.len > 0);
}

static sv upper(struct arena *a, sv s)
{
    char *to = arena_alloc(a, s.len + 1);

    for (size_t i = 0; to && i < s.len; i++)
        to[i] = (char)(s.at[i] >= 'a' && s.at[i] <= 'z' ? s.at[i] - ('a' - 'A') : s.at[i]);
    return (sv){ to, to ? s.len : 0 };
}

static uint64_t cost_key(const struct walk *w, const struct cost *c)
{
    const struct batch *b = w->batch;
    const sv parts[] = { SV("openai cost"),
                         batch_sv(b, b->origin.resource_id),
                         c->item,
                         c->key,
                         sv_make(&w->start, sizeof w->start),
                         sv_make(&w->end, sizeof w->end),
                         c->currency };

    return key_parts(parts, sizeof parts / sizeof *parts);
}

/* Which key it was is asked for by the operator alone (costs.by_api_key), and policy guards it by its name. */
static bool keep_key(struct walk *w, const struct cost *c, struct charge *charge)
{
    struct key_value *kv = c->key.len ? ARENA_NEW(w->out->arena, struct key_value) : NULL;

    if (c->key.len == 0)
        return true;
    if (!kv)
        return false;
    *kv = (struct key_value){ batch_sym(w->batch, openai_dimension_names[OPENAI_KEY]),
                              arena_copy(w->out->arena, c->key) };
    charge->extra = kv;
    charge->n_extra = 1;
    return kv->value.at != NULL;
}

static enum err_code emit_cost(struct walk *w, const struct cost *c, struct err *e)
{
    struct openai_line_item item = openai_line_item(c->item);
    sv model = model_canonical(w->out->arena, item.model);
    struct batch *b = w->batch;
    struct charge *charge = batch_add_charge(b);

    if (!charge || !model.at || !keep_key(w, c, charge))
        return full(e);
    charge->key = cost_key(w, c);
    charge->start_unix_nano = w->start;
    charge->end_unix_nano = w->end;
    charge->cost_nano = c->nano;
    charge->currency = batch_sym(b, c->currency);
    charge->service = batch_sym(b, SV("OpenAI API"));
    charge->sku = batch_sym(b, c->item);
    charge->charge_category = batch_sym(b, c->nano < 0 ? SV("Credit") : SV("Usage"));
    charge->model = batch_sym(b, model);
    charge->direction = batch_sym(b, item.direction);
    charge->unit = batch_sym(b, c->unit);
    charge->quantity = c->quantity;
    return batch_symbols_full(b) ? full(e) : ERR_OK;
}

static enum err_code take_cost(struct walk *w, json result, struct err *e)
{
    struct result origin = { 0 };
    struct cost c;
    double value = NAN;

    w->out->tally.received++;
    if (!read_cost(result, &c))
        return quarantine(w, REASON_MALFORMED, "result of costs", SV("bucket"), (double)w->start / 1e9, e);
    if (json_is_absent(c.amount) || json_type(c.amount) == JSON_NULL) {
        w->out->tally.rejected[REASON_NO_VALUE]++;
        return ERR_OK;
    }
    if (!sv_to_decimal(json_sv(c.amount), 9, &c.nano)) {
        bool number = json_f64(c.amount, &value);
        sv text = sv_first(json_sv(c.amount), OPENAI_NAME_MAX);

        return frame_add_quarantine(w->out, number ? REASON_OUT_OF_RANGE : REASON_MALFORMED, SV("amount of costs"),
                                    text)
                   ? ERR_OK
                   : full(e);
    }
    c.currency = upper(w->out->arena, c.currency);
    origin.at[OPENAI_PROJECT] = c.project;
    return c.currency.at && open_batch(w, &origin) ? emit_cost(w, &c, e) : full(e);
}

/* ---- Pages ---- */

static enum err_code take_page(json root, const struct openai_context *c, struct frame *out, take_fn *take, sv *next,
                               struct err *e)
{
    struct walk w = { .c = c, .out = out };
    json data = json_get(root, SV("data")), bucket;
    sv cursor = arena_copy(out->arena, json_sv(json_get(root, SV("next_page"))));
    enum err_code code = ERR_OK;
    bool more = false;

    if (json_type(data) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no data array in the answer");
    for (struct json_iter it = json_items(data); code == ERR_OK && json_item(&it, &bucket);)
        code = take_bucket(&w, bucket, take, e);
    if (code)
        return code;
    (void)json_bool(json_get(root, SV("has_more")), &more);
    if (more && cursor.at && cursor.len == 0)
        return err_set(e, ERR_PARTIAL, "has_more without next_page");
    *next = more ? cursor : SV_NONE;
    return cursor.at ? ERR_OK : full(e);
}

enum err_code openai_decode_usage(json root, const struct openai_context *c, struct frame *out, sv *next, struct err *e)
{
    return take_page(root, c, out, take_result, next, e);
}

enum err_code openai_decode_costs(struct json_parser *p, sv body, const struct openai_context *c, struct frame *out,
                                  sv *next, struct err *e)
{
    struct buf quoted;
    enum err_code code;
    json root;

    buf_init(&quoted, 2 * HTTP_BODY_LIMIT_DEFAULT);
    quote_amounts(body, &quoted);
    code = quoted.failed ? err_set(e, ERR_LIMIT, "costs: the answer is too large")
                         : json_parse(p, buf_sv(&quoted), &root, e);
    if (code == ERR_OK)
        code = take_page(root, c, out, take_cost, next, e);
    buf_done(&quoted);
    return code;
}
