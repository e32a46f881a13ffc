/*
 * The judge judged: everything that the APIs tell about a settled workload, read over the wire page by page and folded
 * here by the written rules alone, gives every series of /truth and no other. Nothing of truth.c is used.
 */
#include <ctype.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/test/client.h"

enum { SUMS_MAX = 1 << 14, CALLS_MAX = 1 << 18, HISTORY_MIN = 120, SETTLED_MIN = 4 * 60 + 31 };

struct sum {
    uint64_t key; /* 0: free */
    int64_t value;
    bool seen;
};

/* What is known of one call by its rows. */
struct known {
    uint64_t key;
    bool model, envelope, usage;
    const struct account *account;
    const char *operation, *outcome;
    sv address;
};

static struct sum sums[SUMS_MAX];
static struct known calls[CALLS_MAX];

static struct sum *find_sum(uint64_t key)
{
    for (size_t i = key;; i++) {
        struct sum *s = &sums[i % SUMS_MAX];

        if (s->key == key || !s->key)
            return s;
    }
}

static void add(sv labels, int64_t v)
{
    struct sum *s = find_sum(hash64(labels) | 1);

    s->key = hash64(labels) | 1;
    s->value += v;
}

static sv lower(sv s)
{
    return arena_lower(&arena, s);
}

/* The canonical model of the names used here is the name. Label text in one fixed order. */
static sv labels_of(const char *family, const struct account *a, sv deployment, sv model, const char *rest)
{
    return arena_printf(&arena, "%s|%.*s|%.*s|%.*s|%.*s|%.*s|%s", family, SV_ARG(azure_of(&sim)->world.subs[a->sub].id),
                        SV_ARG(a->location), SV_ARG(a->name), SV_ARG(deployment), SV_ARG(model), rest);
}

static const struct account *account_of(sv id)
{
    for (unsigned i = 0; i < azure_of(&sim)->world.n_accounts; i++)
        if (sv_eq_nocase(azure_of(&sim)->world.accounts[i].id, id))
            return &azure_of(&sim)->world.accounts[i];
    return NULL;
}

static const struct deployment *deployment_of(const struct account *a, sv name)
{
    for (unsigned i = 0; i < a->n_deployments; i++)
        if (sv_eq(azure_of(&sim)->world.deployments[a->first_deployment + i].name, name))
            return &azure_of(&sim)->world.deployments[a->first_deployment + i];
    return NULL;
}

static const char *operation_label(sv raw)
{
    static const char *const rows[][2] = { { "ChatCompletions_Create", "chat" },
                                           { "create_response", "chat" },
                                           { "Completions_Create", "text_completion" },
                                           { "Embeddings_Create", "embeddings" } };

    for (size_t i = 0; i < 4; i++)
        if (sv_eq(raw, sv_of(rows[i][0])))
            return rows[i][1];
    return lower(raw).at;
}

static bool is_inference(sv raw)
{
    return !sv_ends(raw, SV("_List")) && !sv_ends(raw, SV("_Get")) && !sv_starts(raw, SV("Files_")) &&
           !sv_eq(raw, SV("Create_Thread")) && !sv_eq(raw, SV("ListKey"));
}

static const char *outcome_label(sv status)
{
    return sv_starts(status, SV("2"))   ? "success"
           : sv_eq(status, SV("429"))   ? "throttled"
           : sv_starts(status, SV("4")) ? "client_error"
                                        : "server_error";
}

/* ---- metrics ---- */

static sv dimension(json series, const char *name)
{
    json v;

    for (struct json_iter it = json_items(json_get(series, SV("metadatavalues"))); json_item(&it, &v);)
        if (sv_eq_nocase(json_sv(json_path(v, "name/value")), sv_of(name)))
            return json_sv(json_get(v, SV("value")));
    return SV_NONE;
}

static int64_t total_of(json series, const char *what)
{
    int64_t sum = 0;
    double v;
    json p;

    for (struct json_iter it = json_items(json_get(series, SV("data"))); json_item(&it, &p);)
        sum += json_f64(json_get(p, sv_of(what)), &v) ? (int64_t)v : 0;
    return sum;
}

