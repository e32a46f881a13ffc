/*
 * The section `aws:`. One table a section; help, checks and the reference come from it.
 */
#include "collector/sources/aws/aws.h"

#define AT(type, member) offsetof(struct type, member)

/* clang-format off */
static const struct option accounts[] = {
    { .name = "organization_unit", .type = OPT_STRING, .offset = AT(aws_accounts_config, organization_unit),
      .help = "Read all active accounts below this organizational unit (ou-...) or root (r-...), nested units included." },
    { .name = "ids", .type = OPT_STRINGS, .offset = AT(aws_accounts_config, ids),
      .help = "Account ids to read (12 digits); without them and without a unit, our own account alone." },
    { 0 },
};

static const struct option logs[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(aws_logs_config, enabled), .dflt = "true",
      .help = "Read model invocation logs from CloudWatch Logs." },
    { .name = "group", .type = OPT_STRING, .offset = AT(aws_logs_config, group), .dflt = "auto",
      .help = "Log group of invocation records; auto takes the one that each region's logging configuration names." },
    { .name = "trail_group", .type = OPT_STRING, .offset = AT(aws_logs_config, trail_group),
      .help = "Log group that a CloudTrail trail delivers to, for the calls of the mantle plane (data events)." },
    OPTION_INTERVAL(aws_logs_config, "1m", 10e3, 864e5,
        "Time between two readings of a log group."),
    OPTION_DELAY(aws_logs_config, "1m", 10e3,
        "Readings end this long before the server's now."),
    OPTION_LOOKBACK(aws_logs_config, "20m",
        "How far back each reading goes again: records are found by their own time but become visible later."),
    OPTION_SETTLE(aws_logs_config, "15m",
        "A span read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option metrics[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(aws_metrics_config, enabled), .dflt = "true",
      .help = "Read CloudWatch metrics of both planes." },
    { .name = "invocations", .type = OPT_CHOICE, .offset = AT(aws_metrics_config, invocations), .dflt = "successes", .choices = aws_invocations_names,
      .help = "What AWS counts as Invocations: successes, or all accepted requests, those included that failed later." },
    { .name = "maximum", .type = OPT_BOOL, .offset = AT(aws_metrics_config, maximum), .dflt = "false",
      .help = "Ask for the maximum of each latency too: the sixth statistic costs the price of a second metric." },
    OPTION_INTERVAL(aws_metrics_config, "5m", 6e4, 36e5,
        "Time between two polls; the price goes with their number, not with the minutes that they ask for."),
    OPTION_DELAY(aws_metrics_config, "3m", 6e4,
        "Windows end this long before the server's now."),
    OPTION_LOOKBACK(aws_metrics_config, "40m",
        "How far back each poll reads again, for late and revised minutes and series that were listed late."),
    OPTION_CONTROL(aws_metrics_config,
        "Ask for the hours again after 1, 6, 24 and 72 hours, for what came later than lookback; as dear as 30 polls a day."),
    OPTION_SETTLE(aws_metrics_config, "30m",
        "A minute read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option audit[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(aws_audit_config, enabled), .dflt = "true",
      .help = "Read the writing events of CloudTrail's event history in each region." },
    OPTION_INTERVAL(aws_audit_config, "5m", 6e4, 864e5,
        "Time between two polls; an account and region answers two requests a second."),
    OPTION_LOOKBACK(aws_audit_config, "30m",
        "How far back each poll reads again; events become visible up to 15 minutes after they happened."),
    OPTION_SETTLE(aws_audit_config, "20m",
        "A span read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option endpoints[] = {
    { .name = "url", .type = OPT_STRING, .offset = AT(aws_endpoints_config, url),
      .help = "Base URL of all services instead of AWS's own; {service} and {region} in it are replaced." },
    { .name = "imds", .type = OPT_STRING, .offset = AT(aws_endpoints_config, imds),
      .help = "Base URL of the instance metadata service." },
    { .name = "container", .type = OPT_STRING, .offset = AT(aws_endpoints_config, container),
      .help = "Base URL that AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is asked at." },
    { .name = "ca_file", .type = OPT_STRING, .offset = AT(aws_endpoints_config, ca_file),
      .help = "PEM file of the authorities that sign these endpoints' certificates, instead of the system's." },
    { .name = "allow_plain", .type = OPT_BOOL, .offset = AT(aws_endpoints_config, allow_plain), .dflt = "false",
      .help = "Allow http:// for these endpoints (metadata services are always plain)." },
    { .name = "fips", .type = OPT_BOOL, .offset = AT(aws_endpoints_config, fips), .dflt = "false",
      .help = "Use the FIPS endpoints." },
    { .name = "dual_stack", .type = OPT_BOOL, .offset = AT(aws_endpoints_config, dual_stack), .dflt = "false",
      .help = "Use the endpoints that answer over IPv6 too." },
    { 0 },
};

