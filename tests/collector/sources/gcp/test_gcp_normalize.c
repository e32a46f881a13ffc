/* `normalize`: each form that files and messages have, what is recognized as what, and bytes that are nothing. */
#include "collector/sources/gcp/gcp.h"

#include "tests/tap.h"

static struct arena arena;
static struct err e;

static struct frame *normalize(const char *format, const char *text)
{
    struct frame *f;

    arena_reset(&arena);
    f = frame_new(&arena, SV("test"), SV("file"));
    OK(gcp_normalize(sv_of(format), sv_of(text), f, &e) == ERR_OK);
    return f;
}

#define ENTRY(id)                                                                                                      \
    "{\"logName\":\"projects/p/logs/cloudaudit.googleapis.com%2Fdata_access\",\"timestamp\":\"2026-11-23T21:10:00Z\"," \
    "\"insertId\":\"" id "\",\"protoPayload\":{\"serviceName\":\"aiplatform.googleapis.com\",\"methodName\":"          \
    "\"google.cloud.aiplatform.v1.PredictionService.ChatCompletions\"}}"
#define SERIES                                                                                                         \
    "{\"metric\":{\"type\":\"aiplatform.googleapis.com/publisher/online_serving/token_count\",\"labels\":{\"type\":"   \
    "\"input\"}},\"resource\":{\"labels\":{\"project_id\":\"p\"}},\"points\":[{\"interval\":{\"endTime\":"             \
    "\"2026-11-23T21:20:00Z\"},\"value\":{\"int64Value\":\"1\"}}]}"

/* {"logName":"projects/p/logs/cloudaudit.googleapis.com/data_access","timestamp":"2026-11-23T21:10:00Z","insertId":"?",
 * "protoPayload":{"serviceName":"aiplatform.googleapis.com","methodName":"x.PredictionService.Predict>>>"}} */
#define DATA                                                                                                           \
    "eyJsb2dOYW1lIjoicHJvamVjdHMvcC9sb2dzL2Nsb3VkYXVkaXQuZ29vZ2xlYXBpcy5jb20vZGF0YV9hY2Nlc3MiLCJ0aW1lc3RhbXAiOiIyMD"   \
    "I2LTExLTIzVDIxOjEwOjAwWiIsImluc2VydElkIjoiPyIsInByb3RvUGF5bG9hZCI6eyJzZXJ2aWNlTmFtZSI6ImFpcGxhdGZvcm0uZ29vZ2xl"   \
    "YXBpcy5jb20iLCJtZXRob2ROYW1lIjoieC5QcmVkaWN0aW9uU2VydmljZS5QcmVkaWN0Pj4%sIn19IA%s"

static void entries_come_in_pages_alone_and_in_lines(void)
{
    OK(frame_records(normalize("gcp-logs", ENTRY("a"))) == 1);
    OK(frame_records(normalize("gcp-logs", ENTRY("a") "\n" ENTRY("b") "\n")) == 2);
    OK(frame_records(normalize("gcp-logs", "[" ENTRY("a") "," ENTRY("b") "]")) == 2);
    OK(frame_records(normalize("gcp-logs", "{\"entries\":[" ENTRY("a") "," ENTRY("b") "],\"nextPageToken\":\"x\"}")) ==
       2);
    OK(frame_records(normalize("gcp-logs", "{\"entries\":[],\"nextPageToken\":\"x\"}")) == 0);
}

static void series_come_in_pages_and_alone(void)
{
    struct frame *f = normalize("gcp-timeseries", SERIES);

    OK(frame_records(f) == 1 && sv_eq(batch_sv(f->batches, f->batches->origin.account), SV("p")));
    OK(frame_records(normalize("gcp-timeseries", "[" SERIES "," SERIES "]")) == 1);
    OK(frame_records(normalize("gcp-timeseries", "{\"timeSeries\":[" SERIES "]}\n{\"unit\":\"1\"}")) == 1);
}

static void a_page_that_is_none_spoils_no_other(void)
{
    struct frame *f = normalize("gcp-timeseries", "{\"executionErrors\":[{\"code\":14}],\"timeSeries\":[" SERIES "]}\n"
                                                  "[7]\n{\"timeSeries\":[" SERIES "]}\n{broken\n");

    OK(frame_records(f) == 1 && f->n_quarantined == 3 && f->tally.received == 4);
    f = normalize("gcp-logs", "7\n" ENTRY("a") "\n[\"x\"]");
    OK(frame_records(f) == 1 && f->n_quarantined == 2 && f->tally.received == 3);
}

