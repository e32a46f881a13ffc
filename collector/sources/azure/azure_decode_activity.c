/*
 * The Activity Log, as its API tells it and as diagnostic settings export it (discovery.md 1.2, 1.3).
 *
 * In the API's form eventName, category, operationName, status are {value, localizedValue}, any of which may be null,
 * empty or absent. The exported form has plain strings, no eventDataId and no caller: the actor is found among the
 * claims, and the key is made of what identifies an event otherwise.
 *
 * Claims and bodies in `properties` are personal data or may hold secrets: they leave no trace but their shape.
 */
#include <stdio.h>

#include "collector/model/key.h"
#include "collector/sources/azure/azure_row.h"

/* clang-format off */
static const struct { const char *theirs, *ours; } outcomes[] = {
    { "Accepted",    "started" },
    { "Fail",        "failure" },
    { "Failed",      "failure" },
    { "Failure",     "failure" },
    { "In Progress", "started" },
    { "InProgress",  "started" },
    { "Start",       "started" },
    { "Started",     "started" },
    { "Succeeded",   "success" },
    { "Success",     "success" },
};

/* Leaves of the API's form that are known to hold no text of anybody. */
static const char *const kept[] = { "correlationId", "operationId", "level", "submissionTimestamp", "resourceGroupName" };
/* clang-format on */

struct event {
    sv what, bytes;
    sv event_id, operation, status, sub_status, category, correlation, resource_id, location;
    sv actor, actor_type, actor_ip;
    json time;
    sv provider;     /* of the resource, as told; empty: the operation's first part */
    sv subscription; /* when resource_id does not tell */
};

static sv outcome_of(sv status)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (sv_eq_nocase(status, sv_of(outcomes[i].theirs)))
            return sv_of(outcomes[i].ours);
    return SV("unknown");
}

/* Those that the API is asked for; an event that names none is kept. */
static bool is_kept_provider(const struct event *v)
{
    sv provider = v->provider.len ? v->provider : sv_first(v->operation, sv_find(v->operation, '/'));

    for (size_t i = 0; azure_activity_providers[i]; i++)
        if (sv_eq_nocase(provider, sv_of(azure_activity_providers[i])))
            return true;
    return provider.len == 0;
}

/* Who acted, by kind of claim: people have a UPN, services an application id. */
static sv claim(json claims, sv name)
{
    struct json_iter it = json_members(claims);
    sv key, found = SV_NONE;
    json v;

    while (json_member(&it, &key, &v))
        if (sv_eq_nocase(sv_skip(key, sv_find_last(key, '/') < key.len ? sv_find_last(key, '/') + 1 : 0), name))
            found = json_sv(v);
    return found;
}

static sv first_of(const sv *of, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (of[i].len)
            return of[i];
    return SV_NONE;
}

static sv actor_type(json claims, sv told)
{
    if (told.len)
        return told;
    if (claim(claims, SV("upn")).len)
        return SV("User");
    return sv_eq_nocase(claim(claims, SV("idtyp")), SV("app")) || claim(claims, SV("appid")).len
               ? SV("ServicePrincipal")
               : SV_NONE;
}

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "azure: frame is full");
}

static bool is_event(const struct event *v, int64_t *at)
{
    const sv names[] = { v->event_id, v->operation, v->status,   v->sub_status, v->category,   v->correlation,
                         v->location, v->actor,     v->actor_ip, v->actor_type, v->resource_id };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].len > AZURE_ID_MAX)
            return false;
    return (v->operation.len || v->event_id.len) && json_time(v->time, at) && *at > 0;
}

/* The account of the event if it is about one, else its subscription. */
static struct batch *batch_of(struct azure_decoder *d, const struct event *v, sv resource_id, bool *unwanted)
{
    sv account = azure_account_id(resource_id), subscription = sv_path_value(resource_id, SV("subscriptions")), id;
    char lower[64];

