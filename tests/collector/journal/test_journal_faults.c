/*
 * Every file call fails once, and fails from there on: what was acknowledged is there after reopening, whatever failed;
 * when the fault is over appending goes on by itself. The same with the power cut at every call.
 */
#include <inttypes.h>

#include "tests/collector/journal/fake_disk.h"

enum { FRAMES = 24 };

static const struct journal_options small = { .segment_bytes = 600 };
static uint64_t seed;

/* Who starts the daemon starts it again when it did not come up. */
static struct journal *open_after_a_while(const struct journal_options *o)
{
    struct journal *j = NULL;
    struct err e;

    for (unsigned i = 0; !j && i < 10; i++)
        j = journal_open(o, NULL, &e);
    return j;
}

/* One life of a journal: number i was acknowledged when acked[i]. Numbers are tried twice before they are given up. */
static void live(bool acked[FRAMES + 1])
{
    struct journal_options o = small;
    struct journal *j;
    struct err e;

    o.dir = test_dir;
    memset(acked, 0, (FRAMES + 1) * sizeof *acked);
    j = open_after_a_while(&o);
    for (uint64_t n = 1; j && n <= FRAMES; n++) {
        acked[n] = test_append(j, n, 20 + 37 * (n % 5), &e);
        if (!acked[n] && fake.fail_count == 1)
            acked[n] = test_append(j, n, 20 + 37 * (n % 5), &e);
    }
    journal_close(j);
}

/* Whether all that was acknowledged is there, whole and in order; another append must work too. */
static bool survived(const bool acked[FRAMES + 1])
{
    bool found[FRAMES + 1] = { 0 }, got = true, good = true;
    struct journal *j = test_open(small, NULL);
    struct journal_reader *r = j ? journal_reader_open(j, NULL, SV_NONE, NULL) : NULL;
    struct journal_frame f;
    struct buf want;
    uint64_t last = 0;
    struct err e = { 0 };

    buf_init(&want, 0);
    while (r && good && !journal_read(r, 0, &f, &got, &e) && got) {
        uint64_t n = test_payload_number(f.payload);

        if (f.corrupt) /* bytes of a group that nobody was told about */
            continue;
        good = n >= 1 && n <= FRAMES && f.at.sequence > last &&
               sv_eq(f.payload, test_payload(&want, n, 20 + 37 * (n % 5)));
        last = f.at.sequence;
        if (good)
            found[n] = true;
    }
    good = good && r && !got && test_append(j, 1, 20, &e);
    for (uint64_t n = 1; n <= FRAMES; n++)
        if (acked[n] && !found[n]) {
            printf("# acknowledged and lost: %" PRIu64 "\n", n);
            good = false;
        }
    buf_done(&want);
    journal_reader_close(r);
    journal_close(j);
    return good;
}

static uint64_t calls_of_a_life(void)
{
    bool acked[FRAMES + 1];

    test_fresh_dir();
    fake_disk_new(seed);
    live(acked);
    test_use_quick_disk();
    return fake.calls;
}

static unsigned count(const bool acked[FRAMES + 1])
{
    unsigned n = 0;

    for (size_t i = 1; i <= FRAMES; i++)
        n += acked[i];
    return n;
}

static void fail_every_call(int error, uint64_t how_many, unsigned least_acked)
{
    uint64_t n = calls_of_a_life();
    bool acked[FRAMES + 1];

    OK(n > 60);
    for (uint64_t k = 0; k < n; k++) {
        test_fresh_dir();
        fake_disk_new(seed + k);
        fake.error = error;
        fake.fail_from = k;
        fake.fail_count = how_many;
        live(acked);
        test_use_quick_disk();
        if (count(acked) < least_acked || !survived(acked)) {
            printf("# call %" PRIu64 " of %" PRIu64 " failing: %u acknowledged\n", k, n, count(acked));
            OK(false);
            return;
        }
    }
    OK(true);
}

static void one_call_failing_with_eio_is_got_over(void)
{
    fail_every_call(EIO, 1, FRAMES);
}

static void one_call_failing_with_enospc_is_got_over(void)
{
    fail_every_call(ENOSPC, 1, FRAMES);
}

