/*
 * Most rows of a call arrive within minutes; only those that do not stand in their minute's late list. So a query over
 * what arrived in a span makes the calls of the few minutes before it anew, and of older ones (up to 4.5 h) reads the
 * list.
 *
 * Quirks of azure.md 1.4 that are played: envelope rows count ticks from the year 1, model rows from 1970; token fields
 * are arrays, sometimes of digit strings, sometimes scalars; properties are a string or an object; EnqueueTime has no
 * zone; ids are in lower case in _ResourceId and in upper case elsewhere; durations may be negative or missing; rows
 * may come twice.
 */
#include "tests/cloudsim/azure/log_rows.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/rng.h"

enum { QUERYABLE_AFTER_S = 20 };

/* ---- finding ---- */

struct finder {
    struct sim *sim;
    int64_t from, to, now;
    struct place_list *out;
    bool failed;
};

/* A row can be asked for up to 20 s after its ingestion time: who reads up to the present loses rows. */
static bool queryable(const struct finder *f, int64_t arrives, uint64_t name)
{
    return arrives >= f->from && arrives <= f->to &&
           arrives + (int64_t)(rng_mix(name) % QUERYABLE_AFTER_S) * NANO_PER_S <= f->now;
}

static void add(struct finder *f, struct place p)
{
    struct place_list *l = f->out;
    struct place *more;

    if (!queryable(f, p.arrives, rng_name((uint64_t)p.minute, ((uint64_t)p.of << 40) + ((uint64_t)p.kind << 32) + p.k)))
        return;
    if (l->n == PLACES_MAX) {
        l->full = true;
        return;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4096;

        more = realloc(l->at, cap * sizeof *more);
        if (!more) {
            f->failed = true;
            return;
        }
        l->at = more;
        l->cap = cap;
    }
    l->at[l->n++] = p;
}

static bool goes_there(const struct account *a, unsigned kind)
{
    return kind == PLACE_USAGE ? (a->logged & LOG_USAGE) != 0 : (a->logged & LOG_REQUESTS) != 0;
}

static void find_prompt(struct finder *f, const struct account *a, unsigned deployment, int64_t minute)
{
    uint32_t n = workload_calls(azure_of(f->sim)->workload, deployment, minute);
    int64_t prompt = minute * NANO_PER_MIN + PROMPT_S * NANO_PER_S;

    for (uint32_t k = 0; k < n; k++) {
        struct place p = { .minute = minute, .k = k, .of = (uint16_t)deployment };
        struct call c;

        workload_call(azure_of(f->sim)->workload, deployment, minute, k, &c);
        for (unsigned kind = 0; kind < ROW_KINDS; kind++) {
            p.kind = (uint8_t)kind;
            p.arrives = c.arrives[kind];
            if (p.arrives && p.arrives <= prompt && goes_there(a, kind))
                add(f, p);
        }
        p.kind = c.again_kind;
        p.arrives = c.again_at;
        if (p.arrives && p.arrives <= prompt && goes_there(a, p.kind))
            add(f, p);
    }
}

static void find_late(struct finder *f, const struct account *a, unsigned deployment, int64_t minute)
{
    const struct minute *m = workload_minute(azure_of(f->sim)->workload, deployment, minute);

    if (!m) {
        f->failed = true;
        return;
    }
    for (size_t i = 0; i < m->n_late; i++) {
        const struct late_row *l = &m->late[i];

        if (goes_there(a, l->kind))
            add(f,
                (struct place){
                    .arrives = l->arrives, .minute = minute, .k = l->k, .of = (uint16_t)deployment, .kind = l->kind });
    }
    workload_unref(m);
}

static void find_others(struct finder *f, const struct account *a, int64_t minute)
{
    const struct world *w = &azure_of(f->sim)->world;
    uint32_t n = noise_count(w, azure_of(f->sim)->workload, a->index, minute);
    struct place p = { .minute = minute, .of = (uint16_t)a->index, .kind = PLACE_NOISE };
    struct audit_row audit;

    for (p.k = 0; p.k < n; p.k++) {
        struct noise_row row;

        noise_of(w, a->index, minute, p.k, &row);
        p.arrives = row.arrives;
        add(f, p);
    }
    p.kind = PLACE_AUDIT;
    p.k = 0;
    if (!audit_of(w, azure_of(f->sim)->workload, a->index, minute, &audit))
        return;
    p.arrives = audit.arrives;
    add(f, p);
    p.arrives = audit.again_at;
    if (p.arrives)
        add(f, p);
}

