/*
 * A gzip stream unpacked piece by piece into a buf, whose limit is the limit.
 *
 * Thread-safety: none; one stream, one thread.
 */
#ifndef NET_HTTP_GUNZIP_H
#define NET_HTTP_GUNZIP_H

#include "collector/base/buf.h"

struct http_gunzip; /* one stream */

enum http_gunzip_result { HTTP_GUNZIP_OK, HTTP_GUNZIP_FULL, HTTP_GUNZIP_BROKEN };

struct http_gunzip *http_gunzip_new(void); /* NULL when memory is out */
void http_gunzip_free(struct http_gunzip *g);
enum http_gunzip_result http_gunzip_piece(struct http_gunzip *g, sv piece, struct buf *out);

/* Whether the stream has come to its proper end, checksum included. */
bool http_gunzip_ended(const struct http_gunzip *g);

#endif
