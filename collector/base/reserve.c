/*
 * Blocks come from fallocate; where the file system has none, zeros are written (one that compresses them away gives no
 * reserve, and nothing can be done about it). Nothing is synced: after a crash the reserve is looked at anew.
 */
#include "collector/base/reserve.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base/clock.h"
#include "collector/base/disk.h"
#include "collector/base/log.h"

enum { RETRY_MS = 5000, LEAST = 64 << 10, PIECE = 64 << 10 };

struct reserve {
    int dir;
    _Atomic uint64_t have; /* written under the lock; read without it, since that is held as long as the disk takes */
    _Atomic bool lent;
    pthread_mutex_t lock; /* guards what follows, and the file */
    uint64_t want;
    int64_t next_try_mono;
    bool told;
};

/* fallocate's work by hand. */
static int write_zeros(int fd, uint64_t bytes)
{
    static const char zeros[PIECE];

    for (uint64_t at = 0; at < bytes; at += PIECE)
        if (!disk_write(fd, sv_make(zeros, bytes - at < PIECE ? (size_t)(bytes - at) : PIECE), at))
            return -1;
    return 0;
}

static int allocate(int fd, uint64_t bytes)
{
    int failed = disk_fallocate(fd, bytes);

    return failed && (errno == EOPNOTSUPP || errno == ENOSYS) ? write_zeros(fd, bytes) : failed;
}

static int open_file(struct reserve *r)
{
    return disk_open(r->dir, "reserve", O_RDWR | O_CREAT);
}

/* As much as there is room for, and never less than there was. Lock held. */
static void take(struct reserve *r)
{
    int fd = open_file(r);
    uint64_t before = r->have, have = before;

    if (fd >= 0 && disk_size(fd) > (int64_t)r->want)
        (void)disk_truncate(fd, r->want);
    for (uint64_t bytes = r->want; fd >= 0 && bytes >= LEAST && bytes > before && have == before; bytes /= 2) {
        if (!allocate(fd, bytes))
            have = bytes;
        else if (disk_truncate(fd, before)) /* a part may have been allocated */
            break;
    }
    r->have = have;
    disk_close(fd);
    if (r->have < r->want && !r->told)
        log_warn("storage", "no room for the whole reserve wanted=%llu kept=%llu", (unsigned long long)r->want,
                 (unsigned long long)r->have);
    else if (r->have == r->want && before != r->have && r->told)
        log_info("storage", "the reserve is whole again bytes=%llu", (unsigned long long)r->have);
    r->told = r->have < r->want;
    r->next_try_mono = clock_mono() + RETRY_MS * NANO_PER_MS;
}

struct reserve *reserve_open(const char *dir, uint64_t bytes)
{
    struct reserve *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    r->dir = disk_open_dir(dir);
    r->want = bytes;
    take(r);
    return r;
}

void reserve_close(struct reserve *r)
{
    if (!r)
        return;
    disk_close(r->dir);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool reserve_lend(struct reserve *r)
{
    bool given;
    int fd;

    if (!r)
        return false;
    pthread_mutex_lock(&r->lock);
    fd = r->have ? open_file(r) : -1;
    given = fd >= 0 && !disk_truncate(fd, 0);
    disk_close(fd);
    if (given) {
        log_warn("storage", "the disk is full, the reserve is used bytes=%llu", (unsigned long long)r->have);
        r->have = 0;
        r->lent = r->told = true;
    }
    pthread_mutex_unlock(&r->lock);
    return given;
}

bool reserve_is_lent(struct reserve *r)
{
    return r && r->lent;
}

void reserve_keep(struct reserve *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    if (r->lent || (r->have < r->want && clock_mono() >= r->next_try_mono))
        take(r);
    r->lent = false;
    pthread_mutex_unlock(&r->lock);
}

void reserve_want(struct reserve *r, uint64_t bytes)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    if (r->want > 0 && bytes > r->want) /* 0: the operator wants none */
        r->want = bytes;
    pthread_mutex_unlock(&r->lock);
}

uint64_t reserve_bytes(struct reserve *r)
{
    return r ? r->have : 0;
}
