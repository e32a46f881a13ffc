/*
 * Discovery: which subscriptions, accounts and deployments there are, whether their logs are on, and which of the two
 * metric families counts for each account.
 *
 * Only a complete, successful listing replaces what was known: a listing that fails leaves the last good one in place.
 * An account whose deployments or settings may not be read keeps what was known of it (logging: unknown, never off).
 * Deployments that are gone stay behind the present ones, since buckets of the look-back still name them.
 *
 * The family is sticky: what the ledger has journalled, else the one that accounts of this kind fill. As long as the
 * chosen one has shown no requests, both are asked (one call a region); if only the other has data it takes over, from
 * the beginning of the span that was asked about, in which the chosen one had nothing that could be counted twice.
 */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/sources/azure/azure_state.h"
#include "collector/sources/jobs.h"

enum {
    FORMER_MAX = 2000,
    DEFINITIONS_LIFE_S = 24 * 3600,
    DEFINITIONS_RETRY_S = 3600,
    PROBE_HOURS = 24,
    REFRESH_PAUSE_S = 60,
};

/* ---- subscriptions ---- */

static enum err_code list_subscriptions(struct azure_reader *r, struct items *items, struct err *e)
{
    const struct azure_source *s = r->s;
    const char *group = s->cfg->discover.management_group;

    buf_clear(&r->url);
    if (!group) {
        azure_url_subscriptions(&r->url, s->arm);
        return azure_pages(r, AZURE_API_SUBSCRIPTIONS, SV_NONE, azure_decode_subscriptions, items, e);
    }
    azure_url_descendants(&r->url, s->arm, sv_of(group));
    return azure_pages(r, AZURE_API_DESCENDANTS, SV_NONE, azure_decode_descendants, items, e);
}

static bool is_among(const struct items *items, const struct azure_subscription *sub)
{
    for (size_t i = 0; i < items->n; i++)
        if (sv_eq_nocase(ITEM(items, struct azure_subscription_item, i)->id, sv_of(sub->id)))
            return true;
    return false;
}

enum err_code azure_poll_subscriptions(struct azure_reader *r, struct err *e)
{
    struct azure_source *s = r->s;
    struct items items = { .arena = r->arena };
    enum err_code code = list_subscriptions(r, &items, e);

    if (code)
        return code;
    if (items.n == 0)
        return err_set(e, ERR_DENIED, "no subscription is visible: %s", azure_remedy(AZURE_API_SUBSCRIPTIONS));
    for (size_t i = 0; i < items.n; i++)
        if (!azure_subscription(s, ITEM(&items, struct azure_subscription_item, i)->id))
            return err_set(e, ERR_LIMIT, "more than %d subscriptions", AZURE_SUBSCRIPTIONS_MAX);
    pthread_mutex_lock(&s->lock);
    for (struct azure_subscription *sub = s->subscriptions; sub; sub = sub->next)
        listed_again(&sub->listed, &sub->missed, is_among(&items, sub));
    s->listed = true;
    pthread_mutex_unlock(&s->lock);
    return ERR_OK;
}

/* ---- one account ---- */

static bool copy_item(struct arena *a, struct azure_account_item *to, const struct azure_account_item *from)
{
    const struct {
        sv *to;
        sv from;
    } fields[] = { { &to->id, from->id },
                   { &to->name, from->name },
                   { &to->location, from->location },
                   { &to->kind, from->kind },
                   { &to->tags.team, from->tags.team },
                   { &to->tags.owner, from->tags.owner },
                   { &to->tags.env, from->tags.env },
                   { &to->tags.cost_center, from->tags.cost_center } };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        *fields[i].to = arena_copy(a, fields[i].from);
        if (!fields[i].to->at)
            return false;
    }
    return true;
}

static struct azure_account *account_like(const struct azure_account_item *item, const char *subscription)
{
    struct azure_account *a = azure_account_new();
    int family = azure_family_of_kind(item->kind);

