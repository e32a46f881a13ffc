/*
 * Inventory: projects, rate limits, keys and users. Pages are smaller than what is asked for (the API promises no more
 * than "up to"), so that nobody gets away without reading the next one.
 */
#include <string.h>

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"

enum { PAGE_MOST = 4, LIMIT_DEFAULT = 20, LIMIT_MOST = 100 };

struct list {
    struct exchange *x;
    struct buf *b;
    const struct openai_project *project; /* whose rate limits or keys */
    bool archived;                        /* list archived projects as well */
};

/* What a list has by number: whether it is in the list at all, its id, its JSON. */
struct items {
    unsigned n;
    bool (*there)(const struct list *l, unsigned i);
    sv (*id)(const struct list *l, unsigned i);
    void (*put)(const struct list *l, unsigned i);
};

static const struct openai_world *world_of(const struct list *l)
{
    return &openai_of(l->x->sim)->world;
}

static void put_id(struct buf *b, const char *name, sv id)
{
    buf_printf(b, ",\"%s\":", name);
    if (id.at)
        buf_json(b, id);
    else
        buf_put(b, SV("null"));
}

/* First of what comes behind `after`; n + 1 and refused when there is no such item. */
static unsigned start_of(const struct list *l, const struct items *items, sv after)
{
    unsigned i = 0;

    if (!after.len)
        return 0;
    while (i < items->n && !sv_eq(items->id(l, i), after))
        i++;
    if (i < items->n)
        return i + 1;
    openai_refuse(l->x, 400, "invalid_request_error", NULL, "after",
                  "Invalid after provided: no such object in this list.");
    return items->n + 1;
}

static void answer(struct list *l, const struct items *items, const struct openai_params *p)
{
    bool stuck = l->x->fault && !strcmp(l->x->fault, "partial"), more = false;
    sv first = { NULL, 0 }, last = { NULL, 0 }, after = openai_param(p, "after");
    int64_t limit, n = 0;
    unsigned i;

    if (!openai_number(l->x, p, "limit", LIMIT_DEFAULT, 1, LIMIT_MOST, &limit))
        return;
    i = start_of(l, items, after);
    if (i > items->n)
        return;
    limit = limit > PAGE_MOST ? PAGE_MOST : limit;
    l->b = reply_json(l->x, 200);
    buf_put(l->b, SV("{\"object\":\"list\",\"data\":["));
    for (; i < items->n && !more; i++) {
        if (!items->there(l, i))
            continue;
        more = n == limit;
        if (more)
            break;
        buf_put(l->b, n++ ? SV(",\n") : SV("\n"));
        items->put(l, i);
        last = items->id(l, i);
        first = first.at ? first : last;
    }
    buf_put(l->b, SV("]"));
    put_id(l->b, "first_id", first);
    put_id(l->b, "last_id", stuck && after.len ? after : last);
    buf_printf(l->b, ",\"has_more\":%s}", more || stuck ? "true" : "false");
}

static bool all_there(const struct list *l, unsigned i)
{
    (void)l;
    (void)i;
    return true;
}

/* ---- projects ---- */

static bool is_archived(const struct list *l, unsigned i)
{
    return world_of(l)->projects[i].archived_s <= l->x->now / NANO_PER_S;
}

static bool project_there(const struct list *l, unsigned i)
{
    return l->archived || !is_archived(l, i);
}

static sv project_id(const struct list *l, unsigned i)
{
    return world_of(l)->projects[i].id;
}

static void put_project(const struct list *l, unsigned i)
{
    const struct openai_project *p = &world_of(l)->projects[i];

    buf_put(l->b, SV("{\"object\":\"organization.project\","));
    put_member(l->b, "id", p->id);
    buf_putc(l->b, ',');
    put_member(l->b, "name", p->name);
    buf_printf(l->b, ",\"created_at\":%lld,\"archived_at\":", (long long)p->created_s);
    if (is_archived(l, i))
        buf_i64(l->b, p->archived_s);
    else
        buf_put(l->b, SV("null"));
    buf_printf(l->b, ",\"status\":\"%s\",\"external_key_id\":null,\"residency\":\"%s\"}",
               is_archived(l, i) ? "archived" : "active", p->residency);
}

void openai_projects(struct exchange *x)
{
    static const char *const known[] = { "limit", "after", "include_archived", NULL };
    struct list l = { .x = x };
    const struct items items = { world_of(&l)->n_projects, project_there, project_id, put_project };
    struct openai_params p;

    if (!openai_params_read(x, known, &p))
        return;
    l.archived = sv_eq(openai_param(&p, "include_archived"), SV("true"));
    answer(&l, &items, &p);
}

/* The project of the path; NULL: answered. */
static const struct openai_project *project_of(struct exchange *x)
{
    const struct openai_project *p = openai_project_find(&openai_of(x->sim)->world, x->captures[0]);

    if (!p)
        openai_refuse(x, 404, "invalid_request_error", NULL, NULL, "No such project: %.*s.",
                      SV_ARG(sv_first(x->captures[0], 64)));
    return p;
}

