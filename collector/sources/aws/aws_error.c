/*
 * Codes to what to do: one table, read from the operator's side (aws.md 2.7). A code that it does not hold is judged by
 * its ending, which AWS uses alike in all services, and then by the HTTP status.
 *
 * Clock trouble has no code of its own: it is a signature error whose message says so.
 */
#include "collector/sources/aws/aws_error.h"

#include <ctype.h>

#include "collector/base/json.h"
#include "collector/sources/aws/aws_xml.h"

enum { ERROR_BYTES_MAX = 64 << 10 };

/* clang-format off */
static const struct row {
    sv name; /* without "Exception" at the end */
    enum aws_fault fault;
    enum err_code code;
} rows[] = {
    { SVT("Throttling"),                    AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("Throttled"),                     AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("RequestThrottled"),              AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("TooManyRequests"),               AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("RequestLimitExceeded"),          AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("BandwidthLimitExceeded"),        AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("LimitExceeded"),                 AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("SlowDown"),                      AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("EC2Throttled"),                  AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("ProvisionedThroughputExceeded"), AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("PriorRequestNotComplete"),       AWS_FAULT_THROTTLED, ERR_THROTTLED },
    { SVT("TransactionInProgress"),         AWS_FAULT_THROTTLED, ERR_THROTTLED },

    { SVT("RequestTimeout"),                AWS_FAULT_RETRY,     ERR_RETRY },
    { SVT("InternalFailure"),               AWS_FAULT_RETRY,     ERR_RETRY },
    { SVT("InternalServiceError"),          AWS_FAULT_RETRY,     ERR_RETRY },
    { SVT("InternalServiceFault"),          AWS_FAULT_RETRY,     ERR_RETRY },
    { SVT("InternalServer"),                AWS_FAULT_RETRY,     ERR_RETRY },
    { SVT("InternalServerError"),           AWS_FAULT_RETRY,     ERR_RETRY },
    { SVT("InternalError"),                 AWS_FAULT_RETRY,     ERR_RETRY },
    { SVT("Service"),                       AWS_FAULT_RETRY,     ERR_RETRY }, /* Organizations' ServiceException */
    { SVT("ServiceUnavailable"),            AWS_FAULT_RETRY,     ERR_RETRY },
    { SVT("IDPCommunicationError"),         AWS_FAULT_RETRY,     ERR_RETRY },

    { SVT("ExpiredToken"),                  AWS_FAULT_EXPIRED,   ERR_AUTH },
    { SVT("RequestExpired"),                AWS_FAULT_EXPIRED,   ERR_AUTH },
    { SVT("UnrecognizedClient"),            AWS_FAULT_EXPIRED,   ERR_AUTH },
    { SVT("InvalidClientTokenId"),          AWS_FAULT_EXPIRED,   ERR_AUTH },
    { SVT("InvalidAccessKeyId"),            AWS_FAULT_EXPIRED,   ERR_AUTH }, /* S3 */

    { SVT("RequestTimeTooSkewed"),          AWS_FAULT_SKEW,      ERR_RETRY },
    { SVT("SignatureDoesNotMatch"),         AWS_FAULT_PERMANENT, ERR_CONFIG }, /* unless its message tells of time */
    { SVT("InvalidSignature"),              AWS_FAULT_SKEW,      ERR_RETRY },  /* unless its message tells of a mismatch */
    { SVT("IncompleteSignature"),           AWS_FAULT_PERMANENT, ERR_CONFIG },
    { SVT("MissingAuthenticationToken"),    AWS_FAULT_PERMANENT, ERR_CONFIG },

    { SVT("AccessDenied"),                  AWS_FAULT_DENIED,    ERR_DENIED },
    { SVT("Unauthorized"),                  AWS_FAULT_DENIED,    ERR_DENIED },
    { SVT("UnauthorizedOperation"),         AWS_FAULT_DENIED,    ERR_DENIED },
    { SVT("NotAuthorized"),                 AWS_FAULT_DENIED,    ERR_DENIED },
    { SVT("OptInRequired"),                 AWS_FAULT_DENIED,    ERR_DENIED },
    { SVT("RegionDisabled"),                AWS_FAULT_DENIED,    ERR_DENIED },
    { SVT("IDPRejectedClaim"),              AWS_FAULT_DENIED,    ERR_DENIED },

    { SVT("ResourceNotFound"),              AWS_FAULT_PERMANENT, ERR_GONE },
    { SVT("NoSuchBucket"),                  AWS_FAULT_PERMANENT, ERR_GONE },
    { SVT("NoSuchKey"),                     AWS_FAULT_PERMANENT, ERR_GONE },
    { SVT("ParentNotFound"),                AWS_FAULT_PERMANENT, ERR_GONE },
    { SVT("TargetNotFound"),                AWS_FAULT_PERMANENT, ERR_GONE },
    { SVT("InvalidIdentityToken"),          AWS_FAULT_PERMANENT, ERR_CONFIG },
    { SVT("MalformedPolicyDocument"),       AWS_FAULT_PERMANENT, ERR_CONFIG },
    { SVT("PackedPolicyTooLarge"),          AWS_FAULT_PERMANENT, ERR_CONFIG },
};

