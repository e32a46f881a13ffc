/* What all lists of Google's APIs share: tokens, parameters, and whose project it is. */
#include "tests/cloudsim/gcp/gcp_page.h"

#include "tests/cloudsim/gcp/gcp.h"

#define TOKEN_LIFE_NS (24 * NANO_PER_H)

bool gcp_page_read(const struct exchange *x, sv token, uint64_t request, struct page *out)
{
    return page_read(gcp_of(x->sim)->world.seed, token, request, x->now, out) && x->now - out->now < TOKEN_LIFE_NS;
}

sv gcp_page_token(struct exchange *x, const struct page *p, uint64_t at)
{
    return page_token(gcp_of(x->sim)->world.seed, &x->arena, p, at, 0);
}

void gcp_parameters_read(struct exchange *x, sv query, struct gcp_parameters *out)
{
    out->n = 0;
    while (query.len && out->n < GCP_PARAMETERS_MAX) {
        sv pair = sv_cut(&query, '&'), name = sv_cut(&pair, '=');

        out->at[out->n].name = exchange_decode(x, name);
        out->at[out->n++].value = exchange_decode(x, pair);
    }
}

sv gcp_parameter(const struct gcp_parameters *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (sv_eq(p->at[i].name, sv_of(name)))
            return p->at[i].value;
    return SV_NONE;
}

sv gcp_query(const struct exchange *x)
{
    sv target = http_server_raw_target(x->q);

    return sv_skip(target, sv_find(target, '?') + 1);
}

const struct gcp_project *gcp_readable_project(struct exchange *x, sv id_or_number)
{
    const struct gcp_project *p = gcp_project_find(&gcp_of(x->sim)->world, id_or_number);

    if (p && p->kind == GCP_MEMBER)
        return p;
    gcp_refuse_reason(x, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED", "iam.googleapis.com",
                      "Permission denied on resource project %.*s (or it may not exist).", SV_ARG(id_or_number));
    return NULL;
}