static void find_foreign(struct finder *f, unsigned workspace, int64_t minute)
{
    struct noise_row row;

    if (foreign_of(&azure_of(f->sim)->world, azure_of(f->sim)->workload, workspace, minute, &row))
        add(f, (struct place){
                   .arrives = row.arrives, .minute = minute, .of = (uint16_t)workspace, .kind = PLACE_FOREIGN });
}

/* `first` is 11 minutes before what was asked for. */
static void find_of_account(struct finder *f, const struct account *a, int64_t oldest, int64_t first, int64_t last)
{
    for (unsigned i = 0; i < a->n_deployments; i++) {
        for (int64_t m = oldest; m <= last && !f->failed; m++)
            find_late(f, a, a->first_deployment + i, m);
        for (int64_t m = first + 4; m <= last && !f->failed; m++)
            find_prompt(f, a, a->first_deployment + i, m);
    }
    for (int64_t m = first; m <= last && !f->failed; m++)
        find_others(f, a, m);
}

bool log_rows_find(struct sim *s, unsigned workspace, int64_t from, int64_t to, int64_t now, struct place_list *out)
{
    struct finder f = { .sim = s, .from = from, .to = to < now ? to : now, .now = now, .out = out };
    int64_t start = workload_first(azure_of(s)->workload), end = workload_last(azure_of(s)->workload) - 1;
    int64_t first = (from < 0 ? 0 : from) / NANO_PER_MIN - 15, oldest = first - LATEST_S / 60,
            last = f.to / NANO_PER_MIN;

    first = first < start - 4 ? start - 4 : first; /* below the start there is nothing */
    oldest = oldest < start ? start : oldest;
    last = last > end ? end : last;
    for (unsigned i = 0; i < azure_of(s)->world.n_accounts; i++)
        if (azure_of(s)->world.accounts[i].workspace == (int)workspace)
            find_of_account(&f, &azure_of(s)->world.accounts[i], oldest, first, last);
    for (int64_t m = first; m <= last; m++)
        find_foreign(&f, workspace, m);
    return !f.failed;
}

void log_rows_free(struct place_list *l)
{
    free(l->at);
    *l = (struct place_list){ .at = NULL };
}

/* ---- columns ---- */

enum column {
    C_TENANT_ID,
    C_TIME,
    C_RESOURCE_ID_UPPER,
    C_CATEGORY,
    C_GROUP,
    C_SUBSCRIPTION,
    C_PROVIDER,
    C_RESOURCE,
    C_RESOURCE_TYPE,
    C_OPERATION,
    C_RESULT_TYPE,
    C_SIGNATURE,
    C_DURATION,
    C_CALLER_IP,
    C_CORRELATION,
    C_LEVEL,
    C_SOURCE,
    C_ADDITIONAL,
    C_EVENT,
    C_PROPERTIES,
    C_TYPE,
    C_RESOURCE_ID,
    C_LOCATION,
    C_TENANT,
    C_ENQUEUE,
};

/* clang-format off */
#define COMMON                                            \
    [C_TENANT_ID]         = { "TenantId",         KQL_STRING },   \
    [C_TIME]              = { "TimeGenerated",    KQL_DATETIME }, \
    [C_RESOURCE_ID_UPPER] = { "ResourceId",       KQL_STRING },   \
    [C_CATEGORY]          = { "Category",         KQL_STRING },   \
    [C_GROUP]             = { "ResourceGroup",    KQL_STRING },   \
    [C_SUBSCRIPTION]      = { "SubscriptionId",   KQL_STRING },   \
    [C_PROVIDER]          = { "ResourceProvider", KQL_STRING },   \
    [C_RESOURCE]          = { "Resource",         KQL_STRING },   \
    [C_RESOURCE_TYPE]     = { "ResourceType",     KQL_STRING },   \
    [C_OPERATION]         = { "OperationName",    KQL_STRING },   \
    [C_RESULT_TYPE]       = { "ResultType",       KQL_STRING },   \
    [C_SIGNATURE]         = { "ResultSignature",  KQL_STRING },   \
    [C_DURATION]          = { "DurationMs",       KQL_LONG },     \
    [C_CALLER_IP]         = { "CallerIPAddress",  KQL_STRING },   \
    [C_CORRELATION]       = { "CorrelationId",    KQL_STRING },   \
    [C_LEVEL]             = { "Level",            KQL_STRING },   \
    [C_SOURCE]            = { "SourceSystem",     KQL_STRING },   \
    [C_ADDITIONAL]        = { "AdditionalFields", KQL_DYNAMIC },  \
    [C_EVENT]             = { "event_s",          KQL_STRING },   \
    [C_PROPERTIES]        = { "properties_s",     KQL_STRING },   \
    [C_TYPE]              = { "Type",             KQL_STRING },   \
    [C_RESOURCE_ID]       = { "_ResourceId",      KQL_STRING },

