/*
 * A LogEntry with an AuditLog in it, as entries.list has it.
 *
 * Quirks: "resourceName for ChatCompletions is .../endpoints/openapi: it does not name the model"; status is absent, {}
 * or code 0 when all went well; principalEmail is absent for federated callers; fractions of timestamps have 0 to 9
 * digits; a project is named by its number as well as by its id.
 */
#include <inttypes.h>
#include <string.h>

#include "tests/cloudsim/api.h"
#include "tests/cloudsim/gcp/gcp_log.h"
#include "tests/cloudsim/rng.h"

struct entry {
    const struct gcp_world *world;
    const struct gcp_project *project;
    const struct gcp_entry *at;
    const struct gcp_deployment *deployment; /* NULL: no call */
    struct gcp_call call;
    struct gcp_event event;
    const char *service, *method;
    sv method_name, resource_name, permission;
    const struct gcp_caller *caller;
    unsigned rpc; /* status.code */
    const char *message;
    struct arena arena;
};

static void put_time(struct buf *b, const char *name, int64_t at)
{
    unsigned digits = at % NANO_PER_S == 0 ? 0 : at % NANO_PER_MS == 0 ? 3 : at % 1000 == 0 ? 6 : 9;

    buf_printf(b, "\"%s\":\"", name);
    buf_time(b, at, digits);
    buf_putc(b, '"');
}

static bool is_activity(const struct gcp_entry *e)
{
    return e->kind == GCP_ENTRY_BEGUN || e->kind == GCP_ENTRY_DONE;
}

static sv call_resource(struct entry *v)
{
    const struct gcp_deployment *d = v->deployment;
    sv project = v->call.id_lo % 4 ? v->project->id : v->project->number, where = d->location->name;

    if (d->kind == GCP_ENDPOINT)
        return arena_printf(&v->arena, "projects/%.*s/locations/%.*s/endpoints/%.*s", SV_ARG(project), SV_ARG(where),
                            SV_ARG(d->endpoint_id));
    if (v->call.method == GCP_CHAT)
        return arena_printf(&v->arena, "projects/%.*s/locations/%.*s/endpoints/openapi", SV_ARG(project),
                            SV_ARG(where));
    return arena_printf(&v->arena, "projects/%.*s/locations/%.*s/publishers/%.*s/models/%.*s", SV_ARG(project),
                        SV_ARG(where), SV_ARG(d->publisher), SV_ARG(d->model_user_id));
}

static void open_call(struct entry *v)
{
    const struct gcp_call *c = &v->call;
    const char *version = c->console ? "internal" : c->v1beta1 ? "v1beta1" : "v1";

    v->service = "aiplatform.googleapis.com";
    v->method_name = arena_printf(&v->arena, "google.cloud.aiplatform.%s.PredictionService.%s", version,
                                  gcp_methods[c->method].name);
    v->resource_name = call_resource(v);
    v->permission = SV("aiplatform.endpoints.predict");
    v->caller = &v->world->callers[c->caller];
    if (v->at->kind == GCP_ENTRY_FIRST)
        return;
    v->rpc = gcp_statuses[c->status].rpc;
    v->message = gcp_statuses[c->status].message;
}

static void open_event(struct entry *v)
{
    const struct gcp_event_name *name =
        v->at->kind == GCP_ENTRY_NOISE ? &gcp_noise_names[v->event.name] : &gcp_event_names[v->event.name];

    v->service = name->service;
    v->method_name = sv_of(name->method);
    v->resource_name = arena_printf(&v->arena, "projects/%.*s", SV_ARG(v->project->id));
    v->permission =
        v->at->kind == GCP_ENTRY_NOISE ? SV("aiplatform.models.list") : SV("resourcemanager.projects.update");
    v->caller = &v->world->callers[v->event.caller];
    if (v->at->kind == GCP_ENTRY_BEGUN || !v->event.failed)
        return;
    v->rpc = 7;
    v->message = "The caller does not have permission";
}

static bool open_entry(struct sim *s, const struct gcp_entry *e, struct entry *v)
{
    const struct gcp *g = gcp_of(s);
    struct gcp_event events[GCP_EVENTS_MAX];
    const struct gcp_minute *m;

    *v = (struct entry){ .world = &g->world, .project = &g->world.projects[e->project], .at = e };
    arena_init(&v->arena, 0);
    if (e->kind != GCP_ENTRY_FIRST && e->kind != GCP_ENTRY_CALL) {
        (e->kind == GCP_ENTRY_NOISE ? gcp_noise : gcp_events)(&g->world, g->workload, e->project, e->minute, events);
        v->event = events[e->k];
        open_event(v);
        return true;
    }
    v->deployment = &g->world.deployments[e->deployment];
    m = gcp_minute(g->workload, e->deployment, e->minute);
    if (!m)
        return false;
    v->call = m->calls[e->k];
    gcp_minute_unref(m);
    open_call(v);
    return true;
}

static void put_caller(struct buf *b, const struct entry *v)
{
    const struct gcp_caller *c = v->caller;

    buf_put(b, SV("\"authenticationInfo\":{"));
    if (c->email.len)
        put_member(b, "principalEmail", c->email);
    if (c->subject.len) {
        buf_put(b, c->email.len ? SV(",") : SV_NONE);
        put_member(b, "principalSubject", c->subject);
    }
    buf_put(b, SV("},\"requestMetadata\":{"));
    put_member(b, "callerIp", c->ip);
    buf_putc(b, ',');
    put_member(b, "callerSuppliedUserAgent", c->agent);
    buf_put(b, SV(",\"requestAttributes\":{"));
    put_time(b, "time", v->at->t.at);
    buf_put(b, SV(",\"auth\":{}},\"destinationAttributes\":{}}"));
}

