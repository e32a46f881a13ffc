/*
 * Repeatable randomness: every figure of the world is a pure function of (seed, place, time), so that a cloudsim that
 * is killed and started again with the same arguments tells the same story. Streams are made by mixing what names them.
 */
#ifndef CLOUDSIM_RNG_H
#define CLOUDSIM_RNG_H

#include <math.h>
#include <stdint.h>

struct rng {
    uint64_t s;
};

__extension__ typedef unsigned __int128 rng_wide;

static inline uint64_t rng_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Names a stream below another one: order matters, equal names give equal streams. */
static inline uint64_t rng_name(uint64_t parent, uint64_t child)
{
    return rng_mix(parent + UINT64_C(0x9e3779b97f4a7c15) * (child + 1));
}

static inline uint64_t rng_next(struct rng *r)
{
    r->s += UINT64_C(0x9e3779b97f4a7c15);
    return rng_mix(r->s);
}

static inline double rng_as_unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

/* Uniform in [0, 1). */
static inline double rng_unit(struct rng *r)
{
    return rng_as_unit(rng_next(r));
}

/* Uniform in [0, n), n > 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    return (uint64_t)(((rng_wide)rng_next(r) * n) >> 64);
}

static inline double rng_normal(struct rng *r)
{
    double u = 1.0 - rng_unit(r);

    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * rng_unit(r));
}

static inline double rng_lognormal(struct rng *r, double median, double sigma)
{
    return median * exp(sigma * rng_normal(r));
}

/* How many events of a process with this mean happen in one step. */
static inline uint32_t rng_poisson(struct rng *r, double mean)
{
    double p = 1.0, limit;
    uint32_t n = 0;

    if (mean <= 0)
        return 0;
    if (mean > 60) {
        double v = mean + sqrt(mean) * rng_normal(r) + 0.5;
        return v < 0 ? 0 : (uint32_t)v;
    }
    limit = exp(-mean);
    while ((p *= rng_unit(r)) > limit)
        n++;
    return n;
}

#endif
