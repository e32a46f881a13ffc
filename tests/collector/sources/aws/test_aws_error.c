/*
 * What errors mean: every file of tests/data/aws/errors by its name in a table (a file without a row fails, and a row
 * without a file), and what no file has.
 */
#include "collector/sources/aws/aws_error.h"

#include "tests/collector/sources/aws/data.h"
#include "tests/tap.h"

/* clang-format off */
static struct {
    const char *file, *name;
    enum aws_fault fault;
    enum err_code code;
    int seen;
} table[] = {
    { "access-denied.awsjson.json",                    "AccessDeniedException",        AWS_FAULT_DENIED,    ERR_DENIED, 0 },
    { "access-denied.query.json",                      "AccessDenied",                 AWS_FAULT_DENIED,    ERR_DENIED, 0 },
    { "cloudwatch-internal.awsjson.json",              "InternalServiceError",         AWS_FAULT_RETRY,     ERR_RETRY, 0 },
    { "cloudwatch-invalid-next-token.awsjson.json",    "InvalidNextToken",             AWS_FAULT_PERMANENT, ERR_REFUSED, 0 },
    { "cloudwatch-invalid-parameter-value.cbor.json",  "InvalidParameterValue",        AWS_FAULT_PERMANENT, ERR_REFUSED, 0 },
    { "cloudwatch-throttling.awsjson.json",            "Throttling",                   AWS_FAULT_THROTTLED, ERR_THROTTLED, 0 },
    { "cloudwatch-throttling.cbor.json",               "Throttling",                   AWS_FAULT_THROTTLED, ERR_THROTTLED, 0 },
    { "cloudwatch-throttling.query.json",              "Throttling",                   AWS_FAULT_THROTTLED, ERR_THROTTLED, 0 },
    { "expired-token.awsjson.json",                    "ExpiredTokenException",        AWS_FAULT_EXPIRED,   ERR_AUTH, 0 },
    { "expired-token.query.json",                      "ExpiredToken",                 AWS_FAULT_EXPIRED,   ERR_AUTH, 0 },
    { "incomplete-signature.awsjson.json",             "IncompleteSignatureException", AWS_FAULT_PERMANENT, ERR_CONFIG, 0 },
    { "invalid-client-token.query.json",               "InvalidClientTokenId",         AWS_FAULT_EXPIRED,   ERR_AUTH, 0 },
    { "logs-invalid-parameter-token.awsjson11.json",   "InvalidParameterException",    AWS_FAULT_PERMANENT, ERR_REFUSED, 0 },
    { "logs-malformed-query.awsjson11.json",           "MalformedQueryException",      AWS_FAULT_PERMANENT, ERR_REFUSED, 0 },
    { "logs-resource-not-found.awsjson11.json",        "ResourceNotFoundException",    AWS_FAULT_PERMANENT, ERR_GONE, 0 },
    { "logs-service-unavailable.awsjson11.json",       "ServiceUnavailableException",  AWS_FAULT_RETRY,     ERR_RETRY, 0 },
    { "logs-throttling.awsjson11.json",                "ThrottlingException",          AWS_FAULT_THROTTLED, ERR_THROTTLED, 0 },
    { "signature-does-not-match.query.json",           "SignatureDoesNotMatch",        AWS_FAULT_PERMANENT, ERR_CONFIG, 0 },
    { "signature-expired-clock-skew.query.json",       "SignatureDoesNotMatch",        AWS_FAULT_SKEW,      ERR_RETRY, 0 },
    { "sts-access-denied.query.json",                  "AccessDenied",                 AWS_FAULT_DENIED,    ERR_DENIED, 0 },
    { "sts-expired-web-identity-token.query.json",     "ExpiredTokenException",        AWS_FAULT_EXPIRED,   ERR_AUTH, 0 },
    { "sts-invalid-identity-token.query.json",         "InvalidIdentityToken",         AWS_FAULT_PERMANENT, ERR_CONFIG, 0 },
    { "sts-region-disabled.query.json",                "RegionDisabledException",      AWS_FAULT_DENIED,    ERR_DENIED, 0 },
    { "unrecognized-client.awsjson.json",              "UnrecognizedClientException",  AWS_FAULT_EXPIRED,   ERR_AUTH, 0 },
};
/* clang-format on */

static int fit;

static void put_head(struct http_response *r, json headers)
{
    struct json_iter it = json_members(headers);
    struct arena a;
    json value;
    sv name;

    arena_init(&a, 0);
    buf_init(&r->head, 0);
    while (json_member(&it, &name, &value))
        buf_printf(&r->head, "%.*s: %.*s\n", SV_ARG(arena_lower(&a, name)), SV_ARG(json_sv(value)));
    arena_done(&a);
}

