/* CloudWatch Logs and CloudTrail as cloudsim plays them: each entry once, in time, and as many as the truth says. */
#include "collector/base/hash.h"

#include "tests/cloudsim/aws/aws_entries.h"
#include "tests/cloudsim/aws/aws_filter.h"
#include "tests/cloudsim/test/aws_client.h"

#define SETTLED  (ORIGIN + 40 * NANO_PER_MIN)
#define FIRST_MS (ORIGIN / NANO_PER_MS - 7200 * INT64_C(1000))
#define LAST_MS  (ORIGIN / NANO_PER_MS + 1200 * INT64_C(1000))

/* ---- a reader of pages that remembers ids ---- */

enum { IDS_MAX = 1 << 17 };
static uint64_t ids[IDS_MAX];

static bool id_is_new(sv id)
{
    uint64_t h = hash64(id) | 1;
    size_t i = h % IDS_MAX;

    while (ids[i] && ids[i] != h)
        i = (i + 1) % IDS_MAX;
    if (ids[i])
        return false;
    ids[i] = h;
    return true;
}

struct tally {
    unsigned events, again, pages, empty, disorder, early; /* early: shown before its ingestion */
};
/* Called with each message; may be NULL. */
typedef void (*looker)(json message);
static struct json_parser *message_parser;

static void count_event(struct tally *t, json e, int64_t now, int64_t *last, looker look)
{
    int64_t at = 0, ingested = 0;
    json message;

    json_i64(json_get(e, SV("timestamp")), &at);
    json_i64(json_get(e, SV("ingestionTime")), &ingested);
    t->events++;
    t->again += !id_is_new(json_sv(json_get(e, SV("eventId"))));
    t->disorder += at < *last;
    t->early += ingested * NANO_PER_MS > now || ingested < at || ingested > at + 15 * 60 * 1000;
    *last = at;
    must(json_parse(message_parser, json_sv(json_get(e, SV("message"))), &message, NULL) == ERR_OK, "message");
    if (look)
        look(message);
}

static struct tally read_group(const struct aws_place *p, const char *body, int64_t now, looker look)
{
    struct tally t = { 0 };
    sv token = SV_NONE;
    int64_t last = 0;
    json a, e;

    memset(ids, 0, sizeof ids);
    do {
        unsigned before = t.events;

        a = call_in(aws_filter_log_events, p, now, with_token(body, "nextToken", token));
        must(reply.status == 200, "refused");
        for (struct json_iter it = json_items(json_get(a, SV("events"))); json_item(&it, &e);)
            count_event(&t, e, now, &last, look);
        t.pages++;
        t.empty += t.events == before;
        token = arena_copy(&arena, json_sv(json_get(a, SV("nextToken"))));
        must(reply.body.len < 3 << 20, "a page of more than a megabyte of messages");
    } while (token.len);
    return t;
}

static const char *filter_body(sv group, const char *more)
{
    return format("{\"logGroupName\":\"%.*s\",\"startTime\":%lld,\"endTime\":%lld%s}", SV_ARG(group),
                  (long long)FIRST_MS, (long long)LAST_MS, more);
}

/* ---- invocation records ---- */

static uint64_t first_bytes, tokens;

static void look_at_record(json m)
{
    json chunk;
    int64_t v;

    must(sv_eq(json_sv(json_get(m, SV("schemaType"))), SV("ModelInvocationLog")), "no record");
    for (struct json_iter it = json_items(json_path(m, "output/outputBodyJson")); json_item(&it, &chunk);)
        first_bytes += json_i64(json_path(chunk, "amazon-bedrock-invocationMetrics/firstByteLatency"), &v);
    tokens += json_i64(json_path(m, "input/inputTokenCount"), &v) ? (uint64_t)v : 0;
    tokens += json_i64(json_path(m, "input/cacheReadInputTokenCount"), &v) ? (uint64_t)v : 0;
    tokens += json_i64(json_path(m, "input/cacheWriteInputTokenCount"), &v) ? (uint64_t)v : 0;
}

static double truth_in(json truth, const struct aws_place *p, const char *family, sv platform, const char *name, sv v)
{
    const struct want want[] = { { "account", aws_of(&sim)->world.accounts[p->account].id },
                                 { "cloud_region", p->region->name },
                                 { "platform", platform },
                                 { name, v },
                                 { NULL, SV_NONE } };

    return truth_sum(truth, family, want);
}

/* Other publishers' calls stand in the same group: the filter leaves them out, but for opaque profiles. */
#define OPENAI ",\"filterPattern\":\"{ $.modelId = \\\"*openai.*\\\" }\""

