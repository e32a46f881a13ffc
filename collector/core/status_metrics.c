/*
 * The trefoil_ and process_ families. Each family is one function over the same few views, in the order of the table at the end.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/base/clock.h"
#include "collector/base/log.h"
#include "collector/core/memory.h"
#include "collector/core/quarantine.h"
#include "collector/core/status.h"
#include "exporters/prometheus/exposition.h"

/* What a rendering looks at. */
struct look {
    const struct status *status;
    struct buf *out;
    struct arena arena;
    struct task_view *tasks;
    size_t n_tasks;
    struct source_totals *totals;
    size_t n_totals;
    struct journal_stats journal;
    struct spine_stats spine;
    struct ledger_sizes ledger;
    struct control_view *controls;
    size_t n_controls;
};

static double seconds(int64_t nano)
{
    return (double)nano / 1e9;
}

static void family(struct look *k, const char *name, const char *type, const char *help)
{
    exposition_family(k->out, name, type, help);
}

static void one(struct look *k, const char *name, const char *type, const char *help, double value)
{
    family(k, name, type, help);
    exposition_f64(k->out, name, NULL, 0, value);
}

/* ---- by source and signal ---- */

/* The worst of all jobs of one (source, signal). */
struct signal_sum {
    sv source, signal;
    bool up, catching_up, unknown_end; /* of the backlog */
    int64_t complete_until, now, expected_lag_ms, backlog, catch_up;
};

static struct signal_sum *sum_for(struct signal_sum *sums, size_t *n, const struct task_view *t)
{
    for (size_t i = 0; i < *n; i++)
        if (sv_eq(sums[i].source, t->source) && sv_eq(sums[i].signal, t->signal))
            return &sums[i];
    sums[*n] = (struct signal_sum){ .source = t->source, .signal = t->signal, .up = true, .complete_until = INT64_MAX };
    return &sums[(*n)++];
}

static struct signal_sum *sum_signals(struct look *k, size_t *n)
{
    struct signal_sum *sums = ARENA_ARRAY(&k->arena, struct signal_sum, k->n_tasks + 1);

    *n = 0;
    for (size_t i = 0; sums && i < k->n_tasks; i++) {
        const struct task_view *t = &k->tasks[i];
        struct signal_sum *s = sum_for(sums, n, t);

        s->up &= t->status.state == TASK_OK || t->status.state == TASK_CATCHING_UP;
        s->catching_up |= t->status.state == TASK_CATCHING_UP;
        if (t->status.complete_until_unix_nano < s->complete_until)
            s->complete_until = t->status.complete_until_unix_nano;
        if (t->status.server_now_unix_nano > s->now)
            s->now = t->status.server_now_unix_nano;
        if (t->expected_lag_ms > s->expected_lag_ms)
            s->expected_lag_ms = t->expected_lag_ms;
        if (t->status.backlog_nano > s->backlog)
            s->backlog = t->status.backlog_nano;
        if (t->status.catch_up_nano > s->catch_up)
            s->catch_up = t->status.catch_up_nano;
        s->unknown_end |= t->status.backlog_nano > 0 && t->status.catch_up_nano == 0;
    }
    return sums;
}

static bool always(const struct signal_sum *s)
{
    (void)s;
    return true;
}

/* Absent until something is complete: unknown is not zero. */
static bool has_data(const struct signal_sum *s)
{
    return s->complete_until > 0 && s->complete_until != INT64_MAX;
}

static bool has_end(const struct signal_sum *s)
{
    return !s->unknown_end;
}

static double figure_backlog(const struct signal_sum *s)
{
    return seconds(s->backlog);
}

static double figure_catch_up(const struct signal_sum *s)
{
    return seconds(s->catch_up);
}

static double figure_up(const struct signal_sum *s)
{
    return s->up;
}

static double figure_catching_up(const struct signal_sum *s)
{
    return s->catching_up;
}

static double figure_until(const struct signal_sum *s)
{
    return seconds(s->complete_until);
}

static double figure_lag(const struct signal_sum *s)
{
    int64_t now = clock_now();

    return seconds(status_lag(s->now > now ? s->now : now, s->complete_until));
}

