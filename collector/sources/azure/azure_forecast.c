/*
 * What a configuration will ask in a minute, before anybody was asked: per subscription as if its accounts stood in one region and
 * were at most 50 of one kind, since only discovery knows better. The references name no price for these reads (azure_apis has 0).
 */
#include "collector/sources/azure/azure.h"
#include "collector/sources/check.h"

/* Readings a minute of the groups of one family, and of those that exist once. */
static double readings_of_a_family(const struct timings *when)
{
    double n = 0;

    for (const struct azure_group *g = azure_groups; g->name; g++)
        if (!g->family[0] || sv_eq(sv_of(g->family), sv_of(azure_families[0].name)))
            n +=
                forecast_a_minute(when->interval_ms) + (when->control && g->control ? forecast_controls_a_minute() : 0);
    return n;
}

size_t azure_forecast(const void *cfg, struct forecast_line *out, size_t max)
{
    static const char sub[] = "subscription and region", account[] = "account", workspace[] = "workspace";
    const struct azure_config *c = cfg;
    double subs = c->subscriptions.n ? (double)c->subscriptions.n : 1,
           discovery = forecast_a_minute(c->discovery_interval_ms);
    struct forecast f = { .out = out, .max = max };

    forecast_add(&f, &azure_apis[AZURE_API_ACCOUNTS], sub, subs * discovery, 1);
    forecast_add(&f, &azure_apis[AZURE_API_DEPLOYMENTS], account, discovery, 1);
    forecast_add(&f, &azure_apis[AZURE_API_DIAGNOSTICS], account, discovery, 1);
    if (c->metrics.enabled)
        forecast_add(&f, &azure_apis[AZURE_API_BATCH], sub, subs * readings_of_a_family(&c->metrics.when), 1);
    if (c->audit.enabled)
        forecast_add(&f, &azure_apis[AZURE_API_ACTIVITY], sub,
                     subs * AZURE_ACTIVITY_PROVIDERS * forecast_a_minute(c->audit.when.interval_ms), 1);
    forecast_add(&f, &azure_apis[AZURE_API_USAGES], sub, subs * forecast_a_minute(c->capacity_interval_ms), 1);
    if (c->logs.enabled)
        forecast_add(&f, &azure_apis[AZURE_API_LOGS], workspace,
                     (double)c->logs.workspaces.n * forecast_a_minute(c->logs.when.interval_ms), 1);
    return f.n;
}
