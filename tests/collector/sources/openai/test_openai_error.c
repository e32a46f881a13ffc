/* What refusals mean: the composed samples, the status where nothing else is said, and bodies that are no error of OpenAI's. */
#include "collector/sources/openai/openai_error.h"

#include "tests/tap.h"

#define DATA "tests/data/openai/"
#define SPEC "../shared/samples/openai/"

static struct http_response r;

static void answer(int status, sv body, const char *head)
{
    http_response_done(&r);
    r = (struct http_response){ .status = status };
    buf_init(&r.body, 0);
    buf_init(&r.head, 0);
    buf_put(&r.body, body);
    buf_put(&r.head, sv_of(head));
}

static struct openai_error read_file(int status, const char *path)
{
    struct openai_error e = { 0 };
    struct buf b;

    buf_init(&b, 0);
    if (buf_read_file(&b, path, 1 << 20, NULL) == ERR_OK) {
        answer(status, buf_sv(&b), "");
        openai_error_read(&r, &e);
    }
    buf_done(&b);
    return e;
}

static bool is(const struct openai_error *e, enum err_code code, const char *name)
{
    return e->code == code && sv_eq(sv_of(e->name), sv_of(name));
}

static void the_samples_mean_what_they_say(void)
{
    struct openai_error e = read_file(401, DATA "synthetic_error_401_invalid_key.json");

    OK(is(&e, ERR_AUTH, "invalid_api_key"));
    e = read_file(429, DATA "synthetic_error_429_insufficient_quota.json");
    OK(is(&e, ERR_DENIED, "insufficient_quota"));
    e = read_file(429, DATA "synthetic_error_429_rate_limit.json");
    OK(is(&e, ERR_THROTTLED, "rate_limit_exceeded"));
    e = read_file(400, DATA "synthetic_error_400_costs_limit.json");
    OK(is(&e, ERR_REFUSED, "") && sv_starts(sv_of(e.message), SV("Invalid limit")));
}

static void what_users_have_seen_means_what_it_says(void)
{
    struct openai_error e = read_file(401, SPEC "observed_error_401_incorrect_hostname.json");

    if (e.code == ERR_OK) {
        OK(true);
        printf("# no samples here\n");
        return;
    }
    OK(is(&e, ERR_CONFIG, "incorrect_hostname") && sv_eq(sv_of(e.host), SV("us.api.openai.com")));
    e = read_file(403, SPEC "observed_error_missing_scope.json");
    OK(is(&e, ERR_DENIED, "missing_scope") && sv_eq(sv_of(e.scope), SV("api.usage.read")));
}

static enum err_code judged(int status, const char *body, const char *head)
{
    answer(status, sv_of(body), head);
    return openai_judge(&r);
}

static void a_status_means_what_it_means_where_nothing_else_is_said(void)
{
    static const struct {
        int status;
        enum err_code code;
    } rows[] = {
        { 400, ERR_REFUSED }, { 401, ERR_AUTH },  { 403, ERR_DENIED }, { 404, ERR_GONE },
        { 408, ERR_RETRY },   { 409, ERR_RETRY }, { 413, ERR_LIMIT },  { 429, ERR_THROTTLED },
        { 500, ERR_RETRY },   { 502, ERR_RETRY }, { 503, ERR_RETRY },  { 504, ERR_RETRY },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        OK(judged(rows[i].status, "<html>bad gateway</html>", "") == rows[i].code);
    OK(judged(401, "{\"error\":{\"code\":7,\"message\":{}}}", "") == ERR_AUTH);
    OK(judged(500, "{\"error\":[]}", "") == ERR_RETRY && judged(500, "{", "") == ERR_RETRY);
}

static void x_should_retry_wins_over_the_status_but_not_over_a_name(void)
{
    OK(judged(400, "", "x-should-retry: true\n") == ERR_RETRY);
    OK(judged(500, "", "x-should-retry: false\n") == ERR_REFUSED);
    OK(judged(429, "", "x-should-retry: true\n") == ERR_THROTTLED);
    OK(judged(429, "", "x-should-retry: false\n") == ERR_THROTTLED);
    OK(judged(429, "{\"error\":{\"type\":\"insufficient_quota\"}}", "x-should-retry: true\n") == ERR_DENIED);
    OK(judged(403, "", "x-should-retry: false\n") == ERR_DENIED);
}

static void told(int status, const char *body, const char *head, struct err *e)
{
    answer(status, sv_of(body), head);
    *e = (struct err){ .text = "usage.completions: http 401: what the server said" };
    e->code = openai_explain(&r, "usage.completions", "file:/run/secrets/openai", e);
}

static void texts_name_the_remedy_and_never_the_key(void)
{
    struct err e;

    told(401, "{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"Incorrect API key provided: sk-admin-abc\"}}",
         "x-request-id: req_1\n", &e);
    OK(e.code == ERR_AUTH && sv_has(sv_of(e.text), SV("file:/run/secrets/openai")) &&
       !sv_has(sv_of(e.text), SV("abc")) && sv_ends(sv_of(e.text), SV("(request req_1)")) && e.retry_after_ms > 0);
    told(
        401,
        "{\"error\":{\"code\":\"incorrect_hostname\",\"message\":\"make your request to https://eu.api.openai.com.\"}}",
        "", &e);
    OK(e.code == ERR_CONFIG && sv_has(sv_of(e.text), SV("endpoints.url to https://eu.api.openai.com/v1")));
    told(401, "{\"error\":{\"code\":\"incorrect_hostname\",\"message\":\"make your request to evil.example\"}}", "",
         &e);
    OK(e.code == ERR_CONFIG && sv_has(sv_of(e.text), SV("REGION.api.openai.com")) &&
       !sv_has(sv_of(e.text), SV("evil")));
    told(403, "{\"error\":{\"message\":\"Missing scopes: api.audit_logs.read, more\"}}", "", &e);
    OK(e.code == ERR_DENIED && sv_has(sv_of(e.text), SV("scope api.audit_logs.read")));
    told(500, "", "", &e);
    OK(e.code == ERR_RETRY && sv_has(sv_of(e.text), SV("what the server said")));
}

static void hostile_bodies_are_cut(void)
{
    static char body[4096];
    struct openai_error e;
    int n = snprintf(body, sizeof body, "{\"error\":{\"code\":\"");

    memset(body + n, 'x', 1000);
    snprintf(body + n + 1000, sizeof body - (size_t)n - 1000, "\",\"message\":\"a\\n\\u0007b%01000d\"}}", 0);
    answer(418, sv_of(body), "");
    openai_error_read(&r, &e);
    OK(strlen(e.name) == OPENAI_ERROR_NAME_MAX && strlen(e.message) == OPENAI_ERROR_TEXT_MAX);
    OK(sv_starts(sv_of(e.message), SV("a  b0")) && e.code == ERR_REFUSED);
}

int main(void)
{
    RUN(the_samples_mean_what_they_say);
    RUN(what_users_have_seen_means_what_it_says);
    RUN(a_status_means_what_it_means_where_nothing_else_is_said);
    RUN(x_should_retry_wins_over_the_status_but_not_over_a_name);
    RUN(texts_name_the_remedy_and_never_the_key);
    RUN(hostile_bodies_are_cut);
    http_response_done(&r);
    return tap_done();
}
