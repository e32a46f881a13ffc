/*
 * GET /organization/usage/{kind}: buckets of a width, grouped and filtered as asked, as they stand at this instant. The
 * bucket under way is listed with its end in the future; a bucket without use is there with no results, or missing.
 */
#include <string.h>

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"

enum { GROUPS_MAX = 4096 };

struct group {
    sv dims[OPENAI_DIMS];
    struct openai_cell sum;
    unsigned tells;
};

struct groups {
    struct group *at; /* in the arena of the exchange */
    unsigned n;
};

/* Members of results: whose figure, and what has to be told for it. */
static const struct member {
    const char *name;
    enum openai_figure figures[3];
    unsigned n, tells;
} completion_members[] = {
    { "input_cached_tokens", { FIG_CACHED_TEXT, FIG_CACHED_AUDIO, FIG_CACHED_IMAGE }, 3, TELLS_CACHED },
    { "input_cache_write_tokens", { FIG_CACHE_WRITE }, 1, TELLS_CACHE_WRITE },
    { "input_uncached_tokens", { FIG_TEXT, FIG_AUDIO, FIG_IMAGE }, 3, TELLS_CACHED },
    { "input_text_tokens", { FIG_TEXT }, 1, TELLS_PARTS },
    { "output_text_tokens", { FIG_OUT_TEXT }, 1, TELLS_PARTS },
    { "input_cached_text_tokens", { FIG_CACHED_TEXT }, 1, TELLS_CACHED_PARTS },
    { "input_audio_tokens", { FIG_AUDIO }, 1, TELLS_PARTS },
    { "input_cached_audio_tokens", { FIG_CACHED_AUDIO }, 1, TELLS_CACHED_PARTS },
    { "output_audio_tokens", { FIG_OUT_AUDIO }, 1, TELLS_PARTS },
    { "input_image_tokens", { FIG_IMAGE }, 1, TELLS_PARTS },
    { "input_cached_image_tokens", { FIG_CACHED_IMAGE }, 1, TELLS_CACHED_PARTS },
    { "output_image_tokens", { FIG_OUT_IMAGE }, 1, TELLS_PARTS },
};

/* clang-format off */
/* Parameters besides those of openai_page_read; of arrays also which dimension they filter. */
static const struct { const char *name; enum openai_dim dim; } filters[] = {
    { "project_ids", DIM_PROJECT_ID }, { "user_ids", DIM_USER_ID },   { "api_key_ids", DIM_API_KEY_ID },
    { "models", DIM_MODEL_ID },        { "batch", DIM_BATCH },        { "sources", DIM_IMAGE_SOURCE },
    { "sizes", DIM_SIZE },             { "vector_store_ids", DIM_STORE }, { "context_levels", DIM_CONTEXT_LEVEL },
};
/* clang-format on */
enum { FILTERS = sizeof filters / sizeof filters[0], PAGE_PARAMS = 6 };

static enum openai_kind kind_of(const struct exchange *x)
{
    return ((const struct openai_row *)x->row)->kind;
}

static bool read_params(struct exchange *x, enum openai_kind kind, struct openai_params *p)
{
    const char *known[PAGE_PARAMS + FILTERS + 1] = { "start_time", "end_time", "bucket_width",
                                                     "limit",      "page",     "group_by" };
    unsigned n = PAGE_PARAMS;

    for (unsigned i = 0; i < FILTERS; i++)
        if (openai_kinds[kind].dims & 1U << filters[i].dim)
            known[n++] = filters[i].name;
    return openai_params_read(x, known, p);
}

static bool wanted(const struct openai_world *w, const struct openai_params *p, const struct openai_stream *st,
                   unsigned variant)
{
    for (unsigned i = 0; i < FILTERS; i++)
        if (openai_kinds[st->kind].dims & 1U << filters[i].dim &&
            !openai_allows(p, filters[i].name, openai_dim_of(w, st, variant, filters[i].dim)))
            return false;
    return true;
}

/* The group of these dimensions, made when there is none; NULL: too many. */
static struct group *group_of(struct groups *g, const sv dims[OPENAI_DIMS])
{
    for (unsigned i = 0; i < g->n; i++) {
        bool same = true;

        for (unsigned d = 0; same && d < OPENAI_DIMS; d++)
            same = sv_eq(g->at[i].dims[d], dims[d]);
        if (same)
            return &g->at[i];
    }
    if (g->n == GROUPS_MAX)
        return NULL;
    g->at[g->n] = (struct group){ .tells = 0 };
    memcpy(g->at[g->n].dims, dims, sizeof g->at->dims);
    return &g->at[g->n++];
}

static void add(const struct openai_world *w, const struct openai_page *page, const struct openai_stream *st,
                unsigned variant, const struct openai_cell *cell, struct groups *out)
{
    sv dims[OPENAI_DIMS] = { { NULL, 0 } };
    struct group *g;

    for (unsigned d = 0; d < OPENAI_DIMS; d++)
        if (page->groups & 1U << d)
            dims[d] = openai_dim_of(w, st, variant, (enum openai_dim)d);
    g = group_of(out, dims);
    if (!g)
        return;
    g->tells |= openai_tells(st);
    for (unsigned i = 0; i < OPENAI_FIGURES; i++)
        g->sum.f[i] += cell->f[i];
}

