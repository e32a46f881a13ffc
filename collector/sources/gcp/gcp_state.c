/* The shared state: projects and what is known of them. Kept simple on purpose: one lock, held for look-ups only. */
#include "collector/sources/gcp/gcp_state.h"

#include <stdlib.h>

#include "collector/base/hash.h"

static struct gcp_project *find(struct gcp_source *s, sv id)
{
    for (struct gcp_project *p = s->projects; p; p = p->next)
        if (sv_eq(sv_of(p->id), id))
            return p;
    return NULL;
}

static struct gcp_project *add(struct gcp_source *s, sv id)
{
    struct gcp_project *p = s->n_projects < GCP_PROJECTS_MAX ? calloc(1, sizeof *p) : NULL, **end = &s->projects;

    if (!p)
        return NULL;
    p->id = strndup(id.at, id.len);
    if (!p->id) {
        free(p);
        return NULL;
    }
    map_init(&p->met, GCP_USES_MAX);
    while (*end)
        end = &(*end)->next;
    *end = p;
    s->n_projects++;
    return p;
}

struct gcp_project *gcp_project(struct gcp_source *s, sv id)
{
    struct gcp_project *p;

    pthread_mutex_lock(&s->lock);
    p = find(s, id);
    p = p ? p : add(s, id);
    pthread_mutex_unlock(&s->lock);
    return p;
}

struct gcp_project *gcp_project_of_scope(struct gcp_source *s, sv scope)
{
    static const sv mark = SVT("project:");
    struct gcp_project *p;

    if (!sv_starts(scope, mark))
        return NULL;
    pthread_mutex_lock(&s->lock);
    p = find(s, sv_skip(scope, mark.len));
    pthread_mutex_unlock(&s->lock);
    return p;
}

/* A text that memory has no room for is one that is not known. */
static void replace(char **at, sv text)
{
    free(*at);
    *at = text.len ? strndup(text.at, text.len) : NULL;
}

void gcp_project_describe(struct gcp_source *s, struct gcp_project *p, const struct owner_tags *tags, const sv *above,
                          size_t n_above)
{
    const sv all[] = { tags->team, tags->owner, tags->cost_center, tags->env };

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        replace(&p->tags[i], all[i]);
    for (size_t i = 0; i < GCP_ABOVE_MAX; i++)
        replace(&p->above[i], i < n_above ? above[i] : SV_NONE);
    pthread_mutex_unlock(&s->lock);
}

bool gcp_project_about(struct gcp_source *s, const struct gcp_project *p, struct arena *a, struct owner_tags *tags,
                       sv above[GCP_ABOVE_MAX], size_t *n)
{
    sv *const all[] = { &tags->team, &tags->owner, &tags->cost_center, &tags->env };
    bool ok = true;

    *n = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        *all[i] = arena_copy(a, sv_of(p->tags[i]));
        ok = ok && all[i]->at;
    }
    for (size_t i = 0; i < GCP_ABOVE_MAX && p->above[i]; i++) {
        above[*n] = arena_copy(a, sv_of(p->above[i]));
        ok = ok && above[(*n)++].at;
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* ---- Models that were met ---- */

static void use_free(struct gcp_use *u)
{
    free(u->location);
    free(u->endpoint);
    free(u->deployed);
    free(u->model);
}

static bool add_use(struct gcp_project *p, const struct gcp_use *from)
{
    size_t cap = p->cap_uses ? 2 * p->cap_uses : 16;
    struct gcp_use *u = p->n_uses < p->cap_uses ? p->uses : realloc(p->uses, cap * sizeof *u);

    if (!u)
        return false;
    p->cap_uses = p->n_uses < p->cap_uses ? p->cap_uses : cap;
    p->uses = u;
    u = &p->uses[p->n_uses];
    *u =
        (struct gcp_use){ strdup(from->location), strdup(from->endpoint), strdup(from->deployed), strdup(from->model) };
    if (!u->location || !u->endpoint || !u->deployed || !u->model) {
        use_free(u);
        return false;
    }
    p->n_uses++;
    return true;
}

void gcp_project_met(struct gcp_source *s, struct gcp_project *p, const struct gcp_use *use)
{
    uint64_t key = hash_part(hash_part(hash64(sv_of(use->location)), sv_of(use->endpoint)), sv_of(use->deployed));

    key = hash_part(key, sv_of(use->model));
    pthread_mutex_lock(&s->lock);
    if (p->n_uses < GCP_USES_MAX && !map_find(&p->met, key) && add_use(p, use))
        (void)map_put(&p->met, key, 1);
    pthread_mutex_unlock(&s->lock);
}

struct gcp_use *gcp_project_uses(struct gcp_source *s, const struct gcp_project *p, struct arena *a, size_t *n)
{
    struct gcp_use *copy;

    pthread_mutex_lock(&s->lock);
    *n = p->n_uses;
    copy = ARENA_ARRAY(a, struct gcp_use, p->n_uses + 1);
    if (copy && p->n_uses)
        memcpy(copy, p->uses, p->n_uses * sizeof *copy);
    pthread_mutex_unlock(&s->lock);
    return copy;
}

static void project_free(struct gcp_project *p)
{
    for (size_t i = 0; i < p->n_uses; i++)
        use_free(&p->uses[i]);
    free(p->uses);
    for (size_t i = 0; i < GCP_ABOVE_MAX; i++)
        free(p->above[i]);
    for (size_t i = 0; i < sizeof p->tags / sizeof p->tags[0]; i++)
        free(p->tags[i]);
    map_done(&p->met);
    free(p->id);
    free(p);
}

void gcp_state_free(struct gcp_source *s)
{
    while (s->projects) {
        struct gcp_project *p = s->projects;

        s->projects = p->next;
        project_free(p);
    }
}
