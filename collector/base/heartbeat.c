/* Each thread knows its heart by a variable of its own, so that nothing between the scheduler and a call has to hand it down. */
#include "collector/base/heartbeat.h"

#include <stddef.h>

#include "collector/base/clock.h"

static _Thread_local struct heart *own;

void heartbeat_wear(struct heart *h)
{
    if (own)
        own->stage = NULL;
    own = h;
}

void heartbeat(const char *stage)
{
    if (!own)
        return;
    own->beat_mono = clock_mono();
    own->stage = stage;
}

int64_t heartbeat_age(const struct heart *h, const char **stage)
{
    *stage = h->stage;
    return *stage ? clock_mono() - h->beat_mono : 0;
}
