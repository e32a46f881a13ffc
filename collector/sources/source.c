/*
 * The one way in which a source talks to a cloud. Quota, count, clock and the meaning of a status are the same for all
 * clouds, so they stand here; what differs (credentials, signatures, bodies) stays in the cloud's folder.
 */
#include "collector/sources/source.h"

#include <pthread.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/base/heartbeat.h"
#include "collector/base/json.h"
#include "collector/ledger/ledger.h"
#include "collector/net/retry.h"
#include "collector/sources/stats.h"

/* ---- stats ---- */

enum { SKEW_IGNORED_S = 2, BELIEVED_AFTER_S = 15 * 60 };

struct source_stats {
    pthread_mutex_t lock; /* guards all below */
    struct api_stats *rows;
    size_t n, cap;
    /* Of the server's clock over our monotonic one, which nobody sets: */
    bool dated;               /* known since the first answer */
    int64_t ahead_nano;       /* by the last Date */
    int64_t believed_nano;    /* at least, by all that we heard */
    int64_t doubted_nano;     /* what may be believed if nobody contradicts; the least of it */
    int64_t doubt_since_mono; /* 0: nobody says that it is later than we believe */
    struct source_note notes[STATS_NOTES_MAX];
    size_t n_notes;
};

struct source_stats *source_stats_new(void)
{
    struct source_stats *s = calloc(1, sizeof *s);

    if (s)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

void source_stats_free(struct source_stats *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s->rows);
    free(s);
}

static struct api_stats *find_row(const struct source_stats *s, const char *name, sv account)
{
    for (size_t i = 0; i < s->n; i++)
        if (sv_eq(sv_of(s->rows[i].name), sv_of(name)) && sv_eq(sv_of(s->rows[i].account), account))
            return &s->rows[i];
    return NULL;
}

static struct api_stats *add_row(struct source_stats *s, const char *name, sv account)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 32;
        struct api_stats *rows = realloc(s->rows, cap * sizeof *rows);

        if (!rows)
            return NULL;
        s->rows = rows;
        s->cap = cap;
    }
    s->rows[s->n] = (struct api_stats){ .name = name };
    memcpy(s->rows[s->n].account, account.at, account.len);
    return &s->rows[s->n++];
}

/* The last rows are kept for APIs without an account, so that at the limit no call goes uncounted. */
static struct api_stats *row_of(struct source_stats *s, const char *name, sv account)
{
    enum { KEPT = 128 };
    struct api_stats *row = find_row(s, name, account);

    if (!row && account.len && s->n < STATS_ROWS_MAX - KEPT)
        row = add_row(s, name, account);
    if (!row)
        row = find_row(s, name, SV_NONE);
    return row || s->n == STATS_ROWS_MAX ? row : add_row(s, name, SV_NONE);
}

void source_stats_billed(struct source_stats *s, const char *name, sv account, int64_t units, int64_t usd_nano)
{
    struct api_stats *row;

    pthread_mutex_lock(&s->lock);
    row = row_of(s, name, sv_first(account, STATS_ACCOUNT_MAX));
    if (row) {
        row->units += (uint64_t)units;
        row->usd_nano += usd_nano;
        row->due.units += units;
        row->due.usd_nano += usd_nano;
    }
    pthread_mutex_unlock(&s->lock);
}

void source_stats_call(struct source_stats *s, const struct api_call *call)
{
    struct api_stats *row;

    pthread_mutex_lock(&s->lock);
    row = row_of(s, call->name, sv_first(call->account, STATS_ACCOUNT_MAX));
    if (row) {
        row->calls++;
        row->ends[call->end]++;
        row->received_bytes += call->wire_bytes;
        row->units += (uint64_t)call->units;
        row->usd_nano += call->usd_nano;
        row->due.calls++;
        row->due.units += call->units;
        row->due.usd_nano += call->usd_nano;
    }
    pthread_mutex_unlock(&s->lock);
}