const struct option aws_options[] = {
    { .name = "id", .type = OPT_STRING, .offset = AT(aws_config, id), .dflt = "aws",
      .help = "Name of this source in labels and in the archive; never change it." },
    { .name = "profile", .type = OPT_STRING, .offset = AT(aws_config, profile),
      .help = "Profile of the shared files; without it the usual chain: environment, AWS_PROFILE, web identity, container, instance." },
    { .name = "shared_credentials_file", .type = OPT_STRING, .offset = AT(aws_config, shared_credentials_file),
      .help = "Instead of AWS_SHARED_CREDENTIALS_FILE and ~/.aws/credentials." },
    { .name = "config_file", .type = OPT_STRING, .offset = AT(aws_config, config_file),
      .help = "Instead of AWS_CONFIG_FILE and ~/.aws/config." },
    { .name = "region", .type = OPT_STRING, .offset = AT(aws_config, region),
      .help = "Region of our own STS calls; default is the first of regions, AWS_REGION, the profile's, the instance's, us-east-1." },
    { .name = "role_arn", .type = OPT_STRING, .offset = AT(aws_config, role_arn),
      .help = "Role to assume in each account but our own; {account} and {partition} in it are replaced." },
    { .name = "external_id", .type = OPT_SECRET, .offset = AT(aws_config, external_id),
      .help = "External id that the roles' trust policies ask for, as file:PATH or env:NAME." },
    { .name = "session_name", .type = OPT_STRING, .offset = AT(aws_config, session_name),
      .help = "Name of the sessions in the accounts' CloudTrail; default is trefoil- and the host's name." },
    { .name = "accounts", .type = OPT_SECTION, .offset = AT(aws_config, accounts), .sub = accounts,
      .help = "Which accounts to read." },
    { .name = "regions", .type = OPT_STRINGS, .offset = AT(aws_config, regions), .dflt = "auto",
      .help = "Regions to read; auto finds those that are enabled and use Bedrock." },
    { .name = "logs", .type = OPT_SECTION, .offset = AT(aws_config, logs), .sub = logs,
      .help = "Model invocation logs and a trail's log group." },
    { .name = "metrics", .type = OPT_SECTION, .offset = AT(aws_config, metrics), .sub = metrics,
      .help = "CloudWatch metrics." },
    { .name = "audit", .type = OPT_SECTION, .offset = AT(aws_config, audit), .sub = audit,
      .help = "CloudTrail's event history: who did what to the service." },
    OPTION_MS(aws_config, discovery_interval_ms, "discovery_interval", "10m", 6e4, 864e5,
        "Time between two looks for series, profiles and logging settings."),
    OPTION_MS(aws_config, capacity_interval_ms, "capacity_interval", "1d", 6e4, 864e6,
        "Time between two readings of quotas."),
    OPTION_BUDGET(aws_config),
    { .name = "endpoints", .type = OPT_SECTION, .offset = AT(aws_config, endpoints), .sub = endpoints,
      .help = "Other addresses than AWS's own: private links, isolated partitions, tests." },
    { 0 },
};
/* clang-format on */
