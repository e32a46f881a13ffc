/* Any JSON as pages of one answer, read twice: what came once is a duplicate the second time. */
#include "tests/fuzz/gcp_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_frame f;
    struct gcp_answer a;
    enum err_code code = ERR_OK;
    json root;
    sv next;

    if (!fuzz_json(data, size, &root))
        return 0;
    fuzz_frame_begin(&f);
    gcp_answer_init(&a, &fuzz_context);
    for (int i = 0; i < 2 && code == ERR_OK; i++) {
        size_t before = frame_records(f.frame);

        code = gcp_decode_time_series(root, &a, f.frame, &next, NULL);
        if (code == ERR_OK && i == 1 && frame_records(f.frame) != before)
            __builtin_trap();
    }
    gcp_answer_done(&a);
    fuzz_frame_end(&f, code);
    return 0;
}
