/*
 * Log decoders against recorded and composed answers: each file of the table has a STEM.expected beside it with the
 * records as JSON lines, then tally and quarantine. UPDATE_EXPECTED=1 writes these files anew; then read the
 * difference. After that, small documents for what the files do not show.
 */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/json.h"
#include "collector/model/codec.h"
#include "collector/sources/azure/azure_log.h"

#include "tests/tap.h"

static struct azure_decoder *decoder;
static struct arena memory;
static sv next_link;

static const struct azure_log_context context = { .source = { "azure-test", 10 },
                                                  .observed_unix_nano = INT64_C(1795172400000000000) };

static enum err_code decode_log(sv body, struct frame *f, struct err *e)
{
    return azure_decode_log(decoder, body, &context, f, NULL, e);
}

static enum err_code decode_activity(sv body, struct frame *f, struct err *e)
{
    return azure_decode_activity(decoder, body, &context, f, &next_link, e);
}

static enum err_code decode_records(sv body, struct frame *f, struct err *e)
{
    return azure_decode_records(decoder, body, &context, f, NULL, e);
}

static enum err_code decode_part(sv body, struct frame *f, struct err *e)
{
    size_t used = 0;
    enum err_code code = azure_decode_records(decoder, body, &context, f, &used, e);

    OK(used < body.len && body.at[used] == '{');
    return code;
}

typedef enum err_code (*decode_fn)(sv body, struct frame *f, struct err *e);

/* clang-format off */
static const struct {
    const char *file;
    decode_fn decode;
    const char *format; /* what azure_detect says; NULL: nothing */
    enum err_code code;
} cases[] = {
    { "azure/synthetic_loganalytics_azurediagnostics.json", decode_log,      "azure-loganalytics", ERR_OK },
    { "azure/synthetic_loganalytics_empty_table.json",      decode_log,      "azure-loganalytics", ERR_OK },
    { "azure/synthetic_loganalytics_partial_error.json",    decode_log,      "azure-loganalytics", ERR_PARTIAL },
    { "azure/synthetic_eventhub_audit.json",                decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_eventhub_concatenated_objects.txt",  decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_eventhub_invalid_single_quotes.txt", decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_eventhub_platform_metrics.json",     decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_eventhub_requestresponse.json",      decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_eventhub_requestusage.json",         decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_storage_requestresponse.jsonl",      decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_storage_requestusage.jsonl",         decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_storage_partial_last_line.jsonl",    decode_part,     "azure-records",      ERR_OK },
    { "discovery/azure_activity_log_page.json",             decode_activity, "azure-activity-log", ERR_OK },
    { "discovery/azure_activity_log_eventhub.json",         decode_records,  "azure-records",      ERR_OK },
    { "azure/synthetic_metrics_getbatch_openai.json",       NULL,            "azure-metrics",      ERR_OK },
    { "azure/synthetic_metrics_list_azureopenai_requests.json", NULL,        "azure-metrics",      ERR_OK },
    { "azure/synthetic_metrics_list_azureopenai_latency.json",  NULL,        "azure-metrics",      ERR_OK },
    { "azure/synthetic_token_v2.json",                      NULL,            NULL,                 ERR_OK },
    { "azure/synthetic_deployments_mixed.json",             NULL,            NULL,                 ERR_OK },
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
    return frame_new(&memory, SV("azure-test"), SV("scope"));
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

static void every_file_gives_what_is_expected(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[256];
        struct buf body, got;
        struct err e = { 0 };
        struct frame *f = frame();

        buf_init(&body, 0);
        buf_init(&got, 0);
        snprintf(path, sizeof path, "tests/data/%s", cases[i].file);
        printf("# %s\n", path);
        OK(buf_read_file(&body, path, 1 << 20, &e) == ERR_OK);
        OK(sv_eq(azure_detect(buf_sv(&body)), sv_of(cases[i].format)));
        if (cases[i].decode) {
            OK(cases[i].decode(buf_sv(&body), f, &e) == cases[i].code);
            show(f, cases[i].code, &got);
            snprintf(path, sizeof path, "tests/data/%.*s.expected", (int)strcspn(cases[i].file, "."), cases[i].file);
            OK(same_as_file(path, buf_sv(&got)));
        }
        buf_done(&got);
        buf_done(&body);
    }
}

/* ---- Small documents ---- */

#define ACCOUNT                                                                                                        \
    "/SUBSCRIPTIONS/00000000-0000-0000-0000-0000000000A1/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.COGNITIVESERVICES/"     \
    "ACCOUNTS/AOAI"
