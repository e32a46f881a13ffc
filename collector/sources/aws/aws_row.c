/*
 * What the kinds of records share: batches by origin, the model behind an id, leaves that are not mapped, quarantine.
 *
 * A page holds records of one account and region and, on the mantle plane, of many projects; a file may hold any. So the
 * batch is found through a map by hash of the origin; one that an earlier page of the same frame made is found by
 * aws_batch_of.
 */
#include "collector/sources/aws/aws_row.h"

#include <stdio.h>
#include <stdlib.h>

#include "collector/base/hash.h"
#include "collector/base/memory.h"
#include "collector/model/region.h"

enum { SCRATCH_BYTES_MAX = 4 << 20, REGION_BYTES_MAX = 32 };

struct aws_decoder *aws_decoder_new(void)
{
    struct aws_decoder *d = memory_zeroed(1, sizeof *d);

    if (!d)
        return NULL;
    d->outer = json_parser_new(0);
    d->inner = json_parser_new(0);
    arena_init(&d->scratch, SCRATCH_BYTES_MAX);
    batches_init(&d->batches);
    if (!d->outer || !d->inner) {
        aws_decoder_free(d);
        return NULL;
    }
    return d;
}

void aws_decoder_free(struct aws_decoder *d)
{
    if (!d)
        return;
    json_parser_free(d->outer);
    json_parser_free(d->inner);
    arena_done(&d->scratch);
    batches_done(&d->batches);
    free(d);
}

enum err_code aws_log_full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "aws: frame is full");
}

enum err_code aws_quarantine(struct aws_decoder *d, const struct aws_place_in *at, struct err *e)
{
    return frame_add_quarantine(d->frame, REASON_MALFORMED, at->what, at->bytes) ? ERR_OK : aws_log_full(e);
}

void aws_reject(struct aws_decoder *d, enum reason reason)
{
    d->frame->tally.rejected[reason]++;
}

enum err_code aws_record_take(struct aws_decoder *d, json record, const struct aws_place_in *at, struct err *e)
{
    enum err_code code = ERR_OK;

    d->frame->tally.received++;
    if (aws_is_invocation(record))
        code = aws_invocation_take(d, record, at, e);
    else if (aws_is_trail_event(record))
        code = aws_trail_take(d, record, at, e);
    else if (aws_word(json_get(record, SV("schemaType"))).len)
        aws_reject(d, REASON_POLICY); /* another log of the same group */
    else
        code = aws_quarantine(d, at, e);
    arena_reset(&d->scratch);
    return code;
}

/* ---- Origin ---- */

static bool is_account(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return s.len == AWS_ACCOUNT_DIGITS;
}

static bool is_region(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '-'))
            return false;
    return s.len > 0 && s.len <= REGION_BYTES_MAX;
}

bool aws_origin_of(const struct aws_decoder *d, json account, json region, struct aws_origin *out)
{
    out->account = json_sv(account).len ? json_sv(account) : d->context->account;
    out->region = json_sv(region).len ? json_sv(region) : d->context->region;
    out->project = SV_NONE;
    return is_account(out->account) && is_region(out->region);
}

struct batch *aws_log_batch(struct aws_decoder *d, const struct aws_origin *o)
{
    uint64_t key = hash_part(hash_part(hash_part(o->platform, o->account), o->region), o->project);
    struct batch *b;

    if (batches_find(&d->batches, key, &b))
        return b;
    b = aws_batch_of(d->frame, o, d->context->source, d->context->observed_unix_nano);
    if (!b || !batches_add(&d->batches, d->frame->arena, key, b))
        return NULL;
    b->mapping_version = AWS_LOG_MAPPING;
    return b;
}

/* ---- Model ---- */

enum err_code aws_log_model(struct aws_decoder *d, const struct aws_origin *o, sv model_id, struct aws_model *out,
                            bool *wanted, struct err *e)
{
    const struct aws_log_context *c = d->context;
    struct aws_profile found = { .id = SV_NONE, .model_id = SV_NONE };
    struct aws_profiles one = { .at = &found, .n = 1 };
    enum err_code code = aws_model_of(NULL, model_id, &d->scratch, out, e);

    if (code == ERR_OK && out->opaque && model_id.len && c->profile &&
        c->profile(c->ctx, o->account, o->region, model_id, &found)) {
        found.id = aws_last_part(sv_trim(model_id));
        code = aws_model_of(&one, model_id, &d->scratch, out, e);
    }
    *wanted = code == ERR_OK && (!c->publisher || out->publisher.len == 0 || c->publisher(c->ctx, out->publisher));
    return code;
}

void aws_call_model(struct batch *b, sv model_id, const struct aws_model *m, struct call *c)
{
    c->model_requested = batch_sym(b, model_id);
    c->model = batch_sym(b, m->model);
    c->deployment = batch_sym(b, m->deployment);
}

void aws_call_served(struct batch *b, sv served, sv home, struct call *c)
{
    sv region = is_region(served) ? served : home;

    c->served_region = batch_sym(b, region);
    c->served_jurisdiction = batch_sym(b, region_jurisdiction(CLOUD_AWS, region));
}

/* ---- Leaves ---- */

sv aws_word(json v)
{
    sv s = json_sv(v);

    return s.len <= AWS_TEXT_MAX ? s : SV_NONE;
}

bool aws_call_metadata(struct batch *b, json object, sv path, struct extras *x, struct call *c)
{
    struct json_iter it = json_members(object);
    size_t n = json_type(object) == JSON_OBJECT ? json_count(object) : 0;
    sv key;
    json v;

    if (n == 0)
        return extra_shape(x, path, object);
    c->metadata = arena_array(b->arena, n < AWS_METADATA_MAX ? n : AWS_METADATA_MAX, sizeof *c->metadata);
    if (!c->metadata)
        return false;
    while (json_member(&it, &key, &v) && c->n_metadata < AWS_METADATA_MAX) {
        sv value = arena_copy(b->arena, aws_word(v));

        if (!value.at)
            return false;
        if (key.len && key.len <= AWS_TEXT_MAX && value.len)
            c->metadata[c->n_metadata++] = (struct key_value){ .name = batch_sym(b, key), .value = value };
    }
    return true;
}

bool aws_extra_members(json object, const char *below, const struct aws_known *known, size_t n, struct extras *x)
{
    struct json_iter it = json_members(object);
    char path[160];
    bool fits = true;
    sv key;
    json v;

    while (fits && json_member(&it, &key, &v)) {
        size_t i = 0;
        int len = snprintf(path, sizeof path, "%s%.*s", below, SV_ARG(sv_first(key, 100)));

        while (i < n && !sv_eq(key, sv_of(known[i].name)))
            i++;
        if (i == n)
            fits = extra_shape(x, sv_make(path, (size_t)len), v);
        else if (known[i].is == AWS_KEPT)
            fits = extra_value(x, sv_make(path, (size_t)len), v);
    }
    return fits;
}
