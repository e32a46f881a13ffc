/*
 * check --connect: our credentials, each account's role and each permission tried once, each failure with what mends it.
 *
 * It walks as the jobs do (identity, accounts, regions, metrics, control plane, logs, event history) but goes on after a
 * failure, and looks at one region an account: permissions are given to roles. Only ListMetrics and one small
 * GetMetricData have a price, of a few thousandths of a cent.
 */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws_log.h"
#include "collector/sources/aws/aws_state.h"
#include "collector/sources/check.h"

struct checking {
    struct aws_reader r;
    struct check_list list;
    struct arena arena;
    sv account, region; /* where it looks now */
};

static void outcome(struct checking *c, enum aws_api api, enum err_code code, const struct err *e)
{
    sv remedy = arena_printf(&c->arena, "allow %s", aws_permission(api));
    sv where =
        arena_printf(&c->arena, "in %.*s%s%.*s", SV_ARG(c->account), c->region.len ? " " : "", SV_ARG(c->region));

    check_outcome(&c->list, code, aws_operations[api].api.name, where.at ? where.at : "", e,
                  remedy.at ? remedy.at : NULL);
}

static enum err_code try(struct checking *c, enum aws_api api, json *root, struct err *e)
{
    enum err_code code = aws_ask(&c->r, api, c->account, c->region, 0, root, e);

    outcome(c, api, code, e);
    return code;
}

static void clear(struct checking *c)
{
    buf_clear(&c->r.body);
    buf_clear(&c->r.path);
}

static void check_metrics(struct checking *c)
{
    int64_t now = clock_floor(source_server_now(&c->r.s->env), NANO_PER_MIN);
    struct aws_series one = { .metric = 0, .value = { SV("openai.none"), SV_NONE } };
    const struct aws_series *list[] = { &one };
    struct aws_query q = {
        .series = list, .n_series = 1, .from_unix_nano = now - 10 * NANO_PER_MIN, .to_unix_nano = now - 3 * NANO_PER_MIN
    };
    struct err e = { 0 };

    clear(c);
    aws_body_list_metrics(&c->r.body, sv_of(aws_namespaces[0]), true, SV_NONE);
    (void)try(c, AWS_API_LIST_METRICS, NULL, &e);
    clear(c);
    aws_body_metric_data(&c->r.body, &q, SV_NONE);
    (void)try(c, AWS_API_GET_METRIC_DATA, NULL, &e);
}

/* What the control plane tells; the log group that it names. */
static sv check_control_plane(struct checking *c)
{
    struct aws_logging_state state = { AWS_LOGGING_UNKNOWN, SV_NONE };
    struct err e = { 0 };
    json root = { 0 };
    enum err_code code;

    clear(c);
    aws_path_profiles(&c->r.path, "APPLICATION", SV_NONE);
    (void)try(c, AWS_API_LIST_PROFILES, NULL, &e);
    clear(c);
    aws_body_list_quotas(&c->r.body, SV_NONE);
    (void)try(c, AWS_API_LIST_QUOTAS, NULL, &e);
    clear(c);
    buf_put(&c->r.path, SV("/logging/modelinvocations"));
    code = try(c, AWS_API_LOGGING, &root, &e);
    code = code ? code : aws_decode_logging(root, &c->arena, &state, &e);
    if (code == ERR_OK && state.log_group.len == 0)
        check_told(&c->list, CHECK_WARN,
                   arena_printf(&c->arena, "%.*s %.*s logs no invocations to CloudWatch Logs", SV_ARG(c->account),
                                SV_ARG(c->region)),
                   "turn on model invocation logging with a log group, for logged calls, callers and served regions");
    return state.log_group;
}

static void check_group(struct checking *c, sv group)
{
    int64_t now = source_server_now(&c->r.s->env);
    struct err e = { 0 };

    clear(c);
    aws_body_filter_events(&c->r.body, group, SV_NONE, now - NANO_PER_MIN, now, SV_NONE);
    (void)try(c, AWS_API_FILTER_LOG_EVENTS, NULL, &e);
}

static void check_logs(struct checking *c, sv named)
{
    const struct aws_logs_config *l = &c->r.s->cfg->logs;
    sv group = sv_eq(sv_of(l->group), SV("auto")) ? named : sv_of(l->group);

    if (!l->enabled)
        return;
    if (group.len)
        check_group(c, group);
    if (l->trail_group && l->trail_group[0])
        check_group(c, sv_of(l->trail_group));
}

