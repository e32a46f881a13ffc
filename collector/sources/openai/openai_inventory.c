/*
 * What is there: projects, the models that they were seen to use, and their rate limits.
 *
 * Whoever may not list projects is served without regions: usage waits for the list only until it has been refused.
 */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/sources/openai/openai_state.h"

static const char projects_name[] = "projects.list";

static void ask_projects(struct openai_reader *r, sv what, sv after)
{
    (void)what;
    openai_url_projects(&r->url, r->s->url, after);
}

static int by_id(const void *a, const void *b)
{
    return sv_cmp(((const struct openai_project *)a)->id, ((const struct openai_project *)b)->id);
}

enum err_code openai_read_projects(struct openai_reader *r, struct err *e)
{
    const struct openai_listing listing = { .api = OPENAI_API_PROJECTS,
                                            .ask = ask_projects,
                                            .decode = openai_decode_projects };
    struct openai_projects *p = openai_projects_new();
    struct items items = { .arena = p ? &p->arena : NULL };
    enum err_code code = p ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");

    if (code == ERR_OK)
        code = openai_list(r, &listing, &items, e);
    if (code) {
        openai_projects_drop(p);
        return code;
    }
    if (items.n)
        qsort(items.at, items.n, sizeof(struct openai_project), by_id);
    p->at = items.at;
    p->n = items.n;
    openai_projects_publish(r->s, p);
    openai_goes_without(r->s, projects_name, SV_NONE);
    return ERR_OK;
}

static struct openai_context context_of(const struct openai_source *s, const struct window *w)
{
    return (struct openai_context){ .source = s->env.id,
                                    .organization = sv_of(s->cfg->organization),
                                    .observed_unix_nano = w->read_at_unix_nano };
}

/* Whether usage tells who, for each project of which the frame has an inventory: journalled, and published. */
static enum err_code choose_callers(const struct openai_source *s, const struct window *w, struct frame *out,
                                    struct err *e)
{
    unsigned who = OPENAI_BIT(OPENAI_USER) | OPENAI_BIT(OPENAI_KEY), groups = 0;
    int64_t next = clock_floor(w->read_at_unix_nano, NANO_PER_MIN) + NANO_PER_MIN;

    for (int k = 0; k < OPENAI_KINDS; k++)
        groups |= openai_groups(&openai_kinds[k], &s->cfg->usage.group_by);
    for (size_t i = 0, n = out->n_epochs; i < n; i++)
        if (out->epochs[i].kind == EPOCH_INVENTORY &&
            !source_choose(&s->env, out, "callers", out->epochs[i].subject, groups & who ? "usage" : "none", next))
            return err_set(e, ERR_LIMIT, "no room for epochs");
    return ERR_OK;
}

static enum err_code emit_uses(struct openai_reader *r, const struct window *w, struct frame *out, struct err *e)
{
    const struct openai_context c = context_of(r->s, w);
    struct openai_projects *p = openai_projects_hold(r->s);
    size_t n;
    struct openai_use *uses = openai_uses(r->s, r->arena, &n);
    enum err_code code = uses ? openai_emit_uses(uses, n, p ? p->at : NULL, p ? p->n : 0, &c, out, e)
                              : err_set(e, ERR_LIMIT, "no room for the models");

    openai_projects_drop(p);
    return code ? code : choose_callers(r->s, w, out, e);
}

/* What a longer wait does not mend: the rest goes on without the list. */
static bool is_refusal(enum err_code code)
{
    return code == ERR_DENIED || code == ERR_GONE || code == ERR_REFUSED;
}

bool openai_lists_refused(struct openai_source *s, enum err_code code, const struct err *why)
{
    if (!is_refusal(code))
        return false;
    openai_projects_publish(s, NULL);
    openai_goes_without(s, projects_name, sv_of(why->text));
    return true;
}

enum err_code openai_poll_inventory(struct openai_reader *r, const struct source_job *job, struct window *w,
                                    struct frame *out, struct err *e)
{
    struct err why = { 0 };
    enum err_code code;

    (void)job;
    w->read_at_unix_nano = source_server_now(&r->s->env);
    code = openai_read_projects(r, &why);
    if (code && !openai_lists_refused(r->s, code, &why)) {
        if (e)
            *e = why;
        return code;
    }
    return emit_uses(r, w, out, e);
}

/* ---- Rate limits ---- */

static void ask_limits(struct openai_reader *r, sv what, sv after)
{
    openai_url_rate_limits(&r->url, r->s->url, what, after);
}

/* A project whose limits are refused or gone is left out; they may be those of one that was archived meanwhile. */
static enum err_code read_limits(struct openai_reader *r, const struct openai_project *p, const struct window *w,
                                 struct frame *out, struct err *e)
{
    const struct openai_listing listing = {
        .api = OPENAI_API_RATE_LIMITS, .ask = ask_limits, .what = p->id, .decode = openai_decode_rate_limits
    };
    const struct openai_context c = context_of(r->s, w);
    struct items items = { .arena = r->arena };
    int64_t span = r->s->cfg->capacity_interval_ms * NANO_PER_MS, start = clock_floor(w->read_at_unix_nano, span);
    enum err_code code = openai_list(r, &listing, &items, e);

    return code ? code : openai_emit_limits(items.at, items.n, p, &c, start, start + span, out, e);
}

enum err_code openai_poll_capacity(struct openai_reader *r, const struct source_job *job, struct window *w,
                                   struct frame *out, struct err *e)
{
    struct openai_projects *p = openai_projects_hold(r->s);
    size_t refused = 0, asked = 0;
    enum err_code code = ERR_OK;
    struct err why = { 0 };

    (void)job;
    w->read_at_unix_nano = source_server_now(&r->s->env);
    for (size_t i = 0; p && i < p->n && (code == ERR_OK || is_refusal(code)); i++) {
        if (p->at[i].archived)
            continue;
        code = read_limits(r, &p->at[i], w, out, &why);
        asked++;
        refused += is_refusal(code);
    }
    openai_projects_drop(p);
    if (code == ERR_OK || (is_refusal(code) && refused < asked))
        return ERR_OK;
    if (e)
        *e = why;
    return code;
}
