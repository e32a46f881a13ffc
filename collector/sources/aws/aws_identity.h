/*
 * Which credentials are ours: AWS's chain, decided from configuration, environment and shared files alone (no call).
 * Inside of the aws folder; callers see aws_auth.h.
 *
 * Thread-safety: none; one struct, one thread.
 */
#ifndef AWS_IDENTITY_H
#define AWS_IDENTITY_H

#include "collector/sources/aws/aws_auth.h"

enum aws_way {
    AWS_WAY_ENVIRONMENT,
    AWS_WAY_FILE,
    AWS_WAY_WEB_IDENTITY,
    AWS_WAY_CONTAINER,
    AWS_WAY_IMDS,
};

enum { AWS_ROLES_MAX = 5, AWS_ROLE_SECONDS = 3600, AWS_SESSION_NAME_MAX = 64 };

struct aws_role {
    sv arn, session_name;
    sv external_id; /* empty: none */
    int64_t duration_s;
};

/* Views live in `arena`. */
struct aws_identity {
    struct arena arena;
    enum aws_way way;
    sv kind;                       /* for messages */
    struct sigv4_credentials keys; /* environment, file */
    int64_t ends_unix_nano;        /* of the environment's keys; 0: never */
    struct aws_role web;           /* web identity: the role, and the token's file (terminated) */
    sv web_token_file;
    sv url;                               /* container: whole; instance metadata: base without a slash at the end */
    sv auth_token, auth_token_file;       /* container: Authorization, or the file with it (terminated) */
    struct aws_role roles[AWS_ROLES_MAX]; /* assumed one after the other, from the first set on */
    size_t n_roles;
    sv region; /* empty: nobody told */
    bool fips, dual_stack, sts_global;
};

/* ERR_CONFIG tells what is missing or cannot work in a daemon. aws_identity_done in any case. */
MUST_USE enum err_code aws_identity_choose(struct aws_identity *id, const struct aws_auth_config *c, struct err *e);
void aws_identity_done(struct aws_identity *id);

/* A name fit for AWS (2 to 64 of [A-Za-z0-9_+=,.@-]); NULL: trefoil-<host name>. */
sv aws_session_name(const char *configured, struct arena *a);

/* Whether plain http may go there with a container's token: loopback and AWS's own link-local addresses. */
bool aws_container_host_ok(sv url);

#endif
