/*
 * One row of Azure's logs, whichever door it came by, and what becomes of it. Inside of the azure folder.
 *
 * A door fills struct azure_row (views into its parser's document, valid for the call) and hands it to azure_row_take,
 * which appends the record, or rejects, or quarantines it. ERR_LIMIT alone comes back: the frame's arena is full.
 */
#ifndef AZURE_ROW_H
#define AZURE_ROW_H

#include "collector/base/json.h"
#include "collector/model/extra.h"
#include "collector/sources/azure/azure_log.h"
#include "collector/sources/batches.h"

enum { AZURE_ID_MAX = 1024, AZURE_LOG_MAPPING = 1 };

struct azure_decoder {
    struct json_parser *outer, *inner; /* the document; properties that came as a string */
    struct json_parser *additional; /* Log Analytics' AdditionalFields, which may hold properties again as a string */
    struct arena scratch;           /* of one row */
    struct batches batches;         /* of the frame at hand, by hash of resource and region */
    /* Of the decode call at hand. */
    const struct azure_log_context *context;
    struct frame *frame;
};

/* Begins a decode call / a row. */
void azure_decoder_begin(struct azure_decoder *d, const struct azure_log_context *c, struct frame *out);

struct azure_row {
    sv what;  /* "row 7 of PrimaryResult", for quarantine */
    sv bytes; /* the same; may be empty */
    sv resource_id, category, operation, signature, caller_ip, correlation, location;
    int64_t time_unix_nano; /* 0: none that could be read */
    int64_t arrival_unix_nano;
    int64_t duration_ms; /* NONE */
    json properties;     /* object, or a string holding one, or absent */
    struct extras extra;
};

MUST_USE enum err_code azure_row_take(struct azure_decoder *d, struct azure_row *r, struct err *e);

/* An event of the Activity Log in its own form (a page's item) or as exported (a record). */
MUST_USE enum err_code azure_activity_take(struct azure_decoder *d, json event, sv what, sv bytes, struct err *e);
bool azure_is_exported_activity(json record);
MUST_USE enum err_code azure_exported_activity_take(struct azure_decoder *d, json record, sv what, sv bytes,
                                                    struct err *e);

/* The batch of an account ("/subscriptions/S/.../accounts/NAME") or of a subscription ("/subscriptions/S"), made when
 * first seen; `resource_id` in lower case. NULL: unwanted when *unwanted is set, else the arena's limit. */
struct batch *azure_row_batch(struct azure_decoder *d, sv resource_id, sv location, bool *unwanted);

/* Text of a string or whole number; empty for anything else. Lives in d->scratch or the document. */
sv azure_text(struct azure_decoder *d, json v);

/* In lower case, in `out` of `size`; empty when it is too long or empty. */
sv azure_lower(sv s, char *out, size_t size);

/* "/subscriptions/.../accounts/NAME" of an id at or below a Cognitive Services account; empty for anything else. */
sv azure_account_id(sv resource_id);

MUST_USE enum err_code azure_quarantine(struct azure_decoder *d, sv what, sv bytes, struct err *e);

#endif
