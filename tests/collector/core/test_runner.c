/* Windows are planned from what is durable; what fails moves nothing; what is too large is read in halves. */
#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

#define T0 (INT64_C(1795168800) * NANO_PER_S) /* 2026-11-20T10:00:00Z */

static const struct policy keep = { .identity = POLICY_KEEP };
static char dir[32];
static struct spine *spine;
static struct fake fake;
static struct instance in;
static struct task task;

static void begin(void)
{
    clock_set_manual(T0);
    spine = fake_spine(dir, &keep);
    fake_init(&fake, &in, "f");
    fake.answer = fake_one_a_minute;
    task = (struct task){ .instance = &in, .job = fake.job };
}

static void end(void)
{
    spine_close(spine);
    source_stats_free(in.stats);
    fake_remove(dir);
}

static int64_t minutes(int64_t t)
{
    return (t - T0) / NANO_PER_MIN;
}

static void the_first_poll_reads_the_initial_window_once(void)
{
    bool more;
    int64_t until;

    begin();
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && !more);
    OK(fake.polls == 2); /* the look-back, then what is older: nothing of it twice */
    OK(fake_total(spine_ledger(spine)) == 57);
    OK(ledger_count_from(spine_ledger(spine), SV("f")) == T0 - 60 * NANO_PER_MIN);
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until) && minutes(until) == -10);
    OK(task.status.state == TASK_OK && task.status.records == 57);
    end();
}

static void a_poll_without_a_new_minute_reads_nothing(void)
{
    bool more;

    begin();
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    fake.polls = 0;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && fake.polls == 0);
    clock_advance(NANO_PER_MIN);
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && fake.polls == 1);
    OK(minutes(fake.last.from_unix_nano) == -32 && minutes(fake.last.to_unix_nano) == -2);
    OK(fake_total(spine_ledger(spine)) == 58);
    end();
}

static enum err_code takes_two_minutes(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    enum err_code code = fake_one_a_minute(f, w, out, e);

    clock_advance(2 * NANO_PER_MIN);
    return code;
}

/* While a slow window is read there come new minutes, but what is older has its turn in the same poll. */
static void new_minutes_do_not_starve_what_is_older(void)
{
    bool more;
    int64_t until;

    begin();
    fake.answer = takes_two_minutes;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && !more && fake.polls == 2);
    OK(fake_total(spine_ledger(spine)) == 57);
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until) && minutes(until) >= -10);
    end();
}

static void after_an_outage_the_hole_is_read_too(void)
{
    bool more = false;
    int64_t until = 0;

    begin();
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    clock_advance(20 * NANO_PER_H);
    do {
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    } while (more);
    OK(fake_total(spine_ledger(spine)) == 57 + 20 * 60);
    /* Also what was read before it, but too early to be settled. */
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until) && minutes(until) == 20 * 60 - 10);
    end();
}

/* What was read before it had settled must be read again, however long the next poll takes to come. */
static void a_span_read_too_early_is_read_again_after_an_outage(void)
{
    bool more;
    int64_t until;

    begin();
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    clock_advance(2 * NANO_PER_H);
    do {
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    } while (more);
    OK(minutes(fake.last.from_unix_nano) == -10);
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until) && minutes(until) == 110);
    end();
}

/* Two seconds past the minute the settle time cuts a bucket in two: it is settled whole or not at all. */
static int64_t date_ahead;

/* The cloud's clock goes right, as the monotonic one does, or tells a wrong Date; ours is set. What has not happened yet is not there to be read. */
static enum err_code dated(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    struct window there = *w;

    source_stats_date(in.stats, clock_floor(clock_mono() + date_ahead, NANO_PER_S));
    there.to_unix_nano = w->to_unix_nano < clock_mono() ? w->to_unix_nano : clock_mono();
    return fake_one_a_minute(f, &there, out, e);
}

static void until_read(void)
{
    bool more;

    do {
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    } while (more);
}

