/*
 * Keys: what makes a record itself, whatever door it comes through. The table:
 *
 *   call     log, resource id (lower case), correlation or request id, hash of the row's own fields
 *   call_key resource id, correlation or request id: shared by the rows of one call
 *   measure  series + bucket start; series: platform, resource id, metric name, native dimensions in any order; of a
 *            control read "hour" besides
 *   audit    event id; without one: resource id, action, correlation id, time, status
 *   charge   account, project or resource, sku or line item, start, end, currency
 *   gap      source, scope, signal, start, end
 *
 * Two records with one key and one value are one. 64 bits of XXH3 over the parts with their lengths; never 0. Resource ids
 * compare without case, whatever the caller passes; all other parts as they are, so give key_parts one spelling.
 *
 * Thread-safety: pure.
 */
#ifndef MODEL_KEY_H
#define MODEL_KEY_H

#include "collector/model/record.h"

uint64_t key_call(sv log, sv resource_id, sv call_id, uint64_t row_hash);
uint64_t key_of_call(sv resource_id, sv call_id); /* 0 without a call id: the row stands alone */
/* `dims` need not be sorted; names compare without case. */
uint64_t key_series(const struct batch *b, enum platform p, sv resource_id, sv name, const struct key_value *dims,
                    size_t n);
uint64_t key_measure(uint64_t series, int64_t start_unix_nano);
uint64_t key_control(uint64_t series,
                     int64_t start_unix_nano); /* of a control read: no revision of the bucket that starts there */
uint64_t key_parts(const sv *parts, size_t n);

#endif
