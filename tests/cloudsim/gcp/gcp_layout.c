/* A few layouts of each kind; which one a model has is a matter of its name and of the hour. */
#include "tests/cloudsim/gcp/gcp_layout.h"

#include <math.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/rng.h"

/* clang-format off */
static const struct gcp_layout layouts[] = {
    { .kind = GCP_EXPONENTIAL, .finite = 64, .growth = 1.4, .scale = 1 },
    { .kind = GCP_EXPLICIT,    .finite = 14, .bounds = { 0, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000, 300000 } },
    { .kind = GCP_EXPONENTIAL, .finite = 20, .growth = 2, .scale = 10 },
    { .kind = GCP_LINEAR,      .finite = 40, .width = 250, .offset = 0 },
    { .kind = GCP_EXPLICIT,    .finite = 3,  .bounds = { 100, 1000, 10000, 100000 } },
};
static const struct gcp_layout of_tokens = { .kind = GCP_EXPONENTIAL, .finite = 18, .growth = 2, .scale = 1 };
/* clang-format on */

enum { LAYOUTS = sizeof layouts / sizeof layouts[0], MINUTES = 60 };

const struct gcp_layout *gcp_layout_of(const struct gcp_deployment *d, bool first_token, int64_t minute)
{
    uint64_t name = hash_part(hash64(d->label_model), first_token ? SV("first") : SV("whole"));
    uint64_t change = rng_name(name, (uint64_t)(minute / MINUTES));

    return &layouts[(change % 3 == 0 ? rng_mix(change) : name) % LAYOUTS];
}

const struct gcp_layout *gcp_layout_of_tokens(void)
{
    return &of_tokens;
}

double gcp_layout_bound(const struct gcp_layout *l, unsigned i)
{
    switch (l->kind) {
    case GCP_EXPLICIT:
        return l->bounds[i];
    case GCP_EXPONENTIAL:
        return l->scale * pow(l->growth, i);
    case GCP_LINEAR:
        break;
    }
    return l->offset + l->width * i;
}

unsigned gcp_layout_bucket(const struct gcp_layout *l, double value)
{
    unsigned i = 0, overflow = gcp_layout_buckets(l) - 1;

    while (i < overflow && value >= gcp_layout_bound(l, i))
        i++;
    return i;
}