    if (!a)
        return NULL;
    a->subscription = arena_copy(&a->arena, sv_of(subscription));
    if (!a->subscription.at || !copy_item(&a->arena, &a->item, item)) {
        azure_account_drop(a);
        return NULL;
    }
    atomic_init(&a->family, family < 0 ? 0 : family);
    return a;
}

/* What must not be lost when an account is read anew. */
static void carry_on(struct azure_account *a, const struct azure_account *old)
{
    atomic_store(&a->family, atomic_load(&old->family));
    atomic_store(&a->has_data, atomic_load(&old->has_data));
    atomic_store(&a->refresh_mono, atomic_load(&old->refresh_mono));
}

static bool has_deployment(const struct azure_deployment_item *at, size_t n, const struct azure_deployment_item *d)
{
    for (size_t i = 0; i < n; i++)
        if (sv_eq_nocase(at[i].name, d->name) && sv_eq_nocase(at[i].version, d->version) &&
            sv_eq_nocase(at[i].model, d->model))
            return true;
    return false;
}

static bool copy_deployment(struct arena *a, struct azure_deployment_item *to, const struct azure_deployment_item *from)
{
    *to = *from;
    to->name = arena_copy(a, from->name);
    to->model = arena_copy(a, from->model);
    to->version = arena_copy(a, from->version);
    to->publisher = arena_copy(a, from->publisher);
    to->sku = arena_copy(a, from->sku);
    return to->name.at && to->model.at && to->version.at && to->publisher.at && to->sku.at;
}

/* Puts the old account's deployments that are not among the new ones behind them. */
static bool keep_former(struct azure_account *a, struct items *items, const struct azure_account *old)
{
    size_t n_old = old ? old->n_deployments + old->n_former : 0;

    a->n_deployments = items->n;
    for (size_t i = 0; i < n_old && a->n_former < FORMER_MAX; i++) {
        struct azure_deployment_item *at;

        if (has_deployment(items->at, items->n, &old->deployments[i]))
            continue;
        at = arena_grow(&a->arena, items->at, items->n, &items->cap, sizeof *at);
        if (!at || !copy_deployment(&a->arena, &at[items->n], &old->deployments[i]))
            return false;
        items->at = at;
        items->n++;
        a->n_former++;
    }
    a->deployments = items->at;
    return true;
}

/* What was known stands in for an answer that is refused. */
static bool keep_known(struct azure_account *a, const struct azure_account *old)
{
    struct items items = { .arena = &a->arena };

    if (!keep_former(a, &items, old))
        return false;
    a->n_deployments = old ? old->n_deployments : 0;
    a->n_former = items.n - a->n_deployments;
    return true;
}

static bool lasting(enum err_code code)
{
    return code == ERR_DENIED || code == ERR_GONE;
}

static enum err_code read_deployments(struct azure_reader *r, struct azure_account *a, const struct azure_account *old,
                                      struct err *e)
{
    struct items items = { .arena = &a->arena };
    enum err_code code;

    buf_clear(&r->url);
    azure_url_deployments(&r->url, r->s->arm, a->item.id);
    code = azure_pages(r, AZURE_API_DEPLOYMENTS, a->subscription, azure_decode_deployments, &items, e);
    if (lasting(code)) {
        log_warn("azure", "source=%.*s account=%.*s deployments are not known: %s", SV_ARG(r->s->env.id),
                 SV_ARG(a->item.name), e->text);
        return keep_known(a, old) ? ERR_OK : err_set(e, ERR_LIMIT, "too many deployments");
    }
    if (code)
        return err_wrap(e, "%.*s", SV_ARG(a->item.name));
    return keep_former(a, &items, old) ? ERR_OK : err_set(e, ERR_LIMIT, "too many deployments");
}

static enum err_code read_logging(struct azure_reader *r, struct azure_account *a, struct err *e)
{
    enum err_code code;
    json root = { 0 };

