/*
 * Exposed series. They are admitted in order of appearance up to the limit and never renumbered, so that exporters may cache by
 * number. A counter's cells hold its values and, behind them, what was shown of them. Expired ones (life.c) keep their number
 * and make room within the limit, up to a total that bounds the memory.
 */
#include <stdlib.h>

#include "collector/ledger/internal.h"

void registry_init(struct registry *r)
{
    *r = (struct registry){ .limit = 200000 };
    map_init(&r->by_hash, 0);
    map_init(&r->by_ids, 0);
}

void registry_done(struct registry *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->at[i].cells);
    free(r->at);
    free(r->touched);
    map_done(&r->by_hash);
    map_done(&r->by_ids);
}

uint64_t series_hash(int family, const sv values[LABELS])
{
    uint64_t h = hash64(sv_of(families[family].name));

    for (int i = 0; i < LABELS; i++)
        if (families[family].labels & LABEL_BIT(i))
            h = hash_part(hash_part(h, sv_of(label_name((enum label)i))), values[i]);
    return h;
}

unsigned series_words(int family)
{
    return families[family].type == FAMILY_PEAK ? 2 * PEAK_MINUTES : 2 * family_cells(family);
}

unsigned series_inputs(int family)
{
    return families[family].type == FAMILY_PEAK ? 1 : family_cells(family);
}

static uint64_t hash_of(const struct ledger *l, int family, const struct label_set *labels)
{
    sv values[LABELS];

    for (int i = 0; i < LABELS; i++)
        values[i] = names_sv(&l->names, labels->at[i]);
    return series_hash(family, values);
}

static uint32_t admit(struct ledger *l, int family, const struct label_set *labels, uint64_t hash)
{
    struct registry *r = &l->series;
    unsigned words = series_words(family);
    bool room = r->n - r->expired < r->limit && r->n / SERIES_PER_LIMIT < r->limit;
    struct series *s = room ? grow(r->at, r->n, &r->cap, sizeof *r->at) : NULL;
    int64_t *amounts = NULL;

    if (s)
        r->at = s;
    if (s && words)
        amounts = memory_zeroed(words, sizeof *amounts);
    if (!s || (words && !amounts) || !map_put(&r->by_hash, hash, (uint32_t)r->n)) {
        free(amounts);
        r->refused++;
        return UINT32_MAX;
    }
    s = &r->at[r->n];
    *s = (struct series){ .hash = hash,
                          .family = (uint16_t)family,
                          .born = family_cells(family) == 0,
                          .cells = amounts,
                          .created = l->generation,
                          .created_mono = clock_mono(),
                          .changed = l->life.age };
    for (int i = 0, at = 0; i < LABELS; i++)
        if (families[family].labels & LABEL_BIT(i))
            s->labels[at++] = labels->at[i];
    return (uint32_t)r->n++;
}

/* Name numbers of the family's labels alone, so that records that differ elsewhere meet. */
static uint64_t ids_of(int family, const struct label_set *labels)
{
    name_id ids[FAMILY_LABELS_MAX + 1] = { (name_id)family };

    for (int i = 0, at = 1; i < LABELS; i++)
        if (families[family].labels & LABEL_BIT(i))
            ids[at++] = labels->at[i];
    return hash64(sv_make(ids, sizeof ids));
}

uint32_t series_find(const struct ledger *l, int family, const struct label_set *labels)
{
    uint32_t *there = map_find(&l->series.by_ids, ids_of(family, labels));

    return there ? *there : UINT32_MAX;
}

uint32_t series_for(struct ledger *l, int family, const struct label_set *labels)
{
    uint32_t number = series_find(l, family, labels);
    uint64_t hash;
    uint32_t *there;

    if (number != UINT32_MAX)
        return number;
    hash = hash_of(l, family, labels);
    there = map_find(&l->series.by_hash, hash);
    number = there ? *there : admit(l, family, labels, hash);
    if (number != UINT32_MAX)
        (void)map_put(&l->series.by_ids, ids_of(family, labels), number); /* without it: the long way again */
    return number;
}

static void touch(struct registry *r, uint32_t number)
{
    uint32_t *t;

    if (r->at[number].touched)
        return;
    t = grow(r->touched, r->n_touched, &r->cap_touched, sizeof *t);
    if (!t)
        return;
    r->touched = t;
    r->touched[r->n_touched++] = number;
    r->at[number].touched = true;
}

