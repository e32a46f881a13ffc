/*
 * The Azure source: which jobs there are, and which function reads each.
 *
 * Jobs are a table: group, signal, whether it is a subscription's or a region's or a workspace's, and who polls it.
 * Scopes are what is isolated: "subscriptions" (the list of them), "sub:ID", "sub:ID/REGION", "workspace:ID". A
 * subscription that refuses or hangs holds up its own jobs only; quotas are counted per subscription.
 *
 * Threads: polls of different jobs run at once; what they share is in azure_state.h, guarded there.
 */
#include "collector/base/clock.h"
#include "collector/sources/azure/azure_state.h"

/* Metrics are kept 93 days, the Activity Log 90. One window's answer has to fit the size limit. */
enum { METRICS_DAYS = 93, ACTIVITY_DAYS = 90 - 1, LOGS_DAYS = 30, METRICS_SPAN_MINUTES = 120, LOGS_SPAN_MINUTES = 60 };

static struct azure_source *self_of(struct source *self)
{
    return (struct azure_source *)self;
}

/* ---- jobs ---- */

static const struct reach metrics_reach = { MINUTES(1), MINUTES(METRICS_SPAN_MINUTES), DAYS(METRICS_DAYS) };
static const struct reach calls_reach = { SECONDS(1), MINUTES(LOGS_SPAN_MINUTES), DAYS(LOGS_DAYS) };
static const struct reach audit_reach = { SECONDS(1), DAYS(1), DAYS(ACTIVITY_DAYS) };

static bool add_inventory(const struct azure_source *s, struct job_list *l, sv scope)
{
    return job_snapshot(l, scope, "inventory", s->cfg->discovery_interval_ms, true);
}

static bool add_calls(const struct azure_source *s, struct job_list *l, const char *workspace)
{
    const struct azure_logs_config *c = &s->cfg->logs;
    struct source_job *j = job_windowed(l, arena_printf(l->arena, "workspace:%s", workspace), SV("calls"), "calls",
                                        &c->when, &calls_reach);

    if (j)
        j->envelope_settle_ms = c->envelope_settle_ms;
    return j != NULL;
}

/* Whether some account of this region is read in this group. */
static bool group_concerns(const struct azure_account *a, const struct azure_group *g)
{
    if (g->family[0] && azure_family_find(sv_of(g->family)) != atomic_load(&a->family))
        return false;
    return !g->provisioned_only || azure_is_provisioned(a);
}

static bool has_job(const struct job_list *l, sv scope, const char *group)
{
    for (size_t i = 0; i < l->n; i++)
        if (sv_eq(l->at[i].scope, scope) && sv_eq(l->at[i].group, sv_of(group)))
            return true;
    return false;
}

static bool add_account_metrics(struct azure_source *s, struct azure_subscription *sub, struct job_list *l,
                                const struct azure_account *a)
{
    sv region = azure_region_name(l->arena, a->item.location);
    sv scope = arena_printf(l->arena, "sub:%.*s/%.*s", SV_ARG(a->subscription), SV_ARG(region));

    for (const struct azure_group *g = azure_groups; g->name; g++) {
        struct timings when = s->cfg->metrics.when;

        when.control = when.control && g->control;
        if (group_concerns(a, g) && azure_group_ready(s, sub, azure_family_of_kind(a->item.kind), g) &&
            !has_job(l, scope, g->name) && !job_windowed(l, scope, sv_of(g->name), "metrics", &when, &metrics_reach))
            return false;
    }
    return true;
}

static enum err_code subscription_jobs(struct azure_source *s, struct azure_subscription *sub, struct job_list *l,
                                       struct err *e)
{
    sv scope = arena_printf(l->arena, "sub:%s", sub->id);
    struct azure_view view;
    enum err_code code = azure_view_take(s, sub, l->arena, &view, e);
    bool ok = code == ERR_OK && add_inventory(s, l, scope);

    for (size_t i = 0; ok && s->cfg->metrics.enabled && i < view.n; i++)
        ok = add_account_metrics(s, sub, l, view.at[i]);
    if (ok && view.n)
        ok = job_snapshot(l, scope, "capacity", s->cfg->capacity_interval_ms, false);
    if (ok && s->cfg->audit.enabled)
        ok = job_windowed(l, scope, SV("audit"), "audit", &s->cfg->audit.when, &audit_reach);
    azure_view_drop(&view);
    return jobs_listed(ok, e);
}

/* Rows of a log are named by the inventory, so logs wait until each subscription was asked once, whatever came of it.
 */
