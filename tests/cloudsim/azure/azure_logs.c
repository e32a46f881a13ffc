/*
 * The Log Analytics query API (azure.md 2.3): compile the query, find the rows that arrived in its span, run the steps
 * over them, write the table. Its traps: without Content-Type: application/json a 200 with an empty body; a 200 may
 * carry a PartialError when the answer is too large; an order that is not asked for is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/azure/azure.h"
#include "tests/cloudsim/azure/kql_expr.h"
#include "tests/cloudsim/azure/log_rows.h"

enum { ROWS_MAX = 500000, BODY_MAX = 64 << 20, ARENA_BYTES = 1 << 30, GROUPS_MAX = 10000 };

/* Rows are places of the table until a summarize makes values of them. */
struct engine {
    struct exchange *x;
    struct kql_query q;
    struct log_cursor log; /* over places */
    struct place_list places;
    struct kql_row values; /* over rows */
    struct kql_value **rows, *row;
    size_t n_rows;
    bool summarized, partial, failed;
};

static size_t count(const struct engine *g)
{
    return g->summarized ? g->n_rows : g->places.n;
}

static struct kql_value value_of(struct kql_row *r, unsigned column)
{
    const struct engine *g = (const struct engine *)((const char *)r - offsetof(struct engine, values));

    return g->row[column];
}

static struct kql_row *go(struct engine *g, size_t i)
{
    if (!g->summarized) {
        log_cursor_go(&g->log, &g->places.at[i]);
        return &g->log.row;
    }
    g->row = g->rows[i];
    return &g->values;
}

static void truncate_to(struct engine *g, size_t n)
{
    *(g->summarized ? &g->n_rows : &g->places.n) = n;
}

static void keep(struct engine *g, size_t to, size_t from)
{
    if (g->summarized)
        g->rows[to] = g->rows[from];
    else
        g->places.at[to] = g->places.at[from];
}

static void run_where(struct engine *g, const struct kql_step *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < count(g); i++)
        if (kql_true(s->where, go(g, i)))
            keep(g, kept++, i);
    truncate_to(g, kept);
}

/* ---- order by ---- */

struct sorting {
    const struct kql_step *step;
    struct kql_value *keys; /* n_keys of each row */
};

static int by_keys(const void *a, const void *b, void *ctx)
{
    const struct sorting *s = ctx;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    for (unsigned k = 0; k < s->step->n_keys; k++) {
        int c = kql_compare(&s->keys[x * s->step->n_keys + k], &s->keys[y * s->step->n_keys + k]);

        if (c)
            return s->step->keys[k].descending ? -c : c;
    }
    return x < y ? -1 : x > y;
}

static int by_arrival(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->arrives != y->arrives)
        return x->arrives < y->arrives ? -1 : 1;
    if (x->minute != y->minute)
        return x->minute < y->minute ? -1 : 1;
    return x->of != y->of ? (x->of < y->of ? -1 : 1) : x->k < y->k ? -1 : x->k > y->k;
}

static struct kql_value kept_value(struct engine *g, struct kql_value v)
{
    if (v.s.len)
        v.s = arena_copy(&g->x->arena, v.s);
    g->failed = g->failed || (v.s.len && !v.s.at);
    return v;
}

