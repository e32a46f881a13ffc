/*
 * RequestResponse, AzureOpenAIRequestUsage and Audit rows to records (azure.md 1.4).
 *
 * Quirks that bite here: `properties` is an object or a string holding one, even within one file. requestTime counts
 * 100 ns from year 1 on envelope rows and from 1970 on model rows. Token counts are arrays of length 1 in usage rows
 * and scalars in RequestResponse. A usage row's status fields are unreliable. Durations may be negative.
 *
 * The row's key covers all that the row says in a form that every door yields alike: leaves of `properties` are summed,
 * so that order does not matter, and numbers count by value.
 */
#include <math.h>
#include <stdio.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/model/canonical.h"
#include "collector/model/key.h"
#include "collector/sources/azure/azure_row.h"

enum property {
    P_API_NAME,
    P_CACHED_TOKENS,
    P_CALLER_OBJECT_ID,
    P_COMPLETION_TOKENS,
    P_FIRST_TOKEN_MS,
    P_GENERATED_TOKENS,
    P_LAST_TOKEN_MS,
    P_DEPLOYMENT,
    P_MODEL,
    P_MODEL_VERSION,
    P_OBJECT_ID,
    P_PROMPT_TOKENS,
    P_REQUEST_LENGTH,
    P_REQUEST_TIME,
    P_RESPONSE_LENGTH,
    P_RESPONSE_TIME,
    P_STREAM,
    PROPERTIES,
};

/* clang-format off */
static const struct {
    const char *name;
    bool keep; /* known to hold no text of anybody: goes to `extra` with its value */
} properties[PROPERTIES] = {
    [P_API_NAME]          = { "apiName",             true  },
    [P_CACHED_TOKENS]     = { "cachedTokens",        false },
    [P_CALLER_OBJECT_ID]  = { "callerObjectId",      false },
    [P_COMPLETION_TOKENS] = { "completionTokens",    false },
    [P_FIRST_TOKEN_MS]    = { "timeToFirstTokenMs",  false },
    [P_GENERATED_TOKENS]  = { "generatedTokens",     false },
    [P_LAST_TOKEN_MS]     = { "timeToLastTokenMs",   true  },
    [P_DEPLOYMENT]        = { "modelDeploymentName", false },
    [P_MODEL]             = { "modelName",           false },
    [P_MODEL_VERSION]     = { "modelVersion",        false },
    [P_OBJECT_ID]         = { "objectId",            false },
    [P_PROMPT_TOKENS]     = { "promptTokens",        false },
    [P_REQUEST_LENGTH]    = { "requestLength",       false },
    [P_REQUEST_TIME]      = { "requestTime",         false },
    [P_RESPONSE_LENGTH]   = { "responseLength",      false },
    [P_RESPONSE_TIME]     = { "responseTime",        false }, /* says again what durationMs says */
    [P_STREAM]            = { "streamType",          false },
};
/* clang-format on */

struct row_values {
    json at[PROPERTIES];
    uint64_t leaves; /* sum of the hashes of all leaves */
};

/* ---- Row hash ---- */

static uint64_t row_hash(const struct azure_row *r, const struct row_values *v)
{
    uint64_t h = hash_part(0, r->operation);

    h = hash_part(h, r->signature);
    h = hash_part(h, r->caller_ip);
    h = hash_u64(h, (uint64_t)r->time_unix_nano);
    h = hash_u64(h, (uint64_t)r->duration_ms);
    return hash_u64(h, v->leaves);
}

/* ---- Properties ---- */

static int property_of(sv key)
{
    for (int i = 0; i < PROPERTIES; i++)
        if (sv_eq(key, sv_of(properties[i].name)))
            return i;
    return -1;
}

static bool take_properties(json object, struct extras *x, struct row_values *out)
{
    struct json_iter it = json_members(object);
    char path[256];
    sv key;
    json v;

    while (json_member(&it, &key, &v)) {
        int p = property_of(key);
        int len = snprintf(path, sizeof path, "properties/%.*s", (int)(key.len < 200 ? key.len : 200), key.at);
        bool fits = true;

        out->leaves += json_hash(hash_part(0, key), v);
        if (p >= 0)
            out->at[p] = v;
        if (p < 0)
            fits = extra_shape(x, sv_make(path, (size_t)len), v);
        else if (properties[p].keep)
            fits = extra_value(x, sv_make(path, (size_t)len), v);
        if (!fits)
            return false;
    }
    return true;
}

/* Object as it came, or parsed from the string that it came in. */
static enum err_code open_properties(struct azure_decoder *d, json came, json *object, struct err *e)
{
    sv text = sv_trim(json_sv(came));

    *object = came;
    if (json_type(came) != JSON_STRING)
        return ERR_OK;
    if (text.len == 0) {
        *object = (json){ 0 };
        return ERR_OK;
    }
    return json_parse(d->inner, text, object, e);
}

/* ---- Figures ---- */

