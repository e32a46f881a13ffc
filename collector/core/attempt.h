/*
 * Attempts to replay: one stored frame that ends the process must not end it for ever (a file `replay.attempt` in the storage).
 *
 * A start that is not the third one in a row costs one small file, written and removed. From the third start on whose
 * predecessors did not get through the replay, the sequence of each frame is noted before it is folded. A frame that was the
 * last one noted by two such starts is skipped from then on; who is merely killed again and again dies somewhere else each time.
 *
 * Errors:        none: on a full disk there is no note, and the next start is no wiser.
 * Thread-safety: none; the fold thread's.
 */
#ifndef CORE_ATTEMPT_H
#define CORE_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATTEMPT_SKIPS_MAX = 64 };

struct attempt {
    int dir, fd; /* -1: none */
    bool careful;
    uint64_t starts;       /* in a row that did not get through, this one included */
    uint64_t noted, times; /* by former starts: the last frame, and how many of them died there */
    uint64_t skips[ATTEMPT_SKIPS_MAX];
    size_t n_skips;
};

/* `durable`: the newest frame that the journal has. */
void attempt_begin(struct attempt *a, const char *dir, uint64_t durable);
/* Only what is to be skipped, for who reads along; writes nothing and needs no end. */
void attempt_look(struct attempt *a, const char *dir);

bool attempt_skips(const struct attempt *a, uint64_t sequence);
/* This frame is folded next. */
void attempt_note(struct attempt *a, uint64_t sequence);

/* The replay is over, or was ended in an orderly way. */
void attempt_end(struct attempt *a);

#endif
