/*
 * Google Cloud as cloudsim plays it: an organization with folders and projects, the locations where projects call
 * managed models, and endpoints of their own. Made once from the seed and never changed. Ids are invented; their shapes
 * are Google's.
 *
 * Parts: gcp_world.c (this), gcp_calls.c (the workload), gcp_monitoring.c, gcp_descriptors.c, gcp_logging.c (what the
 * data APIs answer), gcp_truth.c. The access layer verifies and routes a request, then calls a handler.
 *
 * Ownership:     all views live as long as the world.
 * Thread-safety: read-only after gcp_world_init.
 */
#ifndef CLOUDSIM_GCP_H
#define CLOUDSIM_GCP_H

#include "collector/base/arena.h"
#include "collector/base/buf.h"

#include "tests/cloudsim/sim.h"

struct exchange;
struct gcp_access;
struct gcp_workload;

enum { GCP_PROJECTS_MAX = 200, GCP_FOLDERS = 3, GCP_CALLERS = 8, GCP_LOCATIONS = 4 };

/* Which pools of quota a location has, and how far data may travel. */
enum gcp_reach { GCP_REGION, GCP_MULTI_REGION, GCP_GLOBAL };
struct gcp_location {
    sv name; /* "us-central1", "eu", "global" */
    enum gcp_reach reach;
};
extern const struct gcp_location gcp_locations[GCP_LOCATIONS];

struct gcp_folder {
    sv id, name; /* "folders/123456789012"; display name */
    int parent;  /* index; -1: the organization */
    bool logs;   /* its policy has DATA_READ for allServices: on for all that is below */
};

enum gcp_project_kind {
    GCP_MEMBER,
    GCP_DELETED, /* in folders[0], DELETE_REQUESTED: nothing of it can be read */
    GCP_OUTSIDE, /* in folders[2], ACTIVE; the collector may see that it is there, and no more (403) */
};

/* A project's own policy about DATA_READ of aiplatform.googleapis.com. */
enum gcp_own_logging { GCP_LOGS_UNSAID, GCP_LOGS_SERVICE, GCP_LOGS_ALL_SERVICES };

struct gcp_project {
    unsigned index, folder;
    enum gcp_project_kind kind;
    sv id, number, name;              /* "trefoil-ml-platform-4k2x", "412345678901", display name */
    sv team, owner, cost_center, env; /* labels; empty: no such label */
    enum gcp_own_logging own_logging;
    bool logs;    /* the effective setting, own or of a folder above */
    int exempted; /* caller (index) that the own policy exempts; -1: none. It is invisible in Data Access logs. */
    bool private_viewer; /* the collector has roles/logging.privateLogViewer here */
    uint64_t stream;
    unsigned first_deployment, n_deployments;
};

enum gcp_deployment_kind { GCP_MANAGED, GCP_ENDPOINT };

/* A managed model in a location, or a model on an endpoint: what one series of ours is about. */
struct gcp_deployment {
    unsigned index, project;
    const struct gcp_location *location;
    enum gcp_deployment_kind kind;
    sv publisher, model_user_id;      /* managed: "openai", "gpt-oss-120b-maas" */
    sv endpoint_id, endpoint_name;    /* self-deployed: digits; display name */
    sv deployed_model_id, model_name; /* the same: digits; display name of the model */
    bool openai;                      /* counts; else another publisher's, or an endpoint that serves other things */
    sv label_resource, label_deployment, label_model; /* as the unified schema has them */
    double share;                                     /* of all Google calls */
    uint64_t stream;
};

/* Who calls the models. Audit entries tell the first of these that is there. */
struct gcp_caller {
    sv email;   /* principalEmail; empty for federated callers */
    sv subject; /* principalSubject; may be empty */
    sv ip, agent;
};

struct gcp_world {
    struct arena arena;
    uint64_t seed;
    sv organization_id, organization_name; /* "organizations/123456789012", "example.com" */
    struct gcp_folder
        folders[GCP_FOLDERS];     /* [0] "ai" is the one to collect; [1] "products" is in it; [2] is beside it */
    struct gcp_project *projects; /* the members, then the deleted one, then the one outside */
    struct gcp_deployment *deployments;
    unsigned n_members, n_projects, n_deployments; /* all 0: no Google Cloud */
    struct gcp_caller callers[GCP_CALLERS];
};

/* Makes `members` projects to collect (0: no Google Cloud at all). */
MUST_USE enum err_code gcp_world_init(struct gcp_world *w, uint64_t seed, unsigned members, struct err *e);
void gcp_world_done(struct gcp_world *w);

const struct gcp_project *gcp_project_find(const struct gcp_world *w, sv id_or_number); /* NULL: none */
/* The folder of that name ("folders/N"); NULL: none. */
const struct gcp_folder *gcp_folder_find(const struct gcp_world *w, sv id);

/* The log view that each project has besides Google's own `_AllLogs` and `_Default`: Data Access entries alone. */
#define GCP_LOG_VIEW "audit-ai"

/* ---- what stands behind the simulator's cloud ---- */

struct gcp {
    struct gcp_world world;
    struct gcp_workload *workload; /* gcp_calls.h */
    struct gcp_access *access;     /* gcp_access.h */
};
/* gcp_cloud.c. NULL when there is no Google Cloud. */
struct gcp *gcp_of(const struct sim *s);

/* gcp_truth.c */
struct truth_writer;
void gcp_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until);

/* ---- answers (gcp_reply.c) ---- */

/* 200: the body is to be appended. */
struct buf *gcp_reply(struct exchange *x);
/* A google.rpc.Status with the HTTP status that belongs to it ("INVALID_ARGUMENT"). `field`: the one of the request that
 * is wrong, for a detail BadRequest; NULL: no detail. */
void gcp_refuse(struct exchange *x, const char *status, const char *field, const char *format, ...) PRINTF_LIKE(4, 5);
/* The same with a detail ErrorInfo: reason "SERVICE_DISABLED", of which service. */
void gcp_refuse_reason(struct exchange *x, const char *status, const char *reason, const char *service,
                       const char *format, ...) PRINTF_LIKE(5, 6);
/* 429 RATE_LIMIT_EXCEEDED with ErrorInfo and RetryInfo. `metric` and `limit` as Google names them
 * ("logging.googleapis.com/read_requests", "ReadRequestsPerMinutePerProject"). */
void gcp_refuse_quota(struct exchange *x, const char *service, const char *metric, const char *limit, sv project_number,
                      unsigned seconds);

/* ---- handlers of the data APIs; who calls and with which scope has been checked before ---- */

void gcp_time_series(struct exchange *x); /* GET /v3/projects/{}/timeSeries */
void gcp_descriptors(struct exchange *x); /* GET /v3/projects/{}/metricDescriptors */
void gcp_entries(struct exchange *x);     /* POST /v2/entries:list */
void gcp_views(struct exchange *x);       /* GET /v2/projects/{}/locations/{}/buckets/{}/views */
void gcp_sinks(struct exchange *x);       /* GET /v2/projects/{}/sinks */
void gcp_quota_infos(struct exchange *x); /* GET /v1/projects/{}/locations/global/services/{}/quotaInfos */

#endif
