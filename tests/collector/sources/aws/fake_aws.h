/*
 * A small AWS on loopback for tests of the source: our account FAKE_A and FAKE_B in a nested unit, one suspended; Bedrock
 * in us-east-1 alone, nothing in eu-west-1. Signatures are not looked at (cloudsim verifies them), the access key is:
 * each account's role gives keys named after it. Every entry that GetMetricData is asked for has 1 a minute. Switches
 * play the faults; counters and bodies tell what was asked.
 */
#ifndef TESTS_AWS_FAKE_H
#define TESTS_AWS_FAKE_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/base/clock.h"
#include "collector/sources/aws/aws_state.h"
#include "collector/sources/stats.h"

#include "tests/collector/net/loop.h"

#define FAKE_A     "111111111111"
#define FAKE_B     "222222222222"
#define FAKE_PLACE "account:" FAKE_A "/us-east-1"
#define FAKE_B_USE "account:" FAKE_B "/us-east-1"

struct fake {
    struct http_server *http;
    struct source_env env;
    struct aws_config config;
    struct source *source;
    struct arena jobs_memory, memory;
    struct job_list jobs;
    struct window window; /* of the last poll */
    char base[64], files[64], credentials[96];
    /* switches */
    const char *denied;       /* operations with this in their name answer AccessDeniedException */
    const char *throttled;    /* 400 ThrottlingException */
    const char *expired;      /* ExpiredTokenException, once */
    const char *role;         /* account whose role is not to be assumed */
    const char *runtime;      /* further runtime metrics: members of the array, before a comma */
    const char *status;       /* StatusCode of the entries of the first page; NULL: Complete */
    const char *time, *value; /* of every datapoint, as JSON */
    bool paged;               /* GetMetricData answers in two pages */
    int cut;                  /* that many answers of GetMetricData lack their second half */
    int stale_tokens;         /* that many second pages say InvalidNextToken */
    bool loses;               /* the last entry is missing */
    bool no_organization;
    bool events; /* log groups and the event history answer, with nothing */
    struct ledger *ledger;
    const char *refuses; /* a region where our keys are unknown */
    bool rests;          /* nothing is recently active */
    /* counters */
    atomic_int metrics, listed, roles, probes, profiles, tags;
    char asked[8][200000]; /* bodies of GetMetricData */
};

static inline bool fake_has(sv text, const char *part)
{
    return part && sv_has(text, sv_of(part));
}

static inline void fake_error(struct http_server_response *r, int status, const char *name)
{
    r->status = status;
    buf_printf(&r->body, "{\"__type\":\"com.amazonaws#%s\",\"message\":\"says %s\"}", name, name);
}

#define FAKE_METRIC(ns, name, dims) "{\"Namespace\":\"" ns "\",\"MetricName\":\"" name "\",\"Dimensions\":[" dims "]}"
#define FAKE_DIM(name, value)       "{\"Name\":\"" name "\",\"Value\":\"" value "\"}"
#define FAKE_SOL                    FAKE_DIM("ModelId", "us.openai.gpt-6-sol")

/* clang-format off */
#define FAKE_MANTLE(name, dims) FAKE_METRIC("AWS/BedrockMantle", name, dims)
#define FAKE_PROJECT            FAKE_DIM("Project", "p1")
#define FAKE_OSS                FAKE_DIM("Model", "openai.gpt-oss-120b")
#define FAKE_MANTLE_SERIES                                                                                             \
    "{\"Metrics\":["                                                                                                   \
    FAKE_MANTLE("Inferences", "") ","                                                                                  \
    FAKE_MANTLE("Inferences", FAKE_PROJECT) ","                                                                        \
    FAKE_MANTLE("Inferences", FAKE_OSS) ","                                                                            \
    FAKE_MANTLE("Inferences", FAKE_OSS "," FAKE_PROJECT) ","                                                           \
    FAKE_MANTLE("TotalInputTokens", FAKE_PROJECT) "]}"
