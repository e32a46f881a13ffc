/*
 * Discovery, in three steps that fail apart: which accounts there are (one job), in which regions an account uses Bedrock
 * (one job an account), and what there is in one of them (one job a place).
 *
 * Only accounts that are active are read. A region becomes active when it lists metrics, and stays so; the others are
 * probed again every six hours, since each probe costs two calls. A new region is read back to the start of counting,
 * for its coverage is one hole.
 *
 * Series of a place are those that CloudWatch lists as recently active, of our levels, of models of wanted publishers:
 * each other one would be paid for at every poll. What is refused for good (tags, logging, profiles) stays unknown and
 * hinders nothing; only ListMetrics is needed.
 */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/log.h"
#include "collector/ledger/ledger.h"
#include "collector/sources/aws/aws_error.h"
#include "collector/sources/aws/aws_state.h"
#include "collector/sources/jobs.h"

enum { UNITS_MAX = 2000, PROBE_AGAIN_H = 6, TAGS_AGAIN_H = 6, RECENT_H = 3 };

/* Will not be otherwise in a minute. */
static bool lasting(enum err_code code)
{
    return code == ERR_DENIED || code == ERR_GONE || code == ERR_REFUSED;
}

/* ---- accounts ---- */

static void ask_children(struct aws_reader *r, sv what, sv next)
{
    aws_body_list_accounts(&r->body, what, next);
}

/* Accounts and units directly below one parent; units are appended to be walked in their turn. */
static enum err_code read_parent(struct aws_reader *r, sv own, sv parent, struct items *accounts, struct items *units,
                                 struct err *e)
{
    const struct aws_pages listing = { ask_children, aws_decode_accounts, parent };
    const struct aws_pages below = { ask_children, aws_decode_units, parent };
    enum err_code code = aws_pages(r, AWS_API_LIST_ACCOUNTS, own, SV("us-east-1"), &listing, accounts, e);

    return code ? code : aws_pages(r, AWS_API_LIST_UNITS, own, SV("us-east-1"), &below, units, e);
}

/* All accounts below the configured unit, nested units included. */
static enum err_code read_organization(struct aws_reader *r, sv own, sv unit, struct items *accounts, struct err *e)
{
    struct items units = { .arena = r->arena };
    sv *first = item_add(&units, sizeof *first);

    if (!first)
        return err_set(e, ERR_LIMIT, "no room for the organization");
    *first = unit;
    for (size_t i = 0; i < units.n; i++) {
        sv parent = *ITEM(&units, sv, i);
        enum err_code code = read_parent(r, own, parent, accounts, &units, e);

        if (code)
            return err_wrap(e, "%.*s", SV_ARG(parent));
        if (units.n > UNITS_MAX)
            return err_set(e, ERR_LIMIT, "more than %d organizational units", UNITS_MAX);
    }
    return ERR_OK;
}

static bool add_account(struct items *accounts, sv id)
{
    struct aws_account_item *a = item_add(accounts, sizeof *a);

    if (a)
        *a = (struct aws_account_item){ id, SV_NONE };
    return a != NULL;
}

static enum err_code publish_accounts(struct aws_source *s, const struct items *accounts, struct err *e)
{
    for (size_t i = 0; i < accounts->n; i++)
        if (!aws_account(s, ITEM(accounts, struct aws_account_item, i)->id))
            return err_set(e, ERR_LIMIT, "more than %d accounts", AWS_ACCOUNTS_MAX);
    pthread_mutex_lock(&s->lock);
    for (struct aws_account *a = s->accounts; a; a = a->next) {
        bool found = false;

        for (size_t i = 0; i < accounts->n && !found; i++)
            found = sv_eq(sv_of(a->id), ITEM(accounts, struct aws_account_item, i)->id);
        listed_again(&a->listed, &a->missed, found);
    }
    s->listed = true;
    pthread_mutex_unlock(&s->lock);
    return ERR_OK;
}

enum err_code aws_poll_accounts(struct aws_reader *r, struct err *e)
{
    const struct aws_accounts_config *c = &r->s->cfg->accounts;
    struct items accounts = { .arena = r->arena };
    struct aws_caller own;
    enum err_code code = aws_auth_account(r->s->auth, &own, e);
    bool ok = true;

