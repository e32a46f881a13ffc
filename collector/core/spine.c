/*
 * Filter, split, encode, append on the caller's thread; read, decode, fold on ours.
 *
 * A frame larger than the journal takes is cut between records. The parts share one window: all but the last carry an empty one
 * that only names the group, so that what was read counts as read when everything of it is durable. Epochs go ahead, since the
 * records beside them depend on them, then what is quarantined.
 */
#include "collector/core/spine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "collector/base/clock.h"
#include "collector/base/log.h"
#include "collector/model/codec.h"

enum {
    WAIT_MS = 200,
    FOLD_WAIT_MS = 30000,
    BIRTHS_PER_FRAME = 20000,
    BIRTH_AFTER_MS = 2 * 60 * 1000,
    SNAPSHOT_EVERY_MS = 5 * 60 * 1000
};

struct spine {
    char *dir;
    struct journal *journal;
    struct ledger *ledger;
    struct journal_reader *reader; /* the fold thread's */
    pthread_t thread;
    bool started;
    int64_t snapshot_every_ms;
    const struct policy *_Atomic policy;
    _Atomic bool stopping, cancelled, ready;
    _Atomic uint64_t shown;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t folded_more;
    uint64_t folded;         /* highest sequence folded, per the single shard of an appender */
    uint64_t behind, target; /* of the replay: the sequence before its first frame, and its last one */
    bool replay_over;
    struct err replay_error;
    struct spine_stats stats;
};

/* ---- in ---- */

/* WAIT_MS is meant in real time, whatever the speed of the clock. */
static int64_t wait_ms(void)
{
    return (int64_t)(WAIT_MS * clock_speed());
}

static void window_for_part(struct frame *part, const struct window *w)
{
    struct window *own = frame_add_window(part);

    if (own)
        *own = (struct window){
            .source = w->source, .scope = w->scope, .group = w->group, .decide_to_unix_nano = w->decide_to_unix_nano
        };
}

static enum err_code append(struct spine *s, const struct frame *f, struct journal_position *at, struct err *e)
{
    struct buf bytes;
    enum err_code code;

    buf_init(&bytes, JOURNAL_FRAME_MAX);
    code = frame_encode(f, &bytes, e);
    if (code == ERR_OK && bytes.failed)
        code = err_set(e, ERR_LIMIT, "frame larger than %d bytes", JOURNAL_FRAME_MAX);
    if (code == ERR_OK)
        code = journal_append(s->journal, f->source, buf_sv(&bytes), at, e);
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

/* Adds to `part` a view of `n` records of one kind of `b` from number `from` on; symbols are shared. */
static bool add_slice(struct frame *part, const struct batch *b, int kind, size_t from, size_t n)
{
    struct batch *view = frame_add_batch(part);
    struct batch *next;

    if (!view)
        return false;
    next = view->next;
    *view = *b;
    view->next = next;
    for (int k = 0; k < RECORD_KINDS; k++)
        *count_of(view, k) = 0;
    if (from)
        *list_of(view, kind) += from * lists[kind].size;
    *count_of(view, kind) = n;
    return true;
}

struct splitter {
    struct spine *s;
    const struct frame *whole;
    struct frame *part;
    struct arena *arena;
    size_t per_part, left; /* records */
    int64_t told;          /* records that parts have carried */
};

static enum err_code commit_split(struct spine *s, const struct frame *f, struct journal_position *at, struct err *e);

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
    return true;
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
    code = append(p->s, part, at, e);
    if (code != ERR_LIMIT || n < 2)
        return code;
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
    return commit_split(p->s, p->part, at, e);
}

/* What only the whole frame can say goes last: windows, marks, and the rest of the tally. */
static enum err_code send_last(struct splitter *p, struct journal_position *at, struct err *e)
{
    struct frame *last = p->part;

    last->windows = p->whole->windows;
    last->n_windows = p->whole->n_windows;
    last->marks = p->whole->marks;
    last->n_marks = p->whole->n_marks;
    last->tally = p->whole->tally;
    last->tally.received -= p->told;
    last->tally.stored -= p->told;
    return append(p->s, last, at, e);
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
    return code ? code : send_last(p, at, e);
}

