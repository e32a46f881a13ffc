/*
 * Power loss. A life of journal and snapshots on a disk in memory: segments roll, three snapshots are written, segments
 * are deleted, a sync fails. Before each call that changes the disk, and after each acknowledgement, all disks that a
 * power cut could leave are built (or, where there are too many, as many drawn by lot) and started from: what was
 * acknowledged is there, counted once, and nothing else but what was under way; no cursor is ahead of the data; nothing
 * is damaged; and it goes on.
 *
 * That the test can see: with a disk that only pretends to sync directories, or files, it must find a loss.
 */
#include <stdio.h>
#include <stdlib.h>

#include "collector/base/log.h"
#include "collector/journal/journal.h"
#include "collector/model/codec.h"

#include "tests/collector/ledger/log_fixture.h"
#include "tests/power/memory_disk.h"
#include "tests/tap.h"

enum { FRAMES = 44, POINTS_MAX = 2000, SEEN_BITS = 18 };

static const struct journal_options options = { .dir = "/mem/journal", .segment_bytes = 1500, .max_bytes = 6500 };

/* A moment at which the power may go. */
struct point {
    struct mem_disk *disk;
    uint64_t acknowledged;
};

static struct arena arena;
static struct point points[POINTS_MAX];
static size_t n_points;
static _Atomic uint64_t acknowledged;
static uint64_t seed, seen[1 << SEEN_BITS];

static struct numbers {
    uint64_t all, sampled, unique, images, lost;
} numbers;

/* ---- the life ---- */

static void note_point(void)
{
    if (n_points == POINTS_MAX)
        abort();
    points[n_points++] = (struct point){ mem_disk_copy(mem.disk), acknowledged };
}

/* Frame n adds n to one counter, so that each set of frames has a sum of its own as far as this test goes. */
static void make_frame(uint64_t n, struct buf *out)
{
    int64_t start = T0 + (int64_t)n * NANO_PER_MIN;
    struct frame *f = fixture_frame(&arena, start, start + NANO_PER_MIN);

    if (n == 1) {
        fixture_mapping(f, 0);
        fixture_epoch(f, EPOCH_COUNT_FROM, 0, SV("az"), arena_printf(&arena, "%lld", (long long)T0));
    }
    fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), start, (double)n);
    buf_clear(out);
    if (frame_encode(f, out, NULL))
        abort();
}

static bool fold_all(struct ledger *l, struct journal_reader *r)
{
    struct journal_frame in;
    bool got = true, good = true;

    while (good && !journal_read(r, 0, &in, &got, NULL) && got) {
        struct frame *f;

        good = !in.corrupt && !frame_decode(in.payload, &arena, &f, NULL);
        if (good)
            ledger_fold(l, f);
        arena_reset(&arena);
    }
    return good && !got;
}

struct life {
    struct journal *journal;
    struct ledger *ledger;
    struct journal_reader *reader;
    struct buf older;
};

/* As the spine does it. */
static bool begin(struct life *x)
{
    bool found;
    struct buf previous;
    struct err e = { 0 };

    *x = (struct life){ 0 };
    buf_init(&x->older, JOURNAL_CURSOR_MAX);
    if (disk_make_dir("/mem") || ledger_snapshot_check("/mem", &e))
        return false;
    x->journal = journal_open(&options, NULL, &e);
    x->ledger = ledger_new(NULL);
    if (!x->journal || !x->ledger || ledger_snapshot_read(x->ledger, "/mem", &x->older, &found, &e))
        return false;
    buf_init(&previous, JOURNAL_CURSOR_MAX);
    ledger_snapshot_older("/mem", &previous);
    journal_release(x->journal, "ledger", buf_sv(&previous));
    buf_done(&previous);
    x->reader = journal_reader_open(x->journal, NULL, buf_sv(&x->older), &e);
    return x->reader != NULL;
}

static void end(struct life *x)
{
    journal_reader_close(x->reader);
    journal_close(x->journal);
    ledger_free(x->ledger);
    buf_done(&x->older);
}

