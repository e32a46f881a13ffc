/* Control reads: when which hours are asked for once more, what of them changes numbers, and that they hold up nothing. */
#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

#define T0 (INT64_C(1795168800) * NANO_PER_S) /* 2026-11-20T10:00:00Z */

static const struct policy keep = { .identity = POLICY_KEEP };
static char dir[32];
static struct spine *spine;
static struct fake fake;
static struct instance in;
static struct task task;

/* What the cloud says of a minute, from T0 - 4 h on; hours are their sums. What is `late` shows in them only. */
enum { HOURS_TOLD = 160 };
static int fine[HOURS_TOLD * 60], late[HOURS_TOLD * 60];
static unsigned n_controls;
static enum err_code control_code;
static int crowd; /* so many series say the same */

static int minute_of(int64_t t)
{
    return (int)((t - T0) / NANO_PER_MIN) + 240;
}

static void put(struct frame *out, struct batch *b, int number, int64_t from, int64_t width, double value)
{
    struct measure *m = batch_add_measure(b);
    struct key_value dim = { batch_sym(b, SV("d")), arena_printf(out->arena, "%d", number) };

    m->series = key_series(b, PLATFORM_AZURE_OPENAI, SV("/r"), SV("Requests"), &dim, 1);
    m->deployment = crowd > 1 ? batch_sym(b, dim.value) : 0;
    m->key = key_measure(m->series, from);
    m->name = batch_sym(b, SV("Requests"));
    m->start_unix_nano = from;
    m->end_unix_nano = from + width;
    m->value = value;
}

static enum err_code answer(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    struct batch *b = frame_add_batch(out);
    int64_t width = w->control ? NANO_PER_H : NANO_PER_MIN;

    (void)f;
    n_controls += w->control;
    if (w->control && control_code)
        return err_set(e, control_code, "no hours");
    b->origin = (struct origin){ .cloud = CLOUD_AZURE,
                                 .platform = PLATFORM_AZURE_OPENAI,
                                 .resource_id = batch_sym(b, SV("/r")) };
    for (int64_t t = w->from_unix_nano; t < w->to_unix_nano; t += width) {
        int sum = 0;

        for (int64_t at = t; at < t + width; at += NANO_PER_MIN)
            sum += fine[minute_of(at)] + (w->control ? late[minute_of(at)] : 0);
        for (int k = 0; k < crowd; k++, out->tally.received++)
            put(out, b, k, t, width, sum);
    }
    return ERR_OK;
}

static void begin(void)
{
    clock_set_manual(T0);
    spine = fake_spine(dir, &keep);
    fake_init(&fake, &in, "f");
    fake.answer = answer;
    fake.job.controls = true;
    fake.job.control_grain_ms = 3600000;
    task = (struct task){ .instance = &in, .job = fake.job };
    n_controls = 0;
    control_code = ERR_OK;
    crowd = 1;
    for (int i = 0; i < HOURS_TOLD * 60; i++) {
        fine[i] = 1;
        late[i] = 0;
    }
}

static void end(void)
{
    spine_close(spine);
    source_stats_free(in.stats);
    fake_remove(dir);
}

static bool poll_for(int minutes, int every)
{
    bool more, good = true;

    for (int i = 0; i < minutes; i += every) {
        clock_advance(every * NANO_PER_MIN);
        good = good && task_poll(spine, &task, &task.status, &more) == ERR_OK;
    }
    return good;
}

static void each_hour_is_read_once_at_each_age(void)
{
    begin();
    OK(poll_for(5 * 24 * 60, 5));
    OK(n_controls >= 5 * 24 - 2 && n_controls <= 5 * 30);
    for (int age = 0; age < CONTROL_AGES; age++) {
        int64_t until = ledger_control_until(spine_ledger(spine), SV("f"), SV("s"), SV("g"), age);
        int64_t old = clock_now() - until;

        OK(until > 0 && until == task.status.control_until_unix_nano[age]);
        OK(old >= control_ages[age].age_hours * NANO_PER_H &&
           old <= (control_ages[age].age_hours + control_ages[age].span_hours + 1) * NANO_PER_H);
    }
    end();
}

static void what_comes_after_the_look_back_is_added(void)
{
    struct ledger *l;
    struct control_view v;

    begin();
    OK(poll_for(120, 1));
    l = spine_ledger(spine);
    for (int i = 240; i < 300; i++)
        late[i] = 2; /* the first hour after T0 */
    OK(poll_for(60, 1));
    OK(fake_total(l) == 59 + 177 + 120);
    ledger_read_lock(l);
    OK(ledger_control_count(l) == 1);
    ledger_control(l, 0, &v);
    OK(sv_eq(v.age, SV("1h")) && sv_eq(v.source, SV("f")) && v.added == 120 && v.owed == 0);
    ledger_read_unlock(l);
    end();
}

/* What the parts of a frame add is summed by the hour as what a whole one adds: else the control read adds it once more. */
static void what_was_read_in_a_frame_too_large_is_not_added_again(void)
{
    struct journal_stats before, after;
    struct control_view v;
    struct ledger *l;

    begin();
    crowd = 3000;
    l = spine_ledger(spine);
    OK(poll_for(1, 1));
    journal_stats(spine_journal(spine), &before);
    OK(poll_for(30, 30)); /* half an hour at once, of the hour that is compared */
    journal_stats(spine_journal(spine), &after);
    OK(after.appended_frames > before.appended_frames + 1);
    OK(poll_for(200, 4) && n_controls >= 2);
    OK(fake_total(l) == (int64_t)crowd * (57 + 230));
    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_control_count(l); i++) {
        ledger_control(l, i, &v);
        OK(v.added == 0 && v.owed == 0);
    }
    ledger_read_unlock(l);
    end();
}

static void a_control_read_that_fails_holds_up_nothing(void)
{
    begin();
    control_code = ERR_REFUSED;
    OK(poll_for(300, 1));
    OK(n_controls > 0 && task.status.state == TASK_OK && task.status.error.code == ERR_OK);
    OK(task.status.control_error.code == ERR_REFUSED && task.status.control_waits);
    OK(sv_has(sv_of(task.status.control_error.text), SV("control read after 1h: no hours")));
    control_code = ERR_OK;
    OK(poll_for(10, 1) && task.status.control_error.code == ERR_OK && !task.status.control_waits);
    end();
}

/* Three days away: each old hour is asked for at its own age alone. */
static void after_an_outage_no_hour_is_asked_for_twice(void)
{
    begin();
    OK(poll_for(180, 5));
    n_controls = 0;
    clock_advance(3 * 24 * NANO_PER_H);
    OK(poll_for(120, 5));
    OK(n_controls > 5 && n_controls < 20);
    OK(fake_total(spine_ledger(spine)) == 55 + 3 * 24 * 60 + 180 + 120 - 3);
    end();
}

int main(void)
{
    RUN(each_hour_is_read_once_at_each_age);
    RUN(what_comes_after_the_look_back_is_added);
    RUN(what_was_read_in_a_frame_too_large_is_not_added_again);
    RUN(a_control_read_that_fails_holds_up_nothing);
    RUN(after_an_outage_no_hour_is_asked_for_twice);
    return tap_done();
}