static void a_clock_that_is_set_moves_no_window(void)
{
    static const int64_t steps[] = { NANO_PER_H, -NANO_PER_H, 365 * 24 * NANO_PER_H, -365 * 24 * NANO_PER_H,
                                     -2 * NANO_PER_H };

    begin();
    fake.answer = dated;
    until_read();
    OK(fake_total(spine_ledger(spine)) == 57);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        clock_step(steps[i]);
        clock_advance(10 * NANO_PER_MIN);
        until_read();
        OK(fake_total(spine_ledger(spine)) == 57 + 10 * (int64_t)(i + 1));
        OK(minutes(fake.last.to_unix_nano) <= 10 * (int64_t)(i + 1) - 3);
    }
    OK(source_stats_skew(in.stats) == 2 * NANO_PER_H + NANO_PER_S / 2);
    end();
}

/* Nothing is known of the cloud's clock before its first answer. */
static void a_window_planned_by_a_wrong_clock_is_not_believed(void)
{
    static const int64_t steps[] = { NANO_PER_H, 365 * 24 * NANO_PER_H };
    bool more;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        begin();
        fake.answer = dated;
        clock_step(steps[i]);
        OK(task_poll(spine, &task, &task.status, &more) == ERR_RETRY && fake_total(spine_ledger(spine)) == 0);
        OK(strstr(task.status.error.text, "s ahead of the cloud's") != NULL);
        until_read();
        OK(fake_total(spine_ledger(spine)) == 57);
        OK(ledger_count_from(spine_ledger(spine), SV("f")) == T0 - 60 * NANO_PER_MIN);
        /* A restart forgets what the cloud's clock showed, not where it was. */
        source_stats_free(in.stats);
        in.stats = in.env.stats = source_stats_new();
        clock_step(NANO_PER_H);
        clock_advance(10 * NANO_PER_MIN);
        OK(task_poll(spine, &task, &task.status, &more) == ERR_RETRY);
        until_read();
        OK(fake_total(spine_ledger(spine)) == 67 && minutes(fake.last.to_unix_nano) <= 7);
        clock_step(-NANO_PER_H);
        clock_advance(60 * NANO_PER_MIN);
        until_read();
        OK(fake_total(spine_ledger(spine)) == 127);
        end();
    }
}

static void counting_begins_when_all_clocks_agree(void)
{
    static const int64_t steps[] = { -NANO_PER_H, -50 * 365 * 24 * NANO_PER_H };
    bool more;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        begin();
        fake.answer = dated;
        clock_step(steps[i]);
        for (int m = 0; m < 15; m++) {
            OK(task_poll(spine, &task, &task.status, &more) == ERR_RETRY && fake_total(spine_ledger(spine)) == 0);
            OK(strstr(task.status.error.text, "s behind the cloud's") != NULL);
            clock_advance(NANO_PER_MIN);
        }
        (void)!task_poll(spine, &task, &task.status, &more);
        until_read();
        OK(fake_total(spine_ledger(spine)) == 57);
        OK(ledger_count_from(spine_ledger(spine), SV("f")) == T0 - 45 * NANO_PER_MIN);
        end();
    }
}

/* A front end whose clock is 20 minutes ahead: what it shows for a while is no reason to take the future for read. */
static void a_date_ahead_of_all_others_moves_no_window(void)
{
    bool more;

    begin();
    fake.answer = dated;
    until_read();
    date_ahead = 20 * NANO_PER_MIN;
    for (int m = 1; m <= 14; m++) {
        clock_advance(NANO_PER_MIN);
        until_read();
        OK(fake_total(spine_ledger(spine)) == 57 + m && minutes(fake.last.to_unix_nano) == m - 3);
    }
    date_ahead = 0;
    clock_advance(NANO_PER_MIN);
    until_read();
    OK(fake_total(spine_ledger(spine)) == 72 && source_stats_skew(in.stats) == 0);
    /* When nobody ever says otherwise it is our clock that is behind; and the way back is short. */
    date_ahead = 20 * NANO_PER_MIN;
    for (int m = 0; m < 17; m++) {
        clock_advance(NANO_PER_MIN);
        (void)!task_poll(spine, &task, &task.status, &more);
    }
    OK(minutes(fake.last.to_unix_nano) == 32 + 17);
    date_ahead = 0;
    clock_advance(NANO_PER_MIN);
    OK(task_poll(spine, &task, &task.status, &more) == ERR_RETRY);
    clock_advance(30 * NANO_PER_MIN);
    until_read();
    OK(fake_total(spine_ledger(spine)) == 57 + 33 + 30);
    end();
}