#define FAKE_RUNTIME(name, dims) FAKE_METRIC("AWS/Bedrock", name, dims)
#define FAKE_TIERS               FAKE_DIM("ServiceTier", "default") "," FAKE_DIM("ResolvedServiceTier", "default")
#define FAKE_RUNTIME_SERIES                                                                                            \
    FAKE_RUNTIME("Invocations", "") ","                                                                                \
    FAKE_RUNTIME("Invocations", FAKE_SOL) ","                                                                          \
    FAKE_RUNTIME("InvocationLatency", FAKE_SOL) ","                                                                    \
    FAKE_RUNTIME("Invocations", FAKE_SOL "," FAKE_TIERS) ","                                                           \
    FAKE_RUNTIME("Invocations", FAKE_DIM("ModelId", "anthropic.claude-x")) ","                                         \
    FAKE_RUNTIME("Invocations", FAKE_DIM("ModelId", "abc123")) "]}"
/* clang-format on */

static inline void fake_list_metrics(struct fake *f, sv body, sv region, struct http_server_response *r)
{
    f->listed++;
    if (!sv_eq(region, SV("us-east-1")) || (f->rests && fake_has(body, "RecentlyActive"))) {
        buf_put(&r->body, SV("{\"Metrics\":[]}"));
    } else if (fake_has(body, "BedrockMantle")) {
        /* All four levels of one call, and an empty page before them. */
        if (!fake_has(body, "NextToken"))
            buf_put(&r->body, SV("{\"Metrics\":[],\"NextToken\":\"n2\"}"));
        else
            buf_put(&r->body, SV(FAKE_MANTLE_SERIES));
    } else {
        buf_printf(&r->body, "{\"Metrics\":[%s", f->runtime ? f->runtime : "");
        buf_put(&r->body, SV(FAKE_RUNTIME_SERIES));
    }
}

/* The number after "name": in a body. */
static inline int64_t fake_number(sv body, const char *name)
{
    int64_t n = 0;

    while (body.len && !sv_starts(body, sv_of(name)))
        body = sv_skip(body, 1);
    body = sv_skip(body, strlen(name));
    (void)sv_to_i64(sv_cut(&body, ','), &n);
    return n;
}

static inline void fake_entry(struct fake *f, sv id, int64_t from, int64_t to, int64_t step, const char *status,
                              struct http_server_response *r)
{
    buf_printf(&r->body, "{\"Id\":\"%.*s\",\"Label\":\"x\",\"StatusCode\":\"%s\",\"Timestamps\":[", SV_ARG(id), status);
    for (int64_t t = from; t < to; t += step)
        if (f->time)
            buf_printf(&r->body, "%s%s", t > from ? "," : "", f->time);
        else
            buf_printf(&r->body, "%s%lld", t > from ? "," : "", (long long)t);
    buf_put(&r->body, SV("],\"Values\":["));
    for (int64_t t = from; t < to; t += step)
        buf_printf(&r->body, "%s%s", t > from ? "," : "", f->value ? f->value : "1.0");
    buf_put(&r->body, SV("]}"));
}

static inline void fake_metric_data(struct fake *f, sv body, struct http_server_response *r)
{
    int64_t from = fake_number(body, "\"StartTime\":"), to = fake_number(body, "\"EndTime\":");
    int64_t step = fake_number(body, "\"Period\":"), half = from + (to - from) / (2 * step) * step;
    bool second = fake_has(body, "NextToken");
    bool first = true;
    int n = f->metrics++;

    if (n < 8)
        snprintf(f->asked[n], sizeof f->asked[n], "%.*s", SV_ARG(body));
    if (second && f->stale_tokens > 0) {
        f->stale_tokens--;
        fake_error(r, 400, "InvalidNextToken");
        return;
    }
    buf_put(&r->body, SV("{\"Messages\":[],\"MetricDataResults\":["));
    while (body.len) {
        sv id;

        while (body.len && !sv_starts(body, SV("\"Id\":\"")))
            body = sv_skip(body, 1);
        body = sv_skip(body, strlen("\"Id\":\""));
        id = sv_cut(&body, '"');
        if (id.len == 0 || (f->loses && !sv_has(body, SV("\"Id\":\""))))
            break;
        buf_put(&r->body, first ? SV("") : SV(","));
        fake_entry(f, id, second ? half : from, f->paged && !second ? half : to, step,
                   !second && f->status  ? f->status
                   : f->paged && !second ? "PartialData"
                                         : "Complete",
                   r);
        first = false;
    }
    buf_put(&r->body, f->paged && !second ? SV("],\"NextToken\":\"more\"}") : SV("]}"));
}

