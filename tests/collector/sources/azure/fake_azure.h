/*
 * A small Azure on loopback for tests of the source: two subscriptions, one account each ("one" of kind OpenAI, "two"
 * of kind AIServices, both in Sweden Central), deployment "chat". Every metric that is asked for has one series a
 * deployment with one point of 1 a minute. Switches play the faults; counters tell what was asked.
 */
#ifndef TESTS_AZURE_FAKE_H
#define TESTS_AZURE_FAKE_H

#include "collector/sources/azure/azure_state.h"

#include "tests/collector/sources/azure/token_server.h"

#define FAKE_A   "00000000-0000-0000-0000-0000000000a1"
#define FAKE_B   "00000000-0000-0000-0000-0000000000b2"
#define FAKE_ONE "/subscriptions/" FAKE_A "/resourceGroups/RG/providers/Microsoft.CognitiveServices/accounts/one"
#define FAKE_TWO "/subscriptions/" FAKE_B "/resourceGroups/RG/providers/Microsoft.CognitiveServices/accounts/two"

struct fake {
    struct http_server *http;
    struct source_env env;
    struct azure_config config;
    struct source *source;
    struct arena jobs_memory, memory;
    struct job_list jobs;
    char base[64], log_url[128];
    struct string_list workspaces;
    const char *workspace_names[1];
    /* switches */
    const char *definitions;
    const char *denied;     /* paths that hold this answer 403 */
    const char *throttled;  /* 429 */
    const char *html;       /* 200 with a page */
    const char *foreign;    /* their nextLink leads to this host */
    int batch_status;       /* 0: 200 */
    bool batch_wrong;       /* answers another metric than the first one asked for */
    const char *bad_metric; /* 400 for any question with it */
    const char *failing;    /* metric with an errorCode inside a 200 */
    const char *grain;      /* instead of PT1M */
    const char *silent;     /* metric without data */
    const char *deployment; /* in metrics; NULL: chat */
    const char *listed;     /* a second deployment in the inventory */
    unsigned series;        /* a metric and deployment; 0: 1. Cut at `top`, 10 when none is asked for, without a word */
    const char *logging;    /* answer of diagnosticSettings */
    unsigned top;           /* of the question that is being answered */
    /* counters */
    atomic_int tokens, batches, metrics, deployments, pages, activity, queries, refused_tokens;
};

static inline bool fake_has(sv text, const char *part)
{
    return part && sv_has(text, sv_of(part));
}

static inline void fake_list(struct http_server_response *r, const char *items)
{
    buf_printf(&r->body, "{\"value\":[%s]}", items);
}

static inline void fake_accounts(struct fake *f, sv target, struct http_server_response *r)
{
    const char *name = fake_has(target, FAKE_A) ? "one" : "two", *id = fake_has(target, FAKE_A) ? FAKE_ONE : FAKE_TWO;

    f->pages++;
    if (!fake_has(target, "skiptoken")) { /* the first page is empty and still has a next one */
        buf_printf(&r->body, "{\"value\":[],\"nextLink\":\"%s%.*s&%%24skiptoken=2\"}",
                   f->foreign ? f->foreign : f->base, SV_ARG(target));
        return;
    }
    buf_printf(&r->body,
               "{\"value\":[{\"id\":\"/subscriptions/x/voice\",\"name\":\"voice\",\"kind\":\"SpeechServices\"},");
    buf_printf(&r->body,
               "{\"id\":\"%s\",\"name\":\"%s\",\"kind\":\"%s\",\"location\":\"Sweden Central\","
               "\"tags\":{\"Team\":\"search\"}}]}",
               id, name, name[0] == 'o' ? "OpenAI" : "AIServices");
}

#define FAKE_DEPLOYMENT(name)                                                                                          \
    "{\"name\":\"" name "\",\"sku\":{\"name\":\"GlobalStandard\",\"capacity\":10},"                                    \
    "\"properties\":{\"model\":{\"format\":\"OpenAI\",\"name\":\"gpt-5-mini-2025-08-07\",\"version\":\"1\"}}}"

static inline void fake_deployments(struct fake *f, struct http_server_response *r)
{
    f->deployments++;
    fake_list(r, f->listed ? FAKE_DEPLOYMENT("chat") "," FAKE_DEPLOYMENT("fresh") : FAKE_DEPLOYMENT("chat"));
}

