/*
 * Who may have series by caller. Off unless the limits in the journal say how many: callers are personal data. They are admitted
 * in order of appearance and never given up for another, so that a series never changes its meaning; the calls of those who
 * found no room are counted together. Their names are not even interned: a scan with invented callers costs nothing.
 */
#include "collector/ledger/internal.h"

static uint64_t key_of(name_id id)
{
    return hash_u64(0, id);
}

name_id caller_for(struct ledger *l, sv caller)
{
    struct callers *c = &l->callers;
    name_id id = names_find(&l->names, caller);

    if (c->limit == 0)
        return CALLER_NOT_COUNTED;
    if (caller.len == 0 || (id && map_find(&c->admitted, key_of(id))))
        return id;
    if (c->admitted.n >= c->limit)
        return CALLER_REFUSED;
    id = id ? id : names_add(&l->names, caller);
    return id && map_put(&c->admitted, key_of(id), id) ? id : CALLER_REFUSED;
}

bool rule_by_caller(const struct fold_rule *r)
{
    return families[r->ours].labels & LABEL_BIT(LABEL_CALLER);
}

bool ledger_hides(const struct ledger *l, int family)
{
    return families[family].labels & LABEL_BIT(LABEL_CALLER) && l->callers.limit == 0;
}
