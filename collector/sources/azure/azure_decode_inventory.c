/*
 * Answers of discovery as plain arrays, and what the ledger is told of them.
 *
 * Pages are followed by the caller: the first page may be empty and still carry nextLink. Items without the fields that
 * make them what they are (id, name) are skipped, unknown fields ignored.
 */
#include <math.h>

#include "collector/base/hash.h"
#include "collector/model/canonical.h"
#include "collector/model/key.h"
#include "collector/model/region.h"
#include "collector/sources/azure/azure.h"

enum { DEFINITION_DIMENSIONS_MAX = 32 };

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "no room for more items");
}

/* Opens a page: its items, and where the next one is. */
static enum err_code page(json root, struct items *l, sv *next, struct json_iter *it, struct err *e)
{
    json value = json_get(root, SV("value"));
    bool ok = true;

    if (json_type(value) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no array \"value\"");
    *it = json_items(value);
    *next = item_text(l, json_get(root, SV("nextLink")), &ok);
    return ok ? ERR_OK : full(e);
}

enum err_code azure_decode_subscriptions(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;

    if (page(root, items, next, &it, e))
        return e ? e->code : ERR_PARSE;
    while (ok && json_item(&it, &v)) {
        sv state = json_sv(json_get(v, SV("state")));
        struct azure_subscription_item *s;

        /* Disabled ones are read too: their history is still there. */
        if (!json_sv(json_get(v, SV("subscriptionId"))).len || sv_eq_nocase(state, SV("Deleted")))
            continue;
        s = item_add(items, sizeof *s);
        if (!s)
            return full(e);
        s->id = item_lower(items, json_get(v, SV("subscriptionId")), &ok);
        s->name = item_text(items, json_get(v, SV("displayName")), &ok);
        s->state = item_text(items, json_get(v, SV("state")), &ok);
    }
    return ok ? ERR_OK : full(e);
}

enum err_code azure_decode_descendants(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;

    if (page(root, items, next, &it, e))
        return e ? e->code : ERR_PARSE;
    while (ok && json_item(&it, &v)) {
        struct azure_subscription_item *s;

        if (!sv_ends_nocase(json_sv(json_get(v, SV("type"))), SV("subscriptions")) ||
            !json_sv(json_get(v, SV("name"))).len)
            continue;
        s = item_add(items, sizeof *s);
        if (!s)
            return full(e);
        s->id = item_lower(items, json_get(v, SV("name")), &ok);
        s->name = item_text(items, json_path(v, "properties/displayName"), &ok);
        s->state = SV_NONE;
    }
    return ok ? ERR_OK : full(e);
}

/* ---- accounts ---- */

static bool read_tags(struct items *l, json object, struct azure_account_item *a)
{
    bool ok = true;
    sv name;
    json value;

    a->tags = (struct owner_tags){ SV_NONE, SV_NONE, SV_NONE, SV_NONE };
    for (struct json_iter it = json_members(object); ok && json_member(&it, &name, &value);)
        ok = owner_tag(l, &a->tags, name, json_sv(value));
    return ok;
}

enum err_code azure_decode_accounts(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;

    if (page(root, items, next, &it, e))
        return e ? e->code : ERR_PARSE;
    while (ok && json_item(&it, &v)) {
        sv id = json_sv(json_get(v, SV("id")));
        struct azure_account_item *a;

        if (id.len == 0 || id.at[0] != '/')
            continue;
        a = item_add(items, sizeof *a);
        if (!a)
            return full(e);
        a->id = item_lower(items, json_get(v, SV("id")), &ok);
        a->name = item_text(items, json_get(v, SV("name")), &ok);
        a->location = item_text(items, json_get(v, SV("location")), &ok);
        a->kind = item_text(items, json_get(v, SV("kind")), &ok);
        ok = read_tags(items, json_get(v, SV("tags")), a) && ok;
    }
    return ok ? ERR_OK : full(e);
}

enum err_code azure_decode_deployments(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;

    if (page(root, items, next, &it, e))
        return e ? e->code : ERR_PARSE;
    while (ok && json_item(&it, &v)) {
        struct azure_deployment_item *d;

        if (!json_sv(json_get(v, SV("name"))).len)
            continue;
        d = item_add(items, sizeof *d);
        if (!d)
            return full(e);
        d->name = item_text(items, json_get(v, SV("name")), &ok);
        d->model = item_text(items, json_path(v, "properties/model/name"), &ok);
        d->version = item_text(items, json_path(v, "properties/model/version"), &ok);
        /* model.publisher is null for OpenAI's own: format says it for all. */
        d->publisher = item_text(items, json_path(v, "properties/model/format"), &ok);
        d->sku = item_text(items, json_path(v, "sku/name"), &ok);
        d->capacity = NAN;
        d->created_unix_nano = 0;
        (void)json_f64(json_path(v, "sku/capacity"), &d->capacity);
        (void)json_time(json_path(v, "systemData/createdAt"), &d->created_unix_nano);
    }
    return ok ? ERR_OK : full(e);
}

