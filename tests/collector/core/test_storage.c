/*
 * The spine on a real small file system (tmpfs in a namespace of our own; where that is not allowed these are skipped):
 * full while running, full before the start, without inodes, with the file size limited, read-only, and a directory
 * whose formats are newer, of which every byte stays.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base/disk.h"
#include "collector/base/hash.h"
#include "collector/core/spine.h"
#include "collector/core/status.h"

#include "tests/collector/ledger/log_fixture.h"
#include "tests/tap.h"

static char place[64], data[96];
static struct arena arena;
static const struct policy keep = { .identity = POLICY_KEEP };
static int64_t minute;

static bool small_file_system(const char *options)
{
    minute = 0;
    umount2(place, MNT_DETACH);
    return mount("none", place, "tmpfs", 0, options) == 0;
}

static struct spine *open_spine(uint64_t reserve)
{
    const struct spine_options o = { .dir = data, .reserve_bytes = reserve };
    struct err e = { 0 };
    struct spine *s = spine_open(&o, &e);

    if (s)
        spine_set_policy(s, &keep);
    else
        printf("# %s\n", e.text);
    return s;
}

/* Each frame adds 1 to a counter. Its epoch is as large as a test wants it. */
static enum err_code commit(struct spine *s, size_t ballast, struct err *e)
{
    int64_t start = T0 + minute * NANO_PER_MIN;
    struct frame *f;
    char *bytes = arena_alloc(&arena, ballast + 1);
    uint64_t random = (uint64_t)minute * 2654435761 + 88172645463325252;
    enum err_code code;

    f = fixture_frame(&arena, start, start + NANO_PER_MIN);
    if (minute == 0) {
        fixture_mapping(f, 0);
        fixture_epoch(f, EPOCH_COUNT_FROM, 0, SV("az"), arena_printf(&arena, "%lld", (long long)T0));
    }
    for (size_t i = 0; i < ballast; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        bytes[i] = (char)('!' + random % 90);
    }
    if (ballast)
        (void)frame_add_quarantine(f, REASON_POLICY, SV("ballast"), sv_make(bytes, ballast));
    fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), start, 1);
    f->tally.received = f->tally.stored = 1;
    code = spine_commit(s, f, e);
    arena_reset(&arena);
    minute += code == ERR_OK;
    return code;
}

static int64_t total(struct spine *s)
{
    struct series_view v;
    int64_t value;

    ledger_read_lock(spine_ledger(s));
    value = fixture_find(spine_ledger(s), "genai_requests_total", LABEL_CODE, "200", &v) ? v.value[0] : -1;
    ledger_read_unlock(spine_ledger(s));
    return value;
}

static void ballast_file(bool there)
{
    char path[128];
    static const char piece[4096];
    int fd;

    snprintf(path, sizeof path, "%s/ballast", place);
    unlink(path);
    fd = there ? open(path, O_CREAT | O_WRONLY, 0600) : -1;
    while (fd >= 0 && write(fd, piece, sizeof piece) > 0)
        ;
    if (fd >= 0)
        close(fd);
}

static bool page_says(struct spine *s, const char *what)
{
    const struct status status = { .spine = s };
    struct buf page;
    bool says;

    buf_init(&page, 1 << 20);
    status_page(&status, &page);
    says = sv_has(buf_sv(&page), sv_of(what));
    buf_done(&page);
    return says;
}

static bool disk_full(struct spine *s)
{
    struct journal_stats stats;

    journal_stats(spine_journal(s), &stats);
    return stats.disk_full;
}

