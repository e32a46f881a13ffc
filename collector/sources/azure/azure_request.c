/*
 * What to ask, as URL and body. Pure, so that each form can be read in a test beside Azure's own documentation.
 *
 * Versions are the newest that azure.md and discovery.md name. Parameter names differ between the two metric APIs
 * ($filter and filter, timespan and starttime/endtime); `top` is always sent, since its default of 10 series loses the
 * rest silently. Values are percent-encoded whole; ids of ARM keep their slashes.
 */
#include "collector/base/clock.h"
#include "collector/sources/azure/azure.h"

/* Token buckets: Resource Manager has 250 reads and refills 25 a second per subscription and principal; metric
 * definitions 400 per 5 minutes; the logs API 200 per 30 s. The limit of metrics:getBatch is not published: we stay
 * modest. No list price of any of these calls is known to us: 0. */
/* clang-format off */
const struct api azure_apis[AZURE_APIS] = {
    /*                            name                    burst  per_s       usd_nano */
    [AZURE_API_SUBSCRIPTIONS] = { "subscriptions",        250,   25,         0 },
    [AZURE_API_DESCENDANTS]   = { "descendants",          250,   25,         0 },
    [AZURE_API_ACCOUNTS]      = { "accounts",             250,   25,         0 },
    [AZURE_API_DEPLOYMENTS]   = { "deployments",          250,   25,         0 },
    [AZURE_API_DIAGNOSTICS]   = { "diagnosticSettings",   250,   25,         0 },
    [AZURE_API_DEFINITIONS]   = { "metricDefinitions",    400,   400 / 300., 0 },
    [AZURE_API_USAGES]        = { "usages",               250,   25,         0 },
    [AZURE_API_METRICS]       = { "metrics",              250,   25,         0 },
    [AZURE_API_BATCH]         = { "metrics:getBatch",     100,   20,         0 },
    [AZURE_API_LOGS]          = { "query",                200,   200 / 30.,  0 },
    [AZURE_API_ACTIVITY]      = { "activityLog",          250,   25,         0 },
};
/* clang-format on */

static void put(struct buf *out, const char *text)
{
    buf_put(out, sv_of(text));
}

static void escaped(struct buf *out, const char *name, sv value)
{
    put(out, name);
    http_escape(out, value);
}

static void subscription_path(struct buf *out, sv arm, sv subscription)
{
    buf_put(out, arm);
    put(out, "/subscriptions/");
    http_escape(out, subscription);
}

static void resource_path(struct buf *out, sv arm, sv id, const char *rest)
{
    buf_put(out, arm);
    http_escape_path(out, id);
    put(out, rest);
}

void azure_url_subscriptions(struct buf *out, sv arm)
{
    buf_put(out, arm);
    put(out, "/subscriptions?api-version=2022-12-01");
}

void azure_url_descendants(struct buf *out, sv arm, sv management_group)
{
    buf_put(out, arm);
    escaped(out, "/providers/Microsoft.Management/managementGroups/", management_group);
    put(out, "/descendants?api-version=2020-05-01");
}

void azure_url_accounts(struct buf *out, sv arm, sv subscription)
{
    subscription_path(out, arm, subscription);
    put(out, "/providers/Microsoft.CognitiveServices/accounts?api-version=2024-10-01");
}

void azure_url_deployments(struct buf *out, sv arm, sv account_id)
{
    resource_path(out, arm, account_id, "/deployments?api-version=2024-10-01");
}

void azure_url_diagnostics(struct buf *out, sv arm, sv resource_id)
{
    resource_path(out, arm, resource_id,
                  "/providers/Microsoft.Insights/diagnosticSettings?api-version=2021-05-01-preview");
}

void azure_url_definitions(struct buf *out, sv arm, sv resource_id)
{
    resource_path(out, arm, resource_id, "/providers/Microsoft.Insights/metricDefinitions?api-version=2024-02-01");
}

void azure_url_usages(struct buf *out, sv arm, sv subscription, sv location)
{
    subscription_path(out, arm, subscription);
    escaped(out, "/providers/Microsoft.CognitiveServices/locations/", location);
    put(out, "/usages?api-version=2024-10-01");
}

