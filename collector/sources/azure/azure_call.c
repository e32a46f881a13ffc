/*
 * One authenticated request, and pages of them. Tokens, quotas and roles are the same for every job, so they stand
 * here.
 *
 * A 401 renews the token once. nextLink is an absolute URL: it is followed only on the configured Resource Manager's
 * own origin, verbatim; a link that repeats itself or too many pages are an error, not an end.
 */
#include "collector/sources/azure/azure_state.h"

enum { PAGES_MAX = 2000, LOG_QUERY_TIMEOUT_MS = 200 * 1000 };

enum err_code azure_reader_init(struct azure_reader *r, struct azure_source *s, struct arena *arena, struct err *e)
{
    *r = (struct azure_reader){ .s = s, .arena = arena, .parser = json_parser_new(0) };
    buf_init(&r->url, 64 << 10);
    buf_init(&r->body, 256 << 10);
    return r->parser ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
}

void azure_reader_done(struct azure_reader *r)
{
    json_parser_free(r->parser);
    http_response_done(&r->response);
    buf_done(&r->url);
    buf_done(&r->body);
}

static sv audience(const struct azure_source *s, enum azure_plane plane)
{
    const sv all[] = {
        [AZURE_ARM] = s->arm_audience, [AZURE_METRICS] = s->metrics_audience, [AZURE_LOGS] = s->logs_audience
    };

    return all[plane];
}

static bool headers(struct http_request *q, const struct azure_reader *r, enum azure_plane plane, sv bearer)
{
    sv value = arena_printf(r->arena, "Bearer %.*s", SV_ARG(bearer));
    bool ok = value.at && http_request_header(q, SV("Authorization"), value) &&
              http_request_header(q, SV("Accept"), SV("application/json"));

    if (r->body.len) /* without it the logs API answers 200 with an empty body */
        ok = ok && http_request_header(q, SV("Content-Type"), SV("application/json"));
    if (plane == AZURE_LOGS)
        ok = ok && http_request_header(q, SV("Prefer"), SV("wait=180"));
    return ok;
}

/* One bucket per API family and scope: metric definitions have a limit of their own. */
static sv quota_name(const struct azure_reader *r, enum azure_api api, enum azure_plane plane, sv quota)
{
    static const char *const planes[] = { "arm", "metrics", "logs" };
    const char *plane_name = api == AZURE_API_DEFINITIONS ? "definitions" : planes[plane];

    return arena_printf(r->arena, "%.*s:%s:%.*s", SV_ARG(r->s->env.id), plane_name, SV_ARG(quota));
}

/* What stands in the configuration is named when nobody answers there. */
static enum err_code name_endpoint(const struct azure_reader *r, enum azure_plane plane, enum err_code code,
                                   struct err *e)
{
    const struct azure_endpoints_config *own = &r->s->cfg->endpoints;
    const struct {
        const char *setting, *value;
    } all[] = { [AZURE_ARM] = { "resource_manager", own->resource_manager },
                [AZURE_METRICS] = { "metrics", own->metrics },
                [AZURE_LOGS] = { "logs", own->logs } };

    if (code != ERR_RETRY || r->response.status || !all[plane].value)
        return code;
    return err_wrap(e, "no answer from endpoints.%s", all[plane].setting);
}

static enum err_code send(struct azure_reader *r, enum azure_api api, enum azure_plane plane, sv quota, struct err *e)
{
    struct http_request q = { .method = r->body.len ? "POST" : "GET",
                              .url = buf_sv(&r->url),
                              .body = buf_sv(&r->body) };
    sv name = quota_name(r, api, plane, quota), bearer;
    enum err_code code = azure_token(r->s->auth, audience(r->s, plane), r->arena, &bearer, e);

    if (code)
        return code;
    if (r->url.failed || r->body.failed || !name.at || !headers(&q, r, plane, bearer))
        return err_set(e, ERR_LIMIT, "%s: the request is too large", azure_apis[api].name);
    q.timeout_ms = plane == AZURE_LOGS ? LOG_QUERY_TIMEOUT_MS : 0;
    code = source_call(
        &r->s->env,
        &(struct source_request){
            .api = &azure_apis[api], .quota = name, .account = plane == AZURE_LOGS ? SV_NONE : quota, .http = &q },
        &r->response, e);
    if (code == ERR_AUTH)
        azure_token_refused(r->s->auth, audience(r->s, plane), bearer);
    if (code == ERR_OK && sv_starts(sv_trim(buf_sv(&r->response.body)), SV("<")))
        return err_set(e, ERR_PARSE,
                       "%s: http %d with a web page instead of JSON: is a proxy or a login page in between?",
                       azure_apis[api].name, r->response.status);
    return name_endpoint(r, plane, code, e);
}

enum err_code azure_ask(struct azure_reader *r, enum azure_api api, enum azure_plane plane, sv quota, json *root,
                        struct err *e)
{
    enum err_code code = send(r, api, plane, quota, e);

    if (code == ERR_AUTH)
        code = send(r, api, plane, quota, e);
    if (code == ERR_DENIED)
        return err_wrap(e, "%s", azure_remedy(api));
    if (code || !root)
        return code;
    code = json_parse(r->parser, buf_sv(&r->response.body), root, e);
    return code ? err_wrap(e, "%s", azure_apis[api].name) : ERR_OK;
}

/* Puts the next page's URL into r->url. */
static enum err_code turn(struct azure_reader *r, sv next, struct err *e)
{
    if (!azure_same_origin(next, r->s->arm))
        return err_set(e, ERR_PARSE, "nextLink leads to another host: %.*s", SV_ARG(sv_first(next, 120)));
    if (sv_eq(next, buf_sv(&r->url)))
        return err_set(e, ERR_PARSE, "nextLink repeats itself");
    buf_clear(&r->url);
    buf_put(&r->url, next);
    return ERR_OK;
}

enum err_code azure_pages(struct azure_reader *r, enum azure_api api, sv quota, page_decoder *decode,
                          struct items *items, struct err *e)
{
    for (int page = 1; page <= PAGES_MAX; page++) {
        sv next = SV_NONE;
        json root = { 0 };
        enum err_code code = azure_ask(r, api, AZURE_ARM, quota, &root, e);

        code = code ? code : decode(root, items, &next, e);
        if (code == ERR_OK && next.len == 0)
            return ERR_OK;
        code = code ? code : turn(r, next, e);
        if (code)
            return page == 1 ? code : err_wrap(e, "page %d", page);
    }
    return err_set(e, ERR_LIMIT, "%s: more than %d pages", azure_apis[api].name, PAGES_MAX);
}
