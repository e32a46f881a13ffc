/* The state as bytes, in the order in which snapshot_read.c takes them. */

#include "collector/ledger/snapshot.h"

static void put_sv(struct buf *b, sv s)
{
    buf_le32(b, (uint32_t)s.len);
    buf_put(b, s);
}

static void put_i64(struct buf *b, int64_t v)
{
    buf_le64(b, (uint64_t)v);
}

static void put_f64(struct buf *b, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    buf_le64(b, bits);
}

static void put_i64s(struct buf *b, const int64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_i64(b, v[i]);
}

static void put_names(struct buf *b, const struct names *n)
{
    buf_le64(b, n->n);
    for (size_t i = 1; i < n->n; i++)
        put_sv(b, names_sv(n, (name_id)i));
}

static void put_series(struct buf *b, const struct registry *r)
{
    buf_le64(b, r->n);
    buf_le64(b, r->limit);
    for (size_t i = 0; i < r->n; i++) {
        const struct series *s = &r->at[i];

        put_sv(b, sv_of(families[s->family].name));
        buf_putc(b, (char)s->born);
        for (int k = 0; k < FAMILY_LABELS_MAX; k++)
            buf_le32(b, s->labels[k]);
        put_i64s(b, s->cells, series_words(s->family));
        put_f64(b, s->gauge);
        put_i64(b, s->gauge_end);
        put_i64(b, s->gauge_until);
    }
}

static void put_spans(struct buf *b, const struct spans *s)
{
    buf_le64(b, s->n);
    for (size_t i = 0; i < s->n; i++) {
        put_i64(b, s->at[i].from);
        put_i64(b, s->at[i].to);
    }
}

static void put_coverages(struct buf *b, const struct ledger *l)
{
    buf_le64(b, l->n_coverages);
    for (size_t i = 0; i < l->n_coverages; i++) {
        const struct coverage *c = &l->coverages[i];

        buf_le32(b, c->source);
        buf_le32(b, c->scope);
        buf_le32(b, c->group);
        put_spans(b, &c->read);
        put_spans(b, &c->settled);
        put_i64(b, c->newest_to);
        put_i64(b, c->last_read_at);
        put_i64(b, c->pruned_before);
        buf_le64(b, c->n_envelopes);
        for (size_t k = 0; k < c->n_envelopes; k++) {
            buf_le64(b, c->envelopes[k].call_key);
            put_i64(b, c->envelopes[k].arrival);
            buf_le32(b, c->envelopes[k].series);
            buf_le32(b, c->envelopes[k].caller);
        }
    }
}

static void put_rulesets(struct buf *b, const struct ledger *l)
{
    buf_le64(b, l->n_rulesets);
    for (size_t i = 0; i < l->n_rulesets; i++) {
        const struct ruleset *s = &l->rulesets[i];

        buf_le32(b, s->source);
        put_i64(b, s->valid_from);
        buf_le64(b, s->hash);
        buf_le64(b, s->n_rules);
        for (size_t k = 0; k < s->n_rules; k++) {
            const struct fold_rule *r = &s->rules[k];

            put_sv(b, sv_of(platform_name(r->platform)));
            buf_le32(b, r->family);
            buf_le32(b, r->fact);
            buf_le32(b, r->theirs);
            buf_le32(b, r->part);
            put_sv(b, sv_of(families[r->ours].name));
            put_sv(b, stat_name(r->stat));
            put_f64(b, r->scale);
            put_sv(b, r->born);
            buf_le32(b, (uint32_t)r->n_fixed);
            for (int n = 0; n < r->n_fixed; n++) {
                put_sv(b, sv_of(label_name((enum label)r->fixed[n].label)));
                buf_le32(b, r->fixed[n].value);
            }
        }
    }
}

static void put_authorities(struct buf *b, const struct ledger *l)
{
    buf_le64(b, l->n_authorities);
    for (size_t i = 0; i < l->n_authorities; i++) {
        const struct authority *a = &l->authorities[i];

        buf_le32(b, a->fact);
        buf_le32(b, a->resource_id);
        buf_le32(b, a->choice);
        put_i64(b, a->valid_from);
    }
}

static void put_inventories(struct buf *b, const struct ledger *l)
{
    buf_le64(b, l->n_inventories);
    for (size_t i = 0; i < l->n_inventories; i++) {
        const struct inventory *v = &l->inventories[i];
        const name_id ids[] = { v->source,       v->resource_id, v->cloud,   v->account,
                                v->cloud_region, v->platform,    v->resource };

        for (size_t k = 0; k < sizeof ids / sizeof ids[0]; k++)
            buf_le32(b, ids[k]);
        buf_le64(b, v->hash);
        buf_le64(b, v->n_items);
        for (size_t k = 0; k < v->n_items; k++) {
            sv *texts[ITEM_TEXTS];

            item_texts(&v->items[k], texts);
            for (int n = 0; n < ITEM_TEXTS; n++)
                put_sv(b, *texts[n]);
            put_f64(b, v->items[k].capacity);
            put_i64(b, v->items[k].created_unix_nano);
        }
    }
}

