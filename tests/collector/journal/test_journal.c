/* The journal seen by those who use it: what was appended comes back, in order, after reopening too. */
#include <inttypes.h>

#include "collector/base/clock.h"

#include "tests/collector/journal/journal_test.h"

enum { SIZES_MAX = 3000 };

static uint64_t seed;

/* Reads all that is there and says whether it is exactly first..last, each whole. */
static bool reads_exactly(struct journal_reader *r, uint64_t first, uint64_t last, const size_t *sizes)
{
    struct journal_frame f;
    struct buf want;
    bool got = true, good = true;
    struct err e = { 0 };

    buf_init(&want, 0);
    for (uint64_t n = first; good && n <= last; n++)
        good = !journal_read(r, 0, &f, &got, &e) && got && !f.corrupt && f.at.sequence == n &&
               sv_eq(f.payload, test_payload(&want, n, sizes ? sizes[n] : 40));
    good = good && !journal_read(r, 0, &f, &got, &e) && !got;
    if (!good)
        printf("# got=%d sequence=%" PRIu64 " error=%s\n", got, f.at.sequence, e.text);
    buf_done(&want);
    return good;
}

static bool holds_exactly(struct journal *j, uint64_t first, uint64_t last, const size_t *sizes)
{
    struct journal_reader *r = journal_reader_open(j, NULL, SV_NONE, NULL);
    bool good = r && reads_exactly(r, first, last, sizes);

    journal_reader_close(r);
    return good;
}

static bool append_range(struct journal *j, uint64_t first, uint64_t last, const size_t *sizes)
{
    bool good = true;
    struct err e = { 0 };

    for (uint64_t n = first; good && n <= last; n++)
        good = test_append(j, n, sizes ? sizes[n] : 40, &e);
    if (!good)
        printf("# append: %s\n", e.text);
    return good;
}

static void what_was_appended_comes_back_after_reopening(void)
{
    size_t sizes[301];
    uint64_t state = seed;
    struct journal_recovery found;
    struct journal *j;

    test_fresh_dir();
    for (size_t i = 0; i < 301; i++)
        sizes[i] = test_random(&state) % 64 == 0 ? JOURNAL_FRAME_MAX : test_random(&state) % SIZES_MAX;
    j = test_open((struct journal_options){ .segment_bytes = 100000 }, &found);
    OK(j && found.segments == 0 && found.frames == 0);
    OK(append_range(j, 1, 150, sizes));
    OK(holds_exactly(j, 1, 150, sizes));
    journal_close(j);

    j = test_open((struct journal_options){ .segment_bytes = 100000 }, &found);
    OK(j && found.segments > 1 && found.torn_bytes == 0 && found.corrupt_frames == 0);
    OK(journal_durable(j).sequence == 150);
    OK(holds_exactly(j, 1, 150, sizes));
    OK(append_range(j, 151, 300, sizes));
    OK(holds_exactly(j, 1, 300, sizes));
    journal_close(j);
}

static void the_largest_frame_fits_and_one_byte_more_does_not(void)
{
    struct journal *j;
    struct journal_frame f;
    struct journal_reader *r;
    char *big = calloc(1, JOURNAL_FRAME_MAX + 1);
    bool got;
    struct err e = { 0 };

    test_fresh_dir();
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(journal_append(j, SV_NONE, sv_make(big, JOURNAL_FRAME_MAX + 1), NULL, &e) == ERR_LIMIT);
    OK(!journal_append(j, SV_NONE, sv_make(big, JOURNAL_FRAME_MAX), NULL, &e));
    OK(!journal_append(j, SV_NONE, SV_NONE, NULL, &e));
    r = journal_reader_open(j, NULL, SV_NONE, &e);
    OK(!journal_read(r, 0, &f, &got, &e) && got && f.payload.len == JOURNAL_FRAME_MAX && f.payload.at[77] == 0);
    OK(!journal_read(r, 0, &f, &got, &e) && got && f.payload.len == 0 && f.at.sequence == 2);
    journal_reader_close(r);
    journal_close(j);
    free(big);
}

static void frames_that_compress_take_less_room(void)
{
    struct journal *j;
    struct journal_stats s;
    struct err e = { 0 };

    test_fresh_dir();
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(test_append(j, 3, 100000, &e)); /* every third payload is all z */
    journal_stats(j, &s);
    OK(s.appended_bytes == 100000 && s.bytes < 2000 && s.appended_frames == 1 && s.syncs == 1);
    journal_close(j);
}

