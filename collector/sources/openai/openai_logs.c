/*
 * Audit logs. They are read by the event's own time, and events become visible later than they happen, so windows look back
 * and the runner drops what it has seen.
 *
 * There are two listings: without tenant_only those of the organization, with it those above it (openai.md 5.1). An
 * organization that stands alone may be refused the second; then the first is all there is.
 */
#include "collector/base/clock.h"
#include "collector/sources/openai/openai_state.h"

enum { TENANT_AGAIN_MS = 60 * 60 * 1000 };

static const char tenant_name[] = "audit_logs.tenant_only";

static enum err_code read_events(struct openai_reader *r, const struct openai_context *c, bool tenant,
                                 struct frame *out, struct err *e)
{
    struct source_pages pages;
    enum err_code code;
    sv after = SV_NONE;

    source_pages_init(&pages);
    do {
        json root = { 0 };

        buf_clear(&r->url);
        openai_url_audit_logs(&r->url, r->s->url, c->from_unix_nano, c->to_unix_nano, tenant, after);
        code = openai_ask(r, OPENAI_API_AUDIT_LOGS, &root, e);
        code = code ? code : openai_decode_audit(root, c, out, &after, e);
        if (code == ERR_OK && after.len)
            code = source_pages_turn(&pages, after, e);
    } while (code == ERR_OK && after.len);
    return source_pages_end(&pages, code, e);
}

static bool asks_tenant(struct openai_source *s)
{
    bool asks;

    pthread_mutex_lock(&s->lock);
    asks = clock_mono() >= s->no_tenant_until_mono;
    pthread_mutex_unlock(&s->lock);
    return asks;
}

static void no_tenant(struct openai_source *s, sv why)
{
    pthread_mutex_lock(&s->lock);
    s->no_tenant_until_mono = clock_mono() + TENANT_AGAIN_MS * NANO_PER_MS;
    pthread_mutex_unlock(&s->lock);
    openai_goes_without(s, tenant_name, why);
}

static enum err_code read_tenant(struct openai_reader *r, const struct openai_context *c, struct frame *out,
                                 struct err *e)
{
    struct err why = { 0 };
    enum err_code code = asks_tenant(r->s) ? read_events(r, c, true, out, &why) : ERR_GONE;

    if (code == ERR_OK) {
        openai_goes_without(r->s, tenant_name, SV_NONE);
        return ERR_OK;
    }
    if (code == ERR_DENIED || code == ERR_GONE || code == ERR_REFUSED) {
        if (why.code)
            no_tenant(r->s, sv_of(why.text));
        return ERR_OK;
    }
    if (e)
        *e = why;
    return code;
}

static sv on_region(void *ctx, sv project)
{
    const struct openai_project *p = openai_project_find(ctx, project);

    return p ? p->residency.region : SV_NONE;
}

enum err_code openai_poll_audit(struct openai_reader *r, const struct source_job *job, struct window *w,
                                struct frame *out, struct err *e)
{
    struct openai_projects *projects = openai_projects_hold(r->s);
    struct openai_context c = { .source = r->s->env.id,
                                .organization = sv_of(r->s->cfg->organization),
                                .from_unix_nano = w->from_unix_nano,
                                .to_unix_nano = w->to_unix_nano,
                                .ctx = projects,
                                .region = on_region };
    enum err_code code;

    (void)job;
    w->read_at_unix_nano = c.observed_unix_nano = source_server_now(&r->s->env);
    code = read_events(r, &c, false, out, e);
    code = code ? code : read_tenant(r, &c, out, e);
    openai_projects_drop(projects);
    if (code == ERR_DENIED)
        return err_wrap(e, "an owner has to switch audit logging on, once, in the organization's data controls");
    return code;
}
