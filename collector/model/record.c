/*
 * Arrays in the frame's arena, doubled when full, and one symbol table per batch.
 *
 * The symbol table is a list of strings plus an open-addressing hash (linear probing, power of two, at most half full)
 * that holds numbers of strings; both live in the arena, so that a batch costs no heap object of its own. Each string's
 * hash is kept: a probe compares text only when all 64 bits agree, and growing needs no second hashing.
 *
 * When the arena is full the table says so for good (`full`): a record that lacks one of its strings must not be taken
 * for one whose cloud did not tell, so no further record is handed out.
 */
#include "collector/model/record.h"

#include <math.h>

#include "collector/base/hash.h"

enum { FIRST_SLOTS = 64, QUARANTINE_MAX = 16 << 10 };

struct symbol {
    sv text;
    uint64_t hash;
};

struct symtab {
    struct symbol *symbols; /* number n at [n - 1] */
    size_t n, cap;
    uint32_t *slots; /* numbers, 0 free */
    size_t n_slots;
    bool full;
};

static void place(uint32_t *slots, size_t n_slots, uint64_t hash, uint32_t number)
{
    size_t i = hash & (n_slots - 1);

    while (slots[i])
        i = (i + 1) & (n_slots - 1);
    slots[i] = number;
}

static bool more_slots(struct symtab *t, struct arena *a)
{
    const size_t n_slots = t->n_slots ? t->n_slots * 2 : FIRST_SLOTS;
    uint32_t *slots = ARENA_ARRAY(a, uint32_t, n_slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < t->n_slots; i++)
        if (t->slots[i])
            place(slots, n_slots, t->symbols[t->slots[i] - 1].hash, t->slots[i]);
    t->slots = slots;
    t->n_slots = n_slots;
    return true;
}

static sym find(const struct symtab *t, uint64_t hash, sv s)
{
    if (t->n_slots == 0)
        return 0;
    for (size_t i = hash & (t->n_slots - 1); t->slots[i]; i = (i + 1) & (t->n_slots - 1)) {
        const struct symbol *known = &t->symbols[t->slots[i] - 1];

        if (known->hash == hash && sv_eq(known->text, s))
            return t->slots[i];
    }
    return 0;
}

/* Gives `s` the next number. A string that has one already gets no second slot: a table of equal strings, which only a
 * hostile frame holds, would make one long run of slots. */
static sym append(struct symtab *t, struct arena *a, uint64_t hash, sv s, bool is_new)
{
    struct symbol *symbols = arena_grow(a, t->symbols, t->n, &t->cap, sizeof *symbols);
    sv copy;

    if (!symbols)
        return 0;
    t->symbols = symbols;
    copy = arena_copy(a, s);
    if (!copy.at || t->n >= UINT32_MAX - 1 || (t->n * 2 >= t->n_slots && !more_slots(t, a)))
        return 0;
    symbols[t->n] = (struct symbol){ copy, hash };
    t->n++;
    if (is_new)
        place(t->slots, t->n_slots, hash, (uint32_t)t->n);
    return (sym)t->n;
}

bool batch_new_symbols(struct batch *b)
{
    struct symtab *t = ARENA_NEW(b->arena, struct symtab);

    if (t)
        b->symbols = t;
    return t != NULL;
}

bool batch_symbols_full(const struct batch *b)
{
    return b->symbols->full;
}

sym batch_sym(struct batch *b, sv s)
{
    struct symtab *t = b->symbols;
    uint64_t hash;
    sym number;

    if (s.len == 0 || t->full)
        return 0;
    hash = hash64(s);
    number = find(t, hash, s);
    if (!number)
        number = append(t, b->arena, hash, s, true);
    t->full = number == 0;
    return number;
}

sym batch_add_symbol(struct batch *b, sv s)
{
    struct symtab *t = b->symbols;
    const uint64_t hash = hash64(s);
    const sym number = append(t, b->arena, hash, s, find(t, hash, s) == 0);

    t->full = t->full || number == 0;
    return number;
}

