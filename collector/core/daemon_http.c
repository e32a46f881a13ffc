/*
 * What the web server answers. Until the ledger is whole there is no number and no page that could hold a part of one: 503 on
 * /metrics and /-/ready, and the others say how far the replay is. Handlers hold the lock only to read; nothing that can take long
 * is done by anybody who writes it.
 */
#include <inttypes.h>

#include "collector/base/log.h"
#include "collector/core/daemon_state.h"

/* The read lock is held. */
static struct status status_of(const struct daemon *d)
{
    const struct generation *g = d->current;

    return (struct status){ .spine = d->spine,
                            .scheduler = g ? g->scheduler : NULL,
                            .instances = g ? g->instances : NULL,
                            .n_instances = g ? g->n_instances : 0,
                            .started_unix_nano = d->started_unix_nano,
                            .reload_ok = d->reload_ok,
                            .reload_unix_nano = d->reload_unix_nano };
}

static void put_status(struct daemon *d, void (*put)(const struct status *s, struct buf *out), struct buf *out)
{
    struct status s;

    pthread_rwlock_rdlock(&d->lock);
    s = status_of(d);
    put(&s, out);
    pthread_rwlock_unlock(&d->lock);
}

void daemon_self_metrics(void *ctx, struct buf *out)
{
    put_status(ctx, status_metrics, out);
}

/* False, and 503 with the reason, until the numbers are whole. */
static bool is_serving(struct daemon *d, struct http_server_response *r)
{
    struct spine_progress p;

    if (d->serving)
        return true;
    p = spine_progress(d->spine);
    r->status = 503;
    (void)http_server_set_header(r, SV("Retry-After"), SV("5"));
    buf_printf(&r->body,
               "replaying %" PRIu64 " of %" PRIu64 " frames of the journal; until then numbers would be too low\n",
               p.done, p.of);
    return false;
}

static void get_page(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;

    (void)q;
    r->content_type = "text/html; charset=utf-8";
    put_status(d, d->serving ? status_page : status_page_replaying, &r->body);
}

static void get_metrics(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;

    if (is_serving(d, r))
        d->prometheus->ops->scrape(d->prometheus, q, r);
}

static void get_sources(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;

    (void)q;
    r->content_type = "application/json";
    put_status(d, d->serving ? status_json : status_json_replaying, &r->body);
}

/* A poll that does not end holds its thread until a restart, which whoever asks for our health is to do. */
static void get_healthy(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;
    bool stuck;

    (void)q;
    pthread_rwlock_rdlock(&d->lock);
    stuck = d->current && scheduler_tell_stuck(d->current->scheduler, &r->body);
    pthread_rwlock_unlock(&d->lock);
    if (stuck)
        r->status = 503;
    else
        buf_put(&r->body, SV("trefoil is healthy\n"));
}

static void get_ready(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    (void)q;
    if (is_serving(ctx, r))
        buf_put(&r->body, SV("trefoil is ready\n"));
}

static void post_reload(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct daemon *d = ctx;
    bool allowed;

    (void)q;
    pthread_rwlock_rdlock(&d->lock);
    allowed = d->current ? d->current->settings.web.enable_lifecycle : d->enable_lifecycle;
    pthread_rwlock_unlock(&d->lock);
    if (!allowed) {
        r->status = 403;
        buf_put(&r->body, SV("reloading over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP\n"));
        return;
    }
    daemon_want_reload(d);
    r->status = 202;
    buf_put(&r->body, SV("reloading; trefoil_config_last_reload_successful tells how it went\n"));
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

enum err_code daemon_serve(struct daemon *d, struct err *e)
{
    const struct http_server_options o = { .listen = d->listen_address,
                                           .tls_cert_file = d->web.tls_cert_file,
                                           .tls_key_file = d->web.tls_key_file,
                                           .users = d->web.users,
                                           .n_users = d->web.n_users,
                                           .headers = d->web.headers };

    d->server = http_server_start(&o, routes, d, e);
    if (!d->server)
        return err_wrap(e, "--web.listen-address %s", d->listen_address);
    log_info("web", "listening on %s (port %u)", d->listen_address, http_server_port(d->server));
    return ERR_OK;
}
