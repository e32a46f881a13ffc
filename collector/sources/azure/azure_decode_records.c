/*
 * Diagnostic logs as Event Hubs messages and storage blobs carry them (azure.md 1.5): {"records":[..]}, several such
 * objects one after the other, one record per line, a bare record or a bare array. Some services send single quotes, and
 * an append blob ends in the middle of a line while it is being written.
 */
#include <stdio.h>

#include "collector/base/json_documents.h"
#include "collector/sources/azure/azure_row.h"

/* clang-format off */
static const struct { const char *name; bool keep; } members[] = { /* what is not read into struct azure_row */
    { "EnqueueTime", true  },
    { "event",       true  },
    { "level",       true  },
    { "resultType",  true  },
    { "Tenant",      false }, /* the region again */
};
/* clang-format on */

enum field {
    F_TIME,
    F_RESOURCE_ID,
    F_OPERATION,
    F_CATEGORY,
    F_SIGNATURE,
    F_DURATION,
    F_CALLER_IP,
    F_CORRELATION,
    F_LOCATION,
    F_PROPERTIES,
    FIELDS
};
static const char *const fields[FIELDS] = {
    [F_TIME] = "time",
    [F_RESOURCE_ID] = "resourceId",
    [F_OPERATION] = "operationName",
    [F_CATEGORY] = "category",
    [F_SIGNATURE] = "resultSignature",
    [F_DURATION] = "durationMs",
    [F_CALLER_IP] = "callerIpAddress",
    [F_CORRELATION] = "correlationId",
    [F_LOCATION] = "location",
    [F_PROPERTIES] = "properties",
};

/* ---- Records ---- */

static int field_of(sv key)
{
    for (int i = 0; i < FIELDS; i++)
        if (sv_eq_nocase(key, sv_of(fields[i])))
            return i;
    return -1;
}

static bool take_member(struct extras *x, sv key, json v)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (sv_eq(key, sv_of(members[i].name)))
            return !members[i].keep || extra_value(x, key, v);
    return extra_shape(x, key, v);
}

/* Platform metrics by the same way are sums over all dimensions of what is read exactly elsewhere. */
static bool is_platform_metric(json record)
{
    return json_sv(json_get(record, SV("metricName"))).len > 0 && json_sv(json_get(record, SV("timeGrain"))).len > 0;
}

static enum err_code take_log_record(struct azure_decoder *d, json record, sv what, sv bytes, struct err *e)
{
    struct json_iter it = json_members(record);
    struct azure_row r = { .what = what, .bytes = bytes, .duration_ms = NONE };
    json f[FIELDS] = { 0 }, v;
    sv key;

    extras_init(&r.extra, &d->scratch, d->frame->arena);
    while (json_member(&it, &key, &v)) {
        int i = field_of(key);

        if (i >= 0)
            f[i] = v;
        else if (!take_member(&r.extra, key, v))
            return err_set(e, ERR_LIMIT, "azure: frame is full");
    }
    r.resource_id = json_sv(f[F_RESOURCE_ID]);
    r.operation = json_sv(f[F_OPERATION]);
    r.category = json_sv(f[F_CATEGORY]);
    r.signature = azure_text(d, f[F_SIGNATURE]);
    r.caller_ip = json_sv(f[F_CALLER_IP]);
    r.correlation = json_sv(f[F_CORRELATION]);
    r.location = json_sv(f[F_LOCATION]);
    r.properties = f[F_PROPERTIES];
    (void)json_time(f[F_TIME], &r.time_unix_nano);
    (void)json_i64(f[F_DURATION], &r.duration_ms);
    return azure_row_take(d, &r, e);
}

/* ---- Documents ---- */

static enum err_code set_aside(void *ctx, size_t n, sv bytes, struct err *e)
{
    struct azure_decoder *d = ctx;
    char what[40];

    d->frame->tally.received++;
    return azure_quarantine(d, sv_make(what, (size_t)snprintf(what, sizeof what, "record %zu", n)), bytes, e);
}

static enum err_code take_record(void *ctx, json record, size_t n, sv bytes, struct err *e)
{
    struct azure_decoder *d = ctx;
    char what[40];
    sv where = sv_make(what, (size_t)snprintf(what, sizeof what, "record %zu", n));

    if (json_type(record) != JSON_OBJECT)
        return set_aside(d, n, bytes, e);
    if (is_platform_metric(record)) {
        d->frame->tally.received++;
        d->frame->tally.rejected[REASON_POLICY]++;
        return ERR_OK;
    }
    if (azure_is_exported_activity(record))
        return azure_exported_activity_take(d, record, where, bytes, e);
    return take_log_record(d, record, where, bytes, e);
}

enum err_code azure_decode_records(struct azure_decoder *d, sv bytes, const struct azure_log_context *c,
                                   struct frame *out, size_t *used, struct err *e)
{
    const struct json_documents documents = {
        .parser = d->outer, .list = "records", .ctx = d, .record = take_record, .bad = set_aside
    };

    azure_decoder_begin(d, c, out);
    return json_documents_read(&documents, bytes, used, e);
}
