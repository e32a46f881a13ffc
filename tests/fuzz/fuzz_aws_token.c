/* Answers and refusals of STS and of metadata services: keys that a header can hold, lives within their limits. */
#include "collector/sources/aws/aws_error.h"
#include "collector/sources/aws/aws_token.h"
#include "collector/sources/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now = INT64_C(1790000040000000000);

static void check(const struct aws_token_answer *t)
{
    struct http_request q = { .method = "GET" };

    if (t->keys.access_key_id.len == 0 || t->keys.secret_access_key.len == 0 ||
        !http_request_header(&q, SV("X"), t->keys.session_token))
        __builtin_trap();
    if (t->life_ms && (t->life_ms < CREDENTIAL_LIFE_MIN_S * 1000 || t->life_ms > AWS_TOKEN_LIFE_MAX_S * 1000LL))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = { 400, 403, 429, 500 };
    struct aws_token_answer t = { 0 };
    sv bytes = sv_make(data, size), account, arn;
    struct http_response r = { .status = statuses[size % 4] };
    struct aws_error error;
    struct arena memory;

    arena_init(&memory, 4 << 20);
    if (aws_token_sts(bytes, now, &memory, &t, NULL) == ERR_OK)
        check(&t);
    if (aws_token_metadata(bytes, now, &memory, &t, NULL) == ERR_OK)
        check(&t);
    if (aws_token_caller(bytes, &memory, &account, &arn, NULL) == ERR_OK && account.len != 12)
        __builtin_trap();
    buf_init(&r.body, 0);
    buf_put(&r.body, bytes);
    aws_error_read(&r, &error);
    if (error.code == ERR_OK || aws_token_error(&r, SV("x"), NULL) == ERR_OK)
        __builtin_trap();
    http_response_done(&r);
    arena_done(&memory);
    return 0;
}
