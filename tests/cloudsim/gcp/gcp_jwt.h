/*
 * JSON Web Tokens under RS256, which is all that Google takes: signed with a service account's key, or by the identity
 * provider that a workload identity pool trusts.
 *
 * Ownership:     views of struct gcp_jwt live in the arena.
 * Thread-safety: keys are read-only after gcp_key_open.
 */
#ifndef CLOUDSIM_GCP_JWT_H
#define CLOUDSIM_GCP_JWT_H

#include <openssl/evp.h>

#include "collector/base/arena.h"
#include "collector/base/err.h"

struct gcp_key {
    EVP_PKEY *pkey;
    sv id;  /* 40 hexadecimal digits of its public half */
    sv pem; /* PKCS#8 */
};

struct gcp_jwt {
    sv alg, kid;
    sv iss, sub, aud, scope, target_audience;
    int64_t iat, exp; /* unix seconds; 0 when absent */
    sv signed_part, signature;
};

/* The key in DIR/name; made and written there when it is not. Texts live in the arena. */
MUST_USE enum err_code gcp_key_open(struct gcp_key *k, const char *dir, const char *name, struct arena *a,
                                    struct err *e);
void gcp_key_done(struct gcp_key *k);

/* False unless these are three parts of base64url, the first two of which are JSON objects. Nothing is verified. */
bool gcp_jwt_read(struct arena *a, sv token, struct gcp_jwt *out);
/* `alg` is RS256 and the signature is this key's; `kid` may be left out, but not be another's. */
bool gcp_jwt_signed_by(const struct gcp_jwt *t, const struct gcp_key *k);
/* A token with these claims (a JSON object); empty when OpenSSL fails. */
sv gcp_jwt_sign(struct arena *a, const struct gcp_key *k, sv claims);

#endif