static void check_audit(struct checking *c)
{
    int64_t now = source_server_now(&c->r.s->env);
    struct err e = { 0 };

    clear(c);
    aws_body_lookup_events(&c->r.body, now - NANO_PER_H, now, SV_NONE);
    (void)try(c, AWS_API_LOOKUP_EVENTS, NULL, &e);
}

/* A role that cannot be assumed needs no further questions. */
static bool check_role(struct checking *c)
{
    struct sigv4_credentials set;
    struct err e = { 0 };
    enum err_code code = aws_auth_get(c->r.s->auth, c->account, &c->arena, &set, &e);
    sv where = arena_printf(&c->arena, "of account %.*s", SV_ARG(c->account));

    check_outcome(&c->list, code, "role", where.at ? where.at : "", &e,
                  "let our identity assume the role (sts:AssumeRole), and trust it there with this external id");
    return code == ERR_OK;
}

static bool check_regions(struct checking *c)
{
    struct items regions = { .arena = &c->arena };
    struct err e = { 0 };
    enum err_code code;

    c->region = SV_NONE;
    code = aws_read_regions(&c->r, c->account, &regions, &e);
    if (aws_finds_regions(c->r.s->cfg))
        outcome(c, AWS_API_LIST_REGIONS, code, &e);
    if (code == ERR_OK && regions.n)
        c->region = *ITEM(&regions, sv, 0);
    return c->region.len > 0;
}

/* The first region where something is used, else the first. */
static void choose_region(struct checking *c, struct aws_account *a)
{
    struct err e = { 0 };

    if (aws_poll_regions(&c->r, a, &e))
        return; /* told by the single questions */
    for (const struct aws_place *p = c->r.s->places; p; p = p->next)
        if (p->active && sv_eq(sv_of(p->account), c->account)) {
            c->region = sv_of(p->region);
            return;
        }
}

static void check_account(struct checking *c, struct aws_account *a)
{
    sv group;

    c->account = sv_of(a->id);
    if (!check_role(c) || !check_regions(c))
        return;
    choose_region(c, a);
    if (c->r.s->cfg->metrics.enabled)
        check_metrics(c);
    group = check_control_plane(c);
    check_logs(c, group);
    if (c->r.s->cfg->audit.enabled)
        check_audit(c);
}

static bool check_identity(struct checking *c)
{
    struct aws_caller own = { SV_NONE, SV_NONE, SV_NONE };
    struct err e = { 0 };
    enum err_code code = aws_auth_account(c->r.s->auth, &own, &e);
    sv name = arena_printf(&c->arena, "credentials (%s)", aws_auth_kind(c->r.s->auth));
    sv whose = arena_printf(&c->arena, "of %.*s", SV_ARG(own.arn));

    check_outcome(&c->list, code, name.at ? name.at : "credentials", code == ERR_OK && whose.at ? whose.at : "", &e,
                  "check profile, shared files, or the role of this machine");
    return code == ERR_OK;
}

static void check_accounts(struct checking *c)
{
    struct aws_source *s = c->r.s;
    struct err e = { 0 };
    enum err_code code = aws_poll_accounts(&c->r, &e);

    if (s->cfg->accounts.organization_unit)
        check_outcome(&c->list, code, "accounts of", s->cfg->accounts.organization_unit, &e,
                      "allow organizations:ListAccountsForParent and organizations:ListOrganizationalUnitsForParent to "
                      "our identity, as a delegated administrator of the organization");
    /* The list only grows at its end, and nobody else is at work yet. */
    for (struct aws_account *a = s->accounts; a; a = a->next)
        if (a->listed)
            check_account(c, a);
}

enum err_code aws_check(struct source *self, struct check_report *report, struct err *e)
{
    struct aws_source *s = (struct aws_source *)self;
    struct checking c = { .list = { .report = report } };
    enum err_code code;

    arena_init(&c.arena, 0);
    c.list.arena = &c.arena;
    code = aws_reader_init(&c.r, s, &c.arena, e);
    if (code == ERR_OK && check_identity(&c))
        check_accounts(&c);
    aws_reader_done(&c.r);
    arena_done(&c.arena);
    if (code == ERR_OK && c.list.failures)
        return err_set(e, ERR_CONFIG, "%.*s: %d of the checks failed", SV_ARG(s->env.id), c.list.failures);
    return code;
}