    if (code == ERR_OK && c->organization_unit)
        code = read_organization(r, own.account, sv_of(c->organization_unit), &accounts, e);
    if (code && r->response.status && aws_said(r, "AWSOrganizationsNotInUseException")) {
        log_warn("aws", "source=%.*s our account is in no organization: it is read alone", SV_ARG(r->s->env.id));
        code = ERR_OK;
    }
    if (code)
        return code;
    for (size_t i = 0; i < c->ids.n; i++)
        ok = ok && add_account(&accounts, sv_of(c->ids.at[i]));
    if (accounts.n == 0)
        ok = ok && add_account(&accounts, own.account);
    return ok ? publish_accounts(r->s, &accounts, e) : err_set(e, ERR_LIMIT, "no room for the accounts");
}

/* ---- regions ---- */

static void ask_regions(struct aws_reader *r, sv what, sv next)
{
    (void)what;
    buf_put(&r->path, SV("/listRegions"));
    aws_body_list_regions(&r->body, next);
}

bool aws_finds_regions(const struct aws_config *c)
{
    return c->regions.n == 0 || (c->regions.n == 1 && sv_eq(sv_of(c->regions.at[0]), SV("auto")));
}

enum err_code aws_read_regions(struct aws_reader *r, sv account, struct items *regions, struct err *e)
{
    static const struct aws_pages listing = { ask_regions, aws_decode_regions, SVT("") };
    const struct aws_config *c = r->s->cfg;
    enum err_code code;

    for (size_t i = 0; !aws_finds_regions(c) && i < c->regions.n; i++) {
        sv *name = item_add(regions, sizeof *name);

        if (!name)
            return err_set(e, ERR_LIMIT, "no room for the regions");
        *name = sv_of(c->regions.at[i]);
    }
    if (!aws_finds_regions(c))
        return ERR_OK;
    code = aws_pages(r, AWS_API_LIST_REGIONS, account, SV("us-east-1"), &listing, regions, e);
    return code == ERR_DENIED ? err_wrap(e, "or list them in aws.regions") : code;
}

static void ask_metrics(struct aws_reader *r, sv what, sv next)
{
    aws_body_list_metrics(&r->body, what, true, next);
}

static void ask_all_metrics(struct aws_reader *r, sv what, sv next)
{
    aws_body_list_metrics(&r->body, what, false, next);
}

static bool wanted(const struct aws_source *s, const struct aws_profiles *profiles, const struct aws_series *series,
                   struct arena *a)
{
    struct aws_name name = aws_series_name(series);
    struct aws_model model;

    return aws_model_of(name.platform == PLATFORM_BEDROCK ? profiles : NULL, name.model_id, a, &model, NULL) ==
               ERR_OK &&
           source_wants_publisher(&s->env, model.publisher);
}

/* The scope of the place's jobs. */
static sv scope_of(const struct aws_place *p, struct arena *a)
{
    return arena_printf(a, "account:%s/%s", p->account, p->region);
}

/* Whether the first page of a namespace shows anything that we would read; one that is cut off may. */
static enum err_code probe(struct aws_reader *r, const struct aws_place *p, sv ns, bool *found, struct err *e)
{
    struct items items = { .arena = r->arena };
    sv next = SV_NONE;
    json root = { 0 };
    enum err_code code;

    buf_clear(&r->body);
    aws_body_list_metrics(&r->body, ns, true, SV_NONE);
    code = aws_ask(r, AWS_API_LIST_METRICS, sv_of(p->account), sv_of(p->region), 0, &root, e);
    code = code ? code : aws_decode_list_metrics(root, &items, &next, e);
    *found = code == ERR_OK && next.len > 0;
    for (size_t i = 0; code == ERR_OK && i < items.n && !*found; i++)
        *found = wanted(r->s, NULL, ITEM(&items, struct aws_series, i), r->arena);
    return code;
}

/* Absent is no error: a region without Bedrock or closed to us refuses, or has no such host. */
static enum err_code probe_place(struct aws_reader *r, struct aws_place *p, struct err *e)
{
    bool found = false;
    enum err_code code = ERR_OK;

    for (int n = 0; n < AWS_NAMESPACES && code == ERR_OK && !found; n++)
        code = probe(r, p, sv_of(aws_namespaces[n]), &found, e);
    pthread_mutex_lock(&r->s->lock);
    p->active = p->active || found;
    /* Only this job reads it. What may pass is tried again by the next discovery. */
    p->probe_mono = code == ERR_OK || lasting(code) ? clock_mono() + PROBE_AGAIN_H * NANO_PER_H : 0;
    pthread_mutex_unlock(&r->s->lock);
    if (code)
        log_debug("aws", "account=%s region=%s is not read: %s", p->account, p->region, e->text);
    return code;
}

