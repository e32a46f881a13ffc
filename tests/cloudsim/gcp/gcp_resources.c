/*
 * Resource Manager v3 (discovery.md 3.1 and 3.3): projects and folders of the organization, and who has audit logs on.
 *
 * Search finds what the caller may see at any depth, in no order; lists go one level down and leave deleted projects out
 * unless asked. Pages are short though more follow, and now and then empty. A level's policy does not tell what a level
 * above it says. The sandbox folder and what is in it are closed to the collector.
 */
#include <inttypes.h>
#include <stdio.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/gcp/gcp_api.h"

enum { PAGE = 2, PAGE_MAX = 1000, CLOSED_FOLDER = 2 };

/* ---- pages ---- */

struct page {
    uint64_t at; /* items passed */
    unsigned number, size;
};

static uint64_t request_hash(const struct exchange *x)
{
    return hash_u64(hash64(query_of(x, "query")), hash_u64(hash64(query_of(x, "parent")), hash64(x->q->path)));
}

static sv token_of(struct exchange *x, uint64_t at, unsigned number)
{
    sv text = arena_printf(&x->arena, "%06" PRIu64 ".%06u.%016" PRIx64, at, number, request_hash(x));

    return base64url_text(&x->arena, text);
}

static bool page_read(struct exchange *x, struct page *p)
{
    sv token = query_of(x, "pageToken"), text = base64_bytes(&x->arena, token);
    int64_t size = PAGE;
    uint64_t number = 0;

    *p = (struct page){ .at = 0 };
    if (query_of(x, "pageSize").len && (!sv_to_i64(query_of(x, "pageSize"), &size) || size < 0)) {
        gcp_refuse(x, "INVALID_ARGUMENT", "page_size", "page_size must not be negative");
        return false;
    }
    p->size = size < 1 || size > PAGE ? PAGE : (unsigned)size;
    if (!token.len)
        return true;
    if (sv_to_u64(sv_first(text, 6), &p->at) && sv_to_u64(sv_first(sv_skip(text, 7), 6), &number) &&
        sv_eq(token, token_of(x, p->at, (unsigned)number))) {
        p->number = (unsigned)number;
        return true;
    }
    gcp_refuse(x, "INVALID_ARGUMENT", "page_token", "The page token is not valid.");
    return false;
}

/* The second page of a longer listing holds nothing and goes on. */
static bool page_empty(const struct page *p)
{
    return p->number == 1;
}

static void page_end(struct exchange *x, struct buf *b, const struct page *p, uint64_t next, uint64_t n)
{
    if (next < n) {
        buf_put(b, SV(",\"nextPageToken\":\""));
        buf_put(b, token_of(x, next, p->number + 1));
        buf_putc(b, '"');
    }
    buf_put(b, SV("}\n"));
}

/* ---- projects ---- */

static sv parent_of(const struct gcp_world *w, const struct gcp_project *p)
{
    return w->folders[p->folder].id;
}

static const char *state_of(const struct gcp_project *p)
{
    return p->kind == GCP_DELETED ? "DELETE_REQUESTED" : "ACTIVE";
}

struct label {
    const char *key;
    sv value;
};
enum { LABELS = 4 };

static void labels_of(const struct gcp_project *p, struct label out[LABELS])
{
    out[0] = (struct label){ "team", p->team };
    out[1] = (struct label){ "owner", p->owner };
    out[2] = (struct label){ "cost_center", p->cost_center };
    out[3] = (struct label){ "env", p->env };
}

static void put_labels(struct buf *b, const struct gcp_project *p)
{
    struct label labels[LABELS];
    bool any = false;

    labels_of(p, labels);
    for (unsigned i = 0; i < LABELS; i++) {
        if (!labels[i].value.len)
            continue;
        buf_put(b, any ? SV(",") : SV(",\"labels\":{"));
        put_member(b, labels[i].key, labels[i].value);
        any = true;
    }
    if (any)
        buf_putc(b, '}');
}

