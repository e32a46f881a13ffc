/* What the fuzz targets of OpenAI's pages share. */
#ifndef TESTS_FUZZ_OPENAI_FRAME_H
#define TESTS_FUZZ_OPENAI_FRAME_H

#include "collector/sources/openai/openai.h"

#include "tests/fuzz/frame.h"

typedef enum err_code fuzz_decode(struct json_parser *p, sv body, const struct openai_context *c, struct frame *out,
                                  sv *next, struct err *e);

static inline sv fuzz_region(void *ctx, sv project)
{
    (void)ctx;
    return project.len % 2 ? SV("eu") : SV_NONE;
}

static inline void fuzz_page(sv body, fuzz_decode *decode)
{
    static struct json_parser *parser;
    const struct openai_context c = { .source = { "fuzz", 4 },
                                      .organization = { "org", 3 },
                                      .observed_unix_nano = INT64_C(1795172400000000000),
                                      .region = fuzz_region };
    struct fuzz_frame f;
    enum err_code code;
    sv next = SV_NONE;

    parser = parser ? parser : json_parser_new(1 << 20);
    fuzz_frame_begin(&f);
    code = decode(parser, body, &c, f.frame, &next, NULL);
    if (next.len > body.len)
        __builtin_trap();
    fuzz_frame_end(&f, code);
}

#endif
