/*
 * What the names of operations, events and errors mean. Operations are an open set (aws.md 1.6: the names that Responses
 * and Chat Completions have in the log are unverified): one that is not in the table counts under its own name in lower
 * case. Errors likewise: whoever asks for something that cannot be had is a client.
 */
#include "collector/sources/aws/aws_log.h"

/* clang-format off */
static const struct {
    const char *theirs;
    const char *ours;     /* gen_ai.operation.name; NULL: the name in lower case */
    const char *api_type;
    bool inference, streams;
} operations[] = {
    { "CancelInference",                      NULL,   NULL,               false, false },
    { "ChatCompletions",                      "chat", "chat_completions", true,  false },
    { "Converse",                             "chat", "converse",         true,  false },
    { "ConverseStream",                       "chat", "converse",         true,  true  },
    { "CountTokens",                          NULL,   NULL,               false, false },
    { "CreateChatCompletion",                 "chat", "chat_completions", true,  false },
    { "CreateInference",                      NULL,   NULL,               true,  false }, /* mantle: any of its APIs */
    { "CreateResponse",                       "chat", "responses",        true,  false },
    { "DeleteInference",                      NULL,   NULL,               false, false },
    { "GetInference",                         NULL,   NULL,               false, false },
    { "InvokeModel",                          NULL,   "invoke_model",     true,  false },
    { "InvokeModelWithBidirectionalStream",   NULL,   "invoke_model",     true,  true  },
    { "InvokeModelWithResponseStream",        NULL,   "invoke_model",     true,  true  },
    { "Responses",                            "chat", "responses",        true,  false },
};

static const struct {
    const char *prefix;
    enum outcome outcome;
} errors[] = {
    { "InternalFailure",        OUTCOME_SERVER_ERROR },
    { "InternalServer",         OUTCOME_SERVER_ERROR },
    { "ModelNotReadyException", OUTCOME_THROTTLED },
    { "ServiceQuotaExceeded",   OUTCOME_THROTTLED },
    { "ServiceUnavailable",     OUTCOME_SERVER_ERROR },
    { "Throttling",             OUTCOME_THROTTLED },
    { "TooManyRequests",        OUTCOME_THROTTLED },
};
/* clang-format on */

bool aws_operation_of(sv raw, struct arena *a, struct aws_operation_name *out)
{
    sv lower = raw.len ? arena_lower(a, raw) : SV("unknown");

    *out = (struct aws_operation_name){ .operation = lower, .api_type = SV_NONE, .inference = true };
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (sv_eq_nocase(raw, sv_of(operations[i].theirs)))
            *out = (struct aws_operation_name){ .operation = operations[i].ours ? sv_of(operations[i].ours) : lower,
                                                .api_type = sv_of(operations[i].api_type),
                                                .known = true,
                                                .inference = operations[i].inference,
                                                .streams = operations[i].streams };
    return lower.at != NULL;
}

enum outcome aws_outcome_of(sv error_code)
{
    int64_t status;

    if (error_code.len == 0)
        return OUTCOME_SUCCESS;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (sv_starts(error_code, sv_of(errors[i].prefix)))
            return errors[i].outcome;
    if (sv_to_i64(error_code, &status) && status >= 400 && status <= 599)
        return outcome_of_status(status);
    return OUTCOME_CLIENT_ERROR;
}
