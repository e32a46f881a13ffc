/*
 * The source: which jobs there are, and who polls each.
 *
 * Scopes isolate: "projects" (the list of them), "project:ID". A project that refuses or hangs holds up its own jobs only;
 * quotas are counted for each of them.
 *
 * Threads: polls of different jobs run at once; what they share is in gcp_state.h, guarded there.
 */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp_state.h"

/* Monitoring keeps about six weeks, the _Default bucket 30 days, _Required 400. One window's answer has to fit the limit. */
enum { METRICS_DAYS = 42, CALLS_DAYS = 30, AUDIT_DAYS = 400, METRICS_SPAN_MINUTES = 180, LOGS_SPAN_MINUTES = 60 };

static struct gcp_source *self_of(struct source *self)
{
    return (struct gcp_source *)self;
}

/* ---- jobs ---- */

static const struct reach metrics_reach = { MINUTES(1), MINUTES(METRICS_SPAN_MINUTES), DAYS(METRICS_DAYS) };
static const struct reach calls_reach = { SECONDS(1), MINUTES(LOGS_SPAN_MINUTES), DAYS(CALLS_DAYS) };
static const struct reach audit_reach = { SECONDS(1), DAYS(1), DAYS(AUDIT_DAYS) };

/* Points older than the descriptor's delay are guaranteed to be visible, younger ones are not. */
static bool add_metrics(const struct gcp_source *s, const struct gcp_project *p, struct job_list *l, sv scope,
                        const char *group, bool counts)
{
    struct timings when = s->cfg->metrics.when;
    int64_t told_ms = p->ingest_delay_nano / NANO_PER_MS + MINUTES(1);

    when.control = when.control && counts;
    when.settle_ms = when.settle_ms > told_ms ? when.settle_ms : told_ms;
    when.lookback_ms = when.lookback_ms > when.settle_ms ? when.lookback_ms : when.settle_ms + MINUTES(5);
    return job_windowed(l, scope, sv_of(group), "metrics", &when, &metrics_reach);
}

static bool any(const bool *flags, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (flags[i])
            return true;
    return false;
}

/* Under the lock. */
static bool project_jobs(const struct gcp_source *s, const struct gcp_project *p, struct job_list *l)
{
    const struct gcp_config *c = s->cfg;
    sv scope = arena_printf(l->arena, "project:%s", p->id);
    bool ok = job_snapshot(l, scope, "inventory", c->discovery_interval_ms, true);

    for (size_t i = 0; ok && c->metrics.enabled && i < n_gcp_metrics; i++)
        if (p->active[i])
            ok = add_metrics(s, p, l, scope, gcp_metrics[i].group, true);
    if (ok && c->metrics.enabled && any(p->usage, n_gcp_quotas))
        ok = add_metrics(s, p, l, scope, GCP_QUOTA_GROUP, false); /* what of a limit is used is a peak */
    if (ok && any(p->limit, n_gcp_quotas))
        ok = job_snapshot(l, scope, "capacity", c->capacity_interval_ms, false);
    ok = ok && (!c->logs.enabled || job_windowed(l, scope, SV("calls"), "calls", &c->logs.when, &calls_reach));
    return ok && (!c->audit.enabled || job_windowed(l, scope, SV("audit"), "audit", &c->audit.when, &audit_reach));
}

static enum err_code gcp_jobs(struct source *self, struct job_list *out, struct err *e)
{
    struct gcp_source *s = self_of(self);
    bool ok =
        s->cfg->projects.n > 0 || job_snapshot(out, SV("projects"), "inventory", s->cfg->discovery_interval_ms, true);

    pthread_mutex_lock(&s->lock);
    for (const struct gcp_project *p = s->projects; ok && p; p = p->next)
        if (p->listed)
            ok = project_jobs(s, p, out);
    pthread_mutex_unlock(&s->lock);
    return jobs_listed(ok, e);
}

/* ---- poll ---- */

static const struct {
    const char *group; /* or its first part */
    gcp_poller *poll;
} pollers[] = {
    { "audit", gcp_poll_audit },         { "calls", gcp_poll_calls },      { "capacity", gcp_poll_capacity },
    { "inventory", gcp_poll_inventory }, { "metrics/", gcp_poll_metrics },
};

static enum err_code poll_project(struct gcp_reader *r, const struct source_job *job, struct window *w,
                                  struct frame *out, struct err *e)
{
    struct gcp_project *p = gcp_project_of_scope(r->s, job->scope);

    for (size_t i = 0; p && i < sizeof pollers / sizeof pollers[0]; i++)
        if (sv_starts(job->group, sv_of(pollers[i].group)))
            return pollers[i].poll(r, p, job, w, out, e);
    return err_set(e, ERR_INTERNAL, "no such job");
}

