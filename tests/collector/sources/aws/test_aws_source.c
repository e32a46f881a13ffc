/* The source against a small AWS on loopback: discovery, levels, whole answers, read-back, isolation, refusals. */
#include "collector/ledger/ledger.h"

#include "tests/collector/sources/aws/fake_aws.h"
#include "tests/tap.h"

static struct fake f;
static struct frame *out;
static struct err e;

static void discovery_goes_from_accounts_to_regions_to_places(void)
{
    if (!OK(fake_start(&f)))
        return;
    OK(fake_jobs(&f) == 1 && fake_job(&f, "accounts", "inventory") && f.jobs.at[0].discovers);
    OK(fake_poll(&f, "accounts", "inventory", &out, &e) == ERR_OK);
    OK(fake_jobs(&f) == 3 && fake_job(&f, "account:" FAKE_A, "inventory") &&
       fake_job(&f, "account:" FAKE_B, "inventory"));
    OK(fake_poll(&f, "account:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    fake_jobs(&f);
    OK(fake_job(&f, FAKE_PLACE, "inventory") && fake_job(&f, FAKE_PLACE, "capacity") &&
       fake_job(&f, FAKE_PLACE, "audit"));
    OK(!fake_job(&f, FAKE_PLACE, "metrics") && !fake_job(&f, FAKE_PLACE, "calls")); /* nobody knows yet which */
    OK(fake_job(&f, "account:" FAKE_A "/eu-west-1", "audit") &&
       !fake_job(&f, "account:" FAKE_A "/eu-west-1", "inventory"));
    OK(fake_poll(&f, FAKE_PLACE, "inventory", &out, &e) == ERR_OK);
    fake_jobs(&f);
    OK(fake_job(&f, FAKE_PLACE, "metrics") && fake_job(&f, FAKE_PLACE, "calls") && !fake_job(&f, FAKE_PLACE, "trail"));
    fake_stop(&f);
}

static void an_account_outside_of_an_organization_is_read_alone(void)
{
    if (!OK(fake_start(&f)))
        return;
    f.no_organization = true;
    fake_jobs(&f);
    OK(fake_poll(&f, "accounts", "inventory", &out, &e) == ERR_OK);
    OK(fake_jobs(&f) == 2 && fake_job(&f, "account:" FAKE_A, "inventory"));
    fake_stop(&f);
}

static void regions_that_were_probed_are_left_alone_for_hours(void)
{
    int listed;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    listed = f.listed;
    OK(fake_poll(&f, "account:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    OK(f.listed == listed);
    fake_stop(&f);
}

static void an_inventory_tells_models_tags_logging_and_the_reading(void)
{
    const struct epoch *runtime = NULL, *mantle = NULL, *reading = NULL, *calls = NULL, *trail = NULL;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "inventory", &out, &e) == ERR_OK);
    for (size_t i = 0; i < out->n_epochs; i++) {
        const struct epoch *x = &out->epochs[i];

        runtime = sv_eq(x->subject, SV("arn:aws:bedrock:us-east-1:" FAKE_A)) ? x : runtime;
        mantle = sv_eq(x->subject, SV("arn:aws:bedrock-mantle:us-east-1:" FAKE_A ":project/p1")) ? x : mantle;
        reading = sv_eq(x->subject, SV("invocations arn:aws:bedrock:us-east-1:" FAKE_A)) ? x : reading;
        calls = sv_eq(x->subject, SV("logs arn:aws:bedrock:us-east-1:" FAKE_A)) ? x : calls;
        trail = sv_eq(x->subject, SV("logs arn:aws:bedrock-mantle:us-east-1:" FAKE_A ":project/p1")) ? x : trail;
    }
    OK(runtime && runtime->n_items == 2 && mantle && mantle->n_items == 1);
    for (size_t i = 0; runtime && i < 2; i++)
        if (sv_eq(runtime->items[i].deployment, SV("abc123")))
            OK(sv_eq(runtime->items[i].team, SV("search")) && sv_eq(runtime->items[i].model, SV("gpt-oss-20b")) &&
               sv_eq(runtime->items[i].processing, SV("region")) && sv_eq(runtime->items[i].publisher, SV("openai")));
        else
            OK(sv_eq(runtime->items[i].deployment, SV("us.openai.gpt-6-sol")) &&
               sv_eq(runtime->items[i].processing, SV("us")) && sv_eq(runtime->items[i].jurisdiction, SV("us")));
    OK(mantle && sv_eq(mantle->items[0].model, SV("gpt-oss-120b")) && mantle->items[0].deployment.len == 0);
    OK(reading && reading->kind == EPOCH_AUTHORITY && sv_eq(reading->value, SV("successes")));
    OK(calls && sv_eq(calls->value, SV("logs")) && trail && sv_eq(trail->value, SV("none")));
    OK(fake_count(out, "logging.modelinvocations", NULL) == 1 && f.tags == 1); /* tags are not asked for each time */
    fake_stop(&f);
}

static void each_call_is_read_at_one_level_alone(void)
{
    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK); /* the first reading goes back */
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    OK(fake_count(out, "Invocations", "gpt-6-sol") == 5 && fake_count(out, "Invocations", "gpt-oss-20b") == 5);
    OK(fake_count(out, "Invocations", NULL) == 10); /* no other level, no other publisher */
    OK(fake_count(out, "Inferences", "gpt-oss-120b") == 5 && fake_count(out, "Inferences", NULL) == 5);
    OK(fake_measures(out) == 20 && out->tally.received == 20);
    for (const struct batch *b = out->batches; b; b = b->next) {
        bool mantle = b->origin.platform == PLATFORM_BEDROCK_MANTLE;

        OK(b->origin.cloud == CLOUD_AWS && sv_eq(batch_sv(b, b->origin.account), SV(FAKE_A)) &&
           sv_eq(batch_sv(b, b->origin.cloud_region), SV("us-east-1")));
        OK(sv_eq(batch_sv(b, b->origin.resource), mantle ? SV("p1") : SV_NONE));
        for (size_t i = 0; i < b->n_measures; i++)
            OK(!mantle || b->measures[i].deployment == 0);
    }
    fake_stop(&f);
}

static void five_statistics_of_a_metric_stand_together_in_one_call(void)
{
    static const char *const stats[] = { "\"Sum\"", "\"SampleCount\"", "\"p50\"", "\"p95\"", "\"p99\"" };
    const char *at;
    struct api_stats *apis;
    size_t n;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    OK(f.metrics == 1 && !strstr(f.asked[0], "Unit") && !strstr(f.asked[0], "anthropic"));
    at = strstr(f.asked[0], "InvocationLatency");
    for (size_t i = 0; i < 5 && OK(at != NULL); i++) {
        const char *stat = strstr(at, "\"Stat\":");

        OK(stat && strncmp(stat + 7, stats[i], strlen(stats[i])) == 0);
        at = stat + 1;
    }
    OK(!at || !strstr(at, "InvocationLatency"));
    apis = source_stats_rows(f.env.stats, &n);
    for (size_t i = 0; i < n; i++) /* four series: five statistics cost what one does */
        if (sv_eq(sv_of(apis[i].name), SV("GetMetricData")))
            OK(apis[i].usd_nano == 4 * 10000 && sv_eq(sv_of(apis[i].account), SV(FAKE_A)));
    free(apis);
    fake_stop(&f);
}

static int64_t start_of(int call)
{
    return fake_number(sv_of(f.asked[call]), "\"StartTime\":") * NANO_PER_S;
}

static void a_series_that_was_never_read_is_read_back_three_hours(void)
{
    int64_t from;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    OK(f.metrics == 1 && start_of(0) == f.window.to_unix_nano - 3 * NANO_PER_H);
    OK(fake_count(out, "Inferences", NULL) == 180);
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    from = f.window.from_unix_nano;
    OK(f.metrics == 2 && start_of(1) == from && fake_count(out, "Inferences", NULL) == 5);
    f.runtime = FAKE_METRIC("AWS/Bedrock", "Invocations", FAKE_DIM("ModelId", "openai.fresh-1:0")) ",";
    OK(fake_poll(&f, FAKE_PLACE, "inventory", &out, &e) == ERR_OK);
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    OK(f.metrics == 4 && start_of(2) == f.window.from_unix_nano && !strstr(f.asked[2], "fresh"));
    OK(start_of(3) == f.window.to_unix_nano - 3 * NANO_PER_H && strstr(f.asked[3], "fresh"));
    OK(fake_count(out, "Invocations", "fresh") == 180 && fake_count(out, "Inferences", NULL) == 5);
    fake_stop(&f);
}

/* A ledger that counts since ten hours and has read [from, to) of the place's metrics, settled. */
static struct ledger *ledger_with(int64_t now, int64_t from, int64_t to)
{
    struct ledger *l = ledger_new(&e);
    struct arena a;
    struct frame *frame;
    struct epoch *epoch;

    arena_init(&a, 1 << 20);
    frame = frame_new(&a, SV("aws"), SV(FAKE_PLACE));
    *frame_add_window(frame) = (struct window){ .source = SV("aws"),
                                                .scope = SV(FAKE_PLACE),
                                                .group = SV("metrics"),
                                                .from_unix_nano = from,
                                                .to_unix_nano = to,
                                                .read_at_unix_nano = to + NANO_PER_H,
                                                .settled_to_unix_nano = to };
    epoch = frame_add_epoch(frame);
    *epoch = (struct epoch){ .kind = EPOCH_COUNT_FROM,
                             .subject = SV("aws"),
                             .value = arena_printf(&a, "%lld", (long long)(now - 10 * NANO_PER_H)) };
    ledger_fold(l, frame);
    arena_done(&a);
    return l;
}

static void after_a_long_outage_series_that_rest_are_read_too(void)
{
    int64_t now = clock_floor(clock_now(), NANO_PER_MIN);
    struct ledger *l = ledger_with(now, now - 10 * NANO_PER_H, now - 5 * NANO_PER_H);

    if (!OK(fake_begin(&f)) || !OK(l != NULL))
        return;
    if (!OK(fake_open_with(&f, l)))
        return;
    f.rests = true; /* all that there was in the five hours is at rest since three */
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    OK(f.metrics > 0 && strstr(f.asked[0], "Invocations"));
    fake_stop(&f);
    ledger_free(l);
}

/* A control read of three hours that ended two hours ago, of what rests since. */
static void hours_are_read_of_all_that_counts_and_of_what_rests_too(void)
{
    int64_t to = clock_floor(clock_now(), NANO_PER_H) - 2 * NANO_PER_H;
    struct window w = { .from_unix_nano = to - 3 * NANO_PER_H, .to_unix_nano = to, .control = true };
    struct source_job job;

    if (!OK(fake_begin(&f)))
        return;
    f.runtime = "{\"Namespace\":\"AWS/Bedrock\",\"MetricName\":\"EstimatedTPMQuotaUsage\",\"Dimensions\":[{\"Name\":"
                "\"ModelId\",\"Value\":\"openai.gpt-oss-120b-1:0\"}]},";
    if (!OK(fake_open(&f)))
        return;
    OK(fake_discover(&f) && fake_job(&f, FAKE_PLACE, "metrics")->controls);
    f.rests = true;
    job = *fake_job(&f, FAKE_PLACE, "metrics");
    job.grain_ms = job.control_grain_ms;
    arena_reset(&f.memory);
    out = frame_new(&f.memory, SV("aws"), SV(FAKE_PLACE));
    OK(aws_source_ops.poll(f.source, &job, &w, out, &e) == ERR_OK && f.metrics == 1);
    OK(start_of(0) == w.from_unix_nano && strstr(f.asked[0], "\"Period\":3600,") &&
       !strstr(f.asked[0], "\"Period\":60,"));
    OK(strstr(f.asked[0], "InvocationLatency") && strstr(f.asked[0], "SampleCount") && !strstr(f.asked[0], "p95"));
    OK(!strstr(f.asked[0], "EstimatedTPM")); /* a peak is none of an hour */
    OK(fake_count(out, "Inferences", NULL) == 3 && fake_count(out, "InvocationLatency", NULL) == 3);
    for (const struct batch *b = out->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            OK(b->measures[i].end_unix_nano - b->measures[i].start_unix_nano == NANO_PER_H);
    fake_stop(&f);
}

static void what_nobody_has_read_is_not_read_back(void)
{
    int64_t now = clock_floor(clock_now(), NANO_PER_MIN), hole = now - 2 * NANO_PER_H;
    struct ledger *l = ledger_with(now, now - 10 * NANO_PER_H, hole);

    if (!OK(fake_begin(&f)) || !OK(l != NULL))
        return;
    if (!OK(fake_open_with(&f, l)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    OK(f.metrics == 2 && start_of(0) == f.window.to_unix_nano - 3 * NANO_PER_H &&
       fake_number(sv_of(f.asked[0]), "\"EndTime\":") * NANO_PER_S == hole);
    OK(start_of(1) == f.window.from_unix_nano);
    OK(fake_count(out, "Inferences", NULL) == 70 + 5); /* the runner plans the hole */
    fake_stop(&f);
    ledger_free(l);
}

static void what_did_not_become_durable_is_read_back_again(void)
{
    int64_t now = clock_floor(clock_now(), NANO_PER_MIN);
    struct ledger *l = ledger_with(now, now - 10 * NANO_PER_H, now - 20 * NANO_PER_MIN);
    int64_t back;

    if (!OK(fake_begin(&f)) || !OK(l != NULL))
        return;
    if (!OK(fake_open_with(&f, l)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    back = f.window.to_unix_nano - 3 * NANO_PER_H;
    OK(f.metrics == 2 && start_of(0) == back);
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK); /* no frame came of it */
    OK(f.metrics == 4 && start_of(2) >= back && start_of(2) <= back + NANO_PER_MIN);
    *frame_add_window(out) = f.window;
    out->windows[0].source = SV("aws");
    out->windows[0].scope = SV(FAKE_PLACE);
    out->windows[0].group = SV("metrics");
    ledger_fold(l, out);
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    OK(f.metrics == 5 && start_of(4) == f.window.from_unix_nano);
    fake_stop(&f);
    ledger_free(l);
}

static void a_region_that_refuses_our_keys_holds_up_no_other(void)
{
    if (!OK(fake_begin(&f)))
        return;
    f.refuses = "ap-east-1";
    if (!OK(fake_open(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_job(&f, FAKE_PLACE, "metrics") != NULL);
    fake_stop(&f);
}

static void a_long_look_back_fits_into_a_window(void)
{
    const struct source_job *metrics, *calls;

    if (!OK(fake_begin(&f)))
        return;
    f.config.metrics.when.lookback_ms = f.config.logs.when.lookback_ms = 6LL * 3600 * 1000;
    if (!OK(fake_open(&f)))
        return;
    OK(fake_discover(&f));
    metrics = fake_job(&f, FAKE_PLACE, "metrics");
    calls = fake_job(&f, FAKE_PLACE, "calls");
    OK(metrics && metrics->span_max_ms >= metrics->lookback_ms);
    OK(calls && calls->span_max_ms >= calls->lookback_ms);
    fake_stop(&f);
}

static void pages_of_one_question_are_put_together(void)
{
    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.paged = true;
    f.stale_tokens = 1; /* the first time the token is refused: the question starts again */
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    OK(f.metrics == 4 && fake_count(out, "Inferences", NULL) == 180 &&
       fake_count(out, "InvocationLatency", NULL) == 180);
    fake_stop(&f);
}

static void an_answer_that_is_not_whole_tells_nothing(void)
{
    static const struct {
        const char *status;
        enum err_code code;
    } rows[] = { { "PartialData", ERR_PARTIAL },
                 { "InternalError", ERR_RETRY },
                 { "Forbidden", ERR_DENIED },
                 { "SomethingNew", ERR_RETRY } };

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        f.status = rows[i].status;
        OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == rows[i].code && fake_measures(out) == 0);
    }
    f.status = NULL;
    f.loses = true;
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_RETRY && fake_measures(out) == 0);
    f.loses = false;
    f.stale_tokens = 100;
    f.paged = true;
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_REFUSED && fake_measures(out) == 0);
    fake_stop(&f);
}

static void odd_figures_are_no_values(void)
{
    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.value = "\"NaN\"";
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK && fake_measures(out) == 0);
    OK(out->tally.rejected[REASON_NO_VALUE] == out->tally.received && out->tally.received > 0);
    f.value = "-1";
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK && fake_measures(out) == 0);
    OK(out->tally.rejected[REASON_OUT_OF_RANGE] == out->tally.received);
    f.value = "1.25E1";
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK && fake_count(out, "Inferences", NULL) == 5);
    f.time = "1.7E9";
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK && fake_measures(out) == 0);
    f.time = "\"yesterday\"";
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK && fake_measures(out) == 0);
    OK(out->tally.rejected[REASON_MALFORMED] == out->tally.received);
    fake_stop(&f);
}

