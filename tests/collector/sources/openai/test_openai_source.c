/* The source against a small OpenAI on loopback: projects first, pages whole or not at all, refusals with their remedy. */
#include "tests/collector/sources/openai/fake_openai.h"
#include "tests/tap.h"

static sv region_of(const struct frame *f, const char *project)
{
    const struct batch *b = fake_batch(f, project);

    return b ? batch_sv(b, b->origin.cloud_region) : SV("(none)");
}

static void usage_waits_for_the_projects(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_jobs(&f) > 0 && fake_job(&f, "inventory")->discovers && !fake_job(&f, "usage/completions"));
    f.fault = (struct fake_fault){ "/projects", 500, "", NULL, 0 };
    OK(fake_poll(&f, "inventory", &out, &e) == ERR_RETRY);
    OK(fake_jobs(&f) > 0 && !fake_job(&f, "usage/completions")); /* a passing fault is no answer */
    f.fault = (struct fake_fault){ 0 };
    OK(fake_poll(&f, "inventory", &out, &e) == ERR_OK && f.projects == 2);
    OK(fake_jobs(&f) > 10 && fake_job(&f, "usage/completions") && fake_job(&f, "usage/vector_stores"));
    OK(fake_job(&f, "usage/completions")->grain_ms == 60000 &&
       fake_job(&f, "usage/vector_stores")->grain_ms == 3600000);
    fake_stop(&f);
}

static void a_window_of_usage_is_read_with_its_labels(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    const struct batch *b;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK);
    OK(fake_count(out, "num_model_requests", NULL) == 10 && fake_count(out, "output_tokens", "proj_eu") == 5);
    OK(out->tally.received == 30 && frame_records(out) == 30);
    b = fake_batch(out, "proj_eu");
    OK(b && sv_eq(batch_sv(b, b->origin.account), SV("org-test")) && sv_eq(region_of(out, "proj_eu"), SV("eu")));
    OK(sv_eq(region_of(out, "proj_us"), SV("global")));
    OK(b && sv_eq(batch_sv(b, b->measures[0].model), SV("gpt-5-mini")) &&
       sv_eq(batch_sv(b, b->measures[0].operation), SV("chat")) &&
       sv_eq(batch_sv(b, b->measures[0].tier), SV("default")));
    OK(fake_has(sv_of(f.target), "&bucket_width=1m&limit=60&group_by%5B%5D=project_id&group_by%5B%5D=model"));
    fake_stop(&f);
}

static void pages_are_followed_to_the_last_one(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    f.page_buckets = 2;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && f.usage == 3);
    OK(fake_count(out, "num_model_requests", NULL) == 10);
    f.page_buckets = 1;
    f.cursor_repeats = true;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_PARTIAL && fake_has(sv_of(e.text), "repeats"));
    f.no_cursor = true;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_PARTIAL);
    f.page_buckets = 0;
    f.bucket_step = "300";
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_PARSE && fake_has(sv_of(e.text), "asked for"));
    fake_stop(&f);
}

/* Labels are fixed when a bucket is first seen, so a project is looked for before it is counted without its region. */
static void a_project_that_is_new_is_looked_for_once(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    f.fresh = "proj_new";
    f.fresh_is_listed = true;
    OK(f.projects == 2 && fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && f.projects == 4);
    OK(sv_eq(region_of(out, "proj_new"), SV("us")));
    f.fresh = "proj_secret";
    f.fresh_is_listed = false;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && f.projects == 4); /* not each minute */
    OK(fake_count(out, "num_model_requests", "proj_secret") == 5 && region_of(out, "proj_secret").len == 0);
    fake_stop(&f);
}

