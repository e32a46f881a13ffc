/*
 * What the jobs of one Azure source share: its configuration, its tokens, and what discovery has found. Not pure.
 *
 * An account is an immutable object with a count of references: discovery publishes new ones, polls hold on to those
 * that they started with. What changes while it is published (chosen family, verdicts) is atomic and handed on to its
 * successor.
 *
 * Threads: the list of subscriptions and everything in them is guarded by azure_source.lock; nobody calls out while he
 * holds it.
 */
#ifndef AZURE_STATE_H
#define AZURE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "collector/sources/azure/azure.h"

enum { AZURE_SUBSCRIPTIONS_MAX = 2000, AZURE_ACCOUNTS_MAX = 5000 };

struct azure_account {
    struct arena arena;
    struct azure_account_item item;
    sv subscription;
    struct azure_deployment_item *deployments;
    size_t n_deployments;
    size_t
        n_former; /* behind them: deployments that are gone, or had another model; for the names of their old buckets */
    struct azure_logging_state logging;
    atomic_int refs;
    atomic_int family;         /* row of azure_families whose metrics count */
    atomic_bool has_data;      /* that family has shown requests since we look */
    atomic_bool left_out;      /* refused or gone: until the next discovery, or until all of a job are */
    atomic_llong refresh_mono; /* before this no unknown deployment makes us ask again */
};

struct azure_definitions {
    struct arena arena;
    struct azure_definition_item *items; /* NULL: not known, all is assumed to exist */
    size_t n;
    bool asked; /* answered once, or refused */
    int64_t until_mono;
};

struct azure_subscription {
    struct azure_subscription *next;
    char *id;
    bool listed;     /* by the last discoveries; else it is retired */
    unsigned missed; /* by so many of them */
    bool discovered; /* its accounts were read at least once, or may not be */
    struct azure_account **accounts;
    size_t n_accounts;
    uint64_t *foreign; /* hashes of the ids of accounts of other kinds, whose logs are not ours */
    size_t n_foreign;
    struct azure_definitions definitions[AZURE_FAMILIES]; /* by kind of account */
    uint64_t disabled[AZURE_FAMILIES]; /* metrics refused since the last discovery, bits of azure_metric_bit */
    int64_t no_batch_until_mono;       /* getBatch is not served or not allowed here */
};

struct azure_source {
    struct source base;
    const struct azure_config *cfg;
    struct source_env env, auth_env; /* with clients of our own where endpoints ask for it */
    struct http_client *http, *plain;
    struct azure_auth *auth;
    sv arm, metrics, logs, arm_audience, metrics_audience, logs_audience;
    pthread_mutex_t lock; /* guards all below */
    struct azure_subscription *subscriptions;
    size_t n_subscriptions;
    bool listed; /* the list of subscriptions is known */
};

/* ---- Subscriptions (azure_state.c) ---- */

/* Found or made; NULL when out of memory or at the limit. Subscriptions are never freed before the source. */
struct azure_subscription *azure_subscription(struct azure_source *s, sv id);
/* Of a job's scope "sub:ID" or "sub:ID/REGION"; *region may be NULL. NULL when unknown. */
struct azure_subscription *azure_scope(struct azure_source *s, sv scope, sv *region);
void azure_subscriptions_free(struct azure_source *s);

/* ---- Accounts ---- */

/* Accounts that a poll holds on to, sorted by id. */
struct azure_view {
    struct azure_account **at;
    size_t n;
};

struct azure_account *azure_account_new(void); /* one reference */
void azure_account_drop(struct azure_account *a);
/* All of a subscription, or of all with NULL. azure_view_drop lets them go. */
MUST_USE enum err_code azure_view_take(struct azure_source *s, struct azure_subscription *sub, struct arena *a,
                                       struct azure_view *out, struct err *e);
void azure_view_drop(struct azure_view *v);
struct azure_account *azure_view_find(const struct azure_view *v, sv resource_id);

/* Makes `accounts` (n references, taken) the subscription's, and `foreign` (hash64 of ids, copied) those of other
 * kinds; ends the old ones and the verdicts since the last discovery. False, and nothing taken, when out of memory. */
bool azure_publish(struct azure_source *s, struct azure_subscription *sub, struct azure_account **accounts, size_t n,
                   const uint64_t *foreign, size_t n_foreign);
/* Whether discovery saw this account and it is of a kind without models. */
bool azure_is_foreign(struct azure_source *s, sv resource_id);
/* Puts one account into the place of the one with its id; `a` is referenced once more. */
void azure_replace(struct azure_source *s, struct azure_subscription *sub, struct azure_account *a);

