/*
 * Usage of one kind. A window is read to its last page or not at all.
 *
 * A project that the list does not know yet is looked for once more before its usage is taken: labels are fixed when a bucket is
 * first seen. A kind that the service does not have (404) is told as a gap and left alone for an hour.
 */
#include "collector/base/clock.h"
#include "collector/sources/openai/openai_state.h"

enum { REFRESH_MS = 60 * 1000 };

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

enum err_code openai_poll_usage(struct openai_reader *r, const struct source_job *job, struct window *w,
                                struct frame *out, struct err *e)
{
    int k = openai_kind_find(sv_skip(job->group, strlen("usage/")));
    const struct openai_kind *kind = k >= 0 ? &openai_kinds[k] : NULL;
    struct reading g;
    enum err_code code;

    if (!kind)
        return err_set(e, ERR_INTERNAL, "no such kind");
    begin(&g, r, w);
    g.context.kind = kind;
    g.context.width_nano = kind->hourly ? NANO_PER_H : NANO_PER_MIN;
    code = read_usage(&g, kind, out, e);
    openai_projects_drop(g.projects);
    return code;
}
