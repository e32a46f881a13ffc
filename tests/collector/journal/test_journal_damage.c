/*
 * Damage on the disk: an end that is cut at every byte, a bit flipped in every byte, zeros behind the end. What is
 * healthy stays readable, what is not is handed out as corrupt, nothing crashes, and appending goes on.
 */
#include "collector/base/hash.h"

#include "tests/collector/journal/journal_test.h"

enum { FRAMES = 12, SMALL = 30 };

static const struct journal_options plain = { 0 };

/* One segment of FRAMES frames, as bytes, and where each frame ends. */
static void make_segment(struct buf *bytes, char path[512], size_t ends[FRAMES + 1])
{
    struct journal *j;
    struct stat st;
    struct err e = { 0 };

    test_fresh_dir();
    j = test_open(plain, NULL);
    ends[0] = SEGMENT_HEADER;
    for (uint64_t n = 1; n <= FRAMES; n++) {
        if (!test_append(j, n, SMALL + (n % 4 == 0 ? 100 : 0), &e) || !test_segments(0, path) || stat(path, &st))
            exit(97);
        ends[n] = (size_t)st.st_size;
    }
    journal_close(j);
    buf_init(bytes, 0);
    if (buf_read_file(bytes, path, 1 << 20, &e))
        exit(96);
}

struct seen {
    unsigned good, corrupt;
    uint64_t numbers; /* bit n: payload n was read whole */
    bool in_order, failed;
};

static struct seen read_all(struct journal *j)
{
    struct seen s = { .in_order = true };
    struct journal_reader *r = journal_reader_open(j, NULL, SV_NONE, NULL);
    struct journal_frame f;
    uint64_t last = 0;
    bool got = true;

    for (unsigned i = 0; r && i < 100 && got; i++) {
        if (journal_read(r, 0, &f, &got, NULL)) {
            s.failed = true;
            break;
        }
        if (!got)
            break;
        if (f.corrupt) {
            s.corrupt++;
            continue;
        }
        s.good++;
        s.in_order = s.in_order && f.at.sequence > last;
        last = f.at.sequence;
        if (test_payload_number(f.payload) < 64)
            s.numbers |= UINT64_C(1) << test_payload_number(f.payload);
    }
    s.failed = s.failed || !r || got;
    journal_reader_close(r);
    return s;
}

/* Appends number 60 and says whether it comes back after reopening, together with what was read before. */
static bool goes_on(struct seen before, struct seen *after)
{
    struct journal *j = test_open(plain, NULL);
    struct err e = { 0 };
    bool good = j && test_append(j, 60, SMALL, &e);

    journal_close(j);
    j = test_open(plain, NULL);
    if (!j)
        return false;
    *after = read_all(j);
    journal_close(j);
    return good && !after->failed && after->numbers == (before.numbers | UINT64_C(1) << 60) && after->in_order;
}

static void remove_segments(void)
{
    char path[512];

    while (test_segments(0, path) > 0)
        unlink(path);
}

static void an_end_cut_at_any_byte_loses_only_the_last_frame(void)
{
    struct buf bytes;
    char path[512];
    size_t ends[FRAMES + 1], bad = 0;

    make_segment(&bytes, path, ends);
    for (size_t n = SEGMENT_HEADER; n <= bytes.len; n++) {
        struct journal_recovery found;
        struct seen s, again;
        struct journal *j;
        size_t whole = 0;

        while (whole < FRAMES && ends[whole + 1] <= n)
            whole++;
        remove_segments();
        test_write_file(path, bytes.at, n);
        j = test_open(plain, &found);
        s = read_all(j);
        journal_close(j);
        if (s.failed || s.good != whole || s.corrupt || !s.in_order || found.frames != whole ||
            found.torn_bytes != n - ends[whole] || !goes_on(s, &again)) {
            printf("# cut at %zu: good=%u corrupt=%u whole=%zu\n", n, s.good, s.corrupt, whole);
            bad++;
        }
    }
    OK(bad == 0);
    buf_done(&bytes);
}

