/* The world is a pure function of its arguments; metrics and rows of the same calls add up to the truth. */
#include <stdlib.h>

#include "tests/cloudsim/azure/metric.h"
#include "tests/cloudsim/sim.h"
#include "tests/tap.h"

enum { FIRST = 29925000, MINUTES = 180 };

static struct sim sim;

static void open_sim(uint64_t seed, double late, double revise)
{
    struct err e;

    const struct sim_options o = { .seed = seed,
                                   .calls_per_minute = 600,
                                   .late = late,
                                   .revise = revise,
                                   .count = { [AZURE] = 3, [AWS] = 12 },
                                   .clouds = CLOUD_AZURE | CLOUD_AWS };

    if (sim_open_worlds(&sim, &o, FIRST, FIRST + MINUTES, &e))
        exit(2);
}

static void close_sim(void)
{
    sim_close(&sim);
}

static void truth_of(uint64_t seed, struct buf *out)
{
    open_sim(seed, 0, 0);
    truth_write(&sim, 0, (FIRST + MINUTES) * NANO_PER_MIN, out);
    close_sim();
}

static void the_same_seed_gives_the_same_truth_and_another_seed_another(void)
{
    struct buf a = { .at = NULL }, b = { .at = NULL }, c = { .at = NULL };

    truth_of(7, &a);
    truth_of(7, &b);
    truth_of(8, &c);
    OK(a.len > 10000);
    OK(sv_has(buf_sv(&a), SV("\"azure\"")) && sv_has(buf_sv(&a), SV("\"aws\"")));
    OK(sv_eq(buf_sv(&a), buf_sv(&b)));
    OK(!sv_eq(buf_sv(&a), buf_sv(&c)));
    buf_done(&a);
    buf_done(&b);
    buf_done(&c);
}

static void truth_of_two_halves_is_truth_of_the_whole_and_empty_spans_are_empty(void)
{
    struct span all, first, second, none;

    open_sim(7, 0, 0);
    all = sim_span(&sim, 0, INT64_MAX);
    first = sim_span(&sim, 0, (FIRST + 60) * NANO_PER_MIN + 1);
    second = sim_span(&sim, (FIRST + 60) * NANO_PER_MIN, INT64_MAX);
    none = sim_span(&sim, (FIRST + MINUTES) * NANO_PER_MIN, INT64_MAX);
    OK(all.first == FIRST && all.last == FIRST + MINUTES);
    OK(first.last == FIRST + 60 && second.first == FIRST + 60);
    OK(none.first >= none.last);
    close_sim();
}

/* The sum of a metric over all accounts of one kind, as shown at `now`. */
static double metric_sum(const char *name, enum account_kind kind, int64_t now)
{
    double sum = 0;

    for (unsigned i = 0; i < azure_of(&sim)->world.n_accounts; i++) {
        struct metric_query q = { .account = &azure_of(&sim)->world.accounts[i],
                                  .start = FIRST * NANO_PER_MIN,
                                  .step = NANO_PER_MIN };
        struct series_list list = { .at = NULL };
        struct arena a;

        if (q.account->kind != kind)
            continue;
        q.end = (FIRST + MINUTES) * NANO_PER_MIN;
        q.n_points = MINUTES;
        q.now = now;
        arena_init(&a, 0);
        if (!metric_series(&sim, &q, metric_find(sv_of(name)), &a, &list))
            exit(2);
        for (size_t s = 0; s < list.n; s++)
            sum += list.at[s].order;
        arena_done(&a);
    }
    return sum;
}

struct totals {
    uint64_t calls, input, output;
};

/* Counted call by call, without the sums of minutes. */
static struct totals count_calls(enum account_kind kind)
{
    struct totals t = { 0 };

    for (unsigned d = 0; d < azure_of(&sim)->world.n_deployments; d++) {
        if (azure_of(&sim)->world.accounts[azure_of(&sim)->world.deployments[d].account].kind != kind)
            continue;
        for (int64_t m = FIRST; m < FIRST + MINUTES; m++) {
            uint32_t n = workload_calls(azure_of(&sim)->workload, d, m);

            for (uint32_t k = 0; k < n; k++) {
                struct call c;

                workload_call(azure_of(&sim)->workload, d, m, k, &c);
                t.calls++;
                t.input += c.input;
                t.output += c.output;
            }
        }
    }
    return t;
}