static struct frame *message(const char *middle, const char *padding)
{
    char body[1024];
    int n = snprintf(body, sizeof body, "{\"message\":{\"data\":\"" DATA "\",\"message_id\":\"1\"}}", middle, padding);

    OK(n > 0 && n < (int)sizeof body && sv_eq(gcp_detect(sv_of(body)), SV("gcp-pubsub")));
    return normalize("gcp-pubsub", body);
}

static void messages_carry_either_alphabet_padded_or_not(void)
{
    OK(frame_records(message("+", "==")) == 1);
    OK(frame_records(message("-", "==")) == 1);
    OK(frame_records(message("-", "")) == 1);
    OK(message("-", "===")->n_quarantined == 1);
    OK(message("*", "==")->n_quarantined == 1);
    OK(frame_records(normalize("gcp-pubsub", "{\"message\":{\"data\":\"e30\"}}")) == 0);
    OK(normalize("gcp-pubsub", "{\"message\":{\"data\":\"e30\"}}")->n_quarantined == 1); /* {} is no entry */
    OK(sv_eq(normalize("gcp-pubsub", "{\"message\":{\"data\":\"e30=\"}}")->quarantined[0].what, SV("log entry")));
}

static void messages_that_hold_no_entry_are_kept_as_they_came(void)
{
    struct frame *f = normalize("gcp-pubsub", "{\"message\":{\"data\":\"SGVsbG8=\"},\"subscription\":\"s\"}");

    OK(f->n_quarantined == 1 && sv_eq(f->quarantined[0].bytes, SV("Hello")));
    f = normalize("gcp-pubsub", "{\"message\":{\"data\":\"!!!!\"},\"subscription\":\"s\"}");
    OK(f->n_quarantined == 1 && sv_eq(f->quarantined[0].bytes, SV("!!!!")));
    f = normalize("gcp-pubsub", "{\"message\":{\"attributes\":{\"a\":\"b\"}},\"subscription\":\"s\"}");
    OK(f->n_quarantined == 1 && f->tally.received == 1);
    f = normalize("gcp-pubsub", "{\"receivedMessages\":[{\"ackId\":\"1\"},{\"message\":{\"data\":\"e30=\"}}]}");
    OK(f->n_quarantined == 2 && f->tally.received == 2);
    OK(normalize("gcp-pubsub", "{}")->n_quarantined == 1);
}

/* No other source takes Google's bytes for its own, nor Google another's. */
static void each_form_is_recognized_by_one_source(void)
{
    static const struct {
        const char *text, *format;
    } rows[] = {
        { SERIES, "gcp-timeseries" },
        { "{\"timeSeries\":[" SERIES "]}", "gcp-timeseries" },
        { ENTRY("a"), "gcp-logs" },
        { "{\"entries\":[" ENTRY("a") "]}", "gcp-logs" },
        { "{\"message\":{\"data\":\"e30=\",\"messageId\":\"1\",\"message_id\":\"1\"},\"subscription\":\"s\"}",
          "gcp-pubsub" },
        { "{\"receivedMessages\":[{\"ackId\":\"x\",\"message\":{\"data\":\"e30=\"}}]}", "gcp-pubsub" },
        { "{\"records\":[]}", NULL },
        { "{\"message\":{\"content\":\"hello\"}}", NULL },
        { "", NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        OK(sv_eq(gcp_detect(sv_of(rows[i].text)), sv_of(rows[i].format)));
        for (size_t s = 0; source_registry[s] && rows[i].format; s++)
            if (!sv_eq(sv_of(source_registry[s]->name), SV("gcp")))
                OK(source_registry[s]->detect(sv_of(rows[i].text)).len == 0);
    }
}

int main(void)
{
    arena_init(&arena, 0);
    RUN(entries_come_in_pages_alone_and_in_lines);
    RUN(series_come_in_pages_and_alone);
    RUN(a_page_that_is_none_spoils_no_other);
    RUN(messages_carry_either_alphabet_padded_or_not);
    RUN(messages_that_hold_no_entry_are_kept_as_they_came);
    RUN(each_form_is_recognized_by_one_source);
    arena_done(&arena);
    return tap_done();
}
