/*
 * Discovery, in two steps that fail apart: which projects there are (one job), and what there is in each (one job a project).
 *
 * Projects are those of the configuration, all below a folder or an organization (walked, since listing by parent is
 * consistent and search is not), or all that the identity sees. Of a project only the metric types are needed; who may not see
 * its labels or its audit configuration is served without.
 *
 * Whether calls are logged is the union of the audit configurations of the project and of all that is above it; what cannot be
 * read up there may have switched it on, so then "off" is not known.
 */
#include "collector/base/clock.h"
#include "collector/base/log.h"
#include "collector/sources/gcp/gcp_state.h"
#include "collector/sources/jobs.h"
#include "collector/sources/stats.h"

enum { FOLDERS_MAX = 5000, LIMITS_BACK_MINUTES = 10 };

/* ---- Which projects ---- */

static void ask_projects(struct gcp_reader *r, sv what, sv page)
{
    gcp_path_list_projects(&r->path, what, page);
}

static void ask_folders(struct gcp_reader *r, sv what, sv page)
{
    gcp_path_list_folders(&r->path, what, page);
}

static void ask_search(struct gcp_reader *r, sv what, sv page)
{
    (void)what;
    gcp_path_search_projects(&r->path, page);
}

struct folder {
    sv name;
    size_t above; /* number of the one above; FOLDERS_MAX: none */
};

static bool add_found(struct items *found, const struct items *projects, const struct items *folders, size_t folder)
{
    for (size_t i = 0; i < projects->n; i++) {
        struct gcp_found *f = item_add(found, sizeof *f);

        if (!f)
            return false;
        f->item = *ITEM(projects, struct gcp_project_item, i);
        for (size_t at = folder; at != FOLDERS_MAX && f->n_above < GCP_ABOVE_MAX;) {
            const struct folder *above = ITEM(folders, struct folder, at);

            f->above[f->n_above++] = above->name;
            at = above->above;
        }
        if (folder == FOLDERS_MAX && f->item.parent.len)
            f->above[f->n_above++] = f->item.parent;
    }
    return true;
}

static bool add_folder(struct items *folders, sv name, size_t above)
{
    struct folder *f = folders->n < FOLDERS_MAX ? item_add(folders, sizeof *f) : NULL;

    if (f)
        *f = (struct folder){ name, above };
    return f != NULL;
}

/* What stands directly below one folder; the folders among it are walked in their turn. */
static enum err_code read_folder(struct gcp_reader *r, struct items *folders, size_t at, struct items *found,
                                 struct err *e)
{
    sv name = ITEM(folders, struct folder, at)->name;
    const struct gcp_listing below = { GCP_API_LIST_PROJECTS, ask_projects, name, gcp_decode_projects };
    const struct gcp_listing nested = { GCP_API_LIST_FOLDERS, ask_folders, name, gcp_decode_folders };
    struct items projects = { .arena = found->arena }, names = { .arena = found->arena };
    enum err_code code = gcp_list(r, &below, name, &projects, e);
    bool ok;

    code = code ? code : gcp_list(r, &nested, name, &names, e);
    if (code)
        return code;
    ok = add_found(found, &projects, folders, at);
    for (size_t i = 0; ok && i < names.n; i++)
        ok = add_folder(folders, *ITEM(&names, sv, i), at);
    return ok ? ERR_OK : err_set(e, ERR_LIMIT, "no room for the projects below %.*s", SV_ARG(name));
}

/* A folder that refuses holds up no other: what is below it is not read, which is noted. The top one is the whole of it. */
static enum err_code walk(struct gcp_reader *r, sv top, struct items *found, struct err *e)
{
    struct items folders = { .arena = found->arena };
    enum err_code code = add_folder(&folders, top, FOLDERS_MAX) ? ERR_OK : err_set(e, ERR_LIMIT, "no room");
    struct err why = { 0 };

