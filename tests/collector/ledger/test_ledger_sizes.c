/* What the ledger says of its memory is what the heap says, and the bound of buckets holds. */
#include <malloc.h>
#include <stdio.h>

#include "tests/collector/ledger/log_fixture.h"

enum { SERIES = 2000, MINUTES = 20 };

static struct arena arena;
static struct ledger *l;

static void minute(int at, int series)
{
    for (int from = 0; from < series; from += 500) {
        struct frame *f = fixture_frame(&arena, T0 + at * NANO_PER_MIN, T0 + (at + 1) * NANO_PER_MIN);
        struct batch *b = fixture_batch(f);

        for (int i = from; i < from + 500 && i < series; i++)
            fixture_measure(b, SV("Requests"), arena_printf(&arena, "deployment-%d", i), T0 + at * NANO_PER_MIN, 1);
        ledger_fold(l, f);
        arena_reset(&arena);
    }
}

static size_t told(struct ledger_sizes *sizes)
{
    ledger_measure(l);
    ledger_sizes(l, sizes);
    return sizes->bytes;
}

static size_t heap(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static void what_is_told_is_what_the_heap_gave(void)
{
    struct ledger_sizes sizes;
    size_t told_before, heap_before;
    double ratio;

    l = fixture_ledger(&arena);
    minute(0, 1);
    arena_done(&arena); /* of the heap only what the ledger has */
    told_before = told(&sizes);
    heap_before = heap();
    for (int i = 0; i < MINUTES; i++)
        minute(i, SERIES);
    arena_done(&arena);
    ratio = (double)(told(&sizes) - told_before) / (double)(heap() - heap_before);
    OK(sizes.buckets == SERIES * MINUTES && sizes.memory[MEMORY_BUCKETS] > sizes.buckets * sizeof(int64_t));
    OK(sizes.memory[MEMORY_SERIES] && sizes.memory[MEMORY_NATIVES] && sizes.memory[MEMORY_NAMES] &&
       sizes.memory[MEMORY_EPOCHS] && sizes.memory[MEMORY_COVERAGE]);
    printf("# told / heap = %.3f, bytes of a bucket %.0f, of a series %.0f\n", ratio,
           (double)sizes.memory[MEMORY_BUCKETS] / (double)sizes.buckets,
           (double)sizes.memory[MEMORY_SERIES] / (double)sizes.series);
    if (heap_before == 0)
        puts("# this heap does not tell"); /* a sanitizer's */
    else
        OK(ratio > 0.75 && ratio <= 1.0); /* what malloc keeps beside each piece is not ours */
    ledger_free(l);
}

static void buckets_beyond_the_limit_are_refused_and_counted_when_there_is_room(void)
{
    struct ledger_sizes sizes;
    struct series_view v;

    l = fixture_ledger(&arena);
    fixture_limits(l, &arena, "buckets=3");
    for (int i = 0; i < 4; i++)
        minute(i, 1);
    ledger_sizes(l, &sizes);
    OK(sizes.buckets == 3 && sizes.buckets_limit == 3 && sizes.refused == 1);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 3);
    l = fixture_restart(l);
    minute(3, 1);
    ledger_sizes(l, &sizes);
    OK(sizes.buckets_limit == 3 && sizes.refused == 2);
    fixture_limits(l, &arena, "buckets=10");
    minute(3, 1);
    OK(fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) && v.value[0] == 4);
    ledger_free(l);
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(what_is_told_is_what_the_heap_gave);
    RUN(buckets_beyond_the_limit_are_refused_and_counted_when_there_is_room);
    arena_done(&arena);
    return tap_done();
}
