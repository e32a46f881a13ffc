/*
 * Wiring and life. What HTTP handlers look at (scheduler, instances) is swapped by a reload, so they take `lock` to read; the
 * spine and the exporter live from start to end.
 */
#include "collector/core/daemon.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/config/web.h"
#include "collector/core/policy.h"
#include "collector/core/status.h"
#include "collector/net/http_server.h"
#include "exporters/prometheus/prometheus.h"

struct daemon {
    const struct flags *flags;
    struct spine *spine;
    struct exporter_env exporter_env;
    struct exporter *prometheus;
    struct http_server *server;
    struct web_config web;
    pthread_rwlock_t lock; /* written by a reload; guards what follows */
    struct settings settings;
    struct policy policy;
    struct instance **instances;
    struct status status;
};

/* ---- settings ---- */

enum err_code daemon_settings(const struct flags *f, struct settings *s, struct err *e)
{
    enum err_code code = settings_load(s, f->config_file, source_registry, e);

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
    if (s->scaled)
        clock_set_scale(s->clock);
}

/* ---- sources: opened at start, replaced by a reload ---- */

static void close_sources(struct daemon *d)
{
    scheduler_stop(d->status.scheduler);
    for (size_t i = 0; i < d->status.n_instances; i++)
        instance_close(d->instances[i]);
    free(d->instances);
    d->instances = NULL;
    d->status.scheduler = NULL;
    d->status.instances = NULL;
    d->status.n_instances = 0;
}

static enum err_code open_sources(struct daemon *d, struct err *e)
{
    const struct settings *s = &d->settings;
    size_t good = 0;

    d->instances = calloc(s->n_sources, sizeof(struct instance *));
    if (!d->instances)
        return err_set(e, ERR_LIMIT, "out of memory");
    d->status.instances = d->instances;
    for (size_t i = 0; i < s->n_sources; i++) {
        struct instance *in = instance_open(s, &s->sources[i], spine_ledger(d->spine), e);

        if (!in)
            return ERR_LIMIT;
        d->instances[d->status.n_instances++] = in;
        good += in->source != NULL;
    }
    if (good == 0) {
        *e = d->instances[0]->open_error;
        return e->code;
    }
    d->status.scheduler = scheduler_start(d->spine, d->instances, d->status.n_instances, (unsigned)s->poll_threads, e);
    return d->status.scheduler ? ERR_OK : e->code;
}

static enum err_code open_policy(const struct settings *s, struct policy *p, struct err *e)
{
    static const enum policy_identity identities[] = {
        [PRIVACY_DROP] = POLICY_DROP, [PRIVACY_KEEP] = POLICY_KEEP, [PRIVACY_PSEUDONYMIZE] = POLICY_PSEUDONYMIZE
    };

    return policy_init(p, identities[s->privacy.caller], s->privacy.caller_key, e);
}

/* Limits are part of what the fold depends on, so they are journalled when they change. On a full disk the ones that were
 * journalled last stand, which is no reason not to run. */