    buf_clear(&r->url);
    azure_url_diagnostics(&r->url, r->s->arm, a->item.id);
    code = azure_ask(r, AZURE_API_DIAGNOSTICS, AZURE_ARM, a->subscription, &root, e);
    code = code ? code : azure_decode_diagnostics(root, &a->logging, e);
    if (!lasting(code))
        return code ? err_wrap(e, "%.*s", SV_ARG(a->item.name)) : ERR_OK;
    log_warn("azure", "source=%.*s account=%.*s whether logs are on is not known: %s", SV_ARG(r->s->env.id),
             SV_ARG(a->item.name), e->text);
    return ERR_OK; /* stays unknown: 403 is not "off" */
}

enum err_code azure_refresh(struct azure_source *s, struct azure_subscription *sub, struct azure_account **account,
                            struct arena *arena, struct err *e)
{
    struct azure_account *old = *account, *a = account_like(&old->item, sub->id);
    struct azure_reader r = { 0 };
    enum err_code code = a ? azure_reader_init(&r, s, arena, e) : err_set(e, ERR_LIMIT, "out of memory");

    code = code ? code : read_deployments(&r, a, old, e);
    azure_reader_done(&r);
    if (code) {
        azure_account_drop(a);
        return code;
    }
    a->logging = old->logging;
    carry_on(a, old);
    atomic_store(&a->left_out, atomic_load(&old->left_out));
    atomic_store(&a->refresh_mono, clock_mono() + REFRESH_PAUSE_S * NANO_PER_S);
    azure_replace(s, sub, a);
    azure_account_drop(old);
    *account = a;
    return ERR_OK;
}

/* ---- metric definitions ---- */

static void warn_of_vanished(const struct azure_source *s, const struct azure_subscription *sub, const char *kind,
                             const struct items *items)
{
    for (const struct azure_group *g = azure_groups; g->name; g++)
        for (size_t m = 0; g->metrics[m]; m++) {
            bool there = false;
            int own = azure_family_find(sv_of(g->family));

            for (size_t i = 0; i < items->n; i++)
                there |= sv_eq_nocase(ITEM(items, struct azure_definition_item, i)->name, sv_of(g->metrics[m]));
            /* The other kind's family may be missing; that is no news. */
            if (!there && (own < 0 || sv_eq(sv_of(azure_families[own].kind), sv_of(kind))))
                log_warn("azure",
                         "source=%.*s subscription=%s metric %s is not defined for kind %s any more and is left out",
                         SV_ARG(s->env.id), sub->id, g->metrics[m], kind);
        }
}

/* A refusal stays what it is, so others go on without that answer. What passes is waited for: whether a deployment is of a
 * wanted publisher, or whether a metric has a count, must not depend on one bad answer. Without a credential that is taken nobody
 * was asked, and the logs would not be read either. */
static bool was_asked(enum err_code code)
{
    switch (code) {
    case ERR_OK:
    case ERR_DENIED:
    case ERR_GONE:
    case ERR_REFUSED:
        return true;
    default:
        return false;
    }
}

static void read_definitions(struct azure_reader *r, struct azure_subscription *sub, int kind,
                             const struct azure_account *sample)
{
    struct azure_definitions *d = &sub->definitions[kind], fresh = { 0 };
    struct items items = { .arena = &fresh.arena };
    struct err e = { 0 };
    enum err_code code;

    if (d->until_mono && clock_mono() < d->until_mono)
        return;
    arena_init(&fresh.arena, 8 << 20);
    buf_clear(&r->url);
    azure_url_definitions(&r->url, r->s->arm, sample->item.id);
    code = azure_pages(r, AZURE_API_DEFINITIONS, sv_of(sub->id), azure_decode_definitions, &items, &e);
    if (code || items.n == 0) {
        log_debug("azure", "subscription=%s metric definitions: %s", sub->id, code ? e.text : "none");
        arena_done(&fresh.arena);
        pthread_mutex_lock(&r->s->lock);
        d->asked = d->asked || was_asked(code);
        d->until_mono = d->asked ? clock_mono() + DEFINITIONS_RETRY_S * NANO_PER_S : 0;
        pthread_mutex_unlock(&r->s->lock);
        return;
    }
    fresh.asked = true;
    fresh.items = items.at;
    fresh.n = items.n;
    fresh.until_mono = clock_mono() + DEFINITIONS_LIFE_S * NANO_PER_S;
    warn_of_vanished(r->s, sub, azure_families[kind].kind, &items);
    pthread_mutex_lock(&r->s->lock);
    arena_done(&d->arena);
    *d = fresh;
    pthread_mutex_unlock(&r->s->lock);
}

