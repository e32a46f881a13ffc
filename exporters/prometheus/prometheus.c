/*
 * /metrics from the ledger.
 *
 * The body is built when the ledger has changed or a second has passed (the program's own figures move all the time), by whichever
 * scrape comes first, and shared by all others: a reference-counted piece of bytes, compressed at most once. The ledger is read
 * locked while the text is copied out of cached label blocks; the fold thread waits for that, sources do not.
 *
 * A counter is shown only when durable and born; until the journal is replayed the answer is 503, since a number that is too low
 * would be read as a reset.
 */
#include "exporters/prometheus/prometheus.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "collector/base/clock.h"
#include "collector/ledger/signals.h"
#include "exporters/prometheus/exposition.h"

enum { FRESH_NANO = 1000000000, BODY_LIMIT = 1 << 30 };

/* Series of one family, in order of appearance. */
struct members {
    uint32_t *at;
    size_t n, cap;
};

struct prometheus {
    struct exporter base;
    pthread_mutex_t lock; /* guards all below */
    sv *blocks; /* by series number: "name{labels} ", for histograms and summaries the text between the braces */
    size_t n_blocks, cap_blocks;
    size_t last_bytes;       /* of the body: the next one is about as large */
    struct members *members; /* by family */
    struct http_body *body;
    uint64_t body_generation;
    int64_t body_real_nano;
};

static int64_t real_mono(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NANO_PER_S + t.tv_nsec;
}

/* ---- label blocks ---- */

static void put_labels(struct buf *b, const char *const labels[LABELS])
{
    bool first = true;

    for (int i = 0; i < LABELS; i++) {
        if (!labels[i] || !labels[i][0])
            continue;
        buf_printf(b, "%s%s=\"", first ? "" : ",", label_name((enum label)i));
        exposition_value(b, sv_of(labels[i]));
        buf_putc(b, '"');
        first = false;
    }
}

/* On the heap; `at` is NULL when memory is out. What stands before the value of a counter or gauge never changes; histograms have
 * samples with further labels. */
static sv block_of(const struct series_view *v, const char *const labels[LABELS])
{
    const struct family *f = &families[v->family];
    bool whole = f->type != FAMILY_HISTOGRAM && f->type != FAMILY_SUMMARY;
    struct buf b;

    buf_init(&b, 64 << 10);
    if (whole)
        buf_printf(&b, "%s{", f->name);
    put_labels(&b, labels);
    if (whole)
        buf_put(&b, SV("} "));
    if (b.failed)
        buf_done(&b);
    else if (!b.at)
        return (sv){ strdup(""), 0 }; /* no labels */
    return (sv){ b.at, b.len };
}

static bool push(struct members *m, uint32_t number)
{
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 16;
        uint32_t *p = realloc(m->at, cap * sizeof *p);

        if (!p)
            return false;
        m->at = p;
        m->cap = cap;
    }
    m->at[m->n++] = number;
    return true;
}

/* Takes in the series that are new since last time. The ledger is read locked. False when memory is out: it goes on there next time. */
static bool learn_series(struct prometheus *p, const struct ledger *l)
{
    size_t n = ledger_series_count(l);
    const char *labels[LABELS];
    struct series_view v;

    if (n > p->cap_blocks) {
        size_t cap = n * 2;
        sv *q = realloc(p->blocks, cap * sizeof *q);

        if (!q)
            return false;
        p->blocks = q;
        p->cap_blocks = cap;
    }
    for (; p->n_blocks < n; p->n_blocks++) {
        sv block;

        ledger_series(l, p->n_blocks, &v, labels);
        block = block_of(&v, labels);
        if (!block.at || !push(&p->members[v.family], (uint32_t)p->n_blocks)) {
            free((char *)(uintptr_t)block.at);
            return false;
        }
        p->blocks[p->n_blocks] = block;
    }
    return true;
}

/* ---- samples ---- */

static void open_sample(struct buf *b, const char *name, const char *suffix, sv labels, const char *more)
{
    buf_put(b, sv_of(name));
    buf_put(b, sv_of(suffix));
    buf_putc(b, '{');
    buf_put(b, labels);
    if (labels.len && more[0])
        buf_putc(b, ',');
    buf_put(b, sv_of(more));
    buf_put(b, SV("} "));
}

static void put_counter(struct buf *b, const struct family *f, sv block, const struct series_view *v)
{
    buf_put(b, block);
    buf_decimal(b, v->shown[0], f->digits);
    buf_putc(b, '\n');
}

