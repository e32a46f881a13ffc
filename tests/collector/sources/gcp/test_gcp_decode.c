/*
 * Pages of time series and of log entries against composed answers: tests/data/gcp/FILE.json with a FILE.expected beside it.
 * What the samples hold of real answers lies outside the repository and is decoded when it is there.
 */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp.h"

#include "tests/collector/sources/dump.h"
#include "tests/tap.h"

#define DATA    "tests/data/gcp/"
#define SAMPLES "../shared/samples/gcp/"
#define SEEN    INT64_C(1795470000000000000)

static struct json_parser *parser;
static struct arena arena;
static const struct gcp_context context = { .source = { "test", 4 },
                                            .project = { "p0", 2 },
                                            .observed_unix_nano = SEEN };

static bool read_file(struct buf *b, const char *path)
{
    buf_init(b, 0);
    return buf_read_file(b, path, 4 << 20, NULL) == ERR_OK;
}

static struct frame *frame(void)
{
    arena_reset(&arena);
    return frame_new(&arena, SV("test"), SV("project:p0"));
}

static bool adds_up(const struct frame *f)
{
    int64_t n = (int64_t)(frame_records(f) + f->n_quarantined) + f->tally.duplicate;

    for (int r = 0; r < REASONS; r++)
        n += f->tally.rejected[r];
    return n == f->tally.received;
}

static enum err_code decode(sv text, const struct gcp_context *c, struct frame *f, sv *next, struct err *e)
{
    json root = { 0 };
    struct gcp_answer a;
    enum err_code code;

    OK(json_parse(parser, text, &root, e) == ERR_OK);
    if (!json_is_absent(json_get(root, SV("entries"))))
        return gcp_decode_entries(root, c, f, next, e);
    gcp_answer_init(&a, c);
    code = gcp_decode_time_series(root, &a, f, next, e);
    gcp_answer_done(&a);
    return code;
}

static void expect(const char *name, const char *want_next)
{
    struct frame *f = frame();
    struct err e = { 0 };
    char path[256];
    struct buf text, out;
    sv next = SV_NONE;

    snprintf(path, sizeof path, DATA "%s.json", name);
    buf_init(&out, 0);
    OK(read_file(&text, path));
    OK(decode(buf_sv(&text), &context, f, &next, &e) == ERR_OK);
    dump_frame(&out, f);
    snprintf(path, sizeof path, DATA "%s.expected", name);
    OK(dump_matches(&out, path));
    OK(sv_eq(next, sv_of(want_next)) && adds_up(f));
    buf_done(&text);
    buf_done(&out);
}

static void each_answer_gives_what_stands_beside_it(void)
{
    expect("synthetic_timeSeries_openai_invocation_count", "SYNTHETIC-PAGE-TOKEN");
    expect("synthetic_timeSeries_openai_token_count", "");
    expect("synthetic_timeSeries_openai_invocation_latencies", "");
    expect("synthetic_timeSeries_empty", "");
    expect("synthetic_timeSeries_odd", "page-2");
    expect("synthetic_entries_list_empty_with_token", "SYNTHETIC-PAGE-TOKEN");
    expect("synthetic_entries_odd", "");
}

/* Of two figures of one minute the greater counts, and the other is a duplicate. */
static void a_point_that_comes_again_counts_once(void)
{
    struct frame *f = frame();
    struct buf text;
    sv next;

    OK(read_file(&text, DATA "synthetic_timeSeries_odd.json"));
    OK(decode(buf_sv(&text), &context, f, &next, NULL) == ERR_OK);
    OK(f->tally.duplicate == 1 && f->batches->measures[0].value == 9 && f->batches->measures[1].value == 0);
    buf_done(&text);
}

static void an_answer_that_is_incomplete_is_none(void)
{
    struct err e = { 0 };
    sv next;

    OK(decode(SV("{\"executionErrors\":[{\"code\":14,\"message\":\"half of it\"}],\"timeSeries\":[]}"), &context,
              frame(), &next, &e) == ERR_RETRY &&
       sv_has(sv_of(e.text), SV("half of it")));
    OK(decode(SV("{\"executionErrors\":[]}"), &context, frame(), &next, &e) == ERR_OK && next.len == 0);
    OK(decode(SV("[]"), &context, frame(), &next, &e) == ERR_PARSE);
}

