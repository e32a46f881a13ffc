/*
 * Leaves in each batch only the symbols that its records refer to, so that what policy or the filter took away from the
 * records does not stay behind in the table and on the disk. Renumbering goes over the same list of fields as the codec.
 */
#include "collector/model/codec_fields.h"
#include "collector/model/record.h"

struct renumbering {
    const struct batch *old; /* with the table as it was */
    struct batch *b;         /* with the new one */
    sym *numbers;            /* old -> new, 0 not met yet */
};

static sym renumber(struct renumbering *k, sym s)
{
    if (s == 0 || s > batch_symbols(k->old))
        return 0;
    if (!k->numbers[s])
        k->numbers[s] = batch_sym(k->b, batch_sv(k->old, s));
    return k->numbers[s];
}

static void renumber_pairs(struct renumbering *k, struct key_value *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pairs[i].name = renumber(k, pairs[i].name);
        /* A value that is a symbol already travels as its number (codec.h). */
        (void)renumber(k, batch_sym_find(k->old, pairs[i].value));
    }
}

#define ON(kind, ...)  ON_##kind(__VA_ARGS__)
#define ON_SYM(m)      r->m = renumber(k, r->m);
#define ON_PAIRS(m, n) renumber_pairs(k, r->m, r->n);
#define ON_KEY(...)
#define ON_NUM(...)
#define ON_REAL(...)
#define ON_IDENT(...)
#define ON_COUNTER(...)
#define ON_TEXT(...)
#define ON_FLAG(...)
#define ON_TIME(...)
#define ON_ENUM(...)
#define ON_MKIND(...)
#define ON_BOUNDS(...)
#define ON_BUCKETS(...)
#define RENUMBER(thing, FIELDS)                                                                                        \
    static void renumber_##thing(struct renumbering *k, struct thing *r)                                               \
    {                                                                                                                  \
        FIELDS(ON)                                                                                                     \
    }
RENUMBER(origin, ORIGIN_FIELDS)
RENUMBER(call, CALL_FIELDS)
RENUMBER(measure, MEASURE_FIELDS)
RENUMBER(audit, AUDIT_FIELDS)
RENUMBER(charge, CHARGE_FIELDS)
RENUMBER(gap, GAP_FIELDS)

static bool compact(struct batch *b)
{
    const struct batch old = *b;
    struct renumbering k = { &old, b, ARENA_ARRAY(b->arena, sym, batch_symbols(b) + 1) };

    if (!k.numbers || !batch_new_symbols(b))
        return false;
    renumber_origin(&k, &b->origin);
    for (size_t i = 0; i < b->n_calls; i++)
        renumber_call(&k, &b->calls[i]);
    for (size_t i = 0; i < b->n_measures; i++)
        renumber_measure(&k, &b->measures[i]);
    for (size_t i = 0; i < b->n_audits; i++)
        renumber_audit(&k, &b->audits[i]);
    for (size_t i = 0; i < b->n_charges; i++)
        renumber_charge(&k, &b->charges[i]);
    for (size_t i = 0; i < b->n_gaps; i++)
        renumber_gap(&k, &b->gaps[i]);
    return !batch_symbols_full(b);
}

bool frame_compact(struct frame *f)
{
    bool good = true;

    for (struct batch *b = f->batches; b && good; b = b->next)
        good = compact(b);
    return good;
}
