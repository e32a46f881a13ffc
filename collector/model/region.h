/*
 * Where a cloud region is, and what a deployment's SKU says about the place of processing.
 *
 * Country and jurisdiction come from a table (deploy/regions.csv compiled in; a name prefix never gives the jurisdiction:
 * eu-central-2 is Switzerland). An unknown region has no jurisdiction: empty, never a guess.
 *
 * Thread-safety: pure.
 */
#ifndef MODEL_REGION_H
#define MODEL_REGION_H

#include "collector/model/record.h"

/* ISO 3166-1 alpha-2 in upper case; empty when the region is unknown. Blanks and case of `region` do not matter. */
sv region_country(enum cloud c, sv region);

/* "eu" for members of the European Union, else the country in lower case ("us", "ch", "no"); empty when unknown. */
sv region_jurisdiction(enum cloud c, sv region);

#endif
