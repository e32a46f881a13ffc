/*
 * Memory runs out between a source's answer and the page of numbers, at every call. What must hold: a poll that failed moves
 * nothing and succeeds when it is repeated; what was committed is counted exactly by this process or, when its fold found no
 * memory, by the next one; nothing is split, quarantined or left out for want of memory; no page is half.
 */
#include <ftw.h>

#include "collector/core/cut.h"
#include "collector/core/scheduler.h"
#include "collector/model/codec.h"
#include "exporters/prometheus/prometheus.h"

#include "tests/collector/core/fake_source.h"
#include "tests/collector/model/frames.h"
#include "tests/torture.h"

#define NOW (INT64_C(1795168800) * NANO_PER_S) /* 2026-11-20T10:00:00Z */

static const struct policy hashing = { .identity = POLICY_PSEUDONYMIZE, .key = "k", .key_len = 1 };
static char dir[32];
static struct spine *spine;
static struct fake fake;
static struct instance in;
static struct task task;

/* ---- begin and end, which are not tortured ---- */

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s;
    (void)type;
    (void)at;
    return remove(path);
}

static void begin(void)
{
    clock_set_manual(NOW);
    spine = fake_spine(dir, &hashing);
    fake_init(&fake, &in, "f");
    fake.answer = fake_one_a_minute;
    task = (struct task){ .instance = &in, .job = fake.job };
}

