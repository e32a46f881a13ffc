/*
 * check --connect: each permission tried once, each failure with its remedy, which openai_error.c has put into the error. It
 * goes on after a failure, since the scopes of a key are given one by one; a refused key or a wrong host ends it, for all
 * the rest would say the same.
 */
#include "collector/base/clock.h"
#include "collector/sources/check.h"
#include "collector/sources/openai/openai_state.h"

static const char switched_off[] = "an owner has to switch audit logging on, once, in the organization's data "
                                   "controls, and the key has to be an admin key";

struct checking {
    struct openai_reader r;
    struct check_list list;
    struct arena arena;
    int64_t now;
};

/* Sends r.url; false when nothing else is worth asking. */
static bool check_one(struct checking *c, enum openai_api api, const char *what, const char *scope, const char *how)
{
    struct err e = { 0 };
    enum err_code code = openai_ask(&c->r, api, NULL, &e);

    check_outcome(&c->list, code, what, scope, &e, how);
    return code != ERR_AUTH && code != ERR_CONFIG;
}

static bool check_projects(struct checking *c)
{
    buf_clear(&c->r.url);
    openai_url_projects(&c->r.url, c->r.s->url, SV_NONE);
    return check_one(c, OPENAI_API_PROJECTS, "list of projects", "", NULL);
}

/* A kind that the service does not have is no failure. */
static bool check_usage(struct checking *c, int k)
{
    const struct openai_kind *kind = &openai_kinds[k];
    int64_t width = kind->hourly ? NANO_PER_H : NANO_PER_MIN, to = clock_floor(c->now, width);
    const struct openai_query q = { .from_unix_nano = to - width,
                                    .to_unix_nano = to,
                                    .width_nano = width,
                                    .groups = openai_groups(kind, &c->r.s->cfg->usage.group_by),
                                    .page = SV_NONE };
    struct err e = { 0 };
    enum err_code code;

    buf_clear(&c->r.url);
    openai_url_usage(&c->r.url, c->r.s->url, kind, &q);
    code = openai_ask(&c->r, (enum openai_api)(OPENAI_API_USAGE + k), NULL, &e);
    if (code == ERR_GONE)
        check_told(&c->list, CHECK_WARN, arena_printf(&c->arena, "usage of %s is not available here", kind->name),
                   NULL);
    else
        check_outcome(&c->list, code, "usage of", kind->name, &e, NULL);
    return code != ERR_AUTH && code != ERR_CONFIG;
}

static bool check_costs(struct checking *c)
{
    const struct openai_query q = { .from_unix_nano = clock_floor(c->now, 24 * NANO_PER_H), .page = SV_NONE };
    struct err e = { 0 };
    enum err_code code = ERR_OK;

    if (c->r.s->cfg->costs.by_api_key) {
        buf_clear(&c->r.url);
        openai_url_costs(&c->r.url, c->r.s->url, &q, true);
        code = openai_ask(&c->r, OPENAI_API_COSTS, NULL, &e);
        if (code == ERR_REFUSED)
            check_told(&c->list, CHECK_WARN, arena_printf(&c->arena, "costs by API key: %s", e.text),
                       "costs are read without; set costs.by_api_key: false");
        else if (code)
            check_outcome(&c->list, code, "costs by API key", "", &e, NULL);
    }
    buf_clear(&c->r.url);
    openai_url_costs(&c->r.url, c->r.s->url, &q, false);
    return check_one(c, OPENAI_API_COSTS, "costs", "", NULL);
}

static bool check_audit(struct checking *c)
{
    buf_clear(&c->r.url);
    openai_url_audit_logs(&c->r.url, c->r.s->url, c->now - NANO_PER_H, c->now, false, SV_NONE);
    return check_one(c, OPENAI_API_AUDIT_LOGS, "audit logs", "", switched_off);
}

static void check_all(struct checking *c)
{
    const struct openai_config *cfg = c->r.s->cfg;
    bool more = check_projects(c);

    for (int k = 0; more && cfg->usage.enabled && k < OPENAI_KINDS; k++)
        if (openai_reads_kind(cfg, &openai_kinds[k]))
            more = check_usage(c, k);
    if (more && cfg->costs.enabled)
        more = check_costs(c);
    if (more && cfg->audit.enabled)
        (void)check_audit(c);
}

enum err_code openai_check(struct source *self, struct check_report *report, struct err *e)
{
    struct openai_source *s = (struct openai_source *)self;
    struct checking c = { .list = { .report = report } };
    enum err_code code;

    arena_init(&c.arena, 0);
    c.list.arena = &c.arena;
    c.now = source_server_now(&s->env);
    code = openai_reader_init(&c.r, s, &c.arena, e);
    if (code == ERR_OK)
        check_all(&c);
    openai_reader_done(&c.r);
    arena_done(&c.arena);
    if (code == ERR_OK && c.list.failures)
        return err_set(e, ERR_CONFIG, "%.*s: %d of the checks failed", SV_ARG(s->env.id), c.list.failures);
    return code;
}
