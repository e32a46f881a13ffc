/*
 * Planning. A poll reads the live window first: from the look-back to the server's now minus the platform's delay. Then what was
 * never read, oldest first, in pieces of the job's longest span. What was read is the union of the journalled windows,
 * so a crash between reading and committing costs a repeated read and nothing else.
 *
 * The first window of a source also fixes where counting begins: an epoch in its frame.
 */
#include "collector/core/runner.h"

#include <stdio.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/base/memory.h"
#include "collector/core/pace.h"
#include "collector/model/key.h"

enum { HALVINGS_MAX = 8, WINDOWS_PER_POLL = 4, ARENA_BYTES = 256 << 20, FIRST_POLL_MS = 10 * 60 * 1000 };

const char *task_state_name(enum task_state s)
{
    static const char *const names[] = { "new", "ok", "catching_up", "failing" };

    return names[s];
}

/* ---- planning ---- */

static int64_t oldest_wanted(const struct source_job *job, int64_t count_from, int64_t now)
{
    int64_t kept = now - job->retention_ms * NANO_PER_MS;
    int64_t from = job->retention_ms && kept > count_from ? kept : count_from;

    return clock_floor(from, job->grain_ms * NANO_PER_MS);
}

/* What a job's windows are planned from, at one server time. */
struct plan {
    struct ledger *l;
    sv source;
    const struct source_job *job;
    int64_t oldest, live, end; /* what has to be read by now, and where its newest part begins */
};

/* Logs have no look-back: they are read once, and live is what came since about the last poll. */
static int64_t live_ms(const struct source_job *job)
{
    int64_t recent = 2 * job->interval_ms;

    if (job->lookback_ms)
        return job->lookback_ms;
    return job->span_max_ms && job->span_max_ms < recent ? job->span_max_ms : recent;
}

static struct plan plan_at(struct ledger *l, sv source, const struct source_job *job, int64_t count_from, int64_t now)
{
    int64_t grain = job->grain_ms * NANO_PER_MS;
    struct plan p = { l, source, job, oldest_wanted(job, count_from, now), 0, 0 };

    p.end = clock_floor(now - job->delay_ms * NANO_PER_MS, grain);
    p.live = clock_floor(p.end - live_ms(job) * NANO_PER_MS, grain);
    p.live = p.live > p.oldest ? p.live : p.oldest;
    return p;
}

/* The newest part, when something of it was not read yet. */
static bool plan_live(const struct plan *p, struct window *out)
{
    const struct source_job *job = p->job;

    if (!ledger_first_hole(p->l, p->source, job->scope, job->group, p->live, p->end, out))
        return false;
    if (job->lookback_ms) {
        out->from_unix_nano = p->live;
        out->to_unix_nano = p->end;
    }
    return true;
}

/* What is older, oldest first: holes, and what was read too early to be settled and has fallen out of the look-back since (a
 * source that was away for longer). */
static bool plan_backlog(const struct plan *p, struct window *out)
{
    const struct source_job *job = p->job;

    return job->lookback_ms == 0
               ? ledger_first_hole(p->l, p->source, job->scope, job->group, p->oldest, p->live, out)
               : ledger_first_unsettled(p->l, p->source, job->scope, job->group, p->oldest, p->live, out);
}

/* Else polls that a budget keeps further apart than the look-back is long would each leave a piece to the backlog. */
static void take_along(const struct plan *p, struct window *out)
{
    struct window behind;

    if (!plan_backlog(p, &behind) || behind.from_unix_nano < p->end - p->job->span_max_ms * NANO_PER_MS)
        return;
    out->from_unix_nano = behind.from_unix_nano;
    out->to_unix_nano = p->end;
}

static bool plan_for(const struct plan *p, enum task_turn turn, struct window *out)
{
    bool live = turn != TURN_BACKLOG && plan_live(p, out);

    if (live && turn == TURN_SPARSE)
        take_along(p, out);
    return live || (turn != TURN_LIVE && turn != TURN_SPARSE && plan_backlog(p, out));
}

