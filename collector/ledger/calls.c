/*
 * Log rows. A row counts once by its key; a call counts once by its call key, whichever of its rows comes first, so that no
 * counter ever needs two rows at once.
 *
 * Azure's envelope rows know neither deployment nor model; the model row of the same call may come hours later. So an envelope
 * waits, in arrival time, until the window says that no model row can come any more (decide_to), and is then counted with empty
 * deployment and model. Its series exists, at 0, from the first sight. Where no more may wait it counts at once.
 *
 * Keys are kept for a horizon of hours of arrival time. When their number reaches its limit the horizon shrinks, and is
 * published as it is; it grows again by an hour each hour while there is room, as what was forgotten does not come back.
 * A row that a backfill saw is no repetition for the live lane: it has not been counted.
 */
#include <stdlib.h>

#include "collector/ledger/internal.h"

enum { WAIT_HOURS_MAX = 96 }; /* for an envelope whose source does not come back */

static uint32_t hour_of(int64_t unix_nano)
{
    return unix_nano > 0 ? (uint32_t)(unix_nano / NANO_PER_H) : 0;
}

/* ---- keys ---- */

static bool keep_row(uint64_t key, uint32_t hour, void *oldest)
{
    (void)key;
    return (hour & ~ROW_BACKFILL) >= *(uint32_t *)oldest;
}

static bool keep_call(uint64_t key, uint32_t state, void *oldest)
{
    (void)key;
    return state >> CALL_STATE_BITS >= *(uint32_t *)oldest;
}

static uint32_t hours_back(const struct ledger *l, uint32_t hours)
{
    return l->keys.hour > hours ? l->keys.hour - hours : 0;
}

/* The state of a call is needed until its envelope is decided, be the horizon as short as it may. */
static uint32_t oldest_waiting(const struct ledger *l)
{
    uint32_t oldest = l->keys.hour, limit = hours_back(l, WAIT_HOURS_MAX);

    for (size_t i = 0; i < l->n_coverages; i++)
        for (size_t k = 0; k < l->coverages[i].n_envelopes; k++) {
            uint32_t hour = hour_of(l->coverages[i].envelopes[k].arrival);

            oldest = hour < oldest ? hour : oldest;
        }
    return oldest > limit ? oldest : limit;
}

/* Where the first hole in a log begins. What was read behind it is newer, but the other rows of its calls may stand in it. */
static uint32_t oldest_hole(const struct ledger *l)
{
    uint32_t oldest = l->keys.hour, limit = hours_back(l, WAIT_HOURS_MAX);

    for (size_t i = 0; i < l->n_coverages; i++) {
        uint32_t hour = l->coverages[i].of_calls ? hour_of(coverage_hole(l, &l->coverages[i])) : oldest;

        oldest = hour < oldest ? hour : oldest;
    }
    return oldest > limit ? oldest : limit;
}

static void keys_prune(struct ledger *l, bool spare_waiting)
{
    uint32_t oldest = hours_back(l, l->keys.horizon_hours), waiting = spare_waiting ? oldest_waiting(l) : oldest;
    uint32_t hole = spare_waiting ? oldest_hole(l) : l->keys.hour;

    hole = hole > l->keys.horizon_hours ? hole - l->keys.horizon_hours : 0;
    oldest = hole < oldest ? hole : oldest;
    map_prune(&l->keys.rows, keep_row, &oldest);
    oldest = waiting < oldest ? waiting : oldest;
    map_prune(&l->keys.calls, keep_call, &oldest);
}

static bool has_room(const struct map *m)
{
    return m->limit == 0 || m->n < m->limit / 4 * 3;
}

static void keys_hour(struct ledger *l, uint32_t hour)
{
    struct keys *k = &l->keys;
    uint32_t passed = hour > k->hour ? hour - k->hour : 0;

    if (!passed)
        return;
    if (k->horizon_hours < k->horizon_wanted && has_room(&k->rows) && has_room(&k->calls)) {
        uint32_t missing = k->horizon_wanted - k->horizon_hours;

        k->horizon_hours += passed < missing ? passed : missing;
    }
    k->hour = hour;
    keys_prune(l, true);
}

/* A longer one comes true as time passes; at once where nothing has been forgotten yet. */
void keys_horizon(struct ledger *l, int64_t hours)
{
    l->keys.horizon_wanted = hours < UINT32_MAX / 2 ? (uint32_t)hours : UINT32_MAX / 2;
    if (l->keys.horizon_wanted < l->keys.horizon_hours || l->keys.hour == 0)
        l->keys.horizon_hours = l->keys.horizon_wanted;
}

