/*
 * deploy/regions.csv as a sorted table, made at build time (Makefile: build/gen/regions.inc), searched by halving.
 * Regions are asked for by what the clouds send: "West Europe", "westeurope" and "EU-West-1 " all occur.
 */
#include "collector/model/region.h"

#include <stdlib.h>

struct region {
    const char *cloud, *name, *country, *jurisdiction;
};

static const struct region regions[] = {
#include "regions.inc"
};

enum { NAME_MAX_BYTES = 64 }; /* longer than any region: unknown */

struct wanted {
    const char *cloud;
    char name[NAME_MAX_BYTES];
};

/* Lower case, no blanks. */
static bool normalize(sv region, char out[NAME_MAX_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < region.len; i++) {
        const char c = region.at[i];

        if (c == ' ' || c == '\t')
            continue;
        if (c == '\0' || n == NAME_MAX_BYTES - 1)
            return false;
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    out[n] = '\0';
    return n > 0;
}

static int compare(const void *wanted, const void *row)
{
    const struct wanted *w = wanted;
    const struct region *r = row;
    const int by_cloud = strcmp(w->cloud, r->cloud);

    return by_cloud ? by_cloud : strcmp(w->name, r->name);
}

static const struct region *find(enum cloud c, sv region)
{
    struct wanted w = { .cloud = cloud_name(c) };

    if (!normalize(region, w.name))
        return NULL;
    return bsearch(&w, regions, sizeof regions / sizeof regions[0], sizeof regions[0], compare);
}

sv region_country(enum cloud c, sv region)
{
    const struct region *r = find(c, region);

    return r ? sv_of(r->country) : SV_NONE;
}

sv region_jurisdiction(enum cloud c, sv region)
{
    const struct region *r = find(c, region);

    return r ? sv_of(r->jurisdiction) : SV_NONE;
}
