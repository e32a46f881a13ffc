/* Projects and rate limits: listings that are continued after their last id; and what the ledger is told of them. */
#include <math.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/model/canonical.h"
#include "collector/model/key.h"
#include "collector/model/region.h"
#include "collector/sources/openai/openai.h"

/* Members of a rate limit; all are told, two of them have a rule. */
static const sv limit_figures[OPENAI_LIMIT_FIGURES] = {
    SVT("max_requests_per_1_minute"),        SVT("max_tokens_per_1_minute"), SVT("max_images_per_1_minute"),
    SVT("max_audio_megabytes_per_1_minute"), SVT("max_requests_per_1_day"),  SVT("batch_1_day_max_input_tokens"),
};

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "openai: no room for the listing");
}

/* ---- Answers ---- */

enum err_code openai_after(json root, sv last, struct arena *a, sv *next, struct err *e)
{
    sv told = json_sv(json_get(root, SV("last_id")));
    bool more = false;

    (void)json_bool(json_get(root, SV("has_more")), &more);
    last = told.len ? told : last;
    if (more && last.len == 0)
        return err_set(e, ERR_PARTIAL, "has_more without last_id");
    *next = more ? arena_copy(a, last) : SV_NONE;
    return next->at ? ERR_OK : full(e);
}

static enum err_code take_project(json v, struct items *items, struct err *e)
{
    struct openai_project *p = item_add(items, sizeof *p);
    bool ok = p != NULL;

    if (!ok)
        return full(e);
    p->id = item_text(items, json_get(v, SV("id")), &ok);
    p->name = item_text(items, json_get(v, SV("name")), &ok);
    p->residency = openai_residency(items->arena, json_sv(json_get(v, SV("residency"))));
    p->archived = sv_eq(json_sv(json_get(v, SV("status"))), SV("archived"));
    return ok && p->residency.region.at ? ERR_OK : full(e);
}

static enum err_code take_limit(json v, struct items *items, struct err *e)
{
    struct openai_limit *l = item_add(items, sizeof *l);
    bool ok = l != NULL;

    if (!ok)
        return full(e);
    l->model = item_text(items, json_get(v, SV("model")), &ok);
    for (int i = 0; i < OPENAI_LIMIT_FIGURES; i++) {
        l->value[i] = NAN;
        if (!json_f64(json_get(v, limit_figures[i]), &l->value[i]) || l->value[i] < 0)
            l->value[i] = NAN;
    }
    return ok ? ERR_OK : full(e);
}

/* Items without `name`, or with one that is longer than any in use, are none. */
static enum err_code take_list(json root, sv name, enum err_code (*take)(json v, struct items *items, struct err *e),
                               struct items *items, sv *next, struct err *e)
{
    json data = json_get(root, SV("data")), v;
    enum err_code code = ERR_OK;
    sv last = SV_NONE;

