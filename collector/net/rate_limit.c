/*
 * One table of buckets, open addressing, keyed by the name's 64-bit hash; nothing is ever removed, so a probe ends at
 * the first free slot. A bucket is refilled when somebody looks at it. All waiters of all quotas share one
 * condition: they are few (the poll threads), and only a cancel wakes them early.
 *
 * After a penalty a bucket opens with one token, not full: a burst would earn the next throttling at once.
 */
#include "collector/net/rate_limit.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"

enum { SLOTS = 2 * RATE_QUOTAS_MAX };

static const int64_t longest_ms = INT64_C(7) * 24 * 3600 * 1000;
static const double hair = 1e-6;

struct quota {
    uint64_t name_hash; /* 0: free slot */
    double tokens, burst, per_s;
    int64_t refilled_mono;
    int64_t closed_until_mono;
};

struct rate_limits {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t cancelled_cond;
    bool cancelled;
    size_t n;
    struct quota slots[SLOTS];
    struct quota overflow; /* shared by the names above RATE_QUOTAS_MAX */
};

struct rate_limits *rate_limits_new(void)
{
    struct rate_limits *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    clock_cond_init(&r->cancelled_cond);
    return r;
}

void rate_limits_free(struct rate_limits *r)
{
    if (!r)
        return;
    pthread_cond_destroy(&r->cancelled_cond);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* The quota of that name, a new one when there is none. */
static struct quota *quota_of(struct rate_limits *r, sv name)
{
    uint64_t h = hash64(name);
    size_t at;

    h += h == 0;
    for (at = h % SLOTS; r->slots[at].name_hash; at = (at + 1) % SLOTS)
        if (r->slots[at].name_hash == h)
            return &r->slots[at];
    if (r->n == RATE_QUOTAS_MAX)
        return &r->overflow;
    r->n++;
    r->slots[at].name_hash = h;
    return &r->slots[at];
}

static void refill(struct quota *q, double burst, double per_s, int64_t now)
{
    bool fresh = q->burst <= 0;

    q->burst = burst > 1 ? burst : 1;
    q->per_s = per_s > 0 ? per_s : 0;
    if (fresh && q->refilled_mono == 0) {
        q->tokens = q->burst;
        q->refilled_mono = now;
    }
    if (now > q->refilled_mono) {
        q->tokens += (double)(now - q->refilled_mono) / (double)NANO_PER_S * q->per_s;
        q->refilled_mono = now;
    }
    q->tokens = fmin(q->tokens, q->burst);
}

/* How long until a token is there; 0: now. */
static int64_t wait_ms(const struct quota *q, int64_t now)
{
    double s;

    if (q->closed_until_mono > now)
        return (q->closed_until_mono - now + NANO_PER_MS - 1) / NANO_PER_MS;
    /* Sums of fractions may end a hair beside the whole token. */
    if (q->tokens >= 1 - hair)
        return 0;
    s = q->per_s > 0 ? (1 - q->tokens) / q->per_s : (double)longest_ms;
    return s * 1000 >= (double)longest_ms ? longest_ms : (int64_t)ceil(s * 1000 - hair);
}

enum err_code rate_take(struct rate_limits *r, sv quota, double burst, double per_s, int64_t max_wait_ms, struct err *e)
{
    int64_t now = clock_mono();
    int64_t give_up = now + (max_wait_ms < longest_ms ? max_wait_ms : longest_ms) * NANO_PER_MS;
    enum err_code code = ERR_OK;

    pthread_mutex_lock(&r->lock);
    for (;;) {
        struct quota *q = quota_of(r, quota);
        int64_t ms;

        now = clock_mono();
        refill(q, burst, per_s, now);
        ms = wait_ms(q, now);
        if (r->cancelled) {
            code = err_set(e, ERR_CANCELLED, "cancelled");
            break;
        }
        if (ms == 0) {
            q->tokens -= 1;
            break;
        }
        if (now + ms * NANO_PER_MS > give_up) {
            code = err_set(e, ERR_THROTTLED, "quota %.*s: free again in %lld ms", SV_ARG(quota), (long long)ms);
            if (e)
                e->retry_after_ms = ms;
            break;
        }
        clock_wait(&r->cancelled_cond, &r->lock, now + ms * NANO_PER_MS);
    }
    pthread_mutex_unlock(&r->lock);
    return code;
}

void rate_penalize(struct rate_limits *r, sv quota, int64_t penalty_ms)
{
    int64_t ms = penalty_ms < longest_ms ? penalty_ms : longest_ms;
    struct quota *q;
    int64_t until;

    if (ms <= 0)
        return;
    until = clock_mono() + ms * NANO_PER_MS;
    pthread_mutex_lock(&r->lock);
    q = quota_of(r, quota);
    if (until > q->closed_until_mono) {
        q->closed_until_mono = until;
        q->refilled_mono = until;
        q->tokens = 1;
    }
    pthread_mutex_unlock(&r->lock);
}

void rate_limits_cancel(struct rate_limits *r)
{
    pthread_mutex_lock(&r->lock);
    r->cancelled = true;
    pthread_cond_broadcast(&r->cancelled_cond);
    pthread_mutex_unlock(&r->lock);
}
