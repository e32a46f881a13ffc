/*
 * libcurl can unpack too, but takes a stream that stops in the middle for a whole one; half an answer must not look
 * like a short one. A stream may consist of several members, as gzip allows.
 */
#include "collector/net/http_gunzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum { STEP = 64 << 10, GZIP_WINDOW = 15 + 16 };

struct http_gunzip {
    z_stream z;
    bool ended;
};

struct http_gunzip *http_gunzip_new(void)
{
    struct http_gunzip *g = calloc(1, sizeof *g);

    if (g && inflateInit2(&g->z, GZIP_WINDOW) != Z_OK) {
        free(g);
        g = NULL;
    }
    return g;
}

void http_gunzip_free(struct http_gunzip *g)
{
    if (g)
        inflateEnd(&g->z);
    free(g);
}

bool http_gunzip_ended(const struct http_gunzip *g)
{
    return g->ended;
}

/* Room for the next step; near the limit what is left, and one byte beyond it to learn that there is more. */
static size_t room(const struct buf *out)
{
    size_t limit = out->limit_bytes ? out->limit_bytes : BUF_LIMIT_DEFAULT;
    size_t left = limit - out->len;

    return left < STEP ? left : STEP;
}

static int step(struct http_gunzip *g, struct buf *out)
{
    unsigned char beyond;
    size_t n = room(out);
    char *to = n ? buf_reserve(out, n) : NULL;
    int rc;

    if (n && !to)
        return Z_MEM_ERROR;
    g->z.next_out = n ? (Bytef *)to : &beyond;
    g->z.avail_out = n ? (uInt)n : 1;
    rc = inflate(&g->z, Z_NO_FLUSH);
    if (n)
        buf_added(out, n - g->z.avail_out);
    else if (g->z.avail_out == 0)
        return Z_MEM_ERROR;
    return rc;
}

enum http_gunzip_result http_gunzip_piece(struct http_gunzip *g, sv piece, struct buf *out)
{
    if (piece.len > UINT_MAX)
        return HTTP_GUNZIP_BROKEN;
    g->z.next_in = (z_const Bytef *)(uintptr_t)piece.at;
    g->z.avail_in = (uInt)piece.len;
    for (;;) {
        int rc;

        if (g->ended && g->z.avail_in == 0)
            return HTTP_GUNZIP_OK;
        if (g->ended && inflateReset(&g->z) != Z_OK)
            return HTTP_GUNZIP_BROKEN;
        g->ended = false;
        rc = step(g, out);
        g->ended = rc == Z_STREAM_END;
        if (rc == Z_MEM_ERROR)
            return HTTP_GUNZIP_FULL;
        if (rc == Z_BUF_ERROR || (rc == Z_OK && g->z.avail_in == 0 && g->z.avail_out))
            return HTTP_GUNZIP_OK;
        if (rc != Z_OK && rc != Z_STREAM_END)
            return HTTP_GUNZIP_BROKEN;
    }
}
