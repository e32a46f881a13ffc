/* A configured source with its quotas and counters. A source that cannot be opened stays visible with its reason. */
#include <stdlib.h>

#include "collector/core/daemon.h"
#include "collector/core/runner.h"

static enum err_code equip(struct instance *in, const struct settings *s, const struct settings_source *from,
                           struct err *e)
{
    in->stats = source_stats_new();
    in->limits = rate_limits_new();
    if (!in->stats || !in->limits)
        return err_set(e, ERR_LIMIT, "%s: out of memory", from->id);
    in->env = (struct source_env){ .id = sv_of(from->id),
                                   .ledger = in->env.ledger,
                                   .limits = in->limits,
                                   .stats = in->stats,
                                   .publishers = &s->models };
    return ERR_OK;
}

struct instance *instance_open(const struct settings *s, const struct settings_source *from, struct ledger *ledger,
                               struct err *e)
{
    struct instance *in = calloc(1, sizeof *in);

    if (!in) {
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    in->ops = from->ops;
    in->env.id = sv_of(from->id);
    in->env.ledger = ledger;
    in->initial_window_ms = s->initial_window_ms;
    in->budget = from->budget;
    if (equip(in, s, from, &in->open_error) == ERR_OK)
        in->source = in->ops->open(from->config, &in->env, &in->open_error);
    /* Pages ask for them in any case. */
    if (!in->stats)
        in->stats = source_stats_new();
    return in;
}

void instance_close(struct instance *in)
{
    if (!in)
        return;
    if (in->source)
        in->ops->close(in->source);
    rate_limits_free(in->limits);
    source_stats_free(in->stats);
    free(in);
}
