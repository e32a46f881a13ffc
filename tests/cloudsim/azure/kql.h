/*
 * The part of KQL that a collector of logs needs, strictly: whatever is not understood is an error in Azure's form,
 * never silently wrong rows.
 *
 *   TABLE | where EXPR | extend N = EXPR, .. | project C, N = EXPR, .. | project-away C, .. | order by EXPR [asc|desc],
 * .. | take N | top N by EXPR | count | distinct C, .. | summarize [N =] count()|sum(E)|min(E)|max(E), .. by
 * ..
 *
 * A query is compiled against the columns of a table: every expression is over the table's own columns (what extend and
 * project name is put in place), so that a row needs no storage. After summarize, count and distinct the rows are
 * values.
 *
 * Ownership:     a query and its values live in the arena that it was compiled in; strings of a row's values live until
 *                the next row.
 * Thread-safety: one query, one thread.
 */
#ifndef CLOUDSIM_KQL_H
#define CLOUDSIM_KQL_H

#include "collector/base/arena.h"
#include "collector/base/err.h"

enum kql_type {
    KQL_STRING,
    KQL_LONG,
    KQL_REAL,
    KQL_BOOL,
    KQL_DATETIME,
    KQL_TIMESPAN,
    KQL_DYNAMIC,
    KQL_GUID,
    KQL_TYPES
};
extern const char *const kql_type_names[KQL_TYPES];

struct kql_value {
    enum kql_type type;
    bool null;
    bool raw;  /* a string that holds JSON which is to be written as JSON */
    sv s;      /* string, dynamic, guid */
    int64_t i; /* long, bool, datetime (unix ns), timespan (ns) */
    double d;  /* real */
};

struct kql_column {
    const char *name;
    enum kql_type type;
};

/* Where values of the table's columns come from. */
struct kql_row {
    /* Value of column `c` of the row that stands before us. */
    struct kql_value (*value)(struct kql_row *r, unsigned c);
    int64_t ingested; /* ingestion_time() */
    int64_t now;
    struct arena *scratch; /* emptied between rows */
};

struct kql_expr;

struct kql_out {
    sv name;
    enum kql_type type;
    struct kql_expr *e;
};

enum kql_op { KQL_WHERE, KQL_SORT, KQL_TAKE, KQL_SUMMARIZE };
enum kql_aggregate { KQL_BY, KQL_COUNT, KQL_SUM, KQL_MIN, KQL_MAX };

enum { KQL_STEPS_MAX = 32, KQL_COLUMNS_MAX = 128, KQL_KEYS_MAX = 8 };

struct kql_step {
    enum kql_op op;
    struct kql_expr *where;
    struct {
        struct kql_expr *e;
        bool descending;
    } keys[KQL_KEYS_MAX];
    unsigned n_keys;
    uint64_t take;
    /* summarize: what each output column is; its columns are the table of the steps behind it */
    struct {
        enum kql_aggregate how;
        struct kql_expr *e;
    } sums[KQL_KEYS_MAX];
    unsigned n_sums;
};

struct kql_query {
    sv table;
    struct kql_step steps[KQL_STEPS_MAX];
    unsigned n_steps;
    struct kql_out columns[KQL_COLUMNS_MAX];
    unsigned n_columns;
};

struct kql_error {
    const char *code; /* SyntaxError, SemanticError */
    char text[300];
};

/* False with *e when the text is not understood. `columns` ends with a NULL name. */
bool kql_compile(sv text, const char *table, const struct kql_column *columns, struct arena *a, int64_t now,
                 struct kql_query *out, struct kql_error *e);

struct kql_value kql_eval(const struct kql_expr *e, struct kql_row *r);
bool kql_true(const struct kql_expr *e, struct kql_row *r);
int kql_compare(const struct kql_value *a, const struct kql_value *b);
enum kql_type kql_expr_type(const struct kql_expr *e);

/* What must hold of ingestion_time() and of the column `time_column` for a row to pass the where steps before anything
 * else: bounds in unix ns, both inclusive. Only narrows; rows inside still have to be tested. */
void kql_bounds(const struct kql_query *q, unsigned time_column, int64_t *ingested_from, int64_t *ingested_to,
                int64_t *time_from, int64_t *time_to);

#endif
