/*
 * Log entries: audit logs of Vertex AI's calls (Data Access) and of what was done to it (Admin Activity).
 *
 * A call's entry names model and publisher only where the path of the resource does: that of a chat completion ends with
 * endpoints/openapi (gcp.md 1.5). A streamed call may have two entries that share operation.id; the last one has the status and
 * is the call, the first is stored and counts nowhere. So does console traffic (`.internal.`), which the metrics leave out.
 *
 * An entry is itself by logName, timestamp and insertId, as in Logging's own de-duplication. Of what is not mapped a few
 * members hold nobody's words and are kept, of all else path, type and length (model/extra.h).
 */
#include "collector/base/hash.h"
#include "collector/model/canonical.h"
#include "collector/model/extra.h"
#include "collector/model/key.h"
#include "collector/sources/gcp/gcp.h"

#define AUDIT_SERVICE "cloudaudit.googleapis.com"

enum { WALK_DEPTH_MAX = 3 };

/* clang-format off */
/* What records have members of their own for. */
static const char *const mapped[] = {
    "insertId", "logName", "receiveTimestamp", "timestamp", "trace",
    "protoPayload/@type", "protoPayload/authenticationInfo/principalEmail", "protoPayload/authenticationInfo/principalSubject",
    "protoPayload/requestMetadata/callerIp", "protoPayload/requestMetadata/callerSuppliedUserAgent",
};
/* No text of anybody. */
static const char *const kept[] = {
    "severity", "traceSampled", "resource/type", "resource/labels/location", "operation/first", "operation/last",
    "operation/producer", "protoPayload/methodName", "protoPayload/numResponseItems", "protoPayload/resourceName",
    "protoPayload/serviceName", "protoPayload/status/code",
};
/* clang-format on */

struct entry {
    json all, payload;
    sv log_name, insert_id, service, method, last, resource, project, operation_id;
    int64_t time_unix_nano, received_unix_nano, status;
    bool first, ends; /* of a streamed or long-running operation */
};

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "gcp: frame is full");
}

static sv name_of(json v)
{
    sv s = json_sv(v);

    return s.len <= GCP_NAME_MAX ? s : SV_NONE;
}

static sv text_at(json v, const char *path)
{
    return name_of(json_path(v, path));
}

static bool flag_at(json v, const char *path)
{
    bool yes = false;

    return json_bool(json_path(v, path), &yes) && yes;
}

/* ---- Reading ---- */

static sv last_segment(sv method)
{
    size_t dot = sv_find_last(method, '.');

    return dot < method.len ? sv_skip(method, dot + 1) : method;
}

/* "projects/P/logs/..."; another kind of parent leaves it to who asked. */
static sv project_of(sv log_name, sv asked)
{
    sv rest = log_name;

    return sv_eq(sv_cut(&rest, '/'), SV("projects")) ? sv_cut(&rest, '/') : asked;
}

static bool read_entry(json v, const struct gcp_context *c, struct entry *out)
{
    *out = (struct entry){ .all = v, .payload = json_get(v, SV("protoPayload")) };
    out->log_name = text_at(v, "logName");
    out->insert_id = text_at(v, "insertId");
    out->service = text_at(out->payload, "serviceName");
    out->method = text_at(out->payload, "methodName");
    out->last = last_segment(out->method);
    out->resource = text_at(out->payload, "resourceName");
    out->project = project_of(out->log_name, c->project);
    out->operation_id = text_at(v, "operation/id");
    out->first = flag_at(v, "operation/first");
    out->ends = flag_at(v, "operation/last");
    if (!json_time(json_get(v, SV("receiveTimestamp")), &out->received_unix_nano))
        out->received_unix_nano = 0;
    (void)json_i64(json_path(out->payload, "status/code"), &out->status);
    return json_type(v) == JSON_OBJECT && json_time(json_get(v, SV("timestamp")), &out->time_unix_nano);
}

/* "projects/P/logs/cloudaudit.googleapis.com%2Factivity"; some doors decode the escape. */
static bool is_log(const struct entry *x, sv name)
{
    sv id = x->log_name;

    (void)sv_cut(&id, '/');
    (void)sv_cut(&id, '/');
    if (!sv_eq(sv_cut(&id, '/'), SV("logs")) || !sv_starts(id, SV(AUDIT_SERVICE)))
        return false;
    id = sv_skip(id, strlen(AUDIT_SERVICE));
    id = sv_skip(id, sv_starts(id, SV("/")) ? 1 : sv_starts_nocase(id, SV("%2F")) ? 3 : id.len);
    return sv_eq(id, name);
}

/* ---- What is not mapped ---- */

static bool is_in(const char *const *list, size_t n, sv path)
{
    for (size_t i = 0; i < n; i++)
        if (sv_eq(path, sv_of(list[i])))
            return true;
    return false;
}
#define IS_IN(list, path) is_in(list, sizeof(list) / sizeof *(list), path)