/* Appends the frame; when it is too large: first what can go ahead of it, then the records in halves (again and again). */
static enum err_code commit_split(struct spine *s, const struct frame *f, struct journal_position *at, struct err *e)
{
    size_t n = frame_records(f);
    struct frame rest = *f;
    enum err_code code = append(s, f, at, e);
    struct arena arena;
    struct splitter p = { .s = s, .whole = f, .arena = &arena, .per_part = (n + 1) / 2 };

    if (code != ERR_LIMIT || n + f->n_epochs + f->n_quarantined < 2)
        return code;
    arena_init(&arena, 64 << 20);
    if (f->n_epochs + f->n_quarantined) {
        code = send_ahead(&p, fill_epochs, 0, f->n_epochs, at, e);
        code = code ? code : send_ahead(&p, fill_quarantined, 0, f->n_quarantined, at, e);
        without_ahead(&rest);
        code = code ? code : commit_split(s, &rest, at, e);
    } else {
        code = split(&p, at, e);
    }
    arena_done(&arena);
    return code;
}

/* So that the next window is planned with this one known. What is durable is folded sooner or later: a journal that cannot be
 * read back just now holds up nobody for ever. */
static void wait_folded(struct spine *s, uint64_t sequence)
{
    int64_t until = clock_mono() + FOLD_WAIT_MS / WAIT_MS * wait_ms() * NANO_PER_MS;

    pthread_mutex_lock(&s->lock);
    while (s->folded < sequence && !s->stopping && clock_mono() < until)
        (void)clock_wait(&s->folded_more, &s->lock, clock_mono() + wait_ms() * NANO_PER_MS);
    pthread_mutex_unlock(&s->lock);
}

enum err_code spine_commit(struct spine *s, struct frame *f, struct err *e)
{
    const struct policy *policy = s->policy;
    struct journal_position at;
    enum err_code code;

    if (!policy)
        return err_set(e, ERR_INTERNAL, "no policy is set");
    policy_apply(policy, f);
    ledger_filter(s->ledger, f);
    if (!frame_compact(f))
        return err_set(e, ERR_LIMIT, "frame is full");
    f->written_unix_nano = clock_now();
    code = commit_split(s, f, &at, e);
    if (code == ERR_OK)
        wait_folded(s, at.sequence);
    return code;
}

void spine_set_policy(struct spine *s, const struct policy *p)
{
    s->policy = p;
}

void spine_shown(struct spine *s, uint64_t generation)
{
    uint64_t before = atomic_load(&s->shown);

    while (before < generation && !atomic_compare_exchange_weak(&s->shown, &before, generation))
        ;
}

/* ---- out: the fold thread ---- */

static void count_stat(struct spine *s, uint64_t *counter)
{
    pthread_mutex_lock(&s->lock);
    ++*counter;
    pthread_mutex_unlock(&s->lock);
}

static void fold_one(struct spine *s, const struct journal_frame *in, struct arena *arena)
{
    struct frame *f;
    struct err e = { 0 };

    if (in->corrupt) {
        log_error("spine", "journal frame %llu is corrupt and is left out", (unsigned long long)in->at.sequence);
        count_stat(s, &s->stats.corrupt_frames);
    } else if (frame_decode(in->payload, arena, &f, &e)) {
        log_error("spine", "journal frame %llu: %s", (unsigned long long)in->at.sequence, e.text);
        count_stat(s, &s->stats.undecodable_frames);
    } else {
        ledger_fold(s->ledger, f);
    }
    arena_reset(arena);
    pthread_mutex_lock(&s->lock);
    s->folded = in->at.sequence;
    s->stats.folded_frames++;
    pthread_cond_broadcast(&s->folded_more);
    pthread_mutex_unlock(&s->lock);
}

static void snapshot(struct spine *s)
{
    char cursor[JOURNAL_CURSOR_MAX];
    size_t n = journal_reader_cursor(s->reader, cursor);
    struct err e = { 0 };

    if (ledger_snapshot_write(s->ledger, s->dir, sv_make(cursor, n), &e)) {
        log_error("spine", "snapshot: %s", e.text);
        count_stat(s, &s->stats.snapshot_failures);
        return;
    }
    journal_release(s->journal, "ledger", sv_make(cursor, n));
    pthread_mutex_lock(&s->lock);
    s->stats.snapshots++;
    s->stats.last_snapshot_unix_nano = clock_now();
    pthread_mutex_unlock(&s->lock);
}

