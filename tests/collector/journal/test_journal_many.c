/*
 * Many files: one missing anywhere, a third of them damaged, gigabytes at the start; and a commit of several frames of
 * which a power cut took any block; a sync that takes its time.
 */
#include <inttypes.h>
#include <pthread.h>

#include "collector/base/clock.h"

#include "tests/collector/journal/fake_disk.h"

enum { SEGMENTS = 60, EACH = 3, APPENDERS = 16, APPENDS = 8, SYNC_MS = 20 };

static const struct journal_options small = { .segment_bytes = 600 };
static uint64_t seed;

/* About EACH frames in each of at least `least` segments; how many frames. */
static uint64_t make_segments(size_t least)
{
    struct journal *j;
    char path[512];
    uint64_t n = 0;

    test_fresh_dir();
    test_use_quick_disk();
    j = test_open(small, NULL);
    while (test_segments(0, path) < least)
        if (!test_append(j, ++n, 200, NULL))
            exit(97);
    journal_close(j);
    return n;
}

struct seen {
    uint64_t good, corrupt, missing;
    bool ended;
};

static struct seen read_all(struct journal *j)
{
    struct journal_reader *r = journal_reader_open(j, NULL, SV_NONE, NULL);
    struct seen s = { 0 };
    struct journal_stats stats;
    struct journal_frame f;
    bool got = true;

    for (unsigned i = 0; r && i < 10000 && got && !journal_read(r, 0, &f, &got, NULL); i++) {
        s.good += got && !f.corrupt;
        s.corrupt += got && f.corrupt;
    }
    journal_stats(j, &stats);
    s.missing = stats.missing_frames;
    s.ended = !got;
    journal_reader_close(r);
    return s;
}

static void a_segment_that_is_missing_anywhere_is_told_and_passed(void)
{
    size_t segments = 8, wrong = 0;

    for (size_t i = 0; i < segments; i++) {
        uint64_t n = make_segments(segments);
        char path[512];
        struct journal *j;
        struct seen s;
        struct err e = { 0 };

        OK(test_segments(i, path) == segments && unlink(path) == 0);
        j = test_open(small, NULL);
        s = read_all(j);
        if (!s.ended || s.corrupt || s.good < n - EACH || s.good == n)
            wrong++;
        if (i > 0 && i + 1 < segments && s.good + s.missing != n) /* at an end nobody can know of more */
            wrong++;
        OK(test_append(j, 1, 20, &e));
        journal_close(j);
    }
    OK(wrong == 0);
}

static void zero_file(const char *path, off_t from, off_t n)
{
    static const char zeros[SEGMENT_HEADER];
    int fd = open(path, O_WRONLY);

    if (fd < 0 || pwrite(fd, zeros, (size_t)n, from) != n)
        exit(96);
    close(fd);
}

/* A header, a flipped byte in a frame, a file that is cut off in its header: in turn. */
static void damage(size_t i)
{
    char path[512], byte;
    int fd;

    test_segments(i, path);
    fd = open(path, O_RDWR);
    if (fd < 0)
        exit(95);
    if (i % 9 == 0)
        zero_file(path, 0, SEGMENT_HEADER);
    else if (i % 9 == 3 && pread(fd, &byte, 1, SEGMENT_HEADER + FRAME_HEADER + 20) == 1) {
        byte = (char)(byte ^ 4);
        if (pwrite(fd, &byte, 1, SEGMENT_HEADER + FRAME_HEADER + 20) != 1)
            exit(94);
    } else if (i % 9 == 6 && ftruncate(fd, 10))
        exit(93);
    close(fd);
}

