/* Any bytes as any answer of discovery; what comes out goes on into records and epochs. */
#include "collector/sources/azure/azure.h"

static void emit(struct items *accounts, struct items *deployments, struct items *usages,
                 const struct azure_logging_state *logging, struct frame *f)
{
    struct azure_metric_context c = { .source = SV("fuzz") };
    struct err e;

    for (size_t i = 0; i < accounts->n; i++) {
        struct azure_account_view v = { .account = ITEM(accounts, struct azure_account_item, i),
                                        .subscription = SV("s"),
                                        .deployments = deployments->at,
                                        .n_deployments = deployments->n,
                                        .logging = *logging };

        (void)!azure_emit_inventory(&v, &c, 0, 60000000000, f, &e);
    }
    (void)!azure_emit_usages(usages->at, usages->n, SV("s"), SV("eastus"), SV("fuzz"), 0, 60000000000, f, &e);
}

static void decode(json root, struct arena *a, struct frame *f)
{
    page_decoder *const decoders[] = { azure_decode_subscriptions, azure_decode_descendants, azure_decode_definitions,
                                       azure_decode_accounts,      azure_decode_deployments, azure_decode_usages };
    enum { DECODERS = sizeof decoders / sizeof decoders[0] };
    struct items items[DECODERS] = { 0 };
    struct azure_logging_state logging = { 0 };
    struct err e;
    sv next;

    for (size_t i = 0; i < DECODERS; i++) {
        items[i].arena = a;
        if (decoders[i](root, &items[i], &next, &e))
            items[i].n = 0;
    }
    (void)!azure_decode_diagnostics(root, &logging, &e);
    emit(&items[DECODERS - 3], &items[DECODERS - 2], &items[DECODERS - 1], &logging, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct json_parser *p = json_parser_new(1 << 20);
    struct arena arena;
    struct frame *f;
    struct err e;
    json root;

    arena_init(&arena, 8 << 20);
    f = frame_new(&arena, SV("fuzz"), SV("fuzz"));
    if (p && f && json_parse(p, sv_make(bytes, size), &root, &e) == ERR_OK)
        decode(root, &arena, f);
    arena_done(&arena);
    json_parser_free(p);
    return 0;
}
