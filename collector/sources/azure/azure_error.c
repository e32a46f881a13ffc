/* What a refusal means: Azure's statuses say what is wrong, and which call it was says which role is missing. */
#include "collector/sources/azure/azure.h"

/* clang-format off */
static const char *const remedies[AZURE_APIS] = {
    [AZURE_API_SUBSCRIPTIONS] = "give the identity the role Reader on the subscriptions to be seen",
    [AZURE_API_DESCENDANTS]   = "give the identity the role Reader (or Management Group Reader) on the management group",
    [AZURE_API_ACCOUNTS]      = "give the identity the role Reader on the subscription",
    [AZURE_API_DEPLOYMENTS]   = "give the identity the role Reader on the subscription",
    [AZURE_API_DIAGNOSTICS]   = "give the identity the role Monitoring Reader on the subscription",
    [AZURE_API_DEFINITIONS]   = "give the identity the role Monitoring Reader on the subscription",
    [AZURE_API_USAGES]        = "give the identity the role Reader on the subscription",
    [AZURE_API_METRICS]       = "give the identity the role Monitoring Reader on the subscription",
    [AZURE_API_BATCH]         = "give the identity the role Monitoring Reader on the subscription (not only on single resources)",
    [AZURE_API_LOGS]          = "give the identity the role Log Analytics Data Reader on the workspace (it can take an hour to act)",
    [AZURE_API_ACTIVITY]      = "give the identity the role Monitoring Reader on the subscription",
};
/* clang-format on */

const char *azure_remedy(enum azure_api api)
{
    return remedies[api];
}