static int64_t tokens(json v)
{
    struct json_iter it = json_items(v);
    int64_t sum = 0, n;
    json item;

    if (json_type(v) != JSON_ARRAY)
        return json_i64(v, &n) && n >= 0 ? n : NONE;
    if (json_count(v) == 0)
        return NONE;
    while (json_item(&it, &item))
        if (!json_i64(item, &n) || n < 0 || __builtin_add_overflow(sum, n, &sum))
            return NONE;
    return sum;
}

static int64_t bytes(json v)
{
    int64_t n;

    return json_i64(v, &n) && n >= 0 ? n : NONE;
}

static int64_t nano_of_ms(json v)
{
    double ms;

    return json_f64(v, &ms) && ms >= 0 && ms < 1e12 ? llround(ms * 1e6) : NONE;
}

/* 100 ns ticks of one of two clocks; believed when within two days of the row's own time. */
static int64_t call_time(json ticks, int64_t row_time)
{
    const int64_t net_epoch = INT64_C(621355968000000000), plausible = 48 * NANO_PER_H;
    int64_t v, at;

    if (!json_i64(ticks, &v) || v <= 0)
        return row_time;
    if (v > INT64_C(100000000000000000))
        v -= net_epoch;
    if (__builtin_mul_overflow(v, INT64_C(100), &at) || at < row_time - plausible || at > row_time + plausible)
        return row_time;
    return at;
}

/* A name longer than any in use is none. */
static sv text(const struct row_values *v, enum property p)
{
    sv s = json_sv(v->at[p]);

    return s.len <= AZURE_ID_MAX ? s : SV_NONE;
}

/* ---- Records ---- */

static enum err_code full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "azure: frame is full");
}

static bool name_call(struct azure_decoder *d, struct batch *b, const struct azure_row *r, const struct row_values *v,
                      sv log, struct call *c)
{
    sv id = batch_sv(b, b->origin.resource_id);

    c->key = key_call(log, id, r->correlation, row_hash(r, v));
    c->call_key = r->correlation.len ? key_of_call(id, r->correlation) : 0;
    c->log = batch_sym(b, log);
    c->time_unix_nano = call_time(v->at[P_REQUEST_TIME], r->time_unix_nano);
    c->arrival_unix_nano = r->arrival_unix_nano;
    c->request_id = arena_copy(d->frame->arena, r->correlation);
    c->deployment = batch_sym(b, text(v, P_DEPLOYMENT));
    return c->request_id.at != NULL;
}

static bool describe_call(struct azure_decoder *d, struct batch *b, const struct azure_row *r,
                          const struct row_values *v, struct call *c)
{
    sv operation, model = model_canonical(&d->scratch, text(v, P_MODEL));

    if (azure_operation(r->operation, &operation, &d->scratch))
        c->operation = batch_sym(b, operation);
    c->operation_raw = batch_sym(b, r->operation);
    c->api_type = batch_sym(b, azure_api_type(r->operation));
    c->model_served = batch_sym(b, text(v, P_MODEL));
    c->model = batch_sym(b, model);
    c->model_version = batch_sym(b, text(v, P_MODEL_VERSION));
    c->stream = batch_sym(b, text(v, P_STREAM));
    c->caller_principal =
        batch_sym(b, text(v, P_CALLER_OBJECT_ID).len ? text(v, P_CALLER_OBJECT_ID) : text(v, P_OBJECT_ID));
    c->caller_ip = batch_sym(b, r->caller_ip);
    c->input_tokens = tokens(v->at[P_PROMPT_TOKENS]);
    return operation.at && model.at && extras_keep(b, &r->extra, &c->extra, &c->n_extra);
}

static void take_status(const struct azure_row *r, struct call *c)
{
    int64_t status;

    if (sv_to_i64(sv_trim(r->signature), &status) && status >= 100 && status <= 599) {
        c->http_status = status;
        c->outcome = outcome_of_status(status);
    }
}

static bool is_wanted(const struct azure_decoder *d, const struct batch *b, const struct row_values *v)
{
    const struct azure_log_context *c = d->context;

    return !c->wanted || text(v, P_DEPLOYMENT).len == 0 ||
           c->wanted(c->ctx, batch_sv(b, b->origin.resource_id), text(v, P_DEPLOYMENT), text(v, P_MODEL));
}

static enum err_code take_request(struct azure_decoder *d, struct batch *b, struct azure_row *r,
                                  const struct row_values *v, struct err *e)
{
    bool wanted = is_wanted(d, b, v);
    struct call *c;

    if (!wanted && r->correlation.len == 0) {
        d->frame->tally.rejected[REASON_PUBLISHER]++;
        return ERR_OK;
    }
    c = batch_add_call(b);
    if (!c || !name_call(d, b, r, v, SV("RequestResponse"), c))
        return full(e);
    if (!wanted)
        return ERR_OK; /* a stub that ends the wait of the call's envelope row */
    if (!describe_call(d, b, r, v, c))
        return full(e);
    take_status(r, c);
    if (r->duration_ms >= 0 && r->duration_ms < INT64_MAX / NANO_PER_MS)
        c->duration_nano = r->duration_ms * NANO_PER_MS;
    c->output_tokens = tokens(v->at[P_COMPLETION_TOKENS]);
    c->request_bytes = bytes(v->at[P_REQUEST_LENGTH]);
    c->response_bytes = bytes(v->at[P_RESPONSE_LENGTH]);
    return ERR_OK;
}

