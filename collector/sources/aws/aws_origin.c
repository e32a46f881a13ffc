/*
 * Where records come from. The resource id is made of what each door tells (account, region, project), so that a record
 * has one key through whatever door it comes.
 */
#include "collector/model/region.h"
#include "collector/sources/aws/aws.h"
#include "collector/sources/aws/aws_endpoints.h"

sv aws_resource_id(struct arena *a, const struct aws_origin *o)
{
    sv partition = aws_partition_of(o->region);
    bool mantle = o->platform == PLATFORM_BEDROCK_MANTLE;
    sv id = arena_printf(a, "arn:%.*s:%s:%.*s:%.*s%s%.*s", SV_ARG(partition), mantle ? "bedrock-mantle" : "bedrock",
                         SV_ARG(o->region), SV_ARG(o->account), mantle && o->project.len ? ":project/" : "",
                         mantle ? (int)o->project.len : 0, o->project.at);

    return id.at ? arena_lower(a, id) : id;
}

static struct batch *find(const struct frame *out, sv resource_id, enum platform platform)
{
    for (struct batch *b = out->batches; b; b = b->next)
        if (b->origin.platform == platform && sv_eq(batch_sv(b, b->origin.resource_id), resource_id))
            return b;
    return NULL;
}

static struct batch *batch_at(struct frame *out, const struct aws_origin *o, sv id, sv resource, sv source,
                              int64_t observed_unix_nano)
{
    struct batch *b = id.at ? find(out, id, o->platform) : NULL;

    if (b || !id.at)
        return b;
    b = frame_add_batch(out);
    if (!b)
        return NULL;
    b->observed_unix_nano = observed_unix_nano;
    b->origin = (struct origin){ .cloud = CLOUD_AWS,
                                 .platform = o->platform,
                                 .account = batch_sym(b, o->account),
                                 .cloud_region = batch_sym(b, o->region),
                                 .resource = batch_sym(b, resource),
                                 .resource_id = batch_sym(b, id),
                                 .jurisdiction = batch_sym(b, region_jurisdiction(CLOUD_AWS, o->region)),
                                 .source = batch_sym(b, source) };
    return b;
}

struct batch *aws_batch_of(struct frame *out, const struct aws_origin *o, sv source, int64_t observed_unix_nano)
{
    return batch_at(out, o, aws_resource_id(out->arena, o), o->project, source, observed_unix_nano);
}

struct batch *aws_pool_batch(struct frame *out, const struct aws_origin *o, sv pool, sv source,
                             int64_t observed_unix_nano)
{
    sv id = aws_resource_id(out->arena, o);

    if (id.at)
        id = arena_printf(out->arena, "%.*s:quota/%.*s", SV_ARG(id), SV_ARG(pool));
    return batch_at(out, o, id, pool, source, observed_unix_nano);
}