/* A header is written under another name and synced before the file gets its own: this takes a broken disk. */
static void a_file_shorter_than_its_header_stops_nobody(void)
{
    struct buf bytes;
    char path[512];
    size_t ends[FRAMES + 1], bad = 0;

    make_segment(&bytes, path, ends);
    for (size_t n = 0; n < SEGMENT_HEADER; n++) {
        struct journal *j;
        struct seen s, again;

        remove_segments();
        test_write_file(path, bytes.at, n);
        j = test_open(plain, NULL);
        if (!j) {
            bad++;
            continue;
        }
        s = read_all(j);
        journal_close(j);
        bad += s.failed || s.good || !goes_on(s, &again);
    }
    OK(bad == 0);
    buf_done(&bytes);
}

/* The frame whose bytes contain offset `at`, 0: the file's header. */
static size_t frame_at(const size_t ends[FRAMES + 1], size_t at)
{
    size_t n = 0;

    while (ends[n] <= at)
        n++;
    return n;
}

static void a_flipped_byte_costs_at_most_its_frame(void)
{
    struct buf bytes;
    char path[512];
    size_t ends[FRAMES + 1], bad = 0;
    uint64_t all = (UINT64_C(2) << FRAMES) - 2;

    make_segment(&bytes, path, ends);
    for (size_t at = 0; at < bytes.len; at++) {
        size_t hurt = frame_at(ends, at);
        struct journal_recovery found;
        struct seen s, again;
        struct journal *j;

        remove_segments();
        bytes.at[at] ^= 0x10;
        test_write_file(path, bytes.at, bytes.len);
        bytes.at[at] ^= 0x10;
        j = test_open(plain, &found);
        s = read_all(j);
        journal_close(j);
        if (s.failed || !s.in_order || s.numbers != (hurt ? all & ~(UINT64_C(1) << hurt) : all) ||
            (hurt && s.corrupt + (found.torn_bytes > 0) != 1) || (!hurt && s.corrupt) || !goes_on(s, &again)) {
            printf("# byte %zu of frame %zu: good=%u corrupt=%u numbers=%llx\n", at, hurt, s.good, s.corrupt,
                   (unsigned long long)s.numbers);
            bad++;
        }
    }
    OK(bad == 0);
    buf_done(&bytes);
}

static void damage_in_an_older_segment_is_met_by_its_readers(void)
{
    struct journal_options small = { .segment_bytes = 400 };
    struct journal *j;
    struct err e = { 0 };
    struct buf b;
    char path[512];
    struct seen s;

    test_fresh_dir();
    j = test_open(small, NULL);
    for (uint64_t n = 1; n <= 40; n++)
        if (!test_append(j, n, SMALL, &e))
            exit(95);
    journal_close(j);
    OK(test_segments(1, path) > 3);
    buf_init(&b, 0);
    OK(!buf_read_file(&b, path, 1 << 20, &e));
    memset(b.at + SEGMENT_HEADER + 20, 0xff, 70); /* the header of one frame and of the next */
    test_write_file(path, b.at, b.len);
    j = test_open(small, NULL);
    s = read_all(j);
    OK(!s.failed && s.good == 38 && s.corrupt == 1 && s.in_order);
    journal_close(j);
    buf_done(&b);
}

