/*
 * A CloudTrail event to a call or to an audit record (aws.md 1.7, discovery.md 2.6).
 *
 * Inference is a management event on the runtime plane and a data event on mantle; its name decides, whatever the event
 * says of itself. What else is about Bedrock is an audit event when it wrote something; reads are left out (ours are among
 * them), and so are data events that are about no invocation. The bearer flag and the model stand in different places on
 * the two planes.
 */
#include "collector/model/key.h"
#include "collector/sources/aws/aws_row.h"

enum field {
    F_TIME,
    F_SOURCE,
    F_NAME,
    F_ID,
    F_REQUEST_ID,
    F_REGION,
    F_RECIPIENT,
    F_WHO,
    F_IP,
    F_AGENT,
    F_ERROR,
    F_REQUEST,
    F_ADDITIONAL,
    F_RESOURCES,
    F_READ_ONLY,
    F_CATEGORY,
    FIELDS
};
static const sv fields[FIELDS] = {
    [F_TIME] = SVT("eventTime"),
    [F_SOURCE] = SVT("eventSource"),
    [F_NAME] = SVT("eventName"),
    [F_ID] = SVT("eventID"),
    [F_REQUEST_ID] = SVT("requestID"),
    [F_REGION] = SVT("awsRegion"),
    [F_RECIPIENT] = SVT("recipientAccountId"),
    [F_WHO] = SVT("userIdentity"),
    [F_IP] = SVT("sourceIPAddress"),
    [F_AGENT] = SVT("userAgent"),
    [F_ERROR] = SVT("errorCode"),
    [F_REQUEST] = SVT("requestParameters"),
    [F_ADDITIONAL] = SVT("additionalEventData"),
    [F_RESOURCES] = SVT("resources"),
    [F_READ_ONLY] = SVT("readOnly"),
    [F_CATEGORY] = SVT("eventCategory"),
};

/* clang-format off */
static const struct {
    const char *source;
    enum platform platform;
    const char *model; /* where a call's model stands */
} sources[] = {
    { "bedrock.amazonaws.com",        PLATFORM_BEDROCK,        "modelId" },
    { "bedrock-mantle.amazonaws.com", PLATFORM_BEDROCK_MANTLE, "model"   },
};

/* Known to hold no text of anybody: kept as they are. */
static const struct aws_known top[] = {
    { "eventTime", AWS_READ },           { "eventSource", AWS_READ },      { "eventName", AWS_READ },
    { "eventID", AWS_READ },             { "requestID", AWS_READ },        { "awsRegion", AWS_READ },
    { "recipientAccountId", AWS_READ },  { "userIdentity", AWS_READ },     { "sourceIPAddress", AWS_READ },
    { "userAgent", AWS_READ },           { "errorCode", AWS_READ },        { "requestParameters", AWS_READ },
    { "additionalEventData", AWS_READ }, { "resources", AWS_READ },        { "responseElements", AWS_READ },
    { "eventCategory", AWS_READ },       { "eventVersion", AWS_KEPT },     { "eventType", AWS_KEPT },
    { "readOnly", AWS_KEPT },            { "managementEvent", AWS_KEPT },  { "sharedEventID", AWS_KEPT },
    { "vpcEndpointId", AWS_KEPT },       { "tlsDetails", AWS_READ },
};
static const struct aws_known identity[] = { /* what says the actor again is as good as read */
    { "arn", AWS_READ },                 { "principalId", AWS_READ },      { "accountId", AWS_READ },
    { "accessKeyId", AWS_READ },         { "userName", AWS_READ },         { "sessionContext", AWS_READ },
    { "type", AWS_KEPT },                { "invokedBy", AWS_KEPT },
};
static const struct aws_known request[] = {
    { "modelId", AWS_READ },             { "model", AWS_READ },          { "metadata", AWS_READ },
    { "stream", AWS_KEPT },              { "service_tier", AWS_KEPT },   { "callWithBearerToken", AWS_KEPT },
    { "bearerTokenType", AWS_KEPT },
};
static const struct aws_known additional[] = {
    { "inferenceRegion", AWS_READ }, { "callWithBearerToken", AWS_KEPT }, { "bearerTokenType", AWS_KEPT },
};
static const struct aws_known tls[] = {
    { "tlsVersion", AWS_KEPT }, { "cipherSuite", AWS_KEPT }, { "clientProvidedHostHeader", AWS_KEPT },
};
/* clang-format on */

struct event {
    json at[FIELDS];
    struct aws_origin origin;
    struct aws_operation_name operation;
    struct extras extra;
    const char *model; /* member of requestParameters */
    int64_t time_unix_nano, arrival_unix_nano;
    uint64_t hash; /* of an event without id */
};

