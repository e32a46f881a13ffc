/*
 * Azure as cloudsim plays it: what its parts share. See world.h and workload.h for what exists and happens.
 */
#ifndef CLOUDSIM_AZURE_H
#define CLOUDSIM_AZURE_H

#include "tests/cloudsim/azure/events.h"
#include "tests/cloudsim/cloud.h"
#include "tests/cloudsim/token.h"

struct azure {
    struct world world;
    struct workload *workload;
};
static inline struct azure *azure_of(const struct sim *s)
{
    return s->of[AZURE];
}

/* Of one request. */
struct azure_request {
    const struct subscription *sub; /* of a capture after "subscriptions"; NULL when the path has none */
};
static inline struct azure_request *azure_request(const struct exchange *x)
{
    return x->own;
}

/* Whose token a call needs; AUD_PLAIN: a managed identity's endpoint. */
enum audience { AUD_NONE = AUD_OWN, AUD_ARM, AUD_METRICS, AUD_LOGS, AUDIENCES };

extern const struct quota azure_arm_quota, azure_definitions_quota, azure_logs_quota, azure_graph_quota;

/* The account that a path's captures (group, name) name in the subscription; answers 404 itself when there is none. */
const struct account *exchange_account(struct exchange *x, sv group, sv name);

/* ---- azure_token.c ---- */

enum token_verdict { TOKEN_GOOD, TOKEN_NONE, TOKEN_BAD, TOKEN_EXPIRED, TOKEN_AUDIENCE };
enum token_verdict token_verify(struct exchange *x, enum audience want);
/* Answers in Entra's own form. */
void entra_refuse(struct exchange *x, int status, const char *error, unsigned code, const char *text);
/* The same of a managed identity's endpoint. */
void identity_refuse(struct exchange *x, int status, const char *error, const char *text);

/* ---- azure_refuse.c, azure_truth.c, azure_config.c: members of azure_cloud ---- */

const struct dialect *azure_dialect(const struct exchange *x);
void azure_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until);
void azure_config_write(const struct sim *s, struct buf *b, const char *dir);
enum err_code azure_secrets_write(const struct sim *s, const char *dir, struct err *e);
enum err_code azure_federated_write(const struct sim *s, struct err *e);

/* Seconds and fractions of Azure's instants: "2026-11-20T10:00:03.2150000Z". */
void put_ticks_time(struct buf *b, int64_t unix_nano);

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

#endif
