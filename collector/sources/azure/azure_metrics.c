/*
 * Reading metrics: the batch first, each resource alone where the batch does not do.
 *
 * getBatch answers for up to 50 accounts at once. Its answer is believed cell by cell (azure_decode.c); what is
 * missing, failed or cut off is asked for again per resource. That the batch refuses (403: the role is missing at
 * subscription scope; 404: not served here; or it refuses what the resource itself answers) is remembered per
 * subscription for a while.
 *
 * A 400 fails the whole call for one bad metric: the group is split until it stands alone, then that metric is left out
 * until the next discovery, with a warning. An answer over our size limit splits accounts, then metrics, before the
 * runner is asked for a shorter window. An account that is refused or gone is left out until the next discovery and the
 * others are read; when all are, the refusal is the result.
 */
#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/model/key.h"
#include "collector/model/region.h"
#include "collector/sources/azure/azure_state.h"

enum { BATCH_DENIED_MS = 30 * 60 * 1000, BATCH_UNSERVED_MS = 24 * 3600 * 1000 };

/* Part of a reading: accounts [a, a+n) and metrics [m, m+k). */
struct part {
    size_t a, n, m, k;
};

static struct azure_cell *cell(const struct azure_reading *g, size_t account, size_t metric)
{
    return &g->cells[account * g->q.n_metrics + metric];
}

/* ---- what the decoder asks ---- */

struct lookup {
    struct azure_reading *g;
    bool *unknown; /* per account of the reading */
};

static size_t account_index(const struct azure_reading *g, sv id)
{
    size_t i = 0;

    while (i < g->n_accounts && !sv_eq(g->accounts[i]->item.id, id))
        i++;
    return i;
}

static bool on_account(void *ctx, sv id, struct azure_account_facts *out)
{
    const struct azure_reading *g = ((struct lookup *)ctx)->g;
    size_t i = account_index(g, id);

    if (i == g->n_accounts)
        return false;
    *out = (struct azure_account_facts){ g->accounts[i]->item.name, g->accounts[i]->item.location,
                                         region_jurisdiction(CLOUD_AZURE, g->accounts[i]->item.location) };
    return true;
}

static bool on_deployment(void *ctx, sv id, sv name, sv version, struct azure_deployment_facts *out)
{
    const struct azure_reading *g = ((struct lookup *)ctx)->g;
    size_t i = account_index(g, id);

    return i < g->n_accounts && azure_deployment_find(g->accounts[i], name, version, out);
}

static bool on_publisher(void *ctx, sv publisher)
{
    return source_wants_publisher(&((struct lookup *)ctx)->g->r->s->env, publisher);
}

static void on_unknown(void *ctx, sv id, sv name)
{
    struct lookup *l = ctx;
    size_t i = account_index(l->g, id);

    (void)name;
    if (i < l->g->n_accounts)
        l->unknown[i] = true;
}

/* A deployment that discovery has not seen yet: its account is asked once, now, so that its first buckets get their
 * model. Failure is no reason to lose the buckets. */
static bool refresh_unknown(struct azure_reading *g, const bool *unknown)
{
    bool any = false;

    for (size_t i = 0; i < g->n_accounts; i++) {
        struct err e = { 0 };

        if (!unknown[i] || clock_mono() < atomic_load(&g->accounts[i]->refresh_mono))
            continue;
        any = true;
        if (azure_refresh(g->r->s, g->sub, &g->accounts[i], g->r->arena, &e))
            log_debug("azure", "account=%.*s refresh: %s", SV_ARG(g->accounts[i]->item.name), e.text);
    }
    return any;
}

/* ---- one answer ---- */

static struct azure_metric_context context(struct azure_reading *g, struct lookup *l, const struct part *p,
                                           const struct azure_query *q)
{
    return (struct azure_metric_context){ .source = g->r->s->env.id,
                                          .observed_unix_nano = g->observed_unix_nano,
                                          .from_unix_nano = q->from_unix_nano,
                                          .to_unix_nano = q->to_unix_nano,
                                          .interval_ms = q->interval_ms,
                                          .top = q->n_dimensions ? q->top : 0,
                                          .resource_id = p->n == 1 ? g->accounts[p->a]->item.id : SV_NONE,
                                          .metrics = &g->q.metrics[p->m],
                                          .n_metrics = p->k,
                                          .ctx = l,
                                          .account = on_account,
                                          .deployment = q->n_dimensions ? on_deployment : NULL,
                                          .publisher = on_publisher };
}

