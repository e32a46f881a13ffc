/* Tables of what can happen, and how often. Rare things are made more frequent than in life, so that an hour shows all.
 */
#include "tests/cloudsim/azure/events.h"

#include "tests/cloudsim/rng.h"

/* clang-format off */
const struct activity_op activity_ops[ACTIVITY_OPS] = {
    { "Microsoft.CognitiveServices", "Microsoft.CognitiveServices/accounts/listKeys/action",      "Microsoft.CognitiveServices/accounts",             "" },
    { "Microsoft.CognitiveServices", "Microsoft.CognitiveServices/accounts/write",                "Microsoft.CognitiveServices/accounts",             "" },
    { "Microsoft.CognitiveServices", "Microsoft.CognitiveServices/accounts/deployments/write",    "Microsoft.CognitiveServices/accounts/deployments", "/deployments/trial" },
    { "Microsoft.CognitiveServices", "Microsoft.CognitiveServices/accounts/raiPolicies/write",    "Microsoft.CognitiveServices/accounts/raiPolicies", "/raiPolicies/strict" },
    { "MICROSOFT.COGNITIVESERVICES", "MICROSOFT.COGNITIVESERVICES/ACCOUNTS/REGENERATEKEY/ACTION", "Microsoft.CognitiveServices/accounts",             "" },
    { "Microsoft.Insights",          "Microsoft.Insights/diagnosticSettings/write",               "Microsoft.Insights/diagnosticSettings",            "/providers/Microsoft.Insights/diagnosticSettings/to-workspace" },
    { "Microsoft.Insights",          "Microsoft.Insights/diagnosticSettings/delete",              "Microsoft.Insights/diagnosticSettings",            "/providers/Microsoft.Insights/diagnosticSettings/old" },
    { "Microsoft.Authorization",     "Microsoft.Authorization/roleAssignments/write",             "Microsoft.Authorization/roleAssignments",          "/providers/Microsoft.Authorization/roleAssignments/0f" },
    { "Microsoft.Authorization",     "Microsoft.Authorization/roleAssignments/delete",            "Microsoft.Authorization/roleAssignments",          "/providers/Microsoft.Authorization/roleAssignments/1f" },
    /* Not of the three providers: */
    { "Microsoft.Resources",         "Microsoft.Resources/tags/write",                            "Microsoft.Resources/tags",                         "/providers/Microsoft.Resources/tags/default" },
    { "Microsoft.Compute",           "Microsoft.Compute/virtualMachines/restart/action",          "Microsoft.Compute/virtualMachines",                "" },
    { "Microsoft.Storage",           "Microsoft.Storage/storageAccounts/listKeys/action",         "Microsoft.Storage/storageAccounts",                "" },
    { "Microsoft.Network",           "Microsoft.Network/networkSecurityGroups/write",             "Microsoft.Network/networkSecurityGroups",          "" },
    { "Microsoft.KeyVault",          "Microsoft.KeyVault/vaults/write",                           "Microsoft.KeyVault/vaults",                        "" },
};
const char *const activity_status_values[ACT_STATUSES] = { "Started", "Accepted", "Succeeded", "Failed", "Active", NULL };
const enum activity_outcome activity_outcomes[ACT_STATUSES] = {
    AUDIT_STARTED, AUDIT_STARTED, AUDIT_SUCCESS, AUDIT_FAILURE, AUDIT_UNKNOWN, AUDIT_UNKNOWN,
};
const char *const activity_outcome_names[AUDIT_OUTCOMES] = { "started", "success", "failure", "unknown" };
const char *const noise_ops[NOISE_OPS] = {
    "Models_List", "Deployments_List", "Files_List", "Files_Get", "Create_Thread", "ListKey", "Projects_Wildcard_Get", "Assistants_Get",
};
/* clang-format on */

enum { AUDIT_SHARE_PERCENT = 15, FOREIGN_SHARE_PERCENT = 20, NOISE_PER_CALL_PERCENT = 30 };

static bool inside(const struct workload *l, int64_t minute)
{
    return minute >= workload_first(l) && minute < workload_last(l);
}

static int64_t instant(struct rng *r, int64_t minute)
{
    return minute * NANO_PER_MIN + (int64_t)rng_below(r, 600000000) * 100;
}

static int64_t ticks(double s)
{
    return (int64_t)(s * 1e7) * 100;
}