static void the_key_is_read_anew_and_never_told(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    setenv("TEST_OPENAI_KEY", "sk-admin-bad", 1);
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_AUTH);
    OK(fake_has(sv_of(e.text), "env:TEST_OPENAI_KEY") && !fake_has(sv_of(e.text), "sk-admin-b") &&
       e.retry_after_ms > 30000);
    setenv("TEST_OPENAI_KEY", FAKE_KEY, 1);
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK);
    unsetenv("TEST_OPENAI_KEY");
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_CONFIG);
    fake_stop(&f);
}

/* ---- What may be missing ---- */

static void a_kind_that_is_not_there_is_a_gap_and_asked_for_again(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    int asked;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    f.fault = (struct fake_fault){ "/usage/moderations", 404, "{}", NULL, 0 };
    OK(fake_poll(&f, "usage/moderations", &out, &e) == ERR_OK);
    OK(out->batches && out->batches->n_gaps == 1 && frame_records(out) == 1 && out->tally.received == 1);
    OK(sv_eq(batch_sv(out->batches, out->batches->gaps[0].cause), SV("not_available")));
    OK(fake_note(&f, "usage.moderations")[0]);
    asked = f.asked;
    OK(fake_poll(&f, "usage/moderations", &out, &e) == ERR_OK && f.asked == asked && out->batches->n_gaps == 1);
    OK(fake_poll(&f, "usage/images", &out, &e) == ERR_OK && frame_records(out) > 0); /* the others are not concerned */
    f.fault = (struct fake_fault){ 0 };
    OK(fake_poll(&f, "usage/moderations", &out, &e) == ERR_OK && f.asked == asked + 1);            /* of images */
    openai_kind_absent((struct openai_source *)f.source, openai_kind_find(SV("moderations")), -1); /* an hour later */
    OK(fake_poll(&f, "usage/moderations", &out, &e) == ERR_OK && fake_count(out, "num_model_requests", NULL) == 10);
    OK(!fake_note(&f, "usage.moderations")[0]);
    fake_stop(&f);
}

static void who_may_not_list_projects_reads_usage_without_regions(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_jobs(&f) > 0))
        return;
    f.fault = (struct fake_fault){ "/projects", 403, "{\"error\":{\"message\":\"no\"}}", NULL, 0 };
    OK(fake_poll(&f, "inventory", &out, &e) == ERR_OK && fake_jobs(&f) > 10);
    OK(fake_has(sv_of(fake_note(&f, "projects.list")), "admin key"));
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && region_of(out, "proj_eu").len == 0);
    f.fault = (struct fake_fault){ 0 };
    OK(fake_poll(&f, "inventory", &out, &e) == ERR_OK && !fake_note(&f, "projects.list")[0]);
    fake_stop(&f);
}

static void a_list_that_is_refused_meanwhile_holds_up_no_usage(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    f.fresh = "proj_new";
    f.fresh_is_listed = true;
    f.fault = (struct fake_fault){ "/projects", 500, "", NULL, 0 };
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_RETRY);
    OK(fake_poll(&f, "usage/embeddings", &out, &e) == ERR_RETRY); /* not counted without its region */
    f.fault = (struct fake_fault){ "/projects", 403, "{\"error\":{\"message\":\"no\"}}", NULL, 0 };
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && region_of(out, "proj_new").len == 0);
    OK(sv_eq(region_of(out, "proj_eu"), SV("eu")) && fake_note(&f, "projects.list")[0]);
    fake_stop(&f);
}

/* ---- Costs ---- */

static size_t charges(const struct frame *f)
{
    size_t n = 0;

    for (const struct batch *b = f->batches; b; b = b->next)
        n += b->n_charges;
    return n;
}

/* What is read again after its day is shown no more would be stored again each time. */
static void costs_are_looked_back_for_as_long_as_they_are_shown(void)
{
    static const char *const texts[] = { "costs: {lookback: 3d}", "costs: {lookback: 4d}" };

    for (size_t i = 0; i < 2; i++) {
        struct config_file file = { 0 };
        struct openai_config c = { 0 };
        struct err e = { 0 };

        OK(config_parse(&file, "test", sv_of(texts[i]), &e) == ERR_OK);
        OK((config_bind(&file, file.root, "openai", openai_options, &c, &e) == ERR_OK) == (i == 0));
        config_done(&file);
    }
}

