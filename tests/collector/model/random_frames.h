/*
 * Frames from a seed, by the rows of codec_fields.h: every kind of record, fields set or not, extreme values among
 * them; and frames as a busy Azure account gives them, for sizes and benchmarks.
 */
#ifndef TESTS_MODEL_RANDOM_FRAMES_H
#define TESTS_MODEL_RANDOM_FRAMES_H

#include <math.h>

#include "collector/model/codec_fields.h"
#include "collector/model/record.h"

/* Near which times lie: 2026-11-24. */
#define RANDOM_T0 INT64_C(1795521600123456700)

/* splitmix64 */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct filler {
    struct arena *arena;
    uint64_t state;
    const struct batch *batch; /* being filled */
    size_t symbols;            /* it has so many */
};

static inline uint64_t below(struct filler *k, uint64_t n)
{
    return n ? next_random(&k->state) % n : 0;
}

/* Small, large, extreme; never NONE. */
static inline int64_t random_number(struct filler *k)
{
    static const int64_t extremes[] = { 0, 1, -1, INT64_MAX, INT64_MIN + 1, INT32_MAX, INT64_C(1) << 53 };

    switch (below(k, 3)) {
    case 0:
        return (int64_t)below(k, 1000);
    case 1:
        return extremes[below(k, sizeof extremes / sizeof extremes[0])];
    default:
        return (int64_t)(next_random(&k->state) | 1);
    }
}

static inline double random_real(struct filler *k)
{
    static const double extremes[] = { 0, -0.0, 1e308, -1e-308, 5e-324, HUGE_VAL, -HUGE_VAL };

    return below(k, 2) ? (double)random_number(k) / 7 : extremes[below(k, sizeof extremes / sizeof extremes[0])];
}

static inline sv random_text(struct filler *k)
{
    char text[40];
    const size_t n = below(k, sizeof text);

    for (size_t i = 0; i < n; i++)
        text[i] = (char)below(k, 256);
    return arena_copy(k->arena, (sv){ text, n });
}

/* UUIDs, and what nearly is one. */
static inline sv random_ident(struct filler *k)
{
    static const char *const shapes[] = { "%08x-%04x-4%03x-8%03x-%012llx", "%08X-%04x-4%03x-8%03x-%012llX",
                                          "%08x_%04x-4%03x-8%03x-%012llx", "%08x-%04x-4%03x-8%03x-%011llxg",
                                          "{%08x-%04x-4%03x-8%03x-%012llx}" };

    if (below(k, 4) == 0)
        return random_text(k);
    return arena_printf(k->arena, shapes[below(k, 5)], (unsigned)below(k, UINT32_MAX), (unsigned)below(k, 65536),
                        (unsigned)below(k, 4096), (unsigned)below(k, 4096), (unsigned long long)below(k, 1ULL << 44));
}

static inline sym random_sym(struct filler *k)
{
    return (sym)below(k, k->symbols + 1);
}

static inline struct key_value *random_pairs(struct filler *k, size_t *n)
{
    struct key_value *pairs;

    *n = below(k, 4);
    pairs = *n ? ARENA_ARRAY(k->arena, struct key_value, *n) : NULL;
    for (size_t i = 0; i < *n; i++)
        pairs[i] =
            (struct key_value){ random_sym(k), below(k, 2) ? random_text(k) : batch_sv(k->batch, random_sym(k)) };
    return pairs;
}