/* Decodes r->response into the frame; `got` has p->n * p->k cells. */
static enum err_code decode(struct azure_reading *g, const struct part *p, const struct azure_query *q,
                            struct azure_cell *got, struct err *e)
{
    struct arena *a = g->r->arena;
    struct lookup l = { g, ARENA_ARRAY(a, bool, g->n_accounts) };
    sv *ids = ARENA_ARRAY(a, sv, p->n);
    struct azure_metric_context c = context(g, &l, p, q);
    enum err_code code;
    json root = { 0 };

    if (!l.unknown || !ids)
        return err_set(e, ERR_LIMIT, "no room for %zu resource ids", p->n);
    code = json_parse(g->r->parser, buf_sv(&g->r->response.body), &root, e);
    if (code)
        return err_wrap(e, "metrics");
    azure_metrics_unknown(root, &c, a, on_unknown);
    (void)refresh_unknown(g, l.unknown); /* with a reader of its own: root stays */
    for (size_t i = 0; i < p->n; i++)
        ids[i] = g->accounts[p->a + i]->item.id;
    c.resource_id = p->n == 1 ? ids[0] : SV_NONE;
    c.resource_ids = ids;
    c.n_resources = p->n;
    c.cells = got;
    return azure_decode_metrics(root, &c, g->out, e);
}

static struct azure_query query_of(const struct azure_reading *g, const struct part *p)
{
    struct azure_query q = g->q;

    memmove(q.metrics, &g->q.metrics[p->m], p->k * sizeof q.metrics[0]);
    q.n_metrics = p->k;
    return q;
}

/* ---- per resource ---- */

static enum err_code ask_resource(struct azure_reading *g, const struct part *p, const struct azure_query *q,
                                  struct azure_cell *got, struct err *e)
{
    const struct azure_account *a = g->accounts[p->a];
    enum err_code code;

    buf_clear(&g->r->url);
    buf_clear(&g->r->body);
    azure_url_metrics(&g->r->url, g->r->s->arm, a->item.id, q);
    code = azure_ask(g->r, AZURE_API_METRICS, AZURE_ARM, sv_of(g->sub->id), NULL, e);
    code = code ? code : decode(g, p, q, got, e);
    return code ? err_wrap(e, "%.*s", SV_ARG(g->accounts[p->a]->item.name)) : ERR_OK;
}

static void leave_out_metric(struct azure_reading *g, size_t metric, const char *why)
{
    log_warn("azure", "source=%.*s subscription=%s metric %.*s is left out until the next discovery: %s",
             SV_ARG(g->r->s->env.id), g->sub->id, SV_ARG(g->q.metrics[metric]), why);
    azure_disable(g->r->s, g->sub, g->kind, g->bits[metric]);
}

/* What was not read is told, so that nobody takes it for silence. */
static void tell_gap(struct azure_reading *g, const struct azure_account *a, const struct err *e)
{
    struct azure_account_facts facts = { a->item.name, a->item.location,
                                         region_jurisdiction(CLOUD_AZURE, a->item.location) };
    struct batch *b = azure_batch_of(g->out, a->item.id, &facts, g->r->s->env.id, g->observed_unix_nano);
    struct gap *gap = b ? batch_add_gap(b) : NULL;
    const sv parts[] = { g->r->s->env.id, a->item.id, SV("metrics"), g->q.metrics[0] };

    if (!gap)
        return;
    gap->start_unix_nano = g->q.from_unix_nano;
    gap->end_unix_nano = g->q.to_unix_nano;
    gap->key = hash_u64(key_parts(parts, sizeof parts / sizeof parts[0]), (uint64_t)gap->start_unix_nano);
    gap->signal = batch_sym(b, SV("metrics"));
    gap->cause = batch_sym(b, e->code == ERR_DENIED ? SV("denied") : SV("gone"));
    gap->detail = arena_copy(g->out->arena, sv_of(e->text));
    g->out->tally.received++;
}

static void leave_out_account(struct azure_reading *g, size_t account, const struct err *e)
{
    log_warn("azure", "source=%.*s account is left out until the next discovery: %s", SV_ARG(g->r->s->env.id), e->text);
    atomic_store(&g->accounts[account]->left_out, true);
    g->refused = *e;
    g->n_refused++;
    tell_gap(g, g->accounts[account], e);
}

static bool repeated(const sv *names, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (sv_eq_nocase(names[k], names[i]))
            return true;
    return false;
}

/* More series than one answer holds: each deployment alone. */
static enum err_code read_by_deployment(struct azure_reading *g, const struct part *p, struct err *e)
{
    const struct azure_account *a = g->accounts[p->a];
    size_t n = a->n_deployments + a->n_former;
    sv *names = ARENA_ARRAY(g->r->arena, sv, n + 1);