/* ---- metrics ---- */

void azure_duration(struct buf *out, int64_t ms)
{
    int64_t minutes = ms / 60000;

    if (minutes % 1440 == 0 && minutes > 0)
        buf_printf(out, "P%dD", (int)(minutes / 1440));
    else if (minutes % 60 == 0 && minutes > 0)
        buf_printf(out, "PT%dH", (int)(minutes / 60));
    else
        buf_printf(out, "PT%dM", (int)minutes);
}

/* Names that go into one parameter; a comma inside a name is written %2 there, which no name of ours has. */
static void names(struct buf *out, const char *parameter, const sv *at, size_t n)
{
    put(out, parameter);
    for (size_t i = 0; i < n; i++) {
        if (i)
            put(out, "%2C");
        http_escape(out, at[i]);
    }
}

/* A quote inside a value is doubled, as in OData. */
static void filter_value(struct buf *out, sv value)
{
    put(out, "%27");
    while (value.len) {
        size_t n = sv_find(value, '\'');

        http_escape(out, sv_first(value, n));
        if (n < value.len)
            put(out, "%27%27");
        value = sv_skip(value, n + 1);
    }
    put(out, "%27");
}

static void filter(struct buf *out, const char *parameter, const struct azure_query *q)
{
    put(out, parameter);
    for (size_t i = 0; i < q->n_dimensions; i++) {
        sv value = q->dimensions[i], name = sv_cut(&value, '=');

        if (q->deployment.len && sv_eq_nocase(name, SV("ModelDeploymentName")))
            value = q->deployment;
        if (i)
            put(out, "%20and%20");
        http_escape(out, name);
        put(out, "%20eq%20");
        filter_value(out, value.len ? value : SV("*"));
    }
}

/* What both APIs share. */
static void query(struct buf *out, const char *filter_name, const struct azure_query *q)
{
    names(out, "&metricnames=", q->metrics, q->n_metrics);
    escaped(out, "&metricnamespace=", SV("Microsoft.CognitiveServices/accounts"));
    escaped(out, "&aggregation=", q->aggregation);
    put(out, "&interval=");
    azure_duration(out, q->interval_ms);
    if (q->n_dimensions) {
        filter(out, filter_name, q);
        buf_printf(out, "&top=%u", q->top);
    }
}

static void instant(struct buf *out, int64_t unix_nano, unsigned digits)
{
    struct buf text;

    buf_init(&text, 4096);
    buf_time(&text, unix_nano, digits);
    http_escape(out, buf_sv(&text));
    buf_done(&text);
}

void azure_url_metrics(struct buf *out, sv arm, sv resource_id, const struct azure_query *q)
{
    resource_path(out, arm, resource_id, "/providers/Microsoft.Insights/metrics?api-version=2024-02-01");
    query(out, "&%24filter=", q);
    put(out, "&timespan=");
    instant(out, q->from_unix_nano, 0);
    put(out, "%2F");
    instant(out, q->to_unix_nano, 0);
}

void azure_url_batch(struct buf *out, sv base, sv region, sv subscription, const struct azure_query *q)
{
    size_t hole = 0;

    while (hole < base.len && !sv_starts(sv_skip(base, hole), SV("{region}")))
        hole++;
    buf_put(out, sv_first(base, hole));
    if (hole < base.len) {
        http_escape(out, region);
        buf_put(out, sv_skip(base, hole + strlen("{region}")));
    }
    escaped(out, "/subscriptions/", subscription);
    put(out, "/metrics:getBatch?api-version=2024-02-01");
    query(out, "&filter=", q);
    put(out, "&starttime=");
    instant(out, q->from_unix_nano, 3);
    put(out, "&endtime=");
    instant(out, q->to_unix_nano, 3);
}

void azure_body_batch(struct buf *out, const sv *resource_ids, size_t n)
{
    put(out, "{\"resourceids\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(out, ',');
        buf_json(out, resource_ids[i]);
    }
    put(out, "]}");
}
