/*
 * Tokens that cloudsim makes for itself, and the encodings around them. A cloud whose tokens a client looks into has its
 * own; for the others these are opaque.
 *
 * Ownership: results live in the given arena.
 */
#ifndef CLOUDSIM_TOKEN_H
#define CLOUDSIM_TOKEN_H

#include "tests/cloudsim/api.h"

struct token_claims {
    sv audience, principal;
    int64_t issued, expires; /* unix nanoseconds */
};
/* A signed token of ours: aud, who, seconds of life. */
sv token_mint(const struct sim *s, struct arena *a, sv audience, sv principal, int64_t now, int64_t life_s);
/* False unless it is one of ours, whole and unchanged. */
bool token_read(struct exchange *x, sv token, struct token_claims *out);

sv base64_text(struct arena *a, sv bytes);
sv base64url_text(struct arena *a, sv bytes); /* for URLs, without padding */
sv base64_bytes(struct arena *a, sv text);    /* of both alphabets, with or without padding */

/* Equal, in a time that does not tell where they differ. */
bool secret_is(sv given, sv want);

#endif