static inline void fake_control_plane(struct fake *f, sv target, struct http_server_response *r)
{
    if (fake_has(target, "/logging/"))
        buf_put(&r->body, SV("{\"loggingConfig\":{\"cloudWatchConfig\":{\"logGroupName\":\"/bedrock/x\"}}}"));
    else if (fake_has(target, "/inference-profiles?")) {
        f->profiles++;
        buf_put(&r->body,
                SV("{\"inferenceProfileSummaries\":[{\"inferenceProfileId\":\"abc123\",\"inferenceProfileName\":\"n\","
                   "\"inferenceProfileArn\":\"arn:aws:bedrock:us-east-1:" FAKE_A
                   ":application-inference-profile/abc123\","
                   "\"type\":\"APPLICATION\",\"models\":[{\"modelArn\":\"arn:aws:bedrock:us-east-1::foundation-model/"
                   "openai.gpt-oss-20b-1:0\"}]}]}"));
    } else if (fake_has(target, "/listTagsForResource")) {
        f->tags++;
        buf_put(&r->body, SV("{\"tags\":[{\"key\":\"Team\",\"value\":\"search\"},{\"key\":\"x\",\"value\":\"y\"}]}"));
    } else {
        fake_error(r, 404, "ResourceNotFoundException");
    }
}

static inline void fake_organizations(sv operation, sv body, struct http_server_response *r)
{
    if (fake_has(operation, "ListOrganizationalUnits"))
        buf_put(&r->body, fake_has(body, "\"ou-top\"") ? SV("{\"OrganizationalUnits\":[{\"Id\":\"ou-below\"}]}")
                                                       : SV("{\"OrganizationalUnits\":[]}"));
    else if (fake_has(body, "\"ou-top\""))
        buf_put(&r->body, SV("{\"Accounts\":[{\"Id\":\"" FAKE_A "\",\"State\":\"ACTIVE\"},{\"Id\":\"333333333333\","
                             "\"State\":\"SUSPENDED\",\"Status\":\"ACTIVE\"}]}"));
    else
        buf_put(&r->body, SV("{\"Accounts\":[{\"Id\":\"" FAKE_B "\",\"Status\":\"ACTIVE\"}]}"));
}