bool window_plan(struct ledger *l, sv source, const struct source_job *job, enum task_turn turn, int64_t count_from,
                 int64_t now, struct window *out)
{
    int64_t grain = job->grain_ms * NANO_PER_MS, span = job->span_max_ms * NANO_PER_MS;
    struct plan p = plan_at(l, source, job, count_from, now);
    struct window w = { 0 };

    if (p.end <= p.oldest || !plan_for(&p, turn, &w))
        return false;
    out->from_unix_nano = clock_floor(w.from_unix_nano, grain); /* whole buckets, whoever wrote the windows */
    out->to_unix_nano = w.to_unix_nano;
    if (span && out->to_unix_nano - out->from_unix_nano > span)
        out->to_unix_nano = out->from_unix_nano + span;
    return true;
}

/* How much there is behind what is live. */
static int64_t backlog_of(struct ledger *l, sv source, const struct source_job *job, int64_t count_from, int64_t now)
{
    struct plan p = plan_at(l, source, job, count_from, now);
    struct window w = { 0 };
    int64_t sum = 0;

    while (p.oldest < p.live && plan_backlog(&p, &w)) {
        sum += w.to_unix_nano - w.from_unix_nano;
        p.oldest = w.to_unix_nano;
    }
    return sum;
}

int64_t progress_note(struct progress *p, int64_t backlog_nano, int64_t mono)
{
    enum { APART_S = 15 };
    int64_t done, took;

    if (backlog_nano <= 0) {
        p->n = 0;
        return 0;
    }
    if (p->n && backlog_nano > p->at[0].backlog_nano)
        p->n = 0; /* another one */
    if (p->n == 0 || mono - p->at[p->n - 1].mono >= APART_S * NANO_PER_S) {
        if (p->n == PROGRESS_POINTS)
            memmove(&p->at[0], &p->at[1], --p->n * sizeof p->at[0]);
        p->at[p->n].mono = mono;
        p->at[p->n++].backlog_nano = backlog_nano;
    }
    done = p->at[0].backlog_nano - backlog_nano;
    took = mono - p->at[0].mono;
    return done > 0 && took > 0 ? (int64_t)((double)backlog_nano * ((double)took / (double)done)) : 0;
}

/* What the window's reading at `read_at` settles, and which envelopes may be decided by it. */
static void judge_window(struct ledger *l, sv source, const struct source_job *job, int64_t count_from,
                         struct window *w)
{
    /* A bucket is settled whole or not at all. */
    int64_t grain = job->grain_ms * NANO_PER_MS, until = 0;
    int64_t settled = clock_floor(w->read_at_unix_nano - job->settle_ms * NANO_PER_MS, grain);

    w->settled_to_unix_nano = settled < w->to_unix_nano ? settled : w->to_unix_nano;
    if (job->envelope_settle_ms == 0)
        return;
    /* Only behind a prefix without holes: a model row may still stand in a hole. */
    if (!ledger_complete_until(l, source, job->scope, job->group, &until))
        until = count_from;
    until = until >= w->from_unix_nano ? w->to_unix_nano : until;
    w->decide_to_unix_nano = until - job->envelope_settle_ms * NANO_PER_MS;
    w->decide_to_unix_nano = w->decide_to_unix_nano > 0 ? w->decide_to_unix_nano : 1;
}

/* ---- epochs that belong to every source ---- */

static uint64_t rules_hash(const struct rule *r, size_t n)
{
    uint64_t h = 1;

    for (size_t i = 0; i < n; i++) {
        const sv texts[] = { r[i].family, r[i].fact, r[i].theirs, r[i].part,
                             r[i].ours,   r[i].stat, r[i].labels, r[i].born };

        h = hash_u64(hash_part(h, sv_make(&r[i].weight, sizeof r[i].weight)), (uint64_t)r[i].platform);
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            h = hash_part(h, texts[k]);
    }
    return h;
}