static const struct kql_column columns[] = {
    COMMON
    [C_LOCATION]          = { "location_s",       KQL_STRING },
    [C_TENANT]            = { "Tenant_s",         KQL_STRING },
    [C_ENQUEUE]           = { "EnqueueTime_s",    KQL_STRING },
    { NULL, KQL_STRING },
};
/* With the switch these three do not exist, and what they would hold stands in AdditionalFields. */
static const struct kql_column fewer_columns[] = { COMMON { NULL, KQL_STRING } };
/* clang-format on */

const struct kql_column *log_table(const struct sim *s)
{
    return s->options.switches[SW_LOCATION] ? fewer_columns : columns;
}

static struct kql_value text(sv s)
{
    return (struct kql_value){ .type = KQL_STRING, .s = s };
}

static struct kql_value words(const char *s)
{
    return text(sv_of(s));
}

static bool is_call(const struct log_cursor *c)
{
    return c->at.kind <= PLACE_USAGE;
}

static bool is_envelope(const struct log_cursor *c)
{
    return c->at.kind == PLACE_ENVELOPE || c->at.kind == PLACE_ENVELOPE_AGAIN;
}

static int64_t time_of(const struct log_cursor *c)
{
    if (is_envelope(c))
        return c->call.at + 15 * NANO_PER_MS + (c->at.kind == PLACE_ENVELOPE_AGAIN) * NANO_PER_MS;
    if (c->at.kind == PLACE_USAGE)
        return c->call.at + c->call.duration_ms * NANO_PER_MS;
    return is_call(c) ? c->call.at : c->at.kind == PLACE_AUDIT ? c->audit.at : c->noise.at;
}

static struct kql_value duration_of(const struct log_cursor *c)
{
    struct kql_value v = { .type = KQL_LONG, .null = true };

    if (c->at.kind == PLACE_NOISE) {
        v = (struct kql_value){ .type = KQL_LONG, .i = c->noise.duration_ms };
    } else if (is_envelope(c)) {
        v = (struct kql_value){ .type = KQL_LONG, .i = c->call.duration_ms + 14 };
    } else if (c->at.kind == PLACE_MODEL && !c->call.missing_duration) {
        v = (struct kql_value){ .type = KQL_LONG, .i = c->call.duration_ms };
        if (c->call.negative_duration)
            v.i = -1 - v.i;
    }
    return v;
}

static sv uuid_of(struct log_cursor *c, uint64_t hi, uint64_t lo)
{
    char out[36];

    uuid_text(hi, lo, out);
    return arena_copy(&c->scratch, sv_make(out, sizeof out));
}

static struct kql_value correlation_of(struct log_cursor *c)
{
    if (is_call(c))
        return text(uuid_of(c, c->call.id_hi, c->call.id_lo));
    if (c->at.kind == PLACE_AUDIT)
        return text(SV_NONE);
    return text(uuid_of(c, c->noise.id_hi, c->noise.id_lo));
}

static const char *operation_of(const struct log_cursor *c)
{
    switch (c->at.kind) {
    case PLACE_NOISE:
        return noise_ops[c->noise.op];
    case PLACE_AUDIT:
        return "ListKey";
    case PLACE_FOREIGN:
        return "SecretGet";
    case PLACE_USAGE:
        return c->call.op == OP_RESPONSES ? op_rows[OP_CHAT].name : op_rows[c->call.op].name;
    default:
        return op_rows[c->call.op].name;
    }
}

