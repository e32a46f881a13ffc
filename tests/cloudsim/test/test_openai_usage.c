/* What OpenAI answers about usage and costs is the truth, however it is asked, and changes until it is final. */
#include <math.h>
#include <string.h>

#include "tests/cloudsim/test/openai_client.h"

enum { RESULTS_MAX = 60000, FIGURES_READ = 9 };

static const char *const figure_names[FIGURES_READ] = {
    "num_model_requests",       "input_tokens",       "output_tokens",       "input_cached_tokens",
    "input_cache_write_tokens", "input_audio_tokens", "output_audio_tokens", "input_image_tokens",
    "output_image_tokens",
};
enum { REQUESTS, INPUT, OUTPUT, CACHED, CACHE_WRITE, AUDIO_IN, AUDIO_OUT, IMAGE_IN, IMAGE_OUT };

struct result {
    int64_t start;
    sv project, user, key, model, tier;
    bool batch, has_batch;
    double f[FIGURES_READ];
};

/* All pages of a question. */
static struct result *results;
static unsigned n_results, n_pages, n_buckets;
static int64_t first_start, last_end;

static sv copied(json v, const char *member)
{
    return arena_copy(&arena, text_in(v, member));
}

static void keep(json bucket, json r)
{
    struct result *out = &results[n_results];

    must(n_results < RESULTS_MAX, "too many results");
    *out = (struct result){ .project = copied(r, "project_id"),
                            .user = copied(r, "user_id"),
                            .key = copied(r, "api_key_id"),
                            .model = copied(r, "model"),
                            .tier = copied(r, "service_tier") };
    json_i64(json_get(bucket, SV("start_time")), &out->start);
    out->has_batch = json_bool(json_get(r, SV("batch")), &out->batch);
    for (unsigned i = 0; i < FIGURES_READ; i++)
        out->f[i] = number_in(r, figure_names[i]);
    out->f[AUDIO_IN] += number_in(r, "input_cached_audio_tokens");
    out->f[IMAGE_IN] += number_in(r, "input_cached_image_tokens");
    n_results++;
}

static void read_all(const char *path)
{
    sv page = SV_NONE;
    json v, bucket, r;

    n_results = n_pages = n_buckets = 0;
    last_end = 0;
    do {
        v = asked(page.len ? format("%s&page=%.*s", path, SV_ARG(page)) : path);
        for (struct json_iter it = json_items(json_get(v, SV("data"))); json_item(&it, &bucket); n_buckets++) {
            json_i64(json_get(bucket, SV("end_time")), &last_end);
            if (!n_buckets)
                json_i64(json_get(bucket, SV("start_time")), &first_start);
            for (struct json_iter in = json_items(json_get(bucket, SV("results"))); json_item(&in, &r);)
                keep(bucket, r);
        }
        page = arena_copy(&arena, text_in(v, "next_page"));
        n_pages++;
    } while (bool_in(v, "has_more") && n_pages < 2000);
}

static double sum_of(unsigned figure)
{
    double sum = 0;

    for (unsigned i = 0; i < n_results; i++)
        sum += results[i].f[figure];
    return sum;
}

#define FROM "start_time=1795503600" /* three hours before ORIGIN */

static void read_kind(enum openai_kind kind, const char *width, const char *groups, const char *more)
{
    read_all(format("usage/%s?" FROM "&bucket_width=%s%s%s", openai_kinds[kind].name, width, groups, more));
}

static struct buf truth_text;
static struct json_parser *truth_parser;

static json truth_series(void)
{
    json v;

    buf_clear(&truth_text);
    truth_write(&sim, 0, INT64_C(4000000000000000000), &truth_text);
    must(json_parse(truth_parser, buf_sv(&truth_text), &v, NULL) == ERR_OK, "truth is no JSON");
    return json_get(v, SV("series"));
}

static const char *label_of(sv model)
{
    for (unsigned i = 0; i < OPENAI_MODELS; i++)
        if (sv_eq(model, sv_of(openai_models[i].id)))
            return openai_models[i].label;
    return "?";
}

static sv tier_of(const struct result *r)
{
    return r->batch ? SV("batch") : r->tier;
}

