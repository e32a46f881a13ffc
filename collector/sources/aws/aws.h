/*
 * AWS, inside its folder: what the files of sources/aws share. Nobody outside includes it, except `normalize` and the
 * receivers for the decoders.
 *
 *   aws_map.c               tables: mapping rules, native series, quota names
 *   aws_model.c             what a ModelId names: model, deployment, publisher        pure
 *   aws_origin.c            resource ids, batches                                 pure
 *   aws_options.c           option tables
 *   aws_request.c           what to ask -> body, and the table of APIs               pure
 *   aws_decode.c            GetMetricData, ListMetrics -> measures, series           pure
 *   aws_decode_inventory.c  accounts, regions, profiles, ... -> arrays               pure
 *   aws_state.[ch]          what discovery has found, shared by the jobs' threads
 *   aws_call.c              one signed request, pages
 *   aws_inventory.c         the discovery jobs
 *   aws_metrics.c           the metrics job of one account and region
 *   aws_check.c             check --connect
 *   aws_forecast.c          check: calls a minute and their price
 *   aws_source.c            jobs, poll, open, close
 *   aws_auth.h, aws_endpoints.h, aws_error.h   identity, hosts, refusals
 *   aws_log.h               invocation logs, CloudTrail, normalize
 *
 * A place is one (account, region): everything but the lists of accounts and regions is read place by place, and one
 * that refuses or hangs holds up its own jobs only. Views of the decoders live in the arena that they are given.
 */
#ifndef AWS_AWS_H
#define AWS_AWS_H

#include "collector/base/json.h"
#include "collector/config/secret.h"
#include "collector/sources/items.h"
#include "collector/sources/jobs.h"

/* ---- Configuration (aws_options.c) ---- */

struct aws_accounts_config {
    const char *organization_unit; /* "ou-..." or a root "r-...": all accounts below it */
    struct string_list ids;
};
struct aws_logs_config {
    bool enabled;
    const char *group;       /* "auto": what the logging configuration names */
    const char *trail_group; /* log group of a trail; NULL: none */
    struct timings when;
};
struct aws_metrics_config {
    bool enabled;
    int invocations; /* enum aws_invocations */
    bool maximum;    /* a sixth statistic, at a second price */
    struct timings when;
};
struct aws_audit_config {
    bool enabled;
    struct timings when;
};
struct aws_endpoints_config {
    const char *url, *imds, *container;
    const char *ca_file;
    bool allow_plain, fips, dual_stack;
};
struct aws_config {
    const char *id;
    const char *profile, *shared_credentials_file, *config_file;
    const char *region;
    const char *role_arn;
    struct secret external_id;
    const char *session_name;
    struct aws_accounts_config accounts;
    struct string_list regions; /* empty or "auto": found */
    struct aws_logs_config logs;
    struct aws_metrics_config metrics;
    struct aws_audit_config audit;
    int64_t discovery_interval_ms, capacity_interval_ms;
    struct aws_endpoints_config endpoints;
    struct source_budget budget;
};
extern const struct option aws_options[];

/* ---- Ids ---- */

enum { AWS_ACCOUNT_DIGITS = 12 };

/* Who records of a batch come from. `project` is the mantle plane's Project, empty on the runtime plane. */
struct aws_origin {
    enum platform platform; /* PLATFORM_BEDROCK, PLATFORM_BEDROCK_MANTLE */
    sv account, region, project;
};

/* "arn:aws:bedrock:us-east-1:111122223333", "arn:aws:bedrock-mantle:us-east-1:111122223333:project/NAME", in lower
 * case: origin.resource_id, and what keys are made of. `at` is NULL at the arena's limit. */
sv aws_resource_id(struct arena *a, const struct aws_origin *o);

/* The batch of this origin in the frame, made when there is none. NULL at the limit. */
struct batch *aws_batch_of(struct frame *out, const struct aws_origin *o, sv source, int64_t observed_unix_nano);

/* The batch of a quota pool: its resource is the pool's name. */
struct batch *aws_pool_batch(struct frame *out, const struct aws_origin *o, sv pool, sv source,
                             int64_t observed_unix_nano);

/* ---- Models (aws_model.c) ---- */

/* What an application inference profile stands for; the list of one place, in order of id. */
struct aws_profile {
    sv id;       /* last part of its ARN */
    sv model_id; /* last part of its first model's ARN */
    sv name, arn;
    sv processing; /* region, us, eu, global, unknown */
    struct owner_tags tags;
};
struct aws_profiles {
    const struct aws_profile *at;
    size_t n;
};

/* What a ModelId (of a metric, a log record or an event) names. */
struct aws_model {
    sv deployment; /* last part if it is a profile id or an ARN, else empty */
    sv model;      /* canonical; empty: an application profile that nobody told */
    sv model_id;   /* the cloud's own spelling without ARN and geography; of a profile its model's */
    sv publisher;  /* "openai", "anthropic", ...; empty: not known */
    sv geography;  /* "us", "global", ... of a profile id that tells it */
    bool opaque;   /* an application profile's or other id that names no model by itself */
};

