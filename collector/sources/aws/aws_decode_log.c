/*
 * The doors: pages of FilterLogEvents and LookupEvents, files.
 *
 * A log event's message, and an event of LookupEvents, is a string that holds the JSON. A message that is none is
 * quarantined alone. A page may be empty and have a token all the same (aws.md 2.8).
 */
#include <stdio.h>

#include "collector/base/clock.h"
#include "collector/base/json_documents.h"
#include "collector/sources/aws/aws_row.h"

static void begin(struct aws_decoder *d, const struct aws_log_context *c, struct frame *out)
{
    batches_begin(&d->batches);
    arena_reset(&d->scratch);
    d->context = c;
    d->frame = out;
}

static enum err_code set_aside(struct aws_decoder *d, sv what, sv bytes, struct err *e)
{
    d->frame->tally.received++;
    return aws_quarantine(d, &(struct aws_place_in){ .what = what, .bytes = bytes }, e);
}

static int64_t nano_of_ms(json v)
{
    int64_t ms, nano;

    return json_i64(v, &ms) && ms > 0 && !__builtin_mul_overflow(ms, NANO_PER_MS, &nano) ? nano : 0;
}

/* ---- Items of the two answers ---- */

static enum err_code take_log_event(struct aws_decoder *d, json event, sv what, struct err *e)
{
    sv message = sv_trim(json_sv(json_get(event, SV("message"))));
    struct aws_place_in at = { .what = what,
                               .bytes = message,
                               .time_unix_nano = nano_of_ms(json_get(event, SV("timestamp"))),
                               .arrival_unix_nano = nano_of_ms(json_get(event, SV("ingestionTime"))) };
    json record;

    if (json_parse(d->inner, message, &record, NULL))
        return set_aside(d, what, message, e);
    return aws_record_take(d, record, &at, e);
}

/* Looked at from outside first: an account's writes are mostly those of other services. */
static enum err_code take_lookup_event(struct aws_decoder *d, json event, sv what, struct err *e)
{
    sv text = json_sv(json_get(event, SV("CloudTrailEvent"))), source = json_sv(json_get(event, SV("EventSource")));
    struct aws_place_in at = { .what = what, .bytes = text };
    json record;

    if (source.len && !sv_starts(source, SV("bedrock"))) {
        d->frame->tally.received++;
        aws_reject(d, REASON_POLICY);
        return ERR_OK;
    }
    if (json_parse(d->inner, text, &record, NULL))
        return set_aside(d, what, text, e);
    return aws_record_take(d, record, &at, e);
}

typedef enum err_code take_fn(struct aws_decoder *d, json event, sv what, struct err *e);

static enum err_code take_list(struct aws_decoder *d, json list, take_fn *take, struct err *e)
{
    struct json_iter it = json_items(list);
    enum err_code code = ERR_OK;
    char what[40];
    size_t n = 0;
    json event;

    while (!code && json_item(&it, &event)) {
        snprintf(what, sizeof what, "event %zu of the page", ++n);
        code = take(d, event, sv_of(what), e);
    }
    return code;
}

/* ---- Pages ---- */

struct answer {
    const char *name, *list, *token;
    take_fn *take;
};
static const struct answer filtered = { "log events", "events", "nextToken", take_log_event };
static const struct answer looked_up = { "trail events", "Events", "NextToken", take_lookup_event };

static enum err_code take_page(struct aws_decoder *d, const struct answer *a, sv body, sv *token, struct err *e)
{
    enum err_code code;
    json root, list;
    sv next;

    if (json_parse(d->outer, body, &root, e))
        return err_wrap(e, "%s", a->name);
    list = json_get(root, sv_of(a->list));
    if (json_type(list) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "%s: no array %s in the answer", a->name, a->list);
    code = take_list(d, list, a->take, e);
    if (code)
        return code;
    next = arena_copy(d->frame->arena, json_sv(json_get(root, sv_of(a->token))));
    if (!next.at)
        return aws_log_full(e);
    *token = next;
    return ERR_OK;
}

enum err_code aws_decode_log_events(struct aws_decoder *d, sv body, const struct aws_log_context *c, struct frame *out,
                                    sv *token, struct err *e)
{
    begin(d, c, out);
    return take_page(d, &filtered, body, token, e);
}

enum err_code aws_decode_lookup(struct aws_decoder *d, sv body, const struct aws_log_context *c, struct frame *out,
                                sv *token, struct err *e)
{
    begin(d, c, out);
    return take_page(d, &looked_up, body, token, e);
}

/* ---- Files ---- */

static enum err_code bad_document(void *ctx, size_t n, sv bytes, struct err *e)
{
    char what[40];

    return set_aside(ctx, sv_make(what, (size_t)snprintf(what, sizeof what, "record %zu", n)), bytes, e);
}

static enum err_code take_document(void *ctx, json record, size_t n, sv bytes, struct err *e)
{
    struct aws_decoder *d = ctx;
    char what[40];
    struct aws_place_in at = { .what = sv_make(what, (size_t)snprintf(what, sizeof what, "record %zu", n)),
                               .bytes = bytes };

    if (json_type(record) != JSON_OBJECT)
        return bad_document(ctx, n, bytes, e);
    if (json_type(json_get(record, sv_of(filtered.list))) == JSON_ARRAY)
        return take_list(d, json_get(record, sv_of(filtered.list)), filtered.take, e);
    if (json_type(json_get(record, sv_of(looked_up.list))) == JSON_ARRAY)
        return take_list(d, json_get(record, sv_of(looked_up.list)), looked_up.take, e);
    return aws_record_take(d, record, &at, e);
}

enum err_code aws_decode_records(struct aws_decoder *d, sv bytes, const struct aws_log_context *c, struct frame *out,
                                 struct err *e)
{
    const struct json_documents documents = {
        .parser = d->outer, .list = "Records", .ctx = d, .record = take_document, .bad = bad_document
    };

    begin(d, c, out);
    return json_documents_read(&documents, bytes, NULL, e);
}