static double figure_expected(const struct signal_sum *s)
{
    return (double)s->expected_lag_ms / 1e3;
}

/* clang-format off */
static const struct {
    const char *name;
    double (*figure)(const struct signal_sum *s);
    bool (*told)(const struct signal_sum *s);
    const char *help;
} signal_families[] = {
    { "trefoil_complete_until_timestamp_seconds", figure_until,       has_data, "Everything up to this time was read whole, a settle time or more after it." },
    { "trefoil_expected_lag_seconds",             figure_expected,    always,   "The lag that delay, settle time and polling interval make normal, with what a budget adds." },
    { "trefoil_lag_seconds",                      figure_lag,         has_data, "Now minus the time up to which the signal is complete." },
    { "trefoil_source_backlog_seconds",           figure_backlog,     always,   "Span behind the newest part that is still to be read, of the job that has most." },
    { "trefoil_source_catch_up_seconds",          figure_catch_up,    has_end,  "How long reading it will take, as the last minutes went; absent while unknown." },
    { "trefoil_source_catching_up",               figure_catching_up, always,   "1 while a backlog is being read." },
    { "trefoil_source_up",                        figure_up,          always,   "1 when the last poll of each job succeeded." },
};
/* clang-format on */

static void put_signals(struct look *k)
{
    size_t n;
    struct signal_sum *sums = sum_signals(k, &n);

    for (size_t f = 0; sums && f < sizeof signal_families / sizeof signal_families[0]; f++) {
        family(k, signal_families[f].name, "gauge", signal_families[f].help);
        for (size_t i = 0; i < n; i++)
            if (signal_families[f].told(&sums[i]))
                exposition_f64(
                    k->out, signal_families[f].name,
                    (struct exposition_label[]){ { "source", sums[i].source }, { "signal", sums[i].signal } }, 2,
                    signal_families[f].figure(&sums[i]));
    }
}

static void put_gaps(struct look *k)
{
    struct ledger *l = spine_ledger(k->status->spine);
    struct gap_view v;

    family(k, "trefoil_gap_seconds_total", "counter",
           "Spans that were not told: retention (the cloud kept them no longer), logging_off, denied, gone, ...");
    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_gap_count(l); i++) {
        ledger_gap(l, i, &v);
        exposition_f64(
            k->out, "trefoil_gap_seconds_total",
            (struct exposition_label[]){ { "source", v.source }, { "signal", v.signal }, { "cause", v.cause } }, 3,
            seconds(v.nano));
    }
    ledger_read_unlock(l);
}

/* ---- conservation, by source ---- */

static void put_total(struct look *k, const char *name, const char *help, size_t offset)
{
    family(k, name, "counter", help);
    for (size_t i = 0; i < k->n_totals; i++)
        exposition_i64(k->out, name, (struct exposition_label[]){ { "source", k->totals[i].source } }, 1,
                       *(const int64_t *)((const char *)&k->totals[i] + offset));
}

static void put_reasons(struct look *k, const char *name, const char *help, size_t offset)
{
    family(k, name, "counter", help);
    for (size_t i = 0; i < k->n_totals; i++)
        for (int r = 1; r < REASONS; r++)
            exposition_i64(k->out, name,
                           (struct exposition_label[]){ { "source", k->totals[i].source },
                                                        { "reason", sv_of(reason_name((enum reason)r)) } },
                           2, ((const int64_t *)((const char *)&k->totals[i] + offset))[r]);
}

static int64_t quarantined_bytes(struct look *k, sv source)
{
    struct spent hours[SPENT_HOURS];
    int64_t sum = 0, newest = clock_now() / NANO_PER_H;

    ledger_spent(spine_ledger(k->status->spine), source, hours);
    for (int i = 0; i < SPENT_HOURS; i++)
        sum += hours[i].hour > newest - SPENT_HOURS + 1 ? hours[i].quarantined_bytes : 0;
    return sum;
}