static void a_cursor_goes_on_where_it_was_after_reopening(void)
{
    struct journal_options o = { .segment_bytes = 1000 };
    char cursor[3][JOURNAL_CURSOR_MAX];
    size_t n[3];
    struct journal_frame f;
    bool got;

    test_fresh_dir();
    for (unsigned i = 0; i < 3; i++) {
        struct journal *j = test_open(o, NULL);
        struct journal_reader *r = journal_reader_open(j, "a", i ? sv_make(cursor[i - 1], n[i - 1]) : SV_NONE, NULL);

        OK(append_range(j, 100 * i + 1, 100 * i + 100, NULL));
        for (unsigned k = 0; k < 70; k++)
            if (journal_read(r, 0, &f, &got, NULL) || !got)
                break;
        OK(f.at.sequence == UINT64_C(70) * (i + 1));
        n[i] = journal_reader_cursor(r, cursor[i]);
        journal_reader_close(r);
        journal_close(j);
    }
}

static void a_cursor_that_is_none_means_the_oldest_frame(void)
{
    const char *bad[] = { "x", "garbage that is quite a bit longer than any cursor ever was, and then some", "" };
    struct journal *j;

    test_fresh_dir();
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(append_range(j, 1, 5, NULL));
    for (size_t i = 0; i < 3; i++) {
        struct journal_reader *r = journal_reader_open(j, "a", sv_of(bad[i]), NULL);

        OK(r && reads_exactly(r, 1, 5, NULL));
        journal_reader_close(r);
    }
    journal_close(j);
}

static void a_cursor_of_a_journal_that_was_replaced_means_the_oldest_frame(void)
{
    char cursor[JOURNAL_CURSOR_MAX];
    struct journal_reader *r;
    struct journal *j;
    size_t n;

    test_fresh_dir();
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(append_range(j, 1, 50, NULL));
    r = journal_reader_open(j, NULL, SV_NONE, NULL);
    OK(reads_exactly(r, 1, 50, NULL));
    n = journal_reader_cursor(r, cursor);
    journal_reader_close(r);
    journal_close(j);

    test_fresh_dir();
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(append_range(j, 1, 5, NULL));
    r = journal_reader_open(j, NULL, sv_make(cursor, n), NULL);
    OK(reads_exactly(r, 1, 5, NULL));
    journal_reader_close(r);
    journal_close(j);
}

static void a_cursor_behind_a_cut_goes_on_at_the_cut(void)
{
    char cursor[JOURNAL_CURSOR_MAX], path[512];
    struct journal_recovery found;
    struct journal_reader *r;
    struct journal *j;
    struct stat st;
    size_t n;

    test_fresh_dir();
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(append_range(j, 1, 10, NULL));
    r = journal_reader_open(j, NULL, SV_NONE, NULL);
    OK(reads_exactly(r, 1, 10, NULL));
    n = journal_reader_cursor(r, cursor);
    journal_reader_close(r);
    journal_close(j);

    OK(test_segments(0, path) == 1 && !stat(path, &st) && !truncate(path, st.st_size - 1));
    j = test_open((struct journal_options){ 0 }, &found);
    OK(found.frames == 9 && found.torn_bytes > 0);
    OK(append_range(j, 10, 12, NULL));
    r = journal_reader_open(j, NULL, sv_make(cursor, n), NULL);
    OK(reads_exactly(r, 10, 12, NULL));
    journal_reader_close(r);
    OK(holds_exactly(j, 1, 12, NULL));
    journal_close(j);
}

static void a_missing_segment_is_passed_over(void)
{
    struct journal_options o = { .segment_bytes = 500 };
    struct journal *j;
    struct journal_reader *r;
    struct journal_frame f;
    char path[512];
    bool got = true;
    uint64_t n = 0, last = 0;

    test_fresh_dir();
    j = test_open(o, NULL);
    OK(append_range(j, 1, 40, NULL));
    journal_close(j);
    OK(test_segments(2, path) > 4 && !unlink(path));
    j = test_open(o, NULL);
    r = journal_reader_open(j, NULL, SV_NONE, NULL);
    while (!journal_read(r, 0, &f, &got, NULL) && got && !f.corrupt && f.at.sequence > last) {
        last = f.at.sequence;
        n++;
    }
    OK(!got && last == 40 && n < 40 && n > 30);
    journal_reader_close(r);
    journal_close(j);
}