static void put_sources(struct buf *b, const struct ledger *l)
{
    buf_le64(b, l->n_sources);
    for (size_t i = 0; i < l->n_sources; i++) {
        const struct source_state *s = &l->sources[i];

        buf_le32(b, s->source);
        put_i64(b, s->count_from);
        put_i64(b, s->late);
        put_i64(b, s->history);
        put_i64(b, s->frames);
        put_i64(b, s->tally.received);
        put_i64(b, s->tally.stored);
        put_i64(b, s->tally.duplicate);
        buf_le32(b, REASONS);
        for (int k = 0; k < REASONS; k++) {
            put_sv(b, sv_of(reason_name((enum reason)k)));
            put_i64(b, s->tally.rejected[k]);
            put_i64(b, s->tally.quarantined[k]);
        }
    }
}

static void put_generation(struct buf *b, const struct generation *g)
{
    buf_le64(b, g->signature);
    buf_le32(b, g->width);
    buf_le32(b, g->n_contributions);
    for (unsigned k = 0; k < g->n_contributions; k++) {
        buf_le32(b, g->to[k].series);
        put_sv(b, stat_name(g->to[k].stat));
        buf_le32(b, g->to[k].cell);
        buf_le32(b, g->to[k].at);
        buf_le32(b, g->to[k].cells);
        put_f64(b, g->to[k].scale);
    }
}

static void put_natives(struct buf *b, const struct ledger *l)
{
    buf_le64(b, l->n_natives);
    for (size_t i = 0; i < l->n_natives; i++) {
        const struct native *n = &l->natives[i];

        buf_le64(b, n->key);
        buf_le32(b, n->coverage);
        put_i64(b, n->pruned_to);
        buf_le32(b, n->n_generations);
        for (uint32_t k = 0; k < n->n_generations; k++)
            put_generation(b, &n->generations[k]);
        buf_le32(b, n->n_buckets);
        for (uint32_t k = 0; k < n->n_buckets; k++) {
            const struct bucket *u = &n->buckets[k];

            put_i64(b, u->start);
            buf_le64(b, u->value_hash);
            buf_le32(b, u->revision);
            buf_le32(b, u->generation);
            buf_le32(b, u->amounts ? u->width : 0);
            put_i64s(b, u->amounts, u->amounts ? u->width : 0);
        }
    }
}

static void put_hours(struct buf *b, const struct ledger *l)
{
    buf_le64(b, l->n_hours);
    for (size_t i = 0; i < l->n_hours; i++) {
        for (int k = 0; k < HOURS_LABELS; k++)
            buf_le32(b, l->hours[i].labels[k]);
        buf_putc(b, (char)l->hours[i].has_log);
        put_i64(b, l->hours[i].newest);
        buf_le32(b, HOURS_KEPT);
        for (int k = 0; k < HOURS_KEPT; k++) {
            put_i64(b, l->hours[i].ring[k].hour);
            put_i64(b, l->hours[i].ring[k].requests);
            put_i64(b, l->hours[i].ring[k].logged);
        }
    }
}

static void put_map(struct buf *b, const struct map *m)
{
    uint64_t key;
    uint32_t value;

    buf_le64(b, m->limit);
    buf_le64(b, m->n);
    for (size_t at = 0; map_next(m, &at, &key, &value);) {
        buf_le64(b, key);
        buf_le32(b, value);
    }
}

static void put_callers(struct buf *b, const struct callers *c)
{
    uint64_t key;
    uint32_t id;

    buf_le64(b, c->limit);
    put_i64(b, c->refused);
    buf_le64(b, c->admitted.n);
    for (size_t at = 0; map_next(&c->admitted, &at, &key, &id);)
        buf_le32(b, id);
}

static void put_charges(struct buf *b, const struct charges *c)
{
    put_i64(b, c->oldest_day);
    buf_le64(b, c->n);
    for (size_t i = 0; i < c->n; i++) {
        const struct charge_state *s = &c->at[i];
        bool summed = s->sum != UINT32_MAX;

        buf_le64(b, s->key);
        buf_le64(b, s->value_hash);
        put_i64(b, s->day);
        put_i64(b, s->cost_nano);
        buf_putc(b, (char)summed);
        for (int k = 0; k < BILLED_LABELS && summed; k++)
            buf_le32(b, c->sums[s->sum].labels[k]);
    }
}

static void put_gaps(struct buf *b, const struct ledger *l)
{
    const struct gaps *g = &l->gaps;

    buf_le64(b, g->n_sums);
    for (size_t i = 0; i < g->n_sums; i++) {
        buf_le32(b, g->sums[i].source);
        buf_le32(b, g->sums[i].signal);
        buf_le32(b, g->sums[i].cause);
        put_i64(b, g->sums[i].nano);
        put_i64(b, g->sums[i].newest_from);
        put_i64(b, g->sums[i].newest_to);
    }
    buf_le64(b, g->n);
    for (size_t i = 0; i < g->n; i++) {
        buf_le64(b, g->at[i].key);
        put_spans(b, &g->at[i].told);
    }
    for (size_t i = 0; i < l->n_coverages; i++)
        buf_putc(b, (char)l->coverages[i].of_calls);
    for (size_t i = 0; i < l->n_hours; i++)
        buf_le32(b, l->hours[i].source);
}

