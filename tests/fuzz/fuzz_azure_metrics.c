/* Any bytes as an answer of the two metric APIs: no crash, and whatever is appended adds up. */
#include <stdlib.h>

#include "collector/sources/azure/azure.h"

static bool deployment(void *ctx, sv id, sv name, sv version, struct azure_deployment_facts *out)
{
    (void)ctx;
    (void)id;
    *out = (struct azure_deployment_facts){ SV("gpt-5-mini"), version, name.len % 2 ? SV("OpenAI") : SV("xAI") };
    return name.len != 3;
}

static bool publisher(void *ctx, sv name)
{
    (void)ctx;
    return sv_eq(name, SV("OpenAI"));
}

static void unknown(void *ctx, sv id, sv name)
{
    (void)ctx;
    if (id.len > 1 << 20 || name.len > 1 << 20)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct azure_metric_context c = { .source = SV("fuzz"), .deployment = deployment, .publisher = publisher };
    struct json_parser *p = json_parser_new(1 << 20);
    struct arena arena;
    struct frame *f;
    struct err e;
    json root;

    arena_init(&arena, 8 << 20);
    f = frame_new(&arena, SV("fuzz"), SV("fuzz"));
    if (p && f && json_parse(p, sv_make(bytes, size), &root, &e) == ERR_OK) {
        int64_t rejected = 0;

        azure_metrics_unknown(root, &c, &arena, unknown);
        if (azure_decode_metrics(root, &c, f, &e) == ERR_OK) {
            for (int r = 0; r < REASONS; r++)
                rejected += f->tally.rejected[r];
            if (f->tally.received != rejected + (int64_t)frame_records(f))
                abort();
        }
    }
    arena_done(&arena);
    json_parser_free(p);
    return 0;
}