static void put_summary(struct buf *b, const struct family *f, sv labels, const struct series_view *v)
{
    open_sample(b, f->name, "_sum", labels, "");
    buf_decimal(b, v->shown[0], f->digits);
    buf_putc(b, '\n');
    open_sample(b, f->name, "_count", labels, "");
    buf_i64(b, v->shown[1]);
    buf_putc(b, '\n');
}

static void put_histogram(struct buf *b, const struct family *f, sv labels, const struct series_view *v)
{
    int64_t sum = 0;
    char le[48];

    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        sum += v->shown[i];
        if (i < HISTOGRAM_BOUNDS)
            snprintf(le, sizeof le, "le=\"%.15g\"", histogram_bounds[i]);
        open_sample(b, f->name, "_bucket", labels, i < HISTOGRAM_BOUNDS ? le : "le=\"+Inf\"");
        buf_i64(b, sum);
        buf_putc(b, '\n');
    }
    open_sample(b, f->name, "_sum", labels, "");
    buf_decimal(b, v->shown[HISTOGRAM_CELLS - 1], f->digits);
    buf_putc(b, '\n');
    open_sample(b, f->name, "_count", labels, "");
    buf_i64(b, sum);
    buf_putc(b, '\n');
}

static void put_gauge(struct buf *b, const struct family *f, sv block, const struct series_view *v)
{
    (void)f;
    buf_put(b, block);
    buf_f64(b, v->gauge);
    buf_putc(b, '\n');
}

static const struct {
    const char *type;
    void (*put)(struct buf *b, const struct family *f, sv block, const struct series_view *v);
} types[] = {
    [FAMILY_COUNTER] = { "counter", put_counter }, [FAMILY_HISTOGRAM] = { "histogram", put_histogram },
    [FAMILY_SUMMARY] = { "summary", put_summary }, [FAMILY_GAUGE] = { "gauge", put_gauge },
    [FAMILY_PEAK] = { "gauge", put_gauge },        [FAMILY_BILLED] = { "gauge", put_gauge }, /* put_billed */
};

/* A gauge vanishes when no newer bucket has come for three periods, a counter when it has expired. */
static bool visible(const struct series_view *v, int64_t now)
{
    return v->shown ? !v->expired : (v->gauge_end_unix_nano && now < v->gauge_until_unix_nano);
}

/* Which day it is changes with the hour of the scrape, so nothing of it is kept. */
static void put_billed(const struct ledger *l, struct buf *b, size_t family, int64_t now)
{
    const struct family *f = &families[family];
    bool named = false;

    for (size_t i = 0; i < ledger_billed_count(l); i++) {
        const char *const days[BILLED_DAYS] = { "0", "1", "2", "3" };
        struct exposition_label labels[LABELS];
        struct billed_view v;
        size_t n = 0;
        int offset;

        ledger_billed(l, i, &v);
        if (!billed_offset(&v, now, &offset))
            continue;
        for (int k = 0; k < LABELS; k++)
            if (f->labels & LABEL_BIT(k))
                labels[n++] = (struct exposition_label){ label_name((enum label)k),
                                                         k == LABEL_DAY_OFFSET ? sv_of(days[offset]) : v.labels[k] };
        if (!named)
            exposition_family(b, f->name, types[f->type].type, f->help);
        named = true;
        exposition_decimal(b, f->name, labels, n, v.nano, f->digits);
    }
}

static void put_family(struct prometheus *p, const struct ledger *l, struct buf *b, size_t family, int64_t now)
{
    const struct family *f = &families[family];
    bool named = false;

    if (ledger_hides(l, (int)family))
        return;
    if (f->type == FAMILY_BILLED) {
        put_billed(l, b, family, now);
        return;
    }
    for (size_t i = 0; i < p->members[family].n; i++) {
        uint32_t number = p->members[family].at[i];
        struct series_view v;

        ledger_series(l, number, &v, NULL);
        if (!visible(&v, now))
            continue;
        if (!named)
            exposition_family(b, f->name, types[f->type].type, f->help);
        named = true;
        types[f->type].put(b, f, p->blocks[number], &v);
    }
}

/* ---- what is derived ---- */

