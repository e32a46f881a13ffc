/*
 * The metadata service of an EC2 instance, in its second version alone (a session first): the first would let anything
 * that can make this process send a GET read its credentials. AWS's own source asks it for keys, Google's for the proof
 * of a workload on AWS.
 *
 * It is asked over plain http on a link-local address with little patience: where there is none, a connection hangs.
 *
 * Ownership:     texts live in `arena`; they may be secrets.
 * Errors:        ERR_CONFIG: it does not offer what is asked for, with the remedy; ERR_PARSE: what is told is none;
 *                ERR_RETRY: nobody answers. Its own words are never repeated.
 * Thread-safety: one struct, one thread.
 */
#ifndef SOURCES_IMDS_H
#define SOURCES_IMDS_H

#include "collector/sources/sigv4.h"
#include "collector/sources/source.h"

enum { IMDS_BYTES_MAX = 256 << 10 /* no limit is published for session tokens */ };

struct imds {
    const struct source_env *env;
    struct http_client *plain; /* may speak plain http */
    const struct api *api;
    sv quota;
    sv session_url; /* ".../latest/api/token" */
    struct arena *arena;
    sv session;       /* got by the first imds_get */
    int64_t told_now; /* the server's time at the last answer */
};

/* A trimmed text. `missing`: what a 404 means. */
MUST_USE enum err_code imds_get(struct imds *m, sv url, const char *missing, sv *out, struct err *e);

/* The first role that the list at `url` names, and the document of its keys ("url/role"). */
MUST_USE enum err_code imds_role_keys(struct imds *m, sv url, sv *document, struct err *e);

/* Such a document, or one of a container's agent. *ends: 0 when it tells no end. ERR_CONFIG: it says why there are none. */
MUST_USE enum err_code imds_keys(sv document, struct arena *a, struct sigv4_credentials *out, int64_t *ends_unix_nano,
                                 struct err *e);

#endif
