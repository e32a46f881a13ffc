/* Frames in memory: symbols, growth, limits, names. */
#include <math.h>

#include "collector/model/record.h"

#include "tests/tap.h"

static struct arena a;

static struct batch *new_batch(void)
{
    arena_reset(&a);
    return frame_add_batch(frame_new(&a, SV("src"), SV("scope")));
}

static void a_string_has_one_number(void)
{
    struct batch *b = new_batch();
    const sym x = batch_sym(b, SV("x")), y = batch_sym(b, SV("y"));

    OK(x == 1 && y == 2 && batch_sym(b, SV("x")) == 1 && batch_symbols(b) == 2);
    OK(sv_eq(batch_sv(b, y), SV("y")));
    OK(batch_sym(b, SV("")) == 0 && batch_sv(b, 0).len == 0 && batch_sv(b, 3).len == 0 &&
       batch_sv(b, UINT32_MAX).len == 0);
}

static void thousands_of_strings_keep_their_numbers(void)
{
    struct batch *b = new_batch();
    char text[16];
    int wrong = 0;

    for (int round = 0; round < 2; round++)
        for (unsigned i = 1; i <= 20000; i++) {
            const int n = snprintf(text, sizeof text, "s%u", i);

            wrong += batch_sym(b, (sv){ text, (size_t)n }) != i;
        }
    OK(wrong == 0 && batch_symbols(b) == 20000);
    OK(sv_eq(batch_sv(b, 777), SV("s777")));
}

/* As reading a hostile frame does it: this ends at once, or not in a lifetime. */
static void equal_strings_make_no_run_of_slots(void)
{
    struct batch *b = new_batch();
    int wrong = 0;

    for (unsigned i = 1; i <= 300000; i++)
        wrong += batch_add_symbol(b, SV("same")) != i;
    OK(wrong == 0 && batch_sym(b, SV("same")) == 1 && batch_sym(b, SV("other")) == 300001);
    OK(batch_sym_find(b, SV("same")) == 1 && batch_sym_find(b, SV("none")) == 0 && batch_sym_find(b, SV("")) == 0);
    OK(sv_eq(batch_sv(b, 300000), SV("same")));
}

static void views_are_copied(void)
{
    struct batch *b = new_batch();
    char text[] = "volatile";
    const sym s = batch_sym(b, sv_of(text));

    memset(text, 'x', sizeof text - 1);
    OK(sv_eq(batch_sv(b, s), SV("volatile")));
}

static void new_records_have_nothing(void)
{
    struct batch *b = new_batch();
    const struct call *c = batch_add_call(b);
    const struct measure *m = batch_add_measure(b);
    const struct charge *h = batch_add_charge(b);

    OK(c->input_tokens == NONE && c->response_bytes == NONE && c->http_status == NONE && c->request_id.at != NULL);
    OK(isnan(m->value) && isnan(m->p99) && h->cost_nano == NONE && isnan(h->quantity));
    OK(batch_add_audit(b) != NULL && batch_add_gap(b) != NULL);
}

static void records_survive_growth(void)
{
    struct batch *b = new_batch();
    int wrong = 0;

    for (int64_t i = 0; i < 1000; i++)
        batch_add_call(b)->input_tokens = i;
    for (int64_t i = 0; i < 1000; i++)
        wrong += b->calls[i].input_tokens != i || b->calls[i].output_tokens != NONE;
    OK(wrong == 0 && b->n_calls == 1000);
}

static void batches_keep_their_order(void)
{
    struct frame *f;

    arena_reset(&a);
    f = frame_new(&a, SV("src"), SV("scope"));
    for (uint32_t i = 1; i <= 3; i++) {
        struct batch *b = frame_add_batch(f);

        b->mapping_version = i;
        (void)batch_add_gap(b);
    }
    OK(f->batches->mapping_version == 1 && f->batches->next->mapping_version == 2 &&
       f->last_batch->mapping_version == 3);
    OK(frame_records(f) == 3 && sv_eq(f->source, SV("src")) && sv_eq(f->scope, SV("scope")));
}

