/*
 * Life of exposed series. Each step is a mark in the journal, so that a replay shows what was shown:
 *
 *   appears -> shown at 0 -> MARK_BORN: its value shows -> MARK_EXPIRED: not shown
 *   expired -> changes: shown at 0 -> MARK_RETURNED: its value shows
 *   any     -> MARK_RESTARTED: shown at 0, counts from there (damage.h) -> MARK_BORN
 *
 * A scraper thus sees each series begin at 0 and never fall while it is shown. What a series owes when it expires (debt) it owes
 * when it returns.
 *
 * Series expire together with those that tell of the same thing with another outcome: that no call was throttled for a month is
 * an answer while calls are made. So a series stays while one of its company changes.
 *
 * Time is that of the frames, and a step of it counts for ten minutes at most: neither days switched off nor a clock that
 * jumped a year ahead (and back) make anything old.
 */
#include <stdlib.h>

#include "collector/ledger/internal.h"

#define STEP_MAX_NANO       (10 * NANO_PER_MIN)
#define EXPIRY_DEFAULT_NANO (30 * 24 * NANO_PER_H)

void life_init(struct life *life)
{
    *life = (struct life){ .expiry = EXPIRY_DEFAULT_NANO };
}

void life_age(struct ledger *l, int64_t written_unix_nano)
{
    int64_t step = 0;

    if (written_unix_nano <= 0)
        return;
    if (l->life.last_written && written_unix_nano > l->life.last_written)
        step = written_unix_nano - l->life.last_written;
    l->life.age += step < STEP_MAX_NANO ? step : STEP_MAX_NANO;
    l->life.last_written = written_unix_nano;
}

/* From now on it is shown, at 0 first. */
static void show_at_0(struct ledger *l, uint32_t number)
{
    struct registry *r = &l->series;
    struct series *s = &r->at[number];

    s->born = false;
    s->created = l->generation;
    s->created_mono = clock_mono();
    r->first_unborn = number < r->first_unborn ? number : r->first_unborn;
}

bool life_return(struct ledger *l, uint32_t number)
{
    struct registry *r = &l->series;

    if (r->n - r->expired >= r->limit) {
        r->refused++;
        return false;
    }
    r->expired--;
    r->at[number].expired = false;
    r->at[number].returned = true;
    show_at_0(l, number);
    return true;
}

static void born(struct series *s)
{
    if (s->born || s->expired)
        return;
    s->born = true;
    s->returned = false;
    series_show(s);
}

/* Sets the value of a cell, of which nothing is shown any more. */
static void begin_at(struct fold *f, struct series *s, unsigned cell, int64_t value)
{
    int64_t delta;

    if (__builtin_sub_overflow(value, s->cells[cell], &delta))
        delta = value < 0 ? INT64_MIN : INT64_MAX;
    if (cell == 0 || delta)
        series_tell(f, s, cell, delta, value);
    s->cells[cell] = value;
    s->cells[family_cells(s->family) + cell] = 0;
}

/* What was shown above the value is owed on. */
static void expire(struct fold *f, struct series *s)
{
    unsigned n = family_cells(s->family);

    if (n == 0 || s->expired || f->l->life.age - s->changed < f->l->life.expiry)
        return; /* it changed while the mark was on its way */
    f->what = SV("expired");
    for (unsigned i = 0; i < n; i++) {
        int64_t owed;

        if (!s->born || __builtin_sub_overflow(s->cells[n + i], s->cells[i], &owed) || owed < 0)
            owed = 0;
        begin_at(f, s, i, -owed);
    }
    s->born = false;
    s->expired = true;
    f->l->series.expired++;
}

static void restart(struct fold *f, uint32_t number)
{
    struct series *s = &f->l->series.at[number];
    unsigned n = family_cells(s->family);

    for (unsigned i = 0; i < n; i++)
        begin_at(f, s, i, 0);
    if (n && !s->expired)
        show_at_0(f->l, number);
}

/* Counters about the sources are folded from the same frames, and restart with the series. */
static void restart_sources(struct ledger *l)
{
    for (size_t i = 0; i < l->n_sources; i++) {
        struct source_state *s = &l->sources[i];

        s->tally = (struct tally){ 0 };
        s->late = s->history = s->frames = s->late_buckets = s->overlaps = s->hours_uncompared = 0;
    }
    for (size_t i = 0; i < l->gaps.n_sums; i++)
        l->gaps.sums[i].nano = 0;
    for (size_t i = 0; i < l->n_controls; i++)
        l->controls[i].added = l->controls[i].owed = 0;
    l->callers.refused = 0;
    l->refused = 0;
}

static enum damage_cause cause_of(const struct frame *f)
{
    struct damage d;

    for (size_t i = 0; i < f->n_quarantined; i++)
        if (damage_read(f->quarantined[i].what, &d))
            return d.cause;
    return DAMAGE_MISSING;
}

