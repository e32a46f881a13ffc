/*
 * A small OpenAI on loopback for tests of the source: an organization with projects proj_eu, proj_old (archived) and
 * proj_us, in pages of two. Every minute of usage has one request of each active project. Switches play the faults; counters
 * tell what was asked.
 */
#ifndef TESTS_OPENAI_FAKE_H
#define TESTS_OPENAI_FAKE_H

#include "collector/base/clock.h"
#include "collector/sources/openai/openai_state.h"
#include "collector/sources/source.h"
#include "collector/sources/stats.h"

#include "tests/collector/net/loop.h"

#define FAKE_KEY "sk-admin-good"

/* An answer in place of the right one. */
struct fake_fault {
    const char *path; /* part of the target; NULL: none */
    int status;
    const char *body, *headers;
    int times; /* 0: for ever */
};

struct fake {
    struct http_server *http;
    struct source_env env;
    struct openai_config config;
    struct source *source;
    struct arena jobs_memory, memory;
    struct job_list jobs;
    char base[64], target[2048]; /* of the last request */
    int64_t now;                 /* of all polls: a minute that ends in between would be one more */
    /* switches */
    struct fake_fault fault;
    unsigned page_buckets;   /* buckets of a page of usage; 0: all */
    bool cursor_repeats;     /* the second page's cursor leads to itself */
    bool no_cursor;          /* has_more without a cursor */
    const char *fresh;       /* a further project with usage */
    bool fresh_is_listed;    /* and in the list of projects */
    const char *bucket_step; /* "3600": hours whatever was asked for */
    bool refuses_keys;       /* costs by api_key_id */
    bool refuses_pages;      /* costs behind the first page */
    /* counters */
    atomic_int asked, usage, projects, costs, events, limits, faults;
};

static inline bool fake_has(sv text, const char *part)
{
    return part && sv_has(text, sv_of(part));
}

static inline void fake_project(struct http_server_response *r, const char *id, const char *status,
                                const char *residency)
{
    buf_printf(&r->body,
               "%s{\"object\":\"organization.project\",\"id\":\"%s\",\"name\":\"Project %s\",\"created_at\":1711471533,"
               "\"status\":\"%s\",\"residency\":\"%s\"}",
               sv_ends(buf_sv(&r->body), SV("[")) ? "" : ",", id, id, status, residency);
}

static inline void fake_projects(struct fake *f, const struct http_server_request *q, struct http_server_response *r)
{
    bool second = http_server_query(q, "after").len > 0;

    f->projects++;
    buf_put(&r->body, SV("{\"object\":\"list\",\"data\":["));
    if (!second) {
        fake_project(r, "proj_us", "active", "GLOBAL");
        fake_project(r, "proj_eu", "active", "EU_STORAGE_PROCESSING");
    } else {
        fake_project(r, "proj_old", "archived", "JP_STORAGE");
        if (f->fresh && f->fresh_is_listed)
            fake_project(r, f->fresh, "active", "US_STORAGE_PROCESSING");
    }
    buf_printf(&r->body, "],\"first_id\":\"x\",\"last_id\":\"%s\",\"has_more\":%s}", second ? "proj_old" : "proj_eu",
               second ? "false" : "true");
}

static inline void fake_result(const struct fake *f, struct http_server_response *r, const char *kind,
                               const char *project)
{
    buf_printf(&r->body,
               "%s{\"object\":\"organization.usage.%s.result\",\"input_tokens\":10,\"output_tokens\":0,"
               "\"num_model_requests\":1,\"project_id\":\"%s\",\"user_id\":%s,\"api_key_id\":null,"
               "\"model\":\"gpt-5-mini-2025-08-07\",\"batch\":false,\"service_tier\":\"default\"}",
               sv_ends(buf_sv(&r->body), SV("[")) ? "" : ",", kind, project,
               fake_has(sv_of(f->target), "user_id") ? "\"user_1\"" : "null");
}