/* `profiles` may be NULL. ERR_LIMIT: the arena is full. Views point into `model_id`, `profiles` or the arena. */
MUST_USE enum err_code aws_model_of(const struct aws_profiles *profiles, sv model_id, struct arena *a,
                                    struct aws_model *out, struct err *e);

/* "GPT-6 Sol", as a person reads it, in the shape of an id: "gpt-6-sol". `at` is NULL at the arena's limit. */
sv aws_dashed(struct arena *a, sv name);

/* Part behind the last '/', all of it when there is none. */
sv aws_last_part(sv arn);

/* ---- Tables (aws_map.c) ---- */

enum { AWS_RULES = 50 };
extern const struct rule aws_rules[AWS_RULES];

/* How `Invocations` is read; the name is the family of the measures. */
enum aws_invocations { AWS_INVOCATIONS_SUCCESSES, AWS_INVOCATIONS_ACCEPTED };
extern const char *const aws_invocations_names[]; /* ends with NULL */

enum aws_stat { AWS_SUM, AWS_COUNT, AWS_P50, AWS_P95, AWS_P99, AWS_MAX, AWS_STATS };
#define AWS_STAT_BIT(s) (1u << (s))
extern const char *const aws_stat_names[AWS_STATS];

enum { AWS_NAMESPACES = 2, AWS_LEVEL_MAX = 2 };
extern const char *const aws_namespaces[AWS_NAMESPACES];

/* A native metric at the one level that we count. */
struct aws_metric {
    enum platform platform;
    const char *ns, *name;
    const char *level[AWS_LEVEL_MAX]; /* the exact dimension set, ends with NULL */
    unsigned stats;                   /* AWS_STAT_BIT */
    bool counts;                      /* its sums feed counters: control reads ask for it */
};
extern const struct aws_metric aws_metrics[];
extern const size_t n_aws_metrics;
/* How many dimensions its level has; the row of a metric at a level of that many, -1: not ours. */
unsigned aws_level(const struct aws_metric *m);
int aws_metric_find(sv ns, sv name, unsigned level);
/* Whether its meaning is a matter of enum aws_invocations. */
bool aws_is_read_two_ways(const struct aws_metric *m);
/* Which of its statistics a question asks for. */
enum aws_asking {
    AWS_USUAL,
    AWS_MAXIMUM, /* the sixth one, too */
    AWS_CONTROL, /* by the hour, what counters are made of alone */
};
/* Metrics that AWS bills for it in one request: each five statistics are one; 0: it is not asked for. */
unsigned aws_price_units(const struct aws_metric *m, enum aws_asking asking);

/* One series as CloudWatch knows it, of a level that we count. */
struct aws_series {
    uint16_t metric;         /* row of aws_metrics */
    sv value[AWS_LEVEL_MAX]; /* of its dimensions, in the order of the level */
    uint64_t hash;
};

/* A model that was met: on mantle with its project. */
struct aws_name {
    enum platform platform;
    sv project, model_id;
};
struct aws_name aws_series_name(const struct aws_series *s);

/* "On-demand InvokeModel tokens per minute for OpenAI GPT-6 Sol". False for names of other shape. */
struct aws_quota {
    enum platform platform;
    sv pool, unit, model;
};
bool aws_quota_name(sv name, struct aws_quota *out);

/* ---- APIs (aws_request.c) ---- */

enum aws_api {
    AWS_API_CALLER_IDENTITY, /* for messages: aws_auth makes that call */
    AWS_API_ASSUME_ROLE,     /* the same */
    AWS_API_LIST_ACCOUNTS,   /* of a parent */
    AWS_API_LIST_UNITS,      /* organizational units of a parent */
    AWS_API_LIST_REGIONS,
    AWS_API_LIST_METRICS,
    AWS_API_GET_METRIC_DATA,
    AWS_API_LOGGING,
    AWS_API_LIST_PROFILES,
    AWS_API_GET_PROFILE,
    AWS_API_LIST_TAGS,
    AWS_API_LIST_QUOTAS,
    AWS_API_FILTER_LOG_EVENTS,
    AWS_API_LOOKUP_EVENTS,
    AWS_APIS
};

/* How an operation is asked. JSON protocols have a target and post to "/"; the others have a method of their own and the
 * caller gives path and query. */
struct aws_operation {
    struct api api;      /* name, quota of one account and region, list price of a call */
    const char *service; /* host and signature: "monitoring" */
    const char *target;  /* X-Amz-Target; NULL: rest */
    const char *content_type;
    const char *method;
    bool global; /* lives in one region of the partition */
};
extern const struct aws_operation aws_operations[AWS_APIS];

/* The permission to ask for when it is refused: "cloudwatch:GetMetricData". */
const char *aws_permission(enum aws_api api);