static void a_disk_that_fills_refuses_and_goes_on_when_there_is_space(void)
{
    struct spine_stats before, after;
    struct err e = { 0 };
    struct spine *s;
    int64_t n;

    if (!OK(small_file_system("size=4m")) || !OK((s = open_spine(1 << 20)) != NULL))
        return;
    spine_stats(s, &before);
    while (!commit(s, 50000, &e) && minute < 1000)
        ;
    n = minute;
    OK(n > 10 && e.code == ERR_IO && e.sys == ENOSPC && disk_full(s));
    OK(page_says(s, "Nothing new can be stored: journal: write of"));
    OK(commit(s, 50000, &e) && total(s) == n); /* refused again, and what was acknowledged is served */
    spine_close(s);
    /* The end of it needed the reserve: a snapshot stands there all the same. */
    s = open_spine(1 << 20);
    spine_stats(s, &after);
    printf("# %lld frames, reserve %llu then %llu, %llu frames replayed\n", (long long)n,
           (unsigned long long)before.reserve_bytes, (unsigned long long)after.reserve_bytes,
           (unsigned long long)after.folded_frames);
    OK(before.reserve_bytes == 1 << 20 && total(s) == n && after.folded_frames == 0);
    ballast_file(true);
    OK(commit(s, 50000, &e) != ERR_OK && total(s) == n);
    ballast_file(false);
    OK(!commit(s, 1000, &e) || !small_file_system("size=4m"));
    OK(total(s) == n + 1 && !disk_full(s) && !page_says(s, "Nothing new can be stored"));
    spine_close(s);
}

static void a_disk_that_is_full_before_the_start_is_served_from(void)
{
    struct err e = { 0 };
    struct spine *s;
    int64_t n;

    if (!OK(small_file_system("size=4m")) || !OK((s = open_spine(0)) != NULL))
        return;
    for (int i = 0; i < 5; i++)
        OK(!commit(s, 1000, &e));
    n = minute;
    spine_close(s);
    ballast_file(true);
    s = open_spine(1 << 20);
    if (!OK(s && total(s) == n))
        return;
    OK(commit(s, 100000, &e) == ERR_IO && e.sys == ENOSPC && disk_full(s) && total(s) == n);
    ballast_file(false);
    OK(!commit(s, 100000, &e) && total(s) == n + 1 && !disk_full(s));
    spine_close(s);
}

static void without_inodes_the_segment_grows_on(void)
{
    struct err e = { 0 };
    struct spine *s;
    char path[128];

    if (!OK(small_file_system("size=16m,nr_inodes=12")) || !OK((s = open_spine(0)) != NULL))
        return;
    OK(!commit(s, 1000, &e));
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "%s/inode%d", place, i);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    for (int i = 0; i < 10; i++)
        OK(!commit(s, 100000, &e));
    spine_close(s); /* its snapshot finds no inode: a longer replay */
    s = open_spine(0);
    OK(s && total(s) == minute);
    unlink(path);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "%s/inode%d", place, i);
        unlink(path);
    }
    OK(!commit(s, 1000, &e));
    spine_close(s);
}

static void a_file_size_limit_is_a_full_disk(void)
{
    struct rlimit before, small = { .rlim_cur = 300000 };
    struct err e = { 0 };
    struct spine *s;
    int64_t n;

    if (!OK(small_file_system("size=16m")) || !OK((s = open_spine(0)) != NULL))
        return;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    while (!commit(s, 50000, &e) && minute < 100)
        ;
    n = minute;
    OK(n > 2 && n < 100 && e.sys == EFBIG && disk_full(s) && total(s) == n);
    setrlimit(RLIMIT_FSIZE, &before);
    OK(!commit(s, 50000, &e) && total(s) == n + 1 && !disk_full(s));
    spine_close(s);
}

