/* All jobs of the source at once, as the scheduler runs them: what they share is guarded. For the thread sanitizer. */
#include "tests/collector/sources/openai/fake_openai.h"
#include "tests/tap.h"

enum { THREADS = 8, ROUNDS = 6 };

static const char *const groups[THREADS] = { "inventory", "usage/completions", "usage/embeddings", "costs",
                                             "audit",     "capacity",          "usage/images",     "inventory" };

struct worker {
    struct fake *f;
    const char *group;
    pthread_t thread;
    int good;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    const struct source_job *job = fake_job(w->f, w->group);
    struct arena memory;

    arena_init(&memory, 0);
    for (int i = 0; job && i < ROUNDS; i++) {
        int64_t to = clock_floor(clock_now(), NANO_PER_H) - NANO_PER_H;
        struct window window = { .from_unix_nano = to - NANO_PER_MIN, .to_unix_nano = to };
        struct err e = { 0 };
        struct frame *out;

        arena_reset(&memory);
        out = frame_new(&memory, SV("openai"), SV("organization"));
        w->good += openai_source_ops.poll(w->f->source, job, &window, out, &e) == ERR_OK;
    }
    arena_done(&memory);
    return NULL;
}

static void jobs_run_at_once(void)
{
    struct worker workers[THREADS];
    struct fake f;
    int good = 0;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    f.fresh = "proj_new"; /* each usage job looks for it */
    f.fresh_is_listed = true;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .f = &f, .group = groups[i] };
        OK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        good += workers[i].good;
    }
    OK(good == THREADS * ROUNDS);
    fake_stop(&f);
}

int main(void)
{
    clock_set_scale((struct clock_scale){ clock_now(), clock_now(), 60 });
    RUN(jobs_run_at_once);
    return tap_done();
}