static void keys_put(struct ledger *l, struct map *m, uint64_t key, uint32_t value)
{
    while (!map_put(m, key, value) && l->keys.horizon_hours > 1) {
        l->keys.horizon_hours--;
        keys_prune(l, false);
    }
}

static uint32_t call_state(const struct ledger *l, uint64_t call_key)
{
    uint32_t *s = call_key ? map_find(&l->keys.calls, call_key) : NULL;

    return s ? *s & ((1U << CALL_STATE_BITS) - 1) : 0;
}

static void set_call_state(struct ledger *l, uint64_t call_key, uint32_t state, uint32_t hour)
{
    if (call_key)
        keys_put(l, &l->keys.calls, call_key, state | hour << CALL_STATE_BITS);
}

/* First sight of a row's key in this lane. A repetition is moved from stored to duplicate. */
static bool first_sight(struct fold *f, uint64_t key, uint32_t hour)
{
    const uint32_t *seen = map_find(&f->l->keys.rows, key);
    bool live = f->frame->lane == LANE_LIVE;

    if (seen && (!live || !(*seen & ROW_BACKFILL))) {
        f->source->tally.stored--;
        f->source->tally.duplicate++;
        return false;
    }
    if (live || hour >= hours_back(f->l, f->l->keys.horizon_hours)) /* a long backfill is not to push out live keys */
        keys_put(f->l, &f->l->keys.rows, key, live ? hour : hour | ROW_BACKFILL);
    return true;
}

/* ---- counting ---- */

static void observe(struct fold *f, uint32_t series, int64_t nano)
{
    if (nano == NONE || nano < 0)
        return;
    series_add(f, series, histogram_bucket((double)nano / 1e9), 1);
    series_add(f, series, HISTOGRAM_CELLS - 1, nano);
}

/* What a row says of a statistic that is a plain number; NONE when it does not. */
static int64_t call_figure(const struct call *c, int stat)
{
    switch (stat) {
    case STAT_CALL:
        return 1;
    case STAT_INPUT_TOKENS:
        return c->input_tokens;
    case STAT_OUTPUT_TOKENS:
        return c->output_tokens;
    case STAT_CACHE_READ_TOKENS:
        return c->cache_read_tokens;
    case STAT_CACHE_WRITE_TOKENS:
        return c->cache_write_tokens;
    case STAT_REASONING_TOKENS:
        return c->reasoning_tokens;
    case STAT_AUDIO_INPUT_TOKENS:
        return c->audio_input_tokens;
    case STAT_AUDIO_OUTPUT_TOKENS:
        return c->audio_output_tokens;
    default:
        return NONE;
    }
}

static int64_t call_duration(struct fold *f, const struct call *c, int stat)
{
    if (stat == STAT_DURATION)
        return c->duration_nano;
    if (stat == STAT_STREAMED_TIME_TO_FIRST_TOKEN && !sv_eq_nocase(batch_sv(f->batch, c->stream), SV("streaming")))
        return NONE;
    return c->time_to_first_token_nano;
}

/* Who called, as the row tells: an identity, else an address. */
static name_id caller_of(const struct fold *f, const struct call *c)
{
    return caller_for(f->l, batch_sv(f->batch, c->caller_principal ? c->caller_principal : c->caller_ip));
}

/* Puts the caller among the labels. False: this row does not count by caller. */
static bool name_caller(struct fold *f, const struct call *c, const struct fold_rule *r, struct label_set *labels)
{
    name_id caller = caller_of(f, c);

    f->l->callers.refused += caller == CALLER_REFUSED && r->stat == STAT_CALL;
    if (caller == CALLER_REFUSED || caller == CALLER_NOT_COUNTED)
        return false;
    labels->at[LABEL_CALLER] = caller;
    return true;
}

static void count(struct fold *f, const struct call *c, const struct fold_rule *r, size_t n, struct label_set *labels)
{
    for (size_t i = 0; i < n; i++) {
        bool histogram = families[r[i].ours].type == FAMILY_HISTOGRAM;
        int64_t v = histogram ? call_duration(f, c, r[i].stat) : call_figure(c, r[i].stat);

        if (v == NONE || v < 0 || (rule_by_caller(&r[i]) && !name_caller(f, c, &r[i], labels)))
            continue;
        if (histogram)
            observe(f, rule_series(f->l, &r[i], labels), v);
        else
            series_add(f, rule_series(f->l, &r[i], labels), 0, v);
    }
}

/* The rule by which a row of this log counts as a call: several families may count calls, an envelope waits for this one. */
static const struct fold_rule *calls_rule(const struct fold_rule *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (r[i].stat == STAT_CALL && sv_eq(sv_of(families[r[i].ours].name), SV("genai_logged_calls_total")))
            return &r[i];
    return NULL;
}