/* The mapping counts from the next bucket boundary on when it replaces another one, else from ever. */
static void add_mapping(struct frame *f, const struct source_ops *ops, bool first, int64_t now)
{
    struct epoch *e = frame_add_epoch(f);

    if (!e)
        return;
    *e = (struct epoch){ .kind = EPOCH_MAPPING,
                         .valid_from_unix_nano = first ? 0 : clock_floor(now, NANO_PER_MIN) + NANO_PER_MIN,
                         .subject = sv_of(ops->name),
                         .hash = rules_hash(ops->rules, ops->n_rules),
                         .rules = (struct rule *)(uintptr_t)ops->rules,
                         .n_rules = ops->n_rules };
}

static void add_count_from(struct frame *f, sv source, int64_t count_from)
{
    struct epoch *e = frame_add_epoch(f);
    sv text = arena_printf(f->arena, "%lld", (long long)count_from);

    if (e && text.at)
        *e = (struct epoch){ .kind = EPOCH_COUNT_FROM, .subject = source, .value = text, .hash = hash64(text) };
}

/* ---- one window ---- */

struct poll {
    struct spine *s;
    const struct task *task;
    struct source_job job; /* the task's, but for the grain of a control read */
    char group[CONTROL_GROUP_MAX];
    struct arena arena;
    int64_t count_from;
    int64_t planned_at; /* what we took for the cloud's now */
    bool first;         /* the source has never counted */
    bool unknown;       /* it has, but nothing of this job was ever read */
    unsigned windows;
    uint64_t records;
};

static struct frame *frame_for(struct poll *p, const struct window *w)
{
    const struct source_job *job = &p->job;
    const struct instance *in = p->task->instance;
    struct frame *f;
    struct window *own;

    arena_reset(&p->arena);
    f = frame_new(&p->arena, in->env.id, job->scope);
    own = f ? frame_add_window(f) : NULL;
    if (!own)
        return NULL;
    *own = *w;
    own->source = in->env.id;
    own->scope = job->scope;
    own->group = w->control ? w->group : job->group;
    own->controls = job->controls && !w->control;
    if (p->first)
        add_count_from(f, in->env.id, p->count_from);
    add_mapping(f, in->ops, p->first, clock_now());
    return f;
}

/* With what the source's calls cost until now. A part of a large frame may be durable when it fails, but not the last one,
 * which carries the cost. */
static enum err_code commit_spent(struct poll *p, struct frame *f, struct err *e)
{
    struct source_stats *stats = p->task->instance->stats;
    enum err_code code;

    source_stats_take(stats, f);
    heartbeat("making a frame durable");
    code = spine_commit(p->s, f, e);
    heartbeat("planning");
    if (code)
        source_stats_give_back(stats, f);
    return code;
}

/* What failed has its price too, and no window to go with. */
static void commit_failed(struct poll *p)
{
    struct frame *f;
    struct err ignored;

    arena_reset(&p->arena);
    f = frame_new(&p->arena, p->task->instance->env.id, p->task->job.scope);
    if (!f)
        return;
    source_stats_take(p->task->instance->stats, f);
    if (f->n_spends && spine_commit(p->s, f, &ignored))
        source_stats_give_back(p->task->instance->stats, f);
}