static void reorder(struct engine *g, const size_t *order, size_t n)
{
    size_t size = g->summarized ? sizeof *g->rows : sizeof *g->places.at;
    char *old = g->summarized ? (char *)g->rows : (char *)g->places.at, *copy = malloc(n * size + 1);

    if (!copy) {
        g->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        memcpy(copy + i * size, old + order[i] * size, size);
    memcpy(old, copy, n * size);
    free(copy);
}

static void run_sort(struct engine *g, const struct kql_step *s)
{
    size_t n = count(g), *order;
    struct sorting sorting = { .step = s };

    if (!g->summarized && s->n_keys == 1 && s->keys[0].e->node == N_INGESTED && !s->keys[0].descending) {
        if (n)
            qsort(g->places.at, n, sizeof *g->places.at, by_arrival);
        return;
    }
    order = malloc((n + 1) * sizeof *order);
    sorting.keys = malloc((n * s->n_keys + 1) * sizeof *sorting.keys);
    for (size_t i = 0; order && sorting.keys && i < n; i++) {
        struct kql_row *r = go(g, i);

        order[i] = i;
        for (unsigned k = 0; k < s->n_keys; k++)
            sorting.keys[i * s->n_keys + k] = kept_value(g, kql_eval(s->keys[k].e, r));
    }
    if (order && sorting.keys) {
        qsort_r(order, n, sizeof *order, by_keys, &sorting);
        reorder(g, order, n);
    } else {
        g->failed = true;
    }
    free(order);
    free(sorting.keys);
}

/* ---- summarize ---- */

static void fold(const struct kql_step *s, struct kql_value *into, struct kql_row *r)
{
    for (unsigned i = 0; i < s->n_sums; i++) {
        struct kql_value v = { .null = true };

        if (s->sums[i].how == KQL_COUNT)
            into[i].i++;
        if (s->sums[i].how == KQL_BY || s->sums[i].how == KQL_COUNT)
            continue;
        v = kql_eval(s->sums[i].e, r);
        if (v.null)
            continue;
        if (!into[i].null && s->sums[i].how == KQL_SUM)
            into[i].i += v.i, into[i].d += v.d;
        else if (into[i].null || (kql_compare(&v, &into[i]) < 0) == (s->sums[i].how == KQL_MIN))
            into[i] = v;
    }
}

static struct kql_value *find_group(struct engine *g, const struct kql_step *s, struct kql_value ***groups, size_t *n,
                                    const struct kql_value *by)
{
    struct kql_value *row;

    for (size_t i = 0; i < *n; i++) {
        bool same = true;

        for (unsigned k = 0; k < s->n_sums && same; k++)
            same = s->sums[k].how != KQL_BY || kql_compare(&(*groups)[i][k], &by[k]) == 0;
        if (same)
            return (*groups)[i];
    }
    row = ARENA_ARRAY(&g->x->arena, struct kql_value, s->n_sums + 1);
    if (!row || *n == GROUPS_MAX) {
        g->partial = true;
        return NULL;
    }
    for (unsigned k = 0; k < s->n_sums; k++) {
        row[k] = s->sums[k].how == KQL_BY ? kept_value(g, by[k]) : (struct kql_value){ .type = KQL_LONG, .null = true };
        if (s->sums[k].how == KQL_COUNT)
            row[k].null = false;
    }
    (*groups)[(*n)++] = row;
    return row;
}

static void run_summarize(struct engine *g, const struct kql_step *s)
{
    struct kql_value **groups = ARENA_ARRAY(&g->x->arena, struct kql_value *, GROUPS_MAX), by[KQL_KEYS_MAX];
    bool any_by = false;
    size_t n = 0;

    if (!groups) {
        g->failed = true;
        return;
    }
    for (unsigned k = 0; k < s->n_sums; k++)
        any_by = any_by || s->sums[k].how == KQL_BY;
    if (!any_by)
        find_group(g, s, &groups, &n, by);
    for (size_t i = 0; i < count(g); i++) {
        struct kql_row *r = go(g, i);
        struct kql_value *row;

        for (unsigned k = 0; k < s->n_sums; k++)
            if (s->sums[k].how == KQL_BY)
                by[k] = kql_eval(s->sums[k].e, r);
        row = find_group(g, s, &groups, &n, by);
        if (row)
            fold(s, row, r);
    }
    g->rows = groups;
    g->n_rows = n;
    g->summarized = true;
}

static void run_steps(struct engine *g)
{
    for (unsigned i = 0; i < g->q.n_steps && !g->failed; i++) {
        const struct kql_step *s = &g->q.steps[i];

        if (s->op == KQL_WHERE)
            run_where(g, s);
        else if (s->op == KQL_SORT)
            run_sort(g, s);
        else if (s->op == KQL_SUMMARIZE)
            run_summarize(g, s);
        else if (count(g) > s->take)
            truncate_to(g, (size_t)s->take);
    }
}

/* ---- answer ---- */

static void put_span(struct buf *b, int64_t ns)
{
    int64_t t = ns / 100, s = t / 10000000;

    buf_printf(b, "\"%02d:%02d:%02d.%07d\"", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60), (int)(t % 10000000));
}

