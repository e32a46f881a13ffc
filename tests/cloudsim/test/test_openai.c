/* OpenAI's front: keys and their refusals, parameters, lists and their paging, audit events, faults. */
#include <string.h>

#include "tests/cloudsim/test/openai_client.h"

#define NOW_S (clock_now() / NANO_PER_S)

static void each_wrong_key_is_refused_in_its_own_words(void)
{
    OK(ask_with(SV_NONE, "projects") == 401 && sv_starts(error_text("message"), SV("You didn't provide an API key")));
    OK(ask_with(SV("sk-nonsense"), "projects") == 401 && sv_eq(error_text("code"), SV("invalid_api_key")));
    OK(ask_with(world()->expired_key, "projects") == 401 && sv_eq(error_text("code"), SV("invalid_api_key")));
    OK(!sv_has(buf_sv(&answer.body), world()->expired_key));
    OK(ask_with(world()->eu_key, "projects") == 401 && sv_eq(error_text("code"), SV("incorrect_hostname")));
    OK(sv_ends(error_text("message"), SV("eu.api.openai.com")));
    OK(ask_with(world()->inference_key, "costs?start_time=1") == 403);
    OK(sv_has(error_text("message"), SV("Missing scopes: api.usage.read")));
    OK(ask_with(world()->inference_key, "audit_logs") == 401);
}

static void every_answer_says_whose_and_which_it_is(void)
{
    asked("projects");
    OK(sv_starts(http_response_header(&answer, SV("x-request-id")), SV("req_")));
    OK(sv_eq(http_response_header(&answer, SV("openai-organization")), world()->organization));
    OK(sv_eq(http_response_header(&answer, SV("openai-version")), SV("2020-10-01")));
    OK(http_response_header(&answer, SV("openai-processing-ms")).len > 0);
}

static void a_sixth_call_in_a_second_is_too_many(void)
{
    clock_advance(10 * NANO_PER_S);
    for (int i = 0; i < 5; i++)
        OK(get(world()->admin_key, "/v1/organization/projects") == 200);
    OK(get(world()->admin_key, "/v1/organization/projects") == 429);
    OK(sv_eq(error_text("code"), SV("rate_limit_exceeded")) && sv_eq(error_text("type"), SV("requests")));
    OK(sv_eq(http_response_header(&answer, SV("retry-after")), SV("1")));
    OK(sv_eq(http_response_header(&answer, SV("retry-after-ms")), SV("1000")));
    OK(ask("projects") == 200);
}

