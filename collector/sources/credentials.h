/*
 * Credentials that run out: the cache of every cloud's tokens and sessions.
 *
 * A struct credentials holds named sets (a token per audience, keys per account) and renews each ahead of its end, with
 * one renewal in flight per name: while it runs or fails, others go on with the old set as long as that is valid;
 * without one they wait for its result. After a failure the next attempt waits (the server's Retry-After, or a growing
 * pause, an hour after ERR_DENIED), and until then the failure is told again without a call. Cancelling is not kept.
 *
 * Ownership:     sets are copied into the caller's arena; the cache wipes its own copies.
 * Errors:        what `renew` tells, or ERR_LIMIT.
 * Thread-safety: get and refused from any thread; new and free from one.
 */
#ifndef SOURCES_CREDENTIALS_H
#define SOURCES_CREDENTIALS_H

#include "collector/sources/credential.h"

struct credentials_config {
    const char *what; /* of what there are too many: "token audience", "account" */
    size_t names_max;
    /* One renewal, without memory of earlier ones and without a lock; may ask for the set of another name, never in a
     * circle. Parts live in `scratch`, where they are overwritten afterwards. */
    enum err_code (*renew)(void *ctx, sv name, struct arena *scratch, struct credential *out, struct err *e);
    void *ctx;
};

struct credentials;

MUST_USE struct credentials *credentials_new(const struct credentials_config *c, struct err *e);
void credentials_free(struct credentials *c);

/* The parts of the set of that name, in `arena`. Blocks when none is there yet. */
MUST_USE enum err_code credentials_get(struct credentials *c, sv name, struct arena *arena, struct credential *out,
                                       struct err *e);

/* The server refused this set: it is not handed out again and the next get renews. A second refusal within five minutes
 * of such a renewal is ignored: the set is not what is wrong. A set that was replaced since is the past. */
void credentials_refused(struct credentials *c, sv name, sv first_part);

#endif
