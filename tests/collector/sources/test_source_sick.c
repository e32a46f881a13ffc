/*
 * A cloud that is not well, seen through source_call: it throttles in all dialects, stops in mid-sentence, is silent, trickles,
 * leads elsewhere, closes a connection at the moment of its reuse, has an address that is dead. What it says is written down byte
 * by byte; time is a clock that is told or a fast one.
 */
#include "collector/base/clock.h"
#include "collector/net/retry.h"
#include "collector/sources/aws/aws_error.h"
#include "collector/sources/gcp/gcp_error.h"
#include "collector/sources/openai/openai_error.h"
#include "collector/sources/source.h"
#include "collector/sources/stats.h"

#include "tests/collector/net/loop.h"
#include "tests/tap.h"

#define T0 (INT64_C(1795168800) * NANO_PER_S) /* 2026-11-20T10:00:00Z */

static const struct api api = { .name = "one", .burst = 1000, .per_s = 1000 };

struct scene {
    struct http_client *http;
    struct source_env env;
    struct http_response r;
    struct http_request http_request;
    struct source_request q;
    char url[64];
    struct err e;
};

static void scene_open(struct scene *s, const struct http_client_options *o, const char *host, unsigned port)
{
    struct err e = { 0 };

    *s = (struct scene){ .http = http_client_new(o, &e) };
    OK(s->http != NULL);
    s->env = (struct source_env){
        .id = SV("one"), .http = s->http, .limits = rate_limits_new(), .stats = source_stats_new()
    };
    snprintf(s->url, sizeof s->url, "http://%s:%u/", host, port);
    s->http_request = (struct http_request){ .method = "GET", .url = sv_of(s->url) };
    s->q = (struct source_request){ .api = &api, .quota = SV("q"), .http = &s->http_request };
}

static void scene_close(struct scene *s)
{
    http_response_done(&s->r);
    http_client_free(s->http);
    rate_limits_free(s->env.limits);
    source_stats_free(s->env.stats);
}

static const struct http_client_options plainly = { .allow_plain = true };

/* How often the one API was asked. */
static uint64_t calls(const struct scene *s)
{
    size_t n;
    struct api_stats *rows = source_stats_rows(s->env.stats, &n);
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += rows[i].calls;
    free(rows);
    return sum;
}

/* ---- throttling ---- */

#define HEAD(status, more, body) "HTTP/1.1 " status "\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\n" more, body

/* clang-format off */
static const struct {
    const char *head, *body; /* Content-Length is added */
    enum err_code (*judge)(const struct http_response *r);
    int64_t (*wait)(const struct http_response *r);
    int64_t wait_ms;
} dialects[] = {
    { HEAD("429 Too Many Requests", "Retry-After: 17\r\n", "slow down"), NULL, NULL, 17000 },
    { HEAD("429 Too Many Requests", "Retry-After: Fri, 20 Nov 2026 10:01:30 GMT\r\n", ""), NULL, NULL, 90000 },
    { HEAD("429 Too Many Requests", "", "{\"error\":{\"message\":\"Try again after '17' seconds.\"}}"), NULL, NULL, 17000 },
    { HEAD("429 Too Many Requests", "", ""), NULL, NULL, 0 },
    { HEAD("429 Too Many Requests", "Retry-After: 99999999\r\n", ""), NULL, NULL, 3600000 }, /* no cloud closes for years */
    { HEAD("503 Service Unavailable", "Retry-After: 5\r\n", ""), NULL, NULL, 5000 },
    { HEAD("529 Overloaded", "", "overloaded"), NULL, NULL, 0 },
    { HEAD("400 Bad Request", "", "{\"__type\":\"com.amazonaws.logs#ThrottlingException\",\"message\":\"Rate exceeded\"}"), aws_judge, NULL, 0 },
    { HEAD("400 Bad Request", "", "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"), aws_judge, NULL, 0 },
    { HEAD("400 Bad Request", "", "{\"__type\":\"TooManyRequestsException\"}"), aws_judge, NULL, 0 },
    { HEAD("503 Slow Down", "", "<Error><Code>SlowDown</Code></Error>"), aws_judge, NULL, 0 },
    { HEAD("429 Too Many Requests", "", "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"Quota exceeded\"}}"), gcp_judge, gcp_wait, 0 },
    { HEAD("429 Too Many Requests", "", "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"23s\"}]}}"), gcp_judge, gcp_wait, 23001 },
    { HEAD("403 Forbidden", "", "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"RATE_LIMIT_EXCEEDED\"}]}}"), gcp_judge, gcp_wait, 0 },
    { HEAD("429 Too Many Requests", "retry-after-ms: 1500\r\n", "{\"error\":{\"code\":\"rate_limit_exceeded\"}}"), openai_judge, NULL, 1500 },
};
/* clang-format on */