static void costs_are_read_by_whole_days_until_now(void)
{
    const int64_t day = 24 * NANO_PER_H;
    struct fake f;
    struct frame *out;
    struct err e;
    int64_t now = clock_now(), today = clock_floor(now, day), hour = clock_floor(now, NANO_PER_H);
    const struct charge *c;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    OK(fake_job(&f, "costs") && fake_job(&f, "costs")->grain_ms == 3600000 &&
       sv_eq(fake_job(&f, "costs")->signal, SV("charges")));
    OK(fake_poll_window(&f, "costs", today - 2 * day + NANO_PER_H, hour > today ? hour : today + NANO_PER_H, &out,
                        &e) == ERR_OK);
    OK(charges(out) == 3 && f.costs == 3 && out->tally.received == 3);
    OK(!fake_has(sv_of(f.target), "end_time") && fake_has(sv_of(f.target), "&bucket_width=1d&limit=1&"));
    c = out->batches->charges;
    OK(c->start_unix_nano == today - 2 * day && c->end_unix_nano == today - day && c->cost_nano == 1250000000);
    OK(sv_eq(batch_sv(out->batches, c->currency), SV("USD")) &&
       sv_eq(batch_sv(out->batches, c->model), SV("gpt-5-mini")));
    OK(fake_poll_window(&f, "costs", today - 2 * day, today - day, &out, &e) == ERR_OK && charges(out) == 1);
    OK(fake_has(sv_of(f.target), "end_time")); /* a day that is over */
    fake_stop(&f);
}

/* The first hour of the day before. */
static enum err_code poll_a_day(struct fake *f, struct frame **out, struct err *e)
{
    int64_t from = clock_floor(clock_now(), 24 * NANO_PER_H) - 24 * NANO_PER_H;

    return fake_poll_window(f, "costs", from, from + NANO_PER_H, out, e);
}

static void a_grouping_that_is_refused_is_left_out_and_told(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    f.config.costs.by_api_key = true;
    f.refuses_keys = true;
    OK(fake_discover(&f) && poll_a_day(&f, &out, &e) == ERR_OK);
    OK(charges(out) == 1 && out->batches->charges[0].n_extra == 0 && f.costs == 2);
    OK(fake_has(sv_of(fake_note(&f, "costs.by_api_key")), "api_key_id is not supported"));
    OK(poll_a_day(&f, &out, &e) == ERR_OK && f.costs == 3); /* not tried again */
    fake_stop(&f);
    if (!OK(fake_start(&f)))
        return;
    f.config.costs.by_api_key = true;
    OK(fake_discover(&f) && poll_a_day(&f, &out, &e) == ERR_OK && f.costs == 2); /* a page to try it */
    OK(sv_eq(out->batches->charges[0].extra[0].value, SV("key_1")));
    f.refuses_keys = true; /* what was split once would be counted twice without */
    OK(poll_a_day(&f, &out, &e) == ERR_OK && charges(out) == 0 && out->batches->n_gaps == 1);
    fake_stop(&f);
}

/* ---- Audit logs and limits ---- */

static size_t audits(const struct frame *f)
{
    size_t n = 0;

    for (const struct batch *b = f->batches; b; b = b->next)
        n += b->n_audits;
    return n;
}

