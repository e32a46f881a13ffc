/*
 * Usage of one kind, and costs. A window is read to its last page or not at all.
 *
 * A project that the list does not know yet is looked for once more before its usage is taken: labels are fixed when a bucket is
 * first seen. A kind that the service does not have (404) is told as a gap and left alone for an hour.
 *
 * Costs are stated by UTC day, so a window is widened to whole days: the day under way is read until now. Grouping by API key
 * is in the specification, yet the service has been seen to refuse it (openai.md 3): then it is left out.
 */
#include "collector/base/clock.h"
#include "collector/model/key.h"
#include "collector/sources/openai/openai_state.h"

enum { REFRESH_MS = 60 * 1000, ABSENT_MS = 60 * 60 * 1000 };

#define NANO_PER_DAY (24 * NANO_PER_H)

struct reading {
    struct openai_reader *r;
    struct openai_projects *projects;
    struct openai_context context;
    bool asked; /* for projects anew */
    struct err failed;
};

/* ---- Projects ---- */

static bool may_refresh(struct openai_source *s)
{
    int64_t now = clock_mono();
    bool may;

    pthread_mutex_lock(&s->lock);
    may = s->projects && now >= s->refresh_mono;
    if (may)
        s->refresh_mono = now + REFRESH_MS * NANO_PER_MS;
    pthread_mutex_unlock(&s->lock);
    return may;
}

/* With a reader of its own: the page that asks is still being walked. */
static void refresh(struct reading *g)
{
    struct openai_reader r;
    enum err_code code;

    g->asked = true;
    if (!may_refresh(g->r->s))
        return;
    code = openai_reader_init(&r, g->r->s, g->r->arena, &g->failed);
    code = code ? code : openai_read_projects(&r, &g->failed);
    openai_reader_done(&r);
    if (code == ERR_OK) {
        openai_projects_drop(g->projects);
        g->projects = openai_projects_hold(g->r->s);
    }
}

static sv on_region(void *ctx, sv project)
{
    struct reading *g = ctx;
    const struct openai_project *p = openai_project_find(g->projects, project);

    if (!p && !g->asked) {
        refresh(g);
        p = openai_project_find(g->projects, project);
    }
    return p ? p->residency.region : SV_NONE;
}

static void on_met(void *ctx, sv project, sv model)
{
    openai_met(((struct reading *)ctx)->r->s, project, model);
}

static void begin(struct reading *g, struct openai_reader *r, struct window *w)
{
    w->read_at_unix_nano = source_server_now(&r->s->env);
    *g = (struct reading){ .r = r, .projects = openai_projects_hold(r->s) };
    g->context = (struct openai_context){ .source = r->s->env.id,
                                          .organization = sv_of(r->s->cfg->organization),
                                          .observed_unix_nano = w->read_at_unix_nano,
                                          .from_unix_nano = w->from_unix_nano,
                                          .to_unix_nano = w->to_unix_nano,
                                          .ctx = g,
                                          .region = on_region,
                                          .met = on_met };
}

/* ---- Usage ---- */

static enum err_code read_usage(struct reading *g, const struct openai_kind *kind, struct frame *out, struct err *e)
{
    struct openai_reader *r = g->r;
    struct openai_query q = { .from_unix_nano = g->context.from_unix_nano,
                              .to_unix_nano = g->context.to_unix_nano,
                              .width_nano = g->context.width_nano,
                              .groups = openai_groups(kind, &r->s->cfg->usage.group_by) };
    struct openai_pages pages;
    enum err_code code;

    openai_pages_init(&pages);
    q.page = SV_NONE;
    do {
        json root = { 0 };

        buf_clear(&r->url);
        openai_url_usage(&r->url, r->s->url, kind, &q);
        code = openai_ask(r, (enum openai_api)(OPENAI_API_USAGE + (kind - openai_kinds)), &root, e);
        code = code ? code : openai_decode_usage(root, &g->context, out, &q.page, e);
        if (code == ERR_OK && q.page.len)
            code = openai_pages_turn(&pages, q.page, e);
    } while (code == ERR_OK && q.page.len);
    openai_pages_done(&pages);
    return code && pages.n ? err_wrap(e, "page %u", pages.n + 1) : code;
}

/* Of a kind that is not there. */
static enum err_code tell_gap(struct reading *g, const struct openai_kind *kind, struct frame *out, struct err *e)
{
    const struct openai_origin o = { g->context.organization, SV_NONE, SV_NONE };
    struct batch *b = openai_batch_of(out, &o, g->context.source, g->context.observed_unix_nano);
    struct gap *gap = b ? batch_add_gap(b) : NULL;

    if (!gap)
        return err_set(e, ERR_LIMIT, "openai: frame is full");
    out->tally.received++;
    gap->start_unix_nano = g->context.from_unix_nano;
    gap->end_unix_nano = g->context.to_unix_nano;
    gap->key = key_parts((sv[]){ g->context.source, sv_of(kind->name),
                                 sv_make(&gap->start_unix_nano, sizeof gap->start_unix_nano),
                                 sv_make(&gap->end_unix_nano, sizeof gap->end_unix_nano) },
                         4);
    gap->signal = batch_sym(b, SV("metrics"));
    gap->cause = batch_sym(b, SV("not_available"));
    gap->detail = sv_of(kind->name);
    return batch_symbols_full(b) ? err_set(e, ERR_LIMIT, "openai: frame is full") : ERR_OK;
}

