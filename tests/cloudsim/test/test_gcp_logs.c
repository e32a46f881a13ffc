/* Cloud Logging as cloudsim plays it: a reader that goes on until there is no token finds each entry once. */
#include "tests/cloudsim/gcp/gcp_log.h"
#include "tests/cloudsim/test/gcp_client.h"

#define DATA_ACCESS "log_id(\\\"cloudaudit.googleapis.com/data_access\\\")"
#define ACTIVITY    "log_id(\\\"cloudaudit.googleapis.com/activity\\\")"
#define VERTEX      "protoPayload.serviceName=\\\"aiplatform.googleapis.com\\\""
#define PREDICTIONS DATA_ACCESS " AND " VERTEX " AND protoPayload.methodName:\\\"PredictionService\\\""

static struct json_parser *body_parser;

/* POST /v2/entries:list; views of the answer live until the next call. */
static json ask(int64_t now, const char *body)
{
    struct gcp_request own = { .bad_body = false };
    struct exchange x = { .sim = &sim, .r = &reply, .now = now, .own = &own };
    json out = { .tape = NULL };

    buf_clear(&reply.body);
    reply.status = 0;
    arena_init(&x.arena, 0);
    must(json_parse(body_parser, sv_of(body), &own.body, NULL) == ERR_OK, body);
    gcp_entries(&x);
    arena_done(&x.arena);
    must(json_parse(parser, buf_sv(&reply.body), &out, NULL) == ERR_OK, "the answer is no JSON");
    return out;
}

static const char *body_of(sv name, const char *filter, const char *more)
{
    return format("{\"resourceNames\":[\"%.*s\"],\"filter\":\"%s\"%s}", SV_ARG(name), filter, more);
}

static sv name_of(const struct gcp_project *p)
{
    return arena_printf(&arena, "projects/%.*s", SV_ARG(p->id));
}

/* ---- a reader that makes no mistakes ---- */

struct tally {
    uint64_t entries, pages, empty, firsts, console, others, counted;
    uint64_t throttled, chat, named, callers[GCP_CALLERS];
    uint64_t ids; /* sum of the keys' hashes */
    bool ordered;
};

static void count_caller(struct tally *t, json payload)
{
    sv email = json_sv(json_path(payload, "authenticationInfo/principalEmail")),
       subject = json_sv(json_path(payload, "authenticationInfo/principalSubject")),
       ip = json_sv(json_path(payload, "requestMetadata/callerIp"));

    for (unsigned i = 0; i < GCP_CALLERS; i++) {
        const struct gcp_caller *c = &world()->callers[i];

        t->callers[i] += sv_eq(c->email, email) && sv_eq(c->subject, subject) && sv_eq(c->ip, ip);
    }
}

static void count_prediction(struct tally *t, json entry, json payload)
{
    sv method = json_sv(json_get(payload, SV("methodName"))), resource = json_sv(json_get(payload, SV("resourceName")));
    bool first = false, last = false;
    int64_t code = 0;

    json_bool(json_path(entry, "operation/first"), &first);
    json_bool(json_path(entry, "operation/last"), &last);
    json_i64(json_path(payload, "status/code"), &code);
    if (first && !last) {
        t->firsts++;
    } else if (sv_has(method, SV(".internal."))) {
        t->console++;
    } else if (sv_has(resource, SV("publishers/")) && !sv_has(resource, SV("publishers/openai/"))) {
        t->others++;
    } else {
        t->counted++;
        t->throttled += code == 8;
        t->chat += sv_ends(method, SV(".ChatCompletions"));
        t->named += sv_has(resource, SV("publishers/"));
        count_caller(t, payload);
    }
}

static void read_entries(const char *body, int64_t now, struct tally *t)
{
    sv token = SV_NONE;
    int64_t before = 0;
    json a, entry;

    *t = (struct tally){ .ordered = true };
    do {
        a = ask(now,
                token.len ? format("%.*s,\"pageToken\":\"%.*s\"}", (int)strlen(body) - 1, body, SV_ARG(token)) : body);
        must(reply.status == 200, reply.body.at);
        t->pages++;
        t->empty += json_is_absent(json_get(a, SV("entries")));
        for (struct json_iter it = json_items(json_get(a, SV("entries"))); json_item(&it, &entry);) {
            int64_t at = 0;

            json_time(json_get(entry, SV("timestamp")), &at);
            t->ordered &= at >= before;
            before = at;
            t->entries++;
            t->ids += json_hash(0, json_get(entry, SV("insertId")));
            count_prediction(t, entry, json_get(entry, SV("protoPayload")));
        }
        token = arena_copy(&arena, json_sv(json_get(a, SV("nextPageToken"))));
    } while (token.len);
}

