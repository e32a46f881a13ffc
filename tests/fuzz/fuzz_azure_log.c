/* An answer of Log Analytics: every row is a record, a rejection or in quarantine. */
#include "tests/fuzz/azure_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_frame f;
    enum err_code code;

    fuzz_frame_begin(&f);
    code = azure_decode_log(fuzz_decoder(), sv_make(data, size), &fuzz_context, f.frame, NULL, NULL);
    fuzz_frame_end(&f, code);
    return 0;
}
