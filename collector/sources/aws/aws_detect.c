/* Which of AWS's log formats some bytes are, for `normalize --from auto`. */
#include "collector/sources/aws/aws_log.h"
#include "collector/sources/detect.h"

/* clang-format off */
static const struct format_keys formats[] = {
    { "aws-lookup-events",   { "Events", "CloudTrailEvent" } },
    { "aws-log-events",      { "events", "message", "timestamp" } },
    { "aws-cloudtrail",      { "eventVersion", "eventSource", "eventName" } },
    { "aws-invocation-logs", { "schemaType", "timestamp", "modelId" } },
};
/* clang-format on */

sv aws_detect(sv bytes)
{
    return detect_format(bytes, formats, sizeof formats / sizeof *formats);
}