/* As sources do: the cloud's time when they begin, and then it takes them minutes. */
static enum err_code slow(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    w->read_at_unix_nano = source_server_now(&in.env);
    clock_advance(12 * NANO_PER_MIN);
    return fake_one_a_minute(f, w, out, e);
}

static void a_long_reading_under_a_wrong_date_settles_what_was_old_when_it_began(void)
{
    int64_t until = 0, began;

    begin();
    fake.answer = dated;
    until_read();
    date_ahead = 20 * NANO_PER_MIN;
    clock_advance(NANO_PER_MIN);
    until_read();
    fake.answer = slow;
    clock_advance(NANO_PER_MIN);
    began = clock_now();
    until_read();
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until));
    OK(until == began - task.job.settle_ms * NANO_PER_MS);
    date_ahead = 0;
    end();
}

/* One of its records says it is of next year. */
static enum err_code with_a_future_record(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    struct window there = { .from_unix_nano = T0 + 365 * 24 * NANO_PER_H,
                            .to_unix_nano = T0 + 365 * 24 * NANO_PER_H + NANO_PER_MIN };

    return fake_one_a_minute(f, w, out, e) || fake_one_a_minute(f, &there, out, e);
}

static void a_record_of_the_future_moves_nothing(void)
{
    int64_t until;

    begin();
    fake.answer = with_a_future_record;
    for (int m = 0; m < 10; m++) {
        until_read();
        /* What is read again is known: nothing was taken for old. */
        OK(fake_total(spine_ledger(spine)) == 57 + m + 1);
        OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until) && minutes(until) == m - 10);
        OK(minutes(fake.last.to_unix_nano) <= m - 3);
        clock_advance(NANO_PER_MIN);
    }
    end();
}

static void a_bucket_is_not_settled_by_half(void)
{
    bool more;

    begin();
    clock_advance(2 * NANO_PER_S);
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    clock_advance(2 * NANO_PER_H);
    do {
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    } while (more);
    OK(fake.last.from_unix_nano == T0 - 10 * NANO_PER_MIN);
    end();
}

static enum err_code refuse(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    (void)fake_one_a_minute(f, w, out, e);
    return err_set(e, ERR_RETRY, "broken pipe");
}

/* What is new is never held up by what is old: the two have turns of their own. */
static void a_turn_reads_what_is_live_or_what_is_behind(void)
{
    bool more;
    int64_t left;

    begin();
    in.initial_window_ms = 73 * 3600000;
    task.turn = TURN_LIVE;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && more && fake.polls == 1);
    OK(minutes(fake.last.to_unix_nano) == -3 && minutes(fake.last.from_unix_nano) == -33);
    OK(task.status.state == TASK_CATCHING_UP && task.status.backlog_nano == (73 * 60 - 33) * NANO_PER_MIN);
    left = task.status.backlog_nano;
    task.turn = TURN_BACKLOG;
    for (int i = 0; i < 100 && more; i++) {
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && fake.polls == (unsigned)i + 2);
        OK(task.status.backlog_nano < left && more == (task.status.backlog_nano > 0));
        left = task.status.backlog_nano;
    }
    OK(!more && left == 0 && fake_total(spine_ledger(spine)) == 73 * 60 - 3);
    end();
}

