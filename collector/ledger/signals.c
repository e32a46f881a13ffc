/* Rows by platform; a cloud that is added brings its rows. */
#include "collector/ledger/signals.h"

/* clang-format off */
const struct signal_row signal_rows[] = {
    { PLATFORM_AZURE_OPENAI, "requests",            "exact",         NULL,       NULL,   NULL },
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
};
/* clang-format on */

const size_t n_signal_rows = sizeof signal_rows / sizeof signal_rows[0];