/* Whether a cell is a sum of seconds, which is not to be added to counts. */
static bool is_sum(const struct family *f, unsigned cell)
{
    return (f->type == FAMILY_SUMMARY && cell == 0) || (f->type == FAMILY_HISTOGRAM && cell == HISTOGRAM_CELLS - 1);
}

static void put_debts(const struct prometheus *p, const struct ledger *l, struct buf *b)
{
    exposition_family(b, "trefoil_debt", "gauge",
                      "What counters of the family show above the clouds' own sums after downward revisions; repaid by "
                      "later increments. Of histograms and summaries: the counts.");
    for (size_t family = 0; family < n_families; family++) {
        int64_t debt = 0;

        if (family_cells((int)family) == 0)
            continue;
        for (size_t i = 0; i < p->members[family].n; i++) {
            struct series_view v;

            ledger_series(l, p->members[family].at[i], &v, NULL);
            for (unsigned c = 0; v.born && c < family_cells(v.family); c++)
                debt += is_sum(&families[family], c) ? 0 : v.shown[c] - v.value[c];
        }
        exposition_i64(b, "trefoil_debt", (struct exposition_label[]){ { "family", sv_of(families[family].name) } }, 1,
                       debt);
    }
}

static void put_deployments(const struct ledger *l, struct buf *b)
{
    exposition_family(b, "genai_deployment_info", "gauge", "What the inventory says of a deployment; 1.");
    for (size_t i = 0; i < ledger_inventory_count(l); i++) {
        struct inventory_view v;

        ledger_inventory(l, i, &v);
        for (size_t k = 0; k < v.n_items; k++) {
            const struct inventory_item *d = &v.items[k];
            const struct exposition_label labels[] = {
                { "cloud", v.origin.cloud },
                { "account", v.origin.account },
                { "cloud_region", v.origin.cloud_region },
                { "platform", v.origin.platform },
                { "resource", v.origin.resource },
                { "deployment", d->deployment },
                { "model", d->model },
                { "model_id", d->model_id },
                { "model_version", d->model_version },
                { "publisher", d->publisher },
                { "sku", d->sku },
                { "processing", d->processing },
                { "jurisdiction", d->jurisdiction },
                { "team", d->team },
                { "owner", d->owner },
                { "cost_center", d->cost_center },
                { "env", d->env },
            };

            exposition_i64(b, "genai_deployment_info", labels, sizeof labels / sizeof labels[0], 1);
        }
    }
}

static void put_log_coverage(const struct ledger *l, struct buf *b)
{
    exposition_family(
        b, "genai_log_coverage_ratio", "gauge",
        "Share of a resource's requests that its logs told of, in the newest hour that both sides can know.");
    for (size_t i = 0; i < ledger_log_coverage_count(l); i++) {
        struct log_coverage_view v;

        if (!ledger_log_coverage(l, i, &v))
            continue;
        exposition_f64(b, "genai_log_coverage_ratio",
                       (struct exposition_label[]){ { "cloud", v.labels[0] },
                                                    { "account", v.labels[1] },
                                                    { "cloud_region", v.labels[2] },
                                                    { "platform", v.labels[3] },
                                                    { "resource", v.labels[4] } },
                       5, v.ratio);
    }
}

/* Whether an earlier inventory stands for the same account, region and platform. */
static bool said_before(const struct ledger *l, size_t number, const struct inventory_view *v)
{
    for (size_t i = 0; i < number; i++) {
        struct inventory_view w;

        ledger_inventory(l, i, &w);
        if (sv_eq(v->origin.account, w.origin.account) && sv_eq(v->origin.cloud_region, w.origin.cloud_region) &&
            sv_eq(v->origin.platform, w.origin.platform))
            return true;
    }
    return false;
}

/* Whether any resource of this account, region and platform has the choice as its authority for the fact. */
static bool any_chose(const struct ledger *l, const struct inventory_view *v, const char *fact, const char *choice)
{
    for (size_t i = 0; i < ledger_inventory_count(l); i++) {
        struct inventory_view w;

        ledger_inventory(l, i, &w);
        if (!sv_eq(v->origin.account, w.origin.account) || !sv_eq(v->origin.cloud_region, w.origin.cloud_region) ||
            !sv_eq(v->origin.platform, w.origin.platform))
            continue;
        if (sv_eq(ledger_authority_now(l, sv_of(fact), w.resource_id), sv_of(choice)))
            return true;
    }
    return false;
}

