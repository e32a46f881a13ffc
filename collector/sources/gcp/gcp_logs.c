/*
 * Audit logs, read by the time of receipt. An entry becomes visible some time after that, so windows look back and the runner
 * drops what it has seen; an empty page with a token is not the end (gcp.md 2.1).
 */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp_state.h"

enum err_code gcp_read_entries(struct gcp_reader *r, struct gcp_log_query *q, const struct gcp_context *c,
                               struct frame *out, struct err *e)
{
    struct source_pages pages;
    enum err_code code;

    source_pages_init(&pages);
    do {
        json root = { 0 };

        gcp_reader_clear(r);
        gcp_path_entries(&r->path);
        gcp_body_entries(&r->body, q);
        code = gcp_ask(r, GCP_API_ENTRIES, q->project, &root, e);
        code = code ? code : gcp_decode_entries(root, c, out, &q->page, e);
        if (q->any && out->tally.received)
            break;
        if (code == ERR_OK && q->page.len)
            code = source_pages_turn(&pages, q->page, e);
    } while (code == ERR_OK && q->page.len);
    return source_pages_end(&pages, code, e);
}

static enum err_code poll(struct gcp_reader *r, enum gcp_log log, const struct gcp_project *p, const struct window *w,
                          struct frame *out, struct err *e)
{
    const struct gcp_config *cfg = r->s->cfg;
    const struct gcp_context c = {
        .source = r->s->env.id, .project = sv_of(p->id), .observed_unix_nano = w->read_at_unix_nano, .env = &r->s->env
    };
    struct gcp_log_query q = { .log = log,
                               .project = sv_of(p->id),
                               .view = cfg->log_view,
                               .from_unix_nano = w->from_unix_nano,
                               .to_unix_nano = w->to_unix_nano,
                               .lateness_nano = cfg->logs.max_lateness_ms * NANO_PER_MS,
                               .page = SV_NONE };

    return gcp_read_entries(r, &q, &c, out, e);
}

enum err_code gcp_poll_calls(struct gcp_reader *r, struct gcp_project *p, const struct source_job *job,
                             struct window *w, struct frame *out, struct err *e)
{
    (void)job;
    return poll(r, GCP_LOG_DATA_ACCESS, p, w, out, e);
}

enum err_code gcp_poll_audit(struct gcp_reader *r, struct gcp_project *p, const struct source_job *job,
                             struct window *w, struct frame *out, struct err *e)
{
    (void)job;
    return poll(r, GCP_LOG_ACTIVITY, p, w, out, e);
}