#define AT "2026-11-20T10:00:03.2150000Z"

static struct err last;

/* The frame that a record with these further members gives. */
static struct frame *record(const char *members)
{
    struct frame *f = frame();
    struct buf b;

    buf_init(&b, 0);
    buf_printf(&b, "{\"time\":\"" AT "\",\"resourceId\":\"" ACCOUNT "\",\"correlationId\":\"c-1\",%s}", members);
    OK(azure_decode_records(decoder, buf_sv(&b), &context, f, NULL, &last) == ERR_OK);
    buf_done(&b);
    return f;
}

static const struct call *only_call(const struct frame *f)
{
    static const struct call none;

    return f->batches && f->batches->n_calls == 1 ? f->batches->calls : &none;
}

static bool text_is(const struct frame *f, sym s, const char *want)
{
    return f->batches && sv_eq(batch_sv(f->batches, s), sv_of(want));
}

static void both_clocks_are_read_when_plausible(void)
{
    /* clang-format off */
    static const struct { const char *ticks; const char *want; } rows[] = {
        { "639307656013840000",   "2026-11-20T10:00:01.384Z" }, /* .NET */
        { "17951688013830000",    "2026-11-20T10:00:01.383Z" }, /* 1970 */
        { "\"17951688013830000\"", "2026-11-20T10:00:01.383Z" },
        { "638481757794854611",   AT }, /* 2024: not this call's */
        { "0",                    AT },
        { "-1",                   AT },
        { "9223372036854775807",  AT },
        { "null",                 AT },
        { "\"soon\"",             AT },
        { "{}",                   AT },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char members[300];
        int64_t want = 0;

        snprintf(members, sizeof members, "\"category\":\"RequestResponse\",\"properties\":{\"requestTime\":%s}",
                 rows[i].ticks);
        OK(sv_to_time(sv_of(rows[i].want), &want) && only_call(record(members))->time_unix_nano == want);
    }
}

static void token_counts_come_in_every_form(void)
{
    /* clang-format off */
    static const struct { const char *json; int64_t want; } rows[] = {
        { "[7]", 7 }, { "[7,8]", 15 }, { "7", 7 }, { "\"7\"", 7 }, { "[\"7\",8]", 15 }, { "7.0", 7 }, { "0", 0 }, { "[0]", 0 },
        { "[]", NONE }, { "null", NONE }, { "-7", NONE }, { "[7,-1]", NONE }, { "[7,null]", NONE }, { "\"\"", NONE }, { "{}", NONE },
        { "7.5", NONE }, { "[9223372036854775807,1]", NONE }, { "\"many\"", NONE },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char members[300];

        snprintf(members, sizeof members,
                 "\"category\":\"AzureOpenAIRequestUsage\",\"properties\":{\"promptTokens\":%s,\"cachedTokens\":%s}",
                 rows[i].json, rows[i].json);
        OK(only_call(record(members))->input_tokens == rows[i].want);
        OK(only_call(record(members))->cache_read_tokens == rows[i].want);
    }
}

static void an_envelope_row_knows_no_model_and_management_no_operation(void)
{
    const struct frame *f =
        record("\"category\":\"RequestResponse\",\"operationName\":\"ChatCompletions_Create\",\"resultSignature\":429,"
               "\"durationMs\":-3,\"properties\":\"{\\\"objectId\\\":\\\"\\\"}\"");
    const struct call *c = only_call(f);

    OK(!c->deployment && !c->model && !c->caller_principal && text_is(f, c->operation, "chat"));
    OK(c->outcome == OUTCOME_THROTTLED && c->http_status == 429 && c->duration_nano == NONE && c->input_tokens == NONE);
    f = record("\"category\":\"RequestResponse\",\"operationName\":\"Files_Upload\",\"durationMs\":\"12\","
               "\"resultSignature\":\"Succeeded\"");
    c = only_call(f);
    OK(!c->operation && text_is(f, c->operation_raw, "Files_Upload") && c->duration_nano == 12000000 &&
       c->outcome == OUTCOME_NONE);
    f = record("\"category\":\"AzureOpenAIRequestUsage\",\"resultSignature\":\"500\"");
    OK(only_call(f)->outcome == OUTCOME_NONE); /* unreliable there */
}

#define REQUEST "\"category\":\"RequestResponse\""