/* ---- the accounts of a subscription ---- */

struct discovery {
    struct azure_reader *r;
    struct azure_subscription *sub;
    struct azure_view old;
    struct azure_account **accounts; /* one reference each */
    size_t n;
    uint64_t *foreign; /* accounts of other kinds */
    size_t n_foreign;
    int64_t now;
    struct frame *out;
};

static enum err_code read_account(struct discovery *d, const struct azure_account_item *item, struct err *e)
{
    struct azure_account *old = azure_view_find(&d->old, item->id);
    struct azure_account *a = account_like(item, d->sub->id);
    enum err_code code;

    if (!a)
        return err_set(e, ERR_LIMIT, "account %.*s does not fit", SV_ARG(item->name));
    d->accounts[d->n++] = a;
    if (old)
        carry_on(a, old);
    code = read_deployments(d->r, a, old, e);
    return code ? code : read_logging(d->r, a, e);
}

static enum err_code read_accounts(struct discovery *d, struct err *e)
{
    struct items items = { .arena = d->r->arena };
    enum err_code code;

    buf_clear(&d->r->url);
    azure_url_accounts(&d->r->url, d->r->s->arm, sv_of(d->sub->id));
    code = azure_pages(d->r, AZURE_API_ACCOUNTS, sv_of(d->sub->id), azure_decode_accounts, &items, e);
    if (code)
        return code;
    if (items.n > AZURE_ACCOUNTS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d accounts", AZURE_ACCOUNTS_MAX);
    d->accounts = ARENA_ARRAY(d->r->arena, struct azure_account *, items.n + 1);
    d->foreign = ARENA_ARRAY(d->r->arena, uint64_t, items.n + 1);
    if (!d->accounts || !d->foreign)
        return err_set(e, ERR_LIMIT, "no room for %zu accounts", items.n);
    for (size_t i = 0; i < items.n && code == ERR_OK; i++) {
        const struct azure_account_item *item = ITEM(&items, struct azure_account_item, i);

        if (azure_family_of_kind(item->kind) < 0)
            d->foreign[d->n_foreign++] = hash64(item->id);
        else
            code = read_account(d, item, e);
    }
    return code;
}

static void read_all_definitions(struct discovery *d)
{
    for (int kind = 0; kind < AZURE_FAMILIES; kind++)
        for (size_t i = 0; i < d->n; i++)
            if (azure_family_of_kind(d->accounts[i]->item.kind) == kind) {
                read_definitions(d->r, d->sub, kind, d->accounts[i]);
                break;
            }
}

/* ---- which family counts ---- */

static void take_journalled_choice(struct discovery *d, struct azure_account *a)
{
    sv choice = source_authority(&d->r->s->env, SV("requests"), a->item.id, d->r->arena);
    int family = azure_family_find(choice);

    if (family >= 0)
        atomic_store(&a->family, family);
}

/* Metrics of the question "which family has requests", those that exist. */
static void probe_query(struct discovery *d, int kind, struct azure_query *q, uint64_t *bits)
{
    struct azure_query one = { 0 };

    *q = (struct azure_query){ .aggregation = SV("total"), .interval_ms = 3600000, .top = AZURE_TOP };
    q->to_unix_nano = clock_floor(d->now, NANO_PER_MIN);
    q->from_unix_nano = clock_floor(d->now - PROBE_HOURS * NANO_PER_H, q->interval_ms * NANO_PER_MS);
    for (const struct azure_group *g = azure_groups; g->name; g++) {
        if (!sv_ends(sv_of(g->name), SV("/requests")))
            continue;
        azure_query_plan(d->r->s, d->sub, kind, g, &one, &bits[q->n_metrics]);
        if (one.n_metrics)
            q->metrics[q->n_metrics++] = one.metrics[0];
    }
}

static int family_of_metric(sv metric)
{
    for (int i = 0; i < AZURE_FAMILIES; i++)
        if (sv_eq(metric, sv_of(azure_families[i].requests)))
            return i;
    return -1;
}

/* Judges one account by the totals of both. *since: from when on a new choice holds. */
static void choose(struct azure_account *a, const struct azure_query *q, const struct azure_cell *cells)
{
    int chosen = atomic_load(&a->family), other = -1;

    for (size_t m = 0; m < q->n_metrics; m++) {
        int family = family_of_metric(q->metrics[m]);

        if (cells[m].state != AZURE_CELL_OK || !(cells[m].total > 0))
            continue;
        if (family == chosen)
            atomic_store(&a->has_data, true);
        else
            other = family;
    }
    if (!atomic_load(&a->has_data) && other >= 0) {
        atomic_store(&a->family, other);
        atomic_store(&a->has_data, true);
    }
}

/* Asks for the accounts of one kind and region that have shown nothing yet. Failure leaves the choice as it is. */
static void probe(struct discovery *d, int kind, sv location)
{
    struct azure_reading g = { .r = d->r, .sub = d->sub, .kind = kind, .observed_unix_nano = d->now };
    uint64_t bits[AZURE_GROUP_METRICS] = { 0 };
    struct azure_account **asked = ARENA_ARRAY(d->r->arena, struct azure_account *, d->n);
    struct err e = { 0 };

    probe_query(d, kind, &g.q, bits);
    for (size_t i = 0; asked && i < d->n; i++)
        if (azure_family_of_kind(d->accounts[i]->item.kind) == kind && sv_eq(d->accounts[i]->item.location, location) &&
            !atomic_load(&d->accounts[i]->has_data))
            asked[g.n_accounts++] = d->accounts[i];
    g.accounts = asked;
    g.bits = bits;
    g.region = azure_region_name(d->r->arena, location);
    g.out = frame_new(d->r->arena, SV("probe"), SV("probe")); /* thrown away: only the totals count */
    g.cells = ARENA_ARRAY(d->r->arena, struct azure_cell, g.n_accounts * AZURE_GROUP_METRICS + 1);
    if (g.n_accounts == 0 || g.q.n_metrics == 0 || !g.cells || !g.out || !g.region.at)
        return;
    if (azure_read_metrics(&g, &e)) {
        log_debug("azure", "subscription=%s which metric family has data: %s", d->sub->id, e.text);
        return;
    }
    for (size_t i = 0; i < g.n_accounts; i++)
        choose(asked[i], &g.q, &g.cells[i * g.q.n_metrics]);
}

static void choose_families(struct discovery *d)
{
    for (size_t i = 0; i < d->n; i++)
        take_journalled_choice(d, d->accounts[i]);
    for (size_t i = 0; i < d->n && d->r->s->cfg->metrics.enabled; i++) {
        sv location = d->accounts[i]->item.location;
        int kind = azure_family_of_kind(d->accounts[i]->item.kind);
        bool first = true;

        for (size_t k = 0; k < i; k++)
            first = first && !(sv_eq(d->accounts[k]->item.location, location) &&
                               azure_family_of_kind(d->accounts[k]->item.kind) == kind);
        if (first)
            probe(d, kind, location);
    }
}

/* ---- what is journalled ---- */

static bool publisher_wanted(void *ctx, sv publisher)
{
    return source_wants_publisher(ctx, publisher);
}

static enum err_code emit_account(struct discovery *d, const struct azure_account *a, struct err *e)
{
    struct azure_source *s = d->r->s;
    struct azure_account_view v = { &a->item, a->subscription, a->deployments, a->n_deployments, a->logging };
    struct azure_metric_context c = {
        .source = s->env.id, .observed_unix_nano = d->now, .ctx = &s->env, .publisher = publisher_wanted
    };
    const char *family = azure_families[atomic_load(&a->family)].name;
    bool logs = s->cfg->logs.enabled && s->cfg->logs.workspaces.n &&
                a->logging.workspace[AZURE_LOG_REQUESTS] == AZURE_LOGGING_ON;
    int64_t start = clock_floor(d->now, s->cfg->discovery_interval_ms * NANO_PER_MS);
    int64_t since = clock_floor(d->now - PROBE_HOURS * NANO_PER_H, NANO_PER_H),
            next = clock_floor(d->now, NANO_PER_MIN) + NANO_PER_MIN;
    const struct source_env *env = &s->env;

