/*
 * Bucket states. A native series is what the cloud calls one series; each of its buckets in the look-back remembers the value
 * hash (to see that nothing changed) and the amounts that it has added to exposed series. A later value adds the difference.
 *
 * How a native series maps to exposed ones is a generation: made when its labels, the rules or the authority change, and kept
 * by each bucket, so that a revision goes where the bucket first went (a re-modelled deployment starts a new series at
 * the next bucket only). Generations that no bucket has any more are forgotten, and so is a native series
 * that was idle for days: it begins anew when it comes back, and what is older than that and was read is late.
 */
#include <math.h>
#include <stdlib.h>

#include "collector/ledger/internal.h"

enum { GENERATIONS_MAX = 1000, GENERATIONS_KEPT = 4, PRUNE_EVERY_S = 600 };

/* Longer than any look-back, repeated read or control read reaches. */
#define IDLE_NANO (4 * 24 * NANO_PER_H)

uint64_t measure_hash(const struct measure *m)
{
    const double figures[] = { m->value, m->sum, m->count, m->min, m->max, m->p50, m->p95, m->p99 };
    uint64_t h = hash64(sv_make(figures, sizeof figures));

    if (m->n_buckets) {
        h = hash_part(h, sv_make(m->buckets, m->n_buckets * sizeof *m->buckets));
        h = hash_part(h, sv_make(m->bounds, (m->n_buckets - 1) * sizeof *m->bounds));
    }
    return h;
}

void native_done(struct ledger *l, struct native *n)
{
    control_done(l, n);
    for (uint32_t i = 0; i < n->n_buckets; i++)
        free(n->buckets[i].amounts);
    free(n->buckets);
    free(n->generations);
}

/* A number may be left over from a series that was dropped when memory was out. */
struct native *native_find(const struct ledger *l, uint64_t key)
{
    const uint32_t *number = map_find(&l->native_by_key, key);

    return number && *number < l->n_natives && l->natives[*number].key == key ? &l->natives[*number] : NULL;
}

bool measure_known(const struct ledger *l, const struct measure *m)
{
    const struct native *n = native_find(l, m->series);
    const struct bucket *b = n ? bucket_find(n, m->start_unix_nano) : NULL;

    return (b && b->value_hash == measure_hash(m)) || (n && bucket_holds(n, m));
}

bool ledger_has_native(struct ledger *l, uint64_t series)
{
    bool has;

    ledger_read_lock(l);
    has = map_find(&l->native_by_key, series) != NULL;
    ledger_read_unlock(l);
    return has;
}

struct native *native_add(struct ledger *l, uint64_t key, uint32_t coverage)
{
    struct native *n = native_find(l, key);

    if (n || l->n_natives >= l->natives_limit)
        return n;
    n = grow(l->natives, l->n_natives, &l->cap_natives, sizeof *n);
    if (!n)
        return NULL;
    l->natives = n;
    if (!map_put(&l->native_by_key, key, (uint32_t)l->n_natives))
        return NULL;
    n = &l->natives[l->n_natives++];
    *n = (struct native){ .key = key, .coverage = coverage };
    return n;
}

/* ---- labels and generations ---- */

static void measure_labels(struct fold *f, const struct measure *m, struct label_set *out)
{
    fold_labels(f, out);
    out->at[LABEL_DEPLOYMENT] = fold_name(f, m->deployment);
    out->at[LABEL_MODEL] = fold_name(f, m->model);
    out->at[LABEL_OPERATION] = fold_name(f, m->operation);
    out->at[LABEL_TIER] = fold_name(f, m->tier);
    out->at[LABEL_CODE] = fold_name(f, m->code);
    out->at[LABEL_OUTCOME] = m->outcome ? names_add(&f->l->names, sv_of(outcome_name(m->outcome))) : 0;
    out->at[LABEL_PART] = fold_name(f, m->part);
    out->at[LABEL_CATEGORY] = out->at[LABEL_PART];
    out->at[LABEL_ACTION] = fold_name(f, m->action);
    out->at[LABEL_UNIT] = fold_name(f, m->unit);
    if (m->caller)
        out->at[LABEL_CALLER] = caller_for(f->l, batch_sv(f->batch, m->caller));
}

