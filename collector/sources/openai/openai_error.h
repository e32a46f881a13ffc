/*
 * What an answer with an error says, and what to do about it: status alone decides little (a 401 may be a wrong host, a 429
 * an unpaid bill).
 *
 * Thread-safety: pure functions.
 */
#ifndef OPENAI_ERROR_H
#define OPENAI_ERROR_H

#include "collector/net/http_client.h"

enum { OPENAI_ERROR_NAME_MAX = 64, OPENAI_ERROR_TEXT_MAX = 200, OPENAI_ERROR_HOST_MAX = 100 };

struct openai_error {
    enum err_code code;
    char name[OPENAI_ERROR_NAME_MAX + 1];    /* "invalid_api_key", "missing_scope", ...; empty: the answer names none */
    char message[OPENAI_ERROR_TEXT_MAX + 1]; /* one line of printable text; of a refused key it may quote it */
    char scope[OPENAI_ERROR_NAME_MAX + 1];   /* of missing_scope: "api.usage.read" */
    char host[OPENAI_ERROR_HOST_MAX + 1];    /* of incorrect_hostname: "us.api.openai.com"; empty: not told */
};

void openai_error_read(const struct http_response *r, struct openai_error *out);

/* For struct source_request.judge: what to do. x-should-retry wins over the status. */
enum err_code openai_judge(const struct http_response *r);

/* Makes of an error of source_call one that says what is wrong and how to mend it. `key` is where the key comes from;
 * never quotes what the service said about it. */
enum err_code openai_explain(const struct http_response *r, const char *api, const char *key, struct err *e);

#endif