static void throttling_is_throttling_in_every_dialect(void)
{
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
        struct canned server;
        struct scene s;
        char answer[2048];

        clock_set_manual(T0);
        printf("# %s %s\n", dialects[i].head, dialects[i].body);
        snprintf(answer, sizeof answer, "%sContent-Length: %zu\r\n\r\n%s", dialects[i].head, strlen(dialects[i].body),
                 dialects[i].body);
        OK(canned_start(&server, sv_of(answer), false));
        scene_open(&s, &plainly, "127.0.0.1", server.port);
        s.q.judge = dialects[i].judge;
        s.q.wait = dialects[i].wait;
        OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_THROTTLED && s.e.retry_after_ms == dialects[i].wait_ms);
        OK(server.answered == 1); /* not asked again at once */
        scene_close(&s);
        canned_stop(&server);
        clock_set_system();
    }
}

/* ---- one budget for all who draw on a quota ---- */

enum { WORKERS = 8, CLOSED_S = 60, MINUTES_LONG = 10, SPEED = 150 };

static const struct api slow_api = { .name = "slow", .burst = 1, .per_s = 1.0 / CLOSED_S };

struct worker {
    struct scene *s;
    sv quota;
    int64_t until_mono;
    unsigned fine;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct retry backoff = { 0 };

    while (clock_mono() < w->until_mono) {
        struct http_request http = { .method = "GET", .url = sv_of(w->s->url) };
        struct source_request q = { .api = &slow_api, .quota = w->quota, .http = &http };
        struct http_response r = { 0 };
        struct err e = { 0 };

        if (source_call(&w->s->env, &q, &r, &e) == ERR_OK)
            w->fine++;
        else
            clock_sleep_ms(retry_after_failure(&backoff, &e));
        http_response_done(&r);
    }
    return NULL;
}

/* Eight workers want one account's quota for ten minutes, in which every answer says "in a minute"; another account's quota is
 * open. */