static bool take_row(struct api_stats *row, struct frame *f)
{
    sv account = arena_copy(f->arena, sv_of(row->account));
    struct spend *out = account.at ? frame_add_spend(f) : NULL;

    if (!out)
        return false;
    *out = (struct spend){ sv_of(row->name), account, row->due.calls, row->due.units, row->due.usd_nano };
    row->due.calls = row->due.units = row->due.usd_nano = 0;
    return true;
}

void source_stats_take(struct source_stats *s, struct frame *f)
{
    size_t taken = 0;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n && taken < STATS_SPENDS_MAX; i++)
        if ((s->rows[i].due.calls || s->rows[i].due.units || s->rows[i].due.usd_nano) && take_row(&s->rows[i], f))
            taken++;
    pthread_mutex_unlock(&s->lock);
}

/* Rows stay for good, so each one is found. */
void source_stats_give_back(struct source_stats *s, const struct frame *f)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < f->n_spends; i++)
        for (size_t k = 0; k < s->n; k++)
            if (sv_eq(sv_of(s->rows[k].name), f->spends[i].api) &&
                sv_eq(sv_of(s->rows[k].account), f->spends[i].account)) {
                s->rows[k].due.calls += f->spends[i].calls;
                s->rows[k].due.units += f->spends[i].billed_units;
                s->rows[k].due.usd_nano += f->spends[i].usd_nano;
            }
    pthread_mutex_unlock(&s->lock);
}

void source_stats_total(struct source_stats *s, int64_t *calls, int64_t *usd_nano)
{
    *calls = *usd_nano = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n; i++) {
        *calls += (int64_t)s->rows[i].calls;
        *usd_nano += s->rows[i].usd_nano;
    }
    pthread_mutex_unlock(&s->lock);
}

void source_stats_due(struct source_stats *s, int64_t *calls, int64_t *usd_nano)
{
    *calls = *usd_nano = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n; i++) {
        *calls += s->rows[i].due.calls;
        *usd_nano += s->rows[i].due.usd_nano;
    }
    pthread_mutex_unlock(&s->lock);
}

struct api_stats *source_stats_rows(struct source_stats *s, size_t *n)
{
    struct api_stats *copy = NULL;

    pthread_mutex_lock(&s->lock);
    if (s->n)
        copy = malloc(s->n * sizeof *copy);
    *n = copy ? s->n : 0;
    if (copy)
        memcpy(copy, s->rows, s->n * sizeof *copy);
    pthread_mutex_unlock(&s->lock);
    return copy;
}

/* A faster clock widens what the answer's way takes. */
static int64_t ignored(void)
{
    return (int64_t)(SKEW_IGNORED_S * NANO_PER_S * clock_speed());
}

/* That it is earlier than we thought is believed at once, that it is later when all have said so for a while: a window that ends
 * too early is read a little later, one that ends in the future never again. Under the lock. */
static void weigh(struct source_stats *s, int64_t mono)
{
    if (s->ahead_nano <= s->believed_nano + ignored()) {
        s->believed_nano = s->ahead_nano;
        s->doubt_since_mono = 0;
        return;
    }
    if (s->doubt_since_mono == 0 || s->ahead_nano < s->doubted_nano)
        s->doubted_nano = s->ahead_nano;
    if (s->doubt_since_mono == 0)
        s->doubt_since_mono = mono;
    if (mono - s->doubt_since_mono < BELIEVED_AFTER_S * NANO_PER_S)
        return;
    s->believed_nano = s->doubted_nano;
    s->doubt_since_mono = 0;
}

void source_stats_date(struct source_stats *s, int64_t server_unix_nano)
{
    int64_t mono = clock_mono(), ours = clock_now();
    /* A Date of 12:00:05 was written between :05.0 and :06.0. */
    int64_t server = server_unix_nano + NANO_PER_S / 2;

    pthread_mutex_lock(&s->lock);
    s->ahead_nano = (llabs(server - ours) < ignored() ? ours : server) - mono;
    if (!s->dated)
        s->believed_nano = ours - mono;
    s->dated = true;
    weigh(s, mono);
    pthread_mutex_unlock(&s->lock);
}

