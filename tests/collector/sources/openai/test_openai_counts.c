/* From OpenAI's bytes through the mapping to counters: what is counted once, what a restatement does, what is not counted. */
#include <stdarg.h>

#include "collector/ledger/ledger.h"
#include "collector/sources/openai/openai.h"

#include "tests/tap.h"

#define SEEN INT64_C(1795478400000000000)

static struct arena memory;
static struct ledger *l;
static struct json_parser *parser;

static const struct openai_context context = { .source = { "openai", 6 },
                                               .organization = { "org-test", 8 },
                                               .observed_unix_nano = SEEN };

static struct frame *frame(void)
{
    struct frame *f;

    arena_reset(&memory);
    f = frame_new(&memory, SV("openai"), SV("organization"));
    *frame_add_window(f) = (struct window){ .source = SV("openai"),
                                            .scope = SV("organization"),
                                            .group = SV("usage/completions"),
                                            .from_unix_nano = SEEN - INT64_C(36000000000000),
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
        .kind = EPOCH_MAPPING, .hash = 1, .rules = (struct rule *)(uintptr_t)openai_rules, .n_rules = OPENAI_RULES
    };
    ledger_fold(l, f);
}

/* Folds a page of one bucket with these results. */
static void usage(const char *results)
{
    struct frame *f = frame();
    struct err e = { 0 };
    json root;
    sv next, page = arena_printf(&memory,
                                 "{\"data\":[{\"start_time\":1795478280,\"end_time\":1795478340,\"results\":[%s]}],"
                                 "\"has_more\":false}",
                                 results);

    OK(json_parse(parser, page, &root, &e) == ERR_OK && openai_decode_usage(root, &context, f, &next, &e) == ERR_OK);
    ledger_fold(l, f);
}

/* Sum over the series of a family whose labels hold all these (name, value, ..., NULL); -1: there is none. */
static int64_t sum_of(const char *family, ...)
{
    static const char *labels[LABELS];
    struct series_view v;
    int64_t sum = -1;

    for (size_t i = 0; i < ledger_series_count(l); i++) {
        bool fits;
        va_list ap;
        const char *name;

        ledger_series(l, i, &v, labels);
        fits = v.family == family_find(sv_of(family));
        va_start(ap, family);
        while (fits && (name = va_arg(ap, const char *)))
            fits = sv_eq(sv_of(labels[label_find(sv_of(name))]), sv_of(va_arg(ap, const char *)));
        va_end(ap);
        if (fits)
            sum = (sum < 0 ? 0 : sum) + v.value[0];
    }
    return sum;
}

#define COMPLETIONS(more)                                                                                              \
    "{\"object\":\"organization.usage.completions.result\",\"project_id\":\"p\",\"model\":\"m\"," more "}"

static void requests_and_tokens_have_their_labels(void)
{
    begin();
    usage(COMPLETIONS(
        "\"num_model_requests\":3,\"input_tokens\":30,\"output_tokens\":0,\"batch\":true,\"service_tier\":\"flex\""));
    OK(sum_of("genai_requests_total", "operation", "chat", "tier", "batch", "outcome", "unknown", "code", "", "cloud",
              "openai", "platform", "openai_api", "account", "org-test", "resource", "p", "model", "m", "deployment",
              "", NULL) == 3);
    OK(sum_of("genai_tokens_total", "direction", "input", "tier", "batch", NULL) == 30);
    OK(sum_of("genai_tokens_total", "direction", "output", NULL) == 0); /* told */
    OK(sum_of("genai_token_parts_total", NULL) == -1);                  /* not told */
}

static void parts_are_never_in_the_totals(void)
{
    begin();
    usage(
        COMPLETIONS("\"num_model_requests\":5,\"input_tokens\":1000,\"output_tokens\":500,\"input_cached_tokens\":400,"
                    "\"input_cache_write_tokens\":100,\"input_uncached_tokens\":500,\"input_text_tokens\":400,"
                    "\"output_text_tokens\":400,\"input_cached_text_tokens\":300,\"input_audio_tokens\":50,"
                    "\"input_cached_audio_tokens\":60,\"output_audio_tokens\":70,\"input_image_tokens\":80,"
                    "\"input_cached_image_tokens\":90,\"output_image_tokens\":11"));
    OK(sum_of("genai_tokens_total", NULL) == 1500);
    OK(sum_of("genai_token_parts_total", "part", "cache_read", NULL) == 400);
    OK(sum_of("genai_token_parts_total", "part", "cache_write", NULL) == 100);
    OK(sum_of("genai_token_parts_total", "part", "audio_input", NULL) == 110);
    OK(sum_of("genai_token_parts_total", "part", "audio_output", NULL) == 70);
    OK(sum_of("genai_token_parts_total", "part", "image_input", NULL) == 170);
    OK(sum_of("genai_token_parts_total", "part", "image_output", NULL) == 11);
    OK(sum_of("genai_token_parts_total", NULL) == 861);
}

static void the_newest_value_of_a_bucket_takes_the_place_of_the_one_before(void)
{
    begin();
    usage(COMPLETIONS("\"num_model_requests\":3"));
    usage(COMPLETIONS("\"num_model_requests\":5"));
    OK(sum_of("genai_requests_total", NULL) == 5);
    usage(COMPLETIONS("\"num_model_requests\":5"));
    OK(sum_of("genai_requests_total", NULL) == 5);
    usage(COMPLETIONS("\"num_model_requests\":4")); /* nobody had seen the 5; else it would be owed */
    OK(sum_of("genai_requests_total", NULL) == 4);
    usage(COMPLETIONS("\"num_model_requests\":7"));
    OK(sum_of("genai_requests_total", NULL) == 7);
}