/* ---- metric definitions ---- */

static bool read_definition(struct items *l, json v, struct azure_definition_item *d)
{
    json dimensions = json_get(v, SV("dimensions")), item;
    size_t n = json_count(dimensions);
    sv *at = ARENA_ARRAY(l->arena, sv, n + 1);
    bool ok = at != NULL;

    d->name = item_text(l, json_path(v, "name/value"), &ok);
    d->dimensions = at;
    d->n_dimensions = 0;
    d->has_count = false;
    for (struct json_iter it = json_items(dimensions); ok && json_item(&it, &item);)
        if (d->n_dimensions < n && d->n_dimensions < DEFINITION_DIMENSIONS_MAX)
            at[d->n_dimensions++] = item_text(l, json_get(item, SV("value")), &ok);
    for (struct json_iter it = json_items(json_get(v, SV("supportedAggregationTypes"))); json_item(&it, &item);)
        d->has_count |= sv_eq_nocase(json_sv(item), SV("Count"));
    return ok;
}

enum err_code azure_decode_definitions(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;

    if (page(root, items, next, &it, e))
        return e ? e->code : ERR_PARSE;
    while (json_item(&it, &v)) {
        struct azure_definition_item *d;

        if (!json_sv(json_path(v, "name/value")).len)
            continue;
        d = item_add(items, sizeof *d);
        if (!d || !read_definition(items, v, d))
            return full(e);
    }
    return ERR_OK;
}

enum err_code azure_decode_usages(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;

    if (page(root, items, next, &it, e))
        return e ? e->code : ERR_PARSE;
    while (ok && json_item(&it, &v)) {
        struct azure_usage_item *u;

        if (!json_sv(json_path(v, "name/value")).len)
            continue;
        u = item_add(items, sizeof *u);
        if (!u)
            return full(e);
        u->name = item_text(items, json_path(v, "name/value"), &ok);
        u->value = u->limit = NAN;
        (void)json_f64(json_get(v, SV("currentValue")), &u->value);
        (void)json_f64(json_get(v, SV("limit")), &u->limit);
    }
    return ok ? ERR_OK : full(e);
}

/* ---- diagnostic settings ---- */

/* allLogs holds every category; which ones "audit" holds is unverified beyond Audit itself. */
static const struct {
    const char *category;
    bool in_audit_group;
} categories[AZURE_LOG_CATEGORIES] = {
    [AZURE_LOG_REQUESTS] = { "RequestResponse", false },
    [AZURE_LOG_USAGE] = { "AzureOpenAIRequestUsage", false },
    [AZURE_LOG_AUDIT] = { "Audit", true },
};

static void log_entry(json entry, bool to_workspace, struct azure_logging_state *out)
{
    sv category = json_sv(json_get(entry, SV("category"))), group = json_sv(json_get(entry, SV("categoryGroup")));
    bool enabled = false;

    if (!json_bool(json_get(entry, SV("enabled")), &enabled) || !enabled)
        return;
    for (int c = 0; c < AZURE_LOG_CATEGORIES; c++) {
        if (!sv_eq_nocase(category, sv_of(categories[c].category)) && !sv_eq_nocase(group, SV("allLogs")) &&
            !(categories[c].in_audit_group && sv_eq_nocase(group, SV("audit"))))
            continue;
        out->any[c] = AZURE_LOGGING_ON;
        if (to_workspace)
            out->workspace[c] = AZURE_LOGGING_ON;
    }
}

enum err_code azure_decode_diagnostics(json root, struct azure_logging_state *out, struct err *e)
{
    json value = json_get(root, SV("value")), setting, entry;

    if (json_type(value) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no array \"value\"");
    for (int c = 0; c < AZURE_LOG_CATEGORIES; c++)
        out->any[c] = out->workspace[c] = AZURE_LOGGING_OFF;
    for (struct json_iter it = json_items(value); json_item(&it, &setting);) {
        json properties = json_get(setting, SV("properties"));
        bool to_workspace = json_sv(json_get(properties, SV("workspaceId"))).len > 0; /* null, absent, "": none */

        for (struct json_iter l = json_items(json_get(properties, SV("logs"))); json_item(&l, &entry);)
            log_entry(entry, to_workspace, out);
    }
    return ERR_OK;
}