static void both_listings_of_events_are_read_to_their_end(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    OK(fake_poll(&f, "audit", &out, &e) == ERR_OK && audits(out) == 5 && f.events == 3);
    OK(out->batches->audits[1].key == out->batches->audits[4].key); /* one event in both, dropped by the runner */
    OK(out->batches->audits[0].key != out->batches->audits[3].key);
    f.fault = (struct fake_fault){ "tenant_only", 400, "{\"error\":{\"message\":\"no tenant\"}}", NULL, 0 };
    OK(fake_poll(&f, "audit", &out, &e) == ERR_OK && audits(out) == 3 && f.events == 5);
    OK(fake_note(&f, "audit_logs.tenant_only")[0]);
    OK(fake_poll(&f, "audit", &out, &e) == ERR_OK && audits(out) == 3 && f.faults == 0); /* for an hour */
    f.fault = (struct fake_fault){ "/audit_logs", 403, "{\"error\":{\"message\":\"off\"}}", NULL, 0 };
    OK(fake_poll(&f, "audit", &out, &e) == ERR_DENIED && fake_has(sv_of(e.text), "data controls"));
    fake_stop(&f);
}

static void limits_are_asked_of_each_project_in_use(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    OK(fake_poll(&f, "capacity", &out, &e) == ERR_OK && f.limits == 2 && frame_records(out) == 4);
    OK(fake_count(out, "rate_limits.max_tokens_per_1_minute", "proj_eu") == 1);
    OK(out->batches->measures[0].end_unix_nano - out->batches->measures[0].start_unix_nano ==
       24 * NANO_PER_H); /* until asked again */
    f.fault = (struct fake_fault){ "proj_eu", 404, "{}", NULL, 0 };
    OK(fake_poll(&f, "capacity", &out, &e) == ERR_OK && frame_records(out) == 2);
    f.fault = (struct fake_fault){ "/rate_limits", 403, "{}", NULL, 0 };
    OK(fake_poll(&f, "capacity", &out, &e) == ERR_DENIED);
    fake_stop(&f);
}

static void an_inventory_tells_the_models_that_were_met(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    OK(fake_poll(&f, "inventory", &out, &e) == ERR_OK && out->n_epochs == 0);
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK);
    OK(fake_poll(&f, "usage/embeddings", &out, &e) == ERR_OK);
    OK(fake_poll(&f, "inventory", &out, &e) == ERR_OK && out->n_epochs == 4 && out->epochs[0].n_items == 1);
    OK(sv_eq(out->epochs[0].subject, SV("openai:proj_eu")) && sv_eq(out->epochs[0].items[0].processing, SV("eu")));
    OK(out->epochs[2].kind == EPOCH_AUTHORITY && sv_eq(out->epochs[2].subject, SV("callers openai:proj_eu")));
    OK(sv_eq(out->epochs[2].value, SV("none"))); /* usage is not grouped by user or key here */
    fake_stop(&f);
}

/* ---- Refusals ---- */

#define HOSTNAME                                                                                                       \
    "{\"error\":{\"message\":\"Attempted to access resource with incorrect regional hostname. Please make your "       \
    "request "                                                                                                         \
    "to us.api.openai.com\",\"type\":\"invalid_request_error\",\"code\":\"incorrect_hostname\",\"param\":null},"       \
    "\"status\":401}"
#define SCOPE                                                                                                          \
    "{\"error\":{\"message\":\"You have insufficient permissions for this operation. Missing scopes: "                 \
    "api.usage.read.\",\"type\":\"server_error\",\"param\":null,\"code\":null}}"
#define QUOTA                                                                                                          \
    "{\"error\":{\"message\":\"You exceeded your current quota\",\"type\":\"insufficient_quota\",\"param\":null,"      \
    "\"code\":\"insufficient_quota\"}}"
#define SLOW "{\"error\":{\"message\":\"Rate limit reached\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}"

