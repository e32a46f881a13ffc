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

int main(void)
{
    start_gcp((struct sim_options){ .seed = 7 });
    body_parser = json_parser_new(0);
    RUN(logged_calls_add_up);
    json_parser_free(body_parser);
    stop_gcp();
    return tap_done();
}