/* Whether a caller can be named: a figure that nobody is told of counts for nobody. */
static bool names_caller(const struct label_set *labels)
{
    name_id caller = labels->at[LABEL_CALLER];

    return caller && caller != CALLER_REFUSED && caller != CALLER_NOT_COUNTED;
}

/* A rule counts for this bucket when its family and part are those of the measure, and no authority is asked or the
 * authority has chosen its family. */
static bool rule_applies(struct fold *f, const struct fold_rule *r, const struct measure *m,
                         const struct label_set *labels)
{
    name_id resource = fold_name(f, f->batch->origin.resource_id);
    int64_t bucket = m->start_unix_nano;

    if ((r->family && r->family != fold_name(f, m->family)) || (rule_by_caller(r) && !names_caller(labels)))
        return false;
    return !r->fact || authority_at(f->l, r->fact, resource, bucket) == r->family;
}

bool measure_rules_hold(struct fold *f, const struct measure *m)
{
    const struct ruleset *rules = ruleset_at(f->l, f->source->source, m->start_unix_nano);
    name_id resource = fold_name(f, f->batch->origin.resource_id);
    size_t n;
    const struct fold_rule *r = rules_for(rules, f->batch->origin.platform, fold_name(f, m->name), &n);

    if (rules != ruleset_at(f->l, f->source->source, m->end_unix_nano - 1))
        return false;
    for (size_t i = 0; i < n; i++)
        if (r[i].fact && authority_at(f->l, r[i].fact, resource, m->start_unix_nano) !=
                             authority_at(f->l, r[i].fact, resource, m->end_unix_nano - 1))
            return false;
    return true;
}

static void contribute(struct ledger *l, struct generation *g, const struct fold_rule *r,
                       const struct label_set *labels)
{
    unsigned cells = r->stat == STAT_DISTRIBUTION ? HISTOGRAM_CELLS : 1;
    bool gauge = families[r->ours].type == FAMILY_GAUGE;

    if (g->n_contributions == CONTRIBUTIONS_MAX)
        return;
    g->to[g->n_contributions++] =
        (struct contribution){ .series = rule_series(l, r, labels),
                               .stat = (uint16_t)r->stat,
                               .cell = families[r->ours].type == FAMILY_SUMMARY && r->stat == STAT_COUNT,
                               .at = (uint16_t)g->width,
                               .cells = gauge ? 0 : (uint16_t)cells,
                               .scale = r->scale };
    g->width += gauge ? 0 : cells;
}

static double figure(const struct measure *m, int stat)
{
    switch (stat) {
    case STAT_VALUE:
        return m->value;
    case STAT_SUM:
        return m->sum;
    case STAT_COUNT:
        return m->count;
    case STAT_MIN:
        return m->min;
    case STAT_MAX:
        return m->max;
    case STAT_MEAN:
        return m->count > 0 && !isnan(m->sum) ? m->sum / m->count : m->value;
    case STAT_P50:
        return m->p50;
    case STAT_P95:
        return m->p95;
    case STAT_P99:
        return m->p99;
    default:
        return NAN;
    }
}

static bool is_minute(const struct measure *m)
{
    return m->end_unix_nano - m->start_unix_nano == NANO_PER_MIN;
}

/* A counter is not made of a figure that the cloud does not tell: absent is not 0. */
static bool tells(const struct fold *f, const struct measure *m, const struct fold_rule *r)
{
    if (families[r->ours].type == FAMILY_GAUGE)
        return !f->control;
    if (families[r->ours].type == FAMILY_PEAK && !is_minute(m))
        return false; /* a longer bucket does not tell its busiest minute */
    return r->stat == STAT_DISTRIBUTION ? m->n_buckets > 0 : !isnan(figure(m, r->stat));
}