/* Logs have no look-back; a standstill leaves a hole that is read behind the newest part. */
static void logs_are_read_from_the_newest_part_on_too(void)
{
    bool more;
    int64_t until;

    begin();
    task.job.lookback_ms = 0;
    task.job.settle_ms = task.job.delay_ms;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && !more);
    clock_advance(NANO_PER_MIN);
    task.turn = TURN_LIVE;
    fake.polls = 0;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && !more && fake.polls == 1);
    OK(minutes(fake.last.from_unix_nano) == -3 && minutes(fake.last.to_unix_nano) == -2);
    clock_advance(20 * NANO_PER_H);
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && more);
    OK(minutes(fake.last.from_unix_nano) == 20 * 60 - 4 && minutes(fake.last.to_unix_nano) == 20 * 60 - 2);
    task.turn = TURN_BACKLOG;
    for (int i = 0; i < 10 && more; i++)
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until) && minutes(until) == 20 * 60 - 2);
    OK(fake_total(spine_ledger(spine)) == 57 + 20 * 60 + 1);
    end();
}

/* Each poll comes long after the look-back of the one before, and takes along what that left. */
static void polls_that_a_budget_keeps_far_apart_leave_nothing_behind(void)
{
    bool more = false;
    int64_t until = 0;

    begin();
    in.budget = (struct source_budget){ .calls_per_day = 10 };
    task.turn = TURN_LIVE;
    for (int i = 0; i < 10; i++) {
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && !more);
        clock_advance(2 * NANO_PER_H);
    }
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until) && minutes(until) > 17 * 60);
    OK(fake.polls == 10);
    in.budget = (struct source_budget){ 0 };
    end();
}

static enum err_code only_what_is_new(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    return minutes(w->to_unix_nano) < -3 ? refuse(f, w, out, e) : fake_one_a_minute(f, w, out, e);
}

static void a_backlog_that_fails_is_told_until_its_own_turn_succeeds(void)
{
    bool more;

    begin();
    in.initial_window_ms = 5 * 3600000;
    fake.answer = only_what_is_new;
    task.turn = TURN_LIVE;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && more);
    task.turn = TURN_BACKLOG;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_RETRY && task.status.state == TASK_FAILING);
    clock_advance(NANO_PER_MIN);
    task.turn = TURN_LIVE;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && task.status.state == TASK_FAILING);
    OK(task.status.last_success_unix_nano == T0 + NANO_PER_MIN && task.status.error.code == ERR_RETRY);
    fake.answer = fake_one_a_minute;
    task.turn = TURN_BACKLOG;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && !more && task.status.state == TASK_OK);
    end();
}

static void how_long_the_rest_takes_is_told_from_the_last_minutes(void)
{
    struct progress p = { .n = 0 };

    OK(progress_note(&p, 100 * NANO_PER_H, 0) == 0); /* nobody knows yet */
    OK(progress_note(&p, 90 * NANO_PER_H, 60 * NANO_PER_S) == 9 * NANO_PER_MIN);
    for (int i = 1; i <= 60; i++) /* slower from here on: the first minutes are forgotten */
        OK(progress_note(&p, (90 - i) * NANO_PER_H, 60 * NANO_PER_S + i * NANO_PER_MIN) > 0);
    OK(progress_note(&p, 30 * NANO_PER_H, 62 * NANO_PER_MIN) > 29 * NANO_PER_MIN);
    OK(progress_note(&p, 0, 63 * NANO_PER_MIN) == 0 && p.n == 0);
    OK(progress_note(&p, 5 * NANO_PER_H, 64 * NANO_PER_MIN) == 0 && p.n == 1);
    OK(progress_note(&p, 7 * NANO_PER_H, 65 * NANO_PER_MIN) == 0); /* it grows: no end */
}

static struct tally tally_of(sv source)
{
    struct source_totals t = { 0 };

    ledger_read_lock(spine_ledger(spine));
    for (size_t i = 0; i < ledger_source_count(spine_ledger(spine)) && !sv_eq(t.source, source); i++)
        ledger_source(spine_ledger(spine), i, &t);
    ledger_read_unlock(spine_ledger(spine));
    return t.tally;
}

static double gap_seconds(sv cause)
{
    struct ledger *l = spine_ledger(spine);
    struct gap_view v;
    double sum = 0;

    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_gap_count(l); i++) {
        ledger_gap(l, i, &v);
        sum += sv_eq(v.cause, cause) ? (double)v.nano / 1e9 : 0;
    }
    ledger_read_unlock(l);
    return sum;
}

