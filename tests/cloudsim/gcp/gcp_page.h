/*
 * Page tokens and parameters of Google's lists. A token is opaque to clients, lives 24 h and is good only for the request
 * that it came from. The first page fixes the instant that all pages show, so that they fit together.
 */
#ifndef CLOUDSIM_GCP_PAGE_H
#define CLOUDSIM_GCP_PAGE_H

#include "tests/cloudsim/api.h"

struct gcp_page {
    uint64_t request; /* hash of all that has to stay the same */
    int64_t now;
    uint64_t at;     /* where to go on; what it means is the API's */
    unsigned number; /* 0: the first page */
};
/* False when it is no token of this request, or too old. An empty one begins. */
bool gcp_page_read(const struct exchange *x, sv token, uint64_t request, struct gcp_page *out);
/* The token that goes on at `at`. */
sv gcp_page_token(struct exchange *x, const struct gcp_page *p, uint64_t at);

/* Parameters of a query as sent ("a=b&c=d"), decoded; one name may come several times. */
enum { GCP_PARAMETERS_MAX = 64 };
struct gcp_parameters {
    struct {
        sv name, value;
    } at[GCP_PARAMETERS_MAX];
    size_t n;
};
void gcp_parameters_read(struct exchange *x, sv query, struct gcp_parameters *out);
sv gcp_parameter(const struct gcp_parameters *p, const char *name); /* empty: none */
/* The query of the request itself. */
sv gcp_query(const struct exchange *x);
/* The names `project` may be read under; answers 403 or 404 itself and returns NULL when it may not. */
const struct gcp_project *gcp_readable_project(struct exchange *x, sv id_or_number);

#endif