static void put_project(const struct gcp_world *w, struct buf *b, const struct gcp_project *p)
{
    buf_printf(b, "{\"name\":\"projects/%.*s\",\"parent\":\"%.*s\",", SV_ARG(p->number), SV_ARG(parent_of(w, p)));
    put_member(b, "projectId", p->id);
    buf_printf(b, ",\"state\":\"%s\",", state_of(p));
    put_member(b, "displayName", p->name);
    buf_put(b, SV(",\"createTime\":\"2025-03-04T08:15:30.123456Z\",\"updateTime\":\"2026-02-03T10:00:00.5Z\""));
    if (p->kind == GCP_DELETED)
        buf_put(b, SV(",\"deleteTime\":\"2026-11-20T09:00:00Z\""));
    buf_printf(b, ",\"etag\":\"W/\\\"%016" PRIx64 "\\\"\"", p->stream);
    put_labels(b, p);
    buf_putc(b, '}');
}

static void put_projects(struct exchange *x, const struct page *p, const struct gcp_project **found, uint64_t n)
{
    uint64_t last = page_empty(p) ? p->at : p->at + p->size;
    struct buf *b = gcp_reply(x);

    if (last > n)
        last = n;
    if (n == 0) {
        buf_put(b, SV("{}\n"));
        return;
    }
    buf_put(b, SV("{\"projects\":["));
    for (uint64_t i = p->at; i < last; i++) {
        if (i > p->at)
            buf_putc(b, ',');
        put_project(&gcp_of(x->sim)->world, b, found[i]);
    }
    buf_putc(b, ']');
    page_end(x, b, p, last, n);
}

/* ---- search ---- */

/* `want` may end or begin with an asterisk; case does not count. */
static bool value_matches(sv want, sv got)
{
    if (want.len > 1 && want.at[0] == '"' && want.at[want.len - 1] == '"')
        want = sv_make(want.at + 1, want.len - 2);
    if (sv_eq(want, SV("*")))
        return got.len > 0;
    if (sv_ends(want, SV("*")))
        return sv_starts_nocase(got, sv_first(want, want.len - 1));
    return sv_eq_nocase(want, got);
}

static bool label_matches(const struct gcp_project *p, sv key, sv want)
{
    struct label labels[LABELS];

    labels_of(p, labels);
    for (unsigned i = 0; i < LABELS; i++)
        if (labels[i].value.len && sv_eq(sv_of(labels[i].key), key))
            return value_matches(want, labels[i].value);
    return false;
}

/* False in *known: there is no such field. */
static bool term_matches(const struct gcp_world *w, const struct gcp_project *p, sv field, sv want, bool *known)
{
    sv parent = parent_of(w, p), type = sv_cut(&parent, '/');

    *known = true;
    if (sv_eq(field, SV("parent")))
        return value_matches(want, parent_of(w, p));
    if (sv_eq(field, SV("parent.type")))
        return value_matches(want, sv_first(type, type.len - 1));
    if (sv_eq(field, SV("parent.id")))
        return value_matches(want, parent);
    if (sv_eq(field, SV("id")) || sv_eq(field, SV("projectId")))
        return value_matches(want, p->id);
    if (sv_eq(field, SV("state")) || sv_eq(field, SV("lifecycleState")))
        return value_matches(want, sv_of(state_of(p)));
    if (sv_eq(field, SV("name")) || sv_eq(field, SV("displayName")))
        return value_matches(want, p->name);
    if (sv_starts(field, SV("labels.")))
        return label_matches(p, sv_skip(field, 7), want);
    if (sv_eq(field, SV("labels")))
        return label_matches(p, want, SV("*"));
    *known = false;
    return false;
}

/* Several fields are ORed. False: the query is no query. */
static bool query_matches(const struct gcp_world *w, const struct gcp_project *p, sv query, bool *hit)
{
    *hit = sv_trim(query).len == 0;
    while (query.len) {
        sv term = sv_cut(&query, ' '), field;
        bool known;

        if (!term.len)
            continue;
        if (sv_find(term, ':') == term.len && sv_find(term, '=') == term.len)
            return false;
        field = sv_cut(&term, sv_find(term, ':') < term.len ? ':' : '=');
        *hit |= term_matches(w, p, field, term, &known);
        if (!known || !term.len)
            return false;
    }
    return true;
}