static sv signature_of(const struct log_cursor *c)
{
    if (c->at.kind == PLACE_NOISE)
        return c->noise.status == 404 ? SV("404") : SV("200");
    return c->at.kind == PLACE_MODEL || is_envelope(c) ? sv_of(status_rows[c->call.status].text) : SV_NONE;
}

/* ---- properties ---- */

static void put_ticks(struct buf *b, const char *name, int64_t unix_nano, bool since_year_one)
{
    buf_put(b, sv_of(name));
    buf_i64(b, unix_nano / 100 + (since_year_one ? INT64_C(621355968000000000) : 0));
}

static void put_text(struct buf *b, const char *before, sv s)
{
    buf_put(b, sv_of(before));
    buf_put(b, s);
    buf_putc(b, '"');
}

static void put_u64(struct buf *b, const char *before, uint64_t v)
{
    buf_put(b, sv_of(before));
    buf_u64(b, v);
}

static void put_model(struct buf *b, const struct log_cursor *c)
{
    put_text(b, "\"modelDeploymentName\":\"", c->deployment->name);
    put_text(b, ",\"modelName\":\"", c->deployment->model);
    put_text(b, ",\"modelVersion\":\"", c->deployment->version);
}

static void put_request(struct buf *b, const struct log_cursor *c)
{
    const struct call *k = &c->call;
    bool model = c->at.kind == PLACE_MODEL;

    put_text(b, "{\"apiName\":\"", model ? sv_of(op_rows[k->op].api) : SV("Azure OpenAI API version 2024-10-21"));
    put_ticks(b, ",\"requestTime\":", k->at, !model);
    put_u64(b, ",\"requestLength\":", k->request_bytes);
    put_ticks(b, ",\"responseTime\":", k->at + k->duration_ms * NANO_PER_MS, !model);
    put_u64(b, ",\"responseLength\":", k->response_bytes);
    buf_put(b, SV(",\"objectId\":\"\""));
    if (model) {
        put_text(b, ",\"callerObjectId\":\"", azure_of(c->sim)->world.callers[k->caller].object_id);
        put_text(b, ",\"streamType\":\"", k->stream ? SV("Streaming") : SV("Non-Streaming"));
        buf_putc(b, ',');
        put_model(b, c);
        if (k->input) {
            put_u64(b, ",\"promptTokens\":", k->input);
            put_u64(b, ",\"completionTokens\":", k->output);
        }
    }
    buf_putc(b, '}');
}

/* Arrays as a rule, to be summed; now and then of digit strings, or a scalar. */
static void put_tokens(struct buf *b, const char *name, uint64_t v, unsigned form)
{
    buf_putc(b, ',');
    buf_putc(b, '"');
    buf_put(b, sv_of(name));
    buf_put(b, form == 1 ? SV("\":[\"") : form == 2 ? SV("\":") : SV("\":["));
    buf_u64(b, form == 3 ? v - v / 3 : v);
    if (form == 3)
        put_u64(b, ",", v / 3);
    buf_put(b, form == 1 ? SV("\"]") : form == 2 ? SV_NONE : SV("]"));
}

static void put_usage(struct buf *b, const struct log_cursor *c)
{
    const struct call *k = &c->call;
    unsigned form = (unsigned)(k->id_lo % 24);

    buf_putc(b, '{');
    put_model(b, c);
    put_text(b, ",\"streamType\":\"", k->stream ? SV("Streaming") : SV("Non-Streaming"));
    put_tokens(b, "promptTokens", k->input, form);
    put_tokens(b, "cachedTokens", k->cached, form);
    put_tokens(b, "generatedTokens", k->output, form);
    buf_put(b, SV(",\"timeToFirstTokenMs\":"));
    buf_decimal(b, k->ttft_us, 3);
    buf_put(b, SV(",\"timeToLastTokenMs\":"));
    buf_decimal(b, k->ttlt_us, 3);
    buf_putc(b, '}');
}

