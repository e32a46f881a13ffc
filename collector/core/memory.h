/*
 * Memory near its limit: what waits first, so that the journal never has to.
 *
 *   MEMORY_TIGHT  from 80 % of the limit on: backlogs and control reads wait
 *   MEMORY_FULL   from 95 % on: no poll begins; what runs is finished and made durable
 *
 * Each stage ends by itself, 5 % below where it began. The limit is limits.memory; without it that of the container, or half of
 * the machine where there is none.
 *
 * Thread-safety: all functions, any thread.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <stdint.h>

enum memory_stage { MEMORY_FREE, MEMORY_TIGHT, MEMORY_FULL, MEMORY_STAGES };

/* How much is used, read at most once a second of real time; logs each change once. */
enum memory_stage memory_stage(void);

/* 0: find it out. */
void memory_set_limit(int64_t limit_bytes);
int64_t memory_limit(void);

/* Where the figures come from, in bytes; -1: unknown. Tests have their own. */
struct memory_source {
    int64_t (*resident)(void);
    int64_t (*container)(void); /* the limit of the control group that we are in */
    int64_t (*machine)(void);
    int64_t every_ms; /* between readings, real time */
};
extern const struct memory_source memory_system;
void memory_set_source(const struct memory_source *s);

#endif
