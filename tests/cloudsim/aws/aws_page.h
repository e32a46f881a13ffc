/*
 * Page tokens of AWS's data APIs: opaque to clients, and good only for the request that they came from. The first page
 * fixes the instant that all pages show, so that they fit together.
 */
#ifndef CLOUDSIM_AWS_PAGE_H
#define CLOUDSIM_AWS_PAGE_H

#include "tests/cloudsim/aws/aws_cloud.h"

struct aws_page {
    uint64_t request; /* hash of all that the request asks for but the token */
    int64_t now;
    uint64_t at, within; /* where to go on; what they mean is the API's */
    unsigned number;     /* 0: the first page */
};

/* Hash of who asks, for what, where: the body without its token members. */
uint64_t aws_request_hash(const struct exchange *x);

/* Reads the token of member `name`, if any; false when it is no token of this request. */
bool aws_page_read(const struct exchange *x, const char *name, struct aws_page *out);
/* The token that goes on at (at, within). */
sv aws_page_token(struct exchange *x, const struct aws_page *p);

/* One first page in `one_in` is empty, with a token: that happens in life, and a client has to go on. */
bool aws_page_empty(const struct aws_page *p, unsigned one_in);

#endif
