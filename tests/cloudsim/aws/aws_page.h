/* Page tokens of AWS's data APIs, which stand in the body. */
#ifndef CLOUDSIM_AWS_PAGE_H
#define CLOUDSIM_AWS_PAGE_H

#include "tests/cloudsim/aws/aws_cloud.h"
#include "tests/cloudsim/page.h"

/* Hash of who asks, for what, where: the body without its token members. */
uint64_t aws_request_hash(const struct exchange *x);

/* Reads the token of member `name`, if any; false when it is no token of this request. */
bool aws_page_read(const struct exchange *x, const char *name, struct page *out);
/* The token that goes on at (at, within). */
sv aws_page_token(struct exchange *x, const struct page *p);

/* One first page in `one_in` is empty, with a token: that happens in life, and a client has to go on. */
bool aws_page_empty(const struct page *p, unsigned one_in);

#endif
