/*
 * Each call has a random stream of its own, named by (deployment, minute, number), so that the k-th call of a minute
 * can be made without making the others. That is what lets a log query over "arrived in the last minute" look at the
 * few rows of older minutes that arrive late without generating those minutes again: their places stand in the minute's
 * late list.
 */
#include "tests/cloudsim/azure/workload.h"

#include <stdlib.h>

#include "tests/cloudsim/rng.h"

/* clang-format off */
const struct op_row op_rows[OPS] = {
    [OP_CHAT]       = { "ChatCompletions_Create", "Azure OpenAI API version 2024-10-21", LABEL_CHAT },
    [OP_RESPONSES]  = { "create_response",        "AIServices",                          LABEL_CHAT },
    [OP_COMPLETION] = { "Completions_Create",     "Azure OpenAI API version 2024-10-21", LABEL_TEXT_COMPLETION },
    [OP_EMBEDDINGS] = { "Embeddings_Create",      "Azure OpenAI API version 2024-10-21", LABEL_EMBEDDINGS },
    /* A name that no table knows yet: it counts under itself in lower case. */
    [OP_COMPACT]    = { "Responses_Compact",      "AIServices",                          LABEL_COMPACT },
};
const char *const op_labels[OP_LABELS] = { "chat", "text_completion", "embeddings", "responses_compact" };
const struct status_row status_rows[STATUSES] = {
    { 200, "200", OUTCOME_SUCCESS },      { 429, "429", OUTCOME_THROTTLED },    { 400, "400", OUTCOME_CLIENT_ERROR },
    { 404, "404", OUTCOME_CLIENT_ERROR }, { 408, "408", OUTCOME_CLIENT_ERROR }, { 499, "499", OUTCOME_CLIENT_ERROR },
    { 500, "500", OUTCOME_SERVER_ERROR }, { 503, "503", OUTCOME_SERVER_ERROR },
};
const char *const tier_values[TIERS] = { "__Empty", "Default", "Priority" };
const char *const tier_labels[TIERS] = { "", "default", "priority" };
const char *const rai_categories[RAI_CATEGORIES] = { "Hate", "Violence", "Sexual", "SelfHarm", "Jailbreak" };
const char *const rai_text_types[RAI_TEXT_TYPES] = { "Prompt", "Completion" };
const char *const rai_severities[RAI_SEVERITIES] = { "Low", "Medium", "High" };
/* clang-format on */

enum { ST_OK, ST_THROTTLED, ST_BAD, ST_NOT_FOUND, ST_TIMEOUT, ST_CLOSED, ST_ERROR, ST_UNAVAILABLE };
enum { CACHE_SLOTS = 1 << 15, ARRIVAL_STEP_NS = 250 * 1000 * 1000 };

struct workload {
    const struct world *world;
    double rate;
    int64_t first, last;
    struct minute_cache *cache;
};

uint32_t workload_calls(const struct workload *l, unsigned deployment, int64_t minute)
{
    const struct deployment *d = &l->world->deployments[deployment];
    struct rng r = { rng_name(rng_name(d->stream, 'n'), (uint64_t)minute) };

    if (minute < l->first || minute >= l->last)
        return 0;
    return rng_poisson(&r, l->rate * d->share * workload_rhythm(minute));
}

static enum op pick_op(const struct deployment *d, struct rng *r)
{
    double u = rng_unit(r);

    if (!d->chat)
        return OP_EMBEDDINGS;
    if (d->responses && u < 0.35)
        return u < 0.02 ? OP_COMPACT : OP_RESPONSES;
    return d->completion && u < 0.05 ? OP_COMPLETION : OP_CHAT;
}

static unsigned pick_status(struct rng *r, double busy)
{
    double u = rng_unit(r), throttled = 0.02 * busy;

    if (u < throttled)
        return ST_THROTTLED;
    u = (u - throttled) / (1.0 - throttled);
    /* clang-format off */
    return u < 0.010 ? ST_BAD : u < 0.012 ? ST_NOT_FOUND : u < 0.014 ? ST_TIMEOUT : u < 0.018 ? ST_CLOSED
         : u < 0.022 ? ST_ERROR : u < 0.025 ? ST_UNAVAILABLE : ST_OK;
    /* clang-format on */
}

