/*
 * Truth, Google's part, computed from the calls and from nothing that the simulated APIs answer:
 *  - requests, tokens and latencies of all calls but those of the console; a self-deployed endpoint's requests by class
 *    of code, without operation and tier, and no tokens;
 *  - buckets of latencies as wholes: one of Google's is in that of ours which holds its upper bound;
 *  - logged calls where Data Access logging is on and the collector may read it, without exempted callers: once each, at
 *    the time of the entry that has the status. ChatCompletions name no model, endpoints none either; the log does not
 *    tell what an endpoint serves, so calls of all endpoints are there;
 *  - administration once per entry;
 *  - other publishers' models and other endpoints nowhere else.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/gcp/gcp_calls.h"
#include "tests/cloudsim/gcp/gcp_layout.h"
#include "tests/cloudsim/truth.h"

struct sums {
    uint64_t requests[GCP_METHODS][GCP_TIERS][GCP_STATUSES];
    uint64_t tokens[GCP_TIERS][GCP_TOKEN_TYPES];
    uint64_t duration[BUCKETS], first_token[BUCKETS];
};

/* Of one project: entries by where, what, how; [with_model]: those that name a publisher's model. */
struct logged {
    uint64_t calls[GCP_METHODS][OUTCOMES];
};
struct project_sums {
    struct logged openapi[GCP_LOCATIONS];   /* ChatCompletions through .../endpoints/openapi */
    uint64_t callers[GCP_CALLERS];          /* of calls that name no model */
    uint64_t events[GCP_EVENTS_COUNTED][3]; /* started, success, failure */
};

enum { STARTED, SUCCEEDED, FAILED };
/* An entry may be timed so many minutes after its call began. */
enum { LAST_ENTRY_MIN = 6 };

/* ---- sums ---- */

/* The bucket of ours that holds the upper bound of the bucket of theirs that holds `ms`. */
static unsigned bucket_for(const struct gcp_layout *l, uint32_t ms)
{
    unsigned theirs = gcp_layout_bucket(l, ms), ours = 0;
    double upper;

    if (theirs + 1 == gcp_layout_buckets(l))
        return BUCKETS - 1;
    upper = gcp_layout_bound(l, theirs) * 1000;
    while (ours + 1 < BUCKETS && (double)bucket_bounds_us[ours] < upper * (1 - 1e-12))
        ours++;
    return ours;
}

static void add_call(const struct gcp_deployment *d, int64_t minute, const struct gcp_call *c, struct sums *t)
{
    bool whole = d->kind == GCP_ENDPOINT;

    if (c->console)
        return;
    t->requests[c->method][c->tier][c->status]++;
    for (unsigned i = 0; i < GCP_TOKEN_TYPES; i++)
        t->tokens[c->tier][i] += c->tokens[i];
    /* Managed: latency_type "model", which calls that fail have not; endpoints: "total", which all have. */
    if (whole || !c->status)
        t->duration[bucket_for(gcp_layout_of(d, false, minute), c->latency_ms + (whole ? c->overhead_ms : 0))]++;
    if (c->ttft_ms && !whole)
        t->first_token[bucket_for(gcp_layout_of(d, true, minute), c->ttft_ms)]++;
}

/* ---- series ---- */

static void begin(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                  const char *family)
{
    truth_begin(out, family, "gcp");
    truth_label(out, "account", w->projects[d->project].id);
    truth_label(out, "cloud_region", d->location->name);
    truth_label(out, "platform", SV("vertex_ai"));
    truth_label(out, "resource", d->label_resource);
    truth_label(out, "deployment", d->label_deployment);
    truth_label(out, "model", d->label_model);
}

static void write_request(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                          const char *operation, const char *tier, enum outcome o, const char *code, uint64_t n)
{
    begin(w, out, d, "genai_requests_total");
    truth_label(out, "operation", sv_of(operation));
    truth_label(out, "tier", sv_of(tier));
    truth_label(out, "outcome", sv_of(outcome_names[o]));
    truth_label(out, "code", sv_of(code));
    truth_end(out, n);
}

/* Methods of one label are one series: `first` is the first of them. */
static bool is_first_of_label(unsigned method)
{
    for (unsigned i = 0; i < method; i++)
        if (!strcmp(gcp_methods[i].label, gcp_methods[method].label))
            return false;
    return true;
}

static uint64_t by_label(const struct sums *t, unsigned method, unsigned tier, unsigned status)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < GCP_METHODS; i++)
        if (!strcmp(gcp_methods[i].label, gcp_methods[method].label))
            n += t->requests[i][tier][status];
    return n;
}

