/* R-10, E-05: what is logged never holds up who logs, and an error storm is a few lines. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/log.h"

#include "tests/tap.h"

enum { STORM = 1000000, THREADS = 4 };

static int stderr_was;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void onto(int fd)
{
    dup2(fd, STDERR_FILENO);
}

static void back(void)
{
    dup2(stderr_was, STDERR_FILENO);
}

static int a_file(void)
{
    char path[] = "/tmp/trefoil-log-XXXXXX";
    int fd = mkstemp(path);

    unlink(path);
    return fd;
}

static off_t size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_size : -1;
}

/* Two errors in turn, as two dead endpoints of one source make them. */
static void a_million_errors_are_a_few_lines_and_a_count(void)
{
    uint64_t repeated = log_repeated(), dropped = log_dropped();
    int fd = a_file();

    onto(fd);
    for (int i = 0; i < STORM; i++)
        log_error("test", "endpoint %d does not answer", i % 2);
    back();
    printf("# %d errors: %lld bytes\n", STORM, (long long)size_of(fd));
    OK(size_of(fd) > 0 && size_of(fd) < 10 * 200); /* one each, and again after a minute if it took so long */
    OK(log_repeated() - repeated + (log_dropped() - dropped) >= STORM - 10);
    close(fd);
}

static void errors_that_all_differ_are_bounded_by_their_rate(void)
{
    uint64_t dropped = log_dropped();
    double began = now_s();
    int fd = a_file();

    onto(fd);
    for (int i = 0; i < STORM; i++)
        log_error("test", "request %d failed", i);
    back();
    printf("# %d errors in %.1f s: %lld bytes, %llu left out\n", STORM, now_s() - began, (long long)size_of(fd),
           (unsigned long long)(log_dropped() - dropped));
    OK(size_of(fd) <= (off_t)((now_s() - began + 2) * LOG_LINES_PER_S * 200));
    OK(log_dropped() - dropped >= STORM - (uint64_t)((now_s() - began + 2) * LOG_LINES_PER_S));
    close(fd);
}

/* A new second, in which lines may be written. */
static void wait_for_room(void)
{
    nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 20000000 }, NULL);
}

static void *talk(void *arg)
{
    for (int i = 0; i < 1000; i++)
        log_error("test", "thread %d says %d %0500d", *(int *)arg, i, i);
    return NULL;
}

/* Longer than the pipe has room for: the rate leaves so many in two seconds. */
static void a_pipe_that_nobody_reads_blocks_nobody(void)
{
    uint64_t dropped = log_dropped();
    pthread_t threads[THREADS];
    int ends[2], numbers[THREADS];
    double began;

    OK(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
    wait_for_room();
    onto(ends[1]);
    began = now_s();
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, talk, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    back();
    OK(now_s() - began < 5);
    OK(log_dropped() - dropped >= (uint64_t)THREADS * 1000 - 4096 / 500);
    close(ends[0]);
    close(ends[1]);
}

static void a_line_fits_into_what_a_pipe_takes_at_once(void)
{
    static char bytes[2 * LOG_LINE_BYTES];
    char nasty[2000];
    int ends[2];
    ssize_t n;

    memset(nasty, 1, sizeof nasty - 1); /* each becomes \u0001 */
    nasty[sizeof nasty - 1] = '\0';
    OK(pipe(ends) == 0);
    wait_for_room();
    onto(ends[1]);
    log_error("test", "%s", nasty);
    back();
    n = read(ends[0], bytes, sizeof bytes);
    OK(n > 1000 && n <= LOG_LINE_BYTES && bytes[n - 1] == '\n' && bytes[n - 2] == '"');
    close(ends[0]);
    close(ends[1]);
}

static void a_line_that_nobody_takes_is_counted(void)
{
    uint64_t dropped = log_dropped();
    int ends[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    OK(pipe(ends) == 0);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    wait_for_room();
    onto(ends[1]);
    log_error("test", "nobody there");
    OK(log_dropped() == dropped + 1);
    close(STDERR_FILENO);
    log_error("test", "closed");
    OK(log_dropped() == dropped + 2);
    onto(full);
    log_error("test", "no space");
    OK(log_dropped() == dropped + 3);
    back();
    close(ends[1]);
    close(full);
}

int main(void)
{
    stderr_was = dup(STDERR_FILENO);
    RUN(a_million_errors_are_a_few_lines_and_a_count);
    RUN(errors_that_all_differ_are_bounded_by_their_rate);
    RUN(a_pipe_that_nobody_reads_blocks_nobody);
    RUN(a_line_fits_into_what_a_pipe_takes_at_once);
    RUN(a_line_that_nobody_takes_is_counted);
    return tap_done();
}