static enum err_code workspace_jobs(struct azure_source *s, struct job_list *l, bool all_discovered, struct err *e)
{
    const struct azure_logs_config *c = &s->cfg->logs;

    for (size_t i = 0; c->enabled && all_discovered && i < c->workspaces.n; i++)
        if (!add_calls(s, l, c->workspaces.at[i]))
            return jobs_listed(false, e);
    return ERR_OK;
}

/* The subscriptions that are listed, as an array: the list itself only grows at its end. */
static struct azure_subscription **listed(struct azure_source *s, struct arena *a, size_t *n, bool *all_discovered)
{
    struct azure_subscription **at;

    *n = 0;
    pthread_mutex_lock(&s->lock);
    *all_discovered = s->listed;
    at = ARENA_ARRAY(a, struct azure_subscription *, s->n_subscriptions + 1);
    for (struct azure_subscription *sub = s->subscriptions; at && sub; sub = sub->next)
        if (sub->listed) {
            at[(*n)++] = sub;
            *all_discovered = *all_discovered && sub->discovered;
        }
    pthread_mutex_unlock(&s->lock);
    return at;
}

static enum err_code azure_jobs(struct source *self, struct job_list *out, struct err *e)
{
    struct azure_source *s = self_of(self);
    bool all_discovered;
    size_t n;
    struct azure_subscription **subs = listed(s, out->arena, &n, &all_discovered);
    enum err_code code = ERR_OK;

    if (!subs || (s->cfg->subscriptions.n == 0 && !add_inventory(s, out, SV("subscriptions"))))
        return jobs_listed(false, e);
    for (size_t i = 0; i < n && code == ERR_OK; i++)
        code = subscription_jobs(s, subs[i], out, e);
    return code ? code : workspace_jobs(s, out, all_discovered, e);
}

/* ---- poll ---- */

static enum err_code poll_listing(struct azure_reader *r, const struct source_job *job, struct window *w,
                                  struct frame *out, struct err *e)
{
    struct azure_subscription *sub = azure_scope(r->s, job->scope, NULL);

    w->read_at_unix_nano = source_server_now(&r->s->env);
    return sub ? azure_poll_inventory(r, sub, w, out, e) : azure_poll_subscriptions(r, e);
}

static enum err_code poll_calls(struct azure_reader *r, const struct source_job *job, struct window *w,
                                struct frame *out, struct err *e)
{
    return azure_poll_calls(r, sv_skip(job->scope, strlen("workspace:")), w, out, e);
}

static enum err_code poll_audit(struct azure_reader *r, const struct source_job *job, struct window *w,
                                struct frame *out, struct err *e)
{
    struct azure_subscription *sub = azure_scope(r->s, job->scope, NULL);

    return sub ? azure_poll_audit(r, sub, w, out, e) : err_set(e, ERR_INTERNAL, "no such subscription");
}

static enum err_code poll_capacity(struct azure_reader *r, const struct source_job *job, struct window *w,
                                   struct frame *out, struct err *e)
{
    struct azure_subscription *sub = azure_scope(r->s, job->scope, NULL);

    return sub ? azure_poll_capacity(r, sub, w, out, e) : err_set(e, ERR_INTERNAL, "no such subscription");
}

static const struct {
    const char *signal;
    enum err_code (*poll)(struct azure_reader *r, const struct source_job *job, struct window *w, struct frame *out,
                          struct err *e);
} pollers[] = {
    { "audit", poll_audit },       { "calls", poll_calls },           { "capacity", poll_capacity },
    { "inventory", poll_listing }, { "metrics", azure_poll_metrics },
};

static enum err_code azure_poll(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                                struct err *e)
{
    struct azure_source *s = self_of(self);
    struct azure_reader r;
    enum err_code code = azure_reader_init(&r, s, out->arena, e);
    size_t i = 0;

    while (i < sizeof pollers / sizeof pollers[0] && !sv_eq(job->signal, sv_of(pollers[i].signal)))
        i++;
    if (code == ERR_OK)
        code = i < sizeof pollers / sizeof pollers[0] ? pollers[i].poll(&r, job, w, out, e)
                                                      : err_set(e, ERR_INTERNAL, "no such job");
    azure_reader_done(&r);
    return code; /* the runner says which job it was */
}

/* ---- open and close ---- */

static sv first_of(const char *given, const char *of_cloud)
{
    sv url = sv_of(given ? given : of_cloud);

    return sv_ends(url, SV("/")) ? sv_first(url, url.len - 1) : url;
}

