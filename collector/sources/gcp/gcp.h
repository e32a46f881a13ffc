/*
 * Google Cloud, inside its folder: what the files of sources/gcp share. Nobody outside includes it, except `normalize` and
 * the receivers for the decoders.
 *
 *   gcp_map.c               tables: mapping rules, metric types, token types, quotas, methods, status codes
 *   gcp_options.c           option tables
 *   gcp_request.c           what to ask of Monitoring and Resource Manager -> URL, and the table of APIs      pure
 *   gcp_request_log.c       what to ask of Logging -> body                                                    pure
 *   gcp_decode.c            time series -> measures                                                           pure
 *   gcp_decode_inventory.c  projects, folders, descriptors, audit configurations -> arrays                    pure
 *   gcp_decode_log.c        log entries -> calls and audit records                                            pure
 *   gcp_origin.c            resource ids, batches                                                             pure
 *   gcp_error.[ch]          what a refusal means                                                              pure
 *   gcp_normalize.c, gcp_detect.c   normalize                                                                 pure
 *   gcp_auth.[ch], gcp_identity.c, gcp_token.c   who we are
 *   gcp_state.[ch]          what discovery has found, shared by the jobs' threads
 *   gcp_call.c              one authorized request, pages
 *   gcp_inventory.c         projects; what is active in one; quota limits
 *   gcp_metrics.c           time series
 *   gcp_logs.c              Data Access and Admin Activity audit logs
 *   gcp_check.c, gcp_forecast.c     check
 *   gcp_source.c            jobs, poll, open, close
 *
 * A native series is what remains after Monitoring has summed over all labels that are none of ours (aggregation in the
 * question, gcp.md 2.4); measures are named by the metric type without "aiplatform.googleapis.com/". Views of the decoders
 * live in the arena that they are given.
 */
#ifndef GCP_GCP_H
#define GCP_GCP_H

#include "collector/base/json.h"
#include "collector/base/map.h"
#include "collector/sources/items.h"
#include "collector/sources/jobs.h"

/* ---- Configuration (gcp_options.c) ---- */

struct gcp_discover_config {
    const char *folder, *organization; /* "folders/42", "organizations/7"; NULL: not set */
};
struct gcp_metrics_config {
    bool enabled;
    struct timings when;
};
struct gcp_logs_config {
    bool enabled;
    struct timings when;
    int64_t max_lateness_ms;
};
struct gcp_audit_config {
    bool enabled;
    struct timings when;
};
struct gcp_endpoints_config {
    const char *url, *metadata, *ca_file;
    bool allow_plain;
};
struct gcp_config {
    const char *id;
    const char *credentials_file; /* NULL: Application Default Credentials */
    bool self_signed_jwt;
    const char *quota_project;
    struct string_list projects;
    struct gcp_discover_config discover;
    const char *log_view;               /* NULL: the project itself */
    struct string_list endpoint_models; /* which self-deployed endpoints are ours */
    struct gcp_metrics_config metrics;
    struct gcp_logs_config logs;
    struct gcp_audit_config audit;
    int64_t discovery_interval_ms, capacity_interval_ms;
    struct gcp_endpoints_config endpoints;
    struct source_budget budget;
};
extern const struct option gcp_options[];

/* ---- Tables (gcp_map.c) ---- */

enum { GCP_RULES = 20, GCP_NAME_MAX = 512 }; /* names longer than any in use are none */
extern const struct rule gcp_rules[GCP_RULES];

#define GCP_SERVICE "aiplatform.googleapis.com"

/* What a series can be grouped by. */
enum gcp_label {
    GCP_LOCATION,
    GCP_PUBLISHER,
    GCP_MODEL,
    GCP_ENDPOINT,
    GCP_DEPLOYED_MODEL,
    GCP_MODEL_NAME,
    GCP_ENDPOINT_NAME,
    GCP_RESPONSE_CODE,
    GCP_REQUEST_TYPE,
    GCP_METHOD,
    GCP_TOKEN_TYPE,
    GCP_BASE_MODEL,
    GCP_LABELS
};
#define GCP_BIT(label) (1u << (label))
struct gcp_label_row {
    bool resource; /* a label of the resource, else of the metric */
    sv name;       /* "model_user_id" */
};
extern const struct gcp_label_row gcp_labels[GCP_LABELS];

