/*
 * The decoders against composed answers: tests/data/openai/FILE.json with a FILE.expected beside it. What OpenAI's own document
 * gives as examples lies outside the repository and is decoded when it is there.
 */
#include <dirent.h>

#include "collector/sources/openai/openai.h"

#include "tests/collector/sources/dump.h"
#include "tests/tap.h"

#define DATA  "tests/data/openai/"
#define SPEC  "../shared/samples/openai/"
#define SEEN  INT64_C(1795478400000000000)
#define KNOWN "proj_a"

static struct json_parser *parser;
static struct arena arena;

static sv region(void *ctx, sv project)
{
    (void)ctx;
    return sv_eq(project, SV(KNOWN)) ? SV("eu") : SV_NONE;
}

static const struct openai_context context = {
    .source = { "test", 4 }, .organization = { "org-test", 8 }, .observed_unix_nano = SEEN, .region = region
};

static bool read_file(struct buf *b, const char *path)
{
    buf_init(b, 0);
    return buf_read_file(b, path, 4 << 20, NULL) == ERR_OK;
}

static json parse(sv text)
{
    struct err e = { 0 };
    json root = { 0 };

    if (json_parse(parser, text, &root, &e))
        printf("# %s\n", e.text);
    return root;
}

static struct frame *frame(void)
{
    arena_reset(&arena);
    return frame_new(&arena, SV("test"), SV("organization"));
}

static enum err_code decode(const char *kind, sv text, struct frame *f, sv *next, struct err *e)
{
    if (strcmp(kind, "costs") == 0)
        return openai_decode_costs(parser, text, &context, f, next, e);
    if (strcmp(kind, "audit") == 0)
        return openai_decode_audit(parse(text), &context, f, next, e);
    return openai_decode_usage(parse(text), &context, f, next, e);
}

static bool adds_up(const struct frame *f)
{
    int64_t n = (int64_t)(frame_records(f) + f->n_quarantined);

    for (int r = 0; r < REASONS; r++)
        n += f->tally.rejected[r];
    return n == f->tally.received;
}

static void expect(const char *kind, const char *name, const char *want_next)
{
    struct frame *f = frame();
    struct err e = { 0 };
    char path[256];
    struct buf text, out;
    sv next = SV_NONE;

    snprintf(path, sizeof path, DATA "%s.json", name);
    buf_init(&out, 0);
    OK(read_file(&text, path));
    OK(decode(kind, buf_sv(&text), f, &next, &e) == ERR_OK);
    dump_frame(&out, f);
    snprintf(path, sizeof path, DATA "%s.expected", name);
    OK(dump_matches(&out, path));
    OK(sv_eq(next, sv_of(want_next)) && adds_up(f));
    buf_done(&text);
    buf_done(&out);
}

static void each_answer_gives_what_stands_beside_it(void)
{
    expect("usage", "synthetic_usage_completions_grouped_1m", "page_SYNTHETIC");
    expect("usage", "synthetic_usage_odd", "");
    expect("costs", "synthetic_costs_grouped", "");
    expect("costs", "synthetic_costs_odd", "page_2");
    expect("audit", "synthetic_audit_logs", "audit_log-bad");
}

/* ---- Examples of OpenAI's document ---- */

static const char *spec_kind(const char *name)
{
    return strcmp(name, "costs.json") == 0        ? "costs"
           : strcmp(name, "audit_logs.json") == 0 ? "audit"
           : strncmp(name, "usage_", 6) == 0      ? "usage"
                                                  : NULL;
}

static void the_documents_examples_are_understood(void)
{
    DIR *dir = opendir(SPEC);
    struct dirent *d;

    if (!dir) {
        OK(true);
        printf("# no samples here\n");
        return;
    }
    while ((d = readdir(dir))) {
        struct frame *f = frame();
        struct err e = { 0 };
        char path[512];
        struct buf text;
        sv next;

        if (!spec_kind(d->d_name))
            continue;
        snprintf(path, sizeof path, SPEC "%s", d->d_name);
        printf("# %s\n", d->d_name);
        OK(read_file(&text, path) && decode(spec_kind(d->d_name), buf_sv(&text), f, &next, &e) == ERR_OK);
        OK(frame_records(f) > 0 && f->n_quarantined == 0 && adds_up(f));
        OK(sv_starts(openai_detect(buf_sv(&text)), SV("openai-")) &&
           sv_has(openai_detect(buf_sv(&text)), sv_of(spec_kind(d->d_name))));
        buf_done(&text);
    }
    closedir(dir);
}