static void workers_slow_down_together_and_other_accounts_do_not(void)
{
    static const char busy[] = "HTTP/1.1 429 busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n";
    static const char open[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    struct canned throttles, serves;
    struct scene one, other;
    struct worker w[WORKERS + 1];
    pthread_t t[WORKERS + 1];
    unsigned allowed = 1 + MINUTES_LONG * 60 / CLOSED_S, sent;
    int64_t until;

    clock_set_scale((struct clock_scale){ clock_now(), T0, SPEED });
    OK(canned_start(&throttles, sv_of(busy), false) && canned_start(&serves, sv_of(open), false));
    scene_open(&one, &plainly, "127.0.0.1", throttles.port);
    scene_open(&other, &plainly, "127.0.0.1", serves.port);
    rate_limits_free(other.env.limits);
    other.env.limits = one.env.limits; /* of one source: two quotas in one table */
    until = clock_mono() + MINUTES_LONG * NANO_PER_MIN;
    for (int i = 0; i <= WORKERS; i++) {
        w[i] = (struct worker){ i < WORKERS ? &one : &other, i < WORKERS ? SV("a") : SV("b"), until, 0 };
        pthread_create(&t[i], NULL, work, &w[i]);
    }
    while (clock_mono() < until)
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    sent = throttles.answered;
    rate_limits_cancel(one.env.limits); /* who waits for the quota waits no longer */
    for (int i = 0; i <= WORKERS; i++)
        pthread_join(t[i], NULL);
    printf("# %u requests of %u allowed; %u answers for the other account\n", sent, allowed, w[WORKERS].fine);
    OK(sent >= 4 && sent * 10 <= allowed * 11);
    OK(w[WORKERS].fine >= 8); /* one a minute */
    other.env.limits = rate_limits_new();
    scene_close(&one);
    scene_close(&other);
    canned_stop(&throttles);
    canned_stop(&serves);
    clock_set_system();
}

/* ---- answers that stop ---- */

static void an_answer_that_is_cut_after_any_byte_is_none(void)
{
    static const char *const whole[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"value\":[]}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"value\"\r\n4\r\n:[]}\r\n0\r\n\r\n",
    };

    clock_set_scale((struct clock_scale){ clock_now(), T0, 100 });
    for (size_t k = 0; k < sizeof whole / sizeof *whole; k++) {
        bool good = true;

        for (size_t n = 0; n <= strlen(whole[k]); n++) {
            struct canned server;
            struct scene s;
            enum err_code code;

            good &= canned_start(&server, sv_make(whole[k], n), false);
            scene_open(&s, &plainly, "127.0.0.1", server.port);
            code = source_call(&s.env, &s.q, &s.r, &s.e);
            /* The last line end of a chunked body may be missing: its end was told. */
            if (n < strlen(whole[k]) - (k ? 4 : 0))
                good &= code == ERR_RETRY && server.answered >= 1;
            else if (n == strlen(whole[k]))
                good &= code == ERR_OK;
            if (!good)
                printf("# after %zu bytes: %d, asked %u times: %s\n", n, code, server.answered, s.e.text);
            scene_close(&s);
            canned_stop(&server);
        }
        OK(good);
    }
    clock_set_system();
}

/* ---- silence and trickling ---- */

static int64_t real_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

struct trickle {
    int fd, peer;
    unsigned port;
    _Atomic unsigned accepted;
    pthread_t thread;
};

/* A head, then a byte each 20 ms. */
static void *trickle_run(void *arg)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    struct trickle *t = arg;
    int fd;

    while ((fd = accept(t->fd, NULL, NULL)) >= 0) {
        t->accepted++;
        if (canned_read_request(fd))
            (void)send(fd, head, sizeof head - 1, MSG_NOSIGNAL);
        while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
            nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        close(fd);
    }
    return NULL;
}

static bool trickle_start(struct trickle *t)
{
    struct sockaddr_in a = loop_address(0);
    socklen_t len = sizeof a;

    *t = (struct trickle){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    if (t->fd < 0 || bind(t->fd, (const struct sockaddr *)&a, sizeof a) || listen(t->fd, 8) ||
        getsockname(t->fd, (struct sockaddr *)&a, &len))
        return false;
    t->port = ntohs(a.sin_port);
    return pthread_create(&t->thread, NULL, trickle_run, t) == 0;
}

static void trickle_stop(struct trickle *t)
{
    shutdown(t->fd, SHUT_RDWR);
    pthread_join(t->thread, NULL);
    close(t->fd);
}

/* The rule of the least speed ends it long before the deadline does. By the system's clock times a hundred, so that what hung is
 * known to have hung and is not asked again. */
static void an_answer_that_trickles_is_given_up(void)
{
    const struct http_client_options impatient = { .allow_plain = true, .slow_ms = 400 };
    struct trickle server;
    struct scene s;
    int64_t begun = real_ms();

    OK(trickle_start(&server));
    scene_open(&s, &impatient, "127.0.0.1", server.port);
    s.http_request.timeout_ms = 60000;
    clock_set_scale((struct clock_scale){ clock_now(), T0, 100 });
    OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_RETRY && sv_has(sv_of(s.e.text), SV("bytes/s")));
    clock_set_system();
    OK(real_ms() - begun < 20000 && server.accepted == 1);
    scene_close(&s);
    trickle_stop(&server);
}

