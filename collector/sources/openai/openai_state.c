/* The shared state: projects and models. Kept simple on purpose: lists under one lock, held for look-ups only. */
#include "collector/sources/openai/openai_state.h"

#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/sources/stats.h"

enum { PROJECTS_BYTES_MAX = 32 << 20 };

struct openai_projects *openai_projects_new(void)
{
    struct openai_projects *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    arena_init(&p->arena, PROJECTS_BYTES_MAX);
    atomic_init(&p->refs, 1);
    return p;
}

void openai_projects_drop(struct openai_projects *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    arena_done(&p->arena);
    free(p);
}

struct openai_projects *openai_projects_hold(struct openai_source *s)
{
    struct openai_projects *p;

    pthread_mutex_lock(&s->lock);
    p = s->projects;
    if (p)
        atomic_fetch_add(&p->refs, 1);
    pthread_mutex_unlock(&s->lock);
    return p;
}

void openai_projects_publish(struct openai_source *s, struct openai_projects *p)
{
    struct openai_projects *old = NULL;

    pthread_mutex_lock(&s->lock);
    s->listed = true;
    if (p) {
        old = s->projects;
        s->projects = p;
    }
    pthread_mutex_unlock(&s->lock);
    openai_projects_drop(old);
}

const struct openai_project *openai_project_find(const struct openai_projects *p, sv id)
{
    return p ? openai_project_in(p->at, p->n, id) : NULL;
}

static bool add_use(struct openai_source *s, sv project, sv model)
{
    struct openai_use *u;

    if (s->n_uses == s->cap_uses) {
        size_t cap = s->cap_uses ? 2 * s->cap_uses : 64;

        u = realloc(s->uses, cap * sizeof *u);
        if (!u)
            return false;
        s->uses = u;
        s->cap_uses = cap;
    }
    u = &s->uses[s->n_uses];
    *u = (struct openai_use){ strndup(project.at, project.len), strndup(model.at, model.len) };
    if (!u->project || !u->model) {
        free(u->project);
        free(u->model);
        return false;
    }
    s->n_uses++;
    return true;
}

void openai_met(struct openai_source *s, sv project, sv model)
{
    uint64_t key = hash_part(hash64(project), model);

    pthread_mutex_lock(&s->lock);
    if (s->n_uses < OPENAI_MET_MAX && !map_find(&s->met, key) && add_use(s, project, model))
        (void)map_put(&s->met, key, 1);
    pthread_mutex_unlock(&s->lock);
}

struct openai_use *openai_uses(struct openai_source *s, struct arena *a, size_t *n)
{
    struct openai_use *copy;

    pthread_mutex_lock(&s->lock);
    *n = s->n_uses;
    copy = ARENA_ARRAY(a, struct openai_use, s->n_uses + 1);
    if (copy && s->n_uses)
        memcpy(copy, s->uses, s->n_uses * sizeof *copy);
    pthread_mutex_unlock(&s->lock);
    return copy;
}

bool openai_kind_is_absent(struct openai_source *s, int kind)
{
    bool absent;

    pthread_mutex_lock(&s->lock);
    absent = clock_mono() < s->absent_until_mono[kind];
    pthread_mutex_unlock(&s->lock);
    return absent;
}

void openai_kind_absent(struct openai_source *s, int kind, int64_t for_ms)
{
    pthread_mutex_lock(&s->lock);
    s->absent_until_mono[kind] = clock_mono() + for_ms * NANO_PER_MS;
    pthread_mutex_unlock(&s->lock);
}

void openai_goes_without(struct openai_source *s, const char *what, sv why)
{
    if (!source_stats_note(s->env.stats, what, why))
        return;
    if (why.len)
        log_warn("openai", "%.*s: goes on without %s: %.*s", SV_ARG(s->env.id), what, SV_ARG(why));
    else
        log_info("openai", "%.*s: %s is there again", SV_ARG(s->env.id), what);
}

void openai_state_free(struct openai_source *s)
{
    openai_projects_drop(s->projects);
    for (size_t i = 0; i < s->n_uses; i++) {
        free(s->uses[i].project);
        free(s->uses[i].model);
    }
    free(s->uses);
    map_done(&s->met);
}
