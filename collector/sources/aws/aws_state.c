/*
 * The shared state: accounts, places, findings. Kept simple on purpose: lists under one lock, held for look-ups only. See
 * aws_state.h for who may touch what.
 */
#include "collector/sources/aws/aws_state.h"

#include <stdlib.h>

enum { FINDING_BYTES_MAX = 16 << 20 };

/* ---- accounts ---- */

struct aws_account *aws_account(struct aws_source *s, sv id)
{
    struct aws_account **end = &s->accounts, *a;

    pthread_mutex_lock(&s->lock);
    while (*end && !sv_eq(sv_of((*end)->id), id))
        end = &(*end)->next;
    a = *end;
    if (!a && s->n_accounts < AWS_ACCOUNTS_MAX) {
        a = calloc(1, sizeof *a);
        if (a)
            a->id = strndup(id.at, id.len);
        if (a && a->id) {
            *end = a;
            s->n_accounts++;
        } else {
            free(a);
            a = NULL;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return a;
}

/* ---- places ---- */

static struct aws_place *place_find(const struct aws_source *s, sv account, sv region)
{
    struct aws_place *p = s->places;

    while (p && !(sv_eq(sv_of(p->account), account) && sv_eq(sv_of(p->region), region)))
        p = p->next;
    return p;
}

static void place_free(struct aws_place *p)
{
    if (!p)
        return;
    aws_finding_drop(p->finding);
    map_done(&p->read_to);
    free(p->read_to_at);
    free(p->account);
    free(p->region);
    free(p);
}

static struct aws_place *place_new(sv account, sv region)
{
    struct aws_place *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    map_init(&p->read_to, ITEMS_MAX);
    p->account = strndup(account.at, account.len);
    p->region = strndup(region.at, region.len);
    if (p->account && p->region)
        return p;
    place_free(p);
    return NULL;
}

struct aws_place *aws_place(struct aws_source *s, sv account, sv region)
{
    struct aws_place **end = &s->places, *p;

    pthread_mutex_lock(&s->lock);
    p = place_find(s, account, region);
    if (!p && s->n_places < AWS_PLACES_MAX)
        p = place_new(account, region);
    if (p && !place_find(s, account, region)) {
        while (*end)
            end = &(*end)->next;
        *end = p;
        s->n_places++;
    }
    pthread_mutex_unlock(&s->lock);
    return p;
}

/* "account:ID" or "account:ID/REGION". */
static bool cut_scope(sv scope, sv *account, sv *region)
{
    if (!sv_starts(scope, SV("account:")))
        return false;
    *region = sv_skip(scope, strlen("account:"));
    *account = sv_cut(region, '/');
    return true;
}

struct aws_account *aws_account_of_scope(struct aws_source *s, sv scope)
{
    struct aws_account *a = NULL;
    sv account, region;

    if (!cut_scope(scope, &account, &region) || region.len)
        return NULL;
    pthread_mutex_lock(&s->lock);
    for (a = s->accounts; a && !sv_eq(sv_of(a->id), account);)
        a = a->next;
    pthread_mutex_unlock(&s->lock);
    return a;
}

struct aws_place *aws_place_of_scope(struct aws_source *s, sv scope)
{
    struct aws_place *p;
    sv account, region;

    if (!cut_scope(scope, &account, &region) || region.len == 0)
        return NULL;
    pthread_mutex_lock(&s->lock);
    p = place_find(s, account, region);
    pthread_mutex_unlock(&s->lock);
    return p;
}

void aws_state_free(struct aws_source *s)
{
    while (s->places) {
        struct aws_place *p = s->places;

        s->places = p->next;
        place_free(p);
    }
    while (s->accounts) {
        struct aws_account *a = s->accounts;

        s->accounts = a->next;
        free(a->id);
        free(a);
    }
}

/* ---- findings ---- */

struct aws_finding *aws_finding_new(void)
{
    struct aws_finding *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    arena_init(&f->arena, FINDING_BYTES_MAX);
    atomic_init(&f->refs, 1);
    f->logging.log_group = SV_NONE;
    return f;
}

struct aws_finding *aws_finding_hold(struct aws_source *s, struct aws_place *p)
{
    struct aws_finding *f;

    pthread_mutex_lock(&s->lock);
    f = p->finding;
    if (f)
        atomic_fetch_add(&f->refs, 1);
    pthread_mutex_unlock(&s->lock);
    return f;
}

void aws_finding_drop(struct aws_finding *f)
{
    if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    arena_done(&f->arena);
    free(f);
}

void aws_finding_publish(struct aws_source *s, struct aws_place *p, struct aws_finding *f)
{
    struct aws_finding *old;

    pthread_mutex_lock(&s->lock);
    old = p->finding;
    p->finding = f;
    pthread_mutex_unlock(&s->lock);
    aws_finding_drop(old);
}

/* ---- how far series were read ---- */

int64_t aws_read_to(const struct aws_place *p, uint64_t series)
{
    const uint32_t *n = map_find(&p->read_to, series);

    return n ? p->read_to_at[*n] : 0;
}

bool aws_read_to_set(struct aws_place *p, uint64_t series, int64_t unix_nano)
{
    const uint32_t *n = map_find(&p->read_to, series);

    if (n) {
        if (p->read_to_at[*n] < unix_nano)
            p->read_to_at[*n] = unix_nano;
        return true;
    }
    if (p->n_read_to == p->cap_read_to) {
        size_t cap = p->cap_read_to ? 2 * p->cap_read_to : 64;
        int64_t *at = realloc(p->read_to_at, cap * sizeof *at);

        if (!at)
            return false;
        p->read_to_at = at;
        p->cap_read_to = cap;
    }
    if (!map_put(&p->read_to, series, (uint32_t)p->n_read_to))
        return false;
    p->read_to_at[p->n_read_to++] = unix_nano;
    return true;
}

void aws_read_to_lost(struct aws_place *p, int64_t unix_nano)
{
    for (size_t i = 0; i < p->n_read_to; i++)
        if (p->read_to_at[i] == unix_nano)
            p->read_to_at[i] = 1; /* met before, but read up to nowhere */
}