/* A series is there with its siblings: success 200, throttled 429, client_error 400, server_error 500. */
static void write_managed_requests(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                                   const struct sums *t)
{
    for (unsigned m = 0; m < GCP_METHODS; m++) {
        for (unsigned tier = 0; is_first_of_label(m) && tier < GCP_TIERS; tier++) {
            uint64_t any = 0;

            for (unsigned s = 0; s < GCP_STATUSES; s++)
                any += by_label(t, m, tier, s);
            for (unsigned s = 0; any && s < GCP_STATUSES; s++) {
                unsigned http = gcp_statuses[s].http;
                uint64_t n = by_label(t, m, tier, s);
                char code[8] = { (char)('0' + http / 100), (char)('0' + http / 10 % 10), (char)('0' + http % 10),
                                 '\0' };

                if (n || http == 200 || http == 429 || http == 400 || http == 500)
                    write_request(w, out, d, gcp_methods[m].label, gcp_tiers[tier], gcp_statuses[s].outcome, code, n);
            }
        }
    }
}

static void write_endpoint_requests(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                                    const struct sums *t)
{
    static const struct {
        unsigned of;
        enum outcome outcome;
        const char *code;
    } classes[] = { { 2, OUTCOME_SUCCESS, "2xx" },
                    { 4, OUTCOME_CLIENT_ERROR, "4xx" },
                    { 5, OUTCOME_SERVER_ERROR, "5xx" } };
    uint64_t n[3] = { 0 };

    for (unsigned i = 0; i < GCP_METHODS * GCP_TIERS * GCP_STATUSES; i++)
        for (unsigned k = 0; k < 3; k++)
            if (gcp_statuses[i % GCP_STATUSES].http / 100 == classes[k].of)
                n[k] += t->requests[i / GCP_STATUSES / GCP_TIERS][i / GCP_STATUSES % GCP_TIERS][i % GCP_STATUSES];
    for (unsigned k = 0; n[0] + n[1] + n[2] && k < 3; k++)
        write_request(w, out, d, "", "", classes[k].outcome, classes[k].code, n[k]);
}

static void write_token_series(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                               const char *family, const char *tier, const char *name, const char *value, uint64_t n)
{
    if (!n)
        return;
    begin(w, out, d, family);
    truth_label(out, "tier", sv_of(tier));
    truth_label(out, name, sv_of(value));
    truth_end(out, n);
}

static void write_tokens(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                         const struct sums *t)
{
    const char *total = "genai_tokens_total", *parts = "genai_token_parts_total";

    for (unsigned i = 0; i < GCP_TIERS; i++) {
        const uint64_t *n = t->tokens[i];
        uint64_t written = n[GCP_CACHE_WRITE] + n[GCP_CACHE_WRITE_1H];

        write_token_series(w, out, d, total, gcp_tiers[i], "direction", "input",
                           n[GCP_INPUT] + n[GCP_CACHE_READ] + written);
        write_token_series(w, out, d, total, gcp_tiers[i], "direction", "output", n[GCP_OUTPUT]);
        write_token_series(w, out, d, parts, gcp_tiers[i], "part", "cache_read", n[GCP_CACHE_READ]);
        write_token_series(w, out, d, parts, gcp_tiers[i], "part", "cache_write", written);
        write_token_series(w, out, d, parts, gcp_tiers[i], "part", "tool_use_input", n[GCP_TOOL_USE]);
    }
}

static void write_histogram(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                            const char *count_family, const char *bucket_family, const uint64_t buckets[BUCKETS])
{
    uint64_t n = 0;
    char le[32];

    for (unsigned i = 0; i < BUCKETS; i++)
        n += buckets[i];
    if (!n)
        return;
    begin(w, out, d, count_family);
    truth_end(out, n);
    n = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        n += buckets[i];
        begin(w, out, d, bucket_family);
        truth_label(out, "le", truth_bound(i, le));
        truth_end(out, n);
    }
}

static void write_deployment(const struct gcp *g, struct truth_writer *out, const struct gcp_deployment *d,
                             struct span span, struct sums *t)
{
    memset(t, 0, sizeof *t);
    for (int64_t number = span.first; number < span.last; number++) {
        const struct gcp_minute *m = gcp_minute(g->workload, d->index, number);

        out->out->failed |= !m;
        for (uint32_t k = 0; m && k < m->n; k++)
            add_call(d, number, &m->calls[k], t);
        gcp_minute_unref(m);
    }
    if (d->kind == GCP_MANAGED) {
        write_managed_requests(&g->world, out, d, t);
        write_tokens(&g->world, out, d, t);
    } else {
        write_endpoint_requests(&g->world, out, d, t);
    }
    write_histogram(&g->world, out, d, "genai_request_duration_seconds_count", "genai_request_duration_seconds_bucket",
                    t->duration);
    write_histogram(&g->world, out, d, "genai_time_to_first_token_seconds_count",
                    "genai_time_to_first_token_seconds_bucket", t->first_token);
}

void gcp_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until)
{
    const struct gcp *g = gcp_of(s);
    struct span span = sim_span(s, from, until);
    struct sums *sums = malloc(sizeof *sums);

    if (!sums) {
        w->out->failed = true;
        return;
    }
    for (unsigned i = 0; i < g->world.n_deployments; i++)
        if (g->world.deployments[i].openai)
            write_deployment(g, w, &g->world.deployments[i], span, sums);
    free(sums);
}
