/* Any text as a model's name: canonical twice is canonical once, nothing becomes empty, nothing grows. */
#include <stdlib.h>

#include "collector/model/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    const sv raw = sv_make(data, size);
    sv once, again;

    arena_init(&a, 1 << 20);
    once = model_canonical(&a, raw);
    again = model_canonical(&a, once);
    if (once.at && again.at && (!sv_eq(once, again) || once.len > size || (once.len == 0 && sv_trim(raw).len > 0)))
        abort();
    arena_done(&a);
    return 0;
}
