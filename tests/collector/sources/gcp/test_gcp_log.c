/* Log entries: what is one row, what is one call, and whose words are kept. */
#include "collector/sources/gcp/gcp.h"

#include "tests/tap.h"

static struct json_parser *parser;
static struct arena arena;
static const struct gcp_context context = { .source = { "test", 4 }, .project = { "p0", 2 }, .observed_unix_nano = 1 };

static struct frame *read_odd(void)
{
    struct frame *f;
    struct buf text;
    json root = { 0 };
    sv next;

    arena_reset(&arena);
    f = frame_new(&arena, SV("test"), SV("project:p0"));
    buf_init(&text, 0);
    OK(buf_read_file(&text, "tests/data/gcp/synthetic_entries_odd.json", 1 << 20, NULL) == ERR_OK);
    OK(json_parse(parser, buf_sv(&text), &root, NULL) == ERR_OK);
    OK(gcp_decode_entries(root, &context, f, &next, NULL) == ERR_OK);
    buf_done(&text);
    return f;
}

static const struct call *call_of(const struct frame *f, const char *log, size_t n)
{
    for (const struct batch *b = f->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_calls; i++)
            if (sv_eq(batch_sv(b, b->calls[i].log), sv_of(log)) && n-- == 0)
                return &b->calls[i];
    return NULL;
}

static void a_streamed_call_is_its_last_entry(void)
{
    struct frame *f = read_odd();
    const struct call *first = call_of(f, "DataAccess.first", 0), *last = call_of(f, "DataAccess", 0);

    OK(first && last && first->call_key == last->call_key && first->key != last->key);
    OK(first && first->outcome == OUTCOME_SUCCESS && last && last->outcome == OUTCOME_THROTTLED);
    OK(last && sv_eq(batch_sv(f->batches, last->error_type), SV("RESOURCE_EXHAUSTED")) && last->http_status == 429);
    OK(last && sv_eq(last->trace_id, SV("0123456789abcdef0123456789abcdef")));
    OK(last && sv_eq(batch_sv(f->batches, last->caller_principal), SV("principal://iam.googleapis.com/x")));
    OK(call_of(f, "DataAccess.console", 0) && !call_of(f, "DataAccess.console", 1));
}

static void a_model_is_known_where_the_path_names_it(void)
{
    struct frame *f = read_odd();
    const struct batch *global = f->batches->next, *endpoint = global->next;

    OK(f->batches->calls[0].model == 0 && sv_eq(batch_sv(f->batches, f->batches->calls[0].operation), SV("chat")));
    OK(sv_eq(batch_sv(global, global->calls[0].model), SV("gpt-oss-120b")));
    OK(sv_eq(batch_sv(global, global->calls[0].operation), SV("rawpredict")));
    OK(sv_eq(batch_sv(endpoint, endpoint->origin.resource), SV("4242")) && endpoint->calls[0].model == 0);
}

/* The same bytes have the same keys whatever door they come through, and rows differ by their insertId. */
static void an_entry_is_itself_by_log_time_and_insert_id(void)
{
    struct frame *f = read_odd();
    uint64_t keys[8];
    size_t n = 0;

    for (const struct batch *b = f->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_calls; i++)
            keys[n++] = b->calls[i].key;
    OK(n == 5);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            OK(keys[i] != keys[k]);
    f = read_odd();
    OK(f->batches->calls[0].key == keys[0]);
}

static void nobodys_words_are_kept(void)
{
    struct frame *f = read_odd();
    bool shape = false, service = false;

    for (const struct batch *b = f->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_calls; i++)
            for (size_t k = 0; k < b->calls[i].n_extra; k++) {
                sv value = b->calls[i].extra[k].value;

                OK(!sv_has(value, SV("words")) && !sv_has(value, SV("Quota exceeded")) && !sv_has(value, SV("203.0")));
                shape = shape || sv_eq(value, SV("string 16"));
                service = service || sv_eq(value, SV("aiplatform.googleapis.com"));
            }
    OK(shape && service);
}