    log_warn("azure", "source=%.*s account=%.*s metric %.*s has %u series or more: asking for each deployment",
             SV_ARG(g->r->s->env.id), SV_ARG(a->item.name), SV_ARG(g->q.metrics[p->m]), g->q.top);
    /* Copies: a refresh on the way exchanges the account. */
    for (size_t i = 0; names && i < n; i++)
        names[i] = arena_copy(g->r->arena, a->deployments[i].name);
    if (!names)
        return err_set(e, ERR_LIMIT, "no room for %zu names", n);
    for (size_t i = 0; i < n; i++) {
        struct azure_query q = query_of(g, p);
        struct azure_cell got = { 0 };
        enum err_code code;

        q.deployment = names[i];
        if (repeated(names, i))
            continue;
        code = ask_resource(g, p, &q, &got, e);
        if (code)
            return code;
        if (got.state != AZURE_CELL_OK)
            return err_set(e, ERR_PARTIAL, "deployment %.*s alone has too many series of %.*s", SV_ARG(q.deployment),
                           SV_ARG(g->q.metrics[p->m]));
        cell(g, p->a, p->m)->total += got.total;
    }
    cell(g, p->a, p->m)->state = AZURE_CELL_OK;
    return ERR_OK;
}

static enum err_code read_resource(struct azure_reading *g, struct part p, struct err *e);

static enum err_code split_metrics(struct azure_reading *g, const struct part *p, struct err *e)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < p->k && code == ERR_OK; i++)
        code = read_resource(g, (struct part){ p->a, 1, p->m + i, 1 }, e);
    return code;
}

/* What becomes of one cell of an answer about one resource. */
static enum err_code settle_cell(struct azure_reading *g, const struct part *p, size_t i, const struct azure_cell *got,
                                 struct err *e)
{
    struct part one = { p->a, 1, p->m + i, 1 };
    sv name = g->q.metrics[p->m + i];
    enum err_code code;

    *cell(g, p->a, p->m + i) = *got;
    switch (got->state) {
    case AZURE_CELL_OK:
        return ERR_OK;
    case AZURE_CELL_TRUNCATED:
        return p->k > 1 ? read_resource(g, one, e) : read_by_deployment(g, &one, e);
    case AZURE_CELL_FAILED:
        code = azure_metric_error(got->error);
        err_set(e, code, "%.*s: metric %.*s failed: %.*s", SV_ARG(g->accounts[p->a]->item.name), SV_ARG(name),
                SV_ARG(got->error));
        if (code != ERR_REFUSED)
            return code;
        leave_out_metric(g, p->m + i, e->text);
        return ERR_OK;
    case AZURE_CELL_MISSING:
        break;
    }
    return err_set(e, ERR_RETRY, "%.*s: the answer lacks metric %.*s", SV_ARG(g->accounts[p->a]->item.name),
                   SV_ARG(name));
}

static enum err_code read_resource(struct azure_reading *g, struct part p, struct err *e)
{
    struct azure_query q = query_of(g, &p);
    struct azure_cell got[AZURE_GROUP_METRICS] = { 0 };
    enum err_code code;

    if (atomic_load(&g->accounts[p.a]->left_out))
        return ERR_OK;
    code = ask_resource(g, &p, &q, got, e);
    if ((code == ERR_REFUSED || code == ERR_LIMIT) && p.k > 1)
        return split_metrics(g, &p, e);
    if (code == ERR_REFUSED) {
        leave_out_metric(g, p.m, e->text);
        return ERR_OK;
    }
    if (code == ERR_DENIED || code == ERR_GONE) {
        leave_out_account(g, p.a, e);
        return ERR_OK;
    }
    for (size_t i = 0; i < p.k && code == ERR_OK; i++)
        code = settle_cell(g, &p, i, &got[i], e);
    return code;
}

static enum err_code read_each(struct azure_reading *g, const struct part *p, struct err *e)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < p->n && code == ERR_OK; i++)
        code = read_resource(g, (struct part){ p->a + i, 1, p->m, p->k }, e);
    return code;
}

/* ---- the batch ---- */

static enum err_code ask_batch(struct azure_reading *g, const struct part *p, const struct azure_query *q,
                               struct azure_cell *got, struct err *e)
{
    sv ids[AZURE_BATCH_RESOURCES_MAX];
    enum err_code code;