static void a_row_has_one_key_whatever_form_it_takes(void)
{
    static const char *const forms[] = {
        REQUEST ",\"operationName\":\"X\",\"properties\":{\"a\":1,\"b\":[1,{\"c\":2.5}]}",
        REQUEST ",\"operationName\":\"X\",\"properties\":{\"b\":[1,{\"c\":2.5}],\"a\":1.0}",
        ("\"properties\":\"{\\\"a\\\":1,\\\"b\\\":[1,{\\\"c\\\":25e-1}]}\",\"operationName\":\"X\"," REQUEST),
    };
    static const char *const others[] = {
        "\"category\":\"RequestResponse\",\"operationName\":\"X\",\"properties\":{\"a\":2,\"b\":[1,{\"c\":2.5}]}",
        "\"category\":\"RequestResponse\",\"operationName\":\"X\",\"properties\":{\"a\":1,\"b\":[1,{\"d\":2.5}]}",
        "\"category\":\"RequestResponse\",\"operationName\":\"X\",\"properties\":{\"a\":\"1\",\"b\":[1,{\"c\":2.5}]}",
        "\"category\":\"RequestResponse\",\"operationName\":\"X\",\"resultSignature\":\"200\",\"properties\":{\"a\":1,"
        "\"b\":[1,{\"c\":2.5}]}",
        "\"category\":\"AzureOpenAIRequestUsage\",\"operationName\":\"X\",\"properties\":{\"a\":1,\"b\":[1,{\"c\":2.5}]"
        "}",
    };
    uint64_t key = only_call(record(forms[0]))->key, call_key = only_call(record(forms[0]))->call_key;

    OK(key && call_key);
    for (size_t i = 1; i < sizeof forms / sizeof *forms; i++)
        OK(only_call(record(forms[i]))->key == key);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        OK(only_call(record(others[i]))->key != key);
        OK(only_call(record(others[i]))->call_key == call_key);
    }
}

static uint64_t keys_of(const char *path, decode_fn decode, size_t take)
{
    struct frame *f = frame();
    struct err e = { 0 };
    uint64_t sum = 0;
    struct buf body;

    buf_init(&body, 0);
    OK(buf_read_file(&body, path, 1 << 20, &e) == ERR_OK && decode(buf_sv(&body), f, &e) == ERR_OK);
    for (size_t i = 0; f->batches && i < f->batches->n_calls && i < take; i++)
        sum += f->batches->calls[i].key;
    buf_done(&body);
    return sum;
}

static void a_row_has_one_key_through_every_door(void)
{
    uint64_t hub = keys_of("tests/data/azure/synthetic_eventhub_requestresponse.json", decode_records, 3) +
                   keys_of("tests/data/azure/synthetic_eventhub_requestusage.json", decode_records, 1);

    OK(hub == keys_of("tests/data/azure/synthetic_loganalytics_azurediagnostics.json", decode_log, 4));
    OK(hub == keys_of("tests/data/azure/synthetic_storage_requestresponse.jsonl", decode_records, 3) +
                  keys_of("tests/data/azure/synthetic_storage_requestusage.jsonl", decode_records, 1));
}

static void an_unknown_field_keeps_its_shape_and_not_its_text(void)
{
    const struct frame *f =
        record("\"category\":\"RequestResponse\",\"news\":\"SECRET\",\"properties\":{\"prompt\":\"SECRET "
               "words\",\"deep\":{\"list\":"
               "[\"SECRET\"],\"n\":5,\"b\":true,\"none\":null},\"SEC RET\":1,\"apiName\":\"AIServices\"}");
    struct buf b;

    buf_init(&b, 0);
    frame_to_json(f, &b);
    OK(!sv_has(buf_sv(&b), SV("SECRET")) && !sv_has(buf_sv(&b), SV("SEC RET")));
    OK(sv_has(buf_sv(&b), SV("\"extra\":{\"news\":\"string 6\",\"properties/prompt\":\"string "
                             "12\",\"properties/deep/list\":\"array 1\",\"properties/"
                             "deep/n\":\"number\",\"properties/deep/b\":\"bool\",\"?\":\"number\",\"properties/"
                             "apiName\":\"AIServices\"}")));
    buf_done(&b);
}

/* ---- Inventory ---- */

static bool is_known(void *ctx, sv id, struct azure_account_facts *out)
{
    (void)ctx;
    *out = (struct azure_account_facts){ .name = SV("AoAi"),
                                         .location = SV("Sweden Central"),
                                         .jurisdiction = SV("se-test") };
    return sv_ends(id, SV("/accounts/aoai"));
}

static bool is_foreign(void *ctx, sv id)
{
    (void)ctx;
    return sv_ends(id, SV("/accounts/speech"));
}

