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
enum { AWS_METRICS_DAYS = 14 }; /* CloudWatch keeps minutes for 15 */

/* What discovery found in one place. */
struct aws_finding {
    struct arena arena;
    atomic_int refs;
    struct aws_profiles profiles;    /* application profiles */
    const struct aws_series *series; /* recently active, of levels that we count */
    size_t n_series;
    struct aws_logging_state logging;
    const struct aws_name *names; /* all that this process has met here */
    size_t n_names;
    int64_t tags_until_mono;
    int64_t listed_unix_nano, before_unix_nano; /* server time of this and of the last whole discovery, 0 none */
};

/* One (account, region). */
struct aws_place {
    struct aws_place *next;
    char *account, *region;
    bool listed;                 /* by the last discoveries */
    unsigned missed;             /* by so many of them */
    bool active;                 /* it has metrics: its jobs are listed */
    int64_t probe_mono;          /* not probed again before */
    struct aws_finding *finding; /* NULL: nothing yet */
    struct map read_to;          /* its metrics job's: series -> number in read_to_at */
    int64_t *read_to_at;         /* unix nanoseconds up to which this process has read the series */
    size_t n_read_to, cap_read_to;
    int64_t last_from, last_to; /* its metrics job's: the window that was read last; it may not have become durable */
};

struct aws_account {
    struct aws_account *next;
    char *id;
    bool listed;
    unsigned missed;
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
 * parsed. `units`: how many the call is billed as (GetMetricData: metrics); 0: one. ERR_DENIED names the
 * permission. */
MUST_USE enum err_code aws_ask(struct aws_reader *r, enum aws_api api, sv account, sv region, int64_t units, json *root,
                               struct err *e);
/* All pages of a listing into items: `ask` puts body or path of the page behind `next`. */
struct aws_pages {
    void (*ask)(struct aws_reader *r, sv what, sv next);
    page_decoder *decode;
    sv what;
};
MUST_USE enum err_code aws_pages(struct aws_reader *r, enum aws_api api, sv account, sv region,
                                 const struct aws_pages *p, struct items *items, struct err *e);
/* Whether the server named this error code in the last answer: "InvalidNextToken". */
bool aws_said(const struct aws_reader *r, const char *code);

/* ---- Accounts, places (aws_state.c) ---- */

/* Found or made; NULL when out of memory or at the limit. They are never freed before the source. */
struct aws_account *aws_account(struct aws_source *s, sv id);
struct aws_place *aws_place(struct aws_source *s, sv account, sv region);
void aws_state_free(struct aws_source *s);
/* Of a job's scope "account:ID". */
struct aws_account *aws_account_of_scope(struct aws_source *s, sv scope);

/* Of a job's scope "account:ID/REGION"; NULL when unknown. */
struct aws_place *aws_place_of_scope(struct aws_source *s, sv scope);

/* What is known of the place now, held; NULL: nothing yet. aws_finding_drop lets it go (NULL is fine). */
struct aws_finding *aws_finding_hold(struct aws_source *s, struct aws_place *p);
void aws_finding_drop(struct aws_finding *f);
struct aws_finding *aws_finding_new(void); /* one reference; NULL when out of memory */
/* Takes the reference. */
void aws_finding_publish(struct aws_source *s, struct aws_place *p, struct aws_finding *f);

/* Up to where this process has read a series, 0: it has not. For the place's metrics job alone. */
int64_t aws_read_to(const struct aws_place *p, uint64_t series);
bool aws_read_to_set(struct aws_place *p, uint64_t series, int64_t unix_nano);
/* What was read up to there was lost: those series have to be read back again. */
void aws_read_to_lost(struct aws_place *p, int64_t unix_nano);

/* ---- Jobs ---- */

/* aws_inventory.c: the list of accounts; regions of one; what there is in a place; its quotas. */
MUST_USE enum err_code aws_poll_accounts(struct aws_reader *r, struct err *e);
MUST_USE enum err_code aws_poll_regions(struct aws_reader *r, struct aws_account *a, struct err *e);
MUST_USE enum err_code aws_poll_inventory(struct aws_reader *r, struct aws_place *p, struct window *w,
                                          struct frame *out, struct err *e);
MUST_USE enum err_code aws_poll_capacity(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                         struct err *e);
/* Names (sv) of the regions to look at: configured or enabled in the account. */
MUST_USE enum err_code aws_read_regions(struct aws_reader *r, sv account, struct items *regions, struct err *e);
bool aws_finds_regions(const struct aws_config *c);
/* Items (struct aws_series) of all series of wanted publishers that the place lists, resting ones too. */
MUST_USE enum err_code aws_list_series(struct aws_reader *r, const struct aws_place *p,
                                       const struct aws_profiles *profiles, struct items *out, struct err *e);

/* aws_metrics.c: both planes of one place. */
MUST_USE enum err_code aws_poll_metrics(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                        struct err *e);

/* aws_logs.c: invocation logs, a trail's log group, LookupEvents of one place. */
MUST_USE enum err_code aws_poll_calls(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                      struct err *e);
MUST_USE enum err_code aws_poll_trail(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                      struct err *e);
MUST_USE enum err_code aws_poll_audit(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                                      struct err *e);

/* aws_check.c, aws_forecast.c */
MUST_USE enum err_code aws_check(struct source *self, struct check_report *report, struct err *e);
size_t aws_forecast(const void *cfg, struct forecast_line *out, size_t max);

extern const struct source_ops aws_source_ops;

#endif