static void put_conservation(struct look *k)
{
    put_total(k, "trefoil_received_records_total", "Records that answers held.",
              offsetof(struct source_totals, tally.received));
    put_total(k, "trefoil_stored_records_total", "Records that are in the journal.",
              offsetof(struct source_totals, tally.stored));
    put_total(k, "trefoil_duplicate_records_total", "Records that said what was known already.",
              offsetof(struct source_totals, tally.duplicate));
    put_reasons(k, "trefoil_rejected_records_total", "Records left out on purpose.",
                offsetof(struct source_totals, tally.rejected));
    put_reasons(k, "trefoil_quarantined_records_total", "Records that could not be mapped and were set aside.",
                offsetof(struct source_totals, tally.quarantined));
    put_total(k, "trefoil_late_records_total", "Stored records that came too late to be counted.",
              offsetof(struct source_totals, late));
    put_total(k, "trefoil_history_records_total", "Stored records from before counting began, or from a backfill.",
              offsetof(struct source_totals, history));
    family(k, "trefoil_quarantine_bytes", "gauge", "What the quarantine has kept of the last 24 hours.");
    for (size_t i = 0; i < k->n_totals; i++)
        exposition_i64(k->out, "trefoil_quarantine_bytes",
                       (struct exposition_label[]){ { "source", k->totals[i].source } }, 1,
                       quarantined_bytes(k, k->totals[i].source));
    one(k, "trefoil_quarantine_limit_bytes", "gauge", "How much it keeps of a source and an hour.",
        QUARANTINE_BYTES_PER_H);
    one(k, "trefoil_quarantine_cut_total", "counter", "Items that are counted only, since there was no room.",
        (double)k->spine.quarantine_cut);
    family(k, "trefoil_pending_envelopes", "gauge", "Calls of which only an envelope row was seen so far.");
    for (size_t i = 0; i < k->n_totals; i++)
        exposition_i64(k->out, "trefoil_pending_envelopes",
                       (struct exposition_label[]){ { "source", k->totals[i].source } }, 1,
                       k->totals[i].pending_envelopes);
}

/* ---- control reads ---- */

/* Of those jobs of a (source, signal) whose hours were read at this age; 0: of none. */
static int64_t control_until(const struct look *k, const struct task_view *of, int age)
{
    int64_t until = 0;

    for (size_t i = 0; i < k->n_tasks; i++) {
        const struct task_view *t = &k->tasks[i];
        int64_t at = t->status.control_until_unix_nano[age];

        if (at && sv_eq(t->source, of->source) && sv_eq(t->signal, of->signal))
            until = until == 0 || at < until ? at : until;
    }
    return until;
}

static bool is_first_of_signal(const struct look *k, size_t number)
{
    for (size_t i = 0; i < number; i++)
        if (sv_eq(k->tasks[i].source, k->tasks[number].source) && sv_eq(k->tasks[i].signal, k->tasks[number].signal))
            return false;
    return true;
}

static void put_control_until(struct look *k)
{
    static const char name[] = "trefoil_control_complete_until_timestamp_seconds";

    family(k, name, "gauge",
           "Newest hour that was read once more when it was so old; hours that were older by then were left to the "
           "next age.");
    for (size_t i = 0; i < k->n_tasks; i++)
        for (int age = 0; age < CONTROL_AGES && is_first_of_signal(k, i); age++) {
            int64_t until = control_until(k, &k->tasks[i], age);

            if (until)
                exposition_f64(k->out, name,
                               (struct exposition_label[]){ { "source", k->tasks[i].source },
                                                            { "signal", k->tasks[i].signal },
                                                            { "age", sv_of(control_ages[age].name) } },
                               3, seconds(until));
        }
}

static void put_difference(struct look *k, const struct control_view *v, const char *change, int64_t amount)
{
    double unit = 1;

    for (unsigned i = 0; families[v->family].type == FAMILY_COUNTER && i < families[v->family].digits; i++)
        unit *= 10;
    exposition_f64(k->out, "trefoil_control_difference_total",
                   (struct exposition_label[]){ { "source", v->source },
                                                { "age", v->age },
                                                { "family", sv_of(families[v->family].name) },
                                                { "change", sv_of(change) } },
                   4, (double)amount / unit);
}

