/*
 * What is there: projects, and the models that they were seen to use.
 *
 * Whoever may not list projects is served without regions: usage waits for the list only until it has been refused.
 */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/sources/openai/openai_state.h"

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
    return ERR_OK;
}

enum err_code openai_poll_inventory(struct openai_reader *r, const struct source_job *job, struct window *w,
                                    struct frame *out, struct err *e)
{
    enum err_code code;

    (void)job;
    (void)out;
    w->read_at_unix_nano = source_server_now(&r->s->env);
    code = openai_read_projects(r, e);
    return code;
}