static double truth_logged(json truth, const struct gcp_project *p, const char *name, const char *value)
{
    const struct want want[] = { { "account", p->id }, { name, sv_of(value) }, { NULL, SV_NONE } };

    return truth_sum(truth, "genai_logged_calls_total", want);
}

static bool callers_agree(json truth, const struct gcp_project *p, const struct tally *t)
{
    bool good = true;

    for (unsigned i = 0; i < GCP_CALLERS; i++) {
        const struct gcp_caller *c = &world()->callers[i];
        const struct want want[] = { { "account", p->id },
                                     { "caller", c->email.len     ? c->email
                                                 : c->subject.len ? c->subject
                                                                  : c->ip },
                                     { NULL, SV_NONE } };

        good &= truth_sum(truth, "genai_caller_calls_total", want) == (double)t->callers[i];
    }
    return good;
}

/* ---- what is read ---- */

static void logged_calls_add_up(void)
{
    json truth = truth_now();
    struct tally t;

    for (unsigned i = 0; i < world()->n_members; i++) {
        const struct gcp_project *p = &world()->projects[i];

        read_entries(body_of(name_of(p), PREDICTIONS, ",\"pageSize\":200,\"orderBy\":\"timestamp asc\""), SETTLED, &t);
        OK((double)t.counted == truth_logged(truth, p, NULL, NULL));
        OK((double)t.throttled == truth_logged(truth, p, "outcome", "throttled"));
        OK((double)t.chat == truth_logged(truth, p, "operation", "chat"));
        OK((double)(t.counted - t.named) == truth_logged(truth, p, "model", ""));
        OK(callers_agree(truth, p, &t));
        OK(t.ordered);
        if (!p->logs || !p->private_viewer) {
            OK(t.entries == 0 && t.pages == 1); /* silently */
            continue;
        }
        OK(t.counted > 500 && t.firsts > 50 && t.console > 10 && t.empty > 0);
        OK(p->exempted < 0 || t.callers[p->exempted] == 0);
    }
}

/* ---- administration ---- */

/* Entries of the activity log by outcome: started, success, failure; of what is counted. */
static void count_events(const struct gcp_project *p, uint64_t n[3], uint64_t *others, bool *delta)
{
    sv token = SV_NONE;
    json a, entry;

    do {
        a = ask(SETTLED, format("{\"resourceNames\":[\"projects/%.*s\"],\"filter\":\"logName=\\\"projects/%.*s/logs/"
                                "cloudaudit.googleapis.com%%2Factivity\\\"\",\"pageSize\":1000,\"pageToken\":\"%.*s\"}",
                                SV_ARG(p->number), SV_ARG(p->id), SV_ARG(token)));
        must(reply.status == 200, reply.body.at);
        for (struct json_iter it = json_items(json_get(a, SV("entries"))); json_item(&it, &entry);) {
            json payload = json_get(entry, SV("protoPayload"));
            sv service = json_sv(json_get(payload, SV("serviceName"))),
               method = json_sv(json_get(payload, SV("methodName")));
            bool first = false, last = false, wanted = false;
            int64_t code = 0;

            for (unsigned i = 0; i < GCP_EVENTS_COUNTED; i++)
                wanted |= sv_eq(service, sv_of(gcp_event_names[i].service)) &&
                          sv_eq(method, sv_of(gcp_event_names[i].method));
            json_bool(json_path(entry, "operation/first"), &first);
            json_bool(json_path(entry, "operation/last"), &last);
            json_i64(json_path(payload, "status/code"), &code);
            *others += !wanted;
            n[first && !last ? 0 : code ? 2 : 1] += wanted;
            *delta |= sv_eq(method, SV("SetIamPolicy")) &&
                      json_count(json_path(payload, "serviceData/policyDelta/auditConfigDeltas")) == 1;
        }
        token = arena_copy(&arena, json_sv(json_get(a, SV("nextPageToken"))));
    } while (token.len);
}

