/* The source against a small Azure on loopback: discovery, batches and their fallbacks, isolation, refusals. */
#include "tests/collector/sources/azure/fake_azure.h"
#include "tests/tap.h"

static void discovery_comes_first_and_then_all_jobs(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_jobs(&f) == 1 && fake_job(&f, "subscriptions", "inventory") && f.jobs.at[0].discovers);
    OK(fake_poll(&f, "subscriptions", "inventory", &out, &e) == ERR_OK);
    fake_jobs(&f);
    OK(fake_job(&f, "sub:" FAKE_A, "inventory") && fake_job(&f, "sub:" FAKE_A, "audit") &&
       !fake_job(&f, "workspace:ws-1", "calls"));
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    OK(fake_poll(&f, "sub:" FAKE_B, "inventory", &out, &e) == ERR_OK);
    fake_jobs(&f);
    OK(fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/requests"));
    OK(!fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/models/requests")); /* one family an account */
    OK(fake_job(&f, FAKE_METRICS(FAKE_B), "metrics/models/tokens"));
    OK(!fake_job(&f, FAKE_METRICS(FAKE_B), "metrics/models/utilization")); /* nothing provisioned */
    OK(fake_job(&f, "workspace:ws-1", "calls") && fake_job(&f, "sub:" FAKE_B, "capacity"));
    OK(f.pages == 4); /* the empty first pages were followed */
    fake_stop(&f);
}

/* Else a deployment of another publisher would be counted for want of knowing better. */
static void logs_wait_for_an_inventory_that_failed_by_the_way(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    fake_jobs(&f);
    OK(fake_poll(&f, "subscriptions", "inventory", &out, &e) == ERR_OK);
    OK(fake_jobs(&f) > 0 && fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    f.html = "/deployments";
    OK(fake_poll(&f, "sub:" FAKE_B, "inventory", &out, &e) == ERR_PARSE);
    OK(fake_jobs(&f) > 0 && !fake_job(&f, "workspace:ws-1", "calls"));
    f.html = NULL;
    f.refused_tokens = 100; /* nor is a refused credential an answer */
    OK(fake_poll(&f, "sub:" FAKE_B, "inventory", &out, &e) == ERR_AUTH);
    OK(fake_jobs(&f) > 0 && !fake_job(&f, "workspace:ws-1", "calls"));
    f.refused_tokens = 0;
    OK(fake_poll(&f, "sub:" FAKE_B, "inventory", &out, &e) == ERR_OK);
    OK(fake_jobs(&f) > 0 && fake_job(&f, "workspace:ws-1", "calls"));
    f.html = "/deployments"; /* once known, never waited for again */
    OK(fake_poll(&f, "sub:" FAKE_B, "inventory", &out, &e) == ERR_PARSE);
    OK(fake_jobs(&f) > 0 && fake_job(&f, "workspace:ws-1", "calls"));
    fake_stop(&f);
}

/* Minutes that were read without the count would have no mean for ever. */
static void means_wait_for_the_definitions(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    f.html = "/metricDefinitions";
    OK(fake_discover(&f));
    OK(!fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/first_token"));
    OK(fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/requests"));
    f.html = NULL;
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK && fake_jobs(&f) > 0);
    OK(fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/first_token"));
    fake_stop(&f);
    if (!OK(fake_start(&f)))
        return;
    f.denied = "/metricDefinitions"; /* who may not look goes on with what all have */
    OK(fake_discover(&f) && fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/first_token"));
    fake_stop(&f);
}

static const struct epoch *epoch_of(const struct frame *f, enum epoch_kind kind, const char *subject)
{
    for (size_t i = 0; i < f->n_epochs; i++)
        if (f->epochs[i].kind == kind && sv_starts(f->epochs[i].subject, sv_of(subject)))
            return &f->epochs[i];
    return NULL;
}

static void an_inventory_tells_deployments_authority_and_logging(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    const struct epoch *inventory, *duration;

    if (!OK(fake_start(&f)))
        return;
    f.logging = "{\"properties\":{\"workspaceId\":\"/w\",\"logs\":[{\"categoryGroup\":\"allLogs\",\"enabled\":true}]}}";
    fake_discover(&f);
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    inventory = epoch_of(out, EPOCH_INVENTORY, "/subscriptions/");
    OK(inventory && inventory->n_items == 1 && sv_eq(inventory->items[0].model, SV("gpt-5-mini")));
    OK(inventory && sv_eq(inventory->items[0].processing, SV("global")) &&
       sv_eq(inventory->items[0].team, SV("search")));
    OK(epoch_of(out, EPOCH_AUTHORITY, "requests /subscriptions/") &&
       sv_eq(epoch_of(out, EPOCH_AUTHORITY, "requests ")->value, SV("azure_openai")));
    duration = epoch_of(out, EPOCH_AUTHORITY, "duration ");
    OK(duration && sv_eq(duration->value, SV("logs")) && duration->valid_from_unix_nano == 0);
    OK(fake_count(out, "diagnosticSettings.RequestResponse", NULL) == 1);
    OK(fake_count(out, "deployments.sku.capacity.standard", "gpt-5-mini") == 1);
    fake_stop(&f);
}

static void a_batch_brings_every_minute_with_its_labels(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    const struct measure *m;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "ProcessedPromptTokens", "gpt-5-mini") == 5 &&
       fake_count(out, "GeneratedTokens", "gpt-5-mini") == 5);
    OK(f.metrics == 0 && out->tally.received == 10);
    m = out->batches->measures;
    OK(sv_eq(batch_sv(out->batches, out->batches->origin.cloud_region), SV("Sweden Central")));
    OK(sv_eq(batch_sv(out->batches, out->batches->origin.account), SV(FAKE_A)));
    OK(sv_eq(batch_sv(out->batches, out->batches->origin.resource), SV("one")));
    OK(sv_eq(batch_sv(out->batches, m->family), SV("azure_openai")) &&
       m->end_unix_nano - m->start_unix_nano == NANO_PER_MIN);
    fake_stop(&f);
}

#define TIME_TO_RESPONSE(dimension)                                                                                    \
    "{\"name\":{\"value\":\"AzureOpenAITimeToResponse\"},\"supportedAggregationTypes\":[\"Average\",\"Count\"],"       \
    "\"dimensions\":[{\"value\":\"ModelDeploymentName\"},{\"value\":\"" dimension "\"}]}"

static size_t first_token_records(const char *definitions)
{
    struct fake f;
    struct frame *out;
    struct err e;
    size_t n = SIZE_MAX;

    if (!OK(fake_start(&f)))
        return n;
    f.definitions = definitions;
    OK(fake_discover(&f));
    if (OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/first_token", &out, &e) == ERR_OK))
        n = frame_records(out);
    fake_stop(&f);
    return n;
}

/* A control read: the same series by the hour; what counts nothing is no such job. */
static void hours_are_read_of_the_same_series(void)
{
    int64_t to = clock_floor(clock_now(), NANO_PER_H) - NANO_PER_H;
    struct window w = { .from_unix_nano = to - 3 * NANO_PER_H, .to_unix_nano = to, .control = true };
    struct source_job job;
    struct fake f;
    struct frame *out;
    struct err e;
    uint64_t series;
    size_t n = 0;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/requests", &out, &e) == ERR_OK && out->batches);
    series = out->batches->measures[0].series;
    job = *fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/requests");
    OK(job.controls && job.control_grain_ms == 3600000);
    for (size_t i = 0; i < f.jobs.n; i++)
        OK(!sv_ends(f.jobs.at[i].group, SV("utilization")) || !f.jobs.at[i].controls);
    job.grain_ms = job.control_grain_ms;
    arena_reset(&f.memory);
    out = frame_new(&f.memory, SV("azure"), SV(FAKE_METRICS(FAKE_A)));
    OK(azure_source_ops.poll(f.source, &job, &w, out, &e) == ERR_OK);
    for (const struct batch *b = out->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++, n++)
            OK(b->measures[i].end_unix_nano - b->measures[i].start_unix_nano == NANO_PER_H &&
               b->measures[i].value == 1 && b->measures[i].kind == MEASURE_COUNT);
    OK(n > 0 && n % 3 == 0 && out->batches->measures[0].series == series);
    f.grain = "PT1M";
    out = frame_new(&f.memory, SV("azure"), SV(FAKE_METRICS(FAKE_A)));
    OK(azure_source_ops.poll(f.source, &job, &w, out, &e) == ERR_PARSE);
    fake_stop(&f);
}

static void a_metric_that_cannot_be_held_to_streamed_calls_is_not_read(void)
{
    OK(first_token_records(TIME_TO_RESPONSE("StreamType")) > 0);
    OK(first_token_records(TIME_TO_RESPONSE("Region")) == 0);
}

static void a_refused_batch_is_remembered_and_resources_are_asked(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    int batches;

    if (!OK(fake_start(&f)))
        return;
    f.batch_status = 403;
    OK(fake_discover(&f));
    batches = f.batches;
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "GeneratedTokens", NULL) == 5 && f.metrics > 0);
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(f.batches == batches); /* discovery's probe has learnt it */
    fake_stop(&f);
}

static void what_a_batch_does_not_answer_is_asked_again_alone(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.batch_wrong = true;
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "ProcessedPromptTokens", NULL) == 5 && fake_count(out, "GeneratedTokens", NULL) == 5);
    OK(f.metrics == 1);
    fake_stop(&f);
}