/* Number of the generation for these labels, rules and authorities; made when it is new. NOT_COUNTED when that fails. */
uint16_t generation_for(struct fold *f, struct native *n, const struct measure *m)
{
    struct ledger *l = f->l;
    const struct ruleset *rules = ruleset_at(l, f->source->source, m->start_unix_nano);
    size_t n_rules, cap = n->cap_generations, refused = l->names.refused;
    const struct fold_rule *r = rules_for(rules, f->batch->origin.platform, fold_name(f, m->name), &n_rules);
    struct label_set labels;
    uint64_t signature, applies = 0;
    struct generation *g;

    measure_labels(f, m, &labels);
    if (l->names.refused != refused)
        return NOT_COUNTED; /* without the name that found no room it would be another series */
    for (size_t i = 0; i < n_rules && i < 64; i++)
        applies |= (uint64_t)(rule_takes_part(r, n_rules, &r[i], labels.at[LABEL_PART]) && tells(f, m, &r[i]) &&
                              rule_applies(f, &r[i], m, &labels))
                   << i;
    signature = hash_u64(hash_u64(hash64(sv_make(&labels, sizeof labels)), applies), rules ? rules->hash : 0);
    for (uint32_t i = n->n_generations; i-- > 0;)
        if (n->generations[i].signature == signature)
            return (uint16_t)i;
    g = n->n_generations < GENERATIONS_MAX ? grow(n->generations, n->n_generations, &cap, sizeof *g) : NULL;
    if (!g)
        return NOT_COUNTED;
    n->generations = g;
    n->cap_generations = (uint32_t)cap;
    g = &n->generations[n->n_generations];
    *g = (struct generation){ .signature = signature };
    for (size_t i = 0; i < n_rules && i < 64; i++)
        if (applies >> i & 1)
            contribute(l, g, &r[i], &labels);
    return (uint16_t)n->n_generations++;
}

/* ---- amounts ---- */

static int64_t amount(double v, double scale)
{
    v *= scale;
    return isnan(v) ? 0 : v >= 9e18 ? INT64_MAX : v <= -9e18 ? -INT64_MAX : llround(v);
}

/* A source's buckets go whole into the one of ours that holds their upper bound: upward, never down. */
static void rebin(const struct measure *m, double scale_seconds, int64_t scale, int64_t *out)
{
    if (m->n_buckets == 0)
        return;
    memset(out, 0, (HISTOGRAM_CELLS - 1) * sizeof *out);
    for (size_t i = 0; i < m->n_buckets; i++) {
        double upper = i + 1 < m->n_buckets ? m->bounds[i] * scale_seconds : INFINITY;

        out[histogram_bucket(upper)] += m->buckets[i];
    }
    if (!isnan(m->sum))
        out[HISTOGRAM_CELLS - 1] = amount(m->sum, scale_seconds * (double)scale);
}

static bool is_peak(const struct ledger *l, uint32_t series)
{
    return series < l->series.n && families[l->series.at[series].family].type == FAMILY_PEAK;
}

/* `out` holds what the bucket added so far: a figure that this revision does not tell stays as it is, absent is not 0; nor does a
 * longer bucket tell its busiest minute. */
void measure_amounts(const struct ledger *l, const struct measure *m, const struct generation *g, int64_t *out)
{
    for (unsigned i = 0; i < g->n_contributions; i++) {
        const struct contribution *c = &g->to[i];

        if (is_peak(l, c->series) && !is_minute(m))
            continue;
        if (c->stat == STAT_DISTRIBUTION && c->cells)
            rebin(m, c->scale / 1e9, NANO_PER_S, &out[c->at]);
        else if (c->cells && !isnan(figure(m, c->stat)))
            out[c->at] = amount(figure(m, c->stat), c->scale);
    }
}

static void gauges(struct fold *f, const struct measure *m, const struct generation *g)
{
    for (unsigned i = 0; i < g->n_contributions; i++) {
        double v = figure(m, g->to[i].stat) * g->to[i].scale;

        if (g->to[i].cells == 0 && !isnan(v))
            series_gauge(f->l, g->to[i].series, v, m->start_unix_nano, m->end_unix_nano);
    }
}

