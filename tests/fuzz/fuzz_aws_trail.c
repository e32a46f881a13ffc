/* A page of LookupEvents. Every event is a record, a rejection or in quarantine. */
#include "tests/fuzz/aws_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_frame f;
    enum err_code code;
    sv token;

    fuzz_frame_begin(&f);
    code = aws_decode_lookup(fuzz_decoder(), sv_make(data, size), &fuzz_context, f.frame, &token, NULL);
    fuzz_frame_end(&f, code);
    return 0;
}