/* A level is that of the bucket's last hour that has begun. */
static void read_level(const struct openai *o, const struct openai_stream *st, int64_t from_s, int64_t until_s,
                       int64_t now_s, struct openai_cell *out)
{
    int64_t last = until_s - 1 < now_s ? until_s - 1 : now_s;

    out->f[FIG_UNITS] = last >= from_s ? openai_stored_bytes(o->workload, st->project, last / 3600) : 0;
}

static void read_bucket(struct exchange *x, const struct openai_params *p, const struct openai_page *page,
                        int64_t bucket, struct groups *out)
{
    struct openai *o = openai_of(x->sim);
    int64_t from_s = bucket * page->width_s, until_s = from_s + page->width_s;

    out->n = 0;
    for (unsigned i = 0; i < o->world.n_streams; i++) {
        const struct openai_stream *st = &o->world.streams[i];
        struct openai_cell cells[OPENAI_VARIANTS] = { 0 };

        if (st->kind != kind_of(x))
            continue;
        if (st->kind == OPENAI_STORAGE)
            read_level(o, st, from_s, until_s, x->now / NANO_PER_S, &cells[0]);
        for (int64_t m = from_s / 60; m < until_s / 60 && m * NANO_PER_MIN <= x->now; m++)
            openai_usage_of(o->workload, st, m, x->now, cells);
        for (unsigned v = 0; v < OPENAI_VARIANTS; v++)
            if ((cells[v].f[FIG_REQUESTS] || cells[v].f[FIG_UNITS]) && wanted(&o->world, p, st, v))
                add(&o->world, page, st, v, &cells[v], out);
    }
}

static void put_number(struct buf *b, const char *name, uint64_t value)
{
    buf_printf(b, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void put_result(struct buf *b, enum openai_kind kind, const struct openai_page *page, const struct group *g)
{
    const struct openai_kind_row *k = &openai_kinds[kind];

    buf_printf(b, "{\"object\":\"%s\"", k->object);
    if (k->unit)
        put_number(b, k->unit, g->sum.f[FIG_UNITS]);
    if (kind == OPENAI_COMPLETIONS || kind == OPENAI_EMBEDDINGS || kind == OPENAI_MODERATIONS)
        put_number(b, "input_tokens", g->sum.f[FIG_INPUT]);
    if (kind == OPENAI_COMPLETIONS)
        put_number(b, "output_tokens", g->sum.f[FIG_OUTPUT]);
    if (k->operation || kind == OPENAI_WEB_SEARCHES)
        put_number(b, "num_model_requests", g->sum.f[FIG_REQUESTS]);
    for (size_t i = 0; kind == OPENAI_COMPLETIONS && i < sizeof completion_members / sizeof completion_members[0];
         i++) {
        const struct member *m = &completion_members[i];
        uint64_t sum = 0;

        for (unsigned f = 0; f < m->n; f++)
            sum += g->sum.f[m->figures[f]];
        if (g->tells & m->tells)
            put_number(b, m->name, sum);
    }
    for (unsigned d = 0; d < OPENAI_DIMS; d++)
        if (k->dims & 1U << d)
            openai_put_dim(b, page, (enum openai_dim)d, g->dims[d]);
    buf_putc(b, '}');
}

static void put_bucket(struct exchange *x, struct buf *b, const struct openai_page *page, int64_t bucket,
                       const struct groups *g)
{
    buf_printf(b, "{\"object\":\"bucket\",\"start_time\":%lld,\"end_time\":%lld,\"results\":[",
               (long long)(bucket * page->width_s), (long long)((bucket + 1) * page->width_s));
    for (unsigned i = 0; i < g->n; i++) {
        if (i)
            buf_putc(b, ',');
        put_result(b, kind_of(x), page, &g->at[i]);
    }
    buf_put(b, SV("]}"));
}

void openai_usage(struct exchange *x)
{
    struct openai_params p;
    struct openai_page page;
    struct groups g = { .n = 0 };
    struct buf *b;
    bool any = false;

    if (!read_params(x, kind_of(x), &p) || !openai_page_read(x, &p, openai_kinds[kind_of(x)].dims, false, &page))
        return;
    g.at = ARENA_ARRAY(&x->arena, struct group, GROUPS_MAX);
    if (!g.at) {
        openai_refuse(x, 500, "server_error", NULL, NULL, "out of memory");
        return;
    }
    b = reply_json(x, 200);
    buf_put(b, SV("{\"object\":\"page\",\"data\":["));
    for (int64_t i = page.first; i < page.last; i++) {
        read_bucket(x, &p, &page, i, &g);
        if (!g.n && rng_mix((uint64_t)i) & 1)
            continue; /* as good as empty */
        buf_put(b, any ? SV(",\n") : SV("\n"));
        put_bucket(x, b, &page, i, &g);
        any = true;
    }
    openai_page_end(x, &p, &page, b);
}