/* ---- Pages ---- */

static enum err_code usage(const char *text, const struct openai_context *c, struct frame *f, sv *next, struct err *e)
{
    *e = (struct err){ 0 };
    return openai_decode_usage(parse(sv_of(text)), c, f, next, e);
}

#define BUCKET(from, to, results)                                                                                      \
    "{\"object\":\"bucket\",\"start_time\":" #from ",\"end_time\":" #to ",\"results\":[" results "]}"
#define RESULT                                                                                                         \
    "{\"object\":\"organization.usage.completions.result\",\"num_model_requests\":1,\"project_id\":\"p\","             \
    "\"model\":\"m\"}"

static void a_page_that_is_none_is_refused(void)
{
    struct openai_context c = context;
    struct err e;
    sv next = SV("untouched");

    c.width_nano = 60 * INT64_C(1000000000);
    OK(usage("{}", &c, frame(), &next, &e) == ERR_PARSE);
    OK(usage("{\"data\":{}}", &c, frame(), &next, &e) == ERR_PARSE);
    OK(usage("{\"data\":[7]}", &c, frame(), &next, &e) == ERR_PARSE);
    OK(usage("{\"data\":[" BUCKET(60, 60, "") "]}", &c, frame(), &next, &e) == ERR_PARSE);
    OK(usage("{\"data\":[" BUCKET(60, 3660, "") "]}", &c, frame(), &next, &e) == ERR_PARSE);
    OK(usage("{\"data\":[" BUCKET(60, 120, "") "],\"has_more\":true}", &c, frame(), &next, &e) == ERR_PARTIAL);
    OK(usage("{\"data\":[],\"has_more\":true,\"next_page\":\"\"}", &c, frame(), &next, &e) == ERR_PARTIAL);
    OK(sv_eq(next, SV("untouched")));
    OK(usage("{\"data\":[],\"has_more\":false,\"next_page\":\"p\"}", &c, frame(), &next, &e) == ERR_OK &&
       next.len == 0);
}

static void a_bucket_outside_the_window_is_told_and_left_out(void)
{
    struct openai_context c = context;
    struct frame *f = frame();
    struct err e;
    sv next;

    c.from_unix_nano = 120 * INT64_C(1000000000);
    c.to_unix_nano = 180 * INT64_C(1000000000);
    OK(usage("{\"data\":[" BUCKET(60, 120, RESULT) "," BUCKET(120, 180, RESULT) "," BUCKET(180, 240, RESULT) "]}", &c,
             f, &next, &e) == ERR_OK);
    OK(frame_records(f) == 1 && f->tally.rejected[REASON_OUT_OF_RANGE] == 2 && adds_up(f));
}

static uint64_t key_of(const char *bucket)
{
    struct frame *f = frame();
    struct err e;
    sv next;
    char page[1024];

    snprintf(page, sizeof page, "{\"data\":[%s]}", bucket);
    if (usage(page, &context, f, &next, &e) || frame_records(f) != 1)
        return 0;
    return f->batches->measures[0].key;
}

#define WITH(more) "{\"object\":\"organization.usage.completions.result\",\"num_model_requests\":1," more "}"

/* The newest value takes the place of the one before: the key is all that makes a figure itself, and the value is no part of it. */
static void the_key_is_kind_width_bucket_and_all_dimensions(void)
{
    static const char *const all[] = {
        BUCKET(60, 120, WITH("\"project_id\":\"p\",\"model\":\"m\"")),
        BUCKET(120, 180, WITH("\"project_id\":\"p\",\"model\":\"m\"")),
        BUCKET(60, 3660, WITH("\"project_id\":\"p\",\"model\":\"m\"")),
        BUCKET(60, 120, WITH("\"project_id\":\"q\",\"model\":\"m\"")),
        BUCKET(60, 120, WITH("\"project_id\":\"p\",\"model\":\"n\"")),
        BUCKET(60, 120, WITH("\"project_id\":\"p\",\"model\":\"m\",\"user_id\":\"u\"")),
        BUCKET(60, 120, WITH("\"project_id\":\"p\",\"model\":\"m\",\"api_key_id\":\"u\"")),
        BUCKET(60, 120, WITH("\"project_id\":\"p\",\"model\":\"m\",\"batch\":true")),
        BUCKET(60, 120, WITH("\"project_id\":\"p\",\"model\":\"m\",\"service_tier\":\"flex\"")),
        BUCKET(60, 120,
               "{\"object\":\"organization.usage.images.result\",\"num_model_requests\":1,\"project_id\":\"p\","
               "\"model\":\"m\"}"),
    };
    uint64_t keys[sizeof all / sizeof *all];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool fresh = true;

        keys[i] = key_of(all[i]);
        for (size_t k = 0; k < i; k++)
            fresh = fresh && keys[k] != keys[i];
        OK(keys[i] && fresh);
    }
    OK(key_of(BUCKET(60, 120,
                     "{\"model\":\"m\",\"num_model_requests\":99,\"user_id\":null,\"project_id\":\"p\","
                     "\"object\":\"organization.usage.completions.result\"}")) == keys[0]);
}

