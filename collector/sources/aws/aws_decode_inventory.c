/*
 * Answers of discovery as plain arrays, and what the ledger is told of them.
 *
 * Pages are followed by the caller: one may be empty and still carry a token. Items without the fields that make them
 * what they are are skipped, unknown fields ignored; enumerations grow.
 */
#include <math.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/model/canonical.h"
#include "collector/model/key.h"
#include "collector/model/region.h"
#include "collector/sources/aws/aws.h"

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "no room for more items");
}

/* Opens a page: the array `name`, and the token of the next page. */
static enum err_code page(json root, struct items *l, const char *name, const char *token, sv *next,
                          struct json_iter *it, struct err *e)
{
    json array = json_get(root, sv_of(name));
    bool ok = true;

    if (json_type(array) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no array \"%s\"", name);
    *it = json_items(array);
    *next = item_text(l, json_get(root, sv_of(token)), &ok);
    return ok ? ERR_OK : full(e);
}

/* ---- accounts and regions ---- */

static bool is_account_id(sv id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.at[i] < '0' || id.at[i] > '9')
            return false;
    return id.len == AWS_ACCOUNT_DIGITS;
}

enum err_code aws_decode_accounts(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;
    enum err_code code = page(root, items, "Accounts", "NextToken", next, &it, e);

    while (code == ERR_OK && ok && json_item(&it, &v)) {
        sv id = json_sv(json_get(v, SV("Id"))), state = json_sv(json_get(v, SV("State")));
        struct aws_account_item *a;

        /* `Status` was announced to go away in favour of `State`; both absent means active. */
        state = state.len ? state : json_sv(json_get(v, SV("Status")));
        if (!is_account_id(id) || (state.len && !sv_eq(state, SV("ACTIVE"))))
            continue;
        a = item_add(items, sizeof *a);
        if (!a)
            return full(e);
        a->id = item_text(items, json_get(v, SV("Id")), &ok);
        a->name = item_text(items, json_get(v, SV("Name")), &ok);
    }
    return code ? code : ok ? ERR_OK : full(e);
}

enum err_code aws_decode_units(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;
    enum err_code code = page(root, items, "OrganizationalUnits", "NextToken", next, &it, e);

    while (code == ERR_OK && ok && json_item(&it, &v)) {
        sv *id = json_sv(json_get(v, SV("Id"))).len ? item_add(items, sizeof *id) : NULL;

        if (id)
            *id = item_text(items, json_get(v, SV("Id")), &ok);
        else if (json_sv(json_get(v, SV("Id"))).len)
            return full(e);
    }
    return code ? code : ok ? ERR_OK : full(e);
}

enum err_code aws_decode_regions(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;
    enum err_code code = page(root, items, "Regions", "NextToken", next, &it, e);

    while (code == ERR_OK && ok && json_item(&it, &v)) {
        sv status = json_sv(json_get(v, SV("RegionOptStatus"))), *name;

        if (!json_sv(json_get(v, SV("RegionName"))).len || (status.len && !sv_starts(status, SV("ENABLED"))))
            continue;
        name = item_add(items, sizeof *name);
        if (!name)
            return full(e);
        *name = item_text(items, json_get(v, SV("RegionName")), &ok);
    }
    return code ? code : ok ? ERR_OK : full(e);
}

/* ---- inference profiles ---- */

/* Where calls may be processed, from the regions in the models' ARNs: one region, all in the US or the EU, none told
 * (a global profile, unverified), or else unknown. */
static sv processing_of(json models)
{
    sv region = SV_NONE, jurisdiction = SV_NONE;
    bool one = true, same = true, any = false, global = false;
    json v;

    for (struct json_iter it = json_items(models); json_item(&it, &v); any = true) {
        sv rest = json_sv(json_get(v, SV("modelArn"))), r = SV_NONE, j;

        for (int i = 0; i < 4; i++) /* arn:partition:service:region */
            r = sv_cut(&rest, ':');
        global = global || r.len == 0;
        j = region_jurisdiction(CLOUD_AWS, r);
        one = one && (!any || sv_eq(r, region));
        same = same && j.len && (!any || sv_eq(j, jurisdiction));
        region = r;
        jurisdiction = j;
    }
    if (!any || global)
        return any ? SV("global") : SV("unknown");
    if (one)
        return SV("region");
    return same && (sv_eq(jurisdiction, SV("us")) || sv_eq(jurisdiction, SV("eu"))) ? jurisdiction : SV("unknown");
}