static void an_account_whose_role_is_refused_hinders_no_other(void)
{
    if (!OK(fake_start(&f)))
        return;
    f.role = FAKE_B;
    OK(fake_discover(&f));
    OK(fake_poll(&f, "account:" FAKE_B, "inventory", &out, &e) == ERR_DENIED);
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    fake_stop(&f);
}

static void a_refusal_names_its_permission(void)
{
    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.denied = "GetMetricData";
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_DENIED &&
       sv_has(sv_of(e.text), SV("cloudwatch:GetMetricData")));
    f.denied = "/logging/";
    OK(fake_poll(&f, FAKE_PLACE, "inventory", &out, &e) == ERR_OK); /* unknown is not "off" */
    OK(fake_count(out, "logging.modelinvocations", NULL) == 0);
    f.denied = "ListMetrics";
    OK(fake_poll(&f, FAKE_PLACE, "inventory", &out, &e) == ERR_DENIED);
    fake_stop(&f);
}

static void what_passes_is_asked_again(void)
{
    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.expired = "GetMetricData";
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK && f.metrics == 1);
    f.cut = 2; /* twice in a row only half of an answer */
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK && fake_measures(out) == 20);
    f.cut = 3;
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_PARSE && fake_measures(out) == 0);
    f.throttled = "GetMetricData";
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_THROTTLED);
    fake_stop(&f);
}

