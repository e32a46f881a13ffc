/*
 * From the cells of minutes to the series of a query. A cell's figure is shown as visible.c says, each metric for
 * itself, so that requests and tokens of one minute may be late or wrong independently; cells that fold into one series
 * add up.
 */
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/azure/metric.h"
#include "tests/cloudsim/rng.h"

/* What a figure is of: a request cell or a content safety cell of a deployment and minute. */
struct item {
    const struct account *account;
    const struct deployment *deployment;
    const struct cell *cell;
    const struct rai_cell *rai;
    uint64_t name; /* of the cell, stable over time */
    int64_t minute;
};

struct figure {
    bool distribution; /* else a count, whose `sum` is what is shown */
    double sum, min, max;
    uint64_t count;
};

struct collector {
    struct sim *sim;
    const struct metric_query *q;
    const struct metric_row *row;
    struct arena *arena;
    struct series_list *out;
    bool failed;
};

static sv status_text(const struct sim *s, unsigned status)
{
    static const char *const classes[] = { "2xx", "3xx", "4xx", "5xx" };

    return s->options.switches[SW_STATUS_CODE] ? sv_of(classes[status_rows[status].code / 100 - 2])
                                               : sv_of(status_rows[status].text);
}

static sv dimension_value(const struct sim *s, const struct item *i, enum dimension d)
{
    unsigned op = i->cell ? i->cell->op : i->rai ? i->rai->op : 0;

    switch (d) {
    case DIM_API:
        return sv_of(op_rows[op].api);
    case DIM_OPERATION:
        return sv_of(op_rows[op].name);
    case DIM_REGION:
        return i->account->region_name;
    case DIM_STREAM:
        return i->cell && i->cell->stream ? SV("Streaming") : SV("Non-Streaming");
    case DIM_DEPLOYMENT:
        return i->deployment->name;
    case DIM_MODEL:
        return i->deployment->model;
    case DIM_VERSION:
        return i->deployment->version;
    case DIM_STATUS:
        return i->cell ? status_text(s, i->cell->status) : SV_NONE;
    case DIM_SPILLOVER:
        return i->cell && i->cell->spillover ? SV("True") : SV("False");
    case DIM_TIER_ASKED:
        return sv_of(tier_values[i->cell ? i->cell->tier_asked : 0]);
    case DIM_TIER_SERVED:
        return sv_of(tier_values[i->cell ? i->cell->tier_served : 0]);
    case DIM_TEXT_TYPE:
        return i->rai ? sv_of(rai_text_types[i->rai->text_type]) : SV_NONE;
    case DIM_CATEGORY:
        return i->rai ? sv_of(rai_categories[i->rai->category]) : SV_NONE;
    case DIM_SEVERITY:
        return i->rai ? sv_of(rai_severities[i->rai->severity]) : SV_NONE;
    case DIM_FEATURE:
    case DIM_CHANNEL:
    case DIM_CONTEXT:
    case DIMENSIONS:
        break;
    }
    return SV("__Empty");
}

/* Whether the filter lets the item through; fills the values that split and their key. */
static bool passes(const struct collector *c, const struct item *item, sv values[8], uint64_t *key)
{
    const struct filter *f = &c->q->filter;

    *key = 0;
    for (unsigned i = 0; i < f->n; i++) {
        const struct clause *cl = &f->clauses[i];
        bool ok = cl->any;

        values[i] = dimension_value(c->sim, item, cl->dim);
        for (unsigned v = 0; v < cl->n_values && !ok; v++)
            ok = sv_eq_nocase(values[i], cl->values[v]);
        if (!ok)
            return false;
        *key = hash_part(*key, cl->folded ? SV_NONE : values[i]);
    }
    return true;
}

static struct series *find_series(struct collector *c, uint64_t key, const sv values[8])
{
    struct series_list *l = c->out;
    struct series *more;

    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].key == key)
            return &l->at[i];
    more = arena_grow(c->arena, l->at, l->n, &l->cap, sizeof *more);
    if (!more)
        return NULL;
    l->at = more;
    more = &l->at[l->n];
    *more = (struct series){ .key = key, .points = ARENA_ARRAY(c->arena, struct point, c->q->n_points) };
    memcpy(more->values, values, sizeof more->values);
    if (!more->points)
        return NULL;
    l->n++;
    return more;
}

