/*
 * A small table of faults in force. A fault names an API (or "*", or "logs:*" for all of a service), maybe one cloud,
 * subscription, account or region, how long and how often. A name that no API, account or region has is refused: a
 * fault that hits nothing would let a test pass that tests nothing.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/cloud.h"

enum { RULES_MAX = 64 };

struct rule {
    bool used;
    char cloud[16], api[64], subscription[40], account[40], region[24];
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
    [FAULT_SKEW]     = { "skew",     0, 1200 }, /* the server's clock is so far ahead, and its Date says so */
    [FAULT_UNKNOWN_KEY] = { "unknown_key", 0, 0 }, /* the access key is not known */
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

static bool api_is(const char *pattern, const char *api)
{
    size_t n = strlen(pattern);

    if (n > 1 && !strcmp(pattern + n - 2, ":*"))
        return !strncmp(pattern, api, n - 1);
    return !strcmp(pattern, "*") || !strcmp(pattern, api);
}

static bool place_is(const char *wanted, sv given)
{
    return !wanted[0] || sv_eq_nocase(given, sv_of(wanted));
}

bool faults_find(struct faults *f, const struct fault_place *place, int64_t now, struct fault *out)
{
    bool found = false;

    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < RULES_MAX && !found; i++) {
        struct rule *r = &f->rules[i];

        if (!r->used || now >= r->until || !place_is(r->cloud, sv_of(place->cloud)) || !api_is(r->api, place->api) ||
            !place_is(r->subscription, place->subscription) || !place_is(r->account, place->account) ||
            !place_is(r->region, place->region) || clock_random() >= r->rate)
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

/* Whether a cloud that the rule may mean has what it names. */
static bool known(const struct sim *s, const struct rule *r, sv name,
                  bool (*has)(const struct sim *s, const struct cloud *c, sv name))
{
    for (const struct cloud *const *c = clouds; *c; c++)
        if (cloud_is_open(s, *c) && place_is(r->cloud, sv_of((*c)->name)) && has(s, *c, name))
            return true;
    return false;
}

static bool has_any(const struct sim *s, const struct cloud *c, sv name)
{
    (void)s;
    (void)c;
    (void)name;
    return true;
}

static bool has_api(const struct sim *s, const struct cloud *c, sv pattern)
{
    (void)s;
    for (unsigned i = 0; c->row_at(i); i++)
        if (api_is(pattern.at, c->row_at(i)->name))
            return true;
    return false;
}

static bool has_account(const struct sim *s, const struct cloud *c, sv name)
{
    return c->has_account && c->has_account(s, name);
}

static bool has_region(const struct sim *s, const struct cloud *c, sv name)
{
    return c->has_region && c->has_region(s, name);
}

static enum err_code fill_place(const struct sim *s, struct rule *r, json v, struct err *e)
{
    sv api = json_sv(json_get(v, SV("api"))), subscription = json_sv(json_get(v, SV("subscription")));
    sv account = json_sv(json_get(v, SV("account"))), region = json_sv(json_get(v, SV("region")));
    sv cloud = json_sv(json_get(v, SV("cloud")));

    if (!copy_text(r->cloud, sizeof r->cloud, cloud) || !known(s, r, cloud, has_any))
        return err_set(e, ERR_PARSE, "unknown cloud \"%.*s\"", SV_ARG(sv_first(cloud, 40)));
    if (!copy_text(r->api, sizeof r->api, api.len ? api : SV("*")) || !known(s, r, sv_of(r->api), has_api))
        return err_set(e, ERR_PARSE, "unknown api \"%.*s\": see GET /requests", SV_ARG(sv_first(api, 80)));
    if (!copy_text(r->subscription, sizeof r->subscription, subscription))
        return err_set(e, ERR_PARSE, "subscription is too long");
    if (!copy_text(r->account, sizeof r->account, account) || (account.len && !known(s, r, account, has_account)))
        return err_set(e, ERR_PARSE, "unknown account \"%.*s\"", SV_ARG(sv_first(account, 40)));
    if (!copy_text(r->region, sizeof r->region, region) || (region.len && !known(s, r, region, has_region)))
        return err_set(e, ERR_PARSE, "unknown region \"%.*s\"", SV_ARG(sv_first(region, 40)));
    return ERR_OK;
}

static enum err_code fill_rule(const struct sim *s, struct rule *r, json v, struct err *e)
{
    sv kind = json_sv(json_get(v, SV("kind")));
    double for_s = 1e9, seconds, status;
    unsigned k = 0;

    *r = (struct rule){ .used = true, .rate = 1 };
    if (fill_place(s, r, v, e))
        return e->code;
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

static enum err_code add_rule(struct sim *s, json v, struct err *e)
{
    struct faults *f = s->faults;
    enum err_code code = ERR_LIMIT;
    int64_t now = clock_now();
    struct rule r;

    if (fill_rule(s, &r, v, e))
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
        code = add_rule(s, v, e);
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
        put_member(out, "cloud", sv_of(r->cloud));
        buf_putc(out, ',');
        put_member(out, "api", sv_of(r->api));
        buf_putc(out, ',');
        put_member(out, "subscription", sv_of(r->subscription));
        buf_putc(out, ',');
        put_member(out, "account", sv_of(r->account));
        buf_putc(out, ',');
        put_member(out, "region", sv_of(r->region));
        buf_putc(out, ',');
        put_member(out, "kind", sv_of(kinds[r->fault.kind].name));
        buf_printf(out, ",\"rate\":%g,\"hits\":%llu}", r->rate, (unsigned long long)r->hits);
        any = true;
    }
    pthread_mutex_unlock(&f->lock);
    buf_put(out, SV("]}\n"));
}
