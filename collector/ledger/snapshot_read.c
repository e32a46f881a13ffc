/* Reads it back. Every count is checked against what is left, so a wrong one ends the read instead of allocating. */
#include <stdlib.h>

#include "collector/ledger/snapshot.h"

struct in {
    sv rest;
    bool bad;
    uint64_t
        version; /* 1: without callers; 2: without how far states were given up; 3: without bounds; 4: without parts of rules and charges; 5: without life */
};

static const unsigned char *take(struct in *in, size_t n)
{
    const unsigned char *p = (const unsigned char *)in->rest.at;

    if (in->bad || in->rest.len < n) {
        in->bad = true;
        return NULL;
    }
    in->rest = sv_skip(in->rest, n);
    return p;
}

static uint32_t get_u32(struct in *in)
{
    const unsigned char *p = take(in, 4);

    return p ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24 : 0;
}

static uint64_t get_u64(struct in *in)
{
    uint64_t lo = get_u32(in);

    return lo | (uint64_t)get_u32(in) << 32;
}

static int64_t get_i64(struct in *in)
{
    return (int64_t)get_u64(in);
}

/* A time or a count, with which sums are made that must not overflow. */
static int64_t get_sane(struct in *in)
{
    int64_t v = get_i64(in);

    in->bad |= v > INT64_MAX / 2 || v < -INT64_MAX / 2;
    return v;
}