static void a_segment_with_a_damaged_header_is_handed_out_as_corrupt(void)
{
    struct journal_options small = { .segment_bytes = 400 };
    struct journal *j;
    struct err e = { 0 };
    struct buf b;
    char path[512];
    struct seen s;

    for (unsigned which = 1; which <= 2; which++) { /* an older one, then the newest */
        size_t n = 0;

        test_fresh_dir();
        j = test_open(small, NULL);
        for (uint64_t i = 1; i <= 10; i++)
            if (!test_append(j, i, SMALL, &e))
                exit(95);
        journal_close(j);
        n = test_segments(0, path);
        OK(n > 2 && test_segments(which == 1 ? 1 : n - 1, path) == n);
        buf_init(&b, 0);
        OK(!buf_read_file(&b, path, 1 << 20, &e));
        memset(b.at, 0, SEGMENT_HEADER);
        test_write_file(path, b.at, b.len);
        j = test_open(small, NULL);
        OK(j && test_append(j, 60, SMALL, &e));
        s = read_all(j);
        OK(!s.failed && s.corrupt == 1 && s.in_order && s.numbers >> 60 == 1 && s.good < 11);
        journal_close(j);
        buf_done(&b);
    }
}

static void zeros_behind_the_end_are_no_record(void)
{
    struct buf bytes;
    char path[512];
    size_t ends[FRAMES + 1];
    static const char zeros[100000];

    make_segment(&bytes, path, ends);
    for (size_t n = 1; n <= sizeof zeros; n = n * 7 + 1) {
        struct journal_recovery found;
        struct seen s, again;
        struct journal *j;
        struct buf longer;

        remove_segments();
        buf_init(&longer, 0);
        buf_put(&longer, buf_sv(&bytes));
        buf_put(&longer, sv_make(zeros, n));
        test_write_file(path, longer.at, longer.len);
        buf_done(&longer);
        j = test_open(plain, &found);
        s = read_all(j);
        journal_close(j);
        OK(s.good == FRAMES && s.corrupt == 0 && !s.failed && found.torn_bytes == n && goes_on(s, &again));
    }
    buf_done(&bytes);
}

static void a_frame_inside_a_damaged_payload_is_not_believed(void)
{
    struct buf bytes, forged;
    char path[512];
    struct frame_head h = { .sequence = 1, .stored = 5, .length = 5 };
    char head[FRAME_HEADER];
    struct journal_frame f;
    struct journal_reader *r;
    struct journal *j;
    struct err e = { 0 };
    bool got;

    /* A frame as somebody outside could make it, who does not know the segment's id. */
    buf_init(&forged, 0);
    buf_init(&bytes, 0);
    h.checksum = hash_part(1, SV("12345"));
    frame_head_write(head, &h, 1);
    buf_put(&forged, sv_make(head, sizeof head));
    buf_put(&forged, SV("12345"));

    test_fresh_dir();
    j = test_open(plain, NULL);
    OK(!journal_append(j, SV_NONE, buf_sv(&forged), NULL, &e) && test_append(j, 2, SMALL, &e));
    journal_close(j);
    OK(test_segments(0, path) == 1 && !buf_read_file(&bytes, path, 1 << 20, &e));
    bytes.at[SEGMENT_HEADER + 9] ^= 1; /* the outer frame's header */
    test_write_file(path, bytes.at, bytes.len);
    j = test_open(plain, NULL);
    r = journal_reader_open(j, NULL, SV_NONE, NULL);
    OK(!journal_read(r, 0, &f, &got, NULL) && got && f.corrupt && f.payload.len > FRAME_HEADER);
    OK(!journal_read(r, 0, &f, &got, NULL) && got && !f.corrupt && f.at.sequence == 2);
    journal_reader_close(r);
    journal_close(j);
    buf_done(&bytes);
    buf_done(&forged);
}

int main(void)
{
    test_use_quick_disk();
    RUN(an_end_cut_at_any_byte_loses_only_the_last_frame);
    RUN(a_file_shorter_than_its_header_stops_nobody);
    RUN(a_flipped_byte_costs_at_most_its_frame);
    RUN(damage_in_an_older_segment_is_met_by_its_readers);
    RUN(a_segment_with_a_damaged_header_is_handed_out_as_corrupt);
    RUN(zeros_behind_the_end_are_no_record);
    RUN(a_frame_inside_a_damaged_payload_is_not_believed);
    return tap_done();
}