static void fold_requests(const struct account *a, const struct deployment *d, json s)
{
    static const char *const siblings[][2] = {
        { "success", "200" }, { "throttled", "429" }, { "client_error", "400" }, { "server_error", "500" }
    };
    sv tier = dimension(s, "ServiceTierResponse"), code = dimension(s, "StatusCode");
    const char *op = operation_label(dimension(s, "OperationName"));

    tier = sv_eq(tier, SV("__Empty")) ? SV_NONE : lower(tier);
    for (size_t i = 0; i < 4; i++)
        add(labels_of("genai_requests_total", a, d->name, d->model,
                      format("%s|%.*s|%s|%s", op, SV_ARG(tier), siblings[i][0], siblings[i][1])),
            0);
    add(labels_of("genai_requests_total", a, d->name, d->model,
                  format("%s|%.*s|%s|%.*s", op, SV_ARG(tier), outcome_label(code), SV_ARG(code))),
        total_of(s, "total"));
}

static void fold_series(const struct account *a, sv metric, json s)
{
    const struct deployment *d = deployment_of(a, dimension(s, "ModelDeploymentName"));
    bool mean = sv_starts(metric, SV("TimeTo")) || sv_has(metric, SV("TTLT")) || sv_ends(metric, SV("TimeToResponse"));
    int64_t total = total_of(s, mean ? "count" : "total");

    if (!d || !sv_eq(d->format, SV("OpenAI")) || !total)
        return;
    if (mean)
        add(labels_of(sv_ends(metric, SV("TimeToResponse")) ? "genai_time_to_first_token_mean_seconds_count"
                                                            : "genai_request_duration_mean_seconds_count",
                      a, d->name, d->model, ""),
            total);
    else if (sv_ends(metric, SV("Requests")) && !sv_starts(metric, SV("RAI")))
        fold_requests(a, d, s);
    else if (sv_starts(metric, SV("RAI")))
        add(labels_of("genai_filtered_requests_total", a, d->name, d->model,
                      format("%.*s|%s", SV_ARG(lower(dimension(s, "Category"))),
                             sv_eq(metric, SV("RAIRejectedRequests")) ? "blocked" : "detected")),
            total);
    else
        add(labels_of("genai_tokens_total", a, d->name, d->model,
                      sv_eq(metric, SV("InputTokens")) || sv_eq(metric, SV("ProcessedPromptTokens")) ? "|input"
                                                                                                     : "|output"),
            total);
}

static void read_metrics(sv token, const struct account *a, const char *names, const char *aggregation,
                         const char *filter)
{
    const char *path = format("%.*s/providers/Microsoft.Insights/"
                              "metrics?api-version=2024-02-01&interval=PT1M&top=1000&metricnames=%s&aggregation=%s&"
                              "timespan=2026-11-24T07%%3A59%%3A00Z%%2F2026-11-24T10%%3A10%%3A00Z&%%24filter=%s",
                              SV_ARG(a->id), names, aggregation, filter);
    json metric, s;

    must(get(token, path) == 200, "metrics");
    for (struct json_iter it = json_items(json_get(parsed(), SV("value"))); json_item(&it, &metric);) {
        must(sv_eq(json_sv(json_get(metric, SV("errorCode"))), SV("Success")), "metric error");
        for (struct json_iter at = json_items(json_get(metric, SV("timeseries"))); json_item(&at, &s);)
            fold_series(a, json_sv(json_path(metric, "name/value")), s);
    }
}

#define BY_CALL                                                                                                        \
    "ModelDeploymentName%20eq%20'*'%20and%20OperationName%20eq%20'*'%20and%20StatusCode%20eq%20'*'%20and%"             \
    "20ServiceTierResponse%20eq%20'*'"
#define BY_NAME "ModelDeploymentName%20eq%20'*'"

