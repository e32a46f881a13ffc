/* What is full: the journal's own limit by either policy, the disk with what nobody needs any more, and with the reserve. */
#include <inttypes.h>

#include "collector/base/clock.h"

#include "tests/collector/journal/fake_disk.h"

static const struct journal_options keep = { .segment_bytes = 1000, .max_bytes = 4000 };
static const struct journal_options drop = { .segment_bytes = 1000,
                                             .max_bytes = 4000,
                                             .when_full = JOURNAL_DROP_OLDEST };
static uint64_t seed;
static uint64_t next_number;

static struct journal *begin(struct journal_options o)
{
    struct journal *j;

    test_fresh_dir();
    fake_disk_new(seed);
    clock_set_manual(1000 * NANO_PER_H);
    j = test_open(o, NULL);
    next_number = 1;
    return j;
}

static bool append(struct journal *j, struct err *e)
{
    bool good = test_append(j, next_number, 200, e);

    next_number += good;
    return good;
}

static void end(struct journal *j)
{
    journal_close(j);
    test_use_quick_disk();
    clock_set_system();
}

/* A named reader that stands before frame `n`. */
static void hold_at(struct journal *j, const char *name, uint64_t n)
{
    struct journal_reader *r = journal_reader_open(j, name, SV_NONE, NULL);
    struct journal_frame f;
    char cursor[JOURNAL_CURSOR_MAX];
    bool got = true;

    for (uint64_t i = 1; i < n && got; i++)
        OK(!journal_read(r, 0, &f, &got, NULL) && got);
    journal_release(j, name, sv_make(cursor, journal_reader_cursor(r, cursor)));
    journal_reader_close(r);
}

static void keep_refuses_at_the_limit_until_the_reader_has_moved_on(void)
{
    struct journal *j = begin(keep);
    struct journal_stats s;
    struct err e = { 0 };

    hold_at(j, "slow", 1);
    clock_advance(2 * NANO_PER_MIN);
    while (append(j, &e) && next_number < 100)
        ;
    journal_stats(j, &s);
    OK(next_number > 10 && next_number < 30 && e.code == ERR_IO && e.sys == ENOSPC);
    OK(s.over_limit && !s.disk_full && s.bytes <= 4000 && s.max_bytes == 4000 && s.deleted_segments == 0);
    OK(sv_has(sv_of(s.trouble), SV("max_bytes")));
    OK(!append(j, &e));
    hold_at(j, "slow", next_number - 1);
    OK(append(j, &e));
    journal_stats(j, &s);
    OK(!s.over_limit && s.deleted_segments > 0 && s.dropped_frames == 0 && s.trouble[0] == '\0');
    end(j);
}

static void the_last_frames_pass_the_limit(void)
{
    struct journal *j = begin(keep);
    struct err e = { 0 };

    hold_at(j, "slow", 1);
    clock_advance(2 * NANO_PER_MIN);
    while (append(j, &e) && next_number < 100)
        ;
    journal_ending(j);
    OK(append(j, &e));
    end(j);
}

static void our_own_frames_pass_the_limit_by_a_segment(void)
{
    struct journal_options o = keep;
    struct journal_stats s;
    struct journal *j;
    struct err e = { 0 };
    int passed = 0;

    o.own_key = SV("own");
    j = begin(o);
    hold_at(j, "slow", 1);
    clock_advance(2 * NANO_PER_MIN);
    while (append(j, &e) && next_number < 100)
        ;
    OK(e.sys == ENOSPC);
    while (passed < 100 && !journal_append(j, SV("own"), SV("what lets readers move on"), NULL, &e))
        passed++;
    journal_stats(j, &s);
    OK(passed > 5 && passed < 20 && e.sys == ENOSPC && s.over_limit && s.bytes > 4000 && s.bytes <= 5000);
    OK(!append(j, &e));
    end(j);
}

