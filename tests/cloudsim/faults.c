/* A small table of faults in force. A fault names an API (or "*"), maybe one subscription, how long and how often. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/api.h"

enum { RULES_MAX = 64 };

struct rule {
    bool used;
    char api[40], subscription[40];
    struct fault fault;
    double rate;
    int64_t until;
    uint64_t hits;
};

struct faults {
    pthread_mutex_t lock;
    struct rule rules[RULES_MAX]; /* guarded by lock */
};

/* clang-format off */
static const struct { const char *name; int status; int64_t seconds; } kinds[FAULTS] = {
    /*                  name        status seconds */
    [FAULT_THROTTLE] = { "throttle", 429,  6 }, /* Retry-After */
    [FAULT_STATUS]   = { "status",   503,  0 },
    [FAULT_HTML]     = { "html",     502,  0 },
    [FAULT_HUGE]     = { "huge",     200,  0 }, /* 100 MB */
    [FAULT_HANG]     = { "hang",     0,   60 }, /* no answer, then the connection is cut */
    [FAULT_SLOW]     = { "slow",     0,   10 }, /* the right answer, late */
    [FAULT_DENY]     = { "deny",     403,  0 },
    [FAULT_EXPIRE]   = { "expired",  401,  0 }, /* every token is refused as expired */
    [FAULT_PARTIAL]  = { "partial",  200,  0 }, /* logs: PartialError; metrics: a metric of the answer fails */
    [FAULT_DROP]     = { "drop",     0,    0 }, /* the connection is cut at once */
    [FAULT_CUT]      = { "cut",      200,  0 }, /* half of the JSON */
    [FAULT_WRONG]    = { "wrong_metric", 200, 0 }, /* getBatch answers with another metric than asked for */
    [FAULT_EMPTY]    = { "empty",    200,  0 }, /* no body */
};
/* clang-format on */

struct faults *faults_new(void)
{
    struct faults *f = calloc(1, sizeof *f);

    if (f)
        pthread_mutex_init(&f->lock, NULL);
    return f;
}

void faults_free(struct faults *f)
{
    free(f);
}

void faults_clear(struct faults *f)
{
    pthread_mutex_lock(&f->lock);
    memset(f->rules, 0, sizeof f->rules);
    pthread_mutex_unlock(&f->lock);
}

static bool concerns(const struct rule *r, const char *api, const struct subscription *sub, int64_t now)
{
    if (!r->used || now >= r->until)
        return false;
    if (strcmp(r->api, "*") != 0 && strcmp(r->api, api) != 0)
        return false;
    return !r->subscription[0] || (sub && sv_eq_nocase(sub->id, sv_of(r->subscription)));
}

bool faults_find(struct faults *f, const char *api, const struct subscription *sub, int64_t now, struct fault *out)
{
    bool found = false;

    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < RULES_MAX && !found; i++) {
        struct rule *r = &f->rules[i];

        if (!concerns(r, api, sub, now) || clock_random() >= r->rate)
            continue;
        r->hits++;
        *out = r->fault;
        found = true;
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}

static bool copy_text(char *out, size_t size, sv s)
{
    if (s.len >= size)
        return false;
    memcpy(out, s.at, s.len);
    out[s.len] = '\0';
    return true;
}

static enum err_code fill_rule(struct rule *r, json v, struct err *e)
{
    sv api = json_sv(json_get(v, SV("api"))), kind = json_sv(json_get(v, SV("kind")));
    double for_s = 1e9, seconds, status;
    unsigned k = 0;

    *r = (struct rule){ .used = true, .rate = 1 };
    if (!copy_text(r->api, sizeof r->api, api.len ? api : SV("*")) ||
        !copy_text(r->subscription, sizeof r->subscription, json_sv(json_get(v, SV("subscription")))))
        return err_set(e, ERR_PARSE, "api or subscription is too long");
    while (k < FAULTS && !sv_eq(kind, sv_of(kinds[k].name)))
        k++;
    if (k == FAULTS)
        return err_set(e, ERR_PARSE, "unknown kind \"%.*s\"", SV_ARG(kind));
    r->fault = (struct fault){ .kind = (enum fault_kind)k, .status = kinds[k].status, .seconds = kinds[k].seconds };
    if (json_f64(json_get(v, SV("status")), &status))
        r->fault.status = (int)status;
    if (json_f64(json_get(v, SV("seconds")), &seconds))
        r->fault.seconds = (int64_t)seconds;
    json_f64(json_get(v, SV("rate")), &r->rate);
    json_f64(json_get(v, SV("for_s")), &for_s);
    r->until = clock_now() + (int64_t)(for_s > 1e9 ? 1e18 : for_s * 1e9);
    return ERR_OK;
}

static enum err_code add_rule(struct faults *f, json v, struct err *e)
{
    enum err_code code = ERR_LIMIT;
    int64_t now = clock_now();
    struct rule r;

    if (fill_rule(&r, v, e))
        return e->code;
    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < RULES_MAX && code; i++) {
        if (f->rules[i].used && now < f->rules[i].until)
            continue;
        f->rules[i] = r;
        code = ERR_OK;
    }
    pthread_mutex_unlock(&f->lock);
    return code ? err_set(e, ERR_LIMIT, "more than %d faults", RULES_MAX) : ERR_OK;
}

enum err_code faults_post(struct sim *s, sv body, struct err *e)
{
    struct json_parser *p = json_parser_new(0);
    enum err_code code = ERR_LIMIT;
    bool clear = false;
    json v;

    if (!p)
        return err_set(e, ERR_LIMIT, "out of memory");
    code = json_parse(p, body, &v, e);
    if (code == ERR_OK && json_bool(json_get(v, SV("clear")), &clear) && clear)
        faults_clear(s->faults);
    else if (code == ERR_OK && sv_eq(json_sv(json_get(v, SV("kind"))), SV("expire_tokens")))
        atomic_store(&s->tokens_valid_from, clock_now());
    else if (code == ERR_OK)
        code = add_rule(s->faults, v, e);
    json_parser_free(p);
    return code;
}

void faults_write(struct faults *f, int64_t now, struct buf *out)
{
    bool any = false;

    buf_put(out, SV("{\"faults\":["));
    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < RULES_MAX; i++) {
        const struct rule *r = &f->rules[i];

        if (!r->used || now >= r->until)
            continue;
        buf_put(out, any ? SV(",{") : SV("{"));
        put_member(out, "api", sv_of(r->api));
        buf_putc(out, ',');
        put_member(out, "subscription", sv_of(r->subscription));
        buf_putc(out, ',');
        put_member(out, "kind", sv_of(kinds[r->fault.kind].name));
        buf_printf(out, ",\"rate\":%g,\"hits\":%llu}", r->rate, (unsigned long long)r->hits);
        any = true;
    }
    pthread_mutex_unlock(&f->lock);
    buf_put(out, SV("]}\n"));
}
