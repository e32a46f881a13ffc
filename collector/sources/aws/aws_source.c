/*
 * The source: which jobs there are, and who polls each.
 *
 * Scopes isolate: "accounts" (the list of them), "account:ID" (its regions), "account:ID/REGION" (a place). An account
 * that refuses or a region that hangs holds up its own jobs only; quotas are counted for each of them.
 *
 * Threads: polls of different jobs run at once; what they share is in aws_state.h, guarded there.
 */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws_log.h"
#include "collector/sources/aws/aws_state.h"

/* Minutes are kept 15 days, the event history 90; a log group as long as its owner likes. */
enum { AUDIT_DAYS = 89, LOGS_DAYS = 30, METRICS_SPAN_MINUTES = 180, LOGS_SPAN_MINUTES = 60 };

static struct aws_source *self_of(struct source *self)
{
    return (struct aws_source *)self;
}

/* ---- jobs ---- */

static const struct reach metrics_reach = { MINUTES(1), MINUTES(METRICS_SPAN_MINUTES), DAYS(AWS_METRICS_DAYS) };
static const struct reach logs_reach = { SECONDS(1), MINUTES(LOGS_SPAN_MINUTES), DAYS(LOGS_DAYS) };
static const struct reach audit_reach = { SECONDS(1), DAYS(1), DAYS(AUDIT_DAYS) };

static bool has_log_group(const struct aws_source *s, const struct aws_finding *f)
{
    sv group = sv_of(s->cfg->logs.group);

    return group.len && !sv_eq(group, SV("auto")) ? true : f && f->logging.log_group.len > 0;
}

/* Under the lock. Metrics and logs are named by what discovery found, so they wait for it. */
static bool place_jobs(const struct aws_source *s, const struct aws_place *p, struct job_list *l)
{
    const struct aws_config *c = s->cfg;
    sv scope = arena_printf(l->arena, "account:%s/%s", p->account, p->region);
    bool ok =
        scope.at && (!c->audit.enabled || job_windowed(l, scope, SV("audit"), "audit", &c->audit.when, &audit_reach));

    if (!ok || !p->active)
        return ok;
    ok = job_snapshot(l, scope, "inventory", c->discovery_interval_ms, true) &&
         job_snapshot(l, scope, "capacity", c->capacity_interval_ms, false);
    if (ok && c->metrics.enabled && p->finding)
        ok = job_windowed(l, scope, SV("metrics"), "metrics", &c->metrics.when, &metrics_reach);
    if (ok && c->logs.enabled && p->finding && has_log_group(s, p->finding))
        ok = job_windowed(l, scope, SV("calls"), "calls", &c->logs.when, &logs_reach);
    if (ok && c->logs.enabled && p->finding && c->logs.trail_group && c->logs.trail_group[0])
        ok = job_windowed(l, scope, SV("trail"), "calls", &c->logs.when, &logs_reach);
    return ok;
}

static bool account_jobs(const struct aws_source *s, const struct aws_account *a, struct job_list *l)
{
    bool ok =
        job_snapshot(l, arena_printf(l->arena, "account:%s", a->id), "inventory", s->cfg->discovery_interval_ms, true);

    for (const struct aws_place *p = s->places; ok && p; p = p->next)
        if (p->listed && sv_eq(sv_of(p->account), sv_of(a->id)))
            ok = place_jobs(s, p, l);
    return ok;
}

static enum err_code aws_jobs(struct source *self, struct job_list *out, struct err *e)
{
    struct aws_source *s = self_of(self);
    bool ok = true;

    if (s->cfg->accounts.organization_unit || s->cfg->accounts.ids.n == 0)
        ok = job_snapshot(out, SV("accounts"), "inventory", s->cfg->discovery_interval_ms, true);
    pthread_mutex_lock(&s->lock);
    for (const struct aws_account *a = s->accounts; ok && a; a = a->next)
        if (a->listed)
            ok = account_jobs(s, a, out);
    pthread_mutex_unlock(&s->lock);
    return jobs_listed(ok, e);
}

/* ---- poll ---- */

static enum err_code poll_listing(struct aws_reader *r, const struct source_job *job, struct window *w,
                                  struct frame *out, struct err *e)
{
    struct aws_place *p = aws_place_of_scope(r->s, job->scope);
    struct aws_account *a = aws_account_of_scope(r->s, job->scope);

    w->read_at_unix_nano = source_server_now(&r->s->env);
    if (p)
        return aws_poll_inventory(r, p, w, out, e);
    return a ? aws_poll_regions(r, a, e) : aws_poll_accounts(r, e);
}

typedef enum err_code place_poller(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                   struct err *e);

static const struct {
    const char *group;
    place_poller *poll;
} pollers[] = {
    { "audit", aws_poll_audit },     { "calls", aws_poll_calls }, { "capacity", aws_poll_capacity },
    { "metrics", aws_poll_metrics }, { "trail", aws_poll_trail },
};

