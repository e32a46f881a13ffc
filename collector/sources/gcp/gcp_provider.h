/*
 * The calls that get a token: token endpoints, STS, iamcredentials, the metadata server. One renewal each, without
 * memory; gcp_auth.c remembers. Inside of the gcp folder.
 *
 * Thread-safety: all functions from any thread, each with its own arena.
 */
#ifndef GCP_PROVIDER_H
#define GCP_PROVIDER_H

#include "collector/sources/gcp/gcp_identity.h"
#include "collector/sources/gcp/gcp_token.h"

struct gcp_provider {
    const struct source_env *env;
    struct http_client *plain; /* metadata services */
    bool exchange_key;
    const char *(*environment)(const char *name); /* NULL: getenv */
};

/* A token with Trefoil's scopes. */
MUST_USE enum err_code gcp_provide(const struct gcp_provider *p, const struct gcp_identity *id, struct arena *a,
                                   struct gcp_token *out, struct err *e);

/* The project that the metadata server stands in. */
MUST_USE enum err_code gcp_provide_project(const struct gcp_provider *p, sv metadata_url, struct arena *a, sv *project,
                                           struct err *e);

/* ---- Shared with gcp_subject.c ---- */

/* One call. `local`: plain http goes through the client that may. */
MUST_USE enum err_code gcp_provider_call(const struct gcp_provider *p, const struct api *api, bool local,
                                         struct http_request *q, struct arena *a, struct http_response *r,
                                         struct err *e);

/* An external account's own proof, anew. */
MUST_USE enum err_code gcp_subject_token(const struct gcp_provider *p, const struct gcp_credential *c, struct arena *a,
                                         sv *out, struct err *e);

#endif