    for (size_t i = 0; code == ERR_OK && i < folders.n; i++) {
        code = read_folder(r, &folders, i, found, e);
        if (i == 0 || !gcp_is_refusal(code))
            continue;
        if (!why.text[0] && e)
            why = *e;
        code = ERR_OK;
    }
    if (code == ERR_OK && source_stats_note(r->s->env.stats, "folders", sv_of(why.text)) && why.text[0])
        log_warn("gcp", "source=%.*s what is below a folder is not read: %s", SV_ARG(r->s->env.id), why.text);
    return code;
}

enum err_code gcp_find_projects(struct gcp_reader *r, struct items *found, struct err *e)
{
    static const struct gcp_listing all = { GCP_API_SEARCH_PROJECTS, ask_search, SVT(""), gcp_decode_projects };
    const struct gcp_discover_config *c = &r->s->cfg->discover;
    struct items projects = { .arena = found->arena };
    enum err_code code;

    if (c->folder || c->organization)
        return walk(r, sv_of(c->folder ? c->folder : c->organization), found, e);
    code = gcp_list(r, &all, SV_NONE, &projects, e);
    if (code)
        return code;
    return add_found(found, &projects, NULL, FOLDERS_MAX) ? ERR_OK : err_set(e, ERR_LIMIT, "no room for the projects");
}

static bool is_among(const struct items *found, sv id)
{
    for (size_t i = 0; i < found->n; i++)
        if (sv_eq(ITEM(found, struct gcp_found, i)->item.id, id))
            return true;
    return false;
}

/* As many as there is room for are read. */
static void note_left_out(struct gcp_reader *r, size_t n)
{
    sv why = n ? arena_printf(r->arena, "more than %d projects: %zu are not read", GCP_PROJECTS_MAX, n) : SV_NONE;

    if (source_stats_note(r->s->env.stats, "projects", why) && n)
        log_warn("gcp", "source=%.*s %.*s", SV_ARG(r->s->env.id), SV_ARG(why));
}

enum err_code gcp_poll_projects(struct gcp_reader *r, struct err *e)
{
    struct items found = { .arena = r->arena };
    enum err_code code = gcp_find_projects(r, &found, e);

    size_t left_out = 0;

    if (code)
        return code;
    for (size_t i = 0; i < found.n; i++) {
        const struct gcp_found *f = ITEM(&found, struct gcp_found, i);
        struct gcp_project *p = gcp_project(r->s, f->item.id);

        if (p)
            gcp_project_describe(r->s, p, &f->item.tags, f->above, f->n_above);
        else
            left_out++;
    }
    note_left_out(r, left_out);
    pthread_mutex_lock(&r->s->lock);
    for (struct gcp_project *p = r->s->projects; p; p = p->next)
        listed_again(&p->listed, &p->missed, is_among(&found, sv_of(p->id)));
    pthread_mutex_unlock(&r->s->lock);
    return ERR_OK;
}

/* ---- One project ---- */

/* Of a configured project nobody else tells labels and parent. */
static enum err_code describe(struct gcp_reader *r, struct gcp_project *p, struct err *e)
{
    struct items items = { .arena = r->arena };
    json root = { 0 };
    enum err_code code;

    gcp_reader_clear(r);
    gcp_path_project(&r->path, sv_of(p->id));
    code = gcp_ask(r, GCP_API_GET_PROJECT, sv_of(p->id), &root, e);
    code = code ? code : gcp_decode_project(root, &items, e);
    if (code == ERR_OK && items.n) {
        const struct gcp_project_item *item = ITEM(&items, struct gcp_project_item, 0);

        gcp_project_describe(r->s, p, &item->tags, &item->parent, item->parent.len ? 1 : 0);
    }
    return code;
}

static void ask_descriptors(struct gcp_reader *r, sv what, sv page)
{
    gcp_path_descriptors(&r->path, what, page);
}