/* Else the archive would take an hour for a revision of its first minute. */
static void key_hours(struct frame *f)
{
    for (struct batch *b = f->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            b->measures[i].key = key_control(b->measures[i].series, b->measures[i].start_unix_nano);
}

static enum err_code commit(struct poll *p, struct frame *f, struct err *e)
{
    const struct source_job *job = &p->job;
    struct window *w = &f->windows[0];

    if (job->kind == JOB_SNAPSHOT) {
        w->from_unix_nano = w->to_unix_nano = w->read_at_unix_nano;
        w->settled_to_unix_nano = w->read_at_unix_nano;
    } else if (w->control) {
        w->settled_to_unix_nano = w->to_unix_nano;
        key_hours(f);
    } else {
        judge_window(spine_ledger(p->s), p->task->instance->env.id, job, p->count_from, w);
    }
    f->tally.stored = (int64_t)frame_records(f);
    p->records += (uint64_t)f->tally.stored;
    return commit_spent(p, f, e);
}

/* A window that was planned by a clock ahead of the cloud's covers what has not happened yet, and would never be read again. Where
 * counting begins waits until all clocks agree. What the answer told of the cloud's clock is known to the next poll. */
static enum err_code check_clock(const struct poll *p, int64_t began, struct window *w, struct err *e)
{
    const struct source_env *env = &p->task->instance->env;
    bool doubted, windowed = p->job.kind == JOB_WINDOWED;
    int64_t now = source_happened(env, &doubted), ahead = p->planned_at - now, doubt = source_stats_doubt();

    /* What it settles is never read again: no Date, and no answer that takes minutes, makes it later than it was. */
    now = began < now ? began : now;
    if (w->read_at_unix_nano == 0 || w->read_at_unix_nano > now)
        w->read_at_unix_nano = now;
    if ((windowed || p->first) && ahead > doubt)
        return err_set(e, ERR_RETRY, "our clock is %lld s ahead of the cloud's, the window is planned anew",
                       (long long)(ahead / NANO_PER_S));
    if (p->first && (doubted || ahead < -FIRST_POLL_MS * NANO_PER_MS - doubt))
        return err_set(e, ERR_RETRY, "our clock is %lld s behind the cloud's, counting begins when it is certain",
                       (long long)((source_server_now(env) - p->planned_at) / NANO_PER_S));
    return ERR_OK;
}

/* Reads and commits the window, or as much of its front as can be read at once; *w tells what was read. */
static enum err_code read_window(struct poll *p, struct window *w, struct err *e)
{
    const struct source_job *job = &p->job;
    struct source *source = p->task->instance->source;
    enum err_code code = ERR_OK;
    int64_t began;
    bool doubted;

    for (int i = 0; i <= HALVINGS_MAX; i++) {
        const uint64_t refusals = memory_refusals();
        struct frame *f = frame_for(p, w);
        int64_t half = clock_floor((w->to_unix_nano - w->from_unix_nano) / 2, job->grain_ms * NANO_PER_MS);

        if (!f)
            return err_set(e, ERR_LIMIT, "out of memory");
        began = source_happened(&p->task->instance->env, &doubted);
        code = source->ops->poll(source, job, &f->windows[0], f, e);
        if (code == ERR_OK && memory_refusals() != refusals) /* what was set aside may be as good as any */
            code = err_set(e, ERR_RETRY, "out of memory while an answer was read");
        if (code == ERR_OK)
            code = check_clock(p, began, &f->windows[0], e);
        if (code == ERR_OK)
            code = commit(p, f, e);
        if ((code != ERR_LIMIT && code != ERR_PARTIAL) || half <= 0 || job->kind == JOB_SNAPSHOT)
            return code;
        w->to_unix_nano = w->from_unix_nano + half;
    }
    return code;
}

/* The whole window, in as many pieces as it takes. */
static enum err_code read_pieces(struct poll *p, const struct window *w, struct err *e)
{
    struct window piece = *w;
    enum err_code code = ERR_OK;

    while (code == ERR_OK && piece.from_unix_nano < w->to_unix_nano) {
        piece.to_unix_nano = w->to_unix_nano;
        code = read_window(p, &piece, e);
        piece.from_unix_nano = piece.to_unix_nano;
        p->first = false;
    }
    return code;
}

/* One control window, whole. */
static enum err_code poll_control(struct poll *p, struct err *e)
{
    const struct source_env *env = &p->task->instance->env;
    struct window w = { 0 };
    enum err_code code;
    int age;

    if (!control_plan(spine_ledger(p->s), env->id, &p->job, p->count_from, p->planned_at, &w, &age))
        return ERR_OK;
    w.group = control_group(p->job.group, age, p->group);
    p->job.grain_ms = p->job.control_grain_ms;
    code = read_pieces(p, &w, e);
    p->job.grain_ms = p->task->job.grain_ms;
    return code ? err_wrap(e, "control read after %s", control_ages[age].name) : ERR_OK;
}

/* What fails may be what is behind, which is not to hold up the rest: then it is left to its own turn. */
static enum task_turn turn_of(const struct task *t)
{
    bool sparse = pace_is_set(&t->instance->budget) && t->status.state != TASK_FAILING;

    return t->turn == TURN_LIVE && sparse ? TURN_SPARSE : t->turn;
}

static enum err_code poll_windows(struct poll *p, bool *more, struct err *e)
{
    const struct source_job *job = &p->job;
    const struct source_env *env = &p->task->instance->env;
    enum task_turn turn = turn_of(p->task);
    enum err_code code = ERR_OK;
    bool doubted;
    int64_t now =
        source_happened(env, &doubted); /* one for all: else a slow cloud's newest minutes starve what is older */
    struct window w;

    *more = false;
    p->planned_at = now;
    /* A turn of the backlog is short: what is new may become due meanwhile. */
    for (int i = 0; i < (turn == TURN_BACKLOG ? 1 : WINDOWS_PER_POLL) && code == ERR_OK; i++) {
        w = (struct window){ 0 };
        if (!window_plan(spine_ledger(p->s), env->id, job, turn, p->count_from, now, &w))
            break;
        code = read_pieces(p, &w, e);
        p->windows++;
    }
    *more = code == ERR_OK && window_plan(spine_ledger(p->s), env->id, job, TURN_BACKLOG, p->count_from, now, &w);
    return code;
}

/* ---- what was not told ---- */

enum { GAPS_PER_POLL = 16, UNLOGGED_PER_POLL = 64 };

static bool put_gap(struct frame *f, const struct origin_view *of, sv signal, sv cause, int64_t from, int64_t to,
                    sv detail)
{
    struct batch *b = frame_add_batch(f);
    struct gap *g = b ? batch_add_gap(b) : NULL;
    const sv parts[] = { f->source, f->scope, signal, of->resource, of->cloud_region, cause };

    if (!g)
        return false;
    b->origin = (struct origin){ .cloud = cloud_parse(of->cloud),
                                 .account = batch_sym(b, of->account),
                                 .cloud_region = batch_sym(b, of->cloud_region),
                                 .platform = platform_parse(of->platform),
                                 .resource = batch_sym(b, of->resource),
                                 .source = batch_sym(b, f->source) };
    *g = (struct gap){ .key = hash_u64(hash_u64(key_parts(parts, sizeof parts / sizeof parts[0]), (uint64_t)from),
                                       (uint64_t)to),
                       .start_unix_nano = from,
                       .end_unix_nano = to,
                       .signal = batch_sym(b, signal),
                       .cause = batch_sym(b, cause),
                       .detail = detail };
    f->tally.received++;
    return true;
}

/* Why the front of `w` cannot be read any more; cuts it to the part for which that holds. */
static sv cause_of(struct poll *p, struct window *w)
{
    const struct source_job *job = &p->job;
    struct window unread;

    if (!ledger_first_hole(spine_ledger(p->s), p->task->instance->env.id, job->scope, job->group, w->from_unix_nano,
                           w->to_unix_nano, &unread))
        return SV("unsettled"); /* read, but too early to have all */
    if (unread.from_unix_nano > w->from_unix_nano) {
        w->to_unix_nano = unread.from_unix_nano;
        return SV("unsettled");
    }
    *w = unread;
    return p->unknown ? SV("before_discovery") : SV("retention");
}

static enum err_code tell_gap(struct poll *p, const struct window *w, sv cause, struct err *e)
{
    const struct task *t = p->task;
    const struct origin_view of = { .cloud = sv_of(t->instance->ops->name) };
    struct window own = { .from_unix_nano = w->from_unix_nano, .to_unix_nano = w->to_unix_nano };
    struct frame *f = frame_for(p, &own);

    if (!f ||
        !put_gap(f, &of, t->job.signal, cause, w->from_unix_nano, w->to_unix_nano,
                 arena_printf(&p->arena, "the cloud keeps it for %lld h", (long long)(t->job.retention_ms / 3600000))))
        return err_set(e, ERR_LIMIT, "out of memory");
    f->windows[0].read_at_unix_nano = p->planned_at;
    log_warn(t->instance->ops->name, "source=%.*s scope=%.*s group=%.*s: gap of %lld s: cause=%.*s",
             SV_ARG(t->instance->env.id), SV_ARG(t->job.scope), SV_ARG(t->job.group),
             (long long)((w->to_unix_nano - w->from_unix_nano) / NANO_PER_S), SV_ARG(cause));
    return commit(p, f, e);
}

/* What the cloud has given up before it was read is told as a gap, and counts as read: nothing else can become of it. Only after a
 * window was read, so that the server's clock has said that it is so late. */
static enum err_code tell_lost(struct poll *p, struct err *e)
{
    const struct source_env *env = &p->task->instance->env;
    const struct source_job *job = &p->job;
    int64_t kept = oldest_wanted(job, p->count_from, p->planned_at); /* one wrong Date gives nothing up */
    enum err_code code = ERR_OK;
    struct window w;

    for (int i = 0; i < GAPS_PER_POLL && code == ERR_OK; i++) {
        sv cause;

        if (!ledger_first_unsettled(spine_ledger(p->s), env->id, job->scope, job->group, p->count_from, kept, &w))
            break;
        cause = cause_of(p, &w);
        code = tell_gap(p, &w, cause, e);
    }
    return code;
}

/* Hours of which the metrics show traffic and the logs none. */
static enum err_code tell_unlogged(struct poll *p, struct err *e)
{
    const struct task *t = p->task;
    struct ledger *l = spine_ledger(p->s);
    struct unlogged_view *v;
    struct frame *f;
    bool ok;
    size_t n = 0;

    arena_reset(&p->arena);
    f = frame_new(&p->arena, t->instance->env.id, SV("logging"));
    v = ARENA_ARRAY(&p->arena, struct unlogged_view, UNLOGGED_PER_POLL);
    ok = f && v;
    ledger_read_lock(l);
    n = ok ? ledger_unlogged(l, t->instance->env.id, v, UNLOGGED_PER_POLL) : 0;
    for (size_t i = 0; ok && i < n; i++) {
        const struct origin_view of = { v[i].labels[0], v[i].labels[1], v[i].labels[2], v[i].labels[3],
                                        v[i].labels[4] };

        ok = put_gap(f, &of, t->job.signal, SV("logging_off"), v[i].hour_unix_nano, v[i].hour_unix_nano + NANO_PER_H,
                     arena_printf(&p->arena, "metrics show %lld requests, logs none", (long long)v[i].requests));
    }
    ledger_read_unlock(l);
    if (!ok)
        return err_set(e, ERR_LIMIT, "out of memory");
    f->tally.stored = (int64_t)frame_records(f);
    ledger_filter(l, f);
    if (frame_records(f) == 0)
        return ERR_OK; /* all of it is known */
    log_warn(t->instance->ops->name, "source=%.*s: %zu resources have traffic and no log of calls, %.*s among them",
             SV_ARG(t->instance->env.id), frame_records(f), SV_ARG(v[0].labels[4]));
    f->tally = (struct tally){ .received = (int64_t)frame_records(f), .stored = (int64_t)frame_records(f) };
    return spine_commit(p->s, f, e);
}

/* ---- the task ---- */

static bool is_unknown(const struct poll *p)
{
    const struct source_job *job = &p->job;
    int64_t now = clock_now();
    struct window hole;

    return ledger_first_hole(spine_ledger(p->s), p->task->instance->env.id, job->scope, job->group, 0, now, &hole) &&
           hole.from_unix_nano == 0 && hole.to_unix_nano == now;
}

static void note_success(struct poll *p, struct task_status *s, bool more)
{
    s->last_success_unix_nano = clock_now();
    if (s->backlog_fails && p->task->turn == TURN_LIVE && more)
        return; /* how the backlog is doing is for its own turn to say */
    s->backlog_fails = false;
    s->error = (struct err){ 0 };
    s->state = more ? TASK_CATCHING_UP : TASK_OK;
}

static void note_controls(struct poll *p, struct task_status *s)
{
    const struct source_env *env = &p->task->instance->env;
    const struct source_job *job = &p->job;
    struct ledger *l = spine_ledger(p->s);
    struct window w = { 0 };
    int due;

    for (int age = 0; job->controls && age < CONTROL_AGES; age++)
        s->control_until_unix_nano[age] = ledger_control_until(l, env->id, job->scope, job->group, age);
    s->control_waits = control_plan(l, env->id, job, p->count_from, p->planned_at, &w, &due);
}

static void note_reach(struct poll *p, struct task_status *s)
{
    const struct source_env *env = &p->task->instance->env;
    const struct source_job *job = &p->job;
    struct ledger *l = spine_ledger(p->s);

    s->server_now_unix_nano = source_server_now(env);
    if (job->kind == JOB_WINDOWED) {
        (void)ledger_complete_until(l, env->id, job->scope, job->group, &s->complete_until_unix_nano);
        (void)ledger_read_until(l, env->id, job->scope, job->group, &s->read_until_unix_nano);
        s->backlog_nano = backlog_of(l, env->id, job, p->count_from, p->planned_at);
    } else if (s->error.code == ERR_OK) {
        s->complete_until_unix_nano = s->last_success_unix_nano;
    }
    note_controls(p, s);
}

static void name_failure(const struct task *t, struct err *e, enum err_code code)
{
    e->code = code;
    err_wrap(e, "%.*s: %.*s: %.*s", SV_ARG(t->instance->env.id), SV_ARG(t->job.scope), SV_ARG(t->job.group));
}

static void note_failure(struct poll *p, struct task_status *s, struct err *e, enum err_code code)
{
    const struct task *t = p->task;

    name_failure(t, e, code);
    s->error = *e;
    s->failures++;
    s->state = TASK_FAILING;
    s->backlog_fails = t->turn == TURN_BACKLOG;
}

/* What fails here says nothing about the rest, and holds it up no more than its own time. */
static enum err_code control_poll(struct poll *p, struct task_status *s)
{
    struct err e = { 0 };
    enum err_code code = poll_control(p, &e);

    s->control_error = (struct err){ 0 };
    if (code == ERR_OK)
        return ERR_OK;
    name_failure(p->task, &e, code);
    s->control_error = e;
    s->failures++;
    return code;
}

static enum err_code poll_turn(struct poll *p, bool *more, struct err *e)
{
    const struct task *t = p->task;
    struct window snapshot = { 0 };
    enum err_code code;

    p->unknown = !p->first && t->job.kind == JOB_WINDOWED && is_unknown(p);
    code = t->job.kind == JOB_WINDOWED ? poll_windows(p, more, e) : read_window(p, &snapshot, e);
    if (code == ERR_OK && p->windows && t->job.retention_ms)
        code = tell_lost(p, e);
    if (code == ERR_OK && p->windows && t->turn != TURN_BACKLOG && sv_eq(t->job.signal, SV("calls")))
        code = tell_unlogged(p, e);
    return code;
}

enum err_code task_poll(struct spine *s, const struct task *t, struct task_status *status, bool *more)
{
    const struct source_env *env = &t->instance->env;
    struct poll p = { .s = s, .task = t, .job = t->job };
    struct err e = { 0 };
    enum err_code code = ERR_OK;
    bool doubted;

    *more = false;
    arena_init(&p.arena, ARENA_BYTES);
    p.count_from = ledger_count_from(spine_ledger(s), env->id);
    p.first = p.count_from == 0;
    p.planned_at = source_happened(env, &doubted);
    if (p.first)
        p.count_from = clock_floor(p.planned_at - t->instance->initial_window_ms * NANO_PER_MS, NANO_PER_MIN);
    status->last_attempt_unix_nano = clock_now();
    status->polls++;
    if (t->turn != TURN_CONTROL) {
        code = poll_turn(&p, more, &e);
        if (code == ERR_OK)
            note_success(&p, status, *more);
        else
            note_failure(&p, status, &e, code);
    }
    if (t->turn == TURN_CONTROL || (t->turn == TURN_ALL && code == ERR_OK && !*more)) {
        enum err_code control = control_poll(&p, status);

        code = t->turn == TURN_CONTROL ? control : code;
    }
    status->records += p.records;
    note_reach(&p, status);
    if (code)
        commit_failed(&p);
    arena_done(&p.arena);
    return code;
}
