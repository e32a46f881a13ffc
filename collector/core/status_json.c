/* /api/v1/sources: per source its jobs, calls, cost and conservation. A stable shape: fields are only ever added. */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/core/status.h"

struct json_out {
    struct buf *b;
    bool first;
};

static void key(struct json_out *o, const char *name)
{
    if (!o->first)
        buf_putc(o->b, ',');
    o->first = false;
    buf_json(o->b, sv_of(name));
    buf_putc(o->b, ':');
}

static void text(struct json_out *o, const char *name, sv value)
{
    key(o, name);
    buf_json(o->b, value);
}

static void number(struct json_out *o, const char *name, double value)
{
    key(o, name);
    buf_f64(o->b, value);
}

static void truth(struct json_out *o, const char *name, bool value)
{
    key(o, name);
    buf_put(o->b, value ? SV("true") : SV("false"));
}

/* null when it has not happened. */
static void instant(struct json_out *o, const char *name, int64_t unix_nano)
{
    key(o, name);
    if (unix_nano <= 0) {
        buf_put(o->b, SV("null"));
        return;
    }
    buf_putc(o->b, '"');
    buf_time(o->b, unix_nano, 3);
    buf_putc(o->b, '"');
}

static void open_as(struct json_out *o, char bracket)
{
    buf_putc(o->b, bracket);
    o->first = true;
}

static void open_item(struct json_out *o)
{
    if (!o->first)
        buf_putc(o->b, ',');
    open_as(o, '{');
}

static void close_as(struct json_out *o, char bracket)
{
    buf_putc(o->b, bracket);
    o->first = false;
}

static void put_error(struct json_out *o, const char *name, const struct err *e)
{
    key(o, name);
    if (e->code == ERR_OK) {
        buf_put(o->b, SV("null"));
        return;
    }
    open_as(o, '{');
    text(o, "code", sv_of(err_name(e->code)));
    text(o, "text", sv_of(e->text));
    close_as(o, '}');
}

/* Up to where hours were read once more at each age; null: not yet, or not for this job. */
static void put_controls(struct json_out *o, const struct task_status *s)
{
    key(o, "control_complete_until");
    open_as(o, '{');
    for (int age = 0; age < CONTROL_AGES; age++)
        instant(o, control_ages[age].name, s->control_until_unix_nano[age]);
    close_as(o, '}');
    put_error(o, "control_error", &s->control_error);
}

static void put_job(struct json_out *o, const struct task_view *t)
{
    const struct task_status *s = &t->status;
    int64_t now = s->server_now_unix_nano > clock_now() ? s->server_now_unix_nano : clock_now();
    int64_t lag_ms = status_lag(now, s->complete_until_unix_nano) / NANO_PER_MS;

    open_item(o);
    text(o, "scope", t->scope);
    text(o, "group", t->group);
    text(o, "signal", t->signal);
    text(o, "state", sv_of(task_state_name(s->state)));
    truth(o, "sick", s->sick);
    instant(o, "complete_until", s->complete_until_unix_nano);
    key(o, "lag_seconds");
    if (s->complete_until_unix_nano > 0)
        buf_f64(o->b, (double)lag_ms / 1e3);
    else
        buf_put(o->b, SV("null"));
    number(o, "expected_lag_seconds", (double)t->expected_lag_ms / 1e3);
    instant(o, "read_until", s->read_until_unix_nano);
    number(o, "backlog_seconds", (double)s->backlog_nano / 1e9);
    key(o, "catch_up_seconds");
    if (s->backlog_nano == 0 || s->catch_up_nano)
        buf_f64(o->b, (double)s->catch_up_nano / 1e9);
    else
        buf_put(o->b, SV("null"));
    instant(o, "last_attempt", s->last_attempt_unix_nano);
    instant(o, "last_success", s->last_success_unix_nano);
    instant(o, "next_attempt", s->next_unix_nano);
    number(o, "polls", (double)s->polls);
    number(o, "failures", (double)s->failures);
    number(o, "records", (double)s->records);
    number(o, "last_poll_ms", (double)s->poll_real_ms);
    key(o, "stage");
    if (t->stage)
        buf_json(o->b, sv_of(t->stage));
    else
        buf_put(o->b, SV("null"));
    number(o, "silent_seconds", (double)t->silent_ms / 1e3);
    truth(o, "stuck", task_is_stuck(t));
    put_error(o, "error", &s->error);
    put_controls(o, s);
    close_as(o, '}');
}

static void put_calls(struct json_out *o, struct source_stats *stats)
{
    size_t n;
    struct api_stats *rows = source_stats_rows(stats, &n);
    int64_t usd = 0;

    key(o, "api_calls");
    open_as(o, '[');
    for (size_t i = 0; i < n; i++) {
        open_item(o);
        text(o, "api", sv_of(rows[i].name));
        text(o, "account", sv_of(rows[i].account));
        number(o, "calls", (double)rows[i].calls);
        number(o, "failed", (double)(rows[i].calls - rows[i].ends[ERR_OK]));
        number(o, "throttled", (double)rows[i].ends[ERR_THROTTLED]);
        number(o, "received_bytes", (double)rows[i].received_bytes);
        number(o, "billed_units", (double)rows[i].units);
        number(o, "list_price_usd", (double)rows[i].usd_nano / 1e9);
        close_as(o, '}');
        usd += rows[i].usd_nano;
    }
    free(rows);
    close_as(o, ']');
    number(o, "list_price_usd", (double)usd / 1e9);
    number(o, "clock_skew_seconds", (double)source_stats_skew(stats) / 1e9);
}

