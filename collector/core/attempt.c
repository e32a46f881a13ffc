/*
 *      0  magic "TREFOILA"     8  u64 starts     16  u64 noted     24  u64 times     32  u64 number of skips     40  them
 *
 * Nothing is synced: a process that ends leaves to the kernel what it wrote, and a machine that ends is no frame's fault. So a
 * note is one small write into the page cache. A file that makes no sense is none.
 */
#include "collector/core/attempt.h"

#include <string.h>

#include "collector/base/buf.h"
#include "collector/base/disk.h"
#include "collector/base/log.h"

#define NAME  "replay.attempt"
#define MAGIC "TREFOILA"

enum { CAREFUL_FROM = 3, DEATHS = 2, WORDS = 4, NOTED_AT = 16, BYTES_MAX = 8 * (WORDS + 1 + ATTEMPT_SKIPS_MAX) };

static uint64_t get_le64(const char *at)
{
    uint64_t v = 0;

    for (unsigned i = 8; i-- > 0;)
        v = v << 8 | (unsigned char)at[i];
    return v;
}

static void read_file(struct attempt *a)
{
    char bytes[BYTES_MAX];
    ssize_t n = disk_read(a->fd, bytes, sizeof bytes, 0);
    uint64_t skips;

    if (n < 8 * (WORDS + 1) || memcmp(bytes, MAGIC, 8) != 0)
        return;
    skips = get_le64(bytes + 32);
    if (skips > ATTEMPT_SKIPS_MAX || (size_t)n < 8 * (WORDS + 1 + skips))
        return;
    a->starts = get_le64(bytes + 8);
    a->noted = get_le64(bytes + NOTED_AT);
    a->times = get_le64(bytes + 24);
    for (a->n_skips = 0; a->n_skips < skips; a->n_skips++)
        a->skips[a->n_skips] = get_le64(bytes + 8 * (WORDS + 1 + a->n_skips));
}

static void write_file(const struct attempt *a)
{
    struct buf b;

    buf_init(&b, BYTES_MAX);
    buf_put(&b, SV(MAGIC));
    buf_le64(&b, a->starts);
    buf_le64(&b, a->noted);
    buf_le64(&b, a->times);
    buf_le64(&b, a->n_skips);
    for (size_t i = 0; i < a->n_skips; i++)
        buf_le64(&b, a->skips[i]);
    if (a->fd < 0 || b.failed || !disk_write(a->fd, buf_sv(&b), 0))
        log_warn("spine", NAME " could not be written: if this start fails the next one will not know why");
    buf_done(&b);
}

/* Whoever died twice at one frame died of it. Numbers behind the journal's end will be given to others. */
static void judge(struct attempt *a, uint64_t durable)
{
    size_t kept = 0;

    if (a->times >= DEATHS && a->n_skips < ATTEMPT_SKIPS_MAX && !attempt_skips(a, a->noted)) {
        log_error("spine", "journal frame %llu ended %llu starts in a row and is skipped", (unsigned long long)a->noted,
                  (unsigned long long)a->starts);
        a->skips[a->n_skips++] = a->noted;
        a->noted = a->times = 0;
    }
    for (size_t i = 0; i < a->n_skips; i++)
        if (a->skips[i] <= durable)
            a->skips[kept++] = a->skips[i];
    a->n_skips = kept;
}

void attempt_begin(struct attempt *a, const char *dir, uint64_t durable)
{
    *a = (struct attempt){ .dir = disk_open_dir(dir), .fd = -1 };
    if (a->dir >= 0)
        a->fd = disk_open(a->dir, NAME, O_RDWR | O_CREAT);
    if (a->fd >= 0)
        read_file(a);
    judge(a, durable);
    a->starts++;
    a->careful = a->starts >= CAREFUL_FROM;
    if (a->careful)
        log_warn("spine", "%llu starts did not get through the replay: this one notes where it is",
                 (unsigned long long)a->starts - 1);
    write_file(a);
}

void attempt_look(struct attempt *a, const char *dir)
{
    *a = (struct attempt){ .dir = disk_open_dir(dir), .fd = -1 };
    if (a->dir >= 0)
        a->fd = disk_open(a->dir, NAME, O_RDONLY);
    if (a->fd >= 0)
        read_file(a);
    disk_close(a->fd);
    disk_close(a->dir);
    a->dir = a->fd = -1;
}

bool attempt_skips(const struct attempt *a, uint64_t sequence)
{
    for (size_t i = 0; i < a->n_skips; i++)
        if (a->skips[i] == sequence)
            return true;
    return false;
}

void attempt_note(struct attempt *a, uint64_t sequence)
{
    char bytes[16];
    uint64_t times = sequence == a->noted ? a->times + 1 : 1;

    if (!a->careful || a->fd < 0)
        return;
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (char)(unsigned char)(sequence >> (8 * i));
        bytes[8 + i] = (char)(unsigned char)(times >> (8 * i));
    }
    a->careful = disk_write(a->fd, sv_make(bytes, sizeof bytes), NOTED_AT);
}

void attempt_end(struct attempt *a)
{
    if (a->dir < 0)
        return;
    a->starts = a->noted = a->times = 0;
    if (a->n_skips)
        write_file(a);
    else
        disk_unlink(a->dir, NAME);
    disk_close(a->fd);
    disk_close(a->dir);
    a->careful = false;
    a->dir = a->fd = -1;
}
