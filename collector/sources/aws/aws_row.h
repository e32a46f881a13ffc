/*
 * One record of AWS's logs, whichever door it came by, and what becomes of it. Inside of the aws folder.
 *
 * A door hands a parsed document to aws_record_take, which appends the record, or rejects, or quarantines it. ERR_LIMIT
 * alone comes back: the frame's arena is full.
 */
#ifndef AWS_ROW_H
#define AWS_ROW_H

#include "collector/model/extra.h"
#include "collector/sources/aws/aws_log.h"
#include "collector/sources/batches.h"

enum { AWS_TEXT_MAX = 1024, AWS_METADATA_MAX = 64, AWS_LOG_MAPPING = 1 };

struct aws_decoder {
    struct json_parser *outer, *inner;     /* the answer; a message or event that came as a string */
    struct arena scratch;                  /* of one record */
    struct batches batches;                /* of the frame at hand, by hash of their origin */
    const struct aws_log_context *context; /* of the decode call at hand */
    struct frame *frame;
};

/* Where a record stood. */
struct aws_place_in {
    sv what;                                   /* "event 7 of the page", for quarantine */
    sv bytes;                                  /* the same; may be empty */
    int64_t time_unix_nano, arrival_unix_nano; /* of the log event around it; 0: none */
};

/* A record of any kind that stands here. Counts it as received. */
MUST_USE enum err_code aws_record_take(struct aws_decoder *d, json record, const struct aws_place_in *at,
                                       struct err *e);

bool aws_is_invocation(json record);
MUST_USE enum err_code aws_invocation_take(struct aws_decoder *d, json record, const struct aws_place_in *at,
                                           struct err *e);
bool aws_is_trail_event(json record);
MUST_USE enum err_code aws_trail_take(struct aws_decoder *d, json event, const struct aws_place_in *at, struct err *e);

/* ---- What both share (aws_row.c) ---- */

MUST_USE enum err_code aws_log_full(struct err *e);
MUST_USE enum err_code aws_quarantine(struct aws_decoder *d, const struct aws_place_in *at, struct err *e);
void aws_reject(struct aws_decoder *d, enum reason reason);

/* Account and region of a record, else of the context. False: no account of twelve digits or no region. */
bool aws_origin_of(const struct aws_decoder *d, json account, json region, struct aws_origin *out);
struct batch *aws_log_batch(struct aws_decoder *d, const struct aws_origin *o);

/* What the record's ModelId names, looked up if need be; *wanted says whether its publisher is. */
MUST_USE enum err_code aws_log_model(struct aws_decoder *d, const struct aws_origin *o, sv model_id,
                                     struct aws_model *out, bool *wanted, struct err *e);
/* Sets model, deployment and what was asked for. */
void aws_call_model(struct batch *b, sv model_id, const struct aws_model *m, struct call *c);
/* Served region, or `home` when the cloud tells none. */
void aws_call_served(struct batch *b, sv served, sv home, struct call *c);
/* Pairs of texts; what is no text goes to `x`. False at the arena's limit. */
bool aws_call_metadata(struct batch *b, json object, sv path, struct extras *x, struct call *c);

/* A text that is no longer than any name in use, else empty. */
sv aws_word(json v);

/* Members of a record that are not read for themselves: those of the list go to `extra` as they are, the others by shape. */
struct aws_known {
    const char *name;
    enum { AWS_READ, AWS_KEPT } is;
};
bool aws_extra_members(json object, const char *below, const struct aws_known *known, size_t n, struct extras *x);

#endif
