/*
 * The texts of entries: invocation records as Bedrock writes them, events as CloudTrail does. Bodies are invented; each
 * holds the word that a test looks for where no body may be.
 */
#include <stdio.h>

#include "tests/cloudsim/aws/aws_cloud.h"
#include "tests/cloudsim/aws/aws_entries.h"
#include "tests/cloudsim/rng.h"

#define PROMPT "confidential-prompt"
enum { INLINE_TOKENS_MAX = 20000 };

static void put_id(struct buf *b, const char *name, uint64_t hi, uint64_t lo)
{
    char id[36];

    uuid_text(hi, lo, id);
    put_member(b, name, sv_make(id, sizeof id));
}

static void put_time(struct buf *b, const char *name, int64_t at)
{
    buf_printf(b, "\"%s\":\"", name);
    buf_time(b, at, 0);
    buf_putc(b, '"');
}

static void put_caller(struct buf *b, const struct sim *s, const struct aws_account *a, unsigned caller)
{
    buf_printf(b, "\"arn:aws:sts::%.*s:assumed-role/%.*s/session-%u\"", SV_ARG(a->id),
               SV_ARG(aws_of(s)->world.callers[caller]), caller);
}

static sv operation_of(const struct sim *s, const struct aws_call *c)
{
    return sv_of(s->options.switches[SW_OPERATIONS] ? aws_op_rows[c->op].other_name : aws_op_rows[c->op].name);
}

/* ---- invocation records ---- */

static bool is_offloaded(const struct aws_call *c)
{
    return c->input > INLINE_TOKENS_MAX;
}

static void put_input(struct buf *b, const struct aws_entry_view *v)
{
    const struct aws_call *c = &v->call;
    char id[36];

    buf_put(b, SV(",\"input\":{\"inputContentType\":\"application/json\""));
    uuid_text(c->id_hi, c->id_lo, id);
    if (is_offloaded(c))
        buf_printf(b,
                   ",\"inputBodyS3Path\":\"s3://bedrock-logs-%.*s/large/AWSLogs/%.*s/BedrockModelInvocationLogs/"
                   "data/%.36s_input.json.gz\"",
                   SV_ARG(v->account->id), SV_ARG(v->account->id), id);
    else
        buf_put(b,
                SV(",\"inputBodyJson\":{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"" PROMPT "\"}]}]}"));
    if (!c->error)
        buf_printf(b, ",\"inputTokenCount\":%u", c->input);
    if (c->cache_read)
        buf_printf(b, ",\"cacheReadInputTokenCount\":%u", c->cache_read);
    if (c->cache_write)
        buf_printf(b, ",\"cacheWriteInputTokenCount\":%u", c->cache_write);
    buf_putc(b, '}');
}

static void put_converse(struct buf *b, const struct aws_call *c, bool stream)
{
    buf_printf(
        b,
        stream ? "[{\"messageStart\":{\"role\":\"assistant\"}},{\"contentBlockDelta\":{\"delta\":{\"text\":\"" PROMPT
                 "\"}}},{\"messageStop\":{\"stopReason\":\"end_turn\"}},{\"metadata\":{\"usage\":{\"inputTokens\":"
                 "%u,\"outputTokens\":%u,\"totalTokens\":%u},\"metrics\":{\"latencyMs\":%u}}}]"
               : "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"" PROMPT
                 "\"}]}},\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":%u,\"outputTokens\":%u,"
                 "\"totalTokens\":%u},\"metrics\":{\"latencyMs\":%u}}",
        c->input, c->output, c->input + c->output, c->latency_ms);
}

static void put_chunks(struct buf *b, const struct aws_call *c)
{
    buf_printf(b,
               "[{\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" PROMPT
               "\"}}]},{\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
               "\"stop\"}],\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":%u,\"outputTokenCount\":%u,"
               "\"invocationLatency\":%u,\"firstByteLatency\":%u}}]",
               c->input, c->output, c->latency_ms, c->ttft_ms);
}

static void put_output(struct buf *b, const struct aws_call *c)
{
    if (c->error)
        return;
    buf_put(b, SV(",\"output\":{\"outputContentType\":\"application/json\",\"outputBodyJson\":"));
    if (c->op == AWS_CONVERSE || c->op == AWS_CONVERSE_STREAM)
        put_converse(b, c, c->op == AWS_CONVERSE_STREAM);
    else if (c->op == AWS_INVOKE_STREAM)
        put_chunks(b, c);
    else
        buf_printf(b, "{\"choices\":[{\"message\":{\"content\":\"" PROMPT "\"},\"finish_reason\":\"stop\"}]}");
    buf_printf(b, ",\"outputTokenCount\":%u}", c->output);
}

static void put_record(struct sim *s, const struct aws_entry_view *v, struct buf *b)
{
    const struct aws_call *c = &v->call;
    const struct aws_region *served = &aws_regions[c->served];

    buf_put(b, SV("{\"schemaType\":\"ModelInvocationLog\",\"schemaVersion\":\"1.0\","));
    put_time(b, "timestamp", c->at);
    buf_putc(b, ',');
    put_member(b, "accountId", v->account->id);
    buf_put(b, SV(",\"identity\":{\"arn\":"));
    put_caller(b, s, v->account, c->caller);
    buf_put(b, SV("},"));
    put_member(b, "region", v->place->region->name);
    buf_putc(b, ',');
    put_id(b, "requestId", c->id_hi, c->id_lo);
    buf_putc(b, ',');
    put_member(b, "operation", operation_of(s, c));
    buf_putc(b, ',');
    put_member(b, "modelId", v->deployment->model_id);
    put_input(b, v);
    put_output(b, c);
    if (c->error)
        buf_printf(b, ",\"errorCode\":\"%s\",\"status\":\"%u\"", aws_error_rows[c->error].code,
                   aws_error_rows[c->error].status);
    if (served != v->place->region) {
        buf_putc(b, ',');
        put_member(b, "inferenceRegion", served->name);
    }
    if (c->id_lo % 4 == 0) {
        buf_put(b, SV(",\"requestMetadata\":{"));
        put_member(b, "team", v->account->team);
        buf_putc(b, '}');
    }
    buf_putc(b, '}');
}

