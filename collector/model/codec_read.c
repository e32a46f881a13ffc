/*
 * Bytes to frame: protobuf-c reads the wire (bounds, unknown fields, merging), then each message is copied into the
 * frame's arena field by field. Nothing of the input is trusted: symbol numbers and enumerations are checked here,
 * memory of the intermediate structs has a budget (an empty record costs 2 bytes on the wire and several hundred in
 * memory), and a frame that does not name its lane is none, so that the empty message and a cut-off head are refused.
 */
#include <math.h>
#include <stdlib.h>
#include <telemetry.pb-c.h>

#include "collector/base/memory.h"
#include "collector/model/codec.h"
#include "collector/model/codec_fields.h"

enum { BUDGET_FACTOR = 4 };

struct budget {
    size_t left;
    bool exhausted;
};

static void *budget_alloc(void *data, size_t size)
{
    struct budget *b = data;

    if (size > b->left) {
        b->exhausted = true;
        return NULL;
    }
    b->left -= size;
    return memory_raw(size);
}

static void budget_free(void *data, void *p)
{
    (void)data;
    free(p);
}

struct reader {
    struct arena *arena;
    const struct batch *batch; /* being read */
    uint32_t n_symbols;
    int64_t base_time, base_arrival;
    bool full;
};

static sv read_text(struct reader *k, ProtobufCBinaryData bytes)
{
    sv copy;

    if (bytes.len == 0)
        return SV_NONE;
    copy = arena_copy(k->arena, sv_make(bytes.data, bytes.len));
    k->full = k->full || !copy.at;
    return copy.at ? copy : SV_NONE;
}

static sv read_ident(struct reader *k, ProtobufCBinaryData text, ProtobufCBinaryData uuid)
{
    static const char digits[] = "0123456789abcdef";
    char out[36];
    size_t n = 0;

    if (uuid.len != 16)
        return read_text(k, text);
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        out[n++] = digits[uuid.data[i] >> 4];
        out[n++] = digits[uuid.data[i] & 15];
    }
    return read_text(k, (ProtobufCBinaryData){ sizeof out, (uint8_t *)out });
}

static sym read_sym(const struct reader *k, uint32_t number)
{
    return number <= k->n_symbols ? number : 0;
}

static int64_t instant(int64_t delta, int64_t base)
{
    return (int64_t)((uint64_t)delta + (uint64_t)base);
}

static void *read_array(struct reader *k, size_t n, size_t size)
{
    void *p = n ? arena_array(k->arena, n, size) : NULL;

    k->full = k->full || (n && !p);
    return p;
}

static sv read_value(struct reader *k, const Trefoil__V1__KeyValue *p)
{
    return p->value_symbol ? batch_sv(k->batch, p->value_symbol) : read_text(k, p->value);
}

static struct key_value *read_pairs(struct reader *k, Trefoil__V1__KeyValue *const *list, size_t n)
{
    struct key_value *pairs = read_array(k, n, sizeof *pairs);

    for (size_t i = 0; pairs && i < n; i++)
        pairs[i] = (struct key_value){ read_sym(k, list[i]->name), read_value(k, list[i]) };
    return pairs;
}

/* Counts and the bounds between them: a list of bounds that does not fit is no distribution at all. */
static void read_buckets(struct reader *k, const Trefoil__V1__Measure *p, struct measure *r)
{
    const size_t n = p->n_buckets;

    if (n == 0 || p->n_bounds != n - 1)
        return;
    r->buckets = read_array(k, n, sizeof *r->buckets);
    r->bounds = read_array(k, n - 1, sizeof *r->bounds);
    if (!r->buckets || (n > 1 && !r->bounds))
        return;
    memcpy(r->buckets, p->buckets, n * sizeof *r->buckets);
    if (n > 1)
        memcpy(r->bounds, p->bounds, (n - 1) * sizeof *r->bounds);
    r->n_buckets = n;
}

static int known(int value, int limit)
{
    return value > 0 && value < limit ? value : 0;
}

#define READ(kind, ...) READ_##kind(__VA_ARGS__)
#define READ_IF(present, m, v)                                                                                         \
    if (present)                                                                                                       \
        r->m = v;
#define READ_KEY(m)           READ_IF(p->has_##m, m, p->m)
#define READ_COUNTER(m)       READ_IF(p->has_##m, m, p->m)
#define READ_NUM(m)           READ_IF(p->has_##m, m, p->m)
#define READ_REAL(m)          READ_IF(p->has_##m, m, p->m)
#define READ_FLAG(m)          READ_IF(p->has_##m, m, p->m != 0)
#define READ_AT(m)            READ_IF(p->has_##m, m, p->m)
#define READ_AMOUNT(m)        READ_IF(p->has_##m, m, p->m)
#define READ_TEXT(m)          r->m = read_text(k, p->m);
#define READ_SYM(m)           r->m = read_sym(k, p->m);
#define READ_TIME(m, base)    READ_IF(p->has_##m##_delta_nano, m##_unix_nano, instant(p->m##_delta_nano, k->base))
#define READ_ENUM(m, n, name) r->m = (unsigned)known((int)p->m, n);
#define READ_MKIND(m)                                                                                                  \
    r->m = MEASURE_GAUGE;                                                                                              \
    READ_IF(known((int)p->m, MEASURE_SUMMARY + 2), m, (unsigned)p->m - 1)