static void choose_endpoints(struct azure_source *s)
{
    const struct azure_endpoints_config *own = &s->cfg->endpoints;
    const struct azure_cloud *cloud = &azure_clouds[s->cfg->cloud];

    s->arm = first_of(own->resource_manager, cloud->resource_manager);
    s->metrics = first_of(own->metrics, cloud->metrics);
    s->logs = first_of(own->logs, cloud->logs);
    /* Audiences must match exactly: taken as they are written. */
    s->arm_audience =
        sv_of(own->resource_manager_audience ? own->resource_manager_audience : cloud->resource_manager_audience);
    s->metrics_audience = sv_of(own->metrics_audience ? own->metrics_audience : cloud->metrics_audience);
    s->logs_audience = sv_of(own->logs_audience ? own->logs_audience : cloud->logs_audience);
}

/* Metadata services speak plain http, so the client for tokens may always. */
static enum err_code choose_clients(struct azure_source *s, struct err *e)
{
    const char *ca_file = s->cfg->endpoints.ca_file;
    enum err_code code = source_client(ca_file, s->cfg->endpoints.allow_plain, &s->env, &s->http, e);

    s->auth_env = s->env;
    return code ? code : source_client(ca_file, true, &s->auth_env, &s->plain, e);
}

static enum err_code choose_identity(struct azure_source *s, struct err *e)
{
    const struct azure_config *c = s->cfg;
    struct azure_auth_config a = { .credential = (enum azure_credential)c->credential,
                                   .tenant_id = c->tenant_id,
                                   .client_id = c->client_id,
                                   .client_secret = c->client_secret,
                                   .federated_token_file = c->federated_token_file,
                                   .identity_object_id = c->managed_identity.object_id,
                                   .identity_resource_id = c->managed_identity.resource_id,
                                   .authority_url = c->endpoints.authority,
                                   .imds_url = c->endpoints.imds };

    if (!a.authority_url && c->cloud > 0)
        a.authority_url = azure_clouds[c->cloud].authority; /* else the variable AZURE_AUTHORITY_HOST may say it */
    s->auth = azure_auth_new(&a, &s->auth_env, e);
    return s->auth ? ERR_OK : ERR_CONFIG;
}

static enum err_code add_configured(struct azure_source *s, struct err *e)
{
    const struct string_list *ids = &s->cfg->subscriptions;

    for (size_t i = 0; i < ids->n; i++) {
        struct azure_subscription *sub = azure_subscription(s, sv_of(ids->at[i]));

        if (!sub)
            return err_set(e, ERR_LIMIT, "more than %d subscriptions", AZURE_SUBSCRIPTIONS_MAX);
        sub->listed = true;
    }
    s->listed = ids->n > 0;
    return ERR_OK;
}

static enum err_code check_config(const struct azure_config *c, struct err *e)
{
    enum err_code code;

    if (c->subscriptions.n && c->discover.management_group)
        return err_set(e, ERR_CONFIG, "subscriptions and discover.management_group exclude each other: keep one");
    code = timings_check(&c->metrics.when, "metrics", e);
    return code ? code : timings_check(&c->audit.when, "audit", e);
}

static void azure_close(struct source *self)
{
    struct azure_source *s = self_of(self);

    if (!s)
        return;
    azure_auth_free(s->auth);
    azure_subscriptions_free(s);
    http_client_free(s->plain);
    source_free(s, s->http, &s->lock);
}

static void azure_cancel(struct source *self)
{
    struct azure_source *s = self_of(self);

    http_client_cancel(s->http);
    http_client_cancel(s->plain);
}

static struct source *azure_open(const void *cfg, const struct source_env *env, struct err *e)
{
    struct azure_source *s = source_new(sizeof *s, &azure_source_ops, env, e);
    enum err_code code;

    if (!s)
        return NULL;
    s->cfg = cfg;
    s->env = *env;
    s->base.env = &s->env;
    pthread_mutex_init(&s->lock, NULL);
    choose_endpoints(s);
    code = check_config(s->cfg, e);
    code = code ? code : choose_clients(s, e);
    code = code ? code : choose_identity(s, e);
    code = code ? code : add_configured(s, e);
    return source_opened(&s->base, code, e);
}

const struct source_ops azure_source_ops = {
    .name = "azure",
    .options = azure_options,
    .config_size = sizeof(struct azure_config),
    .rules = azure_rules,
    .n_rules = AZURE_RULES,
    .formats = azure_formats,
    .detect = azure_detect,
    .normalize = azure_normalize,
    .open = azure_open,
    .jobs = azure_jobs,
    .poll = azure_poll,
    .check = azure_check,
    .forecast = azure_forecast,
    .cancel = azure_cancel,
    .close = azure_close,
};
