/* Paths and bodies as Google's documents have them. */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp.h"

#include "tests/tap.h"

#define FROM INT64_C(1795469400000000000) /* 2026-11-23T21:30:00Z */

static struct buf out;

static bool is(const char *want)
{
    bool same = sv_eq(buf_sv(&out), sv_of(want)) && !out.failed;

    if (!same)
        printf("# %.*s\n", SV_ARG(buf_sv(&out)));
    buf_clear(&out);
    return same;
}

static void a_question_names_one_metric_and_groups_by_our_labels(void)
{
    static const char *const names[] = { "openai", "a\"b" };
    const struct string_list publishers = { (const char **)(uintptr_t)names, 2 };
    const struct gcp_metric *m =
        &gcp_metrics[gcp_metric_find(SV("publisher/online_serving/model_invocation_latencies"))];
    struct gcp_query q = { .project = SV("p/1"),
                           .type = sv_of(m->type),
                           .latency = m->latency,
                           .labels = m->labels,
                           .publishers = &publishers,
                           .from_unix_nano = FROM,
                           .to_unix_nano = FROM + 5 * NANO_PER_MIN,
                           .page = SV_NONE };

    gcp_path_time_series(&out, &q);
    OK(is("/v3/projects/p%2F1/"
          "timeSeries?filter=metric.type%20%3D%20%22aiplatform.googleapis.com%2Fpublisher%2Fonline_serving%2F"
          "model_invocation_latencies%22%20AND%20resource.labels.publisher%20%3D%20one_of%28%22openai%22%2C%20%22a%5C%"
          "22b%22%29"
          "%20AND%20metric.labels.latency_type%20%3D%20%22model%22&interval.startTime=2026-11-23T21%3A30%3A00Z"
          "&interval.endTime=2026-11-23T21%3A35%3A00Z&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner="
          "ALIGN_SUM"
          "&aggregation.crossSeriesReducer=REDUCE_SUM&aggregation.groupByFields=resource.labels.location"
          "&aggregation.groupByFields=resource.labels.publisher&aggregation.groupByFields=resource.labels.model_user_id"
          "&pageSize=20000"));
    q = (struct gcp_query){ .project = SV("p"),
                            .type = SV("quota/x/limit"),
                            .from_unix_nano = FROM,
                            .to_unix_nano = FROM + NANO_PER_MIN,
                            .page = SV("a&b") };
    gcp_path_time_series(&out, &q);
    OK(is("/v3/projects/p/timeSeries?filter=metric.type%20%3D%20%22aiplatform.googleapis.com%2Fquota%2Fx%2Flimit%22"
          "&interval.startTime=2026-11-23T21%3A30%3A00Z&interval.endTime=2026-11-23T21%3A31%3A00Z&pageSize=20000&"
          "pageToken=a%26b"));
}

static void hours_are_aligned_to_themselves(void)
{
    struct gcp_query q = { .project = SV("p"),
                           .type = SV("quota/x/usage"),
                           .labels = GCP_QUOTA_LABELS,
                           .from_unix_nano = FROM - 30 * NANO_PER_MIN,
                           .to_unix_nano = FROM + 150 * NANO_PER_MIN,
                           .period_nano = NANO_PER_H,
                           .page = SV_NONE };

    gcp_path_time_series(&out, &q);
    OK(is("/v3/projects/p/timeSeries?filter=metric.type%20%3D%20%22aiplatform.googleapis.com%2Fquota%2Fx%2Fusage%22"
          "&interval.startTime=2026-11-23T21%3A00%3A00Z&interval.endTime=2026-11-24T00%3A00%3A00Z"
          "&aggregation.alignmentPeriod=3600s&aggregation.perSeriesAligner=ALIGN_SUM"
          "&aggregation.crossSeriesReducer=REDUCE_SUM&aggregation.groupByFields=resource.labels.location"
          "&aggregation.groupByFields=metric.labels.base_model&pageSize=20000"));
}