/* `next`: the token of the page before, empty at first. Organizations' two listings have one form. */
void aws_body_list_accounts(struct buf *out, sv parent, sv next);
void aws_body_list_regions(struct buf *out, sv next);
/* `recent`: what was active in the last three hours, else in the last two weeks. */
void aws_body_list_metrics(struct buf *out, sv ns, bool recent, sv next);
void aws_body_list_tags(struct buf *out, sv arn);
void aws_body_list_quotas(struct buf *out, sv next);
void aws_path_profiles(struct buf *out, const char *type, sv next); /* SYSTEM_DEFINED, APPLICATION */
void aws_path_profile(struct buf *out, sv id);

enum { AWS_ENTRIES_MAX = 500 }; /* of one GetMetricData call, each statistic one */

/* One question about periods [from, to): minutes, of a control read hours. */
struct aws_query {
    const struct aws_series *const *series;
    size_t n_series;
    enum aws_asking asking;
    int64_t from_unix_nano, to_unix_nano;
};
int64_t aws_period_nano(enum aws_asking asking);
void aws_body_metric_data(struct buf *out, const struct aws_query *q, sv next);
/* The statistics asked for, and how many. Entries stand in order of series, then of enum aws_stat. */
unsigned aws_stats(const struct aws_metric *m, enum aws_asking asking);
unsigned aws_entries(const struct aws_metric *m, enum aws_asking asking);

/* ---- Answers of CloudWatch (aws_decode.c) ---- */

/* Into items of struct aws_series: those of our levels alone. */
page_decoder aws_decode_list_metrics;

enum aws_entry_state {
    AWS_ENTRY_MISSING,
    AWS_ENTRY_COMPLETE,
    AWS_ENTRY_PARTIAL,
    AWS_ENTRY_FAILED,
    AWS_ENTRY_FORBIDDEN
};

/* What came so far for one question. */
struct aws_answer {
    const struct aws_query *q;
    struct arena *arena;
    size_t periods;
    double *cells; /* by series, period, statistic; NAN: no datapoint */
    struct aws_entry {
        uint32_t series;
        uint8_t stat, state; /* enum aws_stat, enum aws_entry_state */
    } * entries;
    size_t n_entries;
    int64_t rejected[REASONS];
    bool off_grid; /* datapoints of other times than the periods that were asked for */
};
MUST_USE enum err_code aws_answer_init(struct aws_answer *a, struct arena *arena, const struct aws_query *q,
                                       struct err *e);
/* One page; *next is empty on the last one. ERR_PARSE: no such answer, or one to another question. */
MUST_USE enum err_code aws_decode_metric_data(json root, struct aws_answer *a, sv *next, struct err *e);
/* After the last page: ERR_OK when every entry came and is complete, else what to do about the first that is not. */
MUST_USE enum err_code aws_answer_whole(const struct aws_answer *a, struct err *e);

struct aws_metric_context {
    sv source, account, region;
    int64_t observed_unix_nano;
    const struct aws_profiles *profiles; /* may be NULL */
    enum aws_invocations invocations;
};
/* What the ledger knows a series by; 0 at the limit. `scratch` is thrown away. */
uint64_t aws_series_key(const struct aws_series *s, const struct aws_metric_context *c, struct frame *scratch);
MUST_USE enum err_code aws_emit_answer(const struct aws_answer *a, const struct aws_metric_context *c,
                                       struct frame *out, struct err *e);

/* ---- Inventory answers (aws_decode_inventory.c) ---- */

struct aws_account_item {
    sv id, name;
};
struct aws_quota_item {
    struct aws_quota quota;
    double value;
};
enum aws_logging { AWS_LOGGING_UNKNOWN, AWS_LOGGING_OFF, AWS_LOGGING_ON };
struct aws_logging_state {
    enum aws_logging logging; /* invocation logging, to whatever place */
    sv log_group;             /* where it goes, empty: not to a log group (or not known) */
};

/* Items: active accounts (struct aws_account_item); ids of units, names of enabled regions (sv); application profiles
 * (struct aws_profile, without tags); quotas whose names we know (struct aws_quota_item). */
page_decoder aws_decode_accounts, aws_decode_units, aws_decode_regions, aws_decode_profiles, aws_decode_quotas;
/* GetInferenceProfile: one more item. */
MUST_USE enum err_code aws_decode_profile(json root, struct items *items, struct err *e);
MUST_USE enum err_code aws_decode_tags(json root, struct arena *a, struct owner_tags *out, struct err *e);
MUST_USE enum err_code aws_decode_logging(json root, struct arena *a, struct aws_logging_state *out, struct err *e);

/* An inventory epoch for each resource among the names; gauges of logging and of quotas. */
MUST_USE enum err_code aws_emit_names(const struct aws_name *names, size_t n, const struct aws_metric_context *c,
                                      struct frame *out, struct err *e);
MUST_USE enum err_code aws_emit_logging(const struct aws_logging_state *l, const struct aws_metric_context *c,
                                        int64_t start_unix_nano, int64_t end_unix_nano, struct frame *out,
                                        struct err *e);
MUST_USE enum err_code aws_emit_quotas(const struct aws_quota_item *items, size_t n, const struct aws_metric_context *c,
                                       int64_t start_unix_nano, int64_t end_unix_nano, struct frame *out,
                                       struct err *e);

#endif
