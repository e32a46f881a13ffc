/* What the fuzz targets of Google's answers share. */
#ifndef TESTS_FUZZ_GCP_FRAME_H
#define TESTS_FUZZ_GCP_FRAME_H

#include "collector/sources/gcp/gcp.h"

#include "tests/fuzz/frame.h"

static const struct gcp_context fuzz_context = { .source = { "fuzz", 4 },
                                                 .project = { "p1", 2 },
                                                 .observed_unix_nano = INT64_C(1795172400000000000) };

/* False: no JSON, which is the parser's own target. */
static inline bool fuzz_json(const uint8_t *data, size_t size, json *root)
{
    static struct json_parser *parser;

    parser = parser ? parser : json_parser_new(1 << 20);
    return parser && json_parse(parser, sv_make(data, size), root, NULL) == ERR_OK;
}

#endif
