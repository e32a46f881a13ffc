/*
 * OpenAI's own platform, inside its folder: what the files of sources/openai share. Nobody outside includes it, except
 * `normalize` for the decoders.
 *
 *   openai_map.c               tables: mapping rules, kinds of usage, dimensions, line items
 *   openai_options.c           option tables
 *   openai_request.c           what to ask -> URL, and the table of APIs          pure
 *   openai_decode.c            usage and costs -> measures and charges            pure
 *   openai_decode_inventory.c  projects, rate limits -> arrays                    pure
 *   openai_decode_log.c        audit logs -> audit records                        pure
 *   openai_error.c             what a refusal means                               pure
 *   openai_state.[ch]          what discovery has found, shared by the jobs' threads
 *   openai_call.c              one authenticated request, pages
 *   openai_inventory.c         projects, rate limits
 *   openai_grouping.c          which bucket is read with which grouping
 *   openai_metrics.c           usage, costs
 *   openai_logs.c              audit logs
 *   openai_check.c             check --connect
 *   openai_forecast.c          check: calls a minute
 *   openai_normalize.c         normalize
 *   openai_source.c            jobs, poll, open, close
 *
 * There is one scope: the organization of the admin key. Its projects are resources, not scopes: every answer is about
 * all of them. Views of the decoders live in the arena that they are given.
 */
#ifndef OPENAI_OPENAI_H
#define OPENAI_OPENAI_H

#include "collector/base/json.h"
#include "collector/config/secret.h"
#include "collector/sources/items.h"
#include "collector/sources/jobs.h"

/* ---- Configuration (openai_options.c) ---- */

struct openai_usage_config {
    bool enabled;
    struct string_list kinds;    /* names of openai_kinds */
    struct string_list group_by; /* dimensions beside those that the labels need */
    struct timings when;
};
struct openai_costs_config {
    bool enabled;
    bool by_api_key;
    struct timings when;
};
struct openai_audit_config {
    bool enabled;
    struct timings when;
};
struct openai_endpoints_config {
    const char *url, *ca_file;
    bool allow_plain;
};
struct openai_config {
    const char *id;
    struct secret admin_key;
    const char *organization; /* label account; NULL: empty */
    struct openai_usage_config usage;
    struct openai_costs_config costs;
    struct openai_audit_config audit;
    int64_t discovery_interval_ms, capacity_interval_ms;
    struct openai_endpoints_config endpoints;
    struct source_budget budget;
};
extern const struct option openai_options[];

/* ---- Tables (openai_map.c) ---- */

enum { OPENAI_RULES = 31 };
extern const struct rule openai_rules[OPENAI_RULES];

/* What a result of usage can be grouped by. */
enum openai_dimension {
    OPENAI_PROJECT,
    OPENAI_USER,
    OPENAI_KEY,
    OPENAI_MODEL,
    OPENAI_BATCH,
    OPENAI_TIER,
    OPENAI_SIZE,
    OPENAI_IMAGE_SOURCE,
    OPENAI_STORE,
    OPENAI_CONTEXT,
    OPENAI_DIMENSIONS
};
#define OPENAI_BIT(dimension) (1u << (dimension))
extern const sv openai_dimension_names[OPENAI_DIMENSIONS];
int openai_dimension_find(sv name); /* -1 */

/* A kind of usage: an endpoint of its own. */
struct openai_kind {
    const char *name;      /* last part of the path; family of its measures */
    const char *object;    /* of its results; differs from the path for two of them */
    const char *operation; /* label; "": no model is called */
    unsigned groups;       /* OPENAI_BIT of what it can be grouped by */
    bool hourly;           /* read by the hour: counted nowhere */
};
enum { OPENAI_KINDS = 10 };
extern const struct openai_kind openai_kinds[OPENAI_KINDS];
int openai_kind_find(sv name);        /* -1 */
int openai_kind_of_object(sv object); /* -1 */
/* A level, which is never added over buckets; anything else is a flow. */
bool openai_is_level(sv figure);
/* Whether it is among usage.kinds; all are when none is named. */
bool openai_reads_kind(const struct openai_config *c, const struct openai_kind *kind);
/* What a kind is asked to be grouped by: what labels need and what `group_by` wants beside, as far as it can. */
unsigned openai_groups(const struct openai_kind *kind, const struct string_list *group_by);

/* "EU_STORAGE_PROCESSING": label "eu", processed in "eu"; "JP_STORAGE": "jp", processed anywhere; "GLOBAL": "global",
 * where the host of each call may decide, so it is unknown. Values never seen before are read by their form. */
struct openai_residency {
    sv region, processing;
};
/* `region.at` is NULL at the arena's limit. */
struct openai_residency openai_residency(struct arena *a, sv residency);

/* ---- Origins ---- */

/* Who records come from. Their resource_id is "openai:" and the project, without one the organization. */
struct openai_origin {
    sv organization, project, region;
};
sv openai_resource_id(struct arena *a, sv organization, sv project);
/* The batch of this origin in the frame, made when there is none. NULL at the limit. */
struct batch *openai_batch_of(struct frame *out, const struct openai_origin *o, sv source, int64_t observed_unix_nano);