static double truth_audit(json truth, const struct gcp_project *p, const char *outcome)
{
    const struct want want[] = { { "account", p->id }, { "outcome", sv_of(outcome) }, { NULL, SV_NONE } };

    return truth_sum(truth, "genai_audit_events_total", want);
}

static void administration_adds_up(void)
{
    json truth = truth_now();
    bool delta = false;

    for (unsigned i = 0; i < world()->n_members; i++) {
        const struct gcp_project *p = &world()->projects[i];
        uint64_t n[3] = { 0 }, others = 0;

        count_events(p, n, &others, &delta);
        OK(n[0] > 5 && n[1] > 20 && n[2] > 3 && others > 5);
        OK((double)n[0] == truth_audit(truth, p, "started"));
        OK((double)n[1] == truth_audit(truth, p, "success"));
        OK((double)n[2] == truth_audit(truth, p, "failure"));
    }
    OK(delta);
}

static void actions_are_service_and_method(void)
{
    static const char *const actions[] = { "aiplatform:deploymodel",      "cloudresourcemanager:setiampolicy",
                                           "iam:createserviceaccountkey", "logging:updatesink",
                                           "serviceusage:disableservice", "apikeys:createkey" };
    json truth = truth_now();

    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        const struct want want[] = { { "action", sv_of(actions[i]) }, { NULL, SV_NONE } };

        tap_ok(truth_sum(truth, "genai_audit_events_total", want) > 0, actions[i], __FILE__, __LINE__);
    }
}

/* ---- time ---- */

static const char *received(int64_t from, int64_t to)
{
    struct buf b = { .at = NULL };
    const char *out;

    buf_put(&b, SV(PREDICTIONS " AND receiveTimestamp>=\\\""));
    buf_time(&b, from, 9);
    buf_put(&b, SV("\\\" AND receiveTimestamp<\\\""));
    buf_time(&b, to, 9);
    buf_put(&b, SV("\\\" AND timestamp>=\\\"2026-11-23T00:00:00Z\\\""));
    out = arena_copy(&arena, buf_sv(&b)).at;
    buf_done(&b);
    return out;
}

/* A cursor by receipt that stays 4 min behind: what is visible 3 min after receipt is found, each entry once. */
static void windows_by_receipt_find_each_entry_once(void)
{
    const struct gcp_project *p = &world()->projects[1];
    struct tally whole, sum = { .entries = 0 }, t;
    int64_t from = ORIGIN - 60 * NANO_PER_MIN;

    read_entries(body_of(name_of(p), received(from, ORIGIN), ",\"pageSize\":1000"), SETTLED, &whole);
    for (int i = 0; i < 12; i++, from += 5 * NANO_PER_MIN) {
        read_entries(body_of(name_of(p), received(from, from + 5 * NANO_PER_MIN), ",\"pageSize\":1000"),
                     from + 9 * NANO_PER_MIN, &t);
        sum.entries += t.entries;
        sum.ids += t.ids;
    }
    OK(whole.entries > 200 && sum.entries == whole.entries && sum.ids == whole.ids);
}

/* By timestamp, and read at once, there are fewer. */
static void a_cursor_by_timestamp_loses_late_entries(void)
{
    const struct gcp_project *p = &world()->projects[1];
    const char *filter = PREDICTIONS " AND timestamp>=\\\"2026-11-24T09:00:00Z\\\" AND timestamp<"
                                     "\\\"2026-11-24T10:00:00Z\\\"";
    struct tally now, later, settled;

    read_entries(body_of(name_of(p), filter, ",\"pageSize\":1000"), ORIGIN + 5 * NANO_PER_S, &now);
    read_entries(body_of(name_of(p), filter, ",\"pageSize\":1000"), ORIGIN + 8 * NANO_PER_MIN, &later);
    read_entries(body_of(name_of(p), filter, ",\"pageSize\":1000"), SETTLED, &settled);
    OK(now.entries < settled.entries && later.entries == settled.entries);
}

