/* Any JSON as each of the listings, and any bytes as an error. */
#include "collector/sources/openai/openai.h"
#include "collector/sources/openai/openai_error.h"

static void list(json root, page_decoder *decode)
{
    struct arena memory;
    struct items items = { .arena = &memory };
    sv next;

    arena_init(&memory, 4 << 20);
    (void)decode(root, &items, &next, NULL);
    arena_done(&memory);
}

static void read_error(const uint8_t *data, size_t size)
{
    struct http_response r = { .status = 401 };
    struct err e = { 0 };

    buf_init(&r.body, 1 << 20);
    buf_put(&r.body, sv_make(data, size));
    (void)openai_explain(&r, "projects.list", "env:KEY", &e);
    buf_done(&r.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser *parser;
    json root;

    parser = parser ? parser : json_parser_new(1 << 20);
    if (parser && json_parse(parser, sv_make(data, size), &root, NULL) == ERR_OK) {
        list(root, openai_decode_projects);
        list(root, openai_decode_rate_limits);
    }
    read_error(data, size);
    return 0;
}
