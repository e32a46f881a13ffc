/*
 * Diagnostic logs as Event Hubs messages and storage blobs carry them (azure.md 1.5): {"records":[..]}, several such
 * objects one after the other, one record per line, a bare record or a bare array.
 *
 * The bytes are cut into documents first, by matching brackets outside of strings, so that one that is no JSON spoils
 * only itself: some services send single quotes, and an append blob ends in the middle of a line while it is being
 * written. When brackets never match, or what they enclose does not parse, the next line that begins with a bracket is
 * where reading goes on. A message of records that does not parse as a whole is gone through record by record.
 */
#include <stdio.h>

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

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == 0x1e || c == 0;
}

/* Length of the document that begins at s.at[0], a bracket; 0 when it does not end in `s`. */
static size_t document_end(sv s)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* Where the next line begins with a bracket, from 1 on; s.len when none does. */
static size_t next_start(sv s)
{
    for (size_t i = 1; i < s.len; i++)
        if (s.at[i - 1] == '\n' && (s.at[i] == '{' || s.at[i] == '['))
            return i;
    return s.len;
}

/* ---- Records ---- */

static int field_of(sv key)
{
    for (int i = 0; i < FIELDS; i++)
        if (sv_eq_nocase(key, sv_of(fields[i])))
            return i;
    return -1;
}

