/* AWS in the frame: what it keeps, and what it knows of a request. */
#ifndef CLOUDSIM_AWS_CLOUD_H
#define CLOUDSIM_AWS_CLOUD_H

#include "tests/cloudsim/aws/aws_calls.h"
#include "tests/cloudsim/cloud.h"
#include "tests/cloudsim/token.h"

struct aws_listing;

struct aws {
    struct aws_world world;
    struct aws_workload *workload;
    struct aws_listing *listing;
};
static inline struct aws *aws_of(const struct sim *s)
{
    return s->of[AWS];
}

static inline struct aws_request *aws_request(const struct exchange *x)
{
    return x->own;
}

#endif