static void a_file_system_that_turns_read_only_refuses_until_it_is_writable(void)
{
    struct journal_stats stats;
    struct err e = { 0 };
    struct spine *s;
    int64_t n;

    if (!OK(small_file_system("size=16m")) || !OK((s = open_spine(0)) != NULL))
        return;
    OK(!commit(s, 1000, &e));
    n = minute;
    spine_close(s);
    OK(mount("none", place, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=16m") == 0);
    errno = 0;
    s = open_spine(0);
    OK(!s); /* nobody could be kept off it: said at the start, not found later */
    OK(mount("none", place, "tmpfs", MS_REMOUNT, "size=16m") == 0);
    s = open_spine(0);
    OK(s && total(s) == n && !commit(s, 1000, &e));
    journal_stats(spine_journal(s), &stats);
    OK(stats.trouble[0] == '\0');
    spine_close(s);
}

static void a_directory_that_is_removed_is_told_and_nothing_crashes(void)
{
    struct journal_stats stats;
    struct err e = { 0 };
    struct spine *s;
    char command[160];

    if (!OK(small_file_system("size=16m")) || !OK((s = open_spine(0)) != NULL))
        return;
    OK(!commit(s, 1000, &e));
    snprintf(command, sizeof command, "rm -rf %s", data);
    OK(system(command) == 0);
    (void)commit(s, 1000, &e); /* the open file takes it; a new one could not be made */
    journal_stats(spine_journal(s), &stats);
    OK(total(s) >= 1);
    spine_close(s);
}

/* Names and contents of all files under a directory. */
static uint64_t fingerprint(const char *dir)
{
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort);
    uint64_t h = 0;

    for (int i = 0; i < n; i++) {
        char path[512];
        struct stat st;
        struct buf b;

        snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        h = hash_part(h, sv_of(list[i]->d_name));
        if (list[i]->d_name[0] != '.' && !stat(path, &st)) {
            buf_init(&b, 64 << 20);
            if (S_ISDIR(st.st_mode))
                h = hash_u64(h, fingerprint(path));
            else if (!buf_read_file(&b, path, 64 << 20, NULL))
                h = hash_part(h, buf_sv(&b));
            buf_done(&b);
        }
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return h;
}

/* As a later version would write it: the places and the checksum's rule are promised. */
static void make_snapshot_newer(void)
{
    enum { NEWER = 100 };
    char path[160];
    struct buf b;
    int fd;
    uint64_t sum;

    snprintf(path, sizeof path, "%s/ledger.snapshot", data);
    buf_init(&b, 1 << 20);
    OK(!buf_read_file(&b, path, 1 << 20, NULL));
    b.at[8] = NEWER;
    sum = hash_part(NEWER, sv_make(b.at + 32, b.len - 32));
    for (unsigned i = 0; i < 8; i++)
        b.at[24 + i] = (char)(sum >> (8 * i));
    fd = open(path, O_WRONLY);
    OK(fd >= 0 && write(fd, b.at, b.len) == (ssize_t)b.len);
    close(fd);
    buf_done(&b);
}

static void a_newer_snapshot_leaves_the_journal_untouched(void)
{
    const struct spine_options o = { .dir = data, .reserve_bytes = 1 << 20 };
    struct err e = { 0 };
    struct spine *s;
    uint64_t before;
    char path[192];
    int fd;

    if (!OK(small_file_system("size=16m")) || !OK((s = open_spine(1 << 20)) != NULL))
        return;
    OK(!commit(s, 1000, &e));
    spine_close(s);
    make_snapshot_newer();
    snprintf(path, sizeof path, "%s/journal/00000-00000000000000000001.journal", data);
    fd = open(path, O_WRONLY | O_APPEND);
    OK(fd >= 0 && write(fd, "torn", 4) == 4); /* which opening the journal would cut */
    close(fd);
    before = fingerprint(data);
    OK(!spine_start(&o, &e) && e.code == ERR_CONFIG && sv_has(sv_of(e.text), SV("newer")));
    OK(fingerprint(data) == before);
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!getenv("IN_NAMESPACE")) {
        setenv("IN_NAMESPACE", "1", 1);
        if (system("unshare -Urm true 2>/dev/null") == 0)
            execlp("unshare", "unshare", "-Urm", argv[0], (char *)NULL);
        printf("1..0 # skip no namespace of our own is allowed here\n");
        return 0;
    }
    snprintf(place, sizeof place, "/tmp/trefoil-storage-XXXXXX");
    if (!mkdtemp(place))
        return 1;
    snprintf(data, sizeof data, "%s/data", place);
    arena_init(&arena, 64 << 20);
    RUN(a_disk_that_fills_refuses_and_goes_on_when_there_is_space);
    RUN(a_disk_that_is_full_before_the_start_is_served_from);
    RUN(without_inodes_the_segment_grows_on);
    RUN(a_file_size_limit_is_a_full_disk);
    RUN(a_file_system_that_turns_read_only_refuses_until_it_is_writable);
    RUN(a_directory_that_is_removed_is_told_and_nothing_crashes);
    RUN(a_newer_snapshot_leaves_the_journal_untouched);
    umount2(place, MNT_DETACH);
    rmdir(place);
    arena_done(&arena);
    return tap_done();
}
