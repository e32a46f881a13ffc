/*
 * One authenticated request, and pages of them. The key, the quota and what refusals mean are the same for every job, so
 * they stand here.
 *
 * The key is read anew for each attempt, since files rotate, and wiped after it. There are two styles of paging: usage and
 * costs give a cursor, listings are continued after the last id. A cursor that repeats or too many pages are an error,
 * never an end: a total over some of the pages would be a wrong one.
 */
#include "collector/sources/openai/openai_error.h"
#include "collector/sources/openai/openai_state.h"

enum { URL_BYTES_MAX = 64 << 10, TIMEOUT_MS = 30 * 1000 };

enum err_code openai_reader_init(struct openai_reader *r, struct openai_source *s, struct arena *arena, struct err *e)
{
    *r = (struct openai_reader){ .s = s, .arena = arena, .parser = json_parser_new(0) };
    buf_init(&r->url, URL_BYTES_MAX);
    buf_init(&r->bearer, SECRET_BYTES_MAX + 16);
    return r->parser ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
}

void openai_reader_done(struct openai_reader *r)
{
    json_parser_free(r->parser);
    http_response_done(&r->response);
    buf_done(&r->url);
    secret_wipe(&r->bearer);
}

/* ---- One request ---- */

static enum err_code authorize(void *ctx, struct http_request *q, struct err *e)
{
    struct openai_reader *r = ctx;
    struct secret from = r->s->cfg->admin_key;
    struct buf key;
    enum err_code code;

    buf_init(&key, SECRET_BYTES_MAX);
    code = secret_read(from, &key, e);
    secret_wipe(&r->bearer);
    buf_init(&r->bearer, SECRET_BYTES_MAX + 16);
    buf_put(&r->bearer, SV("Bearer "));
    buf_put(&r->bearer, buf_sv(&key));
    secret_wipe(&key);
    if (code)
        return code;
    if (r->bearer.failed)
        return err_set(e, ERR_LIMIT, "out of memory");
    return http_request_header(q, SV("Authorization"), buf_sv(&r->bearer))
               ? ERR_OK
               : err_set(e, ERR_CONFIG, "%s holds no key: it has line breaks", from.reference);
}

static enum err_code send(struct openai_reader *r, enum openai_api api, struct err *e)
{
    const struct openai_source *s = r->s;
    struct http_request q = { .method = "GET", .url = buf_sv(&r->url), .timeout_ms = TIMEOUT_MS };
    struct source_request call = { .api = &openai_apis[api],
                                   .quota = arena_printf(r->arena, "%.*s:admin", SV_ARG(s->env.id)),
                                   .account = sv_of(s->cfg->organization),
                                   .http = &q,
                                   .prepare = authorize,
                                   .judge = openai_judge,
                                   .ctx = r };

    if (r->url.failed || !call.quota.at || !http_request_header(&q, SV("Accept"), SV("application/json")))
        return err_set(e, ERR_LIMIT, "%s: the request is too large", openai_apis[api].name);
    return source_call_patiently(&s->env, &call, &r->response, e);
}

enum err_code openai_ask(struct openai_reader *r, enum openai_api api, json *root, struct err *e)
{
    const char *name = openai_apis[api].name;
    enum err_code code = send(r, api, e);

    if (code && r->response.status)
        return openai_explain(&r->response, name, r->s->cfg->admin_key.reference, e);
    if (code)
        return code;
    return root ? source_answer(&r->response, &openai_apis[api], r->parser, root, e) : ERR_OK;
}

/* ---- Pages ---- */

enum err_code openai_list(struct openai_reader *r, const struct openai_listing *l, struct items *items, struct err *e)
{
    struct source_pages pages;
    enum err_code code;
    sv next = SV_NONE;

    source_pages_init(&pages);
    do {
        json root = { 0 };

        buf_clear(&r->url);
        l->ask(r, l->what, next);
        code = openai_ask(r, l->api, &root, e);
        next = SV_NONE;
        code = code ? code : l->decode(root, items, &next, e);
        if (code == ERR_OK && next.len)
            code = source_pages_turn(&pages, next, e);
    } while (code == ERR_OK && next.len);
    return source_pages_end(&pages, code, e);
}
