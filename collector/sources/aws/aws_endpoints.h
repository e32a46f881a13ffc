/*
 * Which host a service has in a region: partitions, FIPS, dual-stack, and the endpoints that the operator names.
 *
 * Services are called by their host names: monitoring, logs, sts, bedrock, organizations, account, cloudtrail,
 * servicequotas, s3, firehose. Organizations and Account live in one region of a partition, whatever region is asked for.
 *
 * Ownership:     strings of the options outlive their use; `signing_region` and `partition` are constants or views of
 *                `region`.
 * Thread-safety: pure functions.
 */
#ifndef AWS_ENDPOINTS_H
#define AWS_ENDPOINTS_H

#include "collector/base/buf.h"
#include "collector/base/err.h"

struct aws_endpoint_options {
    const char
        *url; /* for all services; may hold {service} and {region}; NULL or empty: AWS_ENDPOINT_URL..., else AWS */
    bool fips, dual_stack; /* not together with a URL */
    bool sts_global;       /* sts.amazonaws.com for the oldest regions (AWS_STS_REGIONAL_ENDPOINTS=legacy) */
    const char *(*environment)(const char *name); /* NULL: no environment */
};

struct aws_endpoint {
    sv partition;      /* "aws", "aws-cn", ... as in ARNs */
    sv signing_region; /* goes into the signature */
    bool custom;       /* the operator's URL */
};

/* Puts "https://monitoring.eu-central-1.amazonaws.com", without a slash at the end. ERR_CONFIG: no region, or a
 * combination that AWS does not have. */
MUST_USE enum err_code aws_endpoint(const struct aws_endpoint_options *o, sv service, sv region,
                                    struct aws_endpoint *out, struct buf *url, struct err *e);

/* "aws" for regions that no partition knows. */
sv aws_partition_of(sv region);

/* Whether it may stand in a host name: letters, digits, '-'. */
bool aws_region_ok(sv region);

#endif
