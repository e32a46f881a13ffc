/* What the journal's tests share: a directory of their own, payloads that are a function of a number, reading all. */
#ifndef TESTS_JOURNAL_TEST_H
#define TESTS_JOURNAL_TEST_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/buf.h"
#include "collector/base/disk.h"
#include "collector/journal/journal.h"
#include "collector/journal/segment.h"

#include "tests/tap.h"

static char test_dir[64];

static inline void test_remove_dir(void)
{
    DIR *d = opendir(test_dir);
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(test_dir);
}

/* An empty place: the directory itself is made by journal_open. */
static inline void test_fresh_dir(void)
{
    if (test_dir[0])
        test_remove_dir();
    snprintf(test_dir, sizeof test_dir, "/tmp/trefoil-journal-XXXXXX");
    if (!mkdtemp(test_dir))
        exit(99);
    atexit(test_remove_dir);
}

static inline int test_no_sync(int fd)
{
    (void)fd;
    return 0;
}

/* Thousands of journals in one test: nobody cuts the power here, so the disk need not be waited for. */
static inline void test_use_quick_disk(void)
{
    static struct disk quick;

    quick = disk_system;
    quick.fdatasync = quick.fsync_dir = test_no_sync;
    disk_set(&quick);
}

static inline uint64_t test_seed(void)
{
    const char *given = getenv("SEED");
    struct timespec t;
    uint64_t seed;

    clock_gettime(CLOCK_REALTIME, &t);
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)t.tv_nsec ^ (uint64_t)t.tv_sec << 20;
    printf("# SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static inline uint64_t test_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Payload number n: its number in text, then bytes that depend on it; every third compresses well. */
static inline sv test_payload(struct buf *b, uint64_t n, size_t size)
{
    uint64_t state = n * UINT64_C(0x9e3779b97f4a7c15) + 1;

    buf_clear(b);
    buf_printf(b, "%llu:", (unsigned long long)n);
    while (b->len < size)
        buf_putc(b, (char)(n % 3 == 0 ? 'z' : test_random(&state)));
    return buf_sv(b);
}

static inline uint64_t test_payload_number(sv payload)
{
    uint64_t n = UINT64_MAX;
    sv rest = payload;

    sv_to_u64(sv_cut(&rest, ':'), &n);
    return n;
}

static inline struct journal *test_open(struct journal_options o, struct journal_recovery *found)
{
    struct err e = { 0 };
    struct journal *j;

    o.dir = test_dir;
    j = journal_open(&o, found, &e);
    if (!j)
        printf("# open: %s\n", e.text);
    return j;
}

static inline bool test_append(struct journal *j, uint64_t n, size_t size, struct err *e)
{
    struct buf b;
    bool good;

    buf_init(&b, 0);
    good = !journal_append(j, SV("k"), test_payload(&b, n, size), NULL, e);
    buf_done(&b);
    return good;
}

/* The path of the i-th segment file by name; false when there are not so many. */
static inline int test_is_segment(const struct dirent *entry)
{
    uint32_t shard;
    uint64_t base;

    return segment_name_parse(entry->d_name, &shard, &base);
}

static inline size_t test_segments(size_t i, char out[512])
{
    struct dirent **list;
    int n = scandir(test_dir, &list, test_is_segment, alphasort);

    for (int k = 0; k < n; k++) {
        if ((size_t)k == i)
            snprintf(out, 512, "%s/%s", test_dir, list[k]->d_name);
        free(list[k]);
    }
    if (n >= 0)
        free(list);
    return n < 0 ? 0 : (size_t)n;
}

static inline void test_write_file(const char *path, const char *bytes, size_t n)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        exit(98);
    close(fd);
}

#endif
