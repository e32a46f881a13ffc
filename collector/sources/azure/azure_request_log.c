/*
 * Requests for logs. The cursor of Log Analytics is ingestion_time(): rows of one call can be hours apart, and a filter
 * on TimeGenerated alone loses the late ones. TimeGenerated is bounded all the same, widely, since the table is
 * partitioned by it; it never lies more than two days before arrival (azure.md 2.3).
 *
 * Columns that no record has used yet do not exist in AzureDiagnostics, and naming one is a query error:
 * column_ifexists.
 */
#include "collector/base/clock.h"
#include "collector/net/http_client.h"
#include "collector/sources/azure/azure_log.h"

enum { TICK_DIGITS = 7 }; /* Azure's datetimes count 100 ns */

static const int64_t generated_before = 2 * 24 * NANO_PER_H, generated_after = 24 * NANO_PER_H;

const char *const azure_activity_providers[] = { "Microsoft.CognitiveServices", "Microsoft.Insights",
                                                 "Microsoft.Authorization", NULL };

void azure_log_url(struct buf *out, sv base_url, sv workspace_id)
{
    while (sv_ends(base_url, SV("/")))
        base_url.len--;
    buf_put(out, base_url);
    buf_put(out, SV("/v1/workspaces/"));
    http_escape(out, workspace_id);
    buf_put(out, SV("/query"));
}

static void put_condition(struct buf *b, const char *before, int64_t unix_nano)
{
    buf_printf(b, "%s datetime(", before);
    buf_time(b, unix_nano, TICK_DIGITS);
    buf_putc(b, ')');
}

static void put_query(struct buf *b, int64_t from, int64_t to)
{
    buf_put(b, SV("AzureDiagnostics\n"));
    put_condition(b, "| where TimeGenerated >", from - generated_before);
    put_condition(b, " and TimeGenerated <=", to + generated_after);
    buf_put(b, SV("\n| extend ingested = ingestion_time()\n"));
    put_condition(b, "| where ingested >", from);
    put_condition(b, " and ingested <=", to);
    buf_put(b, SV("\n| where ResourceProvider =~ \"MICROSOFT.COGNITIVESERVICES\""
                  " and Category in (\"RequestResponse\", \"AzureOpenAIRequestUsage\", \"Audit\")\n"
                  "| project ingested, TimeGenerated, Category, OperationName,"
                  " ResultSignature = column_ifexists(\"ResultSignature\", \"\"),"
                  " DurationMs = column_ifexists(\"DurationMs\", long(null)),"
                  " CallerIPAddress = column_ifexists(\"CallerIPAddress\", \"\"),"
                  " CorrelationId = column_ifexists(\"CorrelationId\", \"\"),"
                  " event_s = column_ifexists(\"event_s\", \"\"),"
                  " location_s = column_ifexists(\"location_s\", \"\"),"
                  " properties_s = column_ifexists(\"properties_s\", \"\"),"
                  " EnqueueTime = column_ifexists(\"EnqueueTime\", \"\"),"
                  " AdditionalFields = column_ifexists(\"AdditionalFields\", dynamic(null)),"
                  " _ResourceId\n"
                  "| order by ingested asc"));
}

void azure_log_body(struct buf *out, int64_t from_unix_nano, int64_t to_unix_nano)
{
    struct buf query;

    buf_init(&query, 16 << 10);
    put_query(&query, from_unix_nano, to_unix_nano);
    out->failed = out->failed || query.failed;
    buf_put(out, SV("{\"query\":"));
    buf_json(out, buf_sv(&query));
    buf_put(out, SV(",\"timespan\":\""));
    buf_time(out, from_unix_nano - generated_before, TICK_DIGITS);
    buf_putc(out, '/');
    buf_time(out, to_unix_nano + generated_after, TICK_DIGITS);
    buf_put(out, SV("\"}"));
    buf_done(&query);
}

/* The filter is no OData: these words in this order, literally (discovery.md 1.1). No $select: it cannot name `caller`.
 */
void azure_activity_url(struct buf *out, sv arm_url, sv subscription_id, sv provider, int64_t from_unix_nano,
                        int64_t to_unix_nano)
{
    struct buf filter;

    buf_init(&filter, 1024);
    buf_put(&filter, SV("eventTimestamp ge '"));
    buf_time(&filter, from_unix_nano, TICK_DIGITS);
    buf_put(&filter, SV("' and eventTimestamp le '"));
    buf_time(&filter, to_unix_nano, TICK_DIGITS);
    buf_put(&filter, SV("' and resourceProvider eq '"));
    buf_put(&filter, provider);
    buf_putc(&filter, '\'');
    out->failed = out->failed || filter.failed;
    while (sv_ends(arm_url, SV("/")))
        arm_url.len--;
    buf_put(out, arm_url);
    buf_put(out, SV("/subscriptions/"));
    http_escape(out, subscription_id);
    buf_put(out, SV("/providers/microsoft.insights/eventtypes/management/values?api-version=2015-04-01&$filter="));
    http_escape(out, buf_sv(&filter));
    buf_done(&filter);
}

bool azure_same_origin(sv link, sv base_url)
{
    char a[300], b[300];

    return http_origin(link, a, sizeof a) && http_origin(base_url, b, sizeof b) && strcmp(a, b) == 0;
}
