/* From AWS's bytes through the mapping to counters: what the two logs count, what they do not, and that a record counts once
 * whichever doors it comes through. */
#include "collector/ledger/ledger.h"
#include "collector/sources/aws/aws_log.h"

#include "tests/tap.h"

#define SEEN INT64_C(1790000400000000000) /* after all events of the files */

static struct arena memory;
static struct ledger *l;
static struct aws_decoder *decoder;

static const struct aws_log_context context = { .source = { "aws", 3 }, .observed_unix_nano = SEEN };

static struct frame *frame(void)
{
    struct frame *f;

    arena_reset(&memory);
    f = frame_new(&memory, SV("aws"), SV("scope"));
    *frame_add_window(f) = (struct window){ .source = SV("aws"),
                                            .scope = SV("scope"),
                                            .group = SV("calls"),
                                            .from_unix_nano = SEEN - INT64_C(3600000000000),
                                            .to_unix_nano = SEEN,
                                            .read_at_unix_nano = SEEN };
    return f;
}

static void begin(void)
{
    struct frame *f = frame();

    ledger_free(l);
    l = ledger_new(NULL);
    *frame_add_epoch(f) = (struct epoch){
        .kind = EPOCH_MAPPING, .hash = 1, .rules = (struct rule *)(uintptr_t)aws_rules, .n_rules = AWS_RULES
    };
    ledger_fold(l, f);
}

static void fold_file(const char *path)
{
    struct frame *f = frame();
    struct err e = { 0 };
    struct buf bytes;

    buf_init(&bytes, 0);
    OK(buf_read_file(&bytes, path, 1 << 20, &e) == ERR_OK);
    OK(aws_decode_records(decoder, buf_sv(&bytes), &context, f, &e) == ERR_OK);
    ledger_fold(l, f);
    buf_done(&bytes);
}

/* Value of the first cell, or for histograms the number of observations; -1: no such series. */
static int64_t value_of(const struct series_view *v)
{
    int64_t sum = 0;

    if (families[v->family].type != FAMILY_HISTOGRAM)
        return v->value[0];
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
        sum += v->value[i];
    return sum;
}

/* Sum over the series of a family whose `label` has this value, and how many they are. */
static int64_t sum_of(const char *family, enum label label, const char *value, int *n)
{
    static const char *labels[LABELS];
    struct series_view v;
    int64_t sum = 0;

    *n = 0;
    for (size_t i = 0; i < ledger_series_count(l); i++) {
        ledger_series(l, i, &v, labels);
        if (v.family == family_find(sv_of(family)) && sv_eq(sv_of(labels[label]), sv_of(value))) {
            sum += value_of(&v);
            ++*n;
        }
    }
    return sum;
}

struct expected {
    const char *family;
    enum label label;
    const char *value;
    int64_t sum;
    int n;
};

static void compare(const struct expected *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        int n;
        int64_t sum = sum_of(rows[i].family, rows[i].label, rows[i].value, &n);

        if (!OK(sum == rows[i].sum && n == rows[i].n))
            printf("# %s %s=%s: %lld in %d series\n", rows[i].family, label_name(rows[i].label), rows[i].value,
                   (long long)sum, n);
    }
}

static void invocation_records_count_calls_tokens_and_where_they_were_served(void)
{
    /* clang-format off */
    static const struct expected rows[] = {
        { "genai_logged_calls_total",          LABEL_PLATFORM,      "bedrock",       6, 5 },
        { "genai_logged_calls_total",          LABEL_OPERATION,     "chat",          3, 3 },
        { "genai_logged_calls_total",          LABEL_OUTCOME,       "throttled",     1, 1 },
        { "genai_logged_calls_total",          LABEL_DEPLOYMENT,    "us.openai.gpt-6-sol", 2, 2 },
        { "genai_logged_tokens_total",         LABEL_DIRECTION,     "input",         75 + 70 + 96816 + 75 + 98000, 3 },
        { "genai_logged_tokens_total",         LABEL_DIRECTION,     "output",        12 + 4 + 3 + 2 + 1800, 3 },
        { "genai_logged_token_parts_total",    LABEL_PART,          "cache_read",    95500, 1 },
        { "genai_logged_token_parts_total",    LABEL_PART,          "cache_write",   1314, 1 },
        { "genai_served_calls_total",          LABEL_SERVED_REGION, "us-east-1",     5, 3 },
        { "genai_served_calls_total",          LABEL_SERVED_REGION, "us-west-2",     1, 1 },
        { "genai_served_calls_total",          LABEL_SERVED_JURISDICTION, "us",      6, 4 },
        { "genai_time_to_first_token_seconds", LABEL_PLATFORM,      "bedrock",       1, 1 },
        { "genai_request_duration_seconds",    LABEL_PLATFORM,      "bedrock",       0, 0 },
        { "genai_requests_total",              LABEL_PLATFORM,      "bedrock",       0, 0 },
    };
    /* clang-format on */

    begin();
    fold_file("tests/data/aws/bedrock/model-invocation-log.ndjson");
    compare(rows, sizeof rows / sizeof *rows);
    fold_file("tests/data/aws/logs/filter-log-events.response.page1.json");
    fold_file("tests/data/aws/logs/filter-log-events.response.last.json");
    compare(rows, sizeof rows / sizeof *rows);
}

static void of_cloudtrail_only_mantle_calls_and_writes_count(void)
{
    /* clang-format off */
    static const struct expected rows[] = {
        { "genai_logged_calls_total", LABEL_PLATFORM,  "bedrock",        0, 0 },
        { "genai_logged_calls_total", LABEL_PLATFORM,  "bedrock_mantle", 1, 1 },
        { "genai_logged_calls_total", LABEL_RESOURCE,  "proj_example1",  1, 1 },
        { "genai_logged_calls_total", LABEL_OPERATION, "",               1, 1 },
        { "genai_audit_events_total", LABEL_ACTION,    "bedrock:deletemodelinvocationloggingconfiguration", 1, 1 },
        { "genai_audit_events_total", LABEL_OUTCOME,   "failure",        1, 1 },
        { "genai_audit_events_total", LABEL_ACCOUNT,   "111122223333",   2, 2 },
    };
    /* clang-format on */

    begin();
    fold_file("tests/data/aws/bedrock/cloudtrail-events.json");
    fold_file("tests/data/discovery/aws_cloudtrail_lookup_events_page.json");
    fold_file("tests/data/aws/bedrock/cloudtrail-events.json");
    fold_file("tests/data/discovery/aws_cloudtrail_lookup_events_page.json");
    compare(rows, sizeof rows / sizeof *rows);
}

int main(void)
{
    decoder = aws_decoder_new();
    arena_init(&memory, 0);
    RUN(invocation_records_count_calls_tokens_and_where_they_were_served);
    RUN(of_cloudtrail_only_mantle_calls_and_writes_count);
    ledger_free(l);
    arena_done(&memory);
    aws_decoder_free(decoder);
    return tap_done();
}
