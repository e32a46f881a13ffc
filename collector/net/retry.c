/* Full jitter: clients that failed together do not come back together. */
#include "collector/net/retry.h"

#include "collector/base/clock.h"

static const int64_t operator_ms = INT64_C(5) * 60 * 1000; /* what only a person can mend is not asked for often */

static int64_t about(int64_t least_ms)
{
    return least_ms + (int64_t)(clock_random() * (double)least_ms / 10);
}

int64_t retry_after_failure(struct retry *r, const struct err *e)
{
    int64_t cap = r->cap_ms > 0 ? r->cap_ms : operator_ms;
    int64_t ceiling = r->base_ms > 0 ? r->base_ms : 1000;

    for (unsigned n = 0; n < r->failures && ceiling < cap; n++)
        ceiling = ceiling > cap / 2 ? cap : ceiling * 2;
    ceiling = ceiling < cap ? ceiling : cap;
    r->failures += r->failures < 1000;
    if (e->retry_after_ms > 0)
        return about(e->retry_after_ms);
    if (e->code == ERR_DENIED || e->code == ERR_CONFIG)
        return about(operator_ms);
    return (int64_t)(clock_random() * (double)(ceiling + 1));
}

void retry_success(struct retry *r)
{
    r->failures = 0;
}
