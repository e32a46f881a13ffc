/*
 * Money as the bill tells it. A charge is what a cloud says of one item on one day, and it is restated for days: the newest
 * statement of a key counts, so each sum of a day is made of the newest ones, in integer nano-units, and may fall. That makes
 * it a gauge and no counter, and its days no series: how many days ago a day is depends on who looks when.
 *
 * Kept are the days that are shown; the frames say what time it is (when their batches were read), never our clock, so that the
 * same journal gives the same sums. A day that leaves is forgotten with its keys.
 */
#include <stdio.h>
#include <stdlib.h>

#include "collector/ledger/internal.h"

#define NANO_PER_DAY (24 * NANO_PER_H)

static uint64_t value_hash(const struct charge *c)
{
    return hash_u64(hash64(sv_make(&c->quantity, sizeof c->quantity)), (uint64_t)c->cost_nano);
}

static struct charge_state *state_find(const struct charges *c, uint64_t key)
{
    const uint32_t *number = map_find(&c->by_key, key);

    return number ? &c->at[*number] : NULL;
}

bool charge_known(const struct ledger *l, const struct charge *c)
{
    const struct charge_state *s = state_find(&l->charges, c->key);

    return s && s->value_hash == value_hash(c);
}

/* ---- sums ---- */

static uint64_t sum_key(const name_id labels[BILLED_LABELS], int64_t day)
{
    return hash_u64(hash64(sv_make(labels, BILLED_LABELS * sizeof *labels)), (uint64_t)day);
}

/* Number of the sum, made when there is none; UINT32_MAX when memory is out. */
static uint32_t sum_for(struct charges *c, const name_id labels[BILLED_LABELS], int64_t day)
{
    uint64_t key = sum_key(labels, day);
    const uint32_t *there = map_find(&c->sum_by_key, key);
    struct billed *b;

    if (there)
        return *there;
    b = grow(c->sums, c->n_sums, &c->cap_sums, sizeof *b);
    if (!b)
        return UINT32_MAX;
    c->sums = b;
    if (!map_put(&c->sum_by_key, key, (uint32_t)c->n_sums))
        return UINT32_MAX;
    b = &c->sums[c->n_sums];
    *b = (struct billed){ .day = day };
    memcpy(b->labels, labels, sizeof b->labels);
    return (uint32_t)c->n_sums++;
}

/* A sum that leaves int64 is a broken source: it saturates in the view, not here, so that what was added can be taken away. */
static void sum_add(struct ledger *l, const struct charge_state *s, int sign)
{
    struct billed *b = s->sum == UINT32_MAX ? NULL : &l->charges.sums[s->sum];

    if (!b)
        return;
    b->nano += (wide)s->cost_nano * sign;
    b->charges = sign > 0 ? b->charges + 1 : b->charges - 1;
}

static int64_t nano_of(const struct billed *b)
{
    return b->nano > INT64_MAX ? INT64_MAX : b->nano < -INT64_MAX ? -INT64_MAX : (int64_t)b->nano;
}

/* ---- days ---- */

static int64_t day_of(int64_t unix_nano)
{
    return unix_nano / NANO_PER_DAY - (unix_nano % NANO_PER_DAY < 0);
}

static void clear(struct charges *c)
{
    c->n = c->n_sums = 0;
    map_clear(&c->by_key);
    map_clear(&c->sum_by_key);
}

/* Forgets the days before `oldest`. Numbers change, so what stays is added anew; it found room before. */
static void forget(struct ledger *l, int64_t oldest)
{
    struct charges *c = &l->charges;
    struct charges old = *c;

    c->oldest_day = oldest;
    c->sums = NULL;
    c->cap_sums = 0;
    clear(c);
    for (size_t i = 0; i < old.n; i++) {
        struct charge_state s = old.at[i];

        if (s.day >= oldest)
            (void)charge_add(l, s.key, s.day, s.cost_nano, s.value_hash,
                             s.sum == UINT32_MAX ? NULL : old.sums[s.sum].labels);
    }
    free(old.sums);
}

struct charge_state *charge_add(struct ledger *l, uint64_t key, int64_t day, int64_t cost_nano, uint64_t hash,
                                const name_id *labels)
{
    struct charges *c = &l->charges;
    struct charge_state *s = c->n < CHARGES_MAX ? grow(c->at, c->n, &c->cap, sizeof *s) : NULL;

    if (!s)
        return NULL;
    c->at = s;
    if (!map_put(&c->by_key, key, (uint32_t)c->n))
        return NULL;
    s = &c->at[c->n++];
    *s = (struct charge_state){ .key = key, .value_hash = hash, .day = day, .cost_nano = cost_nano };
    s->sum = labels ? sum_for(c, labels, day) : UINT32_MAX;
    sum_add(l, s, 1);
    return s;
}