static bool is_openai(void *ctx, sv id, sv deployment, sv model)
{
    (void)ctx;
    (void)model;
    return sv_ends(id, SV("/accounts/aoai")) && !sv_eq(deployment, SV("grok"));
}

static void the_inventory_names_rejects_and_leaves_stubs(void)
{
    const struct azure_log_context c = {
        .source = SV("s"), .observed_unix_nano = 1, .account = is_known, .foreign = is_foreign, .wanted = is_openai
    };
    static const char lines[] =
        "{\"time\":\"" AT "\",\"resourceId\":\"" ACCOUNT
        "\",\"category\":\"RequestResponse\",\"location\":\"swedencentral\",\"correlationId\":\"1\"}\n"
        "{\"time\":\"" AT "\",\"resourceId\":\"" ACCOUNT
        "\",\"category\":\"RequestResponse\",\"operationName\":\"ChatCompletions_Create\",\"correlationId\":\"2\","
        "\"properties\":{\"modelDeploymentName\":\"grok\",\"modelName\":\"grok-4\",\"promptTokens\":5,"
        "\"callerObjectId\":\"who\"}}\n"
        "{\"time\":\"" AT "\",\"resourceId\":\"" ACCOUNT
        "\",\"category\":\"AzureOpenAIRequestUsage\",\"correlationId\":\"2\",\"properties\":{\"modelDeploymentName\":"
        "\"grok\"}}\n"
        "{\"time\":\"" AT "\",\"resourceId\":\"" ACCOUNT "\",\"category\":\"Trace\"}\n"
        "{\"time\":\"" AT "\",\"resourceId\":\"/subscriptions/s/resourceGroups/r/providers/Microsoft.CognitiveServices/"
        "accounts/speech\",\"category\":\"RequestResponse\"}\n"
        "{\"time\":\"" AT "\",\"resourceId\":\"/subscriptions/s/resourceGroups/r/providers/Microsoft.Web/sites/"
        "x\",\"category\":\"Audit\"}\n";
    struct frame *f = frame();
    const struct batch *b;

    OK(azure_decode_records(decoder, SV(lines), &c, f, NULL, &last) == ERR_OK);
    b = f->batches;
    OK(b && !b->next && b->n_calls == 2 && f->tally.received == 6);
    OK(f->tally.rejected[REASON_PUBLISHER] == 1 && f->tally.rejected[REASON_POLICY] == 3);
    OK(text_is(f, b->origin.resource, "AoAi") && text_is(f, b->origin.cloud_region, "Sweden Central") &&
       text_is(f, b->origin.jurisdiction, "se-test"));
    OK(text_is(f, b->calls[1].deployment, "grok") && b->calls[1].call_key && !b->calls[1].operation &&
       !b->calls[1].model);
    OK(b->calls[1].input_tokens == NONE && !b->calls[1].caller_principal);
}

static void two_pages_of_one_frame_share_their_batches(void)
{
    struct frame *f = frame();
    static const char line[] =
        "{\"time\":\"" AT "\",\"resourceId\":\"" ACCOUNT "\",\"category\":\"Audit\",\"operationName\":\"ListKey\"}";

    OK(azure_decode_records(decoder, SV(line), &context, f, NULL, &last) == ERR_OK);
    OK(azure_decode_records(decoder, SV(line), &context, f, NULL, &last) == ERR_OK);
    OK(f->batches && !f->batches->next && f->batches->n_audits == 2 &&
       f->batches->audits[0].key == f->batches->audits[1].key);
}

/* ---- Log Analytics ---- */

static enum err_code query_answer(const char *columns, const char *rows, struct frame **f)
{
    struct buf b;
    enum err_code code;
    size_t n;

    buf_init(&b, 0);
    buf_printf(&b, "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[%s],\"rows\":[%s]}]}", columns, rows);
    *f = frame();
    code = azure_decode_log(decoder, buf_sv(&b), &context, *f, &n, &last);
    buf_done(&b);
    return code;
}

#define COLUMNS4                                                                                                       \
    "{\"name\":\"TimeGenerated\"},{\"name\":\"Category\"},{\"name\":\"_ResourceId\"},{\"name\":\"AdditionalFields\"}"