static void note_descriptor(struct gcp_project *p, const struct gcp_descriptor_item *d)
{
    int metric = gcp_metric_find(d->type);
    sv leaf;
    const struct gcp_quota *quota = gcp_quota_find(d->type, &leaf);

    if (metric >= 0) {
        p->active[metric] = true;
        p->ingest_delay_nano =
            d->ingest_delay_nano > p->ingest_delay_nano ? d->ingest_delay_nano : p->ingest_delay_nano;
    }
    if (quota && sv_eq(leaf, SV("usage")))
        p->usage[quota - gcp_quotas] = true;
    if (quota && sv_eq(leaf, SV("limit")))
        p->limit[quota - gcp_quotas] = true;
}

/* A type that was active stays so: it may rest for more than the day that "active" means. */
static enum err_code read_descriptors(struct gcp_reader *r, struct gcp_project *p, struct err *e)
{
    const struct gcp_listing listing = { GCP_API_DESCRIPTORS, ask_descriptors, sv_of(p->id), gcp_decode_descriptors };
    struct items items = { .arena = r->arena };
    enum err_code code = gcp_list(r, &listing, sv_of(p->id), &items, e);

    pthread_mutex_lock(&r->s->lock);
    for (size_t i = 0; code == ERR_OK && i < items.n; i++)
        note_descriptor(p, ITEM(&items, struct gcp_descriptor_item, i));
    p->discovered = p->discovered || code == ERR_OK;
    pthread_mutex_unlock(&r->s->lock);
    return code;
}

static enum err_code read_policy(struct gcp_reader *r, sv resource, sv project, struct gcp_audit_policy *policy,
                                 struct err *e)
{
    json root = { 0 };
    enum err_code code;

    gcp_reader_clear(r);
    gcp_path_iam_policy(&r->path, resource);
    gcp_body_iam_policy(&r->body);
    code = gcp_ask(r, GCP_API_IAM_POLICY, project, &root, e);
    return code ? code : gcp_decode_audit_policy(root, policy, e);
}

enum err_code gcp_read_audit_policy(struct gcp_reader *r, const struct gcp_project *p, struct gcp_audit_policy *policy,
                                    bool *whole, struct err *e)
{
    sv own = arena_printf(r->arena, "projects/%s", p->id), above[GCP_ABOVE_MAX];
    struct owner_tags tags;
    size_t n;
    enum err_code code;

    *policy = (struct gcp_audit_policy){ .exempted = 0 };
    *whole = false;
    if (!own.at || !gcp_project_about(r->s, p, r->arena, &tags, above, &n))
        return err_set(e, ERR_LIMIT, "no room for the policies");
    code = read_policy(r, own, sv_of(p->id), policy, e);
    *whole = code == ERR_OK && n > 0 && sv_starts(above[n - 1], SV("organizations/"));
    for (size_t i = 0; code == ERR_OK && i < n; i++) {
        enum err_code up = read_policy(r, above[i], sv_of(p->id), policy, e);

        *whole = *whole && up == ERR_OK;
        code = gcp_is_refusal(up) ? ERR_OK : up;
    }
    return code;
}

static struct gcp_context context_of(const struct gcp_source *s, const struct gcp_project *p, const struct window *w)
{
    return (struct gcp_context){
        .source = s->env.id, .project = sv_of(p->id), .observed_unix_nano = w->read_at_unix_nano, .env = &s->env
    };
}

/* *off: it is known that no call is logged. */
static enum err_code emit_logging(struct gcp_reader *r, struct gcp_project *p, const struct window *w,
                                  struct frame *out, bool *off, struct err *e)
{
    const struct gcp_context c = context_of(r->s, p, w);
    int64_t span = r->s->cfg->discovery_interval_ms * NANO_PER_MS, start = clock_floor(w->read_at_unix_nano, span);
    struct gcp_audit_policy policy;
    bool whole;
    enum err_code code = gcp_read_audit_policy(r, p, &policy, &whole, e);

