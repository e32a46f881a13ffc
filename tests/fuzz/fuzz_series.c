/* Any text as the argument of explain: refused, or parts that are views of it or of the arena. */
#include "collector/base/hash.h"
#include "collector/core/explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct matcher matchers[MATCHERS_MAX];
    struct arena arena;
    struct err e = { 0 };
    size_t n = 0;
    sv name;

    arena_init(&arena, 1 << 20);
    if (series_parse(sv_make(data, size), &arena, &name, matchers, &n, &e) == ERR_OK) {
        uint64_t h = hash64(name);

        for (size_t i = 0; i < n; i++)
            h = hash_part(hash_part(h, matchers[i].label), matchers[i].value);
        (void)h;
    }
    arena_done(&arena);
    return 0;
}
