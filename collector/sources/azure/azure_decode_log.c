/*
 * Answers of Log Analytics: {"tables":[{"name","columns":[{"name","type"}],"rows":[[...]]}],"error"?}.
 *
 * Columns are found by name once per table; cells are strings, numbers or null in any column (azure.md 2.3). A 200 may
 * say PartialError: then rows are missing and nothing of the answer counts. Keys that did not fit AzureDiagnostics' 500
 * columns stand in the dynamic column AdditionalFields, an object or a string of one.
 */
#include <stdio.h>

#include "collector/sources/azure/azure_row.h"

enum column {
    C_INGESTED,
    C_TIME,
    C_CATEGORY,
    C_OPERATION,
    C_SIGNATURE,
    C_DURATION,
    C_CALLER_IP,
    C_CORRELATION,
    C_LOCATION,
    C_PROPERTIES,
    C_RESOURCE_ID,
    C_ADDITIONAL,
    C_KEPT,    /* goes to `extra` with its value */
    C_IGNORED, /* says what another column says, or something about the workspace */
    COLUMNS,
    C_UNKNOWN = COLUMNS,
};

enum { COLUMNS_MAX = 1024 };

/* clang-format off */
static const struct {
    const char *name; /* compared without case */
    enum column is;
} columns[] = {
    { "ingested",         C_INGESTED },
    { "TimeGenerated",    C_TIME },
    { "Category",         C_CATEGORY },
    { "OperationName",    C_OPERATION },
    { "ResultSignature",  C_SIGNATURE },
    { "DurationMs",       C_DURATION },
    { "CallerIPAddress",  C_CALLER_IP },
    { "CorrelationId",    C_CORRELATION },
    { "location_s",       C_LOCATION },
    { "properties_s",     C_PROPERTIES },
    { "_ResourceId",      C_RESOURCE_ID },
    { "ResourceId",       C_RESOURCE_ID },
    { "AdditionalFields", C_ADDITIONAL },
    { "event_s",          C_KEPT },
    { "EnqueueTime",      C_KEPT },
    { "TenantId",         C_IGNORED },
    { "SourceSystem",     C_IGNORED },
    { "Type",             C_IGNORED },
    { "SubscriptionId",   C_IGNORED },
    { "Resource",         C_IGNORED },
    { "ResourceGroup",    C_IGNORED },
    { "ResourceProvider", C_IGNORED },
    { "ResourceType",     C_IGNORED },
    { "Tenant_s",         C_IGNORED },
};
/* The same keys inside AdditionalFields, without the suffix of a column. */
static const struct {
    const char *name;
    enum column is;
} additional[] = {
    { "location",   C_LOCATION },
    { "properties", C_PROPERTIES },
    { "event",      C_KEPT },
    { "Tenant",     C_IGNORED },
};
/* clang-format on */

struct table {
    sv name;
    enum column is[COLUMNS_MAX];
    sv names[COLUMNS_MAX];
    size_t n;
};

static enum column column_of(sv name)
{
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (sv_eq_nocase(name, sv_of(columns[i].name)))
            return columns[i].is;
    return C_UNKNOWN;
}

static enum err_code read_columns(json table, struct table *t, struct err *e)
{
    struct json_iter it = json_items(json_get(table, SV("columns")));
    bool has[COLUMNS + 1] = { false };
    json column;

    t->name = json_sv(json_get(table, SV("name")));
    t->n = 0;
    while (json_item(&it, &column)) {
        if (t->n == COLUMNS_MAX)
            return err_set(e, ERR_LIMIT, "log analytics: more than %d columns", COLUMNS_MAX);
        t->names[t->n] = json_sv(json_get(column, SV("name")));
        t->is[t->n] = column_of(t->names[t->n]);
        has[t->is[t->n++]] = true;
    }
    if (!has[C_TIME] || !has[C_CATEGORY] || !has[C_RESOURCE_ID])
        return err_set(e, ERR_PARSE, "log analytics: table %.*s lacks TimeGenerated, Category or _ResourceId",
                       SV_ARG(sv_first(t->name, 60)));
    return ERR_OK;
}

static bool is_empty(json v)
{
    return json_type(v) <= JSON_NULL || (json_type(v) == JSON_STRING && json_sv(v).len == 0);
}

/* Cells of one row by meaning; the first that is not empty counts. */
static bool read_cells(const struct table *t, json row, json *cell, struct extras *x)
{
    struct json_iter it = json_items(row);
    char key[64];
    bool fits = true;
    json v;

    for (size_t i = 0; i < t->n && json_item(&it, &v) && fits; i++) {
        sv name = t->names[i];

        if (t->is[i] < C_KEPT && is_empty(cell[t->is[i]]))
            cell[t->is[i]] = v;
        else if (t->is[i] == C_KEPT) /* named as through the other doors: without a column's suffix */
            fits = extra_value(x, sv_ends(name, SV("_s")) ? sv_first(name, name.len - 2) : name, v);
        else if (t->is[i] == C_UNKNOWN)
            fits =
                extra_shape(x, sv_make(key, (size_t)snprintf(key, sizeof key, "%.*s", SV_ARG(sv_first(name, 60)))), v);
    }
    return fits;
}

