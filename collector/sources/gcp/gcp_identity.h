/*
 * Which credential is ours: Application Default Credentials, decided from configuration, environment and files alone (no
 * call). Inside of the gcp folder; callers see gcp_auth.h.
 *
 * Thread-safety: none; one struct, one thread.
 */
#ifndef GCP_IDENTITY_H
#define GCP_IDENTITY_H

#include "collector/sources/gcp/gcp_auth.h"
#include "collector/sources/gcp/gcp_credential.h"

/* Views live in `arena`. */
struct gcp_identity {
    struct arena arena;
    struct gcp_hosts hosts;
    struct gcp_credential credential;
    sv from; /* for messages: "GOOGLE_APPLICATION_CREDENTIALS /etc/key.json", "http://metadata.google.internal" */
    sv metadata_url; /* base, without a slash at the end */
    sv project_id;   /* of environment or file; empty: nobody told */
    sv quota_project;
};

/* ERR_CONFIG tells what is missing or wrong. gcp_identity_done in any case; it overwrites secrets. */
MUST_USE enum err_code gcp_identity_choose(struct gcp_identity *id, const struct gcp_auth_config *c, struct err *e);
void gcp_identity_done(struct gcp_identity *id);

#endif
