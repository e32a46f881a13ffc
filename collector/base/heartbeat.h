/*
 * A sign of life: what a thread is about, and since when. A thread that works on something longer says heartbeat() at each step; a
 * watchdog looks at the heart of another thread and knows how long ago that was.
 *
 * Ownership:     the heart is its watcher's and outlives the thread's use of it.
 * Thread-safety: heartbeat_wear and heartbeat of the thread itself; heartbeat_age from any.
 */
#ifndef BASE_HEARTBEAT_H
#define BASE_HEARTBEAT_H

#include <stdatomic.h>
#include <stdint.h>

struct heart {
    const char *_Atomic stage; /* a constant, NULL: at rest */
    _Atomic int64_t beat_mono;
};

/* From here on this thread's beats go there; NULL: nowhere. */
void heartbeat_wear(struct heart *h);

/* `stage` is a constant that outlives the process's use of it: "asking usage.completions". */
void heartbeat(const char *stage);

/* How long ago the last one was, by clock_mono; *stage gets what was begun then. 0 and NULL at rest. */
int64_t heartbeat_age(const struct heart *h, const char **stage);

#endif
