/*
 * Inventory as Resource Manager tells it (azure.md 2.4, discovery.md 1.5, 1.6): subscriptions, accounts, deployments,
 * diagnostic settings, usages, Resource Graph. Lists are paged small, and the first page of accounts is empty but
 * carries a nextLink, as has been seen live. A page's place stands in $skiptoken.
 */
#include <stdio.h>
#include <string.h>

#include "tests/cloudsim/azure/azure.h"
#include "tests/cloudsim/rng.h"

enum { ACCOUNTS_PER_PAGE = 2, DEPLOYMENTS_PER_PAGE = 3, SUBSCRIPTIONS_PER_PAGE = 2 };

/* Where a list goes on: 0 for the first page. False (answered 400) when the token is none of ours. */
static bool page_start(struct exchange *x, uint64_t limit, uint64_t *at)
{
    sv token = query_of(x, "$skiptoken");

    *at = 0;
    if (!token.len || (sv_to_u64(token, at) && *at <= limit))
        return true;
    reply_error(x, 400, "InvalidSkipToken", "The provided skip token is invalid.");
    return false;
}

/* Closes {"value":[ ... ] with the link to the next page, which keeps the request's own parameters. */
static void end_page(struct exchange *x, struct buf *b, bool more, uint64_t next)
{
    buf_putc(b, ']');
    if (more) {
        sv origin = exchange_origin(x), target = http_server_raw_target(x->q), path = sv_cut(&target, '?');

        buf_printf(b, ",\"nextLink\":\"%.*s%.*s?api-version=%.*s&%%24skiptoken=%llu\"", SV_ARG(origin), SV_ARG(path),
                   SV_ARG(query_of(x, "api-version")), (unsigned long long)next);
    }
    buf_putc(b, '}');
}

static void put_subscription(struct exchange *x, struct buf *b, const struct subscription *s)
{
    buf_printf(b,
               "{\"id\":\"/subscriptions/%.*s\",\"authorizationSource\":\"RoleBased\",\"managedByTenants\":[],"
               "\"subscriptionId\":\"%.*s\",\"tenantId\":\"%.*s\",\"displayName\":\"%.*s\",\"state\":\"Enabled\","
               "\"subscriptionPolicies\":{\"locationPlacementId\":\"Public_2014-09-01\",\"spendingLimit\":\"Off\"}}",
               SV_ARG(s->id), SV_ARG(s->id), SV_ARG(azure_of(x->sim)->world.tenant_id), SV_ARG(s->name));
}

/* After our own there is a deleted one: listed for a while, to be left out. */
void azure_subscriptions(struct exchange *x)
{
    const struct world *w = &azure_of(x->sim)->world;
    uint64_t at, n = w->n_subs;
    struct buf *b;

    if (!page_start(x, n, &at))
        return;
    b = reply_json(x, 200);
    buf_put(b, SV("{\"value\":["));
    for (uint64_t i = at; i < n && i < at + SUBSCRIPTIONS_PER_PAGE; i++) {
        if (i > at)
            buf_putc(b, ',');
        put_subscription(x, b, &w->subs[i]);
    }
    if (at + SUBSCRIPTIONS_PER_PAGE >= n) {
        buf_printf(
            b,
            "%s{\"id\":\"/subscriptions/00000000-0000-4000-8000-00000000dead\",\"subscriptionId\":"
            "\"00000000-0000-4000-8000-00000000dead\",\"tenantId\":\"%.*s\",\"displayName\":\"closed\",\"state\":"
            "\"Deleted\"}",
            at < n ? "," : "", SV_ARG(w->tenant_id));
    }
    end_page(x, b, at + SUBSCRIPTIONS_PER_PAGE < n, at + SUBSCRIPTIONS_PER_PAGE);
}