static enum err_code gcp_poll(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                              struct err *e)
{
    struct gcp_reader r;
    enum err_code code = gcp_reader_init(&r, self_of(self), out->arena, e);

    w->read_at_unix_nano = source_server_now(&r.s->env);
    if (code == ERR_OK)
        code = sv_eq(job->scope, SV("projects")) ? gcp_poll_projects(&r, e) : poll_project(&r, job, w, out, e);
    gcp_reader_done(&r);
    return code; /* the runner says which job it was */
}

/* ---- open and close ---- */

static enum err_code choose_identity(struct gcp_source *s, struct err *e)
{
    const struct gcp_config *c = s->cfg;
    const struct gcp_auth_config a = { .credentials_file = c->credentials_file,
                                       .exchange_key = !c->self_signed_jwt,
                                       .quota_project = c->quota_project,
                                       .endpoint_url = c->endpoints.url,
                                       .metadata_url = c->endpoints.metadata };

    s->auth = gcp_auth_new(&a, &s->env, e);
    return s->auth ? ERR_OK : ERR_CONFIG;
}

static enum err_code add_configured(struct gcp_source *s, struct err *e)
{
    for (size_t i = 0; i < s->cfg->projects.n; i++) {
        struct gcp_project *p = gcp_project(s, sv_of(s->cfg->projects.at[i]));

        if (!p)
            return err_set(e, ERR_LIMIT, "more than %d projects", GCP_PROJECTS_MAX);
        p->listed = true;
    }
    return ERR_OK;
}

/* APIs take numbers too, but records name their account by the id: calls by their log's, metrics by what was asked for. */
static enum err_code check_id(const char *id, struct err *e)
{
    if (id[0] == '\0' || id[strspn(id, "0123456789")] != '\0')
        return ERR_OK;
    return err_set(e, ERR_CONFIG, "projects: want ids, found the number %.60s", id);
}

static enum err_code check_config(const struct gcp_config *c, struct err *e)
{
    const struct gcp_discover_config *d = &c->discover;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < c->projects.n && code == ERR_OK; i++)
        code = check_id(c->projects.at[i], e);
    if (code)
        return code;
    if ((c->projects.n > 0) + (d->folder != NULL) + (d->organization != NULL) > 1)
        return err_set(e, ERR_CONFIG,
                       "projects, discover.folder and discover.organization exclude each other: keep one");
    if (d->folder && !sv_starts(sv_of(d->folder), SV("folders/")))
        return err_set(e, ERR_CONFIG, "discover.folder: want folders/NUMBER, found \"%.60s\"", d->folder);
    if (d->organization && !sv_starts(sv_of(d->organization), SV("organizations/")))
        return err_set(e, ERR_CONFIG, "discover.organization: want organizations/NUMBER, found \"%.60s\"",
                       d->organization);
    code = timings_check(&c->metrics.when, "metrics", e);
    code = code ? code : timings_check(&c->logs.when, "logs", e);
    return code ? code : timings_check(&c->audit.when, "audit", e);
}

static void gcp_close(struct source *self)
{
    struct gcp_source *s = self_of(self);

    if (!s)
        return;
    gcp_auth_free(s->auth);
    gcp_state_free(s);
    source_free(s, s->http, &s->lock);
}

static void gcp_cancel(struct source *self)
{
    struct gcp_source *s = self_of(self);

    gcp_auth_cancel(s->auth);
    http_client_cancel(s->http);
}

static struct source *gcp_open(const void *cfg, const struct source_env *env, struct err *e)
{
    struct gcp_source *s = source_new(sizeof *s, &gcp_source_ops, env, e);
    enum err_code code;

    if (!s)
        return NULL;
    s->cfg = cfg;
    s->env = *env;
    s->base.env = &s->env;
    pthread_mutex_init(&s->lock, NULL);
    code = check_config(s->cfg, e);
    code = code ? code : source_client(s->cfg->endpoints.ca_file, s->cfg->endpoints.allow_plain, &s->env, &s->http, e);
    code = code ? code : choose_identity(s, e);
    code = code ? code : add_configured(s, e);
    return source_opened(&s->base, code, e);
}

const struct source_ops gcp_source_ops = {
    .name = "gcp",
    .options = gcp_options,
    .config_size = sizeof(struct gcp_config),
    .rules = gcp_rules,
    .n_rules = GCP_RULES,
    .formats = gcp_formats,
    .detect = gcp_detect,
    .normalize = gcp_normalize,
    .open = gcp_open,
    .jobs = gcp_jobs,
    .poll = gcp_poll,
    .check = gcp_check,
    .forecast = gcp_forecast,
    .cancel = gcp_cancel,
    .close = gcp_close,
};