static void journal_limits(struct daemon *d)
{
    struct err e = { 0 };
    struct arena arena;
    struct frame *f;
    struct epoch *epoch;
    enum err_code code = ERR_LIMIT;

    arena_init(&arena, 1 << 20);
    f = frame_new(&arena, SV("trefoil"), SV("limits"));
    epoch = f ? frame_add_epoch(f) : NULL;
    if (epoch) {
        epoch->kind = EPOCH_LIMITS;
        epoch->value = arena_printf(&arena, "series=%lld,callers=%lld", (long long)d->settings.limits.series,
                                    (long long)(d->settings.privacy.caller_series ? d->settings.limits.callers : 0));
        epoch->hash = hash64(epoch->value);
        code = spine_commit(d->spine, f, &e);
    }
    if (code)
        log_error("limits", "not journalled, the former ones stay until a restart: %s",
                  epoch ? e.text : "out of memory");
    arena_done(&arena);
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

static void change_settings(struct daemon *d, struct settings *s, struct policy *p)
{
    struct settings old = d->settings;
    struct policy old_policy = d->policy;

    d->settings = *s;
    d->policy = *p;
    *s = old;
    *p = old_policy;
    spine_set_policy(d->spine, &d->policy);
    apply_settings(&d->settings);
}

/* Everything new is checked before anything old is given up; what only shows when sources are opened puts the old ones back. */
static enum err_code reload(struct daemon *d, struct err *e)
{
    struct settings other;
    struct policy other_policy;
    struct err again = { 0 };
    enum err_code code = daemon_settings(d->flags, &other, e);

    if (code)
        return code;
    code = open_policy(&other, &other_policy, e);
    if (code) {
        settings_done(&other);
        return code;
    }
    warn_unchangeable(&d->settings, &other);
    pthread_rwlock_wrlock(&d->lock);
    close_sources(d);
    change_settings(d, &other, &other_policy);
    journal_limits(d);
    code = open_sources(d, e);
    if (code) {
        close_sources(d);
        change_settings(d, &other, &other_policy);
        journal_limits(d);
        if (open_sources(d, &again))
            log_error("reload", "the old configuration cannot be gone back to: %s", again.text);
    }
    pthread_rwlock_unlock(&d->lock);
    settings_done(&other);
    policy_done(&other_policy);
    return code;
}

static void do_reload(struct daemon *d)
{
    struct err e = { 0 };
    enum err_code code = reload(d, &e);

    if (code)
        log_error("reload", "%s", e.text);
    else
        log_info("reload", "configuration taken");
    pthread_rwlock_wrlock(&d->lock);
    d->status.reload_ok = code == ERR_OK;
    d->status.reload_unix_nano = clock_now();
    pthread_rwlock_unlock(&d->lock);
}

/* ---- HTTP ---- */

static void get_page(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;

    (void)q;
    r->content_type = "text/html; charset=utf-8";
    pthread_rwlock_rdlock(&d->lock);
    status_page(&d->status, &r->body);
    pthread_rwlock_unlock(&d->lock);
}

static void get_metrics(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;

    d->prometheus->ops->scrape(d->prometheus, q, r);
}

static void get_sources(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;

    (void)q;
    r->content_type = "application/json";
    pthread_rwlock_rdlock(&d->lock);
    status_json(&d->status, &r->body);
    pthread_rwlock_unlock(&d->lock);
}

static void get_healthy(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    (void)ctx;
    (void)q;
    buf_put(&r->body, SV("trefoil is healthy\n"));
}

static void get_ready(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;

    (void)q;
    if (spine_ready(d->spine)) {
        buf_put(&r->body, SV("trefoil is ready\n"));
    } else {
        r->status = 503;
        buf_put(&r->body, SV("replaying the journal\n"));
    }
}

static void post_reload(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;
    bool allowed;

    (void)q;
    pthread_rwlock_rdlock(&d->lock);
    allowed = d->settings.web.enable_lifecycle;
    pthread_rwlock_unlock(&d->lock);
    if (!allowed) {
        r->status = 403;
        buf_put(&r->body, SV("reloading over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP\n"));
        return;
    }
    /* The main thread does it: it must not be done by one of the server's threads, which wait for each other. */
    kill(getpid(), SIGHUP);
    r->status = 202;
    buf_put(&r->body, SV("reloading; trefoil_last_reload_successful tells how it went\n"));
}

static const struct http_route routes[] = {
    { .method = "GET", .path = "/", .handle = get_page },
    { .method = "GET", .path = "/metrics", .handle = get_metrics },
    { .method = "GET", .path = "/api/v1/sources", .handle = get_sources },
    { .method = "GET", .path = "/-/healthy", .open = true, .handle = get_healthy },
    { .method = "GET", .path = "/-/ready", .open = true, .handle = get_ready },
    { .method = "POST", .path = "/-/reload", .body_limit_bytes = 1024, .handle = post_reload },
    { 0 },
};

static bool ask_ready(void *ctx)
{
    return spine_ready(((struct daemon *)ctx)->spine);
}

static void tell_shown(void *ctx, uint64_t generation)
{
    spine_shown(((struct daemon *)ctx)->spine, generation);
}

static void ask_self_metrics(void *ctx, struct buf *out)
{
    struct daemon *d = ctx;

    pthread_rwlock_rdlock(&d->lock);
    status_metrics(&d->status, out);
    pthread_rwlock_unlock(&d->lock);
}

/* ---- start, wait, end ---- */

static enum err_code open_spine(struct daemon *d, struct err *e)
{
    const struct settings *s = &d->settings;
    const struct spine_options o = { .dir = s->storage.path,
                                     .journal = { .segment_bytes = (uint64_t)s->storage.journal.segment_bytes,
                                                  .max_bytes = (uint64_t)s->storage.journal.max_bytes,
                                                  .retention_ms = s->storage.journal.retention_ms } };
    struct spine_stats stats;

    d->spine = spine_open(&o, e);
    if (!d->spine)
        return e->code;
    d->status.spine = d->spine;
    spine_stats(d->spine, &stats);
    log_info("spine", "%s: %llu frames replayed in %lld ms, %llu torn bytes cut", s->storage.path,
             (unsigned long long)stats.folded_frames, (long long)stats.replay_ms,
             (unsigned long long)stats.recovered_torn_bytes);
    spine_set_policy(d->spine, &d->policy);
    journal_limits(d);
    d->exporter_env = (struct exporter_env){ .ledger = spine_ledger(d->spine),
                                             .ready = ask_ready,
                                             .shown = tell_shown,
                                             .self_metrics = ask_self_metrics,
                                             .ctx = d };
    d->prometheus = prometheus_exporter_ops.open(NULL, &d->exporter_env, e);
    return d->prometheus ? ERR_OK : e->code;
}

static enum err_code open_server(struct daemon *d, struct err *e)
{
    const struct settings *s = &d->settings;
    struct http_server_options o = { .listen = s->web.listen_address };
    enum err_code code = s->web.config_file ? web_load(&d->web, s->web.config_file, e) : ERR_OK;

    if (code)
        return code;
    o.tls_cert_file = d->web.tls_cert_file;
    o.tls_key_file = d->web.tls_key_file;
    o.users = d->web.users;
    o.n_users = d->web.n_users;
    o.headers = d->web.headers;
    d->server = http_server_start(&o, routes, d, e);
    if (!d->server)
        return err_wrap(e, "--web.listen-address %s", s->web.listen_address);
    log_info("web", "listening on %s (port %u)", s->web.listen_address, http_server_port(d->server));
    return ERR_OK;
}

static enum err_code open_all(struct daemon *d, struct err *e)
{
    enum err_code code = open_policy(&d->settings, &d->policy, e);

    if (code == ERR_OK)
        code = open_spine(d, e);
    if (code == ERR_OK)
        code = open_server(d, e);
    if (code == ERR_OK)
        code = open_sources(d, e);
    return code;
}

static void close_all(struct daemon *d)
{
    http_server_stop(d->server);
    close_sources(d);
    if (d->prometheus)
        d->prometheus->ops->close(d->prometheus);
    spine_close(d->spine);
    web_done(&d->web);
    policy_done(&d->policy);
    settings_done(&d->settings);
    pthread_rwlock_destroy(&d->lock);
}

static void handled(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static void wait_for_the_end(struct daemon *d)
{
    sigset_t set;
    int sig = 0;

    handled(&set);
    while (sigwait(&set, &sig) == 0 && sig == SIGHUP)
        do_reload(d);
    log_info("main", "%s: stopping", sig == SIGTERM ? "SIGTERM" : "SIGINT");
    /* From here on the default action stands: a second signal ends the process at once, and what was acknowledged is durable. */
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Before any thread is started: signals are waited for, files are ours alone, no core holds a secret. */
static void prepare_process(void)
{
    const struct rlimit none = { 0, 0 };
    sigset_t set;

    handled(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    setrlimit(RLIMIT_CORE, &none);
}

enum err_code daemon_run(const struct flags *f, struct err *e)
{
    struct daemon *d = calloc(1, sizeof *d);
    struct timespec now;
    enum err_code code;

    if (!d)
        return err_set(e, ERR_LIMIT, "out of memory");
    d->flags = f;
    pthread_rwlock_init(&d->lock, NULL);
    code = daemon_settings(f, &d->settings, e);
    if (code) {
        free(d);
        return code;
    }
    prepare_process();
    apply_settings(&d->settings);
    clock_gettime(CLOCK_REALTIME, &now);
    d->status.started_unix_nano = now.tv_sec * NANO_PER_S + now.tv_nsec;
    d->status.reload_ok = true;
    d->status.reload_unix_nano = clock_now();
    code = open_all(d, e);
    if (code == ERR_OK)
        wait_for_the_end(d);
    close_all(d);
    free(d);
    return code;
}