static void retire_places(struct aws_source *s, const struct aws_account *a, const struct items *regions)
{
    pthread_mutex_lock(&s->lock);
    for (struct aws_place *p = s->places; p; p = p->next) {
        bool found = false;

        if (!sv_eq(sv_of(p->account), sv_of(a->id)))
            continue;
        for (size_t i = 0; i < regions->n && !found; i++)
            found = sv_eq(sv_of(p->region), *ITEM(regions, sv, i));
        listed_again(&p->listed, &p->missed, found);
    }
    pthread_mutex_unlock(&s->lock);
}

/* A place that was read before a restart is one, though it rests now: what it did in between is still to be read. */
static bool was_read(struct aws_reader *r, struct aws_place *p)
{
    struct aws_source *s = r->s;
    sv scope = scope_of(p, r->arena);
    int64_t until;
    bool read =
        scope.at && s->env.ledger && ledger_complete_until(s->env.ledger, s->env.id, scope, SV("metrics"), &until);

    pthread_mutex_lock(&s->lock);
    p->active = p->active || read;
    pthread_mutex_unlock(&s->lock);
    return read;
}

/* Regions that are named in the configuration are read without a probe. */
static enum err_code find_places(struct aws_reader *r, const struct aws_account *a, const struct items *regions,
                                 struct err *e)
{
    enum err_code refusal = ERR_OK;
    size_t refused = 0;

    for (size_t i = 0; i < regions->n && i < AWS_REGIONS_MAX; i++) {
        struct aws_place *p = aws_place(r->s, sv_of(a->id), *ITEM(regions, sv, i));
        enum err_code code;

        if (!p)
            return err_set(e, ERR_LIMIT, "more than %d accounts and regions", AWS_PLACES_MAX);
        if (!aws_finds_regions(r->s->cfg)) {
            p->active = true;
            continue;
        }
        if (p->active || was_read(r, p) || (p->probe_mono && clock_mono() < p->probe_mono))
            continue;
        code = probe_place(r, p, e);
        /* Nobody was asked: there are no credentials. A region's own refusal is that region's. */
        if (code == ERR_CANCELLED || ((code == ERR_AUTH || code == ERR_CONFIG) && r->response.status == 0))
            return code;
        refused += code != ERR_OK;
        refusal = code ? code : refusal;
    }
    /* When every region refuses, it is not the regions. */
    return refused && refused == regions->n ? refusal : ERR_OK;
}

enum err_code aws_poll_regions(struct aws_reader *r, struct aws_account *a, struct err *e)
{
    struct items regions = { .arena = r->arena };
    enum err_code code = aws_read_regions(r, sv_of(a->id), &regions, e);

    if (code == ERR_OK) {
        code = find_places(r, a, &regions, e);
        retire_places(r->s, a, &regions);
    }
    pthread_mutex_lock(&r->s->lock);
    a->searched = true;
    pthread_mutex_unlock(&r->s->lock);
    return code;
}

/* ---- one place ---- */

struct discovery {
    struct aws_reader *r;
    struct aws_place *p;
    struct aws_finding *old, *f; /* old: NULL at first */
    struct items profiles;
    int64_t now;
};

static enum err_code ask(struct discovery *d, enum aws_api api, json *root, struct err *e)
{
    return aws_ask(d->r, api, sv_of(d->p->account), sv_of(d->p->region), 0, root, e);
}

/* What is not allowed stays unknown. */
static enum err_code forgive(const struct discovery *d, enum err_code code, const char *what, struct err *e)
{
    if (!lasting(code))
        return code;
    log_warn("aws", "source=%.*s account=%s region=%s %s not known: %s", SV_ARG(d->r->s->env.id), d->p->account,
             d->p->region, what, e->text);
    return ERR_OK;
}

static void ask_profiles(struct aws_reader *r, sv what, sv next)
{
    (void)what;
    aws_path_profiles(&r->path, "APPLICATION", next);
}

static const struct aws_profile *profile_find(const struct aws_profiles *p, sv id)
{
    for (size_t i = 0; i < p->n; i++)
        if (sv_eq(p->at[i].id, id))
            return &p->at[i];
    return NULL;
}

static bool keep_tags(struct arena *a, struct owner_tags *to, const struct owner_tags *from)
{
    *to = (struct owner_tags){ arena_copy(a, from->team), arena_copy(a, from->owner), arena_copy(a, from->cost_center),
                               arena_copy(a, from->env) };
    return to->team.at && to->owner.at && to->cost_center.at && to->env.at;
}