static void newest_first_is_the_same_backwards(void)
{
    const char *body = body_of(name_of(&world()->projects[1]), DATA_ACCESS, ",\"orderBy\":\"timestamp desc\"");
    int64_t first = 0, second = 0;
    json a = ask(SETTLED, body), entry;

    while (json_count(json_get(a, SV("entries"))) < 2 && json_sv(json_get(a, SV("nextPageToken"))).len)
        a = ask(SETTLED, format("%.*s,\"pageToken\":\"%.*s\"}", (int)strlen(body) - 1, body,
                                SV_ARG(json_sv(json_get(a, SV("nextPageToken"))))));
    OK(json_count(json_get(a, SV("entries"))) > 10 && json_count(json_get(a, SV("entries"))) <= 50);
    for (struct json_iter it = json_items(json_get(a, SV("entries"))); json_item(&it, &entry); first = second) {
        json_time(json_get(entry, SV("timestamp")), &second);
        must(!first || second <= first, "newest first");
    }
    OK(first > ORIGIN - NANO_PER_MIN);
}

/* ---- filters ---- */

static uint64_t found(const char *filter)
{
    struct tally t;

    read_entries(body_of(name_of(&world()->projects[0]), filter, ",\"pageSize\":1000"), SETTLED, &t);
    return t.entries;
}

static void filters_choose(void)
{
    uint64_t all = found(DATA_ACCESS), admin = found(ACTIVITY), errors;

    OK(all > 500 && admin > 50 && found("") == all + admin);
    OK(found("severity>=ERROR AND " DATA_ACCESS) == found("protoPayload.status.code>0 AND " DATA_ACCESS));
    errors = found("severity=ERROR " DATA_ACCESS);
    OK(errors > 10 && found("NOT severity>=ERROR AND " DATA_ACCESS) == all - errors);
    OK(found("protoPayload.status.code=8 OR protoPayload.status.code=14") > 5);
    OK(found("protoPayload.status.code=(\\\"8\\\" OR \\\"14\\\")") ==
       found("protoPayload.status.code=8") + found("protoPayload.status.code=14"));
    OK(found("operation.first=true AND " DATA_ACCESS) > 10);
    /* A field that is not there is neither equal nor unequal. */
    OK(found("operation.first=false") == 0 && found("operation.first!=true") == 0);
    OK(found("operation:* AND " DATA_ACCESS) < all && found("NOT operation:* AND " DATA_ACCESS) > 0);
    OK(found("protoPayload.methodName:predictionSERVICE") == found("protoPayload.methodName:PredictionService"));
    OK(found("protoPayload.methodName=predictionSERVICE") == 0);
    OK(found("protoPayload.authorizationInfo.permission=aiplatform.endpoints.predict") > 100);
    OK(found("protoPayload.\\\"@type\\\"=\\\"type.googleapis.com/google.cloud.audit.AuditLog\\\"") == all + admin);
    OK(found("log_id(\\\"cloudaudit.googleapis.com%2Fdata_access\\\")") == 0);
    OK(found("timestamp=\\\"2001-01-01T00:00:00Z\\\" OR timestamp>\\\"2026-11-24T00:00:00Z\\\"") == all + admin);
    OK(found("logName=\\\"projects/other/logs/cloudaudit.googleapis.com%2Fdata_access\\\"") == 0);
}

/* ---- views ---- */

static uint64_t seen_through(const char *bucket, const char *view, const char *filter)
{
    struct tally t;
    sv name = arena_printf(&arena, "%.*s/locations/global/buckets/%s/views/%s", SV_ARG(name_of(&world()->projects[0])),
                           bucket, view);

    read_entries(body_of(name, filter, ",\"pageSize\":1000"), SETTLED, &t);
    return t.entries;
}

static void views_show_their_part(void)
{
    uint64_t all = found(DATA_ACCESS);

    OK(seen_through("_Default", GCP_LOG_VIEW, "") == all);
    OK(seen_through("_Default", "_AllLogs", "") == all);
    OK(seen_through("_Default", "_Default", "") == 0);
    OK(seen_through("_Required", "_AllLogs", "") == found(ACTIVITY));
    OK(seen_through("_Default", GCP_LOG_VIEW, ACTIVITY) == 0);
}

/* The same entries through two names are there once. */
static void names_may_be_mixed(void)
{
    struct tally t;
    sv a = name_of(&world()->projects[0]), b = name_of(&world()->projects[1]);
    const char *body = format("{\"resourceNames\":[\"%.*s\",\"%.*s\",\"%.*s/locations/global/buckets/_Default/views/"
                              "_AllLogs\"],\"filter\":\"" DATA_ACCESS "\",\"pageSize\":1000}",
                              SV_ARG(a), SV_ARG(b), SV_ARG(a));
    uint64_t first = found(DATA_ACCESS), second;

    read_entries(body_of(b, DATA_ACCESS, ",\"pageSize\":1000"), SETTLED, &t);
    second = t.entries;
    read_entries(body, SETTLED, &t);
    OK(t.entries == first + second && t.ordered);
}

