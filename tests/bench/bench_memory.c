/*
 * Memory of the ledger for each thing that it keeps many of: the heap before and after so many more of them, against what
 * the ledger itself says in trefoil_ledger_bytes, which the limits are held to.
 */
#include <malloc.h>
#include <stdio.h>

#include "tests/bench/bench.h"
#include "tests/collector/ledger/log_fixture.h"

enum { SERIES = 100000, PIECE = 10000, MINUTES = 30, KEYS = 1000000 };

struct use {
    double heap, told;
};

static struct use use_of(struct ledger *l)
{
    struct mallinfo2 m;
    struct ledger_sizes s;

    malloc_trim(0);
    m = mallinfo2();
    ledger_measure(l);
    ledger_sizes(l, &s);
    return (struct use){ (double)m.uordblks + (double)m.hblkhd, (double)s.bytes };
}

static void print(const char *what, struct use before, struct use after, double n)
{
    double heap = after.heap - before.heap, told = after.told - before.told;

    printf("%-38s %7.1f bytes, %.2f x what the ledger says\n", what, heap / n, told > 0 ? heap / told : 0);
}

/* One minute of every series. */
static void fold_minute(struct ledger *l, int minute)
{
    for (int from = 0; from < SERIES; from += PIECE) {
        struct arena a;
        struct frame *f;
        struct batch *b;

        arena_init(&a, 256 << 20);
        f = fixture_frame(&a, T0 + minute * NANO_PER_MIN, T0 + (minute + 1) * NANO_PER_MIN);
        b = fixture_batch(f);
        for (int i = from; i < from + PIECE; i++)
            fixture_measure(b, SV("Typed"), arena_printf(&a, "deployment-%d", i), T0 + minute * NANO_PER_MIN, 1 + i % 7)
                ->part = batch_sym(b, SV("input"));
        ledger_fold(l, f);
        arena_done(&a);
    }
}

static void fold_calls(struct ledger *l)
{
    for (int from = 0; from < KEYS; from += PIECE) {
        struct arena a;
        struct frame *f;
        struct batch *b;

        arena_init(&a, 256 << 20);
        f = fixture_log_frame(&a, 0, 1, 0);
        b = fixture_batch(f);
        for (int i = from; i < from + PIECE; i++)
            fixture_call(b, SV("RequestResponse"), arena_printf(&a, "call-%d", i), SV("deployment-1"), T0, 1);
        ledger_fold(l, f);
        arena_done(&a);
    }
}

int main(void)
{
    struct arena a;
    struct ledger *l;
    struct use u[5];

    arena_init(&a, 1 << 20);
    l = fixture_ledger(&a);
    u[0] = use_of(l);
    fold_minute(l, 0);
    u[1] = use_of(l);
    for (int i = 1; i <= MINUTES; i++)
        fold_minute(l, i);
    u[2] = use_of(l);
    print("open series, its native and a bucket", u[0], u[1], SERIES);
    print("one more bucket of a native series", u[1], u[2], (double)SERIES * MINUTES);
    ledger_free(l);

    arena_reset(&a);
    l = fixture_ledger(&a);
    u[3] = use_of(l);
    fold_calls(l);
    u[4] = use_of(l);
    print("key of a log row and of its call", u[3], u[4], KEYS);
    ledger_free(l);
    arena_done(&a);
    return 0;
}
