/* Cloud Monitoring's handlers with the query in hand, for tests that call them without HTTP. */
#ifndef CLOUDSIM_GCP_MONITORING_H
#define CLOUDSIM_GCP_MONITORING_H

#include "tests/cloudsim/gcp/gcp_page.h"

void gcp_time_series_of(struct exchange *x, sv project, sv query);
void gcp_descriptors_of(struct exchange *x, sv project, sv query);

#endif
