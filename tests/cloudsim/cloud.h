/*
 * A simulated cloud as the frame knows it: one table of functions, in a folder of its own. clouds.c lists them; nothing
 * else in this folder names one. What a cloud keeps stands behind sim->of[id], what it knows of one request behind
 * exchange->own; both are its own business.
 *
 * Thread-safety: open and close are called once, all others from any thread.
 */
#ifndef CLOUDSIM_CLOUD_H
#define CLOUDSIM_CLOUD_H

#include "tests/cloudsim/api.h"
#include "tests/cloudsim/truth.h"

/* How a service words what any service may have to say. */
struct dialect {
    void (*throttled)(struct exchange *x, unsigned seconds);
    void (*failed)(struct exchange *x, int status);
    void (*denied)(struct exchange *x);
    void (*expired)(struct exchange *x);
    void (*unknown_key)(struct exchange *x); /* NULL: there are no such keys, and the fault does not hit */
};

struct cloud {
    const char *name; /* in --clouds, /requests, /faults and label cloud */
    enum cloud_id id;
    struct {
        const char *option, *help; /* "--accounts": of what it has so many; 0: the cloud is not there */
        unsigned dflt, least, most;
    } count;
    size_t exchange_bytes; /* of exchange->own, zeroed for each request; 0: none */
    bool checks_time;      /* requests carry the client's time: fault "skew" hits */

    /* Makes the world and the workload of minutes [s->first, s->last). On failure nothing is left. */
    enum err_code (*open)(struct sim *s, void **own, struct err *e);
    void (*close)(void *own);

    /* Operations by number, those of one name next to each other or not; NULL at the end. */
    const struct api_row *(*row_at)(unsigned i);
    /* True when the request is one to this cloud: by path, header, scope. x->row is its operation, or NULL. `plain`: it
     * came to the plain port. Rows whose audience is AUD_PLAIN stand there and the others on the TLS port. */
    bool (*route)(struct exchange *x, bool plain);
    /* Who calls and what, as the request claims, into x->place and x->principal: for faults. May be NULL. */
    void (*identify)(struct exchange *x);
    /* Token, permission, quota; answers itself when it returns false. */
    bool (*admit)(struct exchange *x);
    /* Answers a request that is no operation. */
    void (*unknown)(struct exchange *x);
    const struct dialect *(*dialect)(const struct exchange *x);
    void (*headers)(struct exchange *x); /* of every answer on the TLS port, besides Date; may be NULL */

    /* What /faults may name as account and region: whether there is such a one. NULL: it has no such notion. */
    bool (*has_account)(const struct sim *s, sv account);
    bool (*has_region)(const struct sim *s, sv region);
    /* Accounts that /requests lists beside each operation, by number as in exchange->account; may be NULL. */
    unsigned (*accounts)(const struct sim *s);
    sv (*account_name)(const struct sim *s, unsigned i);

    void (*truth)(struct sim *s, struct truth_writer *w, int64_t from, int64_t until);

    /* Its section of trefoil.yaml; the files that this names, in `dir`; those that are renewed every 600 s (may be NULL). */
    void (*config)(const struct sim *s, struct buf *b, const char *dir);
    enum err_code (*secrets)(const struct sim *s, const char *dir, struct err *e);
    enum err_code (*renew)(const struct sim *s, struct err *e);
};

extern const struct cloud *const clouds[]; /* NULL at the end; the order of the configuration, /requests and routing */

static inline bool cloud_is_open(const struct sim *s, const struct cloud *c)
{
    return s->of[c->id] != NULL;
}

#endif
