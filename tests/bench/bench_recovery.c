/*
 * Starting with a backlog: how long until the journal is open, and until all of it is folded, in seconds for a GiB on disk;
 * the same with a snapshot behind it. The limit of the same run is reading those files once and summing their bytes.
 *
 * MIB=N sets how large the backlog is (default 256).
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/core/spine.h"
#include "collector/model/codec.h"

#include "tests/bench/bench.h"
#include "tests/collector/ledger/log_fixture.h"

enum { ROWS = 2000, FRAMES_MAX = 1000000 };

static char dir[128], journal_dir[160];

/* Rows of a log as they come: ids that do not repeat, names that do. */
static void append_rows(struct journal *j, int number, struct buf *bytes)
{
    struct arena a;
    struct frame *f;
    struct batch *b;

    arena_init(&a, 64 << 20);
    f = fixture_log_frame(&a, number, number + 1, 0);
    if (number == 0)
        fixture_mapping(f, 0);
    b = fixture_batch(f);
    for (int i = 0; i < ROWS; i++) {
        unsigned noise = (unsigned)(number * ROWS + i) * 2654435761U;
        struct call *c = fixture_call(b, SV("RequestResponse"), arena_printf(&a, "%08x-%08x", noise, noise * 40503U),
                                      arena_printf(&a, "deployment-%u", noise % 40), T0 + number * NANO_PER_MIN, noise);

        c->duration_nano = noise % 4000000000U;
        c->input_tokens = noise % 5000;
        c->output_tokens = noise % 700;
        c->request_id = arena_printf(&a, "%08x%08x", noise, noise ^ 0x5bd1e995U);
    }
    f->tally.received = f->tally.stored = ROWS;
    buf_clear(bytes);
    if (frame_encode(f, bytes, NULL) || journal_append(j, SV("az"), buf_sv(bytes), NULL, NULL))
        exit(1);
    arena_done(&a);
}

/* Bytes on disk. */
static double make_backlog(double want)
{
    struct journal *j = journal_open(&(struct journal_options){ .dir = journal_dir }, NULL, NULL);
    struct journal_stats s = { 0 };
    struct buf bytes;

    buf_init(&bytes, JOURNAL_FRAME_MAX);
    for (int i = 0; j && i < FRAMES_MAX && (double)s.bytes < want; i++) {
        append_rows(j, i, &bytes);
        journal_stats(j, &s);
    }
    printf("backlog: %.0f MiB on disk, %llu frames, %llu rows\n", (double)s.bytes / (1 << 20),
           (unsigned long long)s.appended_frames, (unsigned long long)s.appended_frames * ROWS);
    buf_done(&bytes);
    journal_close(j);
    return (double)s.bytes;
}

static void for_each_file(const char *in, void (*what)(int dir_fd, const char *name, void *ctx), void *ctx)
{
    DIR *d = opendir(in);
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        if (entry->d_name[0] != '.')
            what(dirfd(d), entry->d_name, ctx);
    if (d)
        closedir(d);
}

static void read_file(int dir_fd, const char *name, void *sum)
{
    static char block[1 << 20];
    int fd = openat(dir_fd, name, O_RDONLY);
    ssize_t n;

    while ((n = read(fd, block, sizeof block)) > 0)
        *(uint64_t *)sum += hash64(sv_make(block, (size_t)n));
    close(fd);
}

static double read_all(void)
{
    uint64_t sum = 0;
    double start = bench_now();

    for_each_file(journal_dir, read_file, &sum);
    return bench_now() - start + (sum == 1);
}

static double start_and_end(double *open_s)
{
    struct spine_options o = { .dir = dir };
    double start = bench_now(), ready;
    struct journal *j = journal_open(&(struct journal_options){ .dir = journal_dir, .read_only = true }, NULL, NULL);
    struct spine *s;

    *open_s = bench_now() - start;
    journal_close(j);
    start = bench_now();
    s = spine_open(&o, NULL);
    ready = bench_now() - start;
    if (!s)
        exit(1);
    spine_close(s); /* writes a snapshot */
    return ready;
}

static void print(const char *what, double s, double gib, double limit)
{
    printf("%-34s %8.3f s, %7.2f s a GiB, %6.2f x reading the files\n", what, s, s / gib, s / limit);
}

static void remove_file(int dir_fd, const char *name, void *ctx)
{
    (void)ctx;
    unlinkat(dir_fd, name, 0);
}

int main(void)
{
    const char *tmp = getenv("TMPDIR"), *mib = getenv("MIB");
    double bytes, gib, limit, opened, again, replay, resumed;

    log_set(LOG_LEVEL_ERROR, false);
    snprintf(dir, sizeof dir, "%.80s/bench-recovery-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    snprintf(journal_dir, sizeof journal_dir, "%s/journal", dir);
    bytes = make_backlog((mib ? strtod(mib, NULL) : 256) * (1 << 20));
    gib = bytes / (1 << 30);
    limit = read_all();
    replay = start_and_end(&opened);
    resumed = start_and_end(&again);
    print("reading the files once", limit, gib, limit);
    print("journal open", opened, gib, limit);
    print("all folded, without a snapshot", replay, gib, limit);
    print("all folded, from the snapshot", resumed, gib, limit);
    for_each_file(journal_dir, remove_file, NULL);
    rmdir(journal_dir);
    for_each_file(dir, remove_file, NULL);
    rmdir(dir);
    return 0;
}
