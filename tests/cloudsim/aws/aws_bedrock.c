/*
 * Bedrock's control plane (discovery.md 2.4), rest-json: is invocation logging on, which inference profiles are there
 * and what stands behind them, tags, models. And what CloudTrail says of its trails. A region where the account does not
 * use Bedrock answers with empty lists.
 */
#include <stdio.h>

#include "tests/cloudsim/aws/aws_api.h"

enum { PAGE_PROFILES = 2 };

static const struct aws_place *place_of(const struct exchange *x)
{
    return aws_place_find(&aws_of(x->sim)->world, aws_request(x)->account, aws_request(x)->region);
}

void aws_get_logging(struct exchange *x)
{
    const struct aws_place *p = place_of(x);
    struct buf *b = aws_reply(x);
    bool group = p && (p->logging == AWS_LOG_GROUP || p->logging == AWS_LOG_BOTH);
    bool bucket = p && (p->logging == AWS_LOG_S3 || p->logging == AWS_LOG_BOTH);

    if (!group && !bucket) {
        buf_put(b, SV("{}")); /* off: the member is not there */
        return;
    }
    buf_put(b, SV("{\"loggingConfig\":{"));
    if (group) {
        buf_put(b, SV("\"cloudWatchConfig\":{"));
        put_member(b, "logGroupName", p->log_group);
        buf_printf(b, ",\"roleArn\":\"arn:aws:iam::%.*s:role/bedrock-logging\"},", SV_ARG(aws_request(x)->account->id));
    }
    if (bucket)
        buf_printf(b, "\"s3Config\":{\"bucketName\":\"bedrock-logs-%.*s\",\"keyPrefix\":\"inv\"},",
                   SV_ARG(aws_request(x)->account->id));
    buf_put(b,
            SV("\"textDataDeliveryEnabled\":true,\"imageDataDeliveryEnabled\":false,\"embeddingDataDeliveryEnabled\":"
               "false,\"videoDataDeliveryEnabled\":false,\"audioDataDeliveryEnabled\":false}}"));
}

/* ---- inference profiles ---- */

static void put_models(const struct aws_world *w, struct buf *b, const struct aws_profile *p)
{
    buf_put(b, SV("\"models\":["));
    for (unsigned i = 0; i < p->n_regions; i++)
        buf_printf(b, "%s{\"modelArn\":\"arn:aws:bedrock:%.*s::foundation-model/%.*s\"}", i ? "," : "",
                   SV_ARG(aws_profile_region(w, p, i)->name), SV_ARG(p->foundation));
    if (sv_eq(p->geography, SV("global"))) /* an ARN without region says: anywhere */
        buf_printf(b, ",{\"modelArn\":\"arn:aws:bedrock:::foundation-model/%.*s\"}", SV_ARG(p->foundation));
    buf_putc(b, ']');
}

static void put_profile(const struct aws_world *w, struct buf *b, const struct aws_profile *p)
{
    buf_putc(b, '{');
    put_member(b, "inferenceProfileName", p->name);
    buf_put(b, SV(",\"createdAt\":\"2026-09-22T00:00:00.131415Z\",\"updatedAt\":\"2026-09-22T00:00:00.131415Z\","));
    put_member(b, "inferenceProfileArn", p->arn);
    buf_putc(b, ',');
    put_models(w, b, p);
    buf_putc(b, ',');
    put_member(b, "inferenceProfileId", p->id);
    buf_printf(b, ",\"status\":\"ACTIVE\",\"type\":\"%s\"}", p->application ? "APPLICATION" : "SYSTEM_DEFINED");
}

/* Those of one type; the token of a listing is good for that type alone. */
static void list_profiles(struct exchange *x, bool application, unsigned at, unsigned most)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    const struct aws_place *place = place_of(x);
    const char *name = application ? "application profiles" : "system profiles";
    /* Some listings begin with an empty page. */
    unsigned skip = place && place->index % 4 == 1 ? 1 : 0, seen = 0, put = 0;
    bool more = false, empty = skip && at == 0;
    struct buf *b = aws_reply(x);

    buf_put(b, SV("{\"inferenceProfileSummaries\":["));
    for (unsigned i = 0; place && i < place->n_profiles; i++) {
        const struct aws_profile *p = &w->profiles[place->first_profile + i];

        if (p->application != application)
            continue;
        if (empty || put == most) {
            more = true;
            break;
        }
        if (seen++ < at - skip)
            continue;
        if (put++)
            buf_putc(b, ',');
        put_profile(w, b, p);
    }
    buf_putc(b, ']');
    if (more) {
        buf_putc(b, ',');
        put_member(b, "nextToken", aws_next(x, name, empty ? 1 : at + put));
    }
    buf_putc(b, '}');
}

void aws_list_profiles(struct exchange *x)
{
    sv type = query_of(x, "type"), max = query_of(x, "maxResults");
    bool application = sv_eq(type, SV("APPLICATION"));
    int64_t most = PAGE_PROFILES;
    unsigned at;

    if (type.len && !application && !sv_eq(type, SV("SYSTEM_DEFINED")))
        aws_refuse(x, "ValidationException",
                   "1 validation error detected: Value at 'typeEquals' failed to satisfy "
                   "constraint: Member must satisfy enum value set");
    else if (max.len && (!sv_to_i64(max, &most) || most < 1 || most > 1000))
        aws_refuse(x, "ValidationException",
                   "1 validation error detected: Value at 'maxResults' failed to satisfy "
                   "constraint");
    else if (aws_offset(x, query_of(x, "nextToken"), application ? "application profiles" : "system profiles",
                        "ValidationException", &at))
        list_profiles(x, application, at, most < PAGE_PROFILES ? (unsigned)most : PAGE_PROFILES);
}