static void put_controls(struct look *k)
{
    put_control_until(k);
    family(k, "trefoil_control_difference_total", "counter",
           "What control reads added to a family's counters, or took from them as debt, because it came after the "
           "look-back. Of histograms and summaries: the counts.");
    for (size_t i = 0; i < k->n_controls; i++) {
        put_difference(k, &k->controls[i], "added", k->controls[i].added);
        put_difference(k, &k->controls[i], "owed", k->controls[i].owed);
    }
    put_total(k, "trefoil_control_uncompared_total",
              "Hours of a series that a control read told, but of which it is not known what was counted.",
              offsetof(struct source_totals, hours_uncompared));
    put_total(k, "trefoil_late_buckets_total", "Stored measures that came after the last control read of their time.",
              offsetof(struct source_totals, late_buckets));
    put_total(k, "trefoil_overlapping_buckets_total",
              "Stored measures that cross the edge of others of their series and were not counted.",
              offsetof(struct source_totals, overlaps));
}

/* ---- what calls cost ---- */

static void put_api(struct look *k, const char *name, const char *help, double (*figure)(const struct api_stats *a))
{
    family(k, name, "counter", help);
    for (size_t i = 0; i < k->status->n_instances; i++) {
        const struct instance *in = k->status->instances[i];
        size_t n;
        struct api_stats *rows = source_stats_rows(in->stats, &n);

        for (size_t r = 0; r < n; r++)
            exposition_f64(k->out, name,
                           (struct exposition_label[]){ { "source", in->env.id },
                                                        { "api", sv_of(rows[r].name) },
                                                        { "account", sv_of(rows[r].account) } },
                           3, figure(&rows[r]));
        free(rows);
    }
}

static double api_bytes(const struct api_stats *a)
{
    return (double)a->received_bytes;
}

static double api_units(const struct api_stats *a)
{
    return (double)a->units;
}

static double api_usd(const struct api_stats *a)
{
    return seconds(a->usd_nano);
}

static void put_api_calls(struct look *k)
{
    family(k, "trefoil_api_calls_total", "counter", "Requests sent to a cloud, by how they ended.");
    for (size_t i = 0; i < k->status->n_instances; i++) {
        const struct instance *in = k->status->instances[i];
        size_t n;
        struct api_stats *rows = source_stats_rows(in->stats, &n);

        for (size_t r = 0; r < n; r++)
            for (int c = 0; c < ERR_CODES; c++)
                if (rows[r].ends[c] || c == ERR_OK)
                    exposition_i64(k->out, "trefoil_api_calls_total",
                                   (struct exposition_label[]){ { "source", in->env.id },
                                                                { "api", sv_of(rows[r].name) },
                                                                { "account", sv_of(rows[r].account) },
                                                                { "result", sv_of(err_name((enum err_code)c)) } },
                                   4, (int64_t)rows[r].ends[c]);
        free(rows);
    }
    put_api(k, "trefoil_api_billed_units_total",
            "What the clouds' price lists count: metrics requested, else requests.", api_units);
    put_api(k, "trefoil_api_list_price_usd_total", "List price of those requests.", api_usd);
    put_api(k, "trefoil_api_received_bytes_total", "Bytes received from a cloud, as they came over the wire.",
            api_bytes);
    family(k, "trefoil_clock_skew_seconds", "gauge", "The servers' clock minus ours, as their Date headers tell.");
    for (size_t i = 0; i < k->status->n_instances; i++)
        exposition_f64(k->out, "trefoil_clock_skew_seconds",
                       (struct exposition_label[]){ { "source", k->status->instances[i]->env.id } }, 1,
                       seconds(source_stats_skew(k->status->instances[i]->stats)));
}

/* ---- budgets ---- */

static void put_stuck(struct look *k)
{
    family(k, "trefoil_poll_stuck", "gauge", "Polls that do not end any more: half an hour without a step.");
    for (size_t i = 0; i < k->status->n_instances; i++) {
        sv source = k->status->instances[i]->env.id;
        int64_t n = 0;

        for (size_t t = 0; t < k->n_tasks; t++)
            n += sv_eq(k->tasks[t].source, source) && task_is_stuck(&k->tasks[t]);
        exposition_i64(k->out, "trefoil_poll_stuck", (struct exposition_label[]){ { "source", source } }, 1, n);
    }
}

