/* The table of Azure's APIs, and what they share: tokens, api-version, subscription, quota. Handlers: azure_*.c. */
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/azure/azure.h"

#define SUB       "/subscriptions/{}"
#define COGNITIVE "/providers/Microsoft.CognitiveServices"
#define ACCOUNT   SUB "/resourceGroups/{}" COGNITIVE "/accounts/{}"
#define INSIGHTS  "/providers/Microsoft.Insights"

/* Metric queries over the free allowance are listed at 0.01 USD a thousand [unverified]; the other calls are free. */
#define METRIC_CALL_USD 0.00001

/* clang-format off */
static const struct api_row rows[] = {
    { "token",                "POST", "/{}/oauth2/v2.0/token",                     AUD_NONE, NULL, 0, azure_token },
    { "openid",               "GET",  "/{}/v2.0/.well-known/openid-configuration", AUD_NONE, NULL, 0, azure_openid },
    { "openid",               "GET",  "/common/discovery/instance",                AUD_NONE, NULL, 0, azure_instance },
    { "subscriptions.list",   "GET",  "/subscriptions",                            AUD_ARM, &azure_arm_quota, 0, azure_subscriptions },
    { "locations.list",       "GET",  SUB "/locations",                            AUD_ARM, &azure_arm_quota, 0, azure_locations },
    { "descendants.list",     "GET",  "/providers/Microsoft.Management/managementGroups/{}/descendants", AUD_ARM, &azure_arm_quota, 0, azure_descendants },
    { "accounts.list",        "GET",  SUB COGNITIVE "/accounts",                   AUD_ARM, &azure_arm_quota, 0, azure_accounts },
    { "accounts.get",         "GET",  ACCOUNT,                                     AUD_ARM, &azure_arm_quota, 0, azure_account },
    { "deployments.list",     "GET",  ACCOUNT "/deployments",                      AUD_ARM, &azure_arm_quota, 0, azure_deployments },
    { "settings.list",        "GET",  ACCOUNT INSIGHTS "/diagnosticSettings",      AUD_ARM, &azure_arm_quota, 0, azure_settings },
    { "settings.list",        "GET",  SUB INSIGHTS "/diagnosticSettings",          AUD_ARM, &azure_arm_quota, 0, azure_subscription_settings },
    { "usages.location",      "GET",  SUB COGNITIVE "/locations/{}/usages",        AUD_ARM, &azure_arm_quota, 0, azure_location_usages },
    { "usages.account",       "GET",  ACCOUNT "/usages",                           AUD_ARM, &azure_arm_quota, 0, azure_account_usages },
    { "workspaces.get",       "GET",  SUB "/resourceGroups/{}/providers/Microsoft.OperationalInsights/workspaces/{}", AUD_ARM, &azure_arm_quota, 0, azure_workspace },
    { "graph",                "POST", "/providers/Microsoft.ResourceGraph/resources", AUD_ARM, &azure_graph_quota, 0, azure_graph },
    { "metrics.definitions",  "GET",  ACCOUNT INSIGHTS "/metricDefinitions",       AUD_ARM, &azure_definitions_quota, 0, azure_definitions },
    { "metrics.list",         "GET",  ACCOUNT INSIGHTS "/metrics",                 AUD_ARM, &azure_arm_quota, METRIC_CALL_USD, azure_metrics },
    { "metrics.batch",        "POST", SUB "/metrics:getBatch",                     AUD_METRICS, NULL, METRIC_CALL_USD, azure_metrics_batch },
    { "metrics.batch",        "POST", "/{}" SUB "/metrics:getBatch",               AUD_METRICS, NULL, METRIC_CALL_USD, azure_metrics_batch },
    { "activity.list",        "GET",  SUB INSIGHTS "/eventtypes/management/values", AUD_ARM, &azure_arm_quota, 0, azure_activity },
    { "logs.query",           "POST", "/v1/workspaces/{}/query",                   AUD_LOGS, &azure_logs_quota, 0, azure_logs },
    { "imds.token",           "GET",  "/metadata/identity/oauth2/token",           AUD_PLAIN, NULL, 0, azure_imds },
    { "app_identity.token",   "GET",  "/msi/token",                                AUD_PLAIN, NULL, 0, azure_app_identity },
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof rows[0] };

const struct quota azure_arm_quota = { 250, 25 }, azure_definitions_quota = { 400, 400.0 / 300 },
                   azure_logs_quota = { 200, 200.0 / 30 }, azure_graph_quota = { 15, 3 };

static const struct api_row *row_at(unsigned i)
{
    return i < ROWS ? &rows[i] : NULL;
}

static bool route(struct exchange *x, bool plain)
{
    bool known = false;

    for (unsigned i = 0; i < ROWS; i++) {
        if (plain != (rows[i].audience == AUD_PLAIN) || !api_path_matches(rows[i].path, x->q->path, x))
            continue;
        known = true;
        if (!sv_eq(sv_of(rows[i].method), x->q->method))
            continue;
        x->row = &rows[i];
        break;
    }
    return known;
}

static void unknown(struct exchange *x)
{
    reply_error(x, 405, "MethodNotAllowed", "The method is not allowed for this path.");
}

