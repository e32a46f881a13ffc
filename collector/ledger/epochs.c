/*
 * What the fold depends on besides records. Epochs are valid from a bucket time; those that are superseded stay as long as
 * buckets may still be revised, which in practice means that all of a process's life are kept: they are few.
 */
#include <math.h>
#include <stdlib.h>

#include "collector/ledger/internal.h"

/* clang-format off */
static const char *const stat_names[STATS] = {
    [STAT_VALUE] = "value", [STAT_SUM] = "sum", [STAT_COUNT] = "count", [STAT_MIN] = "min", [STAT_MAX] = "max",
    [STAT_MEAN] = "mean", [STAT_P50] = "p50", [STAT_P95] = "p95", [STAT_P99] = "p99", [STAT_DISTRIBUTION] = "distribution",
    [STAT_CALL] = "call", [STAT_INPUT_TOKENS] = "input_tokens", [STAT_OUTPUT_TOKENS] = "output_tokens",
    [STAT_CACHE_READ_TOKENS] = "cache_read_tokens", [STAT_CACHE_WRITE_TOKENS] = "cache_write_tokens",
    [STAT_REASONING_TOKENS] = "reasoning_tokens", [STAT_AUDIO_INPUT_TOKENS] = "audio_input_tokens",
    [STAT_AUDIO_OUTPUT_TOKENS] = "audio_output_tokens", [STAT_DURATION] = "duration",
    [STAT_TIME_TO_FIRST_TOKEN] = "time_to_first_token",
    [STAT_STREAMED_TIME_TO_FIRST_TOKEN] = "streamed_time_to_first_token", [STAT_EVENT] = "event",
};
/* clang-format on */

int stat_find(sv name)
{
    for (int i = 0; i < STATS; i++)
        if (sv_eq(name, sv_of(stat_names[i])))
            return i;
    return -1;
}

sv stat_name(int stat)
{
    return sv_of(stat_names[stat]);
}

/* ---- sources ---- */

struct source_state *source_state(struct ledger *l, sv source)
{
    name_id id = names_add(&l->names, source);
    struct source_state *s;

    for (size_t i = 0; i < l->n_sources; i++)
        if (l->sources[i].source == id)
            return &l->sources[i];
    s = grow(l->sources, l->n_sources, &l->cap_sources, sizeof *s);
    if (!s)
        return NULL;
    l->sources = s;
    s = &l->sources[l->n_sources++];
    *s = (struct source_state){ .source = id };
    return s;
}

int64_t ledger_count_from(struct ledger *l, sv source)
{
    int64_t at = 0;

    ledger_read_lock(l);
    for (size_t i = 0; i < l->n_sources; i++)
        if (sv_eq(names_sv(&l->names, l->sources[i].source), source))
            at = l->sources[i].count_from;
    ledger_read_unlock(l);
    return at;
}

size_t ledger_source_count(const struct ledger *l)
{
    return l->n_sources;
}

void ledger_source(const struct ledger *l, size_t number, struct source_totals *out)
{
    const struct source_state *s = &l->sources[number];

    *out = (struct source_totals){ .source = names_sv(&l->names, s->source),
                                   .tally = s->tally,
                                   .late = s->late,
                                   .history = s->history,
                                   .frames = s->frames,
                                   .late_buckets = s->late_buckets,
                                   .overlaps = s->overlaps,
                                   .hours_uncompared = s->hours_uncompared };
    for (size_t i = 0; i < l->n_coverages; i++)
        if (l->coverages[i].source == s->source)
            out->pending_envelopes += (int64_t)l->coverages[i].n_envelopes;
}

/* ---- mapping ---- */

void ruleset_done(struct ruleset *s)
{
    arena_done(&s->arena);
    map_done(&s->by_name);
}

static bool fixed_labels(struct ledger *l, struct fold_rule *r, sv labels)
{
    while (labels.len) {
        sv pair = sv_cut(&labels, ',');
        sv name = sv_cut(&pair, '=');
        int label = label_find(name);

        if (label < 0 || r->n_fixed == 4)
            return false;
        r->fixed[r->n_fixed].label = label;
        r->fixed[r->n_fixed++].value = names_add(&l->names, pair);
    }
    return true;
}