static void read_all_metrics(void)
{
    sv token = arm_token();

    for (unsigned i = 0; i < azure_of(&sim)->world.n_accounts; i++) {
        const struct account *a = &azure_of(&sim)->world.accounts[i];
        bool models = a->kind == KIND_AISERVICES;

        if (a->kind == KIND_OTHER)
            continue;
        read_metrics(token, a, models ? "ModelRequests" : "AzureOpenAIRequests", "total", BY_CALL);
        read_metrics(token, a, models ? "InputTokens,OutputTokens" : "ProcessedPromptTokens,GeneratedTokens", "total",
                     BY_NAME);
        read_metrics(token, a, "RAIRejectedRequests,RAIHarmfulRequests", "total",
                     BY_NAME "%20and%20Category%20eq%20'*'");
        read_metrics(token, a, models ? "TimeToLastByte" : "AzureOpenAITTLTInMS", "count", BY_NAME);
        read_metrics(token, a, models ? "TimeToResponse" : "AzureOpenAITimeToResponse", "count",
                     BY_NAME "%20and%20StreamType%20eq%20'streaming'");
    }
}

/* ---- logs ---- */

enum { INGESTED, TIME, CATEGORY, OPERATION, SIGNATURE, DURATION, CORRELATION, RESOURCE, PROPERTIES, ADDRESS, CELLS };

static struct known *find_call(sv resource, sv correlation)
{
    uint64_t key = hash_part(hash64(resource), correlation) | 1;

    for (size_t i = key;; i++) {
        struct known *k = &calls[i % CALLS_MAX];

        if (k->key == key || !k->key) {
            k->key = key;
            return k;
        }
    }
}

static void observe(const char *family, const struct account *a, const struct deployment *d, double seconds)
{
    double bound = 0.01;

    add(labels_of(format("%s_count", family), a, d->name, d->model, ""), 1);
    for (unsigned i = 0; i < 18; i++, bound *= 2)
        add(labels_of(format("%s_bucket", family), a, d->name, d->model, i < 17 ? format("%.2f", bound) : "+Inf"),
            i == 17 || seconds <= bound);
}

/* A number, a digit string, or an array of either. */
static int64_t tokens_of(json v)
{
    int64_t sum = 0, n;
    json x;

    if (json_i64(v, &sum))
        return sum;
    for (struct json_iter it = json_items(v); json_item(&it, &x);)
        sum += json_i64(x, &n) ? n : 0;
    return sum;
}

static void take_usage(const struct account *a, struct known *k, json p)
{
    const struct deployment *d = deployment_of(a, json_sv(json_get(p, SV("modelDeploymentName"))));
    double first;

    if (k->usage || !d)
        return;
    k->usage = true;
    must(sv_eq(d->format, SV("OpenAI")), "a usage row of another publisher");
    add(labels_of("genai_logged_tokens_total", a, d->name, d->model, "input"),
        tokens_of(json_get(p, SV("promptTokens"))));
    add(labels_of("genai_logged_tokens_total", a, d->name, d->model, "output"),
        tokens_of(json_get(p, SV("generatedTokens"))));
    add(labels_of("genai_logged_token_parts_total", a, d->name, d->model, "cache_read"),
        tokens_of(json_get(p, SV("cachedTokens"))));
    if (sv_eq(json_sv(json_get(p, SV("streamType"))), SV("Streaming")) &&
        json_f64(json_get(p, SV("timeToFirstTokenMs")), &first))
        observe("genai_time_to_first_token_seconds", a, d, first / 1000);
}

static void add_caller(const char *what, const struct account *a, sv model, sv caller, int64_t v)
{
    add(arena_printf(&arena, "genai_caller_%s_total|%.*s|%.*s|%.*s", what,
                     SV_ARG(azure_of(&sim)->world.subs[a->sub].id), SV_ARG(model), SV_ARG(caller)),
        v);
}

