/*
 * GET /organization/costs, and the charges behind it, in whole billionths of a dollar. An hour's use is charged within
 * the next one. Until three hours after the last use of a day some lines are shown too high for an hour, then right
 * again. Amounts are written as JSON may: plain, with an exponent, and with the tail that doubles leave.
 */
#include <math.h>
#include <string.h>

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"

enum { MINUTES_OF_A_DAY = 1440, LINES_MAX = 8192 };
/* Of vector stores a GiB and hour, of tools a call. */
#define STORAGE_NANO     4166667
#define WEB_SEARCH_NANO  10000000
#define FILE_SEARCH_NANO 2500000
#define SESSION_NANO     30000000

/* ---- charges ---- */

struct sums {
    uint64_t f[OPENAI_FIGURES];
    int64_t storage_nano;
    double storage_gib_hours;
};

struct day {
    struct sim *sim;
    int64_t day, now;
    void (*each)(void *ctx, const struct openai_charge *c);
    void *ctx;
};

static bool is_charged(const struct openai_stream *st, int64_t hour, int64_t now)
{
    uint64_t h = rng_name(rng_name(st->stream, 'l'), (uint64_t)hour);

    return now >= (hour + 1) * NANO_PER_H + (int64_t)(5 + h % 50) * NANO_PER_MIN;
}

/* The last use that the day can have. */
static int64_t day_end(const struct sim *s, int64_t day)
{
    int64_t end = (day + 1) * 24 * NANO_PER_H;

    return s->last < end / NANO_PER_MIN ? s->last * NANO_PER_MIN : end;
}

static struct sums sum_day(const struct day *d, const struct openai_stream *st)
{
    struct openai *o = openai_of(d->sim);
    struct sums sums = { { 0 }, 0, 0 };

    for (int64_t hour = d->day * 24; hour < (d->day + 1) * 24; hour++) {
        struct openai_cell cells[OPENAI_VARIANTS] = { 0 };

        if ((hour + 1) * 60 <= d->sim->first || hour * 60 >= d->sim->last || !is_charged(st, hour, d->now))
            continue;
        for (int64_t m = hour * 60; st->kind != OPENAI_STORAGE && m < (hour + 1) * 60; m++)
            openai_usage_of(o->workload, st, m, INT64_MAX, cells);
        for (unsigned v = 0; v < OPENAI_VARIANTS; v++)
            for (unsigned i = 0; i < OPENAI_FIGURES; i++)
                sums.f[i] += cells[v].f[i];
        if (st->kind == OPENAI_STORAGE) {
            uint64_t bytes = openai_stored_bytes(o->workload, st->project, hour);

            sums.storage_nano += (int64_t)(bytes >> 10) * STORAGE_NANO / (1 << 20);
            sums.storage_gib_hours += (double)bytes / (double)(1 << 30);
        }
    }
    return sums;
}

static void charge(const struct day *d, const struct openai_stream *st, const char *item, const char *unit,
                   int64_t nano, double quantity)
{
    const struct openai_model *model = st->kind < OPENAI_CALLED ? st->model : NULL;
    uint64_t h =
        rng_name(rng_name(rng_name(st->stream, (uint64_t)item[0]), (uint64_t)d->day), (uint64_t)(d->now / NANO_PER_H));
    bool is_final = d->now >= day_end(d->sim, d->day) + OPENAI_COSTS_FINAL_S * NANO_PER_S;

    if (nano == 0)
        return;
    if (!is_final && rng_as_unit(h) < d->sim->options.revise)
        nano += nano / 10 + 1;
    d->each(d->ctx, &(struct openai_charge){ .stream = st,
                                             .project = &openai_of(d->sim)->world.projects[st->project],
                                             .model = model ? model->id : NULL,
                                             .item = item,
                                             .unit = unit,
                                             .nano = nano,
                                             .quantity = quantity });
}

static void charge_tokens(const struct day *d, const struct openai_stream *st, const char *item, uint64_t n,
                          int64_t price)
{
    if (item)
        charge(d, st, item, "tokens", (int64_t)n * price, (double)n);
}

