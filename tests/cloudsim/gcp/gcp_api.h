/*
 * The front of Google: which method a request is, who calls, whether it may. A row beside struct api_row says what
 * Google's services differ in: the service and the method as errors name them, the scopes that open it, the permission.
 */
#ifndef CLOUDSIM_GCP_API_H
#define CLOUDSIM_GCP_API_H

#include "tests/cloudsim/cloud.h"
#include "tests/cloudsim/gcp/gcp.h"
#include "tests/cloudsim/gcp/gcp_access.h"
#include "tests/cloudsim/token.h"

/* So many a minute for each project, a minute's worth at once. The last one is not published, taken low. */
extern const struct quota gcp_quota_series, gcp_quota_descriptors, gcp_quota_entries, gcp_quota_control;

/* How a service refuses. */
enum gcp_dialect { GCP_RPC, GCP_OAUTH, GCP_METADATA };

struct gcp_row {
    struct api_row row;
    enum gcp_dialect dialect;
    const char *service;    /* "monitoring": of monitoring.googleapis.com */
    const char *method;     /* "google.monitoring.v3.MetricService.ListTimeSeries" */
    unsigned scopes;        /* any of these opens it; 0: open to all */
    const char *permission; /* that only readers have; NULL: a token suffices */
};

/* What is known of one request (exchange->own). */
struct gcp_request {
    json body;                         /* of POST */
    bool bad_body;                     /* which is no JSON */
    sv name;                           /* the project that path or body names; empty: none */
    const struct gcp_project *project; /* the same; NULL: none, or none of ours */
    enum gcp_who who;                  /* set when admitted */
    unsigned scopes;
};

static inline struct gcp_request *gcp_request_of(const struct exchange *x)
{
    return x->own;
}

static inline const struct gcp_row *gcp_row_of(const struct exchange *x)
{
    return (const struct gcp_row *)x->row;
}

/* Rows by number; NULL at the end. */
const struct api_row *gcp_row_at(unsigned i);
/* True when a path is one of Google's; x->row is the method, or NULL. */
bool gcp_route(struct exchange *x, bool plain);
/* Answers a request that is no method. */
void gcp_unknown(struct exchange *x);
/* Whose project, as the request claims: for faults; nothing is verified. */
void gcp_identify(struct exchange *x);
/* Token, scope, project, permission, quota; answers itself when it returns false. */
bool gcp_admit(struct exchange *x);

/* Whose quota: the number of the resource's project, else of the one that is charged. */
sv gcp_consumer(const struct exchange *x);

/* gcp_config.c: credential files and the section of trefoil.yaml. */
MUST_USE enum err_code gcp_secrets_write(const struct sim *s, const char *dir, struct err *e);
/* The subject tokens alone, renewed like a kubelet does. */
MUST_USE enum err_code gcp_secrets_renew(const struct sim *s, struct err *e);
void gcp_config_write(const struct sim *s, struct buf *b, const char *dir);

/* ---- errors, besides those of gcp.h ---- */

/* With ErrorInfo; `metadata`: further members of its object. */
void gcp_refuse_info(struct exchange *x, const char *status, const char *reason, const char *domain, sv metadata,
                     const char *format, ...) PRINTF_LIKE(6, 7);
void gcp_refuse_credentials(struct exchange *x, const char *reason);
void gcp_refuse_scope(struct exchange *x);
void gcp_refuse_permission(struct exchange *x, sv resource);
void gcp_refuse_rate(struct exchange *x, unsigned seconds);

/* {"error","error_description"} of the token endpoints. */
void gcp_oauth_refuse(struct exchange *x, int status, const char *error, const char *format, ...) PRINTF_LIKE(4, 5);
/* A page of the metadata server. */
void gcp_metadata_refuse(struct exchange *x, int status, const char *text);

const struct dialect *gcp_dialect_of(const struct exchange *x);

/* ---- handlers, besides those of gcp.h ---- */

void gcp_oauth_token(struct exchange *x);
void gcp_sts_token(struct exchange *x);
void gcp_generate_token(struct exchange *x);
void gcp_provider_token(struct exchange *x);

/* Whether this is a request to AWS that the instance's keys have signed; answers itself when it is not. */
bool gcp_aws_subject_good(struct exchange *x, sv token);
void gcp_aws_session(struct exchange *x);
void gcp_aws_zone(struct exchange *x);
void gcp_aws_roles(struct exchange *x);
void gcp_aws_keys(struct exchange *x);

void gcp_metadata_token(struct exchange *x);
void gcp_metadata_email(struct exchange *x);
void gcp_metadata_instance(struct exchange *x);
void gcp_metadata_project(struct exchange *x);
void gcp_metadata_number(struct exchange *x);
void gcp_metadata_universe(struct exchange *x);

void gcp_search_projects(struct exchange *x);
void gcp_list_projects(struct exchange *x);
void gcp_get_project(struct exchange *x);
void gcp_list_folders(struct exchange *x);
void gcp_get_folder(struct exchange *x);
void gcp_project_policy(struct exchange *x);
void gcp_folder_policy(struct exchange *x);
void gcp_organization_policy(struct exchange *x);

#endif