sym batch_sym_find(const struct batch *b, sv s)
{
    return s.len && b->symbols->n ? find(b->symbols, hash64(s), s) : 0;
}

sv batch_sv(const struct batch *b, sym s)
{
    return s > 0 && s <= b->symbols->n ? b->symbols->symbols[s - 1].text : SV_NONE;
}

size_t batch_symbols(const struct batch *b)
{
    return b->symbols->n;
}

struct frame *frame_new(struct arena *arena, sv source, sv scope)
{
    struct frame *f = ARENA_NEW(arena, struct frame);

    if (!f)
        return NULL;
    f->arena = arena;
    f->source = arena_copy(arena, source);
    f->scope = arena_copy(arena, scope);
    return f->source.at && f->scope.at ? f : NULL;
}

struct batch *frame_add_batch(struct frame *f)
{
    struct batch *b = ARENA_NEW(f->arena, struct batch);
    struct symtab *t = ARENA_NEW(f->arena, struct symtab);

    if (!b || !t)
        return NULL;
    b->symbols = t;
    b->arena = f->arena;
    if (f->last_batch)
        f->last_batch->next = b;
    else
        f->batches = b;
    f->last_batch = b;
    return b;
}

/* The next element of an arena array, zeroed; NULL at the limit. `array` is where the typed pointer to the items lies.
 */
static void *next_item(struct arena *a, void *array, size_t *n, size_t *cap, size_t size)
{
    void *items;
    char *item;

    memcpy(&items, array, sizeof items);
    items = arena_grow(a, items, *n, cap, size);
    if (!items)
        return NULL;
    memcpy(array, &items, sizeof items);
    item = (char *)items + *n * size;
    (*n)++;
    return memset(item, 0, size);
}

#define NEXT(arena, items, n, cap) next_item((arena), &(items), &(n), &(cap), sizeof *(items))

struct window *frame_add_window(struct frame *f)
{
    struct window *w = NEXT(f->arena, f->windows, f->n_windows, f->cap_windows);

    if (w)
        w->source = w->scope = w->group = SV_NONE;
    return w;
}

struct epoch *frame_add_epoch(struct frame *f)
{
    struct epoch *e = NEXT(f->arena, f->epochs, f->n_epochs, f->cap_epochs);

    if (e)
        e->subject = e->value = SV_NONE;
    return e;
}

struct mark *frame_add_mark(struct frame *f)
{
    return NEXT(f->arena, f->marks, f->n_marks, f->cap_marks);
}

struct spend *frame_add_spend(struct frame *f)
{
    struct spend *s = NEXT(f->arena, f->spends, f->n_spends, f->cap_spends);

    if (s)
        s->api = s->account = SV_NONE;
    return s;
}

struct quarantine *frame_add_quarantine(struct frame *f, enum reason reason, sv what, sv bytes)
{
    const sv what_copy = arena_copy(f->arena, what);
    const sv bytes_copy = arena_copy(f->arena, sv_first(bytes, QUARANTINE_MAX));
    struct quarantine *q;

    if (!what_copy.at || !bytes_copy.at)
        return NULL;
    q = NEXT(f->arena, f->quarantined, f->n_quarantined, f->cap_quarantined);
    if (!q)
        return NULL;
    *q = (struct quarantine){
        .reason = reason, .what = what_copy, .bytes = bytes_copy, .truncated = bytes.len > QUARANTINE_MAX
    };
    f->tally.quarantined[reason]++;
    return q;
}

/* A batch's next record of one kind; none once a symbol was lost. */
#define NEXT_RECORD(b, items, n, kind) ((b)->symbols->full ? NULL : NEXT((b)->arena, items, n, (b)->cap[kind]))

