/*
 * Logs of one place (account, region): invocation logs and a trail's log group by FilterLogEvents, audit by LookupEvents.
 *
 * All three are read by the event's own time, and events become visible later than they happen (aws.md 2.8), so windows
 * look back and the runner drops what it has seen. A window is read to its last page or not at all: an empty page may
 * have a token, and a token that is no longer accepted spoils the whole window.
 *
 * An application profile that discovery has not found yet is looked up when a record names it: a call must not be counted
 * without its model because it came first. A look-up that fails for a passing cause fails the poll.
 */
#include "collector/sources/aws/aws_log.h"
#include "collector/sources/aws/aws_state.h"

enum { PAGES_MAX = 2000, LOOKUP_PAGES_MAX = 600, PROFILE_ID_MAX = 128 };

struct looked_up {
    struct looked_up *next;
    sv id, model_id; /* model_id empty: nobody knows it */
};

struct reading {
    struct aws_reader *r;
    struct aws_place *place;
    struct aws_finding *finding;
    struct aws_decoder *decoder;
    struct aws_log_context context;
    struct looked_up *looked_up;
    struct err failed; /* of a look-up */
};

/* ---- Profiles ---- */

static bool in_finding(const struct aws_finding *f, sv id, struct aws_profile *out)
{
    for (size_t i = 0; f && i < f->profiles.n; i++)
        if (sv_eq(f->profiles.at[i].id, id)) {
            *out = f->profiles.at[i];
            return true;
        }
    return false;
}

/* What may stand in a path as it is. */
static bool is_profile_id(sv id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return id.len > 0 && id.len <= PROFILE_ID_MAX;
}

static sv model_of_profile(json root)
{
    struct json_iter it = json_items(json_get(root, SV("models")));
    json first;

    return json_item(&it, &first) ? aws_last_part(json_sv(json_get(first, SV("modelArn")))) : SV_NONE;
}

static struct looked_up *look_up(struct reading *g, sv id)
{
    struct aws_reader *r = g->r;
    struct looked_up *l = ARENA_NEW(r->arena, struct looked_up);
    enum err_code code = l ? ERR_OK : err_set(&g->failed, ERR_LIMIT, "out of memory");
    json root = { 0 };

    if (code == ERR_OK) {
        buf_clear(&r->path);
        buf_clear(&r->body);
        buf_printf(&r->path, "/inference-profiles/%.*s", SV_ARG(id));
        code = aws_ask(r, AWS_API_GET_PROFILE, g->context.account, g->context.region, 0, &root, &g->failed);
    }
    if (code == ERR_GONE || code == ERR_DENIED || code == ERR_REFUSED) {
        g->failed = (struct err){ 0 };
        code = ERR_OK;
        root = (json){ 0 };
    }
    if (code)
        return NULL;
    *l = (struct looked_up){ g->looked_up, arena_copy(r->arena, id), arena_copy(r->arena, model_of_profile(root)) };
    g->looked_up = l;
    return l;
}

static bool on_profile(void *ctx, sv account, sv region, sv model_id, struct aws_profile *out)
{
    struct reading *g = ctx;
    const struct looked_up *l = g->looked_up;
    sv id = aws_last_part(sv_trim(model_id));

    if (!sv_eq(account, g->context.account) || !sv_eq(region, g->context.region) || !is_profile_id(id))
        return false;
    if (in_finding(g->finding, id, out))
        return true;
    while (l && !sv_eq(l->id, id))
        l = l->next;
    if (!l && g->failed.code == ERR_OK)
        l = look_up(g, id);
    if (!l || l->model_id.len == 0)
        return false;
    out->model_id = l->model_id;
    return true;
}

static bool on_publisher(void *ctx, sv publisher)
{
    return source_wants_publisher(&((struct reading *)ctx)->r->s->env, publisher);
}

/* ---- Reading ---- */

static enum err_code begin(struct reading *g, struct aws_reader *r, struct aws_place *p, struct window *w,
                           struct err *e)
{
    *g = (struct reading){ .r = r, .place = p };
    w->read_at_unix_nano = source_server_now(&r->s->env);
    g->context = (struct aws_log_context){ .source = r->s->env.id,
                                           .observed_unix_nano = w->read_at_unix_nano,
                                           .account = sv_of(p->account),
                                           .region = sv_of(p->region),
                                           .ctx = g,
                                           .profile = on_profile,
                                           .publisher = on_publisher };
    g->finding = aws_finding_hold(r->s, p);
    g->decoder = aws_decoder_new();
    return g->decoder ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
}