static void a_third_damaged_is_opened_at_once_and_the_rest_served(void)
{
    uint64_t n = make_segments(SEGMENTS), damaged = 0, opened;
    struct journal *j;
    struct seen s;

    for (size_t i = 0; i + 1 < SEGMENTS; i += 3, damaged++)
        damage(i);
    fake_disk_new(seed);
    fake.kinds = FAKE_READ;
    j = test_open(small, NULL);
    opened = fake.calls;
    s = read_all(j);
    printf("# %" PRIu64 " frames in %d segments, %" PRIu64 " damaged: %" PRIu64 " reads to open, %" PRIu64
           " frames served, %" PRIu64 " pieces set aside\n",
           n, SEGMENTS, damaged, opened, s.good, s.corrupt);
    OK(damaged * 10 >= SEGMENTS * 3 && opened <= SEGMENTS + SEGMENTS / 3 + 5);
    OK(s.ended && s.corrupt > 0 && s.good >= n - damaged * EACH && s.good < n);
    OK(test_append(j, 1, 20, NULL));
    journal_close(j);
    test_use_quick_disk();
}

/* Sparse: what stands behind the headers is zeros, which nobody may look at to open. */
static void gigabytes_are_opened_with_a_read_for_each_file(void)
{
    const uint64_t each = UINT64_C(64) << 20;
    struct journal_stats s;
    struct journal *j;
    int64_t start;
    char name[SEGMENT_NAME_MAX], path[512], head[SEGMENT_HEADER];

    make_segments(1);
    for (uint64_t i = 0; i < 160; i++) {
        struct segment_head h = { .version = SEGMENT_VERSION, .base = 1000 + i * 1000, .id = i + 1 };

        segment_head_write(head, &h);
        segment_name(name, 0, h.base);
        snprintf(path, sizeof path, "%s/%s", test_dir, name);
        test_write_file(path, head, sizeof head);
        if (i < 159 && truncate(path, (off_t)each))
            exit(92);
    }
    fake_disk_new(seed);
    fake.kinds = FAKE_READ;
    start = clock_mono();
    j = test_open((struct journal_options){ .max_bytes = UINT64_C(1) << 40 }, NULL);
    journal_stats(j, &s);
    printf("# %" PRIu64 " MiB in %" PRIu64 " segments opened with %" PRIu64 " reads in %.1f ms\n", s.bytes >> 20,
           s.segments, fake.calls, (double)(clock_mono() - start) / 1e6);
    OK(s.bytes > UINT64_C(9) << 30 && fake.calls <= s.segments + 3);
    OK(test_append(j, 1, 20, NULL) && journal_durable(j).sequence == 160000);
    journal_close(j);
    test_use_quick_disk();
}

/* Behind frames 1 to 3, a commit of frames 4 to 6 as one write. Its place in the file. */
static off_t add_commit(const char *path, uint64_t id, uint64_t first, int64_t written, char *payload, uint32_t size)
{
    int fd = open(path, O_WRONLY | O_APPEND);
    off_t at = lseek(fd, 0, SEEK_END);

    for (uint64_t i = 0; i < 3; i++) {
        struct frame_head h = { .sequence = first + i, .written_unix_nano = written, .stored = size, .length = size };
        char head[FRAME_HEADER];

        memset(payload, (int)('a' + first + i), size);
        h.checksum = frame_checksum(sv_make(payload, size), id);
        frame_head_write(head, &h, id);
        if (write(fd, head, sizeof head) != (ssize_t)sizeof head || write(fd, payload, size) != (ssize_t)size)
            exit(91);
    }
    close(fd);
    return at;
}