static void put_by_unit(struct look *k, const char *name, sv source, double calls, double usd)
{
    exposition_f64(k->out, name, (struct exposition_label[]){ { "source", source }, { "unit", SV("calls") } }, 2,
                   calls);
    exposition_f64(k->out, name, (struct exposition_label[]){ { "source", source }, { "unit", SV("usd") } }, 2, usd);
}

static void put_budgets(struct look *k)
{
    struct ledger *l = spine_ledger(k->status->spine);
    const size_t n = k->status->n_instances;
    struct budget_view *views = ARENA_ARRAY(&k->arena, struct budget_view, n + 1);

    for (size_t i = 0; views && i < n; i++)
        views[i] = scheduler_budget(l, k->status->instances[i]->env.id, k->tasks, k->n_tasks);
    family(k, "trefoil_budget_spent", "gauge",
           "What the source's calls cost in the last 24 hours; kept across restarts.");
    for (size_t i = 0; views && i < n; i++)
        put_by_unit(k, "trefoil_budget_spent", k->status->instances[i]->env.id, views[i].calls, views[i].usd);
    family(k, "trefoil_budget_limit", "gauge", "What they may cost in 24 hours; 0: no limit.");
    for (size_t i = 0; i < n; i++)
        put_by_unit(k, "trefoil_budget_limit", k->status->instances[i]->env.id,
                    (double)k->status->instances[i]->budget.calls_per_day, k->status->instances[i]->budget.usd_per_day);
    family(k, "trefoil_budget_stretch_ratio", "gauge",
           "Actual over configured polling interval, of the job that its source's budget stretches most; 1: none.");
    for (size_t i = 0; views && i < n; i++)
        exposition_f64(k->out, "trefoil_budget_stretch_ratio",
                       (struct exposition_label[]){ { "source", k->status->instances[i]->env.id } }, 1,
                       views[i].stretch);
}

static void put_notes(struct look *k)
{
    family(k, "trefoil_source_goes_without", "gauge",
           "What a cloud refuses and the source goes on without; why stands in /api/v1/sources.");
    for (size_t i = 0; i < k->status->n_instances; i++) {
        const struct instance *in = k->status->instances[i];
        struct source_note notes[STATS_NOTES_MAX];
        size_t n = source_stats_notes(in->stats, notes);

        for (size_t a = 0; a < n; a++)
            exposition_i64(k->out, "trefoil_source_goes_without",
                           (struct exposition_label[]){ { "source", in->env.id }, { "what", sv_of(notes[a].what) } }, 2,
                           1);
    }
}

/* ---- the spine ---- */