void series_tell(struct fold *f, const struct series *s, unsigned cell, int64_t delta, int64_t sum)
{
    if (f->l->on_change && s->hash == f->l->traced)
        f->l->on_change(f->l->trace_ctx, &(struct ledger_change){ f->frame, f->what, f->bucket, cell, delta, sum });
}

static void gauge_ends(struct series *s, int64_t start, int64_t end)
{
    s->gauge_end = end;
    /* Three periods without a newer one, and what the source needs to tell it. */
    s->gauge_until = end + 3 * (end - start) + 10 * NANO_PER_MIN;
}

/* A minute with nothing in it counts too: the peak of a quiet quarter of an hour is 0. */
static void peak_add(struct fold *f, struct series *s, int64_t delta)
{
    int64_t minute = f->bucket / NANO_PER_MIN, newest;
    int64_t *amounts = s->cells, *minutes = s->cells + PEAK_MINUTES;
    size_t at = minute > 0 ? (size_t)(minute % PEAK_MINUTES) : 0;
    double peak = 0;

    if (minute <= 0 || minutes[at] > minute)
        return; /* too old for the ring */
    if (minutes[at] < minute)
        amounts[at] = 0;
    minutes[at] = minute;
    amounts[at] = sum_of(amounts[at], delta);
    if ((minute + 1) * NANO_PER_MIN > s->gauge_end)
        gauge_ends(s, minute * NANO_PER_MIN, (minute + 1) * NANO_PER_MIN);
    newest = s->gauge_end / NANO_PER_MIN - 1;
    for (int i = 0; i < PEAK_MINUTES; i++)
        if (minutes[i] > newest - PEAK_MINUTES && (double)amounts[i] > peak)
            peak = (double)amounts[i];
    s->gauge = peak;
    series_tell(f, s, 0, delta, amounts[at]);
}

void series_add(struct fold *f, uint32_t number, unsigned cell, int64_t delta)
{
    struct registry *r = &f->l->series;
    struct series *s = number < r->n ? &r->at[number] : NULL;

    if (s && families[s->family].type == FAMILY_PEAK)
        peak_add(f, s, delta);
    else if (s && s->cells && delta) {
        s->cells[cell] = sum_of(s->cells[cell], delta);
        s->changed = f->l->life.age;
        if (s->expired)
            (void)life_return(f->l, number);
        touch(r, number);
        hours_add(f, s, delta);
        series_tell(f, s, cell, delta, s->cells[cell]);
    }
}

void series_gauge(struct ledger *l, uint32_t number, double value, int64_t start, int64_t end)
{
    struct series *s = number < l->series.n ? &l->series.at[number] : NULL;

    if (!s || end < s->gauge_end)
        return;
    s->gauge = value;
    gauge_ends(s, start, end);
}

void series_show(struct series *s)
{
    unsigned n = family_cells(s->family);

    for (unsigned i = 0; i < n; i++)
        if (s->cells[i] > s->cells[n + i])
            s->cells[n + i] = s->cells[i];
}

void series_frame_end(struct ledger *l)
{
    struct registry *r = &l->series;

    for (size_t i = 0; i < r->n_touched; i++) {
        struct series *s = &r->at[r->touched[i]];

        s->touched = false;
        if (s->born && !l->starved)
            series_show(s);
    }
    r->n_touched = 0;
}

size_t ledger_series_count(const struct ledger *l)
{
    return l->series.n;
}

void ledger_series(const struct ledger *l, size_t number, struct series_view *out, const char *labels[LABELS])
{
    const struct series *s = &l->series.at[number];
    bool counts = family_cells(s->family) > 0;

    *out = (struct series_view){ .family = s->family,
                                 .labels = labels,
                                 .hash = s->hash,
                                 .born = s->born,
                                 .expired = s->expired,
                                 .value = counts ? s->cells : NULL,
                                 .shown = counts ? s->cells + family_cells(s->family) : NULL,
                                 .gauge = s->gauge,
                                 .gauge_end_unix_nano = s->gauge_end,
                                 .gauge_until_unix_nano = s->gauge_until,
                                 .created = s->created };
    if (!labels)
        return;
    for (int i = 0, at = 0; i < LABELS; i++)
        labels[i] = families[s->family].labels & LABEL_BIT(i) ? l->names.at[s->labels[at++]] : NULL;
}
