/* Jobs from timings, and the two ends of opening a source. */
#include "collector/sources/jobs.h"

#include <stdlib.h>

/* clang-format off */
const struct option budget_options[] = {
    { .name = "calls_per_day", .type = OPT_INT,   .offset = offsetof(struct source_budget, calls_per_day), .dflt = "0", .max = 1e9, .unit = "calls", .help = "Calls in 24 hours, failed ones included; 0: no limit." },
    { .name = "usd_per_day",   .type = OPT_FLOAT, .offset = offsetof(struct source_budget, usd_per_day),   .dflt = "0", .max = 1e9, .unit = "USD",   .help = "List price of the calls in 24 hours; 0: no limit." },
    { 0 },
};
/* clang-format on */

static struct source_job *add(struct job_list *l, enum job_kind kind, sv scope, sv group, const char *signal)
{
    struct source_job *j = scope.at && group.at ? job_list_add(l) : NULL;

    if (!j)
        return NULL;
    j->kind = kind;
    j->scope = scope;
    j->group = group;
    j->signal = sv_of(signal);
    return j;
}

struct source_job *job_snapshot(struct job_list *l, sv scope, const char *group, int64_t interval_ms, bool discovers)
{
    struct source_job *j = add(l, JOB_SNAPSHOT, scope, sv_of(group), group);

    if (!j)
        return NULL;
    j->interval_ms = interval_ms;
    j->discovers = discovers;
    return j;
}

struct source_job *job_windowed(struct job_list *l, sv scope, sv group, const char *signal, const struct timings *when,
                                const struct reach *reach)
{
    struct source_job *j = add(l, JOB_WINDOWED, scope, group, signal);
    int64_t least = when->lookback_ms + reach->grain_ms;

    if (!j)
        return NULL;
    j->interval_ms = when->interval_ms;
    j->delay_ms = when->delay_ms;
    j->lookback_ms = when->lookback_ms;
    j->settle_ms = when->settle_ms;
    j->grain_ms = reach->grain_ms;
    j->span_max_ms = reach->span_ms > least ? reach->span_ms : least;
    j->retention_ms = reach->retention_ms;
    return when->control ? job_controlled(j) : j;
}

struct source_job *job_controlled(struct source_job *j)
{
    if (!j)
        return NULL;
    j->controls = true;
    j->control_grain_ms = HOURS(1);
    return j;
}

void listed_again(bool *listed, unsigned *missed, bool found)
{
    enum { MISSED_MAX = 3 };

    *missed = found || *missed >= MISSED_MAX ? 0 : *missed + 1;
    *listed = found || (*listed && *missed < MISSED_MAX);
}

enum err_code jobs_listed(bool ok, struct err *e)
{
    return ok ? ERR_OK : err_set(e, ERR_LIMIT, "no room for the list of jobs");
}

enum err_code timings_check(const struct timings *when, const char *section, struct err *e)
{
    if (when->settle_ms <= when->lookback_ms)
        return ERR_OK;
    return err_set(e, ERR_CONFIG, "%s.settle must not exceed %s.lookback", section, section);
}

enum err_code source_client(const char *ca_file, bool allow_plain, struct source_env *env, struct http_client **out,
                            struct err *e)
{
    const struct http_client_options o = { .ca_file = ca_file, .allow_plain = allow_plain };

    *out = http_client_new(&o, e);
    env->http = *out;
    return *out ? ERR_OK : ERR_CONFIG;
}

void *source_new(size_t size, const struct source_ops *ops, const struct source_env *env, struct err *e)
{
    struct source *s = calloc(1, size);

    if (s)
        *s = (struct source){ ops, env };
    else
        err_set(e, ERR_LIMIT, "out of memory");
    return s;
}

void source_free(void *instance, struct http_client *http, pthread_mutex_t *lock)
{
    http_client_free(http);
    pthread_mutex_destroy(lock);
    free(instance);
}

struct source *source_opened(struct source *s, enum err_code code, struct err *e)
{
    if (code == ERR_OK)
        return s;
    err_wrap(e, "%.*s", SV_ARG(s->env->id));
    s->ops->close(s);
    return NULL;
}
