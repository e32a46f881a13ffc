/* A reserve takes what there is, gives it up when asked, and comes back by itself. The disk here has as much room as a test says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base/clock.h"
#include "collector/base/disk.h"
#include "collector/base/reserve.h"

#include "tests/tap.h"

enum { MIB = 1 << 20 };

static char place[64], path[96];
static struct disk small;
static off_t room;
static bool has_fallocate;

static int small_fallocate(int fd, off_t length)
{
    if (!has_fallocate) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (length > room) {
        (void)!ftruncate(fd, room); /* a part may stay */
        errno = ENOSPC;
        return -1;
    }
    return disk_system.fallocate(fd, length);
}

static ssize_t small_pwrite(int fd, const void *in, size_t n, off_t at)
{
    if (at + (off_t)n > room) {
        errno = ENOSPC;
        return -1;
    }
    return disk_system.pwrite(fd, in, n, at);
}

static void use_a_small_disk(off_t bytes)
{
    small = disk_system;
    small.fallocate = small_fallocate;
    small.pwrite = small_pwrite;
    room = bytes;
    has_fallocate = true;
    disk_set(&small);
    clock_set_manual(1000 * NANO_PER_H);
    unlink(path);
}

static off_t size(void)
{
    struct stat st;

    return stat(path, &st) ? -1 : st.st_size;
}

/* A snapshot has grown, and the disk has no room for a larger reserve. */
static void what_is_there_is_not_given_away_for_more(void)
{
    struct reserve *r;

    use_a_small_disk(9 * MIB);
    r = reserve_open(place, 8 * MIB);
    OK(r && reserve_bytes(r) == 8 * MIB);
    reserve_want(r, 20 * MIB);
    for (int i = 0; i < 5; i++) {
        clock_advance(10 * NANO_PER_S);
        reserve_keep(r);
        OK(reserve_bytes(r) == 8 * MIB && size() == 8 * MIB);
    }
    room = 100 * MIB;
    clock_advance(10 * NANO_PER_S);
    reserve_keep(r);
    OK(reserve_bytes(r) == 20 * MIB);
    reserve_close(r);
}

static void it_is_lent_and_comes_back(void)
{
    struct reserve *r;
    struct stat st;

    use_a_small_disk(100 * MIB);
    r = reserve_open(place, 4 * MIB);
    OK(r && reserve_bytes(r) == 4 * MIB && size() == 4 * MIB && !reserve_is_lent(r));
    OK(!stat(path, &st) && st.st_blocks * 512 >= 4 * MIB); /* blocks, not a hole */
    OK(reserve_lend(r) && reserve_is_lent(r) && reserve_bytes(r) == 0 && size() == 0);
    OK(!reserve_lend(r) && reserve_is_lent(r));
    reserve_keep(r);
    OK(!reserve_is_lent(r) && reserve_bytes(r) == 4 * MIB && size() == 4 * MIB);
    reserve_close(r);
    r = reserve_open(place, 2 * MIB);
    OK(reserve_bytes(r) == 2 * MIB && size() == 2 * MIB);
    reserve_want(r, MIB);
    reserve_want(r, 3 * MIB);
    clock_advance(10 * NANO_PER_S);
    reserve_keep(r);
    OK(reserve_bytes(r) == 3 * MIB);
    reserve_close(r);
}

static void a_full_disk_gives_a_part_and_the_rest_when_there_is_space(void)
{
    struct reserve *r;

    use_a_small_disk(MIB + MIB / 2);
    r = reserve_open(place, 4 * MIB);
    OK(reserve_bytes(r) == MIB && size() == MIB);
    room = 100 * MIB;
    reserve_keep(r); /* not yet: it was tried just now */
    OK(reserve_bytes(r) == MIB);
    clock_advance(10 * NANO_PER_S);
    reserve_keep(r);
    OK(reserve_bytes(r) == 4 * MIB);
    room = 0;
    OK(reserve_lend(r));
    reserve_keep(r);
    OK(reserve_bytes(r) == 0 && !reserve_lend(r) && !reserve_is_lent(r));
    reserve_close(r);
}

static void without_fallocate_zeros_are_written(void)
{
    struct reserve *r;

    use_a_small_disk(3 * MIB);
    has_fallocate = false;
    r = reserve_open(place, 4 * MIB);
    OK(reserve_bytes(r) == 2 * MIB && size() == 2 * MIB);
    reserve_close(r);
}

static void none_and_nowhere_are_no_errors(void)
{
    struct reserve *r;

    use_a_small_disk(3 * MIB);
    r = reserve_open(place, 0);
    reserve_want(r, MIB);
    reserve_keep(r);
    OK(r && reserve_bytes(r) == 0 && !reserve_lend(r));
    reserve_close(r);
    r = reserve_open("/nowhere/at/all", MIB);
    OK(r && reserve_bytes(r) == 0 && !reserve_lend(r));
    reserve_keep(r);
    reserve_close(r);
    reserve_keep(NULL);
    reserve_close(NULL);
    OK(!reserve_lend(NULL) && !reserve_is_lent(NULL) && reserve_bytes(NULL) == 0);
}

int main(void)
{
    snprintf(place, sizeof place, "/tmp/trefoil-reserve-XXXXXX");
    if (!mkdtemp(place))
        return 1;
    snprintf(path, sizeof path, "%s/reserve", place);
    RUN(it_is_lent_and_comes_back);
    RUN(what_is_there_is_not_given_away_for_more);
    RUN(a_full_disk_gives_a_part_and_the_rest_when_there_is_space);
    RUN(without_fallocate_zeros_are_written);
    RUN(none_and_nowhere_are_no_errors);
    unlink(path);
    rmdir(place);
    return tap_done();
}