static const struct { int status; enum aws_fault fault; enum err_code code; } statuses[] = {
    { 401, AWS_FAULT_EXPIRED,   ERR_AUTH },
    { 403, AWS_FAULT_DENIED,    ERR_DENIED },
    { 404, AWS_FAULT_PERMANENT, ERR_GONE },
    { 408, AWS_FAULT_RETRY,     ERR_RETRY },
    { 413, AWS_FAULT_PERMANENT, ERR_LIMIT },
    { 429, AWS_FAULT_THROTTLED, ERR_THROTTLED },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ---- What it says ---- */

/* "com.amazonaws.logs#ThrottlingException:http://..." -> "ThrottlingException"; only the bytes of a code. */
static sv bare_name(sv s)
{
    size_t n = 0;

    s = sv_trim(s);
    if (sv_find(s, '#') < s.len)
        s = sv_skip(s, sv_find(s, '#') + 1);
    while (n < s.len && n < AWS_ERROR_CODE_MAX && (isalnum((unsigned char)s.at[n]) || s.at[n] == '.' || s.at[n] == '_'))
        n++;
    return sv_first(s, n);
}

static void take_name(struct aws_error *out, sv s)
{
    s = bare_name(s);
    if (out->name[0] || s.len == 0)
        return;
    memcpy(out->name, s.at, s.len);
    out->name[s.len] = '\0';
}

/* The first line: some messages go on with the whole signed request, token included. */
static void take_message(struct aws_error *out, sv s)
{
    s = sv_trim(s);
    sv_plain(sv_cut(&s, '\n'), out->message, AWS_ERROR_MESSAGE_MAX);
}

static void read_json(sv body, struct aws_error *out)
{
    struct json_parser *p = json_parser_new(ERROR_BYTES_MAX);
    json root = { 0 }, message;

    if (p && json_parse(p, body, &root, NULL) == ERR_OK) {
        take_name(out, json_sv(json_get(root, SV("__type"))));
        take_name(out, json_sv(json_get(root, SV("code"))));
        message = json_get(root, SV("message"));
        take_message(out, json_sv(json_is_absent(message) ? json_get(root, SV("Message")) : message));
    }
    json_parser_free(p);
}

/* S3 has no ErrorResponse around its Error; EC2 has Errors. */
static void read_xml(sv body, struct aws_error *out)
{
    struct arena a;
    sv text;

    arena_init(&a, 4 * ERROR_BYTES_MAX);
    if (aws_xml_text(body, SV("Error"), SV("Code"), &a, &text))
        take_name(out, text);
    if (aws_xml_text(body, SV("Error"), SV("Message"), &a, &text))
        take_message(out, text);
    arena_done(&a);
}

static bool says(const struct aws_error *e, const char *words)
{
    return strcasestr(e->message, words) != NULL;
}

/* ---- What to do ---- */

static const struct row *find_row(sv name)
{
    if (sv_ends(name, SV("Exception")))
        name.len -= 9;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (sv_eq(rows[i].name, name))
            return &rows[i];
    return NULL;
}

static void judge_status(int status, struct aws_error *out)
{
    out->fault = status >= 500 ? AWS_FAULT_RETRY : AWS_FAULT_PERMANENT;
    out->code = status >= 500 ? ERR_RETRY : ERR_REFUSED;
    for (size_t i = 0; i < COUNT(statuses); i++)
        if (statuses[i].status == status) {
            out->fault = statuses[i].fault;
            out->code = statuses[i].code;
        }
}

static void judge(int status, struct aws_error *out)
{
    const struct row *row = find_row(sv_of(out->name));

    if (!row) {
        judge_status(status, out);
        return;
    }
    out->fault = row->fault;
    out->code = row->code;
    if (row->code != ERR_CONFIG && row->fault != AWS_FAULT_SKEW)
        return;
    if (says(out, "signature expired") || says(out, "not yet current")) {
        out->fault = AWS_FAULT_SKEW;
        out->code = ERR_RETRY;
    } else if (row->fault == AWS_FAULT_SKEW && says(out, "does not match")) {
        out->fault = AWS_FAULT_PERMANENT;
        out->code = ERR_CONFIG;
    }
}

void aws_error_read(const struct http_response *r, struct aws_error *out)
{
    sv body = sv_first(sv_trim(buf_sv(&r->body)), ERROR_BYTES_MAX);
    sv header = http_response_header(r, SV("x-amzn-query-error"));

    *out = (struct aws_error){ 0 };
    take_name(out, sv_cut(&header, ';'));
    take_name(out, http_response_header(r, SV("x-amzn-errortype")));
    if (sv_starts(body, SV("{")))
        read_json(body, out);
    else if (sv_starts(body, SV("<")))
        read_xml(body, out);
    judge(r->status, out);
}

enum err_code aws_judge(const struct http_response *r)
{
    struct aws_error error;

    aws_error_read(r, &error);
    return error.code;
}