/* Figures of journal, spine and ledger: 64-bit integers of struct look, divided by `per`. */
/* clang-format off */
static const struct {
    const char *name, *type;
    size_t offset;
    double per;
    const char *help;
} figures[] = {
    { "trefoil_journal_appended_frames_total",    "counter", offsetof(struct look, journal.appended_frames), 1, "Frames made durable." },
    { "trefoil_journal_appended_bytes_total",     "counter", offsetof(struct look, journal.appended_bytes), 1, "Bytes of those frames, as written." },
    { "trefoil_journal_syncs_total",              "counter", offsetof(struct look, journal.syncs), 1, "Syncs to disk; one serves all who wait." },
    { "trefoil_journal_sync_failures_total",      "counter", offsetof(struct look, journal.sync_failures), 1, "Syncs that failed." },
    { "trefoil_journal_segments",                 "gauge",   offsetof(struct look, journal.segments), 1, "Files of the journal." },
    { "trefoil_journal_bytes",                    "gauge",   offsetof(struct look, journal.bytes), 1, "Size of the journal on disk." },
    { "trefoil_journal_max_bytes",                "gauge",   offsetof(struct look, journal.max_bytes), 1, "How large it may become." },
    { "trefoil_journal_deleted_segments_total",   "counter", offsetof(struct look, journal.deleted_segments), 1, "Files that were deleted, by age or to make room." },
    { "trefoil_journal_dropped_frames_total",     "counter", offsetof(struct look, journal.dropped_frames), 1, "Frames deleted although a reader needed them (when_full: drop_oldest)." },
    { "trefoil_journal_missing_frames_total",     "counter", offsetof(struct look, journal.missing_frames), 1, "Frames that a reader wanted and that are not there." },
    { "trefoil_storage_reserve_bytes",            "gauge",   offsetof(struct look, spine.reserve_bytes), 1, "Space set apart for writing on a full disk." },
    { "trefoil_journal_oldest_timestamp_seconds", "gauge",   offsetof(struct look, journal.oldest_unix_nano), 1e9, "When the oldest frame that is kept was written." },
    { "trefoil_ledger_folded_frames_total",       "counter", offsetof(struct look, spine.folded_frames), 1, "Frames folded by this process, replay included." },
    { "trefoil_ledger_replay_seconds",            "gauge",   offsetof(struct look, spine.replay_ms), 1e3, "How long the replay at start took." },
    { "trefoil_ledger_snapshots_total",           "counter", offsetof(struct look, spine.snapshots), 1, "Snapshots written." },
    { "trefoil_ledger_snapshot_failures_total",   "counter", offsetof(struct look, spine.snapshot_failures), 1, "Snapshots that could not be written." },
    { "trefoil_ledger_series",                    "gauge",   offsetof(struct look, ledger.series), 1, "Exposed series." },
    { "trefoil_ledger_series_expired",            "gauge",   offsetof(struct look, ledger.expired), 1, "Of them those that have not changed for long and are not shown." },
    { "trefoil_ledger_series_limit",              "gauge",   offsetof(struct look, ledger.series_limit), 1, "How many there may be, without the expired ones." },
    { "trefoil_ledger_series_refused_total",      "counter", offsetof(struct look, ledger.series_refused), 1, "Requests for a series beyond the limit." },
    { "trefoil_ledger_native_series",             "gauge",   offsetof(struct look, ledger.natives), 1, "Series as the clouds tell them apart." },
    { "trefoil_ledger_native_series_limit",       "gauge",   offsetof(struct look, ledger.natives_limit), 1, "How many there may be; figures of further ones are refused." },
    { "trefoil_ledger_names",                     "gauge",   offsetof(struct look, ledger.names), 1, "Distinct label values." },
    { "trefoil_ledger_names_limit",               "gauge",   offsetof(struct look, ledger.names_limit), 1, "How many there may be; records with further ones are refused." },
    { "trefoil_ledger_charges",                   "gauge",   offsetof(struct look, ledger.charges), 1, "Items of the bill that are kept to see which changed." },
    { "trefoil_ledger_charges_limit",             "gauge",   offsetof(struct look, ledger.charges_limit), 1, "How many there may be; further ones are refused." },
    { "trefoil_ledger_waiting_calls",             "gauge",   offsetof(struct look, ledger.envelopes), 1, "Logged calls of which the row with the model has not come yet." },
    { "trefoil_ledger_waiting_calls_limit",       "gauge",   offsetof(struct look, ledger.envelopes_limit), 1, "How many may wait; further ones count at once, without a model." },
    { "trefoil_ledger_records_refused_total",     "counter", offsetof(struct look, ledger.refused), 1, "Records that are archived but not counted, since a limit of the ledger was reached." },
    { "trefoil_ledger_hour_sums",                 "gauge",   offsetof(struct look, ledger.hour_sums), 1, "Hours of series that wait for control reads." },
    { "trefoil_ledger_hour_sums_bytes",           "gauge",   offsetof(struct look, ledger.hour_sums_bytes), 1, "Memory that they take." },
    { "trefoil_ledger_hour_sums_limit_bytes",     "gauge",   offsetof(struct look, ledger.hour_sums_limit_bytes), 1, "How much they may take; further hours are not compared with control reads." },
    { "trefoil_ledger_buckets",                   "gauge",   offsetof(struct look, ledger.buckets), 1, "Bucket states kept for revisions." },
    { "trefoil_ledger_buckets_limit",             "gauge",   offsetof(struct look, ledger.buckets_limit), 1, "How many there may be; further figures are refused until the look-back tells them again." },
    { "trefoil_ledger_bytes",                     "gauge",   offsetof(struct look, ledger.bytes), 1, "Memory of the ledger, as measured within the last minute." },
    { "trefoil_dedup_keys",                       "gauge",   offsetof(struct look, ledger.keys), 1, "Keys of log rows and calls held to see repetitions." },
    { "trefoil_dedup_keys_limit",                 "gauge",   offsetof(struct look, ledger.keys_limit), 1, "How many there may be; above it the horizon shrinks." },
    { "trefoil_dedup_horizon_seconds",            "gauge",   offsetof(struct look, ledger.horizon_ms), 1e3, "How far back repetitions are seen." },
    { "trefoil_callers",                          "gauge",   offsetof(struct look, ledger.callers), 1, "Callers with series of their own." },
    { "trefoil_callers_limit",                    "gauge",   offsetof(struct look, ledger.callers_limit), 1, "How many there may be; 0: nobody is counted by caller." },
    { "trefoil_caller_calls_refused_total",       "counter", offsetof(struct look, ledger.caller_calls_refused), 1, "Logged calls of callers beyond the limit." },
};
/* clang-format on */
_Static_assert(sizeof(size_t) == sizeof(int64_t), "figures are read as 64 bits");