static void settled_metrics_of_both_families_equal_the_calls(void)
{
    int64_t settled = (FIRST + MINUTES + 21) * NANO_PER_MIN;
    struct totals openai, services;

    open_sim(3, 0.2, 0.2);
    openai = count_calls(KIND_OPENAI);
    services = count_calls(KIND_AISERVICES);
    OK(openai.calls > 10000 && services.calls > 10000);
    OK(metric_sum("AzureOpenAIRequests", KIND_OPENAI, settled) == (double)openai.calls);
    OK(metric_sum("ProcessedPromptTokens", KIND_OPENAI, settled) == (double)openai.input);
    OK(metric_sum("GeneratedTokens", KIND_OPENAI, settled) == (double)openai.output);
    OK(metric_sum("ModelRequests", KIND_OPENAI, settled) == 0);
    OK(metric_sum("ModelRequests", KIND_AISERVICES, settled) == (double)services.calls);
    OK(metric_sum("AzureOpenAIRequests", KIND_AISERVICES, settled) == (double)services.calls);
    OK(metric_sum("InputTokens", KIND_AISERVICES, settled) == (double)services.input);
    OK(metric_sum("TotalTokens", KIND_AISERVICES, settled) == (double)(services.input + services.output));
    close_sim();
}

static void a_late_or_revised_figure_differs_before_and_settles_within_twenty_minutes(void)
{
    unsigned missing = 0, zero = 0, low = 0, high = 0, wrong_at_20 = 0;

    open_sim(3, 0.2, 0.2);
    for (uint64_t what = 0; what < 10000; what++) {
        int64_t end = (FIRST + 1) * NANO_PER_MIN;
        uint64_t shown;

        if (!visible_value(&sim, what, FIRST, end + 2 * NANO_PER_MIN, 30, &shown))
            missing++;
        else if (shown == 0)
            zero++;
        else if (shown != 30)
            *(shown < 30 ? &low : &high) += 1;
        if (!visible_value(&sim, what, FIRST, end + 20 * NANO_PER_MIN, 30, &shown) || shown != 30)
            wrong_at_20++;
    }
    OK(missing > 500 && zero > 500);
    OK(low > 500 && high > 500);
    OK(missing + zero + low + high < 4200);
    OK(wrong_at_20 == 0);
    close_sim();
}

static void a_minute_not_yet_over_shows_nothing(void)
{
    uint64_t shown;

    open_sim(3, 0, 0);
    OK(!visible_value(&sim, 1, FIRST, FIRST * NANO_PER_MIN + 30 * NANO_PER_S, 5, &shown));
    close_sim();
}

static void rows_arrive_as_promised(void)
{
    uint64_t early = 0, hours = 0, broken = 0, envelope_only = 0, again = 0;

    open_sim(5, 0, 0);
    for (unsigned d = 0; d < azure_of(&sim)->world.n_deployments; d++) {
        for (int64_t m = FIRST; m < FIRST + MINUTES; m++) {
            uint32_t n = workload_calls(azure_of(&sim)->workload, d, m);

            for (uint32_t k = 0; k < n; k++) {
                struct call c;
                int64_t envelope, model;

                workload_call(azure_of(&sim)->workload, d, m, k, &c);
                envelope = c.arrives[ROW_ENVELOPE];
                model = c.arrives[ROW_MODEL];
                for (unsigned r = 0; r < ROW_KINDS; r++)
                    broken += c.arrives[r] && c.arrives[r] <= c.at;
                broken += envelope > c.at + 15 * NANO_PER_MIN + 280 * NANO_PER_S;
                broken += envelope && model > envelope + 225 * NANO_PER_MIN;
                broken += c.arrives[ROW_USAGE] > c.at + c.duration_ms * NANO_PER_MS + 180 * NANO_PER_S;
                broken += c.again_at > m * NANO_PER_MIN + LATEST_S * NANO_PER_S;
                broken += !azure_of(&sim)->world.deployments[d].openai && !model;
                early += envelope && model && model < envelope;
                hours += envelope && model > envelope + NANO_PER_H;
                envelope_only += envelope && !model;
                again += c.again_at > 0;
            }
        }
    }
    OK(broken == 0);
    OK(early > 0 && hours > 0 && envelope_only > 0 && again > 0);
    close_sim();
}

int main(void)
{
    RUN(the_same_seed_gives_the_same_truth_and_another_seed_another);
    RUN(truth_of_two_halves_is_truth_of_the_whole_and_empty_spans_are_empty);
    RUN(settled_metrics_of_both_families_equal_the_calls);
    RUN(a_late_or_revised_figure_differs_before_and_settles_within_twenty_minutes);
    RUN(a_minute_not_yet_over_shows_nothing);
    RUN(rows_arrive_as_promised);
    return tap_done();
}
