/*
 * Projects, folders, active metric types, audit configurations; and what the ledger is told of them.
 *
 * An answer about permissions holds every binding of the project: nothing of it is read but auditConfigs (discovery.md 3.3).
 */
#include <math.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/model/canonical.h"
#include "collector/model/key.h"
#include "collector/model/region.h"
#include "collector/sources/gcp/gcp.h"

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "gcp: no room for the listing");
}

/* ---- Listings ---- */

typedef enum err_code take_fn(json v, struct items *items, struct err *e);

/* No member of that name is no item: answers may be {}. */
static enum err_code take_list(json root, sv member, take_fn *take, struct items *items, sv *next, struct err *e)
{
    enum err_code code = ERR_OK;
    json v;

    if (json_type(root) != JSON_OBJECT)
        return err_set(e, ERR_PARSE, "no object in the answer");
    for (struct json_iter it = json_items(json_get(root, member)); code == ERR_OK && json_item(&it, &v);)
        code = take(v, items, e);
    *next = code ? SV_NONE : arena_copy(items->arena, json_sv(json_get(root, SV("nextPageToken"))));
    return code || next->at ? code : full(e);
}

/* Labels are the usual place of owners; other names than those we know are nothing to us. */
static bool take_tags(struct items *items, struct owner_tags *tags, json labels)
{
    struct json_iter it = json_members(labels);
    bool ok = true;
    sv name;
    json value;

    while (ok && json_member(&it, &name, &value))
        ok = owner_tag(items, tags, name, json_sv(value));
    return ok;
}

static enum err_code take_project(json v, struct items *items, struct err *e)
{
    sv id = json_sv(json_get(v, SV("projectId"))), name = json_sv(json_get(v, SV("name")));
    struct gcp_project_item *p;
    bool ok;

    if (!sv_eq(json_sv(json_get(v, SV("state"))), SV("ACTIVE")) || id.len == 0 || id.len > GCP_NAME_MAX)
        return ERR_OK;
    p = item_add(items, sizeof *p);
    ok = p != NULL;
    if (!ok)
        return full(e);
    p->id = item_text(items, json_get(v, SV("projectId")), &ok);
    p->number = arena_copy(items->arena, sv_starts(name, SV("projects/")) ? sv_skip(name, strlen("projects/")) : name);
    p->parent = item_text(items, json_get(v, SV("parent")), &ok);
    p->tags = (struct owner_tags){ SV_NONE, SV_NONE, SV_NONE, SV_NONE };
    ok = ok && p->number.at && take_tags(items, &p->tags, json_get(v, SV("labels")));
    return ok ? ERR_OK : full(e);
}

static enum err_code take_folder(json v, struct items *items, struct err *e)
{
    sv name = json_sv(json_get(v, SV("name"))), state = json_sv(json_get(v, SV("state")));
    bool ok = true;
    sv *at;

    if (name.len == 0 || name.len > GCP_NAME_MAX || (state.len && !sv_eq(state, SV("ACTIVE"))))
        return ERR_OK;
    at = item_add(items, sizeof *at);
    if (at)
        *at = item_text(items, json_get(v, SV("name")), &ok);
    return at && ok ? ERR_OK : full(e);
}

/* "180s", "12.5s". */
static int64_t duration(sv text)
{
    double seconds = 0;

    if (!sv_ends(text, SV("s")) || !sv_to_f64(sv_first(text, text.len - 1), &seconds) || !(seconds > 0) ||
        seconds > 86400)
        return 0;
    return (int64_t)(seconds * (double)NANO_PER_S);
}

/* Those that we would read; one type may be listed for each project of a metrics scope. */
static enum err_code take_descriptor(json v, struct items *items, struct err *e)
{
    sv type = json_sv(json_get(v, SV("type"))), leaf;
    struct gcp_descriptor_item *d;

    if (type.len > GCP_NAME_MAX || (gcp_metric_find(type) < 0 && !gcp_quota_find(type, &leaf)))
        return ERR_OK;
    d = item_add(items, sizeof *d);
    if (!d)
        return full(e);
    d->type = arena_copy(items->arena, sv_skip(type, sizeof GCP_SERVICE));
    d->ingest_delay_nano = duration(json_sv(json_path(v, "metadata/ingestDelay")));
    return d->type.at ? ERR_OK : full(e);
}

enum err_code gcp_decode_projects(json root, struct items *items, sv *next, struct err *e)
{
    return take_list(root, SV("projects"), take_project, items, next, e);
}

enum err_code gcp_decode_folders(json root, struct items *items, sv *next, struct err *e)
{
    return take_list(root, SV("folders"), take_folder, items, next, e);
}

enum err_code gcp_decode_descriptors(json root, struct items *items, sv *next, struct err *e)
{
    return take_list(root, SV("metricDescriptors"), take_descriptor, items, next, e);
}

enum err_code gcp_decode_project(json root, struct items *items, struct err *e)
{
    if (json_type(root) != JSON_OBJECT)
        return err_set(e, ERR_PARSE, "no object in the answer");
    return take_project(root, items, e);
}

/* ---- Audit configurations ---- */

static void take_audit_log(json v, struct gcp_audit_policy *to)
{
    sv type = json_sv(json_get(v, SV("logType")));
    bool reads = sv_eq(type, SV("DATA_READ"));

    to->data_read |= reads;
    to->data_write |= sv_eq(type, SV("DATA_WRITE"));
    if (reads)
        to->exempted += (unsigned)json_count(json_get(v, SV("exemptedMembers")));
}

enum err_code gcp_decode_audit_policy(json root, struct gcp_audit_policy *to, struct err *e)
{
    json config, log;

