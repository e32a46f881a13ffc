/* The source against a small Google Cloud on loopback: projects first, answers whole or not at all, refusals with their remedy. */
#include "tests/collector/sources/gcp/fake_gcp.h"

static size_t inventories(const struct frame *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_epochs; i++)
        n += f->epochs[i].kind == EPOCH_INVENTORY;
    return n;
}

/* Of the first place. */
static sv team_of(const struct frame *f)
{
    for (size_t i = 0; i < f->n_epochs; i++)
        if (f->epochs[i].kind == EPOCH_INVENTORY && f->epochs[i].n_items)
            return f->epochs[i].items[0].team;
    return SV_NONE;
}

/* ---- Which jobs there are ---- */

static void jobs_wait_for_the_projects(void)
{
    struct fake f;

    if (!OK(fake_begin(&f)) || !OK(fake_open(&f)))
        return;
    OK(polled_jobs(&f.p) == 1 && polled_job(&f.p, "projects", "inventory")->discovers);
    f.fault = (struct fake_fault){ "/v3/folders", 503, "", 0 };
    OK(polled_poll(&f.p, "projects", "inventory") == ERR_RETRY);
    OK(polled_jobs(&f.p) == 1); /* half of a tree is none */
    f.fault = (struct fake_fault){ 0 };
    OK(polled_poll(&f.p, "projects", "inventory") == ERR_OK && polled_jobs(&f.p) > 1);
    OK(polled_job(&f.p, FAKE_A, "inventory") && polled_job(&f.p, FAKE_B, "inventory"));
    OK(!polled_job(&f.p, "project:project-gone", "inventory"));
    OK(polled_job(&f.p, FAKE_A, "calls") && polled_job(&f.p, FAKE_A, "audit"));
    OK(!polled_job(&f.p, FAKE_A, "metrics/requests") && !polled_job(&f.p, FAKE_A, "capacity"));
    fake_stop(&f);
}

static void a_folder_that_refuses_takes_only_what_is_below_it_along(void)
{
    struct fake f;
    struct source_note notes[STATS_NOTES_MAX];

    if (!OK(fake_begin(&f)) || !OK(fake_open(&f)))
        return;
    OK(polled_jobs(&f.p) == 1);
    f.fault =
        (struct fake_fault){ "folders%2F2", 403, "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\"}}", 0 };
    OK(polled_poll(&f.p, "projects", "inventory") == ERR_OK && polled_jobs(&f.p) > 1);
    OK(polled_job(&f.p, FAKE_A, "inventory") && !polled_job(&f.p, FAKE_B, "inventory"));
    OK(source_stats_notes(f.p.env.stats, notes) == 1 && sv_eq(sv_of(notes[0].what), SV("folders")));
    f.fault = (struct fake_fault){ 0 };
    OK(polled_poll(&f.p, "projects", "inventory") == ERR_OK && polled_jobs(&f.p) > 1);
    OK(polled_job(&f.p, FAKE_B, "inventory") && source_stats_notes(f.p.env.stats, notes) == 0);
    f.fault =
        (struct fake_fault){ "folders%2F1", 403, "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\"}}", 0 };
    OK(polled_poll(&f.p, "projects", "inventory") != ERR_OK); /* nothing else is left */
    fake_stop(&f);
}

static void a_list_that_is_empty_for_once_takes_nothing_away(void)
{
    struct fake f;
    size_t n = 0;

    if (!OK(fake_begin(&f)) || !OK(fake_open(&f)))
        return;
    OK(polled_jobs(&f.p) == 1);
    OK(polled_poll(&f.p, "projects", "inventory") == ERR_OK && (n = polled_jobs(&f.p)) > 1);
    for (int i = 0; i < 6; i++) { /* full and empty by turns */
        f.nothing = i % 3 != 2;
        OK(polled_poll(&f.p, "projects", "inventory") == ERR_OK && polled_jobs(&f.p) == n);
    }
    f.nothing = true;
    for (int i = 0; i < 3; i++)
        OK(polled_poll(&f.p, "projects", "inventory") == ERR_OK);
    OK(polled_jobs(&f.p) == 1); /* three readings agree */
    fake_stop(&f);
}

