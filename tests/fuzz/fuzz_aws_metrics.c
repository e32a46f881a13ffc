/* Any bytes as an answer of CloudWatch: a listing, and a page of figures, which become measures. */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws.h"

#define ROW(i)                                                                                                         \
    {                                                                                                                  \
        .metric = (i), .value = { SVT("us.openai.gpt-6-sol"), SVT("openai.gpt-oss-120b") }, .hash = (i)                \
    }

static const struct aws_series series[] = { ROW(0), ROW(5), ROW(8), ROW(10), ROW(12) };
static const struct aws_series *const asked[] = { &series[0], &series[1], &series[2], &series[3], &series[4] };

static void figures(json root, struct arena *a, struct frame *f)
{
    const struct aws_query q = { .series = asked,
                                 .n_series = sizeof asked / sizeof asked[0],
                                 .asking = AWS_MAXIMUM,
                                 .from_unix_nano = INT64_C(1789999740) * NANO_PER_S,
                                 .to_unix_nano = INT64_C(1790000040) * NANO_PER_S };
    const struct aws_metric_context c = { .source = SV("fuzz"), .account = SV("1"), .region = SV("us-east-1") };
    struct aws_answer answer;
    struct err e;
    sv next;

    if (aws_answer_init(&answer, a, &q, &e) || aws_decode_metric_data(root, &answer, &next, &e))
        return;
    (void)!aws_answer_whole(&answer, &e);
    (void)!aws_emit_answer(&answer, &c, f, &e);
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
    if (p && f && json_parse(p, sv_make(data, size), &root, &e) == ERR_OK) {
        struct items items = { .arena = &a };
        sv next;

        (void)!aws_decode_list_metrics(root, &items, &next, &e);
        figures(root, &a, f);
    }
    json_parser_free(p);
    arena_done(&a);
    return 0;
}