/* ---- Small entries ---- */

#define AT "2026-11-23T21:20:01.5Z"
#define CALL                                                                                                           \
    "\"serviceName\":\"aiplatform.googleapis.com\",\"methodName\":\"google.cloud.aiplatform.v1.PredictionService."

static struct frame *entry(const char *log, const char *at, const char *payload)
{
    struct frame *f;
    json root = { 0 };
    sv text;

    arena_reset(&arena);
    f = frame_new(&arena, SV("test"), SV("project:p0"));
    text = arena_printf(&arena, "{\"logName\":\"%s\",\"timestamp\":\"%s\",\"insertId\":\"i\",\"protoPayload\":{%s}}",
                        log, at, payload);
    OK(json_parse(parser, text, &root, NULL) == ERR_OK && gcp_decode_entry(root, &context, f, NULL) == ERR_OK);
    OK((size_t)f->tally.received ==
       frame_records(f) + f->n_quarantined + (size_t)f->tally.rejected[REASON_NOT_INFERENCE]);
    return f;
}

static const struct call *call(const char *payload)
{
    static const struct call none;
    struct frame *f = entry("projects/p1/logs/cloudaudit.googleapis.com%2Fdata_access", AT, payload);

    return f->batches && f->batches->n_calls ? f->batches->calls : &none;
}

static void only_the_two_audit_logs_are_read(void)
{
    static const struct {
        const char *log;
        size_t records;
        const char *account;
    } rows[] = {
        { "projects/p1/logs/cloudaudit.googleapis.com%2Fdata_access", 1, "p1" },
        { "projects/p1/logs/cloudaudit.googleapis.com/data_access", 1, "p1" },
        { "folders/42/logs/cloudaudit.googleapis.com%2fdata_access", 1, "p0" },
        { "projects/p1/logs/cloudaudit.googleapis.com%2Fsystem_event", 0, "" },
        { "projects/p1/logs/mine%2Fdata_access", 0, "" },
        { "projects/p1/logs/cloudaudit.googleapis.comdata_access", 0, "" },
        { "cloudaudit.googleapis.com%2Fdata_access", 0, "" },
        { "", 0, "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct frame *f = entry(rows[i].log, AT, CALL "ChatCompletions\"");

        OK(frame_records(f) == rows[i].records && f->n_quarantined == 0);
        OK(!f->batches || sv_eq(batch_sv(f->batches, f->batches->origin.account), sv_of(rows[i].account)));
    }
}

static void a_code_says_how_it_ended(void)
{
    static const struct {
        const char *status, *name;
        int64_t http;
        enum outcome outcome;
    } rows[] = {
        { "{}", "", 200, OUTCOME_SUCCESS },
        { "{\"code\":0}", "", 200, OUTCOME_SUCCESS },
        { "{\"code\":\"8\"}", "RESOURCE_EXHAUSTED", 429, OUTCOME_THROTTLED },
        { "{\"code\":7}", "PERMISSION_DENIED", 403, OUTCOME_CLIENT_ERROR },
        { "{\"code\":14}", "UNAVAILABLE", 503, OUTCOME_SERVER_ERROR },
        { "{\"code\":99}", "99", NONE, OUTCOME_UNKNOWN },
        { "{\"code\":-1}", "-1", NONE, OUTCOME_UNKNOWN },
        { "\"failed\"", "", 200, OUTCOME_SUCCESS },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char payload[256];
        struct frame *f;
        const struct call *c;

        snprintf(payload, sizeof payload, CALL "Embeddings\",\"status\":%s", rows[i].status);
        f = entry("projects/p1/logs/cloudaudit.googleapis.com%2Fdata_access", AT, payload);
        c = f->batches->calls;
        OK(c->outcome == rows[i].outcome && c->http_status == rows[i].http);
        OK(sv_eq(batch_sv(f->batches, c->error_type), sv_of(rows[i].name)));
        OK(sv_eq(batch_sv(f->batches, c->operation), SV("embeddings")) &&
           sv_eq(batch_sv(f->batches, c->api_type), SV("embeddings")));
    }
}

