/*
 * Torture: run a scenario once and count its allocations (N); then run it again with the n-th one refused, once alone ("once") and
 * once with all that follow ("for good"). What must hold is the scenario's to say; no crash and no leak is asked everywhere.
 *
 * Only our own objects are tortured: a test whose name ends in _torture is linked with --wrap (Makefile), which leaves the
 * C library, libcurl and their like alone. Only calls between torture_begin() and torture_end() count, and only those of the
 * thread that began unless `torture_all_threads` is set.
 *
 * Where N is large, torture_most of the calls are drawn at random (TORTURE_MOST: so many, and all when N is not more): SEED
 * repeats a draw, TORTURE_CALL=n runs that one alone
 * and TORTURE_VERBOSE=1 tells each before it runs.
 */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/tap.h"

/* 0: failing nothing, counting only */
static _Atomic unsigned long torture_calls, torture_nth, torture_refused;
static _Atomic bool torture_on, torture_for_good;
static bool torture_all_threads;
static _Thread_local bool torture_mine;
static unsigned torture_most = 250;
static unsigned long torture_total; /* refusals, of all scenarios */

/* Where a debugger stops to see who was refused. */
static __attribute__((noinline)) void torture_note_refusal(void)
{
    torture_refused++;
    errno = ENOMEM;
}

static inline bool torture_refuses(void)
{
    unsigned long call;

    if (!torture_on || (!torture_mine && !torture_all_threads))
        return false;
    call = ++torture_calls;
    if (torture_nth == 0 || call < torture_nth || (call > torture_nth && !torture_for_good))
        return false;
    torture_note_refusal();
    return true;
}

static inline void torture_begin(void)
{
    torture_mine = true;
    torture_on = true;
}

static inline void torture_end(void)
{
    torture_on = false;
    torture_mine = false;
}

/* The linker puts these in place of what our objects call. */
#define TORTURE_WRAP(type, name, parameters, arguments)                                                                \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return torture_refuses() ? NULL : __real_##name arguments;                                                     \
    }

TORTURE_WRAP(void *, malloc, (size_t n), (n))
TORTURE_WRAP(void *, calloc, (size_t n, size_t size), (n, size))
TORTURE_WRAP(void *, realloc, (void *p, size_t n), (p, n))
TORTURE_WRAP(char *, strdup, (const char *s), (s))
TORTURE_WRAP(char *, strndup, (const char *s, size_t n), (s, n))
/* operator new of json.cc: the form that returns NULL, and the one that throws (which C may borrow of libstdc++). */
TORTURE_WRAP(void *, _ZnwmRKSt9nothrow_t, (size_t n, const void *tag), (n, tag))
TORTURE_WRAP(void *, _ZnamRKSt9nothrow_t, (size_t n, const void *tag), (n, tag))

/* NOLINTBEGIN(bugprone-reserved-identifier): names that the linker and the C++ library make */
void _ZSt17__throw_bad_allocv(void);
void *__real__Znwm(size_t n);
void *__real__Znam(size_t n);
void *__wrap__Znwm(size_t n);
void *__wrap__Znam(size_t n);

void *__wrap__Znwm(size_t n)
{
    if (torture_refuses())
        _ZSt17__throw_bad_allocv();
    return __real__Znwm(n);
}

void *__wrap__Znam(size_t n)
{
    if (torture_refuses())
        _ZSt17__throw_bad_allocv();
    return __real__Znam(n);
}
/* NOLINTEND(bugprone-reserved-identifier) */

#if defined(__SANITIZE_ADDRESS__)
#define TORTURE_LEAKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TORTURE_LEAKS 1
#endif
#endif
#ifdef TORTURE_LEAKS
int __lsan_do_recoverable_leak_check(void);
#define torture_leaks() (__lsan_do_recoverable_leak_check() != 0)
#else
#define torture_leaks() false
#endif

/* The scenario: brings itself into the state of before, runs what is tortured between torture_begin and torture_end, and says
 * whether all held. `refused`: whether anything was refused (asked after the run; without it all must have gone well). */
typedef bool torture_scenario(void *ctx);

static inline bool torture_was_refused(void)
{
    return torture_refused > 0;
}

static inline bool torture_run(const char *name, torture_scenario *run, void *ctx, unsigned long nth, bool for_good)
{
    bool good;

    torture_calls = torture_refused = 0;
    torture_nth = nth;
    torture_for_good = for_good;
    if (getenv("TORTURE_VERBOSE"))
        fprintf(stderr, "# %s: call %lu %s\n", name, nth, for_good ? "for good" : "once");
    good = run(ctx);
    torture_end();
    torture_total += torture_refused;
    if (!good || torture_leaks()) {
        fprintf(stderr, "# %s: call %lu refused %s: %s\n", name, nth, for_good ? "for good" : "once",
                good ? "something leaks" : "does not hold");
        good = false;
    }
    return good;
}

static inline uint64_t torture_seed(void)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

    printf("# SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static inline void torture(const char *name, torture_scenario *run, void *ctx)
{
    const char *one = getenv("TORTURE_CALL");
    uint64_t state;
    const char *wanted = getenv("TORTURE_MOST");
    unsigned long n, most = wanted ? strtoul(wanted, NULL, 10) : torture_most, failed = 0, runs = 0;

    tap_name = name;
    if (!OK(torture_run(name, run, ctx, 0, false)))
        return;
    n = torture_calls;
    if (!OK(n > 0))
        return;
    state = n > most && !one ? torture_seed() : 1;
    for (unsigned long i = 1; i <= (one || n < most ? n : most); i++) {
        unsigned long nth = i;

        if (one && i != strtoul(one, NULL, 10))
            continue;
        if (n > most && !one) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            nth = 1 + (unsigned long)(state >> 33) % n;
        }
        failed += !torture_run(name, run, ctx, nth, false);
        failed += !torture_run(name, run, ctx, nth, true);
        runs += 2;
        if (failed > 20)
            break; /* enough to see what it is */
    }
    printf("# %s: %lu allocations, %lu runs with one or all from it on refused\n", name, n, runs);
    OK(failed == 0);
    OK(torture_run(name, run, ctx, 0, false)); /* nothing stays behind */
}

#endif