static void quotas_are_gauges_of_their_pool(void)
{
    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "capacity", &out, &e) == ERR_OK);
    OK(fake_count(out, "servicequotas.tokens", "gpt-6-sol") == 1 && fake_measures(out) == 1);
    OK(sv_eq(batch_sv(out->batches, out->batches->origin.resource), SV("cross_region")));
    OK(out->batches->measures[0].value > 9.9e6 && out->batches->measures[0].value < 1.01e7);
    fake_stop(&f);
}

static void the_other_reading_stands_with_the_records(void)
{
    size_t read_so = 0;

    if (!OK(fake_begin(&f)))
        return;
    f.config.metrics.invocations = AWS_INVOCATIONS_ACCEPTED;
    if (!OK(fake_open(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK);
    for (const struct batch *b = out->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++) {
            sv family = batch_sv(b, b->measures[i].family);
            bool invocations = sv_eq(batch_sv(b, b->measures[i].name), SV("Invocations"));

            read_so += invocations && sv_eq(family, SV("accepted"));
            OK(invocations || family.len == 0);
        }
    OK(read_so == 360);
    fake_stop(&f);
}

/* The ledger of a process that started anew: what it has counted is not read back again, what it has not is. */
static void a_new_process_reads_back_only_what_the_ledger_does_not_know(void)
{
    struct ledger *l = ledger_new(NULL);
    struct frame *first;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &first, &e) == ERR_OK && f.metrics == 1);
    *frame_add_window(first) = (struct window){ .source = SV("aws"),
                                                .scope = SV(FAKE_PLACE),
                                                .group = SV("metrics"),
                                                .from_unix_nano = f.window.to_unix_nano - 3 * NANO_PER_H,
                                                .to_unix_nano = f.window.to_unix_nano };
    ledger_fold(l, first);
    fake_stop(&f);
    if (!OK(fake_begin(&f)))
        return;
    f.ledger = l;
    f.runtime = FAKE_METRIC("AWS/Bedrock", "Invocations", FAKE_DIM("ModelId", "openai.fresh-1:0")) ",";
    OK(fake_open(&f) && fake_discover(&f));
    OK(fake_poll(&f, FAKE_PLACE, "metrics", &out, &e) == ERR_OK && f.metrics == 2);
    OK(start_of(0) == f.window.from_unix_nano && !strstr(f.asked[0], "fresh"));
    OK(start_of(1) == f.window.to_unix_nano - 3 * NANO_PER_H && strstr(f.asked[1], "fresh"));
    OK(fake_count(out, "Invocations", "fresh") == 180 && fake_count(out, "Inferences", NULL) == 5);
    fake_stop(&f);
    ledger_free(l);
}

