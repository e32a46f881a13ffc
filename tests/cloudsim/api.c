/* What all simulated APIs share: whose a request is, the order in which it is judged, and small pieces of answers. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/cloud.h"
#include "tests/cloudsim/story.h"

const struct api_row *api_row_at(unsigned i, const struct cloud **cloud)
{
    for (const struct cloud *const *c = clouds; *c; c++) {
        for (unsigned k = 0; (*c)->row_at(k); k++) {
            if (i--)
                continue;
            if (cloud)
                *cloud = *c;
            return (*c)->row_at(k);
        }
    }
    return NULL;
}

/* Segment by segment; "{}" takes any one that is not empty. */
bool api_path_matches(const char *pattern, sv path, struct exchange *x)
{
    sv want = sv_of(pattern);

    x->n_captures = 0;
    sv_cut(&want, '/');
    sv_cut(&path, '/');
    while (want.len && path.len) {
        sv w = sv_cut(&want, '/'), p = sv_cut(&path, '/');

        if (sv_eq(w, SV("{}")) && p.len && x->n_captures < CAPTURES_MAX)
            x->captures[x->n_captures++] = p;
        else if (!sv_eq_nocase(w, p))
            return false;
    }
    return want.len == 0 && path.len == 0;
}

struct buf *reply_json(struct exchange *x, int status)
{
    x->r->status = status;
    x->r->content_type = "application/json; charset=utf-8";
    return &x->r->body;
}

void put_member(struct buf *b, const char *name, sv value)
{
    buf_json(b, sv_of(name));
    buf_putc(b, ':');
    buf_json(b, value);
}

static void put_code_message(struct buf *b, const char *code, const char *format, va_list ap)
{
    char text[1024];
    int n = vsnprintf(text, sizeof text, format, ap);

    buf_putc(b, '{');
    put_member(b, "code", sv_of(code));
    buf_putc(b, ',');
    put_member(b, "message", sv_make(text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
    buf_putc(b, '}');
}

void reply_error(struct exchange *x, int status, const char *code, const char *format, ...)
{
    struct buf *b = reply_json(x, status);
    va_list ap;

    buf_clear(b);
    buf_put(b, SV("{\"error\":"));
    va_start(ap, format);
    put_code_message(b, code, format, ap);
    va_end(ap);
    buf_putc(b, '}');
}

void reply_bare_error(struct exchange *x, int status, const char *code, const char *format, ...)
{
    struct buf *b = reply_json(x, status);
    va_list ap;

    buf_clear(b);
    va_start(ap, format);
    put_code_message(b, code, format, ap);
    va_end(ap);
}

void reply_header(struct exchange *x, const char *name, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    buf_printf(&x->r->headers, "%s: %s\n", name, text);
}

sv exchange_origin(struct exchange *x)
{
    return arena_printf(&x->arena, "https://%.*s", SV_ARG(http_server_header(x->q, "Host")));
}

sv query_of(const struct exchange *x, const char *name)
{
    return http_server_query(x->q, name);
}

bool exchange_json(struct exchange *x, json *root)
{
    if (!x->parser)
        x->parser = json_parser_new(0);
    return x->parser && json_parse(x->parser, x->q->body, root, NULL) == ERR_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

static sv form_decode(struct arena *a, sv s)
{
    sv out = arena_copy(a, s);
    char *to = (char *)(uintptr_t)out.at;
    size_t n = 0;

    for (size_t i = 0; i < out.len; i++) {
        bool escaped = s.at[i] == '%' && i + 2 < s.len && hex_digit(s.at[i + 1]) >= 0 && hex_digit(s.at[i + 2]) >= 0;

        int c = escaped ? hex_digit(s.at[i + 1]) << 4 | hex_digit(s.at[i + 2]) : s.at[i] == '+' ? ' ' : s.at[i];

        to[n++] = (char)c;
        i += escaped ? 2 : 0;
    }
    return sv_make(out.at, n);
}

sv exchange_decode(struct exchange *x, sv percent_encoded)
{
    return form_decode(&x->arena, percent_encoded);
}

sv form_of(struct exchange *x, const char *name)
{
    sv rest = x->q->body;

    while (rest.len) {
        sv pair = sv_cut(&rest, '&'), key = sv_cut(&pair, '=');

        if (sv_eq(form_decode(&x->arena, key), sv_of(name)))
            return form_decode(&x->arena, pair);
    }
    return SV_NONE;
}

static void answer(struct exchange *x)
{
    /* Faults come before the token: a gateway that is ill does not ask who calls. */
    if (x->cloud->identify)
        x->cloud->identify(x);
    if (fault_play(x) || !x->cloud->admit(x))
        return;
    x->row->handle(x);
    if (x->fault && !strcmp(x->fault, "cut"))
        x->r->body.len /= 2;
}

static void common_headers(struct exchange *x)
{
    struct buf date = { .at = NULL };

    /* The server's clock is the simulated one: windows of collectors are derived from it. */
    put_http_date(&date, x->now + x->skew_ns);
    reply_header(x, "Date", "%.*s", (int)date.len, date.at);
    buf_done(&date);
    if (x->cloud && x->cloud->headers)
        x->cloud->headers(x);
}

/* Whose request it is: the first that takes it for its own. */
static bool route(struct exchange *x, bool plain)
{
    for (const struct cloud *const *c = clouds; *c; c++) {
        if (!cloud_is_open(x->sim, *c))
            continue;
        x->cloud = *c;
        x->row = NULL;
        x->own = NULL;
        if ((*c)->exchange_bytes) {
            x->own = arena_alloc(&x->arena, (*c)->exchange_bytes);
            if (!x->own)
                break;
            memset(x->own, 0, (*c)->exchange_bytes);
        }
        if ((*c)->route(x, plain))
            return true;
    }
    x->cloud = NULL;
    return false;
}

static bool serve(struct sim *s, const struct http_server_request *q, struct http_server_response *r, bool plain)
{
    struct exchange x = { .sim = s, .q = q, .r = r, .now = clock_now(), .units = 1, .account = -1 };
    bool known;
    char id[36];

    arena_init(&x.arena, 0);
    uuid_text((uint64_t)x.now, (uint64_t)(uintptr_t)&x, id);
    x.request_id = sv_make(id, sizeof id);
    known = route(&x, plain);
    if (x.row) {
        answer(&x);
        requests_count(s->requests, &x);
    } else if (known) {
        x.cloud->unknown(&x);
    } else if (!plain) {
        reply_error(&x, 404, "PathNotFoundError", "The requested path does not exist");
    }
    if (!plain)
        common_headers(&x);
    json_parser_free(x.parser);
    arena_done(&x.arena);
    return known;
}

void api_serve(void *sim, const struct http_server_request *q, struct http_server_response *r)
{
    serve(sim, q, r, false);
}

bool api_serve_plain(struct sim *s, const struct http_server_request *q, struct http_server_response *r)
{
    return serve(s, q, r, true);
}
