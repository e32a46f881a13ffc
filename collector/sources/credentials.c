/*
 * An entry per name, and one renewal in flight per entry.
 *
 * The lock is never held over a call. Who finds a set that must be renewed marks the entry as `flying`, asks without the
 * lock and then wakes those who wait; who finds `flying` uses the old set while it is valid. Life is measured on the
 * monotonic clock from the moment of the answer, so that neither our wall clock nor theirs matters.
 *
 * A failure is kept with the time before which nobody asks again: ten jobs of a source with a wrong secret are one
 * request a minute and not ten. Once a third of the span between renewal and end is over, pauses are a minute at most.
 *
 * Threads: everything in struct entry and the list are guarded by credentials.lock; the configuration is fixed.
 */
#include "collector/sources/credentials.h"

#include <pthread.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/config/secret.h"

enum {
    FAILURE_PAUSE_MS = 2000, /* doubled up to the next */
    FAILURE_PAUSE_MAX_MS = 5 * 60 * 1000,
    URGENT_PAUSE_MAX_MS = 60 * 1000,
    CONFIG_PAUSE_MS = 60 * 1000,
    DENIED_PAUSE_MS = 60 * 60 * 1000,
    FORCED_APART_MS = 5 * 60 * 1000,
    SCRATCH_BYTES_MAX = 4 << 20,
};

struct entry {
    struct entry *next;
    char *name;
    struct buf bytes; /* the parts, one behind the other */
    size_t len[CREDENTIAL_PARTS];
    bool good; /* there is a set */
    int64_t renew_mono, urgent_mono, end_mono;
    bool flying;
    unsigned failures;        /* in a row */
    int64_t retry_mono;       /* no attempt before */
    struct err failure;       /* of the last attempt, while failures > 0 */
    int64_t last_forced_mono; /* when a refusal last made us drop a set; 0 never */
};

struct credentials {
    struct credentials_config config;
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct entry *entries;
    size_t n_entries;
};

struct credentials *credentials_new(const struct credentials_config *config, struct err *e)
{
    struct credentials *c = calloc(1, sizeof *c);

    if (!c) {
        err_set(e, ERR_LIMIT, "no memory left");
        return NULL;
    }
    c->config = *config;
    pthread_mutex_init(&c->lock, NULL);
    clock_cond_init(&c->landed);
    return c;
}

static void drop(struct entry *t)
{
    secret_wipe(&t->bytes);
    buf_init(&t->bytes, SCRATCH_BYTES_MAX);
    memset(t->len, 0, sizeof t->len);
    t->good = false;
}

