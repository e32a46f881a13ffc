/*
 * A ModelInvocationLog record to a call (aws.md 1.6).
 *
 * Quirks that bite here: only schemaType, timestamp, accountId and modelId are always there. Cached tokens are not inside
 * inputTokenCount. No latency stands at the top; where one is told it stands in the answer's body, which for streaming
 * operations is an array of events. Bodies are content: figures, ids and the reason of the end are read from them, nothing
 * else.
 */
#include <math.h>

#include "collector/base/clock.h"
#include "collector/model/key.h"
#include "collector/sources/aws/aws_row.h"

enum { WORD_MAX = 128, EVENTS_MAX = 100000 };

enum field {
    F_TIME,
    F_ACCOUNT,
    F_REGION,
    F_REQUEST_ID,
    F_OPERATION,
    F_MODEL,
    F_IDENTITY,
    F_INFERENCE_REGION,
    F_METADATA,
    F_ERROR,
    F_STATUS,
    F_PERFORMANCE,
    F_INPUT,
    F_OUTPUT,
    FIELDS
};
static const sv fields[FIELDS] = {
    [F_TIME] = SVT("timestamp"),
    [F_ACCOUNT] = SVT("accountId"),
    [F_REGION] = SVT("region"),
    [F_REQUEST_ID] = SVT("requestId"),
    [F_OPERATION] = SVT("operation"),
    [F_MODEL] = SVT("modelId"),
    [F_IDENTITY] = SVT("identity"),
    [F_INFERENCE_REGION] = SVT("inferenceRegion"),
    [F_METADATA] = SVT("requestMetadata"),
    [F_ERROR] = SVT("errorCode"),
    [F_STATUS] = SVT("status"),
    [F_PERFORMANCE] = SVT("performanceConfig"),
    [F_INPUT] = SVT("input"),
    [F_OUTPUT] = SVT("output"),
};

/* clang-format off */
static const struct aws_known top[] = {
    { "timestamp", AWS_READ },       { "accountId", AWS_READ },       { "region", AWS_READ },
    { "requestId", AWS_READ },       { "operation", AWS_READ },       { "modelId", AWS_READ },
    { "identity", AWS_READ },        { "inferenceRegion", AWS_READ }, { "requestMetadata", AWS_READ },
    { "errorCode", AWS_READ },       { "performanceConfig", AWS_READ }, { "input", AWS_READ },
    { "output", AWS_READ },          { "schemaType", AWS_READ },      { "schemaVersion", AWS_KEPT },
    { "status", AWS_KEPT },
};
static const struct aws_known identity[] = { { "arn", AWS_READ } };
static const struct aws_known performance[] = { { "latency", AWS_KEPT } };
static const struct aws_known input[] = {
    { "inputContentType", AWS_KEPT },        { "inputBodyJson", AWS_READ },
    { "inputBodyS3Path", AWS_KEPT },         { "inputTokenCount", AWS_READ },
    { "cacheReadInputTokenCount", AWS_READ }, { "cacheWriteInputTokenCount", AWS_READ },
};
static const struct aws_known output[] = {
    { "outputContentType", AWS_KEPT }, { "outputBodyJson", AWS_READ },
    { "outputBodyS3Path", AWS_KEPT },  { "outputTokenCount", AWS_READ },
};

/* Where bodies tell figures; a body, or any event of a streamed one. */
enum figure { DURATION_MS, FIRST_TOKEN_MS, REASONING_TOKENS };
static const struct {
    const char *first, *path; /* the member to look at, and the way below it */
    enum figure is;
} figures[] = {
    { "metrics",                            "latencyMs",                                     DURATION_MS },
    { "metadata",                           "metrics/latencyMs",                             DURATION_MS },
    { "amazon-bedrock-invocationMetrics",   "invocationLatency",                             DURATION_MS },
    { "amazon-bedrock-invocationMetrics",   "firstByteLatency",                              FIRST_TOKEN_MS },
    { "usage",                              "completion_tokens_details/reasoning_tokens",    REASONING_TOKENS },
    { "usage",                              "output_tokens_details/reasoning_tokens",        REASONING_TOKENS },
    { "response",                           "usage/output_tokens_details/reasoning_tokens",  REASONING_TOKENS },
};
/* clang-format on */

