/*
 * Plain TAP for prove: a test program calls functions named like sentences through RUN(), each makes its points with
 * OK(), and main returns tap_done(). A condition is evaluated once; a failing one prints its text and place.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_failed;
static const char *tap_name = "";

static inline bool tap_ok(bool good, const char *what, const char *file, int line)
{
    tap_count++;
    tap_failed += !good;
    printf("%sok %d - %s: %s\n", good ? "" : "not ", tap_count, tap_name, what);
    if (!good)
        fprintf(stderr, "# not ok: %s: %s at %s:%d\n", tap_name, what, file, line); /* which prove shows */
    fflush(stdout);
    return good;
}

#define OK(cond) tap_ok((cond), #cond, __FILE__, __LINE__)
#define RUN(fn)                                                                                                        \
    do {                                                                                                               \
        tap_name = #fn;                                                                                                \
        fn();                                                                                                          \
    } while (0)

static inline int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

#endif
