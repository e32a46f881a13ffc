/*
 * Filter and append on the caller's thread; read, decode, fold on ours.
 *
 * What cannot be folded is a loss (losses.h). It is dealt with before numbers are shown: a damage frame is journalled, and folding
 * that restarts every counter at 0. Where it cannot be journalled (a full disk) it is folded all the same, and journalled when
 * there is space: restarted twice is right, a little lower is not. No snapshot is written before, or the loss would be forgotten.
 */
#include "collector/core/spine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/disk.h"
#include "collector/base/log.h"
#include "collector/base/memory.h"
#include "collector/core/attempt.h"
#include "collector/core/cut.h"
#include "collector/core/losses.h"
#include "collector/core/quarantine.h"
#include "collector/model/codec.h"

enum {
    WAIT_MS = 200,
    FOLD_WAIT_MS = 30000,
    MARKS_PER_FRAME = 20000,
    BIRTH_AFTER_MS = 2 * 60 * 1000,
    SNAPSHOT_EVERY_MS = 5 * 60 * 1000,
    MEASURED_EVERY_MS = 60 * 1000,
    EXPIRIES_EVERY_MS = 10 * 60 * 1000,
    SNAPSHOT_GENERATIONS = 2,
    READ_FAILURES_MAX = 8,  /* in a row, of a replay; the journal gives up a bad place sooner */
    FULL_EVERY_MS = 10000,  /* snapshots while the journal is full */
    SNAPSHOT_ROOM = 1 << 20 /* beside the snapshot: what else is written at the end */
};

struct spine {
    char *dir;
    struct journal *journal;
    struct ledger *ledger;
    struct journal_reader *reader; /* the fold thread's, as are the next six */
    struct losses losses;
    struct attempt attempt; /* to get through the replay */
    uint64_t told_at;       /* sequence of a damage frame that is not folded yet; 0: none */
    bool folded_unjournalled;
    int snapshots_soon; /* after damage: so many at once, so that no generation leads back to it */
    struct buf older;   /* behind it the journal is kept: cursor of the older snapshot */
    struct reserve *reserve;
    void (*on_starved)(void *ctx);
    void (*on_fold)(void *ctx, uint64_t sequence);
    void *ctx; /* of both */
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
    bool replay_over, starved;
    bool unreadable; /* the last try to read the journal failed */
    struct err replay_error;
    struct spine_stats stats;
};

/* ---- in ---- */

/* WAIT_MS is meant in real time, whatever the speed of the clock. */
static int64_t wait_ms(void)
{
    return (int64_t)(WAIT_MS * clock_speed());
}

/* So that the next window is planned with this one known. What is durable is folded sooner or later: a journal that cannot be
 * read back just now holds up nobody for ever. */
static void wait_folded(struct spine *s, uint64_t sequence)
{
    int64_t until = clock_mono() + FOLD_WAIT_MS / WAIT_MS * wait_ms() * NANO_PER_MS;

    pthread_mutex_lock(&s->lock);
    while (s->folded < sequence && !s->stopping && !s->starved && !s->unreadable && clock_mono() < until)
        (void)clock_wait(&s->folded_more, &s->lock, clock_mono() + wait_ms() * NANO_PER_MS);
    pthread_mutex_unlock(&s->lock);
}

static void bound_quarantine(struct spine *s, struct frame *f)
{
    struct spent hours[SPENT_HOURS];
    size_t cut;

    if (f->n_quarantined == 0)
        return;
    ledger_spent(s->ledger, f->source, hours);
    cut = quarantine_bound(f, hours, clock_now());
    if (cut == 0)
        return;
    log_warn("spine", "source=%.*s: its quarantine has %d bytes of this hour: of more items only the count is kept",
             SV_ARG(f->source), QUARANTINE_BYTES_PER_H);
    pthread_mutex_lock(&s->lock);
    s->stats.quarantine_cut += cut;
    pthread_mutex_unlock(&s->lock);
}

enum err_code spine_commit(struct spine *s, struct frame *f, struct err *e)
{
    const struct policy *policy = s->policy;
    struct journal_position at;
    enum err_code code;

