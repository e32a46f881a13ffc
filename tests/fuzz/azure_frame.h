/* What the fuzz targets of Azure's logs share. */
#ifndef TESTS_FUZZ_AZURE_FRAME_H
#define TESTS_FUZZ_AZURE_FRAME_H

#include "collector/sources/azure/azure_log.h"

#include "tests/fuzz/frame.h"

static const struct azure_log_context fuzz_context = { .source = { "fuzz", 4 },
                                                       .observed_unix_nano = INT64_C(1795172400000000000) };

static inline struct azure_decoder *fuzz_decoder(void)
{
    static struct azure_decoder *decoder;

    if (!decoder)
        decoder = azure_decoder_new();
    return decoder;
}

#endif
