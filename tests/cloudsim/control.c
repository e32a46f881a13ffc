/*
 * The control door: plain HTTP, for tests and people. It tells the truth, what was asked, and takes faults. What it does
 * not know may be a metadata service of a cloud.
 */
#include <string.h>

#include "tests/cloudsim/api.h"

struct control_row {
    const char *method, *path;
    void (*handle)(struct sim *s, const struct http_server_request *q, struct http_server_response *r);
};

/* RFC 3339 or unix seconds; `dflt` when absent. */
static bool time_of(const struct http_server_request *q, const char *name, int64_t dflt, int64_t *out)
{
    sv text = http_server_query(q, name);
    double seconds;

    *out = dflt;
    if (!text.len || sv_to_time(text, out))
        return true;
    if (!sv_to_f64(text, &seconds) || seconds < 0 || seconds > 9e9)
        return false;
    *out = (int64_t)(seconds * 1e9);
    return true;
}

static void refuse(struct http_server_response *r, int status, const char *text)
{
    r->status = status;
    buf_put(&r->body, SV("{"));
    put_member(&r->body, "error", sv_of(text));
    buf_put(&r->body, SV("}\n"));
}

static void get_truth(struct sim *s, const struct http_server_request *q, struct http_server_response *r)
{
    int64_t from, until;

    if (!time_of(q, "from", 0, &from) || !time_of(q, "until", clock_now(), &until))
        refuse(r, 400, "from and until are RFC 3339 or unix seconds");
    else
        truth_write(s, from, until, &r->body);
}

static void get_requests(struct sim *s, const struct http_server_request *q, struct http_server_response *r)
{
    (void)q;
    requests_write(s->requests, s, &r->body);
}

static void get_faults(struct sim *s, const struct http_server_request *q, struct http_server_response *r)
{
    (void)q;
    faults_write(s->faults, clock_now(), &r->body);
}

static void post_faults(struct sim *s, const struct http_server_request *q, struct http_server_response *r)
{
    struct err e = { .code = ERR_OK };

    if (faults_post(s, q->body, &e))
        refuse(r, 400, e.text);
    else
        faults_write(s->faults, clock_now(), &r->body);
}

static void delete_faults(struct sim *s, const struct http_server_request *q, struct http_server_response *r)
{
    faults_clear(s->faults);
    get_faults(s, q, r);
}

/* Where the simulated clock and the workload stand: what a test waits on. */
static void get_clock(struct sim *s, const struct http_server_request *q, struct http_server_response *r)
{
    struct buf *b = &r->body;

    (void)q;
    buf_put(b, SV("{\"now\":\""));
    buf_time(b, clock_now(), 3);
    buf_put(b, SV("\",\"first\":\""));
    buf_time(b, s->first * NANO_PER_MIN, 0);
    if (s->options.duration_ms) {
        buf_put(b, SV("\",\"last\":\""));
        buf_time(b, s->last * NANO_PER_MIN, 0);
    }
    buf_printf(b, "\",\"now_unix_nano\":%lld,\"speed\":%g}\n", (long long)clock_now(), clock_speed());
}

/* clang-format off */
static const struct control_row rows[] = {
    { "GET",    "/truth",    get_truth },
    { "GET",    "/requests", get_requests },
    { "GET",    "/clock",    get_clock },
    { "GET",    "/faults",   get_faults },
    { "POST",   "/faults",   post_faults },
    { "DELETE", "/faults",   delete_faults },
};
/* clang-format on */

void control_serve(void *sim, const struct http_server_request *q, struct http_server_response *r)
{
    struct sim *s = sim;

    r->content_type = "application/json; charset=utf-8";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!sv_eq(q->path, sv_of(rows[i].path)) || !sv_eq(q->method, sv_of(rows[i].method)))
            continue;
        rows[i].handle(s, q, r);
        return;
    }
    if (!api_serve_plain(s, q, r))
        refuse(r, 404, "GET /truth /requests /clock /faults, POST or DELETE /faults");
}