/* One metric of one resource over [from, to). */
static inline void fake_metric(struct fake *f, sv name, int64_t from, int64_t to, int64_t step, sv only,
                               struct http_server_response *r)
{
    bool quiet = f->silent && sv_eq(name, sv_of(f->silent));
    bool bad = f->failing && sv_eq(name, sv_of(f->failing));
    unsigned n = f->series && only.len == 0 ? f->series : 1;

    n = n < f->top ? n : f->top;

    buf_printf(&r->body, "{\"name\":{\"value\":\"%.*s\"},\"unit\":\"Count\",\"errorCode\":\"%s\",\"timeseries\":[",
               SV_ARG(name), bad ? "InvalidSamplingType" : "Success");
    for (unsigned s = 0; s < n && !quiet && !bad; s++) {
        buf_printf(&r->body, "%s{\"metadatavalues\":[", s ? "," : "");
        buf_printf(&r->body, "{\"name\":{\"value\":\"modeldeploymentname\"},\"value\":\"%s\"},",
                   f->deployment ? f->deployment : "chat");
        buf_printf(&r->body, "{\"name\":{\"value\":\"statuscode\"},\"value\":\"%u\"}],\"data\":[", 200 + s);
        for (int64_t t = from; t < to; t += step) {
            buf_put(&r->body, t > from ? SV(",{\"timeStamp\":\"") : SV("{\"timeStamp\":\""));
            buf_time(&r->body, t, 0);
            buf_put(&r->body, SV("\",\"total\":1}"));
        }
        buf_put(&r->body, SV("]}"));
    }
    buf_put(&r->body, SV("]}"));
}

static inline void fake_metrics(struct fake *f, sv names, sv from_text, sv to_text, sv grain, sv filter,
                                struct http_server_response *r)
{
    int64_t from = 0, to = 0, step = sv_eq(grain, SV("PT1H")) ? NANO_PER_H : NANO_PER_MIN;
    bool first = true;
    sv only = sv_has(filter, SV("ModelDeploymentName eq '*'")) ? SV_NONE : filter;

    (void)sv_to_time(from_text, &from);
    (void)sv_to_time(to_text, &to);
    buf_printf(&r->body, "\"interval\":\"%.*s\",\"value\":[", SV_ARG(f->grain ? sv_of(f->grain) : grain));
    while (names.len) {
        sv name = sv_cut(&names, ',');

        if (!first)
            buf_putc(&r->body, ',');
        first = false;
        fake_metric(f, name, from, to, step, only, r);
    }
    buf_put(&r->body, SV("]"));
}

static inline unsigned fake_top(const struct http_server_request *q)
{
    uint64_t top = 0;

    return sv_to_u64(http_server_query(q, "top"), &top) ? (unsigned)top : 10;
}

static inline bool fake_refuses(struct fake *f, sv names, struct http_server_response *r)
{
    if (!fake_has(names, f->bad_metric))
        return false;
    r->status = 400;
    buf_printf(&r->body, "{\"code\":\"BadRequest\",\"message\":\"Failed to find metric configuration: %s\"}",
               f->bad_metric);
    return true;
}

static inline void fake_batch(struct fake *f, const struct http_server_request *q, struct http_server_response *r)
{
    sv names = http_server_query(q, "metricnames"), body = q->body;
    bool first = true;

    f->batches++;
    f->top = fake_top(q);
    if (f->batch_status) {
        r->status = f->batch_status;
        buf_put(&r->body, SV("{\"error\":{\"code\":\"AuthorizationFailed\"}}"));
        return;
    }
    if (fake_refuses(f, names, r))
        return;
    if (f->batch_wrong)
        (void)sv_cut(&names, ','), names = names.len ? names : SV("SomethingElse");
    (void)sv_cut(&body, '[');
    body = sv_cut(&body, ']');
    buf_put(&r->body, SV("{\"values\":["));
    while (body.len) {
        sv id = sv_cut(&body, ',');

        buf_printf(&r->body, "%s{\"resourceid\":%.*s,\"resourceregion\":\"swedencentral\",", first ? "" : ",",
                   SV_ARG(id));
        fake_metrics(f, names, http_server_query(q, "starttime"), http_server_query(q, "endtime"),
                     http_server_query(q, "interval"), http_server_query(q, "filter"), r);
        buf_put(&r->body, SV("}"));
        first = false;
    }
    buf_put(&r->body, SV("]}"));
}

