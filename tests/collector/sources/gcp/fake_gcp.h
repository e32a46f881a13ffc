/*
 * A small Google Cloud on loopback for tests of the source. Below folders/1: project-a (labelled), project-gone
 * (DELETE_REQUESTED) and folders/2 with project-b; above it organizations/9, which may not be seen. Every metric type
 * that is active has one series with 1 a minute; each project has one entry in its log of calls and one in its log of
 * activity. Switches play the faults; counters tell what was asked.
 */
#ifndef TESTS_GCP_FAKE_H
#define TESTS_GCP_FAKE_H

#include <stdatomic.h>
#include <unistd.h>

#include "collector/sources/gcp/gcp_state.h"

#include "tests/collector/net/loop.h"
#include "tests/collector/sources/polled.h"

#define FAKE_A "project:project-a"
#define FAKE_B "project:project-b"

/* An answer in place of the right one. */
struct fake_fault {
    const char *path; /* part of the target; NULL: none */
    int status;
    const char *body;
    int times; /* 0: for ever */
};

struct fake {
    struct http_server *http;
    struct gcp_config config;
    struct polled p;
    char base[64], file[64];
    /* switches */
    struct fake_fault fault;
    const char *types;       /* active metric types: those that this text has; NULL: all */
    bool in_pages;           /* series, entries and descriptors come in two pages, entries' first one empty */
    bool cursor_repeats;     /* the second page leads to itself */
    bool incomplete;         /* executionErrors in a 200 */
    bool nothing;            /* no project and no folder is there, as a passing fault may have it */
    unsigned many;           /* so many more projects below folders/1 */
    unsigned empty_pages;    /* so many before the entries begin */
    bool no_calls;           /* as without roles/logging.privateLogViewer */
    bool folder_logs;        /* folders/1 audits DATA_READ of allServices */
    bool exempts;            /* and exempts a member */
    bool organization_shows; /* organizations/9 may be seen, and audits nothing */
    const char *delay;       /* ingestDelay; NULL: none told */
    /* counters */
    atomic_int tokens, series, entries, policies, descriptors, faults;
    int token_refused; /* numbers up to this one are not taken */
    char target[4096]; /* of the last question to Monitoring or about a policy */
    char body[8192];   /* of the last question to Logging */
    char quota[64];    /* x-goog-user-project of the last request */
};

static inline bool fake_has(sv text, const char *part)
{
    return part && sv_has(text, sv_of(part));
}

static inline void fake_error(struct http_server_response *r, int status, const char *name, const char *reason)
{
    r->status = status;
    buf_printf(&r->body,
               "{\"error\":{\"code\":%d,\"message\":\"says %s\",\"status\":\"%s\",\"details\":[{\"@type\":\"type."
               "googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"%s\",\"domain\":\"googleapis.com\"}]}}",
               status, name, name, reason);
}

#define FAKE_PROJECT(id, parent, state, labels)                                                                        \
    "{\"name\":\"projects/1\",\"parent\":\"" parent "\",\"projectId\":\"" id "\",\"state\":\"" state                   \
    "\",\"labels\":{" labels "}}"
#define FAKE_PROJECT_A FAKE_PROJECT("project-a", "folders/1", "ACTIVE", "\"team\":\"search\",\"x\":\"y\"")

static inline void fake_projects(const struct fake *f, const struct http_server_request *q,
                                 struct http_server_response *r)
{
    sv parent = http_server_query(q, "parent");

    if (f->nothing)
        buf_put(&r->body, SV("{}"));
    else if (f->many && sv_eq(q->path, SV("/v3/projects")) && sv_eq(parent, SV("folders/1"))) {
        buf_put(&r->body, SV("{\"projects\":[" FAKE_PROJECT_A));
        for (unsigned i = 0; i < f->many; i++)
            buf_printf(&r->body, ",{\"projectId\":\"many-%u\",\"parent\":\"folders/1\",\"state\":\"ACTIVE\"}", i);
        buf_put(&r->body, SV("]}"));
    } else if (sv_eq(q->path, SV("/v3/projects/project-a")))
        buf_put(&r->body, SV(FAKE_PROJECT_A));
    else if (sv_ends(q->path, SV(":search")))
        buf_put(&r->body,
                SV("{\"projects\":[" FAKE_PROJECT_A "," FAKE_PROJECT("project-b", "folders/2", "ACTIVE", "") "]}"));
    else if (sv_eq(q->path, SV("/v3/folders")))
        buf_put(&r->body,
                sv_eq(parent, SV("folders/1"))
                    ? SV("{\"folders\":[{\"name\":\"folders/2\",\"parent\":\"folders/1\",\"state\":\"ACTIVE\"}]}")
                    : SV("{}"));
    else if (sv_eq(parent, SV("folders/1")))
        buf_put(&r->body, SV("{\"projects\":[" FAKE_PROJECT_A
                             "," FAKE_PROJECT("project-gone", "folders/1", "DELETE_REQUESTED", "") "]}"));
    else
        buf_put(&r->body, SV("{\"projects\":[" FAKE_PROJECT("project-b", "folders/2", "ACTIVE", "") "]}"));
}

