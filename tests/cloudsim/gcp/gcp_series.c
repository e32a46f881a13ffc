/*
 * Raw series are found by their labels in a hash table while the minutes go by in order, so that the newest point of a
 * series is its last one. How much of a minute is shown is a matter of (series, minute, now).
 *
 * Alignment periods end at the interval's end and go backwards from there; a raw point belongs to the period that holds
 * its end. ALIGN_SUM adds what is there and invents nothing. ALIGN_DELTA is the same for points that do not cross
 * periods, but where a period between two points has none it gives 0, as an interpolation of a counter that stood still.
 */
#include "tests/cloudsim/gcp/gcp_series.h"

#include <math.h>
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/rng.h"
#include "tests/cloudsim/sim.h"

enum { TABLE_SLOTS = 1 << 12, BASE_DELAY_S = 60, BASE_SPREAD_S = 120, FINAL_S = 8 * 60 };

enum shown { SHOWN_NOTHING, SHOWN_LESS, SHOWN_ALL, SHOWN_MORE };

struct slot {
    struct gcp_series *series;
    uint64_t place; /* hash of where the labels' texts are in memory, which is quicker; of a group: as name */
    uint64_t name;  /* hash of what they say, the same in each process */
    bool kept;      /* the filter lets it through */
    int64_t minute; /* how much of which minute is shown; INT64_MIN: none yet */
    enum shown shown;
    struct slot *next;
};

struct search {
    struct sim *sim;
    const struct gcp *gcp;
    const struct gcp_query *q;
    struct arena *arena;
    struct slot **table;
    struct gcp_result *out;
    struct gcp_series **last;
};

/* ---- labels ---- */

int gcp_label_named(sv field)
{
    static const char *const prefixes[] = { "resource.labels.", "resource.label.", "metric.labels.", "metric.label." };

    for (unsigned p = 0; p < 4; p++) {
        if (!sv_starts(field, sv_of(prefixes[p])))
            continue;
        for (int i = 0; i < GCP_LABELS; i++)
            if ((i < GCP_RESOURCE_LABELS) == (p < 2) &&
                sv_eq(sv_skip(field, strlen(prefixes[p])), sv_of(gcp_label_names[i])))
                return i;
    }
    return -1;
}

struct candidate {
    const struct search *f;
    const sv *labels;
};

/* A label that is not there compares as the empty text. */
static bool test_holds(void *self, const struct gcp_filter *test)
{
    const struct candidate *c = self;
    int label = gcp_label_named(test->field);

    if (sv_eq(test->field, SV("metric.type")))
        return gcp_filter_text(test, sv_of(c->f->q->metric->type));
    if (sv_eq(test->field, SV("resource.type")))
        return gcp_filter_text(test, sv_of(gcp_resource_names[c->f->q->metric->resource]));
    if (sv_eq(test->field, SV("project")))
        return gcp_filter_text(test, c->f->q->project->id) || gcp_filter_text(test, c->f->q->project->number);
    return label >= 0 && gcp_filter_text(test, c->labels[label].at ? c->labels[label] : SV_NONE);
}

static uint64_t name_of(const sv labels[GCP_LABELS])
{
    uint64_t h = 0;

    for (unsigned i = 0; i < GCP_LABELS; i++)
        h = labels[i].at ? hash_part(hash_u64(h, i), labels[i]) : h;
    return h;
}

static uint64_t place_of(const sv labels[GCP_LABELS])
{
    uint64_t h = 0;

    for (unsigned i = 0; i < GCP_LABELS; i++)
        h = rng_mix(h + (uintptr_t)labels[i].at + i);
    return h;
}

static bool same_labels(const sv a[GCP_LABELS], const sv b[GCP_LABELS])
{
    for (unsigned i = 0; i < GCP_LABELS; i++)
        if (!a[i].at != !b[i].at || (a[i].at != b[i].at && !sv_eq(a[i], b[i])))
            return false;
    return true;
}

static struct gcp_series *new_series(struct search *f, const sv labels[GCP_LABELS])
{
    struct gcp_series *s = ARENA_NEW(f->arena, struct gcp_series);

    if (s)
        memcpy(s->labels, labels, sizeof s->labels);
    return s;
}

static void put_last(struct search *f, struct gcp_series *s)
{
    *f->last = s;
    f->last = &s->next;
    f->out->n++;
}

/* The slot of these labels, made when it is the first time. `raw`: of a call's sample, whose labels are the same texts in
 * memory each time; else of a group. NULL: memory is out. */
