/*
 * The section `openai:`. One table a section; help, checks and the reference come from it.
 */
#include "collector/sources/openai/openai.h"

#define AT(type, member) offsetof(struct type, member)

/* clang-format off */
static const struct option usage[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(openai_usage_config, enabled), .dflt = "true",
      .help = "Read the organization's usage." },
    { .name = "kinds", .type = OPT_STRINGS, .offset = AT(openai_usage_config, kinds),
      .help = "Kinds of usage to read, as the API's paths name them; without any, all that are known." },
    { .name = "group_by", .type = OPT_STRINGS, .offset = AT(openai_usage_config, group_by),
      .help = "Dimensions beside project, model, batch and service tier: user_id and api_key_id tell callers (personal data, see privacy.caller_series); size, source, vector_store_id, context_level." },
    OPTION_INTERVAL(openai_usage_config, "1m", 6e4, 36e5,
        "Time between two readings of a kind; kinds that are not counted are read by the hour."),
    OPTION_DELAY(openai_usage_config, "1m", 0,
        "Readings end this long before the server's now."),
    OPTION_LOOKBACK(openai_usage_config, "40m",
        "How far back each reading goes again: buckets are restated as late usage arrives."),
    OPTION_CONTROL(openai_usage_config,
        "Ask for the hours again after 1, 6, 24 and 72 hours, for what came later than lookback."),
    OPTION_SETTLE(openai_usage_config, "30m",
        "A bucket read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option costs[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(openai_costs_config, enabled), .dflt = "true",
      .help = "Read the organization's costs, by UTC day, project and line item." },
    { .name = "by_api_key", .type = OPT_BOOL, .offset = AT(openai_costs_config, by_api_key), .dflt = "false",
      .help = "Split costs by API key as well; given up, with a warning, where the service refuses it." },
    OPTION_INTERVAL(openai_costs_config, "1h", 6e4, 864e5,
        "Time between two readings."),
    OPTION_MS(openai_costs_config, when.lookback_ms, "lookback", "3d", 36e5, 2592e5,
        "How far back each reading goes again: a day's costs are restated after its end; older days are told once."),
    OPTION_MS(openai_costs_config, when.settle_ms, "settle", "4h", 36e5, 2592e5,
        "Costs read this long after the use count as complete; keep it below lookback."),
    { 0 },
};

static const struct option audit[] = {
    { .name = "enabled", .type = OPT_BOOL, .offset = AT(openai_audit_config, enabled), .dflt = "true",
      .help = "Read the organization's audit logs (an owner has to switch them on once)." },
    OPTION_INTERVAL(openai_audit_config, "5m", 6e4, 864e5,
        "Time between two readings."),
    OPTION_LOOKBACK(openai_audit_config, "15m",
        "How far back each reading goes again: events become visible minutes after they happened."),
    OPTION_SETTLE(openai_audit_config, "12m",
        "A span read this long after its end counts as complete; keep it below lookback."),
    { 0 },
};

static const struct option endpoints[] = {
    { .name = "url", .type = OPT_STRING, .offset = AT(openai_endpoints_config, url), .dflt = "https://api.openai.com/v1",
      .help = "Base URL: another residency's host (https://eu.api.openai.com/v1), mTLS, tests." },
    { .name = "ca_file", .type = OPT_STRING, .offset = AT(openai_endpoints_config, ca_file),
      .help = "PEM file of the authorities that sign the endpoint's certificate, instead of the system's." },
    { .name = "allow_plain", .type = OPT_BOOL, .offset = AT(openai_endpoints_config, allow_plain), .dflt = "false",
      .help = "Allow http:// for this endpoint." },
    { 0 },
};

const struct option openai_options[] = {
    { .name = "id", .type = OPT_STRING, .offset = AT(openai_config, id), .dflt = "openai",
      .help = "Name of this source in labels and in the archive; never change it." },
    { .name = "admin_key", .type = OPT_SECRET, .offset = AT(openai_config, admin_key), .dflt = "env:OPENAI_ADMIN_KEY",
      .help = "Admin key (sk-admin-...) of the organization, read-only, as file:PATH or env:NAME; read anew for each request." },
    { .name = "organization", .type = OPT_STRING, .offset = AT(openai_config, organization),
      .help = "Id of the organization (org-...), for the label account; the key alone decides which one is read." },
    { .name = "usage", .type = OPT_SECTION, .offset = AT(openai_config, usage), .sub = usage,
      .help = "Usage by minute." },
    { .name = "costs", .type = OPT_SECTION, .offset = AT(openai_config, costs), .sub = costs,
      .help = "Costs by day." },
    { .name = "audit", .type = OPT_SECTION, .offset = AT(openai_config, audit), .sub = audit,
      .help = "Audit logs: who did what to the organization." },
    OPTION_MS(openai_config, discovery_interval_ms, "discovery_interval", "10m", 6e4, 864e5,
        "Time between two readings of the list of projects."),
    OPTION_MS(openai_config, capacity_interval_ms, "capacity_interval", "1d", 6e4, 864e6,
        "Time between two readings of the projects' rate limits."),
    OPTION_BUDGET(openai_config),
    { .name = "endpoints", .type = OPT_SECTION, .offset = AT(openai_config, endpoints), .sub = endpoints,
      .help = "Another address than OpenAI's own." },
    { 0 },
};
/* clang-format on */
