/* What the fuzz targets of decoders share: a frame to decode into, and the law of conservation over it. */
#ifndef TESTS_FUZZ_FRAME_H
#define TESTS_FUZZ_FRAME_H

#include "collector/model/codec.h"

struct fuzz_frame {
    struct arena memory;
    struct frame *frame;
};

static inline void fuzz_frame_begin(struct fuzz_frame *f)
{
    arena_init(&f->memory, 8 << 20);
    f->frame = frame_new(&f->memory, SV("fuzz"), SV("scope"));
}

/* received = records + duplicates + rejected + quarantined, unless the decoder gave up. Printing reads every byte of every
 * record. */
static inline void fuzz_frame_end(struct fuzz_frame *f, enum err_code code)
{
    int64_t n = (int64_t)(frame_records(f->frame) + f->frame->n_quarantined) + f->frame->tally.duplicate;
    struct buf text;

    for (int r = 0; r < REASONS; r++)
        n += f->frame->tally.rejected[r];
    if (code == ERR_OK && n != f->frame->tally.received)
        __builtin_trap();
    buf_init(&text, 64 << 20);
    frame_to_json(f->frame, &text);
    buf_done(&text);
    arena_done(&f->memory);
}

#endif