/* The deployment as it was at that version; else as it is now, and then false unless the version is unknown. */
bool azure_deployment_find(const struct azure_account *a, sv name, sv version, struct azure_deployment_facts *out);
bool azure_is_provisioned(const struct azure_account *a);

/* ---- Verdicts ---- */

unsigned azure_metric_bit(const struct azure_group *g, size_t metric);
void azure_disable(struct azure_source *s, struct azure_subscription *sub, int kind, uint64_t bits);
void azure_batch_refused(struct azure_source *s, struct azure_subscription *sub, int64_t for_ms);
bool azure_batch_usable(struct azure_source *s, struct azure_subscription *sub);
/* False while the definitions that say how this group is asked may still come. */
bool azure_group_ready(struct azure_source *s, struct azure_subscription *sub, int kind, const struct azure_group *g);
/* What this group can ask of accounts of this kind: metrics that exist, with the dimensions that all of them have. */
void azure_query_plan(struct azure_source *s, struct azure_subscription *sub, int kind, const struct azure_group *g,
                      struct azure_query *q, uint64_t *bits);

/* ---- Calls (azure_call.c) ---- */

/* Buffers of one poll. */
struct azure_reader {
    struct azure_source *s;
    struct arena *arena; /* of the poll */
    struct json_parser *parser;
    struct http_response response;
    struct buf url, body;
};
MUST_USE enum err_code azure_reader_init(struct azure_reader *r, struct azure_source *s, struct arena *arena,
                                         struct err *e);
void azure_reader_done(struct azure_reader *r);

enum azure_plane { AZURE_ARM, AZURE_METRICS, AZURE_LOGS };

/* Sends r->url (with r->body by POST when it is not empty) and renews the token once after a 401. The answer stands in
 * r->response; with `root` it is parsed too. `quota` isolates: a subscription id, "" for the tenant. */
MUST_USE enum err_code azure_ask(struct azure_reader *r, enum azure_api api, enum azure_plane plane, sv quota,
                                 json *root, struct err *e);
/* The same for r->url and all pages behind it. */
MUST_USE enum err_code azure_pages(struct azure_reader *r, enum azure_api api, sv quota, page_decoder *decode,
                                   struct items *items, struct err *e);

/* ---- Jobs ---- */

/* Lists subscriptions; an inventory of one (azure_inventory.c). */
MUST_USE enum err_code azure_poll_subscriptions(struct azure_reader *r, struct err *e);
MUST_USE enum err_code azure_poll_inventory(struct azure_reader *r, struct azure_subscription *sub, struct window *w,
                                            struct frame *out, struct err *e);
/* Asks anew for the deployments of one account and publishes it; *account is exchanged. */
MUST_USE enum err_code azure_refresh(struct azure_source *s, struct azure_subscription *sub,
                                     struct azure_account **account, struct arena *arena, struct err *e);

/* One question to many accounts of one subscription and region (azure_metrics.c). */
struct azure_reading {
    struct azure_reader *r;
    struct azure_subscription *sub;
    sv region;
    struct azure_account **accounts; /* exchanged for refreshed ones */
    size_t n_accounts;
    int kind;
    struct azure_query q;
    const uint64_t *bits; /* of the metrics in q, for azure_disable */
    struct frame *out;
    int64_t observed_unix_nano;
    struct azure_cell *cells; /* n_accounts * q.n_metrics: what came of each */
    struct err refused;       /* the last account that was left out, and why */
    size_t n_refused;
};
MUST_USE enum err_code azure_read_metrics(struct azure_reading *g, struct err *e);
MUST_USE enum err_code azure_poll_metrics(struct azure_reader *r, const struct source_job *job, struct window *w,
                                          struct frame *out, struct err *e);

/* Quotas; logs of a workspace; Activity Log of a subscription (azure_logs.c). */
MUST_USE enum err_code azure_poll_capacity(struct azure_reader *r, struct azure_subscription *sub, struct window *w,
                                           struct frame *out, struct err *e);
MUST_USE enum err_code azure_poll_calls(struct azure_reader *r, sv workspace, struct window *w, struct frame *out,
                                        struct err *e);
MUST_USE enum err_code azure_poll_audit(struct azure_reader *r, struct azure_subscription *sub, struct window *w,
                                        struct frame *out, struct err *e);

MUST_USE enum err_code azure_check(struct source *self, struct check_report *report, struct err *e);

/* "Sweden Central" -> "swedencentral"; `at` is NULL at the arena's limit. */
sv azure_region_name(struct arena *a, sv location);

extern const struct source_ops azure_source_ops;

#endif
