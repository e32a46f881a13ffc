/*
 * Entra tokens for everything that Trefoil asks of Azure: client secret, workload identity federation, managed
 * identity.
 *
 * One struct azure_auth serves one principal. Tokens are cached per audience, renewed ahead of their end (at
 * refresh_in, else at half-life above 2 h, else 5 minutes before), with one renewal in flight per audience: while it
 * runs or fails, others go on with the old token as long as that is valid; without one they wait for its result. After
 * a failure the next attempt waits (the server's Retry-After, or a growing pause), and until then the failure is told
 * again without a call. The federated token file, the Arc key file and the client secret are read for every request,
 * since they rotate.
 *
 * Ownership:     the configuration's strings outlive the azure_auth. `bearer` is copied into the caller's arena.
 * Errors:        ERR_CONFIG: the operator must change something (wrong secret, no federated credential, no identity
 *                assigned); ERR_THROTTLED, ERR_RETRY: passing. Texts carry `error`, the AADSTS code, trace id and the
 *                remedy, never secret, assertion or token.
 * Thread-safety: azure_token and azure_token_refused from any thread; new and free from one.
 */
#ifndef AZURE_AUTH_H
#define AZURE_AUTH_H

#include "collector/config/secret.h"
#include "collector/sources/source.h"

enum azure_credential {
    AZURE_CREDENTIAL_ENVIRONMENT, /* AZURE_CLIENT_SECRET, else AZURE_FEDERATED_TOKEN_FILE, else managed identity */
    AZURE_CREDENTIAL_CLIENT_SECRET,
    AZURE_CREDENTIAL_WORKLOAD_IDENTITY,
    AZURE_CREDENTIAL_MANAGED_IDENTITY,
};

/* NULL strings take the conventional environment variable where there is one (AZURE_TENANT_ID, AZURE_CLIENT_ID,
 * AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST). */
struct azure_auth_config {
    enum azure_credential credential;
    const char *tenant_id, *client_id;
    struct secret client_secret;
    const char *federated_token_file;
    /* Managed identity, user-assigned: at most one of these two or client_id; none is the system-assigned one. */
    const char *identity_object_id, *identity_resource_id;
    const char *authority_url;     /* NULL: AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com */
    const char *imds_url;          /* NULL: http://169.254.169.254; set, it also skips the search for other endpoints */
    const char *arc_key_directory; /* NULL: /var/opt/azcmagent/tokens */
    const char *(*environment)(const char *name); /* NULL: getenv; tests give their own */
};

struct azure_auth;

/* Starts no call. NULL and ERR_CONFIG when something needed is missing. */
struct azure_auth *azure_auth_new(const struct azure_auth_config *c, const struct source_env *env, struct err *e);
void azure_auth_free(struct azure_auth *a);

/* A token for `audience` ("https://management.azure.com", without "/.default"; a trailing slash is kept as given).
 * Blocks when none is there yet. */
MUST_USE enum err_code azure_token(struct azure_auth *a, sv audience, struct arena *arena, sv *bearer, struct err *e);

/* After a 401: this token is not handed out again and the next azure_token renews. A second refusal within five minutes
 * of such a renewal is ignored: the token is not what is wrong, and the 401 stands. */
void azure_token_refused(struct azure_auth *a, sv audience, sv bearer);

/* Which way is used, for messages: "client secret", "workload identity", "managed identity (App Service)", ... */
const char *azure_auth_kind(const struct azure_auth *a);

/* ---- Pure parts (azure_token.c) ---- */

enum {
    AZURE_TOKEN_BYTES_MAX = 32 << 10,
    AZURE_TOKEN_LIFE_MAX_S = 24 * 3600,
    AZURE_TOKEN_LIFE_UNTOLD_S = 300, /* an answer that says nothing of its end */
};

struct azure_token_answer {
    sv token;
    int64_t life_ms;                      /* from `now`, within the limits above */
    int64_t renew_ms;                     /* after this long a new one is asked for; < life_ms */
    sv client_id, object_id, resource_id; /* the identity as the answer echoes it (managed identity), else empty */
};

/* A 200's body. Views live in `a`. `now` is the server's time, for expires_on. */
MUST_USE enum err_code azure_token_decode(sv body, int64_t now_unix_nano, struct arena *a,
                                          struct azure_token_answer *out, struct err *e);

/* The failure that a body with HTTP status 400 or more tells: sets and returns code and text. */
enum err_code azure_token_error(sv body, int status, struct err *e);

/* expires_on in its forms: integer, digit string, "MM/dd/yyyy HH:mm:ss", "yyyy-MM-dd HH:mm:ss", RFC 3339. */
bool azure_expires_on(sv text, int64_t *unix_nano);

/* application/x-www-form-urlencoded bodies. Exactly one of secret and assertion is not empty. */
void azure_token_form(struct buf *out, sv client_id, sv secret, sv assertion, sv audience);

/* "Basic realm=<file>" of an Arc challenge, and whether that file is one that Arc writes: directly in `directory`,
 * ending in ".key". *file is a view into the header. */
bool azure_arc_key_file(sv www_authenticate, sv directory, sv *file);

#endif