static void one_bad_metric_does_not_take_the_group_along(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    int asked;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.bad_metric = "ProcessedPromptTokens";
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "GeneratedTokens", NULL) == 5 && fake_count(out, "ProcessedPromptTokens", NULL) == 0);
    asked = f.batches;
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(f.batches == asked + 1); /* it is left out now, and the batch is still used */
    f.bad_metric = NULL;
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "ProcessedPromptTokens", NULL) == 5); /* until the next discovery */
    fake_stop(&f);
}

static void a_metric_that_fails_inside_a_200_is_no_zero(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.failing = "GeneratedTokens";
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "GeneratedTokens", NULL) == 0 && fake_count(out, "ProcessedPromptTokens", NULL) == 5);
    fake_stop(&f);
}

static void an_unknown_deployment_is_looked_up_once(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    int before;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    before = f.deployments;
    f.deployment = f.listed = "fresh";
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "GeneratedTokens", "gpt-5-mini") == 5 && f.deployments == before + 1);
    f.deployment = "ghost";
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "GeneratedTokens", "") == 5 && f.deployments == before + 1); /* not again within a minute */
    fake_stop(&f);
}

/* Azure gives the first ten and says nothing when nobody asks for more. */
static void eleven_series_come_as_eleven(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.series = 11;
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/requests", &out, &e) == ERR_OK);
    OK(fake_count(out, "AzureOpenAIRequests", NULL) == 11 * 5 && f.metrics == 0);
    f.batch_status = 404; /* and of each resource alone */
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/requests", &out, &e) == ERR_OK);
    OK(fake_count(out, "AzureOpenAIRequests", NULL) == 11 * 5 && f.metrics > 0);
    fake_stop(&f);
}

