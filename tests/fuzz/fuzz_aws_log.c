/* A page of FilterLogEvents; the same bytes as a file of records. Every event is a record, a rejection or in quarantine. */
#include "tests/fuzz/aws_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_frame f;
    enum err_code code;
    sv token;

    fuzz_frame_begin(&f);
    code = aws_decode_log_events(fuzz_decoder(), sv_make(data, size), &fuzz_context, f.frame, &token, NULL);
    fuzz_frame_end(&f, code);
    fuzz_frame_begin(&f);
    code = aws_decode_records(fuzz_decoder(), sv_make(data, size), &fuzz_context, f.frame, NULL);
    fuzz_frame_end(&f, code);
    (void)aws_detect(sv_make(data, size));
    return 0;
}
