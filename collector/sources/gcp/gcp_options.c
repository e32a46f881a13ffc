/*
 * The section `gcp:`. One table a section; help, checks and the reference come from it.
 */
#include "collector/sources/gcp/gcp.h"

#define AT(type, member) offsetof(struct type, member)

/* clang-format off */
static const struct option discover[] = {
    { .name = "folder", .type = OPT_STRING, .offset = AT(gcp_discover_config, folder),
      .help = "Read all active projects below this folder (folders/42), nested folders included." },
    { .name = "organization", .type = OPT_STRING, .offset = AT(gcp_discover_config, organization),
      .help = "Read all active projects below this organization (organizations/7)." },
    { 0 },
};

static const struct option metrics[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(gcp_metrics_config, enabled), .dflt = "true",
      .help = "Read Cloud Monitoring." },
    OPTION_INTERVAL(gcp_metrics_config, "2m", 6e4, 36e5,
        "Time between two readings of a metric; series read are billed."),
    OPTION_DELAY(gcp_metrics_config, "3m", 6e4,
        "Windows end this long before the server's now."),
    OPTION_LOOKBACK(gcp_metrics_config, "15m",
        "How far back each reading goes again, for late and revised minutes."),
    OPTION_CONTROL(gcp_metrics_config,
        "Ask for the hours again after 1, 6, 24 and 72 hours, for what came later than lookback."),
    OPTION_SETTLE(gcp_metrics_config, "10m",
        "A minute read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option logs[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(gcp_logs_config, enabled), .dflt = "true",
      .help = "Read Data Access audit logs of Vertex AI: the only record of single calls." },
    OPTION_INTERVAL(gcp_logs_config, "1m", 10e3, 864e5,
        "Time between two readings; a project answers 60 a minute, to all its readers together."),
    OPTION_DELAY(gcp_logs_config, "1m", 10e3,
        "Readings end this long before the server's now, by the time of receipt."),
    OPTION_LOOKBACK(gcp_logs_config, "10m",
        "How far back each reading goes again: entries become visible some time after their receipt."),
    OPTION_SETTLE(gcp_logs_config, "6m",
        "A span read this long after its end counts as complete; keep it below lookback."),
    OPTION_MS(gcp_logs_config, max_lateness_ms, "max_lateness", "24h", 6e4, 2592e6,
        "An entry received later than this after its own time is not found: the search is bounded by it."),
    { 0 },
};

static const struct option audit[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(gcp_audit_config, enabled), .dflt = "true",
      .help = "Read Admin Activity audit logs: who did what to Vertex AI, its permissions and its logs." },
    OPTION_INTERVAL(gcp_audit_config, "5m", 6e4, 864e5,
        "Time between two readings."),
    OPTION_LOOKBACK(gcp_audit_config, "15m",
        "How far back each reading goes again."),
    OPTION_SETTLE(gcp_audit_config, "10m",
        "A span read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option endpoints[] = {
    { .name = "url", .type = OPT_STRING, .offset = AT(gcp_endpoints_config, url),
      .help = "Base URL of all services instead of https://{service}.googleapis.com; {service} in it is replaced." },
    { .name = "metadata", .type = OPT_STRING, .offset = AT(gcp_endpoints_config, metadata),
      .help = "Base URL of the metadata server." },
    { .name = "ca_file", .type = OPT_STRING, .offset = AT(gcp_endpoints_config, ca_file),
      .help = "PEM file of the authorities that sign these endpoints' certificates, instead of the system's." },
    { .name = "allow_plain", .type = OPT_BOOL, .offset = AT(gcp_endpoints_config, allow_plain), .dflt = "false",
      .help = "Allow http:// for these endpoints (the metadata server is always plain)." },
    { 0 },
};

const struct option gcp_options[] = {
    { .name = "id", .type = OPT_STRING, .offset = AT(gcp_config, id), .dflt = "gcp",
      .help = "Name of this source in labels and in the archive; never change it." },
    { .name = "credentials_file", .type = OPT_STRING, .offset = AT(gcp_config, credentials_file),
      .help = "Credential file of any type; without it the usual order: GOOGLE_APPLICATION_CREDENTIALS, gcloud's login, metadata server." },
    { .name = "self_signed_jwt", .type = OPT_BOOL, .offset = AT(gcp_config, self_signed_jwt), .dflt = "true",
      .help = "A service account's key signs its own tokens; false exchanges it for one at the token endpoint." },
    { .name = "quota_project", .type = OPT_STRING, .offset = AT(gcp_config, quota_project),
      .help = "Project whose quota our calls take; default is GOOGLE_CLOUD_QUOTA_PROJECT, else the credential file's." },
    { .name = "projects", .type = OPT_STRINGS, .offset = AT(gcp_config, projects),
      .help = "Ids of the projects to read; without them and without discover, all that the identity sees." },
    { .name = "discover", .type = OPT_SECTION, .offset = AT(gcp_config, discover), .sub = discover,
      .help = "Where projects are looked for." },
    { .name = "log_view", .type = OPT_STRING, .offset = AT(gcp_config, log_view),
      .help = "Log view for the calls, instead of a role that sees every log: an id in the _Default bucket, or projects/{project}/locations/L/buckets/B/views/V." },
    { .name = "endpoint_models", .type = OPT_STRINGS, .offset = AT(gcp_config, endpoint_models), .dflt = "gpt-oss, openai",
      .help = "Self-deployed endpoints are ours when the display name of model or endpoint contains one of these; \"*\" takes all." },
    { .name = "metrics", .type = OPT_SECTION, .offset = AT(gcp_config, metrics), .sub = metrics,
      .help = "Cloud Monitoring." },
    { .name = "logs", .type = OPT_SECTION, .offset = AT(gcp_config, logs), .sub = logs,
      .help = "Data Access audit logs." },
    { .name = "audit", .type = OPT_SECTION, .offset = AT(gcp_config, audit), .sub = audit,
      .help = "Admin Activity audit logs." },
    OPTION_MS(gcp_config, discovery_interval_ms, "discovery_interval", "10m", 6e4, 864e5,
        "Time between two looks for projects, active metrics and audit settings."),
    OPTION_MS(gcp_config, capacity_interval_ms, "capacity_interval", "1h", 6e4, 864e6,
        "Time between two readings of quotas."),
    OPTION_BUDGET(gcp_config),
    { .name = "endpoints", .type = OPT_SECTION, .offset = AT(gcp_config, endpoints), .sub = endpoints,
      .help = "Other addresses than Google's own: private access, tests." },
    { 0 },
};
/* clang-format on */