static bool read_profile(struct items *l, json v, struct aws_profile *p)
{
    struct json_iter models = json_items(json_get(v, SV("models")));
    bool ok = true;
    sv model = SV_NONE;
    json first;

    if (json_item(&models, &first))
        model = aws_last_part(json_sv(json_get(first, SV("modelArn"))));
    p->id = item_text(l, json_get(v, SV("inferenceProfileId")), &ok);
    p->arn = item_text(l, json_get(v, SV("inferenceProfileArn")), &ok);
    p->name = item_text(l, json_get(v, SV("inferenceProfileName")), &ok);
    p->id = p->id.len ? p->id : aws_last_part(p->arn);
    p->model_id = arena_copy(l->arena, model);
    p->processing = processing_of(json_get(v, SV("models")));
    p->tags = (struct owner_tags){ SV_NONE, SV_NONE, SV_NONE, SV_NONE };
    return ok && p->model_id.at;
}

static bool is_application(json profile)
{
    sv type = json_sv(json_get(profile, SV("type")));

    return type.len
               ? sv_eq(type, SV("APPLICATION"))
               : sv_has(json_sv(json_get(profile, SV("inferenceProfileArn"))), SV(":application-inference-profile/"));
}

enum err_code aws_decode_profiles(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    enum err_code code = page(root, items, "inferenceProfileSummaries", "nextToken", next, &it, e);

    while (code == ERR_OK && json_item(&it, &v)) {
        struct aws_profile *p = is_application(v) ? item_add(items, sizeof *p) : NULL;

        if (!is_application(v))
            continue;
        if (!p || !read_profile(items, v, p))
            return full(e);
    }
    return code;
}

enum err_code aws_decode_profile(json root, struct items *items, struct err *e)
{
    struct aws_profile *p;

    if (!json_sv(json_get(root, SV("inferenceProfileArn"))).len)
        return err_set(e, ERR_PARSE, "no \"inferenceProfileArn\"");
    p = item_add(items, sizeof *p);
    return p && read_profile(items, root, p) ? ERR_OK : full(e);
}

enum err_code aws_decode_tags(json root, struct arena *a, struct owner_tags *out, struct err *e)
{
    struct items l = { .arena = a };
    json tags = json_get(root, SV("tags")), v;

    if (json_type(tags) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no array \"tags\"");
    for (struct json_iter it = json_items(tags); json_item(&it, &v);)
        if (!owner_tag(&l, out, json_sv(json_get(v, SV("key"))), json_sv(json_get(v, SV("value")))))
            return full(e);
    return ERR_OK;
}

/* ---- logging, quotas ---- */

enum err_code aws_decode_logging(json root, struct arena *a, struct aws_logging_state *out, struct err *e)
{
    json config = json_get(root, SV("loggingConfig"));
    sv group = json_sv(json_path(config, "cloudWatchConfig/logGroupName"));
    sv bucket = json_sv(json_path(config, "s3Config/bucketName"));

    if (json_type(root) != JSON_OBJECT)
        return err_set(e, ERR_PARSE, "no object");
    out->log_group = arena_copy(a, group);
    if (!out->log_group.at)
        return full(e);
    /* An absent member is "off" (the form is unverified); one without a destination delivers nothing. */
    out->logging = group.len || bucket.len ? AWS_LOGGING_ON : AWS_LOGGING_OFF;
    return ERR_OK;
}

enum err_code aws_decode_quotas(json root, struct items *items, sv *next, struct err *e)
{
    struct json_iter it;
    json v;
    bool ok = true;
    enum err_code code = page(root, items, "Quotas", "NextToken", next, &it, e);

