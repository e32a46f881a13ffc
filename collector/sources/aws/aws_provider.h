/*
 * The calls that get credentials: metadata services, STS. One renewal each, without memory; aws_auth.c remembers.
 * Inside of the aws folder.
 *
 * Thread-safety: all functions from any thread, each with its own arena.
 */
#ifndef AWS_PROVIDER_H
#define AWS_PROVIDER_H

#include "collector/sources/aws/aws_token.h"

struct aws_provider {
    const struct source_env *env;
    struct http_client *metadata; /* plain http */
    struct sigv4_signer *signer;
    const struct aws_endpoint_options *endpoints;
    sv quota; /* of STS */
    sv region;
};

/* Our own set: the identity's first keys, then its roles. */
MUST_USE enum err_code aws_provide(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                                   struct aws_token_answer *out, struct err *e);

MUST_USE enum err_code aws_provide_role(const struct aws_provider *p, const struct sigv4_credentials *by,
                                        const struct aws_role *role, sv account, struct arena *a,
                                        struct aws_token_answer *out, struct err *e);

MUST_USE enum err_code aws_provide_caller(const struct aws_provider *p, const struct sigv4_credentials *by,
                                          struct arena *a, sv *account, sv *arn, struct err *e);

/* The region that the instance metadata tells. */
MUST_USE enum err_code aws_provide_region(const struct aws_provider *p, const struct aws_identity *id, struct arena *a,
                                          sv *region, struct err *e);

#endif
