/*
 * One frame at a time, in journal order, whole: readers see the state before or after a frame, never between. Order inside a
 * frame: epochs (they are valid for the records beside them), records, windows (an envelope is decided after the rows of its
 * window are in), marks.
 */
#include <stdlib.h>

#include "collector/base/memory.h"
#include "collector/ledger/internal.h"

/* Of a zeroed one. */
static enum err_code setup(struct ledger *l, struct err *e)
{
    pthread_rwlock_init(&l->lock, NULL);
    if (!names_init(&l->names))
        return err_set(e, ERR_LIMIT, "ledger: out of memory");
    registry_init(&l->series);
    life_init(&l->life);
    map_init(&l->coverage_by_key, 0);
    map_init(&l->authority_by_key, 0);
    map_init(&l->inventory_by_key, 0);
    map_init(&l->native_by_key, 0);
    map_init(&l->hours_by_key, 0);
    map_init(&l->callers.admitted, 0);
    charges_init(&l->charges);
    map_init(&l->gaps.by_key, 0);
    map_init(&l->keys.rows, KEYS_MAX);
    map_init(&l->keys.calls, KEYS_MAX);
    l->keys.horizon_hours = l->keys.horizon_wanted = 24;
    l->natives_limit = NATIVES_MAX;
    l->buckets_limit = BUCKETS_MAX;
    l->envelopes_limit = ENVELOPES_MAX;
    l->sums_limit_bytes = SUMS_BYTES_MAX;
    l->keep_buckets_nano = 2 * NANO_PER_H;
    return ERR_OK;
}

static void end(struct ledger *l)
{
    for (size_t i = 0; i < l->n_coverages; i++)
        coverage_done(&l->coverages[i]);
    for (size_t i = 0; i < l->n_rulesets; i++)
        ruleset_done(&l->rulesets[i]);
    for (size_t i = 0; i < l->n_inventories; i++)
        inventory_done(&l->inventories[i]);
    for (size_t i = 0; i < l->n_natives; i++)
        native_done(l, &l->natives[i]);
    free(l->coverages);
    free(l->rulesets);
    free(l->authorities);
    free(l->inventories);
    free(l->sources);
    free(l->natives);
    free(l->hours);
    free(l->controls);
    map_done(&l->hours_by_key);
    registry_done(&l->series);
    names_done(&l->names);
    map_done(&l->coverage_by_key);
    map_done(&l->authority_by_key);
    map_done(&l->inventory_by_key);
    map_done(&l->native_by_key);
    map_done(&l->callers.admitted);
    charges_done(&l->charges);
    gaps_done(&l->gaps);
    map_done(&l->keys.rows);
    map_done(&l->keys.calls);
    pthread_rwlock_destroy(&l->lock);
}

struct ledger *ledger_new(struct err *e)
{
    struct ledger *l = memory_zeroed(1, sizeof *l);

    if (!l) {
        err_set(e, ERR_LIMIT, "ledger: out of memory");
        return NULL;
    }
    if (setup(l, e)) {
        ledger_free(l);
        return NULL;
    }
    return l;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    end(l);
    free(l);
}

enum err_code ledger_renew(struct ledger *l, struct err *e)
{
    end(l);
    *l = (struct ledger){ 0 };
    return setup(l, e);
}

void ledger_read_lock(struct ledger *l)
{
    pthread_rwlock_rdlock(&l->lock);
}

void ledger_read_unlock(struct ledger *l)
{
    pthread_rwlock_unlock(&l->lock);
}

void ledger_set_sequence(struct ledger *l, uint64_t sequence)
{
    l->sequence = sequence;
}

uint64_t ledger_sequence(const struct ledger *l)
{
    return l->sequence;
}

uint64_t ledger_generation(const struct ledger *l)
{
    return l->generation;
}

name_id fold_name(struct fold *f, sym s)
{
    if (s == 0 || s > batch_symbols(f->batch) || !f->symbols)
        return s ? names_add(&f->l->names, batch_sv(f->batch, s)) : 0;
    if (f->symbols[s] == 0)
        f->symbols[s] = names_add(&f->l->names, batch_sv(f->batch, s));
    return f->symbols[s];
}

void fold_labels(struct fold *f, struct label_set *out)
{
    const struct origin *o = &f->batch->origin;

    *out = (struct label_set){ 0 };
    out->at[LABEL_CLOUD] = names_add(&f->l->names, sv_of(cloud_name(o->cloud)));
    out->at[LABEL_PLATFORM] = names_add(&f->l->names, sv_of(platform_name(o->platform)));
    out->at[LABEL_ACCOUNT] = fold_name(f, o->account);
    out->at[LABEL_CLOUD_REGION] = fold_name(f, o->cloud_region);
    out->at[LABEL_RESOURCE] = fold_name(f, o->resource);
}

