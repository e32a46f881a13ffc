/*
 * Frame to bytes: protobuf-c structs are laid out in a scratch arena with pointers into the frame's own strings, sized,
 * and packed once, straight into the caller's buffer; no string is copied on the way but that one time.
 *
 * The rows of codec_fields.h drive it. Everything absent is left out of the wire, so that nothing has to be said twice
 * and a reader of any language sees presence. Packing is deterministic (field order, no maps): the golden file in
 * tests/data/golden depends on it, and so may whoever compares frames by bytes.
 */
#include "collector/model/codec.h"

#include <math.h>
#include <telemetry.pb-c.h>

#include "collector/base/arena.h"
#include "collector/model/codec_fields.h"

enum { SCRATCH_LIMIT = 512 << 20 };

struct packer {
    struct arena scratch;
    const struct batch *batch; /* being packed */
    int64_t base_time, base_arrival;
    bool full;
};

static void *scratch(struct packer *k, size_t n, size_t size)
{
    void *p = arena_array(&k->scratch, n, size);

    k->full = k->full || !p;
    return p;
}

static ProtobufCBinaryData bytes_of(sv s)
{
    return (ProtobufCBinaryData){ s.len, (uint8_t *)(uintptr_t)s.at };
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The 16 bytes of a UUID in the one spelling that reading gives back. */
static bool uuid_pack(sv s, uint8_t out[16])
{
    size_t n = 0;

    if (s.len != 36)
        return false;
    for (size_t i = 0; i < 36;) {
        int high, low;

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s.at[i++] != '-')
                return false;
            continue;
        }
        high = nibble(s.at[i]);
        low = nibble(s.at[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[n++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    return true;
}

static void pack_ident(struct packer *k, sv id, protobuf_c_boolean *has_text, ProtobufCBinaryData *text,
                       protobuf_c_boolean *has_uuid, ProtobufCBinaryData *uuid)
{
    uint8_t bytes[16], *copy;

    if (!uuid_pack(id, bytes)) {
        *has_text = id.len > 0;
        *text = bytes_of(id);
        return;
    }
    copy = scratch(k, 1, sizeof bytes);
    if (!copy)
        return;
    memcpy(copy, bytes, sizeof bytes);
    *has_uuid = true;
    *uuid = (ProtobufCBinaryData){ sizeof bytes, copy };
}

static Trefoil__V1__KeyValue **pack_pairs(struct packer *k, const struct key_value *r, size_t n)
{
    Trefoil__V1__KeyValue **list = n ? scratch(k, n, sizeof(Trefoil__V1__KeyValue *)) : NULL;
    Trefoil__V1__KeyValue *p = n ? scratch(k, n, sizeof *p) : NULL;

    if (!list || !p)
        return NULL;
    for (size_t i = 0; i < n; i++, r++, p++) {
        trefoil__v1__key_value__init(p);
        p->has_name = r->name != 0;
        p->name = r->name;
        p->value_symbol = batch_sym_find(k->batch, r->value);
        p->has_value_symbol = p->value_symbol != 0;
        p->has_value = !p->has_value_symbol && r->value.len > 0;
        p->value = bytes_of(r->value);
        list[i] = p;
    }
    return list;
}

/* Sums and differences of instants wrap on purpose: whatever two numbers are, reading gives the same one back. */
static int64_t delta(int64_t instant, int64_t base)
{
    return (int64_t)((uint64_t)instant - (uint64_t)base);
}

#define PACK(kind, ...) PACK_##kind(__VA_ARGS__)
#define PACK_IF(present, m, v)                                                                                         \
    if (present) {                                                                                                     \
        p->has_##m = true;                                                                                             \
        p->m = v;                                                                                                      \
    }
#define PACK_KEY(m)           PACK_IF(r->m != 0, m, r->m)
#define PACK_COUNTER(m)       PACK_IF(r->m != 0, m, r->m)
#define PACK_SYM(m)           PACK_IF(r->m != 0, m, r->m)
#define PACK_NUM(m)           PACK_IF(r->m != NONE, m, r->m)
#define PACK_REAL(m)          PACK_IF(!isnan(r->m), m, r->m)
#define PACK_FLAG(m)          PACK_IF(r->m, m, true)
#define PACK_TEXT(m)          PACK_IF(r->m.len > 0, m, bytes_of(r->m))
#define PACK_AT(m)            PACK_IF(r->m != 0, m, r->m)
#define PACK_AMOUNT(m)        PACK_IF(r->m != 0, m, r->m)
#define PACK_TIME(m, base)    PACK_IF(r->m##_unix_nano != 0, m##_delta_nano, delta(r->m##_unix_nano, k->base))
#define PACK_ENUM(m, n, name) PACK_IF(r->m != 0, m, (unsigned)r->m)
#define PACK_MKIND(m)         PACK_IF(true, m, (unsigned)r->m + 1)
#define PACK_IDENT(m, uuid)   pack_ident(k, r->m, &p->has_##m, &p->m, &p->has_##uuid, &p->uuid);
#define PACK_PAIRS(m, n)                                                                                               \
    p->m = pack_pairs(k, r->m, r->n);                                                                                  \
    p->n = p->m ? r->n : 0;
#define PACK_BOUNDS(m)                                                                                                 \
    p->m = r->m;                                                                                                       \
    p->n_##m = r->n_buckets > 0 ? r->n_buckets - 1 : 0;
#define PACK_BUCKETS(m)                                                                                                \
    p->m = r->m;                                                                                                       \
    p->n_##m = r->n_buckets;

/* pack_<things>(): an array of n structs as protobuf-c wants it; `extra` handles what the rows cannot say. */
#define PACKER(things, thing, Message, message, FIELDS, extra)                                                         \
    static Trefoil__V1__##Message **pack_##things(struct packer *k, const struct thing *r, size_t n)                   \
    {                                                                                                                  \
        Trefoil__V1__##Message **list = n ? scratch(k, n, sizeof(Trefoil__V1__##Message *)) : NULL;                    \
        Trefoil__V1__##Message *p = n ? scratch(k, n, sizeof *p) : NULL;                                               \
                                                                                                                       \
        if (!list || !p)                                                                                               \
            return NULL;                                                                                               \
        for (size_t i = 0; i < n; i++, r++, p++) {                                                                     \
            trefoil__v1__##message##__init(p);                                                                         \
            FIELDS(PACK)                                                                                               \
            extra list[i] = p;                                                                                         \
        }                                                                                                              \
        return list;                                                                                                   \
    }

/* A list and its count. */
#define PACK_LIST(list)                                                                                                \
    p->list = pack_##list(k, r->list, r->n_##list);                                                                    \
    p->n_##list = p->list ? r->n_##list : 0;

PACKER(calls, call, Call, call, CALL_FIELDS, )
PACKER(measures, measure, Measure, measure, MEASURE_FIELDS, )
PACKER(audits, audit, Audit, audit, AUDIT_FIELDS, )
PACKER(charges, charge, Charge, charge, CHARGE_FIELDS, )
PACKER(gaps, gap, Gap, gap, GAP_FIELDS, )
PACKER(origins, origin, Origin, origin, ORIGIN_FIELDS, )
PACKER(windows, window, Window, window, WINDOW_FIELDS, )
PACKER(quarantined, quarantine, Quarantine, quarantine, QUARANTINE_FIELDS, )
PACKER(spends, spend, Spend, spend, SPEND_FIELDS, )
PACKER(rules, rule, Rule, rule, RULE_FIELDS, )
PACKER(items, inventory_item, InventoryItem, inventory_item, ITEM_FIELDS, )

#define EPOCH_EXTRA                                                                                                    \
    PACK_IF(true, kind, (unsigned)r->kind + 1)                                                                         \
    PACK_LIST(rules)                                                                                                   \
    PACK_LIST(items)
PACKER(epochs, epoch, Epoch, epoch, EPOCH_FIELDS, EPOCH_EXTRA)

#define MARK_FIELDS(X) X(KEY, series)
PACKER(marks, mark, Mark, mark, MARK_FIELDS, PACK_IF(true, kind, (unsigned)r->kind + 1))

/* The first time of a record of the batch: near all others, so that deltas are short. */
static int64_t first_time(const struct batch *b)
{
    const int64_t firsts[] = {
        b->n_calls ? b->calls->time_unix_nano : 0,   b->n_measures ? b->measures->start_unix_nano : 0,
        b->n_audits ? b->audits->time_unix_nano : 0, b->n_charges ? b->charges->start_unix_nano : 0,
        b->n_gaps ? b->gaps->start_unix_nano : 0,
    };

    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++)
        if (firsts[i] != 0)
            return firsts[i];
    return 0;
}

static void pack_symbols(struct packer *k, const struct batch *b, Trefoil__V1__Batch *p)
{
    const size_t n = batch_symbols(b);

    p->symbols = n ? scratch(k, n, sizeof *p->symbols) : NULL;
    p->n_symbols = p->symbols ? n : 0;
    for (size_t i = 0; i < p->n_symbols; i++)
        p->symbols[i] = bytes_of(batch_sv(b, (sym)(i + 1)));
}

static void pack_batch(struct packer *k, const struct batch *r, Trefoil__V1__Batch *p)
{
    Trefoil__V1__Origin **origin = pack_origins(k, &r->origin, 1);

    trefoil__v1__batch__init(p);
    k->batch = r;
    k->base_time = first_time(r);
    k->base_arrival = r->n_calls ? r->calls->arrival_unix_nano : 0;
    pack_symbols(k, r, p);
    p->origin = origin ? *origin : NULL;
    PACK_IF(k->base_time != 0, base_time_unix_nano, k->base_time)
    PACK_IF(k->base_arrival != 0, base_arrival_unix_nano, k->base_arrival)
    PACK_IF(r->observed_unix_nano != 0, observed_unix_nano, r->observed_unix_nano)
    PACK_IF(r->mapping_version != 0, mapping_version, r->mapping_version)
    PACK_LIST(calls)
    PACK_LIST(measures)
    PACK_LIST(audits)
    PACK_LIST(charges)
    PACK_LIST(gaps)
}

static void pack_batches(struct packer *k, const struct frame *f, Trefoil__V1__Frame *out)
{
    size_t n = 0;
    Trefoil__V1__Batch *p;

    for (const struct batch *b = f->batches; b; b = b->next)
        n++;
    p = scratch(k, n, sizeof *p);
    out->batches = scratch(k, n, sizeof(Trefoil__V1__Batch *));
    if (!p || !out->batches)
        return;
    for (const struct batch *b = f->batches; b; b = b->next, p++) {
        pack_batch(k, b, p);
        out->batches[out->n_batches++] = p;
    }
}

static Trefoil__V1__Tally *pack_tally(struct packer *k, const struct tally *t)
{
    Trefoil__V1__Tally *p = scratch(k, 1, sizeof *p);
    Trefoil__V1__Tally__Count *counts = scratch(k, REASONS, sizeof *counts);

    if (!p || !counts)
        return NULL;
    trefoil__v1__tally__init(p);
    PACK_IF(t->received != 0, received, t->received)
    PACK_IF(t->stored != 0, stored, t->stored)
    PACK_IF(t->duplicate != 0, duplicate, t->duplicate)
    p->reasons = scratch(k, REASONS, sizeof(Trefoil__V1__Tally__Count *));
    for (int i = 0; i < REASONS && p->reasons; i++) {
        Trefoil__V1__Tally__Count *c = &counts[i];

        if (t->rejected[i] == 0 && t->quarantined[i] == 0)
            continue;
        trefoil__v1__tally__count__init(c);
        c->has_reason = i != 0;
        c->reason = (unsigned)i;
        c->has_rejected = t->rejected[i] != 0;
        c->rejected = t->rejected[i];
        c->has_quarantined = t->quarantined[i] != 0;
        c->quarantined = t->quarantined[i];
        p->reasons[p->n_reasons++] = c;
    }
    return p;
}

static void pack_frame(struct packer *k, const struct frame *r, Trefoil__V1__Frame *p)
{
    trefoil__v1__frame__init(p);
    PACK_IF(true, lane, (unsigned)r->lane + 1)
    PACK_TEXT(source)
    PACK_TEXT(scope)
    PACK_AT(written_unix_nano)
    PACK_LIST(windows)
    p->tally = pack_tally(k, &r->tally);
    pack_batches(k, r, p);
    PACK_LIST(quarantined)
    PACK_LIST(epochs)
    PACK_LIST(marks)
    PACK_LIST(spends)
}

static enum err_code pack_into(const Trefoil__V1__Frame *p, struct buf *out, struct err *e)
{
    const size_t size = trefoil__v1__frame__get_packed_size(p);
    char *to = buf_reserve(out, size);

    if (!to)
        return err_set(e, ERR_LIMIT, "frame of %zu bytes does not fit the buffer", size);
    buf_added(out, trefoil__v1__frame__pack(p, (uint8_t *)to));
    return ERR_OK;
}

enum err_code frame_encode(const struct frame *f, struct buf *out, struct err *e)
{
    struct packer k = { 0 };
    Trefoil__V1__Frame p;
    enum err_code code;

    arena_init(&k.scratch, SCRATCH_LIMIT);
    pack_frame(&k, f, &p);
    code = k.full ? err_set(e, ERR_LIMIT, "frame of %zu records is too large to pack", frame_records(f))
                  : pack_into(&p, out, e);
    arena_done(&k.scratch);
    return code;
}
