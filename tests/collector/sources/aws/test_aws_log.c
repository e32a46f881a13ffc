/*
 * Log decoders against constructed answers and files: each file of the table has a STEM.expected beside it with the records
 * as JSON lines, then tally and quarantine. UPDATE_EXPECTED=1 writes these files anew; then read the difference. After
 * that, small documents for what the files do not show.
 */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/model/codec.h"
#include "collector/net/http_gunzip.h"
#include "collector/sources/aws/aws_log.h"

#include "tests/tap.h"

static struct aws_decoder *decoder;
static struct arena memory;
static struct err last;

static const struct aws_log_context context = { .source = { "aws-test", 8 },
                                                .observed_unix_nano = INT64_C(1795172400000000000) };

static enum err_code decode_events(sv body, struct frame *f, sv *token, struct err *e)
{
    return aws_decode_log_events(decoder, body, &context, f, token, e);
}

static enum err_code decode_lookup(sv body, struct frame *f, sv *token, struct err *e)
{
    return aws_decode_lookup(decoder, body, &context, f, token, e);
}

static enum err_code decode_records(sv body, struct frame *f, sv *token, struct err *e)
{
    (void)token;
    return aws_decode_records(decoder, body, &context, f, e);
}

typedef enum err_code (*decode_fn)(sv body, struct frame *f, sv *token, struct err *e);

/* clang-format off */
static const struct {
    const char *file;
    decode_fn decode;
    const char *format; /* what aws_detect says; NULL: nothing */
    const char *token;
} cases[] = {
    { "aws/bedrock/model-invocation-log.ndjson",                      decode_records, "aws-invocation-logs", NULL },
    { "aws/bedrock/s3-object.json.gz",                                decode_records, "aws-invocation-logs", NULL },
    { "aws/bedrock/cloudtrail-events.json",                           decode_records, "aws-cloudtrail",      NULL },
    { "aws/logs/filter-log-events.response.page1.json",               decode_events,  "aws-log-events",      "EXAMPLE-next-token-1" },
    { "aws/logs/filter-log-events.response.empty-page-with-token.json", decode_events, NULL,                 "EXAMPLE-next-token-2" },
    { "aws/logs/filter-log-events.response.last.json",                decode_events,  "aws-log-events",      NULL },
    { "aws/logs/get-log-events.response.json",                        decode_events,  "aws-log-events",      NULL },
    { "discovery/aws_cloudtrail_lookup_events_page.json",             decode_lookup,  "aws-lookup-events",   "CONSTRUCTED" },
    { "aws/errors/logs-throttling.awsjson11.json",                    NULL,           NULL,                  NULL },
    { "aws/endpoints/partitions.json",                                NULL,           NULL,                  NULL },
    { "azure/synthetic_eventhub_requestusage.json",                   NULL,           NULL,                  NULL },
    { "azure/synthetic_loganalytics_azurediagnostics.json",           NULL,           NULL,                  NULL },
    { "discovery/azure_activity_log_page.json",                       NULL,           NULL,                  NULL },
};
/* clang-format on */

static void show(const struct frame *f, enum err_code code, struct buf *out)
{
    frame_to_json(f, out);
    buf_printf(out, "# %s received=%lld", code ? err_name(code) : "ok", (long long)f->tally.received);
    for (int r = 0; r < REASONS; r++) {
        if (f->tally.rejected[r])
            buf_printf(out, " rejected{%s}=%lld", reason_name((enum reason)r), (long long)f->tally.rejected[r]);
        if (f->tally.quarantined[r])
            buf_printf(out, " quarantined{%s}=%lld", reason_name((enum reason)r), (long long)f->tally.quarantined[r]);
    }
    buf_putc(out, '\n');
    for (size_t i = 0; i < f->n_quarantined; i++)
        buf_printf(out, "# quarantined %.*s: %zu bytes\n", SV_ARG(f->quarantined[i].what), f->quarantined[i].bytes.len);
}

static struct frame *frame(void)
{
    arena_reset(&memory);
    return frame_new(&memory, SV("aws-test"), SV("scope"));
}