/* Whatever a frame says: a sum that does not fit stays at the end of the scale. */
static int64_t sum(int64_t a, int64_t b)
{
    int64_t out;

    return __builtin_add_overflow(a, b, &out) ? (b > 0 ? INT64_MAX : INT64_MIN) : out;
}

static void add_tally(struct tally *to, const struct tally *from)
{
    to->received += from->received;
    to->stored += from->stored;
    to->duplicate += from->duplicate;
    for (int i = 0; i < REASONS; i++) {
        to->rejected[i] += from->rejected[i];
        to->quarantined[i] += from->quarantined[i];
    }
}

/* From the record on that found no memory a frame is not folded any further. */
static bool starves(const struct fold *f)
{
    return memory_refusals() != f->refusals || f->arena.failed;
}

static void fold_batch(struct fold *f, const struct batch *b)
{
    f->batch = b;
    f->symbols = arena_array(&f->arena, batch_symbols(b) + 1, sizeof *f->symbols);
    for (size_t i = 0; i < b->n_measures && !starves(f); i++)
        (f->control ? control_fold : measure_fold)(f, &b->measures[i]);
    for (size_t i = 0; i < b->n_calls && !starves(f); i++)
        call_fold(f, &b->calls[i]);
    for (size_t i = 0; i < b->n_audits && !starves(f); i++)
        audit_fold(f, &b->audits[i]);
    for (size_t i = 0; i < b->n_charges && !starves(f); i++)
        charge_fold(f, &b->charges[i]);
    for (size_t i = 0; i < b->n_gaps; i++)
        gap_fold(f, &b->gaps[i]);
    f->symbols = NULL;
}

/* The frame's windows are of one group; an empty window only names it (frames of one page that was split). */
static void begin(struct fold *f)
{
    const struct frame *frame = f->frame;

    f->coverage = f->plain = UINT32_MAX;
    if (frame->n_windows == 0)
        return;
    f->coverage = coverage_for(f->l, frame->windows[0].source, frame->windows[0].scope, frame->windows[0].group, true);
    for (size_t i = 0; i < frame->n_windows; i++)
        f->joins |= f->coverage != UINT32_MAX && frame->windows[i].decide_to_unix_nano != 0;
    control_begin(f, &frame->windows[0]);
}

/* What stands under a later hour (the clock went back) counts as this hour's from now on: not forgotten, nor kept for ever. */
static void add_spent(struct fold *f)
{
    int64_t hour = f->frame->written_unix_nano / NANO_PER_H;
    struct spent *s = &f->source->spent[(uint64_t)hour % SPENT_HOURS];

    if (hour <= 0 || (f->frame->n_spends == 0 && f->frame->n_quarantined == 0))
        return;
    if (s->hour < hour)
        *s = (struct spent){ 0 };
    s->hour = hour;
    for (size_t i = 0; i < f->frame->n_spends; i++) {
        s->calls = sum(s->calls, f->frame->spends[i].calls);
        s->usd_nano = sum(s->usd_nano, f->frame->spends[i].usd_nano);
    }
    for (size_t i = 0; i < f->frame->n_quarantined; i++)
        s->quarantined_bytes += (int64_t)f->frame->quarantined[i].bytes.len;
}

void ledger_spent(struct ledger *l, sv source, struct spent out[SPENT_HOURS])
{
    name_id name;

    memset(out, 0, SPENT_HOURS * sizeof *out);
    ledger_read_lock(l);
    name = names_find(&l->names, source);
    for (size_t i = 0; name && i < l->n_sources; i++)
        if (l->sources[i].source == name)
            memcpy(out, l->sources[i].spent, sizeof l->sources[i].spent);
    ledger_read_unlock(l);
}

static void fold_all(struct fold *f)
{
    const struct frame *frame = f->frame;

    f->source->frames++;
    add_tally(&f->source->tally, &frame->tally);
    add_spent(f);
    for (size_t i = 0; i < frame->n_epochs; i++)
        epoch_fold(f, &frame->epochs[i]);
    for (const struct batch *b = frame->batches; b && !starves(f); b = b->next)
        fold_batch(f, b);
    for (size_t i = 0; i < frame->n_windows && frame->lane == LANE_LIVE && !starves(f); i++) {
        coverage_fold(f, &frame->windows[i]);
        control_end(f, &frame->windows[i]);
    }
    for (size_t i = 0; i < frame->n_marks && !starves(f); i++)
        life_mark(f, &frame->marks[i]);
}