static void drop_oldest_drops_and_counts_and_the_reader_is_told(void)
{
    struct journal *j = begin(drop);
    struct journal_reader *r;
    struct journal_frame f;
    struct journal_stats s;
    struct err e = { 0 };
    uint64_t read = 0, first = 0, missing;
    bool got = true;

    r = journal_reader_open(j, "slow", SV_NONE, NULL);
    OK(append(j, &e) && append(j, &e));
    OK(!journal_read(r, 0, &f, &got, NULL) && got && f.at.sequence == 1);
    clock_advance(2 * NANO_PER_MIN);
    while (next_number <= 60 && append(j, &e))
        clock_advance(NANO_PER_S);
    journal_stats(j, &s);
    OK(next_number == 61 && s.bytes <= 4000 && s.deleted_segments > 5 && !s.over_limit);
    OK(s.dropped_frames > 30 && s.dropped_until_unix_nano > s.dropped_from_unix_nano && s.dropped_from_unix_nano > 0);
    while (!journal_read(r, 0, &f, &got, NULL) && got) {
        missing = f.at.sequence - 2 - read; /* frames between what was read before and this one */
        first = missing && !first ? f.at.sequence : first;
        read++;
    }
    journal_stats(j, &s);
    printf("# %" PRIu64 " frames dropped, %" PRIu64 " missing, first behind the gap %" PRIu64 "\n", s.dropped_frames,
           s.missing_frames, first);
    OK(first > 30 && s.missing_frames > 30 && read + s.missing_frames == 59);
    journal_reader_close(r);
    end(j);
}

static void a_full_disk_takes_what_nobody_needs_first(void)
{
    struct journal *j = begin((struct journal_options){ .segment_bytes = 1000 });
    struct journal_stats s;
    struct err e = { 0 };

    while (next_number <= 30 && append(j, &e))
        ;
    hold_at(j, "reader", 20);
    clock_advance(2 * NANO_PER_MIN);
    fake.kinds = FAKE_WRITE;
    fake.error = ENOSPC;
    fake.fail_from = fake.calls = 0;
    fake.fail_count = 2;
    OK(append(j, &e));
    journal_stats(j, &s);
    OK(s.deleted_segments >= 1 && !s.disk_full && s.dropped_frames == 0);
    fake.fail_from = fake.calls = 0;
    fake.fail_count = 1000;
    OK(!append(j, &e) && e.sys == ENOSPC); /* all that may go is gone, what the reader needs is not */
    journal_stats(j, &s);
    OK(s.disk_full && s.dropped_frames == 0 && s.trouble[0]);
    fake.fail_count = 0;
    hold_at(j, "other", 1);
    OK(append(j, &e));
    end(j);
}

static void the_reserve_is_for_the_last_frames(void)
{
    struct journal *j = begin((struct journal_options){ 0 });
    struct reserve *r = reserve_open(test_dir, 1 << 20);
    struct err e = { 0 };

    journal_use_reserve(j, r);
    OK(append(j, &e) && reserve_bytes(r) == 1 << 20);
    fake.kinds = FAKE_WRITE;
    fake.error = EDQUOT;
    fake.fail_from = fake.calls = 0;
    fake.fail_count = 2;
    OK(!append(j, &e) && reserve_bytes(r) == 1 << 20);
    journal_ending(j);
    OK(append(j, &e) && reserve_bytes(r) == 0);
    end(j);
    reserve_close(r);
}

/* Who lent it is to have it. */
static void appends_leave_a_lent_reserve_alone(void)
{
    struct journal *j = begin((struct journal_options){ 0 });
    struct reserve *r = reserve_open(test_dir, 1 << 20);
    struct err e = { 0 };

    journal_use_reserve(j, r);
    OK(append(j, &e) && reserve_lend(r));
    OK(!append(j, &e) && e.sys == ENOSPC);
    reserve_keep(r);
    OK(append(j, &e));
    end(j);
    reserve_close(r);
}

int main(void)
{
    seed = test_seed();
    RUN(keep_refuses_at_the_limit_until_the_reader_has_moved_on);
    RUN(the_last_frames_pass_the_limit);
    RUN(our_own_frames_pass_the_limit_by_a_segment);
    RUN(drop_oldest_drops_and_counts_and_the_reader_is_told);
    RUN(a_full_disk_takes_what_nobody_needs_first);
    RUN(the_reserve_is_for_the_last_frames);
    RUN(appends_leave_a_lent_reserve_alone);
    return tap_done();
}