void openai_project(struct exchange *x)
{
    static const char *const known[] = { NULL };
    const struct openai_project *of = project_of(x);
    struct list l = { .x = x };
    struct openai_params p;

    if (!of || !openai_params_read(x, known, &p))
        return;
    l.b = reply_json(x, 200);
    put_project(&l, of->index);
}

/* ---- rate limits ---- */

static bool model_there(const struct list *l, unsigned i)
{
    return l->project->models & 1U << i;
}

static sv limit_id(const struct list *l, unsigned i)
{
    return arena_printf(&l->x->arena, "rl-%s", openai_models[i].id);
}

static void put_limit(const struct list *l, unsigned i)
{
    const struct openai_model *m = &openai_models[i];
    uint64_t h = rng_name(rng_name(l->project->stream, 'q'), i);
    unsigned requests = 500 * (unsigned)(1 + h % 20);

    buf_put(l->b, SV("{\"object\":\"project.rate_limit\","));
    put_member(l->b, "id", limit_id(l, i));
    buf_putc(l->b, ',');
    put_member(l->b, "model", sv_of(m->id));
    buf_printf(l->b, ",\"max_requests_per_1_minute\":%u,\"max_tokens_per_1_minute\":%u", requests, requests * 400);
    if (m->kind == OPENAI_IMAGES)
        buf_put(l->b, SV(",\"max_images_per_1_minute\":50"));
    if (m->kind == OPENAI_TRANSCRIPTIONS)
        buf_put(l->b, SV(",\"max_audio_megabytes_per_1_minute\":120"));
    if (m->kind == OPENAI_COMPLETIONS)
        buf_put(l->b, SV(",\"max_requests_per_1_day\":1000000,\"batch_1_day_max_input_tokens\":20000000"));
    buf_putc(l->b, '}');
}

void openai_rate_limits(struct exchange *x)
{
    static const char *const known[] = { "limit", "after", "before", NULL };
    const struct items items = { OPENAI_MODELS, model_there, limit_id, put_limit };
    struct list l = { .x = x, .project = project_of(x) };
    struct openai_params p;

    if (l.project && openai_params_read(x, known, &p))
        answer(&l, &items, &p);
}

/* ---- keys ---- */

static const struct openai_key *key_at(const struct list *l, unsigned i)
{
    return &world_of(l)->keys[l->project->index * OPENAI_KEYS + i];
}

static sv key_id(const struct list *l, unsigned i)
{
    return key_at(l, i)->id;
}

static void put_key(const struct list *l, unsigned i)
{
    const struct openai_key *k = key_at(l, i);
    long long created = (long long)l->project->created_s;

    buf_put(l->b, SV("{\"object\":\"organization.project.api_key\","));
    put_member(l->b, "id", k->id);
    buf_putc(l->b, ',');
    put_member(l->b, "name", k->name);
    buf_putc(l->b, ',');
    put_member(l->b, "redacted_value", k->redacted);
    buf_printf(l->b, ",\"created_at\":%lld,\"last_used_at\":%lld,\"owner_project_access\":\"active\",\"owner\":{",
               created, (long long)(l->x->now / NANO_PER_S));
    if (k->user >= 0) {
        const struct openai_user *u = &world_of(l)->users[k->user];

        buf_printf(
            l->b,
            "\"type\":\"user\",\"user\":{\"id\":\"%.*s\",\"name\":\"%.*s\",\"email\":\"%.*s\",\"role\":\"member\","
            "\"created_at\":%lld}}}",
            SV_ARG(u->id), SV_ARG(u->name), SV_ARG(u->email), created);
    } else {
        buf_printf(
            l->b,
            "\"type\":\"service_account\",\"service_account\":{\"id\":\"%.*s\",\"name\":\"%.*s\",\"role\":\"member\","
            "\"created_at\":%lld}}}",
            SV_ARG(k->account_id), SV_ARG(k->account_name), created);
    }
}

void openai_api_keys(struct exchange *x)
{
    static const char *const known[] = { "limit", "after", NULL };
    const struct items items = { OPENAI_KEYS, all_there, key_id, put_key };
    struct list l = { .x = x, .project = project_of(x) };
    struct openai_params p;

    if (l.project && openai_params_read(x, known, &p))
        answer(&l, &items, &p);
}

/* ---- users ---- */

static sv user_id(const struct list *l, unsigned i)
{
    return world_of(l)->users[i].id;
}

static void put_user(const struct list *l, unsigned i)
{
    const struct openai_user *u = &world_of(l)->users[i];

    buf_put(l->b, SV("{\"object\":\"organization.user\","));
    put_member(l->b, "id", u->id);
    buf_putc(l->b, ',');
    put_member(l->b, "name", u->name);
    buf_putc(l->b, ',');
    put_member(l->b, "email", u->email);
    buf_printf(l->b, ",\"role\":\"%s\",\"added_at\":%lld}", i ? "reader" : "owner",
               (long long)world_of(l)->projects[0].created_s);
}

void openai_users(struct exchange *x)
{
    static const char *const known[] = { "limit", "after", "emails", NULL };
    const struct items items = { OPENAI_USERS, all_there, user_id, put_user };
    struct list l = { .x = x };
    struct openai_params p;

    if (openai_params_read(x, known, &p))
        answer(&l, &items, &p);
}