static void run_file(const char *name)
{
    const char *base = strrchr(name, '/') + 1;
    struct http_response r = { 0 };
    struct aws_error error;
    struct data_json d;
    int64_t status = 0;
    bool same = false;

    if (!OK(data_json(name, &d)))
        return;
    (void)json_i64(json_get(d.root, SV("status")), &status);
    r.status = (int)status;
    put_head(&r, json_get(d.root, SV("headers")));
    buf_init(&r.body, 0);
    buf_put(&r.body, json_sv(json_get(d.root, SV("body")))); /* CBOR bodies: the header tells */
    aws_error_read(&r, &error);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].file, base) == 0) {
            table[i].seen++;
            same = table[i].fault == error.fault && table[i].code == error.code &&
                   strcmp(table[i].name, error.name) == 0 && aws_judge(&r) == error.code;
        }
    if (!same)
        printf("# %s: %s fault %d code %s: %s\n", base, error.name, error.fault, err_name(error.code), error.message);
    fit += same;
    http_response_done(&r);
    data_done(&d);
}

static void every_sample_is_classified(void)
{
    int n = data_each("errors", ".json", run_file), once = 0;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        once += table[i].seen == 1;
    OK(n == (int)(sizeof table / sizeof *table) && once == n && fit == n);
}

static struct aws_error of(int status, const char *head, const char *body)
{
    struct http_response r = { .status = status };
    struct aws_error error;

    buf_init(&r.head, 0);
    buf_init(&r.body, 0);
    buf_put(&r.head, sv_of(head));
    buf_put(&r.body, sv_of(body));
    aws_error_read(&r, &error);
    http_response_done(&r);
    return error;
}

static void rest_services_name_the_error_in_a_header(void)
{
    struct aws_error e = of(404, "x-amzn-errortype: ResourceNotFoundException:http://internal.amazon.com/\n",
                            "{\"message\":\"no such profile\"}");

    OK(e.code == ERR_GONE && strcmp(e.name, "ResourceNotFoundException") == 0 &&
       strcmp(e.message, "no such profile") == 0);
    OK(of(429, "", "").code == ERR_THROTTLED && of(429, "", "").fault == AWS_FAULT_THROTTLED);
    OK(of(400, "", "{\"__type\":\"a.b#ThrottledException:http://x\"}").code == ERR_THROTTLED);
}

static void without_a_code_the_status_decides(void)
{
    OK(of(500, "", "").code == ERR_RETRY && of(503, "", "<html>").code == ERR_RETRY);
    OK(of(403, "", "").code == ERR_DENIED && of(401, "", "").code == ERR_AUTH && of(400, "", "{").code == ERR_REFUSED);
    OK(of(400, "", "{\"__type\":\"SomethingNewException\"}").fault == AWS_FAULT_PERMANENT);
}

static void a_json_signature_error_is_skew_or_wrong_key(void)
{
    OK(of(403, "", "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: 1 is now earlier\"}")
           .fault == AWS_FAULT_SKEW);
    OK(of(403, "", "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature not yet current: 1\"}").fault ==
       AWS_FAULT_SKEW);
    OK(of(403, "",
          "{\"__type\":\"InvalidSignatureException\",\"message\":\"The request signature we calculated does "
          "not match the signature you provided\"}")
           .code == ERR_CONFIG);
    OK(of(403, "", "<Error><Code>RequestTimeTooSkewed</Code></Error>").fault == AWS_FAULT_SKEW);
}

static void messages_are_one_short_line(void)
{
    struct aws_error e = of(403, "",
                            "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>does not match.\n\nThe "
                            "Canonical String: x-amz-security-token:SECRET</Message></Error></ErrorResponse>");
    char long_body[1000] = "{\"__type\":\"X\",\"message\":\"";

    OK(strcmp(e.message, "does not match.") == 0);
    memset(long_body + strlen(long_body), 'y', 500);
    strcat(long_body, "\"}");
    e = of(400, "", long_body);
    OK(strlen(e.message) == AWS_ERROR_MESSAGE_MAX);
    e = of(400, "x-amzn-query-error: Bad\x01Name;Sender\n", "");
    OK(strcmp(e.name, "Bad") == 0);
}

int main(void)
{
    RUN(every_sample_is_classified);
    RUN(rest_services_name_the_error_in_a_header);
    RUN(without_a_code_the_status_decides);
    RUN(a_json_signature_error_is_skew_or_wrong_key);
    RUN(messages_are_one_short_line);
    return tap_done();
}
