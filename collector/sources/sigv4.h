/*
 * AWS Signature Version 4, the header form.
 *
 * sigv4_sign puts Host, X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256 (S3 alone needs it) and Authorization into
 * a request whose URL, body and other headers are final. Those that an earlier call put there are replaced, so a
 * request is signed anew before each attempt. What libcurl adds by itself afterwards (User-Agent, Accept-Encoding,
 * Content-Length) is not signed, and Host is given, not left to it: what is signed is what is sent.
 *
 * The URL has to carry what AWS is to see: a path and a query that are already percent-encoded. Signed is the path
 * without dot segments and doubled slashes, each byte encoded once more; for S3 as it stands.
 *
 * Ownership:     header values live in `arena`; the signer keeps derived keys, never a secret.
 * Thread-safety: one signer serves any number of threads.
 */
#ifndef SOURCES_SIGV4_H
#define SOURCES_SIGV4_H

#include "collector/base/arena.h"
#include "collector/net/http_client.h"

/* The three parts of a set; no session token means a long-lived key. */
struct sigv4_credentials {
    sv access_key_id, secret_access_key, session_token;
};

struct sigv4_signer;

MUST_USE struct sigv4_signer *sigv4_signer_new(void);
void sigv4_signer_free(struct sigv4_signer *s);

/* ERR_LIMIT: too many headers or no memory; ERR_CONFIG: the URL is none, or a header value cannot be sent. */
MUST_USE enum err_code sigv4_sign(struct sigv4_signer *s, const struct sigv4_credentials *c, sv region, sv service,
                                  int64_t now_unix_nano, struct arena *arena, struct http_request *q, struct err *e);

/* ---- Its steps, for the published vectors ---- */

struct sigv4_input {
    const char *method;
    sv path, query; /* as sent */
    const struct http_header *headers;
    size_t n_headers;  /* all are signed, but for those that proxies change */
    sv payload_sha256; /* hex */
    bool s3;           /* path: no normalization, encoded once (that is: as sent) */
    bool keep_path;    /* no normalization, for the vectors that ask for it */
};

/* Puts the canonical request, and the names of the signed headers joined by ';'. */
MUST_USE enum err_code sigv4_canonical(const struct sigv4_input *in, struct buf *canonical, struct buf *names,
                                       struct err *e);

#endif