bool aws_is_trail_event(json record)
{
    return json_sv(json_get(record, SV("eventSource"))).len > 0 && json_sv(json_get(record, SV("eventName"))).len > 0;
}

static bool take_extra(json record, struct event *v)
{
    struct extras *x = &v->extra;

    return aws_extra_members(record, "", top, sizeof top / sizeof *top, x) &&
           aws_extra_members(v->at[F_WHO], "userIdentity/", identity, sizeof identity / sizeof *identity, x) &&
           aws_extra_members(v->at[F_REQUEST], "requestParameters/", request, sizeof request / sizeof *request, x) &&
           aws_extra_members(v->at[F_ADDITIONAL], "additionalEventData/", additional,
                             sizeof additional / sizeof *additional, x) &&
           aws_extra_members(json_get(record, SV("tlsDetails")), "tlsDetails/", tls, sizeof tls / sizeof *tls, x) &&
           extra_shape(x, SV("responseElements"), json_get(record, SV("responseElements")));
}

/* The mantle plane's project, from the resources; of anything else the first resource's ARN. */
static sv resource_arn(const struct event *v, sv type)
{
    struct json_iter it = json_items(v->at[F_RESOURCES]);
    sv found = SV_NONE;
    json r;

    while (found.len == 0 && json_item(&it, &r))
        if (type.len == 0 || sv_eq(json_sv(json_get(r, SV("type"))), type))
            found = aws_word(json_get(r, SV("ARN")));
    return found;
}

static sv actor(const struct event *v)
{
    static const char *const names[] = { "arn", "principalId", "invokedBy" };
    sv who = SV_NONE;

    for (size_t i = 0; i < sizeof names / sizeof *names && who.len == 0; i++)
        who = aws_word(json_get(v->at[F_WHO], sv_of(names[i])));
    return who;
}

/* ---- Calls ---- */

static bool name_call(struct batch *b, const struct event *v, struct call *c)
{
    sv id = batch_sv(b, b->origin.resource_id), event = aws_word(v->at[F_ID]);
    sv request_id = aws_word(v->at[F_REQUEST_ID]);

    c->key = event.len ? key_parts((sv[]){ SV("CloudTrail"), event }, 2)
                       : key_call(SV("CloudTrail"), id, request_id, v->hash);
    c->call_key = request_id.len ? key_of_call(id, request_id) : 0;
    c->log = batch_sym(b, SV("CloudTrail"));
    c->time_unix_nano = v->time_unix_nano;
    c->arrival_unix_nano = v->arrival_unix_nano;
    c->request_id = arena_copy(b->arena, request_id);
    return c->request_id.at != NULL;
}

static void describe_call(struct batch *b, const struct event *v, struct call *c)
{
    sv error = aws_word(v->at[F_ERROR]);
    bool stream = v->operation.streams;

    (void)json_bool(json_get(v->at[F_REQUEST], SV("stream")), &stream);
    c->operation = batch_sym(b, v->operation.inference ? v->operation.operation : SV_NONE);
    c->operation_raw = batch_sym(b, aws_word(v->at[F_NAME]));
    c->api_type = batch_sym(b, v->operation.api_type);
    c->stream = batch_sym(b, stream ? SV("true") : SV_NONE);
    c->outcome = aws_outcome_of(error);
    c->error_type = batch_sym(b, error);
    c->caller_principal = batch_sym(b, actor(v));
    c->caller_ip = batch_sym(b, aws_word(v->at[F_IP]));
    c->user_agent = batch_sym(b, aws_word(v->at[F_AGENT]));
    aws_call_served(b, json_sv(json_get(v->at[F_ADDITIONAL], SV("inferenceRegion"))), v->origin.region, c);
}

static enum err_code append_call(struct aws_decoder *d, json record, struct event *v, sv model_id,
                                 const struct aws_model *m, struct err *e)
{
    struct batch *b = aws_log_batch(d, &v->origin);
    struct call *c = b ? batch_add_call(b) : NULL;

    if (!c || !name_call(b, v, c))
        return aws_log_full(e);
    describe_call(b, v, c);
    aws_call_model(b, model_id, m, c);
    if (!aws_call_metadata(b, json_get(v->at[F_REQUEST], SV("metadata")), SV("requestParameters/metadata"), &v->extra,
                           c) ||
        !take_extra(record, v) || !extras_keep(b, &v->extra, &c->extra, &c->n_extra))
        return aws_log_full(e);
    return ERR_OK;
}

static enum err_code take_call(struct aws_decoder *d, json record, struct event *v, struct err *e)
{
    sv model_id = aws_word(json_get(v->at[F_REQUEST], sv_of(v->model)));
    struct aws_model m;
    bool wanted;
    enum err_code code;

