/*
 * The pure half of Google's credentials: assertions, forms, answers, failures with their remedy. Inside of the gcp
 * folder.
 *
 * Ownership:     views of answers live in the arena. What is put into a buf holds secrets: secret_wipe it.
 * Errors:        ERR_PARSE: an answer that is none.
 * Thread-safety: pure functions.
 */
#ifndef GCP_TOKEN_H
#define GCP_TOKEN_H

#include "collector/net/http_client.h"
#include "collector/sources/gcp/gcp_credential.h"

enum {
    GCP_TOKEN_BYTES_MAX = 64 << 10, /* of an answer; STS's tokens have up to 12 KiB */
    GCP_TOKEN_LIFE_MAX_S = 13 * 3600,
    GCP_TOKEN_LIFE_UNTOLD_S = 300, /* an answer that says nothing of its end */
    GCP_ASSERTION_LIFE_S = 3600,   /* the most that Google takes */
};

/* What Trefoil asks for, and what a credential needs that only stands in for another. */
extern const sv gcp_read_scopes, gcp_platform_scope;

struct gcp_token {
    sv token;
    int64_t life_ms;
};

/* A new one is asked for when less than 3 min 45 s remain. */
int64_t gcp_token_renew_ms(int64_t life_ms);

/* Puts a signed JWT of a service account's key. `audience` empty: it is the bearer itself; else an assertion for the token
 * endpoint. */
MUST_USE enum err_code gcp_token_sign(const struct gcp_credential *c, sv scope, sv audience, int64_t now_unix_nano,
                                      struct buf *jwt, struct err *e);

/* application/x-www-form-urlencoded bodies. */
void gcp_token_assertion_form(struct buf *out, sv jwt);
void gcp_token_refresh_form(struct buf *out, const struct gcp_credential *c); /* an external user's client goes apart */
void gcp_token_exchange_form(struct buf *out, const struct gcp_credential *c, sv scope, sv subject_token);

/* "Basic ...", and generateAccessToken's JSON. */
void gcp_token_basic(struct buf *out, sv client_id, sv client_secret);
void gcp_token_impersonation_body(struct buf *out, const struct gcp_impersonation *i, sv scope);

/* Answers of token endpoints and of the metadata server; of generateAccessToken, `now` being the server's time; a subject
 * token's source, where `field` empty is the whole text. */
MUST_USE enum err_code gcp_token_decode(sv body, struct arena *a, struct gcp_token *out, struct err *e);
MUST_USE enum err_code gcp_token_decode_impersonated(sv body, int64_t now_unix_nano, struct arena *a,
                                                     struct gcp_token *out, struct err *e);
MUST_USE enum err_code gcp_token_subject(sv text, sv field, struct arena *a, sv *out, struct err *e);

/* The proof of an AWS workload: its signed request as JSON, percent-encoded. */
MUST_USE enum err_code gcp_token_aws_subject(const struct http_request *q, struct arena *a, sv *out, struct err *e);

/* What an answer of 300 and more tells: sets and returns code and text. OAuth's: {"error": "...", ...}; of an API:
 * {"error": {"status": "...", ...}}, `email` being who was to be impersonated. */
enum err_code gcp_token_error(sv body, int status, struct err *e);
enum err_code gcp_token_impersonation_error(sv body, int status, sv email, struct err *e);

#endif