    if (gcp_is_refusal(code)) {
        log_debug("gcp", "project=%s whether calls are logged is not known: %s", p->id, e ? e->text : "");
        return ERR_OK;
    }
    if (code || (!policy.data_read && !whole))
        return code;
    *off = !policy.data_read;
    return gcp_emit_logging(policy.data_read, &c, start, start + span, out, e);
}

static enum err_code emit_uses(struct gcp_reader *r, struct gcp_project *p, const struct window *w, struct frame *out,
                               struct err *e)
{
    const struct gcp_context c = context_of(r->s, p, w);
    sv above[GCP_ABOVE_MAX];
    struct owner_tags tags;
    size_t n, n_above;
    struct gcp_use *uses = gcp_project_uses(r->s, p, r->arena, &n);

    if (!uses || !gcp_project_about(r->s, p, r->arena, &tags, above, &n_above))
        return err_set(e, ERR_LIMIT, "no room for the models");
    return gcp_emit_uses(uses, n, &tags, &c, out, e);
}

/* Whether calls are read from logs, for each place of which the frame has an inventory: journalled, and published. */
static enum err_code choose_logs(const struct gcp_source *s, bool off, const struct window *w, struct frame *out,
                                 struct err *e)
{
    const char *choice = s->cfg->logs.enabled && !off ? "logs" : "none";
    int64_t next = clock_floor(w->read_at_unix_nano, NANO_PER_MIN) + NANO_PER_MIN;

    for (size_t i = 0, n = out->n_epochs; i < n; i++)
        if (out->epochs[i].kind == EPOCH_INVENTORY &&
            !source_choose(&s->env, out, "logs", out->epochs[i].subject, choice, next))
            return err_set(e, ERR_LIMIT, "no room for epochs");
    return ERR_OK;
}

enum err_code gcp_poll_inventory(struct gcp_reader *r, struct gcp_project *p, const struct source_job *job,
                                 struct window *w, struct frame *out, struct err *e)
{
    enum err_code code = read_descriptors(r, p, e);
    bool off = false;

    (void)job;
    if (code == ERR_OK && r->s->cfg->projects.n) {
        code = describe(r, p, e);
        code = gcp_is_refusal(code) ? ERR_OK : code;
    }
    code = code ? code : emit_logging(r, p, w, out, &off, e);
    code = code ? code : emit_uses(r, p, w, out, e);
    return code ? code : choose_logs(r->s, off, w, out, e);
}

/* ---- Quotas ---- */

enum err_code gcp_poll_capacity(struct gcp_reader *r, struct gcp_project *p, const struct source_job *job,
                                struct window *w, struct frame *out, struct err *e)
{
    struct gcp_context c = context_of(r->s, p, w);
    int64_t to = clock_floor(w->read_at_unix_nano, NANO_PER_MIN);
    enum err_code code = ERR_OK;

    (void)job;
    c.level_nano = r->s->cfg->capacity_interval_ms * NANO_PER_MS;
    for (size_t i = 0; code == ERR_OK && i < n_gcp_quotas; i++) {
        struct gcp_query q = { .project = sv_of(p->id),
                               .type = arena_printf(r->arena, "quota/%s/limit", gcp_quotas[i].name),
                               .from_unix_nano = to - LIMITS_BACK_MINUTES * NANO_PER_MIN,
                               .to_unix_nano = to,
                               .page = SV_NONE };
        struct gcp_answer a;
        bool active;

        pthread_mutex_lock(&r->s->lock);
        active = p->limit[i];
        pthread_mutex_unlock(&r->s->lock);
        if (!active)
            continue;
        gcp_answer_init(&a, &c);
        code = q.type.at ? gcp_read_series(r, &q, &a, out, e) : err_set(e, ERR_LIMIT, "no room for the quotas");
        gcp_answer_done(&a);
    }
    return code;
}
