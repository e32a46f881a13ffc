/*
 * Inside of the daemon: what its life (daemon.c) and its pages (daemon_http.c) share. Nobody else includes this.
 */
#ifndef CORE_DAEMON_STATE_H
#define CORE_DAEMON_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "collector/config/web.h"
#include "collector/core/daemon.h"
#include "collector/core/policy.h"
#include "collector/core/status.h"
#include "collector/net/http_server.h"
#include "exporters/exporter.h"

/* What a reload replaces as a whole. */
struct generation {
    struct settings settings;
    struct policy policy;
    struct instance **instances;
    size_t n_instances;
    struct scheduler *scheduler;
};

struct daemon {
    /* Set before the web server starts. */
    const struct flags *flags;
    int64_t started_unix_nano; /* real time */
    struct spine *spine;
    struct web_config web;
    bool enable_lifecycle;
    char listen_address[256];

    struct http_server *server;
    struct exporter_env exporter_env;
    struct exporter *prometheus;
    _Atomic bool serving; /* the ledger is whole and the exporter there: pages may look at both */

    pthread_rwlock_t lock;      /* guards what follows; written only for as long as it takes to assign */
    struct generation *current; /* NULL until the sources are opened */
    bool reload_ok;
    int64_t reload_unix_nano; /* when a configuration was taken last */

    pthread_t signals;
    bool signals_started;
    pthread_mutex_t events; /* guards what follows */
    pthread_cond_t event;
    bool reload_wanted, over, starved;
    int stop_signal; /* 0: go on */
};

/* Any thread; the main thread does it soon. */
void daemon_want_reload(struct daemon *d);

/* Starts the web server, which answers from here on, also while the journal is replayed. */
MUST_USE enum err_code daemon_serve(struct daemon *d, struct err *e);

/* For the exporter: the program's own families. */
void daemon_self_metrics(void *ctx, struct buf *out);

#endif