/* ---- check --connect ---- */

struct lines {
    struct check_report report;
    int n, failed;
    bool remedy;
};

static void on_line(struct check_report *r, enum check_state s, const char *what, const char *remedy)
{
    struct lines *l = (struct lines *)r;

    l->n++;
    l->failed += s == CHECK_FAILED;
    l->remedy = l->remedy || (s == CHECK_FAILED && remedy && strstr(remedy, "cloudwatch:GetMetricData"));
    printf("# %d %s%s%s\n", s, what, remedy ? ": " : "", remedy ? remedy : "");
}

static void check_names_what_is_missing_and_its_remedy(void)
{
    struct lines l = { .report = { .line = on_line } };
    int fine;

    if (!OK(fake_start(&f)))
        return;
    f.events = true;
    OK(aws_source_ops.check(f.source, &l.report, &e) == ERR_OK && l.failed == 0);
    fine = l.n;
    fake_stop(&f);
    l = (struct lines){ .report = { .line = on_line } };
    if (!OK(fake_start(&f)))
        return;
    f.events = true;
    f.denied = "GetMetricData";
    f.role = FAKE_B;
    OK(aws_source_ops.check(f.source, &l.report, &e) == ERR_CONFIG && l.failed == 2 && l.remedy);
    OK(l.n < fine && l.n > fine / 2); /* an account without its role is asked nothing more */
    fake_stop(&f);
}

