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
};

/* A token with Trefoil's scopes. */
MUST_USE enum err_code gcp_provide(const struct gcp_provider *p, const struct gcp_identity *id, struct arena *a,
                                   struct gcp_token *out, struct err *e);

/* The project that the metadata server stands in. */
MUST_USE enum err_code gcp_provide_project(const struct gcp_provider *p, sv metadata_url, struct arena *a, sv *project,
                                           struct err *e);

#endif
