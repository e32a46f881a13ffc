/*
 * The jobs that read logs, with a script in place of AWS: this file's aws_ask answers instead of aws_call.c's, and keeps what
 * it was asked.
 */
#include "collector/sources/aws/aws_log.h"
#include "collector/sources/aws/aws_state.h"
#include "collector/sources/stats.h"

#include "tests/tap.h"

enum { ANSWERS_MAX = 8 };

static struct {
    enum aws_api api;
    enum err_code code;
    const char *said, *body;
} script[ANSWERS_MAX];
static int n_script, n_asked;
static char asked[ANSWERS_MAX][400];
static struct aws_finding finding;
static struct aws_config config;
static struct aws_source source;
static char account[] = "111122223333", region[] = "us-east-1";
static struct aws_place place = { .account = account, .region = region };
static struct source_stats *stats;
static struct arena poll_arena, frame_arena;
static struct json_parser *parser;
static struct frame *out;
static struct err e;

/* ---- In place of aws_call.c and aws_state.c ---- */

enum err_code aws_ask(struct aws_reader *r, enum aws_api api, sv asked_account, sv asked_region, int64_t units,
                      json *root, struct err *error)
{
    int i = n_asked < n_script ? n_asked++ : -1;

    (void)units;
    if (!OK(i >= 0 && script[i].api == api && sv_eq(asked_account, sv_of(account)) &&
            sv_eq(asked_region, sv_of(region))))
        return err_set(error, ERR_INTERNAL, "not in the script");
    snprintf(asked[i], sizeof asked[i], "%.*s", SV_ARG(r->path.len ? buf_sv(&r->path) : buf_sv(&r->body)));
    buf_clear(&r->response.body);
    buf_put(&r->response.body, sv_of(script[i].body));
    if (script[i].code)
        return err_set(error, script[i].code, "scripted");
    return root ? json_parse(r->parser, buf_sv(&r->response.body), root, error) : ERR_OK;
}

bool aws_said(const struct aws_reader *r, const char *code)
{
    (void)r;
    return n_asked > 0 && script[n_asked - 1].said && strcmp(script[n_asked - 1].said, code) == 0;
}

struct aws_finding *aws_finding_hold(struct aws_source *s, struct aws_place *p)
{
    (void)s;
    (void)p;
    return &finding;
}

void aws_finding_drop(struct aws_finding *f)
{
    OK(f == &finding);
}

/* ---- Scripts ---- */

static void answer(enum aws_api api, enum err_code code, const char *said, const char *body)
{
    script[n_script].api = api;
    script[n_script].code = code;
    script[n_script].said = said;
    script[n_script++].body = body;
}

static void begin(void)
{
    n_script = n_asked = 0;
    memset(asked, 0, sizeof asked);
    memset(&finding, 0, sizeof finding);
    finding.logging.log_group = SV("/aws/bedrock/modelinvocations");
    config = (struct aws_config){ .logs = { .enabled = true, .group = "auto", .trail_group = "trail" } };
    source = (struct aws_source){ .cfg = &config, .env = { .id = SV("aws"), .stats = stats } };
    e = (struct err){ 0 };
}

typedef enum err_code poll_fn(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *f,
                              struct err *error);

static enum err_code run(poll_fn *poll)
{
    struct aws_reader r = { .s = &source, .arena = &poll_arena, .parser = parser };
    struct window w = { .from_unix_nano = INT64_C(1789999740000000000), .to_unix_nano = INT64_C(1790000040000000000) };
    enum err_code code;

    arena_reset(&poll_arena);
    arena_reset(&frame_arena);
    out = frame_new(&frame_arena, SV("aws"), SV("scope"));
    code = poll(&r, &place, &w, out, &e);
    OK(w.read_at_unix_nano > 0);
    OK(n_asked == n_script);
    http_response_done(&r.response);
    buf_done(&r.body);
    buf_done(&r.path);
    buf_done(&r.url);
    return code;
}

#define RECORD(id, model)                                                                                              \
    "{\"timestamp\":1790000010000,\"ingestionTime\":1790000012000,\"message\":\"{\\\"schemaType\\\":"                  \
    "\\\"ModelInvocationLog\\\",\\\"requestId\\\":\\\"" id "\\\",\\\"operation\\\":\\\"Converse\\\",\\\"modelId\\\":"  \
    "\\\"" model "\\\"}\"}"

static bool only_model_is(const char *want)
{
    return out->batches && out->batches->n_calls > 0 &&
           sv_eq(batch_sv(out->batches, out->batches->calls[0].model), sv_of(want));
}

/* ---- Pages ---- */

static void pages_are_read_to_the_end_over_empty_ones(void)
{
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL,
           "{\"events\":[" RECORD("1", "openai.gpt-6-sol") "],\"nextToken\":\"one\"}");
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[],\"nextToken\":\"two\"}");
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[" RECORD("2", "openai.gpt-6-sol") "]}");
    OK(run(aws_poll_calls) == ERR_OK);
    OK(out->batches && !out->batches->next && out->batches->n_calls == 2 && out->tally.received == 2);
    OK(strcmp(asked[0], "{\"logGroupName\":\"/aws/bedrock/modelinvocations\",\"startTime\":1789999740000,\"endTime\":"
                        "1790000039999,\"limit\":10000}") == 0);
    OK(strstr(asked[1], "\"nextToken\":\"one\"}") && strstr(asked[2], "\"nextToken\":\"two\"}"));
}