static void put_properties(struct buf *b, const struct log_cursor *c)
{
    switch (c->at.kind) {
    case PLACE_AUDIT:
        put_text(b, "{\"objectId\":\"", azure_of(c->sim)->world.callers[c->audit.caller].object_id);
        buf_putc(b, '}');
        break;
    case PLACE_NOISE:
        put_ticks(b, "{\"apiName\":\"OpenAI Language Model Instance API\",\"requestTime\":", c->noise.at, true);
        put_ticks(b, ",\"responseTime\":", c->noise.at + c->noise.duration_ms * NANO_PER_MS, true);
        buf_put(b, SV(",\"requestLength\":0,\"responseLength\":3100,\"objectId\":\"\"}"));
        break;
    case PLACE_FOREIGN:
        buf_put(b, SV("{\"id\":\"https://vault.example/secrets/x\"}"));
        break;
    case PLACE_USAGE:
        put_usage(b, c);
        break;
    default:
        put_request(b, c);
        break;
    }
}

static struct kql_value properties_of(struct log_cursor *c)
{
    struct kql_value v;

    if (!c->has_properties) {
        buf_clear(&c->properties);
        put_properties(&c->properties, c);
        c->has_properties = true;
    }
    v = text(buf_sv(&c->properties));
    v.raw = !c->sim->options.switches[SW_PROPERTIES] && (c->at.kind == PLACE_AUDIT || c->call.id_hi % 8 == 0);
    return v;
}

static sv enqueued(struct log_cursor *c)
{
    struct buf b = { .at = NULL };
    sv s;

    if (c->at.kind != PLACE_USAGE)
        return SV_NONE;
    put_ticks_time(&b, time_of(c));
    s = arena_copy(&c->scratch, sv_first(buf_sv(&b), b.len - 1)); /* no zone: UTC */
    buf_done(&b);
    return s;
}

static struct kql_value additional_of(struct log_cursor *c)
{
    sv at;

    if (!c->sim->options.switches[SW_LOCATION] || c->at.kind == PLACE_FOREIGN)
        return (struct kql_value){ .type = KQL_DYNAMIC, .null = true };
    at = enqueued(c);
    return (struct kql_value){ .type = KQL_DYNAMIC,
                               .s = arena_printf(&c->scratch, "{\"location\":\"%.*s\",\"Tenant\":\"%.*s\"%s%.*s%s}",
                                                 SV_ARG(c->account->location), SV_ARG(c->account->location),
                                                 at.len ? ",\"EnqueueTime\":\"" : "", SV_ARG(at), at.len ? "\"" : "") };
}

static sv upper(struct log_cursor *c, sv s)
{
    sv copy = arena_copy(&c->scratch, s);

    for (size_t i = 0; i < copy.len; i++)
        ((char *)(uintptr_t)copy.at)[i] = (char)toupper((unsigned char)s.at[i]);
    return copy;
}

static const char *category_of(const struct log_cursor *c)
{
    return c->at.kind == PLACE_AUDIT     ? "Audit"
           : c->at.kind == PLACE_USAGE   ? "AzureOpenAIRequestUsage"
           : c->at.kind == PLACE_FOREIGN ? "AuditEvent"
                                         : "RequestResponse";
}

static sv caller_ip_of(const struct log_cursor *c)
{
    if (c->at.kind == PLACE_USAGE || c->at.kind == PLACE_AUDIT)
        return SV_NONE;
    return azure_of(c->sim)->world.callers[is_call(c) ? c->call.caller : c->noise.caller].masked_ip;
}

/* A key vault's row: only what matters to somebody who forgot to leave it out. */
static struct kql_value foreign_value(struct log_cursor *c, enum column column)
{
    static const char id[] = "/subscriptions/00000000-0000-4000-8000-0000000000aa/resourcegroups/rg-kv/providers/"
                             "microsoft.keyvault/vaults/kv";

    switch (column) {
    case C_PROVIDER:
        return words("MICROSOFT.KEYVAULT");
    case C_RESOURCE_ID:
        return words(id);
    case C_RESOURCE_ID_UPPER:
        return text(upper(c, sv_of(id)));
    case C_RESOURCE:
        return words("KV");
    case C_RESOURCE_TYPE:
        return words("VAULTS");
    case C_GROUP:
        return words("RG-KV");
    case C_SUBSCRIPTION:
        return words("00000000-0000-4000-8000-0000000000aa");
    default:
        return text(SV_NONE);
    }
}

