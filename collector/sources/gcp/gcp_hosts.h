/*
 * Where Google's services stand, and which URLs of a credential file may be asked.
 *
 * Ownership:     strings of struct gcp_hosts are borrowed.
 * Thread-safety: pure functions.
 */
#ifndef GCP_HOSTS_H
#define GCP_HOSTS_H

#include "collector/base/arena.h"
#include "collector/base/buf.h"

struct gcp_hosts {
    const char *endpoint_url; /* for all services, may hold {service}; NULL or empty: https://{service}.{universe} */
    sv universe;              /* "googleapis.com" */
};

/* "https://monitoring.googleapis.com", without a slash at the end. */
void gcp_endpoint(const struct gcp_hosts *h, sv service, struct buf *url);

/* A URL of a credential file. Google's own hosts are replaced as gcp_endpoint has them; those of gcp_endpoint pass; any
 * other is ERR_CONFIG, which names `field` and the host. */
MUST_USE enum err_code gcp_hosts_admit(const struct gcp_hosts *h, const char *field, sv url, struct arena *a, sv *out,
                                       struct err *e);

/* Whether it can be a part of a host name: letters, digits, '-' and '.', not at its ends. */
bool gcp_universe_ok(sv universe);

#endif