static void a_token_that_comes_again_or_is_refused_spoils_the_window(void)
{
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[],\"nextToken\":\"one\"}");
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[],\"nextToken\":\"one\"}");
    OK(run(aws_poll_calls) == ERR_PARSE);
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[],\"nextToken\":\"one\"}");
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_REFUSED, "InvalidParameterException", "");
    OK(run(aws_poll_calls) == ERR_RETRY && strcmp(e.text, "page 2: the token was refused") == 0);
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_REFUSED, "InvalidParameterException", "");
    OK(run(aws_poll_calls) == ERR_REFUSED);
    begin();
    answer(AWS_API_LOOKUP_EVENTS, ERR_OK, NULL, "{\"Events\":[],\"NextToken\":\"one\"}");
    answer(AWS_API_LOOKUP_EVENTS, ERR_REFUSED, "InvalidNextTokenException", "");
    OK(run(aws_poll_audit) == ERR_RETRY);
}

/* ---- Groups ---- */

static void without_a_group_nothing_counts_as_read(void)
{
    begin();
    finding.logging.log_group = SV_NONE;
    OK(run(aws_poll_calls) == ERR_RETRY);
    begin();
    config.logs.group = "mine";
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[]}");
    OK(run(aws_poll_calls) == ERR_OK && strstr(asked[0], "\"logGroupName\":\"mine\""));
}

static void a_trail_may_write_to_another_place(void)
{
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_GONE, "ResourceNotFoundException", "");
    OK(run(aws_poll_trail) == ERR_OK && strstr(asked[0], "\"logGroupName\":\"trail\"") &&
       strstr(asked[0], "\"filterPattern\":\"{ ($.eventSource = \\\"bedrock.amazonaws.com\\\")"));
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_GONE, NULL, "");
    OK(run(aws_poll_trail) == ERR_GONE);
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_GONE, "ResourceNotFoundException", "");
    OK(run(aws_poll_calls) == ERR_GONE);
}

/* ---- Profiles ---- */

#define PROFILE "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123def456"
#define FOUND   "{\"models\":[{\"modelArn\":\"arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-6-sol\"}]}"

static void a_profile_is_looked_up_once_unless_discovery_knows_it(void)
{
    static const struct aws_profile known = { .id = SVT("abc123def456"), .model_id = SVT("openai.gpt-oss-20b-1:0") };

    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL,
           "{\"events\":[" RECORD("1", PROFILE) "," RECORD("2", "abc123def456") "]}");
    answer(AWS_API_GET_PROFILE, ERR_OK, NULL, FOUND);
    OK(run(aws_poll_calls) == ERR_OK && only_model_is("gpt-6-sol") && out->batches->n_calls == 2);
    OK(strcmp(asked[1], "/inference-profiles/abc123def456") == 0);
    begin();
    finding.profiles = (struct aws_profiles){ &known, 1 };
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[" RECORD("1", PROFILE) "]}");
    OK(run(aws_poll_calls) == ERR_OK && only_model_is("gpt-oss-20b"));
}

static void a_profile_that_is_gone_has_no_model_and_a_fault_fails_the_poll(void)
{
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[" RECORD("1", PROFILE) "," RECORD("2", PROFILE) "]}");
    answer(AWS_API_GET_PROFILE, ERR_GONE, NULL, "");
    OK(run(aws_poll_calls) == ERR_OK && only_model_is("") && out->batches->n_calls == 2);
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[" RECORD("1", PROFILE) "," RECORD("2", PROFILE) "]}");
    answer(AWS_API_GET_PROFILE, ERR_THROTTLED, NULL, "");
    OK(run(aws_poll_calls) == ERR_THROTTLED && strstr(e.text, "scripted"));
}

static void an_id_that_could_be_a_path_is_not_asked_for(void)
{
    begin();
    answer(AWS_API_FILTER_LOG_EVENTS, ERR_OK, NULL, "{\"events\":[" RECORD("1", "..%2f?x") "]}");
    OK(run(aws_poll_calls) == ERR_OK && out->batches->n_calls == 1);
}

int main(void)
{
    arena_init(&poll_arena, 0);
    arena_init(&frame_arena, 0);
    parser = json_parser_new(0);
    stats = source_stats_new();
    RUN(pages_are_read_to_the_end_over_empty_ones);
    RUN(a_token_that_comes_again_or_is_refused_spoils_the_window);
    RUN(without_a_group_nothing_counts_as_read);
    RUN(a_trail_may_write_to_another_place);
    RUN(a_profile_is_looked_up_once_unless_discovery_knows_it);
    RUN(a_profile_that_is_gone_has_no_model_and_a_fault_fails_the_poll);
    RUN(an_id_that_could_be_a_path_is_not_asked_for);
    json_parser_free(parser);
    source_stats_free(stats);
    arena_done(&poll_arena);
    arena_done(&frame_arena);
    return tap_done();
}
