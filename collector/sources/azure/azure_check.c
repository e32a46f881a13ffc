/*
 * check --connect: each credential and permission tried once, each failure with the role that mends it.
 *
 * It walks as the jobs do (tokens, subscriptions, accounts, metrics, logs, Activity Log) but goes on after a failure,
 * and looks at one account a subscription: rights are given to subscriptions.
 */
#include "collector/base/clock.h"
#include "collector/sources/azure/azure_state.h"
#include "collector/sources/check.h"

struct checking {
    struct azure_reader r;
    struct check_list list;
    struct arena arena;
};

static bool check_token(struct checking *c, const char *what, sv audience)
{
    struct err e = { 0 };
    sv bearer;
    enum err_code code = azure_token(c->r.s->auth, audience, &c->arena, &bearer, &e);
    sv name = arena_printf(&c->arena, "token (%s) for %s", azure_auth_kind(c->r.s->auth), what);

    check_outcome(&c->list, code, name.at ? name.at : "token", "", &e,
                  "check tenant_id, client_id and the secret or federated credential of the application");
    return code == ERR_OK;
}

static void url_only(struct checking *c)
{
    buf_clear(&c->r.url);
    buf_clear(&c->r.body);
}

static void check_metrics(struct checking *c, const struct azure_subscription *sub, const struct azure_account_item *a)
{
    int64_t now = clock_floor(source_server_now(&c->r.s->env), NANO_PER_MIN);
    struct azure_query q = { .metrics = { sv_of(azure_families[azure_family_of_kind(a->kind)].requests) },
                             .n_metrics = 1,
                             .aggregation = SV("total"),
                             .interval_ms = 60000,
                             .from_unix_nano = now - 10 * NANO_PER_MIN,
                             .to_unix_nano = now - 3 * NANO_PER_MIN };
    struct err e = { 0 };
    enum err_code code;

    url_only(c);
    azure_url_metrics(&c->r.url, c->r.s->arm, a->id, &q);
    code = azure_ask(&c->r, AZURE_API_METRICS, AZURE_ARM, sv_of(sub->id), NULL, &e);
    check_outcome(&c->list, code, "metrics of", a->name.at, &e, azure_remedy(AZURE_API_METRICS));
    url_only(c);
    azure_url_batch(&c->r.url, c->r.s->metrics, azure_region_name(&c->arena, a->location), sv_of(sub->id), &q);
    azure_body_batch(&c->r.body, &a->id, 1);
    code = azure_ask(&c->r, AZURE_API_BATCH, AZURE_METRICS, sv_of(sub->id), NULL, &e);
    if (code) /* the fallback serves, with more calls */
        check_told(&c->list, CHECK_WARN, arena_printf(&c->arena, "metrics batch of %s: %s", sub->id, e.text),
                   azure_remedy(AZURE_API_BATCH));
    else
        check_outcome(&c->list, code, "metrics batch of", sub->id, &e, NULL);
}

static void check_logging(struct checking *c, const struct azure_subscription *sub, const struct azure_account_item *a)
{
    struct azure_logging_state state = { 0 };
    struct err e = { 0 };
    json root = { 0 };
    enum err_code code;

    url_only(c);
    azure_url_diagnostics(&c->r.url, c->r.s->arm, a->id);
    code = azure_ask(&c->r, AZURE_API_DIAGNOSTICS, AZURE_ARM, sv_of(sub->id), &root, &e);
    code = code ? code : azure_decode_diagnostics(root, &state, &e);
    check_outcome(&c->list, code, "diagnostic settings of", a->name.at, &e, azure_remedy(AZURE_API_DIAGNOSTICS));
    if (code == ERR_OK && state.any[AZURE_LOG_REQUESTS] == AZURE_LOGGING_OFF)
        check_told(
            &c->list, CHECK_WARN, arena_printf(&c->arena, "%.*s sends no request logs", SV_ARG(a->name)),
            "add a diagnostic setting with RequestResponse and AzureOpenAIRequestUsage to a Log Analytics workspace");
}

static void check_deployments(struct checking *c, const struct azure_subscription *sub,
                              const struct azure_account_item *a)
{
    struct items items = { .arena = &c->arena };
    struct err e = { 0 };
    enum err_code code;

    url_only(c);
    azure_url_deployments(&c->r.url, c->r.s->arm, a->id);
    code = azure_pages(&c->r, AZURE_API_DEPLOYMENTS, sv_of(sub->id), azure_decode_deployments, &items, &e);
    check_outcome(&c->list, code, "deployments of", a->name.at, &e, azure_remedy(AZURE_API_DEPLOYMENTS));
}

