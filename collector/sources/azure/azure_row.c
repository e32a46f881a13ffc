/*
 * What the doors share: batches by resource, leaves that are not mapped, quarantine.
 *
 * A page holds rows of many resources in any order, so the batch is found through a map by hash of (resource, region).
 * A batch that an earlier page of the same frame made is found once by walking the frame's list.
 */
#include "collector/sources/azure/azure_row.h"

#include <stdlib.h>

#include "collector/base/hash.h"
#include "collector/base/memory.h"
#include "collector/model/region.h"

enum { SCRATCH_BYTES_MAX = 4 << 20, SHAPE_DEPTH_MAX = 4, PATH_BYTES_MAX = 128 };

struct azure_decoder *azure_decoder_new(void)
{
    struct azure_decoder *d = memory_zeroed(1, sizeof *d);

    if (!d)
        return NULL;
    d->outer = json_parser_new(0);
    d->inner = json_parser_new(0);
    d->additional = json_parser_new(0);
    arena_init(&d->scratch, SCRATCH_BYTES_MAX);
    batches_init(&d->batches);
    if (!d->outer || !d->inner || !d->additional) {
        azure_decoder_free(d);
        return NULL;
    }
    return d;
}

void azure_decoder_free(struct azure_decoder *d)
{
    if (!d)
        return;
    json_parser_free(d->outer);
    json_parser_free(d->inner);
    json_parser_free(d->additional);
    arena_done(&d->scratch);
    batches_done(&d->batches);
    free(d);
}

void azure_decoder_begin(struct azure_decoder *d, const struct azure_log_context *c, struct frame *out)
{
    batches_begin(&d->batches);
    arena_reset(&d->scratch);
    d->context = c;
    d->frame = out;
}

sv azure_lower(sv s, char *out, size_t size)
{
    if (s.len == 0 || s.len > size)
        return SV_NONE;
    for (size_t i = 0; i < s.len; i++)
        out[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] + 32) : s.at[i];
    return sv_make(out, s.len);
}

sv azure_account_id(sv resource_id)
{
    sv name = sv_path_value(resource_id, SV("accounts"));

    if (!sv_eq_nocase(sv_path_value(resource_id, SV("providers")), SV("Microsoft.CognitiveServices")) ||
        name.len == 0 || sv_path_value(resource_id, SV("subscriptions")).len == 0)
        return SV_NONE;
    return sv_first(resource_id, (size_t)(name.at + name.len - resource_id.at));
}

sv azure_text(struct azure_decoder *d, json v)
{
    int64_t n;
    sv s;

    if (json_type(v) == JSON_STRING)
        return json_sv(v);
    if (json_type(v) != JSON_INT || !json_i64(v, &n))
        return SV_NONE;
    s = arena_printf(&d->scratch, "%lld", (long long)n);
    return s.at ? s : SV_NONE;
}

enum err_code azure_quarantine(struct azure_decoder *d, sv what, sv bytes, struct err *e)
{
    if (!frame_add_quarantine(d->frame, REASON_MALFORMED, what, bytes))
        return err_set(e, ERR_LIMIT, "azure: frame is full");
    return ERR_OK;
}

/* ---- Batches ---- */

static bool is_of(const struct batch *b, sv resource_id, sv region)
{
    return b->origin.cloud == CLOUD_AZURE && sv_eq(batch_sv(b, b->origin.resource_id), resource_id) &&
           sv_eq(batch_sv(b, b->origin.cloud_region), region);
}

static struct batch *find_batch(const struct azure_decoder *d, sv resource_id, sv region)
{
    struct batch *b = d->frame->batches;

    while (b && !(b->observed_unix_nano == d->context->observed_unix_nano && is_of(b, resource_id, region)))
        b = b->next;
    return b;
}

static struct batch *new_batch(struct azure_decoder *d, sv resource_id, const struct azure_account_facts *f)
{
    struct batch *b = frame_add_batch(d->frame);
    sv jurisdiction = f->jurisdiction.len ? f->jurisdiction : region_jurisdiction(CLOUD_AZURE, f->location);
    sv name = f->name.len ? f->name : sv_path_value(resource_id, SV("accounts"));

    if (!b)
        return NULL;
    b->observed_unix_nano = d->context->observed_unix_nano;
    b->mapping_version = AZURE_LOG_MAPPING;
    b->origin = (struct origin){
        .cloud = CLOUD_AZURE,
        .platform = PLATFORM_AZURE_OPENAI,
        .account = batch_sym(b, sv_path_value(resource_id, SV("subscriptions"))),
        .cloud_region = batch_sym(b, f->location),
        .resource = batch_sym(b, name),
        .resource_id = batch_sym(b, resource_id),
        .jurisdiction = batch_sym(b, jurisdiction),
        .source = batch_sym(b, d->context->source),
    };
    return b;
}

static struct batch *make_batch(struct azure_decoder *d, sv resource_id, sv location)
{
    struct azure_account_facts f = { .location = location };
    struct batch *b;

    if (d->context->account && !d->context->account(d->context->ctx, resource_id, &f))
        f = (struct azure_account_facts){ .location = location };
    if (f.location.len == 0)
        f.location = location;
    b = find_batch(d, resource_id, f.location);
    return b ? b : new_batch(d, resource_id, &f);
}

struct batch *azure_row_batch(struct azure_decoder *d, sv resource_id, sv location, bool *unwanted)
{
    const struct azure_log_context *c = d->context;
    uint64_t key = hash_part(hash64(resource_id), location);
    struct batch *b;

    if (batches_find(&d->batches, key, &b)) {
        *unwanted = !b;
        return b;
    }
    *unwanted = c->foreign && c->foreign(c->ctx, resource_id);
    b = *unwanted ? NULL : make_batch(d, resource_id, location);
    if ((b || *unwanted) && batches_add(&d->batches, d->frame->arena, key, b))
        return b;
    *unwanted = false;
    return NULL;
}
