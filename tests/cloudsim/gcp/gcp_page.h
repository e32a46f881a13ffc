/* Page tokens and parameters of Google's lists. "Page tokens live 24 h." */
#ifndef CLOUDSIM_GCP_PAGE_H
#define CLOUDSIM_GCP_PAGE_H

#include "tests/cloudsim/api.h"
#include "tests/cloudsim/page.h"

/* False when it is no token of this request (hash of all that has to stay the same), or too old. An empty one begins. */
bool gcp_page_read(const struct exchange *x, sv token, uint64_t request, struct page *out);
/* The token that goes on at `at`. */
sv gcp_page_token(struct exchange *x, const struct page *p, uint64_t at);

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