static void more_series_than_top_are_asked_for_by_deployment(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.series = AZURE_TOP;
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/requests", &out, &e) == ERR_OK);
    OK(fake_count(out, "AzureOpenAIRequests", NULL) == 5 && f.metrics == 2);
    fake_stop(&f);
}

static void the_family_that_has_data_takes_over(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    const struct epoch *choice;

    if (!OK(fake_start(&f)))
        return;
    f.silent = "AzureOpenAIRequests"; /* an OpenAI account that fills the Models family only */
    OK(fake_discover(&f));
    OK(fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/models/requests") &&
       !fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/requests"));
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    choice = epoch_of(out, EPOCH_AUTHORITY, "requests ");
    OK(choice && sv_eq(choice->value, SV("models")));
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/models/requests", &out, &e) == ERR_OK);
    OK(fake_count(out, "ModelRequests", NULL) == 5);
    fake_stop(&f);
}

static void a_subscription_that_refuses_harms_no_other(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    fake_jobs(&f);
    OK(fake_poll(&f, "subscriptions", "inventory", &out, &e) == ERR_OK);
    fake_jobs(&f);
    f.denied = FAKE_B "/providers";
    OK(fake_poll(&f, "sub:" FAKE_B, "inventory", &out, &e) == ERR_DENIED);
    OK(sv_has(sv_of(e.text), SV("role Reader")));
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    fake_jobs(&f);
    OK(fake_job(&f, "workspace:ws-1", "calls") != NULL); /* both were tried */
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    fake_stop(&f);
}

static void an_account_that_refuses_is_left_out_with_a_gap(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.batch_status = 404;
    f.denied = "/accounts/one/providers/Microsoft.Insights/metrics";
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_DENIED);
    OK(sv_has(sv_of(e.text), SV("Monitoring Reader")));
    OK(out->batches && out->batches->n_gaps == 1);
    f.denied = NULL;
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(fake_count(out, "GeneratedTokens", NULL) == 5);
    fake_stop(&f);
}