struct call *batch_add_call(struct batch *b)
{
    struct call *c = NEXT_RECORD(b, b->calls, b->n_calls, RECORD_CALL);

    if (!c)
        return NULL;
    c->request_id = c->response_id = c->trace_id = c->content_input = c->content_output = SV_NONE;
    c->http_status = c->duration_nano = c->time_to_first_token_nano = c->time_per_output_token_nano = NONE;
    c->input_tokens = c->output_tokens = c->cache_read_tokens = c->cache_write_tokens = c->reasoning_tokens = NONE;
    c->audio_input_tokens = c->audio_output_tokens = c->request_bytes = c->response_bytes = NONE;
    return c;
}

struct measure *batch_add_measure(struct batch *b)
{
    struct measure *m = NEXT_RECORD(b, b->measures, b->n_measures, RECORD_MEASURE);

    if (m)
        m->value = m->sum = m->count = m->min = m->max = m->p50 = m->p95 = m->p99 = (double)NAN;
    return m;
}

struct audit *batch_add_audit(struct batch *b)
{
    struct audit *a = NEXT_RECORD(b, b->audits, b->n_audits, RECORD_AUDIT);

    if (a)
        a->event_id = SV_NONE;
    return a;
}

struct charge *batch_add_charge(struct batch *b)
{
    struct charge *c = NEXT_RECORD(b, b->charges, b->n_charges, RECORD_CHARGE);

    if (!c)
        return NULL;
    c->cost_nano = NONE;
    c->quantity = (double)NAN;
    return c;
}

struct gap *batch_add_gap(struct batch *b)
{
    struct gap *g = NEXT_RECORD(b, b->gaps, b->n_gaps, RECORD_GAP);

    if (g)
        g->detail = SV_NONE;
    return g;
}

size_t frame_records(const struct frame *f)
{
    size_t n = 0;

    for (const struct batch *b = f->batches; b; b = b->next)
        n += b->n_calls + b->n_measures + b->n_audits + b->n_charges + b->n_gaps;
    return n;
}

/* Names are label values of the public contract. */
static const char *const clouds[CLOUDS] = { "", "azure", "aws", "gcp", "openai" };
static const char *const platforms[PLATFORMS] = { "",          "azure_openai", "bedrock", "bedrock_mantle",
                                                  "vertex_ai", "openai_api" };
static const char *const outcomes[OUTCOMES] = { "", "success", "throttled", "client_error", "server_error", "unknown" };
static const char *const reasons[REASONS] = { "",          "publisher", "not_inference", "policy", "out_of_range",
                                              "malformed", "limit",     "no_value" };

const char *cloud_name(enum cloud c)
{
    return (unsigned)c < CLOUDS ? clouds[c] : "";
}

const char *platform_name(enum platform p)
{
    return (unsigned)p < PLATFORMS ? platforms[p] : "";
}

const char *outcome_name(enum outcome o)
{
    return (unsigned)o < OUTCOMES ? outcomes[o] : "";
}

const char *reason_name(enum reason r)
{
    return (unsigned)r < REASONS ? reasons[r] : "";
}

static unsigned find_name(const char *const *names, unsigned n, sv name)
{
    for (unsigned i = 1; i < n; i++)
        if (sv_eq(name, sv_of(names[i])))
            return i;
    return 0;
}

enum platform platform_parse(sv name)
{
    return (enum platform)find_name(platforms, PLATFORMS, name);
}

enum cloud cloud_parse(sv name)
{
    return (enum cloud)find_name(clouds, CLOUDS, name);
}

enum outcome outcome_of_status(int64_t status)
{
    switch (status / 100) {
    case 2:
        return OUTCOME_SUCCESS;
    case 4:
        return status == 429 ? OUTCOME_THROTTLED : OUTCOME_CLIENT_ERROR;
    case 5:
        return OUTCOME_SERVER_ERROR;
    default:
        return OUTCOME_UNKNOWN;
    }
}