static void end(void)
{
    spine_close(spine);
    source_stats_free(in.stats);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool reopened(void)
{
    struct err e = { 0 };

    spine_close(spine);
    spine = spine_open(&(struct spine_options){ .dir = dir }, &e);
    if (spine)
        spine_set_policy(spine, &hashing);
    return spine;
}

static struct tally tally_of(const char *source)
{
    struct tally out = { 0 };

    for (size_t i = 0; i < ledger_source_count(spine_ledger(spine)); i++) {
        struct source_totals t;

        ledger_source(spine_ledger(spine), i, &t);
        if (sv_eq(t.source, sv_of(source)))
            out = t.tally;
    }
    return out;
}

static bool nothing_set_aside(const struct tally *t)
{
    for (int i = 0; i < REASONS; i++)
        if (t->rejected[i] || t->quarantined[i])
            return false;
    return t->received == t->stored + t->duplicate;
}

/* ---- polls ---- */

static bool poll_until_done(void)
{
    bool more = true;

    for (int i = 0; i < 10 && more; i++)
        if (task_poll(spine, &task, &task.status, &more) != ERR_OK)
            return false;
    return !more;
}

/* An hour before now, less the delay of three minutes: 57 requests, whatever failed on the way. A window that was not folded when
 * the next one was planned is read and stored twice, and counted once. */
static bool counted(void)
{
    struct tally t = tally_of("f");

    return fake_total(spine_ledger(spine)) == 57 && t.stored >= 57 && nothing_set_aside(&t) &&
           ledger_count_from(spine_ledger(spine), SV("f")) == NOW - NANO_PER_H;
}

static bool poll(void *ctx)
{
    bool more, good;
    enum err_code code;
    struct tally t;

    (void)ctx;
    begin();
    torture_begin();
    code = task_poll(spine, &task, &task.status, &more);
    torture_end();
    t = tally_of("f");
    good = (code == ERR_OK && counted()) ||
           (torture_was_refused() && (code == ERR_LIMIT || code == ERR_RETRY) && nothing_set_aside(&t));
    good = good && poll_until_done() && counted() && reopened() && counted();
    end();
    return good;
}

/* The fold thread too: then a start is what counts it. */
static bool poll_and_fold(void *ctx)
{
    bool more, good, starved;
    enum err_code code;

    (void)ctx;
    begin();
    torture_all_threads = true;
    torture_begin();
    code = task_poll(spine, &task, &task.status, &more);
    torture_end();
    torture_all_threads = false;
    starved = ledger_starved(spine_ledger(spine));
    good = code == ERR_OK || torture_was_refused();
    good = good && (!starved || torture_was_refused()) && reopened() && poll_until_done() && counted();
    end();
    return good;
}

static bool restart(void *ctx)
{
    struct err e = { 0 };
    bool good;

    (void)ctx;
    begin();
    good = poll_until_done();
    spine_close(spine);
    torture_all_threads = true;
    torture_begin();
    spine = spine_open(&(struct spine_options){ .dir = dir }, &e);
    torture_end();
    torture_all_threads = false;
    good = good && (spine ? counted() : torture_was_refused() && (e.code == ERR_LIMIT || e.code == ERR_IO));
    good = good && reopened() && counted() && poll_until_done() && counted();
    end();
    return good;
}

/* ---- what is larger than a journal frame ---- */

enum { LARGE_ROWS = 3000, LARGE_BYTES = 400 };

static void large(struct frame *f)
{
    char text[LARGE_BYTES];
    struct batch *b = frame_add_batch(f);

    b->origin = (struct origin){ .cloud = CLOUD_AZURE, .platform = PLATFORM_AZURE_OPENAI };
    for (uint64_t i = 0; i < LARGE_ROWS; i++) {
        struct call *c = batch_add_call(b);

        memset(text, 'a' + (int)(i % 26), sizeof text);
        snprintf(text, 16, "%llu", (unsigned long long)i);
        c->key = i + 1;
        c->caller_principal = i % 3 ? 0 : batch_sym(b, SV("ann"));
        c->response_id = arena_copy(f->arena, sv_make(text, sizeof text));
    }
    f->tally = (struct tally){ .received = LARGE_ROWS, .stored = LARGE_ROWS };
}

static enum err_code commit_large(struct err *e)
{
    struct arena arena;
    struct frame *f;
    enum err_code code;

    arena_init(&arena, 64 << 20);
    f = frame_new(&arena, SV("f"), SV("s"));
    large(f);
    torture_begin();
    code = spine_commit(spine, f, e);
    torture_end();
    arena_done(&arena);
    return code;
}

/* What was read is read again after a failure: what is stored already is a duplicate then. */
static bool split(void *ctx)
{
    struct err e = { 0 };
    struct tally t;
    enum err_code code;
    bool good;

    (void)ctx;
    begin();
    code = commit_large(&e);
    good = code == ERR_OK || (torture_was_refused() && (code == ERR_LIMIT || code == ERR_RETRY));
    torture_nth = 0;
    good = good && reopened() && (code == ERR_OK || commit_large(&e) == ERR_OK);
    t = tally_of("f");
    good = good && t.stored == LARGE_ROWS && nothing_set_aside(&t);
    end();
    return good;
}

/* ---- bytes ---- */

static struct arena arena;
static struct buf packed;

static bool encode(void *ctx)
{
    struct frame *f = ctx;
    struct buf out;
    enum err_code code;
    bool good;

    buf_init(&out, 0);
    torture_begin();
    code = frame_encode(f, &out, NULL);
    torture_end();
    good = code == ERR_OK ? sv_eq(buf_sv(&out), buf_sv(&packed)) : torture_was_refused() && code == ERR_LIMIT;
    buf_done(&out);
    return good;
}

static bool decode(void *ctx)
{
    struct arena own;
    struct frame *f = NULL;
    enum err_code code;
    bool good;

    arena_init(&own, 0);
    torture_begin();
    code = frame_decode(buf_sv(&packed), &own, &f, NULL);
    torture_end();
    good = code == ERR_OK ? same_frames(f, ctx) : torture_was_refused() && code == ERR_LIMIT;
    arena_done(&own);
    return good;
}

static void frames(void)
{
    struct frame *f;

    arena_init(&arena, 0);
    buf_init(&packed, 0);
    f = full_frame(&arena);
    if (frame_encode(f, &packed, NULL) == ERR_OK) {
        torture("a_frame_is_packed_whole", encode, f);
        torture("a_frame_is_read_whole_and_never_called_wrong", decode, f);
    }
    buf_done(&packed);
    arena_done(&arena);
}

/* ---- scheduler ---- */

static bool schedule(void *ctx)
{
    struct instance *list[] = { &in };
    struct scheduler *s;
    struct task_view *views = NULL;
    struct arena own;
    size_t n = 0;
    bool good;

    (void)ctx;
    begin();
    in.limits = in.env.limits = rate_limits_new();
    arena_init(&own, 1 << 20);
    torture_begin();
    s = scheduler_new(spine, list, 1, 2, NULL);
    if (s)
        views = scheduler_tasks(s, &own, &n);
    torture_end();
    good = torture_was_refused() || (s && views && n == 1);
    good = good && (!views || (n == 1 && sv_eq(views[0].source, SV("f"))));
    scheduler_free(s);
    rate_limits_free(in.limits);
    arena_done(&own);
    end();
    return good;
}

/* ---- /metrics ---- */

static _Atomic uint64_t told;

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void shown(void *ctx, uint64_t generation)
{
    (void)ctx;
    told = generation;
}

static void own_metrics(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_put(out, SV("trefoil_up 1\n"));
}

static sv page(struct exporter *p, struct http_server_response *r)
{
    *r = (struct http_server_response){ 0 };
    p->ops->scrape(p, NULL, r);
    return r->shared ? http_body_sv(r->shared) : buf_sv(&r->body);
}

static void page_done(struct http_server_response *r)
{
    http_body_unref(r->shared);
    buf_done(&r->body);
}

/* Each page is whole or none, and none is said to have been shown that was not; the next one is right. */
static bool scrape(void *ctx)
{
    struct exporter_env env = {
        .ledger = spine_ledger(spine), .ready = always, .shown = shown, .self_metrics = own_metrics
    };
    struct http_server_response r, again;
    sv whole = *(sv *)ctx, first = SV_NONE, whole_again;
    struct exporter *p;
    bool good = true;

    told = 0;
    torture_begin();
    p = prometheus_exporter_ops.open(NULL, &env, NULL);
    if (p)
        first = page(p, &r);
    torture_end();
    if (p) {
        bool right = (r.status == 0 || r.status == 200) && sv_eq(first, whole);

        good = right || (torture_was_refused() && r.status >= 500 && told == 0);
        whole_again = page(p, &again);
        good = good && sv_eq(whole_again, whole) && told == ledger_generation(spine_ledger(spine));
        page_done(&again);
        page_done(&r);
        p->ops->close(p);
    }
    return good && (p || torture_was_refused());
}

static void pages(void)
{
    struct exporter_env env;
    struct http_server_response r;
    struct exporter *p;
    sv whole;

    begin();
    env = (struct exporter_env){
        .ledger = spine_ledger(spine), .ready = always, .shown = shown, .self_metrics = own_metrics
    };
    OK(poll_until_done());
    p = prometheus_exporter_ops.open(NULL, &env, NULL);
    if (OK(p != NULL)) {
        whole = page(p, &r);
        OK(whole.len > 100);
        torture("a_page_of_numbers_is_whole_or_none", scrape, &whole);
        page_done(&r);
        p->ops->close(p);
    }
    end();
}

int main(void)
{
    RUN(frames);
    pages();
    torture_most = 10; /* each takes the time of two starts */
    torture("a_poll_that_failed_moves_nothing", poll, NULL);
    torture("what_was_committed_is_counted_by_the_next_start", poll_and_fold, NULL);
    torture("a_start_is_whole_or_fails", restart, NULL);
    torture("a_large_frame_is_split_for_its_size_alone", split, NULL);
    torture_most = 250;
    torture("a_scheduler_is_whole_or_none", schedule, NULL);
    printf("# %lu allocations refused\n", torture_total);
    return tap_done();
}
