/* Any bytes as a page of costs, amounts as they are written: every cost is a record, a rejection or in quarantine. */
#include "tests/fuzz/openai_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_page(sv_make(data, size), openai_decode_costs);
    return 0;
}