static double get_f64(struct in *in)
{
    uint64_t bits = get_u64(in);
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

static sv get_sv(struct in *in)
{
    uint32_t n = get_u32(in);
    const unsigned char *p = take(in, n);

    return p ? sv_make(p, n) : SV_NONE;
}

static name_id get_name(struct in *in, const struct ledger *l)
{
    name_id id = get_u32(in);

    in->bad |= id >= l->names.n;
    return id;
}

/* A count of things of at least `least` bytes each. */
static size_t get_count(struct in *in, size_t least)
{
    uint64_t n = get_u64(in);

    if (n > in->rest.len / least) {
        in->bad = true;
        return 0;
    }
    return (size_t)n;
}

static void get_names(struct in *in, struct names *n)
{
    size_t count = get_count(in, 4);

    for (size_t i = 1; i < count && !in->bad; i++)
        in->bad |= names_add(n, get_sv(in)) != i;
}

static void get_series(struct in *in, struct ledger *l)
{
    struct registry *r = &l->series;
    size_t n = get_count(in, 16);
    size_t limit = (size_t)get_u64(in);

    r->limit = SIZE_MAX;
    for (size_t i = 0; i < n && !in->bad; i++) {
        int family = family_find(get_sv(in));
        const unsigned char *born = take(in, 1);
        struct label_set labels = { 0 };
        name_id ids[FAMILY_LABELS_MAX];
        struct series *s;

        for (int k = 0; k < FAMILY_LABELS_MAX; k++)
            ids[k] = get_name(in, l);
        if (family < 0 || !born || families[family].type == FAMILY_BILLED) {
            in->bad = true;
            return;
        }
        for (int k = 0, at = 0; k < LABELS; k++)
            if (families[family].labels & LABEL_BIT(k))
                labels.at[k] = ids[at++];
        in->bad |= series_for(l, family, &labels) != i;
        if (in->bad)
            return;
        s = &r->at[i];
        s->born = *born;
        s->created = l->generation; /* its 0 has not been shown by this process */
        for (unsigned k = 0; s->cells && k < series_words(family); k++)
            s->cells[k] = get_i64(in);
        s->gauge = get_f64(in);
        s->gauge_end = get_i64(in);
        s->gauge_until = get_i64(in);
    }
    r->limit = limit;
}

static void get_spans(struct in *in, struct spans *s)
{
    size_t n = get_count(in, 16);

    for (size_t i = 0; i < n && !in->bad; i++) {
        int64_t from = get_i64(in), to = get_i64(in);

        in->bad |= !spans_add(s, from, to);
    }
}

static name_id get_caller(struct in *in, const struct ledger *l)
{
    name_id id = get_u32(in);

    in->bad |= id >= l->names.n && id != CALLER_NOT_COUNTED && id != CALLER_REFUSED;
    return id;
}

static void get_coverages(struct in *in, struct ledger *l)
{
    size_t n = get_count(in, 40);

    for (size_t i = 0; i < n && !in->bad; i++) {
        sv source = names_sv(&l->names, get_u32(in)), scope = names_sv(&l->names, get_u32(in));
        uint32_t number = coverage_for(l, source, scope, names_sv(&l->names, get_u32(in)), true);
        struct coverage *c;
        size_t waiting;

        if (number != i) {
            in->bad = true;
            return;
        }
        c = &l->coverages[i];
        get_spans(in, &c->read);
        get_spans(in, &c->settled);
        c->newest_to = get_sane(in);
        c->last_read_at = get_sane(in);
        c->pruned_before = get_sane(in);
        waiting = get_count(in, 20);
        for (size_t k = 0; k < waiting && !in->bad; k++) {
            struct envelope *v = grow(c->envelopes, c->n_envelopes, &c->cap_envelopes, sizeof *v);

            in->bad |= v == NULL;
            if (in->bad)
                return;
            c->envelopes = v;
            v[c->n_envelopes].call_key = get_u64(in);
            v[c->n_envelopes].arrival = get_sane(in);
            l->n_envelopes++;
            v[c->n_envelopes].series = get_u32(in);
            v[c->n_envelopes++].caller = in->version < 2 ? CALLER_NOT_COUNTED : get_caller(in, l);
        }
    }
}

static void get_rule(struct in *in, struct ledger *l, struct ruleset *s)
{
    struct fold_rule r = { .platform = platform_parse(get_sv(in)) };

    r.family = get_u32(in);
    r.fact = get_u32(in);
    r.theirs = get_u32(in);
    r.part = in->version < 5 ? 0 : get_name(in, l);
    r.other_parts = sv_eq(names_sv(&l->names, r.part), SV("*"));
    r.ours = family_find(get_sv(in));
    r.stat = stat_find(get_sv(in));
    r.scale = get_f64(in);
    r.born = arena_copy(&s->arena, get_sv(in));
    r.n_fixed = (int)get_u32(in);
    in->bad |= r.n_fixed < 0 || r.n_fixed > 4 || r.ours < 0 || r.stat < 0;
    in->bad |= r.ours >= 0 && families[r.ours].type == FAMILY_BILLED;
    for (int k = 0; k < r.n_fixed && !in->bad; k++) {
        r.fixed[k].label = label_find(get_sv(in));
        r.fixed[k].value = get_name(in, l);
        in->bad |= r.fixed[k].label < 0;
    }
    if (!in->bad)
        s->rules[s->n_rules++] = r;
}

static void get_rulesets(struct in *in, struct ledger *l)
{
    size_t n = get_count(in, 24);

    for (size_t i = 0; i < n && !in->bad; i++) {
        struct ruleset *s = grow(l->rulesets, l->n_rulesets, &l->cap_rulesets, sizeof *s);
        size_t rules;

        if (!s) {
            in->bad = true;
            return;
        }
        l->rulesets = s;
        s = &l->rulesets[l->n_rulesets++];
        *s = (struct ruleset){ .source = get_u32(in) };
        s->valid_from = get_i64(in);
        s->hash = get_u64(in);
        rules = get_count(in, 40);
        ruleset_init(s, rules);
        in->bad |= s->rules == NULL;
        for (size_t k = 0; k < rules && !in->bad; k++)
            get_rule(in, l, s);
        if (!in->bad)
            ruleset_index(s);
    }
}

static void get_authorities(struct in *in, struct ledger *l)
{
    size_t n = get_count(in, 20);

    for (size_t i = 0; i < n && !in->bad; i++) {
        name_id fact = get_u32(in), resource = get_u32(in), choice = get_u32(in);

        authority_add(l, fact, resource, choice, get_i64(in));
    }
}

static void get_inventory(struct in *in, struct inventory *v)
{
    size_t items;

    v->cloud = get_u32(in);
    v->account = get_u32(in);
    v->cloud_region = get_u32(in);
    v->platform = get_u32(in);
    v->resource = get_u32(in);
    v->hash = get_u64(in);
    items = get_count(in, 68);
    v->items = ARENA_ARRAY(&v->arena, struct inventory_item, items + 1);
    in->bad |= v->items == NULL;
    for (size_t k = 0; k < items && !in->bad; k++) {
        sv *texts[ITEM_TEXTS];

        item_texts(&v->items[k], texts);
        for (int t = 0; t < ITEM_TEXTS; t++)
            *texts[t] = arena_copy(&v->arena, get_sv(in));
        v->items[k].capacity = get_f64(in);
        v->items[k].created_unix_nano = get_i64(in);
        v->n_items++;
    }
}

static void get_inventories(struct in *in, struct ledger *l)
{
    size_t n = get_count(in, 44);

    for (size_t i = 0; i < n && !in->bad; i++) {
        name_id source = get_u32(in), resource = get_u32(in);
        struct inventory *v = inventory_add(l, source, resource);

        if (!v || l->n_inventories != i + 1) { /* one twice */
            in->bad = true;
            return;
        }
        get_inventory(in, v);
    }
}

static void get_sources(struct in *in, struct ledger *l)
{
    size_t n = get_count(in, 60);

    for (size_t i = 0; i < n && !in->bad; i++) {
        struct source_state *s = source_state(l, names_sv(&l->names, get_u32(in)));
        uint32_t reasons;

        if (!s) {
            in->bad = true;
            return;
        }
        s->count_from = get_sane(in);
        s->late = get_sane(in);
        s->history = get_sane(in);
        s->frames = get_sane(in);
        s->tally.received = get_sane(in);
        s->tally.stored = get_sane(in);
        s->tally.duplicate = get_sane(in);
        reasons = get_u32(in);
        for (uint32_t k = 0; k < reasons && !in->bad; k++) {
            sv name = get_sv(in);
            int64_t rejected = get_i64(in), quarantined = get_i64(in);

            for (int r = 0; r < REASONS; r++)
                if (sv_eq(name, sv_of(reason_name((enum reason)r)))) {
                    s->tally.rejected[r] = rejected;
                    s->tally.quarantined[r] = quarantined;
                }
        }
    }
}

static void get_generation(struct in *in, const struct ledger *l, struct generation *g)
{
    g->signature = get_u64(in);
    g->width = get_u32(in);
    g->n_contributions = get_u32(in);
    in->bad |= g->n_contributions > CONTRIBUTIONS_MAX || g->width > CONTRIBUTIONS_MAX * HISTOGRAM_CELLS;
    for (unsigned k = 0; k < g->n_contributions && !in->bad; k++) {
        struct contribution *c = &g->to[k];
        int stat;

        c->series = get_u32(in);
        stat = stat_find(get_sv(in));
        c->stat = (uint16_t)stat;
        c->cell = (uint16_t)get_u32(in);
        c->at = (uint16_t)get_u32(in);
        c->cells = (uint16_t)get_u32(in);
        c->scale = get_f64(in);
        in->bad |= stat < 0 || c->at + c->cells > g->width;
        in->bad |= c->cells && c->cells != (stat == STAT_DISTRIBUTION ? HISTOGRAM_CELLS : 1);
        /* A series that was not admitted has no number; any other must exist and have the cells. */
        if (c->series != UINT32_MAX && c->cells)
            in->bad |= c->series >= l->series.n || c->cell + c->cells > series_inputs(l->series.at[c->series].family);
    }
}

static void get_bucket(struct in *in, const struct native *n, struct bucket *u)
{
    u->start = get_sane(in);
    u->value_hash = get_u64(in);
    u->revision = (uint16_t)get_u32(in);
    u->generation = (uint16_t)get_u32(in);
    u->width = (uint16_t)get_u32(in);
    in->bad |= u->generation == NOT_COUNTED ? u->width > 0
                                            : (u->generation >= n->n_generations ||
                                               (u->width && u->width != n->generations[u->generation].width));
    if (in->bad || u->width == 0)
        return;
    u->amounts = memory_zeroed(u->width, sizeof *u->amounts);
    in->bad |= u->amounts == NULL;
    for (unsigned i = 0; i < u->width && !in->bad; i++)
        u->amounts[i] = get_i64(in);
}

static void get_native(struct in *in, struct ledger *l)
{
    uint64_t key = get_u64(in);
    size_t before = l->n_natives;
    struct native *n = native_add(l, key, get_u32(in));
    int64_t pruned_to = in->version < 3 ? INT64_MAX : get_i64(in); /* unknown: all that was pruned may have been told */
    uint32_t count = get_u32(in);

    if (!n || l->n_natives == before || (n->coverage != UINT32_MAX && n->coverage >= l->n_coverages) ||
        count >= NOT_COUNTED || count > in->rest.len / 16) {
        in->bad = true;
        return;
    }
    n->pruned_to = pruned_to;
    n->generations = memory_zeroed(count + 1, sizeof *n->generations);
    in->bad |= n->generations == NULL;
    for (uint32_t k = 0; k < count && !in->bad; k++)
        get_generation(in, l, &n->generations[n->n_generations++]);
    n->cap_generations = count + 1;
    count = get_u32(in);
    in->bad |= count > in->rest.len / 28;
    if (in->bad)
        return;
    n->buckets = memory_zeroed(count + 1, sizeof *n->buckets);
    in->bad |= n->buckets == NULL;
    n->cap_buckets = count + 1;
    for (uint32_t k = 0; k < count && !in->bad; k++) {
        get_bucket(in, n, &n->buckets[n->n_buckets++]);
        l->n_buckets++;
    }
}

static void get_map(struct in *in, struct map *m)
{
    size_t limit = (size_t)get_u64(in), n = get_count(in, 12);

    m->limit = 0;
    in->bad |= !map_reserve(m, n);
    for (size_t i = 0; i < n && !in->bad; i++) {
        uint64_t key = get_u64(in);

        in->bad |= !map_put(m, key, get_u32(in));
    }
    m->limit = limit ? limit : KEYS_MAX; /* none: written before there was one */
}

static void get_hours(struct in *in, struct ledger *l)
{
    size_t n = get_count(in, 33);

    for (size_t i = 0; i < n && !in->bad; i++) {
        name_id labels[HOURS_LABELS];
        struct hours *h;
        const unsigned char *has_log;
        uint32_t kept;

        for (int k = 0; k < HOURS_LABELS; k++)
            labels[k] = get_name(in, l);
        h = hours_for(l, labels);
        has_log = take(in, 1);
        if (!h || !has_log) {
            in->bad = true;
            return;
        }
        h->has_log = *has_log;
        h->newest = get_i64(in);
        in->bad |= h->newest < 0 || h->newest > INT64_MAX / NANO_PER_H;
        kept = get_u32(in);
        for (uint32_t k = 0; k < kept && !in->bad; k++) {
            struct hour v = { get_i64(in), 0, 0 };

            v.requests = get_i64(in);
            v.logged = get_i64(in);
            if (v.hour >= 0)
                h->ring[v.hour % HOURS_KEPT] = v;
        }
    }
}

static void get_callers(struct in *in, struct ledger *l)
{
    size_t limit = (size_t)get_u64(in), n;

    l->callers.refused = get_sane(in);
    n = get_count(in, 4);
    l->callers.limit = SIZE_MAX;
    for (size_t i = 0; i < n && !in->bad; i++)
        in->bad |= caller_for(l, names_sv(&l->names, get_name(in, l))) == CALLER_REFUSED;
    l->callers.limit = limit;
}

static void get_bounds(struct in *in, struct ledger *l)
{
    if (in->version < 4) {
        l->natives_limit = NATIVES_MAX;
        l->names.limit = NAMES_MAX;
        l->keys.horizon_wanted =
            l->keys.horizon_hours > l->keys.horizon_wanted ? l->keys.horizon_hours : l->keys.horizon_wanted;
        return;
    }
    l->keys.horizon_wanted = get_u32(in);
    l->natives_limit = (size_t)get_u64(in);
    l->names.limit = (size_t)get_u64(in);
    l->names.refused = (size_t)get_u64(in);
    l->envelopes_limit = (size_t)get_u64(in);
    l->refused = get_sane(in);
    in->bad |= l->keys.horizon_wanted > UINT32_MAX / 2 || l->keys.horizon_hours > l->keys.horizon_wanted;
}

static void get_charges(struct in *in, struct ledger *l)
{
    size_t n;

    l->charges.oldest_day = get_i64(in);
    n = get_count(in, 33);
    for (size_t i = 0; i < n && !in->bad; i++) {
        uint64_t key = get_u64(in), hash = get_u64(in);
        int64_t day = get_sane(in), cost_nano = get_i64(in);
        const unsigned char *summed = take(in, 1);
        name_id labels[BILLED_LABELS] = { 0 };

        for (int k = 0; k < BILLED_LABELS && summed && *summed; k++)
            labels[k] = get_name(in, l);
        in->bad |= !summed || map_find(&l->charges.by_key, key) ||
                   !charge_add(l, key, day, cost_nano, hash, *summed ? labels : NULL);
    }
}

static void get_gaps(struct in *in, struct ledger *l)
{
    size_t n = get_count(in, 36);

    for (size_t i = 0; i < n && !in->bad; i++) {
        name_id source = get_name(in, l), signal = get_name(in, l), cause = get_name(in, l);
        size_t before = l->gaps.n_sums;
        struct gap_sum *s = in->bad ? NULL : gap_sum_for(l, source, signal, cause);

        if (!s || l->gaps.n_sums == before) {
            in->bad = true;
            return;
        }
        s->nano = get_sane(in);
        s->newest_from = get_sane(in);
        s->newest_to = get_sane(in);
    }
    n = get_count(in, 16);
    for (size_t i = 0; i < n && !in->bad; i++) {
        uint64_t key = get_u64(in);
        struct gap_state *s = map_find(&l->gaps.by_key, key) ? NULL : gap_add(l, key);

        in->bad |= s == NULL;
        if (s)
            get_spans(in, &s->told);
    }
    for (size_t i = 0; i < l->n_coverages && !in->bad; i++) {
        const unsigned char *of_calls = take(in, 1);

        l->coverages[i].of_calls = of_calls && *of_calls;
    }
    for (size_t i = 0; i < l->n_hours && !in->bad; i++)
        l->hours[i].source = get_name(in, l);
}

static void get_spent(struct in *in, struct ledger *l)
{
    for (size_t i = 0; i < l->n_sources && !in->bad; i++)
        for (uint32_t n = get_u32(in), k = 0; k < n && !in->bad; k++) {
            int64_t hour = get_i64(in), calls = get_i64(in), usd_nano = get_i64(in), bytes = get_i64(in);

            in->bad |= hour <= 0 || n > SPENT_HOURS;
            if (!in->bad)
                l->sources[i].spent[(uint64_t)hour % SPENT_HOURS] = (struct spent){ hour, calls, usd_nano, bytes };
        }
}

static void get_restarts(struct in *in, struct ledger *l)
{
    uint32_t n = get_u32(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        sv name = get_sv(in);
        uint64_t restarts = get_u64(in);

        for (int k = 0; k < DAMAGE_CAUSES; k++)
            if (sv_eq(name, sv_of(damage_cause_name((enum damage_cause)k))))
                l->restarts[k] = restarts;
    }
}

static void get_life(struct in *in, struct ledger *l)
{
    l->life.age = get_sane(in);
    l->life.last_written = get_sane(in);
    l->life.expiry = get_sane(in);
    in->bad |= l->life.age < 0 || l->life.expiry < 0;
    l->sequence = get_u64(in);
    l->buckets_limit = (size_t)get_u64(in);
    get_restarts(in, l);
    for (size_t i = 0; i < l->series.n && !in->bad; i++) {
        struct series *s = &l->series.at[i];
        const unsigned char *flags = take(in, 1);

        s->expired = flags && *flags & SERIES_EXPIRED;
        s->returned = flags && *flags & SERIES_RETURNED;
        s->changed = get_sane(in);
        l->series.expired += s->expired;
        in->bad |= s->expired && (s->born || !s->cells);
    }
}

static void get_hour_sum(struct in *in, struct ledger *l, struct native *n)
{
    uint32_t hour = get_u32(in), generation = get_u32(in), words = get_u32(in);
    bool known = !in->bad && generation < n->n_generations;
    unsigned width = known ? control_width(l, &n->generations[generation]) : 0;
    struct hour_sum *s;

    in->bad |= n->n_sums && hour <= n->sums[n->n_sums - 1].hour;
    in->bad |= !(known && (words == width || words == 2 * width)) && !(generation == NOT_COUNTED && words == 0);
    s = in->bad ? NULL : hour_sum_add(l, n, hour, words);
    in->bad |= s == NULL;
    for (uint32_t i = 0; i < words && !in->bad; i++) {
        hour_sum_words(s)[i] = get_i64(in);
        in->bad |= hour_sum_words(s)[i] == INT64_MIN;
    }
    if (s)
        s->generation = (uint16_t)generation;
}

static void get_native_sums(struct in *in, struct ledger *l, struct native *n)
{
    uint32_t count;

    for (uint32_t i = 0; i < n->n_buckets && !in->bad; i++)
        n->buckets[i].minutes = (uint16_t)get_u32(in);
    n->sums_lost_to = get_u32(in);
    count = get_u32(in);
    for (uint32_t i = 0; i < count && !in->bad; i++)
        get_hour_sum(in, l, n);
}

static void get_control_totals(struct in *in, struct ledger *l)
{
    size_t n = get_count(in, 28);

    for (size_t i = 0; i < n && !in->bad; i++) {
        name_id source = get_name(in, l), age = get_name(in, l);
        int family = family_find(get_sv(in));
        struct control_total *t = family < 0 || in->bad ? NULL : control_total_for(l, source, age, family);

        in->bad |= !t || l->n_controls != i + 1;
        if (in->bad)
            return;
        t->added = get_sane(in);
        t->owed = get_sane(in);
    }
}

/* As many coverages, sources and natives as were read before. */
static void get_control(struct in *in, struct ledger *l)
{
    size_t limit = (size_t)get_u64(in);

    for (size_t i = 0; i < l->n_coverages && !in->bad; i++) {
        const unsigned char *controls = take(in, 1);

        l->coverages[i].controls = controls && *controls;
        l->coverages[i].compared_from = get_sane(in);
        l->coverages[i].final_to = get_sane(in);
    }
    for (size_t i = 0; i < l->n_sources && !in->bad; i++) {
        l->sources[i].late_buckets = get_sane(in);
        l->sources[i].overlaps = get_sane(in);
        l->sources[i].hours_uncompared = get_sane(in);
    }
    l->sums_limit_bytes = SIZE_MAX;
    for (size_t i = 0; i < l->n_natives && !in->bad; i++)
        get_native_sums(in, l, &l->natives[i]);
    l->sums_limit_bytes = limit;
    get_control_totals(in, l);
}

static bool get_state(struct in *in, struct ledger *l, struct buf *cursor)
{
    size_t n;

    l->natives_limit = l->names.limit = SIZE_MAX; /* what was within a limit then is within it now */
    buf_put(cursor, get_sv(in));
    l->generation = get_u64(in);
    l->keep_buckets_nano = get_sane(in);
    l->limits_hash = get_u64(in);
    get_names(in, &l->names);
    get_series(in, l);
    get_coverages(in, l);
    get_rulesets(in, l);
    get_authorities(in, l);
    get_inventories(in, l);
    get_sources(in, l);
    n = get_count(in, 20);
    for (size_t i = 0; i < n && !in->bad; i++)
        get_native(in, l);
    l->keys.hour = get_u32(in);
    l->keys.horizon_hours = get_u32(in);
    get_map(in, &l->keys.rows);
    get_map(in, &l->keys.calls);
    get_hours(in, l);
    if (in->version >= 2)
        get_callers(in, l);
    get_bounds(in, l);
    if (in->version >= 5)
        get_charges(in, l);
    if (in->version >= 6) {
        get_gaps(in, l);
        get_spent(in, l);
        get_life(in, l);
        get_control(in, l);
    }
    return !in->bad && in->rest.len == 0;
}

bool snapshot_decode(struct ledger *l, sv body, uint64_t version, struct buf *cursor)
{
    struct in in = { body, false, version };

    return get_state(&in, l, cursor);
}

void snapshot_cursor(sv body, struct buf *cursor)
{
    struct in in = { body, false, SNAPSHOT_VERSION };

    buf_put(cursor, get_sv(&in));
}