static void quarantine_is_counted_and_cut(void)
{
    struct frame *f;
    static char large[100000];
    const struct quarantine *q;

    arena_reset(&a);
    f = frame_new(&a, SV("src"), SV("scope"));
    q = frame_add_quarantine(f, REASON_MALFORMED, SV("row 7"), SV("{"));
    OK(!q->truncated && sv_eq(q->bytes, SV("{")) && f->tally.quarantined[REASON_MALFORMED] == 1);
    q = frame_add_quarantine(f, REASON_MALFORMED, SV("row 8"), (sv){ large, sizeof large });
    OK(q->truncated && q->bytes.len < sizeof large && f->tally.quarantined[REASON_MALFORMED] == 2);
}

/* At every limit: NULL, never a crash; and after a lost symbol no record that would look as if its cloud had not told.
 */
static void limits_are_told(void)
{
    bool filled = false, refused = false, lost_then_refused = true;

    for (size_t limit = 16; limit < 200000; limit += 208) {
        struct arena small;
        struct frame *f;
        struct batch *b;
        char text[16];
        bool lost = false;

        arena_init(&small, limit);
        f = frame_new(&small, SV("s"), SV(""));
        b = f ? frame_add_batch(f) : NULL;
        for (unsigned i = 0; b && i < 100; i++) {
            const int n = snprintf(text, sizeof text, "symbol-%u", i);
            const sym s = batch_sym(b, (sv){ text, (size_t)n });
            const struct call *c = batch_add_call(b);

            lost = lost || s == 0;
            lost_then_refused = lost_then_refused && !(lost && c);
            refused = refused || !c;
            filled = filled || b->n_calls == 100;
        }
        if (f)
            (void)(frame_add_window(f) && frame_add_epoch(f) && frame_add_mark(f) &&
                   frame_add_quarantine(f, REASON_LIMIT, SV("x"), SV("y")));
        arena_done(&small);
    }
    OK(refused && filled); /* both sides of the limit were seen */
    OK(lost_then_refused);
}

static void names_go_both_ways(void)
{
    int wrong = 0;

    for (int c = 1; c < CLOUDS; c++)
        wrong += cloud_parse(sv_of(cloud_name((enum cloud)c))) != (enum cloud)c;
    for (int p = 1; p < PLATFORMS; p++)
        wrong += platform_parse(sv_of(platform_name((enum platform)p))) != (enum platform)p;
    for (int o = 1; o < OUTCOMES; o++)
        wrong += strlen(outcome_name((enum outcome)o)) == 0;
    for (int r = 1; r < REASONS; r++)
        wrong += strlen(reason_name((enum reason)r)) == 0;
    OK(wrong == 0);
    OK(cloud_parse(SV("Azure")) == CLOUD_NONE && platform_parse(SV("")) == PLATFORM_NONE &&
       *cloud_name(CLOUD_NONE) == 0);
    OK(strcmp(platform_name(PLATFORM_BEDROCK_MANTLE), "bedrock_mantle") == 0);
    OK(*cloud_name((enum cloud)99) == 0 && *outcome_name((enum outcome) - 1) == 0);
}

static void status_gives_the_outcome(void)
{
    OK(outcome_of_status(200) == OUTCOME_SUCCESS && outcome_of_status(204) == OUTCOME_SUCCESS);
    OK(outcome_of_status(429) == OUTCOME_THROTTLED);
    OK(outcome_of_status(400) == OUTCOME_CLIENT_ERROR && outcome_of_status(499) == OUTCOME_CLIENT_ERROR);
    OK(outcome_of_status(500) == OUTCOME_SERVER_ERROR && outcome_of_status(503) == OUTCOME_SERVER_ERROR);
    OK(outcome_of_status(0) == OUTCOME_UNKNOWN && outcome_of_status(302) == OUTCOME_UNKNOWN);
    OK(outcome_of_status(NONE) == OUTCOME_UNKNOWN && outcome_of_status(-200) == OUTCOME_UNKNOWN);
}

int main(void)
{
    arena_init(&a, 0);
    RUN(a_string_has_one_number);
    RUN(thousands_of_strings_keep_their_numbers);
    RUN(equal_strings_make_no_run_of_slots);
    RUN(views_are_copied);
    RUN(new_records_have_nothing);
    RUN(records_survive_growth);
    RUN(batches_keep_their_order);
    RUN(quarantine_is_counted_and_cut);
    RUN(limits_are_told);
    RUN(names_go_both_ways);
    RUN(status_gives_the_outcome);
    arena_done(&a);
    return tap_done();
}