    for (size_t i = 0; i < p->n; i++)
        ids[i] = g->accounts[p->a + i]->item.id;
    buf_clear(&g->r->url);
    buf_clear(&g->r->body);
    azure_url_batch(&g->r->url, g->r->s->metrics, g->region, sv_of(g->sub->id), q);
    azure_body_batch(&g->r->body, ids, p->n);
    code = azure_ask(g->r, AZURE_API_BATCH, AZURE_METRICS, sv_of(g->sub->id), NULL, e);
    buf_clear(&g->r->body);
    return code ? code : decode(g, p, q, got, e);
}

static enum err_code read_part(struct azure_reading *g, struct part p, struct err *e);

static enum err_code split(struct azure_reading *g, const struct part *p, struct err *e)
{
    size_t na = p->n > 1 ? p->n / 2 : p->n, km = p->n > 1 ? p->k : p->k / 2;
    struct part rest =
        p->n > 1 ? (struct part){ p->a + na, p->n - na, p->m, p->k } : (struct part){ p->a, 1, p->m + km, p->k - km };
    enum err_code code = read_part(g, (struct part){ p->a, na, p->m, km }, e);

    return code ? code : read_part(g, rest, e);
}

/* After a whole answer: the cells that are not whole are asked for per resource. */
static enum err_code settle_batch(struct azure_reading *g, const struct part *p, const struct azure_cell *got,
                                  struct err *e)
{
    enum err_code code = ERR_OK;
    size_t bad = 0;

    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->k; k++) {
            *cell(g, p->a + i, p->m + k) = got[i * p->k + k];
            bad += got[i * p->k + k].state != AZURE_CELL_OK;
        }
    if (bad)
        log_warn(
            "azure",
            "source=%.*s subscription=%s getBatch left out %zu of %zu (resource, metric) pairs: asking per resource",
            SV_ARG(g->r->s->env.id), g->sub->id, bad, p->n * p->k);
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->k && code == ERR_OK; k++)
            if (got[i * p->k + k].state != AZURE_CELL_OK)
                code = read_resource(g, (struct part){ p->a + i, 1, p->m + k, 1 }, e);
    return code;
}

/* The batch does not serve this: from now on each resource alone. */
static enum err_code without_batch(struct azure_reading *g, const struct part *p, const struct err *why, struct err *e)
{
    enum err_code refusal = why->code, code = read_each(g, p, e);
    bool worked = false;

    for (size_t i = 0; i < p->n * p->k; i++)
        worked |= cell(g, p->a + i / p->k, p->m + i % p->k)->state == AZURE_CELL_OK;
    if (code == ERR_OK && worked && g->n_refused == 0) {
        log_warn("azure", "source=%.*s subscription=%s getBatch is not usable, reading per resource: %s",
                 SV_ARG(g->r->s->env.id), g->sub->id, why->text);
        azure_batch_refused(g->r->s, g->sub, refusal == ERR_DENIED ? BATCH_DENIED_MS : BATCH_UNSERVED_MS);
    }
    return code;
}

static enum err_code read_part(struct azure_reading *g, struct part p, struct err *e)
{
    struct azure_query q = query_of(g, &p);
    struct azure_cell *got = ARENA_ARRAY(g->r->arena, struct azure_cell, p.n * p.k);
    struct err why = { 0 };
    enum err_code code;

    if (!got)
        return err_set(e, ERR_LIMIT, "no room for %zu cells", p.n * p.k);
    if (!azure_batch_usable(g->r->s, g->sub))
        return read_each(g, &p, e);
    code = ask_batch(g, &p, &q, got, &why);
    why.code = code;
    if ((code == ERR_LIMIT && p.n * p.k > 1) || (code == ERR_REFUSED && p.k > 1))
        return split(g, &p, e);
    if (code == ERR_REFUSED || code == ERR_DENIED || code == ERR_GONE)
        return without_batch(g, &p, &why, e);
    if (code) {
        if (e)
            *e = why;
        return code;
    }
    return settle_batch(g, &p, got, e);
}

enum err_code azure_read_metrics(struct azure_reading *g, struct err *e)
{
    enum err_code code = ERR_OK;

    for (size_t a = 0; a < g->n_accounts && code == ERR_OK; a += AZURE_BATCH_RESOURCES_MAX) {
        size_t n = g->n_accounts - a;

        n = n > AZURE_BATCH_RESOURCES_MAX ? AZURE_BATCH_RESOURCES_MAX : n;
        code = read_part(g, (struct part){ a, n, 0, g->q.n_metrics }, e);
    }
    if (code == ERR_OK && g->n_refused && g->n_refused == g->n_accounts) {
        *e = g->refused;
        return g->refused.code ? g->refused.code : ERR_DENIED;
    }
    return code;
}