/* ---- CloudTrail ---- */

void aws_trail_of(const struct sim *s, const struct aws_entry_view *v, struct aws_trail_view *out)
{
    const struct aws_call *c = &v->call;

    if (v->entry->kind == ENTRY_MANAGEMENT) {
        const struct aws_event_name *n = &aws_event_names[v->event.name];

        *out = (struct aws_trail_view){ .source = sv_of(n->source),
                                        .name = sv_of(n->name),
                                        .username = aws_of(s)->world.callers[v->event.caller],
                                        .id_hi = v->event.id_hi,
                                        .id_lo = v->event.id_lo,
                                        .read_only = n->read_only,
                                        .error = v->event.failed ? "AccessDenied" : NULL };
        return;
    }
    *out = (struct aws_trail_view){ .source = SV("bedrock.amazonaws.com"),
                                    .name = operation_of(s, c),
                                    .username = aws_of(s)->world.callers[c->caller],
                                    .id_hi = rng_name(c->id_hi, 'T'),
                                    .id_lo = rng_name(c->id_lo, 'T'),
                                    .read_only = true,
                                    .error = aws_error_rows[c->error].code };
    if (v->entry->kind == ENTRY_DATA) {
        out->source = SV("bedrock-mantle.amazonaws.com");
        out->name = SV("CreateInference");
        out->read_only = false;
    }
}

static void put_data_event(struct buf *b, const struct aws_entry_view *v)
{
    const struct aws_deployment *d = v->deployment;
    sv region = v->place->region->name, account = v->account->id;

    buf_put(b, SV(",\"requestParameters\":{"));
    put_member(b, "model", d->model_id);
    buf_printf(b, ",\"stream\":%s,\"service_tier\":\"%s\",\"metadata\":{\"note\":\"" PROMPT "\"}}",
               v->call.id_lo & 1 ? "true" : "false", aws_tiers[v->call.tier]);
    buf_printf(b,
               ",\"resources\":[{\"accountId\":\"%.*s\",\"type\":\"AWS::BedrockMantle::Project\",\"ARN\":"
               "\"arn:aws:bedrock-mantle:%.*s:%.*s:project/%.*s\"}]",
               SV_ARG(account), SV_ARG(region), SV_ARG(account), SV_ARG(d->project));
}

static void put_parameters(struct buf *b, const struct aws_entry_view *v)
{
    const struct aws_region *served = &aws_regions[v->call.served];

    if (v->entry->kind == ENTRY_DATA) {
        put_data_event(b, v);
        return;
    }
    if (v->entry->kind == ENTRY_MANAGEMENT) {
        buf_put(b, SV(",\"requestParameters\":null"));
        return;
    }
    buf_put(b, SV(",\"requestParameters\":{"));
    put_member(b, "modelId", v->deployment->model_id);
    buf_putc(b, '}');
    if (served != v->place->region)
        buf_printf(b, ",\"additionalEventData\":{\"inferenceRegion\":\"%.*s\"}", SV_ARG(served->name));
}

static void put_event(struct sim *s, const struct aws_entry_view *v, struct buf *b)
{
    bool data = v->entry->kind == ENTRY_DATA, call = v->entry->kind != ENTRY_MANAGEMENT;
    sv account = v->account->id;
    struct aws_trail_view t;

    aws_trail_of(s, v, &t);
    buf_put(b, SV("{\"eventVersion\":\"1.09\",\"userIdentity\":{\"type\":\"AssumedRole\",\"arn\":"));
    put_caller(b, s, v->account, call ? v->call.caller : v->event.caller);
    buf_printf(b, ",\"accountId\":\"%.*s\"},", SV_ARG(account));
    put_time(b, "eventTime", v->entry->at);
    buf_putc(b, ',');
    put_member(b, "eventSource", t.source);
    buf_putc(b, ',');
    put_member(b, "eventName", t.name);
    buf_putc(b, ',');
    put_member(b, "awsRegion", v->place->region->name);
    buf_put(b, SV(",\"sourceIPAddress\":\"192.0.2.10\",\"userAgent\":\"OpenAI/Python\""));
    if (t.error)
        buf_printf(b, ",\"errorCode\":\"%s\",\"errorMessage\":\"refused\"", t.error);
    put_parameters(b, v);
    buf_put(b, SV(",\"responseElements\":null,"));
    put_id(b, "requestID", call ? v->call.id_hi : rng_name(t.id_hi, 'R'), call ? v->call.id_lo : t.id_lo);
    buf_putc(b, ',');
    put_id(b, "eventID", t.id_hi, t.id_lo);
    buf_printf(b, ",\"readOnly\":%s,\"eventType\":\"AwsApiCall\",\"managementEvent\":%s,",
               t.read_only ? "true" : "false", data ? "false" : "true");
    put_member(b, "recipientAccountId", account);
    buf_put(b, data ? SV(",\"eventCategory\":\"Data\"}") : SV(",\"eventCategory\":\"Management\"}"));
}

void aws_entry_write(struct sim *s, const struct aws_entry_view *v, struct buf *out)
{
    if (v->entry->kind == ENTRY_RECORD)
        put_record(s, v, out);
    else
        put_event(s, v, out);
}