static void add(struct collector *c, const struct item *item, const struct figure *f)
{
    size_t at = (size_t)((item->minute * NANO_PER_MIN - c->q->start) / c->q->step);
    struct series *s;
    struct point *p;
    sv values[8];
    uint64_t key;

    if (!passes(c, item, values, &key))
        return;
    s = find_series(c, key, values);
    if (!s || at >= c->q->n_points) {
        c->failed = c->failed || !s;
        return;
    }
    p = &s->points[at];
    p->min = p->there && p->min < f->min ? p->min : f->min;
    p->max = p->there && p->max > f->max ? p->max : f->max;
    p->sum += f->sum;
    p->count += f->count;
    p->there = true;
    s->order += f->sum;
}

static struct figure spread(uint64_t count, double sum, double min, double max)
{
    return (struct figure){ .distribution = true, .sum = sum, .min = min, .max = max, .count = count };
}

static struct figure counted(uint64_t n)
{
    return (struct figure){ .sum = (double)n, .min = (double)n, .max = (double)n, .count = 1 };
}

/* The figure of a request cell; false when this metric says nothing of it. */
static bool cell_figure(enum metric_source source, const struct cell *c, struct figure *f)
{
    uint64_t tokens = c->input + c->output;
    double n = c->timed;

    switch (source) {
    case SRC_CALLS:
        *f = counted(c->calls);
        return true;
    case SRC_INPUT:
        *f = counted(c->input);
        return c->input > 0;
    case SRC_OUTPUT:
        *f = counted(c->output);
        return c->output > 0;
    case SRC_TOKENS:
        *f = counted(tokens);
        return tokens > 0;
    case SRC_ACTIVE:
        *f = counted(tokens - c->cached);
        return tokens > 0;
    case SRC_DURATION:
        *f = spread(c->calls, (double)c->duration_sum_ms, c->duration_min_ms, c->duration_max_ms);
        return true;
    case SRC_RESPONSE: /* the first of the response: a token where it is streamed, else all of it */
        if (!c->stream || !c->timed)
            return cell_figure(SRC_DURATION, c, f);
        *f = spread(c->timed, (double)c->ttft_sum_us / 1e3, c->ttft_min_us / 1e3, c->ttft_max_us / 1e3);
        return true;
    case SRC_FIRST_TOKEN: /* per prompt token: below 1 ms is normal */
        *f = spread(c->timed, (double)c->ttft_sum_us / 1e6, c->ttft_min_us / 1e6, c->ttft_max_us / 1e6);
        return c->timed > 0;
    case SRC_LAST_TOKEN:
        *f = spread(c->timed, (double)c->ttlt_sum_us / 1e3, (double)c->ttlt_sum_us / 1e3 / (n + 1),
                    (double)c->ttlt_sum_us / 1e3);
        return c->timed > 0;
    case SRC_BETWEEN:
        *f = spread(c->timed, 14 * n, 9, 19);
        return c->timed > 0 && c->output > 0;
    case SRC_SPEED:
        *f = spread(c->timed, 71 * n, 50, 110);
        return c->timed > 0 && c->output > 0;
    case SRC_AVAILABLE: {
        bool up = status_rows[c->status].outcome != OUTCOME_SERVER_ERROR;

        *f = spread(c->calls, up ? 100.0 * c->calls : 0, up ? 100 : 0, up ? 100 : 0);
        return true;
    }
    case SRC_RAI_TOTAL:
        *f = counted(c->calls);
        return c->op == OP_CHAT || c->op == OP_RESPONSES;
    case SRC_CACHE_RATE:
        if (c->input)
            *f = spread(1, 100.0 * (double)c->cached / (double)c->input, 0, 100);
        return c->input > 0;
    case SRC_UTILIZATION:
    case SRC_RAI_BLOCKED:
    case SRC_RAI_HARMFUL:
    case SRC_NOTHING:
        break;
    }
    return false;
}

