/*
 * Above: the system's calls, each behind a function of ours where its shape differs from the table's. Below: what
 * everybody would otherwise repeat around them. A signal may interrupt any of them; a read or write may do a part.
 */
#include "collector/base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the system's ---- */

static int sys_openat(int dir, const char *name, int flags, mode_t mode)
{
    return openat(dir, name, flags | O_CLOEXEC, mode);
}

static int sys_fallocate(int fd, off_t length)
{
    return fallocate(fd, 0, 0, length);
}

static int sys_renameat(int dir, const char *from, const char *to)
{
    return renameat(dir, from, dir, to);
}

static int sys_unlinkat(int dir, const char *name)
{
    return unlinkat(dir, name, 0);
}

static int sys_mkdir_at(int dir, const char *name)
{
    return mkdirat(dir, name, 0700);
}

static off_t sys_size(int fd)
{
    struct stat st;

    return fstat(fd, &st) ? -1 : st.st_size;
}

/* The descriptor's own position is left alone: "." is opened anew. */
static int sys_list(int dir, disk_each *each, void *arg)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!d) {
        disk_close(fd);
        return -1;
    }
    for (errno = 0; (entry = readdir(d)); errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && !each(arg, entry->d_name))
            break;
    failed = entry ? 0 : errno;
    closedir(d);
    errno = failed;
    return failed ? -1 : 0;
}

static int sys_lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB);
}

const struct disk disk_system = {
    .openat = sys_openat,
    .pread = pread,
    .pwrite = pwrite,
    .ftruncate = ftruncate,
    .fallocate = sys_fallocate,
    .fdatasync = fdatasync,
    .fsync_dir = fsync,
    .renameat = sys_renameat,
    .unlinkat = sys_unlinkat,
    .mkdir_at = sys_mkdir_at,
    .size = sys_size,
    .list = sys_list,
    .lock = sys_lock,
    .close = close,
};

static const struct disk *current = &disk_system;

void disk_set(const struct disk *d)
{
    current = d ? d : &disk_system;
}

const struct disk *disk(void)
{
    return current;
}

/* ---- ours ---- */

int disk_open(int dir, const char *name, int flags)
{
    return (int)TEMP_FAILURE_RETRY(current->openat(dir, name, flags, 0600));
}

int disk_open_dir(const char *path)
{
    return disk_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}

static int sync_parent(const char *path)
{
    char parent[4096];
    sv p = sv_of(path);
    int fd, failed;

    while (p.len > 1 && p.at[p.len - 1] == '/')
        p.len--;
    for (; p.len > 0 && p.at[p.len - 1] != '/';)
        p.len--;
    if (p.len >= sizeof parent) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(parent, sizeof parent, "%.*s", SV_ARG(p.len ? p : SV(".")));
    fd = disk_open_dir(parent);
    if (fd < 0)
        return -1;
    failed = disk_sync_dir(fd);
    disk_close(fd);
    return failed;
}

int disk_make_dir(const char *path)
{
    if (TEMP_FAILURE_RETRY(current->mkdir_at(AT_FDCWD, path)) < 0)
        return errno == EEXIST ? 0 : -1;
    return sync_parent(path);
}

ssize_t disk_read(int fd, void *out, size_t n, uint64_t at)
{
    size_t got = 0;

    while (got < n) {
        ssize_t k = TEMP_FAILURE_RETRY(current->pread(fd, (char *)out + got, n - got, (off_t)(at + got)));

        if (k < 0)
            return got ? (ssize_t)got : -1;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    return (ssize_t)got;
}

bool disk_write(int fd, sv bytes, uint64_t at)
{
    while (bytes.len > 0) {
        ssize_t n = current->pwrite(fd, bytes.at, bytes.len, (off_t)at);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return false;
        bytes = sv_skip(bytes, (size_t)n);
        at += (uint64_t)n;
    }
    return true;
}

int disk_truncate(int fd, uint64_t length)
{
    return (int)TEMP_FAILURE_RETRY(current->ftruncate(fd, (off_t)length));
}

int disk_fallocate(int fd, uint64_t length)
{
    return (int)TEMP_FAILURE_RETRY(current->fallocate(fd, (off_t)length));
}

bool disk_sync(int fd)
{
    return TEMP_FAILURE_RETRY(current->fdatasync(fd)) == 0;
}

int disk_sync_dir(int dir)
{
    return (int)TEMP_FAILURE_RETRY(current->fsync_dir(dir));
}

int disk_rename(int dir, const char *from, const char *to)
{
    return (int)TEMP_FAILURE_RETRY(current->renameat(dir, from, to));
}

int disk_unlink(int dir, const char *name)
{
    return (int)TEMP_FAILURE_RETRY(current->unlinkat(dir, name));
}

int64_t disk_size(int fd)
{
    return current->size(fd);
}

int disk_list(int dir, disk_each *each, void *arg)
{
    return current->list(dir, each, arg);
}

int disk_lock(int fd)
{
    return (int)TEMP_FAILURE_RETRY(current->lock(fd));
}

void disk_close(int fd)
{
    int before = errno;

    if (fd >= 0)
        (void)current->close(fd); /* what matters was synced; after EINTR it is closed all the same */
    errno = before;
}

bool disk_is_full(int sys)
{
    return sys == ENOSPC || sys == EDQUOT || sys == EFBIG;
}