static uint64_t rule_key(enum platform p, name_id theirs)
{
    return hash_u64((uint64_t)p, theirs);
}

static int by_key(const void *a, const void *b)
{
    const struct fold_rule *x = a, *y = b;
    uint64_t kx = rule_key(x->platform, x->theirs), ky = rule_key(y->platform, y->theirs);

    return kx < ky ? -1 : kx > ky;
}

void ruleset_init(struct ruleset *s, size_t rules)
{
    arena_init(&s->arena, 4 << 20);
    map_init(&s->by_name, 0);
    s->rules = ARENA_ARRAY(&s->arena, struct fold_rule, rules + 1);
}

/* Rules of one name stand together, and the map knows the first. */
void ruleset_index(struct ruleset *s)
{
    qsort(s->rules, s->n_rules, sizeof *s->rules, by_key);
    for (size_t i = s->n_rules; i-- > 0;)
        (void)map_put(&s->by_name, rule_key(s->rules[i].platform, s->rules[i].theirs), (uint32_t)i);
}

static void compile_rule(struct ledger *l, struct ruleset *s, const struct rule *from)
{
    struct fold_rule *r = &s->rules[s->n_rules];
    int family = family_find(from->ours);

    *r = (struct fold_rule){ .platform = from->platform,
                             .family = names_add(&l->names, from->family),
                             .fact = names_add(&l->names, from->fact),
                             .theirs = names_add(&l->names, from->theirs),
                             .part = names_add(&l->names, from->part),
                             .other_parts = sv_eq(from->part, SV("*")),
                             .ours = family,
                             .stat = stat_find(from->stat),
                             .born = arena_copy(&s->arena, from->born) };
    /* Only a reading of a figure (its family) may take away: what one metric holds too much by that reading, another tells.
     * Both are revised, and come in any order: the value goes where the sum goes, and debt keeps what is shown from
     * falling. */
    if (family < 0 || families[family].type == FAMILY_BILLED || r->stat < 0 || !isfinite(from->weight) ||
        (from->weight < 0 && !from->family.len) || !fixed_labels(l, r, from->labels))
        return; /* a rule of a newer version: what it would count stays archived */
    r->scale = from->weight;
    if (r->stat != STAT_COUNT)
        r->scale *= pow(10, families[family].digits); /* a summary's count is a plain number */
    s->n_rules++;
}

static void fold_mapping(struct fold *f, const struct epoch *e)
{
    struct ledger *l = f->l;
    struct ruleset *s = grow(l->rulesets, l->n_rulesets, &l->cap_rulesets, sizeof *s);

    if (!s)
        return;
    l->rulesets = s;
    s = &l->rulesets[l->n_rulesets];
    *s = (struct ruleset){ .source = f->source->source, .valid_from = e->valid_from_unix_nano, .hash = e->hash };
    ruleset_init(s, e->n_rules);
    if (!s->rules) {
        ruleset_done(s);
        return;
    }
    for (size_t i = 0; i < e->n_rules; i++)
        compile_rule(l, s, &e->rules[i]);
    ruleset_index(s);
    l->n_rulesets++;
}

const struct ruleset *ruleset_at(const struct ledger *l, name_id source, int64_t bucket)
{
    for (size_t i = l->n_rulesets; i-- > 0;)
        if (l->rulesets[i].source == source && l->rulesets[i].valid_from <= bucket)
            return &l->rulesets[i];
    return NULL;
}

const struct fold_rule *rules_for(const struct ruleset *s, enum platform platform, name_id theirs, size_t *n)
{
    uint64_t key = rule_key(platform, theirs);
    uint32_t *first = s && theirs ? map_find(&s->by_name, key) : NULL;

    *n = 0;
    if (!first)
        return NULL;
    while (*first + *n < s->n_rules && rule_key(s->rules[*first + *n].platform, s->rules[*first + *n].theirs) == key)
        ++*n;
    return &s->rules[*first];
}

