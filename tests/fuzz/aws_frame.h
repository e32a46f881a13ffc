/* What the fuzz targets of AWS's logs share. */
#ifndef TESTS_FUZZ_AWS_FRAME_H
#define TESTS_FUZZ_AWS_FRAME_H

#include "collector/sources/aws/aws_log.h"

#include "tests/fuzz/frame.h"

static const struct aws_log_context fuzz_context = { .source = { "fuzz", 4 },
                                                     .observed_unix_nano = INT64_C(1795172400000000000),
                                                     .account = { "111122223333", 12 },
                                                     .region = { "us-east-1", 9 } };

static inline struct aws_decoder *fuzz_decoder(void)
{
    static struct aws_decoder *decoder;

    if (!decoder)
        decoder = aws_decoder_new();
    return decoder;
}

#endif
