/* genai_billed_cost: the newest statement of each item counts, to the nano, for the days that are shown. */
#include <math.h>

#include "tests/collector/ledger/log_fixture.h"

#define DAY (24 * NANO_PER_H)
#define D0  (T0 / DAY * DAY)

static struct arena arena;
static struct ledger *l;

static void begin(void)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
}

/* An empty frame of what is read at `at`. */
static struct frame *read_at(int64_t at)
{
    struct frame *f = fixture_frame(&arena, at - NANO_PER_H, at);

    fixture_batch(f)->observed_unix_nano = at;
    return f;
}

static struct charge *charge(struct frame *f, const char *item, int day, int64_t nano)
{
    struct batch *b = f->batches;
    struct charge *c = batch_add_charge(b);
    const sv parts[] = { sv_of(item), sv_make(&day, sizeof day) };

    c->key = key_parts(parts, 2);
    c->start_unix_nano = D0 + day * DAY;
    c->end_unix_nano = c->start_unix_nano + DAY;
    c->cost_nano = nano;
    c->currency = batch_sym(b, SV("USD"));
    c->sku = batch_sym(b, sv_of(item));
    c->model = batch_sym(b, SV("gpt-5-mini"));
    c->direction = batch_sym(b, SV("input"));
    f->tally.received++;
    f->tally.stored++;
    return c;
}

static void bill(int64_t at, const char *item, int day, int64_t nano)
{
    struct frame *f = read_at(at);

    charge(f, item, day, nano);
    ledger_filter(l, f);
    ledger_fold(l, f);
}

/* The sum of that direction as seen at `now`, NONE when nothing is shown. */
static int64_t billed(int64_t now, const char *direction, int offset)
{
    struct billed_view v;
    int days;

    for (size_t i = 0; i < ledger_billed_count(l); i++) {
        ledger_billed(l, i, &v);
        if (sv_eq(v.labels[LABEL_DIRECTION], sv_of(direction)) && billed_offset(&v, now, &days) && days == offset)
            return v.nano;
    }
    return NONE;
}

static struct tally tally(void)
{
    struct source_totals t;

    for (size_t i = 0; i < ledger_source_count(l); i++) {
        ledger_source(l, i, &t);
        if (sv_eq(t.source, SV("az")))
            return t.tally;
    }
    return (struct tally){ 0 };
}

static void the_newest_statement_of_an_item_counts(void)
{
    begin();
    bill(T0, "a", 0, 1000000001);
    bill(T0, "b", 0, 5);
    OK(billed(T0, "input", 0) == 1000000006);
    bill(T0, "a", 0, 2000000001);
    OK(billed(T0, "input", 0) == 2000000006);
    bill(T0, "a", 0, 1);
    OK(billed(T0, "input", 0) == 6);
    bill(T0, "credit", 0, -10);
    OK(billed(T0, "input", 0) == -4);
    OK(billed(T0, "output", 0) == NONE);
}

static void what_is_known_is_a_duplicate_and_what_differs_is_stored(void)
{
    struct frame *f;

    begin();
    bill(T0, "a", 0, 7);
    bill(T0, "a", 0, 7);
    f = read_at(T0);
    charge(f, "a", 0, 8);
    charge(f, "b", 0, 1);
    ledger_filter(l, f);
    OK(f->batches->n_charges == 2 && f->tally.duplicate == 0);
    ledger_fold(l, f);
    f = read_at(T0);
    charge(f, "a", 0, 8)->quantity = 3; /* the cost is the same, the record is not */
    charge(f, "b", 0, 1);
    ledger_filter(l, f);
    OK(f->batches->n_charges == 1 && f->tally.duplicate == 1 && f->tally.stored == 1);
    ledger_fold(l, f);
    OK(billed(T0, "input", 0) == 9);
    OK(tally().received == 6 && tally().stored == 4 && tally().duplicate == 2);
}

static void a_day_moves_on_at_midnight_and_leaves_after_four(void)
{
    const int64_t midnight = D0 + DAY;

    begin();
    bill(T0, "a", 0, 7);
    bill(T0, "a", -3, 3);
    OK(billed(T0, "input", 0) == 7 && billed(T0, "input", 3) == 3);
    OK(billed(midnight - 1, "input", 0) == 7 && billed(midnight - 1, "input", 1) == NONE);
    OK(billed(midnight, "input", 0) == NONE && billed(midnight, "input", 1) == 7);
    OK(billed(midnight + 2 * DAY, "input", 3) == 7 && billed(midnight + 3 * DAY, "input", 3) == NONE);
    OK(billed(D0 - 1, "input", 0) == NONE);   /* a clock that stands behind */
    bill(midnight + NANO_PER_MIN, "a", 0, 8); /* restated; what is four days old goes */
    OK(billed(midnight, "input", 1) == 8 && ledger_billed_count(l) == 1);
    bill(midnight + NANO_PER_MIN, "a", -3, 4);
    OK(ledger_billed_count(l) == 1);
    bill(midnight + NANO_PER_MIN, "a", 1, 2);
    OK(billed(midnight, "input", 1) == 8 && billed(midnight, "input", 0) == 2);
}