/* ---- what the ledger is told ---- */

bool azure_quota_name(sv name, sv *pool, sv *sku, sv *model)
{
    sv rest = name, format = sv_cut(&rest, '.');

    *sku = sv_cut(&rest, '.');
    *model = rest;
    if (!format.len || !sku->len || !model->len)
        return false;
    *pool = sv_first(name, format.len + 1 + sku->len);
    return true;
}

/* A figure that is no metric there, as a gauge of the span in which it was read. */
static struct measure *gauge(struct batch *b, sv name, double value, sv unit, int64_t start, int64_t end)
{
    struct measure *m = batch_add_measure(b);

    if (!m)
        return NULL;
    m->kind = MEASURE_GAUGE;
    m->name = batch_sym(b, name);
    m->unit = batch_sym(b, unit);
    m->value = value;
    m->start_unix_nano = start;
    m->end_unix_nano = end;
    return m;
}

/* Identity of such a gauge, once its labels are set. */
static void gauge_key(struct batch *b, struct measure *m)
{
    struct key_value dims[] = { { batch_sym(b, SV("deployment")), batch_sv(b, m->deployment) },
                                { batch_sym(b, SV("model")), batch_sv(b, m->model) } };

    m->series = key_series(b, PLATFORM_AZURE_OPENAI, batch_sv(b, b->origin.resource_id), batch_sv(b, m->name), dims, 2);
    m->key = key_measure(m->series, m->start_unix_nano);
}

static sv capacity_unit(sv sku)
{
    return azure_sku_is_provisioned(sku) ? SV("units") : SV("tokens");
}

static bool emit_capacity(struct batch *b, const struct azure_deployment_item *d, sv model, int64_t start, int64_t end,
                          struct tally *t)
{
    bool provisioned = azure_sku_is_provisioned(d->sku);
    sv name = provisioned ? SV("deployments.sku.capacity.provisioned") : SV("deployments.sku.capacity.standard");
    struct measure *m = isnan(d->capacity) ? NULL : gauge(b, name, d->capacity, capacity_unit(d->sku), start, end);

    if (isnan(d->capacity))
        return true;
    if (!m)
        return false;
    m->deployment = batch_sym(b, d->name);
    m->model = batch_sym(b, model);
    gauge_key(b, m);
    t->received++;
    return true;
}

static uint64_t hash_item(uint64_t h, const struct inventory_item *i)
{
    const sv parts[] = { i->deployment,   i->model_id, i->model_version, i->publisher,   i->sku, i->processing,
                         i->jurisdiction, i->team,     i->owner,         i->cost_center, i->env };

    for (size_t n = 0; n < sizeof parts / sizeof parts[0]; n++)
        h = hash_part(h, parts[n]);
    /* The bits: what a cloud calls a capacity may be no number that an integer holds. */
    h = hash_part(h, sv_make(&i->capacity, sizeof i->capacity));
    return hash_u64(h, (uint64_t)i->created_unix_nano);
}

/* All views of an epoch must live as long as the frame, whatever becomes of the inventory. */
static bool keep(struct arena *a, sv *views, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        views[i] = arena_copy(a, views[i]);
        if (!views[i].at)
            return false;
    }
    return true;
}

static bool fill_item(struct arena *a, const struct azure_account_item *account, const struct azure_deployment_item *d,
                      struct inventory_item *i)
{
    sv region = account->location;
    sv v[] = { d->name,
               d->model,
               d->version,
               d->publisher,
               d->sku,
               account->tags.team,
               account->tags.owner,
               account->tags.cost_center,
               account->tags.env,
               azure_processing(d->sku, region),
               region_jurisdiction(CLOUD_AZURE, region) };

    if (!keep(a, v, sizeof v / sizeof v[0]))
        return false;
    *i = (struct inventory_item){ .deployment = v[0],
                                  .model_id = v[1],
                                  .model_version = v[2],
                                  .publisher = v[3],
                                  .sku = v[4],
                                  .team = v[5],
                                  .owner = v[6],
                                  .cost_center = v[7],
                                  .env = v[8],
                                  .processing = v[9],
                                  .jurisdiction = v[10],
                                  .model = model_canonical(a, d->model),
                                  .capacity = d->capacity,
                                  .capacity_unit = capacity_unit(d->sku),
                                  .created_unix_nano = d->created_unix_nano };
    return i->model.at != NULL;
}

