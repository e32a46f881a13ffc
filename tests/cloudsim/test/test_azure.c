/* Azure's front: tokens and their refusal, paging, metric queries with their traps, quotas, faults. */
#include "tests/cloudsim/test/client.h"

#define SUB_ID       (azure_of(&sim)->world.subs[0].id)
#define API_ACCOUNTS "/subscriptions/%.*s/providers/Microsoft.CognitiveServices/accounts?api-version=2024-10-01"

static void a_wrong_secret_is_told_with_its_aadsts_code(void)
{
    json v;
    int64_t code = 0;
    json first = { .tape = NULL };
    struct json_iter it;

    OK(post_token("wrong", "https://management.azure.com/.default") == 401);
    v = parsed();
    it = json_items(json_get(v, SV("error_codes")));
    json_item(&it, &first);
    OK(sv_eq(json_sv(json_get(v, SV("error"))), SV("invalid_client")));
    OK(json_i64(first, &code) && code == 7000215);
    OK(sv_starts(json_sv(json_get(v, SV("error_description"))), SV("AADSTS7000215:")));
    OK(post_token(NULL, "https://management.azure.com") == 400);
    OK(post_token(NULL, "https://example.com/.default") == 400);
}

static void a_token_is_good_for_its_audience_and_its_time_alone(void)
{
    sv arm = arm_token(), logs = token_for("https://api.loganalytics.io");
    sv query = arena_printf(&arena, "%.*s/v1/workspaces/%.*s/query", SV_ARG(tls_origin()),
                            SV_ARG(azure_of(&sim)->world.workspaces[0]));
    sv spoilt = arena_copy(&arena, arm);

    OK(get(arm, "/subscriptions?api-version=2022-12-01") == 200);
    OK(get(SV_NONE, "/subscriptions?api-version=2022-12-01") == 401 && sv_eq(error_code(), SV("AuthenticationFailed")));
    OK(get(logs, "/subscriptions?api-version=2022-12-01") == 401);
    OK(send_to("POST", query, arm, "application/json", SV("{}")) == 403);
    OK(sv_eq(error_code(), SV("InvalidAuthenticationTokenAudience")));
    ((char *)(uintptr_t)spoilt.at)[spoilt.len - 3] ^= 1;
    OK(get(spoilt, "/subscriptions?api-version=2022-12-01") == 401 &&
       sv_eq(error_code(), SV("InvalidAuthenticationToken")));
    clock_advance(NANO_PER_S);
    OK(control("POST", "/faults", "{\"kind\":\"expire_tokens\"}") == 200);
    OK(get(arm, "/subscriptions?api-version=2022-12-01") == 401);
    arm = arm_token();
    OK(get(arm, "/subscriptions?api-version=2022-12-01") == 200);
    clock_advance(3599 * NANO_PER_S);
    OK(get(arm, "/subscriptions?api-version=2022-12-01") == 401 &&
       sv_eq(error_code(), SV("ExpiredAuthenticationToken")));
    OK(get(arm_token(), "/subscriptions") == 400); /* api-version */
}

static int federated(sv assertion)
{
    sv url = arena_printf(&arena, "%.*s/%.*s/oauth2/v2.0/token", SV_ARG(tls_origin()),
                          SV_ARG(azure_of(&sim)->world.tenant_id));
    sv body = arena_printf(
        &arena,
        "grant_type=client_credentials&client_id=%.*s&scope=https%%3A%%2F%%2Fmanagement.azure.com%%2F.default&"
        "client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer&"
        "client_assertion=%.*s",
        SV_ARG(azure_of(&sim)->world.client_id), SV_ARG(assertion));

    return send_to("POST", url, SV_NONE, "application/x-www-form-urlencoded", body);
}