static void whether_logs_are_on_may_be_unknown(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    f.denied = "/diagnosticSettings";
    OK(fake_discover(&f));
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK);
    OK(fake_count(out, "diagnosticSettings.RequestResponse", NULL) == 0);
    fake_stop(&f);
}

static void a_failed_listing_leaves_the_last_good_one(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.throttled = "/accounts?";
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_THROTTLED && e.retry_after_ms == 7000);
    fake_jobs(&f);
    OK(fake_job(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens") != NULL);
    fake_stop(&f);
}

static void answers_that_are_no_answers_are_parse_errors(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    f.html = "getBatch";
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_PARSE);
    f.html = NULL;
    f.grain = "PT5M";
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_PARSE);
    f.grain = NULL;
    f.foreign = "http://127.0.0.2:1";
    OK(fake_poll(&f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_PARSE);
    OK(sv_has(sv_of(e.text), SV("another host")));
    fake_stop(&f);
}

static void a_refused_token_is_renewed_once(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    int tokens;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    tokens = f.tokens;
    f.refused_tokens = 1;
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_OK);
    OK(f.tokens == tokens + 1);
    f.refused_tokens = 1000;
    OK(fake_poll(&f, FAKE_METRICS(FAKE_A), "metrics/azure_openai/tokens", &out, &e) == ERR_AUTH);
    OK(f.tokens <= tokens + 2);
    fake_stop(&f);
}

static void accounts_of_other_kinds_are_known_as_foreign(void)
{
    struct fake f;

    if (!OK(fake_start(&f)))
        return;
    OK(!azure_is_foreign((struct azure_source *)f.source, SV("/subscriptions/x/voice")));
    OK(fake_discover(&f));
    OK(azure_is_foreign((struct azure_source *)f.source, SV("/subscriptions/x/voice")));
    OK(!azure_is_foreign((struct azure_source *)f.source, SV("/subscriptions/x/never-seen")));
    fake_stop(&f);
}

static void quotas_logs_and_activity_are_read(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_discover(&f));
    OK(fake_poll(&f, "sub:" FAKE_A, "capacity", &out, &e) == ERR_OK);
    OK(fake_count(out, "usages.limit.standard", "gpt-5-mini") == 1);
    OK(fake_poll(&f, "sub:" FAKE_A, "audit", &out, &e) == ERR_OK && f.activity == AZURE_ACTIVITY_PROVIDERS);
    OK(fake_poll(&f, "workspace:ws-1", "calls", &out, &e) == ERR_OK && f.queries == 1);
    fake_stop(&f);
}

/* ---- check --connect ---- */

