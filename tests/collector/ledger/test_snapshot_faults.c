/*
 * Every file call of a snapshot's writing and reading fails, once and for good: a whole generation is there afterwards,
 * with the numbers of its cursor, and the next writing that is let through succeeds.
 */
#include "collector/ledger/ledger.h"

#include "tests/collector/journal/fake_disk.h"
#include "tests/collector/ledger/log_fixture.h"

static struct arena arena;
static uint64_t seed, calls;

static struct ledger *filled(int minutes)
{
    struct ledger *l;

    arena_reset(&arena);
    l = fixture_ledger(&arena);
    for (int m = 0; m < minutes; m++) {
        struct frame *f = fixture_frame(&arena, T0 + m * NANO_PER_MIN, T0 + (m + 1) * NANO_PER_MIN);

        fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), T0 + m * NANO_PER_MIN, 1);
        ledger_fold(l, f);
    }
    return l;
}

/* The state of `minutes` minutes with a cursor that says so. */
static bool write_state(int minutes, struct err *e)
{
    struct ledger *l = filled(minutes);
    char cursor[16];
    bool good;

    snprintf(cursor, sizeof cursor, "%d", minutes);
    good = !ledger_snapshot_write(l, test_dir, sv_of(cursor), e);
    ledger_free(l);
    return good;
}

/* Minutes of the state that is read, 0 for none; -1: an error, -2: wrong numbers. */
static int read_state(struct err *e)
{
    struct ledger *l = ledger_new(NULL);
    struct series_view v;
    struct buf cursor;
    bool found = false;
    uint64_t minutes = 0;
    int result;

    buf_init(&cursor, 256);
    if (ledger_snapshot_read(l, test_dir, &cursor, &found, e))
        result = -1;
    else if (!found)
        result = 0;
    else if (!sv_to_u64(buf_sv(&cursor), &minutes) || !fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) ||
             v.value[0] != (int64_t)minutes)
        result = -2;
    else
        result = (int)minutes;
    buf_done(&cursor);
    ledger_free(l);
    return result;
}

/* Two generations (1 and 2) are there; the writing of a third fails at call k. */
static bool write_fails_at(uint64_t k, int error, uint64_t how_many)
{
    struct err e = { 0 };
    bool written;
    int state;

    test_fresh_dir();
    fake_disk_new(seed);
    if (!write_state(1, &e) || !write_state(2, &e))
        return false;
    fake.calls = 0;
    fake.error = error;
    fake.fail_from = k;
    fake.fail_count = how_many;
    written = write_state(3, &e);
    calls = fake.calls > calls ? fake.calls : calls;
    fake.fail_count = 0;
    if (!written && e.code != ERR_IO)
        return false;
    state = read_state(&e);
    if (state != 3 && (written || state != 2)) {
        printf("# call %llu: written %d, read %d\n", (unsigned long long)k, written, state);
        return false;
    }
    return write_state(4, &e) && read_state(&e) == 4;
}

/* What was refused for a fault of the moment is read when that is over; nothing good was set aside. */
static bool read_fails_at(uint64_t k, int error, uint64_t how_many)
{
    struct err e = { 0 };
    int state;

    test_fresh_dir();
    fake_disk_new(seed);
    if (!write_state(1, &e) || !write_state(2, &e))
        return false;
    fake.kinds = FAKE_OPEN | FAKE_SYNC_DIR | FAKE_RENAME | (error == EIO ? FAKE_READ : 0);
    fake.calls = 0;
    fake.error = error;
    fake.fail_from = k;
    fake.fail_count = how_many;
    state = read_state(&e);
    calls = fake.calls > calls ? fake.calls : calls;
    fake.fail_count = 0;
    if (state == -2 || (state == 0 && how_many == 1))
        return false;
    state = read_state(&e);
    if (error != EIO || how_many == 1) /* bytes that the disk never gave back are set aside, with both all is */
        return state == 2 || (error == EIO && state == 1);
    return state >= 0;
}

static void at_every_call(const char *what, bool (*fails_at)(uint64_t, int, uint64_t))
{
    static const int errors[] = { EIO, ENOSPC, EMFILE };
    unsigned runs = 0, wrong = 0;

    calls = 0;
    OK(fails_at(1000, EIO, 1)); /* none fails: this counts them */
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        for (uint64_t k = 0; k < calls && wrong < 5; k++)
            for (int good = 0; good < 2; good++, runs++)
                if (!fails_at(k, errors[i], good ? UINT64_MAX / 2 : 1)) {
                    printf("# %s: call %llu, %s, %s\n", what, (unsigned long long)k, strerror(errors[i]),
                           good ? "for good" : "once");
                    wrong++;
                }
    printf("# %s: %llu calls, %u runs\n", what, (unsigned long long)calls, runs);
    OK(calls > 3 && runs > 20);
    OK(wrong == 0);
}

static void a_writing_that_fails_leaves_a_whole_generation(void)
{
    at_every_call("writing", write_fails_at);
}

static void a_reading_that_fails_takes_nothing_good_away(void)
{
    at_every_call("reading", read_fails_at);
}

static void short_and_interrupted_calls_are_finished(void)
{
    struct err e = { 0 };

    test_fresh_dir();
    fake_disk_new(seed);
    fake.short_writes = true;
    OK(write_state(1, &e) && write_state(2, &e) && read_state(&e) == 2);
}

int main(void)
{
    seed = test_seed();
    arena_init(&arena, 64 << 20);
    RUN(a_writing_that_fails_leaves_a_whole_generation);
    RUN(a_reading_that_fails_takes_nothing_good_away);
    RUN(short_and_interrupted_calls_are_finished);
    disk_set(NULL);
    arena_done(&arena);
    return tap_done();
}