    if (account.len)
        return azure_row_batch(d, account, SV_NONE, unwanted);
    if (subscription.len == 0)
        subscription = azure_lower(v->subscription, lower, sizeof lower);
    id = subscription.len ? arena_printf(&d->scratch, "/subscriptions/%.*s", SV_ARG(subscription)) : SV_NONE;
    return id.at ? azure_row_batch(d, id, SV_NONE, unwanted) : NULL;
}

static uint64_t key_of(const struct event *v, sv resource_id, sv action, sv when)
{
    if (v->event_id.len)
        return key_parts((sv[]){ SV("ActivityLog"), v->event_id }, 2);
    return key_parts((sv[]){ SV("ActivityLog"), resource_id, action, v->correlation, when, v->status }, 6);
}

static enum err_code take_event(struct azure_decoder *d, const struct event *v, int64_t at, const struct extras *x,
                                struct err *e)
{
    sv action = v->operation.len ? arena_lower(&d->scratch, v->operation) : SV_NONE,
       when = arena_printf(&d->scratch, "%lld", (long long)at);
    sv id = v->resource_id.len ? arena_lower(&d->scratch, v->resource_id) : SV_NONE;
    bool unwanted = false;
    struct batch *b = id.at ? batch_of(d, v, id, &unwanted) : NULL;
    struct audit *a;

    if (unwanted) {
        d->frame->tally.rejected[REASON_POLICY]++;
        return ERR_OK;
    }
    a = b ? batch_add_audit(b) : NULL;
    if (!a || !action.at || !when.at)
        return full(e);
    a->key = key_of(v, id, action, when);
    a->time_unix_nano = at;
    a->event_id = arena_copy(d->frame->arena, v->event_id);
    a->action = batch_sym(b, action);
    a->outcome = batch_sym(b, outcome_of(v->status));
    a->actor = batch_sym(b, v->actor);
    a->actor_type = batch_sym(b, v->actor_type);
    a->actor_ip = batch_sym(b, v->actor_ip);
    a->target = batch_sym(b, id);
    a->category = batch_sym(b, v->category);
    a->status = batch_sym(b, v->status);
    return a->event_id.at && extras_keep(b, x, &a->extra, &a->n_extra) ? ERR_OK : full(e);
}

static enum err_code take(struct azure_decoder *d, const struct event *v, const struct extras *x, struct err *e)
{
    enum err_code code = ERR_OK;
    int64_t at;

    d->frame->tally.received++;
    if (!is_event(v, &at))
        code = azure_quarantine(d, v->what, v->bytes, e);
    else if (!is_kept_provider(v))
        d->frame->tally.rejected[REASON_POLICY]++;
    else
        code = take_event(d, v, at, x, e);
    arena_reset(&d->scratch);
    return code;
}

/* ---- The API's form ---- */

/* {value, localizedValue}, or the value alone as exports have it. */
static sv value_of(json event, const char *name)
{
    json v = json_get(event, sv_of(name));
    sv plain = json_sv(v);

    return plain.len ? plain : json_sv(json_get(v, SV("value")));
}

enum err_code azure_activity_take(struct azure_decoder *d, json event, sv what, sv bytes, struct err *e)
{
    json claims = json_get(event, SV("claims"));
    struct extras x;
    struct event v = {
        .what = what,
        .bytes = bytes,
        .event_id = json_sv(json_get(event, SV("eventDataId"))),
        .operation = value_of(event, "operationName"),
        .status = value_of(event, "status"),
        .sub_status = value_of(event, "subStatus"),
        .category = value_of(event, "category"),
        .correlation = json_sv(json_get(event, SV("correlationId"))),
        .resource_id = json_sv(json_get(event, SV("resourceId"))),
        .actor = json_sv(json_get(event, SV("caller"))),
        .actor_type = actor_type(claims, SV_NONE),
        .actor_ip = json_sv(json_path(event, "httpRequest/clientIpAddress")),
        .time = json_get(event, SV("eventTimestamp")),
        .provider = value_of(event, "resourceProviderName"),
        .subscription = json_sv(json_get(event, SV("subscriptionId"))),
    };
    bool fits = true;