static void keys_beyond_the_columns_are_found_in_additional_fields(void)
{
    struct frame *f;

    OK(query_answer(COLUMNS4,
                    "[\"" AT "\",\"RequestResponse\",\"" ACCOUNT
                    "\",\"{\\\"properties\\\":\\\"{\\\\\\\"modelName\\\\\\\":\\\\\\\"gpt-4.1\\\\\\\"}\\\","
                    "\\\"location\\\":\\\"westeurope\\\",\\\"odd\\\":1}\"]",
                    &f) == ERR_OK);
    OK(text_is(f, only_call(f)->model, "gpt-4.1") && text_is(f, f->batches->origin.cloud_region, "westeurope") &&
       only_call(f)->n_extra == 1);
    OK(query_answer(COLUMNS4,
                    "[\"" AT "\",\"RequestResponse\",\"" ACCOUNT "\",{\"properties\":{\"modelName\":\"gpt-4.1\"}}]",
                    &f) == ERR_OK);
    OK(text_is(f, only_call(f)->model, "gpt-4.1"));
}

static void a_bad_row_is_set_aside_alone(void)
{
    struct frame *f;

    OK(query_answer(COLUMNS4,
                    "[],[null,null,null,null],[\"x\",\"RequestResponse\",\"" ACCOUNT "\"],7,[\"" AT
                    "\",\"RequestResponse\",\"" ACCOUNT "\",null],"
                    "[\"" AT "\",\"RequestResponse\",\"" ACCOUNT "\",\"{\\\"properties\\\":\\\"{'a'\\\"}\"]",
                    &f) == ERR_OK);
    OK(f->tally.received == 6 && f->tally.quarantined[REASON_MALFORMED] == 5 && frame_records(f) == 1);
    OK(f->n_quarantined == 5 && sv_eq(f->quarantined[2].what, SV("row 3 of PrimaryResult")));
}

static void answers_that_are_none(void)
{
    static const char *const bodies[] = { "{}",     "[]",          "null", "{\"tables\":[]}", "{\"tables\":[{}]}",
                                          "<html>", "{\"tables\":" };
    struct frame *f;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        OK(azure_decode_log(decoder, sv_of(bodies[i]), &context, frame(), NULL, &last) == ERR_PARSE && last.text[0]);
    OK(azure_decode_log(decoder, SV(" \r\n"), &context, frame(), NULL, &last) == ERR_OK);
    OK(azure_decode_log(decoder, SV("{\"error\":{\"code\":\"BadArgumentError\",\"message\":\"m\"}}"), &context, frame(),
                        NULL, &last) == ERR_REFUSED);
    OK(query_answer("{\"name\":\"Category\"}", "", &f) == ERR_PARSE);
}

static void a_full_frame_is_a_limit(void)
{
    struct buf body;
    int halves = 0;

    buf_init(&body, 0);
    OK(buf_read_file(&body, "tests/data/azure/synthetic_loganalytics_azurediagnostics.json", 1 << 20, NULL) == ERR_OK);
    for (size_t limit = 2000; limit < 40000; limit += 500) {
        struct arena small;
        struct frame *f;
        enum err_code code;

        arena_init(&small, limit);
        f = frame_new(&small, SV("s"), SV("s"));
        code = f ? azure_decode_log(decoder, buf_sv(&body), &context, f, NULL, &last) : ERR_LIMIT;
        if (code != ERR_LIMIT && !(code == ERR_OK && frame_records(f) == 4))
            halves++;
        arena_done(&small);
    }
    OK(halves == 0 && sv_has(sv_of(last.text), SV("full")));
    buf_done(&body);
}

/* ---- Records ---- */

#define RECORD "{\"time\":\"" AT "\",\"resourceId\":\"" ACCOUNT "\",\"category\":\"RequestResponse\"}"