/* Who it was is for `caller` alone, which policy guards. */
static void no_user_and_no_key_stands_in_the_dimensions(void)
{
    struct frame *f = frame();
    struct err e;
    sv next;

    OK(usage(
           "{\"data\":[" BUCKET(60, 120, WITH("\"user_id\":\"user-1\",\"api_key_id\":\"key_1\",\"model\":\"m\"")) "]}",
           &context, f, &next, &e) == ERR_OK);
    OK(frame_records(f) == 1 && f->batches->measures[0].n_dimensions == 1);
    OK(sv_eq(f->batches->measures[0].dimensions[0].value, SV("m")));
}

/* ---- Costs ---- */

static int64_t nano_of(const char *amount)
{
    struct frame *f = frame();
    struct err e = { 0 };
    char page[512];
    sv next;

    snprintf(page, sizeof page,
             "{\"data\":[{\"start_time\":86400,\"end_time\":172800,\"results\":[{\"amount\":{\"value\":%s,"
             "\"currency\":\"usd\"}}]}]}",
             amount);
    if (openai_decode_costs(parser, sv_of(page), &context, f, &next, &e) || f->batches == NULL ||
        !f->batches->n_charges)
        return NONE;
    return f->batches->charges[0].cost_nano;
}

static void amounts_are_read_as_they_are_written(void)
{
    OK(nano_of("0.06") == 60000000 && nano_of("1.2e-05") == 12000 && nano_of("-0.5") == -500000000);
    OK(nano_of("123456789.123456789") == INT64_C(123456789123456789)); /* a double ends before */
    OK(nano_of(" \n0.1 ") == 100000000 && nano_of("\"0.1\"") == 100000000);
    OK(nano_of("0.00000000149999999999999999999999") == 1); /* a double would make it 1.5 */
    OK(nano_of("1e300") == NONE && nano_of("01") == 1000000000 && nano_of("{}") == NONE && nano_of("1 2") == NONE);
}