bool aws_is_invocation(json record)
{
    return sv_eq(json_sv(json_get(record, SV("schemaType"))), SV("ModelInvocationLog"));
}

/* ---- Figures ---- */

static int64_t count(json v)
{
    int64_t n;

    return json_i64(v, &n) && n >= 0 ? n : NONE;
}

/* Of those that are told; NONE when none is. */
static int64_t sum(int64_t a, int64_t b)
{
    int64_t s;

    if (a == NONE || b == NONE)
        return a == NONE ? b : a;
    return __builtin_add_overflow(a, b, &s) ? NONE : s;
}

static int64_t nano_of_ms(json v)
{
    double ms;

    return json_f64(v, &ms) && ms >= 0 && ms < 1e12 ? llround(ms * 1e6) : NONE;
}

static void take_figures(json part, struct call *c)
{
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        json at = json_get(part, sv_of(figures[i].first)), v = json_path(at, figures[i].path);

        if (json_is_absent(v))
            continue;
        if (figures[i].is == DURATION_MS)
            c->duration_nano = nano_of_ms(v);
        else if (figures[i].is == FIRST_TOKEN_MS)
            c->time_to_first_token_nano = nano_of_ms(v);
        else
            c->reasoning_tokens = count(v);
    }
}

static sv short_word(json v)
{
    sv s = json_sv(v);

    return s.len <= WORD_MAX ? s : SV_NONE;
}

static sv finish_reason(json part)
{
    struct json_iter choices = json_items(json_get(part, SV("choices")));
    sv reason = short_word(json_get(part, SV("stopReason")));
    json choice;

    if (reason.len == 0)
        reason = short_word(json_path(part, "messageStop/stopReason"));
    while (reason.len == 0 && json_item(&choices, &choice))
        reason = short_word(json_get(choice, SV("finish_reason")));
    return reason;
}

static bool take_part(struct batch *b, json part, struct call *c)
{
    sv id = short_word(json_get(part, SV("id"))), reason = finish_reason(part);

    if (id.len == 0)
        id = short_word(json_path(part, "response/id"));
    if (id.len)
        c->response_id = arena_copy(b->arena, id);
    if (reason.len)
        c->finish_reason = batch_sym(b, reason);
    take_figures(part, c);
    return c->response_id.at != NULL || id.len == 0;
}

static bool take_body(struct batch *b, json body, struct call *c)
{
    struct json_iter it = json_items(body);
    bool fits = true;
    json event;

    if (json_type(body) == JSON_OBJECT)
        return take_part(b, body, c);
    for (int n = 0; fits && n < EVENTS_MAX && json_item(&it, &event); n++)
        fits = take_part(b, event, c);
    return fits;
}

static void take_tokens(json in, json out, struct call *c)
{
    c->cache_read_tokens = count(json_get(in, SV("cacheReadInputTokenCount")));
    c->cache_write_tokens = count(json_get(in, SV("cacheWriteInputTokenCount")));
    c->input_tokens = sum(count(json_get(in, SV("inputTokenCount"))), sum(c->cache_read_tokens, c->cache_write_tokens));
    c->output_tokens = count(json_get(out, SV("outputTokenCount")));
}

/* ---- Record ---- */

struct invocation {
    json at[FIELDS];
    struct aws_origin origin;
    struct aws_operation_name operation;
    struct aws_model model;
    struct extras extra;
    int64_t time_unix_nano, arrival_unix_nano;
    uint64_t hash; /* of a record without request id */
};

static bool name_call(struct batch *b, const struct invocation *v, struct call *c)
{
    sv id = batch_sv(b, b->origin.resource_id), request = aws_word(v->at[F_REQUEST_ID]);

    c->key = key_call(SV("ModelInvocationLog"), id, request, v->hash);
    c->call_key = request.len ? key_of_call(id, request) : 0;
    c->log = batch_sym(b, SV("ModelInvocationLog"));
    c->time_unix_nano = v->time_unix_nano;
    c->arrival_unix_nano = v->arrival_unix_nano;
    c->request_id = arena_copy(b->arena, request);
    return c->request_id.at != NULL;
}