struct lines {
    struct check_report report;
    int ok, warned, failed;
    bool remedy_names_role;
};

static void on_line(struct check_report *r, enum check_state s, const char *what, const char *remedy)
{
    struct lines *l = r->ctx;

    printf("# %d %s%s%s\n", (int)s, what, remedy ? " -> " : "", remedy ? remedy : "");
    l->ok += s == CHECK_OK;
    l->warned += s == CHECK_WARN;
    l->failed += s == CHECK_FAILED;
    l->remedy_names_role |= s == CHECK_FAILED && remedy && sv_has(sv_of(remedy), SV("Log Analytics Data Reader"));
}

static void check_names_what_is_missing_and_its_remedy(void)
{
    struct fake f;
    struct lines l = { .report = { .line = on_line } };
    struct err e = { 0 };

    if (!OK(fake_start(&f)))
        return;
    l.report.ctx = &l;
    OK(azure_source_ops.check(f.source, &l.report, &e) == ERR_OK);
    OK(l.failed == 0 && l.ok >= 12 && l.warned == 2); /* two accounts without request logs */
    l = (struct lines){ .report = { .line = on_line, .ctx = &l } };
    f.denied = "/query";
    f.batch_status = 403;
    OK(azure_source_ops.check(f.source, &l.report, &e) != ERR_OK);
    OK(l.failed == 1 && l.remedy_names_role && l.warned == 4);
    fake_stop(&f);
}

static void a_contradiction_in_the_configuration_is_refused(void)
{
    struct fake f;
    struct err e = { 0 };
    const char *ids[] = { FAKE_A };

    if (!OK(fake_start(&f)))
        return;
    azure_source_ops.close(f.source);
    f.config.subscriptions = (struct string_list){ ids, 1 };
    f.config.discover.management_group = "mg";
    f.source = azure_source_ops.open(&f.config, &f.env, &e);
    OK(!f.source && e.code == ERR_CONFIG);
    f.config.discover.management_group = NULL;
    f.source = azure_source_ops.open(&f.config, &f.env, &e);
    OK(f.source != NULL);
    fake_jobs(&f);
    OK(fake_job(&f, "sub:" FAKE_A, "inventory") && !fake_job(&f, "subscriptions", "inventory")); /* nothing to list */
    fake_stop(&f);
}

int main(void)
{
    RUN(discovery_comes_first_and_then_all_jobs);
    RUN(logs_wait_for_an_inventory_that_failed_by_the_way);
    RUN(means_wait_for_the_definitions);
    RUN(an_inventory_tells_deployments_authority_and_logging);
    RUN(a_batch_brings_every_minute_with_its_labels);
    RUN(hours_are_read_of_the_same_series);
    RUN(a_metric_that_cannot_be_held_to_streamed_calls_is_not_read);
    RUN(a_refused_batch_is_remembered_and_resources_are_asked);
    RUN(what_a_batch_does_not_answer_is_asked_again_alone);
    RUN(one_bad_metric_does_not_take_the_group_along);
    RUN(a_metric_that_fails_inside_a_200_is_no_zero);
    RUN(an_unknown_deployment_is_looked_up_once);
    RUN(eleven_series_come_as_eleven);
    RUN(more_series_than_top_are_asked_for_by_deployment);
    RUN(the_family_that_has_data_takes_over);
    RUN(a_subscription_that_refuses_harms_no_other);
    RUN(an_account_that_refuses_is_left_out_with_a_gap);
    RUN(whether_logs_are_on_may_be_unknown);
    RUN(a_failed_listing_leaves_the_last_good_one);
    RUN(answers_that_are_no_answers_are_parse_errors);
    RUN(a_refused_token_is_renewed_once);
    RUN(accounts_of_other_kinds_are_known_as_foreign);
    RUN(quotas_logs_and_activity_are_read);
    RUN(check_names_what_is_missing_and_its_remedy);
    RUN(a_contradiction_in_the_configuration_is_refused);
    return tap_done();
}