static const struct gcp_project **new_list(struct exchange *x)
{
    return arena_alloc(&x->arena, (gcp_of(x->sim)->world.n_projects + 1) * sizeof(const struct gcp_project *));
}

static bool reads(const struct exchange *x)
{
    return gcp_of(x->sim)->access->who[gcp_request_of(x)->who].reads;
}

void gcp_search_projects(struct exchange *x)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    const struct gcp_project **found = new_list(x);
    uint64_t n = 0;
    struct page p;

    if (!page_read(x, &p))
        return;
    /* Last first: the order is nobody's. */
    for (unsigned i = w->n_projects; found && i-- > 0;) {
        bool hit;

        if (!query_matches(w, &w->projects[i], query_of(x, "query"), &hit)) {
            gcp_refuse(x, "INVALID_ARGUMENT", "query", "Request contains an invalid argument.");
            return;
        }
        if (hit && reads(x))
            found[n++] = &w->projects[i];
    }
    put_projects(x, &p, found, n);
}

/* ---- one level down ---- */

/* The folder that a parameter names, or the organization: *index -1. */
static bool find_parent(struct exchange *x, int *index)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    sv parent = query_of(x, "parent");
    const struct gcp_folder *f = gcp_folder_find(w, parent);

    *index = f ? (int)(f - w->folders) : -1;
    if (!sv_starts(parent, SV("folders/")) && !sv_starts(parent, SV("organizations/"))) {
        gcp_refuse(x, "INVALID_ARGUMENT", "parent", "parent must be of the form folders/{id} or organizations/{id}");
        return false;
    }
    if ((f || sv_eq(parent, w->organization_id)) && *index != CLOSED_FOLDER)
        return true;
    gcp_refuse_permission(x, parent);
    return false;
}

void gcp_list_projects(struct exchange *x)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    const struct gcp_project **found = new_list(x);
    bool deleted = sv_eq(query_of(x, "showDeleted"), SV("true"));
    uint64_t n = 0;
    struct page p;
    int parent;

    if (!find_parent(x, &parent) || !page_read(x, &p))
        return;
    for (unsigned i = 0; found && i < w->n_projects; i++)
        if ((int)w->projects[i].folder == parent && (deleted || w->projects[i].kind != GCP_DELETED))
            found[n++] = &w->projects[i];
    put_projects(x, &p, found, n);
}

void gcp_get_project(struct exchange *x)
{
    struct buf *b = gcp_reply(x);

    put_project(&gcp_of(x->sim)->world, b, gcp_request_of(x)->project);
}

static void put_folder(const struct gcp_world *w, struct buf *b, const struct gcp_folder *f)
{
    sv parent = f->parent < 0 ? w->organization_id : w->folders[f->parent].id;

    buf_printf(b, "{\"name\":\"%.*s\",\"parent\":\"%.*s\",", SV_ARG(f->id), SV_ARG(parent));
    put_member(b, "displayName", f->name);
    buf_put(b, SV(",\"state\":\"ACTIVE\",\"createTime\":\"2025-01-15T07:00:00Z\",\"etag\":\"W/\\\"f\\\"\"}"));
}

void gcp_list_folders(struct exchange *x)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    const struct gcp_folder *found[GCP_FOLDERS];
    uint64_t n = 0, last;
    struct page p;
    struct buf *b;
    int parent;

    if (!find_parent(x, &parent) || !page_read(x, &p))
        return;
    for (unsigned i = 0; i < GCP_FOLDERS; i++)
        if (w->folders[i].parent == parent)
            found[n++] = &w->folders[i];
    last = p.at + 1 < n ? p.at + 1 : n; /* one a page */
    b = gcp_reply(x);
    buf_put(b, n ? SV("{\"folders\":[") : SV("{"));
    for (uint64_t i = p.at; i < last; i++)
        put_folder(w, b, found[i]);
    if (n)
        buf_putc(b, ']');
    page_end(x, b, &p, last, n);
}

void gcp_get_folder(struct exchange *x)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    sv name = arena_printf(&x->arena, "folders/%.*s", SV_ARG(x->captures[0]));
    const struct gcp_folder *f = gcp_folder_find(w, name);

    if (f && f != &w->folders[CLOSED_FOLDER])
        put_folder(w, gcp_reply(x), f);
    else
        gcp_refuse_permission(x, name);
}

