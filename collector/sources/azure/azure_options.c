/*
 * The section `azure:`. One table a section; help, checks and the reference come from it.
 */
#include "collector/sources/azure/azure.h"

#define AT(type, member) offsetof(struct type, member)

static const char *const credentials[] = {
    [AZURE_CREDENTIAL_ENVIRONMENT] = "environment",
    [AZURE_CREDENTIAL_CLIENT_SECRET] = "client_secret",
    [AZURE_CREDENTIAL_WORKLOAD_IDENTITY] = "workload_identity",
    [AZURE_CREDENTIAL_MANAGED_IDENTITY] = "managed_identity",
    NULL,
};

/* clang-format off */
static const struct option discover[] = {
    { .name = "management_group", .type = OPT_STRING, .offset = AT(azure_discover_config, management_group),
      .help = "Read all subscriptions below this management group (its id, not its display name)." },
    { 0 },
};

static const struct option identity[] = {
    { .name = "object_id", .type = OPT_STRING, .offset = AT(azure_identity_config, object_id),
      .help = "Object id of the user-assigned identity, where several are assigned (or set client_id)." },
    { .name = "resource_id", .type = OPT_STRING, .offset = AT(azure_identity_config, resource_id),
      .help = "Resource id of the user-assigned identity." },
    { 0 },
};

static const struct option logs[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(azure_logs_config, enabled), .dflt = "true",
      .help = "Read the request logs of the workspaces listed." },
    { .name = "workspaces", .type = OPT_STRINGS, .offset = AT(azure_logs_config, workspaces),
      .help = "Log Analytics workspaces (their workspace ids, GUIDs) that diagnostic settings send to." },
    OPTION_INTERVAL(azure_logs_config, "1m", 10e3, 864e5,
        "Time between two queries of a workspace."),
    OPTION_DELAY(azure_logs_config, "1m", 30e3,
        "Queries end this long before the server's now; ingestion times younger than half a minute may still be joined by others."),
    OPTION_MS(azure_logs_config, envelope_settle_ms, "envelope_settle", "4h", 6e4, 2592e5,
        "A call whose model row has not come this long after its envelope row is counted without deployment and model."),
    { 0 },
};

static const struct option metrics[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(azure_metrics_config, enabled), .dflt = "true",
      .help = "Read Azure Monitor metrics." },
    OPTION_INTERVAL(azure_metrics_config, "1m", 6e4, 36e5,
        "Time between two polls; each asks for all minutes since."),
    OPTION_DELAY(azure_metrics_config, "3m", 6e4,
        "Windows end this long before the server's now; the newest minute may still read as 0."),
    OPTION_LOOKBACK(azure_metrics_config, "30m",
        "How far back each poll reads again, for late and revised minutes."),
    OPTION_CONTROL(azure_metrics_config,
        "Ask for the hours again after 1, 6, 24 and 72 hours, for what came later than lookback."),
    OPTION_SETTLE(azure_metrics_config, "20m",
        "A minute read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option audit[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(azure_audit_config, enabled), .dflt = "true",
      .help = "Read the Activity Log of each subscription." },
    OPTION_INTERVAL(azure_audit_config, "5m", 6e4, 864e5,
        "Time between two polls."),
    OPTION_LOOKBACK(azure_audit_config, "30m",
        "How far back each poll reads again; events become visible 3 to 20 minutes after they happened."),
    OPTION_SETTLE(azure_audit_config, "20m",
        "A span read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option endpoints[] = {
    { .name = "authority", .type = OPT_STRING, .offset = AT(azure_endpoints_config, authority),
      .help = "Entra's base URL instead of the cloud's." },
    { .name = "resource_manager", .type = OPT_STRING, .offset = AT(azure_endpoints_config, resource_manager),
      .help = "Resource Manager's base URL instead of the cloud's." },
    { .name = "metrics", .type = OPT_STRING, .offset = AT(azure_endpoints_config, metrics),
      .help = "Base URL of the metrics batch API; {region} in it is replaced." },
    { .name = "logs", .type = OPT_STRING, .offset = AT(azure_endpoints_config, logs),
      .help = "Base URL of the Log Analytics query API." },
    { .name = "imds", .type = OPT_STRING, .offset = AT(azure_endpoints_config, imds),
      .help = "Base URL of the instance metadata service." },
    { .name = "resource_manager_audience", .type = OPT_STRING, .offset = AT(azure_endpoints_config, resource_manager_audience),
      .help = "Audience of Resource Manager's tokens." },
    { .name = "metrics_audience", .type = OPT_STRING, .offset = AT(azure_endpoints_config, metrics_audience),
      .help = "Audience of the metrics batch API's tokens." },
    { .name = "logs_audience", .type = OPT_STRING, .offset = AT(azure_endpoints_config, logs_audience),
      .help = "Audience of the query API's tokens; it is compared exactly, without a slash at its end." },
    { .name = "ca_file", .type = OPT_STRING, .offset = AT(azure_endpoints_config, ca_file),
      .help = "PEM file of the authorities that sign these endpoints' certificates, instead of the system's." },
    { .name = "allow_plain", .type = OPT_BOOL, .offset = AT(azure_endpoints_config, allow_plain), .dflt = "false",
      .help = "Allow http:// for these endpoints (the metadata service is always plain)." },
    { 0 },
};

