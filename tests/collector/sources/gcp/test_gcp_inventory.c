/* Projects, folders, metric types, audit configurations; refusals; and what the ledger is told of models that were met. */
#include "collector/base/clock.h"
#include "collector/sources/gcp/gcp.h"
#include "collector/sources/gcp/gcp_error.h"

#include "tests/tap.h"

static struct json_parser *parser;
static struct arena arena;
static struct err e;
static sv next;

static json text(const char *t)
{
    json root = { 0 };

    OK(json_parse(parser, sv_of(t), &root, &e) == ERR_OK);
    return root;
}

static void projects_that_are_going_are_left_out(void)
{
    struct items items = { .arena = &arena };
    const struct gcp_project_item *p;

    OK(gcp_decode_projects(
           text("{\"projects\":[{\"name\":\"projects/12\",\"projectId\":\"p1\",\"state\":\"ACTIVE\",\"parent\":"
                "\"folders/42\",\"labels\":{\"team\":\"risk\",\"cost-center\":\"4711\",\"x\":\"y\"}},{\"projectId\":"
                "\"p2\",\"state\":\"DELETE_REQUESTED\"},{\"state\":\"ACTIVE\"},7],\"nextPageToken\":\"t\"}"),
           &items, &next, &e) == ERR_OK &&
       items.n == 1 && sv_eq(next, SV("t")));
    p = ITEM(&items, struct gcp_project_item, 0);
    OK(sv_eq(p->id, SV("p1")) && sv_eq(p->number, SV("12")) && sv_eq(p->parent, SV("folders/42")));
    OK(sv_eq(p->tags.team, SV("risk")) && sv_eq(p->tags.cost_center, SV("4711")) && p->tags.env.len == 0);
    OK(gcp_decode_projects(text("{}"), &items, &next, &e) == ERR_OK && items.n == 1 && next.len == 0);
    OK(gcp_decode_projects(text("[]"), &items, &next, &e) == ERR_PARSE);
    OK(gcp_decode_project(text("{\"projectId\":\"p3\",\"state\":\"ACTIVE\"}"), &items, &e) == ERR_OK && items.n == 2);
}

static void folders_and_descriptors(void)
{
    struct items folders = { .arena = &arena }, types = { .arena = &arena };

    OK(gcp_decode_folders(
           text("{\"folders\":[{\"name\":\"folders/1\",\"state\":\"ACTIVE\"},{\"name\":\"folders/2\",\"state\":"
                "\"DELETE_REQUESTED\"}]}"),
           &folders, &next, &e) == ERR_OK &&
       folders.n == 1 && sv_eq(*ITEM(&folders, sv, 0), SV("folders/1")));
    OK(gcp_decode_descriptors(
           text("{\"metricDescriptors\":[{\"type\":\"aiplatform.googleapis.com/publisher/online_serving/"
                "token_count\",\"metadata\":{\"ingestDelay\":\"180s\"}},{\"type\":\"aiplatform.googleapis.com/"
                "publisher/online_serving/characters\"},{\"type\":\"aiplatform.googleapis.com/quota/"
                "online_prediction_requests_per_base_model/usage\"}]}"),
           &types, &next, &e) == ERR_OK &&
       types.n == 2);
    OK(sv_eq(ITEM(&types, struct gcp_descriptor_item, 0)->type, SV("publisher/online_serving/token_count")) &&
       ITEM(&types, struct gcp_descriptor_item, 0)->ingest_delay_nano == 180 * NANO_PER_S &&
       ITEM(&types, struct gcp_descriptor_item, 1)->ingest_delay_nano == 0);
}

#define LOGS(service, type, exempted)                                                                                  \
    "{\"service\":\"" service "\",\"auditLogConfigs\":[{\"logType\":\"" type "\",\"exemptedMembers\":[" exempted "]}]" \
    "}"

static void audit_configurations_add_up(void)
{
    struct gcp_audit_policy p = { .exempted = 0 };

    OK(gcp_decode_audit_policy(text("{\"bindings\":[{\"members\":[\"user:a\"]}]}"), &p, &e) == ERR_OK && !p.data_read);
    OK(gcp_decode_audit_policy(text("{\"auditConfigs\":[" LOGS("pubsub.googleapis.com", "DATA_READ", "") "]}"), &p,
                               &e) == ERR_OK &&
       !p.data_read);
    OK(gcp_decode_audit_policy(
           text("{\"auditConfigs\":[" LOGS("aiplatform.googleapis.com", "DATA_WRITE", "\"user:a\"") "]}"), &p, &e) ==
           ERR_OK &&
       !p.data_read && p.data_write && p.exempted == 0);
    OK(gcp_decode_audit_policy(
           text("{\"auditConfigs\":[" LOGS("allServices", "DATA_READ", "\"user:a\",\"user:b\"") "]}"), &p, &e) ==
           ERR_OK &&
       p.data_read && p.exempted == 2);
    OK(gcp_decode_audit_policy(text("{}"), &p, &e) == ERR_OK && p.data_read);
}