/* `odd` rows have their numbers as strings, as one official example has. */
static void put_cell(struct buf *b, const struct kql_value *v, enum kql_type type, bool odd)
{
    if (v->null) {
        buf_put(b, SV("null"));
        return;
    }
    switch (type) {
    case KQL_LONG:
        if (odd)
            buf_putc(b, '"');
        buf_i64(b, v->i);
        if (odd)
            buf_putc(b, '"');
        break;
    case KQL_REAL:
        buf_f64(b, v->d);
        break;
    case KQL_BOOL:
        buf_put(b, v->i ? SV("true") : SV("false"));
        break;
    case KQL_DATETIME:
        buf_putc(b, '"');
        put_ticks_time(b, v->i);
        buf_putc(b, '"');
        break;
    case KQL_TIMESPAN:
        put_span(b, v->i);
        break;
    case KQL_STRING:
    case KQL_DYNAMIC:
    case KQL_GUID:
    case KQL_TYPES:
        if (v->raw)
            buf_put(b, v->s);
        else
            buf_json(b, v->s);
        break;
    }
}

static void put_row(struct engine *g, struct buf *b, size_t i)
{
    bool odd = i % 32 == 31 && !g->summarized && !g->x->sim->options.switches[SW_PROPERTIES];
    struct kql_row *r = go(g, i);

    buf_put(b, i ? SV(",[") : SV("["));
    for (unsigned c = 0; c < g->q.n_columns; c++) {
        struct kql_value v = kql_eval(g->q.columns[c].e, r);

        if (c)
            buf_putc(b, ',');
        put_cell(b, &v, g->q.columns[c].type, odd);
    }
    buf_putc(b, ']');
}

