/*
 * What exists: subscriptions, accounts, deployments, workspaces and callers, made once from the seed and never changed.
 * Names and ids are invented; their shapes are Azure's.
 *
 * Ownership:     all views live as long as the world.
 * Thread-safety: read-only after world_init.
 */
#ifndef CLOUDSIM_WORLD_H
#define CLOUDSIM_WORLD_H

#include "collector/base/arena.h"
#include "collector/base/err.h"

enum { WORLD_SUBSCRIPTIONS_MAX = 100, WORLD_CALLERS = 12, WORLD_WORKSPACES = 2 };

enum account_kind { KIND_OPENAI, KIND_AISERVICES, KIND_OTHER };

/* What an account's diagnostic setting sends to a workspace. */
enum { LOG_REQUESTS = 1, LOG_USAGE = 2, LOG_AUDIT = 4, LOG_ALL = 7 };

/* How the setting is spelled on the wire. */
enum setting_form { SETTING_NONE, SETTING_CATEGORIES, SETTING_ALL_LOGS, SETTING_STORAGE_ONLY };

struct subscription {
    sv id, name, upper_id;
    uint64_t stream;
    unsigned first_account, n_accounts;
};

struct account {
    unsigned index, sub;
    enum account_kind kind;
    sv kind_name, name, group, location, region_name;
    sv id, id_lower,
        id_upper; /* ARM id as ARM spells it; as Log Analytics has it in _ResourceId; as records carry it */
    sv team;
    enum setting_form setting;
    unsigned logged; /* LOG_* bits that reach a workspace */
    int workspace;   /* index, -1: none */
    uint64_t stream;
    unsigned first_deployment, n_deployments;
};

struct deployment {
    unsigned index, account;
    sv name, model, version, format, sku;
    unsigned capacity;
    double share; /* of all calls */
    bool chat, responses, completion, tiers, provisioned, openai;
    uint64_t stream;
};

struct caller {
    sv object_id, masked_ip, name;
};

struct world {
    struct arena arena;
    uint64_t seed;
    sv tenant_id, client_id, client_secret, identity_id, management_group;
    sv workspaces[WORLD_WORKSPACES];
    struct subscription *subs;
    struct account *accounts;
    struct deployment *deployments;
    unsigned n_subs, n_accounts, n_deployments;
    struct caller callers[WORLD_CALLERS];
};

MUST_USE enum err_code world_init(struct world *w, uint64_t seed, unsigned subscriptions, struct err *e);
void world_done(struct world *w);

/* Found without regard to case, as Azure does; NULL when there is none. */
const struct subscription *world_subscription(const struct world *w, sv id);
const struct account *world_account(const struct world *w, sv arm_id);

#endif
