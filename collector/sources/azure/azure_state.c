/*
 * The shared state: subscriptions, accounts, verdicts. Kept simple on purpose: lists under one lock, held for look-ups
 * only. See azure_state.h for who may touch what.
 */
#include "collector/sources/azure/azure_state.h"

#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"

enum { ACCOUNT_BYTES_MAX = 4 << 20 };

sv azure_region_name(struct arena *a, sv location)
{
    sv name = arena_lower(a, location);
    char *to;
    size_t n = 0;

    if (!name.at || sv_find(name, ' ') == name.len)
        return name;
    to = arena_alloc(a, name.len);
    for (size_t i = 0; to && i < name.len; i++)
        if (name.at[i] != ' ')
            to[n++] = name.at[i];
    return (sv){ to, to ? n : 0 };
}

/* ---- accounts ---- */

struct azure_account *azure_account_new(void)
{
    struct azure_account *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    arena_init(&a->arena, ACCOUNT_BYTES_MAX);
    atomic_init(&a->refs, 1);
    return a;
}

static struct azure_account *hold(struct azure_account *a)
{
    atomic_fetch_add(&a->refs, 1);
    return a;
}

void azure_account_drop(struct azure_account *a)
{
    if (!a || atomic_fetch_sub(&a->refs, 1) != 1)
        return;
    arena_done(&a->arena);
    free(a);
}

bool azure_is_provisioned(const struct azure_account *a)
{
    for (size_t i = 0; i < a->n_deployments; i++)
        if (azure_sku_is_provisioned(a->deployments[i].sku))
            return true;
    return false;
}

bool azure_deployment_find(const struct azure_account *a, sv name, sv version, struct azure_deployment_facts *out)
{
    const struct azure_deployment_item *best = NULL;
    bool exact = false;

    for (size_t i = 0; i < a->n_deployments + a->n_former && !exact; i++) {
        const struct azure_deployment_item *d = &a->deployments[i];

        if (!sv_eq_nocase(d->name, name))
            continue;
        best = best ? best : d;
        exact = version.len == 0 || sv_eq_nocase(d->version, version);
        best = exact ? d : best;
    }
    if (best)
        *out = (struct azure_deployment_facts){ best->model, best->version, best->publisher };
    return exact;
}

/* ---- subscriptions ---- */

static struct azure_subscription *subscription_find(const struct azure_source *s, sv id)
{
    struct azure_subscription *sub = s->subscriptions;

    while (sub && !sv_eq_nocase(sv_of(sub->id), id))
        sub = sub->next;
    return sub;
}

static struct azure_subscription *subscription_add(struct azure_source *s, sv id)
{
    struct azure_subscription *sub = s->n_subscriptions < AZURE_SUBSCRIPTIONS_MAX ? calloc(1, sizeof *sub) : NULL;
    struct azure_subscription **end = &s->subscriptions;

    if (!sub)
        return NULL;
    sub->id = strndup(id.at, id.len);
    if (!sub->id) {
        free(sub);
        return NULL;
    }
    for (char *c = sub->id; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    for (int k = 0; k < AZURE_FAMILIES; k++)
        arena_init(&sub->definitions[k].arena, 8 << 20);
    while (*end)
        end = &(*end)->next;
    *end = sub;
    s->n_subscriptions++;
    return sub;
}

struct azure_subscription *azure_subscription(struct azure_source *s, sv id)
{
    struct azure_subscription *sub;

    pthread_mutex_lock(&s->lock);
    sub = subscription_find(s, id);
    sub = sub ? sub : subscription_add(s, id);
    pthread_mutex_unlock(&s->lock);
    return sub;
}

struct azure_subscription *azure_scope(struct azure_source *s, sv scope, sv *region)
{
    struct azure_subscription *sub;
    sv id;