/* Journals that series were shown at 0, which lets their values show. Their frame is folded like any other. */
static void births(struct spine *s, struct arena *arena)
{
    struct frame *f = frame_new(arena, SV("trefoil"), SV("births"));
    struct journal_position at;
    struct err e = { 0 };

    if (f && ledger_births(s->ledger, atomic_load(&s->shown), clock_mono() - BIRTH_AFTER_MS * NANO_PER_MS,
                           BIRTHS_PER_FRAME, f)) {
        f->written_unix_nano = clock_now();
        if (append(s, f, &at, &e))
            log_warn("spine", "births: %s", e.text);
    }
    arena_reset(arena);
}

/* What is done a few times a second, between frames. */
static void keep_house(struct spine *s, struct arena *arena, int64_t *next_snapshot, uint64_t *folded_then)
{
    births(s, arena);
    if (clock_mono() < *next_snapshot || *folded_then == s->stats.folded_frames)
        return;
    snapshot(s);
    *folded_then = s->stats.folded_frames;
    *next_snapshot = clock_mono() + s->snapshot_every_ms * NANO_PER_MS;
}

/* ---- what is durable already ---- */

/* The state to begin with: the snapshot's, or an empty one. */
static enum err_code begin_replay(struct spine *s, struct err *e)
{
    struct buf cursor;
    bool found = false;
    enum err_code code;

    buf_init(&cursor, JOURNAL_CURSOR_MAX);
    code = ledger_snapshot_read(s->ledger, s->dir, &cursor, &found, e);
    if (code == ERR_OK && !found) {
        /* A damaged one may have filled the ledger half. */
        ledger_free(s->ledger);
        s->ledger = ledger_new(e);
        buf_clear(&cursor);
        code = s->ledger ? ERR_OK : ERR_LIMIT;
    }
    if (code == ERR_OK) {
        s->reader = journal_reader_open(s->journal, "ledger", buf_sv(&cursor), e);
        code = s->reader ? ERR_OK : e->code;
    }
    buf_done(&cursor);
    return code;
}

static enum err_code replay(struct spine *s, struct arena *arena, struct err *e)
{
    int64_t began = clock_mono();
    enum err_code code = begin_replay(s, e);

    for (bool got = true, first = true; got && code == ERR_OK; first = false) {
        struct journal_frame in;

        if (s->stopping || s->cancelled)
            return err_set(e, ERR_CANCELLED, "stopped while replaying the journal");
        code = journal_read(s->reader, 0, &in, &got, e);
        if (code || !got)
            break;
        if (first) {
            pthread_mutex_lock(&s->lock);
            s->behind = in.at.sequence - 1;
            pthread_mutex_unlock(&s->lock);
        }
        fold_one(s, &in, arena);
    }
    pthread_mutex_lock(&s->lock);
    s->stats.replay_ms = (int64_t)((double)(clock_mono() - began) / 1e6 / clock_speed());
    pthread_mutex_unlock(&s->lock);
    return code;
}

static void tell_replayed(struct spine *s, const struct err *e)
{
    pthread_mutex_lock(&s->lock);
    s->ready = e->code == ERR_OK;
    s->replay_error = *e;
    s->replay_over = true;
    pthread_cond_broadcast(&s->folded_more);
    pthread_mutex_unlock(&s->lock);
}

/* From frame to frame until the end. */
static void follow(struct spine *s, struct arena *arena)
{
    int64_t next_snapshot = clock_mono() + s->snapshot_every_ms * NANO_PER_MS, next_house = 0;
    uint64_t folded_then = 0;

    for (;;) {
        struct journal_frame in;
        struct err e = { 0 };
        bool got = false, stop = s->stopping;

        if (journal_read(s->reader, stop ? 0 : wait_ms(), &in, &got, &e)) {
            log_error("spine", "journal: %s", e.text);
            clock_sleep_ms(wait_ms());
        }
        if (got)
            fold_one(s, &in, arena);
        else if (stop)
            break;
        if (!stop && clock_mono() >= next_house) {
            keep_house(s, arena, &next_snapshot, &folded_then);
            next_house = clock_mono() + wait_ms() * NANO_PER_MS;
        }
    }
}

