/*
 * The parts of a frame share one window: all but the last carry an empty one that only names the group and says what kind of
 * reading it is, so that what was read counts as read when everything of it is durable. Epochs go ahead, since the records beside them depend on them, then
 * what is quarantined; then the records, in halves of halves. Each part has the symbols of its own records alone, or the table
 * would be too large again and again.
 */
#include "collector/core/cut.h"

#include <stddef.h>

#include "collector/base/log.h"
#include "collector/base/memory.h"
#include "collector/model/codec.h"

enum { ARENA_BYTES = 256 << 20 };

static void window_for_part(struct frame *part, const struct window *w)
{
    struct window *own = frame_add_window(part);

    if (own)
        *own = (struct window){ .source = w->source,
                                .scope = w->scope,
                                .group = w->group,
                                .control = w->control,
                                .controls = w->controls,
                                .decide_to_unix_nano = w->decide_to_unix_nano };
}

/* ERR_LIMIT says that the frame is too large, and nothing else: what is split or left out for want of memory would be wrong. */
static enum err_code append(struct journal *j, const struct frame *f, struct journal_position *at, struct err *e)
{
    const uint64_t refusals = memory_refusals();
    struct buf bytes;
    enum err_code code;

    buf_init(&bytes, JOURNAL_FRAME_MAX);
    code = frame_encode(f, &bytes, e);
    if (memory_refusals() != refusals) {
        code = err_set(e, ERR_RETRY, "out of memory");
    } else if (code == ERR_OK) {
        code = journal_append(j, f->source, buf_sv(&bytes), at, e);
        code = code == ERR_LIMIT ? err_set(e, ERR_RETRY, "the journal is out of memory") : code;
    }
    buf_done(&bytes);
    return code;
}

/* The lists of a batch, so that they can be cut alike. */
static const struct list {
    size_t at, n, size;
} lists[RECORD_KINDS] = {
    [RECORD_CALL] = { offsetof(struct batch, calls), offsetof(struct batch, n_calls), sizeof(struct call) },
    [RECORD_MEASURE] = { offsetof(struct batch, measures), offsetof(struct batch, n_measures), sizeof(struct measure) },
    [RECORD_AUDIT] = { offsetof(struct batch, audits), offsetof(struct batch, n_audits), sizeof(struct audit) },
    [RECORD_CHARGE] = { offsetof(struct batch, charges), offsetof(struct batch, n_charges), sizeof(struct charge) },
    [RECORD_GAP] = { offsetof(struct batch, gaps), offsetof(struct batch, n_gaps), sizeof(struct gap) },
};

static size_t *count_of(struct batch *b, int kind)
{
    return (size_t *)((char *)b + lists[kind].n);
}

static char **list_of(struct batch *b, int kind)
{
    return (char **)((char *)b + lists[kind].at);
}

/* Adds to `part` a view of `n` records of one kind of `b` from number `from` on; it still has the symbols of all of them. */
static bool add_slice(struct frame *part, const struct batch *b, int kind, size_t from, size_t n)
{
    struct batch *view = frame_add_batch(part);
    struct batch *next;

    if (!view)
        return false;
    next = view->next;
    *view = *b;
    view->next = next;
    view->arena = part->arena;
    for (int k = 0; k < RECORD_KINDS; k++)
        *count_of(view, k) = 0;
    if (from)
        *list_of(view, kind) += from * lists[kind].size;
    *count_of(view, kind) = n;
    return true;
}

struct splitter {
    struct journal *journal;
    const struct frame *whole;
    struct frame *part;
    struct arena *arena;
    size_t per_part, left; /* records */
    int64_t told;          /* records that parts have carried */
};

static struct frame *part_of(struct arena *a, const struct frame *whole, struct err *e)
{
    struct frame *part = frame_new(a, whole->source, whole->scope);

    if (!part) {
        err_set(e, ERR_LIMIT, "out of memory while splitting a frame");
        return NULL;
    }
    part->lane = whole->lane;
    part->written_unix_nano = whole->written_unix_nano;
    return part;
}

static enum err_code new_part(struct splitter *p, struct err *e)
{
    p->part = part_of(p->arena, p->whole, e);
    p->left = p->per_part;
    return p->part ? ERR_OK : ERR_LIMIT;
}

/* ---- what is larger than a frame alone ---- */

static enum err_code tell_lone(struct splitter *p, const struct frame *lone, struct journal_position *at, struct err *e)
{
    struct frame told = *lone;
    const char *what = frame_records(lone) ? "a record" : lone->n_epochs ? "an epoch" : "what is quarantined";

    log_error("spine", "source=%.*s scope=%.*s: %s is larger than %d bytes and is left out", SV_ARG(lone->source),
              SV_ARG(lone->scope), what, JOURNAL_FRAME_MAX);
    told.arena = p->arena;
    told.batches = NULL;
    told.epochs = NULL;
    told.n_epochs = told.cap_epochs = 0;
    told.quarantined = NULL;
    told.n_quarantined = told.cap_quarantined = 0;
    if (frame_records(lone)) {
        told.tally.stored--;
        if (!frame_add_quarantine(&told, REASON_LIMIT, SV("a record larger than a frame"), SV_NONE))
            return err_set(e, ERR_LIMIT, "out of memory while splitting a frame");
    } else if (lone->n_epochs) {
        told.tally.received++;
        told.tally.rejected[REASON_LIMIT]++;
    }
    return append(p->journal, &told, at, e);
}

