/* Rows by platform; a cloud that is added brings its rows. */
#include "collector/ledger/signals.h"

/* clang-format off */
const struct signal_row signal_rows[] = {
    { PLATFORM_AZURE_OPENAI, "requests",            "exact",         NULL,       NULL,   NULL },
    { PLATFORM_AZURE_OPENAI, "throttled_requests",  "exact",         NULL,       NULL,   NULL },
    { PLATFORM_AZURE_OPENAI, "server_errors",       "exact",         NULL,       NULL,   NULL },
    { PLATFORM_AZURE_OPENAI, "tokens",              "exact",         NULL,       NULL,   NULL },
    { PLATFORM_AZURE_OPENAI, "token_parts",         "from_logs",     "duration", "logs", "off" },
    { PLATFORM_AZURE_OPENAI, "filtered_requests",   "exact",         NULL,       NULL,   NULL },
    { PLATFORM_AZURE_OPENAI, "request_duration",    "from_logs",     "duration", "logs", "mean_only" },
    { PLATFORM_AZURE_OPENAI, "time_to_first_token", "from_logs",     "duration", "logs", "off" },
    { PLATFORM_AZURE_OPENAI, "logged_calls",        "from_logs",     "duration", "logs", "off" },
    { PLATFORM_AZURE_OPENAI, "caller",              "from_logs",     "duration", "logs", "off" },
    { PLATFORM_AZURE_OPENAI, "served_region",       "not_published", NULL,       NULL,   NULL },
    { PLATFORM_AZURE_OPENAI, "tokens_by_operation", "not_published", NULL,       NULL,   NULL },
    { PLATFORM_AZURE_OPENAI, "audit",               "from_logs",     NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "requests",            "exact",         NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "invocations",         "accepted",      "invocations", "accepted", "successes" },
    { PLATFORM_BEDROCK,      "throttled_requests",  "exact",         NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "server_errors",       "exact",         NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "tokens",              "exact",         NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "token_parts",         "exact",         NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "filtered_requests",   "not_published", NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "request_duration",    "mean_only",     NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "time_to_first_token", "mean_only",     NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "logged_calls",        "from_logs",     "logs",     "logs", "off" },
    { PLATFORM_BEDROCK,      "caller",              "from_logs",     "logs",     "logs", "off" },
    { PLATFORM_BEDROCK,      "served_region",       "from_logs",     "logs",     "logs", "off" },
    { PLATFORM_BEDROCK,      "tokens_by_operation", "not_published", NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK,      "audit",               "from_logs",     NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "requests",          "exact",         NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "throttled_requests", "merged",       NULL,       NULL,   NULL }, /* client errors */
    { PLATFORM_BEDROCK_MANTLE, "server_errors",     "not_published", NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "tokens",            "exact",         NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "token_parts",       "not_published", NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "filtered_requests", "not_published", NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "request_duration",  "not_published", NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "time_to_first_token", "not_published", NULL,     NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "logged_calls",      "from_logs",     "logs",     "logs", "off" },
    { PLATFORM_BEDROCK_MANTLE, "caller",            "from_logs",     "logs",     "logs", "off" },
    { PLATFORM_BEDROCK_MANTLE, "served_region",     "not_published", NULL,       NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "tokens_by_operation", "not_published", NULL,     NULL,   NULL },
    { PLATFORM_BEDROCK_MANTLE, "audit",             "from_logs",     NULL,       NULL,   NULL },
};
/* clang-format on */

const size_t n_signal_rows = sizeof signal_rows / sizeof signal_rows[0];