static inline void fake_resource_metrics(struct fake *f, const struct http_server_request *q,
                                         struct http_server_response *r)
{
    sv span = http_server_query(q, "timespan"), from = sv_cut(&span, '/');
    sv names = http_server_query(q, "metricnames");

    f->metrics++;
    f->top = fake_top(q);
    if (fake_refuses(f, names, r))
        return;
    buf_put(&r->body, SV("{\"cost\":1,"));
    fake_metrics(f, names, from, span, http_server_query(q, "interval"), http_server_query(q, "$filter"), r);
    buf_put(&r->body, SV("}"));
}

static inline void fake_answer(struct fake *f, const struct http_server_request *q, sv target,
                               struct http_server_response *r)
{
    if (fake_has(target, "metrics:getBatch"))
        fake_batch(f, q, r);
    else if (fake_has(target, "/metricDefinitions"))
        fake_list(r, f->definitions ? f->definitions : "");
    else if (fake_has(target, "/metrics?"))
        fake_resource_metrics(f, q, r);
    else if (fake_has(target, "/deployments?"))
        fake_deployments(f, r);
    else if (fake_has(target, "/diagnosticSettings?"))
        fake_list(r, f->logging ? f->logging : "");
    else if (fake_has(target, "/usages?"))
        fake_list(r, "{\"name\":{\"value\":\"OpenAI.GlobalStandard.gpt-5-mini\"},\"currentValue\":10,\"limit\":100}");
    else if (fake_has(target, "/eventtypes/")) {
        f->activity++;
        fake_list(r, "");
    } else if (fake_has(target, "/query")) {
        f->queries++;
        buf_put(&r->body, SV("{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"Category\"},"
                             "{\"name\":\"TimeGenerated\"},{\"name\":\"_ResourceId\"}],\"rows\":[]}]}"));
    } else if (fake_has(target, "/accounts?"))
        fake_accounts(f, target, r);
    else if (sv_starts(target, SV("/subscriptions?")))
        fake_list(r, "{\"subscriptionId\":\"" FAKE_A "\",\"state\":\"Enabled\"},{\"subscriptionId\":\"" FAKE_B "\"}");
    else
        r->status = 404;
}

static inline void on_fake(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct fake *f = ctx;
    sv target = http_server_raw_target(q);

    r->content_type = "application/json";
    if (fake_has(target, "/oauth2/")) {
        buf_printf(&r->body, "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"t%d\"}", ++f->tokens);
        return;
    }
    if (!sv_starts(http_server_header(q, "authorization"), SV("Bearer t")) || f->refused_tokens > 0) {
        f->refused_tokens -= f->refused_tokens > 0;
        r->status = 401;
    } else if (fake_has(target, f->denied)) {
        r->status = 403;
        buf_put(&r->body, SV("{\"error\":{\"code\":\"AuthorizationFailed\"}}"));
    } else if (fake_has(target, f->throttled)) {
        r->status = 429;
        buf_put(&r->headers, SV("Retry-After: 7\n"));
    } else if (fake_has(target, f->html)) {
        buf_put(&r->body, SV("<html>gateway</html>"));
    } else {
        fake_answer(f, q, target, r);
    }
}

static const struct http_route fake_routes[] = {
    { .method = "*", .path = "/*", .body_limit_bytes = 1 << 20, .handle = on_fake },
    { 0 },
};