bool rule_takes_part(const struct fold_rule *rules, size_t n, const struct fold_rule *r, name_id part)
{
    if (!r->other_parts)
        return r->part == 0 || r->part == part;
    for (size_t i = 0; i < n; i++)
        if (rules[i].family == r->family && rules[i].part == part)
            return false;
    return part != 0;
}

uint32_t rule_series(struct ledger *l, const struct fold_rule *r, const struct label_set *labels)
{
    struct label_set own = *labels;
    sv sets = r->born;
    uint32_t number;

    for (int i = 0; i < r->n_fixed; i++)
        own.at[r->fixed[i].label] = r->fixed[i].value;
    number = series_find(l, r->ours, &own);
    if (number != UINT32_MAX)
        return number;
    number = series_for(l, r->ours, &own);
    while (sets.len) {
        sv set = sv_cut(&sets, ';');
        struct label_set sibling = own;
        size_t refused = l->names.refused;

        while (set.len) {
            sv pair = sv_cut(&set, ',');
            int label = label_find(sv_cut(&pair, '='));

            if (label >= 0)
                sibling.at[label] = names_add(&l->names, pair);
        }
        if (l->names.refused == refused) /* without a name it would be another series */
            (void)series_for(l, r->ours, &sibling);
    }
    return number;
}

/* ---- authority ---- */

static uint64_t authority_key(name_id fact, name_id resource_id)
{
    return hash_u64(fact, resource_id);
}

void authority_add(struct ledger *l, name_id fact, name_id resource_id, name_id choice, int64_t valid_from)
{
    uint64_t key = authority_key(fact, resource_id);
    uint32_t *newest = map_find(&l->authority_by_key, key);
    struct authority *a = grow(l->authorities, l->n_authorities, &l->cap_authorities, sizeof *a);

    if (!a)
        return;
    l->authorities = a;
    l->authorities[l->n_authorities] =
        (struct authority){ fact, resource_id, choice, valid_from, newest ? *newest + 1 : 0 };
    if (map_put(&l->authority_by_key, key, (uint32_t)l->n_authorities))
        l->n_authorities++;
}

static void fold_authority(struct fold *f, const struct epoch *e)
{
    sv resource = e->subject;
    name_id fact = names_add(&f->l->names, sv_cut(&resource, ' '));

    authority_add(f->l, fact, names_add(&f->l->names, resource), names_add(&f->l->names, e->value),
                  e->valid_from_unix_nano);
}

static const struct authority *authority_find(const struct ledger *l, name_id fact, name_id resource_id, int64_t bucket)
{
    uint32_t *newest = map_find(&l->authority_by_key, authority_key(fact, resource_id));

    for (uint32_t n = newest ? *newest + 1 : 0; n; n = l->authorities[n - 1].older)
        if (l->authorities[n - 1].valid_from <= bucket)
            return &l->authorities[n - 1];
    return NULL;
}

name_id authority_at(const struct ledger *l, name_id fact, name_id resource_id, int64_t bucket)
{
    const struct authority *a = authority_find(l, fact, resource_id, bucket);

    return a ? a->choice : 0;
}

sv ledger_authority_now(const struct ledger *l, sv fact, sv resource_id)
{
    return names_sv(&l->names,
                    authority_at(l, names_find(&l->names, fact), names_find(&l->names, resource_id), INT64_MAX));
}

sv ledger_authority(struct ledger *l, sv fact, sv resource_id, struct arena *arena)
{
    sv choice;

    ledger_read_lock(l);
    choice = arena_copy(arena, ledger_authority_now(l, fact, resource_id));
    ledger_read_unlock(l);
    return choice.at ? choice : SV_NONE;
}

