/*
 * The source: which jobs there are, and who polls each.
 *
 * There is one scope, "organization": one key, one quota. All waits for the list of projects, which names the region of each;
 * who may not list them is served without.
 *
 * Threads: polls of different jobs run at once; what they share is in openai_state.h, guarded there.
 */
#include "collector/base/clock.h"
#include "collector/sources/openai/openai_state.h"

/* How long things are kept is not published. One window's answer has to fit the size limit. */
enum {
    USAGE_DAYS = 30,
    USAGE_SPAN_HOURS = 4,
    HOURLY_SPAN_HOURS = 48,
    HOURLY_LOOKBACK_HOURS = 24,
    COSTS_DAYS = 180,
    COSTS_SPAN_DAYS = 7,
    AUDIT_DAYS = 90
};

static struct openai_source *self_of(struct source *self)
{
    return (struct openai_source *)self;
}

/* ---- jobs ---- */

static const struct reach usage_reach = { MINUTES(1), HOURS(USAGE_SPAN_HOURS), DAYS(USAGE_DAYS) };
static const struct reach hourly_reach = { HOURS(1), HOURS(HOURLY_SPAN_HOURS), DAYS(USAGE_DAYS) };
static const struct reach costs_reach = { HOURS(1), DAYS(COSTS_SPAN_DAYS), DAYS(COSTS_DAYS) };
static const struct reach audit_reach = { SECONDS(1), DAYS(1), DAYS(AUDIT_DAYS) };
static const sv scope = SVT("organization");

static bool add_usage(const struct openai_source *s, struct job_list *l, const struct openai_kind *kind)
{
    sv group = arena_printf(l->arena, "usage/%s", kind->name);
    struct timings when = s->cfg->usage.when;

    if (!kind->hourly)
        return job_windowed(l, scope, group, "metrics", &when, &usage_reach);
    /* What is read by the hour lags by hours: a signal of its own, which what is counted does not wait for. */
    when.interval_ms = HOURS(1);
    when.lookback_ms = HOURS(HOURLY_LOOKBACK_HOURS);
    when.control = false; /* nothing is counted of it */
    return job_windowed(l, scope, group, "metrics_hourly", &when, &hourly_reach);
}

static bool is_listed(struct openai_source *s)
{
    bool listed;

    pthread_mutex_lock(&s->lock);
    listed = s->listed;
    pthread_mutex_unlock(&s->lock);
    return listed;
}

static enum err_code openai_jobs(struct source *self, struct job_list *out, struct err *e)
{
    struct openai_source *s = self_of(self);
    bool listed = is_listed(s), usage = s->cfg->usage.enabled && listed;
    bool ok = job_snapshot(out, scope, "inventory", s->cfg->discovery_interval_ms, true);

    for (int k = 0; ok && usage && k < OPENAI_KINDS; k++)
        if (openai_reads_kind(s->cfg, &openai_kinds[k]))
            ok = add_usage(s, out, &openai_kinds[k]);
    ok = ok && (!usage || job_snapshot(out, scope, "capacity", s->cfg->capacity_interval_ms, false));
    ok = ok && (!s->cfg->costs.enabled || !listed ||
                job_windowed(out, scope, SV("costs"), "charges", &s->cfg->costs.when, &costs_reach));
    ok = ok && (!s->cfg->audit.enabled || !listed ||
                job_windowed(out, scope, SV("audit"), "audit", &s->cfg->audit.when, &audit_reach));
    return jobs_listed(ok, e);
}

/* ---- poll ---- */

static const struct {
    const char *group; /* or its first part */
    enum err_code (*poll)(struct openai_reader *r, const struct source_job *job, struct window *w, struct frame *out,
                          struct err *e);
} pollers[] = {
    { "audit", openai_poll_audit },         { "capacity", openai_poll_capacity }, { "costs", openai_poll_costs },
    { "inventory", openai_poll_inventory }, { "usage/", openai_poll_usage },
};

static enum err_code openai_poll(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                                 struct err *e)
{
    struct openai_reader r;
    enum err_code code = openai_reader_init(&r, self_of(self), out->arena, e);
    size_t i = 0;

    while (i < sizeof pollers / sizeof *pollers && !sv_starts(job->group, sv_of(pollers[i].group)))
        i++;
    if (code == ERR_OK)
        code = i < sizeof pollers / sizeof *pollers ? pollers[i].poll(&r, job, w, out, e)
                                                    : err_set(e, ERR_INTERNAL, "no such job");
    openai_reader_done(&r);
    return code; /* the runner says which job it was */
}

/* ---- open and close ---- */

static enum err_code choose_client(struct openai_source *s, struct err *e)
{
    const struct openai_endpoints_config *own = &s->cfg->endpoints;

    s->url = sv_of(own->url);
    while (sv_ends(s->url, SV("/")))
        s->url.len--;
    return source_client(own->ca_file, own->allow_plain, &s->env, &s->http, e);
}

static enum err_code check_names(const struct string_list *names, int (*find)(sv name), const char *what, struct err *e)
{
    for (size_t i = 0; i < names->n; i++)
        if (find(sv_of(names->at[i])) < 0)
            return err_set(e, ERR_CONFIG, "%s: not known: \"%.40s\"", what, names->at[i]);
    return ERR_OK;
}

static enum err_code check_config(const struct openai_config *c, struct err *e)
{
    enum err_code code = check_names(&c->usage.kinds, openai_kind_find, "usage.kinds", e);

    code = code ? code : check_names(&c->usage.group_by, openai_dimension_find, "usage.group_by", e);
    code = code ? code : timings_check(&c->usage.when, "usage", e);
    code = code ? code : timings_check(&c->costs.when, "costs", e);
    return code ? code : timings_check(&c->audit.when, "audit", e);
}

static void openai_close(struct source *self)
{
    struct openai_source *s = self_of(self);

    if (!s)
        return;
    openai_state_free(s);
    pthread_mutex_destroy(&s->refreshing);
    source_free(s, s->http, &s->lock);
}

static void openai_cancel(struct source *self)
{
    http_client_cancel(self_of(self)->http);
}

static struct source *openai_open(const void *cfg, const struct source_env *env, struct err *e)
{
    struct openai_source *s = source_new(sizeof *s, &openai_source_ops, env, e);
    enum err_code code;

    if (!s)
        return NULL;
    s->cfg = cfg;
    s->env = *env;
    s->base.env = &s->env;
    map_init(&s->met, OPENAI_MET_MAX);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->refreshing, NULL);
    code = check_config(s->cfg, e);
    code = code ? code : choose_client(s, e);
    return source_opened(&s->base, code, e);
}

const struct source_ops openai_source_ops = {
    .name = "openai",
    .options = openai_options,
    .config_size = sizeof(struct openai_config),
    .rules = openai_rules,
    .n_rules = OPENAI_RULES,
    .formats = openai_formats,
    .detect = openai_detect,
    .normalize = openai_normalize,
    .open = openai_open,
    .jobs = openai_jobs,
    .poll = openai_poll,
    .check = openai_check,
    .forecast = openai_forecast,
    .cancel = openai_cancel,
    .close = openai_close,
};
