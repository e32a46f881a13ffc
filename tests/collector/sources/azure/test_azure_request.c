/* Each question as Azure's documentation spells it. */
#include "collector/base/clock.h"
#include "collector/sources/azure/azure.h"

#include "tests/tap.h"

#define ARM     SV("https://management.azure.com")
#define SUB     "00000000-0000-0000-0000-0000000000a1"
#define ACCOUNT "/subscriptions/" SUB "/resourceGroups/rg-ai/providers/Microsoft.CognitiveServices/accounts/aoai-demo"

static bool is(struct buf *b, const char *want)
{
    bool same = sv_eq(buf_sv(b), sv_of(want)) && !b->failed;

    if (!same)
        printf("# got  %.*s\n# want %s\n", SV_ARG(buf_sv(b)), want);
    buf_done(b);
    return same;
}

static struct azure_query tokens(void)
{
    int64_t from = 0;

    (void)sv_to_time(SV("2026-11-20T10:00:00Z"), &from);
    return (struct azure_query){ .metrics = { SV("InputTokens"), SV("OutputTokens") },
                                 .n_metrics = 2,
                                 .dimensions = { SV("ModelDeploymentName"), SV("ModelName") },
                                 .n_dimensions = 2,
                                 .aggregation = SV("average,maximum"),
                                 .interval_ms = 60000,
                                 .from_unix_nano = from,
                                 .to_unix_nano = from + 5 * NANO_PER_MIN,
                                 .top = 1000 };
}

static void discovery_has_one_address_each(void)
{
    struct buf b = { 0 };

    azure_url_subscriptions(&b, ARM);
    OK(is(&b, "https://management.azure.com/subscriptions?api-version=2022-12-01"));
    azure_url_descendants(&b, ARM, SV("mg ai"));
    OK(is(&b, "https://management.azure.com/providers/Microsoft.Management/managementGroups/mg%20ai/descendants"
              "?api-version=2020-05-01"));
    azure_url_accounts(&b, ARM, SV(SUB));
    OK(is(&b, "https://management.azure.com/subscriptions/" SUB
              "/providers/Microsoft.CognitiveServices/accounts?api-version=2024-10-01"));
    azure_url_deployments(&b, ARM, SV(ACCOUNT));
    OK(is(&b, "https://management.azure.com" ACCOUNT "/deployments?api-version=2024-10-01"));
    azure_url_diagnostics(&b, ARM, SV(ACCOUNT));
    OK(is(&b, "https://management.azure.com" ACCOUNT
              "/providers/Microsoft.Insights/diagnosticSettings?api-version=2021-05-01-preview"));
    azure_url_definitions(&b, ARM, SV(ACCOUNT));
    OK(is(&b, "https://management.azure.com" ACCOUNT
              "/providers/Microsoft.Insights/metricDefinitions?api-version=2024-02-01"));
    azure_url_usages(&b, ARM, SV(SUB), SV("eastus2"));
    OK(is(&b, "https://management.azure.com/subscriptions/" SUB
              "/providers/Microsoft.CognitiveServices/locations/eastus2/usages?api-version=2024-10-01"));
}

static void metrics_of_one_resource_always_say_top(void)
{
    struct azure_query q = tokens();
    struct buf b = { 0 };

    azure_url_metrics(&b, ARM, SV(ACCOUNT), &q);
    OK(is(&b, "https://management.azure.com" ACCOUNT "/providers/Microsoft.Insights/metrics?api-version=2024-02-01"
              "&metricnames=InputTokens%2COutputTokens&metricnamespace=Microsoft.CognitiveServices%2Faccounts"
              "&aggregation=average%2Cmaximum&interval=PT1M"
              "&%24filter=ModelDeploymentName%20eq%20%27%2A%27%20and%20ModelName%20eq%20%27%2A%27&top=1000"
              "&timespan=2026-11-20T10%3A00%3A00Z%2F2026-11-20T10%3A05%3A00Z"));
}

static void a_batch_names_region_and_milliseconds(void)
{
    struct azure_query q = tokens();
    struct buf b = { 0 };
    sv ids[] = { SV("/subscriptions/a"), SV("/subscriptions/\"b\"") };

    q.n_metrics = 1;
    q.n_dimensions = 1;
    azure_url_batch(&b, SV("https://{region}.metrics.monitor.azure.com"), SV("eastus2"), SV(SUB), &q);
    OK(is(&b, "https://eastus2.metrics.monitor.azure.com/subscriptions/" SUB "/metrics:getBatch?api-version=2024-02-01"
              "&metricnames=InputTokens&metricnamespace=Microsoft.CognitiveServices%2Faccounts"
              "&aggregation=average%2Cmaximum&interval=PT1M&filter=ModelDeploymentName%20eq%20%27%2A%27&top=1000"
              "&starttime=2026-11-20T10%3A00%3A00.000Z&endtime=2026-11-20T10%3A05%3A00.000Z"));
    azure_url_batch(&b, SV("https://127.0.0.1:9"), SV("eastus2"), SV(SUB), &q);
    OK(sv_starts(buf_sv(&b), SV("https://127.0.0.1:9/subscriptions/" SUB "/metrics:getBatch?")));
    buf_clear(&b);
    azure_body_batch(&b, ids, 2);
    OK(is(&b, "{\"resourceids\":[\"/subscriptions/a\",\"/subscriptions/\\\"b\\\"\"]}"));
}

static void one_deployment_can_be_asked_alone(void)
{
    struct azure_query q = tokens();
    struct buf b = { 0 };

    q.deployment = SV("it's&more");
    azure_url_metrics(&b, ARM, SV(ACCOUNT), &q);
    OK(sv_has(buf_sv(&b), SV("ModelDeploymentName%20eq%20%27it%27%27s%26more%27%20and%20ModelName%20eq%20%27%2A%27&")));
    buf_done(&b);
}

static void a_dimension_can_be_held_to_one_value(void)
{
    struct azure_query q = tokens();
    struct buf b = { 0 };

    q.dimensions[1] = SV("StreamType=Streaming");
    azure_url_metrics(&b, ARM, SV(ACCOUNT), &q);
    OK(sv_has(buf_sv(&b), SV("ModelDeploymentName%20eq%20%27%2A%27%20and%20StreamType%20eq%20%27Streaming%27&top=")));
    buf_done(&b);
}

static void without_dimensions_there_is_no_filter_and_no_top(void)
{
    struct azure_query q = tokens();
    struct buf b = { 0 };

    q.n_dimensions = 0;
    azure_url_metrics(&b, ARM, SV(ACCOUNT), &q);
    OK(!sv_has(buf_sv(&b), SV("filter")) && !sv_has(buf_sv(&b), SV("top")));
    buf_done(&b);
}

static void grains_are_iso_durations(void)
{
    struct buf b = { 0 };

    azure_duration(&b, 60000);
    OK(is(&b, "PT1M"));
    azure_duration(&b, 15 * 60000);
    OK(is(&b, "PT15M"));
    azure_duration(&b, 3600000);
    OK(is(&b, "PT1H"));
    azure_duration(&b, 86400000);
    OK(is(&b, "P1D"));
}

int main(void)
{
    RUN(discovery_has_one_address_each);
    RUN(metrics_of_one_resource_always_say_top);
    RUN(a_batch_names_region_and_milliseconds);
    RUN(one_deployment_can_be_asked_alone);
    RUN(a_dimension_can_be_held_to_one_value);
    RUN(without_dimensions_there_is_no_filter_and_no_top);
    RUN(grains_are_iso_durations);
    return tap_done();
}
