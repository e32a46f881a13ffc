/*
 * What every listing needs: a growing array, texts copied out of an answer, and the few tags that name an owner. Tags are
 * operator text: only an allow-list of keys is read, each value cut.
 */
#include "collector/sources/items.h"

enum { TAG_MAX = 128 };

void *item_add(struct items *l, size_t size)
{
    void *at;

    if (l->n >= ITEMS_MAX)
        return NULL;
    at = arena_grow(l->arena, l->at, l->n, &l->cap, size);
    if (!at)
        return NULL;
    l->at = at;
    at = (char *)at + size * l->n++;
    memset(at, 0, size);
    return at;
}

sv item_text(struct items *l, json v, bool *ok)
{
    sv copy = arena_copy(l->arena, json_sv(v));

    *ok = *ok && copy.at;
    return copy.at ? copy : SV_NONE;
}

sv item_lower(struct items *l, json v, bool *ok)
{
    sv copy = arena_lower(l->arena, json_sv(v));

    *ok = *ok && copy.at;
    return copy.at ? copy : SV_NONE;
}

/* Spellings of tags that operators use, compared without case. */
static const struct {
    const char *tag;
    size_t offset;
} tags[] = {
    { "team", offsetof(struct owner_tags, team) },
    { "owner", offsetof(struct owner_tags, owner) },
    { "cost_center", offsetof(struct owner_tags, cost_center) },
    { "cost-center", offsetof(struct owner_tags, cost_center) },
    { "costcenter", offsetof(struct owner_tags, cost_center) },
    { "env", offsetof(struct owner_tags, env) },
    { "environment", offsetof(struct owner_tags, env) },
};

bool owner_tag(struct items *l, struct owner_tags *t, sv name, sv value)
{
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        sv copy;

        if (!sv_eq_nocase(name, sv_of(tags[i].tag)))
            continue;
        copy = arena_copy(l->arena, sv_first(value, TAG_MAX));
        if (copy.at)
            *(sv *)(void *)((char *)t + tags[i].offset) = copy;
        return copy.at != NULL;
    }
    return true;
}