void azure_descendants(struct exchange *x)
{
    const struct world *w = &azure_of(x->sim)->world;
    struct buf *b;

    if (!sv_eq_nocase(x->captures[0], w->management_group)) {
        reply_error(x, 404, "NotFound", "Management group '%.*s' was not found.", SV_ARG(x->captures[0]));
        return;
    }
    b = reply_json(x, 200);
    buf_printf(
        b,
        "{\"value\":[{\"id\":\"/providers/Microsoft.Management/managementGroups/%.*s-child\",\"type\":"
        "\"Microsoft.Management/managementGroups\",\"name\":\"%.*s-child\",\"properties\":{\"displayName\":\"child\","
        "\"parent\":{\"id\":\"/providers/Microsoft.Management/managementGroups/%.*s\"}}}",
        SV_ARG(w->management_group), SV_ARG(w->management_group), SV_ARG(w->management_group));
    for (unsigned i = 0; i < w->n_subs; i++)
        buf_printf(b,
                   ",{\"id\":\"/subscriptions/%.*s\",\"type\":\"/subscriptions\",\"name\":\"%.*s\",\"properties\":"
                   "{\"displayName\":\"%.*s\",\"parent\":{\"id\":\"/providers/Microsoft.Management/managementGroups/"
                   "%.*s%s\"}}}",
                   SV_ARG(w->subs[i].id), SV_ARG(w->subs[i].id), SV_ARG(w->subs[i].name), SV_ARG(w->management_group),
                   i % 2 ? "-child" : "");
    buf_put(b, SV("]}"));
}

void azure_locations(struct exchange *x)
{
    /* clang-format off */
    static const char *const rows[][4] = {
        { "swedencentral", "Sweden Central", "Sweden",        "Gävle" },
        { "westeurope",    "West Europe",    "Europe",        "Netherlands" },
        { "eastus2",       "East US 2",      "United States", "Virginia" },
    };
    /* clang-format on */
    struct buf *b = reply_json(x, 200);

    buf_put(b, SV("{\"value\":["));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        buf_printf(
            b,
            "%s{\"id\":\"/subscriptions/%.*s/locations/%s\",\"name\":\"%s\",\"type\":\"Region\",\"displayName\":\"%s\","
            "\"metadata\":{\"regionType\":\"Physical\",\"geography\":\"%s\",\"physicalLocation\":\"%s\"}}",
            i ? "," : "", SV_ARG(azure_request(x)->sub->id), rows[i][0], rows[i][0], rows[i][1], rows[i][2],
            rows[i][3]);
    buf_put(b, SV("]}"));
}

static void put_account(struct buf *b, const struct account *a)
{
    buf_printf(
        b,
        "{\"id\":\"%.*s\",\"name\":\"%.*s\",\"type\":\"Microsoft.CognitiveServices/accounts\",\"location\":\"%.*s\","
        "\"kind\":\"%.*s\",\"sku\":{\"name\":\"S0\"},\"etag\":\"W/\\\"1\\\"\",",
        SV_ARG(a->id), SV_ARG(a->name), SV_ARG(a->location), SV_ARG(a->kind_name));
    if (a->index % 4 != 3) /* tags may be absent altogether */
        buf_printf(b, "\"tags\":{\"team\":\"%.*s\",\"env\":\"prod\",\"costCenter\":\"%u\"},", SV_ARG(a->team),
                   4000 + a->index);
    buf_printf(b,
               "\"properties\":{\"endpoint\":\"https://%.*s.openai.azure.com/\",\"provisioningState\":\"Succeeded\","
               "\"customSubDomainName\":\"%.*s\",\"publicNetworkAccess\":\"Enabled\",\"networkAcls\":{"
               "\"defaultAction\":\"Allow\"},"
               "\"disableLocalAuth\":false}}",
               SV_ARG(a->name), SV_ARG(a->name));
}