void credentials_free(struct credentials *c)
{
    if (!c)
        return;
    while (c->entries) {
        struct entry *t = c->entries;

        c->entries = t->next;
        secret_wipe(&t->bytes);
        free(t->name);
        free(t);
    }
    pthread_cond_destroy(&c->landed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- Entries; with the lock ---- */

static struct entry *find_entry(const struct credentials *c, sv name)
{
    struct entry *t = c->entries;

    while (t && !sv_eq(sv_of(t->name), name))
        t = t->next;
    return t;
}

static struct entry *need_entry(struct credentials *c, sv name, struct err *e)
{
    struct entry *t = find_entry(c, name);

    if (t)
        return t;
    t = c->n_entries < c->config.names_max ? calloc(1, sizeof *t) : NULL;
    if (t)
        t->name = strndup(name.at, name.len);
    if (!t || !t->name) {
        free(t);
        err_set(e, ERR_LIMIT, "no room for one more %s (limit %zu)", c->config.what, c->config.names_max);
        return NULL;
    }
    buf_init(&t->bytes, SCRATCH_BYTES_MAX);
    t->next = c->entries;
    c->entries = t;
    c->n_entries++;
    return t;
}

static void split(const struct entry *t, sv bytes, struct credential *out)
{
    *out = (struct credential){ 0 };
    for (size_t i = 0; i < CREDENTIAL_PARTS; i++) {
        out->part[i] = sv_first(bytes, t->len[i]);
        bytes = sv_skip(bytes, t->len[i]);
    }
}

static bool is_first_part(const struct entry *t, sv part)
{
    return sv_eq(sv_first(buf_sv(&t->bytes), t->len[0]), part);
}

/* ---- What comes of a renewal; with the lock ---- */

static enum err_code landed_well(struct entry *t, const struct credential *got, struct err *e)
{
    int64_t now = clock_mono(), life = got->life_ms, renew = got->renew_ms;
    size_t all = 0;

    for (size_t i = 0; i < CREDENTIAL_PARTS; i++)
        all += got->part[i].len;
    drop(t);
    (void)buf_reserve(&t->bytes, all); /* at once: growing would leave copies behind */
    for (size_t i = 0; i < CREDENTIAL_PARTS; i++) {
        buf_put(&t->bytes, got->part[i]);
        t->len[i] = got->part[i].len;
    }
    if (t->bytes.failed || t->len[0] == 0)
        return t->bytes.failed ? err_set(e, ERR_LIMIT, "credentials: no memory left")
                               : err_set(e, ERR_INTERNAL, "credentials: an empty set");
    t->good = true;
    t->end_mono = life ? now + life * NANO_PER_MS : INT64_MAX;
    t->urgent_mono = life ? now + (renew + (life - renew) / 3) * NANO_PER_MS : INT64_MAX;
    /* Up to a twentieth earlier, so that what was got together is not renewed together. */
    t->renew_mono = renew ? now + (int64_t)((double)(renew * NANO_PER_MS) * (1.0 - clock_random() / 20)) : INT64_MAX;
    t->failures = 0;
    t->retry_mono = 0;
    return ERR_OK;
}

static void landed_badly(struct entry *t, const struct err *e)
{
    int64_t now = clock_mono(), pause_ms = e->code == ERR_CONFIG ? CONFIG_PAUSE_MS : FAILURE_PAUSE_MS;

    if (e->code == ERR_CANCELLED)
        return;
    for (unsigned n = 0; n < t->failures && pause_ms < FAILURE_PAUSE_MAX_MS; n++)
        pause_ms *= 2;
    pause_ms = pause_ms > FAILURE_PAUSE_MAX_MS ? FAILURE_PAUSE_MAX_MS : pause_ms;
    if (e->code == ERR_DENIED)
        pause_ms = DENIED_PAUSE_MS;
    if (t->good && now >= t->urgent_mono && pause_ms > URGENT_PAUSE_MAX_MS)
        pause_ms = URGENT_PAUSE_MAX_MS;
    if (e->retry_after_ms > pause_ms)
        pause_ms = e->retry_after_ms;
    t->failures++;
    t->failure = *e;
    t->retry_mono = now + pause_ms * NANO_PER_MS;
}

static void wipe(const struct credential *got)
{
    for (size_t i = 0; i < CREDENTIAL_PARTS; i++)
        if (got->part[i].len)
            explicit_bzero((void *)(uintptr_t)got->part[i].at, got->part[i].len);
}

/* Called with the lock, returns with it. */
static enum err_code fly(struct credentials *c, struct entry *t, struct err *e)
{
    struct arena scratch;
    struct credential got = { 0 };
    struct err mine = { 0 };
    enum err_code code;

    t->flying = true;
    pthread_mutex_unlock(&c->lock);
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    code = c->config.renew(c->config.ctx, sv_of(t->name), &scratch, &got, &mine);
    pthread_mutex_lock(&c->lock);
    if (!code) {
        code = landed_well(t, &got, &mine);
        wipe(&got);
    }
    if (code) {
        mine.code = code;
        landed_badly(t, &mine);
    }
    arena_done(&scratch);
    t->flying = false;
    pthread_cond_broadcast(&c->landed);
    if (code && e)
        *e = mine;
    return code;
}

static bool is_valid(const struct entry *t)
{
    return t->good && clock_mono() < t->end_mono;
}

static bool may_fly(const struct entry *t)
{
    return !t->flying && clock_mono() >= t->retry_mono;
}

/* Until the entry is valid, or why it is not. */
static enum err_code settle(struct credentials *c, struct entry *t, struct err *e)
{
    enum err_code code = ERR_OK;

    if (is_valid(t) && clock_mono() >= t->renew_mono && may_fly(t))
        (void)fly(c, t, NULL); /* while it fails, the old set serves */
    while (!code && !is_valid(t)) {
        if (may_fly(t)) {
            code = fly(c, t, e);
        } else if (t->flying) {
            pthread_cond_wait(&c->landed, &c->lock);
        } else {
            code = t->failure.code;
            if (e)
                *e = t->failure;
        }
    }
    return code;
}

enum err_code credentials_get(struct credentials *c, sv name, struct arena *arena, struct credential *out,
                              struct err *e)
{
    enum err_code code = ERR_LIMIT;
    struct entry *t;

    pthread_mutex_lock(&c->lock);
    t = need_entry(c, name, e);
    if (t)
        code = settle(c, t, e);
    if (!code) {
        sv copy = arena_copy(arena, buf_sv(&t->bytes));

        if (copy.at)
            split(t, copy, out);
        else
            code = err_set(e, ERR_LIMIT, "credentials: no memory left");
    }
    pthread_mutex_unlock(&c->lock);
    return code;
}

void credentials_refused(struct credentials *c, sv name, sv first_part)
{
    int64_t now = clock_mono();
    struct entry *t;

    pthread_mutex_lock(&c->lock);
    t = find_entry(c, name);
    /* Another thread may have renewed since: then this refusal is about the past. */
    if (t && t->good && is_first_part(t, first_part) &&
        (!t->last_forced_mono || now - t->last_forced_mono > FORCED_APART_MS * NANO_PER_MS)) {
        drop(t);
        t->last_forced_mono = now;
    }
    pthread_mutex_unlock(&c->lock);
}