static void make_tokens(const struct deployment *d, struct rng *r, struct call *c)
{
    double input = rng_lognormal(r, d->chat ? 900 : 300, 1.0);

    c->input = 1 + (uint32_t)(input > 200000 ? 200000 : input);
    c->output = d->chat ? 1 + (uint32_t)fmin(rng_lognormal(r, 180, 0.9), 16000) : 0;
    if (d->chat && c->input > 1024 && rng_unit(r) < 0.6)
        c->cached = (uint32_t)(rng_below(r, c->input / 128) + 1) * 128;
    if (c->cached > c->input)
        c->cached = c->input / 128 * 128;
}

static void make_times(const struct deployment *d, struct rng *r, struct call *c)
{
    double first = rng_lognormal(r, d->chat ? 350000 : 15000, 0.6),
           rest = c->output * (d->provisioned ? 9000.0 : 14000.0);

    if (status_rows[c->status].outcome != OUTCOME_SUCCESS) {
        c->duration_ms = c->status == ST_TIMEOUT ? 60000 : 2 + (int32_t)rng_below(r, 60);
        return;
    }
    first = fmin(first, 20e6);
    c->ttft_us = (int32_t)first;
    c->ttlt_us = (int32_t)fmin(first + rest, 280e6);
    c->duration_ms = c->ttlt_us / 1000 + (int32_t)rng_below(r, 30);
}

/* Content safety: about one chat in a hundred is found harmful; what is worse than low is blocked. */
static void make_rai(const struct deployment *d, struct rng *r, struct call *c)
{
    double u = rng_unit(r);

    c->rai_category = -1;
    if (!d->chat || !d->openai || u >= 0.012 || (c->status != ST_OK && c->status != ST_BAD))
        return;
    c->rai_category = (int8_t)rng_below(r, RAI_CATEGORIES);
    c->rai_text_type = (uint8_t)rng_below(r, RAI_TEXT_TYPES);
    c->rai_severity = (uint8_t)rng_below(r, RAI_SEVERITIES);
    c->rai_blocked = c->rai_severity > 0;
    if (c->rai_blocked)
        c->status = ST_BAD;
}

static int64_t arrival(int64_t at)
{
    return (at / ARRIVAL_STEP_NS + 1) * ARRIVAL_STEP_NS;
}

static int64_t seconds(double s)
{
    return (int64_t)(s * 1e9);
}

/* Which rows a call leaves. Throttled ones mostly leave an envelope alone; of a publisher that is not OpenAI a model
 * row always tells the deployment, or nobody could know that the call is not to be counted. */
static void pick_rows(const struct deployment *d, struct rng *r, const struct call *c, int *envelopes, bool *model)
{
    double u = rng_unit(r);

    *envelopes = 1;
    *model = true;
    if (!d->openai)
        return;
    if (c->status == ST_THROTTLED) {
        *model = u >= 0.8;
        return;
    }
    *envelopes = u < 0.003 ? 0 : u < 0.013 ? 0 : u < 0.030 ? 2 : 1;
    *model = !(u < 0.003 || (u >= 0.030 && u < 0.045));
}

static void make_arrivals(const struct deployment *d, struct rng *r, struct call *c)
{
    int64_t end = c->at + c->duration_ms * NANO_PER_MS, first = end + seconds(60 + 160 * rng_unit(r));
    double late = rng_unit(r), u = rng_unit(r);
    int envelopes;
    bool model;

    pick_rows(d, r, c, &envelopes, &model);
    if (late < 0.01)
        first = end + seconds(220 + 380 * u);
    if (envelopes > 0)
        c->arrives[ROW_ENVELOPE] = arrival(first);
    if (envelopes > 1)
        c->arrives[ROW_ENVELOPE_AGAIN] = arrival(first + seconds(120 * u));
    if (model)
        c->arrives[ROW_MODEL] = arrival(end + seconds(60 + 160 * u));
    if (model && envelopes > 0 && late > 0.96) /* minutes, or hours, after the envelope */
        c->arrives[ROW_MODEL] = arrival(first + seconds(u * (late > 0.99 ? 13400 : 3600)));
    if (d->openai && c->status == ST_OK && rng_unit(r) < 0.97)
        c->arrives[ROW_USAGE] = arrival(end + seconds(rng_unit(r) < 0.98 ? 3 + 24 * u : 170 * u));
    u = rng_unit(r);
    if (u >= 0.02)
        return;
    c->again_kind = (uint8_t)rng_below(r, ROW_KINDS);
    if (c->arrives[c->again_kind])
        c->again_at = arrival(c->arrives[c->again_kind] + seconds(u * 50 * 1800));
}

