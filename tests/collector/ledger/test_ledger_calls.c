/* What logged calls are counted into beside genai_logged_calls_total: where they were processed. */
#include "tests/collector/ledger/log_fixture.h"

static struct arena arena;
static struct ledger *l;

static void begin(void)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
}

static int64_t value_of(const char *family, enum label label, const char *value)
{
    struct series_view v;

    return fixture_find(l, family, label, value, &v) ? v.value[0] : -1;
}

static struct call *served(struct batch *b, sv id, uint64_t row, sv region, sv jurisdiction)
{
    struct call *c = fixture_call(b, SV("Invocation"), id, SV("d"), T0 + NANO_PER_MIN, row);

    c->served_region = batch_sym(b, region);
    c->served_jurisdiction = batch_sym(b, jurisdiction);
    return c;
}

static void calls_count_by_where_they_were_processed(void)
{
    struct frame *f;
    struct batch *b;

    begin();
    f = fixture_log_frame(&arena, 0, 5, 0);
    b = fixture_batch(f);
    served(b, SV("c1"), 1, SV("us-east-1"), SV("us"));
    served(b, SV("c2"), 1, SV("us-west-2"), SV("us"));
    served(b, SV("c3"), 1, SV("us-west-2"), SV("us"))->deployment = batch_sym(b, SV("other"));
    served(b, SV("c3"), 2, SV("us-west-2"), SV("us")); /* a second row of one call */
    served(b, SV("c4"), 1, SV(""), SV(""));
    ledger_fold(l, f);
    OK(value_of("genai_served_calls_total", LABEL_SERVED_REGION, "us-east-1") == 1);
    OK(value_of("genai_served_calls_total", LABEL_SERVED_REGION, "us-west-2") == 2);
    OK(value_of("genai_served_calls_total", LABEL_SERVED_REGION, "") == 1);
    OK(value_of("genai_served_calls_total", LABEL_SERVED_JURISDICTION, "us") == 1);
    OK(value_of("genai_logged_calls_total", LABEL_DEPLOYMENT, "d") == 3);
    l = fixture_restart(l);
    OK(value_of("genai_served_calls_total", LABEL_SERVED_REGION, "us-west-2") == 2);
    f = fixture_log_frame(&arena, 5, 10, 0);
    served(fixture_batch(f), SV("c5"), 1, SV("us-west-2"), SV("us"));
    ledger_fold(l, f);
    OK(value_of("genai_served_calls_total", LABEL_SERVED_REGION, "us-west-2") == 3);
}

static void an_envelope_waits_to_be_a_logged_call_and_nothing_else(void)
{
    struct frame *f;

    begin();
    f = fixture_log_frame(&arena, 0, 5, 0);
    fixture_call(fixture_batch(f), SV("Invocation"), SV("c1"), SV(""), T0 + NANO_PER_MIN, 1);
    ledger_fold(l, f);
    ledger_fold(l, fixture_log_frame(&arena, 5, 10, 4));
    OK(value_of("genai_logged_calls_total", LABEL_DEPLOYMENT, "") == 1);
    OK(value_of("genai_served_calls_total", LABEL_SERVED_REGION, "") == -1);
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(calls_count_by_where_they_were_processed);
    RUN(an_envelope_waits_to_be_a_logged_call_and_nothing_else);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