static void a_second_process_is_told_who_has_it(void)
{
    struct journal_options o = { .dir = test_dir };
    struct journal *j, *second;
    struct err e = { 0 };
    char want[64];

    test_fresh_dir();
    j = test_open(o, NULL);
    second = journal_open(&o, NULL, &e);
    snprintf(want, sizeof want, "another trefoil (pid %ld) uses ", (long)getpid());
    OK(!second && e.code == ERR_CONFIG && sv_starts(sv_of(e.text), sv_of(want)));
    journal_close(j);
    j = test_open(o, NULL); /* the lock file is still there, its owner is not */
    OK(j != NULL);
    journal_close(j);
}

static void a_reader_beside_a_writing_process_sees_what_it_writes(void)
{
    struct journal_options reading = { .read_only = true };
    struct journal *j, *other;
    struct journal_reader *r;
    struct err e = { 0 };
    uint64_t last = 0;

    test_fresh_dir();
    j = test_open((struct journal_options){ .segment_bytes = 500 }, NULL);
    OK(append_range(j, 1, 5, NULL));
    other = test_open(reading, NULL);
    OK(other && journal_append(other, SV_NONE, SV("x"), NULL, &e) == ERR_CONFIG);
    OK(holds_exactly(other, 1, 5, NULL));
    r = journal_reader_open(other, NULL, SV_NONE, NULL);
    OK(reads_exactly(r, 1, 5, NULL));
    OK(append_range(j, 6, 60, NULL));
    for (uint64_t n = 6; n <= 60; n++) {
        struct journal_frame f;
        bool got;

        if (journal_read(r, 5000, &f, &got, NULL) || !got || f.at.sequence != n ||
            test_payload_number(f.payload) != n) {
            break;
        }
        last = n;
    }
    OK(last == 60);
    OK(reads_exactly(r, 61, 60, NULL));
    journal_reader_close(r);
    journal_close(other);
    journal_close(j);
}

static void a_newer_format_is_refused_and_left_alone(void)
{
    struct journal_options o = { .dir = test_dir };
    char path[512], head[SEGMENT_HEADER];
    struct segment_head h = { .version = SEGMENT_VERSION + 1, .base = 1, .id = 7 };
    struct err e = { 0 };
    struct buf before, after;
    char name[SEGMENT_NAME_MAX];

    test_fresh_dir();
    segment_head_write(head, &h);
    segment_name(name, 0, 1);
    snprintf(path, sizeof path, "%s/%s", test_dir, name);
    test_write_file(path, head, sizeof head);
    buf_init(&before, 0);
    buf_init(&after, 0);
    OK(!buf_read_file(&before, path, 1000, NULL));
    OK(!journal_open(&o, NULL, &e) && e.code == ERR_CONFIG && sv_has(sv_of(e.text), SV("format 2")));
    o.read_only = true;
    OK(!journal_open(&o, NULL, &e) && e.code == ERR_CONFIG);
    OK(!buf_read_file(&after, path, 1000, NULL) && sv_eq(buf_sv(&before), buf_sv(&after)));
    OK(test_segments(0, path) == 1);
    buf_done(&before);
    buf_done(&after);
}

/* A file as version 1 wrote it: nine frames, compressed ones among them. It must stay readable for ever. */
static void version_1_stays_readable(void)
{
    static const size_t sizes[] = { 0, 30, 30, 200, 30, 30, 200, 30, 30, 200 };
    char path[512], name[SEGMENT_NAME_MAX];
    struct journal *j;
    struct buf golden;

    test_fresh_dir();
    buf_init(&golden, 0);
    segment_name(name, 0, 1);
    OK(strcmp(name, "00000-00000000000000000001.journal") == 0);
    snprintf(path, sizeof path, "%s/%s", test_dir, name);
    OK(!buf_read_file(&golden, "tests/data/journal/version1.journal", 10000, NULL));
    test_write_file(path, golden.at, golden.len);
    j = test_open((struct journal_options){ .read_only = true }, NULL);
    OK(holds_exactly(j, 1, 9, sizes));
    journal_close(j);
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(append_range(j, 10, 12, NULL));
    journal_close(j);
    buf_done(&golden);
}

