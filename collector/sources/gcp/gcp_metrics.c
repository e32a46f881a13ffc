/*
 * Time series of one group, whole: one question for each metric type, all of its pages. An answer that says itself that it is
 * incomplete (executionErrors in a 200) is none, so the window is read again.
 */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp_state.h"
#include "collector/sources/stats.h"

/* A question costs one series at least, which gcp_ask has counted. */
static void count_series(struct gcp_reader *r, sv project, json root)
{
    const struct api *api = &gcp_operations[GCP_API_TIME_SERIES].api;
    int64_t more = (int64_t)json_count(json_get(root, SV("timeSeries"))) - 1;

    if (more > 0)
        source_stats_billed(r->s->env.stats, api->name, project, more, more * api->usd_nano);
}

enum err_code gcp_read_series(struct gcp_reader *r, struct gcp_query *q, struct gcp_answer *a, struct frame *out,
                              struct err *e)
{
    struct source_pages pages;
    enum err_code code;

    source_pages_init(&pages);
    do {
        json root = { 0 };

        gcp_reader_clear(r);
        gcp_path_time_series(&r->path, q);
        code = gcp_ask(r, GCP_API_TIME_SERIES, q->project, &root, e);
        if (code == ERR_OK)
            count_series(r, q->project, root);
        code = code ? code : gcp_decode_time_series(root, a, out, &q->page, e);
        if (code == ERR_OK && q->page.len)
            code = source_pages_turn(&pages, q->page, e);
    } while (code == ERR_OK && q->page.len);
    code = source_pages_end(&pages, code, e);
    return code ? err_wrap(e, "%.*s", SV_ARG(q->type)) : ERR_OK;
}

struct reading {
    struct gcp_reader *r;
    struct gcp_project *p;
    struct gcp_context context;
    struct frame *out;
};

static const char *text(struct arena *a, sv s)
{
    return arena_copy(a, s).at;
}

static void on_met(void *ctx, sv location, sv endpoint, sv deployed, sv model)
{
    struct reading *g = ctx;
    struct arena *a = g->r->arena;
    struct gcp_use use = { .location = (char *)(uintptr_t)text(a, location),
                           .endpoint = (char *)(uintptr_t)text(a, endpoint),
                           .deployed = (char *)(uintptr_t)text(a, deployed),
                           .model = (char *)(uintptr_t)text(a, model) };

    if (use.location && use.endpoint && use.deployed && use.model && model.len)
        gcp_project_met(g->r->s, g->p, &use);
}

static enum err_code read_type(struct reading *g, sv type, const char *latency, unsigned labels, struct err *e)
{
    struct gcp_query q = { .project = g->context.project,
                           .type = type,
                           .latency = latency,
                           .labels = labels,
                           .publishers = g->r->s->env.publishers,
                           .from_unix_nano = g->context.from_unix_nano,
                           .to_unix_nano = g->context.to_unix_nano,
                           .period_nano = g->context.grain_nano,
                           .page = SV_NONE };
    struct gcp_answer a;
    enum err_code code;

    gcp_answer_init(&a, &g->context);
    code = type.at ? gcp_read_series(g->r, &q, &a, g->out, e) : err_set(e, ERR_LIMIT, "no room for the metric");
    gcp_answer_done(&a);
    return code;
}

static enum err_code read_quotas(struct reading *g, struct err *e)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < n_gcp_quotas; i++) {
        bool active;

        pthread_mutex_lock(&g->r->s->lock);
        active = g->p->usage[i];
        pthread_mutex_unlock(&g->r->s->lock);
        if (active)
            code = read_type(g, arena_printf(g->r->arena, "quota/%s/usage", gcp_quotas[i].name), NULL, GCP_QUOTA_LABELS,
                             e);
    }
    return code;
}

enum err_code gcp_poll_metrics(struct gcp_reader *r, struct gcp_project *p, const struct source_job *job,
                               struct window *w, struct frame *out, struct err *e)
{
    struct reading g = { .r = r, .p = p, .out = out };
    enum err_code code = ERR_OK;

    g.context = (struct gcp_context){ .source = r->s->env.id,
                                      .project = sv_of(p->id),
                                      .observed_unix_nano = w->read_at_unix_nano,
                                      .env = &r->s->env,
                                      .endpoint_models = &r->s->cfg->endpoint_models,
                                      .from_unix_nano = w->from_unix_nano,
                                      .to_unix_nano = w->to_unix_nano,
                                      .grain_nano = job->grain_ms * NANO_PER_MS,
                                      .ctx = &g,
                                      .met = on_met };
    if (sv_eq(job->group, SV(GCP_QUOTA_GROUP)))
        return read_quotas(&g, e);
    for (size_t i = 0; code == ERR_OK && i < n_gcp_metrics; i++)
        if (sv_eq(job->group, sv_of(gcp_metrics[i].group)))
            code = read_type(&g, sv_of(gcp_metrics[i].type), gcp_metrics[i].latency, gcp_metrics[i].labels, e);
    return code;
}
