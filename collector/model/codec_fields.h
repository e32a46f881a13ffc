/*
 * The fields of each record, once: what packing, reading and JSON all go through, so that a field is carried by all of
 * them or by none. A row is X(KIND, names...); each user defines what it does per KIND. The name is that of the struct's
 * member, of the .proto's field and of the JSON key, except where a row gives several.
 *
 *   KEY   uint64, absent 0                    NUM   int64, absent NONE
 *   SYM   symbol number                       REAL  double, absent NAN
 *   IDENT text, or uuid in its own field      COUNTER uint32, absent 0
 *   TEXT  text, absent ""                     FLAG  bool, absent false
 *   AMOUNT int64, absent 0
 *   TIME  instant: member <name>_unix_nano, field <name>_delta_nano against the batch's base, JSON <name>
 *   ENUM  member, limit, function that names it (NULL-free); 0 of both sides is "none"
 *   PAIRS key_values: member, member that counts them
 *   Only of measures: MKIND (kind), BOUNDS, BUCKETS.
 */
#ifndef MODEL_CODEC_FIELDS_H
#define MODEL_CODEC_FIELDS_H

/* clang-format off */
#define CALL_FIELDS(X)                                                          \
    X(KEY, key)                     X(KEY, call_key)                            \
    X(TIME, time, base_time)        X(TIME, arrival, base_arrival)              \
    X(SYM, log)                                                                 \
    X(IDENT, request_id, request_uuid)                                          \
    X(IDENT, response_id, response_uuid)                                        \
    X(IDENT, trace_id, trace_uuid)                                              \
    X(SYM, operation)               X(SYM, operation_raw)                       \
    X(SYM, api_type)                                                            \
    X(SYM, model_requested)         X(SYM, model_served)                        \
    X(SYM, model)                   X(SYM, model_version)                       \
    X(SYM, deployment)              X(SYM, tier)        X(SYM, stream)          \
    X(ENUM, outcome, OUTCOMES, outcome_name)                                    \
    X(SYM, error_type)              X(SYM, finish_reason)                       \
    X(SYM, filter_result)           X(NUM, http_status)                         \
    X(NUM, duration_nano)           X(NUM, time_to_first_token_nano)            \
    X(NUM, time_per_output_token_nano)                                          \
    X(NUM, input_tokens)            X(NUM, output_tokens)                       \
    X(NUM, cache_read_tokens)       X(NUM, cache_write_tokens)                  \
    X(NUM, reasoning_tokens)                                                    \
    X(NUM, audio_input_tokens)      X(NUM, audio_output_tokens)                 \
    X(NUM, request_bytes)           X(NUM, response_bytes)                      \
    X(SYM, caller_principal)        X(SYM, caller_ip)   X(SYM, user_agent)      \
    X(SYM, served_region)           X(SYM, served_jurisdiction)                 \
    X(TEXT, content_input)          X(TEXT, content_output)                     \
    X(PAIRS, metadata, n_metadata)  X(PAIRS, extra, n_extra)

#define MEASURE_FIELDS(X)                                                       \
    X(KEY, key)                     X(KEY, series)                              \
    X(SYM, name)                    X(SYM, family)                              \
    X(TIME, start, base_time)       X(TIME, end, base_time)                     \
    X(MKIND, kind)                  X(SYM, unit)        X(REAL, value)          \
    X(REAL, sum)                    X(REAL, count)                              \
    X(REAL, min)                    X(REAL, max)                                \
    X(REAL, p50)                    X(REAL, p95)        X(REAL, p99)            \
    X(BOUNDS, bounds)               X(BUCKETS, buckets)                         \
    X(SYM, deployment)              X(SYM, model)       X(SYM, operation)       \
    X(SYM, tier)                    X(SYM, code)                                \
    X(ENUM, outcome, OUTCOMES, outcome_name)                                    \
    X(SYM, part)                    X(SYM, action)      X(SYM, caller)          \
    X(PAIRS, dimensions, n_dimensions)                                          \
    X(COUNTER, revision)

