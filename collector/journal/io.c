/* The system's calls, each behind a function of ours where its shape differs from the table's. */
#include "collector/journal/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int sys_openat(int dir, const char *name, int flags, mode_t mode)
{
    return openat(dir, name, flags | O_CLOEXEC, mode);
}

static int sys_renameat(int dir, const char *from, const char *to)
{
    return renameat(dir, from, dir, to);
}

static int sys_unlinkat(int dir, const char *name)
{
    return unlinkat(dir, name, 0);
}

const struct journal_io journal_io_system = {
    .openat = sys_openat,
    .pread = pread,
    .pwrite = pwrite,
    .ftruncate = ftruncate,
    .fdatasync = fdatasync,
    .fsync_dir = fsync,
    .renameat = sys_renameat,
    .unlinkat = sys_unlinkat,
    .close = close,
};

static const struct journal_io *current = &journal_io_system;

void journal_io_set(const struct journal_io *io)
{
    current = io ? io : &journal_io_system;
}

const struct journal_io *journal_io(void)
{
    return current;
}
