/*
 * The source: which jobs there are, and who polls each.
 *
 * There is one scope, "organization": one key, one quota. All waits for the list of projects, which names the region of each;
 * who may not list them is served without.
 *
 * Threads: polls of different jobs run at once; what they share is in openai_state.h, guarded there.
 */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/sources/openai/openai_state.h"

#define SECONDS(n) ((int64_t)(n)*1000)
#define MINUTES(n) SECONDS((n)*60)
#define HOURS(n)   MINUTES((n)*60)

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

static struct source_job *add(struct job_list *l, sv group, const char *signal)
{
    struct source_job *j = group.at ? job_list_add(l) : NULL;

    if (!j)
        return NULL;
    j->scope = SV("organization");
    j->group = group;
    j->signal = sv_of(signal);
    return j;
}

static bool add_snapshot(struct job_list *l, const char *group, int64_t interval_ms, bool discovers)
{
    struct source_job *j = add(l, sv_of(group), group);

    if (!j)
        return false;
    j->kind = JOB_SNAPSHOT;
    j->interval_ms = interval_ms;
    j->discovers = discovers;
    return true;
}

/* A window that is cut leaves out its newest part, so the look-back has to fit. */
static int64_t span_of(int64_t span_ms, int64_t lookback_ms, int64_t grain_ms)
{
    return span_ms > lookback_ms + grain_ms ? span_ms : lookback_ms + grain_ms;
}

static bool add_usage(const struct openai_source *s, struct job_list *l, const struct openai_kind *kind)
{
    const struct openai_usage_config *c = &s->cfg->usage;
    struct source_job *j = add(l, arena_printf(l->arena, "usage/%s", kind->name), "metrics");

    if (!j)
        return false;
    j->kind = JOB_WINDOWED;
    j->interval_ms = kind->hourly ? HOURS(1) : c->interval_ms;
    j->delay_ms = c->delay_ms;
    j->grain_ms = kind->hourly ? HOURS(1) : MINUTES(1);
    j->lookback_ms = kind->hourly ? HOURS(HOURLY_LOOKBACK_HOURS) : c->lookback_ms;
    j->settle_ms = c->settle_ms;
    j->span_max_ms = span_of(HOURS(kind->hourly ? HOURLY_SPAN_HOURS : USAGE_SPAN_HOURS), j->lookback_ms, j->grain_ms);
    j->retention_ms = HOURS(24) * USAGE_DAYS;
    return true;
}

static bool add_costs(const struct openai_source *s, struct job_list *l)
{
    const struct openai_costs_config *c = &s->cfg->costs;
    struct source_job *j = add(l, SV("costs"), "charges");

    if (!j)
        return false;
    j->kind = JOB_WINDOWED;
    j->interval_ms = c->interval_ms;
    j->grain_ms = HOURS(1);
    j->lookback_ms = c->lookback_ms;
    j->settle_ms = c->settle_ms;
    j->span_max_ms = span_of(HOURS(24) * COSTS_SPAN_DAYS, j->lookback_ms, j->grain_ms);
    j->retention_ms = HOURS(24) * COSTS_DAYS;
    return true;
}

static bool add_audit(const struct openai_source *s, struct job_list *l)
{
    const struct openai_audit_config *c = &s->cfg->audit;
    struct source_job *j = add(l, SV("audit"), "audit");

    if (!j)
        return false;
    j->kind = JOB_WINDOWED;
    j->interval_ms = c->interval_ms;
    j->grain_ms = SECONDS(1);
    j->lookback_ms = c->lookback_ms;
    j->settle_ms = c->settle_ms;
    j->span_max_ms = span_of(HOURS(24), j->lookback_ms, j->grain_ms);
    j->retention_ms = HOURS(24) * AUDIT_DAYS;
    return true;
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
    bool ok = add_snapshot(out, "inventory", s->cfg->discovery_interval_ms, true);

    for (int k = 0; ok && usage && k < OPENAI_KINDS; k++)
        if (openai_reads_kind(s->cfg, &openai_kinds[k]))
            ok = add_usage(s, out, &openai_kinds[k]);
    ok = ok && (!usage || add_snapshot(out, "capacity", s->cfg->capacity_interval_ms, false));
    ok = ok && (!s->cfg->costs.enabled || !listed || add_costs(s, out));
    ok = ok && (!s->cfg->audit.enabled || !listed || add_audit(s, out));
    return ok ? ERR_OK : err_set(e, ERR_LIMIT, "no room for the list of jobs");
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
    const struct http_client_options o = { .ca_file = own->ca_file, .allow_plain = own->allow_plain };

    s->url = sv_of(own->url);
    while (sv_ends(s->url, SV("/")))
        s->url.len--;
    s->http = http_client_new(&o, e);
    s->env.http = s->http;
    return s->http ? ERR_OK : ERR_CONFIG;
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
    if (code)
        return code;
    if (c->usage.settle_ms > c->usage.lookback_ms)
        return err_set(e, ERR_CONFIG, "usage.settle must not exceed usage.lookback");
    if (c->costs.settle_ms > c->costs.lookback_ms)
        return err_set(e, ERR_CONFIG, "costs.settle must not exceed costs.lookback");
    if (c->audit.settle_ms > c->audit.lookback_ms)
        return err_set(e, ERR_CONFIG, "audit.settle must not exceed audit.lookback");
    return ERR_OK;
}

static void openai_close(struct source *self)
{
    struct openai_source *s = self_of(self);

    if (!s)
        return;
    openai_state_free(s);
    http_client_free(s->http);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void openai_cancel(struct source *self)
{
    http_client_cancel(self_of(self)->http);
}

static struct source *openai_open(const void *cfg, const struct source_env *env, struct err *e)
{
    struct openai_source *s = calloc(1, sizeof *s);
    enum err_code code;

    if (!s) {
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    s->cfg = cfg;
    s->env = *env;
    s->base = (struct source){ &openai_source_ops, &s->env };
    map_init(&s->met, OPENAI_MET_MAX);
    pthread_mutex_init(&s->lock, NULL);
    code = check_config(s->cfg, e);
    code = code ? code : choose_client(s, e);
    if (code == ERR_OK)
        return &s->base;
    err_wrap(e, "%.*s", SV_ARG(env->id));
    openai_close(&s->base);
    return NULL;
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