static void results_that_differ_by_what_has_no_label_are_added(void)
{
    begin();
    usage(COMPLETIONS("\"num_model_requests\":3,\"user_id\":\"a\",\"api_key_id\":\"k\"") "," COMPLETIONS(
        "\"num_model_requests\":4,\"user_id\":\"a\",\"api_key_id\":\"l\"") "," COMPLETIONS("\"num_model_requests\":5,"
                                                                                           "\"user_id\":\"b\""));
    OK(sum_of("genai_requests_total", NULL) == 12);
    usage(COMPLETIONS("\"num_model_requests\":3,\"user_id\":\"a\",\"api_key_id\":\"k\"") "," COMPLETIONS(
        "\"num_model_requests\":6,\"user_id\":\"a\",\"api_key_id\":\"l\"") "," COMPLETIONS("\"num_model_requests\":5,"
                                                                                           "\"user_id\":\"b\""));
    OK(sum_of("genai_requests_total", NULL) == 14);
}

#define OF(kind, more)                                                                                                 \
    "{\"object\":\"organization.usage." kind ".result\",\"project_id\":\"p\",\"model\":\"m\"," more "}"

static void only_kinds_that_call_a_model_are_counted(void)
{
    begin();
    usage(OF("embeddings", "\"num_model_requests\":1,\"input_tokens\":10") "," OF(
        "moderations",
        "\"num_model_"
        "requests\":2,\"input_"
        "tokens\":20") "," OF("images",
                              "\"num_model_requests\":3,\"images\":4") "," OF("audio_speeches",
                                                                              "\"num_model_requests\":5,\"characters\":"
                                                                              "6") "," OF("audio_"
                                                                                          "transcript"
                                                                                          "ions",
                                                                                          "\"num_"
                                                                                          "model_"
                                                                                          "requests\""
                                                                                          ":7,"
                                                                                          "\"seconds"
                                                                                          "\":8"));
    OK(sum_of("genai_requests_total", "operation", "embeddings", NULL) == 1 &&
       sum_of("genai_requests_total", "operation", "moderation", NULL) == 2 &&
       sum_of("genai_requests_total", "operation", "image.generation", NULL) == 3 &&
       sum_of("genai_requests_total", "operation", "audio.speech", NULL) == 5 &&
       sum_of("genai_requests_total", "operation", "audio.transcription", NULL) == 7);
    OK(sum_of("genai_tokens_total", "direction", "input", NULL) == 30);
    usage(OF("web_searches", "\"num_model_requests\":50,\"num_requests\":60") "," OF(
        "vector_stores", "\"usage_bytes\":70") "," OF("video_minutes",
                                                      "\"num_model_requests\":80,\"input_tokens\":90"));
    OK(sum_of("genai_requests_total", NULL) == 18 && sum_of("genai_tokens_total", NULL) == 30);
}

static void callers_are_users_else_keys_and_counted_on_demand(void)
{
    static const char results[] = COMPLETIONS(
        "\"num_model_requests\":3,\"input_tokens\":30,\"output_tokens\":4,\"user_id\":\"ann\","
        "\"api_key_id\":\"k\"") "," COMPLETIONS("\"num_model_requests\":5,\"input_tokens\":50,\"output_tokens\":6,"
                                                "\"api_key_id\":\"k\"") "," COMPLETIONS("\"num_model_requests\":7,"
                                                                                        "\"input_tokens\":70,\"output_"
                                                                                        "tokens\":8");
    struct frame *f;

    begin();
    usage(results);
    OK(sum_of("genai_caller_calls_total", NULL) == -1);
    begin();
    f = frame();
    *frame_add_epoch(f) = (struct epoch){ .kind = EPOCH_LIMITS, .hash = 2, .value = SV("series=1000,callers=10") };
    ledger_fold(l, f);
    usage(results);
    OK(sum_of("genai_caller_calls_total", "caller", "ann", "account", "org-test", "model", "m", NULL) == 3);
    OK(sum_of("genai_caller_calls_total", NULL) == 8 && sum_of("genai_caller_tokens_total", "caller", "k", NULL) == 56);
    OK(sum_of("genai_caller_tokens_total", NULL) == 90 && sum_of("genai_requests_total", NULL) == 15);
}

static void an_audit_event_counts_once(void)
{
    static const char page[] =
        "{\"data\":[{\"id\":\"a\",\"type\":\"Login.Failed\",\"effective_at\":1795478300},"
        "{\"id\":\"b\",\"type\":\"login.succeeded\",\"effective_at\":1795478300}],\"has_more\":false}";

    begin();
    for (int i = 0; i < 2; i++) {
        struct frame *f = frame();
        struct err e = { 0 };
        json root;
        sv next;

        OK(json_parse(parser, sv_of(page), &root, &e) == ERR_OK &&
           openai_decode_audit(root, &context, f, &next, &e) == ERR_OK);
        ledger_fold(l, f);
    }
    OK(sum_of("genai_audit_events_total", "action", "login.failed", "outcome", "failure", "account", "org-test",
              NULL) == 1);
    OK(sum_of("genai_audit_events_total", "outcome", "success", NULL) == 1);
}

int main(void)
{
    arena_init(&memory, 0);
    parser = json_parser_new(0);
    RUN(requests_and_tokens_have_their_labels);
    RUN(parts_are_never_in_the_totals);
    RUN(the_newest_value_of_a_bucket_takes_the_place_of_the_one_before);
    RUN(results_that_differ_by_what_has_no_label_are_added);
    RUN(only_kinds_that_call_a_model_are_counted);
    RUN(callers_are_users_else_keys_and_counted_on_demand);
    RUN(an_audit_event_counts_once);
    ledger_free(l);
    json_parser_free(parser);
    arena_done(&memory);
    return tap_done();
}