static void documents_come_in_every_wrapping(void)
{
    /* clang-format off */
    static const struct { const char *text; int received, bad; } rows[] = {
        { RECORD, 1, 0 },
        { "\xef\xbb\xbf" RECORD, 1, 0 },
        { "[" RECORD "," RECORD "]", 2, 0 },
        { RECORD RECORD, 2, 0 },
        { RECORD "\r\n" RECORD "\n\n", 2, 0 },
        { RECORD "," RECORD, 2, 0 },
        { "{\"records\":[]}", 0, 0 },
        { "{\"records\":[" RECORD "]}\n{\"records\":[" RECORD "," RECORD "]}", 3, 0 },
        { "", 0, 0 },
        { "\n \n", 0, 0 },
        { "nonsense", 1, 1 },
        { "nonsense\n" RECORD, 2, 1 },
        { RECORD "\n{'bad'}\n" RECORD, 3, 1 },
        { RECORD "\n{\"open\":\"\n" RECORD, 3, 1 },
        { RECORD "\n{\"half\":", 2, 1 },
        { "{\"records\":[" RECORD ",{'bad':1}," RECORD "]}", 3, 1 },
        { "{\"records\" : [\n" RECORD ",\n{\"x\":'it\"s'},\n" RECORD "]}", 5, 3 }, /* the odd quote: both ends of the wrapping are set aside too */
        { "{\"records\":[" RECORD ",nonsense," RECORD "]}", 2, 1 },
        { "{\"records\":[" RECORD "," RECORD, 2, 0 },
        { "{\"records\":[1,null,\"x\"," RECORD "]}", 4, 3 },
        { "[[" RECORD "]]", 1, 1 },
        { "{}", 1, 1 },
        { "{\"records\":{}}", 1, 1 },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct frame *f = frame();

        OK(azure_decode_records(decoder, sv_of(rows[i].text), &context, f, NULL, &last) == ERR_OK);
        if (!OK(f->tally.received == rows[i].received && f->tally.quarantined[REASON_MALFORMED] == rows[i].bad))
            printf("# row %zu: received %lld bad %lld\n", i, (long long)f->tally.received,
                   (long long)f->tally.quarantined[REASON_MALFORMED]);
        OK(frame_records(f) == (size_t)(rows[i].received - rows[i].bad));
    }
}

static void a_blob_is_read_in_any_pieces(void)
{
    static const char blob[] = "\xef\xbb\xbf" RECORD "\n" RECORD "\r\n{'bad'}\n" RECORD "\n";
    const size_t whole = sizeof blob - 1;
    int lost = 0;

    for (size_t cut = 0; cut <= whole; cut++) {
        struct frame *f = frame();
        size_t used = 0, more = 0;

        if (azure_decode_records(decoder, sv_make(blob, cut), &context, f, &used, &last) != ERR_OK || used > cut ||
            azure_decode_records(decoder, sv_make(blob + used, whole - used), &context, f, &more, &last) != ERR_OK ||
            used + more != whole || frame_records(f) != 3 || f->n_quarantined == 0)
            lost++;
    }
    OK(lost == 0 && whole > 100);
}

static void hostile_bytes_cost_no_more_than_their_length(void)
{
    enum { N = 200000 };
    static char open[2 * N];
    struct frame *f;

    for (size_t i = 0; i < N; i++)
        memcpy(open + 2 * i, "{\n", 2);
    f = frame();
    OK(azure_decode_records(decoder, sv_make(open, sizeof open), &context, f, NULL, &last) != ERR_PARSE);
    OK(f->tally.received > 0);
}

/* ---- Activity Log ---- */

static struct frame *events(const char *list, enum err_code want)
{
    struct frame *f = frame();
    struct buf b;

    buf_init(&b, 0);
    buf_printf(&b, "{\"value\":[%s],\"nextLink\":null}", list);
    OK(azure_decode_activity(decoder, buf_sv(&b), &context, f, &next_link, &last) == want);
    buf_done(&b);
    return f;
}

static void nulls_are_everywhere_in_the_activity_log(void)
{
    const struct frame *f = events("{\"eventDataId\":\"e-1\",\"eventTimestamp\":\"" AT
                                   "\",\"operationName\":null,\"status\":null,\"caller\":null,\"claims\":null,"
                                   "\"httpRequest\":null,\"authorization\":null,\"resourceId\":null,\"category\":{"
                                   "\"value\":null},\"properties\":null,"
                                   "\"subscriptionId\":\"00000000-0000-0000-0000-0000000000A1\"}",
                                   ERR_OK);
    const struct audit *a = f->batches ? f->batches->audits : NULL;

    OK(a && f->batches->n_audits == 1 && a->key && !a->action && !a->actor && text_is(f, a->outcome, "unknown"));
    OK(text_is(f, f->batches->origin.account, "00000000-0000-0000-0000-0000000000a1") && next_link.len == 0);
    f = events("{},7,null,{\"eventDataId\":\"e\"},{\"eventTimestamp\":\"" AT "\"}", ERR_OK);
    OK(f->tally.received == 5 && f->tally.quarantined[REASON_MALFORMED] == 5);
    OK(azure_decode_activity(decoder, SV("{\"code\":\"x\"}"), &context, frame(), &next_link, &last) == ERR_PARSE);
}