static void all_calls_failing_from_some_time_on_lose_nothing_acknowledged(void)
{
    fail_every_call(EIO, UINT64_MAX / 2, 0);
    fail_every_call(ENOSPC, UINT64_MAX / 2, 0);
}

static void some_calls_failing_in_a_row_lose_nothing_acknowledged(void)
{
    for (uint64_t row = 2; row < 9; row++)
        fail_every_call(row % 2 ? EIO : ENOSPC, row, 1);
}

static void a_power_cut_at_any_call_loses_nothing_acknowledged(void)
{
    uint64_t n = calls_of_a_life();
    bool acked[FRAMES + 1];

    for (unsigned round = 0; round < 5; round++)
        for (uint64_t k = 0; k < n; k++) {
            test_fresh_dir();
            fake_disk_new(seed + k + UINT64_C(1000) * round);
            fake.fail_from = k;
            fake.fail_count = UINT64_MAX / 2;
            live(acked);
            fake_disk_power_cut();
            if (!survived(acked)) {
                printf("# power cut at call %" PRIu64 " of %" PRIu64 "\n", k, n);
                OK(false);
                return;
            }
        }
    OK(n > 60);
}

static void short_and_interrupted_calls_are_finished(void)
{
    bool acked[FRAMES + 1];

    test_fresh_dir();
    fake_disk_new(seed);
    fake.short_writes = true;
    live(acked);
    test_use_quick_disk();
    OK(count(acked) == FRAMES && survived(acked));
}

static void a_sync_that_failed_is_never_repeated_on_the_same_file(void)
{
    struct journal *j;
    struct err e = { 0 };
    struct journal_stats s;
    char path[512];

    test_fresh_dir();
    fake_disk_new(seed);
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(test_append(j, 1, 20, &e));
    OK(test_segments(0, path) == 1);
    fake.kinds = FAKE_SYNC;
    fake.fail_from = fake.calls = 0;
    fake.fail_count = 1;
    OK(test_append(j, 2, 20, &e));
    OK(test_segments(1, path) == 2);
    journal_stats(j, &s);
    OK(s.sync_failures == 1 && s.appended_frames == 2 && s.segments == 2);
    journal_close(j);
    test_use_quick_disk();
}

static void a_write_error_seals_the_segment(void)
{
    struct journal *j;
    struct err e = { 0 };
    char path[512];

    test_fresh_dir();
    fake_disk_new(seed);
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(test_append(j, 1, 20, &e));
    fake.kinds = FAKE_WRITE;
    fake.fail_from = fake.calls = 0;
    fake.fail_count = 1;
    OK(test_append(j, 2, 20, &e) && test_segments(0, path) == 2);
    journal_close(j);
    test_use_quick_disk();
}

/* The refused frame stands whole in the older segment, with the number that another frame has got since. */
static void a_refused_frame_does_not_come_back_in_place_of_another(void)
{
    struct journal_frame f;
    struct journal_reader *r;
    struct journal *j;
    struct err e = { 0 };
    char path[512];
    bool got;

    test_fresh_dir();
    fake_disk_new(seed);
    fake.keeps_unsynced = true;
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(test_append(j, 1, 20, &e));
    fake.kinds = FAKE_SYNC | FAKE_TRUNCATE;
    fake.fail_from = fake.calls = 0;
    fake.fail_count = 100;
    OK(!test_append(j, 2, 20, &e) && e.code == ERR_IO);
    fake.fail_count = 0;
    OK(test_append(j, 3, 20, &e));
    journal_close(j);
    test_use_quick_disk();
    OK(test_segments(0, path) == 2);
    j = test_open((struct journal_options){ 0 }, NULL);
    r = journal_reader_open(j, NULL, SV_NONE, NULL);
    OK(!journal_read(r, 0, &f, &got, &e) && got && !f.corrupt && test_payload_number(f.payload) == 1);
    OK(!journal_read(r, 0, &f, &got, &e) && got && !f.corrupt && test_payload_number(f.payload) == 3);
    OK(!journal_read(r, 0, &f, &got, &e) && !got);
    journal_reader_close(r);
    journal_close(j);
}