static void end(struct reading *g)
{
    aws_decoder_free(g->decoder);
    aws_finding_drop(g->finding);
}

typedef enum err_code decode_fn(struct aws_decoder *d, sv body, const struct aws_log_context *c, struct frame *out,
                                sv *token, struct err *e);

/* Sends what stands in r->body and takes the page. */
static enum err_code read_page(struct reading *g, enum aws_api api, decode_fn *decode, struct frame *out, sv *token,
                               struct err *e)
{
    struct aws_reader *r = g->r;
    enum err_code code = aws_ask(r, api, g->context.account, g->context.region, 0, NULL, e);
    sv next = SV_NONE;

    if (code == ERR_OK)
        code = decode(g->decoder, buf_sv(&r->response.body), &g->context, out, &next, e);
    if (code == ERR_OK && g->failed.code) {
        if (e)
            *e = g->failed;
        return g->failed.code;
    }
    if (code == ERR_OK && next.len && sv_eq(next, *token))
        return err_set(e, ERR_PARSE, "the same token again");
    if (code == ERR_OK)
        *token = next;
    return code;
}

/* A token that is refused may have grown too old; the window is read again from its beginning. */
static enum err_code spoiled(const struct aws_reader *r, enum err_code code, int page, struct err *e)
{
    if (page > 1 && (aws_said(r, "InvalidParameterException") || aws_said(r, "InvalidNextTokenException")))
        return err_set(e, ERR_RETRY, "page %d: the token was refused", page);
    return code ? err_wrap(e, "page %d", page) : ERR_OK;
}

static enum err_code read_group(struct reading *g, sv group, sv pattern, const struct window *w, struct frame *out,
                                struct err *e)
{
    sv token = SV_NONE;

    for (int page = 1; page <= PAGES_MAX; page++) {
        enum err_code code;

        buf_clear(&g->r->body);
        aws_body_filter_events(&g->r->body, group, pattern, w->from_unix_nano, w->to_unix_nano, token);
        code = read_page(g, AWS_API_FILTER_LOG_EVENTS, aws_decode_log_events, out, &token, e);
        if (code)
            return spoiled(g->r, code, page, e);
        if (token.len == 0)
            return ERR_OK;
    }
    return err_set(e, ERR_LIMIT, "more than %d pages", PAGES_MAX);
}

/* The group's name as configured or as the logging configuration tells. Empty: none known. */
static sv log_group(const struct reading *g)
{
    sv group = sv_of(g->r->s->cfg->logs.group);

    if (group.len && !sv_eq(group, SV("auto")))
        return group;
    return g->finding ? g->finding->logging.log_group : SV_NONE;
}

enum err_code aws_poll_calls(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                             struct err *e)
{
    struct reading g;
    enum err_code code = begin(&g, r, p, w, e);
    sv group = log_group(&g);

    if (code == ERR_OK && group.len == 0)
        code = err_set(e, ERR_RETRY, "no log group is known");
    if (code == ERR_OK)
        code = read_group(&g, group, SV_NONE, w, out, e);
    end(&g);
    return code;
}

enum err_code aws_poll_trail(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                             struct err *e)
{
    struct reading g;
    enum err_code code = begin(&g, r, p, w, e);

    if (code == ERR_OK)
        code = read_group(&g, sv_of(r->s->cfg->logs.trail_group), sv_of(aws_trail_pattern), w, out, e);
    /* One name is configured for all places, and an organization's trail may write to one of them only. */
    if (code == ERR_GONE && aws_said(r, "ResourceNotFoundException"))
        code = ERR_OK;
    end(&g);
    return code;
}

enum err_code aws_poll_audit(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                             struct err *e)
{
    struct reading g;
    enum err_code code = begin(&g, r, p, w, e);
    sv token = SV_NONE;
    int page = 0;

    while (code == ERR_OK && (page == 0 || token.len) && page < LOOKUP_PAGES_MAX) {
        page++;
        buf_clear(&r->body);
        aws_body_lookup_events(&r->body, w->from_unix_nano, w->to_unix_nano, token);
        code = read_page(&g, AWS_API_LOOKUP_EVENTS, aws_decode_lookup, out, &token, e);
        if (code)
            code = spoiled(r, code, page, e);
    }
    if (code == ERR_OK && token.len)
        code = err_set(e, ERR_LIMIT, "more than %d pages", LOOKUP_PAGES_MAX);
    end(&g);
    return code;
}