static bool take_member(struct azure_decoder *d, struct azure_extras *x, sv key, json v)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (sv_eq(key, sv_of(members[i].name)))
            return !members[i].keep || azure_extra_value(d, x, key, v);
    return azure_extra_shape(d, x, key, v);
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

    while (json_member(&it, &key, &v)) {
        int i = field_of(key);

        if (i >= 0)
            f[i] = v;
        else if (!take_member(d, &r.extra, key, v))
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

static enum err_code take_record(struct azure_decoder *d, json record, size_t n, sv bytes, struct err *e)
{
    char what[40];
    sv where = sv_make(what, (size_t)snprintf(what, sizeof what, "record %zu", n));

    if (json_type(record) != JSON_OBJECT) {
        d->frame->tally.received++;
        return azure_quarantine(d, where, bytes, e);
    }
    if (is_platform_metric(record)) {
        d->frame->tally.received++;
        d->frame->tally.rejected[REASON_POLICY]++;
        return ERR_OK;
    }
    if (azure_is_exported_activity(record))
        return azure_exported_activity_take(d, record, where, bytes, e);
    return take_log_record(d, record, where, bytes, e);
}

/* ---- Documents ---- */

struct reading {
    struct azure_decoder *d;
    size_t n;      /* records so far */
    size_t budget; /* bytes that searching in vain for closing brackets may still look at: keeps hostile input linear */
};

enum { VAIN_SEARCHES = 16 };

/* As document_end, first within the line, which is enough for JSON lines and bounds what a bad one can cost. */
static size_t find_document(struct reading *r, sv s)
{
    size_t n = document_end(sv_first(s, sv_find(s, '\n')));

    if (n || s.len > r->budget)
        return n;
    n = document_end(s);
    r->budget -= n ? 0 : s.len;
    return n;
}

static enum err_code take_parsed(struct reading *r, json root, sv bytes, struct err *e)
{
    json records = json_get(root, SV("records")), item;
    enum err_code code = ERR_OK;
    struct json_iter it;

    if (json_type(root) == JSON_ARRAY)
        records = root;
    if (json_type(records) != JSON_ARRAY)
        return take_record(r->d, root, ++r->n, bytes, e);
    for (it = json_items(records); !code && json_item(&it, &item);)
        code = take_record(r->d, item, ++r->n, SV_NONE, e);
    return code;
}

static enum err_code set_aside(struct reading *r, sv bytes, struct err *e)
{
    char what[40];

    r->d->frame->tally.received++;
    return azure_quarantine(r->d, sv_make(what, (size_t)snprintf(what, sizeof what, "record %zu", ++r->n)), bytes, e);
}

static sv after_blanks(sv s)
{
    while (s.len && is_blank(*s.at))
        s = sv_skip(s, 1);
    return s;
}

/* What stands inside of {"records":[ ... or of a bare array; empty when the document is neither. */
static sv inside_records(sv document)
{
    sv s = document;

    if (*s.at == '[')
        return sv_skip(s, 1);
    s = after_blanks(sv_skip(s, 1));
    if (!sv_starts(s, SV("\"records\"")))
        return SV_NONE;
    s = sv_trim(sv_skip(s, 9));
    s = sv_starts(s, SV(":")) ? sv_trim(sv_skip(s, 1)) : SV_NONE;
    return sv_starts(s, SV("[")) ? sv_skip(s, 1) : SV_NONE;
}

/* The records of a message that does not parse as a whole, each alone; what is left when none begins is set aside. */
static enum err_code take_singly(struct reading *r, sv records, struct err *e)
{
    enum err_code code = ERR_OK;
    sv s = after_blanks(records);

    for (; !code && s.len && *s.at == '{'; s = after_blanks(s)) {
        size_t n = document_end(s);
        sv one = n ? sv_first(s, n) : s;
        json root;

        if (n && json_parse(r->d->outer, one, &root, NULL) == ERR_OK)
            code = take_record(r->d, root, ++r->n, one, e);
        else
            code = set_aside(r, one, e);
        s = sv_skip(s, one.len);
    }
    if (!code && s.len && *s.at != ']')
        code = set_aside(r, sv_trim(s), e);
    return code;
}

/* What is no document, from the front of *s: up to its end or to where the next one may begin. */
static enum err_code take_bad(struct reading *r, sv *s, size_t end, struct err *e)
{
    sv bad = end ? sv_first(*s, end) : *s, records;
    size_t n = next_start(bad);

    bad = sv_first(bad, n);
    records = *bad.at == '{' || *bad.at == '[' ? inside_records(bad) : SV_NONE;
    *s = sv_skip(*s, n);
    return records.len ? take_singly(r, records, e) : set_aside(r, sv_trim(bad), e);
}

/* One document from the front of *s. False: an incomplete last one, left to the next read. */
static bool take_next(struct reading *r, sv *s, bool more_comes, enum err_code *code, struct err *e)
{
    bool opens = *s->at == '{' || *s->at == '[';
    size_t n = opens ? find_document(r, *s) : 0;
    sv document = sv_first(*s, n);
    json root;

    if (opens && n == 0 && more_comes && next_start(*s) == s->len)
        return false;
    if (n == 0 || json_parse(r->d->outer, document, &root, NULL)) {
        *code = take_bad(r, s, n, e);
    } else {
        *code = take_parsed(r, root, document, e);
        *s = sv_skip(*s, n);
    }
    return true;
}

enum err_code azure_decode_records(struct azure_decoder *d, sv bytes, const struct azure_log_context *c,
                                   struct frame *out, size_t *used, struct err *e)
{
    struct reading r = { .d = d,
                         .budget = bytes.len < SIZE_MAX / VAIN_SEARCHES ? bytes.len * VAIN_SEARCHES : bytes.len };
    enum err_code code = ERR_OK;
    const sv mark = SV("\xef\xbb\xbf");
    sv s = bytes;

    azure_decoder_begin(d, c, out);
    if (sv_starts(s, mark))
        s = sv_skip(s, mark.len);
    else if (used && sv_starts(mark, s)) /* a blob that has only begun */
        s = SV_NONE;
    for (s = after_blanks(s); !code && s.len; s = after_blanks(s))
        if (!take_next(&r, &s, used != NULL, &code, e))
            break;
    if (!code && used)
        *used = bytes.len < mark.len && sv_starts(mark, bytes) ? 0 : bytes.len - s.len;
    return code;
}