static void check_activity(struct checking *c, const struct azure_subscription *sub)
{
    int64_t now = source_server_now(&c->r.s->env);
    struct err e = { 0 };
    enum err_code code;

    url_only(c);
    azure_activity_url(&c->r.url, c->r.s->arm, sv_of(sub->id), sv_of(azure_activity_providers[0]), now - NANO_PER_H,
                       now);
    code = azure_ask(&c->r, AZURE_API_ACTIVITY, AZURE_ARM, sv_of(sub->id), NULL, &e);
    check_outcome(&c->list, code, "activity log of", sub->id, &e, azure_remedy(AZURE_API_ACTIVITY));
}

static void check_subscription(struct checking *c, const struct azure_subscription *sub)
{
    struct items items = { .arena = &c->arena };
    struct err e = { 0 };
    enum err_code code;
    size_t first = 0;

    url_only(c);
    azure_url_accounts(&c->r.url, c->r.s->arm, sv_of(sub->id));
    code = azure_pages(&c->r, AZURE_API_ACCOUNTS, sv_of(sub->id), azure_decode_accounts, &items, &e);
    check_outcome(&c->list, code, "accounts of", sub->id, &e, azure_remedy(AZURE_API_ACCOUNTS));
    while (first < items.n && azure_family_of_kind(ITEM(&items, struct azure_account_item, first)->kind) < 0)
        first++;
    if (code == ERR_OK && first == items.n)
        check_told(&c->list, CHECK_WARN,
                   arena_printf(&c->arena, "%s has no account of kind OpenAI or AIServices", sub->id), NULL);
    if (first < items.n) {
        const struct azure_account_item *a = ITEM(&items, struct azure_account_item, first);

        check_deployments(c, sub, a);
        check_logging(c, sub, a);
        check_metrics(c, sub, a);
    }
    if (c->r.s->cfg->audit.enabled)
        check_activity(c, sub);
}

static void check_workspace(struct checking *c, const char *workspace)
{
    int64_t now = source_server_now(&c->r.s->env);
    struct err e = { 0 };
    enum err_code code;

    url_only(c);
    azure_log_url(&c->r.url, c->r.s->logs, sv_of(workspace));
    azure_log_body(&c->r.body, now - NANO_PER_MIN, now);
    code = azure_ask(&c->r, AZURE_API_LOGS, AZURE_LOGS, sv_of(workspace), NULL, &e);
    check_outcome(&c->list, code, "logs of workspace", workspace, &e, azure_remedy(AZURE_API_LOGS));
}

static void check_subscriptions(struct checking *c)
{
    struct azure_source *s = c->r.s;
    struct err e = { 0 };
    enum err_code code = ERR_OK;

    if (s->cfg->subscriptions.n == 0) {
        code = azure_poll_subscriptions(&c->r, &e);
        check_outcome(
            &c->list, code, "list of subscriptions", "", &e,
            azure_remedy(s->cfg->discover.management_group ? AZURE_API_DESCENDANTS : AZURE_API_SUBSCRIPTIONS));
    }
    /* The list only grows at its end, and nobody else is at work yet. */
    for (const struct azure_subscription *sub = s->subscriptions; sub && code == ERR_OK; sub = sub->next)
        if (sub->listed)
            check_subscription(c, sub);
}

enum err_code azure_check(struct source *self, struct check_report *report, struct err *e)
{
    struct azure_source *s = (struct azure_source *)self;
    struct checking c = { .list = { .report = report } };
    bool logs = s->cfg->logs.enabled && s->cfg->logs.workspaces.n;
    enum err_code code;

    arena_init(&c.arena, 0);
    c.list.arena = &c.arena;
    code = azure_reader_init(&c.r, s, &c.arena, e);
    if (code == ERR_OK && check_token(&c, "Resource Manager", s->arm_audience)) {
        if (s->cfg->metrics.enabled)
            (void)check_token(&c, "metrics", s->metrics_audience);
        check_subscriptions(&c);
        if (logs && check_token(&c, "logs", s->logs_audience))
            for (size_t i = 0; i < s->cfg->logs.workspaces.n; i++)
                check_workspace(&c, s->cfg->logs.workspaces.at[i]);
    }
    azure_reader_done(&c.r);
    arena_done(&c.arena);
    if (code == ERR_OK && c.list.failures)
        return err_set(e, ERR_CONFIG, "%.*s: %d of the checks failed", SV_ARG(s->env.id), c.list.failures);
    return code;
}
