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

int main(void)
{
    arena_init(&arena, 0);
    parser = json_parser_new(0);
    RUN(a_streamed_call_is_its_last_entry);
    RUN(a_model_is_known_where_the_path_names_it);
    RUN(an_entry_is_itself_by_log_time_and_insert_id);
    RUN(nobodys_words_are_kept);
    json_parser_free(parser);
    arena_done(&arena);
    return tap_done();
}
