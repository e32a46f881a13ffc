/* What the fuzz targets of OpenAI's pages share: a frame to decode into, and the law of conservation over it. */
#ifndef TESTS_FUZZ_OPENAI_FRAME_H
#define TESTS_FUZZ_OPENAI_FRAME_H

#include "collector/model/codec.h"
#include "collector/sources/openai/openai.h"

typedef enum err_code fuzz_decode(struct json_parser *p, sv body, const struct openai_context *c, struct frame *out,
                                  sv *next, struct err *e);

static inline sv fuzz_region(void *ctx, sv project)
{
    (void)ctx;
    return project.len % 2 ? SV("eu") : SV_NONE;
}

/* received = records + rejected + quarantined, unless the decoder gave up. Printing reads every byte of every record. */
static inline void fuzz_page(sv body, fuzz_decode *decode)
{
    static struct json_parser *parser;
    const struct openai_context c = { .source = { "fuzz", 4 },
                                      .organization = { "org", 3 },
                                      .observed_unix_nano = INT64_C(1795172400000000000),
                                      .region = fuzz_region };
    struct arena memory;
    struct frame *f;
    struct buf text;
    sv next = SV_NONE;

    parser = parser ? parser : json_parser_new(1 << 20);
    arena_init(&memory, 8 << 20);
    f = frame_new(&memory, SV("fuzz"), SV("organization"));
    if (parser && f && decode(parser, body, &c, f, &next, NULL) == ERR_OK) {
        int64_t n = (int64_t)(frame_records(f) + f->n_quarantined);

        for (int r = 0; r < REASONS; r++)
            n += f->tally.rejected[r];
        if (n != f->tally.received || next.len > body.len)
            __builtin_trap();
    }
    buf_init(&text, 64 << 20);
    if (f)
        frame_to_json(f, &text);
    buf_done(&text);
    arena_done(&memory);
}

#endif