static void describe_call(struct batch *b, const struct invocation *v, struct call *c)
{
    sv error = aws_word(v->at[F_ERROR]);
    bool streams = v->operation.streams || json_type(json_get(v->at[F_OUTPUT], SV("outputBodyJson"))) == JSON_ARRAY;

    c->operation = batch_sym(b, v->operation.inference ? v->operation.operation : SV_NONE);
    c->operation_raw = batch_sym(b, aws_word(v->at[F_OPERATION]));
    c->api_type = batch_sym(b, v->operation.api_type);
    c->stream = batch_sym(b, streams ? SV("true") : SV_NONE);
    c->outcome = aws_outcome_of(error);
    c->error_type = batch_sym(b, error);
    c->caller_principal = batch_sym(b, aws_word(json_get(v->at[F_IDENTITY], SV("arn"))));
    aws_call_model(b, aws_word(v->at[F_MODEL]), &v->model, c);
    aws_call_served(b, json_sv(v->at[F_INFERENCE_REGION]), v->origin.region, c);
    take_tokens(v->at[F_INPUT], v->at[F_OUTPUT], c);
}

static bool take_extra(json record, struct invocation *v)
{
    struct extras *x = &v->extra;

    return aws_extra_members(record, "", top, sizeof top / sizeof *top, x) &&
           aws_extra_members(v->at[F_IDENTITY], "identity/", identity, 1, x) &&
           aws_extra_members(v->at[F_PERFORMANCE], "performanceConfig/", performance, 1, x) &&
           aws_extra_members(v->at[F_INPUT], "input/", input, sizeof input / sizeof *input, x) &&
           aws_extra_members(v->at[F_OUTPUT], "output/", output, sizeof output / sizeof *output, x);
}

static enum err_code append(struct aws_decoder *d, json record, struct invocation *v, struct err *e)
{
    struct batch *b = aws_log_batch(d, &v->origin);
    struct call *c = b ? batch_add_call(b) : NULL;

    if (!c || !name_call(b, v, c))
        return aws_log_full(e);
    describe_call(b, v, c);
    if (!take_body(b, json_get(v->at[F_OUTPUT], SV("outputBodyJson")), c) ||
        !aws_call_metadata(b, v->at[F_METADATA], SV("requestMetadata"), &v->extra, c) || !take_extra(record, v) ||
        !extras_keep(b, &v->extra, &c->extra, &c->n_extra))
        return aws_log_full(e);
    return ERR_OK;
}

enum err_code aws_invocation_take(struct aws_decoder *d, json record, const struct aws_place_in *at, struct err *e)
{
    struct invocation v = { .arrival_unix_nano = at->arrival_unix_nano, .time_unix_nano = at->time_unix_nano };
    bool wanted;
    enum err_code code;

    json_pick(record, fields, FIELDS, v.at);
    extras_init(&v.extra, &d->scratch, d->frame->arena);
    (void)json_time(v.at[F_TIME], &v.time_unix_nano);
    if (v.time_unix_nano <= 0 || !aws_origin_of(d, v.at[F_ACCOUNT], v.at[F_REGION], &v.origin))
        return aws_quarantine(d, at, e);
    v.origin.platform = PLATFORM_BEDROCK;
    v.hash = aws_word(v.at[F_REQUEST_ID]).len ? 0 : json_hash(0, record);
    code = aws_log_model(d, &v.origin, aws_word(v.at[F_MODEL]), &v.model, &wanted, e);
    if (code == ERR_OK && !wanted) {
        aws_reject(d, REASON_PUBLISHER);
        return ERR_OK;
    }
    if (code == ERR_OK && !aws_operation_of(aws_word(v.at[F_OPERATION]), &d->scratch, &v.operation))
        code = aws_log_full(e);
    return code ? code : append(d, record, &v, e);
}