static void put_figures(struct look *k)
{
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        int64_t v;

        memcpy(&v, (const char *)k + figures[i].offset, sizeof v);
        one(k, figures[i].name, figures[i].type, figures[i].help, (double)v / figures[i].per);
    }
}

/* What was shown could not be told any more: by cause. What the ledger holds: by kind. */
static void put_kinds(struct look *k)
{
    family(k, "trefoil_restarts_total", "counter",
           "Times that every counter began at 0 again, since what was shown could not be told any more.");
    for (int i = 0; i < DAMAGE_CAUSES; i++)
        exposition_i64(k->out, "trefoil_restarts_total",
                       (struct exposition_label[]){ { "reason", sv_of(damage_cause_name((enum damage_cause)i)) } }, 1,
                       (int64_t)k->ledger.restarts[i]);
    family(k, "trefoil_ledger_memory_bytes", "gauge", "trefoil_ledger_bytes by what they are for.");
    for (int i = 0; i < MEMORY_KINDS; i++)
        exposition_i64(k->out, "trefoil_ledger_memory_bytes",
                       (struct exposition_label[]){ { "kind", sv_of(ledger_memory_name((enum ledger_memory)i)) } }, 1,
                       (int64_t)k->ledger.memory[i]);
}

static void put_spine(struct look *k)
{
    put_figures(k);
    put_kinds(k);
    one(k, "trefoil_journal_disk_full", "gauge", "1 while nothing can be appended for want of space.",
        k->journal.disk_full);
    one(k, "trefoil_journal_over_limit", "gauge",
        "1 while nothing can be appended since the limit is reached and a reader needs the oldest file.",
        k->journal.over_limit);
    one(k, "trefoil_journal_corrupt_frames_total", "counter", "Frames left out because their checksum did not fit.",
        (double)(k->spine.corrupt_frames + k->spine.undecodable_frames));
    one(k, "trefoil_log_lines_dropped_total", "counter",
        "Log lines left out by the rate limit, or since nobody took them.", (double)log_dropped());
    one(k, "trefoil_log_lines_repeated_total", "counter", "Log lines that said what was said within the minute before.",
        (double)log_repeated());
    one(k, "trefoil_config_last_reload_successful", "gauge", "1 when the last reload of the configuration was taken.",
        k->status->reload_ok);
    one(k, "trefoil_config_last_reload_success_timestamp_seconds", "gauge", "When a configuration was taken last.",
        seconds(k->status->reload_unix_nano));
    if (k->journal.dropped_frames) {
        one(k, "trefoil_journal_dropped_from_timestamp_seconds", "gauge", "Where the dropped frames begin.",
            seconds(k->journal.dropped_from_unix_nano));
        one(k, "trefoil_journal_dropped_until_timestamp_seconds", "gauge", "Where they end.",
            seconds(k->journal.dropped_until_unix_nano));
    }
}