static void listings(void)
{
    gcp_path_descriptors(&out, SV("p"), SV_NONE);
    OK(is("/v3/projects/p/"
          "metricDescriptors?filter=metric.type%20%3D%20starts_with%28%22aiplatform.googleapis.com%2F%22%29"
          "&activeOnly=true&pageSize=1000"));
    gcp_path_search_projects(&out, SV("t"));
    OK(is("/v3/projects:search?pageSize=300&pageToken=t"));
    gcp_path_list_projects(&out, SV("folders/42"), SV_NONE);
    OK(is("/v3/projects?parent=folders%2F42&pageSize=300"));
    gcp_path_list_folders(&out, SV("organizations/7"), SV_NONE);
    OK(is("/v3/folders?parent=organizations%2F7&pageSize=300"));
    gcp_path_project(&out, SV("p"));
    OK(is("/v3/projects/p"));
    gcp_path_iam_policy(&out, SV("folders/42"));
    OK(is("/v3/folders/42:getIamPolicy"));
}

static void entries_are_asked_for_by_the_time_of_receipt(void)
{
    struct gcp_log_query q = { .log = GCP_LOG_DATA_ACCESS,
                               .project = SV("p1"),
                               .from_unix_nano = FROM,
                               .to_unix_nano = FROM + NANO_PER_MIN,
                               .lateness_nano = NANO_PER_H,
                               .page = SV_NONE };

    gcp_body_entries(&out, &q);
    OK(is("{\"resourceNames\":[\"projects/p1\"],\"filter\":\"log_id(\\\"cloudaudit.googleapis.com/data_access\\\") AND "
          "protoPayload.serviceName = \\\"aiplatform.googleapis.com\\\" AND protoPayload.methodName : "
          "\\\"PredictionService\\\""
          " AND receiveTimestamp >= \\\"2026-11-23T21:30:00.000000000Z\\\" AND receiveTimestamp < "
          "\\\"2026-11-23T21:31:00.000000000Z\\\" AND timestamp >= \\\"2026-11-23T20:30:00.000000000Z\\\"\","
          "\"orderBy\":\"timestamp asc\",\"pageSize\":1000}"));
}

static bool asks(const char *view, enum gcp_log log, const char *want)
{
    struct gcp_log_query q = { .log = log, .project = SV("p1"), .view = view, .page = SV("next") };
    bool good;

    gcp_body_entries(&out, &q);
    good = sv_has(buf_sv(&out), sv_of(want)) && sv_has(buf_sv(&out), SV("\"pageToken\":\"next\""));
    if (!good)
        printf("# %.*s\n", SV_ARG(buf_sv(&out)));
    buf_clear(&out);
    return good;
}

static void a_view_takes_the_place_of_the_project_for_calls_alone(void)
{
    OK(asks("audit-ai", GCP_LOG_DATA_ACCESS, "[\"projects/p1/locations/global/buckets/_Default/views/audit-ai\"]"));
    OK(asks("projects/{project}/locations/eu/buckets/b/views/v", GCP_LOG_DATA_ACCESS,
            "[\"projects/p1/locations/eu/buckets/b/views/v\"]"));
    OK(asks("projects/central/locations/eu/buckets/b/views/v", GCP_LOG_DATA_ACCESS,
            "[\"projects/central/locations/eu/buckets/b/views/v\"]"));
    OK(asks("audit-ai", GCP_LOG_ACTIVITY, "[\"projects/p1\"]"));
}

int main(void)
{
    buf_init(&out, 0);
    RUN(a_question_names_one_metric_and_groups_by_our_labels);
    RUN(hours_are_aligned_to_themselves);
    RUN(listings);
    RUN(entries_are_asked_for_by_the_time_of_receipt);
    RUN(a_view_takes_the_place_of_the_project_for_calls_alone);
    buf_done(&out);
    return tap_done();
}
