/*
 * One request to a simulated API, from its match in the route table to its answer.
 *
 * A row of the table says method and path (segments in braces are captured, compared without case as ARM does), the
 * token audience, the quota, the name that /requests and /faults use, and the list price. api_serve does what all APIs
 * share, in this order: count, faults, token, quota, subscription; then the handler fills the answer.
 *
 * Ownership:     views in struct exchange live until the handler returns; `arena` dies with the request.
 * Thread-safety: one exchange, one thread.
 */
#ifndef CLOUDSIM_API_H
#define CLOUDSIM_API_H

#include "collector/base/json.h"
#include "collector/net/http_server.h"

#include "tests/cloudsim/aws.h"
#include "tests/cloudsim/sim.h"

enum audience { AUD_NONE, AUD_ARM, AUD_METRICS, AUD_LOGS, AUDIENCES };
enum quota_kind { QUOTA_NONE, QUOTA_ARM, QUOTA_DEFINITIONS, QUOTA_LOGS, QUOTA_GRAPH, QUOTAS };
enum { CAPTURES_MAX = 8 };

struct exchange;

struct api_row {
    const char *name; /* in /requests and /faults */
    const char *method, *path;
    enum audience audience;
    enum quota_kind quota;
    double list_price_usd; /* of one call */
    void (*handle)(struct exchange *x);
};

struct exchange {
    struct sim *sim;
    const struct http_server_request *q;
    struct http_server_response *r;
    const struct api_row *row;
    struct arena arena;
    struct json_parser *parser; /* made by exchange_json */
    int64_t now;                /* read once, so that an answer is of one instant */
    sv captures[CAPTURES_MAX];
    unsigned n_captures;
    const struct subscription *sub; /* of a capture after "subscriptions"; NULL when the path has none */
    sv principal;                   /* who the token was issued to */
    const char *fault;              /* kind of fault in force that the handler must play ("partial"); NULL */
    struct aws_request aws;         /* of a request to AWS */
};

/* Serves one request of the clouds' TLS port. */
void api_serve(void *sim, const struct http_server_request *q, struct http_server_response *r);
/* The same for IMDS and the like, which stand on the plain port. */
void api_serve_plain(void *sim, const struct http_server_request *q, struct http_server_response *r);

/* Rows of the table by number, for /requests; NULL at the end. */
const struct api_row *api_row_at(unsigned i);
enum { API_ROWS_MAX = 48 };

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

/* Writes `"name":"value"` pieces of objects. */
void put_member(struct buf *b, const char *name, sv value);

/* ---- tokens (azure_token.c) ---- */

enum token_verdict { TOKEN_GOOD, TOKEN_NONE, TOKEN_BAD, TOKEN_EXPIRED, TOKEN_AUDIENCE };
enum token_verdict token_verify(struct exchange *x, enum audience want);
/* A signed token of ours: aud, who, seconds of life. */
sv token_mint(const struct sim *s, struct arena *a, sv audience, sv principal, int64_t now, int64_t life_s);

/* ---- quotas and records of requests (ledger.c) ---- */

struct requests *requests_new(void);
void requests_free(struct requests *r);
void requests_count(struct requests *r, unsigned row, int status, bool dropped);
void requests_write(struct requests *r, struct buf *out);
uint64_t requests_total(struct requests *r, const char *api, bool refused);

struct quotas *quotas_new(void);
void quotas_free(struct quotas *q);
/* Takes one token; false: *retry_after_s until there is one. *left is what remains. */
bool quotas_take(struct quotas *q, enum quota_kind kind, sv name, int64_t now, unsigned *left, unsigned *retry_after_s);

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
    FAULTS,
};
struct fault {
    enum fault_kind kind;
    int status;
    int64_t seconds; /* Retry-After; length of slow and hang */
};
struct faults *faults_new(void);
void faults_free(struct faults *f);
/* A fault in force for this call, if the dice of its rate say so. */
bool faults_find(struct faults *f, const char *api, const struct subscription *sub, int64_t now, struct fault *out);
/* POST /faults: {"api":"metrics.list","subscription":ID,"kind":"throttle","for_s":60,"rate":0.5,"status":503,
 * "seconds":6}, or {"clear":true}. ERR_PARSE tells what is wrong. */
MUST_USE enum err_code faults_post(struct sim *s, sv body, struct err *e);
void faults_clear(struct faults *f);
void faults_write(struct faults *f, int64_t now, struct buf *out);

/* ---- handlers ---- */

void azure_token(struct exchange *x);
void azure_openid(struct exchange *x);
void azure_instance(struct exchange *x);
void azure_imds(struct exchange *x);
void azure_app_identity(struct exchange *x);
void azure_subscriptions(struct exchange *x);
void azure_descendants(struct exchange *x);
void azure_locations(struct exchange *x);
void azure_accounts(struct exchange *x);
void azure_account(struct exchange *x);
void azure_deployments(struct exchange *x);
void azure_settings(struct exchange *x);
void azure_subscription_settings(struct exchange *x);
void azure_location_usages(struct exchange *x);
void azure_account_usages(struct exchange *x);
void azure_workspace(struct exchange *x);
void azure_graph(struct exchange *x);
void azure_definitions(struct exchange *x);
void azure_metrics(struct exchange *x);
void azure_metrics_batch(struct exchange *x);
void azure_activity(struct exchange *x);
void azure_logs(struct exchange *x);

/* The control door. */
void control_serve(void *sim, const struct http_server_request *q, struct http_server_response *r);

/* The account that a path's captures (group, name) name in x->sub; answers 404 itself when there is none. */
const struct account *exchange_account(struct exchange *x, sv group, sv name);

#endif
