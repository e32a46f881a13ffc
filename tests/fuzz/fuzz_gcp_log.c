/* Any bytes as log entries, in a page, alone, or inside of Pub/Sub messages, and as a file of any of the formats. */
#include "tests/fuzz/gcp_frame.h"

enum { FORMATS = 3 }; /* of gcp_formats */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_frame f;
    enum err_code code;
    json root;
    sv next;

    if (fuzz_json(data, size, &root)) {
        fuzz_frame_begin(&f);
        fuzz_frame_end(&f, gcp_decode_entries(root, &fuzz_context, f.frame, &next, NULL));
    }
    (void)gcp_detect(sv_make(data, size));
    fuzz_frame_begin(&f);
    code = gcp_normalize(sv_of(gcp_formats[size % FORMATS]), sv_make(data, size), f.frame, NULL);
    if (code != ERR_OK && code != ERR_LIMIT)
        __builtin_trap(); /* bytes are no error: they go into quarantine */
    fuzz_frame_end(&f, code);
    return 0;
}
