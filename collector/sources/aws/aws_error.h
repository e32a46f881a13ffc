/*
 * What an AWS answer with an error says, whichever protocol it came by: code from x-amzn-query-error, x-amzn-errortype,
 * __type or XML, and what to do about it. Status alone decides nothing: throttling is usually a 400.
 *
 * Thread-safety: pure functions.
 */
#ifndef AWS_ERROR_H
#define AWS_ERROR_H

#include "collector/net/http_client.h"

enum aws_fault {
    AWS_FAULT_PERMANENT, /* the request is wrong, or something is missing: asking again changes nothing */
    AWS_FAULT_THROTTLED, /* slow down */
    AWS_FAULT_EXPIRED,   /* credentials: renew once, ask once more */
    AWS_FAULT_DENIED,    /* known identity, missing permission */
    AWS_FAULT_SKEW,      /* our clock: sign anew with the offset that the Date header taught */
    AWS_FAULT_RETRY,     /* passing */
};

enum { AWS_ERROR_CODE_MAX = 64, AWS_ERROR_MESSAGE_MAX = 200 };

struct aws_error {
    enum aws_fault fault;
    enum err_code code;
    char name[AWS_ERROR_CODE_MAX + 1];       /* "ThrottlingException"; empty: the answer names none */
    char message[AWS_ERROR_MESSAGE_MAX + 1]; /* first line, one line of printable text */
};

void aws_error_read(const struct http_response *r, struct aws_error *out);

/* For struct source_request.judge: what to do. A skew is ERR_RETRY: source_call has by then learned the offset from the
 * answer's Date, and the next attempt is signed anew. Expired credentials are ERR_AUTH: tell aws_auth_refused, then
 * ask once more. */
enum err_code aws_judge(const struct http_response *r);

#endif