static void records_are_what_the_truth_says(void)
{
    json truth = truth_now();
    unsigned wrong = 0, places = 0, again = 0, empty = 0, early = 0, disorder = 0;

    for (unsigned i = 0; i < aws_of(&sim)->world.n_places; i++) {
        const struct aws_place *p = &aws_of(&sim)->world.places[i];
        double calls = 0, input = 0;
        struct tally t;

        for (unsigned k = 0; k < p->n_deployments; k++) {
            const struct aws_deployment *d = &aws_of(&sim)->world.deployments[p->first_deployment + k];
            const struct want want[] = { { "account", aws_of(&sim)->world.accounts[p->account].id },
                                         { "cloud_region", p->region->name },
                                         { "platform", SV("bedrock") },
                                         { "deployment", d->label_deployment },
                                         { "model", d->label_model },
                                         { NULL, SV_NONE } };
            struct want in[7];

            if (d->plane != AWS_RUNTIME || !sv_has(d->model_id, SV("openai.")))
                continue;
            calls += truth_sum(truth, "genai_logged_calls_total", want);
            memcpy(in, want, sizeof want);
            in[5] = (struct want){ "direction", SV("input") };
            in[6] = (struct want){ NULL, SV_NONE };
            input += truth_sum(truth, "genai_logged_tokens_total", in);
        }
        if (!p->log_group.len) {
            wrong += calls != 0;
            continue;
        }
        tokens = 0;
        t = read_group(p, filter_body(p->log_group, OPENAI), SETTLED, look_at_record);
        wrong += t.events != (unsigned)calls || (double)tokens != input;
        again += t.again;
        empty += t.empty;
        early += t.early;
        disorder += t.disorder;
        places++;
    }
    OK(wrong == 0 && places > 12);
    OK(again == 0 && early == 0 && disorder == 0);
    OK(empty > 0); /* an empty page is not the end */
}

/* Each logged call has a caller, in his account and with his model; and so have its tokens. */
static void callers_add_up_to_the_logged_calls(void)
{
    json truth = truth_now();
    unsigned wrong = 0;

    for (unsigned i = 0; i < aws_of(&sim)->world.n_members; i++) {
        const struct want want[] = { { "account", aws_of(&sim)->world.accounts[i].id }, { NULL, SV_NONE } };

        wrong +=
            truth_sum(truth, "genai_caller_calls_total", want) != truth_sum(truth, "genai_logged_calls_total", want);
        wrong +=
            truth_sum(truth, "genai_caller_tokens_total", want) != truth_sum(truth, "genai_logged_tokens_total", want);
        for (unsigned k = 0; k < aws_of(&sim)->world.n_deployments; k++) {
            const struct want of[] = { want[0], { "model", aws_of(&sim)->world.deployments[k].label_model }, want[1] };

            wrong +=
                truth_sum(truth, "genai_caller_calls_total", of) != truth_sum(truth, "genai_logged_calls_total", of);
        }
    }
    OK(wrong == 0 && truth_sum(truth, "genai_caller_calls_total", &(struct want){ NULL, SV_NONE }) > 1000);
}

static void first_byte_latency_is_told_once_for_each_stream(void)
{
    json truth = truth_now();
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    double want = truth_in(truth, p, "genai_time_to_first_token_seconds_count", SV("bedrock"), NULL, SV_NONE);

    first_bytes = 0;
    read_group(p, filter_body(p->log_group, ""), SETTLED, look_at_record);
    OK(want > 10 && (double)first_bytes >= want);
    first_bytes = 0;
    read_group(p, filter_body(p->log_group, ",\"filterPattern\":\"{ $.operation = \\\"Converse*\\\" }\""), SETTLED,
               look_at_record);
    OK(first_bytes == 0);
}

static void records_come_late_but_within_ten_minutes(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    int64_t at = (FIRST_MS + 3600 * 1000) * NANO_PER_MS;
    const char *body = format("{\"logGroupName\":\"%.*s\",\"startTime\":%lld,\"endTime\":%lld}", SV_ARG(p->log_group),
                              (long long)(FIRST_MS + 3000 * 1000), (long long)(FIRST_MS + 3600 * 1000));
    unsigned now = read_group(p, body, at, NULL).events, soon = read_group(p, body, at + 60 * NANO_PER_S, NULL).events,
             ten = read_group(p, body, at + 10 * NANO_PER_MIN, NULL).events,
             end = read_group(p, body, SETTLED, NULL).events;

    OK(now < soon && soon < ten);
    OK(ten == end);
}