static inline void random_buckets(struct filler *k, struct measure *r)
{
    const size_t n = below(k, 5);

    if (n == 0)
        return;
    r->n_buckets = n;
    r->bounds = n > 1 ? ARENA_ARRAY(k->arena, double, n - 1) : NULL;
    r->buckets = ARENA_ARRAY(k->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
        r->buckets[i] = random_number(k);
    for (size_t i = 0; i + 1 < n; i++)
        r->bounds[i] = random_real(k);
}

#define FILL(kind, ...)                                                                                                \
    if (below(k, 2)) {                                                                                                 \
        FILL_##kind(__VA_ARGS__)                                                                                       \
    }
#define FILL_KEY(m)         r->m = next_random(&k->state);
#define FILL_COUNTER(m)     r->m = (uint32_t)next_random(&k->state);
#define FILL_SYM(m)         r->m = random_sym(k);
#define FILL_NUM(m)         r->m = random_number(k);
#define FILL_REAL(m)        r->m = random_real(k);
#define FILL_FLAG(m)        r->m = true;
#define FILL_TEXT(m)        r->m = random_text(k);
#define FILL_IDENT(m, uuid) r->m = random_ident(k);
#define FILL_AT(m)          r->m = random_number(k);
#define FILL_AMOUNT(m)      r->m = random_number(k);
#define FILL_TIME(m, base)                                                                                             \
    r->m##_unix_nano = below(k, 4) ? RANDOM_T0 + (int64_t)below(k, 1ULL << 40) : random_number(k);
#define FILL_ENUM(m, n, name) r->m = (unsigned)below(k, n);
#define FILL_MKIND(m)         r->m = (unsigned)below(k, 4);
#define FILL_PAIRS(m, n)      r->m = random_pairs(k, &r->n);
#define FILL_BOUNDS(m)
#define FILL_BUCKETS(m) random_buckets(k, r);

#define FILL_RECORDS(thing, FIELDS)                                                                                    \
    for (uint64_t i = below(k, 6); i > 0; i--) {                                                                       \
        struct thing *r = batch_add_##thing(b);                                                                        \
        FIELDS(FILL)                                                                                                   \
    }
#define FILL_ITEMS(thing, add, FIELDS)                                                                                 \
    for (uint64_t i = below(k, 4); i > 0; i--) {                                                                       \
        struct thing *r = add;                                                                                         \
        FIELDS(FILL)                                                                                                   \
    }

static inline void fill_origin(struct filler *k, struct origin *r)
{
    ORIGIN_FIELDS(FILL)
}

static inline void fill_batch(struct filler *k, struct batch *b)
{
    for (uint64_t i = below(k, 20); i > 0; i--)
        (void)batch_sym(b, random_text(k));
    k->batch = b;
    k->symbols = batch_symbols(b);
    fill_origin(k, &b->origin);
    b->observed_unix_nano = random_number(k);
    b->mapping_version = (uint32_t)below(k, 3);
    FILL_RECORDS(call, CALL_FIELDS)
    FILL_RECORDS(measure, MEASURE_FIELDS)
    FILL_RECORDS(audit, AUDIT_FIELDS)
    FILL_RECORDS(charge, CHARGE_FIELDS)
    FILL_RECORDS(gap, GAP_FIELDS)
}

static inline void fill_rule(struct filler *k, struct rule *r)
{
    r->weight = (double)NAN;
    RULE_FIELDS(FILL)
}

static inline void fill_item(struct filler *k, struct inventory_item *r)
{
    r->capacity = (double)NAN;
    ITEM_FIELDS(FILL)
}

static inline void fill_epoch(struct filler *k, struct epoch *r)
{
    EPOCH_FIELDS(FILL)
    r->kind = (unsigned)below(k, EPOCH_KINDS);
    r->n_rules = below(k, 3);
    r->rules = r->n_rules ? ARENA_ARRAY(k->arena, struct rule, r->n_rules) : NULL;
    for (size_t i = 0; i < r->n_rules; i++)
        fill_rule(k, &r->rules[i]);
    r->n_items = below(k, 3);
    r->items = r->n_items ? ARENA_ARRAY(k->arena, struct inventory_item, r->n_items) : NULL;
    for (size_t i = 0; i < r->n_items; i++)
        fill_item(k, &r->items[i]);
}

static inline struct frame *random_frame(struct arena *a, uint64_t seed)
{
    struct filler filler = { .arena = a, .state = seed }, *k = &filler;
    struct frame *f = frame_new(a, random_text(k), random_text(k));

    f->lane = (unsigned)below(k, 2);
    f->written_unix_nano = random_number(k);
    for (uint64_t i = below(k, 3); i > 0; i--)
        fill_batch(k, frame_add_batch(f));
    FILL_ITEMS(window, frame_add_window(f), WINDOW_FIELDS)
    FILL_ITEMS(quarantine, frame_add_quarantine(f, REASON_LIMIT, SV_NONE, SV_NONE), QUARANTINE_FIELDS)
    for (uint64_t i = below(k, 4); i > 0; i--)
        fill_epoch(k, frame_add_epoch(f));
    for (uint64_t i = below(k, 4); i > 0; i--)
        *frame_add_mark(f) = (struct mark){ (unsigned)below(k, 3), next_random(&k->state) };
    FILL_ITEMS(spend, frame_add_spend(f), SPEND_FIELDS)
    f->tally.received = random_number(k);
    f->tally.rejected[below(k, REASONS)] = random_number(k);
    return f;
}

/* n rows as Azure's RequestResponse log has them, some hundred a minute, of one account. */
static inline struct frame *azure_frame(struct arena *a, size_t n)
{
    static const char *const deployments[] = { "chat-prod", "chat-test", "batch-eu", "embed" };
    static const char *const models[] = { "gpt-4.1", "gpt-5-mini", "gpt-5-mini", "text-embedding-3-large" };
    struct filler filler = { .arena = a, .state = 1 }, *k = &filler;
    struct frame *f = frame_new(a, SV("azure-prod"), SV("00000000-0000-0000-0000-0000000000a1"));
    struct batch *b = frame_add_batch(f);

    b->origin = (struct origin){ .cloud = CLOUD_AZURE,
                                 .platform = PLATFORM_AZURE_OPENAI,
                                 .account = batch_sym(b, SV("00000000-0000-0000-0000-0000000000a1")),
                                 .cloud_region = batch_sym(b, SV("swedencentral")),
                                 .resource = batch_sym(b, SV("aoai-demo")),
                                 .resource_id = batch_sym(b, SV("/subscriptions/00000000-0000-0000-0000-0000000000a1/"
                                                                "resourcegroups/rg-ai/providers/"
                                                                "microsoft.cognitiveservices/accounts/aoai-demo")) };
    b->observed_unix_nano = RANDOM_T0;
    for (size_t i = 0; i < n; i++) {
        struct call *c = batch_add_call(b);
        const size_t d = below(k, 4);
        const bool model_row = i % 2 == 0;

        c->key = next_random(&k->state);
        c->call_key = next_random(&k->state);
        c->time_unix_nano = (RANDOM_T0 / 1000000 + (int64_t)i * 113 + (int64_t)below(k, 100)) * 1000000;
        c->arrival_unix_nano = c->time_unix_nano + (120 + (int64_t)below(k, 60)) * INT64_C(1000000000);
        c->log = batch_sym(b, SV("RequestResponse"));
        c->request_id =
            arena_printf(a, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)below(k, UINT32_MAX), (unsigned)below(k, 65536),
                         (unsigned)below(k, 4096), (unsigned)below(k, 4096), (unsigned long long)below(k, 1ULL << 48));
        c->operation = batch_sym(b, SV("chat"));
        c->operation_raw = batch_sym(b, SV("ChatCompletions_Create"));
        c->api_type = batch_sym(b, SV("chat_completions"));
        c->outcome = below(k, 20) ? OUTCOME_SUCCESS : OUTCOME_THROTTLED;
        c->http_status = c->outcome == OUTCOME_SUCCESS ? 200 : 429;
        c->duration_nano = (int64_t)below(k, 20000) * 1000000;
        c->request_bytes = (int64_t)below(k, 20000);
        c->response_bytes = (int64_t)below(k, 9000);
        c->caller_ip = batch_sym(b, arena_printf(a, "203.0.%u.***", (unsigned)below(k, 40)));
        c->n_extra = 1;
        c->extra = ARENA_ARRAY(a, struct key_value, 1);
        c->extra[0].name = batch_sym(b, SV("properties/apiName"));
        c->extra[0].value = batch_sv(b, batch_sym(b, SV("Azure OpenAI API version 2024-10-21")));
        if (!model_row)
            continue;
        c->deployment = batch_sym(b, sv_of(deployments[d]));
        c->model = c->model_served = batch_sym(b, sv_of(models[d]));
        c->model_version = batch_sym(b, SV("2025-04-14"));
        c->stream = batch_sym(b, SV("Streaming"));
        c->input_tokens = (int64_t)below(k, 20000);
        c->output_tokens = (int64_t)below(k, 1500);
        c->caller_principal = batch_sym(b, arena_printf(a, "00000000-0000-0000-0000-%012x", (unsigned)below(k, 40)));
    }
    return f;
}

#endif