static void what_lies_outside_of_the_window_or_is_anothers_is_rejected(void)
{
    static const char *const ours[] = { "gpt-oss" };
    static const char *const nobody[] = { "vicuna" };
    const struct string_list patterns = { (const char **)(uintptr_t)ours, 1 },
                             none = { (const char **)(uintptr_t)nobody, 1 };
    struct gcp_context c = context;
    struct frame *f = frame();
    struct buf text;
    sv next;

    OK(read_file(&text, DATA "synthetic_timeSeries_odd.json"));
    c.endpoint_models = &patterns;
    c.from_unix_nano = INT64_C(1795469400000000000) + 600 * NANO_PER_S; /* 21:20 */
    c.to_unix_nano = c.from_unix_nano + NANO_PER_MIN;
    OK(decode(buf_sv(&text), &c, f, &next, NULL) == ERR_OK && adds_up(f));
    OK(f->tally.rejected[REASON_OUT_OF_RANGE] > 0 && f->tally.rejected[REASON_PUBLISHER] == 0);
    c.endpoint_models = &none;
    f = frame();
    OK(decode(buf_sv(&text), &c, f, &next, NULL) == ERR_OK && adds_up(f));
    OK(f->tally.rejected[REASON_PUBLISHER] == 1);
    buf_done(&text);
}

static void real_answers_are_understood(void)
{
    static const char *const names[] = { "timeSeries_list_delta_double_raw", "timeSeries_list_distribution_explicit",
                                         "timeSeries_list_distribution_exponential", "timeSeries_list_gauge_aligned" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct frame *f = frame();
        char path[256];
        struct buf text;
        sv next;

        snprintf(path, sizeof path, SAMPLES "%s.json", names[i]);
        if (!read_file(&text, path)) {
            OK(true);
            printf("# no samples here\n");
            continue;
        }
        /* Other services' metrics: received and rejected, every point. */
        OK(decode(buf_sv(&text), &context, f, &next, NULL) == ERR_OK && adds_up(f) && f->tally.received > 0);
        OK(f->tally.rejected[REASON_NOT_INFERENCE] == f->tally.received);
        buf_done(&text);
    }
}

static void normalize_reads_each_format(void)
{
    static const struct {
        const char *path, *format;
        size_t records;
    } rows[] = {
        { DATA "synthetic_timeSeries_openai_invocation_count.json", "gcp-timeseries", 4 },
        { DATA "synthetic_entries_odd.json", "gcp-logs", 7 },
        { DATA "synthetic_pubsub_push_logentry.json", "gcp-pubsub", 1 },
        { DATA "synthetic_pubsub_pull_response.json", "gcp-pubsub", 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct frame *f = frame();
        struct err e = { 0 };
        struct buf text;

        OK(read_file(&text, rows[i].path));
        OK(sv_eq(gcp_detect(buf_sv(&text)), sv_of(rows[i].format)));
        OK(gcp_normalize(sv_of(rows[i].format), buf_sv(&text), f, &e) == ERR_OK && adds_up(f));
        if (!OK(frame_records(f) == rows[i].records))
            printf("# %s: %zu records\n", rows[i].path, frame_records(f));
        buf_done(&text);
    }
}

int main(void)
{
    arena_init(&arena, 0);
    parser = json_parser_new(0);
    RUN(each_answer_gives_what_stands_beside_it);
    RUN(a_point_that_comes_again_counts_once);
    RUN(an_answer_that_is_incomplete_is_none);
    RUN(what_lies_outside_of_the_window_or_is_anothers_is_rejected);
    RUN(real_answers_are_understood);
    RUN(normalize_reads_each_format);
    json_parser_free(parser);
    arena_done(&arena);
    return tap_done();
}
