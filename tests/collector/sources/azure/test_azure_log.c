/*
 * Log decoders against recorded and composed answers: each file of the table has a STEM.expected beside it with the
 * records as JSON lines, then tally and quarantine. With EXPECT=write in the environment the files are written instead
 * of compared.
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

    if (getenv("EXPECT") && strcmp(getenv("EXPECT"), "write") == 0) {
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

int main(void)
{
    decoder = azure_decoder_new();
    arena_init(&memory, 0);
    RUN(every_file_gives_what_is_expected);
    azure_decoder_free(decoder);
    arena_done(&memory);
    return tap_done();
}
