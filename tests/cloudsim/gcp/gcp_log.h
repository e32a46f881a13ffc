/*
 * The two audit logs of a project: entries of calls and of administration, found minute by minute from the workload;
 * nothing is stored. An entry has the time that its writer gave it, the time of receipt, and one from when on it can be
 * read.
 *
 * Ownership:     entries are plain values; lists are from malloc.
 * Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_GCP_LOG_H
#define CLOUDSIM_GCP_LOG_H

#include "tests/cloudsim/gcp/gcp_calls.h"

enum gcp_entry_kind {
    GCP_ENTRY_FIRST, /* a stream begins */
    GCP_ENTRY_CALL,  /* a call with its status */
    GCP_ENTRY_NOISE, /* a read that is no prediction */
    GCP_ENTRY_BEGUN, /* an operation of an administrator begins */
    GCP_ENTRY_DONE,  /* what he did, with its status */
};
/* The first three are in cloudaudit.googleapis.com/data_access, the others in .../activity. */
enum { GCP_DATA_ACCESS = 1, GCP_ACTIVITY = 2 };

struct gcp_entry {
    struct gcp_times t;
    enum gcp_entry_kind kind;
    unsigned project, deployment; /* deployment: of the first two kinds */
    int64_t minute;
    uint32_t k;         /* number of the call, or of the event, in its minute */
    uint64_t insert_id; /* as text: 16 hexadecimal digits */
};
struct gcp_entry_list {
    struct gcp_entry *at;
    size_t n, cap;
    bool failed; /* memory is out, or GCP_ENTRIES_MAX */
};
enum { GCP_ENTRIES_MAX = 2000000 };

/* What to look for: bounds are inclusive. */
struct gcp_entry_span {
    int64_t from, to;                   /* of the timestamp */
    int64_t received_from, received_to; /* of the receipt */
    int64_t now;
};
/* Appends the entries of a project's logs (bits) that can be read at `now`, whoever reads. Then gcp_entries_sort. */
void gcp_entries_find(struct sim *s, const struct gcp_project *p, unsigned logs, const struct gcp_entry_span *span,
                      struct gcp_entry_list *out);
/* By timestamp, then by insert id; one of those that were found through two names. */
void gcp_entries_sort(struct gcp_entry_list *l);
void gcp_entries_free(struct gcp_entry_list *l);

/* The JSON text of an entry; false when memory is out. */
bool gcp_entry_write(struct sim *s, const struct gcp_entry *e, struct buf *out);

#endif