    if (!sv_starts(scope, SV("sub:")))
        return NULL;
    scope = sv_skip(scope, strlen("sub:"));
    id = sv_cut(&scope, '/');
    if (region)
        *region = scope;
    pthread_mutex_lock(&s->lock);
    sub = subscription_find(s, id);
    pthread_mutex_unlock(&s->lock);
    return sub;
}

static void drop_accounts(struct azure_account **at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        azure_account_drop(at[i]);
    free(at);
}

void azure_subscriptions_free(struct azure_source *s)
{
    while (s->subscriptions) {
        struct azure_subscription *sub = s->subscriptions;

        s->subscriptions = sub->next;
        drop_accounts(sub->accounts, sub->n_accounts);
        for (int k = 0; k < AZURE_FAMILIES; k++)
            arena_done(&sub->definitions[k].arena);
        free(sub->foreign);
        free(sub->id);
        free(sub);
    }
}

/* ---- views ---- */

static int by_id(const void *a, const void *b)
{
    return sv_cmp((*(struct azure_account *const *)a)->item.id, (*(struct azure_account *const *)b)->item.id);
}

enum err_code azure_view_take(struct azure_source *s, struct azure_subscription *sub, struct arena *a,
                              struct azure_view *out, struct err *e)
{
    size_t n = 0;

    *out = (struct azure_view){ 0 };
    pthread_mutex_lock(&s->lock);
    for (struct azure_subscription *x = s->subscriptions; x; x = x->next)
        n += !sub || x == sub ? x->n_accounts : 0;
    out->at = ARENA_ARRAY(a, struct azure_account *, n + 1);
    for (struct azure_subscription *x = s->subscriptions; x && out->at; x = x->next)
        for (size_t i = 0; (!sub || x == sub) && i < x->n_accounts; i++)
            out->at[out->n++] = hold(x->accounts[i]);
    pthread_mutex_unlock(&s->lock);
    if (!out->at)
        return err_set(e, ERR_LIMIT, "no room for the list of accounts");
    qsort(out->at, out->n, sizeof *out->at, by_id);
    return ERR_OK;
}

void azure_view_drop(struct azure_view *v)
{
    for (size_t i = 0; i < v->n; i++)
        azure_account_drop(v->at[i]);
    v->n = 0;
}

struct azure_account *azure_view_find(const struct azure_view *v, sv resource_id)
{
    size_t lo = 0, hi = v->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int d = sv_cmp(v->at[mid]->item.id, resource_id);