/* In the order of the sources. */
static void put_spent(struct buf *b, const struct ledger *l)
{
    for (size_t i = 0; i < l->n_sources; i++) {
        const struct spent *s = l->sources[i].spent;
        uint32_t n = 0;

        for (int k = 0; k < SPENT_HOURS; k++)
            n += s[k].hour != 0;
        buf_le32(b, n);
        for (int k = 0; k < SPENT_HOURS; k++)
            if (s[k].hour) {
                put_i64(b, s[k].hour);
                put_i64(b, s[k].calls);
                put_i64(b, s[k].usd_nano);
                put_i64(b, s[k].quarantined_bytes);
            }
    }
}

/* Life of series, restarts, and how far the journal was folded. */
static void put_life(struct buf *b, const struct ledger *l)
{
    put_i64(b, l->life.age);
    put_i64(b, l->life.last_written);
    put_i64(b, l->life.expiry);
    buf_le64(b, l->sequence);
    buf_le64(b, l->buckets_limit);
    buf_le32(b, DAMAGE_CAUSES);
    for (int i = 0; i < DAMAGE_CAUSES; i++) {
        put_sv(b, sv_of(damage_cause_name((enum damage_cause)i)));
        buf_le64(b, l->restarts[i]);
    }
    for (size_t i = 0; i < l->series.n; i++) {
        const struct series *s = &l->series.at[i];

        buf_putc(b, (char)((s->expired ? SERIES_EXPIRED : 0) | (s->returned ? SERIES_RETURNED : 0)));
        put_i64(b, s->changed);
    }
}

static void put_native_sums(struct buf *b, const struct native *n)
{
    for (uint32_t i = 0; i < n->n_buckets; i++)
        buf_le32(b, n->buckets[i].minutes);
    buf_le32(b, n->sums_lost_to);
    buf_le32(b, n->n_sums);
    for (uint32_t i = 0; i < n->n_sums; i++) {
        buf_le32(b, n->sums[i].hour);
        buf_le32(b, n->sums[i].generation);
        buf_le32(b, n->sums[i].words);
        put_i64s(b, hour_sum_words(&n->sums[i]), n->sums[i].words);
    }
}

static void put_control(struct buf *b, const struct ledger *l)
{
    buf_le64(b, l->sums_limit_bytes);
    for (size_t i = 0; i < l->n_coverages; i++) {
        buf_putc(b, (char)l->coverages[i].controls);
        put_i64(b, l->coverages[i].compared_from);
        put_i64(b, l->coverages[i].final_to);
    }
    for (size_t i = 0; i < l->n_sources; i++) {
        put_i64(b, l->sources[i].late_buckets);
        put_i64(b, l->sources[i].overlaps);
        put_i64(b, l->sources[i].hours_uncompared);
    }
    for (size_t i = 0; i < l->n_natives; i++)
        put_native_sums(b, &l->natives[i]);
    buf_le64(b, l->n_controls);
    for (size_t i = 0; i < l->n_controls; i++) {
        buf_le32(b, l->controls[i].source);
        buf_le32(b, l->controls[i].age);
        put_sv(b, sv_of(families[l->controls[i].family].name));
        put_i64(b, l->controls[i].added);
        put_i64(b, l->controls[i].owed);
    }
}

static void put_state(struct buf *b, const struct ledger *l, sv cursor)
{
    put_sv(b, cursor);
    buf_le64(b, l->generation);
    put_i64(b, l->keep_buckets_nano);
    buf_le64(b, l->limits_hash);
    put_names(b, &l->names);
    put_series(b, &l->series);
    put_coverages(b, l);
    put_rulesets(b, l);
    put_authorities(b, l);
    put_inventories(b, l);
    put_sources(b, l);
    put_natives(b, l);
    buf_le32(b, l->keys.hour);
    buf_le32(b, l->keys.horizon_hours);
    put_map(b, &l->keys.rows);
    put_map(b, &l->keys.calls);
    put_hours(b, l);
    put_callers(b, &l->callers);
    buf_le32(b, l->keys.horizon_wanted);
    buf_le64(b, l->natives_limit);
    buf_le64(b, l->names.limit);
    buf_le64(b, l->names.refused);
    buf_le64(b, l->envelopes_limit);
    put_i64(b, l->refused);
    put_charges(b, &l->charges);
    put_gaps(b, l);
    put_spent(b, l);
    put_life(b, l);
    put_control(b, l);
}

void snapshot_encode(struct buf *body, const struct ledger *l, sv cursor)
{
    put_state(body, l, cursor);
}