static void take_request(const struct account *a, struct known *k, const json *cell, json p)
{
    sv name = json_sv(json_get(p, SV("modelDeploymentName"))), operation = json_sv(cell[OPERATION]);
    const struct deployment *d = deployment_of(a, name);
    int64_t ms;

    k->account = a;
    k->operation = operation_label(operation);
    k->outcome = outcome_label(json_sv(cell[SIGNATURE]));
    if (!name.len) {
        k->envelope = k->envelope || is_inference(operation);
        k->address = arena_copy(&arena, json_sv(cell[ADDRESS]));
        return;
    }
    if (k->model)
        return;
    k->model = true;
    if (!d || !sv_eq(d->format, SV("OpenAI")))
        return;
    add(labels_of("genai_logged_calls_total", a, d->name, d->model, format("%s|%s", k->operation, k->outcome)), 1);
    add_caller("calls", a, d->model, json_sv(json_get(p, SV("callerObjectId"))), 1);
    add_caller("tokens", a, d->model, json_sv(json_get(p, SV("callerObjectId"))),
               tokens_of(json_get(p, SV("promptTokens"))) + tokens_of(json_get(p, SV("completionTokens"))));
    if (json_i64(cell[DURATION], &ms) && ms >= 0)
        observe("genai_request_duration_seconds", a, d, (double)ms / 1000);
}

static void take_audit(const struct account *a, sv resource, const json *cell, json p)
{
    sv what = arena_printf(&arena, "audit%.*s%.*s%.*s", SV_ARG(json_sv(cell[OPERATION])), SV_ARG(json_sv(cell[TIME])),
                           SV_ARG(json_sv(json_get(p, SV("objectId")))));
    struct known *k = find_call(resource, what);

    if (!k->usage)
        add(arena_printf(&arena, "genai_audit_events_total|%.*s|%.*s|unknown",
                         SV_ARG(azure_of(&sim)->world.subs[a->sub].id), SV_ARG(lower(json_sv(cell[OPERATION])))),
            1);
    k->usage = true;
}

static void take_row(json row, struct json_parser *inner)
{
    json cell[CELLS], p;
    struct json_iter it = json_items(row);
    const struct account *a;
    struct known *k;
    sv category;

    for (unsigned i = 0; i < CELLS; i++)
        must(json_item(&it, &cell[i]), "a cell is missing");
    p = cell[PROPERTIES];
    if (json_type(p) == JSON_STRING)
        must(json_parse(inner, json_sv(p), &p, NULL) == ERR_OK, "properties");
    a = account_of(json_sv(cell[RESOURCE]));
    category = json_sv(cell[CATEGORY]);
    if (!a)
        return;
    if (sv_eq(category, SV("Audit"))) {
        take_audit(a, json_sv(cell[RESOURCE]), cell, p);
        return;
    }
    k = find_call(json_sv(cell[RESOURCE]), json_sv(cell[CORRELATION]));
    if (sv_eq(category, SV("AzureOpenAIRequestUsage")))
        take_usage(a, k, p);
    else
        take_request(a, k, cell, p);
}

static int query_logs(sv token, unsigned workspace, const char *type, const char *query)
{
    struct buf body = { .at = NULL };
    int status;

    buf_put(&body, SV("{\"query\":"));
    buf_json(&body, sv_of(query));
    buf_putc(&body, '}');
    status = send_to("POST",
                     arena_printf(&arena, "%.*s/v1/workspaces/%.*s/query", SV_ARG(tls_origin()),
                                  SV_ARG(azure_of(&sim)->world.workspaces[workspace])),
                     token, type, buf_sv(&body));
    buf_done(&body);
    return status;
}

static const char *span_query(int64_t from, int64_t to)
{
    struct buf a = { .at = NULL }, b = { .at = NULL };
    const char *q;

    buf_time(&a, from, 7);
    buf_time(&b, to, 7);
    q = format("AzureDiagnostics | extend at = ingestion_time() | where at > datetime(%.*s) and at <= datetime(%.*s)\n"
               "| project at, TimeGenerated, Category, OperationName, ResultSignature, DurationMs, CorrelationId, "
               "_ResourceId, properties_s, CallerIPAddress",
               (int)a.len, a.at, (int)b.len, b.at);
    buf_done(&a);
    buf_done(&b);
    return q;
}