void azure_accounts(struct exchange *x)
{
    uint64_t at, n = azure_request(x)->sub->n_accounts;
    struct buf *b;

    if (!page_start(x, n, &at))
        return;
    b = reply_json(x, 200);
    buf_put(b, SV("{\"value\":["));
    if (!query_of(x, "$skiptoken").len) { /* an empty first page that goes on */
        end_page(x, b, true, 0);
        return;
    }
    for (uint64_t i = at; i < n && i < at + ACCOUNTS_PER_PAGE; i++) {
        if (i > at)
            buf_putc(b, ',');
        put_account(b, &azure_of(x->sim)->world.accounts[azure_request(x)->sub->first_account + i]);
    }
    end_page(x, b, at + ACCOUNTS_PER_PAGE < n, at + ACCOUNTS_PER_PAGE);
}

void azure_account(struct exchange *x)
{
    const struct account *a = exchange_account(x, x->captures[1], x->captures[2]);

    if (a)
        put_account(reply_json(x, 200), a);
}

static void put_deployment(struct buf *b, const struct account *a, const struct deployment *d)
{
    buf_printf(b,
               "{\"id\":\"%.*s/deployments/%.*s\",\"name\":\"%.*s\",\"type\":\"Microsoft.CognitiveServices/accounts/"
               "deployments\","
               "\"sku\":{\"name\":\"%.*s\",\"capacity\":%u},",
               SV_ARG(a->id), SV_ARG(d->name), SV_ARG(d->name), SV_ARG(d->sku), d->capacity);
    if (d->index % 3 == 0)
        buf_put(b, SV("\"tags\":{\"owner\":\"platform\"},"));
    buf_printf(
        b,
        "\"properties\":{\"model\":{\"format\":\"%.*s\",\"name\":\"%.*s\",\"version\":\"%.*s\",\"publisher\":null},"
        "\"versionUpgradeOption\":\"OnceNewDefaultVersionAvailable\",\"raiPolicyName\":\"Microsoft.DefaultV2\","
        "\"capabilities\":{\"chatCompletion\":\"%s\"},\"provisioningState\":\"Succeeded\",\"rateLimits\":[{\"key\":"
        "\"request\",\"renewalPeriod\":60,\"count\":%u},{\"key\":\"token\",\"renewalPeriod\":60,\"count\":%u}]}}",
        SV_ARG(d->format), SV_ARG(d->model), SV_ARG(d->version), d->chat ? "true" : "false", d->capacity * 6,
        d->capacity * 1000);
}

void azure_deployments(struct exchange *x)
{
    const struct account *a = exchange_account(x, x->captures[1], x->captures[2]);
    uint64_t at;
    struct buf *b;

    if (!a || !page_start(x, a->n_deployments, &at))
        return;
    b = reply_json(x, 200);
    buf_put(b, SV("{\"value\":["));
    for (uint64_t i = at; i < a->n_deployments && i < at + DEPLOYMENTS_PER_PAGE; i++) {
        if (i > at)
            buf_putc(b, ',');
        put_deployment(b, a, &azure_of(x->sim)->world.deployments[a->first_deployment + i]);
    }
    end_page(x, b, at + DEPLOYMENTS_PER_PAGE < a->n_deployments, at + DEPLOYMENTS_PER_PAGE);
}

/* ---- diagnostic settings ---- */

static sv workspace_id(struct exchange *x, unsigned i)
{
    return arena_printf(&x->arena,
                        "/subscriptions/%.*s/resourcegroups/rg-logs/providers/microsoft.operationalinsights/workspaces/"
                        "law-ai-%u",
                        SV_ARG(azure_of(x->sim)->world.subs[0].id), i);
}