static int64_t oldest_read(const struct frame *f)
{
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < f->n_windows; i++)
        oldest = f->windows[i].from_unix_nano < oldest ? f->windows[i].from_unix_nano : oldest;
    return oldest;
}

static void fold_whole(struct ledger *l, struct fold *f)
{
    struct registry *r = &l->series;

    l->generation++;
    life_age(l, f->frame->written_unix_nano);
    f->source = source_state(l, f->frame->source);
    if (f->source) {
        begin(f);
        fold_all(f);
    }
    l->starved = starves(f);
    series_frame_end(l);
    if (f->coverage != UINT32_MAX && f->source && !l->starved && !f->control)
        measures_prune(l, f->coverage, oldest_read(f->frame));
    while (r->first_unborn < r->n && r->at[r->first_unborn].born)
        r->first_unborn++;
}

void ledger_fold(struct ledger *l, const struct frame *frame)
{
    struct fold f = { .l = l, .frame = frame, .refusals = memory_refusals() };

    arena_init(&f.arena, 256 << 20);
    pthread_rwlock_wrlock(&l->lock);
    if (!l->starved)
        fold_whole(l, &f);
    pthread_rwlock_unlock(&l->lock);
    arena_done(&f.arena);
}

void ledger_starve(struct ledger *l)
{
    pthread_rwlock_wrlock(&l->lock);
    l->starved = true;
    pthread_rwlock_unlock(&l->lock);
}

bool ledger_starved(struct ledger *l)
{
    bool starved;

    ledger_read_lock(l);
    starved = l->starved;
    ledger_read_unlock(l);
    return starved;
}

/* ---- the filter ---- */

static bool seen(const struct map *known, struct map *here, uint64_t key)
{
    const uint32_t *row = map_find(known, key);

    if ((row && !(*row & ROW_BACKFILL)) || map_find(here, key))
        return true;
    (void)map_put(here, key, 0);
    return false;
}

static bool is_control(const struct frame *f)
{
    return f->n_windows && f->windows[0].control;
}

static size_t filter_batch(const struct ledger *l, const struct frame *f, struct batch *b, struct map *here)
{
    size_t before = b->n_measures + b->n_calls + b->n_audits + b->n_charges + b->n_gaps, n = 0;

    for (size_t i = 0; i < b->n_measures; i++)
        if (!(is_control(f) ? control_known : measure_known)(l, &b->measures[i]))
            b->measures[n++] = b->measures[i];
    b->n_measures = n;
    n = 0;
    for (size_t i = 0; i < b->n_calls; i++)
        if (!seen(&l->keys.rows, here, b->calls[i].key))
            b->calls[n++] = b->calls[i];
    b->n_calls = n;
    n = 0;
    for (size_t i = 0; i < b->n_audits; i++)
        if (!seen(&l->keys.rows, here, b->audits[i].key))
            b->audits[n++] = b->audits[i];
    b->n_audits = n;
    n = 0;
    for (size_t i = 0; i < b->n_charges; i++)
        if (!charge_known(l, &b->charges[i]))
            b->charges[n++] = b->charges[i];
    b->n_charges = n;
    n = 0;
    for (size_t i = 0; i < b->n_gaps; i++)
        if (!gap_known(l, f, b, &b->gaps[i]))
            b->gaps[n++] = b->gaps[i];
    b->n_gaps = n;
    return before - b->n_measures - b->n_calls - b->n_audits - b->n_charges - b->n_gaps;
}

void ledger_filter(struct ledger *l, struct frame *f)
{
    struct map here;
    size_t dropped = 0, n = 0;

    map_init(&here, 0);
    ledger_read_lock(l);
    for (struct batch *b = f->batches; b && f->lane == LANE_LIVE; b = b->next)
        dropped += filter_batch(l, f, b, &here);
    for (size_t i = 0; i < f->n_epochs; i++)
        if (!epoch_known(l, f->source, &f->epochs[i]))
            f->epochs[n++] = f->epochs[i];
    f->n_epochs = n;
    ledger_read_unlock(l);
    map_done(&here);
    f->tally.duplicate += (int64_t)dropped;
    f->tally.stored -= (int64_t)dropped;
}

void ledger_trace(struct ledger *l, uint64_t series, void (*on_change)(void *ctx, const struct ledger_change *c),
                  void *ctx)
{
    l->traced = series;
    l->on_change = on_change;
    l->trace_ctx = ctx;
}
