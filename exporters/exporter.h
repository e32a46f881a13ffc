/*
 * An exporter: one way out. A plugin is a folder, a struct whose first member is `struct exporter`, and one const table of
 * functions at the end of its file.
 *
 * Push exporters get batches read from the journal at their own cursor, which moves when write() returns ERR_OK; pull exporters
 * (Prometheus) answer HTTP routes from the ledger. An exporter never includes a source.
 *
 * Thread-safety: open and close from one thread; write and flush from the exporter's runner; routes from the server's threads.
 */
#ifndef EXPORTERS_EXPORTER_H
#define EXPORTERS_EXPORTER_H

#include "collector/config/config.h"
#include "collector/ledger/ledger.h"
#include "collector/net/http_server.h"

struct exporter;

/* What exporters may ask of the program around them; functions are called from any thread. */
struct exporter_env {
    struct ledger *ledger;
    bool (*ready)(void *ctx);                         /* false while the journal is being replayed */
    void (*shown)(void *ctx, uint64_t generation);    /* everything up to this ledger generation has been shown */
    void (*self_metrics)(void *ctx, struct buf *out); /* the program's own families, text format 0.0.4 */
    void *ctx;
};

struct exporter_ops {
    const char *name;
    const struct option *options; /* may be NULL */

    struct exporter *(*open)(const void *cfg, const struct exporter_env *env, struct err *e);

    /* May be NULL. Takes what it wants of `in`, which is the caller's again on return. ERR_LIMIT: full, offer it again later. */
    enum err_code (*write)(struct exporter *self, const struct frame *in, struct err *e);
    enum err_code (*flush)(struct exporter *self, struct err *e);

    /* For pull exporters; may be NULL. */
    void (*scrape)(struct exporter *self, const struct http_server_request *q, struct http_server_response *r);

    void (*close)(struct exporter *self); /* accepts NULL */
};

struct exporter {
    const struct exporter_ops *ops;
    const struct exporter_env *env;
};

#endif
