/*
 * One signed request, and pages of them. Endpoints, signatures, quotas and permissions are the same for every job, so
 * they stand here.
 *
 * source_call signs anew before each attempt and learns the server's clock from each answer, so a skew is mended by its
 * own second attempt. Credentials that are refused are renewed once. Quotas are AWS's: one bucket for an API in an
 * account and region.
 */
#include "collector/sources/aws/aws_error.h"
#include "collector/sources/aws/aws_state.h"

enum { PAGES_MAX = 2000, BODY_MAX = 4 << 20, PATH_MAX_BYTES = 64 << 10 };

enum err_code aws_reader_init(struct aws_reader *r, struct aws_source *s, struct arena *arena, struct err *e)
{
    *r = (struct aws_reader){ .s = s, .arena = arena, .parser = json_parser_new(0) };
    buf_init(&r->url, PATH_MAX_BYTES);
    buf_init(&r->path, PATH_MAX_BYTES);
    buf_init(&r->body, BODY_MAX);
    return r->parser ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
}

void aws_reader_done(struct aws_reader *r)
{
    json_parser_free(r->parser);
    http_response_done(&r->response);
    buf_done(&r->url);
    buf_done(&r->path);
    buf_done(&r->body);
}

bool aws_said(const struct aws_reader *r, const char *code)
{
    struct aws_error said;

    aws_error_read(&r->response, &said);
    return sv_eq(sv_of(said.name), sv_of(code));
}

/* What signing an attempt needs. */
struct signing {
    struct aws_reader *r;
    sv account, region, service;
    sv used; /* access key id of the last attempt */
};

static enum err_code sign(void *ctx, struct http_request *q, struct err *e)
{
    struct signing *s = ctx;

    return aws_auth_sign(s->r->s->auth, s->account, s->region, s->service, s->r->arena, q, &s->used, e);
}

static enum err_code address(struct aws_reader *r, const struct aws_operation *op, struct signing *s, struct err *e)
{
    struct aws_endpoint endpoint;
    enum err_code code;

    buf_clear(&r->url);
    code = aws_endpoint(aws_auth_endpoints(r->s->auth), sv_of(op->service), s->region, &endpoint, &r->url, e);
    if (code)
        return code;
    s->region = arena_copy(r->arena, endpoint.signing_region);
    buf_put(&r->url, op->target || r->path.len == 0 ? SV("/") : buf_sv(&r->path));
    return s->region.at ? ERR_OK : err_set(e, ERR_LIMIT, "%s: out of memory", op->api.name);
}

static enum err_code send(struct aws_reader *r, const struct aws_operation *op, struct signing *s, int64_t units,
                          struct err *e)
{
    struct http_request q = { .method = op->method };
    struct source_request call = { .api = &op->api,
                                   .account = s->account,
                                   .units = units,
                                   .http = &q,
                                   .prepare = sign,
                                   .judge = aws_judge,
                                   .ctx = s };
    bool ok = true;

    call.quota = arena_printf(r->arena, "%.*s:%s:%.*s:%.*s", SV_ARG(r->s->env.id), op->api.name, SV_ARG(s->account),
                              SV_ARG(s->region));
    q.url = buf_sv(&r->url);
    q.body = sv_eq(sv_of(op->method), SV("GET")) ? SV_NONE : buf_sv(&r->body);
    if (op->content_type)
        ok = http_request_header(&q, SV("Content-Type"), sv_of(op->content_type));
    if (op->target)
        ok = ok && http_request_header(&q, SV("X-Amz-Target"), sv_of(op->target));
    if (!ok || !call.quota.at || r->url.failed || r->path.failed || r->body.failed)
        return err_set(e, ERR_LIMIT, "%s: the request is too large", op->api.name);
    return source_call_patiently(&r->s->env, &call, &r->response, e);
}

enum err_code aws_ask(struct aws_reader *r, enum aws_api api, sv account, sv region, int64_t units, json *root,
                      struct err *e)
{
    const struct aws_operation *op = &aws_operations[api];
    struct signing s = { r, account, region, sv_of(op->service), SV_NONE };
    enum err_code code = address(r, op, &s, e);

    code = code ? code : send(r, op, &s, units, e);
    if (code == ERR_AUTH && s.used.len) {
        aws_auth_refused(r->s->auth, account, s.used);
        code = send(r, op, &s, units, e);
    }
    if (code == ERR_DENIED && r->response.status)
        return err_wrap(e, "allow %s", aws_permission(api));
    if (code || !root)
        return code;
    code = json_parse(r->parser, buf_sv(&r->response.body), root, e);
    return code ? err_wrap(e, "%s", op->api.name) : ERR_OK;
}

enum err_code aws_pages(struct aws_reader *r, enum aws_api api, sv account, sv region, const struct aws_pages *p,
                        struct items *items, struct err *e)
{
    sv next = SV_NONE;

    for (int page = 1; page <= PAGES_MAX; page++) {
        json root = { 0 };
        sv before = next;
        enum err_code code;

        buf_clear(&r->body);
        buf_clear(&r->path);
        p->ask(r, p->what, next);
        code = aws_ask(r, api, account, region, 0, &root, e);
        code = code ? code : p->decode(root, items, &next, e);
        if (code)
            return page == 1 ? code : err_wrap(e, "page %d", page);
        if (next.len == 0)
            return ERR_OK;
        if (sv_eq(next, before))
            return err_set(e, ERR_PARSE, "%s: page %d: NextToken repeats itself", aws_operations[api].api.name, page);
    }
    return err_set(e, ERR_LIMIT, "%s: more than %d pages", aws_operations[api].api.name, PAGES_MAX);
}
