/* What logged calls are counted into beside genai_logged_calls_total: where they were processed, who made them. */
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

/* ---- callers ---- */

static void call_by(sv id, sv deployment, sv caller, int64_t tokens, int decide)
{
    struct frame *f = fixture_log_frame(&arena, 0, 5, decide);
    struct batch *b = fixture_batch(f);
    struct call *c = fixture_call(b, SV("RequestResponse"), id, deployment, T0 + NANO_PER_MIN, deployment.len > 0);

    c->caller_principal = batch_sym(b, caller);
    c->caller_ip = batch_sym(b, SV("81.2.69.***"));
    c->input_tokens = tokens;
    c->output_tokens = deployment.len ? 1 : NONE;
    ledger_fold(l, f);
}

static int64_t by(const char *caller)
{
    return value_of("genai_caller_calls_total", LABEL_CALLER, caller);
}

static void nobody_is_counted_by_caller_unless_told_so(void)
{
    begin();
    fixture_limits(l, &arena, "series=1000");
    call_by(SV("c1"), SV("d"), SV("ann"), 10, 0);
    OK(by("ann") == -1 && value_of("genai_caller_tokens_total", LABEL_CALLER, "ann") == -1);
    OK(value_of("genai_logged_calls_total", LABEL_DEPLOYMENT, "d") == 1);
    OK(ledger_hides(l, family_find(SV("genai_caller_calls_total"))));
    OK(!ledger_hides(l, family_find(SV("genai_logged_calls_total"))));
}

static void a_caller_is_an_identity_else_an_address(void)
{
    begin();
    fixture_limits(l, &arena, "series=1000,callers=10");
    call_by(SV("c1"), SV("d"), SV("ann"), 10, 0);
    call_by(SV("c1"), SV("e"), SV("ann"), 10, 0); /* a row of the same call */
    call_by(SV("c2"), SV("d"), SV("ann"), NONE, 0);
    call_by(SV("c3"), SV("d"), SV(""), 5, 0);
    OK(by("ann") == 2 && by("81.2.69.***") == 1);
    OK(value_of("genai_caller_tokens_total", LABEL_CALLER, "ann") == 12);
    OK(value_of("genai_caller_tokens_total", LABEL_CALLER, "81.2.69.***") == 6);
    fixture_limits(l, &arena, "callers=0");
    call_by(SV("c4"), SV("d"), SV("ann"), 10, 0);
    OK(by("ann") == 2 && ledger_hides(l, family_find(SV("genai_caller_calls_total"))));
}

static void used_by(sv caller, double value)
{
    struct frame *f = fixture_frame(&arena, T0, T0 + NANO_PER_MIN);
    struct batch *b = fixture_batch(f);
    struct measure *m =
        fixture_measure(b, SV("UsedBy"), caller, T0, value); /* the caller is a dimension of the series */

    m->caller = batch_sym(b, caller);
    ledger_fold(l, f);
}

static void a_metric_that_is_split_by_user_counts_by_caller(void)
{
    struct ledger_sizes s;

    begin();
    fixture_limits(l, &arena, "series=1000");
    used_by(SV("ann"), 2);
    OK(by("ann") == -1);
    begin();
    fixture_limits(l, &arena, "series=1000,callers=1");
    used_by(SV("ann"), 2);
    used_by(SV("ann"), 5); /* a revision */
    used_by(SV(""), 7);    /* nobody is told */
    used_by(SV("bob"), 3);
    used_by(SV("bob"), 4);
    OK(by("ann") == 5 && by("bob") == -1 && value_of("genai_caller_calls_total", LABEL_MODEL, "gpt-5-mini") == 5);
    ledger_sizes(l, &s);
    OK(s.caller_calls_refused == 3);
}

static void an_envelope_tells_who_called_when_it_counts(void)
{
    begin();
    fixture_limits(l, &arena, "callers=1");
    call_by(SV("c1"), SV(""), SV("ann"), NONE, 0);
    call_by(SV("c2"), SV(""), SV("ann"), NONE, 0);
    call_by(SV("c3"), SV(""), SV("bob"), NONE, 0);
    OK(by("ann") == -1);
    l = fixture_restart(l);
    call_by(SV("c2"), SV("d"), SV("ann"), 3, 0);
    OK(value_of("genai_caller_calls_total", LABEL_MODEL, "gpt-5-mini") == 1);
    ledger_fold(l, fixture_log_frame(&arena, 5, 10, 4));
    OK(value_of("genai_caller_calls_total", LABEL_MODEL, "") == 1);
    OK(value_of("genai_caller_calls_total", LABEL_MODEL, "gpt-5-mini") == 1);
}

static void callers_beyond_the_limit_are_counted_together(void)
{
    struct ledger_sizes s;
    size_t names;

    for (int with = 0; with < 2; with++) {
        begin();
        fixture_limits(l, &arena, "callers=2");
        call_by(SV("c1"), SV("d"), SV("ann"), 1, 0);
        call_by(SV("c2"), SV("d"), SV("bob"), 1, 0);
        if (with)
            l = fixture_restart(l);
        ledger_sizes(l, &s);
        names = s.names;
        for (int i = 0; i < 100; i++)
            call_by(arena_printf(&arena, "x%d", i), SV("d"), arena_printf(&arena, "invented-%d", i), 1, 0);
        call_by(SV("c3"), SV("d"), SV("ann"), 1, 0);
        if (with)
            l = fixture_restart(l);
        call_by(SV("c4"), SV("d"), SV("eve"), 1, 0);
        ledger_sizes(l, &s);
        OK(by("ann") == 2 && by("bob") == 1 && by("eve") == -1 && by("invented-0") == -1);
        OK(s.callers == 2 && s.callers_limit == 2 && s.caller_calls_refused == 101 && s.names == names);
    }
}

/* What the first version wrote: no callers at the end. */
int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(calls_count_by_where_they_were_processed);
    RUN(an_envelope_waits_to_be_a_logged_call_and_nothing_else);
    RUN(nobody_is_counted_by_caller_unless_told_so);
    RUN(a_caller_is_an_identity_else_an_address);
    RUN(a_metric_that_is_split_by_user_counts_by_caller);
    RUN(an_envelope_tells_who_called_when_it_counts);
    RUN(callers_beyond_the_limit_are_counted_together);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
