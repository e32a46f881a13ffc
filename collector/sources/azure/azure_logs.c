/*
 * Quotas of a subscription's regions, the logs of a workspace, the Activity Log of a subscription.
 *
 * Logs are read by arrival: the window bounds ingestion_time(), so a row that is hours late is read once, when it
 * comes. There is no paging: ERR_PARTIAL and ERR_LIMIT make the runner halve the window. The Activity Log filters by
 * event time only, so its window looks back and the runner drops what it has seen.
 */
#include "collector/base/clock.h"
#include "collector/model/region.h"
#include "collector/sources/azure/azure_state.h"

enum { ACTIVITY_PAGES_MAX = 500 };

/* ---- capacity ---- */

static enum err_code poll_location(struct azure_reader *r, struct azure_subscription *sub, sv location, int64_t start,
                                   struct frame *out, struct err *e)
{
    struct items items = { .arena = r->arena };
    int64_t end = start + r->s->cfg->capacity_interval_ms * NANO_PER_MS;
    enum err_code code;

    buf_clear(&r->url);
    azure_url_usages(&r->url, r->s->arm, sv_of(sub->id), location);
    code = azure_pages(r, AZURE_API_USAGES, sv_of(sub->id), azure_decode_usages, &items, e);
    if (code == ERR_GONE)
        return ERR_OK; /* the path itself is unverified; a region may not serve it */
    code =
        code ? code : azure_emit_usages(items.at, items.n, sv_of(sub->id), location, r->s->env.id, start, end, out, e);
    return code ? err_wrap(e, "%.*s", SV_ARG(location)) : ERR_OK;
}

static bool seen_before(const struct azure_view *v, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (sv_eq_nocase(v->at[k]->item.location, v->at[i]->item.location))
            return true;
    return false;
}

enum err_code azure_poll_capacity(struct azure_reader *r, struct azure_subscription *sub, struct window *w,
                                  struct frame *out, struct err *e)
{
    struct azure_view view;
    enum err_code code = azure_view_take(r->s, sub, r->arena, &view, e);
    int64_t start;

    w->read_at_unix_nano = source_server_now(&r->s->env);
    start = clock_floor(w->read_at_unix_nano, r->s->cfg->capacity_interval_ms * NANO_PER_MS);
    for (size_t i = 0; i < view.n && code == ERR_OK; i++)
        if (!seen_before(&view, i))
            code = poll_location(r, sub, view.at[i]->item.location, start, out, e);
    azure_view_drop(&view);
    return code;
}

/* ---- what the log decoders ask ---- */

struct lookup {
    struct azure_source *s;
    struct azure_view view; /* of all subscriptions */
};

static bool on_account(void *ctx, sv id, struct azure_account_facts *out)
{
    const struct azure_account *a = azure_view_find(&((struct lookup *)ctx)->view, id);

    if (!a)
        return false;
    *out = (struct azure_account_facts){ a->item.name, a->item.location,
                                         region_jurisdiction(CLOUD_AZURE, a->item.location) };
    return true;
}

static bool on_foreign(void *ctx, sv id)
{
    return azure_is_foreign(((struct lookup *)ctx)->s, id);
}

static bool on_wanted(void *ctx, sv id, sv deployment, sv model)
{
    struct lookup *l = ctx;
    const struct azure_account *a = azure_view_find(&l->view, id);
    struct azure_deployment_facts facts = { SV_NONE, SV_NONE, SV_NONE };

    (void)model;
    if (a)
        (void)azure_deployment_find(a, deployment, SV_NONE, &facts);
    return source_wants_publisher(&l->s->env, facts.publisher);
}

/* ---- logs ---- */

static enum err_code read_calls(struct azure_reader *r, sv workspace, const struct azure_log_context *c,
                                struct window *w, struct frame *out, struct err *e)
{
    struct azure_decoder *d;
    enum err_code code;