    while (code == ERR_OK && ok && json_item(&it, &v)) {
        struct aws_quota quota;
        struct aws_quota_item *q;
        double value;

        /* With an ErrorReason the value is not to be trusted. */
        if (!aws_quota_name(json_sv(json_get(v, SV("QuotaName"))), &quota) ||
            json_type(json_get(v, SV("ErrorReason"))) == JSON_OBJECT || !json_f64(json_get(v, SV("Value")), &value))
            continue;
        q = item_add(items, sizeof *q);
        if (!q)
            return full(e);
        *q = (struct aws_quota_item){ quota, value };
        q->quota.model = arena_copy(items->arena, quota.model);
        ok = q->quota.model.at != NULL;
    }
    return code ? code : ok ? ERR_OK : full(e);
}

/* ---- what the ledger is told ---- */

/* A figure that is no metric there, as a gauge of the span in which it was read. */
static bool gauge(struct batch *b, sv name, double value, sv model, int64_t start, int64_t end)
{
    struct measure *m = batch_add_measure(b);
    struct key_value dims[] = { { batch_sym(b, SV("model")), model } };

    if (!m)
        return false;
    m->kind = MEASURE_GAUGE;
    m->name = batch_sym(b, name);
    m->value = value;
    m->start_unix_nano = start;
    m->end_unix_nano = end;
    m->model = batch_sym(b, model);
    m->series = key_series(b, b->origin.platform, batch_sv(b, b->origin.resource_id), name, dims, 1);
    m->key = key_measure(m->series, start);
    return true;
}

enum err_code aws_emit_logging(const struct aws_logging_state *l, const struct aws_metric_context *c, int64_t start,
                               int64_t end, struct frame *out, struct err *e)
{
    struct aws_origin o = { PLATFORM_BEDROCK, c->account, c->region, SV_NONE };
    struct batch *b;

    if (l->logging == AWS_LOGGING_UNKNOWN)
        return ERR_OK; /* not allowed to look is not "off" */
    b = aws_batch_of(out, &o, c->source, c->observed_unix_nano);
    if (!b || !gauge(b, SV("logging.modelinvocations"), l->logging == AWS_LOGGING_ON, SV_NONE, start, end))
        return full(e);
    out->tally.received++;
    return ERR_OK;
}

enum err_code aws_emit_quotas(const struct aws_quota_item *items, size_t n, const struct aws_metric_context *c,
                              int64_t start, int64_t end, struct frame *out, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct aws_quota *q = &items[i].quota;
        struct aws_origin o = { q->platform, c->account, c->region, SV_NONE };
        sv name = sv_eq(q->unit, SV("tokens")) ? SV("servicequotas.tokens") : SV("servicequotas.requests");
        sv model = sv_starts_nocase(q->model, SV("OpenAI ")) ? sv_skip(q->model, strlen("OpenAI ")) : q->model;
        sv canonical = model_canonical(out->arena, aws_dashed(out->arena, model));
        struct batch *b = aws_pool_batch(out, &o, q->pool, c->source, c->observed_unix_nano);

        if (!canonical.at || !b || !gauge(b, name, items[i].value, canonical, start, end))
            return full(e);
        out->tally.received++;
    }
    return ERR_OK;
}

static sv processing(const struct aws_profiles *profiles, const struct aws_model *m)
{
    static const char *const told[] = { "us", "eu", "global" };

    for (size_t i = 0; profiles && m->opaque && i < profiles->n; i++)
        if (sv_eq(profiles->at[i].id, m->deployment))
            return profiles->at[i].processing;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (sv_eq(m->geography, sv_of(told[i])))
            return m->geography;
    return m->opaque || m->geography.len ? SV("unknown") : SV("region");
}

static const struct owner_tags *tags_of(const struct aws_profiles *profiles, sv deployment)
{
    static const struct owner_tags none = { SVT(""), SVT(""), SVT(""), SVT("") };

    for (size_t i = 0; profiles && i < profiles->n; i++)
        if (sv_eq(profiles->at[i].id, deployment))
            return &profiles->at[i].tags;
    return &none;
}