/* "status absent or {} = success". */
static void put_status(struct buf *b, const struct entry *v)
{
    if (v->rpc) {
        buf_printf(b, ",\"status\":{\"code\":%u,", v->rpc);
        put_member(b, "message", sv_of(v->message));
        buf_putc(b, '}');
    } else if (v->at->insert_id % 10 < 3) {
        buf_put(b, SV(",\"status\":{}"));
    } else if (v->at->insert_id % 10 == 3) {
        buf_put(b, SV(",\"status\":{\"code\":0}"));
    }
}

/* "SetIamPolicy: look for auditConfigDeltas: logging switched off". */
static void put_more(struct buf *b, const struct entry *v)
{
    if (sv_eq(v->method_name, SV("SetIamPolicy")))
        buf_put(b, SV(",\"serviceData\":{\"@type\":\"type.googleapis.com/google.iam.v1.logging.AuditData\","
                      "\"policyDelta\":{\"auditConfigDeltas\":[{\"action\":\"REMOVE\",\"service\":"
                      "\"aiplatform.googleapis.com\",\"logType\":\"DATA_READ\"}]}}"));
    if (v->deployment && v->at->insert_id % 2)
        buf_put(b, SV(",\"request\":{\"@type\":\"type.googleapis.com/google.cloud.aiplatform.v1.PredictRequest\"}"));
}

static void put_payload(struct buf *b, const struct entry *v)
{
    buf_put(b, SV("\"protoPayload\":{\"@type\":\"type.googleapis.com/google.cloud.audit.AuditLog\","));
    put_caller(b, v);
    buf_putc(b, ',');
    put_member(b, "serviceName", sv_of(v->service));
    buf_putc(b, ',');
    put_member(b, "methodName", v->method_name);
    buf_put(b, SV(",\"authorizationInfo\":[{"));
    put_member(b, "resource", v->resource_name);
    buf_putc(b, ',');
    put_member(b, "permission", v->permission);
    buf_printf(b, ",\"granted\":%s,\"resourceAttributes\":{},\"permissionType\":\"%s\"}],",
               v->rpc == 7 ? "false" : "true", is_activity(v->at) ? "ADMIN_WRITE" : "DATA_READ");
    put_member(b, "resourceName", v->resource_name);
    put_status(b, v);
    put_more(b, v);
    buf_putc(b, '}');
}

static void put_operation(struct buf *b, const struct entry *v)
{
    bool begins = v->at->kind == GCP_ENTRY_FIRST || v->at->kind == GCP_ENTRY_BEGUN, ends = !begins;
    uint64_t id = v->deployment ? v->call.id_lo : v->event.id_lo;

    if (v->deployment ? v->call.operation == GCP_WHOLE : !v->event.first.at && !v->event.with_last)
        return;
    begins |= v->deployment ? v->call.operation == GCP_FIRST_AND_LAST : v->event.with_last;
    buf_printf(b, ",\"operation\":{\"id\":\"%" PRIu64 "\",\"producer\":\"%s\"%s%s}", id, v->service,
               begins ? ",\"first\":true" : "", ends ? ",\"last\":true" : "");
}

/* "audited_resource; an aiplatform.googleapis.com/Endpoint is possible: do not filter on it". */
static void put_resource(struct buf *b, const struct entry *v)
{
    buf_put(b, SV(",\"resource\":{\"type\":"));
    if (v->deployment && v->deployment->kind == GCP_ENDPOINT) {
        buf_put(b, SV("\"aiplatform.googleapis.com/Endpoint\",\"labels\":{"));
        put_member(b, "endpoint_id", v->deployment->endpoint_id);
        buf_putc(b, ',');
        put_member(b, "location", v->deployment->location->name);
    } else if (is_activity(v->at) && !strcmp(v->service, "cloudresourcemanager.googleapis.com")) {
        buf_put(b, SV("\"project\",\"labels\":{"));
        put_member(b, "project_id", v->project->id);
    } else {
        buf_put(b, SV("\"audited_resource\",\"labels\":{"));
        put_member(b, "method", v->method_name);
        buf_putc(b, ',');
        put_member(b, "service", sv_of(v->service));
        buf_putc(b, ',');
        put_member(b, "project_id", v->project->id);
    }
    buf_put(b, SV("}}"));
}

bool gcp_entry_write(struct sim *s, const struct gcp_entry *e, struct buf *out)
{
    struct entry v;
    bool good = open_entry(s, e, &v);

    if (good) {
        buf_putc(out, '{');
        put_payload(out, &v);
        buf_printf(out, ",\"insertId\":\"%016" PRIx64 "\"", e->insert_id);
        put_resource(out, &v);
        buf_putc(out, ',');
        put_time(out, "timestamp", e->t.at);
        buf_printf(out, ",\"severity\":\"%s\"", v.rpc ? "ERROR" : is_activity(e) ? "NOTICE" : "INFO");
        buf_printf(out, ",\"logName\":\"projects/%.*s/logs/cloudaudit.googleapis.com%%2F%s\",", SV_ARG(v.project->id),
                   is_activity(e) ? "activity" : "data_access");
        put_time(out, "receiveTimestamp", e->t.received);
        put_operation(out, &v);
        buf_putc(out, '}');
    }
    good = good && !v.arena.failed && !out->failed;
    arena_done(&v.arena);
    return good;
}
