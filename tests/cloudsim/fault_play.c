/*
 * What a fault in force does to a call. What is refused is refused in the words of whom one called: Resource Manager,
 * Log Analytics, Entra, a managed identity's endpoint, and AWS each have their own form, and a client that reads one
 * must not be spared the other.
 */
#include <stdio.h>

#include "tests/cloudsim/aws_api.h"

/* Who is spoken to, and how it refuses. */
struct dialect {
    void (*throttled)(struct exchange *x, unsigned seconds);
    void (*failed)(struct exchange *x, int status);
    void (*denied)(struct exchange *x);
    void (*expired)(struct exchange *x);
};

/* ---- Resource Manager, metrics, Log Analytics ---- */

static void arm_throttled(struct exchange *x, unsigned seconds)
{
    sv where = x->sub ? x->sub->id : SV("tenant");

    reply_header(x, "Retry-After", "%u", seconds);
    if (x->row->quota == QUOTA_DEFINITIONS)
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
                SV_ARG(x->sim->world.client_id), SV_ARG(x->sim->world.client_id), x->row->name);
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

/* ---- AWS: no Retry-After there, and seldom a 429 ---- */

static void aws_throttled(struct exchange *x, unsigned seconds)
{
    (void)seconds;
    x->throttled = true;
    aws_fail(x, AWS_FAIL_THROTTLED, 0, "Rate exceeded");
}

static void aws_failed(struct exchange *x, int status)
{
    aws_fail(x, AWS_FAIL_INTERNAL, status,
             "Request processing has failed due to some unknown error, exception, or failure.");
}

static void aws_expired(struct exchange *x)
{
    aws_fail(x, AWS_FAIL_EXPIRED, 0, "The security token included in the request is expired");
}

/* ---- AWS's metadata services: a status and a page for people ---- */

static void metadata_failed(struct exchange *x, int status)
{
    x->r->status = status;
    x->r->content_type = "text/html";
    buf_printf(&x->r->body, "<html><head><title>%d</title></head><body><h1>%d</h1></body></html>\n", status, status);
}

static void metadata_throttled(struct exchange *x, unsigned seconds)
{
    (void)seconds;
    metadata_failed(x, 429);
}

static void metadata_denied(struct exchange *x)
{
    metadata_failed(x, 403);
}

static void metadata_expired(struct exchange *x)
{
    metadata_failed(x, 401);
}

static const struct dialect arm = { arm_throttled, arm_failed, arm_denied, arm_expired },
                            logs = { logs_throttled, arm_failed, logs_denied, arm_expired },
                            entra = { entra_throttled, entra_failed, entra_denied, entra_expired },
                            identity = { identity_throttled, identity_failed, identity_denied, identity_denied },
                            aws = { aws_throttled, aws_failed, aws_fail_denied, aws_expired },
                            metadata = { metadata_throttled, metadata_failed, metadata_denied, metadata_expired };

static const struct dialect *dialect_of(const struct exchange *x)
{
    if (x->aws.protocol)
        return x->aws.protocol == AWS_METADATA ? &metadata : &aws;
    if (x->row->audience == AUD_LOGS)
        return &logs;
    if (x->row->audience == AUD_PLAIN)
        return &identity;
    return x->row->audience == AUD_NONE ? &entra : &arm;
}

void reply_throttled(struct exchange *x, unsigned seconds)
{
    dialect_of(x)->throttled(x, seconds);
}

static void put_html(struct exchange *x, int status)
{
    x->r->status = status;
    x->r->content_type = "text/html";
    buf_put(&x->r->body, SV("<html><head><title>Gateway</title></head><body>Our services aren't available right now."
                            "</body></html>\r\n"));
}

/* A hundred megabytes, and no proxy may shrink them. */
static void put_huge(struct exchange *x)
{
    reply_json(x, 200);
    x->r->body.limit_bytes = 128 << 20;
    buf_put(&x->r->body, SV("{\"value\":\""));
    while (x->r->body.len < 100 << 20 && !x->r->body.failed)
        buf_put(&x->r->body, SV("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    buf_put(&x->r->body, SV("\"}"));
    reply_header(x, "Content-Encoding", "identity");
}

static bool play(struct exchange *x, const struct fault *f)
{
    const struct dialect *d = dialect_of(x);

    switch (f->kind) {
    case FAULT_THROTTLE:
        d->throttled(x, (unsigned)f->seconds);
        return true;
    case FAULT_STATUS:
        d->failed(x, f->status);
        return true;
    case FAULT_DENY:
        d->denied(x);
        return true;
    case FAULT_EXPIRE:
        d->expired(x);
        return true;
    case FAULT_HTML:
        put_html(x, f->status);
        return true;
    case FAULT_HUGE:
        put_huge(x);
        return true;
    case FAULT_EMPTY:
        reply_json(x, f->status);
        return true;
    case FAULT_HANG:
    case FAULT_SLOW:
        /* One thread per connection: only this client waits. */
        clock_sleep_ms(f->seconds * 1000);
        x->r->drop = f->kind == FAULT_HANG;
        return x->r->drop;
    case FAULT_DROP:
        x->r->drop = true;
        return true;
    case FAULT_PARTIAL:
        x->fault = "partial";
        return false;
    case FAULT_WRONG:
        x->fault = "wrong_metric";
        return false;
    case FAULT_CUT:
        x->fault = "cut";
        return false;
    case FAULT_SKEW:
        x->aws.skew_ns = f->seconds * NANO_PER_S;
        return false;
    case FAULT_UNKNOWN_KEY:
        aws_fail(x, AWS_FAIL_UNKNOWN_KEY, 0, "The security token included in the request is invalid.");
        return true;
    case FAULTS:
        break;
    }
    return false;
}

bool fault_play(struct exchange *x)
{
    struct fault_place place = { x->row->name, x->sub ? x->sub->id : SV_NONE, x->aws.fault_account, x->aws.region };
    bool of_aws;
    struct fault f;

    if (!faults_find(x->sim->faults, &place, x->now, &f))
        return false;
    of_aws = f.kind == FAULT_SKEW || f.kind == FAULT_UNKNOWN_KEY;
    return (!of_aws || x->aws.protocol) && play(x, &f);
}