/* Windows that touch must neither lose nor repeat a row: the number of all rows is asked for as well. */
static void read_all_logs(void)
{
    sv token = token_for("https://api.loganalytics.io");
    struct json_parser *inner = json_parser_new(0);
    int64_t step = 20 * NANO_PER_MIN, first = ORIGIN - HISTORY_MIN * NANO_PER_MIN;
    json row, cell = { .tape = NULL };
    int64_t rows, all;

    for (unsigned w = 0; w < WORLD_WORKSPACES; w++) {
        rows = all = 0;
        for (int64_t at = first; at < clock_now(); at += step) {
            json table = { .tape = NULL };
            struct json_iter tables;

            must(query_logs(token, w, "application/json", span_query(at, at + step)) == 200, "logs");
            tables = json_items(json_get(parsed(), SV("tables")));
            json_item(&tables, &table);
            for (struct json_iter it = json_items(json_get(table, SV("rows"))); json_item(&it, &row); rows++)
                take_row(row, inner);
        }
        must(query_logs(token, w, "application/json", "AzureDiagnostics | count") == 200, "count");
        for (json v = parsed();; v = cell) {
            struct json_iter it = json_items(json_type(v) == JSON_OBJECT && json_count(json_get(v, SV("tables")))
                                                 ? json_get(v, SV("tables"))
                                             : json_type(v) == JSON_OBJECT ? json_get(v, SV("rows"))
                                                                           : v);
            if (json_type(v) == JSON_INT || !json_item(&it, &cell))
                break;
        }
        OK(json_i64(cell, &all) && all == rows && rows > 1000);
    }
    json_parser_free(inner);
    for (size_t i = 0; i < CALLS_MAX; i++)
        if (calls[i].key && calls[i].envelope && !calls[i].model) {
            add_caller("calls", calls[i].account, SV_NONE, calls[i].address, 1);
            add(labels_of("genai_logged_calls_total", calls[i].account, SV_NONE, SV_NONE,
                          format("%s|%s", calls[i].operation, calls[i].outcome)),
                1);
        }
}

/* ---- Activity Log ---- */

static const char *audit_outcome(sv status)
{
    return sv_eq(status, SV("Started")) || sv_eq(status, SV("Accepted")) ? "started"
           : sv_eq(status, SV("Succeeded"))                              ? "success"
           : sv_eq(status, SV("Failed"))                                 ? "failure"
                                                                         : "unknown";
}

static void take_event(const struct subscription *s, json v)
{
    struct known *k = find_call(SV("activity"), json_sv(json_get(v, SV("eventDataId"))));

    if (!k->usage)
        add(arena_printf(&arena, "genai_audit_events_total|%.*s|%.*s|%s", SV_ARG(s->id),
                         SV_ARG(lower(json_sv(json_path(v, "operationName/value")))),
                         audit_outcome(json_sv(json_path(v, "status/value")))),
            1);
    k->usage = true;
}

static unsigned read_activity(sv token, const struct subscription *s, const char *provider)
{
    sv url = arena_printf(
        &arena,
        "%.*s/subscriptions/%.*s/providers/microsoft.insights/eventtypes/management/"
        "values?api-version=2015-04-01&$filter="
        "eventTimestamp%%20ge%%20'2026-11-24T07:00:00Z'%%20and%%20eventTimestamp%%20le%%20'2026-11-24T15:00:00Z'"
        "%%20and%%20resourceProvider%%20eq%%20'%s'",
        SV_ARG(tls_origin()), SV_ARG(s->id), provider);
    unsigned pages = 0;
    json v;

    while (url.len) {
        must(send_to("GET", url, token, NULL, SV_NONE) == 200, "activity log");
        for (struct json_iter it = json_items(json_get(parsed(), SV("value"))); json_item(&it, &v);)
            take_event(s, v);
        url = arena_copy(&arena, json_sv(json_get(parsed(), SV("nextLink"))));
        pages++;
    }
    return pages;
}

static void read_all_activity(void)
{
    static const char *const providers[] = { "Microsoft.CognitiveServices", "Microsoft.Insights",
                                             "Microsoft.Authorization" };
    sv token = arm_token();
    unsigned most = 0;

    for (unsigned s = 0; s < azure_of(&sim)->world.n_subs; s++) {
        for (unsigned i = 0; i < 3; i++) {
            unsigned pages = read_activity(token, &azure_of(&sim)->world.subs[s], providers[i]);

            most = pages > most ? pages : most;
        }
    }
    OK(most > 1);
}