static void of_ten_thousand_projects_as_many_are_read_as_there_is_room_for(void)
{
    struct fake f;
    struct source_note notes[STATS_NOTES_MAX];
    size_t n;

    if (!OK(fake_begin(&f)) || !OK(fake_open(&f)))
        return;
    OK(polled_jobs(&f.p) == 1);
    f.many = 10000;
    OK(polled_poll(&f.p, "projects", "inventory") == ERR_OK);
    n = polled_jobs(&f.p);
    OK(n >= GCP_PROJECTS_MAX && polled_job(&f.p, FAKE_A, "inventory"));
    OK(source_stats_notes(f.p.env.stats, notes) == 1 && sv_eq(sv_of(notes[0].what), SV("projects")));
    OK(polled_poll(&f.p, "projects", "inventory") == ERR_OK && polled_jobs(&f.p) == n);
    fake_stop(&f);
}

static void fifty_empty_pages_are_no_end(void)
{
    struct fake f;

    if (!OK(fake_begin(&f)) || !OK(fake_open(&f)) || !OK(fake_discover(&f)))
        return;
    clock_set_scale((struct clock_scale){ clock_now(), clock_now(), 200 }); /* the quota is one a second */
    f.empty_pages = 50;
    f.entries = 0;
    OK(polled_poll(&f.p, FAKE_A, "calls") == ERR_OK && f.entries == 51);
    OK(f.p.frame->tally.received == 1 && frame_records(f.p.frame) == 1);
    fake_stop(&f);
    clock_set_system();
}

static void what_was_active_once_stays(void)
{
    struct fake f;

    if (!OK(fake_begin(&f)))
        return;
    f.types = "publisher/online_serving/token_count prediction/online/replicas";
    if (!OK(fake_open(&f)) || !OK(fake_discover(&f)))
        return;
    OK(polled_job(&f.p, FAKE_A, "metrics/tokens") && !polled_job(&f.p, FAKE_A, "metrics/requests"));
    OK(!polled_job(&f.p, FAKE_A, "metrics/quota") && !polled_job(&f.p, FAKE_A, "capacity"));
    f.types = "publisher/online_serving/model_invocation_count quota/online_prediction_requests_per_base_model/usage";
    OK(polled_poll(&f.p, FAKE_A, "inventory") == ERR_OK && polled_jobs(&f.p));
    OK(polled_job(&f.p, FAKE_A, "metrics/tokens") && polled_job(&f.p, FAKE_A, "metrics/requests"));
    OK(polled_job(&f.p, FAKE_A, "metrics/quota") && !polled_job(&f.p, FAKE_A, "capacity"));
    OK(!polled_job(&f.p, FAKE_B, "metrics/tokens")); /* another project is another matter */
    fake_stop(&f);
}

static void minutes_settle_not_before_they_are_guaranteed(void)
{
    struct fake f;
    const struct source_job *j;

    if (!OK(fake_begin(&f)))
        return;
    f.delay = "1200s";
    if (!OK(fake_open(&f)) || !OK(fake_discover(&f)))
        return;
    j = polled_job(&f.p, FAKE_A, "metrics/requests");
    OK(j && j->settle_ms == MINUTES(21) && j->lookback_ms > j->settle_ms && j->span_max_ms > j->lookback_ms);
    fake_stop(&f);
}

static void configured_projects_need_no_list(void)
{
    static const char *ids[] = { "project-a" };
    struct fake f;

    if (!OK(fake_begin(&f)))
        return;
    f.config.discover.folder = NULL;
    f.config.projects = (struct string_list){ ids, 1 };
    f.organization_shows = true;
    if (!OK(fake_open(&f)) || !OK(fake_discover(&f)))
        return;
    OK(!polled_job(&f.p, "projects", "inventory") && !polled_job(&f.p, FAKE_B, "inventory"));
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_OK && polled_poll(&f.p, FAKE_A, "inventory") == ERR_OK);
    OK(inventories(f.p.frame) == 1); /* its labels were asked for */
    f.fault = (struct fake_fault){ "/v3/projects/project-a?", 403, "", 0 };
    OK(polled_poll(&f.p, FAKE_A, "inventory") == ERR_OK); /* who may not see labels is served without */
    fake_stop(&f);
}