static bool take_snapshot(struct life *x)
{
    char cursor[JOURNAL_CURSOR_MAX];
    sv at = sv_make(cursor, journal_reader_cursor(x->reader, cursor));

    if (ledger_snapshot_write(x->ledger, "/mem", at, NULL))
        return false;
    journal_release(x->journal, "ledger", buf_sv(&x->older));
    buf_clear(&x->older);
    buf_put(&x->older, at);
    return true;
}

static bool append(struct life *x, uint64_t n)
{
    struct journal_position at;
    struct buf bytes;
    bool good;

    buf_init(&bytes, 1 << 20);
    make_frame(n, &bytes);
    good = !journal_append(x->journal, SV("k"), buf_sv(&bytes), &at, NULL) && at.sequence == n;
    buf_done(&bytes);
    arena_reset(&arena);
    return good;
}

static void live(void)
{
    struct journal_stats s;
    struct life x;

    mem.disk = mem_disk_new();
    mem.on_change = note_point;
    acknowledged = 0;
    clock_set_manual(T0);
    if (!OK(begin(&x)))
        exit(1);
    clock_advance(2 * NANO_PER_MIN); /* from here on segments may be deleted */
    for (uint64_t n = 1; n <= FRAMES; n++) {
        clock_advance(NANO_PER_S);
        if (n == 15)
            mem.fail_syncs = 1;
        if (!append(&x, n))
            exit(1);
        acknowledged = n;
        if (!fold_all(x.ledger, x.reader))
            exit(1);
        if (n % 5 == 0 && !take_snapshot(&x))
            exit(1);
    }
    journal_stats(x.journal, &s);
    printf("# the life: %llu segments, %llu deleted, %llu syncs failed, %zu moments\n", (unsigned long long)s.segments,
           (unsigned long long)s.deleted_segments, (unsigned long long)s.sync_failures, n_points);
    OK(s.deleted_segments >= 3 && s.sync_failures == 1 && s.segments > 1);
    end(&x);
    pthread_mutex_lock(&mem.lock);
    note_point();
    pthread_mutex_unlock(&mem.lock);
    mem.on_change = NULL;
}

/* ---- the start after it ---- */

static uint64_t sequence_of(sv cursor)
{
    uint64_t v = 0;

    for (unsigned i = 8; i-- > 0 && cursor.len > 16;)
        v = v << 8 | (unsigned char)cursor.at[8 + i];
    return v;
}

static int64_t sum_to(uint64_t n)
{
    return (int64_t)(n * (n + 1) / 2);
}

/* What stands there is frames 1 to *n, at least `least` and at most `most` of them; then one more is appended. */
static const char *judge(struct life *x, uint64_t least, uint64_t most, uint64_t *n)
{
    struct series_view v;
    struct journal_stats s;

    *n = journal_durable(x->journal).sequence;
    if (*n < least || *n > most)
        return "acknowledged frames are not there";
    if (sequence_of(buf_sv(&x->older)) > *n + 1)
        return "the snapshot is ahead of the data";
    if (!fold_all(x->ledger, x->reader))
        return "a frame is damaged";
    journal_stats(x->journal, &s);
    if (s.missing_frames)
        return "frames are missing";
    if (*n > 0 && (!fixture_find(x->ledger, "genai_requests_total", LABEL_CODE, "200", &v) || v.value[0] != sum_to(*n)))
        return "the counter is wrong";
    return append(x, *n + 1) && fold_all(x->ledger, x->reader) && take_snapshot(x) ? NULL : "it does not go on";
}

/* Starts from the image, and once more from what that start has made of it. */
static const char *start_from(struct mem_disk *image, uint64_t acked)
{
    uint64_t least = acked, most = acked + 1, n = 0;
    const char *wrong = NULL;

    mem.disk = image;
    clock_set_manual(T0 + NANO_PER_H);
    for (int again = 0; again < 2 && !wrong; again++) {
        struct life x;

        wrong = begin(&x) ? judge(&x, least, most, &n) : "it does not start";
        end(&x);
        least = most = n + 1;
    }
    return wrong;
}