/* By id or ARN, of this place. */
static const struct aws_profile *find_profile(const struct exchange *x, sv name)
{
    const struct aws_place *place = place_of(x);

    for (unsigned i = 0; place && i < place->n_profiles; i++) {
        const struct aws_profile *p = &aws_of(x->sim)->world.profiles[place->first_profile + i];

        if (sv_eq(p->id, name) || sv_eq(p->arn, name))
            return p;
    }
    return NULL;
}

void aws_get_profile(struct exchange *x)
{
    const struct aws_profile *p = find_profile(x, x->captures[0]);

    if (p)
        put_profile(&aws_of(x->sim)->world, aws_reply(x), p);
    else
        aws_refuse(x, "ResourceNotFoundException", "The specified inference profile was not found.");
}

void aws_list_tags(struct exchange *x)
{
    const struct aws_profile *p = find_profile(x, aws_text(x, "resourceARN"));
    struct buf *b;

    if (!p) {
        aws_refuse(x, "ResourceNotFoundException", "The specified resource ARN was not found.");
        return;
    }
    b = aws_reply(x);
    buf_put(b, SV("{\"tags\":["));
    if (p->team.len) {
        buf_put(b, SV("{\"key\":\"team\","));
        put_member(b, "value", p->team);
        buf_put(b, SV("},{\"key\":\"cost-center\",\"value\":\"4711\"}"));
    }
    buf_put(b, SV("]}"));
}

/* ---- models ---- */

static bool met_before(const struct aws_world *w, const struct aws_deployment *d, sv region)
{
    for (unsigned i = 0; i < d->index; i++)
        if (sv_eq(w->deployments[i].foundation, d->foundation) &&
            sv_eq(w->places[w->deployments[i].place].region->name, region))
            return true;
    return false;
}

/* What somebody uses in this region is on offer there. */
void aws_list_models(struct exchange *x)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    sv provider = query_of(x, "byProvider"), region = aws_request(x)->region;
    struct buf *b = aws_reply(x);
    bool any = false;

    buf_put(b, SV("{\"modelSummaries\":["));
    for (unsigned i = 0; i < w->n_deployments; i++) {
        const struct aws_deployment *d = &w->deployments[i];

        if (!sv_eq(w->places[d->place].region->name, region) || met_before(w, d, region) ||
            (provider.len && !sv_eq_nocase(provider, sv_first(d->foundation, sv_find(d->foundation, '.')))))
            continue;
        buf_printf(b,
                   "%s{\"modelArn\":\"arn:aws:bedrock:%.*s::foundation-model/%.*s\",\"modelId\":\"%.*s\",\"modelName\":"
                   "\"%.*s\",\"providerName\":\"%s\",\"inputModalities\":[\"TEXT\"],\"outputModalities\":[\"TEXT\"],"
                   "\"responseStreamingSupported\":true,\"inferenceTypesSupported\":[\"ON_DEMAND\"],\"modelLifecycle\":"
                   "{\"status\":\"ACTIVE\"}}",
                   any ? "," : "", SV_ARG(region), SV_ARG(d->foundation), SV_ARG(d->foundation), SV_ARG(d->label_model),
                   d->openai ? "OpenAI" : "Other");
        any = true;
    }
    buf_put(b, SV("]}"));
}

void aws_list_provisioned(struct exchange *x)
{
    buf_put(aws_reply(x), SV("{\"provisionedModelSummaries\":[]}"));
}

/* ---- trails ---- */

static void put_trail_arn(struct exchange *x, struct buf *b)
{
    buf_printf(b, "arn:aws:cloudtrail:%.*s:%.*s:trail/audit", SV_ARG(aws_request(x)->region),
               SV_ARG(aws_request(x)->account->id));
}

void aws_describe_trails(struct exchange *x)
{
    struct buf *b = aws_reply(x);

    buf_put(b, SV("{\"trailList\":["));
    if (place_of(x)) {
        buf_put(b, SV("{\"Name\":\"audit\",\"TrailARN\":\""));
        put_trail_arn(x, b);
        buf_printf(
            b,
            "\",\"HomeRegion\":\"%.*s\",\"IsMultiRegionTrail\":false,\"IsOrganizationTrail\":false,"
            "\"S3BucketName\":\"trail-%.*s\",\"CloudWatchLogsLogGroupArn\":\"arn:aws:logs:%.*s:%.*s:log-group:%.*s:*\","
            "\"HasCustomEventSelectors\":true,\"LogFileValidationEnabled\":true}",
            SV_ARG(aws_request(x)->region), SV_ARG(aws_request(x)->account->id), SV_ARG(aws_request(x)->region),
            SV_ARG(aws_request(x)->account->id), SV_ARG(aws_of(x->sim)->world.trail_group));
    }
    buf_put(b, SV("]}"));
}

void aws_get_trail_status(struct exchange *x)
{
    sv name = aws_text(x, "Name");
    struct buf arn = { .at = NULL };
    bool known;

    put_trail_arn(x, &arn);
    known = place_of(x) && (sv_eq(name, buf_sv(&arn)) || sv_eq(name, SV("audit")));
    buf_done(&arn);
    if (known)
        buf_put(aws_reply(x), SV("{\"IsLogging\":true,\"LatestDeliveryTime\":1.7955E9}"));
    else
        aws_refuse(x, "TrailNotFoundException", "Unknown trail: %.*s", SV_ARG(sv_first(name, 200)));
}