static void what_cannot_be_is_refused_at_the_start(void)
{
    static const char *ids[] = { "project-a" };
    struct fake f;

    if (!OK(fake_begin(&f)))
        return;
    f.config.projects = (struct string_list){ ids, 1 };
    OK(!fake_open(&f) && polled_says(&f.p, "gcp: projects, discover.folder and"));
    polled_close(&f.p);
    f.config.discover = (struct gcp_discover_config){ NULL, NULL };
    ids[0] = "123456789012"; /* would be another account in each label */
    OK(!fake_open(&f) && polled_says(&f.p, "projects: want ids, found the number 123456789012"));
    polled_close(&f.p);
    f.config.projects.n = 0;
    f.config.discover.folder = "42";
    OK(!fake_open(&f) && polled_says(&f.p, "want folders/NUMBER"));
    polled_close(&f.p);
    f.config.discover.folder = NULL;
    f.config.discover.organization = "example.com";
    OK(!fake_open(&f) && polled_says(&f.p, "want organizations/NUMBER"));
    polled_close(&f.p);
    f.config.discover.organization = NULL;
    f.config.logs.when.settle_ms = f.config.logs.when.lookback_ms + 1;
    OK(!fake_open(&f) && polled_says(&f.p, "logs.settle must not exceed logs.lookback"));
    fake_stop(&f);
}

/* ---- Metrics ---- */

static void a_window_is_read_with_its_labels(void)
{
    struct fake f;
    const struct batch *b;

    if (!OK(fake_start(&f)))
        return;
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_OK && f.series == 1);
    OK(polled_count(&f.p, "publisher/online_serving/model_invocation_count", "gpt-oss-120b") == 5);
    b = f.p.frame->batches;
    OK(b && sv_eq(batch_sv(b, b->origin.account), SV("project-a")));
    OK(b && sv_eq(batch_sv(b, b->origin.cloud_region), SV("global")));
    OK(b && sv_eq(batch_sv(b, b->measures[0].operation), SV("chat")));
    OK(fake_has(sv_of(f.target), "perSeriesAligner=ALIGN_SUM") &&
       fake_has(sv_of(f.target), "resource.labels.model_user_id"));
    OK(strcmp(f.quota, "payer") == 0);
    OK(polled_poll(&f.p, FAKE_A, "metrics/endpoint_duration") == ERR_OK);
    OK(polled_count(&f.p, "prediction/online/prediction_latencies", "gpt-oss-20b") == 5);
    b = f.p.frame->batches;
    OK(b && sv_eq(batch_sv(b, b->origin.resource), SV("42")));
    OK(polled_poll(&f.p, FAKE_A, "metrics/quota") == ERR_OK && polled_count(&f.p, NULL, "gpt-oss-120b") == 5);
    fake_stop(&f);
}

static void pages_are_read_whole_or_not_at_all(void)
{
    struct fake f;

    if (!OK(fake_begin(&f)))
        return;
    f.in_pages = true;
    if (!OK(fake_open(&f)) || !OK(fake_discover(&f)))
        return;
    OK(polled_job(&f.p, FAKE_A, "metrics/requests") && f.descriptors == 2); /* the first type is on the second page */
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_OK && f.series == 2);
    OK(polled_count(&f.p, NULL, "gpt-oss-120b") == 5);
    f.fault = (struct fake_fault){ "pageToken=more", 500, "", 0 };
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_RETRY);
    f.fault = (struct fake_fault){ 0 };
    f.cursor_repeats = true;
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_PARTIAL && polled_says(&f.p, "repeats"));
    fake_stop(&f);
}

static void an_answer_that_calls_itself_incomplete_is_none(void)
{
    struct fake f;

    if (!OK(fake_start(&f)))
        return;
    f.incomplete = true;
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_RETRY && polled_says(&f.p, "model_invocation_count"));
    fake_stop(&f);
}

/* ---- Refusals ---- */

static void a_token_is_renewed_once(void)
{
    struct fake f;

    if (!OK(fake_start(&f)))
        return;
    OK(f.tokens == 1);
    f.token_refused = 1;
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_OK && f.tokens == 2);
    f.token_refused = 1000;
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_AUTH && f.tokens == 2); /* not once more within minutes */
    fake_stop(&f);
}

static void an_api_that_is_off_is_named_with_its_project(void)
{
    struct fake f;

    if (!OK(fake_start(&f)))
        return;
    f.fault = (struct fake_fault){ "/timeSeries", 403,
                                   "{\"error\":{\"code\":403,\"message\":\"Cloud Monitoring API has not been "
                                   "used\",\"status\":\"PERMISSION_DENIED\","
                                   "\"details\":[{\"@type\":\"type.googleapis.com/"
                                   "google.rpc.ErrorInfo\",\"reason\":\"SERVICE_DISABLED\",\"domain\":"
                                   "\"googleapis.com\",\"metadata\":{\"service\":\"monitoring.googleapis.com\","
                                   "\"consumer\":\"projects/payer\"}}]}}",
                                   0 };
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_DENIED);
    OK(polled_says(&f.p, "gcloud services enable monitoring.googleapis.com --project payer"));
    f.fault.body = "{\"error\":{\"code\":403,\"message\":\"no\",\"status\":\"PERMISSION_DENIED\"}}";
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_DENIED && polled_says(&f.p, "roles/monitoring.viewer"));
    OK(polled_poll(&f.p, FAKE_A, "calls") == ERR_OK); /* another API is another matter */
    fake_stop(&f);
}

