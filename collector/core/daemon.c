/*
 * Wiring and life.
 *
 * The main thread opens, waits, reloads and closes; it may be held up (by a replay, by a source that is slow to end) and nobody
 * waits for it: signals have a thread of their own, and pages look at what `lock` guards, which is only ever assigned under it. What
 * a reload replaces is one `generation`: the next one is made whole beside the current one, which then ends, and a failure
 * before that has touched nothing.
 */
#include "collector/core/daemon.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/base/random.h"
#include "collector/core/daemon_state.h"
#include "collector/core/memory.h"
#include "exporters/prometheus/prometheus.h"

/* ---- settings ---- */

enum err_code daemon_settings(const struct flags *f, struct settings *s, struct err *e)
{
    enum err_code code = settings_load(s, f->config_file, source_registry, e);

    if (code == ERR_IO && e && e->sys == ENOENT)
        return err_set(e, code, "%s: no such file; README.md shows a first one, and --config.file names another",
                       f->config_file);
    if (code)
        return code;
    flags_apply(f, s);
    if (s->n_sources)
        return ERR_OK;
    settings_done(s);
    return err_set(e, ERR_CONFIG, "%s: no source is configured: add a section such as azure:", f->config_file);
}

static void apply_settings(const struct settings *s)
{
    log_set((enum log_level)s->log.level, s->log.format == LOG_FORMAT_JSON);
    memory_set_limit(s->limits.memory_bytes);
}

/* ---- generations ---- */

/* The sources have ended, or end here. NULL is fine, and half built ones. */
static void generation_free(struct generation *g)
{
    if (!g)
        return;
    scheduler_free(g->scheduler);
    for (size_t i = 0; i < g->n_instances; i++)
        instance_close(g->instances[i]);
    free(g->instances);
    policy_done(&g->policy);
    settings_done(&g->settings);
    free(g);
}

static enum err_code open_policy(const struct settings *s, struct policy *p, struct err *e)
{
    static const enum policy_identity identities[] = {
        [PRIVACY_DROP] = POLICY_DROP, [PRIVACY_KEEP] = POLICY_KEEP, [PRIVACY_PSEUDONYMIZE] = POLICY_PSEUDONYMIZE
    };

    return policy_init(p, identities[s->privacy.caller], s->privacy.caller_key, e);
}

/* Settings and policy: what can be known without the ledger. */
static struct generation *generation_new(const struct flags *f, struct err *e)
{
    struct generation *g = calloc(1, sizeof *g);

    if (!g) {
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    if (daemon_settings(f, &g->settings, e) || open_policy(&g->settings, &g->policy, e)) {
        generation_free(g);
        return NULL;
    }
    return g;
}

/* Opens the sources; nothing is polled before scheduler_go. Fails when not one of them can be opened. */
static enum err_code generation_open(struct generation *g, struct spine *spine, struct err *e)
{
    const struct settings *s = &g->settings;
    size_t good = 0;

    g->instances = calloc(s->n_sources, sizeof(struct instance *));
    if (!g->instances)
        return err_set(e, ERR_LIMIT, "out of memory");
    for (size_t i = 0; i < s->n_sources; i++) {
        struct instance *in = instance_open(s, &s->sources[i], spine_ledger(spine), e);

        if (!in)
            return ERR_LIMIT;
        g->instances[g->n_instances++] = in;
        if (!in->source)
            log_error(in->ops->name, "%s", in->open_error.text);
        good += in->source != NULL;
    }
    if (good == 0) {
        *e = g->instances[0]->open_error;
        return e->code;
    }
    g->scheduler = scheduler_new(spine, g->instances, g->n_instances, (unsigned)s->poll_threads, e);
    return g->scheduler ? ERR_OK : e->code;
}

/* Limits are part of what the fold depends on, so they are journalled when they change. On a full disk the ones that were
 * journalled last stand, which is no reason not to run. */
static void journal_limits(struct daemon *d, const struct settings *s)
{
    struct err e = { 0 };
    struct arena arena;
    struct frame *f;
    struct epoch *epoch;
    enum err_code code = ERR_LIMIT;

    arena_init(&arena, 1 << 20);
    f = frame_new(&arena, OWN_SOURCE, SV("limits"));
    epoch = f ? frame_add_epoch(f) : NULL;
    if (epoch) {
        epoch->kind = EPOCH_LIMITS;
        epoch->value =
            arena_printf(&arena, "series=%lld,callers=%lld,series_expiry_s=%lld", (long long)s->limits.series,
                         (long long)(s->privacy.caller_series ? s->limits.callers : 0),
                         (long long)(s->limits.series_expiry_ms / 1000));
        epoch->hash = hash64(epoch->value);
        code = spine_commit(d->spine, f, &e);
    }
    if (code)
        log_error("limits", "not journalled, the former ones stay until a restart: %s",
                  epoch ? e.text : "out of memory");
    arena_done(&arena);
}

/* From here on it is the one that pages show and that is polled for. Returns the former one, whose sources have ended. */
static struct generation *make_current(struct daemon *d, struct generation *g)
{
    struct generation *former = d->current;