static void files_belong_to_their_owner_alone(void)
{
    struct journal *j;
    char path[512];
    struct stat st;
    struct err e = { 0 };

    test_fresh_dir();
    rmdir(test_dir);
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(test_append(j, 1, 10, &e));
    OK(!stat(test_dir, &st) && (st.st_mode & 0777) == 0700);
    OK(test_segments(0, path) == 1 && !stat(path, &st) && (st.st_mode & 0777) == 0600);
    journal_close(j);
}

static void wait_until_deleted(struct journal *j, uint64_t at_least)
{
    struct journal_stats s = { 0 };

    for (int i = 0; i < 2000 && s.deleted_segments < at_least; i++) {
        usleep(1000);
        journal_stats(j, &s);
    }
    OK(s.deleted_segments >= at_least);
}

static void retention_waits_for_the_slowest_reader(void)
{
    struct journal_options o = { .segment_bytes = 1000, .max_bytes = 3000 };
    struct journal *j;
    struct journal_reader *slow, *fast;
    struct journal_frame f;
    struct journal_stats s;
    char cursor[JOURNAL_CURSOR_MAX], path[512];
    bool got;
    size_t n;

    test_fresh_dir();
    clock_set_manual(1000 * NANO_PER_H);
    j = test_open(o, NULL);
    slow = journal_reader_open(j, "slow", SV_NONE, NULL);
    fast = journal_reader_open(j, "fast", SV_NONE, NULL);
    OK(append_range(j, 1, 100, NULL));
    OK(reads_exactly(fast, 1, 100, NULL));
    n = journal_reader_cursor(fast, cursor);
    journal_reader_close(fast);
    OK(append_range(j, 101, 110, NULL));
    clock_advance(2 * NANO_PER_MIN);
    journal_release(j, "fast", sv_make(cursor, n));
    journal_stats(j, &s);
    OK(s.deleted_segments == 0);

    for (unsigned i = 0; i < 50; i++)
        if (journal_read(slow, 0, &f, &got, NULL) || !got)
            break;
    n = journal_reader_cursor(slow, cursor);
    journal_reader_close(slow);
    journal_release(j, "slow", sv_make(cursor, n));
    wait_until_deleted(j, 3);
    slow = journal_reader_open(j, "slow", sv_make(cursor, n), NULL);
    OK(reads_exactly(slow, 51, 110, NULL));
    journal_reader_close(slow);
    OK(test_segments(0, path) == (journal_stats(j, &s), s.segments));

    journal_forget(j, "slow");
    for (int i = 0; i < 2000 && s.bytes > 3000; i++) {
        usleep(1000);
        journal_stats(j, &s);
    }
    OK(s.bytes <= 3000 && s.segments >= 1);
    journal_close(j);
    clock_set_system();
}

static void retention_by_age_deletes_what_everybody_has_passed(void)
{
    struct journal_options o = { .segment_bytes = 1000, .retention_ms = 3600000 };
    struct journal *j;
    struct journal_stats s;

    test_fresh_dir();
    clock_set_manual(1000 * NANO_PER_H);
    j = test_open(o, NULL);
    OK(append_range(j, 1, 100, NULL));
    clock_advance(2 * NANO_PER_H); /* both clocks move: time has passed */
    journal_forget(j, "nobody");
    journal_reader_close(journal_reader_open(j, "x", SV_NONE, NULL));
    journal_forget(j, "x");
    journal_stats(j, &s);
    wait_until_deleted(j, s.segments + s.deleted_segments - 1);
    journal_stats(j, &s);
    OK(s.segments == 1);
    journal_close(j);
    clock_set_system();
}

/* The wall jumps a year ahead, the monotonic clock does not. At this speed the first minute passes in 60 ms. */
static void retention_by_age_does_not_believe_a_clock_that_jumps(void)
{
    struct journal_options o = { .segment_bytes = 1000, .retention_ms = 24 * INT64_C(3600000) };
    struct clock_scale scale = { 0, 0, 1000.0 };
    struct journal *j;
    struct journal_stats s;
    int64_t start;

    test_fresh_dir();
    clock_set_system();
    scale.anchor_unix_nano = scale.origin_unix_nano = clock_now();
    clock_set_scale(scale);
    start = clock_mono();
    j = test_open(o, NULL);
    OK(append_range(j, 1, 100, NULL));
    while (clock_mono() - start < 2 * NANO_PER_MIN)
        usleep(1000);
    scale.origin_unix_nano += INT64_C(365) * 24 * NANO_PER_H;
    clock_set_scale(scale);
    OK(append_range(j, 101, 200, NULL)); /* many a new segment, each a reason to look for old ones */
    journal_stats(j, &s);
    OK(s.deleted_segments == 0 && s.segments > 10);
    journal_close(j);
    clock_set_system();
}