#define AUDIT_FIELDS(X)                                                         \
    X(KEY, key)                     X(TIME, time, base_time)                    \
    X(IDENT, event_id, event_uuid)                                              \
    X(SYM, action)                  X(SYM, outcome)                             \
    X(SYM, actor)                   X(SYM, actor_type)  X(SYM, actor_ip)        \
    X(SYM, target)                  X(SYM, category)    X(SYM, status)          \
    X(PAIRS, extra, n_extra)

#define CHARGE_FIELDS(X)                                                        \
    X(KEY, key)                                                                 \
    X(TIME, start, base_time)       X(TIME, end, base_time)                     \
    X(NUM, cost_nano)               X(SYM, currency)                            \
    X(SYM, service)                 X(SYM, sku)         X(SYM, charge_category) \
    X(SYM, model)                   X(SYM, deployment)  X(SYM, unit)            \
    X(SYM, direction)                                                           \
    X(REAL, quantity)               X(FLAG, estimated)                          \
    X(PAIRS, extra, n_extra)

#define GAP_FIELDS(X)                                                           \
    X(KEY, key)                                                                 \
    X(TIME, start, base_time)       X(TIME, end, base_time)                     \
    X(SYM, signal)                  X(SYM, cause)       X(TEXT, detail)

#define ORIGIN_FIELDS(X)                                                        \
    X(ENUM, cloud, CLOUDS, cloud_name)                                          \
    X(ENUM, platform, PLATFORMS, platform_name)                                 \
    X(SYM, account)                 X(SYM, cloud_region)                        \
    X(SYM, resource)                X(SYM, resource_id)                         \
    X(SYM, jurisdiction)            X(SYM, source)

/* What stands outside batches. AT: an instant, absolute. */
#define WINDOW_FIELDS(X)                                                        \
    X(TEXT, source)                 X(TEXT, scope)      X(TEXT, group)          \
    X(AT, from_unix_nano)           X(AT, to_unix_nano)                         \
    X(AT, read_at_unix_nano)        X(AT, settled_to_unix_nano)                 \
    X(AT, decide_to_unix_nano)      X(FLAG, control)                            \
    X(FLAG, controls)

#define QUARANTINE_FIELDS(X)                                                    \
    X(ENUM, reason, REASONS, reason_name)                                       \
    X(TEXT, what)                   X(TEXT, bytes)      X(FLAG, truncated)

#define RULE_FIELDS(X)                                                          \
    X(ENUM, platform, PLATFORMS, platform_name)                                 \
    X(TEXT, family)                 X(TEXT, fact)       X(TEXT, theirs)         \
    X(TEXT, part)                   X(TEXT, ours)       X(TEXT, stat)           \
    X(REAL, weight)                 X(TEXT, labels)     X(TEXT, born)

#define ITEM_FIELDS(X)                                                          \
    X(TEXT, deployment)             X(TEXT, model_id)   X(TEXT, model_version)  \
    X(TEXT, model)                  X(TEXT, publisher)  X(TEXT, sku)            \
    X(TEXT, processing)             X(TEXT, jurisdiction)                       \
    X(TEXT, team)                   X(TEXT, owner)                              \
    X(TEXT, cost_center)            X(TEXT, env)                                \
    X(REAL, capacity)               X(TEXT, capacity_unit)                      \
    X(AT, created_unix_nano)

#define EPOCH_FIELDS(X)                                                         \
    X(AT, valid_from_unix_nano)     X(TEXT, subject)    X(TEXT, value)          \
    X(KEY, hash)

#define SPEND_FIELDS(X)                                                         \
    X(TEXT, api)                    X(TEXT, account)                            \
    X(AMOUNT, calls)                X(AMOUNT, billed_units)                     \
    X(AMOUNT, usd_nano)
/* clang-format on */

#endif
