/*
 * Signature Version 4 as the server sees it: what a request must have been signed to, computed again from what came.
 * AWS wants it, and who proves to Google to be a workload on AWS.
 *
 * Written from AWS's description alone and sharing nothing with Trefoil's signer, so that one misunderstanding is not
 * made twice; held to the published vectors.
 *
 * Ownership:     results live in the arena.
 * Thread-safety: pure functions.
 */
#ifndef CLOUDSIM_SIGV4_H
#define CLOUDSIM_SIGV4_H

#include "collector/base/arena.h"

enum { SIGV4_HEADERS_MAX = 64, SIGV4_HEX = 64 };

/* "AWS4-HMAC-SHA256 Credential=AKID/20260920/eu-central-1/logs/aws4_request, SignedHeaders=a;b, Signature=..." */
struct sigv4_auth {
    sv key_id, date, region, service, terminator;
    sv scope; /* date/region/service/aws4_request */
    sv signed_headers, signature;
    const char *missing; /* the first part that is not there ("Credential", ...); NULL: whole */
};

struct sigv4_header {
    sv name, value; /* as sent; one entry for each occurrence */
};

struct sigv4_request {
    sv method;
    sv target;  /* path and query as sent */
    sv payload; /* hex SHA-256 of the body, or what x-amz-content-sha256 says */
    const struct sigv4_header *headers;
    size_t n_headers;
    bool raw_path; /* S3 and its like: the path is signed as it is, not normalized */
};

/* False when the header is of another scheme. Parts that are not there are empty and named in out->missing. */
bool sigv4_auth_read(sv authorization, struct sigv4_auth *out);

sv sigv4_sha256_hex(struct arena *a, sv bytes);

/* An empty view when a signed header was not sent: its name is then in *absent (may be NULL). */
sv sigv4_canonical_request(struct arena *a, const struct sigv4_request *q, sv signed_headers, sv *absent);
sv sigv4_string_to_sign(struct arena *a, sv amz_date, sv scope, sv canonical_request);
sv sigv4_signature(struct arena *a, sv secret, sv date, sv region, sv service, sv string_to_sign);

#endif
