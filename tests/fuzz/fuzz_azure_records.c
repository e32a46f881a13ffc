/* Event Hubs messages and storage blobs, as a blob is read: what the first read left is where the second one begins. */
#include "tests/fuzz/azure_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_frame f;
    enum err_code code;
    size_t used = 0;

    fuzz_frame_begin(&f);
    code = azure_decode_records(fuzz_decoder(), sv_make(data, size), &fuzz_context, f.frame, &used, NULL);
    if (used > size)
        __builtin_trap();
    if (code == ERR_OK)
        code =
            azure_decode_records(fuzz_decoder(), sv_make(data + used, size - used), &fuzz_context, f.frame, NULL, NULL);
    (void)azure_detect(sv_make(data, size));
    fuzz_frame_end(&f, code);
    return 0;
}