static enum err_code poll_place(struct aws_reader *r, const struct source_job *job, struct window *w, struct frame *out,
                                struct err *e)
{
    struct aws_place *p = aws_place_of_scope(r->s, job->scope);

    for (size_t i = 0; p && i < sizeof pollers / sizeof pollers[0]; i++)
        if (sv_eq(job->group, sv_of(pollers[i].group)))
            return pollers[i].poll(r, p, w, out, e);
    return err_set(e, ERR_INTERNAL, "no such job");
}

static enum err_code aws_poll(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                              struct err *e)
{
    struct aws_reader r;
    enum err_code code = aws_reader_init(&r, self_of(self), out->arena, e);

    if (code == ERR_OK)
        code = sv_eq(job->group, SV("inventory")) ? poll_listing(&r, job, w, out, e) : poll_place(&r, job, w, out, e);
    aws_reader_done(&r);
    return code; /* the runner says which job it was */
}

/* ---- open and close ---- */

/* Sessions are asked for where we read: credentials of one partition are unknown in another. */
static const char *home_region(const struct aws_config *c)
{
    if (c->region || c->regions.n == 0 || sv_eq(sv_of(c->regions.at[0]), SV("auto")))
        return c->region;
    return c->regions.at[0];
}

static enum err_code choose_identity(struct aws_source *s, struct err *e)
{
    const struct aws_config *c = s->cfg;
    const struct aws_auth_config a = { .profile = c->profile,
                                       .shared_credentials_file = c->shared_credentials_file,
                                       .config_file = c->config_file,
                                       .region = home_region(c),
                                       .role_arn = c->role_arn,
                                       .external_id = c->external_id,
                                       .session_name = c->session_name,
                                       .endpoint_url = c->endpoints.url,
                                       .imds_url = c->endpoints.imds,
                                       .container_url = c->endpoints.container,
                                       .fips = c->endpoints.fips,
                                       .dual_stack = c->endpoints.dual_stack };

    s->auth = aws_auth_new(&a, &s->env, e);
    return s->auth ? ERR_OK : ERR_CONFIG;
}

static enum err_code add_configured(struct aws_source *s, struct err *e)
{
    const struct aws_accounts_config *c = &s->cfg->accounts;

    for (size_t i = 0; i < c->ids.n; i++) {
        struct aws_account *a = aws_account(s, sv_of(c->ids.at[i]));

        if (!a)
            return err_set(e, ERR_LIMIT, "more than %d accounts", AWS_ACCOUNTS_MAX);
        a->listed = true;
    }
    s->listed = c->ids.n > 0 && !c->organization_unit;
    return ERR_OK;
}

static bool is_account(const char *id)
{
    return strlen(id) == AWS_ACCOUNT_DIGITS && strspn(id, "0123456789") == AWS_ACCOUNT_DIGITS;
}

static enum err_code check_config(const struct aws_config *c, struct err *e)
{
    enum err_code code;

    for (size_t i = 0; i < c->accounts.ids.n; i++)
        if (!is_account(c->accounts.ids.at[i]))
            return err_set(e, ERR_CONFIG, "accounts.ids: want 12 digits, in quotation marks: \"%.40s\"",
                           c->accounts.ids.at[i]);
    for (size_t i = 0; i < c->regions.n; i++)
        if (!aws_region_ok(sv_of(c->regions.at[i])))
            return err_set(e, ERR_CONFIG, "regions: no region: \"%.40s\"", c->regions.at[i]);
    if (c->accounts.organization_unit && !c->role_arn)
        return err_set(e, ERR_CONFIG, "accounts.organization_unit needs role_arn, the role to assume in each account");
    code = timings_check(&c->metrics.when, "metrics", e);
    code = code ? code : timings_check(&c->logs.when, "logs", e);
    return code ? code : timings_check(&c->audit.when, "audit", e);
}

static void aws_close(struct source *self)
{
    struct aws_source *s = self_of(self);

    if (!s)
        return;
    aws_auth_free(s->auth);
    aws_state_free(s);
    source_free(s, s->http, &s->lock);
}

static void aws_cancel(struct source *self)
{
    struct aws_source *s = self_of(self);

    aws_auth_cancel(s->auth);
    http_client_cancel(s->http);
}

static struct source *aws_open(const void *cfg, const struct source_env *env, struct err *e)
{
    struct aws_source *s = source_new(sizeof *s, &aws_source_ops, env, e);
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

const struct source_ops aws_source_ops = {
    .name = "aws",
    .options = aws_options,
    .config_size = sizeof(struct aws_config),
    .rules = aws_rules,
    .n_rules = AWS_RULES,
    .formats = aws_formats,
    .detect = aws_detect,
    .normalize = aws_normalize,
    .open = aws_open,
    .jobs = aws_jobs,
    .poll = aws_poll,
    .check = aws_check,
    .forecast = aws_forecast,
    .cancel = aws_cancel,
    .close = aws_close,
};
