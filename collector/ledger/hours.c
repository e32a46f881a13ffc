/*
 * Requests against logged calls by resource and hour of the event: what genai_log_coverage_ratio is made of.
 *
 * Both sides come through series_add, so a late bucket or a late row finds its hour. A ring of hours is kept; the one that is
 * published lies so far back that late rows and undecided envelopes cannot change it much. A resource of which no call was ever
 * logged has no ratio: whether its logs go elsewhere is not known here.
 */
#include <stdlib.h>

#include "collector/ledger/internal.h"

enum { PUBLISHED_BACK = 5 }; /* an envelope is decided 4 h after it arrived */

/* What one side counts and the other may never hear of. A throttled call is not in Bedrock's invocation log as a rule, and
 * where one is, it must not stand in for another. Mantle's metrics tell no server errors, its data events do; throttled calls are
 * client errors to the former and themselves to the latter, so they are on both sides. */
static const struct {
    const char *platform, *outcome;
} one_sided[] = {
    { "bedrock", "throttled" },
    { "bedrock_mantle", "server_error" },
};

static name_id label_of(const struct series *s, enum label label)
{
    uint32_t before = families[s->family].labels & (LABEL_BIT(label) - 1);

    return families[s->family].labels & LABEL_BIT(label) ? s->labels[__builtin_popcount(before)] : 0;
}

static bool both_know(const struct ledger *l, const struct series *s)
{
    sv platform = names_sv(&l->names, label_of(s, LABEL_PLATFORM));
    sv outcome = names_sv(&l->names, label_of(s, LABEL_OUTCOME));

    for (size_t i = 0; i < sizeof one_sided / sizeof one_sided[0]; i++)
        if (sv_eq(platform, sv_of(one_sided[i].platform)) && sv_eq(outcome, sv_of(one_sided[i].outcome)))
            return false;
    return true;
}

static bool in_scope(sv family, bool *logged)
{
    *logged = sv_eq(family, SV("genai_logged_calls_total"));
    return *logged || sv_eq(family, SV("genai_requests_total"));
}

struct hours *hours_for(struct ledger *l, const name_id labels[HOURS_LABELS])
{
    uint64_t key = hash64(sv_make(labels, HOURS_LABELS * sizeof *labels));
    uint32_t *there = map_find(&l->hours_by_key, key);
    struct hours *h;

    if (there)
        return &l->hours[*there];
    h = grow(l->hours, l->n_hours, &l->cap_hours, sizeof *h);
    if (!h)
        return NULL;
    l->hours = h;
    if (!map_put(&l->hours_by_key, key, (uint32_t)l->n_hours))
        return NULL;
    h = &l->hours[l->n_hours++];
    *h = (struct hours){ .labels = { 0 } };
    memcpy(h->labels, labels, sizeof h->labels);
    return h;
}

void hours_add(struct fold *f, const struct series *s, int64_t delta)
{
    struct ledger *l = f->l;
    bool logged;
    struct hours *h;
    struct hour *slot;
    int64_t at = f->bucket, hour = at / NANO_PER_H;

    if (at <= 0 || !in_scope(sv_of(families[s->family].name), &logged) || !both_know(l, s))
        return;
    h = hours_for(l, s->labels); /* both families begin with the identity labels */
    slot = h ? &h->ring[hour % HOURS_KEPT] : NULL;
    if (!slot || slot->hour > hour)
        return;
    if (slot->hour < hour)
        *slot = (struct hour){ .hour = hour };
    *(logged ? &slot->logged : &slot->requests) += delta;
    h->has_log |= logged;
    h->source = logged || !f->source ? h->source : f->source->source;
    h->newest = !logged && hour > h->newest ? hour : h->newest;
}

size_t ledger_log_coverage_count(const struct ledger *l)
{
    return l->n_hours;
}

bool ledger_log_coverage(const struct ledger *l, size_t number, struct log_coverage_view *out)
{
    const struct hours *h = &l->hours[number];
    int64_t hour = h->newest - PUBLISHED_BACK;
    const struct hour *slot = hour > 0 ? &h->ring[hour % HOURS_KEPT] : NULL;

    if (!slot || slot->hour != hour || slot->requests <= 0 || !h->has_log)
        return false;
    *out = (struct log_coverage_view){ .hour_unix_nano = hour * NANO_PER_H,
                                       .ratio = (double)slot->logged / (double)slot->requests };
    for (int i = 0; i < HOURS_LABELS; i++)
        out->labels[i] = names_sv(&l->names, h->labels[i]);
    return true;
}

/* Up to when every log of calls of a source is complete; 0 when it has none. */
static int64_t logs_complete_until(const struct ledger *l, sv source)
{
    int64_t until = INT64_MAX;

    for (size_t i = 0; i < l->n_coverages; i++) {
        struct coverage_view v;

        ledger_coverage(l, i, &v);
        if (sv_eq(v.source, source) && (l->coverages[i].of_calls || sv_eq(v.group, SV("calls"))) &&
            v.complete_until_unix_nano < until)
            until = v.complete_until_unix_nano;
    }
    return until == INT64_MAX ? 0 : until;
}

size_t ledger_unlogged(const struct ledger *l, sv source, struct unlogged_view *out, size_t max)
{
    int64_t until = logs_complete_until(l, source);
    name_id id = names_find(&l->names, source);
    size_t n = 0;

    for (size_t i = 0; until && i < l->n_hours && n < max; i++) {
        const struct hours *h = &l->hours[i];
        int64_t hour = h->newest - PUBLISHED_BACK;
        const struct hour *slot = hour > 0 ? &h->ring[hour % HOURS_KEPT] : NULL;

        if (h->source != id || !slot || slot->hour != hour || slot->requests <= 0 || slot->logged > 0 ||
            (hour + 1) * NANO_PER_H > until)
            continue;
        out[n] = (struct unlogged_view){ .hour_unix_nano = hour * NANO_PER_H, .requests = slot->requests };
        for (int k = 0; k < HOURS_LABELS; k++)
            out[n].labels[k] = names_sv(&l->names, h->labels[k]);
        n++;
    }
    return n;
}