static void add_event(struct activity *a, struct rng *r, const struct activity *of, int64_t at, enum activity_status s)
{
    *a = *of;
    a->at = at;
    a->visible = at + ticks(180 + 1015 * rng_unit(r));
    a->status = s;
    a->begins = s == ACT_STARTED;
    a->id_hi = rng_next(r);
    a->id_lo = rng_next(r);
}

unsigned activity_of(const struct world *w, const struct workload *l, unsigned sub, int64_t minute,
                     struct activity out[EVENTS_PER_MINUTE_MAX])
{
    struct rng r = { rng_name(rng_name(w->subs[sub].stream, 'a'), (uint64_t)minute) };
    unsigned n = 0, operations;

    if (!inside(l, minute))
        return 0;
    operations = rng_poisson(&r, 0.5);
    for (unsigned i = 0; i < operations && n + 3 <= EVENTS_PER_MINUTE_MAX; i++) {
        struct activity op = { .op = (unsigned)rng_below(&r, ACTIVITY_OPS) };
        int64_t at = instant(&r, minute);
        double u = rng_unit(&r);

        op.account = w->subs[sub].first_account + (unsigned)rng_below(&r, w->subs[sub].n_accounts);
        op.caller = (uint8_t)rng_below(&r, WORLD_CALLERS);
        op.group_hi = rng_next(&r);
        op.group_lo = rng_next(&r);
        if (u < 0.05) { /* news of the platform, without a pair */
            add_event(&out[n++], &r, &op, at, u < 0.02 ? ACT_NONE : ACT_ACTIVE);
            continue;
        }
        add_event(&out[n++], &r, &op, at, ACT_STARTED);
        if (u > 0.75)
            add_event(&out[n++], &r, &op, at + ticks(0.4), ACT_ACCEPTED);
        add_event(&out[n++], &r, &op, at + ticks(0.5 + 50 * rng_unit(&r)), u < 0.15 ? ACT_FAILED : ACT_SUCCEEDED);
    }
    return n;
}

bool audit_of(const struct world *w, const struct workload *l, unsigned account, int64_t minute, struct audit_row *out)
{
    const struct account *a = &w->accounts[account];
    struct rng r = { rng_name(rng_name(a->stream, 'u'), (uint64_t)minute) };

    if (!inside(l, minute) || !(a->logged & LOG_AUDIT) || rng_below(&r, 100) >= AUDIT_SHARE_PERCENT)
        return false;
    *out = (struct audit_row){ .at = instant(&r, minute), .caller = (uint8_t)rng_below(&r, WORLD_CALLERS) };
    out->arrives = out->at + ticks(40 + 200 * rng_unit(&r));
    out->again_at = rng_below(&r, 10) == 0 ? out->arrives + ticks(300 * rng_unit(&r)) : 0;
    out->id_hi = rng_next(&r);
    out->id_lo = rng_next(&r);
    return true;
}

uint32_t noise_count(const struct world *w, const struct workload *l, unsigned account, int64_t minute)
{
    const struct account *a = &w->accounts[account];
    uint32_t calls = 0;

    if (!inside(l, minute) || !(a->logged & LOG_REQUESTS))
        return 0;
    for (unsigned d = 0; d < a->n_deployments; d++)
        calls += workload_calls(l, a->first_deployment + d, minute);
    return calls * NOISE_PER_CALL_PERCENT / 100 + 1;
}

static void make_noise(struct rng *r, int64_t minute, struct noise_row *out)
{
    *out = (struct noise_row){
        .at = instant(r, minute),
        .op = (uint8_t)rng_below(r, NOISE_OPS),
        .caller = (uint8_t)rng_below(r, WORLD_CALLERS),
        .status = rng_below(r, 20) == 0 ? 404 : 200,
        .duration_ms = (uint32_t)rng_below(r, 90) + 2,
    };
    out->arrives = out->at + ticks(60 + 300 * rng_unit(r));
    out->id_hi = rng_next(r);
    out->id_lo = rng_next(r);
}

void noise_of(const struct world *w, unsigned account, int64_t minute, uint32_t k, struct noise_row *out)
{
    struct rng r = { rng_name(rng_name(rng_name(w->accounts[account].stream, 'n'), (uint64_t)minute), k) };

    make_noise(&r, minute, out);
}

bool foreign_of(const struct world *w, const struct workload *l, unsigned workspace, int64_t minute,
                struct noise_row *out)
{
    struct rng r = { rng_name(rng_name(rng_name(w->seed, 'f'), workspace), (uint64_t)minute) };

    if (!inside(l, minute) || rng_below(&r, 100) >= FOREIGN_SHARE_PERCENT)
        return false;
    make_noise(&r, minute, out);
    return true;
}