/* ---- the trail ---- */

static double inference, data, management, data_errors;

static void look_at_event(json m)
{
    sv name = json_sv(json_get(m, SV("eventName"))), source = json_sv(json_get(m, SV("eventSource")));
    bool call =
        sv_eq(source, SV("bedrock.amazonaws.com")) && !json_is_absent(json_path(m, "requestParameters/modelId"));

    inference += call;
    management += !call && !sv_eq(name, SV("CreateInference"));
    if (!sv_eq(name, SV("CreateInference")) ||
        !sv_starts(json_sv(json_path(m, "requestParameters/model")), SV("openai.")))
        return;
    data++;
    data_errors += json_sv(json_get(m, SV("errorCode"))).len > 0;
}

static void the_trail_tells_of_mantle_calls(void)
{
    json truth = truth_now();
    unsigned wrong = 0, places = 0;

    for (unsigned i = 0; i < aws_of(&sim)->world.n_places; i++) {
        const struct aws_place *p = &aws_of(&sim)->world.places[i];
        double want = truth_in(truth, p, "genai_logged_calls_total", SV("bedrock_mantle"), NULL, SV_NONE);
        double good = truth_in(truth, p, "genai_logged_calls_total", SV("bedrock_mantle"), "outcome", SV("success"));
        struct tally t;

        data = data_errors = 0;
        t = read_group(p, filter_body(aws_of(&sim)->world.trail_group, ""), SETTLED, look_at_event);
        wrong += data != want || data - data_errors != good || t.again || t.early || t.disorder;
        wrong += (want > 0) != p->trail_data;
        places += want > 0;
    }
    OK(wrong == 0 && places > 10);
    OK(inference > 0 && management > 0);
}

static unsigned look_up(const struct aws_place *p, const char *body, int64_t now, bool *newest_first, double *counted,
                        unsigned *pages)
{
    sv token = SV_NONE;
    double at, last = 1e18;
    unsigned n = 0;
    json a, e, m;

    memset(ids, 0, sizeof ids);
    do {
        a = call_in(aws_lookup_events, p, now, with_token(body, "NextToken", token));
        must(reply.status == 200 && json_count(json_get(a, SV("Events"))) <= 50, "a page");
        for (struct json_iter it = json_items(json_get(a, SV("Events"))); json_item(&it, &e); n++) {
            sv source = json_sv(json_get(e, SV("EventSource")));

            must(json_f64(json_get(e, SV("EventTime")), &at), "EventTime");
            *newest_first &= at <= last && id_is_new(json_sv(json_get(e, SV("EventId"))));
            last = at;
            must(json_parse(message_parser, json_sv(json_get(e, SV("CloudTrailEvent"))), &m, NULL) == ERR_OK, "event");
            *newest_first &= sv_eq(json_sv(json_get(m, SV("eventID"))), json_sv(json_get(e, SV("EventId"))));
            *counted += sv_starts(source, SV("bedrock")) && sv_eq(json_sv(json_get(e, SV("ReadOnly"))), SV("false"));
        }
        ++*pages;
        token = arena_copy(&arena, json_sv(json_get(a, SV("NextToken"))));
    } while (token.len);
    return n;
}

#define WRITES "{\"LookupAttributes\":[{\"AttributeKey\":\"ReadOnly\",\"AttributeValue\":\"false\"}]}"

static void look_ups_hold_each_audit_event_once(void)
{
    json truth = truth_now();
    bool good = true;
    unsigned wrong = 0, pages = 0, n = 0;

    for (unsigned i = 0; i < aws_of(&sim)->world.n_members; i++) {
        const struct aws_account *a = &aws_of(&sim)->world.accounts[i];
        const struct want want[] = { { "account", a->id }, { NULL, SV_NONE } };
        double counted = 0;

        for (unsigned k = 0; k < a->n_places; k++)
            n += look_up(&aws_of(&sim)->world.places[a->first_place + k], WRITES, SETTLED, &good, &counted, &pages);
        wrong += counted != truth_sum(truth, "genai_audit_events_total", want);
    }
    OK(good && wrong == 0);
    OK(n > 500 && pages > aws_of(&sim)->world.n_places);
}

static void inference_drowns_audit_where_reads_are_asked_for(void)
{
    bool good = true;
    double counted = 0;
    unsigned pages = 0;
    unsigned all = look_up(&aws_of(&sim)->world.places[0], "{}", SETTLED, &good, &counted, &pages);
    unsigned of_source = look_up(&aws_of(&sim)->world.places[0],
                                 "{\"LookupAttributes\":[{\"AttributeKey\":\"EventSource\",\"AttributeValue\":"
                                 "\"bedrock.amazonaws.com\"}]}",
                                 SETTLED, &good, &counted, &pages);

    OK(good && of_source > 200 && of_source < all);
}

