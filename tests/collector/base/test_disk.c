/* What stands around the table: interrupted calls go on, half done ones are finished, names are made durable. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base/disk.h"

#include "tests/tap.h"

static unsigned interrupts, dir_syncs;
static struct disk moody;
static char place[64];

static bool interrupted(void)
{
    errno = EINTR;
    return interrupts++ % 2 == 0;
}

static int moody_openat(int dir, const char *name, int flags, mode_t mode)
{
    return interrupted() ? -1 : disk_system.openat(dir, name, flags, mode);
}

static ssize_t moody_pread(int fd, void *out, size_t n, off_t at)
{
    return interrupted() ? -1 : disk_system.pread(fd, out, n > 2 ? 2 : n, at);
}

static ssize_t moody_pwrite(int fd, const void *in, size_t n, off_t at)
{
    return interrupted() ? -1 : disk_system.pwrite(fd, in, n > 3 ? 3 : n, at);
}

static int moody_fsync_dir(int dir)
{
    if (interrupted())
        return -1;
    dir_syncs++;
    return disk_system.fsync_dir(dir);
}

static int moody_renameat(int dir, const char *from, const char *to)
{
    return interrupted() ? -1 : disk_system.renameat(dir, from, to);
}

static int moody_mkdir_at(int dir, const char *name)
{
    return interrupted() ? -1 : disk_system.mkdir_at(dir, name);
}

static void use_a_moody_disk(void)
{
    moody = disk_system;
    moody.openat = moody_openat;
    moody.pread = moody_pread;
    moody.pwrite = moody_pwrite;
    moody.fsync_dir = moody_fsync_dir;
    moody.renameat = moody_renameat;
    moody.mkdir_at = moody_mkdir_at;
    interrupts = dir_syncs = 0;
    disk_set(&moody);
}

static bool count_name(void *arg, const char *name)
{
    (void)name;
    ++*(unsigned *)arg;
    return true;
}

static void calls_that_are_interrupted_or_half_done_are_finished(void)
{
    char back[32] = "";
    unsigned names = 0;
    int dir, fd;

    use_a_moody_disk();
    dir = disk_open_dir(place);
    fd = disk_open(dir, "a", O_CREAT | O_RDWR);
    OK(dir >= 0 && fd >= 0);
    OK(disk_write(fd, SV("0123456789"), 0) && disk_write(fd, SV("ab"), 10));
    OK(disk_read(fd, back, sizeof back, 0) == 12 && strcmp(back, "0123456789ab") == 0);
    OK(disk_size(fd) == 12 && !disk_truncate(fd, 4) && disk_size(fd) == 4 && disk_sync(fd));
    OK(!disk_rename(dir, "a", "b") && !disk_sync_dir(dir) && dir_syncs == 1);
    OK(!disk_list(dir, count_name, &names) && names == 1);
    OK(!disk_unlink(dir, "b") && !disk_list(dir, count_name, &names) && names == 1);
    disk_close(fd);
    disk_close(dir);
    disk_set(NULL);
    OK(interrupts > 10);
}

static void a_directory_is_made_once_and_its_parent_synced(void)
{
    char path[96];
    struct stat st;

    use_a_moody_disk();
    snprintf(path, sizeof path, "%s/new", place);
    OK(!disk_make_dir(path) && dir_syncs == 1 && !stat(path, &st) && (st.st_mode & 0777) == 0700);
    OK(!disk_make_dir(path) && dir_syncs == 1);
    snprintf(path, sizeof path, "%s/none/new", place);
    OK(disk_make_dir(path) && errno == ENOENT);
    disk_set(NULL);
}

static void a_lock_has_one_holder_and_closing_keeps_errno(void)
{
    int dir = disk_open_dir(place), a = disk_open(dir, "lock", O_CREAT | O_RDWR), b = disk_open(dir, "lock", O_RDWR);

    OK(!disk_lock(a) && disk_lock(b) && errno == EWOULDBLOCK);
    disk_close(a);
    OK(!disk_lock(b));
    errno = ENOSPC;
    disk_close(-1);
    disk_close(b);
    OK(errno == ENOSPC && disk_is_full(errno) && disk_is_full(EFBIG) && !disk_is_full(EIO));
    disk_close(dir);
}

int main(void)
{
    char command[96];

    snprintf(place, sizeof place, "/tmp/trefoil-disk-XXXXXX");
    if (!mkdtemp(place))
        return 1;
    RUN(calls_that_are_interrupted_or_half_done_are_finished);
    RUN(a_directory_is_made_once_and_its_parent_synced);
    RUN(a_lock_has_one_holder_and_closing_keeps_errno);
    snprintf(command, sizeof command, "rm -r %s", place);
    OK(system(command) == 0);
    return tap_done();
}
