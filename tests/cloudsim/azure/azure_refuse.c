/*
 * How Azure refuses: Resource Manager, Log Analytics, Entra and a managed identity's endpoint each have their own form.
 */
#include "tests/cloudsim/azure/azure.h"

/* ---- Resource Manager, metrics, Log Analytics ---- */

static void arm_throttled(struct exchange *x, unsigned seconds)
{
    sv where = azure_request(x)->sub ? azure_request(x)->sub->id : SV("tenant");

    reply_header(x, "Retry-After", "%u", seconds);
    if (x->row->quota == &azure_definitions_quota)
        reply_error(
            x, 429, "ResourceRequestsThrottled",
            "Number of requests for action 'microsoft.insights/metricDefinitions/read' exceeded the limit of '400' for "
            "time interval '00:05:00'. Please try again after '%u' seconds.",
            seconds);
    else
        reply_error(
            x, 429, "SubscriptionRequestsThrottled",
            "Number of requests for subscription '%.*s' and operation '%s' exceeded the backend storage limit. Please "
            "try again after '%u' seconds.",
            SV_ARG(where), x->row->name, seconds);
}

static void arm_failed(struct exchange *x, int status)
{
    reply_error(x, status, "InternalServerError", "The server encountered an error. Please retry.");
}

static void arm_denied(struct exchange *x)
{
    reply_error(x, 403, "AuthorizationFailed",
                "The client '%.*s' with object id '%.*s' does not have authorization to perform action '%s' over the "
                "scope or the scope is invalid. If access was recently granted, please refresh your credentials.",
                SV_ARG(azure_of(x->sim)->world.client_id), SV_ARG(azure_of(x->sim)->world.client_id), x->row->name);
}

static void arm_expired(struct exchange *x)
{
    reply_error(x, 401, "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than current UTC time.");
}

static void logs_throttled(struct exchange *x, unsigned seconds)
{
    reply_header(x, "Retry-After", "%u", seconds);
    reply_error(x, 429, "ThrottledError", "Rate limit is exceeded. Try again in %u seconds.", seconds);
}

static void logs_denied(struct exchange *x)
{
    reply_error(x, 403, "InsufficientAccessError",
                "The provided credentials have insufficient access to perform the requested operation");
}

/* ---- Entra ---- */

static void entra_throttled(struct exchange *x, unsigned seconds)
{
    reply_header(x, "Retry-After", "%u", seconds);
    entra_refuse(x, 429, "temporarily_unavailable", 90055,
                 "The tenant is throttled due to too many requests. Please try again later.");
}

static void entra_failed(struct exchange *x, int status)
{
    entra_refuse(x, status, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again.");
}

static void entra_denied(struct exchange *x)
{
    entra_refuse(x, 401, "unauthorized_client", 7000112, "The application is disabled.");
}

static void entra_expired(struct exchange *x)
{
    entra_refuse(x, 401, "invalid_client", 7000222, "The provided client secret keys are expired.");
}

/* ---- managed identities ---- */

static void identity_throttled(struct exchange *x, unsigned seconds)
{
    reply_header(x, "Retry-After", "%u", seconds);
    identity_refuse(x, 429, "too_many_requests", "Too many requests, please retry later");
}

static void identity_failed(struct exchange *x, int status)
{
    identity_refuse(x, status, "unknown", "Failed to retrieve token from the Active directory");
}

static void identity_denied(struct exchange *x)
{
    identity_refuse(x, 400, "invalid_request", "Identity not found");
}

const struct dialect *azure_dialect(const struct exchange *x)
{
    static const struct dialect arm = { arm_throttled, arm_failed, arm_denied, arm_expired, NULL },
                                logs = { logs_throttled, arm_failed, logs_denied, arm_expired, NULL },
                                entra = { entra_throttled, entra_failed, entra_denied, entra_expired, NULL },
                                identity = { identity_throttled, identity_failed, identity_denied, identity_denied,
                                             NULL };

    if (x->row->audience == AUD_LOGS)
        return &logs;
    if (x->row->audience == AUD_PLAIN)
        return &identity;
    return x->row->audience == AUD_NONE ? &entra : &arm;
}
