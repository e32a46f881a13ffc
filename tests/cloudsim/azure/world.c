/*
 * The world is a template of three subscriptions, repeated (with other ids and names) when more are asked for. It holds
 * on purpose what trips collectors: equal deployment names on different accounts, equal account names in different
 * subscriptions, an account name in mixed case, accounts of another kind, a publisher that is not OpenAI, an account
 * without logging, one that logs to storage only, one that logs requests but no usage, one workspace for two
 * subscriptions.
 */
#include "tests/cloudsim/azure/world.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/cloudsim/rng.h"
#include "tests/cloudsim/story.h"

struct account_row {
    unsigned sub;
    enum account_kind kind;
    const char *name, *group, *location, *region, *team;
    enum setting_form setting;
    unsigned logged;
    int workspace;
};

struct deployment_row {
    unsigned account; /* row in the table above */
    const char *name, *model, *version, *format, *sku;
    unsigned capacity, weight;
    bool tiers, responses;
};

/* clang-format off */
static const struct account_row account_rows[] = {
    /* sub kind             name             group         location         region            team        setting               logged                    ws */
    { 0, KIND_OPENAI,     "aoai-prod",     "rg-ai-prod", "swedencentral", "Sweden Central", "assist",   SETTING_CATEGORIES,   LOG_ALL,                   0 },
    { 0, KIND_AISERVICES, "foundry-eu",    "rg-ai-prod", "westeurope",    "West Europe",    "search",   SETTING_ALL_LOGS,     LOG_ALL,                   0 },
    { 0, KIND_OTHER,      "speech-eu",     "rg-voice",   "westeurope",    "West Europe",    "voice",    SETTING_NONE,         0,                        -1 },
    { 1, KIND_AISERVICES, "foundry-us",    "rg-foundry", "eastus2",       "East US 2",      "support",  SETTING_CATEGORIES,   LOG_REQUESTS | LOG_AUDIT,  0 },
    { 1, KIND_OPENAI,     "aoai-batch",    "rg-batch",   "eastus2",       "East US 2",      "research", SETTING_NONE,         0,                        -1 },
    { 2, KIND_AISERVICES, "foundry-risk",  "RG-Risk",    "swedencentral", "Sweden Central", "risk",     SETTING_ALL_LOGS,     LOG_ALL,                   1 },
    { 2, KIND_OPENAI,     "Aoai-Legacy",   "RG-Risk",    "westeurope",    "West Europe",    "risk",     SETTING_STORAGE_ONLY, 0,                        -1 },
};

static const struct deployment_row deployment_rows[] = {
    /* acc  name          model                     version       format    sku                   cap  weight tiers  responses */
    { 0, "chat-prod",   "gpt-4.1",                "2025-04-14", "OpenAI", "GlobalStandard",      500, 14, true,  false },
    { 0, "mini",        "gpt-5-mini",             "2025-08-07", "OpenAI", "GlobalStandard",      900, 12, true,  true  },
    { 0, "embed",       "text-embedding-3-large", "1",          "OpenAI", "Standard",            350,  8, false, false },
    { 0, "ptu-chat",    "gpt-4.1",                "2025-04-14", "OpenAI", "ProvisionedManaged",  100,  6, false, false },
    { 1, "chat-prod",   "gpt-6-sol",              "2026-06-18", "OpenAI", "DataZoneStandard",    800, 12, true,  true  },
    { 1, "mini",        "gpt-5-mini",             "2025-08-07", "OpenAI", "DataZoneStandard",    600,  9, false, true  },
    { 1, "grok",        "grok-4-fast",            "1",          "xAI",    "GlobalStandard",      200,  4, false, false },
    { 3, "chat-prod",   "gpt-6-sol",              "2026-06-18", "OpenAI", "GlobalStandard",      700, 10, true,  true  },
    { 3, "mini",        "gpt-5-mini",             "2025-08-07", "OpenAI", "GlobalStandard",      500,  7, false, false },
    { 3, "embed",       "text-embedding-3-large", "1",          "OpenAI", "GlobalStandard",      300,  5, false, false },
    { 4, "chat-prod",   "gpt-4.1",                "2025-04-14", "OpenAI", "GlobalStandard",      250,  5, false, false },
    { 4, "mini",        "gpt-5-mini",             "2025-08-07", "OpenAI", "Standard",            150,  3, false, true  },
    { 5, "chat-prod",   "gpt-6-sol",              "2026-06-18", "OpenAI", "ProvisionedManaged",  300,  8, false, true  },
    { 5, "mini",        "gpt-5-mini",             "2025-08-07", "OpenAI", "DataZoneStandard",    400,  6, false, false },
    { 6, "chat-prod",   "gpt-4.1",                "2025-04-14", "OpenAI", "Standard",             80,  4, false, false },
    { 6, "embed",       "text-embedding-3-large", "1",          "OpenAI", "Standard",            120,  3, false, false },
};

