/*
 * Inside net: the compressed form of answers. Not for other rooms (they see http_server.h).
 *
 * Thread-safety: http_body_gzip from any thread; the first caller compresses, others wait for it.
 */
#ifndef NET_HTTP_BODY_H
#define NET_HTTP_BODY_H

#include "collector/net/http_server.h"

enum { HTTP_GZIP_LEAST_BYTES = 1024 };

/* Appends `in` as a gzip stream. False (and `out` worthless) when memory is out. */
bool http_gzip(sv in, struct buf *out, int level);

/* The gzip form, made once and kept with the body. False when there is none; then the plain one is to be used. */
bool http_body_gzip(struct http_body *b, sv *out);

#endif
