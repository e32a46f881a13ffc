/*
 * AWS as cloudsim plays it: an organization of accounts, the regions where they use Bedrock, and in each such place the
 * models of both planes. Made once from the seed and never changed. Ids are invented; their shapes are AWS's.
 *
 * Parts: aws_world.c (this), aws_calls.c (the workload), aws_cloudwatch.c, aws_logs.c, aws_trail.c (what the data APIs
 * answer), aws_truth.c. The access layer verifies and routes a request, fills struct aws_request, then calls a handler.
 *
 * Ownership:     all views live as long as the world.
 * Thread-safety: read-only after aws_world_init.
 */
#ifndef CLOUDSIM_AWS_H
#define CLOUDSIM_AWS_H

#include "collector/base/arena.h"
#include "collector/base/buf.h"
#include "collector/base/json.h"

struct sim;
struct exchange;

enum { AWS_ACCOUNTS_MAX = 200, AWS_REGIONS = 5, AWS_OUS = 4, AWS_CALLERS = 8 };

struct aws_region {
    sv name, jurisdiction, geography; /* "us-east-1", "us", prefix of the profiles that serve from it: "us" */
};
extern const struct aws_region aws_regions[AWS_REGIONS]; /* all are enabled in all accounts */

enum aws_account_kind {
    AWS_MEMBER,
    AWS_SUSPENDED,  /* in the same OU, State SUSPENDED, no role that could be assumed */
    AWS_MANAGEMENT, /* below the root, ACTIVE, without our role */
};

struct aws_ou {
    sv id, name; /* ou-... */
    int parent;  /* index; -1: the root */
};

struct aws_account {
    unsigned index, ou; /* ou: index; AWS_OUS for the root itself */
    enum aws_account_kind kind;
    sv id, name, email, arn; /* arn of the organization's entry */
    sv team;                 /* tag "team" of the account */
    uint64_t stream;
    unsigned first_place, n_places; /* where it uses Bedrock */
};

/* What invocation logging is set to: the group is read by us, a bucket is not. */
enum aws_logging { AWS_LOG_OFF, AWS_LOG_GROUP, AWS_LOG_S3, AWS_LOG_BOTH };

/* An account in a region where it uses Bedrock. */
struct aws_place {
    unsigned index, account;
    const struct aws_region *region;
    enum aws_logging logging;
    sv log_group;    /* of invocation records; empty unless AWS_LOG_GROUP or AWS_LOG_BOTH */
    bool trail_data; /* the trail takes CreateInference data events of bedrock-mantle */
    uint64_t stream;
    unsigned first_deployment, n_deployments;
    unsigned first_profile, n_profiles;
};

/* An inference profile; those of the system are listed in each place that uses them. */
struct aws_profile {
    unsigned index, place;
    bool application;
    sv id, name, arn;
    sv foundation;      /* model id behind it: "openai.gpt-6-sol" */
    sv geography;       /* "us", "eu", "global", ...: where calls may be served; empty for in-region ones */
    sv team;            /* tag of an application profile; may be empty */
    unsigned n_regions; /* destinations, see aws_profile_region */
};

enum aws_plane { AWS_RUNTIME, AWS_MANTLE };

/* One native series group: a value of ModelId on runtime, a (Project, Model) pair on mantle. */
struct aws_deployment {
    unsigned index, place;
    enum aws_plane plane;
    sv model_id;                      /* dimension ModelId, or Model */
    sv project;                       /* dimension Project; empty on runtime */
    sv foundation;                    /* the model behind it */
    int profile;                      /* index, -1: none */
    bool openai;                      /* else another publisher's */
    bool invoke;                      /* InvokeModel serves it (gpt-oss); others speak Converse and OpenAI's APIs */
    sv label_deployment, label_model; /* as the unified schema has them */
    double share;                     /* of all AWS calls */
    uint64_t stream;
};

struct aws_world {
    struct arena arena;
    uint64_t seed;
    sv organization_id, root_id;
    struct aws_ou ous[AWS_OUS]; /* [0] "ai" is the one to collect; [1] is nested in it; [2] is beside it; [3] in [1] */
    struct aws_account *accounts; /* the members, then the suspended one, then the management account */
    struct aws_place *places;
    struct aws_profile *profiles;
    struct aws_deployment *deployments;
    unsigned n_members, n_accounts, n_places, n_profiles, n_deployments; /* all 0: no AWS */
    sv callers[AWS_CALLERS];                                             /* role names of applications */
    /* The collector: a user of accounts[0], which is delegated administrator of the organization. */
    sv access_key_id, secret_access_key;
    sv role_name;   /* arn:aws:iam::{account}:role/NAME in every member */
    sv external_id; /* that its trust policy wants */
    sv trail_group; /* log group of CloudTrail, one name in all places */
};

/* Makes `accounts` members (0: no AWS at all). */
MUST_USE enum err_code aws_world_init(struct aws_world *w, uint64_t seed, unsigned accounts, struct err *e);
void aws_world_done(struct aws_world *w);

const struct aws_account *aws_account_find(const struct aws_world *w, sv id); /* NULL: none */
const struct aws_place *aws_place_find(const struct aws_world *w, const struct aws_account *a, sv region); /* NULL */
const struct aws_region *aws_region_find(sv name); /* NULL: none */
/* The i-th region (i < n_regions) that a profile may send calls to, first the place's own. */
const struct aws_region *aws_profile_region(const struct aws_world *w, const struct aws_profile *p, unsigned i);

/* ---- what a handler is given, as aws_request(x) ---- */

enum aws_protocol {
    AWS_NONE, /* not a request to AWS */
    AWS_JSON_1_0,
    AWS_JSON_1_1,
    AWS_REST,     /* rest-json: method and path */
    AWS_QUERY,    /* a form's Action, XML back */
    AWS_METADATA, /* IMDS and container credentials, on the plain port */
};

struct aws_request {
    enum aws_protocol protocol;
    const struct aws_account *account; /* who pays and owns the data: of the caller's credentials */
    sv region, service;                /* of the credential scope */
    json body;                         /* of the two JSON protocols */
    bool chained;                      /* the caller is a role itself */
};

/* ---- answers ---- */

/* 200 with the content type of the protocol that was spoken: the body is to be appended. */
struct buf *aws_reply(struct exchange *x);
/* An error in the dialect of the service: "ValidationException" with its usual status; aws_refuse_as: with this one. */
void aws_refuse_as(struct exchange *x, int status, const char *code, const char *format, ...) PRINTF_LIKE(4, 5);
void aws_refuse(struct exchange *x, const char *code, const char *format, ...) PRINTF_LIKE(3, 4);

/* ---- handlers of the data APIs ---- */

void aws_list_metrics(struct exchange *x);
void aws_get_metric_data(struct exchange *x);
void aws_filter_log_events(struct exchange *x);
void aws_describe_log_groups(struct exchange *x);
void aws_lookup_events(struct exchange *x);

#endif
