/* The one way to call a cloud: what happens before each attempt, what an answer means, who pays. */
#include "collector/sources/source.h"
#include "collector/sources/stats.h"

#include "tests/collector/net/loop.h"
#include "tests/tap.h"

static const char unavailable[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}";
static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}";
static const char refused[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 24\r\n\r\n{\"__type\":\"Throttling..\"}";

struct scene {
    struct canned server;
    struct http_client *http;
    struct source_env env;
    struct http_response r;
    struct http_request q;
    char url[64];
    struct err e;
};

static void scene_open(struct scene *s, sv answer)
{
    OK(canned_start(&s->server, answer, false));
    s->http = loop_client(NULL);
    s->env = (struct source_env){
        .id = SV("one"), .http = s->http, .limits = rate_limits_new(), .stats = source_stats_new()
    };
    s->r = (struct http_response){ 0 };
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/", s->server.port);
    s->q = (struct http_request){ .method = "GET", .url = sv_of(s->url) };
    OK(http_request_header(&s->q, SV("x-base"), SV("1")));
}

static void scene_close(struct scene *s)
{
    canned_stop(&s->server);
    http_response_done(&s->r);
    http_client_free(s->http);
    rate_limits_free(s->env.limits);
    source_stats_free(s->env.stats);
}

static const struct api paid = { .name = "paid", .burst = 10, .per_s = 10, .usd_nano = 7 };

static enum err_code sign(void *ctx, struct http_request *q, struct err *e)
{
    int *calls = ctx;

    OK(q->n_headers == 1); /* those of the attempt before are gone */
    OK(http_request_header(q, SV("x-signature"), SV("2")));
    return ++*calls == 4 ? err_set(e, ERR_CONFIG, "no key") : ERR_OK;
}

static void each_attempt_is_signed_anew(void)
{
    struct scene s;
    int calls = 0;
    struct source_request q = { .api = &paid, .quota = SV("q"), .http = &s.q, .prepare = sign, .ctx = &calls };
    size_t n;
    struct api_stats *rows;

    scene_open(&s, sv_of(unavailable));
    q.account = SV("111122223333");
    OK(source_call(&s.env, &q, &s.r, &s.e) == ERR_RETRY);
    OK(calls == 3 && s.q.n_headers == 1 && s.server.answered == 3);
    OK(source_call(&s.env, &q, &s.r, &s.e) == ERR_CONFIG);
    OK(sv_has(sv_of(s.e.text), SV("paid: no key")) && s.r.status == 0 && s.server.answered == 3);
    rows = source_stats_rows(s.env.stats, &n);
    OK(n == 1 && rows[0].calls == 3);
    OK(n == 1 && sv_eq(sv_of(rows[0].account), SV("111122223333")));
    free(rows);
    scene_close(&s);
}

static void pays(const char *answer, enum err_code code, uint64_t units)
{
    struct scene s;
    struct source_request q = { .api = &paid, .quota = SV("q"), .http = &s.q, .units = 5 };
    struct api_stats *rows;
    size_t n;

    scene_open(&s, sv_of(answer));
    OK(source_call(&s.env, &q, &s.r, &s.e) == code);
    rows = source_stats_rows(s.env.stats, &n);
    OK(n == 1 && rows[0].units == units && rows[0].usd_nano == 7 * (int64_t)units);
    free(rows);
    scene_close(&s);
}

static void what_an_answer_adds_is_paid_too(void)
{
    struct source_stats *s = source_stats_new();
    struct api_stats *rows;
    size_t n;

    source_stats_call(s, &(struct api_call){ paid.name, SV("p1"), ERR_OK, 10, 1, 7 });
    source_stats_billed(s, paid.name, SV("p1"), 4, 28);
    rows = source_stats_rows(s, &n);
    OK(n == 1 && rows[0].calls == 1 && rows[0].units == 5 && rows[0].usd_nano == 35);
    free(rows);
    source_stats_free(s);
}

static void an_answer_is_paid_and_a_refusal_is_not(void)
{
    pays(fine, ERR_OK, 5);
    pays(refused, ERR_REFUSED, 0);
    pays(cut, ERR_RETRY, 15); /* three attempts; what the cloud sent it may bill */
}

static enum err_code by_body(const struct http_response *r)
{
    return sv_has(buf_sv(&r->body), SV("Throttling")) ? ERR_THROTTLED : ERR_REFUSED;
}

static void a_dialect_says_what_a_400_means(void)
{
    struct scene s;
    struct source_request q = { .api = &paid, .quota = SV("q"), .http = &s.q };

    scene_open(&s, sv_of(refused));
    OK(source_call(&s.env, &q, &s.r, &s.e) == ERR_REFUSED);
    q.judge = by_body;
    OK(source_call(&s.env, &q, &s.r, &s.e) == ERR_THROTTLED);
    scene_close(&s);
}

static void accounts_have_a_limit_and_no_call_goes_uncounted(void)
{
    struct source_stats *stats = source_stats_new();
    uint64_t calls = 0, nobody = 0;
    struct api_stats *rows;
    size_t n;

    for (int i = 0; i < STATS_ROWS_MAX + 100; i++) {
        char account[16];

        snprintf(account, sizeof account, "%012d", i);
        source_stats_call(stats, &(struct api_call){ .name = "a", .account = sv_of(account), .units = 1 });
    }
    rows = source_stats_rows(stats, &n);
    for (size_t i = 0; i < n; i++) {
        calls += rows[i].calls;
        nobody += rows[i].account[0] ? 0 : rows[i].calls;
    }
    OK(n <= STATS_ROWS_MAX && calls == STATS_ROWS_MAX + 100 && nobody >= 100);
    free(rows);
    source_stats_free(stats);
}

static void what_a_source_goes_without_is_noted_once(void)
{
    struct source_stats *stats = source_stats_new();
    struct source_note notes[STATS_NOTES_MAX];
    char long_text[1000];

    memset(long_text, 'x', sizeof long_text);
    OK(source_stats_notes(stats, notes) == 0);
    OK(source_stats_note(stats, "one", SV("refused")) && !source_stats_note(stats, "one", SV("refused again")));
    OK(source_stats_note(stats, "two", sv_make(long_text, sizeof long_text)));
    OK(source_stats_notes(stats, notes) == 2 && sv_eq(sv_of(notes[0].text), SV("refused again")));
    OK(strlen(notes[1].text) == STATS_NOTE_TEXT_MAX);
    OK(source_stats_note(stats, "one", SV_NONE) && !source_stats_note(stats, "one", SV_NONE));
    OK(source_stats_notes(stats, notes) == 1 && sv_eq(sv_of(notes[0].what), SV("two")));
    source_stats_free(stats);
}

int main(void)
{
    RUN(each_attempt_is_signed_anew);
    RUN(an_answer_is_paid_and_a_refusal_is_not);
    RUN(what_an_answer_adds_is_paid_too);
    RUN(a_dialect_says_what_a_400_means);
    RUN(accounts_have_a_limit_and_no_call_goes_uncounted);
    RUN(what_a_source_goes_without_is_noted_once);
    return tap_done();
}