/* False when a name found no room: without it the series would be another. */
static bool call_labels(struct fold *f, const struct call *c, struct label_set *out)
{
    size_t refused = f->l->names.refused;

    fold_labels(f, out);
    out->at[LABEL_DEPLOYMENT] = fold_name(f, c->deployment);
    out->at[LABEL_MODEL] = fold_name(f, c->model);
    out->at[LABEL_OPERATION] = fold_name(f, c->operation);
    out->at[LABEL_TIER] = fold_name(f, c->tier);
    out->at[LABEL_OUTCOME] = names_add(&f->l->names, sv_of(outcome_name(c->outcome ? c->outcome : OUTCOME_UNKNOWN)));
    out->at[LABEL_SERVED_REGION] = fold_name(f, c->served_region);
    out->at[LABEL_SERVED_JURISDICTION] = fold_name(f, c->served_jurisdiction);
    return f->l->names.refused == refused;
}

/* Of a call that only has an envelope row yet. */
static name_id waiting_caller(const struct fold *f, const struct call *c, const struct fold_rule *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rule_by_caller(&r[i]) && r[i].stat == STAT_CALL)
            return caller_of(f, c);
    return CALLER_NOT_COUNTED;
}

/* An envelope that became a call of its own: it tells who called, but no model. */
static void count_waiting_caller(struct fold *f, const struct envelope *e)
{
    int family = family_find(SV("genai_caller_calls_total"));
    struct label_set labels = { 0 };
    const struct series *s = e->series < f->l->series.n ? &f->l->series.at[e->series] : NULL;

    f->l->callers.refused += e->caller == CALLER_REFUSED;
    if (!s || e->caller == CALLER_REFUSED || e->caller == CALLER_NOT_COUNTED || f->l->callers.limit == 0)
        return;
    labels.at[LABEL_CLOUD] = s->labels[LABEL_CLOUD]; /* logged calls have all identity labels */
    labels.at[LABEL_ACCOUNT] = s->labels[LABEL_ACCOUNT];
    labels.at[LABEL_CALLER] = e->caller;
    series_add(f, series_for(f->l, family, &labels), 0, 1);
}

static void count_envelope(struct fold *f, const struct envelope *e, uint32_t state)
{
    series_add(f, e->series, 0, 1);
    count_waiting_caller(f, e);
    set_call_state(f->l, e->call_key, state | CALL_COUNTED | CALL_BY_ENVELOPE, hour_of(e->arrival));
}

static void wait_for_model_row(struct fold *f, const struct envelope *e, uint32_t state)
{
    struct coverage *to = &f->l->coverages[f->coverage];
    bool room = f->l->n_envelopes < f->l->envelopes_limit;
    struct envelope *at = room ? grow(to->envelopes, to->n_envelopes, &to->cap_envelopes, sizeof *at) : NULL;

    if (!at) {
        count_envelope(f, e, state | CALL_ENVELOPE);
        return;
    }
    to->envelopes = at;
    to->envelopes[to->n_envelopes++] = *e;
    f->l->n_envelopes++;
    set_call_state(f->l, e->call_key, state | CALL_ENVELOPE, hour_of(e->arrival));
}

/* A row of a log that tells of calls. */
static void fold_call_row(struct fold *f, const struct call *c, int64_t arrival, const struct fold_rule *r, size_t n,
                          struct label_set *labels)
{
    uint32_t state = call_state(f->l, c->call_key), hour = hour_of(arrival);
    bool envelope = !c->deployment && !c->model;

    if (state & CALL_COUNTED) {
        f->source->late += (state & CALL_BY_ENVELOPE) && !envelope;
        return;
    }
    if (envelope && f->joins && c->call_key) {
        if (!(state & CALL_ENVELOPE))
            wait_for_model_row(f,
                               &(struct envelope){ c->call_key, arrival, rule_series(f->l, calls_rule(r, n), labels),
                                                   waiting_caller(f, c, r, n) },
                               state);
        return;
    }
    count(f, c, r, n, labels);
    set_call_state(f->l, c->call_key, state | CALL_COUNTED, hour);
}

/* A row of a log that tells of tokens. */
static void fold_token_row(struct fold *f, const struct call *c, int64_t arrival, const struct fold_rule *r, size_t n,
                           struct label_set *labels)
{
    uint32_t state = call_state(f->l, c->call_key);

    if (state & CALL_TOKENS)
        return;
    count(f, c, r, n, labels);
    set_call_state(f->l, c->call_key, state | CALL_TOKENS, hour_of(arrival));
}