static enum err_code read_tags(struct discovery *d, struct aws_profile *profile, struct err *e)
{
    const struct aws_profile *known = d->old ? profile_find(&d->old->profiles, profile->id) : NULL;
    json root = { 0 };
    enum err_code code;

    if (known && d->f->tags_until_mono == d->old->tags_until_mono)
        return keep_tags(&d->f->arena, &profile->tags, &known->tags) ? ERR_OK
                                                                     : err_set(e, ERR_LIMIT, "no room for tags");
    buf_clear(&d->r->body);
    buf_clear(&d->r->path);
    buf_put(&d->r->path, SV("/listTagsForResource"));
    aws_body_list_tags(&d->r->body, profile->arn);
    code = ask(d, AWS_API_LIST_TAGS, &root, e);
    code = code ? code : aws_decode_tags(root, &d->f->arena, &profile->tags, e);
    return forgive(d, code, "tags are", e);
}

static enum err_code read_profiles(struct discovery *d, struct err *e)
{
    static const struct aws_pages listing = { ask_profiles, aws_decode_profiles, SVT("") };
    enum err_code code =
        aws_pages(d->r, AWS_API_LIST_PROFILES, sv_of(d->p->account), sv_of(d->p->region), &listing, &d->profiles, e);

    code = forgive(d, code, "application profiles are", e);
    for (size_t i = 0; i < d->profiles.n && code == ERR_OK; i++)
        code = read_tags(d, ITEM(&d->profiles, struct aws_profile, i), e);
    d->f->profiles = (struct aws_profiles){ d->profiles.at, d->profiles.n };
    return code;
}

/* An id that the list does not hold: of another region's or account's profile, or younger than the list. */
static enum err_code read_profile(struct discovery *d, sv model_id, struct err *e)
{
    json root = { 0 };
    enum err_code code;

    buf_clear(&d->r->body);
    buf_clear(&d->r->path);
    aws_path_profile(&d->r->path, model_id);
    code = ask(d, AWS_API_GET_PROFILE, &root, e);
    code = code ? code : aws_decode_profile(root, &d->profiles, e);
    d->f->profiles = (struct aws_profiles){ d->profiles.at, d->profiles.n };
    return code == ERR_PARSE ? ERR_OK : forgive(d, code, "an application profile is", e);
}

static enum err_code read_missing_profile(struct discovery *d, const struct aws_series *s, struct err *e)
{
    struct aws_name name = aws_series_name(s);
    struct aws_model model;
    enum err_code code;

    if (name.platform != PLATFORM_BEDROCK)
        return ERR_OK;
    code = aws_model_of(&d->f->profiles, name.model_id, d->r->arena, &model, e);
    if (code || !model.opaque || profile_find(&d->f->profiles, model.deployment))
        return code;
    return read_profile(d, name.model_id, e);
}

static int by_hash(const void *a, const void *b)
{
    const struct aws_series *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Only series of wanted publishers stay, each once. */
static enum err_code keep_wanted(const struct aws_reader *r, const struct aws_profiles *profiles, struct items *all,
                                 struct err *e)
{
    struct aws_series *at = all->at;
    size_t kept = 0;

    for (size_t i = 0; i < all->n; i++)
        if (wanted(r->s, profiles, &at[i], r->arena))
            at[kept++] = at[i];
    if (kept)
        qsort(at, kept, sizeof *at, by_hash);
    all->n = 0;
    for (size_t i = 0; i < kept; i++)
        if (i == 0 || at[i].hash != at[i - 1].hash)
            at[all->n++] = at[i];
    return r->arena->failed ? err_set(e, ERR_LIMIT, "no room for the series") : ERR_OK;
}

/* Of both planes: those of the last three hours, or of the two weeks that CloudWatch lists. */
static enum err_code list_series(struct aws_reader *r, const struct aws_place *p, bool recent, struct items *out,
                                 struct err *e)
{
    for (int n = 0; n < AWS_NAMESPACES; n++) {
        const struct aws_pages listing = { recent ? ask_metrics : ask_all_metrics, aws_decode_list_metrics,
                                           sv_of(aws_namespaces[n]) };
        enum err_code code = aws_pages(r, AWS_API_LIST_METRICS, sv_of(p->account), sv_of(p->region), &listing, out, e);

        if (code)
            return err_wrap(e, "%s", aws_namespaces[n]);
    }
    return ERR_OK;
}

enum err_code aws_list_series(struct aws_reader *r, const struct aws_place *p, const struct aws_profiles *profiles,
                              struct items *out, struct err *e)
{
    enum err_code code = list_series(r, p, false, out, e);

    return code ? code : keep_wanted(r, profiles, out, e);
}

static enum err_code choose_series(struct discovery *d, struct items *all, struct err *e)
{
    struct aws_series *at = all->at;
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < all->n; i++)
        code = read_missing_profile(d, &at[i], e);
    code = code ? code : keep_wanted(d->r, &d->f->profiles, all, e);
    d->f->series = at;
    d->f->n_series = all->n;
    return code;
}