static bool same_as_file(const char *path, sv got)
{
    struct buf want;
    struct err e = { 0 };
    bool same;

    if (getenv("UPDATE_EXPECTED")) {
        FILE *f = fopen(path, "w");

        fwrite(got.at, 1, got.len, f);
        fclose(f);
    }
    buf_init(&want, 0);
    same = buf_read_file(&want, path, 1 << 20, &e) == ERR_OK && sv_eq(buf_sv(&want), got);
    if (!same)
        printf("# %s%s: got\n%.*s\n", path, e.text, SV_ARG(got));
    buf_done(&want);
    return same;
}

/* The file's bytes, unpacked if need be. */
static void read_file(const char *path, struct buf *out)
{
    struct err e = { 0 };
    struct buf packed;

    buf_init(&packed, 0);
    OK(buf_read_file(&packed, path, 1 << 20, &e) == ERR_OK);
    if (sv_starts(buf_sv(&packed), SV("\x1f\x8b"))) {
        struct http_gunzip *g = http_gunzip_new();

        OK(http_gunzip_piece(g, buf_sv(&packed), out) == HTTP_GUNZIP_OK && http_gunzip_ended(g));
        http_gunzip_free(g);
    } else {
        buf_put(out, buf_sv(&packed));
    }
    buf_done(&packed);
}

static void every_file_gives_what_is_expected(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[256];
        struct buf body, got;
        struct err e = { 0 };
        struct frame *f = frame();
        sv token = SV_NONE;

        buf_init(&body, 0);
        buf_init(&got, 0);
        snprintf(path, sizeof path, "tests/data/%s", cases[i].file);
        printf("# %s\n", path);
        read_file(path, &body);
        OK(sv_eq(aws_detect(buf_sv(&body)), sv_of(cases[i].format)));
        if (cases[i].decode) {
            enum err_code code = cases[i].decode(buf_sv(&body), f, &token, &e);
            const char *end = strrchr(cases[i].file, '.');

            OK(code == ERR_OK);
            OK(sv_eq(token, sv_of(cases[i].token)));
            show(f, code, &got);
            snprintf(path, sizeof path, "tests/data/%.*s.expected", (int)(end - cases[i].file), cases[i].file);
            OK(same_as_file(path, buf_sv(&got)));
        }
        buf_done(&got);
        buf_done(&body);
    }
}

static void every_format_is_read_by_normalize(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame *f = frame();
        struct buf body;
        char path[256];

        if (!cases[i].format)
            continue;
        buf_init(&body, 0);
        snprintf(path, sizeof path, "tests/data/%s", cases[i].file);
        read_file(path, &body);
        OK(aws_normalize(sv_of(cases[i].format), buf_sv(&body), f, &last) == ERR_OK);
        OK(frame_records(f) > 0);
        buf_done(&body);
    }
}

/* ---- Small documents ---- */

#define AT "2026-11-20T10:00:03Z"

/* The frame that an invocation record with these further members gives. */
static struct frame *record_of(const struct aws_log_context *c, const char *members)
{
    struct frame *f = frame();
    struct buf b;

    buf_init(&b, 0);
    buf_printf(&b,
               "{\"schemaType\":\"ModelInvocationLog\",\"timestamp\":\"" AT "\",\"accountId\":\"111122223333\","
               "\"region\":\"us-east-1\"%s%s}",
               *members ? "," : "", members);
    OK(aws_decode_records(decoder, buf_sv(&b), c, f, &last) == ERR_OK);
    buf_done(&b);
    return f;
}

static struct frame *record(const char *members)
{
    return record_of(&context, members);
}

/* The frame that a CloudTrail event gives. */
static struct frame *event(const char *members)
{
    struct frame *f = frame();
    struct buf b;

    buf_init(&b, 0);
    buf_printf(&b,
               "{\"Records\":[{\"eventTime\":\"" AT "\",\"awsRegion\":\"us-east-1\",\"recipientAccountId\":"
               "\"111122223333\",\"eventID\":\"e-1\",\"requestID\":\"r-1\",%s}]}",
               members);
    OK(aws_decode_records(decoder, buf_sv(&b), &context, f, &last) == ERR_OK);
    buf_done(&b);
    return f;
}

static const struct call *only_call(const struct frame *f)
{
    static const struct call none;

    return f->batches && f->batches->n_calls == 1 ? f->batches->calls : &none;
}

static const struct audit *only_audit(const struct frame *f)
{
    static const struct audit none;

    return f->batches && f->batches->n_audits == 1 ? f->batches->audits : &none;
}

