/* Eight threads append at once while others read and let go: one sync serves many frames, each sees its own order. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "collector/base/clock.h"

#include "tests/collector/journal/journal_test.h"

enum { THREADS = 8, EACH = 250, READERS = 3 };

static const uint64_t all_frames = UINT64_C(1) * THREADS * EACH;

static struct journal *j;

struct appender {
    pthread_t thread;
    uint64_t last_sequence;
    unsigned id;
    bool failed;
};

static void *append_many(void *arg)
{
    struct appender *a = arg;

    for (uint64_t i = 1; i <= EACH && !a->failed; i++) {
        struct journal_position at = { 0 };
        struct buf b;

        buf_init(&b, 0);
        buf_printf(&b, "%u:%" PRIu64 ":%0*d", a->id, i, (int)(i * 37 % 400), 0);
        a->failed = journal_append(j, SV("key"), buf_sv(&b), &at, NULL) || at.sequence <= a->last_sequence ||
                    journal_durable(j).sequence < at.sequence;
        a->last_sequence = at.sequence;
        buf_done(&b);
    }
    return NULL;
}

struct reading {
    pthread_t thread;
    char name[16];
    uint64_t frames, last[THREADS], last_sequence;
    bool failed;
};

/* Every frame once, each appender's in its order. */
static bool in_order(struct reading *r, const struct journal_frame *f)
{
    sv rest = f->payload;
    uint64_t id, n;

    if (f->corrupt || f->at.sequence != r->last_sequence + 1 || !sv_to_u64(sv_cut(&rest, ':'), &id) || id >= THREADS ||
        !sv_to_u64(sv_cut(&rest, ':'), &n) || n != r->last[id] + 1)
        return false;
    r->last[id] = n;
    r->last_sequence = f->at.sequence;
    return true;
}

static void *read_many(void *arg)
{
    struct reading *r = arg;
    struct journal_reader *reader = journal_reader_open(j, r->name, SV_NONE, NULL);
    char cursor[JOURNAL_CURSOR_MAX];

    while (reader && !r->failed && r->frames < all_frames) {
        struct journal_frame f;
        bool got;

        r->failed = journal_read(reader, 20000, &f, &got, NULL) || !got || !in_order(r, &f);
        r->frames++;
        if (r->frames % 50 == 0) /* comes back where it was, as after a restart */
        {
            size_t n = journal_reader_cursor(reader, cursor);

            journal_release(j, r->name, sv_make(cursor, n));
            journal_reader_close(reader);
            reader = journal_reader_open(j, r->name, sv_make(cursor, n), NULL);
        }
    }
    journal_reader_close(reader);
    return NULL;
}

static void many_appenders_share_a_sync_and_readers_see_their_order(void)
{
    struct appender a[THREADS] = { 0 };
    struct reading r[READERS] = { 0 };
    struct journal_stats s;
    bool good = true;

    test_fresh_dir();
    j = test_open((struct journal_options){ .segment_bytes = 50000 }, NULL);
    for (unsigned i = 0; i < READERS; i++) {
        snprintf(r[i].name, sizeof r[i].name, "reader-%u", i);
        pthread_create(&r[i].thread, NULL, read_many, &r[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        a[i].id = i;
        pthread_create(&a[i].thread, NULL, append_many, &a[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(a[i].thread, NULL);
        good = good && !a[i].failed;
    }
    OK(good);
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(r[i].thread, NULL);
        good = good && !r[i].failed && r[i].frames == all_frames;
    }
    OK(good);
    journal_stats(j, &s);
    printf("# %" PRIu64 " frames, %" PRIu64 " syncs, %" PRIu64 " segments\n", s.appended_frames, s.syncs, s.segments);
    OK(s.appended_frames == all_frames && s.syncs < s.appended_frames);
    OK(s.segments > 2);
    journal_close(j);
}

static void *wait_for_a_frame(void *arg)
{
    struct journal_reader *r = journal_reader_open(j, NULL, SV_NONE, NULL);
    struct journal_frame f;
    bool *got = arg;

    if (journal_read(r, 60000, &f, got, NULL))
        *got = false;
    journal_reader_close(r);
    return NULL;
}

static void a_waiting_reader_wakes_when_a_frame_is_durable(void)
{
    pthread_t t;
    bool got = false;
    int64_t start = clock_mono();

    test_fresh_dir();
    j = test_open((struct journal_options){ 0 }, NULL);
    pthread_create(&t, NULL, wait_for_a_frame, &got);
    OK(test_append(j, 1, 10, NULL));
    pthread_join(t, NULL);
    OK(got && clock_mono() - start < 30 * NANO_PER_S);
    journal_close(j);
}

static void stopping_ends_waits_and_refuses_appends(void)
{
    pthread_t t;
    bool got = true;
    struct err e = { 0 };
    int64_t start = clock_mono();

    test_fresh_dir();
    j = test_open((struct journal_options){ 0 }, NULL);
    pthread_create(&t, NULL, wait_for_a_frame, &got);
    journal_stop(j);
    pthread_join(t, NULL);
    OK(!got && clock_mono() - start < 30 * NANO_PER_S);
    OK(!test_append(j, 1, 10, &e) && e.code == ERR_CANCELLED);
    journal_close(j);
}

int main(void)
{
    RUN(many_appenders_share_a_sync_and_readers_see_their_order);
    RUN(a_waiting_reader_wakes_when_a_frame_is_durable);
    RUN(stopping_ends_waits_and_refuses_appends);
    return tap_done();
}
