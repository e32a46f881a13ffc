/*
 * Canonical model names: one spelling for one model over all clouds, never a list of ids.
 *
 * Stripped: ARN, geography prefix ("us.", "eu.", "apac.", "global.", ...), publisher prefix ("openai.", "openai/"), "-N:M"
 * and ":N" suffixes, "-maas", a trailing date ("-2025-08-07", "-20250807", "-0613" stays: it is part of old names' identity);
 * lower case. An id never seen before passes through the same rules. The raw id is kept beside it in the record.
 *
 * Thread-safety: pure.
 */
#ifndef MODEL_CANONICAL_H
#define MODEL_CANONICAL_H

#include "collector/base/arena.h"

/* "" stays "". The result lives in `a`; its `at` is NULL at the arena's limit. */
sv model_canonical(struct arena *a, sv raw);

#endif