/* ---- comparison ---- */

static sv truth_labels(json v)
{
    static const struct {
        const char *family;
        const char *rest[5];
    } rows[] = {
        { "genai_requests_total", { "operation", "tier", "outcome", "code", NULL } },
        { "genai_tokens_total", { "tier", "direction", NULL } },
        { "genai_filtered_requests_total", { "category", "action", NULL } },
        { "genai_logged_calls_total", { "operation", "outcome", NULL } },
        { "genai_logged_tokens_total", { "direction", NULL } },
        { "genai_logged_token_parts_total", { "part", NULL } },
        { "genai_request_duration_mean_seconds_count", { NULL } },
        { "genai_time_to_first_token_mean_seconds_count", { NULL } },
        { "genai_request_duration_seconds_count", { NULL } },
        { "genai_request_duration_seconds_bucket", { "le", NULL } },
        { "genai_time_to_first_token_seconds_count", { NULL } },
        { "genai_time_to_first_token_seconds_bucket", { "le", NULL } },
    };
    static const char *const identity[] = { "account", "cloud_region", "resource", "deployment", "model", NULL };
    static const char *const audit[] = { "account", "action", "outcome", NULL };
    static const char *const caller[] = { "account", "model", "caller", NULL };
    sv family = json_sv(json_get(v, SV("family"))), out = arena_copy(&arena, family);
    json labels = json_get(v, SV("labels"));
    const char *const *names = sv_eq(family, SV("genai_audit_events_total")) ? audit
                               : sv_starts(family, SV("genai_caller_"))      ? caller
                                                                             : identity;

    for (; *names; names++)
        out = arena_printf(&arena, "%.*s|%.*s", SV_ARG(out), SV_ARG(json_sv(json_get(labels, sv_of(*names)))));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!sv_eq(family, sv_of(rows[i].family)))
            continue;
        if (!rows[i].rest[0])
            out = arena_printf(&arena, "%.*s|", SV_ARG(out));
        for (unsigned r = 0; rows[i].rest[r]; r++)
            out = arena_printf(&arena, "%.*s|%.*s", SV_ARG(out),
                               SV_ARG(json_sv(json_get(labels, sv_of(rows[i].rest[r])))));
    }
    return out;
}

static void everything_that_the_apis_tell_is_the_truth_and_nothing_else(void)
{
    unsigned compared = 0, wrong = 0, unknown = 0;
    json v;

    read_all_metrics();
    read_all_logs();
    read_all_activity();
    OK(control("GET", "/truth", NULL) == 200);
    for (struct json_iter it = json_items(json_get(parsed(), SV("series"))); json_item(&it, &v); compared++) {
        sv labels = truth_labels(v);
        struct sum *s = find_sum(hash64(labels) | 1);
        int64_t value = -1;

        json_i64(json_get(v, SV("value")), &value);
        if (s->key && s->value == value && !s->seen) {
            s->seen = true;
            continue;
        }
        wrong++;
        if (wrong < 10)
            printf("# %.*s: truth %lld, read %lld\n", SV_ARG(labels), (long long)value,
                   s->key ? (long long)s->value : -1LL);
    }
    for (size_t i = 0; i < SUMS_MAX; i++)
        unknown += sums[i].key && !sums[i].seen && sums[i].value != 0;
    printf("# %u series\n", compared);
    OK(compared > 500);
    OK(wrong == 0);
    OK(unknown == 0);
}