static bool wants(const struct azure_metric_context *c, sv publisher)
{
    return !c->publisher || c->publisher(c->ctx, publisher);
}

static bool emit_logging(struct batch *b, enum azure_logging state, int64_t start, int64_t end, struct tally *t)
{
    struct measure *m;

    if (state == AZURE_LOGGING_UNKNOWN)
        return true; /* not allowed to look is not "off" */
    m = gauge(b, SV("diagnosticSettings.RequestResponse"), state == AZURE_LOGGING_ON, SV_NONE, start, end);
    if (!m)
        return false;
    gauge_key(b, m);
    t->received++;
    return true;
}

enum err_code azure_emit_inventory(const struct azure_account_view *v, const struct azure_metric_context *c,
                                   int64_t start_unix_nano, int64_t end_unix_nano, struct frame *out, struct err *e)
{
    const struct azure_account_item *a = v->account;
    struct azure_account_facts facts = { a->name, a->location, region_jurisdiction(CLOUD_AZURE, a->location) };
    struct batch *b = azure_batch_of(out, a->id, &facts, c->source, c->observed_unix_nano);
    struct epoch *epoch = frame_add_epoch(out);
    struct inventory_item *items = ARENA_ARRAY(out->arena, struct inventory_item, v->n_deployments + 1);

    if (!b || !epoch || !items)
        return full(e);
    *epoch = (struct epoch){ .kind = EPOCH_INVENTORY,
                             .subject = arena_copy(out->arena, a->id),
                             .value = SV_NONE,
                             .items = items,
                             .hash = hash_part(hash64(a->name), a->location) };
    for (size_t n = 0; n < v->n_deployments; n++) {
        const struct azure_deployment_item *d = &v->deployments[n];
        struct inventory_item *i = &items[epoch->n_items];

        if (!wants(c, d->publisher))
            continue;
        if (!fill_item(out->arena, a, d, i) ||
            !emit_capacity(b, d, i->model, start_unix_nano, end_unix_nano, &out->tally))
            return full(e);
        epoch->hash = hash_item(epoch->hash, i);
        epoch->n_items++;
    }
    epoch->valid_from_unix_nano = start_unix_nano;
    if (!emit_logging(b, v->logging.any[AZURE_LOG_REQUESTS], start_unix_nano, end_unix_nano, &out->tally))
        return full(e);
    return ERR_OK;
}

static bool emit_usage(const struct azure_usage_item *u, struct batch *b, sv model, bool provisioned, int64_t start,
                       int64_t end, struct tally *t)
{
    const struct {
        sv name;
        double value;
    } figures[] = {
        { provisioned ? SV("usages.limit.provisioned") : SV("usages.limit.standard"), u->limit },
        { provisioned ? SV("usages.currentValue.provisioned") : SV("usages.currentValue.standard"), u->value },
    };

    for (size_t i = 0; i < 2; i++) {
        struct measure *m;

        if (isnan(figures[i].value))
            continue;
        m = gauge(b, figures[i].name, figures[i].value, provisioned ? SV("units") : SV("tokens"), start, end);
        if (!m)
            return false;
        m->model = batch_sym(b, model);
        gauge_key(b, m);
        t->received++;
    }
    return true;
}

enum err_code azure_emit_usages(const struct azure_usage_item *items, size_t n, sv subscription, sv location, sv source,
                                int64_t start_unix_nano, int64_t end_unix_nano, struct frame *out, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct azure_account_facts facts = { .location = location,
                                             .jurisdiction = region_jurisdiction(CLOUD_AZURE, location) };
        sv pool, sku, model, id, canonical;
        struct batch *b;

        if (!azure_quota_name(items[i].name, &pool, &sku, &model))
            continue; /* quotas of speech, vision, ...: "Face.Transactions" */
        facts.name = pool;
        id = arena_printf(out->arena, "/subscriptions/%.*s/locations/%.*s/usages/%.*s", SV_ARG(subscription),
                          SV_ARG(location), SV_ARG(pool));
        id = arena_lower(out->arena, id);
        canonical = model_canonical(out->arena, model);
        b = id.at && canonical.at ? azure_batch_of(out, id, &facts, source, start_unix_nano) : NULL;
        if (!b || !emit_usage(&items[i], b, canonical, azure_sku_is_provisioned(sku), start_unix_nano, end_unix_nano,
                              &out->tally))
            return full(e);
    }
    return ERR_OK;
}