    if (v->origin.platform == PLATFORM_BEDROCK_MANTLE)
        v->origin.project = aws_last_part(resource_arn(v, SV("AWS::BedrockMantle::Project")));
    code = aws_log_model(d, &v->origin, model_id, &m, &wanted, e);
    if (code == ERR_OK && !wanted) {
        aws_reject(d, REASON_PUBLISHER);
        return ERR_OK;
    }
    if (v->origin.platform == PLATFORM_BEDROCK_MANTLE)
        m.deployment = SV_NONE; /* as in its metrics */
    return code ? code : append_call(d, record, v, model_id, &m, e);
}

/* ---- Audit ---- */

static enum err_code take_audit(struct aws_decoder *d, json record, struct event *v, struct err *e)
{
    struct batch *b = aws_log_batch(d, &v->origin);
    struct audit *a = b ? batch_add_audit(b) : NULL;
    sv source = json_sv(v->at[F_SOURCE]), id = aws_word(v->at[F_ID]), error = aws_word(v->at[F_ERROR]);
    sv action = arena_printf(&d->scratch, "%.*s:%.*s", SV_ARG(sv_first(source, sv_find(source, '.'))),
                             SV_ARG(aws_word(v->at[F_NAME])));
    char hash[32];

    action = action.at ? arena_lower(&d->scratch, action) : action;
    if (!a || !action.at || !take_extra(record, v))
        return aws_log_full(e);
    a->key = id.len ? key_parts((sv[]){ SV("CloudTrail"), id }, 2)
                    : key_parts((sv[]){ SV("CloudTrail"), action,
                                        sv_make(memcpy(hash, &v->hash, sizeof v->hash), sizeof v->hash) },
                                3);
    a->time_unix_nano = v->time_unix_nano;
    a->event_id = arena_copy(b->arena, id);
    a->action = batch_sym(b, action);
    a->outcome = batch_sym(b, error.len ? SV("failure") : SV("success"));
    a->actor = batch_sym(b, actor(v));
    a->actor_type = batch_sym(b, aws_word(json_get(v->at[F_WHO], SV("type"))));
    a->actor_ip = batch_sym(b, aws_word(v->at[F_IP]));
    a->target = batch_sym(b, resource_arn(v, SV_NONE));
    a->category = batch_sym(b, aws_word(v->at[F_CATEGORY]));
    a->status = batch_sym(b, error);
    return a->event_id.at && extras_keep(b, &v->extra, &a->extra, &a->n_extra) ? ERR_OK : aws_log_full(e);
}

/* ---- Event ---- */

static int source_of(const struct event *v)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (sv_eq(json_sv(v->at[F_SOURCE]), sv_of(sources[i].source)))
            return (int)i;
    return -1;
}

static enum err_code take_other(struct aws_decoder *d, json record, struct event *v, struct err *e)
{
    bool reads = false;

    (void)json_bool(v->at[F_READ_ONLY], &reads);
    if (!reads && !sv_eq(json_sv(v->at[F_CATEGORY]), SV("Data")))
        return take_audit(d, record, v, e);
    aws_reject(d, reads ? REASON_POLICY : REASON_NOT_INFERENCE);
    return ERR_OK;
}

enum err_code aws_trail_take(struct aws_decoder *d, json record, const struct aws_place_in *at, struct err *e)
{
    struct event v = { .arrival_unix_nano = at->arrival_unix_nano, .time_unix_nano = at->time_unix_nano };
    json account;
    int source;

    json_pick(record, fields, FIELDS, v.at);
    source = source_of(&v);
    if (source < 0) {
        aws_reject(d, REASON_POLICY); /* another service's */
        return ERR_OK;
    }
    account = json_sv(v.at[F_RECIPIENT]).len ? v.at[F_RECIPIENT] : json_get(v.at[F_WHO], SV("accountId"));
    (void)json_time(v.at[F_TIME], &v.time_unix_nano);
    if (v.time_unix_nano <= 0 || aws_word(v.at[F_NAME]).len == 0 ||
        !aws_origin_of(d, account, v.at[F_REGION], &v.origin))
        return aws_quarantine(d, at, e);
    v.origin.platform = sources[source].platform;
    v.model = sources[source].model;
    v.hash = aws_word(v.at[F_ID]).len ? 0 : json_hash(0, record);
    extras_init(&v.extra, &d->scratch, d->frame->arena);
    if (!aws_operation_of(aws_word(v.at[F_NAME]), &d->scratch, &v.operation))
        return aws_log_full(e);
    return v.operation.known ? take_call(d, record, &v, e) : take_other(d, record, &v, e);
}