static void the_wait_that_an_answer_asks_for_is_kept(void)
{
    struct fake f;

    if (!OK(fake_start(&f)))
        return;
    f.fault = (struct fake_fault){ "/v2/entries:list", 429,
                                   "{\"error\":{\"code\":429,\"message\":\"Quota "
                                   "exceeded\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":"
                                   "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"200s\"}]}}",
                                   0 };
    OK(polled_poll(&f.p, FAKE_A, "calls") == ERR_THROTTLED && f.faults == 1); /* longer than a poll has patience for */
    OK(f.p.e.retry_after_ms >= 200000 && f.p.e.retry_after_ms < 201000);
    fake_stop(&f);
}

/* ---- Logs ---- */

static size_t records_of(const struct frame *f)
{
    return (size_t)frame_records(f);
}

static void logs_are_read_by_the_time_of_receipt(void)
{
    struct fake f;

    if (!OK(fake_start(&f)))
        return;
    OK(polled_poll(&f.p, FAKE_A, "calls") == ERR_OK && records_of(f.p.frame) == 1 && f.p.frame->batches->n_calls == 1);
    OK(fake_has(sv_of(f.body), "receiveTimestamp >=") && fake_has(sv_of(f.body), "[\"projects/project-a\"]"));
    f.in_pages = true; /* the first one is empty and has a token all the same */
    f.entries = 0;
    OK(polled_poll(&f.p, FAKE_A, "calls") == ERR_OK && records_of(f.p.frame) == 1 && f.entries == 2);
    OK(polled_poll(&f.p, FAKE_A, "audit") == ERR_OK && records_of(f.p.frame) == 1 && f.p.frame->batches->n_audits == 1);
    f.no_calls = true; /* {} is an answer */
    OK(polled_poll(&f.p, FAKE_A, "calls") == ERR_OK && records_of(f.p.frame) == 0);
    fake_stop(&f);
}

static void calls_may_be_read_through_a_view(void)
{
    struct fake f;

    if (!OK(fake_begin(&f)))
        return;
    f.config.log_view = "audit-ai";
    if (!OK(fake_open(&f)) || !OK(fake_discover(&f)))
        return;
    OK(polled_poll(&f.p, FAKE_A, "calls") == ERR_OK);
    OK(fake_has(sv_of(f.body), "projects/project-a/locations/global/buckets/_Default/views/audit-ai"));
    OK(polled_poll(&f.p, FAKE_A, "audit") == ERR_OK && !fake_has(sv_of(f.body), "/views/"));
    fake_stop(&f);
}

/* ---- Inventory ---- */

