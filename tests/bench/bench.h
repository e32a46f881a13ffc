/* What benches share: a clock, and the middle of some rounds. Absolute times of a shared machine say little, so every
 * bench prints ratios against a limit that it measured in the same run. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdlib.h>
#include <time.h>

/* Seconds. */
static inline double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int bench_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts them. */
static inline double bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, bench_by_value);
    return v[n / 2];
}

/* The largest. */
static inline double bench_best(const double *v, size_t n)
{
    double best = v[0];

    for (size_t i = 1; i < n; i++)
        best = v[i] > best ? v[i] : best;
    return best;
}

#endif
