/*
 * Answers of AWS's protocols. JSON services name an error's kind in __type, rest-json ones in a header, Query ones in
 * XML; an error's status follows from its kind. What every service refuses alike stands in one table, a column for each
 * dialect.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tests/cloudsim/aws/aws_api.h"

/* The namespace of what stands before every service. */
#define CORAL "com.amazon.coral.service#"

struct buf *aws_reply(struct exchange *x)
{
    static const char *const types[] = {
        [AWS_NONE] = "application/json",
        [AWS_JSON_1_0] = "application/x-amz-json-1.0",
        [AWS_JSON_1_1] = "application/x-amz-json-1.1",
        [AWS_REST] = "application/json",
        [AWS_QUERY] = "text/xml",
        [AWS_METADATA] = "application/json",
    };

    x->r->status = 200;
    x->r->content_type = types[aws_request(x)->protocol];
    return &x->r->body;
}

static int status_of(const struct exchange *x, sv code)
{
    static const struct {
        sv code;
        int status, rest;
    } rows[] = {
        { SVT("InternalServiceFault"), 500, 500 },
        { SVT("InternalFailure"), 500, 500 },
        { SVT("ServiceUnavailableException"), 500, 503 },
        { SVT("ResourceNotFoundException"), 400, 404 },
        { SVT("AccessDenied"), 403, 403 },
        { SVT("IDPRejectedClaim"), 403, 403 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sv_eq(rows[i].code, code))
            return aws_request(x)->protocol == AWS_REST ? rows[i].rest : rows[i].status;
    return 400;
}

/* To a client that asks for it, CloudWatch tells the code that its older protocol had; but not of what is refused
 * before the service is reached. */
static void put_query_error(struct exchange *x, sv code, int status)
{
    if (!x->q || !x->row || !sv_starts(sv_of(x->row->name), SV("cloudwatch:")) ||
        !sv_eq_nocase(http_server_header(x->q, "x-amzn-query-mode"), SV("true")) || sv_starts(code, SV(CORAL)))
        return;
    code = sv_skip(code, sv_find(code, '#') < code.len ? sv_find(code, '#') + 1 : 0);
    if (sv_ends(code, SV("Exception")))
        code = sv_first(code, code.len - strlen("Exception"));
    reply_header(x, "x-amzn-query-error", "%.*s;%s", SV_ARG(code), status < 500 ? "Sender" : "Receiver");
}

static void put_xml_error(struct exchange *x, struct buf *b, sv code, sv text, int status)
{
    buf_printf(b,
               "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>%s</Type>\n"
               "    <Code>%.*s</Code>\n    <Message>",
               status < 500 ? "Sender" : "Receiver", SV_ARG(code));
    put_xml(b, text);
    buf_printf(b, "</Message>\n  </Error>\n  <RequestId>%.*s</RequestId>\n</ErrorResponse>\n", SV_ARG(x->request_id));
}

static void put_error(struct exchange *x, int status, sv code, const char *format, va_list ap)
{
    struct buf *b = aws_reply(x);
    char text[1024];

    vsnprintf(text, sizeof text, format, ap);
    buf_clear(b);
    x->r->status = status;
    if (aws_request(x)->protocol == AWS_QUERY) {
        put_xml_error(x, b, code, sv_of(text), status);
        return;
    }
    buf_putc(b, '{');
    if (aws_request(x)->protocol == AWS_REST) {
        reply_header(x, "x-amzn-ErrorType", "%.*s:http://internal.amazon.com/coral/com.amazon.bedrock/", SV_ARG(code));
    } else {
        put_query_error(x, code, status);
        put_member(b, "__type", code);
        buf_putc(b, ',');
    }
    /* Access is refused with a capital letter. */
    put_member(b, sv_has(code, SV("AccessDenied")) && aws_request(x)->protocol != AWS_REST ? "Message" : "message",
               sv_of(text));
    buf_putc(b, '}');
}

void aws_refuse_as(struct exchange *x, int status, const char *code, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    put_error(x, status, sv_of(code), format, ap);
    va_end(ap);
}

void aws_refuse(struct exchange *x, const char *code, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    put_error(x, status_of(x, sv_of(code)), sv_of(code), format, ap);
    va_end(ap);
}

/* clang-format off */
static const struct failure {
    struct { const char *code; int status; } json, query, rest;
} failures[AWS_FAILURES] = {
    /*                         JSON services                                                 Query services                         rest-json */
    [AWS_FAIL_NO_TOKEN]      = { { CORAL "MissingAuthenticationTokenException", 400 },          { "MissingAuthenticationToken", 403 },  { "MissingAuthenticationTokenException", 403 } },
    [AWS_FAIL_INCOMPLETE]    = { { CORAL "IncompleteSignatureException", 400 },                 { "IncompleteSignature", 400 },         { "IncompleteSignatureException", 403 } },
    [AWS_FAIL_UNKNOWN_KEY]   = { { CORAL "UnrecognizedClientException", 400 },                  { "InvalidClientTokenId", 403 },        { "UnrecognizedClientException", 403 } },
    [AWS_FAIL_SIGNATURE]     = { { CORAL "InvalidSignatureException", 400 },                    { "SignatureDoesNotMatch", 403 },       { "InvalidSignatureException", 403 } },
    [AWS_FAIL_EXPIRED]       = { { CORAL "ExpiredTokenException", 400 },                        { "ExpiredToken", 403 },                { "ExpiredTokenException", 403 } },
    [AWS_FAIL_DENIED]        = { { CORAL "AccessDeniedException", 400 },                        { "AccessDenied", 403 },                { "AccessDeniedException", 403 } },
    [AWS_FAIL_THROTTLED]     = { { "com.amazon.coral.availability#ThrottlingException", 400 },  { "Throttling", 400 },                  { "ThrottlingException", 429 } },
    [AWS_FAIL_INTERNAL]      = { { "InternalFailure", 500 },                                    { "InternalFailure", 500 },             { "InternalServerException", 500 } },
    [AWS_FAIL_OPERATION]     = { { "UnknownOperationException", 400 },                          { "InvalidAction", 400 },               { "UnknownOperationException", 404 } },
    [AWS_FAIL_BODY]          = { { "SerializationException", 400 },                             { "MalformedInput", 400 },              { "SerializationException", 400 } },
};
/* clang-format on */

void aws_fail(struct exchange *x, enum aws_failure kind, int status, const char *format, ...)
{
    const struct failure *f = &failures[kind];
    const char *code = aws_request(x)->protocol == AWS_QUERY  ? f->query.code
                       : aws_request(x)->protocol == AWS_REST ? f->rest.code
                                                              : f->json.code;
    va_list ap;

    if (!status)
        status = aws_request(x)->protocol == AWS_QUERY  ? f->query.status
                 : aws_request(x)->protocol == AWS_REST ? f->rest.status
                                                        : f->json.status;
    /* Organizations and Account Management have their own word for it. */
    if (kind == AWS_FAIL_THROTTLED && x->row && aws_row_of(x)->global)
        code = "TooManyRequestsException";
    va_start(ap, format);
    put_error(x, status, sv_of(code), format, ap);
    va_end(ap);
}

void aws_fail_denied(struct exchange *x)
{
    aws_fail(x, AWS_FAIL_DENIED, 0,
             "User: %.*s is not authorized to perform: %s because no identity-based policy allows the %s action",
             SV_ARG(x->principal), x->row->name, x->row->name);
}
