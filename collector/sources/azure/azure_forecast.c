/*
 * What a configuration will ask in a minute, before anybody was asked: per subscription as if its accounts stood in one region and
 * were at most 50 of one kind, since only discovery knows better. The references name no price for these reads (azure_apis has 0).
 */
#include "collector/sources/azure/azure.h"

static double a_minute(int64_t interval_ms)
{
    return interval_ms > 0 ? 60000.0 / (double)interval_ms : 0;
}

static void add(struct forecast_line *out, size_t *n, size_t max, enum azure_api api, const char *per, double calls)
{
    if (*n < max && calls > 0)
        out[(*n)++] =
            (struct forecast_line){ .api = azure_apis[api].name,
                                    .per = per,
                                    .calls_per_minute = calls,
                                    .usd_per_month = calls * 60 * 24 * 30 * (double)azure_apis[api].usd_nano / 1e9 };
}

/* Groups of one family, and those that exist once. */
static unsigned groups_of_a_family(void)
{
    unsigned n = 0;

    for (const struct azure_group *g = azure_groups; g->name; g++)
        n += !g->family[0] || sv_eq(sv_of(g->family), sv_of(azure_families[0].name));
    return n;
}

size_t azure_forecast(const void *cfg, struct forecast_line *out, size_t max)
{
    static const char sub[] = "subscription and region", account[] = "account", workspace[] = "workspace";
    const struct azure_config *c = cfg;
    double subs = c->subscriptions.n ? (double)c->subscriptions.n : 1, discovery = a_minute(c->discovery_interval_ms);
    size_t n = 0;

    add(out, &n, max, AZURE_API_ACCOUNTS, sub, subs * discovery);
    add(out, &n, max, AZURE_API_DEPLOYMENTS, account, discovery);
    add(out, &n, max, AZURE_API_DIAGNOSTICS, account, discovery);
    if (c->metrics.enabled)
        add(out, &n, max, AZURE_API_BATCH, sub, subs * groups_of_a_family() * a_minute(c->metrics.interval_ms));
    if (c->audit.enabled)
        add(out, &n, max, AZURE_API_ACTIVITY, sub, subs * AZURE_ACTIVITY_PROVIDERS * a_minute(c->audit.interval_ms));
    add(out, &n, max, AZURE_API_USAGES, sub, subs * a_minute(c->capacity_interval_ms));
    if (c->logs.enabled)
        add(out, &n, max, AZURE_API_LOGS, workspace, (double)c->logs.workspaces.n * a_minute(c->logs.interval_ms));
    return n;
}
