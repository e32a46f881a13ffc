/*
 * The file calls of the journal in one small table, so that a test can fail the n-th of them or forget what was not
 * synced. They follow the system's own conventions (-1 and errno).
 *
 * Thread-safety: journal_io_set belongs before journal_open and after journal_close.
 */
#ifndef JOURNAL_IO_H
#define JOURNAL_IO_H

#include <sys/types.h>

struct journal_io {
    int (*openat)(int dir, const char *name, int flags, mode_t mode);
    ssize_t (*pread)(int fd, void *out, size_t n, off_t at);
    ssize_t (*pwrite)(int fd, const void *in, size_t n, off_t at);
    int (*ftruncate)(int fd, off_t length);
    int (*fdatasync)(int fd);
    int (*fsync_dir)(int dir);
    int (*renameat)(int dir, const char *from, const char *to);
    int (*unlinkat)(int dir, const char *name);
    int (*close)(int fd);
};

extern const struct journal_io journal_io_system;

/* What every journal uses from now on; NULL: the system's calls. Borrowed. */
void journal_io_set(const struct journal_io *io);
const struct journal_io *journal_io(void);

#endif
