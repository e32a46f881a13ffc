/* Any JSON as each of the listings, and as an error. */
#include "collector/sources/gcp/gcp_error.h"

#include "tests/fuzz/gcp_frame.h"

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
    struct http_response r = { .status = 403 };
    struct gcp_error said;
    struct err e = { 0 };

    buf_init(&r.body, 1 << 20);
    buf_put(&r.body, sv_make(data, size));
    gcp_error_read(&r, &said);
    (void)gcp_explain(&r, "api", "p1", "remedy", said.code, &e);
    buf_done(&r.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gcp_audit_policy policy = { .exempted = 0 };
    json root;

    if (fuzz_json(data, size, &root)) {
        list(root, gcp_decode_projects);
        list(root, gcp_decode_folders);
        list(root, gcp_decode_descriptors);
        (void)gcp_decode_audit_policy(root, &policy, NULL);
    }
    read_error(data, size);
    return 0;
}