/* Which figure a series of truth is about; -1: another family, or not of this kind. */
static int figure_of(json s, json labels, enum openai_kind kind)
{
    static const struct {
        const char *family, *label, *value;
        int figure;
    } rows[] = {
        { "genai_tokens_total", "direction", "input", INPUT },
        { "genai_tokens_total", "direction", "output", OUTPUT },
        { "genai_token_parts_total", "part", "cache_read", CACHED },
        { "genai_token_parts_total", "part", "cache_write", CACHE_WRITE },
        { "genai_token_parts_total", "part", "audio_input", AUDIO_IN },
        { "genai_token_parts_total", "part", "audio_output", AUDIO_OUT },
        { "genai_token_parts_total", "part", "image_input", IMAGE_IN },
        { "genai_token_parts_total", "part", "image_output", IMAGE_OUT },
    };
    bool mine = false;

    for (unsigned i = 0; i < OPENAI_MODELS; i++)
        mine |= openai_models[i].kind == kind && sv_eq(text_in(labels, "model"), sv_of(openai_models[i].label));
    if (!mine)
        return -1;
    if (sv_eq(text_in(s, "family"), SV("genai_requests_total")))
        return REQUESTS;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sv_eq(text_in(s, "family"), sv_of(rows[i].family)) &&
            sv_eq(text_in(labels, rows[i].label), sv_of(rows[i].value)))
            return rows[i].figure;
    return -1;
}

/* Series of truth of a kind that the results do not add up to; *n: how many there are. */
static unsigned wrong_series(enum openai_kind kind, unsigned *n)
{
    unsigned wrong = 0;
    json s;

    for (struct json_iter it = json_items(truth_series()); json_item(&it, &s);) {
        json labels = json_get(s, SV("labels"));
        int figure = figure_of(s, labels, kind);
        double sum = 0;

        if (figure < 0)
            continue;
        for (unsigned i = 0; i < n_results; i++)
            if (sv_eq(results[i].project, text_in(labels, "resource")) &&
                sv_eq(sv_of(label_of(results[i].model)), text_in(labels, "model")) &&
                sv_eq(tier_of(&results[i]), text_in(labels, "tier")))
                sum += results[i].f[figure];
        wrong += sum != number_in(s, "value");
        ++*n;
    }
    return wrong;
}

static void usage_by_the_minute_is_the_truth(void)
{
    for (unsigned k = 0; k < OPENAI_CALLED; k++) {
        unsigned n = 0;

        read_kind((enum openai_kind)k, "1m", "&group_by[]=project_id&group_by[]=model",
                  k == OPENAI_COMPLETIONS ? "&group_by[]=batch&group_by[]=service_tier&limit=1440" : "&limit=1440");
        OK(wrong_series((enum openai_kind)k, &n) == 0);
        OK(n > 0);
    }
}

static void callers_are_the_truth(void)
{
    unsigned wrong = 0, n = 0, by_key = 0;
    json s;

    read_kind(OPENAI_COMPLETIONS, "1h", "&group_by[]=user_id&group_by[]=api_key_id&group_by[]=model", "");
    for (struct json_iter it = json_items(truth_series()); json_item(&it, &s);) {
        json labels = json_get(s, SV("labels"));
        bool calls = sv_eq(text_in(s, "family"), SV("genai_caller_calls_total"));
        sv caller = text_in(labels, "caller");
        double sum = 0;

        if ((!calls && !sv_eq(text_in(s, "family"), SV("genai_caller_tokens_total"))) ||
            !sv_starts(text_in(labels, "model"), SV("gpt-")) || sv_eq(text_in(labels, "model"), SV("gpt-image-2")) ||
            sv_eq(text_in(labels, "model"), SV("gpt-4o-mini-tts")))
            continue;
        for (unsigned i = 0; i < n_results; i++)
            if (sv_eq(results[i].user.len ? results[i].user : results[i].key, caller) &&
                sv_eq(sv_of(label_of(results[i].model)), text_in(labels, "model")))
                sum += calls ? results[i].f[REQUESTS] : results[i].f[INPUT] + results[i].f[OUTPUT];
        wrong += sum != number_in(s, "value");
        by_key += sv_starts(caller, SV("key_"));
        n++;
    }
    OK(n > 20 && wrong == 0 && by_key > 4);
}

