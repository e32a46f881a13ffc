/* `normalize` for OpenAI: the decoders without an inventory, so that regions stay absent. */
#include "collector/base/clock.h"
#include "collector/sources/openai/openai.h"

enum { DOCUMENT_BYTES_MAX = 256 << 20 };

const char *const openai_formats[] = { "openai-usage", "openai-costs", "openai-audit-logs", NULL };

static enum err_code decode(sv format, struct json_parser *p, sv bytes, const struct openai_context *c,
                            struct frame *out, struct err *e)
{
    json root;
    sv next;
    enum err_code code;

    if (sv_eq(format, SV("openai-costs")))
        return openai_decode_costs(p, bytes, c, out, &next, e);
    code = json_parse(p, bytes, &root, e);
    if (code)
        return code;
    return sv_eq(format, SV("openai-usage")) ? openai_decode_usage(root, c, out, &next, e)
                                             : openai_decode_audit(root, c, out, &next, e);
}

enum err_code openai_normalize(sv format, sv bytes, struct frame *out, struct err *e)
{
    const struct openai_context c = { .source = out->source,
                                      .organization = SV_NONE,
                                      .observed_unix_nano = clock_now() };
    struct json_parser *p = json_parser_new(DOCUMENT_BYTES_MAX);
    enum err_code code = p ? decode(format, p, bytes, &c, out, e) : err_set(e, ERR_LIMIT, "out of memory");

    json_parser_free(p);
    return code;
}
