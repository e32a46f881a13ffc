/*
 * tests/data/golden/ledger-vN.snapshot: the fixture's state as format N wrote it. They stay readable for good: the numbers
 * are there and counting goes on. When the format grows, add the next N (SNAPSHOT_VERSION) by
 *     UPDATE_GOLDEN=1 build/plain/tests/collector/ledger/test_ledger_snapshot
 * which never touches the older ones.
 */
#include <stdio.h>
#include <stdlib.h>

#include "collector/ledger/internal.h"

#include "tests/collector/ledger/log_fixture.h"

enum { OLDEST = 4 };

static struct arena arena;
static struct ledger *l;

static int64_t value_of(const char *family, enum label label, const char *value)
{
    struct series_view v;

    return fixture_find(l, family, label, value, &v) && v.value ? v.value[0] : -1;
}

static void requests(int minute, double value)
{
    struct frame *f = fixture_frame(&arena, T0 + minute * NANO_PER_MIN, T0 + (minute + 1) * NANO_PER_MIN);

    fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), T0 + minute * NANO_PER_MIN, value);
    ledger_fold(l, f);
}

static void called(sv id, sv deployment, sv who)
{
    struct frame *f = fixture_log_frame(&arena, 0, 5, 0);
    struct batch *b = fixture_batch(f);

    fixture_call(b, SV("RequestResponse"), id, deployment, T0 + NANO_PER_MIN, 1)->caller_principal = batch_sym(b, who);
    ledger_fold(l, f);
}

static void spent(int64_t calls)
{
    struct frame *f = fixture_frame(&arena, T0, T0);

    f->n_windows = 0;
    f->written_unix_nano = T0 + NANO_PER_H;
    *frame_add_spend(f) = (struct spend){ SV("api"), SV("who"), calls, 1, 5 };
    ledger_fold(l, f);
}

static int64_t calls_spent(void)
{
    struct spent hours[SPENT_HOURS];
    int64_t n = 0;

    ledger_spent(l, SV("az"), hours);
    for (int i = 0; i < SPENT_HOURS; i++)
        n += hours[i].hour == T0 / NANO_PER_H + 1 ? hours[i].calls : 0;
    return n;
}

/* A series of its own group, whose hours are read once more. */
static void controlled(sv group, bool control, int64_t start, int64_t width, double value)
{
    struct frame *f = fixture_frame(&arena, start, start + width);

    f->windows[0].group = group;
    f->windows[0].control = control;
    f->windows[0].controls = !control;
    fixture_measure(fixture_batch(f), SV("Requests"), SV("hourly"), start, value)->end_unix_nano = start + width;
    ledger_fold(l, f);
}

static void billed(int64_t nano)
{
    struct frame *f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    struct batch *b = fixture_batch(f);
    struct charge *c = batch_add_charge(b);

    c->key = 99;
    c->start_unix_nano = T0;
    c->cost_nano = nano;
    c->model = batch_sym(b, SV("gpt-5-mini"));
    c->currency = batch_sym(b, SV("USD"));
    ledger_fold(l, f);
}

static void untold(void)
{
    struct frame *f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    struct batch *b = fixture_batch(f);

    *batch_add_gap(b) = (struct gap){ .start_unix_nano = T0,
                                      .end_unix_nano = T0 + NANO_PER_MIN,
                                      .signal = batch_sym(b, SV("metrics")),
                                      .cause = batch_sym(b, SV("retention")) };
    ledger_fold(l, f);
}

/* A debt of 1, a gauge, a peak, a caller, an envelope that waits, a gap. */
static void fill(void)
{
    struct frame *f;
    struct batch *b;

    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
    fixture_limits(l, &arena, "callers=5");
    requests(0, 7);
    fixture_bear(l, &arena);
    requests(0, 6);
    f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    b = fixture_batch(f);
    fixture_measure(b, SV("Latency"), SV("d"), T0, NAN)->sum = 1500;
    fixture_measure(b, SV("Utilization"), SV("d"), T0, 50);
    fixture_measure(b, SV("Out"), SV("d"), T0, 9);
    ledger_fold(l, f);
    called(SV("c1"), SV("d"), SV("ann"));
    called(SV("c2"), SV(""), SV("ann"));
    billed(1000000001);
    controlled(SV("hourly"), false, T0, NANO_PER_MIN, 4);
    controlled(SV("hourly#1h"), true, T0, NANO_PER_H, 9);
    untold();
    spent(42);
}