static void a_commit_is_cut_off_where_a_power_cut_took_a_block(void)
{
    enum { SIZE = 900, BLOCK = 512 };
    static char payload[SIZE];
    unsigned runs = 0, wrong = 0;

    for (int followed = 0; followed < 2; followed++)
        for (off_t block = 0; block * BLOCK < SEGMENT_HEADER + 3000 + 3 * (SIZE + FRAME_HEADER); block++) {
            struct journal *j;
            struct segment_head h;
            struct stat st;
            struct seen s;
            char path[512], head[SEGMENT_HEADER];
            off_t at, from = block * BLOCK, to = from + BLOCK;
            int fd;

            test_fresh_dir();
            j = test_open((struct journal_options){ 0 }, NULL);
            for (uint64_t n = 1; n <= 3; n++)
                if (!test_append(j, n, 200, NULL))
                    exit(90);
            journal_close(j);
            test_segments(0, path);
            fd = open(path, O_RDONLY);
            if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
                segment_head_read(sv_make(head, sizeof head), &h) != SEGMENT_GOOD)
                exit(89);
            close(fd);
            at = add_commit(path, h.id, 4, 1000, payload, SIZE);
            if (followed)
                add_commit(path, h.id, 7, 2000, payload, SIZE);
            if (to <= at || from >= at + 3 * (SIZE + FRAME_HEADER) || stat(path, &st))
                continue;
            from = from < at ? at : from;
            to = to < at + 3 * (SIZE + FRAME_HEADER) ? to : at + 3 * (SIZE + FRAME_HEADER);
            for (off_t i = from; i < to; i += SEGMENT_HEADER)
                zero_file(path, i, to - i < SEGMENT_HEADER ? to - i : SEGMENT_HEADER);
            j = test_open((struct journal_options){ 0 }, NULL);
            s = read_all(j);
            runs++;
            /* Never acknowledged: gone without a word. With another commit behind it, it was: told. */
            if (followed ? s.corrupt == 0 || s.good < 6 : s.corrupt != 0 || s.good < 3 || s.good > 5) {
                printf("# block %d, followed %d: %" PRIu64 " good, %" PRIu64 " corrupt\n", (int)block, followed, s.good,
                       s.corrupt);
                wrong++;
            }
            journal_close(j);
        }
    printf("# %u blocks taken\n", runs);
    OK(runs > 10 && wrong == 0);
}

static int slow_sync(int fd)
{
    nanosleep(&(struct timespec){ .tv_nsec = SYNC_MS * 1000000L }, NULL); /* the disk's own time, nobody's luck */
    return disk_system.fdatasync(fd);
}

static struct journal *slow_journal;

static void *append_some(void *arg)
{
    bool *good = arg;

    *good = true;
    for (uint64_t n = 1; n <= APPENDS; n++)
        *good = test_append(slow_journal, n, 100, NULL) && *good;
    return NULL;
}

static void a_slow_sync_is_shared_by_all_who_wait(void)
{
    struct disk slow = disk_system;
    pthread_t threads[APPENDERS];
    bool good[APPENDERS], all = true;
    struct journal_stats s;

    test_fresh_dir();
    slow.fdatasync = slow_sync;
    disk_set(&slow);
    slow_journal = test_open((struct journal_options){ 0 }, NULL);
    for (unsigned i = 0; i < APPENDERS; i++)
        pthread_create(&threads[i], NULL, append_some, &good[i]);
    for (unsigned i = 0; i < APPENDERS; i++) {
        pthread_join(threads[i], NULL);
        all = all && good[i];
    }
    journal_stats(slow_journal, &s);
    printf("# %" PRIu64 " frames of %d threads in %" PRIu64 " syncs of %d ms\n", s.appended_frames, APPENDERS, s.syncs,
           SYNC_MS);
    /* One at a time would be one sync for each frame; two groups take turns, at worst. */
    OK(all && s.appended_frames == APPENDERS * APPENDS && s.syncs <= 4 * APPENDS);
    journal_close(slow_journal);
    test_use_quick_disk();
}

int main(void)
{
    seed = test_seed();
    test_use_quick_disk();
    RUN(a_segment_that_is_missing_anywhere_is_told_and_passed);
    RUN(a_third_damaged_is_opened_at_once_and_the_rest_served);
    RUN(gigabytes_are_opened_with_a_read_for_each_file);
    RUN(a_commit_is_cut_off_where_a_power_cut_took_a_block);
    RUN(a_slow_sync_is_shared_by_all_who_wait);
    return tap_done();
}