static void line_items_name_models_and_directions(void)
{
    static const struct {
        const char *text, *model, *direction;
    } rows[] = {
        { "gpt-5-mini, input", "gpt-5-mini", "input" },
        { "gpt-5-mini, cached input", "gpt-5-mini", "input" },
        { "gpt-5-mini, cached_input", "gpt-5-mini", "input" },
        { "gpt-6-sol, cache write", "gpt-6-sol", "input" },
        { "ft:gpt-4o, mini, output", "", "" },
        { "a,b, output", "a,b", "output" },
        { "gpt-5-mini, reasoning", "", "" },
        { "gpt-5-mini,input", "", "" },
        { "web search, input", "", "" },
        { ", input", "", "" },
        { "credit adjustment", "", "" },
        { "", "", "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct openai_line_item item = openai_line_item(sv_of(rows[i].text));

        if (!OK(sv_eq(item.model, sv_of(rows[i].model)) && sv_eq(item.direction, sv_of(rows[i].direction))))
            printf("# %s: %.*s %.*s\n", rows[i].text, SV_ARG(item.model), SV_ARG(item.direction));
    }
}

/* ---- Inventory ---- */

static void projects_have_a_region_and_a_place_of_processing(void)
{
    static const struct {
        const char *id, *region, *processing;
        bool archived;
    } want[] = {
        { "proj_c", "jp", "global", true },       { "proj_a", "eu", "eu", false },
        { "proj_d", "", "unknown", false },       { "proj_b", "mars", "mars", false },
        { "proj_e", "global", "unknown", false },
    };
    struct items items = { .arena = &arena };
    struct err e = { 0 };
    struct buf text;
    sv next;

    arena_reset(&arena);
    OK(read_file(&text, DATA "synthetic_projects.json"));
    OK(openai_decode_projects(parse(buf_sv(&text)), &items, &next, &e) == ERR_OK && next.len == 0);
    if (!OK(items.n == sizeof want / sizeof *want))
        return;
    for (size_t i = 0; i < items.n; i++) {
        const struct openai_project *p = ITEM(&items, struct openai_project, i);

        OK(sv_eq(p->id, sv_of(want[i].id)) && sv_eq(p->residency.region, sv_of(want[i].region)) &&
           sv_eq(p->residency.processing, sv_of(want[i].processing)) && p->archived == want[i].archived);
    }
    buf_done(&text);
    OK(openai_decode_projects(parse(SV("{\"data\":[],\"has_more\":true}")), &items, &next, &e) == ERR_PARTIAL);
    OK(openai_decode_projects(parse(SV("{\"data\":[{\"id\":\"z\"}],\"has_more\":true}")), &items, &next, &e) ==
           ERR_OK &&
       sv_eq(next, SV("z")));
}

static void rate_limits_are_gauges_of_a_project_and_model(void)
{
    const struct openai_project p = { .id = SV("proj_a"), .name = SV_NONE, .residency = { SV("eu"), SV("eu") } };
    struct items items = { .arena = &arena };
    struct frame *f = frame();
    struct err e = { 0 };
    struct buf text, out;
    sv next;

    buf_init(&out, 0);
    OK(read_file(&text, DATA "synthetic_rate_limits.json"));
    OK(openai_decode_rate_limits(parse(buf_sv(&text)), &items, &next, &e) == ERR_OK && sv_eq(next, SV("rl-2")));
    OK(openai_emit_limits(items.at, items.n, &p, &context, SEEN - INT64_C(60000000000), SEEN, f, &e) == ERR_OK);
    dump_frame(&out, f);
    OK(dump_matches(&out, DATA "synthetic_rate_limits.expected") && adds_up(f));
    buf_done(&text);
    buf_done(&out);
}

static void uses_become_an_epoch_for_each_project(void)
{
    const struct openai_project projects[] = {
        { .id = SVT("p1"), .name = SVT(""), .residency = { SVT("eu"), SVT("eu") } },
        { .id = SVT("p2"), .name = SVT(""), .residency = { SVT("global"), SVT("unknown") } },
    };
    struct openai_use uses[] = { { (char[]){ "p2" }, (char[]){ "gpt-6-sol" } },
                                 { (char[]){ "p1" }, (char[]){ "gpt-5-mini-2025-08-07" } },
                                 { (char[]){ "p3" }, (char[]){ "x" } },
                                 { (char[]){ "p1" }, (char[]){ "gpt-5-mini" } },
                                 { (char[]){ "p1" }, (char[]){ "gpt-6-sol" } } };
    struct frame *f = frame();
    struct err e = { 0 };
    uint64_t hash;

    OK(openai_emit_uses(uses, 5, projects, 2, &context, f, &e) == ERR_OK && f->n_epochs == 3);
    OK(f->epochs[0].n_items == 2 && sv_eq(f->epochs[0].subject, SV("openai:p1")) &&
       sv_eq(f->epochs[0].items[0].processing, SV("eu")) && sv_eq(f->epochs[0].items[0].jurisdiction, SV("eu")));
    OK(sv_eq(f->epochs[1].items[0].processing, SV("unknown")) && f->epochs[1].items[0].jurisdiction.len == 0);
    OK(sv_eq(f->epochs[2].items[0].processing, SV("unknown")));
    hash = f->epochs[0].hash;
    f = frame();
    OK(openai_emit_uses(uses, 5, projects, 2, &context, f, &e) == ERR_OK && f->epochs[0].hash == hash);
}

int main(void)
{
    parser = json_parser_new(0);
    arena_init(&arena, 0);
    RUN(each_answer_gives_what_stands_beside_it);
    RUN(the_documents_examples_are_understood);
    RUN(a_page_that_is_none_is_refused);
    RUN(a_bucket_outside_the_window_is_told_and_left_out);
    RUN(the_key_is_kind_width_bucket_and_all_dimensions);
    RUN(no_user_and_no_key_stands_in_the_dimensions);
    RUN(amounts_are_read_as_they_are_written);
    RUN(line_items_name_models_and_directions);
    RUN(projects_have_a_region_and_a_place_of_processing);
    RUN(rate_limits_are_gauges_of_a_project_and_model);
    RUN(uses_become_an_epoch_for_each_project);
    arena_done(&arena);
    json_parser_free(parser);
    return tap_done();
}
