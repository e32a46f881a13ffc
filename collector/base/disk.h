/*
 * The file calls of all that the daemon writes, behind one small table, so that a test can fail the n-th of them,
 * forget what was not synced, or keep the whole disk in memory.
 *
 * The table has the system's conventions (-1 and errno; descriptors are opaque, also those of directories); the
 * functions below it call it, go on after EINTR, and finish what was done in part. Nobody calls the table but they.
 *
 * Errors:        -1 or false, and errno.
 * Thread-safety: all from any thread; disk_set belongs into start-up or tests, while no file is open.
 */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/base/err.h"
#include "collector/base/sv.h"

/* False ends the listing. */
typedef bool disk_each(void *arg, const char *name);

struct disk {
    int (*openat)(int dir, const char *name, int flags, mode_t mode);
    ssize_t (*pread)(int fd, void *out, size_t n, off_t at);
    ssize_t (*pwrite)(int fd, const void *in, size_t n, off_t at);
    int (*ftruncate)(int fd, off_t length);
    int (*fallocate)(int fd, off_t length); /* blocks for [0, length), and that size */
    int (*fdatasync)(int fd);
    int (*fsync_dir)(int dir);
    int (*renameat)(int dir, const char *from, const char *to);
    int (*unlinkat)(int dir, const char *name);
    int (*mkdir_at)(int dir, const char *name); /* 0700 */
    off_t (*size)(int fd);
    int (*list)(int dir, disk_each *each, void *arg); /* "." and ".." are left out */
    int (*lock)(int fd);                              /* exclusive, does not wait: EWOULDBLOCK */
    int (*close)(int fd);
};

extern const struct disk disk_system;

/* What is used from now on; NULL: the system's calls. Borrowed. */
void disk_set(const struct disk *d);
const struct disk *disk(void);

/* Files are made for their owner alone and never inherited. `dir` may be AT_FDCWD. */
int disk_open(int dir, const char *name, int flags);
int disk_open_dir(const char *path);

/* Makes the directory and syncs its parent, so that it is there after a power cut too; one that exists is fine. */
int disk_make_dir(const char *path);

/* Reads to the last byte or the end of the file; how many. What was read before an error counts. */
ssize_t disk_read(int fd, void *out, size_t n, uint64_t at);

/* Writes all, or has written an unknown part of it. */
MUST_USE bool disk_write(int fd, sv bytes, uint64_t at);

int disk_truncate(int fd, uint64_t length);
int disk_fallocate(int fd, uint64_t length);

/* After a failure the file is not to be trusted: the system may have dropped what was not synced, and say yes the
 * next time. */
MUST_USE bool disk_sync(int fd);

/* To be called after making, renaming or removing a name in it. */
int disk_sync_dir(int dir);
int disk_rename(int dir, const char *from, const char *to);
int disk_unlink(int dir, const char *name);
int64_t disk_size(int fd);
int disk_list(int dir, disk_each *each, void *arg);
int disk_lock(int fd);
void disk_close(int fd); /* a negative one is fine; errno stays */

/* ENOSPC and its kin: it passes when somebody makes room, nothing is broken. */
bool disk_is_full(int sys);

#endif