const struct option azure_options[] = {
    { .name = "id", .type = OPT_STRING, .offset = AT(azure_config, id), .dflt = "azure",
      .help = "Name of this source in labels and in the archive; never change it." },
    { .name = "credential", .type = OPT_CHOICE, .offset = AT(azure_config, credential), .dflt = "environment", .choices = credentials,
      .help = "How to get tokens; environment looks for a client secret, then a federated token, then a managed identity." },
    { .name = "tenant_id", .type = OPT_STRING, .offset = AT(azure_config, tenant_id),
      .help = "Entra tenant; default is the variable AZURE_TENANT_ID." },
    { .name = "client_id", .type = OPT_STRING, .offset = AT(azure_config, client_id),
      .help = "Application or user-assigned identity; default is the variable AZURE_CLIENT_ID." },
    { .name = "client_secret", .type = OPT_SECRET, .offset = AT(azure_config, client_secret),
      .help = "Secret of the application, as file:PATH or env:NAME." },
    { .name = "federated_token_file", .type = OPT_STRING, .offset = AT(azure_config, federated_token_file),
      .help = "File with the workload's token, read anew for each request; default is AZURE_FEDERATED_TOKEN_FILE." },
    { .name = "managed_identity", .type = OPT_SECTION, .offset = AT(azure_config, managed_identity), .sub = identity,
      .help = "Which managed identity, where several are assigned." },
    { .name = "subscriptions", .type = OPT_STRINGS, .offset = AT(azure_config, subscriptions),
      .help = "Subscription ids to read; without them and without a management group, all that the identity sees." },
    { .name = "discover", .type = OPT_SECTION, .offset = AT(azure_config, discover), .sub = discover,
      .help = "Where to look for subscriptions." },
    { .name = "logs", .type = OPT_SECTION, .offset = AT(azure_config, logs), .sub = logs,
      .help = "Request logs, from Log Analytics." },
    { .name = "metrics", .type = OPT_SECTION, .offset = AT(azure_config, metrics), .sub = metrics,
      .help = "Azure Monitor metrics." },
    { .name = "audit", .type = OPT_SECTION, .offset = AT(azure_config, audit), .sub = audit,
      .help = "Activity Log: who did what to the service." },
    OPTION_MS(azure_config, discovery_interval_ms, "discovery_interval", "10m", 6e4, 864e5,
        "Time between two inventories of a subscription."),
    OPTION_MS(azure_config, capacity_interval_ms, "capacity_interval", "15m", 6e4, 864e5,
        "Time between two readings of quotas."),
    { .name = "cloud", .type = OPT_CHOICE, .offset = AT(azure_config, cloud), .dflt = "public", .choices = azure_cloud_names,
      .help = "Which Azure: it sets hosts and token audiences." },
    OPTION_BUDGET(azure_config),
    { .name = "endpoints", .type = OPT_SECTION, .offset = AT(azure_config, endpoints), .sub = endpoints,
      .help = "Other addresses than the cloud's own: private links, sovereign clouds, tests." },
    { 0 },
};
/* clang-format on */
