/*
 * Who calls Google, and what tokens say. Five identities: the service account whose key is in a file (and which the
 * metadata server hands out), a second one that is only ever impersonated, a person, and three subjects of a workload
 * identity pool: of a cluster, one of which may read by itself while the other must impersonate, and a role on AWS.
 *
 * Access tokens are opaque to clients. They carry identity, scopes and times under a MAC whose key comes from the seed,
 * so they are believed again after a restart and nothing is stored.
 *
 * Ownership:     views live as long as struct gcp_access.
 * Thread-safety: read-only after gcp_access_new.
 */
#ifndef CLOUDSIM_GCP_ACCESS_H
#define CLOUDSIM_GCP_ACCESS_H

#include "tests/cloudsim/gcp/gcp_jwt.h"

struct sim;
struct exchange;
struct gcp_world;

enum { GCP_TOKEN_LIFE_S = 3600, GCP_SKEW_S = 300 };

enum gcp_who { GCP_ACCOUNT, GCP_READER, GCP_PERSON, GCP_SUBJECT, GCP_DIRECT, GCP_AWS_ROLE, GCP_WHOS };

struct gcp_identity {
    sv name;               /* e-mail, or principal://... of a pool's subject */
    sv subject;            /* `sub` of the provider's token; empty for others */
    bool reads;            /* has the roles that a collector needs */
    bool quota_project;    /* calls of a person are charged to the project that x-goog-user-project names */
    unsigned impersonates; /* 1 << who */
};

struct gcp_access {
    struct arena arena;
    struct gcp_key key, provider_key;
    struct gcp_identity who[GCP_WHOS];
    sv audience; /* of the pool's provider: //iam.googleapis.com/projects/... */
    sv issuer;   /* of its tokens */
    sv client_id, client_secret, refresh_token;
    sv aws_audience; /* of the pool's provider for AWS */
    sv aws_key_id, aws_secret, aws_token;
};

/* Keys are read from `dir`, or made and written there. NULL: *e says why. */
MUST_USE struct gcp_access *gcp_access_new(const struct gcp_world *w, const char *dir, struct err *e);
void gcp_access_free(struct gcp_access *g);

/* Scopes as bits; those that nothing here wants are GCP_SCOPE_OTHER. */
enum gcp_scope {
    GCP_SCOPE_PLATFORM = 1,
    GCP_SCOPE_PLATFORM_READ = 2,
    GCP_SCOPE_MONITORING = 4,
    GCP_SCOPE_MONITORING_READ = 8,
    GCP_SCOPE_LOGGING_ADMIN = 16,
    GCP_SCOPE_LOGGING_READ = 32,
    GCP_SCOPE_IAM = 64,
    GCP_SCOPE_OTHER = 128,
};
/* Names separated by blanks or commas. False: one of them is no scope. */
bool gcp_scopes_read(sv names, unsigned *out);
/* Names of the bits, separated by blanks. */
sv gcp_scopes_text(struct arena *a, unsigned bits);

struct gcp_grant {
    enum gcp_who who;
    unsigned scopes;
    int64_t issued, expires; /* unix nanoseconds */
};
sv gcp_token_make(const struct sim *s, struct arena *a, const struct gcp_grant *g);
/* False unless it is one of ours, whole and unchanged. */
bool gcp_token_read(struct exchange *x, sv token, struct gcp_grant *out);

/* What a token of RFC 7523 must be: of a known issuer, signed, at most an hour long, not over. The verdict is the text
 * that the token endpoint tells; NULL when all is well. */
const char *gcp_jwt_times(const struct gcp_jwt *t, int64_t now);

/* A token of the pool's identity provider for this subject. */
sv gcp_subject_token(const struct sim *s, struct arena *a, enum gcp_who who, int64_t now);

#endif
