/*
 * cloudsim: what its parts share. One struct sim is made at start and lives until the end; parts lock what they change.
 */
#ifndef CLOUDSIM_SIM_H
#define CLOUDSIM_SIM_H

#include "collector/base/buf.h"
#include "collector/base/clock.h"

/* Assumptions that the references mark unverified, each with two readings; tests play both. */
enum switch_name {
    SW_GETBATCH,       /* served | refused: whether metrics:getBatch serves this resource type */
    SW_OPENAI_MODELS,  /* empty | filled: whether an account of kind OpenAI fills the Models family too */
    SW_PROPERTIES,     /* mixed | string: whether properties_s is sometimes an object */
    SW_LOCATION,       /* present | absent: columns location_s, Tenant_s, EnqueueTime_s */
    SW_STATUS_CODE,    /* exact | class: StatusCode 200, 429, ... or 2xx, 4xx, 5xx (metrics only) */
    SW_INVOCATIONS,    /* successes | accepted: what Bedrock's metric Invocations counts */
    SW_RUNTIME_OPENAI, /* counted | uncounted: whether AWS/Bedrock counts ChatCompletions and Responses calls */
    SW_OPERATIONS,     /* short | long: how logs name those operations */
    SW_PRICE,          /* five | entry: what GetMetricData charges: five statistics of a metric once, or each */
    SW_ALIGNED,        /* delta | gauge: what kind ALIGN_SUM makes of a delta metric of Cloud Monitoring */
    SW_COST_KEYS,      /* accepted | refused: whether OpenAI's costs can be grouped by api_key_id */
    SW_FUTURE_END,     /* served | refused: whether OpenAI refuses some requests whose end_time lies in the future */
    SWITCHES,
};

enum cloud_id { AZURE, AWS, GCP, OPENAI, CLOUDS };
enum { CLOUD_AZURE = 1 << AZURE, CLOUD_AWS = 1 << AWS, CLOUD_GCP = 1 << GCP, CLOUD_OPENAI = 1 << OPENAI };

struct sim_options {
    const char *listen; /* control door; port 0 takes any */
    unsigned tls_port;  /* 0 takes any */
    uint64_t seed;
    double calls_per_minute, speed, late, revise, control_late;
    int64_t history_ms, duration_ms;            /* duration 0: without end */
    int64_t control_within_ms;                  /* 0: CONTROL_FINAL_S */
    int64_t anchor_unix_nano, origin_unix_nano; /* 0: now */
    unsigned count[CLOUDS];                     /* subscriptions, accounts, projects: cloud.h */
    unsigned clouds;                            /* CLOUD_ bits */
    const char *dir;
    bool switches[SWITCHES]; /* true: the second reading */
};

struct faults;
struct requests;
struct quotas;
struct http_server;

struct sim {
    struct sim_options options;
    uint64_t seed;       /* of the figures that no cloud owns */
    int64_t first, last; /* the workload's minutes [first, last) */
    void *of[CLOUDS];    /* each cloud's own; NULL: not there */
    struct faults *faults;
    struct requests *requests;
    struct quotas *quotas;
    struct http_server *control, *tls;
    unsigned char token_key[32];
    _Atomic int64_t tokens_valid_from; /* tokens issued before are refused */
};

MUST_USE enum err_code sim_open(struct sim *s, const struct sim_options *o, struct err *e);
void sim_close(struct sim *s);
/* The worlds alone, without clock and servers: what sim_open does first. Closed by sim_close, too. */
MUST_USE enum err_code sim_open_worlds(struct sim *s, const struct sim_options *o, int64_t first, int64_t last,
                                       struct err *e);

/* What the command line says; false with a message in *e, or when help was printed. */
bool sim_parse_args(int argc, char **argv, struct sim_options *out, bool *help, struct err *e);

/* Whole minutes that are over at `until` and did not begin before `from`, within the workload. */
struct span {
    int64_t first, last; /* minutes [first, last) */
};
struct span sim_span(const struct sim *s, int64_t from, int64_t until);

/* truth.c: the JSON document of GET /truth. */
void truth_write(struct sim *s, int64_t from, int64_t until, struct buf *out);

/* visible.c: a figure of a metric as it is shown at `now`; false when the point is still missing. `what` names metric
 * and cell. Late and revised figures reach their final value at most 20 min after the end of the minute, those of
 * --control-late at most CONTROL_FINAL_S. */
bool visible_value(const struct sim *s, uint64_t what, int64_t minute, int64_t now, uint64_t final, uint64_t *shown);

/* When a point of --control-late that ended at `end` becomes what it stays: 1 to 60 h later (or --control-within), in equal
 * shares between 1 and 1.5, 1.5 and 6, 6 and 24, 24 and 60 h, so that whoever reads again after 1, 6, 24 and 72 h finds some each
 * time. 0: it is none. `h` is the point's random number. */
int64_t control_settles(const struct sim_options *o, uint64_t h, int64_t end);
enum { CONTROL_FINAL_S = 60 * 3600 };

/* tls.c: CA, server certificate and key in DIR (kept when all three are there already). */
MUST_USE enum err_code tls_prepare(const char *dir, struct err *e);

/* config_write.c: secrets, token files and trefoil.yaml, the latter last and at once. */
MUST_USE enum err_code config_write(const struct sim *s, struct err *e);
MUST_USE enum err_code config_renew(const struct sim *s, struct err *e); /* files that do not live long */
MUST_USE enum err_code file_write(const char *dir, const char *name, unsigned mode, sv text, struct err *e);

/* HTTP's Date. */
void put_http_date(struct buf *b, int64_t unix_nano);

#endif
