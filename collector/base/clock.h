/*
 * The one clock: every timer, signature, token life, window and quota takes its time from here.
 *
 * In production it is the machine's clock. For tests and demos it can run faster than the wall, in step with
 * cloudsim (both processes compute the same time from the same three numbers, also after a restart), or be moved by
 * hand. Instants are int64 nanoseconds UTC, durations milliseconds. Deadlines use the monotonic reading, which does
 * not step when somebody sets the wall clock; it is scaled in the same way.
 *
 * Thread-safety: all functions may be called from any thread; the setters belong into start-up or tests.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define NANO_PER_MS  INT64_C(1000000)
#define NANO_PER_S   INT64_C(1000000000)
#define NANO_PER_MIN (60 * NANO_PER_S)
#define NANO_PER_H   (3600 * NANO_PER_S)

/* Now = origin + (real wall now - anchor) * speed. */
struct clock_scale {
    int64_t anchor_unix_nano; /* a real instant */
    int64_t origin_unix_nano; /* what this clock showed at that instant */
    double speed;             /* > 0 */
};

int64_t clock_now(void);  /* unix nanoseconds */
int64_t clock_mono(void); /* monotonic nanoseconds, same speed, arbitrary origin */

void clock_set_scale(struct clock_scale scale);
double clock_speed(void);

/* From now on the time stands still at `unix_nano` and moves only by clock_advance (waiters are not woken: tests
 * that own the clock call what is due themselves). */
void clock_set_manual(int64_t unix_nano);
void clock_advance(int64_t nano);

/* Somebody sets the wall clock forward (or back, by a negative number): clock_now jumps, clock_mono does not. Adds up, holds in
 * every mode, and is undone by clock_set_manual and clock_set_system. */
void clock_step(int64_t nano);
void clock_set_system(void);

/* Sleeps for that long by this clock. */
void clock_sleep_ms(int64_t ms);

/* pthread_cond_timedwait until clock_mono() reaches `deadline_mono`; the condition must have been made by
 * clock_cond_init. False when the deadline has passed. May wake early, as conditions do. */
void clock_cond_init(pthread_cond_t *c);
bool clock_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_mono);

/* A duration of this clock in real milliseconds (at least 1), for poll(2) and libcurl. */
int64_t clock_real_ms(int64_t ms);

/* Start of the span of `step_nano` that holds the instant; with 0 the instant itself. */
static inline int64_t clock_floor(int64_t unix_nano, int64_t step_nano)
{
    return step_nano > 0 ? unix_nano - ((unix_nano % step_nano) + step_nano) % step_nano : unix_nano;
}

/* Uniform in [0, 1): for jitter, never for secrets. clock_seed makes it repeatable. */
double clock_random(void);
void clock_seed(uint64_t seed);

#endif
