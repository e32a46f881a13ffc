/* Where records come from. Ids are full resource names, as Google's asset inventory spells them. */
#include "collector/model/region.h"
#include "collector/sources/gcp/gcp.h"

static sv part(struct arena *a, sv before, const char *name, sv value)
{
    if (value.len == 0 || before.at == NULL)
        return before;
    return arena_printf(a, "%.*s/%s/%.*s", SV_ARG(before), name, SV_ARG(value));
}

sv gcp_resource_id(struct arena *a, const struct gcp_origin *o)
{
    sv id = arena_printf(a, "//" GCP_SERVICE "/projects/%.*s", SV_ARG(o->project));

    id = part(a, id, "locations", o->location);
    id = part(a, id, "endpoints", o->endpoint);
    return part(a, id, "quotas", o->pool);
}

struct batch *gcp_batch_of(struct frame *out, const struct gcp_origin *o, sv source, int64_t observed_unix_nano)
{
    sv id = gcp_resource_id(out->arena, o);
    struct batch *b;

    for (b = id.at ? out->batches : NULL; b; b = b->next)
        if (sv_eq(batch_sv(b, b->origin.resource_id), id))
            return b;
    b = id.at ? frame_add_batch(out) : NULL;
    if (!b)
        return NULL;
    b->observed_unix_nano = observed_unix_nano;
    b->origin = (struct origin){ .cloud = CLOUD_GCP,
                                 .platform = PLATFORM_VERTEX_AI,
                                 .account = batch_sym(b, o->project),
                                 .cloud_region = batch_sym(b, o->location),
                                 .resource = batch_sym(b, o->endpoint.len ? o->endpoint : o->pool),
                                 .resource_id = batch_sym(b, id),
                                 .jurisdiction = batch_sym(b, region_jurisdiction(CLOUD_GCP, o->location)),
                                 .source = batch_sym(b, source) };
    return b;
}