void workload_call(const struct workload *l, unsigned deployment, int64_t minute, uint32_t k, struct call *out)
{
    const struct deployment *d = &l->world->deployments[deployment];
    uint64_t name = rng_name(rng_name(rng_name(d->stream, 'k'), (uint64_t)minute), k);
    struct rng r = { name };
    struct call c = { .at = minute * NANO_PER_MIN + (int64_t)rng_below(&r, 600000000) * 100 };

    c.id_hi = rng_name(name, 1);
    c.id_lo = rng_name(name, 2);
    c.op = (uint8_t)pick_op(d, &r);
    c.status = (uint8_t)pick_status(&r, workload_rhythm(minute));
    c.stream = d->chat && c.op != OP_COMPACT && rng_unit(&r) < 0.6;
    c.caller = (uint8_t)rng_below(&r, WORLD_CALLERS);
    make_rai(d, &r, &c);
    if (d->tiers) {
        c.tier_asked = (uint8_t)rng_below(&r, TIERS);
        c.tier_served = c.status == ST_OK ? (uint8_t)(1 + (rng_unit(&r) < 0.2)) : 0;
    }
    c.spillover = d->provisioned && rng_unit(&r) < 0.05;
    if (c.status == ST_OK)
        make_tokens(d, &r, &c);
    make_times(d, &r, &c);
    c.request_bytes = 200 + c.input * 4;
    c.response_bytes = 300 + c.output * 5;
    c.negative_duration = rng_unit(&r) < 0.002;
    c.missing_duration = rng_unit(&r) < 0.002;
    make_arrivals(d, &r, &c);
    *out = c;
}

/* ---- sums of a minute ---- */

struct builder {
    struct minute *m;
    size_t cells_cap, rai_cap, late_cap;
    bool failed;
};

static void *grown(void *items, size_t n, size_t *cap, size_t size)
{
    size_t want = *cap ? *cap * 2 : 16;
    void *p;

    if (n < *cap)
        return items;
    p = realloc(items, want * size);
    if (p)
        *cap = want;
    return p;
}

static struct cell *find_cell(struct builder *b, const struct call *c)
{
    struct minute *m = b->m;
    struct cell *more;

    for (size_t i = 0; i < m->n_cells; i++) {
        struct cell *x = &m->cells[i];

        if (x->op == c->op && x->status == c->status && x->stream == c->stream && x->tier_asked == c->tier_asked &&
            x->tier_served == c->tier_served && x->spillover == c->spillover)
            return x;
    }
    more = grown(m->cells, m->n_cells, &b->cells_cap, sizeof *more);
    if (!more)
        return NULL;
    m->cells = more;
    m->cells[m->n_cells] = (struct cell){
        .op = c->op,
        .status = c->status,
        .tier_asked = c->tier_asked,
        .tier_served = c->tier_served,
        .stream = c->stream,
        .spillover = c->spillover,
        .duration_min_ms = UINT32_MAX,
        .ttft_min_us = UINT32_MAX,
    };
    return &m->cells[m->n_cells++];
}

static void add_metrics(struct builder *b, const struct call *c)
{
    struct cell *x = find_cell(b, c);
    uint32_t duration = (uint32_t)c->duration_ms, ttft = (uint32_t)c->ttft_us;

    if (!x) {
        b->failed = true;
        return;
    }
    x->calls++;
    x->input += c->input;
    x->cached += c->cached;
    x->output += c->output;
    x->duration_sum_ms += duration;
    x->duration_min_ms = duration < x->duration_min_ms ? duration : x->duration_min_ms;
    x->duration_max_ms = duration > x->duration_max_ms ? duration : x->duration_max_ms;
    if (!c->ttft_us)
        return;
    x->timed++;
    x->ttft_sum_us += ttft;
    x->ttlt_sum_us += (uint32_t)c->ttlt_us;
    x->ttft_min_us = ttft < x->ttft_min_us ? ttft : x->ttft_min_us;
    x->ttft_max_us = ttft > x->ttft_max_us ? ttft : x->ttft_max_us;
}

static void add_rai(struct builder *b, const struct call *c)
{
    struct minute *m = b->m;
    struct rai_cell *more;

    if (c->rai_category < 0)
        return;
    for (size_t i = 0; i < m->n_rai; i++) {
        struct rai_cell *x = &m->rai[i];

        if (x->category == (uint8_t)c->rai_category && x->text_type == c->rai_text_type &&
            x->severity == c->rai_severity && x->blocked == c->rai_blocked && x->op == c->op) {
            x->calls++;
            return;
        }
    }
    more = grown(m->rai, m->n_rai, &b->rai_cap, sizeof *more);
    if (!more) {
        b->failed = true;
        return;
    }
    m->rai = more;
    m->rai[m->n_rai++] = (struct rai_cell){ .category = (uint8_t)c->rai_category,
                                            .text_type = c->rai_text_type,
                                            .severity = c->rai_severity,
                                            .blocked = c->rai_blocked,
                                            .op = c->op,
                                            .calls = 1 };
}

