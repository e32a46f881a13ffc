/*
 * What to ask of Cloud Monitoring and Resource Manager, and the table of APIs. Pure, so that each form can be read in a test
 * beside Google's own documentation.
 *
 * A question names exactly one metric type (two are a 400) and lets Monitoring add up over all labels that are none of ours:
 * ALIGN_SUM with a period of a minute invents nothing over gaps, as ALIGN_DELTA would (gcp.md 2.4). Intervals are
 * (start, end] there, so minutes [from, to) are asked for with just these two instants. Periods end at the interval's end and
 * go backwards from there: hours are whole ones when the end is.
 */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp.h"

enum { POINTS_A_PAGE = 20000, DESCRIPTORS_A_PAGE = 1000, PROJECTS_A_PAGE = 300 };

/* Bursts and rates are those of the project's quotas: 6000 queries a minute were seen for Monitoring, 60 reads a minute for
 * Logging, which other readers share (gcp.md 2.1, 2.4). Others publish none that we could reach. Reads of Monitoring
 * cost USD 0.50 for a million series returned, one at least for a question, since 2025-10-02; the first million of a month and
 * billing account are free, which is not taken off here (cloud.google.com/stackdriver/pricing). Reads of Logging are
 * free; of the others no price is known to us. */
/* clang-format off */
#define ON_PROJECT " on the project (or on a folder above it)"
const struct gcp_operation gcp_operations[GCP_APIS] = {
    [GCP_API_TIME_SERIES]     = { { "monitoring:timeSeries.list",        50, 50, 500 }, "monitoring",           "grant roles/monitoring.viewer" ON_PROJECT,
                                  "monitoring.timeSeries.list" },
    [GCP_API_DESCRIPTORS]     = { { "monitoring:metricDescriptors.list", 10, 5, 0 },  "monitoring",           "grant roles/monitoring.viewer" ON_PROJECT,
                                  "monitoring.metricDescriptors.list" },
    [GCP_API_ENTRIES]         = { { "logging:entries.list",              5, 0.8, 0 }, "logging",              "grant roles/logging.privateLogViewer, or roles/logging.viewAccessor on the view that log_view names," ON_PROJECT,
                                  "logging.logEntries.list logging.privateLogEntries.list" },
    [GCP_API_SEARCH_PROJECTS] = { { "resourcemanager:projects.search",   5, 2, 0 },   "cloudresourcemanager", "grant roles/browser on the organization, the folder or the projects",
                                  "resourcemanager.projects.get" },
    [GCP_API_LIST_PROJECTS]   = { { "resourcemanager:projects.list",     5, 2, 0 },   "cloudresourcemanager", "grant roles/browser on the folder that discover names",
                                  "resourcemanager.projects.list" },
    [GCP_API_LIST_FOLDERS]    = { { "resourcemanager:folders.list",      5, 2, 0 },   "cloudresourcemanager", "grant roles/browser on the folder that discover names",
                                  "resourcemanager.folders.list" },
    [GCP_API_GET_PROJECT]     = { { "resourcemanager:projects.get",      5, 2, 0 },   "cloudresourcemanager", "grant roles/browser" ON_PROJECT,
                                  "resourcemanager.projects.get" },
    [GCP_API_IAM_POLICY]      = { { "resourcemanager:getIamPolicy",      5, 2, 0 },   "cloudresourcemanager", "grant roles/iam.securityReviewer on the project and on what is above it",
                                  "resourcemanager.projects.getIamPolicy resourcemanager.folders.getIamPolicy resourcemanager.organizations.getIamPolicy" },
};
/* clang-format on */

static void parameter(struct buf *out, const char *name, sv value)
{
    if (value.len == 0)
        return;
    buf_printf(out, "&%s=", name);
    http_escape(out, value);
}

/* A string of the filter language: `service` is ours, `text` anybody's. */
static void put_quoted(struct buf *b, const char *service, sv text)
{
    buf_printf(b, "\"%s", service);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            buf_putc(b, '\\');
        buf_putc(b, text.at[i]);
    }
    buf_putc(b, '"');
}