/* ---- refusals ---- */

static void wrong_requests_are_refused(void)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"resourceNames\":[]}",
        "{\"resourceNames\":[\"%s\"],\"projectIds\":[\"x\"]}",
        "{\"resourceNames\":[\"%s\"],\"pageSize\":-1}",
        "{\"resourceNames\":[\"%s\"],\"pageSize\":1001}",
        "{\"resourceNames\":[\"%s\"],\"pageSize\":\"many\"}",
        "{\"resourceNames\":[\"%s\"],\"orderBy\":\"receiveTimestamp asc\"}",
        "{\"resourceNames\":[\"%s\"],\"orderBy\":\"timestamp\"}",
        "{\"resourceNames\":[\"%s\"],\"filter\":\"severity>=\"}",
        "{\"resourceNames\":[\"%s\"],\"filter\":\"a=b and c=d\"}",
        "{\"resourceNames\":[\"%s\"],\"filter\":\"timestamp>=\\\"yesterday\\\"\"}",
        "{\"resourceNames\":[\"%s\"],\"filter\":\"no_such(\\\"x\\\")\"}",
        "{\"resourceNames\":[\"%s\"],\"filter\":\"a=starts_with(\\\"x\\\")\"}",
        "{\"resourceNames\":[\"%s\"],\"pageToken\":\"x\"}",
        "{\"resourceNames\":[\"%s/locations/global\"]}",
        "{\"resourceNames\":[\"billingAccounts/1\"]}",
    };
    sv name = name_of(&world()->projects[0]);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *at = strstr(bad[i], "%s");
        const char *body = at ? format("%.*s%.*s%s", (int)(at - bad[i]), bad[i], SV_ARG(name), at + 2) : bad[i];

        tap_ok(refused_with(ask(SETTLED, body), 400, "INVALID_ARGUMENT"), bad[i], __FILE__, __LINE__);
    }
}

static void long_filters_and_strange_names_are_refused(void)
{
    struct buf b = { .at = NULL };
    sv name = name_of(&world()->projects[0]);

    buf_printf(&b, "{\"resourceNames\":[\"%.*s\"],\"filter\":\"severity=INFO", SV_ARG(name));
    for (int i = 0; i < 2000; i++)
        buf_put(&b, SV(" OR a=bcdefgh"));
    buf_put(&b, SV("\"}"));
    buf_putc(&b, '\0');
    OK(refused_with(ask(SETTLED, b.at), 400, "INVALID_ARGUMENT"));
    buf_clear(&b);
    buf_put(&b, SV("{\"resourceNames\":["));
    for (int i = 0; i < 101; i++)
        buf_printf(&b, "%s\"%.*s\"", i ? "," : "", SV_ARG(name));
    buf_put(&b, SV("]}"));
    buf_putc(&b, '\0');
    OK(refused_with(ask(SETTLED, b.at), 400, "INVALID_ARGUMENT"));
    buf_done(&b);
    OK(refused_with(ask(SETTLED, "{\"resourceNames\":[\"projects/nobody\"]}"), 403, "PERMISSION_DENIED"));
    OK(refused_with(ask(SETTLED, body_of(name_of(&world()->projects[world()->n_members + 1]), "", "")), 403,
                    "PERMISSION_DENIED"));
    OK(refused_with(ask(SETTLED, format("{\"resourceNames\":[\"%.*s/locations/global/buckets/_Default/views/none\"]}",
                                        SV_ARG(name))),
                    404, "NOT_FOUND"));
}