/* The cloud keeps an hour and we are away for three. */
static void what_the_cloud_gave_up_meanwhile_is_a_gap_and_the_windows_go_on(void)
{
    bool more = false;
    int64_t until;
    struct tally t;

    begin();
    task.job.retention_ms = 3600000;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && gap_seconds(SV("retention")) == 0);
    clock_advance(3 * NANO_PER_H);
    do {
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    } while (more);
    /* From where it had read to, three minutes ago, to an hour before now; seven minutes before were read too early. */
    OK(gap_seconds(SV("retention")) == 3 * 3600 - 3600 + 180 && gap_seconds(SV("unsettled")) == 420);
    OK(fake_total(spine_ledger(spine)) == 57 + 57);
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until) && minutes(until) == 170);
    t = tally_of(SV("f"));
    OK(t.received == t.stored + t.duplicate);
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && gap_seconds(SV("retention")) == 2 * 3600 + 180);
    end();
}

/* It is not known to be lost before the cloud has answered: our clock may be wrong. */
static void while_the_cloud_is_silent_no_gap_is_told(void)
{
    bool more;

    begin();
    task.job.retention_ms = 3600000;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    fake.answer = refuse;
    clock_advance(24 * 365 * NANO_PER_H);
    OK(task_poll(spine, &task, &task.status, &more) == ERR_RETRY && gap_seconds(SV("retention")) == 0);
    end();
}

static void what_lies_before_a_job_was_known_is_no_loss_by_retention(void)
{
    bool more;
    int64_t until;

    begin();
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    clock_advance(3 * NANO_PER_H);
    task.job.scope = SV("found later");
    task.job.retention_ms = 3600000;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    OK(gap_seconds(SV("retention")) == 0 && gap_seconds(SV("before_discovery")) == 3 * 3600);
    OK(ledger_complete_until(spine_ledger(spine), SV("f"), task.job.scope, SV("g"), &until) && minutes(until) == 170);
    end();
}

static void a_failed_poll_moves_nothing(void)
{
    bool more;
    int64_t until;

    begin();
    fake.answer = refuse;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_RETRY);
    OK(task.status.state == TASK_FAILING && sv_eq(sv_of(task.status.error.text), SV("f: s: g: broken pipe")));
    OK(fake_total(spine_ledger(spine)) == 0);
    OK(!ledger_complete_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), &until));
    fake.answer = fake_one_a_minute;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && fake_total(spine_ledger(spine)) == 57);
    end();
}

static enum err_code at_most_seven_minutes(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    if (w->to_unix_nano - w->from_unix_nano > 7 * NANO_PER_MIN)
        return err_set(e, f->polls % 2 ? ERR_LIMIT : ERR_PARTIAL, "too large");
    return fake_one_a_minute(f, w, out, e);
}

/* The second page of the third question is refused: what was read of it is given up, and the window begun anew. */
static enum err_code once_refused_half_way(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    enum err_code code = fake_one_a_minute(f, w, out, e);

    return f->polls == 2 ? err_set(e, ERR_PARTIAL, "page 3: the cursor has expired") : code;
}

static void a_cursor_that_is_refused_half_way_costs_no_record_and_doubles_none(void)
{
    bool more = false;
    struct tally t;

    begin();
    fake.answer = once_refused_half_way;
    for (int i = 0; i < 20 && (i == 0 || more); i++)
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    t = tally_of(SV("f"));
    OK(fake_total(spine_ledger(spine)) == 57 && t.received == t.stored + t.duplicate && t.stored == 57);
    end();
}

static void a_window_that_is_too_large_is_read_in_halves(void)
{
    bool more = false;

    begin();
    fake.answer = at_most_seven_minutes;
    for (int i = 0; i < 20 && (i == 0 || more); i++)
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    OK(fake_total(spine_ledger(spine)) == 57);
    end();
}

