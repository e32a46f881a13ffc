/*
 * metricDescriptors.list. "activeOnly returns only types with data in about the last 25 h". The pages are short, and the
 * types that Google documents without a sample period have no metadata.
 */
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/gcp/gcp_filter.h"
#include "tests/cloudsim/gcp/gcp_monitoring.h"
#include "tests/cloudsim/gcp/gcp_series.h"

enum { PAGE_USUAL = 15, SAMPLE_S = 60 };
#define ACTIVE_NS (25 * NANO_PER_H)

static bool test_holds(void *self, const struct gcp_filter *test)
{
    const struct gcp_metric *m = self;

    return sv_eq(test->field, SV("metric.type")) && gcp_filter_text(test, sv_of(m->type));
}

/* The youngest minute that can have a point is over and shown, and the oldest is not older than 25 h. */
static bool is_active(const struct gcp *g, const struct gcp_project *p, const struct gcp_metric *m, int64_t now)
{
    int64_t first = (gcp_workload_first(g->workload) + 4) * NANO_PER_MIN;
    bool endless = gcp_workload_last(g->workload) > INT64_MAX / NANO_PER_MIN;
    bool fits = false;

    for (unsigned i = 0; i < p->n_deployments && !fits; i++)
        fits = gcp_metric_fits(m, &g->world.deployments[p->first_deployment + i]);
    return fits && now >= first && (endless || now <= gcp_workload_last(g->workload) * NANO_PER_MIN + ACTIVE_NS);
}

static void put_descriptor(struct buf *b, const struct gcp_project *p, const struct gcp_metric *m)
{
    bool any = false;

    buf_printf(b,
               "\n{\"name\":\"projects/%.*s/metricDescriptors/%s\",\"type\":\"%s\",\"metricKind\":\"%s\","
               "\"valueType\":\"%s\",\"unit\":\"%s\",\"description\":\"%s.\",\"displayName\":\"%s\"",
               SV_ARG(p->id), m->type, m->type, m->kind == GCP_GAUGE ? "GAUGE" : "DELTA",
               m->value == GCP_INT64 ? "INT64" : "DISTRIBUTION", m->unit, strrchr(m->type, '/') + 1,
               strrchr(m->type, '/') + 1);
    for (unsigned i = GCP_RESOURCE_LABELS; i < GCP_LABELS; i++) {
        if (!(m->labels >> i & 1))
            continue;
        buf_printf(b, "%s{\"key\":\"%s\",\"description\":\"\"}", any ? "," : ",\"labels\":[", gcp_label_names[i]);
        any = true;
    }
    buf_put(b, any ? SV("]") : SV_NONE);
    if (m->ingest_delay_s)
        buf_printf(b, ",\"metadata\":{\"launchStage\":\"BETA\",\"samplePeriod\":\"%ds\",\"ingestDelay\":\"%us\"}",
                   SAMPLE_S, m->ingest_delay_s);
    buf_printf(b, ",\"launchStage\":\"BETA\",\"monitoredResourceTypes\":[\"%s\"]}", gcp_resource_names[m->resource]);
}

struct listing {
    const struct gcp_project *project;
    const struct gcp_filter *filter;
    bool active_only;
    uint64_t limit;
    struct page page;
};

static bool refuse(struct exchange *x, const char *field, const char *text)
{
    gcp_refuse(x, "INVALID_ARGUMENT", field, "Field %s had an invalid value: %s", field, text);
    return false;
}

static void check_test(void *self, const struct gcp_filter *test, bool must)
{
    bool *good = self;

    (void)must;
    *good &=
        sv_eq(test->field, SV("metric.type")) && (!test->function.len || gcp_filter_function_known(test->function));
}

static bool read_listing(struct exchange *x, sv query, struct listing *l)
{
    struct gcp_parameters p;
    sv active, size, filter;
    int64_t n = 0;
    struct err e;
    bool good = true;

    gcp_parameters_read(x, query, &p);
    active = gcp_parameter(&p, "activeOnly");
    size = gcp_parameter(&p, "pageSize");
    filter = gcp_parameter(&p, "filter");
    if (gcp_filter_parse(&x->arena, filter, &l->filter, &e))
        return refuse(x, "filter", e.text);
    gcp_filter_walk(l->filter, check_test, &good);
    if (!good)
        return refuse(x, "filter", "only metric.type can be asked for");
    if (active.len && !sv_eq(active, SV("true")) && !sv_eq(active, SV("false")))
        return refuse(x, "activeOnly", "must be true or false");
    if (size.len && (!sv_to_i64(size, &n) || n < 0))
        return refuse(x, "pageSize", "must be a positive number");
    l->active_only = sv_eq(active, SV("true"));
    l->limit = n > 0 && n < PAGE_USUAL ? (uint64_t)n : PAGE_USUAL;
    return gcp_page_read(x, gcp_parameter(&p, "pageToken"),
                         hash_u64(hash_part(hash64(l->project->id), filter), l->active_only), &l->page) ||
           refuse(x, "pageToken", "the token is invalid or was made for other parameters");
}

void gcp_descriptors_of(struct exchange *x, sv project, sv query)
{
    struct listing l = { .project = gcp_readable_project(x, project) };
    const struct gcp_metric *m;
    uint64_t n = 0;
    struct buf *b;
    unsigned i;

    if (!l.project || !read_listing(x, query, &l))
        return;
    b = gcp_reply(x);
    buf_putc(b, '{');
    for (i = (unsigned)l.page.at; (m = gcp_metric_at(i)) && n < l.limit; i++) {
        if (!gcp_filter_holds(l.filter, test_holds, (void *)(uintptr_t)m) ||
            (l.active_only && !is_active(gcp_of(x->sim), l.project, m, l.page.now)))
            continue;
        buf_put(b, n++ ? SV(",") : SV("\"metricDescriptors\":["));
        put_descriptor(b, l.project, m);
    }
    buf_put(b, n ? SV("]") : SV_NONE);
    if (m) {
        buf_put(b, n ? SV(",") : SV_NONE);
        put_member(b, "nextPageToken", gcp_page_token(x, &l.page, i));
    }
    buf_putc(b, '}');
}

void gcp_descriptors(struct exchange *x)
{
    gcp_descriptors_of(x, x->captures[0], gcp_query(x));
}