/* "Other fields must stay identical between pages", the size too. */
static void a_token_is_good_for_its_request_alone(void)
{
    sv name = name_of(&world()->projects[0]), token = SV_NONE;
    json a;

    for (int i = 0; !token.len && i < 3; i++) {
        a = ask(SETTLED, body_of(name, DATA_ACCESS, ",\"pageSize\":20"));
        token = arena_copy(&arena, json_sv(json_get(a, SV("nextPageToken"))));
    }
    ask(SETTLED + NANO_PER_H,
        body_of(name, DATA_ACCESS, format(",\"pageSize\":20,\"pageToken\":\"%.*s\"", SV_ARG(token))));
    OK(reply.status == 200);
    a = ask(SETTLED, body_of(name, DATA_ACCESS, format(",\"pageSize\":21,\"pageToken\":\"%.*s\"", SV_ARG(token))));
    OK(refused_with(a, 400, "INVALID_ARGUMENT"));
    a = ask(SETTLED, body_of(name, ACTIVITY, format(",\"pageSize\":20,\"pageToken\":\"%.*s\"", SV_ARG(token))));
    OK(refused_with(a, 400, "INVALID_ARGUMENT"));
    a = ask(SETTLED + 25 * NANO_PER_H,
            body_of(name, DATA_ACCESS, format(",\"pageSize\":20,\"pageToken\":\"%.*s\"", SV_ARG(token))));
    OK(refused_with(a, 400, "INVALID_ARGUMENT"));
}

static void nothing_at_all_is_an_empty_object(void)
{
    ask(SETTLED, body_of(name_of(&world()->projects[0]), "timestamp<\\\"2020-01-01T00:00:00Z\\\"", ""));
    OK(reply.status == 200 && sv_eq(buf_sv(&reply.body), SV("{}")));
}

/* ---- over the wire ---- */

static sv token_of(unsigned scopes)
{
    struct gcp_grant g = { GCP_ACCOUNT, scopes, clock_now(), clock_now() + 3600 * NANO_PER_S };

    return gcp_token_make(&sim, &arena, &g);
}

static int post(unsigned scopes, const char *body)
{
    return send_to("POST", arena_printf(&arena, "%.*s/v2/entries:list", SV_ARG(tls_origin())), token_of(scopes),
                   "application/json", sv_of(body));
}

static void sixty_reads_a_minute_are_enough(void)
{
    const char *body = body_of(name_of(&world()->projects[0]),
                               DATA_ACCESS " AND timestamp>=\\\"2026-11-24T09:58:00Z\\\"", ",\"pageSize\":10");
    unsigned good = 0;

    OK(post(GCP_SCOPE_MONITORING_READ, body) == 403);
    while (good < 100 && post(GCP_SCOPE_LOGGING_READ, body) == 200)
        good++;
    OK(good == 60);
    OK(answer.status == 429 && sv_eq(json_sv(json_path(parsed(), "error/status")), SV("RESOURCE_EXHAUSTED")));
    OK(post(GCP_SCOPE_LOGGING_READ, body_of(name_of(&world()->projects[1]), DATA_ACCESS, "")) == 200);
    clock_advance(2 * NANO_PER_S);
    OK(post(GCP_SCOPE_LOGGING_READ, body) == 200);
}

static void views_are_listed(void)
{
    sv id = world()->projects[0].id;

    OK(get(token_of(GCP_SCOPE_LOGGING_READ), format("/v2/projects/%.*s/locations/-/buckets/-/views", SV_ARG(id))) ==
       200);
    OK(json_count(json_get(parsed(), SV("views"))) == 4);
    OK(sv_has(buf_sv(&answer.body), SV("/buckets/_Default/views/" GCP_LOG_VIEW "\"")));
    OK(get(token_of(GCP_SCOPE_LOGGING_READ),
           format("/v2/projects/%.*s/locations/global/buckets/_Required/views", SV_ARG(id))) == 200);
    OK(json_count(json_get(parsed(), SV("views"))) == 1);
}

int main(void)
{
    start_gcp((struct sim_options){ .seed = 7, .calls_per_minute = 200 });
    body_parser = json_parser_new(0);
    RUN(logged_calls_add_up);
    RUN(administration_adds_up);
    RUN(actions_are_service_and_method);
    RUN(windows_by_receipt_find_each_entry_once);
    RUN(a_cursor_by_timestamp_loses_late_entries);
    RUN(newest_first_is_the_same_backwards);
    RUN(filters_choose);
    RUN(views_show_their_part);
    RUN(names_may_be_mixed);
    RUN(wrong_requests_are_refused);
    RUN(long_filters_and_strange_names_are_refused);
    RUN(a_token_is_good_for_its_request_alone);
    RUN(nothing_at_all_is_an_empty_object);
    RUN(sixty_reads_a_minute_are_enough);
    RUN(views_are_listed);
    json_parser_free(body_parser);
    stop_gcp();
    return tap_done();
}
