/* The clock in its three modes. */
#include <time.h>

#include "collector/base/clock.h"

#include "tests/tap.h"

static int64_t wall(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * NANO_PER_S + t.tv_nsec;
}

static void by_default_it_is_the_machines_clock(void)
{
    int64_t before = wall(), now = clock_now(), after = wall();

    OK(before <= now && now <= after);
    OK(clock_mono() <= clock_mono());
    OK(clock_speed() >= 1 && clock_speed() <= 1);
    OK(clock_real_ms(1500) == 1500 && clock_real_ms(0) == 1);
}

static void a_manual_clock_moves_only_by_hand(void)
{
    clock_set_manual(1000);
    OK(clock_now() == 1000 && clock_mono() == 1000 && clock_now() == 1000);
    clock_advance(NANO_PER_H);
    OK(clock_now() == 1000 + NANO_PER_H && clock_mono() == 1000 + NANO_PER_H);
    clock_set_system();
    OK(clock_now() > 1000 + NANO_PER_H);
}

static void a_step_moves_the_wall_clock_alone(void)
{
    int64_t mono, begun, now;

    clock_set_manual(1000 * NANO_PER_H);
    clock_step(2 * NANO_PER_H);
    OK(clock_now() == 1002 * NANO_PER_H && clock_mono() == 1000 * NANO_PER_H);
    clock_advance(NANO_PER_H);
    clock_step(-3 * NANO_PER_H);
    OK(clock_now() == 1000 * NANO_PER_H && clock_mono() == 1001 * NANO_PER_H);
    clock_set_manual(5);
    OK(clock_now() == 5);

    clock_set_system();
    mono = clock_mono();
    begun = wall();
    clock_step(-NANO_PER_H);
    now = clock_now();
    OK(now >= begun - NANO_PER_H && now <= wall() - NANO_PER_H);
    OK(clock_mono() >= mono && clock_mono() - mono < NANO_PER_H);
    clock_set_system();
    OK(clock_now() >= begun);

    clock_set_scale((struct clock_scale){ .anchor_unix_nano = begun, .origin_unix_nano = 0, .speed = 1 });
    clock_step(NANO_PER_H);
    OK(clock_now() >= NANO_PER_H && clock_now() < 2 * NANO_PER_H);
    clock_set_system();
}

static void a_scaled_clock_is_computed_from_three_numbers(void)
{
    int64_t anchor = wall() - 10 * NANO_PER_S;
    struct clock_scale scale = { .anchor_unix_nano = anchor, .origin_unix_nano = 1000 * NANO_PER_S, .speed = 60 };
    int64_t least, now, most, mono, begun;

    clock_set_scale(scale);
    least = 1000 * NANO_PER_S + (wall() - anchor) * 60;
    now = clock_now();
    most = 1000 * NANO_PER_S + (wall() - anchor) * 60;
    OK(now >= least - NANO_PER_MS && now <= most + NANO_PER_MS);
    OK(clock_speed() >= 60 && clock_speed() <= 60);
    OK(clock_real_ms(60000) == 1000);

    mono = clock_mono();
    begun = wall();
    clock_sleep_ms(3000); /* 50 real ms */
    OK(clock_mono() - mono >= 3 * NANO_PER_S);
    OK(wall() - begun < 3 * NANO_PER_S);
    clock_set_system();
}

static void a_wait_ends_at_its_deadline_by_this_clock(void)
{
    struct clock_scale scale = { .anchor_unix_nano = wall(), .origin_unix_nano = 0, .speed = 100 };
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t c;
    int64_t begun = wall(), deadline;

    clock_set_scale(scale);
    clock_cond_init(&c);
    pthread_mutex_lock(&m);
    OK(!clock_wait(&c, &m, clock_mono()) && !clock_wait(&c, &m, clock_mono() - 1));
    deadline = clock_mono() + 5 * NANO_PER_S;
    while (clock_wait(&c, &m, deadline))
        ;
    OK(clock_mono() >= deadline - NANO_PER_MS);
    OK(wall() - begun < 4 * NANO_PER_S);
    pthread_mutex_unlock(&m);
    pthread_cond_destroy(&c);
    clock_set_system();
}

struct waiter {
    pthread_mutex_t m;
    pthread_cond_t c;
    bool set;
};

static void *set_it(void *arg)
{
    struct waiter *w = arg;

    pthread_mutex_lock(&w->m);
    w->set = true;
    pthread_cond_broadcast(&w->c);
    pthread_mutex_unlock(&w->m);
    return NULL;
}

static void a_signal_ends_a_wait_for_ever(void)
{
    struct waiter w = { .m = PTHREAD_MUTEX_INITIALIZER };
    pthread_t other;
    bool woken = true;

    clock_cond_init(&w.c);
    pthread_mutex_lock(&w.m);
    OK(pthread_create(&other, NULL, set_it, &w) == 0);
    while (!w.set && woken)
        woken = clock_wait(&w.c, &w.m, INT64_MAX);
    OK(w.set && woken);
    pthread_mutex_unlock(&w.m);
    pthread_join(other, NULL);
    pthread_cond_destroy(&w.c);
}

static void chance_is_uniform_and_repeatable(void)
{
    double first[4], sum = 0;
    unsigned outside = 0;

    clock_seed(42);
    for (int i = 0; i < 4; i++)
        first[i] = clock_random();
    clock_seed(42);
    for (int i = 0; i < 4; i++)
        OK(first[i] >= 0 && first[i] < 1 && !(clock_random() - first[i] > 0));
    for (int i = 0; i < 100000; i++) {
        double v = clock_random();

        outside += !(v >= 0 && v < 1);
        sum += v;
    }
    OK(outside == 0 && sum > 49000 && sum < 51000);
}

int main(void)
{
    RUN(by_default_it_is_the_machines_clock);
    RUN(a_manual_clock_moves_only_by_hand);
    RUN(a_step_moves_the_wall_clock_alone);
    RUN(a_scaled_clock_is_computed_from_three_numbers);
    RUN(a_wait_ends_at_its_deadline_by_this_clock);
    RUN(a_signal_ends_a_wait_for_ever);
    RUN(chance_is_uniform_and_repeatable);
    return tap_done();
}
