/*
 * What a configuration will ask in a minute, before anybody was asked: one page of each kind, and as if there were one
 * project. Reading costs nothing (openai_apis has 0).
 */
#include "collector/sources/check.h"
#include "collector/sources/openai/openai_state.h"

#define DAY_MS (24 * 3600 * 1e3)

size_t openai_forecast(const void *cfg, struct forecast_line *out, size_t max)
{
    static const char organization[] = "organization", project[] = "project";
    const struct openai_config *c = cfg;
    struct forecast f = { .out = out, .max = max };
    double usage =
        forecast_a_minute(c->usage.when.interval_ms) + (c->usage.when.control ? forecast_controls_a_minute() : 0);

    forecast_add(&f, &openai_apis[OPENAI_API_PROJECTS], organization, forecast_a_minute(c->discovery_interval_ms), 1);
    for (int k = 0; c->usage.enabled && k < OPENAI_KINDS; k++)
        if (openai_reads_kind(c, &openai_kinds[k]))
            forecast_add(&f, &openai_apis[OPENAI_API_USAGE + k], organization,
                         openai_kinds[k].hourly ? 1.0 / 60 : usage, 1);
    if (c->costs.enabled) /* a page a day of the look-back, and of today */
        forecast_add(&f, &openai_apis[OPENAI_API_COSTS], organization,
                     ((double)c->costs.when.lookback_ms / DAY_MS + 1) * forecast_a_minute(c->costs.when.interval_ms),
                     1);
    if (c->audit.enabled) /* with and without tenant_only */
        forecast_add(&f, &openai_apis[OPENAI_API_AUDIT_LOGS], organization,
                     2 * forecast_a_minute(c->audit.when.interval_ms), 1);
    forecast_add(&f, &openai_apis[OPENAI_API_RATE_LIMITS], project, forecast_a_minute(c->capacity_interval_ms), 1);
    return f.n;
}
