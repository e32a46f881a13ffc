/*
 * Who calls, and whether it may. Order as at Google: token, scope, the project to charge, the resource and the
 * permission on it, quota. A project that does not exist is refused like one that is forbidden.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "tests/cloudsim/gcp/gcp_api.h"

/* ---- what the request claims ---- */

/* The project that a name begins with: "projects/ID", "projects/ID/locations/...". */
static sv project_in(sv name)
{
    sv_cut(&name, '/');
    return sv_cut(&name, '/');
}

static sv named_project(struct exchange *x)
{
    struct gcp_request *r = gcp_request_of(x);
    json first;

    if (strstr(x->row->path, "/projects/{}") && x->row->audience == AUD_OWN)
        return x->captures[0];
    for (struct json_iter it = json_items(json_get(r->body, SV("resourceNames"))); json_item(&it, &first);)
        return project_in(json_sv(first));
    return SV_NONE;
}

/* "folders/42" of "/v3/folders/42:getIamPolicy". */
static sv policy_of(const struct exchange *x)
{
    sv name = sv_skip(x->q->path, strlen("/v3/"));

    return sv_first(name, sv_find(name, ':'));
}

void gcp_identify(struct exchange *x)
{
    struct gcp_request *r = gcp_request_of(x);

    if (gcp_row_of(x)->dialect == GCP_RPC && x->q->body.len && sv_eq(x->q->method, SV("POST")))
        r->bad_body = !exchange_json(x, &r->body);
    r->name = named_project(x);
    r->project = r->name.len ? gcp_project_find(&gcp_of(x->sim)->world, r->name) : NULL;
    if (r->project) {
        x->place.account = r->project->id;
        x->account = (int)r->project->index;
    } else if (sv_ends(sv_of(x->row->path), SV(":getIamPolicy"))) {
        x->place.account = policy_of(x);
    }
}

/* ---- tokens ---- */

static bool revoked(const struct exchange *x, int64_t issued_s)
{
    return issued_s < atomic_load(&x->sim->tokens_valid_from) / NANO_PER_S;
}

/* gcp.md 4.2: a token that its own caller has signed, for one service or with scopes. */
static const char *self_signed(struct exchange *x, const struct gcp_jwt *t)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    struct gcp_request *r = gcp_request_of(x);
    sv home = arena_printf(&x->arena, "https://%s.googleapis.com/", gcp_row_of(x)->service);
    int64_t now_s = x->now / NANO_PER_S;

    if (!sv_eq(t->iss, g->who[GCP_ACCOUNT].name) || !sv_eq(t->sub, t->iss) || !gcp_jwt_signed_by(t, &g->key))
        return "ACCESS_TOKEN_TYPE_UNSUPPORTED";
    if ((t->exp && t->exp <= now_s) || revoked(x, t->iat))
        return "ACCESS_TOKEN_EXPIRED";
    if (gcp_jwt_times(t, x->now))
        return "ACCESS_TOKEN_TYPE_UNSUPPORTED";
    r->who = GCP_ACCOUNT;
    if (t->scope.len)
        return gcp_scopes_read(t->scope, &r->scopes) ? NULL : "ACCESS_TOKEN_TYPE_UNSUPPORTED";
    r->scopes = GCP_SCOPE_PLATFORM;
    return sv_starts(t->aud, home) ? NULL : "ACCESS_TOKEN_TYPE_UNSUPPORTED";
}

static const char *opaque(struct exchange *x, sv token)
{
    struct gcp_request *r = gcp_request_of(x);
    struct gcp_grant g;

    if (!gcp_token_read(x, token, &g))
        return "ACCESS_TOKEN_TYPE_UNSUPPORTED";
    if (x->now >= g.expires || g.issued < atomic_load(&x->sim->tokens_valid_from))
        return "ACCESS_TOKEN_EXPIRED";
    r->who = g.who;
    r->scopes = g.scopes;
    return NULL;
}

static bool authenticated(struct exchange *x)
{
    sv header = http_server_header(x->q, "Authorization"), token = sv_trim(sv_skip(header, 7));
    const char *reason;
    struct gcp_jwt t;

    if (!header.len)
        reason = "CREDENTIALS_MISSING";
    else if (!sv_starts_nocase(header, SV("Bearer ")))
        reason = "ACCESS_TOKEN_TYPE_UNSUPPORTED";
    else
        reason = gcp_jwt_read(&x->arena, token, &t) ? self_signed(x, &t) : opaque(x, token);
    if (reason)
        gcp_refuse_credentials(x, reason);
    else
        x->principal = gcp_of(x->sim)->access->who[gcp_request_of(x)->who].name;
    return !reason;
}

