/*
 * Audit logs: an event has a type, and one more member of the type's name with the details.
 *
 * Types are an open set (145 in the document of August 2026), so nothing is decided by one but what ends with ".failed". Of
 * the details what is known to hold nobody's words is kept; of anything else path, type and length (model/extra.h). Where the
 * object of an event is a person, its id does not become the target, which is no identity to the policy.
 */
#include "collector/base/clock.h"
#include "collector/model/extra.h"
#include "collector/model/key.h"
#include "collector/sources/openai/openai.h"

enum field { F_ID, F_TYPE, F_AT, F_PROJECT, F_ACTOR, FIELDS };
static const sv fields[FIELDS] = {
    [F_ID] = SVT("id"),           [F_TYPE] = SVT("type"),   [F_AT] = SVT("effective_at"),
    [F_PROJECT] = SVT("project"), [F_ACTOR] = SVT("actor"),
};

/* clang-format off */
/* Details that are no text of anybody: settings, roles, limits. */
static const char *const kept[] = {
    "data/role", "data/type", "changes_requested/role",
    "changes_requested/api_call_logging", "changes_requested/usage_dashboard_visibility",
    "changes_requested/max_requests_per_1_minute", "changes_requested/max_tokens_per_1_minute",
    "changes_requested/max_images_per_1_minute", "changes_requested/max_audio_megabytes_per_1_minute",
    "changes_requested/max_requests_per_1_day", "changes_requested/batch_1_day_max_input_tokens",
    "principal_type", "resource_type", "error_code",
};

/* Families of types whose object is a person. */
static const char *const personal[] = { "invite", "login", "logout", "user" };
/* clang-format on */

struct event {
    json at[FIELDS];
    json details;
    sv type;
    int64_t time_unix_nano;
};

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "openai: frame is full");
}

static sv name_of(json v)
{
    sv s = json_sv(v);

    return s.len <= OPENAI_NAME_MAX ? s : SV_NONE;
}

/* ---- Who ---- */

static const struct actor_form {
    const char *type;
    const char *who[3]; /* the first that is told */
    const char *ip;
} forms[] = {
    { "session", { "session/user/email", "session/user/id" }, "session/ip_address" },
    { "api_key", { "api_key/user/email", "api_key/user/id", "api_key/service_account/id" }, NULL },
};

static sv actor(json a)
{
    sv type = json_sv(json_get(a, SV("type"))), who = SV_NONE;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (size_t k = 0; k < 3 && sv_eq(type, sv_of(forms[i].type)) && forms[i].who[k] && who.len == 0; k++)
            who = name_of(json_path(a, forms[i].who[k]));
    return who.len ? who : name_of(json_path(a, "api_key/id"));
}

/* "session", "api_key/service_account". */
static sv actor_type(struct arena *arena, json a)
{
    sv type = name_of(json_get(a, SV("type"))), more = name_of(json_path(a, "api_key/type"));

    return more.len ? arena_printf(arena, "%.*s/%.*s", SV_ARG(type), SV_ARG(more)) : type;
}

/* ---- What ---- */

static bool is_personal(sv family)
{
    for (size_t i = 0; i < sizeof personal / sizeof *personal; i++)
        if (sv_eq(family, sv_of(personal[i])))
            return true;
    return false;
}

static bool is_kept(sv path)
{
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (sv_eq(path, sv_of(kept[i])))
            return true;
    return false;
}

/* One level down, where data and changes_requested have theirs. */
static bool take_details(struct extras *x, json v, sv above)
{
    struct json_iter it = json_members(v);
    bool ok = true;
    sv key;
    json item;

    while (ok && json_member(&it, &key, &item)) {
        sv path = arena_printf(x->scratch, "%.*s%s%.*s", SV_ARG(above), above.len ? "/" : "",
                               SV_ARG(sv_first(key, OPENAI_NAME_MAX)));

        if (!path.at || (above.len == 0 && sv_eq(key, SV("id"))))
            ok = path.at != NULL;
        else if (above.len == 0 && json_type(item) == JSON_OBJECT)
            ok = take_details(x, item, path);
        else
            ok = is_kept(path) ? extra_value(x, path, item) : extra_shape(x, path, item);
    }
    return ok;
}