    spine_set_policy(d->spine, &g->policy);
    apply_settings(&g->settings);
    journal_limits(d, &g->settings);
    pthread_rwlock_wrlock(&d->lock);
    d->current = g;
    pthread_rwlock_unlock(&d->lock);
    scheduler_go(g->scheduler);
    return former;
}

/* ---- reload ---- */

/* What a running daemon cannot change. */
static void warn_unchangeable(const struct settings *old, const struct settings *new)
{
    if (!sv_eq(sv_of(old->storage.path), sv_of(new->storage.path)))
        log_warn("reload", "storage.path changes only with a restart");
    if (!sv_eq(sv_of(old->web.listen_address), sv_of(new->web.listen_address)))
        log_warn("reload", "web.listen_address changes only with a restart");
}

/* A test sets the wall clock of its time: what it showed at the anchor is another one now. */
static void follow_clock(const struct settings *old, const struct settings *new)
{
    if (old->scaled && new->scaled)
        clock_step(new->clock.origin_unix_nano - old->clock.origin_unix_nano);
}

static enum err_code reload(struct daemon *d, struct err *e)
{
    struct generation *next = generation_new(d->flags, e);

    if (!next)
        return e->code;
    if (generation_open(next, d->spine, e)) {
        generation_free(next);
        return e->code;
    }
    warn_unchangeable(&d->current->settings, &next->settings);
    /* Not both at once, or they would ask the clouds for the same. Meanwhile pages show the former one as it was. */
    scheduler_stop(d->current->scheduler);
    follow_clock(&d->current->settings, &next->settings);
    generation_free(make_current(d, next));
    return ERR_OK;
}

static void do_reload(struct daemon *d)
{
    struct err e = { 0 };
    enum err_code code = reload(d, &e);

    if (code)
        log_error("reload", "the configuration that was in force stays: %s", e.text);
    else
        log_info("reload", "configuration taken");
    pthread_rwlock_wrlock(&d->lock);
    d->reload_ok = code == ERR_OK;
    d->reload_unix_nano = code ? d->reload_unix_nano : clock_now();
    pthread_rwlock_unlock(&d->lock);
}

void daemon_want_reload(struct daemon *d)
{
    pthread_mutex_lock(&d->events);
    d->reload_wanted = true;
    pthread_cond_signal(&d->event);
    pthread_mutex_unlock(&d->events);
}

/* ---- signals ---- */

static void handled(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

/* The default action, which would have been taken without us. */
static void die_of(int sig)
{
    sigset_t set;

    signal(sig, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, sig);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(sig);
}

/* False when the thread is to end. */
static bool note_signal(struct daemon *d, int sig)
{
    bool again = false, over;

    pthread_mutex_lock(&d->events);
    over = d->over;
    if (over) {
    } else if (sig == SIGHUP) {
        d->reload_wanted = true;
    } else if (d->stop_signal) {
        again = true;
    } else {
        d->stop_signal = sig;
        log_info("main", "%s: stopping", sig == SIGTERM ? "SIGTERM" : "SIGINT");
        spine_cancel(d->spine);
    }
    pthread_cond_signal(&d->event);
    pthread_mutex_unlock(&d->events);
    if (again) /* nothing is lost: what was acknowledged is durable */
        die_of(sig);
    return !over;
}

static void *signal_thread(void *arg)
{
    sigset_t set;
    int sig = 0;

    handled(&set);
    while (sigwait(&set, &sig) == 0 && note_signal(arg, sig))
        ;
    return NULL;
}

static enum err_code start_signals(struct daemon *d, struct err *e)
{
    if (pthread_create(&d->signals, NULL, signal_thread, d) != 0)
        return err_set(e, ERR_LIMIT, "cannot start the thread for signals");
    d->signals_started = true;
    return ERR_OK;
}

static void end_signals(struct daemon *d)
{
    if (!d->signals_started)
        return;
    pthread_mutex_lock(&d->events);
    d->over = true;
    pthread_mutex_unlock(&d->events);
    pthread_kill(d->signals, SIGHUP);
    pthread_join(d->signals, NULL);
}

/* True: reload. False: stop. */
static bool wait_event(struct daemon *d)
{
    bool wanted;

    pthread_mutex_lock(&d->events);
    while (!d->reload_wanted && !d->stop_signal && !d->starved)
        pthread_cond_wait(&d->event, &d->events);
    wanted = !d->stop_signal && !d->starved;
    d->reload_wanted = false;
    pthread_mutex_unlock(&d->events);
    return wanted;
}

static bool is_stopping(struct daemon *d)
{
    bool stopping;

    pthread_mutex_lock(&d->events);
    stopping = d->stop_signal != 0;
    pthread_mutex_unlock(&d->events);
    return stopping;
}

static bool has_starved(struct daemon *d)
{
    bool starved;

    pthread_mutex_lock(&d->events);
    starved = d->starved;
    pthread_mutex_unlock(&d->events);
    return starved;
}

/* ---- start and end ---- */

static bool ask_ready(void *ctx)
{
    return ((struct daemon *)ctx)->serving;
}

static void tell_shown(void *ctx, uint64_t generation)
{
    spine_shown(((struct daemon *)ctx)->spine, generation);
}

static void end_starved(void *ctx)
{
    struct daemon *d = ctx;

    pthread_mutex_lock(&d->events);
    d->starved = true;
    pthread_cond_signal(&d->event);
    pthread_mutex_unlock(&d->events);
}

static enum err_code start_spine(struct daemon *d, const struct settings *s, struct err *e)
{
    const int64_t most = s->storage.journal.max_bytes / 4, wanted = s->storage.journal.segment_bytes;
    const struct spine_options o = { .dir = s->storage.path,
                                     .reserve_bytes = (uint64_t)s->storage.reserve_bytes,
                                     .on_starved = end_starved,
                                     .ctx = d,
                                     .journal = { .segment_bytes = (uint64_t)(wanted < most ? wanted : most),
                                                  .max_bytes = (uint64_t)s->storage.journal.max_bytes,
                                                  .retention_ms = s->storage.journal.retention_ms,
                                                  .when_full = (enum journal_when_full)s->storage.journal.when_full } };

    d->spine = spine_start(&o, e);
    return d->spine ? ERR_OK : err_wrap(e, "--storage.path %s", s->storage.path);
}

static enum err_code prepare_web(struct daemon *d, const struct settings *s, struct err *e)
{
    d->enable_lifecycle = s->web.enable_lifecycle;
    if (snprintf(d->listen_address, sizeof d->listen_address, "%s", s->web.listen_address) >=
        (int)sizeof d->listen_address)
        return err_set(e, ERR_CONFIG, "--web.listen-address: too long");
    return s->web.config_file ? web_load(&d->web, s->web.config_file, e) : ERR_OK;
}

static enum err_code open_exporter(struct daemon *d, struct err *e)
{
    struct spine_stats stats;

    spine_stats(d->spine, &stats);
    log_info("spine", "%llu frames replayed in %lld ms, %llu torn bytes cut", (unsigned long long)stats.folded_frames,
             (long long)stats.replay_ms, (unsigned long long)stats.recovered_torn_bytes);
    d->exporter_env = (struct exporter_env){ .ledger = spine_ledger(d->spine),
                                             .ready = ask_ready,
                                             .shown = tell_shown,
                                             .self_metrics = daemon_self_metrics,
                                             .ctx = d };
    d->prometheus = prometheus_exporter_ops.open(NULL, &d->exporter_env, e);
    if (!d->prometheus)
        return e->code;
    d->serving = true;
    return ERR_OK;
}

/* `g` is current when this returns ERR_OK, else still the caller's. */
static enum err_code start(struct daemon *d, struct generation *g, struct err *e)
{
    enum err_code code = prepare_web(d, &g->settings, e);

    code = code ? code : start_spine(d, &g->settings, e);
    code = code ? code : start_signals(d, e);
    code = code ? code : daemon_serve(d, e);
    code = code ? code : spine_wait_ready(d->spine, e);
    code = code ? code : open_exporter(d, e);
    code = code ? code : generation_open(g, d->spine, e);
    if (code == ERR_OK)
        (void)make_current(d, g);
    return code;
}

static void close_all(struct daemon *d)
{
    struct spine *spine;

    http_server_stop(d->server);
    generation_free(d->current);
    if (d->prometheus)
        d->prometheus->ops->close(d->prometheus);
    pthread_mutex_lock(&d->events);
    spine = d->spine;
    d->spine = NULL; /* a signal that comes now has nothing to cancel */
    pthread_mutex_unlock(&d->events);
    spine_close(spine);
    end_signals(d);
    web_done(&d->web);
    pthread_rwlock_destroy(&d->lock);
    pthread_cond_destroy(&d->event);
    pthread_mutex_destroy(&d->events);
    free(d);
}

/* Each large block that is freed moves glibc's own thresholds up, to 32 MiB and twice that, and every thread that once read a large
 * answer keeps as much for ever: a soak saw 48 MiB in use and 350 held. Set once, they stay. */
static void give_memory_back(void)
{
    mallopt(M_MMAP_THRESHOLD, 512 << 10);
    mallopt(M_TRIM_THRESHOLD, 2 << 20);
}

/* Before any thread is started: signals are waited for, files are ours alone, no core holds a secret. */
static void prepare_process(void)
{
    const struct rlimit none = { 0, 0 };
    sigset_t set;

    give_memory_back();
    handled(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is a disk that is full, for log and snapshot too */
    umask(077);
    setrlimit(RLIMIT_CORE, &none);
}

static struct daemon *daemon_new(const struct flags *f, struct err *e)
{
    struct daemon *d = calloc(1, sizeof *d);
    struct timespec now;

    if (!d) {
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    d->flags = f;
    pthread_rwlock_init(&d->lock, NULL);
    pthread_mutex_init(&d->events, NULL);
    pthread_cond_init(&d->event, NULL);
    clock_gettime(CLOCK_REALTIME, &now);
    d->started_unix_nano = now.tv_sec * NANO_PER_S + now.tv_nsec;
    d->reload_ok = true;
    d->reload_unix_nano = clock_now();
    return d;
}

enum err_code daemon_run(const struct flags *f, struct err *e)
{
    struct generation *first = generation_new(f, e);
    struct daemon *d;
    enum err_code code;

    if (!first)
        return e->code;
    prepare_process();
    clock_seed(random_id()); /* a fleet that is restarted together must not ask in step */
    if (first->settings.scaled)
        clock_set_scale(first->settings.clock);
    apply_settings(&first->settings);
    d = daemon_new(f, e);
    if (!d) {
        generation_free(first);
        return ERR_LIMIT;
    }
    code = start(d, first, e);
    if (code)
        generation_free(first);
    while (code == ERR_OK && wait_event(d))
        do_reload(d);
    /* Told to stop while it started: that is no failure. */
    if (code == ERR_CANCELLED && is_stopping(d))
        code = ERR_OK;
    if (code == ERR_OK && has_starved(d))
        code = err_set(e, ERR_LIMIT, "memory ran out while counting: nothing durable is lost, start again");
    close_all(d);
    return code;
}