int64_t source_stats_believed(struct source_stats *s, bool *doubted)
{
    int64_t now;

    pthread_mutex_lock(&s->lock);
    now = s->dated ? clock_mono() + s->believed_nano : clock_now();
    *doubted = s->doubt_since_mono != 0;
    pthread_mutex_unlock(&s->lock);
    return now;
}

int64_t source_stats_now(struct source_stats *s)
{
    int64_t now;

    pthread_mutex_lock(&s->lock);
    now = s->dated ? clock_mono() + s->ahead_nano : clock_now();
    pthread_mutex_unlock(&s->lock);
    return now;
}

int64_t source_stats_skew(struct source_stats *s)
{
    int64_t skew = source_stats_now(s) - clock_now();

    return llabs(skew) < ignored() ? 0 : skew;
}

int64_t source_stats_doubt(void)
{
    return 2 * ignored();
}

static bool set_note(struct source_stats *s, size_t i, const char *what, sv text)
{
    bool fresh = i == s->n_notes;

    text = sv_first(text, STATS_NOTE_TEXT_MAX);
    if (text.len == 0) {
        if (!fresh)
            s->notes[i] = s->notes[--s->n_notes];
        return !fresh;
    }
    if (i == STATS_NOTES_MAX)
        return false;
    s->notes[i] = (struct source_note){ .what = what };
    memcpy(s->notes[i].text, text.at, text.len);
    s->n_notes += fresh;
    return fresh;
}

bool source_stats_note(struct source_stats *s, const char *what, sv text)
{
    size_t i = 0;
    bool changed;

    pthread_mutex_lock(&s->lock);
    while (i < s->n_notes && !sv_eq(sv_of(s->notes[i].what), sv_of(what)))
        i++;
    changed = set_note(s, i, what, text);
    pthread_mutex_unlock(&s->lock);
    return changed;
}

size_t source_stats_notes(struct source_stats *s, struct source_note out[STATS_NOTES_MAX])
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n_notes;
    memcpy(out, s->notes, n * sizeof *out);
    pthread_mutex_unlock(&s->lock);
    return n;
}

int64_t source_server_now(const struct source_env *env)
{
    return source_stats_now(env->stats);
}

int64_t source_happened(const struct source_env *env, bool *doubted)
{
    return source_stats_believed(env->stats, doubted);
}

/* ---- the call ---- */

enum {
    ATTEMPTS = 3,
    PATIENCE_MS = 20 * 1000,
    QUOTA_WAIT_MS = 5 * 60 * 1000,
    SAID_MAX = 160,
    RETRY_AFTER_MAX_MS = 60 * 60 * 1000,
    AGAIN = 2,
    WORTH_WAITING_MS = 120 * 1000,
    PAGES_MAX = 2000
};

/* clang-format off */
static const struct { int status; enum err_code code; } statuses[] = {
    { 401, ERR_AUTH }, { 403, ERR_DENIED }, { 404, ERR_GONE }, { 408, ERR_RETRY }, { 410, ERR_GONE }, { 413, ERR_LIMIT },
    { 429, ERR_THROTTLED }, { 529, ERR_THROTTLED },
};
/* clang-format on */

static enum err_code code_of(const struct http_response *r)
{
    if (r->status >= 200 && r->status < 300)
        return ERR_OK;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == r->status)
            return statuses[i].code;
    if (r->status == 503 && r->retry_after_ms)
        return ERR_THROTTLED;
    return r->status >= 500 ? ERR_RETRY : ERR_REFUSED;
}

/* "try again after '17' seconds": how some of Azure's providers say it when Retry-After is missing. */
static int64_t wait_in_text(const struct http_response *r)
{
    static const char mark[] = "after '";
    sv body = buf_sv(&r->body);
    const char *p = body.len ? memmem(body.at, body.len, mark, sizeof mark - 1) : NULL;
    int64_t s;

    if (!p)
        return 0;
    body = sv_skip(body, (size_t)(p - body.at) + sizeof mark - 1);
    return sv_to_i64(sv_cut(&body, '\''), &s) && s > 0 && s <= 3600 ? s * 1000 : 0;
}