/* Pages are named by the start of their first bucket. */
static inline void fake_usage(struct fake *f, const struct http_server_request *q, sv kind,
                              struct http_server_response *r)
{
    int64_t from = 0, to = 0, step = sv_eq(http_server_query(q, "bucket_width"), SV("1h")) ? 3600 : 60, page = 0;
    bool more;

    f->usage++;
    (void)sv_to_i64(http_server_query(q, "start_time"), &from);
    (void)sv_to_i64(http_server_query(q, "end_time"), &to);
    if (f->bucket_step)
        (void)sv_to_i64(sv_of(f->bucket_step), &step);
    if (sv_to_i64(http_server_query(q, "page"), &page))
        from = page;
    more = f->page_buckets && (to - from) / step > f->page_buckets;
    to = more ? from + step * f->page_buckets : to;
    buf_put(&r->body, SV("{\"object\":\"page\",\"data\":["));
    for (int64_t t = from; t < to; t += step) {
        char name[64];

        snprintf(name, sizeof name, "%.*s", SV_ARG(kind));
        buf_printf(&r->body, "%s{\"object\":\"bucket\",\"start_time\":%lld,\"end_time\":%lld,\"results\":[",
                   t > from ? "," : "", (long long)t, (long long)(t + step));
        fake_result(f, r, name, "proj_us");
        fake_result(f, r, name, "proj_eu");
        if (f->fresh)
            fake_result(f, r, name, f->fresh);
        buf_put(&r->body, SV("]}"));
    }
    if (more && !f->no_cursor)
        buf_printf(&r->body, "],\"has_more\":true,\"next_page\":\"%lld\"}",
                   (long long)(f->cursor_repeats && page ? page : to));
    else
        buf_printf(&r->body, "],\"has_more\":%s,\"next_page\":null}", more ? "true" : "false");
}

/* Each day costs 1.25, of proj_us. A day a page, as it is asked for. */
static inline void fake_costs(struct fake *f, const struct http_server_request *q, sv target,
                              struct http_server_response *r)
{
    int64_t from = 0, to = clock_now() / NANO_PER_S, page = 0;
    bool by_key = fake_has(target, "api_key_id");

    f->costs++;
    if ((by_key && f->refuses_keys) || (f->refuses_pages && fake_has(target, "page="))) {
        r->status = 400;
        buf_put(&r->body, SV("{\"error\":{\"message\":\"group_by api_key_id is not supported\",\"type\":"
                             "\"invalid_request_error\",\"param\":\"group_by\",\"code\":null}}"));
        return;
    }
    (void)sv_to_i64(http_server_query(q, "start_time"), &from);
    (void)sv_to_i64(http_server_query(q, "end_time"), &to);
    from = sv_to_i64(http_server_query(q, "page"), &page) ? page : from;
    buf_printf(
        &r->body,
        "{\"object\":\"page\",\"data\":[{\"object\":\"bucket\",\"start_time\":%lld,\"end_time\":%lld,\"results\":[{"
        "\"object\":\"organization.costs.result\",\"amount\":{\"value\":1.25,\"currency\":\"usd\"},"
        "\"line_item\":\"gpt-5-mini, output\",\"project_id\":\"proj_us\",\"api_key_id\":%s}]}],",
        (long long)from, (long long)from + 86400, by_key ? "\"key_1\"" : "null");
    from += 86400;
    buf_printf(&r->body, from < to ? "\"has_more\":true,\"next_page\":\"%lld\"}" : "\"has_more\":false}",
               (long long)from);
}