static void add_late(struct builder *b, const struct call *c, uint32_t k, int64_t arrives, uint8_t kind)
{
    struct minute *m = b->m;
    struct late_row *more;

    if (arrives <= m->cached.minute * NANO_PER_MIN + PROMPT_S * NANO_PER_S)
        return;
    (void)c;
    more = grown(m->late, m->n_late, &b->late_cap, sizeof *more);
    if (!more) {
        b->failed = true;
        return;
    }
    m->late = more;
    m->late[m->n_late++] = (struct late_row){ .arrives = arrives, .k = k, .kind = kind };
}

static void add_logged(struct minute *m, const struct account *a, const struct deployment *d, const struct call *c)
{
    struct logged *g = &m->logged;
    unsigned label = op_rows[c->op].label, outcome = status_rows[c->status].outcome;

    if (!d->openai)
        return;
    if (a->logged & LOG_REQUESTS) {
        if (c->arrives[ROW_MODEL]) {
            g->calls[label][outcome]++;
            g->by_caller[c->caller].calls++;
            g->by_caller[c->caller].tokens += c->input + c->output;
            if (!c->negative_duration && !c->missing_duration)
                g->duration[bucket_of(c->duration_ms * INT64_C(1000))]++;
        } else if (c->arrives[ROW_ENVELOPE]) {
            g->envelope_only[label][outcome]++;
            g->by_caller[c->caller].envelope_only++;
        }
    }
    if (!(a->logged & LOG_USAGE) || !c->arrives[ROW_USAGE])
        return;
    g->input += c->input;
    g->cached += c->cached;
    g->output += c->output;
    if (c->stream)
        g->first_token[bucket_of(c->ttft_us)]++;
}

static void minute_free(struct cached *c)
{
    struct minute *m = (struct minute *)c;

    free(m->cells);
    free(m->rai);
    free(m->late);
    free(m);
}

static struct cached *build(void *workload, unsigned deployment, int64_t number)
{
    const struct workload *l = workload;
    const struct deployment *d = &l->world->deployments[deployment];
    const struct account *a = &l->world->accounts[d->account];
    struct minute *m = calloc(1, sizeof *m);
    struct builder b = { .m = m };

    if (!m)
        return NULL;
    m->cached = (struct cached){ .place = deployment, .minute = number, .free = minute_free, .refs = 1 };
    m->n_calls = workload_calls(l, deployment, number);
    for (uint32_t k = 0; k < m->n_calls; k++) {
        struct call c;

        workload_call(l, deployment, number, k, &c);
        add_metrics(&b, &c);
        add_rai(&b, &c);
        add_logged(m, a, d, &c);
        for (unsigned kind = 0; kind < ROW_KINDS; kind++)
            if (c.arrives[kind])
                add_late(&b, &c, k, c.arrives[kind], (uint8_t)kind);
        if (c.again_at)
            add_late(&b, &c, k, c.again_at, c.again_kind);
    }
    if (b.failed) {
        workload_unref(m);
        return NULL;
    }
    return &m->cached;
}

void workload_unref(const struct minute *shared)
{
    cached_unref((struct cached *)(uintptr_t)shared);
}

const struct minute *workload_minute(struct workload *l, unsigned deployment, int64_t number)
{
    return (const struct minute *)minute_cache_get(l->cache, deployment, number, build, l);
}

struct workload *workload_new(const struct world *w, double calls_per_minute, int64_t first, int64_t last)
{
    struct workload *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->cache = minute_cache_new(CACHE_SLOTS);
    if (!l->cache) {
        free(l);
        return NULL;
    }
    l->world = w;
    l->rate = calls_per_minute;
    l->first = first;
    l->last = last;
    return l;
}

void workload_free(struct workload *l)
{
    if (!l)
        return;
    minute_cache_free(l->cache);
    free(l);
}

int64_t workload_first(const struct workload *l)
{
    return l->first;
}

int64_t workload_last(const struct workload *l)
{
    return l->last;
}

double workload_rate(const struct workload *l)
{
    return l->rate;
}