static void a_full_disk_refuses_and_goes_on_when_there_is_space(void)
{
    struct journal *j;
    struct err e = { 0 };
    struct journal_stats s;
    struct journal_reader *r;
    struct journal_frame f;
    char path[512];
    bool got;

    test_fresh_dir();
    fake_disk_new(seed);
    j = test_open((struct journal_options){ 0 }, NULL);
    OK(test_append(j, 1, 20, &e));
    fake.kinds = FAKE_WRITE;
    fake.error = ENOSPC;
    fake.fail_from = fake.calls = 0;
    fake.fail_count = 3;
    for (int i = 0; i < 3; i++) {
        OK(!test_append(j, 2, 2000, &e) && e.code == ERR_IO && e.sys == ENOSPC);
        journal_stats(j, &s);
        OK(s.disk_full && s.appended_frames == 1);
    }
    OK(test_append(j, 2, 20, &e));
    journal_stats(j, &s);
    OK(!s.disk_full && s.appended_frames == 2 && test_segments(0, path) == 1);
    r = journal_reader_open(j, NULL, SV_NONE, &e);
    OK(!journal_read(r, 0, &f, &got, &e) && got && !f.corrupt && f.at.sequence == 1);
    OK(!journal_read(r, 0, &f, &got, &e) && got && !f.corrupt && f.at.sequence == 2);
    journal_reader_close(r);
    journal_close(j);
    test_use_quick_disk();
}

static void a_place_that_cannot_be_read_does_not_stop_a_reader(void)
{
    struct journal *j;
    struct err e = { 0 };
    struct journal_reader *r;
    struct journal_frame f;
    bool got = true;
    unsigned refused = 0, corrupt = 0, good = 0;

    test_fresh_dir();
    fake_disk_new(seed);
    j = test_open((struct journal_options){ .segment_bytes = 3000 }, NULL);
    for (uint64_t n = 1; n <= 20; n++)
        OK(test_append(j, n, 1001, &e));
    fake.kinds = FAKE_READ;
    fake.fail_from = fake.calls = 0;
    fake.fail_count = 3;
    r = journal_reader_open(j, NULL, SV_NONE, &e);
    for (unsigned i = 0; i < 100 && got; i++) {
        if (journal_read(r, 0, &f, &got, &e)) {
            OK(e.code == ERR_IO);
            refused++;
        } else if (got) {
            corrupt += f.corrupt;
            good += !f.corrupt;
        }
    }
    OK(refused == 2 && corrupt > 0 && !got && good > 14 && good < 20);
    journal_reader_close(r);
    journal_close(j);
    test_use_quick_disk();
}

static void opening_reads_no_more_than_headers_and_the_newest_segment(void)
{
    struct journal *j;
    struct err e = { 0 };
    size_t segments;
    char path[512];

    test_fresh_dir();
    j = test_open((struct journal_options){ .segment_bytes = 10000 }, NULL);
    for (uint64_t n = 1; n <= 200; n++)
        if (!test_append(j, n, 1001, &e))
            OK(false);
    journal_close(j);
    segments = test_segments(0, path);
    fake_disk_new(seed);
    fake.kinds = FAKE_READ;
    j = test_open((struct journal_options){ .segment_bytes = 10000 }, NULL);
    printf("# %zu segments, %" PRIu64 " reads\n", segments, fake.calls);
    OK(j && segments > 10 && fake.calls <= segments + 3);
    journal_close(j);
    test_use_quick_disk();
}

int main(void)
{
    seed = test_seed();
    RUN(one_call_failing_with_eio_is_got_over);
    RUN(one_call_failing_with_enospc_is_got_over);
    RUN(all_calls_failing_from_some_time_on_lose_nothing_acknowledged);
    RUN(some_calls_failing_in_a_row_lose_nothing_acknowledged);
    RUN(a_power_cut_at_any_call_loses_nothing_acknowledged);
    RUN(short_and_interrupted_calls_are_finished);
    RUN(a_sync_that_failed_is_never_repeated_on_the_same_file);
    RUN(a_write_error_seals_the_segment);
    RUN(a_refused_frame_does_not_come_back_in_place_of_another);
    RUN(a_full_disk_refuses_and_goes_on_when_there_is_space);
    RUN(a_place_that_cannot_be_read_does_not_stop_a_reader);
    RUN(opening_reads_no_more_than_headers_and_the_newest_segment);
    return tap_done();
}