static void each_refusal_says_what_mends_it(void)
{
    static const struct {
        struct fake_fault fault;
        enum err_code code;
        const char *says;
        int asked;
    } rows[] = {
        { { "/usage", 401, HOSTNAME, "", 0 }, ERR_CONFIG, "endpoints.url to https://us.api.openai.com/v1", 1 },
        { { "/usage", 401, SCOPE, "", 0 }, ERR_DENIED, "has the scope api.usage.read", 1 },
        { { "/usage", 403, SCOPE, "", 0 }, ERR_DENIED, "has the scope api.usage.read", 1 },
        { { "/usage", 429, QUOTA, "Retry-After: 1\n", 0 }, ERR_DENIED, "out of quota", 1 },
        { { "/usage", 429, SLOW, "retry-after-ms: 20\nx-request-id: req_7\n", 0 }, ERR_THROTTLED, "request req_7", 3 },
        { { "/usage", 429, SLOW, "x-should-retry: false\n", 0 }, ERR_THROTTLED, "http 429", 1 },
        { { "/usage", 429, SLOW, "Retry-After: 300\n", 0 }, ERR_THROTTLED, "http 429", 1 }, /* too long to wait for */
        { { "/usage", 500, "<html>", "", 0 }, ERR_RETRY, "http 500", 3 },
        { { "/usage", 500, "", "x-should-retry: false\n", 0 }, ERR_REFUSED, "http 500", 1 },
        { { "/usage", 400, "{\"error\":{\"code\":7}}", "x-should-retry: true\n", 0 }, ERR_RETRY, "http 400", 3 },
        { { "/usage", 200, "<html>login</html>", "", 0 }, ERR_PARSE, "web page", 3 },
        { { "/usage", 200, "{\"data\":[", "", 0 }, ERR_PARSE, "usage.completions", 3 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake f;
        struct frame *out;
        struct err e;
        enum err_code code;

        if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
            return;
        f.fault = rows[i].fault;
        code = fake_poll(&f, "usage/completions", &out, &e);
        if (!OK(code == rows[i].code && e.code == code && fake_has(sv_of(e.text), rows[i].says)))
            printf("# %zu: %d %s\n", i, (int)code, e.text);
        if (!OK(f.faults == rows[i].asked && !fake_has(sv_of(e.text), FAKE_KEY)))
            printf("# %zu: asked %d times\n", i, f.faults);
        fake_stop(&f);
    }
}

static void a_page_that_was_throttled_or_cut_goes_on(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    f.page_buckets = 2;
    f.fault = (struct fake_fault){ "&page=", 429, SLOW, "retry-after-ms: 20\n", 2 };
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && f.faults == 2 && frame_records(out) == 30);
    f.fault = (struct fake_fault){ "&page=", 200, "{\"object\":\"page\",\"da", "", 1 };
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && f.faults == 1 && frame_records(out) == 30);
    fake_stop(&f);
}

/* ---- Configuration ---- */

static void names_in_the_configuration_are_checked(void)
{
    const char *good[] = { "user_id", "api_key_id" }, *bad[] = { "user" }, *kinds[] = { "chat" };
    struct fake f;
    struct err e;
    struct source *s;

    if (!OK(fake_start(&f)))
        return;
    f.config.usage.group_by = (struct string_list){ bad, 1 };
    OK(!openai_source_ops.open(&f.config, &f.env, &e) && fake_has(sv_of(e.text), "usage.group_by") &&
       fake_has(sv_of(e.text), "\"user\""));
    f.config.usage.group_by = (struct string_list){ good, 2 };
    s = openai_source_ops.open(&f.config, &f.env, &e);
    OK(s != NULL);
    openai_source_ops.close(s);
    f.config.usage.kinds = (struct string_list){ kinds, 1 };
    OK(!openai_source_ops.open(&f.config, &f.env, &e) && fake_has(sv_of(e.text), "usage.kinds"));
    f.config.usage.kinds = (struct string_list){ 0 };
    f.config.costs.when.settle_ms = f.config.costs.when.lookback_ms + 1;
    OK(!openai_source_ops.open(&f.config, &f.env, &e) && fake_has(sv_of(e.text), "costs.settle"));
    f.config.costs.when.settle_ms = 0;
    fake_stop(&f);
}

/* ---- check ---- */

struct lines {
    struct check_report report;
    int n[3];
    struct buf text;
};