static void delete_in_time(struct journal *j)
{
    struct journal_stats s;

    clock_advance(2 * NANO_PER_MIN);
    for (int i = 0; i < 3; i++) { /* each is a reason to look for old ones */
        journal_reader_close(journal_reader_open(j, "x", SV_NONE, NULL));
        journal_forget(j, "x");
        OK(append_range(j, 101, 120, NULL));
    }
    journal_stats(j, &s);
    printf("# %zu segments, %llu deleted\n", (size_t)s.segments, (unsigned long long)s.deleted_segments);
}

/* It starts a year ahead, starts again so, and then is back. A pause of a week looks the same, and only costs a day. */
static void retention_by_age_does_not_believe_a_clock_that_is_wrong_at_the_start(void)
{
    struct journal_options o = { .segment_bytes = 1000, .retention_ms = 24 * INT64_C(3600000) };
    struct journal *j;
    struct journal_stats s;

    test_fresh_dir();
    clock_set_manual(1000 * NANO_PER_H);
    j = test_open(o, NULL);
    OK(append_range(j, 1, 100, NULL));
    journal_close(j);
    for (int i = 0; i < 3; i++) {
        clock_step((i == 2 ? -365 : i == 0 ? 365 : 0) * 24 * NANO_PER_H);
        j = test_open(o, NULL);
        delete_in_time(j);
        journal_stats(j, &s);
        OK(s.deleted_segments == 0 && s.segments > 10);
        if (i < 2)
            journal_close(j);
    }
    clock_advance(49 * NANO_PER_H); /* both clocks move, now it is believed */
    delete_in_time(j);
    wait_until_deleted(j, 5);
    journal_close(j);
    clock_set_system();
}

static void an_old_cursor_after_deletion_means_the_oldest_frame_kept(void)
{
    struct journal_options o = { .segment_bytes = 1000, .max_bytes = 3000 };
    struct journal *j;
    struct journal_reader *r;
    struct journal_frame f;
    char cursor[JOURNAL_CURSOR_MAX];
    bool got = false;
    size_t n;

    test_fresh_dir();
    clock_set_manual(1000 * NANO_PER_H);
    j = test_open(o, NULL);
    OK(append_range(j, 1, 5, NULL));
    r = journal_reader_open(j, NULL, SV_NONE, NULL);
    OK(!journal_read(r, 0, &f, &got, NULL) && got);
    n = journal_reader_cursor(r, cursor);
    journal_reader_close(r);
    clock_advance(2 * NANO_PER_MIN);
    OK(append_range(j, 6, 200, NULL));
    wait_until_deleted(j, 10);
    r = journal_reader_open(j, NULL, sv_make(cursor, n), NULL);
    OK(!journal_read(r, 0, &f, &got, NULL) && got && f.at.sequence > 50 && !f.corrupt);
    journal_reader_close(r);
    journal_close(j);
    clock_set_system();
}

int main(void)
{
    seed = test_seed();
    test_use_quick_disk();
    RUN(what_was_appended_comes_back_after_reopening);
    RUN(the_largest_frame_fits_and_one_byte_more_does_not);
    RUN(frames_that_compress_take_less_room);
    RUN(a_cursor_goes_on_where_it_was_after_reopening);
    RUN(a_cursor_that_is_none_means_the_oldest_frame);
    RUN(a_cursor_of_a_journal_that_was_replaced_means_the_oldest_frame);
    RUN(a_cursor_behind_a_cut_goes_on_at_the_cut);
    RUN(a_missing_segment_is_passed_over);
    RUN(a_second_process_is_told_who_has_it);
    RUN(a_reader_beside_a_writing_process_sees_what_it_writes);
    RUN(a_newer_format_is_refused_and_left_alone);
    RUN(version_1_stays_readable);
    RUN(files_belong_to_their_owner_alone);
    RUN(retention_waits_for_the_slowest_reader);
    RUN(retention_by_age_deletes_what_everybody_has_passed);
    RUN(retention_by_age_does_not_believe_a_clock_that_jumps);
    RUN(retention_by_age_does_not_believe_a_clock_that_is_wrong_at_the_start);
    RUN(an_old_cursor_after_deletion_means_the_oldest_frame_kept);
    return tap_done();
}