static void all_widths_groupings_and_page_sizes_tell_the_same_sum(void)
{
    double requests, input;

    read_kind(OPENAI_COMPLETIONS, "1m", "", "&limit=1440");
    requests = sum_of(REQUESTS);
    input = sum_of(INPUT);
    OK(requests > 1000 && n_pages == 1);
    OK(results[0].project.len + results[0].model.len + results[0].tier.len == 0 && !results[0].has_batch);
    read_kind(OPENAI_COMPLETIONS, "1m", "&group_by=user_id&group_by=service_tier", "&limit=7");
    OK(sum_of(REQUESTS) == requests && sum_of(INPUT) == input && n_pages > 20);
    OK(results[0].tier.len > 0 && results[0].model.len == 0);
    read_kind(OPENAI_COMPLETIONS, "1h", "&group_by%5B%5D=batch", "&limit=2");
    OK(sum_of(REQUESTS) == requests && n_pages > 1 && results[0].has_batch);
    read_kind(OPENAI_COMPLETIONS, "1d", "", "");
    OK(sum_of(REQUESTS) == requests && sum_of(INPUT) == input);
}

static void filters_narrow_to_what_they_name(void)
{
    sv id = world()->projects[1].id, key = world()->keys[0].id;
    double all, batch, both = 0;
    bool only = true;

    read_kind(OPENAI_COMPLETIONS, "1h", "", "");
    all = sum_of(REQUESTS);
    read_kind(OPENAI_COMPLETIONS, "1h", "&group_by[]=project_id", format("&project_ids[]=%.*s", SV_ARG(id)));
    for (unsigned i = 0; i < n_results; i++)
        only = only && sv_eq(results[i].project, id);
    OK(n_results > 0 && only);
    read_kind(OPENAI_COMPLETIONS, "1h", "&group_by[]=api_key_id", format("&api_key_ids=%.*s", SV_ARG(key)));
    OK(n_results > 0 && sv_eq(results[0].key, key));
    read_kind(OPENAI_COMPLETIONS, "1h", "", "&models[]=gpt-6-sol&models[]=gpt-7-aurora");
    both = sum_of(REQUESTS);
    read_kind(OPENAI_COMPLETIONS, "1h", "", "&models[]=gpt-5-mini-2025-08-07");
    OK(both > 0 && both + sum_of(REQUESTS) == all);
    read_kind(OPENAI_COMPLETIONS, "1h", "", "&batch=true");
    batch = sum_of(REQUESTS);
    read_kind(OPENAI_COMPLETIONS, "1h", "", "&batch=false");
    OK(batch > 0 && batch + sum_of(REQUESTS) == all);
}

static void optional_figures_are_absent_where_a_model_does_not_tell_them(void)
{
    json v = asked("usage/completions?" FROM "&bucket_width=1d&group_by[]=model");
    unsigned sol = 0, mini = 0, aurora = 0;
    json r;

    for (struct json_iter it = json_items(json_path(v, "data")); json_item(&it, &v);) {
        for (struct json_iter in = json_items(json_get(v, SV("results"))); json_item(&in, &r);) {
            bool cached = !json_is_absent(json_get(r, SV("input_cached_tokens")));
            bool audio = !json_is_absent(json_get(r, SV("input_audio_tokens")));

            sol += sv_eq(text_in(r, "model"), SV("gpt-6-sol")) && cached && audio;
            mini += sv_eq(text_in(r, "model"), SV("gpt-5-mini-2025-08-07")) && cached && !audio;
            aurora += sv_eq(text_in(r, "model"), SV("gpt-7-aurora")) && !cached && !audio;
        }
    }
    OK(sol == 1 && mini == 1 && aurora == 1);
}

static void parts_of_tokens_add_up(void)
{
    json v = asked("usage/completions?" FROM "&bucket_width=1d&models[]=gpt-6-sol"), bucket, r;
    double uncached = 0, cached = 0, written = 0, input = 0, output = 0, out = 0, by_kind = 0;

    for (struct json_iter it = json_items(json_get(v, SV("data"))); json_item(&it, &bucket);) {
        for (struct json_iter in = json_items(json_get(bucket, SV("results"))); json_item(&in, &r);) {
            uncached += number_in(r, "input_uncached_tokens");
            cached += number_in(r, "input_cached_tokens");
            written += number_in(r, "input_cache_write_tokens");
            input += number_in(r, "input_tokens");
            output += number_in(r, "output_tokens");
            by_kind += number_in(r, "input_text_tokens") + number_in(r, "input_audio_tokens") +
                       number_in(r, "input_image_tokens");
            out += number_in(r, "output_text_tokens") + number_in(r, "output_audio_tokens") +
                   number_in(r, "output_image_tokens");
        }
    }
    OK(input > 0 && input == uncached + cached + written && uncached == by_kind && output == out);
}

