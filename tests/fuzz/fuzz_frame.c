/* Any bytes: decode, encode, decode again; what was read once is written and read the same ever after. */
#include <stdlib.h>

#include "collector/base/arena.h"
#include "collector/model/codec.h"

enum { ARENA_LIMIT = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct frame *decode(sv bytes, struct arena *a)
{
    struct frame *f = NULL;
    struct err e;

    arena_init(a, ARENA_LIMIT);
    return frame_decode(bytes, a, &f, &e) == ERR_OK ? f : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena one, two;
    struct buf first, second, text;
    struct frame *f = decode(sv_make(data, size), &one), *again;

    buf_init(&first, 0);
    buf_init(&second, 0);
    buf_init(&text, 0);
    if (f && frame_encode(f, &first, NULL) == ERR_OK) {
        frame_to_json(f, &text);
        again = decode(buf_sv(&first), &two);
        if (again && (frame_encode(again, &second, NULL) != ERR_OK || !sv_eq(buf_sv(&first), buf_sv(&second))))
            abort();
        arena_done(&two);
    }
    buf_done(&first);
    buf_done(&second);
    buf_done(&text);
    arena_done(&one);
    return 0;
}