/* Diagnostic settings name a workspace by its ARM id, the query API by its customerId. */
void azure_workspace(struct exchange *x)
{
    for (unsigned i = 0; i < WORLD_WORKSPACES; i++) {
        if (!sv_eq_nocase(x->q->path, workspace_id(x, i)))
            continue;
        buf_printf(reply_json(x, 200),
                   "{\"id\":\"%.*s\",\"name\":\"law-ai-%u\",\"type\":\"Microsoft.OperationalInsights/"
                   "workspaces\",\"location\":"
                   "\"westeurope\",\"properties\":{\"customerId\":\"%.*s\",\"provisioningState\":\"Succeeded\","
                   "\"retentionInDays\":30}}",
                   SV_ARG(x->q->path), i, SV_ARG(azure_of(x->sim)->world.workspaces[i]));
        return;
    }
    reply_error(x, 404, "ResourceNotFound",
                "The Resource 'Microsoft.OperationalInsights/workspaces/%.*s' was not found.", SV_ARG(x->captures[2]));
}

static void put_categories(struct buf *b, const struct account *a)
{
    static const struct {
        unsigned bit;
        const char *name;
    } rows[] = { { LOG_AUDIT, "Audit" },
                 { LOG_REQUESTS, "RequestResponse" },
                 { LOG_USAGE, "AzureOpenAIRequestUsage" } };

    for (size_t i = 0; i < 3; i++)
        buf_printf(
            b,
            "%s{\"category\":\"%s\",\"categoryGroup\":null,\"enabled\":%s,\"retentionPolicy\":{\"enabled\":false,"
            "\"days\":0}}",
            i ? "," : "", rows[i].name, a->logged & rows[i].bit ? "true" : "false");
}

static void put_setting(struct exchange *x, struct buf *b, const struct account *a)
{
    bool storage = a->setting == SETTING_STORAGE_ONLY;

    buf_printf(
        b,
        "{\"id\":\"%.*s/providers/microsoft.insights/diagnosticSettings/to-%s\",\"type\":null,\"name\":\"to-%s\","
        "\"location\":null,\"kind\":null,\"tags\":null,\"properties\":{",
        SV_ARG(a->id_lower), storage ? "storage" : "workspace", storage ? "storage" : "workspace");
    if (storage)
        buf_printf(b,
                   "\"storageAccountId\":\"/subscriptions/%.*s/resourceGroups/rg-logs/providers/Microsoft.Storage/"
                   "storageAccounts/stailogs\",\"workspaceId\":\"\",",
                   SV_ARG(azure_request(x)->sub->id));
    else
        buf_printf(b, "\"storageAccountId\":null,\"workspaceId\":\"%.*s\",",
                   SV_ARG(workspace_id(x, (unsigned)a->workspace)));
    buf_put(b, SV("\"serviceBusRuleId\":null,\"eventHubAuthorizationRuleId\":null,\"eventHubName\":null,"
                  "\"logAnalyticsDestinationType\":null,\"metrics\":[{\"category\":\"AllMetrics\",\"timeGrain\":null,"
                  "\"enabled\":false}],\"logs\":["));
    if (a->setting == SETTING_CATEGORIES)
        put_categories(b, a);
    else
        buf_put(b, SV("{\"category\":null,\"categoryGroup\":\"allLogs\",\"enabled\":true,\"retentionPolicy\":{"
                      "\"enabled\":false,"
                      "\"days\":0}}"));
    buf_put(b, SV("]}}"));
}

void azure_settings(struct exchange *x)
{
    const struct account *a = exchange_account(x, x->captures[1], x->captures[2]);
    struct buf *b;

    if (!a)
        return;
    b = reply_json(x, 200);
    buf_put(b, SV("{\"value\":["));
    if (a->setting != SETTING_NONE)
        put_setting(x, b, a);
    buf_put(b, SV("]}"));
}

void azure_subscription_settings(struct exchange *x)
{
    buf_put(reply_json(x, 200), SV("{\"value\":[]}"));
}

/* ---- quotas ---- */

static void put_usage(struct buf *b, bool first, const char *sku, sv model, unsigned current, unsigned limit)
{
    buf_printf(
        b,
        "%s{\"name\":{\"value\":\"OpenAI.%s.%.*s\",\"localizedValue\":\"Tokens Per Minute (thousands) - %.*s - %s\"},"
        "\"currentValue\":%u.0,\"limit\":%u.0,\"unit\":\"Count\"}",
        first ? "" : ",", sku, SV_ARG(model), SV_ARG(model), sku, current, limit);
}