static bool take_rest(struct extras *x, json v, sv above, int depth)
{
    struct json_iter it = json_members(v);
    bool ok = true;
    sv key;
    json item;

    while (ok && json_member(&it, &key, &item)) {
        sv path = arena_printf(x->scratch, "%.*s%s%.*s", SV_ARG(above), above.len ? "/" : "",
                               SV_ARG(sv_first(key, GCP_NAME_MAX)));

        if (!path.at)
            return false;
        if (IS_IN(mapped, path))
            continue;
        if (json_type(item) == JSON_OBJECT && depth < WALK_DEPTH_MAX)
            ok = take_rest(x, item, path, depth + 1);
        else
            ok = IS_IN(kept, path) ? extra_value(x, path, item) : extra_shape(x, path, item);
    }
    return ok;
}

static bool keep_rest(const struct entry *x, struct arena *scratch, struct batch *b, struct key_value **at, size_t *n)
{
    struct extras extras;

    extras_init(&extras, scratch, b->arena);
    return take_rest(&extras, x->all, SV_NONE, 0) && extras_keep(b, &extras, at, n);
}

/* ---- Who ---- */

static sv principal(const struct entry *x)
{
    sv email = text_at(x->payload, "authenticationInfo/principalEmail");

    return email.len ? email : text_at(x->payload, "authenticationInfo/principalSubject");
}

/* "RESOURCE_EXHAUSTED", a code that nobody knows as it is; absent: it went well. */
static sym status_of(const struct entry *x, struct batch *b, struct arena *scratch)
{
    const struct gcp_rpc *rpc = gcp_rpc_find(x->status);

    if (x->status == 0)
        return 0;
    return batch_sym(b, rpc ? sv_of(rpc->name) : arena_printf(scratch, "%lld", (long long)x->status));
}

/* By the instant, which doors may spell with more digits or fewer. */
static uint64_t row_key(const struct entry *x)
{
    uint64_t key = key_parts((sv[]){ x->log_name, x->insert_id }, 2);

    key = hash_u64(key, (uint64_t)x->time_unix_nano);
    return x->insert_id.len ? key : json_hash(key, x->all);
}

/* ---- Calls ---- */

struct place {
    sv publisher, model; /* empty: the path does not name them */
    struct gcp_origin origin;
};

static struct place place_of(const struct entry *x)
{
    sv endpoint = sv_path_value(x->resource, SV("endpoints"));
    struct place p = { sv_path_value(x->resource, SV("publishers")),
                       SV_NONE,
                       { x->project, sv_path_value(x->resource, SV("locations")), SV_NONE, SV_NONE } };

    if (p.publisher.len)
        p.model = sv_path_value(x->resource, SV("models"));
    else if (!sv_eq(endpoint, SV("openapi")))
        p.origin.endpoint = endpoint;
    return p;
}

static sv log_of(const struct entry *x)
{
    if (sv_has(x->method, SV(".internal.")))
        return SV("DataAccess.console");
    return x->first && !x->ends ? SV("DataAccess.first") : SV("DataAccess");
}

static sv trace_of(const struct entry *x)
{
    sv trace = text_at(x->all, "trace");
    size_t slash = sv_find_last(trace, '/');

    return slash < trace.len ? sv_skip(trace, slash + 1) : trace;
}

static bool fill_call(const struct entry *x, const struct place *p, struct arena *scratch, struct batch *b,
                      struct call *call)
{
    const struct gcp_origin project = { x->project, SV_NONE, SV_NONE, SV_NONE };
    const struct gcp_rpc *rpc = gcp_rpc_find(x->status);
    sv id = x->operation_id.len ? x->operation_id : x->insert_id, whole = gcp_resource_id(scratch, &project);
    sv model = model_canonical(scratch, p->model), operation = gcp_operation(scratch, x->last);

    if (!model.at || !operation.at || !whole.at)
        return false;
    call->key = row_key(x);
    call->call_key = key_of_call(whole, id);
    call->time_unix_nano = x->time_unix_nano;
    call->arrival_unix_nano = x->received_unix_nano;
    call->log = batch_sym(b, log_of(x));
    call->request_id = arena_copy(b->arena, id);
    call->trace_id = arena_copy(b->arena, trace_of(x));
    call->operation = batch_sym(b, operation);
    call->operation_raw = batch_sym(b, x->last);
    call->api_type = batch_sym(b, gcp_api_type(x->last));
    call->model_requested = batch_sym(b, p->model);
    call->model = batch_sym(b, model);
    call->outcome = gcp_outcome_of_rpc(x->status);
    call->http_status = rpc ? rpc->http : NONE;
    call->error_type = status_of(x, b, scratch);
    call->caller_principal = batch_sym(b, principal(x));
    call->caller_ip = batch_sym(b, text_at(x->payload, "requestMetadata/callerIp"));
    call->user_agent = batch_sym(b, text_at(x->payload, "requestMetadata/callerSuppliedUserAgent"));
    return call->request_id.at && call->trace_id.at && keep_rest(x, scratch, b, &call->extra, &call->n_extra) &&
           !batch_symbols_full(b);
}

