/* Rendering of 100,000 counters, and the fold that makes them, against memcpy of the same body in the same run. */
#include <stdio.h>
#include <stdlib.h>

#include "exporters/prometheus/prometheus.h"

#include "tests/bench/bench.h"
#include "tests/collector/ledger/ledger_fixture.h"

enum { SERIES = 100000, ROUNDS = 7 };

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void ignored(void *ctx, uint64_t generation)
{
    (void)ctx;
    (void)generation;
}

static void no_metrics(void *ctx, struct buf *out)
{
    (void)ctx;
    (void)out;
}

/* One bucket for each series; `minute` moves on, so nothing is a repetition. */
static double fold_minute(struct ledger *l, int minute)
{
    double spent = 0;

    for (int from = 0; from < SERIES; from += 10000) {
        struct arena a;
        struct frame *f;
        struct batch *b;
        double start;

        arena_init(&a, 256 << 20);
        f = fixture_frame(&a, T0 + minute * NANO_PER_MIN, T0 + (minute + 1) * NANO_PER_MIN);
        if (minute == 0 && from == 0)
            fixture_mapping(f, 0);
        b = fixture_batch(f);
        for (int i = from; i < from + 10000; i++)
            fixture_measure(b, SV("Requests"), arena_printf(&a, "deployment-%d", i), T0 + minute * NANO_PER_MIN,
                            1 + i % 7);
        start = bench_now();
        ledger_fold(l, f);
        spent += bench_now() - start;
        arena_done(&a);
    }
    return spent;
}

static double scrape_once(struct exporter *p, size_t *bytes, double *copy)
{
    struct http_server_response r = { 0 };
    double start = bench_now(), spent;
    char *to;

    p->ops->scrape(p, NULL, &r);
    spent = bench_now() - start;
    *bytes = http_body_sv(r.shared).len;
    to = malloc(*bytes);
    memset(to, 1, *bytes);
    start = bench_now();
    memcpy(to, http_body_sv(r.shared).at, *bytes);
    *copy = bench_now() - start + (to[*bytes / 2] == 0);
    free(to);
    http_body_unref(r.shared);
    return spent;
}

int main(void)
{
    struct ledger *l = ledger_new(NULL);
    struct exporter_env env = { .ledger = l, .ready = always, .shown = ignored, .self_metrics = no_metrics };
    struct exporter *p = prometheus_exporter_ops.open(NULL, &env, NULL);
    double render[ROUNDS], copies[ROUNDS], folds[ROUNDS], first = fold_minute(l, 0);
    size_t bytes = 0, series = ledger_series_count(l);

    (void)scrape_once(p, &bytes, &copies[0]);
    for (int i = 0; i < ROUNDS; i++) {
        folds[i] = fold_minute(l, i + 1);
        render[i] = scrape_once(p, &bytes, &copies[i]);
    }
    printf("fold, new series     %7.0f ns a measure\n", 1e9 * first / SERIES);
    printf("fold, known series   %7.0f ns a measure\n", 1e9 * bench_median(folds, ROUNDS) / SERIES);
    printf("render               %7.1f ns a series, %zu series, %.1f MB, %.1f x memcpy of the body\n",
           1e9 * bench_median(render, ROUNDS) / (double)series, series, (double)bytes / 1e6,
           bench_median(render, ROUNDS) / bench_median(copies, ROUNDS));
    p->ops->close(p);
    ledger_free(l);
    return 0;
}