/* ---- Requests (openai_request.c) ---- */

enum openai_api {
    OPENAI_API_USAGE, /* and the other kinds behind it, in the order of openai_kinds */
    OPENAI_API_COSTS = OPENAI_API_USAGE + OPENAI_KINDS,
    OPENAI_API_PROJECTS,
    OPENAI_API_RATE_LIMITS,
    OPENAI_API_AUDIT_LOGS,
    OPENAI_APIS
};
extern const struct api openai_apis[OPENAI_APIS];

enum { OPENAI_LIST_MAX = 100, OPENAI_COST_DAYS_MAX = 180 };

/* Buckets [from, to) of one width. `page` is the cursor of the page before, empty at first. */
struct openai_query {
    int64_t from_unix_nano, to_unix_nano; /* to = 0: until now */
    int64_t width_nano;
    unsigned groups;
    sv page;
};
void openai_url_usage(struct buf *out, sv base, const struct openai_kind *kind, const struct openai_query *q);
void openai_url_costs(struct buf *out, sv base, const struct openai_query *q, bool by_api_key);
/* `after`: id of the last item of the page before. */
void openai_url_projects(struct buf *out, sv base, sv after);
void openai_url_rate_limits(struct buf *out, sv base, sv project, sv after);
void openai_url_audit_logs(struct buf *out, sv base, int64_t from_unix_nano, int64_t to_unix_nano, bool tenant,
                           sv after);

/* ---- Usage and costs (openai_decode.c) ---- */

enum { OPENAI_NAME_MAX = 512, OPENAI_LIMIT_FIGURES = 6 }; /* names and ids longer than any in use are none */

struct openai_context {
    sv source, organization;
    int64_t observed_unix_nano;
    const struct openai_kind *kind;       /* of usage; NULL: each result tells it */
    int64_t from_unix_nano, to_unix_nano; /* buckets outside are rejected; both 0: none are */
    int64_t width_nano;                   /* an answer of another width is refused; 0: any */
    int64_t series_width_nano;            /* of the series that control reads tell of; 0: its own */
    void *ctx;
    /* The region of a project, empty when nobody knows it; views live as long as the frame. NULL: unknown. */
    sv (*region)(void *ctx, sv project);
    void (*met)(void *ctx, sv project, sv model); /* a model that was used; NULL: nobody asks */
};

/* One page. *next is the cursor of the next one, empty on the last. ERR_PARSE: no such page, or of another width;
 * ERR_PARTIAL: there is more, but it does not say where; ERR_LIMIT: the frame's arena is full. */
MUST_USE enum err_code openai_decode_usage(json root, const struct openai_context *c, struct frame *out, sv *next,
                                           struct err *e);

/* The same of costs, from the bytes: amounts are read as they are written. `p` is the parser to use. */
MUST_USE enum err_code openai_decode_costs(struct json_parser *p, sv body, const struct openai_context *c,
                                           struct frame *out, sv *next, struct err *e);
/* "gpt-5-mini, cached input": what a line item names, both empty when it is of another form. */
struct openai_line_item {
    sv model, direction;
};
struct openai_line_item openai_line_item(sv text);

/* ---- Audit logs (openai_decode_log.c) ---- */

/* One page; *next is the id to go on after, empty on the last. */
MUST_USE enum err_code openai_decode_audit(json root, const struct openai_context *c, struct frame *out, sv *next,
                                           struct err *e);

/* ---- Inventory answers (openai_decode_inventory.c) ---- */

struct openai_project {
    sv id, name;
    struct openai_residency residency;
    bool archived;
};
/* Of one model; figures in the order of a table, NAN where they are not told. */
struct openai_limit {
    sv model;
    double value[OPENAI_LIMIT_FIGURES];
};
/* In an array in order of id; NULL: not known. */
const struct openai_project *openai_project_in(const struct openai_project *at, size_t n, sv id);

/* Items of these. */
page_decoder openai_decode_projects, openai_decode_rate_limits;

/* *next is the last id when there is more; `last` that of the last item, for answers without one. */
MUST_USE enum err_code openai_after(json root, sv last, struct arena *a, sv *next, struct err *e);

/* A model that some project used. */
struct openai_use {
    char *project, *model;
};
/* An inventory epoch for each project among the uses, which are put in order. */
MUST_USE enum err_code openai_emit_uses(struct openai_use *uses, size_t n, const struct openai_project *projects,
                                        size_t n_projects, const struct openai_context *c, struct frame *out,
                                        struct err *e);
MUST_USE enum err_code openai_emit_limits(const struct openai_limit *limits, size_t n, const struct openai_project *p,
                                          const struct openai_context *c, int64_t start_unix_nano,
                                          int64_t end_unix_nano, struct frame *out, struct err *e);

/* ---- normalize (openai_normalize.c, openai_detect.c) ---- */

extern const char *const openai_formats[]; /* ends with NULL */
sv openai_detect(sv bytes);
MUST_USE enum err_code openai_normalize(sv format, sv bytes, struct frame *out, struct err *e);

#endif
