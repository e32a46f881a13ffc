/*
 * Azure, inside its folder: what the files of sources/azure share. Nobody outside includes it, except `normalize` and
 * the receivers for the decoders.
 *
 *   azure_map.c               tables: mapping rules, metric groups, SKUs, clouds
 *   azure_options.c           option tables
 *   azure_request.c           what to ask -> URL and body            pure
 *   azure_decode.c            metric answers -> measures             pure
 *   azure_decode_inventory.c  subscriptions, accounts, ... -> arrays pure
 *   azure_state.c             what discovery has found, shared by the jobs' threads
 *   azure_error.c             what a refusal asks for                             pure
 *   azure_call.c              one authenticated request, pages
 *   azure_inventory.c         the discovery jobs
 *   azure_metrics.c           the metrics jobs: batch, fallback, splitting
 *   azure_capacity.c          quotas
 *   azure_check.c             check --connect
 *   azure_forecast.c          check: calls a minute
 *   azure_normalize.c         normalize
 *   azure_source.c            jobs, poll, open, close
 *   azure_auth.h, azure_log.h tokens; logs and Activity Log
 *
 * Resource ids are compared without case by ARM: everywhere here `id` is lower case, `name` and `location` keep ARM's
 * spelling. Views of the decoders live in the arena that they are given.
 */
#ifndef AZURE_AZURE_H
#define AZURE_AZURE_H

#include "collector/base/json.h"
#include "collector/sources/azure/azure_auth.h"
#include "collector/sources/azure/azure_log.h"
#include "collector/sources/items.h"
#include "collector/sources/jobs.h"

/* ---- Configuration (azure_options.c) ---- */

struct azure_discover_config {
    const char *management_group;
};
struct azure_identity_config {
    const char *object_id, *resource_id;
};
struct azure_logs_config {
    bool enabled;
    struct string_list workspaces;
    struct timings when;
    int64_t envelope_settle_ms;
};
struct azure_metrics_config {
    bool enabled;
    struct timings when;
};
struct azure_audit_config {
    bool enabled;
    struct timings when;
};
struct azure_endpoints_config {
    const char *authority, *resource_manager, *metrics, *logs, *imds;
    const char *resource_manager_audience, *metrics_audience, *logs_audience;
    const char *ca_file;
    bool allow_plain;
};
struct azure_config {
    const char *id;
    int credential; /* enum azure_credential */
    const char *tenant_id, *client_id, *federated_token_file;
    struct secret client_secret;
    struct azure_identity_config managed_identity;
    struct string_list subscriptions;
    struct azure_discover_config discover;
    struct azure_logs_config logs;
    struct azure_metrics_config metrics;
    struct azure_audit_config audit;
    int64_t discovery_interval_ms, capacity_interval_ms;
    int cloud; /* row of azure_clouds */
    struct azure_endpoints_config endpoints;
    struct source_budget budget;
};
extern const struct option azure_options[];

/* ---- Tables (azure_map.c) ---- */

enum { AZURE_RULES = 49 };
extern const struct rule azure_rules[AZURE_RULES];

enum { AZURE_GROUP_METRICS = 4, AZURE_GROUP_DIMENSIONS = 8 };

/* Metrics that are read together: one call has one dimension set and one list of aggregations for all. */
struct azure_group {
    const char *name;   /* "metrics/models/requests": group of the job */
    const char *family; /* "models", "azure_openai", or "" where only one exists */
    const char *metrics[AZURE_GROUP_METRICS + 1];
    const char
        *dimensions[AZURE_GROUP_DIMENSIONS + 1]; /* "name" splits by it, "name=value" asks for that value alone */
    const char *aggregation;
    bool wants_count;      /* ask for count too where the definitions list it */
    bool provisioned_only; /* accounts without provisioned deployments have none */
    const char *control;   /* aggregation of control reads: what counters are made of alone; NULL: of nothing */
};
extern const struct azure_group azure_groups[]; /* ends with a NULL name */
const struct azure_group *azure_group_find(sv name);
const struct azure_group *azure_group_of_metric(sv metric);

/* The two families of one fact: which metric tells whether a family has data. */
struct azure_family {
    const char *name, *kind, *requests;
};
enum { AZURE_FAMILIES = 2 };
extern const struct azure_family azure_families[AZURE_FAMILIES];
/* Index of the family that an account of this kind fills as a rule; -1: no account that has models. */
int azure_family_of_kind(sv kind);
int azure_family_find(sv name);

