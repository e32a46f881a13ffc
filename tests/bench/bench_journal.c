/*
 * Durable frames a second: group commits of the journal against what the disk gives at best, in the same run, for frames
 * of several sizes.
 *
 *   bare    one thread, one write and one fdatasync per frame of the same bytes, no checksum, no frame
 *   journal 1, 8 and 64 threads append the same payloads and wait for each
 *
 * One appender cannot be faster than the disk's sync: its ratio says what the journal costs. With many appenders the
 * ratio says what sharing a sync brings.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/base/buf.h"
#include "collector/base/log.h"
#include "collector/journal/journal.h"

#include "tests/bench/bench.h"

enum { PAYLOAD_MAX = 256 << 10, THREADS_MAX = 64, ROUNDS = 5, KINDS = 4 };

static const size_t sizes[] = { 512, 4 << 10, 16 << 10, PAYLOAD_MAX };
static const unsigned threads[KINDS] = { 0, 1, 8, THREADS_MAX }; /* 0: bare */
static const double seconds = 0.3;
static char payload[PAYLOAD_MAX];
static char dir[64];

static double bare(size_t size)
{
    char path[128];
    double start = bench_now();
    uint64_t n = 0;
    int fd;

    snprintf(path, sizeof path, "%s/bare", dir);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    while (bench_now() - start < seconds) {
        if (write(fd, payload, size) != (ssize_t)size || fdatasync(fd))
            exit(1);
        n++;
    }
    close(fd);
    unlink(path);
    return (double)n / (bench_now() - start);
}

struct appender {
    pthread_t thread;
    struct journal *j;
    size_t size;
    double end;
    uint64_t n;
};

static void *append(void *arg)
{
    struct appender *a = arg;

    while (bench_now() < a->end) {
        if (journal_append(a->j, SV("k"), sv_make(payload, a->size), NULL, NULL))
            exit(1);
        a->n++;
    }
    return NULL;
}

static void remove_files(void)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
}

/* Frames a second; *shared gets how many a sync served. */
static double journal(size_t size, unsigned n_threads, double *shared)
{
    struct journal_options o = { .dir = dir };
    struct appender a[THREADS_MAX] = { 0 };
    struct journal *j = journal_open(&o, NULL, NULL);
    struct journal_stats s;
    double start = bench_now(), rate;
    uint64_t n = 0;

    if (!j)
        exit(1);
    for (unsigned i = 0; i < n_threads; i++) {
        a[i] = (struct appender){ .j = j, .size = size, .end = start + seconds };
        pthread_create(&a[i].thread, NULL, append, &a[i]);
    }
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(a[i].thread, NULL);
        n += a[i].n;
    }
    rate = (double)n / (bench_now() - start);
    journal_stats(j, &s);
    *shared = (double)s.appended_frames / (double)s.syncs;
    journal_close(j);
    remove_files();
    return rate;
}

/* Rounds go in turns and the best of each kind stands: the disk is others' too, and they only ever slow it. */
static void bench(size_t size)
{
    double rates[KINDS][ROUNDS], shared[KINDS][ROUNDS], limit;

    for (int round = 0; round < ROUNDS; round++)
        for (int k = 0; k < KINDS; k++) {
            sync(); /* what the one before has left to do */
            rates[k][round] = threads[k] ? journal(size, threads[k], &shared[k][round]) : bare(size);
        }
    limit = bench_best(rates[0], ROUNDS);
    printf("frames of %zu bytes\n", size);
    printf("bare      1 thread   %8.0f frames/s  %6.1f MB/s\n", limit, limit * (double)size / 1e6);
    for (int k = 1; k < KINDS; k++) {
        double rate = bench_best(rates[k], ROUNDS);

        printf("journal  %2u threads  %8.0f frames/s  %6.1f MB/s  %5.1f frames/sync  ratio %.2f\n", threads[k], rate,
               rate * (double)size / 1e6, bench_median(shared[k], ROUNDS), rate / limit);
    }
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    unsigned x = 1;

    for (size_t i = 0; i < PAYLOAD_MAX; i++) /* half text, half noise: compresses about to a half */
        payload[i] = (char)(i % 64 < 32 ? 'a' : (x = x * 1103515245 + 12345) >> 16);
    snprintf(dir, sizeof dir, "%.40s/bench-journal-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        bench(sizes[i]);
    rmdir(dir);
    return 0;
}