#define READ_IDENT(m, uuid) r->m = read_ident(k, p->m, p->uuid);
#define READ_PAIRS(m, n)                                                                                               \
    r->m = read_pairs(k, p->m, p->n);                                                                                  \
    r->n = r->m ? p->n : 0;
#define READ_BOUNDS(m)
#define READ_BUCKETS(m) read_buckets(k, p, r);

#define READER(things, thing, Message, FIELDS, kind)                                                                   \
    static void read_##things(struct reader *k, Trefoil__V1__##Message *const *list, size_t n, struct batch *b)        \
    {                                                                                                                  \
        b->things = read_array(k, n, sizeof *b->things);                                                               \
        b->cap[kind] = b->things ? n : 0;                                                                              \
        for (size_t i = 0; i < n && !k->full; i++) {                                                                   \
            const Trefoil__V1__##Message *p = list[i];                                                                 \
            struct thing *r = batch_add_##thing(b);                                                                    \
                                                                                                                       \
            k->full = k->full || !r;                                                                                   \
            if (!r)                                                                                                    \
                return;                                                                                                \
            FIELDS(READ)                                                                                               \
        }                                                                                                              \
    }

READER(calls, call, Call, CALL_FIELDS, RECORD_CALL)
READER(measures, measure, Measure, MEASURE_FIELDS, RECORD_MEASURE)
READER(audits, audit, Audit, AUDIT_FIELDS, RECORD_AUDIT)
READER(charges, charge, Charge, CHARGE_FIELDS, RECORD_CHARGE)
READER(gaps, gap, Gap, GAP_FIELDS, RECORD_GAP)

static void read_origin(const struct reader *k, const Trefoil__V1__Origin *p, struct origin *r)
{
    if (!p)
        return;
    ORIGIN_FIELDS(READ)
}

static void read_batch(struct reader *k, const Trefoil__V1__Batch *p, struct frame *f)
{
    struct batch *r = frame_add_batch(f);

    k->full = k->full || !r;
    if (!r)
        return;
    for (size_t i = 0; i < p->n_symbols && !k->full; i++)
        k->full = batch_add_symbol(r, sv_make(p->symbols[i].data, p->symbols[i].len)) == 0;
    k->batch = r;
    k->n_symbols = (uint32_t)batch_symbols(r);
    k->base_time = p->base_time_unix_nano;
    k->base_arrival = p->base_arrival_unix_nano;
    read_origin(k, p->origin, &r->origin);
    READ_AT(observed_unix_nano)
    READ_COUNTER(mapping_version)
    read_calls(k, p->calls, p->n_calls, r);
    read_measures(k, p->measures, p->n_measures, r);
    read_audits(k, p->audits, p->n_audits, r);
    read_charges(k, p->charges, p->n_charges, r);
    read_gaps(k, p->gaps, p->n_gaps, r);
}

static void read_window(struct reader *k, const Trefoil__V1__Window *p, struct frame *f)
{
    struct window *r = frame_add_window(f);

    k->full = k->full || !r;
    if (!r)
        return;
    WINDOW_FIELDS(READ)
}

/* Not through frame_add_quarantine, which counts: the tally of the frame has counted it already. */
static void read_quarantined(struct reader *k, Trefoil__V1__Quarantine *const *list, size_t n, struct frame *f)
{
    f->quarantined = read_array(k, n, sizeof *f->quarantined);
    f->n_quarantined = f->cap_quarantined = f->quarantined ? n : 0;
    for (size_t i = 0; i < f->n_quarantined; i++) {
        const Trefoil__V1__Quarantine *p = list[i];
        struct quarantine *r = &f->quarantined[i];

        QUARANTINE_FIELDS(READ)
    }
}

static void read_rules(struct reader *k, Trefoil__V1__Rule *const *list, size_t n, struct epoch *e)
{
    e->rules = read_array(k, n, sizeof *e->rules);
    e->n_rules = e->rules ? n : 0;
    for (size_t i = 0; i < e->n_rules; i++) {
        const Trefoil__V1__Rule *p = list[i];
        struct rule *r = &e->rules[i];

        r->weight = (double)NAN;
        RULE_FIELDS(READ)
    }
}