/* Three events in two pages; those of the tenant: one of them and another one. */
static inline void fake_events(struct fake *f, const struct http_server_request *q, struct http_server_response *r)
{
    static const char *const organization[] = { "c", "b", "a" }, *const tenant[] = { "t", "b" };
    bool above = sv_eq(http_server_query(q, "tenant_only"), SV("true"));
    const char *const *ids = above ? tenant : organization;
    size_t n = above ? 2 : 3, first = 0, last;
    sv after = http_server_query(q, "after");

    f->events++;
    while (after.len && first < n && !sv_eq(sv_of(ids[first]), after))
        first++;
    first += after.len > 0;
    last = first + 2 < n ? first + 2 : n;
    buf_put(&r->body, SV("{\"object\":\"list\",\"data\":["));
    for (size_t i = first; i < last; i++)
        buf_printf(&r->body, "%s{\"id\":\"%s\",\"type\":\"login.%s\",\"effective_at\":%.*s}", i > first ? "," : "",
                   ids[i], i % 2 ? "failed" : "succeeded", SV_ARG(http_server_query(q, "effective_at[gte]")));
    buf_printf(&r->body, "],\"first_id\":\"x\",\"last_id\":\"%s\",\"has_more\":%s}", last > first ? ids[last - 1] : "",
               last < n ? "true" : "false");
}

static inline void fake_limits(struct fake *f, struct http_server_response *r)
{
    f->limits++;
    buf_put(&r->body, SV("{\"object\":\"list\",\"data\":[{\"object\":\"project.rate_limit\",\"id\":\"rl-1\",\"model\":"
                         "\"gpt-6-sol\",\"max_requests_per_1_minute\":600,\"max_tokens_per_1_minute\":150000}],"
                         "\"first_id\":\"rl-1\",\"last_id\":\"rl-1\",\"has_more\":false}"));
}

static inline bool fake_plays_fault(struct fake *f, sv target, struct http_server_response *r)
{
    if (!fake_has(target, f->fault.path))
        return false;
    if (f->fault.times && f->faults >= f->fault.times)
        return false;
    f->faults++;
    r->status = f->fault.status;
    buf_put(&r->body, sv_of(f->fault.body));
    buf_put(&r->headers, sv_of(f->fault.headers));
    return true;
}

static inline void on_fake(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct fake *f = ctx;
    sv target = http_server_raw_target(q), path = q->path;

    f->asked++;
    snprintf(f->target, sizeof f->target, "%.*s", SV_ARG(target));
    r->content_type = "application/json";
    if (fake_plays_fault(f, target, r))
        return;
    if (!sv_eq(http_server_header(q, "authorization"), SV("Bearer " FAKE_KEY))) {
        r->status = 401;
        buf_put(&r->body, SV("{\"error\":{\"message\":\"Incorrect API key provided: sk-admin-b*d.\",\"type\":"
                             "\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"}}"));
    } else if (sv_starts(path, SV("/v1/organization/usage/"))) {
        fake_usage(f, q, sv_skip(path, strlen("/v1/organization/usage/")), r);
    } else if (sv_eq(path, SV("/v1/organization/projects"))) {
        fake_projects(f, q, r);
    } else if (sv_ends(path, SV("/rate_limits"))) {
        fake_limits(f, r);
    } else if (sv_eq(path, SV("/v1/organization/costs"))) {
        fake_costs(f, q, target, r);
    } else if (sv_eq(path, SV("/v1/organization/audit_logs"))) {
        fake_events(f, q, r);
    } else {
        r->status = 404;
        buf_put(&r->body, SV("{\"error\":{\"message\":\"Unknown request URL\",\"type\":\"invalid_request_error\"}}"));
    }
}

static const struct http_route fake_routes[] = {
    { .method = "*", .path = "/*", .body_limit_bytes = 1 << 20, .handle = on_fake },
    { 0 },
};

static inline bool fake_open(struct fake *f)
{
    struct err e = { 0 };

    f->source = openai_source_ops.open(&f->config, &f->env, &e);
    if (!f->source)
        printf("# %s\n", e.text);
    return f->source != NULL;
}