static enum err_code take_usage(struct azure_decoder *d, struct batch *b, struct azure_row *r,
                                const struct row_values *v, struct err *e)
{
    struct call *c;

    if (!is_wanted(d, b, v)) {
        d->frame->tally.rejected[REASON_PUBLISHER]++;
        return ERR_OK;
    }
    c = batch_add_call(b);
    if (!c || !name_call(d, b, r, v, SV("AzureOpenAIRequestUsage"), c) || !describe_call(d, b, r, v, c))
        return full(e);
    c->output_tokens = tokens(v->at[P_GENERATED_TOKENS]);
    c->cache_read_tokens = tokens(v->at[P_CACHED_TOKENS]);
    c->time_to_first_token_nano = nano_of_ms(v->at[P_FIRST_TOKEN_MS]);
    return ERR_OK;
}

static enum err_code take_audit(struct azure_decoder *d, struct batch *b, struct azure_row *r,
                                const struct row_values *v, struct err *e)
{
    sv id = batch_sv(b, b->origin.resource_id), action = arena_lower(&d->scratch, r->operation);
    sv when = arena_printf(&d->scratch, "%lld", (long long)r->time_unix_nano);
    sv object = text(v, P_OBJECT_ID);
    struct audit *a = batch_add_audit(b);

    if (!a || !action.at || !when.at)
        return full(e);
    a->key = key_parts((sv[]){ SV("Audit"), id, action, object, when }, 5);
    a->time_unix_nano = r->time_unix_nano;
    a->action = batch_sym(b, action);
    a->outcome = batch_sym(b, SV("unknown")); /* the category tells no status */
    a->actor = batch_sym(b, object);
    a->actor_ip = batch_sym(b, r->caller_ip);
    a->target = b->origin.resource_id;
    a->category = batch_sym(b, SV("Audit"));
    return extras_keep(b, &r->extra, &a->extra, &a->n_extra) ? ERR_OK : full(e);
}

/* clang-format off */
static const struct {
    const char *name; /* compared without case */
    enum err_code (*take)(struct azure_decoder *, struct batch *, struct azure_row *, const struct row_values *, struct err *);
} categories[] = {
    { "RequestResponse",         take_request },
    { "AzureOpenAIRequestUsage", take_usage },
    { "Audit",                   take_audit },
};
/* clang-format on */

static enum err_code take_row(struct azure_decoder *d, struct azure_row *r, sv resource_id, struct err *e)
{
    struct row_values v = { 0 };
    json object;
    bool unwanted;
    struct batch *b;
    size_t i = 0;

    while (i < sizeof categories / sizeof *categories && !sv_eq_nocase(r->category, sv_of(categories[i].name)))
        i++;
    if (i == sizeof categories / sizeof *categories) {
        d->frame->tally.rejected[REASON_POLICY]++; /* Trace, ManagedNetworkEvent, another service's log */
        return ERR_OK;
    }
    if (open_properties(d, r->properties, &object, NULL))
        return azure_quarantine(d, r->what, r->bytes, e);
    b = azure_row_batch(d, resource_id, r->location, &unwanted);
    if (unwanted) {
        d->frame->tally.rejected[REASON_POLICY]++;
        return ERR_OK;
    }
    if (!b || !take_properties(object, &r->extra, &v))
        return full(e);
    return categories[i].take(d, b, r, &v, e);
}

/* Whether the row has what makes it one, and nothing in it is longer than any name in use. */
static bool is_row(const struct azure_row *r)
{
    const sv names[] = { r->resource_id, r->category,    r->operation, r->signature,
                         r->caller_ip,   r->correlation, r->location };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].len > AZURE_ID_MAX)
            return false;
    return r->time_unix_nano > 0 && r->resource_id.len > 0 && r->category.len > 0;
}

enum err_code azure_row_take(struct azure_decoder *d, struct azure_row *r, struct err *e)
{
    char lower[AZURE_ID_MAX];
    sv id = azure_lower(azure_account_id(r->resource_id), lower, sizeof lower);
    enum err_code code = ERR_OK;

    d->frame->tally.received++;
    if (!is_row(r))
        code = azure_quarantine(d, r->what, r->bytes, e);
    else if (id.len == 0)
        d->frame->tally.rejected[REASON_POLICY]++; /* another service's row */
    else
        code = take_row(d, r, id, e);
    arena_reset(&d->scratch);
    return code;
}