    if (json_type(root) != JSON_OBJECT)
        return err_set(e, ERR_PARSE, "no object in the answer");
    for (struct json_iter it = json_items(json_get(root, SV("auditConfigs"))); json_item(&it, &config);) {
        sv service = json_sv(json_get(config, SV("service")));

        if (!sv_eq(service, SV("allServices")) && !sv_eq(service, SV(GCP_SERVICE)))
            continue;
        for (struct json_iter logs = json_items(json_get(config, SV("auditLogConfigs"))); json_item(&logs, &log);)
            take_audit_log(log, to);
    }
    return ERR_OK;
}

enum err_code gcp_emit_logging(bool on, const struct gcp_context *c, int64_t start_unix_nano, int64_t end_unix_nano,
                               struct frame *out, struct err *e)
{
    const struct gcp_origin o = { c->project, SV_NONE, SV_NONE, SV_NONE };
    struct batch *b = gcp_batch_of(out, &o, c->source, c->observed_unix_nano);
    struct measure *m = b ? batch_add_measure(b) : NULL;
    sv name = SV("auditConfigs.DATA_READ");

    if (!m)
        return full(e);
    out->tally.received++;
    m->name = batch_sym(b, name);
    m->start_unix_nano = start_unix_nano;
    m->end_unix_nano = end_unix_nano;
    m->kind = MEASURE_GAUGE;
    m->value = on;
    m->series = key_series(b, PLATFORM_VERTEX_AI, batch_sv(b, b->origin.resource_id), name, NULL, 0);
    m->key = key_measure(m->series, start_unix_nano);
    return batch_symbols_full(b) ? full(e) : ERR_OK;
}

/* ---- Models that were met ---- */

static int by_place(const void *a, const void *b)
{
    const struct gcp_use *x = a, *y = b;
    int order = strcmp(x->location, y->location);

    return order ? order : strcmp(x->endpoint, y->endpoint);
}

static bool fill_item(struct arena *a, const struct gcp_use *use, const struct owner_tags *tags,
                      struct inventory_item *i)
{
    sv location = sv_of(use->location), jurisdiction = region_jurisdiction(CLOUD_GCP, location);
    bool own = use->endpoint[0] != '\0';
    sv v[] = { sv_of(use->deployed), sv_of(use->model), model_canonical(a, sv_of(use->model)),
               jurisdiction,         tags->team,        tags->owner,
               tags->cost_center,    tags->env };

    for (size_t n = 0; n < sizeof v / sizeof v[0]; n++) {
        v[n] = v[n].at ? arena_copy(a, v[n]) : v[n];
        if (!v[n].at)
            return false;
    }
    *i = (struct inventory_item){ .deployment = v[0],
                                  .model_id = v[1],
                                  .model_version = SV_NONE,
                                  .model = v[2],
                                  .publisher = own ? SV_NONE : SV("openai"),
                                  .sku = own ? SV("endpoint") : SV("maas"),
                                  .processing = gcp_processing(location),
                                  .jurisdiction = v[3],
                                  .team = v[4],
                                  .owner = v[5],
                                  .cost_center = v[6],
                                  .env = v[7],
                                  .capacity = NAN,
                                  .capacity_unit = SV_NONE };
    return true;
}

static bool has_item(const struct epoch *epoch, const struct inventory_item *item)
{
    for (size_t n = 0; n < epoch->n_items; n++)
        if (sv_eq(epoch->items[n].model, item->model) && sv_eq(epoch->items[n].deployment, item->deployment))
            return true;
    return false;
}

static uint64_t hash_item(const struct inventory_item *i)
{
    const sv parts[] = { i->deployment, i->model_id, i->model,       i->processing, i->jurisdiction,
                         i->team,       i->owner,    i->cost_center, i->env };
    uint64_t h = 0;

    for (size_t n = 0; n < sizeof parts / sizeof parts[0]; n++)
        h = hash_part(h, parts[n]);
    return h;
}

static enum err_code emit_place(const struct gcp_use *uses, size_t n, const struct owner_tags *tags,
                                const struct gcp_context *c, struct frame *out, struct err *e)
{
    const struct gcp_origin o = { c->project, sv_of(uses->location), sv_of(uses->endpoint), SV_NONE };
    struct epoch *epoch = gcp_batch_of(out, &o, c->source, c->observed_unix_nano) ? frame_add_epoch(out) : NULL;
    struct inventory_item item;

    if (!epoch)
        return full(e);
    *epoch = (struct epoch){ .kind = EPOCH_INVENTORY,
                             .subject = gcp_resource_id(out->arena, &o),
                             .value = SV_NONE,
                             .items = ARENA_ARRAY(out->arena, struct inventory_item, n),
                             .valid_from_unix_nano = clock_floor(c->observed_unix_nano, NANO_PER_MIN) };
    for (size_t i = 0; i < n; i++) {
        if (!epoch->subject.at || !epoch->items || !fill_item(out->arena, &uses[i], tags, &item))
            return full(e);
        if (has_item(epoch, &item))
            continue;
        epoch->hash += hash_item(&item); /* in whatever order they were met */
        epoch->items[epoch->n_items++] = item;
    }
    return ERR_OK;
}

enum err_code gcp_emit_uses(struct gcp_use *uses, size_t n, const struct owner_tags *tags, const struct gcp_context *c,
                            struct frame *out, struct err *e)
{
    enum err_code code = ERR_OK;
    size_t same = 0;

    if (n)
        qsort(uses, n, sizeof *uses, by_place);
    for (size_t i = 0; i < n && code == ERR_OK; i += same) {
        for (same = 1; i + same < n && by_place(&uses[i], &uses[i + same]) == 0;)
            same++;
        code = emit_place(&uses[i], same, tags, c, out, e);
    }
    return code;
}