static void a_federated_token_is_exchanged_while_it_is_valid(void)
{
    struct buf file = { .at = NULL };
    struct err e;

    OK(config_write(&sim, &e) == ERR_OK);
    OK(buf_read_file(&file, format("%s/federated-token", dir), 4096, &e) == ERR_OK);
    OK(federated(buf_sv(&file)) == 200);
    OK(federated(arm_token()) == 401); /* ours, but for another audience */
    OK(federated(SV("a.b.c")) == 401);
    clock_advance(3601 * NANO_PER_S);
    OK(federated(buf_sv(&file)) == 401);
    buf_done(&file);
}

static void imds_wants_its_header_and_writes_numbers_as_strings(void)
{
    const char *path =
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com";
    struct http_request q = { .method = "GET" };
    struct err e;

    OK(control("GET", path, NULL) == 400);
    q.url = arena_printf(&arena, "http://127.0.0.1:%u%s", http_server_port(sim.control), path);
    http_request_header(&q, SV("Metadata"), SV("true"));
    OK(http_do(client, &q, &answer, &e) == ERR_OK && answer.status == 200);
    OK(json_type(json_get(parsed(), SV("expires_in"))) == JSON_STRING);
    OK(get(arena_copy(&arena, json_sv(json_get(parsed(), SV("access_token")))),
           "/subscriptions?api-version=2022-12-01") == 200);
}

/* Follows nextLink from `path`; counts items whose `kind` (or any, if NULL) fits. */
static unsigned count_pages(sv token, const char *path, unsigned *items, bool *first_empty)
{
    sv url = arena_printf(&arena, "%.*s%s", SV_ARG(tls_origin()), path);
    unsigned pages = 0;

    *items = 0;
    while (url.len && pages < 50) {
        json v;

        must(send_to("GET", url, token, NULL, SV_NONE) == 200, "a page failed");
        v = parsed();
        if (pages == 0)
            *first_empty = json_count(json_get(v, SV("value"))) == 0;
        *items += (unsigned)json_count(json_get(v, SV("value")));
        url = arena_copy(&arena, json_sv(json_get(v, SV("nextLink"))));
        pages++;
    }
    return pages;
}

static void lists_are_paged_and_the_first_page_of_accounts_is_empty(void)
{
    sv token = arm_token();
    unsigned items;
    bool empty;

    OK(count_pages(token, format(API_ACCOUNTS, SV_ARG(SUB_ID)), &items, &empty) == 3);
    OK(empty && items == azure_of(&sim)->world.subs[0].n_accounts);
    OK(count_pages(token,
                   format("%.*s/deployments?api-version=2024-10-01", SV_ARG(azure_of(&sim)->world.accounts[0].id)),
                   &items, &empty) == 2);
    OK(!empty && items == azure_of(&sim)->world.accounts[0].n_deployments);
    OK(count_pages(token, "/subscriptions?api-version=2022-12-01", &items, &empty) == 2);
    OK(items == azure_of(&sim)->world.n_subs + 1); /* and a deleted one */
}

static const char *metrics_path(const char *rest)
{
    return format("%.*s/providers/Microsoft.Insights/metrics?api-version=2024-02-01&interval=PT1M&"
                  "timespan=2026-11-24T08%%3A00%%3A00Z%%2F2026-11-24T09%%3A00%%3A00Z&%s",
                  SV_ARG(azure_of(&sim)->world.accounts[1].id), rest);
}

#define SPLIT "%24filter=ModelDeploymentName%20eq%20'*'%20and%20StatusCode%20eq%20'*'%20and%20OperationName%20eq%20'*'"

static json first_metric(void)
{
    struct json_iter it = json_items(json_get(parsed(), SV("value")));
    json v = { .tape = NULL };

    json_item(&it, &v);
    return v;
}

static size_t series_of(const char *rest, int64_t *sum)
{
    struct json_iter series, points;
    json s, p;

    *sum = 0;
    must(get(arm_token(), metrics_path(rest)) == 200, "metrics failed");
    s = json_get(first_metric(), SV("timeseries"));
    for (series = json_items(s); json_item(&series, &p);) {
        json point;
        double v;

        for (points = json_items(json_get(p, SV("data"))); json_item(&points, &point);)
            *sum += json_f64(json_get(point, SV("total")), &v) ? (int64_t)v : 0;
    }
    return json_count(s);
}

