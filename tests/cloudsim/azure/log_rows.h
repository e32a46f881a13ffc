/*
 * Rows of a workspace's AzureDiagnostics table: which arrived in a span, and what their columns hold.
 *
 * Ownership:     places are plain values; a cursor's strings live until its next row.
 * Thread-safety: all functions, any thread; one cursor, one thread.
 */
#ifndef CLOUDSIM_LOG_ROWS_H
#define CLOUDSIM_LOG_ROWS_H

#include "tests/cloudsim/azure/azure.h"
#include "tests/cloudsim/azure/kql.h"

enum place_kind {
    PLACE_ENVELOPE = ROW_ENVELOPE,
    PLACE_ENVELOPE_AGAIN = ROW_ENVELOPE_AGAIN,
    PLACE_MODEL = ROW_MODEL,
    PLACE_USAGE = ROW_USAGE,
    PLACE_NOISE,
    PLACE_AUDIT,
    PLACE_FOREIGN,
};

/* A row by where it is made from. */
struct place {
    int64_t arrives, minute;
    uint32_t k;
    uint16_t of; /* deployment, account (noise, audit) or workspace (foreign) */
    uint8_t kind;
};

struct place_list {
    struct place *at; /* from malloc */
    size_t n, cap;
    bool full; /* PLACES_MAX reached: the rest is missing */
};
enum { PLACES_MAX = 4000000 };

/* Rows of the workspace that arrived in [from, to] and are queryable at `now`, in no order. False: out of memory. */
bool log_rows_find(struct sim *s, unsigned workspace, int64_t from, int64_t to, int64_t now, struct place_list *out);
void log_rows_free(struct place_list *l);

enum { LOG_TIME_COLUMN = 1 }; /* TimeGenerated */
/* The table's columns as the switches have them; ends with a NULL name. */
const struct kql_column *log_table(const struct sim *s);

struct log_cursor {
    struct kql_row row; /* first */
    struct sim *sim;
    struct place at;
    unsigned workspace;
    const struct account *account;
    const struct deployment *deployment;
    struct call call;
    struct noise_row noise;
    struct audit_row audit;
    bool has_call; /* `call` is of (deployment, minute, k) */
    struct buf properties;
    bool has_properties;
    struct arena scratch;
};
void log_cursor_init(struct log_cursor *c, struct sim *s, unsigned workspace, int64_t now);
void log_cursor_go(struct log_cursor *c, const struct place *p);
void log_cursor_done(struct log_cursor *c);

#endif