/* ---- the fold ---- */

/* False when a name found no room: without it the money would be told of something else. */
static bool labels_of(struct fold *f, const struct charge *c, name_id out[BILLED_LABELS])
{
    size_t refused = f->l->names.refused;
    struct label_set labels;

    fold_labels(f, &labels);
    labels.at[LABEL_DEPLOYMENT] = fold_name(f, c->deployment);
    labels.at[LABEL_MODEL] = fold_name(f, c->model);
    memcpy(out, labels.at, BILLED_DIRECTION * sizeof *out);
    out[BILLED_DIRECTION] = fold_name(f, c->direction);
    out[BILLED_CURRENCY] = fold_name(f, c->currency);
    return f->l->names.refused == refused;
}

static void tell(struct fold *f, uint32_t sum, int64_t delta)
{
    struct billed_view v;

    if (!f->l->on_change || sum == UINT32_MAX)
        return;
    ledger_billed(f->l, sum, &v);
    if (v.hash == f->l->traced)
        f->l->on_change(f->l->trace_ctx, &(struct ledger_change){ f->frame, f->what, f->bucket, 0, delta, v.nano });
}

static void restate(struct fold *f, struct charge_state *s, const struct charge *c, const name_id *labels)
{
    struct charge_state old = *s;

    sum_add(f->l, &old, -1);
    s->cost_nano = c->cost_nano;
    s->value_hash = value_hash(c);
    s->sum = labels ? sum_for(&f->l->charges, labels, s->day) : UINT32_MAX;
    sum_add(f->l, s, 1);
    if (old.sum == s->sum) {
        tell(f, s->sum, s->cost_nano - old.cost_nano);
        return;
    }
    tell(f, old.sum, -old.cost_nano);
    tell(f, s->sum, s->cost_nano);
}

void charge_fold(struct fold *f, const struct charge *c)
{
    int64_t day = day_of(c->start_unix_nano), today = day_of(f->batch->observed_unix_nano);
    name_id labels[BILLED_LABELS];
    struct charge_state *s = state_find(&f->l->charges, c->key);

    if (f->frame->lane != LANE_LIVE) {
        f->source->history++;
        return;
    }
    if (today - BILLED_DAYS + 1 > f->l->charges.oldest_day) {
        forget(f->l, today - BILLED_DAYS + 1);
        s = state_find(&f->l->charges, c->key);
    }
    if (c->cost_nano == NONE)
        return;
    if (day < f->l->charges.oldest_day) {
        f->source->late++;
        return;
    }
    if (!labels_of(f, c, labels)) {
        f->l->refused++;
        return;
    }
    f->what = batch_sv(f->batch, c->sku);
    f->bucket = c->start_unix_nano;
    if (s) {
        restate(f, s, c, c->estimated ? NULL : labels);
        return;
    }
    s = charge_add(f->l, c->key, day, c->cost_nano, value_hash(c), c->estimated ? NULL : labels);
    f->l->refused += s == NULL;
    if (s)
        tell(f, s->sum, s->cost_nano);
}

/* ---- who reads ---- */

size_t ledger_billed_count(const struct ledger *l)
{
    return l->charges.n_sums;
}

void ledger_billed(const struct ledger *l, size_t number, struct billed_view *out)
{
    static const enum label more[] = { LABEL_DIRECTION, LABEL_CURRENCY };
    const struct billed *b = &l->charges.sums[number];
    sv values[LABELS] = { 0 };
    char day[24];

    *out = (struct billed_view){ .family = family_find(SV("genai_billed_cost")), .day = b->day, .nano = nano_of(b) };
    out->told = b->charges > 0;
    for (int i = 0; i < BILLED_LABELS; i++)
        out->labels[i < BILLED_DIRECTION ? i : (int)more[i - BILLED_DIRECTION]] = names_sv(&l->names, b->labels[i]);
    memcpy(values, out->labels, sizeof values);
    snprintf(day, sizeof day, "%lld", (long long)b->day);
    values[LABEL_DAY_OFFSET] = sv_of(day); /* the day itself: an offset would mean another one tomorrow */
    out->hash = series_hash(out->family, values);
}

bool billed_offset(const struct billed_view *v, int64_t now_unix_nano, int *days)
{
    int64_t offset = day_of(now_unix_nano) - v->day;

    if (!v->told || offset < 0 || offset >= BILLED_DAYS)
        return false;
    *days = (int)offset;
    return true;
}

void charges_init(struct charges *c)
{
    *c = (struct charges){ .oldest_day = INT64_MIN };
    map_init(&c->by_key, 0);
    map_init(&c->sum_by_key, 0);
}

void charges_done(struct charges *c)
{
    free(c->at);
    free(c->sums);
    map_done(&c->by_key);
    map_done(&c->sum_by_key);
}