static void top_cuts_at_ten_series_without_a_word(void)
{
    int64_t cut, all, unsplit;

    OK(series_of("metricnames=ModelRequests&" SPLIT, &cut) == 10);
    OK(series_of("metricnames=ModelRequests&top=1000&" SPLIT, &all) > 10);
    OK(series_of("metricnames=ModelRequests", &unsplit) == 1);
    OK(all == unsplit && all > 1000 && cut < all);
    OK(series_of("metricnames=ModelRequests&top=1000&%24filter=ModelDeploymentName%20eq%20'mini'", &all) == 1);
}

static void metric_errors_have_their_two_forms(void)
{
    sv token = arm_token();

    OK(get(token, metrics_path("metricnames=NoSuchMetric")) == 400);
    OK(sv_eq(json_sv(json_get(parsed(), SV("code"))), SV("BadRequest"))); /* no wrapper */
    OK(get(token, metrics_path("metricnames=InputTokens&%24filter=StatusCode%20eq%20'*'")) == 400);
    OK(get(token, metrics_path("metricnames=InputTokens&aggregation=average")) == 200);
    OK(sv_eq(json_sv(json_get(first_metric(), SV("errorCode"))), SV("InvalidSamplingType")));
    OK(json_count(json_get(first_metric(), SV("timeseries"))) == 0);
    OK(get(token, metrics_path("metricnames=InputTokens&%24filter=ModelName%20like%20'x'")) == 400);
}

static int batch(const char *region, const char *body)
{
    sv url = arena_printf(
        &arena,
        "%.*s/metrics-%s/subscriptions/%.*s/metrics:getBatch?api-version=2024-02-01&metricnames=ModelRequests&"
        "metricnamespace=Microsoft.CognitiveServices/accounts&interval=PT1M&top=1000&"
        "filter=ModelDeploymentName%%20eq%%20%%27*%%27&starttime=2026-11-24T08:00:00.000Z&endtime="
        "2026-11-24T09:00:00.000Z",
        SV_ARG(tls_origin()), region, SV_ARG(SUB_ID));

    return send_to("POST", url, token_for("https://metrics.monitor.azure.com"), "application/json", sv_of(body));
}

static void a_batch_is_of_one_subscription_and_one_region(void)
{
    const struct account *a = azure_of(&sim)->world.accounts;

    OK(batch("westeurope", format("{\"resourceids\":[\"%.*s\"]}", SV_ARG(a[1].id))) == 200);
    OK(json_count(json_get(parsed(), SV("values"))) == 1);
    OK(batch("westeurope", format("{\"resourceids\":[\"%.*s\",\"%.*s\"]}", SV_ARG(a[1].id), SV_ARG(a[0].id))) == 400);
    OK(batch("eastus2", format("{\"resourceids\":[\"%.*s\"]}", SV_ARG(a[1].id))) == 400);
    OK(batch("westeurope", format("{\"resourceids\":[\"%.*s\",\"%.*s\"]}", SV_ARG(a[1].id), SV_ARG(a[1].id))) == 400);
    OK(batch("eastus2", format("{\"resourceids\":[\"%.*s\"]}", SV_ARG(a[3].id))) == 400); /* another subscription's */
    OK(batch("westeurope", "{\"resourceIds\":[]}") == 400);                               /* the key is in lower case */
}