static inline bool fake_start(struct fake *f)
{
    struct config_file file = { 0 };
    struct err e = { 0 };

    *f = (struct fake){ .workspace_names = { "ws-1" } };
    arena_init(&f->jobs_memory, 0);
    arena_init(&f->memory, 0);
    f->jobs.arena = &f->jobs_memory;
    f->http = loop_server(fake_routes, f, false);
    if (!f->http)
        return false;
    snprintf(f->base, sizeof f->base, "http://127.0.0.1:%u", http_server_port(f->http));
    setenv("TEST_AZURE_SECRET", "secret", 1);
    /* The defaults, as an empty section gives them; they hold no strings of the file. */
    if (config_parse(&file, "test", SV("{}"), &e) || config_bind(&file, NULL, "azure", azure_options, &f->config, &e)) {
        printf("# %s\n", e.text);
        return false;
    }
    config_done(&file);
    f->config.id = "azure";
    f->config.credential = AZURE_CREDENTIAL_CLIENT_SECRET;
    f->config.tenant_id = "tenant";
    f->config.client_id = "client";
    f->config.client_secret.reference = "env:TEST_AZURE_SECRET";
    f->config.logs.workspaces = (struct string_list){ f->workspace_names, 1 };
    f->config.endpoints.authority = f->config.endpoints.resource_manager = f->config.endpoints.metrics = f->base;
    f->config.endpoints.logs = f->base;
    f->config.endpoints.allow_plain = true;
    f->env = (struct source_env){
        .id = SV("azure"), .http = NULL, .limits = rate_limits_new(), .stats = source_stats_new()
    };
    f->source = azure_source_ops.open(&f->config, &f->env, &e);
    if (!f->source)
        printf("# %s\n", e.text);
    return f->source != NULL;
}

static inline void fake_stop(struct fake *f)
{
    azure_source_ops.close(f->source);
    http_server_stop(f->http);
    rate_limits_free(f->env.limits);
    source_stats_free(f->env.stats);
    arena_done(&f->jobs_memory);
    arena_done(&f->memory);
}

/* Asks for the jobs anew. */
static inline size_t fake_jobs(struct fake *f)
{
    struct err e = { 0 };

    arena_reset(&f->jobs_memory);
    f->jobs = (struct job_list){ .arena = &f->jobs_memory };
    if (azure_source_ops.jobs(f->source, &f->jobs, &e))
        printf("# jobs: %s\n", e.text);
    return f->jobs.n;
}

static inline const struct source_job *fake_job(struct fake *f, const char *scope, const char *group)
{
    for (size_t i = 0; i < f->jobs.n; i++)
        if (sv_eq(f->jobs.at[i].scope, sv_of(scope)) && sv_eq(f->jobs.at[i].group, sv_of(group)))
            return &f->jobs.at[i];
    return NULL;
}

/* Polls five minutes that ended ten minutes ago. */
static inline enum err_code fake_poll(struct fake *f, const char *scope, const char *group, struct frame **out,
                                      struct err *e)
{
    const struct source_job *job = fake_job(f, scope, group);
    int64_t to = clock_floor(clock_now(), NANO_PER_MIN) - 10 * NANO_PER_MIN;
    struct window w = { .from_unix_nano = to - 5 * NANO_PER_MIN, .to_unix_nano = to };

    *e = (struct err){ 0 };
    arena_reset(&f->memory);
    *out = frame_new(&f->memory, SV("azure"), sv_of(scope));
    if (!job) {
        printf("# no job %s %s\n", scope, group);
        return ERR_INTERNAL;
    }
    return azure_source_ops.poll(f->source, job, &w, *out, e);
}

#define FAKE_METRICS(sub) "sub:" sub "/swedencentral"

/* The first rounds of discovery. */
static inline bool fake_discover(struct fake *f)
{
    struct frame *out;
    struct err e;
    bool ok = fake_jobs(f) == 1 && fake_poll(f, "subscriptions", "inventory", &out, &e) == ERR_OK && fake_jobs(f) > 1;

    ok = ok && fake_poll(f, "sub:" FAKE_A, "inventory", &out, &e) == ERR_OK;
    ok = ok && fake_poll(f, "sub:" FAKE_B, "inventory", &out, &e) == ERR_OK;
    if (!ok)
        printf("# discovery: %s\n", e.text);
    return fake_jobs(f) > 3 && ok;
}

static inline size_t fake_count(const struct frame *f, const char *metric, const char *model)
{
    size_t n = 0;

    for (const struct batch *b = f->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            n += sv_eq(batch_sv(b, b->measures[i].name), sv_of(metric)) &&
                 (!model || sv_eq(batch_sv(b, b->measures[i].model), sv_of(model)));
    return n;
}

#endif