    buf_clear(&r->url);
    buf_clear(&r->body);
    azure_log_url(&r->url, r->s->logs, workspace);
    azure_log_body(&r->body, w->from_unix_nano, w->to_unix_nano);
    code = azure_ask(r, AZURE_API_LOGS, AZURE_LOGS, workspace, NULL, e);
    if (code)
        return code;
    /* Only a 204 may have no body (azure.md 2.3); taken for "no rows", a gateway's empty 200 would be a silent gap. */
    if (r->response.status != 204 && sv_trim(buf_sv(&r->response.body)).len == 0)
        return err_set(e, ERR_RETRY, "query: http %d with an empty body", r->response.status);
    d = azure_decoder_new();
    code = d ? azure_decode_log(d, buf_sv(&r->response.body), c, out, NULL, e) : err_set(e, ERR_LIMIT, "out of memory");
    azure_decoder_free(d);
    return code;
}

enum err_code azure_poll_calls(struct azure_reader *r, sv workspace, struct window *w, struct frame *out, struct err *e)
{
    struct lookup l = { .s = r->s };
    struct azure_log_context c = {
        .source = r->s->env.id, .ctx = &l, .account = on_account, .foreign = on_foreign, .wanted = on_wanted
    };
    enum err_code code = azure_view_take(r->s, NULL, r->arena, &l.view, e);

    w->read_at_unix_nano = c.observed_unix_nano = source_server_now(&r->s->env);
    code = code ? code : read_calls(r, workspace, &c, w, out, e);
    azure_view_drop(&l.view);
    return code;
}

/* ---- Activity Log ---- */

static enum err_code read_provider(struct azure_reader *r, struct azure_subscription *sub, struct azure_decoder *d,
                                   const struct azure_log_context *c, struct frame *out, struct err *e)
{
    for (int page = 1; page <= ACTIVITY_PAGES_MAX; page++) {
        sv next = SV_NONE;
        enum err_code code = azure_ask(r, AZURE_API_ACTIVITY, AZURE_ARM, sv_of(sub->id), NULL, e);

        code = code ? code : azure_decode_activity(d, buf_sv(&r->response.body), c, out, &next, e);
        if (code || next.len == 0)
            return code;
        if (!azure_same_origin(next, r->s->arm) || sv_eq(next, buf_sv(&r->url)))
            return err_set(e, ERR_PARSE, "page %d: nextLink may not be followed: %.*s", page,
                           SV_ARG(sv_first(next, 120)));
        buf_clear(&r->url);
        buf_put(&r->url, next);
    }
    return err_set(e, ERR_LIMIT, "more than %d pages", ACTIVITY_PAGES_MAX);
}

enum err_code azure_poll_audit(struct azure_reader *r, struct azure_subscription *sub, struct window *w,
                               struct frame *out, struct err *e)
{
    struct lookup l = { .s = r->s };
    struct azure_log_context c = { .source = r->s->env.id, .ctx = &l, .account = on_account, .wanted = on_wanted };
    /* Who did what to an account of another kind is told all the same: it is the provider's, and rights spread. */
    struct azure_decoder *d = azure_decoder_new();
    enum err_code code = d ? azure_view_take(r->s, sub, r->arena, &l.view, e) : err_set(e, ERR_LIMIT, "out of memory");

    w->read_at_unix_nano = c.observed_unix_nano = source_server_now(&r->s->env);
    for (int p = 0; p < AZURE_ACTIVITY_PROVIDERS && code == ERR_OK; p++) {
        buf_clear(&r->url);
        azure_activity_url(&r->url, r->s->arm, sv_of(sub->id), sv_of(azure_activity_providers[p]), w->from_unix_nano,
                           w->to_unix_nano);
        code = read_provider(r, sub, d, &c, out, e);
        if (code)
            err_wrap(e, "%s", azure_activity_providers[p]);
    }
    azure_view_drop(&l.view);
    azure_decoder_free(d);
    return code;
}