    if (!policy)
        return err_set(e, ERR_INTERNAL, "no policy is set");
    if (ledger_starved(s->ledger)) /* what is known already cannot be told any more */
        return err_set(e, ERR_RETRY, "memory ran out while counting; a new start is needed");
    policy_apply(policy, f);
    bound_quarantine(s, f);
    ledger_filter(s->ledger, f);
    if (!frame_compact(f) || f->arena->failed) /* a frame whose arena has refused anything is not whole */
        return err_set(e, ERR_LIMIT, "frame is full");
    f->written_unix_nano = clock_now();
    code = cut_append(s->journal, f, &at, e);
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

static void fold_payload(struct spine *s, const struct journal_frame *in, struct arena *arena)
{
    const uint64_t refusals = memory_refusals();
    struct frame *f;
    struct err e = { 0 };

    if (attempt_skips(&s->attempt, in->at.sequence)) {
        losses_add(&s->losses, DAMAGE_CRASHED, in->at.sequence, in->payload);
        return;
    }
    attempt_note(&s->attempt, in->at.sequence);
    if (s->on_fold)
        s->on_fold(s->ctx, in->at.sequence);
    if (in->corrupt) {
        losses_add(&s->losses, DAMAGE_CORRUPT, in->at.sequence, in->payload);
        count_stat(s, &s->stats.corrupt_frames);
    } else if (frame_decode(in->payload, arena, &f, &e)) {
        if (memory_refusals() != refusals) { /* nothing is wrong with the frame */
            ledger_starve(s->ledger);
            return;
        }
        log_error("spine", "journal frame %llu: %s", (unsigned long long)in->at.sequence, e.text);
        losses_add(&s->losses, DAMAGE_UNDECODABLE, in->at.sequence, in->payload);
        count_stat(s, &s->stats.undecodable_frames);
    } else {
        ledger_fold(s->ledger, f);
        losses_told(&s->losses, f);
    }
}

static void fold_one(struct spine *s, const struct journal_frame *in, struct arena *arena)
{
    if (!losses_watch(&s->losses, in)) {
        count_stat(s, &s->stats.corrupt_frames);
        return;
    }
    fold_payload(s, in, arena);
    arena_reset(arena);
    if (ledger_starved(s->ledger))
        return;
    ledger_set_sequence(s->ledger, in->at.sequence);
    if (s->told_at <= in->at.sequence)
        s->told_at = 0;
    pthread_mutex_lock(&s->lock);
    s->folded = in->at.sequence;
    s->stats.folded_frames++;
    pthread_cond_broadcast(&s->folded_more);
    pthread_mutex_unlock(&s->lock);
}

/* ---- damage ---- */

/* It may use the reserve, since no snapshot is written before it, and a full journal waits for snapshots. */
static bool append_damage(struct spine *s, struct frame *f, struct journal_position *at, struct err *e)
{
    enum err_code code = cut_append(s->journal, f, at, e);

    if (code && disk_is_full(e->sys) && reserve_lend(s->reserve))
        code = cut_append(s->journal, f, at, e);
    return code == ERR_OK;
}

/* Journals what was lost, which restarts every counter when that frame is folded. True: there is something to be read. */
static bool tell_losses(struct spine *s, struct arena *arena)
{
    struct frame *f = s->losses.n && !s->told_at ? damage_frame(arena) : NULL;
    struct journal_position at;
    struct err e = { 0 };
    bool told = false;

    if (f && losses_frame(&s->losses, f)) {
        f->written_unix_nano = clock_now();
        told = append_damage(s, f, &at, &e);
        s->told_at = told ? at.sequence : 0;
        s->snapshots_soon = told ? SNAPSHOT_GENERATIONS : s->snapshots_soon;
        if (!told && !s->folded_unjournalled)
            ledger_fold(s->ledger, f);
        if (told || !s->folded_unjournalled)
            log_error(
                "spine",
                "counters restart at 0: %zu losses in the journal, see above%s%s; what they covered is read again as "
                "far back as the clouds keep it, and their bytes are kept; where nothing crashed look after the disk",
                s->losses.n, told ? "" : "; not journalled: ", told ? "" : e.text);
        s->folded_unjournalled = !told;
    }
    arena_reset(arena);
    return told;
}

/* Nothing more to be read: false, unless losses were journalled now. */
static bool at_the_end(struct spine *s, uint64_t durable, struct arena *arena)
{
    losses_end(&s->losses, durable);
    return tell_losses(s, arena);
}

/* On a full disk with the help of the reserve, which is to be as large as that needs. */
static enum err_code write_snapshot(struct spine *s, sv cursor, struct err *e)
{
    enum err_code code = ledger_snapshot_write(s->ledger, s->dir, cursor, e);