/* null where there is no limit. */
static void put_limit(struct json_out *o, const char *name, double limit)
{
    key(o, name);
    if (limit > 0)
        buf_f64(o->b, limit);
    else
        buf_put(o->b, SV("null"));
}

static void put_budget(struct json_out *o, const struct instance *in, const struct budget_view *v)
{
    key(o, "budget");
    open_as(o, '{');
    number(o, "calls_spent", v->calls);
    put_limit(o, "calls_per_day", (double)in->budget.calls_per_day);
    number(o, "usd_spent", v->usd);
    put_limit(o, "usd_per_day", in->budget.usd_per_day);
    number(o, "stretch_ratio", v->stretch);
    close_as(o, '}');
}

static void put_notes(struct json_out *o, struct source_stats *stats)
{
    struct source_note notes[STATS_NOTES_MAX];
    size_t n = source_stats_notes(stats, notes);

    key(o, "goes_without");
    open_as(o, '[');
    for (size_t i = 0; i < n; i++) {
        open_item(o);
        text(o, "what", sv_of(notes[i].what));
        text(o, "why", sv_of(notes[i].text));
        close_as(o, '}');
    }
    close_as(o, ']');
}

static void put_reasons(struct json_out *o, const char *name, const int64_t counts[REASONS])
{
    key(o, name);
    open_as(o, '{');
    for (int r = 1; r < REASONS; r++)
        if (counts[r])
            number(o, reason_name((enum reason)r), (double)counts[r]);
    close_as(o, '}');
}

static void put_tally(struct json_out *o, const struct source_totals *t)
{
    key(o, "records");
    open_as(o, '{');
    number(o, "received", (double)t->tally.received);
    number(o, "stored", (double)t->tally.stored);
    number(o, "duplicate", (double)t->tally.duplicate);
    put_reasons(o, "rejected", t->tally.rejected);
    put_reasons(o, "quarantined", t->tally.quarantined);
    number(o, "late", (double)t->late);
    number(o, "late_buckets", (double)t->late_buckets);
    number(o, "history", (double)t->history);
    number(o, "pending_envelopes", (double)t->pending_envelopes);
    close_as(o, '}');
}

static void put_totals(struct json_out *o, struct ledger *l, sv source)
{
    struct source_totals t = { 0 };

    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_source_count(l); i++) {
        ledger_source(l, i, &t);
        if (sv_eq(t.source, source))
            put_tally(o, &t);
    }
    ledger_read_unlock(l);
    instant(o, "count_from", ledger_count_from(l, source));
}

static void put_gaps(struct json_out *o, struct ledger *l, sv source)
{
    struct gap_view v;

    key(o, "gaps");
    open_as(o, '[');
    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_gap_count(l); i++) {
        ledger_gap(l, i, &v);
        if (!sv_eq(v.source, source))
            continue;
        open_item(o);
        text(o, "signal", v.signal);
        text(o, "cause", v.cause);
        number(o, "seconds", (double)v.nano / 1e9);
        instant(o, "newest_from", v.newest_from_unix_nano);
        instant(o, "newest_to", v.newest_to_unix_nano);
        close_as(o, '}');
    }
    ledger_read_unlock(l);
    close_as(o, ']');
}

static void put_source(struct json_out *o, const struct status *s, const struct instance *in,
                       const struct task_view *tasks, size_t n)
{
    bool up = in->source != NULL;
    struct budget_view budget;

    for (size_t i = 0; i < n; i++)
        if (sv_eq(tasks[i].source, in->env.id))
            up &= tasks[i].status.state == TASK_OK || tasks[i].status.state == TASK_CATCHING_UP;
    open_item(o);
    text(o, "id", in->env.id);
    text(o, "cloud", sv_of(in->ops->name));
    truth(o, "up", up);
    put_error(o, "error", &in->open_error);
    put_totals(o, spine_ledger(s->spine), in->env.id);
    put_calls(o, in->stats);
    budget = scheduler_budget(spine_ledger(s->spine), in->env.id, tasks, n);
    put_budget(o, in, &budget);
    put_notes(o, in->stats);
    put_gaps(o, spine_ledger(s->spine), in->env.id);
    key(o, "jobs");
    open_as(o, '[');
    for (size_t i = 0; i < n; i++)
        if (sv_eq(tasks[i].source, in->env.id))
            put_job(o, &tasks[i]);
    close_as(o, ']');
    close_as(o, '}');
}

static void put_head(struct json_out *o, bool ready)
{
    open_as(o, '{');
    text(o, "version", SV(TREFOIL_VERSION));
    truth(o, "ready", ready);
    instant(o, "now", clock_now());
}

void status_json_replaying(const struct status *s, struct buf *out)
{
    struct json_out o = { out, true };
    struct spine_progress p = spine_progress(s->spine);

    put_head(&o, false);
    key(&o, "replay");
    open_as(&o, '{');
    number(&o, "frames_done", (double)p.done);
    number(&o, "frames", (double)p.of);
    close_as(&o, '}');
    key(&o, "sources");
    open_as(&o, '[');
    close_as(&o, ']');
    close_as(&o, '}');
    buf_putc(out, '\n');
}

void status_json(const struct status *s, struct buf *out)
{
    struct json_out o = { out, true };
    struct arena arena;
    size_t n = 0;
    struct task_view *tasks;

    arena_init(&arena, 64 << 20);
    tasks = s->scheduler ? scheduler_tasks(s->scheduler, &arena, &n) : NULL;
    put_head(&o, true);
    key(&o, "sources");
    open_as(&o, '[');
    for (size_t i = 0; i < s->n_instances; i++)
        put_source(&o, s, s->instances[i], tasks, n);
    close_as(&o, ']');
    close_as(&o, '}');
    buf_putc(out, '\n');
    arena_done(&arena);
}