static bool text_is(const struct frame *f, sym s, const char *want)
{
    return f->batches && sv_eq(batch_sv(f->batches, s), sv_of(want));
}

static void input_includes_what_was_cached(void)
{
    const int64_t none = NONE;
    /* clang-format off */
    static const struct { const char *input; int64_t in, read, write; } rows[] = {
        { "\"inputTokenCount\":2,\"cacheReadInputTokenCount\":95500,\"cacheWriteInputTokenCount\":1314", 96816, 95500, 1314 },
        { "\"inputTokenCount\":7",                                   7,    NONE, NONE },
        { "\"inputTokenCount\":0,\"cacheReadInputTokenCount\":0",    0,    0,    NONE },
        { "\"cacheReadInputTokenCount\":9",                          9,    9,    NONE },
        { "\"inputTokenCount\":\"7\"",                               7,    NONE, NONE },
        { "\"inputTokenCount\":7.0",                                 7,    NONE, NONE },
        { "\"inputTokenCount\":-7",                                  NONE, NONE, NONE },
        { "\"inputTokenCount\":null",                                NONE, NONE, NONE },
        { "\"inputTokenCount\":9223372036854775807,\"cacheReadInputTokenCount\":1", NONE, 1, NONE },
        { "",                                                        NONE, NONE, NONE },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char members[300];
        const struct call *c;

        snprintf(members, sizeof members, "\"input\":{%s}", rows[i].input);
        c = only_call(record(members));
        OK(c->input_tokens == rows[i].in && c->cache_read_tokens == rows[i].read &&
           c->cache_write_tokens == rows[i].write && c->output_tokens == none);
    }
}

