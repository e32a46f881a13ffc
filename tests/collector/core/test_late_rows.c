/* Rows of logs that come late, or by the thousand in one instant: each is stored once. */
#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

#define T0 (INT64_C(1795168800) * NANO_PER_S) /* 2026-11-20T10:00:00Z */

enum { ROWS = 4000, LATE_MINUTES = 15, SPAN_MINUTES = 120, INSTANT_ROWS = 10000, PAGE_ROWS = 100 };

static const struct policy keep = { .identity = POLICY_KEEP };
static char dir[32];
static struct spine *spine;
static struct fake fake;
static struct instance in;
static struct task task;
static struct {
    int64_t at, published;
} rows[ROWS];
static unsigned pages;

static void put(struct frame *out, struct batch *b, uint64_t key, int64_t at)
{
    struct call *c = batch_add_call(b);

    c->key = key + 1;
    c->call_key = key + 1000000;
    c->time_unix_nano = at;
    c->arrival_unix_nano = at; /* what the cloud does not tell: when it came */
    c->log = batch_sym(b, SV("rows"));
    out->tally.received++;
}

static struct batch *batch_of(struct frame *out)
{
    struct batch *b = frame_add_batch(out);

    b->origin = (struct origin){ .cloud = CLOUD_GCP, .platform = PLATFORM_VERTEX_AI };
    return b;
}

/* By event time, what was published until now. */
static enum err_code published_rows(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    struct batch *b = batch_of(out);

    (void)f;
    (void)e;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].at >= w->from_unix_nano && rows[i].at < w->to_unix_nano && rows[i].published <= clock_now())
            put(out, b, i, rows[i].at);
    return ERR_OK;
}

/* All of one millisecond, page after page; the last rows of each page stand on the next one again. */
static enum err_code one_instant(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    struct batch *b = batch_of(out);
    int64_t at = T0 - 10 * NANO_PER_MIN;

    (void)f;
    (void)e;
    if (at < w->from_unix_nano || at >= w->to_unix_nano)
        return ERR_OK;
    for (uint64_t first = 0; first < INSTANT_ROWS; first += PAGE_ROWS, pages++)
        for (uint64_t i = first < 10 ? 0 : first - 10; i < first + PAGE_ROWS; i++)
            put(out, b, i, at);
    return ERR_OK;
}

static void begin(void)
{
    clock_set_manual(T0);
    spine = fake_spine(dir, &keep);
    fake_init(&fake, &in, "f");
    fake.job.signal = SV("calls");
    fake.job.delay_ms = 0;
    task = (struct task){ .instance = &in, .job = fake.job };
}

static void end(void)
{
    spine_close(spine);
    source_stats_free(in.stats);
    fake_remove(dir);
}

static struct source_totals totals(void)
{
    struct source_totals t = { 0 };
    struct ledger *l = spine_ledger(spine);

    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_source_count(l) && !sv_eq(t.source, SV("f")); i++)
        ledger_source(l, i, &t);
    ledger_read_unlock(l);
    return t;
}

/* S-08 */
static void rows_that_come_up_to_a_quarter_of_an_hour_late_are_stored_once(void)
{
    bool more, good = true;
    uint64_t state = 7;

    begin();
    for (size_t i = 0; i < ROWS; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        rows[i].at = T0 + (int64_t)(state >> 33) % (SPAN_MINUTES * NANO_PER_MIN);
        rows[i].published = rows[i].at + (int64_t)(state >> 40) % LATE_MINUTES * NANO_PER_MIN;
    }
    fake.answer = published_rows;
    for (int i = 0; i < SPAN_MINUTES + LATE_MINUTES + 2 && good; i++) {
        clock_advance(NANO_PER_MIN);
        good = task_poll(spine, &task, &task.status, &more) == ERR_OK;
    }
    OK(good && totals().tally.stored == ROWS);
    OK(totals().tally.received == totals().tally.stored + totals().tally.duplicate && totals().tally.duplicate > ROWS);
    end();
}

/* S-09 */
static void ten_thousand_rows_of_one_instant_are_stored_once(void)
{
    bool more, good = true;

    begin();
    fake.answer = one_instant;
    pages = 0;
    for (int i = 0; i < 3 && good; i++) {
        good = task_poll(spine, &task, &task.status, &more) == ERR_OK;
        clock_advance(NANO_PER_MIN);
    }
    OK(good && pages == 3 * INSTANT_ROWS / PAGE_ROWS);
    OK(totals().tally.stored == INSTANT_ROWS);
    OK(totals().tally.received == totals().tally.stored + totals().tally.duplicate);
    end();
}

int main(void)
{
    RUN(rows_that_come_up_to_a_quarter_of_an_hour_late_are_stored_once);
    RUN(ten_thousand_rows_of_one_instant_are_stored_once);
    return tap_done();
}
