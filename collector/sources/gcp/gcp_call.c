/*
 * One authorized request, and pages of them. Token, quota and what refusals mean are the same for every job, so they stand
 * here.
 *
 * The token is put on before each attempt, since one may end while a request waits for its quota; one that is refused is
 * renewed once. Quotas are counted by project and API, as Google does.
 */
#include <stdio.h>

#include "collector/sources/gcp/gcp_error.h"
#include "collector/sources/gcp/gcp_state.h"

enum { PATH_BYTES_MAX = 64 << 10, BODY_BYTES_MAX = 64 << 10, TIMEOUT_MS = 60 * 1000 };

enum err_code gcp_reader_init(struct gcp_reader *r, struct gcp_source *s, struct arena *arena, struct err *e)
{
    *r = (struct gcp_reader){ .s = s, .arena = arena, .parser = json_parser_new(0) };
    buf_init(&r->path, PATH_BYTES_MAX);
    buf_init(&r->body, BODY_BYTES_MAX);
    buf_init(&r->url, PATH_BYTES_MAX);
    return r->parser ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
}

void gcp_reader_done(struct gcp_reader *r)
{
    json_parser_free(r->parser);
    http_response_done(&r->response);
    buf_done(&r->path);
    buf_done(&r->body);
    buf_done(&r->url);
}

void gcp_reader_clear(struct gcp_reader *r)
{
    buf_clear(&r->path);
    buf_clear(&r->body);
}

struct attempt {
    struct gcp_reader *r;
    sv used; /* token of the last attempt */
};

static enum err_code authorize(void *ctx, struct http_request *q, struct err *e)
{
    struct attempt *a = ctx;

    return gcp_auth_prepare(a->r->s->auth, a->r->arena, q, &a->used, e);
}

static enum err_code send(struct gcp_reader *r, const struct gcp_operation *op, sv project, struct attempt *a,
                          struct err *e)
{
    struct http_request q = { .method = r->body.len ? "POST" : "GET",
                              .url = buf_sv(&r->url),
                              .body = buf_sv(&r->body),
                              .timeout_ms = TIMEOUT_MS };
    struct source_request call = { .api = &op->api,
                                   .account = project,
                                   .http = &q,
                                   .prepare = authorize,
                                   .judge = gcp_judge,
                                   .wait = gcp_wait,
                                   .ctx = a };
    bool ok = http_request_header(&q, SV("Accept"), SV("application/json"));

    call.quota = arena_printf(r->arena, "%.*s:%s:%.*s", SV_ARG(r->s->env.id), op->api.name, SV_ARG(project));
    if (r->body.len)
        ok = ok && http_request_header(&q, SV("Content-Type"), SV("application/json"));
    if (!ok || !call.quota.at || r->url.failed || r->path.failed || r->body.failed)
        return err_set(e, ERR_LIMIT, "%s: the request is too large", op->api.name);
    return source_call_patiently(&r->s->env, &call, &r->response, e);
}

/* For those who grant roles of their own too. */
static const char *remedy_of(struct gcp_reader *r, const struct gcp_operation *op)
{
    sv text = arena_printf(r->arena, "%s (%s)", op->remedy, op->permissions);

    return text.at ? text.at : op->remedy;
}

enum err_code gcp_ask(struct gcp_reader *r, enum gcp_api api, sv project, json *root, struct err *e)
{
    const struct gcp_operation *op = &gcp_operations[api];
    struct attempt a = { r, SV_NONE };
    char name[64];
    enum err_code code;

    buf_clear(&r->url);
    gcp_auth_endpoint(r->s->auth, sv_of(op->service), &r->url);
    buf_put(&r->url, buf_sv(&r->path));
    code = send(r, op, project, &a, e);
    if (code == ERR_AUTH && a.used.len) {
        gcp_auth_refused(r->s->auth, a.used);
        code = send(r, op, project, &a, e);
    }
    snprintf(name, sizeof name, "%.*s", SV_ARG(sv_first(project.len ? project : SV("the identity"), sizeof name - 1)));
    if (code == ERR_AUTH)
        return err_wrap(e, "%s", gcp_auth_about(r->s->auth)->remedy);
    if (code)
        return gcp_explain(&r->response, op->api.name, name, remedy_of(r, op), code, e);
    return root ? source_answer(&r->response, &op->api, r->parser, root, e) : ERR_OK;
}

enum err_code gcp_list(struct gcp_reader *r, const struct gcp_listing *l, sv project, struct items *items,
                       struct err *e)
{
    struct source_pages pages;
    enum err_code code;
    sv next = SV_NONE;

    source_pages_init(&pages);
    do {
        json root = { 0 };

        gcp_reader_clear(r);
        l->ask(r, l->what, next);
        code = gcp_ask(r, l->api, project, &root, e);
        code = code ? code : l->decode(root, items, &next, e);
        if (code == ERR_OK && next.len)
            code = source_pages_turn(&pages, next, e);
    } while (code == ERR_OK && next.len);
    return source_pages_end(&pages, code, e);
}
