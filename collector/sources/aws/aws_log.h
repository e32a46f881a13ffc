/*
 * AWS's logs: Bedrock's model invocation logs and CloudTrail, through every door that they come by, as records. All
 * functions are pure: bytes in, records out, except what the context's functions do.
 *
 *   CloudWatch Logs   aws_body_filter_events, aws_decode_log_events    aws.md 1.6, 1.7, 2.8
 *   LookupEvents      aws_body_lookup_events, aws_decode_lookup        discovery.md 2.6
 *   files, S3 objects aws_decode_records                               aws.md 1.6, 1.7
 *
 * One record has one key whichever door it came by: an invocation record's is made of account, region and request id, a
 * CloudTrail event's of its event id. Both tell of one call under one call key. operation is absent for what is no
 * inference (operation_raw tells). `tally.received` counts the records, `rejected` those left out; `stored` and
 * `duplicate` are left to the runner. A record that cannot be mapped is quarantined alone.
 *
 * Content never gets further than here: of bodies only figures and the reason of the end are read; leaves that are not
 * mapped go to `extra` as path, type and length. Callers and what they sent along go to the identity and metadata fields;
 * policy decides what becomes of them.
 */
#ifndef AWS_LOG_H
#define AWS_LOG_H

#include "collector/base/buf.h"
#include "collector/sources/aws/aws.h"

/* ---- Requests (aws_request_log.c) ---- */

/* Body of FilterLogEvents: events of [from, to). `pattern` and `token` may be empty. */
void aws_body_filter_events(struct buf *out, sv group, sv pattern, int64_t from_unix_nano, int64_t to_unix_nano,
                            sv token);
/* What a trail's group is asked for: events of Bedrock's two event sources. */
extern const char aws_trail_pattern[];

/* Body of LookupEvents: management events that are no reads, of [from, to]. */
void aws_body_lookup_events(struct buf *out, int64_t from_unix_nano, int64_t to_unix_nano, sv token);

/* ---- Answers (aws_decode_log.c) ---- */

/* What the decoders need beside the bytes. Zero members are fine: then the record tells what it can. */
struct aws_log_context {
    sv source; /* id in the configuration */
    int64_t observed_unix_nano;
    sv account, region; /* where it was read, for records that do not tell */
    void *ctx;
    /* What stands behind the id of an application profile. False: not known. May block. */
    bool (*profile)(void *ctx, sv account, sv region, sv model_id, struct aws_profile *out);
    bool (*publisher)(void *ctx, sv publisher); /* NULL: all are wanted */
};

/* Parsers and scratch memory for one thread. */
struct aws_decoder;
MUST_USE struct aws_decoder *aws_decoder_new(void);
void aws_decoder_free(struct aws_decoder *d);

/* A page of FilterLogEvents. *token (in out->arena) is empty on the last page; an empty page may have one. */
MUST_USE enum err_code aws_decode_log_events(struct aws_decoder *d, sv body, const struct aws_log_context *c,
                                             struct frame *out, sv *token, struct err *e);

/* A page of LookupEvents. */
MUST_USE enum err_code aws_decode_lookup(struct aws_decoder *d, sv body, const struct aws_log_context *c,
                                         struct frame *out, sv *token, struct err *e);

/* Invocation records and CloudTrail events, one per line, concatenated, in an array or in {"Records":[..]}; pages of the
 * two answers above too. ERR_LIMIT only: bad bytes are quarantined. */
MUST_USE enum err_code aws_decode_records(struct aws_decoder *d, sv bytes, const struct aws_log_context *c,
                                          struct frame *out, struct err *e);

/* Which of AWS's formats this is; empty: none. */
sv aws_detect(sv bytes);

extern const char *const aws_formats[]; /* ends with NULL */
MUST_USE enum err_code aws_normalize(sv format, sv bytes, struct frame *out, struct err *e);

/* ---- Names (aws_operations.c) ---- */

/* What an operation's or event's name means. */
struct aws_operation_name {
    sv operation; /* "chat"; a name not in the table in lower case; "unknown" without a name */
    sv api_type;  /* "converse", ...; empty when not in the table */
    bool known;   /* in the table: it is about one model invocation */
    bool inference;
    bool streams;
};
/* False at the arena's limit. */
bool aws_operation_of(sv raw, struct arena *a, struct aws_operation_name *out);

/* "" is success; "ThrottlingException" throttled, ...; what is not in the table is the client's error. */
enum outcome aws_outcome_of(sv error_code);

#endif
