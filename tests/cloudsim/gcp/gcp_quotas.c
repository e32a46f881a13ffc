/* quotaInfos.list of Cloud Quotas: the limits that the quota metrics have, also where there was no traffic. */
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/gcp/gcp_metric.h"
#include "tests/cloudsim/gcp/gcp_page.h"

enum { PAGE_USUAL = 5 };

/* "The entries run from specific to general; one without `dimensions` is the default for all others." */
static void put_dimensions(struct buf *b, const struct gcp *g, const struct gcp_project *p, const struct gcp_metric *m)
{
    for (unsigned i = 0; i < p->n_deployments; i++) {
        const struct gcp_deployment *d = &g->world.deployments[p->first_deployment + i];
        struct gcp_sample limit;

        if (!gcp_metric_fits(m, d) || !gcp_sample_of(&g->world, m, d, NULL, 0, &limit))
            continue;
        buf_put(b, SV("{\"dimensions\":{"));
        put_member(b, "region", d->location->name);
        buf_putc(b, ',');
        put_member(b, "base_model", d->model_user_id);
        buf_printf(b, "},\"details\":{\"value\":\"%.0f\"},\"applicableLocations\":[\"%.*s\"]},", limit.value,
                   SV_ARG(d->location->name));
    }
    buf_put(b, SV("{\"details\":{\"value\":\"60\"},\"applicableLocations\":[\"global\"]}"));
}

static void put_info(struct buf *b, const struct gcp *g, const struct gcp_project *p, const struct gcp_metric *m)
{
    sv type = sv_of(m->type), metric = sv_first(type, type.len - strlen("/limit"));
    sv name = sv_skip(metric, sv_find_last(metric, '/') + 1);

    buf_printf(b,
               "{\"name\":\"projects/%.*s/locations/global/services/aiplatform.googleapis.com/quotaInfos/%.*s\","
               "\"quotaId\":\"%.*s\",\"metric\":\"aiplatform.googleapis.com/%.*s\",\"service\":"
               "\"aiplatform.googleapis.com\",\"refreshInterval\":\"minute\",\"containerType\":\"PROJECT\","
               "\"dimensions\":[\"region\",\"base_model\"],\"isPrecise\":true,\"dimensionsInfos\":[",
               SV_ARG(p->number), SV_ARG(name), SV_ARG(name), SV_ARG(name));
    put_dimensions(b, g, p, m);
    buf_put(b, SV("]}"));
}

void gcp_quota_infos(struct exchange *x)
{
    const struct gcp_project *p = gcp_readable_project(x, x->captures[0]);
    struct gcp_parameters given;
    const struct gcp_metric *m;
    struct gcp_page page;
    unsigned i, n = 0;
    struct buf *b;

    if (!p)
        return;
    gcp_parameters_read(x, gcp_query(x), &given);
    if (!gcp_page_read(x, gcp_parameter(&given, "pageToken"), hash_part(hash64(p->id), x->captures[2]), &page)) {
        gcp_refuse(x, "INVALID_ARGUMENT", "page_token", "The page token is invalid.");
        return;
    }
    b = gcp_reply(x);
    buf_putc(b, '{');
    for (i = (unsigned)page.at; (m = gcp_metric_at(i)) && n < PAGE_USUAL; i++) {
        if (m->figure != GCP_FIG_QUOTA_LIMIT || !sv_eq(x->captures[2], SV("aiplatform.googleapis.com")))
            continue;
        buf_put(b, n++ ? SV(",\n") : SV("\"quotaInfos\":["));
        put_info(b, gcp_of(x->sim), p, m);
    }
    buf_put(b, n ? SV("]") : SV_NONE);
    if (m) {
        buf_put(b, n ? SV(",") : SV_NONE);
        put_member(b, "nextPageToken", gcp_page_token(x, &page, i));
    }
    buf_putc(b, '}');
}
