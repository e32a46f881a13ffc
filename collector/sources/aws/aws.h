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
 *   aws_auth.h, aws_sign.h, aws_endpoints.h, aws_error.h   identity, signatures, hosts, refusals
 *   aws_log.h               invocation logs, CloudTrail, normalize
 *
 * A place is one (account, region): everything but the lists of accounts and regions is read place by place, and one
 * that refuses or hangs holds up its own jobs only. Views of the decoders live in the arena that they are given.
 */
#ifndef AWS_AWS_H
#define AWS_AWS_H

#include "collector/base/json.h"
#include "collector/config/secret.h"
#include "collector/sources/source.h"

/* ---- Configuration (aws_options.c) ---- */

struct aws_accounts_config {
    const char *organization_unit; /* "ou-..." or a root "r-...": all accounts below it */
    struct string_list ids;
};
struct aws_logs_config {
    bool enabled;
    const char *group;       /* "auto": what the logging configuration names */
    const char *trail_group; /* log group of a trail; NULL: none */
    int64_t interval_ms, delay_ms, lookback_ms, settle_ms;
};
struct aws_metrics_config {
    bool enabled;
    int invocations; /* enum aws_invocations */
    bool maximum;    /* a sixth statistic, at a second price */
    int64_t interval_ms, delay_ms, lookback_ms, settle_ms;
};
struct aws_audit_config {
    bool enabled;
    int64_t interval_ms, lookback_ms, settle_ms;
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

/* ---- Models (aws_model.c) ---- */

/* What an application inference profile stands for; the list of one place, in order of id. */
struct aws_profile {
    sv id;       /* last part of its ARN */
    sv model_id; /* last part of its first model's ARN */
    sv name, arn;
    sv team, owner, cost_center, env; /* from its tags */
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

/* Part behind the last '/', all of it when there is none. */
sv aws_last_part(sv arn);

/* ---- Native series (aws_map.c) ---- */

/* One series as CloudWatch knows it, of a level that we count: ModelId, or Project and Model. */
struct aws_series_id {
    uint16_t metric; /* row of aws_metrics */
    sv value[2];     /* of its dimensions, as the cloud spells them */
    uint64_t hash;
};

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
    AWS_API_LIST_MODELS,
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

#endif
