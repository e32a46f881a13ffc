/* Scheduler, spine and exporter together: several sources, scrapes while they are polled, a dead one that delays no other. */
#include <pthread.h>

#include "collector/core/scheduler.h"
#include "exporters/prometheus/prometheus.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

enum { SOURCES = 3, DEADLINE_S = 20 };

static const struct policy keep = { .identity = POLICY_KEEP };
static char dir[32];
static struct spine *spine;
static struct fake fakes[SOURCES];
static struct instance instances[SOURCES];
static struct instance *list[SOURCES] = { &instances[0], &instances[1], &instances[2] };
static struct scheduler *scheduler;

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void shown(void *ctx, uint64_t generation)
{
    spine_shown(ctx, generation);
}

static void no_metrics(void *ctx, struct buf *out)
{
    (void)ctx;
    (void)out;
}

static enum err_code dead(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    (void)f;
    (void)w;
    (void)out;
    usleep(50000);
    return err_set(e, ERR_RETRY, "no answer");
}

/* A minute of this clock passes in a tenth of a second. */
static void begin(void)
{
    clock_set_scale((struct clock_scale){ clock_now(), INT64_C(1795168800) * NANO_PER_S, 600 });
    spine = fake_spine(dir, &keep);
    for (int i = 0; i < SOURCES; i++) {
        static const char *const ids[SOURCES] = { "one", "two", "three" };

        fake_init(&fakes[i], &instances[i], ids[i]);
        fakes[i].answer = i == 1 ? dead : fake_one_a_minute;
        instances[i].limits = instances[i].env.limits = rate_limits_new();
    }
    scheduler = scheduler_new(spine, list, SOURCES, 4, NULL);
    scheduler_go(scheduler);
}

static void end(void)
{
    scheduler_free(scheduler);
    spine_close(spine);
    for (int i = 0; i < SOURCES; i++) {
        source_stats_free(instances[i].stats);
        rate_limits_free(instances[i].limits);
    }
    fake_remove(dir);
}

static struct task_status status_of(const char *source)
{
    struct arena arena;
    struct task_status out = { 0 };
    size_t n;
    struct task_view *tasks;

    arena_init(&arena, 1 << 20);
    tasks = scheduler_tasks(scheduler, &arena, &n);
    for (size_t i = 0; i < n; i++)
        if (sv_eq(tasks[i].source, sv_of(source)))
            out = tasks[i].status;
    arena_done(&arena);
    return out;
}

static void *scraper(void *arg)
{
    struct exporter *p = arg;
    int64_t last = 0;

    for (int i = 0; i < 200; i++) {
        struct http_server_response r = { 0 };

        p->ops->scrape(p, NULL, &r);
        if (r.shared)
            last = (int64_t)http_body_sv(r.shared).len;
        http_body_unref(r.shared);
        buf_done(&r.body);
        usleep(5000);
    }
    return last > 0 ? p : NULL;
}

static void a_dead_source_delays_no_other_and_scrapes_go_on(void)
{
    struct exporter_env env;
    struct exporter *p;
    pthread_t threads[2];
    void *good[2];
    bool done = false;

    begin();
    env = (struct exporter_env){
        .ledger = spine_ledger(spine), .ready = always, .shown = shown, .self_metrics = no_metrics, .ctx = spine
    };
    p = prometheus_exporter_ops.open(NULL, &env, NULL);
    OK(scheduler != NULL && p != NULL);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, scraper, p);
    for (int i = 0; i < DEADLINE_S * 50 && !done; i++) {
        usleep(20000);
        done = fakes[0].polls > 8 && fakes[2].polls > 8 && status_of("two").sick;
    }
    OK(done);
    OK(status_of("one").state == TASK_OK || status_of("one").state == TASK_CATCHING_UP);
    OK(status_of("two").state == TASK_FAILING && status_of("two").error.code == ERR_RETRY);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &good[i]);
    OK(good[0] && good[1]);
    p->ops->close(p);
    end();
}

static void stopping_in_the_middle_loses_nothing_that_was_committed(void)
{
    int64_t before, after;
    struct err e = { 0 };

    begin();
    for (int i = 0; i < DEADLINE_S * 50 && fake_total(spine_ledger(spine)) == 0; i++)
        usleep(20000);
    scheduler_free(scheduler);
    before = fake_total(spine_ledger(spine));
    spine_close(spine);
    spine = spine_open(&(struct spine_options){ .dir = dir }, &e);
    after = spine ? fake_total(spine_ledger(spine)) : -1;
    OK(before > 0 && after == before);
    scheduler = NULL;
    end();
}

int main(void)
{
    RUN(a_dead_source_delays_no_other_and_scrapes_go_on);
    RUN(stopping_in_the_middle_loses_nothing_that_was_committed);
    return tap_done();
}
