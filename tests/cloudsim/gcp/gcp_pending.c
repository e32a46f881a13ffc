/* Methods whose handlers are still to come: each answers 501 until a file of its own defines it. */
#include "tests/cloudsim/gcp/gcp_api.h"

static void not_yet(struct exchange *x)
{
    gcp_refuse(x, "UNIMPLEMENTED", NULL, "Method %s is not implemented.", gcp_row_of(x)->method);
}

#define PENDING(name)                                                                                                  \
    __attribute__((weak)) void name(struct exchange *x)                                                                \
    {                                                                                                                  \
        not_yet(x);                                                                                                    \
    }
PENDING(gcp_time_series)
PENDING(gcp_descriptors)
PENDING(gcp_entries)
PENDING(gcp_views)
PENDING(gcp_sinks)
PENDING(gcp_quota_infos)

__attribute__((weak)) void gcp_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until)
{
    (void)s, (void)w, (void)from, (void)until;
}