static void what_is_wrong_in_a_request_is_named(void)
{
    static const struct {
        const char *path, *param;
    } rows[] = {
        { "usage/completions", "start_time" },
        { "usage/completions?start_time=soon", "start_time" },
        { "usage/completions?start_time=1795510800&limit=0", "limit" },
        { "usage/completions?start_time=1795510800&bucket_width=1m&limit=1441", "limit" },
        { "usage/completions?start_time=1795510800&bucket_width=1h&limit=169", "limit" },
        { "usage/completions?start_time=1795510800&limit=32", "limit" },
        { "usage/completions?start_time=1795510800&bucket_width=5m", "bucket_width" },
        { "usage/completions?start_time=1795510800&end_time=1795510800", "end_time" },
        { "usage/completions?start_time=1795510800&group_by[]=size", "group_by" },
        { "usage/vector_stores?start_time=1795510800&group_by[]=model", "group_by" },
        { "usage/completions?start_time=1795510800&page=page_0", "page" },
        { "costs?start_time=1795510800&bucket_width=1h", "bucket_width" },
        { "costs?start_time=1795510800&limit=181", "limit" },
        { "costs?start_time=1795510800&group_by[]=model", "group_by" },
        { "projects?limit=101", "limit" },
        { "projects?after=proj_none", "after" },
        { "audit_logs?limit=101", "limit" },
        { "audit_logs?after=audit_log-none", "after" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        OK(ask(rows[i].path) == 400 && sv_eq(error_text("type"), SV("invalid_request_error")));
        OK(sv_eq(error_text("param"), sv_of(rows[i].param)));
    }
    OK(ask("costs?start_time=1795510800&limit=366") == 400);
    OK(sv_eq(error_text("message"), SV("Invalid limit provided: 366. Limit must be less than or equal to 180.")));
    OK(ask("usage/images?start_time=1795510800&vector_store_ids[]=vs_1") == 400);
    OK(sv_eq(error_text("message"), SV("Unrecognized request argument supplied: vector_store_ids")));
    OK(ask("usage/realtime?start_time=1") == 404);
    OK(ask("projects/proj_none/rate_limits") == 404 && sv_has(error_text("message"), SV("proj_none")));
}

/* Follows `after` to the end; returns how many items there were, and how many pages. */
static unsigned list_all(const char *path, unsigned *pages)
{
    sv after = SV_NONE;
    unsigned n = 0;
    json v;

    for (*pages = 0; *pages < 200; ++*pages) {
        char sep = strchr(path, '?') ? '&' : '?';

        v = asked(after.len ? format("%s%cafter=%.*s", path, sep, SV_ARG(after)) : path);
        n += (unsigned)json_count(json_get(v, SV("data")));
        after = arena_copy(&arena, text_in(v, "last_id"));
        if (!bool_in(v, "has_more"))
            return n;
    }
    return 0;
}

static void lists_are_read_page_by_page(void)
{
    unsigned pages;

    clock_advance(3600 * NANO_PER_S); /* the archived project is archived by now */
    OK(list_all("projects?limit=100", &pages) == 5 && pages == 1);
    OK(list_all("projects?limit=100&include_archived=true", &pages) == 6 && pages == 1);
    OK(list_all("projects?limit=1&include_archived=true", &pages) == 6 && pages == 5);
    OK(list_all(format("projects/%.*s/rate_limits?limit=100", SV_ARG(world()->projects[0].id)), &pages) ==
       OPENAI_MODELS);
    OK(pages == 1);
    OK(list_all(format("projects/%.*s/api_keys", SV_ARG(world()->projects[1].id)), &pages) == OPENAI_KEYS);
    OK(list_all("users?limit=100", &pages) == OPENAI_USERS && pages == 1);
}

static void a_project_tells_residency_and_when_it_was_archived(void)
{
    const struct openai_project *p = &world()->projects[5];
    json v = asked(format("projects/%.*s", SV_ARG(p->id)));

    OK(sv_eq(text_in(v, "status"), SV("archived")) && number_in(v, "archived_at") == (double)p->archived_s);
    v = asked(format("projects/%.*s", SV_ARG(world()->projects[1].id)));
    OK(sv_eq(text_in(v, "status"), SV("active")) && sv_eq(text_in(v, "residency"), SV("EU_STORAGE_PROCESSING")));
    OK(json_type(json_get(v, SV("archived_at"))) == JSON_NULL);
}

/* ---- audit events ---- */

enum { EVENTS_MAX = 1000 };

struct listing {
    struct {
        sv id, type;
        int64_t at;
    } at[EVENTS_MAX];
    unsigned n;
};

static void read_events(const char *query, struct listing *out)
{
    sv after = SV_NONE;
    json page, e;

    out->n = 0;
    do {
        page = asked(format("audit_logs?limit=7%s%s%.*s", query, after.len ? "&after=" : "", SV_ARG(after)));
        for (struct json_iter it = json_items(json_get(page, SV("data"))); json_item(&it, &e) && out->n < EVENTS_MAX;) {
            out->at[out->n].id = arena_copy(&arena, text_in(e, "id"));
            out->at[out->n].type = arena_copy(&arena, text_in(e, "type"));
            json_i64(json_get(e, SV("effective_at")), &out->at[out->n++].at);
        }
        after = arena_copy(&arena, text_in(page, "last_id"));
    } while (bool_in(page, "has_more"));
}

static bool has(const struct listing *l, sv id)
{
    for (unsigned i = 0; i < l->n; i++)
        if (sv_eq(l->at[i].id, id))
            return true;
    return false;
}

static struct listing plain, tenant;

/* The truth's number of an action. */
static double true_events(sv action)
{
    struct buf text = { .at = NULL };
    double n = 0;
    json s, v;

    truth_write(&sim, 0, INT64_C(4000000000000000000), &text);
    must(json_parse(parser, buf_sv(&text), &v, NULL) == ERR_OK, "truth is no JSON");
    for (struct json_iter it = json_items(json_get(v, SV("series"))); json_item(&it, &s);)
        if (sv_eq(text_in(s, "family"), SV("genai_audit_events_total")) &&
            sv_eq(text_in(json_get(s, SV("labels")), "action"), action))
            n += number_in(s, "value");
    buf_done(&text);
    return n;
}

static void both_listings_together_are_the_truth(void)
{
    unsigned both = 0, wrong = 0;

    clock_advance(3600 * NANO_PER_S);
    read_events("", &plain);
    read_events("&tenant_only=true", &tenant);
    OK(plain.n > 40 && tenant.n > 10);
    for (unsigned i = 0; i < tenant.n; i++)
        both += has(&plain, tenant.at[i].id);
    OK(both > 2 && both < tenant.n);
    for (unsigned t = 0; t < OPENAI_EVENT_TYPES; t++) {
        sv type = sv_of(openai_event_types[t].name);
        unsigned n = 0;

        for (unsigned i = 0; i < plain.n; i++)
            n += sv_eq(plain.at[i].type, type);
        for (unsigned i = 0; i < tenant.n; i++)
            n += sv_eq(tenant.at[i].type, type) && !has(&plain, tenant.at[i].id);
        wrong += n != (unsigned)true_events(type);
    }
    OK(wrong == 0);
}

static void events_come_newest_first_and_share_seconds(void)
{
    unsigned shared = 0;
    bool sorted = true, once = true;

    for (unsigned i = 1; i < plain.n; i++) {
        sorted = sorted && plain.at[i - 1].at >= plain.at[i].at;
        shared += plain.at[i - 1].at == plain.at[i].at;
        for (unsigned k = 0; k < i; k++)
            once = once && !sv_eq(plain.at[i].id, plain.at[k].id);
    }
    OK(sorted && once && shared > 1);
}

static void events_are_filtered_by_time_and_type_and_paged_backwards(void)
{
    static struct listing some;
    int64_t from = plain.at[20].at, until = plain.at[8].at;
    unsigned want = 0, types = 0;
    json v;

    for (unsigned i = 0; i < plain.n; i++) {
        want += plain.at[i].at >= from && plain.at[i].at < until;
        types += sv_eq(plain.at[i].type, SV("login.failed"));
    }
    read_events(format("&effective_at[gte]=%lld&effective_at[lt]=%lld", (long long)from, (long long)until), &some);
    OK(want > 3 && some.n == want);
    read_events(format("&effective_at[gt]=%lld&effective_at[lte]=%lld", (long long)from - 1, (long long)until - 1),
                &some);
    OK(some.n == want);
    read_events("&event_types[]=login.failed", &some);
    OK(types > 0 && some.n == types);
    v = asked(format("audit_logs?limit=3&before=%.*s", SV_ARG(plain.at[10].id)));
    OK(json_count(json_get(v, SV("data"))) == 3 && bool_in(v, "has_more"));
    OK(sv_eq(text_in(v, "first_id"), plain.at[7].id) && sv_eq(text_in(v, "last_id"), plain.at[9].id));
}

static void an_event_is_visible_within_ten_minutes(void)
{
    struct openai_event events[OPENAI_EVENTS_MAX];
    unsigned n = 0, late = 0;

    for (int64_t m = sim.first; m < sim.last; m++) {
        unsigned k = openai_events_of(world(), &sim, m, events);

        n += k;
        while (k-- > 0)
            late += events[k].visible < events[k].at_s * NANO_PER_S ||
                    events[k].visible > (events[k].at_s + 600) * NANO_PER_S;
    }
    OK(n > 40 && late == 0);
}

/* ---- faults ---- */

static void fault(const char *body)
{
    must(control("POST", "/faults", body) == 200, body);
}

static void faults_speak_as_openai_does(void)
{
    fault("{\"cloud\":\"openai\",\"kind\":\"throttle\",\"seconds\":7}");
    OK(ask("projects") == 429 && sv_eq(http_response_header(&answer, SV("retry-after-ms")), SV("7000")));
    fault("{\"clear\":true}");
    fault("{\"api\":\"costs\",\"kind\":\"status\",\"status\":429}");
    OK(ask("costs?start_time=1") == 429 && sv_eq(error_text("code"), SV("insufficient_quota")) &&
       ask("projects") == 200);
    fault("{\"clear\":true}");
    fault("{\"api\":\"usage.images\",\"kind\":\"status\",\"status\":404}");
    OK(ask("usage/images?start_time=1") == 404 && ask("usage/embeddings?start_time=1") == 200);
    fault("{\"clear\":true}");
    fault("{\"cloud\":\"openai\",\"api\":\"*\",\"kind\":\"status\"}");
    OK(ask("projects") == 503 && sv_eq(error_text("type"), SV("server_error")));
    fault("{\"clear\":true}");
    fault("{\"cloud\":\"openai\",\"kind\":\"deny\"}");
    OK(ask("usage/images?start_time=1") == 403 && sv_has(error_text("message"), SV("Missing scopes")));
    fault("{\"clear\":true}");
    fault("{\"cloud\":\"openai\",\"kind\":\"drop\"}");
    OK(ask("projects") == 0);
    fault("{\"clear\":true}");
    OK(control("POST", "/faults", "{\"cloud\":\"openai\",\"api\":\"usage.nothing\",\"kind\":\"drop\"}") == 400);
}

static void a_partial_answer_repeats_its_cursor(void)
{
    const char *usage = "usage/completions?start_time=1795510800&bucket_width=1m&limit=5";
    sv cursor;
    json v;

    fault("{\"cloud\":\"openai\",\"kind\":\"partial\"}");
    cursor = arena_copy(&arena, text_in(asked(usage), "next_page"));
    v = asked(format("%s&page=%.*s", usage, SV_ARG(cursor)));
    OK(cursor.len > 0 && bool_in(v, "has_more") && sv_eq(text_in(v, "next_page"), cursor));
    cursor = arena_copy(&arena, text_in(asked("projects"), "last_id"));
    v = asked(format("projects?after=%.*s", SV_ARG(cursor)));
    OK(bool_in(v, "has_more") && sv_eq(text_in(v, "last_id"), cursor));
    fault("{\"clear\":true}");
}

static double calls_of(const char *api)
{
    json a;

    must(control("GET", "/requests", NULL) == 200, "/requests");
    for (struct json_iter it = json_items(json_get(parsed(), SV("apis"))); json_item(&it, &a);)
        if (sv_eq(text_in(a, "cloud"), SV("openai")) && sv_eq(text_in(a, "api"), sv_of(api)))
            return number_in(a, "calls");
    return -1;
}

static void calls_are_counted_by_their_names(void)
{
    double before = calls_of("rate_limits.list");

    ask(format("projects/%.*s/rate_limits", SV_ARG(world()->projects[0].id)));
    OK(before >= 0 && calls_of("rate_limits.list") == before + 1);
    OK(calls_of("usage.audio_transcriptions") == 0 && calls_of("costs") > 0 && calls_of("audit_logs.list") > 0);
}

static void keys_and_configuration_are_written(void)
{
    struct buf text = { .at = NULL };
    struct err e = { .code = ERR_OK };

    OK(config_write(&sim, &e) == ERR_OK);
    OK(buf_read_file(&text, format("%s/openai-admin-key", dir), 4096, &e) == ERR_OK &&
       sv_eq(buf_sv(&text), world()->admin_key));
    buf_clear(&text);
    OK(buf_read_file(&text, format("%s/trefoil.yaml", dir), 1 << 16, &e) == ERR_OK);
    OK(sv_has(buf_sv(&text), SV("openai:\n")) && sv_has(buf_sv(&text), world()->organization));
    OK(!sv_has(buf_sv(&text), SV("azure:")) && !sv_has(buf_sv(&text), world()->admin_key));
    buf_done(&text);
}

int main(void)
{
    start_openai((struct sim_options){
        .seed = 11, .calls_per_minute = 600, .history_ms = 3 * 3600 * 1000, .duration_ms = 60 * 1000 });
    RUN(each_wrong_key_is_refused_in_its_own_words);
    RUN(every_answer_says_whose_and_which_it_is);
    RUN(a_sixth_call_in_a_second_is_too_many);
    RUN(what_is_wrong_in_a_request_is_named);
    RUN(lists_are_read_page_by_page);
    RUN(a_project_tells_residency_and_when_it_was_archived);
    RUN(both_listings_together_are_the_truth);
    RUN(events_come_newest_first_and_share_seconds);
    RUN(events_are_filtered_by_time_and_type_and_paged_backwards);
    RUN(an_event_is_visible_within_ten_minutes);
    RUN(faults_speak_as_openai_does);
    RUN(a_partial_answer_repeats_its_cursor);
    RUN(calls_are_counted_by_their_names);
    RUN(keys_and_configuration_are_written);
    stop_sim();
    return tap_done();
}