sv ledger_authority_at(struct ledger *l, sv fact, sv resource_id, int64_t at, int64_t *since, struct arena *arena)
{
    const struct authority *a;
    sv choice;

    ledger_read_lock(l);
    a = authority_find(l, names_find(&l->names, fact), names_find(&l->names, resource_id), at);
    *since = a ? a->valid_from : INT64_MIN;
    choice = arena_copy(arena, names_sv(&l->names, a ? a->choice : 0));
    ledger_read_unlock(l);
    return choice.at ? choice : SV_NONE;
}

/* ---- inventory ---- */

void inventory_done(struct inventory *i)
{
    arena_done(&i->arena);
}

static uint64_t inventory_key(name_id source, name_id resource_id)
{
    return hash_u64(source, resource_id);
}

struct inventory *inventory_add(struct ledger *l, name_id source, name_id resource_id)
{
    uint64_t key = inventory_key(source, resource_id);
    uint32_t *there = map_find(&l->inventory_by_key, key);
    struct inventory *i;

    if (there)
        return &l->inventories[*there];
    i = grow(l->inventories, l->n_inventories, &l->cap_inventories, sizeof *i);
    if (!i)
        return NULL;
    l->inventories = i;
    if (!map_put(&l->inventory_by_key, key, (uint32_t)l->n_inventories))
        return NULL;
    i = &l->inventories[l->n_inventories++];
    *i = (struct inventory){ .source = source, .resource_id = resource_id };
    arena_init(&i->arena, 16 << 20);
    return i;
}

static void copy_item(struct arena *a, struct inventory_item *to, const struct inventory_item *from)
{
    *to = *from;
    to->deployment = arena_copy(a, from->deployment);
    to->model_id = arena_copy(a, from->model_id);
    to->model_version = arena_copy(a, from->model_version);
    to->model = arena_copy(a, from->model);
    to->publisher = arena_copy(a, from->publisher);
    to->sku = arena_copy(a, from->sku);
    to->processing = arena_copy(a, from->processing);
    to->jurisdiction = arena_copy(a, from->jurisdiction);
    to->team = arena_copy(a, from->team);
    to->owner = arena_copy(a, from->owner);
    to->cost_center = arena_copy(a, from->cost_center);
    to->env = arena_copy(a, from->env);
    to->capacity_unit = arena_copy(a, from->capacity_unit);
}

/* The origin of an inventory is that of the frame's batch for the same resource: the source gives an empty batch along. */
static void inventory_origin(struct fold *f, struct inventory *i)
{
    for (const struct batch *b = f->frame->batches; b; b = b->next) {
        if (!sv_eq(batch_sv(b, b->origin.resource_id), names_sv(&f->l->names, i->resource_id)))
            continue;
        i->cloud = names_add(&f->l->names, sv_of(cloud_name(b->origin.cloud)));
        i->platform = names_add(&f->l->names, sv_of(platform_name(b->origin.platform)));
        i->account = names_add(&f->l->names, batch_sv(b, b->origin.account));
        i->cloud_region = names_add(&f->l->names, batch_sv(b, b->origin.cloud_region));
        i->resource = names_add(&f->l->names, batch_sv(b, b->origin.resource));
        return;
    }
}

static void fold_inventory(struct fold *f, const struct epoch *e)
{
    struct inventory *i = inventory_add(f->l, f->source->source, names_add(&f->l->names, e->subject));

    if (!i)
        return;
    arena_reset(&i->arena);
    i->n_items = 0;
    i->items = ARENA_ARRAY(&i->arena, struct inventory_item, e->n_items + 1);
    for (size_t n = 0; i->items && n < e->n_items; n++)
        copy_item(&i->arena, &i->items[i->n_items++], &e->items[n]);
    i->hash = e->hash;
    inventory_origin(f, i);
}

size_t ledger_inventory_count(const struct ledger *l)
{
    return l->n_inventories;
}

