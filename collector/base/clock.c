/*
 * State is three words behind a lock that nobody contends for; a reading costs one clock_gettime.
 * Speed changes by clock_set_scale only, at start-up, so a monotonic reading is never rescaled in flight.
 */
#include "collector/base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

static enum { SYSTEM, SCALED, MANUAL } mode;
static struct clock_scale scale = { 0, 0, 1.0 };
static _Atomic int64_t manual;
static _Atomic int64_t stepped; /* what somebody set the wall clock forward by */
static _Atomic uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * NANO_PER_S + t.tv_nsec;
}

int64_t clock_now(void)
{
    if (mode == MANUAL)
        return manual + stepped;
    if (mode == SYSTEM)
        return read_clock(CLOCK_REALTIME) + stepped;
    return stepped + scale.origin_unix_nano +
           (int64_t)((double)(read_clock(CLOCK_REALTIME) - scale.anchor_unix_nano) * scale.speed);
}

int64_t clock_mono(void)
{
    if (mode == MANUAL)
        return manual;
    return (int64_t)((double)read_clock(CLOCK_MONOTONIC) * (mode == SCALED ? scale.speed : 1.0));
}

void clock_set_scale(struct clock_scale s)
{
    scale = s;
    mode = SCALED;
}

double clock_speed(void)
{
    return mode == SCALED ? scale.speed : 1.0;
}

void clock_set_manual(int64_t unix_nano)
{
    manual = unix_nano;
    stepped = 0;
    mode = MANUAL;
}

void clock_advance(int64_t nano)
{
    manual += nano;
}

void clock_step(int64_t nano)
{
    stepped += nano;
}

void clock_set_system(void)
{
    stepped = 0;
    mode = SYSTEM;
}

void clock_sleep_ms(int64_t ms)
{
    int64_t nano = (int64_t)((double)(ms * NANO_PER_MS) / clock_speed());
    struct timespec t = { .tv_sec = nano / NANO_PER_S, .tv_nsec = nano % NANO_PER_S };

    while (nanosleep(&t, &t) && errno == EINTR)
        ;
}

void clock_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t a;

    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(c, &a);
    pthread_condattr_destroy(&a);
}

bool clock_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_mono)
{
    double left = (double)(deadline_mono - clock_mono()) / clock_speed();
    bool far = left > 1e15;
    struct timespec t;
    int64_t at;

    if (left <= 0)
        return false;
    /* A far deadline is waited for in pieces: waking early is allowed, an overflow is not. */
    at = read_clock(CLOCK_MONOTONIC) + (far ? INT64_C(1000000000000000) : (int64_t)left);
    t = (struct timespec){ .tv_sec = at / NANO_PER_S, .tv_nsec = at % NANO_PER_S };
    return pthread_cond_timedwait(c, m, &t) != ETIMEDOUT || far;
}

int64_t clock_real_ms(int64_t ms)
{
    int64_t real = (int64_t)((double)ms / clock_speed());

    return real < 1 ? 1 : real;
}

/* splitmix64: one atomic add, then a fixed scramble. */
double clock_random(void)
{
    uint64_t z = atomic_fetch_add(&random_state, UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

void clock_seed(uint64_t seed)
{
    atomic_store(&random_state, seed);
}