/* Whether a series may have been active in minutes that are still to be read, and rest since: after an outage that is
 * longer than "recently", of ours or of the listing alone. */
static bool is_behind(const struct discovery *d)
{
    const struct source_env *env = &d->r->s->env;
    int64_t recent = d->now - RECENT_H * NANO_PER_H, kept = d->now - AWS_METRICS_DAYS * 24 * NANO_PER_H;
    int64_t began = env->ledger ? ledger_count_from(env->ledger, env->id) : 0;
    sv scope = scope_of(d->p, d->r->arena);
    struct window hole;

    if (d->old && d->old->listed_unix_nano < recent)
        return true;
    return began && began < recent && scope.at &&
           ledger_first_unsettled(env->ledger, env->id, scope, SV("metrics"), began > kept ? began : kept, recent,
                                  &hole);
}

static enum err_code read_series(struct discovery *d, struct err *e)
{
    struct items all = { .arena = &d->f->arena };
    enum err_code code = list_series(d->r, d->p, !is_behind(d), &all, e);

    return code ? code : choose_series(d, &all, e);
}

static enum err_code read_logging(struct discovery *d, struct err *e)
{
    json root = { 0 };
    enum err_code code;

    buf_clear(&d->r->body);
    buf_clear(&d->r->path);
    buf_put(&d->r->path, SV("/logging/modelinvocations"));
    code = ask(d, AWS_API_LOGGING, &root, e);
    code = code ? code : aws_decode_logging(root, &d->f->arena, &d->f->logging, e);
    return forgive(d, code, "whether calls are logged is", e);
}

static bool has_name(const struct items *names, const struct aws_name *n)
{
    for (size_t i = 0; i < names->n; i++) {
        const struct aws_name *x = ITEM(names, struct aws_name, i);

        if (x->platform == n->platform && sv_eq(x->model_id, n->model_id) && sv_eq(x->project, n->project))
            return true;
    }
    return false;
}

static bool add_name(struct arena *a, struct items *names, struct aws_name n)
{
    struct aws_name *to;

    if (has_name(names, &n))
        return true;
    n.project = arena_copy(a, n.project);
    n.model_id = arena_copy(a, n.model_id);
    to = n.project.at && n.model_id.at ? item_add(names, sizeof *to) : NULL;
    if (to)
        *to = n;
    return to != NULL;
}

/* Names that were met before stay: a deployment that rests for three hours is still one. */
static enum err_code collect_names(struct discovery *d, struct err *e)
{
    struct items names = { .arena = &d->f->arena };
    bool ok = true;

    for (size_t i = 0; i < d->f->n_series && ok; i++)
        ok = add_name(&d->f->arena, &names, aws_series_name(&d->f->series[i]));
    for (size_t i = 0; d->old && i < d->old->n_names && ok; i++)
        ok = add_name(&d->f->arena, &names, d->old->names[i]);
    d->f->names = names.at;
    d->f->n_names = names.n;
    return ok ? ERR_OK : err_set(e, ERR_LIMIT, "no room for names");
}

/* ---- choices: journalled when they change, and published ---- */

static enum err_code emit_choice(struct discovery *d, struct frame *out, enum platform platform, sv project,
                                 const char *fact, const char *choice, struct err *e)
{
    struct aws_origin o = { platform, sv_of(d->p->account), sv_of(d->p->region), project };
    sv id = aws_resource_id(out->arena, &o);
    int64_t next = clock_floor(d->now, NANO_PER_MIN) + NANO_PER_MIN;

    return id.at && source_choose(&d->r->s->env, out, fact, id, choice, next)
               ? ERR_OK
               : err_set(e, ERR_LIMIT, "no room for epochs");
}

