/* Every sample of tests/data that some source reads by `normalize`, for tests that break them. */
#ifndef TESTS_SAMPLES_H
#define TESTS_SAMPLES_H

#include <ftw.h>
#include <stdio.h>

#include "collector/base/buf.h"
#include "collector/sources/source.h"

enum { SAMPLES_MAX = 200, SAMPLE_BYTES_MAX = 256 << 10 };

struct sample {
    char path[160];
    const struct source_ops *ops;
    sv format, bytes;
};

static struct sample samples[SAMPLES_MAX];
static size_t n_samples;
static struct arena samples_arena;

static inline int samples_add(const char *path, const struct stat *s, int type, struct FTW *at)
{
    struct sample *to = &samples[n_samples];
    struct buf b;

    (void)at;
    if (type != FTW_F || n_samples == SAMPLES_MAX || s->st_size > SAMPLE_BYTES_MAX || strstr(path, ".expected"))
        return 0;
    buf_init(&b, SAMPLE_BYTES_MAX);
    if (buf_read_file(&b, path, SAMPLE_BYTES_MAX, NULL) == ERR_OK) {
        *to = (struct sample){ .bytes = arena_copy(&samples_arena, buf_sv(&b)) };
        snprintf(to->path, sizeof to->path, "%s", path);
        for (const struct source_ops *const *o = source_registry; *o && !to->format.len; o++)
            if ((*o)->detect && (to->format = (*o)->detect(to->bytes)).len)
                to->ops = *o;
        n_samples += to->ops != NULL;
    }
    buf_done(&b);
    return 0;
}

static inline void samples_load(void)
{
    arena_init(&samples_arena, 64 << 20);
    nftw("tests/data", samples_add, 8, FTW_PHYS);
}

#endif
