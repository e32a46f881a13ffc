/* What was asked, and how much of each quota is left. Both behind one lock each; neither knows what the calls mean. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/cloud.h"

/* ---- requests ---- */

enum { ACCOUNTS_MAX = 256 };

struct count {
    uint64_t calls, throttled, client_errors, server_errors, dropped;
    uint64_t units; /* what the list price is of: calls, or metrics asked for */
};

struct requests {
    pthread_mutex_t lock;
    struct count counts[API_ROWS_MAX];                   /* guarded by lock */
    struct count by_account[API_ROWS_MAX][ACCOUNTS_MAX]; /* guarded by lock */
};

struct requests *requests_new(void)
{
    struct requests *r = calloc(1, sizeof *r);

    if (r)
        pthread_mutex_init(&r->lock, NULL);
    return r;
}

void requests_free(struct requests *r)
{
    free(r);
}

static void count_one(struct count *c, const struct exchange *x)
{
    int status = x->r->status ? x->r->status : 200;
    bool dropped = x->r->drop, throttled = status == 429 || x->throttled;

    c->calls++;
    c->dropped += dropped;
    c->throttled += !dropped && throttled;
    c->client_errors += !dropped && !throttled && status >= 400 && status < 500;
    c->server_errors += !dropped && !throttled && status >= 500;
    c->units += x->units;
}

void requests_count(struct requests *r, const struct exchange *x)
{
    unsigned row = 0;

    while (api_row_at(row, NULL) != x->row)
        row++;
    if (row >= API_ROWS_MAX)
        return;
    pthread_mutex_lock(&r->lock);
    count_one(&r->counts[row], x);
    if (x->account >= 0 && x->account < ACCOUNTS_MAX)
        count_one(&r->by_account[row][x->account], x);
    pthread_mutex_unlock(&r->lock);
}

static struct count add(struct count a, const struct count *b)
{
    a.calls += b->calls;
    a.throttled += b->throttled;
    a.client_errors += b->client_errors;
    a.server_errors += b->server_errors;
    a.dropped += b->dropped;
    a.units += b->units;
    return a;
}

/* Rows of one name are one operation. account -1: of all. */
static struct count total_of(struct requests *r, const char *api, int account)
{
    struct count sum = { 0 };

    pthread_mutex_lock(&r->lock);
    for (unsigned i = 0; i < API_ROWS_MAX && api_row_at(i, NULL); i++)
        if (!strcmp(api_row_at(i, NULL)->name, api))
            sum = add(sum, account < 0 ? &r->counts[i] : &r->by_account[i][account]);
    pthread_mutex_unlock(&r->lock);
    return sum;
}

uint64_t requests_total(struct requests *r, const char *api, bool refused)
{
    struct count c = total_of(r, api, -1);

    return refused ? c.throttled + c.client_errors + c.server_errors + c.dropped : c.calls;
}

/* "accounts":[...] of those that called, with what they owe. */
static void put_accounts(struct requests *r, const struct sim *s, const struct cloud *cloud, const struct api_row *row,
                         struct buf *out)
{
    unsigned n = cloud_is_open(s, cloud) ? cloud->accounts(s) : 0;
    bool any = false;

    buf_put(out, SV(",\"accounts\":["));
    for (unsigned i = 0; i < n && i < ACCOUNTS_MAX; i++) {
        struct count c = total_of(r, row->name, (int)i);

        if (!c.calls)
            continue;
        buf_put(out, any ? SV(",{") : SV("{"));
        put_member(out, "account", cloud->account_name(s, i));
        buf_printf(out, ",\"calls\":%llu,\"units\":%llu,\"list_price_usd\":", (unsigned long long)c.calls,
                   (unsigned long long)c.units);
        buf_f64(out, (double)c.units * row->list_price_usd);
        buf_putc(out, '}');
        any = true;
    }
    buf_putc(out, ']');
}

