/*
 * Shared bodies: bytes with a reference count and, made by the first who asks, their gzip form.
 *
 * Ten scrapers of one page cost one compression, so a shared body is compressed harder than one that is sent once.
 */
#include "collector/net/http_body.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <zlib.h>

enum { SHARED_LEVEL = 6 };

struct http_body {
    _Atomic unsigned refs;
    struct buf plain;
    pthread_mutex_t lock; /* guards the next two until `tried`; they never change afterwards */
    struct buf gzipped;
    bool tried;
};

struct http_body *http_body_new(struct buf *take)
{
    struct http_body *b = take->failed ? NULL : calloc(1, sizeof *b);

    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    pthread_mutex_init(&b->lock, NULL);
    b->plain = *take;
    *take = (struct buf){ .limit_bytes = take->limit_bytes };
    return b;
}

struct http_body *http_body_ref(struct http_body *b)
{
    if (b)
        atomic_fetch_add(&b->refs, 1);
    return b;
}

void http_body_unref(struct http_body *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    buf_done(&b->plain);
    buf_done(&b->gzipped);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

sv http_body_sv(const struct http_body *b)
{
    return buf_sv(&b->plain);
}

bool http_gzip(sv in, struct buf *out, int level)
{
    enum { GZIP_WINDOW = 15 + 16, MEM_LEVEL = 8 };
    z_stream z = { 0 };
    uLong bound;
    char *to;
    int rc;

    if (in.len > UINT_MAX / 2 ||
        deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    bound = deflateBound(&z, in.len);
    to = buf_reserve(out, bound);
    if (to) {
        z.next_in = (z_const Bytef *)(uintptr_t)in.at;
        z.avail_in = (uInt)in.len;
        z.next_out = (Bytef *)to;
        z.avail_out = (uInt)bound;
        rc = deflate(&z, Z_FINISH);
        if (rc == Z_STREAM_END)
            buf_added(out, z.total_out);
        else
            out->failed = true;
    }
    deflateEnd(&z);
    return !out->failed;
}

bool http_body_gzip(struct http_body *b, sv *out)
{
    bool good;

    pthread_mutex_lock(&b->lock);
    if (!b->tried) {
        b->tried = true;
        buf_init(&b->gzipped, 2 * b->plain.len + 1024);
        if (!http_gzip(buf_sv(&b->plain), &b->gzipped, SHARED_LEVEL))
            b->gzipped.failed = true;
    }
    good = !b->gzipped.failed;
    pthread_mutex_unlock(&b->lock);
    if (good)
        *out = buf_sv(&b->gzipped);
    return good;
}