static void labels_keep_sums_apart_and_may_change(void)
{
    struct frame *f;

    begin();
    f = read_at(T0);
    charge(f, "a", 0, 7);
    charge(f, "b", 0, 5)->direction = batch_sym(f->batches, SV("output"));
    charge(f, "c", 0, 100)->currency = batch_sym(f->batches, SV("EUR"));
    charge(f, "d", 0, 1000)->estimated = true; /* not billed */
    ledger_fold(l, f);
    OK(billed(T0, "input", 0) == 7 && billed(T0, "output", 0) == 5 && ledger_billed_count(l) == 3);
    f = read_at(T0);
    charge(f, "a", 0, 8)->direction = batch_sym(f->batches, SV("output"));
    ledger_fold(l, f);
    OK(billed(T0, "output", 0) == 13);
    OK(billed(T0, "input", 0) == 100); /* that in EUR: of the other nothing is left, which is not 0 */
}

static void a_backfill_and_what_came_before_are_not_billed(void)
{
    struct frame *f;

    begin();
    f = read_at(T0);
    f->lane = LANE_BACKFILL;
    charge(f, "a", 0, 7);
    ledger_fold(l, f);
    bill(T0, "a", -4, 7);
    OK(ledger_billed_count(l) == 0);
    bill(T0, "a", 0, 7);
    OK(billed(T0, "input", 0) == 7);
}

static void sums_are_exact_far_beyond_doubles_and_saturate(void)
{
    begin();
    bill(T0, "a", 0, INT64_MAX - 1);
    bill(T0, "b", 0, 1);
    OK(billed(T0, "input", 0) == INT64_MAX);
    bill(T0, "c", 0, INT64_MAX - 2);
    OK(billed(T0, "input", 0) == INT64_MAX);
    bill(T0, "c", 0, -2);
    OK(billed(T0, "input", 0) == INT64_MAX - 2);
}

static void a_restart_knows_the_bill(void)
{
    begin();
    bill(T0, "a", 0, 7);
    bill(T0, "b", -1, 3);
    l = fixture_restart(l);
    OK(billed(T0, "input", 0) == 7 && billed(T0, "input", 1) == 3);
    bill(T0, "a", 0, 7);
    OK(tally().duplicate == 1);
    bill(T0, "a", 0, 9);
    OK(billed(T0, "input", 0) == 9);
    bill(T0 + 3 * DAY, "c", 3, 1);
    OK(billed(T0 + 3 * DAY, "input", 3) == 9 && ledger_billed_count(l) == 2);
}

struct told {
    int changes;
    int64_t delta, value;
};

static void on_change(void *ctx, const struct ledger_change *c)
{
    struct told *t = ctx;

    *t = (struct told){ t->changes + 1, c->delta, c->value };
}

static void a_trace_is_told_of_each_change_of_a_day(void)
{
    struct billed_view v;
    struct told t = { 0 };

    begin();
    bill(T0, "a", 0, 7);
    bill(T0, "a", -1, 3);
    ledger_billed(l, 0, &v);
    ledger_trace(l, v.hash, on_change, &t);
    bill(T0, "a", 0, 5);
    bill(T0, "a", -1, 4);
    OK(t.changes == 1 && t.delta == -2 && t.value == 5);
    bill(T0, "b", 0, 2);
    OK(t.changes == 2 && t.delta == 2 && t.value == 7);
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(the_newest_statement_of_an_item_counts);
    RUN(what_is_known_is_a_duplicate_and_what_differs_is_stored);
    RUN(a_day_moves_on_at_midnight_and_leaves_after_four);
    RUN(labels_keep_sums_apart_and_may_change);
    RUN(a_backfill_and_what_came_before_are_not_billed);
    RUN(sums_are_exact_far_beyond_doubles_and_saturate);
    RUN(a_restart_knows_the_bill);
    RUN(a_trace_is_told_of_each_change_of_a_day);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