static void on_line(struct check_report *r, enum check_state s, const char *what, const char *remedy)
{
    struct lines *l = r->ctx;

    l->n[s]++;
    buf_printf(&l->text, "%d %s|%s\n", (int)s, what, remedy ? remedy : "");
}

static enum err_code check(struct fake *f, struct lines *l)
{
    struct err e;

    *l = (struct lines){ .report = { .line = on_line } };
    l->report.ctx = l;
    buf_init(&l->text, 0);
    return openai_source_ops.check(f->source, &l->report, &e);
}

static void check_tries_each_permission_and_names_what_is_missing(void)
{
    struct fake f;
    struct lines l;

    if (!OK(fake_start(&f)))
        return;
    OK(check(&f, &l) == ERR_OK && l.n[CHECK_OK] == 13 && l.n[CHECK_FAILED] == 0);
    buf_done(&l.text);
    f.fault = (struct fake_fault){ "/usage", 403, SCOPE, "", 0 };
    OK(check(&f, &l) == ERR_CONFIG && l.n[CHECK_OK] == 3 && l.n[CHECK_FAILED] == 10);
    OK(sv_has(buf_sv(&l.text), SV("api.usage.read")));
    buf_done(&l.text);
    f.fault = (struct fake_fault){ "/usage/moderations", 404, "{}", "", 0 };
    f.config.costs.by_api_key = f.refuses_keys = true;
    OK(check(&f, &l) == ERR_OK && l.n[CHECK_WARN] == 2);
    buf_done(&l.text);
    f.fault = (struct fake_fault){ "/", 401, HOSTNAME, "", 0 };
    OK(check(&f, &l) == ERR_CONFIG && l.n[CHECK_FAILED] == 1 && sv_has(buf_sv(&l.text), SV("us.api.openai.com")));
    buf_done(&l.text);
    fake_stop(&f);
}

static void a_forecast_counts_pages_and_is_free(void)
{
    struct forecast_line lines[FORECAST_LINES_MAX];
    struct fake f;
    size_t n;
    double calls = 0, usd = 0;

    if (!OK(fake_start(&f)))
        return;
    n = openai_source_ops.forecast(&f.config, lines, FORECAST_LINES_MAX);
    for (size_t i = 0; i < n; i++) {
        calls += lines[i].calls_per_minute;
        usd += lines[i].usd_per_month;
    }
    OK(n == 14 && calls > 6 && calls < 7 && usd == 0);
    fake_stop(&f);
}

int main(void)
{
    /* One request a second is the source's own limit. */
    clock_set_scale((struct clock_scale){ clock_now(), clock_now(), 60 });
    RUN(usage_waits_for_the_projects);
    RUN(a_window_of_usage_is_read_with_its_labels);
    RUN(pages_are_followed_to_the_last_one);
    RUN(a_project_that_is_new_is_looked_for_once);
    RUN(the_key_is_read_anew_and_never_told);
    RUN(who_may_not_list_projects_reads_usage_without_regions);
    RUN(a_list_that_is_refused_meanwhile_holds_up_no_usage);
    RUN(costs_are_looked_back_for_as_long_as_they_are_shown);
    RUN(costs_are_read_by_whole_days_until_now);
    RUN(a_grouping_that_is_refused_is_left_out_and_told);
    RUN(both_listings_of_events_are_read_to_their_end);
    RUN(limits_are_asked_of_each_project_in_use);
    RUN(an_inventory_tells_the_models_that_were_met);
    RUN(each_refusal_says_what_mends_it);
    RUN(a_page_that_was_throttled_or_cut_goes_on);
    RUN(names_in_the_configuration_are_checked);
    RUN(check_tries_each_permission_and_names_what_is_missing);
    RUN(a_forecast_counts_pages_and_is_free);
    RUN(a_kind_that_is_not_there_is_a_gap_and_asked_for_again);
    return tap_done();
}