static const char *const sub_names[] = { "ai-production", "ai-america", "ai-risk" };
static const char *const kind_names[] = { "OpenAI", "AIServices", "SpeechServices" };
/* clang-format on */

enum {
    TEMPLATE_SUBS = sizeof sub_names / sizeof sub_names[0],
    TEMPLATE_ACCOUNTS = sizeof account_rows / sizeof account_rows[0],
    TEMPLATE_DEPLOYMENTS = sizeof deployment_rows / sizeof deployment_rows[0],
};

static sv uuid_named(struct world *w, uint64_t stream)
{
    char text[36];

    uuid_text(rng_name(stream, 1), rng_name(stream, 2), text);
    return arena_copy(&w->arena, sv_make(text, sizeof text));
}

static sv upper(struct world *w, sv s)
{
    sv copy = arena_copy(&w->arena, s);

    for (size_t i = 0; i < copy.len; i++)
        ((char *)(uintptr_t)copy.at)[i] = (char)toupper((unsigned char)copy.at[i]);
    return copy;
}

static void make_account(struct world *w, const struct account_row *row, unsigned sub, unsigned round)
{
    struct account *a = &w->accounts[w->n_accounts];

    *a = (struct account){
        .index = w->n_accounts,
        .sub = sub,
        .kind = row->kind,
        .kind_name = sv_of(kind_names[row->kind]),
        .group = sv_of(row->group),
        .location = sv_of(row->location),
        .region_name = sv_of(row->region),
        .team = sv_of(row->team),
        .setting = row->setting,
        .logged = row->logged,
        .workspace = row->workspace,
        .stream = rng_name(rng_name(w->seed, 'A'), w->n_accounts),
    };
    a->name = round ? arena_printf(&w->arena, "%s-%u", row->name, round) : sv_of(row->name);
    a->id = arena_printf(&w->arena,
                         "/subscriptions/%.*s/resourceGroups/%s/providers/Microsoft.CognitiveServices/accounts/%.*s",
                         SV_ARG(w->subs[sub].id), row->group, SV_ARG(a->name));
    a->id_lower = arena_lower(&w->arena, a->id);
    a->id_upper = upper(w, a->id);
    w->n_accounts++;
}

static void make_deployments(struct world *w, struct account *a, unsigned row_index)
{
    a->first_deployment = w->n_deployments;
    for (unsigned i = 0; i < TEMPLATE_DEPLOYMENTS; i++) {
        const struct deployment_row *row = &deployment_rows[i];
        struct deployment *d = &w->deployments[w->n_deployments];

        if (row->account != row_index)
            continue;
        *d = (struct deployment){
            .index = w->n_deployments,
            .account = a->index,
            .name = sv_of(row->name),
            .model = sv_of(row->model),
            .version = sv_of(row->version),
            .format = sv_of(row->format),
            .sku = sv_of(row->sku),
            .capacity = row->capacity,
            .share = row->weight,
            .chat = strncmp(row->model, "text-embedding", 14) != 0,
            .responses = row->responses,
            .tiers = row->tiers,
            .provisioned = strstr(row->sku, "Provisioned") != NULL,
            .openai = strcmp(row->format, "OpenAI") == 0,
            .completion = strcmp(row->model, "gpt-4.1") == 0,
            .stream = rng_name(rng_name(w->seed, 'D'), w->n_deployments),
        };
        w->n_deployments++;
        a->n_deployments++;
    }
}