/* Shows the figure as of now and adds it. Of a distribution only the presence can be late. */
static void show(struct collector *c, const struct item *item, struct figure f)
{
    uint64_t what =
        rng_name(rng_name(rng_name(item->deployment->stream, 'm'), (uint64_t)(c->row - metric_rows)), item->name);
    uint64_t shown;

    if (!visible_value(c->sim, what, item->minute, c->q->now, f.distribution ? 1 : (uint64_t)f.sum, &shown))
        return;
    if (f.distribution) {
        if (shown)
            add(c, item, &f);
        return;
    }
    f = counted(shown);
    add(c, item, &f);
}

static void show_utilization(struct collector *c, struct item *item, const struct minute *m)
{
    uint64_t h = rng_name(rng_name(item->deployment->stream, 'p'), (uint64_t)item->minute);
    struct cell cell = { .op = OP_CHAT };
    double v = 20 + 60 * rng_as_unit(h);

    if (!item->deployment->provisioned)
        return;
    (void)m;
    item->cell = &cell;
    item->name = 1;
    show(c, item, spread(1, v, v - 8, v + 8));
    item->cell = NULL;
}

static void show_minute(struct collector *c, struct item *item, const struct minute *m)
{
    if (c->row->source == SRC_UTILIZATION) {
        show_utilization(c, item, m);
        return;
    }
    for (size_t i = 0; i < m->n_cells; i++) {
        const struct cell *x = &m->cells[i];
        struct figure f;

        if (!cell_figure(c->row->source, x, &f))
            continue;
        item->cell = x;
        item->name = (uint64_t)x->op | (uint64_t)x->status << 8 | (uint64_t)x->tier_asked << 16 |
                     (uint64_t)x->tier_served << 24 | (uint64_t)x->stream << 32 | (uint64_t)x->spillover << 33;
        show(c, item, f);
    }
    item->cell = NULL;
    for (size_t i = 0; i < m->n_rai; i++) {
        const struct rai_cell *x = &m->rai[i];

        if (c->row->source != SRC_RAI_HARMFUL && (c->row->source != SRC_RAI_BLOCKED || !x->blocked))
            continue;
        item->rai = x;
        item->name = (uint64_t)x->category | (uint64_t)x->text_type << 8 | (uint64_t)x->severity << 16 |
                     (uint64_t)x->op << 24 | (uint64_t)x->blocked << 32;
        show(c, item, counted(x->calls));
    }
    item->rai = NULL;
}

/* An account of kind OpenAI fills the Azure OpenAI family alone, unless the switch says otherwise. */
static bool fills(const struct sim *s, const struct account *a, enum metric_family f)
{
    if (a->kind == KIND_OTHER)
        return false;
    return f != FAMILY_MODELS || a->kind == KIND_AISERVICES || s->options.switches[SW_OPENAI_MODELS];
}

bool metric_series(struct sim *s, const struct metric_query *q, const struct metric_row *row, struct arena *a,
                   struct series_list *out)
{
    struct collector c = { .sim = s, .q = q, .row = row, .arena = a, .out = out };
    int64_t first = q->start / NANO_PER_MIN, last = (q->end < q->now ? q->end : q->now) / NANO_PER_MIN;

    if (!fills(s, q->account, row->family))
        return true;
    first = first < workload_first(azure_of(s)->workload) ? workload_first(azure_of(s)->workload) : first;
    last = last > workload_last(azure_of(s)->workload) ? workload_last(azure_of(s)->workload) : last;
    for (unsigned i = 0; i < q->account->n_deployments; i++) {
        const struct deployment *d = &azure_of(s)->world.deployments[q->account->first_deployment + i];

        for (int64_t n = first; n < last && !c.failed; n++) {
            struct item item = { .account = q->account, .deployment = d, .minute = n };
            const struct minute *m = workload_minute(azure_of(s)->workload, d->index, n);

            if (m)
                show_minute(&c, &item, m);
            else
                c.failed = true;
            workload_unref(m);
        }
    }
    return !c.failed;
}
