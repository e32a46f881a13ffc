/* genai_rate_used: native series are added minute by minute, and the busiest of the last fifteen is shown. */
#include "tests/collector/ledger/log_fixture.h"

static struct arena arena;
static struct ledger *l;

static void begin(void)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
}

static void tell(sv name, sv deployment, int minute, double value)
{
    struct frame *f = fixture_frame(&arena, T0 + minute * NANO_PER_MIN, T0 + (minute + 1) * NANO_PER_MIN);

    fixture_measure(fixture_batch(f), name, deployment, T0 + minute * NANO_PER_MIN, value);
    ledger_fold(l, f);
}

static double peak(const char *deployment)
{
    struct series_view v;

    return fixture_find(l, "genai_rate_used", LABEL_DEPLOYMENT, deployment, &v) ? v.gauge : -1;
}

static void what_a_minute_used_is_the_sum_of_its_series(void)
{
    struct series_view v;

    begin();
    tell(SV("Prompt"), SV("d"), 0, 700);
    tell(SV("Out"), SV("d"), 0, 200);
    tell(SV("Prompt"), SV("d"), 1, 800);
    tell(SV("Out"), SV("e"), 0, 5);
    OK(peak("d") == 900 && peak("e") == 5);
    OK(fixture_find(l, "genai_rate_used", LABEL_UNIT, "tokens", &v) && !v.value && !v.shown);
    OK(v.gauge_end_unix_nano == T0 + 2 * NANO_PER_MIN && v.gauge_until_unix_nano > v.gauge_end_unix_nano);
}

static void a_revision_changes_its_own_minute(void)
{
    begin();
    tell(SV("Prompt"), SV("d"), 0, 700);
    tell(SV("Prompt"), SV("d"), 1, 600);
    tell(SV("Prompt"), SV("d"), 0, 900);
    OK(peak("d") == 900);
    tell(SV("Prompt"), SV("d"), 0, 100);
    OK(peak("d") == 600);
}

static void a_peak_is_forgotten_after_a_quarter_of_an_hour(void)
{
    begin();
    tell(SV("Prompt"), SV("d"), 0, 700);
    for (int i = 1; i < PEAK_MINUTES; i++)
        tell(SV("Prompt"), SV("d"), i, 10);
    OK(peak("d") == 700);
    tell(SV("Prompt"), SV("d"), PEAK_MINUTES, 20);
    OK(peak("d") == 20);
    tell(SV("Prompt"), SV("d"), 0, 9000); /* too old by now */
    OK(peak("d") == 20);
    tell(SV("Prompt"), SV("d"), 100, 0);
    OK(peak("d") == 0);
}

static void a_longer_bucket_tells_no_busiest_minute(void)
{
    struct frame *f;

    begin();
    f = fixture_frame(&arena, T0, T0 + NANO_PER_H);
    fixture_measure(fixture_batch(f), SV("Prompt"), SV("d"), T0, 700)->end_unix_nano = T0 + 5 * NANO_PER_MIN;
    ledger_fold(l, f);
    OK(peak("d") == -1);
}

static void a_restart_changes_nothing(void)
{
    double ends[2];

    for (int with = 0; with < 2; with++) {
        begin();
        srandom(11);
        for (int m = 3; m < 40; m++) {
            tell(SV("Prompt"), SV("d"), m - (int)(random() % 4), (double)(random() % 1000));
            tell(SV("Out"), SV("d"), m - (int)(random() % 4), (double)(random() % 1000));
            if (with && m % 9 == 0)
                l = fixture_restart(l);
        }
        ends[with] = peak("d");
    }
    OK(ends[0] > 0 && ends[0] == ends[1]);
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(what_a_minute_used_is_the_sum_of_its_series);
    RUN(a_revision_changes_its_own_minute);
    RUN(a_peak_is_forgotten_after_a_quarter_of_an_hour);
    RUN(a_longer_bucket_tells_no_busiest_minute);
    RUN(a_restart_changes_nothing);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