static void a_server_that_is_silent_frees_its_worker_at_the_deadline(void)
{
    struct canned server;
    struct scene s;
    int64_t begun = real_ms();

    OK(canned_start(&server, SV_NONE, true));
    scene_open(&s, &plainly, "127.0.0.1", server.port);
    s.http_request.timeout_ms = 400;
    clock_set_scale(
        (struct clock_scale){ clock_now(), T0, 100 }); /* forty seconds of it: longer than anyone has patience */
    OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_RETRY && server.answered == 1);
    clock_set_system();
    OK(real_ms() - begun < 10000);
    scene_close(&s);
    canned_stop(&server);
}

/* ---- other hosts ---- */

static void a_redirect_is_not_followed_and_no_credential_leaves(void)
{
    static const char *const rows[] = { "301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect" };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct canned home, foreign;
        struct scene s;
        char answer[256];

        OK(canned_start(&foreign, SV("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), false));
        snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
                 rows[i], foreign.port);
        OK(canned_start(&home, sv_of(answer), false));
        scene_open(&s, &plainly, "127.0.0.1", home.port);
        OK(http_request_header(&s.http_request, SV("Authorization"), SV("Bearer canary")));
        OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_REFUSED);
        OK(home.answered == 1 && foreign.accepted == 0);
        scene_close(&s);
        canned_stop(&home);
        canned_stop(&foreign);
    }
}

/* ---- names and connections ---- */

static void of_several_addresses_a_dead_one_is_passed_over(void)
{
    struct canned server;
    struct scene s;
    char name[64];
    struct http_client_options o = { .allow_plain = true, .resolve = name };

    OK(canned_start(&server, SV("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), false));
    snprintf(name, sizeof name, "two.test:%u:127.0.0.2,127.0.0.1", server.port);
    scene_open(&s, &o, "two.test", server.port);
    OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_OK && calls(&s) == 1);
    scene_close(&s);
    canned_stop(&server);
}

static void a_name_that_is_gone_is_tried_again_with_backoff_and_told(void)
{
    struct scene s;

    scene_open(&s, &plainly, "nowhere.invalid", 80);
    clock_set_scale((struct clock_scale){ clock_now(), T0, 100 });
    OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_RETRY && calls(&s) <= 3);
    OK(sv_has(sv_of(s.e.text), SV("does not resolve")));
    clock_set_system();
    scene_close(&s);
}

/* Answers once on each connection, and closes it when a second request has come. */
static void *stale_run(void *arg)
{
    static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    struct trickle *t = arg;
    int fd;

    while ((fd = accept(t->fd, NULL, NULL)) >= 0) {
        t->accepted++;
        if (canned_read_request(fd))
            (void)send(fd, fine, sizeof fine - 1, MSG_NOSIGNAL);
        (void)canned_read_request(fd);
        close(fd);
    }
    return NULL;
}

static void a_kept_connection_that_dies_at_its_reuse_costs_no_failure(void)
{
    static const char *const methods[] = { "GET", "POST" };
    struct sockaddr_in a = loop_address(0);
    socklen_t len = sizeof a;
    struct trickle server = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    struct scene s;

    OK(bind(server.fd, (const struct sockaddr *)&a, sizeof a) == 0 && listen(server.fd, 8) == 0 &&
       getsockname(server.fd, (struct sockaddr *)&a, &len) == 0);
    server.port = ntohs(a.sin_port);
    OK(pthread_create(&server.thread, NULL, stale_run, &server) == 0);
    scene_open(&s, &plainly, "127.0.0.1", server.port);
    for (int i = 0; i < 6; i++) {
        s.http_request.method = methods[i % 2];
        OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_OK);
    }
    OK(server.accepted == 6 && calls(&s) == 6); /* no call failed: it was the connection */
    scene_close(&s);
    trickle_stop(&server);
}