/* A metric type that we read, in the job of its group. */
struct gcp_metric {
    const char *type;    /* without "aiplatform.googleapis.com/": name of its measures */
    const char *group;   /* "metrics/requests" */
    const char *latency; /* the one latency_type that is read; NULL: it has none */
    unsigned labels;     /* GCP_BIT of what it is grouped by */
};
extern const struct gcp_metric gcp_metrics[];
extern const size_t n_gcp_metrics;
int gcp_metric_find(sv type); /* with or without the service in front; -1 */

/* A quota of a publisher's model: two metric types, quota/NAME/usage and quota/NAME/limit. */
struct gcp_quota {
    const char *name, *pool, *unit;
};
extern const struct gcp_quota gcp_quotas[];
extern const size_t n_gcp_quotas;
/* "quota/NAME/usage": the row of NAME, and the leaf; NULL when it is none of ours. */
const struct gcp_quota *gcp_quota_find(sv type, sv *leaf);
#define GCP_QUOTA_GROUP  "metrics/quota"
#define GCP_QUOTA_LABELS (GCP_BIT(GCP_LOCATION) | GCP_BIT(GCP_BASE_MODEL))

/* "ChatCompletions" -> "chat"; a method without a row in lower case. NULL `at` at the arena's limit. */
sv gcp_operation(struct arena *a, sv method);
sv gcp_api_type(sv method); /* "chat_completions"; empty: a method without a row */
/* "200" and "2xx" alike. */
enum outcome gcp_outcome_of_code(sv code);
/* A google.rpc code: 8 is RESOURCE_EXHAUSTED, 429, throttled. NULL: there is no such code. */
struct gcp_rpc {
    const char *name;
    int http;
    enum outcome outcome;
};
const struct gcp_rpc *gcp_rpc_find(int64_t code);
enum outcome gcp_outcome_of_rpc(int64_t code);
/* Whether the Admin Activity entry is one that is counted: of Vertex AI, or one of the few of other services. */
bool gcp_audits(sv service, sv method_last);
/* Where a location processes: "us", "eu", "global", or "region". */
sv gcp_processing(sv location);
/* Whether one of `patterns` is in a name, without case; "*" is in any. */
bool gcp_is_ours(const struct string_list *patterns, sv model_name, sv endpoint_name);

/* ---- Origins (gcp_origin.c) ---- */

/* Where records come from: a location of a project, an endpoint or a quota pool in it; all but the project may be empty. */
struct gcp_origin {
    sv project, location, endpoint, pool;
};
sv gcp_resource_id(struct arena *a, const struct gcp_origin *o);
/* The batch of this origin in the frame, made when there is none. NULL at the limit. */
struct batch *gcp_batch_of(struct frame *out, const struct gcp_origin *o, sv source, int64_t observed_unix_nano);

/* ---- Requests (gcp_request.c, gcp_request_log.c) ---- */

enum gcp_api {
    GCP_API_TIME_SERIES,
    GCP_API_DESCRIPTORS,
    GCP_API_ENTRIES,
    GCP_API_SEARCH_PROJECTS,
    GCP_API_LIST_PROJECTS,
    GCP_API_LIST_FOLDERS,
    GCP_API_GET_PROJECT,
    GCP_API_IAM_POLICY,
    GCP_APIS
};
struct gcp_operation {
    struct api api;
    const char *service;     /* "monitoring" */
    const char *remedy;      /* the role to grant when it is refused, with its place */
    const char *permissions; /* what such a role has to hold, with blanks between */
};
extern const struct gcp_operation gcp_operations[GCP_APIS];

/* One question about the minutes, or hours, [from, to) of one metric type. */
struct gcp_query {
    sv project, type; /* without the service */
    const char *latency;
    unsigned labels;                      /* grouped by these; 0: raw series */
    const struct string_list *publishers; /* of managed models; NULL or empty: any */
    int64_t from_unix_nano, to_unix_nano;
    int64_t period_nano; /* of alignment, which groups want; 0: a minute */
    sv page;
};
/* Paths, to be put behind the service's address. */
void gcp_path_time_series(struct buf *out, const struct gcp_query *q);
void gcp_path_descriptors(struct buf *out, sv project, sv page); /* active ones of Vertex AI */
void gcp_path_search_projects(struct buf *out, sv page);
void gcp_path_list_projects(struct buf *out, sv parent, sv page);
void gcp_path_list_folders(struct buf *out, sv parent, sv page);
void gcp_path_project(struct buf *out, sv project);
/* `resource`: "projects/P", "folders/42", "organizations/7". */
void gcp_path_iam_policy(struct buf *out, sv resource);
void gcp_body_iam_policy(struct buf *out);