static void a_token_wants_its_own_request(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    sv token = SV_NONE;
    json a = call_in(aws_lookup_events, p, SETTLED, "{}");

    token = arena_copy(&arena, json_sv(json_get(a, SV("NextToken"))));
    OK(token.len > 0);
    call_in(aws_lookup_events, p, SETTLED, with_token(WRITES, "NextToken", token));
    OK(sv_has(buf_sv(&reply.body), SV("InvalidNextTokenException")));
    call_in(aws_filter_log_events, p, SETTLED, with_token(filter_body(p->log_group, ""), "nextToken", SV("guess")));
    OK(reply.status == 400);
    call_in(aws_filter_log_events, p, SETTLED, filter_body(SV("/no/such/group"), ""));
    OK(reply.status == 400 && sv_has(buf_sv(&reply.body), SV("ResourceNotFoundException")));
    call_in(aws_filter_log_events, p, SETTLED, filter_body(p->log_group, ",\"limit\":10001"));
    OK(reply.status == 400);
    call_in(aws_lookup_events, p, SETTLED, "{\"MaxResults\":51}");
    OK(reply.status == 400);
}

static void groups_are_described_in_pages(void)
{
    const struct aws_place *p = &aws_of(&sim)->world.places[0];
    sv token = SV_NONE;
    unsigned n = 0;
    bool found = false;
    json a, g;

    do {
        a = call_in(aws_describe_log_groups, p, SETTLED, with_token("{\"limit\":1}", "nextToken", token));
        for (struct json_iter it = json_items(json_get(a, SV("logGroups"))); json_item(&it, &g); n++)
            found |= sv_eq(json_sv(json_get(g, SV("logGroupName"))), p->log_group);
        token = arena_copy(&arena, json_sv(json_get(a, SV("nextToken"))));
    } while (token.len);
    OK(n == 3 && found);
}

/* ---- patterns ---- */

static bool matches(const char *pattern, const char *message)
{
    const struct aws_filter *f;

    must(aws_filter_parse(sv_of(pattern), &arena, &f), pattern);
    return aws_filter_match(f, sv_of(message), message_parser);
}

static void patterns_match_as_documented(void)
{
    const char *m = "{\"a\":{\"b\":\"bedrock.amazonaws.com\"},\"n\":5,\"t\":true,\"z\":null}";
    const struct aws_filter *f;

    OK(matches("", m) && matches("bedrock \"amazonaws.com\"", m) && !matches("bedrock -amazonaws", m));
    OK(matches("{ $.a.b = \"bedrock.amazonaws.com\" }", m) && matches("{ $.a.b = bedrock* }", m));
    OK(!matches("{ $.a.b = \"bedrock\" }", m) && matches("{ $.a.b = \"*drock*com\" }", m));
    OK(matches("{ ($.a.b = \"x\") || ($.n >= 5 && $.n < 6) }", m) && !matches("{ $.n = 5 && $.n != 5 }", m));
    OK(matches("{ $.t IS TRUE && $.z IS NULL && $.q NOT EXISTS }", m) && !matches("{ $.q = \"x\" }", m));
    OK(!aws_filter_parse(SV("{ $.a = }"), &arena, &f) && !aws_filter_parse(SV("{ $.a = \"x\" "), &arena, &f));
    OK(!aws_filter_parse(SV("{ a = 1 }"), &arena, &f));
}

int main(void)
{
    start_aws((struct sim_options){
        .seed = 9, .calls_per_minute = 1200, .history_ms = 2 * 3600 * 1000, .duration_ms = 600 * 1000 });
    message_parser = json_parser_new(0);
    RUN(patterns_match_as_documented);
    RUN(records_are_what_the_truth_says);
    RUN(callers_add_up_to_the_logged_calls);
    RUN(first_byte_latency_is_told_once_for_each_stream);
    RUN(records_come_late_but_within_ten_minutes);
    RUN(the_trail_tells_of_mantle_calls);
    RUN(look_ups_hold_each_audit_event_once);
    RUN(inference_drowns_audit_where_reads_are_asked_for);
    RUN(a_token_wants_its_own_request);
    RUN(groups_are_described_in_pages);
    json_parser_free(message_parser);
    stop_aws();
    return tap_done();
}
