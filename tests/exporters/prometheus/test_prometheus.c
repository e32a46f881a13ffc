/* What /metrics derives from the ledger. */
#include <stdlib.h>

#include "collector/net/http_server.h"
#include "exporters/prometheus/prometheus.h"

#include "tests/collector/ledger/ledger_fixture.h"
#include "tests/tap.h"

static struct ledger *l;
static struct arena arena;

static bool ready(void *ctx)
{
    (void)ctx;
    return true;
}

static void shown(void *ctx, uint64_t generation)
{
    (void)ctx;
    (void)generation;
}

static void nothing(void *ctx, struct buf *out)
{
    (void)ctx;
    (void)out;
}

static void fold_latency(int window_to, double sum)
{
    struct frame *f = fixture_frame(&arena, T0, T0 + window_to * NANO_PER_MIN);
    struct measure *m = fixture_measure(fixture_batch(f), SV("Latency"), SV("d"), T0, 1);

    m->sum = sum;
    m->count = 4;
    ledger_fold(l, f);
}

static bool shows(const char *line)
{
    const struct exporter_env env = { .ledger = l, .ready = ready, .shown = shown, .self_metrics = nothing };
    struct exporter *p = prometheus_exporter_ops.open(NULL, &env, NULL);
    struct http_server_response r = { 0 };
    bool there;

    p->ops->scrape(p, NULL, &r);
    there = r.shared && memmem(http_body_sv(r.shared).at, http_body_sv(r.shared).len, line, strlen(line));
    http_body_unref(r.shared);
    p->ops->close(p);
    return there;
}

/* An amount that no double holds, yesterday's. */
static void the_bill_is_shown_exactly_with_the_day_it_is_of(void)
{
    struct frame *f;
    struct batch *b;
    struct charge *c;
    int64_t now = clock_now();

    l = ledger_new(NULL);
    arena_reset(&arena);
    f = fixture_frame(&arena, now - NANO_PER_H, now);
    b = fixture_batch(f);
    b->observed_unix_nano = now;
    c = batch_add_charge(b);
    c->key = 1;
    c->start_unix_nano = clock_floor(now, 24 * NANO_PER_H) - 24 * NANO_PER_H;
    c->cost_nano = INT64_C(9007199254740993001);
    c->currency = batch_sym(b, SV("USD"));
    c->model = batch_sym(b, SV("m"));
    c->direction = batch_sym(b, SV("output"));
    ledger_fold(l, f);
    OK(shows("# TYPE genai_billed_cost gauge\n"));
    OK(shows("genai_billed_cost{cloud=\"azure\",account=\"s1\",cloud_region=\"westeurope\",platform=\"azure_openai\","
             "resource="
             "\"acc\",model=\"m\",direction=\"output\",currency=\"USD\",day_offset=\"1\"} 9007199254.740993001\n"));
    ledger_free(l);
}

/* Sums of seconds are no counts: a debt of theirs would drown all others. */
static void a_debt_is_of_counts_alone(void)
{
    struct frame *f;

    l = ledger_new(NULL);
    f = fixture_frame(&arena, T0, T0);
    fixture_mapping(f, 0);
    fixture_epoch(f, EPOCH_COUNT_FROM, 0, SV("az"), arena_printf(&arena, "%lld", (long long)T0));
    ledger_fold(l, f);
    fold_latency(1, 600);
    fixture_bear(l, &arena);
    fold_latency(2, 100);
    OK(shows("\ngenai_request_duration_mean_seconds_sum{"));
    OK(shows("\ntrefoil_debt{family=\"genai_request_duration_mean_seconds\"} 0\n"));
    ledger_free(l);
}

int main(void)
{
    clock_set_manual(T0);
    arena_init(&arena, 0);
    RUN(the_bill_is_shown_exactly_with_the_day_it_is_of);
    RUN(a_debt_is_of_counts_alone);
    arena_done(&arena);
    return tap_done();
}