/* ---- the process ---- */

static size_t open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", "..", and the directory itself */
}

static void put_process(struct look *k)
{
    char line[128] = "", *end = line;
    long long pages[2];
    struct rusage r;
    struct rlimit fds;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && !fgets(line, sizeof line, f))
        line[0] = '\0';
    if (f)
        fclose(f);
    for (size_t i = 0; i < 2; i++)
        pages[i] = strtoll(end, &end, 10); /* 0 where there is none */
    getrusage(RUSAGE_SELF, &r);
    getrlimit(RLIMIT_NOFILE, &fds);
    one(k, "trefoil_memory_limit_bytes", "gauge", "Resident memory at which no poll begins any more, nearly.",
        (double)memory_limit());
    one(k, "trefoil_memory_stage", "gauge", "0 free, 1 backlogs and control reads wait, 2 polls wait.", memory_stage());
    one(k, "process_cpu_seconds_total", "counter", "User and system time.",
        (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6);
    one(k, "process_resident_memory_bytes", "gauge", "Resident memory.",
        (double)pages[1] * (double)sysconf(_SC_PAGESIZE));
    one(k, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
        (double)pages[0] * (double)sysconf(_SC_PAGESIZE));
    one(k, "process_open_fds", "gauge", "Open descriptors.", (double)open_fds());
    one(k, "process_max_fds", "gauge", "How many may be open.", (double)fds.rlim_cur);
    one(k, "process_start_time_seconds", "gauge", "When the process started.", seconds(k->status->started_unix_nano));
}

static void put_build(struct look *k)
{
    family(k, "trefoil_build_info", "gauge", "What was built; 1.");
    exposition_i64(
        k->out, "trefoil_build_info",
        (struct exposition_label[]){ { "version", SV(TREFOIL_VERSION) }, { "revision", SV(TREFOIL_REVISION) } }, 2, 1);
}

/* Under the ledger's lock. */
static void look_at_controls(struct look *k, const struct ledger *l)
{
    k->controls = ARENA_ARRAY(&k->arena, struct control_view, ledger_control_count(l) + 1);
    for (size_t i = 0; k->controls && i < ledger_control_count(l); i++) {
        ledger_control(l, i, &k->controls[k->n_controls]);
        k->controls[i].source = arena_copy(&k->arena, k->controls[i].source);
        k->controls[i].age = arena_copy(&k->arena, k->controls[i].age);
        k->n_controls++;
    }
}

static void look_at(struct look *k)
{
    struct ledger *l = spine_ledger(k->status->spine);

    if (k->status->scheduler)
        k->tasks = scheduler_tasks(k->status->scheduler, &k->arena, &k->n_tasks);
    journal_stats(spine_journal(k->status->spine), &k->journal);
    spine_stats(k->status->spine, &k->spine);
    ledger_read_lock(l);
    ledger_sizes(l, &k->ledger);
    k->totals = ARENA_ARRAY(&k->arena, struct source_totals, ledger_source_count(l) + 1);
    for (size_t i = 0; k->totals && i < ledger_source_count(l); i++) {
        ledger_source(l, i, &k->totals[k->n_totals]);
        k->totals[k->n_totals].source = arena_copy(&k->arena, k->totals[k->n_totals].source);
        /* The program's own frames (births, limits) hold no records. */
        k->n_totals += !sv_eq(k->totals[k->n_totals].source, OWN_SOURCE);
    }
    look_at_controls(k, l);
    ledger_read_unlock(l);
}

void status_metrics(const struct status *s, struct buf *out)
{
    static void (*const parts[])(struct look *) = { put_build,    put_signals,   put_gaps,    put_conservation,
                                                    put_controls, put_api_calls, put_budgets, put_stuck,
                                                    put_notes,    put_spine,     put_process };
    struct look k = { .status = s, .out = out };

    arena_init(&k.arena, 64 << 20);
    look_at(&k);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        parts[i](&k);
    arena_done(&k.arena);
}
