/*
 * One request to a simulated API, from its match in the route table to its answer.
 *
 * A row of the table says method and path (segments in braces are captured, compared without case as ARM does), the
 * token audience, the quota, the name that /requests and /faults use, and the list price. api_serve does what all APIs
 * share, in this order: whose it is, faults, token and quota as the cloud has them (cloud.h); then the handler fills the
 * answer, and all is counted.
 *
 * Ownership:     views in struct exchange live until the handler returns; `arena` dies with the request.
 * Thread-safety: one exchange, one thread.
 */
#ifndef CLOUDSIM_API_H
#define CLOUDSIM_API_H

#include "collector/base/arena.h"
#include "collector/base/json.h"
#include "collector/net/http_server.h"

#include "tests/cloudsim/sim.h"

/* Whose token a call needs. AUD_PLAIN: metadata services, which stand on the plain port; a cloud's own begin at AUD_OWN. */
enum { AUD_PLAIN, AUD_OWN };

/* A bucket of tokens, one a call; rows that share one share its tokens. */
struct quota {
    double burst, per_s;
};
enum { CAPTURES_MAX = 8 };

struct exchange;

struct api_row {
    const char *name; /* in /requests and /faults */
    const char *method, *path;
    unsigned audience;
    const struct quota *quota; /* NULL: none */
    double list_price_usd;     /* of one call */
    void (*handle)(struct exchange *x);
};

/* What a call is, for the rules of /faults: empty where it has none. */
struct fault_place {
    const char *cloud, *api; /* filled by the frame */
    sv subscription, account, region;
};

struct exchange {
    struct sim *sim;
    const struct http_server_request *q;
    struct http_server_response *r;
    const struct cloud *cloud;
    const struct api_row *row;
    void *own; /* the cloud's, see cloud.h */
    struct arena arena;
    struct json_parser *parser; /* made by exchange_json */
    int64_t now;                /* read once, so that an answer is of one instant */
    sv captures[CAPTURES_MAX];
    unsigned n_captures;
    sv principal;             /* who the token was issued to; AWS: the caller's ARN */
    struct fault_place place; /* by identify */
    const char *fault;        /* kind of fault in force that the handler must play ("partial"); NULL */
    int64_t skew_ns;          /* by how much a fault has our clock go wrong */
    sv request_id;            /* as the answer's header tells it */
    bool throttled;           /* refused for that, whatever the status says */
    uint64_t units;           /* what the list price is of: 1, unless the cloud says otherwise */
    int account;              /* whose call it is, for /requests; -1: nobody's */
};

/* Serves one request of the clouds' TLS port. */
void api_serve(void *sim, const struct http_server_request *q, struct http_server_response *r);
/* The same for metadata services, which stand on the plain port; false: no cloud knows it, nothing is answered. */
bool api_serve_plain(struct sim *s, const struct http_server_request *q, struct http_server_response *r);

/* Rows of all clouds by number, cloud after cloud, for /requests; NULL at the end. *cloud: whose it is, may be NULL. */
const struct api_row *api_row_at(unsigned i, const struct cloud **cloud);
enum { API_ROWS_MAX = 192 };
/* Whether a path fits a row's pattern; its "{}" segments are then in x->captures, as they stand in `path`. */
bool api_path_matches(const char *pattern, sv path, struct exchange *x);

/* ---- for handlers ---- */

struct buf *reply_json(struct exchange *x, int status);
/* {"error":{"code","message"}} / {"code","message"}. */
void reply_error(struct exchange *x, int status, const char *code, const char *format, ...) PRINTF_LIKE(4, 5);
void reply_bare_error(struct exchange *x, int status, const char *code, const char *format, ...) PRINTF_LIKE(4, 5);
void reply_header(struct exchange *x, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);

/* "https://host:port" that the client spoke to, for absolute links. */
sv exchange_origin(struct exchange *x);
/* The body as JSON; false when it is none. */
bool exchange_json(struct exchange *x, json *root);
sv query_of(const struct exchange *x, const char *name);
/* A parameter of an application/x-www-form-urlencoded body, decoded into the arena. */
sv form_of(struct exchange *x, const char *name);
sv exchange_decode(struct exchange *x, sv percent_encoded);

/* Writes `"name":"value"` pieces of objects. */
void put_member(struct buf *b, const char *name, sv value);

/* ---- quotas and records of requests (ledger.c) ---- */

struct requests *requests_new(void);
void requests_free(struct requests *r);
void requests_count(struct requests *r, const struct exchange *x);
void requests_write(struct requests *r, const struct sim *s, struct buf *out);
uint64_t requests_total(struct requests *r, const char *api, bool refused);

struct quotas *quotas_new(void);
void quotas_free(struct quotas *q);
/* Takes one token of `name`; false: *retry_after_s until there is one. *left is what remains. */
bool quotas_take(struct quotas *q, const struct quota *quota, sv name, int64_t now, unsigned *left,
                 unsigned *retry_after_s);

/* ---- faults (faults.c) ---- */

enum fault_kind {
    FAULT_THROTTLE,
    FAULT_STATUS,
    FAULT_HTML,
    FAULT_HUGE,
    FAULT_HANG,
    FAULT_SLOW,
    FAULT_DENY,
    FAULT_EXPIRE,
    FAULT_PARTIAL,
    FAULT_DROP,
    FAULT_CUT,
    FAULT_EMPTY,
    FAULT_WRONG,
    FAULT_SKEW,
    FAULT_UNKNOWN_KEY,
    FAULTS,
};
struct fault {
    enum fault_kind kind;
    int status;
    int64_t seconds; /* Retry-After; length of slow and hang; how far our clock is ahead */
};
struct faults *faults_new(void);
void faults_free(struct faults *f);
/* A fault in force for this call, if the dice of its rate say so. */
bool faults_find(struct faults *f, const struct fault_place *place, int64_t now, struct fault *out);
/* POST /faults: {"api":"metrics.list","subscription":ID,"kind":"throttle","for_s":60,"rate":0.5,"status":503,
 * "seconds":6}, or {"clear":true}. An API is a name of /requests, "*", or "logs:*" for all of a service; "cloud" narrows
 * it to those of one cloud, "account" and "region" to calls of one. ERR_PARSE tells what is wrong. */
MUST_USE enum err_code faults_post(struct sim *s, sv body, struct err *e);
void faults_clear(struct faults *f);
/* fault_play.c: a fault that takes the place of the answer; false when the call goes on (maybe with x->fault set). */
bool fault_play(struct exchange *x);
/* The quota's refusal, in the words of who is called. */
void reply_throttled(struct exchange *x, unsigned seconds);
void faults_write(struct faults *f, int64_t now, struct buf *out);

/* The control door. */
void control_serve(void *sim, const struct http_server_request *q, struct http_server_response *r);

#endif