static struct gcp_use use(const char *location, const char *endpoint, const char *deployed, const char *model)
{
    return (struct gcp_use){ (char *)(uintptr_t)location, (char *)(uintptr_t)endpoint, (char *)(uintptr_t)deployed,
                             (char *)(uintptr_t)model };
}

static void a_place_tells_its_models_once(void)
{
    struct gcp_use uses[] = { use("us-central1", "", "", "gpt-oss-120b-maas"),
                              use("europe-west4", "42", "7", "gpt-oss-20b"),
                              use("us-central1", "", "", "gpt-oss-20b-maas"),
                              use("us-central1", "", "", "openai/gpt-oss-20b-maas") };
    const struct owner_tags tags = { SV("risk"), SV_NONE, SV_NONE, SV_NONE };
    const struct gcp_context c = { .source = SV("gcp"), .project = SV("p1"), .observed_unix_nano = NANO_PER_H };
    struct frame *f = frame_new(&arena, SV("gcp"), SV("project:p1"));

    OK(gcp_emit_uses(uses, 4, &tags, &c, f, &e) == ERR_OK && f->n_epochs == 2);
    OK(f->epochs[0].n_items == 1 && sv_eq(f->epochs[0].items[0].deployment, SV("7")) &&
       sv_eq(f->epochs[0].items[0].jurisdiction, SV("eu")) && sv_eq(f->epochs[0].items[0].team, SV("risk")));
    OK(f->epochs[1].n_items == 2 && sv_eq(f->epochs[1].items[0].processing, SV("region")));
    OK(gcp_emit_logging(true, &c, 0, NANO_PER_MIN, f, &e) == ERR_OK && frame_records(f) == 1);
}

/* ---- Refusals ---- */

static enum err_code judged(int status, const char *body, struct err *told)
{
    struct http_response r = { .status = status };
    enum err_code code;

    buf_init(&r.body, 1 << 16);
    buf_put(&r.body, sv_of(body));
    code = gcp_judge(&r);
    *told = (struct err){ 0 };
    told->retry_after_ms = gcp_wait(&r);
    (void)gcp_explain(&r, "monitoring:timeSeries.list", "p1", "grant roles/monitoring.viewer", code, told);
    buf_done(&r.body);
    return code;
}

static enum err_code judged_file(int status, const char *name, struct err *told)
{
    char path[256];
    struct buf b;
    enum err_code code;

    snprintf(path, sizeof path, "tests/data/gcp/synthetic_error_%s.json", name);
    buf_init(&b, 0);
    OK(buf_read_file(&b, path, 1 << 16, NULL) == ERR_OK);
    buf_putc(&b, '\0');
    code = judged(status, b.at, told);
    buf_done(&b);
    return code;
}

static void refusals_say_what_to_do(void)
{
    struct err told;

    OK(judged_file(400, "400", &told) == ERR_REFUSED);
    OK(judged_file(401, "401", &told) == ERR_AUTH);
    OK(judged_file(403, "403_service_disabled", &told) == ERR_DENIED && sv_has(sv_of(told.text), SV("enable the API")));
    OK(judged_file(429, "429_monitoring", &told) == ERR_THROTTLED);
    OK(judged_file(429, "429_logging", &told) == ERR_THROTTLED && told.retry_after_ms > 0);
    OK(judged(403, "{\"error\":{\"status\":\"PERMISSION_DENIED\",\"message\":\"no\"}}", &told) == ERR_DENIED &&
       sv_starts(sv_of(told.text), SV("grant roles/monitoring.viewer: monitoring:timeSeries.list of p1: http 403")));
    OK(judged(503, "<html>", &told) == ERR_RETRY && judged(404, "", &told) == ERR_GONE);
    OK(judged(403, "{\"error\":{\"errors\":[{\"reason\":\"rateLimitExceeded\"}]}}", &told) == ERR_THROTTLED);
}

int main(void)
{
    arena_init(&arena, 0);
    parser = json_parser_new(0);
    RUN(projects_that_are_going_are_left_out);
    RUN(folders_and_descriptors);
    RUN(audit_configurations_add_up);
    RUN(a_place_tells_its_models_once);
    RUN(refusals_say_what_to_do);
    json_parser_free(parser);
    arena_done(&arena);
    return tap_done();
}