static bool fill_item(struct arena *a, const struct aws_model *m, const struct aws_metric_context *c,
                      struct inventory_item *i)
{
    const struct owner_tags *tags = tags_of(c->profiles, m->deployment);
    sv v[] = { m->deployment, m->model_id, m->model,          m->publisher, processing(c->profiles, m),
               tags->team,    tags->owner, tags->cost_center, tags->env,    region_jurisdiction(CLOUD_AWS, c->region) };

    for (size_t n = 0; n < sizeof v / sizeof v[0]; n++) {
        v[n] = arena_copy(a, v[n]);
        if (!v[n].at)
            return false;
    }
    *i = (struct inventory_item){ .deployment = v[0],
                                  .model_id = v[1],
                                  .model_version = SV_NONE,
                                  .model = v[2],
                                  .publisher = v[3],
                                  .sku = SV_NONE,
                                  .processing = v[4],
                                  .team = v[5],
                                  .owner = v[6],
                                  .cost_center = v[7],
                                  .env = v[8],
                                  .jurisdiction = v[9],
                                  .capacity = NAN,
                                  .capacity_unit = SV_NONE };
    return true;
}

static bool has_item(const struct epoch *epoch, const struct inventory_item *i)
{
    for (size_t n = 0; n < epoch->n_items; n++)
        if (sv_eq(epoch->items[n].deployment, i->deployment) && sv_eq(epoch->items[n].model, i->model))
            return true;
    return false;
}

static uint64_t hash_item(uint64_t h, const struct inventory_item *i)
{
    const sv parts[] = { i->deployment, i->model_id, i->model,       i->publisher, i->processing,
                         i->team,       i->owner,    i->cost_center, i->env,       i->jurisdiction };

    for (size_t n = 0; n < sizeof parts / sizeof parts[0]; n++)
        h = hash_part(h, parts[n]);
    return h;
}

static struct epoch *epoch_of(struct frame *out, size_t first, sv subject)
{
    for (size_t i = first; i < out->n_epochs; i++)
        if (sv_eq(out->epochs[i].subject, subject))
            return &out->epochs[i];
    return NULL;
}

static enum err_code emit_name(const struct aws_name *name, size_t n_names, const struct aws_metric_context *c,
                               size_t first_epoch, struct frame *out, struct err *e)
{
    struct aws_origin o = { name->platform, c->account, c->region, name->project };
    struct batch *b = aws_batch_of(out, &o, c->source, c->observed_unix_nano);
    sv subject = aws_resource_id(out->arena, &o);
    struct epoch *epoch = subject.at ? epoch_of(out, first_epoch, subject) : NULL;
    struct inventory_item item;
    struct aws_model m;
    enum err_code code;

    if (!epoch && subject.at && b) {
        epoch = frame_add_epoch(out);
        if (epoch)
            *epoch = (struct epoch){ .kind = EPOCH_INVENTORY,
                                     .subject = subject,
                                     .value = SV_NONE,
                                     .items = ARENA_ARRAY(out->arena, struct inventory_item, n_names),
                                     .hash = hash64(c->region),
                                     .valid_from_unix_nano = clock_floor(c->observed_unix_nano, NANO_PER_MIN) };
    }
    if (!epoch || !epoch->items)
        return full(e);
    code = aws_model_of(name->platform == PLATFORM_BEDROCK ? c->profiles : NULL, name->model_id, out->arena, &m, e);
    if (code)
        return code;
    if (name->platform == PLATFORM_BEDROCK_MANTLE)
        m.deployment = SV_NONE;
    if (!fill_item(out->arena, &m, c, &item))
        return full(e);
    if (!has_item(epoch, &item)) {
        epoch->hash = hash_item(epoch->hash, &item);
        epoch->items[epoch->n_items++] = item;
    }
    return ERR_OK;
}

enum err_code aws_emit_names(const struct aws_name *names, size_t n, const struct aws_metric_context *c,
                             struct frame *out, struct err *e)
{
    size_t first = out->n_epochs;

    for (size_t i = 0; i < n; i++) {
        enum err_code code = emit_name(&names[i], n, c, first, out, e);

        if (code)
            return code;
    }
    return ERR_OK;
}
