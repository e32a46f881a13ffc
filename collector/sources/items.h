/*
 * A growing array of one kind of item in an arena: what pages of a listing are decoded into.
 *
 * Ownership: items and what they point to live in the arena. Errors: NULL at the arena's limit or at ITEMS_MAX.
 */
#ifndef SOURCES_ITEMS_H
#define SOURCES_ITEMS_H

#include "collector/base/arena.h"
#include "collector/base/err.h"
#include "collector/base/json.h"

struct items {
    struct arena *arena;
    void *at;
    size_t n, cap;
};
#define ITEM(items, type, i) (&((type *)(items)->at)[i])
enum { ITEMS_MAX = 100000 };

/* Zeroed; the pointer holds until the next one is added. */
void *item_add(struct items *l, size_t size);

/* A member's text as a copy in the arena; empty, and *ok turns false, at the limit. item_lower in lower case. */
sv item_text(struct items *l, json v, bool *ok);
sv item_lower(struct items *l, json v, bool *ok);

/* Decodes one page into items; *next (in items->arena) is empty on the last one. */
typedef enum err_code page_decoder(json root, struct items *items, sv *next, struct err *e);

/* Tags by which a resource is counted to somebody. */
struct owner_tags {
    sv team, owner, cost_center, env;
};
/* Takes a tag that is one of them (names compare without case, values are cut); others are nothing to us. */
bool owner_tag(struct items *l, struct owner_tags *t, sv name, sv value);

#endif
