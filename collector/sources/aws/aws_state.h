/*
 * What the jobs of one AWS source share: its configuration, its credentials, and what discovery has found. Not pure.
 *
 * A place (account, region) is made when it is first named and lives as long as the source. What discovery found there
 * is an immutable object with a count of references: discovery publishes a new one, polls hold on to the one that they
 * started with. How far each series was read by this process is the place's own, since there is one metrics job a place.
 *
 * Threads: lists of accounts and places and what they point to are guarded by aws_source.lock; nobody calls out while
 * he holds it. Members that say "its job's" belong to the one job of that kind.
 */
#ifndef AWS_STATE_H
#define AWS_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "collector/base/map.h"
#include "collector/sources/aws/aws.h"
#include "collector/sources/aws/aws_auth.h"

enum { AWS_ACCOUNTS_MAX = 5000, AWS_REGIONS_MAX = 100, AWS_PLACES_MAX = 20000 };

enum aws_logging { AWS_LOGGING_UNKNOWN, AWS_LOGGING_OFF, AWS_LOGGING_ON };

/* What discovery found in one place. */
struct aws_finding {
    struct arena arena;
    atomic_int refs;
    struct aws_profiles profiles;       /* application profiles */
    const struct aws_series_id *series; /* recently active, of levels that we count */
    size_t n_series;
    enum aws_logging logging; /* invocation logging, to whatever place */
    sv log_group;             /* where it goes, empty: not to a log group (or not known) */
};

/* One (account, region). */
struct aws_place {
    struct aws_place *next;
    char *account, *region;
    bool listed;                 /* by the last discovery */
    bool active;                 /* it has metrics: its jobs are listed */
    bool inventoried;            /* asked for its inventory at least once, with whatever result */
    int64_t probe_mono;          /* not probed again before */
    struct aws_finding *finding; /* NULL: nothing yet */
    int64_t metrics_listed;      /* server time of the last whole ListMetrics, 0 never */
    struct map read_to;          /* its metrics job's: series -> number in read_to_at */
    int64_t *read_to_at;         /* unix nanoseconds up to which this process has read the series */
    size_t n_read_to, cap_read_to;
};

struct aws_account {
    struct aws_account *next;
    char *id, *name;
    bool listed;
    bool searched; /* for regions, at least once, with whatever result */
};

struct aws_source {
    struct source base;
    const struct aws_config *cfg;
    struct source_env env; /* with a client of our own, for our endpoints' certificates */
    struct http_client *http;
    struct aws_auth *auth;
    pthread_mutex_t lock; /* guards all below */
    struct aws_account *accounts;
    struct aws_place *places;
    size_t n_accounts, n_places;
    bool listed; /* the list of accounts is known */
};

/* ---- One signed request (aws_call.c) ---- */

/* What a poll needs for asking. The answer stands in `response`; `body` is the request's. */
struct aws_reader {
    struct aws_source *s;
    struct arena *arena; /* of the poll */
    struct json_parser *parser;
    struct http_response response;
    struct buf body, path, url;
};
MUST_USE enum err_code aws_reader_init(struct aws_reader *r, struct aws_source *s, struct arena *arena, struct err *e);
void aws_reader_done(struct aws_reader *r);

/* Sends r->body (rest: to r->path, "/logging/modelinvocations", with its query) to the service of `api` as `account` in
 * `region`, signed anew for each attempt. Credentials that were refused are renewed once. With `root` the answer is
 * parsed. `usd_nano`: list price of this call where it depends on what is asked; 0: the table's. ERR_DENIED names the
 * permission. */
MUST_USE enum err_code aws_ask(struct aws_reader *r, enum aws_api api, sv account, sv region, int64_t usd_nano,
                               json *root, struct err *e);
/* Whether the server named this error code in the last answer: "InvalidNextToken". */
bool aws_said(const struct aws_reader *r, const char *code);

/* ---- Places (aws_state.c) ---- */

/* Of a job's scope "account:ID/REGION"; NULL when unknown. */
struct aws_place *aws_place_of_scope(struct aws_source *s, sv scope);

/* What is known of the place now, held; NULL: nothing yet. aws_finding_drop lets it go (NULL is fine). */
struct aws_finding *aws_finding_hold(struct aws_source *s, struct aws_place *p);
void aws_finding_drop(struct aws_finding *f);

/* ---- Jobs ---- */

/* aws_logs.c: invocation logs, a trail's log group, LookupEvents of one place. */
MUST_USE enum err_code aws_poll_calls(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                      struct err *e);
MUST_USE enum err_code aws_poll_trail(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                      struct err *e);
MUST_USE enum err_code aws_poll_audit(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                      struct err *e);

#endif