enum gcp_log { GCP_LOG_DATA_ACCESS, GCP_LOG_ACTIVITY };
struct gcp_log_query {
    enum gcp_log log;
    sv project;
    const char *view;                     /* gcp_config.log_view; NULL: the project */
    int64_t from_unix_nano, to_unix_nano; /* of receiveTimestamp */
    int64_t lateness_nano;                /* timestamps are at most this much older */
    bool any;                             /* one entry is enough: whether there is one is all that is asked */
    sv page;
};
void gcp_path_entries(struct buf *out);
void gcp_body_entries(struct buf *out, const struct gcp_log_query *q);

/* ---- Time series (gcp_decode.c) ---- */

enum { GCP_BUCKETS_MAX = 1024 }; /* of a distribution */

struct gcp_context {
    sv source, project;
    int64_t observed_unix_nano;
    const struct source_env *env;              /* publishers wanted; NULL: all */
    const struct string_list *endpoint_models; /* NULL: all endpoints */
    int64_t from_unix_nano, to_unix_nano;      /* points that begin outside are rejected; both 0: none are */
    int64_t grain_nano;                        /* how much time a point tells of; 0: a minute */
    int64_t level_nano; /* a gauge stands for so long: until it is asked for again; 0: a minute */
    void *ctx;
    /* A model that was met: managed (endpoint empty) or self-deployed; NULL: nobody asks. */
    void (*met)(void *ctx, sv location, sv endpoint, sv deployed, sv model);
};

/* What came so far for one question: a point that comes again counts once. */
struct gcp_answer {
    const struct gcp_context *c;
    struct map seen; /* key of a measure -> number in at */
    struct gcp_point {
        struct batch *batch;
        size_t number;
    } * at;
    size_t n, cap;
    int64_t newest_unix_nano; /* end of the newest point; 0: none */
};
void gcp_answer_init(struct gcp_answer *a, const struct gcp_context *c);
void gcp_answer_done(struct gcp_answer *a);
/* One page, or a series alone; *next (in the frame's arena) is empty on the last one. ERR_RETRY: it says itself that it is
 * incomplete (executionErrors). */
MUST_USE enum err_code gcp_decode_time_series(json root, struct gcp_answer *a, struct frame *out, sv *next,
                                              struct err *e);

/* ---- Log entries (gcp_decode_log.c) ---- */

/* One page of entries.list, or an array of entries. */
MUST_USE enum err_code gcp_decode_entries(json root, const struct gcp_context *c, struct frame *out, sv *next,
                                          struct err *e);
/* One entry, counted in the tally. */
MUST_USE enum err_code gcp_decode_entry(json entry, const struct gcp_context *c, struct frame *out, struct err *e);

/* ---- Inventory answers (gcp_decode_inventory.c) ---- */

struct gcp_project_item {
    sv id, number, parent; /* parent: "folders/42"; empty: none told */
    struct owner_tags tags;
};
struct gcp_descriptor_item {
    sv type;                   /* without the service */
    int64_t ingest_delay_nano; /* 0: not told */
};
/* Who is audited, of one level of the hierarchy; levels add up. */
struct gcp_audit_policy {
    bool data_read, data_write;
    unsigned exempted; /* members whose calls are not logged */
};
/* Items: projects that are active (struct gcp_project_item), names of folders (sv, "folders/42"), descriptors. */
page_decoder gcp_decode_projects, gcp_decode_folders, gcp_decode_descriptors;
MUST_USE enum err_code gcp_decode_project(json root, struct items *items, struct err *e); /* one more item */
MUST_USE enum err_code gcp_decode_audit_policy(json root, struct gcp_audit_policy *to, struct err *e); /* adds to it */

/* A model that some location was seen to serve. */
struct gcp_use {
    char *location, *endpoint, *deployed, *model;
};
/* An inventory epoch for each location and endpoint among the uses, which are put in order. */
MUST_USE enum err_code gcp_emit_uses(struct gcp_use *uses, size_t n, const struct owner_tags *tags,
                                     const struct gcp_context *c, struct frame *out, struct err *e);
/* Whether calls are logged, as a gauge. */
MUST_USE enum err_code gcp_emit_logging(bool on, const struct gcp_context *c, int64_t start_unix_nano,
                                        int64_t end_unix_nano, struct frame *out, struct err *e);

/* ---- normalize (gcp_normalize.c, gcp_detect.c) ---- */

extern const char *const gcp_formats[]; /* ends with NULL */
sv gcp_detect(sv bytes);
MUST_USE enum err_code gcp_normalize(sv format, sv bytes, struct frame *out, struct err *e);

#endif