static void restart_all(struct fold *f)
{
    f->what = SV("restarted at 0");
    for (size_t i = 0; i < f->l->series.n; i++)
        restart(f, (uint32_t)i);
    restart_sources(f->l);
    f->l->restarts[cause_of(f->frame)]++;
}

void life_mark(struct fold *f, const struct mark *m)
{
    struct registry *r = &f->l->series;
    uint32_t *number = map_find(&r->by_hash, m->series);
    struct series *s = number ? &r->at[*number] : NULL;

    f->bucket = f->frame->written_unix_nano;
    if (m->kind == MARK_RESTARTED && m->series == 0)
        restart_all(f);
    else if (m->kind == MARK_EXPIRED && s)
        expire(f, s);
    else if (m->kind == MARK_RETURNED && s && s->expired)
        (void)life_return(f->l, *number); /* to its company, at 0 */
    else if ((m->kind == MARK_BORN || m->kind == MARK_RETURNED) && s)
        born(s);
}

/* ---- making marks ---- */

static bool add_mark(struct frame *f, enum mark_kind kind, uint64_t series)
{
    struct mark *m = frame_add_mark(f);

    if (m)
        *m = (struct mark){ kind, series };
    return m != NULL;
}

size_t ledger_births(struct ledger *l, uint64_t rendered, int64_t older_than_mono, size_t max, struct frame *f)
{
    struct registry *r = &l->series;
    size_t n = 0;

    ledger_read_lock(l);
    for (size_t i = r->first_unborn; i < r->n && n < max; i++) {
        const struct series *s = &r->at[i];

        if (s->born || s->expired || (s->created > rendered && s->created_mono > older_than_mono))
            continue;
        if (!add_mark(f, s->returned ? MARK_RETURNED : MARK_BORN, s->hash))
            break;
        n++;
    }
    ledger_read_unlock(l);
    return n;
}

/* What a series has in common with those of its company. */
static uint64_t company_of(const struct series *s)
{
    const uint32_t apart = LABEL_BIT(LABEL_OUTCOME) | LABEL_BIT(LABEL_CODE) | LABEL_BIT(LABEL_DIRECTION);
    name_id ids[FAMILY_LABELS_MAX + 1] = { s->family };

    for (int i = 0, at = 0, n = 1; i < LABELS; i++)
        if (families[s->family].labels & LABEL_BIT(i)) {
            if (!(apart & LABEL_BIT(i)))
                ids[n++] = s->labels[at];
            at++;
        }
    return hash64(sv_make(ids, sizeof ids));
}

static bool counts(const struct series *s)
{
    return family_cells(s->family) > 0;
}

/* It changed when there was no room for it. */
static bool waits_for_room(const struct series *s)
{
    for (unsigned i = 0; s->expired && i < family_cells(s->family); i++)
        if (s->cells[i] > 0)
            return true;
    return false;
}

/* Whether a mark of the kind is due for it, when its company lives or not. One that never showed its value does not expire. */
static bool is_due(const struct series *s, enum mark_kind kind, bool lives)
{
    if (!counts(s))
        return false;
    return kind == MARK_RETURNED ? s->expired && (lives || waits_for_room(s)) : !s->expired && s->born && !lives;
}

/* Companies of which a member has changed within the expiry. False: out of memory. */
static bool lively_companies(const struct registry *r, int64_t since, struct map *lively)
{
    for (size_t i = 0; i < r->n; i++)
        if (counts(&r->at[i]) && !r->at[i].expired && r->at[i].changed > since &&
            !map_put(lively, company_of(&r->at[i]), 1))
            return false;
    return true;
}

static size_t add_due(const struct registry *r, const struct map *lively, enum mark_kind kind, size_t max,
                      struct frame *f)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n && n < max; i++)
        if (is_due(&r->at[i], kind, map_find(lively, company_of(&r->at[i])) != NULL)) {
            if (!add_mark(f, kind, r->at[i].hash))
                break;
            n++;
        }
    return n;
}

size_t ledger_expiries(struct ledger *l, size_t max, struct frame *f)
{
    const struct registry *r = &l->series;
    size_t n = 0, room;
    struct map lively;

    map_init(&lively, 0);
    ledger_read_lock(l);
    if (l->life.expiry && l->life.age >= l->life.expiry && lively_companies(r, l->life.age - l->life.expiry, &lively)) {
        n = add_due(r, &lively, MARK_EXPIRED, max, f);
        room = r->limit > r->n - r->expired ? r->limit - (r->n - r->expired) : 0;
        n += add_due(r, &lively, MARK_RETURNED, room < max - n ? room : max - n, f);
    }
    ledger_read_unlock(l);
    map_done(&lively);
    return n;
}
