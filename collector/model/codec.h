/*
 * Frames as bytes (proto/telemetry.proto) and back. Only the codec*.c files see generated names.
 *
 * encode-decode-equal: every field of model/record.h survives; absent stays absent. Unknown fields of a newer version are
 * skipped. Packing copies no string twice.
 *
 * Packing is deterministic: equal frames give equal bytes. A value of a pair (extra, metadata, dimensions) that stands in
 * the batch's symbols travels as its number: intern those that repeat.
 *
 * Errors:        encode: ERR_LIMIT when the buffer's limit is reached (then `failed` is set in it). decode: ERR_PARSE for
 *                bytes that are no frame, ERR_LIMIT when the arena is full or memory out; *out is untouched, what was allocated stays in
 *                the arena until its reset. Hostile bytes never crash: symbol numbers out of range and enumerations not
 *                known read as absent, an unknown lane as backfill, epochs and marks of an unknown kind are dropped.
 * Thread-safety: pure.
 */
#ifndef MODEL_CODEC_H
#define MODEL_CODEC_H

#include "collector/base/buf.h"
#include "collector/model/record.h"

MUST_USE enum err_code frame_encode(const struct frame *f, struct buf *out, struct err *e);
MUST_USE enum err_code frame_decode(sv bytes, struct arena *arena, struct frame **out, struct err *e);

/* One JSON object per record and line: unified field names, absent fields left out, symbols resolved. */
void frame_to_json(const struct frame *f, struct buf *out);

#endif