static void put_publishers(struct buf *b, const struct string_list *publishers)
{
    buf_put(b, SV(" AND resource.labels.publisher = one_of("));
    for (size_t i = 0; i < publishers->n; i++) {
        if (i)
            buf_put(b, SV(", "));
        put_quoted(b, "", sv_of(publishers->at[i]));
    }
    buf_putc(b, ')');
}

static void put_filter(struct buf *out, const struct gcp_query *q)
{
    struct buf filter;

    buf_init(&filter, 4096);
    buf_put(&filter, SV("metric.type = "));
    put_quoted(&filter, GCP_SERVICE "/", q->type);
    if (q->labels & GCP_BIT(GCP_PUBLISHER) && q->publishers && q->publishers->n)
        put_publishers(&filter, q->publishers);
    if (q->latency)
        buf_printf(&filter, " AND metric.labels.latency_type = \"%s\"", q->latency);
    buf_put(out, SV("?filter="));
    http_escape(out, buf_sv(&filter));
    out->failed = out->failed || filter.failed;
    buf_done(&filter);
}

static void put_instant(struct buf *out, const char *name, int64_t unix_nano)
{
    struct buf text;

    buf_init(&text, 64);
    buf_time(&text, unix_nano, 0);
    parameter(out, name, buf_sv(&text));
    buf_done(&text);
}

static void put_aggregation(struct buf *out, unsigned labels, int64_t period_nano)
{
    buf_printf(out,
               "&aggregation.alignmentPeriod=%llds&aggregation.perSeriesAligner=ALIGN_SUM"
               "&aggregation.crossSeriesReducer=REDUCE_SUM",
               (long long)((period_nano ? period_nano : NANO_PER_MIN) / NANO_PER_S));
    for (int i = 0; i < GCP_LABELS; i++)
        if (labels & GCP_BIT(i))
            buf_printf(out, "&aggregation.groupByFields=%s.labels.%.*s", gcp_labels[i].resource ? "resource" : "metric",
                       SV_ARG(gcp_labels[i].name));
}

void gcp_path_time_series(struct buf *out, const struct gcp_query *q)
{
    buf_put(out, SV("/v3/projects/"));
    http_escape(out, q->project);
    buf_put(out, SV("/timeSeries"));
    put_filter(out, q);
    put_instant(out, "interval.startTime", q->from_unix_nano);
    put_instant(out, "interval.endTime", q->to_unix_nano);
    if (q->labels)
        put_aggregation(out, q->labels, q->period_nano);
    buf_printf(out, "&pageSize=%d", POINTS_A_PAGE);
    parameter(out, "pageToken", q->page);
}

void gcp_path_descriptors(struct buf *out, sv project, sv page)
{
    buf_put(out, SV("/v3/projects/"));
    http_escape(out, project);
    buf_put(out, SV("/metricDescriptors?filter="));
    http_escape(out, SV("metric.type = starts_with(\"" GCP_SERVICE "/\")"));
    buf_printf(out, "&activeOnly=true&pageSize=%d", DESCRIPTORS_A_PAGE);
    parameter(out, "pageToken", page);
}

void gcp_path_search_projects(struct buf *out, sv page)
{
    buf_printf(out, "/v3/projects:search?pageSize=%d", PROJECTS_A_PAGE);
    parameter(out, "pageToken", page);
}

static void put_children(struct buf *out, const char *what, sv parent, sv page)
{
    buf_printf(out, "/v3/%s?parent=", what);
    http_escape(out, parent);
    buf_printf(out, "&pageSize=%d", PROJECTS_A_PAGE);
    parameter(out, "pageToken", page);
}

void gcp_path_list_projects(struct buf *out, sv parent, sv page)
{
    put_children(out, "projects", parent, page);
}

void gcp_path_list_folders(struct buf *out, sv parent, sv page)
{
    put_children(out, "folders", parent, page);
}

void gcp_path_project(struct buf *out, sv project)
{
    buf_put(out, SV("/v3/projects/"));
    http_escape(out, project);
}

void gcp_path_iam_policy(struct buf *out, sv resource)
{
    buf_put(out, SV("/v3/"));
    http_escape_path(out, resource);
    buf_put(out, SV(":getIamPolicy"));
}

void gcp_body_iam_policy(struct buf *out)
{
    buf_put(out, SV("{\"options\":{\"requestedPolicyVersion\":3}}"));
}