static enum err_code take_call(const struct entry *x, const struct gcp_context *c, struct arena *scratch,
                               struct frame *out, struct err *e)
{
    struct place p = place_of(x);
    struct batch *b;
    struct call *call;

    if (!sv_eq(x->service, SV(GCP_SERVICE)) || !sv_has(x->method, SV("PredictionService"))) {
        out->tally.rejected[REASON_NOT_INFERENCE]++;
        return ERR_OK;
    }
    if (c->env && !source_wants_publisher(c->env, p.publisher)) {
        out->tally.rejected[REASON_PUBLISHER]++;
        return ERR_OK;
    }
    b = gcp_batch_of(out, &p.origin, c->source, c->observed_unix_nano);
    call = b ? batch_add_call(b) : NULL;
    return call && fill_call(x, &p, scratch, b, call) ? ERR_OK : full(e);
}

/* ---- Admin activity ---- */

static sv action_of(const struct entry *x, struct arena *scratch)
{
    static const sv suffix = SVT(".googleapis.com");
    sv service = sv_ends(x->service, suffix) ? sv_first(x->service, x->service.len - suffix.len) : x->service;
    sv action = arena_printf(scratch, "%.*s:%.*s", SV_ARG(service), SV_ARG(x->last));

    return action.at ? arena_lower(scratch, action) : action;
}

static sv outcome_of(const struct entry *x)
{
    if (x->first && !x->ends)
        return SV("started");
    return x->status ? SV("failure") : SV("success");
}

static enum err_code take_audit(const struct entry *x, const struct gcp_context *c, struct arena *scratch,
                                struct frame *out, struct err *e)
{
    const struct gcp_origin o = { x->project, SV_NONE, SV_NONE, SV_NONE };
    sv action = action_of(x, scratch);
    struct batch *b;
    struct audit *a;

    if (!gcp_audits(x->service, x->last)) {
        out->tally.rejected[REASON_NOT_INFERENCE]++;
        return ERR_OK;
    }
    b = gcp_batch_of(out, &o, c->source, c->observed_unix_nano);
    a = b ? batch_add_audit(b) : NULL;
    if (!a || !action.at)
        return full(e);
    a->key = row_key(x);
    a->time_unix_nano = x->time_unix_nano;
    a->event_id = arena_copy(b->arena, x->insert_id);
    a->action = batch_sym(b, action);
    a->outcome = batch_sym(b, outcome_of(x));
    a->actor = batch_sym(b, principal(x));
    a->actor_ip = batch_sym(b, text_at(x->payload, "requestMetadata/callerIp"));
    a->target = batch_sym(b, x->resource);
    a->category = batch_sym(b, SV("activity"));
    a->status = status_of(x, b, scratch);
    return a->event_id.at && keep_rest(x, scratch, b, &a->extra, &a->n_extra) && !batch_symbols_full(b) ? ERR_OK
                                                                                                        : full(e);
}

/* ---- Entries and pages ---- */

/* An entry that was too large comes in parts, each with an insertId of its own and with who did what; the first stands for
 * it (gcp.md 1.6). */
static bool is_later_part(json entry)
{
    int64_t index = 0;

    return json_i64(json_path(entry, "split/index"), &index) && index > 0;
}

static enum err_code take(json entry, const struct gcp_context *c, struct arena *scratch, struct frame *out,
                          struct err *e)
{
    struct entry x;

    out->tally.received++;
    if (is_later_part(entry)) {
        out->tally.duplicate++;
        return ERR_OK;
    }
    if (!read_entry(entry, c, &x))
        return frame_add_quarantine(out, REASON_MALFORMED, SV("log entry"), SV_NONE) ? ERR_OK : full(e);
    if (is_log(&x, SV("data_access")))
        return take_call(&x, c, scratch, out, e);
    if (is_log(&x, SV("activity")))
        return take_audit(&x, c, scratch, out, e);
    out->tally.rejected[REASON_NOT_INFERENCE]++;
    return ERR_OK;
}

enum err_code gcp_decode_entry(json entry, const struct gcp_context *c, struct frame *out, struct err *e)
{
    struct arena scratch;
    enum err_code code;

    arena_init(&scratch, 0);
    code = take(entry, c, &scratch, out, e);
    arena_done(&scratch);
    return code;
}

/* No entries is a normal answer, also when there are more: the server ran out of time to search. */
enum err_code gcp_decode_entries(json root, const struct gcp_context *c, struct frame *out, sv *next, struct err *e)
{
    json list = json_type(root) == JSON_ARRAY ? root : json_get(root, SV("entries")), entry;
    struct arena scratch;
    enum err_code code = ERR_OK;

    if (json_type(root) != JSON_OBJECT && json_type(root) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, "no object in the answer");
    arena_init(&scratch, 0);
    for (struct json_iter it = json_items(list); code == ERR_OK && json_item(&it, &entry);) {
        code = take(entry, c, &scratch, out, e);
        arena_reset(&scratch);
    }
    arena_done(&scratch);
    *next = code ? SV_NONE : arena_copy(out->arena, json_sv(json_get(root, SV("nextPageToken"))));
    return code || next->at ? code : full(e);
}