static void the_forecast_has_a_price(void)
{
    struct forecast_line lines[FORECAST_LINES_MAX];
    /* A day: 15 metrics every 5 minutes and 2 listings every 10, and 30 times the hours of 14 metrics and 2 listings, at 10
     * millionths of a dollar. */
    const double minutes = 288 * 15 + 144 * 2, hours = 30 * (14 + 2), month = 30 * 1e-5;
    double usd = 0, without = 0;
    size_t n;

    if (!OK(fake_start(&f)))
        return;
    n = aws_source_ops.forecast(&f.config, lines, FORECAST_LINES_MAX);
    for (size_t i = 0; i < n; i++)
        usd += lines[i].usd_per_month;
    OK(n > 5 && usd > (minutes + hours) * month * 0.999 && usd < (minutes + hours) * month * 1.001);
    f.config.metrics.when.control = false;
    n = aws_source_ops.forecast(&f.config, lines, FORECAST_LINES_MAX);
    for (size_t i = 0; i < n; i++)
        without += lines[i].usd_per_month;
    OK(without > minutes * month * 0.999 && without < minutes * month * 1.001);
    OK(aws_source_ops.forecast(&f.config, lines, 2) == 2);
    fake_stop(&f);
}

static void refused_configurations(void)
{
    static const char *ids[] = { "12345" }, *regions[] = { "us east" };

    OK(fake_begin(&f));
    f.config.accounts.ids = (struct string_list){ ids, 1 };
    OK(!fake_open(&f));
    rate_limits_free(f.env.limits);
    source_stats_free(f.env.stats);
    f.config.accounts.ids.n = 0;
    f.config.regions = (struct string_list){ regions, 1 };
    OK(!fake_open(&f));
    rate_limits_free(f.env.limits);
    source_stats_free(f.env.stats);
    f.config.regions.n = 0;
    f.config.role_arn = NULL;
    OK(!fake_open(&f));
    f.source = NULL;
    fake_stop(&f);
}