    if (!source_choose(env, d->out, "requests", a->item.id, family, since) ||
        !source_choose(env, d->out, "tokens", a->item.id, family, since) ||
        !source_choose(env, d->out, "duration", a->item.id, logs ? "logs" : "metrics", next))
        return err_set(e, ERR_LIMIT, "no room for epochs");
    return azure_emit_inventory(&v, &c, start, start + s->cfg->discovery_interval_ms * NANO_PER_MS, d->out, e);
}

static bool still_there(const struct discovery *d, sv id)
{
    for (size_t i = 0; i < d->n; i++)
        if (sv_eq(d->accounts[i]->item.id, id))
            return true;
    return false;
}

/* Accounts that are gone have no deployments any more. */
static enum err_code emit_retired(struct discovery *d, struct err *e)
{
    for (size_t i = 0; i < d->old.n; i++) {
        struct azure_account_view v = { .account = &d->old.at[i]->item, .subscription = d->old.at[i]->subscription };
        struct azure_metric_context c = { .source = d->r->s->env.id, .observed_unix_nano = d->now };
        enum err_code code;

        if (still_there(d, v.account->id))
            continue;
        code = azure_emit_inventory(&v, &c, clock_floor(d->now, NANO_PER_MIN), d->now, d->out, e);
        if (code)
            return code;
    }
    return ERR_OK;
}

static enum err_code discover(struct discovery *d, struct err *e)
{
    enum err_code code = read_accounts(d, e);