/* Things that can be sent on their own, `n` of them from number `from` on. */
typedef bool fill_fn(struct frame *part, const struct frame *whole, size_t from, size_t n);

/* An inventory has its origin from the batch of its resource, so they go along without their records. */
static bool fill_epochs(struct frame *part, const struct frame *whole, size_t from, size_t n)
{
    part->epochs = whole->epochs + from;
    part->n_epochs = n;
    for (const struct batch *b = whole->batches; b; b = b->next)
        if (!add_slice(part, b, RECORD_CALL, 0, 0))
            return false;
    return frame_compact(part);
}

static bool fill_quarantined(struct frame *part, const struct frame *whole, size_t from, size_t n)
{
    part->quarantined = whole->quarantined + from;
    part->n_quarantined = n;
    part->tally.received = (int64_t)n;
    for (size_t i = 0; i < n; i++)
        part->tally.quarantined[part->quarantined[i].reason]++;
    return true;
}

/* In halves (again and again) when they are too large for one frame. */
static enum err_code send_ahead(struct splitter *p, fill_fn *fill, size_t from, size_t n, struct journal_position *at,
                                struct err *e)
{
    struct frame *part = n ? part_of(p->arena, p->whole, e) : NULL;
    enum err_code code;

    if (!part)
        return n ? ERR_LIMIT : ERR_OK;
    if (!fill(part, p->whole, from, n))
        return err_set(e, ERR_LIMIT, "out of memory while splitting a frame");
    if (p->whole->n_windows)
        window_for_part(part, &p->whole->windows[0]);
    code = append(p->journal, part, at, e);
    if (code != ERR_LIMIT)
        return code;
    if (n < 2)
        return tell_lone(p, part, at, e);
    code = send_ahead(p, fill, from, n / 2, at, e);
    return code ? code : send_ahead(p, fill, from + n / 2, n - n / 2, at, e);
}

/* What is left of a frame when its epochs and its quarantine have gone ahead. */
static void without_ahead(struct frame *f)
{
    f->tally.received -= (int64_t)f->n_quarantined;
    for (size_t i = 0; i < f->n_quarantined; i++)
        f->tally.quarantined[f->quarantined[i].reason]--;
    f->n_epochs = f->n_quarantined = 0;
}

static enum err_code send_part(struct splitter *p, struct journal_position *at, struct err *e)
{
    int64_t n = (int64_t)frame_records(p->part);

    if (p->whole->n_windows)
        window_for_part(p->part, &p->whole->windows[0]);
    p->part->tally = (struct tally){ .received = n, .stored = n };
    p->told += n;
    /* A record is in one part only, so it may be renumbered in place. */
    if (!frame_compact(p->part))
        return err_set(e, ERR_LIMIT, "out of memory while splitting a frame");
    return cut_append(p->journal, p->part, at, e);
}

/* What only the whole frame can say goes last: windows, marks, and the rest of the tally. */
static enum err_code send_last(struct splitter *p, struct journal_position *at, struct err *e)
{
    struct frame *last = p->part;

    last->windows = p->whole->windows;
    last->n_windows = p->whole->n_windows;
    last->marks = p->whole->marks;
    last->n_marks = p->whole->n_marks;
    last->spends = p->whole->spends;
    last->n_spends = p->whole->n_spends;
    last->tally = p->whole->tally;
    last->tally.received -= p->told;
    last->tally.stored -= p->told;
    return append(p->journal, last, at, e);
}

static enum err_code split(struct splitter *p, struct journal_position *at, struct err *e)
{
    enum err_code code = new_part(p, e);

    for (struct batch *b = p->whole->batches; b && code == ERR_OK; b = b->next)
        for (int kind = 0; kind < RECORD_KINDS; kind++) {
            size_t all = *count_of(b, kind);

            for (size_t from = 0, n; from < all && code == ERR_OK; from += n) {
                n = all - from < p->left ? all - from : p->left;
                if (!add_slice(p->part, b, kind, from, n))
                    return err_set(e, ERR_LIMIT, "out of memory while splitting a frame");
                p->left -= n;
                if (p->left == 0) {
                    code = send_part(p, at, e);
                    code = code ? code : new_part(p, e);
                }
            }
        }
    /* The last one may be too large too. */
    if (code == ERR_OK && frame_records(p->part)) {
        code = send_part(p, at, e);
        code = code ? code : new_part(p, e);
    }
    return code ? code : send_last(p, at, e);
}

/* Appends the frame; when it is too large: first what can go ahead of it, then the records in halves (again and again). */
enum err_code cut_append(struct journal *j, const struct frame *f, struct journal_position *at, struct err *e)
{
    size_t n = frame_records(f);
    struct frame rest = *f;
    enum err_code code = append(j, f, at, e);
    struct arena arena;
    struct splitter p = { .journal = j, .whole = f, .arena = &arena, .per_part = (n + 1) / 2 };

    if (code != ERR_LIMIT || n + f->n_epochs + f->n_quarantined == 0)
        return code;
    arena_init(&arena, ARENA_BYTES);
    if (n + f->n_epochs + f->n_quarantined == 1) {
        code = tell_lone(&p, f, at, e);
    } else if (f->n_epochs + f->n_quarantined) {
        code = send_ahead(&p, fill_epochs, 0, f->n_epochs, at, e);
        code = code ? code : send_ahead(&p, fill_quarantined, 0, f->n_quarantined, at, e);
        without_ahead(&rest);
        code = code ? code : cut_append(j, &rest, at, e);
    } else {
        code = split(&p, at, e);
    }
    arena_done(&arena);
    return code;
}
