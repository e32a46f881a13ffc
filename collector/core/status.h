/*
 * How the program is doing: its own metrics, the JSON at /api/v1/sources, the page at /.
 *
 * Thread-safety: all functions, any thread; they look at copies.
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include "collector/core/scheduler.h"

struct status {
    struct spine *spine;
    struct scheduler *scheduler; /* NULL until the sources are opened */
    struct instance *const *instances;
    size_t n_instances;
    int64_t started_unix_nano; /* real time */
    bool reload_ok;
    int64_t reload_unix_nano;
};

/* How long ago something was complete. Never negative: what is complete has happened, whatever our clock was set to since. */
static inline int64_t status_lag(int64_t now, int64_t complete_until)
{
    return now > complete_until ? now - complete_until : 0;
}

void status_metrics(const struct status *s, struct buf *out);
void status_json(const struct status *s, struct buf *out);

/* While the journal is replayed nobody may look at the ledger: these say how far it is, and that all else is unknown yet. */
void status_json_replaying(const struct status *s, struct buf *out);
void status_page_replaying(const struct status *s, struct buf *out);

/* Plain and self-contained: each source's state, lag, complete-until; requests, tokens and errors by cloud and model. */
void status_page(const struct status *s, struct buf *out);

#endif