static void outcomes_follow_the_status(void)
{
    /* clang-format off */
    static const char *const rows[][2] = {
        { "Started", "started" }, { "Accepted", "started" }, { "In Progress", "started" }, { "Succeeded", "success" },
        { "Success", "success" }, { "Failed", "failure" }, { "Failure", "failure" }, { "Active", "unknown" }, { "", "unknown" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300];
        const struct frame *f;

        snprintf(text, sizeof text,
                 "{\"eventDataId\":\"e\",\"eventTimestamp\":\"" AT
                 "\",\"operationName\":{\"value\":\"Microsoft.CognitiveServices/accounts/"
                 "listKeys/action\"},\"status\":{\"value\":\"%s\"}}",
                 rows[i][0]);
        f = events(text, ERR_OK);
        OK(f->batches && text_is(f, f->batches->audits->outcome, rows[i][1]));
        OK(text_is(f, f->batches->audits->action, "microsoft.cognitiveservices/accounts/listkeys/action"));
    }
    OK(events("{\"eventDataId\":\"e\",\"eventTimestamp\":\"" AT
              "\",\"operationName\":{\"value\":\"Microsoft.Web/sites/write\"}}",
              ERR_OK)
           ->tally.rejected[REASON_POLICY] == 1);
}

/* ---- Requests ---- */

static void a_query_asks_by_arrival(void)
{
    struct json_parser *p = json_parser_new(0);
    const int64_t from = INT64_C(1795168800000000000), to = from + 5 * NANO_PER_MIN;
    struct buf b;
    json root;
    sv q;

    buf_init(&b, 0);
    azure_log_url(&b, SV("https://api.loganalytics.azure.com/"), SV("00000000-0000-0000-0000-00000000f201"));
    OK(sv_eq(buf_sv(&b),
             SV("https://api.loganalytics.azure.com/v1/workspaces/00000000-0000-0000-0000-00000000f201/query")));
    buf_clear(&b);
    azure_log_body(&b, from, to);
    OK(json_parse(p, buf_sv(&b), &root, &last) == ERR_OK);
    q = json_sv(json_get(root, SV("query")));
    OK(sv_has(q, SV("ingested > datetime(2026-11-20T10:00:00.0000000Z) and ingested <= "
                    "datetime(2026-11-20T10:05:00.0000000Z)")));
    OK(sv_has(q, SV("TimeGenerated > datetime(2026-11-18T10:00:00.0000000Z)")) &&
       sv_ends(q, SV("order by ingested asc")));
    OK(sv_has(q, SV("column_ifexists(\"properties_s\", \"\")")) && sv_has(q, SV("AzureOpenAIRequestUsage")));
    OK(sv_eq(json_sv(json_get(root, SV("timespan"))), SV("2026-11-18T10:00:00.0000000Z/2026-11-21T10:05:00.0000000Z")));
    buf_done(&b);
    json_parser_free(p);
}

static void the_activity_filter_is_literal_and_encoded(void)
{
    const int64_t from = INT64_C(1795168800000000000);
    struct buf b;

    buf_init(&b, 0);
    azure_activity_url(&b, SV("https://management.azure.com"), SV("s-1"), sv_of(azure_activity_providers[0]), from,
                       from + NANO_PER_MIN);
    OK(sv_eq(buf_sv(&b), SV("https://management.azure.com/subscriptions/s-1/providers/microsoft.insights/eventtypes/"
                            "management/values?api-version=2015-04-01"
                            "&$filter=eventTimestamp%20ge%20%272026-11-20T10%3A00%3A00.0000000Z%27%20and%"
                            "20eventTimestamp%20le%20%272026-11-20T10%3A01%3A00."
                            "0000000Z%27%20and%20resourceProvider%20eq%20%27Microsoft.CognitiveServices%27")));
    OK(azure_activity_providers[AZURE_ACTIVITY_PROVIDERS] == NULL &&
       azure_activity_providers[AZURE_ACTIVITY_PROVIDERS - 1]);
    buf_done(&b);
}

static void links_lead_to_the_configured_host_only(void)
{
    const sv arm = SV("https://management.azure.com");

    OK(azure_same_origin(SV("https://management.azure.com/x?y=1"), arm) &&
       azure_same_origin(SV("https://Management.Azure.com:443/x"), arm));
    OK(!azure_same_origin(SV("http://management.azure.com/x"), arm) &&
       !azure_same_origin(SV("https://management.azure.com.evil.org/"), arm));
    OK(!azure_same_origin(SV("https://evil.org/?https://management.azure.com"), arm) &&
       !azure_same_origin(SV(""), arm));
    OK(!azure_same_origin(SV("https://management.azure.com@evil.org/"), arm) &&
       !azure_same_origin(SV("https://management.azure.com:8443/"), arm));
}