/* Doors may spell an instant with more digits or fewer. */
static void a_key_is_of_the_instant(void)
{
    static const char *const log = "projects/p1/logs/cloudaudit.googleapis.com%2Fdata_access";
    uint64_t key = call(CALL "ChatCompletions\"")->key;

    OK(key && entry(log, "2026-11-23T21:20:01.500000000Z", CALL "ChatCompletions\"")->batches->calls->key == key);
    OK(entry(log, "2026-11-23T21:20:01.500000001Z", CALL "ChatCompletions\"")->batches->calls->key != key);
    OK(entry("projects/p2/logs/cloudaudit.googleapis.com%2Fdata_access", AT, CALL "ChatCompletions\"")
           ->batches->calls->key != key);
}

static bool has_caller(const struct frame *f, const char *principal, const char *ip)
{
    const struct call *c = f->batches->calls;

    return sv_eq(batch_sv(f->batches, c->caller_principal), sv_of(principal)) &&
           sv_eq(batch_sv(f->batches, c->caller_ip), sv_of(ip));
}

static void a_caller_is_the_principal_that_is_told(void)
{
    static const char *const log = "projects/p1/logs/cloudaudit.googleapis.com%2Fdata_access";

    OK(has_caller(entry(log, AT,
                        CALL
                        "Predict\",\"authenticationInfo\":{\"principalEmail\":\"a@b\",\"principalSubject\":\"user:a\"},"
                        "\"requestMetadata\":{\"callerIp\":\"private\"}"),
                  "a@b", "private"));
    OK(has_caller(entry(log, AT, CALL "Predict\",\"authenticationInfo\":{\"principalSubject\":\"principal://x\"}"),
                  "principal://x", ""));
    OK(has_caller(entry(log, AT, CALL "Predict\",\"authenticationInfo\":7,\"requestMetadata\":[]"), "", ""));
}

/* Each part repeats who did what; only what made the entry too large is cut. */
static void an_entry_in_parts_is_one(void)
{
    static const char *const logs[] = { "data_access", "activity" };

    for (size_t i = 0; i < 2; i++)
        for (int part = 0; part < 3; part++) {
            struct frame *f;
            json root = { 0 };
            sv text;

            arena_reset(&arena);
            f = frame_new(&arena, SV("test"), SV("project:p0"));
            text = arena_printf(&arena,
                                "{\"logName\":\"projects/p1/logs/cloudaudit.googleapis.com%%2F%s\",\"timestamp\":\"" AT
                                "\",\"insertId\":\"i-%d\",\"split\":{\"uid\":\"i\",\"index\":%d,\"totalSplits\":3},"
                                "\"protoPayload\":{" CALL "Predict\"}}",
                                logs[i], part, part);
            OK(json_parse(parser, text, &root, NULL) == ERR_OK && gcp_decode_entry(root, &context, f, NULL) == ERR_OK);
            OK(frame_records(f) == (part == 0) && f->tally.received == 1 && f->tally.duplicate == (part > 0));
        }
}

int main(void)
{
    arena_init(&arena, 0);
    parser = json_parser_new(0);
    RUN(a_streamed_call_is_its_last_entry);
    RUN(a_model_is_known_where_the_path_names_it);
    RUN(an_entry_is_itself_by_log_time_and_insert_id);
    RUN(nobodys_words_are_kept);
    RUN(only_the_two_audit_logs_are_read);
    RUN(a_code_says_how_it_ended);
    RUN(a_key_is_of_the_instant);
    RUN(a_caller_is_the_principal_that_is_told);
    RUN(an_entry_in_parts_is_one);
    json_parser_free(parser);
    arena_done(&arena);
    return tap_done();
}