static bool read_event(json v, struct event *out)
{
    int64_t s;

    json_pick(v, fields, FIELDS, out->at);
    out->type = name_of(out->at[F_TYPE]);
    if (out->type.len == 0 || !json_i64(out->at[F_AT], &s) || s <= 0 || s > INT64_MAX / NANO_PER_S)
        return false;
    out->time_unix_nano = s * NANO_PER_S;
    out->details = json_get(v, out->type);
    return true;
}

static uint64_t event_key(json v, const struct event *ev)
{
    uint64_t hash;

    if (name_of(ev->at[F_ID]).len)
        return key_parts((sv[]){ SV("openai audit"), name_of(ev->at[F_ID]) }, 2);
    hash = json_hash(0, v);
    return key_parts((sv[]){ SV("openai audit"), ev->type, sv_make(&hash, sizeof hash) }, 3);
}

static enum err_code emit(const struct openai_context *c, struct frame *out, struct arena *scratch, json v,
                          const struct event *ev, struct err *e)
{
    struct openai_origin o = { c->organization, name_of(json_get(ev->at[F_PROJECT], SV("id"))), SV_NONE };
    sv family = sv_first(ev->type, sv_find(ev->type, '.')), object = name_of(json_get(ev->details, SV("id")));
    sv action = arena_lower(scratch, ev->type), kind = actor_type(scratch, ev->at[F_ACTOR]);
    struct batch *b;
    struct audit *a;
    struct extras x;

    if (c->region && o.project.len)
        o.region = c->region(c->ctx, o.project);
    b = openai_batch_of(out, &o, c->source, c->observed_unix_nano);
    a = b ? batch_add_audit(b) : NULL;
    extras_init(&x, scratch, out->arena);
    if (!a || !action.at || !kind.at || !take_details(&x, ev->details, SV_NONE))
        return full(e);
    a->key = event_key(v, ev);
    a->time_unix_nano = ev->time_unix_nano;
    a->event_id = arena_copy(out->arena, name_of(ev->at[F_ID]));
    a->action = batch_sym(b, action);
    a->outcome = batch_sym(b, sv_ends(action, SV(".failed")) ? SV("failure") : SV("success"));
    a->actor = batch_sym(b, actor(ev->at[F_ACTOR]));
    a->actor_type = batch_sym(b, kind);
    a->actor_ip = batch_sym(b, name_of(json_path(ev->at[F_ACTOR], "session/ip_address")));
    a->target = batch_sym(b, object.len && !is_personal(family) ? object : o.project);
    a->category = batch_sym(b, family);
    return a->event_id.at && extras_keep(b, &x, &a->extra, &a->n_extra) && !batch_symbols_full(b) ? ERR_OK : full(e);
}

enum err_code openai_decode_audit(json root, const struct openai_context *c, struct frame *out, sv *next, struct err *e)
{
    json data = json_get(root, SV("data")), v;
    struct arena scratch;
    enum err_code code = ERR_OK;
    sv last = SV_NONE;

    if (json_type(data) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no data array in the answer");
    arena_init(&scratch, 0);
    for (struct json_iter it = json_items(data); code == ERR_OK && json_item(&it, &v);) {
        struct event ev;

        out->tally.received++;
        last = json_sv(json_get(v, SV("id")));
        if (read_event(v, &ev))
            code = emit(c, out, &scratch, v, &ev, e);
        else if (!frame_add_quarantine(out, REASON_MALFORMED, SV("event of an audit log"), SV_NONE))
            code = full(e);
        arena_reset(&scratch);
    }
    arena_done(&scratch);
    return code ? code : openai_after(root, last, out->arena, next, e);
}