static enum err_code judge(const struct source_request *q, const struct http_response *r, struct err *e)
{
    bool fine = r->status >= 200 && r->status < 300;
    enum err_code code = fine || !q->judge ? code_of(r) : q->judge(r);
    char words[SAID_MAX + 1];
    int64_t wait;

    if (code == ERR_OK)
        return ERR_OK;
    sv_plain(buf_sv(&r->body), words, SAID_MAX);
    err_set(e, code, "%s: http %d: %s", q->api->name, r->status, words[0] ? words : "(empty body)");
    if (code != ERR_THROTTLED)
        return code;
    wait = r->retry_after_ms ? r->retry_after_ms : q->wait ? q->wait(r) : wait_in_text(r);
    if (e)
        e->retry_after_ms = wait < RETRY_AFTER_MAX_MS ? wait : RETRY_AFTER_MAX_MS;
    return code;
}

static enum err_code send(const struct source_env *env, const struct source_request *q, struct http_response *r,
                          struct err *e)
{
    int64_t units = q->units ? q->units : 1;
    enum err_code code = http_do(env->http, q->http, r, e);

    if (code == ERR_IO || (r->status && (r->status < 200 || r->status >= 300)))
        units = 0; /* not sent, or refused; an answer that was lost on its way is paid */
    if (code == ERR_OK) {
        if (r->date_unix_nano)
            source_stats_date(env->stats, r->date_unix_nano);
        code = judge(q, r, e);
    } else {
        err_wrap(e, "%s", q->api->name);
    }
    source_stats_call(env->stats, &(struct api_call){ q->api->name, q->account, code, r->wire_bytes, units,
                                                      units * q->api->usd_nano });
    return code;
}

static enum err_code attempt(const struct source_env *env, const struct source_request *q, struct http_response *r,
                             struct err *e)
{
    size_t n_headers = q->http->n_headers;
    enum err_code code;

    heartbeat("waiting for the quota");
    code = rate_take(env->limits, q->quota, q->api->burst, q->api->per_s, QUOTA_WAIT_MS, e);

    if (code == ERR_OK && q->prepare)
        code = q->prepare(q->ctx, q->http, e);
    if (code) {
        r->status = 0; /* nobody was asked */
        return err_wrap(e, "%s", q->api->name);
    }
    heartbeat(q->api->name);
    code = send(env, q, r, e);
    heartbeat("reading an answer");
    q->http->n_headers = n_headers;
    if (code == ERR_THROTTLED)
        rate_penalize(env->limits, q->quota, e && e->retry_after_ms ? e->retry_after_ms : 1000);
    return code;
}

enum err_code source_call(const struct source_env *env, const struct source_request *q, struct http_response *r,
                          struct err *e)
{
    struct retry backoff = { .base_ms = 500, .cap_ms = 10000 };
    struct err local;
    struct err *why = e ? e : &local;
    enum err_code code = ERR_OK;

    for (int i = 0; i < ATTEMPTS; i++) {
        int64_t began = clock_mono();
        bool hung;

        code = attempt(env, q, r, why);
        /* What hung is not asked again at once: it would hold its poll thread, which the others wait for. */
        hung = r->status == 0 && clock_mono() - began > PATIENCE_MS * NANO_PER_MS;
        if (code != ERR_RETRY || i + 1 == ATTEMPTS || hung)
            break;
        clock_sleep_ms(retry_after_failure(&backoff, why));
    }
    return code;
}

/* ---- small helps ---- */

sv source_authority(const struct source_env *env, sv fact, sv resource_id, struct arena *arena)
{
    return env->ledger ? ledger_authority(env->ledger, fact, resource_id, arena) : SV_NONE;
}

static bool said_in_frame(const struct frame *f, sv subject)
{
    for (size_t i = 0; i < f->n_epochs; i++)
        if (f->epochs[i].kind == EPOCH_AUTHORITY && sv_eq(f->epochs[i].subject, subject))
            return true;
    return false;
}

