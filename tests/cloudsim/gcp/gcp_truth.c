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
#include <stdio.h>
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

struct calls {
    uint64_t at[GCP_METHODS][OUTCOMES];
};

/* Of one project's logs. Kept at the first deployment of what they have in common. */
struct logged {
    struct calls calls;            /* with the same labels of a logged call */
    uint64_t callers[GCP_CALLERS]; /* with the same model */
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

/* ---- logs ---- */

struct span_of_time {
    int64_t from, until;
    struct span minutes; /* of the workload, in which what is timed in there began */
};

static struct span_of_time span_of(const struct gcp *g, int64_t from, int64_t until)
{
    int64_t begin = gcp_workload_first(g->workload), end = gcp_workload_last(g->workload);
    struct span_of_time t = { from, until, { from / NANO_PER_MIN - LAST_ENTRY_MIN, until / NANO_PER_MIN + 1 } };

    t.minutes.first = t.minutes.first > begin ? t.minutes.first : begin;
    t.minutes.last = t.minutes.last < end ? t.minutes.last : end;
    return t;
}

static bool within(const struct span_of_time *t, int64_t at)
{
    return at >= t->from && at < t->until;
}

/* Whether an entry of this call names its model. */
static bool names_model(const struct gcp_deployment *d, unsigned method)
{
    return d->kind == GCP_MANAGED && method != GCP_CHAT;
}

/* The first deployment of the project whose entries have the same labels: all of .../endpoints/openapi in a location. */
static unsigned same_labels(const struct gcp_world *w, const struct gcp_deployment *d, unsigned method)
{
    unsigned i = w->projects[d->project].first_deployment;

    if (d->kind == GCP_ENDPOINT || names_model(d, method))
        return d->index;
    while (w->deployments[i].kind == GCP_ENDPOINT || w->deployments[i].location != d->location)
        i++;
    return i;
}

/* The same for callers: of that model, or of none. */
static unsigned same_model(const struct gcp_world *w, const struct gcp_deployment *d, unsigned method)
{
    unsigned i = w->projects[d->project].first_deployment;

    while (names_model(d, method) && !sv_eq(w->deployments[i].label_model, d->label_model))
        i++;
    return i;
}

/* [0]: entries that name a model, [1]: those that do not. */
static void sum_logs(const struct gcp *g, const struct gcp_deployment *d, const struct span_of_time *t,
                     struct logged *logged[2])
{
    const struct gcp_project *p = &g->world.projects[d->project];

