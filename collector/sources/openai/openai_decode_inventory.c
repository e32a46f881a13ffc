/* Projects and rate limits: listings that are continued after their last id. */
#include "collector/sources/openai/openai_state.h"

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "no room for the listing");
}

/* *next is the last id when there is more. `last_id` may be missing: the last item's own id says the same. */
static enum err_code turn(json root, sv last, struct items *items, sv *next, struct err *e)
{
    sv told = json_sv(json_get(root, SV("last_id")));
    bool more = false;

    (void)json_bool(json_get(root, SV("has_more")), &more);
    last = told.len ? told : last;
    if (more && last.len == 0)
        return err_set(e, ERR_PARTIAL, "has_more without last_id");
    *next = more ? arena_copy(items->arena, last) : SV_NONE;
    return next->at ? ERR_OK : full(e);
}

enum err_code openai_decode_projects(json root, struct items *items, sv *next, struct err *e)
{
    json data = json_get(root, SV("data")), v;
    sv last = SV_NONE;

    if (json_type(data) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no data array in the answer");
    for (struct json_iter it = json_items(data); json_item(&it, &v);) {
        struct openai_project *p;
        bool ok = true;

        last = json_sv(json_get(v, SV("id")));
        if (last.len == 0 || last.len > OPENAI_NAME_MAX)
            continue;
        p = item_add(items, sizeof *p);
        if (!p)
            return full(e);
        p->id = item_text(items, json_get(v, SV("id")), &ok);
        p->name = item_text(items, json_get(v, SV("name")), &ok);
        p->residency = openai_residency(items->arena, json_sv(json_get(v, SV("residency"))));
        p->archived = sv_eq(json_sv(json_get(v, SV("status"))), SV("archived"));
        if (!ok || !p->residency.region.at)
            return full(e);
    }
    return turn(root, last, items, next, e);
}
