/*
 * What packing and reading cost: ns a record over frames of Azure rows, against memcpy of the same bytes in the same
 * run. Ratios say something on a noisy machine, absolute times little. Fails when a ratio is beyond its bound, which
 * stands far above what is seen: it is there for a mistake of a whole order.
 */
#include <stdio.h>

#include "collector/model/codec.h"

#include "tests/bench/bench.h"
#include "tests/collector/model/random_frames.h"

enum { RECORDS = 2000, ROUNDS = 15 };
enum { ENCODE, DECODE, COPY, JOBS };

static const char *const names[JOBS] = { "encode", "decode", "memcpy" };
static const double bounds[JOBS] = { 3000, 6000, 0 };

struct bench {
    struct frame *frame;
    struct arena arena;
    struct buf packed, copy;
};

/* Often enough for the clock, then divided. */
static void copy_once(struct bench *b)
{
    buf_clear(&b->copy);
    buf_put(&b->copy, buf_sv(&b->packed));
}

static bool run(struct bench *b, int job)
{
    struct frame *out;

    switch (job) {
    case ENCODE:
        buf_clear(&b->packed);
        return frame_encode(b->frame, &b->packed, NULL) == ERR_OK;
    case DECODE:
        arena_reset(&b->arena);
        return frame_decode(buf_sv(&b->packed), &b->arena, &out, NULL) == ERR_OK;
    default:
        copy_once(b);
        return true;
    }
}

int main(void)
{
    struct bench b = { 0 };
    struct arena source;
    double best[JOBS] = { 0 };
    int bad = 0;

    arena_init(&source, 0);
    arena_init(&b.arena, 0);
    buf_init(&b.packed, 0);
    buf_init(&b.copy, 0);
    b.frame = azure_frame(&source, RECORDS);
    for (int round = 0; round < ROUNDS; round++)
        for (int job = 0; job < JOBS; job++) {
            const double start = bench_now();
            double took;

            if (!run(&b, job))
                return 1;
            took = (bench_now() - start) * 1e9 / RECORDS;
            best[job] = round == 0 || took < best[job] ? took : best[job];
        }
    printf("codec: %d rows, %.1f bytes a record\n", RECORDS, (double)b.packed.len / RECORDS);
    for (int job = 0; job < JOBS; job++) {
        const double ratio = best[job] / best[COPY];

        printf("codec: %s %.1f ns a record, %.0f times memcpy\n", names[job], best[job], ratio);
        bad += bounds[job] > 0 && ratio > bounds[job];
    }
    arena_done(&source);
    arena_done(&b.arena);
    buf_done(&b.packed);
    buf_done(&b.copy);
    return bad != 0;
}