        if (d == 0)
            return v->at[mid];
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

bool azure_publish(struct azure_source *s, struct azure_subscription *sub, struct azure_account **accounts, size_t n,
                   const uint64_t *foreign, size_t n_foreign)
{
    struct azure_account **own = calloc(n + 1, sizeof *own), **old;
    uint64_t *hashes = calloc(n_foreign + 1, sizeof *hashes), *old_hashes;
    size_t n_old;

    if (!own || !hashes) {
        free(own);
        free(hashes);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        own[i] = accounts[i];
    for (size_t i = 0; i < n_foreign; i++)
        hashes[i] = foreign[i];
    pthread_mutex_lock(&s->lock);
    old = sub->accounts;
    n_old = sub->n_accounts;
    old_hashes = sub->foreign;
    sub->accounts = own;
    sub->n_accounts = n;
    sub->foreign = hashes;
    sub->n_foreign = n_foreign;
    memset(sub->disabled, 0, sizeof sub->disabled);
    pthread_mutex_unlock(&s->lock);
    drop_accounts(old, n_old);
    free(old_hashes);
    return true;
}

bool azure_is_foreign(struct azure_source *s, sv resource_id)
{
    uint64_t h = hash64(resource_id);
    bool is = false;

    pthread_mutex_lock(&s->lock);
    for (const struct azure_subscription *sub = s->subscriptions; sub && !is; sub = sub->next)
        for (size_t i = 0; i < sub->n_foreign && !is; i++)
            is = sub->foreign[i] == h;
    pthread_mutex_unlock(&s->lock);
    return is;
}

void azure_replace(struct azure_source *s, struct azure_subscription *sub, struct azure_account *a)
{
    struct azure_account *old = NULL;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < sub->n_accounts && !old; i++)
        if (sv_eq(sub->accounts[i]->item.id, a->item.id)) {
            old = sub->accounts[i];
            sub->accounts[i] = hold(a);
        }
    pthread_mutex_unlock(&s->lock);
    azure_account_drop(old);
}

/* ---- verdicts ---- */

unsigned azure_metric_bit(const struct azure_group *g, size_t metric)
{
    return (unsigned)((size_t)(g - azure_groups) * AZURE_GROUP_METRICS + metric);
}

void azure_disable(struct azure_source *s, struct azure_subscription *sub, int kind, uint64_t bits)
{
    pthread_mutex_lock(&s->lock);
    sub->disabled[kind] |= bits;
    pthread_mutex_unlock(&s->lock);
}

void azure_batch_refused(struct azure_source *s, struct azure_subscription *sub, int64_t for_ms)
{
    pthread_mutex_lock(&s->lock);
    sub->no_batch_until_mono = clock_mono() + for_ms * NANO_PER_MS;
    pthread_mutex_unlock(&s->lock);
}

bool azure_batch_usable(struct azure_source *s, struct azure_subscription *sub)
{
    bool usable;

    pthread_mutex_lock(&s->lock);
    usable = sub->no_batch_until_mono == 0 || clock_mono() >= sub->no_batch_until_mono;
    pthread_mutex_unlock(&s->lock);
    return usable;
}

static const struct azure_definition_item *definition(const struct azure_definitions *d, const char *metric)
{
    for (size_t i = 0; i < d->n; i++)
        if (sv_eq_nocase(d->items[i].name, sv_of(metric)))
            return &d->items[i];
    return NULL;
}

static bool has_dimension(const struct azure_definition_item *d, sv name)
{
    for (size_t i = 0; i < d->n_dimensions; i++)
        if (sv_eq_nocase(d->dimensions[i], name))
            return true;
    return false;
}

static bool all_have(const struct azure_definitions *d, const struct azure_query *q, const char *dimension)
{
    sv rest = sv_of(dimension), name = sv_cut(&rest, '=');

    for (size_t i = 0; d->items && i < q->n_metrics; i++) {
        const struct azure_definition_item *item = definition(d, q->metrics[i].at);

        /* A definition that tells no dimensions at all is taken for silence. */
        if (item && item->n_dimensions && !has_dimension(item, name))
            return false;
    }
    return true;
}

static bool all_have_count(const struct azure_definitions *d, const struct azure_query *q)
{
    for (size_t i = 0; i < q->n_metrics; i++) {
        const struct azure_definition_item *item = d->items ? definition(d, q->metrics[i].at) : NULL;

        if (!item || !item->has_count)
            return false;
    }
    return q->n_metrics > 0;
}

bool azure_group_ready(struct azure_source *s, struct azure_subscription *sub, int kind, const struct azure_group *g)
{
    bool ready;

    if (!g->wants_count)
        return true;
    pthread_mutex_lock(&s->lock);
    ready = sub->definitions[kind].asked;
    pthread_mutex_unlock(&s->lock);
    return ready;
}

void azure_query_plan(struct azure_source *s, struct azure_subscription *sub, int kind, const struct azure_group *g,
                      struct azure_query *q, uint64_t *bits)
{
    const struct azure_definitions *d = &sub->definitions[kind];

    q->n_metrics = q->n_dimensions = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; g->metrics[i]; i++) {
        uint64_t bit = UINT64_C(1) << azure_metric_bit(g, i);

        if ((d->items && !definition(d, g->metrics[i])) || (sub->disabled[kind] & bit))
            continue;
        bits[q->n_metrics] = bit;
        q->metrics[q->n_metrics++] = sv_of(g->metrics[i]);
    }
    for (size_t i = 0; g->dimensions[i]; i++)
        if (all_have(d, q, g->dimensions[i]))
            q->dimensions[q->n_dimensions++] = sv_of(g->dimensions[i]);
        else if (strchr(g->dimensions[i], '='))
            q->n_metrics = 0; /* figures of all values would mean something else */
    q->aggregation = sv_of(g->aggregation);
    if (g->wants_count && all_have_count(d, q))
        q->aggregation = SV("average,maximum,minimum,count");
    else if (q->control && g->wants_count)
        q->n_metrics = 0; /* a mean of nobody knows how many counts nothing */
    if (q->control)
        q->aggregation = sv_of(g->control);
    pthread_mutex_unlock(&s->lock);
}