bool source_choose(const struct source_env *env, struct frame *out, const char *fact, sv resource_id,
                   const char *choice, int64_t since_unix_nano)
{
    sv before = source_authority(env, sv_of(fact), resource_id, out->arena);
    sv subject = arena_printf(out->arena, "%s %.*s", fact, SV_ARG(resource_id));
    struct epoch *epoch;

    if (subject.at && (sv_eq(before, sv_of(choice)) || said_in_frame(out, subject)))
        return true;
    epoch = subject.at ? frame_add_epoch(out) : NULL;
    if (epoch)
        *epoch = (struct epoch){ .kind = EPOCH_AUTHORITY,
                                 .valid_from_unix_nano = before.len ? since_unix_nano : 0,
                                 .subject = subject,
                                 .value = sv_of(choice) };
    return epoch != NULL;
}

/* ---- answers and pages ---- */

/* A proxy or a cut connection may leave less than the object that was sent. */
static bool is_whole(const struct http_response *r)
{
    sv body = sv_trim(buf_sv(&r->body));

    return sv_starts(body, SV("{")) && sv_ends(body, SV("}"));
}

static bool is_worth_asking_again(const struct http_response *r, enum err_code code, const struct err *why)
{
    if (code == ERR_OK)
        return !is_whole(r);
    return code == ERR_THROTTLED && r->status && why->retry_after_ms <= WORTH_WAITING_MS &&
           !sv_eq_nocase(http_response_header(r, SV("x-should-retry")), SV("false"));
}

/* The quota's bucket waits as long as the answer wants it. */
enum err_code source_call_patiently(const struct source_env *env, const struct source_request *q,
                                    struct http_response *r, struct err *e)
{
    struct err local = { 0 };
    struct err *why = e ? e : &local;
    enum err_code code = source_call(env, q, r, why);

    for (int i = 0; i < AGAIN && is_worth_asking_again(r, code, why); i++)
        code = source_call(env, q, r, why);
    return code;
}

enum err_code source_answer(const struct http_response *r, const struct api *api, struct json_parser *p,
                            struct json *root, struct err *e)
{
    enum err_code code;

    if (sv_starts(sv_trim(buf_sv(&r->body)), SV("<")))
        return err_set(e, ERR_PARSE,
                       "%s: http %d with a web page instead of JSON: is a proxy or a login page in between?", api->name,
                       r->status);
    code = json_parse(p, buf_sv(&r->body), root, e);
    return code ? err_wrap(e, "%s", api->name) : ERR_OK;
}

void source_pages_init(struct source_pages *p)
{
    *p = (struct source_pages){ 0 };
    map_init(&p->seen, 0);
}

enum err_code source_pages_turn(struct source_pages *p, sv next, struct err *e)
{
    if (++p->n >= PAGES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d pages", PAGES_MAX);
    if (map_find(&p->seen, hash64(next)))
        return err_set(e, ERR_PARTIAL, "page %u: the cursor repeats itself", p->n);
    return map_put(&p->seen, hash64(next), p->n) ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
}

enum err_code source_pages_end(struct source_pages *p, enum err_code code, struct err *e)
{
    map_done(&p->seen);
    if (code == ERR_OK || p->n == 0)
        return code;
    err_wrap(e, "page %u", p->n + 1);
    if (code != ERR_REFUSED && code != ERR_GONE)
        return code;
    if (e)
        e->code = ERR_PARTIAL;
    return ERR_PARTIAL;
}

bool source_wants_publisher(const struct source_env *env, sv publisher)
{
    if (publisher.len == 0 || !env->publishers || env->publishers->n == 0)
        return true;
    for (size_t i = 0; i < env->publishers->n; i++)
        if (sv_eq_nocase(publisher, sv_of(env->publishers->at[i])))
            return true;
    return false;
}

struct source_job *job_list_add(struct job_list *l)
{
    struct source_job *at = arena_grow(l->arena, l->at, l->n, &l->cap, sizeof *at);

    if (!at)
        return NULL;
    l->at = at;
    at[l->n] = (struct source_job){ 0 };
    return &at[l->n++];
}