static void the_two_hundred_and_fifty_first_read_is_told_to_wait(void)
{
    sv token = arm_token();
    unsigned good = 0;
    int status = 0;

    clock_advance(60 * NANO_PER_S); /* a full bucket; then time stands still */
    for (unsigned i = 0; i < 300 && (status = get(token, format(API_ACCOUNTS, SV_ARG(SUB_ID)))) == 200; i++)
        good++;
    OK(good == 250 && status == 429);
    OK(sv_eq(http_response_header(&answer, SV("retry-after")), SV("1")));
    OK(sv_eq(http_response_header(&answer, SV("x-ms-ratelimit-remaining-subscription-reads")), SV("0")));
    OK(get(token, format(API_ACCOUNTS, SV_ARG(azure_of(&sim)->world.subs[1].id))) ==
       200); /* another subscription's bucket */
    clock_advance(2 * NANO_PER_S);
    OK(get(token, format(API_ACCOUNTS, SV_ARG(SUB_ID))) == 200);
}

static void a_fault_hits_what_it_names_and_ends(void)
{
    sv token = arm_token(), other = azure_of(&sim)->world.subs[1].id;

    clock_advance(60 * NANO_PER_S);
    OK(control(
           "POST", "/faults",
           format(
               "{\"api\":\"accounts.list\",\"subscription\":\"%.*s\",\"kind\":\"throttle\",\"for_s\":10,\"seconds\":7}",
               SV_ARG(SUB_ID))) == 200);
    OK(get(token, format(API_ACCOUNTS, SV_ARG(SUB_ID))) == 429);
    OK(sv_eq(http_response_header(&answer, SV("retry-after")), SV("7")));
    OK(get(token, format(API_ACCOUNTS, SV_ARG(other))) == 200);
    clock_advance(11 * NANO_PER_S);
    OK(get(token, format(API_ACCOUNTS, SV_ARG(SUB_ID))) == 200);
    OK(control("POST", "/faults", "{\"api\":\"accounts.list\",\"kind\":\"drop\"}") == 200);
    OK(get(token, format(API_ACCOUNTS, SV_ARG(SUB_ID))) == 0);
    OK(control("DELETE", "/faults", NULL) == 200);
    OK(control("POST", "/faults", "{\"api\":\"accounts.list\",\"kind\":\"html\"}") == 200);
    OK(get(token, format(API_ACCOUNTS, SV_ARG(SUB_ID))) == 502 && sv_starts(buf_sv(&answer.body), SV("<html>")));
    OK(control("POST", "/faults", "{\"clear\":true}") == 200);
    OK(get(token, format(API_ACCOUNTS, SV_ARG(SUB_ID))) == 200);
    OK(control("POST", "/faults", "{\"kind\":\"no such\"}") == 400);
    OK(requests_total(sim.requests, "accounts.list", true) >= 3);
}

static void what_is_unknown_is_404(void)
{
    sv token = arm_token();

    OK(get(token, format(API_ACCOUNTS, SV_ARG(SV("00000000-0000-0000-0000-000000000000")))) == 404);
    OK(sv_eq(error_code(), SV("SubscriptionNotFound")));
    OK(get(token, "/no/such/path?api-version=1") == 404);
    OK(get(token, format("%.*sx/deployments?api-version=2024-10-01", SV_ARG(azure_of(&sim)->world.accounts[0].id))) ==
       404);
    OK(sv_eq(error_code(), SV("ResourceNotFound")));
}

int main(void)
{
    start_sim((struct sim_options){ .seed = 11, .calls_per_minute = 600, .history_ms = 2 * 3600 * 1000 });
    RUN(a_wrong_secret_is_told_with_its_aadsts_code);
    RUN(a_token_is_good_for_its_audience_and_its_time_alone);
    RUN(a_federated_token_is_exchanged_while_it_is_valid);
    RUN(imds_wants_its_header_and_writes_numbers_as_strings);
    RUN(lists_are_paged_and_the_first_page_of_accounts_is_empty);
    RUN(top_cuts_at_ten_series_without_a_word);
    RUN(metric_errors_have_their_two_forms);
    RUN(a_batch_is_of_one_subscription_and_one_region);
    RUN(the_two_hundred_and_fifty_first_read_is_told_to_wait);
    RUN(a_fault_hits_what_it_names_and_ends);
    RUN(what_is_unknown_is_404);
    stop_sim();
    return tap_done();
}
