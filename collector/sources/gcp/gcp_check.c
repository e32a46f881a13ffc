/*
 * check --connect: the credential, then each permission, project by project, each failure with its remedy.
 *
 * An identity without roles/logging.privateLogViewer is not refused: its list of calls is empty (gcp.md 1.5). So an hour in
 * which metrics tell of requests and no entry of a call is found, though the project logs them, is told as what it is.
 */
#include "collector/base/clock.h"
#include "collector/sources/check.h"
#include "collector/sources/gcp/gcp_state.h"

enum { PROJECTS_CHECKED = 20 };

static const char switch_on[] = "switch Data Access audit logs of Vertex AI on: IAM & Admin, Audit Logs, or in the "
                                "project's policy auditConfigs: [{service: aiplatform.googleapis.com, auditLogConfigs: "
                                "[{logType: DATA_READ}]}]";
static const char see_calls[] = "grant roles/logging.privateLogViewer on the project, or roles/logging.viewAccessor on "
                                "the view that log_view names: without it the list is empty, not refused";

struct checking {
    struct gcp_reader r;
    struct check_list list;
    struct arena arena;
    int64_t now;
};

static void check_credential(struct checking *c)
{
    const struct gcp_auth_about *about = gcp_auth_about(c->r.s->auth);
    struct err e = { 0 };
    sv bearer, what = arena_printf(&c->arena, "token of the %.*s (%.*s)", SV_ARG(about->kind), SV_ARG(about->from));
    enum err_code code = gcp_auth_token(c->r.s->auth, &c->arena, &bearer, &e);

    check_outcome(&c->list, code, what.at ? what.at : "token", "", &e, NULL);
    if (code == ERR_OK && about->is_user)
        check_told(&c->list, CHECK_WARN, SV("a person's login is for development"),
                   "use a service account, workload identity or an attached service account");
}

static enum err_code count_requests(struct checking *c, sv project, size_t *n, struct err *e)
{
    const struct gcp_context context = { .source = SV("check"), .project = project, .env = &c->r.s->env };
    struct frame *f = frame_new(&c->arena, SV("check"), SV("check"));
    struct gcp_query q = { .project = project,
                           .type = sv_of(gcp_metrics[0].type),
                           .labels = gcp_metrics[0].labels,
                           .publishers = c->r.s->env.publishers,
                           .from_unix_nano = c->now - NANO_PER_H,
                           .to_unix_nano = c->now,
                           .page = SV_NONE };
    struct gcp_answer a;
    enum err_code code;

    gcp_answer_init(&a, &context);
    code = f ? gcp_read_series(&c->r, &q, &a, f, e) : err_set(e, ERR_LIMIT, "out of memory");
    *n = a.n;
    gcp_answer_done(&a);
    return code;
}

static enum err_code count_entries(struct checking *c, sv project, enum gcp_log log, size_t *n, struct err *e)
{
    const struct gcp_config *cfg = c->r.s->cfg;
    const struct gcp_context context = { .source = SV("check"), .project = project, .env = &c->r.s->env };
    struct frame *f = frame_new(&c->arena, SV("check"), SV("check"));
    struct gcp_log_query q = { .log = log,
                               .project = project,
                               .view = cfg->log_view,
                               .from_unix_nano = c->now - NANO_PER_H,
                               .to_unix_nano = c->now,
                               .lateness_nano = cfg->logs.max_lateness_ms * NANO_PER_MS,
                               .any = true,
                               .page = SV_NONE };
    enum err_code code = f ? gcp_read_entries(&c->r, &q, &context, f, e) : err_set(e, ERR_LIMIT, "out of memory");

    *n = f ? (size_t)f->tally.received : 0;
    return code;
}