    if (code)
        return code;
    read_all_definitions(d);
    choose_families(d);
    for (size_t i = 0; i < d->n && code == ERR_OK; i++)
        code = emit_account(d, d->accounts[i], e);
    code = code ? code : emit_retired(d, e);
    if (code == ERR_OK && azure_publish(d->r->s, d->sub, d->accounts, d->n, d->foreign, d->n_foreign))
        d->n = 0; /* the references went with them */
    else if (code == ERR_OK)
        code = err_set(e, ERR_LIMIT, "out of memory");
    return code;
}

enum err_code azure_poll_inventory(struct azure_reader *r, struct azure_subscription *sub, struct window *w,
                                   struct frame *out, struct err *e)
{
    struct discovery d = { .r = r, .sub = sub, .out = out };
    enum err_code code = azure_view_take(r->s, sub, r->arena, &d.old, e);

    w->read_at_unix_nano = d.now = source_server_now(&r->s->env);
    code = code ? code : discover(&d, e);
    for (size_t i = 0; i < d.n; i++)
        azure_account_drop(d.accounts[i]);
    azure_view_drop(&d.old);
    pthread_mutex_lock(&r->s->lock);
    sub->discovered = sub->discovered || was_asked(code);
    pthread_mutex_unlock(&r->s->lock);
    return code;
}