/* ---- permissions ---- */

/* Calls of a person need a project to charge, others may name one; it must be one where the caller may use services. */
static bool consumer_good(struct exchange *x)
{
    const struct gcp_identity *who = &gcp_of(x->sim)->access->who[gcp_request_of(x)->who];
    sv given = http_server_header(x->q, "x-goog-user-project");
    const char *service = gcp_row_of(x)->service;
    bool known = gcp_project_find(&gcp_of(x->sim)->world, given) != NULL;

    if (given.len ? known && who->reads : !who->quota_project || !gcp_row_of(x)->permission)
        return true;
    if (given.len)
        gcp_refuse_info(x, "PERMISSION_DENIED", "USER_PROJECT_DENIED", "googleapis.com",
                        arena_printf(&x->arena, "\"consumer\":\"projects/%.*s\"", SV_ARG(given)),
                        "Caller does not have required permission to use project %.*s. Grant the caller the "
                        "roles/serviceusage.serviceUsageConsumer role, or a custom role with the "
                        "serviceusage.services.use permission.",
                        SV_ARG(given));
    else
        gcp_refuse_info(x, "PERMISSION_DENIED", "SERVICE_DISABLED", "googleapis.com",
                        SV("\"consumer\":\"projects/764086051850\""),
                        "Your application is authenticating by using local Application Default Credentials. The "
                        "%s.googleapis.com API requires a quota project, which is not set by default.",
                        service);
    return false;
}

static bool opens(const struct gcp_row *row, const struct gcp_project *p)
{
    return p && (p->kind == GCP_MEMBER || !strcmp(row->permission, "resourcemanager.projects.get"));
}

/* Each of several resources has to be open. */
static bool others_open(struct exchange *x, sv *closed)
{
    json v;

    for (struct json_iter it = json_items(json_get(gcp_request_of(x)->body, SV("resourceNames")));
         json_item(&it, &v);) {
        *closed = project_in(json_sv(v));
        if (!opens(gcp_row_of(x), gcp_project_find(&gcp_of(x->sim)->world, *closed)))
            return false;
    }
    return true;
}

static bool permitted(struct exchange *x)
{
    const struct gcp_request *r = gcp_request_of(x);
    const struct gcp_row *row = gcp_row_of(x);
    sv closed = r->name;

    if (!row->permission || (gcp_of(x->sim)->access->who[r->who].reads && (!r->name.len || opens(row, r->project)) &&
                             others_open(x, &closed)))
        return true;
    gcp_refuse_permission(x, closed.len ? arena_printf(&x->arena, "projects/%.*s", SV_ARG(closed)) : SV("projects"));
    return false;
}

/* Whose quota: of the resource's project, else of the one that is charged. */
sv gcp_consumer(const struct exchange *x)
{
    const struct gcp_world *w = &gcp_of(x->sim)->world;
    const struct gcp_project *p = gcp_request_of(x)->project;

    if (!p)
        p = gcp_project_find(w, http_server_header(x->q, "x-goog-user-project"));
    return p ? p->number : w->projects[0].number;
}

static bool quota_left(struct exchange *x)
{
    sv name = arena_printf(&x->arena, "%.*s/%s", SV_ARG(gcp_consumer(x)), gcp_row_of(x)->service);
    unsigned left, wait;

    if (quotas_take(x->sim->quotas, x->row->quota, name, x->now, &left, &wait))
        return true;
    gcp_refuse_rate(x, wait);
    return false;
}

static bool body_good(struct exchange *x)
{
    if (!gcp_request_of(x)->bad_body)
        return true;
    gcp_refuse(x, "INVALID_ARGUMENT", NULL, "Invalid JSON payload received. Unexpected token.");
    return false;
}

bool gcp_admit(struct exchange *x)
{
    const struct gcp_row *row = gcp_row_of(x);

    if (!row->scopes)
        return true;
    if (!authenticated(x))
        return false;
    if (!(gcp_request_of(x)->scopes & row->scopes)) {
        gcp_refuse_scope(x);
        return false;
    }
    return consumer_good(x) && body_good(x) && permitted(x) && quota_left(x);
}
