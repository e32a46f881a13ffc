/*
 * Usage of one kind, and costs. A window is read to its last page or not at all.
 *
 * A project that the list does not know yet is looked for once more before its usage is taken: labels are fixed when a bucket is
 * first seen. A kind that the service does not have (404) is told as a gap and left alone for an hour; when it is there again,
 * the last hours are read with it: a gateway may have said so.
 *
 * Costs are stated by UTC day, so a window is widened to whole days: the day under way is read until now. Grouping by API key
 * is in the specification, yet the service has been seen to refuse it (openai.md 3): then it is left out.
 *
 * A bucket keeps the grouping that it was first read with (openai_grouping.c), so a window may be read in parts. A control
 * read leaves out an hour in which the grouping changed: no one question would tell what its minutes told.
 */
#include "collector/base/clock.h"
#include "collector/model/key.h"
#include "collector/sources/openai/openai_state.h"

enum { REFRESH_MS = 60 * 1000, ABSENT_MS = 60 * 60 * 1000, CATCH_UP_HOURS = 4 };

#define NANO_PER_DAY (24 * NANO_PER_H)

struct reading {
    struct openai_reader *r;
    struct openai_projects *projects;
    struct openai_context context;
    bool control;
    bool lacks; /* a part was refused and told as a gap */
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

static void refresh_at(struct openai_source *s, int64_t mono)
{
    pthread_mutex_lock(&s->lock);
    s->refresh_mono = mono;
    pthread_mutex_unlock(&s->lock);
}

/* With a reader of its own: the page that asks is still being walked. */
static void read_projects(struct reading *g)
{
    struct openai_reader r;
    enum err_code code = openai_reader_init(&r, g->r->s, g->r->arena, &g->failed);

    code = code ? code : openai_read_projects(&r, &g->failed);
    openai_reader_done(&r);
    if (openai_lists_refused(g->r->s, code, &g->failed))
        g->failed = (struct err){ 0 };
    else if (code) /* who comes next has to look, too */
        refresh_at(g->r->s, 0);
}

/* Whoever meets the same project meanwhile waits for the answer: without it he would give its buckets no region. */
static void refresh(struct reading *g)
{
    struct openai_source *s = g->r->s;

    g->asked = true;
    pthread_mutex_lock(&s->refreshing);
    if (may_refresh(s))
        read_projects(g);
    pthread_mutex_unlock(&s->refreshing);
    openai_projects_drop(g->projects);
    g->projects = openai_projects_hold(s);
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
    *g = (struct reading){ .r = r, .projects = openai_projects_hold(r->s), .control = w->control };
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

static enum err_code read_usage(struct reading *g, const struct openai_kind *kind, unsigned groups, struct frame *out,
                                struct err *e)
{
    struct openai_reader *r = g->r;
    struct openai_query q = { .from_unix_nano = g->context.from_unix_nano,
                              .to_unix_nano = g->context.to_unix_nano,
                              .width_nano = g->context.width_nano,
                              .groups = groups };
    struct source_pages pages;
    enum err_code code;

    source_pages_init(&pages);
    q.page = SV_NONE;
    do {
        json root = { 0 };

        buf_clear(&r->url);
        openai_url_usage(&r->url, r->s->url, kind, &q);
        code = openai_ask(r, (enum openai_api)(OPENAI_API_USAGE + (kind - openai_kinds)), &root, e);
        code = code ? code : openai_decode_usage(root, &g->context, out, &q.page, e);
        if (code == ERR_OK && q.page.len)
            code = source_pages_turn(&pages, q.page, e);
    } while (code == ERR_OK && q.page.len);
    return source_pages_end(&pages, code, e);
}

/* Of what was to be read: the context's span. `what`: a kind, or costs. */
static enum err_code tell_gap(struct reading *g, const char *signal, const char *what, const char *cause,
                              struct frame *out, struct err *e)
{
    const struct openai_origin o = { g->context.organization, SV_NONE, SV_NONE };
    struct batch *b = openai_batch_of(out, &o, g->context.source, g->context.observed_unix_nano);
    struct gap *gap = b ? batch_add_gap(b) : NULL;

    if (!gap)
        return err_set(e, ERR_LIMIT, "openai: frame is full");
    out->tally.received++;
    gap->start_unix_nano = g->context.from_unix_nano;
    gap->end_unix_nano = g->context.to_unix_nano;
    gap->key =
        key_parts((sv[]){ g->context.source, sv_of(what), sv_make(&gap->start_unix_nano, sizeof gap->start_unix_nano),
                          sv_make(&gap->end_unix_nano, sizeof gap->end_unix_nano) },
                  4);
    gap->signal = batch_sym(b, sv_of(signal));
    gap->cause = batch_sym(b, sv_of(cause));
    gap->detail = sv_of(what);
    return batch_symbols_full(b) ? err_set(e, ERR_LIMIT, "openai: frame is full") : ERR_OK;
}

static const char *name_of(const struct openai_kind *kind)
{
    return openai_apis[OPENAI_API_USAGE + (kind - openai_kinds)].name;
}

/* What is refused with the grouping of before was read with it once: what came for it since is not told. */
static enum err_code read_part(struct reading *g, const struct openai_kind *kind, unsigned groups, bool former,
                               struct frame *out, struct err *e)
{
    struct err why = { 0 };
    enum err_code code = read_usage(g, kind, groups, out, &why);

    if (code == ERR_REFUSED && former) {
        g->lacks = true;
        openai_goes_without(g->r->s, name_of(kind), sv_of(why.text));
        return tell_gap(g, "metrics", kind->name, "grouping_refused", out, e);
    }
    if (code && e)
        *e = why;
    return code;
}

/* The newest part first, of each its whole buckets; afterwards the change of the configuration is journalled, if there was one,
 * which is left to reading minutes. */
static enum err_code read_parts(struct reading *g, const struct openai_kind *kind, struct frame *out, struct err *e)
{
    const struct openai_source *s = g->r->s;
    struct openai_context *c = &g->context;
    sv fact = arena_printf(out->arena, "usage/%s", kind->name);
    unsigned wanted = openai_groups(kind, &s->cfg->usage.group_by);
    int64_t from = c->from_unix_nano, to = c->to_unix_nano;
    enum err_code code = fact.at ? ERR_OK : err_set(e, ERR_LIMIT, "openai: frame is full");

    for (int64_t end = to; code == ERR_OK && end > from;) {
        struct openai_part part = openai_last_part(s, fact, from, end, wanted, out->arena);

        c->from_unix_nano = clock_floor(part.from_unix_nano + c->width_nano - 1, c->width_nano);
        c->to_unix_nano = clock_floor(part.to_unix_nano, c->width_nano);
        if (c->from_unix_nano < c->to_unix_nano)
            code = read_part(g, kind, part.groups, part.groups != wanted, out, e);
        end = part.from_unix_nano;
    }
    c->from_unix_nano = from;
    c->to_unix_nano = to;
    return code || g->control
               ? code
               : openai_choose_groups(s, out, fact.at, wanted,
                                      clock_floor(c->observed_unix_nano, c->width_nano) + c->width_nano, e);
}

static const char gone[] = "not_available";

static enum err_code tell_absent(struct reading *g, int k, struct frame *out, struct err *e)
{
    openai_kind_absent(g->r->s, k, ABSENT_MS);
    openai_goes_without(g->r->s, name_of(&openai_kinds[k]), SV("the service does not have it; asked again each hour"));
    return tell_gap(g, "metrics", openai_kinds[k].name, gone, out, e);
}

static enum err_code read_hours(struct reading *g, int k, struct frame *out, struct err *e)
{
    enum err_code code;

    if (openai_kind_is_absent(g->r->s, k))
        return tell_gap(g, "metrics", openai_kinds[k].name, gone, out, e);
    code = read_parts(g, &openai_kinds[k], out, e);
    return code == ERR_GONE ? tell_absent(g, k, out, e) : code;
}

static enum err_code read_kind(struct reading *g, int k, struct frame *out, struct err *e)
{
    const struct openai_kind *kind = &openai_kinds[k];
    struct openai_source *s = g->r->s;
    int64_t *since = &s->absent_since_unix_nano[k], from = g->context.from_unix_nano;
    int64_t first = g->context.to_unix_nano - CATCH_UP_HOURS * NANO_PER_H;
    enum err_code code;

    if (openai_kind_is_absent(s, k))
        return tell_gap(g, "metrics", kind->name, gone, out, e);
    first = *since > first ? *since : first;
    if (*since && first < from)
        g->context.from_unix_nano = first;
    code = read_parts(g, kind, out, e);
    g->context.from_unix_nano = from;
    if (code == ERR_OK || code == ERR_LIMIT || code == ERR_PARTIAL) /* else half the window would not be enough */
        *since = 0;
    if (code == ERR_OK && !g->lacks)
        openai_goes_without(s, name_of(kind), SV_NONE);
    if (code != ERR_GONE)
        return code;
    *since = *since && *since < from ? *since : from;
    return tell_absent(g, k, out, e);
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
    g.context.series_width_nano = w->control ? NANO_PER_MIN : 0; /* only what is read by the minute has them */
    return end(&g, w->control ? read_hours(&g, k, out, e) : read_kind(&g, k, out, e), e);
}

/* ---- Costs ---- */

static enum err_code read_costs(struct reading *g, bool by_api_key, struct frame *out, struct err *e)
{
    struct openai_reader *r = g->r;
    struct openai_query q = { .from_unix_nano = g->context.from_unix_nano,
                              .to_unix_nano = g->context.to_unix_nano,
                              .width_nano = NANO_PER_DAY };
    struct source_pages pages;
    enum err_code code;

    if (q.to_unix_nano > g->context.observed_unix_nano)
        q.to_unix_nano = 0; /* the day under way */
    source_pages_init(&pages);
    q.page = SV_NONE;
    do {
        buf_clear(&r->url);
        openai_url_costs(&r->url, r->s->url, &q, by_api_key);
        code = openai_ask(r, OPENAI_API_COSTS, NULL, e);
        code = code ? code : openai_decode_costs(r->parser, buf_sv(&r->response.body), &g->context, out, &q.page, e);
        if (code == ERR_OK && q.page.len)
            code = source_pages_turn(&pages, q.page, e);
    } while (code == ERR_OK && q.page.len);
    return source_pages_end(&pages, code, e);
}

static const char by_key_name[] = "costs.by_api_key";
enum { PLAIN = OPENAI_BIT(OPENAI_PROJECT), BY_KEY = PLAIN | OPENAI_BIT(OPENAI_KEY) };

static void note_keys(struct openai_source *s, enum openai_cost_keys keys, sv why)
{
    pthread_mutex_lock(&s->lock);
    s->cost_keys = keys;
    pthread_mutex_unlock(&s->lock);
    openai_goes_without(s, by_key_name, why);
}

/* A page by key is asked for, to see whether the service splits costs at all, before a day is to be read so. */
static enum err_code try_keys(struct reading *g, struct err *e)
{
    struct openai_reader *r = g->r;
    const struct openai_query q = { .from_unix_nano = g->context.from_unix_nano, .page = SV_NONE };
    struct err why = { 0 };
    enum err_code code;

    buf_clear(&r->url);
    openai_url_costs(&r->url, r->s->url, &q, true);
    code = openai_ask(r, OPENAI_API_COSTS, NULL, &why);
    if (code == ERR_OK || code == ERR_REFUSED) {
        note_keys(r->s, code ? OPENAI_COST_KEYS_REFUSED : OPENAI_COST_KEYS_SERVED, code ? sv_of(why.text) : SV_NONE);
        return ERR_OK;
    }
    if (e)
        *e = why;
    return code;
}

/* What days are to be grouped by from now on. */
static enum err_code wanted_groups(struct reading *g, unsigned *wanted, struct err *e)
{
    struct openai_source *s = g->r->s;
    enum err_code code = ERR_OK;

    *wanted = PLAIN;
    if (!s->cfg->costs.by_api_key)
        return ERR_OK;
    /* No lock: one poll at a time reads costs, and nobody else writes it. */
    if (s->cost_keys == OPENAI_COST_KEYS_UNKNOWN && openai_chosen_groups(s, SV("costs"), g->r->arena) != BY_KEY)
        code = try_keys(g, e);
    if (s->cost_keys != OPENAI_COST_KEYS_REFUSED)
        *wanted = BY_KEY;
    return code;
}

/* Days by key and without would be added up, so days that were split are not read without: what is refused is a gap. */
static enum err_code read_days(struct reading *g, unsigned groups, struct frame *out, struct err *e)
{
    struct err why = { 0 };
    enum err_code code = read_costs(g, groups == BY_KEY, out, &why);

    if (code == ERR_REFUSED && groups == BY_KEY) {
        note_keys(g->r->s, OPENAI_COST_KEYS_REFUSED, sv_of(why.text));
        return tell_gap(g, "charges", "costs", "grouping_refused", out, e);
    }
    if (code && e)
        *e = why;
    return code;
}

static enum err_code read_all_days(struct reading *g, struct frame *out, struct err *e)
{
    const struct openai_source *s = g->r->s;
    struct openai_context *c = &g->context;
    int64_t from = c->from_unix_nano, tomorrow = clock_floor(c->observed_unix_nano, NANO_PER_DAY) + NANO_PER_DAY;
    unsigned wanted;
    enum err_code code = wanted_groups(g, &wanted, e);

    for (int64_t end = c->to_unix_nano; code == ERR_OK && end > from; end = c->from_unix_nano) {
        struct openai_part part = openai_last_part(s, SV("costs"), from, end, wanted, out->arena);

        c->from_unix_nano = part.from_unix_nano;
        c->to_unix_nano = part.to_unix_nano;
        code = read_days(g, part.groups, out, e);
    }
    if (s->cost_keys == OPENAI_COST_KEYS_REFUSED)
        wanted = PLAIN;
    return code ? code : openai_choose_groups(s, out, "costs", wanted, tomorrow, e);
}

enum err_code openai_poll_costs(struct openai_reader *r, const struct source_job *job, struct window *w,
                                struct frame *out, struct err *e)
{
    struct reading g;

    (void)job;
    begin(&g, r, w);
    g.context.from_unix_nano = clock_floor(w->from_unix_nano, NANO_PER_DAY);
    g.context.to_unix_nano = clock_floor(w->to_unix_nano - 1, NANO_PER_DAY) + NANO_PER_DAY;
    g.context.width_nano = NANO_PER_DAY;
    return end(&g, read_all_days(&g, out, e), e);
}
