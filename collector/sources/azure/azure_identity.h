/*
 * Ways to get a token, and the request of each. Inside of the azure folder; callers see azure_auth.h.
 *
 * Thread-safety: choosing from one thread; requests from any, each with its own struct.
 */
#ifndef AZURE_IDENTITY_H
#define AZURE_IDENTITY_H

#include "collector/sources/azure/azure_auth.h"

struct azure_way {
    const char *name;
    const char *needs[3]; /* environment variables that must all be set */
    const char *file;     /* or: this file exists */
    const char *method;
    const char *endpoint; /* environment variable with the URL; NULL or unset: `url` */
    const char *url;
    const char *api_version; /* NULL: none */
    const char *header;      /* with the value of `header_from` (environment variable), else "true" */
    const char *header_from;
    /* Parameter names that select a user-assigned identity; NULL: this way cannot. */
    const char *by_client_id, *by_object_id, *by_resource_id;
    bool challenge; /* Arc: a first answer of 401 names a file whose content authorizes the second request */
    bool wakes_up;  /* 404 and 410 are passing too */
    bool unsupported;
};

/* What is known after choosing. Strings are borrowed from configuration and environment, the URL is owned. */
struct azure_identity {
    const struct azure_way *way; /* NULL: Entra's token endpoint, by secret or assertion */
    const char *tenant_id, *client_id, *object_id, *resource_id;
    const char *federated_token_file; /* NULL: by secret */
    struct secret secret;
    const char *header_value, *arc_key_directory;
    struct buf url; /* token endpoint, or the identity endpoint without its query */
};

MUST_USE enum err_code azure_identity_choose(struct azure_identity *id, const struct azure_auth_config *c,
                                             struct err *e);
void azure_identity_done(struct azure_identity *id);

/* One request with all that it points to. Holds secrets: wiped by done. */
struct azure_token_request {
    struct http_request q;
    struct buf url, body, authorization;
};
MUST_USE enum err_code azure_token_request(const struct azure_identity *id, sv audience,
                                           struct azure_token_request *out, struct err *e);
/* Adds what the challenge of a first answer asks for. */
MUST_USE enum err_code azure_token_request_answer(const struct azure_identity *id, sv www_authenticate,
                                                  struct azure_token_request *r, struct err *e);
void azure_token_request_done(struct azure_token_request *r);

/* Whether the answer is about the identity that was selected: old Arc agents ignore the selector. */
bool azure_identity_is_echoed(const struct azure_identity *id, const struct azure_token_answer *t);

#endif