/* "GlobalStandard" -> "global". `region` is the account's; a data zone is "us" or "eu" by it. */
sv azure_processing(sv sku, sv region);
/* Whether capacity counts throughput units; else it is thousands of tokens a minute [unverified]. */
bool azure_sku_is_provisioned(sv sku);

struct azure_cloud {
    const char *name, *authority, *resource_manager, *resource_manager_audience;
    const char *metrics; /* {region} is replaced */
    const char *metrics_audience, *logs, *logs_audience;
};
extern const struct azure_cloud azure_clouds[];
extern const char *const azure_cloud_names[]; /* choices of the option, ends with NULL */

/* StatusCode as Azure writes it: numbers, or words for a class. */
enum outcome azure_outcome(sv status);

/* What errorCode of a metric inside a 200 means. */
enum err_code azure_metric_error(sv code);

/* ---- Requests (azure_request.c) ---- */

enum azure_api {
    AZURE_API_SUBSCRIPTIONS,
    AZURE_API_DESCENDANTS,
    AZURE_API_ACCOUNTS,
    AZURE_API_DEPLOYMENTS,
    AZURE_API_DIAGNOSTICS,
    AZURE_API_DEFINITIONS,
    AZURE_API_USAGES,
    AZURE_API_METRICS,
    AZURE_API_BATCH,
    AZURE_API_LOGS,
    AZURE_API_ACTIVITY,
    AZURE_APIS
};
extern const struct api azure_apis[AZURE_APIS];
/* The role that a refused call asks for, and where (azure_error.c). */
const char *azure_remedy(enum azure_api api);

enum { AZURE_BATCH_RESOURCES_MAX = 50, AZURE_TOP = 1000 };

/* One question about metrics. Times are bucket starts, `to` excluded. */
struct azure_query {
    sv metrics[AZURE_GROUP_METRICS];
    size_t n_metrics;
    sv dimensions[AZURE_GROUP_DIMENSIONS];
    size_t n_dimensions;
    sv aggregation;
    sv deployment; /* not empty: this one alone instead of all */
    bool control;  /* what counters are made of alone */
    int64_t interval_ms;
    int64_t from_unix_nano, to_unix_nano;
    unsigned top;
};

void azure_url_subscriptions(struct buf *out, sv arm);
void azure_url_descendants(struct buf *out, sv arm, sv management_group);
void azure_url_accounts(struct buf *out, sv arm, sv subscription);
void azure_url_deployments(struct buf *out, sv arm, sv account_id);
void azure_url_diagnostics(struct buf *out, sv arm, sv resource_id);
void azure_url_definitions(struct buf *out, sv arm, sv resource_id);
void azure_url_usages(struct buf *out, sv arm, sv subscription, sv location);
void azure_url_metrics(struct buf *out, sv arm, sv resource_id, const struct azure_query *q);
/* `base` may hold {region}. */
void azure_url_batch(struct buf *out, sv base, sv region, sv subscription, const struct azure_query *q);
void azure_body_batch(struct buf *out, const sv *resource_ids, size_t n);
void azure_duration(struct buf *out, int64_t ms); /* "PT1M" */

/* ---- Metric answers (azure_decode.c) ---- */

enum azure_cell_state { AZURE_CELL_MISSING, AZURE_CELL_OK, AZURE_CELL_FAILED, AZURE_CELL_TRUNCATED };

/* What the answer holds for one (resource, metric) that was asked for. */
struct azure_cell {
    enum azure_cell_state state;
    size_t n_series;
    double total; /* sum of the totals: whether there is data at all */
    sv error;     /* FAILED: the cloud's code; in the frame's arena */
};

struct azure_deployment_facts {
    sv model, version, publisher;
};

/* What the decoder needs beside the bytes. Zero members are fine: then the answer tells what it can. */
struct azure_metric_context {
    sv source;
    int64_t observed_unix_nano;
    int64_t from_unix_nano, to_unix_nano; /* points outside are rejected; both 0: none are */
    int64_t interval_ms;                  /* asked for; an answer of another grain is refused; 0: any */
    unsigned top;                         /* that many series mean that more were cut off; 0: not looked at */
    sv resource_id;                       /* of an answer that names none (per resource) */
    const sv *resource_ids;               /* asked for, lower case; NULL: take what comes */
    size_t n_resources;
    const sv *metrics;
    size_t n_metrics;
    struct azure_cell *cells; /* n_resources * n_metrics, resource by resource */
    void *ctx;
    bool (*account)(void *ctx, sv resource_id, struct azure_account_facts *out);
    /* False: unknown deployment, or known with another version only. *out may be filled with the best guess. */
    bool (*deployment)(void *ctx, sv resource_id, sv deployment, sv version, struct azure_deployment_facts *out);
    bool (*publisher)(void *ctx, sv publisher); /* NULL: all are wanted */
};

