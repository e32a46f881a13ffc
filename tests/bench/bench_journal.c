/*
 * Durable frames a second: group commits of the journal against what the disk gives at best, in the same run.
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
#include <time.h>
#include <unistd.h>

#include "collector/base/buf.h"
#include "collector/base/log.h"
#include "collector/journal/journal.h"

enum { PAYLOAD = 16 << 10, THREADS_MAX = 64 };

static const double seconds = 2.0;
static char payload[PAYLOAD];
static char dir[64];

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double bare(void)
{
    char path[128];
    double start = now();
    uint64_t n = 0;
    int fd;

    snprintf(path, sizeof path, "%s/bare", dir);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    while (now() - start < seconds) {
        if (write(fd, payload, PAYLOAD) != PAYLOAD || fdatasync(fd))
            exit(1);
        n++;
    }
    close(fd);
    unlink(path);
    return (double)n / (now() - start);
}

struct appender {
    pthread_t thread;
    struct journal *j;
    double end;
    uint64_t n;
};

static void *append(void *arg)
{
    struct appender *a = arg;

    while (now() < a->end) {
        if (journal_append(a->j, SV("k"), sv_make(payload, PAYLOAD), NULL, NULL))
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

static void journal(unsigned threads, double bare_rate)
{
    struct journal_options o = { .dir = dir };
    struct appender a[THREADS_MAX] = { 0 };
    struct journal *j = journal_open(&o, NULL, NULL);
    struct journal_stats s;
    double start = now(), rate;
    uint64_t n = 0;

    if (!j)
        exit(1);
    for (unsigned i = 0; i < threads; i++) {
        a[i] = (struct appender){ .j = j, .end = start + seconds };
        pthread_create(&a[i].thread, NULL, append, &a[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(a[i].thread, NULL);
        n += a[i].n;
    }
    rate = (double)n / (now() - start);
    journal_stats(j, &s);
    printf("journal %2u threads  %8.0f frames/s  %5.1f MB/s  %5.1f frames/sync  ratio %.2f\n", threads, rate,
           rate * PAYLOAD / 1e6, (double)s.appended_frames / (double)s.syncs, rate / bare_rate);
    journal_close(j);
    remove_files();
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    unsigned x = 1;
    double rate;

    for (size_t i = 0; i < PAYLOAD; i++) /* half text, half noise: compresses about to a half */
        payload[i] = (char)(i % 64 < 32 ? 'a' : (x = x * 1103515245 + 12345) >> 16);
    snprintf(dir, sizeof dir, "%.40s/bench-journal-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    rate = bare();
    printf("bare     1 thread   %8.0f frames/s  %5.1f MB/s\n", rate, rate * PAYLOAD / 1e6);
    journal(1, rate);
    journal(8, rate);
    journal(64, rate);
    rmdir(dir);
    return 0;
}