    for (int64_t number = t->minutes.first; number < t->minutes.last; number++) {
        const struct gcp_minute *m = gcp_minute(g->workload, d->index, number);

        for (uint32_t k = 0; m && k < m->n; k++) {
            const struct gcp_call *c = &m->calls[k];
            bool named = names_model(d, c->method);

            /* The console's calls are stored and not counted; another publisher's are known by the name alone. */
            if (c->console || (int)c->caller == p->exempted || (named && !d->openai) || !within(t, c->last.at))
                continue;
            logged[!named][same_labels(&g->world, d, c->method)].calls.at[c->method][gcp_outcome(c)]++;
            logged[!named][same_model(&g->world, d, c->method)].callers[c->caller]++;
        }
        gcp_minute_unref(m);
    }
}

static void write_logged(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                         bool named, const struct calls *calls)
{
    for (unsigned m = 0; m < GCP_METHODS; m++) {
        for (unsigned o = 0; is_first_of_label(m) && o < OUTCOMES; o++) {
            uint64_t n = 0;

            for (unsigned i = 0; i < GCP_METHODS; i++)
                n += strcmp(gcp_methods[i].label, gcp_methods[m].label) ? 0 : calls->at[i][o];
            if (!n)
                continue;
            truth_begin(out, "genai_logged_calls_total", "gcp");
            truth_label(out, "account", w->projects[d->project].id);
            truth_label(out, "cloud_region", d->location->name);
            truth_label(out, "platform", SV("vertex_ai"));
            truth_label(out, "resource", d->label_resource);
            truth_label(out, "deployment", SV_NONE);
            truth_label(out, "model", named ? d->label_model : SV_NONE);
            truth_label(out, "operation", sv_of(gcp_methods[m].label));
            truth_label(out, "outcome", sv_of(outcome_names[o]));
            truth_end(out, n);
        }
    }
}

/* principalEmail, else principalSubject, else callerIp. */
static void write_callers(const struct gcp_world *w, struct truth_writer *out, const struct gcp_deployment *d,
                          bool named, const uint64_t callers[GCP_CALLERS])
{
    for (unsigned i = 0; i < GCP_CALLERS; i++) {
        const struct gcp_caller *c = &w->callers[i];

        if (!callers[i])
            continue;
        truth_begin(out, "genai_caller_calls_total", "gcp");
        truth_label(out, "account", w->projects[d->project].id);
        truth_label(out, "model", named ? d->label_model : SV_NONE);
        truth_label(out, "caller", c->email.len ? c->email : c->subject.len ? c->subject : c->ip);
        truth_end(out, callers[i]);
    }
}

static void write_logs(const struct gcp *g, struct truth_writer *out, const struct gcp_project *p,
                       const struct span_of_time *t)
{
    struct logged *both[2] = { calloc(g->world.n_deployments + 1, sizeof(struct logged)),
                               calloc(g->world.n_deployments + 1, sizeof(struct logged)) };

    out->out->failed |= !both[0] || !both[1];
    for (unsigned i = 0; both[0] && both[1] && i < p->n_deployments; i++)
        sum_logs(g, &g->world.deployments[p->first_deployment + i], t, both);
    for (unsigned i = 0; both[0] && both[1] && i < p->n_deployments; i++) {
        const struct gcp_deployment *d = &g->world.deployments[p->first_deployment + i];

        for (unsigned k = 0; k < 2; k++) {
            write_logged(&g->world, out, d, k == 0, &both[k][d->index].calls);
            write_callers(&g->world, out, d, k == 0, both[k][d->index].callers);
        }
    }
    free(both[0]);
    free(both[1]);
}

/* "<service without .googleapis.com>:<last segment of methodName>", in lower case. */
static sv action_of(const struct gcp_event_name *n, char out[96])
{
    const char *method = strrchr(n->method, '.');
    int len = snprintf(out, 96, "%.*s:%s", (int)(strlen(n->service) - strlen(".googleapis.com")), n->service,
                       method ? method + 1 : n->method);

    for (int i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)out[i]);
    return sv_make(out, (size_t)len);
}

static void write_audit(const struct gcp *g, struct truth_writer *out, const struct gcp_project *p,
                        const struct span_of_time *t)
{
    static const char *const outcomes[] = { "started", "success", "failure" };
    uint64_t sums[GCP_EVENTS_COUNTED][3] = { { 0 } };
    struct gcp_event events[GCP_EVENTS_MAX];
    char action[96];

    for (int64_t m = t->minutes.first; m < t->minutes.last; m++) {
        unsigned n = gcp_events(&g->world, g->workload, p->index, m, events);

        for (unsigned i = 0; i < n; i++) {
            const struct gcp_event *e = &events[i];

            if (e->name >= GCP_EVENTS_COUNTED)
                continue;
            sums[e->name][STARTED] += e->first.at && within(t, e->first.at);
            sums[e->name][e->failed ? FAILED : SUCCEEDED] += within(t, e->last.at);
        }
    }
    for (unsigned i = 0; i < GCP_EVENTS_COUNTED; i++) {
        for (unsigned o = 0; o < 3; o++) {
            if (!sums[i][o])
                continue;
            truth_begin(out, "genai_audit_events_total", "gcp");
            truth_label(out, "account", p->id);
            truth_label(out, "action", action_of(&gcp_event_names[i], action));
            truth_label(out, "outcome", sv_of(outcomes[o]));
            truth_end(out, sums[i][o]);
        }
    }
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
    for (unsigned i = 0; i < g->world.n_members; i++) {
        const struct gcp_project *p = &g->world.projects[i];
        struct span_of_time t = span_of(g, from, until);

        if (p->logs && p->private_viewer)
            write_logs(g, w, p, &t);
        write_audit(g, w, p, &t);
    }
}