    if (code && disk_is_full(e->sys) && reserve_lend(s->reserve)) {
        code = ledger_snapshot_write(s->ledger, s->dir, cursor, e);
        reserve_keep(s->reserve);
    }
    reserve_want(s->reserve, ledger_snapshot_bytes(s->ledger) + SNAPSHOT_ROOM);
    return code;
}

/* False: it was tried in vain. */
static bool snapshot(struct spine *s)
{
    char cursor[JOURNAL_CURSOR_MAX];
    size_t n = journal_reader_cursor(s->reader, cursor);
    struct err e = { 0 };

    if (s->losses.n)
        return true;
    if (write_snapshot(s, sv_make(cursor, n), &e)) {
        log_error("spine", "snapshot: %s", e.text);
        count_stat(s, &s->stats.snapshot_failures);
        return false;
    }
    s->snapshots_soon -= s->snapshots_soon > 0;
    /* What was current is the older one now. */
    journal_release(s->journal, "ledger", buf_sv(&s->older));
    buf_clear(&s->older);
    buf_put(&s->older, sv_make(cursor, n));
    pthread_mutex_lock(&s->lock);
    s->stats.snapshots++;
    s->stats.last_snapshot_unix_nano = clock_now();
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* Marks are folded like anything else, from the journal. */
static void append_marks(struct spine *s, struct frame *f)
{
    struct journal_position at;
    struct err e = { 0 };

    f->written_unix_nano = clock_now();
    if (cut_append(s->journal, f, &at, &e))
        log_warn("spine", "%.*s: %s", SV_ARG(f->scope), e.text);
}

/* Journals that series were shown at 0, which lets their values show. */
static void births(struct spine *s, struct arena *arena)
{
    struct frame *f = frame_new(arena, OWN_SOURCE, SV("births"));

    if (f && ledger_births(s->ledger, atomic_load(&s->shown), clock_mono() - BIRTH_AFTER_MS * NANO_PER_MS,
                           MARKS_PER_FRAME, f))
        append_marks(s, f);
    arena_reset(arena);
}

/* Journals that series have not changed for long, which ends their being shown. */
static void expiries(struct spine *s, struct arena *arena)
{
    struct frame *f = frame_new(arena, OWN_SOURCE, SV("expiries"));

    if (f && ledger_expiries(s->ledger, MARKS_PER_FRAME, f))
        append_marks(s, f);
    arena_reset(arena);
}

/* When what is not done each time is due, by clock_mono. */
struct house {
    int64_t next, snapshot, again, expiries, measured;
    uint64_t folded_then; /* at the last snapshot */
};

/* What is done a few times a second, between frames. */
static void keep_house(struct spine *s, struct arena *arena, struct house *h)
{
    int64_t now = clock_mono();
    struct journal_stats journal;
    bool pressed;

    h->next = now + wait_ms() * NANO_PER_MS;
    reserve_keep(s->reserve);
    (void)tell_losses(s, arena);
    births(s, arena);
    if (now >= h->expiries) {
        h->expiries = now + EXPIRIES_EVERY_MS * NANO_PER_MS;
        expiries(s, arena);
    }
    journal_stats(s->journal, &journal);
    /* A journal that is full waits for snapshots to let it go, also where nothing is new. */
    pressed = (journal.over_limit || journal.disk_full) &&
              h->snapshot - now < (s->snapshot_every_ms - FULL_EVERY_MS) * NANO_PER_MS;
    if (now >= h->measured) {
        ledger_measure(s->ledger);
        h->measured = now + MEASURED_EVERY_MS / WAIT_MS * wait_ms() * NANO_PER_MS;
    }
    if (now < h->again)
        return; /* the last one failed just now */
    if (!s->snapshots_soon && !pressed && (now < h->snapshot || h->folded_then == s->stats.folded_frames))
        return;
    if (!snapshot(s)) {
        h->again = now + FULL_EVERY_MS * NANO_PER_MS;
        return;
    }
    h->folded_then = s->stats.folded_frames;
    h->snapshot = clock_mono() + s->snapshot_every_ms * NANO_PER_MS;
}

/* ---- what is durable already ---- */

/* The state to begin with: the snapshot's, or an empty one. */
static enum err_code begin_replay(struct spine *s, struct err *e)
{
    bool found = false;
    enum err_code code = ledger_snapshot_read(s->ledger, s->dir, &s->older, &found, e);
    struct buf previous;

    if (code)
        return code;
    losses_begin(&s->losses, ledger_sequence(s->ledger), found);
    buf_init(&previous, JOURNAL_CURSOR_MAX);
    ledger_snapshot_older(s->dir, &previous);
    journal_release(s->journal, "ledger",
                    buf_sv(&previous)); /* what is before it, not what is before the current one */
    buf_done(&previous);
    s->reader = journal_reader_open(s->journal, NULL, buf_sv(&s->older), e);
    return s->reader ? ERR_OK : e->code;
}

static void note_first(struct spine *s, uint64_t sequence)
{
    pthread_mutex_lock(&s->lock);
    s->behind = sequence - 1;
    pthread_mutex_unlock(&s->lock);
}

/* Everything that is durable, and what is journalled about its damage. */
static enum err_code replay_frames(struct spine *s, struct arena *arena, struct err *e)
{
    unsigned failures = 0;
    bool got = true;

    for (bool first = true; got;) {
        uint64_t durable = journal_durable(s->journal).sequence;
        struct journal_frame in;
        struct err why = { 0 };

        if (s->stopping || s->cancelled)
            return err_set(e, ERR_CANCELLED, "stopped while replaying the journal");
        if (journal_read(s->reader, 0, &in, &got, &why)) {
            if (++failures >= READ_FAILURES_MAX) {
                *e = why;
                return why.code;
            }
            got = true;
            continue;
        }
        failures = 0;
        if (got && first)
            note_first(s, in.at.sequence);
        first = first && !got;
        if (got)
            fold_one(s, &in, arena);
        else
            got = at_the_end(s, durable, arena);
        if (ledger_starved(s->ledger))
            return err_set(e, ERR_LIMIT, "memory ran out while replaying the journal");
    }
    return ERR_OK;
}

static enum err_code replay(struct spine *s, struct arena *arena, struct err *e)
{
    int64_t began = clock_mono();
    enum err_code code = begin_replay(s, e);

    attempt_begin(&s->attempt, s->dir, journal_durable(s->journal).sequence);
    if (code == ERR_OK)
        code = replay_frames(s, arena, e);
    attempt_end(&s->attempt);
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

/* Memory ran out over a frame. It is durable, so the one way to count it exactly is to begin anew from the last snapshot;
 * meanwhile numbers stand still. */
static void starve(struct spine *s)
{
    log_error("spine", "memory ran out while counting: nothing durable is lost, a start counts it whole");
    pthread_mutex_lock(&s->lock);
    s->starved = true;
    pthread_cond_broadcast(&s->folded_more);
    pthread_mutex_unlock(&s->lock);
    if (s->on_starved)
        s->on_starved(s->ctx);
}

/* Who waits for a fold does not wait for a journal that cannot be read. */
static enum err_code tell_read(struct spine *s, enum err_code code)
{
    if (s->unreadable == (code != ERR_OK))
        return code;
    pthread_mutex_lock(&s->lock);
    s->unreadable = code != ERR_OK;
    pthread_cond_broadcast(&s->folded_more);
    pthread_mutex_unlock(&s->lock);
    return code;
}

/* From frame to frame until the end. */
static void follow(struct spine *s, struct arena *arena)
{
    struct house house = { .snapshot = clock_mono() + s->snapshot_every_ms * NANO_PER_MS };

    for (;;) {
        uint64_t durable = journal_durable(s->journal).sequence;
        struct journal_frame in;
        struct err e = { 0 };
        bool got = false, failed, stop = s->stopping;

        failed = tell_read(s, journal_read(s->reader, stop ? 0 : wait_ms(), &in, &got, &e)) != ERR_OK;
        if (failed) {
            log_error("spine", "journal: %s", e.text);
            clock_sleep_ms(wait_ms());
        }
        if (got)
            fold_one(s, &in, arena);
        else if (!failed && at_the_end(s, durable, arena))
            continue;
        else if (stop)
            break;
        if (ledger_starved(s->ledger)) {
            starve(s);
            break;
        }
        if (!stop && clock_mono() >= house.next)
            keep_house(s, arena, &house);
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
    if (!ledger_starved(s->ledger) && (code == ERR_OK || (code == ERR_CANCELLED && s->folded)))
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
    if (disk_make_dir(o->dir))
        return err_sys(e, "%s: cannot be made; want a folder, or a parent of one, that exists and can be written",
                       o->dir);
    if (ledger_snapshot_check(o->dir, e))
        return e->code;
    journal.dir = dir;
    journal.own_key = OWN_SOURCE;
    s->journal = journal_open(&journal, &found, e);
    if (!s->journal)
        return e->code;
    s->reserve = reserve_open(o->dir, o->reserve_bytes);
    journal_use_reserve(s->journal, s->reserve);
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
    buf_init(&s->older, JOURNAL_CURSOR_MAX);
    s->on_starved = o->on_starved;
    s->on_fold = o->on_fold;
    s->ctx = o->ctx;
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
    if (!s)
        return;
    s->cancelled = true;
    journal_ending(s->journal);
}

void spine_close(struct spine *s)
{
    if (!s)
        return;
    s->stopping = true;
    if (s->started)
        pthread_join(s->thread, NULL);
    losses_done(&s->losses);
    journal_reader_close(s->reader);
    journal_close(s->journal);
    reserve_close(s->reserve);
    ledger_free(s->ledger);
    buf_done(&s->older);
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
    out->reserve_bytes = reserve_bytes(s->reserve);
    pthread_mutex_unlock(&s->lock);
}