void ledger_inventory(const struct ledger *l, size_t number, struct inventory_view *out)
{
    const struct inventory *i = &l->inventories[number];

    *out = (struct inventory_view){ .source = names_sv(&l->names, i->source),
                                    .resource_id = names_sv(&l->names, i->resource_id),
                                    .origin = { names_sv(&l->names, i->cloud), names_sv(&l->names, i->account),
                                                names_sv(&l->names, i->cloud_region), names_sv(&l->names, i->platform),
                                                names_sv(&l->names, i->resource) },
                                    .items = i->items,
                                    .n_items = i->n_items };
}

/* ---- limits and start of counting ---- */

static void fold_limits(struct ledger *l, const struct epoch *e)
{
    sv rest = e->value;

    while (rest.len) {
        sv pair = sv_cut(&rest, ',');
        sv name = sv_cut(&pair, '=');
        int64_t v;

        if (!sv_to_i64(pair, &v) || v < 0)
            continue;
        if (sv_eq(name, SV("callers")))
            l->callers.limit = (size_t)v; /* 0: off */
        else if (sv_eq(name, SV("series_expiry_s")))
            l->life.expiry = v <= INT64_MAX / NANO_PER_S ? v * NANO_PER_S : 0; /* 0: never */
        else if (v == 0)
            continue;
        else if (sv_eq(name, SV("series")))
            l->series.limit = (size_t)v;
        else if (sv_eq(name, SV("dedup_keys")))
            l->keys.rows.limit = l->keys.calls.limit = (size_t)v;
        else if (sv_eq(name, SV("natives")))
            l->natives_limit = (size_t)v;
        else if (sv_eq(name, SV("buckets")))
            l->buckets_limit = (size_t)v;
        else if (sv_eq(name, SV("names")))
            l->names.limit = (size_t)v;
        else if (sv_eq(name, SV("envelopes")))
            l->envelopes_limit = (size_t)v;
        else if (sv_eq(name, SV("hour_sums_bytes")))
            l->sums_limit_bytes = (size_t)v;
        else if (sv_eq(name, SV("dedup_hours")))
            keys_horizon(l, v);
        else if (sv_eq(name, SV("keep_buckets_s")))
            l->keep_buckets_nano = v * NANO_PER_S;
    }
    l->limits_hash = e->hash;
}

void epoch_fold(struct fold *f, const struct epoch *e)
{
    int64_t from;

    switch (e->kind) {
    case EPOCH_MAPPING:
        fold_mapping(f, e);
        break;
    case EPOCH_AUTHORITY:
        fold_authority(f, e);
        break;
    case EPOCH_INVENTORY:
        fold_inventory(f, e);
        break;
    case EPOCH_LIMITS:
        fold_limits(f->l, e);
        break;
    case EPOCH_COUNT_FROM:
        if (f->source->count_from == 0 && sv_to_i64(e->value, &from))
            f->source->count_from = from;
        break;
    default:
        break; /* prices and teams: read by core/pricing when it exists */
    }
}

static bool newest_authority_is(const struct ledger *l, sv subject, sv value)
{
    name_id fact = names_find(&l->names, sv_cut(&subject, ' '));
    name_id choice = authority_at(l, fact, names_find(&l->names, subject), INT64_MAX);

    return choice && sv_eq(names_sv(&l->names, choice), value);
}

bool epoch_known(const struct ledger *l, sv source, const struct epoch *e)
{
    name_id id = names_find(&l->names, source);
    const struct ruleset *s;
    uint32_t *n;

    switch (e->kind) {
    case EPOCH_MAPPING:
        s = ruleset_at(l, id, INT64_MAX);
        return s && s->hash == e->hash;
    case EPOCH_AUTHORITY:
        return newest_authority_is(l, e->subject, e->value);
    case EPOCH_INVENTORY:
        n = map_find(&l->inventory_by_key, inventory_key(id, names_find(&l->names, e->subject)));
        return n && l->inventories[*n].hash == e->hash;
    case EPOCH_LIMITS:
        return l->limits_hash == e->hash;
    case EPOCH_COUNT_FROM:
        for (size_t i = 0; i < l->n_sources; i++)
            if (l->sources[i].source == id)
                return l->sources[i].count_from != 0;
        return false;
    default:
        return false;
    }
}
