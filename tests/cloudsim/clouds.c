/* The clouds that there are: the one place that names them. */
#include "tests/cloudsim/cloud.h"

extern const struct cloud azure_cloud, aws_cloud, gcp_cloud, openai_cloud;

const struct cloud *const clouds[] = { &azure_cloud, &aws_cloud, &gcp_cloud, &openai_cloud, NULL };
