/*
 * GET /organization/audit_logs: newest first, filtered, paged by ids. An event that becomes visible late takes its place
 * among the older ones.
 */
#include <string.h>

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"

enum { LIMIT_DEFAULT = 20, LIMIT_MOST = 100, EVENTS_LISTED_MAX = 1 << 17 };

struct listing {
    struct openai_event *at; /* newest first, in the arena of the exchange */
    size_t n;
};

static sv id_text(struct arena *a, const struct openai_event *e)
{
    return arena_printf(a, "audit_log-%08llx%012llx", (unsigned long long)(rng_mix(e->id) & 0xffffffff),
                        (unsigned long long)e->id);
}

/* Id of what the event is about. */
static sv subject_text(struct arena *a, const struct openai_event *e)
{
    return arena_printf(a, "subject_%012llx", (unsigned long long)(rng_mix(e->id + 1) >> 16));
}

static bool matches(struct exchange *x, const struct openai_params *p, bool tenant, const struct openai_event *e)
{
    const struct openai_world *w = &openai_of(x->sim)->world;
    bool person = e->actor == ACTOR_SESSION || e->actor == ACTOR_USER_KEY;
    sv actor = e->actor == ACTOR_NONE ? SV_NONE : person ? w->users[e->user].id : w->keys[e->key].account_id;

    return (tenant ? e->tenant : e->org) && e->visible <= x->now &&
           openai_allows(p, "event_types", sv_of(openai_event_types[e->type].name)) &&
           openai_allows(p, "project_ids", e->has_project ? w->projects[e->project].id : SV_NONE) &&
           openai_allows(p, "actor_ids", actor) &&
           openai_allows(p, "actor_emails", person ? w->users[e->user].email : SV_NONE) &&
           openai_allows(p, "resource_ids", subject_text(&x->arena, e));
}

/* effective_at[gte] and its like, as [*from, *until) in seconds. */
static bool read_range(struct exchange *x, const struct openai_params *p, int64_t *from, int64_t *until)
{
    const int64_t most = INT64_C(1) << 40;
    int64_t gt, gte, lt, lte;

    if (!openai_number(x, p, "effective_at[gt]", -1, -1, most, &gt) ||
        !openai_number(x, p, "effective_at[gte]", 0, 0, most, &gte) ||
        !openai_number(x, p, "effective_at[lt]", most, 0, most, &lt) ||
        !openai_number(x, p, "effective_at[lte]", most, 0, most, &lte))
        return false;
    *from = gt + 1 > gte ? gt + 1 : gte;
    *until = lt < lte + 1 ? lt : lte + 1;
    if (*from < x->sim->first * 60)
        *from = x->sim->first * 60;
    if (*until > x->now / NANO_PER_S + 1)
        *until = x->now / NANO_PER_S + 1;
    return true;
}

static bool collect(struct exchange *x, const struct openai_params *p, struct listing *out)
{
    bool tenant = sv_eq(openai_param(p, "tenant_only"), SV("true"));
    struct openai_event events[OPENAI_EVENTS_MAX];
    int64_t from, until;
    size_t most;

    if (!read_range(x, p, &from, &until))
        return false;
    most = until > from ? (size_t)((until - from) / 60 + 2) * OPENAI_EVENTS_MAX : 1;
    most = most > EVENTS_LISTED_MAX ? EVENTS_LISTED_MAX : most;
    out->n = 0;
    out->at = ARENA_ARRAY(&x->arena, struct openai_event, most);
    for (int64_t m = (until - 1) / 60; out->at && m >= from / 60; m--) {
        unsigned n = openai_events_of(&openai_of(x->sim)->world, x->sim, m, events);

        while (n-- > 0)
            if (events[n].at_s >= from && events[n].at_s < until && out->n < most && matches(x, p, tenant, &events[n]))
                out->at[out->n++] = events[n];
    }
    return true;
}

/* Where the item of that id stands; -1 and refused when there is none. */
static int64_t find(struct exchange *x, const struct listing *l, const char *param, sv id)
{
    for (size_t i = 0; i < l->n; i++)
        if (sv_eq(id_text(&x->arena, &l->at[i]), id))
            return (int64_t)i;
    openai_refuse(x, 400, "invalid_request_error", NULL, param, "Invalid %s provided: no such object in this list.",
                  param);
    return -1;
}

