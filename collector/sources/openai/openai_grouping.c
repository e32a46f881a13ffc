/*
 * What a bucket is grouped by must not change: its results would have other keys, and the ledger would add those of the one
 * grouping to those of the other. So the choice is journalled, a change of the configuration holds for buckets that nobody
 * has read yet, and those of before are read again as they were read first. Not pure: it asks the ledger.
 */
#include "collector/ledger/ledger.h"
#include "collector/sources/openai/openai_state.h"

static sv text_of(struct arena *a, unsigned groups)
{
    sv text = arena_printf(a, "by");

    for (int d = 0; d < OPENAI_DIMENSIONS && text.at; d++)
        if (groups & OPENAI_BIT(d))
            text = arena_printf(a, "%.*s,%.*s", SV_ARG(text), SV_ARG(openai_dimension_names[d]));
    return text;
}

static unsigned groups_of(sv text)
{
    unsigned groups = 0;

    while (text.len) {
        int d = openai_dimension_find(sv_cut(&text, ','));

        groups |= d < 0 ? 0 : OPENAI_BIT(d);
    }
    return groups;
}

struct openai_part openai_last_part(const struct openai_source *s, sv fact, int64_t from, int64_t to, unsigned wanted,
                                    struct arena *a)
{
    int64_t since = INT64_MIN;
    sv text = s->env.ledger ? ledger_authority_at(s->env.ledger, fact, s->env.id, to - 1, &since, a) : SV_NONE;

    return (struct openai_part){ since > from ? since : from, to, text.len ? groups_of(text) : wanted };
}

enum err_code openai_choose_groups(const struct openai_source *s, struct frame *out, const char *fact, unsigned groups,
                                   int64_t since_unix_nano, struct err *e)
{
    sv text = text_of(out->arena, groups);

    return text.at && source_choose(&s->env, out, fact, s->env.id, text.at, since_unix_nano)
               ? ERR_OK
               : err_set(e, ERR_LIMIT, "no room for epochs");
}

unsigned openai_chosen_groups(const struct openai_source *s, sv fact, struct arena *a)
{
    return groups_of(source_authority(&s->env, fact, s->env.id, a));
}
