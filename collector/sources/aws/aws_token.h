/*
 * The pure half of credentials: STS's forms and XML answers, the JSON of metadata services, failures with their remedy.
 *
 * Ownership:     views of answers live in the arena.
 * Errors:        ERR_PARSE: an answer that is none.
 * Thread-safety: pure functions.
 */
#ifndef AWS_TOKEN_H
#define AWS_TOKEN_H

#include "collector/net/http_client.h"
#include "collector/sources/aws/aws_identity.h"

enum {
    AWS_TOKEN_BYTES_MAX = 256 << 10, /* no limit is published for session tokens */
    AWS_TOKEN_LIFE_MAX_S = 36 * 3600,
    AWS_TOKEN_STALE_S = 15 * 60, /* what a metadata service hands out though it has ended is used this long */
};

struct aws_token_answer {
    struct sigv4_credentials keys;
    int64_t life_ms; /* 0: no end */
    bool stale;      /* had ended already; ask again soon */
};

/* application/x-www-form-urlencoded bodies. */
void aws_token_assume_form(struct buf *out, const struct aws_role *role);
void aws_token_web_form(struct buf *out, const struct aws_role *role, sv token);
void aws_token_caller_form(struct buf *out);

/* AssumeRole's and AssumeRoleWithWebIdentity's answer; `now` is the server's time. */
MUST_USE enum err_code aws_token_sts(sv body, int64_t now_unix_nano, struct arena *a, struct aws_token_answer *out,
                                     struct err *e);

/* GetCallerIdentity's: 12 digits and an ARN. */
MUST_USE enum err_code aws_token_caller(sv body, struct arena *a, sv *account, sv *arn, struct err *e);

/* The document of a container agent or of the instance metadata. ERR_CONFIG: it says why there are none. */
MUST_USE enum err_code aws_token_metadata(sv body, int64_t now_unix_nano, struct arena *a, struct aws_token_answer *out,
                                          struct err *e);

/* What an STS answer of 400 and more tells: sets and returns code and text. `what`: "AssumeRole arn:...". */
enum err_code aws_token_error(const struct http_response *r, sv what, struct err *e);

/* "arn:{partition}:iam::{account}:role/x" with both filled in. */
void aws_role_arn(struct buf *out, sv template, sv partition, sv account);

#endif