static enum err_code many_records(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    (void)f;
    (void)e;
    for (int k = 0; k < 3; k++) {
        struct batch *b = frame_add_batch(out);

        b->origin = (struct origin){ .cloud = CLOUD_AZURE,
                                     .platform = PLATFORM_AZURE_OPENAI,
                                     .resource_id = batch_sym(b, SV("/r")) };
        for (int i = 0; i < 20000; i++) {
            struct key_value dim = { batch_sym(b, SV("d")), arena_printf(out->arena, "%d.%d", k, i) };
            struct measure *m = batch_add_measure(b);

            m->series = key_series(b, PLATFORM_AZURE_OPENAI, SV("/r"), SV("Requests"), &dim, 1);
            m->key = key_measure(m->series, w->from_unix_nano);
            m->name = batch_sym(b, SV("Requests"));
            m->deployment = batch_sym(b, dim.value);
            m->start_unix_nano = w->from_unix_nano;
            m->end_unix_nano = m->start_unix_nano + NANO_PER_MIN;
            m->value = 1;
            out->tally.received++;
        }
    }
    return ERR_OK;
}

static void a_frame_too_large_for_the_journal_is_split_and_nothing_is_lost(void)
{
    bool more;
    struct source_totals t;
    struct journal_stats j;

    begin();
    in.initial_window_ms = 240000;
    fake.answer = many_records;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    OK(fake_total(spine_ledger(spine)) == 60000);
    journal_stats(spine_journal(spine), &j);
    OK(j.appended_frames > 3);
    ledger_read_lock(spine_ledger(spine));
    for (size_t i = 0; i < ledger_source_count(spine_ledger(spine)); i++) {
        ledger_source(spine_ledger(spine), i, &t);
        OK(!sv_eq(t.source, SV("f")) || (t.tally.received == 60000 && t.tally.stored == 60000));
    }
    ledger_read_unlock(spine_ledger(spine));
    end();
}

static char junk[16 << 10];

static enum err_code much_that_cannot_be_mapped(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    (void)f;
    (void)w;
    (void)e;
    for (size_t i = 0; i < sizeof junk; i++) /* nothing that compresses */
        junk[i] = (char)(int)(clock_random() * 255);
    for (int i = 0; i < 200; i++) {
        (void)frame_add_quarantine(out, REASON_MALFORMED, SV("row"), sv_make(junk, sizeof junk));
        out->tally.received++;
    }
    return ERR_OK;
}

/* Else the job would stand still until the cloud mends its rows. */
static void a_frame_with_more_quarantine_than_fits_is_split_too(void)
{
    bool more;
    struct source_totals t = { 0 };

    begin();
    in.initial_window_ms = 240000;
    fake.answer = much_that_cannot_be_mapped;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    ledger_read_lock(spine_ledger(spine));
    for (size_t i = 0; i < ledger_source_count(spine_ledger(spine)) && !sv_eq(t.source, SV("f")); i++)
        ledger_source(spine_ledger(spine), i, &t);
    OK(t.tally.received == 200 && t.tally.quarantined[REASON_MALFORMED] == 200 && t.tally.stored == 0);
    ledger_read_unlock(spine_ledger(spine));
    end();
}

enum { HUGE_BYTES = 1200 << 10 };

static sv huge_text(struct arena *a)
{
    char *at = arena_alloc(a, HUGE_BYTES);

    for (int i = 0; at && i < HUGE_BYTES; i++)
        at[i] = (char)('a' + (int)(clock_random() * 26));
    return sv_make(at, at ? HUGE_BYTES : 0);
}

static enum err_code one_record_is_huge(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    enum err_code code = fake_one_a_minute(f, w, out, e);
    struct batch *b = out->batches;
    struct measure *m = batch_add_measure(b);

    m->series = key_series(b, PLATFORM_AZURE_OPENAI, SV("/huge"), SV("Requests"), NULL, 0);
    m->key = key_measure(m->series, w->from_unix_nano);
    m->name = batch_sym(b, SV("Requests"));
    m->deployment = batch_sym(b, huge_text(out->arena));
    m->start_unix_nano = w->from_unix_nano;
    m->end_unix_nano = m->start_unix_nano + NANO_PER_MIN;
    m->value = 1;
    out->tally.received++;
    return code;
}

