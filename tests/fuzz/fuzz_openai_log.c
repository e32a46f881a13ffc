/* Any bytes as a page of an audit log: every event is a record, a rejection or in quarantine. */
#include "tests/fuzz/openai_frame.h"

static enum err_code decode(struct json_parser *p, sv body, const struct openai_context *c, struct frame *out, sv *next,
                            struct err *e)
{
    json root;
    enum err_code code = json_parse(p, body, &root, e);

    return code ? code : openai_decode_audit(root, c, out, next, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_page(sv_make(data, size), decode);
    return 0;
}