/* Whether logs of the runtime plane are read: a configured group needs no permission to look. */
static const char *reads_calls(const struct discovery *d)
{
    const struct aws_logs_config *c = &d->r->s->cfg->logs;
    bool named = c->group && !sv_eq(sv_of(c->group), SV("auto"));

    return c->enabled && (named || d->f->logging.log_group.len) ? "logs" : "none";
}

/* How Invocations is read, and which planes' calls are read from logs. */
static enum err_code emit_choices(struct discovery *d, struct frame *out, struct err *e)
{
    const struct aws_config *c = d->r->s->cfg;
    const char *trail = c->logs.enabled && c->logs.trail_group && c->logs.trail_group[0] ? "logs" : "none";
    enum err_code code =
        emit_choice(d, out, PLATFORM_BEDROCK, SV_NONE, "invocations", aws_invocations_names[c->metrics.invocations], e);

    if (code == ERR_OK)
        code = emit_choice(d, out, PLATFORM_BEDROCK, SV_NONE, "logs", reads_calls(d), e);
    for (size_t i = 0; i < d->f->n_names && code == ERR_OK; i++)
        if (d->f->names[i].platform == PLATFORM_BEDROCK_MANTLE)
            code = emit_choice(d, out, PLATFORM_BEDROCK_MANTLE, d->f->names[i].project, "logs", trail, e);
    return code;
}

static enum err_code emit(struct discovery *d, struct frame *out, struct err *e)
{
    struct aws_source *s = d->r->s;
    int64_t start = clock_floor(d->now, s->cfg->discovery_interval_ms * NANO_PER_MS);
    struct aws_metric_context c = { .source = s->env.id,
                                    .account = sv_of(d->p->account),
                                    .region = sv_of(d->p->region),
                                    .observed_unix_nano = d->now,
                                    .profiles = &d->f->profiles };
    enum err_code code = aws_emit_names(d->f->names, d->f->n_names, &c, out, e);

    code =
        code ? code
             : aws_emit_logging(&d->f->logging, &c, start, start + s->cfg->discovery_interval_ms * NANO_PER_MS, out, e);
    return code ? code : emit_choices(d, out, e);
}

static enum err_code discover(struct discovery *d, struct frame *out, struct err *e)
{
    bool fresh = d->old && clock_mono() < d->old->tags_until_mono;
    enum err_code code;

    d->profiles.arena = &d->f->arena;
    d->f->tags_until_mono = fresh ? d->old->tags_until_mono : clock_mono() + TAGS_AGAIN_H * NANO_PER_H;
    code = read_profiles(d, e);
    code = code ? code : read_series(d, e);
    code = code ? code : read_logging(d, e);
    code = code ? code : collect_names(d, e);
    return code ? code : emit(d, out, e);
}

enum err_code aws_poll_inventory(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                 struct err *e)
{
    struct discovery d = { .r = r, .p = p, .old = aws_finding_hold(r->s, p), .f = aws_finding_new() };
    enum err_code code;

    w->read_at_unix_nano = d.now = source_server_now(&r->s->env);
    code = d.f ? discover(&d, out, e) : err_set(e, ERR_LIMIT, "out of memory");
    if (code) {
        aws_finding_drop(d.f);
    } else {
        d.f->listed_unix_nano = d.now;
        d.f->before_unix_nano = d.old ? d.old->listed_unix_nano : 0;
        aws_finding_publish(r->s, p, d.f);
    }
    aws_finding_drop(d.old);
    return code;
}

/* ---- quotas ---- */

static void ask_quotas(struct aws_reader *r, sv what, sv next)
{
    (void)what;
    aws_body_list_quotas(&r->body, next);
}

enum err_code aws_poll_capacity(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                struct err *e)
{
    static const struct aws_pages listing = { ask_quotas, aws_decode_quotas, SVT("") };
    struct items items = { .arena = r->arena };
    int64_t span = r->s->cfg->capacity_interval_ms * NANO_PER_MS, start;
    struct aws_metric_context c = { .source = r->s->env.id, .account = sv_of(p->account), .region = sv_of(p->region) };
    enum err_code code;

    w->read_at_unix_nano = c.observed_unix_nano = source_server_now(&r->s->env);
    start = clock_floor(w->read_at_unix_nano, span);
    code = aws_pages(r, AWS_API_LIST_QUOTAS, c.account, c.region, &listing, &items, e);
    return code ? code : aws_emit_quotas(items.at, items.n, &c, start, start + span, out, e);
}