    if (json_type(data) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no data array in the answer");
    for (struct json_iter it = json_items(data); code == ERR_OK && json_item(&it, &v);) {
        sv own = json_sv(json_get(v, name));

        last = json_sv(json_get(v, SV("id")));
        if (own.len && own.len <= OPENAI_NAME_MAX)
            code = take(v, items, e);
    }
    return code ? code : openai_after(root, last, items->arena, next, e);
}

enum err_code openai_decode_projects(json root, struct items *items, sv *next, struct err *e)
{
    return take_list(root, SV("id"), take_project, items, next, e);
}

enum err_code openai_decode_rate_limits(json root, struct items *items, sv *next, struct err *e)
{
    return take_list(root, SV("model"), take_limit, items, next, e);
}

static int by_id(const void *id, const void *project)
{
    return sv_cmp(*(const sv *)id, ((const struct openai_project *)project)->id);
}

const struct openai_project *openai_project_in(const struct openai_project *at, size_t n, sv id)
{
    return n ? bsearch(&id, at, n, sizeof *at, by_id) : NULL;
}

/* ---- What the ledger is told ---- */

/* A project stores where its residency says; a global one nowhere in particular. */
static sv jurisdiction(sv region)
{
    return sv_eq(region, SV("global")) ? SV_NONE : region;
}

static bool fill_item(struct arena *a, sv model_id, const struct openai_project *p, struct inventory_item *i)
{
    sv v[] = { model_id, model_canonical(a, model_id), p ? p->residency.processing : SV("unknown"),
               p ? jurisdiction(p->residency.region) : SV_NONE };

    for (size_t n = 0; n < sizeof v / sizeof v[0]; n++) {
        v[n] = v[n].at ? arena_copy(a, v[n]) : v[n];
        if (!v[n].at)
            return false;
    }
    *i = (struct inventory_item){ .deployment = SV_NONE,
                                  .model_id = v[0],
                                  .model_version = SV_NONE,
                                  .model = v[1],
                                  .publisher = SV("openai"),
                                  .sku = SV_NONE,
                                  .processing = v[2],
                                  .jurisdiction = v[3],
                                  .team = SV_NONE,
                                  .owner = SV_NONE,
                                  .cost_center = SV_NONE,
                                  .env = SV_NONE,
                                  .capacity = NAN,
                                  .capacity_unit = SV_NONE };
    return true;
}

static bool has_model(const struct epoch *epoch, sv model)
{
    for (size_t n = 0; n < epoch->n_items; n++)
        if (sv_eq(epoch->items[n].model, model))
            return true;
    return false;
}

static uint64_t hash_item(const struct inventory_item *i)
{
    const sv parts[] = { i->model_id, i->model, i->processing, i->jurisdiction };
    uint64_t h = 0;

    for (size_t n = 0; n < sizeof parts / sizeof parts[0]; n++)
        h = hash_part(h, parts[n]);
    return h;
}

static int by_project(const void *a, const void *b)
{
    return strcmp(((const struct openai_use *)a)->project, ((const struct openai_use *)b)->project);
}

/* The labels of what the epoch becomes are the batch's. */
static enum err_code emit_project(const struct openai_use *uses, size_t n, const struct openai_project *p,
                                  const struct openai_context *c, struct frame *out, struct err *e)
{
    struct openai_origin o = { c->organization, sv_of(uses->project), p ? p->residency.region : SV_NONE };
    struct epoch *epoch = openai_batch_of(out, &o, c->source, c->observed_unix_nano) ? frame_add_epoch(out) : NULL;
    struct inventory_item item;

    if (!epoch)
        return full(e);
    *epoch = (struct epoch){ .kind = EPOCH_INVENTORY,
                             .subject = openai_resource_id(out->arena, o.organization, o.project),
                             .value = SV_NONE,
                             .items = ARENA_ARRAY(out->arena, struct inventory_item, n),
                             .valid_from_unix_nano = clock_floor(c->observed_unix_nano, NANO_PER_MIN) };
    for (size_t i = 0; i < n; i++) {
        if (!epoch->subject.at || !epoch->items || !fill_item(out->arena, sv_of(uses[i].model), p, &item))
            return full(e);
        if (has_model(epoch, item.model))
            continue;
        epoch->hash += hash_item(&item); /* in whatever order they were met */
        epoch->items[epoch->n_items++] = item;
    }
    return ERR_OK;
}

enum err_code openai_emit_uses(struct openai_use *uses, size_t n, const struct openai_project *projects,
                               size_t n_projects, const struct openai_context *c, struct frame *out, struct err *e)
{
    enum err_code code = ERR_OK;
    size_t same = 0;

    if (n)
        qsort(uses, n, sizeof *uses, by_project);
    for (size_t i = 0; i < n && code == ERR_OK; i += same) {
        for (same = 1; i + same < n && by_project(&uses[i], &uses[i + same]) == 0;)
            same++;
        code = emit_project(&uses[i], same, openai_project_in(projects, n_projects, sv_of(uses[i].project)), c, out, e);
    }
    return code;
}

static enum err_code emit_figure(const struct openai_limit *l, int figure, struct batch *b, int64_t start, int64_t end,
                                 struct err *e)
{
    sv name = arena_printf(b->arena, "rate_limits.%.*s", SV_ARG(limit_figures[figure]));
    sv model = model_canonical(b->arena, l->model);
    struct key_value *dimension = ARENA_NEW(b->arena, struct key_value);
    struct measure *m = batch_add_measure(b);

    if (!m || !dimension || !name.at || !model.at)
        return full(e);
    *dimension =
        (struct key_value){ batch_sym(b, openai_dimension_names[OPENAI_MODEL]), batch_sv(b, batch_sym(b, l->model)) };
    m->name = batch_sym(b, name);
    m->start_unix_nano = start;
    m->end_unix_nano = end;
    m->kind = MEASURE_GAUGE;
    m->value = l->value[figure];
    m->model = batch_sym(b, model);
    m->dimensions = dimension;
    m->n_dimensions = 1;
    m->series = key_series(b, PLATFORM_OPENAI_API, batch_sv(b, b->origin.resource_id), name, dimension, 1);
    m->key = key_measure(m->series, start);
    return batch_symbols_full(b) ? full(e) : ERR_OK;
}

enum err_code openai_emit_limits(const struct openai_limit *limits, size_t n, const struct openai_project *p,
                                 const struct openai_context *c, int64_t start_unix_nano, int64_t end_unix_nano,
                                 struct frame *out, struct err *e)
{
    struct openai_origin o = { c->organization, p->id, p->residency.region };
    struct batch *b = openai_batch_of(out, &o, c->source, c->observed_unix_nano);
    enum err_code code = b ? ERR_OK : full(e);

    for (size_t i = 0; i < n && code == ERR_OK; i++)
        for (int figure = 0; figure < OPENAI_LIMIT_FIGURES && code == ERR_OK; figure++)
            if (!isnan(limits[i].value[figure])) {
                out->tally.received++;
                code = emit_figure(&limits[i], figure, b, start_unix_nano, end_unix_nano, e);
            }
    return code;
}