static void charge_stream(const struct day *d, const struct openai_stream *st)
{
    const struct sums sums = sum_day(d, st);
    const uint64_t *f = sums.f, units = f[FIG_UNITS];
    int64_t price = st->model ? st->model->out_nano * (int64_t)units : 0;

    switch (st->kind) {
    case OPENAI_COMPLETIONS:
    case OPENAI_EMBEDDINGS:
    case OPENAI_MODERATIONS:
        charge_tokens(d, st, "input", f[FIG_TEXT] + f[FIG_AUDIO] + f[FIG_IMAGE], st->model->input_nano);
        charge_tokens(d, st, st->model->cached_item, f[FIG_CACHED_TEXT] + f[FIG_CACHED_AUDIO] + f[FIG_CACHED_IMAGE],
                      st->model->cached_nano);
        charge_tokens(d, st, "cache write", f[FIG_CACHE_WRITE], st->model->write_nano);
        charge_tokens(d, st, "output", f[FIG_OUTPUT], st->model->out_nano);
        break;
    case OPENAI_IMAGES:
        charge(d, st, "image", "images", price, (double)units);
        break;
    case OPENAI_SPEECHES:
        charge(d, st, "characters", "characters", price, (double)units);
        break;
    case OPENAI_TRANSCRIPTIONS:
        charge(d, st, "duration", "duration_seconds", price, (double)units);
        break;
    case OPENAI_WEB_SEARCHES:
        charge(d, st, "web search tool calls", NULL, WEB_SEARCH_NANO * (int64_t)units, (double)units);
        break;
    case OPENAI_FILE_SEARCHES:
        charge(d, st, "file search tool calls", NULL, FILE_SEARCH_NANO * (int64_t)units, (double)units);
        break;
    case OPENAI_SESSIONS:
        charge(d, st, "code interpreter sessions", NULL, SESSION_NANO * (int64_t)units, (double)units);
        break;
    case OPENAI_STORAGE:
        charge(d, st, "vector store storage", "gibibyte_hours", sums.storage_nano, sums.storage_gib_hours);
        break;
    case OPENAI_KINDS:
        break;
    }
}

/* Every other day brings a credit, an hour after it began. */
static void credit(const struct day *d)
{
    const struct openai_world *w = &openai_of(d->sim)->world;
    int64_t from = d->day * MINUTES_OF_A_DAY, first = d->sim->first > from ? d->sim->first : from;
    uint64_t h = rng_name(rng_name(w->seed, 'g'), (uint64_t)d->day);

    if (first >= from + MINUTES_OF_A_DAY || first >= d->sim->last || h & 1 || d->now < (first + 60) * NANO_PER_MIN)
        return;
    d->each(d->ctx, &(struct openai_charge){
                        .item = "credit adjustment", .nano = -(int64_t)(h % 900000000 + 1000), .quantity = NAN });
}

void openai_charges(struct sim *s, int64_t day, int64_t now, void (*each)(void *ctx, const struct openai_charge *c),
                    void *ctx)
{
    const struct openai_world *w = &openai_of(s)->world;
    const struct day d = { s, day, now, each, ctx };

    for (unsigned i = 0; i < w->n_streams; i++)
        charge_stream(&d, &w->streams[i]);
    credit(&d);
}

/* ---- the answer ---- */

struct line {
    sv dims[OPENAI_DIMS];
    const char *unit;
    int64_t nano;
    double quantity;
};

struct lines {
    struct exchange *x;
    const struct openai_params *p;
    const struct openai_page *page;
    struct line *at; /* in the arena of the exchange */
    unsigned n;
};

static struct line *line_of(struct lines *l, const sv dims[OPENAI_DIMS])
{
    for (unsigned i = 0; i < l->n; i++)
        if (sv_eq(l->at[i].dims[DIM_PROJECT_ID], dims[DIM_PROJECT_ID]) &&
            sv_eq(l->at[i].dims[DIM_LINE_ITEM], dims[DIM_LINE_ITEM]) &&
            sv_eq(l->at[i].dims[DIM_API_KEY_ID], dims[DIM_API_KEY_ID]))
            return &l->at[i];
    if (l->n == LINES_MAX)
        return NULL;
    l->at[l->n] = (struct line){ .nano = 0 };
    memcpy(l->at[l->n].dims, dims, sizeof l->at->dims);
    return &l->at[l->n++];
}