static inline void fake_policy(struct fake *f, sv path, struct http_server_response *r)
{
    f->policies++;
    if (fake_has(path, "organizations/") && !f->organization_shows)
        fake_error(r, 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED");
    else if (fake_has(path, "folders/1") && f->folder_logs)
        buf_printf(&r->body,
                   "{\"version\":1,\"auditConfigs\":[{\"service\":\"allServices\",\"auditLogConfigs\":[{\"logType\":"
                   "\"DATA_READ\"%s}]}]}",
                   f->exempts ? ",\"exemptedMembers\":[\"user:x@example.com\"]" : "");
    else
        buf_put(&r->body, SV("{\"version\":1,\"bindings\":[]}"));
}

static inline void fake_descriptor(const struct fake *f, const char *type, struct http_server_response *r)
{
    if (f->types && !fake_has(sv_of(f->types), type))
        return;
    buf_printf(&r->body, "%s{\"type\":\"aiplatform.googleapis.com/%s\",\"metricKind\":\"DELTA\"",
               sv_ends(buf_sv(&r->body), SV("[")) ? "" : ",", type);
    if (f->delay)
        buf_printf(&r->body, ",\"metadata\":{\"samplePeriod\":\"60s\",\"ingestDelay\":\"%s\"}", f->delay);
    buf_putc(&r->body, '}');
}

static inline void fake_end_of_page(const struct fake *f, bool second, struct http_server_response *r)
{
    buf_put(&r->body, !f->in_pages || (second && !f->cursor_repeats) ? SV("]}") : SV("],\"nextPageToken\":\"more\"}"));
}

static inline void fake_descriptors(struct fake *f, bool second, struct http_server_response *r)
{
    f->descriptors++;
    buf_put(&r->body, SV("{\"metricDescriptors\":["));
    for (size_t i = 0; i < n_gcp_metrics; i++)
        if (!f->in_pages || (i == 0) != second)
            fake_descriptor(f, gcp_metrics[i].type, r);
    if (!second) {
        fake_descriptor(f, "quota/online_prediction_requests_per_base_model/usage", r);
        fake_descriptor(f, "quota/online_prediction_requests_per_base_model/limit", r);
        fake_descriptor(f, "prediction/online/replicas", r);
    }
    fake_end_of_page(f, second, r);
}

static inline void fake_value(sv type, struct http_server_response *r)
{
    if (fake_has(type, "latencies"))
        buf_put(&r->body,
                SV("{\"distributionValue\":{\"count\":\"1\",\"mean\":50,\"bucketOptions\":{\"explicitBuckets\":"
                   "{\"bounds\":[10,100]}},\"bucketCounts\":[\"0\",\"1\"]}}"));
    else
        buf_put(&r->body, SV("{\"int64Value\":\"1\"}"));
}

static inline void fake_labels(sv type, struct http_server_response *r)
{
    buf_printf(&r->body, "\"metric\":{\"type\":\"%.*s\",\"labels\":{", SV_ARG(type));
    if (fake_has(type, "/quota/"))
        buf_put(&r->body,
                SV("\"base_model\":\"gpt-oss-120b\"}},\"resource\":{\"labels\":{\"location\":\"us-central1\"}}"));
    else if (fake_has(type, "/prediction/online/"))
        buf_put(&r->body,
                SV("\"deployed_model_id\":\"77\",\"model_display_name\":\"gpt-oss-20b\",\"response_code\":\"2xx\"}},"
                   "\"resource\":{\"labels\":{\"location\":\"us-central1\",\"endpoint_id\":\"42\"}}"));
    else
        buf_put(&r->body,
                SV("\"response_code\":\"200\",\"request_type\":\"shared\",\"method\":\"ChatCompletions\",\"type\":"
                   "\"input\"}},\"resource\":{\"labels\":{\"location\":\"global\",\"publisher\":\"openai\","
                   "\"model_user_id\":\"gpt-oss-120b-maas\"}}"));
}

static inline int64_t fake_time(const struct http_server_request *q, const char *name)
{
    int64_t t = 0;

    return sv_to_time(http_server_query(q, name), &t) ? t : 0;
}

/* Newest first. The first page has the newest point alone. */
static inline void fake_series(struct fake *f, const struct http_server_request *q, bool second,
                               struct http_server_response *r)
{
    int64_t from = fake_time(q, "interval.startTime"), to = fake_time(q, "interval.endTime");
    sv type = http_server_query(q, "filter"); /* metric.type = "..." and more */

    (void)sv_cut(&type, '"');
    type = sv_cut(&type, '"');
    f->series++;
    buf_put(&r->body, SV("{\"timeSeries\":[{"));
    fake_labels(type, r);
    buf_printf(&r->body, ",\"metricKind\":\"DELTA\",\"valueType\":\"%s\",\"points\":[",
               fake_has(type, "latencies") ? "DISTRIBUTION" : "INT64");
    for (int64_t t = to; t > from; t -= NANO_PER_MIN) {
        if (f->in_pages && (t == to) == second)
            continue;
        buf_put(&r->body, sv_ends(buf_sv(&r->body), SV("[")) ? SV("") : SV(","));
        buf_put(&r->body, SV("{\"interval\":{\"startTime\":\""));
        buf_time(&r->body, t - NANO_PER_MIN, 0);
        buf_put(&r->body, SV("\",\"endTime\":\""));
        buf_time(&r->body, t, 0);
        buf_put(&r->body, SV("\"},\"value\":"));
        fake_value(type, r);
        buf_putc(&r->body, '}');
    }
    buf_put(&r->body, SV("]}"));
    if (f->incomplete)
        buf_put(&r->body, SV("],\"executionErrors\":[{\"code\":14,\"message\":\"one part did not answer\"}]}"));
    else
        fake_end_of_page(f, second, r);
}

static inline void fake_entry(const char *log, const char *service, const char *method, struct http_server_response *r)
{
    buf_printf(
        &r->body,
        "{\"logName\":\"projects/project-a/logs/cloudaudit.googleapis.com%%2F%s\",\"insertId\":\"i1\",\"timestamp\":\"",
        log);
    buf_time(&r->body, clock_now() - 12 * NANO_PER_MIN, 0);
    buf_printf(
        &r->body,
        "\",\"protoPayload\":{\"serviceName\":\"%s\",\"methodName\":\"%s\",\"resourceName\":"
        "\"projects/project-a/locations/us-central1/endpoints/openapi\",\"authenticationInfo\":{\"principalEmail\":"
        "\"app@example.com\"}}}",
        service, method);
}

static inline void fake_entries(struct fake *f, sv body, struct http_server_response *r)
{
    bool second = fake_has(body, "pageToken"), calls = fake_has(body, "data_access");

    f->entries++;
    if (f->empty_pages && (unsigned)f->entries <= f->empty_pages) {
        buf_printf(&r->body, "{\"nextPageToken\":\"behind-%d\"}", f->entries);
        return;
    }
    snprintf(f->body, sizeof f->body, "%.*s", SV_ARG(body));
    if (calls && f->no_calls) {
        buf_put(&r->body, SV("{}"));
        return;
    }
    buf_put(&r->body, SV("{\"entries\":["));
    if (!f->in_pages || second) {
        if (calls)
            fake_entry("data_access", "aiplatform.googleapis.com",
                       "google.cloud.aiplatform.v1.PredictionService.ChatCompletions", r);
        else
            fake_entry("activity", "cloudresourcemanager.googleapis.com", "SetIamPolicy", r);
    }
    fake_end_of_page(f, second, r);
}

static inline bool fake_plays_fault(struct fake *f, sv target, struct http_server_response *r)
{
    if (!fake_has(target, f->fault.path) || (f->fault.times && f->faults >= f->fault.times))
        return false;
    f->faults++;
    r->status = f->fault.status;
    buf_put(&r->body, sv_of(f->fault.body));
    return true;
}

/* Tokens are numbered; the number behind "Bearer t". */
static inline bool fake_takes_token(const struct fake *f, sv bearer)
{
    int64_t n;

    return sv_starts(bearer, SV("Bearer t")) && sv_to_i64(sv_skip(bearer, strlen("Bearer t")), &n) &&
           n > f->token_refused;
}

static inline void on_fake(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct fake *f = ctx;
    sv target = http_server_raw_target(q);
    bool second = http_server_query(q, "pageToken").len > 0;

    r->content_type = "application/json";
    if (sv_eq(q->path, SV("/token"))) {
        buf_printf(&r->body, "{\"access_token\":\"t%d\",\"expires_in\":3600,\"token_type\":\"Bearer\"}", ++f->tokens);
        return;
    }
    snprintf(f->quota, sizeof f->quota, "%.*s", SV_ARG(http_server_header(q, "x-goog-user-project")));
    if (fake_plays_fault(f, target, r))
        return;
    if (!fake_takes_token(f, http_server_header(q, "authorization"))) {
        fake_error(r, 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED");
    } else if (sv_ends(q->path, SV(":getIamPolicy"))) {
        snprintf(f->target, sizeof f->target, "%.*s", SV_ARG(target));
        fake_policy(f, q->path, r);
    } else if (sv_ends(q->path, SV("/metricDescriptors"))) {
        fake_descriptors(f, second, r);
    } else if (sv_ends(q->path, SV("/timeSeries"))) {
        snprintf(f->target, sizeof f->target, "%.*s", SV_ARG(target));
        fake_series(f, q, second, r);
    } else if (sv_eq(q->path, SV("/v2/entries:list"))) {
        fake_entries(f, q->body, r);
    } else {
        fake_projects(f, q, r);
    }
}

static const struct http_route fake_routes[] = {
    { .method = "*", .path = "/*", .body_limit_bytes = 1 << 20, .handle = on_fake },
    { 0 },
};

static inline bool fake_credential(struct fake *f)
{
    int fd;
    FILE *file;

    snprintf(f->file, sizeof f->file, "/tmp/trefoil-gcp-XXXXXX");
    fd = mkstemp(f->file);
    file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file)
        return false;
    fputs("{\"type\":\"authorized_user\",\"client_id\":\"c\",\"client_secret\":\"s\",\"refresh_token\":\"r\","
          "\"quota_project_id\":\"payer\"}",
          file);
    return fclose(file) == 0;
}

/* The configuration may be changed between this and fake_open. */
static inline bool fake_begin(struct fake *f)
{
    static const char *ours[] = { "gpt-oss" };

    *f = (struct fake){ 0 };
    f->http = loop_server(fake_routes, f, false);
    if (!f->http || !fake_credential(f) || !polled_defaults(&gcp_source_ops, &f->config))
        return false;
    snprintf(f->base, sizeof f->base, "http://127.0.0.1:%u", http_server_port(f->http));
    f->config.id = "gcp";
    f->config.credentials_file = f->file;
    f->config.discover.folder = "folders/1";
    f->config.projects = (struct string_list){ 0 };
    f->config.endpoint_models = (struct string_list){ ours, 1 };
    f->config.endpoints.url = f->config.endpoints.metadata = f->base;
    f->config.endpoints.allow_plain = true;
    return true;
}

static inline bool fake_open(struct fake *f)
{
    return polled_open(&f->p, &gcp_source_ops, &f->config);
}

static inline void fake_stop(struct fake *f)
{
    polled_close(&f->p);
    http_server_stop(f->http);
    unlink(f->file);
}

/* The list of projects, and what project-a has. */
static inline bool fake_discover(struct fake *f)
{
    bool ok = polled_jobs(&f->p) > 0;

    if (f->config.projects.n == 0)
        ok = ok && polled_poll(&f->p, "projects", "inventory") == ERR_OK && polled_jobs(&f->p) > 0;
    ok = ok && polled_poll(&f->p, FAKE_A, "inventory") == ERR_OK && polled_jobs(&f->p) > 3;
    if (!ok)
        printf("# discovery: %s\n", f->p.e.text);
    return ok;
}

static inline bool fake_start(struct fake *f)
{
    return fake_begin(f) && fake_open(f) && fake_discover(f);
}

#endif
