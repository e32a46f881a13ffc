/*
 * What to ask of Cloud Logging. The clock of a reading is receiveTimestamp, since an entry's own time is its writer's and
 * entries come minutes late; timestamp is bounded all the same, for a search that is not takes minutes (gcp.md 2.1). The
 * service is part of the filter, not the resource type, which differs between kinds of calls.
 */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp.h"

enum { ENTRIES_A_PAGE = 1000, TIME_DIGITS = 9 };

/* clang-format off */
static const char *const conditions[] = {
    [GCP_LOG_DATA_ACCESS] =
        "log_id(\"cloudaudit.googleapis.com/data_access\") AND protoPayload.serviceName = \"" GCP_SERVICE "\""
        " AND protoPayload.methodName : \"PredictionService\"",
    [GCP_LOG_ACTIVITY] =
        "log_id(\"cloudaudit.googleapis.com/activity\") AND (protoPayload.serviceName = \"" GCP_SERVICE "\""
        " OR protoPayload.methodName : \"SetIamPolicy\" OR protoPayload.methodName : \"CreateServiceAccountKey\""
        " OR protoPayload.methodName : \"UpdateSink\" OR protoPayload.methodName : \"DeleteSink\""
        " OR protoPayload.methodName : \"UpdateBucket\" OR protoPayload.methodName : \"CreateExclusion\""
        " OR protoPayload.methodName : \"EnableService\" OR protoPayload.methodName : \"DisableService\""
        " OR protoPayload.methodName : \"CreateKey\")",
};
/* clang-format on */

void gcp_path_entries(struct buf *out)
{
    buf_put(out, SV("/v2/entries:list"));
}

static void put_bound(struct buf *filter, const char *what, int64_t unix_nano)
{
    buf_printf(filter, " AND %s \"", what);
    buf_time(filter, unix_nano, TIME_DIGITS);
    buf_putc(filter, '"');
}

/* A whole name has {project} where ours stands; a bare id is one of the _Default bucket. */
static void put_view(struct buf *b, const char *view, sv project)
{
    static const sv mark = SVT("{project}");
    sv rest = sv_of(view);

    if (sv_find(rest, '/') == rest.len) {
        buf_printf(b, "projects/%.*s/locations/global/buckets/_Default/views/%s", SV_ARG(project), view);
        return;
    }
    while (rest.len) {
        if (sv_starts(rest, mark)) {
            buf_put(b, project);
            rest = sv_skip(rest, mark.len);
        } else {
            buf_putc(b, rest.at[0]);
            rest = sv_skip(rest, 1);
        }
    }
}

static void put_resource(struct buf *out, const struct gcp_log_query *q)
{
    struct buf name;

    buf_init(&name, 2048);
    if (q->view && q->log == GCP_LOG_DATA_ACCESS)
        put_view(&name, q->view, q->project);
    else
        buf_printf(&name, "projects/%.*s", SV_ARG(q->project));
    buf_json(out, buf_sv(&name));
    out->failed = out->failed || name.failed;
    buf_done(&name);
}

void gcp_body_entries(struct buf *out, const struct gcp_log_query *q)
{
    struct buf filter;

    buf_init(&filter, 8192);
    buf_put(&filter, sv_of(conditions[q->log]));
    put_bound(&filter, "receiveTimestamp >=", q->from_unix_nano);
    put_bound(&filter, "receiveTimestamp <", q->to_unix_nano);
    put_bound(&filter, "timestamp >=", q->from_unix_nano - q->lateness_nano);
    buf_put(out, SV("{\"resourceNames\":["));
    put_resource(out, q);
    buf_put(out, SV("],\"filter\":"));
    buf_json(out, buf_sv(&filter));
    buf_printf(out, ",\"orderBy\":\"timestamp asc\",\"pageSize\":%d", ENTRIES_A_PAGE);
    if (q->page.len) {
        buf_put(out, SV(",\"pageToken\":"));
        buf_json(out, q->page);
    }
    buf_putc(out, '}');
    out->failed = out->failed || filter.failed;
    buf_done(&filter);
}