/* Nothing arrives after it was read: a time far ahead would make all keys look old. */
static int64_t arrival_of(const struct fold *f, int64_t told)
{
    int64_t observed = f->batch->observed_unix_nano;

    return told && (observed == 0 || told < observed + NANO_PER_H) ? told : observed;
}

/* Whether it counts at all: live, and not from before counting began. */
static bool counts(struct fold *f, int64_t arrival)
{
    bool yes = f->frame->lane == LANE_LIVE && arrival >= f->source->count_from;

    f->source->history += !yes;
    return yes;
}

void call_fold(struct fold *f, const struct call *c)
{
    int64_t arrival = arrival_of(f, c->arrival_unix_nano);
    const struct ruleset *rules = ruleset_at(f->l, f->source->source, arrival);
    size_t n;
    const struct fold_rule *r = rules_for(rules, f->batch->origin.platform, fold_name(f, c->log), &n);
    struct label_set labels;

    if (f->coverage != UINT32_MAX && f->frame->lane == LANE_LIVE)
        f->l->coverages[f->coverage].of_calls = true;
    keys_hour(f->l, hour_of(arrival));
    if (!first_sight(f, c->key, hour_of(arrival)) || !counts(f, arrival))
        return;
    if (n == 0)
        return;
    if (!c->operation) {
        /* No inference, or a model that is not wanted: kept, not counted. Its envelope must not count either. */
        if (c->deployment && calls_rule(r, n))
            set_call_state(f->l, c->call_key, call_state(f->l, c->call_key) | CALL_COUNTED, hour_of(arrival));
        return;
    }
    f->what = batch_sv(f->batch, c->log);
    f->bucket = c->time_unix_nano;
    if (!call_labels(f, c, &labels)) {
        f->l->refused++;
        return;
    }
    if (calls_rule(r, n))
        fold_call_row(f, c, arrival, r, n, &labels);
    else
        fold_token_row(f, c, arrival, r, n, &labels);
}

void envelopes_decide(struct fold *f, struct coverage *c, int64_t before)
{
    size_t kept = 0;

    f->what = SV("envelope");
    for (size_t i = 0; i < c->n_envelopes; i++) {
        struct envelope *e = &c->envelopes[i];
        uint32_t state = call_state(f->l, e->call_key);

        if (e->arrival >= before) {
            c->envelopes[kept++] = *e;
            continue;
        }
        if (state & CALL_COUNTED)
            continue;
        if (!(state & CALL_ENVELOPE)) { /* given up: whether it was counted cannot be told any more */
            f->source->late++;
            continue;
        }
        f->bucket = e->arrival;
        count_envelope(f, e, state);
    }
    f->l->n_envelopes -= c->n_envelopes - kept;
    c->n_envelopes = kept;
}

/* A window by arrival holds events from before it: those were read before only if the window itself was. */
static bool read_before(const struct fold *f, int64_t at)
{
    const struct spans *read = &f->l->coverages[f->coverage].read;
    const struct window *w = &f->frame->windows[0];
    bool outside = w->to_unix_nano && (at < w->from_unix_nano || at >= w->to_unix_nano);

    return spans_has(read, outside ? w->from_unix_nano : at);
}

/* What was read before and whose key may be gone by now: nobody knows whether it has been counted. */
static bool beyond_horizon(const struct fold *f, int64_t at)
{
    return f->coverage != UINT32_MAX && hour_of(at) < hours_back(f->l, f->l->keys.horizon_hours) && read_before(f, at);
}

void audit_fold(struct fold *f, const struct audit *a)
{
    int64_t at = f->batch->observed_unix_nano;
    const struct ruleset *rules = ruleset_at(f->l, f->source->source, at);
    size_t n;
    const struct fold_rule *r = rules_for(rules, f->batch->origin.platform, names_find(&f->l->names, SV("audit")), &n);
    struct label_set labels;
    size_t refused;

    keys_hour(f->l, hour_of(at));
    if (!first_sight(f, a->key, hour_of(at)) || f->frame->lane != LANE_LIVE ||
        a->time_unix_nano < f->source->count_from) {
        return;
    }
    if (beyond_horizon(f, a->time_unix_nano)) {
        f->source->late++;
        return;
    }
    f->what = SV("audit");
    f->bucket = a->time_unix_nano;
    refused = f->l->names.refused;
    fold_labels(f, &labels);
    labels.at[LABEL_ACTION] = fold_name(f, a->action);
    labels.at[LABEL_OUTCOME] = a->outcome ? fold_name(f, a->outcome) : names_add(&f->l->names, SV("unknown"));
    if (f->l->names.refused != refused) {
        f->l->refused++;
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (r[i].stat == STAT_EVENT)
            series_add(f, rule_series(f->l, &r[i], &labels), 0, 1);
}