static void apply(struct fold *f, struct native *n, const struct measure *m, struct bucket *b)
{
    const struct generation *g = &n->generations[b->generation];
    int64_t *now = g->width ? arena_array(&f->arena, g->width, sizeof *now) : NULL;

    gauges(f, m, g);
    if (!now)
        return;
    if (!b->amounts)
        b->amounts = memory_zeroed(g->width, sizeof *b->amounts);
    if (!b->amounts)
        return;
    memcpy(now, b->amounts, g->width * sizeof *now);
    measure_amounts(f->l, m, g, now);
    b->width = (uint16_t)g->width;
    for (unsigned i = 0; i < g->n_contributions; i++)
        for (unsigned k = 0; k < g->to[i].cells; k++) {
            unsigned at = g->to[i].at + k;

            now[at] -= b->amounts[at];
            series_add(f, g->to[i].series, g->to[i].cell + k, now[at]);
            b->amounts[at] += now[at];
        }
    control_count(f, n, b->start, b->generation, now);
}

/* ---- the fold ---- */

/* Calls of a caller beyond the limit, when a bucket is first told; its revisions are not worth a state of their own. */
static void count_refused(struct fold *f, const struct measure *m)
{
    const struct ruleset *rules = ruleset_at(f->l, f->source->source, m->start_unix_nano);
    name_id family = fold_name(f, m->family);
    size_t n;
    const struct fold_rule *r = rules_for(rules, f->batch->origin.platform, fold_name(f, m->name), &n);

    if (!m->caller || !(m->value > 0) || caller_for(f->l, batch_sv(f->batch, m->caller)) != CALLER_REFUSED)
        return;
    for (size_t i = 0; i < n; i++)
        if (r[i].family == family && sv_eq(sv_of(families[r[i].ours].name), SV("genai_caller_calls_total")))
            f->l->callers.refused = count_of(f->l->callers.refused, amount(m->value, 1));
}

/* Whether the state of this bucket was given up. A bucket newer than all
 * that was given up of its series was never told, however old it is: a series that is listed late is read back to its
 * beginning, and nothing of it was ever counted. */
static bool given_up(const struct ledger *l, const struct native *n, int64_t start)
{
    const struct coverage *c = n->coverage == UINT32_MAX ? NULL : &l->coverages[n->coverage];

    return c && coverage_has(c, start) &&
           ((start <= n->pruned_to && start < c->pruned_before) || start < c->newest_to - IDLE_NANO);
}

/* Increments of before counting began are none of ours; a gauge counts while its bucket lasts, such as the limits of a day. */
static bool since_counting_began(const struct fold *f, const struct measure *m)
{
    return (m->kind == MEASURE_GAUGE ? m->end_unix_nano - 1 : m->start_unix_nano) >= f->source->count_from;
}

static void late(struct fold *f)
{
    f->source->late++;
    f->source->late_buckets++;
}

/* The bucket's state, made when there is none; NULL when it is not to be counted, which was noted. */
static struct bucket *state_for(struct fold *f, struct native *n, const struct measure *m)
{
    bool crosses, known;
    struct bucket *b = bucket_for(f, n, m, &crosses);

    if (crosses)
        f->source->overlaps++;
    if (b || crosses)
        return b;
    known = given_up(f->l, n, m->start_unix_nano);
    if (known && !control_follows(f->l, n, m->start_unix_nano))
        late(f); /* else a control read finds what it changed */
    return known ? NULL : bucket_add(f, n, m);
}

static void generation_of(struct fold *f, struct native *n, const struct measure *m, struct bucket *b)
{
    if (since_counting_began(f, m)) {
        b->generation = generation_for(f, n, m);
        f->l->refused += b->generation == NOT_COUNTED;
        count_refused(f, m);
    } else {
        f->source->history++;
    }
}