static void put_actor(struct exchange *x, struct buf *b, const struct openai_event *e)
{
    const struct openai_world *w = &openai_of(x->sim)->world;
    const struct openai_user *u = &w->users[e->user];
    sv user = arena_printf(&x->arena, "\"user\":{\"id\":\"%.*s\",\"email\":\"%.*s\"}", SV_ARG(u->id), SV_ARG(u->email));

    buf_put(b, SV(",\"actor\":"));
    switch (e->actor) {
    case ACTOR_SESSION:
        buf_printf(b,
                   "{\"type\":\"session\",\"session\":{%.*s,\"ip_address\":\"%.*s\",\"user_agent\":\"Mozilla/5.0\","
                   "\"ja3\":\"a497151ce4338a12c4418c44d375173e\",\"ja4\":\"q13d0313h3_55b375c5d22e_c7319ce65786\","
                   "\"ip_address_details\":{\"country\":\"US\",\"city\":\"San Francisco\",\"region\":\"California\","
                   "\"region_code\":\"CA\",\"asn\":\"1234\",\"latitude\":\"37.77490\",\"longitude\":\"-122.41940\"}}}",
                   SV_ARG(user), SV_ARG(u->ip));
        break;
    case ACTOR_USER_KEY:
        buf_printf(b, "{\"type\":\"api_key\",\"api_key\":{\"id\":\"%.*s\",\"type\":\"user\",%.*s}}",
                   SV_ARG(w->keys[e->key].id), SV_ARG(user));
        break;
    case ACTOR_ACCOUNT_KEY:
        buf_printf(
            b,
            "{\"type\":\"api_key\",\"api_key\":{\"id\":\"%.*s\",\"type\":\"service_account\",\"service_account\":"
            "{\"id\":\"%.*s\"}}}",
            SV_ARG(w->keys[e->key].id), SV_ARG(w->keys[e->key].account_id));
        break;
    default:
        buf_put(b, SV("null"));
    }
}

/* The type's own member, with an id for ID. */
static void put_detail(struct exchange *x, struct buf *b, const struct openai_event *e)
{
    const struct openai_event_type *t = &openai_event_types[e->type];
    sv detail = sv_of(t->detail), id = SV("ID");
    const char *at = t->detail ? strstr(t->detail, ":ID") : NULL;

    if (!detail.len)
        return;
    buf_printf(b, ",\"%s\":", t->name);
    if (!at) {
        buf_put(b, detail);
        return;
    }
    buf_put(b, sv_first(detail, (size_t)(at - t->detail) + 1));
    buf_json(b, subject_text(&x->arena, e));
    buf_put(b, sv_skip(detail, (size_t)(at - t->detail) + 1 + id.len));
}

static void put_event(struct exchange *x, struct buf *b, const struct openai_event *e)
{
    const struct openai_project *p = &openai_of(x->sim)->world.projects[e->project];

    buf_putc(b, '{');
    put_member(b, "id", id_text(&x->arena, e));
    buf_putc(b, ',');
    put_member(b, "type", sv_of(openai_event_types[e->type].name));
    buf_printf(b, ",\"effective_at\":%lld", (long long)e->at_s);
    if (e->has_project) {
        buf_put(b, SV(",\"project\":{"));
        put_member(b, "id", p->id);
        buf_putc(b, ',');
        put_member(b, "name", p->name);
        buf_putc(b, '}');
    }
    put_actor(x, b, e);
    put_detail(x, b, e);
    buf_putc(b, '}');
}

/* The page [*from, *until) of the listing: behind `after`, or the nearest ones before `before`. */
static bool read_page(struct exchange *x, const struct openai_params *p, const struct listing *l, int64_t *from,
                      int64_t *until)
{
    sv after = openai_param(p, "after"), before = openai_param(p, "before");
    int64_t limit, at;

    if (!openai_number(x, p, "limit", LIMIT_DEFAULT, 1, LIMIT_MOST, &limit))
        return false;
    *from = 0;
    *until = limit < (int64_t)l->n ? limit : (int64_t)l->n;
    if (after.len) {
        at = find(x, l, "after", after);
        *from = at + 1;
        *until = *from + limit < (int64_t)l->n ? *from + limit : (int64_t)l->n;
        return at >= 0;
    }
    if (!before.len)
        return true;
    at = find(x, l, "before", before);
    *until = at;
    *from = at > limit ? at - limit : 0;
    return at >= 0;
}

void openai_audit_logs(struct exchange *x)
{
    static const char *const known[] = { "effective_at[gt]",
                                         "effective_at[gte]",
                                         "effective_at[lt]",
                                         "effective_at[lte]",
                                         "project_ids",
                                         "event_types",
                                         "actor_ids",
                                         "actor_emails",
                                         "resource_ids",
                                         "tenant_only",
                                         "limit",
                                         "after",
                                         "before",
                                         NULL };
    bool more, stuck = x->fault && !strcmp(x->fault, "partial");
    struct openai_params p;
    struct listing l;
    int64_t from, until;
    struct buf *b;

    if (!openai_params_read(x, known, &p) || !collect(x, &p, &l) || !read_page(x, &p, &l, &from, &until))
        return;
    b = reply_json(x, 200);
    buf_put(b, SV("{\"object\":\"list\",\"data\":["));
    for (int64_t i = from; i < until; i++) {
        buf_put(b, i > from ? SV(",\n") : SV("\n"));
        put_event(x, b, &l.at[i]);
    }
    more = openai_param(&p, "before").len ? from > 0 : until < (int64_t)l.n;
    buf_printf(b, "],\"has_more\":%s,\"first_id\":", more || stuck ? "true" : "false");
    if (until > from)
        buf_json(b, id_text(&x->arena, &l.at[from]));
    else
        buf_put(b, SV("null"));
    buf_put(b, SV(",\"last_id\":"));
    if (stuck && openai_param(&p, "after").len)
        buf_json(b, openai_param(&p, "after"));
    else if (until > from)
        buf_json(b, id_text(&x->arena, &l.at[until - 1]));
    else
        buf_put(b, SV("null"));
    buf_putc(b, '}');
}