static void put_signals(const struct ledger *l, struct buf *b)
{
    exposition_family(b, "genai_signal_info", "gauge", "What the platform tells of a signal, and how; 1.");
    for (size_t i = 0; i < ledger_inventory_count(l); i++) {
        struct inventory_view v;

        ledger_inventory(l, i, &v);
        if (said_before(l, i, &v))
            continue;
        for (size_t k = 0; k < n_signal_rows; k++) {
            const struct signal_row *s = &signal_rows[k];
            bool holds = !s->fact || any_chose(l, &v, s->fact, s->choice);

            if (s->platform != platform_parse(v.origin.platform))
                continue;
            exposition_i64(b, "genai_signal_info",
                           (struct exposition_label[]){ { "cloud", v.origin.cloud },
                                                        { "account", v.origin.account },
                                                        { "cloud_region", v.origin.cloud_region },
                                                        { "platform", v.origin.platform },
                                                        { "signal", sv_of(s->signal) },
                                                        { "state", sv_of(holds ? s->state : s->otherwise) } },
                           6, 1);
        }
    }
}

/* ---- the body ---- */

/* False when memory is out: a page with something missing would say that it is not there. */
static bool render(struct prometheus *p)
{
    struct ledger *l = p->base.env->ledger;
    struct buf b;
    struct http_body *fresh = NULL;
    uint64_t generation;
    bool whole;

    buf_init(&b, BODY_LIMIT);
    (void)buf_reserve(&b, p->last_bytes + p->last_bytes / 8);
    ledger_read_lock(l);
    generation = ledger_generation(l);
    whole = learn_series(p, l);
    for (size_t i = 0; i < n_families; i++)
        put_family(p, l, &b, i, clock_now());
    put_deployments(l, &b);
    put_signals(l, &b);
    put_log_coverage(l, &b);
    put_debts(p, l, &b);
    ledger_read_unlock(l);
    p->base.env->self_metrics(p->base.env->ctx, &b);
    p->last_bytes = b.len;
    if (whole && !b.failed)
        fresh = http_body_new(&b);
    if (!fresh) {
        buf_done(&b);
        return false;
    }
    http_body_unref(p->body);
    p->body = fresh;
    p->body_generation = generation;
    p->body_real_nano = real_mono();
    return true;
}

static bool stale(const struct prometheus *p)
{
    uint64_t now;

    if (!p->body || real_mono() - p->body_real_nano >= FRESH_NANO)
        return true;
    ledger_read_lock(p->base.env->ledger);
    now = ledger_generation(p->base.env->ledger);
    ledger_read_unlock(p->base.env->ledger);
    return now != p->body_generation;
}

static void scrape(struct exporter *self, const struct http_server_request *q, struct http_server_response *r)
{
    struct prometheus *p = (struct prometheus *)self;
    uint64_t generation;
    bool whole;

    (void)q;
    if (!self->env->ready(self->env->ctx)) {
        r->status = 503;
        buf_put(&r->body, SV("replaying the journal; numbers would be too low\n"));
        return;
    }
    pthread_mutex_lock(&p->lock);
    whole = !stale(p) || render(p);
    generation = p->body_generation;
    r->shared = whole ? http_body_ref(p->body) : NULL;
    pthread_mutex_unlock(&p->lock);
    r->status = r->shared ? 200 : 503;
    r->content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (r->shared)
        self->env->shown(self->env->ctx, generation);
}

/* ---- life ---- */

static void prometheus_close(struct exporter *self)
{
    struct prometheus *p = (struct prometheus *)self;

    if (!p)
        return;
    for (size_t i = 0; i < p->n_blocks; i++)
        free((char *)(uintptr_t)p->blocks[i].at);
    for (size_t i = 0; p->members && i < n_families; i++)
        free(p->members[i].at);
    free(p->blocks);
    free(p->members);
    http_body_unref(p->body);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static struct exporter *prometheus_open(const void *cfg, const struct exporter_env *env, struct err *e)
{
    struct prometheus *p = calloc(1, sizeof *p);

    (void)cfg;
    if (p)
        p->members = calloc(n_families, sizeof *p->members);
    if (!p || !p->members) {
        free(p);
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    p->base = (struct exporter){ &prometheus_exporter_ops, env };
    return &p->base;
}

const struct exporter_ops prometheus_exporter_ops = {
    .name = "prometheus",
    .open = prometheus_open,
    .scrape = scrape,
    .close = prometheus_close,
};