static enum err_code one_epoch_is_huge(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    struct epoch *epoch = frame_add_epoch(out);
    struct inventory_item *item = ARENA_ARRAY(out->arena, struct inventory_item, 1);

    item->deployment = huge_text(out->arena);
    *epoch = (struct epoch){ .kind = EPOCH_INVENTORY, .subject = SV("/r"), .hash = 1, .items = item, .n_items = 1 };
    return fake_one_a_minute(f, w, out, e);
}

/* Else the same window would be too large for ever. */
static void a_record_larger_than_a_frame_is_told_and_the_window_goes_on(void)
{
    bool more;
    struct window hole;
    struct tally t;

    begin();
    in.initial_window_ms = 240000;
    fake.answer = one_record_is_huge;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    t = tally_of(SV("f"));
    OK(t.received == 2 && t.stored == 1 && t.quarantined[REASON_LIMIT] == 1);
    OK(fake_total(spine_ledger(spine)) == 1);
    OK(!ledger_first_hole(spine_ledger(spine), SV("f"), SV("s"), SV("g"), T0 - 4 * NANO_PER_MIN, T0 - 3 * NANO_PER_MIN,
                          &hole));
    end();
}

static void an_epoch_larger_than_a_frame_is_told_and_the_window_goes_on(void)
{
    bool more;
    struct tally t;

    begin();
    in.initial_window_ms = 240000;
    fake.answer = one_epoch_is_huge;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    t = tally_of(SV("f"));
    OK(t.received == 2 && t.stored == 1 && t.rejected[REASON_LIMIT] == 1);
    OK(fake_total(spine_ledger(spine)) == 1);
    end();
}

static enum err_code five_large_records(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    struct batch *b = frame_add_batch(out);

    (void)f;
    (void)e;
    b->origin = (struct origin){ .cloud = CLOUD_AZURE, .platform = PLATFORM_AZURE_OPENAI };
    for (int i = 0; i < 5; i++) {
        struct key_value dim = { batch_sym(b, SV("d")), sv_first(huge_text(out->arena), HUGE_BYTES / 2) };
        struct measure *m = batch_add_measure(b);

        m->series = key_series(b, PLATFORM_AZURE_OPENAI, SV("/r"), SV("Requests"), &dim, 1);
        m->key = key_measure(m->series, w->from_unix_nano);
        m->name = batch_sym(b, SV("Requests"));
        m->deployment = batch_sym(b, dim.value);
        m->start_unix_nano = w->from_unix_nano;
        m->end_unix_nano = m->start_unix_nano + NANO_PER_MIN;
        m->value = 1;
        out->tally.received++;
    }
    return ERR_OK;
}

static void records_that_fit_one_by_one_are_all_stored(void)
{
    bool more;
    struct tally t;

    begin();
    in.initial_window_ms = 240000;
    fake.answer = five_large_records;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    t = tally_of(SV("f"));
    OK(t.received == 5 && t.stored == 5);
    end();
}

enum { ACCOUNTS = 400, DEPLOYMENTS = 30 };

static enum err_code large_inventory(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    (void)e;
    for (int i = 0; i < ACCOUNTS; i++) {
        struct batch *b = frame_add_batch(out);
        struct epoch *epoch = frame_add_epoch(out);
        struct inventory_item *items = ARENA_ARRAY(out->arena, struct inventory_item, DEPLOYMENTS);
        sv id = arena_printf(out->arena, "/r%d", i);

        b->origin = (struct origin){ .cloud = CLOUD_AZURE,
                                     .platform = PLATFORM_AZURE_OPENAI,
                                     .account = batch_sym(b, SV("account")),
                                     .resource_id = batch_sym(b, id) };
        for (int k = 0; k < DEPLOYMENTS; k++) {
            items[k].deployment = arena_printf(out->arena, "%.17g %.17g", clock_random(), clock_random());
            items[k].model = arena_printf(out->arena, "%.17g %.17g", clock_random(), clock_random());
        }
        *epoch = (struct epoch){
            .kind = EPOCH_INVENTORY, .subject = id, .hash = (uint64_t)i + 1, .items = items, .n_items = DEPLOYMENTS
        };
    }
    return fake_one_a_minute(f, w, out, e);
}