static void put_table(struct engine *g)
{
    struct buf *b = reply_json(g->x, 200);
    size_t n = count(g);

    if (g->x->fault && !strcmp(g->x->fault, "partial")) {
        n /= 2;
        g->partial = true;
    }
    if (n > ROWS_MAX) {
        n = ROWS_MAX;
        g->partial = true;
    }
    b->limit_bytes = BODY_MAX + (1 << 20);
    buf_put(b, SV("{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":["));
    for (unsigned c = 0; c < g->q.n_columns; c++) {
        buf_put(b, c ? SV(",{") : SV("{"));
        put_member(b, "name", g->q.columns[c].name);
        buf_putc(b, ',');
        put_member(b, "type", sv_of(kql_type_names[g->q.columns[c].type]));
        buf_putc(b, '}');
    }
    buf_put(b, SV("],\"rows\":["));
    for (size_t i = 0; i < n && !g->failed; i++) {
        if (b->len > BODY_MAX) {
            g->partial = true;
            break;
        }
        put_row(g, b, i);
    }
    buf_put(b, SV("]}]"));
    if (g->partial)
        buf_printf(
            b,
            ",\"error\":{\"code\":\"PartialError\",\"message\":\"There were some errors when processing your query.\","
            "\"details\":[{\"code\":\"EngineError\",\"message\":\"Something went wrong processing your query on the "
            "server.\",\"innererror\":{\"code\":\"-2133196797\",\"message\":\"The results of this query exceed the set "
            "limit of %d records, so not all records were returned (E_QUERY_RESULT_SET_TOO_LARGE).\"}}]}",
            ROWS_MAX);
    buf_putc(b, '}');
}

static void refuse(struct exchange *x, int status, const char *code, const char *message, const char *inner,
                   const char *text)
{
    struct buf *b = reply_json(x, status);

    buf_put(b, SV("{\"error\":{"));
    put_member(b, "message", sv_of(message));
    buf_putc(b, ',');
    put_member(b, "code", sv_of(code));
    if (inner) {
        buf_put(b, SV(",\"innererror\":{"));
        put_member(b, "code", sv_of(inner));
        buf_putc(b, ',');
        put_member(b, "message", sv_of(text));
        buf_putc(b, '}');
    }
    buf_put(b, SV("}}"));
}

/* ISO 8601 duration of days, hours, minutes, seconds. */
static bool duration(sv s, int64_t *ns)
{
    static const struct {
        char unit;
        bool after_t;
        int64_t ns;
    } units[] = { { 'D', false, 24 * NANO_PER_H },
                  { 'H', true, NANO_PER_H },
                  { 'M', true, NANO_PER_MIN },
                  { 'S', true, NANO_PER_S } };
    bool after_t = false;

    if (!sv_starts(s, SV("P")) || s.len < 3)
        return false;
    s = sv_skip(s, 1);
    *ns = 0;
    while (s.len) {
        size_t n = 0, u = 0;
        int64_t v;

        if (s.at[0] == 'T') {
            after_t = true;
            s = sv_skip(s, 1);
            continue;
        }
        while (n < s.len && s.at[n] >= '0' && s.at[n] <= '9')
            n++;
        while (u < 4 && (n == s.len || units[u].unit != s.at[n] || units[u].after_t != after_t))
            u++;
        if (u == 4 || !sv_to_i64(sv_first(s, n), &v) || v > 100000)
            return false;
        *ns += v * units[u].ns;
        s = sv_skip(s, n + 1);
    }
    return true;
}

/* "PT15M" (until now) or "start/end"; absent: no bound. */
static bool timespan(struct exchange *x, json v, int64_t *from, int64_t *to)
{
    sv rest = json_sv(v), first;
    int64_t ns;

    *from = INT64_MIN;
    *to = INT64_MAX;
    if (json_type(v) <= JSON_NULL)
        return true;
    if (duration(rest, &ns)) {
        *to = x->now;
        *from = x->now - ns;
        return true;
    }
    first = sv_cut(&rest, '/');
    if (sv_to_time(first, from) && duration(rest, &ns)) {
        *to = *from + ns;
        return true;
    }
    return sv_to_time(first, from) && sv_to_time(rest, to);
}

/* The timespan of the request is one more condition on TimeGenerated. */
static void narrow_to_timespan(struct engine *g, int64_t from, int64_t to)
{
    size_t kept = 0;

    if (from == INT64_MIN && to == INT64_MAX)
        return;
    for (size_t i = 0; i < g->places.n; i++) {
        struct kql_row *r = go(g, i);
        int64_t at = r->value(r, LOG_TIME_COLUMN).i;

        if (at >= from && at <= to)
            keep(g, kept++, i);
    }
    g->places.n = kept;
}

static void run(struct engine *g, unsigned workspace, int64_t span_from, int64_t span_to)
{
    int64_t from = INT64_MIN, to = INT64_MAX, time_from = span_from, time_to = span_to, latest = LATEST_S * NANO_PER_S;

    kql_bounds(&g->q, LOG_TIME_COLUMN, &from, &to, &time_from, &time_to);
    from = from < time_from ? time_from : from; /* nothing arrives before it happened */
    if (time_to < INT64_MAX - latest && to > time_to + latest)
        to = time_to + latest;
    log_cursor_init(&g->log, g->x->sim, workspace, g->x->now);
    g->values = (struct kql_row){ .value = value_of, .now = g->x->now, .scratch = &g->log.scratch };
    if (from <= to && !log_rows_find(g->x->sim, workspace, from, to, g->x->now, &g->places))
        g->failed = true;
    g->partial = g->places.full;
    narrow_to_timespan(g, span_from, span_to);
    run_steps(g);
    put_table(g);
    if (g->failed)
        reply_error(g->x, 500, "InternalError", "The query ran out of memory.");
    log_cursor_done(&g->log);
    log_rows_free(&g->places);
}

void azure_logs(struct exchange *x)
{
    const struct world *w = &azure_of(x->sim)->world;
    struct engine *g = ARENA_NEW(&x->arena, struct engine);
    int64_t from, to;
    struct kql_error e;
    unsigned i = 0;
    json root;

    if (!sv_starts_nocase(http_server_header(x->q, "Content-Type"), SV("application/json"))) {
        reply_json(x, 200); /* and nothing else */
        return;
    }
    x->arena.limit_bytes = ARENA_BYTES;
    while (i < WORLD_WORKSPACES && !sv_eq_nocase(w->workspaces[i], x->captures[0]))
        i++;
    if (i == WORLD_WORKSPACES)
        refuse(x, 404, "WorkspaceNotFoundError", "The workspace could not be found", NULL, NULL);
    else if (!g || !exchange_json(x, &root) || json_type(json_get(root, SV("query"))) != JSON_STRING)
        refuse(x, 400, "BadArgumentError", "The request had some invalid properties", "QueryMissing",
               "query is required");
    else if (json_count(json_get(root, SV("workspaces"))) > 0)
        refuse(x, 400, "BadArgumentError", "The request had some invalid properties", "NotSupported", "workspaces");
    else if (!timespan(x, json_get(root, SV("timespan")), &from, &to))
        refuse(x, 400, "BadArgumentError", "The request had some invalid properties", "InvalidTimespan", "timespan");
    else if (!kql_compile(json_sv(json_get(root, SV("query"))), "AzureDiagnostics", log_table(x->sim), &x->arena,
                          x->now, &g->q, &e))
        refuse(x, 400, "BadArgumentError", "The request had some invalid properties", e.code, e.text);
    else {
        g->x = x;
        run(g, i, from, to);
    }
}
