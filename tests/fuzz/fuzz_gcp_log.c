/* Any bytes as log entries, in a page, alone, or inside of Pub/Sub messages. */
#include "tests/fuzz/gcp_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_frame f;
    json root;
    sv next;

    if (fuzz_json(data, size, &root)) {
        fuzz_frame_begin(&f);
        fuzz_frame_end(&f, gcp_decode_entries(root, &fuzz_context, f.frame, &next, NULL));
    }
    fuzz_frame_begin(&f);
    fuzz_frame_end(&f, gcp_normalize(SV("gcp-pubsub"), sv_make(data, size), f.frame, NULL));
    return 0;
}
