/*
 * What a configuration will ask in a minute and what AWS's list says that it costs, before anybody was asked: an account
 * or region that discovery has to find counts once, with one model on each plane. CloudWatch bills GetMetricData by
 * metric, so each further model costs the same again, whatever the number of minutes or statistics.
 */
#include "collector/sources/aws/aws_state.h"
#include "collector/sources/check.h"

/* Billed metrics of one model on each plane. */
static double units_of_a_model(enum aws_asking asking)
{
    double n = 0;

    for (size_t i = 0; i < n_aws_metrics; i++)
        n += aws_price_units(&aws_metrics[i], asking);
    return n;
}

static const struct api *api(enum aws_api a)
{
    return &aws_operations[a].api;
}

size_t aws_forecast(const void *cfg, struct forecast_line *out, size_t max)
{
    static const char account[] = "account", place[] = "account and region",
                      model[] = "account, region and a model on each plane";
    const struct aws_config *c = cfg;
    double accounts = c->accounts.ids.n ? (double)c->accounts.ids.n : 1;
    double places = accounts * (aws_finds_regions(c) ? 1 : (double)c->regions.n);
    double discovery = forecast_a_minute(c->discovery_interval_ms), logs = forecast_a_minute(c->logs.when.interval_ms);
    double polls = forecast_a_minute(c->metrics.when.interval_ms),
           controls = c->metrics.enabled && c->metrics.when.control ? forecast_controls_a_minute() : 0;
    struct forecast f = { .out = out, .max = max };

    if (c->accounts.organization_unit)
        forecast_add(&f, api(AWS_API_LIST_ACCOUNTS), "organizational unit", discovery, 1);
    if (aws_finds_regions(c))
        forecast_add(&f, api(AWS_API_LIST_REGIONS), account, accounts * discovery, 1);
    forecast_add(&f, api(AWS_API_LIST_METRICS), place, places * AWS_NAMESPACES * (discovery + controls), 1);
    forecast_add(&f, api(AWS_API_LIST_PROFILES), place, places * discovery, 1);
    forecast_add(&f, api(AWS_API_LOGGING), place, places * discovery, 1);
    forecast_add(&f, api(AWS_API_LIST_QUOTAS), place, places * forecast_a_minute(c->capacity_interval_ms), 1);
    if (c->metrics.enabled)
        forecast_add(&f, api(AWS_API_GET_METRIC_DATA), model, places * (polls + controls),
                     (polls * units_of_a_model(c->metrics.maximum ? AWS_MAXIMUM : AWS_USUAL) +
                      controls * units_of_a_model(AWS_CONTROL)) /
                         (polls + controls));
    if (c->logs.enabled)
        forecast_add(&f, api(AWS_API_FILTER_LOG_EVENTS), place,
                     places * (c->logs.trail_group && c->logs.trail_group[0] ? 2 : 1) * logs, 1);
    if (c->audit.enabled)
        forecast_add(&f, api(AWS_API_LOOKUP_EVENTS), place, places * forecast_a_minute(c->audit.when.interval_ms), 1);
    return f.n;
}
