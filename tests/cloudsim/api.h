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

/* Whose token a call needs. AUD_PLAIN: metadata services, which stand on the plain port; AUD_AWS: signed (aws_api.h). */
enum audience { AUD_NONE, AUD_ARM, AUD_METRICS, AUD_LOGS, AUD_PLAIN, AUD_AWS, AUDIENCES };
enum quota_kind {
    QUOTA_NONE,
    QUOTA_ARM,
    QUOTA_DEFINITIONS,
    QUOTA_LOGS,
    QUOTA_GRAPH,
    QUOTA_AWS_METRIC_DATA, /* the AWS ones are per account, region and API */
    QUOTA_AWS_METRIC_LIST,
    QUOTA_AWS_LOG_EVENTS, /* the usual one; the next two are of certain regions */
    QUOTA_AWS_LOG_EVENTS_MOST,
    QUOTA_AWS_LOG_EVENTS_LEAST,
    QUOTA_AWS_LOG_GROUPS,
    QUOTA_AWS_TRAIL,
    QUOTA_AWS_IDENTITY,
    QUOTA_AWS_CONTROL,
    QUOTAS
};
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
    sv principal;                   /* who the token was issued to; AWS: the caller's ARN */
    const char *fault;              /* kind of fault in force that the handler must play ("partial"); NULL */
    struct aws_request aws;         /* of a request to AWS */
    sv request_id;                  /* as the answer's header tells it */
    bool throttled;                 /* refused for that, whatever the status says */
};

/* Serves one request of the clouds' TLS port. */
void api_serve(void *sim, const struct http_server_request *q, struct http_server_response *r);
/* The same for IMDS and the like, which stand on the plain port. */
void api_serve_plain(void *sim, const struct http_server_request *q, struct http_server_response *r);

/* Rows of both tables by number, Azure's first, for /requests; NULL at the end. */
const struct api_row *api_row_at(unsigned i);
enum { API_ROWS_MAX = 96 };
const char *api_cloud(const struct api_row *row);
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
/* Equal, in a time that does not tell where they differ. */
bool secret_is(sv given, sv want);

/* Writes `"name":"value"` pieces of objects. */
void put_member(struct buf *b, const char *name, sv value);

/* ---- tokens (azure_token.c) ---- */

enum token_verdict { TOKEN_GOOD, TOKEN_NONE, TOKEN_BAD, TOKEN_EXPIRED, TOKEN_AUDIENCE };
enum token_verdict token_verify(struct exchange *x, enum audience want);
struct token_claims {
    sv audience, principal;
    int64_t issued, expires; /* unix nanoseconds */
};
/* False unless it is one of ours, whole and unchanged. */
bool token_read(struct exchange *x, sv token, struct token_claims *out);
/* Answers in Entra's own form. */
void entra_refuse(struct exchange *x, int status, const char *error, unsigned code, const char *text);
/* The same of a managed identity's endpoint. */
void identity_refuse(struct exchange *x, int status, const char *error, const char *text);
sv base64_text(struct arena *a, sv bytes);
sv base64_bytes(struct arena *a, sv text);
/* A signed token of ours: aud, who, seconds of life. */
sv token_mint(const struct sim *s, struct arena *a, sv audience, sv principal, int64_t now, int64_t life_s);

/* ---- quotas and records of requests (ledger.c) ---- */

struct requests *requests_new(void);
void requests_free(struct requests *r);
void requests_count(struct requests *r, const struct exchange *x);
void requests_write(struct requests *r, const struct sim *s, struct buf *out);
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
    FAULT_SKEW,
    FAULT_UNKNOWN_KEY,
    FAULTS,
};
struct fault {
    enum fault_kind kind;
    int status;
    int64_t seconds; /* Retry-After; length of slow and hang; how far our clock is ahead */
};
/* What a call is, for the rules: empty where it has none. */
struct fault_place {
    const char *api;
    sv subscription, account, region;
};
struct faults *faults_new(void);
void faults_free(struct faults *f);
/* A fault in force for this call, if the dice of its rate say so. */
bool faults_find(struct faults *f, const struct fault_place *place, int64_t now, struct fault *out);
/* POST /faults: {"api":"metrics.list","subscription":ID,"kind":"throttle","for_s":60,"rate":0.5,"status":503,
 * "seconds":6}, or {"clear":true}. An API is a name of /requests, "*", or "logs:*" for all of a service of AWS; there
 * "account" and "region" stand for the subscription. ERR_PARSE tells what is wrong. */
MUST_USE enum err_code faults_post(struct sim *s, sv body, struct err *e);
void faults_clear(struct faults *f);
/* fault_play.c: a fault that takes the place of the answer; false when the call goes on (maybe with x->fault set). */
bool fault_play(struct exchange *x);
/* The quota's refusal, in the words of who is called. */
void reply_throttled(struct exchange *x, unsigned seconds);
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
