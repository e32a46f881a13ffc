/*
 * Page tokens of the clouds' data APIs: opaque to clients, and good only for the request that they came from. The first
 * page fixes the instant that all pages show, so that they fit together; nothing is stored.
 *
 * Thread-safety: pure functions.
 */
#ifndef CLOUDSIM_PAGE_H
#define CLOUDSIM_PAGE_H

#include "collector/base/arena.h"

struct page {
    uint64_t request; /* hash of all that the request asks for but the token */
    int64_t now;
    uint64_t at, within; /* where to go on; what they mean is the API's */
    unsigned number;     /* 0: the first page */
};

/* What `token` says; an empty one is the first page. False when it is none that page_token made with this seed for this
 * request. */
bool page_read(uint64_t seed, sv token, uint64_t request, int64_t now, struct page *out);
/* The token of the page after `p` that goes on at (at, within), from the arena. */
sv page_token(uint64_t seed, struct arena *a, const struct page *p, uint64_t at, uint64_t within);

#endif
