/* `normalize` for OpenAI: the decoders without an inventory, so that regions stay absent. */
#include "collector/base/clock.h"
#include "collector/sources/openai/openai.h"

enum { DOCUMENT_BYTES_MAX = 256 << 20 };

const char *const openai_formats[] = { "openai-usage", NULL };

enum err_code openai_normalize(sv format, sv bytes, struct frame *out, struct err *e)
{
    struct json_parser *p = json_parser_new(DOCUMENT_BYTES_MAX);
    const struct openai_context c = { .source = out->source,
                                      .organization = SV_NONE,
                                      .observed_unix_nano = clock_now() };
    enum err_code code = p ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
    json root;
    sv next;

    (void)format;
    if (code == ERR_OK)
        code = json_parse(p, bytes, &root, e);
    if (code == ERR_OK)
        code = openai_decode_usage(root, &c, out, &next, e);
    json_parser_free(p);
    return code;
}