int main(void)
{
    RUN(discovery_goes_from_accounts_to_regions_to_places);
    RUN(an_account_outside_of_an_organization_is_read_alone);
    RUN(regions_that_were_probed_are_left_alone_for_hours);
    RUN(an_inventory_tells_models_tags_logging_and_the_reading);
    RUN(each_call_is_read_at_one_level_alone);
    RUN(five_statistics_of_a_metric_stand_together_in_one_call);
    RUN(a_series_that_was_never_read_is_read_back_three_hours);
    RUN(after_a_long_outage_series_that_rest_are_read_too);
    RUN(hours_are_read_of_all_that_counts_and_of_what_rests_too);
    RUN(what_nobody_has_read_is_not_read_back);
    RUN(what_did_not_become_durable_is_read_back_again);
    RUN(a_region_that_refuses_our_keys_holds_up_no_other);
    RUN(a_long_look_back_fits_into_a_window);
    RUN(pages_of_one_question_are_put_together);
    RUN(an_answer_that_is_not_whole_tells_nothing);
    RUN(odd_figures_are_no_values);
    RUN(an_account_whose_role_is_refused_hinders_no_other);
    RUN(a_refusal_names_its_permission);
    RUN(what_passes_is_asked_again);
    RUN(quotas_are_gauges_of_their_pool);
    RUN(the_other_reading_stands_with_the_records);
    RUN(a_new_process_reads_back_only_what_the_ledger_does_not_know);
    RUN(check_names_what_is_missing_and_its_remedy);
    RUN(the_forecast_has_a_price);
    RUN(refused_configurations);
    return tap_done();
}