/* Whether calls are logged, as far as it can be known. */
static bool check_policy(struct checking *c, const struct gcp_project *p)
{
    struct gcp_audit_policy policy;
    struct err e = { 0 };
    bool whole;
    enum err_code code = gcp_read_audit_policy(&c->r, p, &policy, &whole, &e);

    check_outcome(&c->list, code, "audit configuration of", p->id, &e, NULL);
    if (code)
        return false;
    if (!policy.data_read)
        check_told(&c->list, CHECK_WARN,
                   arena_printf(&c->arena,
                                whole ? "%s logs no calls" : "%s itself logs no calls; above it was not all seen",
                                p->id),
                   switch_on);
    if (policy.exempted)
        check_told(&c->list, CHECK_WARN,
                   arena_printf(&c->arena, "%s: calls of %u exempted members are not logged", p->id, policy.exempted),
                   "take exemptedMembers out of the audit configuration");
    return policy.data_read;
}

static void check_logs(struct checking *c, const struct gcp_project *p, bool logged, size_t requests)
{
    const struct gcp_config *cfg = c->r.s->cfg;
    struct err e = { 0 };
    size_t entries = 0, events;
    enum err_code code;

    if (cfg->logs.enabled) {
        code = count_entries(c, sv_of(p->id), GCP_LOG_DATA_ACCESS, &entries, &e);
        check_outcome(&c->list, code, "calls in the audit log of", p->id, &e, see_calls);
        if (code == ERR_OK && logged && requests && entries == 0)
            check_told(&c->list, CHECK_WARN,
                       arena_printf(&c->arena, "%s: requests in the last hour, and no call in its audit log", p->id),
                       see_calls);
    }
    if (cfg->audit.enabled) {
        e = (struct err){ 0 };
        code = count_entries(c, sv_of(p->id), GCP_LOG_ACTIVITY, &events, &e);
        check_outcome(&c->list, code, "admin activity of", p->id, &e, NULL);
    }
}

static void check_project(struct checking *c, struct gcp_project *p)
{
    struct err e = { 0 };
    size_t requests = 0;
    bool logged;
    enum err_code code;

    gcp_reader_clear(&c->r);
    gcp_path_descriptors(&c->r.path, sv_of(p->id), SV_NONE);
    code = gcp_ask(&c->r, GCP_API_DESCRIPTORS, sv_of(p->id), NULL, &e);
    check_outcome(&c->list, code, "metric types of", p->id, &e, NULL);
    if (c->r.s->cfg->metrics.enabled) {
        e = (struct err){ 0 };
        code = count_requests(c, sv_of(p->id), &requests, &e);
        check_outcome(&c->list, code, "metrics of", p->id, &e, NULL);
    }
    logged = check_policy(c, p);
    check_logs(c, p, logged, requests);
}

static void check_projects(struct checking *c)
{
    struct gcp_source *s = c->r.s;
    struct err e = { 0 };
    size_t n = 0;

    if (s->cfg->projects.n == 0)
        check_outcome(&c->list, gcp_poll_projects(&c->r, &e), "list of projects", "", &e, NULL);
    for (struct gcp_project *p = s->projects; p; p = p->next)
        if (p->listed && n++ < PROJECTS_CHECKED)
            check_project(c, p);
    if (n == 0 && c->list.failures == 0)
        check_told(&c->list, CHECK_WARN, SV("no project was found"),
                   "name them in gcp.projects, or grant roles/browser");
    if (n > PROJECTS_CHECKED)
        check_told(&c->list, CHECK_WARN,
                   arena_printf(&c->arena, "%zu more projects were not tried", n - PROJECTS_CHECKED), NULL);
}

enum err_code gcp_check(struct source *self, struct check_report *report, struct err *e)
{
    struct gcp_source *s = (struct gcp_source *)self;
    struct checking c = { .list = { .report = report } };
    enum err_code code;

    arena_init(&c.arena, 0);
    c.list.arena = &c.arena;
    c.now = clock_floor(source_server_now(&s->env), NANO_PER_MIN);
    code = gcp_reader_init(&c.r, s, &c.arena, e);
    if (code == ERR_OK)
        check_credential(&c);
    if (code == ERR_OK && c.list.failures == 0)
        check_projects(&c);
    gcp_reader_done(&c.r);
    arena_done(&c.arena);
    if (code == ERR_OK && c.list.failures)
        return err_set(e, ERR_CONFIG, "%.*s: %d of the checks failed", SV_ARG(s->env.id), c.list.failures);
    return code;
}