static void an_inventory_larger_than_a_frame_is_split_and_keeps_its_origins(void)
{
    bool more;
    struct ledger *l;
    size_t whole = 0;

    begin();
    in.initial_window_ms = 240000;
    fake.answer = large_inventory;
    OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
    l = spine_ledger(spine);
    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_inventory_count(l); i++) {
        struct inventory_view v;

        ledger_inventory(l, i, &v);
        whole += sv_eq(v.origin.account, SV("account")) && v.n_items == DEPLOYMENTS;
    }
    ledger_read_unlock(l);
    OK(whole == ACCOUNTS && fake_total(l) == 1);
    end();
}

static void a_restart_goes_on_where_the_journal_ends(void)
{
    bool more;
    struct err e = { 0 };

    for (int with_snapshot = 0; with_snapshot < 2; with_snapshot++) {
        begin();
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK);
        spine_close(spine);
        if (!with_snapshot) {
            char path[64];

            snprintf(path, sizeof path, "%s/ledger.snapshot", dir);
            OK(unlink(path) == 0);
        }
        spine = spine_open(&(struct spine_options){ .dir = dir }, &e);
        OK(spine && fake_total(spine_ledger(spine)) == 57);
        spine_set_policy(spine, &keep);
        clock_advance(5 * NANO_PER_MIN);
        OK(task_poll(spine, &task, &task.status, &more) == ERR_OK && fake_total(spine_ledger(spine)) == 62);
        end();
    }
}

int main(void)
{
    RUN(what_the_cloud_gave_up_meanwhile_is_a_gap_and_the_windows_go_on);
    RUN(while_the_cloud_is_silent_no_gap_is_told);
    RUN(what_lies_before_a_job_was_known_is_no_loss_by_retention);
    RUN(a_turn_reads_what_is_live_or_what_is_behind);
    RUN(logs_are_read_from_the_newest_part_on_too);
    RUN(polls_that_a_budget_keeps_far_apart_leave_nothing_behind);
    RUN(a_backlog_that_fails_is_told_until_its_own_turn_succeeds);
    RUN(how_long_the_rest_takes_is_told_from_the_last_minutes);
    RUN(the_first_poll_reads_the_initial_window_once);
    RUN(a_poll_without_a_new_minute_reads_nothing);
    RUN(new_minutes_do_not_starve_what_is_older);
    RUN(after_an_outage_the_hole_is_read_too);
    RUN(a_span_read_too_early_is_read_again_after_an_outage);
    RUN(a_clock_that_is_set_moves_no_window);
    RUN(a_window_planned_by_a_wrong_clock_is_not_believed);
    RUN(counting_begins_when_all_clocks_agree);
    RUN(a_date_ahead_of_all_others_moves_no_window);
    RUN(a_long_reading_under_a_wrong_date_settles_what_was_old_when_it_began);
    RUN(a_record_of_the_future_moves_nothing);
    RUN(a_bucket_is_not_settled_by_half);
    RUN(a_failed_poll_moves_nothing);
    RUN(a_window_that_is_too_large_is_read_in_halves);
    RUN(a_cursor_that_is_refused_half_way_costs_no_record_and_doubles_none);
    RUN(a_frame_too_large_for_the_journal_is_split_and_nothing_is_lost);
    RUN(a_frame_with_more_quarantine_than_fits_is_split_too);
    RUN(a_record_larger_than_a_frame_is_told_and_the_window_goes_on);
    RUN(an_epoch_larger_than_a_frame_is_told_and_the_window_goes_on);
    RUN(records_that_fit_one_by_one_are_all_stored);
    RUN(an_inventory_larger_than_a_frame_is_split_and_keeps_its_origins);
    RUN(a_restart_goes_on_where_the_journal_ends);
    return tap_done();
}