static struct slot *slot_of(struct search *f, const sv labels[GCP_LABELS], bool raw)
{
    uint64_t place = raw ? place_of(labels) : name_of(labels);
    struct slot **at = &f->table[place % TABLE_SLOTS], *slot;
    struct candidate c = { f, labels };

    for (; *at; at = &(*at)->next)
        if ((*at)->place == place && same_labels((*at)->series->labels, labels))
            return *at;
    slot = ARENA_NEW(f->arena, struct slot);
    if (!slot)
        return NULL;
    *slot =
        (struct slot){ .series = new_series(f, labels), .place = place, .name = name_of(labels), .minute = INT64_MIN };
    if (!slot->series)
        return NULL;
    slot->kept = !raw || gcp_filter_holds(f->q->filter, test_holds, &c);
    if (slot->kept)
        put_last(f, slot->series);
    *at = slot;
    return slot;
}

static struct gcp_point *add_point(struct search *f, struct gcp_series *s, int64_t start, int64_t end,
                                   const struct gcp_layout *layout)
{
    struct gcp_point *p;

    if (s->n_points == s->cap) {
        p = arena_grow(f->arena, s->points, s->n_points, &s->cap, sizeof *p);
        if (!p)
            return NULL;
        s->points = p;
    }
    p = &s->points[s->n_points++];
    *p = (struct gcp_point){ .start = start, .end = end, .layout = layout };
    if (layout)
        p->buckets = ARENA_ARRAY(f->arena, uint32_t, gcp_layout_buckets(layout));
    return layout && !p->buckets ? NULL : p;
}

/* ---- raw ---- */

static enum shown shown_at(const struct search *f, uint64_t series, int64_t minute)
{
    const struct sim_options *o = &f->sim->options;
    uint64_t h = rng_name(rng_name(f->gcp->world.seed, hash_part(series, sv_of(f->q->metric->type))), (uint64_t)minute);
    int64_t end = (minute + 1) * NANO_PER_MIN;
    int64_t base = end + (int64_t)(BASE_DELAY_S + h % BASE_SPREAD_S) * NANO_PER_S;
    double u = rng_as_unit(rng_mix(h + 1)), span = FINAL_S - BASE_DELAY_S - BASE_SPREAD_S;
    int64_t final = base + (int64_t)(span * rng_as_unit(rng_mix(h + 2)) * 1e9);

    if (f->q->now < base)
        return SHOWN_NOTHING;
    if (f->q->metric->kind == GCP_DELTA && f->q->now < control_settles(o, h, end))
        return h & 64 ? SHOWN_NOTHING : h & 128 ? SHOWN_LESS : SHOWN_MORE;
    if (f->q->now >= final || u >= o->late + o->revise)
        return SHOWN_ALL;
    return u < o->late ? SHOWN_NOTHING : rng_mix(h + 3) & 1 ? SHOWN_LESS : SHOWN_MORE;
}

/* How often a call counts: half of the calls are not there yet, or a quarter is there twice. */
static unsigned weight_of(enum shown shown, const struct gcp_call *c)
{
    if (!c || shown == SHOWN_ALL)
        return shown != SHOWN_NOTHING;
    return shown == SHOWN_LESS ? c->id_lo & 1 : shown == SHOWN_MORE ? 1 + !(c->id_lo & 3) : 0;
}

static const struct gcp_layout *layout_of(const struct gcp_metric *m, const struct gcp_deployment *d, int64_t minute)
{
    if (m->value != GCP_DISTRIBUTION)
        return NULL;
    return m->figure == GCP_FIG_TOKENS ? gcp_layout_of_tokens()
                                       : gcp_layout_of(d, m->figure == GCP_FIG_FIRST_TOKEN, minute);
}

static void add_value(struct gcp_point *p, double value, unsigned weight)
{
    if (!p->layout) {
        p->count += (uint64_t)value * weight;
        return;
    }
    p->count += weight;
    p->sum += value * weight;
    p->squares += value * value * weight;
    p->buckets[gcp_layout_bucket(p->layout, value)] += weight;
}

static bool add_sample(struct search *f, const struct gcp_deployment *d, int64_t minute, const struct gcp_call *c,
                       const struct gcp_sample *sample)
{
    struct slot *slot = slot_of(f, sample->labels, true);
    int64_t end = (minute + 1) * NANO_PER_MIN, start = f->q->metric->kind == GCP_GAUGE ? end : end - NANO_PER_MIN;
    struct gcp_series *s;

    if (!slot || !slot->kept)
        return slot != NULL;
    if (slot->minute != minute) {
        slot->minute = minute;
        slot->shown = shown_at(f, slot->name, minute);
    }
    if (slot->shown == SHOWN_NOTHING)
        return true;
    s = slot->series;
    if ((!s->n_points || s->points[s->n_points - 1].end != end) &&
        !add_point(f, s, start, end, layout_of(f->q->metric, d, minute)))
        return false;
    add_value(&s->points[s->n_points - 1], sample->value, weight_of(slot->shown, c));
    return true;
}

