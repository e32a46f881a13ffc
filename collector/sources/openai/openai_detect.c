/* Which of OpenAI's formats some bytes are, for `normalize --from auto`. A page of usage whose buckets are all empty looks like
 * one of costs; both give no records. */
#include "collector/sources/detect.h"
#include "collector/sources/openai/openai.h"

/* clang-format off */
static const struct format_keys formats[] = {
    { "openai-costs",      { "results", "amount", "start_time" } },
    { "openai-costs",      { "results", "line_item", "start_time" } },
    { "openai-usage",      { "data", "results", "start_time" } },
    { "openai-audit-logs", { "data", "effective_at", "type" } },
};
/* clang-format on */

sv openai_detect(sv bytes)
{
    return detect_format(bytes, formats, sizeof formats / sizeof *formats);
}