static int logging_told(const struct fake *f)
{
    for (const struct batch *b = f->p.frame->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            if (sv_eq(batch_sv(b, b->measures[i].name), SV("auditConfigs.DATA_READ")))
                return b->measures[i].value > 0;
    return -1;
}

static void logging_is_on_when_any_level_says_so(void)
{
    struct fake f;

    if (!OK(fake_start(&f)))
        return;
    OK(polled_poll(&f.p, FAKE_A, "inventory") == ERR_OK && logging_told(&f) == -1); /* the organization may say it */
    f.folder_logs = true;
    OK(polled_poll(&f.p, FAKE_A, "inventory") == ERR_OK && logging_told(&f) == 1);
    OK(polled_poll(&f.p, FAKE_B, "inventory") == ERR_OK && logging_told(&f) == 1); /* from two levels above */
    f.fault = (struct fake_fault){ "folders/1:getIamPolicy", 500, "", 0 };
    OK(polled_poll(&f.p, FAKE_A, "inventory") == ERR_RETRY); /* a passing fault is no "off" */
    f.fault = (struct fake_fault){ "getIamPolicy", 403, "", 0 };
    OK(polled_poll(&f.p, FAKE_A, "inventory") == ERR_OK && logging_told(&f) == -1);
    fake_stop(&f);
}

static void models_that_were_met_are_in_the_inventory(void)
{
    size_t limits;
    struct fake f;

    if (!OK(fake_start(&f)))
        return;
    OK(polled_poll(&f.p, FAKE_A, "inventory") == ERR_OK && inventories(f.p.frame) == 0);
    OK(polled_poll(&f.p, FAKE_A, "metrics/requests") == ERR_OK);
    OK(polled_poll(&f.p, FAKE_A, "metrics/endpoint_responses") == ERR_OK);
    OK(polled_poll(&f.p, FAKE_A, "inventory") == ERR_OK &&
       inventories(f.p.frame) == 2); /* "global", and the endpoint */
    OK(fake_has(team_of(f.p.frame), "search"));
    OK(polled_poll(&f.p, FAKE_A, "capacity") == ERR_OK);
    limits = polled_count(&f.p, NULL, "gpt-oss-120b"); /* ten minutes of one hour, or of two */
    OK(limits == 1 || limits == 2);
    fake_stop(&f);
}

/* ---- check ---- */

static void check_tells_what_is_missing(void)
{
    struct fake f;
    struct polled_lines l;

    if (!OK(fake_begin(&f)) || !OK(fake_open(&f)))
        return;
    OK(polled_check(&f.p, &l) == ERR_OK && l.n[CHECK_FAILED] == 0);
    OK(polled_told(&l, "warn a person's login is for development"));
    OK(polled_told(&l, "warn project-a itself logs no calls; above it was not all seen | ") &&
       polled_told(&l, "logType: DATA_READ"));
    f.folder_logs = f.exempts = true;
    OK(polled_check(&f.p, &l) == ERR_OK && polled_told(&l, "warn project-b: calls of 1 exempted members"));
    OK(!fake_has(sv_of(l.text), "logs no calls") && !fake_has(sv_of(l.text), "no call in its audit log"));
    f.no_calls = true; /* nobody refuses; the list is empty */
    OK(polled_check(&f.p, &l) == ERR_OK);
    OK(polled_told(&l, "warn project-a: requests in the last hour, and no call in its audit log | grant "
                       "roles/logging.privateLogViewer"));
    f.fault = (struct fake_fault){ "/timeSeries", 403, "", 0 };
    OK(polled_check(&f.p, &l) == ERR_CONFIG && l.n[CHECK_FAILED] == 2);
    OK(polled_told(&l, "failed metrics of project-a") && polled_told(&l, "roles/monitoring.viewer"));
    f.fault = (struct fake_fault){ "/v3/folders", 403, "", 0 };
    OK(polled_check(&f.p, &l) == ERR_CONFIG && polled_told(&l, "failed list of projects"));
    fake_stop(&f);
}

/* A busy project has millions of entries in an hour; that there is one is all that is asked. */
static void check_reads_no_further_than_the_first_entry(void)
{
    struct fake f;
    struct polled_lines l;

    if (!OK(fake_begin(&f)) || !OK(fake_open(&f)))
        return;
    f.in_pages = f.cursor_repeats = true; /* an empty page, then pages without end */
    (void)polled_check(&f.p, &l);
    OK(polled_told(&l, "calls in the audit log of project-a") && !fake_has(sv_of(l.text), "failed calls in"));
    OK(polled_told(&l, "admin activity of project-a") && !fake_has(sv_of(l.text), "failed admin"));
    OK(f.entries > 0 && f.entries % 2 == 0); /* two pages for each question */
    fake_stop(&f);
}

int main(void)
{
    RUN(jobs_wait_for_the_projects);
    RUN(a_folder_that_refuses_takes_only_what_is_below_it_along);
    RUN(a_list_that_is_empty_for_once_takes_nothing_away);
    RUN(of_ten_thousand_projects_as_many_are_read_as_there_is_room_for);
    RUN(fifty_empty_pages_are_no_end);
    RUN(what_was_active_once_stays);
    RUN(minutes_settle_not_before_they_are_guaranteed);
    RUN(configured_projects_need_no_list);
    RUN(what_cannot_be_is_refused_at_the_start);
    RUN(a_window_is_read_with_its_labels);
    RUN(pages_are_read_whole_or_not_at_all);
    RUN(an_answer_that_calls_itself_incomplete_is_none);
    RUN(a_token_is_renewed_once);
    RUN(an_api_that_is_off_is_named_with_its_project);
    RUN(the_wait_that_an_answer_asks_for_is_kept);
    RUN(logs_are_read_by_the_time_of_receipt);
    RUN(calls_may_be_read_through_a_view);
    RUN(logging_is_on_when_any_level_says_so);
    RUN(models_that_were_met_are_in_the_inventory);
    RUN(check_tells_what_is_missing);
    RUN(check_reads_no_further_than_the_first_entry);
    return tap_done();
}