static bool add_call(struct search *f, const struct gcp_deployment *d, int64_t minute, const struct gcp_call *c)
{
    struct gcp_sample sample;

    for (unsigned v = 0; v < f->q->metric->variants; v++)
        if (gcp_sample_of(&f->gcp->world, f->q->metric, d, c, v, &sample) && !add_sample(f, d, minute, c, &sample))
            return false;
    return true;
}

static bool add_minute(struct search *f, const struct gcp_deployment *d, int64_t minute)
{
    const struct gcp_minute *m;
    bool good = true;

    if (!gcp_metric_fits(f->q->metric, d))
        return true;
    if (f->q->metric->kind == GCP_GAUGE)
        return add_call(f, d, minute, NULL);
    m = gcp_minute(f->gcp->workload, d->index, minute);
    for (uint32_t k = 0; m && good && k < m->n; k++)
        good = add_call(f, d, minute, &m->calls[k]);
    gcp_minute_unref(m);
    return good;
}

static void find_raw(struct search *f)
{
    const struct gcp_project *p = f->q->project;
    int64_t first = f->q->from / NANO_PER_MIN, last = f->q->to / NANO_PER_MIN,
            begin = gcp_workload_first(f->gcp->workload), end = gcp_workload_last(f->gcp->workload);

    first = first < begin ? begin : first;
    last = last < end ? last : end;
    last = last < f->q->now / NANO_PER_MIN ? last : f->q->now / NANO_PER_MIN;
    for (int64_t m = first; m < last; m++)
        for (unsigned i = 0; i < p->n_deployments; i++)
            if (!add_minute(f, &f->gcp->world.deployments[p->first_deployment + i], m)) {
                f->out->failed = true;
                return;
            }
}

/* ---- aligned ---- */

static void add_distribution(struct gcp_point *to, const struct gcp_point *from)
{
    to->count += from->count;
    to->sum += from->sum;
    to->squares += from->squares;
    if (!to->layout)
        return;
    /* Of two layouts the one that came first stays. */
    for (unsigned i = 0; i < gcp_layout_buckets(from->layout); i++) {
        unsigned last = gcp_layout_buckets(from->layout) - 1;
        unsigned at = from->layout == to->layout ? i
                      : i == last                ? gcp_layout_buckets(to->layout) - 1
                      : i == 0                   ? 0
                                                 : gcp_layout_bucket(to->layout, gcp_layout_bound(from->layout, i - 1));

        to->buckets[at] += from->buckets[i];
    }
}

/* `n`: how many were combined before. */
static void combine(enum gcp_aligner how, struct gcp_point *to, const struct gcp_point *from)
{
    if (how == GCP_ALIGN_NEXT_OLDER) {
        to->count = from->count;
        to->sum = from->sum;
    } else if (how == GCP_ALIGN_MAX) {
        to->count = to->count > from->count ? to->count : from->count;
        to->sum = to->sum > from->sum ? to->sum : from->sum;
    } else {
        add_distribution(to, from);
    }
}

/* The end of the period that holds the instant: to - k * period. */
static int64_t period_end(const struct gcp_query *q, int64_t at)
{
    return q->to - (q->to - at) / q->period * q->period;
}

static bool fill_gap(struct search *f, struct gcp_series *s, int64_t end)
{
    while (s->n_points && s->points[s->n_points - 1].end + f->q->period < end) {
        const struct gcp_point *before = &s->points[s->n_points - 1];

        if (!add_point(f, s, before->end, before->end + f->q->period, before->layout))
            return false;
    }
    return true;
}

static void finish(const struct gcp_query *q, struct gcp_series *s, const size_t *n)
{
    for (size_t i = 0; i < s->n_points; i++) {
        struct gcp_point *p = &s->points[i];

        if (q->aligner == GCP_ALIGN_RATE)
            p->sum = (double)p->count / ((double)q->period / 1e9);
        if (q->aligner == GCP_ALIGN_MEAN)
            p->sum = (double)p->count / (double)n[i];
    }
}

static struct gcp_series *aligned(struct search *f, const struct gcp_series *raw)
{
    const struct gcp_query *q = f->q;
    struct gcp_series *s = new_series(f, raw->labels);
    size_t *n = ARENA_ARRAY(f->arena, size_t, raw->n_points + 1);

