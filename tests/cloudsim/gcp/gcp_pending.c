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
PENDING(gcp_entries)
PENDING(gcp_views)
