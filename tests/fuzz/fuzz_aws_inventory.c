/* Any bytes as any answer of discovery; what comes out goes on into epochs and gauges. */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws.h"

static void emit(struct items *profiles, struct items *quotas, const struct aws_logging_state *logging, struct frame *f)
{
    const struct aws_profiles known = { profiles->at, profiles->n };
    const struct aws_metric_context c = {
        .source = SV("fuzz"), .account = SV("1"), .region = SV("us-east-1"), .profiles = &known
    };
    struct err e;

    for (size_t i = 0; i < profiles->n && i < 8; i++) {
        const struct aws_profile *p = ITEM(profiles, struct aws_profile, i);
        const struct aws_name names[] = { { PLATFORM_BEDROCK, SV_NONE, p->arn },
                                          { PLATFORM_BEDROCK_MANTLE, p->name, p->model_id } };

        (void)!aws_emit_names(names, 2, &c, f, &e);
    }
    (void)!aws_emit_logging(logging, &c, 0, NANO_PER_MIN, f, &e);
    (void)!aws_emit_quotas(quotas->at, quotas->n, &c, 0, NANO_PER_MIN, f, &e);
}

static void decode(json root, struct arena *a, struct frame *f)
{
    page_decoder *const decoders[] = { aws_decode_accounts, aws_decode_units, aws_decode_regions, aws_decode_profiles,
                                       aws_decode_quotas };
    enum { DECODERS = sizeof decoders / sizeof decoders[0] };
    struct items items[DECODERS] = { 0 };
    struct aws_logging_state logging = { AWS_LOGGING_UNKNOWN, SV_NONE };
    struct owner_tags tags;
    struct err e;
    sv next;

    for (size_t i = 0; i < DECODERS; i++) {
        items[i].arena = a;
        if (decoders[i](root, &items[i], &next, &e))
            items[i].n = 0;
    }
    if (aws_decode_profile(root, &items[3], &e) && items[3].n)
        items[3].n--;
    (void)!aws_decode_tags(root, a, &tags, &e);
    (void)!aws_decode_logging(root, a, &logging, &e);
    emit(&items[3], &items[4], &logging, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_parser *p = json_parser_new(1 << 20);
    struct arena a;
    struct frame *f;
    struct err e;
    json root;

    arena_init(&a, 32 << 20);
    f = frame_new(&a, SV("fuzz"), SV("fuzz"));
    if (p && f && json_parse(p, sv_make(data, size), &root, &e) == ERR_OK)
        decode(root, &a, f);
    json_parser_free(p);
    arena_done(&a);
    return 0;
}