static void *fold_thread(void *arg)
{
    struct spine *s = arg;
    struct arena arena;
    struct err e = { 0 };
    enum err_code code;

    arena_init(&arena, 256 << 20);
    code = replay(s, &arena, &e);
    tell_replayed(s, &e);
    if (code == ERR_OK)
        follow(s, &arena);
    /* Half a replay is worth a snapshot too: who is ended before it is over again and again gets there all the same. */
    if (code == ERR_OK || (code == ERR_CANCELLED && s->folded))
        snapshot(s);
    arena_done(&arena);
    return NULL;
}

/* ---- start and end ---- */

static enum err_code start(struct spine *s, const struct spine_options *o, struct err *e)
{
    struct journal_options journal = o->journal;
    struct journal_recovery found;
    char dir[4096];

    if (snprintf(dir, sizeof dir, "%s/journal", o->dir) >= (int)sizeof dir)
        return err_set(e, ERR_CONFIG, "%s: path too long", o->dir);
    if (mkdir(o->dir, 0700) != 0 && errno != EEXIST)
        return err_sys(e, "%s", o->dir);
    journal.dir = dir;
    s->journal = journal_open(&journal, &found, e);
    if (!s->journal)
        return e->code;
    s->ledger = ledger_new(e);
    if (!s->ledger)
        return e->code;
    s->stats.recovered_torn_bytes = found.torn_bytes;
    s->target = journal_durable(s->journal).sequence;
    if (pthread_create(&s->thread, NULL, fold_thread, s) != 0)
        return err_set(e, ERR_LIMIT, "cannot start the fold thread");
    s->started = true;
    return ERR_OK;
}

struct spine *spine_start(const struct spine_options *o, struct err *e)
{
    struct spine *s = calloc(1, sizeof *s);
    struct err own, *why = e ? e : &own;

    if (!s || !(s->dir = strdup(o->dir))) {
        free(s);
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->folded_more);
    s->snapshot_every_ms = o->snapshot_every_ms ? o->snapshot_every_ms : SNAPSHOT_EVERY_MS;
    if (start(s, o, why)) {
        spine_close(s);
        return NULL;
    }
    return s;
}

enum err_code spine_wait_ready(struct spine *s, struct err *e)
{
    enum err_code code;

    pthread_mutex_lock(&s->lock);
    while (!s->replay_over)
        pthread_cond_wait(&s->folded_more, &s->lock);
    code = s->replay_error.code;
    if (code && e)
        *e = s->replay_error;
    pthread_mutex_unlock(&s->lock);
    return code;
}

struct spine *spine_open(const struct spine_options *o, struct err *e)
{
    struct spine *s = spine_start(o, e);

    if (!s || spine_wait_ready(s, e) == ERR_OK)
        return s;
    spine_close(s);
    return NULL;
}

void spine_cancel(struct spine *s)
{
    if (s)
        s->cancelled = true;
}

void spine_close(struct spine *s)
{
    if (!s)
        return;
    s->stopping = true;
    if (s->started)
        pthread_join(s->thread, NULL);
    journal_reader_close(s->reader);
    journal_close(s->journal);
    ledger_free(s->ledger);
    pthread_cond_destroy(&s->folded_more);
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

struct ledger *spine_ledger(struct spine *s)
{
    return s->ledger;
}

struct journal *spine_journal(struct spine *s)
{
    return s->journal;
}

bool spine_ready(struct spine *s)
{
    return s->ready;
}

struct spine_progress spine_progress(struct spine *s)
{
    struct spine_progress p;

    pthread_mutex_lock(&s->lock);
    p.of = s->target > s->behind ? s->target - s->behind : 0;
    p.done = s->folded > s->behind ? s->folded - s->behind : 0;
    p.done = p.done < p.of ? p.done : p.of;
    pthread_mutex_unlock(&s->lock);
    return p;
}

void spine_stats(struct spine *s, struct spine_stats *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->stats;
    pthread_mutex_unlock(&s->lock);
}