static void a_cursor_belongs_to_its_question(void)
{
    const char *path = "usage/embeddings?" FROM "&bucket_width=1m&limit=5";
    sv page = copied(asked(path), "next_page");

    OK(page.len > 0 && ask(format("%s&page=%.*s", path, SV_ARG(page))) == 200);
    OK(ask(format("%s&group_by[]=model&page=%.*s", path, SV_ARG(page))) == 400);
    OK(ask(format("usage/embeddings?limit=5&page=%.*s&bucket_width=1m&" FROM, SV_ARG(page))) == 200);
}

static void the_other_kinds_answer_in_their_own_words(void)
{
    static const struct {
        const char *path, *figure, *dim;
    } rows[] = {
        { "usage/images?" FROM "&bucket_width=1d&group_by[]=size&group_by[]=source", "images", "source" },
        { "usage/audio_speeches?" FROM "&bucket_width=1d&group_by[]=model", "characters", "model" },
        { "usage/audio_transcriptions?" FROM "&bucket_width=1d&group_by[]=model", "seconds", "model" },
        { "usage/moderations?" FROM "&bucket_width=1d&group_by[]=model", "input_tokens", "model" },
        { "usage/web_search_calls?" FROM "&bucket_width=1d&group_by[]=context_level", "num_requests", "context_level" },
        { "usage/file_search_calls?" FROM "&bucket_width=1d&group_by[]=vector_store_id", "num_requests",
          "vector_store_id" },
        { "usage/code_interpreter_sessions?" FROM "&bucket_width=1d&group_by[]=project_id", "num_sessions",
          "project_id" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json v = asked(rows[i].path), r, bucket;
        unsigned n = 0;

        for (struct json_iter it = json_items(json_get(v, SV("data"))); json_item(&it, &bucket);)
            for (struct json_iter in = json_items(json_get(bucket, SV("results"))); json_item(&in, &r);)
                n += number_in(r, rows[i].figure) > 0 && text_in(r, rows[i].dim).len > 0;
        OK(n > 0);
    }
}

/* Storage is a level: the hours of a day do not add up to it. */
static void stored_bytes_are_a_level(void)
{
    double hour = 0, day = 0;
    json bucket, r;

    for (struct json_iter it =
             json_items(json_get(asked("usage/vector_stores?" FROM "&bucket_width=1h&limit=3"), SV("data")));
         json_item(&it, &bucket);)
        for (struct json_iter in = json_items(json_get(bucket, SV("results"))); json_item(&in, &r);)
            hour = number_in(r, "usage_bytes");
    for (struct json_iter it = json_items(json_get(asked("usage/vector_stores?" FROM "&bucket_width=1d"), SV("data")));
         json_item(&it, &bucket);)
        for (struct json_iter in = json_items(json_get(bucket, SV("results"))); json_item(&in, &r);)
            day += number_in(r, "usage_bytes");
    OK(hour > 1e8 && day < 2 * hour);
}

/* ---- restatement ---- */

enum { WATCHED = 30 };

/* Requests of the WATCHED minutes before ORIGIN, by minute. */
static void watch(double out[WATCHED])
{
    int64_t from = ORIGIN / NANO_PER_S - WATCHED * 60;

    memset(out, 0, WATCHED * sizeof *out);
    read_all(format("usage/completions?start_time=%lld&end_time=%lld&bucket_width=1m&group_by[]=project_id",
                    (long long)from, (long long)(ORIGIN / NANO_PER_S)));
    for (unsigned i = 0; i < n_results; i++)
        out[(results[i].start - from) / 60] += results[i].f[REQUESTS];
}

static void a_bucket_grows_and_shrinks_until_half_an_hour_has_passed(void)
{
    double before[WATCHED], now[WATCHED], final[WATCHED];
    unsigned grew = 0, shrank = 0, open_wrong = 0, changed = 0;

    clock_set_manual(ORIGIN + NANO_PER_S);
    watch(before);
    for (unsigned step = 0; step < 16; step++) {
        clock_advance(2 * NANO_PER_MIN);
        watch(now);
        for (unsigned i = 0; i < WATCHED; i++) {
            grew += now[i] > before[i];
            shrank += now[i] < before[i];
        }
        memcpy(before, now, sizeof now);
    }
    clock_set_manual(ORIGIN + 60 * NANO_PER_MIN);
    watch(final);
    for (unsigned i = 0; i < WATCHED; i++)
        open_wrong += now[i] != final[i];
    clock_set_manual(ORIGIN + 600 * NANO_PER_MIN);
    watch(now);
    for (unsigned i = 0; i < WATCHED; i++)
        changed += now[i] != final[i];
    OK(grew > 10 && shrank > 2);
    OK(open_wrong == 0 && changed == 0);
}

static void the_open_bucket_is_listed_with_its_end_to_come(void)
{
    clock_set_manual(ORIGIN + 30 * NANO_PER_S);
    read_all(format("usage/completions?start_time=%lld&bucket_width=1h", (long long)(ORIGIN / NANO_PER_S - 3600)));
    OK(n_buckets == 2 && first_start == ORIGIN / NANO_PER_S - 3600 && last_end == ORIGIN / NANO_PER_S + 3600);
    read_all(format("usage/completions?start_time=%lld&end_time=%lld&bucket_width=1h",
                    (long long)(ORIGIN / NANO_PER_S - 3600), (long long)(ORIGIN / NANO_PER_S + 7200)));
    OK(n_buckets == 2); /* nothing is listed that has not begun */
}

static void an_end_to_come_is_refused_now_and_then_with_the_switch(void)
{
    unsigned refused = 0;

    clock_set_manual(ORIGIN + 3600 * NANO_PER_S);
    sim.options.switches[SW_FUTURE_END] = true;
    for (int i = 0; i < 30; i++)
        refused +=
            ask(format("usage/completions?" FROM "&end_time=%lld", (long long)(ORIGIN / NANO_PER_S + 86400))) == 400;
    sim.options.switches[SW_FUTURE_END] = false;
    OK(refused > 3 && refused < 27);
    OK(ask(format("usage/completions?" FROM "&end_time=%lld", (long long)(ORIGIN / NANO_PER_S + 86400))) == 200);
}

static void an_archived_project_has_use_from_before(void)
{
    const struct openai_project *p = &world()->projects[5];
    int64_t last = 0;

    clock_set_manual(ORIGIN + 3600 * NANO_PER_S);
    read_kind(OPENAI_COMPLETIONS, "1m", "", format("&limit=1440&project_ids[]=%.*s", SV_ARG(p->id)));
    for (unsigned i = 0; i < n_results; i++)
        last = results[i].start > last ? results[i].start : last;
    OK(n_results > 10 && last < p->archived_s && last > p->archived_s - 600);
}

/* ---- costs ---- */

/* Sum of amounts in billionths; *n: results. */
static int64_t costs(const char *more, unsigned *n)
{
    json v = asked(format("costs?start_time=1795392000%s", more)), bucket, r;
    int64_t sum = 0;

    *n = 0;
    for (struct json_iter it = json_items(json_get(v, SV("data"))); json_item(&it, &bucket);) {
        for (struct json_iter in = json_items(json_get(bucket, SV("results"))); json_item(&in, &r); ++*n)
            sum += llround(number_in(json_get(r, SV("amount")), "value") * 1e9);
    }
    return sum;
}

static int64_t true_costs(void)
{
    double sum = 0;
    json s;

    for (struct json_iter it = json_items(truth_series()); json_item(&it, &s);)
        if (sv_eq(text_in(s, "family"), SV("genai_billed_cost")))
            sum += number_in(s, "value");
    return llround(sum * 1e9);
}

static void costs_are_the_truth_however_they_are_grouped(void)
{
    unsigned n, lines, keys;
    int64_t sum, want;

    clock_set_manual(ORIGIN + 4 * 3600 * NANO_PER_S);
    want = true_costs();
    sum = costs("&group_by[]=project_id&group_by[]=line_item", &lines);
    OK(sum == want && sum > 1000000000 && lines > 30);
    OK(costs("&group_by[]=project_id&group_by[]=line_item&group_by[]=api_key_id", &keys) == sum && keys > lines);
    OK(costs("", &n) == sum && n == 1);
}

static void costs_are_partial_today_and_final_three_hours_after_the_last_use(void)
{
    int64_t sums[40], final;
    unsigned n, ups = 0, downs = 0;

    clock_set_manual(ORIGIN - 2 * 3600 * NANO_PER_S);
    for (unsigned i = 0; i < 40; i++) {
        sums[i] = costs("&group_by[]=line_item", &n);
        clock_advance(7 * NANO_PER_MIN);
        ups += i && sums[i] > sums[i - 1];
        downs += i && sums[i] < sums[i - 1];
    }
    clock_set_manual(ORIGIN + 3 * 3600 * NANO_PER_S + NANO_PER_MIN);
    final = costs("&group_by[]=line_item", &n);
    OK(ups > 3 && downs > 0 && sums[0] < final);
    clock_set_manual(ORIGIN + 20 * 3600 * NANO_PER_S);
    OK(costs("&group_by[]=line_item", &n) == final);
}

static void amounts_come_in_three_spellings_and_quantities_with_line_items(void)
{
    unsigned n;

    costs("&group_by[]=line_item&group_by[]=project_id", &n);
    OK(sv_has(buf_sv(&answer.body), SV("e-0")) && sv_has(buf_sv(&answer.body), SV("0000001,")));
    OK(sv_has(buf_sv(&answer.body), SV("\"quantity_unit\":\"tokens\"")));
    OK(sv_has(buf_sv(&answer.body), SV("gpt-5-mini-2025-08-07, cached input")));
    OK(sv_has(buf_sv(&answer.body), SV("gpt-7-aurora, output")));
    costs("", &n);
    OK(sv_has(buf_sv(&answer.body), SV("\"line_item\":null")) && sv_has(buf_sv(&answer.body), SV("\"quantity\":null")));
}

static void a_credit_is_negative_and_nobodys(void)
{
    bool found = false;

    for (int day = 0; day < 12 && !found; day++) {
        int64_t now = ORIGIN + day * 86400 * NANO_PER_S;
        json r, bucket;

        sim.first = ORIGIN / NANO_PER_MIN - 60; /* a life long enough for a day with a credit */
        sim.last = now / NANO_PER_MIN + 1440;
        clock_set_manual(now + 4 * 3600 * NANO_PER_S);
        for (struct json_iter it =
                 json_items(json_get(asked(format("costs?start_time=%lld&group_by[]=line_item&group_by[]=project_id",
                                                  (long long)(now / NANO_PER_S / 86400 * 86400))),
                                     SV("data")));
             json_item(&it, &bucket);)
            for (struct json_iter in = json_items(json_get(bucket, SV("results"))); json_item(&in, &r);)
                found |= sv_eq(text_in(r, "line_item"), SV("credit adjustment")) && text_in(r, "project_id").len == 0 &&
                         number_in(json_get(r, SV("amount")), "value") < 0;
    }
    OK(found);
}

static void costs_by_key_are_refused_with_the_switch(void)
{
    sim.options.switches[SW_COST_KEYS] = true;
    OK(ask("costs?start_time=1795392000&group_by[]=api_key_id") == 400);
    OK(sv_eq(error_text("param"), SV("group_by")) && sv_has(error_text("message"), SV("api_key_id")));
    OK(ask("costs?start_time=1795392000&group_by[]=line_item") == 200);
    sim.options.switches[SW_COST_KEYS] = false;
}

int main(void)
{
    results = calloc(RESULTS_MAX, sizeof *results);
    truth_parser = json_parser_new(0);
    must(results && truth_parser, "out of memory");
    start_openai((struct sim_options){ .seed = 5,
                                       .calls_per_minute = 600,
                                       .late = 0.1,
                                       .revise = 0.1,
                                       .history_ms = 3 * 3600 * 1000,
                                       .duration_ms = 60 * 1000 });
    clock_set_manual(ORIGIN + 4 * 3600 * NANO_PER_S);
    RUN(usage_by_the_minute_is_the_truth);
    RUN(callers_are_the_truth);
    RUN(all_widths_groupings_and_page_sizes_tell_the_same_sum);
    RUN(filters_narrow_to_what_they_name);
    RUN(optional_figures_are_absent_where_a_model_does_not_tell_them);
    RUN(parts_of_tokens_add_up);
    RUN(a_cursor_belongs_to_its_question);
    RUN(the_other_kinds_answer_in_their_own_words);
    RUN(stored_bytes_are_a_level);
    RUN(a_bucket_grows_and_shrinks_until_half_an_hour_has_passed);
    RUN(the_open_bucket_is_listed_with_its_end_to_come);
    RUN(an_end_to_come_is_refused_now_and_then_with_the_switch);
    RUN(an_archived_project_has_use_from_before);
    RUN(costs_are_the_truth_however_they_are_grouped);
    RUN(costs_are_partial_today_and_final_three_hours_after_the_last_use);
    RUN(amounts_come_in_three_spellings_and_quantities_with_line_items);
    RUN(a_credit_is_negative_and_nobodys);
    RUN(costs_by_key_are_refused_with_the_switch);
    stop_sim();
    buf_done(&truth_text);
    json_parser_free(truth_parser);
    free(results);
    return tap_done();
}