    if (!s || !n)
        return NULL;
    for (size_t i = 0; i < raw->n_points; i++) {
        const struct gcp_point *p = &raw->points[i];
        int64_t end = period_end(q, p->end), start = f->out->kind == GCP_GAUGE ? end : end - q->period;

        if (!s->n_points || s->points[s->n_points - 1].end != end) {
            if ((q->aligner == GCP_ALIGN_DELTA && !fill_gap(f, s, end)) || !add_point(f, s, start, end, p->layout))
                return NULL;
        }
        combine(q->aligner, &s->points[s->n_points - 1], p);
        if (q->aligner == GCP_ALIGN_MEAN)
            n[s->n_points - 1]++;
    }
    finish(q, s, n);
    return s;
}

static bool align(struct search *f)
{
    struct gcp_series *raw = f->out->first;

    f->out->first = NULL;
    f->out->n = 0;
    f->last = &f->out->first;
    for (; raw; raw = raw->next) {
        struct gcp_series *s = aligned(f, raw);

        if (!s)
            return false;
        put_last(f, s);
    }
    return true;
}

/* ---- reduced ---- */

static struct gcp_point *point_at(struct search *f, struct gcp_series *s, const struct gcp_point *like)
{
    size_t at = s->n_points;
    struct gcp_point *p, moved;

    while (at > 0 && s->points[at - 1].end > like->end)
        at--;
    if (at > 0 && s->points[at - 1].end == like->end)
        return &s->points[at - 1];
    p = add_point(f, s, like->start, like->end, like->layout);
    if (!p)
        return NULL;
    moved = *p;
    memmove(&s->points[at + 1], &s->points[at], (s->n_points - 1 - at) * sizeof moved);
    s->points[at] = moved;
    return &s->points[at];
}

static bool add_to_group(struct search *f, const struct gcp_series *s)
{
    sv labels[GCP_LABELS];
    struct slot *slot;

    memset(labels, 0, sizeof labels);
    for (unsigned i = 0; i < GCP_LABELS; i++)
        if (f->q->group_by >> i & 1)
            labels[i] = s->labels[i];
    slot = slot_of(f, labels, false);
    for (size_t i = 0; slot && i < s->n_points; i++) {
        struct gcp_point *p = point_at(f, slot->series, &s->points[i]);

        if (!p)
            return false;
        combine(f->q->reducer == GCP_REDUCE_MAX ? GCP_ALIGN_MAX : GCP_ALIGN_SUM, p, &s->points[i]);
    }
    return slot != NULL;
}

static bool reduce(struct search *f)
{
    struct gcp_series *s = f->out->first;

    memset(f->table, 0, TABLE_SLOTS * sizeof(struct slot *));
    f->out->first = NULL;
    f->out->n = 0;
    f->last = &f->out->first;
    for (; s; s = s->next)
        if (!add_to_group(f, s))
            return false;
    return true;
}

/* ALIGN_RATE gives GAUGE DOUBLE; a mean of integers is DOUBLE. "metricKind of the answer can differ from the descriptor
 * when aligned"; what ALIGN_SUM makes of a delta is not written anywhere. */
static void set_kind(const struct search *f)
{
    enum gcp_aligner how = f->q->aligner;
    bool sum_is_gauge = how == GCP_ALIGN_SUM && f->sim->options.switches[SW_ALIGNED];

    f->out->kind = how >= GCP_ALIGN_RATE || sum_is_gauge ? GCP_GAUGE : f->q->metric->kind;
    f->out->value = how == GCP_ALIGN_RATE || how == GCP_ALIGN_MEAN ? GCP_DOUBLE : f->q->metric->value;
}

/* Series of which no point is shown are not there. */
static void drop_empty(struct gcp_result *out)
{
    for (struct gcp_series **at = &out->first; *at;) {
        if ((*at)->n_points) {
            at = &(*at)->next;
            continue;
        }
        *at = (*at)->next;
        out->n--;
    }
}

void gcp_series_find(struct sim *s, const struct gcp_query *q, struct arena *a, struct gcp_result *out)
{
    struct search f = { .sim = s, .gcp = gcp_of(s), .q = q, .arena = a, .out = out, .last = &out->first };

    *out = (struct gcp_result){ .n = 0 };
    f.table = ARENA_ARRAY(a, struct slot *, TABLE_SLOTS);
    if (!f.table) {
        out->failed = true;
        return;
    }
    find_raw(&f);
    drop_empty(out);
    set_kind(&f);
    if (q->aligner && !out->failed)
        out->failed = !align(&f);
    if (q->reducer && !out->failed)
        out->failed = !reduce(&f);
}