static inline void fake_sts(struct fake *f, sv body, struct http_server_response *r)
{
    r->content_type = "text/xml";
    if (fake_has(body, "GetCallerIdentity")) {
        buf_put(&r->body,
                SV("<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::" FAKE_A ":user/t</Arn>"
                   "<UserId>U</UserId><Account>" FAKE_A "</Account></GetCallerIdentityResult>"
                   "</GetCallerIdentityResponse>"));
        return;
    }
    f->roles++;
    if (fake_has(body, f->role)) {
        r->status = 403;
        buf_put(&r->body, SV("<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                             "</ErrorResponse>"));
        return;
    }
    buf_put(&r->body, SV("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAB</AccessKeyId>"
                         "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>"));
    buf_time(&r->body, clock_now() + NANO_PER_H, 0);
    buf_put(&r->body, SV("</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"));
}

/* Region and service of a credential scope: AKID/date/region/service/aws4_request. */
static inline sv fake_scope(sv authorization, sv *service)
{
    sv region;

    while (authorization.len && !sv_starts(authorization, SV("Credential=")))
        authorization = sv_skip(authorization, 1);
    (void)sv_cut(&authorization, '/');
    (void)sv_cut(&authorization, '/');
    region = sv_cut(&authorization, '/');
    *service = sv_cut(&authorization, '/');
    return region;
}

static inline void on_fake(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct fake *f = ctx;
    sv service, region = fake_scope(http_server_header(q, "authorization"), &service);
    sv target = http_server_raw_target(q), operation = http_server_header(q, "x-amz-target");

    r->content_type = "application/json";
    operation = operation.len ? operation : target;
    if (service.len == 0) {
        fake_error(r, 403, "MissingAuthenticationToken");
    } else if (sv_eq(service, SV("sts"))) {
        fake_sts(f, q->body, r);
    } else if (f->refuses && sv_eq(region, sv_of(f->refuses))) {
        fake_error(r, 403, "UnrecognizedClientException");
    } else if (fake_has(operation, f->denied)) {
        fake_error(r, 400, "AccessDeniedException");
    } else if (fake_has(operation, f->throttled)) {
        fake_error(r, 400, "ThrottlingException");
    } else if (fake_has(operation, f->expired)) {
        f->expired = NULL;
        fake_error(r, 400, "ExpiredTokenException");
    } else if (fake_has(operation, "Organizations")) {
        if (f->no_organization)
            fake_error(r, 400, "AWSOrganizationsNotInUseException");
        else
            fake_organizations(operation, q->body, r);
    } else if (fake_has(operation, "/listRegions")) {
        buf_put(&r->body, SV("{\"Regions\":["));
        if (f->refuses)
            buf_printf(&r->body, "{\"RegionName\":\"%s\",\"RegionOptStatus\":\"ENABLED\"},", f->refuses);
        buf_put(&r->body, SV("{\"RegionName\":\"us-east-1\",\"RegionOptStatus\":\"ENABLED_BY_DEFAULT\"},"
                             "{\"RegionName\":\"eu-west-1\",\"RegionOptStatus\":\"ENABLED\"},"
                             "{\"RegionName\":\"af-south-1\",\"RegionOptStatus\":\"DISABLED\"}]}"));
    } else if (fake_has(operation, "ListMetrics")) {
        fake_list_metrics(f, q->body, region, r);
    } else if (fake_has(operation, "GetMetricData")) {
        fake_metric_data(f, q->body, r);
        if (f->cut > 0) {
            f->cut--;
            r->body.len /= 2;
        }
    } else if (fake_has(operation, "ListServiceQuotas")) {
        buf_put(&r->body,
                SV("{\"Quotas\":[{\"QuotaName\":\"Cross-Region InvokeModel tokens per minute for OpenAI GPT-6 Sol\","
                   "\"Value\":1.0E7},{\"QuotaName\":\"Something else\",\"Value\":1}]}"));
    } else if (f->events && fake_has(operation, "FilterLogEvents")) {
        buf_put(&r->body, SV("{\"events\":[]}"));
    } else if (f->events && fake_has(operation, "LookupEvents")) {
        buf_put(&r->body, SV("{\"Events\":[]}"));
    } else {
        fake_control_plane(f, target, r);
    }
}

static const struct http_route fake_routes[] = {
    { .method = "*", .path = "/*", .body_limit_bytes = 1 << 20, .handle = on_fake },
    { 0 },
};

static inline bool fake_credentials(struct fake *f)
{
    FILE *file;

    snprintf(f->files, sizeof f->files, "/tmp/fake_aws_XXXXXX");
    if (!mkdtemp(f->files))
        return false;
    snprintf(f->credentials, sizeof f->credentials, "%s/credentials", f->files);
    file = fopen(f->credentials, "w");
    if (!file)
        return false;
    fprintf(file, "[test]\naws_access_key_id = AKIDA\naws_secret_access_key = secret\n");
    return fclose(file) == 0;
}

/* Before fake_start: the configuration may be changed between this and fake_open. */
static inline bool fake_begin(struct fake *f)
{
    struct config_file file = { 0 };
    struct err e = { 0 };

    memset(f, 0, sizeof *f);
    arena_init(&f->jobs_memory, 0);
    arena_init(&f->memory, 256 << 20);
    f->jobs.arena = &f->jobs_memory;
    f->http = loop_server(fake_routes, f, false);
    if (!f->http || !fake_credentials(f))
        return false;
    snprintf(f->base, sizeof f->base, "http://127.0.0.1:%u", http_server_port(f->http));
    /* The defaults, as an empty section gives them; they hold no strings of the file but constants. */
    if (config_parse(&file, "test", SV("{}"), &e) || config_bind(&file, NULL, "aws", aws_options, &f->config, &e)) {
        printf("# %s\n", e.text);
        return false;
    }
    config_done(&file);
    f->config.id = "aws";
    f->config.profile = "test";
    f->config.shared_credentials_file = f->config.config_file = f->credentials;
    f->config.region = "us-east-1";
    f->config.regions = (struct string_list){ 0 };
    f->config.logs.group = "auto";
    f->config.role_arn = "arn:aws:iam::{account}:role/trefoil-read";
    f->config.accounts.organization_unit = "ou-top";
    f->config.endpoints.url = f->base;
    f->config.endpoints.allow_plain = true;
    return true;
}

static inline bool fake_open(struct fake *f)
{
    struct err e = { 0 };
    static const char *openai[] = { "openai" };
    static const struct string_list publishers = { openai, 1 };

    f->env = (struct source_env){ .id = SV("aws"),
                                  .limits = rate_limits_new(),
                                  .stats = source_stats_new(),
                                  .publishers = &publishers,
                                  .ledger = f->ledger };
    f->source = aws_source_ops.open(&f->config, &f->env, &e);
    if (!f->source)
        printf("# %s\n", e.text);
    return f->source != NULL;
}

static inline bool fake_open_with(struct fake *f, struct ledger *ledger)
{
    f->ledger = ledger;
    return fake_open(f);
}

static inline bool fake_start(struct fake *f)
{
    return fake_begin(f) && fake_open(f);
}

static inline void fake_stop(struct fake *f)
{
    aws_source_ops.close(f->source);
    http_server_stop(f->http);
    rate_limits_free(f->env.limits);
    source_stats_free(f->env.stats);
    arena_done(&f->jobs_memory);
    arena_done(&f->memory);
    unlink(f->credentials);
    rmdir(f->files);
}

/* Asks for the jobs anew. */
static inline size_t fake_jobs(struct fake *f)
{
    struct err e = { 0 };

    arena_reset(&f->jobs_memory);
    f->jobs = (struct job_list){ .arena = &f->jobs_memory };
    if (aws_source_ops.jobs(f->source, &f->jobs, &e))
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

/* Polls `minutes` that ended ten minutes ago. */
static inline enum err_code fake_poll_minutes(struct fake *f, const char *scope, const char *group, int minutes,
                                              struct frame **out, struct err *e)
{
    const struct source_job *job = fake_job(f, scope, group);
    int64_t to = clock_floor(clock_now(), NANO_PER_MIN) - 10 * NANO_PER_MIN;

    f->window = (struct window){ .from_unix_nano = to - minutes * NANO_PER_MIN, .to_unix_nano = to };
    *e = (struct err){ 0 };
    arena_reset(&f->memory);
    *out = frame_new(&f->memory, SV("aws"), sv_of(scope));
    if (!job) {
        printf("# no job %s %s\n", scope, group);
        return ERR_INTERNAL;
    }
    return aws_source_ops.poll(f->source, job, &f->window, *out, e);
}

static inline enum err_code fake_poll(struct fake *f, const char *scope, const char *group, struct frame **out,
                                      struct err *e)
{
    return fake_poll_minutes(f, scope, group, 5, out, e);
}

/* Accounts, regions of the first, its place. */
static inline bool fake_discover(struct fake *f)
{
    struct frame *out;
    struct err e;
    bool ok = fake_jobs(f) == 1 && fake_poll(f, "accounts", "inventory", &out, &e) == ERR_OK && fake_jobs(f) > 1;

    ok = ok && fake_poll(f, "account:" FAKE_A, "inventory", &out, &e) == ERR_OK && fake_jobs(f);
    ok = ok && fake_poll(f, FAKE_PLACE, "inventory", &out, &e) == ERR_OK;
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

static inline size_t fake_measures(const struct frame *f)
{
    size_t n = 0;

    for (const struct batch *b = f->batches; b; b = b->next)
        n += b->n_measures;
    return n;
}

#endif