/* Allocated capacity by SKU and model over the accounts of the location. */
void azure_location_usages(struct exchange *x)
{
    const struct world *w = &azure_of(x->sim)->world;
    struct buf *b = reply_json(x, 200);
    bool first = true;

    buf_put(b, SV("{\"value\":["));
    for (unsigned i = 0; i < w->n_deployments; i++) {
        const struct deployment *d = &w->deployments[i];
        const struct account *a = &w->accounts[d->account];
        char sku[64];

        if (&w->subs[a->sub] != azure_request(x)->sub || !sv_eq_nocase(a->location, x->captures[1]))
            continue;
        snprintf(sku, sizeof sku, "%.*s", SV_ARG(d->sku));
        put_usage(b, first, sku, d->model, d->capacity, d->capacity * 3);
        first = false;
    }
    buf_put(b, SV("]}"));
}

void azure_account_usages(struct exchange *x)
{
    const struct account *a = exchange_account(x, x->captures[1], x->captures[2]);
    struct buf *b;

    if (!a)
        return;
    b = reply_json(x, 200);
    buf_put(b, SV("{\"value\":["));
    for (unsigned i = 0; i < a->n_deployments; i++) {
        const struct deployment *d = &azure_of(x->sim)->world.deployments[a->first_deployment + i];
        char sku[64];

        snprintf(sku, sizeof sku, "%.*s", SV_ARG(d->sku));
        put_usage(b, i == 0, sku, d->model, d->capacity, d->capacity * 3);
    }
    buf_put(b, SV("]}"));
}

/* ---- Resource Graph: only the inventory query, told by the type that it names ---- */

static bool wanted(json subscriptions, sv id)
{
    bool any = false;
    json v;

    for (struct json_iter it = json_items(subscriptions); json_item(&it, &v);) {
        any = true;
        if (sv_eq_nocase(json_sv(v), id))
            return true;
    }
    return !any;
}

void azure_graph(struct exchange *x)
{
    const struct world *w = &azure_of(x->sim)->world;
    unsigned n = 0;
    json root;
    struct buf *b;
    sv query;

    if (!exchange_json(x, &root)) {
        reply_error(x, 400, "BadRequest",
                    "Please provide below info when asking for support: the request body is not JSON.");
        return;
    }
    query = json_sv(json_get(root, SV("query")));
    if (!sv_has(query, SV("microsoft.cognitiveservices/accounts"))) {
        reply_error(x, 400, "InvalidQuery",
                    "Query is invalid. Please refer to the documentation for the Azure Resource Graph service.");
        return;
    }
    reply_header(x, "x-ms-user-quota-remaining", "%d", 14);
    reply_header(x, "x-ms-user-quota-resets-after", "00:00:05");
    b = reply_json(x, 200);
    buf_put(b, SV("{\"data\":["));
    for (unsigned i = 0; i < w->n_accounts; i++) {
        const struct account *a = &w->accounts[i];

        if (a->kind == KIND_OTHER || !wanted(json_get(root, SV("subscriptions")), w->subs[a->sub].id))
            continue;
        buf_printf(
            b,
            "%s{\"id\":\"%.*s\",\"name\":\"%.*s\",\"kind\":\"%.*s\",\"location\":\"%.*s\",\"subscriptionId\":\"%.*s\","
            "\"resourceGroup\":\"%.*s\",\"tags\":{\"team\":\"%.*s\"}}",
            n++ ? "," : "", SV_ARG(a->id), SV_ARG(a->name), SV_ARG(a->kind_name), SV_ARG(a->location),
            SV_ARG(w->subs[a->sub].id), SV_ARG(a->group), SV_ARG(a->team));
    }
    buf_printf(b, "],\"totalRecords\":%u,\"count\":%u,\"resultTruncated\":\"false\",\"facets\":[]}", n, n);
}