/* ---- policies ---- */

static void put_audit(struct buf *b, const char *service, sv exempted)
{
    buf_printf(b, "{\"service\":\"%s\",\"auditLogConfigs\":[{\"logType\":\"ADMIN_READ\"},{\"logType\":\"DATA_READ\"",
               service);
    if (exempted.len)
        buf_printf(b, ",\"exemptedMembers\":[\"%.*s\"]", SV_ARG(exempted));
    buf_put(b, SV("},{\"logType\":\"DATA_WRITE\"}]}"));
}

/* What is logged of other services, or not read but written, switches nothing on. */
static void put_decoys(struct buf *b)
{
    buf_put(b, SV("{\"service\":\"storage.googleapis.com\",\"auditLogConfigs\":[{\"logType\":\"DATA_READ\"}]},"
                  "{\"service\":\"aiplatform.googleapis.com\",\"auditLogConfigs\":[{\"logType\":\"ADMIN_READ\"}]}"));
}

static struct buf *open_policy(struct exchange *x)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    struct buf *b = gcp_reply(x);

    buf_put(b, SV("{\"version\":1,\"etag\":\"BwYqLz7xkQw=\",\"bindings\":[{\"role\":\"roles/owner\",\"members\":["
                  "\"user:ops@example.com\"]},{\"role\":\"roles/monitoring.viewer\",\"members\":["));
    buf_printf(b, "\"serviceAccount:%.*s\",\"serviceAccount:%.*s\"]}]", SV_ARG(g->who[GCP_ACCOUNT].name),
               SV_ARG(g->who[GCP_READER].name));
    return b;
}

static bool options_good(struct exchange *x)
{
    int64_t version = 0;

    json_i64(json_path(gcp_request_of(x)->body, "options/requestedPolicyVersion"), &version);
    if (version == 0 || version == 1 || version == 3)
        return true;
    gcp_refuse(x, "INVALID_ARGUMENT", "options.requested_policy_version", "Valid values are 0, 1, and 3.");
    return false;
}

/* A caller as policies name it. */
static sv member_of(const struct gcp_caller *c)
{
    return c->subject;
}

void gcp_project_policy(struct exchange *x)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    const struct gcp_project *p = gcp_request_of(x)->project;
    sv exempted = p->exempted < 0 ? SV_NONE : member_of(&w->callers[p->exempted]);
    struct buf *b;

    if (!options_good(x))
        return;
    b = open_policy(x);
    if (p->own_logging != GCP_LOGS_UNSAID) {
        buf_put(b, SV(",\"auditConfigs\":["));
        put_audit(b, p->own_logging == GCP_LOGS_SERVICE ? "aiplatform.googleapis.com" : "allServices", exempted);
        buf_putc(b, ']');
    } else if (p->index % 2 == 0) {
        buf_put(b, SV(",\"auditConfigs\":["));
        put_decoys(b);
        buf_putc(b, ']');
    }
    buf_put(b, SV("}\n"));
}

void gcp_folder_policy(struct exchange *x)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    sv name = arena_printf(&x->arena, "folders/%.*s", SV_ARG(x->captures[0]));
    const struct gcp_folder *f = gcp_folder_find(w, name);
    struct buf *b;

    if (!f || f == &w->folders[CLOSED_FOLDER]) {
        gcp_refuse_permission(x, name);
        return;
    }
    if (!options_good(x))
        return;
    b = open_policy(x);
    if (f->logs) {
        buf_put(b, SV(",\"auditConfigs\":["));
        put_audit(b, "allServices", SV_NONE);
        buf_putc(b, ']');
    }
    buf_put(b, SV("}\n"));
}

void gcp_organization_policy(struct exchange *x)
{
    sv name = arena_printf(&x->arena, "organizations/%.*s", SV_ARG(x->captures[0]));

    if (!sv_eq(name, gcp_of(x->sim)->world.organization_id))
        gcp_refuse_permission(x, name);
    else if (options_good(x))
        buf_put(open_policy(x), SV("}\n"));
}