/* ---- the job ---- */

static bool concerns(const struct azure_account *a, const struct azure_group *g, int kind, sv region,
                     struct arena *arena)
{
    if (azure_family_of_kind(a->item.kind) != kind || !sv_eq(azure_region_name(arena, a->item.location), region))
        return false;
    if (g->family[0] && azure_family_find(sv_of(g->family)) != atomic_load(&a->family))
        return false;
    return !g->provisioned_only || azure_is_provisioned(a);
}

/* Remembers which accounts have shown requests, so that nobody asks again which family they fill. */
static void note_data(const struct azure_reading *g, const struct azure_group *group)
{
    if (!sv_ends(sv_of(group->name), SV("/requests")))
        return;
    for (size_t i = 0; i < g->n_accounts; i++)
        for (size_t m = 0; m < g->q.n_metrics; m++)
            if (cell(g, i, m)->total > 0)
                atomic_store(&g->accounts[i]->has_data, true);
}

/* The accounts of the job that are left out, or those that are not. */
static void choose(struct azure_reading *g, const struct azure_group *group, const struct azure_view *view,
                   bool left_out, size_t *from)
{
    for (size_t i = 0; i < view->n; i++)
        if (atomic_load(&view->at[i]->left_out) == left_out &&
            concerns(view->at[i], group, g->kind, g->region, g->r->arena)) {
            from[g->n_accounts] = i;
            g->accounts[g->n_accounts++] = view->at[i];
        }
}

/* A window that nothing was read of must not count as read: when all are left out, all are asked again. */
static void choose_accounts(struct azure_reading *g, const struct azure_group *group, const struct azure_view *view,
                            size_t *from)
{
    choose(g, group, view, false, from);
    if (g->n_accounts)
        return;
    choose(g, group, view, true, from);
    for (size_t i = 0; i < g->n_accounts; i++)
        atomic_store(&g->accounts[i]->left_out, false);
}

/* All accounts of one kind. `view` keeps the references; refreshed accounts are exchanged in it. */
static enum err_code poll_kind(struct azure_reading *g, const struct azure_group *group, struct azure_view *view,
                               struct err *e)
{
    uint64_t bits[AZURE_GROUP_METRICS] = { 0 };
    size_t *from = ARENA_ARRAY(g->r->arena, size_t, view->n + 1);
    enum err_code code;

    g->accounts = ARENA_ARRAY(g->r->arena, struct azure_account *, view->n + 1);
    g->n_accounts = g->n_refused = 0;
    if (!g->accounts || !from)
        return err_set(e, ERR_LIMIT, "no room for %zu accounts", view->n);
    choose_accounts(g, group, view, from);
    azure_query_plan(g->r->s, g->sub, g->kind, group, &g->q, bits);
    g->cells = ARENA_ARRAY(g->r->arena, struct azure_cell, g->n_accounts * g->q.n_metrics + 1);
    if (!g->cells)
        return err_set(e, ERR_LIMIT, "no room for cells");
    g->bits = bits;
    code = g->n_accounts && g->q.n_metrics ? azure_read_metrics(g, e) : ERR_OK;
    for (size_t i = 0; i < g->n_accounts; i++)
        view->at[from[i]] = g->accounts[i];
    if (code == ERR_OK)
        note_data(g, group);
    g->bits = NULL;
    return code;
}

enum err_code azure_poll_metrics(struct azure_reader *r, const struct source_job *job, struct window *w,
                                 struct frame *out, struct err *e)
{
    const struct azure_group *group = azure_group_find(job->group);
    struct azure_reading g = { .r = r, .out = out };
    struct azure_view view = { 0 };
    enum err_code code;

    g.sub = azure_scope(r->s, job->scope, &g.region);
    if (!group || !g.sub)
        return err_set(e, ERR_INTERNAL, "no such job: %.*s", SV_ARG(job->group));
    w->read_at_unix_nano = g.observed_unix_nano = source_server_now(&r->s->env);
    g.q.interval_ms = job->grain_ms;
    g.q.from_unix_nano = w->from_unix_nano;
    g.q.to_unix_nano = w->to_unix_nano;
    g.q.top = AZURE_TOP;
    g.q.control = w->control;
    code = azure_view_take(r->s, g.sub, r->arena, &view, e);
    for (g.kind = 0; g.kind < AZURE_FAMILIES && code == ERR_OK; g.kind++)
        code = poll_kind(&g, group, &view, e);
    azure_view_drop(&view);
    return code;
}
