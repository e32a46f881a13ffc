/*
 * What the stories of all clouds share: how a day goes, how a call can end, the product's histogram layout, and how ids
 * look.
 */
#ifndef CLOUDSIM_STORY_H
#define CLOUDSIM_STORY_H

#include "collector/base/clock.h"
#include "collector/base/sv.h"

enum outcome { OUTCOME_SUCCESS, OUTCOME_THROTTLED, OUTCOME_CLIENT_ERROR, OUTCOME_SERVER_ERROR, OUTCOMES };
extern const char *const outcome_names[OUTCOMES];

/* Upper bounds in microseconds; the last one is +Inf. */
enum { BUCKETS = 18 };
extern const int64_t bucket_bounds_us[BUCKETS];
unsigned bucket_of(int64_t us);

/* Busy by day, calm by night, between about 0.3 and 1.7. */
double workload_rhythm(int64_t minute);

/* 36 characters of a version 4 UUID from 128 bits. */
void uuid_text(uint64_t hi, uint64_t lo, char out[36]);

#endif
