/* What a configuration will ask in a minute, before anybody was asked: one page of each metric type, for one project. */
#include "collector/sources/check.h"
#include "collector/sources/gcp/gcp_state.h"

enum { SERIES_A_QUESTION = 10 }; /* what is billed: locations, models and codes that had traffic */

size_t gcp_forecast(const void *cfg, struct forecast_line *out, size_t max)
{
    static const char identity[] = "identity", project[] = "project";
    const struct gcp_config *c = cfg;
    struct forecast f = { .out = out, .max = max };
    double discovery = forecast_a_minute(c->discovery_interval_ms);

    if (c->projects.n == 0)
        forecast_add(&f, &gcp_operations[GCP_API_LIST_PROJECTS].api, identity, discovery, 1);
    forecast_add(&f, &gcp_operations[GCP_API_DESCRIPTORS].api, project, discovery, 1);
    forecast_add(&f, &gcp_operations[GCP_API_IAM_POLICY].api, project, 3 * discovery, 1); /* and what is above */
    if (c->metrics.enabled)                                                               /* quotas besides */
        forecast_add(&f, &gcp_operations[GCP_API_TIME_SERIES].api, project,
                     (double)(n_gcp_metrics + 4) * forecast_a_minute(c->metrics.when.interval_ms) +
                         (c->metrics.when.control ? (double)n_gcp_metrics * forecast_controls_a_minute() : 0),
                     SERIES_A_QUESTION);
    if (c->logs.enabled || c->audit.enabled)
        forecast_add(&f, &gcp_operations[GCP_API_ENTRIES].api, project,
                     (c->logs.enabled ? forecast_a_minute(c->logs.when.interval_ms) : 0) +
                         (c->audit.enabled ? forecast_a_minute(c->audit.when.interval_ms) : 0),
                     1);
    return f.n;
}