static struct kql_value account_value(struct log_cursor *c, enum column column)
{
    const struct account *a = c->account;

    if (c->at.kind == PLACE_FOREIGN)
        return foreign_value(c, column);
    switch (column) {
    case C_PROVIDER:
        return words("MICROSOFT.COGNITIVESERVICES");
    case C_RESOURCE_ID:
        return text(a->id_lower);
    case C_RESOURCE_ID_UPPER:
        return text(a->id_upper);
    case C_RESOURCE:
        return text(upper(c, a->name));
    case C_RESOURCE_TYPE:
        return words("ACCOUNTS");
    case C_GROUP:
        return text(upper(c, a->group));
    case C_SUBSCRIPTION:
        return text(azure_of(c->sim)->world.subs[a->sub].id);
    case C_LOCATION:
    case C_TENANT:
        return text(a->location); /* Tenant is the region, not a tenant */
    default:
        return text(SV_NONE);
    }
}

static struct kql_value value_of(struct kql_row *row, unsigned column)
{
    struct log_cursor *c = (struct log_cursor *)row;

    switch ((enum column)column) {
    case C_TENANT_ID:
        return text(azure_of(c->sim)->world.workspaces[c->workspace]);
    case C_TIME:
        return (struct kql_value){ .type = KQL_DATETIME, .i = time_of(c) };
    case C_CATEGORY:
        return words(category_of(c));
    case C_OPERATION:
        return words(operation_of(c));
    case C_SIGNATURE:
        return text(signature_of(c));
    case C_DURATION:
        return duration_of(c);
    case C_CALLER_IP:
        return text(caller_ip_of(c));
    case C_CORRELATION:
        return correlation_of(c);
    case C_SOURCE:
        return words("Azure");
    case C_TYPE:
        return words("AzureDiagnostics");
    case C_ADDITIONAL:
        return additional_of(c);
    case C_EVENT:
        return words(c->at.kind == PLACE_USAGE                                  ? "ShoeboxAzureOpenAIRequestUsage"
                     : c->at.kind == PLACE_AUDIT || c->at.kind == PLACE_FOREIGN ? ""
                                                                                : "ShoeboxCallResult");
    case C_PROPERTIES:
        return properties_of(c);
    case C_ENQUEUE:
        return text(enqueued(c));
    case C_RESULT_TYPE:
    case C_LEVEL:
        return text(SV_NONE);
    default:
        return account_value(c, (enum column)column);
    }
}

void log_cursor_init(struct log_cursor *c, struct sim *s, unsigned workspace, int64_t now)
{
    *c = (struct log_cursor){ .row = { .value = value_of, .now = now }, .sim = s, .workspace = workspace };
    arena_init(&c->scratch, 0);
    c->row.scratch = &c->scratch;
}

void log_cursor_go(struct log_cursor *c, const struct place *p)
{
    const struct world *w = &azure_of(c->sim)->world;
    bool call = p->kind <= PLACE_USAGE;
    bool same = c->has_call && call && c->at.of == p->of && c->at.minute == p->minute && c->at.k == p->k;

    arena_reset(&c->scratch);
    c->at = *p;
    c->row.ingested = p->arrives;
    c->has_properties = false;
    c->has_call = call;
    if (call) {
        c->deployment = &w->deployments[p->of];
        c->account = &w->accounts[c->deployment->account];
        if (!same)
            workload_call(azure_of(c->sim)->workload, p->of, p->minute, p->k, &c->call);
        return;
    }
    c->call = (struct call){ .id_hi = 1 };
    if (p->kind == PLACE_FOREIGN) {
        foreign_of(w, azure_of(c->sim)->workload, p->of, p->minute, &c->noise);
        return;
    }
    c->account = &w->accounts[p->of];
    if (p->kind == PLACE_AUDIT)
        audit_of(w, azure_of(c->sim)->workload, p->of, p->minute, &c->audit);
    else
        noise_of(w, p->of, p->minute, p->k, &c->noise);
}

void log_cursor_done(struct log_cursor *c)
{
    buf_done(&c->properties);
    arena_done(&c->scratch);
}