static void operations_have_one_name(void)
{
    /* clang-format off */
    static const struct { const char *raw, *want; bool inference; } rows[] = {
        { "ChatCompletions_Create", "chat", true }, { "CHATCOMPLETIONS_CREATE", "chat", true }, { "create_response", "chat", true },
        { "Completions_Create", "text_completion", true }, { "Embeddings_Create", "embeddings", true },
        { "ImageGenerations_Create", "image.generation", true }, { "AudioTranscriptions_Create", "audio.transcription", true },
        { "AudioSpeech_Create", "audio.speech", true }, { "Rerank_Create", "rerank_create", true },
        { "Models_List", "models_list", false }, { "Deployments_List", "deployments_list", false }, { "Files_Upload", "files_upload", false },
        { "Create_Thread", "create_thread", false }, { "ListKey", "listkey", false }, { "Projects_Wildcard_Get", "projects_wildcard_get", false },
        { "Assistants_List", "assistants_list", false }, { "", "", false },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sv got = SV_NONE;

        arena_reset(&memory);
        OK(azure_operation(sv_of(rows[i].raw), &got, &memory) == rows[i].inference && sv_eq(got, sv_of(rows[i].want)));
    }
    OK(sv_eq(azure_api_type(SV("create_response")), SV("responses")) && azure_api_type(SV("x")).len == 0);
}

/* ---- What the references bring, where they are at hand ---- */

static void recorded_files_of_other_services_are_rejected(void)
{
    static const char root[] = "../shared/samples/azure";
    struct buf b;
    struct frame *f;

    buf_init(&b, 0);
    if (buf_read_file(&b, "../shared/samples/azure/eventhub_records_other_service.json", 1 << 20, NULL)) {
        printf("# %s is not here\n", root);
        buf_done(&b);
        return;
    }
    f = frame();
    OK(decode_records(buf_sv(&b), f, &last) == ERR_OK && f->tally.received > 0 &&
       f->tally.rejected[REASON_POLICY] == f->tally.received);
    buf_clear(&b);
    f = frame();
    OK(buf_read_file(&b, "../shared/samples/azure/storage_pt1h_other_service.jsonl", 1 << 20, NULL) == ERR_OK);
    OK(decode_records(buf_sv(&b), f, &last) == ERR_OK && f->tally.rejected[REASON_POLICY] == 1 &&
       f->tally.received == 1);
    buf_clear(&b);
    OK(buf_read_file(&b, "../shared/samples/azure/loganalytics_query_numbers_as_strings.json", 1 << 20, NULL) ==
       ERR_OK);
    OK(decode_log(buf_sv(&b), frame(), &last) == ERR_PARSE &&
       sv_eq(azure_detect(buf_sv(&b)), SV("azure-loganalytics")));
    buf_clear(&b);
    OK(buf_read_file(&b, "../shared/samples/azure/loganalytics_error_400_syntax.json", 1 << 20, NULL) == ERR_OK);
    OK(decode_log(buf_sv(&b), frame(), &last) == ERR_REFUSED);
    buf_done(&b);
}

int main(void)
{
    decoder = azure_decoder_new();
    arena_init(&memory, 0);
    RUN(every_file_gives_what_is_expected);
    RUN(both_clocks_are_read_when_plausible);
    RUN(token_counts_come_in_every_form);
    RUN(an_envelope_row_knows_no_model_and_management_no_operation);
    RUN(a_row_has_one_key_whatever_form_it_takes);
    RUN(a_row_has_one_key_through_every_door);
    RUN(an_unknown_field_keeps_its_shape_and_not_its_text);
    RUN(the_inventory_names_rejects_and_leaves_stubs);
    RUN(two_pages_of_one_frame_share_their_batches);
    RUN(keys_beyond_the_columns_are_found_in_additional_fields);
    RUN(a_bad_row_is_set_aside_alone);
    RUN(answers_that_are_none);
    RUN(a_full_frame_is_a_limit);
    RUN(documents_come_in_every_wrapping);
    RUN(a_blob_is_read_in_any_pieces);
    RUN(hostile_bytes_cost_no_more_than_their_length);
    RUN(nulls_are_everywhere_in_the_activity_log);
    RUN(outcomes_follow_the_status);
    RUN(a_query_asks_by_arrival);
    RUN(the_activity_filter_is_literal_and_encoded);
    RUN(links_lead_to_the_configured_host_only);
    RUN(operations_have_one_name);
    RUN(recorded_files_of_other_services_are_rejected);
    azure_decoder_free(decoder);
    arena_done(&memory);
    return tap_done();
}
