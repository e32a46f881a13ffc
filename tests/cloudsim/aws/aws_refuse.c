/* How AWS refuses what any of its services may refuse, and how its metadata services do. */
#include "tests/cloudsim/aws/aws_api.h"

/* ---- no Retry-After there, and seldom a 429 ---- */

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

/* ---- metadata services: a status and a page for people ---- */

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

static void unknown_key(struct exchange *x)
{
    aws_fail(x, AWS_FAIL_UNKNOWN_KEY, 0, "The security token included in the request is invalid.");
}

const struct dialect *aws_dialect(const struct exchange *x)
{
    static const struct dialect aws = { aws_throttled, aws_failed, aws_fail_denied, aws_expired, unknown_key },
                                metadata = { metadata_throttled, metadata_failed, metadata_denied, metadata_expired,
                                             unknown_key };

    return aws_request(x)->protocol == AWS_METADATA ? &metadata : &aws;
}