static void an_event_is_not_there_before_three_minutes(void)
{
    json v;
    bool early = false, any = false;

    clock_set_manual(ORIGIN);
    must(get(arm_token(),
             format(
                 "/subscriptions/%.*s/providers/microsoft.insights/eventtypes/management/values?api-version=2015-04-01&"
                 "$filter=eventTimestamp%%20ge%%20'2026-11-24T09:00:00Z'",
                 SV_ARG(azure_of(&sim)->world.subs[0].id))) == 200,
         "activity");
    for (struct json_iter it = json_items(json_get(parsed(), SV("value"))); json_item(&it, &v);) {
        int64_t at;

        any = true;
        early = early || (json_time(json_get(v, SV("eventTimestamp")), &at) && at > ORIGIN - 3 * NANO_PER_MIN);
    }
    OK(any && !early);
    OK(get(arm_token(),
           format(
               "/subscriptions/%.*s/providers/microsoft.insights/eventtypes/management/values?api-version=2015-04-01&"
               "$filter=eventTimestamp%%20gt%%20'2026-11-24T09:00:00Z'",
               SV_ARG(azure_of(&sim)->world.subs[0].id))) == 400);
    OK(sv_eq(json_sv(json_get(parsed(), SV("code"))), SV("BadRequest")));
}

static void what_is_not_understood_of_a_query_is_refused(void)
{
    /* clang-format off */
    static const struct { const char *query, *code; } rows[] = {
        { "AzureDiagnostics | join kind=inner (X) on Y",                "SyntaxError" },
        { "AzureDiagnostics | where",                                   "SyntaxError" },
        { "AzureDiagnostics | where Category == \"x",                   "SyntaxError" },
        { "AzureDiagnostics where Category == 'x'",                     "SyntaxError" },
        { "AzureDiagnostics | take many",                               "SyntaxError" },
        { "let x = 1; AzureDiagnostics",                                "SemanticError" },
        { "AzureActivity | take 1",                                     "SemanticError" },
        { "AzureDiagnostics | where NoSuchColumn == 'x'",               "SemanticError" },
        { "AzureDiagnostics | where Category",                          "SemanticError" },
        { "AzureDiagnostics | where TimeGenerated > '2026-11-24'",      "SemanticError" },
        { "AzureDiagnostics | project Category | where OperationName == 'x'", "SemanticError" },
        { "AzureDiagnostics | where parse_json(properties_s) == 1",     "SemanticError" },
        { "AzureDiagnostics | where TimeGenerated > datetime(yesterday)", "SyntaxError" },
    };
    /* clang-format on */
    sv token = token_for("https://api.loganalytics.io");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = query_logs(token, 0, "application/json", rows[i].query);
        sv code = json_sv(json_path(parsed(), "error/innererror/code"));

        if (!OK(status == 400 && sv_eq(code, sv_of(rows[i].code))))
            printf("# %s: %d %.*s\n", rows[i].query, status, SV_ARG(code));
    }
    OK(sv_eq(json_sv(json_path(parsed(), "error/code")), SV("BadArgumentError")));
}

static void the_traps_of_the_query_api_are_set(void)
{
    sv token = token_for("https://api.loganalytics.io");
    json v;

    OK(query_logs(token, 0, "text/plain", "AzureDiagnostics | take 1") == 200 && answer.body.len == 0);
    OK(query_logs(token, 0, "application/json", "AzureDiagnostics | where Category == 'None'") == 200);
    v = parsed();
    OK(json_is_absent(json_get(v, SV("error"))));
    OK(control("POST", "/faults", "{\"api\":\"logs.query\",\"kind\":\"partial\"}") == 200);
    OK(query_logs(token, 0, "application/json", "AzureDiagnostics | take 10") == 200);
    OK(sv_eq(json_sv(json_path(parsed(), "error/code")), SV("PartialError")));
    OK(control("DELETE", "/faults", NULL) == 200);
}

int main(void)
{
    start_sim((struct sim_options){ .seed = 5,
                                    .calls_per_minute = 300,
                                    .history_ms = HISTORY_MIN * 60 * 1000,
                                    .duration_ms = 5 * 60 * 1000,
                                    .late = 0.1,
                                    .revise = 0.1 });
    arena.limit_bytes = 1 << 30;
    clock_set_manual(ORIGIN + (5 + SETTLED_MIN) * NANO_PER_MIN);
    RUN(everything_that_the_apis_tell_is_the_truth_and_nothing_else);
    RUN(what_is_not_understood_of_a_query_is_refused);
    RUN(the_traps_of_the_query_api_are_set);
    RUN(an_event_is_not_there_before_three_minutes);
    stop_sim();
    return tap_done();
}
