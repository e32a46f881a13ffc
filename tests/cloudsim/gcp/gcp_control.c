/*
 * Sinks of Cloud Logging (what _Default leaves out never reaches a reader) and quotas of Vertex AI as the Cloud Quotas
 * API lists them (discovery.md 3.5): from specific to general, the one without dimensions last.
 */
#include "tests/cloudsim/gcp/gcp_api.h"

enum { QUOTA_ROWS = 3 };

/* ---- sinks ---- */

static void put_sink(struct buf *b, const struct gcp_project *p, const char *name, const char *filter)
{
    buf_printf(b,
               "{\"name\":\"%s\",\"destination\":\"logging.googleapis.com/projects/%.*s/locations/global/buckets/%s\",",
               name, SV_ARG(p->id), name);
    put_member(b, "filter", sv_of(filter));
    buf_printf(b, ",\"resourceName\":\"projects/%.*s/sinks/%s\"", SV_ARG(p->id), name);
}

void gcp_sinks(struct exchange *x)
{
    const struct gcp_project *p = gcp_request_of(x)->project;
    struct buf *b = gcp_reply(x);

    buf_put(b, SV("{\"sinks\":["));
    put_sink(b, p, "_Required",
             "LOG_ID(\"cloudaudit.googleapis.com/activity\") OR LOG_ID(\"externalaudit.googleapis.com/activity\") OR "
             "LOG_ID(\"cloudaudit.googleapis.com/system_event\")");
    buf_put(b, SV("},"));
    put_sink(b, p, "_Default",
             "NOT LOG_ID(\"cloudaudit.googleapis.com/activity\") AND NOT "
             "LOG_ID(\"cloudaudit.googleapis.com/system_event\")");
    if (p->index % 2)
        buf_put(
            b, SV(",\"exclusions\":[{\"name\":\"health-checks\",\"filter\":\"httpRequest.requestUrl:\\\"/healthz\\\"\","
                  "\"createTime\":\"2026-01-05T10:00:00Z\"}]"));
    buf_put(b, SV("}]}\n"));
}

/* ---- quotas ---- */

/* clang-format off */
static const struct { const char *name, *id; unsigned most, usual; } quotas[QUOTA_ROWS] = {
    { "online_prediction_requests_per_base_model",                 "OnlinePredictionRequestsPerMinutePerProjectPerRegionPerBaseModel",     650,    60 },
    { "online_prediction_input_tokens_per_minute_per_base_model",  "OnlinePredictionInputTokensPerMinutePerProjectPerRegionPerBaseModel",  790000, 50000 },
    { "online_prediction_output_tokens_per_minute_per_base_model", "OnlinePredictionOutputTokensPerMinutePerProjectPerRegionPerBaseModel", 120000, 8000 },
};
/* clang-format on */

static void put_dimensions(struct exchange *x, struct buf *b, unsigned row)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    const struct gcp_project *p = gcp_request_of(x)->project;

    for (unsigned i = 0; i < p->n_deployments; i++) {
        const struct gcp_deployment *d = &w->deployments[p->first_deployment + i];
        sv base = d->model_user_id;

        if (d->kind != GCP_MANAGED || d->location->reach != GCP_REGION)
            continue;
        if (sv_ends(base, SV("-maas")))
            base.len -= strlen("-maas");
        buf_printf(b,
                   "{\"dimensions\":{\"region\":\"%.*s\",\"base_model\":\"%.*s\"},\"details\":{\"value\":\"%u\"},"
                   "\"applicableLocations\":[\"%.*s\"]},",
                   SV_ARG(d->location->name), SV_ARG(base), quotas[row].most, SV_ARG(d->location->name));
    }
    buf_printf(b, "{\"details\":{\"value\":\"%u\"},\"applicableLocations\":[\"us-central1\",\"europe-west4\"]}",
               quotas[row].usual);
}

static void put_quota(struct exchange *x, struct buf *b, unsigned row)
{
    buf_printf(
        b,
        "{\"name\":\"projects/%.*s/locations/global/services/aiplatform.googleapis.com/quotaInfos/%s\","
        "\"quotaId\":\"%s\",\"metric\":\"aiplatform.googleapis.com/%s\",\"service\":\"aiplatform.googleapis.com\","
        "\"isPrecise\":true,\"refreshInterval\":\"minute\",\"containerType\":\"PROJECT\",\"dimensions\":[\"region\","
        "\"base_model\"],\"dimensionsInfos\":[",
        SV_ARG(gcp_request_of(x)->project->number), quotas[row].id, quotas[row].id, quotas[row].name);
    put_dimensions(x, b, row);
    buf_put(b, SV("]}"));
}

/* Two pages; the token is the number of the row that comes next. */
void gcp_quota_infos(struct exchange *x)
{
    sv token = query_of(x, "pageToken");
    bool second = sv_eq(token, SV("q2"));
    struct buf *b;

    if (token.len && !second) {
        gcp_refuse(x, "INVALID_ARGUMENT", "page_token", "The page token is not valid.");
        return;
    }
    if (!sv_eq(x->captures[1], SV("global")) || !sv_eq(x->captures[2], SV("aiplatform.googleapis.com"))) {
        gcp_refuse(x, "NOT_FOUND", NULL, "Service %.*s not found in location %.*s.", SV_ARG(x->captures[2]),
                   SV_ARG(x->captures[1]));
        return;
    }
    b = gcp_reply(x);
    buf_put(b, SV("{\"quotaInfos\":["));
    for (unsigned i = second ? 2 : 0; i < (second ? QUOTA_ROWS : 2); i++) {
        if (i != (second ? 2U : 0U))
            buf_putc(b, ',');
        put_quota(x, b, i);
    }
    buf_put(b, second ? SV("]}\n") : SV("],\"nextPageToken\":\"q2\"}\n"));
}