void put_ticks_time(struct buf *b, int64_t unix_nano)
{
    buf_time(b, unix_nano, 7);
}

const struct account *exchange_account(struct exchange *x, sv group, sv name)
{
    for (unsigned i = 0; i < azure_request(x)->sub->n_accounts; i++) {
        const struct account *a = &azure_of(x->sim)->world.accounts[azure_request(x)->sub->first_account + i];

        if (sv_eq_nocase(a->group, group) && sv_eq_nocase(a->name, name))
            return a;
    }
    reply_error(
        x, 404, "ResourceNotFound",
        "The Resource 'Microsoft.CognitiveServices/accounts/%.*s' under resource group '%.*s' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
        SV_ARG(name), SV_ARG(group));
    return NULL;
}

static void identify(struct exchange *x)
{
    if (!strstr(x->row->path, SUB))
        return;
    azure_request(x)->sub =
        world_subscription(&azure_of(x->sim)->world, sv_path_value(x->q->path, SV("subscriptions")));
    if (azure_request(x)->sub)
        x->place.subscription = azure_request(x)->sub->id;
}

static bool subscription_known(struct exchange *x)
{
    if (!strstr(x->row->path, SUB) || azure_request(x)->sub)
        return true;
    reply_error(x, 404, "SubscriptionNotFound", "The subscription '%.*s' could not be found.",
                SV_ARG(sv_path_value(x->q->path, SV("subscriptions"))));
    return false;
}

static bool let_in(struct exchange *x)
{
    bool logs = x->row->audience == AUD_LOGS;
    enum token_verdict v;

    if (x->row->audience == AUD_NONE || x->row->audience == AUD_PLAIN)
        return true;
    v = token_verify(x, x->row->audience);
    if (v == TOKEN_GOOD)
        return true;
    if (v == TOKEN_NONE)
        reply_error(x, 401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.");
    else if (v == TOKEN_EXPIRED)
        reply_error(x, 401, "ExpiredAuthenticationToken",
                    "The access token expiry UTC time is earlier than current UTC time.");
    else if (v == TOKEN_AUDIENCE)
        reply_error(
            x, logs ? 403 : 401, "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource. It should exactly match with one of "
            "the allowed audiences '%s'.",
            logs ? "https://api.loganalytics.io" : "https://management.azure.com/','https://management.azure.com");
    else
        reply_error(x, 401, "InvalidAuthenticationToken", "The access token is invalid.");
    return false;
}

static bool within_quota(struct exchange *x)
{
    unsigned left = 0, wait = 0;
    sv name = x->row->quota == &azure_logs_quota || !azure_request(x)->sub ? x->principal : azure_request(x)->sub->id;
    bool ok = quotas_take(x->sim->quotas, x->row->quota, name, x->now, &left, &wait);

    if (x->row->audience == AUD_ARM) {
        reply_header(x, "x-ms-ratelimit-remaining-subscription-reads", "%u", left);
        reply_header(x, "x-ms-ratelimit-remaining-subscription-global-reads", "%u", 3500 + left);
    }
    if (!ok)
        reply_throttled(x, wait);
    return ok;
}

static bool api_version_told(struct exchange *x)
{
    if ((x->row->audience != AUD_ARM && x->row->audience != AUD_METRICS) || query_of(x, "api-version").len)
        return true;
    reply_error(x, 400, "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.");
    return false;
}

static bool admit(struct exchange *x)
{
    return let_in(x) && api_version_told(x) && subscription_known(x) && within_quota(x);
}

static void headers(struct exchange *x)
{
    reply_header(x, "x-ms-request-id", "%.*s", SV_ARG(x->request_id));
    reply_header(x, "x-ms-correlation-request-id", "%.*s", SV_ARG(x->request_id));
}

static void close_world(void *own)
{
    struct azure *a = own;

    workload_free(a->workload);
    world_done(&a->world);
    free(a);
}

static enum err_code open_world(struct sim *s, void **own, struct err *e)
{
    struct azure *a = calloc(1, sizeof *a);

    if (!a || world_init(&a->world, s->options.seed, s->options.count[AZURE], e)) {
        free(a);
        return a ? e->code : err_set(e, ERR_LIMIT, "out of memory");
    }
    a->workload = workload_new(&a->world, s->options.calls_per_minute, s->first, s->last);
    if (a->workload) {
        *own = a;
        return ERR_OK;
    }
    close_world(a);
    return err_set(e, ERR_LIMIT, "out of memory");
}

const struct cloud azure_cloud = {
    .name = "azure",
    .id = AZURE,
    .count = { "--subscriptions", "how many Azure has", 3, 1, WORLD_SUBSCRIPTIONS_MAX },
    .exchange_bytes = sizeof(struct azure_request),
    .open = open_world,
    .close = close_world,
    .row_at = row_at,
    .route = route,
    .identify = identify,
    .admit = admit,
    .unknown = unknown,
    .dialect = azure_dialect,
    .headers = headers,
    .truth = azure_truth_write,
    .config = azure_config_write,
    .secrets = azure_secrets_write,
    .renew = azure_federated_write,
};
