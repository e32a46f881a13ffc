/*
 * A disk that fails when told to, and knows what was synced.
 *
 * It stands before the real files of the test's directory. Calls that can fail are counted; from call `fail_from`
 * on, for `fail_count` calls, those of the kinds in `kinds` fail with `error`. A sync that fails loses what was not
 * synced, as kernels do. fake_disk_power_cut() leaves on the real disk what a power cut may leave: all synced bytes,
 * any part of the others with blocks of zeros in it, and renames that no directory sync followed perhaps undone.
 */
#ifndef TESTS_FAKE_DISK_H
#define TESTS_FAKE_DISK_H

#include <errno.h>
#include <pthread.h>

#include "tests/collector/journal/journal_test.h"

enum fake_kind {
    FAKE_OPEN = 1,
    FAKE_WRITE = 2,
    FAKE_TRUNCATE = 4,
    FAKE_SYNC = 8,
    FAKE_SYNC_DIR = 16,
    FAKE_RENAME = 32,
    FAKE_UNLINK = 64,
    FAKE_READ = 128,
    FAKE_ALL = 255,
};

enum { FAKE_FILES = 512 };

static struct {
    pthread_mutex_t lock;
    unsigned kinds;
    uint64_t calls, fail_from, fail_count;
    int error;
    bool keeps_unsynced; /* a sync that fails loses nothing this time: the bytes stand there and are not trusted */
    bool short_writes;   /* every write writes half, every second call is interrupted first */
    uint64_t interrupts;
    uint64_t syncs, random;
    struct fake_file {
        ino_t inode;
        off_t synced;
        char renamed_from[64], renamed_to[64]; /* not yet followed by a directory sync */
    } files[FAKE_FILES];
    size_t n_files;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

static inline bool fake_fails(enum fake_kind kind)
{
    bool fails;

    pthread_mutex_lock(&fake.lock);
    fails = (fake.kinds & (unsigned)kind) != 0 && fake.calls++ >= fake.fail_from &&
            fake.calls <= fake.fail_from + fake.fail_count;
    pthread_mutex_unlock(&fake.lock);
    if (fails)
        errno = fake.error;
    return fails;
}

static inline struct fake_file *fake_of_inode(ino_t inode)
{
    for (size_t i = 0; i < fake.n_files; i++)
        if (fake.files[i].inode == inode)
            return &fake.files[i];
    if (fake.n_files == FAKE_FILES)
        exit(94);
    fake.files[fake.n_files] = (struct fake_file){ .inode = inode };
    return &fake.files[fake.n_files++];
}

static inline struct fake_file *fake_of(int fd)
{
    struct stat st;

    if (fstat(fd, &st))
        exit(93);
    return fake_of_inode(st.st_ino);
}

static inline int fake_openat(int dir, const char *name, int flags, mode_t mode)
{
    return fake_fails(FAKE_OPEN) ? -1 : disk_system.openat(dir, name, flags, mode);
}

static inline ssize_t fake_pread(int fd, void *out, size_t n, off_t at)
{
    return fake_fails(FAKE_READ) ? -1 : pread(fd, out, n, at);
}

static inline ssize_t fake_pwrite(int fd, const void *in, size_t n, off_t at)
{
    if (fake_fails(FAKE_WRITE)) { /* half of it is there all the same */
        int error = errno;
        ssize_t ignored = n > 1 ? pwrite(fd, in, n / 2, at) : 0;

        (void)ignored;
        errno = error;
        return -1;
    }
    if (fake.short_writes && fake.interrupts++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, in, fake.short_writes && n > 1 ? n / 2 : n, at);
}

static inline int fake_ftruncate(int fd, off_t length)
{
    return fake_fails(FAKE_TRUNCATE) ? -1 : ftruncate(fd, length);
}

static inline int fake_fdatasync(int fd)
{
    struct stat st;
    bool fails = fake_fails(FAKE_SYNC);
    int error = errno;

    if (fake.short_writes && fake.interrupts++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    pthread_mutex_lock(&fake.lock);
    if (fails && !fake.keeps_unsynced) {
        int ignored = ftruncate(fd, fake_of(fd)->synced);

        (void)ignored;
    } else if (!fails && !fstat(fd, &st)) {
        fake_of(fd)->synced = st.st_size;
        fake.syncs++;
    }
    pthread_mutex_unlock(&fake.lock);
    errno = error;
    return fails ? -1 : 0;
}

static inline int fake_fsync_dir(int dir)
{
    (void)dir;
    if (fake_fails(FAKE_SYNC_DIR))
        return -1;
    pthread_mutex_lock(&fake.lock);
    for (size_t i = 0; i < fake.n_files; i++)
        fake.files[i].renamed_to[0] = '\0';
    pthread_mutex_unlock(&fake.lock);
    return 0;
}

static inline int fake_renameat(int dir, const char *from, const char *to)
{
    struct stat st;

    if (fake_fails(FAKE_RENAME))
        return -1;
    pthread_mutex_lock(&fake.lock);
    if (!fstatat(dir, from, &st, 0)) {
        struct fake_file *f = fake_of_inode(st.st_ino);

        snprintf(f->renamed_from, sizeof f->renamed_from, "%s", from);
        snprintf(f->renamed_to, sizeof f->renamed_to, "%s", to);
    }
    pthread_mutex_unlock(&fake.lock);
    return renameat(dir, from, dir, to);
}

static inline int fake_unlinkat(int dir, const char *name)
{
    struct stat st;

    if (fake_fails(FAKE_UNLINK))
        return -1;
    pthread_mutex_lock(&fake.lock);
    if (!fstatat(dir, name, &st, 0))
        fake_of_inode(st.st_ino)->inode = 0; /* the number may be used again */
    pthread_mutex_unlock(&fake.lock);
    return unlinkat(dir, name, 0);
}

static inline int fake_fallocate(int fd, off_t length)
{
    return fake_fails(FAKE_WRITE) ? -1 : disk_system.fallocate(fd, length);
}

static inline int fake_mkdir_at(int dir, const char *name)
{
    return fake_fails(FAKE_OPEN) ? -1 : disk_system.mkdir_at(dir, name);
}

static inline off_t fake_size(int fd)
{
    return fake_fails(FAKE_OPEN) ? -1 : disk_system.size(fd);
}

static inline int fake_list(int dir, disk_each *each, void *arg)
{
    return fake_fails(FAKE_OPEN) ? -1 : disk_system.list(dir, each, arg);
}

static inline int fake_lock(int fd)
{
    return fake_fails(FAKE_OPEN) ? -1 : disk_system.lock(fd);
}

static struct disk fake_io;

/* A new disk. Nothing fails yet. */
static inline void fake_disk_new(uint64_t seed)
{
    fake.kinds = FAKE_ALL & ~(unsigned)FAKE_READ;
    fake.calls = fake.syncs = fake.interrupts = 0;
    fake.fail_from = UINT64_MAX;
    fake.fail_count = 0;
    fake.error = EIO;
    fake.short_writes = fake.keeps_unsynced = false;
    fake.n_files = 0;
    fake.random = seed | 1;
    fake_io = disk_system;
    fake_io.openat = fake_openat;
    fake_io.pread = fake_pread;
    fake_io.pwrite = fake_pwrite;
    fake_io.ftruncate = fake_ftruncate;
    fake_io.fallocate = fake_fallocate;
    fake_io.fdatasync = fake_fdatasync;
    fake_io.fsync_dir = fake_fsync_dir;
    fake_io.renameat = fake_renameat;
    fake_io.unlinkat = fake_unlinkat;
    fake_io.mkdir_at = fake_mkdir_at;
    fake_io.size = fake_size;
    fake_io.list = fake_list;
    fake_io.lock = fake_lock;
    disk_set(&fake_io);
}

static inline void fake_lose_unsynced(const char *path, off_t synced)
{
    struct stat st;
    off_t keep;
    int fd = open(path, O_RDWR);

    if (fd < 0 || fstat(fd, &st))
        exit(92);
    if (st.st_size > synced) {
        keep = synced + (off_t)(test_random(&fake.random) % (uint64_t)(st.st_size - synced + 1));
        if (ftruncate(fd, keep))
            exit(91);
        for (off_t at = synced / 512 * 512; at < keep; at += 512) {
            static const char zeros[512];
            off_t from = at < synced ? synced : at, to = at + 512 < keep ? at + 512 : keep;

            if (test_random(&fake.random) % 3 == 0 && pwrite(fd, zeros, (size_t)(to - from), from) < 0)
                exit(90);
        }
    }
    close(fd);
}

static inline void fake_disk_power_cut(void)
{
    char path[512], back[512];
    DIR *d = opendir(test_dir);
    struct dirent *entry;

    while (d && (entry = readdir(d))) {
        struct stat st;
        struct fake_file *f;

        snprintf(path, sizeof path, "%s/%.200s", test_dir, entry->d_name);
        if (!sv_has(sv_of(path), SV(".journal")) || stat(path, &st))
            continue;
        f = fake_of_inode(st.st_ino);
        fake_lose_unsynced(path, f->synced);
        if (f->renamed_to[0] && strcmp(f->renamed_to, entry->d_name) == 0 && test_random(&fake.random) % 2) {
            snprintf(back, sizeof back, "%s/%s", test_dir, f->renamed_from);
            if (rename(path, back))
                exit(89);
        }
    }
    if (d)
        closedir(d);
    test_use_quick_disk();
}

#endif
