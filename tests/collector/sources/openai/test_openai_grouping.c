/* A change of what usage or costs are grouped by counts nothing twice, whether it was wanted or the service refuses it. */
#include "collector/ledger/ledger.h"

#include "tests/collector/sources/openai/fake_openai.h"
#include "tests/tap.h"

#define DAY (24 * NANO_PER_H)

static struct ledger *ledger;
static const char *groups[] = { "user_id" };

static void use_ledger(struct fake *f)
{
    f->env.ledger = ((struct openai_source *)f->source)->env.ledger = ledger;
}

static bool start(struct fake *f)
{
    ledger = ledger_new(NULL);
    if (!ledger || !fake_start(f))
        return false;
    use_ledger(f);
    return fake_discover(f);
}

static void stop(struct fake *f)
{
    fake_stop(f);
    ledger_free(ledger);
}

/* As a daemon that begins again with another configuration. */
static bool restart(struct fake *f)
{
    openai_source_ops.close(f->source);
    if (!fake_open(f))
        return false;
    use_ledger(f);
    return fake_discover(f);
}

/* Reads the window and folds what came, as the runner does. */
static enum err_code read_window(struct fake *f, const char *group, int64_t from, int64_t to)
{
    struct frame *out;
    struct err e;
    enum err_code code = fake_poll_window(f, group, from, to, &out, &e);

    if (code) {
        printf("# %s\n", e.text);
        return code;
    }
    *frame_add_window(out) = (struct window){ .source = SV("openai"),
                                              .scope = SV("organization"),
                                              .group = sv_of(group),
                                              .from_unix_nano = from,
                                              .to_unix_nano = to,
                                              .read_at_unix_nano = clock_now() };
    *frame_add_epoch(out) = (struct epoch){
        .kind = EPOCH_MAPPING, .hash = 1, .rules = (struct rule *)(uintptr_t)openai_rules, .n_rules = OPENAI_RULES
    };
    ledger_filter(ledger, out);
    ledger_fold(ledger, out);
    return ERR_OK;
}

static int64_t requests(void)
{
    static const char *labels[LABELS];
    struct series_view v;
    int64_t sum = 0;

    for (size_t i = 0; i < ledger_series_count(ledger); i++) {
        ledger_series(ledger, i, &v, labels);
        sum += v.family == family_find(SV("genai_requests_total")) ? v.value[0] : 0;
    }
    return sum;
}

/* All days that are billed. */
static int64_t billed(void)
{
    struct billed_view v;
    int64_t sum = 0;

    for (size_t i = 0; i < ledger_billed_count(ledger); i++) {
        ledger_billed(ledger, i, &v);
        sum += v.nano;
    }
    return sum;
}

static void usage_that_was_read_keeps_its_grouping(void)
{
    int64_t now = clock_floor(clock_now(), NANO_PER_MIN), from = now - 5 * NANO_PER_MIN;
    struct fake f;

    if (!OK(start(&f)))
        return;
    OK(read_window(&f, "usage/completions", from, now) == ERR_OK && requests() == 10);
    f.config.usage.group_by = (struct string_list){ .at = groups, .n = 1 };
    OK(restart(&f) && read_window(&f, "usage/completions", from, now) == ERR_OK);
    OK(requests() == 10 && !fake_has(sv_of(f.target), "user_id"));
    /* Buckets that nobody has read are grouped as it is wanted, those before as they were. */
    OK(read_window(&f, "usage/completions", now + 60 * NANO_PER_MIN, now + 61 * NANO_PER_MIN) == ERR_OK);
    OK(requests() == 12 && fake_has(sv_of(f.target), "user_id"));
    f.usage = 0;
    OK(read_window(&f, "usage/completions", from, now + 61 * NANO_PER_MIN) == ERR_OK && f.usage == 2);
    OK(requests() == 132);
    stop(&f);
}

