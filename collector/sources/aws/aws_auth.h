/*
 * Credentials for everything that Trefoil asks of AWS: the usual chain for our own identity, and a role in each other
 * account.
 *
 * One struct aws_auth serves one principal. Its own set comes from the first of: environment, profile with a role,
 * web identity, shared files, container, instance metadata. Each further account has a set of its own by AssumeRole
 * (role_arn with {account}, ExternalId), so no account waits for another. A set is renewed 15 minutes before it ends,
 * one renewal in flight per account: while it runs or fails, others go on with the old set as long as that is valid;
 * without one they wait for its result. After a failure the next attempt waits (a growing pause, an hour after
 * AccessDenied), and until then the failure is told again without a call. Files and tokens are read anew for every
 * renewal, since they rotate.
 *
 * Typical use, once per attempt (struct source_request.prepare):
 *
 *     aws_auth_sign(auth, account, region, SV("monitoring"), arena, q, &used, e)
 *
 * and after ERR_AUTH: aws_auth_refused(auth, account, used), then once more.
 *
 * Ownership:     the configuration's strings outlive the aws_auth. Sets are copied into the caller's arena.
 * Errors:        ERR_CONFIG: the operator must change something; ERR_DENIED: a role that may not be assumed;
 *                ERR_AUTH: our own credentials are refused; ERR_THROTTLED, ERR_RETRY: passing. Texts carry AWS's code
 *                and the remedy, never a secret or token.
 * Thread-safety: all functions from any thread; new and free from one.
 */
#ifndef AWS_AUTH_H
#define AWS_AUTH_H

#include "collector/config/secret.h"
#include "collector/sources/aws/aws_endpoints.h"
#include "collector/sources/sigv4.h"
#include "collector/sources/source.h"

/* NULL and empty strings take the conventional environment variable where there is one, else AWS's own default. */
struct aws_auth_config {
    const char *profile;                               /* set: keys of the environment are not looked at */
    const char *shared_credentials_file, *config_file; /* set: they must exist */
    const char *region;   /* of our own STS calls; NULL: AWS_REGION, AWS_DEFAULT_REGION, profile, instance metadata */
    const char *role_arn; /* "arn:{partition}:iam::{account}:role/trefoil-read"; NULL: own account alone */
    struct secret external_id;
    const char *session_name;  /* NULL: trefoil-<host name> */
    const char *endpoint_url;  /* NULL: AWS_ENDPOINT_URL..., else AWS's own; may hold {service} and {region} */
    bool fips, dual_stack;     /* false: AWS_USE_FIPS_ENDPOINT, profile */
    const char *imds_url;      /* NULL: http://169.254.169.254 */
    const char *container_url; /* NULL: http://169.254.170.2, for AWS_CONTAINER_CREDENTIALS_RELATIVE_URI */
    const char *(*environment)(const char *name); /* NULL: getenv; tests give their own */
};

struct aws_auth;

/* Reads the shared files, starts no call. NULL and ERR_CONFIG when something is wrong there. env->http serves all https
 * endpoints; for metadata services, which are plain http, it makes a client of its own. */
MUST_USE struct aws_auth *aws_auth_new(const struct aws_auth_config *c, const struct source_env *env, struct err *e);
void aws_auth_cancel(struct aws_auth *a); /* running and later calls end soon; env->http is cancelled by its owner */
void aws_auth_free(struct aws_auth *a);

/* A set for `account` (12 digits; "" and our own account: no role is assumed). Blocks when none is there yet. */
MUST_USE enum err_code aws_auth_get(struct aws_auth *a, sv account, struct arena *arena, struct sigv4_credentials *out,
                                    struct err *e);

/* The same, and signs `q` with it at the server's time. *used is the access key id, for aws_auth_refused. */
MUST_USE enum err_code aws_auth_sign(struct aws_auth *a, sv account, sv region, sv service, struct arena *arena,
                                     struct http_request *q, sv *used, struct err *e);

/* After ERR_AUTH: this set is not handed out again and the next call renews it. A second refusal within five minutes of
 * such a renewal is ignored: the credentials are not what is wrong, and the refusal stands. */
void aws_auth_refused(struct aws_auth *a, sv account, sv access_key_id);

/* Who we are, by one GetCallerIdentity in the life of `a` (it needs no permission). Views live as long as `a`. */
struct aws_caller {
    sv account;   /* 12 digits */
    sv partition; /* "aws" */
    sv arn;
};
MUST_USE enum err_code aws_auth_account(struct aws_auth *a, struct aws_caller *out, struct err *e);

/* The region of our own STS calls. Asks the instance metadata when credentials come from there and nothing else told;
 * us-east-1 when nobody knows. The view lives as long as `a`. */
MUST_USE enum err_code aws_auth_region(struct aws_auth *a, sv *region, struct err *e);

/* Where endpoints are, as configuration, environment and profile have it. */
const struct aws_endpoint_options *aws_auth_endpoints(const struct aws_auth *a);

/* Which way is used, for messages: "environment", "profile prod", "web identity", "container", "instance metadata". */
const char *aws_auth_kind(const struct aws_auth *a);

#endif