    extras_init(&x, &d->scratch, d->frame->arena);
    if (v.operation.len == 0)
        v.operation = json_sv(json_path(event, "authorization/action"));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        fits = fits && extra_value(&x, sv_of(kept[i]), json_get(event, sv_of(kept[i])));
    fits = fits && extra_value(&x, SV("eventName"), json_path(event, "eventName/value")) &&
           extra_value(&x, SV("subStatus"), json_path(event, "subStatus/value")) &&
           extra_value(&x, SV("properties/statusCode"), json_path(event, "properties/statusCode"));
    return fits ? take(d, &v, &x, e) : full(e);
}

enum err_code azure_decode_activity(struct azure_decoder *d, sv body, const struct azure_log_context *c,
                                    struct frame *out, sv *next_link, struct err *e)
{
    enum err_code code = ERR_OK;
    struct json_iter it;
    char what[40];
    size_t n = 0;
    json root, event, value;
    sv next;

    azure_decoder_begin(d, c, out);
    if (json_parse(d->outer, body, &root, e))
        return err_wrap(e, "activity log");
    value = json_get(root, SV("value"));
    if (json_type(value) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "activity log: no value array in the answer");
    for (it = json_items(value); !code && json_item(&it, &event);) {
        snprintf(what, sizeof what, "event %zu of the page", ++n);
        code = azure_activity_take(d, event, sv_of(what), SV_NONE, e);
    }
    if (code)
        return code;
    next = arena_copy(out->arena, json_sv(json_get(root, SV("nextLink"))));
    if (!next.at)
        return full(e);
    *next_link = next;
    return ERR_OK;
}

/* ---- The exported form ---- */

bool azure_is_exported_activity(json record)
{
    return json_type(json_get(record, SV("identity"))) == JSON_OBJECT &&
           json_sv(json_get(record, SV("resultType"))).len > 0;
}

enum err_code azure_exported_activity_take(struct azure_decoder *d, json record, sv what, sv bytes, struct err *e)
{
    json claims = json_path(record, "identity/claims"), evidence = json_path(record, "identity/authorization/evidence");
    sv actors[] = { claim(claims, SV("upn")), claim(claims, SV("name")), claim(claims, SV("appid")),
                    json_sv(json_get(evidence, SV("principalId"))) };
    struct extras x;
    struct event v = {
        .what = what,
        .bytes = bytes,
        .event_id = json_sv(json_get(record, SV("eventDataId"))), /* if an export should ever have it */
        .operation = value_of(record, "operationName"),
        .status = value_of(record, "resultType"),
        .sub_status = value_of(record, "resultSignature"),
        .category = value_of(record, "category"),
        .correlation = json_sv(json_get(record, SV("correlationId"))),
        .resource_id = json_sv(json_get(record, SV("resourceId"))),
        .actor = first_of(actors, sizeof actors / sizeof *actors),
        .actor_type = actor_type(claims, json_sv(json_get(evidence, SV("principalType")))),
        .actor_ip = json_sv(json_get(record, SV("callerIpAddress"))),
        .time = json_get(record, SV("time")),
    };
    bool fits;

    extras_init(&x, &d->scratch, d->frame->arena);
    fits = extra_value(&x, SV("correlationId"), json_get(record, SV("correlationId"))) &&
           extra_value(&x, SV("level"), json_get(record, SV("level"))) &&
           extra_value(&x, SV("resultSignature"), json_get(record, SV("resultSignature"))) &&
           extra_value(&x, SV("durationMs"), json_get(record, SV("durationMs"))) &&
           extra_value(&x, SV("properties/statusCode"), json_path(record, "properties/statusCode"));

    return fits ? take(d, &v, &x, e) : full(e);
}