static void latency_is_found_wherever_a_body_tells_it(void)
{
    /* clang-format off */
    static const struct { const char *body; int64_t ms, first_ms; const char *reason; } rows[] = {
        { "{\"metrics\":{\"latencyMs\":640},\"stopReason\":\"end_turn\"}",                                  640,  -1,  "end_turn" },
        { "[{\"messageStop\":{\"stopReason\":\"max_tokens\"}},{\"metadata\":{\"metrics\":{\"latencyMs\":4021}}}]", 4021, -1, "max_tokens" },
        { "[{\"x\":1},{\"choices\":[{\"finish_reason\":\"stop\"}],\"amazon-bedrock-invocationMetrics\":"
          "{\"invocationLatency\":512,\"firstByteLatency\":210}}]",                                         512,  210, "stop" },
        { "{\"amazon-bedrock-invocationMetrics\":{\"invocationLatency\":5.5}}",                             -1,   -1,  "" },
        { "{\"metrics\":{\"latencyMs\":-1}}",                                                               -1,   -1,  "" },
        { "{\"metrics\":\"fast\"}",                                                                         -1,   -1,  "" },
        { "\"text\"",                                                                                       -1,   -1,  "" },
        { "[1,[2],null]",                                                                                   -1,   -1,  "" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char members[400];
        const struct frame *f;
        const struct call *c;

        snprintf(members, sizeof members, "\"output\":{\"outputBodyJson\":%s}", rows[i].body);
        f = record(members);
        c = only_call(f);
        OK(i == 3 ? c->duration_nano == 5500000
                  : c->duration_nano == (rows[i].ms < 0 ? NONE : rows[i].ms * NANO_PER_MS));
        OK(c->time_to_first_token_nano == (rows[i].first_ms < 0 ? NONE : rows[i].first_ms * NANO_PER_MS));
        OK(text_is(f, c->finish_reason, rows[i].reason));
    }
}

static void reasoning_is_read_from_what_openai_says_of_usage(void)
{
    OK(only_call(record("\"output\":{\"outputBodyJson\":{\"usage\":{\"completion_tokens_details\":{"
                        "\"reasoning_tokens\":33}}}}"))
           ->reasoning_tokens == 33);
    OK(only_call(record("\"output\":{\"outputBodyJson\":[{\"type\":\"response.completed\",\"response\":{\"id\":"
                        "\"resp_1\",\"usage\":{\"output_tokens_details\":{\"reasoning_tokens\":4}}}}]}"))
           ->reasoning_tokens == 4);
}

static void operations_and_errors_are_read_by_table(void)
{
    /* clang-format off */
    static const struct { const char *members, *operation, *raw; enum outcome outcome; } rows[] = {
        { "\"operation\":\"Converse\"",                      "chat",        "Converse",       OUTCOME_SUCCESS },
        { "\"operation\":\"ConverseStream\"",                "chat",        "ConverseStream", OUTCOME_SUCCESS },
        { "\"operation\":\"CreateResponse\"",                "chat",        "CreateResponse", OUTCOME_SUCCESS },
        { "\"operation\":\"Responses\"",                     "chat",        "Responses",      OUTCOME_SUCCESS },
        { "\"operation\":\"ChatCompletions\"",               "chat",        "ChatCompletions", OUTCOME_SUCCESS },
        { "\"operation\":\"CreateChatCompletion\"",          "chat",        "CreateChatCompletion", OUTCOME_SUCCESS },
        { "\"operation\":\"InvokeModel\"",                   "invokemodel", "InvokeModel",    OUTCOME_SUCCESS },
        { "\"operation\":\"NewThing\"",                      "newthing",    "NewThing",       OUTCOME_SUCCESS },
        { "\"x\":1",                                         "unknown",     "",               OUTCOME_SUCCESS },
        { "\"errorCode\":\"ThrottlingException\"",           "unknown",     "",               OUTCOME_THROTTLED },
        { "\"errorCode\":\"ServiceQuotaExceededException\"", "unknown",     "",               OUTCOME_THROTTLED },
        { "\"errorCode\":\"TooManyRequestsException\"",      "unknown",     "",               OUTCOME_THROTTLED },
        { "\"errorCode\":\"ModelNotReadyException\"",        "unknown",     "",               OUTCOME_THROTTLED },
        { "\"errorCode\":\"InternalServerException\"",       "unknown",     "",               OUTCOME_SERVER_ERROR },
        { "\"errorCode\":\"ServiceUnavailableException\"",   "unknown",     "",               OUTCOME_SERVER_ERROR },
        { "\"errorCode\":\"InternalFailure\"",               "unknown",     "",               OUTCOME_SERVER_ERROR },
        { "\"errorCode\":\"ModelTimeoutException\"",         "unknown",     "",               OUTCOME_CLIENT_ERROR },
        { "\"errorCode\":\"ValidationException\"",           "unknown",     "",               OUTCOME_CLIENT_ERROR },
        { "\"errorCode\":\"503\"",                           "unknown",     "",               OUTCOME_SERVER_ERROR },
        { "\"errorCode\":\"429\"",                           "unknown",     "",               OUTCOME_THROTTLED },
        { "\"errorCode\":\"200\"",                           "unknown",     "",               OUTCOME_CLIENT_ERROR },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct frame *f = record(rows[i].members);
        const struct call *c = only_call(f);

        OK(text_is(f, c->operation, rows[i].operation) && text_is(f, c->operation_raw, rows[i].raw));
        OK(c->outcome == rows[i].outcome);
    }
}

static void a_call_was_served_at_home_unless_it_says_otherwise(void)
{
    const struct frame *f = record("\"inferenceRegion\":\"eu-central-1\"");

    OK(text_is(f, only_call(f)->served_region, "eu-central-1"));
    OK(text_is(f, only_call(f)->served_jurisdiction, "eu"));
    f = record("\"inferenceRegion\":\"bad region\"");
    OK(text_is(f, only_call(f)->served_region, "us-east-1") && text_is(f, only_call(f)->served_jurisdiction, "us"));
    f = record("\"inferenceRegion\":\"xx-new-1\"");
    OK(text_is(f, only_call(f)->served_region, "xx-new-1") && !only_call(f)->served_jurisdiction);
}

static void a_record_without_what_it_needs_is_quarantined(void)
{
    static const char *const rows[] = {
        "{\"schemaType\":\"ModelInvocationLog\",\"accountId\":\"111122223333\",\"region\":\"us-east-1\"}",
        "{\"schemaType\":\"ModelInvocationLog\",\"accountId\":\"111122223333\",\"region\":\"us-east-1\",\"timestamp\":"
        "\"yesterday\"}",
        "{\"schemaType\":\"ModelInvocationLog\",\"accountId\":\"1111222233\",\"region\":\"us-east-1\",\"timestamp\":"
        "\"" AT "\"}",
        "{\"schemaType\":\"ModelInvocationLog\",\"region\":\"us-east-1\",\"timestamp\":\"" AT "\"}",
        "{\"schemaType\":\"ModelInvocationLog\",\"accountId\":\"111122223333\",\"region\":\"US "
        "EAST\",\"timestamp\":\"" AT "\"}",
        "{\"eventSource\":\"bedrock.amazonaws.com\",\"eventName\":\"Converse\",\"awsRegion\":\"us-east-1\"}",
        "{\"hello\":\"world\"}",
        "[1]",
        "{\"schemaType\":\"ModelInvocationLog\",",
        "no JSON",
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct frame *f = frame();

        OK(aws_decode_records(decoder, sv_of(rows[i]), &context, f, &last) == ERR_OK);
        OK(frame_records(f) == 0 && f->tally.received == 1 && f->tally.quarantined[REASON_MALFORMED] == 1);
    }
}

static void what_the_record_does_not_tell_its_place_tells(void)
{
    const struct aws_log_context c = {
        .source = SV("s"), .observed_unix_nano = 1, .account = SV("444455556666"), .region = SV("eu-west-1")
    };
    const char *page = "{\"events\":[{\"timestamp\":1790000010005,\"ingestionTime\":1790000012004,\"message\":"
                       "\"{\\\"schemaType\\\":\\\"ModelInvocationLog\\\"}\"}]}";
    struct frame *f = frame();
    sv token = SV_NONE;

    OK(aws_decode_log_events(decoder, sv_of(page), &c, f, &token, &last) == ERR_OK && token.len == 0);
    OK(text_is(f, f->batches->origin.account, "444455556666") &&
       text_is(f, f->batches->origin.cloud_region, "eu-west-1"));
    OK(only_call(f)->time_unix_nano == INT64_C(1790000010005000000) &&
       only_call(f)->arrival_unix_nano == INT64_C(1790000012004000000));
    OK(only_call(f)->key != 0 && only_call(f)->call_key == 0);
}

#define PROFILE "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123def456"

static bool on_profile(void *ctx, sv account, sv region, sv model_id, struct aws_profile *out)
{
    ++*(int *)ctx;
    if (!sv_eq(account, SV("111122223333")) || !sv_eq(region, SV("us-east-1")) ||
        !sv_ends(model_id, SV("abc123def456")))
        return false;
    out->model_id = SV("anthropic.claude-x-20250514-v1:0");
    return true;
}

static bool only_openai(void *ctx, sv publisher)
{
    (void)ctx;
    return sv_eq(publisher, SV("openai"));
}

static void models_and_deployments_are_read_from_the_id(void)
{
    /* clang-format off */
    static const struct { const char *id, *deployment, *model; } rows[] = {
        { "openai.gpt-oss-120b-1:0",    "",                    "gpt-oss-120b" },
        { "us.openai.gpt-6-sol",        "us.openai.gpt-6-sol", "gpt-6-sol" },
        { PROFILE,                      "abc123def456",        "claude-x" },
        { "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/unknown", "unknown", "" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int asked = 0;
        const struct aws_log_context c = {
            .source = SV("s"), .observed_unix_nano = 1, .ctx = &asked, .profile = on_profile
        };
        char members[200];
        const struct frame *f;

        snprintf(members, sizeof members, "\"modelId\":\"%s\"", rows[i].id);
        f = record_of(&c, members);
        OK(text_is(f, only_call(f)->deployment, rows[i].deployment) && text_is(f, only_call(f)->model, rows[i].model));
        OK(text_is(f, only_call(f)->model_requested, rows[i].id) && asked == (i >= 2));
    }
}

static void other_publishers_are_left_out(void)
{
    int asked = 0;
    const struct aws_log_context c = {
        .source = SV("s"), .observed_unix_nano = 1, .ctx = &asked, .profile = on_profile, .publisher = only_openai
    };

    OK(record_of(&c, "\"modelId\":\"us.anthropic.claude-x-v1:0\"")->tally.rejected[REASON_PUBLISHER] == 1);
    OK(record_of(&c, "\"modelId\":\"" PROFILE "\"")->tally.rejected[REASON_PUBLISHER] == 1);
    OK(only_call(record_of(&c, "\"modelId\":\"global.openai.gpt-6-sol\""))->key != 0);
}

static void neither_bodies_nor_unknown_texts_are_kept(void)
{
    const struct frame *f = record(
        "\"news\":\"SECRET\",\"input\":{\"inputBodyJson\":{\"messages\":[{\"content\":\"SECRET\"}],\"SECRET\":1},"
        "\"other\":{\"SECRET word\":\"SECRET\"}},\"output\":{\"outputBodyJson\":[{\"choices\":[{\"delta\":{\"content\":"
        "\"SECRET\"}}]}],\"outputVideoX\":\"SECRET\"},\"errorMessage\":\"SECRET\"");
    struct buf b;

    buf_init(&b, 0);
    frame_to_json(f, &b);
    OK(only_call(f)->n_extra == 4 && !sv_has(buf_sv(&b), SV("SECRET")));
    OK(sv_has(buf_sv(&b), SV("\"news\":\"string 6\"")) && sv_has(buf_sv(&b), SV("\"input/other/?\":\"string 6\"")));
    buf_done(&b);
}

static void request_metadata_are_pairs_of_texts(void)
{
    const struct frame *f = record("\"requestMetadata\":{\"team\":\"risk\",\"n\":5,\"o\":{\"p\":1},\"empty\":\"\"}");
    const struct call *c = only_call(f);

    OK(c->n_metadata == 1 && text_is(f, c->metadata[0].name, "team") && sv_eq(c->metadata[0].value, SV("risk")));
    OK(only_call(record("\"requestMetadata\":\"text\""))->n_metadata == 0);
    OK(only_call(record("\"requestMetadata\":[]"))->n_metadata == 0);
}

/* ---- Keys ---- */

static uint64_t keys_of(const char *path, decode_fn decode, size_t take)
{
    struct frame *f = frame();
    struct err e = { 0 };
    uint64_t sum = 0;
    struct buf body;
    sv token;

    buf_init(&body, 0);
    read_file(path, &body);
    OK(decode(buf_sv(&body), f, &token, &e) == ERR_OK);
    for (size_t i = 0; f->batches && i < f->batches->n_calls && i < take; i++)
        sum += f->batches->calls[i].key;
    buf_done(&body);
    return sum;
}

static void a_record_has_one_key_through_every_door(void)
{
    uint64_t lines = keys_of("tests/data/aws/bedrock/model-invocation-log.ndjson", decode_records, 2);

    OK(lines == keys_of("tests/data/aws/bedrock/s3-object.json.gz", decode_records, 2));
    OK(lines == keys_of("tests/data/aws/logs/filter-log-events.response.page1.json", decode_events, 2));
    OK(lines == keys_of("tests/data/aws/logs/get-log-events.response.json", decode_events, 2));
}

#define CONVERSE                                                                                                       \
    "\"eventSource\":\"bedrock.amazonaws.com\",\"eventName\":\"Converse\",\"readOnly\":true,\"requestParameters\":{"   \
    "\"modelId\":\"us.openai.gpt-6-sol\"}"

static void both_logs_of_one_call_share_its_call_key(void)
{
    uint64_t call = only_call(record("\"requestId\":\"r-1\""))->call_key,
             key = only_call(record("\"requestId\":\"r-1\""))->key;

    OK(call && call == only_call(event(CONVERSE))->call_key && key != only_call(event(CONVERSE))->key);
    OK(key == only_call(record("\"requestId\":\"r-1\",\"status\":\"x\""))->key);
    OK(key != only_call(record("\"requestId\":\"r-2\""))->key);
    OK(only_call(record("\"x\":1"))->key != only_call(record("\"x\":2"))->key);
}

/* ---- CloudTrail ---- */

static void a_project_call_of_mantle_counts_by_project_and_model(void)
{
    const struct frame *f =
        event("\"eventSource\":\"bedrock-mantle.amazonaws.com\",\"eventName\":\"CreateInference\","
              "\"eventCategory\":\"Data\",\"readOnly\":false,\"requestParameters\":{\"model\":"
              "\"openai.gpt-oss-120b\",\"stream\":true,\"metadata\":{\"team\":\"risk\"}},"
              "\"errorCode\":\"ThrottlingException\",\"resources\":[{\"type\":\"x\",\"ARN\":\"a/b\"},"
              "{\"type\":\"AWS::BedrockMantle::Project\",\"ARN\":\"arn:aws:bedrock-mantle:us-east-1:"
              "111122223333:project/proj_1\"}]");
    const struct call *c = only_call(f);

    OK(f->batches->origin.platform == PLATFORM_BEDROCK_MANTLE && text_is(f, f->batches->origin.resource, "proj_1"));
    OK(text_is(f, c->model, "gpt-oss-120b") && !c->deployment && text_is(f, c->log, "CloudTrail"));
    OK(c->outcome == OUTCOME_THROTTLED && text_is(f, c->stream, "true") && c->n_metadata == 1);
    OK(text_is(f, c->operation, "createinference")); /* it must not be empty; the mapping shows none */
}

static void writes_are_audit_events_and_reads_are_left_out(void)
{
    const struct frame *f = event("\"eventSource\":\"bedrock.amazonaws.com\",\"eventName\":"
                                  "\"PutModelInvocationLoggingConfiguration\",\"readOnly\":false,\"errorCode\":"
                                  "\"AccessDenied\",\"userIdentity\":{\"type\":\"Root\",\"principalId\":\"P\"}");

    OK(text_is(f, only_audit(f)->action, "bedrock:putmodelinvocationloggingconfiguration"));
    OK(text_is(f, only_audit(f)->outcome, "failure") && text_is(f, only_audit(f)->actor, "P"));
    f = event(
        "\"eventSource\":\"bedrock-mantle.amazonaws.com\",\"eventName\":\"CreateProject\",\"readOnly\":\"false\"");
    OK(text_is(f, only_audit(f)->action, "bedrock-mantle:createproject") &&
       text_is(f, only_audit(f)->outcome, "success"));
    f = event("\"eventSource\":\"bedrock.amazonaws.com\",\"eventName\":\"ListFoundationModels\",\"readOnly\":true");
    OK(frame_records(f) == 0 && f->tally.rejected[REASON_POLICY] == 1);
    f = event("\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"PutObject\",\"readOnly\":false");
    OK(frame_records(f) == 0 && f->tally.rejected[REASON_POLICY] == 1);
    f = event(
        "\"eventSource\":\"bedrock-mantle.amazonaws.com\",\"eventName\":\"CreateFile\",\"eventCategory\":\"Data\"");
    OK(frame_records(f) == 0 && f->tally.rejected[REASON_NOT_INFERENCE] == 1);
    f = event("\"eventSource\":\"bedrock-mantle.amazonaws.com\",\"eventName\":\"GetInference\",\"eventCategory\":"
              "\"Data\"");
    OK(only_call(f)->key && !only_call(f)->operation);
}

static void an_event_has_one_key_through_every_door(void)
{
    const char *inner = "{\"eventTime\":\"" AT "\",\"awsRegion\":\"us-east-1\",\"recipientAccountId\":\"111122223333\","
                        "\"eventID\":\"e-1\",\"requestID\":\"r-1\",\"eventSource\":\"bedrock.amazonaws.com\","
                        "\"eventName\":\"PutX\"}";
    uint64_t key = only_audit(event("\"eventSource\":\"bedrock.amazonaws.com\",\"eventName\":\"PutX\""))->key;
    struct frame *f = frame();
    struct buf b;
    sv token;

    buf_init(&b, 0);
    buf_put(&b, SV("{\"Events\":[{\"EventSource\":\"ec2.amazonaws.com\"},{\"EventId\":\"e-1\",\"CloudTrailEvent\":"));
    buf_json(&b, sv_of(inner));
    buf_put(&b, SV("},{\"CloudTrailEvent\":\"{\"}]}"));
    OK(aws_decode_lookup(decoder, buf_sv(&b), &context, f, &token, &last) == ERR_OK);
    OK(key && only_audit(f)->key == key && f->tally.received == 3 && f->tally.rejected[REASON_POLICY] == 1 &&
       f->tally.quarantined[REASON_MALFORMED] == 1);
    f = frame();
    buf_clear(&b);
    buf_put(&b, SV("{\"events\":[{\"message\":"));
    buf_json(&b, sv_of(inner));
    buf_put(&b, SV("}]}"));
    OK(aws_decode_log_events(decoder, buf_sv(&b), &context, f, &token, &last) == ERR_OK && only_audit(f)->key == key);
    buf_done(&b);
}

/* ---- Pages and requests ---- */

static void what_is_no_answer_is_an_error(void)
{
    static const char *const rows[] = { "", "{}", "[]", "{\"events\":{}}", "{\"Events\":1}", "{\"events\":[" };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sv token = SV("kept");

        OK(aws_decode_log_events(decoder, sv_of(rows[i]), &context, frame(), &token, &last) == ERR_PARSE);
        OK(aws_decode_lookup(decoder, sv_of(rows[i]), &context, frame(), &token, &last) == ERR_PARSE);
        OK(sv_eq(token, SV("kept")));
    }
}

static void a_full_frame_is_told(void)
{
    struct arena small;
    struct frame *f;
    struct buf body;
    sv token;

    read_file("tests/data/aws/bedrock/model-invocation-log.ndjson", (buf_init(&body, 0), &body));
    for (size_t limit = 1000; limit < 60000; limit += 777) {
        enum err_code code;

        arena_init(&small, limit);
        f = frame_new(&small, SV("s"), SV("s"));
        code = f ? decode_records(buf_sv(&body), f, &token, &last) : ERR_LIMIT;
        if (code != ERR_OK && code != ERR_LIMIT)
            OK(false);
        if (code == ERR_OK && frame_records(f) != 6)
            OK(false);
        arena_done(&small);
    }
    buf_done(&body);
    OK(true);
}

static void requests_are_what_the_services_expect(void)
{
    struct buf b;

    buf_init(&b, 0);
    aws_body_filter_events(&b, SV("/aws/bedrock/modelinvocations"), SV_NONE, INT64_C(1789999740000000000),
                           INT64_C(1790000040000000000), SV_NONE);
    OK(sv_eq(buf_sv(&b), SV("{\"logGroupName\":\"/aws/bedrock/modelinvocations\",\"startTime\":1789999740000,"
                            "\"endTime\":1790000039999,\"limit\":10000}")));
    buf_clear(&b);
    aws_body_filter_events(&b, SV("g"), SV("{ $.a = \"b\" }"), 0, NANO_PER_S, SV("t"));
    OK(sv_eq(buf_sv(&b), SV("{\"logGroupName\":\"g\",\"startTime\":0,\"endTime\":999,\"limit\":10000,"
                            "\"filterPattern\":\"{ $.a = \\\"b\\\" }\",\"nextToken\":\"t\"}")));
    buf_clear(&b);
    aws_body_lookup_events(&b, INT64_C(1790000000000000000), INT64_C(1790000300000000000), SV("t"));
    OK(sv_eq(buf_sv(&b), SV("{\"StartTime\":1790000000,\"EndTime\":1790000300,\"MaxResults\":50,\"LookupAttributes\":["
                            "{\"AttributeKey\":\"ReadOnly\",\"AttributeValue\":\"false\"}],\"NextToken\":\"t\"}")));
    buf_done(&b);
}

int main(void)
{
    decoder = aws_decoder_new();
    arena_init(&memory, 0);
    RUN(every_file_gives_what_is_expected);
    RUN(every_format_is_read_by_normalize);
    RUN(input_includes_what_was_cached);
    RUN(latency_is_found_wherever_a_body_tells_it);
    RUN(reasoning_is_read_from_what_openai_says_of_usage);
    RUN(operations_and_errors_are_read_by_table);
    RUN(a_call_was_served_at_home_unless_it_says_otherwise);
    RUN(a_record_without_what_it_needs_is_quarantined);
    RUN(what_the_record_does_not_tell_its_place_tells);
    RUN(models_and_deployments_are_read_from_the_id);
    RUN(other_publishers_are_left_out);
    RUN(neither_bodies_nor_unknown_texts_are_kept);
    RUN(request_metadata_are_pairs_of_texts);
    RUN(a_record_has_one_key_through_every_door);
    RUN(both_logs_of_one_call_share_its_call_key);
    RUN(a_project_call_of_mantle_counts_by_project_and_model);
    RUN(writes_are_audit_events_and_reads_are_left_out);
    RUN(an_event_has_one_key_through_every_door);
    RUN(what_is_no_answer_is_an_error);
    RUN(a_full_frame_is_told);
    RUN(requests_are_what_the_services_expect);
    arena_done(&memory);
    aws_decoder_free(decoder);
    return tap_done();
}