static bool is_new(uint64_t hash)
{
    for (uint64_t i = hash; numbers.unique < (1 << SEEN_BITS) - 1000; i++) {
        uint64_t *slot = &seen[i & ((1 << SEEN_BITS) - 1)];

        if (*slot == hash)
            return false;
        if (*slot == 0) {
            *slot = hash;
            return true;
        }
    }
    return true;
}

static void try_image(const struct point *p, struct mem_choice *c, const char *name)
{
    struct mem_disk *image = memory_image(p->disk, c);
    uint64_t hash = hash_u64(memory_hash(image, 0), p->acknowledged) | 1;

    numbers.images++;
    if (is_new(hash)) {
        const char *wrong = start_from(image, p->acknowledged);

        numbers.unique++;
        if (wrong && numbers.lost++ == 0)
            printf("# %s: moment %zu, %llu acknowledged: %s\n", name, (size_t)(p - points),
                   (unsigned long long)p->acknowledged, wrong);
    }
    mem_disk_free(image);
}

/* All images of one moment, or `most` drawn by lot when there are more. */
static void cut_at(const struct point *p, uint64_t most, const char *name)
{
    struct mem_choice count = { 0 }, c = { 0 };
    uint64_t n = 0;

    do
        mem_disk_free(memory_image(p->disk, &count));
    while (++n <= most && memory_next(&count));
    if (n <= most) {
        numbers.all++;
        do
            try_image(p, &c, name);
        while (memory_next(&c));
        return;
    }
    numbers.sampled++;
    c.random = seed ^ (uint64_t)(p - points) * UINT64_C(0x9e3779b97f4a7c15);
    c.random |= 1;
    for (n = 0; n < most; n++)
        try_image(p, &c, name);
}

static void live_and_cut(const char *name, uint64_t most)
{
    memset(seen, 0, sizeof seen);
    numbers = (struct numbers){ 0 };
    n_points = 0;
    live();
    mem_disk_free(mem.disk);
    for (size_t i = 0; i < n_points; i++) {
        cut_at(&points[i], most, name);
        mem_disk_free(points[i].disk);
    }
    printf("# %s: %zu moments: all images of %llu, %llu images drawn of each of %llu; %llu images, %llu different, "
           "%llu with a loss\n",
           name, n_points, (unsigned long long)numbers.all, (unsigned long long)most,
           (unsigned long long)numbers.sampled, (unsigned long long)numbers.images, (unsigned long long)numbers.unique,
           (unsigned long long)numbers.lost);
}

static void no_power_cut_loses_what_was_acknowledged(void)
{
    live_and_cut("honest disk", 1500);
    OK(numbers.lost == 0);
    OK(numbers.all > 100 && numbers.images > 2000);
}

static void without_syncs_of_directories_a_loss_is_found(void)
{
    mem.pretends_dir_sync = true;
    live_and_cut("directories never synced", 10);
    mem.pretends_dir_sync = false;
    OK(numbers.lost > 0);
}

static void without_syncs_of_files_a_loss_is_found(void)
{
    mem.pretends_sync = true;
    live_and_cut("files never synced", 10);
    mem.pretends_sync = false;
    OK(numbers.lost > 0);
}

int main(void)
{
    const char *given = getenv("SEED");

    seed = given ? strtoull(given, NULL, 0) : (uint64_t)clock_now();
    printf("# SEED=%llu\n", (unsigned long long)seed);
    log_set(LOG_LEVEL_ERROR, false);
    arena_init(&arena, 16 << 20);
    disk_set(&memory_disk);
    RUN(no_power_cut_loses_what_was_acknowledged);
    RUN(without_syncs_of_directories_a_loss_is_found);
    RUN(without_syncs_of_files_a_loss_is_found);
    disk_set(NULL);
    clock_set_system();
    arena_done(&arena);
    return tap_done();
}