static void read_items(struct reader *k, Trefoil__V1__InventoryItem *const *list, size_t n, struct epoch *e)
{
    e->items = read_array(k, n, sizeof *e->items);
    e->n_items = e->items ? n : 0;
    for (size_t i = 0; i < e->n_items; i++) {
        const Trefoil__V1__InventoryItem *p = list[i];
        struct inventory_item *r = &e->items[i];

        r->capacity = (double)NAN;
        ITEM_FIELDS(READ)
    }
}

static void read_epoch(struct reader *k, const Trefoil__V1__Epoch *p, struct frame *f)
{
    const int kind = known((int)p->kind, EPOCH_KINDS + 1);
    struct epoch *r = kind ? frame_add_epoch(f) : NULL;

    k->full = k->full || (kind && !r);
    if (!r)
        return;
    r->kind = (unsigned)kind - 1;
    EPOCH_FIELDS(READ)
    read_rules(k, p->rules, p->n_rules, r);
    read_items(k, p->items, p->n_items, r);
}

static void read_mark(struct reader *k, const Trefoil__V1__Mark *p, struct frame *f)
{
    const int kind = known((int)p->kind, MARK_KINDS + 1);
    struct mark *m = kind ? frame_add_mark(f) : NULL;

    k->full = k->full || (kind && !m);
    if (m)
        *m = (struct mark){ .kind = (unsigned)kind - 1, .series = p->series };
}

static void read_spend(struct reader *k, const Trefoil__V1__Spend *p, struct frame *f)
{
    struct spend *r = frame_add_spend(f);

    k->full = k->full || !r;
    if (!r)
        return;
    SPEND_FIELDS(READ)
}

static int64_t add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void read_tally(const Trefoil__V1__Tally *p, struct tally *r)
{
    if (!p)
        return;
    READ_NUM(received)
    READ_NUM(stored)
    READ_NUM(duplicate)
    for (size_t i = 0; i < p->n_reasons; i++) {
        const Trefoil__V1__Tally__Count *c = p->reasons[i];
        const int reason = known((int)c->reason, REASONS);

        r->rejected[reason] = add(r->rejected[reason], c->rejected);
        r->quarantined[reason] = add(r->quarantined[reason], c->quarantined);
    }
}

static struct frame *read_frame(struct reader *k, const Trefoil__V1__Frame *p)
{
    struct frame *r = frame_new(k->arena, SV_NONE, SV_NONE);

    if (!r)
        return NULL;
    r->lane = p->lane == TREFOIL__V1__LANE__LANE_LIVE ? LANE_LIVE : LANE_BACKFILL;
    READ_TEXT(source)
    READ_TEXT(scope)
    READ_AT(written_unix_nano)
    read_tally(p->tally, &r->tally);
    for (size_t i = 0; i < p->n_windows; i++)
        read_window(k, p->windows[i], r);
    for (size_t i = 0; i < p->n_batches && !k->full; i++)
        read_batch(k, p->batches[i], r);
    read_quarantined(k, p->quarantined, p->n_quarantined, r);
    for (size_t i = 0; i < p->n_epochs; i++)
        read_epoch(k, p->epochs[i], r);
    for (size_t i = 0; i < p->n_marks; i++)
        read_mark(k, p->marks[i], r);
    for (size_t i = 0; i < p->n_spends; i++)
        read_spend(k, p->spends[i], r);
    return k->full ? NULL : r;
}

enum err_code frame_decode(sv bytes, struct arena *arena, struct frame **out, struct err *e)
{
    const size_t limit = arena->limit_bytes ? arena->limit_bytes : ARENA_LIMIT_DEFAULT;
    struct budget budget = { .left = limit > SIZE_MAX / BUDGET_FACTOR ? SIZE_MAX : limit * BUDGET_FACTOR };
    ProtobufCAllocator allocator = { budget_alloc, budget_free, &budget };
    struct reader k = { .arena = arena };
    const uint64_t refusals = memory_refusals();
    Trefoil__V1__Frame *p = trefoil__v1__frame__unpack(&allocator, bytes.len, (const uint8_t *)bytes.at);
    struct frame *f;

    if (!p && memory_refusals() != refusals)
        return err_set(e, ERR_LIMIT, "out of memory");
    if (!p)
        return budget.exhausted ? err_set(e, ERR_LIMIT, "frame of %zu bytes unfolds to more than is allowed", bytes.len)
                                : err_set(e, ERR_PARSE, "%zu bytes are no frame", bytes.len);
    if (!p->lane) {
        trefoil__v1__frame__free_unpacked(p, &allocator);
        return err_set(e, ERR_PARSE, "%zu bytes are no frame: lane missing", bytes.len);
    }
    f = read_frame(&k, p);
    trefoil__v1__frame__free_unpacked(p, &allocator);
    if (!f)
        return err_set(e, ERR_LIMIT, "frame of %zu bytes does not fit the arena", bytes.len);
    *out = f;
    return ERR_OK;
}