void measure_fold(struct fold *f, const struct measure *m)
{
    size_t before = f->l->n_buckets;
    struct native *n;
    struct bucket *b;

    if (f->frame->lane != LANE_LIVE) {
        f->source->history++;
        return;
    }
    n = native_add(f->l, m->series, f->coverage);
    if (!n) {
        f->l->refused++;
        return;
    }
    f->what = batch_sv(f->batch, m->name);
    f->bucket = m->start_unix_nano;
    if (control_final(f->l, n, m->start_unix_nano) && m->kind != MEASURE_GAUGE) {
        late(f);
        return;
    }
    b = state_for(f, n, m);
    if (!b)
        return;
    if (f->l->n_buckets > before) {
        generation_of(f, n, m, b);
    } else {
        b->revision = (uint16_t)(b->revision + (b->revision < UINT16_MAX));
        /* Nothing of it was told before, so nothing has to go home. */
        if (b->generation != NOT_COUNTED && !b->amounts)
            b->generation = generation_for(f, n, m);
    }
    b->value_hash = measure_hash(m);
    if (b->generation != NOT_COUNTED)
        apply(f, n, m, b);
}

static void forget_generations(struct native *n)
{
    uint16_t *now = n->n_generations > GENERATIONS_KEPT ? calloc(n->n_generations, sizeof *now) : NULL;
    uint32_t kept = 0;

    if (!now)
        return;
    for (uint32_t i = 0; i < n->n_buckets; i++)
        if (n->buckets[i].generation != NOT_COUNTED)
            now[n->buckets[i].generation] = 1;
    for (uint32_t i = 0; i < n->n_sums; i++)
        if (n->sums[i].generation != NOT_COUNTED)
            now[n->sums[i].generation] = 1;
    for (uint32_t i = 0; i < n->n_generations; i++)
        if (now[i]) {
            n->generations[kept] = n->generations[i];
            now[i] = (uint16_t)kept++;
        }
    for (uint32_t i = 0; i < n->n_buckets; i++)
        if (n->buckets[i].generation != NOT_COUNTED)
            n->buckets[i].generation = now[n->buckets[i].generation];
    for (uint32_t i = 0; i < n->n_sums; i++)
        if (n->sums[i].generation != NOT_COUNTED)
            n->sums[i].generation = now[n->sums[i].generation];
    n->n_generations = kept;
    free(now);
}

static bool is_there(uint64_t key, uint32_t number, void *ledger)
{
    (void)number;
    return native_find(ledger, key) != NULL;
}

static void drop_idle(struct ledger *l, uint32_t coverage)
{
    int64_t before = l->coverages[coverage].newest_to - IDLE_NANO;
    size_t all = l->n_natives;

    for (size_t i = 0; i < l->n_natives;) {
        struct native *n = &l->natives[i];

        if (n->coverage != coverage || n->n_buckets || n->pruned_to >= before || control_waits(l, n)) {
            i++;
            continue;
        }
        native_done(l, n);
        *n = l->natives[--l->n_natives];
        l->natives[l->n_natives] = (struct native){ 0 };
        if (i < l->n_natives)
            (void)map_put(&l->native_by_key, n->key, (uint32_t)i); /* it is there: only its number changes */
    }
    if (l->n_natives < all)
        (void)map_prune(&l->native_by_key, is_there, l);
}

static void prune(struct ledger *l, struct native *n, const struct coverage *c)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < n->n_buckets; i++) {
        struct bucket *b = &n->buckets[i];

        if (b->start < c->pruned_before && coverage_has(c, b->start)) {
            free(b->amounts);
            l->n_buckets--;
            n->pruned_to = b->start > n->pruned_to ? b->start : n->pruned_to;
        } else {
            n->buckets[kept++] = *b;
        }
    }
    n->n_buckets = kept;
    forget_generations(n);
}

/* `oldest_read`: a source whose look-back is longer than states are kept goes on reading from there. */
void measures_prune(struct ledger *l, uint32_t coverage, int64_t oldest_read)
{
    struct coverage *c = &l->coverages[coverage];
    int64_t before = c->newest_to - l->keep_buckets_nano;

    before = before < oldest_read ? before : oldest_read;
    if (before < c->pruned_before + PRUNE_EVERY_S * NANO_PER_S)
        return;
    c->pruned_before = before;
    for (size_t i = 0; i < l->n_natives; i++)
        if (l->natives[i].coverage == coverage)
            prune(l, &l->natives[i], c);
    drop_idle(l, coverage);
}