static inline bool fake_start(struct fake *f)
{
    struct config_file file = { 0 };
    struct err e = { 0 };

    *f = (struct fake){ 0 };
    arena_init(&f->jobs_memory, 0);
    arena_init(&f->memory, 0);
    f->jobs.arena = &f->jobs_memory;
    f->http = loop_server(fake_routes, f, false);
    if (!f->http)
        return false;
    snprintf(f->base, sizeof f->base, "http://127.0.0.1:%u/v1/", http_server_port(f->http));
    setenv("TEST_OPENAI_KEY", FAKE_KEY, 1);
    /* The defaults, as an empty section gives them; they hold no strings of the file. */
    if (config_parse(&file, "test", SV("{}"), &e) ||
        config_bind(&file, NULL, "openai", openai_options, &f->config, &e)) {
        printf("# %s\n", e.text);
        return false;
    }
    config_done(&file);
    f->config.id = "openai";
    f->config.admin_key.reference = "env:TEST_OPENAI_KEY";
    f->config.organization = "org-test";
    f->config.endpoints.url = f->base;
    f->config.endpoints.allow_plain = true;
    f->env = (struct source_env){
        .id = SV("openai"), .http = NULL, .limits = rate_limits_new(), .stats = source_stats_new()
    };
    return fake_open(f);
}

static inline void fake_stop(struct fake *f)
{
    openai_source_ops.close(f->source);
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
    if (openai_source_ops.jobs(f->source, &f->jobs, &e))
        printf("# jobs: %s\n", e.text);
    return f->jobs.n;
}

static inline const struct source_job *fake_job(const struct fake *f, const char *group)
{
    for (size_t i = 0; i < f->jobs.n; i++)
        if (sv_eq(f->jobs.at[i].group, sv_of(group)))
            return &f->jobs.at[i];
    return NULL;
}

static inline enum err_code fake_poll_window(struct fake *f, const char *group, int64_t from, int64_t to,
                                             struct frame **out, struct err *e)
{
    const struct source_job *job = fake_job(f, group);
    struct window w = { .from_unix_nano = from, .to_unix_nano = to };

    *e = (struct err){ 0 };
    arena_reset(&f->memory);
    *out = frame_new(&f->memory, SV("openai"), SV("organization"));
    if (!job) {
        printf("# no job %s\n", group);
        return ERR_INTERNAL;
    }
    f->faults = 0;
    return openai_source_ops.poll(f->source, job, &w, *out, e);
}

/* Polls five steps of the job that ended ten of them ago. */
static inline enum err_code fake_poll(struct fake *f, const char *group, struct frame **out, struct err *e)
{
    const struct source_job *job = fake_job(f, group);
    int64_t step = job && job->grain_ms > 1000 ? job->grain_ms * NANO_PER_MS : NANO_PER_MIN;
    int64_t to;

    f->now = f->now ? f->now : clock_now();
    to = clock_floor(f->now, step) - 10 * step;
    return fake_poll_window(f, group, to - 5 * step, to, out, e);
}

/* What the source goes on without; empty: nothing of that name. */
static inline const char *fake_note(struct fake *f, const char *what)
{
    static struct source_note notes[STATS_NOTES_MAX];
    size_t n = source_stats_notes(f->env.stats, notes);

    for (size_t i = 0; i < n; i++)
        if (strcmp(notes[i].what, what) == 0)
            return notes[i].text;
    return "";
}

static inline bool fake_discover(struct fake *f)
{
    struct frame *out;
    struct err e;
    bool ok = fake_jobs(f) > 0 && fake_poll(f, "inventory", &out, &e) == ERR_OK;

    if (!ok)
        printf("# discovery: %s\n", e.text);
    return fake_jobs(f) > 1 && ok;
}

/* Measures of this name, of this resource or of any. */
static inline size_t fake_count(const struct frame *f, const char *name, const char *project)
{
    size_t n = 0;

    for (const struct batch *b = f->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            n += sv_eq(batch_sv(b, b->measures[i].name), sv_of(name)) &&
                 (!project || sv_eq(batch_sv(b, b->origin.resource), sv_of(project)));
    return n;
}

static inline const struct batch *fake_batch(const struct frame *f, const char *project)
{
    const struct batch *b = f->batches;

    while (b && !sv_eq(batch_sv(b, b->origin.resource), sv_of(project)))
        b = b->next;
    return b;
}

#endif
