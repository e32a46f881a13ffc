/* Arena: alignment, growth, limit, reuse. */
#include "collector/base/arena.h"

#include "tests/tap.h"

static struct arena a;

static void objects_are_zeroed_aligned_and_apart(void)
{
    unsigned char *last = NULL;
    unsigned bad = 0;

    for (size_t n = 0; n < 2000; n++) {
        unsigned char *p = arena_alloc(&a, n % 97);

        bad += !p || (uintptr_t)p % alignof(max_align_t) != 0 || p == last;
        for (size_t i = 0; p && i < n % 97; i++) {
            bad += p[i] != 0;
            p[i] = 0xee;
        }
        last = p;
    }
    OK(bad == 0);
    OK(a.used_bytes > 2000 * 40);
    arena_reset(&a);
    OK(a.used_bytes == 0);
}

static void an_object_larger_than_a_block_has_room(void)
{
    unsigned char *big = arena_alloc(&a, 5 << 20), *small = arena_alloc(&a, 1);

    OK(big && small && (small < big || small >= big + (5 << 20)));
    if (big)
        memset(big, 1, 5 << 20);
    arena_reset(&a);
}

static void the_limit_is_final_until_reset(void)
{
    struct arena l;

    arena_init(&l, 1000);
    OK(arena_alloc(&l, 1001) == NULL);
    OK(arena_alloc(&l, 1) == NULL); /* who checks only the last of ten allocations must see it */
    arena_reset(&l);
    OK(arena_alloc(&l, 1000) != NULL && arena_alloc(&l, 16) == NULL);
    arena_reset(&l);
    OK(arena_alloc(&l, SIZE_MAX) == NULL);
    arena_reset(&l);
    OK(arena_array(&l, SIZE_MAX / 2, 4) == NULL && l.failed);
    OK(arena_copy(&l, SV("x")).at == NULL && arena_printf(&l, "x").at == NULL && arena_lower(&l, SV("X")).at == NULL);
    arena_done(&l);
    OK(l.limit_bytes == 1000 && !l.failed && arena_alloc(&l, 10));
    arena_done(&l);
}

static void reset_keeps_the_first_block(void)
{
    void *first = arena_alloc(&a, 8);

    for (int i = 0; i < 100; i++)
        arena_alloc(&a, 4096);
    arena_reset(&a);
    OK(a.head == NULL || arena_alloc(&a, 8) == first); /* NULL: one object, one malloc, under the sanitizer */
    arena_reset(&a);
}

static void copies_are_terminated_and_lower(void)
{
    char text[] = "Ab\xc3\x84Z";
    sv copy = arena_copy(&a, sv_of(text)), low = arena_lower(&a, sv_of(text));

    text[0] = 'x';
    OK(sv_eq(copy, SV("Ab\xc3\x84Z")) && copy.at[copy.len] == '\0');
    OK(sv_eq(low, SV("ab\xc3\x84z")) && low.at[low.len] == '\0');
    OK(arena_copy(&a, SV("")).len == 0 && arena_copy(&a, SV("")).at != NULL);
    OK(arena_copy(&a, (sv){ NULL, 0 }).at != NULL);
    OK(sv_eq(arena_printf(&a, "%d-%s", 7, "x"), SV("7-x")));
    arena_reset(&a);
}

static void arrays_grow_and_keep_their_items(void)
{
    int *items = NULL;
    size_t cap = 0;
    unsigned bad = 0;

    for (int n = 0; n < 1000; n++) {
        items = arena_grow(&a, items, (size_t)n, &cap, sizeof *items);
        items[n] = n;
    }
    for (int n = 0; n < 1000; n++)
        bad += items[n] != n;
    OK(bad == 0 && cap >= 1000);
    arena_reset(&a);
}

static void a_failed_growth_leaves_the_old_array(void)
{
    struct arena l;
    size_t cap = 0;
    uint64_t *items;

    arena_init(&l, 300);
    items = arena_grow(&l, NULL, 0, &cap, sizeof *items);
    OK(items && cap == 16);
    items[15] = 15;
    OK(arena_grow(&l, items, 16, &cap, sizeof *items) == NULL);
    OK(cap == 16 && items[15] == 15);
    OK(arena_grow(&l, items, 15, &cap, sizeof *items) == items);
    arena_done(&l);
}

int main(void)
{
    arena_init(&a, 0);
    RUN(objects_are_zeroed_aligned_and_apart);
    RUN(an_object_larger_than_a_block_has_room);
    RUN(the_limit_is_final_until_reset);
    RUN(reset_keeps_the_first_block);
    RUN(copies_are_terminated_and_lower);
    RUN(arrays_grow_and_keep_their_items);
    RUN(a_failed_growth_leaves_the_old_array);
    arena_done(&a);
    return tap_done();
}