void requests_write(struct requests *r, const struct sim *s, struct buf *out)
{
    double price = 0;
    bool any = false;

    buf_put(out, SV("{\"apis\":["));
    for (unsigned i = 0; i < API_ROWS_MAX; i++) {
        const struct cloud *cloud = NULL;
        const struct api_row *row = api_row_at(i, &cloud);
        struct count c;
        bool first = true;

        if (!row)
            break;
        for (unsigned j = 0; j < i; j++)
            first = first && strcmp(api_row_at(j, NULL)->name, row->name) != 0;
        if (!first)
            continue;
        c = total_of(r, row->name, -1);
        price += (double)c.units * row->list_price_usd;
        buf_put(out, any ? SV(",\n{") : SV("\n{"));
        put_member(out, "cloud", sv_of(cloud->name));
        buf_putc(out, ',');
        put_member(out, "api", sv_of(row->name));
        buf_printf(out,
                   ",\"calls\":%llu,\"throttled\":%llu,\"client_errors\":%llu,\"server_errors\":%llu,\"dropped\":%llu",
                   (unsigned long long)c.calls, (unsigned long long)c.throttled, (unsigned long long)c.client_errors,
                   (unsigned long long)c.server_errors, (unsigned long long)c.dropped);
        buf_put(out, SV(",\"list_price_usd\":"));
        buf_f64(out, (double)c.units * row->list_price_usd);
        if (cloud->accounts && row->audience != AUD_PLAIN) {
            buf_printf(out, ",\"units\":%llu", (unsigned long long)c.units);
            put_accounts(r, s, cloud, row, out);
        }
        buf_putc(out, '}');
        any = true;
    }
    buf_put(out, SV("\n],\"list_price_usd\":"));
    buf_f64(out, price);
    buf_put(out, SV("}\n"));
}

/* ---- quotas ---- */

enum { QUOTA_SLOTS = 4096 };

struct bucket {
    uint64_t name; /* 0: free */
    double tokens;
    int64_t at;
};

struct quotas {
    pthread_mutex_t lock;
    struct bucket slots[QUOTA_SLOTS]; /* guarded by lock */
};

struct quotas *quotas_new(void)
{
    struct quotas *q = calloc(1, sizeof *q);

    if (q)
        pthread_mutex_init(&q->lock, NULL);
    return q;
}

void quotas_free(struct quotas *q)
{
    free(q);
}

static struct bucket *find_bucket(struct quotas *q, uint64_t name)
{
    for (unsigned i = 0; i < QUOTA_SLOTS; i++) {
        struct bucket *b = &q->slots[(name + i) % QUOTA_SLOTS];

        if (b->name == name || b->name == 0)
            return b;
    }
    return &q->slots[0]; /* more names than slots: they share */
}

bool quotas_take(struct quotas *q, const struct quota *quota, sv name, int64_t now, unsigned *left,
                 unsigned *retry_after_s)
{
    uint64_t h = hash_u64(hash64(name), (uint64_t)(uintptr_t)quota) | 1;
    double burst = quota ? quota->burst : 0, per_s = quota ? quota->per_s : 0;
    struct bucket *b;
    bool ok;

    *left = 0;
    *retry_after_s = 1;
    if (burst <= 0)
        return true;
    pthread_mutex_lock(&q->lock);
    b = find_bucket(q, h);
    if (b->name == 0)
        *b = (struct bucket){ .name = h, .tokens = burst, .at = now };
    if (now > b->at)
        b->tokens += (double)(now - b->at) / 1e9 * per_s;
    b->tokens = b->tokens > burst ? burst : b->tokens;
    b->at = now;
    ok = b->tokens >= 1;
    if (ok)
        b->tokens -= 1;
    else
        *retry_after_s = (unsigned)((1 - b->tokens) / per_s) + 1;
    *left = (unsigned)b->tokens;
    pthread_mutex_unlock(&q->lock);
    return ok;
}