/* Native series of the requests in a frame, summed: which, whatever their order. */
static uint64_t series_of_requests(const struct frame *f, size_t *n)
{
    uint64_t sum = 0;

    *n = 0;
    for (const struct batch *b = f->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            if (sv_eq(batch_sv(b, b->measures[i].name), SV("num_model_requests"))) {
                sum += b->measures[i].series;
                ++*n;
            }
    return sum;
}

/* A control read of the hours [from, to). */
static enum err_code read_hours(struct fake *f, int64_t from, int64_t to, struct frame **out)
{
    struct window w = { .from_unix_nano = from, .to_unix_nano = to, .control = true };
    struct source_job job = *fake_job(f, "usage/completions");
    struct err e = { 0 };

    job.grain_ms = job.control_grain_ms;
    arena_reset(&f->memory);
    *out = frame_new(&f->memory, SV("openai"), SV("organization"));
    return openai_source_ops.poll(f->source, &job, &w, *out, &e);
}

static void hours_are_of_the_same_series_and_leave_out_a_change_of_grouping(void)
{
    int64_t hour = clock_floor(clock_now(), NANO_PER_H), since = 0;
    uint64_t by_minute;
    struct frame *out;
    struct fake f;
    struct err e;
    size_t n;

    if (!OK(start(&f)))
        return;
    OK(fake_job(&f, "usage/completions")->controls && !fake_job(&f, "usage/vector_stores")->controls);
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK);
    by_minute = series_of_requests(out, &n); /* of five minutes */
    OK(n == 10);
    OK(read_hours(&f, hour - 3 * NANO_PER_H, hour - 2 * NANO_PER_H, &out) == ERR_OK &&
       fake_has(sv_of(f.target), "bucket_width=1h"));
    OK(series_of_requests(out, &n) * 5 == by_minute && n == 2);
    OK(out->batches->measures[0].end_unix_nano - out->batches->measures[0].start_unix_nano == NANO_PER_H);
    OK(read_window(&f, "usage/completions", hour - 5 * NANO_PER_MIN, hour) == ERR_OK);
    f.config.usage.group_by = (struct string_list){ .at = groups, .n = 1 };
    OK(restart(&f) && read_window(&f, "usage/completions", hour - 5 * NANO_PER_MIN, hour) == ERR_OK);
    /* From the next minute on by user: the hour that holds it is in two groupings. */
    f.usage = 0;
    OK(read_hours(&f, hour - NANO_PER_H, hour + 3 * NANO_PER_H, &out) == ERR_OK && f.usage == 2);
    (void)ledger_authority_at(ledger, SV("usage/completions"), SV("openai"), hour + 3 * NANO_PER_H, &since, &f.memory);
    OK(since > hour && series_of_requests(out, &n) && n > 0);
    for (const struct batch *b = out->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            OK(b->measures[i].start_unix_nano >= since || b->measures[i].end_unix_nano <= since);
    stop(&f);
}

static void a_grouping_of_before_that_is_refused_holds_up_nothing(void)
{
    int64_t now = clock_floor(clock_now(), NANO_PER_MIN), from = now - 5 * NANO_PER_MIN;
    struct fake f;

    if (!OK(start(&f)))
        return;
    f.config.usage.group_by = (struct string_list){ .at = groups, .n = 1 };
    OK(read_window(&f, "usage/completions", from, now) == ERR_OK && requests() == 10);
    f.config.usage.group_by.n = 0;
    OK(restart(&f) && read_window(&f, "usage/completions", from, now) == ERR_OK);
    f.fault = (struct fake_fault){ "user_id", 400, "{\"error\":{\"message\":\"no\"}}", NULL, 0 };
    OK(read_window(&f, "usage/completions", from, now + 60 * NANO_PER_MIN) == ERR_OK);
    OK(requests() > 10 && fake_note(&f, "usage.completions")[0]);
    stop(&f);
}

static void costs_that_were_read_keep_their_grouping(void)
{
    int64_t today = clock_floor(clock_now(), DAY), from = today - 2 * DAY;
    struct fake f;

    if (!OK(start(&f)))
        return;
    OK(read_window(&f, "costs", from, today) == ERR_OK && billed() == 2500000000);
    f.config.costs.by_api_key = true;
    OK(restart(&f) && read_window(&f, "costs", from, today) == ERR_OK && billed() == 2500000000);
    OK(read_window(&f, "costs", from, today + DAY) == ERR_OK && billed() == 3750000000);
    /* Tomorrow by key, and then no more. */
    OK(read_window(&f, "costs", today + DAY, today + 2 * DAY) == ERR_OK && billed() == 5000000000);
    OK(fake_has(sv_of(f.target), "api_key_id"));
    stop(&f);
}

static void days_that_were_split_are_not_read_without(void)
{
    int64_t today = clock_floor(clock_now(), DAY), from = today - 2 * DAY;
    struct fake f;

    if (!OK(start(&f)))
        return;
    f.config.costs.by_api_key = true;
    OK(read_window(&f, "costs", from, today) == ERR_OK && billed() == 2500000000);
    f.refuses_keys = true;
    OK(restart(&f) && read_window(&f, "costs", from, today) == ERR_OK && billed() == 2500000000);
    OK(fake_note(&f, "costs.by_api_key")[0]);
    OK(read_window(&f, "costs", from, today + 2 * DAY) == ERR_OK && billed() == 3750000000); /* tomorrow, without */
    stop(&f);
}

static void a_refusal_behind_the_first_page_is_no_answer(void)
{
    int64_t today = clock_floor(clock_now(), DAY);
    struct fake f;

    if (!OK(start(&f)))
        return;
    f.config.costs.by_api_key = true;
    f.refuses_pages = true;
    OK(read_window(&f, "costs", today - 2 * DAY, today) == ERR_PARTIAL && billed() == 0);
    f.page_buckets = 2;
    f.fault = (struct fake_fault){ "page=", 404, "{}", NULL, 0 };
    OK(read_window(&f, "usage/completions", today - 5 * NANO_PER_MIN, today) == ERR_PARTIAL);
    stop(&f);
}

/* A gateway's 404 must not cost what the service tells an hour later. */
static void what_was_not_there_is_read_when_it_is_there_again(void)
{
    int64_t now = clock_floor(clock_now(), NANO_PER_MIN), from = now - 60 * NANO_PER_MIN;
    struct fake f;

    if (!OK(start(&f)))
        return;
    f.fault = (struct fake_fault){ "/usage/images", 404, "{}", NULL, 0 };
    OK(read_window(&f, "usage/images", from, from + 2 * NANO_PER_MIN) == ERR_OK);
    OK(read_window(&f, "usage/images", from + 2 * NANO_PER_MIN, from + 4 * NANO_PER_MIN) == ERR_OK && requests() == 0);
    f.fault = (struct fake_fault){ 0 };
    openai_kind_absent((struct openai_source *)f.source, openai_kind_find(SV("images")), -1); /* an hour later */
    OK(read_window(&f, "usage/images", now - 2 * NANO_PER_MIN, now) == ERR_OK && requests() == 120);
    f.usage = 0;
    OK(read_window(&f, "usage/images", now - 2 * NANO_PER_MIN, now) == ERR_OK && f.usage == 1 && requests() == 120);
    OK(fake_has(sv_of(f.target), arena_printf(&f.memory, "start_time=%lld", (long long)(now / NANO_PER_S - 120)).at));
    stop(&f);
}

int main(void)
{
    clock_set_scale((struct clock_scale){ clock_now(), clock_now(), 60 });
    RUN(usage_that_was_read_keeps_its_grouping);
    RUN(hours_are_of_the_same_series_and_leave_out_a_change_of_grouping);
    RUN(a_grouping_of_before_that_is_refused_holds_up_nothing);
    RUN(costs_that_were_read_keep_their_grouping);
    RUN(days_that_were_split_are_not_read_without);
    RUN(what_was_not_there_is_read_when_it_is_there_again);
    RUN(a_refusal_behind_the_first_page_is_no_answer);
    return tap_done();
}