static void add_charge(void *ctx, const struct openai_charge *c)
{
    struct lines *l = ctx;
    const struct openai_world *w = &openai_of(l->x->sim)->world;
    sv dims[OPENAI_DIMS] = { { NULL, 0 } }, none = { NULL, 0 };
    struct line *line;

    dims[DIM_PROJECT_ID] = c->project ? c->project->id : none;
    dims[DIM_API_KEY_ID] = c->stream && c->stream->key >= 0 ? w->keys[c->stream->key].id : none;
    dims[DIM_LINE_ITEM] = c->model ? arena_printf(&l->x->arena, "%s, %s", c->model, c->item) : sv_of(c->item);
    if (!openai_allows(l->p, "project_ids", dims[DIM_PROJECT_ID]) ||
        !openai_allows(l->p, "api_key_ids", dims[DIM_API_KEY_ID]))
        return;
    for (unsigned d = 0; d < OPENAI_DIMS; d++)
        if (!(l->page->groups & 1U << d))
            dims[d] = none;
    line = line_of(l, dims);
    if (!line)
        return;
    line->unit = c->unit;
    line->nano += c->nano;
    line->quantity += c->quantity;
}

/* One amount, three spellings; an exponent is for less than a dollar. */
static void put_amount(struct buf *b, int64_t nano, uint64_t spelling)
{
    unsigned long long n = (unsigned long long)(nano < 0 ? -nano : nano), scale = 1;
    const char *sign = nano < 0 ? "-" : "";
    int digits = 0;

    while (n / scale >= 10) {
        scale *= 10;
        digits++;
    }
    if (spelling % 3 == 0 && n && digits < 9)
        buf_printf(b, "%s%llu.%0*llue-%02d", sign, n / scale, digits ? digits : 1, n % scale, 9 - digits);
    else if (spelling % 3 == 1 && n)
        buf_printf(b, "%s%llu.%09llu0000001", sign, n / 1000000000, n % 1000000000);
    else
        buf_decimal(b, nano, 9);
}

static void put_line(struct buf *b, const struct openai_page *page, const struct line *line, uint64_t spelling)
{
    bool by_item = page->groups & 1U << DIM_LINE_ITEM;

    buf_put(b, SV("{\"object\":\"organization.costs.result\",\"amount\":{\"value\":"));
    put_amount(b, line->nano, spelling);
    buf_put(b, SV(",\"currency\":\"usd\"}"));
    openai_put_dim(b, page, DIM_LINE_ITEM, line->dims[DIM_LINE_ITEM]);
    openai_put_dim(b, page, DIM_PROJECT_ID, line->dims[DIM_PROJECT_ID]);
    openai_put_dim(b, page, DIM_API_KEY_ID, line->dims[DIM_API_KEY_ID]);
    buf_put(b, SV(",\"quantity\":"));
    if (!by_item || isnan(line->quantity))
        buf_put(b, SV("null"));
    else
        buf_f64(b, line->quantity);
    buf_put(b, SV(",\"quantity_unit\":"));
    if (by_item && line->unit)
        buf_json(b, sv_of(line->unit));
    else
        buf_put(b, SV("null"));
    buf_putc(b, '}');
}

static void put_day(struct buf *b, const struct lines *l, int64_t day)
{
    buf_printf(b, "\n{\"object\":\"bucket\",\"start_time\":%lld,\"end_time\":%lld,\"results\":[",
               (long long)(day * l->page->width_s), (long long)((day + 1) * l->page->width_s));
    for (unsigned i = 0; i < l->n; i++) {
        if (i)
            buf_put(b, SV(",\n"));
        put_line(b, l->page, &l->at[i], rng_mix((uint64_t)day + i));
    }
    buf_put(b, SV("]}"));
}

void openai_costs(struct exchange *x)
{
    static const char *const known[] = { "start_time", "end_time",    "bucket_width", "limit", "page",
                                         "group_by",   "project_ids", "api_key_ids",  NULL };
    bool by_key = !x->sim->options.switches[SW_COST_KEYS];
    struct openai_params p;
    struct openai_page page;
    struct lines l = { .x = x, .p = &p, .page = &page };
    struct buf *b;

    if (!openai_params_read(x, known, &p) ||
        !openai_page_read(x, &p, 1U << DIM_PROJECT_ID | 1U << DIM_LINE_ITEM | (by_key ? 1U << DIM_API_KEY_ID : 0), true,
                          &page))
        return;
    l.at = ARENA_ARRAY(&x->arena, struct line, LINES_MAX);
    if (!l.at) {
        openai_refuse(x, 500, "server_error", NULL, NULL, "out of memory");
        return;
    }
    b = reply_json(x, 200);
    buf_put(b, SV("{\"object\":\"page\",\"data\":["));
    for (int64_t day = page.first; day < page.last; day++) {
        l.n = 0;
        openai_charges(x->sim, day, x->now, add_charge, &l);
        if (day > page.first)
            buf_putc(b, ',');
        put_day(b, &l, day);
    }
    openai_page_end(x, &p, &page, b);
}
