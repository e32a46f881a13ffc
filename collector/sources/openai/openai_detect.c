/* Which of OpenAI's formats some bytes are, for `normalize --from auto`. */
#include "collector/sources/detect.h"
#include "collector/sources/openai/openai.h"

/* clang-format off */
static const struct format_keys formats[] = {
    { "openai-usage",      { "data", "results", "num_model_requests" } },
};
/* clang-format on */

sv openai_detect(sv bytes)
{
    return detect_format(bytes, formats, sizeof formats / sizeof *formats);
}