static const char *name_of(const struct openai_kind *kind)
{
    return openai_apis[OPENAI_API_USAGE + (kind - openai_kinds)].name;
}

static enum err_code read_kind(struct reading *g, int k, struct frame *out, struct err *e)
{
    struct openai_source *s = g->r->s;
    enum err_code code;

    if (openai_kind_is_absent(s, k))
        return tell_gap(g, &openai_kinds[k], out, e);
    code = read_usage(g, &openai_kinds[k], out, e);
    if (code == ERR_OK)
        openai_goes_without(s, name_of(&openai_kinds[k]), SV_NONE);
    if (code != ERR_GONE)
        return code;
    openai_kind_absent(s, k, ABSENT_MS);
    openai_goes_without(s, name_of(&openai_kinds[k]), SV("the service does not have it; asked again each hour"));
    return tell_gap(g, &openai_kinds[k], out, e);
}

static enum err_code end(struct reading *g, enum err_code code, struct err *e)
{
    openai_projects_drop(g->projects);
    if (code || g->failed.code == ERR_OK)
        return code;
    if (e)
        *e = g->failed;
    return g->failed.code;
}

enum err_code openai_poll_usage(struct openai_reader *r, const struct source_job *job, struct window *w,
                                struct frame *out, struct err *e)
{
    int k = openai_kind_find(sv_skip(job->group, strlen("usage/")));
    struct reading g;

    if (k < 0)
        return err_set(e, ERR_INTERNAL, "no such kind");
    begin(&g, r, w);
    g.context.kind = &openai_kinds[k];
    g.context.width_nano = job->grain_ms * NANO_PER_MS;
    return end(&g, read_kind(&g, k, out, e), e);
}

/* ---- Costs ---- */

static enum err_code read_costs(struct reading *g, bool by_api_key, struct frame *out, struct err *e)
{
    struct openai_reader *r = g->r;
    struct openai_query q = { .from_unix_nano = g->context.from_unix_nano,
                              .to_unix_nano = g->context.to_unix_nano,
                              .width_nano = NANO_PER_DAY };
    struct openai_pages pages;
    enum err_code code;

    if (q.to_unix_nano > g->context.observed_unix_nano)
        q.to_unix_nano = 0; /* the day under way */
    openai_pages_init(&pages);
    q.page = SV_NONE;
    do {
        buf_clear(&r->url);
        openai_url_costs(&r->url, r->s->url, &q, by_api_key);
        code = openai_ask(r, OPENAI_API_COSTS, NULL, e);
        code = code ? code : openai_decode_costs(r->parser, buf_sv(&r->response.body), &g->context, out, &q.page, e);
        if (code == ERR_OK && q.page.len)
            code = openai_pages_turn(&pages, q.page, e);
    } while (code == ERR_OK && q.page.len);
    openai_pages_done(&pages);
    return code && pages.n ? err_wrap(e, "page %u", pages.n + 1) : code;
}

/* Charges by key and charges without would be added up, so what was once served is not given up for a refusal. */
static bool asks_by_key(struct openai_source *s)
{
    bool asks;

    pthread_mutex_lock(&s->lock);
    asks = s->cfg->costs.by_api_key && s->cost_keys != OPENAI_COST_KEYS_REFUSED;
    pthread_mutex_unlock(&s->lock);
    return asks;
}

/* Whether to go on without. */
static bool note_keys(struct openai_source *s, enum err_code code)
{
    bool refused;

    pthread_mutex_lock(&s->lock);
    refused = code == ERR_REFUSED && s->cost_keys == OPENAI_COST_KEYS_UNKNOWN;
    if (code == ERR_OK || refused)
        s->cost_keys = refused ? OPENAI_COST_KEYS_REFUSED : OPENAI_COST_KEYS_SERVED;
    pthread_mutex_unlock(&s->lock);
    return refused;
}

enum err_code openai_poll_costs(struct openai_reader *r, const struct source_job *job, struct window *w,
                                struct frame *out, struct err *e)
{
    struct err why = { 0 };
    struct reading g;
    enum err_code code;

    (void)job;
    begin(&g, r, w);
    g.context.from_unix_nano = clock_floor(w->from_unix_nano, NANO_PER_DAY);
    g.context.to_unix_nano = clock_floor(w->to_unix_nano - 1, NANO_PER_DAY) + NANO_PER_DAY;
    g.context.width_nano = NANO_PER_DAY;
    if (!asks_by_key(r->s))
        return end(&g, read_costs(&g, false, out, e), e);
    code = read_costs(&g, true, out, &why);
    if (note_keys(r->s, code)) {
        openai_goes_without(r->s, "costs.by_api_key", sv_of(why.text));
        return end(&g, read_costs(&g, false, out, e), e);
    }
    if (code && e)
        *e = why;
    return end(&g, code, e);
}