static void holds_what_it_held(int version)
{
    struct series_view v;
    struct billed_view bill;

    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 6 && v.shown[0] == 7);
    OK(value_of("genai_request_duration_mean_seconds", LABEL_DEPLOYMENT, "d") == 1500000000);
    OK(fixture_find(l, "genai_provisioned_utilization_ratio", LABEL_DEPLOYMENT, "d", &v) && v.gauge == 0.5);
    OK(fixture_find(l, "genai_rate_used", LABEL_DEPLOYMENT, "d", &v) && v.gauge == 9);
    OK(value_of("genai_logged_calls_total", LABEL_DEPLOYMENT, "d") == 1);
    OK(value_of("genai_caller_calls_total", LABEL_CALLER, "ann") == 1);
    OK(ledger_billed_count(l) == (version >= 5));
    if (ledger_billed_count(l))
        ledger_billed(l, 0, &bill);
    OK(ledger_gap_count(l) == (version >= 6));
    OK(calls_spent() == (version >= 6 ? 42 : 0));
    OK(version < 5 || (bill.nano == 1000000001 && sv_eq(bill.labels[LABEL_CURRENCY], SV("USD"))));
}

/* Late, revised, repeated: each finds the state that it needs. */
static void goes_on(void)
{
    struct billed_view bill = { 0 };
    struct series_view v;

    if (l->n_sums) { /* a bucket that the control read saw */
        controlled(SV("hourly"), false, T0 + NANO_PER_MIN, NANO_PER_MIN, 3);
        OK(value_of("genai_requests_total", LABEL_DEPLOYMENT, "hourly") == 9 && ledger_control_count(l) == 1);
    }
    billed(7);
    if (OK(ledger_billed_count(l) == 1))
        ledger_billed(l, 0, &bill);
    OK(bill.nano == 7);
    requests(0, 6);
    requests(0, 8);
    requests(1, 1);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 9 && v.shown[0] == 9);
    called(SV("c1"), SV("d"), SV("ann"));
    OK(value_of("genai_logged_calls_total", LABEL_DEPLOYMENT, "d") == 1);
    ledger_fold(l, fixture_log_frame(&arena, 5, 10, 4)); /* the envelope is a call of its own now */
    OK(value_of("genai_logged_calls_total", LABEL_DEPLOYMENT, "") == 1);
    OK(value_of("genai_caller_calls_total", LABEL_MODEL, "") == 1);
}

static bool copy(const char *from, const char *to)
{
    struct buf b;
    FILE *f;
    bool good;

    buf_init(&b, 1 << 20);
    good = buf_read_file(&b, from, 1 << 20, NULL) == ERR_OK;
    f = good ? fopen(to, "wb") : NULL;
    good = f && fwrite(b.at, 1, b.len, f) == b.len;
    good = f && fclose(f) == 0 && good;
    buf_done(&b);
    return good;
}

static void path_of(char *out, size_t size, int version)
{
    snprintf(out, size, "tests/data/golden/ledger-v%d.snapshot", version);
}

static void update(void)
{
    char dir[] = "/tmp/trefoil-test-XXXXXX", golden[64], path[64];

    fill();
    path_of(golden, sizeof golden, SNAPSHOT_VERSION);
    OK(mkdtemp(dir) && ledger_snapshot_write(l, dir, SV("at"), NULL) == ERR_OK);
    snprintf(path, sizeof path, "%s/ledger.snapshot", dir);
    OK(copy(path, golden));
    unlink(path);
    rmdir(dir);
}

static void read_version(int version)
{
    char dir[] = "/tmp/trefoil-test-XXXXXX", golden[64], path[64];
    struct buf cursor;
    bool found = false;

    buf_init(&cursor, 256);
    path_of(golden, sizeof golden, version);
    OK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/ledger.snapshot", dir);
    OK(copy(golden, path));
    ledger_free(l);
    l = ledger_new(NULL);
    if (!OK(ledger_snapshot_read(l, dir, &cursor, &found, NULL) == ERR_OK && found && sv_eq(buf_sv(&cursor), SV("at"))))
        printf("# %s\n", golden);
    unlink(path);
    rmdir(dir);
    buf_done(&cursor);
}

static void a_snapshot_of_each_version_is_read_and_counted_on(void)
{
    for (int version = OLDEST; version <= SNAPSHOT_VERSION; version++) {
        arena_reset(&arena);
        read_version(version);
        holds_what_it_held(version);
        goes_on();
    }
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    if (getenv("UPDATE_GOLDEN"))
        RUN(update);
    RUN(a_snapshot_of_each_version_is_read_and_counted_on);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