/* Both forms: metrics list (one resource) and metrics:getBatch. Cells that are not OK append nothing. ERR_PARSE: not a
 * metrics answer, or of another grain; ERR_LIMIT: the frame's arena is full. */
MUST_USE enum err_code azure_decode_metrics(json root, const struct azure_metric_context *c, struct frame *out,
                                            struct err *e);

/* Calls `unknown` once for each series whose deployment the context does not know. Appends nothing. */
void azure_metrics_unknown(json root, const struct azure_metric_context *c, struct arena *a,
                           void (*unknown)(void *ctx, sv resource_id, sv deployment));

/* "PT1M", "P1D", "PT1H30M" in milliseconds; 0 when it is none. */
int64_t azure_parse_duration(sv s);

/* ---- Inventory answers (azure_decode_inventory.c) ---- */

struct azure_subscription_item {
    sv id, name, state;
};
/* Of any kind: azure_family_of_kind tells those that have models. */
struct azure_account_item {
    sv id, name, location, kind;
    struct owner_tags tags;
};
struct azure_deployment_item {
    sv name, model, version, publisher, sku;
    double capacity; /* NAN: not told */
    int64_t created_unix_nano;
};
struct azure_definition_item {
    sv name;
    const sv *dimensions;
    size_t n_dimensions;
    bool has_count;
};
struct azure_usage_item {
    sv name;
    double value, limit; /* NAN: not told */
};

page_decoder azure_decode_subscriptions, azure_decode_descendants, azure_decode_accounts, azure_decode_deployments,
    azure_decode_definitions, azure_decode_usages;

/* Categories of diagnostic logs; three states, since 403 is not "off". */
enum azure_log_category { AZURE_LOG_REQUESTS, AZURE_LOG_USAGE, AZURE_LOG_AUDIT, AZURE_LOG_CATEGORIES };
enum azure_logging { AZURE_LOGGING_UNKNOWN, AZURE_LOGGING_OFF, AZURE_LOGGING_ON };
struct azure_logging_state {
    enum azure_logging any[AZURE_LOG_CATEGORIES];       /* sent anywhere */
    enum azure_logging workspace[AZURE_LOG_CATEGORIES]; /* sent to a Log Analytics workspace */
};
MUST_USE enum err_code azure_decode_diagnostics(json root, struct azure_logging_state *out, struct err *e);

/* "OpenAI.GlobalStandard.gpt-4o" -> pool "OpenAI.GlobalStandard", sku "GlobalStandard", model "gpt-4o". False for names
 * of other shape. */
bool azure_quota_name(sv name, sv *pool, sv *sku, sv *model);

/* Epoch and gauges of one account, from what the inventory knows. `end` closes the gauges' bucket. */
struct azure_account_view {
    const struct azure_account_item *account;
    sv subscription;
    const struct azure_deployment_item *deployments;
    size_t n_deployments;
    struct azure_logging_state logging;
};
MUST_USE enum err_code azure_emit_inventory(const struct azure_account_view *v, const struct azure_metric_context *c,
                                            int64_t start_unix_nano, int64_t end_unix_nano, struct frame *out,
                                            struct err *e);
MUST_USE enum err_code azure_emit_usages(const struct azure_usage_item *items, size_t n, sv subscription, sv location,
                                         sv source, int64_t start_unix_nano, int64_t end_unix_nano, struct frame *out,
                                         struct err *e);

/* ---- check (azure_forecast.c) ---- */

size_t azure_forecast(const void *cfg, struct forecast_line *out, size_t max);

/* ---- normalize (azure_normalize.c) ---- */

extern const char *const azure_formats[]; /* ends with NULL */
MUST_USE enum err_code azure_normalize(sv format, sv bytes, struct frame *out, struct err *e);

/* The batch of this origin in the frame, made when there is none. NULL at the limit. */
struct batch *azure_batch_of(struct frame *out, sv resource_id, const struct azure_account_facts *facts, sv source,
                             int64_t observed_unix_nano);

#endif