static void make_subscription(struct world *w, unsigned i)
{
    struct subscription *s = &w->subs[i];
    unsigned row = i % TEMPLATE_SUBS, round = i / TEMPLATE_SUBS;

    s->stream = rng_name(rng_name(w->seed, 'S'), i);
    s->id = uuid_named(w, s->stream);
    s->upper_id = upper(w, s->id);
    s->name = round ? arena_printf(&w->arena, "%s-%u", sub_names[row], round) : sv_of(sub_names[row]);
    s->first_account = w->n_accounts;
    for (unsigned a = 0; a < TEMPLATE_ACCOUNTS; a++) {
        if (account_rows[a].sub != row)
            continue;
        make_account(w, &account_rows[a], i, round);
        make_deployments(w, &w->accounts[w->n_accounts - 1], a);
    }
    s->n_accounts = w->n_accounts - s->first_account;
}

static void make_callers(struct world *w)
{
    for (unsigned i = 0; i < WORLD_CALLERS; i++) {
        struct caller *c = &w->callers[i];

        c->object_id = uuid_named(w, rng_name(rng_name(w->seed, 'C'), i));
        /* The last octet is masked by Azure: no address any more. */
        c->masked_ip = sv_of(i % 2 ? "203.0.113.***" : "198.51.100.***");
        c->name = arena_printf(&w->arena, "user%u@example.com", i);
    }
}

enum err_code world_init(struct world *w, uint64_t seed, unsigned subscriptions, struct err *e)
{
    unsigned rounds = (subscriptions + TEMPLATE_SUBS - 1) / TEMPLATE_SUBS;
    double total = 0;

    *w = (struct world){ .seed = rng_name(UINT64_C(0x7472656666696c), seed), .n_subs = subscriptions };
    arena_init(&w->arena, 0);
    w->subs = ARENA_ARRAY(&w->arena, struct subscription, subscriptions);
    w->accounts = ARENA_ARRAY(&w->arena, struct account, (size_t)rounds * TEMPLATE_ACCOUNTS);
    w->deployments = ARENA_ARRAY(&w->arena, struct deployment, (size_t)rounds * TEMPLATE_DEPLOYMENTS);
    if (!w->subs || !w->accounts || !w->deployments)
        return err_set(e, ERR_LIMIT, "world: no memory for %u subscriptions", subscriptions);
    w->tenant_id = uuid_named(w, rng_name(w->seed, 't'));
    w->client_id = uuid_named(w, rng_name(w->seed, 'c'));
    w->identity_id = uuid_named(w, rng_name(w->seed, 'i'));
    w->client_secret = arena_printf(&w->arena, "s%016llx~%016llx", (unsigned long long)rng_name(w->seed, 's'),
                                    (unsigned long long)rng_name(w->seed, 'u'));
    w->management_group = SV("mg-ai");
    for (unsigned i = 0; i < WORLD_WORKSPACES; i++)
        w->workspaces[i] = uuid_named(w, rng_name(rng_name(w->seed, 'W'), i));
    make_callers(w);
    for (unsigned i = 0; i < subscriptions; i++)
        make_subscription(w, i);
    for (unsigned i = 0; i < w->n_deployments; i++)
        total += w->deployments[i].share;
    for (unsigned i = 0; i < w->n_deployments; i++)
        w->deployments[i].share /= total;
    return ERR_OK;
}

void world_done(struct world *w)
{
    arena_done(&w->arena);
}

const struct subscription *world_subscription(const struct world *w, sv id)
{
    for (unsigned i = 0; i < w->n_subs; i++)
        if (sv_eq_nocase(w->subs[i].id, id))
            return &w->subs[i];
    return NULL;
}

const struct account *world_account(const struct world *w, sv arm_id)
{
    for (unsigned i = 0; i < w->n_accounts; i++)
        if (sv_eq_nocase(w->accounts[i].id, arm_id))
            return &w->accounts[i];
    return NULL;
}
