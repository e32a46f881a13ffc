/*
 * Google's credentials: Application Default Credentials, and one access token for everything that Trefoil asks of
 * Google Cloud.
 *
 * One struct gcp_auth serves one principal. Its credential is the first of: credentials_file, the file that
 * GOOGLE_APPLICATION_CREDENTIALS names, gcloud's file, the metadata server. One token with all scopes serves every
 * service. It is renewed when less than 3 min 45 s remain (sources/credentials.h has how); files are read anew for
 * every renewal, since they rotate. A service account's key signs its own tokens without a call, unless `exchange_key`
 * is set.
 *
 * Typical use, once per attempt (struct source_request.prepare):
 *
 *     gcp_auth_prepare(auth, arena, q, &used, e)
 *
 * and after ERR_AUTH: gcp_auth_refused(auth, used), then once more.
 *
 * URLs in a credential file are as trustworthy as whoever could write it: their hosts must be Google's (or equal
 * endpoint_url's), else the credential is refused.
 *
 * Ownership:     the configuration's strings outlive the gcp_auth. Tokens are copied into the caller's arena.
 * Errors:        ERR_CONFIG: the operator must change something; ERR_DENIED: a service account that may not be
 *                impersonated; ERR_THROTTLED, ERR_RETRY: passing. Texts carry Google's `error` and the remedy, never a
 *                key, an assertion or a token.
 * Thread-safety: all functions from any thread; new and free from one.
 */
#ifndef GCP_AUTH_H
#define GCP_AUTH_H

#include "collector/sources/source.h"

/* NULL and empty strings take the conventional environment variable where there is one, else Google's own default. */
struct gcp_auth_config {
    const char *credentials_file; /* set: it must exist, and nothing else is looked at */
    bool exchange_key;            /* a service account's key is exchanged at the token endpoint instead of signing */
    const char *quota_project;    /* GOOGLE_CLOUD_QUOTA_PROJECT, else the file's */
    const char *endpoint_url;     /* for all services, may hold {service}; NULL: https://{service}.<universe domain> */
    const char *metadata_url; /* NULL: GCE_METADATA_HOST, else http://metadata.google.internal; plain http is fine */
    const char *(*environment)(const char *name); /* NULL: getenv; tests give their own */
};

struct gcp_auth;

/* Reads the credential file, starts no call. NULL and ERR_CONFIG when something is wrong there. env->http serves all
 * https endpoints; for the metadata server, which is plain http, it makes a client of its own. */
MUST_USE struct gcp_auth *gcp_auth_new(const struct gcp_auth_config *c, const struct source_env *env, struct err *e);
void gcp_auth_cancel(struct gcp_auth *a); /* running and later calls end soon; env->http is cancelled by its owner */
void gcp_auth_free(struct gcp_auth *a);

/* A token for all services. Blocks when none is there yet. */
MUST_USE enum err_code gcp_auth_token(struct gcp_auth *a, struct arena *arena, sv *bearer, struct err *e);

/* The same, and puts it on `q` as Authorization, with x-goog-user-project when there is a quota project. *used is the
 * token, for gcp_auth_refused. */
MUST_USE enum err_code gcp_auth_prepare(struct gcp_auth *a, struct arena *arena, struct http_request *q, sv *used,
                                        struct err *e);

/* After ERR_AUTH: this token is not handed out again and the next call renews it. A second refusal within five minutes
 * of such a renewal is ignored: the token is not what is wrong, and the 401 stands. */
void gcp_auth_refused(struct gcp_auth *a, sv bearer);

/* Appends "https://monitoring.googleapis.com" (or what endpoint_url has in its place), without a slash at the end.
 * Services: monitoring, logging, cloudresourcemanager, oauth2, sts, iamcredentials. */
void gcp_auth_endpoint(const struct gcp_auth *a, sv service, struct buf *url);

/* What is used, for messages and `check`. Views live as long as the gcp_auth. */
struct gcp_auth_about {
    sv kind;            /* "service account key", "workload identity federation", "metadata server", ... */
    sv from;            /* where it was found: "credentials_file /etc/key.json", "GOOGLE_APPLICATION_CREDENTIALS ..." */
    sv principal;       /* email or pool, as far as the file tells; else empty */
    sv quota_project;   /* empty: none */
    sv universe;        /* "googleapis.com" */
    const char *remedy; /* when a fresh token of it is refused */
    bool is_user;       /* a person's login: for development, and it practically needs a quota project */
};
const struct gcp_auth_about *gcp_auth_about(const struct gcp_auth *a);

/* The default project: GOOGLE_CLOUD_PROJECT, GCLOUD_PROJECT, the file's project_id, the metadata server's (one call, when
 * that is the credential). ERR_CONFIG when nobody knows. */
MUST_USE enum err_code gcp_auth_project(struct gcp_auth *a, struct arena *arena, sv *project, struct err *e);

#endif
