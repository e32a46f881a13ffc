/*
 * Azure's logs: the diagnostic-log categories RequestResponse, AzureOpenAIRequestUsage and Audit, and the Activity Log,
 * through every door that they come by, as records. All functions are pure: bytes in, records out.
 *
 *   Log Analytics   azure_log_url, azure_log_body, azure_decode_log        azure.md 2.3
 *   Activity Log    azure_activity_url, azure_decode_activity             discovery.md 1.1, 1.2
 *   Event Hubs,     azure_decode_records                                  azure.md 1.4, 1.5; discovery.md 1.3
 *   storage blobs
 *
 * One row has one key whichever door it came by: it is made of the row's own fields in canonical form (resource id in
 * lower case, times as instants, properties without regard to order or to being a string or an object). The exception
 * is an Activity Log event, whose exported form lacks eventDataId.
 *
 * A batch per resource. Model rows of RequestResponse carry a deployment, envelope rows none. operation is absent for
 * what is no inference (operation_raw tells). `tally.received` counts the rows, `rejected` those left out; `stored` and
 * `duplicate` are left to the runner. A row that cannot be mapped is quarantined alone.
 *
 * Content never gets further than here: leaves that are not mapped go to `extra` as path, with type and length for a
 * value
 * ("string 17"). Caller ids and addresses go to the identity fields; policy decides what becomes of them.
 */
#ifndef AZURE_LOG_H
#define AZURE_LOG_H

#include "collector/base/buf.h"
#include "collector/model/record.h"

/* ---- Requests (azure_request_log.c) ---- */

/* "https://api.loganalytics.azure.com" + "/v1/workspaces/{id}/query". POST; headers Content-Type: application/json
 * (without it the answer is 200 with an empty body), Prefer: wait=N. */
void azure_log_url(struct buf *out, sv base_url, sv workspace_id);
/* Rows that became queryable in (from, to]. */
void azure_log_body(struct buf *out, int64_t from_unix_nano, int64_t to_unix_nano);

/* One call per provider: the API takes one condition beside the time. */
extern const char *const azure_activity_providers[]; /* ends with NULL */
enum { AZURE_ACTIVITY_PROVIDERS = 3 };
/* Events with from <= eventTimestamp <= to. */
void azure_activity_url(struct buf *out, sv arm_url, sv subscription_id, sv provider, int64_t from_unix_nano,
                        int64_t to_unix_nano);

/* Whether a nextLink may be followed: same scheme, host and port as the configured base. */
bool azure_same_origin(sv link, sv base_url);

/* ---- Answers (azure_decode_log.c, azure_decode_activity.c, azure_decode_records.c) ---- */

/* What the inventory knows of a resource; every view may be empty. */
struct azure_account_facts {
    sv name;     /* as ARM spells it */
    sv location; /* as ARM spells it */
    sv jurisdiction;
};

/* What the decoders need beside the bytes. Zero members are fine: then the row tells what it can. */
struct azure_log_context {
    sv source; /* id in the configuration */
    int64_t observed_unix_nano;
    void *ctx;
    /* False: unknown resource. `resource_id` is in lower case. */
    bool (*account)(void *ctx, sv resource_id, struct azure_account_facts *out);
    /* True: another kind of account, its rows are rejected (REASON_POLICY). */
    bool (*foreign)(void *ctx, sv resource_id);
    /* False: this deployment's publisher is not wanted. Its rows are rejected (REASON_PUBLISHER), except that a model
     * row of RequestResponse leaves a stub (keys, times, log, deployment; no operation): the call's envelope row may
     * have been stored hours ago and must not be counted for want of a model row. */
    bool (*wanted)(void *ctx, sv resource_id, sv deployment, sv model);
};

/* Parsers and scratch memory for one thread. */
struct azure_decoder;
MUST_USE struct azure_decoder *azure_decoder_new(void);
void azure_decoder_free(struct azure_decoder *d);

/* A query's answer. An empty body is no rows: that is a 204's meaning; the caller must not take a 200 without a body
 * for one (it is what a request without Content-Type gets). A PartialError gives ERR_PARTIAL, and what was appended
 * must be thrown away with the frame. *n_rows (may be NULL): rows seen. */
MUST_USE enum err_code azure_decode_log(struct azure_decoder *d, sv body, const struct azure_log_context *c,
                                        struct frame *out, size_t *n_rows, struct err *e);

/* A page of Activity Log events. *next_link (in out->arena) is empty on the last page. */
MUST_USE enum err_code azure_decode_activity(struct azure_decoder *d, sv body, const struct azure_log_context *c,
                                             struct frame *out, sv *next_link, struct err *e);

/* {"records":[..]}, such objects one after the other, JSON lines, a bare record or array; diagnostic logs and exported
 * Activity Log mixed. With `used` not NULL an incomplete last document is left for the next read and *used says where
 * it begins; else it is quarantined. ERR_LIMIT only: bad bytes are quarantined. */
MUST_USE enum err_code azure_decode_records(struct azure_decoder *d, sv bytes, const struct azure_log_context *c,
                                            struct frame *out, size_t *used, struct err *e);

/* Which of Azure's formats this is: "azure-metrics", "azure-loganalytics", "azure-records", "azure-activity-log", or
 * empty. */
sv azure_detect(sv bytes);

/* ---- Operation names (azure_operations.c) ---- */

/* "chat_completions", "responses", ...; empty when the name is not in the table. */
sv azure_api_type(sv raw);

/* "ChatCompletions_Create" -> "chat"; a name not in the table -> itself in lower case ("" stays ""). False when it is
 * no inference (Models_List, Files_*, ...); *operation is set all the same. The view lives in `a` or for ever; its `at`
 * is NULL at the arena's limit. */
bool azure_operation(sv raw, sv *operation, struct arena *a);

#endif