static bool read_additional(json *cell, struct extras *x)
{
    struct json_iter it = json_members(cell[C_ADDITIONAL]);
    bool fits = true;
    sv key;
    json v;

    while (fits && json_member(&it, &key, &v)) {
        size_t i = 0;

        while (i < sizeof additional / sizeof *additional && !sv_eq_nocase(key, sv_of(additional[i].name)))
            i++;
        if (i == sizeof additional / sizeof *additional)
            fits = extra_shape(x, key, v);
        else if (additional[i].is == C_KEPT)
            fits = extra_value(x, key, v);
        else if (additional[i].is != C_IGNORED && is_empty(cell[additional[i].is]))
            cell[additional[i].is] = v;
    }
    return fits;
}

static void open_additional(struct azure_decoder *d, json *cell)
{
    json object;

    if (json_type(cell[C_ADDITIONAL]) == JSON_STRING && json_sv(cell[C_ADDITIONAL]).len &&
        json_parse(d->additional, json_sv(cell[C_ADDITIONAL]), &object, NULL) == ERR_OK)
        cell[C_ADDITIONAL] = object;
}

static enum err_code take_cells(struct azure_decoder *d, const struct table *t, json cells, size_t n, struct err *e)
{
    json cell[COLUMNS] = { 0 };
    struct azure_row r = { .duration_ms = NONE };
    char what[80];

    extras_init(&r.extra, &d->scratch, d->frame->arena);
    snprintf(what, sizeof what, "row %zu of %.*s", n, SV_ARG(sv_first(t->name, 40)));
    if (!read_cells(t, cells, cell, &r.extra))
        return err_set(e, ERR_LIMIT, "azure: frame is full");
    if (!is_empty(cell[C_ADDITIONAL])) {
        open_additional(d, cell);
        if (!read_additional(cell, &r.extra))
            return err_set(e, ERR_LIMIT, "azure: frame is full");
    }
    r.what = sv_of(what);
    r.resource_id = json_sv(cell[C_RESOURCE_ID]);
    r.category = json_sv(cell[C_CATEGORY]);
    r.operation = json_sv(cell[C_OPERATION]);
    r.signature = azure_text(d, cell[C_SIGNATURE]);
    r.caller_ip = json_sv(cell[C_CALLER_IP]);
    r.correlation = json_sv(cell[C_CORRELATION]);
    r.location = json_sv(cell[C_LOCATION]);
    r.properties = cell[C_PROPERTIES];
    (void)json_time(cell[C_TIME], &r.time_unix_nano);
    (void)json_time(cell[C_INGESTED], &r.arrival_unix_nano);
    (void)json_i64(cell[C_DURATION], &r.duration_ms);
    return azure_row_take(d, &r, e);
}

static enum err_code take_table(struct azure_decoder *d, json table, struct table *t, size_t *n_rows, struct err *e)
{
    struct json_iter it = json_items(json_get(table, SV("rows")));
    enum err_code code = read_columns(table, t, e);
    json row;

    while (!code && json_item(&it, &row))
        code = take_cells(d, t, row, ++*n_rows, e);
    return code;
}

/* What an error object says, whatever of it is there. */
static enum err_code error_in_answer(json error, struct err *e)
{
    sv code = json_sv(json_get(error, SV("code"))), message = json_sv(json_get(error, SV("message")));
    struct json_iter it = json_items(json_get(error, SV("details")));
    json detail;

    if (json_item(&it, &detail)) {
        sv inner = json_sv(json_path(detail, "innererror/message"));

        message = inner.len ? inner : json_sv(json_get(detail, SV("message")));
    }
    return err_set(e, sv_eq(code, SV("PartialError")) ? ERR_PARTIAL : ERR_REFUSED, "log analytics: %.*s: %.*s",
                   SV_ARG(sv_first(code, 40)), SV_ARG(sv_first(message, 200)));
}

enum err_code azure_decode_log(struct azure_decoder *d, sv body, const struct azure_log_context *c, struct frame *out,
                               size_t *n_rows, struct err *e)
{
    struct json_iter it;
    size_t rows = 0;
    json root, error, table;
    enum err_code code;
    struct table *t;

    azure_decoder_begin(d, c, out);
    body = sv_trim(body);
    if (n_rows)
        *n_rows = 0;
    if (body.len == 0)
        return ERR_OK;
    if (json_parse(d->outer, body, &root, e))
        return err_wrap(e, "log analytics");
    error = json_get(root, SV("error"));
    if (json_type(error) == JSON_OBJECT)
        return error_in_answer(error, e);
    it = json_items(json_get(root, SV("tables")));
    if (!json_item(&it, &table))
        return err_set(e, ERR_PARSE, "log analytics: no table in the answer");
    t = ARENA_NEW(out->arena, struct table);
    if (!t)
        return err_set(e, ERR_LIMIT, "azure: frame is full");
    code = take_table(d, table, t, &rows, e);
    if (!code && n_rows)
        *n_rows = rows;
    return code;
}
