/* Which of Google's formats some bytes are, for `normalize --from auto`. */
#include "collector/sources/detect.h"
#include "collector/sources/gcp/gcp.h"

/* clang-format off */
static const struct format_keys formats[] = {
    { "gcp-pubsub",     { "message", "data", "subscription" } },
    { "gcp-pubsub",     { "message", "data", "messageId" } },
    { "gcp-pubsub",     { "message", "data", "message_id" } },
    { "gcp-pubsub",     { "receivedMessages", "message", "ackId" } },
    { "gcp-timeseries", { "timeSeries", "metric", "points" } },
    { "gcp-timeseries", { "metric", "resource", "points" } },
    { "gcp-logs",       { "logName", "timestamp", "insertId" } },
    { "gcp-logs",       { "entries", "logName", "timestamp" } },
};
/* clang-format on */

sv gcp_detect(sv bytes)
{
    return detect_format(bytes, formats, sizeof formats / sizeof formats[0]);
}