/* ---- signatures ---- */

struct signer {
    struct scene *s;
    int64_t signed_at[8];
    unsigned n;
};

static enum err_code sign(void *ctx, struct http_request *q, struct err *e)
{
    struct signer *g = ctx;

    (void)q;
    (void)e;
    g->signed_at[g->n++ % 8] = source_server_now(&g->s->env);
    return ERR_OK;
}

/* The cloud's clock is twenty minutes away; the first answer teaches it, and the quota is closed for four more. */
static void a_request_is_signed_after_the_wait_and_by_the_clouds_clock(void)
{
    static const int minutes[] = { -20, 20 };

    for (size_t i = 0; i < 2; i++) {
        char answer[256], date[64];
        struct canned server;
        struct scene s;
        struct signer g = { .s = &s };
        struct tm tm;
        int64_t before, there, skew, late;
        time_t told;

        clock_set_scale((struct clock_scale){ clock_now(), T0, 150 });
        told = (time_t)((T0 + minutes[i] * NANO_PER_MIN) / NANO_PER_S);
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&told, &tm));
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Length: 2\r\n\r\n{}", date);
        OK(canned_start(&server, sv_of(answer), false));
        scene_open(&s, &plainly, "127.0.0.1", server.port);
        s.q.prepare = sign;
        s.q.ctx = &g;
        before = clock_now();
        OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_OK);
        there = told * NANO_PER_S;
        skew = source_stats_skew(s.env.stats);
        OK(skew >= there - clock_now() && skew <= there - before + NANO_PER_S);
        rate_penalize(s.env.limits, SV("q"), 240000);
        late = source_server_now(&s.env);
        OK(source_call(&s.env, &s.q, &s.r, &s.e) == ERR_OK && g.n == 2);
        OK(g.signed_at[1] - late >= 239 * NANO_PER_S);
        scene_close(&s);
        canned_stop(&server);
        clock_set_system();
    }
}

/* ---- pages ---- */

static void cursors_that_go_round_end_the_reading(void)
{
    static const char *const round[] = { "a", "b", "c" };
    struct source_pages p;
    struct err e = { 0 };
    enum err_code code = ERR_OK;
    int turns = 0;

    for (size_t length = 1; length <= 3; length++) {
        source_pages_init(&p);
        for (turns = 0, code = ERR_OK; code == ERR_OK && turns < 100; turns++)
            code = source_pages_turn(&p, sv_of(round[(size_t)turns % length]), &e);
        OK(code == ERR_PARTIAL && turns == (int)length + 1);
        OK(source_pages_end(&p, code, &e) == ERR_PARTIAL);
    }
    source_pages_init(&p);
    for (turns = 0, code = ERR_OK; code == ERR_OK && turns < 100000; turns++) {
        char cursor[16];

        snprintf(cursor, sizeof cursor, "%d", turns);
        code = source_pages_turn(&p, sv_of(cursor), &e);
    }
    OK(code == ERR_LIMIT && turns <= 2000);
    OK(source_pages_end(&p, code, &e) == ERR_LIMIT);
}

int main(void)
{
    RUN(throttling_is_throttling_in_every_dialect);
    RUN(workers_slow_down_together_and_other_accounts_do_not);
    RUN(an_answer_that_is_cut_after_any_byte_is_none);
    RUN(an_answer_that_trickles_is_given_up);
    RUN(a_server_that_is_silent_frees_its_worker_at_the_deadline);
    RUN(a_redirect_is_not_followed_and_no_credential_leaves);
    RUN(of_several_addresses_a_dead_one_is_passed_over);
    RUN(a_name_that_is_gone_is_tried_again_with_backoff_and_told);
    RUN(a_kept_connection_that_dies_at_its_reuse_costs_no_failure);
    RUN(a_request_is_signed_after_the_wait_and_by_the_clouds_clock);
    RUN(cursors_that_go_round_end_the_reading);
    return tap_done();
}
